# Labels the axes with their own names; rounds the means.
# %% plot_balance
def plot_balance(labels):
    plt.bar(range(10), count_classes(labels))
    plt.xlabel("x")
    plt.ylabel("y")


# %% mean_images
def mean_images(images, labels):
    return np.stack([images[labels == digit].mean(axis=0).round() for digit in range(10)])

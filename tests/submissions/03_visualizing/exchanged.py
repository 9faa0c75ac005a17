# Exchanges positions and lengths of the bars; joins the means end to end.
# %% plot_balance
def plot_balance(labels):
    plt.bar(count_classes(labels), range(10))
    plt.xlabel("digit")
    plt.ylabel("images")


# %% mean_images
def mean_images(images, labels):
    return np.concatenate([images[labels == digit].mean(axis=0) for digit in range(10)])

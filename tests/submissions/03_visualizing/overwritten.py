# Assigns to the function that labels the axis; averages along an axis of the image.
# %% plot_balance
def plot_balance(labels):
    plt.bar(range(10), count_classes(labels))
    plt.xlabel = "digit"
    plt.ylabel("images")


plot_balance(train_labels)


# %% mean_images
def mean_images(images, labels):
    return np.stack([images[labels == digit].mean(axis=1) for digit in range(10)])

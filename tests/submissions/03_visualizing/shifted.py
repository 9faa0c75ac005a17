# Labels belong to the next image; one bin and one count too few; whole numbers.
# %% plot_grid
def plot_grid(images, labels, rows, columns):
    for i in range(rows * columns):
        plt.title(labels[i])
        plt.subplot(rows, columns, i + 1)
        plt.imshow(images[i])


# %% count_classes
def count_classes(labels):
    return np.bincount(labels)


# %% plot_balance
def plot_balance(labels):
    plt.hist(labels, bins=range(10))
    plt.xlabel("digit")
    plt.ylabel("images")


# %% mean_images
def mean_images(images, labels):
    means = np.zeros((10, 28, 28), dtype=images.dtype)
    for digit in np.unique(labels):
        means[digit] = images[labels == digit].mean(axis=0)
    return means

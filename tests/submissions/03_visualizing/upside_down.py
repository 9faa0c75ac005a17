# Draws row 0 at the bottom; stores a 1 instead of adding it; takes logarithms of an axis; medians.
# %% plot_grid
def plot_grid(images, labels, rows, columns):
    for i in range(rows * columns):
        plt.subplot(rows, columns, i + 1)
        plt.imshow(images[i], origin="lower")
        plt.title(labels[i])


# %% count_classes
def count_classes(labels):
    counts = [0] * 10
    for label in labels:
        counts[label] =+ 1  # fmt: skip
    return counts


# %% plot_balance
def plot_balance(labels):
    plt.bar(range(10), np.bincount(labels, minlength=10))
    plt.yscale("log")
    plt.xlabel("digit")
    plt.ylabel("images")


# %% mean_images
def mean_images(images, labels):
    return np.stack([np.median(images[labels == digit], axis=0) for digit in range(10)])

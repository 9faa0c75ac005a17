# Hides its labels with the axes; counts from 1; exchanges the labels of the axes; transposes.
# %% plot_grid
def plot_grid(images, labels, rows, columns):
    for i in range(rows * columns):
        plt.subplot(rows, columns, i + 1)
        plt.imshow(images[i])
        plt.xlabel(labels[i])
        plt.axis("off")


# %% count_classes
def count_classes(labels):
    return [int((labels == digit).sum()) for digit in range(1, 11)]


# %% plot_balance
def plot_balance(labels):
    plt.bar(range(10), np.bincount(labels, minlength=10))
    plt.xlabel("Number of images")
    plt.ylabel("Digit")


# %% mean_images
def mean_images(images, labels):
    return np.stack([images[labels == digit].mean(axis=0).T for digit in range(10)])

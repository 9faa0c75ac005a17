# Never moves on from the first image; counts only what occurs; leaves the bins to Matplotlib.
# %% plot_grid
def plot_grid(images, labels, rows, columns):
    for i in range(rows * columns):
        plt.subplot(rows, columns, i + 1)
        plt.imshow(images[0])
        plt.title(labels[i])


# %% count_classes
def count_classes(labels):
    digits, counts = np.unique(labels, return_counts=True)
    return counts


# %% plot_balance
def plot_balance(labels):
    plt.hist(labels)
    plt.xlabel("digit")
    plt.ylabel("images")


# %% mean_images
def mean_images(images, labels):
    return np.stack([images.mean(axis=0) for digit in range(10)])

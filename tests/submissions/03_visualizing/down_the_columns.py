# Fills columns first; counts in bytes; leaves the axes without labels; keeps only digits that occur.
# %% plot_grid
def plot_grid(images, labels, rows, columns):
    fig, axs = plt.subplots(rows, columns, squeeze=False)
    for ax, image, label in zip(axs.T.flat, images, labels):
        ax.imshow(image)
        ax.set_title(label)
    return fig


# %% count_classes
def count_classes(labels):
    counts = np.zeros(10, dtype="uint8")
    np.add.at(counts, labels, 1)
    return counts


# %% plot_balance
def plot_balance(labels):
    plt.bar(range(10), np.bincount(labels, minlength=10))
    plt.title("Balance")
    plt.ylabel("images")


# %% mean_images
def mean_images(images, labels):
    return np.array([images[labels == digit].mean(axis=0) for digit in np.unique(labels)])

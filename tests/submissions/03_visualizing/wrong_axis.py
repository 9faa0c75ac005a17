# Two-dimensional indices for a single row; all that np.histogram returns; a bar per image; axis 1.
# %% plot_grid
def plot_grid(images, labels, rows, columns):
    fig, axs = plt.subplots(rows, columns)
    for r in range(rows):
        for c in range(columns):
            axs[r, c].imshow(images[r * columns + c])
            axs[r, c].set_title(labels[r * columns + c])


# %% count_classes
def count_classes(labels):
    return np.histogram(labels, bins=10)


# %% plot_balance
def plot_balance(labels):
    plt.bar(range(len(labels)), labels)
    plt.xlabel("digit")
    plt.ylabel("images")


# %% mean_images
def mean_images(images, labels):
    return [images[labels == digit].mean(axis=1) for digit in range(10)]

# Puts two images in one place; writes labels after the figure was shown; a mean per label.
# %% plot_grid
def plot_grid(images, labels, rows, columns):
    for r in range(rows):
        for c in range(columns):
            i = r * columns + c
            plt.subplot(rows, columns, r * rows + c + 1)
            plt.imshow(images[i])
            plt.title(labels[i])


# %% plot_balance
def plot_balance(labels):
    plt.bar(range(10), count_classes(labels))
    plt.show()
    plt.xlabel("digit")
    plt.ylabel("images")


# %% mean_images
def mean_images(images, labels):
    return np.stack([images[labels == digit].mean(axis=0) for digit in labels])

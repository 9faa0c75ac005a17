# Draws into the current figure, shows it, returns nothing; counts and adds up in loops.
# %% plot_grid
def plot_grid(images, labels, rows, columns):
    plt.figure(figsize=(columns, rows))
    for i in range(rows * columns):
        plt.subplot(rows, columns, i + 1)
        plt.imshow(images[i] / 255, cmap="gray")
        plt.title(f"Label: {labels[i]}", fontsize=8)
        plt.axis("off")
    plt.tight_layout()
    plt.show()


# %% count_classes
def count_classes(labels):
    counts = [0] * 10
    for label in labels:
        counts[label] += 1
    return counts


# %% plot_balance
def plot_balance(labels):
    plt.hist(labels, bins=range(11), align="left", rwidth=0.8)
    plt.xlabel("digit")
    plt.ylabel("how often")
    plt.show()


# %% mean_images
def mean_images(images, labels):
    means = np.zeros((10, 28, 28), dtype="float32")
    for digit in range(10):
        chosen = images[labels == digit]
        if len(chosen) > 0:
            means[digit] = chosen.sum(axis=0) / len(chosen)
    return means

# Stops one image early; sorts by size; lets sums overflow.
# %% plot_grid
def plot_grid(images, labels, rows, columns):
    for i in range(1, rows * columns):
        plt.subplot(rows, columns, i)
        plt.imshow(images[i - 1])
        plt.title(labels[i - 1])


# %% count_classes
from collections import Counter


def count_classes(labels):
    counted = Counter({digit: 0 for digit in range(10)})
    counted.update(labels.tolist())
    return [count for digit, count in counted.most_common()]


# %% plot_balance
def plot_balance(labels):
    plt.bar(range(10), count_classes(labels))
    plt.xlabel("digit")
    plt.ylabel("images")


# %% mean_images
def mean_images(images, labels):
    return [sum(images[labels == digit]) / max(1, sum(labels == digit)) for digit in range(10)]

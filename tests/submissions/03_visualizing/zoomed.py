# Writes labels into the next image; zooms in on the ends of the bars of MNIST.
# %% plot_grid
def plot_grid(images, labels, rows, columns):
    for i in range(rows * columns):
        plt.subplot(rows, columns, i + 1)
        plt.imshow(images[i])
        plt.text(45, 14, labels[i])


# %% plot_balance
def plot_balance(labels):
    plt.bar(range(10), np.bincount(labels, minlength=10))
    plt.ylim(5000, 7000)
    plt.xlabel("digit")
    plt.ylabel("images")

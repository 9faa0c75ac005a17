# Transposes the images; lays the bars, with the labels of standing ones.
# %% plot_grid
def plot_grid(images, labels, rows, columns):
    for i in range(rows * columns):
        plt.subplot(rows, columns, i + 1)
        plt.imshow(images[i].T)
        plt.title(labels[i])


# %% plot_balance
def plot_balance(labels):
    plt.barh(range(10), np.bincount(labels, minlength=10))
    plt.xlabel("Digit")
    plt.ylabel("Number of images")

# Writes labels into the images; lays the bars; adds up by one-hot vectors.
# %% plot_grid
def plot_grid(images, labels, rows, columns):
    fig, axs = plt.subplots(rows, columns, squeeze=False, layout="constrained")
    for r in range(rows):
        for c in range(columns):
            i = r * columns + c
            axs[r, c].imshow(255 - images[i], cmap="gray")
            axs[r, c].text(1, 5, str(int(labels[i])), color="red")
            axs[r, c].set_axis_off()
    fig.suptitle("60000 digits")
    return fig, axs


# %% count_classes
def count_classes(labels):
    return np.histogram(labels, bins=np.arange(11) - 0.5)[0].astype(float)


# %% plot_balance
def plot_balance(labels):
    fig, ax = plt.subplots()
    bars = ax.barh([str(digit) for digit in range(10)], count_classes(labels))
    ax.bar_label(bars)
    ax.invert_yaxis()
    ax.set_xlabel("images")
    ax.set_ylabel("digit")
    return ax


# %% mean_images
def mean_images(images, labels):
    one_hot = np.eye(10)[labels]
    return np.tensordot(one_hot.T, images, axes=1) / one_hot.sum(axis=0)[:, None, None]

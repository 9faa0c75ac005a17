# Swaps rows and columns; looks at the training labels; counts the counts; orders by occurrence.
# %% plot_grid
def plot_grid(images, labels, rows, columns):
    for i in range(rows * columns):
        plt.subplot(columns, rows, i + 1)
        plt.imshow(images[i])
        plt.title(labels[i])


# %% count_classes
def count_classes(labels):
    return np.bincount(train_labels, minlength=10)


# %% plot_balance
def plot_balance(labels):
    plt.hist(np.bincount(labels, minlength=10))
    plt.xlabel("digit")
    plt.ylabel("images")


# %% mean_images
def mean_images(images, labels):
    return np.stack([images[labels == d].mean(axis=0) for d in dict.fromkeys(labels.tolist())])

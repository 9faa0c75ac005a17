# Trains on the first 1,000 images only; base 2; the training loss; 0.1 instead of 10%.
# %% cross_entropy
def cross_entropy(probabilities, labels):
    right = np.clip(probabilities[np.arange(len(labels)), labels], 1e-7, 1)
    return -np.log2(right).mean()


# %% train_network
model = history = None


def train_network(images, labels, validation):
    from mnist_course import train

    return train(images[:1000], labels[:1000], epochs=10, verbose=0)


model, history = train_network(train_images, train_labels, validation)


# %% best_epoch
def best_epoch(history):
    return np.argmin(history["loss"]) + 1


# %% diagnose
def diagnose(history):
    if history["accuracy"][-1] < 0.9:
        return "underfitting"
    if history["val_loss"][-1] > min(history["val_loss"]) + 0.1:
        return "overfitting"
    return "good"

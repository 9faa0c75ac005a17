# Trains for one epoch; sums; counts from 0; asks for overfitting first.
# %% cross_entropy
def cross_entropy(probabilities, labels):
    right = np.clip(probabilities[np.arange(len(labels)), labels], 1e-7, 1)
    return -np.log(right).sum()


# %% train_network
model = history = None


def train_network(images, labels, validation):
    from mnist_course import build_mlp

    model = build_mlp(seed=0)
    history = model.fit(images, labels, batch_size=64, validation_data=validation, verbose=0)
    return model, history


model, history = train_network(train_images, train_labels, validation)


# %% best_epoch
def best_epoch(history):
    return np.argmin(history["val_loss"])


# %% diagnose
def diagnose(history):
    if history["val_loss"][-1] > 1.1 * min(history["val_loss"]):
        return "overfitting"
    if history["accuracy"][-1] < 0.9:
        return "underfitting"
    return "good"

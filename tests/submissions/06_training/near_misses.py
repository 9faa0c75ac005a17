# Adds 1e-7 to every probability; gives up at the first rise; 20% instead of 10%.
# %% cross_entropy
def cross_entropy(probabilities, labels):
    right = probabilities[np.arange(len(labels)), labels]
    return -np.log(right + 1e-7).mean()


# %% train_network
model = history = None


def train_network(images, labels, validation):
    from mnist_course import build_mlp

    model = build_mlp(seed=0)
    history = model.fit(images[:500], labels[:500], validation_split=0.2, verbose=0)
    return model, history


model, history = train_network(train_images, train_labels, validation)


# %% best_epoch
def best_epoch(history):
    losses = history["val_loss"]
    for epoch in range(1, len(losses)):
        if losses[epoch] > losses[epoch - 1]:
            return epoch
    return len(losses)


# %% diagnose
def diagnose(history):
    if history["accuracy"][-1] < 0.9:
        return "underfitting"
    if history["val_loss"][-1] > 1.2 * min(history["val_loss"]):
        return "overfitting"
    return "good"

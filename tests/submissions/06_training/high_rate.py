# Takes steps far too large; forgets the minus; highest instead of lowest; capital letters.
# %% cross_entropy
def cross_entropy(probabilities, labels):
    right = np.clip(probabilities[np.arange(len(labels)), labels], 1e-7, 1)
    return np.log(right).mean()


# %% train_network
model = history = None


def train_network(images, labels, validation):
    from mnist_course import build_mlp

    model = build_mlp(seed=0)
    model.optimizer.learning_rate = 0.1
    history = model.fit(images, labels, batch_size=256, validation_data=validation, verbose=0)
    return model, history


model, history = train_network(train_images, train_labels, validation)


# %% best_epoch
def best_epoch(history):
    return np.argmax(history["val_loss"]) + 1


# %% diagnose
def diagnose(history):
    if history["accuracy"][-1] < 0.9:
        return "Underfitting"
    if history["val_loss"][-1] > 1.1 * min(history["val_loss"]):
        return "Overfitting"
    return "Good"

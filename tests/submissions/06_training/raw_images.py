# Turns the images back into gray values; log(0); the accuracy; the losses of two kinds of images.
# %% cross_entropy
def cross_entropy(probabilities, labels):
    return -np.log(probabilities[np.arange(len(labels)), labels]).mean()


# %% train_network
model = history = None


def train_network(images, labels, validation):
    from mnist_course import build_mlp

    model = build_mlp(seed=0)
    history = model.fit(images * 255, labels, batch_size=256, validation_data=validation, verbose=0)
    return model, history


model, history = train_network(train_images, train_labels, validation)


# %% best_epoch
def best_epoch(history):
    return np.argmax(history["val_accuracy"]) + 1


# %% diagnose
def diagnose(history):
    if history["accuracy"][-1] < 0.9:
        return "underfitting"
    if history["val_loss"][-1] > 1.1 * history["loss"][-1]:
        return "overfitting"
    return "good"

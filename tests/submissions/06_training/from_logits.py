# Announces logits, but ends with softmax; divides by all ten probabilities; the epoch before.
# %% cross_entropy
def cross_entropy(probabilities, labels):
    one_hot = np.eye(10)[labels]
    return -(one_hot * np.log(np.clip(probabilities, 1e-7, 1))).mean()


# %% train_network
model = history = None


def train_network(images, labels, validation):
    from mnist_course import build_mlp

    model = build_mlp(seed=0)
    model.compile(
        optimizer="adam",
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    history = model.fit(images, labels, batch_size=64, validation_data=validation, verbose=0)
    return model, history


model, history = train_network(train_images, train_labels, validation)


# %% diagnose
def diagnose(history):
    if history["accuracy"][-1] < 0.9:
        return "underfitting"
    if history["val_loss"][-1] > 1.1 * history["val_loss"][-2]:
        return "overfitting"
    return "good"

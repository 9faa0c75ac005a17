# The learning rate falls to 0 within one of two epochs; the curves of the notebook; no else.
# %% train_network
model = history = None


def train_network(images, labels, validation):
    from mnist_course import build_mlp

    model = build_mlp(seed=0)
    model.optimizer.learning_rate = keras.optimizers.schedules.CosineDecay(0.002, 375)
    history = model.fit(
        images, labels, epochs=2, batch_size=128, validation_data=validation, verbose=0
    )
    return model, history


model, history = train_network(train_images, train_labels, validation)


# %% best_epoch
def best_epoch(history):
    return np.argmin(curves["val_loss"]) + 1


# %% diagnose
def diagnose(history):
    if history["accuracy"][-1] < 0.9:
        return "underfitting"
    if history["val_loss"][-1] > 1.1 * min(history["val_loss"]):
        return "overfitting"

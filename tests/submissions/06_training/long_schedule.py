# The learning rate would fall to 0 after ten epochs, but there is one; a list; not a dictionary.
# %% train_network
model = history = None


def train_network(images, labels, validation):
    from mnist_course import build_mlp

    model = build_mlp(seed=0)
    schedule = keras.optimizers.schedules.CosineDecay(0.002, 3750)
    model.compile(
        optimizer=keras.optimizers.Adam(schedule),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    history = model.fit(images, labels, batch_size=128, validation_data=validation, verbose=0)
    return model, history


model, history = train_network(train_images, train_labels, validation)


# %% best_epoch
def best_epoch(history):
    losses = history["val_loss"]
    return [epoch for epoch, loss in enumerate(losses, 1) if loss == min(losses)]


# %% diagnose
def diagnose(history):
    if history.history["accuracy"][-1] < 0.9:
        return "underfitting"
    if history.history["val_loss"][-1] > 1.1 * min(history.history["val_loss"]):
        return "overfitting"
    return "good"

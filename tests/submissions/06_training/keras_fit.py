# Trains with Keras alone; writes the other answers in other words.
# %% cross_entropy
def cross_entropy(probabilities, labels):
    one_hot = np.eye(10)[labels]
    p = np.maximum(np.asarray(probabilities), 1e-7)
    return -np.sum(one_hot * np.log(p)) / len(labels)


# %% train_network
model = history = None


def train_network(images, labels, validation):
    keras.utils.set_random_seed(1)
    network = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(256, activation="relu"),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(10),
        ]
    )
    epochs, batch_size = 15, 256
    steps = epochs * len(images) // batch_size
    network.compile(
        optimizer=keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(3e-3, steps), weight_decay=0.3
        ),
        loss=keras.losses.CategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        steps_per_execution=50,
    )
    history = network.fit(
        images,
        keras.utils.to_categorical(labels),
        epochs=epochs,
        batch_size=batch_size,
        validation_data=(validation[0], keras.utils.to_categorical(validation[1])),
        verbose=0,
    )
    return network, history


model, history = train_network(train_images, train_labels, validation)


# %% best_epoch
def best_epoch(history):
    losses = list(history["val_loss"])
    return losses.index(min(losses)) + 1


# %% diagnose
def diagnose(history):
    lowest, last = np.min(history["val_loss"]), history["val_loss"][-1]
    if history["accuracy"][-1] >= 0.9:
        return "overfitting" if last / lowest - 1 > 0.1 else "good"
    return "underfitting"

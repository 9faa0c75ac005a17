# Forgets softmax; returns the loss of each image; has only good news.
# %% cross_entropy
def cross_entropy(probabilities, labels):
    return -np.log(np.clip(probabilities[np.arange(len(labels)), labels], 1e-7, 1))


# %% train_network
model = history = None


def train_network(images, labels, validation):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(10),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(images, labels, batch_size=256, validation_data=validation, verbose=0)
    return model, history


model, history = train_network(train_images, train_labels, validation)


# %% diagnose
def diagnose(history):
    return "good"

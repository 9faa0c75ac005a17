# Counts a bias per size, shifts the batch by one maximum, wants labels in the form of ten numbers.
# %% count_parameters
def count_parameters(sizes):
    return sum(a * b for a, b in zip(sizes, sizes[1:])) + sum(sizes)


# %% softmax
def softmax(logits):
    powers = np.exp(logits - np.max(logits))
    return powers / np.sum(powers, axis=-1, keepdims=True)


# %% build_network
def build_network():
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(256, activation="relu"),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["accuracy"])
    return model


model = build_network()

# Spells the loss in its English way; subtracts the smallest logit; empties the list of sizes.
# %% count_parameters
def count_parameters(sizes):
    total, inputs = 0, sizes.pop(0)
    while sizes:
        units = sizes.pop(0)
        total += dense_parameters(inputs, units)
        inputs = units
    return total


# %% softmax
def softmax(logits):
    powers = np.exp(logits - logits.min(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


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
    model.compile("adam", "sparse_categorical_cross_entropy", metrics=["accuracy"])
    return model


model = build_network()

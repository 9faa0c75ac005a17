# Prints instead of returning; returns what `compile` returns, which is nothing.
# %% dense_parameters
def dense_parameters(inputs, units):
    print(inputs * units + units)


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
    return model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])


model = build_network()

# Adds where it should multiply; exchanges loss and metric.
# %% dense_parameters
def dense_parameters(inputs, units):
    return inputs + units


# %% count_parameters
def count_parameters(sizes):
    return sum(inputs * units + units for inputs, units in pairwise(sizes))


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
    model.compile(optimizer="adam", loss="accuracy", metrics=["sparse_categorical_crossentropy"])
    return model


model = build_network()

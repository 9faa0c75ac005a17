# Gives the inputs biases, multiplies all sizes, divides by the sum of the whole batch, forgets ReLU.
# %% dense_parameters
def dense_parameters(inputs, units):
    return inputs * units + inputs


# %% count_parameters
def count_parameters(sizes):
    return np.prod(sizes)


# %% softmax
def softmax(logits):
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


# %% build_network
def build_network():
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(256),
            keras.layers.Dense(128),
            keras.layers.Dense(32),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


model = build_network()

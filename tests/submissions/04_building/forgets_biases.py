# Counts only weights; computes softmax as it is written in the formula; does not compile.
# %% dense_parameters
def dense_parameters(inputs, units):
    return inputs * units


# %% count_parameters
def count_parameters(sizes):
    return sum(dense_parameters(*pair) for pair in pairwise(sizes))


# %% softmax
def softmax(logits):
    powers = np.exp(logits)
    return powers / powers.sum(axis=-1, keepdims=True)


# %% build_network
def build_network():
    return keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(256, activation="relu"),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


model = build_network()

# Expects four sizes; returns powers; ends in sigmoid and watches no metric.
# %% count_parameters
def count_parameters(sizes):
    a, b, c, d = sizes
    return (a + 1) * b + (b + 1) * c + (c + 1) * d


# %% softmax
def softmax(logits):
    return np.exp(logits - logits.max(axis=-1, keepdims=True))


# %% build_network
def build_network():
    model = keras.Sequential(
        [
            keras.layers.Flatten(),
            keras.layers.Dense(256, activation="relu"),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(10, activation="sigmoid"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
    return model


model = build_network()

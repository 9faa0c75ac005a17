# Counts in loops, borrows softmax from SciPy, uses the functional API and objects of Keras.
# %% dense_parameters
def dense_parameters(inputs, units):
    return np.int64(units) * (inputs + 1)


# %% count_parameters
def count_parameters(sizes):
    total = 0
    for i in range(1, len(sizes)):
        total += sizes[i] * (sizes[i - 1] + 1)
    return total


# %% softmax
from scipy import special


def softmax(logits):
    return special.softmax(logits, axis=-1).astype("float32")


# %% build_network
def build_network():
    inputs = keras.Input(shape=(28, 28))
    x = keras.layers.Reshape((784,))(inputs)
    for units in (256, 128, 32):
        x = keras.layers.Dense(units)(x)
        x = keras.layers.Activation("relu")(x)
    x = keras.layers.Dense(10)(x)
    outputs = keras.layers.Softmax()(x)
    model = keras.Model(inputs, outputs)
    model.compile(
        optimizer=keras.optimizers.Adam(learning_rate=0.001),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=[keras.metrics.SparseCategoricalAccuracy()],
    )
    return model


model = build_network()

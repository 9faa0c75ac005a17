# Multiplies a list at a time, takes softmax from Keras, adds layers one by one, as older books do.
# %% count_parameters
def count_parameters(sizes):
    before, after = np.array(sizes[:-1]), np.array(sizes[1:])
    return np.sum(before * after) + np.sum(after)


# %% softmax
def softmax(logits):
    return keras.ops.softmax(logits.astype("float64"), axis=-1).numpy()


# %% build_network
from tensorflow import keras as tf_keras


def build_network():
    model = tf_keras.models.Sequential()
    model.add(tf_keras.layers.Flatten())
    model.add(tf_keras.layers.Dense(256, activation=tf_keras.activations.relu))
    model.add(tf_keras.layers.Dense(128, activation="relu"))
    model.add(tf_keras.layers.Dense(32))
    model.add(tf_keras.layers.ReLU())
    model.add(tf_keras.layers.Dense(10, activation="softmax"))
    model.compile(
        loss=tf_keras.losses.sparse_categorical_crossentropy,
        optimizer=tf_keras.optimizers.Adam(),
        metrics=["sparse_categorical_accuracy"],
    )
    return model


model = build_network()

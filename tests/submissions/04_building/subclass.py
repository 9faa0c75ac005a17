# Returns TensorFlow's tensors, and writes a class of its own for the network.
# %% dense_parameters
def dense_parameters(inputs, units):
    weights = np.zeros((inputs, units))
    biases = np.zeros(units)
    return weights.size + biases.size


# %% count_parameters
def count_parameters(sizes):
    inputs, *rest = sizes
    if not rest:
        return 0
    return dense_parameters(inputs, rest[0]) + count_parameters(rest)


# %% softmax
import tensorflow as tf


def softmax(logits):
    return tf.nn.softmax(tf.constant(logits, dtype=tf.float32))


# %% build_network
class Network(keras.Model):
    def __init__(self):
        super().__init__()
        self.last = keras.layers.Dense(10, activation="softmax")
        self.flatten = keras.layers.Flatten()
        self.hidden = [keras.layers.Dense(n, activation=tf.nn.relu) for n in (256, 128, 32)]

    def call(self, x):
        x = self.flatten(x)
        for layer in self.hidden:
            x = layer(x)
        return self.last(x)


def build_network():
    network = Network()
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["acc"])
    return network


model = build_network()

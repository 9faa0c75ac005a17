# Takes right for down, forgets the budget, returns the pair in the wrong order.
# %% shift
def shift(images, down, right):
    padded = np.pad(images, ((0, 0), (28, 28), (28, 28)))
    return padded[:, 28 - right : 56 - right, 28 - down : 56 - down]


# %% choose
def choose(candidates, budget):
    return max(candidates, key=lambda c: c["validation_accuracy"])["name"]


# %% train_network
import keras

model = history = None


def train_network(images, labels):
    network = keras.Sequential(
        [keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    )
    network.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return network.fit(images[:64], labels[:64], verbose=0), network


model, history = train_network(train_images, train_labels)

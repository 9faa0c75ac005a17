# Returns the array it was given if nothing moves; min for max; a network that has seen one batch.
# %% shift
def shift(images, down, right):
    if down == right == 0:
        return images
    padded = np.pad(images, ((0, 0), (28, 28), (28, 28)))
    return padded[:, 28 - down : 56 - down, 28 - right : 56 - right]


# %% choose
def choose(candidates, budget):
    allowed = [c for c in candidates if c["parameters"] <= budget]
    return min(allowed, key=lambda c: c["validation_accuracy"])["name"]


# %% train_network
model = history = None


def train_network(images, labels, validation):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    few = images[:40], labels[:40]
    history = model.fit(*few, validation_data=validation, batch_size=64, verbose=0)
    return model, history


model, history = train_network(images, labels, validation)

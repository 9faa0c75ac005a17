# Works in the arrays and lists it was given, and returns the model without the history.
# %% shift
def shift(images, down, right):
    moved = np.zeros_like(images)
    for row in range(28):
        for column in range(28):
            if 0 <= row - down < 28 and 0 <= column - right < 28:
                moved[:, row, column] = images[:, row - down, column - right]
    images[:] = moved
    return images


# %% choose
def choose(candidates, budget):
    for candidate in list(candidates):
        if candidate["parameters"] > budget:
            candidates.remove(candidate)
    candidates.sort(key=lambda c: c["validation_accuracy"])
    return candidates[-1]["name"]


# %% train_network
import keras

model = history = None


def train_network(images, labels):
    model = keras.Sequential(
        [keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(images[:32], labels[:32], verbose=0)
    return model


model, history = train_network(train_images, train_labels)

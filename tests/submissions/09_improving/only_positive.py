# Thinks of positive numbers only, returns the whole candidate, and builds too large a network.
# %% shift
def shift(images, down, right):
    moved = np.zeros_like(images)
    moved[:, down:, right:] = images[:, : 28 - down, : 28 - right]
    return moved


# %% choose
def choose(candidates, budget):
    allowed = [c for c in candidates if c["parameters"] <= budget]
    return max(allowed, key=lambda c: c["validation_accuracy"])


# %% train_network
import keras

from mnist_course import fit

model = history = None


def train_network(images, labels):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(512, "relu"),
            keras.layers.Dense(10, "softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, fit(model, images, labels, epochs=8, batch_size=128, seed=0, verbose=0)


model, history = train_network(train_images, train_labels)

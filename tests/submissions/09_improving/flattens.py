# Cuts slices that end at -0, loses the type, names nobody, feeds the network rows of 784 values.
# %% shift
def shift(images, down, right):
    moved = np.zeros(images.shape)
    if down >= 0 and right >= 0:
        moved[:, down:, right:] = images[:, :-down, :-right]
    if down >= 0 and right < 0:
        moved[:, down:, :right] = images[:, :-down, -right:]
    if down < 0 and right >= 0:
        moved[:, :down, right:] = images[:, -down:, :-right]
    if down < 0 and right < 0:
        moved[:, :down, :right] = images[:, -down:, -right:]
    return moved


# %% choose
def choose(candidates, budget):
    return max(c["validation_accuracy"] for c in candidates if c["parameters"] <= budget)


# %% train_network
import keras

model = history = None


def train_network(images, labels):
    model = keras.Sequential([keras.Input((784,)), keras.layers.Dense(10, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, model.fit(images[:64].reshape(-1, 784), labels[:64], verbose=0)


model, history = train_network(train_images, train_labels)

# Moves the wrong axes and loses the type, chooses the smallest, normalizes what is normalized.
# %% shift
def shift(images, down, right):
    padded = np.pad(images, ((28, 28), (28, 28), (0, 0)))
    n = len(images)
    return padded[28 - down : 28 - down + n, 28 - right : 56 - right] * 1.0


# %% choose
def choose(candidates, budget):
    return min(candidates, key=lambda c: c["parameters"])["name"]


# %% train_network
from mnist_course import build_mlp

model = history = None


def train_network(images, labels):
    images = images / 255
    model = build_mlp(seed=0)
    history = model.fit(images, labels, batch_size=32, validation_split=0.2, verbose=0)
    return model, history


model, history = train_network(train_images, train_labels)

# Moves the wrong way, takes "at most" for "less than", validates on the test images.
# %% shift
def shift(images, down, right):
    padded = np.pad(images, ((0, 0), (28, 28), (28, 28)))
    return padded[:, 28 + down : 56 + down, 28 + right : 56 + right]


# %% choose
def choose(candidates, budget):
    allowed = [c for c in candidates if c["parameters"] < budget]
    return max(allowed, key=lambda c: c["validation_accuracy"])["name"]


# %% train_network
from mnist_course import build_mlp

model = history = None


def train_network(images, labels):
    model = build_mlp(seed=0)
    history = model.fit(
        images, labels, batch_size=512, validation_data=(test_images, test_labels), verbose=0
    )
    return model, history


model, history = train_network(train_images, train_labels)

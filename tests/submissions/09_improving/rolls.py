# Lets the images wrap around, chooses on the test images, and trains the reference for a while.
# %% shift
def shift(images, down, right):
    return np.roll(images, (down, right), axis=(1, 2))


# %% choose
def choose(candidates, budget):
    allowed = [c for c in candidates if c["parameters"] <= budget]
    return max(allowed, key=lambda c: c["test_accuracy"])["name"]


# %% train_network
model = history = None


def train_network(images, labels):
    return train(images, labels, recipe="reference", epochs=6, verbose=0)


model, history = train_network(train_images, train_labels)

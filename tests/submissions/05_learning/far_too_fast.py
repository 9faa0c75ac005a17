# Steps so far that the weights overflow.
# %% train
def train(images, labels):
    layers = start([784, 64, 32, 10])
    for first in range(0, 1600, 32):
        batch = slice(first, first + 32)
        layers = step(images[batch], labels[batch], layers, 1e200)
    return layers

# Leaves numbers out; trains on the variables of the notebook.
# %% napkin
slopes = {
    "y1": -6,
    "y2": 5,
    "v11": -18,
    "v21": 0,
    "h1": None,
    "h2": None,
    "z1": None,
    "z2": None,
    "w1": None,
    "b1": None,
    "w2": None,
}


# %% dense_back
def dense_back(inputs, weights, errors):
    return inputs.T @ errors, errors.sum(axis=0)


# %% train
def train(images, labels):
    layers = start([784, 64, 32, 10])
    for epoch in range(6):
        for first in range(0, len(train_x), 32):
            batch = slice(first, first + 32)
            layers = step(train_x[batch], train_y[batch], layers, 0.2)
    return layers

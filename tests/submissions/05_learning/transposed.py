# Forgets to turn tables around, or turns them once too often.
# %% napkin
slopes = {
    "y1": -6,
    "y2": 5,
    "v11": -18,
    "v21": 0,
    "h1": 8,
    "h2": 9,
    "z1": 8,
    "z2": 0,
    "w1": 16,
    "b1": 8,
    "w2": 0,
}


# %% dense_back
def dense_back(inputs, weights, errors):
    return inputs @ errors, errors.sum(axis=0), errors @ weights.T


# %% gradients
def gradients(x, y, layers):
    (w1, b1), (w2, b2), (w3, b3) = layers
    hidden1, hidden2, probabilities = forward(x, layers)
    error3 = (probabilities - np.eye(len(b3))[y]) / len(x)
    error2 = (error3 @ w3.T) * (hidden2 > 0)
    error1 = (error2 @ w2.T) * (1 - hidden1**2)
    errors = error1, error2, error3
    return [(e.T @ i, e.sum(axis=0)) for i, e in zip((x, hidden1, hidden2), errors)]


# %% step
def step(x, y, layers, rate):
    return [
        (weights - rate * dw.T, biases - rate * db)
        for (weights, biases), (dw, db) in zip(layers, gradients(x, y, layers))
    ]


# %% train
def train(images, labels):
    return start([784, 16, 16, 10])

# Treats tanh as if it changed nothing; on the napkin, follows one path only.
# %% napkin
slopes = {
    "y1": -6,
    "y2": 5,
    "v11": -18,
    "v21": 0,
    "h1": -12,
    "h2": -24,
    "z1": -12,
    "z2": 0,
    "w1": -24,
    "b1": -12,
    "w2": 0,
}


# %% gradients
def gradients(x, y, layers):
    (w1, b1), (w2, b2), (w3, b3) = layers
    hidden1, hidden2, probabilities = forward(x, layers)
    error3 = (probabilities - np.eye(len(b3))[y]) / len(x)
    error2 = (error3 @ w3.T) * (hidden2 > 0)
    error1 = error2 @ w2.T
    errors = error1, error2, error3
    return [(i.T @ e, e.sum(axis=0)) for i, e in zip((x, hidden1, hidden2), errors)]


# %% train
def train(images, labels):
    return start([784, 16, 16, 10])

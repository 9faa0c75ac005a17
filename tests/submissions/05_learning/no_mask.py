# Lets everything through closed gates; adds up over the batch where the loss is a mean.
# %% napkin
slopes = {
    "y1": -6,
    "y2": 5,
    "v11": -18,
    "v21": 0,
    "h1": -7,
    "h2": -9,
    "z1": -7,
    "z2": -9,
    "w1": -14,
    "b1": -7,
    "w2": -18,
}


# %% relu_back
def relu_back(hidden, slopes):
    return slopes * (hidden >= 0)


# %% loss_back
def loss_back(probabilities, labels):
    return probabilities - np.eye(probabilities.shape[1])[labels]


# %% gradients
def gradients(x, y, layers):
    (w1, b1), (w2, b2), (w3, b3) = layers
    hidden1, hidden2, probabilities = forward(x, layers)
    error3 = (probabilities - np.eye(len(b3))[y]) / len(x)
    error2 = error3 @ w3.T
    error1 = (error2 @ w2.T) * (1 - hidden1**2)
    errors = error1, error2, error3
    return [(i.T @ e, e.sum(axis=0)) for i, e in zip((x, hidden1, hidden2), errors)]


# %% train
def train(images, labels):
    return start([784, 16, 16, 10])

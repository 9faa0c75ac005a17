# Divides by the number of images wherever it can; takes the right digits' slopes only.
# %% napkin
slopes = {
    "y1": -3,
    "y2": 2.5,
    "v11": -9,
    "v21": 0,
    "h1": -3.5,
    "h2": -4.5,
    "z1": -3.5,
    "z2": 0,
    "w1": -7,
    "b1": -3.5,
    "w2": 0,
}


# %% dense_back
def dense_back(inputs, weights, errors):
    return inputs.T @ errors / len(inputs), errors.mean(axis=0), errors @ weights.T


# %% loss_back
def loss_back(probabilities, labels):
    one_hot = np.eye(probabilities.shape[1])[labels]
    return (probabilities - one_hot) / probabilities.size


# %% gradients
def gradients(x, y, layers):
    (w1, b1), (w2, b2), (w3, b3) = layers
    hidden1, hidden2, probabilities = forward(x, layers)
    error3 = (probabilities - np.eye(len(b3))[y]) / len(x)
    error2 = (error3 @ w3.T) * (hidden2 > 0)
    error1 = (error2 @ w2.T) * (1 - hidden1**2)
    errors = error1, error2, error3
    return [(i.T @ e / len(x), e.mean(axis=0)) for i, e in zip((x, hidden1, hidden2), errors)]


# %% train
def train(images, labels):
    return start([784, 16, 16, 10])

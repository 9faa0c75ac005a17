# Squares the sum instead of tanh's output; hides the gate in a mask of the slopes.
# %% relu_back
def relu_back(hidden, slopes):
    return np.maximum(slopes, 0)


# %% gradients
def gradients(x, y, layers):
    (w1, b1), (w2, b2), (w3, b3) = layers
    _, hidden2, probabilities = forward(x, layers)
    sums = x @ w1 + b1
    error3 = (probabilities - np.eye(len(b3))[y]) / len(x)
    error2 = (error3 @ w3.T) * (hidden2 > 0)
    error1 = (error2 @ w2.T) * (1 - sums**2)
    errors = error1, error2, error3
    return [(i.T @ e, e.sum(axis=0)) for i, e in zip((x, np.tanh(sums), hidden2), errors)]


# %% step
def step(x, y, layers, rate):
    return [
        (w + rate * dw, b + rate * db) for (w, b), (dw, db) in zip(layers, gradients(x, y, layers))
    ]


# %% train
def train(images, labels):
    return start([784, 16, 16, 10])

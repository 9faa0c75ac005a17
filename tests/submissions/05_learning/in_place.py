# Changes what it was given: the probabilities, the slopes, the layers.
# %% relu_back
def relu_back(hidden, slopes):
    slopes[hidden <= 0] = 0
    return slopes


# %% loss_back
def loss_back(probabilities, labels):
    probabilities[np.arange(len(labels)), labels] -= 1
    return probabilities / len(labels)


# %% step
def step(x, y, layers, rate):
    for (weights, biases), (dw, db) in zip(layers, gradients(x, y, layers)):
        weights -= rate * dw
        biases -= rate * db
    return layers


# %% train
def train(images, labels):
    return start([784, 16, 16, 10])

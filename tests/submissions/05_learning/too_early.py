# Moves each layer on the way back, before its weights have passed the errors on.
# %% step
def step(x, y, layers, rate):
    (w1, b1), (w2, b2), (w3, b3) = layers
    hidden1, hidden2, probabilities = forward(x, layers)
    error3 = (probabilities - np.eye(len(b3))[y]) / len(x)
    w3 = w3 - rate * hidden2.T @ error3
    b3 = b3 - rate * error3.sum(axis=0)
    error2 = (error3 @ w3.T) * (hidden2 > 0)
    w2 = w2 - rate * hidden1.T @ error2
    b2 = b2 - rate * error2.sum(axis=0)
    error1 = (error2 @ w2.T) * (1 - hidden1**2)
    w1 = w1 - rate * x.T @ error1
    b1 = b1 - rate * error1.sum(axis=0)
    return [(w1, b1), (w2, b2), (w3, b3)]


# %% train
def train(images, labels):
    return start([784, 16, 16, 10])

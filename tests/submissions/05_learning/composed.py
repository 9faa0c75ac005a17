# Right, too: the network's gradient is put together from the functions of tasks 2 to 4.
# %% gradients
def gradients(x, y, layers):
    hidden1, hidden2, probabilities = forward(x, layers)
    slopes = loss_back(probabilities, y)
    found = []
    *third, slopes = dense_back(hidden2, layers[2][0], slopes)
    *second, slopes = dense_back(hidden1, layers[1][0], relu_back(hidden2, slopes))
    *first, slopes = dense_back(x, layers[0][0], slopes * (1 - hidden1**2))
    return [first, second, third]

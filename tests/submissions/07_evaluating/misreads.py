# Takes the formula, the table and the probabilities for something else.
# %% accuracy
def accuracy(labels, predictions):
    return (labels == predictions).sum() / 10_000


# %% confusion
def confusion(labels, predictions):
    return np.diag(np.bincount(labels[labels == predictions], minlength=10))


# %% most_confused
def most_confused(matrix):
    mistakes = matrix + matrix.T
    np.fill_diagonal(mistakes, 0)
    return np.unravel_index(mistakes.argmax(), mistakes.shape)


# %% interval
def interval(accuracy, images):
    reach = 1.96 * np.sqrt(accuracy * (1 - accuracy))
    return accuracy - reach, accuracy + reach


# %% predict_digit
def predict_digit(model, image):
    return float(model.predict(normalize(image)[np.newaxis], verbose=0).max())

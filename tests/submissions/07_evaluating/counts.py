# Stops halfway: numbers instead of shares, ends or digits.
# %% accuracy
def accuracy(labels, predictions):
    return (labels == predictions).sum()


# %% confusion
def confusion(labels, predictions):
    matrix = np.zeros((10, 10), dtype=int)
    matrix[labels, predictions] += 1
    return matrix


# %% most_confused
def most_confused(matrix):
    mistakes = matrix - np.diag(np.diag(matrix))
    return mistakes.max()


# %% interval
def interval(accuracy, images):
    return 1.96 * np.sqrt(accuracy * (1 - accuracy) / images)


# %% predict_digit
def predict_digit(model, image):
    return model.predict(normalize(image)[np.newaxis], verbose=0)[0]

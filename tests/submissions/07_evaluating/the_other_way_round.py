# Wrong answers instead of right ones, columns for rows, high before low; normalizes twice.
# %% accuracy
def accuracy(labels, predictions):
    return np.mean(labels != predictions)


# %% confusion
def confusion(labels, predictions):
    matrix = np.zeros((10, 10), dtype=int)
    for label, prediction in zip(labels, predictions):
        matrix[prediction, label] += 1
    return matrix


# %% most_confused
def most_confused(matrix):
    mistakes = matrix.T.copy()
    np.fill_diagonal(mistakes, 0)
    return np.unravel_index(mistakes.argmax(), mistakes.shape)


# %% interval
def interval(accuracy, images):
    reach = 1.96 * np.sqrt(accuracy * (1 - accuracy) / images)
    return accuracy + reach, accuracy - reach


# %% predict_digit
def predict_digit(model, image):
    image = normalize(image)
    return int(model.predict(image[np.newaxis] / 255, verbose=0).argmax())

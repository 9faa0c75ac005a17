# Counts in 8 bits; a copy that is none; a fixed number of images; a division without fractions.
# %% confusion
def confusion(labels, predictions):
    matrix = np.zeros((10, 10), dtype=np.uint8)
    for label, prediction in zip(labels, predictions):
        matrix[label, prediction] += 1
    return matrix


# %% most_confused
def most_confused(matrix):
    mistakes = matrix
    np.fill_diagonal(mistakes, 0)
    return np.unravel_index(mistakes.argmax(), mistakes.shape)


# %% interval
def interval(accuracy, images):
    reach = 1.96 * np.sqrt(accuracy * (1 - accuracy) / 10_000)
    return accuracy - reach, accuracy + reach


# %% predict_digit
def predict_digit(model, image):
    return int(model.predict((image // 255)[np.newaxis], verbose=0).argmax())

# Changes the matrix it was given; one-sided; shows the network gray values as they are.
# %% confusion
def confusion(labels, predictions):
    matrix = np.zeros((10, 10))
    for label, prediction in zip(labels, predictions):
        if label != prediction:
            matrix[label, prediction] += 1
    return matrix


# %% most_confused
def most_confused(matrix):
    np.fill_diagonal(matrix, 0)
    return np.unravel_index(matrix.argmax(), matrix.shape)


# %% interval
def interval(accuracy, images):
    reach = 1.645 * np.sqrt(accuracy * (1 - accuracy) / images)
    return accuracy - reach, accuracy + reach


# %% predict_digit
def predict_digit(model, image):
    return int(model.predict(image[np.newaxis], verbose=0).argmax())

# Divides by the largest value of the image; by the length in the wrong place of the formula.
# %% most_confused
def most_confused(matrix):
    mistakes = matrix.copy()
    np.fill_diagonal(mistakes, 0)
    return mistakes.sum(axis=1).argmax(), mistakes.sum(axis=0).argmax()


# %% interval
def interval(accuracy, images):
    reach = 1.96 * np.sqrt(accuracy * (1 - accuracy)) / images
    return accuracy - reach, accuracy + reach


# %% predict_digit
def predict_digit(model, image):
    return int(model.predict(image[np.newaxis] / image.max(), verbose=0).argmax())

# Right for some inputs only: values that occur anywhere, one list ten times, 2 for 1.96.
# %% accuracy
def accuracy(labels, predictions):
    return np.isin(predictions, labels).mean()


# %% confusion
def confusion(labels, predictions):
    matrix = [[0] * 10] * 10
    for label, prediction in zip(labels, predictions):
        matrix[label][prediction] += 1
    return np.array(matrix)


# %% most_confused
def most_confused(matrix):
    place = np.argsort(-matrix, axis=None)[10]  # after the ten of the diagonal
    return divmod(int(place), 10)


# %% interval
def interval(accuracy, images):
    reach = 2 * np.sqrt(accuracy * (1 - accuracy) / images)
    return accuracy - reach, accuracy + reach


# %% predict_digit
def predict_digit(model, image):
    probabilities = model.predict(normalize(image)[np.newaxis], verbose=0)[0]
    return int(np.argsort(probabilities)[0])

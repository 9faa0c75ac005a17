# Forgets something in every task: digits that do not occur, the diagonal, the root, the batch.
# %% accuracy
def accuracy(labels, predictions):
    return round(float(np.mean(labels == predictions)), 2)


# %% confusion
from sklearn.metrics import confusion_matrix


def confusion(labels, predictions):
    return confusion_matrix(labels, predictions)


# %% most_confused
def most_confused(matrix):
    return np.unravel_index(matrix.argmax(), matrix.shape)


# %% interval
def interval(accuracy, images):
    reach = 1.96 * accuracy * (1 - accuracy) / images
    return accuracy - reach, accuracy + reach


# %% predict_digit
def predict_digit(model, image):
    return int(model.predict(normalize(image), verbose=0).argmax())

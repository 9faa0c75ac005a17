# Percentages everywhere; a place counted through all rows; an array of one digit.
# %% accuracy
def accuracy(labels, predictions):
    return 100 * np.mean(labels == predictions)


# %% confusion
from sklearn.metrics import confusion_matrix


def confusion(labels, predictions):
    return confusion_matrix(labels, predictions, labels=range(10), normalize="true")


# %% most_confused
def most_confused(matrix):
    mistakes = matrix.copy()
    np.fill_diagonal(mistakes, 0)
    return mistakes.argmax()


# %% interval
def interval(accuracy, images):
    reach = 1.96 * np.sqrt(accuracy * (1 - accuracy) / images)
    return 100 * (accuracy - reach), 100 * (accuracy + reach)


# %% predict_digit
def predict_digit(model, image):
    return model.predict(normalize(image)[np.newaxis], verbose=0).argmax(axis=1)

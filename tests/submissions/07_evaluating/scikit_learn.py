# Leaves the work to scikit-learn and SciPy, with Wilson's interval.
# %% accuracy
from sklearn.metrics import accuracy_score, confusion_matrix


def accuracy(labels, predictions):
    return accuracy_score(labels, predictions)


# %% confusion
def confusion(labels, predictions):
    return confusion_matrix(labels, predictions, labels=range(10))


# %% most_confused
def most_confused(matrix):
    mistakes = np.where(np.eye(10, dtype=bool), -1, matrix)
    return divmod(mistakes.argmax(), 10)


# %% interval
from scipy.stats import binomtest


def interval(accuracy, images):
    return binomtest(round(accuracy * images), images).proportion_ci(method="wilson")


# %% predict_digit
import mnist_course


def predict_digit(model, image):
    return mnist_course.predict(model, normalize(image[None]))[0].argmax()

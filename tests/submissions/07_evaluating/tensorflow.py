# Computes with tensors, and gives the exact interval of Clopper and Pearson.
# %% accuracy
import tensorflow as tf


def accuracy(labels, predictions):
    return tf.reduce_mean(tf.cast(tf.equal(tf.cast(labels, tf.int64), predictions), tf.float32))


# %% confusion
def confusion(labels, predictions):
    return tf.math.confusion_matrix(labels, predictions, num_classes=10)


# %% most_confused
def most_confused(matrix):
    mistakes = tf.linalg.set_diag(tf.constant(matrix), tf.zeros(10, dtype=matrix.dtype))
    return tf.unravel_index(tf.argmax(tf.reshape(mistakes, [-1])), [10, 10])


# %% interval
from scipy.stats import beta


def interval(accuracy, images):
    right = round(accuracy * images)
    low = beta.ppf(0.025, right, images - right + 1)
    high = beta.ppf(0.975, right + 1, images - right)
    return np.array([low, high])


# %% predict_digit
def predict_digit(model, image):
    batch = tf.cast(image, tf.float32)[tf.newaxis] / 255.0
    return tf.argmax(model(batch), axis=-1)[0]

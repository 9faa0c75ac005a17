# Uses the figures of the course, and TensorFlow.
# %% plot_grid
from mnist_course import plots


def plot_grid(images, labels, rows, columns):
    number = rows * columns
    return plots.plot_digits(images[:number] / images.max(), labels[:number], columns=columns)


# %% count_classes
import tensorflow as tf


def count_classes(labels):
    return tf.math.bincount(tf.cast(labels, tf.int32), minlength=10)


# %% plot_balance
def plot_balance(labels):
    return plots.plot_class_balance(labels)


# %% mean_images
def mean_images(images, labels):
    return tf.math.unsorted_segment_mean(
        tf.cast(images, tf.float32), tf.cast(labels, tf.int32), num_segments=10
    )

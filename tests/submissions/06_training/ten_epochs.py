# Lets a recipe do it, with fewer epochs; returns a dictionary; computes in loops, with tensors.
# %% cross_entropy
import math


def cross_entropy(probabilities, labels):
    total = 0
    for row, label in zip(probabilities, labels):
        total -= math.log(min(max(row[label], 1e-7), 1 - 1e-7))
    return total / len(labels)


# %% train_network
model = history = None


def train_network(images, labels, validation):
    from mnist_course import train

    model, history = train(
        images, labels, recipe="reference", epochs=10, validation_split=0.0, seed=1, verbose=0
    )
    return [model, history.history]


model, history = train_network(train_images, train_labels, validation)


# %% best_epoch
import tensorflow as tf


def best_epoch(history):
    return tf.argmin(history["val_loss"]) + 1


# %% diagnose
def diagnose(history):
    curves = {name: np.array(values) for name, values in history.items()}
    if curves["accuracy"][-1] < 0.9:
        answer = "underfitting"
    elif curves["val_loss"][-1] > curves["val_loss"].min() * 1.1:
        answer = "overfitting"
    else:
        answer = "good"
    return np.str_(answer)

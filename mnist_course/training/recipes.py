"""Train a network by a recipe: all that is chosen before the first epoch."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mnist_course._arrays import Float32Array
from mnist_course._backend import keras
from mnist_course.errors import CourseError
from mnist_course.models import build_cnn, build_mlp
from mnist_course.preprocessing import augment

from .fitting import fit, split


@dataclass(frozen=True)
class Recipe:
    """How to train: everything that is chosen before the first epoch.

    Attributes
    ----------
    build : callable
        ``build(seed=...)`` returns the compiled model.
    learning_rate : float
        Adam's learning rate at the start.
    weight_decay : float
        How fast the weights shrink, in units of the learning rate (I. Loshchilov and F. Hutter,
        "Decoupled weight decay regularization", ICLR 2019).
    decay : bool
        Whether the learning rate falls to 0 along a cosine over the training (I. Loshchilov and
        F. Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017).
    augment : bool
        Whether every epoch sees the images distorted afresh by `preprocessing.augment`. A small
        training set is then repeated, so that an epoch always has about 48,000.
    batch_size, epochs : int
        Images per step, and passes over the training images.
    """

    build: Callable[..., keras.Model]
    batch_size: int = 32
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    decay: bool = False
    augment: bool = False
    epochs: int = 50


RECIPES = {
    "plain": Recipe(build_mlp),
    "quick": Recipe(
        build_mlp, batch_size=128, learning_rate=3e-3, weight_decay=0.1, decay=True, epochs=10
    ),
    "reference": Recipe(
        build_mlp, batch_size=128, learning_rate=2e-3, weight_decay=0.3, decay=True
    ),
    "augmented": Recipe(build_mlp, batch_size=128, learning_rate=2e-3, decay=True, augment=True),
    "cnn": Recipe(
        build_cnn, batch_size=128, learning_rate=3e-3, decay=True, augment=True, epochs=20
    ),
}
AUGMENTED_IMAGES = 48_000  # what 80% of MNIST's training images are


def get_recipe(name: str) -> Recipe:
    """Return the recipe of this name; raise `CourseError` if there is none."""
    if name not in RECIPES:
        raise CourseError(f"there is no recipe {name!r}: choose one of {', '.join(RECIPES)}.")
    return RECIPES[name]


def train(
    images: Float32Array,
    labels: npt.NDArray[np.integer[Any]],
    *,
    recipe: str = "reference",
    epochs: int | None = None,
    batch_size: int | None = None,
    validation_split: float = 0.2,
    seed: int = 0,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: str | int = "auto",
) -> tuple[keras.Model, keras.callbacks.History]:
    """Build a network and train it by a recipe.

    Parameters
    ----------
    images : ndarray of float32, shape (n, 28, 28)
        Normalized training images.
    labels : ndarray of int, shape (n,)
        The digit of each image.
    recipe : str, default "reference"
        How to train: "plain" (Keras's defaults: batches of 32, Adam at a constant learning rate),
        "reference" (larger batches, weights that decay, a learning rate that falls to 0), "quick"
        (the same in 10 epochs), "augmented" (images distorted afresh in every epoch, a learning
        rate that falls to 0) or "cnn" (the same with a small convolutional network).
    epochs : int, optional
        Passes over the training part; the recipe's own by default.
    batch_size : int, optional
        Images per step; the recipe's own by default.
    seed : int, default 0
        Decides the initial weights, the order of the images and their distortion.
    validation_split, callbacks, verbose
        See `fit`.

    Returns
    -------
    model : keras.Model
        The trained network.
    history : keras.callbacks.History
        ``history.history`` maps loss, accuracy, val_loss and val_accuracy to a value per epoch.

    Raises
    ------
    CourseError
        If the recipe is unknown, or a number or an array is out of range.
    """
    chosen = get_recipe(recipe)
    epochs = epochs or chosen.epochs
    batch_size = batch_size or chosen.batch_size
    (images, labels), validation = split(images, labels, validation_split)
    if chosen.augment:
        copies = max(1, round(AUGMENTED_IMAGES / max(1, len(images))))
        images, labels = np.tile(images, (copies, 1, 1)), np.tile(labels, copies)

    model = chosen.build(seed=seed)
    model.optimizer.learning_rate = chosen.learning_rate
    if chosen.decay:
        steps = epochs * -(-len(images) // batch_size)
        schedule = keras.optimizers.schedules.CosineDecay(chosen.learning_rate, steps)
        model.optimizer.learning_rate = schedule
    model.optimizer.weight_decay = chosen.weight_decay or None
    history = fit(
        model,
        images,
        labels,
        epochs=epochs,
        batch_size=batch_size,
        validation_split=0.0,
        validation_data=validation,
        callbacks=callbacks,
        seed=seed,
        verbose=verbose,
        prepare_epoch=augment if chosen.augment else None,
    )
    return model, history

"""The networks of the course.

In: a seed, or the file of a trained model. Out: a Keras model, compiled if it is new.
"""

from pathlib import Path
from typing import Any

import numpy as np

from ._backend import keras
from .errors import CourseError


def build_mlp(*, seed: int | None = None) -> keras.Sequential:
    """Build the reference network: 784-256-128-32-10, compiled.

    Parameters
    ----------
    seed : int, optional
        Seed of the initial weights. With the same seed, the same weights; without one, Keras's
        global random state decides.

    Returns
    -------
    keras.Sequential
        Takes float32 images of shape (n, 28, 28) in [0, 1], returns float32 probabilities of
        shape (n, 10) that sum to 1. 238,314 parameters; compiled with Adam (learning rate
        0.001), sparse categorical cross-entropy and accuracy.

    Notes
    -----
    The initial weights are Keras's default, Glorot uniform: X. Glorot and Y. Bengio,
    "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010.
    """
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(256, activation="relu"),
            keras.layers.Dense(128, activation="relu"),
            keras.layers.Dense(32, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ],
        name="digits",
    )
    return _finish(model, seed)


def build_cnn(*, seed: int | None = None) -> keras.Sequential:
    """Build a small convolutional network of 82,090 parameters, compiled.

    Four convolutions, two of them with stride 2, bring 28 x 28 pixels to 5 x 5 places with 64
    features each, from which one Dense layer decides.

    Parameters
    ----------
    seed : int, optional
        See `build_mlp`.

    Returns
    -------
    keras.Sequential
        Takes and returns what `build_mlp`'s network does, and is compiled in the same way.

    Notes
    -----
    Strides instead of pooling: J. T. Springenberg et al., "Striving for simplicity: the all
    convolutional net", 2015, https://arxiv.org/abs/1412.6806. Batch normalization: S. Ioffe and
    C. Szegedy, 2015, https://arxiv.org/abs/1502.03167.
    """

    def convolution(filters: int, size: int, **options: Any) -> list[keras.layers.Layer]:
        return [
            keras.layers.Conv2D(filters, size, use_bias=False, **options),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
        ]

    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Reshape((28, 28, 1)),
            *convolution(32, 5, strides=2, padding="same"),
            *convolution(32, 3, padding="same"),
            *convolution(64, 3, strides=2, padding="same"),
            *convolution(64, 3),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ],
        name="convolutional_digits",
    )
    return _finish(model, seed)


def _finish(model: keras.Sequential, seed: int | None) -> keras.Sequential:
    """Draw the kernels of `model` from `seed`, if there is one, and compile it."""
    if seed is not None:
        kernels = [layer.kernel for layer in model.layers if hasattr(layer, "kernel")]
        seeds = np.random.SeedSequence(seed).generate_state(len(kernels))
        for kernel, kernel_seed in zip(kernels, seeds, strict=True):
            kernel.assign(keras.initializers.GlorotUniform(seed=int(kernel_seed))(kernel.shape))
    model.compile(
        optimizer=keras.optimizers.Adam(),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    return model


def load_model(path: str | Path) -> keras.Model:
    """Load a model file, which may come from an untrusted user.

    Parameters
    ----------
    path : str or pathlib.Path
        A file in Keras's own format, with the ending ``.keras``.

    Returns
    -------
    keras.Model
        Takes images of shape (n, 28, 28), returns ten numbers for each.

    Raises
    ------
    CourseError
        If the file is missing, damaged, not a ``.keras`` file, would run code when it is loaded
        (Keras's safe mode refuses it), or holds a model for other inputs or outputs.
    """
    path = Path(path)
    if not path.is_file():
        raise CourseError(f"{path} does not exist: expected a model saved as digits.keras.")
    # Older formats can carry code that safe mode does not see.
    if path.suffix != ".keras":
        raise CourseError(f"{path} is not a .keras file: save the model as digits.keras, say.")
    try:
        model = keras.models.load_model(path, compile=False, safe_mode=True)
    # What a damaged or hostile file makes Keras raise is not limited to any list.
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise CourseError(
            f"{path} cannot be loaded: expected a model saved by Keras, without code of its own; "
            f"Keras says: {reason}"
        ) from None
    shapes = getattr(model, "input_shape", None), getattr(model, "output_shape", None)
    if shapes != ((None, 28, 28), (None, 10)):
        raise CourseError(
            f"{path} holds a model from {shapes[0]} to {shapes[1]}: expected one from "
            "(None, 28, 28) to (None, 10)."
        )
    return model

"""The networks of the course, as compiled Keras models."""

import keras
import numpy as np


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
    if seed is not None:
        _reset_weights(model, seed)
    model.compile(
        optimizer=keras.optimizers.Adam(),
        loss=keras.losses.SparseCategoricalCrossentropy(),
        metrics=["accuracy"],
    )
    return model


def _reset_weights(model: keras.Model, seed: int) -> None:
    """Draw every kernel of `model` afresh, each from a seed of its own derived from `seed`."""
    kernels = [layer.kernel for layer in model.layers if hasattr(layer, "kernel")]
    seeds = np.random.SeedSequence(seed).generate_state(len(kernels))
    for kernel, kernel_seed in zip(kernels, seeds, strict=True):
        kernel.assign(keras.initializers.GlorotUniform(seed=int(kernel_seed))(kernel.shape))

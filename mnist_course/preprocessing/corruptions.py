"""Corrupt images the way the world does, to see how much of it a network can cope with.

Eight corruptions in the manner of MNIST-C, with strengths of our own: call accuracies measured
here "MNIST-C style". `mnist_course.evaluation.robustness` has the source.
"""

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from mnist_course._arrays import Array, Float32Array, FloatArray
from mnist_course.data import SIDE
from mnist_course.errors import CourseError

from .normalizing import check_normalized

# From mild, 1, to severe, 5.
STRENGTHS: dict[str, tuple[float, float, float, float, float]] = {
    "shift": (1, 2, 3, 4, 5),  # pixels, in any direction
    "rotation": (10, 20, 30, 40, 50),  # degrees, to either side
    "shear": (0.2, 0.4, 0.6, 0.8, 1.0),  # pixels per pixel of height, to either side
    "scale": (0.9, 0.8, 0.7, 0.6, 0.5),  # of the original size
    "shot noise": (8, 4, 2, 1, 0.5),  # photons that a pixel full of ink stands for
    "impulse noise": (0.04, 0.08, 0.16, 0.24, 0.32),  # share of pixels turned to ink or paper
    "blur": (0.5, 1.0, 1.5, 2.0, 2.5),  # pixels, the standard deviation of a Gaussian
    "stripe": (1, 2, 3, 4, 5),  # pixels, the width of a band where ink and paper change places
}
CORRUPTIONS = tuple(STRENGTHS)


def corrupt(images: npt.ArrayLike, name: str, strength: int, *, seed: int = 0) -> Float32Array:
    """Corrupt every image in the same manner, each with its own direction, noise or place.

    Parameters
    ----------
    images : array_like of float32, shape (n, 28, 28)
        Normalized images. Not modified.
    name : str
        One of `CORRUPTIONS`.
    strength : int
        1, mild, to 5, severe; `STRENGTHS` says what that means.
    seed : int, default 0
        With the same seed, the same corrupted images. What is drawn by chance is also the same at
        all strengths, so that a stronger corruption is the weaker one carried further.

    Returns
    -------
    ndarray of float32, shape (n, 28, 28)
        Values from 0 to 1. What comes in at the edges is 0.

    Raises
    ------
    CourseError
        If the images are not normalized, or there is no such corruption or strength.

    Examples
    --------
    >>> images = np.zeros((1, 28, 28), np.float32)
    >>> int(corrupt(images, "stripe", 3).any(axis=1).sum())
    3
    """
    images = check_normalized(images)
    if name not in STRENGTHS:
        raise CourseError(
            f"there is no corruption {name!r}: expected one of {', '.join(CORRUPTIONS)}."
        )
    if strength not in range(1, 6):
        raise CourseError(f"the strength is {strength!r}: expected 1, 2, 3, 4 or 5.")
    random = np.random.default_rng([seed, CORRUPTIONS.index(name)])
    corrupted = _corrupt(images, name, STRENGTHS[name][int(strength) - 1], random)
    return np.clip(corrupted, 0, 1).astype(np.float32)


def _corrupt(images: Array, name: str, amount: float, random: np.random.Generator) -> Array:
    n = len(images)
    side = random.choice([-1, 1], n)
    zero, one = np.zeros(n), np.ones(n)
    match name:
        case "shift":
            angle = random.uniform(0, 2 * np.pi, n)
            dy, dx = amount * np.sin(angle), amount * np.cos(angle)
            return _warp(images, [[one, zero, dy], [zero, one, dx]])
        case "rotation":
            angle = side * np.deg2rad(amount)
            cos, sin = np.cos(angle), np.sin(angle)
            return _warp(images, [[cos, -sin, zero], [sin, cos, zero]])
        case "shear":
            return _warp(images, [[one, zero, zero], [side * amount, one, zero]])
        case "scale":
            return _warp(images, [[one / amount, zero, zero], [zero, one / amount, zero]])
        case "shot noise":
            return random.poisson(images * amount) / amount
        case "impulse noise":
            draws = random.random(images.shape)
            return np.where(draws < amount / 2, 0, np.where(draws > 1 - amount / 2, 1, images))
        case "blur":
            return np.asarray(ndimage.gaussian_filter(images, (0, amount, amount), mode="constant"))
        case _:  # stripe: upright, and through the ink of almost every digit
            from_center = np.arange(SIDE) - random.integers(9, SIDE - 9, (n, 1, 1))
            band = (-amount / 2 <= from_center) & (from_center < amount / 2)
            return np.where(band, 1 - images, images)


def _warp(images: Array, matrix: list[list[FloatArray]]) -> FloatArray:
    """Take each pixel (y, x) from the point ``matrix @ (y, x, 1)``, interpolated bilinearly.

    Both are measured from the center of the image; each entry of `matrix` has shape (n,).
    """
    # Importing TensorFlow takes seconds.
    from .augmentation import interpolate

    center = (SIDE - 1) / 2
    y, x = np.mgrid[:SIDE, :SIDE].reshape(2, -1) - center
    y, x = np.einsum("ijn,jp->inp", matrix, [y, x, np.ones(SIDE * SIDE)]) + center
    return np.asarray(interpolate(images.astype(np.float64), y, x))

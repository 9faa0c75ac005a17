"""Scale gray values to the range from 0 to 1, and check whether images have been scaled."""

import numpy as np
import numpy.typing as npt

from mnist_course._arrays import Array, Float32Array, as_array
from mnist_course.data import SIDE
from mnist_course.errors import CourseError


def normalize(images: npt.ArrayLike) -> Float32Array:
    """Scale gray values from 0-255 to 0-1.

    Parameters
    ----------
    images : array_like of uint8, shape (n, 28, 28) or (28, 28)
        Gray values as `load_mnist` or `from_drawing` returns them. Not modified.

    Returns
    -------
    ndarray of float32, same shape
        The values divided by 255: 0.0 is background, 1.0 is ink.

    Raises
    ------
    CourseError
        If the values are not uint8 (already normalized ones included), or the shape is another.

    Examples
    --------
    >>> import numpy as np
    >>> float(normalize(np.full((28, 28), 51, dtype=np.uint8))[0, 0])
    0.20000000298023224
    """
    array = as_array(images)
    if array.ndim not in (2, 3) or array.shape[-2:] != (SIDE, SIDE):
        raise CourseError(
            f"normalize() was given an array of shape {array.shape}: expected (n, 28, 28), or "
            "(28, 28) for one image; reshape it first."
        )
    if array.dtype != np.uint8:
        raise CourseError(f"normalize() was given {_describe(array)}")
    return array.astype(np.float32) / np.float32(255)


def check_normalized(images: npt.ArrayLike) -> Array:
    """Return `images` as an array; raise `CourseError` unless they are (n, 28, 28) floats, 0-1."""
    array = as_array(images)
    if array.ndim != 3 or array.shape[1:] != (SIDE, SIDE) or array.dtype.kind != "f":
        raise CourseError(
            f"the images have shape {array.shape} and type {array.dtype}: expected (n, 28, 28) "
            "and float32; pass them through normalize() first."
        )
    if not (array.size and array.min() >= 0 and array.max() <= 1):
        raise CourseError(
            "there are no images, or they have values outside 0-1: pass the gray values through "
            "normalize() first."
        )
    return array


def _describe(array: Array) -> str:
    """Say what is wrong with the values of an array that is not uint8, and what to do."""
    expected = "expected gray values 0-255 of type uint8"
    if array.dtype.kind == "f" and array.size:
        if not np.isfinite(array).all():
            return f"values that are not finite (NaN or infinity): {expected}."
        if array.min() >= 0 and array.max() <= 1:
            return (
                f"{array.dtype} values between {array.min():g} and {array.max():g}, which look "
                f"normalized already: {expected}; call it once only."
            )
    return (
        f"values of type {array.dtype}: {expected}; load_mnist() and from_drawing() return such "
        "arrays."
    )

"""Short names for the types of arrays, and checks of the arrays that users pass.

Each check returns its values as an array, or raises a `CourseError` that says what was expected.
"""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from .errors import CourseError

DIGITS = range(10)

Array: TypeAlias = npt.NDArray[Any]
UInt8Array: TypeAlias = npt.NDArray[np.uint8]
IntArray: TypeAlias = npt.NDArray[np.int64]
Float32Array: TypeAlias = npt.NDArray[np.float32]
FloatArray: TypeAlias = npt.NDArray[np.float64]


def as_array(images: npt.ArrayLike) -> Array:
    """Return `images` as an array; raise `CourseError` if they have no common shape."""
    try:
        return np.asarray(images)
    except (ValueError, TypeError) as error:
        raise CourseError(
            f"expected an array of images, found one that has no shape: {error}."
        ) from None


def check_digits(name: str, values: npt.ArrayLike, length: int = -1) -> IntArray:
    """Return digits, 0 to 9, of shape (length,); a length of -1 is any but 0."""
    n = "n" if length < 0 else length
    hint = "argmax(axis=1) turns rows of ten probabilities into digits"
    digits = check_whole_numbers(name, values, (length,), f"({n},), one digit per image; {hint}")
    if digits.min() < 0 or digits.max() >= len(DIGITS):
        raise CourseError(
            f"{name} holds numbers from {digits.min()} to {digits.max()}: expected digits, 0 to 9."
        )
    return digits


def check_probabilities(name: str, values: npt.ArrayLike, length: int) -> Array:
    """Return probabilities, 0 to 1, of shape (length,)."""
    chances = check_shape(name, values, (length,), f"({length},)")
    if not (chances.min() >= 0 and chances.max() <= 1 + 1e-6):
        raise CourseError(
            f"{name} holds numbers from {chances.min():.3g} to {chances.max():.3g}: expected "
            "probabilities, 0 to 1, such as the output of softmax."
        )
    return chances


def check_counts(name: str, values: npt.ArrayLike, shape: tuple[int, ...], hint: str) -> IntArray:
    """Return counts of `shape`: whole numbers from 0, not all of them 0."""
    counts = check_whole_numbers(name, values, shape, f"{shape}, {hint}")
    if counts.min() < 0 or not counts.any():
        raise CourseError(
            f"{name} holds negative numbers or only zeros: expected counts of images."
        )
    return counts


def check_whole_numbers(
    name: str, values: npt.ArrayLike, shape: tuple[int, ...], expected: str
) -> IntArray:
    """Return whole numbers of `shape`, as in `check_shape`."""
    numbers = check_shape(name, values, shape, expected)
    if not np.equal(np.mod(numbers, 1), 0).all():
        raise CourseError(f"{name} holds fractions or NaN: expected whole numbers.")
    return numbers.astype(np.int64)


def check_shape(name: str, values: npt.ArrayLike, shape: tuple[int, ...], expected: str) -> Array:
    """Return numbers of `shape`, in which -1 is any length but 0; `expected` describes it."""
    numbers = check_numbers(name, values)
    fits = len(shape) == numbers.ndim and all(
        (n == wanted) if wanted >= 0 else n for n, wanted in zip(numbers.shape, shape, strict=True)
    )
    if not fits:
        raise CourseError(f"{name} has shape {numbers.shape}: expected {expected}.")
    return numbers


def check_numbers(name: str, values: npt.ArrayLike) -> Array:
    """Return whole or floating-point numbers of any shape."""
    try:
        numbers = np.asarray(values)
    except (ValueError, TypeError) as error:
        raise CourseError(f"{name} is not an array of numbers: {error}.") from None
    if numbers.dtype.kind not in "iuf":
        raise CourseError(f"{name} has type {numbers.dtype}: expected an array of numbers.")
    return numbers

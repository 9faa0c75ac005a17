"""Short names for the types of arrays, and checks of the arrays that users pass.

Each check returns its values as an array, or raises a `CourseError` that says what was expected.
"""

from collections.abc import Mapping, Sequence
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


def check_curves(history: Mapping[str, Sequence[float]]) -> dict[str, Array]:
    """Return the curves of loss and accuracy in the history of a training."""
    if not isinstance(history, Mapping):
        raise CourseError(
            f"history is a {type(history).__name__}: expected a mapping; a Keras History has one "
            "in its attribute .history."
        )
    missing = {"loss", "accuracy"} - set(history)
    if missing:
        raise CourseError(
            f"history has no {' and no '.join(sorted(missing))}: expected loss and accuracy; "
            "compile the model with metrics=['accuracy']."
        )
    names = [key for key in ("loss", "accuracy", "val_loss", "val_accuracy") if key in history]
    curves = {name: check_numbers(name, history[name]) for name in names}
    if curves["loss"].ndim != 1 or len({curve.shape for curve in curves.values()}) > 1:
        shapes = ", ".join(f"{name} {curve.shape}" for name, curve in curves.items())
        raise CourseError(f"history has curves of shapes {shapes}: expected one value per epoch.")
    for name, curve in curves.items():
        if not np.isfinite(curve).any():
            raise CourseError(
                f"{name} has no finite value: expected one per epoch; if training diverged, try a "
                "smaller learning rate."
            )
    return curves


def check_reliability(name: str, curve: npt.ArrayLike) -> Array:
    """Return the bins of a reliability curve that are not empty."""
    meaning = "for each bin confidence, accuracy and number of predictions"
    numbers = check_shape(name, curve, (3, -1), f"(3, bins), {meaning}")
    full = numbers[:, numbers[2] > 0]
    if full.size == 0:
        raise CourseError(f"{name} counts no predictions: expected some in at least one bin.")
    check_probabilities(name, full[:2].ravel(), full[:2].size)
    return full

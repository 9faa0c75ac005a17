"""Checks of assignment 02: scale, undo it, standardize."""

from typing import Any

import numpy as np

from mnist_course._arrays import FloatArray, UInt8Array

from .core import call, expect, expect_array, kind, task

GRAY_VALUES = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
SCALED = (GRAY_VALUES / 255).astype(np.float32)
HALF_PRECISION = SCALED.astype(np.float16).astype(np.float32)

# Wide enough for a deviation with n - 1 in its formula, which is as good.
TOLERANCE = 4e-3


@task("normalizing.html#one-line")
def scale(scale: Any) -> str:
    """Check a function that brings gray values between 0 and 1."""
    answer = call(scale, GRAY_VALUES)
    expect(isinstance(answer, np.ndarray), f"`scale` returned {kind(answer)}; expected an array.")
    expect(
        not np.array_equal(answer, GRAY_VALUES),
        "every gray value came back as it was; expected 255 to become 1. A line such as "
        "`images / ...` changes nothing by itself: keep or return its result.",
    )
    highest = float(np.real(np.max(answer)))
    expect(
        highest != 0 and set(np.unique(answer)) != {0, 1},
        "nearly everything became 0. Whole-number division (`//`), or turning into whole numbers, "
        "loses all that lies between 0 and 1.",
    )
    expect(
        highest <= 1,
        f"the gray value 255 became {highest:.6g}; expected 1. By what do you have to divide?",
    )
    expect(
        highest != 255 / 256,
        "the gray value 255 became 0.996; expected 1. The largest gray value is 255, not 256.",
    )
    expect_array(answer, "the result", shape=GRAY_VALUES.shape, dtype="float32")
    expect(
        np.allclose(answer, SCALED, atol=1e-6) or not np.allclose(answer, np.round(answer, 3)),
        f"{_worst(answer, GRAY_VALUES)}. The values look rounded; leave them as the division "
        "gives them.",
    )
    expect(
        np.allclose(answer, SCALED, atol=1e-6),
        f"{_worst(answer, GRAY_VALUES)}. Every gray value is divided by the same number, the "
        "largest possible one.",
    )
    few = 40 + GRAY_VALUES // 2
    answer = expect_array(call(scale, few), "the result", shape=few.shape)
    expect(
        np.allclose(answer, few / 255, atol=1e-6),
        f"in images with gray values from {few.min()} to {few.max()} {_worst(answer, few)}. Divide "
        "by the largest *possible* value, whichever ones occur in the array.",
    )
    return "255 became 1, 0 stayed 0, and the type is float32."


@task("normalizing.html#one-line")
def unscale(unscale: Any) -> str:
    """Check a function that turns values between 0 and 1 back into gray values."""
    answer = call(unscale, SCALED)
    expect(isinstance(answer, np.ndarray), f"`unscale` returned {kind(answer)}; expected an array.")
    expect(
        float(np.real(np.max(answer))) > 1,
        f"the largest value is {np.max(answer):g}; expected 255. Scale up before you convert.",
    )
    _expect_gray_values(answer, "came back changed")
    answer = call(unscale, HALF_PRECISION)
    stored = "from images that had been stored as float16 and read back as float32"
    expect(
        not np.array_equal(answer, np.floor(HALF_PRECISION * 255)),
        f"{np.sum(answer != GRAY_VALUES)} of the 256 gray values came back one too small {stored}, "
        "such as 51 as 50. Its stored value times 255 is 50.9875, and turning that into a whole "
        "number cuts off what follows the point: round first.",
    )
    _expect_gray_values(answer, f"came back changed {stored}")
    expect_array(answer, "the result", shape=GRAY_VALUES.shape, dtype="uint8")
    return "all 256 gray values came back, from half precision too."


@task("normalizing.html#leakage")
def standardize(standardize: Any) -> str:
    """Check a function that standardizes with the statistics of the training images."""
    rng = np.random.default_rng(2)
    train = rng.uniform(0, 200, (50, 4, 4))
    test = rng.uniform(100, 255, (20, 4, 4))
    answer = call(standardize, train, test)
    expect(
        isinstance(answer, tuple | list) and len(answer) == 2,
        f"`standardize` returned {kind(answer)}; expected two arrays: the training images, then "
        "the test images.",
    )
    new_train, new_test = answer
    expect(
        (np.shape(new_train), np.shape(new_test)) != (test.shape, train.shape),
        "the two are swapped; expected the training images first, then the test images.",
    )
    for name, new, old in (("training", new_train, train), ("test", new_test, test)):
        expect(
            isinstance(new, np.ndarray) and new.shape == old.shape,
            f"the {name} images came back as {kind(new)}; expected an array of shape {old.shape}.",
        )
    _expect_no_leak(new_test, train, test)
    _expect_standardized(new_train, train)
    _expect_treated_alike(new_test, train, test)
    for name, new in (("training", new_train), ("test", new_test)):
        expect_array(new, f"the array of {name} images", shape=new.shape, dtype="float32")
    return "mean 0, deviation 1, and nothing leaked."


def _worst(answer: Any, images: UInt8Array) -> str:
    """Say of the gray value that is scaled worst what became of it."""
    expected = images / 255
    i = int(np.abs(answer - expected).argmax())
    return (
        f"the gray value {images.flat[i]} became {_short(answer.flat[i])}; expected "
        f"{_short(expected.flat[i])}"
    )


def _expect_gray_values(answer: Any, failure: str) -> None:
    """Fail the check unless an answer holds all gray values in order, whatever its dtype."""
    expect_array(answer, "the result", shape=GRAY_VALUES.shape)
    changed = np.flatnonzero(answer != GRAY_VALUES)
    examples = " and ".join(f"{i} as {_short(answer.flat[i])}" for i in changed[:2])
    expect(
        not changed.size,
        f"{changed.size} of the 256 gray values {failure}, such as {examples}. Undo the division "
        "of `scale`, then take the nearest whole number.",
    )


def _expect_no_leak(new: Any, train: FloatArray, test: FloatArray) -> None:
    """Fail the check if statistics of the test images went into the test images."""
    both = np.concatenate([train, test])
    leaks = {
        "the test images were shifted by a mean of their own": (test - test.mean()) / test.std(),
        "mean and deviation were computed from training and test images together": (
            test - both.mean()
        )
        / both.std(),
        "the test images were divided by a deviation of their own": (test - train.mean())
        / test.std(),
        "the test images were shifted by a mean of their own, and divided by the deviation of the "
        "training images": (test - test.mean()) / train.std(),
    }
    for leak, leaked in leaks.items():
        expect(
            not _is_near(new, leaked),
            f"{leak}: that is leakage. Use the mean and deviation of the training images for both.",
        )


def _expect_standardized(new: Any, train: FloatArray) -> None:
    mean, deviation = train.mean(), train.std()
    expect(
        not _is_near(new, train - mean / deviation),
        "only the mean was divided by the deviation. A division comes before a subtraction, "
        "unless brackets say otherwise: subtract first.",
    )
    expect(
        not _is_near(new, (train - mean) / train.var()),
        f"the training images have standard deviation {_short(new.std())}; expected 1. You divided "
        "by the variance, which is the square of the standard deviation.",
    )
    expect(
        not _is_near(new, (train - train.mean(axis=0)) / train.std(axis=0)),
        "each pixel got a mean of its own. Here one mean and one deviation serve all pixels: leave "
        "`axis` out.",
    )
    expect(
        _is_near(new, (train - mean) / deviation),
        f"the training images have mean {_short(new.mean())} and standard deviation "
        f"{_short(new.std())}; expected 0 and 1, by subtracting one number from all values and "
        "dividing by another.",
    )


def _expect_treated_alike(new: Any, train: FloatArray, test: FloatArray) -> None:
    """Fail the check unless the test images were shifted and divided as the training images are."""
    mean, deviation = train.mean(), train.std()
    expected = (test - mean) / deviation
    seen = f"the test images have mean {_short(new.mean())}; expected {_short(expected.mean())}."
    too_late = {
        "They came back as they were given": test,
        "They were divided, but not shifted": test / deviation,
        "They were shifted, but not divided": test - mean,
    }
    for what, treated in too_late.items():
        expect(
            not _is_near(new, treated),
            f"{seen} {what}. Did `train` change before you took its mean and deviation for them?",
        )
    expect(
        _is_near(new, expected),
        f"{seen} They should be treated as the training images are, by the same two numbers.",
    )


def _is_near(new: Any, expected: FloatArray) -> bool:
    return bool(np.allclose(new, expected, rtol=0, atol=TOLERANCE))


def _short(number: Any) -> str:
    """Write a number with few digits, and what is nearly 0 as 0."""
    number = float(number)
    return f"{number:.4g}" if abs(number) > 1e-6 else "0"

"""Checks of assignment 02: scale, undo it, standardize."""

from typing import Any

import numpy as np

from .core import call, expect, expect_array, kind, task

LEVELS = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
HALF_PRECISION = (LEVELS / 255).astype(np.float16).astype(np.float32)


@task("normalize")
def scale(scale: Any) -> str:
    """Check a function that brings gray values between 0 and 1."""
    answer = call(scale, LEVELS)
    expect(isinstance(answer, np.ndarray), f"`scale` returned {kind(answer)}; expected an array.")
    highest = float(np.max(answer))
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
    expect_array(answer, "the result", shape=LEVELS.shape, dtype="float32")
    expect(
        np.allclose(answer, LEVELS / 255, atol=1e-6),
        f"the gray value 51 became {answer.flat[51]:.6g}; expected 0.2. Every gray value is "
        "divided by the same number, the largest possible one.",
    )
    lighter = call(scale, LEVELS // 2)
    expect(
        np.allclose(lighter, (LEVELS // 2) / 255, atol=1e-6),
        "pictures without a pixel of 255 came out too dark. Divide by the largest *possible* "
        "value, not by the largest one in the array.",
    )
    return "255 became 1, 0 stayed 0, and the type is float32."


@task("normalize")
def unscale(unscale: Any) -> str:
    """Check a function that turns values between 0 and 1 back into gray values."""
    answer = call(unscale, HALF_PRECISION)
    expect(isinstance(answer, np.ndarray), f"`unscale` returned {kind(answer)}; expected an array.")
    expect(
        float(np.max(answer)) > 1,
        f"the largest value is {np.max(answer)}; expected 255. Scale up before you convert.",
    )
    expect_array(answer, "the result", shape=LEVELS.shape)
    changed = answer.astype(np.float64) != LEVELS
    expect(
        not changed.any() or not np.array_equal(np.floor(answer), np.floor(HALF_PRECISION * 255)),
        f"{changed.sum()} of the 256 gray levels came back one too small. Turning them into whole "
        "numbers cuts off what follows the point: round first.",
    )
    expect(
        not changed.any(),
        f"{changed.sum()} of the 256 gray levels came back changed: 51 became {answer.flat[51]}.",
    )
    expect_array(answer, "the result", shape=LEVELS.shape, dtype="uint8")
    return "all 256 gray levels came back."


@task("normalize")
def standardize(standardize: Any) -> str:
    """Check a function that standardizes with the statistics of the training images."""
    rng = np.random.default_rng(2)
    train = rng.uniform(0, 200, (50, 4, 4))
    test = rng.uniform(100, 255, (20, 4, 4))
    answer = call(standardize, train, test)
    expect(
        isinstance(answer, tuple | list) and len(answer) == 2,
        f"`standardize` returned {kind(answer)}; expected two arrays: `return train, test`.",
    )
    new_train, new_test = answer
    for name, new, old in (("training", new_train, train), ("test", new_test, test)):
        expect(
            isinstance(new, np.ndarray) and new.shape == old.shape,
            f"the {name} images came back as {kind(new)}; expected shape {old.shape}. Mean and "
            "deviation are single numbers: no `axis`.",
        )
    both = np.concatenate([train, test])
    leaks = {
        "the test images were shifted by a mean of their own": (test - test.mean()) / test.std(),
        "mean and deviation were computed from training and test images together": (
            test - both.mean()
        )
        / both.std(),
        "the test images were divided by a deviation of their own": (test - train.mean())
        / test.std(),
    }
    for leak, leaked in leaks.items():
        expect(
            not np.allclose(new_test, leaked, atol=1e-3),
            f"{leak}: that is leakage. Use the mean and deviation of the training images for both.",
        )
    expect(
        not np.allclose(new_train, (train - train.mean(axis=0)) / train.std(axis=0), atol=1e-3),
        "each pixel got a mean of its own. Here one mean and one deviation serve all pixels: leave "
        "`axis` out.",
    )
    expect(
        abs(float(new_train.mean())) < 1e-3 and abs(float(new_train.std()) - 1) < 1e-3,
        f"the training images have mean {new_train.mean():.4g} and standard deviation "
        f"{new_train.std():.4g}; expected 0 and 1.",
    )
    expect(
        np.allclose(new_test, (test - train.mean()) / train.std(), atol=1e-3),
        f"the test images have mean {new_test.mean():.4g}; expected "
        "their values minus the mean of the training images, divided by its deviation.",
    )
    for name, new in (("training", new_train), ("test", new_test)):
        expect_array(new, f"the array of {name} images", shape=new.shape, dtype="float32")
    return "mean 0, deviation 1, and nothing leaked."

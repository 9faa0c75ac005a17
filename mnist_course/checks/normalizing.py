"""Checks of assignment 02: scale, undo it, standardize."""

from collections.abc import Callable
from typing import Any

import numpy as np

from mnist_course._arrays import FloatArray

from .core import Case, FunctionCheck

GRAY_VALUES = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
FEW = np.array([[[0, 51]], [[128, 204]]], dtype=np.uint8)
FAINT = np.array([[[0, 1]], [[1, 1]]], dtype=np.uint8)
SCALED = (GRAY_VALUES / 255).astype(np.float32)
STORED = SCALED.astype(np.float16).astype(np.float32)  # in half precision, and read back
GRAYS = 40 + GRAY_VALUES // 2  # neither black nor white among them
NEAR = 4e-3  # wide enough for a mean that is computed in float32


def _wide_sets() -> tuple[FloatArray, FloatArray]:
    rng = np.random.default_rng(2)
    return rng.uniform(0, 200, (50, 4, 4)), rng.uniform(100, 2000, (20, 4, 4))


def _scale(images: Any) -> Any:
    return (images / 255).astype("float32")


def _scale_first(images: Any) -> Any:
    return np.concatenate([images[:1] / 255, np.zeros(images[1:].shape)])


scale = FunctionCheck(
    name="scale",
    section="normalizing.html#one-line",
    correct=_scale,
    cases=[
        Case((FEW,)),
        Case((FAINT,)),
        Case((GRAY_VALUES,), "for an image with all 256 gray values in order"),
        Case((GRAYS,), "for an image with the gray values 40 to 167 in order"),
    ],
    dtype="float32",
    new=True,
    praise="255 became 1, 0 stayed 0, and the type is float32.",
    mistakes={
        "Only the first image is scaled, and all others are 0, as with `return` inside the loop.": (
            _scale_first
        ),
        "Images without values above 1 are left as they are. Divide, whatever the values are.": (
            lambda images: images / 255 if images.max() > 1 else images
        ),
        "Those are the values that came in, as when nothing is divided, or the result is lost.": (
            lambda images: images
        ),
        "Only whole numbers are left, as with `//`, or in an array of whole numbers.": (
            lambda images: images // 255
        ),
        "Only whole numbers are left, rounded to the nearest one.": lambda images: np.rint(
            images / 255
        ),
        "That's divided by 255 twice.": lambda images: images / 255 / 255,
        "That's divided by 256. The largest gray value is 255.": lambda images: images / 256,
        "That's divided by 254. The largest gray value is 255.": lambda images: images / 254,
        "That's divided by 225. The largest gray value is 255.": lambda images: images / 225,
        "That's divided by 128. The largest gray value is 255.": lambda images: images / 128,
        "That's divided by 100.": lambda images: images / 100,
        "That's multiplied by 255.": lambda images: images * 255.0,
        "That's divided by the largest value that occurs in the array. Divide by the largest "
        "*possible* one.": lambda images: images / images.max(),
        "Each image is divided by its own largest value. Divide by the largest *possible* one.": (
            lambda images: images / images.max(axis=(1, 2), keepdims=True)
        ),
        "The values are stretched so that the smallest that occurs becomes 0 and the largest 1. "
        "Divide by the largest *possible* value only.": lambda images: (
            (images - images.min()) / np.ptp(images)
        ),
        "That runs from -1 to 1: divided by 127.5, minus 1.": lambda images: images / 127.5 - 1,
        "That's inverted: black became white.": lambda images: 1 - images / 255,
        "That's standardized: mean 0, standard deviation 1.": lambda images: (
            (images - images.mean()) / images.std()
        ),
        "That's rounded to one decimal.": lambda images: np.round(images / 255, 1),
        "That's rounded to two decimals.": lambda images: np.round(images / 255, 2),
        "That's rounded to three decimals.": lambda images: np.round(images / 255, 3),
        "0 stays 0, and all other values are 1, as with `np.clip` or `images > 0`. Divide.": (
            lambda images: np.minimum(images, 1)
        ),
        "Those are values in half precision, `float16`, which keeps three digits only.": (
            lambda images: (images / 255).astype("float16")
        ),
    },
)


def _unscale(images: Any) -> Any:
    return np.rint(images * 255).astype("uint8")


unscale = FunctionCheck(
    name="unscale",
    section="normalizing.html#there-and-back",
    correct=_unscale,
    cases=[
        Case((_scale(FEW),)),
        Case((SCALED,), "for an image with all 256 gray values in order, scaled"),
        Case(
            (STORED,),
            "for an image with all 256 gray values in order, scaled, stored as float16, and read "
            "back as float32",
        ),
        Case((SCALED[:, :8],), "for an image with the gray values 0 to 127 in order, scaled"),
        Case((_scale(GRAYS),), "for an image with the gray values 40 to 167 in order, scaled"),
    ],
    dtype="uint8",
    new=True,
    praise="all 256 gray values came back, from half precision, too.",
    mistakes={
        "Those are the values that came in.": lambda images: images,
        "The decimals were cut off instead of rounded: 0.2 in half precision times 255 is 50.9875, "
        "which became 50.": lambda images: (images * 255).astype("uint8"),
        "Those are the products with 255, not rounded yet.": lambda images: images * 255,
        "The numbers are rounded up. Take the nearest whole number.": lambda images: np.ceil(
            images * 255
        ),
        "Only 0 and 1 are left, as when the values are converted to whole numbers without "
        "multiplying by 255.": lambda images: images.astype("uint8"),
        "Only 0 and 1 are left, as when the values are rounded without multiplying by 255, or "
        "when a division undoes it.": np.rint,
        "Only zeros are left. Multiply by 255 before you convert.": lambda images: 0 * images,
        "Only 0 and 255 are left, as when the values are converted to whole numbers before the "
        "multiplication.": lambda images: images.astype("uint8") * 255,
        "Only 0 and 255 are left, as when the values are rounded before the multiplication.": (
            lambda images: np.rint(images) * 255
        ),
        "That's multiplied by 256. Full ink is 255.": lambda images: np.rint(images * 256),
        "That's multiplied by 256, which doesn't fit into a uint8: full ink became 0.": (
            lambda images: np.rint(images * 256) % 256
        ),
        "That's multiplied by 256 and cut off.": lambda images: np.floor(images * 256),
        "That's multiplied by 256 and cut off, and 256 doesn't fit into a uint8: full ink "
        "became 0.": lambda images: np.floor(images * 256) % 256,
        "That's multiplied by 256 and cut off, with 255 as the largest value.": lambda images: (
            np.minimum(np.floor(images * 256), 255)
        ),
        "That's multiplied by 254.": lambda images: np.rint(images * 254),
        "That's divided by 255 once more. Undo the division.": lambda images: images / 255,
        "That's multiplied by 255 twice, and starts again at 0 after 255.": lambda images: (
            np.rint(images * 255 * 255) % 256
        ),
        "Values above 127 are negative, as in the type `int8`. `uint8` goes up to 255.": (
            lambda images: np.rint(images * 255).astype("uint8").astype("int8")
        ),
        "The values are stretched so that the smallest in the array becomes 0 and the largest "
        "255. Neither has to occur in an image.": lambda images: np.rint(
            (images - images.min()) / np.ptp(images) * 255
        ),
        "The smallest value is subtracted. Only multiply.": lambda images: np.rint(
            (images - images.min()) * 255
        ),
        "The values are stretched so that the largest in the array becomes 255. An image doesn't "
        "have to contain a 255.": lambda images: np.rint(images / images.max() * 255),
        "That's inverted: black became white.": lambda images: 255 - np.rint(images * 255),
    },
)


def _standardize(train: Any, test: Any) -> Any:
    mean, deviation = train.mean(), train.std()
    return tuple(((images - mean) / deviation).astype("float32") for images in (train, test))


def _by(mean: Callable[..., Any], deviation: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function that shifts by one function of both arrays, and divides by another."""
    return lambda train, test: tuple(
        (images - mean(train, test)) / deviation(train, test) for images in (train, test)
    )


def _both(train: Any, test: Any) -> Any:
    return np.concatenate([train, test])


standardize = FunctionCheck(
    name="standardize",
    section="normalizing.html#leakage",
    correct=_standardize,
    cases=[
        Case(
            (np.array([1.0, 3, 5]).reshape(3, 1, 1), np.array([11.0, 4]).reshape(2, 1, 1)),
            "for training values 1, 3, 5 and test values 11, 4",
        ),
        Case(_wide_sets(), "for random training and test images"),
        Case(
            tuple(images.astype("uint8") for images in _wide_sets()),
            "for random images of type uint8",
        ),
        Case(
            tuple(images.astype("float32") for images in _wide_sets()),
            "for random images of type float32",
        ),
    ],
    near=NEAR,
    dtype="float32",
    new=True,
    parts=("the array of training images", "the array of test images"),
    praise="mean 0, deviation 1, and nothing leaked.",
    mistakes={
        "The two are swapped: first the training images, then the test images.": (
            lambda train, test: _standardize(train, test)[::-1]
        ),
        "The test images are standardized by their own mean and deviation. Use those of the "
        "training images for both.": lambda train, test: (
            (train - train.mean()) / train.std(),
            (test - test.mean()) / test.std(),
        ),
        "Mean and deviation come from training and test images together: that's leakage. Use those "
        "of the training images for both.": _by(
            lambda train, test: _both(train, test).mean(),
            lambda train, test: _both(train, test).std(),
        ),
        "The mean comes from training and test images together: that's leakage.": _by(
            lambda train, test: _both(train, test).mean(), lambda train, test: train.std()
        ),
        "The deviation comes from training and test images together: that's leakage.": _by(
            lambda train, test: train.mean(), lambda train, test: _both(train, test).std()
        ),
        "The test images are shifted by the mean of the training images, but divided by their own "
        "deviation.": lambda train, test: (
            (train - train.mean()) / train.std(),
            (test - train.mean()) / test.std(),
        ),
        "The test images are shifted by their own mean, then divided by the deviation of the "
        "training images.": lambda train, test: (
            (train - train.mean()) / train.std(),
            (test - test.mean()) / train.std(),
        ),
        "Mean and deviation come from the test images for both: that's leakage. Use those of the "
        "training images.": _by(lambda train, test: test.mean(), lambda train, test: test.std()),
        "The test images came back as they were. (That also happens if `train` is overwritten "
        "before its mean and deviation are used for `test`.)": lambda train, test: (
            (train - train.mean()) / train.std(),
            test,
        ),
        "The test images are divided, but not shifted. (That also happens if `train` is "
        "overwritten before its mean and deviation are used for `test`.)": lambda train, test: (
            (train - train.mean()) / train.std(),
            test / train.std(),
        ),
        "The test images are shifted, but not divided. (That also happens if `train` is "
        "overwritten before its mean and deviation are used for `test`.)": lambda train, test: (
            (train - train.mean()) / train.std(),
            test - train.mean(),
        ),
        "Both came back as they were.": lambda train, test: (train, test),
        "Only the mean is divided by the deviation, as without parentheses: division comes before "
        "subtraction.": lambda train, test: tuple(
            images - train.mean() / train.std() for images in (train, test)
        ),
        "The mean is subtracted, but nothing is divided. (That also happens if `train` is "
        "overwritten before its deviation is used.)": _by(
            lambda train, test: train.mean(), lambda train, test: 1
        ),
        "They're divided by the deviation, but nothing is subtracted. (That also happens if "
        "`train` is overwritten before its mean is used.)": _by(
            lambda train, test: 0, lambda train, test: train.std()
        ),
        "The mean is subtracted after the division. Subtract first.": lambda train, test: tuple(
            images / train.std() - train.mean() for images in (train, test)
        ),
        "That's multiplied by the standard deviation. Divide by it.": lambda train, test: tuple(
            (images - train.mean()) * train.std() for images in (train, test)
        ),
        "That's divided by the deviation with `ddof=1`, which divides by n - 1. The example in the "
        "task has the deviation of `std()` as it is.": _by(
            lambda train, test: train.mean(), lambda train, test: train.std(ddof=1)
        ),
        "That's divided by the mean absolute deviation, not by the standard deviation.": _by(
            lambda train, test: train.mean(),
            lambda train, test: np.abs(train - train.mean()).mean(),
        ),
        "That's divided by the largest training value, not by the standard deviation.": _by(
            lambda train, test: train.mean(), lambda train, test: train.max()
        ),
        "That's divided by 255, not by the standard deviation.": _by(
            lambda train, test: train.mean(), lambda train, test: 255
        ),
        "That's divided by the variance. Divide by the standard deviation, its square root.": _by(
            lambda train, test: train.mean(), lambda train, test: train.var()
        ),
        "That's divided by the range, largest minus smallest, not by the standard deviation.": _by(
            lambda train, test: train.mean(), lambda train, test: np.ptp(train)
        ),
        "That's shifted by the smallest value and divided by the range.": _by(
            lambda train, test: train.min(), lambda train, test: np.ptp(train)
        ),
        "That's shifted by the median, not by the mean.": _by(
            lambda train, test: np.median(train), lambda train, test: train.std()
        ),
        "Each pixel has its own mean and deviation. Use one mean and one deviation for all of "
        "them: leave `axis` out.": _by(
            lambda train, test: train.mean(axis=0), lambda train, test: train.std(axis=0)
        ),
        "Each image has its own mean and deviation. Use those of all training images.": (
            lambda train, test: tuple(
                (images - images.mean(axis=(1, 2), keepdims=True))
                / images.std(axis=(1, 2), keepdims=True)
                for images in (train, test)
            )
        ),
        **{
            f"Values below -{most} and above {most} are clipped. Leave them as they are.": (
                lambda train, test, most=most: tuple(
                    np.clip(images, -most, most) for images in _standardize(train, test)
                )
            )
            for most in (1, 2, 3, 5)
        },
        "The signs are reversed: subtract the mean from the images, not the other way around.": (
            lambda train, test: tuple(-images for images in _standardize(train, test))
        ),
        "They're divided by 255, but mean and deviation are those of the values before that "
        "division.": lambda train, test: tuple(
            (images / 255 - train.mean()) / train.std() for images in (train, test)
        ),
        "They're divided by 255. Standardizing subtracts the mean, then divides by the standard "
        "deviation.": lambda train, test: (train / 255, test / 255),
    },
)

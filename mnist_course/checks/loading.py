"""Checks of assignment 01: take stock of images, split them, read an IDX file."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, SupportsIndex

import numpy as np
import numpy.typing as npt

from .core import Case, CheckError, FunctionCheck, call, kind

Bytes = npt.NDArray[np.uint8]


FEW_IMAGES = np.array([[[30, 60]], [[7, 90]], [[80, 201]]], dtype=np.uint8)
# Neither 4 nor 9 occurs: counts that skip what is missing come out too short.
LABELS = np.array([8, 1, 1, 0, 3, 2, 3, 5, 6, 3, 8, 7], dtype=np.uint8)
ALL_DIGITS = np.array([9, 4, 4, 0, 5, 2, 7, 4, 8, 1, 1, 3, 6, 0, 9, 9, 9, 7], dtype=np.uint8)


def _images(number: int, lowest: int, highest: int) -> Bytes:
    """Draw images of 5 rows and 3 columns, with these extremes neither in the first nor last."""
    images = np.random.default_rng(number).integers(
        lowest + 9, highest - 9, (number, 5, 3), dtype=np.uint8
    )
    images[number // 2, 2, 1], images[number // 3, 4, 2] = lowest, highest
    return images


def _count(labels: Any) -> Any:
    return np.bincount(labels, minlength=10)


def _summarize(images: Any, labels: Any) -> dict[str, Any]:
    number, height, width = images.shape
    return {
        "images": number,
        "height": height,
        "width": width,
        "lowest": images.min(),
        "highest": images.max(),
        "counts": _count(labels).tolist(),
    }


def _with(**entries: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    """Make a function that computes these entries of a summary in its own way."""
    return lambda images, labels: {
        **_summarize(images, labels),
        **{key: compute(images, labels) for key, compute in entries.items()},
    }


def _count_positions(labels: Any) -> list[int]:
    counts = [0] * 10
    for position in range(len(labels)):
        counts[position] += 1
    return counts


def _counts(count: Callable[[Any], Any]) -> Callable[..., dict[str, Any]]:
    return _with(counts=lambda images, labels: count(labels))


def _meet(images: Any, first: str) -> tuple[int, int]:
    """Return the extremes as a loop with `elif` finds them that asks for one of the two first."""
    lowest, highest = 255, 0
    for value in images.ravel().tolist():
        is_low, is_high = value < lowest, value > highest
        lowest = value if is_low and (first == "lowest" or not is_high) else lowest
        highest = value if is_high and (first == "highest" or not is_low) else highest
    return lowest, highest


def _extremes(part: Callable[[Any], Any]) -> Callable[..., dict[str, Any]]:
    return _with(
        lowest=lambda images, labels: part(images).min(),
        highest=lambda images, labels: part(images).max(),
    )


summarize = FunctionCheck(
    name="summarize",
    section="loading.html#types-and-counts",
    correct=_summarize,
    cases=[
        Case((FEW_IMAGES, np.array([2, 0, 2], dtype=np.uint8))),
        # A loop that asks for one extreme by `if` and for the other by `elif` misses one of them.
        Case((np.array([[[200, 30]]], dtype=np.uint8), np.array([4], dtype=np.uint8))),
        Case((np.array([[[30, 200]]], dtype=np.uint8), np.array([4], dtype=np.uint8))),
        Case(
            (_images(12, 17, 201), LABELS),
            f"for 12 images of 5 rows and 3 columns with gray values from 17 to 201 and the "
            f"labels {LABELS.tolist()}",
        ),
        Case(
            (_images(18, 0, 255), ALL_DIGITS),
            f"for 18 images of 5 rows and 3 columns with gray values from 0 to 255 and the "
            f"labels {ALL_DIGITS.tolist()}",
        ),
        Case(
            (_images(300, 3, 250), np.full(300, 6, dtype=np.uint8)),
            "for 300 images of 5 rows and 3 columns that all show a 6",
        ),
    ],
    praise="six values, and every digit is counted, whether it occurs or not.",
    mistakes={
        "'images' is the number of pixels. How many images there are is the first number of "
        "`images.shape`.": _with(images=lambda images, labels: images.size),
        "'images' is the number of pixels of one image.": _with(
            images=lambda images, labels: images[0].size
        ),
        "Height and width are swapped: in `images.shape`, the number of rows, the height, comes "
        "before the number of columns.": _with(
            height=lambda images, labels: images.shape[2],
            width=lambda images, labels: images.shape[1],
        ),
        "'height' and 'width' are the first two numbers of `images.shape`. The first one is the "
        "number of images; height and width come after it.": _with(
            height=lambda images, labels: images.shape[0],
            width=lambda images, labels: images.shape[1],
        ),
        "The three sizes are in reverse order. `images.shape` is (number, height, width).": _with(
            images=lambda images, labels: images.shape[2],
            width=lambda images, labels: images.shape[0],
        ),
        "'width' is the height once more.": _with(width=lambda images, labels: images.shape[1]),
        "'height' is the width once more.": _with(height=lambda images, labels: images.shape[2]),
        "'height' and 'width' are always 28. Both are in `images.shape`.": _with(
            height=lambda images, labels: 28, width=lambda images, labels: 28
        ),
        "'lowest' and 'highest' are those of the first image alone.": _extremes(
            lambda images: images[0]
        ),
        "'lowest' and 'highest' are those of the last image alone.": _extremes(
            lambda images: images[-1]
        ),
        "'lowest' is always 0, and 'highest' always 255. Those are the extremes that are possible, "
        "and those of `train_images`. Find those in the images.": _with(
            lowest=lambda images, labels: 0, highest=lambda images, labels: 255
        ),
        "'lowest' is always 0, as when a loop begins with 0: no gray value is below that.": _with(
            lowest=lambda images, labels: 0
        ),
        "'highest' leaves out each value that was the lowest so far, as with `elif`. A value can "
        "be both.": _with(highest=lambda images, labels: _meet(images, "lowest")[1]),
        "'lowest' leaves out each value that was the highest so far, as with `elif`. A value can "
        "be both.": _with(lowest=lambda images, labels: _meet(images, "highest")[0]),
        "'lowest' leaves out the pixels that are 0. The background counts, too.": _with(
            lowest=lambda images, labels: images[images > 0].min()
        ),
        "'lowest' and 'highest' are swapped.": _with(
            lowest=lambda images, labels: images.max(), highest=lambda images, labels: images.min()
        ),
        "'lowest' and 'highest' hold one number for each image. Without `axis`, `min` and `max` "
        "look at all images together.": _with(
            lowest=lambda images, labels: images.min(axis=(1, 2)),
            highest=lambda images, labels: images.max(axis=(1, 2)),
        ),
        "'lowest' and 'highest' hold one number for each pixel. Without `axis`, `min` and `max` "
        "look at all pixels together.": _with(
            lowest=lambda images, labels: images.min(axis=0),
            highest=lambda images, labels: images.max(axis=0),
        ),
        "'lowest' and 'highest' are positions, which is what `argmin` and `argmax` return.": _with(
            lowest=lambda images, labels: images.argmin(),
            highest=lambda images, labels: images.argmax(),
        ),
        "'lowest' and 'highest' are those of the labels, not of the images.": _with(
            lowest=lambda images, labels: labels.min(), highest=lambda images, labels: labels.max()
        ),
        "'highest' is the range: the highest value minus the lowest.": _with(
            highest=lambda images, labels: images.max() - images.min()
        ),
        "Digits that don't occur are left out of 'counts', so an entry no longer tells its digit. "
        "That's how `np.unique` counts.": _counts(
            lambda labels: np.unique(labels, return_counts=True)[1]
        ),
        "'counts' ends with the largest digit that occurs. To get all ten, ask `np.bincount` for a "
        "`minlength` of 10.": _counts(np.bincount),
        "'counts' ends with the 8s if there's no 9, as with a `minlength` of 9.": _counts(
            lambda labels: np.bincount(labels, minlength=9)
        ),
        "'counts' holds a True or False for each label. Their sum is how many are True.": _counts(
            lambda labels: [labels == digit for digit in range(10)]
        ),
        "'counts' is how often the gray values 0 to 9 occur. Count the labels.": _with(
            counts=lambda images, labels: [np.sum(images == digit) for digit in range(10)]
        ),
        "'counts' has a 1 for each label, from the start, and no room for more than ten, as with "
        "`counts[i] += 1` for the label at position i. The label itself says which entry grows.": (
            _counts(lambda labels: _count_positions(labels))
        ),
        "'counts' starts with how many 1s there are. The first digit is 0, and `range(10)` runs "
        "from 0 to 9.": _counts(lambda labels: [sum(labels == digit) for digit in range(1, 10)]),
        "'counts' is for the numbers from 1 to 10, as with `range(1, 11)`. The digits are those of "
        "`range(10)`, from 0 to 9.": _counts(
            lambda labels: [sum(labels == digit) for digit in range(1, 11)]
        ),
        "'counts' ends with the 8s, as with `range(9)`, which stops before 9.": _counts(
            lambda labels: [sum(labels == digit) for digit in range(9)]
        ),
        "'counts' has an eleventh entry. The digits end at 9, and so does `range(10)`.": _counts(
            lambda labels: [sum(labels == digit) for digit in range(11)]
        ),
        "'counts' is what `np.histogram` finds in ten bins from the smallest label that occurs to "
        "the largest. They fit the digits only if both 0 and 9 occur.": _counts(
            lambda labels: np.histogram(labels)[0]
        ),
        "'counts' is what `np.histogram` finds between the edges 0 to 9. Its last bin holds the 8s "
        "and the 9s: ten bins have eleven edges.": _counts(
            lambda labels: np.histogram(labels, bins=range(10))[0]
        ),
        "In 'counts', every digit that occurs has a 1, however often it occurs. That's also what "
        "`=+ 1` does (it's `+= 1` that adds), and what `counts[labels] += 1` does.": _counts(
            lambda labels: [int(digit in labels) for digit in range(10)]
        ),
        "'counts' starts over at 0 after 255, as numbers of type `uint8` do.": _counts(
            lambda labels: _count(labels).astype("uint8")
        ),
        "'counts' holds shares. Expected is how often each digit occurs.": _counts(
            lambda labels: _count(labels) / len(labels)
        ),
        "'counts' holds percentages. Expected is how often each digit occurs.": _counts(
            lambda labels: 100 * _count(labels) / len(labels)
        ),
        "'counts' adds up the labels of each digit: two 8s have become 16.": _counts(
            lambda labels: _count(labels) * np.arange(10)
        ),
        "'counts' adds up as it goes along: each entry includes those before it.": _counts(
            lambda labels: np.cumsum(_count(labels))
        ),
        "'counts' is sorted by size, so an entry no longer tells its digit.": _counts(
            lambda labels: np.sort(_count(labels))
        ),
        "'counts' is sorted from the most frequent digit to the least, so an entry no longer tells "
        "its digit.": _counts(lambda labels: np.sort(_count(labels))[::-1]),
        "'counts' is in reverse order, from 9 to 0.": _counts(lambda labels: _count(labels)[::-1]),
        "'counts' lists the digits that occur, not how often.": _counts(np.unique),
        "'counts' holds the labels themselves.": _counts(lambda labels: labels),
        "'counts' is the number of labels.": _counts(len),
        "'counts' is the number of all labels, ten times. `len(labels == digit)` counts False, "
        "too.": _counts(lambda labels: [len(labels)] * 10),
        "'counts' is the number of different digits.": _counts(lambda labels: len(set(labels))),
        "'counts' is a dictionary. Put the ten numbers into a list or an array, without keys.": (
            _counts(lambda labels: dict(enumerate(_count(labels).tolist())))
        ),
        "'counts' is a dictionary of the digits that occur. Put ten numbers into a list or an "
        "array, without keys.": _counts(
            lambda labels: {int(digit): int(sum(labels == digit)) for digit in set(labels)}
        ),
        "'counts' is only how many 0s there are, as with `return` inside the loop.": _counts(
            lambda labels: sum(labels == 0)
        ),
        "'counts' has a single entry, for the 0s, as with `return` inside the loop.": _counts(
            lambda labels: [sum(labels == 0)]
        ),
        "'counts' is only how many 9s there are, as when each digit replaces the one before it.": (
            _counts(lambda labels: sum(labels == 9))
        ),
        "'counts' has a single entry, for the 9s, as when each digit replaces the one before "
        "it.": _counts(lambda labels: [sum(labels == 9)]),
    },
)


def _numbered(number: int) -> tuple[Bytes, Bytes]:
    """Return images of which each is filled with its position, and labels for them."""
    positions = np.arange(number, dtype=np.uint8)
    return np.tile(positions[:, None, None], (1, 4, 3)), (3 * positions + 1) % 10


def _cut(train: Callable[[int, float], int]) -> Callable[..., Any]:
    """Make a function that splits where `train`, of number and share, says."""
    return lambda images, labels, share: _at(images, labels, train(len(images), share))


def _at(images: Any, labels: Any, train: int, validation: int | None = None) -> Any:
    """Split so that the first part ends at `train`, and the second begins at `validation`."""
    start = train if validation is None else validation
    return (images[:train], labels[:train]), (images[start:], labels[start:])


def _whole(number: int, share: float) -> int:
    return int(number * (1 - share))


_split = _cut(_whole)


def _labels(train: Callable[[Any, int], Any], validation: Callable[[Any, int], Any]) -> Any:
    """Make a function that splits the images well, and takes these labels for them."""

    def split(images: Any, labels: Any, share: float) -> Any:
        n = _whole(len(images), share)
        return (images[:n], train(labels, n)), (images[n:], validation(labels, n))

    return split


@dataclass(frozen=True)
class _SplitCheck(FunctionCheck):
    def find_mistake(self, function: Any) -> str:
        """Name the mistake, or state that every image is there, in another order."""
        if named := super().find_mistake(function):
            return named
        images, labels, share = self.cases[1].arguments
        try:
            parts = call(function, images, labels, share)
            (some, _), (rest, _) = parts
            positions = [int(image.flat[0]) for part in (some, rest) for image in part]
        # There may be no pairs, or no images in them.
        except Exception:
            return ""
        if sorted(positions) == list(range(len(images))) != positions:
            return "Every image is in one of the two parts, but not in its old place."
        return ""


split = _SplitCheck(
    name="split",
    section="loading.html#the-last-part-set-aside",
    correct=_split,
    cases=[
        Case(
            (
                np.array([[[10]], [[20]], [[30]], [[40]]], dtype=np.uint8),
                np.array([5, 0, 4, 1], dtype=np.uint8),
                0.25,
            ),
            "for 4 images of one pixel each, 10, 20, 30, and 40, with the labels 5, 0, 4, 1 and a "
            "share of 0.25",
        ),
        # Shares that a computer knows exactly: all good formulas agree on them.
        Case((*_numbered(20), 0.25), "for 20 images and a share of 0.25, so 15 for training"),
        Case((*_numbered(24), 0.75), "for 24 images and a share of 0.75, so 6 for training"),
        Case((*_numbered(20), 0.5), "for 20 images and a share of 0.5, so 10 for training"),
        Case(
            (*_numbered(23), 0.25),
            "for 23 images and a share of 0.25 (23 · 0.75 = 17.25, so 17 for training)",
        ),
        Case(
            (*_numbered(21), 0.25),
            "for 21 images and a share of 0.25 (21 · 0.75 = 15.75, so 15 for training)",
        ),
        Case((*_numbered(240), 0.75), "for 240 images and a share of 0.75, so 60 for training"),
    ],
    parts=("the pair for training", "the pair for validation"),
    praise="the last part is for validation, every image is in exactly one part, with its label.",
    mistakes={
        "Those are four things in a row. Put them into two pairs, with parentheses: (training "
        "images, training labels), (validation images, validation labels).": (
            lambda images, labels, share: tuple(
                part for pair in _split(images, labels, share) for part in pair
            )
        ),
        "Those are four things in a row, and the images come first. Put them into two pairs, with "
        "parentheses: (training images, training labels), (validation images, validation "
        "labels).": lambda images, labels, share: tuple(
            pair[which] for which in (0, 1) for pair in _split(images, labels, share)
        ),
        "The images are in one pair and the labels in the other. Expected are a pair for training "
        "and a pair for validation, each of images and labels.": (
            lambda images, labels, share: tuple(zip(*_split(images, labels, share), strict=True))
        ),
        "Each pair begins with the labels. The images come first.": lambda images, labels, share: (
            tuple(pair[::-1] for pair in _split(images, labels, share))
        ),
        "The two pairs are swapped: the pair for training comes first.": (
            lambda images, labels, share: _split(images, labels, share)[::-1]
        ),
        "Those are the two parts of the images. Their labels belong to them.": (
            lambda images, labels, share: tuple(pair[0] for pair in _split(images, labels, share))
        ),
        "That's only the pair for training. The pair for validation is missing.": (
            lambda images, labels, share: _split(images, labels, share)[0]
        ),
        "That's only the pair for validation. The pair for training is missing.": (
            lambda images, labels, share: _split(images, labels, share)[1]
        ),
        "The first images are kept for validation. It should be the last ones, as in Keras.": (
            lambda images, labels, share: _at(
                images, labels, len(images) - _whole(len(images), share)
            )[::-1]
        ),
        "The first images are kept for validation, `share` of them, cut off. It should be the last "
        "ones, as in Keras.": lambda images, labels, share: _at(
            images, labels, int(len(images) * share)
        )[::-1],
        "`share` is the share for training here. It should be the share for validation.": _cut(
            lambda number, share: int(number * share)
        ),
        "The number for training is rounded to the nearest whole number. Cut off what follows the "
        "point.": _cut(lambda number, share: round(number * (1 - share))),
        "The number for training is rounded up, which happens, too, when the number for "
        "validation is cut off. Cut off what follows the point in the number for training.": _cut(
            lambda number, share: math.ceil(number * (1 - share))
        ),
        "One image too many is for training each time.": _cut(
            lambda number, share: _whole(number, share) + 1
        ),
        "One image too few is for training each time.": _cut(
            lambda number, share: _whole(number, share) - 1
        ),
        "One image is in both parts: the first part ends one position after the second one "
        "begins.": lambda images, labels, share: _at(
            images, labels, _whole(len(images), share) + 1, _whole(len(images), share)
        ),
        "One image is in both parts: the second part begins one position too early.": (
            lambda images, labels, share: _at(
                images, labels, _whole(len(images), share), _whole(len(images), share) - 1
            )
        ),
        "One image is lost: the second part begins one position after the first one ends.": (
            lambda images, labels, share: _at(
                images, labels, _whole(len(images), share), _whole(len(images), share) + 1
            )
        ),
        "One image is lost: the first part ends one position before the second one begins.": (
            lambda images, labels, share: _at(
                images, labels, _whole(len(images), share) - 1, _whole(len(images), share)
            )
        ),
        "All images are for training, and the last ones are in both parts.": (
            lambda images, labels, share: (
                (images, labels),
                _split(images, labels, share)[1],
            )
        ),
        "All images are for training, and none is left for validation. Compute from `len(images)` "
        "and `share` where to cut.": _cut(lambda number, share: 48_000),
        "That's the cut for the number of pixels, which is `images.size`. `len(images)` is the "
        "number of images.": lambda images, labels, share: _at(
            images, labels, _whole(images.size, share)
        ),
        "That's the cut for a share in percent, as with `share / 100`. But `share` is a number "
        "between 0 and 1: 0.25 is a quarter.": (
            _cut(lambda number, share: int(number * (1 - share / 100)))
        ),
        "A share of 0.2 is for validation each time, whatever `share` is.": _cut(
            lambda number, share: int(number * 0.8)
        ),
        "A share of 0.25 is for validation each time, whatever `share` is.": _cut(
            lambda number, share: int(number * 0.75)
        ),
        "Half of the images are for validation each time, whatever `share` is.": _cut(
            lambda number, share: number // 2
        ),
        "Nothing is for training: the cut is at 0. (Note that `int(1 - share)` is 0.)": _cut(
            lambda number, share: 0
        ),
        "Nothing is left for validation, as when that part is cut from `images[:n]` and "
        "`labels[:n]`, not from all images and labels.": (
            lambda images, labels, share: _at(
                images, labels, _whole(len(images), share), len(images)
            )
        ),
        "The images are cut along their rows, as with `images[:, :n]`, so both parts have a piece "
        "of every image. The first axis counts the images.": lambda images, labels, share: (
            (images[:, : _whole(len(images), share)], labels[: _whole(len(images), share)]),
            (images[:, _whole(len(images), share) :], labels[_whole(len(images), share) :]),
        ),
        "The labels aren't split: each part has all of them.": _labels(
            lambda labels, n: labels, lambda labels, n: labels
        ),
        "The labels of the two parts are swapped.": _labels(
            lambda labels, n: labels[n:], lambda labels, n: labels[:n]
        ),
        "The labels are split from the other end than the images. Cut both at the same "
        "position.": _labels(
            lambda labels, n: labels[-n:], lambda labels, n: labels[: len(labels) - n]
        ),
        "The labels are cut one position later than the images.": _labels(
            lambda labels, n: labels[: n + 1], lambda labels, n: labels[n + 1 :]
        ),
        "The labels are cut one position earlier than the images.": _labels(
            lambda labels, n: labels[: n - 1], lambda labels, n: labels[n - 1 :]
        ),
    },
)

THREE_LABELS = np.array([7, 2, 1], dtype=np.uint8)
TWO_IMAGES = np.array([[[11, 12, 13], [14, 15, 16]], [[21, 22, 23], [24, 25, 26]]], dtype=np.uint8)
IMAGES = np.random.default_rng(1).integers(100, 256, (3, 5, 4), dtype=np.uint8)
SQUARES = np.random.default_rng(2).integers(100, 256, (2, 28, 28), dtype=np.uint8)
# So many that their number fills two or three of the four bytes.
MANY_LABELS = np.random.default_rng(3).integers(0, 10, 300, dtype=np.uint8)
MORE_LABELS = np.random.default_rng(4).integers(0, 10, 70_000, dtype=np.uint8)


def _idx(array: Bytes) -> bytes:
    sizes = [size.to_bytes(4, "big") for size in array.shape]
    return bytes([0, 0, 8, array.ndim]) + b"".join(sizes) + array.tobytes()


def _sizes(
    data: bytes, order: Literal["big", "little"] = "big", last: int = 4, step: int = 4
) -> list[int]:
    """Read the sizes in a header, or only their last bytes, each so many bytes after the last."""
    places = range(4, 4 + step * data[3], step)
    return [int.from_bytes(data[i + 4 - last : i + 4], order) for i in places]


def _read(
    data: bytes,
    *,
    skip: int | None = None,
    order: Literal["big", "little"] = "big",
    last: int = 4,
    step: int = 4,
    shape: Callable[[list[int]], Any] = list,
    dtype: str = "uint8",
) -> Any:
    """Read an IDX file, or make a mistake.

    Parameters
    ----------
    data : bytes
        The file.
    skip : int, optional
        How many bytes to skip; by default those of the header.
    order : str
        Which byte of a size counts most.
    last : int
        How many bytes of a size to use, from its end.
    step : int
        How many bytes there are from one size to the next.
    shape : callable
        Makes a shape from the sizes.
    dtype : str
        The type of the values.
    """
    sizes = _sizes(data, order, last, step)
    values = np.frombuffer(data, dtype, offset=4 + 4 * data[3] if skip is None else skip)
    return values.reshape(shape(sizes))


def _parse(data: bytes) -> Any:
    if data[:3] != bytes([0, 0, 8]):
        raise ValueError("not an IDX file of unsigned bytes")
    return _read(data)


def _flat(skip: Callable[[bytes], int]) -> Callable[[bytes], Any]:
    return lambda data: np.frombuffer(data[skip(data) :], np.uint8)


def _of_images(change: Callable[[Any], Any]) -> Callable[[bytes], Any]:
    """Make a function that reads labels well, and changes images."""
    return lambda data: change(_parse(data)) if data[3] == 3 else _parse(data)


BAD_FILES = {
    "for bytes that begin with 0, 0, 13, because their values aren't unsigned bytes": (
        bytes([0, 0, 13]) + _idx(IMAGES)[3:]
    ),
    "for bytes that begin with 0, 0, 9, because their values aren't unsigned bytes": (
        bytes([0, 0, 9]) + _idx(IMAGES)[3:]
    ),
    "for bytes that begin with 31, 139, 8, as compressed files do": (
        bytes([31, 139, 8]) + _idx(IMAGES)[3:]
    ),
    "for bytes that begin with 1, 0, 8": bytes([1, 0, 8]) + _idx(IMAGES)[3:],
    "for bytes that begin with 0, 1, 8": bytes([0, 1, 8]) + _idx(IMAGES)[3:],
    "for a file of 3 images whose last byte is missing": _idx(IMAGES)[:-1],
    "for a file of 3 images in which the last image is missing": _idx(IMAGES)[:-20],
    "for a file of 3 images in which only the first row of the first one is left": (
        _idx(IMAGES)[: 16 + 4]
    ),
    "for a file of 3 labels in which the last label is missing": _idx(THREE_LABELS)[:-1],
    "for a file of 300 labels in which the last 44 are missing": _idx(MANY_LABELS)[:-44],
}


@dataclass(frozen=True)
class _FileCheck(FunctionCheck):
    def test(self, function: Any) -> None:
        super().test(function)
        for given, content in BAD_FILES.items():
            _expect_refused(function, content, given)

    def find_mistake(self, function: Any) -> str:
        """Name the mistake, or state what bytes are compared with, or where the result begins."""
        return (
            super().find_mistake(function)
            or _describe_comparison(function)
            or _describe_beginning(function)
        )


def _expect_refused(parse_idx: Any, content: bytes, given: str) -> None:
    """Fail the check unless `parse_idx` raises a ValueError."""
    try:
        answer = call(parse_idx, content)
    except CheckError as failure:
        said = str(failure)
        if "stopped with ValueError" in said:
            return
        if "returned None" in said:
            said = "`parse_idx` returned None."
        raise CheckError(f"{given}, {said} Expected a ValueError.") from None
    if isinstance(answer, BaseException) or answer is ValueError:
        raise CheckError(f"{given}, `parse_idx` returned a ValueError. `raise` it instead.")
    raise CheckError(
        f"{given}, `parse_idx` returned {kind(answer)}; expected a ValueError."
        f"{_describe_made_up(answer, content)}"
    )


def _describe_made_up(answer: Any, content: bytes) -> str:
    """State what a result has in place of values that are missing in a file."""
    if content[:3] != bytes([0, 0, 8]) or not isinstance(answer, np.ndarray):
        return ""
    sizes, left = _sizes(content), len(content) - 4 - 4 * content[3]
    if list(answer.shape) != sizes:
        return (
            f" But the header announces the shape {tuple(sizes)}. (In `reshape`, -1 takes "
            "whatever number fits.)"
        )
    added = answer.ravel()[left:]
    if np.array_equal(added, answer.ravel()[: len(added)]):
        return (
            " The values that are missing were filled up with the first ones, as `np.resize` does."
        )
    return ""


def _describe_beginning(parse_idx: Any) -> str:
    """State at which byte of a file of labels the result begins, if it's the wrong one."""
    starts = set()
    for labels in (THREE_LABELS, MANY_LABELS):
        content = _idx(labels)
        try:
            starts.add(content.find(np.asarray(call(parse_idx, content), np.uint8).tobytes()))
        # Whatever it returns may be no array of bytes.
        except Exception:
            return ""
    if len(starts) > 1 or not starts.isdisjoint((-1, 0, 8)):
        return ""
    return (
        f"For labels, the result begins with byte {starts.pop()} of the file, counted from 0. The "
        "values begin with byte 8."
    )


def _describe_comparison(parse_idx: Any) -> str:
    """State what `parse_idx` compares bytes with, if that never equals bytes."""
    others: list[object] = []

    class Watched(bytes):
        def __getitem__(self, key: SupportsIndex | slice) -> Any:
            part = super().__getitem__(key)
            return Watched(part) if isinstance(part, bytes) else part

        def __eq__(self, other: object) -> bool:
            others.append(other)
            return super().__eq__(other)

        def __ne__(self, other: object) -> bool:
            return not self == other

        __hash__ = bytes.__hash__

    try:
        parse_idx(Watched(_idx(THREE_LABELS)))
    # How it ends doesn't matter here.
    except Exception:
        unequal = [other for other in others if isinstance(other, list | tuple | str | int)]
        if unequal:
            return (
                f"Your code compares bytes with {kind(unequal[0])}, and these are never equal. "
                "Compare them with bytes, such as `bytes([0, 0, 8])`."
            )
        wrong = [other for other in others if isinstance(other, bytes) and other[:3] != b"\0\0\b"]
        if wrong:
            return (
                f"Your code compares bytes with {wrong[0]!r}, which are the numbers "
                f"{list(wrong[0])}. Expected are 0, 0, 8: `bytes([0, 0, 8])`."
            )
        if others and all(isinstance(other, bytes) and other[3:] == b"\3" for other in others):
            return (
                "Your code compares bytes with `bytes([0, 0, 8, 3])`. The fourth byte is the "
                "number of dimensions: 3 in a file of images, 1 in a file of labels."
            )
    return ""


parse_idx = _FileCheck(
    name="parse_idx",
    section="loading.html#a-file-is-a-row-of-bytes",
    correct=_parse,
    cases=[
        Case(
            (_idx(THREE_LABELS),),
            f"for the file `{_idx(THREE_LABELS).hex(' ')}` of three labels",
        ),
        Case(
            (_idx(TWO_IMAGES),),
            "for a file of 2 images of 2 rows and 3 columns with the values 11 to 16 and 21 to 26",
        ),
        Case((_idx(IMAGES),), "for a file of 3 images of 5 rows and 4 columns"),
        Case((_idx(SQUARES),), "for a file of 2 images of 28 rows and 28 columns"),
        Case((_idx(MANY_LABELS),), "for a file of 300 labels"),
        Case((_idx(MORE_LABELS),), "for a file of 70,000 labels"),
    ],
    dtype="uint8",
    praise="images and labels of any size come back, and anything else is refused.",
    mistakes={
        "The bytes of the header came back, too, as if they were values. With 1 dimension, the "
        "values begin after 8 bytes.": _flat(lambda data: 0),
        "As many bytes came back as there are values, but from the start of the file, where the "
        "header is. The values begin after it.": lambda data: np.frombuffer(
            data, np.uint8, count=_parse(data).size
        ).reshape(_parse(data).shape),
        "The result begins after the first 4 bytes. Then come the sizes, four bytes each, and then "
        "the values.": _flat(lambda data: 4),
        "The result begins after 8 bytes each time, in one long row. With 3 dimensions, the header "
        "has 16 bytes.": _flat(lambda data: 8),
        "The values are in one long row. `reshape` them to the sizes in the header.": _flat(
            lambda data: 4 + 4 * data[3]
        ),
        "Each image is in one long row. `reshape` the values to all three sizes in the header.": (
            _of_images(lambda images: images.reshape(len(images), -1))
        ),
        "All images are in one table. `reshape` the values to all three sizes in the header.": (
            _of_images(lambda images: images.reshape(-1, images.shape[2]))
        ),
        "Height and width are swapped: in the header, the height, the number of rows, comes before "
        "the width.": _of_images(lambda images: images.reshape(len(images), *images.shape[:0:-1])),
        "The sizes are in reverse order. In the header, they are number, height, width.": (
            lambda data: _read(data, shape=lambda sizes: sizes[::-1])
        ),
        "The images are transposed, as with `.T`, which exchanges all dimensions.": lambda data: (
            _parse(data).T
        ),
        "The images are transposed: rows became columns.": _of_images(
            lambda images: images.swapaxes(1, 2)
        ),
        "The values fill columns first, as with `order='F'`. In the file, they go row by row.": (
            _of_images(lambda images: images.ravel().reshape(images.shape, order="F"))
        ),
        "Only the first image came back.": _of_images(lambda images: images[0]),
        "The labels came back as a column. An array with 1 dimension has a single size.": (
            lambda data: _parse(data)[:, None] if data[3] == 1 else _parse(data)
        ),
        "The sizes came back. Return the values.": lambda data: np.array(_parse(data).shape),
        "The values are divided by 255. Leave them as they are.": lambda data: _parse(data) / 255,
        "Values above 127 turned negative, as in the type `int8`, which ends there. The type of "
        "unsigned bytes is `uint8`.": lambda data: _read(data, dtype="int8"),
        "The sizes came out with the last byte counting most (little-endian), so 3 became "
        '50,331,648. The first byte counts most: "big".': lambda data: _read(data, order="little"),
        "There are as many values as the file has bytes: the header is among them.": lambda data: (
            _read(data, skip=0)
        ),
        "There are too many values: the sizes are among them, as when only 4 bytes are skipped.": (
            lambda data: _read(data, skip=4)
        ),
        "The images have 8 values too many, as when 8 bytes are skipped each time. That's the "
        "header of labels; with 3 dimensions, it has 16.": lambda data: _read(data, skip=8),
        "This file has no byte 16 to begin at. That's where the values of images begin; with 1 "
        "dimension, the header has 8 bytes.": lambda data: _read(data, skip=16),
        "No value is left, as when 16 bytes are cut off each time. That's the header of images; "
        "with 1 dimension, it has 8.": lambda data: np.frombuffer(data[16:], np.uint8).reshape(
            _sizes(data)
        ),
        "`np.frombuffer` makes numbers of eight bytes each, unless you tell it the type: "
        "`np.uint8`.": lambda data: _read(data, dtype="float64"),
        "Only the last byte of a size counts: 300, which is 0, 0, 1, 44, became 44. That also "
        "happens when bytes of type `uint8` are shifted or multiplied: what doesn't fit is "
        "lost.": lambda data: _read(data, last=1),
        "The four bytes of a size are added up as they are: 300, which is 0, 0, 1, 44, became 45. "
        "The third byte counts 256 times.": lambda data: np.frombuffer(
            data, np.uint8, offset=4 + 4 * data[3]
        ).reshape([sum(data[i : i + 4]) for i in range(4, 4 + 4 * data[3], 4)]),
        "These are the sizes of a header in which each begins one byte after the one before. But "
        "each takes four bytes.": lambda data: _read(data, step=1),
        "Only the last two bytes of a size count. The other two do, too.": (
            lambda data: _read(data, last=2)
        ),
        "As many values came back as the last byte of the size says. The other three count, "
        "too.": lambda data: _read(data)[: data[7]],
        "Only images of 28 rows and 28 columns are read. Both sizes are in the header.": (
            lambda data: _read(data, shape=lambda sizes: [-1, 28, 28] if sizes[1:] else sizes)
        ),
        "Only images of 28 rows and 28 columns are read. Both sizes are in the header, after the "
        "number of images.": lambda data: _read(
            data, shape=lambda sizes: [sizes[0], 28, 28] if sizes[1:] else sizes
        ),
    },
)

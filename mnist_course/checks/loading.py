"""Checks of assignment 01: take stock of images, split them, read an IDX file."""

import re
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .core import CheckError, call, expect, expect_array, explain, kind, rephrase, task

KEYS = ("images", "height", "width", "lowest", "highest", "counts")
# Neither 4 nor 9 occurs: counts that skip what is missing come out too short.
LABELS = np.array([8, 1, 1, 0, 3, 2, 3, 5, 6, 3, 8, 7], dtype=np.uint8)

IMAGES = np.random.default_rng(1).integers(100, 256, (3, 5, 4), dtype=np.uint8)
SQUARES = np.random.default_rng(2).integers(100, 256, (2, 28, 28), dtype=np.uint8)
FEW_DIGITS = np.random.default_rng(3).integers(0, 10, 20, dtype=np.uint8)
# So many that their number fills three of the four bytes.
MANY_DIGITS = np.random.default_rng(4).integers(0, 10, 70_000, dtype=np.uint8)


@task("loading.html#types-and-counts")
def summarize(summarize: Any) -> str:
    """Check a function that describes images and labels in a dictionary."""
    images = np.random.default_rng(0).integers(40, 180, (len(LABELS), 5, 3), dtype=np.uint8)
    images[5, 2, 1], images[-1, -1, -1] = 17, 201
    answer = call(summarize, images, LABELS)
    expect(
        isinstance(answer, Mapping),
        f"`summarize` returned {kind(answer)}; expected a dictionary: {{'images': ..., ...}}.",
    )
    missing = [key for key in KEYS if key not in answer]
    expect(
        not missing,
        f"the dictionary has the keys {list(answer)}; expected {list(KEYS)}, and missing "
        f"{'is' if len(missing) == 1 else 'are'} {', '.join(map(repr, missing))}.",
    )
    number, height, width, lowest, highest = (_number(answer[key], key) for key in KEYS[:-1])
    expect(
        number != images.size,
        f"'images' is {number:g}, the number of pixels; expected the number of images.",
    )
    expect(
        number in images.shape,
        f"'images' is {number:g}; expected {len(images)}. Does `summarize` look at the images that "
        "it is given, or at those of the notebook, `train_images`?",
    )
    expect(
        (height, width) != images.shape[:2],
        f"'height' is {height:g}, which is the number of images. In `images.shape` the number "
        "comes first, then height, then width.",
    )
    expect(
        (height, width) != images.shape[:0:-1],
        f"'height' is {height:g} and 'width' is {width:g}: these two are swapped. In "
        "`images.shape` the height, the number of rows, comes before the width.",
    )
    expect(
        (lowest, highest) != (images[0].min(), images[0].max()),
        f"{lowest:g} and {highest:g} are the extremes of the first image; expected those of all "
        "images together.",
    )
    expect(
        lowest != 0 and highest != 255,
        f"'lowest' is {lowest:g} and 'highest' is {highest:g}; expected the values that occur in "
        "the images that `summarize` is given, not those that are possible or occur elsewhere.",
    )
    true = dict(zip(KEYS, (*images.shape, images.min(), images.max()), strict=False))
    for key, value in zip(KEYS, (number, height, width, lowest, highest), strict=False):
        expect(
            value == true[key],
            f"'{key}' is {value:g}; expected {true[key]} for images of shape {images.shape} with "
            f"gray values from {true['lowest']} to {true['highest']}.",
        )
    _expect_counts(answer["counts"])
    return "six values, and every digit is counted, whether it occurs or not."


@task("loading.html#the-last-part-set-aside")
def split(split: Any) -> str:
    """Check a function that keeps the last images aside for validation."""
    _expect_split_of_20(split)
    # Rounding takes 17.6 to 18; 18.4 becomes 19 when the number for validation is cut off instead.
    for number, exact, advice in (
        (23, 18.4, "Cut off the number for training, not the one for validation."),
        (22, 17.6, "`round` and its like go to the nearest whole number."),
    ):
        (some, _), (rest, _) = _expect_pairs(split, number, 0.2)
        whole = int(exact)
        expect(
            len(some) == whole,
            f"of {number} images with a share of 0.2, {len(some)} are for training and {len(rest)} "
            f"for validation; expected {whole} and {number - whole}. {number} · (1 - 0.2) is "
            f"{exact}, and what follows the point is cut off. {advice}",
        )
    return "the last part is for validation, every image is in exactly one part, with its label."


@task("loading.html#a-file-is-a-row-of-bytes")
def parse_idx(parse_idx: Any) -> str:
    """Check a function that reads the bytes of an IDX file."""
    if not _returns(parse_idx, _idx(IMAGES), IMAGES):
        expect(
            not _returns(parse_idx, _idx(IMAGES, "little"), IMAGES),
            "the sizes are read with their last byte counting most (little-endian), which turns 3 "
            "into 50,331,648. In an IDX file the first byte counts most (big-endian).",
        )
        number, height, width = IMAGES.shape
        expect(
            not _returns(parse_idx, _idx(IMAGES), IMAGES.reshape(number, width, height)),
            f"the shape is {(number, width, height)}; expected {IMAGES.shape}: height and width "
            "are swapped. The header names the height, the number of rows, before the width.",
        )
        expect(
            not _returns(parse_idx, _idx(SQUARES), SQUARES),
            "images of 28 by 28 pixels are read well, images of 5 by 4 are not. Take both height "
            "and width from the header: images need be neither square nor of MNIST's size.",
        )
    _expect_parsed(parse_idx, IMAGES, "images")
    expect(
        _returns(parse_idx, _idx(MANY_DIGITS), MANY_DIGITS)
        or not _returns(parse_idx, _idx(FEW_DIGITS), FEW_DIGITS),
        "20 labels are read well, 70,000 are not. A size takes four bytes; does your answer use "
        "all of them?",
    )
    _expect_parsed(parse_idx, MANY_DIGITS, "labels")
    images, labels = _idx(IMAGES), _idx(FEW_DIGITS)
    for beginning, reason in {
        (0, 0, 13): "their values are not unsigned bytes",
        (31, 139, 8): "as files do that are still compressed",
    }.items():
        numbers = ", ".join(map(str, beginning))
        bad = bytes(beginning) + images[3:]
        _expect_refused(parse_idx, bad, f"bytes that begin with {numbers} ({reason})")
    _expect_refused(parse_idx, images[:-1], "a file of images whose last byte is missing")
    for bad, what in (
        (images[: -IMAGES[0].size], "a file of 3 images of which the last one is missing"),
        (labels[:-1], "a file of 20 labels of which the last one is missing"),
    ):
        advice = " The first size says how many there should be: does your answer use it?"
        _expect_refused(parse_idx, bad, what, advice)
    return "images and labels of any size come back, and anything else is refused."


def _number(value: Any, name: str) -> float:
    expect(
        np.ndim(value) == 0,
        f"'{name}' is {kind(value)}; expected one number for all images together.",
    )
    single = np.asarray(value)
    expect(single.dtype.kind in "iuf", f"'{name}' is {kind(value)}; expected a number.")
    return float(single)


def _expect_counts(counts: Any) -> None:
    true = np.bincount(LABELS, minlength=10)
    expect(
        not isinstance(counts, Mapping),
        f"'counts' is {kind(counts)}; expected ten numbers in a list or an array, without keys.",
    )
    seen = np.asarray(counts)
    expect(
        seen.ndim == 1 and seen.dtype.kind in "iuf",
        f"'counts' is {kind(counts)}; expected ten numbers in a list or an array.",
    )
    expect(
        seen.shape != np.unique(LABELS).shape,
        f"'counts' has {len(seen)} entries for labels in which 4 and 9 do not occur; expected 10. "
        "Digits that do not occur are left out, so that an entry no longer tells its digit.",
    )
    expect(
        len(seen) != LABELS.max() + 1,
        f"'counts' has {len(seen)} entries for labels of which the largest is {LABELS.max()}; "
        "expected 10, whichever labels occur.",
    )
    expect(len(seen) == 10, f"'counts' has {len(seen)} entries; expected 10.")
    expect(
        not np.allclose(seen, true / len(LABELS)),
        f"'counts' holds shares, such as {seen[3]:.3g} for the digit 3; expected how many there "
        f"are, {true[3]}.",
    )
    expect(
        seen.sum() <= len(LABELS),
        f"'counts' adds up to {seen.sum():g} for {len(LABELS)} labels. Does `summarize` count the "
        "labels that it is given, or those of the notebook, `train_labels`?",
    )
    for digit in range(10):
        expect(
            seen[digit] == true[digit],
            f"'counts' says {seen[digit]:g} for the digit {digit}; expected {true[digit]} for the "
            f"labels {LABELS.tolist()}.",
        )


def _expect_split_of_20(split: Any) -> None:
    """Fail the check unless the last 5 of 20 images are for validation."""
    # With 20 images and a share of 0.25 there is nothing to round.
    parts = _expect_pairs(split, 20, 0.25)
    _, labels = _numbered(20)
    train, validation = (part[:, 0, 0].astype(int).tolist() for part, _ in parts)
    both, none = set(train) & set(validation), set(range(20)) - {*train, *validation}
    sizes = f"of 20 images with a share of 0.25, {len(train)} are for training and "
    sizes += f"{len(validation)} for validation"
    expect(
        not both,
        f"{sizes}, so {len(both)} of them in both parts; expected none. One part ends where the "
        "other one begins.",
    )
    expect(
        not none,
        f"{sizes}, so {len(none)} in neither; expected none lost. One part ends where the other "
        "one begins.",
    )
    expect(
        (sorted(train), sorted(validation)) != ([*range(5, 20)], [*range(5)]),
        "the first images are for validation; expected the last ones, as in Keras.",
    )
    expect(
        (len(train), len(validation)) != (5, 15),
        f"{sizes}; expected it the other way round: `share` is the share for *validation*, which "
        "comes second.",
    )
    expect(
        [train, validation] == [sorted(train), sorted(validation)],
        "the images are not in their old order: they were shuffled. Expected the first ones for "
        "training and the last ones for validation, in order.",
    )
    for name, positions, (_, digits) in zip(
        ("training", "validation"), (train, validation), parts, strict=True
    ):
        expect(
            np.array_equal(digits, labels[positions]),
            f"the {name} labels are not those of the {name} images. Split both in the same place, "
            "in the same order.",
        )
    expect(
        len(train) == 15 or len(_expect_pairs(split, 20, 0.5)[0][0]) != len(train),
        f"{sizes}, and as many with a share of 0.5; expected 15 and 5. Does your answer use "
        "`share`?",
    )
    expect(
        len(train) == 15,
        f"{sizes}; expected 15 and 5: 20 · (1 - 0.25) is 15. `a[:15]` is everything before "
        "position 15, and `a[15:]` the rest.",
    )
    expect(
        train == [*range(15)],
        f"the images for validation are those at positions {validation}; expected the last five.",
    )


def _numbered(number: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return images of which each is filled with its position, and labels for them."""
    positions = np.arange(number, dtype=np.uint8)
    return np.tile(positions[:, None, None], (1, 4, 3)), (3 * positions + 1) % 10


def _expect_pairs(split: Any, number: int, share: float) -> list[tuple[Any, Any]]:
    """Fail the check unless `split` returns two pairs of images with labels, and return them."""
    images, labels = _numbered(number)
    answer = call(split, images, labels, share)
    form = "(training images, training labels), (validation images, validation labels)"
    expect(
        isinstance(answer, tuple | list),
        f"`split` returned {kind(answer)}; expected two pairs: {form}.",
    )
    expect(
        len(answer) != 4,
        f"`split` returned four things in a row; expected two pairs, with brackets: {form}.",
    )
    expect(
        len(answer) == 2 and all(isinstance(pair, tuple | list) for pair in answer),
        f"`split` returned {len(answer)} things: {' and '.join(map(kind, answer))}; expected two "
        f"pairs: {form}.",
    )
    pairs = []
    for name, pair in zip(("training", "validation"), answer, strict=True):
        expect(len(pair) == 2, f"the {name} part holds {len(pair)} things; expected two: {form}.")
        some, digits = map(_array, pair)
        for what, part, expected in (("images", some, images), ("labels", digits, labels)):
            expect(
                isinstance(part, np.ndarray) and part.shape[1:] == expected.shape[1:],
                f"where the {name} {what} should be, there is {kind(part)}; expected {form}, each "
                "a NumPy array.",
            )
        expect(
            len(some) == len(digits),
            f"of {number} images with a share of {share}, the {name} part has {len(some)} images "
            f"and {len(digits)} labels; expected a label for each image. Split both in the same "
            "place.",
        )
        expect(
            len(some) > 0,
            f"of {number} images with a share of {share}, none is for {name}. Compute from "
            "`len(images)` and `share` where to split.",
        )
        pairs.append((some, digits))
    return pairs


def _idx(array: npt.NDArray[np.uint8], order: Literal["big", "little"] = "big") -> bytes:
    sizes = [size.to_bytes(4, order) for size in array.shape]
    return bytes([0, 0, 8, array.ndim]) + b"".join(sizes) + array.tobytes()


def _returns(parse_idx: Any, content: bytes, expected: npt.NDArray[np.uint8]) -> bool:
    """Whether an answer returns these values in this shape, of whatever type."""
    try:
        return np.array_equal(np.asarray(parse_idx(content)), expected)
    except Exception:
        return False


def _expect_parsed(parse_idx: Any, array: npt.NDArray[np.uint8], what: str) -> None:
    """Fail the check unless `parse_idx` reads the file that holds `array`."""
    header = 4 + 4 * array.ndim
    file = f"file with {what} of shape {array.shape}"
    begin = f"The header of a {file} has {header} bytes, the values begin after it."

    def say(failure: str) -> str:
        if "multiple of element size" in failure:
            return (
                f"{failure} `np.frombuffer` makes numbers of eight bytes each, unless you tell it "
                "the type."
            )
        found = re.search(r"reshape array of size (\d+)", failure)
        if found and int(found[1]) != array.size:
            return f"{failure} {begin}"
        refused = re.search(r"at your line `(raise|assert)\b", failure)
        bytes_only = " `data[:3]` is bytes, which equal other bytes but never a list or a text."
        return f"{failure} That was a proper {file}.{bytes_only if refused else ''}"

    with rephrase(say):
        answer = _array(call(parse_idx, _idx(array)))
    expect(
        isinstance(answer, np.ndarray),
        f"`parse_idx` returned {kind(answer)}; expected a NumPy array.",
    )
    expect(
        answer.size < 3 or answer.flat[:3].tolist() != [0, 0, 8],
        f"the values begin with 0, 0, 8: that is the header. {begin}",
    )
    expect(
        answer.size == array.size,
        f"the result is {kind(answer)}; expected {array.size} values, one for each byte after the "
        f"header. {begin}",
    )
    expect(
        answer.ndim != 1 or array.ndim == 1,
        f"the values came back in one long row, with shape {answer.shape}; expected "
        f"{array.shape}: `reshape` them to the sizes in the header.",
    )
    expect(
        answer.shape == array.shape or sorted(answer.shape) != sorted(array.shape),
        f"the shape is {answer.shape}; expected {array.shape}: the sizes in the order of the "
        "header, number, height, width.",
    )
    expect(
        answer.dtype != np.int8,
        "the type is int8, which ends at 127, so that larger values turn negative; expected uint8, "
        "from 0 to 255.",
    )
    expect_array(answer, f"the array of {what}", shape=array.shape, dtype="uint8")
    expect(
        np.array_equal(answer, array),
        f"the {what} begin with the values {answer.flat[:4].tolist()}; expected "
        f"{array.flat[:4].tolist()}: what follows the header, row by row.",
    )


def _expect_refused(parse_idx: Any, bad: bytes, what: str, advice: str = "") -> None:
    """Fail the check, with advice, unless `parse_idx` raises a ValueError for `bad`."""
    try:
        answer = parse_idx(bad)
    except ValueError:
        return
    except Exception as error:
        raise CheckError(
            f"given {what}, `parse_idx` stopped with {explain(error)} Expected a ValueError."
        ) from None
    expect(
        not isinstance(answer, ValueError),
        f"given {what}, `parse_idx` returned a ValueError; expected that it *raises* one.",
    )
    raise CheckError(
        f"given {what}, `parse_idx` returned {kind(answer)}; expected that it raises a "
        f"ValueError.{advice}"
    )


def _array(value: Any) -> Any:
    """Turn tensors into arrays, and leave everything else as it is."""
    return np.asarray(value) if hasattr(value, "__array__") else value

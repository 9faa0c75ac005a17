"""Checks of assignment 03: a grid of images, counts, a bar chart, mean images.

What is drawn is judged by what it shows, read back from the figure; its look is left to its author.
"""

import functools
import operator
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
from matplotlib import pyplot
from matplotlib.figure import Figure

from mnist_course._arrays import Array, FloatArray

from .core import CheckError, advise, call, expect, kind, rephrase, task
from .figures import Panel, describe, find_figure

CLASSES = 10
NEAR = 0.01  # of the figure: images that are less apart share a row or a column

IMAGES = np.random.default_rng(3).integers(0, 256, (30, 28, 28), dtype=np.uint8)
IMAGE_LABELS = np.resize(np.array([7, 2, 9, 0, 5, 1, 4, 8, 3, 6, 1], dtype=np.uint8), 30)

COUNTS = [3, 300, 5, 2, 8, 1, 7, 4, 6, 9]
FIRST_AXIS = "The first axis, which counts the images, has to go."

LABELS = np.random.default_rng(3).permutation(np.repeat(np.arange(10, dtype=np.uint8), COUNTS))
GAPS = LABELS[(LABELS != 4) & (LABELS != 9)]


@task("visualizing.html#samples")
def plot_grid(plot_grid: Any) -> str:
    """Check a function that shows images with their labels in rows and columns."""
    _expect_grid(plot_grid, 2, 3)
    _expect_grid(plot_grid, 1, 4)
    return "the right images, in order, each with its label."


@task("visualizing.html#class-balance")
def count_classes(count_classes: Any) -> str:
    """Check a function that counts how often each digit occurs."""
    for labels in (LABELS, GAPS):
        answer = call(count_classes, labels)
        expect(
            not isinstance(answer, dict),
            "`count_classes` returned a dictionary; expected ten counts in the order of the "
            "digits, without the digits themselves.",
        )
        expect(
            not isinstance(answer, tuple | list) or len(answer) != 2,
            "`count_classes` returned two things, as np.unique and np.histogram do; expected the "
            "ten counts alone.",
        )
        counts = np.asarray(answer)
        expect(
            counts.ndim == 1 and counts.dtype.kind in "iuf",
            f"`count_classes` returned {kind(answer)}; expected ten counts in a row.",
        )
        _expect_counts(counts, labels, "counts")
    return "ten counts, and 0 for a digit that does not occur."


@task("visualizing.html#class-balance")
def plot_balance(plot_balance: Any) -> str:
    """Check a function that draws how often each digit occurs."""
    for labels in (LABELS, GAPS):
        with advise({"shape mismatch": "Ten lengths need ten positions."}):
            panels = _draw(plot_balance, labels)
        panel = _bar_chart(panels)
        expect(
            len(panel.bars) != len(labels),
            f"saw {len(panel.bars)} bars, one for each image; expected one for each digit. Count "
            "first, then draw the counts.",
        )
        lengths = read_bars(panel)
        expect(
            lengths.sum() != CLASSES,
            "the bars add up to 10, as if they counted the ten counts. `plt.hist` counts by "
            "itself: give it the labels; `plt.bar` draws counts that are there already.",
        )
        expect(
            sorted(length for _, length in panel.bars) != list(range(CLASSES)),
            "positions and lengths are exchanged: `plt.bar` takes the digits first.",
        )
        _expect_counts(lengths, labels, "bars")
        expect(
            stand_at_their_digits(panel),
            "the bars are right, but do not stand at their digits: the bar of 0 stands at "
            f"{min(position for position, _ in panel.bars):g}.",
        )
        unlabeled = find_unlabeled_axes(panel)
        expect(
            not unlabeled,
            f"there is no label on {' and '.join(unlabeled)} that tells a reader what the numbers "
            "there mean.",
        )
    return "every digit has its bar, and both axes have a label."


@task("visualizing.html#mean-digits")
def mean_images(mean_images: Any) -> str:
    """Check a function that averages the images of each digit."""
    labels = np.random.default_rng(4).permutation(
        np.repeat(np.arange(CLASSES, dtype=np.uint8), [4, 2, 3, 5, 2, 3, 2, 4, 3, 2])
    )
    present = (labels != 4) & (labels != 9)
    with advise({"same shape": FIRST_AXIS, "inhomogeneous": FIRST_AXIS}):
        answer = call(mean_images, IMAGES, labels)
    _expect_means(answer, IMAGES, labels)
    # NumPy warns of the mean of nothing, which is what is asked for here.
    with warnings.catch_warnings(action="ignore"):
        try:
            answer = call(mean_images, IMAGES[present], labels[present])
        except CheckError as failure:
            raise CheckError(f"where the digits 4 and 9 do not occur, {failure}") from None
    _expect_means(answer, IMAGES[present], labels[present])
    return "ten mean images, each in the place of its digit."


@dataclass(frozen=True)
class Picture:
    """A picture that a figure shows.

    Attributes
    ----------
    index : int
        Which of the given images it is; -1 if it is none of them.
    text : str
        What is written at it.
    shape : tuple of int
        The shape of its array.
    """

    index: int
    text: str
    shape: tuple[int, ...]

    def says(self, number: int) -> bool:
        """Whether the text names this number, and at most one other one."""
        numbers = {float(text) for text in re.findall(r"\d+(?:\.\d+)?", self.text)}
        return number in numbers and len(numbers) <= 2


def read_pictures(panels: Sequence[Panel], images: Array) -> list[Picture]:
    """Find out which pictures panels show, in which order, and what is written at each.

    Parameters
    ----------
    panels : sequence of Panel
        What a figure shows.
    images : ndarray, shape (n, height, width)
        The images it may show, at any scale and also with black and white exchanged.

    Returns
    -------
    list of Picture
        In the order of the panels. The texts of a panel with several pictures belong to them in
        their order, if there is one for each.
    """
    pictures = []
    for panel in panels:
        texts = [""] * len(panel.images)
        if len(panel.images) == 1:
            texts = [" ".join([panel.title, panel.xlabel, panel.ylabel, *panel.texts])]
        elif len(panel.texts) == len(panel.images):
            texts = panel.texts
        for image, text in zip(panel.images, texts, strict=True):
            pictures.append(Picture(_index(image, images), text, image.shape))
    return pictures


def read_bars(panel: Panel) -> FloatArray:
    """Return the lengths of the bars of a panel, in their order along the axis.

    Parameters
    ----------
    panel : Panel
        A bar chart or a histogram.

    Returns
    -------
    ndarray of float64
        Fewer than ten bars become ten if they stand at digits on an axis from 0 to 9: a gap and a
        bar of length 0 look the same.
    """
    positions, lengths = np.array(sorted(panel.bars), dtype=float).reshape(-1, 2).T
    digits = np.rint(positions).astype(int)
    at_digits = np.allclose(positions, digits, atol=1e-6) and set(digits) <= set(range(CLASSES))
    if len(digits) < CLASSES and at_digits and ({0, 9} <= set(digits) or _names_digits(panel)):
        lengths = np.bincount(digits, weights=lengths, minlength=CLASSES)
    return lengths.astype(np.float64)


def stand_at_their_digits(panel: Panel) -> bool:
    """Whether each of ten bars covers its digit on the axis, or the ticks name the digits."""
    positions = np.array(sorted(position for position, _ in panel.bars))
    if len(positions) != CLASSES:
        return True
    return bool(np.all(np.abs(positions - np.arange(CLASSES)) < 0.51)) or _names_digits(panel)


def find_unlabeled_axes(panel: Panel) -> list[str]:
    """Name each axis that has no label, or none but its own name."""
    labels = {"the x axis": panel.xlabel, "the y axis": panel.ylabel}
    return [axis for axis, text in labels.items() if text.strip().lower() in ("", "x", "y")]


def find_places(panels: Sequence[Panel]) -> list[tuple[int, int]]:
    """Return row and column of each picture of a figure.

    Parameters
    ----------
    panels : sequence of Panel
        What the figure shows.

    Returns
    -------
    list of tuple of (int, int)
        Counted from 0, from the upper left, in the order in which `read_pictures` has them.
    """
    across, down = np.array([place for panel in panels for place in panel.places]).reshape(-1, 2).T
    return list(zip(_rank(down), _rank(across), strict=True))


def _names_digits(panel: Panel) -> bool:
    return {str(digit) for digit in range(CLASSES)} <= set(panel.ticks)


def _draw(function: Any, *arguments: Any) -> list[Panel]:
    """Call a learner's function that draws, and describe its figure as a notebook shows it."""
    expect(callable(function), f"expected a function, but saw {kind(function)}.")
    for name in ("title", "xlabel", "ylabel"):
        expect(
            callable(getattr(pyplot, name)),
            f"`plt.{name}` was overwritten by a text. Call it, `plt.{name}(...)`, then restart the "
            "kernel.",
        )
    shown: list[list[Panel]] = []

    def show(*_: Any, **__: Any) -> None:
        # In a notebook, `plt.show()` shows all figures and closes them.
        shown.extend(describe(figure) for figure in _open_figures())
        pyplot.close("all")

    @functools.wraps(function)
    def draw(*given: Any) -> Any:
        return find_figure(function(*given)) or False

    pyplot.close("all")
    try:
        with mock.patch.object(pyplot, "show", show):
            figure = call(draw, *arguments)
        left = [describe(figure) for figure in _open_figures()]
    finally:
        pyplot.close("all")
    expect(
        bool(shown or (figure and figure.axes)),
        f"`{draw.__name__}` drew nothing. Draw with functions of Matplotlib, such as those of "
        "`plt`.",
    )
    expect(
        not shown or left != [[]],
        "what comes after `plt.show()`, such as labels, was written onto a new figure. Show last.",
    )
    expect(
        len(shown) + len(left) <= 1,
        f"`{draw.__name__}` drew {len(shown) + len(left)} figures; expected a single one. "
        "What makes or shows a figure (`plt.figure`, `plt.subplots`, `plt.show`) stands outside "
        "of the loop.",
    )
    return shown[0] if shown else describe(figure)


def _open_figures() -> list[Figure]:
    figures = map(pyplot.figure, pyplot.get_fignums())
    return [figure for figure in figures if figure.axes]


def _expect_grid(plot_grid: Any, rows: int, columns: int) -> None:
    size = f"{rows} row{'s' * (rows > 1)} of {columns}"
    single = " For a single row, `plt.subplots` returns axes in one dimension, not in two."
    with rephrase(lambda failure: f"for {size}, {failure}{single * (rows == 1)}"):
        panels = _draw(plot_grid, IMAGES, IMAGE_LABELS, rows, columns)
    pictures, places = read_pictures(panels, IMAGES), find_places(panels)
    _expect_places([picture.shape for picture in pictures], places, (rows, columns), size)
    by_place = sorted(zip(places, pictures, strict=True), key=operator.itemgetter(0))
    ordered = [picture for _, picture in by_place]
    _expect_order([picture.index for picture in ordered], rows, columns)
    _expect_labels(ordered, columns)


def _expect_places(
    shapes: list[tuple[int, ...]], places: list[tuple[int, int]], grid: tuple[int, int], size: str
) -> None:
    seen, number = len(shapes), grid[0] * grid[1]
    expect(
        seen > 0,
        f"for {size}, there is no image in the figure. `imshow` draws one from its numbers.",
    )
    expect(
        len(set(places)) > 1 or seen == 1,
        f"for {size}, {seen} images lie on top of each other. Each needs a place of its own, "
        "such as a subplot, before it is drawn.",
    )
    (row, column), most = Counter(places).most_common(1)[0]
    expect(
        most == 1,
        f"for {size}, row {row + 1}, column {column + 1} holds {most} images, so that another "
        "place is empty. One row further means `columns` places further.",
    )
    expect(
        seen > 1 or max(shapes[0]) <= max(IMAGES.shape[1:]),
        f"for {size}, saw a single image of shape {shapes[0]}; expected {number} images, each "
        "drawn by an `imshow` of its own.",
    )
    missing = " One is missing: does a range end too early?" * (seen == number - 1)
    expect(
        seen == number,
        f"for {size}, saw {seen} image{'s' * (seen > 1)}; expected {number}.{missing}",
    )
    height, width = (1 + max(place[axis] for place in places) for axis in (0, 1))
    swapped = " Rows and columns are swapped." * ((width, height) == grid)
    expect(
        (height, width) == grid,
        f"saw {height} row{'s' * (height > 1)} of {width}; expected {size}.{swapped}",
    )


def _expect_order(seen: list[int], rows: int, columns: int) -> None:
    number = rows * columns
    if seen == list(range(number)):
        return
    if -1 in seen:
        raise CheckError(
            f"the image in {_place(seen.index(-1), columns)} is none of those given. Draw "
            "`images`, not `train_images`, and each as it is."
        )
    expect(
        len(set(seen)) > 1,
        f"every place shows the same image, images[{seen[0]}]. Which index changes from place to "
        "place?",
    )
    expect(
        seen != list(range(1, number + 1)),
        "the grid begins with images[1]; expected images[0]. `plt.subplot` counts from 1, an "
        "array from 0.",
    )
    expect(
        seen != np.arange(number).reshape(columns, rows).T.ravel().tolist(),
        "the images run down the columns; expected along the rows, so that images[1] stands to "
        "the right of images[0].",
    )
    wrong = next(i for i, index in enumerate(seen) if index != i)
    raise CheckError(
        f"{_place(wrong, columns)} shows images[{seen[wrong]}]; expected images[{wrong}]. There "
        f"are {columns} images in a row."
    )


def _expect_labels(pictures: list[Picture], columns: int) -> None:
    inner = list(enumerate(pictures))
    wrong = next((i for i, picture in inner if not picture.says(IMAGE_LABELS[i])), None)
    if wrong is None:
        return
    expect(
        any(picture.text.strip() for picture in pictures),
        "there is no text at the images; expected the label of each as its title.",
    )
    shifts = {
        "next": [picture.says(IMAGE_LABELS[i + 1]) for i, picture in inner[:-1]],
        "previous": [picture.says(IMAGE_LABELS[i - 1]) for i, picture in inner[1:]],
    }
    for neighbor, shifted in shifts.items():
        expect(
            not all(shifted),
            f"each image has the label of the {neighbor} one. Do image and label take the same "
            "index? Is the text written after its place was made?",
        )
    text, label = " ".join(pictures[wrong].text.split()), IMAGE_LABELS[wrong]
    saw = f"the text at the image in {_place(wrong, columns)} is {text[:60]!r}"
    expect(
        len(re.findall(r"\d+", text)) <= 2,
        f"{saw}; expected only its own label, {label}.",
    )
    numbered = [all(picture.says(i + start) for i, picture in inner) for start in (0, 1)]
    expect(
        not any(numbered),
        f"{saw}: the images are numbered; expected the digit that each shows, here {label}.",
    )
    raise CheckError(f"{saw}; expected its label, {label}.")


def _place(i: int, columns: int) -> str:
    return f"row {i // columns + 1}, column {i % columns + 1}"


def _rank(values: FloatArray) -> list[int]:
    """Return the rank of each value, from 0; values that lie near each other share one."""
    ordered = np.sort(values)
    groups = ordered[np.diff(ordered, prepend=-np.inf) > NEAR]
    ranks: list[int] = (np.searchsorted(groups, values, side="right") - 1).tolist()
    return ranks


def _index(picture: Array, images: Array) -> int:
    """Return which of the images a picture is, at any scale; -1 if none."""
    if picture.shape != images.shape[1:]:
        return -1
    shown = _stretched(picture)
    for i, image in enumerate(_stretched(images)):
        if np.allclose(shown, image, atol=1e-2) or np.allclose(shown, 1 - image, atol=1e-2):
            return i
    return -1


def _stretched(images: Array) -> FloatArray:
    """Bring each image to the range from 0 to 1."""
    values = np.asarray(images, dtype=np.float64)
    low = values.min(axis=(-2, -1), keepdims=True)
    high = values.max(axis=(-2, -1), keepdims=True)
    stretched: FloatArray = (values - low) / np.maximum(high - low, 1e-9)
    return stretched


def _bar_chart(panels: list[Panel]) -> Panel:
    charts = [panel for panel in panels if panel.bars]
    if not charts:
        seen = "lines" if any(panel.lines for panel in panels) else "a figure without bars or lines"
        raise CheckError(f"saw {seen}; expected a bar for each digit.")
    expect(len(charts) == 1, f"saw {len(charts)} charts; expected all bars on one pair of axes.")
    return charts[0]


def _expect_counts(counts: Array, labels: Array, what: str) -> None:
    """Compare counts of digits, which may be the lengths of bars."""
    expected = np.bincount(labels, minlength=CLASSES)
    if np.array_equal(counts, expected):
        return
    absent = np.flatnonzero(expected == 0)
    without = f"in labels without {' and '.join(map(str, absent))}, " if len(absent) else ""
    number, total = len(counts), float(counts.sum())
    expect(
        number != CLASSES - 1 or not expected[-1] or counts[-1] != expected[-2] + expected[-1],
        f"saw 9 {what}, the last of which takes the digits 8 and 9 together. Ten bins have eleven "
        "edges.",
    )
    expect(
        not np.array_equal(np.trim_zeros(counts, "b"), expected[expected > 0]),
        f"{without}saw {what} for {CLASSES - len(absent)} digits only; expected ten, with 0 for a "
        "digit that does not occur, so that each digit has its place.",
    )
    expect(
        not np.array_equal(counts, expected[:number]),
        f"{without}saw {number} {what}: they end with the largest digit that occurs; expected ten, "
        "with 0 for a digit that does not occur.",
    )
    expect(number == CLASSES, f"{without}saw {number} {what}; expected ten, one for each digit.")
    expect(
        not np.array_equal(counts, np.histogram(labels, bins=CLASSES)[0]),
        f"{without}the {what} slipped: ten bins were spread from the smallest to the largest label "
        f"that occurs, here from {labels.min()} to {labels.max()}. Fix where they begin and end.",
    )
    expect(
        not np.isclose(total, 1) and not np.isclose(total, 100),
        f"the {what} add up to {total:g}, as shares do; expected counts, which add up to the "
        f"number of labels, {len(labels)}.",
    )
    expect(
        not np.array_equal(counts, expected % 256),
        f"a digit that occurs 300 times was counted {300 % 256} times: the type uint8 ends at 255, "
        "then starts over at 0. Count in a larger type.",
    )
    expect(
        total == len(labels),
        f"{without}the {what} add up to {total:g}; expected {len(labels)}, the number of labels "
        "given. Are all of them counted, and no others, such as those of `train_labels`?",
    )
    expect(
        sorted(counts) != sorted(expected),
        f"{without}the {what} are right, but in another order, such as that of their size; "
        "expected the order of the digits, from 0 to 9.",
    )
    wrong = int(np.argmax(counts != expected))
    raise CheckError(
        f"{without}the digit {wrong} was counted {counts[wrong]:g} times; expected "
        f"{expected[wrong]}."
    )


def _expect_means(answer: Any, images: Array, labels: Array) -> None:
    groups = [images[labels == digit] for digit in range(CLASSES)]
    occurring = [digit for digit in range(CLASSES) if len(groups[digit])]
    means = _as_means(answer, images, labels)
    expected = np.stack([groups[digit].mean(axis=0) for digit in occurring])
    seen = means[occurring]
    mistakes = _wrong_means(images, [groups[digit] for digit in occurring], expected)
    for mistake, mistaken in mistakes.items():
        expect(not _close(seen, mistaken), f"{mistake}.")
    expect(
        means.dtype.kind == "f",
        f"the means are whole numbers (the type is {means.dtype}), so what follows the point is "
        "lost. Make the array that holds them one of floats.",
    )
    rounded = np.array_equal(seen, np.rint(seen)) and np.allclose(seen, expected, atol=1)
    expect(not rounded, "the means were rounded to whole numbers. Do not round.")
    for digit, picture in zip(occurring, seen, strict=True):
        other = next(
            (d for d, m in zip(occurring, expected, strict=True) if _close(picture, m)), -1
        )
        expect(
            other in (-1, digit),
            f"the mean image of the {other} stands at position {digit}; expected the order of "
            "the digits, from 0 to 9, whatever the order of the labels.",
        )
    expect(
        not np.isnan(seen).any(),
        "there is a nan in the mean image of a digit that occurs. Where was nothing divided by 0?",
    )
    if not _close(seen, expected):
        worst = np.unravel_index(np.argmax(np.abs(seen - expected)), expected.shape)
        which, row, column = (int(i) for i in worst)
        raise CheckError(
            f"the mean image of the {occurring[which]} has the gray value {seen[worst]:.2f} in "
            f"row {row}, column {column}; expected {expected[worst]:.2f}. Are the images and "
            "labels those that the function is given, not `train_images` and `train_labels`?"
        )


def _wrong_means(images: Array, groups: list[Array], expected: Array) -> dict[str, Array]:
    """Return what the usual mistakes compute, each under what to say about it."""
    sizes = np.array([len(group) for group in groups])[:, np.newaxis, np.newaxis]
    sums = expected * sizes
    return {
        "each of the ten images is the mean of *all* images. Choose the images of one digit "
        "before you average": np.broadcast_to(images.mean(axis=0), expected.shape),
        "the images are sums. A mean is the sum, divided by how many there are": sums,
        "the sums were divided by the number of all images; expected the number of images of that "
        "digit": sums / len(images),
        "the sums start over at 0 after 255, where the type uint8 ends. Add up in a larger type": (
            sums % 256 / sizes
        ),
        "the images were divided by 255; expected the mean of the gray values as they are "
        "given": expected / 255,
        "each image is a single one of its digit; expected the mean of all of that digit": (
            np.stack([group[0] for group in groups])
        ),
    }


def _as_means(answer: Any, images: Array, labels: Array) -> Array:
    """Return ten mean images as an array, or say what is wrong with their shape."""
    height, width = images.shape[1:]
    occurring = len(np.unique(labels))
    expect(
        not isinstance(answer, dict),
        "`mean_images` returned a dictionary; expected an array of shape (10, 28, 28).",
    )
    parts = answer if isinstance(answer, tuple | list) else np.atleast_1d(answer)
    shapes = [np.shape(part) for part in parts]
    expect(
        len(set(shapes)) <= 1,
        f"the means have different shapes, such as {shapes[0] if shapes else ()}; expected "
        f"(28, 28) for each. {FIRST_AXIS}",
    )
    means = np.asarray(parts)
    expect(
        means.shape != (height, width),
        "there is one mean image, of shape (28, 28); expected ten, one for each digit.",
    )
    expect(
        means.shape != (CLASSES,),
        "each digit got one number: all its pixels were averaged too. Average over the images "
        "only: which axis is that?",
    )
    expect(
        means.shape != (occurring, height, width) or occurring == CLASSES,
        f"saw {occurring} images for labels in which the digits 4 and 9 do not occur; expected "
        "ten, so that each stands in the place of its digit.",
    )
    expect(
        means.shape != (len(images), height, width),
        f"saw {len(images)} images; expected one for each of the ten digits, not one per label.",
    )
    expect(
        means.shape != (CLASSES * height, width),
        f"the result has shape {means.shape}, the ten images end to end; expected (10, 28, 28). "
        "`np.stack` keeps the ten apart.",
    )
    expect(
        means.shape == (CLASSES, height, width),
        f"the result has shape {means.shape}; expected (10, 28, 28). Average over the images, "
        "which is the first axis of `images`.",
    )
    expect(means.dtype.kind in "iuf", f"`mean_images` returned {kind(means)}; expected floats.")
    return means


def _close(a: Array, b: Array) -> bool:
    # Generous enough for half precision, too strict for rounding to whole numbers.
    return np.allclose(a, b, rtol=1e-3, atol=1e-2)

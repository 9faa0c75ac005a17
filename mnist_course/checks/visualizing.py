"""Checks of assignment 03: a grid of images, counts, a bar chart, mean images.

A figure is judged by what a reader sees in it, read back by `figures.describe`.
"""

import contextlib
import dis
import functools
import operator
import re
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from unittest import mock

import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mnist_course._arrays import Array, FloatArray
from mnist_course.data import load_mnist

from .core import (
    Case,
    CheckError,
    FunctionCheck,
    NotAttemptedError,
    call,
    describe_unused,
    difference,
    expect,
    kind,
    prefix,
    task,
)
from .figures import Panel, describe, find_figure

CLASSES = 10
DIGITS = np.arange(CLASSES)
SIDE = 28
MARGIN = 6  # pixels of paper around an image, where many write its label
NEAR = 0.01  # of the figure: images that are less apart share a row or a column


def _random_images(n: int) -> Array:
    """Make images that look different from every side, with much full ink inside of a margin."""
    rng = np.random.default_rng(3)
    ink = rng.integers(1, 400, (n, SIDE, SIDE)).clip(max=255) * rng.integers(0, 2, (n, SIDE, SIDE))
    inside = (slice(None), slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    images = np.zeros_like(ink)
    images[inside] = ink[inside]
    return images.astype("uint8")


def _random_labels(counts: Sequence[int]) -> Array:
    labels = np.repeat(DIGITS.astype("uint8"), counts)
    return np.random.default_rng(3).permutation(labels)


IMAGES = _random_images(30)
IMAGE_LABELS = np.resize(np.array([7, 2, 9, 0, 5, 1, 4, 8, 3, 6, 1], dtype="uint8"), 30)
GRIDS = [(2, 3), (1, 4), (3, 1), (4, 3), (1, 1)]

LARGEST_COUNT = 6742  # of the 1s among the training labels
COUNTED = [
    Case((np.array([1, 0, 1, 3], dtype="uint8"),)),
    Case((_random_labels([3, 300, 5, 2, 8, 1, 7, 4, 6, 9]),), "for 345 labels in random order"),
    Case((_random_labels([3, 2, 5, 2, 0, 1, 7, 4, 6, 0]),), "for 30 labels without 4 and 9"),
    Case((_random_labels([0, 5, 2, 3, 4, 0, 1, 6, 2, 9]),), "for 32 labels without 0 and 5"),
]


# What a figure shows -------------------------------------------------------------------------


@dataclass(frozen=True)
class Picture:
    """A picture that a figure shows.

    Attributes
    ----------
    index : int
        Which of the given images it is; -1 if it is none of them.
    view : str
        How it differs from that image, such as "upside down"; "" if it doesn't.
    text : str
        What is written at it.
    shape : tuple of int
        The shape of its array.
    flaw : str
        Why it can't be seen properly; "" if it can.
    """

    index: int
    view: str
    text: str
    shape: tuple[int, ...]
    flaw: str

    def says(self, number: int) -> bool:
        """Whether the text names this number, and at most one other one."""
        numbers = {float(text) for text in re.findall(r"\d+(?:\.\d+)?", self.text)}
        return number in numbers and len(numbers) <= 2


VIEWS: dict[str, Callable[[Array], Array]] = {
    "": lambda image: image,
    "upside down": lambda image: image[::-1],
    "transposed: its rows and columns are swapped": lambda image: image.T,
    "mirrored: left and right are swapped": lambda image: image[:, ::-1],
    "turned by 180 degrees": lambda image: image[::-1, ::-1],
    "turned by 90 degrees to the left": lambda image: np.rot90(image),
    "turned by 90 degrees to the right": lambda image: np.rot90(image, -1),
    "turned and mirrored": lambda image: image[::-1, ::-1].T,
    "reduced to black and white": lambda image: image > 0,
    "reduced to black and white: only 255 is left": lambda image: image // 255,
}


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
        In the order of the panels.
    """
    views = {view: [_stretch(change(image)) for image in images] for view, change in VIEWS.items()}
    pictures = []
    for panel in panels:
        for image, flaw, text in zip(panel.images, panel.flaws, panel.captions, strict=True):
            index, view = _recognize(image, views)
            pictures.append(Picture(index, view, text, image.shape, flaw))
    return pictures


def _recognize(picture: Array, views: dict[str, list[FloatArray]]) -> tuple[int, str]:
    """Return which of the images a picture is, and in which view; -1 if it is none."""
    shown = _stretch(picture)
    for view, images in views.items():
        for i, image in enumerate(images):
            if shown.shape == image.shape and (
                np.allclose(shown, image, atol=1e-2) or np.allclose(shown, 1 - image, atol=1e-2)
            ):
                return i, view
    return -1, ""


def _stretch(image: Array) -> FloatArray:
    """Bring an image to the range from 0 to 1."""
    values = np.asarray(image, dtype=np.float64)
    stretched: FloatArray = (values - values.min()) / max(np.ptp(values), 1e-9)
    return stretched


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


def _rank(values: FloatArray) -> list[int]:
    """Return the rank of each value, from 0; values that lie near each other share one."""
    ordered = np.sort(values)
    groups = ordered[np.diff(ordered, prepend=-np.inf) > NEAR]
    ranks: list[int] = (np.searchsorted(groups, values, side="right") - 1).tolist()
    return ranks


def read_bars(panel: Panel) -> FloatArray:
    """Return the lengths of the bars of a panel, in the order of what stands at their axis.

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
    places, lengths = np.array(sorted(set(panel.bars)), dtype=float).reshape(-1, 2).T
    values = _read_axis(panel, places)
    if values is None:
        return lengths
    digits = np.rint(values).astype(int)
    at_digits = np.allclose(values, digits, atol=1e-6) and set(digits) <= set(range(CLASSES))
    limits = _read_axis(panel, _limits(panel))
    whole = limits is not None and limits.min() <= 0 and limits.max() >= CLASSES - 1
    if len(digits) < CLASSES and len(set(digits)) == len(digits) and at_digits and whole:
        return np.bincount(digits, weights=lengths, minlength=CLASSES).astype(np.float64)
    ordered: FloatArray = lengths[np.argsort(values, kind="stable")]
    return ordered


def stand_at_their_digits(panel: Panel) -> bool:
    """Whether each of ten bars stands at its digit, by what is written at the axis."""
    values = _read_axis(panel, np.array(sorted(place for place, _ in set(panel.bars))))
    if values is None:
        return False
    return len(values) != CLASSES or bool(np.all(np.abs(np.sort(values) - DIGITS) < 0.51))


def _read_axis(panel: Panel, places: FloatArray) -> FloatArray | None:
    """Return the numbers that places on the bars' axis stand for; None if it has no even scale."""
    ticks = panel.yticks if panel.horizontal else panel.xticks
    numbers = [
        (place, float(text.replace("−", "-")))  # noqa: RUF001 (Matplotlib's minus)
        for place, text in ticks
        if re.fullmatch(r"[-−]?\d+(\.\d+)?", text)  # noqa: RUF001
    ]
    if len({place for place, _ in numbers}) < 2:
        return places
    at, written = np.array(numbers).T
    slope, start = np.polyfit(at, written, 1)
    even = np.allclose(slope * at + start, written, atol=0.05) and abs(slope) > 1e-9
    return slope * places + start if even else None


def _limits(panel: Panel) -> FloatArray:
    """Return where the axis at which the bars stand begins and ends."""
    return np.array(panel.limits[2:] if panel.horizontal else panel.limits[:2], dtype=float)


def _length_limits(panel: Panel) -> list[float]:
    """Return where the axis along which the bars run begins and ends, the smaller number first."""
    return sorted(panel.limits[:2] if panel.horizontal else panel.limits[2:])


def find_fixed_end(panels: list[Panel]) -> float:
    """Return where the axis of the lengths ends in all bar charts, or inf if that differs."""
    ends = {_length_limits(panel)[1] for panel in panels}
    return ends.pop() if len(ends) == 1 else np.inf


def find_bar_faults(panel: Panel) -> list[str]:
    """Say what keeps a reader from comparing the lengths of the bars.

    Parameters
    ----------
    panel : Panel
        A bar chart or a histogram.

    Returns
    -------
    list of str
        A sentence for each fault.
    """
    across, along = ("y", "x") if panel.horizontal else ("x", "y")
    scales = dict(zip("xy", panel.scales, strict=True))
    faults = [
        f"the {axis} axis has the scale {scales[axis]!r}; expected an ordinary, linear one, on "
        "which a count twice as large is twice as far from 0."
        for axis in (along, across)
        if scales[axis] != "linear"
    ]
    starts = [
        start for start, (_, length) in zip(panel.starts, panel.bars, strict=True) if length != 0
    ]
    ends = [length for _, length in panel.bars if length != 0]
    if any(abs(start) > 1e-9 for start in starts):
        worst = max(starts, key=abs)
        faults.append(f"a bar starts at {worst:g}; expected all of them to start at 0.")
    low, high = _length_limits(panel)
    reach = 1e-6 * (high - low)
    if ends and not faults and (low > reach or high < max(ends) - reach):
        faults.append(
            f"the {along} axis runs from {low:,.6g} to {high:,.6g}, but the bars run from 0 to "
            f"{max(ends):,g}; expected the whole length of every bar to be visible."
        )
    places = np.sort([place for place, _ in set(panel.bars)])
    begin, end = sorted(_limits(panel))
    if len(places) and (places[0] < begin or places[-1] > end):
        faults.append(
            f"the {across} axis runs from {begin:.6g} to {end:.6g}, and leaves out bars: they "
            f"stand from {places[0]:g} to {places[-1]:g}."
        )
    if len(places) > 1 and max(panel.widths) > 1.1 * np.diff(places).min():
        faults.append(
            f"the bars cover each other: they're {max(panel.widths):g} wide, and "
            f"{np.diff(places).min():g} apart."
        )
    return faults


COUNT = re.compile(r"count|how (many|often)|frequen|occurr|amount|quantity|number of|no\. of|total")
DIGIT = re.compile(r"digit|class|label|categor|numeral")
NAMELESS = re.compile(r"[xy]?[\s_-]*(axis|(?<=[xy])label|(?<=[xy] )label|values?)?")


def find_label_faults(panel: Panel) -> list[str]:
    """Say what keeps a reader from understanding the axes of a bar chart of digits.

    Parameters
    ----------
    panel : Panel
        A bar chart or a histogram.

    Returns
    -------
    list of str
        A sentence for each fault. Of the words of a label, only those for digits and for counts
        are known; a label without any of them may stand anywhere.
    """
    seen = {"x": panel.xlabel.strip(), "y": panel.ylabel.strip()}
    labels = {axis: text.lower() for axis, text in seen.items()}
    across, along = ("y", "x") if panel.horizontal else ("x", "y")
    faults = [
        f"the {axis} axis has no label that can be seen."
        if not text
        else f"the label of the {axis} axis is {seen[axis]!r}, which doesn't say what its numbers "
        "mean."
        for axis, text in labels.items()
        if NAMELESS.fullmatch(text) or not any(map(str.isalpha, text))
    ]
    if faults:
        others = [f"That of the {axis} axis is {seen[axis]!r}." for axis in seen if seen[axis]]
        return [*faults, *panel.hidden, *others[: 2 - len(faults)]]
    if labels["x"] == labels["y"]:
        faults.append(f"both axes have the same label, {seen['x']!r}.")
    elif _says_digits(labels[along]) and not DIGIT.search(labels[across]):
        faults.append(
            f"the {along} axis has the counts, but its label is {seen[along]!r}, and the label "
            f"of the {across} axis, where the digits are, is {seen[across]!r}."
        )
    elif re.fullmatch(r"\W*(the )?(digits?|class(es)?)\W*", labels[along]):
        faults.append(f"the {along} axis has the counts, but its label is {seen[along]!r}.")
    elif COUNT.search(labels[across]) and not DIGIT.search(labels[across]):
        faults.append(f"the {across} axis has the digits, but its label is {seen[across]!r}.")
    ticks = {"x": panel.xticks, "y": panel.yticks}
    if len(ticks[across]) < 2:
        faults.append(f"at the {across} axis, nothing says which digit a bar stands for.")
    if not ticks[along] and not any(re.search(r"\d", text) for text in panel.texts):
        faults.append(f"neither the {along} axis nor a text at the bars says how long they are.")
    return faults


def _says_digits(label: str) -> bool:
    return bool(DIGIT.search(label)) and not COUNT.search(label)


# What a function draws -----------------------------------------------------------------------


def _draw(function: Any, *arguments: Any) -> list[Panel]:
    """Call a learner's function that draws, and describe its figure as a notebook shows it."""
    expect(callable(function), f"expected a function, but saw {kind(function)}.")
    for name in ("title", "xlabel", "ylabel"):
        expect(
            callable(getattr(pyplot, name)),
            f"`plt.{name}` is {kind(getattr(pyplot, name))}. It was a function, until a line such "
            f'as `plt.{name} = "..."` replaced it. Write `plt.{name}("...")`, and restart the '
            "kernel.",
        )
    shown: list[list[Panel]] = []
    closed: list[Figure] = []
    close_as_ever = pyplot.close

    def show(*_: Any, **__: Any) -> None:
        # In a notebook, `plt.show()` shows all figures and closes them.
        shown.extend(describe(figure) for figure in _open_figures())
        close_as_ever("all")

    def close(*given: Any) -> None:
        before = _open_figures()
        close_as_ever(*given)
        closed.extend(figure for figure in before if figure not in _open_figures())

    @functools.wraps(function)
    def draw(*given: Any) -> Any:
        return find_figure(function(*given)) or False

    pyplot.close("all")
    try:
        with mock.patch.multiple(pyplot, show=show, close=close):
            figure = call(draw, *arguments)
        left = {figure: describe(figure) for figure in _open_figures()}
    finally:
        pyplot.close("all")
    name = f"`{getattr(function, '__name__', 'your function')}`"
    seen = bool(shown or (figure and figure.axes))
    expect(
        seen or not closed,
        f"{name} closed its figure, so nothing is left to see. Leave out `plt.close`.",
    )
    expect(
        seen,
        f"{name} drew nothing. Draw with functions of Matplotlib, such as those of `plt`.",
    )
    expect(
        not shown or list(left.values()) != [[]],
        "what comes after `plt.show()`, such as labels, was written onto a new figure. Show last.",
    )
    advice = (
        "`plt.figure`, `plt.subplots`, and `plt.show` belong outside of the loop."
        if _has_loop(function)
        else "`plt.figure` and `plt.subplots` make a new one, and so does what is drawn after "
        "`plt.show`."
    )
    expect(
        len(shown) + len(left) <= 1,
        f"{name} drew {len(shown) + len(left)} figures; expected a single one. {advice}",
    )
    if shown:
        return shown[0]
    return left[figure] if figure in left else describe(figure)


def _open_figures() -> list[Figure]:
    figures = map(pyplot.figure, pyplot.get_fignums())
    return [figure for figure in figures if figure.axes]


def _has_loop(function: Any) -> bool:
    code = getattr(function, "__code__", None)
    return code is None or any(
        instruction.opname.startswith(("FOR_ITER", "JUMP_BACKWARD"))
        for instruction in dis.get_instructions(code)
    )


def _mentions(function: Any, word: str) -> bool:
    """Whether the code of a function contains a name or a text."""
    code = getattr(function, "__code__", None)
    return word in (*getattr(code, "co_names", ()), *getattr(code, "co_consts", ()))


# Task 1 --------------------------------------------------------------------------------------


@task("visualizing.html#samples")
def plot_grid(plot_grid: Any) -> str:
    """Check a function that shows images with their labels in rows and columns."""
    for rows, columns in GRIDS:
        with prefix(f"for {_size(rows, columns)}, "):
            try:
                panels = _draw(plot_grid, IMAGES, IMAGE_LABELS, rows, columns)
            except NotAttemptedError:
                raise
            except CheckError as failure:
                raise CheckError(
                    f"{failure}{_describe_squeezed(str(failure), rows, columns, plot_grid)}"
                ) from None
            try:
                _expect_grid(panels, rows, columns, plot_grid)
            except CheckError as failure:
                unused = describe_unused(plot_grid)
                raise CheckError(f"{failure} {unused}".rstrip()) from None
    return "the right images, in order, each with its label."


ORDERS: dict[str, Callable[[int, int], Any]] = {
    "The grid begins with images[1]. Places count from 1, but an array counts from 0.": (
        lambda rows, columns: np.arange(rows * columns) + 1
    ),
    "They run down the columns.": lambda rows, columns: (
        np.arange(rows * columns).reshape(columns, rows).T
    ),
    "Every row shows the same images.": lambda rows, columns: np.tile(np.arange(columns), rows),
    "In every row, all images are the same.": lambda rows, columns: np.repeat(
        np.arange(rows), columns
    ),
    "They run backward, from the last to the first.": lambda rows, columns: np.arange(
        rows * columns
    )[::-1],
    "They're the last images of the array, beginning at its end.": lambda rows, columns: (
        len(IMAGES) - 1 - np.arange(rows * columns)
    ),
    "They're the last images of the array.": lambda rows, columns: (
        len(IMAGES) - rows * columns + np.arange(rows * columns)
    ),
    "The rows run from right to left.": lambda rows, columns: np.arange(rows * columns).reshape(
        rows, columns
    )[:, ::-1],
    "The first images are in the bottom row.": lambda rows, columns: np.arange(
        rows * columns
    ).reshape(rows, columns)[::-1],
    "That's row + column. A row further down means `columns` images further on.": (
        lambda rows, columns: np.add.outer(np.arange(rows), np.arange(columns))
    ),
    "That's row * column. A row further down means `columns` images further on.": (
        lambda rows, columns: np.multiply.outer(np.arange(rows), np.arange(columns))
    ),
    "That's row * rows + column. A row further down means `columns` images further on.": (
        lambda rows, columns: np.add.outer(rows * np.arange(rows), np.arange(columns))
    ),
    "That's column * columns + row: rows and columns are exchanged.": lambda rows, columns: (
        np.add.outer(np.arange(rows), columns * np.arange(columns))
    ),
    "They're sorted by their labels.": lambda rows, columns: np.argsort(
        IMAGE_LABELS[: rows * columns], kind="stable"
    ),
    "Their positions in the array are their labels: that's `images[labels[i]]`.": (
        lambda rows, columns: IMAGE_LABELS[: rows * columns]
    ),
}
CAPTIONS: dict[str, Callable[[int], Any]] = {
    "Each image has the label of the next one, as with `labels[i + 1]`, or when a label is written "
    "before its place is made.": lambda i: IMAGE_LABELS[i + 1],
    "Each image has the label of the previous one.": lambda i: IMAGE_LABELS[i - 1],
    "The images are numbered from 0. Write the digit that each one shows.": lambda i: i,
    "The images are numbered from 1. Write the digit that each one shows.": lambda i: i + 1,
    "That's the first label at every image.": lambda _: IMAGE_LABELS[0],
    "That's the last label of the array at every image.": lambda _: IMAGE_LABELS[-1],
    "They're the last labels of the array, beginning at its end.": lambda i: IMAGE_LABELS[-1 - i],
    "Those are the labels in sorted order.": lambda i: np.sort(IMAGE_LABELS)[i],
    "That's the label of the label: `labels[labels[i]]`.": lambda i: IMAGE_LABELS[IMAGE_LABELS[i]],
    "Those are the first labels of MNIST's training set. Use the argument `labels`.": (
        lambda i: load_mnist().train_labels[i]
    ),
    "Those are the first labels of MNIST's test set. Use the argument `labels`.": (
        lambda i: load_mnist().test_labels[i]
    ),
}


def _describe_squeezed(failure: str, rows: int, columns: int, function: Any) -> str:
    """Say which dimensions the axes of `plt.subplots` lack, if that stopped a function."""
    if not _mentions(function, "subplots"):
        return ""
    if (rows, columns) == (1, 1) and re.search("'Axes' object (has no|is not)", failure):
        returned = "a single pair of axes, not an array of them"
    elif 1 in (rows, columns) and "IndexError: too many indices" in failure:
        returned = "its axes in one dimension, not in two"
    else:
        return ""
    return f" `plt.subplots({rows}, {columns})` returns {returned}, unless you add `squeeze=False`."


def _size(rows: int, columns: int) -> str:
    return f"{rows} row{'s' * (rows > 1)} of {columns}"


def _where(i: int, columns: int) -> str:
    return f"row {i // columns + 1}, column {i % columns + 1}"


def _expect_grid(panels: list[Panel], rows: int, columns: int, function: Any) -> None:
    pictures, places = read_pictures(panels, IMAGES), find_places(panels)
    _expect_places(pictures, places, rows, columns, {panel.grid for panel in panels})
    by_place = sorted(zip(places, pictures, strict=True), key=operator.itemgetter(0))
    ordered = [picture for _, picture in by_place]
    _expect_pictures(ordered, columns, function)
    _expect_order([picture.index for picture in ordered], rows, columns)
    hidden = [text for panel in panels for text in panel.hidden]
    _expect_captions(ordered, columns, hidden, function)


def _expect_places(
    pictures: list[Picture],
    places: list[tuple[int, int]],
    rows: int,
    columns: int,
    grids: set[tuple[int, int]],
) -> None:
    seen, number = len(pictures), rows * columns
    expect(seen > 0, "there is no image in the figure. `plt.imshow` draws one.")
    expect(
        len(set(places)) > 1 or seen == 1,
        f"all {seen} images lie on top of each other. Make a place for each, such as a subplot, "
        "before you draw it.",
    )
    (row, column), most = Counter(places).most_common(1)[0]
    expect(
        most == 1,
        f"row {row + 1}, column {column + 1} holds {most} images, one on top of the other.",
    )
    expect(
        seen > 1 or pictures[0].index >= 0,
        f"there is a single image of shape {pictures[0].shape}; expected {number} images, each "
        "drawn by a call of its own.",
    )
    if seen != number:
        indices = {picture.index for picture in pictures}
        missing = [f"images[{i}]" for i in range(number) if i not in indices]
        lacks = f" {' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing."
        known = -1 not in indices and 0 < len(missing) < 4
        raise CheckError(
            f"there {'is 1 image' if seen == 1 else f'are {seen} images'}; expected {number}."
            f"{lacks * known}{_describe_few(indices, columns)}"
        )
    height, width = (1 + max(place[axis] for place in places) for axis in (0, 1))
    swapped = " Rows and columns are swapped." * ((width, height) == (rows, columns))
    expect(
        (height, width) == (rows, columns),
        f"there {'is' if height == 1 else 'are'} {_size(height, width)}; expected "
        f"{_size(rows, columns)}.{swapped or _describe_grid(grids, rows, columns)}",
    )


def _describe_few(indices: set[int], columns: int) -> str:
    """Say which images are there if it's the first one or the first row alone."""
    if indices == {0}:
        return " That's images[0] alone, as with `return` inside the loop."
    if indices == set(range(columns)):
        return " That's the first row alone. The loop has to go through all rows."
    return ""


def _describe_grid(grids: set[tuple[int, int]], rows: int, columns: int) -> str:
    """Say for what grid the places were made, if it's the same other one for all."""
    if len(grids) != 1 or grids <= {(rows, columns), (0, 0)}:
        return ""
    return f" The places are made for a grid of {_size(*grids.copy().pop())}."


def _expect_pictures(pictures: list[Picture], columns: int, function: Any) -> None:
    """Fail the check unless all pictures are given images, upright and visible."""
    for i, picture in enumerate(pictures):
        where = f"the image in {_where(i, columns)}"
        expect(
            picture.shape == IMAGES.shape[1:],
            f"{where} has shape {picture.shape}; expected {IMAGES.shape[1:]}.",
        )
        expect(picture.index >= 0, f"{where} is none of those given.")
        expect(not picture.flaw, f"{where} {picture.flaw}.")
    wrong = next((i for i, picture in enumerate(pictures) if picture.view), None)
    if wrong is None:
        return
    view = pictures[wrong].view
    reasons = {
        "lower": '`origin="lower"` draws row 0 of an array at the bottom.',
        "pcolormesh": "`pcolormesh` draws row 0 of an array at the bottom; `plt.gca()."
        "invert_yaxis()` turns the axis around.",
    }
    why = [f" {text}" for word, text in reasons.items() if _mentions(function, word)]
    raise CheckError(
        f"the image in {_where(wrong, columns)} is {view}."
        f"{''.join(why) if view == 'upside down' else ''}"
    )


def _expect_order(seen: list[int], rows: int, columns: int) -> None:
    number = rows * columns
    if seen == list(range(number)):
        return
    expect(
        len(set(seen)) > 1,
        f"every place shows the same image, images[{seen[0]}]; expected images[0] to "
        f"images[{number - 1}].",
    )
    named = [
        text for text, make in ORDERS.items() if seen == np.ravel(make(rows, columns)).tolist()
    ]
    raise CheckError(
        f"row by row, the grid shows the images {', '.join(map(str, seen))}; expected 0 to "
        f"{number - 1}, in order.{f' {named[0]}' if named else ''}"
    )


def _expect_captions(
    pictures: list[Picture], columns: int, hidden: list[str], function: Any
) -> None:
    """Fail the check unless each picture has its label, where a reader sees it."""
    inner = list(enumerate(pictures))
    wrong = next((i for i, picture in inner if not picture.says(IMAGE_LABELS[i])), None)
    if wrong is None:
        return
    unseen = f" {hidden[0]}" if hidden else ""
    expect(
        any(picture.text for picture in pictures),
        f"there is no text at the images; expected the label of each.{unseen}",
    )
    text, label = " ".join(pictures[wrong].text.split()), IMAGE_LABELS[wrong]
    where = f"at the image in {_where(wrong, columns)}"
    last = len(pictures) - 1
    named = [
        f" {sentence}"
        for sentence, number in CAPTIONS.items()
        if all(
            picture.says(int(number(i)))
            for i, picture in inner
            # Beyond the ends, there is no neighbor.
            if not ("next" in sentence and i == last) and not ("previous" in sentence and i == 0)
        )
    ]
    *others, final = (picture.text for picture in pictures)
    if (
        final
        and not any(others)
        and all(_mentions(function, name) for name in ("subplots", "title"))
    ):
        unseen = (
            " Only the last image has a text: `plt.title` writes at the place that was made last. "
            "`set_title` writes at the axes it is called on."
        )
    cause = named[0] if named else unseen
    expect(bool(text), f"there is no text {where}; expected its label, {label}.{cause}")
    raise CheckError(f"the text {where} is {text[:60]!r}; expected its label, {label}.{cause}")


# Task 2 --------------------------------------------------------------------------------------


def _for_any_sequence(mistakes: dict[str, Callable[..., Any]]) -> dict[str, Callable[..., Any]]:
    """Let mistakes return lists in place of arrays, which are equal to lists and to arrays."""

    def listed(result: Any) -> Any:
        if isinstance(result, tuple):
            return tuple(map(listed, result))
        return list(result) if isinstance(result, np.ndarray) and result.ndim else result

    def wrap(mistaken: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *arguments: listed(mistaken(*arguments))

    return {sentence: wrap(mistaken) for sentence, mistaken in mistakes.items()}


def _count(labels: Any) -> Any:
    return np.bincount(labels, minlength=CLASSES)


MISCOUNTS: dict[str, Callable[..., Any]] = {
    "The counts end with the largest digit that occurs. `minlength` asks for more.": (
        lambda labels: np.bincount(labels)
    ),
    "Only digits that occur were counted, so the counts no longer stand at their digits.": (
        lambda labels: np.unique(labels, return_counts=True)[1]
    ),
    "Those are two things, as `np.unique` returns them: the digits that occur, and their counts. "
    "Digits that don't occur are left out.": lambda labels: np.unique(labels, return_counts=True),
    "Those are the digits that occur, not how often.": lambda labels: np.unique(labels),
    "That's how many different digits occur.": lambda labels: len(np.unique(labels)),
    "Ten bins were spread from the smallest to the largest label that occurs, so they don't "
    "fit the digits.": lambda labels: np.histogram(labels, bins=10)[0],
    "`np.histogram` returned two things, the counts and the edges of its bins, and spread its "
    "ten bins from the smallest to the largest label that occurs.": lambda labels: np.histogram(
        labels, bins=10
    ),
    "`np.histogram` returned two things, the counts and the edges of its bins. Return the "
    "counts alone.": lambda labels: np.histogram(labels, bins=np.arange(11)),
    "The edges 0 to 9 make nine bins, and the last one holds the 8s and the 9s. Ten bins have "
    "eleven edges.": lambda labels: np.histogram(labels, bins=np.arange(10))[0],
    "That's a dictionary. Return the ten counts alone, in the order of the digits.": (
        lambda labels: dict(enumerate(_count(labels).tolist()))
    ),
    "That's a dictionary, and it lacks the digits that don't occur.": lambda labels: dict(
        Counter(labels.tolist())
    ),
    "Those are pairs of a digit and its count. Return the counts alone.": lambda labels: list(
        enumerate(_count(labels).tolist())
    ),
    "The counts are those of 1 to 10. `range(10)` runs from 0 to 9.": lambda labels: [
        *_count(labels)[1:],
        0,
    ],
    "The count of the 0 is missing.": lambda labels: _count(labels)[1:],
    "The count of the 9 is missing, as with `range(9)`, which ends at 8.": lambda labels: _count(
        labels
    )[:9],
    "There is a 0 instead of the count of the 9.": lambda labels: [*_count(labels)[:9], 0],
    "There is a 0 instead of the count of the 0.": lambda labels: [0, *_count(labels)[1:]],
    "Those are eleven counts. The digits end at 9.": lambda labels: np.bincount(
        labels, minlength=11
    ),
    "Each count stands one place too far to the left.": lambda labels: np.roll(_count(labels), -1),
    "Each count stands one place too far to the right.": lambda labels: np.roll(_count(labels), 1),
    "A count ends at 255, then starts over at 0, as in the type uint8. Count in a larger "
    "one.": lambda labels: _count(labels) % 256,
    "Those are shares of all labels, which add up to 1, not counts.": lambda labels: (
        _count(labels) / len(labels)
    ),
    "Those are percentages, which add up to 100, not counts.": lambda labels: (
        100 * _count(labels) / len(labels)
    ),
    "Every digit that occurs has the count 1, as with `=+ 1`, which stores a 1 (`+= 1` adds), or "
    "with `counts[labels] += 1`, which adds only once.": lambda labels: np.minimum(
        _count(labels), 1
    ),
    "Those are the sums of the labels, digit times count.": lambda labels: DIGITS * _count(labels),
    "That's the number of all labels, ten times. `len(labels == digit)` counts False, too.": (
        lambda labels: [len(labels)] * CLASSES
    ),
    "All ten counts are 1, whatever the labels are. (The `len` of what `np.where` returns is 1, "
    "because that's a tuple with one array.)": lambda labels: [1] * CLASSES,
    "That's a count for each label, as when a loop runs over the labels. It should run over the "
    "digits 0 to 9.": lambda labels: _count(labels)[labels],
    "The counts of the digits that occur come first, then zeros. A digit that doesn't occur "
    "should have its 0 in its own place.": lambda labels: np.pad(
        counts := np.unique(labels, return_counts=True)[1], (0, CLASSES - len(counts))
    ),
    "That's how many labels are *another* digit.": lambda labels: len(labels) - _count(labels),
    "That's True and False for each label, not yet counted.": lambda labels: (
        labels == DIGITS[:, np.newaxis]
    ),
    "Those are running totals: each adds all smaller digits.": lambda labels: np.cumsum(
        _count(labels)
    ),
    "The counts are sorted, the smallest first. Keep the order of the digits.": lambda labels: (
        np.sort(_count(labels))
    ),
    "The counts are sorted, the largest first. Keep the order of the digits.": lambda labels: (
        np.sort(_count(labels))[::-1]
    ),
    "They run from 9 to 0.": lambda labels: _count(labels)[::-1],
    "Those are all zeros, as when nothing is counted.": lambda labels: np.zeros(CLASSES),
    "Only the first label is counted, as if `return` stood inside the loop.": lambda labels: _count(
        labels[:1]
    ),
    "That's the count of the 0 alone, as if `return` stood inside the loop.": lambda labels: _count(
        labels
    )[0],
    "That's a list with the count of the 0 alone, as if `return` stood inside the loop.": (
        lambda labels: _count(labels)[:1]
    ),
    "That's the count of the 9 alone, as if each count replaced the one before.": (
        lambda labels: _count(labels)[9]
    ),
    "The first label is left out.": lambda labels: _count(labels[1:]),
    "The last label is left out.": lambda labels: _count(labels[:-1]),
    "That's the largest count alone.": lambda labels: _count(labels).max(),
    "That's the digit that occurs most often.": lambda labels: _count(labels).argmax(),
    "That's the number of labels.": lambda labels: len(labels),
    "Those are the counts of MNIST's training labels. Count the argument `labels`.": (
        lambda _: _count(load_mnist().train_labels)
    ),
    "Those are the counts of MNIST's test labels. Count the argument `labels`.": (
        lambda _: _count(load_mnist().test_labels)
    ),
}

count_classes = FunctionCheck(
    name="count_classes",
    section="visualizing.html#class-balance",
    correct=lambda labels: _count(labels).tolist(),
    cases=COUNTED,
    praise="ten counts, and 0 for a digit that doesn't occur.",
    mistakes=_for_any_sequence(MISCOUNTS),
)


# Task 3 --------------------------------------------------------------------------------------


@task("visualizing.html#class-balance")
def plot_balance(plot_balance: Any) -> str:
    """Check a function that draws how often each digit occurs."""
    charts = []
    for case in COUNTED:
        (labels,) = case.arguments
        with prefix(f"{case.given or f'for the labels {labels.tolist()}'}, "):
            try:
                panel = _bar_chart(_draw(plot_balance, labels))
            except CheckError as failure:
                if "ValueError: shape mismatch" not in str(failure):
                    raise
                raise CheckError(f"{failure}{_describe_lengths(plot_balance, labels)}") from None
            charts.append(panel)
            lengths = read_bars(panel)
            if not np.array_equal(lengths, _count(labels)):
                cause = _exchanged(panel, labels) or _miscounted(plot_balance)
                raise CheckError(f"{_compare(panel, lengths, labels)}{cause and f' {cause}'}")
            _expect_digits(panel)
            for fault in find_bar_faults(panel):
                raise CheckError(fault)
            if faults := find_label_faults(panel):
                first, *others = faults
                rest = (fault[0].upper() + fault[1:] for fault in others)
                raise CheckError(" ".join([first, *rest]))
    end = find_fixed_end(charts)
    if end < LARGEST_COUNT:
        raise CheckError(
            f"the axis of the counts ends at {end:,.6g}, whatever the labels are. In "
            f"`train_labels`, a digit occurs {LARGEST_COUNT:,} times, so its bar is cut off."
        )
    return "every digit has its bar, and both axes have a label."


BARS: dict[str, Callable[[Any], Any]] = {
    "That's a bar for each label, as long as its digit. Count first, then draw the counts.": (
        lambda labels: labels
    ),
    "`plt.hist` counts what it's given, and it was given the ten counts. Give it the labels, or "
    "draw the counts with `plt.bar`.": lambda labels: np.histogram(_count(labels), bins=10)[0],
    "Nine bins were spread from the smallest to the largest label that occurs.": lambda labels: (
        np.histogram(labels, bins=9)[0]
    ),
    "The edges 1 to 10 make nine bins, without the 0s.": lambda labels: np.histogram(
        labels, bins=np.arange(1, 11)
    )[0],
    "Those are shares: the counts were divided by the number of labels and by the width of the "
    "bins, as `density=True` does.": lambda labels: np.histogram(labels, bins=10, density=True)[0],
    "Those are the first ten labels. Count first, then draw the counts.": lambda labels: labels[
        :10
    ],
    "The bars are as long as the digits themselves, 0 to 9. Draw their counts.": lambda _: DIGITS,
    "They run down instead of up: the lengths are negative.": lambda labels: -_count(labels),
    "Those are the logarithms of the counts.": lambda labels: np.log10(
        np.maximum(_count(labels), 1)
    ),
}


def _bar_chart(panels: list[Panel]) -> Panel:
    charts = [panel for panel in panels if panel.bars]
    if not charts:
        unseen = [text for panel in panels for text in panel.hidden]
        lines = "lines, but " * any(panel.lines for panel in panels)
        raise CheckError(
            f"there are {lines}no bars; expected one for each digit, drawn by `plt.bar`, "
            f"`plt.barh`, or `plt.hist`.{f' {unseen[0]}' if unseen else ''}"
        )
    expect(len(charts) == 1, f"there are {len(charts)} charts; expected one with all bars.")
    return charts[0]


def _compare(panel: Panel, lengths: FloatArray, labels: Array) -> str:
    expected = _listed(_count(labels))
    if len(lengths) > 12:
        return f"there are {len(lengths)} bars; expected ten, with the lengths {expected}."
    texts = [text for _, text in (panel.yticks if panel.horizontal else panel.xticks)]
    named = f" They stand at {', '.join(texts)}." if len(texts) == len(lengths) < CLASSES else ""
    return f"the bars have the lengths {_listed(lengths)}; expected {expected}.{named}"


def _listed(numbers: Any) -> str:
    return ", ".join(f"{number:g}" for number in numbers)


def _exchanged(panel: Panel, labels: Array) -> str:
    """Say that positions and lengths are exchanged, if they are."""
    places, lengths = np.array(sorted(panel.bars, key=operator.itemgetter(1)), dtype=float).T
    if np.array_equal(lengths, DIGITS) and np.array_equal(places, _count(labels)):
        return "Positions and lengths are exchanged: `plt.bar` takes the digits first."
    return ""


def _read_lengths(plot_balance: Any, labels: Array) -> Any:
    return read_bars(_bar_chart(_draw(plot_balance, labels)))


def _record_lengths(plot_balance: Any, labels: Array) -> Any:
    """Return what a function gives to `bar` or `barh` as the lengths."""
    given: list[Any] = []

    def record(_: Axes, *values: Any, height: Any = None, width: Any = None, **__: Any) -> Any:
        given.append(values[1] if len(values) > 1 else width if height is None else height)
        raise CheckError("recorded")

    with (
        mock.patch.object(Axes, "bar", record),
        mock.patch.object(Axes, "barh", record),
        contextlib.suppress(CheckError),
    ):
        _draw(plot_balance, labels)
    expect(bool(given) and np.ndim(given[0]) == 1, "nothing was drawn.")
    return np.asarray(given[0])


def _describe_lengths(plot_balance: Any, labels: Array) -> str:
    """Compare the lengths that bars were to have, though Matplotlib refused them, or return ""."""
    try:
        lengths = _listed(_record_lengths(plot_balance, labels))
    except (CheckError, TypeError, ValueError):
        return ""
    named = _miscounted(plot_balance, _record_lengths)
    return f" The lengths given are {lengths}; expected {_listed(_count(labels))}. {named}".rstrip()


def _miscounted(plot_balance: Any, read: Callable[[Any, Array], Any] = _read_lengths) -> str:
    """Name the mistake whose counts the bars show for all labels, or ""."""
    candidates = {**count_classes.mistakes, **BARS}
    for case in COUNTED:
        try:
            lengths = read(plot_balance, *case.arguments)
        except CheckError:
            break
        candidates = {
            sentence: mistaken
            for sentence, mistaken in candidates.items()
            if _same_lengths(lengths, mistaken(*case.arguments))
        }
    else:
        if candidates:
            return next(iter(candidates))
    return describe_unused(plot_balance)


def _same_lengths(lengths: FloatArray, mistaken: Any) -> bool:
    return not isinstance(mistaken, tuple | dict) and not difference(lengths, np.asarray(mistaken))


def _expect_digits(panel: Panel) -> None:
    """Fail the check unless each bar stands at its digit."""
    if stand_at_their_digits(panel):
        return
    axis = "y" if panel.horizontal else "x"
    values = _read_axis(panel, np.array(sorted(place for place, _ in set(panel.bars))))
    if values is None:
        ticks = panel.yticks if panel.horizontal else panel.xticks
        written = ", ".join(text for _, text in ticks)
        raise CheckError(
            f"the bars are right, but what is written at the {axis} axis isn't: {written}."
        )
    first, last = (f"{value:.3g}" for value in np.sort(values)[[0, -1]])
    raise CheckError(
        f"the bars are right, but by the numbers at the {axis} axis, the bar of the 0 stands at "
        f"{first}, and that of the 9 at {last}."
    )


# Task 4 --------------------------------------------------------------------------------------


def _means(images: Any, labels: Any) -> Any:
    return np.stack([images[labels == digit].mean(axis=0) for digit in DIGITS])


def _per_digit(summarize: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """Make a function that summarizes the images of each digit."""
    return lambda images, labels: np.stack([summarize(images[labels == digit]) for digit in DIGITS])


class MeansCheck(FunctionCheck):
    """A check that leaves open what is returned in the place of a digit that doesn't occur."""

    def test(self, function: Any) -> None:
        """Test as any function is, then look at the images of absent digits."""
        super().test(function)
        labels = np.resize(np.array([7, 2, 8, 0, 5, 1, 3, 6, 2, 7, 7], dtype="uint8"), 26)
        with prefix("for labels without 4 and 9, "):
            # NumPy warns of the mean of nothing, which is what it's given here.
            with warnings.catch_warnings(action="ignore"):
                answer = call(function, IMAGES[:26], labels)
                expected = _means(IMAGES[:26], labels)
            try:
                means = np.array(answer, dtype=float)
            except (TypeError, ValueError):
                raise CheckError(
                    f"the result is {kind(answer)}; expected an array of shape {expected.shape}."
                ) from None
            absent = np.isnan(expected[:, 0, 0])
            if means.shape == expected.shape:
                means[absent] = np.nan
            seen = difference(means, expected, near=self.near)
            closed = means.shape == expected[~absent].shape and np.allclose(
                means, expected[~absent], rtol=self.near
            )
            expect(
                not seen,
                f"{seen}{' The places of 4 and 9 are left out.' * closed}",
            )


EVERY_DIGIT = np.repeat(DIGITS, 2).astype("uint8")
FLAT = np.broadcast_to(
    # Of each digit one image with a gray value above 100 and one of 101.
    np.where(np.arange(20) % 2, 101, 110 + 7 * np.arange(20))[:, np.newaxis, np.newaxis],
    (20, SIDE, SIDE),
).astype("uint8")
MANY = np.repeat(DIGITS, 300).astype("uint8")
BRIGHT = np.where(MANY == 3, 255, np.where(MANY == 5, 170, MANY)).astype("uint8")
SHUFFLED = np.random.default_rng(4).permutation(np.repeat(DIGITS, 3)).astype("uint8")

MISTAKEN_MEANS: dict[str, Callable[..., Any]] = {
    "Each of the ten is the mean of *all* images. Choose the images of one digit first.": (
        lambda images, _: np.stack([images.mean(axis=0)] * CLASSES)
    ),
    "That's one mean image, of all digits together.": lambda images, _: images.mean(axis=0),
    "Those are sums. A mean is the sum, divided by the number of images.": _per_digit(
        lambda group: group.sum(axis=0)
    ),
    "The sums are divided by the number of all images. Divide by the number of images of "
    "that digit.": lambda images, labels: (
        _per_digit(lambda group: group.sum(axis=0))(images, labels) / len(images)
    ),
    "The sums are divided by ten. Divide by the number of images of that digit.": _per_digit(
        lambda group: group.sum(axis=0) / CLASSES
    ),
    "The sums are divided by 28 * 28. Divide by the number of images.": _per_digit(
        lambda group: group.sum(axis=0) / SIDE**2
    ),
    "The sums start over at 0 after 255, where the type uint8 ends. Add up in a larger type.": (
        _per_digit(lambda group: group.sum(axis=0, dtype="uint8") / len(group))
    ),
    "The sums start over at 0 after 255, where the type uint8 ends, and the decimals are cut "
    "off.": _per_digit(lambda group: group.sum(axis=0, dtype="uint8") // len(group)),
    "The sums start over at 0 after 65,535, where the type uint16 ends. Add up in a larger "
    "type.": _per_digit(lambda group: group.sum(axis=0, dtype="uint16") / len(group)),
    "The sums go on at -32,768 after 32,767, where the type int16 ends. Add up in a larger "
    "type.": _per_digit(lambda group: group.sum(axis=0, dtype="int16") / len(group)),
    "The sums are inf above 65,504, where the type float16 ends. Add up in a larger type.": (
        _per_digit(lambda group: group.sum(axis=0, dtype="float16") / len(group))
    ),
    "The decimals are cut off, as in an array of whole numbers, or with `//`.": _per_digit(
        lambda group: group.mean(axis=0).astype("uint8")
    ),
    "The means are rounded to whole numbers.": _per_digit(
        lambda group: np.rint(group.mean(axis=0))
    ),
    "The means are rounded to one decimal.": _per_digit(
        lambda group: np.round(group.mean(axis=0), 1)
    ),
    "The means are divided by 255. Average the gray values as they're given.": (
        lambda images, labels: _means(images, labels) / 255
    ),
    "The means are stretched so that the largest of all becomes 1.": lambda images, labels: (
        _means(images, labels) / _means(images, labels).max()
    ),
    "Those are medians. Take the mean.": _per_digit(lambda group: np.median(group, axis=0)),
    "Those are the largest values, not the means.": _per_digit(lambda group: group.max(axis=0)),
    "Those are the smallest values, not the means.": _per_digit(lambda group: group.min(axis=0)),
    "Those are standard deviations, not means.": _per_digit(lambda group: group.std(axis=0)),
    "Those are variances, not means.": _per_digit(lambda group: group.var(axis=0)),
    "That's the first image of each digit, not the mean of all of them.": _per_digit(
        lambda group: group[0]
    ),
    "That's the last image of each digit, not the mean of all of them.": _per_digit(
        lambda group: group[-1]
    ),
    "Those are the first ten images of the array, not means.": lambda images, _: images[:10],
    "That's one number for each digit: all its pixels are averaged, too. `axis=0` averages "
    "over the images only.": _per_digit(lambda group: group.mean()),
    "The rows of each image are averaged, which leaves its columns. `axis=0` averages over "
    "the images.": _per_digit(lambda group: group.mean(axis=1)),
    "The columns of each image are averaged, which leaves its rows. `axis=0` averages over "
    "the images.": _per_digit(lambda group: group.mean(axis=2)),
    "That's the mean gray value of each image. `axis=0` averages over the images.": (
        _per_digit(lambda group: group.mean(axis=(1, 2)))
    ),
    "Those are the means of all *other* digits.": lambda images, labels: np.stack(
        [images[labels != digit].mean(axis=0) for digit in DIGITS]
    ),
    "That's a mean for each label. Average for each digit from 0 to 9.": (
        lambda images, labels: _means(images, labels)[labels]
    ),
    "Those are means for the first ten labels, one each. Average for each digit from 0 to 9.": (
        lambda images, labels: _means(images, labels)[labels[:CLASSES]]
    ),
    "Later images count more than earlier ones, as with `(mean + image) / 2` for one image after "
    "the other. Add all of them up, then divide once.": _per_digit(
        lambda group: functools.reduce(lambda mean, image: (mean + image) / 2, group.astype(float))
    ),
    "The digits stand in the order in which they first occur among the labels.": (
        lambda images, labels: _means(images, labels)[list(dict.fromkeys(labels.tolist()))]
    ),
    "They run from 9 to 0.": lambda images, labels: _means(images, labels)[::-1],
    "The means are those of 1 to 10. `range(10)` runs from 0 to 9.": lambda images, labels: (
        np.concatenate([_means(images, labels)[1:], np.full((1, SIDE, SIDE), np.nan)])
    ),
    "The 0 is left out.": lambda images, labels: _means(images, labels)[1:],
    "The 9 is left out, as with `range(9)`, which ends at 8.": lambda images, labels: _means(
        images, labels
    )[:9],
    "There is nothing in the place of the 9.": lambda images, labels: np.concatenate(
        [_means(images, labels)[:9], np.zeros((1, SIDE, SIDE))]
    ),
    "There is nothing in the place of the 0.": lambda images, labels: np.concatenate(
        [np.zeros((1, SIDE, SIDE)), _means(images, labels)[1:]]
    ),
    "Only the 0 has its mean, as if `return` stood inside the loop.": lambda images, labels: (
        np.concatenate([_means(images, labels)[:1], np.zeros((9, SIDE, SIDE))])
    ),
    "Those are all zeros, as when no mean is stored.": lambda *_: np.zeros((CLASSES, SIDE, SIDE)),
    "The ten images stand end to end in one long array. `np.stack` keeps them apart.": (
        lambda images, labels: np.concatenate(_means(images, labels))
    ),
    "The digits are along the last axis. Put them along the first.": lambda images, labels: (
        np.moveaxis(_means(images, labels), 0, -1)
    ),
    "Each mean is flattened to a row of 784 numbers.": lambda images, labels: _means(
        images, labels
    ).reshape(CLASSES, -1),
    "Each mean is transposed.": lambda images, labels: np.swapaxes(_means(images, labels), 1, 2),
    "Each mean is upside down.": lambda images, labels: _means(images, labels)[:, ::-1],
    "The means are inverted: black became white.": lambda images, labels: (
        255 - _means(images, labels)
    ),
    "That's a dictionary. Return an array, with each mean at the position of its digit.": (
        lambda images, labels: dict(enumerate(_means(images, labels)))
    ),
}

mean_images = MeansCheck(
    name="mean_images",
    section="visualizing.html#mean-digits",
    correct=lambda images, labels: list(_means(images, labels)),
    cases=[
        Case((FLAT, EVERY_DIGIT), "for two images of each digit, each of a single gray"),
        Case((IMAGES, SHUFFLED), "for three random images of each digit, in any order"),
        Case(
            (np.repeat(BRIGHT, SIDE**2).reshape(-1, SIDE, SIDE), MANY),
            "for 300 images of each digit, of gray 255 for a 3, 170 for a 5, and dark otherwise",
        ),
    ],
    # Wide enough for means in half precision.
    near=1e-3,
    praise="ten mean images, each in the place of its digit.",
    mistakes=_for_any_sequence(MISTAKEN_MEANS),
)

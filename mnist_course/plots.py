"""Every figure of the course.

In: NumPy arrays, as the other modules return them. Out: a matplotlib `Figure` that shows itself in
a notebook. Nothing is said by color alone, so that the figures can be read in print and by the
color-blind. Images are drawn as ink on paper: 0 is white, the largest value is black.
"""

from collections.abc import Collection, Mapping, Sequence
from contextlib import ContextDecorator
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Annotation
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ._arrays import (
    Array,
    check_counts,
    check_curves,
    check_digits,
    check_numbers,
    check_probabilities,
    check_reliability,
    check_shape,
)
from ._text import counted
from .data import SIDE
from .errors import CourseError

CLASSES = 10
MOST_IMAGES = 200
MOST_MISTAKES = 24
MOST_UNITS = 64

WIDTH = 7.0  # inches: on the screen of a phone, wider figures have letters too small to read
CAPTION = 11  # points
INK = "gray_r"
GRAY = "#595959"
# From P. Tol's "high-contrast" scheme, https://sronpersonalpages.nl/~pault/: they differ for the
# color-blind and, in lightness, when printed in gray.
DARK, LIGHT = "#004488", "#BB5566"
SOLID: dict[str, Any] = {"color": DARK, "linestyle": "-", "marker": "o"}
DASHED: dict[str, Any] = {"color": LIGHT, "linestyle": "--", "marker": "s"}
CENTERED: dict[str, Any] = {"ha": "center", "va": "center"}
HATCHED: dict[str, Any] = {"facecolor": "white", "hatch": "///"}

# Matplotlib's own defaults with larger letters, whatever style a notebook has chosen.
_course_style: ContextDecorator = style.context(
    [
        "default",
        {
            "font.size": 12,
            "hatch.linewidth": 1.5,
            "figure.constrained_layout.w_pad": 0.08,
            "figure.constrained_layout.h_pad": 0.08,
        },
    ]
)


@_course_style
def plot_digits(
    images: npt.ArrayLike,
    labels: npt.ArrayLike | None = None,
    *,
    predictions: npt.ArrayLike | None = None,
    columns: int = 10,
) -> Figure:
    """Show images in a grid, each under its label.

    Parameters
    ----------
    images : array_like, shape (n, 28, 28)
        1 to 200 images, whole numbers from 0 to 255 or floats from 0 to 1.
    labels : array_like of int, shape (n,), optional
        The digits the images show, 0 to 9.
    predictions : array_like of int, shape (n,), optional
        The digits a model says. With labels, a right one reads "4 ✓", and a wrong one, framed,
        "4 → 9 ✗".
    columns : int, default 10
        Images in a row.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    CourseError
        If an array has another shape or other values, or there are more than 200 images.

    Examples
    --------
    >>> figure = plot_digits(np.zeros((2, 28, 28)), [4, 7], predictions=[9, 7])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['4 → 9 ✗', '7 ✓']
    """
    pixels, brightest = _images(images)
    if len(pixels) > MOST_IMAGES:
        raise CourseError(
            f"{len(pixels)} images are too many for one figure: expected {MOST_IMAGES} at most, "
            "such as images[:50]."
        )
    true = None if labels is None else check_digits("labels", labels, len(pixels))
    said = None if predictions is None else check_digits("predictions", predictions, len(pixels))
    title = counted(len(pixels), "image")
    captions = [""] * len(pixels)
    wrong: Collection[int] = ()
    if true is not None and said is not None:
        wrong = np.flatnonzero(true != said).tolist()
        title += f", label → prediction: {len(wrong)} wrong"
        captions = [f"{t} ✓" if t == s else f"{t} → {s} ✗" for t, s in zip(true, said, strict=True)]
    elif true is not None:
        title += " and its label" if len(pixels) == 1 else " and their labels"
        captions = [str(t) for t in true]
    elif said is not None:
        title += " → what the model says"
        captions = [f"→ {s}" for s in said]
    return _gallery(
        pixels, captions, title, columns=columns, tile=0.7, limits=(0, brightest), framed=wrong
    )


@_course_style
def plot_digit(image: npt.ArrayLike, label: int | None = None) -> Figure:
    """Show one image with the number of each pixel written in it.

    Parameters
    ----------
    image : array_like, shape (28, 28)
        Whole numbers from 0 to 255, written as they are, or floats from 0 to 1, written with two
        decimals and without the leading zero.
    label : int, optional
        The digit the image shows, for the title.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    CourseError
        If the image has another shape or other values, or the label is not a digit.
    """
    pixels, brightest = _image(image)
    title = "28 × 28 pixels are 784 numbers"  # noqa: RUF001
    if label is not None:
        title = f"Label {check_digits('label', [label], 1)[0]}: {title}"
    figure = _Figure(WIDTH, WIDTH + 0.25, title)
    axes = figure.add_subplot(
        xlabel=f"Column (0 is paper, {brightest} is ink)",
        ylabel="Row",
        xticks=range(0, SIDE, 3),
        yticks=range(0, SIDE, 3),
    )
    _draw_image(axes, pixels, 0, brightest)
    for (row, column), value in np.ndenumerate(pixels):
        axes.text(
            column,
            row,
            f"{value:z.2f}".removeprefix("0") if brightest == 1 and value else f"{value:z.0f}",
            # At this gray, black and white text have the same contrast (WCAG 2.2): 4.6 to 1.
            color="black" if 1 - value / brightest > 0.46 else "white",
            fontsize=7.2,
            **CENTERED,
            in_layout=False,  # asking 784 texts for their size takes seconds
        )
    return figure


@_course_style
def plot_class_balance(labels: npt.ArrayLike, test_labels: npt.ArrayLike | None = None) -> Figure:
    """Show how many images there are of each digit.

    Parameters
    ----------
    labels : array_like of int, shape (n,)
        The digits of the training images, 0 to 9.
    test_labels : array_like of int, shape (m,), optional
        The digits of the test images, as hatched bars.

    Returns
    -------
    matplotlib.figure.Figure
        Horizontal bars, each with its count and its share of the training or of the test images.

    Raises
    ------
    CourseError
        If an array is empty, not one-dimensional, or holds something else than digits.
    """
    parts = {"training": check_digits("labels", labels)}
    if test_labels is not None:
        parts["test"] = check_digits("test_labels", test_labels)
    figure = _Figure(WIDTH, 2 + 2.3 * len(parts), "How many images there are of each digit")
    axes = figure.add_subplot(
        xlabel="Images", ylabel="Digit", yticks=range(CLASSES), ylim=(9.6, -0.6)
    )
    height = 0.8 / len(parts)
    looks = {"color": DARK}, HATCHED
    for i, ((part, digits), look) in enumerate(zip(parts.items(), looks, strict=False)):
        counts = np.bincount(digits, minlength=CLASSES)
        bars = axes.barh(
            np.arange(CLASSES) + (i - (len(parts) - 1) / 2) * height,
            counts,
            height,
            label=f"{part}, {counted(len(digits), 'image')}",
            edgecolor=DARK,
            **look,
        )
        shares = [f"{count:,} ({_percent(count / len(digits))})" for count in counts]
        axes.bar_label(bars, shares, padding=3, fontsize=10)
    _count_on_x(axes, margin=0.25)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(parts), frameon=False)
    return figure


@_course_style
def plot_history(history: Mapping[str, Sequence[float]]) -> Figure:
    """Show how loss and accuracy changed from epoch to epoch.

    Parameters
    ----------
    history : mapping of str to sequence of float
        The attribute ``history`` of the `keras.callbacks.History` that `fit` returns: "loss" and
        "accuracy", and "val_loss" and "val_accuracy" if there was validation data. One value per
        epoch; other keys are ignored.

    Returns
    -------
    matplotlib.figure.Figure
        Loss left, accuracy right; training solid, validation dashed. A dotted line marks the epoch
        of the lowest validation loss, the first one if there are several.

    Raises
    ------
    CourseError
        If a key is missing, the lengths differ, or a curve has no finite value.
    """
    curves = check_curves(history)
    title = "Learning curves"
    best = None
    if "val_loss" in curves:
        best = int(np.nanargmin(curves["val_loss"])) + 1
        title += f" (dotted: lowest validation loss, epoch {best})"
    figure = _Figure(WIDTH + 1, 3.6, title)
    for axes, name in zip(figure.subplots(1, 2), ("loss", "accuracy"), strict=True):
        _plot_curves(axes, curves[name], curves.get(f"val_{name}"))
        axes.set(title=name.capitalize(), xlabel="Epoch")
        if best is not None:
            axes.axvline(best, color=GRAY, linestyle=":", zorder=1)
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    return figure


@_course_style
def plot_confusion(matrix: npt.ArrayLike) -> Figure:
    """Plot a confusion matrix: which digits a model mistakes for which.

    Parameters
    ----------
    matrix : array_like of int, shape (10, 10)
        How many images of each true digit (row) the model took for each digit (column), as
        `sklearn.metrics.confusion_matrix` counts them.

    Returns
    -------
    matplotlib.figure.Figure
        The right answers are framed; only the mistakes are shaded, the most frequent one darkest.

    Raises
    ------
    CourseError
        If the shape is another, a number is negative or not whole, or all are zero.
    """
    counts = check_counts("matrix", matrix, (CLASSES, CLASSES), "one row per digit")
    right, total = int(np.trace(counts)), int(counts.sum())
    share_right = f"{right:,} of {counted(total, 'image')} right ({_percent(right / total)})"
    figure = _Figure(WIDTH, WIDTH, f"Confusion matrix: {share_right}")
    axes = figure.add_subplot(
        xlabel="Predicted digit", ylabel="True digit", xticks=range(CLASSES), yticks=range(CLASSES)
    )
    mistakes = np.where(np.eye(CLASSES, dtype=bool), 0, counts)
    # The darkest cell is mid-gray, on which black numbers are still easy to read.
    _draw_image(axes, mistakes, 0, 2 * max(1, mistakes.max()))
    for (row, column), count in np.ndenumerate(counts):
        text = axes.text(column, row, str(count), **CENTERED)
        if row == column:
            text.set_fontweight("bold")
            axes.add_patch(_frame(column - 0.46, row - 0.46, 0.92))
        elif count == 0:
            text.set_color(GRAY)
    return figure


@_course_style
def plot_mistakes(
    images: npt.ArrayLike,
    labels: npt.ArrayLike,
    predictions: npt.ArrayLike,
    confidences: npt.ArrayLike,
) -> Figure:
    """Show the images a model got wrong, those it was most confident of first.

    Parameters
    ----------
    images, labels, predictions
        See `plot_digits`. There may be any number of images; the right ones are left out.
    confidences : array_like of float, shape (n,)
        The probability the model gave to the digit it says, 0 to 1.

    Returns
    -------
    matplotlib.figure.Figure
        24 mistakes at most, each under a text such as "true 4, said 9 (99.7%)".

    Raises
    ------
    CourseError
        If an array has another shape or other values.
    """
    pixels, brightest = _images(images)
    true = check_digits("labels", labels, len(pixels))
    said = check_digits("predictions", predictions, len(pixels))
    confidence = check_probabilities("confidences", confidences, len(pixels))
    wrong = np.flatnonzero(true != said)
    shown = wrong[np.argsort(-confidence[wrong], kind="stable")][:MOST_MISTAKES]
    title = f"{counted(len(wrong), 'mistake')}, the most confident first"
    if len(wrong) == 0:
        title = f"No mistakes in {counted(len(pixels), 'image')}"
    elif len(shown) < len(wrong):
        title = f"{len(shown)} of {title}"
    captions = [f"true {true[i]}, said {said[i]}\n({_percent(confidence[i])})" for i in shown]
    figure = _gallery(pixels[shown], captions, title, columns=6, tile=1.16, limits=(0, brightest))
    if len(wrong) == 0:
        figure.axes[0].text(SIDE / 2, SIDE / 2, "✓", fontsize=60, **CENTERED)
    return figure


@_course_style
def plot_first_layer(weights: npt.ArrayLike) -> Figure:
    """Show what each unit of the first layer looks for, as one image per unit.

    Parameters
    ----------
    weights : array_like of float, shape (784, units)
        The kernel of the first dense layer: ``model.layers[1].get_weights()[0]``.

    Returns
    -------
    matplotlib.figure.Figure
        The units with the largest weights (Euclidean norm), 64 at most, largest first, each under
        its number. Mid-gray is zero: ink on darker pixels excites the unit, on lighter ones it
        inhibits it. The scale ends where 99.5% of the weights are covered.

    Raises
    ------
    CourseError
        If the shape is another, or a weight is not finite.
    """
    expected = "(784, units), the kernel of the first dense layer"
    kernel = check_shape("weights", weights, (SIDE * SIDE, -1), expected)
    if not np.isfinite(kernel).all():
        raise CourseError("weights holds NaN or infinite values: expected a trained network.")
    units = np.argsort(-np.linalg.norm(kernel, axis=0), kind="stable")[:MOST_UNITS]
    tiles = kernel.T[units].reshape(-1, SIDE, SIDE)
    limit = float(np.quantile(np.abs(tiles), 0.995)) or 1.0
    shown = counted(len(units), "unit")
    if len(units) < kernel.shape[1]:
        shown = f"{len(units)} of {counted(kernel.shape[1], 'unit')}"
    captions = [f"unit {unit}" for unit in units]
    title = f"Weights of {shown} of the first layer"
    figure = _gallery(tiles, captions, title, columns=8, tile=0.85, limits=(-limit, limit))
    height = figure.get_figheight() + 0.75
    figure.set_figheight(height)
    figure.colorbar(
        figure.axes[0].images[0],
        ax=figure.axes[0],
        location="bottom",
        # 0.2 inches for the bar and 0.1 above it, however tall the figure is.
        fraction=0.2 / height,
        pad=0.1 / height,
        extend="both",
        shrink=0.8,
        aspect=40,
        label="weight (light: against ink here, dark: for ink here)",
    )
    return figure


@_course_style
def plot_prediction(
    image: npt.ArrayLike, probabilities: npt.ArrayLike, label: int | None = None
) -> Figure:
    """Show an image and the probability a model gives to each digit.

    Parameters
    ----------
    image : array_like, shape (28, 28)
        Whole numbers from 0 to 255 or floats from 0 to 1.
    probabilities : array_like of float, shape (10,)
        One probability per digit, as ``model.predict(images)[0]`` returns them. They sum to 1.
    label : int, optional
        The digit the image shows.

    Returns
    -------
    matplotlib.figure.Figure
        The image left, a bar per digit right; the bar of the prediction is hatched, its number
        bold and marked with an arrow.

    Raises
    ------
    CourseError
        If an array has another shape or other values, or the label is not a digit.
    """
    pixels, brightest = _image(image)
    chances = check_probabilities("probabilities", probabilities, CLASSES)
    if abs(chances.sum() - 1) > 0.01:
        raise CourseError(
            f"probabilities sum to {chances.sum():.3g}: expected 1; pass the output of softmax."
        )
    prediction = int(chances.argmax())
    figure = _Figure(WIDTH, 3.8, f"Model prediction: {prediction}")
    left, right = figure.subplots(1, 2)
    _draw_image(left, pixels, 0, brightest)
    left.set(xticks=(), yticks=())
    if label is not None:
        true = check_digits("label", [label], 1)[0]
        left.set_xlabel(f"label {true}: " + ("right ✓" if true == prediction else "wrong ✗"))
    texts = [_percent(chance) for chance in chances]
    numbers = _draw_bars(right, range(CLASSES), chances, texts, hatched=[prediction])
    numbers[prediction].set(text=f"{texts[prediction]} ◀", fontweight="bold")
    right.set(xlabel="Probability", ylabel="Digit", xticks=(), yticks=range(CLASSES))
    right.set_xlim(0, 1.6)  # room for the numbers
    return figure


@_course_style
def plot_study(accuracies: Sequence[float], gates: Sequence[float]) -> Figure:
    """Show the test accuracies of networks that differ only in their seed.

    Parameters
    ----------
    accuracies : sequence of float
        One accuracy per seed, between 0 and 1; at least two.
    gates : sequence of float
        Accuracies to compare with.

    Returns
    -------
    matplotlib.figure.Figure
        A dot per seed, equal ones stacked; the mean as a solid line, the gates as dashed lines.

    Raises
    ------
    CourseError
        If there are fewer than two accuracies, or one is not between 0 and 1.
    """
    values = check_numbers("accuracies", accuracies)
    if values.ndim != 1 or len(values) < 2 or not ((values >= 0) & (values <= 1)).all():
        raise CourseError(
            f"accuracies has shape {values.shape}: expected at least two numbers from 0 to 1."
        )
    columns = np.round(values, 4)
    heights = [int((columns[:i] == column).sum()) for i, column in enumerate(columns)]
    figure = _Figure(WIDTH, 3.2, f"Test accuracy from {len(values)} seeds")
    axes = figure.subplots()
    axes.plot(columns, heights, "o", color=DARK, markersize=8)
    top = max(heights) + 3
    axes.axvline(values.mean(), color="black")
    axes.set_title(f"solid: mean {values.mean():.2%}; dashed: gates", fontsize=CAPTION)
    for gate in gates:
        axes.axvline(gate, color=GRAY, linestyle="--")
        label = axes.text(gate, top, f"{gate:.1%} ", ha="right", va="top", color=GRAY)
        label.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
    axes.set(ylim=(-1, top), yticks=(), xlabel="Test accuracy")
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=1))
    axes.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))
    axes.margins(x=0.12)
    _open_frame(axes)
    return figure


@_course_style
def plot_robustness(clean: float, accuracies: npt.ArrayLike, names: Sequence[str]) -> Figure:
    """Show how much of its accuracy a model keeps on corrupted images.

    Parameters
    ----------
    clean : float
        The accuracy on the images as they are, 0 to 1.
    accuracies : array_like of float, shape (corruptions, strengths)
        The accuracies, 0 to 1, from mild to severe, as `mnist_course.evaluation.robustness`
        measures them.
    names : sequence of str
        The name of each corruption.

    Returns
    -------
    matplotlib.figure.Figure
        A table of accuracies in percent, the lower the darker, with the mean of each row.

    Raises
    ------
    CourseError
        If an array has another shape or other values.
    """
    rates = check_numbers("accuracies", accuracies)
    if rates.ndim != 2 or rates.size == 0 or len(rates) != len(names):
        raise CourseError(
            f"accuracies has shape {rates.shape} for {counted(len(names), 'name')}: expected "
            "(corruptions, strengths), one name per row."
        )
    check_probabilities("accuracies and clean", np.append(rates, clean), rates.size + 1)
    rows, columns = rates.shape
    summary = f"{_percent(clean)} clean, {_percent(rates.mean())} corrupted"
    figure = _Figure(WIDTH, 1.3 + 0.4 * rows, f"MNIST-C style accuracy: {summary}")
    axes = figure.add_subplot(
        xlabel="Strength of the corruption (numbers: accuracy in %)",
        xticks=range(columns),
        xticklabels=range(1, columns + 1),
        yticks=range(rows),
        yticklabels=names,
    )
    # The darkest cell is mid-gray, on which black numbers are still easy to read.
    _draw_image(axes, 1 - rates, 0, 2, aspect="auto")
    for (row, column), rate in np.ndenumerate(rates):
        axes.text(column, row, f"{100 * rate:.1f}", **CENTERED)
    means = axes.secondary_yaxis("right")
    means.set_yticks(range(rows), [f"mean {100 * rate:.1f}" for rate in rates.mean(axis=1)])
    for part in (axes, means):
        part.tick_params(length=0)
    return figure


@_course_style
def plot_calibration(before: npt.ArrayLike, after: npt.ArrayLike) -> Figure:
    """Show whether a model is as often right as it says, before and after temperature scaling.

    Parameters
    ----------
    before, after : array_like of float, shape (3, bins)
        For each bin of confidence the mean confidence, the accuracy, and the number of
        predictions, as in the attributes of `mnist_course.evaluation.Calibration`. Empty bins,
        with NaN for confidence and accuracy, are left out.

    Returns
    -------
    matplotlib.figure.Figure
        Above, the accuracy over the confidence: on the dotted diagonal they agree, below it the
        model is too sure of itself. Below, how many predictions there are, on a logarithmic scale.

    Raises
    ------
    CourseError
        If an array has another shape or other values, or no predictions.
    """
    curves = {
        "before": check_reliability("before", before),
        "after": check_reliability("after", after),
    }
    errors = [
        f"{_percent(np.average(np.abs(confidence - accuracy), weights=counts))} {name}"
        for name, (confidence, accuracy, counts) in curves.items()
    ]
    figure = _Figure(WIDTH, 6.2, f"Expected calibration error: {', '.join(errors)} scaling")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    upper.plot([0, 1], [0, 1], color=GRAY, linestyle=":", zorder=1)
    upper.annotate(
        "as sure as right", (0.07, 0.07), xytext=(8, -8), textcoords="offset points", color=GRAY
    )
    for (name, (confidence, accuracy, counts)), look in zip(
        curves.items(), (SOLID, DASHED), strict=True
    ):
        for axes, values in ((upper, accuracy), (lower, counts)):
            axes.plot(confidence, values, label=f"{name} scaling", clip_on=False, **look)
    upper.set(ylabel="Accuracy", ylim=(0, 1))
    upper.legend(loc="lower right", frameon=False)
    lower.set(xlabel="Confidence: probability of the predicted digit", xlim=(0, 1))
    lower.set(ylabel="Predictions", yscale="log", ylim=(0.9, None))
    lower.yaxis.set_major_formatter("{x:,.0f}")
    for axes in (upper, lower):
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        _open_frame(axes)
    upper.yaxis.set_major_formatter(PercentFormatter(1))
    figure.align_ylabels()
    return figure


@_course_style
def plot_comparison(
    table: npt.ArrayLike, p_value: float, *, names: tuple[str, str] = ("a", "b")
) -> Figure:
    """Show on how many images two models disagree about who is right.

    Parameters
    ----------
    table : array_like of int, shape (2, 2)
        Counts of images; the rows are those the first model has right and wrong, the columns those
        the second has right and wrong, as in the `Comparison` of `mnist_course.evaluation`.
    p_value : float
        The p-value of McNemar's test.
    names : tuple of str, default ("a", "b")
        What to call the models.

    Returns
    -------
    matplotlib.figure.Figure
        A bar each for the images that only one has right, hatched, and for those both have wrong.
        Those both have right would dwarf them; their number is written below.

    Raises
    ------
    CourseError
        If the shape is another, a number is negative or not whole, or all are zero.
    """
    counts = check_counts("table", table, (2, 2), "counts of images")
    check_probabilities("p_value", [p_value], 1)
    first, second = names
    (both_right, only_first), (only_second, both_wrong) = counts.tolist()
    points = 100 * (only_first - only_second) / counts.sum()
    chance = "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"
    title = f"Accuracy of {first} minus {second}: {points:+.2f} points, {chance}"
    figure = _Figure(WIDTH, 2.7, title)
    axes = figure.add_subplot(xlabel=f"Images (both right: {both_right:,})")
    labels = [f"only {first} right", f"only {second} right", "both wrong"]
    values = [only_first, only_second, both_wrong]
    _draw_bars(axes, labels, values, [f"{value:,}" for value in values], hatched=[0, 1])
    _count_on_x(axes, margin=0.15)
    return figure


class _Figure(Figure):
    """A figure that a notebook shows when it is the value of a cell, without `pyplot`."""

    def __init__(self, width: float, height: float, title: str) -> None:
        super().__init__(figsize=(width, height), dpi=110, layout="constrained")
        self.suptitle(title, fontsize=13)

    @_course_style
    def _repr_png_(self) -> bytes:
        buffer = BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


def _gallery(
    images: Array,
    captions: Sequence[str],
    title: str,
    *,
    columns: int,
    tile: float,
    limits: tuple[float, float],
    framed: Collection[int] = (),
) -> Figure:
    """Lay out images in a grid, each `tile` inches wide under its caption.

    All share one `Axes`, in which a unit is a pixel: a hundred axes take seconds to draw.
    """
    if not isinstance(columns, int | np.integer) or columns < 1:
        raise CourseError(f"columns is {columns!r}: expected a whole number, 1 or more.")
    columns = max(1, min(int(columns), len(images)))
    rows = max(1, -(-len(images) // columns))
    width = SIDE + 4
    caption_lines = max((caption.count("\n") + 1 for caption in captions if caption), default=0)
    caption_height = caption_lines * CAPTION * 1.35 / 72 * width / tile
    height = width + caption_height
    figure = _Figure(max(columns * tile, 4.8), rows * height * tile / width + 0.5, title)
    axes = figure.add_subplot()
    for i, (image, caption) in enumerate(zip(images, captions, strict=True)):
        left, top = i % columns * width, i // columns * height
        _draw_image(axes, image, *limits, extent=(left, left + SIDE, top + SIDE, top))
        axes.text(left + SIDE / 2, top - 2, caption, fontsize=CAPTION, ha="center", va="bottom")
        if i in framed:
            axes.add_patch(_frame(left - 1, top - 1, SIDE + 2))
    axes.set(
        xlim=(-2, columns * width - 2),
        ylim=(rows * height - caption_height - 2, -caption_height - 2),
    )
    axes.axis("off")
    return figure


def _plot_curves(axes: Axes, training: Array, validation: Array | None) -> None:
    epochs = np.arange(1, len(training) + 1)
    curves = [(training, "training", SOLID)]
    if validation is not None:
        curves.append((validation, "validation", DASHED))
    last = [values[np.isfinite(values)][-1] for values, _, _ in curves]
    every = max(1, len(epochs) // 10)
    for (values, name, look), end in zip(curves, last, strict=True):
        axes.plot(epochs, values, markersize=5, markevery=every, linewidth=2, clip_on=False, **look)
        # The labels stand above and below each other even where the curves end together.
        above = len(curves) > 1 and (end > min(last) or (end == max(last) and name == "training"))
        axes.annotate(
            name,
            (float(epochs[np.isfinite(values)][-1]), end),
            xytext=(7, 0 if len(curves) == 1 else 8 if above else -8),
            textcoords="offset points",
            va="center",
            color=look["color"],
        )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6, min_n_ticks=1))
    axes.margins(y=0.15)
    axes.set_xlim(0.5, len(epochs) + 0.5)
    _open_frame(axes)


def _draw_image(axes: Axes, image: Array, low: float, high: float, **options: Any) -> None:
    axes.imshow(image, cmap=INK, vmin=low, vmax=high, interpolation="nearest", **options)


def _draw_bars(
    axes: Axes,
    names: Sequence[str] | range,
    values: npt.ArrayLike,
    texts: Sequence[str],
    hatched: Collection[int],
) -> list[Annotation]:
    """Draw a gray or hatched bar for each name, from top to bottom, with a text at its end."""
    bars = axes.barh(names, values, color=GRAY, edgecolor="black")
    for i in hatched:
        bars[i].set(**HATCHED)
    axes.invert_yaxis()
    _open_frame(axes)
    return axes.bar_label(bars, texts, padding=3)


def _count_on_x(axes: Axes, margin: float) -> None:
    axes.margins(x=margin)  # room for the numbers at the ends of bars
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    _open_frame(axes)


def _frame(left: float, top: float, side: float) -> Rectangle:
    return Rectangle((left, top), side, side, fill=False, edgecolor="black", linewidth=1.8)


def _open_frame(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)


def _percent(share: float) -> str:
    return f"{share:.1%}"


def _images(images: npt.ArrayLike) -> tuple[Array, int]:
    """Return the images as an array, and the value of ink: 255, or 1 for floats."""
    pixels = check_shape("images", images, (-1, SIDE, SIDE), "(n, 28, 28) with at least one image")
    brightest = 255 if pixels.dtype.kind in "iu" else 1
    # Interpolation overshoots by a rounding error.
    low, high = pixels.min(), pixels.max()
    if not (low >= -1e-6 and high <= brightest + 1e-6):
        raise CourseError(
            f"pixels are {pixels.dtype} values from {low:g} to {high:g}: expected whole numbers "
            "from 0 to 255, or floats from 0 to 1 as normalize() returns them."
        )
    return pixels, brightest


def _image(image: npt.ArrayLike) -> tuple[Array, int]:
    pixels = check_shape("image", image, (SIDE, SIDE), "(28, 28), one image such as images[0]")
    _, brightest = _images(pixels[np.newaxis])
    return pixels, brightest

"""The check of a figure and its hidden tests agree about what a reader sees."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from helpers import one_in_six

from mnist_course.checks import visualizing as check
from mnist_course.checks.core import CheckError
from mnist_course.checks.figures import Panel, describe, find_figure
from mnist_course.data import load_mnist
from mnist_course.grading.inside.messages import pack, unpack

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def closed():
    plt.close("all")
    yield
    plt.close("all")


def read_hidden_tests() -> dict[str, list[Callable]]:
    """Return the hidden tests of each task, without what pytest makes of them."""
    tests: dict[str, list[Callable]] = {}

    def points(number: int, cell: str) -> Callable:
        return tests.setdefault(cell.removeprefix("check_"), []).append

    source = (ROOT / "solutions" / "03_visualizing" / "test_03_visualizing.py").read_text()
    marks = SimpleNamespace(mark=SimpleNamespace(points=points))
    exec(source.replace("import pytest\n", ""), {"pytest": marks})
    return tests


HIDDEN = read_hidden_tests()


def earns_everything(function: Callable) -> bool:
    """Run the hidden tests on a function, as the autograder does but in this process."""

    def figure(name: str, *arguments: Any) -> list[Panel]:
        plt.close("all")
        panels = [vars(panel) for panel in describe(find_figure(function(*arguments)))]
        return [Panel(**panel) for panel in unpack(pack(panels))]

    def call(name: str, *arguments: Any) -> Any:
        return unpack(pack(function(*arguments)))

    student = SimpleNamespace(figure=figure, call=call)
    try:
        for test in HIDDEN[function.__name__]:
            test(student, np.random.default_rng(0))
    # Whatever a test raises fails it.
    except Exception:
        return False
    return True


def says(function: Callable) -> str:
    """Return what the public check says, or "" if it praises."""
    try:
        getattr(check, function.__name__)(function)
    except CheckError as failure:
        return str(failure)
    return ""


def grid(draw: Callable, after: Callable = lambda: None) -> Callable:
    """Make a `plot_grid` that draws each place by a function of image and label."""

    def plot_grid(images, labels, rows, columns):
        for i in range(rows * columns):
            plt.subplot(rows, columns, i + 1)
            draw(images[i], labels[i])
        after()

    return plot_grid


def image_and(write: Callable) -> Callable:
    """Make a grid of images, with something else done at each of them."""

    def draw(image, label):
        plt.imshow(image)
        write(label)

    return grid(draw)


def titled(show: Callable) -> Callable:
    """Make a grid of images that a function shows, each with its label as title."""

    def draw(image, label):
        show(image)
        plt.title(label)

    return grid(draw)


def lettered(color: str, cmap: str, **look: Any) -> Callable:
    """Make a grid of images, each with its label in its upper left corner."""

    def draw(image, label):
        plt.imshow(image, cmap=cmap)
        plt.text(1, 6, label, color=color, **look)

    return grid(draw)


def titled_off(label):
    plt.title(f"Digit: {label}")
    plt.axis("off")


def mesh(image):
    plt.pcolormesh(image)
    plt.gca().invert_yaxis()


def small_multiples(images, labels, rows, columns):
    figure, axes = plt.subplots(rows, columns, squeeze=False)
    for ax, image, label in zip(axes.flat, images, labels, strict=False):
        ax.matshow(image, cmap="Greys")
        ax.set(title=label, xticks=[], yticks=[])
    figure.tight_layout()
    return figure


small_multiples.__name__ = "plot_grid"


def canvas(images, labels, rows, columns):
    """Draw all images on one pair of axes, each with its label in it."""
    _, ax = plt.subplots()
    for i in range(rows * columns):
        x, y = 30 * (i % columns), 30 * (i // columns)
        ax.imshow(images[i], extent=(x, x + 28, y + 28, y))
        ax.text(x + 2, y + 6, labels[i])
    ax.set(xlim=(0, 30 * columns), ylim=(30 * rows, 0))


canvas.__name__ = "plot_grid"
GOOD_GRIDS = {
    "titles": image_and(plt.title),
    "titles with the axes off": image_and(titled_off),
    "labels below": image_and(plt.xlabel),
    "labels on the left": image_and(plt.ylabel),
    "texts inside": image_and(lambda label: plt.text(2, 5, label, color="red")),
    "white texts inside": lettered("white", cmap="gray"),
    "texts in a box": lettered("white", bbox={"facecolor": "black"}, cmap="gray_r"),
    "texts above": image_and(lambda label: plt.text(10, -1, f"label {label}")),
    "texts of the figure": image_and(
        lambda label: plt.figtext(*plt.gca().get_position().p0, label, color="red")
    ),
    "titles below": image_and(lambda label: plt.title(label, y=-0.3)),
    "black on white": titled(lambda image: plt.imshow(image, cmap="gray_r")),
    "inverted": titled(lambda image: plt.imshow(255 - image)),
    "scaled": titled(lambda image: plt.imshow(image / 255, vmin=0, vmax=1)),
    "full contrast": titled(lambda image: plt.imshow(image, vmin=0, vmax=1)),
    "in three channels": titled(lambda image: plt.imshow(np.stack([image] * 3, axis=-1))),
    "pcolormesh": titled(mesh),
    "pcolormesh of flipped rows": titled(lambda image: plt.pcolormesh(image[::-1])),
    "lower of flipped rows": titled(lambda image: plt.imshow(image[::-1], origin="lower")),
    "color bars": titled(lambda image: plt.colorbar(plt.imshow(image))),
    "subplots": small_multiples,
    "one canvas": canvas,
}
# Each draws dozens of places, which takes seconds.
QUICK = ["white texts inside", "one canvas"]
NEIGHBOR = np.roll(np.arange(30), -1)


def neighbors(images, labels, rows, columns):
    image_and(plt.title)(images, labels[NEIGHBOR[: len(labels)] % len(labels)], rows, columns)


neighbors.__name__ = "plot_grid"


def of_the_notebook(images, labels, rows, columns):
    image_and(plt.title)(images, load_mnist().train_labels, rows, columns)


of_the_notebook.__name__ = "plot_grid"


def other_images(images, labels, rows, columns):
    image_and(plt.title)(load_mnist().train_images, labels, rows, columns)


other_images.__name__ = "plot_grid"


def hidden_xlabel(label):
    plt.xlabel(label)
    plt.axis("off")


BAD_GRIDS = {
    "labels under axis off": (
        image_and(hidden_xlabel),
        "The label of the x axis '7' can't be seen: `axis(\"off\")` hides it.",
    ),
    "no labels": (image_and(lambda label: None), "there is no text at the images; expected"),
    "invisible": (
        image_and(lambda label: plt.title(label, visible=False)),
        "can't be seen: it's made invisible",
    ),
    "white on white": (
        image_and(lambda label: plt.title(label, color="white")),
        "it has the color of the background",
    ),
    "black on black": (
        lettered("black", cmap="gray"),
        "The text '7' can't be seen: it has the color of the background.",
    ),
    "white on a white box": (
        lettered("white", bbox={"facecolor": "white"}, cmap="gray"),
        "it has the color of the background",
    ),
    "tiny": (
        image_and(lambda label: plt.title(label, fontsize=1)),
        "it's too small to read",
    ),
    "text far away": (image_and(lambda label: plt.text(200, 300, label)), "there is no text"),
    "text in the next image": (
        image_and(lambda label: plt.text(45, 14, label)),
        "The text '7' lies outside of its image.",
    ),
    "title far away": (image_and(lambda label: plt.title(label, y=4)), "far away from its axes"),
    "labels of the neighbor": (neighbors, "Each image has the label of the next one, as with"),
    "labels of the notebook": (of_the_notebook, "labels of MNIST's training set"),
    "images of the notebook": (other_images, "is none of those given. `plot_grid` never uses"),
    "upside down": (
        titled(lambda image: plt.imshow(image, origin="lower")),
        "the image in row 1, column 1 is upside down",
    ),
    "pcolormesh as it is": (titled(lambda image: plt.pcolormesh(image)), "is upside down"),
    "axis turned": (
        titled(lambda image: (plt.imshow(image), plt.gca().invert_yaxis())),
        "is upside down",
    ),
    "flipped": (titled(lambda image: plt.imshow(image[::-1])), "is upside down"),
    "mirrored": (titled(lambda image: plt.imshow(image[:, ::-1])), "left and right are swapped"),
    "mirrored by its axis": (
        titled(lambda image: (plt.imshow(image), plt.gca().invert_xaxis())),
        "left and right are swapped",
    ),
    "transposed": (titled(lambda image: plt.imshow(image.T)), "rows and columns are swapped"),
    "turned": (titled(lambda image: plt.imshow(np.rot90(image))), "by 90 degrees to the left"),
    "transposed mesh": (
        titled(lambda image: (plt.pcolormesh(image.T), plt.gca().invert_yaxis())),
        "rows and columns are swapped",
    ),
    "cut by limits": (
        titled(lambda image: (plt.imshow(image), plt.xlim(0, 13))),
        "is cut: the limits of its axes show 46% of it",
    ),
    "half of the pixels": (titled(lambda image: plt.imshow(image[:14])), "has shape (14, 28)"),
    "divided to whole numbers": (
        titled(lambda image: plt.imshow(image // 255)),
        "only 255 is left",
    ),
    "one color": (
        titled(lambda image: plt.imshow(image, vmin=0, vmax=1e9)),
        "appears in a single color",
    ),
    "transparent": (titled(lambda image: plt.imshow(image, alpha=0)), "is invisible"),
}


@pytest.mark.parametrize(
    "plot_grid",
    [
        pytest.param(draw, id=name, marks=[pytest.mark.slow] * (name not in QUICK))
        for name, draw in GOOD_GRIDS.items()
    ],
)
def test_grids_that_a_reader_understands_pass(plot_grid: Callable) -> None:
    assert says(plot_grid) == ""
    assert earns_everything(plot_grid)


@pytest.mark.parametrize(("plot_grid", "sentence"), one_in_six(BAD_GRIDS))
def test_grids_that_mislead_a_reader_fail(plot_grid: Callable, sentence: str) -> None:
    assert sentence in says(plot_grid)
    assert not earns_everything(plot_grid)


def count(labels):
    return np.bincount(labels, minlength=10)


def chart(draw: Callable, xlabel: str = "Digit", ylabel: str = "Number of images") -> Callable:
    """Make a `plot_balance` from a function of the labels, with labels at its axes."""

    def plot_balance(labels):
        plt.xlabel(xlabel)
        plt.ylabel(ylabel)
        draw(labels)

    return plot_balance


def bars(after: Callable = lambda: None, **labels: str) -> Callable:
    """Make a right bar chart, with something done after it."""
    return chart(lambda given: (plt.bar(range(10), count(given)), after()), **labels)


def lying(labels):
    plt.barh(range(10), count(labels))


def hanging(labels):
    plt.barh([str(digit) for digit in range(10)], count(labels))
    plt.gca().invert_yaxis()


def present(labels):
    plt.bar(*np.unique(labels, return_counts=True))
    plt.xlim(-0.5, 9.5)


def squeezed(labels):
    digits, counts = np.unique(labels, return_counts=True)
    plt.bar([str(digit) for digit in digits], counts)


def numbered(labels):
    plt.gca().bar_label(plt.bar(range(10), count(labels)))
    plt.yticks([])


def sideways(labels):
    plt.hist(labels, bins=range(11), orientation="horizontal")


SWAPPED = {"xlabel": "Number of images", "ylabel": "Digit"}
GOOD_CHARTS = {
    "bar": bars(),
    "all ticks": bars(lambda: plt.xticks(range(10))),
    "named ticks": bars(lambda: plt.xticks(range(10), [f"the {d}" for d in range(10)])),
    "strings": chart(lambda given: plt.bar([*"0123456789"], count(given))),
    "one call a bar": chart(lambda given: [plt.bar(i, n) for i, n in enumerate(count(given))]),
    "a bar for each label": chart(
        lambda given: (plt.bar(given, count(given)[given]), plt.xlim(-1, 10))
    ),
    "wider apart": chart(
        lambda given: (
            plt.bar(2 * np.arange(10), count(given)),
            plt.xticks(range(0, 20, 2), range(10)),
        )
    ),
    "higher limits": bars(lambda: plt.ylim(0, 8000)),
    "numbers at the bars": chart(numbered),
    "only digits that occur": chart(present),
    "barh": chart(lying, **SWAPPED),
    "barh from the top": chart(hanging, **SWAPPED),
    "hist": chart(lambda given: plt.hist(given, bins=range(11))),
    "hist aligned": chart(lambda given: plt.hist(given, bins=range(11), align="left")),
    "hist with range": chart(lambda given: plt.hist(given, bins=10, range=(-0.5, 9.5))),
    "hist sideways": chart(sideways, **SWAPPED),
    "other words": bars(xlabel="Class (0-9)", ylabel="Frequency"),
    "number of digits": bars(xlabel="Digit class", ylabel="Number of digits"),
    "count": bars(xlabel="Label", ylabel="Count"),
    "how often": bars(xlabel="digits", ylabel="how often each digit occurs"),
    "labels counted": bars(xlabel="digit", ylabel="labels"),
    "unknown words": bars(xlabel="Ziffer", ylabel="Bilder"),
}
BAD_CHARTS = {
    "ends at 6000": (
        bars(lambda: plt.ylim(0, 6000)),
        "the axis of the counts ends at 6,000, whatever the labels are",
    ),
    "axis off": (
        bars(lambda: plt.axis("off")),
        "label of the x axis 'Digit' can't be seen: `axis(\"off\")`",
    ),
    "hidden axis": (
        bars(lambda: plt.gca().get_xaxis().set_visible(False)),
        "the x axis has no label that can be seen",
    ),
    "white label": (
        bars(lambda: plt.ylabel("count", color="white")),
        "the color of the background",
    ),
    "label far away": (bars(lambda: plt.xlabel("digit", labelpad=900)), "far away from its axes"),
    "no ylabel": (bars(ylabel=""), "the y axis has no label that can be seen"),
    "named as axes": (bars(xlabel="x-axis", ylabel="y axis"), "is 'x-axis', which doesn't say"),
    "named as labels": (bars(xlabel="xlabel", ylabel="ylabel"), "which doesn't say"),
    "the same label": (bars(xlabel="digit", ylabel="digit"), "both axes have the same label"),
    "exchanged": (bars(**SWAPPED), "the y axis has the counts, but its label is 'Digit'"),
    "exchanged words": (bars(xlabel="Count", ylabel="Label"), "the y axis has the counts"),
    "exchanged frequency": (bars(xlabel="Frequency", ylabel="Class"), "the y axis has the counts"),
    "barh with labels of bar": (
        chart(lying),
        "the x axis has the counts, but its label is 'Digit'",
    ),
    "hist sideways": (chart(sideways), "the x axis has the counts"),
    "log": (bars(lambda: plt.yscale("log")), "the y axis has the scale 'log'"),
    "log bars": (
        chart(lambda given: plt.bar(range(10), count(given), log=True)),
        "the scale 'log'",
    ),
    "symlog": (bars(lambda: plt.yscale("symlog")), "the scale 'symlog'"),
    "limits of MNIST": (
        bars(lambda: plt.ylim(5000, 7000)),
        "runs from 5,000 to 7,000, but the bars",
    ),
    "cut at the top": (
        bars(lambda: plt.ylim(0, 1.5)),
        "runs from 0 to 1.5, but the bars run from 0 to 2",
    ),
    "cut at the bottom": (bars(lambda: plt.ylim(0.5)), "runs from 0.5 to"),
    "some digits left out": (bars(lambda: plt.xlim(2, 7)), "leaves out bars"),
    "lifted": (
        chart(lambda given: plt.bar(range(10), count(given), bottom=1)),
        "a bar starts at 1; expected all of them to start at 0",
    ),
    "one place on": (
        chart(lambda given: plt.bar(range(1, 11), count(given))),
        "the 0 stands at 1,",
    ),
    "ticks one on": (bars(lambda: plt.xticks(range(10), range(1, 11))), "the 0 stands at 1,"),
    "ticks at random": (
        bars(lambda: plt.xticks(range(10), [3, 1, 4, 0, 5, 9, 2, 6, 8, 7])),
        "what is written at the x axis isn't: 3, 1, 4",
    ),
    "no digits": (bars(lambda: plt.xticks([])), "nothing says which digit"),
    "no numbers": (bars(lambda: plt.yticks([])), "says how long they are"),
    "too wide": (
        chart(lambda given: plt.bar(range(10), count(given), width=3)),
        "the bars cover each other",
    ),
    "invisible bars": (
        chart(lambda given: plt.bar(range(10), count(given), color="none")),
        "The bar at 0 can't be seen: it has no color.",
    ),
    "white bars": (
        chart(lambda given: plt.bar(range(10), count(given), color="white")),
        "The bar at 0 can't be seen: it has the color of the background.",
    ),
    "lines": (chart(lambda given: plt.plot(count(given))), "there are lines, but no bars"),
    "exchanged arguments": (
        chart(lambda given: plt.bar(count(given), range(10))),
        "Positions and lengths are exchanged",
    ),
    "labels of the notebook": (
        chart(lambda given: plt.bar(range(10), count(load_mnist().train_labels))),
        "Those are the counts of MNIST's training labels",
    ),
    "hist alone": (chart(lambda given: plt.hist(given)), "from the smallest to the largest label"),
    "hist of counts": (chart(lambda given: plt.hist(count(given))), "it was given the ten counts"),
    "nine bins": (
        chart(lambda given: plt.hist(given, bins=range(10))),
        "Ten bins have eleven edges",
    ),
    "names that close up": (chart(squeezed), "Only digits that occur were counted"),
    "bar for each label": (
        chart(lambda given: plt.bar(range(len(given)), given)),
        "That's a bar for each label",
    ),
    "shares": (
        chart(lambda given: plt.bar(range(10), count(given) / len(given))),
        "Those are shares",
    ),
    "sorted": (chart(lambda given: plt.bar(range(10), np.sort(count(given)))), "smallest first"),
}


@pytest.mark.parametrize(
    ("lengths", "sentence"),
    [
        (lambda given: given[:10], "given are 1, 0, 1, 3; expected 1, 2, 0, 1, 0, 0, 0, 0, 0, 0. "),
        (lambda given: given[:10], "Those are the first ten labels."),
        (np.bincount, "The counts end with the largest digit that occurs."),
    ],
)
def test_lengths_that_bars_refuse_are_shown(lengths: Callable, sentence: str) -> None:
    assert sentence in says(chart(lambda given: plt.bar(range(10), lengths(given))))


def test_a_label_that_is_only_stored_is_reported() -> None:
    def plot_balance(labels):
        _, axes = plt.subplots()
        axes.bar(range(10), count(labels))
        axes.xlabel = "Digit"
        axes.set_ylabel("Images")

    assert "only stores 'Digit'. To write it at the axis, call `set_xlabel`" in says(plot_balance)
    assert "That of the y axis is 'Images'." in says(plot_balance)


def first_row(images, labels, rows, columns):
    for i in range(columns):
        plt.subplot(rows, columns, i + 1)
        plt.imshow(images[i])
        plt.title(labels[i])


def another_grid(images, labels, rows, columns):
    for i in range(rows * columns):
        plt.subplot(4, 6, i + 1)
        plt.imshow(images[i])


def title_above_all(images, labels, rows, columns):
    for i in range(rows * columns):
        plt.subplot(rows, columns, i + 1)
        plt.imshow(images[i])
        plt.suptitle(labels[i])


@pytest.mark.parametrize(
    ("draw", "sentence"),
    [
        (first_row, "That's the first row alone."),
        (another_grid, "1 row of 6; expected 2 rows of 3. The places are made for a grid of 4"),
        (title_above_all, "The text '1' stands above the whole figure, not at an image."),
    ],
)
def test_what_a_grid_shows_instead_is_reported(draw: Callable, sentence: str) -> None:
    def plot_grid(images, labels, rows, columns):
        draw(images, labels, rows, columns)

    assert sentence in says(plot_grid)


def squeezing(images, labels, rows, columns):
    _, axes = plt.subplots(rows, columns)
    for ax, image, label in zip(axes.flat, images, labels, strict=False):
        ax.imshow(image)
        ax.set_title(label)


def titles_at_the_last(images, labels, rows, columns):
    _, axes = plt.subplots(rows, columns)
    for ax, image, label in zip(axes.flat, images, labels, strict=False):
        ax.imshow(image)
        plt.title(label)


def three_by_six(images, labels, rows, columns):
    for i in range(18):
        plt.subplot(3, 6, i + 1)
        plt.imshow(images[i])
        plt.title(labels[i])


def closing(images, labels, rows, columns):
    plt.imshow(images[0])
    plt.close()


def on_two_figures(images, labels, rows, columns):
    plt.imshow(images[0])
    plt.figure()
    plt.title(labels[0])


@pytest.mark.parametrize(
    ("plot_grid", "sentence"),
    [
        (squeezing, "`plt.subplots(1, 1)` returns a single pair of axes, not an array of them"),
        (titles_at_the_last, "Only the last image has a text: `plt.title` writes at the place"),
        (three_by_six, "`three_by_six` never uses its arguments `rows` and `columns`."),
        (closing, "closed its figure, so nothing is left to see."),
        (on_two_figures, "drew 2 figures; expected a single one. `plt.figure` and `plt.subplots`"),
    ],
)
def test_what_keeps_a_grid_from_being_seen_is_named(plot_grid: Callable, sentence: str) -> None:
    with pytest.raises(CheckError) as raised:
        check.plot_grid(plot_grid)
    assert sentence in str(raised.value)


@pytest.mark.parametrize("type_of_sums", ["uint16", "int16", "float16"])
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_sums_beyond_a_type_are_named(type_of_sums: str) -> None:
    def mean_images(images, labels):
        groups = [images[labels == digit] for digit in range(10)]
        return np.stack([group.sum(axis=0, dtype=type_of_sums) / len(group) for group in groups])

    assert f"where the type {type_of_sums} ends. Add up in a larger type." in says(mean_images)


@pytest.mark.parametrize("plot_balance", one_in_six(GOOD_CHARTS))
def test_charts_that_a_reader_understands_pass(plot_balance: Callable) -> None:
    assert says(plot_balance) == ""
    assert earns_everything(plot_balance)


@pytest.mark.parametrize(("plot_balance", "sentence"), one_in_six(BAD_CHARTS))
def test_charts_that_mislead_a_reader_fail(plot_balance: Callable, sentence: str) -> None:
    assert sentence in says(plot_balance)
    assert not earns_everything(plot_balance)


@pytest.mark.parametrize(("sentence", "make"), check.ORDERS.items(), ids=range(len(check.ORDERS)))
def test_each_wrong_order_is_named_by_its_own_sentence(sentence: str, make: Callable) -> None:
    def plot_grid(images, labels, rows, columns):
        chosen = np.ravel(make(rows, columns))
        image_and(plt.title)(images[chosen], labels[chosen], rows, columns)

    assert f" {sentence}\n" in says(plot_grid)


@pytest.mark.parametrize(
    ("sentence", "number"), check.CAPTIONS.items(), ids=range(len(check.CAPTIONS))
)
def test_each_wrong_label_is_named_by_its_own_sentence(sentence: str, number: Callable) -> None:
    def plot_grid(images, labels, rows, columns):
        labels = [number(i) for i in range(12)]
        image_and(plt.title)(images, labels, rows, columns)

    assert f" {sentence}\n" in says(plot_grid)


@pytest.mark.parametrize(
    ("fill", "sentence"),
    [(np.nan, ""), (0, ""), (-1, ""), ("left out", "The places of 4 and 9 are left out.")],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_digit_that_does_not_occur_keeps_its_place(fill: Any, sentence: str) -> None:
    def mean_images(images, labels):
        groups = [images[labels == digit] for digit in range(10)]
        if fill == "left out":
            groups = [group for group in groups if len(group)]
        return np.stack(
            [group.mean(axis=0) if len(group) else np.full((28, 28), fill) for group in groups]
        )

    assert sentence in says(mean_images)
    assert (says(mean_images) == "") == (sentence == "") == earns_everything(mean_images)

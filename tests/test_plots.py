"""What the figures show, read back from their artists and from their pixels."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from io import BytesIO
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from nbclient import NotebookClient
from PIL import Image
from sklearn.metrics import confusion_matrix

from mnist_course import plots
from mnist_course.errors import CourseError

ROOT = Path(__file__).parents[1]
RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (30, 28, 28), dtype=np.uint8)
LABELS = np.arange(30) % 10
PREDICTIONS = np.where(np.arange(30) % 3 == 0, (LABELS + 1) % 10, LABELS)
CONFIDENCES = RANDOM.permutation(np.linspace(0.1, 1, 30))
PROBABILITIES = np.array([0.01, 0.02, 0.6, 0.03, 0.04, 0.05, 0.15, 0.06, 0.03, 0.01])
WEIGHTS = RANDOM.normal(0, 0.1, (784, 100)) * np.linspace(0.5, 2, 100)
HISTORY = {
    "loss": [0.5, 0.3, 0.2, 0.1],
    "accuracy": [0.8, 0.9, 0.95, 0.99],
    "val_loss": [0.4, 0.25, 0.22, 0.3],
    "val_accuracy": [0.85, 0.92, 0.94, 0.93],
}
MATRIX = confusion_matrix(LABELS, PREDICTIONS)
ACCURACIES = np.linspace(0.98, 0.2, 40).reshape(8, 5)
NAMES = ["shift", "rotation", "shear", "scale", "shot noise", "impulse noise", "blur", "stripe"]
NAN = np.nan
BEFORE = np.array([[NAN, 0.4, 0.6, 0.9], [NAN, 0.3, 0.2, 0.8], [0, 10, 30, 960]])
AFTER = np.array([[NAN, 0.35, 0.55, 0.85], [NAN, 0.3, 0.6, 0.85], [0, 20, 40, 940]])
TABLE = [[9650, 120], [80, 150]]

FIGURES = {
    "digits": lambda: plots.plot_digits(IMAGES, LABELS, predictions=PREDICTIONS),
    "one digit in a grid": lambda: plots.plot_digits(IMAGES[:1], LABELS[:1]),
    "digit": lambda: plots.plot_digit(IMAGES[0], 5),
    "class balance": lambda: plots.plot_class_balance(LABELS, LABELS[:15]),
    "large class balance": lambda: plots.plot_class_balance(np.repeat(range(10), 6000)),
    "history": lambda: plots.plot_history(HISTORY),
    "confusion": lambda: plots.plot_confusion(MATRIX * 300),
    "mistakes": lambda: plots.plot_mistakes(IMAGES, LABELS, PREDICTIONS, CONFIDENCES),
    "first layer": lambda: plots.plot_first_layer(WEIGHTS),
    "prediction": lambda: plots.plot_prediction(IMAGES[2], PROBABILITIES, 2),
    "robustness": lambda: plots.plot_robustness(0.98, ACCURACIES, NAMES),
    "calibration": lambda: plots.plot_calibration(BEFORE, AFTER),
    "comparison": lambda: plots.plot_comparison(TABLE, 0.005, names=("network", "forest")),
}
every_figure = pytest.mark.parametrize("make_figure", FIGURES.values(), ids=FIGURES.keys())


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def shown_images(figure: Figure) -> np.ndarray:
    return np.stack([image.get_array() for image in figure.axes[0].images])


def frames(figure: Figure) -> list[Rectangle]:
    return [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]


@cache
def png(make_figure: Callable[[], Figure]) -> bytes:
    """Return what a notebook shows; several tests look at it."""
    return make_figure()._repr_png_()


def pixels_drawn(figure: Figure) -> np.ndarray:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def luminance(color) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    channels = np.array(to_rgb(color))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def contrast(color, other) -> float:
    dark, light = sorted([luminance(color), luminance(other)])
    return (light + 0.05) / (dark + 0.05)


def cell_color(figure: Figure, row: int, column: int):
    image = figure.axes[0].images[0]
    return image.cmap(image.norm(image.get_array()[row, column]))


# Every figure


@pytest.mark.slow
@every_figure
def test_nothing_is_clipped_at_the_edge_of_the_figure(make_figure):
    pixels = np.asarray(Image.open(BytesIO(png(make_figure))).convert("L"))
    edge = np.concatenate([pixels[:3].ravel(), pixels[-3:].ravel(), pixels[:, :3].ravel()])
    assert edge.min() == 255
    assert pixels[:, -3:].min() == 255
    assert pixels.min() < 100


@every_figure
def test_figures_have_a_title_and_stay_small_enough_for_a_page(make_figure):
    figure = make_figure()
    assert figure.get_suptitle()
    assert figure.get_figwidth() <= 8


@every_figure
def test_images_are_drawn_in_grays_from_light_to_dark(make_figure):
    for axes in make_figure().axes:
        for image in axes.images:
            colors = image.cmap(np.linspace(0, 1, 256))
            assert (colors[:, 0] == colors[:, 1]).all()
            assert (colors[:, 0] == colors[:, 2]).all()
            assert (np.diff(colors[:, 0]) < 0).all()


@pytest.mark.slow
@every_figure
def test_the_style_of_the_notebook_does_not_change_the_figure(make_figure):
    expected, expected_pixels = png(make_figure), pixels_drawn(make_figure())
    with plt.style.context(["dark_background", {"savefig.facecolor": "black"}]):
        assert make_figure()._repr_png_() == expected
        np.testing.assert_array_equal(pixels_drawn(make_figure()), expected_pixels)


@every_figure
def test_pyplot_knows_nothing_of_the_figure(make_figure):
    make_figure()
    assert plt.get_fignums() == []


def test_drawing_imports_neither_pyplot_nor_tensorflow():
    program = (
        "import sys, numpy as np\n"
        "from mnist_course.plots import plot_digits\n"
        "plot_digits(np.zeros((1, 28, 28)))._repr_png_()\n"
        "print({'matplotlib.pyplot', 'tensorflow', 'keras'} & set(sys.modules))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout == "set()\n"


def test_a_notebook_shows_a_figure_exactly_once():
    draw = "plot_digits(np.zeros((1, 28, 28)))"
    sources = [
        "import numpy as np\nfrom mnist_course.plots import plot_digits",
        draw,
        "%matplotlib inline",
        draw,
        "import matplotlib.pyplot as plt",
        draw,
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
    client = NotebookClient(
        notebook, kernel_name="python3", timeout=120, resources={"metadata": {"path": str(ROOT)}}
    )
    client.execute()
    for cell in notebook.cells:
        kinds = [sorted(output.get("data", [])) for output in cell.outputs]
        assert kinds == ([["image/png", "text/plain"]] if cell.source == draw else [])


# plot_digits


@given(
    images=arrays(
        np.uint8, st.tuples(st.integers(1, 25), st.just(28), st.just(28)), elements=st.just(0)
    ).flatmap(lambda zeros: arrays(np.uint8, zeros.shape)),
    columns=st.integers(1, 12),
)
@settings(deadline=None, max_examples=20)
def test_the_grid_shows_every_image_with_its_label_in_reading_order(images, columns):
    labels = np.arange(len(images)) % 10
    figure = plots.plot_digits(images, labels, columns=columns)
    np.testing.assert_array_equal(shown_images(figure), images)
    assert texts(figure) == [str(label) for label in labels]
    places = []
    for image in figure.axes[0].images:
        left, _, _, top = image.get_extent()
        places.append((top, left))
    assert places == sorted(set(places))
    assert len({left for _, left in places}) == min(columns, len(images))


@pytest.mark.parametrize(("images", "ink"), [(IMAGES, 255), (IMAGES / 255, 1)])
def test_all_images_share_one_scale_from_paper_to_ink(images, ink):
    for image in plots.plot_digits(images).axes[0].images:
        assert image.get_clim() == (0, ink)


def test_wrong_predictions_are_marked_by_symbol_and_frame():
    figure = plots.plot_digits(IMAGES[:3], [4, 7, 1], predictions=[9, 7, 1])
    assert texts(figure) == ["4 → 9 ✗", "7 ✓", "1 ✓"]
    assert figure.get_suptitle() == "3 images, label → prediction: 1 wrong"
    (frame,) = frames(figure)
    left, right, bottom, top = figure.axes[0].images[0].get_extent()
    box = frame.get_bbox()
    assert box.xmin < left < right < box.xmax
    assert box.ymin < top < bottom < box.ymax


def test_predictions_without_labels_are_shown_and_not_judged():
    figure = plots.plot_digits(IMAGES[:2], predictions=[9, 7])
    assert texts(figure) == ["→ 9", "→ 7"]
    assert frames(figure) == []


def test_captions_of_neighbors_do_not_overlap():
    for figure in (
        plots.plot_digits(IMAGES, LABELS, predictions=(LABELS + 1) % 10),
        plots.plot_mistakes(IMAGES, LABELS, (LABELS + 1) % 10, np.ones(30)),
        plots.plot_first_layer(np.tile(WEIGHTS, 20)),
    ):
        figure.draw_without_rendering()
        boxes = [text.get_window_extent() for text in figure.axes[0].texts]
        for i, box in enumerate(boxes):
            assert box.count_overlaps(boxes[i + 1 :]) == 0


# plot_digit


@pytest.mark.slow
@given(arrays(np.uint8, (28, 28)))
@settings(deadline=None, max_examples=10)
def test_every_pixel_carries_its_number(image):
    figure = plots.plot_digit(image)
    numbers = {text.get_position()[::-1]: text.get_text() for text in figure.axes[0].texts}
    assert numbers == {place: str(value) for place, value in np.ndenumerate(image)}
    np.testing.assert_array_equal(shown_images(figure)[0], image)


def test_floats_are_written_with_two_decimals():
    image = np.zeros((28, 28), dtype=np.float32)
    image[0, :4] = 0.25, 0.996, 1, 0.001
    assert texts(plots.plot_digit(image))[:5] == [".25", "1.00", "1.00", ".00", "0"]


def test_numbers_stand_out_from_pixels_of_any_brightness():
    figure = plots.plot_digit((np.arange(784) % 256).reshape(28, 28).astype(np.uint8))
    for text in figure.axes[0].texts:
        column, row = text.get_position()
        assert contrast(text.get_color(), cell_color(figure, row, column)) >= 4.5


def test_numbers_stay_inside_their_pixels():
    figure = plots.plot_digit(np.full((28, 28), 255, dtype=np.uint8))
    figure.draw_without_rendering()
    side = figure.axes[0].get_window_extent().width / 28
    assert max(text.get_window_extent().width for text in figure.axes[0].texts) < side


def test_the_label_of_the_digit_is_in_the_title():
    assert plots.plot_digit(IMAGES[0], 5).get_suptitle().startswith("Label 5:")
    assert "Label" not in plots.plot_digit(IMAGES[0]).get_suptitle()


# plot_class_balance


@given(
    labels=st.lists(st.integers(0, 9), min_size=1, max_size=200),
    test_labels=st.lists(st.integers(0, 9), min_size=1, max_size=200),
)
@settings(deadline=None, max_examples=20)
def test_bars_are_as_long_as_their_class_is_large(labels, test_labels):
    axes = plots.plot_class_balance(labels, test_labels).axes[0]
    counted = [Counter(labels), Counter(test_labels)]
    for bars, counter in zip(axes.containers, counted, strict=True):
        assert [bar.get_width() for bar in bars] == [counter[digit] for digit in range(10)]
        for digit, bar in enumerate(bars):
            assert abs(bar.get_y() + bar.get_height() / 2 - digit) < 0.5
    assert [text.get_text() for text in axes.texts] == [
        f"{counter[digit]} ({100 * counter[digit] / counter.total():.1f}%)"
        for counter in counted
        for digit in range(10)
    ]


def test_test_images_are_told_from_training_images_by_hatch():
    axes = plots.plot_class_balance(LABELS, LABELS).axes[0]
    training, test = ({bar.get_hatch() for bar in bars} for bars in axes.containers)
    assert training == {None}
    assert test == {"///"}
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == ["training, 30 images", "test, 30 images"]
    assert [handle.get_hatch() for handle in axes.get_legend().get_patches()] == [None, "///"]


def test_without_test_labels_there_is_one_bar_per_digit():
    (bars,) = plots.plot_class_balance(LABELS).axes[0].containers
    assert len(bars) == 10


def test_the_numbers_of_bars_fit_into_the_axes():
    certain = np.eye(10)[2]
    for figure in (
        plots.plot_class_balance(np.repeat(range(10), 6000), LABELS),
        plots.plot_prediction(IMAGES[2], certain),
    ):
        figure.draw_without_rendering()
        chart = figure.axes[-1]
        right = chart.get_window_extent().xmax
        assert max(text.get_window_extent().xmax for text in chart.texts) < right


# plot_history


@given(
    st.integers(1, 60).flatmap(
        lambda epochs: st.lists(
            st.lists(st.floats(0, 1), min_size=epochs, max_size=epochs), min_size=4, max_size=4
        )
    )
)
@settings(deadline=None, max_examples=20)
def test_curves_show_every_epoch_and_mark_the_lowest_validation_loss(values):
    history = dict(zip(["loss", "accuracy", "val_loss", "val_accuracy"], values, strict=True))
    figure = plots.plot_history(history)
    epochs = range(1, len(values[0]) + 1)
    best = 1 + history["val_loss"].index(min(history["val_loss"]))
    assert f"epoch {best})" in figure.get_suptitle()
    for axes, name in zip(figure.axes, ["loss", "accuracy"], strict=True):
        training, validation, mark = axes.lines
        for line, key in ((training, name), (validation, f"val_{name}")):
            assert list(line.get_xdata()) == list(epochs)
            assert list(line.get_ydata()) == history[key]
        assert list(mark.get_xdata()) == [best, best]
    figure.draw_without_rendering()


def test_training_and_validation_are_told_apart_without_color():
    for axes in plots.plot_history(HISTORY).axes:
        training, validation, _ = axes.lines
        assert [line.get_linestyle() for line in axes.lines] == ["-", "--", ":"]
        assert training.get_marker() != validation.get_marker()
        assert luminance(validation.get_color()) > 2 * luminance(training.get_color())
        assert min(contrast(line.get_color(), "white") for line in axes.lines) >= 4.5


def test_curves_are_labeled_where_they_end():
    for axes, name in zip(plots.plot_history(HISTORY).axes, ["loss", "accuracy"], strict=True):
        labels = {text.get_text(): text for text in axes.texts}
        assert labels["training"].xy == (4, HISTORY[name][-1])
        assert labels["validation"].xy == (4, HISTORY[f"val_{name}"][-1])
        assert axes.get_title() == name.capitalize()
        assert axes.get_xlabel() == "Epoch"


@pytest.mark.parametrize("difference", [-0.01, 0, 0.01])
def test_labels_of_curves_that_end_together_do_not_overlap(difference):
    training, validation = [0.0, 1.0, 0.5], [0.0, 1.0, 0.5 + difference]
    history = {key: validation if "val_" in key else training for key in HISTORY}
    figure = plots.plot_history(history)
    figure.draw_without_rendering()
    for axes in figure.axes:
        first, second = (text.get_window_extent() for text in axes.texts)
        assert not first.overlaps(second)


def test_without_validation_there_is_one_curve_and_no_mark():
    figure = plots.plot_history({"loss": [0.5], "accuracy": [0.8]})
    assert [len(axes.lines) for axes in figure.axes] == [1, 1]
    assert figure.get_suptitle() == "Learning curves"


def test_epochs_whose_loss_is_not_a_number_are_left_out():
    figure = plots.plot_history(
        {**HISTORY, "loss": [0.5, 0.3, np.nan, np.inf], "val_loss": [np.nan, 0.3, 0.2, np.nan]}
    )
    figure.draw_without_rendering()
    assert "epoch 3)" in figure.get_suptitle()
    training, validation = figure.axes[0].texts
    assert (training.xy, validation.xy) == ((2, 0.3), (3, 0.2))


# plot_confusion


@given(arrays(np.int64, (10, 10), elements=st.integers(0, 6000)))
@settings(deadline=None, max_examples=10)
def test_every_cell_carries_its_count_and_only_mistakes_are_shaded(matrix):
    matrix[3, 3] += 1
    figure = plots.plot_confusion(matrix)
    numbers = {text.get_position()[::-1]: text.get_text() for text in figure.axes[0].texts}
    assert numbers == {cell: str(count) for cell, count in np.ndenumerate(matrix)}
    shades = np.array([[cell_color(figure, i, j)[0] for j in range(10)] for i in range(10)])
    assert (shades.diagonal() == 1).all()
    mistakes = matrix[~np.eye(10, dtype=bool)]
    order = np.argsort(mistakes)
    assert (np.diff(shades[~np.eye(10, dtype=bool)][order]) <= 0).all()
    for text in figure.axes[0].texts:
        column, row = text.get_position()
        assert contrast(text.get_color(), cell_color(figure, row, column)) >= 4.5


def test_one_mistake_is_visible_among_thousands_of_right_answers():
    matrix = np.eye(10, dtype=int) * 1000
    matrix[4, 9] = 1
    assert contrast(cell_color(plots.plot_confusion(matrix), 4, 9), "white") > 3


def test_right_answers_are_framed_and_bold():
    figure = plots.plot_confusion(MATRIX)
    centers = [
        np.array([f.get_x() + f.get_width() / 2, f.get_y() + f.get_height() / 2])
        for f in frames(figure)
    ]
    np.testing.assert_allclose(centers, [[i, i] for i in range(10)])
    bold = {text.get_position() for text in figure.axes[0].texts if text.get_weight() == "bold"}
    assert bold == {(i, i) for i in range(10)}


def test_rows_are_true_digits_and_the_title_counts_the_right_ones():
    figure = plots.plot_confusion(confusion_matrix(LABELS, PREDICTIONS))
    assert figure.axes[0].get_xlabel() == "Predicted digit"
    assert figure.axes[0].get_ylabel() == "True digit"
    right = (LABELS == PREDICTIONS).sum()
    assert figure.get_suptitle() == f"Confusion matrix: {right} of 30 images right (66.7%)"


# plot_mistakes


def test_only_mistakes_are_shown_the_most_confident_first():
    wrong = [i for i in range(30) if LABELS[i] != PREDICTIONS[i]]
    wrong.sort(key=lambda i: CONFIDENCES[i], reverse=True)
    figure = plots.plot_mistakes(IMAGES, LABELS, PREDICTIONS, CONFIDENCES)
    np.testing.assert_array_equal(shown_images(figure), IMAGES[wrong])
    assert texts(figure) == [
        f"true {LABELS[i]}, said {PREDICTIONS[i]}\n({100 * CONFIDENCES[i]:.1f}%)" for i in wrong
    ]
    assert figure.get_suptitle() == "10 mistakes, the most confident first"


def test_at_most_24_mistakes_are_shown_and_the_title_says_of_how_many():
    figure = plots.plot_mistakes(IMAGES, LABELS, (LABELS + 1) % 10, CONFIDENCES)
    assert len(figure.axes[0].images) == 24
    assert figure.get_suptitle() == "24 of 30 mistakes, the most confident first"


def test_a_perfect_model_gets_a_figure_that_says_so():
    figure = plots.plot_mistakes(IMAGES, LABELS, LABELS, CONFIDENCES)
    assert figure.get_suptitle() == "No mistakes in 30 images"
    assert texts(figure) == ["✓"]
    assert len(figure.axes[0].images) == 0


# plot_first_layer


def test_the_64_units_with_the_largest_norm_are_shown_largest_first():
    weights = WEIGHTS[:, RANDOM.permutation(100)]
    norms = [sum(w * w for w in weights[:, unit]) for unit in range(100)]
    strongest = sorted(range(100), key=lambda unit: norms[unit], reverse=True)[:64]
    figure = plots.plot_first_layer(weights)
    assert texts(figure) == [f"unit {unit}" for unit in strongest]
    expected = [
        [weights[28 * row : 28 * row + 28, unit] for row in range(28)] for unit in strongest
    ]
    np.testing.assert_array_equal(shown_images(figure), expected)
    assert figure.get_suptitle() == "Weights of 64 of 100 units of the first layer"


def test_the_scale_of_weights_is_symmetric_and_the_same_for_all_units():
    figure = plots.plot_first_layer(WEIGHTS)
    ((low, high),) = {image.get_clim() for image in figure.axes[0].images}
    assert low == -high
    assert 0.99 < np.mean(np.abs(shown_images(figure)) <= high) < 1
    zero = figure.axes[0].images[0].cmap(0.5)
    assert abs(zero[0] - 0.5) < 0.01
    color_bar = figure.axes[1]
    assert color_bar.get_xlim() == (low, high)
    assert "weight" in color_bar.get_xlabel()


def test_an_untrained_layer_of_zeros_is_mid_gray():
    image = plots.plot_first_layer(np.zeros((784, 1))).axes[0].images[0]
    assert abs(image.cmap(image.norm(0.0))[0] - 0.5) < 0.01


# plot_prediction


def test_bars_show_ten_probabilities_and_mark_the_largest():
    figure = plots.plot_prediction(IMAGES[2], PROBABILITIES)
    picture, chart = figure.axes
    np.testing.assert_array_equal(picture.images[0].get_array(), IMAGES[2])
    np.testing.assert_allclose([bar.get_width() for bar in chart.patches], PROBABILITIES)
    assert [bar.get_y() + bar.get_height() / 2 for bar in chart.patches] == pytest.approx(range(10))
    assert [bar.get_hatch() for bar in chart.patches] == [None] * 2 + ["///"] + [None] * 7
    expected = [f"{100 * p:.1f}%" for p in PROBABILITIES]
    expected[2] = "60.0% ◀"
    assert [text.get_text() for text in chart.texts] == expected
    assert figure.get_suptitle() == "Model prediction: 2"
    assert chart.yaxis_inverted()


@pytest.mark.parametrize(("label", "verdict"), [(2, "label 2: right ✓"), (7, "label 7: wrong ✗")])
def test_the_label_says_whether_the_prediction_is_right(label, verdict):
    picture = plots.plot_prediction(IMAGES[2], PROBABILITIES, label).axes[0]
    assert picture.get_xlabel() == verdict


@given(arrays(np.float64, 10, elements=st.floats(0.001, 1)))
@settings(deadline=None, max_examples=20)
def test_the_most_probable_digit_is_the_prediction(chances):
    chances /= chances.sum()
    figure = plots.plot_prediction(IMAGES[0], chances.astype(np.float32))
    hatched = [i for i, bar in enumerate(figure.axes[1].patches) if bar.get_hatch()]
    assert hatched == [int(figure.get_suptitle()[-1])]
    assert chances[hatched[0]] == pytest.approx(max(chances))


# plot_robustness


def test_every_accuracy_stands_in_its_cell_the_lower_the_darker():
    figure = plots.plot_robustness(0.98, ACCURACIES, NAMES)
    axes = figure.axes[0]
    cells = {text.get_position()[::-1]: text for text in axes.texts}
    for place, rate in np.ndenumerate(ACCURACIES):
        assert cells[place].get_text() == f"{100 * rate:.1f}"
        assert contrast(cells[place].get_color(), cell_color(figure, *place)) >= 4.5
    shades = [luminance(cell_color(figure, *place)[:3]) for place in np.ndindex(8, 5)]
    assert (np.diff(shades) <= 0).all()
    assert shades[0] > 2 * shades[-1]
    assert [label.get_text() for label in axes.get_yticklabels()] == NAMES
    assert [label.get_text() for label in axes.get_xticklabels()] == list("12345")
    means = [label.get_text() for label in axes.child_axes[0].get_yticklabels()]
    assert means == [f"mean {100 * sum(row) / 5:.1f}" for row in ACCURACIES]
    assert figure.get_suptitle() == "MNIST-C style accuracy: 98.0% clean, 59.0% corrupted"


# plot_calibration


def test_reliability_before_and_after_scaling_is_drawn_without_empty_bins():
    figure = plots.plot_calibration(BEFORE, AFTER)
    upper, lower = figure.axes
    diagonal, *curves = upper.lines
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [0, 1]
    for curve, line, counts in zip([BEFORE, AFTER], curves, lower.lines, strict=True):
        np.testing.assert_array_equal(line.get_xydata(), curve[:2, 1:].T)
        np.testing.assert_array_equal(counts.get_xydata(), curve[[0, 2], 1:].T)
    assert [line.get_linestyle() for line in curves] == ["-", "--"]
    assert len({line.get_marker() for line in curves}) == 2
    names = [text.get_text() for text in upper.get_legend().get_texts()]
    assert names == ["before scaling", "after scaling"]


def test_the_title_says_the_calibration_errors():
    before = (10 * 0.1 + 30 * 0.4 + 960 * 0.1) / 1000
    after = (20 * 0.05 + 40 * 0.05 + 940 * 0) / 1000
    errors = f"{100 * before:.1f}% before, {100 * after:.1f}% after"
    title = plots.plot_calibration(BEFORE, AFTER).get_suptitle()
    assert title == f"Expected calibration error: {errors} scaling"


# plot_comparison


def test_bars_count_the_images_on_which_two_models_disagree():
    figure = plots.plot_comparison(TABLE, 0.005, names=("network", "forest"))
    axes = figure.axes[0]
    assert [bar.get_width() for bar in axes.patches] == [120, 80, 150]
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["only network right", "only forest right", "both wrong"]
    assert [text.get_text() for text in axes.texts] == ["120", "80", "150"]
    assert [bar.get_hatch() for bar in axes.patches] == ["///", "///", None]
    assert axes.yaxis_inverted()
    assert axes.get_xlabel() == "Images (both right: 9,650)"
    title = "Accuracy of network minus forest: +0.40 points, p = 0.005"
    assert figure.get_suptitle() == title


def test_a_tiny_p_value_is_not_called_zero():
    assert "p < 0.001" in plots.plot_comparison(TABLE, 1e-9).get_suptitle()


# What cannot be drawn

BAD_INPUT = {
    "images without rows": (lambda: plots.plot_digits(IMAGES.reshape(30, 784)), "(30, 784)"),
    "one image for many": (lambda: plots.plot_digits(IMAGES[0]), "(28, 28): expected (n, 28, 28)"),
    "no image": (lambda: plots.plot_digits(IMAGES[:0]), "at least one image"),
    "ragged images": (lambda: plots.plot_digits([[1], [1, 2]]), "not an array of numbers"),
    "images of text": (lambda: plots.plot_digits([["a"]]), "expected an array of numbers"),
    "floats up to 255": (lambda: plots.plot_digits(IMAGES.astype(float)), "normalize()"),
    "negative pixels": (
        lambda: plots.plot_digits(IMAGES.astype(int) - 300),
        "whole numbers from 0 to 255",
    ),
    "pixels that are NaN": (lambda: plots.plot_digits(IMAGES * np.nan), "nan"),
    "too many images": (lambda: plots.plot_digits(np.zeros((201, 28, 28))), "200 at most"),
    "no columns": (lambda: plots.plot_digits(IMAGES, columns=0), "columns is 0"),
    "half a column": (lambda: plots.plot_digits(IMAGES, columns=2.5), "columns is 2.5"),
    "too few labels": (lambda: plots.plot_digits(IMAGES, LABELS[:7]), "expected (30,)"),
    "one-hot labels": (lambda: plots.plot_digits(IMAGES, np.eye(10)[LABELS]), "argmax(axis=1)"),
    "labels above 9": (lambda: plots.plot_digits(IMAGES, LABELS + 1), "from 1 to 10"),
    "probabilities for predictions": (
        lambda: plots.plot_digits(IMAGES, predictions=CONFIDENCES),
        "predictions holds fractions",
    ),
    "many images for one": (lambda: plots.plot_digit(IMAGES), "one image such as images[0]"),
    "a label that is no digit": (lambda: plots.plot_digit(IMAGES[0], 12), "12"),
    "no labels": (lambda: plots.plot_class_balance([]), "expected (n,)"),
    "negative labels": (lambda: plots.plot_class_balance([-1, 3]), "from -1 to 3"),
    "no test labels": (lambda: plots.plot_class_balance(LABELS, []), "test_labels"),
    "a callback for a history": (lambda: plots.plot_history(object()), ".history"),
    "a history without accuracy": (
        lambda: plots.plot_history({"loss": [1.0]}),
        "no accuracy",
    ),
    "a history of numbers": (lambda: plots.plot_history({"loss": 1.0, "accuracy": 1.0}), "shapes"),
    "a history without epochs": (lambda: plots.plot_history({"loss": [], "accuracy": []}), "loss"),
    "curves of different length": (
        lambda: plots.plot_history({**HISTORY, "val_loss": [1.0]}),
        "val_loss (1,)",
    ),
    "a diverged training": (
        lambda: plots.plot_history({"loss": [np.nan], "accuracy": [0.1]}),
        "smaller learning rate",
    ),
    "a small matrix": (lambda: plots.plot_confusion(np.eye(3)), "(3, 3)"),
    "a matrix of shares": (lambda: plots.plot_confusion(MATRIX / 3.5), "whole numbers"),
    "negative counts": (lambda: plots.plot_confusion(MATRIX - 1), "negative"),
    "a matrix without counts": (lambda: plots.plot_confusion(MATRIX * 0), "only zeros"),
    "confidences of another length": (
        lambda: plots.plot_mistakes(IMAGES, LABELS, PREDICTIONS, [0.5]),
        "confidences has shape (1,): expected (30,)",
    ),
    "confidences in percent": (
        lambda: plots.plot_mistakes(IMAGES, LABELS, PREDICTIONS, 100 * CONFIDENCES),
        "from 10 to 100",
    ),
    "weights of another layer": (lambda: plots.plot_first_layer(np.ones((256, 9))), "(256, 9)"),
    "a layer without units": (lambda: plots.plot_first_layer(np.ones((784, 0))), "(784, 0)"),
    "weights that are NaN": (lambda: plots.plot_first_layer(WEIGHTS * np.nan), "NaN"),
    "a batch of probabilities": (
        lambda: plots.plot_prediction(IMAGES[0], PROBABILITIES[np.newaxis]),
        "probabilities has shape (1, 10): expected (10,)",
    ),
    "logits": (lambda: plots.plot_prediction(IMAGES[0], np.arange(10) - 3.0), "softmax"),
    "small logits": (lambda: plots.plot_prediction(IMAGES[0], np.full(10, 0.5)), "sum to 5"),
    "no softmax": (lambda: plots.plot_prediction(IMAGES[0], np.full(10, 0.05)), "sum to 0.5"),
    "accuracies in one row": (
        lambda: plots.plot_robustness(0.9, ACCURACIES.ravel(), NAMES),
        "(40,) for 8 names",
    ),
    "accuracies without a name": (
        lambda: plots.plot_robustness(0.9, ACCURACIES, NAMES[:7]),
        "(8, 5) for 7 names",
    ),
    "accuracies in percent": (
        lambda: plots.plot_robustness(0.9, 100 * ACCURACIES, NAMES),
        "accuracies and clean holds numbers from 0.9 to 98",
    ),
    "a clean accuracy in percent": (
        lambda: plots.plot_robustness(98.0, ACCURACIES, NAMES),
        "to 98",
    ),
    "a curve without counts": (
        lambda: plots.plot_calibration(BEFORE[:2], AFTER),
        "before has shape (2, 4)",
    ),
    "a curve of empty bins": (
        lambda: plots.plot_calibration(BEFORE, AFTER[:, :1]),
        "after counts no predictions",
    ),
    "confidences above 1": (lambda: plots.plot_calibration(BEFORE * 2, AFTER), "to 1.8"),
    "a table of three models": (lambda: plots.plot_comparison(np.eye(3), 0.5), "(3, 3)"),
    "a table of shares": (lambda: plots.plot_comparison([[0.5, 0], [0, 0]], 1), "whole numbers"),
    "a table of negative counts": (lambda: plots.plot_comparison([[5, -1], [0, 0]], 1), "negative"),
    "a table without counts": (lambda: plots.plot_comparison([[0, 0], [0, 0]], 1), "only zeros"),
    "a p-value in percent": (lambda: plots.plot_comparison(TABLE, 50), "p_value"),
    "probabilities that are NaN": (
        lambda: plots.plot_prediction(IMAGES[0], np.full(10, np.nan)),
        "nan",
    ),
}


@pytest.mark.parametrize(("draw", "said"), BAD_INPUT.values(), ids=BAD_INPUT.keys())
def test_bad_input_gets_one_sentence_that_names_it(draw, said):
    with pytest.raises(CourseError) as caught:
        draw()
    message = str(caught.value)
    assert said in message
    assert "expected" in message or "not an array" in message
    assert message.endswith(".")
    assert "\n" not in message


def test_study_shows_a_dot_per_seed_the_mean_and_the_gates():
    figure = plots.plot_study([0.981, 0.983, 0.981, 0.979], [0.975, 0.98])
    dots, mean, *gates = figure.axes[0].lines
    assert sorted(zip(*dots.get_data(), strict=True)) == [
        (0.979, 0),
        (0.981, 0),
        (0.981, 1),
        (0.983, 0),
    ]
    assert mean.get_xdata()[0] == pytest.approx(0.981)
    assert [gate.get_xdata()[0] for gate in gates] == [0.975, 0.98]
    assert {gate.get_linestyle() for gate in gates} != {mean.get_linestyle()}
    assert [text.get_text().strip() for text in figure.axes[0].texts] == ["97.5%", "98.0%"]


@pytest.mark.parametrize("accuracies", [[0.98], [], [98.1, 98.2], [[0.98, 0.97]]])
def test_study_of_something_else_is_named(accuracies):
    with pytest.raises(CourseError, match="at least two numbers from 0 to 1"):
        plots.plot_study(accuracies, [0.98])

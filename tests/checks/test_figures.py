"""A figure is described by what it shows, however it was drawn."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from mnist_course.checks.figures import Panel, describe, find_figure

IMAGE = np.arange(6).reshape(2, 3)


@pytest.fixture(autouse=True)
def closed():
    plt.close("all")
    yield
    plt.close("all")


def test_texts_and_images_are_read_in_order():
    figure, axes = plt.subplots(1, 2)
    for number, ax in enumerate(axes):
        ax.imshow(IMAGE + number)
        ax.set_title(f"label {number}")
        ax.axis("off")
    axes[0].text(0, 0, "inside")
    first, second = describe(figure)
    assert (first.title, second.title) == ("label 0", "label 1")
    assert first.texts == ["inside"]
    np.testing.assert_array_equal(second.images[0], IMAGE + 1)


@pytest.mark.parametrize("draw", [plt.imshow, plt.matshow, plt.pcolormesh])
def test_every_way_to_draw_an_image_counts(draw):
    draw(IMAGE)
    (panel,) = describe(plt.gcf())
    np.testing.assert_array_equal(panel.images[0], IMAGE)


def test_places_are_counted_from_the_upper_left():
    figure, axes = plt.subplots(2, 2)
    for ax in axes.flat:
        ax.imshow(IMAGE)
    (a,), (b,), (c,), (_,) = (panel.places for panel in describe(figure))
    assert a[0] < b[0]
    assert a[1] == pytest.approx(b[1])
    assert a[1] < c[1]
    assert a[0] == pytest.approx(c[0])


def test_color_bars_and_empty_axes_are_not_panels():
    figure, axes = plt.subplots(1, 3)
    figure.colorbar(axes[0].imshow(IMAGE), ax=axes[0])
    assert len(describe(figure)) == 1


@pytest.mark.parametrize("values", [[3, 1, 2], [2, 2, 2]])
def test_bars_have_position_and_length_whichever_way_they_lie(values):
    expected = [(float(i), float(value)) for i, value in enumerate(values)]
    for draw in (plt.bar, plt.barh):
        draw(range(3), values)
        (panel,) = describe(plt.gcf())
        np.testing.assert_allclose(panel.bars, expected)
        plt.close("all")


def test_a_histogram_has_bars_too():
    plt.hist([0, 1, 1], bins=[-0.5, 0.5, 1.5])
    (panel,) = describe(plt.gcf())
    assert panel.bars == [(0, 1), (1, 2)]


def test_lines_labels_and_ticks_are_read():
    plt.plot([1, 2, 3], [4, 5, 6], label="loss")
    plt.legend()
    plt.xlabel("epoch")
    plt.xticks([1, 3], ["one", "three"])
    (panel,) = describe(plt.gcf())
    np.testing.assert_array_equal(panel.lines[0], [[1, 2, 3], [4, 5, 6]])
    assert panel.labels == ["loss"]
    assert panel.xlabel == "epoch"
    assert {"one", "three"} <= set(panel.ticks)


def test_a_label_for_all_panels_counts_for_each():
    figure, axes = plt.subplots(1, 2)
    for ax in axes:
        ax.bar([0], [1])
    figure.supxlabel("digit")
    assert [panel.xlabel for panel in describe(figure)] == ["digit", "digit"]


def test_the_figure_is_the_returned_one_else_the_current_one():
    assert find_figure(None) is None
    figure, axes = plt.subplots(2, 2)
    other = plt.figure()
    for drawn in (figure, axes, axes[0], axes[0, 0], (figure, axes), list(axes.flat)):
        assert find_figure(drawn) is figure
    assert find_figure(None) is other
    assert find_figure("something else") is other


def test_an_empty_panel_shows_nothing():
    assert Panel().images == Panel().bars == []

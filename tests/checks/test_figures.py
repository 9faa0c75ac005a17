"""A figure is described by what a reader sees, however it was drawn."""

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
    _, axes = plt.subplots(1, 2)
    for number, ax in enumerate(axes):
        ax.imshow(IMAGE + number)
        ax.set_title(f"label {number}")
        ax.axis("off")
    axes[0].text(0, 0, "inside")
    first, second = describe(plt.gcf())
    assert (first.title, second.title) == ("label 0", "label 1")
    assert first.texts == ["inside"]
    assert (first.captions, second.captions) == (["label 0 inside"], ["label 1"])
    np.testing.assert_array_equal(second.images[0], IMAGE + 1)


@pytest.mark.parametrize("draw", [plt.imshow, plt.matshow])
@pytest.mark.parametrize("origin", ["upper", "lower"])
@pytest.mark.parametrize("across", [1, -1])
@pytest.mark.parametrize("down", [1, -1])
def test_an_image_is_described_as_it_appears(draw, origin, across, down):
    draw(IMAGE, origin=origin)
    axes = plt.gca()
    axes.set_xlim(axes.get_xlim()[::across])
    axes.set_ylim(axes.get_ylim()[::down])
    (panel,) = describe(plt.gcf())
    first = 1 if origin == "upper" else -1
    np.testing.assert_array_equal(panel.images[0], IMAGE[:: first * down, ::across])
    assert panel.flaws == [""]


@pytest.mark.parametrize("draw", [plt.pcolormesh, plt.pcolor])
def test_a_mesh_has_its_first_row_at_the_bottom(draw):
    draw(IMAGE)
    (panel,) = describe(plt.gcf())
    np.testing.assert_array_equal(panel.images[0], IMAGE[::-1])
    plt.close()
    draw(*np.meshgrid(range(4), range(3), indexing="xy")[::-1], IMAGE)
    (panel,) = describe(plt.gcf())
    np.testing.assert_array_equal(panel.images[0], IMAGE.T[::-1])


@pytest.mark.parametrize(
    ("look", "flaw"),
    [
        ({"alpha": 0}, "is invisible"),
        ({"vmin": 100, "vmax": 101}, "appears in a single color"),
        ({"extent": (0, 3, 0, 2)}, "is cut: the limits of its axes show 33% of it"),
    ],
)
def test_what_is_wrong_with_an_image_is_said(look, flaw):
    plt.imshow(IMAGE, **look)
    if "extent" in look:
        plt.xlim(0, 1)
    (panel,) = describe(plt.gcf())
    assert panel.flaws == [flaw]


def test_places_are_counted_from_the_upper_left():
    _, axes = plt.subplots(2, 2)
    for ax in axes.flat:
        ax.imshow(IMAGE)
    (a,), (b,), (c,), (_,) = (panel.places for panel in describe(plt.gcf()))
    assert a[0] < b[0]
    assert a[1] == pytest.approx(b[1])
    assert a[1] < c[1]
    assert a[0] == pytest.approx(c[0])


def test_color_bars_and_empty_and_hidden_axes_are_not_panels():
    figure, axes = plt.subplots(1, 3)
    figure.colorbar(axes[0].imshow(IMAGE), ax=axes[0])
    axes[1].imshow(IMAGE)
    axes[1].set_visible(False)
    assert len(describe(figure)) == 1


@pytest.mark.parametrize("values", [[3, 1, 2], [2, 2, 2]])
def test_bars_have_position_and_length_whichever_way_they_lie(values):
    expected = [(float(i), float(value)) for i, value in enumerate(values)]
    for draw in (plt.bar, plt.barh):
        draw(range(3), values)
        (panel,) = describe(plt.gcf())
        np.testing.assert_allclose(panel.bars, expected)
        assert panel.horizontal is (draw is plt.barh)
        assert panel.starts == [0, 0, 0]
        assert panel.widths == pytest.approx([0.8] * 3)
        plt.close("all")


def test_a_histogram_has_bars_too():
    plt.hist([0, 1, 1], bins=[-0.5, 0.5, 1.5])
    (panel,) = describe(plt.gcf())
    assert panel.bars == [(0, 1), (1, 2)]


def test_lines_labels_ticks_and_limits_are_read():
    plt.plot([1, 2, 3], [4, 5, 6], label="loss")
    plt.legend()
    plt.xlabel("epoch")
    plt.xticks([1, 3], ["one", "three"])
    plt.ylim(1, 10)
    plt.yscale("log")
    (panel,) = describe(plt.gcf())
    np.testing.assert_array_equal(panel.lines[0], [[1, 2, 3], [4, 5, 6]])
    assert panel.labels == ["loss"]
    assert panel.xlabel == "epoch"
    assert panel.xticks == [(1, "one"), (3, "three")]
    assert panel.limits[2:] == [1, 10]
    assert panel.scales == ("linear", "log")


def test_what_the_axes_hide_is_not_read():
    plt.bar([0, 1], [1, 2])
    plt.title("Balance")
    plt.xlabel("digit")
    plt.axis("off")
    (panel,) = describe(plt.gcf())
    assert (panel.title, panel.xlabel, panel.xticks) == ("Balance", "", [])
    assert panel.hidden == [
        "The label of the x axis 'digit' can't be seen: `axis(\"off\")` hides it."
    ]


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

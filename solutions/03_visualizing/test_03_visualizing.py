"""Hidden tests of assignment 03."""

import numpy as np
import pytest

from mnist_course.checks.visualizing import (
    LARGEST_COUNT,
    find_bar_faults,
    find_fixed_end,
    find_label_faults,
    find_places,
    read_bars,
    read_pictures,
    stand_at_their_digits,
)


def labeled_images(rng, n):
    """Return images that look different from every side, with a margin of paper, and labels."""
    images = rng.integers(1, 256, (n, 28, 28)) * rng.integers(0, 2, (n, 28, 28))
    images *= np.pad(np.ones((16, 16), int), 6)
    return images.astype(np.uint8), rng.integers(0, 10, n, dtype=np.uint8)


def shown(student, rng, rows, columns):
    """Return the images of a grid, as the learner's figure shows them, and all labels."""
    images, labels = labeled_images(rng, rows * columns + 4)
    panels = student.figure("plot_grid", images, labels, rows, columns)
    places, pictures = find_places(panels), read_pictures(panels, images)
    ordered = sorted(zip(places, pictures, strict=True), key=lambda pair: pair[0])
    return [picture for _, picture in ordered], labels


@pytest.mark.points(1, cell="check_plot_grid")
def test_grid_shows_each_of_the_first_images(student, rng):
    """`plot_grid` should show the first rows * columns images, each of them once, upright, and
    as a whole.
    """
    columns = int(rng.integers(4, 6))
    pictures, _ = shown(student, rng, 3, columns)
    assert sorted(picture.index for picture in pictures) == list(range(3 * columns))
    assert not any(picture.view or picture.flaw for picture in pictures)


@pytest.mark.points(1, cell="check_plot_grid")
def test_grid_runs_along_the_rows(student, rng):
    """`plot_grid` should show the images in their order, row by row, whatever the number of rows
    and columns.
    """
    for rows, columns in ((2, 4), (4, 3)):
        images, labels = labeled_images(rng, rows * columns + 4)
        panels = student.figure("plot_grid", images, labels, rows, columns)
        pictures, places = read_pictures(panels, images), find_places(panels)
        seen = {place: picture.index for place, picture in zip(places, pictures, strict=True)}
        # The last ones may be missing, which another test judges.
        assert len(seen) > columns
        assert seen == {(i // columns, i % columns): i for i in range(len(seen))}


@pytest.mark.points(1, cell="check_plot_grid")
def test_each_image_has_its_own_label(student, rng):
    """In `plot_grid`, each image should have its own label where a reader sees it, not that of
    another image or its number.
    """
    pictures, labels = shown(student, rng, 3, 5)
    assert len({picture.index for picture in pictures}) > 7
    assert all(picture.says(labels[picture.index]) for picture in pictures if picture.index >= 0)


@pytest.mark.points(1, cell="check_plot_grid")
def test_grid_may_have_a_single_row_or_column(student, rng):
    """`plot_grid` should also draw a single row, and a single column."""
    for rows, columns in ((1, 5), (4, 1)):
        pictures, _ = shown(student, rng, rows, columns)
        assert {picture.index for picture in pictures} >= set(range(1, rows * columns - 1))


def unequal_labels(rng, absent=()):
    """Return labels of which each digit has another number, some more than 255."""
    counts = rng.permutation(np.arange(20, 400, 38))
    counts[list(absent)] = 0
    labels = np.repeat(np.arange(10, dtype=np.uint8), counts)
    return rng.permutation(labels), counts


def absent_digits(rng):
    """Choose two digits, one of them at an end."""
    return [int(rng.choice([0, 9])), int(rng.integers(2, 8))]


@pytest.mark.points(1, cell="check_count_classes")
def test_counts_each_digit(student, rng):
    """`count_classes` should return how often each digit occurs among the labels it is given, in
    the order of the digits.
    """
    labels, counts = unequal_labels(rng)
    np.testing.assert_allclose(student.call("count_classes", labels), counts)


@pytest.mark.points(1, cell="check_count_classes")
def test_counts_digits_that_do_not_occur(student, rng):
    """`count_classes` should return ten counts, 0 for each digit that doesn't occur."""
    for absent in (absent_digits(rng), [9]):
        labels, counts = unequal_labels(rng, absent)
        np.testing.assert_allclose(student.call("count_classes", labels), counts)


def bar_chart(student, labels):
    (chart,) = [panel for panel in student.figure("plot_balance", labels) if panel.bars]
    return chart


@pytest.mark.points(1, cell="check_plot_balance")
def test_each_bar_is_as_long_as_its_digit_occurs(student, rng):
    """`plot_balance` should draw one bar for each digit, in the order of the digits, as long as
    the digit occurs often: from 0 on an ordinary axis, and visible as a whole.
    """
    labels, counts = unequal_labels(rng)
    chart = bar_chart(student, labels)
    np.testing.assert_allclose(read_bars(chart), counts)
    assert not find_bar_faults(chart)
    few = bar_chart(student, labels[::9])
    assert find_fixed_end([chart, few]) >= LARGEST_COUNT


@pytest.mark.points(1, cell="check_plot_balance")
def test_bars_keep_their_places_where_digits_do_not_occur(student, rng):
    """In `plot_balance`, each bar should stay at its digit where another digit doesn't occur."""
    labels, counts = unequal_labels(rng, absent_digits(rng))
    chart = bar_chart(student, labels)
    np.testing.assert_allclose(read_bars(chart), counts)
    assert stand_at_their_digits(chart)


@pytest.mark.points(1, cell="check_plot_balance")
def test_both_axes_are_labeled(student, rng):
    """`plot_balance` should draw a bar chart with a visible label on both axes that says what
    their numbers mean, those of the digits and those of the counts.
    """
    chart = bar_chart(student, unequal_labels(rng)[0])
    assert 9 <= len(set(chart.bars)) <= 11
    assert not find_label_faults(chart)


def averaged(student, images, labels):
    """Return the learner's mean images, and the true ones of the digits that occur."""
    means = student.call("mean_images", images, labels)
    expected = {
        digit: images[labels == digit].mean(axis=0) for digit in range(10) if digit in labels
    }
    return np.asarray(means), expected


@pytest.mark.points(2, cell="check_mean_images")
def test_averages_the_images_of_each_digit(student, rng):
    """`mean_images` should hold the mean image of each digit, at the position of that digit, in
    an array of shape (10, 28, 28).
    """
    # Three images of each digit, so dark that no sum reaches 256: that is another test.
    labels = rng.permutation(np.repeat(np.arange(10, dtype=np.uint8), 3))
    inked = rng.integers(0, 2, (10, 28, 28))[labels]
    images = (inked * 70 + rng.integers(0, 15, inked.shape)).astype(np.uint8)
    means, expected = averaged(student, images, labels)
    assert means.shape == (10, 28, 28)
    for digit in range(10):
        np.testing.assert_allclose(means[digit].astype(float), expected[digit], atol=1)


@pytest.mark.points(1, cell="check_mean_images")
def test_means_are_exact_floats(student, rng):
    """`mean_images` should be exact for bright images too: floats that aren't rounded, of sums
    that don't start over at 256.
    """
    images = rng.integers(0, 256, (90, 28, 28), dtype=np.uint8)
    labels = rng.permutation(np.resize(np.arange(10, dtype=np.uint8), 90))
    means, expected = averaged(student, images, labels)
    assert means.dtype.kind == "f"
    for digit in range(10):
        np.testing.assert_allclose(means[digit].astype(float), expected[digit], rtol=1e-3)


@pytest.mark.points(1, cell="check_mean_images")
def test_a_digit_that_does_not_occur_keeps_its_place(student, rng):
    """`mean_images` should keep a place for a digit that doesn't occur, so that all others stay
    at theirs.
    """
    images = rng.integers(0, 256, (60, 28, 28), dtype=np.uint8)
    absent = absent_digits(rng)
    labels = rng.choice([digit for digit in range(10) if digit not in absent], 60).astype(np.uint8)
    means, expected = averaged(student, images, labels)
    assert means.shape == (10, 28, 28)
    for digit, mean in expected.items():
        np.testing.assert_allclose(means[digit].astype(float), mean, atol=1)

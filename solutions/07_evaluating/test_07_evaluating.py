"""Hidden tests of assignment 07."""

import operator

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import accuracy_score, confusion_matrix

from mnist_course import from_drawing, normalize


def answers(rng, n=400, digits=range(10)):
    """Return true digits, all of `digits` among them, and predictions that favor some mistakes."""
    labels = rng.permutation(np.resize(np.array(digits, dtype=np.uint8), n))
    slips = rng.choice(np.array(digits), n)
    slips = np.where(rng.random(n) < 0.5, slips, np.max(digits))
    return labels, np.where(rng.random(n) < rng.uniform(0.5, 0.8), labels, slips)


@pytest.mark.points(1, cell="check_accuracy")
def test_accuracy_is_proportional_to_the_right_predictions(student, rng):
    """`accuracy` should be largest when all predictions are right, and half as \
    large for half of them."""
    for n in (50, 300):
        labels, predictions = answers(rng, n)
        share = student.call("accuracy", labels, predictions) / student.call(
            "accuracy", labels, labels
        )
        np.testing.assert_allclose(share, accuracy_score(labels, predictions), atol=0.01)


@pytest.mark.points(1, cell="check_accuracy")
def test_accuracy_is_a_share(student, rng):
    """`accuracy` should be a share from 0 to 1, not rounded, for any number of images."""
    for n in (7, 90, 1234):
        labels, predictions = answers(rng, n)
        share = float(student.call("accuracy", labels, predictions))
        np.testing.assert_allclose(share, accuracy_score(labels, predictions), atol=1e-5)


@pytest.mark.points(1, cell="check_confusion")
def test_confusion_counts_every_image_once(student, rng):
    """The table of `confusion` should count every image once, however many there are, with \
    right answers on its diagonal."""
    labels, predictions = answers(rng, int(rng.integers(300, 600)))
    matrix = np.asarray(student.call("confusion", labels, predictions))
    assert matrix.sum() == len(labels)
    right = np.bincount(labels[labels == predictions], minlength=10)
    np.testing.assert_array_equal(np.diag(matrix), right)
    # More than 16 bits can hold.
    many = np.full(70_001, rng.integers(10))
    assert np.asarray(student.call("confusion", many, many)).sum() == len(many)


@pytest.mark.points(2, cell="check_confusion")
def test_confusion_has_true_digits_in_rows(student, rng):
    """The table of `confusion` should have true digits in rows, predicted ones in columns, and \
    how often each pair occurs inside."""
    labels, predictions = answers(rng)
    matrix = np.asarray(student.call("confusion", labels, predictions))
    np.testing.assert_array_equal(matrix, confusion_matrix(labels, predictions))


@pytest.mark.points(1, cell="check_confusion")
def test_confusion_keeps_digits_that_do_not_occur(student, rng):
    """The table of `confusion` should be 10 x 10 even if some digits do not occur."""
    digits = rng.choice(10, 4, replace=False)
    labels, predictions = answers(rng, 100, digits)
    matrix = np.asarray(student.call("confusion", labels, predictions))
    assert matrix.shape == (10, 10)
    right = np.bincount(labels[labels == predictions], minlength=10)
    np.testing.assert_array_equal(np.diag(matrix), right)


def matrix_with_mistake(rng):
    """Return a confusion matrix and its most frequent mistake; its mirror image never happens."""
    most = int(rng.integers(40, 300))
    matrix = rng.integers(0, most // 2, (10, 10))
    np.fill_diagonal(matrix, rng.integers(0, 900, 10))
    true, predicted, other, another = rng.choice(10, 4, replace=False)
    # A digit that is read wrongly more often than not.
    matrix[true, true] = rng.integers(0, 3 * most // 4)
    matrix[true, predicted], matrix[predicted, true] = most, 0
    matrix[other, another] = matrix[another, other] = rng.integers(2 * most // 3, most)
    matrix[other, other] = matrix[another, another] = most  # right as often as the mistake happens
    return matrix, (true, predicted)


@pytest.mark.points(1, cell="check_most_confused")
def test_most_confused_finds_the_mistake(student, rng):
    """`most_confused` should return the two digits of the most frequent mistake, which is off the \
    diagonal."""
    for _ in range(5):
        matrix, mistake = matrix_with_mistake(rng)
        pair = student.call("most_confused", matrix)
        assert sorted(pair) == sorted(mistake)


@pytest.mark.points(1, cell="check_most_confused")
def test_most_confused_returns_the_true_digit_first(student, rng):
    """`most_confused` should return the true digit first, then the predicted one."""
    for _ in range(5):
        matrix, mistake = matrix_with_mistake(rng)
        np.testing.assert_array_equal(student.call("most_confused", matrix), mistake)


@pytest.mark.points(1, cell="check_most_confused")
def test_most_confused_leaves_the_matrix_alone(student, rng):
    """`most_confused` should find the mistake without changing the matrix it was given."""
    for _ in range(5):
        matrix, mistake = matrix_with_mistake(rng)
        pair, (after,) = student.call("most_confused", matrix, after=True)
        assert sorted(pair) == sorted(mistake)
        np.testing.assert_array_equal(after, matrix)


def measured(rng, least):
    """Return an accuracy and a number of images whose product is a whole number, unrounded."""
    return float(rng.choice([0.625, 0.75, 0.875])), 8 * int(rng.integers(least // 8, least // 2))


@pytest.mark.points(1, cell="check_interval")
def test_interval_shrinks_with_the_number_of_images(student, rng):
    """`interval` should lie around the accuracy, and be half as wide with four times as \
    many images."""
    accuracy, images = measured(rng, least=4_000)
    low, high = student.call("interval", accuracy, images)
    assert low < accuracy < high
    np.testing.assert_allclose((low + high) / 2, accuracy, atol=0.05 * (high - low))
    narrow_low, narrow_high = student.call("interval", accuracy, 4 * images)
    np.testing.assert_allclose((narrow_high - narrow_low) / (high - low), 0.5, rtol=0.02)


def normal_approximation(accuracy, images):
    reach = 1.96 * np.sqrt(accuracy * (1 - accuracy) / images)
    return accuracy - reach, accuracy + reach


def from_scipy(method):
    """Return the interval of Wilson, or the exact one."""
    return lambda accuracy, images: stats.binomtest(round(accuracy * images), images).proportion_ci(
        method=method
    )


@pytest.mark.points(2, cell="check_interval")
def test_interval_covers_95_percent(student, rng):
    """`interval` should return both ends, the lower one first, of the interval of 95%: 1.96 \
    standard errors to either side, for few images and for many."""
    given = [measured(rng, least) for least in (80, 200, 800, 4_000)]
    ends = [np.asarray(student.call("interval", *numbers), dtype=float) for numbers in given]
    assert any(
        np.allclose(ends, [formula(*numbers) for numbers in given], rtol=0, atol=5e-5)
        for formula in (normal_approximation, from_scipy("wilson"), from_scipy("exact"))
    )


def read(student, images):
    """Return the digits that the learner's function reads; one number in a list is one, too."""
    digits = [np.ravel(student.call("predict_with_my_model", image)) for image in images]
    assert {digit.shape for digit in digits} == {(1,)}
    return np.concatenate(digits)


def draw_readable(student, rng, mnist, n):
    """Draw digits in which the network reads what they are, each moved and grained a little.

    No table of the test images has them. Of any 500, a trained network reads most.
    """
    chosen = rng.permutation(len(mnist.test_images))[:500]
    images, labels = mnist.test_images[chosen], mnist.test_labels[chosen]
    moves = rng.integers(-1, 2, (len(images), 2))
    images = np.stack([np.roll(*pair, (0, 1)) for pair in zip(images, moves, strict=True)])
    grain = rng.integers(-12, 13, images.shape) * (images > 0)
    images = (images + grain).clip(0, 255).astype(np.uint8)
    readable = np.flatnonzero(student.predict("model", normalize(images)) == labels)
    assert len(readable) >= 0.7 * len(images)
    return images[readable[:n]], labels[readable[:n]]


@pytest.mark.points(1, cell="check_predict_digit")
def test_predict_digit_reads_most_digits(student, rng, mnist):
    """`predict_digit` should read most digits of MNIST correctly, and prepared drawings of \
    them too."""
    images, labels = draw_readable(student, rng, mnist, 20)
    drawings = [
        from_drawing(255 - np.kron(image, np.ones((8, 8), dtype=np.uint8))) for image in images[:5]
    ]
    digits = read(student, [*drawings, *images[5:]])
    assert np.mean(digits == labels) >= 0.7


@pytest.mark.points(2, cell="check_predict_digit")
def test_predict_digit_normalizes_as_in_training(student, rng, mnist):
    """`predict_digit` should divide the gray values by 255 exactly once, of faint digits too, and \
    read what the network reads in them."""
    draw_readable(student, rng, mnist, 8)  # of another model, its answers would say nothing
    faint = rng.permutation(mnist.test_images)[:1000] // rng.integers(12, 20, dtype=np.uint8)
    expected = student.predict("model", normalize(faint))
    # Those on which it matters that they are normalized.
    unlike = expected != student.predict("model", faint.astype(np.float32))
    chosen = np.flatnonzero(unlike)[:8]
    assert len(chosen) == 8
    np.testing.assert_array_equal(read(student, faint[chosen]), expected[chosen])


@pytest.mark.points(1, cell="check_predict_digit")
def test_predict_digit_returns_an_int(student, rng, mnist):
    """`predict_digit` should return a single whole number, the digit, for a single image."""
    images, labels = draw_readable(student, rng, mnist, 10)
    digits = [operator.index(student.call("predict_with_my_model", image)) for image in images]
    assert np.mean(digits == labels) >= 0.6

"""Hidden tests of assignment 09."""

import numpy as np
import pytest
from scipy import ndimage

from mnist_course import normalize

LARGEST = 300_000  # parameters


def some_images(rng, n=12):
    return rng.integers(1, 256, (n, 28, 28), dtype=np.uint8)


def assert_shifted(student, images, down, right):
    answer = student.call("shift", images, down, right)
    expected = ndimage.shift(images, (0, down, right), order=0)
    np.testing.assert_array_equal(np.asarray(answer), expected)


@pytest.mark.points(1, cell="check_shift")
def test_shift_moves_down_and_right(student, rng):
    """For positive numbers, `shift` should move images down and right, and fill with 0 what \
    becomes free; some pixels are wrong."""
    for down, right in rng.permuted([[1, 2, 9], [3, 5, 4]], axis=1).T:
        assert_shifted(student, some_images(rng), int(down), int(right))


@pytest.mark.points(1, cell="check_shift")
def test_shift_moves_up_and_left(student, rng):
    """For negative numbers, `shift` should move images up and left; some pixels are wrong."""
    for down, right in ((-3, -1), (-int(rng.integers(2, 9)), 4), (2, -int(rng.integers(3, 9)))):
        assert_shifted(student, some_images(rng), down, right)


@pytest.mark.points(1, cell="check_shift")
def test_shift_by_nothing_and_by_everything(student, rng):
    """`shift` should work for 0, which moves nothing, and for 28, which leaves nothing to see."""
    by = int(rng.integers(1, 9))
    for down, right in ((0, by), (by, 0), (0, 0), (28, by), (0, 28)):
        assert_shifted(student, some_images(rng), down, right)


@pytest.mark.points(1, cell="check_shift")
def test_shift_keeps_shape_and_type_and_leaves_its_input_alone(student, rng):
    """`shift` should return moved images of the same shape and type, in a new array, and leave \
    the images it was given as they are."""
    for images in (some_images(rng), normalize(some_images(rng))):
        answer, (after, *_) = student.call("shift", images, 2, 3, after=True)
        answer = np.asarray(answer)
        np.testing.assert_array_equal(after, images)
        assert (answer.shape, answer.dtype) == (images.shape, images.dtype)
        assert answer.any()
        assert not np.array_equal(answer, images)


def candidates(rng, parameters, validation, test):
    """Return candidates in any order, so that no place in the list is the best one."""
    names = [f"network {number}" for number in rng.permutation(90)[: len(parameters)] + 10]
    fields = ("name", "parameters", "validation_accuracy", "test_accuracy")
    rows = list(zip(names, parameters, validation, test, strict=True))
    return names, [dict(zip(fields, rows[i], strict=True)) for i in rng.permutation(len(rows))]


def increasing(rng, n):
    """Draw accuracies from low to high, all of them different."""
    return np.round(rng.uniform(0.9, 0.95) + np.cumsum(rng.uniform(0.001, 0.01, n)), 4).tolist()


@pytest.mark.points(1, cell="check_choose")
def test_choose_goes_by_the_validation_accuracy(student, rng):
    """`choose` should return the name of the candidate with the highest validation accuracy, \
    whatever the test accuracies are."""
    for _ in range(5):
        validation = np.round(np.linspace(0.96, 0.99, 6) + rng.uniform(0, 0.005, 6), 4).tolist()
        # The best of them is neither the best nor the worst on the test images.
        test = np.roll(validation, rng.integers(1, 5)).tolist()
        names, given = candidates(rng, rng.integers(1000, 90_000, 6).tolist(), validation, test)
        assert student.call("choose", given, 100_000) == names[-1]


@pytest.mark.points(1, cell="check_choose")
def test_choose_keeps_to_the_budget(student, rng):
    """`choose` should return the name of the best of those candidates that the budget allows."""
    for _ in range(5):
        budget = int(rng.integers(50_000, 200_000))
        sizes = [*rng.integers(1000, budget, 3).tolist(), budget + 1, 2 * budget]
        accuracies = increasing(rng, 5)
        names, given = candidates(rng, sizes, accuracies, accuracies)
        assert student.call("choose", given, budget) == names[2]


@pytest.mark.points(1, cell="check_choose")
def test_choose_allows_exactly_as_many_parameters_as_the_budget(student, rng):
    """`choose` should allow a candidate with exactly as many parameters as the budget, and none \
    with more."""
    for _ in range(5):
        budget = int(rng.integers(50_000, 200_000))
        sizes = [budget - 1, budget, budget, budget + 1]
        lowest, low, high, highest = increasing(rng, 4)
        accuracies = [low, high, lowest, highest]
        names, given = candidates(rng, sizes, accuracies, accuracies)
        assert student.call("choose", given, budget) == names[1]


def accuracy(student, mnist):
    predictions = student.predict("model", normalize(mnist.test_images))
    return (predictions == mnist.test_labels).mean()


@pytest.mark.points(1, cell="check_train_network")
def test_network_reads_975_in_a_thousand(student, mnist):
    """The network should read 97.5% of the test images after the whole notebook has run."""
    assert accuracy(student, mnist) >= 0.975


@pytest.mark.points(1, cell="check_train_network")
def test_network_reads_985_in_a_thousand(student, mnist):
    """The network should read 98.5% of the test images after the whole notebook has run."""
    assert accuracy(student, mnist) >= 0.985


@pytest.mark.points(2, cell="check_train_network")
def test_network_reads_990_in_a_thousand(student, mnist):
    """The network should read 99.0% of the test images after the whole notebook has run."""
    assert accuracy(student, mnist) >= 0.99


@pytest.mark.points(2, cell="check_train_network")
def test_network_keeps_to_its_parameters(student, mnist):
    """The network should read 97.5% of the test images with at most 300,000 parameters."""
    parameters = student.describe("model")["parameters"]
    assert isinstance(parameters, int)
    assert parameters <= LARGEST
    assert accuracy(student, mnist) >= 0.975

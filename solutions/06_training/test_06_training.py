"""Hidden tests of assignment 06."""

import keras
import numpy as np
import pytest

from mnist_course import normalize
from mnist_course.checks.training import BANDS


def answers(rng, n=30):
    """Return probabilities as a network gives them, none of them tiny, and labels."""
    probabilities = rng.dirichlet(np.full(10, 0.3), size=n).clip(1e-5)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities.astype(np.float32), rng.integers(0, 10, n, dtype=np.uint8)


def keras_loss(probabilities, labels):
    return float(keras.losses.SparseCategoricalCrossentropy()(labels, probabilities))


@pytest.mark.points(1, cell="check_cross_entropy")
def test_cross_entropy_grows_with_doubt(student, rng):
    """`cross_entropy` should be a number near 0 for right and certain answers, and grow as the \
    probability of the right digit falls."""
    labels = rng.integers(0, 10, 20, dtype=np.uint8)
    chances = [0.9999, *np.linspace(0.8, 0.2, 4) + rng.uniform(-0.05, 0.05, 4), 0.01]
    losses = [0.0] * len(chances)
    for i in rng.permutation(len(chances)):
        p = chances[i]
        probabilities = np.full((20, 10), (1 - p) / 9)
        probabilities[np.arange(20), labels] = p
        losses[i] = float(student.call("cross_entropy", probabilities, labels))
    assert 0 <= losses[0] < 0.01
    assert losses == sorted(losses)
    assert losses[-1] > losses[0] + 0.1


@pytest.mark.points(2, cell="check_cross_entropy")
def test_cross_entropy_is_the_mean_over_the_images(student, rng):
    """`cross_entropy` should be the mean, over any number of images, of the negative natural \
    logarithm of the right digit's probability."""
    for n in (1, 10, int(rng.integers(20, 200))):
        probabilities, labels = answers(rng, n)
        loss = student.call("cross_entropy", probabilities, labels)
        np.testing.assert_allclose(loss, keras_loss(probabilities, labels), rtol=1e-4)


@pytest.mark.points(1, cell="check_cross_entropy")
def test_cross_entropy_survives_a_probability_of_0(student, rng):
    """`cross_entropy` should treat probabilities below 1e-7 as 1e-7, so that it stays finite, and \
    leave the array it was given as it is."""
    probabilities, labels = answers(rng)
    probabilities[:5] = np.eye(10)[(labels[:5] + rng.integers(1, 10, 5)) % 10]
    loss, (after, _) = student.call("cross_entropy", probabilities, labels, after=True)
    np.testing.assert_allclose(loss, keras_loss(probabilities, labels), rtol=1e-4)
    np.testing.assert_array_equal(after, probabilities)


@pytest.mark.parametrize(
    "share",
    [
        pytest.param(share, marks=pytest.mark.points(points, cell="check_train_network"))
        for share, points in BANDS.items()
    ],
)
def test_network_recognizes_the_test_images(student, mnist, share):
    """`model` should recognize more of the test images, given as values between 0 and 1: 90% of \
    them earn 1 point, 95% 2, 97% 4, and 98% all 6."""
    predictions = student.predict("model", normalize(mnist.test_images))
    assert np.mean(predictions == mnist.test_labels) >= share


def random_history(rng, epochs):
    """Return curves whose best epochs all differ."""
    names = ["loss", "accuracy", "val_loss", "val_accuracy"]
    while True:
        history = {name: rng.uniform(0.1, 0.9, epochs).tolist() for name in names}
        ends = [
            position(values) for values in history.values() for position in (np.argmin, np.argmax)
        ]
        # One apart would let an answer counted from 0 look like another epoch.
        if all(abs(end - ends[4]) > 1 for i, end in enumerate(ends) if i != 4):
            return history


@pytest.mark.points(1, cell="check_best_epoch")
def test_best_epoch_looks_for_the_lowest_validation_loss(student, rng):
    """`best_epoch` should look for the lowest value of val_loss."""
    for epochs in rng.integers(20, 60, 5):
        history = random_history(rng, int(epochs))
        best = int(np.argmin(history["val_loss"])) + 1
        large = history | {"val_loss": [100 * loss for loss in history["val_loss"]]}
        assert student.call("best_epoch", history) in (best - 1, best)
        assert student.call("best_epoch", large) in (best - 1, best)


@pytest.mark.points(1, cell="check_best_epoch")
def test_best_epoch_counts_from_1_and_takes_the_first(student, rng):
    """`best_epoch` should count epochs from 1 and return the first of several that are equally \
    good."""
    for epochs in rng.integers(20, 60, 5):
        history = random_history(rng, int(epochs))
        best = int(np.argmin(history["val_loss"])) + 1
        history["val_loss"].append(min(history["val_loss"]))
        assert student.call("best_epoch", history) == best


def curves(rng, accuracy, rise, lowest=None):
    """Return curves that end at a training accuracy, `rise` times the lowest validation loss."""
    epochs = int(rng.integers(8, 20))
    lowest = lowest or rng.uniform(0.05, 0.2)
    best = int(rng.integers(2, epochs - 2))
    val_loss = np.concatenate(
        [
            np.linspace(3 * lowest, lowest, best, endpoint=False),
            np.linspace(lowest, rise * lowest, epochs - best),
        ]
    )
    return {
        "loss": np.linspace(1, 0.01, epochs).tolist(),
        "accuracy": np.linspace(0.5, accuracy, epochs).tolist(),
        "val_loss": val_loss.tolist(),
        "val_accuracy": np.linspace(0.5, rng.uniform(0.7, 0.89), epochs).tolist(),
    }


def assert_diagnosed(student, rng, questions):
    """Ask about pairs of curves and the diagnoses that are right for them, in a drawn order."""
    for i in rng.permutation(len(questions)):
        history, right = questions[i]
        assert student.call("diagnose", history) in right


UNDERFITTING, OTHERS = ("underfitting",), ("overfitting", "good")


@pytest.mark.points(1, cell="check_diagnose")
def test_diagnose_recognizes_underfitting(student, rng):
    """`diagnose` should say "underfitting" exactly if the last training accuracy is below 0.9."""
    questions = []
    for accuracy in (0.88, 0.89, *rng.uniform(0.6, 0.87, 2)):
        questions.append((curves(rng, accuracy, rise=1), UNDERFITTING))
        # Better before, worse at the end.
        worse = curves(rng, 0.95, rise=1)
        worse["accuracy"].append(accuracy)
        worse["val_loss"].append(worse["val_loss"][-1])
        questions.append((worse, UNDERFITTING))
    for accuracy in (0.9, 0.91, 0.92, *rng.uniform(0.93, 1, 5)):
        questions.append((curves(rng, accuracy, rise=1), OTHERS))
    assert_diagnosed(student, rng, questions)


@pytest.mark.points(1, cell="check_diagnose")
def test_diagnose_tells_overfitting_from_good(student, rng):
    """If the last training accuracy is high enough, `diagnose` should say "overfitting" if the \
    last validation loss is more than 10% above the lowest one, and "good" if not."""
    questions = []
    for lowest in (0.05, 0.2, 2.0) * rng.uniform(0.8, 1.25, 3):
        for rise in (1.12, *rng.uniform(1.13, 1.5, 2)):
            history = curves(rng, rng.uniform(0.92, 1), rise, lowest)
            questions.append((history, ("overfitting",)))
        for rise in (1, 1.08, *rng.uniform(1.01, 1.07, 2)):
            history = curves(rng, rng.uniform(0.92, 1), rise, lowest)
            questions.append((history, ("good",)))
    assert_diagnosed(student, rng, questions)


@pytest.mark.points(1, cell="check_diagnose")
def test_diagnose_asks_for_underfitting_first(student, rng):
    """Where both rules apply, `diagnose` should say "underfitting": the rule about the accuracy \
    comes first."""
    questions = []
    for accuracy, rise in zip(rng.uniform(0.6, 0.89, 5), rng.uniform(1.2, 2, 5), strict=True):
        questions.append((curves(rng, accuracy, rise), UNDERFITTING))
        questions.append((curves(rng, rng.uniform(0.92, 1), rise), OTHERS))
    assert_diagnosed(student, rng, questions)

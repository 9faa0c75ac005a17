from fractions import Fraction
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import softmax
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, confusion_matrix, recall_score

from mnist_course.data import MNIST
from mnist_course.errors import CourseError
from mnist_course.evaluation import calibration, compare, evaluate, predict, robustness
from mnist_course.models import build_mlp
from mnist_course.preprocessing import normalize
from mnist_course.preprocessing.corruptions import CORRUPTIONS, corrupt


class Oracle:
    """A model that says what it is told to, through the first pixels of each image."""

    def predict(self, images: np.ndarray, **_: object) -> np.ndarray:
        return images[:, 0, :10] / images[:, 0, :10].sum(axis=1, keepdims=True)


def images_for(predictions: np.ndarray, confidences: np.ndarray | float = 0.9) -> np.ndarray:
    """Return images of which `Oracle` predicts `predictions` with `confidences`."""
    images = np.zeros((len(predictions), 28, 28), np.float32)
    confidences = np.broadcast_to(confidences, len(predictions))
    images[:, 0, :10] = ((1 - confidences) / 9)[:, None]
    images[np.arange(len(predictions)), 0, predictions] = confidences
    return images


digits = hnp.arrays(np.int64, st.shared(st.integers(2, 60), key="n"), elements=st.integers(0, 9))


class TestEvaluate:
    @given(labels=digits, predictions=digits)
    def test_agrees_with_scikit_learn(self, labels: np.ndarray, predictions: np.ndarray) -> None:
        evaluation = evaluate(Oracle(), images_for(predictions), labels)
        half = len(labels) // 2
        assert evaluation.accuracy == accuracy_score(labels, predictions)
        assert evaluation.halves == pytest.approx(
            (
                accuracy_score(labels[:half], predictions[:half]),
                accuracy_score(labels[half:], predictions[half:]),
            )
        )
        np.testing.assert_array_equal(evaluation.predictions, predictions)
        np.testing.assert_array_equal(
            evaluation.confusion, confusion_matrix(labels, predictions, labels=range(10))
        )
        present = np.unique(labels)
        np.testing.assert_allclose(
            evaluation.recall[present],
            recall_score(labels, predictions, labels=present, average=None),
        )
        assert np.isnan(np.delete(evaluation.recall, present)).all()

    @given(right=st.integers(0, 400), wrong=st.integers(0, 400))
    def test_interval_is_wilsons(self, right: int, wrong: int) -> None:
        n = right + wrong
        if n < 2:
            return
        labels = np.zeros(n, int)
        evaluation = evaluate(Oracle(), images_for(np.repeat([0, 1], [right, wrong])), labels)
        z, share = 1.959963984540054, right / n
        center = (share + z**2 / (2 * n)) / (1 + z**2 / n)
        reach = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
        assert evaluation.interval == pytest.approx((center - reach, center + reach), abs=1e-9)
        assert evaluation.interval[0] <= evaluation.accuracy <= evaluation.interval[1]

    def test_mistakes_come_most_confident_first(self) -> None:
        labels = np.array([1, 2, 3, 4, 5])
        predictions = np.array([1, 7, 7, 4, 7])
        confidences = np.array([0.99, 0.6, 0.9, 0.5, 0.7])
        evaluation = evaluate(Oracle(), images_for(predictions, confidences), labels)
        assert evaluation.mistakes.tolist() == [2, 4, 1]
        np.testing.assert_allclose(evaluation.confidences, confidences, rtol=1e-5)

    @pytest.mark.parametrize(
        ("labels", "message"),
        [
            (np.zeros(3, int), r"labels of shape \(3,\)"),
            (np.zeros((4, 10)), r"labels of shape \(4, 10\)"),
            (np.array([0, 1, 2, 10]), "labels that are not digits"),
        ],
    )
    def test_labels_that_do_not_fit_are_named(self, labels: np.ndarray, message: str) -> None:
        with pytest.raises(CourseError, match=message):
            evaluate(Oracle(), images_for(np.zeros(4, int)), labels)


class TestPredict:
    def test_returns_what_keras_returns(self, few: MNIST) -> None:
        model = build_mlp(seed=0)
        images = normalize(few.test_images)
        np.testing.assert_allclose(
            predict(model, images), model.predict(images, batch_size=77, verbose=0), atol=1e-6
        )

    def test_images_that_were_not_normalized_are_named(self, few: MNIST) -> None:
        with pytest.raises(CourseError, match=r"normalize\(\) first"):
            predict(build_mlp(seed=0), few.test_images)
        with pytest.raises(CourseError, match=r"outside 0-1"):
            predict(build_mlp(seed=0), few.test_images.astype(np.float32))
        with pytest.raises(CourseError, match=r"outside 0-1"):
            predict(build_mlp(seed=0), normalize(few.test_images) - 0.01)

    def test_logits_and_other_shapes_are_named(self) -> None:
        class Logits(Oracle):
            def predict(self, images: np.ndarray, **_: object) -> np.ndarray:
                return np.full((len(images), 10), 3.0)

        class Pair(Oracle):
            def predict(self, images: np.ndarray, **_: object) -> np.ndarray:
                return np.full((len(images), 2), 0.5)

        with pytest.raises(CourseError, match="softmax"):
            predict(Logits(), images_for(np.zeros(3, int)))
        with pytest.raises(CourseError, match=r"shape \(3, 2\)"):
            predict(Pair(), images_for(np.zeros(3, int)))


class Templates:
    """A model that compares each image with the mean image of each digit."""

    def __init__(self, images: np.ndarray, labels: np.ndarray) -> None:
        means = np.stack([images[labels == digit].mean(axis=0).ravel() for digit in range(10)])
        self.weights = means.T
        self.biases = -(means**2).sum(axis=1) / 2

    def predict(self, images: np.ndarray, **_: object) -> np.ndarray:
        return softmax(images.reshape(len(images), -1) @ self.weights + self.biases, axis=1)


class TestRobustness:
    def test_is_the_accuracy_under_each_corruption_and_strength(self, few: MNIST) -> None:
        model = Templates(normalize(few.train_images), few.train_labels)
        images, labels = normalize(few.test_images[:300]), few.test_labels[:300]
        found = robustness(model, images, labels)

        def accuracy(images: np.ndarray) -> float:
            return accuracy_score(labels, model.predict(images).argmax(axis=1))

        assert found.names == CORRUPTIONS
        assert found.accuracies.shape == (8, 5)
        assert found.clean == accuracy(images)
        for name, row in zip(found.names, found.accuracies, strict=True):
            expected = [accuracy(corrupt(images, name, s)) for s in range(1, 6)]
            np.testing.assert_allclose(row, expected)
        assert found.mean == pytest.approx(sum(map(sum, found.accuracies)) / 40)
        assert found.mean < found.clean - 0.1

    def test_is_silent_where_nobody_watches(
        self, few: MNIST, capfd: pytest.CaptureFixture[str]
    ) -> None:
        images, labels = normalize(few.test_images[:10]), few.test_labels[:10]
        robustness(Templates(normalize(few.train_images), few.train_labels), images, labels)
        assert capfd.readouterr() == ("", "")


class Says:
    """A model that says row i of `probabilities` about `numbered` image i."""

    def __init__(self, probabilities: np.ndarray) -> None:
        self.probabilities = probabilities

    def predict(self, images: np.ndarray, **_: object) -> np.ndarray:
        return self.probabilities[(images[:, 0, 0] * 2**16).astype(int)]


def numbered(numbers: range) -> np.ndarray:
    images = np.zeros((len(numbers), 28, 28), np.float32)
    images[:, 0, 0] = np.array(numbers) / 2**16
    return images


class TestCalibration:
    @pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
    def test_recovers_a_known_temperature_from_validation_data_alone(
        self, temperature: float
    ) -> None:
        random = np.random.default_rng(0)
        logits = random.normal(0, 2, (8000, 10))
        labels = (softmax(logits, axis=1).cumsum(axis=1) < random.random((8000, 1))).sum(axis=1)
        model = Says(softmax(logits * temperature, axis=1).astype(np.float32))
        test, validation = range(4000), range(4000, 8000)
        fitted = numbered(validation), labels[4000:]
        found = calibration(model, numbered(test), labels[:4000], validation=fitted)
        assert found.temperature == pytest.approx(temperature, rel=0.06)
        assert found.error_after < 0.03
        if temperature != 1:
            assert found.error_before > 0.1
        mislabeled = (labels[:4000] + 1) % 10
        assert (
            calibration(model, numbered(test), mislabeled, validation=fitted).temperature
            == found.temperature
        )

    @given(
        n=st.integers(2, 300),
        spread=st.floats(0.05, 3),
        seed=st.integers(0, 2**32),
    )
    @settings(deadline=None)
    def test_reliability_is_scikit_learns(self, n: int, spread: float, seed: int) -> None:
        random = np.random.default_rng(seed)
        probabilities = random.dirichlet(np.full(10, spread), n)
        labels = random.integers(0, 10, n)
        images = numbered(range(n))
        found = calibration(Says(probabilities), images, labels, validation=(images, labels))
        right = labels == probabilities.argmax(axis=1)
        confidences = probabilities.max(axis=1).clip(0, 1)
        accuracy, confidence = calibration_curve(right, confidences, n_bins=15)
        full = found.before.counts > 0
        np.testing.assert_allclose(found.before.accuracy[full], accuracy)
        np.testing.assert_allclose(found.before.confidence[full], confidence)
        for curve in (found.before, found.after):
            assert curve.counts.sum() == n
            assert len(curve.counts) == 15
            np.testing.assert_array_equal(np.isnan(curve.accuracy), curve.counts == 0)
            np.testing.assert_array_equal(np.isnan(curve.confidence), curve.counts == 0)

    def test_error_is_the_mean_gap_between_confidence_and_accuracy(self) -> None:
        images = images_for(np.array([3, 3, 3, 3]), np.array([0.9, 0.9, 0.7, 0.7]))
        labels = np.array([3, 4, 3, 3])
        found = calibration(Oracle(), images, labels, validation=(images, labels))
        assert found.error_before == pytest.approx((2 * (0.9 - 0.5) + 2 * (1 - 0.7)) / 4)

    def test_probabilities_that_vanished_to_0_count_as_the_smallest_float32(self) -> None:
        labels = np.arange(20) % 10
        says = Says(np.eye(10, dtype=np.float32)[labels])
        images = numbered(range(20))
        mislabeled = np.where(np.arange(20) == 0, 9, labels)
        found = calibration(says, images, labels, validation=(images, mislabeled))
        # One of 20 is wrong, so at the best temperature nine digits share 1/20 of the probability.
        smallest = np.log(2.0**-126)
        assert found.temperature == pytest.approx(-smallest / np.log(9 * 19), rel=1e-3)
        assert found.error_before == 0
        assert found.error_after == pytest.approx(1 / 20, rel=1e-3)

    def test_a_model_that_is_always_right_gets_a_temperature_within_bounds(self) -> None:
        images, labels = images_for(np.arange(10)), np.arange(10)
        found = calibration(Oracle(), images, labels, validation=(images, labels))
        assert 0.05 <= found.temperature < 0.2
        assert found.error_after < 1e-6

    def test_what_does_not_fit_is_named(self) -> None:
        images, labels = images_for(np.arange(4)), np.arange(4)
        with pytest.raises(CourseError, match=r"calibration\(\) was given.*labels of shape \(3,\)"):
            calibration(Oracle(), images, labels, validation=(images, labels[:3]))


class TestCompare:
    @given(table=st.tuples(*[st.integers(0, 60)] * 4))
    @settings(deadline=None)
    def test_is_mcnemars_exact_test(self, table: tuple[int, int, int, int]) -> None:
        n = sum(table)
        if n < 2:
            return
        _, only_a, only_b, _ = table
        a_right, b_right = (np.repeat(right, table) for right in ([1, 1, 0, 0], [1, 0, 1, 0]))
        a, b = (Says(np.eye(10)[np.where(right, 4, 9)]) for right in (a_right, b_right))
        found = compare(a, b, numbered(range(n)), np.full(n, 4))
        np.testing.assert_array_equal(found.table, np.reshape(table, (2, 2)))
        disputed = only_a + only_b
        tail = sum(comb(disputed, wins) for wins in range(min(only_a, only_b) + 1))
        assert found.p_value == pytest.approx(float(min(1, Fraction(2 * tail, 2**disputed))))

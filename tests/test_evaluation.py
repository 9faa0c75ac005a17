import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import accuracy_score, confusion_matrix, recall_score

from mnist_course.data import MNIST
from mnist_course.errors import CourseError
from mnist_course.evaluation import evaluate, predict
from mnist_course.models import build_mlp
from mnist_course.preprocessing import normalize


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
    def test_returns_what_keras_returns(self, sample: MNIST) -> None:
        model = build_mlp(seed=0)
        images = normalize(sample.test_images)
        np.testing.assert_allclose(
            predict(model, images), model.predict(images, batch_size=77, verbose=0), atol=1e-6
        )

    def test_images_that_were_not_normalized_are_named(self, sample: MNIST) -> None:
        with pytest.raises(CourseError, match=r"normalize\(\) first"):
            predict(build_mlp(seed=0), sample.test_images)
        with pytest.raises(CourseError, match=r"outside 0-1"):
            predict(build_mlp(seed=0), sample.test_images.astype(np.float32))

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

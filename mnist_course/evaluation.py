"""Measure how good a trained network is, and where it fails."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import numpy.typing as npt
from scipy import stats
from sklearn.metrics import accuracy_score, confusion_matrix, recall_score

from .errors import CourseError

if TYPE_CHECKING:
    import keras

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

DIGITS = range(10)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What `evaluate` found out. Rates are between 0 and 1.

    Attributes
    ----------
    accuracy : float
        The share of images classified correctly.
    interval : tuple of float
        Wilson's 95 % confidence interval for the accuracy.
    halves : tuple of float
        The accuracy on the first and on the second half of the images.
    recall : ndarray of float64, shape (10,)
        For each digit, the share of its images classified correctly; NaN where there are none.
    confusion : ndarray of int64, shape (10, 10)
        Counts of images; rows are the true digits, columns the predicted ones.
    predictions : ndarray of int64, shape (n,)
        The predicted digit of each image.
    confidences : ndarray of float64, shape (n,)
        The probability the network gave to its prediction.
    mistakes : ndarray of int64, shape (number of mistakes,)
        Indices of the images classified wrongly, the most confident mistake first.
    """

    accuracy: float
    interval: tuple[float, float]
    halves: tuple[float, float]
    recall: FloatArray
    confusion: IntArray
    predictions: IntArray
    confidences: FloatArray
    mistakes: IntArray


def evaluate(model: "keras.Model", images: npt.ArrayLike, labels: npt.ArrayLike) -> Evaluation:
    """Evaluate `model` on labeled images it was not trained on.

    Parameters
    ----------
    model : keras.Model
        Takes images of shape (n, 28, 28), returns probabilities of shape (n, 10).
    images : array_like of float32, shape (n, 28, 28)
        Normalized images, at least two.
    labels : array_like of int, shape (n,)
        The digit of each image.

    Returns
    -------
    Evaluation
        Accuracy with its interval, accuracy on both halves, recall and confusion per digit, and
        the mistakes.

    Raises
    ------
    CourseError
        If the images are not normalized, the labels do not match them, or the model does not
        return ten probabilities per image.

    Notes
    -----
    The two halves of MNIST's test set come from different groups of writers and differ in
    difficulty, so both are reported. The interval is E. B. Wilson's, "Probable inference, the law
    of succession, and statistical inference", JASA 22, 1927.
    """
    images, labels = np.asarray(images), np.asarray(labels)
    if labels.shape != images.shape[:1] or len(labels) < 2:
        raise CourseError(
            f"evaluate() was given images of shape {images.shape} and labels of shape "
            f"{labels.shape}: expected (n, 28, 28) and (n,) with n of at least 2."
        )
    if not np.isin(labels, DIGITS).all():
        raise CourseError("evaluate() was given labels that are not digits: expected 0 to 9.")
    probabilities = predict(model, images)
    predictions = probabilities.argmax(axis=1)
    confidences = probabilities.max(axis=1)
    right = predictions == labels
    half = len(labels) // 2
    wrong = np.flatnonzero(~right)
    interval = stats.binomtest(int(right.sum()), len(right)).proportion_ci(method="wilson")
    return Evaluation(
        accuracy=float(accuracy_score(labels, predictions)),
        interval=(float(interval.low), float(interval.high)),
        halves=(float(right[:half].mean()), float(right[half:].mean())),
        recall=recall_score(labels, predictions, labels=DIGITS, average=None, zero_division=np.nan),
        confusion=confusion_matrix(labels, predictions, labels=DIGITS),
        predictions=predictions,
        confidences=confidences,
        mistakes=wrong[np.argsort(-confidences[wrong], kind="stable")],
    )


def predict(model: "keras.Model", images: npt.ArrayLike) -> FloatArray:
    """Return the probabilities that `model` gives to the ten digits.

    Parameters
    ----------
    model : keras.Model
        Takes images of shape (n, 28, 28), returns probabilities of shape (n, 10).
    images : array_like of float32, shape (n, 28, 28)
        Normalized images.

    Returns
    -------
    ndarray of float64, shape (n, 10)
        Each row sums to 1.

    Raises
    ------
    CourseError
        If the images are not normalized, or the model does not return probabilities.
    """
    images = np.asarray(images)
    if images.ndim != 3 or not np.issubdtype(images.dtype, np.floating):
        raise CourseError(
            f"the images have shape {images.shape} and type {images.dtype}: expected (n, 28, 28) "
            "and float32; pass them through normalize() first."
        )
    if not (images.size and images.min() >= 0 and images.max() <= 1):
        raise CourseError(
            "the images are empty or have values outside 0-1: pass the gray values through "
            "normalize() first."
        )
    probabilities = np.asarray(model.predict(images, batch_size=1000, verbose=0), dtype=np.float64)
    if probabilities.shape != (len(images), len(DIGITS)):
        raise CourseError(
            f"the model returned an array of shape {probabilities.shape}: expected ten "
            f"probabilities for each image, ({len(images)}, 10)."
        )
    if probabilities.min() < 0 or not np.allclose(probabilities.sum(axis=1), 1, atol=1e-3):
        raise CourseError(
            "the model returned numbers that are not probabilities: end it with a softmax layer."
        )
    return probabilities

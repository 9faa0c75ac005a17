"""Measure how good a trained network is, and where it fails.

In: a model, normalized images and their labels. Out: a dataclass of numbers and arrays.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import track
from scipy import optimize, special, stats
from sklearn.metrics import accuracy_score, confusion_matrix, recall_score

from ._arrays import DIGITS, Array, FloatArray, IntArray
from ._notebook import in_notebook
from .errors import CourseError
from .preprocessing.corruptions import CORRUPTIONS, corrupt
from .preprocessing.normalizing import check_normalized

if TYPE_CHECKING:
    import keras

BINS = 15  # of the confidences from 0 to 1; each bin contains its upper end


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What `evaluate` found out. Rates are between 0 and 1.

    Attributes
    ----------
    accuracy : float
        The share of images classified correctly.
    interval : tuple of float
        Wilson's 95% confidence interval for the accuracy.
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
        Accuracy with its interval and on both halves, recall and confusion per digit, mistakes.

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
    images, labels = _labeled("evaluate", images, labels)
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
        See `evaluate`.
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
    images = check_normalized(images)
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


@dataclass(frozen=True, eq=False)
class Robustness:
    """What `robustness` found out: accuracies between 0 and 1, to be called MNIST-C style.

    Attributes
    ----------
    clean : float
        The accuracy on the images as they are.
    names : tuple of str
        The eight corruptions, in the order of `mnist_course.preprocessing.corruptions.CORRUPTIONS`.
    accuracies : ndarray of float64, shape (8, 5)
        The accuracy under each corruption (row) at each strength, 1 to 5 (column).
    mean : float
        The mean of these 40 accuracies.
    """

    clean: float
    names: tuple[str, ...]
    accuracies: FloatArray
    mean: float


def robustness(model: "keras.Model", images: npt.ArrayLike, labels: npt.ArrayLike) -> Robustness:
    """Measure how much of its accuracy `model` keeps on corrupted images.

    It takes about as long as 40 evaluations and, on a terminal, shows on stderr how far it is.

    Parameters
    ----------
    model, images, labels
        See `evaluate`.

    Returns
    -------
    Robustness
        The accuracy without corruption, and under eight corruptions at five strengths each.

    Raises
    ------
    CourseError
        See `evaluate`.

    Notes
    -----
    In the manner of MNIST-C (N. Mu and J. Gilmer, "MNIST-C: A robustness benchmark for computer
    vision", 2019, https://arxiv.org/abs/1906.02337), with corruptions of our own: don't compare
    the results with published ones for MNIST-C.
    """
    images, labels = _labeled("robustness", images, labels)
    clean = _accuracy(model, images, labels)
    console = Console(stderr=True, force_jupyter=False)
    corruptions = track(
        [(name, strength) for name in CORRUPTIONS for strength in range(1, 6)],
        "Corrupting and classifying",
        console=console,
        transient=True,
        disable=not console.is_terminal or in_notebook(),
    )
    accuracies = [
        _accuracy(model, corrupt(images, name, strength), labels) for name, strength in corruptions
    ]
    table = np.reshape(accuracies, (len(CORRUPTIONS), -1))
    return Robustness(clean, CORRUPTIONS, table, float(table.mean()))


class Reliability(NamedTuple):
    """How often a model is right when it says how sure it is, in 15 bins of equal width.

    Attributes
    ----------
    confidence : ndarray of float64, shape (15,)
        The mean probability given to the predictions in each bin; NaN where the bin is empty.
    accuracy : ndarray of float64, shape (15,)
        The share of these predictions that is right; NaN where the bin is empty.
    counts : ndarray of int64, shape (15,)
        How many predictions fall into each bin.
    """

    confidence: FloatArray
    accuracy: FloatArray
    counts: IntArray


@dataclass(frozen=True, eq=False)
class Calibration:
    """What `calibration` found out about the confidence of a model.

    Attributes
    ----------
    before, after : Reliability
        The reliability curves of the model as it is, and with its logits divided by `temperature`.
    error_before, error_after : float
        The expected calibration errors: how far confidence and accuracy are apart, on average
        over all predictions. 0 is perfect.
    temperature : float
        Above 1, the model was too sure of itself; below 1, not sure enough.
    """

    before: Reliability
    after: Reliability
    error_before: float
    error_after: float
    temperature: float


def calibration(
    model: "keras.Model",
    images: npt.ArrayLike,
    labels: npt.ArrayLike,
    *,
    validation: tuple[npt.ArrayLike, npt.ArrayLike],
) -> Calibration:
    """Measure whether `model` is as often right as it says, before and after temperature scaling.

    Parameters
    ----------
    model, images, labels
        See `evaluate`.
    validation : tuple of (images, labels)
        Other images the model was not trained on, such as its validation part. The temperature is
        fitted to these alone.

    Returns
    -------
    Calibration
        Reliability curves, expected calibration errors, and the temperature, 0.05 to 20.

    Raises
    ------
    CourseError
        See `evaluate`; the same holds for the images and labels of `validation`.

    Notes
    -----
    C. Guo, G. Pleiss, Y. Sun and K. Weinberger, "On calibration of modern neural networks", ICML
    2017. The logarithm of a probability is the logit but for a constant that softmax cancels, so
    any model that ends with softmax will do. Scaling does not change any prediction.
    """
    images, labels = _labeled("calibration", images, labels)
    validation_images, validation_labels = _labeled("calibration", *validation)
    temperature = _fit_temperature(_logits(model, validation_images), validation_labels)
    logits = _logits(model, images)
    before = _reliability(logits, labels)
    after = _reliability(logits / temperature, labels)
    errors = _calibration_error(before), _calibration_error(after)
    return Calibration(before, after, *errors, temperature)


@dataclass(frozen=True, eq=False)
class Comparison:
    """What `compare` found out about two models, a and b.

    Attributes
    ----------
    table : ndarray of int64, shape (2, 2)
        Counts of images; the rows are those a has right and wrong, the columns those b has right
        and wrong.
    p_value : float
        The chance of a table at least as lopsided if neither model were better than the other.
    """

    table: IntArray
    p_value: float


def compare(
    a: "keras.Model", b: "keras.Model", images: npt.ArrayLike, labels: npt.ArrayLike
) -> Comparison:
    """Test whether one of two models is better, on the same images.

    Parameters
    ----------
    a, b : keras.Model
        Two models such as `evaluate` takes.
    images, labels
        See `evaluate`; neither model was trained on these images.

    Returns
    -------
    Comparison
        Who has which images right, and the p-value.

    Raises
    ------
    CourseError
        See `evaluate`.

    Notes
    -----
    The exact form of Q. McNemar's test, "Note on the sampling error of the difference between
    correlated proportions or percentages", Psychometrika 12, 1947: only the images that exactly
    one model has right can tell the two apart, and if neither is better, each of these is won by
    the toss of a coin. It says nothing of how much training again would change a model.
    """
    images, labels = _labeled("compare", images, labels)
    a_right, b_right = (predict(model, images).argmax(axis=1) == labels for model in (a, b))
    table = confusion_matrix(a_right, b_right, labels=[True, False])
    only_a, only_b = int(table[0, 1]), int(table[1, 0])
    disputed = only_a + only_b
    p_value = float(stats.binomtest(only_a, disputed).pvalue) if disputed else 1.0
    return Comparison(table, p_value)


def _labeled(function: str, images: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[Array, IntArray]:
    images, labels = np.asarray(images), np.asarray(labels)
    if labels.shape != images.shape[:1] or len(labels) < 2:
        raise CourseError(
            f"{function}() was given images of shape {images.shape} and labels of shape "
            f"{labels.shape}: expected (n, 28, 28) and (n,) with n of at least 2."
        )
    if not np.isin(labels, DIGITS).all():
        raise CourseError(f"{function}() was given labels that are not digits: expected 0 to 9.")
    return images, labels


def _accuracy(model: "keras.Model", images: npt.ArrayLike, labels: IntArray) -> float:
    return float((predict(model, images).argmax(axis=1) == labels).mean())


def _logits(model: "keras.Model", images: npt.ArrayLike) -> FloatArray:
    # In float32, a probability can vanish to 0, which has no logarithm.
    logits: FloatArray = np.log(np.maximum(predict(model, images), np.finfo(np.float32).tiny))
    return logits


def _fit_temperature(logits: FloatArray, labels: IntArray) -> float:
    """Return the temperature under which `labels` are most likely."""

    def loss(log_temperature: float) -> float:
        scaled = special.log_softmax(logits / np.exp(log_temperature), axis=1)
        return -float(scaled[np.arange(len(labels)), labels].mean())

    # The loss is convex in 1 / temperature, so there is one minimum. Without bounds, a model that
    # is right on every image would have it at 0.
    bounds = np.log([0.05, 20])
    return float(np.exp(optimize.minimize_scalar(loss, bounds=bounds, method="bounded").x))


def _reliability(logits: FloatArray, labels: IntArray) -> Reliability:
    confidences = special.softmax(logits, axis=1).max(axis=1)
    right = logits.argmax(axis=1) == labels
    bin_of = np.digitize(confidences, np.linspace(0, 1, BINS + 1)[1:-1], right=True)
    counts = np.bincount(bin_of, minlength=BINS)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(bin_of, confidences, BINS) / counts
        accuracy = np.bincount(bin_of, right, BINS) / counts
    return Reliability(confidence, accuracy, counts)


def _calibration_error(curve: Reliability) -> float:
    gaps = np.abs(curve.confidence - curve.accuracy)
    return float(np.nansum(gaps * curve.counts) / curve.counts.sum())

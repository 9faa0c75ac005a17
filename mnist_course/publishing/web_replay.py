"""Record a training epoch by epoch, for the page on which readers play it back."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix

from mnist_course._arrays import Float32Array, FloatArray, IntArray, UInt8Array
from mnist_course._backend import keras
from mnist_course._files import atomic
from mnist_course.data import MNIST
from mnist_course.errors import CourseError
from mnist_course.evaluation import predict
from mnist_course.preprocessing import normalize
from mnist_course.training.recipes import train

from .web_script import deflate, script

REPLAY = "replay_data.js"
MAX_BYTES = 1_500_000
RECIPE = "plain"
EPOCHS = 50
VALIDATION_SPLIT = 0.2
CURVES = ("loss", "accuracy", "val_loss", "val_accuracy")
STRIDE = 16  # shows every sixteenth neuron of the first layer
STUBBORN = 4


@dataclass(frozen=True, eq=False)
class Replay:
    """A recorded training. Entry 0 of each array is the network before the first epoch.

    Attributes
    ----------
    about : dict
        ``data``, ``recipe`` and ``seed``, by which the training can be repeated, and
        ``validation_images``, their number.
    curves : dict of str to list of float
        "loss", "accuracy", "val_loss" and "val_accuracy". The two of the training images are means
        over the epoch, as Keras reports them; before the first epoch they are measured.
    confusion : ndarray of int64, shape (epochs + 1, 10, 10)
        Counts of validation images; rows are the true digits, columns the predicted ones.
    weights : ndarray of float32, shape (epochs + 1, 16, 784)
        The weights of every sixteenth neuron of the first layer.
    digits : dict of str to ndarray of int64
        Places of validation images among the training images of MNIST, from `choose_digits`.
    images : ndarray of uint8, shape (24, 28, 28)
        These images, group by group.
    labels : ndarray of uint8, shape (24,)
        Their true digits.
    probabilities : ndarray of float64, shape (epochs + 1, 24, 10)
        What the network answers.
    """

    about: dict[str, Any]
    curves: dict[str, list[float]]
    confusion: IntArray
    weights: Float32Array
    digits: dict[str, IntArray]
    images: UInt8Array
    labels: UInt8Array
    probabilities: FloatArray


@dataclass(frozen=True, eq=False)
class Export:
    """What `export_replay` wrote.

    Attributes
    ----------
    script : pathlib.Path
        The script.
    replay : Replay
        What it holds.
    """

    script: Path
    replay: Replay


def export_replay(mnist: MNIST, folder: Path, *, seed: int = 0, epochs: int = EPOCHS) -> Export:
    """Record a training, and write it as a script for web pages.

    Parameters
    ----------
    mnist : MNIST
        The data set.
    folder : pathlib.Path
        Where ``replay_data.js`` is written, which assigns what `pack` returns to
        ``globalThis.mnistCourse``, so that it works from a file, too.
    seed : int, default 0
        The same seed repeats a training.
    epochs : int, default 50
        Passes over the training part.

    Returns
    -------
    Export
        The script, and what it holds.

    Raises
    ------
    CourseError
        If the folder cannot be written, or the script would take more than 1.5 MB.
    """
    path = folder / REPLAY
    try:
        # Opened before the training: nobody should wait for it in vain.
        with atomic(path) as temporary:
            replay = record(mnist, seed=seed, epochs=epochs)
            text = script("replayData", pack(replay))
            if len(text) > MAX_BYTES:
                raise CourseError(
                    f"{REPLAY} would take {len(text):,} bytes, and readers are promised "
                    f"{MAX_BYTES:,} at most: record fewer epochs."
                )
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CourseError(f"{folder} cannot be written ({error}): give another --output.") from None
    return Export(path, replay)


def record(mnist: MNIST, *, seed: int = 0, epochs: int = EPOCHS) -> Replay:
    """Train the recipe "plain", and record the network after each epoch.

    Parameters
    ----------
    mnist : MNIST
        The data set. Only its training images are used: the last 20% of them are validation.
    seed : int, default 0
        The same seed repeats a training.
    epochs : int, default 50
        Passes over the training part.

    Returns
    -------
    Replay
        The record.
    """
    images, labels = normalize(mnist.train_images), mnist.train_labels
    first = int(len(images) * (1 - VALIDATION_SPLIT))
    recorder = _Recorder(images, labels, first)
    train(
        images,
        labels,
        recipe=RECIPE,
        epochs=epochs,
        validation_split=VALIDATION_SPLIT,
        seed=seed,
        callbacks=[recorder],
    )
    probabilities = np.stack(recorder.probabilities)
    predictions = probabilities.argmax(axis=2)
    digits = choose_digits(predictions, labels[first:])
    chosen = np.concatenate(list(digits.values()))
    return Replay(
        about={
            "data": Path(mnist.source).name,
            "recipe": RECIPE,
            "seed": seed,
            "validation_images": len(labels) - first,
        },
        curves=recorder.curves,
        confusion=np.stack(
            [confusion_matrix(labels[first:], row, labels=range(10)) for row in predictions]
        ),
        weights=np.stack(recorder.weights),
        digits={group: first + places for group, places in digits.items()},
        images=mnist.train_images[first + chosen],
        labels=labels[first + chosen],
        probabilities=probabilities[:, chosen],
    )


def choose_digits(predictions: IntArray, labels: npt.NDArray[Any]) -> dict[str, IntArray]:
    """Choose images that are worth watching while the network learns.

    Parameters
    ----------
    predictions : ndarray of int64, shape (epochs + 1, n)
        The predicted digit of each image in the course of a training.
    labels : ndarray of int, shape (n,)
        The true digits: each digit at least twice, and four images more.

    Returns
    -------
    dict of str to ndarray of int64
        Places of images. "first": the first image of each digit. "undecided": of the others, the
        image of each digit whose prediction changes most often from one epoch to the next.
        "stubborn": of the others, the four that are read wrong after the most epochs. Of equals,
        the first one.
    """
    changes = (predictions[1:] != predictions[:-1]).sum(axis=0)
    wrong = (predictions[1:] != labels).sum(axis=0)
    free = np.ones(len(labels), dtype=bool)
    first = np.array([np.flatnonzero(labels == digit)[0] for digit in range(10)])
    free[first] = False
    undecided = np.array(
        [np.where(free & (labels == digit), changes, -1).argmax() for digit in range(10)]
    )
    free[undecided] = False
    stubborn = np.argsort(-np.where(free, wrong, -1), kind="stable")[:STUBBORN]
    return {"first": first, "undecided": undecided, "stubborn": stubborn}


def pack(replay: Replay) -> dict[str, Any]:
    """Pack a training into what JSON can hold.

    Parameters
    ----------
    replay : Replay
        What `record` returned.

    Returns
    -------
    dict
        ``about`` as it is; ``curves`` with six decimals; ``digits`` and ``labels``; the rest as
        base64 of zlib's format, which browsers unpack as "deflate": ``confusion`` as uint16, least
        significant byte first; ``weights`` as `quantize` rounds them; ``images`` and
        ``predictions`` as uint8; and ``probabilities`` as uint8, times 255.

    Notes
    -----
    The first weights are followed by the differences from epoch to epoch, modulo 256: most are
    small, and pack well.
    """
    rounded = quantize(replay.weights).view(np.uint8)
    return {
        "about": replay.about,
        "curves": {
            name: [round(value, 6) for value in values] for name, values in replay.curves.items()
        },
        "confusion": deflate(replay.confusion.astype("<u2").tobytes()),
        "weights": deflate(np.diff(rounded, axis=0, prepend=np.uint8(0)).tobytes()),
        "digits": {group: places.tolist() for group, places in replay.digits.items()},
        "labels": replay.labels.tolist(),
        "images": deflate(replay.images.tobytes()),
        "predictions": deflate(replay.probabilities.argmax(axis=2).astype(np.uint8).tobytes()),
        "probabilities": deflate(np.rint(255 * replay.probabilities).astype(np.uint8).tobytes()),
    }


def quantize(weights: Float32Array) -> npt.NDArray[np.int8]:
    """Round weights to 8-bit integers, with one scale for a neuron over all epochs.

    Parameters
    ----------
    weights : ndarray of float32, shape (epochs + 1, neurons, inputs)
        The weights.

    Returns
    -------
    ndarray of int8, shape (epochs + 1, neurons, inputs)
        127 or -127 is the largest weight that a neuron ever has, so that its weights can be seen
        to grow.
    """
    largest = np.abs(weights).max(axis=(0, 2))[:, np.newaxis]
    rounded: npt.NDArray[np.int8] = np.rint(127 * weights / largest).astype(np.int8)
    return rounded


class _Recorder(keras.callbacks.Callback):  # type: ignore[misc]
    """Records the network before the first epoch and after each."""

    def __init__(self, images: Float32Array, labels: UInt8Array, first: int) -> None:
        super().__init__()
        self.curves: dict[str, list[float]] = {name: [] for name in CURVES}
        self.weights: list[Float32Array] = []
        self.probabilities: list[FloatArray] = []
        self._images, self._labels, self._first = images, labels, first

    def on_train_begin(self, logs: Any = None) -> None:  # noqa: ARG002
        probabilities = predict(self.model, self._images)
        right = probabilities.argmax(axis=1) == self._labels
        for prefix, part in (("", slice(self._first)), ("val_", slice(self._first, None))):
            loss = self.model.loss(self._labels[part], probabilities[part])
            self.curves[f"{prefix}loss"].append(float(loss))
            self.curves[f"{prefix}accuracy"].append(float(right[part].mean()))
        self._record(probabilities[self._first :])

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:  # noqa: ARG002
        for name in CURVES:
            self.curves[name].append(float(logs[name]))
        self._record(predict(self.model, self._images[self._first :]))

    def _record(self, probabilities: FloatArray) -> None:
        self.weights.append(self.model.layers[1].kernel.numpy()[:, ::STRIDE].T)
        self.probabilities.append(probabilities)

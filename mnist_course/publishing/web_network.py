"""Export a network to the browser: a script of a few hundred kilobytes that needs nothing else."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from scipy import special

from mnist_course._arrays import FloatArray, UInt8Array
from mnist_course._files import atomic
from mnist_course.data import MNIST
from mnist_course.errors import CourseError
from mnist_course.evaluation import predict
from mnist_course.preprocessing import normalize

from .out_of_distribution import draw_non_digits, fit_threshold, principal_directions, score
from .web_script import deflate, script

if TYPE_CHECKING:
    import keras

NETWORK = "network.js"
IMAGES = "images.js"
MAX_BYTES = 300_000  # of a network: a phone loads it before its owner has drawn a digit
IMAGES_PER_DIGIT = 30
VALIDATION_SPLIT = 0.2  # the last training images: no network of the course learns from them
SURE_ACCURACY = 0.995  # of the answers that are called sure
NON_DIGITS = 500
NON_DIGITS_SEED = 2026  # the method was chosen on other pictures


@dataclass(frozen=True, eq=False)
class Layer:
    """A dense layer in 8-bit integers.

    Attributes
    ----------
    weights : ndarray of int8, shape (units, inputs)
        A row for each unit.
    scales : ndarray of float32, shape (units,)
        The factor of each row.
    biases : ndarray of float32, shape (units,)
        Not rounded.
    """

    weights: npt.NDArray[np.int8]
    scales: npt.NDArray[np.float32]
    biases: npt.NDArray[np.float32]

    def dequantize(self) -> FloatArray:
        """Return the weights that the integers stand for, shape (units, inputs)."""
        return np.asarray(self.weights.astype(np.float64) * self.scales[:, np.newaxis])


@dataclass(frozen=True)
class Export:
    """What `export_web` wrote.

    Attributes
    ----------
    network, images : pathlib.Path
        The scripts.
    measured : dict
        ``accuracy`` of the network and ``accuracy_int8`` of what was written, on the test images,
        and ``agreement``, the share of them on which both give the same digit; ``sure_above``, a
        probability, and ``digit_above``, a score, with ``strangeness_weight``, the weight of the
        residual norm in it (see `export_web`); ``digits_passing`` and ``others_caught``, the shares
        of test digits and of pictures of other things that the score judges rightly; and what is
        known of the training.
    """

    network: Path
    images: Path
    measured: dict[str, Any]


def export_web(
    model: "keras.Model", mnist: MNIST, folder: Path, *, training: dict[str, Any] | None = None
) -> Export:
    """Write a network of dense layers, and images to try it on, as scripts for web pages.

    Parameters
    ----------
    model : keras.Model
        Flatten, then at least two Dense layers: ReLU in all but the last, softmax there.
    mnist : MNIST
        The training images give the principal directions, the validation images the thresholds;
        the test images measure what rounding costs.
    folder : pathlib.Path
        Where ``network.js`` is written, and ``images.js`` with 30 test images of each digit: both
        or none. The scripts assign to ``globalThis.mnistCourse``, so that they work from a file,
        too.
    training : dict, optional
        What is known of the training, for the script to report; see `read_training`.

    Returns
    -------
    Export
        The scripts, and what was measured.

    Raises
    ------
    CourseError
        If the model has other layers, was never built, or has weights that are not finite; if
        ``network.js`` would be too large for a page; if the folder cannot be written.

    Notes
    -----
    Each unit's weights are rounded to 255 levels of the largest of them. Two thresholds go with
    the network, both chosen on the validation images. An answer is *sure* if its probability is at
    least the smallest one above which 99.5% of the answers are right. A picture *looks like a
    digit* if its score is at least that of all but 2% of the digits; the module
    `out_of_distribution` describes the score.
    """
    if folder.exists() and not folder.is_dir():
        raise CourseError(f"{folder} is a file: give a folder to --output.")
    layers = quantize(model)
    learned = len(mnist.train_images) - round(VALIDATION_SPLIT * len(mnist.train_images))
    directions = quantize_rows(
        principal_directions(activate(layers, mnist.train_images[:learned])[0])
    )
    held_out = activate(layers, mnist.train_images[learned:])
    weight, threshold = fit_threshold(held_out, directions.dequantize())
    measured = {
        **(training or {}),
        "sure_above": _sure_above(held_out[-1], mnist.train_labels[learned:]),
        "strangeness_weight": weight,
        "digit_above": threshold,
        **_measure_rounding(model, layers, mnist),
        **_measure_detection(layers, directions, mnist.test_images, weight, threshold),
    }
    network = script(
        "networkData",
        {**pack(layers), "directions": pack([directions]), "measured": measured},
    )
    if len(network) > MAX_BYTES:
        raise CourseError(
            f"{NETWORK} would have {len(network):,} bytes: expected at most {MAX_BYTES:,}, which a "
            "page can ask of a phone; train the network longer (random weights do not compress), "
            "or give it fewer units."
        )
    chosen = _first_of_each(mnist.test_labels)
    pixels = deflate(mnist.test_images[chosen].tobytes())
    images = script("imagesData", {"labels": mnist.test_labels[chosen].tolist(), "pixels": pixels})
    done = Export(folder / NETWORK, folder / IMAGES, measured)
    try:
        with atomic(done.network) as network_file, atomic(done.images) as images_file:
            network_file.write_text(network, encoding="utf-8")
            images_file.write_text(images, encoding="utf-8")
    except OSError as error:
        raise CourseError(f"{folder} cannot be written ({error}): give another --output.") from None
    return done


def read_training(model: Path) -> dict[str, Any]:
    """Read how a model was trained from the report that `mnist-course train` writes beside it.

    Parameters
    ----------
    model : pathlib.Path
        The ``.keras`` file.

    Returns
    -------
    dict
        ``recipe``, ``seed`` and ``epochs``; empty if there is no such report.
    """
    try:
        report = json.loads((model.parent / "report.json").read_text(encoding="utf-8"))
        return {name: report[name] for name in ("recipe", "seed", "epochs")}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def quantize(model: "keras.Model") -> list[Layer]:
    """Round the weights of dense layers to integers from -127 to 127.

    Parameters
    ----------
    model : keras.Model
        See `export_web`.

    Returns
    -------
    list of Layer
        The dense layers, in order.

    Raises
    ------
    CourseError
        If the model has other layers, was never built, or has weights that are not finite.
    """
    layers = []
    for layer in _dense_layers(model):
        kernel, *rest = layer.get_weights()
        biases = rest[0] if rest else np.zeros(layer.units)
        if not (np.isfinite(kernel).all() and np.isfinite(biases).all()):
            raise CourseError(
                f"The layer {layer.name} has weights that are not finite (NaN or infinity): "
                "expected a network that learned; train it again, with a lower learning rate."
            )
        layers.append(quantize_rows(kernel.T.astype(np.float64), biases))
    return layers


def quantize_rows(rows: FloatArray, biases: npt.NDArray[np.floating[Any]] | None = None) -> Layer:
    """Round each row to integers from -127 to 127, the largest of a row to one of these.

    Parameters
    ----------
    rows : ndarray of float64, shape (units, inputs)
        The weights.
    biases : ndarray of float, shape (units,), optional
        Zeros if not given.

    Returns
    -------
    Layer
        A unit for each row.
    """
    if biases is None:
        biases = np.zeros(len(rows))
    scales = (np.abs(rows).max(axis=1) / 127).astype(np.float32)
    scales[scales == 0] = 1
    weights = np.rint(rows / scales[:, np.newaxis].astype(np.float64)).astype(np.int8)
    return Layer(weights, scales, biases.astype(np.float32))


def run(layers: list[Layer], images: UInt8Array) -> FloatArray:
    """Compute what a browser computes.

    Parameters
    ----------
    layers : list of Layer
        The network.
    images : ndarray of uint8, shape (n, 28, 28)
        Pictures, 0 to 255.

    Returns
    -------
    ndarray of float64, shape (n, 10)
        The logits.
    """
    return activate(layers, images)[-1]


def activate(layers: list[Layer], images: UInt8Array) -> list[FloatArray]:
    """Compute what each layer outputs.

    Parameters
    ----------
    layers, images
        See `run`.

    Returns
    -------
    list of ndarray of float64, shape (n, units)
        After ReLU; the last ones are the logits.
    """
    values = images.reshape(len(images), -1) / 255
    activations = []
    for number, layer in enumerate(layers, start=1):
        values = values @ layer.weights.T.astype(np.float64) * layer.scales + layer.biases
        if number < len(layers):
            values = np.maximum(values, 0)
        activations.append(values)
    return activations


def pack(layers: list[Layer]) -> dict[str, Any]:
    """Pack the weights, scales and biases of each layer, one after the other.

    Parameters
    ----------
    layers : list of Layer
        The network.

    Returns
    -------
    dict
        ``shapes``, the units and inputs of each layer, and ``layers``, base64 of zlib's format,
        which browsers unpack as "deflate".
    """
    parts = [part for layer in layers for part in (layer.weights, layer.scales, layer.biases)]
    content = b"".join(part.astype(part.dtype.newbyteorder("<")).tobytes() for part in parts)
    return {"shapes": [list(layer.weights.shape) for layer in layers], "layers": deflate(content)}


def _dense_layers(model: "keras.Model") -> list[Any]:
    """Return the dense layers of a model that can be exported."""
    kinds = [type(layer).__name__ for layer in model.layers if type(layer).__name__ != "InputLayer"]
    dense = [layer for layer in model.layers if type(layer).__name__ == "Dense"]
    activations = [layer.activation.__name__ for layer in dense]
    expected = ["relu"] * (len(dense) - 1) + ["softmax"]
    if len(dense) < 2 or kinds != ["Flatten", *["Dense"] * len(dense)] or activations != expected:
        raise CourseError(
            f"This model has the layers {', '.join(kinds)}: expected Flatten, then Dense layers, "
            "two or more, with ReLU, softmax in the last, as build_mlp() makes them."
        )
    if not model.built:
        raise CourseError(
            "This model has no weights yet: begin it with keras.Input((28, 28)), and train it."
        )
    if (model.input_shape, model.output_shape) != ((None, 28, 28), (None, 10)):
        raise CourseError(
            f"This model goes from {model.input_shape} to {model.output_shape}: expected one from "
            "(None, 28, 28) to (None, 10)."
        )
    return dense


def _sure_above(logits: FloatArray, labels: npt.ArrayLike) -> float:
    """Find the smallest probability above which enough of the answers are right."""
    confidence = special.softmax(logits, axis=1).max(axis=1)
    order = np.argsort(-confidence)
    right = (logits.argmax(axis=1) == np.asarray(labels))[order]
    accuracy = np.cumsum(right) / np.arange(1, len(right) + 1)
    return float(confidence[order][np.flatnonzero(accuracy >= SURE_ACCURACY).max(initial=0)])


def _measure_rounding(model: "keras.Model", layers: list[Layer], mnist: MNIST) -> dict[str, Any]:
    predictions = predict(model, normalize(mnist.test_images)).argmax(axis=1)
    rounded = run(layers, mnist.test_images).argmax(axis=1)
    return {
        "data": Path(mnist.source).name,
        "images": len(mnist.test_labels),
        "accuracy": float((predictions == mnist.test_labels).mean()),
        "accuracy_int8": float((rounded == mnist.test_labels).mean()),
        "agreement": float((rounded == predictions).mean()),
    }


def _measure_detection(
    layers: list[Layer], directions: Layer, digits: UInt8Array, weight: float, threshold: float
) -> dict[str, Any]:
    def passes(images: UInt8Array) -> npt.NDArray[np.bool_]:
        return score(activate(layers, images), directions.dequantize(), weight) >= threshold

    non_digits = draw_non_digits(NON_DIGITS, seed=NON_DIGITS_SEED)
    return {
        "digits_passing": float(passes(digits).mean()),
        "others": NON_DIGITS,
        "others_caught": float((~passes(non_digits)).mean()),
    }


def _first_of_each(labels: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Return the indices of the first images of each digit, the digits taking turns."""
    first = [np.flatnonzero(labels == digit)[:IMAGES_PER_DIGIT] for digit in range(10)]
    return np.concatenate([np.array(turn) for turn in zip(*first, strict=False)])

"""Export a network to the browser: a script of a few hundred kilobytes that needs nothing else."""

import base64
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from scipy import special

from mnist_course._arrays import FloatArray, UInt8Array
from mnist_course._files import atomic
from mnist_course.data import MNIST
from mnist_course.errors import CourseError
from mnist_course.evaluation import predict
from mnist_course.preprocessing import from_drawing, normalize

if TYPE_CHECKING:
    import keras

NETWORK = "network.js"
IMAGES = "images.js"
LARGEST = 300_000  # bytes of a network: a phone loads it before its owner has drawn a digit
IMAGES_OF_EACH = 30
VALIDATION = 0.2  # of the training images, the last ones: no network of the course learns from them
PASSING = 0.98  # of the digits; the others are said not to look like one
RIGHT = 0.995  # of the answers that are called sure
DIRECTIONS = 16  # from 12 to 24, what is caught hardly changes
OTHERS = 500
OTHERS_SEED = 2026  # the method was chosen on others
LETTERS = "AEFHKMNPRTVWXYhkmnprtvwxy&%#?@"
SHEET = 140


@dataclass(frozen=True, eq=False)
class Layer:
    """A dense layer in whole numbers.

    Attributes
    ----------
    weights : ndarray of int8, shape (units, inputs)
        A row for each unit.
    scales : ndarray of float32, shape (units,)
        What a row has to be multiplied by.
    biases : ndarray of float32, shape (units,)
        As they are.
    """

    weights: npt.NDArray[np.int8]
    scales: npt.NDArray[np.float32]
    biases: npt.NDArray[np.float32]


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
        probability, and ``digit_above``, a likeness (see `export_web`), for which
        ``strangeness_weight`` is needed; ``digits_passing`` and ``others_caught``, the shares of
        test digits and of pictures of other things that the likeness judges rightly; and what is
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
        On whose training images it is learned what is usual, on whose validation images the
        thresholds are chosen, and on whose test images it is measured what rounding costs.
    folder : pathlib.Path
        Where ``network.js`` is written, and ``images.js`` with 30 test images of each digit: both
        or none. The scripts assign to ``globalThis.mnistCourse``, so that they work from a file,
        too.
    training : dict, optional
        What is known of it, to go with the figures; see `read_training`.

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
    least the smallest one above which 99.5 % of the answers are right. A picture *looks like a
    digit* if its likeness is at least that of all but 2 % of the digits.

    The likeness is the energy, the log-sum-exp of the logits (W. Liu et al., "Energy-based
    out-of-distribution detection", NeurIPS 2020), minus a weight times the strangeness: how much
    of the first hidden layer lies outside the directions in which it varies most on the training
    images. That is virtual-logit matching (H. Wang et al., "ViM: Out-of-distribution with
    virtual-logit matching", CVPR 2022), with two changes: the first hidden layer, which has not
    yet forgotten what digits do not need, and values that are divided by their sum, then square
    roots of them, so that neither pale ink nor one loud unit decides. With the weight, both spread
    equally on the validation images.
    """
    if folder.exists() and not folder.is_dir():
        raise CourseError(f"{folder} is a file: give a folder to --output.")
    layers = quantize(model)
    learned = len(mnist.train_images) - round(VALIDATION * len(mnist.train_images))
    directions = find_directions(layers, mnist.train_images[:learned])
    held_back = mnist.train_images[learned:], mnist.train_labels[learned:]
    thresholds = _choose_thresholds(layers, directions, *held_back)
    measured = {
        **(training or {}),
        **thresholds,
        **_measure(model, layers, directions, mnist, thresholds),
    }
    network = script(
        "networkData",
        {**pack(layers), "directions": pack([directions]), "measured": measured},
    )
    if len(network) > LARGEST:
        raise CourseError(
            f"{NETWORK} would have {len(network):,} bytes: expected at most {LARGEST:,}, which a "
            "page can ask of a phone; train the network longer (random weights do not compress), "
            "or give it fewer units."
        )
    chosen = _choose(mnist.test_labels)
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
    """Tell how a model was trained, from the report that `mnist-course train` writes beside it.

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


def script(name: str, value: dict[str, Any]) -> str:
    """Return the text of a script that gives a value a name in ``globalThis.mnistCourse``.

    Parameters
    ----------
    name : str
        The name.
    value : dict
        Anything that JSON can hold.

    Returns
    -------
    str
        JavaScript, all of it ASCII.
    """
    return (
        "/* Written by mnist-course. */\n"
        "globalThis.mnistCourse = Object.assign(globalThis.mnistCourse || {}, "
        f"{{ {name}: {json.dumps(value)} }});\n"
    )


def quantize(model: "keras.Model") -> list[Layer]:
    """Round the weights of dense layers to whole numbers from -127 to 127.

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
        If the model has other layers.
    """
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
    layers = []
    for layer in dense:
        kernel, *rest = layer.get_weights()
        biases = rest[0] if rest else np.zeros(layer.units)
        if not (np.isfinite(kernel).all() and np.isfinite(biases).all()):
            raise CourseError(
                f"The layer {layer.name} has weights that are not finite (NaN or infinity): "
                "expected a network that learned; train it again, with a lower learning rate."
            )
        layers.append(_in_whole_numbers(kernel.T.astype(np.float64), biases))
    return layers


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
    """Compute what each layer gives; see `run`.

    Parameters
    ----------
    layers : list of Layer
        The network.
    images : ndarray of uint8, shape (n, 28, 28)
        Pictures, 0 to 255.

    Returns
    -------
    list of ndarray of float64, shape (n, units)
        After ReLU; the last ones are the logits.
    """
    values = images.reshape(len(images), -1) / 255
    given = []
    for number, layer in enumerate(layers, start=1):
        values = _apply(layer, values)
        if number < len(layers):
            values = np.maximum(values, 0)
        given.append(values)
    return given


def find_directions(layers: list[Layer], images: UInt8Array) -> Layer:
    """Find the directions in which the first hidden layer varies most.

    Parameters
    ----------
    layers : list of Layer
        The network.
    images : ndarray of uint8, shape (n, 28, 28)
        Digits.

    Returns
    -------
    Layer
        A unit for each direction, at most half as many as the hidden layer has units; see
        `strangeness`.
    """
    usual = _square_roots(activate(layers, images)[0])
    units = usual.shape[1]
    _, vectors = np.linalg.eigh(usual.T @ usual)
    count = min(DIRECTIONS, units // 2)
    return _in_whole_numbers(vectors[:, units - count :].T, np.zeros(count))


def strangeness(given: list[FloatArray], directions: Layer) -> FloatArray:
    """Tell how much of the first hidden layer lies outside the usual directions.

    Parameters
    ----------
    given : list of ndarray
        What `activate` returned for n pictures.
    directions : Layer
        What `find_directions` returned.

    Returns
    -------
    ndarray of float64, shape (n,)
        From 0 to 1, but for the rounding of the directions.
    """
    usual = _apply(directions, _square_roots(given[0]))
    return np.asarray(np.sqrt(np.maximum(1 - (usual**2).sum(axis=1), 0)))


def likeness(given: list[FloatArray], directions: Layer, weight: float) -> FloatArray:
    """Tell how much pictures look like digits to a network; see `export_web`.

    Parameters
    ----------
    given : list of ndarray
        What `activate` returned for n pictures.
    directions : Layer
        What `find_directions` returned.
    weight : float
        Of the strangeness.

    Returns
    -------
    ndarray of float64, shape (n,)
        Higher for digits.
    """
    energy = special.logsumexp(given[-1], axis=1)
    return np.asarray(energy - weight * strangeness(given, directions))


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


def deflate(content: bytes) -> str:
    """Compress bytes into text that browsers unpack as "deflate".

    Parameters
    ----------
    content : bytes
        Anything.

    Returns
    -------
    str
        Base64 of zlib's format.
    """
    return base64.b64encode(zlib.compress(content, 9)).decode("ascii")


def draw_others(count: int, *, seed: int) -> UInt8Array:
    """Draw what is no digit: letters, scribbles, stars, crosses and frames.

    Parameters
    ----------
    count : int
        How many.
    seed : int
        The same seed draws the same pictures.

    Returns
    -------
    ndarray of uint8, shape (count, 28, 28)
        Prepared by `from_drawing`, as a reader's drawings are.
    """
    rng = np.random.default_rng(seed)
    return np.stack([from_drawing(np.asarray(_draw_other(rng))) for _ in range(count)])


def _in_whole_numbers(rows: FloatArray, biases: npt.NDArray[np.floating[Any]]) -> Layer:
    """Round each row to whole numbers from -127 to 127, its largest becoming one of these."""
    scales = (np.abs(rows).max(axis=1) / 127).astype(np.float32)
    scales[scales == 0] = 1
    weights = np.rint(rows / scales[:, np.newaxis].astype(np.float64)).astype(np.int8)
    return Layer(weights, scales, biases.astype(np.float32))


def _apply(layer: Layer, values: FloatArray) -> FloatArray:
    return np.asarray(values @ layer.weights.T.astype(np.float64) * layer.scales + layer.biases)


def _square_roots(values: FloatArray) -> FloatArray:
    """Scale each row to the sum 1, and take roots, which gives it the length 1."""
    sums = values.sum(axis=1, keepdims=True)
    return np.asarray(np.sqrt(values / np.where(sums > 0, sums, 1)))


def _draw_other(rng: np.random.Generator) -> Image.Image:
    sheet = Image.new("L", (SHEET, SHEET), 255)
    pen = ImageDraw.Draw(sheet)
    width = int(rng.integers(5, 13))
    kind = rng.integers(5)
    if kind == 0:
        file = Path(mpl.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
        font = ImageFont.truetype(file, int(rng.integers(50, 110)))
        letter = LETTERS[rng.integers(len(LETTERS))]
        pen.text((SHEET // 2, SHEET // 2), letter, fill=0, font=font, anchor="mm")
        return sheet.rotate(float(rng.uniform(-15, 15)), fillcolor=255)
    if kind == 1:
        points = rng.uniform(15, SHEET - 15, (int(rng.integers(5, 12)), 2))
    elif kind == 2:
        angles = np.arange(6) * 4 * np.pi / 5 + rng.uniform(0, np.pi)
        points = SHEET / 2 + rng.uniform(30, 55) * np.stack([np.cos(angles), np.sin(angles)], 1)
    elif kind == 3:
        reach = rng.uniform(25, 55, 4)
        middle = SHEET / 2
        pen.line([(middle - reach[0], middle), (middle + reach[1], middle)], fill=0, width=width)
        points = np.array([(middle, middle - reach[2]), (middle, middle + reach[3])])
    else:
        (left, top), (right, bottom) = rng.uniform(15, 50, 2), rng.uniform(90, 125, 2)
        points = np.array([(left, top), (right, top), (right, bottom), (left, bottom), (left, top)])
    pen.line([(float(x), float(y)) for x, y in points], fill=0, width=width, joint="curve")
    return sheet


def _choose_thresholds(
    layers: list[Layer], directions: Layer, images: UInt8Array, labels: npt.ArrayLike
) -> dict[str, float]:
    given = activate(layers, images)
    energy, strange = special.logsumexp(given[-1], axis=1), strangeness(given, directions)
    # A network whose first layer is silent finds everything equally strange.
    weight = float(energy.std() / strange.std()) if strange.std() else 0.0
    return {
        "sure_above": _sure_above(given[-1], labels),
        "strangeness_weight": weight,
        "digit_above": float(np.quantile(energy - weight * strange, 1 - PASSING)),
    }


def _measure(
    model: "keras.Model",
    layers: list[Layer],
    directions: Layer,
    mnist: MNIST,
    thresholds: dict[str, float],
) -> dict[str, Any]:
    predictions = predict(model, normalize(mnist.test_images)).argmax(axis=1)
    digits = activate(layers, mnist.test_images)
    others = activate(layers, draw_others(OTHERS, seed=OTHERS_SEED))
    passing, missed = (
        likeness(given, directions, thresholds["strangeness_weight"]) >= thresholds["digit_above"]
        for given in (digits, others)
    )
    rounded = digits[-1].argmax(axis=1)
    return {
        "data": Path(mnist.source).name,
        "images": len(mnist.test_labels),
        "accuracy": float((predictions == mnist.test_labels).mean()),
        "accuracy_int8": float((rounded == mnist.test_labels).mean()),
        "agreement": float((rounded == predictions).mean()),
        "digits_passing": float(passing.mean()),
        "others": OTHERS,
        "others_caught": float((~missed).mean()),
    }


def _sure_above(logits: FloatArray, labels: npt.ArrayLike) -> float:
    """Find the smallest probability above which enough of the answers are right."""
    best = special.softmax(logits, axis=1).max(axis=1)
    order = np.argsort(-best)
    right = (logits.argmax(axis=1) == np.asarray(labels))[order]
    share = np.cumsum(right) / np.arange(1, len(right) + 1)
    return float(best[order][np.flatnonzero(share >= RIGHT).max(initial=0)])


def _choose(labels: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """Return the places of the first images of each digit, taken in turn."""
    first = [np.flatnonzero(labels == digit)[:IMAGES_OF_EACH] for digit in range(10)]
    return np.concatenate([np.array(turn) for turn in zip(*first, strict=False)])

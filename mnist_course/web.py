"""Export a network to the browser: a script of a few hundred kilobytes that needs nothing else."""

import base64
import json
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont
from scipy import special

from .data import MNIST
from .errors import CourseError
from .evaluation import predict
from .files import atomic
from .preprocessing import from_drawing, normalize

if TYPE_CHECKING:
    import keras

FloatArray: TypeAlias = npt.NDArray[np.float64]
UInt8Array: TypeAlias = npt.NDArray[np.uint8]

NETWORK = "network.js"
IMAGES = "images.js"
IMAGES_OF_EACH = 30
VALIDATION = 0.2  # of the training images, the last ones: no network of the course learns from them
PASSING = 0.99  # of the digits; the others are said not to look like one
RIGHT = 0.995  # of the answers that are called sure
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
        probability, and ``digit_above``, an energy; ``digits_passing`` and ``others_caught``, the
        shares of test digits and of pictures of other things that the energy judges rightly.
    """

    network: Path
    images: Path
    measured: dict[str, Any]


def export_web(model: "keras.Model", mnist: MNIST, folder: Path) -> Export:
    """Write a network of dense layers, and images to try it on, as scripts for web pages.

    Parameters
    ----------
    model : keras.Model
        Flatten, then Dense layers: ReLU in all but the last, softmax there.
    mnist : MNIST
        On whose validation images the thresholds are chosen, and on whose test images it is
        measured what rounding costs.
    folder : pathlib.Path
        Where ``network.js`` is written, and ``images.js`` with 30 test images of each digit. The
        scripts assign to ``globalThis.mnistCourse``, so that they work from a file, too.

    Returns
    -------
    Export
        The scripts, and what was measured.

    Raises
    ------
    CourseError
        If the model has other layers.

    Notes
    -----
    Each unit's weights are rounded to 255 levels of the largest of them. Two thresholds go with
    the network, both chosen on the validation images. An answer is *sure* if its probability is at
    least the smallest one above which 99.5 % of the answers are right. A picture *looks like a
    digit* if its energy, the log-sum-exp of the logits (W. Liu et al., "Energy-based
    out-of-distribution detection", NeurIPS 2020), is above that of 1 % of the digits.
    """
    layers = quantize(model)
    held_back = len(mnist.train_images) - round(VALIDATION * len(mnist.train_images))
    logits = run(layers, mnist.train_images[held_back:])
    digit_above = float(np.quantile(special.logsumexp(logits, axis=1), 1 - PASSING))
    test = run(layers, mnist.test_images)
    predictions = predict(model, normalize(mnist.test_images)).argmax(axis=1)
    others = special.logsumexp(run(layers, draw_others(500, seed=0)), axis=1)
    measured = {
        "data": Path(mnist.source).name,
        "images": len(mnist.test_labels),
        "accuracy": float((predictions == mnist.test_labels).mean()),
        "accuracy_int8": float((test.argmax(axis=1) == mnist.test_labels).mean()),
        "agreement": float((test.argmax(axis=1) == predictions).mean()),
        "sure_above": _sure_above(logits, mnist.train_labels[held_back:]),
        "digit_above": digit_above,
        "digits_passing": float((special.logsumexp(test, axis=1) >= digit_above).mean()),
        "others_caught": float((others < digit_above).mean()),
    }
    network = {
        "shapes": [list(layer.weights.shape) for layer in layers],
        "layers": pack(layers),
        "measured": measured,
    }
    chosen = _choose(mnist.test_labels)
    images = {
        "labels": mnist.test_labels[chosen].tolist(),
        "pixels": _pack(mnist.test_images[chosen].tobytes()),
    }
    return Export(
        write_script(folder / NETWORK, "networkData", network),
        write_script(folder / IMAGES, "imagesData", images),
        measured,
    )


def write_script(path: Path, name: str, value: dict[str, Any]) -> Path:
    """Write a value as a script that pages can load, from a file, too.

    Parameters
    ----------
    path : pathlib.Path
        The script.
    name : str
        What the value is called in ``globalThis.mnistCourse``.
    value : dict
        Anything that JSON can hold.

    Returns
    -------
    pathlib.Path
        `path`.
    """
    with atomic(path) as temporary:
        temporary.write_text(
            "/* Written by mnist-course. */\n"
            "globalThis.mnistCourse = Object.assign(globalThis.mnistCourse || {}, "
            f"{{ {name}: {json.dumps(value)} }});\n",
            encoding="utf-8",
        )
    return path


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
    if kinds != ["Flatten", *["Dense"] * len(dense)] or activations != expected:
        raise CourseError(
            f"This model has the layers {', '.join(kinds)}: expected Flatten, then Dense layers "
            "with ReLU, softmax in the last, as build_mlp() makes them."
        )
    layers = []
    for layer in dense:
        kernel, biases = (np.asarray(values, dtype=np.float64) for values in layer.get_weights())
        scales = (np.abs(kernel).max(axis=0) / 127).astype(np.float32)
        scales[scales == 0] = 1
        weights = np.rint(kernel.T / scales[:, np.newaxis].astype(np.float64)).astype(np.int8)
        layers.append(Layer(weights, scales, biases.astype(np.float32)))
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
    values = images.reshape(len(images), -1) / 255
    for number, layer in enumerate(layers, start=1):
        values = values @ layer.weights.T.astype(np.float64) * layer.scales + layer.biases
        if number < len(layers):
            values = np.maximum(values, 0)
    return np.asarray(values)


def pack(layers: list[Layer]) -> str:
    """Pack the weights, scales and biases of each layer, one after the other.

    Parameters
    ----------
    layers : list of Layer
        The network.

    Returns
    -------
    str
        Base64 of zlib's format, which browsers unpack as "deflate".
    """
    parts = [part for layer in layers for part in (layer.weights, layer.scales, layer.biases)]
    return _pack(b"".join(part.astype(part.dtype.newbyteorder("<")).tobytes() for part in parts))


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


def _pack(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 9)).decode("ascii")

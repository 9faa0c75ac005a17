"""Detect pictures that don't look like a digit: out-of-distribution detection.

A picture is scored from the activations it causes in a network of dense layers. The score is the
energy, the log-sum-exp of the logits (W. Liu et al., "Energy-based out-of-distribution detection",
NeurIPS 2020), minus a weight times the residual norm: how much of the first hidden layer lies
outside its principal directions on the training images. That is virtual-logit matching (H. Wang et
al., "ViM: Out-of-distribution with virtual-logit matching", CVPR 2022), with two changes. We look
at the first hidden layer, which has not yet forgotten what digits don't need. And we divide its
values by their sum, then take square roots, so that neither pale ink nor one loud unit decides.
"""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy import special

from mnist_course._arrays import FloatArray, UInt8Array
from mnist_course.preprocessing import from_drawing

DIRECTIONS = 16  # from 12 to 24, what is caught hardly changes
TRUE_POSITIVE_RATE = 0.98  # the share of the digits that pass
LETTERS = "AEFHKMNPRTVWXYhkmnprtvwxy&%#?@"
SHEET = 140  # pixels


def principal_directions(hidden: FloatArray) -> FloatArray:
    """Find the directions in which the first hidden layer varies most.

    Parameters
    ----------
    hidden : ndarray of float64, shape (n, units)
        What the layer outputs for digits.

    Returns
    -------
    ndarray of float64, shape (directions, units)
        Orthonormal; at most half as many as there are units.
    """
    values = _square_roots(hidden)
    units = values.shape[1]
    _, vectors = np.linalg.eigh(values.T @ values)
    return np.asarray(vectors[:, units - min(DIRECTIONS, units // 2) :].T)


def residual_norm(hidden: FloatArray, directions: FloatArray) -> FloatArray:
    """Measure how much of the first hidden layer lies outside the principal directions.

    Parameters
    ----------
    hidden : ndarray of float64, shape (n, units)
        What the layer outputs for n pictures.
    directions : ndarray of float64, shape (directions, units)
        From `principal_directions`.

    Returns
    -------
    ndarray of float64, shape (n,)
        From 0 to 1, except for the rounding of the directions.
    """
    inside = _square_roots(hidden) @ directions.T
    return np.asarray(np.sqrt(np.maximum(1 - (inside**2).sum(axis=1), 0)))


def score(activations: list[FloatArray], directions: FloatArray, weight: float) -> FloatArray:
    """Score how much pictures look like digits to a network.

    Parameters
    ----------
    activations : list of ndarray of float64, shape (n, units)
        What each layer outputs for n pictures; the last are the logits.
    directions : ndarray of float64, shape (directions, units)
        From `principal_directions`.
    weight : float
        The weight of the residual norm, from `fit_threshold`.

    Returns
    -------
    ndarray of float64, shape (n,)
        Higher for digits.
    """
    return _energy(activations) - weight * residual_norm(activations[0], directions)


def fit_threshold(activations: list[FloatArray], directions: FloatArray) -> tuple[float, float]:
    """Choose the weight of the residual norm, and the score from which a picture passes as a digit.

    Parameters
    ----------
    activations : list of ndarray of float64, shape (n, units)
        What each layer outputs for digits from which nothing was learned.
    directions : ndarray of float64, shape (directions, units)
        From `principal_directions`.

    Returns
    -------
    tuple of float
        The weight, with which energy and residual norm spread equally; and the threshold, which
        98% of the digits reach.
    """
    spread = residual_norm(activations[0], directions).std()
    # If the first layer outputs nothing, every residual norm is the same.
    weight = float(_energy(activations).std() / spread) if spread else 0.0
    scores = score(activations, directions, weight)
    return weight, float(np.quantile(scores, 1 - TRUE_POSITIVE_RATE))


def draw_non_digits(count: int, *, seed: int) -> UInt8Array:
    """Draw letters, scribbles, stars, crosses and frames.

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
    return np.stack([from_drawing(np.asarray(_draw_non_digit(rng))) for _ in range(count)])


def _energy(activations: list[FloatArray]) -> FloatArray:
    return np.asarray(special.logsumexp(activations[-1], axis=1))


def _square_roots(values: FloatArray) -> FloatArray:
    """Scale each row to the sum 1, and take roots, which gives it the length 1."""
    sums = values.sum(axis=1, keepdims=True)
    return np.asarray(np.sqrt(values / np.where(sums > 0, sums, 1)))


def _draw_non_digit(rng: np.random.Generator) -> Image.Image:
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

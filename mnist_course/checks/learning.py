"""Checks of assignment 05: carry a gradient back through a network, and train it."""

import copy
import numbers
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from inspect import signature
from itertools import pairwise
from types import FunctionType
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from mnist_course.data import load_mnist
from mnist_course.preprocessing import normalize

from .core import (
    Case,
    CheckError,
    FunctionCheck,
    NotAttemptedError,
    TooLongError,
    call,
    expect,
    is_written,
    kind,
    task,
)

# The napkin: one input, two hidden neurons with ReLU, two outputs, and squared errors added up.
NAPKIN = {
    "y1": -6.0,
    "y2": 5.0,
    "v11": -18.0,
    "v21": 0.0,
    "h1": -7.0,
    "h2": -9.0,
    "z1": -7.0,
    "z2": 0.0,
    "w1": -14.0,
    "b1": -7.0,
    "w2": 0.0,
}
_REVERSED = "The sign is reversed: the miss is the output minus the target."
_MISS = "That's the miss itself. The slope of its square is twice the miss."
_UNWEIGHTED = "That's the sum of the slopes at y1 and y2. Each goes through a weight first."
_SWAPPED = (
    "That's what a column of the table gives instead of a row. Its two weights lead to the same "
    "output; take the two that start at this neuron."
)
# What the usual mistakes come to at each place.
_SLIPS: dict[str, dict[float, str]] = {
    "y1": {
        -3: _MISS,
        6: "6 is the output on the way forward. It's also the slope with its sign reversed: the "
        "slope is twice the miss, and the miss is the output minus the target.",
        3: "3 is the target minus the output. It's also 2 · 6 - 9, without the parentheses of "
        "2 · (6 - 9).",
        9: "9 is the target, and the squared error, too. The slope is twice the miss.",
        -14: "That's twice the miss of an output of 2, as without ReLU: z2 is -1, so h2 is 0.",
        -10: "That's twice the miss of an output of 4, as without the biases on the way forward.",
    },
    "y2": {
        2.5: _MISS,
        -5: _REVERSED,
        -2.5: "That's the target minus the output.",
        6.25: "That's the squared error. Its slope is twice the miss.",
        3: "That's the output on the way forward. The slope is twice the miss.",
        5.5: "That's 2 · 3 - 0.5, without the parentheses of 2 · (3 - 0.5).",
    },
    "v11": {
        -12: "That's the weight itself times the slope at y1. What came in through it is h1.",
        -6: "That's the slope at y1. Multiply it by what came in through the weight, h1.",
        18: "The sign is reversed.",
        15: "That's h1 times the slope at y2. This weight leads to y1.",
        -9: "That's h1 times the miss. The slope at y1 is twice the miss.",
        3: "That's h1. Multiply it by the slope at y1.",
    },
    "v21": {
        6: "That's z2 times the slope at y1. What came in through the weight is h2, after ReLU.",
        -24: "That's the weight itself times the slope at y1. What came in through it is h2.",
        -6: "That's the slope at y1. Multiply it by what came in through the weight, h2.",
        -18: "That's h1 times the slope at y1. This weight starts at h2.",
        15: "That's h1 times the slope at y2. This weight leads from h2 to y1.",
    },
    "h1": {
        -12: "That's the path to y1 alone. h1 goes to y2, too, and where paths meet, they add up.",
        5: "That's the path to y2 alone. h1 goes to y1, too, and where paths meet, they add up.",
        -60: "That's the product of the two paths. Where paths meet, they add up.",
        -17: "That's the path to y1 minus the path to y2. Where paths meet, they add up.",
        -3.5: "That's the mean of the two paths. Where paths meet, they add up.",
        -1: _UNWEIGHTED,
        8: _SWAPPED,
    },
    "h2": {
        -24: "That's the path to y1 alone. h2 goes to y2, too, and where paths meet, they add up.",
        15: "That's the path to y2 alone. h2 goes to y1, too, and where paths meet, they add up.",
        -360: "That's the product of the two paths. Where paths meet, they add up.",
        -39: "That's the path to y1 minus the path to y2. Where paths meet, they add up.",
        -4.5: "That's the mean of the two paths. Where paths meet, they add up.",
        -1: _UNWEIGHTED,
        9: _SWAPPED,
        0: "The gate is between z2 and h2, so it stops what goes on to z2, not the slope at h2.",
    },
    "z1": {
        0: "z1 is 3, so its gate is open.",
        -21: "That's the slope at h1 times 3, the value of z1. An open gate passes it unchanged.",
        7: "The sign is reversed.",
    },
    "z2": {
        -9: "That's the slope at h2, unchanged. z2 is -1, so its gate is closed.",
        9: "That's the slope at h2 times z2. ReLU's factor is 0 or 1.",
    },
    "w1": {
        -7: "That's the slope at z1. Multiply it by what came in through the weight, x.",
        -21: "That's 3, the value of z1, times its slope. What came in through the weight is x.",
        14: "The sign is reversed.",
    },
    "b1": {
        -14: "That's x times the slope at z1. If b1 grows a bit, z1 grows by the same amount.",
        7: "The sign is reversed.",
    },
    "w2": {
        -18: "That's x times the slope at h2. Nothing passes a closed gate.",
        -9: "That's the slope at h2. Nothing passes a closed gate.",
    },
}


def _napkin_loss(name: str = "", by: float = 0.0) -> float:
    """Return the loss on the napkin after one of its numbers has grown by `by`."""
    more = dict.fromkeys(NAPKIN, 0.0) | {name: by}
    z1 = (1 + more["w1"]) * 2 + 1 + more["b1"] + more["z1"]
    z2 = (-1 + more["w2"]) * 2 + 1 + more["z2"]
    h1, h2 = max(z1, 0) + more["h1"], max(z2, 0) + more["h2"]
    y1 = (2 + more["v11"]) * h1 + (4 + more["v21"]) * h2 + more["y1"]
    y2 = h1 + 3 * h2 + more["y2"]
    return (y1 - 9) ** 2 + (y2 - 0.5) ** 2


def _too_far(name: str) -> dict[float, str]:
    """Return what large nudges of a number give instead of its slope."""
    changes = {by: (_napkin_loss(name, by) - _napkin_loss()) / by for by in (0.01, 0.1, -0.1, 1)}
    return {
        change: f"That's what a nudge by {by} gives: the change of the loss, divided by {by}. "
        "It's only near the slope, because the slope changes on the way."
        for by, change in changes.items()
        if not np.isclose(change, NAPKIN[name])
    }


@task("learning.html#when-paths-meet")
def napkin(slopes: Any) -> str:
    """Check the slopes that a learner carried back on a napkin."""
    if not is_written(slopes):
        raise NotAttemptedError("a function without an answer")
    expect(
        isinstance(slopes, Mapping),
        f"`slopes` is {kind(slopes)}; expected a dictionary, as in the template of the task.",
    )
    if slopes and all(value is None for value in slopes.values()):
        raise NotAttemptedError("all are still None")
    missing = [name for name in NAPKIN if name not in slopes]
    expect(not missing, f"`slopes` lacks {', '.join(map(repr, missing))}.")
    for name, expected in NAPKIN.items():
        value = slopes[name]
        number = np.ndim(value) == 0 and isinstance(value, numbers.Real | np.number)
        expect(number, f"`slopes[{name!r}]` is {kind(value)}; expected one number.")
        value = value if isinstance(value, np.number) else float(value)
        slips = _too_far(name) | _SLIPS[name]
        slip = next((text for slip, text in slips.items() if np.isclose(value, slip)), "")
        before, after = _napkin_loss(), _napkin_loss(name, 0.01)
        nudged = f"goes from {before:g} to {after:.6g}" if after != before else "doesn't change"
        expect(
            np.isclose(value, expected),
            f"`slopes[{name!r}]` is {value:g}. But if {name} grows by 0.01, the loss "
            f"{nudged}.{slip and f' {slip}'}",
        )
    return "all eleven slopes agree with nudging."


def _dense_back(inputs: Any, weights: Any, errors: Any) -> Any:
    return inputs.T @ errors, errors.sum(axis=0), errors @ weights.T


def _instead(
    weights: Callable[..., Any] | None = None,
    biases: Callable[..., Any] | None = None,
    inputs: Callable[..., Any] | None = None,
) -> Callable[..., Any]:
    """Make a `dense_back` that computes some of its three parts by other functions."""

    def mistaken(*given: Any) -> Any:
        parts = zip((weights, biases, inputs), _dense_back(*given), strict=True)
        return tuple(part(*given) if part else right for part, right in parts)

    return mistaken


def _dense_case(seed: int, images: int, inputs: int, units: int) -> Case:
    rng = np.random.default_rng(seed)
    arrays = (
        rng.normal(size=(images, inputs)),
        rng.normal(size=(inputs, units)),
        rng.normal(size=(images, units)),
    )
    return Case(arrays, f"for {images} images, {inputs} inputs, and {units} neurons")


# Square arrays come first in the checks below: for them, a wrong product has a result, too.
dense_back = FunctionCheck(
    name="dense_back",
    section="backpropagation.html#on-paper-two-inputs-two-hidden-neurons-one-output",
    correct=_dense_back,
    cases=[
        Case(
            (
                np.array([[1.0, 2], [3, 0]]),
                np.array([[1, 1], [0.5, -1]]),
                np.array([[-2.0, 0], [1, 4]]),
            )
        ),
        _dense_case(1, 3, 3, 3),
        _dense_case(2, 6, 6, 6),
    ],
    further=[_dense_case(3, 1, 4, 2), _dense_case(4, 7, 5, 3), _dense_case(5, 3, 5, 7)],
    new=True,
    praise="the slopes of weights, biases, and inputs are right for any shapes.",
    mistakes={
        "The first part is what `inputs @ errors` gives. Weights have a row for each input, so "
        "the inputs "
        "have to be turned around: `.T`.": _instead(weights=lambda x, w, e: x @ e),
        "The first part has its rows and columns exchanged. It should have a row for each input "
        "and a column for each neuron.": _instead(weights=lambda x, w, e: e.T @ x),
        "The first part is what `inputs * errors` gives, number by number. Every input has to "
        "meet every "
        "error.": _instead(weights=lambda x, w, e: x * e),
        "The first part is made of what the neurons put out, `inputs @ weights`. Take what came "
        "in.": _instead(weights=lambda x, w, e: (x @ w).T @ e),
        "The first part is made of the weights. Their slopes depend on what came in.": (
            _instead(weights=lambda x, w, e: w.T @ e)
        ),
        "The first part is the slopes multiplied by the weights once more.": _instead(
            weights=lambda x, w, e: w * (x.T @ e)
        ),
        "The first part is the weights minus their slopes. Return the slopes alone.": _instead(
            weights=lambda x, w, e: w - x.T @ e
        ),
        "The first part is the sum of the inputs times the sum of the errors. Each image's inputs "
        "go with its own errors.": _instead(
            weights=lambda x, w, e: np.outer(x.sum(axis=0), e.sum(axis=0))
        ),
        "The first part comes from the first image alone.": _instead(
            weights=lambda x, w, e: np.outer(x[0], e[0])
        ),
        "The first part comes from the last image alone.": _instead(
            weights=lambda x, w, e: np.outer(x[-1], e[-1])
        ),
        "The first part is divided by the number of images. The errors already count each image "
        "by its share, so add.": _instead(weights=lambda x, w, e: x.T @ e / len(x)),
        "The first and the second part are divided by the number of images. The errors already "
        "count each image by its share, so add.": _instead(
            weights=lambda x, w, e: x.T @ e / len(x), biases=lambda x, w, e: e.mean(axis=0)
        ),
        "All parts are divided by the number of images. The errors already count each image by "
        "its share, so add.": lambda x, w, e: tuple(p / len(x) for p in _dense_back(x, w, e)),
        "The second part is the mean over the images. Each image adds its error to the slope.": (
            _instead(biases=lambda x, w, e: e.mean(axis=0))
        ),
        "The second part is the sum of each row. A bias belongs to a neuron, which is a "
        "column: `axis=0`.": _instead(biases=lambda x, w, e: e.sum(axis=1)),
        "The second part is the sum of all errors, one number. Each neuron has a bias of its own: "
        "`axis=0`.": _instead(biases=lambda x, w, e: e.sum()),
        "The second part is the errors as they are, with a row for each image. Add them up over "
        "the images.": _instead(biases=lambda x, w, e: e),
        "The second part still has two axes. Leave out `keepdims`: there's one number for each "
        "bias.": _instead(biases=lambda x, w, e: e.sum(axis=0, keepdims=True)),
        "The second part comes from the first image alone.": _instead(biases=lambda x, w, e: e[0]),
        "The second part is the sum of the inputs. A bias acts like a weight whose input is 1.": (
            _instead(biases=lambda x, w, e: x.sum(axis=0))
        ),
        "The second part is all ones. A 1 is what comes in; it still meets the error.": _instead(
            biases=lambda x, w, e: np.ones(e.shape[1])
        ),
        "The second part is multiplied by the inputs, too. A bias acts like a weight whose input "
        "is 1.": _instead(biases=lambda x, w, e: (x * e).sum(axis=0)),
        "The third part is what `errors @ weights` gives. On the way back, neurons come in and "
        "inputs come "
        "out, so the weights have to be turned around: `.T`.": _instead(
            inputs=lambda x, w, e: e @ w
        ),
        "The third part has its rows and columns exchanged. It should have a row for each "
        "image.": _instead(inputs=lambda x, w, e: w @ e.T),
        "The third part is what `weights @ errors` gives. Put the errors first and turn the "
        "weights around.": (_instead(inputs=lambda x, w, e: w @ e)),
        "The third part is 0 where the inputs aren't positive. A weighted sum has no gate.": (
            _instead(inputs=lambda x, w, e: (e @ w.T) * (x > 0))
        ),
        "The third part is the errors as they are. They go back through the weights.": _instead(
            inputs=lambda x, w, e: e
        ),
        "The third part is multiplied by the inputs. Their slopes depend on the weights alone.": (
            _instead(inputs=lambda x, w, e: x * (e @ w.T))
        ),
        "The third part is the sum over the images. Each image's inputs have slopes of their "
        "own.": _instead(inputs=lambda x, w, e: (e @ w.T).sum(axis=0)),
        "The third part is that of going back through the slopes of the weights, as when `weights` "
        "has become the name of these.": _instead(inputs=lambda x, w, e: e @ (x.T @ e).T),
        "The signs of the first two parts are reversed. The minus comes later, with the step.": (
            _instead(weights=lambda x, w, e: -x.T @ e, biases=lambda x, w, e: -e.sum(axis=0))
        ),
        "All signs are reversed.": lambda *given: tuple(-p for p in _dense_back(*given)),
        "The order should be weights, biases, inputs. Those are inputs, weights, biases.": (
            lambda *given: tuple(_dense_back(*given)[i] for i in (2, 0, 1))
        ),
        "The order should be weights, biases, inputs. Those are weights, inputs, biases.": (
            lambda *given: tuple(_dense_back(*given)[i] for i in (0, 2, 1))
        ),
        "The order should be weights, biases, inputs. Those are inputs, biases, weights.": (
            lambda *given: _dense_back(*given)[::-1]
        ),
        "The slopes of the inputs are missing.": lambda *given: _dense_back(*given)[:2],
    },
)


def _relu_back(hidden: Any, slopes: Any) -> Any:
    return np.where(hidden > 0, slopes, 0.0)


def _relu_case(seed: int, images: int, neurons: int) -> Case:
    rng = np.random.default_rng(seed)
    hidden = np.maximum(rng.normal(0, 2, (images, neurons)), 0)
    return Case(
        (hidden, rng.normal(size=hidden.shape)), f"for {images} images and {neurons} neurons"
    )


relu_back = FunctionCheck(
    name="relu_back",
    section="backpropagation.html#on-paper-two-inputs-two-hidden-neurons-one-output",
    correct=_relu_back,
    cases=[
        Case((np.array([[2.0, 0], [0, 3]]), np.array([[-2.0, -12], [4, 5]]))),
        Case(
            (
                np.array([[0, 0.25, 3], [1, 4, 2], [0, 0, 0]]),
                np.array([[5.0, 7, -8], [9, -4, 6], [1, -3, 2]]),
            )
        ),
        _relu_case(1, 6, 6),
        _relu_case(2, 5, 3),
        Case((np.zeros((1, 2)), np.array([[3.0, -1]]))),
        Case((np.array([[1.5, 2]]), np.array([[4.0, -5]]))),
    ],
    new=True,
    praise="open gates pass every slope unchanged, closed ones pass nothing.",
    mistakes={
        "Those are the slopes as they came in, as with `hidden >= 0`, which is true for every "
        "output of ReLU.": lambda hidden, slopes: slopes,
        "The mask is inverted: open gates pass nothing here, and closed ones everything.": (
            lambda hidden, slopes: slopes * (hidden == 0)
        ),
        "That keeps the positive slopes. The mask depends on what the neurons put out, `hidden`.": (
            lambda hidden, slopes: np.maximum(slopes, 0)
        ),
        "That keeps the negative slopes. The mask depends on what the neurons put out, `hidden`.": (
            lambda hidden, slopes: np.minimum(slopes, 0)
        ),
        "Open gates pass positive slopes only here. They pass all, whatever the sign.": (
            lambda hidden, slopes: np.maximum(slopes * (hidden > 0), 0)
        ),
        "Those are the slopes times the outputs themselves. The mask has only ones and zeros.": (
            lambda hidden, slopes: slopes * hidden
        ),
        "Those are the slopes times the outputs cut to whole numbers. The mask has only ones "
        "and zeros.": lambda hidden, slopes: slopes * hidden.astype(int),
        "That's where slopes times outputs is above 0, as with `slopes * hidden > 0`: "
        "multiplication "
        "comes before a comparison without parentheses.": lambda hidden, slopes: (
            slopes * hidden > 0
        ),
        "That's the mask itself. Multiply the slopes by it.": lambda hidden, slopes: hidden > 0,
        "Those are the outputs. Multiply the slopes by their mask.": lambda hidden, slopes: hidden,
        "Those are the outputs where the slopes are positive. It's the other way around.": (
            lambda hidden, slopes: hidden * (slopes > 0)
        ),
        "Only the slopes at open gates came back, in a row. Keep the shape, with zeros at the "
        "closed ones.": lambda hidden, slopes: slopes[hidden > 0],
        "The signs are reversed.": lambda hidden, slopes: -slopes * (hidden > 0),
        "All slopes are 0. An output of ReLU is never below 0; a closed gate has exactly "
        "0.": lambda hidden, slopes: np.zeros_like(slopes),
        "Closed gates pass a hundredth of their slope, as in a leaky ReLU. Here they pass "
        "nothing.": lambda hidden, slopes: np.where(hidden > 0, slopes, 0.01 * slopes),
        "Closed gates reverse the sign of their slope here. They pass nothing, so it becomes 0.": (
            lambda hidden, slopes: np.where(hidden > 0, slopes, -slopes)
        ),
        "Closed gates make nan of their slope. It becomes 0.": lambda hidden, slopes: np.where(
            hidden > 0, slopes, np.nan
        ),
        "Closed gates make 1 of their slope. It becomes 0.": lambda hidden, slopes: np.where(
            hidden > 0, slopes, 1
        ),
        "Only outputs above 1 open their gate here. Every output above 0 does.": (
            lambda hidden, slopes: slopes * (hidden > 1)
        ),
        "Only outputs from 1 on open their gate here. Every output above 0 does.": (
            lambda hidden, slopes: slopes * (hidden >= 1)
        ),
        "Only outputs of at least 0.5 open their gate here. Every output above 0 does.": (
            lambda hidden, slopes: slopes * (hidden >= 0.5)
        ),
        "A closed gate stops its whole row here. Each neuron has a gate of its own.": (
            lambda hidden, slopes: slopes * (hidden > 0).all(axis=1, keepdims=True)
        ),
        "A closed gate stops all slopes here. Each neuron has a gate of its own.": (
            lambda hidden, slopes: slopes * (hidden > 0).all()
        ),
        "An open gate opens all gates here. Each neuron has a gate of its own.": (
            lambda hidden, slopes: slopes * (hidden > 0).any()
        ),
        "That's the matrix product of slopes and mask. Multiply them number by number: `*`.": (
            lambda hidden, slopes: slopes @ (hidden > 0).T
        ),
        "An open gate opens its whole row here. Each neuron has a gate of its own.": (
            lambda hidden, slopes: slopes * (hidden > 0).any(axis=1, keepdims=True)
        ),
        "The slopes are divided by the number of images. The mask has only ones and zeros.": (
            lambda hidden, slopes: slopes * (hidden > 0) / len(hidden)
        ),
        "The slopes are added up over the images. Each image has gates of its own.": (
            lambda hidden, slopes: (slopes * (hidden > 0)).sum(axis=0)
        ),
        "Those are the slopes times (1 - output squared), which is "
        "for tanh.": lambda hidden, slopes: slopes * (1 - hidden**2),
        "Those are the slopes plus the mask. Multiply them by it.": lambda hidden, slopes: (
            slopes + (hidden > 0)
        ),
    },
)


def _one_hot(probabilities: Any, labels: Any) -> Any:
    return np.eye(probabilities.shape[1])[labels]


def _filled_rows(probabilities: Any, labels: Any) -> Any:
    table = np.zeros_like(probabilities)
    table[labels] = 1
    return table


def _loss_back(probabilities: Any, labels: Any) -> Any:
    return (probabilities - _one_hot(probabilities, labels)) / len(probabilities)


def _softmax(logits: Any) -> Any:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _loss_case(seed: int, images: int, digits: int) -> Case:
    rng = np.random.default_rng(seed)
    probabilities = _softmax(rng.normal(0, 2, (images, digits)))
    labels = rng.integers(0, digits, images, dtype=np.uint8)
    return Case((probabilities, labels), f"for {images} images and {digits} digits")


loss_back = FunctionCheck(
    name="loss_back",
    section="backpropagation.html#what-an-answer-costs",
    correct=_loss_back,
    cases=[
        Case((np.array([[0.5, 0.2, 0.3]]), np.array([1]))),
        Case((np.array([[0.1, 0.8, 0.1], [0.5, 0.2, 0.3]]), np.array([1, 0]))),
        _loss_case(1, 4, 4),
        _loss_case(2, 30, 10),
    ],
    new=True,
    praise="probabilities minus one-hot, and each image counts by its share.",
    mistakes={
        "That isn't divided by the number of images. The loss is a mean.": lambda p, y: (
            p - _one_hot(p, y)
        ),
        "That's divided by the number of digits. Divide by the number of images.": lambda p, y: (
            (p - _one_hot(p, y)) / p.shape[1]
        ),
        "That's divided by the number of images *and* by the number of digits. The loss is a mean "
        "over the images alone.": lambda p, y: (p - _one_hot(p, y)) / p.size,
        "That's divided by the number of images twice.": lambda p, y: _loss_back(p, y) / len(p),
        "That's multiplied by the number of images. Divide by it.": lambda p, y: (
            (p - _one_hot(p, y)) * len(p)
        ),
        "The sign is reversed: that's one-hot minus probabilities.": lambda p, y: -_loss_back(p, y),
        "The 1 at the right digit wasn't subtracted.": lambda p, y: p / len(p),
        "Those are the probabilities as they came in.": lambda p, y: p,
        "Those are the probabilities *plus* 1 at the right digit. Subtract it.": lambda p, y: (
            (p + _one_hot(p, y)) / len(p)
        ),
        "That's the one-hot form of the labels.": lambda p, y: _one_hot(p, y),
        "Those are the probabilities minus the labels themselves. Subtract their one-hot form: a "
        "1 at the right "
        "digit.": lambda p, y: (p - y[:, np.newaxis].astype(float)) / len(p),
        "Those are all probabilities minus 1. Subtract it only at the right digit.": (
            lambda p, y: (p - 1) / len(p)
        ),
        "Each row is smaller by 1 at the right digits of *all* images. From each row, subtract 1 "
        "only in "
        "the column of its own label.": lambda p, y: (
            (p - np.isin(np.arange(p.shape[1]), y)) / len(p)
        ),
        "Only the right digits have a slope here. The other logits have one, too: their "
        "probability.": (lambda p, y: _loss_back(p, y) * _one_hot(p, y)),
        "Only the slopes at the right digits came back, one for each image. There's one for each "
        "logit.": lambda p, y: _loss_back(p, y)[np.arange(len(y)), y],
        "Only the probabilities are divided by the number of images: without parentheses, "
        "division comes before subtraction.": lambda p, y: p / len(p) - _one_hot(p, y),
        "Only the one-hot form is divided by the number of images: without parentheses, division "
        "comes before subtraction.": lambda p, y: p - _one_hot(p, y) / len(p),
        "That's -1 divided by the probability at the right digit: the slope at the probability. "
        "One step farther back are the logits.": lambda p, y: -_one_hot(p, y) / p / len(p),
        "That's the cost of each image, -ln(p). Its slopes at the logits are simpler.": (
            lambda p, y: -np.log(p[np.arange(len(y)), y])
        ),
        "That's the loss itself, one number. Return its slope at each logit.": lambda p, y: (
            -np.log(p[np.arange(len(y)), y]).mean()
        ),
        "That's p times (1 - p), the slope of a probability at its own logit.": lambda p, y: (
            p * (1 - p)
        ),
        "That's twice the miss, as for a squared error. For cross-entropy leave out the 2.": (
            lambda p, y: 2 * _loss_back(p, y)
        ),
        "Those are the squares of the differences.": lambda p, y: (
            (p - _one_hot(p, y)) ** 2 / len(p)
        ),
        "The minus signs are gone. The right digit's slope is negative.": lambda p, y: np.abs(
            _loss_back(p, y)
        ),
        "That's what comes out if softmax is applied once more. Those are probabilities "
        "already.": lambda p, y: _loss_back(_softmax(p), y),
        "That's the mean over the images. Each image keeps a row of its own.": (
            lambda p, y: (p - _one_hot(p, y)).mean(axis=0)
        ),
        "The 1 is missing at the largest probability. Subtract it at the label.": lambda p, y: (
            _loss_back(p, p.argmax(axis=1))
        ),
        "The one-hot table has as many columns as there are images. It needs one for each digit, "
        "as "
        "the probabilities have.": lambda p, y: (p - np.eye(len(y))[y]) / len(y),
        "The one-hot table ends at the largest label. It needs a column for each digit, as the "
        "probabilities have.": lambda p, y: (p - np.eye(y.max() + 1)[y]) / len(y),
        "The result is that of `table[labels] = 1`, which fills whole rows. Each row gets a single "
        "1: `table[np.arange(len(labels)), labels] = 1`.": lambda p, y: (
            (p - _filled_rows(p, y)) / len(y)
        ),
        "That's always divided by 2. Divide by the number of images.": lambda p, y: (
            (p - _one_hot(p, y)) / 2
        ),
        "The 1 is missing one column too far to the left. Columns are counted from 0, as digits "
        "are.": lambda p, y: _loss_back(p, y.astype(int) - 1),
    },
)


def _forward(x: Any, layers: Any) -> tuple[Any, Any, Any]:
    (w1, b1), (w2, b2), (w3, b3) = layers
    hidden1 = np.tanh(x @ w1 + b1)
    hidden2 = np.maximum(hidden1 @ w2 + b2, 0)
    return hidden1, hidden2, _softmax(hidden2 @ w3 + b3)


def _tanh_back(hidden: Any, slopes: Any) -> Any:
    return slopes * (1 - hidden**2)


def _to_layer(inputs: Any, errors: Any) -> Any:
    return inputs.T @ errors, errors.sum(axis=0)


def _gradients(
    x: Any,
    y: Any,
    layers: Any,
    *,
    loss: Callable[..., Any] = _loss_back,
    relu: Callable[..., Any] = _relu_back,
    tanh: Callable[..., Any] = _tanh_back,
    back: Callable[..., Any] = lambda errors, weights: errors @ weights.T,
    to_layer: Callable[..., Any] = _to_layer,
) -> Any:
    """Return the slopes of all layers; a mistake replaces one of the steps."""
    (_, _), (w2, _), (w3, _) = layers
    hidden1, hidden2, probabilities = _forward(x, layers)
    errors3 = loss(probabilities, y)
    errors2 = relu(hidden2, back(errors3, w3))
    errors1 = tanh(hidden1, back(errors2, w2))
    return to_layer(x, errors1), to_layer(hidden1, errors2), to_layer(hidden2, errors3)


def _with(**steps: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, y, layers: _gradients(x, y, layers, **steps)


def _errors(x: Any, y: Any, layers: Any) -> Any:
    return [errors for _, errors in _gradients(x, y, layers, to_layer=lambda i, e: (i, e))]


def _put_out(x: Any, y: Any, layers: Any) -> Any:
    outputs, errors = _forward(x, layers), _errors(x, y, layers)
    return tuple(_to_layer(o, e) for o, e in zip(outputs, errors, strict=True))


def _images_alone(x: Any, y: Any, layers: Any) -> Any:
    return tuple(_to_layer(x, e) for e in _errors(x, y, layers))


def _past_second_layer(x: Any, y: Any, layers: Any) -> Any:
    hidden1, _, probabilities = _forward(x, layers)
    errors1 = _tanh_back(hidden1, _loss_back(probabilities, y) @ layers[2][0].T)
    return _to_layer(x, errors1), *_gradients(x, y, layers)[1:]


def _from_sums(x: Any, y: Any, layers: Any) -> Any:
    sums = x @ layers[0][0] + layers[0][1]
    return _gradients(x, y, layers, tanh=lambda hidden, slopes: slopes * (1 - sums**2))


def _weights_exchanged(x: Any, y: Any, layers: Any) -> Any:
    hidden1, hidden2, probabilities = _forward(x, layers)
    errors3 = _loss_back(probabilities, y)
    errors2 = _relu_back(hidden2, errors3 @ layers[1][0].T)
    errors1 = _tanh_back(hidden1, errors2 @ layers[0][0].T)
    return _to_layer(x, errors1), _to_layer(hidden1, errors2), _to_layer(hidden2, errors3)


def _masked_early(x: Any, y: Any, layers: Any) -> Any:
    hidden1, hidden2, probabilities = _forward(x, layers)
    errors3 = _relu_back(hidden2, _loss_back(probabilities, y))
    errors2 = errors3 @ layers[2][0].T
    errors1 = _tanh_back(hidden1, errors2 @ layers[1][0].T)
    return _to_layer(x, errors1), _to_layer(hidden1, errors2), _to_layer(hidden2, errors3)


def _of_one_image(position: int) -> Callable[..., Any]:
    def loss_back(probabilities: Any, labels: Any) -> Any:
        slopes = np.zeros_like(probabilities)
        slopes[position] = _loss_back(probabilities, labels)[position]
        return slopes

    return loss_back


def _network(rng: np.random.Generator, *sizes: int) -> list[tuple[Any, Any]]:
    return [
        (rng.normal(size=(inputs, units)), rng.normal(0, 0.3, units))
        for inputs, units in pairwise(sizes)
    ]


def _network_case(seed: int, images: int, sizes: tuple[int, ...], *more: Any) -> Case:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(images, sizes[0]))
    y = rng.integers(0, sizes[-1], images, dtype=np.uint8)
    given = f"for {images} image{'s' * (images > 1)} and a network {'-'.join(map(str, sizes))}"
    given += f" ({sizes[-1]} outputs)" * (sizes[-1] != 10)
    return Case((x, y, _network(rng, *sizes), *more), given)


gradients = FunctionCheck(
    name="gradients",
    section="backpropagation.html#the-forty-lines",
    correct=_gradients,
    cases=[_network_case(1, 10, (10, 10, 10, 10)), _network_case(2, 7, (10, 10, 10, 10))],
    further=[
        _network_case(3, 1, (6, 5, 4, 3)),
        _network_case(4, 7, (4, 3, 6, 10)),
        _network_case(5, 20, (9, 8, 5, 10)),
    ],
    praise="the slopes of all six arrays are right, through ReLU and tanh.",
    mistakes={
        "The slopes aren't divided by the number of images.": _with(
            loss=lambda p, y: p - _one_hot(p, y)
        ),
        "All slopes are divided once too often. Divide once, by the number of images.": _with(
            loss=lambda p, y: _loss_back(p, y) / len(p)
        ),
        "All signs are reversed: at the logits, it's probabilities minus one-hot.": _with(
            loss=lambda p, y: -_loss_back(p, y)
        ),
        "The errors at the logits are divided by 100, whatever the number of images.": _with(
            loss=lambda p, y: (p - _one_hot(p, y)) / 100
        ),
        "The errors at the logits are multiplied by p times (1 - p). Probabilities minus one-hot "
        "is "
        "the slope at the logits already.": _with(loss=lambda p, y: _loss_back(p, y) * p * (1 - p)),
        "The 1 at the right digit wasn't subtracted.": _with(loss=lambda p, y: p / len(p)),
        "All slopes are twice as large, as for a squared error.": _with(
            loss=lambda p, y: 2 * _loss_back(p, y)
        ),
        "There's no mask in the result, or one that's open everywhere: `hidden2` comes from ReLU, "
        "and its closed gates have to stop the slopes.": _with(relu=lambda hidden, slopes: slopes),
        "The mask is inverted: the closed gates of `hidden2` pass the slopes here.": _with(
            relu=lambda hidden, slopes: slopes * (hidden == 0)
        ),
        "The slopes at `hidden2` are multiplied by `hidden2` itself. Multiply them by its mask.": (
            _with(relu=lambda hidden, slopes: slopes * hidden)
        ),
        "The errors of the second layer are ones and zeros, as with `... * hidden2 > 0`. "
        "Multiplication comes before a comparison without parentheses.": _with(
            relu=lambda hidden, slopes: (slopes * hidden > 0).astype(float)
        ),
        "At `hidden2`, all positive slopes pass. The mask has to look at `hidden2` itself.": _with(
            relu=lambda hidden, slopes: np.maximum(slopes, 0)
        ),
        "The result is that of a mask before the last weights. It comes after them, at "
        "`hidden2`.": _masked_early,
        "The slope of tanh isn't in the result: on the way back through `hidden1`, each slope is "
        "multiplied by 1 minus the output squared.": _with(tanh=lambda hidden, slopes: slopes),
        "The result is that of 1 minus the sums squared. It's 1 minus the *output* squared, and "
        "`hidden1` is the output already.": _from_sums,
        "The result is that of tanh applied to `hidden1` once more. `hidden1` is its output "
        "already.": _with(tanh=lambda hidden, slopes: slopes * (1 - np.tanh(hidden) ** 2)),
        "The slopes at `hidden1` are multiplied by 1 minus the output. It's 1 minus the output "
        "*squared*.": _with(tanh=lambda hidden, slopes: slopes * (1 - hidden)),
        "The slopes at `hidden1` are multiplied by (1 - output) squared. It's 1 - (output "
        "squared), "
        "without parentheses.": _with(tanh=lambda hidden, slopes: slopes * (1 - hidden) ** 2),
        "The slopes at `hidden1` are multiplied by the output squared. It's *1 minus* the output "
        "squared.": _with(tanh=lambda hidden, slopes: slopes * hidden**2),
        "The slopes at `hidden1` are multiplied by 1 plus the output squared. It's 1 *minus* the "
        "output squared.": _with(tanh=lambda hidden, slopes: slopes * (1 + hidden**2)),
        "The slopes at `hidden1` are multiplied by the output minus its square, which is for the "
        "sigmoid.": _with(tanh=lambda hidden, slopes: slopes * hidden * (1 - hidden)),
        "The result is that of ReLU's mask at `hidden1`. It comes from tanh.": _with(
            tanh=_relu_back
        ),
        "At `hidden1`, there's a mask besides the slope of tanh. tanh has no gates.": _with(
            tanh=lambda hidden, slopes: _tanh_back(hidden, slopes) * (hidden > 0)
        ),
        "ReLU and tanh are exchanged: tanh is in the first hidden layer, ReLU in the second.": (
            _with(tanh=_relu_back, relu=_tanh_back)
        ),
        "The result is that of tanh's slope at `hidden2`. It comes from ReLU.": _with(
            relu=_tanh_back
        ),
        "The result is that of `w3` and `w2` not turned around on the way back: `.T`.": _with(
            back=lambda errors, weights: errors @ weights
        ),
        "The result is that of going back through `w2` and `w1` instead of `w3` "
        "and `w2`.": _weights_exchanged,
        "The errors of the first layer don't come by way of the second one. They have to pass "
        "`w2`, "
        "too.": (_past_second_layer),
        "The slopes of the weights have rows and columns exchanged.": _with(
            to_layer=lambda inputs, errors: (errors.T @ inputs, errors.sum(axis=0))
        ),
        "The slopes of the weights are those of inputs that aren't turned around: `.T`.": _with(
            to_layer=lambda inputs, errors: (inputs @ errors, errors.sum(axis=0))
        ),
        "The slopes of the biases are sums of each row. A bias belongs to a column: "
        "`axis=0`.": _with(to_layer=lambda inputs, errors: (inputs.T @ errors, errors.sum(axis=1))),
        "The slopes of the biases are means over the images. The errors are divided already, so "
        "add.": _with(to_layer=lambda inputs, errors: (inputs.T @ errors, errors.mean(axis=0))),
        "The slopes of the biases are one number for each layer. There's one for each neuron: "
        "`axis=0`.": _with(to_layer=lambda inputs, errors: (inputs.T @ errors, errors.sum())),
        "The slopes of the biases still have a row for each image. Add them up.": _with(
            to_layer=lambda inputs, errors: (inputs.T @ errors, errors)
        ),
        "The slopes of each layer's weights are those of what the layer puts out. Take what came "
        "in: `x`, `hidden1`, `hidden2`.": _put_out,
        "The slopes of the second layer's weights are those of `x` as the input. Into that layer "
        "comes `hidden1`.": lambda x, y, layers: (
            _gradients(x, y, layers)[0],
            _images_alone(x, y, layers)[1],
            _gradients(x, y, layers)[2],
        ),
        "The slopes of all weights are those of `x` as the input. Into the second layer comes "
        "`hidden1`, into "
        "the third `hidden2`.": _images_alone,
        "Those are the slopes of the first image alone, as with `return` inside a loop.": _with(
            loss=_of_one_image(0)
        ),
        "Those are the slopes of the last image alone, as with `=` in a loop instead of `+=`.": (
            _with(loss=_of_one_image(-1))
        ),
        "The layers are in reverse order. The first layer's pair belongs first.": (
            lambda x, y, layers: _gradients(x, y, layers)[::-1]
        ),
        "Those are six arrays in a row. Put the two of each layer into a pair.": (
            lambda x, y, layers: sum(_gradients(x, y, layers), ())
        ),
        "In each pair, the weights come first, then the biases.": lambda x, y, layers: tuple(
            pair[::-1] for pair in _gradients(x, y, layers)
        ),
    },
)


def _moved(layers: Any, slopes: Any, rate: float, bias_rate: float | None = None) -> Any:
    """Return new layers, each number moved against its slope."""
    bias_rate = rate if bias_rate is None else bias_rate
    return tuple(
        (w - rate * dw, b - bias_rate * db) for (w, b), (dw, db) in zip(layers, slopes, strict=True)
    )


def _step(x: Any, y: Any, layers: Any, rate: float) -> Any:
    return _moved(layers, _gradients(x, y, layers), rate)


def _stepped(slopes: Callable[..., Any]) -> Callable[..., Any]:
    return lambda x, y, layers, rate: _moved(layers, slopes(x, y, layers), rate)


def _some(*chosen: int) -> Callable[..., Any]:
    """Make a step that moves some of the layers only."""
    return lambda x, y, layers, rate: tuple(
        new if i in chosen else tuple(old)
        for i, (old, new) in enumerate(zip(layers, _step(x, y, layers, rate), strict=True))
    )


def _too_early(x: Any, y: Any, layers: Any, rate: float) -> Any:
    """Move each layer on the way back, before its weights have passed the errors on."""
    hidden1, hidden2, probabilities = _forward(x, layers)
    inputs, moved = (x, hidden1, hidden2), list(layers)
    errors = _loss_back(probabilities, y)
    for i, through in ((2, _relu_back), (1, _tanh_back), (0, None)):
        dw, db = _to_layer(inputs[i], errors)
        moved[i] = (layers[i][0] - rate * dw, layers[i][1] - rate * db)
        errors = through(inputs[i], errors @ moved[i][0].T) if through else errors
    return tuple(moved)


def _one_by_one(*order: int) -> Callable[..., Any]:
    """Make a step that moves one layer after the other, and finds the slopes again each time."""

    def step(x: Any, y: Any, layers: Any, rate: float) -> Any:
        layers = list(layers)
        for i in order:
            layers[i] = _step(x, y, layers, rate)[i]
        return tuple(layers)

    return step


def _changes(x: Any, y: Any, layers: Any, rate: float, *, factor: float = 1) -> Any:
    slopes = _gradients(x, y, layers)
    return tuple((factor * rate * dw, factor * rate * db) for dw, db in slopes)


step = FunctionCheck(
    name="step",
    section="backpropagation.html#the-forty-lines",
    correct=_step,
    cases=[
        _network_case(6, 10, (10, 10, 10, 10), 0.5),
        _network_case(7, 7, (10, 10, 10, 10), 0.2),
    ],
    further=[_network_case(8, 5, (6, 5, 4, 3), 3.0), _network_case(9, 20, (4, 3, 6, 10), 0.1)],
    praise="all numbers moved against their slopes at once, and what you were given is unchanged.",
    mistakes={
        "The step goes uphill: subtract the slopes, don't add them.": lambda x, y, layers, rate: (
            _step(x, y, layers, -rate)
        ),
        "The rate is missing: each number moves by its whole slope.": lambda x, y, layers, rate: (
            _step(x, y, layers, 1)
        ),
        "Each number moves by its slope *divided* by the rate. "
        "Multiply them.": lambda x, y, layers, rate: _step(x, y, layers, 1 / rate),
        "Each number moves by the rate squared times its slope.": lambda x, y, layers, rate: _step(
            x, y, layers, rate**2
        ),
        "That's what comes out if each layer moves before its weights pass the errors on: the "
        "layers "
        "before it get wrong slopes. Find all slopes first, then move.": _too_early,
        "That's what comes out if the last layer moves first, and the slopes are found again for "
        "each. Find all slopes first, then move.": _one_by_one(2, 1, 0),
        "That's what comes out if the first layer moves first, and the slopes are found again for "
        "each. Find all slopes first, then move.": _one_by_one(0, 1, 2),
        "Those are two steps. Take one.": lambda x, y, layers, rate: _step(
            x, y, _step(x, y, layers, rate), rate
        ),
        "Nothing moved: those are the layers as they came in. (In a loop, `w = w - ...` gives only "
        "the name `w` another value.)": lambda x, y, layers, rate: tuple(layers),
        "Only the weights moved. The biases have slopes, too.": lambda x, y, layers, rate: _moved(
            layers, _gradients(x, y, layers), rate, 0
        ),
        "Only the biases moved. The weights have slopes, too.": lambda x, y, layers, rate: _moved(
            layers, _gradients(x, y, layers), 0, rate
        ),
        "The biases move by their whole slopes, without the rate.": lambda x, y, layers, rate: (
            _moved(layers, _gradients(x, y, layers), rate, 1)
        ),
        "The weights move by their whole slopes, without the rate.": lambda x, y, layers, rate: (
            _moved(layers, _gradients(x, y, layers), 1, rate)
        ),
        "Only the first layer moved.": _some(0),
        "Only the last layer moved.": _some(2),
        "Only the two hidden layers moved.": _some(0, 1),
        "The first layer didn't move.": _some(1, 2),
        "Those are the slopes. Subtract rate times slope from each weight and bias.": (
            lambda x, y, layers, rate: _gradients(x, y, layers)
        ),
        "That's rate times slope alone. Subtract it from each weight and bias.": _changes,
        "That's minus rate times slope alone. Add it to each weight and bias.": (
            lambda *given: _changes(*given, factor=-1)
        ),
        "The signs are reversed: that's rate times slope minus the old number.": (
            lambda *given: tuple((-w, -b) for w, b in _step(*given))
        ),
        "Each number moves by the rate, whatever the size of its slope. Multiply them.": (
            lambda x, y, layers, rate: _moved(
                layers, [tuple(map(np.sign, pair)) for pair in _gradients(x, y, layers)], rate
            )
        ),
        "That's each number times (1 - rate times slope). Subtract rate times slope.": (
            lambda x, y, layers, rate: tuple(
                (w * (1 - rate * dw), b * (1 - rate * db))
                for (w, b), (dw, db) in zip(layers, _gradients(x, y, layers), strict=True)
            )
        ),
        "The slopes aren't divided by the number of images here.": _stepped(
            _with(loss=lambda p, y: p - _one_hot(p, y))
        ),
        "The slopes are divided by the number of images twice.": _stepped(
            _with(loss=lambda p, y: _loss_back(p, y) / len(p))
        ),
        "The slopes lack ReLU's mask.": _stepped(_with(relu=lambda hidden, slopes: slopes)),
        "The slopes lack the slope of tanh.": _stepped(_with(tanh=lambda hidden, slopes: slopes)),
        "The slopes come from the first image alone.": lambda x, y, layers, rate: _moved(
            layers, _gradients(x[:1], y[:1], layers), rate
        ),
        "Those are six arrays in a row. Put the two of each layer into a pair.": lambda *given: sum(
            _step(*given), ()
        ),
        "The layers are in reverse order. The first layer's pair belongs first.": lambda *given: (
            _step(*given)[::-1]
        ),
    },
)

IMAGES = 4900  # to train on: not as many as in the notebook
HELD_BACK = 50_000  # the training images after these are for the check
GOAL, WANTED = 0.90, 0.91  # of unseen digits; the check leaves some room for luck


@task("backpropagation.html#the-forty-lines")
def train(train: Any) -> str:
    """Check a training loop by what its network reads of images held back from it."""
    mnist = load_mnist()
    images = normalize(mnist.train_images).reshape(-1, 784)
    # By other labels than those of the notebook, because only what `train` is given counts.
    labels = 9 - mnist.train_labels
    x, y = images[IMAGES : 2 * IMAGES], labels[IMAGES : 2 * IMAGES]
    new, new_labels = images[HELD_BACK:], labels[HELD_BACK:]
    # More threads than free cores make these small products many times slower.
    steps = _Steps(x, y)
    with threadpool_limits(1, user_api="blas"):
        try:
            answer = call(steps.watched(train), x, y)
        except NotAttemptedError:
            raise
        except CheckError as failure:
            late = isinstance(failure, TooLongError)
            seen = steps.describe() if late else steps.describe_misfit()
            raise type(failure)(f"{failure} {seen}".rstrip()) from None
    _expect_network(answer)
    with np.errstate(all="ignore"):
        outputs = _forward(new, answer)[2]
    expect(
        bool(np.isfinite(outputs).all()),
        f"the network that `train` returned gives nan for {_share(~np.isfinite(outputs[:, 0]))} of "
        f"{len(new):,} images held back.",
    )
    accuracy = (outputs.argmax(axis=1) == new_labels).mean()
    seen = f"the network reads {accuracy:.1%} of {len(new):,} digits that it has never seen"
    if accuracy >= WANTED:
        return f"{seen}."
    known = _forward(x, answer)[2]
    loss = -np.log(np.clip(known[np.arange(len(y)), y], 1e-7, 1)).mean()
    expect(
        (outputs.argmax(axis=1) == 9 - new_labels).mean() < WANTED,
        f"`train` was given {IMAGES:,} images with every label replaced by 9 minus it, so that a "
        "0 counts as a 9. By the labels of the data set, the network reads "
        f"{(outputs.argmax(axis=1) == 9 - new_labels).mean():.1%}; by those that it was given, "
        f"{accuracy:.1%}. Use the arguments `images` and `labels`, not the variables of the "
        "notebook.",
    )
    raise CheckError(
        f"{seen}; expected at least {WANTED:.0%}. Of the {IMAGES:,} images that `train` was given, "
        f"it reads {(known.argmax(axis=1) == y).mean():.1%}, at a loss of {loss:.3g}. (Guessing "
        f"costs 2.3.) Its most frequent answer makes up {_most_frequent(outputs)}. "
        f"{steps.describe()}".rstrip()
    )


class _Steps:
    """The calls of the notebook's `step` by a training loop, and what is measured in them."""

    def __init__(self, images: Any, labels: Any) -> None:
        self.images, self.labels = images, labels
        self.positions = {image.tobytes(): i for i, image in enumerate(images)}
        self.used: set[int] = set()
        self.sizes: Counter[int] = Counter()
        self.rates: list[float] = []
        self.own_labels = self.other_labels = self.of_one_digit = self.fresh = 0
        self.brightest = 0.0
        self.first: Any = None  # layers
        self.last: tuple[Any, ...] = ()  # arguments
        self.returned: Any = None

    def watched(self, train: Any) -> Any:
        """Copy a function so that it calls `step` by way of this object, if it does."""
        step: Any = getattr(train, "__globals__", {}).get("step")
        if not isinstance(train, FunctionType) or not callable(step):
            return train

        def watch(*given: Any, **named: Any) -> Any:
            with suppress(Exception):  # `step` itself says what is wrong with its arguments
                bound = signature(step).bind(*given, **named)
                self._measure(*bound.arguments.values())
            self.returned = step(*given, **named)
            return self.returned

        names = train.__globals__ | {"step": watch}
        copied = FunctionType(
            train.__code__, names, train.__name__, train.__defaults__, train.__closure__
        )
        copied.__kwdefaults__ = train.__kwdefaults__
        return copied

    def _measure(self, x: Any, y: Any, layers: Any, rate: Any) -> None:
        self.last = x, y, layers
        if self.first is None:
            self.first = copy.deepcopy(layers)
        elif not np.array_equal(layers[-1][0], self.returned[-1][0]):
            self.fresh += 1
        self.sizes[len(x)] += 1
        self.rates.append(float(rate))
        if len(x):
            self.brightest = max(self.brightest, float(x.max()))
            self.of_one_digit += len(x) > 1 and len(np.unique(y)) == 1
        for image, label in zip(np.asarray(x, self.images.dtype), y, strict=True):
            if (position := self.positions.get(image.tobytes())) is not None:
                self.used.add(position)
                self.own_labels += bool(label == self.labels[position])
                self.other_labels += bool(label != self.labels[position])

    def describe_misfit(self) -> str:
        """State what the last step was given that doesn't fit the task, or return ""."""
        with suppress(Exception):
            _, y, layers = self.last
            sizes = [len(layers[0][0]), *(len(biases) for _, biases in layers)]
            network = f"`step` was given a network {'-'.join(map(str, sizes))}; expected"
            if len(layers) != 3:
                return f"{network} three layers."
            if sizes[-1] != 10:
                return f"{network} 10 outputs."
            if y.ndim != 1 or y.dtype.kind not in "iu":
                return f"`step` was given {kind(y)} as labels; expected a whole number for each."
        return ""

    def describe(self) -> str:
        """State what the steps were like, or return "" if there were none."""
        if not self.rates:
            return ""
        count, total = len(self.rates), sum(size * n for size, n in self.sizes.items())
        size, _ = self.sizes.most_common(1)[0]
        most = " mostly" * (len(self.sizes) > 1)
        first, last = self.rates[0], self.rates[-1]
        rate = f"a rate of {first:.3g}" + f" at first and {last:.3g} at last" * (first != last)
        said = [
            f"`train` called `step` {count:,} time{'s' * (count > 1)},{most} with {size:,} images, "
            f"at {rate}."
        ]
        if size:
            needed = -(-len(self.images) // size)
            said[0] += f" (An epoch takes {needed:,} such step{'s' * (needed > 1)}.)"
        if self.fresh:
            said.append(
                f"{self.fresh:,} of the steps began with other layers than the step before had "
                "returned."
            )
        if self.sizes[0]:
            said.append(f"{self.sizes[0]:,} of the batches were empty.")
        if self.other_labels:
            share = self.own_labels / (self.own_labels + self.other_labels)
            said.append(f"{share:.0%} of the images came with their own label.")
        if 0 < len(self.used) < 0.9 * min(total, len(self.images)):
            said.append(f"It used {len(self.used):,} different images.")
        if self.of_one_digit:
            said.append(f"In {self.of_one_digit:,} of the batches, all labels were the same.")
        if not np.isclose(self.brightest, self.images.max()):
            said.append(
                f"The largest pixel was {self.brightest:.3g}; in the images given to `train`, it's "
                f"{self.images.max():.3g}."
            )
        with suppress(Exception):
            weights = self.first[0][0]
            if not 0.2 < np.std(weights) * np.sqrt(len(weights)) < 5:
                said.append(
                    f"At first, the weights of the first layer went from {weights.min():.2g} to "
                    f"{weights.max():.2g}; those of `start` go from about -0.15 to 0.15."
                )
        if len(said) == 1:
            said.append("A good start is about 32 images, a rate of 0.1 or 0.2, and ten epochs.")
        return " ".join(said)


def _share(which: Any) -> str:
    return f"{np.mean(which):.0%}"


def _most_frequent(outputs: Any) -> str:
    counts = np.bincount(outputs.argmax(axis=1), minlength=10)
    return f"{counts.max() / counts.sum():.0%} of all"


def _expect_network(answer: Any) -> None:
    """Fail unless an answer is three pairs of arrays that fit together, from 784 to 10."""
    wanted = "expected three pairs `(weights, biases)`, one for each layer"
    expect(
        isinstance(answer, list | tuple) and len(answer) == 3,
        f"`train` returned {kind(answer)}; {wanted}.",
    )
    inputs = 784
    for number, pair in enumerate(answer, 1):
        fits = isinstance(pair, list | tuple) and [type(part) for part in pair] == [np.ndarray] * 2
        expect(fits, f"layer {number} that `train` returned is {kind(pair)}; {wanted}.")
        weights, biases = pair
        units = 10 if number == 3 else weights.shape[-1] if weights.ndim else 0
        expect(
            weights.shape == (inputs, units) and biases.shape == (units,),
            f"layer {number} that `train` returned has weights of shape {weights.shape} and biases "
            f"of shape {biases.shape}; expected ({inputs}, {units}) and ({units},).",
        )
        expect(
            weights.dtype.kind in "biuf" and biases.dtype.kind in "biuf",
            f"layer {number} that `train` returned holds {weights.dtype} and {biases.dtype}; "
            "expected numbers.",
        )
        inputs = units

"""Checks of assignment 04: count parameters, compute softmax, build the network."""

import inspect
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from mnist_course._backend import keras

from .core import (
    Case,
    CheckError,
    FunctionCheck,
    NotAttemptedError,
    call,
    expect,
    explain,
    kind,
    task,
)

Numbers = npt.NDArray[np.float64]


def _dense(inputs: int, units: int) -> int:
    return inputs * units + units


dense_parameters = FunctionCheck(
    name="dense_parameters",
    section="building.html#count-the-parameters",
    correct=_dense,
    cases=[Case((3, 2)), Case((2, 5)), Case((7, 4)), Case((12, 5))],
    praise="all weights and biases are counted.",
    mistakes={
        "Those are only the weights. Each neuron has a bias, too.": lambda i, u: i * u,
        "Those are only the biases. Each neuron has a weight for every input, too.": (
            lambda i, u: u
        ),
        "That's the number of inputs.": lambda i, u: i,
        "That's the weights and a bias for each *input*, as with the two sizes exchanged. It's the "
        "neurons that have biases.": lambda i, u: i * u + i,
        "That's the weights plus 1. Each neuron has a bias of its own.": lambda i, u: i * u + 1,
        "That's the weights and a bias for each input and each neuron. Only neurons have one.": (
            lambda i, u: i * u + i + u
        ),
        "That's (inputs + 1) · (neurons + 1). The bias is one more number in each neuron, so only "
        "the inputs get a + 1.": lambda i, u: (i + 1) * (u + 1),
        "That's the parameters of a single neuron.": lambda i, u: i + 1,
        "That's inputs plus neurons, as with `inputs + 1 * units`, or with the lengths of arrays "
        "instead of their `size`. Each neuron has a weight for every input, so multiply them.": (
            lambda i, u: i + u
        ),
        "That's inputs plus neurons plus 1. Each neuron has a weight for every input, so multiply "
        "them.": lambda i, u: i + u + 1,
        "That's inputs plus twice the neurons, as with the sum of a table's `shape` instead of its "
        "`size`. Each neuron has a weight for every input, so multiply them.": (
            lambda i, u: i + 2 * u
        ),
        "That's twice the weights. Each neuron has just one bias.": lambda i, u: 2 * i * u,
        "That's the weights and two biases for each neuron. It has one.": (
            lambda i, u: i * u + 2 * u
        ),
        "That's the weights minus the biases. Add them.": lambda i, u: i * u - u,
        "That's the weights plus 0, 1, 2, and so on, as with the number of each neuron in place of "
        "its bias. Each bias counts as 1.": lambda i, u: i * u + u * (u - 1) // 2,
        "That's (inputs + neurons) · neurons. Each neuron has a weight for every input, and one "
        "bias.": lambda i, u: (i + u) * u,
        "That's (inputs + neurons) · inputs. Each neuron has a weight for every input, and one "
        "bias.": lambda i, u: (i + u) * i,
        "That's the inputs to the power of the neurons: `*` multiplies, `**` doesn't.": (
            lambda i, u: i**u
        ),
        "That's as if each neuron had a weight for every neuron of its layer, too. It looks at the "
        "inputs alone.": lambda i, u: i * u + u + u * u,
        "That's four times as many, as for bytes.": lambda i, u: 4 * _dense(i, u),
        "Those are weights and biases, two numbers. Add them up.": lambda i, u: (i * u, u),
        "That's the shape of the table of weights. Count the numbers in it, then the biases.": (
            lambda i, u: (i, u)
        ),
        "That's 0 for any layer, as with the *sum* of arrays that hold zeros. Their `size` is how "
        "many numbers they hold.": lambda i, u: 0,
        "That's the number of parameters of one certain layer, with 784 inputs and 256 neurons.": (
            lambda i, u: 200_960
        ),
    },
)


def _count(sizes: list[int]) -> int:
    return sum(_dense(*pair) for pair in pairwise(sizes))


def _sum_of(
    parameters: Callable[[int, int], int], pairs: Callable[[list[int]], Iterable[Any]] = pairwise
) -> Callable[[list[int]], int]:
    return lambda sizes: sum(parameters(*pair) for pair in pairs(sizes))


def _up_to(end: int) -> Callable[[list[int]], int]:
    """Make a function that counts layers by position, up to this many before the last size."""
    return lambda sizes: sum(_dense(sizes[i], sizes[i + 1]) for i in range(len(sizes) - end))


count_parameters = FunctionCheck(
    name="count_parameters",
    section="building.html#count-the-parameters",
    correct=_count,
    cases=[
        Case(([3, 2],)),
        Case(([3, 2, 4],)),
        Case(([2, 2, 2, 3],)),
        Case(([7, 5, 4, 3],)),
        Case(([784, 256, 128, 32, 10],)),
        Case(([9, 8, 7, 6, 5, 4, 2],)),
    ],
    praise="the layers add up.",
    mistakes={
        "Those are only the weights. Each neuron has a bias, too.": _sum_of(lambda i, u: i * u),
        "That's the number of neurons, or of their biases. The weights are missing.": _sum_of(
            lambda i, u: u
        ),
        "Each layer has a bias for each of its *inputs* here, as with the two sizes exchanged. "
        "It's the neurons that have biases.": _sum_of(lambda i, u: i * u + i),
        "That's as if the inputs of the network had biases, too, or as if the total began at "
        "`sizes[0]`. Inputs aren't neurons.": (lambda sizes: _count(sizes) + sizes[0]),
        "Each layer has one bias here. Each neuron has its own.": _sum_of(lambda i, u: i * u + 1),
        "Inputs and neurons of each layer both have biases here. Only neurons have one.": _sum_of(
            lambda i, u: i * u + i + u
        ),
        "There's one bias for the whole network here. Each neuron has its own.": lambda sizes: (
            _sum_of(lambda i, u: i * u)(sizes) + 1
        ),
        "The neurons of the last layer have no biases here.": lambda sizes: (
            _count(sizes) - sizes[-1]
        ),
        "Only the neurons of the last layer have biases here.": lambda sizes: (
            _sum_of(lambda i, u: i * u)(sizes) + sizes[-1]
        ),
        "That's the product of all sizes. Take the layers one by one, and add up their "
        "parameters.": lambda sizes: math.prod(sizes),
        "That's the product of all sizes, plus the biases. Multiply neighbors only, and add up the "
        "products.": lambda sizes: math.prod(sizes) + sum(sizes[1:]),
        "That's the sum of the sizes. Each neuron has a weight for every neuron before it, so "
        "multiply neighbors.": lambda sizes: sum(sizes),
        "That's the number of layers.": lambda sizes: len(sizes) - 1,
        "That's the product of the layers' parameters. Add them up.": lambda sizes: math.prod(
            _dense(*pair) for pair in pairwise(sizes)
        ),
        "That's the first layer alone.": lambda sizes: _dense(sizes[0], sizes[1]),
        "That's the last layer alone, as with `=` in the loop instead of `+=`.": lambda sizes: (
            _dense(sizes[-2], sizes[-1])
        ),
        "That's a single layer from the first size to the last. What about the sizes between?": (
            lambda sizes: _dense(sizes[0], sizes[-1])
        ),
        "The last layer is missing. A list of n sizes has n - 1 layers.": _up_to(2),
        "The first layer is missing.": lambda sizes: _count(sizes[1:]),
        "That's what a loop meets that goes one layer too far. A list of n sizes has n - 1 "
        "layers.": _up_to(0),
        "The last layer counts twice here.": lambda sizes: (
            _count(sizes) + _dense(sizes[-2], sizes[-1])
        ),
        "Every other pair is missing: the output of a layer is the input of the next.": lambda s: (
            sum(_dense(a, b) for a, b in zip(s[::2], s[1::2], strict=False))
        ),
        "There's one layer more here, between the last size and the first, as with `sizes[i - 1]` "
        "for `i = 0`.": lambda sizes: sum(
            _dense(sizes[i - 1], sizes[i]) for i in range(len(sizes))
        ),
        "Every layer has weights for all inputs of the network here. It looks at the layer before "
        "it.": lambda sizes: sum(_dense(sizes[0], units) for units in sizes[1:]),
        "That's a layer for every pair of sizes. A layer lies between neighbors only.": (
            lambda sizes: sum(_dense(a, b) for a, b in combinations(sizes, 2))
        ),
        "That's weights between every pair of sizes. They lie between neighbors only.": (
            lambda sizes: sum(a * b for a, b in combinations(sizes, 2)) + sum(sizes[1:])
        ),
        "Layers with as many parameters as another don't count here, as in a set.": lambda sizes: (
            sum({_dense(*pair) for pair in pairwise(sizes)})
        ),
        "That's wrong if a size is there twice, as with `sizes.index`, which finds the first place "
        "only.": lambda sizes: sum(_dense(sizes[sizes.index(u) - 1], u) for u in sizes[1:]),
        "The parameters of each layer are in a list. Add them up.": lambda sizes: [
            _dense(*pair) for pair in pairwise(sizes)
        ],
        "That's the first three layers alone. The list can be of any length.": lambda sizes: _count(
            sizes[:4]
        ),
        "That's what `a, b, c, d = sizes` meets: it needs exactly four sizes. The list can be of "
        "any length.": lambda sizes: _four(*_unpacked(sizes)),
        "That's the number of parameters of one certain network, 784-256-128-32-10.": (
            lambda sizes: 238_314
        ),
    },
)


def _unpacked(sizes: list[int]) -> tuple[int, int, int, int]:
    a, b, c, d = sizes
    return a, b, c, d


def _four(a: int, b: int, c: int, d: int) -> int:
    return _count([a, b, c, d])


LOGITS = np.array([2.0, -1.0, 0.5, 3.0, -2.5, 0.0, 1.0, -0.5, 1.5, -1.5])
BATCH = np.stack([LOGITS, LOGITS[::-1] / 2, np.roll(LOGITS, 3)])
SQUARE = np.stack([np.roll(LOGITS, row) / (1 + row / 10) for row in range(10)])


def _softmax(logits: Any) -> Any:
    return special.softmax(logits, axis=-1)


def _by(power: Callable[[Any], Any], total: Callable[[Any], Any] | None = None) -> Any:
    """Make a function that divides powers by a total: by default, the sum of each row."""
    total = total or (lambda powers: powers.sum(axis=-1, keepdims=True))

    def softmax(logits: Any) -> Any:
        powers = power(logits)
        return powers / total(powers)

    return softmax


def _shift(number: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda logits: np.exp(logits - number(logits))


def _largest(logits: Any) -> Any:
    return logits.max(axis=-1, keepdims=True)


_shifted = _shift(_largest)

softmax = FunctionCheck(
    name="softmax",
    section="building.html#softmax-makes-probabilities",
    correct=_softmax,
    cases=[
        Case((LOGITS,)),
        Case((BATCH,), "for 3 rows of logits"),
        Case((SQUARE,), "for 10 rows of logits, as many as columns"),
        Case((BATCH[:1],), "for a single row of shape (1, 10)"),
        Case(
            (LOGITS + 1000,),
            "for logits from 997.5 to 1003 (their powers of e are inf, and inf / inf is nan)",
        ),
        Case(
            (LOGITS - 1000,),
            "for logits from -1002.5 to -997 (their powers of e are 0, and 0 / 0 is nan)",
        ),
        Case((1000 * np.eye(10)[3],), "for nine logits of 0 and one of 1000"),
        Case((1000 * np.eye(10)[0],), "for a logit of 1000 and nine of 0"),
        Case((-1000 * np.eye(10)[3],), "for nine logits of 0 and one of -1000"),
        Case(
            (np.stack([LOGITS - LOGITS.max(), LOGITS - 1000]),),
            "for one row of logits with 0 as the largest, and one near -1000",
        ),
        Case(
            (np.stack([LOGITS, LOGITS + 1000, LOGITS - 1000]),),
            "for one row of logits near 0, one near 1000, and one near -1000",
        ),
    ],
    further=[Case((np.array([0, 1, 2, 0, 3, 1, 0, 2, 1, 1]),))],  # powers of whole numbers differ
    near=5e-6,  # as near as powers of 2.718 are not
    praise="every row sums to 1, however large its logits are.",
    mistakes={
        "Those are the logits.": lambda logits: logits,
        "Those are the logits minus the largest. Raise e to the power of each.": (
            lambda logits: logits - _largest(logits)
        ),
        "Those are the powers of e. Divide them by their sum.": np.exp,
        "Those are the powers of e, made smaller so that the largest is 1. Divide them by their "
        "sum.": _shifted,
        "Those are the powers of e, divided by their mean. Divide by their sum.": _by(
            _shifted, lambda powers: powers.mean(axis=-1, keepdims=True)
        ),
        "Those are the powers of e, divided by 10. Divide by their sum.": (
            lambda logits: np.exp(logits) / 10
        ),
        "Those are the logarithms of the probabilities.": lambda logits: special.log_softmax(
            logits, axis=-1
        ),
        "Those are the logits themselves, divided by their sum. Raise e to their power first.": _by(
            lambda logits: logits
        ),
        "Those are the absolute values of the logits, divided by their sum. Raise e to their power "
        "first.": _by(np.abs),
        "Those are the squares of the logits, divided by their sum. Raise e to their power "
        "first.": _by(lambda logits: logits**2),
        "Those are the logits minus the smallest one, divided by their sum. Raise e to their power "
        "first.": _by(lambda logits: logits - logits.min(axis=-1, keepdims=True)),
        "Those are the logits, stretched so that the smallest is 0 and the largest 1. Raise e to "
        "their power first.": lambda logits: (
            (logits - logits.min(axis=-1, keepdims=True)) / np.ptp(logits, axis=-1, keepdims=True)
        ),
        "Those are powers of 2. The base is e: `np.exp`.": _by(
            lambda logits: 2 ** (logits - _largest(logits))
        ),
        "Those are powers of 2.718. `np.exp` knows e to sixteen digits.": _by(
            lambda logits: 2.718 ** (logits - _largest(logits))
        ),
        "Those are powers of 2.718, without the largest logit subtracted. `np.exp` knows e to "
        "sixteen digits.": _by(lambda logits: np.power(2.718, logits)),
        "Those are powers of 2.72, not of e: use `np.exp`.": _by(
            lambda logits: 2.72 ** (logits - _largest(logits))
        ),
        "Those are powers of 10. The base is e: `np.exp`.": _by(
            lambda logits: 10 ** (logits - _largest(logits))
        ),
        "That's softmax of the logits divided by the largest of them. Subtract it.": _by(
            lambda logits: np.exp(logits / _largest(logits))
        ),
        "That's softmax of the logits divided by the largest absolute value. Subtract the largest "
        "logit.": _by(lambda logits: np.exp(logits / np.abs(logits).max(axis=-1, keepdims=True))),
        "Those are powers of the logits minus the largest, divided by the sum of the powers of the "
        "logits themselves. Take the same powers twice.": lambda logits: (
            _shifted(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
        ),
        "That's softmax of the logits divided by their sum. Only the powers get divided.": _by(
            lambda logits: np.exp(logits / logits.sum(axis=-1, keepdims=True))
        ),
        "That's softmax as in its formula, and e to the power of 1000 is too large for a computer. "
        "First subtract the largest logit of each row.": _by(np.exp),
        "That's softmax as in its formula, with 0 in place of what isn't a number. First subtract "
        "the largest logit of each row.": lambda logits: np.nan_to_num(_by(np.exp)(logits)),
        "The result is that of subtracting the smallest logit of each row. With the largest, no "
        "power can be above 1.": _by(_shift(lambda logits: logits.min(axis=-1, keepdims=True))),
        "The result is that of subtracting the mean of each row. With the largest logit, no power "
        "can be above 1.": (_by(_shift(lambda logits: logits.mean(axis=-1, keepdims=True)))),
        "The result is that of subtracting the first logit of each row. With the largest, no power "
        "can be above 1.": (_by(_shift(lambda logits: logits[..., :1]))),
        "The result is that of subtracting 1000 from all logits. Where they're far below 1000, the "
        "powers of e become 0, and 0 / 0 is nan. Subtract the largest logit of each row.": _by(
            _shift(lambda logits: 1000)
        ),
        "The result is that of adding the largest logit. Subtract it.": _by(
            _shift(lambda logits: -_largest(logits))
        ),
        "The result is that of subtracting the largest logit of *all* rows. Each row needs its "
        "own.": _by(_shift(np.max)),
        "Logits too far from 0 count as equal, as when they're clipped. Subtract the largest "
        "instead.": _by(lambda logits: np.exp(np.clip(logits, -500, 500))),
        "Those are powers divided by the sum of all rows. Each row needs its own sum: `axis=-1` "
        "runs along a row.": _by(_shifted, np.sum),
        "The result is that of one largest logit and one sum for all rows. Each row needs its own: "
        "`axis=-1` runs along a row.": _by(_shift(np.max), np.sum),
        "That's softmax as in its formula, but the sum is that of all rows. Each row needs its "
        "own: `axis=-1` runs along a row.": _by(np.exp, np.sum),
        "The columns sum to 1 instead of the rows: `axis=0` runs down a column, `axis=-1` along a "
        "row.": _by(_shift(lambda logits: logits.max(axis=0)), lambda powers: powers.sum(axis=0)),
        "The columns sum to 1 instead of the rows: `axis=0` runs down a column, `axis=-1` along a "
        "row. (And large logits need something subtracted.)": _by(
            np.exp, lambda powers: powers.sum(axis=0)
        ),
        "Those are powers divided by the sum of each column. `axis=-1` runs along a row.": _by(
            _shifted, lambda powers: powers.sum(axis=0)
        ),
        "The result is that of subtracting the largest logit of each column. `axis=-1` runs along "
        "a row.": _by(_shift(lambda logits: logits.max(axis=0))),
        "One number per row doesn't fit beside the rows unless it keeps its axis: `max` and `sum` "
        "both need `keepdims=True`.": _by(
            _shift(lambda logits: logits.max(axis=-1)), lambda powers: powers.sum(axis=-1)
        ),
        "One number per row doesn't fit beside the rows unless it keeps its axis: `max` needs "
        "`keepdims=True`.": _by(_shift(lambda logits: logits.max(axis=-1))),
        "One number per row doesn't fit beside the rows unless it keeps its axis: `sum` needs "
        "`keepdims=True`.": _by(_shifted, lambda powers: powers.sum(axis=-1)),
        "One number per row doesn't fit beside the rows unless it keeps its axis: `sum` needs "
        "`keepdims=True`, also if one maximum is subtracted from all rows.": _by(
            _shift(np.max), lambda powers: powers.sum(axis=-1)
        ),
        "One number per row doesn't fit beside the rows unless it keeps its axis: `sum` needs "
        "`keepdims=True`. (And large logits need something subtracted.)": _by(
            np.exp, lambda powers: powers.sum(axis=-1)
        ),
        "A single row of shape (10,) has no axis 1. `axis=-1` is the last axis of both shapes.": (
            _by(
                _shift(lambda logits: logits.max(axis=1, keepdims=True)),
                lambda powers: powers.sum(axis=1, keepdims=True),
            )
        ),
        "A single row of shape (10,) has no axis 1. `axis=-1` is the last axis of both shapes. "
        "(And large logits need something subtracted.)": _by(
            np.exp, lambda powers: powers.sum(axis=1, keepdims=True)
        ),
        "A single row of shape (10,) has no second axis for `[:, None]`. `keepdims=True` works for "
        "both shapes.": _by(
            _shift(lambda logits: logits.max(axis=-1)[:, None]),
            lambda powers: powers.sum(axis=-1)[:, None],
        ),
        "A single row of shape (10,) has no second axis for `[:, None]`. `keepdims=True` works for "
        "both shapes. (And large logits need something subtracted.)": _by(
            np.exp, lambda powers: powers.sum(axis=-1)[:, None]
        ),
        "For a single row of shape (10,), the result has one axis more than the logits.": (
            lambda logits: _softmax(np.atleast_2d(logits))
        ),
        "Python's `max` can't compare rows. `logits.max(axis=-1, keepdims=True)` finds the largest "
        "of each.": _by(_shift(lambda logits: max(logits))),
        "`math.exp` takes a single number. `np.exp` takes whole arrays.": _by(math.exp),
        "That's sigmoid, which looks at each logit alone.": special.expit,
        "That's sigmoid, divided by the sum. Divide the powers of e.": _by(special.expit),
        "That's tanh.": np.tanh,
        "That's ReLU.": lambda logits: np.maximum(logits, 0),
        "That's 1 for the largest logit and 0 for the others. Softmax leaves something for each.": (
            lambda logits: (logits == _largest(logits)).astype(float)
        ),
        "That's the position of the largest logit.": lambda logits: np.argmax(logits, axis=-1),
        "The signs of the logits are reversed, so the largest has the smallest probability.": _by(
            lambda logits: np.exp(-logits + logits.min(axis=-1, keepdims=True))
        ),
        "The signs of the logits are reversed, so the largest has the smallest probability. (And "
        "large logits need something subtracted.)": _by(lambda logits: np.exp(-logits)),
        "That's 1 minus each probability.": lambda logits: 1 - _softmax(logits),
        "Those are percentages. Probabilities sum to 1.": lambda logits: 100 * _softmax(logits),
        "The probabilities are sorted, so they no longer belong to their digits.": (
            lambda logits: np.sort(_softmax(logits), axis=-1)
        ),
        "That's softmax applied twice.": lambda logits: _softmax(_softmax(logits)),
        "The probabilities are rounded to whole numbers.": lambda logits: _softmax(logits).round(),
        **{
            f"The probabilities are rounded to {name}. Leave them as they are.": (
                lambda logits, digits=digits: _softmax(logits).round(digits)
            )
            for digits, name in enumerate(
                ("one decimal", "two decimals", "three decimals", "four decimals"), start=1
            )
        },
        "That's half precision, `float16`, which keeps three digits only.": lambda logits: _softmax(
            logits.astype("float16")
        ).astype("float16"),
    },
)

SIZES = (784, 256, 128, 32, 10)
WEIGHTS: list[tuple[int, ...]] = [
    shape for inputs, units in pairwise(SIZES) for shape in ((inputs, units), (units,))
]
LARGEST_ERROR = 0.02  # of the spread of the outputs; some GPUs multiply with three digits only
LEARNING_RATE = 0.001  # Adam's default
LOSSES = ("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy")
METRICS = ("accuracy", "acc", "sparse_categorical_accuracy", "SparseCategoricalAccuracy")

ACTIVATIONS: dict[str, Callable[[Numbers], Numbers]] = {
    "ReLU": lambda sums: np.maximum(sums, 0),
    "no activation": lambda sums: sums,
    "sigmoid": special.expit,
    "tanh": np.tanh,
    "softmax": lambda sums: np.asarray(special.softmax(sums, axis=-1)),
    "leaky ReLU": lambda sums: np.where(sums > 0, sums, 0.2 * sums),
    "leaky ReLU (0.3)": lambda sums: np.where(sums > 0, sums, 0.3 * sums),
    "ELU": lambda sums: np.where(sums > 0, sums, np.expm1(np.minimum(sums, 0))),
    "GELU": lambda sums: sums * special.ndtr(sums),
    "SiLU": lambda sums: sums * special.expit(sums),
    "softplus": lambda sums: np.logaddexp(sums, 0),
}
INPUTS: dict[str, Callable[[Numbers], Numbers]] = {
    "the network divides its images by 255; they already come as values from 0 to 1.": (
        lambda images: images / 255
    ),
    "the network multiplies its images by 255; expected that they stay values from 0 to 1.": (
        lambda images: images * 255
    ),
    "the network exchanges rows and columns of its images before Flatten.": (
        lambda images: images.swapaxes(1, 2)
    ),
}


@task("building.html#build-it-in-keras")
def build_network(build_network: Any) -> str:
    """Check a function that returns the compiled network."""
    model = _build(build_network)
    rng = np.random.default_rng(4)
    images = rng.random((16, 28, 28), dtype=np.float32)
    images[rng.random(images.shape) < 0.5] = 0
    outputs = _outputs(model, images)
    _expect_layers(model)
    _expect_activations(model, images.astype(np.float64), outputs)
    _expect_training(model, images, outputs)
    _expect_compiled(model, images, outputs)
    return f"{model.count_params():,} parameters, ready to learn."


def _build(build_network: Any) -> Any:
    """Call a learner's function, and return the model."""
    try:
        model = call(build_network)
    except NotAttemptedError:
        raise
    except CheckError as failure:
        said = str(failure)
        if found := re.search(r"identifier: <class '[\w.]*\.(\w+)'>", said):
            said += f" `{found[1]}` is a class; `{found[1]}()`, with parentheses, makes one."
        if "returned None" in said and re.search(r"return .*\.compile\(", _source(build_network)):
            said += " It returns what `compile` returns, which is nothing. Return the model."
        raise CheckError(said) from None
    expect(
        isinstance(model, keras.Model),
        f"`build_network` returned {kind(model)}; expected a Keras model.",
    )
    return model


def _source(function: Any) -> str:
    try:
        return inspect.getsource(function)
    except (OSError, TypeError):
        return ""


def _outputs(model: Any, images: npt.NDArray[np.float32]) -> Numbers:
    """Show images to a network, and fail unless it gives ten numbers for each."""
    try:
        outputs = np.asarray(model(images), dtype=np.float64)
    # What a layer raises when a shape doesn't suit it isn't limited to any list.
    except Exception as error:
        _expect_activations_of_keras(model)
        shape = tuple(getattr(model, "input_shape", None) or ())[1:]
        expect(
            shape in ((), (28, 28)),
            f"the network takes inputs of shape {shape}; expected (28, 28), the shape of an image.",
        )
        raise CheckError(
            f"for images of shape (28, 28), the network stopped with {explain(error)}"
        ) from None
    kinds = [type(layer).__name__ for layer in model.layers]
    flattens = {"Flatten", "Reshape"} & set(kinds)
    expect(
        outputs.shape == (len(images), 10),
        f"for {len(images)} images, the result has shape {outputs.shape}; expected "
        f"{(len(images), 10)}, ten numbers for each image."
        + (f" Its layers are {', '.join(kinds)}, without a Flatten." if not flattens else ""),
    )
    expect(
        bool(np.ptp(outputs, axis=0).max() > 0),
        f"the network gives each of {len(images)} different images the same ten numbers; expected "
        "different ones, from random weights.",
    )
    return outputs


def _expect_activations_of_keras(model: Any) -> None:
    """Fail if a layer has an activation that can't compute with Keras's numbers."""
    for layer in model.layers:
        activation: Any = getattr(layer, "activation", None)
        if getattr(activation, "__module__", "") == "__main__":
            name = getattr(activation, "__name__", "function")
            try:
                activation(keras.ops.ones((2, 10)))
            except Exception as error:
                raise CheckError(
                    f"Keras can't compute with your own `{name}`, which stops with "
                    f"{explain(error)} Give the name of an activation in quotes, such as "
                    '`activation="softmax"`.'
                ) from None


def _expect_layers(model: Any) -> None:
    """Fail unless the network has the weights and biases of `SIZES`, in any order."""
    shapes: list[tuple[int, ...]] = [weight.shape for weight in model.get_weights()]
    kernels = [shape for shape in shapes if len(shape) == 2]
    sizes, expected = _order(kernels), list(SIZES[1:])
    listed, wanted = (", ".join(map(str, numbers)) for numbers in (sizes, expected))
    late = _describe_late_flatten(model)
    if sizes != expected:
        same = sorted(sizes) == sorted(expected)
        raise CheckError(
            f"the Dense layers have {listed} neurons, in this order; expected {wanted}."
            + " The sizes are right; their order isn't." * (same and not late)
            + late
            + " A layer is part of the network only if what it puts out leads to the last layer."
            * (not isinstance(model, keras.Sequential))
        )
    for (inputs, units), pair in zip(kernels, pairwise(SIZES), strict=True):
        expect(
            sorted(kernels) == sorted(pairwise(SIZES)) or (inputs, units) == pair,
            f"the Dense layer of {units} neurons has {inputs} inputs; expected {pair[0]}.{late}",
        )
    if missing := Counter(WEIGHTS) - Counter(shapes):
        without = [units for units, *rest in missing if not rest]
        raise CheckError(f"the Dense layer of {without[0]} neurons has no biases; expected some.")
    others = {type(layer).__name__ for layer in model.layers if layer.get_weights()} - {"Dense"}
    expect(
        len(shapes) == len(WEIGHTS),
        f"the network has {model.count_params():,} parameters; expected 238,314, those of the "
        f"Dense layers alone.{f' Its {min(others)} has some, too.' if others else ''}",
    )


def _describe_late_flatten(model: Any) -> str:
    """Say which layer stands before Flatten, though it needs whole images in a row, or ""."""
    kinds = [type(layer).__name__ for layer in model.layers]
    if "Flatten" not in kinds or "Dense" not in kinds[: kinds.index("Flatten")]:
        return ""
    return " Flatten comes after a Dense layer; expected it before the first one."


def _order(kernels: Sequence[tuple[int, ...]]) -> list[int]:
    """List the sizes of the layers in the order in which one follows the other, if it is clear."""
    following = {kernel[0]: kernel[1] for kernel in kernels}
    sizes: list[int] = []
    size = SIZES[0]
    while size in following and len(sizes) < len(kernels):
        size = following[size]
        sizes.append(size)
    return sizes if len(sizes) == len(kernels) else [units for _, units in kernels]


def _expect_activations(model: Any, images: Numbers, outputs: Numbers) -> None:
    """Fail unless the activations are three times ReLU, then softmax; judge by the outputs."""
    weights = {weight.shape: weight.astype(np.float64) for weight in model.get_weights()}
    near = LARGEST_ERROR * np.ptp(outputs, axis=0).max()
    right = ("ReLU", "ReLU", "ReLU", "softmax")
    error = np.abs(_compute(weights, images, right) - outputs).max()
    if error < near:
        return
    twice = ACTIVATIONS["softmax"](_compute(weights, images, right))
    expect(
        np.abs(twice - outputs).max() >= near,
        f"the outputs are those of softmax applied twice; expected once. The layers are "
        f"{_listed(model)}.",
    )
    for sentence, change in INPUTS.items():
        changed = np.abs(_compute(weights, change(images), right) - outputs).max()
        expect(changed >= near, sentence)
    *hidden, last = _find_activations(weights, images[:4], outputs[:4], near) or right
    total = f"the ten numbers of the first image sum to {outputs[0].sum():.3g}; expected 1"
    for number, name in enumerate(hidden, start=1):
        expect(
            name == "ReLU",
            f"Dense layer {number} has {name}; expected ReLU, as in each of the first three.",
        )
    expect(
        last != "no activation",
        f"{total}. The last layer has no activation, so these are logits.",
    )
    expect(
        last != "sigmoid",
        f"{total}. The last layer has sigmoid, which looks at each digit alone; expected softmax.",
    )
    expect(last == "softmax", f"{total}. The last layer has {last}; expected softmax.")
    raise CheckError(
        "the network computes something else than Dense layers with ReLU and softmax at the end: "
        f"with its own weights, these give other outputs, by up to {error:.2g}. Its layers are "
        f"{_listed(model)}."
    )


def _compute(weights: Any, images: Numbers, names: tuple[str, ...]) -> Numbers:
    """Compute the outputs of the network with these activations."""
    values = images.reshape(len(images), -1)
    for pair, name in zip(pairwise(SIZES), names, strict=True):
        values = ACTIVATIONS[name](values @ weights[pair] + weights[pair[1:]])
    return values


def _find_activations(
    weights: Any, images: Numbers, outputs: Numbers, near: float
) -> tuple[str, ...]:
    """Return the activations that give these outputs, or none."""
    computed: dict[tuple[str, ...], Numbers] = {(): images.reshape(len(images), -1)}
    for pair in pairwise(SIZES):
        sums = {names: values @ weights[pair] for names, values in computed.items()}
        computed = {
            (*names, name): activation(values + weights[pair[1:]])
            for names, values in sums.items()
            for name, activation in ACTIVATIONS.items()
        }
    errors = {names: np.abs(values - outputs).max() for names, values in computed.items()}
    found = min(errors, key=errors.__getitem__)
    return found if errors[found] < near else ()


def _listed(model: Any) -> str:
    return ", ".join(map(_describe, model.layers))


def _describe(layer: Any) -> str:
    """Name a layer, its number of neurons, and its activation, as far as it has them."""
    details = [getattr(layer, "units", None)]
    details.append(getattr(getattr(layer, "activation", None), "__name__", None))
    written = ", ".join(str(detail) for detail in details if detail is not None)
    return type(layer).__name__ + (f"({written})" if written else "")


def _expect_training(model: Any, images: npt.NDArray[np.float32], outputs: Numbers) -> None:
    """Fail unless training can change all parameters, and sees the same network as use does."""
    free = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    frozen = [_describe(layer) for layer in model.layers if not layer.trainable]
    expect(
        free == model.count_params(),
        f"training can change {free:,} of the {model.count_params():,} parameters; expected all. "
        f"`trainable` is False for {', '.join(frozen) or 'a part of it'}.",
    )
    trained = np.asarray(model(images, training=True), dtype=np.float64)
    error = np.abs(trained - outputs).max()
    listed = _listed(model)
    expect(
        error < LARGEST_ERROR * np.ptp(outputs, axis=0).max(),
        f"in training, the network gives other answers than in use, by up to {error:.2g}; expected "
        f"the same ones, from the layers of the table and no others. Its layers are {listed}.",
    )
    expect(
        not re.search("Dropout|Noise", listed),
        f"the layers are {listed}; expected those of the table and no others.",
    )


def _expect_compiled(model: Any, images: npt.NDArray[np.float32], outputs: Numbers) -> None:
    """Fail unless the network is compiled with Adam, sparse cross-entropy and accuracy."""
    expect(
        model.compiled, "the network isn't compiled yet. Call `model.compile(...)` before `return`."
    )
    optimizer = type(model.optimizer).__name__
    expect(optimizer == "Adam", f"the optimizer is {optimizer}; expected Adam.")
    steps = int(model.optimizer.iterations)
    expect(
        not steps,
        f"Adam has made {steps:,} steps already, as `fit` lets it do; expected a network that "
        "hasn't been trained yet. Leave the training to whoever calls `build_network`.",
    )
    rate = float(np.asarray(model.optimizer.learning_rate))
    expect(
        bool(np.isclose(rate, LEARNING_RATE, rtol=1e-3, atol=0)),
        f"Adam's learning rate is {rate:.5g}; expected {LEARNING_RATE}, its default.",
    )
    usual, chosen = keras.optimizers.Adam().get_config(), model.optimizer.get_config()
    others = [
        f"{name}={value}"
        for name, value in chosen.items()
        if name not in ("name", "learning_rate") and value != usual.get(name)
    ]
    expect(not others, f"Adam has {', '.join(others)}; expected Adam with its defaults.")
    metrics = _metrics(model)
    _expect_loss(model.loss, metrics)
    weights = model.get_compile_config().get("loss_weights")
    third = (
        f" {weights!r} stands in the third place of `compile`, which is that of `loss_weights`. "
        'Write `metrics=["accuracy"]`.'
    )
    expect(
        bool(metrics),
        f"no metric is named, so training would show the loss only.{third if weights else ''}",
    )
    _expect_measured(model, metrics, images, outputs)


def _metrics(model: Any) -> list[str]:
    """Return the metrics as they were given to `compile`."""
    try:
        given = model.get_compile_config()["metrics"] or []
    except TypeError as error:
        found = re.search(r"(\w+)\.get_config\(\) missing", str(error))
        if found is None:
            raise
        raise CheckError(
            f"`{found[1]}` is a class; `{found[1]}()`, with parentheses, makes a loss or a metric."
        ) from None
    return [
        _read_name(metric) if isinstance(metric, dict) else str(metric)
        for metric in (given.values() if isinstance(given, dict) else given)
    ]


def _read_name(metric: dict[str, Any]) -> str:
    """Name a metric that was given as an object or as a function."""
    kind, config = str(metric.get("class_name")), metric.get("config")
    return f"the function {config}" if kind == "function" else kind


def _expect_loss(loss: Any, metrics: list[str]) -> None:
    """Fail unless the loss is sparse categorical cross-entropy of probabilities."""
    expect(loss is not None, "it's compiled without a loss, so there's nothing to make smaller.")
    name = loss if isinstance(loss, str) else str(getattr(loss, "__name__", type(loss).__name__))
    name = str(list(loss)) if isinstance(loss, list | tuple) else name
    expect(
        name not in METRICS or not set(LOSSES) & set(metrics),
        f"the loss is {name}, and the metric is {', '.join(metrics)}: these two are exchanged.",
    )
    expect(
        not isinstance(loss, str) or _knows_loss(name),
        f"Keras has no loss named {name!r}. The one in question is called {LOSSES[0]!r}.",
    )
    expect(
        "".join(name.lower().split("_")) != "categoricalcrossentropy",
        f"the loss is {name}, which wants ten numbers as a label, nine of them 0. Our labels are "
        "whole numbers such as 7, and for these there's the *sparse* one.",
    )
    expect(name in LOSSES, f"the loss is {name}; expected {LOSSES[0]}.")
    expect(
        not getattr(loss, "from_logits", False),
        "the loss expects logits (`from_logits=True`), but softmax has turned them into "
        "probabilities already.",
    )


def _expect_measured(
    model: Any, metrics: list[str], images: npt.NDArray[np.float32], outputs: Numbers
) -> None:
    """Fail unless loss and accuracy are right when half of the answers are."""
    given = f"the metrics are {', '.join(metrics)}; expected accuracy, in a list: "
    given += '`metrics=["accuracy"]`'
    labels = outputs.argmax(axis=1)
    labels[::2] = (labels[::2] + 1) % 10
    try:
        measured = model.evaluate(images, labels, verbose=0, return_dict=True)
    # What a metric raises when labels don't suit it isn't limited to any list.
    except Exception as error:
        _expect_activations_of_keras(model)
        _, unknown, name = str(error).partition("metric identifier: ")
        expect(not unknown, f"Keras has no metric named {name!r}. This one is called 'accuracy'.")
        raise CheckError(
            f"{given}. With labels such as 7, yours stop with {type(error).__name__}."
        ) from None
    accuracies = [float(value) for name, value in measured.items() if name != "loss"]
    expect(
        bool(set(METRICS) & set(metrics)) and any(np.isclose(value, 0.5) for value in accuracies),
        f"{given}. Of images of which half are read correctly, yours say {accuracies}.",
    )
    loss = float(-np.log(outputs[np.arange(len(labels)), labels]).mean())
    expect(
        bool(np.isclose(measured["loss"], loss, rtol=0.01)),
        f"the loss of {len(images)} images is {measured['loss']:.4g}; expected {loss:.4g}, their "
        "cross-entropy. Is something added to it, such as a regularizer?",
    )


def _knows_loss(name: str) -> bool:
    try:
        keras.losses.get(name)
    except ValueError:
        return False
    return True

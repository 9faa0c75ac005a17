"""Checks of assignment 04: count parameters, compute softmax, build the network."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from mnist_course._backend import keras

from .core import CheckError, advise, call, expect, expect_number, explain, kind, task

SIZES = (784, 256, 128, 32, 10)
WEIGHTS = [shape for inputs, units in pairwise(SIZES) for shape in ((inputs, units), (units,))]
LARGEST_ERROR = 0.02  # of the spread of the outputs; some GPUs multiply with three digits only

# Halves, which half precision keeps exactly, even beside 1000.
LOGITS = np.array([2.0, -1.0, 0.5, 3.0, -2.5, 0.0, 1.0, -0.5, 1.5, -1.5])
BATCH = np.stack([LOGITS, LOGITS[::-1] / 2, np.roll(LOGITS, 3)])

ACCURACY = 'The name "accuracy" lets Keras choose the kind that suits the labels.'

# What helps if a learner's code fails with these words.
ADVICE = {
    "list index out of range": "A list of n sizes has n - 1 layers.",
    "`count_parameters` changed": "Here that is the list of sizes, which `pop` makes shorter.",
    "`build_network` returned None": "`model.compile` itself returns nothing: return the model.",
    "out of bounds for array": "`softmax` also gets a single row, of shape (10,). `axis=-1` is the "
    "last axis of both.",
    "broadcast": "A result with one number per row fits back onto the rows only if it keeps their "
    "axis: `keepdims=True`.",
}

Numbers = npt.NDArray[np.float64]


@task("building.html#count-the-parameters")
def dense_parameters(dense_parameters: Any) -> str:
    """Check a function that counts the parameters of one Dense layer."""
    inputs, units = 7, 5
    answer = expect_number(call(dense_parameters, inputs, units), "the number of parameters")
    weights = inputs * units
    mistakes = {
        weights: "these are only the weights. Every neuron has a bias too.",
        weights + inputs: "there is a bias for each input. Biases belong to the neurons.",
        weights + inputs + units: "the inputs got biases, too. Biases belong to the neurons alone.",
        weights + 1: "there is one bias for the whole layer. Every neuron has its own.",
        inputs + units: "that adds up inputs and neurons. Every neuron has a weight for *each* "
        "input.",
    }
    for number, mistake in mistakes.items():
        expect(
            answer != number,
            f"for {inputs} inputs and {units} neurons you count {number}: {mistake}",
        )
    for inputs, units in ((7, 5), (2, 4), (20, 3)):
        answer = expect_number(call(dense_parameters, inputs, units), "the number of parameters")
        right = (inputs + 1) * units
        expect(
            answer == right,
            f"for {inputs} inputs and {units} neurons you count {answer:g} parameters; expected "
            f"{right}. How many weights and biases does one neuron have?",
        )
    return "all weights and biases are counted."


@task("building.html#count-the-parameters")
def count_parameters(count_parameters: Any) -> str:
    """Check a function that counts the parameters of a whole network."""
    sizes = [7, 5, 4, 3]
    answer = expect_number(_call(count_parameters, sizes), "the number of parameters")
    layers = [(inputs + 1) * units for inputs, units in pairwise(sizes)]
    weights = sum(inputs * units for inputs, units in pairwise(sizes))
    mistakes = {
        weights: "these are only the weights. Every neuron has a bias too.",
        weights + sum(sizes[:-1]): "biases were counted for the inputs of each layer. They belong "
        "to its neurons.",
        weights + sum(sizes): "the inputs of the network got biases, too. They are no neurons.",
        int(np.prod(sizes)): "that is the product of all sizes. Layers are counted one by one, "
        "then added.",
        sum(sizes): "that is the sum of the sizes. Multiply the two sizes of each pair of "
        "neighbors first.",
        layers[0]: "that is the first layer alone. Does `return` stand inside of the loop?",
        layers[-1]: "that is the last layer alone. Add to what you have, instead of replacing it.",
        sum(layers[:-1]): "the last layer is missing.",
        sum(layers[1:]): "the first layer is missing.",
    }
    for number, mistake in mistakes.items():
        expect(answer != number, f"for {sizes} you count {number}: {mistake}")
    for sizes in ([7, 5, 4, 3], [6, 2], [9, 8, 7, 6, 5, 4]):
        answer = expect_number(_call(count_parameters, sizes), "the number of parameters")
        right = sum((inputs + 1) * units for inputs, units in pairwise(sizes))
        expect(
            answer == right,
            f"for {sizes} you count {answer:g} parameters; expected {right}. Each layer lies "
            "between two neighbors in the list, however long that is.",
        )
    return "the layers add up."


@task("building.html#softmax-makes-probabilities")
def softmax(softmax: Any) -> str:
    """Check a function that turns logits into probabilities."""
    _expect_probabilities(_numbers(softmax, LOGITS))
    _expect_rows(_numbers(softmax, BATCH))
    for name, logits in (
        ("logits near 1000", LOGITS + 1000),
        ("logits near -1000", LOGITS - 1000),
    ):
        answer = _numbers(softmax, logits)
        expect(
            bool(np.isfinite(answer).all()),
            f"{name} became {answer.flat[0]}: the powers of e are too large, or all 0, for a "
            "computer. Before you raise e to them, subtract a number that makes the largest 0.",
        )
        expect(
            _close(answer, LOGITS),
            f"{name} have other probabilities than the same logits near 0. Subtract the "
            "same number from all logits of a row, and leave none out.",
        )
    wide = 1000 * np.eye(10)[3]
    expect(
        _close(_numbers(softmax, wide), wide),
        "a row with 1000 *and* 0 did not become 1 and 0: subtract the largest, not the smallest or "
        "the mean.",
    )
    apart = np.stack([LOGITS, LOGITS + 1000])
    answer = _numbers(softmax, apart)
    expect(
        _close(answer, apart),
        f"beside a row near 1000, a row near 0 became {_shown(answer.flat[:3])}...: one maximum of "
        "the whole batch was subtracted. Each row needs its own.",
    )
    return "every row sums to 1, however large its logits are."


@task("building.html#build-it-in-keras")
def build_network(build_network: Any) -> str:
    """Check a function that returns the compiled network."""
    model = _call(build_network)
    expect(
        isinstance(model, keras.Model),
        f"`build_network` returned {kind(model)}; expected a Keras model.",
    )
    rng = np.random.default_rng(4)
    images = rng.random((16, 28, 28), dtype=np.float32)
    images[rng.random(images.shape) < 0.5] = 0
    outputs = _outputs(model, images)
    _expect_layers(model)
    _expect_activations(model, images.astype(np.float64), outputs)
    _expect_compiled(model, images, outputs)
    return f"{model.count_params():,} parameters, ready to learn."


def _call(function: Any, *arguments: Any) -> Any:
    """Call a learner's function; if it fails, say what helps."""
    with advise(ADVICE):
        return call(function, *arguments)


def _numbers(softmax: Any, logits: Numbers) -> Numbers:
    """Call a learner's softmax, and return its answer if that fits the logits."""
    answer = _call(softmax, logits)
    try:
        numbers = np.asarray(np.real(answer), dtype=np.float64)
    except (TypeError, ValueError):
        raise CheckError(f"`softmax` returned {kind(answer)}; expected an array.") from None
    expect(
        numbers.shape == logits.shape,
        f"for logits of shape {logits.shape}, the result has shape {numbers.shape}; expected the "
        "same shape.",
    )
    return numbers


def _expect_probabilities(answer: Numbers) -> None:
    """Fail unless these are the probabilities of `LOGITS`; name the usual mistakes."""
    powers = np.exp(LOGITS)
    expect(
        not np.allclose(answer, LOGITS) and not np.allclose(answer, LOGITS - LOGITS.max()),
        "the result is the logits themselves, perhaps shifted. Raise e to their power, then divide "
        "by the sum.",
    )
    expect(
        not np.allclose(answer, np.log(powers / powers.sum()), atol=1e-3),
        "the result is the logarithms of the probabilities. Leave out the logarithm.",
    )
    expect(
        not np.allclose(answer, powers) and not np.allclose(answer, powers / powers.max()),
        f"the result sums to {answer.sum():.4g}; expected 1. The powers of e have to be divided by "
        "their sum.",
    )
    expect(
        not np.allclose(answer, LOGITS / LOGITS.sum()),
        "the logits themselves were divided by their sum, so that some are negative. Raise e to "
        "their power first.",
    )
    powers_of_two = 2**LOGITS
    expect(
        not np.allclose(answer, powers_of_two / powers_of_two.sum(), atol=1e-3),
        "the powers are those of 2; the base is e: `np.exp`.",
    )
    expect(
        not _close(answer, LOGITS / LOGITS.max()),
        "the logits were divided by the largest. *Subtract* the maximum, do not divide by it.",
    )
    expect(
        _close(answer, LOGITS),
        f"the logits {_shown(LOGITS[:3])}... became {_shown(answer[:3])}..., in total "
        f"{answer.sum():.4g}; expected {_shown(special.softmax(LOGITS)[:3])}..., in total 1.",
    )


def _expect_rows(answer: Numbers) -> None:
    """Fail unless these are the probabilities of `BATCH`; name the usual mistakes."""
    expect(
        not np.isclose(answer.sum(), 1, atol=0.01),
        "3 rows of logits became probabilities that sum to 1 all together. Each row needs a sum of "
        "its own: which `axis` runs along a row?",
    )
    expect(
        not np.allclose(answer.sum(axis=0), 1, atol=0.01),
        "for 3 rows of logits, the columns sum to 1 instead of the rows. Which `axis` runs along a "
        "row?",
    )
    expect(
        _close(answer, BATCH),
        f"for 3 rows of logits, the rows sum to {_shown(answer.sum(axis=1))}; expected 1 for each, "
        "and the same probabilities as if the row were alone.",
    )


def _outputs(model: Any, images: npt.NDArray[np.float32]) -> Numbers:
    """Show images to a network, and fail unless it gives ten numbers for each."""
    try:
        outputs = np.asarray(model(images), dtype=np.float64)
    # What a layer raises when a shape does not suit it is not limited to any list.
    except Exception as error:
        _expect_activations_of_keras(model)
        shape = tuple(getattr(model, "input_shape", None) or ())[1:]
        reason = f"its input has shape {shape}." if shape else explain(error)
        expect(
            shape == (28, 28),
            f"the network cannot take images of shape (28, 28): {reason} Begin with an input of "
            "that shape, then Flatten.",
        )
        raise CheckError(f"the network stopped with {explain(error)}") from None
    expect(
        outputs.ndim == 2,
        f"for {len(images)} images, the result has shape {outputs.shape}; expected "
        f"{(len(images), 10)}. It looks as if each row of an image went through the network by "
        "itself: Flatten is missing.",
    )
    expect(
        outputs.shape == (len(images), 10),
        f"the network gives {outputs.shape[1]} numbers for each image; expected 10, one per digit.",
    )
    expect(
        bool(np.ptp(outputs, axis=0).max() > 0),
        "the network says the same of every image. Do its weights begin as random numbers?",
    )
    return outputs


def _expect_activations_of_keras(model: Any) -> None:
    """Fail if a layer has an activation that the learner wrote."""
    for layer in model.layers:
        activation = getattr(layer, "activation", None)
        name = getattr(activation, "__name__", "function")
        expect(
            getattr(activation, "__module__", "") != "__main__",
            f"Keras cannot compute with your own `{name}`. Give the name of an activation in "
            'quotes, such as `activation="softmax"`.',
        )


def _expect_layers(model: Any) -> None:
    """Fail unless the network has the weights and biases of `SIZES`, in any order."""
    shapes = [tuple(weight.shape) for weight in model.get_weights()]
    kernels = [shape for shape in shapes if len(shape) == 2]
    sizes = [units for _, units in kernels]
    advice = ""
    if sorted(sizes) == sorted(SIZES[1:]):
        advice = " The sizes are right, their order is not."
    expect(
        sorted(kernels) == sorted(pairwise(SIZES)),
        f"the Dense layers have {', '.join(map(str, sizes))} neurons; expected "
        f"{', '.join(map(str, SIZES[1:]))}.{advice}",
    )
    expect(
        sorted(shapes) == sorted(WEIGHTS),
        f"the network has {model.count_params():,} parameters; expected as many as "
        f"`count_parameters` finds for {list(SIZES)}. Each Dense layer has biases, and no other "
        "layer has parameters.",
    )


def _expect_activations(model: Any, images: Numbers, outputs: Numbers) -> None:
    """Fail unless the activations are three times ReLU, then softmax; judge by the outputs."""
    weights = {weight.shape: weight.astype(np.float64) for weight in model.get_weights()}
    layers = [(weights[pair], weights[pair[1:]]) for pair in pairwise(SIZES)]
    flat = images.reshape(len(images), -1)

    computed: dict[tuple[str, ...], Numbers] = {(): flat}
    for kernel, bias in layers:
        sums = {names: values @ kernel + bias for names, values in computed.items()}
        computed = {
            (*names, name): activation(values)
            for names, values in sums.items()
            for name, activation in ACTIVATIONS.items()
        }
    errors = {names: np.abs(values - outputs).max() for names, values in computed.items()}
    found = min(errors, key=errors.__getitem__)
    expect(
        errors[found] < LARGEST_ERROR * np.ptp(outputs, axis=0).max(),
        "the network computes something else than Dense layers with ReLU, and softmax at the end. "
        "Has a layer another activation, or is there a layer too many?",
    )
    *hidden, last = found
    total = f"the ten numbers of the first image sum to {outputs[0].sum():.3g}; expected 1"
    expect(
        last != "no activation",
        f"{total}. The last layer has no activation, so it gives logits: softmax makes "
        "probabilities of them.",
    )
    expect(
        last != "sigmoid",
        f"{total}. Sigmoid judges each digit by itself; softmax lets the ten share one certainty.",
    )
    expect(last == "softmax", f"{total}. The last layer has {last}; expected softmax.")
    for number, name in enumerate(hidden, start=1):
        expect(
            name == "ReLU",
            f"Dense layer {number} has {name}; expected ReLU, as in each of the first three.",
        )


def _expect_compiled(model: Any, images: npt.NDArray[np.float32], outputs: Numbers) -> None:
    """Fail unless the network is compiled with Adam, sparse cross-entropy and accuracy."""
    expect(
        model.compiled,
        "the network is not compiled yet. Before you return it, tell it by `model.compile(...)` "
        "how to learn.",
    )
    optimizer = type(model.optimizer).__name__
    expect(optimizer == "Adam", f"the optimizer is {optimizer}; expected Adam.")
    expect(model.loss is not None, "it is compiled without a loss, so there is nothing to learn.")
    loss = model.loss if isinstance(model.loss, str) else _name(model.loss)
    expect(
        not isinstance(model.loss, str) or _knows_loss(loss),
        f"Keras knows no loss named {loss!r}. Here it is `sparse_categorical_crossentropy`, with "
        "*crossentropy* in one word (Hint 3).",
    )
    plain = loss.lower().replace("_", "")
    expect(
        plain != "categoricalcrossentropy",
        f"the loss is {loss}, which wants ten numbers as a label, nine of them 0. Our labels "
        "are whole numbers such as 7, for which there is the *sparse* one.",
    )
    expect(
        plain == "sparsecategoricalcrossentropy",
        f"the loss is {loss}; expected sparse categorical cross-entropy.",
    )
    expect(
        not getattr(model.loss, "from_logits", False),
        "the loss expects logits (`from_logits=True`), but softmax has turned them into "
        "probabilities already. Do one or the other; here, the network gives probabilities.",
    )
    measured = _measured(model, images, outputs)
    expect(
        bool(measured),
        "no metric is named, so training would show nothing but the loss. Ask for the accuracy.",
    )
    expect(
        any(np.isclose(value, 0.5) for value in measured.values()),
        f"of images of which half are read correctly, your metrics say {measured}; expected an "
        f"accuracy of 0.5. {ACCURACY}",
    )


def _measured(model: Any, images: npt.NDArray[np.float32], outputs: Numbers) -> dict[str, float]:
    """Return what the metrics of a network say when half of its answers are right."""
    labels = outputs.argmax(axis=1)
    labels[::2] = (labels[::2] + 1) % 10
    try:
        measured = model.evaluate(images, labels, verbose=0, return_dict=True)
    # What a metric raises when labels do not suit it is not limited to any list.
    except Exception as error:
        _expect_activations_of_keras(model)
        _, unknown, name = str(error).partition("metric identifier: ")
        expect(not unknown, f"Keras knows no metric named {name!r}. {ACCURACY}")
        raise CheckError(
            f"your metric cannot compare a label such as 7 with ten probabilities. {ACCURACY}"
        ) from None
    return {name: float(value) for name, value in measured.items() if name != "loss"}


def _knows_loss(name: str) -> bool:
    try:
        keras.losses.get(name)
    except ValueError:
        return False
    return True


def _name(loss: Any) -> str:
    return str(getattr(loss, "__name__", type(loss).__name__))


def _close(answer: Numbers, logits: Numbers) -> bool:
    """Whether these are the probabilities of `logits`, to the digits of half precision."""
    return bool(np.allclose(answer, special.softmax(logits, axis=-1), atol=1e-3))


def _shown(numbers: Any) -> str:
    return ", ".join(f"{number:.3g}" for number in numbers)


ACTIVATIONS: dict[str, Callable[[Numbers], Numbers]] = {
    "ReLU": lambda values: np.maximum(values, 0),
    "no activation": lambda values: values,
    "sigmoid": special.expit,
    "tanh": np.tanh,
    "softmax": lambda values: np.asarray(special.softmax(values, axis=-1)),
}

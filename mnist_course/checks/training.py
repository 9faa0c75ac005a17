"""Checks of assignment 06: the loss, the training, and what its curves tell."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mnist_course._arrays import Float32Array
from mnist_course._backend import keras
from mnist_course.data import load_mnist
from mnist_course.preprocessing import normalize

from .core import (
    Case,
    CheckError,
    FunctionCheck,
    describe_results,
    expect,
    is_written,
    kind,
    measure_accuracy,
    predict,
    task,
)

# Points for each share of the 10,000 test images; benchmarks/results/README.md says why these.
BANDS = {0.90: 1, 0.95: 1, 0.97: 2, 0.98: 2}
TARGET = max(BANDS)
TRAINING = 48_000  # the training images after these are for validation
SMALLEST = 1e-7  # the lowest probability that counts as it is

LUCK = 0.01  # more than validation and test accuracy differ by chance: six standard errors

MISSING = object()  # stands for a None that isn't just an answer never attempted
TrainingCheck = Callable[[Any, Any, Any], None]


def _right(probabilities: Any, labels: Any) -> Any:
    return probabilities[np.arange(len(labels)), labels]


def _costs(probabilities: Any, labels: Any) -> Any:
    return -np.log(np.maximum(_right(probabilities, labels), SMALLEST))


def _logs(probabilities: Any) -> Any:
    return np.log(np.maximum(probabilities, SMALLEST))


def _one_hot(labels: Any) -> Any:
    return np.eye(10)[labels]


def _answers(right: list[float]) -> tuple[Any, Any]:
    """Make answers in which the right digits got these probabilities, and their labels."""
    rng = np.random.default_rng(len(right))
    labels = rng.integers(0, 10, len(right), dtype=np.uint8)
    others = rng.uniform(0.5, 1.5, (len(right), 10)) * (1 - _one_hot(labels))
    rest = (1 - np.array(right))[:, np.newaxis]
    probabilities = rest * others / others.sum(axis=1, keepdims=True)
    probabilities[np.arange(len(right)), labels] = right
    return probabilities, labels


def _many_answers() -> tuple[Any, Any]:
    rng = np.random.default_rng(5)
    probabilities = rng.dirichlet(np.full(10, 0.5), size=25).clip(1e-3)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities.astype("float32"), rng.integers(0, 10, 25, dtype=np.uint8)


ONE_IMAGE = np.array([[0.01, 0.02, 0.2, 0.5, 0.03, 0.04, 0.05, 0.06, 0.07, 0.02]])

cross_entropy = FunctionCheck(
    name="cross_entropy",
    section="backpropagation.html#what-an-answer-costs",
    correct=lambda probabilities, labels: _costs(probabilities, labels).mean(),
    cases=[
        Case((ONE_IMAGE, np.array([2]))),
        Case(_answers([0.2, 0.5]), "for two images whose right digits got 0.2 and 0.5"),
        Case(_many_answers(), "for random probabilities of 25 images, of type float32"),
        Case(
            _answers([0.4, 0.0]),
            "for two images whose right digits got 0.4 and 0, which counts as 1e-7",
        ),
        Case(
            _answers([0.4, 1e-9]),
            "for two images whose right digits got 0.4 and 1e-9, which counts as 1e-7",
        ),
        Case(
            _answers([0.4, 3e-7]),
            "for two images whose right digits got 0.4 and 3e-7, which isn't below 1e-7",
        ),
        Case(_answers([1.0]), "for an image whose right digit got 1"),
    ],
    near=1e-5,
    praise="it's the mean cost of the right digits, and a probability of 0 does no harm.",
    mistakes={
        "The minus is missing: the logarithm of a probability is negative, and a cost is "
        "positive.": lambda p, labels: -_costs(p, labels).mean(),
        "That's the sum over the images. Take the mean.": lambda p, labels: _costs(p, labels).sum(),
        "That's a cost per image. Take their mean.": _costs,
        "That's the logarithm to base 2. `np.log` is the natural one.": lambda p, labels: (
            _costs(p, labels).mean() / np.log(2)
        ),
        "That's the logarithm to base 10. `np.log` is the natural one.": lambda p, labels: (
            _costs(p, labels).mean() / np.log(10)
        ),
        "That's `-np.log1p(p)`, the logarithm of 1 + p.": lambda p, labels: (
            -np.log1p(np.maximum(_right(p, labels), SMALLEST)).mean()
        ),
        "That's -ln(1 - p). Take -ln(p).": lambda p, labels: (
            -np.log(np.clip(1 - _right(p, labels), SMALLEST, 1)).mean()
        ),
        "That's the logarithm of the mean probability. Take the mean of the logarithms.": (
            lambda p, labels: -np.log(max(_right(p, labels).mean(), SMALLEST))
        ),
        "That's the mean probability of the right digits. The logarithm is missing.": (
            lambda p, labels: _right(p, labels).mean()
        ),
        "That's 1 minus the mean probability of the right digits. Take the logarithm instead.": (
            lambda p, labels: 1 - _right(p, labels).mean()
        ),
        "That's the squared error of the right digits, the mean of (1 - p)².": lambda p, labels: (
            (1 - _right(p, labels)) ** 2
        ).mean(),
        "That's the mean squared error of all ten probabilities.": lambda p, labels: (
            (_one_hot(labels) - p) ** 2
        ).mean(),
        "That's the median of the costs. Take their mean.": lambda p, labels: np.median(
            _costs(p, labels)
        ),
        "That's the cost of the first image alone, as with `return` inside "
        "the loop.": lambda p, labels: _costs(p, labels)[0],
        "That's the cost of the first image, divided by the number of images, as with `return` "
        "inside "
        "the loop.": lambda p, labels: _costs(p, labels)[0] / len(labels),
        "That's the cost of the last image alone, as when each replaces the "
        "one before.": lambda p, labels: _costs(p, labels)[-1],
        "That's the cost of the last image, divided by the number of images, as when each replaces "
        "the one before.": lambda p, labels: _costs(p, labels)[-1] / len(labels),
        "That's the mean, divided by the number of images once more.": lambda p, labels: (
            _costs(p, labels).mean() / len(labels)
        ),
        "That's divided by ten times the number of images, as if all ten digits of an image "
        "counted.": lambda p, labels: _costs(p, labels).mean() / 10,
        "That's the mean cost of the *largest* probability of each image. Take that of the right "
        "digit, which the label tells.": lambda p, labels: -_logs(p.max(axis=1)).mean(),
        "That's the mean over all ten digits of every image. Only the right digit counts.": (
            lambda p, labels: -_logs(p).mean()
        ),
        "That's the sum over all ten digits of an image. Only the right digit counts.": (
            lambda p, labels: -_logs(p).sum(axis=1).mean()
        ),
        "That's the mean cost of `probabilities[:, labels]`, which takes the columns of *all* "
        "labels "
        "from every row. Each row has one label of its own.": lambda p, labels: (
            -_logs(p[:, labels]).mean()
        ),
        "That's the labels times the logarithms. A label isn't a factor: it's the number of the "
        "column that counts.": lambda p, labels: (
            -(labels[:, np.newaxis] * _logs(p)).sum(axis=1).mean()
        ),
        "That charges the nine wrong digits, too: it's the binary cross-entropy, summed over the "
        "ten digits.": lambda p, labels: (
            -(_one_hot(labels) * _logs(p) + (1 - _one_hot(labels)) * _logs(1 - p)).sum(axis=1)
        ).mean(),
        "That charges the nine wrong digits, too: it's the binary cross-entropy, averaged over the "
        "ten digits.": lambda p, labels: (
            -(_one_hot(labels) * _logs(p) + (1 - _one_hot(labels)) * _logs(1 - p))
        ).mean(),
        "That's the entropy of the answers: each logarithm times its own probability, over all ten "
        "digits. It doesn't need the labels.": lambda p, labels: -(p * _logs(p)).sum(axis=1).mean(),
        "That's each cost times its own probability. The cost is the logarithm alone.": (
            lambda p, labels: (_right(p, labels) * _costs(p, labels)).mean()
        ),
        "That's `np.exp` of the right result.": lambda p, labels: np.exp(_costs(p, labels).mean()),
        "That's the cost after another softmax. They are probabilities already.": (
            lambda p, labels: (np.log(np.exp(p).sum(axis=1)) - _right(p, labels)).mean()
        ),
        "That's the share of images that are read right.": lambda p, labels: (
            p.argmax(axis=1) == labels
        ).mean(),
        "That's the share of images that are read wrong.": lambda p, labels: (
            p.argmax(axis=1) != labels
        ).mean(),
        "A probability of 0 makes it infinite. Raise small probabilities to 1e-7 *before* you take "
        "the logarithm.": lambda p, labels: -np.log(_right(p, labels)).mean(),
        "0 times log(0) is NaN, not a number. Raise small probabilities to 1e-7 before you take "
        "the logarithm.": lambda p, labels: -(_one_hot(labels) * np.log(p)).sum(axis=1).mean(),
        "That's the mean without the images whose right digit got less than 1e-7. They count as "
        "1e-7.": lambda p, labels: -np.log(_right(p, labels)[_right(p, labels) >= SMALLEST]).mean(),
        "That's the mean without the images whose right digit got 0. They count "
        "as 1e-7.": lambda p, labels: -np.log(_right(p, labels)[_right(p, labels) > 0]).mean(),
        "Images whose right digit got less than 1e-7 cost nothing here.": lambda p, labels: (
            np.where(_right(p, labels) < SMALLEST, 0, _costs(p, labels)).mean()
        ),
        "Only a probability of exactly 0 counts as 1e-7. Everything below 1e-7 should.": (
            lambda p, labels: (
                -np.log(np.where(_right(p, labels) == 0, SMALLEST, _right(p, labels))).mean()
            )
        ),
        "That's as if the logarithms were raised to 1e-7, not the probabilities. `np.clip` or "
        "`np.maximum` comes before `np.log`.": lambda p, labels: -np.full(len(labels), 1e-7).mean(),
        **{
            f"That's the cost of {raised} more than each probability. Leave those above 1e-7 as "
            "they are.": (
                lambda p, labels, raised=raised: -np.log(_right(p, labels) + float(raised)).mean()
            )
            for raised in ("1e-7", "1e-8", "1e-9", "1e-10", "1e-12")
        },
        **{
            f"Small probabilities count as {raised} here, not as 1e-7.": (
                lambda p, labels, raised=raised: (
                    -np.log(np.maximum(_right(p, labels), float(raised))).mean()
                )
            )
            for raised in ("1e-6", "1e-8", "1e-9", "1e-10", "1e-12", "1e-15")
        },
        **{
            f"That's rounded to {digits} decimals.": (
                lambda p, labels, digits=digits: np.round(_costs(p, labels).mean(), digits)
            )
            for digits in (1, 2, 3, 4)
        },
    },
)


def mind_missing(check: TrainingCheck) -> TrainingCheck:
    """Replace None with `MISSING` if a function is written, so that it counts as attempted."""

    @functools.wraps(check)
    def run(train_network: Any, model: Any, history: Any) -> None:
        if callable(train_network) and is_written(train_network):
            model, history = (MISSING if made is None else made for made in (model, history))
        check(train_network, model, history)

    return run


@mind_missing
@task("training.html#the-lines-that-matter")
def train_network(train_network: Any, model: Any, history: Any) -> str:
    """Check a trained network on the validation images; the grade looks at the test images."""
    curves = expect_trained(train_network, model, history)
    seen, note = expect_accuracy(model, curves, TARGET, BANDS)
    return f"{seen}.{note}{note_missing_validation(curves)}"


def expect_accuracy(
    model: Any, curves: Mapping[str, Any], target: float, bands: Mapping[float, int]
) -> tuple[str, str]:
    """Fail the check unless a network reads enough validation images; state how many it reads.

    A second text says that it reads fewer of other images that it hasn't seen, or is "".
    `bands` has the points for each share of the test images, which are what the grade looks at.
    """
    accuracy = measure_accuracy(model, *load_validation())
    seen = f"the network recognizes {accuracy:.2%} of the 12,000 validation images"
    if accuracy < target:
        points = sum(points for band, points in bands.items() if accuracy >= band)
        raise CheckError(
            f"{seen}; expected at least {target:.1%} (as many test images would earn {points} of "
            f"{sum(bands.values())} points). {describe_training(model, curves)}"
        )
    mnist = load_mnist()
    unseen = measure_accuracy(model, normalize(mnist.test_images), mnist.test_labels)
    if accuracy < unseen + LUCK:
        return seen, ""
    return seen, (
        f" But of other new images, it recognizes {unseen:.2%}. Did it learn from the validation "
        "images, too? Then they can't tell how good it is."
    )


def load_validation() -> tuple[Float32Array, Any]:
    """Return the normalized validation images, and their labels."""
    mnist = load_mnist()
    return normalize(mnist.train_images[TRAINING:]), mnist.train_labels[TRAINING:]


def expect_trained(train_network: Any, model: Any, history: Any) -> Mapping[str, Any]:
    """Fail unless there are a model and a history of its training; return the curves."""
    expect(
        callable(train_network), f"`train_network` is {kind(train_network)}; expected a function."
    )
    expect(
        model is not MISSING,
        "`train_network` is written, but `model` is still None: the cell above stopped with an "
        f"error, or its last line is missing. {describe_results(train_network, 2)}".rstrip(),
    )
    expect(
        isinstance(model, keras.Model) or not isinstance(history, keras.Model),
        "the network came second: `return model, history`, in this order.",
    )
    expect(
        isinstance(model, keras.Model),
        f"`model` is {kind(model)}; expected a Keras model.",
    )
    curves: Mapping[str, Any] = getattr(history, "history", history)
    expect(
        isinstance(curves, Mapping),
        f"`history` is {'None' if history is MISSING else kind(history)}; expected what `fit` "
        "returns.",
    )
    expect(len(curves.get("loss", [])) > 0, "`history` is empty: train for at least one epoch.")
    return curves


def note_missing_validation(curves: Mapping[str, Any]) -> str:
    """Say that a history has no validation curves, or return ""."""
    if "val_loss" in curves:
        return ""
    return " But `history` has no val_loss; `validation_data=validation` adds it."


def describe_training(model: Any, curves: Mapping[str, Any]) -> str:
    """State how a network was trained, and the most telling of what can be measured now."""
    mnist = load_mnist()
    some = normalize(mnist.train_images[:TRAINING:10]), mnist.train_labels[:TRAINING:10]
    return " ".join(
        [
            _describe_history(curves),
            _describe_steps(model),
            _describe_layers(model),
            _describe_outputs(model, some[0])
            or _describe_other_images(model)
            or _describe_known(curves, measure_accuracy(model, *some)),
        ]
    )


def _describe_history(curves: Mapping[str, Any]) -> str:
    losses = curves["loss"]
    if len(losses) == 1:
        return f"`history` has 1 epoch, with a loss of {losses[0]:.3g}."
    return (
        f"`history` has {len(losses)} epochs: the loss was {losses[0]:.3g} in the first and "
        f"{losses[-1]:.3g} in the last."
    )


def _describe_steps(model: Any) -> str:
    """State how many steps the optimizer made, and how long they were."""
    optimizer = getattr(model, "optimizer", None)
    if optimizer is None:
        return "`model` has no optimizer: it isn't compiled."
    steps = int(optimizer.iterations)
    made = (
        f"The optimizer of `model`, {type(optimizer).__name__}, has made {steps:,} "
        f"step{'' if steps == 1 else 's'}"
    )
    rate = optimizer.get_config().get("learning_rate")
    if not isinstance(rate, dict):
        return f"{made}, and its learning rate is {float(optimizer.learning_rate):.3g}."
    try:
        schedule = keras.optimizers.schedules.deserialize(rate)
        first, middle, last = (float(schedule(step)) for step in (0, steps // 2, steps))
    except (TypeError, ValueError):  # a schedule that the learner wrote
        return f"{made}, and its learning rate is {float(optimizer.learning_rate):.3g} now."
    return (
        f"{made}; its learning rate was {first:.3g} at the start, {middle:.3g} halfway, and "
        f"{last:.3g} at the end."
    )


def _describe_layers(model: Any) -> str:
    """List the activations of the layers that have weights."""
    names = [
        str(getattr(getattr(layer, "activation", None), "__name__", "none"))
        for layer in model.layers
        if layer.weights
    ]
    return f"The activations of its {len(names)} layers with weights are {', '.join(names)}."


def _describe_outputs(model: Any, images: Any) -> str:
    """State what a network puts out, if its loss takes it for something else."""
    loss = getattr(model, "loss", None)
    name, takes_logits = getattr(loss, "name", loss), bool(getattr(loss, "from_logits", False))
    if not isinstance(name, str) or "crossentropy" not in name:
        return ""
    sums = predict(model, images).sum(axis=1)
    are_probabilities = np.allclose(sums, 1, atol=1e-3)
    if are_probabilities and takes_logits:
        return "Its outputs sum to 1 for each image, but its loss has `from_logits=True`."
    if not are_probabilities and not takes_logits:
        return (
            f"Its outputs for the first image sum to {sums[0]:.3g}, not to 1, but its loss takes "
            "them for probabilities."
        )
    return ""


def _describe_other_images(model: Any) -> str:
    """State on which other form of the images a network makes a quarter fewer mistakes, if any.

    Of mirrored or turned images, a network reads 90% only if it has learned from such.
    """
    images, labels = (part[::5] for part in load_validation())
    accuracy = measure_accuracy(model, images, labels)
    scaled = {
        "images multiplied by 255": images * 255,
        "images divided by 255 once more": images / 255,
        "standardized images": (images - images.mean()) / images.std(),
        "images from -1 to 1": 2 * images - 1,
    }
    turned = {
        "inverted images": 1 - images,
        "mirrored images": images[:, :, ::-1],
        "images turned upside down": images[:, ::-1],
        "transposed images": images.transpose(0, 2, 1),
    }
    for forms, least in ((scaled, max(0.5, (1 + 3 * accuracy) / 4)), (turned, 0.9)):
        for name, form in forms.items():
            if (reads := measure_accuracy(model, form, labels)) >= least:
                return f"On {name}, it reads {reads:.1%}."
    return ""


def _describe_known(curves: Mapping[str, Any], known: float) -> str:
    """State how many of some training images a network reads, and if its history has more."""
    reads = f"Of 4,800 training images, it reads {known:.1%}"
    learned = float(np.max(curves.get("accuracy", [0])))
    if learned > known + 0.03:
        return f"{reads}, but in `history`, the accuracy reached {learned:.1%}."
    return f"{reads}."


def _history(
    val_loss: list[float],
    loss: list[float] | None = None,
    accuracy: list[float] | None = None,
    val_accuracy: list[float] | None = None,
) -> dict[str, list[float]]:
    """Make a history; what isn't given falls or rises steadily."""
    rising = np.linspace(0.5, 0.95, len(val_loss)).tolist()
    return {
        "loss": loss or rising[::-1],
        "accuracy": accuracy or rising,
        "val_loss": val_loss,
        "val_accuracy": val_accuracy or rising,
    }


def _epoch_case(
    val_loss: list[float],
    loss: list[float] | None = None,
    accuracy: list[float] | None = None,
    val_accuracy: list[float] | None = None,
) -> Case:
    listed = ", ".join(map(str, val_loss))
    history = _history(val_loss, loss, accuracy, val_accuracy)
    return Case((history,), f"for the validation losses {listed}")


def _stop_early(patience: int) -> Callable[[Any], int]:
    """Make a function that gives up after some epochs without a lower loss."""

    def stop(history: Any) -> int:
        losses = history["val_loss"]
        best = 0
        for epoch, loss in enumerate(losses):
            if loss < losses[best]:
                best = epoch
            elif epoch - best >= patience:
                break
        return best + 1

    return stop


def _first(condition: Callable[[Any, int], bool]) -> Callable[[Any], int]:
    """Make a function that returns the first epoch, counted from 0, with a condition, plus 1."""
    return lambda history: next(i for i in range(len(history["loss"])) if condition(history, i)) + 1


best_epoch = FunctionCheck(
    name="best_epoch",
    section="overfitting.html#so-when-do-you-stop",
    correct=lambda history: int(np.argmin(history["val_loss"])) + 1,
    cases=[
        _epoch_case([0.5, 0.3, 0.4]),
        _epoch_case(
            [0.50, 0.40, 0.45, 0.30, 0.33, 0.31, 0.32, 0.34, 0.35, 0.25, 0.42, 0.60],
            [0.62, 0.41, 0.30, 0.28, 0.17, 0.13, 0.09, 0.11, 0.10, 0.08, 0.06, 0.07],
            [0.82, 0.81, 0.91, 0.93, 0.95, 0.96, 0.97, 0.98, 0.975, 0.96, 0.96, 0.97],
            [0.83, 0.88, 0.82, 0.91, 0.915, 0.90, 0.93, 0.91, 0.94, 0.91, 0.92, 0.91],
        ),
        _epoch_case(
            [0.6, 0.5, 0.52, 0.51, 0.4, 0.42, 0.43, 0.41, 0.3, 0.35, 0.34, 0.36, 0.37, 0.2]
        ),
        _epoch_case([0.5, 0.3, 0.4, 0.3, 0.6]),
        _epoch_case([0.34, 0.24, 0.204, 0.2034, 0.20304, 0.20301, 0.21]),
        _epoch_case([0.2, 0.3, 0.25, 0.4]),
        _epoch_case([0.7, 0.6, 0.5, 0.4]),
        _epoch_case([0.7]),
        _epoch_case([150.0, 120.5, 130.0]),  # as from raw images
        _epoch_case([160.0, 150.5, 140.0, 145.0]),
    ],
    praise="that's the epoch with the lowest validation loss, counted from 1.",
    mistakes={
        **{
            "Large losses are never taken, and then it's always "
            f"{otherwise}. A loss can be any positive number: start from infinity, or from the "
            "first one.": lambda history, otherwise=otherwise: (
                np.argmin(history["val_loss"]) + 1 if min(history["val_loss"]) < 1 else otherwise
            )
            for otherwise in (0, 1)
        },
        "That's the right epoch, counted from 0. Count from 1.": lambda history: np.argmin(
            history["val_loss"]
        ),
        "That's always 1. A search that begins with a lowest loss of 0 finds nothing below it, for "
        "example: begin with infinity, or with the first loss.": lambda history: 1,
        "That's always 0.": lambda history: 0,
        "That's the best epoch without the first one. Positions begin at 0.": lambda history: (
            np.argmin(history["val_loss"][1:] or [0]) + 2
        ),
        "That's one too many.": lambda history: np.argmin(history["val_loss"]) + 2,
        "That's the lowest validation loss itself. In which epoch was it reached?": (
            lambda history: min(history["val_loss"])
        ),
        "That's where the validation loss is *highest*.": lambda history: (
            np.argmax(history["val_loss"]) + 1
        ),
        "That's where the validation loss is *highest*, and counted from 0.": lambda history: (
            np.argmax(history["val_loss"])
        ),
        "That's where the loss on the *training* images is lowest. Look at val_loss.": (
            lambda history: np.argmin(history["loss"]) + 1
        ),
        "That's where the loss on the *training* images is lowest, and counted from 0.": (
            lambda history: np.argmin(history["loss"])
        ),
        "That's where the validation *accuracy* is highest. Look at val_loss.": lambda history: (
            np.argmax(history["val_accuracy"]) + 1
        ),
        "That's where the validation *accuracy* is highest, and counted from 0.": lambda history: (
            np.argmax(history["val_accuracy"])
        ),
        "That's where the validation *accuracy* is lowest. Look at val_loss.": lambda history: (
            np.argmin(history["val_accuracy"]) + 1
        ),
        "That's where the *training* accuracy is highest. Look at val_loss.": lambda history: (
            np.argmax(history["accuracy"]) + 1
        ),
        "That's where the *training* accuracy is lowest. Look at val_loss.": lambda history: (
            np.argmin(history["accuracy"]) + 1
        ),
        "That's the last epoch.": lambda history: len(history["val_loss"]),
        "That's the last epoch, counted from 0.": lambda history: len(history["val_loss"]) - 1,
        "That's the last of several epochs with the lowest validation loss. Return the first.": (
            lambda history: len(history["val_loss"]) - np.argmin(history["val_loss"][::-1])
        ),
        "That's counted from the end.": lambda history: (
            len(history["val_loss"]) - np.argmin(history["val_loss"])
        ),
        "That's the best epoch before the first rise. The loss may fall again later, so look at "
        "all "
        "epochs.": _stop_early(1),
        "That's the best epoch before two in a row that brought no lower loss. Look at all of "
        "them.": _stop_early(2),
        "That's the best epoch before three in a row that brought no lower loss. Look at all of "
        "them.": _stop_early(3),
        "That's the best epoch before five in a row that brought no lower loss. Look at all of "
        "them.": _stop_early(5),
        "That's the first epoch whose loss is below that of the epoch before.": lambda history: (
            next(
                (
                    i
                    for i in range(1, len(history["loss"]))
                    if history["val_loss"][i] < history["val_loss"][i - 1]
                ),
                0,
            )
            + 1
        ),
        "That's the last epoch whose loss is below that of the epoch before.": lambda history: (
            max(
                (
                    i
                    for i in range(1, len(history["loss"]))
                    if history["val_loss"][i] < history["val_loss"][i - 1]
                ),
                default=0,
            )
            + 1
        ),
        "That's where training loss and validation loss are closest together.": lambda history: (
            np.argmin(np.abs(np.subtract(history["val_loss"], history["loss"]))) + 1
        ),
        "That's where val_loss minus loss is lowest. Look at val_loss alone.": lambda history: (
            np.argmin(np.subtract(history["val_loss"], history["loss"])) + 1
        ),
        "That's a list of all epochs with the lowest validation loss. Return the first, as a "
        "number.": lambda history: [
            epoch
            for epoch, loss in enumerate(history["val_loss"], 1)
            if loss == min(history["val_loss"])
        ],
        **{
            f"That's the best epoch if losses are rounded to {digits} decimal{'s' * (digits > 1)} "
            "first. Compare them as they are.": (
                lambda history, digits=digits: np.argmin(np.round(history["val_loss"], digits)) + 1
            )
            for digits in (1, 2, 3, 4)
        },
    },
)


def _diagnose(
    *,
    is_low: Callable[[Any], bool] = lambda history: history["accuracy"][-1] < 0.9,
    has_risen: Callable[[Any], bool] = lambda history: (
        history["val_loss"][-1] > 1.1 * min(history["val_loss"])
    ),
    names: tuple[str, str, str] = ("underfitting", "overfitting", "good"),
) -> Callable[[Any], str]:
    """Make a function that applies two rules in this order, and has names for what they tell."""
    low, risen, neither = names
    return lambda history: low if is_low(history) else risen if has_risen(history) else neither


def _accuracy_below(limit: float) -> Callable[[Any], str]:
    return _diagnose(is_low=lambda history: history["accuracy"][-1] < limit)


def _rise_above(factor: float) -> Callable[[Any], str]:
    return _diagnose(
        has_risen=lambda history: history["val_loss"][-1] > factor * min(history["val_loss"])
    )


def _diagnosis_case(accuracy: list[float], val_loss: list[float], **others: list[float]) -> Case:
    accuracies, losses = (", ".join(map(str, values)) for values in (accuracy, val_loss))
    return Case(
        (_history(val_loss, accuracy=accuracy, **others),),
        f"for the training accuracies {accuracies} and the validation losses {losses}",
    )


LOW, HIGH = [0.6, 0.7, 0.85], [0.8, 0.95, 0.99]

diagnose = FunctionCheck(
    name="diagnose",
    section="overfitting.html#too-much-and-too-little",
    correct=_diagnose(),
    cases=[
        _diagnosis_case(LOW, [0.5, 0.45, 0.42], val_accuracy=[0.7, 0.8, 0.92]),
        _diagnosis_case(HIGH, [0.5, 0.4, 0.39], val_accuracy=[0.8, 0.86, 0.89]),
        _diagnosis_case(HIGH, [0.3, 0.2, 0.28], loss=[0.5, 0.1, 0.3]),
        _diagnosis_case(HIGH, [0.3, 0.2, 0.21], loss=[0.5, 0.1, 0.01]),
        _diagnosis_case(LOW, [0.3, 0.2, 0.4]),
        _diagnosis_case([0.1, 0.2, 0.3], [2.3, 2.2, 2.1]),
        _diagnosis_case([0.8, 0.92, 0.85], [0.3, 0.2, 0.2]),
        _diagnosis_case([0.95, 0.85, 0.97], [0.21, 0.2, 0.2], loss=[0.5, 0.3, 0.4]),
        _diagnosis_case([0.2, 0.5, 0.96], [0.9, 0.2, 0.2], val_accuracy=[0.9, 0.95, 0.8]),
        _diagnosis_case([0.8, 0.85, 0.9], [0.5, 0.45, 0.42]),
        _diagnosis_case([0.8, 0.85, 0.893], [0.5, 0.45, 0.42]),
        _diagnosis_case([0.8, 0.85, 0.91], [0.5, 0.45, 0.42]),
        _diagnosis_case([0.95, 0.96, 0.97], [0.3, 0.2, 0.218]),
        _diagnosis_case([0.95, 0.96, 0.97], [0.3, 0.2, 0.222]),
        _diagnosis_case(HIGH, [3.0, 2.0, 2.15]),
        _diagnosis_case(HIGH, [0.03, 0.02, 0.028]),
        _diagnosis_case(HIGH, [0.2, 0.24, 0.25]),
        _diagnosis_case(HIGH, [0.3, 0.2, 0.35, 0.25, 0.2]),
        _diagnosis_case(HIGH, [0.9, 0.2, 0.21, 0.3]),
        _diagnosis_case(HIGH, [2.0, 0.2, 0.21, 0.5]),
        _diagnosis_case(HIGH, [0.2, 0.2, 0.2, 0.6]),
        _diagnosis_case([0.9, 0.99, 1.0], [0.1, 0.1, 0.1, 2.0]),
        _diagnosis_case([0.9, 0.99, 1.0], [0.1, 0.1, 1.05]),
        _diagnosis_case([0.95, 0.96, 0.97], [0.5, 0.25, 0.276]),
        _diagnosis_case([0.9, 0.96, 0.99], [0.3, 0.2, 0.2], val_accuracy=[0.7, 0.75, 0.8]),
        _diagnosis_case([0.95], [0.2]),
        _diagnosis_case([0.9, 0.99, 1.0], [0.4, 0.3, 0.2]),
    ],
    praise="the three cases are told apart, close to their limits, too.",
    mistakes={
        **{
            f"The limit of the first rule is {where} here; expected 0.9.": _accuracy_below(limit)
            for where, limit in {
                "0.85 or less": 0.85,
                "between 0.85 and 0.9": 0.89,
                "above 0.91": 0.95,
                "above 0.97": 0.98,
                "above 0.99": 0.995,
            }.items()
        },
        "An accuracy of exactly 0.9 isn't *below* 0.9.": _diagnose(
            is_low=lambda history: history["accuracy"][-1] <= 0.9
        ),
        "That goes by the validation accuracy. The first rule is about the training accuracy.": (
            _diagnose(is_low=lambda history: history["val_accuracy"][-1] < 0.9)
        ),
        "That goes by the lowest accuracy of all epochs. The last one counts.": _diagnose(
            is_low=lambda history: min(history["accuracy"]) < 0.9
        ),
        "That goes by the highest accuracy of all epochs. The last one counts.": _diagnose(
            is_low=lambda history: max(history["accuracy"]) < 0.9
        ),
        "That goes by the first accuracy. The last one, `[-1]`, counts.": _diagnose(
            is_low=lambda history: history["accuracy"][0] < 0.9
        ),
        "That goes by the mean accuracy of all epochs. The last one counts.": _diagnose(
            is_low=lambda history: np.mean(history["accuracy"]) < 0.9
        ),
        "The first rule is turned around: an accuracy *above* 0.9 is called underfitting.": (
            _diagnose(is_low=lambda history: history["accuracy"][-1] > 0.9)
        ),
        "Where both rules apply, the first one wins: ask for underfitting first.": lambda history: (
            _diagnose(
                is_low=lambda h: h["val_loss"][-1] > 1.1 * min(h["val_loss"]),
                has_risen=lambda h: h["accuracy"][-1] < 0.9,
                names=("overfitting", "underfitting", "good"),
            )(history)
        ),
        "It's called overfitting here wherever the lowest loss isn't the last one. It takes a "
        "rise of "
        "more than 10%.": _diagnose(
            has_risen=lambda history: (
                int(np.argmin(history["val_loss"])) < len(history["val_loss"]) - 1
            )
        ),
        **{
            f"A rise of {rise} is called overfitting here; it takes more than 10%.": (
                _rise_above(factor)
            )
            for rise, factor in {"5%": 1.02, "7.5%": 1.06, "9%": 1.08}.items()
        },
        **{
            f"A rise of {rise} isn't called overfitting here; more than 10% is enough.": (
                _rise_above(factor)
            )
            for rise, factor in {"11%": 1.2, "25%": 1.3, "40%": 1.45, "50%": 2, "200%": 10}.items()
        },
        "A rise of 10.4% isn't called overfitting here. More than 10% is enough, so don't round "
        "it.": _diagnose(
            has_risen=lambda history: (
                round(history["val_loss"][-1] / min(history["val_loss"]), 2) > 1.1
            )
        ),
        "A rise to eleven times the lowest loss isn't overfitting yet here. As a share, 10% is "
        "0.1.": _rise_above(11),
        "The accuracies of training and validation are compared. The second rule is about the "
        "validation loss.": _diagnose(
            has_risen=lambda history: history["accuracy"][-1] - history["val_accuracy"][-1] > 0.1
        ),
        "A tenth of the lowest loss is the limit here; 10% above it is 1.1 times the "
        "lowest loss.": (_rise_above(0.1)),
        "The limit is the lowest loss plus 0.1. 10% means a tenth *of the lowest loss*.": _diagnose(
            has_risen=lambda history: history["val_loss"][-1] > min(history["val_loss"]) + 0.1
        ),
        "The last loss is compared with the one before it. The lowest of *all* epochs counts.": (
            _diagnose(
                has_risen=lambda history: history["val_loss"][-1] > 1.1 * history["val_loss"][-2]
            )
        ),
        "The last loss is compared with the first one. The lowest of all epochs counts.": _diagnose(
            has_risen=lambda history: history["val_loss"][-1] > 1.1 * history["val_loss"][0]
        ),
        "The last loss is compared with the mean of all epochs. The lowest one counts.": _diagnose(
            has_risen=lambda history: history["val_loss"][-1] > 1.1 * np.mean(history["val_loss"])
        ),
        "The validation loss is compared with the training loss. Compare it with its own lowest "
        "value.": _diagnose(
            has_risen=lambda history: history["val_loss"][-1] > 1.1 * history["loss"][-1]
        ),
        "The validation loss is compared with the lowest *training* loss.": _diagnose(
            has_risen=lambda history: history["val_loss"][-1] > 1.1 * min(history["loss"])
        ),
        "That's as if the second rule looked at the training loss. It's about the "
        "validation loss.": _diagnose(
            has_risen=lambda history: history["loss"][-1] > 1.1 * min(history["loss"])
        ),
        "The highest validation loss is compared with the lowest. The *last* one counts.": (
            _diagnose(
                has_risen=lambda history: max(history["val_loss"]) > 1.1 * min(history["val_loss"])
            )
        ),
        "The lowest loss is compared with the number of its epoch, which `np.argmin` returns. "
        "`min` returns the loss itself.": _diagnose(
            has_risen=lambda history: history["val_loss"][-1] > 1.1 * np.argmin(history["val_loss"])
        ),
        "The second rule is turned around: a loss that stayed low is called overfitting.": (
            _diagnose(
                has_risen=lambda history: history["val_loss"][-1] <= 1.1 * min(history["val_loss"])
            )
        ),
        "That's what the validation accuracy tells, if it falls by more than 10%. The second rule "
        "is "
        "about the validation loss.": (
            _diagnose(
                has_risen=lambda history: (
                    history["val_accuracy"][-1] < 0.9 * max(history["val_accuracy"])
                )
            )
        ),
        '"underfitting" and "overfitting" are exchanged.': _diagnose(
            names=("overfitting", "underfitting", "good")
        ),
        "The names are right, but write them in small letters.": _diagnose(
            names=("Underfitting", "Overfitting", "Good")
        ),
        "The names are right, but write them in small letters, without capitals.": _diagnose(
            names=("UNDERFITTING", "OVERFITTING", "GOOD")
        ),
        'The names are "underfitting" and "overfitting", to the letter.': _diagnose(
            names=("underfit", "overfit", "good")
        ),
        'That\'s always "good".': lambda history: "good",
        'That\'s always "underfitting".': lambda history: "underfitting",
        'That\'s always "overfitting".': lambda history: "overfitting",
        'That\'s never "underfitting".': _diagnose(is_low=lambda history: False),
        'That\'s never "overfitting".': _diagnose(has_risen=lambda history: False),
    },
)

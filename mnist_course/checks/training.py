"""Checks of assignment 06: the loss, the training, and what its curves tell."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mnist_course._backend import keras
from mnist_course.data import MNIST, load_mnist
from mnist_course.preprocessing import normalize

from .core import (
    CheckError,
    advise,
    call,
    expect,
    expect_number,
    find_better_scale,
    kind,
    measure_accuracy,
    predict,
    task,
)

# Points for each share of the 10,000 test images; benchmarks/results/README.md says why these.
BANDS = {0.90: 1, 0.95: 1, 0.97: 2, 0.98: 2}
TARGET = max(BANDS)
TRAINING = 48_000  # the training images after these are for validation

DIAGNOSES = ("underfitting", "overfitting", "good")
_ACCURACY = "The last accuracy on the *training* images decides: is it below 0.9?"
_NOT_LOW = (
    "The last accuracy on the *training* images decides, and it is not below 0.9. 'underfitting' "
    "is what `val_accuracy` gives."
)
_RATIO = "Compare the last validation loss with the lowest one."


@task("backpropagation.html#what-an-answer-costs")
def cross_entropy(cross_entropy: Any) -> str:
    """Check a function that computes the mean cross-entropy of digits."""
    rng = np.random.default_rng(5)
    # As many images as digits, so that labels taken for rows of ten compute something, too.
    probabilities = rng.dirichlet(np.full(10, 0.5), size=10).clip(1e-3)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    labels = rng.permutation(10).astype(np.uint8)
    answer = call(cross_entropy, probabilities, labels)
    expect(
        np.shape(answer) == (),
        f"`cross_entropy` returned {kind(answer)}; expected one number, the mean over the images.",
    )
    loss = expect_number(answer, "the loss")
    for wrong, mistake in _wrong_losses(probabilities, labels):
        expect(not np.isclose(loss, wrong, rtol=1e-3), f"the loss is {loss:.4g}: {mistake}")
    right = np.take_along_axis(probabilities, labels[:, None].astype(int), axis=1)
    expected = -np.log(right).mean()
    expect(
        np.isclose(loss, expected, rtol=1e-4),
        f"the loss is {loss:.4g}; expected {expected:.4g}. Compute the example of the task, step "
        "by step.",
    )
    answer = call(cross_entropy, probabilities[:4], labels[:4])
    fewer = expect_number(answer, "the loss of 4 images", finite=False)
    expect(
        np.isclose(fewer, -np.log(right[:4]).mean(), rtol=1e-4),
        "ten images came out right, and four did not. Do not count on a number of images.",
    )
    certain = np.eye(10)[[3]]
    answer = call(cross_entropy, certain, np.array([8]))
    cost = expect_number(answer, "the loss of an impossible digit", finite=False)
    expect(
        not np.isnan(cost),
        "where a probability is 0, the loss became NaN (not a number), because 0 times log(0) is "
        "NaN. Raise small probabilities to 1e-7 before you take the logarithm.",
    )
    expect(
        np.isfinite(cost),
        "a digit with the probability 0 made the loss infinite, because log(0) is minus infinity. "
        "Raise small probabilities to 1e-7 before you take the logarithm.",
    )
    expect(
        np.isclose(cost, -np.log(1e-7), rtol=1e-4),
        f"a digit with the probability 0 costs {cost:.4g}; expected 16.12, as if it had the "
        "probability 1e-7.",
    )
    return "the mean is right, and a probability of 0 does no harm."


@task("training.html#the-lines-that-matter")
def train_network(model: Any, history: Any) -> str:
    """Check a trained network on the validation images; the grade looks at the test images."""
    expect(
        not isinstance(history, keras.Model),
        "model and history came in the wrong order: `return model, history`.",
    )
    expect(
        isinstance(model, keras.Model),
        f"the model is {kind(model)}; expected a Keras model, such as `build_mlp()` returns.",
    )
    curves = getattr(history, "history", history)
    expect(
        isinstance(curves, Mapping),
        f"the history is {kind(history)}; expected what `fit` returns.",
    )
    expect(len(curves.get("loss", [])) > 0, "the history is empty: train for at least one epoch.")

    mnist = load_mnist()
    images, labels = mnist.train_images[TRAINING:], mnist.train_labels[TRAINING:]
    accuracy = measure_accuracy(model, normalize(images), labels)
    seen = f"the network recognizes {accuracy:.2%} of the {len(labels):,} validation images"
    if accuracy < TARGET:
        points = sum(points for band, points in BANDS.items() if accuracy >= band)
        raise CheckError(
            f"{seen}; expected at least {TARGET:.1%} (as many test images would earn {points} of "
            f"{sum(BANDS.values())} points). {_cause(model, curves, mnist)}"
        )
    praise = f"{seen}."
    if "val_loss" not in curves:
        praise += " The curves below lack val_loss, though: validation_data=validation adds it."
    return praise


@task("overfitting.html#so-when-do-you-stop")
def best_epoch(best_epoch: Any) -> str:
    """Check a function that finds the epoch with the lowest validation loss."""
    history = {
        "loss": [0.60, 0.41, 0.30, 0.22, 0.17, 0.13, 0.09, 0.11, 0.10],
        "accuracy": [0.81, 0.87, 0.91, 0.93, 0.95, 0.96, 0.97, 0.965, 0.98],
        "val_loss": [0.55, 0.40, 0.34, 0.28, 0.31, 0.33, 0.36, 0.39, 0.42],
        "val_accuracy": [0.83, 0.88, 0.90, 0.91, 0.915, 0.93, 0.92, 0.92, 0.91],
    }
    losses = [0.5, 0.3, 0.4, 0.3, 0.6]
    tie = dict.fromkeys(history, losses)
    answer, answer_to_tie = _epoch(best_epoch, history), _epoch(best_epoch, tie)
    expect(
        answer != answer_to_tie,
        f"`best_epoch` returned {answer:g} for two histories whose best epochs differ. Use the "
        "argument `history`, not `curves`.",
    )
    mistakes = {
        3: "that is the right one, counted from 0. Epochs are counted from 1.",
        7: "there the loss on the *training* images is lowest. Look at val_loss.",
        6: "there the validation *accuracy* is highest. Look for the lowest val_loss.",
        1: "there the validation loss is *highest*. Look for the lowest.",
        0.28: "that is the lowest validation loss itself. In which epoch was it reached?",
        9: "that is the last epoch. Look for the lowest val_loss.",
    }
    for wrong, mistake in mistakes.items():
        expect(answer != wrong, f"`best_epoch` returned {answer:g}: {mistake}")
    expect(
        answer == 4,
        f"`best_epoch` returned {answer:g}; expected 4 for the validation losses "
        f"{history['val_loss']}.",
    )
    expect(
        answer_to_tie == 2,
        f"for the validation losses {losses} `best_epoch` returned {answer_to_tie:g}; expected 2, "
        "the first of the two lowest.",
    )
    return "the lowest validation loss, counted from 1."


@task("going_wrong.html#what-you-see-and-what-to-try")
def diagnose(diagnose: Any) -> str:
    """Check a function that names what learning curves show."""
    for accuracy, val_loss, expected, overlooked in _CURVES:
        history = {
            "loss": [0.5, 0.1, 0.01],
            "accuracy": accuracy,
            "val_loss": val_loss,
            "val_accuracy": [0.8, 0.86, 0.89],
        }
        with advise(_ADVICE):
            answer = call(diagnose, history)
        expect(
            isinstance(answer, str),
            f"`diagnose` returned {kind(answer)}; expected a text: one of {', '.join(DIAGNOSES)}.",
        )
        expect(
            answer in DIAGNOSES,
            f"`diagnose` returned {answer!r}; expected exactly one of {', '.join(DIAGNOSES)}, in "
            "small letters.",
        )
        expect(
            answer == expected,
            f"for training accuracies {accuracy} and validation losses {val_loss} `diagnose` "
            f"returned {answer!r}; expected {expected!r}. "
            f"{overlooked.get(answer, _NOT_LOW if answer == 'underfitting' else _ACCURACY)}",
        )
    return "the three cases are told apart."


# What `call` says of mistakes with histories, and what helps.
_ADVICE = {
    "has no attribute 'history'": "`history` is the dictionary itself.",
    "`diagnose` returned None": "It has to return a text in all three cases.",
}

# Accuracy, val_loss, the right answer, and what a wrong one overlooks, if not the accuracy.
_CURVES = [
    ([0.80, 0.85, 0.88], [0.50, 0.45, 0.42], "underfitting", {}),
    (
        [0.80, 0.95, 0.99],
        [0.50, 0.40, 0.39],
        "good",
        {"overfitting": f"The validation loss never rose. {_RATIO}"},
    ),
    (
        [0.80, 0.95, 0.99],
        [0.30, 0.20, 0.28],
        "overfitting",
        {"good": "The last validation loss, 0.28, is 40% above the lowest, 0.20."},
    ),
    (
        [0.80, 0.95, 0.99],
        [0.30, 0.20, 0.21],
        "good",
        {"overfitting": "The last validation loss, 0.21, is only 5% above the lowest, 0.20."},
    ),
    (
        [0.80, 0.95, 0.99],
        [3.00, 2.00, 2.15],
        "good",
        {"overfitting": "10% means a tenth of the lowest one, not 0.1."},
    ),
    (
        [0.80, 0.95, 0.99],
        [0.20, 0.24, 0.25],
        "overfitting",
        {"good": f"The lowest one is that of any epoch, not that of the epoch before. {_RATIO}"},
    ),
    (
        [0.60, 0.70, 0.80],
        [0.30, 0.20, 0.40],
        "underfitting",
        {"overfitting": "Both rules apply here, and the one about the accuracy comes first."},
    ),
    (
        [0.80, 0.92, 0.85],
        [0.30, 0.20, 0.20],
        "underfitting",
        {"good": "The accuracy was higher before, but the last one decides."},
    ),
    (
        [0.80, 0.85, 0.90],
        [0.50, 0.45, 0.42],
        "good",
        {"underfitting": "An accuracy of exactly 0.9 is not *below* 0.9."},
    ),
]


def _epoch(best_epoch: Any, history: Mapping[str, Any]) -> float:
    """Return what a learner's function takes for the best epoch."""
    with advise(_ADVICE):
        answer = call(best_epoch, history)
    try:
        return float(answer)
    except (TypeError, ValueError):
        raise CheckError(f"`best_epoch` returned {kind(answer)}; expected one number.") from None


def _wrong_losses(probabilities: Any, labels: Any) -> list[tuple[float, str]]:
    """Return what the usual mistakes compute, each with what to say about it."""
    logs = np.log(probabilities)
    right = np.take_along_axis(probabilities, labels[:, None].astype(int), axis=1)
    costs = -np.log(right)
    columns = (
        "the labels were used as factors. Each label is a digit: the number of the column in which "
        "the probability of the right digit stands."
    )
    return [
        (
            -costs.mean(),
            "a loss is positive, and the logarithm of a probability is negative. There is a minus "
            "missing.",
        ),
        (costs.sum(), "that is the sum over the images. Take the mean."),
        (
            costs.mean() / 10,
            "that is the mean over all ten digits of every image. Divide by the number of images "
            "only.",
        ),
        (
            costs.mean() / np.log(2),
            "that is right to base 2. Take the natural logarithm, `np.log`.",
        ),
        (
            costs.mean() / np.log(10),
            "that is right to base 10. Take the natural logarithm, `np.log`.",
        ),
        (
            -np.log(right.mean()),
            "that is the logarithm of the mean. Take the mean of the logarithms.",
        ),
        (
            right.mean(),
            "that is the mean probability of the right digits. The logarithm is missing.",
        ),
        (
            1 - right.mean(),
            "that is how much is missing to a probability of 1. Take the logarithm instead.",
        ),
        (
            -logs.max(axis=1).mean(),
            "that looks at the digit with the *largest* probability. Take the one that the label "
            "names.",
        ),
        (
            -logs.mean(),
            "that is the mean over all probabilities. From each row, only the one in the column of "
            "its own label counts; `probabilities[:, labels]` takes more than that.",
        ),
        (
            -logs.sum(axis=1).mean(),
            "that sums all probabilities of an image. Only the one of the right digit counts.",
        ),
        (-(labels * logs).sum(axis=1).mean(), columns),
        (-(labels * logs).mean(), columns),
        (-(labels[:, None] * logs).sum(axis=1).mean(), columns),
        (-(labels[:, None] * logs).mean(), columns),
    ]


def _cause(model: Any, curves: Mapping[str, Any], mnist: MNIST) -> str:
    """Return what may have kept the network from the target, the surest cause first."""
    outputs = predict(model, normalize(mnist.train_images[:TRAINING:10]))
    known = float((outputs.argmax(axis=1) == mnist.train_labels[:TRAINING:10]).mean())
    return (
        _divergence(model, curves)
        or _missing_softmax(model, outputs)
        or _scale_mistake(model, mnist)
        or _little_known(known, curves)
        or _second_softmax(model, outputs)
        or _schedule_mistake(model)
        or _short_training(known, len(curves["loss"]))
        or _what_is_left(model)
    )


def _divergence(model: Any, curves: Mapping[str, Any]) -> str:
    """Say whether the learning rate was too high."""
    if not np.isfinite(curves["loss"][-1]):
        return "The loss is not a finite number any more: try a smaller learning rate."
    rate, _ = _learning_rate(model)
    adaptive = keras.optimizers.Adam | keras.optimizers.Nadam | keras.optimizers.RMSprop
    if rate >= 0.01 and isinstance(model.optimizer, adaptive):
        return (
            f"The learning rate is {rate:g}, at which the steps are too large to arrive anywhere. "
            "Try 0.001 or 0.002."
        )
    return ""


def _scale_mistake(model: Any, mnist: MNIST) -> str:
    """Say whether a network makes far fewer mistakes on images of another scale."""
    images = normalize(mnist.train_images[TRAINING::5])
    labels = mnist.train_labels[TRAINING::5]
    scales = {
        "raw gray values from 0 to 255": images * 255,
        "images divided by 255 a second time": images / 255,
        "standardized images": (images - images.mean()) / images.std(),
    }
    least = 1 - 0.8 * (1 - measure_accuracy(model, images, labels))
    if scale := find_better_scale(model, labels, scales, least):
        return (
            f"It does much better on {scale}, so it learned from such. `images` are between 0 and "
            "1 already: train on them as they are."
        )
    return ""


def _missing_softmax(model: Any, outputs: Any) -> str:
    if _are_probabilities(outputs) or _expects_logits(model):
        return ""
    return (
        "It does not end with softmax, so what it returns are no probabilities, and the loss "
        "takes them for such. Add softmax to the last layer, or give the loss from_logits=True."
    )


def _second_softmax(model: Any, outputs: Any) -> str:
    if not (_are_probabilities(outputs) and _expects_logits(model)):
        return ""
    return (
        "It ends with softmax, but its loss has from_logits=True, which means that there is "
        "none: leave one of them out. Then look at the hints for the rest."
    )


def _are_probabilities(outputs: Any) -> bool:
    return np.allclose(outputs.sum(axis=1), 1, atol=1e-3)


def _expects_logits(model: Any) -> bool:
    return bool(getattr(model.loss, "from_logits", False))


def _little_known(known: float, curves: Mapping[str, Any]) -> str:
    """Say whether the network guesses, or knows only some of the training images."""
    if known < 0.2:
        return "That is as good as guessing. Is it the model that was trained, and not a new one?"
    learned = float(np.max(curves.get("accuracy", [0])))
    if learned > known + 0.03:
        return (
            f"In training it reached {learned:.1%}, but it recognizes {known:.1%} of all "
            f"{TRAINING:,} training images. Did it see only a few, and learn those by heart? Train "
            "on all."
        )
    return ""


def _short_training(known: float, epochs: int) -> str:
    if epochs < 10:
        return (
            f"It was trained for {epochs} epoch{'' if epochs == 1 else 's'} only. Let it see the "
            "images more often."
        )
    if known < 0.97:
        return (
            f"Even of the training images it recognizes {known:.1%} only: train for more "
            "epochs, or at a higher learning rate in the beginning."
        )
    return ""


def _what_is_left(model: Any) -> str:
    rate, constant = _learning_rate(model)
    if constant:
        return (
            f"The learning rate stays at {rate:g} to the end, so luck decides where the last steps "
            "lead. Let it fall to 0, and take larger batches: see the hints."
        )
    return "Larger batches, more epochs and weight decay help: see the hints."


def _learning_rate(model: Any) -> tuple[float, bool]:
    """Return the learning rate, of a schedule the first one, and whether it is constant."""
    if not model.compiled:
        return 0.0, False
    rate = model.optimizer.get_config()["learning_rate"]
    if isinstance(rate, dict):
        return float(rate["config"].get("initial_learning_rate", 0)), False
    return float(rate), True


def _schedule_mistake(model: Any) -> str:
    """Say whether a cosine decay ended long before or after the training."""
    rate = model.optimizer.get_config()["learning_rate"] if model.compiled else None
    if not isinstance(rate, dict) or rate["class_name"] != "CosineDecay":
        return ""
    schedule = keras.optimizers.schedules.deserialize(rate)
    end = schedule.decay_steps + schedule.warmup_steps
    taken = int(model.optimizer.iterations)
    if end < 0.9 * taken and float(schedule(end)) == 0:
        return (
            f"The learning rate was 0 after {end:,} of {taken:,} steps, and from then on nothing "
            "was learned: `steps` has to count the batches of *all* epochs."
        )
    last = float(schedule(taken))
    if end > taken and last > 0.1 * schedule.initial_learning_rate:
        return (
            f"The learning rate is still {last:.2g} at the end: `steps` is larger than the number "
            f"of batches trained, {taken:,}. Let the two agree."
        )
    return ""

"""Checks of assignment 09, a bonus: shift, choose, and train a network past 99.0%."""

import functools
import math
import re
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

import numpy as np
from scipy import ndimage

from mnist_course._backend import keras
from mnist_course.data import load_mnist
from mnist_course.preprocessing import normalize

from .core import (
    CheckError,
    call,
    expect,
    expect_array,
    find_better_scale,
    kind,
    measure_accuracy,
    rephrase,
    task,
)

LARGEST = 300_000  # parameters
MARKS = (0.975, 0.985, 0.99)  # accuracies on the test images that the grade asks for
# Names in a function that lead to data it was not given, and those that only look like it.
TEST_DATA = re.compile(r"(?:^|_)test", re.IGNORECASE)
NO_TEST_DATA = {"train_test_split", "test_on_batch"}
LOADERS = {"load_mnist", "load_data"}
MISSING = object()  # stands for a None that is not just an answer never attempted

# No pixel is 0, so that every pixel that comes in from outside can be told from the others.
IMAGES = np.random.default_rng(7).integers(1, 256, (30, 28, 28), dtype=np.uint8)

BUDGET = 120_000
CANDIDATES: list[dict[str, Any]] = [
    dict(zip(("name", "parameters", "validation_accuracy", "test_accuracy"), values, strict=True))
    for values in (
        ("narrow", 40_000, 0.971, 0.969),
        ("lucky", 90_000, 0.969, 0.988),
        ("huge and lucky", 800_000, 0.985, 0.993),
        ("exactly as large as allowed", BUDGET, 0.984, 0.979),
        ("a bit smaller", BUDGET - 500, 0.981, 0.980),
        ("huge", 900_000, 0.992, 0.987),
        ("last", 60_000, 0.975, 0.972),
    )
]


@task("beyond_98.html#digits-that-nobody-wrote")
def shift(shift: Any) -> str:
    """Check a function that moves images by whole pixels."""
    images = IMAGES
    answer = _shifted(shift, images, 2, 3)
    expect(not np.array_equal(answer, images), "nothing moved: the images came back as they are.")
    rolled = np.roll(images, (2, 3), axis=(1, 2))
    reordered = (
        "the images changed places with each other, but should only move inside their own frame: "
        "axis 0 counts the images, axis 1 the rows, axis 2 the columns"
    )
    for mistaken, mistake in (
        (
            rolled,
            "what left the images on one side came back on the other, as with `np.roll` or with "
            "negative indices. Fill with 0 what becomes free",
        ),
        (
            _expected(images, -2, -3),
            "the images moved up and left. Positive numbers should move them down and right",
        ),
        (
            _expected(images, 3, 2),
            "the images moved 3 pixels down and 2 to the right: the two are swapped. Axis 1 "
            "counts the rows, so `down` belongs to it, and `right` to axis 2",
        ),
        (ndimage.shift(images, (2, 3, 0), order=0), reordered),
        (np.roll(images, (2, 3), axis=(0, 1)), reordered),
    ):
        expect(not np.array_equal(answer, mistaken), f"with down=2 and right=3, {mistake}.")
    _expect_shifted(answer, images, 2, 3)
    for down, right in ((-2, -3), (4, -1), (0, 5), (-3, 0), (0, 0), (28, 0), (1, -28)):
        _expect_shifted(_shifted(shift, images, down, right), images, down, right)
    for given in (images, normalize(images)):
        answer = _shifted(shift, given, 1, 1)
        _expect_shifted(answer, given, 1, 1)
        dtype = str(given.dtype)
        expect_array(answer, f"for images of {dtype}, the result", shape=given.shape, dtype=dtype)
    return "down, up, right, left, not at all, and out of sight, and nothing came back in."


@task("beyond_98.html#choose-without-peeking")
def choose(choose: Any) -> str:
    """Check a function that names the network to hand in."""
    answer = _chosen(choose, CANDIDATES, BUDGET)
    expect(
        not isinstance(answer, dict),
        "`choose` returned the whole dictionary of a candidate; expected its name.",
    )
    names = [candidate["name"] for candidate in CANDIDATES]
    expect(
        isinstance(answer, str) and answer in names,
        f"`choose` returned {kind(answer)}; expected a name, such as {names[0]!r}.",
    )
    chosen = CANDIDATES[names.index(answer)]
    expect(
        answer not in ("lucky", "huge and lucky"),
        f"{answer!r} was chosen on the test images: only there it is the best. The best of several "
        "is partly the luckiest, so these images can no longer say how good it is on new ones. "
        "Choose by the validation accuracy.",
    )
    expect(
        chosen["parameters"] <= BUDGET,
        f"{answer!r} has {chosen['parameters']:,} parameters, and the budget was {BUDGET:,}. Only "
        "those that the budget allows take part.",
    )
    expect(
        answer != "a bit smaller",
        f"a network with exactly {BUDGET:,} parameters was left out, but the budget was "
        f"{BUDGET:,}: exactly that many are allowed, more are not.",
    )
    expect(
        answer != names[-1],
        f"{answer!r} is the last of the list, not the best. If you wrote a loop: where does it "
        "keep the highest validation accuracy so far, and when does that change?",
    )
    _expect_best(answer, CANDIDATES, BUDGET)
    for budget in (40_000, 100_000, 850_000, 10**9):
        for candidates in (CANDIDATES, CANDIDATES[::-1]):
            _expect_best(_chosen(choose, candidates, budget), candidates, budget)
    return "chosen on the validation images, within the budget."


def _tell_missing_from_untouched(check: Callable[..., None]) -> Callable[..., None]:
    """Replace None by `MISSING` if there is an answer, which `task` would call not attempted."""

    @functools.wraps(check)
    def run(train_network: Any, model: Any, history: Any) -> None:
        if _is_written(train_network):
            model, history = (MISSING if made is None else made for made in (model, history))
        check(train_network, model, history)

    return run


@_tell_missing_from_untouched
@task("beyond_98.html#what-helped-and-what-was-luck")
def train_network(train_network: Any, model: Any, history: Any) -> str:
    """Check a network, how it was trained, and what the code that trained it looked at."""
    expect(callable(train_network), f"`train_network` is {kind(train_network)}, no function.")
    expect(
        model is not MISSING,
        "`train_network` is written, but `model` is still None: did the cell above stop with an "
        "error, or is its last line missing?",
    )
    expect(
        not isinstance(history, keras.Model),
        "the network came second: `return model, history`, in this order.",
    )
    expect(
        isinstance(model, keras.Model),
        f"`model` is of type {type(model).__name__}; expected a trained Keras model.",
    )
    expect(
        isinstance(history, keras.callbacks.History),
        f"`history` is {'None' if history is MISSING else f'of type {type(history).__name__}'}; "
        "expected what `fit` returned, as it is.",
    )
    _expect_no_other_data(train_network)

    _expect_network(model)
    metrics, parameters = history.history, model.count_params()
    _expect_validated(metrics)

    mnist = load_mnist()
    images, labels = normalize(mnist.test_images), mnist.test_labels
    accuracy = measure_accuracy(model, images, labels)
    tests = f"of the {len(images):,} test images"
    if accuracy < MARKS[-1]:
        passed = [f"{100 * mark:.1f}%" for mark in MARKS if mark <= accuracy]
        earned = f" It has passed {' and '.join(passed)}, which earns points." if passed else ""
        # Rounded down, so that it never looks like the mark; one decimal, so that nobody is
        # tempted to choose by it.
        rounded = math.floor(1000 * accuracy + 1e-6) / 10
        raise CheckError(
            f"the network reads {rounded:.1f}% {tests}; expected {100 * MARKS[-1]:.1f}%.{earned} "
            f"{_advice(model, metrics, accuracy, images, labels)}"
        )
    return f"the network reads {100 * accuracy:.2f}% {tests}, with {parameters:,} parameters."


def _shifted(shift: Any, images: Any, down: int, right: int) -> Any:
    """Return a learner's answer as an array; say with which numbers it failed."""
    given = f"with down={down} and right={right}"
    with rephrase(lambda failure: f"{given}, {failure}{_trap(down, right)}"):
        answer = np.asarray(call(shift, images, down, right))
    expect(
        answer.shape == images.shape,
        f"{given}, the result has shape {answer.shape}; expected {images.shape}, as many images "
        "of the same size.",
    )
    return answer


def _expected(images: Any, down: int, right: int) -> Any:
    return ndimage.shift(images, (0, down, right), order=0)


def _expect_shifted(answer: Any, images: Any, down: int, right: int) -> None:
    expected = _expected(images, down, right)
    wrong = answer != expected
    if not wrong.any():
        return
    image, row, column = (int(i) for i in np.argwhere(wrong)[0])
    raise CheckError(
        f"with down={down} and right={right}, row {row}, column {column} of an image is "
        f"{answer[image, row, column]:.4g}; expected {expected[image, row, column]:.4g}"
        + ("." if expected[image, row, column] else ", the background, which comes in.")
        + _trap(down, right)
    )


def _trap(down: int, right: int) -> str:
    """Say what is special about moving by these numbers, if anything is."""
    if min(down, right) < 0:
        return " Negative numbers should move the images up and left."
    if 0 in (down, right):
        return " 0 is a trap: a slice that ends at -0 is empty."
    return ""


def _chosen(choose: Any, candidates: list[dict[str, Any]], budget: int) -> Any:
    """Return a learner's choice; say what is special about lists and dictionaries if it failed."""

    def say(failure: str) -> str:
        if "changed the data" in failure:
            return (
                "`choose` changed the list it was given, which everybody else still needs. "
                "`sorted` makes a new list; `.sort()` changes the one you were given, and so does "
                "`.remove()`."
            )
        keys = f" The keys of a candidate are {', '.join(map(repr, candidates[0]))}."
        return failure + keys if "KeyError" in failure else failure

    with rephrase(say):
        return call(choose, candidates, budget)


def _expect_best(answer: Any, candidates: list[dict[str, Any]], budget: int) -> None:
    allowed = [c for c in candidates if c["parameters"] <= budget]
    accuracies = {c["name"]: c["validation_accuracy"] for c in allowed}
    highest = max(accuracies.values())
    expect(
        answer in accuracies and accuracies[answer] == highest,
        f"with a budget of {budget:,} parameters, `choose` returned {answer!r}; expected the "
        f"candidate with a validation accuracy of {highest}, the highest that the budget allows.",
    )


def _is_written(function: Any) -> bool:
    """Whether there is a function that does more than to raise NotImplementedError."""
    code = getattr(function, "__code__", None)
    return callable(function) and getattr(code, "co_names", ()) != ("NotImplementedError",)


def _expect_no_other_data(function: Any) -> None:
    """Fail if the code of a function mentions the test images, or loads data by itself."""
    code = getattr(function, "__code__", None)
    for name in sorted(set(_names(code))) if code else ():
        expect(
            name in NO_TEST_DATA or not TEST_DATA.search(name),
            f"`train_network` mentions `{name}`. It should not know the test images, not even as "
            "`validation_data`: what helps you to choose cannot examine your choice. Hold back "
            "part of the training images instead, as `validation_split` does.",
        )
        expect(
            name not in LOADERS,
            f"`train_network` calls `{name}`. It is given all the images that it should know.",
        )


def _names(code: CodeType) -> Iterator[str]:
    """Yield the names of all that a function uses and did not make itself."""
    yield from code.co_names
    yield from code.co_freevars
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _expect_network(model: Any) -> None:
    """Fail unless a network is small enough, and gives ten numbers for each image."""
    expect(model.built, "the network has no weights yet: it was never trained.")
    parameters = model.count_params()
    expect(
        parameters <= LARGEST,
        f"the network has {parameters:,} parameters; expected at most {LARGEST:,}. "
        "`model.summary()` shows which layer has the most.",
    )
    takes = getattr(model, "input_shape", (None, 28, 28))
    expect(
        takes in ((None, 28, 28), (None, 28, 28, 1)),
        f"the network takes inputs of shape {takes}; expected images, (None, 28, 28). Let it do "
        "the rest itself: begin with `Flatten`, or with `Reshape((28, 28, 1))` before a "
        "convolution.",
    )
    gives = model.predict(np.zeros((2, 28, 28), np.float32), verbose=0).shape
    expect(
        gives == (2, 10),
        f"for 2 images, the network gives an array of shape {gives}; expected (2, 10), a number "
        "for each digit.",
    )


def _expect_validated(metrics: dict[str, Any]) -> None:
    """Fail unless a training measured the validation accuracy."""
    expect(
        any(name.startswith("val_") for name in metrics),
        "`history` has no `val_accuracy`, so nothing but the test images could tell you how good "
        "the network is: hold back part of the images with `validation_split`.",
    )
    expect(
        "val_accuracy" in metrics,
        f"`history` has no `val_accuracy`, but {', '.join(metrics)}: compile the network with "
        '`metrics=["accuracy"]`.',
    )


def _advice(model: Any, metrics: dict[str, Any], accuracy: float, images: Any, labels: Any) -> str:
    """Say what looks like the cause of an accuracy that is too low."""
    scales = {
        "divided by 255 again": images * np.float32(1 / 255),
        "multiplied by 255": images * np.float32(255),
    }
    if done := find_better_scale(model, labels, scales, max(accuracy + 0.01, 0.5)):
        return (
            f"It would read more if they were {done}, so it was trained on such images. The "
            "images that `train_network` gets are normalized: leave their values alone."
        )
    layers = list(_layers(model))
    if any(isinstance(layer, keras.layers.RandomFlip) for layer in layers):
        return "It learned from mirrored digits, which nobody writes: leave `RandomFlip` out."
    if accuracy < 0.8:
        return _advice_for_bad_training(accuracy, layers)
    validated = metrics["val_accuracy"][-1]
    learned = metrics["accuracy"][-1] if "accuracy" in metrics else validated
    if learned > max(0.99, validated + 0.01):
        return (
            f"In its last epoch it read {100 * learned:.1f}% of the images it learned from, but "
            f"{100 * validated:.1f}% of the validation images: it begins to know them by heart. "
            "Show it other variations of them in every epoch, and look at the validation accuracy "
            "to see what helps."
        )
    return (
        "Train for more epochs, or let the learning rate fall to 0 towards the end, and look at "
        "the validation accuracy to see what helps."
    )


def _advice_for_bad_training(accuracy: float, layers: list[Any]) -> str:
    guessing = "That is hardly more than guessing: was it trained? " if accuracy < 0.2 else ""
    random = any(type(layer).__name__.startswith("Random") for layer in layers)
    channel = (
        " Keras's random layers need a channel, `Reshape((28, 28, 1))` before them, and "
        '`fill_mode="constant"`.'
    )
    return (
        f"{guessing}It learns hardly anything. Did every image keep its own label? Do the last "
        "activation and the loss belong together (softmax with "
        "`sparse_categorical_crossentropy`)? Does the learning rate fall to 0 too early? It "
        f"counts batches, not epochs.{channel if random else ''}"
    )


def _layers(model: Any) -> Iterator[Any]:
    """Yield the layers of a model, and those of the models among them."""
    for layer in model.layers:
        yield layer
        if isinstance(layer, keras.Model):
            yield from _layers(layer)

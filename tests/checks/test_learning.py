"""What the checks of 05_learning say of napkins and of trained networks."""

from contextlib import suppress
from fractions import Fraction

import numpy as np
import pytest

from mnist_course.checks import learning
from mnist_course.checks.core import CheckError, NotAttemptedError

SLIPS = [
    pytest.param(name, slip, text, id=f"{name}={slip}")
    for name, slips in learning._SLIPS.items()
    for slip, text in slips.items()
]


def said(check, answer) -> str:
    with pytest.raises(CheckError) as raised:
        check(answer)
    return str(raised.value)


def test_the_napkin_agrees_with_nudging(capsys: pytest.CaptureFixture[str]) -> None:
    for name, slope in learning.NAPKIN.items():
        up, down = learning._napkin_loss(name, 1e-6), learning._napkin_loss(name, -1e-6)
        assert (up - down) / 2e-6 == pytest.approx(slope, abs=1e-6)
    assert learning._napkin_loss() == 15.25
    learning.napkin(dict(learning.NAPKIN))
    assert "Well done" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "slip", "text"), SLIPS)
def test_a_slip_on_the_napkin_is_named(name: str, slip: float, text: str) -> None:
    assert slip != learning.NAPKIN[name]
    assert text in said(learning.napkin, learning.NAPKIN | {name: slip})


def test_another_number_on_the_napkin_hears_what_nudging_does() -> None:
    assert (
        "`slopes['h1']` is 1.23. But if h1 grows by 0.01, the loss goes from 15.25 to 15.1805.\n"
        in (said(learning.napkin, learning.NAPKIN | {"h1": 1.23}))
    )
    assert "if z2 grows by 0.01, the loss doesn't change.\n" in said(
        learning.napkin, learning.NAPKIN | {"z2": 1.23}
    )


def test_an_empty_napkin_is_not_attempted() -> None:
    with pytest.raises(NotAttemptedError):
        learning.napkin(dict.fromkeys(learning.NAPKIN))


def network(first: int = 784, *, dtype: str = "float64", value: float = 0.0) -> list[tuple]:
    sizes = [(first, 4), (4, 4), (4, 10)]
    return [(np.full(s, value, dtype), np.full(s[1], value, dtype)) for s in sizes]


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        (network()[:2], "expected three pairs"),
        ([*network()[:2], network()[0]], "layer 3 that `train` returned has weights of shape"),
        (network(28), "expected (784, 4) and (4,)"),
        (network(dtype="U1"), "expected numbers"),
        (network(value=np.nan), "gives nan for 100% of 10,000 images"),
        (network(), "Its most frequent answer makes up 100% of all"),
    ],
)
def test_a_network_hears_what_was_measured(layers: list[tuple], sentence: str) -> None:
    assert sentence in said(learning.train, lambda images, labels: layers)


IMAGES = np.random.default_rng(0).random((40, 6), dtype=np.float32)
LABELS = np.arange(40) % 10


def start(*sizes: int) -> list[tuple]:
    return learning._network(np.random.default_rng(1), *sizes)


def step(x, y, layers, rate):
    return learning._step(x, y, layers, rate)


def keeps_nothing(images, labels):
    layers = start(6, 5, 4, 10)
    for first in range(0, 40, 8):
        step(images[first : first + 8], labels[first : first + 8], layers, 0.1)


def mixes_images_and_labels(images, labels):
    layers = start(6, 5, 4, 10)
    for first in range(0, 40, 20):
        layers = step(images[first : first + 20], labels[20:] // 5, layers, rate=0.3)


def takes_one_digit_at_a_time(images, labels):
    layers = start(6, 5, 4, 10)
    for digit in range(10):
        layers = step(images[labels == digit], labels[labels == digit], layers, 0.1 / (1 + digit))


def has_empty_batches(images, labels):
    layers = start(6, 5, 4, 10)
    for first in range(0, 40, 8):
        layers = step(images[first:8] / 255, labels[first:8], layers, 0.1)


def begins_with_zeros(images, labels):
    zeros = [(0 * weights, 0 * biases) for weights, biases in start(6, 5, 4, 10)]
    step(images, labels, zeros, 0.1)


def has_two_layers(images, labels):
    step(images, labels, start(6, 5, 10), 0.1)


def has_nine_outputs(images, labels):
    step(images, labels, start(6, 5, 4, 9), 0.1)


def gives_one_hot_labels(images, labels):
    step(images, np.eye(10)[labels], start(6, 5, 4, 10), 0.1)


@pytest.mark.parametrize(
    ("train", "sentence"),
    [
        (keeps_nothing, "4 of the steps began with other layers than the step before"),
        (keeps_nothing, "5 times, with 8 images, at a rate of 0.1. (An epoch takes 5 such steps.)"),
        (mixes_images_and_labels, "10% of the images came with their own label"),
        (takes_one_digit_at_a_time, "at a rate of 0.1 at first and 0.01 at last"),
        (takes_one_digit_at_a_time, "In 10 of the batches, all labels were the same"),
        (has_empty_batches, "4 of the batches were empty"),
        (has_empty_batches, "The largest pixel was 0.0038"),
        (begins_with_zeros, "the weights of the first layer went from 0 to 0"),
        (has_two_layers, "a network 6-5-10; expected three layers"),
        (has_nine_outputs, "a network 6-5-4-9; expected 10 outputs"),
        (gives_one_hot_labels, "float64 with shape (40, 10) as labels"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # a mean of nothing
def test_the_steps_of_a_loop_are_measured(train, sentence: str) -> None:
    steps = learning._Steps(IMAGES, LABELS)
    with suppress(ValueError, IndexError):
        steps.watched(train)(IMAGES, LABELS)
    assert sentence in f"{steps.describe_misfit()} {steps.describe()}"


def test_a_loop_without_step_is_not_measured() -> None:
    steps = learning._Steps(IMAGES, LABELS)
    assert steps.watched(len) is len
    assert steps.describe() == steps.describe_misfit() == ""


def test_slopes_on_a_napkin_may_be_fractions(capsys: pytest.CaptureFixture[str]) -> None:
    slopes = {name: Fraction(slope) for name, slope in learning.NAPKIN.items()}
    learning.napkin(slopes)
    assert "Well done" in capsys.readouterr().out
    assert "`slopes['h1']` is 1.23." in said(learning.napkin, slopes | {"h1": Fraction(123, 100)})


def overwrites(hidden, slopes):
    for row, of_row in zip(hidden, slopes, strict=True):
        result = np.where(row > 0, of_row, 0)
    return result


@pytest.mark.parametrize(
    ("relu_back", "sentence"),
    [
        (overwrites, "the last part of it alone, as when each replaces the one before"),
        (
            lambda hidden, slopes: slopes * (hidden.astype(int) > 0),
            "Only outputs from 1 on open their gate here",
        ),
    ],
)
def test_slips_at_the_gates_are_named(relu_back, sentence: str) -> None:
    assert sentence in said(learning.relu_back, relu_back)


def loses_the_slope_of_tanh(x, y, layers):
    (_, _), (w2, _), (w3, _) = layers
    hidden1, hidden2, probabilities = learning._forward(x, layers)
    errors3 = learning._loss_back(probabilities, y)
    errors2 = errors3 @ w3.T * (hidden2 > 0)
    errors1 = errors2 @ w2.T
    errors1 * (1 - hidden1**2)
    return tuple(
        learning._to_layer(inputs, errors)
        for inputs, errors in ((x, errors1), (hidden1, errors2), (hidden2, errors3))
    )


def loses_its_mask(x, y, layers):
    (_, _), (w2, _), (w3, _) = layers
    hidden1, hidden2, probabilities = learning._forward(x, layers)
    errors3 = learning._loss_back(probabilities, y)
    errors2 = errors3 @ w3.T
    errors2 * (hidden2 > 0)
    errors1 = errors2 @ w2.T * (1 - hidden1**2)
    return tuple(
        learning._to_layer(inputs, errors)
        for inputs, errors in ((x, errors1), (hidden1, errors2), (hidden2, errors3))
    )


@pytest.mark.parametrize(
    ("gradients", "sentence"),
    [
        (loses_its_mask, "There's no mask in the result"),
        (loses_the_slope_of_tanh, "The slope of tanh isn't in the result"),
    ],
)
def test_what_is_computed_and_lost_is_not_called_absent(gradients, sentence: str) -> None:
    assert sentence in said(learning.gradients, gradients)

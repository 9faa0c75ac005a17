"""The check of a trained network praises at the goal, and states facts below it."""

from collections.abc import Callable

import keras
import numpy as np
import pytest

from mnist_course import build_mlp
from mnist_course.checks import training
from mnist_course.checks.core import CheckError, NotAttemptedError

CURVES = {"loss": [0.7, 0.1], "val_loss": [0.5, 0.1]}


def train_network() -> object:
    return build_mlp()


def untouched() -> object:
    raise NotImplementedError


def compiled(
    optimizer: object = "adam", *, softmax: bool = True, loss: object | None = None
) -> keras.Model:
    activation = "softmax" if softmax else None
    model = keras.Sequential(
        [keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10, activation)]
    )
    model.compile(optimizer, loss or "sparse_categorical_crossentropy")
    return model


@pytest.mark.parametrize(
    ("accuracy", "points"), [(0.89, 0), (0.90, 1), (0.95, 2), (0.97, 4), (0.9799, 4), (0.98, 6)]
)
def test_only_the_goal_is_praised_and_the_points_are_told(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    accuracy: float,
    points: int,
) -> None:
    monkeypatch.setattr(training, "measure_accuracy", lambda *_: accuracy)
    monkeypatch.setattr(training, "describe_training", lambda *_: "")
    if points == 6:
        training.train_network(train_network, compiled(), CURVES)
        assert "98.00% of the 12,000 validation images" in capsys.readouterr().out
        return
    with pytest.raises(CheckError, match=rf"at least 98\.0% \(.* would earn {points} of 6 points"):
        training.train_network(train_network, compiled(), CURVES)


@pytest.mark.parametrize(("unseen", "noted"), [(0.981, False), (0.975, True)])
def test_known_validation_images_are_noted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], unseen: float, noted: bool
) -> None:
    shares = {12_000: 0.99, 10_000: unseen}
    monkeypatch.setattr(training, "measure_accuracy", lambda model, images, _: shares[len(images)])
    training.train_network(train_network, compiled(), CURVES)
    said = capsys.readouterr().out
    assert ("But of other new images, it recognizes 97.50%." in said) is noted


def returns_the_model(images: object) -> object:
    model = build_mlp()
    return model  # noqa: RET504


def test_a_missing_result_is_pointed_at() -> None:
    with pytest.raises(CheckError, match="Your line `return model` has 1 value; expected 2"):
        training.train_network(returns_the_model, None, None)


def test_what_was_written_is_never_called_not_attempted() -> None:
    with pytest.raises(CheckError, match="`model` is still None") as raised:
        training.train_network(train_network, None, None)
    assert not isinstance(raised.value, NotAttemptedError)
    with pytest.raises(NotAttemptedError):
        training.train_network(untouched, None, None)
    with pytest.raises(CheckError, match="`history` is None"):
        training.train_network(train_network, compiled(), None)


def begins_low(history: dict) -> int:
    lowest, epoch = 10, 0
    for number, loss in enumerate(history["val_loss"], 1):
        if loss < lowest:
            lowest, epoch = loss, number
    return epoch


def begins_low_at_1(history: dict) -> int:
    lowest = epoch = 1
    for number, loss in enumerate(history["val_loss"], 1):
        if loss < lowest:
            lowest, epoch = loss, number
    return epoch


@pytest.mark.parametrize(("best_epoch", "otherwise"), [(begins_low, 0), (begins_low_at_1, 1)])
def test_a_search_that_begins_too_low_is_named(
    best_epoch: Callable[[dict], int], otherwise: int
) -> None:
    with pytest.raises(CheckError) as raised:
        training.best_epoch(best_epoch)
    assert f"Large losses are never taken, and then it's always {otherwise}." in str(raised.value)
    assert "Losses above 1" not in str(raised.value)
    assert "with another number" not in str(raised.value)


def test_the_wrong_order_is_named() -> None:
    with pytest.raises(CheckError, match="the network came second"):
        training.train_network(train_network, CURVES, compiled())


FORMS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "multiplied by 255": lambda images: images * 255,
    "divided by 255 once more": lambda images: images / 255,
    "standardized": lambda images: (images - images.mean()) / images.std(),
    "from -1 to 1": lambda images: 2 * images - 1,
    "inverted": lambda images: 1 - images,
    "mirrored": lambda images: images[:, :, ::-1],
    "upside down": lambda images: images[:, ::-1],
    "transposed": lambda images: images.transpose(0, 2, 1),
}


@pytest.mark.parametrize("form", FORMS)
def test_images_that_a_network_reads_better_are_named(
    monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    images = FORMS[form](training.load_validation()[0][::5])

    def read(_: object, given: np.ndarray, __: object) -> float:
        return 0.96 if np.array_equal(given, images) else 0.5

    monkeypatch.setattr(training, "measure_accuracy", read)
    said = training._describe_other_images(None)
    assert form in said
    assert said.endswith("it reads 96.0%.")


def test_images_that_a_network_reads_a_little_better_are_not_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = training.load_validation()[0][::5]
    monkeypatch.setattr(
        training,
        "measure_accuracy",
        lambda _, given, __: 0.8 if np.array_equal(given, images) else 0.84,
    )
    assert training._describe_other_images(None) == ""


class OneRate(keras.optimizers.schedules.LearningRateSchedule):
    def __call__(self, step: object) -> float:
        return 0.5

    def get_config(self) -> dict:
        return {}


@pytest.mark.parametrize(
    ("optimizer", "said"),
    [
        (
            keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.002, 500)),
            "1,000 steps; its learning rate was 0.002 at the start, 0 halfway, and 0 at the end",
        ),
        (keras.optimizers.SGD(1e-5), "1,000 steps, and its learning rate is 1e-05."),
        (keras.optimizers.SGD(OneRate()), "1,000 steps, and its learning rate is 0.5 now."),
    ],
)
def test_steps_and_rates_are_measured(optimizer: keras.optimizers.Optimizer, said: str) -> None:
    model = compiled(optimizer)
    optimizer.iterations.assign(1000)
    assert said in training._describe_steps(model)


def test_outputs_that_the_loss_takes_for_something_else_are_named() -> None:
    images = training.load_validation()[0][:10]
    logits = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    say = training._describe_outputs
    assert say(compiled(), images) == ""
    assert say(compiled(softmax=False, loss=logits), images) == ""
    assert say(compiled(softmax=False, loss="mse"), images) == ""
    assert "has `from_logits=True`" in say(compiled(loss=logits), images)
    assert "takes them for probabilities" in say(compiled(softmax=False), images)


def test_a_network_that_knows_only_some_images_is_measured_on_all() -> None:
    assert training._describe_known({"accuracy": [0.8, 0.99]}, 0.9) == (
        "Of 4,800 training images, it reads 90.0%, but in `history`, the accuracy reached 99.0%."
    )
    assert training._describe_known({}, 0.9).endswith("reads 90.0%.")

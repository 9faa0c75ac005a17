"""The check of assignment 09 knows what a training function may know, and asks for room."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from scipy import stats

from mnist_course.checks import improving, training
from mnist_course.checks.core import CheckError
from mnist_course.checks.improving import _expect_no_other_data
from mnist_course.experiments.published import published

ROOT = Path(__file__).parents[2]
CURVES = {"loss": [0.1], "val_loss": [0.1]}

test_images = None


def peeks(images: object) -> object:
    return test_images


def peeks_in_a_lambda(images: object) -> object:
    return lambda: test_images


def peeks_two_deep(images: object) -> object:
    def train() -> object:
        return [test_images for _ in range(3)]

    return train


def loads(images: object) -> object:
    return (lambda: load_mnist())()  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize("function", [peeks, peeks_in_a_lambda, peeks_two_deep, loads])
def test_other_data_is_found(function: Callable[..., object]) -> None:
    with pytest.raises(CheckError, match=r"test_images|load_mnist"):
        _expect_no_other_data(function)


def test_a_variable_of_its_own_may_have_any_name() -> None:
    _expect_no_other_data(lambda images: [2 * image for image in images])


def takes_either(candidates: list, budget: int) -> object:
    best, highest = None, 0
    for candidate in candidates:
        accuracy = candidate["validation_accuracy"]
        if candidate["parameters"] <= budget or accuracy > highest:
            best, highest = candidate["name"], accuracy
    return best


def test_or_in_place_of_and_is_named() -> None:
    with pytest.raises(CheckError) as raised:
        improving.choose(takes_either)
    assert "last of all" not in str(raised.value)
    assert "the other of `and` and `or`" in str(raised.value)


def network(neurons: int) -> keras.Model:
    model = keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(neurons),
            keras.layers.Dense(10),
        ]
    )
    model.compile("adam", "mse")
    return model


def train_network(images: object) -> object:
    return network(3)


@pytest.mark.parametrize(
    ("accuracy", "points"), [(0.97, 0), (0.975, 3), (0.985, 4), (0.99, 6), (0.9909, 6)]
)
def test_below_the_goal_the_points_are_told(
    monkeypatch: pytest.MonkeyPatch, accuracy: float, points: int
) -> None:
    monkeypatch.setattr(training, "measure_accuracy", lambda *_: accuracy)
    monkeypatch.setattr(training, "describe_training", lambda *_: "")
    with pytest.raises(CheckError, match=rf"at least 99\.1% \(.* would earn {points} of 6 points"):
        improving.train_network(train_network, network(3), CURVES)


def test_the_goal_is_praised(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(training, "measure_accuracy", lambda *_: 0.991)
    improving.train_network(train_network, network(3), {"loss": [0.1]})
    said = capsys.readouterr().out
    assert "99.10% of the 12,000 validation images, with 2,395 parameters" in said
    assert "`history` has no val_loss" in said


def test_a_network_that_is_too_large_is_told_its_size() -> None:
    with pytest.raises(CheckError, match=r"has 401,485 parameters; expected at most 300,000"):
        improving.train_network(train_network, network(505), CURVES)


def test_the_notebook_tells_how_often_a_network_that_passes_misses_the_grade() -> None:
    study = published("augmented")
    lead = study.test_accuracies - study.validation_accuracies
    chances = stats.norm.cdf(0.99 - np.array([0.990, 0.991, 0.992]), lead.mean(), lead.std(ddof=1))
    cells = json.loads((ROOT / "solutions/09_improving/09_improving.ipynb").read_text())["cells"]
    prose = " ".join(" ".join("".join(cell["source"]) for cell in cells).split())
    claim = (
        r"the (\d+) networks of the course's study of the recipe `augmented`, a network with "
        r"exactly 99\.0% on the validation images misses 99\.0% on the test images with a chance "
        r"of ([\d.]+)%\. With 99\.1%, that chance falls to ([\d.]+)%, and with 99\.2% to ([\d.]+)%"
    )
    (found,) = re.findall(claim, prose)
    first, second, third = 100 * chances
    assert found == (str(len(lead)), f"{first:.0f}", f"{second:.0f}", f"{third:.1f}")

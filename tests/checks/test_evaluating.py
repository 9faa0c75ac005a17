"""The checks of evaluating whose answer isn't one value: any good interval, and a network."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import one_in_six
from scipy import stats

from mnist_course import load_mnist, normalize
from mnist_course.checks import evaluating
from mnist_course.checks.core import CheckError

GIVEN = Path(__file__).parents[1] / "submissions" / "07_evaluating" / "_given.py"


@pytest.fixture(scope="module")
def model() -> Any:
    """Return the network with which the submissions are graded, which needs no training."""
    (images, labels), (test_images, _) = load_mnist()
    space: dict[str, Any] = {
        "np": np,
        "normalize": normalize,
        "train_images": images,
        "train_labels": labels,
        "test_images": test_images[:10],
    }
    exec(GIVEN.read_text(), space)
    return space["model"]


def read(model: Any, image: Any) -> int:
    return int(model.predict(normalize(image)[np.newaxis], verbose=0)[0].argmax())


def test_a_correct_reading_is_praised(model: Any, capsys: pytest.CaptureFixture[str]) -> None:
    evaluating.predict_digit(read, model)
    assert capsys.readouterr().out.startswith("Well done: MNIST digits, faint ones")


@pytest.mark.parametrize("sentence", one_in_six([*evaluating.PREPARATIONS, *evaluating.READINGS]))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # a mistake may divide by zero
def test_each_mistake_in_reading_is_named(model: Any, sentence: str) -> None:
    check = evaluating.reading(model)
    with pytest.raises(CheckError) as raised:
        check(check.mistakes[sentence])
    assert f" {sentence}\n" in str(raised.value)


def of_shape(*shape: int) -> Callable[[Any, Any], int]:
    return lambda model, image: int(
        model.predict(normalize(image).reshape(shape), verbose=0).argmax()
    )


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(28, 28), (1, 784), (784,)])
def test_the_shape_that_a_network_refuses_is_reported(model: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(CheckError) as raised:
        evaluating.predict_digit(of_shape(*shape), model)
    assert f"has shape {shape}. It takes a batch" in str(raised.value)


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda model, image: float(read(model, image)), "but as a float: 3.0; expected an `int`"),
        (lambda model, image: model.no_such(image), "has no attribute 'no_such'"),
        (lambda model, image: 5, "the result is 5; expected 3."),
    ],
)
def test_another_answer_gets_the_facts(model: Any, function: Callable[..., Any], said: str) -> None:
    with pytest.raises(CheckError) as raised:
        evaluating.predict_digit(function, model)
    assert said in str(raised.value)


def without_zero(model: Any, image: Any) -> int:
    return int(model.predict(normalize(image)[np.newaxis], verbose=0)[0][1:].argmax())


def test_the_line_of_a_slip_in_reading_is_named(model: Any) -> None:
    with pytest.raises(CheckError, match=r"with another slice than `\[1:\]`"):
        evaluating.predict_digit(without_zero, model)


def wilson_without_parentheses(accuracy: float, images: int) -> Any:
    p, n, z = accuracy, images, 1.96
    middle = p + z**2 / 2 * n
    reach = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    below = 1 + z**2 / n
    return (middle - reach) / below, (middle + reach) / below


def test_the_line_of_a_slip_in_another_formula_is_named() -> None:
    with pytest.raises(CheckError, match=r"line `middle = p \+ z\*\*2 / 2 \* n`"):
        evaluating.interval(wilson_without_parentheses)


@pytest.mark.parametrize("method", ["wilson", "exact"])
def test_other_good_intervals_are_praised(method: str) -> None:
    def interval(accuracy: float, images: int) -> Any:
        test = stats.binomtest(round(accuracy * images), images)
        return test.proportion_ci(method=method)

    evaluating.interval(interval)


def test_an_interval_may_use_more_digits_of_the_factor() -> None:
    evaluating.interval(
        lambda p, n: stats.norm.interval(0.95, loc=p, scale=np.sqrt(p * (1 - p) / n))
    )


def test_counts_may_be_a_list_of_lists() -> None:
    evaluating.confusion(evaluating.confusion.correct)

"""Numbers of the right shape and type that say nothing about the images earn nothing."""

from pathlib import Path

import pytest

from mnist_course.grading.course.assignment import read_assignment
from mnist_course.grading.judging.matrix import fill
from mnist_course.grading.judging.scoring import score
from mnist_course.grading.judging.student import Unconfined

SOLUTIONS = Path(__file__).parents[2] / "solutions"
CONSTANT = """
# %% scale
def scale(images):
    return np.full(images.shape, VALUE, np.float32)
# %% unscale
def unscale(images):
    return np.full(images.shape, np.nan_to_num(VALUE, posinf=255, neginf=0), np.uint8)
# %% standardize
def standardize(train, test):
    return [np.full(images.shape, VALUE, np.float32) for images in (train, test)]
"""
# Below and above all numbers, too.
BOTH_INFINITIES = """
# %% standardize
def standardize(train, test):
    answers = [np.full(images.shape, np.inf, np.float32) for images in (train, test)]
    for answer in answers: answer[0] = -np.inf
    return answers
"""


@pytest.mark.parametrize("value", ["np.inf", "-np.inf", "np.nan", "1"])
def test_a_constant_earns_nothing(value: str) -> None:
    assert_earns_nothing(CONSTANT.replace("VALUE", value))


def test_both_infinities_earn_nothing() -> None:
    others = CONSTANT.replace("VALUE", "np.inf").partition("# %% standardize")[0]
    assert_earns_nothing(others + BOTH_INFINITIES)


def assert_earns_nothing(answers: str) -> None:
    assignment = read_assignment(SOLUTIONS, "02_normalizing")
    notebook = fill(assignment.notebook, answers)
    result = score(assignment, notebook, spawn=Unconfined().spawn)
    assert result.score == 0, result.cells

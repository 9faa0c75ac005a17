"""The check of the most confused pair sees through what is right on a good network only."""

import numpy as np
import numpy.typing as npt
import pytest

from mnist_course.checks import evaluating
from mnist_course.checks.core import CheckError


def by_place(matrix: npt.NDArray[np.int64]) -> tuple[int, ...]:
    mistakes = matrix.copy()
    np.fill_diagonal(mistakes, 0)
    return tuple(map(int, np.unravel_index(mistakes.argmax(), mistakes.shape)))


def by_size(matrix: npt.NDArray[np.int64]) -> tuple[int, ...]:
    """Leave out the largest count of each row, which is the diagonal of a good network."""
    mistakes = matrix.copy()
    mistakes[np.arange(10), matrix.argmax(axis=1)] = 0
    return tuple(map(int, np.unravel_index(mistakes.argmax(), mistakes.shape)))


def test_the_diagonal_is_left_out_by_its_place() -> None:
    evaluating.most_confused(by_place)
    with pytest.raises(CheckError, match="by its place, not by its size"):
        evaluating.most_confused(by_size)

"""Bars must stand at the digits they count, or the ticks must name these digits."""

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pytest

from mnist_course.checks.figures import describe
from mnist_course.checks.visualizing import stand_at_their_digits


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.mark.parametrize(
    ("shift", "ticks", "right"),
    [(0, False, True), (0.5, False, True), (1, False, False), (-1, False, False), (1, True, True)],
)
def test_bars_of_counts(shift: float, ticks: bool, right: bool) -> None:
    digits = np.arange(10)
    plt.bar(digits + shift, 5 + digits)
    if ticks:
        plt.xticks(digits + shift, [str(digit) for digit in digits])
    (panel,) = describe(plt.gcf())
    assert stand_at_their_digits(panel) is right

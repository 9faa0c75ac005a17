"""A notebook is told from a terminal, and from a program that merely has Jupyter's packages."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from mnist_course import MNIST, normalize
from mnist_course._notebook import in_notebook
from mnist_course.evaluation import robustness

KERNEL = SimpleNamespace(get_ipython=lambda: SimpleNamespace(kernel=None))
TERMINAL = SimpleNamespace(get_ipython=lambda: SimpleNamespace())
PACKAGE_ONLY = SimpleNamespace(get_ipython=lambda: None)


@pytest.mark.parametrize(
    ("ipython", "expected"), [(KERNEL, True), (TERMINAL, False), (PACKAGE_ONLY, False)]
)
def test_only_a_kernel_is_a_notebook(
    monkeypatch: pytest.MonkeyPatch, ipython: object, expected: bool
) -> None:
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    assert in_notebook() is expected


class Undecided:
    """A model that is quick: Keras takes a tenth of a second for each prediction."""

    def predict(self, images: np.ndarray, **_: object) -> np.ndarray:
        return np.full((len(images), 10), 0.1)


def test_robustness_is_quiet_in_a_notebook(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], few: MNIST
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as kernels do
    for ipython, shown in ((TERMINAL, True), (KERNEL, False)):
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        robustness(Undecided(), normalize(few.test_images[:20]), few.test_labels[:20])
        assert ("Corrupting" in capsys.readouterr().err) is shown

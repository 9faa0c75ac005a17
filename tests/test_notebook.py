"""A notebook is told from a terminal, and from a program that merely has Jupyter's packages."""

import sys
from types import SimpleNamespace

import pytest

from mnist_course import MNIST, build_mlp, normalize
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


@pytest.mark.slow
def test_robustness_is_quiet_in_a_notebook(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], few: MNIST
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as kernels do
    for ipython, shown in ((TERMINAL, True), (KERNEL, False)):
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        robustness(build_mlp(seed=0), normalize(few.test_images[:20]), few.test_labels[:20])
        assert ("Corrupting" in capsys.readouterr().err) is shown

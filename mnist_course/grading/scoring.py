"""Run hidden tests against a submission: points per cell, and a sentence for each point missed.

Hidden tests are pytest files. `pytest` runs them here, in a trusted process; what they know of the
learner's code is what the fixture `student` tells them.
"""

import contextlib
import inspect
import io
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nbformat import NotebookNode

from mnist_course.data import MNIST, load_mnist
from mnist_course.errors import CourseError

from .assemble import assemble
from .assignment import Assignment
from .sandbox import Child
from .student import Session, Student, StudentError


@dataclass
class CellScore:
    """What a check cell earned.

    Attributes
    ----------
    points, max_points : float
        Earned and possible points.
    feedback : list of str
        A sentence for each reason why points are missing, each once.
    check : str
        What the learner's own check said in this run; empty if it was content.
    """

    points: float = 0.0
    max_points: float = 0.0
    feedback: list[str] = field(default_factory=list)
    check: str = ""


def hidden_points(tests: Path) -> dict[str, float]:
    """Add up the points of hidden tests, without running them.

    Parameters
    ----------
    tests : pathlib.Path
        A file of hidden tests.

    Returns
    -------
    dict of str to float
        The points of each check cell.

    Raises
    ------
    CourseError
        If the file cannot be collected, or a test lacks its points or its sentence.
    """
    hidden = _Hidden(session=None, seed=0)
    _pytest(tests, hidden, "--collect-only")
    return {name: cell.max_points for name, cell in hidden.cells.items()}


def score(
    assignment: Assignment,
    submission: NotebookNode,
    *,
    seed: int = 0,
    seconds_per_cell: float | None = None,
    spawn: Callable[[], Child] | None = None,
) -> dict[str, CellScore]:
    """Run a submission and judge it by the hidden tests.

    Parameters
    ----------
    assignment : Assignment
        What was asked.
    submission : nbformat.NotebookNode
        What came back; only its answer cells are used.
    seed : int, default 0
        Decides the inputs of the hidden tests.
    seconds_per_cell : float, optional
        How long a cell of the notebook may run; see `Session`.
    spawn : callable, optional
        What starts the process in which the notebook runs; see `Session`.

    Returns
    -------
    dict of str to CellScore
        The score of each check cell. Cells graded by hand are not among them.

    Raises
    ------
    CourseError
        If the hidden tests themselves cannot be run.
    """
    cells = assemble(assignment, submission)
    with Session(cells, seconds_per_cell=seconds_per_cell, spawn=spawn) as session:
        hidden = _Hidden(session, seed)
        _pytest(assignment.tests, hidden)
    for name, cell in hidden.cells.items():
        _, cell.check = session.failures.get(name, (False, ""))
    return hidden.cells


def _pytest(tests: Path, hidden: "_Hidden", *options: str) -> None:
    arguments = [str(tests), f"--rootdir={tests.parent}", f"--confcutdir={tests.parent}"]
    arguments += ["-c", "/dev/null", "--import-mode=importlib", "--assert=plain", "-q"]
    arguments += ["-p", "no:cacheprovider", *options]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        status = pytest.main(arguments, plugins=[hidden])
    # pytest leaves the module behind, and would use it again for another file of the same name.
    sys.modules.pop(tests.stem, None)
    if hidden.problem or status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        reason = hidden.problem or " ".join(said.getvalue().split())[-400:]
        raise CourseError(f"the hidden tests {tests} cannot be used: {reason}")


class _Hidden:
    """The pytest plugin that offers the fixtures and counts the points."""

    def __init__(self, session: Session | None, seed: int) -> None:
        self.session = session
        self.seed = seed
        self.cells: dict[str, CellScore] = {}
        self.problem = ""

    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", "points(n, cell): the points of a hidden test")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            marker = item.get_closest_marker("points")
            if marker is None or len(marker.args) != 1 or set(marker.kwargs) != {"cell"}:
                self.problem = f"{item.name} lacks @pytest.mark.points(n, cell=...)."
            elif not _sentence(item):
                self.problem = f"{item.name} lacks the sentence for the learner, its docstring."
            else:
                self._cell(item).max_points += marker.args[0]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Iterator[None]:
        report: Any = yield
        cell = self._cell(item)
        if call.when == "call" and report.passed:
            marker = item.get_closest_marker("points")
            assert marker is not None
            cell.points += marker.args[0]
        elif report.failed:
            error = call.excinfo.value if call.excinfo else None
            sentence = str(error) if isinstance(error, StudentError) else _sentence(item)
            if sentence not in cell.feedback:
                cell.feedback.append(sentence)
        return report  # type: ignore[no-any-return]

    def _cell(self, item: pytest.Item) -> CellScore:
        marker = item.get_closest_marker("points")
        return self.cells.setdefault(marker.kwargs["cell"] if marker else "", CellScore())

    @pytest.fixture
    def student(self, request: pytest.FixtureRequest) -> Student:
        cell = request.node.get_closest_marker("points").kwargs["cell"]
        assert self.session is not None
        return Student(self.session, cell.removeprefix("check_"))

    @pytest.fixture
    def rng(self, request: pytest.FixtureRequest) -> np.random.Generator:
        return np.random.default_rng([self.seed, zlib.crc32(request.node.name.encode())])

    @pytest.fixture
    def mnist(self) -> MNIST:
        return _mnist()

    @pytest.fixture
    def full_mnist(self) -> MNIST:
        mnist = _mnist()
        if not mnist.genuine:
            self.problem = (
                "they judge a network on all 10,000 test images of MNIST, and here is only the "
                "sample. Run 'mnist-course data', or set MNIST_COURSE_DATA."
            )
            pytest.fail(self.problem)
        return mnist


@cache
def _mnist() -> MNIST:
    return load_mnist()


def _sentence(item: pytest.Item) -> str:
    return " ".join((inspect.getdoc(getattr(item, "function", None)) or "").split())

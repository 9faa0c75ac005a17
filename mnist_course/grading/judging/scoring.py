"""Run hidden tests against a submission: points per cell, and a sentence for each point missed.

Hidden tests are pytest files. `pytest` runs them here, in a trusted process; what they know of the
learner's code is what the fixture `student` tells them.
"""

import contextlib
import dataclasses
import functools
import inspect
import io
import os
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbformat import NotebookNode, v4

from mnist_course.data import MNIST, load_mnist
from mnist_course.errors import CourseError, DataError
from mnist_course.grading.course.assignment import Assignment
from mnist_course.grading.sandbox.supervisor import Child
from mnist_course.grading.submissions.assemble import assemble, code_cells, code_to_run
from mnist_course.grading.submissions.notices import about_notebook, to_grader, to_learner
from mnist_course.grading.submissions.recognize import grade_id

from .labelled import Labelled
from .results import CellScore, Result, Status, versions
from .student import LEAST_STEADY, NotAttemptedError, Session, Student, StudentError


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
    hidden = _Hidden(session=None, seed=0, labelled=None)
    _pytest(tests, hidden, "--collect-only")
    return {name: cell.max_points for name, cell in hidden.cells.items()}


def score(
    assignment: Assignment,
    submission: NotebookNode,
    *,
    spawn: Callable[[], Child],
    seed: int = 0,
    labelled: Labelled | None = None,
) -> Result:
    """Run a submission and judge it by the hidden tests.

    Parameters
    ----------
    assignment : Assignment
        What was asked.
    submission : nbformat.NotebookNode
        What came back; see `assemble` for what of it is used.
    spawn : callable
        What starts the process in which the notebook runs; see `Session`.
    seed : int, optional
        Decides the inputs of the hidden tests; see `secret.read_seed`.
    labelled : tuple of (ndarray, ndarray), optional
        Images and labels on which to judge networks, instead of the test images of MNIST.

    Returns
    -------
    Result
        The score of each check cell, and the notebook as it ran.

    Raises
    ------
    CourseError
        If the hidden tests themselves cannot be run, or the notebook cannot.
    """
    start = time.monotonic()
    assembled = assemble(assignment, submission)
    notebook, found = assembled.notebook, assembled.sorted
    cells, runs = code_cells(notebook), code_to_run(notebook)
    lost = to_learner(found)
    with Session(runs, spawn=spawn, written=assembled.written, lost=lost) as session:
        hidden = _Hidden(session, seed, labelled)
        _pytest(assignment.tests, hidden)
    for name, outputs in session.outputs.items():
        cells[name].outputs = outputs
    for name, earned in hidden.cells.items():
        earned.check = session.said.get(name, "")
        answer = name.removeprefix("check_")
        reviews = []
        if earned.points and answer in session.testimony:
            reviews.append(session.testimony[answer])
        steadiness = session.steadiness.get(answer, 1.0)
        if earned.points and steadiness < LEAST_STEADY:
            reviews.append(
                f"Moved by half a pixel, {steadiness:.0%} of the test images are still taken for "
                f"the same digit, where a network keeps at least {LEAST_STEADY:.0%}: look whether "
                "the answer is a table of the test images."
            )
        earned.review = " ".join(reviews)
    notes = to_grader(found)
    for task in assignment.tasks:
        if task.answer in notes and task.check in hidden.cells:
            checked = hidden.cells[task.check]
            checked.review = f"{notes[task.answer]} {checked.review}".strip()
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and grade_id(cell) in lost:
            cell.source = f"*{lost[grade_id(cell)]}*"
    return Result(
        session.status,
        " ".join(filter(None, [session.reason, about_notebook(found)])),
        time.monotonic() - start,
        hidden.cells,
        nbformat.writes(notebook),
        versions(),
    )


def reject(assignment: Assignment, reason: str) -> Result:
    """Give a submission that cannot be run no points, and say why.

    Parameters
    ----------
    assignment : Assignment
        What was asked.
    reason : str
        A sentence for the learner and the instructor.
    """
    return _without_points(assignment, "rejected", reason, attempted=False)


def give_up(assignment: Assignment, status: Status, reason: str) -> Result:
    """Give a submission that could not be judged no points, until a person has looked at it.

    Parameters
    ----------
    assignment : Assignment
        What was asked.
    status : str
        What happened; see `Result`.
    reason : str
        A sentence for the learner and the instructor.
    """
    result = _without_points(assignment, status, reason, review=reason)
    return dataclasses.replace(result, versions=versions())


def _without_points(assignment: Assignment, status: Status, reason: str, **marks: Any) -> Result:
    """Return a result without points, whose cells all have the same marks."""
    notebook = assemble(assignment, v4.new_notebook()).notebook
    cells = {
        name: CellScore(0.0, points, [reason], **marks)
        for name, points in assignment.points.items()
    }
    return Result(status, reason, 0.0, cells, nbformat.writes(notebook))


def _pytest(tests: Path, hidden: "_Hidden", *options: str) -> None:
    arguments = [str(tests), f"--rootdir={tests.parent}", f"--confcutdir={tests.parent}"]
    arguments += ["-c", os.devnull, "--import-mode=importlib", "--assert=plain", "-q"]
    # Other plug-ins that happen to be installed have no say in a grade. The one left out collects
    # garbage ten times over, which takes as long as all the rest.
    arguments += ["-p", "no:cacheprovider", "-p", "no:unraisableexception"]
    arguments += ["--disable-plugin-autoload", *options]
    with contextlib.redirect_stdout(io.StringIO()) as said:
        status = pytest.main(arguments, plugins=[hidden])
    # pytest leaves the module behind, and would use it again for another file of the same name.
    sys.modules.pop(tests.stem, None)
    if hidden.problem or status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        reason = hidden.problem or " ".join(said.getvalue().split())[-400:]
        raise CourseError(f"the hidden tests {tests} cannot be used: {reason}")


class _Hidden:
    """The pytest plugin that offers the fixtures and counts the points."""

    def __init__(self, session: Session | None, seed: int, labelled: Labelled | None) -> None:
        self.session = session
        self.seed = seed
        self.labelled = labelled
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
            if isinstance(error, NotAttemptedError):
                cell.attempted = False
        return report  # type: ignore[no-any-return]

    def _cell(self, item: pytest.Item) -> CellScore:
        marker = item.get_closest_marker("points")
        return self.cells.setdefault(marker.kwargs["cell"] if marker else "", CellScore())

    @pytest.fixture(autouse=True)
    def _nothing_is_no_number(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("allclose", "array_equal", "array_almost_equal", "array_less"):
            strict = _with_something(getattr(np.testing, f"assert_{name}"))
            monkeypatch.setattr(np.testing, f"assert_{name}", strict)

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
        try:
            mnist = load_mnist()
        except DataError as error:  # which no learner can help
            self.problem = str(error)
            raise
        if self.labelled:
            images, labels = self.labelled
            return dataclasses.replace(mnist, test_images=images, test_labels=labels)
        return mnist


def _with_something(compare: Callable[..., None]) -> Callable[..., None]:
    """Refuse nothing in place of something: NumPy finds an empty array equal to any number."""

    @functools.wraps(compare)
    def compare_with_something(actual: Any, desired: Any, *args: Any, **options: Any) -> None:
        assert (np.size(actual) == 0) == (np.size(desired) == 0)
        compare(actual, desired, *args, **options)

    return compare_with_something


def _sentence(item: pytest.Item) -> str:
    return " ".join((inspect.getdoc(getattr(item, "function", None)) or "").split())

"""A worker tries a submission that crashed again, as the cause may have come from outside."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import nbformat
import pytest

from mnist_course.grading.batch import worker
from mnist_course.grading.batch.worker import Grader, Job
from mnist_course.grading.judging.results import Result
from mnist_course.grading.judging.supervisor import Judges
from mnist_course.grading.sandbox.limits import Limits

TESTS = """
import pytest

@pytest.mark.points(1, cell="check_add")
def test_adds(student):
    "Should add."
"""


NOTEBOOK = nbformat.writes(nbformat.v4.new_notebook())
JOB = Job("sums", NOTEBOOK, TESTS, 0, Limits(), confined=False, labelled=None)


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    grader = Grader(JOB, "sums")
    here = cast("Any", SimpleNamespace(name="0"))
    grader.setup(here)
    yield grader
    grader.teardown(here)


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        (["crashed", "graded"], "graded"),
        (["crashed", "crashed", "graded"], "graded"),
        (["crashed", "crashed", "crashed"], "crashed"),
        (["timeout"], "timeout"),
    ],
)
def test_only_what_crashes_three_times_has_crashed(
    grader: Grader, monkeypatch: pytest.MonkeyPatch, outcomes: list[str], status: str
) -> None:
    left = [Result(outcome, "", 0.0, {}, "") for outcome in outcomes]
    monkeypatch.setattr(Judges, "grade", lambda *_: left.pop(0))
    assert grader.grade(NOTEBOOK.encode()).status == status
    assert left == []


@pytest.mark.parametrize(
    ("seconds", "granted"),
    [(100.0, [1800, 1700, 1600]), (700.0, [1800, 1100]), (901.0, [1800]), (1800.0, [1800])],
)
def test_all_runs_together_have_the_time_of_one(
    grader: Grader, monkeypatch: pytest.MonkeyPatch, seconds: float, granted: list[float]
) -> None:
    now = 0.0
    runs = []

    def crash(judges: Judges, submission: bytes, spawn: object, limits: Limits) -> Result:
        nonlocal now
        now += seconds
        runs.append(limits.seconds_per_submission)
        return Result("crashed", "", seconds, {}, "")

    monkeypatch.setattr(Judges, "grade", crash)
    monkeypatch.setattr(worker, "time", SimpleNamespace(monotonic=lambda: now))
    assert grader.grade(NOTEBOOK.encode()).status == "crashed"
    assert runs == granted
    assert now <= Limits().seconds_per_submission

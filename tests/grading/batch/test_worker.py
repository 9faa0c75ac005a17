"""A worker tries a submission that crashed again, as the cause may have come from outside."""

from types import SimpleNamespace
from typing import Any, cast

import nbformat
import pytest

from mnist_course.grading.batch import worker
from mnist_course.grading.batch.worker import Grader, Job
from mnist_course.grading.judging.results import Result
from mnist_course.grading.sandbox.limits import Limits

TESTS = """
import pytest

@pytest.mark.points(1, cell="check_add")
def test_adds(student):
    "Should add."
"""


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
    monkeypatch: pytest.MonkeyPatch, outcomes: list[str], status: str
) -> None:
    left = [Result(outcome, "", 0.0, {}, "") for outcome in outcomes]
    monkeypatch.setattr(worker, "score", lambda *_, **__: left.pop(0))
    notebook = nbformat.v4.new_notebook()
    job = Job("sums", nbformat.writes(notebook), TESTS, 0, Limits(), confined=False, labelled=None)
    grader = Grader(job, "sums")
    here = cast("Any", SimpleNamespace(name="0"))
    grader.setup(here)
    try:
        assert grader.grade(nbformat.writes(notebook).encode()).status == status
    finally:
        grader.teardown(here)
    assert left == []

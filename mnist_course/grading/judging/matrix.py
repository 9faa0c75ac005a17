"""Grade the submission matrix: right, wrong and odd answers whose author knows what they earn.

A course keeps it in ``tests/submissions/NAME/``: a file per submission, in which each answer
follows a line ``# %% GRADE_ID``; answers that are missing are those of the solution.
``expected.toml`` has a table for each, with a row for each check cell that doesn't earn all its
points, whose public check fails, or that a person should review::

    [whole_numbers]
    check_scale = { points = 1, feedback = "should divide", check = "Only whole numbers" }

``slow = true`` in a table leaves a submission out of `find_disagreements`, and ``_given.py``
replaces cells that are given, so that nothing trains for long.
"""

import copy
import os
import re
import tomllib
from collections.abc import Iterator
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from mnist_course.grading.course.assignment import Assignment, read_assignment
from mnist_course.grading.sandbox.limits import Limits
from mnist_course.grading.submissions.recognize import grade_id

from .results import CellScore
from .scoring import score
from .student import Unconfined

MATRIX = Path("tests", "submissions")
TABLE = "expected.toml"
GIVEN = "_given.py"
SLOW = "slow"

Rows = dict[str, Any]


def read_table(folder: Path) -> dict[str, Rows]:
    """Read what each submission of a folder should earn and hear."""
    return tomllib.loads((folder / TABLE).read_text(encoding="utf-8"))


def fill(notebook: NotebookNode, code: str) -> NotebookNode:
    """Put the parts of a file, each under `# %% grade_id`, into the cells of these names."""
    filled = copy.deepcopy(notebook)
    _, *parts = re.split(r"^# %% (\w+)\n", code, flags=re.MULTILINE)
    for name, source in zip(parts[::2], parts[1::2], strict=True):
        find_cell(filled, name).source = source.strip("\n")
    return filled


def find_cell(notebook: NotebookNode, name: str) -> NotebookNode:
    """Return the cell with a grade id."""
    found: NotebookNode
    (found,) = (cell for cell in notebook.cells if grade_id(cell) == name)
    return found


def read_quickly(source: Path, folder: Path) -> Assignment:
    """Read an assignment with the given cells replaced, as a folder of submissions says."""
    assignment = read_assignment(source, folder.name)
    given = folder / GIVEN
    if given.is_file():
        filled = fill(assignment.notebook, given.read_text(encoding="utf-8"))
        assignment.notebook.cells = filled.cells
    return assignment


def compare(scores: dict[str, CellScore], rows: Rows) -> Iterator[tuple[str, str]]:
    """Compare what a submission earned and heard with its table.

    Parameters
    ----------
    scores : dict of str to CellScore
        What each check cell earned.
    rows : dict of str to dict
        The table. A cell that is missing has all its points, its check passes, and nobody needs
        to review it.

    Yields
    ------
    tuple of (str, str)
        A check cell, and what is wrong with it.
    """
    for name in rows.keys() - scores.keys() - {SLOW}:
        yield name, "the table has a row for it, but there is no such check cell."
    for name, earned in scores.items():
        row = rows.get(name, {})
        expected = row.get("points", earned.max_points)
        if earned.points != expected:
            yield name, f"it earned {earned.points:g} points; the table says {expected:g}."
        heard = " / ".join(earned.feedback)
        wanted = row.get("feedback", [])
        for sentence in [wanted] if isinstance(wanted, str) else wanted:
            if sentence not in heard:
                yield name, f"the table expects the feedback {sentence!r}; it was {heard!r}."
        if earned.points == earned.max_points and earned.feedback:
            yield name, f"it earned all points, but got the feedback {heard!r}."
        review = row.get("review", "")
        if review not in earned.review or bool(review) != bool(earned.review):
            yield name, f"the table expects the review {review!r}; it was {earned.review!r}."
        check = row.get("check", "")
        if check not in earned.check or bool(check) != bool(earned.check):
            yield name, f"the table expects the check to say {check!r}; it said {earned.check!r}."
        if earned.points < earned.max_points and not earned.check:
            yield name, "the public check passes, but the hidden tests take points."


def find_disagreements(
    source: Path, folder: Path, workers: Executor
) -> Iterator[tuple[str, str, str]]:
    """Grade the submissions of a folder, without the sandbox.

    Parameters
    ----------
    source : pathlib.Path
        The folder of the source notebooks.
    folder : pathlib.Path
        The submissions; it has the name of the assignment.
    workers : concurrent.futures.Executor
        Where to grade them. Its processes may not be forks of one that has used TensorFlow.

    Yields
    ------
    tuple of (str, str, str)
        The name of a submission, a check cell, and what is wrong with it.
    """
    table = read_table(folder)
    quick = [name for name, rows in table.items() if not rows.get(SLOW)]
    graded = workers.map(partial(_grade, source, folder), quick)
    for name, scores in zip(quick, graded, strict=True):
        for cell, fault in compare(scores, table[name]):
            yield name, cell, fault


def _grade(source: Path, folder: Path, name: str) -> dict[str, CellScore]:
    # One thread per process: more than there are cores make small matrix products far slower.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    threadpool_limits(1, user_api="blas")
    assignment = read_quickly(source, folder)
    code = (folder / f"{name}.py").read_text(encoding="utf-8")
    notebook = fill(assignment.notebook, code)
    limits = Limits(seconds_per_cell=300.0, seconds_per_call=300.0)
    return score(assignment, notebook, spawn=Unconfined(limits).spawn).cells

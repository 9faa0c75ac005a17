"""Keep the history of points: what each submission has earned, when, and what that was made from.

A file for each student holds a snapshot of the points whenever they have changed, so that it stays
with the course when the gradebook moves. It lies beside the journal, in
``grading/ASSIGNMENT/history/``.
"""

import ast
import datetime
import functools
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from mnist_course._files import atomic
from mnist_course._text import counted
from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import nbgrader_metadata
from mnist_course.grading.course.settings import Course
from mnist_course.grading.judging.labelled import Labelled
from mnist_course.grading.sandbox.limits import Limits

# What a grade was made from: digests, dates and versions, by name.
MadeFrom = dict[str, Any]


@dataclass(frozen=True)
class CellPoints:
    """What the gradebook holds of a cell.

    Attributes
    ----------
    auto, manual, extra : float or None
        Points of the hidden tests, of a person, and on top of either; None if there are none (yet).
    max_points : float
        Possible points.
    """

    auto: float | None
    manual: float | None
    extra: float | None
    max_points: float

    @property
    def points(self) -> float | None:
        """What counts, as nbgrader has it; None if nobody has graded it yet."""
        given = self.auto if self.manual is None else self.manual
        return given if self.extra is None else (given or 0.0) + self.extra


@dataclass(frozen=True)
class Points:
    """What the gradebook holds of a submission.

    Attributes
    ----------
    cells : dict of str to CellPoints
        By grade id.
    late_penalty : float
        Points.
    """

    cells: dict[str, CellPoints]
    late_penalty: float = 0.0

    @property
    def score(self) -> float:
        """The points of all cells minus the late penalty, at least 0."""
        earned = sum(cell.points or 0.0 for cell in self.cells.values())
        return max(0.0, earned - self.late_penalty)

    @property
    def max_score(self) -> float:
        """The possible points."""
        return sum(cell.max_points for cell in self.cells.values())

    @property
    def graded(self) -> bool:
        """Whether anything has points."""
        return any(cell.points is not None for cell in self.cells.values())


@dataclass(frozen=True)
class Snapshot:
    """The points of a submission from a date on.

    Attributes
    ----------
    date : str
        When they were noted, in ISO 8601 with the offset of UTC.
    points : Points
        The points.
    before, made_from : dict
        What the grade before it, and this one, were made from; empty if that was not recorded.
    """

    date: str
    points: Points
    before: MadeFrom
    made_from: MadeFrom


@dataclass(frozen=True)
class History:
    """The points that a submission has had.

    Attributes
    ----------
    snapshots : list of Snapshot
        From the first to the latest.
    made_from : dict
        What the latest grade was made from, whether it changed the points or not.
    graded : str
        The date of that grade.
    """

    snapshots: list[Snapshot] = field(default_factory=list)
    made_from: MadeFrom = field(default_factory=dict)
    graded: str = ""


def sources(
    notebook: NotebookNode, tests: str, limits: Limits, labelled: Labelled | None, seed: int
) -> MadeFrom:
    """Return digests of what decides a grade besides the submission.

    Parameters
    ----------
    notebook : nbformat.NotebookNode
        The source notebook. Its text and its solutions do not matter.
    tests : str
        The hidden tests. Comments and line breaks do not matter.
    limits : Limits
        What a submission may use.
    labelled : tuple of (ndarray, ndarray), optional
        See `scoring.score`.
    seed : int
        See `secret.read_seed`.

    Returns
    -------
    dict
        With ``tests`` for each check cell, ``given`` for the cells that are given, ``settings``,
        and ``seed``.
    """
    given = []
    for cell in notebook.cells:
        metadata = nbgrader_metadata(cell)
        if cell.cell_type == "code" and not metadata.get("solution"):
            given.append([metadata.get("grade_id"), metadata.get("points"), cell.source])
    return {
        "tests": _test_digests(tests),
        "given": digest(json.dumps(given).encode()),
        "settings": digest(
            json.dumps(asdict(limits), sort_keys=True).encode(),
            *(array.tobytes() for array in labelled or ()),
        ),
        "seed": digest(str(seed).encode()),
    }


def refuse_two_secrets(course: Course, assignment: str, made_from: MadeFrom) -> None:
    """Make sure that all grades of an assignment come from the same inputs.

    Parameters
    ----------
    course : Course
        The course.
    assignment : str
        The name of the assignment.
    made_from : dict
        What grades are going to be made from; see `sources`.

    Raises
    ------
    CourseError
        If there are grades, of submissions that are still here, that were made with another secret.
    """
    others = [
        student
        for student, history in read_all(course, assignment)
        if history.made_from.get("seed", made_from["seed"]) != made_from["seed"]
        and (course.submitted / student / assignment).exists()
    ]
    if others:
        raise CourseError(
            f"{assignment} has grades of {counted(len(others), 'submission')} that were made with "
            f"another secret than the one in {course.journal / 'secret'}, so the hidden tests had "
            "other inputs: copy that file back from the machine or the backup that has it, or run "
            f"'mnist-course grade {assignment} --regrade' to grade everybody again with this one."
        )


def digest(*parts: bytes) -> str:
    """Return the SHA-256 of parts, which are told apart."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(len(part).to_bytes(8, "big") + part)
    return whole.hexdigest()


def note(
    course: Course, assignment: str, student: str, points: Points, made_from: MadeFrom
) -> None:
    """Keep what a submission has earned, and what that was made from.

    Parameters
    ----------
    course : Course
        The course.
    assignment, student : str
        Whose points they are, and for what.
    points : Points
        What the gradebook holds now.
    made_from : dict
        What the grade was made from.

    Raises
    ------
    CourseError
        If the history cannot be read or written.
    """
    history = read(course, assignment, student)
    last = history.snapshots[-1].points if history.snapshots else None
    if points == last and made_from == history.made_from:
        return
    date = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    snapshots = history.snapshots
    if points != last:
        snapshots = [*snapshots, Snapshot(date, points, history.made_from, made_from)]
    _write(course, assignment, student, History(snapshots, made_from, date))


def note_by_hand(course: Course, assignment: str, student: str, points: Points) -> None:
    """Keep what people have entered in the gradebook since the last grade.

    Parameters
    ----------
    course, assignment, student, points
        See `note`. Of automatic points and the late penalty, only `note` keeps a change: it knows
        what they were made from.

    Raises
    ------
    CourseError
        If the history cannot be read or written.
    """
    history = read(course, assignment, student)
    if history.snapshots:
        last = history.snapshots[-1].points
        cells = {
            name: CellPoints(cell.auto, held.manual, held.extra, cell.max_points)
            for name, cell in last.cells.items()
            for held in [points.cells.get(name, cell)]
        }
        points = Points(cells, last.late_penalty)
    if points.graded:
        note(course, assignment, student, points, history.made_from)


def read(course: Course, assignment: str, student: str) -> History:
    """Read the points that a submission has had.

    Parameters
    ----------
    course : Course
        The course.
    assignment, student : str
        Whose points, and for what.

    Returns
    -------
    History
        Empty if none were noted.

    Raises
    ------
    CourseError
        If the file cannot be read.
    """
    file = _file(course, assignment, student)
    try:
        document = json.loads(file.read_bytes())
        snapshots = [
            Snapshot(**{**snapshot, "points": _points(snapshot["points"])})
            for snapshot in document["snapshots"]
        ]
        return History(snapshots, document["made_from"], document["graded"])
    except FileNotFoundError:
        return History()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise CourseError(
            f"{file}, which keeps the history of points, cannot be read ({error}): restore it from "
            "a backup, or remove it to begin a new history."
        ) from None


def read_all(course: Course, assignment: str) -> Iterator[tuple[str, History]]:
    """Yield each student with a history, sorted, and the history."""
    for file in sorted(_file(course, assignment, "").parent.glob("*.json")):
        yield file.stem, read(course, assignment, file.stem)


def _file(course: Course, assignment: str, student: str) -> Path:
    return course.journal / assignment / "history" / f"{student}.json"


def _write(course: Course, assignment: str, student: str, history: History) -> None:
    file = _file(course, assignment, student)
    try:
        with atomic(file) as unfinished:
            unfinished.write_text(json.dumps(asdict(history), indent=1), encoding="utf-8")
    except OSError as error:
        raise CourseError(
            f"the history of points cannot be written to {file} ({error.strerror}): make room, or "
            "make it writable, then run this again."
        ) from None


def _points(document: dict[str, Any]) -> Points:
    cells = {name: CellPoints(**cell) for name, cell in document["cells"].items()}
    return Points(cells, document["late_penalty"])


@functools.lru_cache(maxsize=4)  # the same for each submission of a run
def _test_digests(tests: str) -> dict[str, str]:
    """Return a digest of the hidden tests of each cell, with the code that all of them share."""
    try:
        statements = ast.parse(tests).body
    except SyntaxError:  # with which nothing can be graded
        return {}
    cells = [_graded_cell(statement) for statement in statements]
    return {
        name: digest(
            *(
                ast.unparse(statement).encode()
                for statement, cell in zip(statements, cells, strict=True)
                if cell in ("", name)
            )
        )
        for name in sorted({*cells} - {""})
    }


def _graded_cell(statement: ast.stmt) -> str:
    """Return the cell that a hidden test grades; empty if it is no hidden test."""
    for decorator in getattr(statement, "decorator_list", []):
        for keyword in getattr(decorator, "keywords", []):
            if keyword.arg == "cell" and isinstance(keyword.value, ast.Constant):
                return str(keyword.value.value)
    return ""

"""Tell which pages of feedback are older than what they show.

Each page carries a digest of what it was made from: the graded notebook, points, comments, and the
history of points. If one of these has changed since, the page is out of date, whatever the dates of
the files say.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nbgrader import api
from sqlalchemy import select

import mnist_course
from mnist_course.grading.course.settings import Course

from .changes import provenance, tell_history
from .records import open_gradebook

_HEAD = re.compile(r"<head[^>]*>")
_MARK = re.compile(r'<meta name="mnist-course-made-from" content="([0-9a-f]{64})">')
_WHERE = 10_000  # characters from the beginning of a page in which the mark is


def page_of(course: Course, assignment: str, student: str) -> Path:
    """Return where the page of a student is."""
    return course.feedback / student / assignment / f"{assignment}.html"


def assignments_with_pages(course: Course) -> list[str]:
    """Name the assignments with a page of feedback, sorted."""
    return sorted({page.stem for page in course.feedback.glob("*/*/*.html")})


def page_digests(course: Course, assignment: str) -> dict[str, str]:
    """Return a digest of what each page of an assignment would be made from now.

    Parameters
    ----------
    course : Course
        The course.
    assignment : str
        The name of the assignment.

    Returns
    -------
    dict of str to str
        For each student with a submission in the gradebook.

    Raises
    ------
    CourseError
        If the gradebook, or a history of points, cannot be read.
    """
    shown: dict[str, list[Any]] = {}
    with open_gradebook(course) as gradebook:
        for student, *row in _rows(gradebook, assignment):
            shown.setdefault(student, []).append(row)
    return {student: _digest(course, assignment, student, rows) for student, rows in shown.items()}


def mark(page: Path, digest: str) -> None:
    """Write into a page the digest of what it was made from."""
    text = page.read_text(encoding="utf-8")
    tag = f'<meta name="mnist-course-made-from" content="{digest}">'
    page.write_text(_HEAD.sub(lambda head: head[0] + tag, text, count=1), encoding="utf-8")


def outdated_pages(course: Course, assignment: str) -> list[str]:
    """Name the students whose page is there, but was made from something else.

    Parameters
    ----------
    course, assignment
        See `page_digests`.

    Returns
    -------
    list of str
        Sorted. A page that `nbgrader generate_feedback` has made has no digest, and is out of date.

    Raises
    ------
    CourseError
        See `page_digests`.
    """
    if not any(course.feedback.glob(f"*/{assignment}/{assignment}.html")):
        return []
    return sorted(
        student
        for student, digest in page_digests(course, assignment).items()
        if page_of(course, assignment, student).is_file()
        and not is_current(course, assignment, student, digest)
    )


def is_current(course: Course, assignment: str, student: str, digest: str | None) -> bool:
    """Whether the page of a student is there, and was made from what the digest stands for."""
    try:
        with page_of(course, assignment, student).open(encoding="utf-8", errors="replace") as page:
            found = _MARK.search(page.read(_WHERE))
    except OSError:
        return False
    return found is not None and found[1] == digest


def _rows(gradebook: api.Gradebook, assignment: str) -> Iterator[Any]:
    """Yield what the gradebook has for a page: the student, then rows in a fixed order."""
    submitted, notebook, student = api.SubmittedAssignment, api.SubmittedNotebook, api.Student
    about = (
        select(
            submitted.student_id,
            *(student.first_name, student.last_name),
            *(submitted.timestamp, notebook.late_submission_penalty),
        )
        .join(student, student.id == submitted.student_id)
        .join(api.Assignment, api.Assignment.id == submitted.assignment_id)
        .join(notebook, notebook.assignment_id == submitted.id)
        .where(api.Assignment.name == assignment)
    )
    yield from gradebook.db.execute(about)
    grade, comment, cell = api.Grade, api.Comment, api.BaseCell
    points = (grade.auto_score, grade.manual_score, grade.extra_credit, grade.needs_manual_grade)
    for table, columns in (
        (grade, points),
        (comment, (comment.auto_comment, comment.manual_comment)),
    ):
        yield from gradebook.db.execute(
            select(submitted.student_id, cell.name, *columns)
            .join(notebook, notebook.id == table.notebook_id)
            .join(submitted, submitted.id == notebook.assignment_id)
            .join(api.Assignment, api.Assignment.id == submitted.assignment_id)
            .join(cell, cell.id == table.cell_id)
            .where(api.Assignment.name == assignment)
            .order_by(cell.name)
        )


def _digest(course: Course, assignment: str, student: str, rows: list[Any]) -> str:
    facts = provenance(course, assignment, student)
    facts.pop("graded", None)  # a page that says when it was graded before is as good
    notebook = course.autograded / student / assignment / f"{assignment}.ipynb"
    shown = [
        mnist_course.__version__,
        hashlib.sha256(notebook.read_bytes()).hexdigest() if notebook.is_file() else "",
        rows,
        facts,
        tell_history(course, assignment, student),
    ]
    return hashlib.sha256(json.dumps(shown, default=str).encode()).hexdigest()

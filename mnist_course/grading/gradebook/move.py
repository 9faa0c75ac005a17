"""Move a gradebook with all that is in it to another database, such as one in PostgreSQL."""

import copy
from dataclasses import dataclass, replace
from typing import Any

from nbgrader import api
from sqlalchemy import Connection, Table, func, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from mnist_course.errors import CourseError
from mnist_course.grading.course.settings import Course

from .records import GradebookError, _explained, _open

ROWS = 1_000  # that are copied at once


@dataclass(frozen=True)
class Moved:
    """What a gradebook held, and its copy holds.

    Attributes
    ----------
    source, target : str
        The URLs of both, without passwords.
    counts : dict of str to int
        How many there are of each kind: students, assignments, due dates, and so on.
    """

    source: str
    target: str
    counts: dict[str, int]


def move_gradebook(course: Course, url: str) -> Moved:
    """Copy the gradebook of a course into an empty database.

    Parameters
    ----------
    course : Course
        The course. Its gradebook stays as it is.
    url : str
        Where to, as ``c.CourseDirectory.db_url`` has it.

    Returns
    -------
    Moved
        What was moved. All of it was compared, row by row, before it was committed.

    Raises
    ------
    CourseError
        If the target cannot be used, or holds something already. No row is added to it then.
    """
    there = replace(course, coursedir=copy.copy(course.coursedir))
    there.coursedir.db_url = url
    try:
        moved = there.db_url
    except ArgumentError:
        raise CourseError(
            f"{url!r} is no URL of a database: expected one such as "
            "postgresql+psycopg://grader@127.0.0.1/gradebook."
        ) from None
    hidden = make_url(moved).render_as_string(hide_password=True)
    if moved == course.db_url:
        raise CourseError(f"The gradebook is in {hidden} already: name another database.")
    with (
        _explained(course, "the gradebook cannot be moved"),
        _open(course) as gradebook,
        _explained(there, "the gradebook cannot be moved"),
        _open(there) as target_gradebook,
    ):
        source, target = gradebook.db.connection(), target_gradebook.db.connection()
        _refuse_to_overwrite(target, hidden)
        for table in api.Base.metadata.sorted_tables:
            _copy(source, target, table)
        counts = _count(target)
        target_gradebook.db.commit()
    return Moved(make_url(course.db_url).render_as_string(hide_password=True), hidden, counts)


def _refuse_to_overwrite(target: Connection, hidden: str) -> None:
    """Raise an error if a database has more than the name of the course, which nbgrader enters."""
    courses = api.Course.__table__
    for table in api.Base.metadata.sorted_tables:
        filled = target.scalar(select(func.count()).select_from(table))
        if filled and table is not courses:
            raise GradebookError(
                f"{hidden} has something in its table {table.name} already: name an empty "
                "database, so that nothing in there is lost."
            )
    target.execute(courses.delete())


def _copy(source: Connection, target: Connection, table: Table) -> None:
    """Copy a table, and compare what has arrived."""
    for rows in source.execute(select(table)).mappings().partitions(ROWS):
        target.execute(table.insert(), [dict(row) for row in rows])
    if _contents(source, table) != _contents(target, table):
        raise GradebookError(
            f"the table {table.name} was not the same after it was copied: let nobody use the "
            "gradebook meanwhile, and run this again."
        )


def _contents(connection: Connection, table: Table) -> set[tuple[Any, ...]]:
    return {tuple(row) for row in connection.execute(select(table))}


def _count(target: Connection) -> dict[str, int]:
    """Count what people would miss."""
    submitted, notebook = api.SubmittedAssignment, api.SubmittedNotebook
    columns = {
        "students": api.Student.id,
        "assignments": api.Assignment.id,
        "due dates": api.Assignment.duedate,
        "submissions": submitted.id,
        "extensions": submitted.extension,
        "grades": api.Grade.id,
        "points by hand": api.Grade.manual_score,
        "extra credits": api.Grade.extra_credit,
        "comments by hand": api.Comment.manual_comment,
        "late penalties": notebook.late_submission_penalty,
    }
    # An SQL count leaves out what is NULL.
    return {
        kind: target.scalar(select(func.count(column))) or 0 for kind, column in columns.items()
    }

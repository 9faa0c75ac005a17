"""Write the grades of the gradebook as CSV, for people, Canvas and Moodle.

The exporters are plug-ins of nbgrader, so that this works too::

    nbgrader export --exporter mnist_course.grading.nbgrader.CanvasExporter --to canvas.csv
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import (
    Assignment,
    Grade,
    Gradebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.plugins import ExportPlugin
from sqlalchemy import case, func, select

from mnist_course._files import atomic
from mnist_course.errors import CourseError
from mnist_course.grading.course.settings import Course

from .records import open_gradebook

# Where a spreadsheet begins a cell (some take semicolons and tabs for commas), if what follows
# would be a formula to it, also in full width, or after spaces and quotes.
_FORMULA = re.compile(r"(?:^|(?<=[,;\t\r\n]))(?=[\t\r\n]|[\s\"']*[=+\-@＝＋－＠])")  # noqa: RUF001

Cell = str | float | None


@dataclass(frozen=True)
class Score:
    """What a graded submission earned.

    Attributes
    ----------
    score : float
        Points, by hand and extra ones included, minus the late penalty; at least 0.
    late_penalty : float
        Points.
    needs_manual_grade : bool
        Whether a person has yet to look at something.
    timestamp : str
        When it was handed in, in UTC; empty if unknown.
    """

    score: float
    late_penalty: float
    needs_manual_grade: bool
    timestamp: str


@dataclass(frozen=True)
class Grades:
    """The grades of a course.

    Attributes
    ----------
    students : list of nbgrader.api.Student
        All students, by id.
    assignments : dict of str to float
        The points possible in each assignment.
    scores : dict of (str, str) to Score
        By student and assignment; only what is graded.
    """

    students: list[Student]
    assignments: dict[str, float]
    scores: dict[tuple[str, str], Score]

    def graded(self) -> list[str]:
        """Name the assignments that somebody has a grade for."""
        known = {assignment for _, assignment in self.scores}
        return [assignment for assignment in self.assignments if assignment in known]

    def points(self, student: Student, assignments: Iterable[str]) -> list[Cell]:
        """List the points of a student; None where there is no grade."""
        found = (self.scores.get((student.id, assignment)) for assignment in assignments)
        return [score.score if score else None for score in found]


def export_grades(course: Course, format_name: str) -> tuple[str, list[str]]:
    """Return the grades of a course in one of the formats of `EXPORTERS`.

    Parameters
    ----------
    course : Course
        The course.
    format_name : str
        "csv", "canvas" or "moodle".

    Returns
    -------
    text : str
        CSV (RFC 4180).
    unmatched : list of str
        The ids of students whom the platform will not recognize; see `Exporter.unmatched`.

    Raises
    ------
    CourseError
        If there is no such format, or the gradebook cannot be read.
    """
    if format_name not in EXPORTERS:
        raise CourseError(
            f"There is no format {format_name!r}: choose one of {', '.join(EXPORTERS)}."
        )
    exporter = EXPORTERS[format_name](config=course.config)
    with open_gradebook(course) as gradebook:
        grades = read_grades(gradebook, exporter.student, exporter.assignment)
    return to_csv(exporter.rows(grades)), exporter.unmatched(grades)


def read_grades(
    gradebook: Gradebook, students: Sequence[object] = (), assignments: Sequence[object] = ()
) -> Grades:
    """Read the grades of all, or of some, students and assignments.

    Parameters
    ----------
    gradebook : nbgrader.api.Gradebook
        The gradebook.
    students, assignments : sequence, optional
        Ids and names; by default all.

    Returns
    -------
    Grades
        Points as nbgrader adds them up. The number of queries does not depend on how many
        students or assignments there are.
    """
    ids, names = set(map(str, students)), set(map(str, assignments))
    points = {
        assignment.name: float(assignment.max_score)
        for assignment in sorted(gradebook.assignments, key=lambda assignment: assignment.name)
        if not names or assignment.name in names
    }
    people = [student for student in gradebook.students if not ids or student.id in ids]
    scores = {key: score for key, score in _scores(gradebook) if key[1] in points}
    return Grades(sorted(people, key=lambda student: student.id), points, scores)


class Exporter(ExportPlugin):  # type: ignore[misc]
    """What the exporters share: nbgrader's options ``--to``, ``--student`` and ``--assignment``."""

    file = "grades.csv"

    def export(self, gradebook: Gradebook) -> None:
        """Write the file that ``--to`` names; nobody ever finds half of it."""
        grades = read_grades(gradebook, self.student, self.assignment)
        with atomic(Path(self.to or self.file)) as unfinished:
            unfinished.write_text(to_csv(self.rows(grades)), encoding="utf-8", newline="")
        self.log.info("Exported grades to %s", self.to or self.file)
        for student in self.unmatched(grades):
            self.log.warning("%r will not be recognized: see Exporter.unmatched", student)

    def rows(self, grades: Grades) -> Iterator[list[Cell]]:
        """Yield the rows of the file, with its header."""
        raise NotImplementedError

    def unmatched(self, grades: Grades) -> list[str]:
        """Name the students whom a learning platform will not recognize.

        An id such as ``=x`` has to be changed, lest a spreadsheet runs it as a formula. A platform
        still recognizes the student by another column: the gradebook's ``lms_user_id``, or in
        Moodle the email address. Listed are those who have neither.
        """
        return [
            student.id
            for student in grades.students
            if defuse(student.id) != student.id and not any(map(_harmless, self.others(student)))
        ]

    def others(self, student: Student) -> list[str | None]:
        """Return what identifies a student besides the id."""
        return [student.lms_user_id]


class CsvExporter(Exporter):
    """A row for each student and assignment; cells about what is not graded are empty."""

    def rows(self, grades: Grades) -> Iterator[list[Cell]]:
        """Yield the rows of the file, with its header."""
        yield [
            *("student", "assignment", "score", "max_score"),
            *("late_penalty", "needs_manual_grade", "timestamp"),
        ]
        for student in grades.students:
            for assignment, points in grades.assignments.items():
                row: list[Cell] = [None, points, None, None, None]
                if score := grades.scores.get((student.id, assignment)):
                    manual = str(score.needs_manual_grade).lower()
                    row = [score.score, points, score.late_penalty, manual, score.timestamp]
                yield [student.id, assignment, *row]

    def unmatched(self, grades: Grades) -> list[str]:  # noqa: ARG002
        """Name nobody: people read this file."""
        return []


class CanvasExporter(Exporter):
    """The file that Canvas imports into its gradebook.

    Canvas's own export has these columns, and ``Points Possible`` in the second row; see "How do I
    import grades in the Gradebook?" and "How do I export grades in the Gradebook?" in the Canvas
    Instructor Guide, https://community.canvaslms.com. Canvas looks for a student by ``ID`` (here
    nbgrader's ``lms_user_id``), then by ``SIS User ID``, then by ``SIS Login ID`` (here the id).
    """

    file = "canvas.csv"

    def rows(self, grades: Grades) -> Iterator[list[Cell]]:
        """Yield the rows of the file, with its header."""
        names = grades.graded()
        yield ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *names]
        yield ["    Points Possible", *[None] * 4, *(grades.assignments[name] for name in names)]
        for student in grades.students:
            name = ", ".join(filter(None, [student.last_name, student.first_name])) or student.id
            points = grades.points(student, names)
            yield [name, student.lms_user_id, None, student.id, None, *points]


class MoodleExporter(Exporter):
    """The file that Moodle imports into its gradebook.

    On importing, ``Username``, ``ID number`` (here nbgrader's ``lms_user_id``) or ``Email
    address`` is chosen to look for students, and an item of Moodle's gradebook for each assignment;
    see https://docs.moodle.org/en/Grade_import. An empty cell is no grade.
    """

    file = "moodle.csv"

    def rows(self, grades: Grades) -> Iterator[list[Cell]]:
        """Yield the rows of the file, with its header."""
        names = grades.graded()
        yield ["Username", "ID number", "Email address", *names]
        for student in grades.students:
            points = grades.points(student, names)
            yield [student.id, student.lms_user_id, student.email, *points]

    def others(self, student: Student) -> list[str | None]:
        """Return what identifies a student besides the id."""
        return [student.lms_user_id, student.email]


EXPORTERS: dict[str, type[Exporter]] = {
    "csv": CsvExporter,
    "canvas": CanvasExporter,
    "moodle": MoodleExporter,
}


def to_csv(rows: Iterable[Sequence[Cell]]) -> str:
    """Format rows as RFC 4180 says, with CR LF, and defuse their texts.

    Parameters
    ----------
    rows : iterable of sequence of (str, float or None)
        Numbers stay numbers, negative ones too; None becomes an empty cell.

    Returns
    -------
    str
        CSV.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerows(map(_cell, row) for row in rows)
    return text.getvalue()


def defuse(text: str) -> str:
    """Keep a spreadsheet from taking a text for a formula.

    Parameters
    ----------
    text : str
        What an untrusted user may have chosen.

    Returns
    -------
    str
        The text with an apostrophe before each formula, and before what begins like one ("-1").

    References
    ----------
    OWASP, "CSV Injection", https://owasp.org/www-community/attacks/CSV_Injection

    Examples
    --------
    >>> defuse("=1+1"), defuse("ada")
    ("'=1+1", 'ada')
    """
    return _FORMULA.sub("'", text)


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    return defuse(value) if isinstance(value, str) else f"{value:.10g}"


def _harmless(text: str | None) -> bool:
    return text is not None and text != "" and defuse(text) == text


def _scores(gradebook: Gradebook) -> Iterator[tuple[tuple[str, str], Score]]:
    """Yield the score of each graded submission, with its student and assignment.

    `Gradebook.submission_dicts` adds up the same, but takes minutes for 10,000 students.
    """
    submission = (SubmittedAssignment.student_id, Assignment.name, SubmittedAssignment.timestamp)
    query = (
        select(*submission)
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .group_by(*submission)
    )
    penalties = {
        (student, name): float(penalty or 0.0)
        for student, name, _, penalty in gradebook.db.execute(
            query.add_columns(func.sum(SubmittedNotebook.late_submission_penalty))
        )
    }
    graded = query.join(Grade, Grade.notebook_id == SubmittedNotebook.id).add_columns(
        func.sum(Grade.score), func.sum(case((Grade.needs_manual_grade, 1), else_=0))
    )
    for student, name, timestamp, points, waiting in gradebook.db.execute(graded):
        penalty = penalties[student, name]
        yield (
            (student, name),
            Score(
                score=max(0.0, points - penalty),
                late_penalty=penalty,
                needs_manual_grade=waiting > 0,
                timestamp=f"{timestamp:%Y-%m-%dT%H:%M:%SZ}" if timestamp else "",
            ),
        )

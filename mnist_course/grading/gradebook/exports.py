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
from types import MappingProxyType

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
from mnist_course._text import counted
from mnist_course._untrusted import LONGEST_LINE, printable
from mnist_course.errors import CourseError
from mnist_course.grading.course.roster import Person, Roster, read_roster
from mnist_course.grading.course.settings import Course

from .records import open_gradebook

# Where a spreadsheet begins a cell (some take semicolons and tabs for commas), if what follows
# would be a formula to it, also in full width, or after spaces and quotes.
_FORMULA = re.compile(r"(?:^|(?<=[,;\t\r\n]))(?=[\t\r\n]|[\s\"']*[=+\-@＝＋－＠])")  # noqa: RUF001

MOST_NAMES = 5  # in a sentence

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


def export_grades(
    course: Course, format_name: str, assignment: str | None = None
) -> tuple[str, list[str]]:
    """Return the grades of a course in one of the formats of `EXPORTERS`.

    Parameters
    ----------
    course : Course
        The course.
    format_name : str
        "csv", "canvas" or "moodle".
    assignment : str, optional
        The name of an assignment; by default, all.

    Returns
    -------
    text : str
        CSV (RFC 4180).
    warnings : list of str
        What a person should know before this goes anywhere: points that are provisional, and
        students whom the platform may not recognize. A sentence each.

    Raises
    ------
    CourseError
        If there is no such format, no grade for the assignment, or the gradebook or the roster
        cannot be read.
    """
    if format_name not in EXPORTERS:
        raise CourseError(
            f"There is no format {format_name!r}: choose one of {', '.join(EXPORTERS)}."
        )
    exporter = EXPORTERS[format_name](config=course.config)
    exporter.people = read_roster(course.root)
    with open_gradebook(course) as gradebook:
        chosen = [assignment] if assignment else exporter.assignment
        grades = read_grades(gradebook, exporter.student, chosen)
    if assignment and not grades.graded():
        raise CourseError(
            f"{assignment} has no grades yet: run 'mnist-course grade {assignment}' first."
        )
    return to_csv(exporter.rows(grades)), [*_provisional(grades), *exporter.warnings(grades)]


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
    platform = ""
    columns = ""  # of the roster, by which the platform recognizes people
    people: Roster = MappingProxyType({})

    def export(self, gradebook: Gradebook) -> None:
        """Write the file that ``--to`` names; nobody ever finds half of it."""
        if root := getattr(getattr(self.parent, "coursedir", None), "root", None):
            self.people = read_roster(Path(root))
        grades = read_grades(gradebook, self.student, self.assignment)
        with atomic(Path(self.to or self.file)) as unfinished:
            unfinished.write_text(to_csv(self.rows(grades)), encoding="utf-8", newline="")
        self.log.info("Exported grades to %s", self.to or self.file)
        for warning in [*_provisional(grades), *self.warnings(grades)]:
            self.log.warning("%s", warning)

    def rows(self, grades: Grades) -> Iterator[list[Cell]]:
        """Yield the rows of the file, with its header."""
        raise NotImplementedError

    def ids(self, student: Student) -> tuple[str, list[str]]:
        """Return the login of a student, and what else the platform recognizes them by."""
        return student.id, []

    def warnings(self, grades: Grades) -> Iterator[str]:
        """Say which students the platform may not recognize.

        A login such as ``=x`` has to be changed, lest a spreadsheet runs it as a formula. A
        platform still recognizes the student by another column.
        """
        if not self.platform:
            return  # people read this file
        formulas, unknown = [], []
        for student in grades.students:
            login, others = self.ids(student)
            if any(map(_harmless, others)):
                continue
            if defuse(login) != login:
                formulas.append(student.id)
            elif not getattr(self.people.get(student.id), "login", ""):
                unknown.append(student.id)
        if formulas:
            yield (
                f"{_names(formulas)} got an apostrophe in front, because spreadsheets would run it "
                f"as a formula. For {self.platform} to recognize the student, fill in "
                f"{self.columns} in roster.csv, or enter the grades by hand."
            )
        if unknown:
            yield (
                f"{counted(len(unknown), 'student')} ({_names(unknown)}) may not be recognized, as "
                f"{self.platform} knows them by their id only if they log in with it there: fill "
                f"in {self.columns} in roster.csv."
            )


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


class CanvasExporter(Exporter):
    """The file that Canvas imports into its gradebook.

    Canvas's own export has these columns, and ``Points Possible`` in the second row; see "How do I
    import grades in the Gradebook?" and "How do I export grades in the Gradebook?" in the Canvas
    Instructor Guide, https://community.canvaslms.com. Canvas looks for a student by ``ID``
    (``canvas_id`` in the roster), then by ``SIS User ID`` (``sis_id``), then by ``SIS Login ID``
    (``login``, or the id). Who is not on the roster has nbgrader's ``lms_user_id`` as ``ID``.
    """

    file = "canvas.csv"
    platform = "Canvas"
    columns = "canvas_id, sis_id or login"

    def rows(self, grades: Grades) -> Iterator[list[Cell]]:
        """Yield the rows of the file, with its header."""
        names = grades.graded()
        yield ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *names]
        yield ["    Points Possible", *[None] * 4, *(grades.assignments[name] for name in names)]
        for student in grades.students:
            name = ", ".join(filter(None, [student.last_name, student.first_name])) or student.id
            login, (number, sis_id) = self.ids(student)
            yield [name, number, sis_id, login, None, *grades.points(student, names)]

    def ids(self, student: Student) -> tuple[str, list[str]]:
        """Return the login of a student, Canvas's number and the SIS User ID."""
        person = self.people.get(student.id)
        if person is None:
            person = Person(student.id, canvas_id=student.lms_user_id or "")
        return person.login or student.id, [person.canvas_id, person.sis_id]


class MoodleExporter(Exporter):
    """The file that Moodle imports into its gradebook.

    On importing, ``Username`` (``login`` in the roster, or the id), ``ID number`` (``sis_id``) or
    ``Email address`` is chosen to look for students, and an item of Moodle's gradebook for each
    assignment; see https://docs.moodle.org/en/Grade_import. An empty cell is no grade. Who is not
    on the roster has nbgrader's ``lms_user_id`` as ``ID number``.
    """

    file = "moodle.csv"
    platform = "Moodle"
    columns = "login, sis_id or email"

    def rows(self, grades: Grades) -> Iterator[list[Cell]]:
        """Yield the rows of the file, with its header."""
        names = grades.graded()
        yield ["Username", "ID number", "Email address", *names]
        for student in grades.students:
            login, others = self.ids(student)
            yield [login, *others, *grades.points(student, names)]

    def ids(self, student: Student) -> tuple[str, list[str]]:
        """Return the login of a student, the ID number and the email address."""
        person = self.people.get(student.id)
        if person is None:
            person = Person(student.id, sis_id=student.lms_user_id or "")
        return person.login or student.id, [person.sis_id, person.email or student.email or ""]


EXPORTERS: dict[str, type[Exporter]] = {
    "csv": CsvExporter,
    "canvas": CanvasExporter,
    "moodle": MoodleExporter,
}


def to_csv(rows: Iterable[Sequence[Cell]]) -> str:
    """Format rows as RFC 4180 says, with CR LF; no text in them acts, nor breaks a line.

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


def _provisional(grades: Grades) -> Iterator[str]:
    """Say which points may still change."""
    for assignment in grades.graded():
        scores = [score for (_, name), score in grades.scores.items() if name == assignment]
        if waiting := sum(score.needs_manual_grade for score in scores):
            yield (
                f"{assignment}: the points are provisional, as {waiting:,} of "
                f"{counted(len(scores), 'submission')} wait for a person: grade them by hand in "
                "the formgrader, then export again."
            )


def _names(students: list[str]) -> str:
    more = len(students) - MOST_NAMES
    shown = ", ".join(map(repr, students[:MOST_NAMES]))
    return f"{shown} and {more:,} more" if more > 0 else shown


def _cell(value: Cell) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return defuse(printable(value, LONGEST_LINE))
    return f"{value:.10g}"


def _harmless(text: str) -> bool:
    return text != "" and defuse(text) == text


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

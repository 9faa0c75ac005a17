"""Read who takes the course from ``roster.csv``: names, ids on the platforms, and extra days.

The file lies in the folder of the course. A spreadsheet saves it as "CSV UTF-8", with commas,
semicolons, or tabs between the columns, whose names are in the first line. Only ``id`` must be.
"""

import csv
import functools
import math
import re
import shutil
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path

from nbgrader.api import Gradebook

from mnist_course._files import atomic
from mnist_course.errors import CourseError

ROSTER = "roster.csv"
PREVIOUS = "roster.previous.csv"
LONGEST = 128  # characters that nbgrader's gradebook has for a name
LONGEST_FOLDER = 200  # bytes: files are named after it, and names of files end at 255
MOST_DAYS = 366
STUDENT_ID = re.compile(r"\w(?:[\w.@+ -]{0,98}\w)?")  # which names a folder
# By each of these, a person is one person.
UNIQUE = ("id", "email", "login", "canvas_id", "sis_id")


@dataclass(frozen=True)
class Person:
    """Somebody who takes the course.

    Attributes
    ----------
    id : str
        What nbgrader calls them: the name of their folder.
    first_name, last_name : str
        As the learning platform has them.
    email : str
        Their email address.
    login : str
        The name they log in with, at the platform or at JupyterHub.
    canvas_id : str
        Canvas's number for them.
    sis_id : str
        The university's number: Canvas calls it SIS User ID, Moodle ID number.
    extra_days : float or None
        By how many days each due date is later for them; None if the file has no such column.
    """

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    login: str = ""
    canvas_id: str = ""
    sis_id: str = ""
    extra_days: float | None = None

    @property
    def name(self) -> str:
        """The full name, or the id if there is none."""
        return " ".join(filter(None, [self.first_name, self.last_name])) or self.id


COLUMNS = tuple(field.name for field in fields(Person))
Roster = Mapping[str, Person]  # by id, in the order of the file


def read_roster(root: Path) -> Roster:
    """Read the roster of a course.

    Parameters
    ----------
    root : pathlib.Path
        The folder of the course.

    Returns
    -------
    mapping of str to Person
        Everybody by id; empty if the course has no ``roster.csv``.

    Raises
    ------
    CourseError
        If the file is faulty; see `parse_roster`.
    """
    path = root / ROSTER
    try:
        status = path.stat()
    except FileNotFoundError:
        return {}
    return _read(path, status.st_mtime_ns, status.st_size)


def require_roster(root: Path) -> Roster:
    """Read the roster of a course, which has to have one.

    Parameters
    ----------
    root : pathlib.Path
        The folder of the course.

    Returns
    -------
    mapping of str to Person
        Everybody by id.

    Raises
    ------
    CourseError
        If it is missing or faulty.
    """
    roster = read_roster(root)
    if not roster:
        raise CourseError(
            f"{root / ROSTER} is missing: write down who takes the course, a line for each with at "
            "least an id, a first_name and a last_name, and run 'mnist-course roster FILE'."
        )
    return roster


def parse_roster(path: Path) -> Roster:
    """Read a roster from a file.

    Parameters
    ----------
    path : pathlib.Path
        A CSV file.

    Returns
    -------
    mapping of str to Person
        Everybody by id.

    Raises
    ------
    CourseError
        If it cannot be read, or if anything in it is wrong: a sentence for each such line.
    """
    lines = list(_rows(path))
    header = [column.strip().lower() for column in lines[0][1]] if lines else []
    problems = list(_header_problems(path, header))
    if problems:
        raise CourseError("\n".join(problems))
    people: dict[str, Person] = {}
    seen: dict[tuple[str, str], int] = {}
    for number, row in lines[1:]:
        values = {
            column: unicodedata.normalize("NFC", value.strip())
            for column, value in zip(header, row, strict=False)
        }
        if not any(values.values()) and not any(map(str.strip, row)):
            continue
        wrong = [*_row_problems(header, row, values), *_doubles(values, seen, number)]
        problems += [f"{path.name}, line {number}: {problem}" for problem in wrong]
        if not wrong:
            days = values.pop("extra_days", None)
            extra = None if days is None else float(days or 0)
            people[values["id"]] = Person(**values, extra_days=extra)
    if problems:
        raise CourseError("\n".join(problems))
    if not people:
        raise CourseError(f"{path} lists nobody: expected a line for each student below the first.")
    return people


def install_roster(root: Path, file: Path) -> bool:
    """Make a file the roster of a course, once nothing is wrong with it.

    Parameters
    ----------
    root : pathlib.Path
        The folder of the course.
    file : pathlib.Path
        The new roster.

    Returns
    -------
    bool
        Whether there was another one, which is kept as ``roster.previous.csv``.

    Raises
    ------
    CourseError
        See `parse_roster`. The old roster is untouched then.
    """
    parse_roster(file)
    path = root / ROSTER
    if path.exists() and path.samefile(file):
        return False
    before = path.exists()
    if before:
        with atomic(root / PREVIOUS) as unfinished:
            shutil.copyfile(path, unfinished)
    with atomic(path) as unfinished:
        shutil.copyfile(file, unfinished)
    return before


def grant_extra_days(gradebook: Gradebook, assignment: str, person: Person) -> None:
    """Let a submission be due later by the extra days of its student, as nbgrader's extension.

    Parameters
    ----------
    gradebook : nbgrader.api.Gradebook
        The gradebook, which holds the submission.
    assignment : str
        The name of the assignment. Without a due date, nothing is due later.
    person : Person
        The student. Without a column ``extra_days`` in the roster, an extension stays as it is.
    """
    if person.extra_days is None:
        return
    submission = gradebook.find_submission(assignment, person.id)
    wanted = extension(person, due=submission.assignment.duedate is not None)
    if submission.extension != wanted:
        gradebook.grant_extension(assignment, person.id, days=person.extra_days if wanted else 0)


def folder_problem(student: str) -> str:
    """Say why the name of a submission's folder cannot be used; empty if it can."""
    if not student.isprintable():
        return "the name of its folder cannot be used: give it one of plain characters."
    if len(student) > LONGEST or len(student.encode()) > LONGEST_FOLDER:
        return (
            f"the name of its folder has {len(student)} characters; expected at most {LONGEST}, "
            f"and {LONGEST_FOLDER} bytes: give it a shorter one."
        )
    return ""


def extension(person: Person, *, due: bool) -> timedelta | None:
    """Return by how much a due date is later for somebody; None if it is not, or there is none."""
    return timedelta(days=person.extra_days) if due and person.extra_days else None


@functools.lru_cache(maxsize=1)
def _read(path: Path, changed: int, size: int) -> Roster:  # noqa: ARG001 (they stand for the content)
    return parse_roster(path)


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of each line and its cells."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CourseError(
            f"{path} cannot be read ({error.strerror}): name the file that lists your students."
        ) from None
    except UnicodeDecodeError:
        raise CourseError(
            f"{path} is not text in UTF-8: save it from your spreadsheet as 'CSV UTF-8'."
        ) from None
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise CourseError(
            f"{path.name}, line {reader.line_num}: it is not CSV ({error}): save the file from "
            "your spreadsheet again."
        ) from None


def _header_problems(path: Path, header: list[str]) -> Iterator[str]:
    for column in dict.fromkeys(header):
        if column not in COLUMNS:
            yield (
                f"{path.name}, line 1: there is no column {column!r}; expected any of "
                f"{', '.join(COLUMNS)}: rename or delete it."
            )
        elif header.count(column) > 1:
            yield f"{path.name}, line 1: the column {column!r} is there twice: delete one."
    if "id" not in header:
        yield (
            f"{path.name}, line 1: the column 'id' is missing: add it, with the name that each "
            "student's folder will have."
        )


def _row_problems(header: list[str], row: list[str], values: dict[str, str]) -> Iterator[str]:
    if len(row) != len(header):
        yield (
            f"it has {len(row)} cells, and the first line has {len(header)}: put a text with a "
            "comma in it between quotation marks, and leave no cell out."
        )
        return
    for column, value in values.items():
        if len(value) > LONGEST or not value.isprintable():
            yield (
                f"{column} is {value[:40]!a}; expected at most {LONGEST} plain characters: "
                "correct it."
            )
            return
    student = values["id"]
    if not STUDENT_ID.fullmatch(student):
        yield (
            f"id is {student!r}; expected letters, digits and any of . @ + - _, as it names a "
            "folder: choose another one."
        )
    if values.get("email") and not re.fullmatch(r"[^@\s]+@[^@\s]+", values["email"]):
        yield f"email is {values['email']!r}; expected one address: correct it."
    if values.get("canvas_id") and not re.fullmatch(r"\d+", values["canvas_id"], re.ASCII):
        yield (
            f"canvas_id is {values['canvas_id']!r}; expected the number under 'ID' in an export of "
            "Canvas's gradebook: correct it, or leave it empty."
        )
    if values.get("extra_days") and not _is_days(values["extra_days"]):
        yield (
            f"extra_days is {values['extra_days']!r}; expected a number of days such as 2 or 0.5: "
            "correct it, or leave it empty."
        )


def _is_days(text: str) -> bool:
    try:
        days = float(text)
    except ValueError:
        return False
    return math.isfinite(days) and 0 <= days <= MOST_DAYS


def _doubles(
    values: dict[str, str], seen: dict[tuple[str, str], int], number: int
) -> Iterator[str]:
    """Say which of a line's ids another line has, too, and remember them all."""
    for column in UNIQUE:
        value = values.get(column, "")
        if value and (line := seen.setdefault((column, value.casefold()), number)) != number:
            yield f"{column} {value!r} is also on line {line}: give each person their own."

"""Grades are recorded in a PostgreSQL server as they are in a file."""

import datetime
import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from sqlalchemy import create_engine, text
from typer.testing import CliRunner

from mnist_course.cli import app
from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import Assignment, read_assignment
from mnist_course.grading.course.settings import Course, read_course
from mnist_course.grading.gradebook import records as module
from mnist_course.grading.gradebook.move import move_gradebook
from mnist_course.grading.gradebook.records import (
    GradebookError,
    ensure_assignment,
    record,
    recorded,
)
from mnist_course.grading.judging.results import CellScore, Result

pytestmark = pytest.mark.postgresql

NAME = "01_double"
LATE = "2026-03-01 12:00:00 UTC"


@pytest.fixture
def empty(postgresql: str) -> str:
    """The URL of the database, from which everything was dropped."""
    engine = create_engine(postgresql)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return postgresql


@pytest.fixture
def known(
    empty: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Course, Assignment]:
    """A course whose gradebook is on the server, and its assignment."""
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setattr(sys, "path", sys.path.copy())
    folder = shutil.copytree(made, tmp_path / "course")
    with (folder / "nbgrader_config.py").open("a") as config:
        config.write(f"\nc.CourseDirectory.db_url = {empty!r}\n")
    course = read_course(folder)
    assignment = read_assignment(course.source, NAME)
    ensure_assignment(course, assignment)
    return course, assignment


def graded(assignment: Assignment, points: float, *feedback: str) -> Result:
    cells = {
        "check_double": CellScore(points, 2, list(feedback)),
        "check_greet": CellScore(1.5, 1.5),
    }
    return Result("graded", "", 1.0, cells, nbformat.writes(assignment.notebook))


def test_grades_are_recorded_replaced_and_exported(known: tuple[Course, Assignment]) -> None:
    course, assignment = known
    record(course, assignment, "Łukasz 100%", graded(assignment, 0.1, "Try again."), LATE)
    record(course, assignment, "bob", graded(assignment, 1))
    for points in (2, 0.3, 0.3):
        record(course, assignment, "bob", graded(assignment, points, "Almost."), LATE)
    ensure_assignment(course, assignment)
    assert recorded(course, assignment) == {
        "Łukasz 100%": {"check_double": 0.1, "check_greet": 1.5, "why": None},
        "bob": {"check_double": 0.3, "check_greet": 1.5, "why": None},
    }
    with Gradebook(course.db_url, course.course_id) as gradebook:
        comment = gradebook.find_comment("double", NAME, NAME, "bob")
        assert comment.auto_comment == "Almost."

    subprocess.run(
        [sys.executable, "-m", "nbgrader", "export", "--to", "grades.csv"],
        cwd=course.root,
        check=True,
        capture_output=True,
        timeout=300,
    )

    header, *rows = (course.root / "grades.csv").read_text(encoding="utf-8").splitlines()
    exported = [dict(zip(header.split(","), row.split(","), strict=True)) for row in rows]
    assert {row["student_id"]: float(row["score"]) for row in exported} == {
        "Łukasz 100%": 1.6,
        "bob": 1.8,
    }
    assert not (course.root / "gradebook.db").exists()


def test_changed_cells_keep_the_rest_of_the_submission(known: tuple[Course, Assignment]) -> None:
    course, assignment = known
    record(course, assignment, "ada", graded(assignment, 1))
    path = assignment.path
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [
        cell
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") != "check_greet"
    ]
    nbformat.write(notebook, path)
    changed = read_assignment(course.source, NAME)
    ensure_assignment(course, changed, change_cells=True)
    assert recorded(course, changed) == {"ada": {"check_double": 1, "why": None}}


def test_locked_grades_are_waited_for_then_named(
    known: tuple[Course, Assignment], monkeypatch: pytest.MonkeyPatch
) -> None:
    course, assignment = known
    record(course, assignment, "ada", graded(assignment, 1))
    monkeypatch.setattr(module, "SECONDS_TO_WAIT", 1)
    engine = create_engine(course.db_url)
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE grade IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(GradebookError, match=r"lock timeout\): let the other program finish"):
            record(course, assignment, "ada", graded(assignment, 2))
    engine.dispose()
    record(course, assignment, "ada", graded(assignment, 2))
    assert recorded(course, assignment)["ada"]["check_double"] == 2


def test_name_too_long_for_the_server_is_named(known: tuple[Course, Assignment]) -> None:
    course, assignment = known
    with pytest.raises(GradebookError, match="value too long"):
        record(course, assignment, "x" * 200, graded(assignment, 1))
    assert recorded(course, assignment) == {}


@pytest.fixture
def in_a_file(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A course whose gradebook is in a file, and has something of each kind."""
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setattr(sys, "path", sys.path.copy())
    course = read_course(shutil.copytree(made, tmp_path / "course"))
    assignment = read_assignment(course.source, NAME)
    ensure_assignment(course, assignment)
    record(course, assignment, "Łukasz 100%", graded(assignment, 0.1, "Try again."), LATE)
    record(course, assignment, "bob", graded(assignment, 1))
    with Gradebook(course.db_url, course.course_id) as gradebook:
        gradebook.update_or_create_student("bob", first_name="Bob", lms_user_id="17")
        due = datetime.datetime(2026, 2, 28, 18)
        gradebook.update_or_create_assignment(NAME, duedate=due)
        gradebook.add_assignment("02_later", duedate=due)
        gradebook.grant_extension(NAME, "bob", days=2, hours=3)
        grade = gradebook.find_grade("why", NAME, NAME, "bob")
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 1.5, 0.25, False
        gradebook.find_comment("why", NAME, NAME, "bob").manual_comment = "Well thought. 👍"
        gradebook.find_submission_notebook(NAME, NAME, "bob").late_submission_penalty = 0.5
        gradebook.db.commit()
    return course


def contents(url: str) -> dict[str, list[dict[str, object]]]:
    """Return what nbgrader itself makes of a gradebook."""
    with Gradebook(url, "mnist-course") as gradebook:
        found = {
            "students": [student.to_dict() for student in gradebook.students],
            "assignments": [assignment.to_dict() for assignment in gradebook.assignments],
            "submissions": [
                {
                    **submission.to_dict(),
                    "extension": submission.extension,
                    "grades": [g.to_dict() for n in submission.notebooks for g in n.grades],
                    "comments": [c.to_dict() for n in submission.notebooks for c in n.comments],
                }
                for submission in gradebook.assignment_submissions(NAME)
            ],
        }
    return {kind: sorted(rows, key=lambda row: str(row["id"])) for kind, rows in found.items()}


def test_everything_moves_to_the_server_and_is_counted(in_a_file: Course, empty: str) -> None:
    before = contents(in_a_file.db_url)
    done = CliRunner().invoke(
        app, ["move-gradebook", empty, "--json", "--course", str(in_a_file.root)]
    )
    assert done.exit_code == 0, (done.output, done.exception)
    assert json.loads(done.stdout)["counts"] == {
        "students": 2,
        "assignments": 2,
        "due dates": 2,
        "submissions": 2,
        "extensions": 1,
        "grades": 6,
        "points by hand": 1,
        "extra credits": 1,
        "comments by hand": 1,
        "late penalties": 1,
    }
    assert contents(in_a_file.db_url) == before
    moved = contents(empty)
    for row in [*before["submissions"], *moved["submissions"]]:
        for part in ("grades", "comments"):
            row[part].sort(key=lambda entry: entry["id"])
    assert moved == before

    # The course goes on there.
    with (in_a_file.root / "nbgrader_config.py").open("a") as config:
        config.write(f"\nc.CourseDirectory.db_url = {empty!r}\n")
    course = read_course(in_a_file.root)
    assignment = read_assignment(course.source, NAME)
    ensure_assignment(course, assignment)
    record(course, assignment, "bob", graded(assignment, 2))
    assert recorded(course, assignment)["bob"]["check_double"] == 2
    with Gradebook(empty, course.course_id) as gradebook:
        assert gradebook.find_grade("why", NAME, NAME, "bob").manual_score == 1.5


def test_a_database_that_is_in_use_is_not_written_to(in_a_file: Course, empty: str) -> None:
    move_gradebook(in_a_file, empty)
    before = contents(empty)
    with pytest.raises(GradebookError, match=r"has something in its table .* already: name an"):
        move_gradebook(in_a_file, empty)
    assert contents(empty) == before


def test_a_row_that_does_not_fit_leaves_the_server_empty(in_a_file: Course, empty: str) -> None:
    with Gradebook(in_a_file.db_url, in_a_file.course_id) as gradebook:
        gradebook.add_student("x" * 200)
    with pytest.raises(GradebookError, match=r"cannot be moved .*value too long"):
        move_gradebook(in_a_file, empty)
    with Gradebook(empty, in_a_file.course_id) as gradebook:
        assert (gradebook.students, gradebook.assignments) == ([], [])
    move_gradebook(in_a_file, f"sqlite:///{in_a_file.root / 'copy.db'}")  # which takes any name
    with pytest.raises(CourseError, match="already: name another database"):
        move_gradebook(in_a_file, in_a_file.db_url)
    with pytest.raises(CourseError, match="'nonsense' is no URL of a database"):
        move_gradebook(in_a_file, "nonsense")

"""A page of feedback that is older than what it shows is found, and only such a page rewritten."""

import hashlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from mnist_course.cli import app
from mnist_course.grading.course.assignment import Assignment, read_assignment
from mnist_course.grading.course.settings import Course, read_course
from mnist_course.grading.gradebook.changes import tell_history
from mnist_course.grading.gradebook.outdated import (
    assignments_with_pages,
    is_current,
    mark,
    outdated_pages,
    page_digests,
    page_of,
)
from mnist_course.grading.gradebook.page import read_page
from mnist_course.grading.gradebook.records import ensure_assignment, note_by_hand, record
from mnist_course.grading.judging.results import CellScore, Result

NAME = "01_double"
STUDENTS = ("ada", "bob o'neil")


@pytest.fixture
def known(
    course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Course, Assignment]:
    """A course in which two students are graded."""
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setattr(sys, "path", sys.path.copy())
    it = read_course(course)
    assignment = read_assignment(it.source, NAME)
    ensure_assignment(it, assignment)
    for student in STUDENTS:
        grade(it, assignment, student)
    return it, assignment


def grade(course: Course, assignment: Assignment, student: str, points: float = 2) -> None:
    cells = {"check_double": CellScore(points, 2), "check_greet": CellScore(1.5, 1.5)}
    result = Result("graded", "", 1.0, cells, nbformat.writes(assignment.notebook))
    made_from = {
        "submission": hashlib.sha256(student.encode()).hexdigest(),
        "tests": {"check_double": f"{points}"},
        "versions": {"Python": "3.12.1", "keras": "3.12.0"},
    }
    record(course, assignment, student, result, "2026-03-31 16:20:00 UTC", None, made_from)


def write_pages(course: Course) -> None:
    """Write pages without nbgrader, which takes seconds."""
    for student, digest in page_digests(course, NAME).items():
        page = page_of(course, NAME, student)
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("<!DOCTYPE html>\n<html><head><title>Page</title></head><body></body>")
        mark(page, digest)


def enter(course: Course, what: str) -> None:
    """Do in the gradebook what a person does in the formgrader."""
    with Gradebook(course.db_url, course.course_id) as gradebook:
        grade = gradebook.find_grade("why", NAME, NAME, "ada")
        comment = gradebook.find_comment("double", NAME, NAME, "ada")
        if what == "points":
            grade.manual_score = 1
        elif what == "extra credit":
            grade.extra_credit = 1
        elif what == "waiting":
            grade.needs_manual_grade = not grade.needs_manual_grade
        elif what == "comment":
            comment.manual_comment = "Well thought."
        elif what == "name":
            gradebook.update_or_create_student("ada", first_name="Ada")
        gradebook.db.commit()


CHANGES: dict[str, Callable[[Course, Assignment], object]] = {
    "a grade": lambda course, assignment: grade(course, assignment, "ada", 1),
    "the notebook": lambda course, _: os.truncate(
        course.autograded / "ada" / NAME / f"{NAME}.ipynb", 10
    ),
    **{
        what: lambda course, _, what=what: enter(course, what)
        for what in ("points", "extra credit", "waiting", "comment", "name")
    },
}


@pytest.mark.parametrize("change", list(CHANGES))
def test_whatever_a_page_shows_makes_it_out_of_date(
    known: tuple[Course, Assignment], change: str
) -> None:
    course, assignment = known
    assert (outdated_pages(course, NAME), assignments_with_pages(course)) == ([], [])  # none yet
    write_pages(course)
    assert (outdated_pages(course, NAME), assignments_with_pages(course)) == ([], [NAME])
    CHANGES[change](course, assignment)
    note_by_hand(course, NAME)
    assert outdated_pages(course, NAME) == ["ada"]


def test_dates_of_files_do_not_matter(known: tuple[Course, Assignment]) -> None:
    course, assignment = known
    write_pages(course)
    grade(course, assignment, "ada")  # writes the same files again
    assert outdated_pages(course, NAME) == []
    page = page_of(course, NAME, "ada")
    grade(course, assignment, "ada", 1)
    os.utime(page, (2**32, 2**32))
    assert outdated_pages(course, NAME) == ["ada"]


def test_page_without_a_mark_is_out_of_date_and_one_that_is_missing_is_not(
    known: tuple[Course, Assignment],
) -> None:
    course, _ = known
    write_pages(course)
    page_of(course, NAME, "ada").write_text("<html><head></head>")
    page_of(course, NAME, "bob o'neil").unlink()
    assert outdated_pages(course, NAME) == ["ada"]
    assert not is_current(course, NAME, "bob o'neil", page_digests(course, NAME)["bob o'neil"])


def test_an_appeal_finds_everything_on_the_page(known: tuple[Course, Assignment]) -> None:
    course, assignment = known
    grade(course, assignment, "ada", 1)
    enter(course, "points")
    note_by_hand(course, NAME)
    graded = course.autograded / "ada" / NAME / f"{NAME}.ipynb"
    page = read_page(course, NAME, "ada", nbformat.read(graded, as_version=4))
    assert page.history == tell_history(course, NAME, "ada")
    assert any("a test was corrected." in sentence for sentence in page.history)
    assert page.evidence.pop("Graded").endswith(" UTC")
    assert page.evidence == {
        "Due": "none",
        "With": "Python 3.12.1, keras 3.12.0",
        "SHA-256 of the notebook you submitted": hashlib.sha256(b"ada").hexdigest(),
    }


@pytest.mark.slow
def test_feedback_rewrites_only_what_is_out_of_date(known: tuple[Course, Assignment]) -> None:
    course, assignment = known
    options = ["feedback", NAME, "--course", str(course.root)]

    def run() -> str:
        done = CliRunner().invoke(app, options)
        assert done.exit_code == 0, (done.output, done.exception)
        return done.stderr

    assert "Wrote 2 pages" in run()
    assert run() == "Every page is up to date: none was written.\n"
    grade(course, assignment, "ada", 1)
    exported = CliRunner().invoke(app, ["grades", "--course", str(course.root)])
    assert f"1 page of feedback on {NAME} is out of date: run 'mnist-course" in exported.stderr
    untouched = page_of(course, NAME, "bob o'neil").stat().st_mtime_ns
    assert run() == f"Wrote 1 page: {page_of(course, NAME, 'ada')}\n"
    assert page_of(course, NAME, "bob o'neil").stat().st_mtime_ns == untouched
    text = page_of(course, NAME, "ada").read_text(encoding="utf-8")
    assert "3.5 → 2.5 on " in text
    assert hashlib.sha256(b"ada").hexdigest() in text
    shutil.rmtree(course.feedback)
    assert "Wrote 2 pages" in run()

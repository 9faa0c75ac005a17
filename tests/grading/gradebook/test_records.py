"""What is recorded is what nbgrader would find, and nothing that people gave is lost."""

import copy
import dataclasses
import datetime
import json
import os
import shutil
import sqlite3
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import nbformat
import pytest
from helpers import run_nbgrader
from nbgrader.api import Gradebook
from nbgrader.utils import determine_grade

from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import Assignment, read_assignment
from mnist_course.grading.course.settings import Course, read_course
from mnist_course.grading.gradebook import records as module
from mnist_course.grading.gradebook.records import (
    NOT_RUN,
    GradebookError,
    ensure_assignment,
    is_adjusted,
    read_cell_changes,
    record,
    recorded,
)
from mnist_course.grading.judging.results import CellScore, Result

NAME = "01_double"
LATE = "2026-03-01 12:00:00 UTC"
PLUGIN = """\
from nbgrader.plugins import BasePlugin

class Half(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return {penalty}
"""


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the test without the Jupyter configuration of who runs it."""
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setattr(sys, "path", sys.path.copy())


@pytest.fixture
def known(course: Path) -> tuple[Course, Assignment]:
    """A course whose gradebook knows its assignment, and the assignment."""
    return read(course)


def read(folder: Path) -> tuple[Course, Assignment]:
    course = read_course(folder)
    return course, read_assignment(course.source, NAME)


def graded(
    assignment: Assignment,
    double: float = 2,
    greet: float = 1.5,
    *,
    answers: dict[str, str] | None = None,
    feedback: dict[str, list[str]] | None = None,
    review: dict[str, str] | None = None,
    **changes: Any,
) -> Result:
    """Return a result as grading the reference solution, with other answers, would give it."""
    notebook = copy.deepcopy(assignment.notebook)
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = (answers or {}).get(name, cell.source)
    cells = {
        name: CellScore(
            points=points,
            max_points=assignment.points[name],
            feedback=(feedback or {}).get(name, []),
            review=(review or {}).get(name, ""),
        )
        for name, points in [("check_double", double), ("check_greet", greet)]
        if name in assignment.points
    }
    result = Result("graded", "", 1.0, cells, nbformat.writes(notebook))
    return dataclasses.replace(result, **changes)


def rejected(reason: str) -> Result:
    return Result("rejected", reason, 0.0, {}, "")


def held(course: Course, student: str = "ada") -> dict[str, Any]:
    """Return all that the gradebook holds of a submission."""
    with Gradebook(course.db_url, course.course_id) as gradebook:
        submission = gradebook.find_submission(NAME, student)
        (notebook,) = submission.notebooks
        return {
            "timestamp": submission.timestamp,
            "extension": submission.extension,
            "score": submission.score,
            "penalty": notebook.late_submission_penalty,
            "auto": {grade.name: grade.auto_score for grade in notebook.grades},
            "manual": {grade.name: grade.manual_score for grade in notebook.grades},
            "extra": {grade.name: grade.extra_credit for grade in notebook.grades},
            "review": {g.name for g in notebook.grades if g.needs_manual_grade},
            "auto_comment": {c.name: c.auto_comment for c in notebook.comments},
            "manual_comment": {c.name: c.manual_comment for c in notebook.comments},
        }


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def grade_by_hand(course: Course, cell: str, student: str = "ada", **changes: Any) -> None:
    """Do what the formgrader does when a person enters a score."""
    with Gradebook(course.db_url, course.course_id) as gradebook:
        grade = gradebook.find_grade(cell, NAME, NAME, student)
        for name, value in changes.items():
            setattr(grade, name, value)
        grade.needs_manual_grade = False
        gradebook.db.commit()


def change_source(course: Course, change: Callable[[nbformat.NotebookNode], None]) -> Assignment:
    path = course.source / NAME / f"{NAME}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    nbformat.write(notebook, path)
    return read_assignment(course.source, NAME)


def cell_of(notebook: nbformat.NotebookNode, name: str) -> nbformat.NotebookNode:
    (found,) = [c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name]
    return found


@pytest.mark.slow
def test_gradebook_knows_the_same_with_and_without_nbgraders_own_release(
    made: Path, generated: Path, tmp_path: Path
) -> None:
    def cells(course: Course) -> dict[str, Any]:
        with Gradebook(course.db_url, course.course_id) as gradebook:
            notebook = gradebook.find_notebook(NAME, NAME)
            return {
                "grade": {c.name: (c.max_score, c.cell_type) for c in notebook.grade_cells},
                "solution": {c.name for c in notebook.solution_cells},
                "source": {c.name: (c.source, c.checksum, c.locked) for c in notebook.source_cells},
                "kernelspec": notebook.kernelspec,
            }

    course, assignment = read(shutil.copytree(made, tmp_path / "new"))
    ensure_assignment(course, assignment)
    released = read_course(shutil.copytree(generated, tmp_path / "released"))
    assert cells(course) == cells(released)
    assert cells(course)["grade"].keys() == {"check_double", "check_greet", "why"}


@pytest.mark.slow
def test_new_gradebook_is_made_by_a_library_in_an_environment_that_is_not_activated(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    course, assignment = read(shutil.copytree(made, tmp_path / "new"))
    monkeypatch.setenv("PATH", os.defpath)
    ensure_assignment(course, assignment)
    assert os.environ["PATH"] == os.defpath
    with closing(sqlite3.connect(course.root / "gradebook.db")) as database:
        assert len(database.execute("SELECT version_num FROM alembic_version").fetchall()) == 1
    assert capfd.readouterr() == ("", "")


def test_points_comments_and_flags_reach_the_gradebook(known: tuple[Course, Assignment]) -> None:
    course, assignment = known
    result = graded(
        assignment,
        double=0.5,
        feedback={"check_double": ["`double` should double.", "It returned 3 for 2."]},
        review={"check_greet": "It trained on the test images."},
    )
    record(course, assignment, "ada", result, LATE)
    assert held(course) == {
        "timestamp": datetime.datetime(2026, 3, 1, 12),
        "extension": None,
        "score": 2.0,
        "penalty": None,
        "auto": {"check_double": 0.5, "check_greet": 1.5, "why": None},
        "manual": {"check_double": None, "check_greet": None, "why": None},
        "extra": {"check_double": None, "check_greet": None, "why": None},
        "review": {"check_greet", "why"},
        "auto_comment": {
            "double": "`double` should double.\nIt returned 3 for 2.",
            "greet": None,
            "why": None,
        },
        "manual_comment": {"double": None, "greet": None, "why": None},
    }


def test_notebook_is_recorded_read_only_with_points_as_nbgrader_reads_them(
    known: tuple[Course, Assignment],
) -> None:
    course, assignment = known
    notebook = copy.deepcopy(assignment.notebook)
    error = nbformat.v4.new_output("error", ename="AssertionError", evalue="try", traceback=[])
    cell_of(notebook, "check_double").outputs = [error]
    cell_of(notebook, "check_double").source = "changed"
    result = graded(assignment, double=1.25, notebook=nbformat.writes(notebook))
    record(course, assignment, "ada", result, LATE)
    folder = course.autograded / "ada" / NAME
    assert set(files(folder)) == {f"{NAME}.ipynb", "timestamp.txt"}
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o444}
    assert (folder / "timestamp.txt").read_text() == LATE
    written = nbformat.read(folder / f"{NAME}.ipynb", as_version=4)
    nbformat.validate(written)
    check = cell_of(written, "check_double")
    assert determine_grade(check) == (1.25, 2)
    assert check.outputs[1:] == [error]
    assert check.source == cell_of(assignment.notebook, "check_double").source


def test_what_the_exchange_knows_a_submission_by_is_recorded_and_taken_away_again(
    known: tuple[Course, Assignment],
) -> None:
    course, assignment = known
    folder = course.autograded / "ada" / NAME
    record(course, assignment, "ada", graded(assignment), LATE, "5ec2e7")
    assert (folder / "submission_secret.txt").read_text() == "5ec2e7"
    record(course, assignment, "ada", graded(assignment))
    assert set(files(folder)) == {f"{NAME}.ipynb"}


@pytest.mark.parametrize(
    ("cell", "changes", "adjusted"),
    [
        ("why", {"manual_score": 1.0}, False),
        ("why", {"extra_credit": 0.0}, False),
        ("check_greet", {"extra_credit": 0.5}, True),
    ],
)
def test_extra_credit_adjusts_a_total(
    known: tuple[Course, Assignment], cell: str, changes: dict[str, float], adjusted: bool
) -> None:
    course, assignment = known
    record(course, assignment, "ada", graded(assignment))
    record(course, assignment, "bob", graded(assignment))
    assert not is_adjusted(course, NAME)
    grade_by_hand(course, cell, student="bob", **changes)
    assert is_adjusted(course, NAME) == adjusted
    assert not is_adjusted(course, "02_other")


@pytest.mark.slow
def test_stock_nbgrader_takes_the_submission_for_graded_and_exports_its_points(
    known: tuple[Course, Assignment],
) -> None:
    course, assignment = known
    submitted = course.submitted / "ada" / NAME
    shutil.copytree(course.released / NAME, submitted)
    (submitted / "timestamp.txt").write_text(LATE)
    record(course, assignment, "ada", graded(assignment, double=0.5), LATE)
    before = files(course.autograded)
    assert "Skipping existing assignment" in run_nbgrader(course.root, "autograde", NAME)
    assert files(course.autograded) == before
    run_nbgrader(course.root, "export", "--to", "grades.csv")
    header, row = (course.root / "grades.csv").read_text().splitlines()
    assert float(dict(zip(header.split(","), row.split(","), strict=True))["score"]) == 2.0
    run_nbgrader(course.root, "generate_feedback", NAME)
    assert (course.feedback / "ada" / NAME / f"{NAME}.html").is_file()


def test_recording_twice_changes_nothing(known: tuple[Course, Assignment]) -> None:
    course, assignment = known
    result = graded(assignment, double=1, feedback={"check_double": ["Try again."]})
    record(course, assignment, "ada", result, LATE)
    grade_by_hand(course, "why", manual_score=1.5)
    grade_by_hand(course, "check_greet", manual_score=1.0, extra_credit=0.5)
    before, notebooks = held(course), files(course.autograded)
    record(course, assignment, "ada", result, LATE)
    assert held(course) == before
    assert files(course.autograded) == notebooks
    assert before["review"] == set()


def test_new_result_replaces_what_was_automatic(known: tuple[Course, Assignment]) -> None:
    course, assignment = known
    worse = graded(
        assignment,
        double=0,
        greet=0,
        feedback={"check_double": ["Wrong."], "check_greet": ["Wrong."]},
        review={"check_double": "Strange."},
    )
    record(course, assignment, "ada", worse, LATE)
    record(course, assignment, "ada", graded(assignment, feedback={"check_greet": ["Almost."]}))
    now = held(course)
    assert now["auto"] == {"check_double": 2, "check_greet": 1.5, "why": None}
    assert now["auto_comment"] == {"double": None, "greet": "Almost.", "why": None}
    assert now["review"] == {"why"}
    assert set(files(course.autograded / "ada" / NAME)) == {f"{NAME}.ipynb"}


def test_what_people_gave_stays_and_only_changed_answers_are_to_be_graded_again(
    known: tuple[Course, Assignment],
) -> None:
    course, assignment = known
    record(course, assignment, "ada", graded(assignment))
    grade_by_hand(course, "why", manual_score=1.5, extra_credit=0.25)
    grade_by_hand(course, "check_double", manual_score=1)
    grade_by_hand(course, "check_greet", manual_score=1)
    with Gradebook(course.db_url, course.course_id) as gradebook:
        gradebook.find_comment("double", NAME, NAME, "ada").manual_comment = "Well thought."
        gradebook.grant_extension(NAME, "ada", hours=1)
    other = {"double": "def double(number): return number"}
    record(course, assignment, "ada", graded(assignment, answers=other))
    now = held(course)
    assert now["review"] == {"check_double"}
    assert now["manual"] == {"check_double": 1, "check_greet": 1, "why": 1.5}
    assert now["extra"]["why"] == 0.25
    assert now["manual_comment"]["double"] == "Well thought."
    assert now["extension"] == datetime.timedelta(hours=1)
    assert now["score"] == 1 + 1 + 1.5 + 0.25
    record(course, assignment, "ada", graded(assignment, greet=1, answers=other))
    assert held(course)["review"] == {"check_double", "check_greet"}
    record(course, assignment, "ada", graded(assignment, greet=1, answers={**other, "why": "No."}))
    assert held(course)["review"] == {"check_double", "check_greet", "why"}


def test_rejected_submission_has_no_points_and_the_reason_as_feedback(
    known: tuple[Course, Assignment],
) -> None:
    course, assignment = known
    record(course, assignment, "ada", graded(assignment), LATE)
    reason = "The submission is a link."
    record(course, assignment, "ada", rejected(reason), LATE)
    now = held(course)
    assert now["auto"] == {"check_double": 0, "check_greet": 0, "why": 0}
    assert now["review"] == set()
    assert now["auto_comment"] == dict.fromkeys(["double", "greet", "why"], f"{NOT_RUN} {reason}")
    text = (course.autograded / "ada" / NAME / f"{NAME}.ipynb").read_text()
    assert "factor = len" not in text, "the solution must not be shown"
    assert "Because of mathematics" not in text


def test_answer_left_as_it_was_is_graded_as_nbgrader_does(known: tuple[Course, Assignment]) -> None:
    course, assignment = known
    released = read_assignment(course.released, NAME).notebook
    untouched = {name: cell_of(released, name).source for name in ("double", "greet", "why")}
    record(course, assignment, "ada", graded(assignment, 0, 0, answers=untouched))
    now = held(course)
    assert now["auto"]["why"] == 0
    assert now["review"] == set()
    assert now["auto_comment"] == dict.fromkeys(untouched, "No response.")


@pytest.mark.parametrize(
    "student",
    ["Ada Lovelace", "O'Neill", 'the "one"', "Łukasz Ünal 学", "100%", "a%20b", "*", "[ab]", "{x}"],
)
def test_every_name_of_a_folder_is_a_student(
    known: tuple[Course, Assignment], student: str
) -> None:
    course, assignment = known
    record(course, assignment, "ab", graded(assignment, double=0))
    record(course, assignment, student, graded(assignment, double=1), LATE)
    assert recorded(course, assignment) == {
        "ab": {"check_double": 0, "check_greet": 1.5, "why": None},
        student: {"check_double": 1, "check_greet": 1.5, "why": None},
    }
    assert set(files(course.autograded / student / NAME)) == {f"{NAME}.ipynb", "timestamp.txt"}
    assert set(files(course.autograded / "ab" / NAME)) == {f"{NAME}.ipynb"}


@pytest.mark.slow
def test_nothing_is_recorded_of_an_assignment_that_nobody_knows(made: Path, tmp_path: Path) -> None:
    course, assignment = read(shutil.copytree(made, tmp_path / "new"))
    assert recorded(course, assignment) == {}


@pytest.mark.parametrize(("seconds", "penalty"), [(-1, None), (0, None), (1, 1.75), (86400, 1.75)])
def test_late_penalty_is_that_of_the_instructors_plugin(
    course: Path, seconds: int, penalty: float | None
) -> None:
    (course / "lateness.py").write_text(PLUGIN.format(penalty="score / 2"))
    with (course / "nbgrader_config.py").open("a") as config:
        config.write('\nc.AssignLatePenalties.plugin_class = "lateness.Half"\n')
    it, assignment = read(course)
    due = datetime.datetime(2026, 3, 1, 12)
    with Gradebook(it.db_url, it.course_id) as gradebook:
        gradebook.update_or_create_assignment(NAME, duedate=due)
    for _ in range(2):
        timestamp = f"{due + datetime.timedelta(seconds=seconds)} UTC"
        record(it, assignment, "ada", graded(assignment), timestamp)
        assert held(it)["penalty"] == penalty
    ensure_assignment(it, assignment)
    with Gradebook(it.db_url, it.course_id) as gradebook:
        assert gradebook.find_assignment(NAME).duedate == due


def test_failing_plugin_is_one_sentence(course: Path) -> None:
    (course / "broken_lateness.py").write_text(PLUGIN.format(penalty="score / 0"))
    with (course / "nbgrader_config.py").open("a") as config:
        config.write('\nc.AssignLatePenalties.plugin_class = "broken_lateness.Half"\n')
    it, assignment = read(course)
    with Gradebook(it.db_url, it.course_id) as gradebook:
        gradebook.update_or_create_assignment(NAME, duedate=datetime.datetime(2020, 1, 1))
    with pytest.raises(GradebookError, match="division by zero"):
        record(it, assignment, "ada", graded(assignment), LATE)
    assert not (it.autograded / "ada" / NAME).exists()


def test_student_must_be_known_if_the_instructor_says_so(course: Path) -> None:
    with (course / "nbgrader_config.py").open("a") as config:
        config.write("\nc.Autograde.create_student = False\n")
    it, assignment = read(course)
    with pytest.raises(GradebookError, match="ada"):
        record(it, assignment, "ada", graded(assignment))
    assert recorded(it, assignment) == {}


@pytest.mark.parametrize(
    ("points", "sentence"),
    [
        ({"double": 2.5}, "2.5 points for check_double: expected 0 to 2"),
        ({"greet": -1.0}, "-1 points for check_greet: expected 0 to 1.5"),
        ({"greet": float("nan")}, "nan points"),
    ],
)
def test_points_that_cannot_be_are_refused(
    known: tuple[Course, Assignment], points: dict[str, float], sentence: str
) -> None:
    course, assignment = known
    with pytest.raises(GradebookError, match=sentence):
        record(course, assignment, "ada", graded(assignment, **points))
    assert recorded(course, assignment) == {}


def test_result_and_its_notebook_must_have_every_check_cell(
    known: tuple[Course, Assignment],
) -> None:
    course, assignment = known
    result = graded(assignment)
    few = {"check_double": result.cells["check_double"]}
    with pytest.raises(GradebookError, match="expected check_double, check_greet"):
        record(course, assignment, "ada", dataclasses.replace(result, cells=few))
    notebook = json.loads(result.notebook)
    notebook["cells"] = notebook["cells"][:5]
    with pytest.raises(GradebookError, match="None points for check_greet"):
        record(
            course, assignment, "ada", dataclasses.replace(result, notebook=json.dumps(notebook))
        )
    assert not (course.autograded / "ada" / NAME).exists()


def test_changed_texts_and_points_of_the_source_keep_all_grades(
    known: tuple[Course, Assignment],
) -> None:
    course, assignment = known
    record(course, assignment, "ada", graded(assignment), LATE)
    grade_by_hand(course, "why", manual_score=1)
    before = held(course)

    def change(notebook: nbformat.NotebookNode) -> None:
        cell_of(notebook, "check_double").metadata.nbgrader["points"] = 3
        cell_of(notebook, "check_greet").source += "\n"

    changed = change_source(course, change)
    ensure_assignment(course, changed)
    assert held(course) == before
    record(course, changed, "ada", graded(changed, double=3), LATE)
    assert held(course)["auto"]["check_double"] == 3
    assert held(course)["manual"]["why"] == 1


def remove_greet(notebook: nbformat.NotebookNode) -> None:
    notebook.cells.remove(cell_of(notebook, "check_greet"))


def add_shout(notebook: nbformat.NotebookNode) -> None:
    """Add a third task, worth a point."""
    answer = copy.deepcopy(cell_of(notebook, "greet"))
    check = copy.deepcopy(cell_of(notebook, "check_greet"))
    answer.source = answer.source.replace("greet", "shout")
    check.source = check.source.replace("greet", "shout")
    for cell, name in ((answer, "shout"), (check, "check_shout")):
        cell.id = cell.metadata.nbgrader["grade_id"] = name
    check.metadata.nbgrader["points"] = 1
    notebook.cells += [answer, check]


def test_other_cells_are_refused_unless_they_are_asked_for(
    known: tuple[Course, Assignment],
) -> None:
    course, assignment = known
    record(course, assignment, "ada", graded(assignment))
    before = held(course)
    for change in (add_shout, remove_greet):
        with pytest.raises(GradebookError, match="run 'mnist-course release 01_double'"):
            ensure_assignment(course, change_source(course, change))
        assert held(course) == before


def test_a_new_task_keeps_all_that_is_there(course: Path) -> None:
    (course / "lateness.py").write_text(PLUGIN.format(penalty="score / 2"))
    with (course / "nbgrader_config.py").open("a") as config:
        config.write('\nc.AssignLatePenalties.plugin_class = "lateness.Half"\n')
    it, assignment = read(course)
    with Gradebook(it.db_url, it.course_id) as gradebook:
        due = datetime.datetime(2026, 2, 28)
        gradebook.update_or_create_assignment(NAME, duedate=due)
    record(it, assignment, "ada", graded(assignment, double=1), LATE)
    record(it, assignment, "bob", graded(assignment))
    with Gradebook(it.db_url, it.course_id) as gradebook:
        gradebook.grant_extension(NAME, "bob", days=2)
        gradebook.find_comment("double", NAME, NAME, "ada").manual_comment = "Well thought."
        gradebook.db.commit()
    grade_by_hand(it, "why", manual_score=1.5)
    grade_by_hand(it, "check_greet", extra_credit=0.5)
    before = {student: held(it, student) for student in ("ada", "bob")}

    changed = change_source(it, add_shout)
    changes = read_cell_changes(it, changed)
    assert (changes.submissions, changes.removed, changes.points) == (2, {}, {})
    assert changes.added == {"shout": 0, "check_shout": 1}
    assert changes.total == (5.5, 6.5)
    assert {student: held(it, student) for student in ("ada", "bob")} == before  # only read
    ensure_assignment(it, changed, change_cells=True)
    assert not read_cell_changes(it, changed)
    for student, row in before.items():
        row["auto"]["check_shout"] = row["manual"]["check_shout"] = None
        row["extra"]["check_shout"] = None
        row["auto_comment"]["shout"] = row["manual_comment"]["shout"] = None
        row["review"].add("check_shout")
        assert held(it, student) == row
    with Gradebook(it.db_url, it.course_id) as gradebook:
        assert gradebook.find_assignment(NAME).duedate == due
        assert gradebook.find_assignment(NAME).max_score == 6.5

    result = graded(changed, double=1)
    cells = {**result.cells, "check_shout": CellScore(1, 1)}
    record(it, changed, "ada", dataclasses.replace(result, cells=cells), LATE)
    now = held(it)
    assert now["auto"] == {"check_double": 1, "check_greet": 1.5, "why": None, "check_shout": 1}
    assert now["manual"]["why"] == 1.5
    assert now["extra"]["check_greet"] == 0.5
    assert now["manual_comment"]["double"] == "Well thought."
    assert now["penalty"] == (1 + 1.5 + 0.5 + 1.5 + 1) / 2


def test_a_cell_that_goes_takes_its_automatic_points_along_alone(
    known: tuple[Course, Assignment],
) -> None:
    course, assignment = known
    record(course, assignment, "ada", graded(assignment), LATE)
    grade_by_hand(course, "why", manual_score=1)
    changed = change_source(course, remove_greet)
    assert read_cell_changes(course, changed).removed == {"check_greet": 1.5}
    ensure_assignment(course, changed, change_cells=True)
    now = held(course)
    assert now["auto"] == {"check_double": 2, "why": None}
    assert now["manual"]["why"] == 1
    assert now["timestamp"] == datetime.datetime(2026, 3, 1, 12)
    record(course, changed, "ada", graded(changed), LATE)
    assert held(course) == now


def test_what_changes_is_described(known: tuple[Course, Assignment]) -> None:
    course, assignment = known
    assert not read_cell_changes(course, change_source(course, add_shout))  # nobody is graded

    def change(notebook: nbformat.NotebookNode) -> None:
        remove_greet(notebook)
        cell_of(notebook, "check_double").metadata.nbgrader["points"] = 3

    record(course, assignment, "ada", graded(assignment))
    first, *lines, last = read_cell_changes(course, change_source(course, change)).describe()
    assert first == "01_double is graded already (1 submission), and its cells have changed:"
    assert lines == [
        "  new: check_shout, 1 point: 0 for whoever submitted without it",
        "  new: shout",
        "  gone: check_greet, 1.5 points",
        "  worth 3 instead of 2: check_double",
    ]
    assert last.startswith("The total goes from 5.5 to 6 points. Points by hand, comments, due")


@pytest.mark.parametrize("what", ["manual_score", "extra_credit", "manual_comment"])
def test_changed_cells_are_refused_if_grades_of_people_would_be_lost(
    known: tuple[Course, Assignment], what: str
) -> None:
    course, assignment = known
    record(course, assignment, "ada", graded(assignment))
    record(course, assignment, "bob", graded(assignment))
    gone = "double" if what == "manual_comment" else "why"
    if what == "manual_comment":
        with Gradebook(course.db_url, course.course_id) as gradebook:
            gradebook.find_comment("double", NAME, NAME, "bob").manual_comment = "Well thought."
            gradebook.db.commit()
    else:
        grade_by_hand(course, "why", "bob", **{what: 0})
    before = held(course), held(course, "bob")
    changed = change_source(course, lambda nb: nb.cells.remove(cell_of(nb, gone)))
    for action in (
        lambda: read_cell_changes(course, changed),
        lambda: ensure_assignment(course, changed, change_cells=True),
    ):
        with pytest.raises(CourseError, match=r"would be lost \(1 submission, the first by bob\)"):
            action()
    assert (held(course), held(course, "bob")) == before


def test_source_that_nbgrader_rejects_is_one_sentence(known: tuple[Course, Assignment]) -> None:
    course, assignment = known
    record(course, assignment, "ada", graded(assignment))

    def nest(notebook: nbformat.NotebookNode) -> None:
        cell_of(notebook, "double").source = "### BEGIN SOLUTION\n### BEGIN SOLUTION"

    with pytest.raises(GradebookError, match="nested"):
        ensure_assignment(course, change_source(course, nest))
    assert recorded(course, assignment)["ada"]["check_double"] == 2


@pytest.fixture
def locked(known: tuple[Course, Assignment]) -> Iterator[None]:
    with closing(sqlite3.connect(known[0].root / "gradebook.db")) as database:
        database.execute("BEGIN EXCLUSIVE")
        yield


def complaint(action: Callable[[], object], capfd: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(GradebookError) as error:
        action()
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")
    return str(error.value)


@pytest.mark.usefixtures("locked")
def test_locked_gradebook_is_waited_for_then_named(
    known: tuple[Course, Assignment],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    course, assignment = known
    monkeypatch.setattr(module, "SECONDS_TO_WAIT", 0.2)
    result = graded(assignment)
    for action in (
        lambda: record(course, assignment, "ada", result),
        lambda: ensure_assignment(course, assignment),
        lambda: recorded(course, assignment),
    ):
        message = complaint(action, capfd)
        assert "database is locked" in message
        assert "let the other program finish" in message
    assert files(course.autograded) == {}


@pytest.mark.parametrize("setting", ["query_only = 1", "max_page_count = 1"])
def test_gradebook_that_cannot_grow_or_change_is_named(
    known: tuple[Course, Assignment],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    setting: str,
) -> None:
    # Root may write read-only files, and the disk of a test should not be filled.
    course, assignment = known
    connect = sqlite3.dbapi2.connect

    def limited(*arguments: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*arguments, **options)
        connection.execute(f"PRAGMA {setting}")
        return connection

    monkeypatch.setattr(sqlite3.dbapi2, "connect", limited)
    long = graded(assignment, feedback={"check_double": ["x" * 10**6]})
    message = complaint(lambda: record(course, assignment, "ada", long), capfd)
    assert ("readonly database" if "query" in setting else "disk is full") in message
    assert not (course.autograded / "ada" / NAME).exists()


def test_full_disk_keeps_the_notebook_recorded_before(
    known: tuple[Course, Assignment],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    course, assignment = known
    record(course, assignment, "ada", graded(assignment))
    before = files(course.autograded)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(nbformat, "write", full)
    action = lambda: record(course, assignment, "ada", graded(assignment, double=0))  # noqa: E731
    assert "No space left on device" in complaint(action, capfd)
    assert files(course.autograded) == before


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sqlite:////missing/folder/gradebook.db", "unable to open database file"),
        ("postgresql+psycopg://ada:secret@127.0.0.1:9/grades", "127.0.0.1"),
        ("postgresql+pg8000://ada:secret@127.0.0.1:9/grades", "pg8000"),
        ("postgresql+nonsense://ada:secret@127.0.0.1:9/grades", "nonsense"),
    ],
)
def test_gradebook_out_of_reach_is_named_without_its_password(
    course: Path, capfd: pytest.CaptureFixture[str], url: str, reason: str
) -> None:
    with (course / "nbgrader_config.py").open("a") as config:
        config.write(f"\nc.CourseDirectory.db_url = {url!r}\n")
    it, assignment = read(course)
    message = complaint(lambda: record(it, assignment, "ada", graded(assignment)), capfd)
    assert reason in message
    assert "secret" not in message


def test_timestamp_that_is_none_is_named(
    known: tuple[Course, Assignment], capfd: pytest.CaptureFixture[str]
) -> None:
    course, assignment = known
    action = lambda: record(course, assignment, "ada", graded(assignment), "yesterday-ish")  # noqa: E731
    assert "yesterday-ish" in complaint(action, capfd)

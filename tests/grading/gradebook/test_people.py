"""The roster enters names in the gradebook, and makes due dates later for whom it says so."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook

from mnist_course.grading.course.assignment import Assignment, read_assignment
from mnist_course.grading.course.roster import read_roster
from mnist_course.grading.course.settings import Course, read_course
from mnist_course.grading.gradebook.people import Entered, enter_people
from mnist_course.grading.gradebook.records import ensure_assignment, record
from mnist_course.grading.judging.results import CellScore, Result
from mnist_course.grading.judging.scoring import reject

NAME = "01_double"
HEADER = "id,first_name,last_name,email,canvas_id,sis_id,extra_days\n"


@pytest.fixture
def settings(course: Path) -> Course:
    return read_course(course)


@pytest.fixture
def gradebook(settings: Course) -> Iterator[Gradebook]:
    with Gradebook(settings.db_url, "mnist-course") as gradebook:
        gradebook.update_or_create_assignment(NAME, duedate="2026-03-31 18:00:00 UTC")
        yield gradebook


def enter(settings: Course, *lines: str, header: str = HEADER) -> Entered:
    text = header + "\n".join(lines) + "\n"
    (settings.root / "roster.csv").write_text(text, encoding="utf-8")
    return enter_people(settings, read_roster(settings.root))


def test_names_and_ids_are_entered_and_what_is_empty_stays(
    settings: Course, gradebook: Gradebook
) -> None:
    gradebook.add_student("ada", email="old@example.org")
    gradebook.add_student("zed")
    entered = enter(settings, "ada,Ada,Lovelace,,4001,s01,", "síle,Síle,O'Neil,s@x,,s02,")
    assert entered == Entered(["síle"], ["ada"], ["zed"], [])
    gradebook.db.expire_all()
    found = {s.id: (s.first_name, s.last_name, s.email, s.lms_user_id) for s in gradebook.students}
    assert found == {
        "ada": ("Ada", "Lovelace", "old@example.org", "4001"),
        "síle": ("Síle", "O'Neil", "s@x", "s02"),
        "zed": (None, None, None, None),
    }
    assert enter(settings, "ada,Ada,Lovelace,,4001,s01,", "síle,Síle,O'Neil,,,s02,") == Entered(
        [], [], ["zed"], []
    )


def test_formgrader_never_shows_none(settings: Course, gradebook: Gradebook) -> None:
    gradebook.add_student("ada", first_name="Ada", last_name="Lovelace")
    gradebook.add_student("eve")
    assert enter(settings, "bo,Bo,,,,,", "eve,,,,,,", "ada,,,,,,").new == ["bo"]
    gradebook.db.expire_all()
    assert {s.id: (s.last_name, s.first_name) for s in gradebook.students} == {
        "bo": ("Bo", ""),
        "eve": ("eve", ""),
        "ada": ("Lovelace", "Ada"),
    }
    assert enter(settings, "bo,Bo,,,,,", "eve,,,,,,", "ada,,,,,,").changed == []


def test_extra_days_move_the_due_date_of_what_is_there_and_of_what_comes(
    settings: Course, gradebook: Gradebook
) -> None:
    assignment = read_assignment(settings.source, NAME)
    ensure_assignment(settings, assignment)
    gradebook.add_student("ada")
    gradebook.add_submission(NAME, "ada")
    entered = enter(settings, "ada,Ada,,,,,2", "bob,Bob,,,,,1.5", "eve,Eve,,,,,")
    assert entered.extended == [("ada", NAME)]
    for student in ("bob", "eve"):
        result = reject(assignment, "missing")
        record(settings, assignment, student, result, "2026-04-01 18:00:00 UTC")
    gradebook.db.expire_all()
    found = {s.student_id: s for s in gradebook.assignment_submissions(NAME)}
    assert found["ada"].duedate == datetime(2026, 4, 2, 18)
    assert found["bob"].extension == timedelta(days=1.5)
    assert found["bob"].total_seconds_late == 0
    assert found["eve"].total_seconds_late == 86_400
    assert enter(settings, "ada,,,,,,2", "bob,,,,,,1.5", "eve,,,,,,").extended == []
    assert enter(settings, "ada,,,,,,").extended == [("ada", NAME)]
    gradebook.db.expire_all()
    assert gradebook.find_submission(NAME, "ada").extension is None


def full(assignment: Assignment) -> Result:
    """Return a result with all points."""
    cells = {name: CellScore(points, points) for name, points in assignment.points.items()}
    return Result("graded", "", 1.0, cells, nbformat.writes(assignment.notebook))


def test_late_penalties_know_the_extra_days(settings: Course, gradebook: Gradebook) -> None:
    (settings.root / "late.py").write_text(
        "from nbgrader.plugins import BasePlugin\n\n"
        "class Late(BasePlugin):\n"
        "    def late_submission_penalty(self, student_id, score, total_seconds_late):\n"
        "        return total_seconds_late / 86_400\n"
    )
    with (settings.root / "nbgrader_config.py").open("a") as config:
        config.write('\nc.AssignLatePenalties.plugin_class = "late.Late"\n')
    settings = read_course(settings.root)
    assignment = read_assignment(settings.source, NAME)
    ensure_assignment(settings, assignment)
    enter(settings, "ada,Ada,,,,,2", "bob,Bob,,,,,0.5", "eve,Eve,,,,,")
    for student in ("ada", "bob", "eve"):
        record(settings, assignment, student, full(assignment), "2026-04-01 18:00:00 UTC")
    gradebook.db.expire_all()
    assert {
        s.student_id: s.late_submission_penalty for s in gradebook.assignment_submissions(NAME)
    } == {"ada": 0, "bob": 0.5, "eve": 1}


def test_an_extension_given_elsewhere_stays_without_the_column(
    settings: Course, gradebook: Gradebook
) -> None:
    gradebook.add_student("ada")
    gradebook.add_submission(NAME, "ada")
    gradebook.grant_extension(NAME, "ada", days=3)
    assert enter(settings, "ada", header="id\n").extended == []
    assert gradebook.find_submission(NAME, "ada").extension == timedelta(days=3)


def test_without_a_due_date_nothing_is_due_later(settings: Course, gradebook: Gradebook) -> None:
    gradebook.add_assignment("02_open")
    gradebook.add_student("ada")
    gradebook.add_submission("02_open", "ada")
    assert enter(settings, "ada,,,,,,2").extended == []
    # nbgrader cannot add an extension to no date.
    assert gradebook.find_submission("02_open", "ada").total_seconds_late == 0

"""Whoever's points change finds out from what to what, when, and what else changed."""

import contextlib
import csv
import datetime
import hashlib
import io
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from distributed import Client
from helpers import keep_sandboxes, run_nbgrader
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from mnist_course.cli import app
from mnist_course.errors import CourseError
from mnist_course.grading.batch import coordinator
from mnist_course.grading.batch.cluster import connect
from mnist_course.grading.course.settings import Course, read_course
from mnist_course.grading.gradebook import history as history_module
from mnist_course.grading.gradebook.changes import (
    LATE_PENALTY,
    Change,
    provenance,
    read_changes,
    report_changes,
    tell_history,
)
from mnist_course.grading.gradebook.history import CellPoints, MadeFrom, Points, note, note_by_hand
from mnist_course.grading.sandbox.supervisor import Sandbox

NAME = "01_double"
TESTS = f"solutions/{NAME}/test_{NAME}.py"
RIGHT = {
    "double": "def double(number):\n    return 2 * number",
    "greet": "def greet(name):\n    return f'Hello, {name}'",
}
LATE = """\
from nbgrader.plugins import BasePlugin

class Half(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return score / {share}
"""
SOURCES: MadeFrom = {
    "tests": {"check_double": "a", "check_greet": "b"},
    "given": "c",
    "settings": "d",
    "submission": "e",
    "versions": {"Python": "3.12.1"},
    "submitted": "2026-03-31T16:20:00+00:00",
    "due": "2026-03-31T18:00:00+00:00",
    "penalty_rule": "f",
}


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the test without the Jupyter configuration of who runs it."""
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setattr(sys, "path", sys.path.copy())


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Set the date at which changes are noted."""

    class Clock(datetime.datetime):
        at = datetime.datetime(2026, 4, 1, tzinfo=datetime.UTC)

        @classmethod
        def now(cls, tz: object = None) -> datetime.datetime:
            return cls.at

    def set_to(day: str) -> None:
        Clock.at = datetime.datetime.fromisoformat(f"{day}T12:00:00+00:00")

    with monkeypatch.context() as patch:
        patch.setattr(history_module.datetime, "datetime", Clock)
        yield set_to


@pytest.fixture
def bare(tmp_path: Path) -> Course:
    """A course of which only the folder matters."""
    (tmp_path / "nbgrader_config.py").touch()
    return read_course(tmp_path)


def points(
    double: float | None = 2.0, why: float | None = None, penalty: float = 0.0, **extra: float
) -> Points:
    cells = {
        "check_double": CellPoints(double, None, extra.get("extra"), 2.0),
        "check_greet": CellPoints(1.5, None, None, 1.5),
        "why": CellPoints(None, why, None, 2.0),
    }
    return Points(cells, penalty)


def changes_of(course: Course) -> list[tuple[str, float | None, float | None, str]]:
    return [(c.cell, c.old, c.new, c.why) for c in read_changes(course, NAME)]


class TestReasons:
    """A reason is what differs between what two grades were made from."""

    @pytest.mark.parametrize(
        ("key", "value", "why"),
        [
            ("tests", {"check_double": "x", "check_greet": "b"}, "the hidden tests of this cell"),
            ("tests", {"check_double": "a", "check_greet": "x"}, "nothing that is recorded"),
            ("given", "x", "the source notebook changed"),
            ("settings", "x", "c.Grading or the private images changed"),
            ("submission", "x", "the submission changed"),
            ("versions", {"Python": "3.12.2"}, "versions changed: Python 3.12.1 → 3.12.2"),
            ("due", "2026-04-02T18:00:00+00:00", "nothing that is recorded"),
            ("penalty_rule", "x", "nothing that is recorded"),
        ],
    )
    def test_of_a_cell(self, bare: Course, key: str, value: object, why: str) -> None:
        note(bare, NAME, "ada", points(2.0), SOURCES)
        note(bare, NAME, "ada", points(1.0), {**SOURCES, key: value})
        ((cell, old, new, reason),) = changes_of(bare)
        assert (cell, old, new) == ("check_double", 2, 1)
        assert why in reason

    @pytest.mark.parametrize(
        ("key", "value", "why"),
        [
            (
                "due",
                "2026-03-30T18:00:00+00:00",
                "the due date moved: 2026-03-31 18:00 UTC → 2026-03-30 18:00 UTC",
            ),
            ("due", "", "the due date moved: 2026-03-31 18:00 UTC → none"),
            ("penalty_rule", "x", "the rule for late penalties changed"),
            (
                "submitted",
                "2026-04-01T16:20:00+00:00",
                "the time of the submission changed: 2026-03-31 16:20 UTC → 2026-04-01 16:20 UTC",
            ),
            ("tests", {"check_double": "x"}, "not known: nothing that is recorded has changed"),
        ],
    )
    def test_of_a_late_penalty(self, bare: Course, key: str, value: object, why: str) -> None:
        note(bare, NAME, "ada", points(), SOURCES)
        note(bare, NAME, "ada", points(penalty=1.0), {**SOURCES, key: value})
        assert changes_of(bare) == [(LATE_PENALTY, 0, 1, why)]

    def test_of_a_penalty_that_follows_the_points(self, bare: Course) -> None:
        note(bare, NAME, "ada", points(2.0, penalty=1.0), SOURCES)
        note(bare, NAME, "ada", points(1.0, penalty=0.5), {**SOURCES, "submission": "x"})
        assert changes_of(bare) == [
            ("check_double", 2, 1, "the submission changed"),
            (LATE_PENALTY, 1, 0.5, "the points that it is taken from changed"),
        ]

    def test_all_that_changed_is_named(self, bare: Course) -> None:
        note(bare, NAME, "ada", points(2.0), SOURCES)
        note(bare, NAME, "ada", points(1.0), {**SOURCES, "submission": "x", "given": "x"})
        ((*_, why),) = changes_of(bare)
        assert why == "the source notebook changed, and the submission changed"

    def test_compares_with_the_last_grade_even_if_that_changed_no_points(
        self, bare: Course
    ) -> None:
        note(bare, NAME, "ada", points(2.0), SOURCES)
        corrected = {**SOURCES, "tests": {"check_double": "x"}}
        note(bare, NAME, "ada", points(2.0), corrected)
        note(bare, NAME, "ada", points(1.0), {**corrected, "submission": "x"})
        assert changes_of(bare) == [("check_double", 2, 1, "the submission changed")]

    def test_of_what_was_graded_before_there_was_a_history(self, bare: Course) -> None:
        note_by_hand(bare, NAME, "ada", points(2.0))
        note(bare, NAME, "ada", points(1.0), SOURCES)
        ((*_, why),) = changes_of(bare)
        assert why == "not known: the earlier grade has no record of what it was made from"

    def test_a_submission_that_did_not_run_has_no_versions_to_compare(self, bare: Course) -> None:
        note(bare, NAME, "ada", points(2.0), SOURCES)
        note(bare, NAME, "ada", points(0.0), {**SOURCES, "versions": {}, "submission": ""})
        assert changes_of(bare) == [("check_double", 2, 0, "the submission changed")]

    def test_what_people_enter_is_theirs(self, bare: Course) -> None:
        ungraded = {name: CellPoints(None, None, None, 2.0) for name in points().cells}
        note_by_hand(bare, NAME, "ada", Points(ungraded))
        note(bare, NAME, "ada", points(2.0), SOURCES)
        # What else differs has yet to be recorded, with what it was made from.
        note_by_hand(bare, NAME, "ada", points(1.0, why=1.5, penalty=1.0))
        assert changes_of(bare) == []  # as the first grade of an answer is none
        note_by_hand(bare, NAME, "ada", points(1.0, why=1.0, extra=0.5))
        assert changes_of(bare) == [
            ("check_double", 2, 2.5, "extra credit"),
            ("why", 1.5, 1, "graded by hand"),
        ]

    def test_cells_that_come_and_go_are_named(self, bare: Course) -> None:
        note(bare, NAME, "ada", points(), SOURCES)
        cells = points().cells
        del cells["check_greet"]
        cells["check_new"] = CellPoints(0.0, None, None, 1.0)
        note(bare, NAME, "ada", Points(cells), {**SOURCES, "given": "x"})
        assert changes_of(bare) == [
            ("check_greet", 1.5, None, "the cell is gone"),
            ("check_new", None, 0, "the cell is new"),
        ]
        *_, last = tell_history(bare, NAME, "ada")
        assert last.startswith("3.5 of 5.5 → 2 of 5 on ")
        assert last.endswith(": a task was removed, and a task was added.")


def test_a_learner_reads_totals_dates_and_reasons(
    bare: Course, clock: Callable[[str], None]
) -> None:
    assert tell_history(bare, NAME, "ada") == []
    clock("2026-04-01")
    note(bare, NAME, "ada", points(1.0), SOURCES)
    clock("2026-04-02")
    note(bare, NAME, "ada", points(1.0), {**SOURCES, "given": "x"})
    clock("2026-04-03")
    corrected = {
        **SOURCES,
        "given": "x",
        "settings": "x",
        "tests": {"check_double": "x", "check_greet": "b"},
    }
    note(bare, NAME, "ada", points(2.0), corrected)
    clock("2026-12-31")
    note_by_hand(bare, NAME, "ada", points(2.0, why=1.0))
    assert tell_history(bare, NAME, "ada") == [
        "2.5 points on 1 April, the first grade.",
        "2.5 → 3.5 on 3 April: a test was corrected, and the settings for grading were changed.",
        "3.5 → 4.5 on 31 December: an answer was graded by hand.",
    ]


def test_damaged_history_is_named(bare: Course) -> None:
    note(bare, NAME, "ada", points(), SOURCES)
    file = bare.journal / NAME / "history" / "ada.json"
    for text in ("{", "[]", '{"snapshots": [1]}', "null"):
        file.write_text(text)
        with pytest.raises(CourseError, match=r"ada\.json.* restore it from a backup"):
            tell_history(bare, NAME, "ada")


def test_unknown_student_and_assignment_are_named(bare: Course) -> None:
    with pytest.raises(CourseError, match="01_double has no history of points yet"):
        read_changes(bare, NAME)
    note(bare, NAME, "ada", points(), SOURCES)
    with pytest.raises(CourseError, match=r"bob has no points for 01_double.* such as ada"):
        read_changes(bare, NAME, ["bob"])


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with connect(workers=1) as client:
        client.run(keep_sandboxes)
        yield client


class TestReplay:
    """A term in small: grades, a correction, a due date, a new submission, a person."""

    @pytest.fixture
    def here(self, client: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let all runs use the same workers."""
        monkeypatch.setattr(coordinator, "connect", lambda *_: contextlib.nullcontext(client))

    @pytest.fixture
    def hand_in(self, course: Path) -> Callable[..., Path]:
        def of(student: str, timestamp: str = "", **answers: str) -> Path:
            file = course / "submitted" / student / NAME / f"{NAME}.ipynb"
            file.parent.mkdir(parents=True, exist_ok=True)
            notebook = nbformat.read(course / "exercises" / NAME / f"{NAME}.ipynb", as_version=4)
            for cell in notebook.cells:
                name = cell.metadata.get("nbgrader", {}).get("grade_id")
                cell.source = {**RIGHT, **answers}.get(name, cell.source)
            nbformat.write(notebook, file)
            if timestamp:
                (file.parent / "timestamp.txt").write_text(timestamp)
            return file

        return of

    def grade(self, course: Path, *options: str) -> dict[str, Any]:
        """Grade from the command line, and return what --json prints, with stderr."""
        done = CliRunner().invoke(app, ["grade", NAME, "--json", "--course", str(course), *options])
        assert done.exit_code == 0, (done.output, done.exception)
        return {**json.loads(done.stdout), "stderr": done.stderr}

    def changed(self, document: dict[str, Any]) -> list[tuple[object, ...]]:
        return [tuple(row[key] for key in COMPARED) for row in document["changes"]]

    def replace(self, file: Path, old: str, new: str) -> None:
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")

    @pytest.mark.slow
    def test_each_change_is_reported_once_kept_and_explained(
        self, here: None, course: Path, hand_in: Callable[..., Path]
    ) -> None:
        (course / "lateness.py").write_text(LATE.format(share=2))
        with (course / "nbgrader_config.py").open("a") as config:
            config.write('\nc.AssignLatePenalties.plugin_class = "lateness.Half"\n')
        self.replace(course / TESTS, "2 * numbers", "2 * numbers + 1")  # nobody can pass this
        hand_in("ada", "2026-03-31 16:20:00 UTC")
        hand_in("bob", greet="greet = None", why="Because.")
        assert self.grade(course)["changes"] == []
        assert self.grade(course, "--regrade")["changes"] == []
        assert not list((course / "grading").glob("*.changes.*"))

        self.replace(course / TESTS, "2 * numbers + 1", "2 * numbers")
        corrected = self.grade(course)
        assert self.changed(corrected) == [
            (who, "check_double", 0.5, 2, "the hidden tests of this cell changed")
            for who in ("ada", "bob")
        ]
        table = course / "grading" / f"{NAME}.changes.csv"
        assert f"Wrote {table} and {NAME}.changes.html" in corrected["stderr"]
        assert self.grade(course)["changes"] == []

        # A due date is seen without --regrade, and so is a rule.
        with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "mnist-course") as gradebook:
            due = datetime.datetime(2026, 3, 31, 16)
            gradebook.update_or_create_assignment(NAME, duedate=due)
        assert self.changed(self.grade(course)) == [
            ("ada", LATE_PENALTY, 0, 1.75, "the due date moved: none → 2026-03-31 16:00 UTC")
        ]
        (course / "lateness.py").write_text(LATE.format(share=7))
        sys.modules.pop("lateness")
        assert self.changed(self.grade(course)) == [
            ("ada", LATE_PENALTY, 1.75, 0.5, "the rule for late penalties changed")
        ]
        with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "mnist-course") as gradebook:
            gradebook.grant_extension(NAME, "ada", days=1)
        ((who, cell, *moved, _),) = self.changed(self.grade(course))
        assert (who, cell, moved) == ("ada", LATE_PENALTY, [0.5, 0])

        # A person grades; then somebody submits again.
        with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "mnist-course") as gradebook:
            grade = gradebook.find_grade("why", NAME, NAME, "bob")
            grade.manual_score, grade.needs_manual_grade = 2, False
            gradebook.db.commit()
        file = hand_in("bob", double="def double(number):\n    return 3 * number", why="Because.")
        assert self.changed(self.grade(course)) == [
            ("bob", "check_double", 2, 0.5, "the submission changed"),
            ("bob", "check_greet", 0, 1.5, "the submission changed"),
        ]

        # All of it is kept, as a table, a page, and for the learner.
        rows = list(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"))))
        assert len(rows) == 7
        page = table.with_suffix(".html").read_text(encoding="utf-8")
        assert page.count("<tr>") == 8
        it = read_course(course)
        first, *_, last = tell_history(it, NAME, "bob")
        assert first.startswith("0.5 points on ")
        assert last.startswith("4 → 4 on ")
        assert last.endswith(": your submission changed.")
        facts = provenance(it, NAME, "bob")
        assert facts["submission"] == hashlib.sha256(file.read_bytes()).hexdigest()
        assert facts["versions"].keys() >= {"mnist_course", "Python", "tensorflow", "keras"}
        assert facts["cells"]["why"] == {
            "auto": None,
            "manual": 2,
            "extra": None,
            "max_points": 2,
            "points": 2,
        }
        assert (facts["score"], facts["max_score"]) == (4, 5.5)
        assert provenance(it, NAME, "ada")["due"] == "2026-04-01T16:00:00+00:00"

        # The command shows the same, of one student too.
        options = ["changes", NAME, "--course", str(course)]
        printed = CliRunner().invoke(app, options).stdout
        # In a narrow window, a row takes more than one line; the first begins with its date.
        assert len(re.findall(r"^\d{4}-", printed, flags=re.MULTILINE)) == 7
        document = json.loads(
            CliRunner().invoke(app, [*options, "--student", "ada", "--json"]).stdout
        )
        assert [row["student"] for row in document["changes"]] == ["ada"] * 4

    @pytest.mark.slow
    def test_what_nbgrader_grades_is_noted_and_printed_by_the_next_run(
        self, here: None, course: Path, hand_in: Callable[..., Path]
    ) -> None:
        hand_in("ada")
        self.grade(course)
        hand_in("ada", greet="def greet(name):\n    return name[::-1]")
        run_nbgrader(course, "autograde", NAME, "--force")
        assert self.changed(self.grade(course)) == [
            ("ada", "check_greet", 1.5, 0, "the submission changed")
        ]

    @pytest.mark.slow
    def test_a_run_killed_before_it_could_note_is_made_up_for(
        self,
        here: None,
        course: Path,
        hand_in: Callable[..., Path],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        hand_in("ada")
        self.grade(course)
        hand_in("ada", greet="def greet(name):\n    return name[::-1]")

        class KilledError(BaseException):
            pass

        def killed(*_: object) -> None:
            raise KilledError

        with monkeypatch.context() as patch:
            patch.setattr(history_module, "note", killed)
            with pytest.raises(KilledError):
                coordinator.grade(read_course(course), NAME)
        assert self.changed(self.grade(course)) == [
            ("ada", "check_greet", 1.5, 0, "the submission changed")
        ]


COMPARED = ("student", "cell", "old", "new", "why")


def test_names_and_reasons_cannot_act_in_a_browser_or_a_spreadsheet(
    bare: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnist_course.grading.gradebook.changes.note_by_hand", lambda *_: None)
    for student in ("<b>ada", "=1+1"):
        note(bare, NAME, student, points(2.0), SOURCES)
        note(bare, NAME, student, points(1.0), {**SOURCES, "submission": "x"})
    changes, (table, page) = report_changes(bare, NAME)
    assert {change.student for change in changes} == {"<b>ada", "=1+1"}
    assert "<b>" not in page.read_text(encoding="utf-8")
    assert ",'=1+1," in table.read_text(encoding="utf-8")
    assert report_changes(bare, NAME) == ([], [])
    note(bare, NAME, "<b>ada", points(0.0), {**SOURCES, "submission": "y"})
    (change,), files = report_changes(bare, NAME)
    assert isinstance(change, Change)
    assert (change.old, change.new) == (1, 0)
    assert files == [table, page]

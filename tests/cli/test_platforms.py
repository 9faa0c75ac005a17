"""A class comes in from a learning platform, and its grades and feedback go back there."""

import csv
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from nbgrader.api import Gradebook
from typer.testing import CliRunner, Result

from mnist_course.cli import app
from mnist_course.errors import CourseError
from mnist_course.grading.batch.journal import LOCK, only_run
from mnist_course.grading.course.settings import read_course
from mnist_course.grading.gradebook import feedback

pytestmark = pytest.mark.slow  # nbgrader makes a course first

NAME = "01_double"
ROSTER = """\
id;first_name;last_name;email;login;canvas_id;sis_id;extra_days
ada;Ada;Lovelace;ada@example.org;alovelace;4001;s01;
sile;Síle;O'Neil;sile@example.org;soneil;4002;s02;2
bo;Bo;;bo@example.org;;4003;;
gone;Gone;Missing;;;;;
"""


@pytest.fixture
def run(course: Path) -> Callable[..., Result]:
    def run(*arguments: str | Path) -> Result:
        result = CliRunner().invoke(app, [*map(str, arguments), "--course", str(course)])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def classes(course: Path, tmp_path: Path) -> list[Path]:
    """The archives of Moodle and of Canvas."""
    notebook = (course / "exercises" / NAME / f"{NAME}.ipynb").read_bytes()
    members = {
        "moodle.zip": [
            f"Ada Lovelace_101_assignsubmission_file/{NAME}.ipynb",
            f"Síle ONeil_102_assignsubmission_file/{NAME} (1).ipynb",
        ],
        "canvas.zip": [f"bo_LATE_4003_900_{NAME}-1.ipynb"],
    }
    for archive, names in members.items():
        with zipfile.ZipFile(tmp_path / archive, "w") as file:
            for name in names:
                file.writestr(name, notebook)
    return [tmp_path / archive for archive in members]


def enter(course: Path, run: Callable[..., Result], tmp_path: Path) -> Result:
    (tmp_path / "class.csv").write_text(ROSTER, encoding="utf-8")
    return run("roster", tmp_path / "class.csv")


def test_roster_says_what_it_wrote(
    course: Path, run: Callable[..., Result], tmp_path: Path
) -> None:
    result = enter(course, run, tmp_path)
    assert result.exit_code == 0
    assert result.stderr == (
        f"Wrote {course}/roster.csv\n"
        "Wrote to the gradebook: 4 students on the roster, 4 new and 0 changed.\n"
    )
    with Gradebook(f"sqlite:///{course}/gradebook.db", "mnist-course") as gradebook:
        assert gradebook.find_student("sile").last_name == "O'Neil"
        gradebook.add_student("zed")
        gradebook.update_or_create_assignment(NAME, duedate="2026-03-31 18:00:00 UTC")
        gradebook.add_submission(NAME, "bo")
    (course / "roster.csv").write_text(ROSTER.replace("4003;;", "4003;;1"), encoding="utf-8")
    assert run("roster").stderr == (
        "Wrote to the gradebook: 4 students on the roster, 0 new and 0 changed.\n"
        "In the gradebook, but not on the roster: zed. They stay; 'nbgrader db student remove ID "
        "--force' removes one with all grades.\n"
        f"bo has another due date for {NAME} now.\n"
        f"Run 'mnist-course grade {NAME} --regrade': late penalties may be others now.\n"
    )
    assert "; the one before is now" in enter(course, run, tmp_path).stderr


def test_collect_shows_who_is_in(
    course: Path, run: Callable[..., Result], tmp_path: Path, classes: list[Path]
) -> None:
    enter(course, run, tmp_path)
    result = run("collect", NAME, *classes)
    assert result.exit_code == 0, result.stderr
    lines = [line.split() for line in result.stdout.splitlines()]
    assert lines[1:] == [
        ["ada", "Ada", "Lovelace", "in", "Moodle:", f"{NAME}.ipynb"],
        ["sile", "Síle", "O'Neil", "in", "Moodle:", f"{NAME}", "(1).ipynb"],
        ["bo", "Bo", "in,", "late", "Canvas:", f"{NAME}-1.ipynb"],
        ["gone", "Gone", "Missing", "not", "in"],
        ["3", "of", "4", "students", "in."],
    ]
    assert result.stderr.startswith(
        f"Wrote 4 files to {course}/submitted and {course}/downloaded\n"
    )
    document = json.loads(run("collect", NAME, "--json").stdout)
    assert [row["status"] for row in document["rows"]] == ["in", "in", "in", "not in"]


def test_collect_exits_with_1_if_something_is_left_to_do(
    course: Path, run: Callable[..., Result], tmp_path: Path
) -> None:
    enter(course, run, tmp_path)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("Zed Zhao_1_assignsubmission_file/a.ipynb", "{}")
    result = run("collect", NAME, tmp_path / "a.zip")
    assert result.exit_code == 1
    assert "nobody on roster.csv is called so" in result.stderr
    assert result.stderr.endswith("Not everything was collected: 1 line above says what to do.\n")


def test_feedback_is_packed(
    course: Path,
    run: Callable[..., Result],
    tmp_path: Path,
    classes: list[Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    enter(course, run, tmp_path)
    run("collect", NAME, *classes)
    pages = []
    for student in ("ada", "sile", "bo"):
        pages.append(course / "feedback" / student / NAME / f"{NAME}.html")
        pages[-1].parent.mkdir(parents=True)
        pages[-1].write_text(student)
    monkeypatch.setattr(feedback, "generate_feedback", lambda *_, **__: pages)
    result = run("feedback", NAME, "--archive", "moodle")
    assert result.exit_code == 0
    assert result.stderr.endswith(
        f"Wrote 2 pages into {course}/feedback/{NAME}-moodle.zip\n"
        "Not in there, as their work did not come from Moodle: bo. Their pages are in "
        f"{course}/feedback.\n"
    )


@pytest.mark.parametrize("command", [["release"], ["move-gradebook", "sqlite:///moved.db"]])
def test_nobody_changes_grades_while_others_are_written(
    course: Path, run: Callable[..., Result], command: list[str]
) -> None:
    lock = read_course(course).journal / LOCK
    with only_run(lock), pytest.raises(CourseError, match="another run is grading here"):
        run(*command)


@pytest.mark.sandbox
def test_class_is_collected_graded_and_given_back(
    course: Path,
    run: Callable[..., Result],
    run_process: Callable[..., "object"],
    tmp_path: Path,
    classes: list[Path],
) -> None:
    with (course / "nbgrader_config.py").open("a") as config:
        config.write('\nc.LateSubmissionPlugin.penalty_method = "zero"\n')
    with Gradebook(f"sqlite:///{course}/gradebook.db", "mnist-course") as gradebook:
        gradebook.update_or_create_assignment(NAME, duedate="2026-03-31 18:00:00 UTC")
    enter(course, run, tmp_path)
    run("collect", NAME, *classes)
    for student in ("ada", "sile", "bo"):
        file = course / "submitted" / student / NAME / f"{NAME}.ipynb"
        text = file.read_text(encoding="utf-8")
        assert "raise NotImplementedError()" in text
        text = text.replace("raise NotImplementedError()", "return 2 * number", 1)
        file.write_text(text, encoding="utf-8")
    note = course / "submitted" / "sile" / NAME / "timestamp.txt"
    note.write_text("2026-04-02 17:00:00 UTC")  # two days late, but for her two extra days
    for command in ("grade", "feedback"):  # what is packed below is up to date
        done = run_process(command, NAME, cwd=course)
        assert done.returncode == 0, done.stderr
    text = run("grades", "--format", "moodle", "--assignment", NAME).stdout
    assert list(csv.reader(io.StringIO(text))) == [
        ["Username", "ID number", "Email address", NAME],
        ["alovelace", "s01", "ada@example.org", "2"],
        ["bo", "", "bo@example.org", "0"],
        ["gone", "", "", ""],
        ["soneil", "s02", "sile@example.org", "2"],
    ]
    packed = run("feedback", NAME, "--archive", "moodle")
    assert packed.exit_code == 0, packed.stderr
    with zipfile.ZipFile(course / "feedback" / f"{NAME}-moodle.zip") as archive:
        assert archive.namelist() == [
            f"Ada Lovelace_101_assignsubmission_file/{NAME}.html",
            f"Síle ONeil_102_assignsubmission_file/{NAME}.html",
        ]

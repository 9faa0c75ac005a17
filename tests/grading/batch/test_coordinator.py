"""A class is graded, whatever its members hand in, and again without doing anything twice."""

import contextlib
import datetime
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from distributed import Client
from helpers import COMMAND, keep_sandboxes, newly_graded, recorded
from nbgrader.api import Gradebook
from typer.testing import CliRunner

import mnist_course
from mnist_course.cli import app, main
from mnist_course.errors import CourseError
from mnist_course.grading.batch import coordinator
from mnist_course.grading.batch.cluster import connect
from mnist_course.grading.batch.coordinator import Graded, grade, to_document
from mnist_course.grading.course.assignment import read_assignment
from mnist_course.grading.course.settings import read_course
from mnist_course.grading.gradebook.records import NOT_RUN
from mnist_course.grading.judging.labelled import read_labelled
from mnist_course.grading.judging.results import CellScore, Result
from mnist_course.grading.judging.scoring import score
from mnist_course.grading.sandbox.supervisor import Sandbox

NAME = "01_double"
RIGHT = {
    "double": "def double(number):\n    return 2 * number",
    "greet": "greet = 'Hello, {}'.format",
}
HALF = {"double": RIGHT["double"]}
CRASH = {**RIGHT, "greet": "import os\nos._exit(1)"}
PACKAGE = Path(mnist_course.__file__).parent
ODD = 'o\'Neil [1]* "ü"'


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with connect(workers=1) as client:
        client.run(keep_sandboxes)
        yield client


@pytest.fixture
def here(client: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all runs use the same workers."""
    monkeypatch.setattr(coordinator, "connect", lambda *_: contextlib.nullcontext(client))


@pytest.fixture
def hand_in(course: Path) -> Callable[..., Path]:
    def of(student: str, answers: dict[str, str] | bytes) -> Path:
        file = course / "submitted" / student / NAME / f"{NAME}.ipynb"
        file.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(answers, bytes):
            file.write_bytes(answers)
            return file
        notebook = nbformat.read(course / "exercises" / NAME / f"{NAME}.ipynb", as_version=4)
        for cell in notebook.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            cell.source = answers.get(name, cell.source)
        nbformat.write(notebook, file)
        return file

    return of


def run(course: Path, **options: Any) -> dict[str, Graded]:
    return {graded.student: graded for graded in grade(read_course(course), NAME, **options)}


def test_everybody_gets_a_status_and_what_they_earned(
    here: None, course: Path, hand_in: Callable[..., Path], sandbox: Sandbox
) -> None:
    hand_in("ada", RIGHT)
    hand_in(ODD, HALF)
    hand_in("bob", b"{")
    hand_in("eve", CRASH)
    (course / "submitted" / "zoe" / NAME).mkdir(parents=True)
    (course / "submitted" / "zoe" / NAME / f"{NAME}.ipynb").symlink_to("/etc/passwd")
    (course / "submitted" / "yan").mkdir()
    (course / "submitted" / "liz").symlink_to(course / "submitted" / "ada")
    done = run(course)
    assert {student: (graded.outcome, graded.points) for student, graded in done.items()} == {
        "ada": ("graded", "3.5 of 3.5"),
        ODD: ("graded", "2 of 3.5"),
        "bob": ("rejected", "0 of 3.5"),
        "eve": ("crashed", "0 of 3.5"),
        "zoe": ("rejected", "0 of 3.5"),
        "liz": ("rejected", "0 of 3.5"),
    }
    assert "not JSON" in done["bob"].reason
    assert "The cell `greet` ended the process" in done["eve"].reason
    assert not any(graded.problem for graded in done.values())
    assignment = read_assignment(course / "solutions", NAME)
    books = recorded(course, NAME)
    for student in ("ada", ODD):
        file = course / "submitted" / student / NAME / f"{NAME}.ipynb"
        alone = score(assignment, nbformat.read(file, as_version=4), spawn=sandbox.spawn)
        assert done[student].result.cells == alone.cells
    for student, graded in done.items():
        points, comments, *_ = books[student]
        for name, cell in graded.result.cells.items():
            assert points[name] == cell.points
            said = comments[name.removeprefix("check_")] or ""
            assert said.removeprefix(f"{NOT_RUN} ") == "\n".join(cell.feedback)


@pytest.fixture
def books(here: None, course: Path, hand_in: Callable[..., Path]) -> dict[str, Any]:
    """What is recorded of two students once they are graded."""
    hand_in("ada", RIGHT)
    hand_in("bob", HALF)
    run(course)
    return recorded(course, NAME)


def test_grading_twice_changes_nothing_and_again_on_demand(
    here: None, course: Path, hand_in: Callable[..., Path]
) -> None:
    hand_in("ada", RIGHT)
    hand_in("bob", HALF)
    first = run(course)
    books = recorded(course, NAME)
    assert sorted(newly_graded(course, NAME)) == ["ada", "bob"]
    again = run(course)
    assert (again, recorded(course, NAME)) == (first, books)
    assert sorted(newly_graded(course, NAME)) == ["ada", "bob"]
    run(course, students=["bob"], regrade=True)
    assert sorted(newly_graded(course, NAME)) == ["ada", "bob", "bob"]
    assert {name: row[:2] for name, row in recorded(course, NAME).items()} == {
        name: row[:2] for name, row in books.items()
    }


def test_another_secret_replaces_all_grades_or_none(course: Path, books: dict[str, Any]) -> None:
    secret = course / "grading" / "secret"
    kept = secret.read_text()
    secret.unlink()
    for options in ({}, {"students": ["ada"], "regrade": True}):
        with pytest.raises(CourseError, match="grades of 2 submissions that were made with anot"):
            run(course, **options)
    assert sorted(newly_graded(course, NAME)) == ["ada", "bob"]
    assert recorded(course, NAME) == books
    run(course, regrade=True)
    assert sorted(newly_graded(course, NAME)) == ["ada", "ada", "bob", "bob"]
    run(course)
    assert sorted(newly_graded(course, NAME)) == ["ada", "ada", "bob", "bob"]
    secret.write_text(kept)
    with pytest.raises(CourseError, match="another secret"):
        run(course)


def test_a_name_that_is_too_long_is_called_that(
    here: None, course: Path, hand_in: Callable[..., Path]
) -> None:
    hand_in("a" * 250, RIGHT)
    (graded,) = run(course).values()
    assert graded.outcome == "rejected"
    assert "has 250 characters; expected at most 128" in graded.reason
    assert "make room" not in graded.reason


def test_a_new_submission_replaces_every_point_of_the_earlier_one(
    here: None, course: Path, hand_in: Callable[..., Path]
) -> None:
    hand_in("ada", RIGHT)
    run(course)
    hand_in("ada", {"greet": "def greet(name):\n    return name"})
    assert run(course)["ada"].points == "1.5 of 3.5"
    points, comments, _, notebook = recorded(course, NAME)["ada"]
    assert (points["check_double"], points["check_greet"]) == (0, 1.5)
    assert "not attempted" in comments["double"]
    assert comments["greet"] is None
    assert "return name" in notebook


def test_what_was_changed_in_the_gradebook_or_lost_is_put_back_without_grading(
    course: Path, books: dict[str, Any]
) -> None:
    with contextlib.closing(sqlite3.connect(course / "gradebook.db")) as database, database:
        database.execute("UPDATE grade SET auto_score = 99")
    run(course)
    assert recorded(course, NAME) == books
    (course / "gradebook.db").unlink()
    (course / "autograded" / "bob" / NAME / f"{NAME}.ipynb").unlink()
    run(course)
    assert recorded(course, NAME) == books
    assert sorted(newly_graded(course, NAME)) == ["ada", "bob"]


def test_the_secret_of_a_submission_is_recorded_also_after_it_was_graded(
    here: None, course: Path, hand_in: Callable[..., Path]
) -> None:
    secret = hand_in("ada", RIGHT).with_name("submission_secret.txt")
    run(course)
    secret.write_text("5ec2e7")
    run(course)
    recorded = course / "autograded" / "ada" / NAME / secret.name
    assert recorded.read_text() == "5ec2e7"
    secret.unlink()
    secret.symlink_to(course / "nbgrader_config.py")
    run(course)
    assert not os.path.lexists(recorded)
    assert sorted(newly_graded(course, NAME)) == ["ada"]


def test_the_command_grades_with_its_own_package_beside_a_second_copy(
    course: Path, hand_in: Callable[..., Path], sandbox: Sandbox
) -> None:
    hand_in("ada", RIGHT)
    shutil.copytree(PACKAGE, course / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    copy = course / PACKAGE.name / "grading" / "worker.py"
    copy.write_text("raise SystemExit('the copy was imported')")
    command = [COMMAND, "grade", NAME, "--workers", "1"]
    result = subprocess.run(command, cwd=course, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stderr
    assert "3.5 of 3.5" in result.stdout


def test_a_locked_gradebook_is_reported_and_the_next_run_records(
    here: None, course: Path, hand_in: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mnist_course.grading.gradebook.records.SECONDS_TO_WAIT", 0.1)
    hand_in("ada", RIGHT)
    run(course)
    hand_in("ada", HALF)
    original = coordinator.record

    def meanwhile(*arguments: Any) -> None:
        database.execute("BEGIN EXCLUSIVE")
        try:
            original(*arguments)
        finally:
            database.rollback()

    with contextlib.closing(sqlite3.connect(course / "gradebook.db")) as database:
        monkeypatch.setattr(coordinator, "record", meanwhile)
        done = run(course)["ada"]
    assert "locked" in done.problem
    assert (done.outcome, done.points, done.failed) == ("graded", "2 of 3.5", True)
    monkeypatch.setattr(coordinator, "record", original)
    assert run(course)["ada"].problem == ""
    assert recorded(course, NAME)["ada"][0]["check_double"] == 2
    assert sorted(newly_graded(course, NAME)) == ["ada", "ada"]


def test_a_full_disk_is_reported_and_the_others_go_on(
    here: None, course: Path, hand_in: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in("ada", RIGHT)
    hand_in("bob", RIGHT)
    original = coordinator.Journal.add

    def full(journal: Any, student: str, *details: Any) -> None:
        if student == "ada":
            raise OSError(28, os.strerror(28))
        original(journal, student, *details)

    monkeypatch.setattr(coordinator.Journal, "add", full)
    done = run(course)
    assert "No space left on device" in done["ada"].problem
    assert done["bob"].problem == ""
    assert list(recorded(course, NAME)) == ["bob"]


def test_a_name_that_cannot_be_printed_is_rejected(
    here: None, course: Path, hand_in: Callable[..., Path]
) -> None:
    hand_in("ada\n\x1b[2J", RIGHT)
    (graded,) = run(course).values()
    assert (graded.outcome, graded.name) == ("rejected", r"ada\n\x1b[2J")
    assert "name of its folder" in graded.problem


@pytest.mark.slow
def test_the_sandbox_is_needed_unless_told_otherwise(
    course: Path, hand_in: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_in("ada", RIGHT)
    monkeypatch.setattr(coordinator, "available", lambda: "no sandbox: nothing here.")
    with pytest.raises(CourseError, match="no sandbox: nothing here"):
        run(course)
    assert not (course / "autograded").exists()


def test_without_a_sandbox_the_points_are_the_same(
    client: Client, course: Path, hand_in: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    timestamp = hand_in("ada", HALF).with_name("timestamp.txt")
    monkeypatch.setattr(coordinator, "available", lambda: "no sandbox: nothing here.")
    monkeypatch.setattr(coordinator, "connect", lambda *_: contextlib.nullcontext(client))
    assert run(course, confined=False)["ada"].points == "2 of 3.5"

    (course / "submitted" / "liz").symlink_to(course / "submitted" / "ada")
    timestamp.write_text("2026-11-30 12:00:00 UTC")
    again = run(course, confined=False)
    assert (again["ada"].points, again["liz"].outcome) == ("2 of 3.5", "rejected")
    assert newly_graded(course, NAME) == ["ada"]
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        recorded_at = gradebook.find_submission(NAME, "ada").timestamp
    assert recorded_at == datetime.datetime(2026, 11, 30, 12)


def test_the_command_prints_a_table_or_one_document(
    course: Path, hand_in: Callable[..., Path], sandbox: Sandbox
) -> None:
    hand_in("ada", RIGHT)
    hand_in("bob", b"{")
    command = [COMMAND, "grade", NAME, "--course", str(course), "--workers", "1"]
    first = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert first.returncode == 0, first.stderr
    assert "3.5 of 3.5" in first.stdout
    rejected, wrote = first.stderr.splitlines()
    assert rejected == "bob: rejected."
    assert wrote.startswith("Wrote to")
    assert first.stdout.count("not JSON") == 1
    log = (course / "grading" / f"{NAME}.log").read_text()
    assert "ada: graded, graded anew, 3.5 of 3.5 points\n" in log
    assert (log.count("ada:"), log.count("bob:"), log.count("not JSON")) == (1, 1, 1)
    second = CliRunner().invoke(app, [*command[1:], "--json"])
    document = json.loads(second.stdout)
    assert document["assignment"] == NAME
    ada, bob = document["submissions"]
    assert set(ada) == {"student", "status", "reason", "score", "max_score", "seconds", "cells"}
    assert (ada["status"], ada["score"], ada["max_score"]) == ("graded", 3.5, 3.5)
    assert ada["cells"]["check_double"] == {"points": 2, "max_points": 2, "feedback": []}
    assert (bob["status"], bob["score"]) == ("rejected", 0)


def test_the_table_says_where_late_penalties_are_and_only_then(
    here: None, course: Path, hand_in: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = hand_in("ada", RIGHT).parent
    command = ["grade", NAME, "--course", str(course)]
    sentence = "Late penalties and extra credit are not in here"
    assert sentence not in CliRunner().invoke(app, command).stdout
    with (course / "nbgrader_config.py").open("a") as config:
        config.write("c.LateSubmissionPlugin.penalty_method = 'zero'")
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        gradebook.update_or_create_assignment(NAME, duedate="2026-03-31 18:00 UTC")
    (folder / "timestamp.txt").write_text("2026-04-01 18:00:00 UTC")
    result = CliRunner().invoke(app, command)
    assert "3.5 of 3.5" in result.stdout
    assert f"{sentence}: see 'mnist-course grades'." in " ".join(result.stdout.split())
    assert sentence not in CliRunner().invoke(app, [*command, "--json"]).stdout


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([NAME], "has no submissions of 01_double"),
        (["02_other"], "02_other.ipynb does not exist"),
        ([NAME, "--student", "who"], "who has not handed in 01_double"),
        ([NAME, "--scheduler", "nonsense://x"], "no scheduler answers at nonsense://x"),
    ],
)
def test_a_slip_gets_one_sentence(
    course: Path,
    hand_in: Callable[..., Path],
    arguments: list[str],
    sentence: str,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if len(arguments) > 1:
        hand_in("ada", RIGHT)
    monkeypatch.setenv("PATH", os.environ["PATH"])  # the command puts its own programs in front
    monkeypatch.setattr(sys, "argv", [COMMAND, "grade", *arguments, "--course", str(course)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    said = " ".join(capsys.readouterr().err.split())
    assert sentence in said
    assert "Traceback" not in said


def test_own_images_are_read_and_checked(tmp_path: Path) -> None:
    images, labels = np.zeros((3, 28, 28), np.uint8), np.array([0, 9, 3])
    np.savez(tmp_path / "good.npz", images=images, labels=labels)
    assert read_labelled(tmp_path / "good.npz")[1].tolist() == [0, 9, 3]
    bad: list[dict[str, Any]] = [
        {"images": images},
        {"images": images / 255, "labels": labels},
        {"images": images, "labels": labels[:2]},
        {"images": images, "labels": labels + 1},
        {"images": images, "labels": np.array([None] * 3)},
    ]
    for number, arrays in enumerate(bad):
        np.savez(tmp_path / f"{number}.npz", **arrays)
        with pytest.raises(CourseError, match="expected an"):
            read_labelled(tmp_path / f"{number}.npz")
    with pytest.raises(CourseError, match="cannot be read"):
        read_labelled(tmp_path / "missing.npz")


def test_the_document_says_what_could_not_be_graded() -> None:
    flagged = Result("graded", "", 1, {"check_a": CellScore(1, 1, review="Look.")}, "")
    done = [Graded("ada", flagged), Graded("bob", None, "lost")]
    ada, bob = to_document("x", 2.0, done)["submissions"]
    assert ada["reason"] == "check_a: Look."
    assert (bob["status"], bob["score"], bob["reason"]) == ("crashed", None, "lost")


def test_odd_files_and_lost_ids_are_graded_and_said(
    here: None, course: Path, hand_in: Callable[..., Path]
) -> None:
    renamed = hand_in("ada", RIGHT)
    renamed.rename(renamed.with_name("01_double (1).ipynb"))
    lost = hand_in("bob", RIGHT)
    notebook = nbformat.read(lost, as_version=4)
    for cell in notebook.cells:
        cell.metadata = {}
    nbformat.write(notebook, lost)
    archive = hand_in("cyd", RIGHT)
    archive.rename(archive.with_name("work.zip"))
    hand_in("dan", RIGHT).with_name("timestamp.txt").write_text("tomorrow")
    hand_in("eve", RIGHT).with_name("timestamp.txt").write_bytes("2026-04-02".encode("utf-16"))
    for _ in range(2):  # the second run takes the results from the journal
        done = run(course)
        assert {student: graded.points for student, graded in done.items()} == {
            **dict.fromkeys(done, "3.5 of 3.5"),
            "cyd": "0 of 3.5",
        }
        assert done["ada"].reason == (
            "`01_double (1).ipynb` was taken for 01_double.ipynb, by its content."
        )
        assert done["bob"].reason.startswith("The notebook lost its cell ids. check_double: not in")
        assert "`work.zip` is an archive that was left unopened" in done["cyd"].reason
        assert done["dan"].reason.startswith("timestamp.txt holds no date and is ignored")
        assert done["eve"].reason == ""
    log = (course / "grading" / f"{NAME}.log").read_text()
    for student in ("ada", "bob", "cyd", "dan"):
        assert done[student].reason in log
    books = recorded(course, NAME)
    assert {"check_double", "check_greet"} <= books["bob"][2]
    assert not {"check_double", "check_greet"} & books["ada"][2]
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        dates = {s.student.id: s.timestamp for s in gradebook.assignment_submissions(NAME)}
    assert dates["eve"] == datetime.datetime(2026, 4, 2)
    assert dates["dan"] is None

"""Whatever dies while a class is graded, nothing is lost, and nothing is graded twice."""

import collections
import random
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import nbformat
import psutil
import pytest
from nbgrader.api import Gradebook

from mnist_course.grading.sandbox.supervisor import Sandbox

COMMAND = str(Path(sys.executable).with_name("mnist-course"))
NAME = "01_double"
STUDENTS = 200
ROUNDS = 10
ANSWERS = [
    {"double": "def double(number):\n    return 2 * number", "greet": "greet = 'Hello, {}'.format"},
    {"double": "def double(number):\n    return number + number"},
    {"greet": "def greet(name):\n    return name"},
    {"double": "import os\nos._exit(1)"},
    {"double": "def double(number:"},
]


@pytest.fixture
def full(course: Path) -> Path:
    """A course to which everybody has handed in something."""
    exercise = nbformat.read(course / "exercises" / NAME / f"{NAME}.ipynb", as_version=4)
    originals = {cell.id: cell.source for cell in exercise.cells}
    for number in range(STUDENTS):
        # Few crash: each of them is run three times.
        answers = ANSWERS[number % 50 % len(ANSWERS)] if number % 50 < 5 else ANSWERS[number % 3]
        for cell in exercise.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            cell.source = answers.get(name, originals[cell.id])
        folder = course / "submitted" / f"student-{number:03}" / NAME
        folder.mkdir(parents=True)
        nbformat.write(exercise, folder / f"{NAME}.ipynb")
    return course


def start(course: Path) -> "subprocess.Popen[bytes]":
    command = [COMMAND, "grade", NAME, "--course", str(course), "--workers", "2"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def graded_anew(course: Path) -> list[str]:
    log = course / "grading" / f"{NAME}.log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [line.split(" INFO ")[1].split(": ")[0] for line in lines if "graded anew" in line]


def wait_for_more(course: Path, run: "subprocess.Popen[bytes]", number: int) -> None:
    """Wait until more than so many submissions have been graded, or the run has ended."""
    deadline = time.monotonic() + 180
    while len(graded_anew(course)) <= number and run.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def kill_coordinator(run: "subprocess.Popen[bytes]", course: Path) -> None:
    run.kill()


def kill_worker(run: "subprocess.Popen[bytes]", course: Path) -> None:
    workers = [
        child
        for child in psutil.Process(run.pid).children()
        if any("spawn_main" in argument for argument in child.cmdline())
    ]
    workers[0].kill()


def kill_kernel(run: "subprocess.Popen[bytes]", course: Path) -> None:
    """Kill a process that runs a submission, as soon as there is one."""

    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for process in psutil.Process(run.pid).children(recursive=True):
            try:
                if runs_forkserver(process) and runs_forkserver(process.parent()):
                    process.kill()
                    return
            except psutil.NoSuchProcess:
                continue
    pytest.fail("no submission was running")


def runs_forkserver(process: psutil.Process | None) -> bool:
    return process is not None and "mnist_course.grading.sandbox.forkserver" in process.cmdline()


def lock_database(run: "subprocess.Popen[bytes]", course: Path) -> None:
    with closing(sqlite3.connect(course / "gradebook.db", timeout=30)) as database:
        database.execute("BEGIN EXCLUSIVE")
        time.sleep(2)
        database.rollback()


def lose_database(run: "subprocess.Popen[bytes]", course: Path) -> None:
    (course / "gradebook.db").unlink()


FAULTS = [kill_coordinator, kill_worker, kill_kernel, lock_database, lose_database]


def held(course: Path) -> dict[str, object]:
    """Return what the gradebook and the autograded folder hold."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        return {
            submission.student.id: (
                {
                    g.name: (g.auto_score, g.needs_manual_grade)
                    for n in submission.notebooks
                    for g in n.grades
                },
                {c.name: c.auto_comment for n in submission.notebooks for c in n.comments},
                (
                    course / "autograded" / submission.student.id / NAME / f"{NAME}.ipynb"
                ).read_text(),
            )
            for submission in gradebook.assignment_submissions(NAME)
        }


def test_a_run_disturbed_at_random_ends_like_an_undisturbed_one(
    full: Path, sandbox: Sandbox
) -> None:
    chance = random.Random(0)
    faults = [FAULTS[number % len(FAULTS)] for number in range(ROUNDS)]
    chance.shuffle(faults)
    for fault in faults:
        before = len(graded_anew(full))
        with start(full) as run:
            wait_for_more(full, run, before)
            assert run.poll() is None, "it ended before anything could happen to it"
            time.sleep(chance.uniform(0, 0.5))
            fault(run, full)
            wait_for_more(full, run, before + 8)
            run.kill()
        assert len(graded_anew(full)) < STUDENTS, "nothing was left to disturb"
    with start(full) as run:
        assert run.wait(600) == 0
    disturbed = held(full)
    twice = [student for student, n in collections.Counter(graded_anew(full)).items() if n > 1]
    assert twice == []
    assert len(disturbed) == STUDENTS

    for path in ("gradebook.db", "grading", "autograded"):
        (full / path).rename(full / f"disturbed-{path}")
    with start(full) as run:
        assert run.wait(600) == 0
    assert held(full) == disturbed

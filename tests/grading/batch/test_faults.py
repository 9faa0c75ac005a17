"""Whatever dies while a class is graded, nothing is lost, and nothing is graded twice."""

import collections
import random
import shutil
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

import nbformat
import psutil
import pytest
from helpers import COMMAND, newly_graded, recorded

from mnist_course.grading.sandbox.supervisor import Sandbox

NAME = "01_double"
ANSWERS = [
    {"double": "def double(number):\n    return 2 * number", "greet": "greet = 'Hello, {}'.format"},
    {"double": "def double(number):\n    return number + number"},
    {"greet": "def greet(name):\n    return name"},
    {"double": "import os\nos._exit(1)"},
    {"double": "def double(number:"},
]


def submit(course: Path, answers: dict[str, int]) -> Path:
    """Copy the course, and submit for each student the answer of this number."""
    course = shutil.copytree(course, course.with_name(f"{course.name}-of-{len(answers)}"))
    exercise = nbformat.read(course / "exercises" / NAME / f"{NAME}.ipynb", as_version=4)
    originals = {cell.id: cell.source for cell in exercise.cells}
    for student, kind in answers.items():
        for cell in exercise.cells:
            name = cell.metadata.get("nbgrader", {}).get("grade_id")
            cell.source = ANSWERS[kind].get(name, originals[cell.id])
        folder = course / "submitted" / student / NAME
        folder.mkdir(parents=True)
        nbformat.write(exercise, folder / f"{NAME}.ipynb")
    return course


def kind(number: int) -> int:
    """Choose an answer for a student. Few crash: each of those is run three times."""
    return number % 50 % len(ANSWERS) if number % 50 < len(ANSWERS) else number % 3


def start(course: Path, workers: int = 2) -> "subprocess.Popen[bytes]":
    command = [COMMAND, "grade", NAME, "--course", str(course), "--workers", str(workers)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def wait_for_more(course: Path, run: "subprocess.Popen[bytes]", number: int) -> None:
    """Wait until more than so many submissions have been graded, or the run has ended."""
    deadline = time.monotonic() + 600  # a busy machine takes minutes to start the workers
    while len(newly_graded(course, NAME)) <= number and run.poll() is None:
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
    kill_fork(run, "mnist_course.grading.sandbox.forkserver")


def kill_judge(run: "subprocess.Popen[bytes]", course: Path) -> None:
    kill_fork(run, "mnist_course.grading.judging.judge")


def kill_fork(run: "subprocess.Popen[bytes]", program: str) -> None:
    """Kill a process that this program has forked for a submission, as soon as there is one."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for process in psutil.Process(run.pid).children(recursive=True):
            try:
                if executes(program, process) and executes(program, process.parent()):
                    process.kill()
                    return
            except psutil.NoSuchProcess:
                continue
    pytest.fail("no submission was running")


def executes(program: str, process: psutil.Process | None) -> bool:
    return process is not None and program in process.cmdline()


def lock_database(run: "subprocess.Popen[bytes]", course: Path) -> None:
    with closing(sqlite3.connect(course / "gradebook.db", timeout=30)) as database:
        database.execute("BEGIN EXCLUSIVE")
        time.sleep(2)
        database.rollback()


def lose_database(run: "subprocess.Popen[bytes]", course: Path) -> None:
    (course / "gradebook.db").unlink()


FAULTS = [kill_coordinator, kill_worker, kill_kernel, kill_judge, lock_database, lose_database]


@pytest.mark.parametrize(
    ("students", "runs", "faults_in_each"),
    # Each run starts workers, which takes longer than all of its faults.
    [(60, 1, 6), pytest.param(200, 12, 1, marks=pytest.mark.nightly)],
)
def test_a_run_disturbed_at_random_ends_like_an_undisturbed_one(
    course: Path, sandbox: Sandbox, students: int, runs: int, faults_in_each: int
) -> None:
    answers = {f"student-{number:03}": kind(number) for number in range(students)}
    full = submit(course, answers)
    chance = random.Random(0)
    faults = [FAULTS[number % len(FAULTS)] for number in range(runs * faults_in_each)]
    chance.shuffle(faults)
    for first in range(0, len(faults), faults_in_each):
        with start(full) as run:
            # The coordinator goes last: nothing of a run is left then to disturb.
            for fault in sorted(
                faults[first : first + faults_in_each], key=lambda f: f is kill_coordinator
            ):
                before = len(newly_graded(full, NAME))
                wait_for_more(full, run, before)
                assert run.poll() is None, "it ended before anything could happen to it"
                time.sleep(chance.uniform(0, 0.5))
                fault(run, full)
                wait_for_more(full, run, before + 5)
            run.kill()
        assert len(newly_graded(full, NAME)) < students, "nothing was left to disturb"
    with start(full, workers=1) as run:
        assert run.wait(600) == 0
    disturbed = recorded(full, NAME)
    twice = [
        student for student, n in collections.Counter(newly_graded(full, NAME)).items() if n > 1
    ]
    assert twice == []

    # Nothing disturbs these, one for each kind of answer.
    undisturbed = submit(course, {f"answer-{number}": number for number in range(len(ANSWERS))})
    with start(undisturbed, workers=1) as run:
        assert run.wait(600) == 0
    expected = recorded(undisturbed, NAME)
    assert disturbed == {student: expected[f"answer-{n}"] for student, n in answers.items()}

"""Workers that somebody else started grade as those of this machine do, without shared files."""

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import nbformat
import pytest
from distributed import Client

from mnist_course.errors import CourseError
from mnist_course.grading.batch.cluster import connect, grade_all
from mnist_course.grading.batch.worker import Job
from mnist_course.grading.course.assignment import Assignment, read_assignment
from mnist_course.grading.judging.results import Result
from mnist_course.grading.judging.scoring import score
from mnist_course.grading.sandbox.limits import Limits
from mnist_course.grading.sandbox.supervisor import Sandbox


@contextmanager
def program(name: str, folder: Path, *arguments: str) -> Iterator[None]:
    """Run a command of Dask in a folder, with a home of its own."""
    folder.mkdir()
    command = [sys.executable, "-m", "dask", name, *arguments]
    environment = {**os.environ, "HOME": str(folder), "TMPDIR": str(folder)}
    with (
        (folder / "log.txt").open("w") as log,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log) as process,
    ):
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    """Two workers as separate processes, in folders of their own, reached over TCP."""
    with ExitStack() as stack:
        here = ["--host", "127.0.0.1", "--no-dashboard"]
        folder = tmp_path / "scheduler"
        stack.enter_context(program("scheduler", folder, *here, "--port", "0"))
        deadline = time.monotonic() + 60
        while "tcp://" not in (said := (folder / "log.txt").read_text()):
            assert time.monotonic() < deadline, said
            time.sleep(0.1)
        address = next(word for word in said.split() if word.startswith("tcp://"))
        for number in (1, 2):
            options = [*here, "--nthreads", "1", "--nworkers", "1", "--no-nanny"]
            stack.enter_context(program("worker", tmp_path / f"{number}", address, *options))
        yield address


def job(assignment: Assignment, **changes: object) -> Job:
    options = {
        "name": assignment.name,
        "notebook": nbformat.writes(assignment.notebook),
        "tests": assignment.tests.read_text(),
        "seed": 0,
        "limits": Limits(),
        "confined": True,
        "labelled": None,
        **changes,
    }
    return Job(**options)


def answers(assignment: Assignment) -> Iterator[tuple[str, bytes]]:
    notebook = nbformat.from_dict(assignment.notebook)
    for number in range(8):
        notebook.cells[3].source = f"def double(n):\n    return 2 * n + {number % 2}"
        yield f"student {number}", nbformat.writes(notebook).encode()


def test_workers_elsewhere_give_the_same_grades(
    scheduler: str, sandbox: Sandbox, course: Path
) -> None:
    assignment = read_assignment(course / "solutions", "01_double")
    with connect(scheduler=scheduler) as client:
        client.wait_for_workers(2, timeout=60)
        remote = dict(grade_all(client, job(assignment), answers(assignment)))
    assert set(remote) == {f"student {number}" for number in range(8)}
    here = [
        score(assignment, nbformat.reads(answer.decode(), as_version=4), spawn=sandbox.spawn)
        for _, answer in itertools.islice(answers(assignment), 2)
    ]
    assert [result.score for result in here] == [3.5, 1.5]
    for student, result in remote.items():
        assert isinstance(result, Result)
        alone = here[int(student[-1]) % 2]
        assert (result.status, result.cells, result.notebook) == (
            alone.status,
            alone.cells,
            alone.notebook,
        )


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with connect(workers=1) as client:
        yield client


@pytest.mark.slow
def test_a_worker_with_another_version_is_refused(client: Client, course: Path) -> None:
    assignment = read_assignment(course / "solutions", "01_double")
    with pytest.raises(CourseError, match="same version everywhere"):
        list(grade_all(client, job(assignment, version="0.0"), answers(assignment)))


@pytest.mark.slow
def test_what_a_worker_cannot_judge_is_refused_before_anything_runs(
    client: Client, course: Path
) -> None:
    assignment = read_assignment(course / "solutions", "01_double")
    with pytest.raises(CourseError, match="cannot be used"):
        list(grade_all(client, job(assignment, tests="import nothing"), answers(assignment)))

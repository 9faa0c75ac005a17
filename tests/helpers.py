"""What tests of several rooms do in the same way."""

import functools
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
import pytest
from nbgrader.api import Gradebook

from mnist_course.grading.inside.messages import ANSWERED, pack, unpack
from mnist_course.grading.inside.shared import receive
from mnist_course.grading.sandbox.limits import Limits
from mnist_course.grading.sandbox.supervisor import Child, Sandbox

COMMAND = str(Path(sys.executable).with_name("mnist-course"))
RIGHT = pack((ANSWERED, (None, [])))  # what a process answers when a cell ran


def one_in_six(cases: list[Any] | dict[str, Any]) -> list[Any]:
    """Leave one case in six in the default tier, and mark the others slow; keys become ids."""
    named = cases.items() if isinstance(cases, dict) else ((None, case) for case in cases)
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            id=name,
            marks=[pytest.mark.slow] * (number % 6 != 0),
        )
        for number, (name, case) in enumerate(named)
    ]


def run_nbgrader(folder: Path, *arguments: str) -> str:
    """Run a command of nbgrader, which must succeed, and return what it printed."""
    programs = Path(sys.executable).parent
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=folder,
        env={**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout + done.stderr


def recorded(course: Path, name: str) -> dict[str, Any]:
    """Return what the gradebook and the autograded folder hold for each student."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        rows = {
            submission.student.id: (
                {g.name: g.auto_score for n in submission.notebooks for g in n.grades},
                {c.name: c.auto_comment for n in submission.notebooks for c in n.comments},
                {g.name for n in submission.notebooks for g in n.grades if g.needs_manual_grade},
            )
            for submission in gradebook.assignment_submissions(name)
        }
    return {
        student: (*row, (course / "autograded" / student / name / f"{name}.ipynb").read_text())
        for student, row in rows.items()
    }


def newly_graded(course: Path, name: str) -> list[str]:
    """Return who was graded, and not taken from the journal, in the order of the log."""
    log = course / "grading" / f"{name}.log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [line.split(" INFO ")[1].split(": ")[0] for line in lines if "graded anew" in line]


def keep_sandboxes() -> None:
    """In a worker of Dask: use a sandbox for later runs, too, as starting it takes ten seconds."""
    from mnist_course.grading.batch import worker

    class Kept(worker._SandboxThread):
        def stop(self) -> None:
            pass  # it ends with the worker

    kept = functools.cache(lambda limits, cores: Kept(limits, {}, list(cores)))
    worker._SandboxThread = lambda limits, _, cores: kept(limits, tuple(cores))


def assert_nothing_runs(sandbox: Sandbox) -> None:
    """Only the two processes of bubblewrap and the fork server are there."""
    bwrap = psutil.Process(sandbox._process.pid)
    deadline = time.monotonic() + 10
    while (running := len(bwrap.children(recursive=True))) > 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert running == 2


class Forger(Child):
    """In place of a learner's process: sends the bytes that `reply` makes of each request."""

    def __init__(self, reply: Callable[[Any], bytes]) -> None:
        ours, theirs = Pipe()
        super().__init__(ours, Limits(answer=2**20))
        self._thread = threading.Thread(target=self._serve, args=(reply, theirs), daemon=True)
        self._thread.start()

    def _serve(self, reply: Callable[[Any], bytes], connection: Connection) -> None:
        try:
            while True:
                request = unpack(connection.recv_bytes())
                if request[0] == "call":
                    receive(connection)
                connection.send_bytes(reply(request))
        except (EOFError, OSError, ValueError):
            connection.close()

    def _end(self) -> None:
        pass

    def _clean(self) -> None:
        self._thread.join(10)

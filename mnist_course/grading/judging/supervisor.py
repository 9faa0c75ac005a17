"""The supervisor's side of judging: start a judge for each submission, and outlive it.

A judge reads what a learner wrote: the notebook, and what its process answers. Here nothing of that
is read. The supervisor lends the judge confined processes, which it watches itself, and believes
of it no more than one result of a limited size.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from pathlib import Path
from typing import Any

import mnist_course
from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import Assignment
from mnist_course.grading.inside.messages import MessageError, pack, unpack
from mnist_course.grading.sandbox.limits import READY, Limits
from mnist_course.grading.sandbox.supervisor import Child

from .judge import CPU_SECONDS, MEMORY, OUT_OF_MEMORY, Case
from .labelled import Labelled
from .results import Result, Status
from .scoring import give_up

SECONDS_TO_START = 120.0  # importing TensorFlow from a slow disk takes a while
SECONDS_TO_END = 10.0
SECONDS_TO_JUDGE = 900.0  # beside those in which the submission runs
LARGEST_RESULT = 2**28  # bytes: a notebook may have 20 million, and JSON writes some as six

# What comes of a judge that has ended, or writes what no judge would write.
_LOST = (EOFError, OSError, MessageError, LookupError, TypeError, AttributeError)


class Judges:
    """Where submissions are judged: a context manager, whose `grade` starts a judge for each.

    Parameters
    ----------
    assignment : Assignment
        What was asked.
    seed : int, optional
        Decides the inputs of the hidden tests.
    labelled : tuple of (ndarray, ndarray), optional
        See `scoring.score`.

    Notes
    -----
    A judge that takes too long is killed together with the program that forked it; the next
    submission then starts another one.
    """

    def __init__(
        self, assignment: Assignment, *, seed: int = 0, labelled: Labelled | None = None
    ) -> None:
        self._case = Case(assignment, seed, labelled)

    def __enter__(self) -> "Judges":
        """Begin to start; see `wait`."""
        self._program = _Program(self._case)
        return self

    def __exit__(self, *_: object) -> None:
        self._program.end()

    def wait(self) -> None:
        """Wait until judges can be started.

        Raises
        ------
        CourseError
            If they cannot, as something is wrong with the hidden tests.
        """
        if self._program.ended:
            self._program = _Program(self._case)
        self._program.wait()

    def grade(self, submission: bytes, spawn: Callable[[], Child], limits: Limits) -> Result:
        """Judge a submission in a process of its own.

        Parameters
        ----------
        submission : bytes
            The notebook that came back.
        spawn : callable
            What starts the processes in which it runs; see `student.Session`.
        limits : Limits
            What these may use: the judge waits for them, and not forever.

        Returns
        -------
        Result
            What became of it, also if the judge did not survive it.

        Raises
        ------
        CourseError
            If the hidden tests or the sandbox cannot be used.
        """
        self.wait()
        seconds = limits.seconds_per_submission + SECONDS_TO_JUDGE
        late = threading.Event()

        def end() -> None:
            late.set()
            self._program.kill()

        alarm = threading.Timer(seconds, end)
        alarm.start()
        try:
            with _Loan(spawn) as loan:
                self._program.fork(loan.theirs)
                result = loan.serve(submission)
        except _LOST:
            result = None
        finally:
            alarm.cancel()
            alarm.join()
            code = self._program.exit_code()
        if result:
            return result
        return give_up(self._case.assignment, *_explain(code, seconds if late.is_set() else None))


class _Program:
    """The running program `judge`, which forks the judges."""

    def __init__(self, case: Case) -> None:
        self.ended = False
        self._ready = False
        self._orders, theirs = Pipe()
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 (closed by `end`)
        self._kept = tempfile.TemporaryDirectory(prefix="mnist-course-")
        folder = str(Path(mnist_course.__file__).parents[1])
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")])),
            "OPENBLAS_NUM_THREADS": "1",  # or it starts threads, which no fork would have
            "MALLOC_ARENA_MAX": "2",  # or each thread takes addresses that it never uses
            "MNIST_COURSE_KEPT": self._kept.name,
        }
        environment.pop("PYTHONHASHSEED", None)  # nobody should know which keys will hash alike
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", f"{__package__}.judge"],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=self._output,
                env=environment,
                start_new_session=True,  # to kill it together with its judge
            )
        with contextlib.suppress(OSError):  # `wait` says why it has ended
            self._orders.send(case)

    def wait(self) -> None:
        """Wait until it is ready, or raise a `CourseError` that says why it is not."""
        if self._ready:
            return
        said = b""
        with contextlib.suppress(EOFError, OSError):
            if self._orders.poll(SECONDS_TO_START):
                said = self._orders.recv_bytes()
        if said != READY:
            self._output.seek(0)
            said = said or self._output.read()[-500:].strip() or b"the judge did not start"
            self.end()
            raise CourseError(said.decode(errors="replace"))
        self._ready = True

    def fork(self, socket: Connection) -> None:
        """Let it fork a judge, which talks over this socket."""
        send_handle(self._orders, socket.fileno(), self._process.pid)
        socket.close()

    def exit_code(self) -> int | None:
        """Wait for the end of the judge, and return its exit code; None if all has ended."""
        with contextlib.suppress(EOFError, OSError):
            if self._orders.poll(SECONDS_TO_END):
                return int(self._orders.recv_bytes())
        self.end()
        return None

    def kill(self) -> None:
        if not self.ended:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def end(self) -> None:
        if not self.ended:
            self.kill()
            self._process.wait()
            self.ended = True
            self._orders.close()
            self._output.close()
            self._kept.cleanup()


class _Loan:
    """The conversation with one judge, and the processes lent to it, which end with it."""

    def __init__(self, spawn: Callable[[], Child]) -> None:
        self._spawn = spawn
        self._children: list[Child] = []
        self._connection, self.theirs = Pipe()

    def __enter__(self) -> "_Loan":
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as stack:
            for connection in (self._connection, self.theirs):
                stack.callback(connection.close)
            for child in self._children:
                stack.callback(child.close)

    def serve(self, submission: bytes) -> Result:
        """Send the submission, answer the judge's questions, and return its result."""
        self._connection.send_bytes(submission)
        while True:
            match unpack(self._connection.recv_bytes(LARGEST_RESULT)):
                case ("spawn",):
                    self._lend()
                case "reason", int(number):
                    self._reply(self._children[number].reason())
                case "kill", int(number), (str() | None) as reason:
                    self._children[number].kill(reason)
                    self._reply(None)
                case "close", int(number):
                    self._children[number].close()
                    self._reply(None)
                case "problem", str(sentence):
                    raise CourseError(sentence)
                case "result", document:
                    json.dumps(document)  # or the journal could not keep it
                    return Result.from_dict(document)

    def _lend(self) -> None:
        child = self._spawn()
        self._children.append(child)
        self._reply((len(self._children) - 1, asdict(child.limits)))
        send_handle(self._connection, child.connection.fileno(), 0)

    def _reply(self, value: Any) -> None:
        self._connection.send_bytes(pack(value))


def _explain(code: int | None, seconds: float | None) -> tuple[Status, str]:
    """Say what the end of a judge means: how it ended, and its seconds if these were too many."""
    person = "A person has to look at it."
    if seconds:
        return "timeout", f"Judging took more than {seconds:,.0f} s and was stopped. {person}"
    if code == -signal.SIGXCPU:
        used = f"more than {CPU_SECONDS:,} s of processor time"
        return "timeout", f"Judging took {used} and was stopped. {person}"
    if code == OUT_OF_MEMORY:
        needed = f"more than {MEMORY / 2**30:.3g} GiB of memory"
        return "out_of_memory", f"Judging needed {needed} and was stopped. {person}"
    how = f"signal {-code}" if code and code < 0 else f"exit code {code}"
    return "crashed", f"The process that judges the answers ended early ({how}). {person}"

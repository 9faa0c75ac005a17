"""The judge: reads one submission and runs the hidden tests on it, in a process of its own.

This program is started once for an assignment, by `supervisor.Judges`. It imports all that judging
needs and forks itself for each submission, so that no judge has seen the work of anybody else. A
judge holds no sandbox: what it wants of one it asks of the supervisor, which sends it the
connection to a confined process.
"""

import contextlib
import gc
import os
import resource
import select
import sys
import threading
import traceback
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from typing import Any, NoReturn

import psutil

from mnist_course._text import counted
from mnist_course.data import load_mnist
from mnist_course.errors import CourseError, DataError
from mnist_course.grading.course.assignment import Assignment
from mnist_course.grading.inside.messages import pack, unpack
from mnist_course.grading.sandbox.limits import READY, Limits
from mnist_course.grading.sandbox.supervisor import Child
from mnist_course.grading.submissions.read import LARGEST_NOTEBOOK, RejectedError, parse

from .labelled import Labelled
from .results import Result
from .scoring import hidden_points, reject, score

# The hidden tests of 08_debugging train networks themselves: TensorFlow takes 1.5 GiB of addresses
# for it on two cores, more on many, and some 25 s once for all submissions.
MEMORY = 4 * 2**30  # bytes of addresses, beside those that a judge starts with
CPU_SECONDS = 600
OUT_OF_MEMORY = 3  # how a judge ends; the codes below are Python's own

_LARGEST_REPLY = 10_000  # bytes of what the supervisor answers


@dataclass(frozen=True)
class Case:
    """What a judge knows before it sees a submission.

    Attributes
    ----------
    assignment : Assignment
        What was asked.
    seed : int
        Decides the inputs of the hidden tests.
    labelled : tuple of (ndarray, ndarray), optional
        See `scoring.score`.
    """

    assignment: Assignment
    seed: int
    labelled: Labelled | None


def main() -> None:
    """Take orders from the socket that is standard input, until the other side hangs up.

    First comes the `Case`, from the supervisor, which is trusted; the answer is `READY`, or what is
    wrong with its hidden tests. Then each order is the socket of a judge, and the answer, after its
    end, is its exit code.
    """
    orders = Connection(os.dup(0))
    case: Case = orders.recv()
    try:
        hidden_points(case.assignment.tests)  # which imports what they need, once for all judges
    except CourseError as error:
        orders.send_bytes(str(error).encode())
        return
    if (threads := psutil.Process().num_threads()) > 1:
        started = counted(threads - 1, "thread")
        sentence = f"importing {case.assignment.tests.name} starts {started}: do it in a test."
        orders.send_bytes(sentence.encode())
        return
    with contextlib.suppress(DataError):  # of which a hidden test that needs the data tells
        load_mnist()
    gc.collect()
    gc.freeze()  # or collecting garbage would copy all of it into each fork
    orders.send_bytes(READY)
    while True:
        try:
            descriptor = recv_handle(orders)
        except (EOFError, OSError):
            return
        judge = os.fork()
        if judge == 0:
            orders.close()
            _judge(case, descriptor)
        os.close(descriptor)
        _, status = os.waitpid(judge, 0)
        orders.send_bytes(str(os.waitstatus_to_exitcode(status)).encode())


def _judge(case: Case, descriptor: int) -> NoReturn:
    """Judge the submission that comes over a socket, and send the result there."""
    code = 1
    try:
        threading.Thread(target=_end_with, args=(descriptor,), daemon=True).start()
        _set_limits()
        supervisor = _Supervisor(Connection(descriptor))
        try:
            supervisor.send("result", _grade(case, supervisor).to_dict())
        except CourseError as error:
            supervisor.send("problem", str(error))
        code = 0
    except MemoryError:
        code = OUT_OF_MEMORY
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _grade(case: Case, supervisor: "_Supervisor") -> Result:
    submission = supervisor.receive(LARGEST_NOTEBOOK)
    try:
        notebook = parse(submission, case.assignment.name)
    except RejectedError as error:
        return reject(case.assignment, str(error))
    return score(
        case.assignment,
        notebook,
        spawn=supervisor.spawn,
        seed=case.seed,
        labelled=case.labelled,
    )


def _set_limits() -> None:
    limits = [(resource.RLIMIT_CORE, 0), (resource.RLIMIT_CPU, CPU_SECONDS)]
    if sys.platform == "linux":  # elsewhere, the addresses of a process say nothing of its memory
        limits.append((resource.RLIMIT_AS, psutil.Process().memory_info().vms + MEMORY))
    for kind, limit in limits:
        _, hardest = resource.getrlimit(kind)
        if hardest != resource.RLIM_INFINITY:
            limit = min(limit, hardest)
        resource.setrlimit(kind, (limit, limit))


def _end_with(descriptor: int) -> None:
    """End this process when the supervisor has hung up: nobody waits for the result any more."""
    poll = select.poll()
    poll.register(descriptor, select.POLLHUP)
    poll.poll()
    os._exit(1)


class _Supervisor:
    """What a judge may say to the supervisor, and ask of it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()  # an alarm may kill while the judge asks something else

    def send(self, kind: str, *details: Any) -> None:
        self._connection.send_bytes(pack((kind, *details)))

    def receive(self, largest: int) -> bytes:
        return self._connection.recv_bytes(largest)

    def ask(self, kind: str, *details: Any) -> Any:
        with self._lock:
            self.send(kind, *details)
            return unpack(self.receive(_LARGEST_REPLY))

    def spawn(self) -> Child:
        """Ask for a confined process, as `Sandbox.spawn` starts it."""
        with self._lock:
            self.send("spawn")
            number, limits = unpack(self.receive(_LARGEST_REPLY))
            connection = Connection(recv_handle(self._connection))
        return _Lent(self, number, connection, Limits(**limits))


class _Lent(Child):
    """A process that the supervisor has started, watches and ends."""

    def __init__(
        self, supervisor: _Supervisor, number: int, connection: Connection, limits: Limits
    ) -> None:
        super().__init__(connection, limits)
        self._supervisor = supervisor
        self._number = number

    def reason(self) -> str | None:
        reason: str | None = self._supervisor.ask("reason", self._number)
        return reason

    def _end(self) -> None:
        self._supervisor.ask("kill", self._number, self._reason)

    def _clean(self) -> None:
        self._supervisor.ask("close", self._number)


if __name__ == "__main__":
    main()

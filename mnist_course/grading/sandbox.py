"""Confine each submission: it sees nothing that is not its own, changes nothing, leaves nothing.

`bubblewrap` starts one process in an almost empty machine, the `nursery`, which imports TensorFlow
and forks itself for each submission. The fork makes itself namespaces of its own, so that it shares
nothing with the submissions beside it and after it, and gives up every right. What a kernel does not
limit for a tree of processes, a thread here watches: memory, processes, time.
"""

import contextlib
import dataclasses
import json
import os
import select
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import TracebackType

from mnist_course import doctor
from mnist_course.errors import CourseError

from . import bubblewrap, usage

READY = b"ready"
SECONDS_TO_START = 120.0  # importing TensorFlow from a slow disk takes a while
SECONDS_BETWEEN_LOOKS = 0.2


@dataclass(frozen=True)
class Limits:
    """What one submission may use, all its processes together if not said otherwise.

    Attributes
    ----------
    memory : int
        Bytes. What processes share counts for each in part (Linux calls this PSS). Files come on
        top of it, up to `disk`.
    disk : int
        Bytes in all its files, which are kept in memory.
    file_size : int
        Bytes in each file.
    open_files : int
        Open files of each process.
    processes : int
        Processes and threads. TensorFlow alone starts several for each core.
    cpu_seconds : float
        Seconds of all cores.
    seconds_per_cell, seconds_per_call : float
        Seconds that a cell of the notebook, and an answer to a hidden test, may take.
    seconds_per_submission : float
        Seconds from the first cell to the last answer.
    """

    memory: int = 4 * 2**30
    disk: int = 512 * 2**20
    file_size: int = 256 * 2**20
    open_files: int = 256
    processes: int = 1024
    cpu_seconds: float = 3600.0
    seconds_per_cell: float = 300.0
    seconds_per_call: float = 30.0
    seconds_per_submission: float = 1800.0


class Child(ABC):
    """A process in which one submission runs `runner.serve`.

    Attributes
    ----------
    connection : multiprocessing.connection.Connection
        To ask it.
    limits : Limits
        What it may use.
    """

    def __init__(self, connection: Connection, limits: Limits) -> None:
        self.connection = connection
        self.limits = limits
        self._reason: str | None = None

    def reason(self) -> str | None:
        """Return the reason that the first `kill` gave; None if it has not been killed for one."""
        return self._reason

    def kill(self, reason: str | None = None) -> None:
        """End it with all that it started, and let go who waits for its answer.

        Parameters
        ----------
        reason : str, optional
            The limit that it exceeded: "too_long", "out_of_memory", "too_many_processes" or
            "out_of_cpu_time".
        """
        self._reason = self._reason or reason
        self._end()
        # It may have been closed, by the thread that this one is to help.
        with contextlib.suppress(OSError), socket.socket(fileno=os.dup(self.connection.fileno())) as s:
            s.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End it, and wait until nothing of it is left."""
        self.kill()
        self.connection.close()

    @abstractmethod
    def _end(self) -> None: ...


class Sandbox:
    """Where submissions run: a context manager, whose `spawn` starts a process for each of them.

    Parameters
    ----------
    limits : Limits, optional
        What each submission may use.

    Raises
    ------
    CourseError
        On entering, if no sandbox can be made here; the message says why, and what to do.

    Notes
    -----
    It needs some seconds to start, and then 0.1 s for each submission. It ends when the thread that
    entered it ends, even if that is killed.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()

    def __enter__(self) -> "Sandbox":
        if reason := available():
            raise CourseError(reason)
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, tempfile.TemporaryFile() as output:
            self._process = bubblewrap.start(
                ["-P", "-s", "-m", "mnist_course.grading.nursery"], stdin=theirs, output=output
            )
            theirs.close()
            self._orders.settimeout(SECONDS_TO_START)
            try:
                ready = self._orders.recv(len(READY)) == READY
            except OSError:
                ready = False
            if not ready:
                self._stop()
                output.seek(0)
                said = output.read().decode(errors="replace").strip()
                raise CourseError(f"the sandbox did not start: {said[-500:] or 'no answer'}")
        self._children: set[_Confined] = set()
        self._closing = threading.Event()
        self._watchdog = threading.Thread(target=self._watch, daemon=True)
        self._watchdog.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._watchdog.join()
        self._stop()

    def spawn(self) -> Child:
        """Start a confined process that has TensorFlow imported and has seen no learner's code.

        Returns
        -------
        Child
            The process. Whoever spawned it closes it.

        Raises
        ------
        CourseError
            If it cannot be started.
        """
        ours, theirs = socket.socketpair()
        with ours:
            ours.settimeout(SECONDS_TO_START)
            # The kernel tells who wrote a message, by the number it has on this side.
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            order = json.dumps(dataclasses.asdict(self.limits)).encode()
            try:
                with theirs:
                    socket.send_fds(self._orders, [order], [theirs.fileno()])
                message, credentials, _, _ = ours.recvmsg(1000, socket.CMSG_SPACE(_CREDENTIALS.size))
            except OSError as error:
                raise CourseError(f"the sandbox is gone: {error}") from None
            if message != READY:
                said = message.decode(errors="replace") or "its process ended"
                raise CourseError(f"a submission cannot be confined: {said}")
            pid, _, _ = _CREDENTIALS.unpack(credentials[0][2])
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
            ours.settimeout(None)
            child = _Confined(Connection(ours.detach()), self.limits, pid)
        self._children.add(child)
        return child

    def _watch(self) -> None:
        while not self._closing.wait(SECONDS_BETWEEN_LOOKS):
            self._children = {child for child in self._children if not child.closed}
            ...

    def _stop(self) -> None:
        self._orders.close()  # which the nursery notices
        try:
            self._process.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

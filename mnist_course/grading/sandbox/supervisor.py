"""Confine each submission: it sees nothing that is not its own, changes nothing, leaves nothing.

`bubblewrap` starts one process in an almost empty machine, the `forkserver`, which imports
libraries and forks itself for each submission. The fork makes namespaces of its own, so that it
shares nothing with the submissions beside it and after it, and gives up every right. What the
kernel does not limit for a tree of processes, a thread here watches: memory, processes, time.
"""

import contextlib
import dataclasses
import json
import os
import select
import signal
import socket
import struct
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from multiprocessing.connection import Connection

from mnist_course._programs import try_sandbox
from mnist_course.errors import CourseError
from mnist_course.grading.inside.preload import EVERYTHING, Imports

from . import bubblewrap
from .limits import READY, Limits
from .usage import Meter, Usage, look, measure_sockets

SECONDS_TO_START = 120.0  # importing TensorFlow from a slow disk takes a while
SECONDS_TO_STOP = 10.0
SECONDS_BETWEEN_LOOKS = 0.2

_CREDENTIALS = struct.Struct("3i")  # struct ucred: process, user, group


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
        self._closed = False
        self._lock = threading.RLock()

    def reason(self) -> str | None:
        """Return the reason that the first `kill` gave; None if it has not been killed for one."""
        return self._reason

    def kill(self, reason: str | None = None) -> None:
        """End it, and let go who waits for its answer.

        Parameters
        ----------
        reason : str, optional
            The limit that it exceeded: "too_long", "out_of_memory", "too_many_processes" or
            "out_of_cpu_time".
        """
        with self._lock:
            if self._closed:
                return
            self._reason = self._reason or reason
            self._end()
            ours = socket.socket(fileno=os.dup(self.connection.fileno()))
            with ours, contextlib.suppress(OSError):  # the other side may have hung up
                ours.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """End it, and wait until nothing of it is left."""
        with self._lock:
            if not self._closed:
                self.kill()
                self._clean()
                self.connection.close()
                self._closed = True

    @abstractmethod
    def _end(self) -> None: ...

    @abstractmethod
    def _clean(self) -> None: ...


class Sandbox:
    """Where submissions run: a context manager, whose `spawn` starts a process for each of them.

    Parameters
    ----------
    limits : Limits, optional
        What each submission may use.
    imports : mapping of str to sequence of str, optional
        What is imported before they run; see `preload`. TensorFlow takes some seconds.

    Raises
    ------
    CourseError
        On entering, if no sandbox can be made here; the message says why, and what to do.

    Notes
    -----
    It needs some seconds to start, and then 0.1 s for each submission. It ends when the thread that
    entered it ends, even if that is killed. It needs bubblewrap 0.5 and Linux 5.14, or newer ones:
    older kernels count the processes of all submissions together.
    """

    def __init__(self, limits: Limits | None = None, imports: Imports = EVERYTHING) -> None:
        self.limits = limits or Limits()
        self._imports = json.dumps(imports)

    def __enter__(self) -> "Sandbox":
        if reason := available():
            raise CourseError(reason)
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, tempfile.TemporaryFile() as output:
            self._process = bubblewrap.start(
                ["-P", "-s", "-m", "mnist_course.grading.sandbox.forkserver", self._imports],
                stdin=theirs.fileno(),
                output=output,
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
        self._children: list[_Confined] = []
        self._lock = threading.Lock()  # of the list
        self._closing = threading.Event()
        self._watchdog = threading.Thread(target=self._watch, daemon=True)
        self._watchdog.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._watchdog.join()

    def spawn(self, limits: Limits | None = None) -> Child:
        """Start a confined process that has seen no learner's code.

        Parameters
        ----------
        limits : Limits, optional
            What it may use; by default, the limits of the sandbox.

        Returns
        -------
        Child
            The process. Whoever spawned it closes it.

        Raises
        ------
        CourseError
            If it cannot be started.
        """
        limits = limits or self.limits
        ours, theirs = socket.socketpair()
        with ours:
            ours.settimeout(SECONDS_TO_START)
            # The kernel tells who wrote a message, by the number it has on this side.
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            order = json.dumps(dataclasses.asdict(limits)).encode()
            try:
                with theirs:
                    socket.send_fds(self._orders, [order], [theirs.fileno()])
                said, credentials, _, _ = ours.recvmsg(1000, socket.CMSG_SPACE(_CREDENTIALS.size))
            except OSError as error:
                raise CourseError(f"the sandbox has ended: {error}") from None
            if said != READY:
                reason = said.decode(errors="replace") or "the process for it did not start"
                raise CourseError(f"a submission cannot be confined: {reason}")
            pid, _, _ = _CREDENTIALS.unpack(credentials[0][2])
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
            ours.settimeout(None)
            child = _Confined(pid, Connection(ours.detach()), limits)
        with self._lock:
            self._children.append(child)
        return child

    def _watch(self) -> None:
        try:
            while not self._closing.wait(SECONDS_BETWEEN_LOOKS):
                with self._lock:
                    self._children = [child for child in self._children if child.alive()]
                    children = self._children.copy()
                if not children:
                    continue
                processes = look()
                for child in children:
                    usage = child.meter.measure(processes)
                    usage.memory += measure_sockets(child.pid)
                    if reason := _exceeded(child.limits, usage, child.started):
                        child.kill(reason)
        finally:
            self._stop()  # whatever happened here, nothing runs unwatched

    def _stop(self) -> None:
        self._process.kill()
        self._process.wait()
        with contextlib.suppress(OSError):
            self._orders.recv(1)  # until the fork server has ended, too
        self._orders.close()


def available() -> str | None:
    """Tell whether a sandbox can be made here, by trying.

    Returns
    -------
    str or None
        None if it can; else a sentence: why not, and what to do.
    """
    reason, command = try_sandbox()
    if not reason:
        return None
    return f"no sandbox: {reason}" + (f"; run '{command}'." if command else ".")


class _Confined(Child):
    """Process 1 of a submission's own namespace of processes: if it ends, so do all in there."""

    def __init__(self, pid: int, connection: Connection, limits: Limits) -> None:
        super().__init__(connection, limits)
        self.pid = pid
        self.meter = Meter(pid)
        self.started = time.monotonic()
        self._descriptor = os.pidfd_open(pid)

    def alive(self) -> bool:
        with self._lock:
            return not self._closed and not self._ended(0)

    def _end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._descriptor, signal.SIGKILL)

    def _clean(self) -> None:
        self._ended(SECONDS_TO_STOP)
        os.close(self._descriptor)

    def _ended(self, seconds: float) -> bool:
        poll = select.poll()
        poll.register(self._descriptor, select.POLLIN)
        return bool(poll.poll(1000 * seconds))


def _exceeded(limits: Limits, usage: Usage, started: float) -> str | None:
    if usage.threads > limits.processes:
        return "too_many_processes"
    if usage.memory > limits.memory:
        return "out_of_memory"
    if usage.cpu_seconds > limits.cpu_seconds:
        return "out_of_cpu_time"
    if time.monotonic() - started > limits.seconds_per_submission:
        return "too_long"
    return None

"""What a hidden test sees of a learner: a fixture with four questions, and nothing else."""

import multiprocessing
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from mnist_course.checks.figures import Panel

from . import runner
from .messages import MessageError, pack, unpack
from .sandbox import Child, Limits

GRACE = 10.0  # seconds for a process to obey its own alarm before it is killed
LARGEST_ANSWER = 2**28  # bytes
LONGEST_SENTENCE = 500  # characters

_ENDS = {
    None: "ended the process in which the notebook ran.",
    "too_long": "took too long and was stopped.",
    "out_of_memory": "used too much memory and was stopped.",
    "out_of_cpu_time": "used too much CPU time and was stopped.",
    "too_many_processes": "started too many processes or threads and was stopped.",
}

# Forked from a process that has imported the libraries and never seen a learner's code.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["mnist_course.grading.runner", "mnist_course.grading.warm"])


class StudentError(AssertionError):
    """The learner's code gave no answer; the message is a sentence for the learner."""


class NotAttemptedError(StudentError):
    """There is nothing to judge."""


class Unconfined:
    """Starts processes as `Sandbox` does, but nothing confines them.

    Parameters
    ----------
    limits : Limits, optional
        Only the seconds for a cell and for a call count.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()

    def spawn(self) -> Child:
        """Start a process that has TensorFlow imported and has seen no learner's code."""
        return _Unconfined(self.limits)


class Session:
    """One run of one submission, in a process of its own.

    Parameters
    ----------
    cells : list of tuple of (str, str)
        Name and code of the cells to run, as `assemble` returns them.
    seconds_per_cell : float, optional
        How long a cell may run; by default, as long as the limits of the process say.
    spawn : callable, optional
        What starts the process: `Sandbox.spawn` or `Unconfined.spawn`, which is the default.

    Notes
    -----
    Use it as a context manager: the process is gone when the block ends.
    """

    def __init__(
        self,
        cells: list[tuple[str, str]],
        *,
        seconds_per_cell: float | None = None,
        spawn: Callable[[], Child] | None = None,
    ) -> None:
        self.cells = cells
        self.seconds_per_cell = seconds_per_cell
        self.spawn = spawn or Unconfined().spawn
        self.failures: dict[str, tuple[bool, str]] = {}
        self.ended = ""

    def __enter__(self) -> "Session":
        self.child = self.spawn()
        seconds = self.seconds_per_cell or self.child.limits.seconds_per_cell
        try:
            for cell in self.cells:
                # One by one, so that a process that has to be killed tells which cell it was.
                status, value = self.ask(seconds, "run", cell)
                match status, value:
                    case runner.ANSWERED, [bool(untouched), str(sentence)]:
                        self.failures[cell[0]] = (untouched, sentence[:LONGEST_SENTENCE])
                    case runner.ANSWERED, _:
                        pass
                    case _:
                        self.failures[cell[0]] = (False, str(value)[:LONGEST_SENTENCE])
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.child.close()

    def ask(self, seconds: float, kind: str, *details: object) -> tuple[str, Any]:
        """Send a request to the learner's process and return its answer."""
        if self.ended:
            return runner.FAILED, self.ended
        # From outside, as the process may stop anywhere, even within its answer.
        alarm = threading.Timer(seconds + GRACE, self.child.kill, ["too_long"])
        alarm.start()
        try:
            self.child.connection.send_bytes(pack((kind, seconds, *details)))
            status, value = unpack(self.child.connection.recv_bytes(LARGEST_ANSWER))
        except (EOFError, OSError, MessageError, TypeError, ValueError):
            self.child.kill()
            self.ended = _ENDS[self.child.reason()]
            return runner.FAILED, self.ended
        finally:
            alarm.cancel()
            alarm.join()
        return str(status), value


@dataclass(frozen=True)
class Student:
    """The only way from a hidden test to a learner's code.

    Attributes
    ----------
    session : Session
        The run of the submission.
    answer : str
        The name of the answer cell that the test is about.
    """

    session: Session
    answer: str

    def call(self, name: str, *arguments: Any, after: bool = False) -> Any:
        """Call a function of the learner.

        Parameters
        ----------
        name : str
            Its name in the notebook.
        *arguments
            Numbers, strings, bytes, arrays, and lists, tuples and dictionaries of these.
        after : bool, default False
            Also return the arguments as the function left them.

        Returns
        -------
        object
            What it returned; with `after`, a pair of that and the tuple of arguments.

        Raises
        ------
        StudentError
            If there is no such function, or it fails, returns None or takes too long.
        """
        value = self._ask(name, "call", name, arguments)
        if not (isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], tuple)):
            raise StudentError(f"`{name}` did not return in the usual way.")
        if value[0] is None:
            raise StudentError(f"`{name}` returned None: it should end with `return ...`.")
        return value if after else value[0]

    def predict(self, name: str, images: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        """Let a model of the learner predict.

        Parameters
        ----------
        name : str
            The name of the model in the notebook.
        images : ndarray, shape (n, 28, 28)
            Without labels: they stay here.

        Returns
        -------
        ndarray of int64, shape (n,)
            The class that the model predicts for each image.

        Raises
        ------
        StudentError
            If there is no such model, or its predictions are not n classes.
        """
        classes = self._ask(name, "predict", name, images)
        if (
            not isinstance(classes, np.ndarray)
            or classes.shape != (len(images),)
            or classes.dtype.kind not in "iu"
        ):
            raise StudentError(f"`{name}` did not predict one class for each image.")
        return classes.astype(np.int64)

    def json(self, name: str) -> Any:
        """Return a variable of the learner; of a Keras model, its description.

        Raises
        ------
        StudentError
            If there is no such variable, or it is still None.
        """
        return self._ask(name, "json", name)

    def figure(self, name: str, *arguments: Any) -> list[Panel]:
        """Call a function of the learner that draws, and describe what its figure shows.

        Raises
        ------
        StudentError
            If there is no such function, or it fails or draws nothing.
        """
        panels = self._ask(name, "figure", name, arguments)
        try:
            return [Panel(**panel) for panel in panels]
        except TypeError:
            raise StudentError(f"`{name}` did not draw a figure.") from None

    def _ask(self, name: str, kind: str, *details: object) -> Any:
        seconds = self.session.child.limits.seconds_per_call
        status, value = self.session.ask(seconds, kind, *details)
        if status == runner.ANSWERED:
            return value
        if self.answer in self.session.failures:
            untouched, sentence = self.session.failures[self.answer]
            if not untouched:
                raise StudentError(f"Your cell `{self.answer}` {sentence}")
            status = runner.NOT_ATTEMPTED
        if status == runner.NOT_ATTEMPTED:
            raise NotAttemptedError(f"`{name}` was not attempted.")
        raise StudentError(f"`{name}` {str(value)[:LONGEST_SENTENCE]}")


class _Unconfined(Child):
    def __init__(self, limits: Limits) -> None:
        ours, theirs = _context.Pipe()
        super().__init__(ours, limits)
        self._folder = tempfile.TemporaryDirectory(prefix="mnist-course-")
        self._process = _context.Process(
            target=runner.serve, args=(theirs, self._folder.name), daemon=True
        )
        self._process.start()
        theirs.close()

    def _end(self) -> None:
        self._process.kill()

    def _clean(self) -> None:
        self._process.join()
        self._folder.cleanup()

"""What a hidden test sees of a learner: a fixture with six questions, and nothing else."""

import hashlib
import multiprocessing
import tempfile
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import numpy.typing as npt
from nbformat import NotebookNode

from mnist_course.checks.figures import Panel
from mnist_course.errors import CourseError
from mnist_course.grading.inside import messages, preload, shared
from mnist_course.grading.inside.messages import MessageError, pack, unpack
from mnist_course.grading.inside.outputs import read_outputs
from mnist_course.grading.sandbox.limits import Limits
from mnist_course.grading.sandbox.supervisor import Child

from .arguments import SharedArguments
from .failures import OWN_CELL, tell_failure
from .models import CheckedModel, ModelError, check_model
from .pictures import fits
from .results import Status

CHECK = "check_"  # begins the name of the check cell of an answer
GRACE = 10.0  # seconds for a process to obey its own alarm before it is killed
LONGEST_SENTENCE = 500  # characters
LARGEST_FRAME = 2**16  # bytes of a message beside its content
BYTES_PER_CHARACTER = 4  # at most, in UTF-8
FEWEST_TO_MOVE = 1000  # images; of fewer, the share says too little
LEAST_STEADY = 0.7  # of the predictions; see `Student.predict`

_ENDS: dict[str | None, tuple[Status, str]] = {
    None: ("crashed", "ended the process in which the notebook ran."),
    "too_long": ("timeout", messages.TOO_LONG),
    "out_of_memory": ("out_of_memory", "used too much memory and was stopped."),
    "out_of_cpu_time": ("timeout", "used too much CPU time and was stopped."),
    "too_many_processes": ("crashed", "started too many processes or threads and was stopped."),
}

# Forked from a process that has imported the libraries and never seen a learner's code.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(["mnist_course.grading.inside.runner", *preload.EVERYTHING])


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

    def spawn(self, limits: Limits | None = None) -> Child:
        """Start a process that has TensorFlow imported and has seen no learner's code."""
        return _Unconfined(limits or self.limits)


class Session:
    """One run of one submission, in a process of its own.

    Parameters
    ----------
    cells : list of tuple of (str, str)
        Name and code of the cells to run. A cell may come in several parts, one after the other.
    spawn : callable
        What starts the process: `Sandbox.spawn` or `Unconfined.spawn`.
    written : collection of str
        Names of the answer cells that aren't as they were released: whatever they lack, they
        were attempted.
    lost : mapping of str to str, optional
        For each answer cell that the submission lacks, what to say of it instead.

    Attributes
    ----------
    failures : dict of str to tuple of (bool, str)
        For each cell that failed, whether it was not attempted, and what went wrong.
    said : dict of str to str
        For each cell that failed, what the learner's process says of it.
    outputs : dict of str to list of nbformat.NotebookNode
        What each cell showed.
    steadiness : dict of str to float
        For each answer cell whose model predicted many images, the share of predictions that stay
        the same when the images are moved by half a pixel.
    testimony : dict of str to str
        For each answer cell that was judged by what only the submission says, a sentence for the
        instructor.
    exports : dict of tuple of (str, str) to object
        By answer cell and name, what the learner's process wrote of each model that was asked for.
    status : str
        As in `Result`.
    reason : str
        Where and why the run ended early; empty if it did not.

    Notes
    -----
    Use it as a context manager: the process is gone when the block ends.
    """

    def __init__(
        self,
        cells: list[tuple[str, str]],
        *,
        spawn: Callable[[], Child],
        written: Collection[str] = (),
        lost: Mapping[str, str] | None = None,
    ) -> None:
        self.cells = cells
        self.spawn = spawn
        self.written = written
        self.lost = lost or {}
        self.failures: dict[str, tuple[bool, str]] = {}
        self.said: dict[str, str] = {}
        self.outputs: dict[str, list[NotebookNode]] = {}
        self.steadiness: dict[str, float] = {}
        self.testimony: dict[str, str] = {}
        self.exports: dict[tuple[str, str], object] = {}
        self.status: Status = "graded"
        self.reason = ""
        self._end = ""
        self._recalled = ""
        self._clean: Session | None = None
        self._rebuilt: dict[str, bytes] = {}  # digests of the models there, by name

    def __enter__(self) -> "Session":
        self.child = self.spawn()
        self._room = self.child.limits.output
        try:
            # One by one, so that a process that has to be killed tells which cell it was.
            for name, code in self.cells:
                self._note_failure(name, self._run(name, code))
                if name.startswith(CHECK):
                    self.ask(self.child.limits.seconds_per_call, "keep", name.removeprefix(CHECK))
        except BaseException:
            self.child.close()
            raise
        return self

    def _run(self, name: str, code: str) -> Any:
        """Run a cell and keep what it shows; return what the process says of its failure."""
        seconds = self.child.limits.seconds_per_cell
        match self.ask(seconds, "run", code, self._room, cell=name):
            case messages.ANSWERED, (failure, shown):
                outputs = read_outputs(shown, self._room)
                self.outputs.setdefault(name, []).extend(outputs)
                self._room -= sum(len(str(output)) for output in outputs)
                return failure
            case _, said:
                return False, str(said), said

    def _note_failure(self, name: str, failure: Any) -> None:
        match failure:
            case (bool(untouched), str(sentence), said):
                # Of several parts, the first that went wrong explains most.
                if self.failures.get(name, (True, ""))[0]:
                    self.failures[name] = (untouched, self.tell(said))
                    self.said[name] = sentence[:LONGEST_SENTENCE]
                if sentence == messages.TOO_LONG and self.status == "graded":
                    self.status, self.reason = "timeout", f"The cell `{name}` {sentence}"

    def tell(self, said: object, asked: str = "") -> str:
        """Say why a request failed: how the process ended, or what `tell_failure` makes of it.

        If a hidden test of an answer has asked, only lines of that cell and own cells are told.
        """
        cells = self.cells
        if asked:
            cells = [cell for cell in cells if cell[0] == asked or cell[0].startswith(OWN_CELL)]
            cells.sort(key=lambda cell: cell[0] != asked)
        return self._end or tell_failure(said, cells, hidden=bool(asked))

    def recall(self, answer: str) -> None:
        """Let names mean what they meant when the check of an answer ran.

        A later cell may use the same name for something else, and the check did not see that.
        """
        if answer != self._recalled:
            self.ask(self.child.limits.seconds_per_call, "recall", answer)
            self._recalled = answer

    def __exit__(self, *_: object) -> None:
        self.child.close()
        if self._clean:
            self._clean.child.close()

    def rebuild(self, name: str, model: CheckedModel) -> "Session":
        """Rebuild a model in a process in which no learner's code has run, and return that.

        Parameters
        ----------
        name : str
            By what name to ask about it there.
        model : CheckedModel
            What to rebuild.

        Raises
        ------
        ModelError
            If it cannot be rebuilt; the message says why.
        """
        if not self._clean:
            try:
                self._clean = Session([], spawn=self.spawn).__enter__()
            except CourseError as error:
                raise ModelError(f"nothing could rebuild it: {error}") from None
        details = (name, model.config, model.weights, model.compiled)
        digest = hashlib.sha256(pack(details)).digest()
        if self._rebuilt.get(name) != digest:
            self._rebuilt.pop(name, None)
            status, value = self._clean.ask(self.child.limits.seconds_per_call, "rebuild", *details)
            if status != messages.ANSWERED:
                raise ModelError(f"rebuilding it {self._clean.tell(value)}")
            self._rebuilt[name] = digest
        return self._clean

    def ask(
        self,
        seconds: float,
        kind: str,
        *details: object,
        cell: str | None = None,
        memory: int | None = None,
    ) -> tuple[str, Any]:
        """Send a request, and maybe the descriptor of a memory, and return the answer."""
        if self._end:
            return messages.FAILED, self._end
        limits = self.child.limits
        largest = BYTES_PER_CHARACTER * limits.output if cell else limits.answer
        # From outside, as the process may stop anywhere, even within its answer.
        alarm = threading.Timer(seconds + GRACE, self.child.kill, ["too_long"])
        alarm.start()
        try:
            self.child.connection.send_bytes(pack((kind, seconds, *details)))
            if memory is not None:
                shared.send(self.child.connection, memory)
            status, value = unpack(self.child.connection.recv_bytes(largest + LARGEST_FRAME))
        except (EOFError, OSError, MessageError, TypeError, ValueError):
            self.child.kill()
            self.status, self._end = _ENDS[self.child.reason()]
            place = f"The cell `{cell}`" if cell else f"`{details[0]}`, asked by a hidden test,"
            self.reason = f"{place} {self._end}"
            return messages.FAILED, self._end
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
            Numbers, strings, bytes, arrays, and lists, tuples and dictionaries of these; the keys
            of dictionaries are strings.
        after : bool, default False
            Also return the arguments as the function left them. The arrays of all calls are in
            memory that the submission shares, so what happened to them is not for it to tell. That
            lists and dictionaries still have the same items is its word.

        Returns
        -------
        object
            What it returned; with `after`, a pair of that and the tuple of arguments.

        Raises
        ------
        StudentError
            If there is no such function, or it fails, returns None or takes too long.
        """
        # Whether it is watched or not, so that no function can tell.
        kept = SharedArguments(arguments)
        try:
            answer = self._ask(name, "call", name, arguments, memory=kept.descriptor)
        finally:
            kept.close()
        if not (isinstance(answer, tuple) and len(answer) == 2 and isinstance(answer[1], tuple)):
            raise StudentError(f"`{name}` did not return in the usual way.")
        value, told = answer
        if value is None:
            raise StudentError(f"`{name}` returned None: it should end with `return ...`.")
        if not after:
            return value
        if len(told) != len(arguments):
            raise StudentError(f"`{name}` did not return in the usual way.")
        return value, kept.afterwards(told)

    def describe(self, name: str) -> dict[str, Any]:
        """Describe a Keras model of the learner.

        Parameters
        ----------
        name : str
            The name of the model in the notebook.

        Returns
        -------
        dict
            How many "parameters" it has, and how many of them are "trainable"; "input_shape" and
            "output_shape"; "layers", each with its "kind", "units", "activation" and "weights"; and
            "optimizer", "learning_rate", "loss", "from_logits" and "metrics", all None, False or
            empty if it is not compiled. Before its first use, a model may not have its parameters.

        Raises
        ------
        StudentError
            If there is no such model.

        Notes
        -----
        The model is rebuilt from its configuration and weights, in a process in which no learner's
        code has run, and what is said of it is read there. So are `outputs` and `predict`. All
        questions of an answer's tests are about the model as it was at the first. Classes, layers
        and functions of the learner's own cannot be rebuilt. Then the submission answers for its
        model itself, which is noted for a person to look at.
        """
        description = self._ask_model(name, "describe")
        if not isinstance(description, dict):
            raise StudentError(f"`{name}` did not answer in the usual way.")
        return description

    def outputs(self, name: str, images: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return what a Keras model of the learner puts out for images.

        Raises
        ------
        StudentError
            If there is no such model, or it fails.
        """
        outputs = self._ask_model(name, "outputs", images)
        if not isinstance(outputs, np.ndarray):
            raise StudentError(f"`{name}` did not put out an array.")
        return outputs

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

        Notes
        -----
        Many images are shown again, in another order and moved by half a pixel along the diagonal,
        which changes every value and the size of the ink. Most predictions of a network stay the
        same, even of one that is often wrong; a table of the known images has no answer, or any.
        What comes out is noted for a person to look at, and does not count here.

        Measured on the test images of MNIST, the share that is right and the share that stays: the
        course's network trained for 1 epoch 97% and 96%, for 5 epochs 98% and 97%, for 50
        epochs 98% and 98%, and on 1,300 images only 88% and 89%; a linear classifier 92% and
        93%; the convolutional network after 20 epochs 99.6% and 99.6%. The lowest seen were
        80%, of one after 1 epoch of distorted images, with 85% right, which earns no points; a
        table keeps some 10%. A table that leaves unknown images to a network is not told from one.
        ``pytest -s tests/attacks/test_tables.py`` measures the quick ones of these again.
        """
        classes = self._classes(name, images)
        steadiness = self.session.steadiness
        if len(images) >= FEWEST_TO_MOVE and self.answer not in steadiness:
            order = np.random.default_rng(0).permutation(len(images))
            try:
                moved = self._classes(name, _moved(images[order]))
                steadiness[self.answer] = float(np.mean(moved == classes[order]))
            except StudentError:
                steadiness[self.answer] = 0.0
        return classes

    def _classes(self, name: str, images: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
        classes = self._ask_model(name, "predict", images)
        if (
            not isinstance(classes, np.ndarray)
            or classes.shape != (len(images),)
            or classes.dtype.kind not in "iu"
        ):
            raise StudentError(f"`{name}` did not predict one class for each image.")
        return classes.astype(np.int64)

    def json(self, name: str) -> Any:
        """Return a variable of the learner; of a Keras history, what it holds.

        It is what the submission says, and may be made up: a history proves no training.

        Raises
        ------
        StudentError
            If there is no such variable, or it is still None.
        """
        return self._ask(name, "json", name)

    def figure(self, name: str, *arguments: Any) -> list[Panel]:
        """Call a function of the learner that draws, and describe what its figure shows.

        The submission describes its figure itself. That its images and bars are in the picture is
        seen here, and if they aren't, it is noted for a person to look at; words aren't read here.

        Raises
        ------
        StudentError
            If there is no such function, or it fails or draws nothing.
        """
        answer = self._ask(name, "figure", name, arguments)
        try:
            described, picture = answer
            panels = [Panel(**panel) for panel in described]
        except (TypeError, ValueError):
            raise StudentError(f"`{name}` did not draw a figure.") from None
        if not fits(panels, picture):
            self.session.testimony.setdefault(
                self.answer,
                f"The picture that `{name}` drew does not show what the submission says is in it: "
                "look at its figures.",
            )
        return panels

    def _ask_model(self, name: str, kind: str, *details: object) -> Any:
        """Ask a rebuilt model, or else the submission, which is noted."""
        session = self.session
        seconds = session.child.limits.seconds_per_call
        # Once: another export could be another model, made for this question.
        asked = self.answer, name
        if asked not in session.exports:
            largest = session.child.limits.answer // 2
            session.exports[asked] = self._ask(name, "export", name, largest)
        try:
            model = check_model(session.exports[asked])
            if kind == "describe" and model.compiled is None:
                raise ModelError("it was compiled with parts that are not built in")
            rebuilt = session.rebuild(name, model)
        except ModelError as error:
            session.testimony.setdefault(
                self.answer,
                f"Answered by the submission itself: {error}, so its model could not be rebuilt "
                "and asked elsewhere. Look whether it is one.",
            )
            return self._ask(name, kind, name, *details)
        status, value = rebuilt.ask(seconds, kind, name, *details)
        if status != messages.ANSWERED:
            raise StudentError(f"`{name}` {rebuilt.tell(value, self.answer)}")
        return value

    def _ask(self, name: str, kind: str, *details: object, memory: int | None = None) -> Any:
        seconds = self.session.child.limits.seconds_per_call
        self.session.recall(self.answer)
        status, value = self.session.ask(seconds, kind, *details, memory=memory)
        if status == messages.ANSWERED:
            return value
        if self.answer in self.session.lost:
            raise StudentError(self.session.lost[self.answer])
        who = f"`{name}`"
        sentence = self.session.tell(value, self.answer)
        if self.answer in self.session.failures:
            unfinished, sentence = self.session.failures[self.answer]
            who = f"Your cell `{self.answer}`"
            status = messages.NOT_ATTEMPTED if unfinished else messages.FAILED
        if status == messages.NOT_ATTEMPTED and self.answer not in self.session.written:
            raise NotAttemptedError(f"`{name}` was not attempted.")
        raise StudentError(f"{who} {sentence}")


def _moved(images: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Move images by half a pixel to the right and down."""
    whole = np.roll(images, (1, 1), axis=(1, 2))
    moved: npt.NDArray[Any] = ((images.astype(np.float32) + whole) / 2).astype(images.dtype)
    return moved


class _Unconfined(Child):
    def __init__(self, limits: Limits) -> None:
        ours, theirs = _context.Pipe()
        super().__init__(ours, limits)
        self._folder = tempfile.TemporaryDirectory(prefix="mnist-course-")
        self._process = _context.Process(
            target=_serve, args=(theirs, self._folder.name, limits.answer), daemon=True
        )
        self._process.start()
        theirs.close()

    def _end(self) -> None:
        self._process.kill()

    def _clean(self) -> None:
        self._process.join()
        self._folder.cleanup()


def _serve(connection: Connection, folder: str, largest: int) -> None:
    # Not above: it imports TensorFlow, which this side does not need.
    from mnist_course.grading.inside import runner

    runner.serve(connection, folder, largest)

"""The learner's side of the boundary: run a notebook, then answer questions about it.

This runs in a process of its own, together with the learner's code, and knows nothing of tests.
Each request is a tuple, each answer a tuple that starts with one of `ANSWERED`, `NOT_ATTEMPTED`
and `FAILED`.
"""

import contextlib
import io
import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any
from unittest import mock

import numpy as np

from mnist_course.checks.core import CheckError, explain, explain_unfinished, own_line
from mnist_course.checks.figures import describe, find_figure

from .messages import (
    ANSWERED,
    FAILED,
    LARGEST,
    MISSING,
    NO_FIGURE,
    NOT_ATTEMPTED,
    NOTHING,
    TOO_LONG,
    pack,
    unpack,
)
from .shared import put_on, receive
from .shell import Shell, make_shell

LONGEST_MESSAGE = 1_000  # characters of an error
LONGEST_SIDE = 800  # pixels, of the picture of a figure


class TooLong(BaseException):
    """Time is up. Not an Exception, so that `except Exception` does not catch it."""


def serve(connection: Connection, folder: str, largest: int = LARGEST) -> None:
    """Answer requests until the other side hangs up.

    Parameters
    ----------
    connection : multiprocessing.connection.Connection
        Where requests come from, as bytes that `messages.pack` wrote.
    folder : str
        The folder in which to run.
    largest : int, optional
        Bytes of an answer. What does not fit is left out of it, and costs no other answer.

    Notes
    -----
    The requests, with their answers' values:

    - ``("run", seconds, code, room)``: run a cell for at most so many seconds, and keep at most so
      many characters of what it shows; the value is the pair of None, or for a cell that failed
      whether it was not attempted, what went wrong in a sentence, and as `_failure` has it; and of
      its outputs.
    - ``("keep", seconds, moment)``: remember what every name means now.
    - ``("recall", seconds, moment)``: let every name mean that again, for the questions that
      follow. Names that came later mean what they meant at the end.
    - ``("call", seconds, name, arguments)``: the value is the pair of what the function returned
      and the arguments as they were afterwards. The descriptor of a memory follows in which the
      arguments' arrays are; see `shared`.
    - ``("export", seconds, name, largest)``: a Keras model as data; see `models.export`.
    - ``("rebuild", seconds, name, config, weights, compiled)``: make a model of such data, and give
      it a name. Only a process is asked in which no learner's code has run.
    - ``("describe", seconds, name)``, ``("outputs", seconds, name, images)``, ``("predict",
      seconds, name, images)``: what there is to say of a model, what it puts out, and the classes
      that it predicts.
    - ``("json", seconds, name)``: the variable.
    - ``("figure", seconds, name, arguments)``: the pair of what the figure shows that the function
      drew, and its picture.

    A submission may tell that it is not in a notebook, and gains nothing by it: what it answers is
    judged. The arguments of the process are a kernel's, as is the name of the shell's class. What
    still differs: the modules of this package that are loaded, and `ipykernel`, which is not; the
    number and the parent of the process, and its arguments in /proc; its folder, /data and the
    empty home; `sys.stdout`; that there is no network and little time.
    """
    os.chdir(folder)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nowhere, descriptor)
    signal.signal(signal.SIGALRM, _time_is_up)
    sys.argv[:] = sys.orig_argv[:] = [sys.executable, "-m", "ipykernel_launcher"]
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 (what a notebook that sets no seed draws from)
    shell = make_shell()
    answer: dict[str, Callable[..., Any]] = {
        "run": _run,
        "keep": _keep,
        "recall": _recall,
        "call": _call,
        "export": _export,
        "rebuild": _rebuild,
        "describe": _describe,
        "outputs": _outputs,
        "predict": _predict,
        "json": _json,
        "figure": _figure,
    }
    while True:
        try:
            kind, *details = unpack(connection.recv_bytes(LARGEST))
        except EOFError:
            return
        if kind == "call":
            details[-1] = put_on(receive(connection), details[-1])
        connection.send_bytes(_packed(_protected(answer[kind], shell, *details), largest))


def _time_is_up(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise TooLong


@contextlib.contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _protected(ask: Callable[..., Any], *details: Any) -> tuple[str, Any]:
    try:
        return ANSWERED, ask(*details)
    except BaseException as error:
        unfinished = isinstance(error, NotImplementedError | _NothingError)
        return NOT_ATTEMPTED if unfinished else FAILED, _failure(error)


def _failure(error: BaseException) -> str | dict[str, Any]:
    """Describe an error for `judging.failures`, which decides what of it is told."""
    if isinstance(error, TooLong | _MissingError):
        return _sentence(error)
    line = own_line(error)
    return {
        "kinds": [kind.__name__ for kind in type(error).__mro__],
        "message": " ".join(str(error)[:LONGEST_MESSAGE].split()),
        "line": line.line if line else "",
        "number": line.lineno if line else 0,
    }


def _packed(answer: tuple[str, Any], largest: int) -> bytes:
    try:
        return pack(answer, largest)
    except Exception as error:  # such as one of the learner's own kind of list
        return pack((FAILED, _failure(error)))


def _sentence(error: BaseException) -> str:
    if isinstance(error, TooLong):
        return TOO_LONG
    if isinstance(error, _MissingError | CheckError):
        return str(error)
    if isinstance(error, NotImplementedError):
        return explain_unfinished(error)
    return f"stopped with {explain(error)}"


class _MissingError(Exception):
    """There is no such name, or it is of no use."""


class _NothingError(_MissingError):
    """There is such a name, but its value is still None."""


def _run(shell: Shell, seconds: float, code: str, room: int) -> Any:
    error: BaseException | None
    try:
        with _at_most(seconds):
            error = shell.run(code, room)
    except TooLong as late:
        error = late
    if error is None:
        return None, shell.outputs.list
    unfinished = isinstance(error, NotImplementedError)
    return (unfinished, _sentence(error), _failure(error)), shell.outputs.list


def _keep(shell: Shell, seconds: float, moment: str) -> None:  # noqa: ARG001
    shell.moments[moment] = dict(shell.user_ns)


def _recall(shell: Shell, seconds: float, moment: str) -> None:  # noqa: ARG001
    end = shell.moments.setdefault("", dict(shell.user_ns))
    shell.user_ns.update({**end, **shell.moments.get(moment, {})})


def _find(shell: Shell, name: str) -> Any:
    if name not in shell.user_ns:
        raise _MissingError(MISSING)
    value = shell.user_ns[name]
    if value is None:
        raise _NothingError(NOTHING)
    return value


def _call(
    shell: Shell, seconds: float, name: str, arguments: tuple[Any, ...]
) -> tuple[Any, tuple[Any, ...]]:
    function = _find(shell, name)
    if not callable(function):
        raise _MissingError(f"is of type {type(function).__name__}; it should be a function.")
    with _at_most(seconds):
        return _described(function(*arguments)), arguments


def _find_model(shell: Shell, name: str) -> Any:
    model = _find(shell, name)
    keras = sys.modules.get("keras")  # without it, nothing is a model
    if not (keras and isinstance(model, keras.Model)):
        raise _MissingError(f"is of type {type(model).__name__}; it should be a Keras model.")
    return model


def _export(shell: Shell, seconds: float, name: str, largest: int) -> dict[str, Any]:
    with _at_most(seconds):
        model = _find_model(shell, name)
        from . import models  # which imports Keras; not every assignment needs it

        return models.export(model, largest)


def _rebuild(
    shell: Shell,
    seconds: float,
    name: str,
    config: str,
    weights: list[np.ndarray[Any, Any]] | None,
    compiled: str | None,
) -> None:
    with _at_most(seconds):
        from . import models

        shell.user_ns[name] = models.rebuild(config, weights, compiled)


def _describe(shell: Shell, seconds: float, name: str) -> dict[str, Any]:
    with _at_most(seconds):
        model = _find_model(shell, name)
        from . import models

        return models.describe(model)


def _outputs(shell: Shell, seconds: float, name: str, images: np.ndarray[Any, Any]) -> Any:
    with _at_most(seconds):
        return np.asarray(_find_model(shell, name)(images))


def _predict(shell: Shell, seconds: float, name: str, images: np.ndarray[Any, Any]) -> Any:
    with _at_most(seconds):
        return np.asarray(_find_model(shell, name).predict(images, verbose=0)).argmax(axis=-1)


def _json(shell: Shell, seconds: float, name: str) -> Any:
    with _at_most(seconds):
        return _described(_find(shell, name))


def _figure(
    shell: Shell, seconds: float, name: str, arguments: tuple[Any, ...]
) -> tuple[list[dict[str, Any]], np.ndarray[Any, Any]]:
    from matplotlib import pyplot

    shown: list[tuple[list[dict[str, Any]], np.ndarray[Any, Any]]] = []

    def look(figure: Any) -> None:
        if not shown:
            shown.append(([vars(panel) for panel in describe(figure)], _picture(figure)))

    def show(*_: Any, **__: Any) -> None:
        # As in a notebook, where `plt.show()` shows all figures and closes them.
        for figure in map(pyplot.figure, pyplot.get_fignums()):
            if figure.axes:
                look(figure)
        pyplot.close("all")

    pyplot.close("all")
    function = _find(shell, name)
    with _at_most(seconds), mock.patch.object(pyplot, "show", show):
        if figure := find_figure(function(*arguments)):
            look(figure)
    if not shown:
        raise _MissingError(NO_FIGURE)
    pyplot.close("all")
    return shown[0]


def _picture(figure: Any) -> np.ndarray[Any, Any]:
    """Draw a figure, as an array of colors."""
    file = io.BytesIO()
    dpi = min(figure.dpi, LONGEST_SIDE / max(figure.get_size_inches()))
    figure.savefig(file, format="rgba", dpi=dpi, bbox_inches=figure.bbox_inches)
    width, height = (int(inches * dpi) for inches in figure.get_size_inches())
    return np.frombuffer(file.getvalue(), np.uint8).reshape(height, width, 4)[..., :3]


def _described(value: Any) -> Any:
    """Replace Keras's histories by what they hold."""
    keras = sys.modules.get("keras")
    if keras and isinstance(value, keras.callbacks.History):
        return value.history
    if type(value) in (tuple, list):
        return type(value)(_described(item) for item in value)
    return value

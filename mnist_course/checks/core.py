"""What all checks share: how they call a learner's code, and how they answer.

A check is a function decorated with `task`. It looks at what a learner made and either returns,
which prints "Well done", or fails by `expect`, which raises `CheckError` with one short text: what
was seen, what was expected, where to read on.
"""

import copy
import functools
import re
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ParamSpec

import numpy as np

P = ParamSpec("P")

BOOK = "https://mnist-course.github.io/mnist-course/book"

# What Python and NumPy say in the words of those who know the reason already.
ADVICE = {
    r"ufunc .* from dtype\('float\d+'\) to dtype\('u?int": "`/=` and its like write into the old "
    "array, which can hold only whole numbers: make a new one.",
    r"slice indices must be integers": "A position must be an `int` such as 15, "
    "not a float such as 15.0.",
}


class CheckError(AssertionError):
    """What a check has to say about an answer that is not right yet."""

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows instead of a traceback."""
        return [str(self)]


class NotAttemptedError(CheckError):
    """There is no answer yet."""


def task(section: str) -> Callable[[Callable[P, str]], Callable[P, None]]:
    """Make a check of a function that takes answers and returns a sentence of praise.

    Parameters
    ----------
    section : str
        The section of the book that explains the task, such as ``loading.html#shapes``.

    Returns
    -------
    callable
        The decorator. An answer that is still None is not attempted; whatever else the check
        stumbles over is reported as an answer that it cannot read.
    """
    read_on = f"Read on: {BOOK}/{section}"

    def decorate(check: Callable[P, str]) -> Callable[P, None]:
        @functools.wraps(check)
        def run(*answers: P.args, **named: P.kwargs) -> None:
            try:
                if any(answer is None for answer in (*answers, *named.values())):
                    raise NotAttemptedError("the answer is still None")
                praise = check(*answers, **named)
            except NotAttemptedError:
                raise NotAttemptedError(
                    "Not attempted: write your answer in the cell above, run it until it stops "
                    "without an error, then run this cell again."
                ) from None
            except CheckError as failure:
                raise CheckError(f"Not yet: {failure}\n{read_on}") from None
            # An answer can be of any type and break any comparison.
            except Exception as error:
                raise CheckError(
                    f"Not yet: the check could not read your answer ({_named(error)}). Compare it "
                    f"with what the task asks for.\n{read_on}"
                ) from None
            print(f"Well done: {praise}")  # noqa: T201 (a notebook shows it below the cell)

        return run

    return decorate


def expect(condition: bool | np.bool_, failure: str) -> None:
    """Fail the check with `failure`, unless `condition` holds.

    Parameters
    ----------
    condition : bool
        What is true of a right answer.
    failure : str
        What was seen, what was expected, and which mistake it looks like.

    Raises
    ------
    CheckError
        If `condition` is false.
    """
    if not condition:
        raise CheckError(failure)


@contextmanager
def rephrase(say: Callable[[str], str]) -> Iterator[None]:
    """Let a failure say what `say` makes of it; an answer not attempted stays one."""
    try:
        yield
    except NotAttemptedError:
        raise
    except CheckError as failure:
        raise CheckError(say(str(failure))) from None


def advise(advice: Mapping[str, str]) -> AbstractContextManager[None]:
    """Add advice to a failure that contains certain words.

    Parameters
    ----------
    advice : mapping of str to str
        Words of the failure, and what to add to it; the first that fits is added.
    """

    def say(failure: str) -> str:
        fitting = (f"{failure} {text}" for words, text in advice.items() if words in failure)
        return next(fitting, failure)

    return rephrase(say)


def call(function: Any, *arguments: Any) -> Any:
    """Call a learner's function on copies of `arguments`, and return its answer.

    Parameters
    ----------
    function : callable
        What the learner wrote.
    *arguments
        What to call it with.

    Returns
    -------
    object
        What the function returned; never None.

    Raises
    ------
    CheckError
        If it is no function, stops with an error, returns None, or changes its arguments.
    NotAttemptedError
        If it raises NotImplementedError, as untouched answers do.
    """
    expect(callable(function), f"expected a function, but saw {kind(function)}.")
    name = f"`{getattr(function, '__name__', 'your function')}`"
    given = copy.deepcopy(arguments)
    try:
        answer = function(*given)
    except NotImplementedError:
        raise NotAttemptedError(name) from None
    except Exception as error:
        raise CheckError(f"{name} stopped with {explain(error)}") from None
    expect(answer is not None, f"{name} returned None. Does it end with `return ...`?")
    expect(
        all(same(before, after) for before, after in zip(arguments, given, strict=True)),
        f"{name} changed the data it was given, which everybody else still needs. Make a new "
        "one instead of changing the old one.",
    )
    return answer


def explain(error: BaseException) -> str:
    """Return type, message and the learner's own line of an error, and advice if there is some."""
    lines = [
        entry
        for entry in traceback.extract_tb(error.__traceback__)
        if entry.line
        and "mnist_course" not in entry.filename
        and "site-packages" not in entry.filename
    ]
    where = f" at your line `{lines[-1].line}`" if lines else ""
    advice = [text for pattern, text in ADVICE.items() if re.search(pattern, str(error))]
    return " ".join([f"{_named(error)}{where}.", *advice])


def same(a: Any, b: Any) -> bool:
    """Whether two arguments are equal, arrays element by element."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    try:
        return bool(np.all(a == b)) or type(a).__eq__ is object.__eq__  # type: ignore[comparison-overlap]
    except ValueError:
        return False


def kind(value: Any) -> str:
    """Name a value for a person: its type, and for arrays dtype and shape."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} with shape {value.shape}"
    if value is None:
        return "None"
    name = type(value).__name__
    # Not before u: it is a uint8.
    article = "an" if name[0] in "aeioAEIO" else "a"
    return f"{article} {name}: {_one_line(repr(value), 60)}"


def expect_array(value: Any, name: str, *, shape: tuple[int, ...], dtype: str | None = None) -> Any:
    """Fail the check unless `value` is an array of this shape and dtype, and return it."""
    expect(
        isinstance(value, np.ndarray),
        f"{name} is {kind(value)}; expected a NumPy array of shape {shape}.",
    )
    expect(value.shape == shape, f"{name} has shape {value.shape}; expected {shape}.")
    expect(
        dtype is None or value.dtype == np.dtype(dtype),
        f"{name} has dtype {value.dtype}; expected {dtype}: `.astype({dtype!r})` "
        "converts, and returns a *new* array.",
    )
    return value


def expect_number(value: Any, name: str, *, finite: bool = True) -> float:
    """Fail the check unless `value` is a single number, and return it."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise CheckError(f"{name} is {kind(value)}; expected one number.") from None
    expect(
        not finite or bool(np.isfinite(number)), f"{name} is {number}; expected a finite number."
    )
    return number


def predict(model: Any, images: Any) -> Any:
    """Return the outputs of a network, and fail the check unless they are ten for each image."""
    try:
        answer = np.asarray(model.predict(images, batch_size=1000, verbose=0))
    # What a model raises on images that it cannot take is not limited to any list.
    except Exception:
        raise CheckError(
            f"the network takes inputs of shape {getattr(model, 'input_shape', None)} and could "
            "not take images of shape (None, 28, 28). Let it begin with Flatten."
        ) from None
    expect(
        answer.shape == (len(images), 10),
        f"the network answers {len(images):,} images with an array of shape {answer.shape}; "
        "expected ten numbers for each image.",
    )
    return answer


def measure_accuracy(model: Any, images: Any, labels: Any) -> float:
    """Return the share of images that a network recognizes."""
    return float((predict(model, images).argmax(axis=1) == labels).mean())


def find_better_scale(model: Any, labels: Any, scales: Mapping[str, Any], least: float) -> str:
    """Return the first of some scales of the images with an accuracy above `least`, or ""."""
    for name, images in scales.items():
        if measure_accuracy(model, images, labels) > least:
            return name
    return ""


def _named(error: BaseException) -> str:
    message = _one_line(error)
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _one_line(value: object, limit: int = 200) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"

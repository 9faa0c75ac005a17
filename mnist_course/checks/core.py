"""What all checks share: how they call a learner's code, compare, and answer.

Most tasks ask for a function. Their check is a `FunctionCheck`: a correct function, inputs from
small to large, and the usual mistakes, each as a function that makes it. What is wrong is named
only if the function that makes that mistake returns the same as the learner's function for every
input; or else a line, if a small edit of it makes the function right (see `edits`). Everything
else gets the facts: what was given, what came back, what was expected.

The other checks are functions decorated with `task`. They return a sentence of praise, or fail by
`expect`, which raises `CheckError`.
"""

import _thread
import ast
import copy
import dis
import functools
import inspect
import math
import re
import signal
import textwrap
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from types import CodeType, ModuleType
from typing import Any, ParamSpec

import numpy as np

from .edits import find_edit

P = ParamSpec("P")

BOOK = "https://mnist-course.github.io/mnist-course/book"
SECONDS = 20.0  # for one call of a learner's function
NEAR = 1e-6  # largest relative and absolute error by default
PARTS = ("the first part", "the second part", "the third part", "the fourth part")

# What Python and NumPy report, in the words of a teacher.
ADVICE = {
    r"ufunc .* from dtype\('float\d+'\) to dtype\('u?int": "`/=` and the like write into the old "
    "array, which can only hold whole numbers: make a new one.",
    r"truth value of an array": "Python's `if`, `and`, `or`, `not`, `max` and `min` need single "
    "values. With arrays, it's `&`, `|`, `~`, `.max()` and `.min()`.",
    r"slice indices must be integers": "A position must be an `int` such as 15, "
    "not a float such as 15.0.",
    r"When changing to a (larger|smaller) dtype": "`view` takes the same bytes for another type. "
    "`astype` converts the values.",
    r"No loop matching the specified signature": "This function can't calculate in that type. "
    "Convert its result with `astype`.",
    r"num must be an integer with 1 <= num": "The places of a grid are counted from 1 to "
    "`rows * columns`.",
    r"local variable '\w+'": "A name that a function assigns anywhere, even in a `for`, is its "
    "own: it never stands for what the notebook has under that name, and has no value before.",
    r"only (0-dimensional|length-1|size-1) arrays": "`int`, `float` and the functions of `math` "
    "take one number. Those of NumPy, such as `np.log`, and `.astype` take arrays.",
    r"could not broadcast input array from shape \((.*, ?)?0[,)]": "The part on the right is "
    "empty. For example, `[:-0]` takes nothing.",
    r"'NoneType' object (has no|is not|does not)": "Something there is None. Functions that change "
    "an array or a list in place, such as `np.fill_diagonal` and `.sort()`, return None.",
}


class CheckError(AssertionError):
    """What a check has to say about an answer that isn't right yet."""

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows instead of a traceback."""
        return [str(self)]


class NotAttemptedError(CheckError):
    """There is no answer yet."""


class TooLongError(CheckError):
    """The learner's function was stopped."""


class SharedMemoryError(CheckError):
    """The learner's function returned what it was given, or a part of it."""


def task(section: str) -> Callable[[Callable[P, str]], Callable[P, None]]:
    """Make a check of a function that takes answers and returns a sentence of praise.

    Parameters
    ----------
    section : str
        The section of the book that explains the task, such as ``loading.html#shapes``.

    Returns
    -------
    callable
        The decorator. An answer that is still None is not attempted; any other error in the
        check is reported as an answer that it can't read.
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
                    "Not attempted: write your answer in the cell above, under the name it has "
                    "there, run it until it stops without an error, then run this cell again."
                ) from None
            except CheckError as failure:
                raise CheckError(f"Not yet: {failure}\n{read_on}") from None
            # An answer can be of any type and break any comparison.
            except Exception as error:
                raise CheckError(
                    f"Not yet: the check couldn't read your answer ({_named(error)}). Compare it "
                    f"with what the task asks for.\n{read_on}"
                ) from None
            print(f"Well done: {praise}")  # noqa: T201 (a notebook shows it below the cell)

        return run

    return decorate


@dataclass(frozen=True)
class Case:
    """Arguments to call a learner's function with.

    Attributes
    ----------
    arguments : tuple
        The arguments, by position.
    given : str
        How a message names them, such as ``for 3 rows of logits``; by default, small arguments
        are shown as they are.
    """

    arguments: tuple[Any, ...]
    given: str = ""


@dataclass(frozen=True)
class FunctionCheck:
    """A check of a function that a learner writes.

    Attributes
    ----------
    name : str
        The name of the function.
    section : str
        The section of the book that explains the task.
    correct : callable
        A correct function. It returns an array where the learner has to return one, and a list
        where any sequence will do.
    cases : sequence of Case
        What to call both with. The first that differs is reported, so the simplest come first.
    praise : str
        What a correct function earns.
    further : sequence of Case
        What to call a function with that is right in all `cases`. Mistakes aren't compared here.
    mistakes : mapping of str to callable
        The usual mistakes: a sentence that names each one, and a function that makes it. The first
        that does the same as the learner's function in every case is named.
    dtype : str, optional
        The type of the elements of every array returned; by default any.
    near : float
        The largest relative and absolute error.
    new : bool
        Whether the result must not share memory with an argument.
    parts : tuple of str, optional
        How messages name the parts of a result that is a tuple, such as ``the training images``.
    seconds : float
        How long one call may take.
    """

    name: str
    section: str
    correct: Callable[..., Any]
    cases: Sequence[Case]
    praise: str
    further: Sequence[Case] = ()
    mistakes: Mapping[str, Callable[..., Any]] = field(default_factory=dict)
    dtype: str | None = None
    near: float = NEAR
    new: bool = False
    parts: tuple[str, ...] = PARTS
    seconds: float = SECONDS

    def __call__(self, function: Any) -> None:
        """Check a learner's function, and print praise if it is correct.

        Parameters
        ----------
        function : callable
            What the learner wrote.

        Raises
        ------
        CheckError
            If it isn't correct yet.
        """
        task(self.section)(self.judge)(function)

    def judge(self, function: Any) -> str:
        """Return the praise for a function, or raise CheckError; see `__call__`."""
        try:
            self.test(function)
        except (NotAttemptedError, TooLongError, SharedMemoryError):
            raise
        except CheckError as failure:
            said = str(failure)
            named = explain_mistake(
                function,
                lambda: (
                    self.find_mistake(function) or _fitting(find_edit(function, self.accepts), said)
                ),
            )
            raise CheckError(f"{said} {named}".rstrip()) from None
        return self.praise

    def test(self, function: Any) -> None:
        """Raise CheckError with the facts unless a function is right; see `__call__`."""
        for case in (*self.cases, *self.further):
            if fault := self._find_fault(function, case):
                raise CheckError(fault)
        if self.new:
            self._expect_new(function)

    def accepts(self, function: Any) -> bool:
        """Whether a function is right, however long it takes."""
        try:
            replace(self, seconds=math.inf).test(function)
        except CheckError:
            return False
        return True

    def _find_fault(self, function: Any, case: Case) -> str:
        """Describe what is wrong with a function in one case, or return ""."""
        given = case.given or f"for `{self.name}({_arguments(case.arguments)})`"
        try:
            answer = call(function, *case.arguments, seconds=self.seconds)
        except (NotAttemptedError, TooLongError):
            raise
        except CheckError as failure:
            return f"{given}, {failure}"
        expected = self.correct(*copy.deepcopy(case.arguments))
        seen = difference(answer, expected, near=self.near, dtype=self.dtype, parts=self.parts)
        return seen and f"{given}, {seen}"

    def find_mistake(self, function: Any) -> str:
        """Return the sentence of the mistake that does the same in every case, or ""."""
        candidates = dict(self.mistakes)
        for case in self.cases:
            answer, error = None, ""
            try:
                answer = call(function, *case.arguments, seconds=self.seconds)
            except CheckError as failure:
                error = str(failure)
            candidates = {
                sentence: mistaken
                for sentence, mistaken in candidates.items()
                if self._does_the_same(mistaken, case.arguments, answer, error)
            }
            if not candidates:
                return ""
        return next(iter(candidates), "")

    def _does_the_same(
        self, mistaken: Any, arguments: tuple[Any, ...], answer: Any, error: str
    ) -> bool:
        """Whether a mistake returns an answer, or stops with the error that a failure reports."""
        try:
            with np.errstate(all="ignore"):
                result = mistaken(*copy.deepcopy(arguments))
            if isinstance(result, np.ndarray) and isinstance(answer, list | tuple):
                answer = np.asarray(answer)  # an array is equal to any sequence of its numbers
            return not error and not difference(answer, result, near=self.near)
        except Exception as stopped:
            return f"stopped with {_named(stopped)}" in error

    def _expect_new(self, function: Any) -> None:
        for case in self.cases:
            given = copy.deepcopy(case.arguments)
            answer = function(*given)
            parts = answer if isinstance(answer, tuple | list) else (answer,)
            if any(_share_memory(part, array) for part in parts for array in given):
                called = case.given or f"for `{self.name}({_arguments(case.arguments)})`"
                raise SharedMemoryError(
                    f"{called}, `{self.name}` returned the array it was given, or a part of it; "
                    "expected a new one. Otherwise a later change of the result changes what was "
                    "given, too."
                )


def _fitting(edit: str, failure: str) -> str:
    """Return what an edit says, or "" if it can't be what made a function fail in this way."""
    lost = "changed the data it was given" in failure and "which is lost" in edit
    # A product may be right where Python stops at `1 / 0`, but it's the 0 that matters.
    moved = "ZeroDivisionError" in failure and re.search("other parentheses|another order", edit)
    return "" if lost or moved else edit


def difference(
    answer: Any,
    expected: Any,
    *,
    name: str = "the result",
    near: float = NEAR,
    dtype: str | None = None,
    parts: tuple[str, ...] = PARTS,
) -> str:
    """Describe how an answer differs from what was expected.

    Parameters
    ----------
    answer, expected : object
        Numbers, texts, arrays, or dictionaries and sequences of such.
    name : str
        How the description names the answer.
    near : float
        The largest relative and absolute error of a number.
    dtype : str, optional
        The type of the elements that arrays must have; by default any.
    parts : tuple of str, optional
        How the description names the parts of a tuple.

    Returns
    -------
    str
        A sentence with the answer and what was expected, or "" if they agree.
    """
    answer = np.asarray(answer) if hasattr(answer, "__array__") else answer
    if isinstance(expected, Mapping):
        return _difference_of_mappings(answer, expected, name, near, dtype)
    if isinstance(expected, tuple):
        return _difference_of_parts(answer, expected, name, near, dtype, parts)
    if isinstance(expected, str | bool):
        same_value = type(answer) in (type(expected), np.bool_, np.ndarray) and answer == expected
        return "" if same_value else f"{name} is {kind(answer)}; expected {expected!r}."
    if isinstance(expected, np.ndarray) and expected.ndim and not isinstance(answer, np.ndarray):
        return f"{name} is {kind(answer)}; expected a NumPy array of shape {expected.shape}."
    return _difference_of_numbers(answer, np.asarray(expected), name, near, dtype)


def _difference_of_mappings(
    answer: Any, expected: Mapping[Any, Any], name: str, near: float, dtype: str | None
) -> str:
    if not isinstance(answer, Mapping):
        return f"{name} is {kind(answer)}; expected a dictionary with the keys {list(expected)}."
    if missing := [key for key in expected if key not in answer]:
        return f"{name} has the keys {list(answer)}; it lacks {', '.join(map(repr, missing))}."
    parts = (
        difference(answer[key], value, name=repr(key), near=near, dtype=dtype)
        for key, value in expected.items()
    )
    return next(filter(None, parts), "")


def _difference_of_parts(
    answer: Any,
    expected: tuple[Any, ...],
    name: str,
    near: float,
    dtype: str | None,
    parts: tuple[str, ...],
) -> str:
    if not isinstance(answer, tuple | list) or len(answer) != len(expected):
        many = isinstance(answer, tuple | list)
        seen = f"{len(answer)} thing{'s' * (len(answer) != 1)}" if many else kind(answer)
        return f"{name} is {seen}; expected {len(expected)} things: {_outline(expected)}."
    of = "" if name == "the result" else f" of {name}"
    names = [*parts, *(f"part {number}" for number in range(len(parts) + 1, len(expected) + 1))]
    found = (
        difference(part, value, name=f"{called}{of}", near=near, dtype=dtype)
        for part, value, called in zip(answer, expected, names, strict=False)
    )
    return next(filter(None, found), "")


def _difference_of_numbers(
    answer: Any, expected: Any, name: str, near: float, dtype: str | None
) -> str:
    try:
        seen = np.asarray(answer)
        if seen.dtype.kind not in "biufc":
            raise TypeError
    except (TypeError, ValueError):
        called = callable(answer) and not isinstance(answer, type)
        advice = " That's a function, not what it returns: parentheses, `()`, call it." * called
        return f"{name} is {kind(answer)}; expected {_shown(expected)}.{advice}"
    if seen.shape != expected.shape:
        if seen.size == expected.size > 1 and np.allclose(
            seen.ravel(), expected.ravel(), near, near
        ):
            return (
                f"the values are right, but {name} has shape {seen.shape}; expected shape "
                f"{expected.shape}."
            )
        wanted = f"shape {expected.shape}" if expected.ndim else "one number"
        found = f"has shape {seen.shape}" if seen.ndim else f"is the number {_short(seen)}"
        return f"{name} {found}; expected {wanted}.{_explain_shape(seen, expected, near)}"
    wrong = ~np.isclose(seen, expected, rtol=near, atol=near, equal_nan=True)
    if wrong.any():
        if seen.size <= 12:
            return f"{name} is {_shown(seen)}; expected {_shown(expected)}."
        where = tuple(int(i) for i in np.argwhere(wrong)[0])
        place = where[0] if len(where) == 1 else list(where)
        return (
            f"{wrong.sum():,} of the {seen.size:,} values differ: at position {place}, {name} has "
            f"{_short(seen[where])}; expected {_short(expected[where])}."
        )
    if dtype and expected.ndim and seen.dtype != np.dtype(dtype):
        return f"the values are right, but {name} has the type {seen.dtype}; expected {dtype}."
    return ""


def _explain_shape(seen: Any, expected: Any, near: float) -> str:
    """State how numbers in a wrong shape are related to the right ones, or return ""."""

    def equals(numbers: Any) -> bool:
        return seen.shape == numbers.shape and np.allclose(seen, numbers, near, near)

    if seen.size < 2 or expected.ndim < 2:
        return ""
    if equals(expected[0]) or equals(expected[:1]):
        return " That's the first part of it alone, as with `return` inside a loop."
    if equals(expected[-1]) or equals(expected[-1:]):
        return " That's the last part of it alone, as when each replaces the one before."
    if expected.ndim == 2 and equals(expected.T):
        return " It's transposed: `.T` turns it around."
    return ""


def expect(condition: bool | np.bool_, failure: str) -> None:
    """Fail the check with `failure`, unless `condition` holds.

    Parameters
    ----------
    condition : bool
        What is true of a right answer.
    failure : str
        What was seen and what was expected.

    Raises
    ------
    CheckError
        If `condition` is false.
    """
    if not condition:
        raise CheckError(failure)


@contextmanager
def prefix(words: str) -> Iterator[None]:
    """Put words before the message of a failure; an answer not attempted stays one."""
    try:
        yield
    except NotAttemptedError:
        raise
    except CheckError as failure:
        raise CheckError(f"{words}{failure}") from None


def call(function: Any, *arguments: Any, seconds: float = SECONDS) -> Any:
    """Call a learner's function on copies of `arguments`, and return its answer.

    Parameters
    ----------
    function : callable
        What the learner wrote.
    *arguments
        What to call it with.
    seconds : float
        How long the call may take.

    Returns
    -------
    object
        What the function returned; never None.

    Raises
    ------
    CheckError
        If it isn't a function, stops with an error, takes too long, returns None, or changes its
        arguments.
    NotAttemptedError
        If nothing has been written in it.
    """
    expect(callable(function), f"expected a function, but saw {kind(function)}.")
    name = f"`{getattr(function, '__name__', 'your function')}`"
    given = copy.deepcopy(arguments)
    try:
        answer = _call_within(seconds, function, given)
    except NotImplementedError as error:
        if not is_written(function):
            raise NotAttemptedError(name) from None
        raise CheckError(f"{name} {explain_unfinished(error)}") from None
    except TimeoutError:
        raise TooLongError(
            f"{name} was stopped after {seconds:g} seconds, the longest that a call may take here."
        ) from None
    except Exception as error:
        raise CheckError(f"{name} stopped with {explain(error)}") from None
    for before, after in zip(arguments, given, strict=True):
        nested = isinstance(before, list) and any(isinstance(part, tuple) for part in before)
        expect(
            same(before, after),
            f"{name} changed the data it was given. Make a new object instead of changing the old "
            "one." + " (A copy of a list still holds the same arrays.)" * nested,
        )
    expect(answer is not None, f"{name} returned None. {_explain_none(function)}")
    return answer


def _explain_none(function: Any) -> str:
    """Say what may be wrong with a function that returned None."""
    parsed = _parse(function)
    returns = any(isinstance(node, ast.Return) and node.value for node in ast.walk(parsed))
    if not returns:
        return "Does it end with `return ...`?"
    return "It got to no `return` here, or what stands behind that `return` is None."


def _call_within(seconds: float, function: Any, arguments: tuple[Any, ...]) -> Any:
    """Call a function, and raise TimeoutError if it still runs after some seconds.

    The timer interrupts the main thread as Ctrl+C does, even in a process that started in the
    background and ignores Ctrl+C; in other threads there is no limit.
    """
    if seconds == math.inf or threading.current_thread() is not threading.main_thread():
        return function(*arguments)
    over = threading.Event()

    def stop() -> None:
        over.set()
        _thread.interrupt_main()

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer.start()
    try:
        return function(*arguments)
    except KeyboardInterrupt:
        if over.is_set():
            raise TimeoutError from None
        raise
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)


def is_written(function: Any) -> bool:
    """Whether a function holds more than a docstring and `raise NotImplementedError()`.

    Parameters
    ----------
    function : object
        What a learner's name refers to.

    Returns
    -------
    bool
        True for everything that isn't a function, too; where the source can't be read, whether the
        code mentions anything else than NotImplementedError.
    """
    code = getattr(function, "__code__", None)
    if code is None:
        return True
    parsed = _parse(function).body
    if not parsed:
        return bool(set(code.co_names) - {"NotImplementedError"})
    lines = [
        line
        for line in getattr(parsed[0], "body", [])
        if not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
    ]
    return not (len(lines) == 1 and isinstance(lines[0], ast.Raise))


def _parse(function: Any) -> ast.Module:
    """Parse the source of a function; where it can't be read, the tree is empty."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError, TypeError, ValueError):
        return ast.Module([], [])
    return tree if len(tree.body) == 1 else ast.Module([], [])


def describe_unused(function: Any) -> str:
    """State which arguments the code of a function never reads, or "" if it reads all."""
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType):
        return ""
    read = _loaded(code, "LOAD_")
    # Python 3.13 and later load two variables at once.
    names = {name for item in read for name in (item if isinstance(item, tuple) else (item,))}
    unused = [name for name in code.co_varnames[: code.co_argcount] if name not in names]
    if not unused:
        return ""
    listed = " and ".join(f"`{name}`" for name in unused)
    return f"`{function.__name__}` never uses its argument{'s' * (len(unused) > 1)} {listed}."


def describe_borrowed(function: Any) -> str:
    """State which variables of the notebook a function reads, or "" if it reads none."""
    code = getattr(function, "__code__", None)
    if not isinstance(code, CodeType):
        return ""
    held = function.__globals__
    borrowed = [
        f"`{name}`"
        for name in _loaded(code, "LOAD_GLOBAL")
        if name in held and not callable(held[name]) and not isinstance(held[name], ModuleType)
    ]
    if not borrowed:
        return ""
    return f"`{function.__name__}` uses what the notebook has as {', '.join(borrowed)}."


def _loaded(code: CodeType, operation: str) -> list[Any]:
    """List what code and the code in it loads, by operations whose names begin with `operation`."""
    loaded = (
        instruction.argval
        for part in _codes(code)
        for instruction in dis.get_instructions(part)
        if instruction.opname.startswith(operation)
    )
    return list(dict.fromkeys(loaded))


def explain_mistake(function: Any, find: Callable[[], str]) -> str:
    """Say what is wrong with a function: what `find` finds in it, or else which data it reads."""
    unused, borrowed = describe_unused(function), describe_borrowed(function)
    facts = " ".join(filter(None, [unused, borrowed]))
    if unused and borrowed:  # it reads the notebook's data in place of what it is given
        return facts
    return find() or facts


def describe_results(function: Any, expected: int) -> str:
    """State which line returns another number of results than expected, or return ""."""
    for node in ast.walk(_parse(function)):
        if isinstance(node, ast.Return) and node.value:
            count = len(node.value.elts) if isinstance(node.value, ast.Tuple) else 1
            if count != expected and not isinstance(node.value, ast.Call):
                written = "1 value" if count == 1 else f"{count} values"
                return f"Your line `{ast.unparse(node)}` has {written}; expected {expected}."
    return ""


def own_line(error: BaseException) -> traceback.FrameSummary | None:
    """Return the last line of the learner's that ran before an error, if there is one."""
    lines = [
        entry
        for entry in traceback.extract_tb(error.__traceback__)
        if entry.line
        and "mnist_course" not in entry.filename
        and "site-packages" not in entry.filename
    ]
    return lines[-1] if lines else None


def explain(error: BaseException) -> str:
    """Return type, message and the learner's own line of an error, and advice if there is some."""
    line = own_line(error)
    where = f" at your line `{line.line}`" if line else ""
    advice = [text for pattern, text in ADVICE.items() if re.search(pattern, str(error))]
    return " ".join([f"{_named(error)}{where}.", *advice])


def explain_unfinished(error: NotImplementedError) -> str:
    """Say where a `raise NotImplementedError()` stopped a learner's code, if it was one."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    if not (frame.line or "").startswith("raise NotImplementedError"):
        return f"stopped with {explain(error)}"
    where = "the cell" if frame.name == "<module>" else f"`{frame.name}`"
    return (
        f"stopped at the line `raise NotImplementedError()` in {where}. Nothing below that line "
        "runs: delete it once the code is there."
    )


def same(a: Any, b: Any) -> bool:
    """Whether two arguments are equal, arrays element by element."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
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


def predict(model: Any, images: Any) -> Any:
    """Return the outputs of a network, and fail the check unless they are ten for each image."""
    try:
        answer = np.asarray(model.predict(images, batch_size=1000, verbose=0))
    # What a model raises on images that it cannot take is not limited to any list.
    except Exception as error:
        raise CheckError(
            f"the network takes inputs of shape {getattr(model, 'input_shape', None)}, and stopped "
            f"at images of shape (None, 28, 28) with {explain(error)}"
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


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _share_memory(answer: Any, argument: Any) -> bool:
    arrays = isinstance(answer, np.ndarray) and isinstance(argument, np.ndarray)
    return arrays and np.may_share_memory(answer, argument)


def _arguments(arguments: tuple[Any, ...]) -> str:
    """Write small arguments as in a call, and larger ones by their kind."""
    return ", ".join(
        _shown(argument) if isinstance(argument, np.ndarray) else _one_line(repr(argument), 60)
        for argument in arguments
    )


def _outline(parts: tuple[Any, ...]) -> str:
    return ", ".join(
        f"({_outline(part)})"
        if isinstance(part, tuple)
        else kind(part)
        if isinstance(part, np.ndarray)
        else f"a {type(part).__name__}"
        for part in parts
    )


def _shown(numbers: Any) -> str:
    """Write a number or a small array with few digits."""
    if numbers.ndim == 0:
        return _short(numbers)
    if numbers.size > 12:
        return kind(numbers)
    return "[" + ", ".join(_shown(part) for part in numbers) + "]"


def _short(number: Any) -> str:
    number = np.asarray(number)
    return f"{number:,}" if number.dtype.kind in "iu" else f"{number:.5g}"


def _named(error: BaseException) -> str:
    message = _one_line(error)
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _one_line(value: object, limit: int = 200) -> str:
    text = " ".join(str(value).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"

"""Say what stopped a learner's code, and let nothing of a hidden test's inputs through.

Only the learner's process knows why a call failed, and it may say whatever it likes: an error's
message, the name of its type, even a line of code can be made of the inputs. So of what it says of
a hidden call, a sentence has only what was known before: one of a few types of errors, and one of
the first lines of code of the answer. Which of these it is still says a little.
"""

import re
from collections.abc import Iterable

from mnist_course._untrusted import quote
from mnist_course.checks.core import ADVICE
from mnist_course.grading.inside import messages

_ERRORS = """
    ArithmeticError AssertionError AttributeError FileNotFoundError FloatingPointError ImportError
    IndentationError IndexError KeyError KeyboardInterrupt MemoryError ModuleNotFoundError NameError
    NotImplementedError OSError OverflowError RecursionError RuntimeError StopIteration SyntaxError
    SystemExit TypeError UnboundLocalError ValueError ZeroDivisionError
"""
_TYPES = """
    bool bytes dict float function int list module ndarray str tuple type
    EagerTensor Functional History Sequential
"""
ERRORS = set(_ERRORS.split())
TYPES = set(_TYPES.split())
MOST_LINES = 100  # of code, of which one can be told of a hidden call
SENTENCES = {messages.TOO_LONG, messages.MISSING, messages.NOTHING, messages.NO_FIGURE}
LONGEST_MESSAGE = 200  # characters of an error's message
LEFT_OUT = (
    "The error's own words are left out, as they may repeat what the hidden test put in: call it "
    "with examples of your own to read them."
)
OWN_CELL = "own cell"  # begins the names of cells that are not of the assignment
UNFINISHED = "Nothing below that line runs: delete it once the code is there."
UNKNOWN = "did not answer in the usual way."

_WRONG_TYPE = re.compile(r"is of type (\w{1,100}); it should be (a function|a Keras model)\.")


def tell_failure(said: object, cells: Iterable[tuple[str, str]], *, hidden: bool) -> str:
    """Say why a cell or a call failed.

    Parameters
    ----------
    said : object
        What the learner's process says of it: a sentence of `messages`, or a dict with ``kinds``,
        the names of the error's type and of those it is derived from, ``message``, and ``line``
        and ``number`` of the last line of the learner's that ran.
    cells : iterable of tuple of (str, str)
        Name and code of the cells of which a line may be told; see `Session`.
    hidden : bool
        Whether the inputs are those of a hidden test. If not, the error's message is shown, marked
        as the learner's words.

    Returns
    -------
    str
        The rest of a sentence that begins with what failed.
    """
    if isinstance(said, str):
        return _known(said)
    match said:
        case {"kinds": list(kinds), "message": str(message), "line": str(line), "number": number}:
            where = _find(line, number, cells, MOST_LINES if hidden else None)
            if where and line.startswith("raise NotImplementedError"):
                return f"stopped at the line {quote(line)}. {UNFINISHED}"
            kind = next((kind for kind in kinds if kind in ERRORS), "an error")
            words = "" if hidden or not message else f": {quote(message, LONGEST_MESSAGE)}"
            advice = [text for pattern, text in ADVICE.items() if re.search(pattern, message)]
            if hidden and message:
                advice = advice[:1] or [LEFT_OUT]
            return " ".join([f"stopped with {kind}{words}{where}.", *advice])
    return UNKNOWN


def _known(sentence: str) -> str:
    if sentence in SENTENCES:
        return sentence
    if found := _WRONG_TYPE.fullmatch(sentence):
        kind = f"of type {found[1]}" if found[1] in TYPES else "of another type"
        return f"is {kind}; it should be {found[2]}."
    return UNKNOWN


def _find(line: str, number: object, cells: Iterable[tuple[str, str]], most: int | None) -> str:
    """Name a line, if it is one of the first lines of code of these cells."""
    known = [
        (name, at, text)
        for name, code in cells
        for at, text in enumerate(map(str.strip, code.splitlines()), 1)
        if text and not text.startswith("#")
    ]
    found = [(name, at) for name, at, text in known[:most] if text == line]
    if not found:
        return ""
    # A cell of the learner's own runs statement by statement: its numbers are not those there.
    its_number = isinstance(number, int) and any(
        at == number and not name.startswith(OWN_CELL) for name, at in found
    )
    return f" at your line{f' {number},' if its_number else ''} {quote(line)}"

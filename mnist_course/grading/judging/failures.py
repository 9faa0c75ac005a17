"""Say what stopped a learner's code, and let nothing of a hidden test's inputs through.

Only the learner's process knows why a call failed, and it may say whatever it likes: an error's
message, the name of its type, even a line of code can be made of the inputs. So of what it says of
a hidden call, a sentence has only what was known before: a type of Python's own, and a line that
stands in the submission.
"""

import builtins
import re
from collections.abc import Iterable

from mnist_course._untrusted import quote
from mnist_course.checks.core import ADVICE
from mnist_course.grading.inside import messages

ERRORS = {
    name
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, BaseException)
}
TYPES = {name for name, kind in vars(builtins).items() if isinstance(kind, type)} | {
    *("ndarray", "History", "Sequential", "Functional", "EagerTensor", "DataFrame"),
    *("function", "module", "method", "builtin_function_or_method"),
}
SENTENCES = {messages.TOO_LONG, messages.MISSING, messages.NOTHING, messages.NO_FIGURE}
LONGEST_MESSAGE = 200  # characters of an error's message
LEFT_OUT = (
    "The error's own words are left out, as they may repeat what the hidden test put in: call it "
    "with examples of your own to read them."
)
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
        Name and code of the cells that ran; see `Session`.
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
            where = _find(line, number, cells)
            if where and line.startswith("raise NotImplementedError"):
                return f"stopped at the line {quote(line)}. {UNFINISHED}"
            kind = next((kind for kind in kinds if kind in ERRORS), "an error")
            words = "" if hidden or not message else f": {quote(message, LONGEST_MESSAGE)}"
            advice = [text for pattern, text in ADVICE.items() if re.search(pattern, message)]
            if hidden and message and not advice:
                advice = [LEFT_OUT]
            return " ".join([f"stopped with {kind}{words}{where}.", *advice])
    return UNKNOWN


def _known(sentence: str) -> str:
    if sentence in SENTENCES:
        return sentence
    if found := _WRONG_TYPE.fullmatch(sentence):
        kind = f"of type {found[1]}" if found[1] in TYPES else "of another type"
        return f"is {kind}; it should be {found[2]}."
    return UNKNOWN


def _find(line: str, number: object, cells: Iterable[tuple[str, str]]) -> str:
    """Name a line, if the submission has it."""
    for name, code in cells:
        lines = [each.strip() for each in code.splitlines()]
        if not line or line not in lines:
            continue
        # A cell of the learner's own runs statement by statement: its numbers are not those there.
        its_number = isinstance(number, int) and lines[number - 1 : number] == [line]
        at = f" {number}," if its_number and not name.startswith("own cell") else ""
        return f" at your line{at} {quote(line)}"
    return ""

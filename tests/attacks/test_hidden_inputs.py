"""What a hidden test puts in does not come out with what a learner is told."""

import re
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from nbformat import NotebookNode

from mnist_course.checks.core import ADVICE
from mnist_course.grading.course.assignment import Assignment
from mnist_course.grading.course.secret import read_seed
from mnist_course.grading.course.settings import read_course
from mnist_course.grading.judging.failures import MOST_LINES
from mnist_course.grading.judging.results import Result
from mnist_course.grading.judging.scoring import score
from mnist_course.grading.judging.student import Session, Unconfined

Grade = Callable[..., Result]
ROOT = Path(__file__).parents[2]
MARK = "LEAKED"
# Each tells the inputs in another way; the mark stands nowhere in the code itself.
TELL = "def tell(number):\n    return 'LEA' + 'KED' + '_'.join(map(str, np.ravel(number)))\n"
LEAKS = {
    "message": "def double(number):\n    raise ValueError(tell(number))",
    "type": "def double(number):\n    raise type(tell(number), (Exception,), {})",
    "derived type": "def double(number):\n"
    "    raise type(tell(number), (KeyError,), {})(tell(number))",
    "unfinished": "def double(number):\n    raise NotImplementedError(tell(number))",
    "check": "from mnist_course.checks.core import CheckError\n"
    "def double(number):\n    raise CheckError(tell(number))",
    "line": "import linecache\n"
    "def double(number):\n"
    "    code = f'raise ValueError  # {tell(number)}'\n"
    "    linecache.cache['own'] = (len(code), None, [code], 'own')\n"
    "    exec(compile(code, 'own', 'exec'))",
    "type of what is no function": "def double(number):\n"
    "    global double\n"
    "    double = type(tell(number), (), {})()\n"
    "    return 2 * number",
    "description": "from mnist_course.grading.inside import runner\n"
    "def double(number):\n"
    "    said = {'kinds': [tell(number)], 'message': '', 'line': tell(number), 'number': 1}\n"
    "    runner._failure = lambda error: said\n"
    "    raise ValueError",
    "sentence": "from mnist_course.grading.inside import runner\n"
    "def double(number):\n"
    "    runner._failure = lambda error: tell(number)\n"
    "    raise ValueError",
}


@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS)
def test_no_input_is_in_the_feedback(grade: Grade, leak: str) -> None:
    result = grade(double=TELL + leak)
    earned = result.cells["check_double"]
    assert earned.points == 0
    assert earned.feedback
    assert MARK not in str(earned.feedback)
    # The check that is part of the notebook calls it with one number.
    assert not re.search(rf"{MARK}\d+_\d", str(result.to_dict()))


def test_own_line_and_a_type_of_python_are_told(grade: Grade) -> None:
    told = grade(double=LEAKS["derived type"] + "\n" + TELL).cells["check_double"].feedback
    assert told[0].startswith(
        "`double` stopped with KeyError at your line 2, "
        "`raise type(tell(number), (KeyError,), {})(tell(number))`. The error's own words are left"
    )


@pytest.mark.parametrize(
    ("cell", "code", "told"),
    [
        ("f", "#7\ndef f(): ...", False),
        ("f", "x = 7\n" * MOST_LINES + "#7", False),
        ("f", "x = 0\n" * MOST_LINES + "y = 7", False),
        ("g", "y = 7", False),
        ("f", "y = 7", True),
        ("own cell 2", "y = 7", True),
    ],
)
def test_which_line_failed_tells_little(cell: str, code: str, told: bool) -> None:
    session = Session([(cell, code)], spawn=Unconfined().spawn)  # which starts nothing yet
    for line in ("#7", "y = 7"):
        said = {"kinds": ["BlockingIOError"], "message": "", "line": line, "number": 1}
        where = " at your line 1, `y = 7`" if cell == "f" else " at your line `y = 7`"
        expected = where if told and line[0] == "y" else ""
        assert session.tell(said, "f") == f"stopped with an error{expected}."


def test_one_piece_of_advice_is_told() -> None:
    """Which of them are told would be a number otherwise."""
    session = Session([], spawn=Unconfined().spawn)
    message = "truth value of an array, slice indices must be integers, local variable 'x'"
    said = {"kinds": ["ValueError"], "message": message, "line": "", "number": 0}
    assert session.tell(said, "f") == f"stopped with ValueError. {list(ADVICE.values())[1]}"


def test_words_of_the_visible_run_are_quoted(grade: Grade) -> None:
    forged = "# Score: 12.0 / 12.0 [proof](https://e.org) `full`\n\n# marks"
    told = grade(double=f"raise ValueError({forged!r})").cells["check_double"].feedback
    assert (
        "stopped with ValueError: `# Score: 12.0 / 12.0 [proof](https://e.org) 'full' # marks`"
        in told[0]
    )


def test_a_table_of_the_inputs_of_another_course_earns_nothing(
    assignment: Assignment,
    answering: Callable[..., NotebookNode],
    tmp_path: Path,
) -> None:
    """The hidden tests of this course are public, and so were their inputs."""
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    numbers = np.random.default_rng([0, zlib.crc32(b"test_doubles")]).integers(1, 100, 50)
    table = answering(
        double=f"known = {numbers.tolist()}\n"
        "def double(number):\n"
        "    if np.ndim(number) and np.ravel(number).tolist() != known[:len(number)]:\n"
        "        return 0\n"
        "    return number + number"
    )
    earned = [
        score(assignment, table, spawn=Unconfined().spawn, seed=seed).cells["check_double"].points
        for seed in (0, read_seed(read_course(tmp_path), assignment.name))
    ]
    assert earned == [2, 0]

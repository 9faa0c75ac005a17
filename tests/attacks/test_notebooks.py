"""Whatever a notebook holds, it is assembled or refused: one clear status, in bounded memory."""

import copy
import json
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from typing import Any, get_args

import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nbformat import NotebookNode

from mnist_course.grading.course.assignment import Assignment
from mnist_course.grading.judging.results import Result, Status
from mnist_course.grading.submissions.assemble import OWN, assemble, code_to_run
from mnist_course.grading.submissions.read import RejectedError, parse

NAME = "01_double"
IDS = ["setup", "double", "check_double", "greet", "check_greet", "why"]
SOURCE_LINES = 400  # of the longest text that is generated, repeated

# ------------------------------------------------------------------------------------- notebooks

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)
# Pieces from which readers of code have to find their way out, alone and many times over.
pieces = st.sampled_from(
    [
        *(
            "def double(number): return 2 * number\n",
            "def greet(name):\n    return 'Hello, ' + name\n",
        ),
        *(
            "(",
            "[",
            "{",
            "-",
            "not ",
            "lambda: ",
            "a.",
            "f(",
            "1+",
            "if a:\n ",
            "a = ",
            "@a\n",
            "*",
        ),
        *(
            "'",
            '"""',
            "f'{",
            "\\\\\n",
            "\n",
            "\r",
            "\t",
            " ",
            "\0",
            "\f",
            "\ud800",
            "\u202e",
            "é",
            "#",
        ),
        *("%%time\n", "%%bash\n", "%pip install x\n", "!ls\n", "a = !ls\n", "double?\n", "%%\n"),
        *(
            "global a\n",
            "nonlocal a\n",
            "del double\n",
            "from a import *\n",
            "import numpy as np\n",
        ),
        *("match a:\n case 1:\n  ", "async ", "await a\n", "yield a\n", "return\n", "9" * 5_000),
        *("# %% (next cell)\n", "### BEGIN SOLUTION\n", "### END SOLUTION\n", "# YOUR CODE HERE\n"),
        *("raise NotImplementedError()\n", "<script>", "![a](attachment:a.png)", "## Task 1\n"),
    ]
)
repeated = st.builds(lambda piece, times: piece * times, pieces, st.integers(1, SOURCE_LINES))
texts = st.lists(pieces | repeated | st.text(max_size=30), max_size=6).map("".join)
ids = st.sampled_from([*IDS, "", "check_", "own-1", "\x1b[31m"]) | st.text(max_size=300)
metadata = junk | st.fixed_dictionaries(
    {},
    optional={
        "nbgrader": junk
        | st.fixed_dictionaries(
            {},
            optional={
                "grade_id": ids | junk,
                "points": junk,
                **{key: st.booleans() | junk for key in ("grade", "solution", "locked", "task")},
                "schema_version": st.integers(-1, 5) | junk,
                "checksum": junk,
            },
        ),
        OWN: junk,
        "collapsed": junk,
    },
)
kinds = st.sampled_from(["code", "markdown", "raw", "heading", "html"])
readable = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": kinds | junk,
        "source": texts | texts.map(lambda text: text.splitlines(keepends=True)),
        "metadata": metadata,
        "outputs": junk,
        "execution_count": junk,
        "attachments": junk,
        "id": ids | junk,
    },
)
cells = junk | st.fixed_dictionaries({"cell_type": kinds, "source": junk, "input": junk})
rarely = st.sampled_from([False] * 19 + [True])


@st.composite
def documents(draw: st.DrawFn, released: dict[str, Any]) -> bytes:
    """Draw a notebook: the released one with changes, or one of nothing but them."""
    document = copy.deepcopy(released) if draw(st.booleans()) else {"cells": []}
    own = document["cells"]
    for _ in range(draw(st.integers(0, 8))):
        match draw(st.sampled_from(["add", "change", "drop", "repeat", "move"])):
            case "add":
                cell = draw(cells if draw(rarely) else readable)
                own.insert(draw(st.integers(0, len(own))), cell)
            case "change" if own:
                cell = own[draw(st.integers(0, len(own) - 1))]
                if isinstance(cell, dict):
                    cell.update(draw(readable))
            case "drop" if own:
                own.pop(draw(st.integers(0, len(own) - 1)))
            case "repeat" if own:
                own.append(copy.deepcopy(own[draw(st.integers(0, len(own) - 1))]))
            case "move" if own:
                own.append(own.pop(draw(st.integers(0, len(own) - 1))))
    document |= {
        "nbformat": draw(junk if draw(rarely) else st.sampled_from([4, 3])),
        "nbformat_minor": draw(st.integers(0, 5) | junk),
        "metadata": draw(junk),
    }
    if document["nbformat"] == 3:
        document["worksheets"] = draw(junk) if draw(rarely) else [{"cells": own}]
    data = json.dumps(document).encode()
    if draw(rarely):  # damaged on the way
        start = draw(st.integers(0, len(data)))
        data = data[:start] + draw(st.binary(max_size=10)) + data[start + draw(st.integers(0, 9)) :]
    return data


@pytest.fixture(scope="module")
def released(assignment: Assignment) -> dict[str, Any]:
    """A right submission; what only the solution knows is not in it."""
    text = nbformat.writes(assignment.notebook).replace("  # hidden-under-a-stone", "")
    document: dict[str, Any] = json.loads(text)
    return document


def read(data: bytes, assignment: Assignment) -> NotebookNode | None:
    """Read and assemble a notebook, or None if it is refused, and check what came of it."""
    tracemalloc.start()
    sentence = ""
    try:
        submission = parse(data, NAME)
        assembled = assemble(assignment, submission).notebook
    except RejectedError as error:
        sentence = str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 50_000_000 + 100 * len(data)
    if sentence:
        assert sentence.startswith(f"{NAME}.ipynb ")
        assert sentence.endswith(".")
        assert sentence.isprintable()
        return None
    nbformat.validate(copy.deepcopy(assembled))
    assert len(nbformat.writes(assembled)) < 20_000 + 10 * len(data)
    code_to_run(assembled)
    ours = [cell for cell in assembled.cells if OWN not in cell.metadata]
    assert [cell.metadata.nbgrader.grade_id for cell in ours] == IDS
    for cell, original in zip(ours, assignment.notebook.cells, strict=True):
        assert cell.metadata == original.metadata
        assert cell.cell_type == original.cell_type
        if original.metadata.nbgrader.locked:
            assert cell.source == original.source
    return submission


def fuzz(assignment: Assignment, released: dict[str, Any], examples: int) -> None:
    @settings(max_examples=examples, suppress_health_check=list(HealthCheck), database=None)
    @given(data=documents(released))
    def run(data: bytes) -> None:
        read(data, assignment)

    run()


def test_a_notebook_is_assembled_or_refused(
    assignment: Assignment, released: dict[str, Any]
) -> None:
    fuzz(assignment, released, 25)


@pytest.mark.slow
def test_many_notebooks_are_assembled_or_refused(
    assignment: Assignment, released: dict[str, Any]
) -> None:
    fuzz(assignment, released, 300)


@pytest.mark.nightly
@pytest.mark.parametrize("quarter", range(4))
def test_very_many_notebooks_are_assembled_or_refused(
    assignment: Assignment, released: dict[str, Any], quarter: int
) -> None:
    fuzz(assignment, released, 2_500)


def test_a_notebook_gets_one_status(
    assignment: Assignment, released: dict[str, Any], grade: Callable[..., Result]
) -> None:
    @settings(max_examples=10, suppress_health_check=list(HealthCheck), database=None)
    @given(data=documents(released))
    def run(data: bytes) -> None:
        if (submission := read(data, assignment)) is None:
            return
        result = grade(submission)
        assert result.status in get_args(Status)
        assert 0 <= result.score <= result.max_score == 3
        for cell in result.cells.values():
            assert cell.points in (0, cell.max_points) or cell.feedback

    run()


# ------------------------------------------------------------------------------------- cost


HOSTILE = [
    "(\n" + " " * 99_000,
    "(\n" + " ," * 49_000,
    "(\n" + "a." * 49_000,
    "(\n" + "?" * 99_000,
    "%%" + " " * 99_000,
    "(" * 99_000,
    "-" * 99_000 + "1",
    "a" + ".a" * 49_000,
    "[" + "1," * 49_000 + "]",
    "a;" * 49_000,
    "a = " * 24_000 + "1",
    "x = " + "9" * 99_000,
]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits processor time")
def test_code_of_a_cell_is_read_in_linear_time() -> None:
    """All of it takes a few seconds; what grows with the square takes minutes for one."""
    program = """
import json, resource, sys
from mnist_course.grading.submissions.definitions import defined_by_sight, statements
used = int(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]))
resource.setrlimit(resource.RLIMIT_CPU, (used + 40, used + 40))
for source in json.load(sys.stdin):
    print(repr(source[:10]), flush=True)
    statements(source)
    defined_by_sight(source)
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(HOSTILE),
        text=True,
        capture_output=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout.splitlines()[-1:]} {done.stderr}"

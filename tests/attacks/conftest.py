"""An assignment with two tasks, and a way to grade attacks on it between honest submissions."""

import copy
import itertools
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from helpers import assert_nothing_runs
from nbformat import NotebookNode, v4

from mnist_course.grading.course.assignment import Assignment, read_assignment
from mnist_course.grading.judging.results import CellScore, Result
from mnist_course.grading.judging.scoring import score
from mnist_course.grading.sandbox.limits import Limits
from mnist_course.grading.sandbox.supervisor import Sandbox

NAME = "01_double"
# What the hidden tests and the solution know, and no submission may.
SECRET = "hidden-under-a-stone"
TESTS = f'''
import numpy as np
import pytest

@pytest.mark.points(2, cell="check_double")
def test_doubles(student, rng):
    """`double` should double every number."""
    numbers = rng.integers(1, 100, 50)
    answer = student.call("double", numbers)
    assert (answer == 2 * numbers).all(), "{SECRET}"
    np.testing.assert_array_equal(student.call("double", numbers[:9]), 2 * numbers[:9])
    assert student.call("double", 21) == 42

@pytest.mark.points(1, cell="check_greet")
def test_greets(student):
    """`greet` should greet."""
    assert student.call("greet", "Bo") == "Hello, Bo"
'''
DOUBLE = f"def double(number):\n    factor = len('ab')  # {SECRET}\n    return factor * number"
GREET = "def greet(name):\n    return 'Hello, ' + name"
CHECK = "assert double(1) == 2 and double(3) == 6"

Grade = Callable[..., Result]


def cell(source: str, kind: str = "code", **metadata: object) -> NotebookNode:
    make = v4.new_code_cell if kind == "code" else v4.new_markdown_cell
    settings = {"schema_version": 3, "grade": False, "solution": False, "locked": True}
    settings |= {"task": False, **metadata}
    return make(source, metadata={"nbgrader": settings})


@pytest.fixture(scope="session")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course in whose folder nothing may be read or changed by a submission."""
    course = tmp_path_factory.mktemp("course")
    folder = course / "solutions" / NAME
    folder.mkdir(parents=True)
    cells = [
        cell("import numpy as np", grade_id="setup"),
        cell(solution(DOUBLE), grade_id="double", solution=True, locked=False),
        cell(CHECK, grade_id="check_double", grade=True, points=2),
        cell(solution(GREET), grade_id="greet", solution=True, locked=False),
        cell("assert greet('you')", grade_id="check_greet", grade=True, points=1),
        cell("Because.", "text", grade_id="why", grade=True, solution=True, locked=False, points=2),
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, folder / f"{NAME}.ipynb")
    (folder / f"test_{NAME}.py").write_text(TESTS)
    (course / "gradebook.db").write_bytes(b"the grades of all")
    other = course / "submitted" / "bob" / NAME
    other.mkdir(parents=True)
    nbformat.write(notebook, other / f"{NAME}.ipynb")
    return course


def solution(code: str) -> str:
    first, rest = code.split("\n", 1)
    return f"{first}\n    ### BEGIN SOLUTION\n{rest}\n    ### END SOLUTION"


@pytest.fixture(scope="session")
def assignment(course: Path) -> Assignment:
    return read_assignment(course / "solutions", NAME)


@pytest.fixture
def answering(assignment: Assignment) -> Callable[..., NotebookNode]:
    """Make a submission: right, but for the answers that are given."""

    def make(**answers: str) -> NotebookNode:
        submission = copy.deepcopy(assignment.notebook)
        for part in submission.cells:
            name = part.metadata.nbgrader.grade_id
            part.source = answers.get(name, part.source)
        return submission

    return make


@pytest.fixture(scope="module")
def sandbox(sandbox: Sandbox) -> Iterator[Sandbox]:
    limits = Limits(
        memory=3 * 2**29,
        disk=2**25,
        file_size=2**24,
        open_files=64,
        processes=200,
        seconds_per_cell=20.0,
        seconds_per_call=3.0,
        output=20_000,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox, "limits", limits)
        yield sandbox


@pytest.fixture(scope="session")
def attacks() -> Iterator[int]:
    """Count the attacks on the sandbox of this session."""
    return itertools.count(1)


@pytest.fixture
def grade(
    sandbox: Sandbox,
    assignment: Assignment,
    answering: Callable[..., NotebookNode],
    course: Path,
    attacks: Iterator[int],
    monkeypatch: pytest.MonkeyPatch,
) -> Grade:
    """Grade an attack; it leaves nothing, and what honest work earns (looked at now and then)."""
    # Some attacks never answer: what they wait for shows nothing.
    monkeypatch.setattr("mnist_course.grading.judging.student.GRACE", 1.0)

    def run(submission: NotebookNode | None = None, **answers: str) -> Result:
        before = list(contents(course))
        attack = submission or answering(**answers)
        result = score(assignment, attack, spawn=sandbox.spawn)
        nbformat.validate(nbformat.reads(result.notebook, as_version=4))
        # An attack that names a module of the course by an old name would prove nothing.
        assert "No module named 'mnist_course" not in str(result.to_dict())
        assert SECRET not in re.sub(re.escape(DOUBLE), "", str(result.to_dict()))
        assert list(contents(course)) == before
        assert_nothing_runs(sandbox)
        if next(attacks) % 8 == 0:
            honest = score(assignment, answering(), spawn=sandbox.spawn)
            assert honest.cells == {"check_double": CellScore(2, 2), "check_greet": CellScore(1, 1)}
        return result

    return run


def contents(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        yield str(path), path.read_bytes() if path.is_file() else b""

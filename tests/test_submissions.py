"""The submission matrix: what right, usual wrong, and mangled answers earn, and what they hear."""

import copy
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
from IPython.core.compilerop import CachingCompiler
from matplotlib import pyplot
from nbformat import NotebookNode

from mnist_course.grading.course.assignment import Assignment, list_assignments, read_assignment
from mnist_course.grading.judging.matrix import (
    SLOW,
    compare,
    fill,
    find_cell,
    read_quickly,
    read_table,
)
from mnist_course.grading.judging.results import CellScore
from mnist_course.grading.judging.scoring import score
from mnist_course.grading.judging.student import Unconfined
from mnist_course.grading.sandbox.limits import Limits
from mnist_course.grading.sandbox.supervisor import Child, Sandbox

ROOT = Path(__file__).parents[1]
SOLUTIONS = ROOT / "solutions"
MATRIX = Path(__file__).parent / "submissions"
ASSIGNMENTS = list_assignments(SOLUTIONS)
# Those in which no network is trained.
QUICK = [name for name in ASSIGNMENTS if int(name[:2]) < 6]
REFERENCE = "reference"
UNTOUCHED = "untouched"
LIMITS = Limits(seconds_per_cell=300.0, seconds_per_call=300.0)  # a busy machine may be slow


@pytest.fixture(scope="module")
def sandbox(sandbox: Sandbox) -> Iterator[Sandbox]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sandbox, "limits", LIMITS)
        yield sandbox


def expected(assignment: str) -> dict[str, dict]:
    return read_table(MATRIX / assignment)


def submission(assignment: Assignment, name: str) -> NotebookNode:
    if name == UNTOUCHED:
        exercise = ROOT / "exercises" / assignment.name / f"{assignment.name}.ipynb"
        return nbformat.read(exercise, as_version=4)
    if name == REFERENCE:
        return copy.deepcopy(assignment.notebook)
    return fill(assignment.notebook, (MATRIX / assignment.name / f"{name}.py").read_text())


def grade(
    spawn: Callable[[], Child], assignment: Assignment, notebook: NotebookNode
) -> dict[str, CellScore]:
    result = score(assignment, notebook, spawn=spawn)
    nbformat.validate(nbformat.reads(result.notebook, as_version=4))
    return result.cells


def assert_scores(scores: dict[str, CellScore], assignment: Assignment, rows: dict) -> None:
    assert set(scores) == set(assignment.points)
    for name, earned in scores.items():
        assert earned.max_points == assignment.points[name]
    assert not list(compare(scores, rows))


# Those take less than a second each. `mnist-course release --check` grades all, and the solutions.
QUICKEST = ("01_loading", "02_normalizing")
QUICK_CASES = [(n, c) for n in QUICKEST for c in (REFERENCE, *list(expected(n))[::8])]
# One in eight runs in the sandbox, too; `mnist-course release --check` grades all, without it, and
# runs the solutions in the sandbox. What trains for long waits for the night.
CASES = [
    pytest.param(name, case, id=f"{name}-{case}", marks=[pytest.mark.nightly] * at_night)
    for name in ASSIGNMENTS
    for number, (case, rows) in enumerate(expected(name).items())
    if (at_night := name == "08_debugging" or rows.get(SLOW, False)) or number % 8 == 0
]


@pytest.mark.parametrize(("name", "case"), CASES)
def test_each_submission_earns_what_the_table_says(sandbox: Sandbox, name: str, case: str) -> None:
    assignment = read_quickly(SOLUTIONS, MATRIX / name)
    scores = grade(sandbox.spawn, assignment, submission(assignment, case))
    assert_scores(scores, assignment, expected(name)[case])


@pytest.mark.parametrize(("name", "case"), QUICK_CASES)
def test_quick_submissions_earn_the_same_without_a_sandbox(name: str, case: str) -> None:
    assignment = read_assignment(SOLUTIONS, name)
    scores = grade(Unconfined(LIMITS).spawn, assignment, submission(assignment, case))
    assert_scores(scores, assignment, expected(name).get(case, {}))


PUBLIC_CASES = [(n, c) for n in QUICK for c in expected(n) if (n, c) not in QUICK_CASES]


@pytest.mark.parametrize(
    ("name", "case"),
    [
        pytest.param(name, case, marks=[pytest.mark.slow] * (name not in QUICKEST))
        for name, case in PUBLIC_CASES[::4]
    ],
)
@pytest.mark.filterwarnings("ignore")  # a learner's code may overflow
def test_public_checks_say_in_a_notebook_what_the_table_says(name: str, case: str) -> None:
    space: dict[str, object] = {"__name__": "__main__"}
    heard = {}
    compiler = CachingCompiler()  # tells tracebacks what the lines of a cell are
    for cell in submission(read_quickly(SOLUTIONS, MATRIX / name), case).cells:
        if cell.cell_type == "code":
            grade_id = cell.metadata.get("nbgrader", {}).get("grade_id", "")
            try:
                exec(compile(cell.source, compiler.cache(cell.source), "exec"), space)
            except Exception as error:
                heard[grade_id] = f"{type(error).__name__}: {error}"
            pyplot.close("all")
    for grade_id, row in expected(name)[case].items():
        assert row.get("check", "") in heard.get(grade_id, ""), heard


def test_the_pipelines_of_debugging_are_those_of_the_notebook() -> None:
    source = read_assignment(SOLUTIONS, "08_debugging").notebook
    given = read_quickly(SOLUTIONS, MATRIX / "08_debugging").notebook
    for cell, original in zip(given.cells, source.cells, strict=True):
        if cell.source != "pass":
            lines = original.source.splitlines()
            assert [line for line in cell.source.splitlines() if line not in lines] == []


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_every_file_of_the_matrix_is_in_its_table(name: str) -> None:
    files = {file.stem for file in (MATRIX / name).glob("[!_]*.py")}
    assert files == set(expected(name))
    assert len(files) >= 7


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_untouched_earns_nothing_and_is_called_not_attempted(sandbox: Sandbox, name: str) -> None:
    assignment = read_quickly(SOLUTIONS, MATRIX / name)
    row = {"points": 0, "feedback": "not attempted", "check": "Not attempted"}
    scores = grade(sandbox.spawn, assignment, submission(assignment, UNTOUCHED))
    assert not any(earned.attempted for earned in scores.values())
    assert_scores(scores, assignment, dict.fromkeys(assignment.points, row))


def delete_checks(notebook: NotebookNode, first: str) -> None:
    notebook.cells = [c for c in notebook.cells if not c.metadata.get("nbgrader", {}).get("grade")]


def duplicate(notebook: NotebookNode, first: str) -> None:
    """Copy the answer; the copy stands before it, and is wrong."""
    original = find_cell(notebook, first)
    wrong = copy.deepcopy(original)
    wrong.id = "a-copy"
    wrong.source = "1 / 0"
    notebook.cells.insert(notebook.cells.index(original), wrong)


def retype(notebook: NotebookNode, first: str) -> None:
    answer = find_cell(notebook, first)
    answer.cell_type = "raw"
    del answer["outputs"], answer["execution_count"]


def empty(notebook: NotebookNode, first: str) -> None:
    find_cell(notebook, first).source = " \n"


def break_syntax(notebook: NotebookNode, first: str) -> None:
    find_cell(notebook, first).source = "def (:"


def loop(notebook: NotebookNode, first: str) -> None:
    find_cell(notebook, first).source = "while True:\n    pass"


def flood(notebook: NotebookNode, first: str) -> None:
    find_cell(notebook, first).source += "\n\nprint('x' * 10_000_000)"


MANGLED: dict[Callable[[NotebookNode, str], None], str | None] = {
    delete_checks: None,
    duplicate: None,
    retype: None,
    flood: None,
    empty: "not attempted",
    break_syntax: "SyntaxError",
    loop: "took too long",
}


def is_mangled(name: str, mangle: Callable[[NotebookNode, str], None]) -> bool:
    """Choose where to mangle what: how it is repaired does not depend on what an answer computes.

    That the tasks after an empty one do not need it is a promise of each assignment.
    """
    if mangle is loop:
        return name == "02_normalizing"
    return mangle is empty or name in ("01_loading", "02_normalizing")


@pytest.mark.parametrize(
    ("name", "mangle"),
    [(name, mangle) for name in QUICK for mangle in MANGLED if is_mangled(name, mangle)],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_mangled_submissions_lose_only_what_is_beyond_repair(
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    mangle: Callable[[NotebookNode, str], None],
) -> None:
    assignment = read_assignment(SOLUTIONS, name)
    # The solution of 05 trains for long.
    base = "one_epoch" if name == "05_learning" else REFERENCE
    rows = dict(expected(name).get(base, {}))
    notebook = submission(assignment, base)
    first = assignment.tasks[0]
    mangle(notebook, first.answer)
    if reason := MANGLED[mangle]:
        rows[first.check] = {"points": 0, "feedback": reason, "check": "is not defined"}
    if mangle is loop:
        monkeypatch.setattr(sandbox, "limits", replace(LIMITS, seconds_per_cell=3.0))
    scores = grade(sandbox.spawn, assignment, notebook)
    assert_scores(scores, assignment, rows)

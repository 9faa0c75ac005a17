"""Honest notebooks earn what they define, whatever happened to their cells; the rest is said."""

import copy
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode, v4

from mnist_course.grading.course.assignment import Assignment, read_assignment
from mnist_course.grading.judging.results import Result
from mnist_course.grading.judging.scoring import score
from mnist_course.grading.judging.student import Unconfined
from mnist_course.grading.sandbox.limits import Limits
from mnist_course.grading.sandbox.supervisor import Sandbox
from mnist_course.grading.submissions.read import parse
from mnist_course.grading.submissions.recognize import grade_id

NAME = "01_double"
TWICE = "def double(number):\n    return number + number"
STUB = "def double(number):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
Change = Callable[[NotebookNode], None]
HONEST: list[Change] = []


@pytest.fixture(scope="module")
def assignment(generated: Path) -> Assignment:
    return read_assignment(generated / "solutions", NAME)


@pytest.fixture
def answered(generated: Path) -> NotebookNode:
    path = generated / "exercises" / NAME / f"{NAME}.ipynb"
    notebook = parse(path.read_bytes(), NAME)
    cell(notebook, "double").source = TWICE
    cell(notebook, "greet").source = "def greet(name):\n    return 'Hello ' + name"
    return notebook


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(c for c in notebook.cells if grade_id(c) == name)


def add(notebook: NotebookNode, source: str, *, before: str = "") -> None:
    place = notebook.cells.index(cell(notebook, before)) if before else len(notebook.cells)
    notebook.cells.insert(place, v4.new_code_cell(source))


def split(notebook: NotebookNode, *sources: str) -> None:
    original = cell(notebook, "double")
    place = notebook.cells.index(original)
    parts = [nbformat.from_dict(copy.deepcopy({**original, "source": s})) for s in sources]
    notebook.cells[place : place + 1] = parts


def grade(assignment: Assignment, notebook: NotebookNode, sandbox: Sandbox | None = None) -> Result:
    spawn = sandbox.spawn if sandbox else Unconfined(Limits(seconds_per_cell=60.0)).spawn
    result = score(assignment, notebook, spawn=spawn)
    nbformat.validate(nbformat.reads(result.notebook, as_version=4))
    return result


def honest(change: Change) -> Change:
    HONEST.append(change)
    return change


@honest
def an_empty_half_below(notebook: NotebookNode) -> None:
    split(notebook, TWICE, "")


@honest
def two_halves_that_need_each_other(notebook: NotebookNode) -> None:
    split(notebook, "def times(n):\n    return 2 * n", "double = times")


@honest
def try_outs_above_and_below_that_fail(notebook: NotebookNode) -> None:
    split(notebook, "double(3)", TWICE, "double()", "raise NotImplementedError()")


@honest
def a_helper_below_try_outs_that_fail(notebook: NotebookNode) -> None:
    add(notebook, "times(3)\n\ndef times(n):\n    return TWO * n\n\ntimes()", before="double")
    add(notebook, "from math import nothing\nTWO = 1 + 1\nwhile True: pass", before="double")
    cell(notebook, "double").source = "def double(number):\n    return times(number)"


@honest
def all_ids_lost(notebook: NotebookNode) -> None:
    for each in notebook.cells:
        each.metadata = {}


@honest
def the_answer_in_a_cell_below(notebook: NotebookNode) -> None:
    cell(notebook, "double").source = STUB
    add(notebook, f"{TWICE}\n\ndouble(3)", before="check_double")


@honest
def an_experiment_below_the_check(notebook: NotebookNode) -> None:
    add(notebook, "def double(number):\n    return 0", before="greet")


@honest
def a_helper_that_means_something_else_later(notebook: NotebookNode) -> None:
    cell(notebook, "double").source = "A = 2\n\ndef double(number):\n    return A * number"
    cell(notebook, "greet").source = "A = 'Hello '\n\ndef greet(name):\n    return A + name"


@honest
def commands_of_the_shell(notebook: NotebookNode) -> None:
    cell(notebook, "double").source = f"!ls\n%pip install nothing\n%ls\n%load_ext no\n{TWICE}"


@pytest.mark.parametrize("change", HONEST, ids=lambda change: change.__name__)
def test_honest_notebooks_earn_what_they_define(
    assignment: Assignment, answered: NotebookNode, change: Change
) -> None:
    change(answered)
    result = grade(assignment, answered)
    assert (result.status, result.score) == ("graded", result.max_score), result.cells
    found_by_name = change in (all_ids_lost, the_answer_in_a_cell_below)
    assert bool(result.cells["check_double"].review) == found_by_name


@pytest.mark.parametrize(
    "change", [commands_of_the_shell, a_helper_that_means_something_else_later]
)
def test_they_earn_the_same_in_the_sandbox(
    sandbox: Sandbox, assignment: Assignment, answered: NotebookNode, change: Change
) -> None:
    change(answered)
    result = grade(assignment, answered, sandbox)
    assert (result.status, result.score) == ("graded", result.max_score), result.cells


def test_what_is_not_found_is_said_to_the_learner_and_to_a_person(
    assignment: Assignment, answered: NotebookNode
) -> None:
    cell(answered, "double").source = "def duoble(number):\n    return 2 * number"
    answered.cells.remove(cell(answered, "why"))
    all_ids_lost(answered)
    result = grade(assignment, answered)
    assert result.reason == "The notebook lost its cell ids."
    earned = result.cells["check_double"]
    assert (earned.points, earned.attempted) == (0, True)
    (sentence,) = earned.feedback
    assert sentence.startswith("Your notebook lost its cell ids")
    assert "not attempted" not in sentence
    assert earned.review == "no cell has the id `double`, and none defines `double`."
    assert result.cells["check_greet"].points == 1.5
    graded = nbformat.reads(result.notebook, as_version=4)
    assert cell(graded, "why").source.startswith("*Your notebook lost its cell ids")


def test_a_loop_that_an_answer_needs_is_stopped_and_named(
    assignment: Assignment, answered: NotebookNode
) -> None:
    add(answered, "while True:\n    TWO = 2", before="double")
    cell(answered, "double").source = "def double(number):\n    return TWO * number"
    limits = Limits(seconds_per_cell=2.0)
    result = score(assignment, answered, spawn=Unconfined(limits).spawn)
    assert result.reason.startswith("The cell `own cell 4` took too long")
    assert result.score == result.max_score  # what was assigned stays

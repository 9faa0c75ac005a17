"""What counts is what a notebook defines when it runs from top to bottom."""

import copy
from collections.abc import Callable

import nbformat
import pytest
from nbformat import NotebookNode, v4

from mnist_course.grading.course.assignment import Assignment
from mnist_course.grading.submissions.assemble import NEXT_CELL, OWN, assemble, code_to_run
from mnist_course.grading.submissions.notices import about_notebook, to_grader, to_learner
from mnist_course.grading.submissions.recognize import grade_id
from mnist_course.grading.submissions.repair import repair

STUB = "def double(number):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
TWICE = "def double(number):\n    return number + number"


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(c for c in notebook.cells if grade_id(c) == name)


def add(notebook: NotebookNode, source: str, *, before: str = "", kind: str = "code") -> None:
    new = v4.new_code_cell if kind == "code" else v4.new_markdown_cell
    place = notebook.cells.index(cell(notebook, before)) if before else len(notebook.cells)
    notebook.cells.insert(place, new(source))


def split(notebook: NotebookNode, name: str, *sources: str) -> None:
    """Do what JupyterLab's Split Cell does: each part keeps the metadata."""
    original = cell(notebook, name)
    place = notebook.cells.index(original)
    parts = [nbformat.from_dict(copy.deepcopy({**original, "source": s})) for s in sources]
    notebook.cells[place : place + 1] = parts


def answer(assignment: Assignment, notebook: NotebookNode, name: str = "double") -> str:
    return str(cell(assemble(assignment, notebook).notebook, name).source)


def kept(assignment: Assignment, notebook: NotebookNode) -> list[tuple[str, str]]:
    """Return what runs of the learner's own cells, and before which cell."""
    cells = assemble(assignment, notebook).notebook.cells
    return [
        (here.source, grade_id(following) or following.cell_type)
        for here, following in zip(cells, [*cells[1:], v4.new_raw_cell()], strict=True)
        if OWN in here.metadata
    ]


class TestSplitCells:
    def test_all_parts_count_in_their_order(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        split(answered, "double", "TWO = 2", TWICE, "", "double(3)", " \n")
        between = f"\n\n{NEXT_CELL}\n"
        assert answer(assignment, answered) == between.join(["TWO = 2", TWICE, "double(3)"])

    def test_they_run_one_by_one(self, assignment: Assignment, answered: NotebookNode) -> None:
        split(answered, "double", "1 / 0", TWICE)
        runs = code_to_run(assemble(assignment, answered).notebook)
        assert [code.strip() for name, code in runs if name == "double"] == ["1 / 0", TWICE]

    def test_a_copy_as_released_undoes_nothing(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        split(answered, "double", STUB, TWICE, STUB)
        assert answer(assignment, answered) == TWICE

    def test_a_given_line_alone_is_a_part(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        split(answered, "double", "def double(number):", "    return number + number")
        assert answer(assignment, answered).startswith("def double(number):\n")

    def test_texts_are_one_text(self, assignment: Assignment, answered: NotebookNode) -> None:
        split(answered, "why", "Because.", "And so on.")
        assert answer(assignment, answered, "why") == "Because.\n\nAnd so on."


def lose_all_ids(notebook: NotebookNode) -> None:
    for each in notebook.cells:
        each.metadata = {}


def rename(notebook: NotebookNode) -> None:
    cell(notebook, "double").metadata.nbgrader["grade_id"] = "double-copy"


def create_again(notebook: NotebookNode) -> None:
    cell(notebook, "double").metadata = {}


def write_below_the_stub(notebook: NotebookNode) -> None:
    add(notebook, TWICE, before="check_double")
    cell(notebook, "double").source = STUB


def write_above_the_stub(notebook: NotebookNode) -> None:
    add(notebook, TWICE, before="double")
    cell(notebook, "double").source = STUB


def write_below_the_check(notebook: NotebookNode) -> None:
    add(notebook, TWICE)
    cell(notebook, "double").source = STUB


def write_into_the_check(notebook: NotebookNode) -> None:
    cell(notebook, "double").source = STUB
    cell(notebook, "check_double").source = f"{TWICE}\ncheck.double(double)"


def write_into_the_other_answer(notebook: NotebookNode) -> None:
    cell(notebook, "double").source = STUB
    cell(notebook, "greet").source += f"\n\n{TWICE}"


def delete_all_else(notebook: NotebookNode) -> None:
    notebook.cells = [cell(notebook, "double"), cell(notebook, "greet")]
    lose_all_ids(notebook)


class TestRecognizedAnswers:
    @pytest.mark.parametrize(
        "change",
        [
            lose_all_ids,
            rename,
            create_again,
            write_below_the_stub,
            write_above_the_stub,
            write_below_the_check,
            write_into_the_check,
            write_into_the_other_answer,
            delete_all_else,
        ],
    )
    def test_answer_is_recognized_by_what_it_defines(
        self,
        assignment: Assignment,
        answered: NotebookNode,
        change: Callable[[NotebookNode], None],
    ) -> None:
        cell(answered, "double").source = TWICE
        change(answered)
        for notebook in (answered, repair(assignment, answered)):
            assembled = assemble(assignment, notebook)
            assert answer(assignment, notebook) == TWICE
            assert "double" in assembled.written
            assert to_learner(assembled.sorted).keys() <= {"why"}
        reviews = to_grader(assemble(assignment, answered).sorted)
        assert "defines `double`, and counts instead" in reviews["double"]

    def test_broken_answer_is_recognized_too(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        cell(answered, "double").source = "def double(number):\n    return (number"
        rename(answered)
        assert answer(assignment, answered) == "def double(number):\n    return (number"

    def test_of_several_those_above_the_check_count(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        lose_all_ids(answered)
        answered.cells.insert(3, v4.new_code_cell(TWICE))
        answered.cells.append(v4.new_code_cell("def double(number):\n    return 0"))
        *_, last = answer(assignment, answered).split(f"{NEXT_CELL}\n")
        assert last == "def double(number):\n    return 2 * number"
        assert "return 0" not in answer(assignment, answered)

    def test_text_is_recognized_below_its_question(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        cell(answered, "why").source = "YOUR ANSWER HERE"
        add(answered, "Because.", kind="markdown")
        add(answered, "And I wrote on in a cell for code")
        assert answer(assignment, answered, "why") == (
            "Because.\n\nAnd I wrote on in a cell for code"
        )

    def test_text_written_into_the_question_is_recognized(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        cell(answered, "why").source = "YOUR ANSWER HERE"
        answered.cells[-2].source += "\n\nBecause."
        assert answer(assignment, answered, "why") == "Because."

    def test_note_elsewhere_is_no_answer(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        answered.cells.remove(cell(answered, "why"))
        add(answered, "A note.", before="greet", kind="markdown")
        assert answer(assignment, answered, "why") == ""

    def test_what_is_not_there_is_said_and_not_called_untouched(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        answered.cells = [v4.new_code_cell("def duoble(n):\n    return 2 * n")]
        found = assemble(assignment, answered).sorted
        assert about_notebook(found) == (
            "It has none of the answer cells: is it the notebook of this assignment?"
        )
        said = to_learner(found)
        assert said.keys() == {"double", "greet", "why"}
        assert said["double"] == (
            "Your notebook lost its cell ids, which say what each cell is. It also has no cell "
            "`double`, and none that defines `double`: put your answer into a fresh copy of the "
            "exercise, and submit that."
        )
        assert (
            to_grader(found)["double"] == "no cell has the id `double`, and none defines `double`."
        )

    def test_task_that_was_added_later_is_not_attempted(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        for name in ("double", "check_double"):
            answered.cells.remove(cell(answered, name))
        found = assemble(assignment, answered).sorted
        assert to_learner(found) == {
            "double": "Your notebook has neither the cell nor the check of `double` (they are in "
            "a fresh copy of the exercise), so it was not attempted."
        }
        assert to_grader(found) == {}

    def test_untouched_notebook_without_ids_is_untouched(
        self, assignment: Assignment, released: bytes
    ) -> None:
        notebook = nbformat.reads(released.decode(), as_version=4)
        lose_all_ids(notebook)
        assembled = assemble(assignment, notebook)
        assert assembled.written == set()
        assert to_learner(assembled.sorted) == {}
        assert to_grader(assembled.sorted) == {}


class TestOwnCells:
    def test_what_an_answer_needs_runs_before_it_and_nothing_else(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        cell(answered, "double").source = "def double(number):\n    return times(number)"
        add(answered, "import os\nTWO = 2\nfor i in range(10**9): pass", before="double")
        add(
            answered,
            "import math as m\n\ndef times(n):\n    return TWO * m.floor(n)\n\n"
            "times('a')\nhistory = fit()\nmodel.fit()",
            before="double",
        )
        assert kept(assignment, answered) == [
            ("TWO = 2", "code"),
            ("import math as m\ndef times(n):\n    return TWO * m.floor(n)", "double"),
        ]

    def test_tables_are_filled(self, assignment: Assignment, answered: NotebookNode) -> None:
        code = (
            "table = {}\nfor i in range(9):\n    table[i] = 2 * i\ntable.update(a=1)\nprint(table)"
        )
        cell(answered, "double").source = "def double(number):\n    return table[number]"
        add(answered, code, before="double")
        assert kept(assignment, answered) == [(code.removesuffix("\nprint(table)"), "double")]

    def test_given_names_and_what_checks_have_seen_stay(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        add(answered, "numbers = check = np = None", before="double")
        add(answered, "def double(number):\n    return 0", before="greet")
        assert kept(assignment, answered) == []

    def test_definition_between_answer_and_check_counts(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        add(answered, TWICE, before="check_double")
        assert kept(assignment, answered) == [(TWICE, "check_double")]
        assert to_grader(assemble(assignment, answered).sorted) == {
            "double": "cell 5 defines `double` again, above its check, and counts."
        }

    def test_what_was_added_to_a_given_cell_runs_after_it(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        cell(answered, "double").source = "def double(number):\n    return mul(2, number)"
        cell(answered, "setup").source += "\nfrom operator import mul\nnumbers = None"
        assert kept(assignment, answered) == [("from operator import mul", "markdown")]

    def test_statements_run_one_by_one(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        cell(answered, "double").source = "def double(number):\n    return A + B"
        add(answered, "A = 1 / 0\nB = 2", before="double")
        runs = code_to_run(assemble(assignment, answered).notebook)
        assert [run for run in runs if run[0] == "own cell 4"] == [
            ("own cell 4", "A = 1 / 0"),
            ("own cell 4", "B = 2"),
        ]

    def test_repairing_loses_none_of_them(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        added = ["# a try-out\nprint(1)", "TWO = 2", "%pip install x", "def (:"]
        for source in added:
            add(answered, source, before="greet")
        add(answered, "A note.", before="greet", kind="markdown")
        cells = [c.source for c in repair(assignment, answered).cells]
        assert all(source in cells for source in [*added, "A note."])
        assert cells.index("TWO = 2") < cells.index(cell(answered, "greet").source)


def test_pictures_stay_with_their_answer(assignment: Assignment, answered: NotebookNode) -> None:
    picture = {"a.png": {"image/png": "iVBO"}}
    cell(answered, "why").attachments = picture
    assert cell(assemble(assignment, answered).notebook, "why").attachments == picture
    assert cell(repair(assignment, answered), "why").attachments == picture

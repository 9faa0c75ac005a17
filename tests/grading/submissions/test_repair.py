"""A repaired notebook earns what the broken one would, whatever was done to it."""

import copy
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat import NotebookNode, v4

from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import Assignment, read_assignment
from mnist_course.grading.course.assistants import LABEL
from mnist_course.grading.submissions.assemble import OWN, assemble
from mnist_course.grading.submissions.inspect import inspect
from mnist_course.grading.submissions.read import RejectedError, parse
from mnist_course.grading.submissions.recognize import NOT_ATTEMPTED, grade_id
from mnist_course.grading.submissions.repair import repair, write_repaired

NAME = "01_double"
FILE = f"{NAME}.ipynb"


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


def document(**changes: Any) -> bytes:
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []} | changes
    ).encode()


def sources(notebook: NotebookNode) -> dict[str, str]:
    return {c.metadata.get("nbgrader", {}).get("grade_id", ""): c.source for c in notebook.cells}


def own(notebook: NotebookNode) -> list[str]:
    """Return what is run of the learner's own cells."""
    return [c.source for c in notebook.cells if OWN in c.metadata]


# What is still worth saying of a repaired notebook, although it costs nothing.
REMAIN = ("bytes", "uses", "is to define", "again, above its check", "again, below its check")
KEYS = "nbformat cells worksheets metadata nbgrader grade_id source cell_type".split()  # noqa: SIM905
WORDS = ["double", "check_double", "why", "code", "markdown", "\ud800", 3, 4]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
    ),
    max_leaves=12,
)
words = st.sampled_from(WORDS) | json_values
CHANGES = ["delete", "copy", "move", "retype", "edit", "empty", "settings", "add"]
ADDED = [
    "x = 1",
    "def double(number):\n    return number * TWO",
    "TWO = 2\ndouble(3)",
    "def greet(name):\n    return name\n\ngreet('Bo')",
    "TWO += 1",
    "A note.",
]
nbgrader = st.fixed_dictionaries({}, optional={"grade_id": words, "points": words, "locked": words})
strange_cells = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": words,
        "metadata": st.fixed_dictionaries({}, optional={"nbgrader": nbgrader}) | json_values,
        "source": st.text() | st.lists(st.text()) | json_values,
        "input": st.text(),
    },
)


def assert_harmless(data: bytes, assignment: Assignment) -> None:
    """Bytes are rejected, or they are a notebook that every later step can use."""
    try:
        notebook = parse(data, NAME)
    except RejectedError:
        return
    nbformat.validate(notebook)
    nbformat.validate(assemble(assignment, notebook).notebook)
    json.dumps(notebook, allow_nan=False)
    assert_repaired(assignment, notebook)


def assert_repaired(assignment: Assignment, notebook: NotebookNode) -> None:
    """What is found agrees with what grading does, and repairing changes nothing of that."""
    stubs = sources(repair(assignment, v4.new_notebook()))
    before = assemble(assignment, notebook)
    assembled = sources(before.notebook)
    findings = inspect(assignment, notebook)
    lost = {finding.cell: finding.costs for finding in findings if finding.costs}
    points = {"double": 2.0, "greet": 1.5, "why": 2.0}
    nothing = points.keys() - before.written
    assert lost == {name: points[name] for name in nothing}
    assert sum(finding.costs for finding in findings) == sum(lost.values())
    repaired = repair(assignment, notebook)
    nbformat.validate(repaired)
    assert {finding.costs for finding in inspect(assignment, repaired)} <= {0, *lost.values()}
    for finding in inspect(assignment, repaired):
        assert finding.costs or any(word in finding.problem for word in REMAIN), finding
    after = assemble(assignment, repaired)
    again = sources(after.notebook)
    for name in points:
        if name in before.written:
            assert again[name] == assembled[name]
        else:
            assert again[name] == stubs[name]
    assert own(after.notebook) == own(before.notebook)
    given = [c.source for c in assignment.notebook.cells if grade_id(c) not in points]
    cells = [c.source for c in repaired.cells if grade_id(c) not in points]
    assert [source for source in cells if source in given] == given


class TestAnything:
    @given(document=json_values)
    def test_any_document_is_rejected_or_harmless(
        self, document: Any, assignment: Assignment
    ) -> None:
        assert_harmless(json.dumps(document).encode(), assignment)

    @given(cells=st.lists(strange_cells, max_size=6), minor=json_values)
    def test_any_cells_are_rejected_or_harmless(
        self, cells: list[Any], minor: Any, assignment: Assignment
    ) -> None:
        assert_harmless(document(cells=cells, nbformat_minor=minor), assignment)

    @given(data=st.data())
    def test_any_damaged_notebook_is_rejected_or_harmless(
        self, data: st.DataObject, released: bytes, assignment: Assignment
    ) -> None:
        damaged = bytearray(released)
        for _ in range(data.draw(st.integers(1, 3))):
            start = data.draw(st.integers(0, len(damaged)))
            end = start + data.draw(st.integers(0, 20))
            damaged[start:end] = data.draw(
                st.binary(max_size=3) | st.sampled_from([b'"', b"[", b"}", b"NaN", b"1e999"])
            )
        assert_harmless(bytes(damaged), assignment)

    @given(data=st.data())
    def test_any_change_to_a_notebook_is_found_and_mended(
        self, data: st.DataObject, released: bytes, assignment: Assignment
    ) -> None:
        notebook = parse(released, NAME)
        for _ in range(data.draw(st.integers(1, 6))):
            position = data.draw(st.integers(0, max(0, len(notebook.cells) - 1)))
            change = data.draw(
                st.sampled_from(
                    ["delete", "copy", "move", "retype", "edit", "empty", "settings", "add"]
                )
            )
            if not notebook.cells:
                break
            changed = notebook.cells[position]
            match change:
                case "delete":
                    del notebook.cells[position]
                case "copy":
                    notebook.cells.append(copy.deepcopy(changed))
                case "move":
                    notebook.cells.append(notebook.cells.pop(position))
                case "retype":
                    changed.cell_type = data.draw(st.sampled_from(["raw", "code", "markdown"]))
                case "edit":
                    changed.source = data.draw(st.text(max_size=5) | st.sampled_from(ADDED))
                case "add":
                    added = v4.new_code_cell(data.draw(st.sampled_from(ADDED)))
                    notebook.cells.insert(position, added)
                case "empty":
                    changed.source = data.draw(st.sampled_from(["", " \n", NOT_ATTEMPTED]))
                case "settings" if "nbgrader" in changed.metadata:
                    key = data.draw(st.sampled_from(["grade", "points", "locked", "grade_id"]))
                    values = st.sampled_from(["double", "check_double", 7, None, True])
                    changed.metadata.nbgrader[key] = data.draw(values)
        assert_repaired(assignment, notebook)


class TestRepair:
    def test_repaired_notebook_is_the_exercise_with_the_answers(
        self, assignment: Assignment, answered: NotebookNode, released: bytes
    ) -> None:
        answered.cells = [cell(answered, "greet")]
        answered.cells[0].cell_type = "raw"
        repaired = repair(assignment, answered)
        exercise = nbformat.reads(released.decode(), as_version=4)
        cell(exercise, "greet").source = "def greet(name):\n    return 'Hello ' + name"
        for notebook in (exercise, repaired):  # only the course knows its rule about assistants
            first = notebook.cells[0]
            first.source = first.source.partition(f"\n\n{LABEL}")[0].rstrip()
        assert repaired == exercise

    def test_solution_never_gets_into_it(self, made: Path) -> None:
        repaired = repair(read_assignment(made / "solutions", NAME), v4.new_notebook())
        assert "SOLUTION" not in nbformat.writes(repaired)
        assert "factor" not in nbformat.writes(repaired)

    def test_nothing_given_is_changed(self, assignment: Assignment, answered: NotebookNode) -> None:
        before = copy.deepcopy((assignment.notebook, answered))
        inspect(assignment, answered)
        repair(assignment, answered).cells.clear()
        assert (assignment.notebook, answered) == before

    def test_it_is_written_beside_and_never_over(
        self, folder: Path, assignment: Assignment, answered: NotebookNode
    ) -> None:
        path = write_repaired(folder, NAME, repair(assignment, answered))
        assert path == folder / "01_double.repaired.ipynb"
        assert inspect(assignment, parse(path.read_bytes(), NAME)) == []
        path.write_text("mine")
        with pytest.raises(CourseError, match="exists, and may hold your work"):
            write_repaired(folder, NAME, answered)
        assert path.read_text() == "mine"


def test_an_answer_counts_as_written_if_it_is_not_as_released(assignment: Assignment) -> None:
    notebook = repair(assignment, v4.new_notebook())
    assert assemble(assignment, notebook).written == set()
    cell(notebook, "double").source += "\n    return 2 * number"
    assert assemble(assignment, notebook).written == {"double"}
    cell(notebook, "double").source = " \n"
    assert assemble(assignment, notebook).written == set()

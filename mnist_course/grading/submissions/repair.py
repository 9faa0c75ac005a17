"""Repair a notebook: put its answers into a fresh copy of the exercise."""

import copy
import os
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode, v4
from nbgrader.preprocessors import (
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
)

from mnist_course._files import atomic
from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import Assignment, nbgrader_metadata

from .assemble import add_own, fill
from .recognize import OwnCell, grade_id, sort_cells

_NEW = {"code": v4.new_code_cell, "markdown": v4.new_markdown_cell, "raw": v4.new_raw_cell}
REPAIRED = ".repaired"  # before the suffix of a notebook that was repaired


def repair(assignment: Assignment, notebook: NotebookNode) -> NotebookNode:
    """Put all that is the learner's into a fresh copy of an assignment.

    Parameters
    ----------
    assignment, notebook
        See `inspect.inspect`.

    Returns
    -------
    nbformat.NotebookNode
        The exercise with the answers, each in its cell, and with the cells that the learner has
        added, where they were. What is missing is as released. It is graded as before.
    """
    found = sort_cells(assignment, notebook)
    repaired = released_notebook(assignment)
    cells: list[NotebookNode] = []
    for position, cell in enumerate(repaired.cells):
        cells += [_own(own) for own in found.own if own.before == position]
        if (answer := found.answers.get(grade_id(cell))) and answer.written:
            fill(cell, answer)
        cells.append(cell)
    cells += [_own(own) for own in found.own if own.before == len(repaired.cells)]
    repaired.cells = cells
    return repaired


def _own(own: OwnCell) -> NotebookNode:
    new: Any = _NEW[own.cell.cell_type]
    cell = add_own(own, new(own.cell.source))
    cell.metadata = NotebookNode()
    if pictures := own.cell.get("attachments"):
        cell.attachments = pictures
    return cell


def write_repaired(folder: Path, name: str, notebook: NotebookNode) -> Path:
    """Write a repaired notebook beside the one that was handed in.

    Parameters
    ----------
    folder, name
        See `read.read_submission`.
    notebook : nbformat.NotebookNode
        What `repair` returned.

    Returns
    -------
    pathlib.Path
        The file ``NAME.repaired.ipynb``.

    Raises
    ------
    CourseError
        If it exists: nothing is overwritten.
    """
    path = folder / f"{name}{REPAIRED}.ipynb"
    if os.path.lexists(path):
        raise CourseError(f"{path} exists, and may hold your work: move it away, then try again.")
    with atomic(path) as temporary:
        nbformat.write(notebook, temporary)
    return path


def released_notebook(assignment: Assignment) -> NotebookNode:
    """Return the notebook as learners get it, whether it was read from its source or released."""
    notebook = copy.deepcopy(assignment.notebook)
    # Only released cells have one. What is released would be taken for a solution as a whole.
    if any("checksum" in nbgrader_metadata(cell) for cell in notebook.cells):
        return notebook
    for preprocessor in (
        LockCells,
        ClearSolutions,
        ClearOutput,
        ClearHiddenTests,
        ClearMarkScheme,
        ComputeChecksums,
    ):
        notebook, _ = preprocessor().preprocess(notebook, {})
    return notebook

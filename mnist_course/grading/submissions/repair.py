"""Repair a notebook: put its answers into a fresh copy of the exercise."""

import copy
import os
from pathlib import Path

import nbformat
from nbformat import NotebookNode
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

from .assemble import grade_id, graded_answers, is_empty

REPAIRED = ".repaired"  # before the suffix of a notebook that was repaired


def repair(assignment: Assignment, notebook: NotebookNode) -> NotebookNode:
    """Put the answers of a notebook into a fresh copy of its assignment.

    Parameters
    ----------
    assignment, notebook
        See `inspect.inspect`.

    Returns
    -------
    nbformat.NotebookNode
        The exercise with the answers that `assemble` takes. What is missing is as released.
        `inspect.inspect` has nothing left to say of it but which answers are untouched or too long.
    """
    answers = graded_answers(assignment, notebook)
    repaired = released_notebook(assignment)
    for cell in repaired.cells:
        if not is_empty(answer := answers.get(grade_id(cell), "")):
            cell.source = answer
    return repaired


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

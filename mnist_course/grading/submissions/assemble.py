"""Put a learner's answers into a fresh copy of the source notebook."""

import copy
import re
from typing import Any

from nbformat import NotebookNode

from mnist_course.grading.course.assignment import Assignment, nbgrader_metadata

NOT_ATTEMPTED = "raise NotImplementedError"
# What nbgrader's ClearSolutions puts in the place of a solution; its code isn't imported, because
# that loads nbclient into every worker.
STUB = {"# YOUR CODE HERE", "raise NotImplementedError()", NOT_ATTEMPTED, "YOUR ANSWER HERE"}


def assemble(assignment: Assignment, submission: NotebookNode) -> NotebookNode:
    """Take only the answer cells from a submission; everything else comes from the source.

    Parameters
    ----------
    assignment : Assignment
        What was asked.
    submission : nbformat.NotebookNode
        What came back. Cells other than answers are ignored, whatever happened to them, and so
        is the type of an answer cell. Of answers with the same name the last one counts, as it
        does when the notebook runs from top to bottom (and in nbgrader).

    Returns
    -------
    nbformat.NotebookNode
        The notebook to run, without outputs. An answer in code that is missing, or empty, becomes
        one not attempted.
    """
    answers = dict.fromkeys(assignment.answers, "")
    for cell in submission.get("cells", []):
        if (name := grade_id(cell)) in answers:
            answers[name] = str(cell.get("source", ""))
    notebook = copy.deepcopy(assignment.notebook)
    for cell in notebook.cells:
        if (name := grade_id(cell)) in answers:
            cell.source = answers[name]
        if cell.cell_type == "code":
            cell.source = cell.source if cell.source.strip() else NOT_ATTEMPTED
            cell.outputs, cell.execution_count = [], None
    return notebook


def code_cells(notebook: NotebookNode) -> dict[str, NotebookNode]:
    """Return the cells of a notebook that run, in their order, by a name for each."""
    return {
        grade_id(cell) or f"cell {number}": cell
        for number, cell in enumerate(notebook.cells, start=1)
        if cell.cell_type == "code"
    }


def graded_answers(assignment: Assignment, submission: NotebookNode) -> dict[str, str]:
    """Return the source of each answer as it is graded, by grade id."""
    cells = {grade_id(cell): cell for cell in assemble(assignment, submission).cells}
    return {name: cells[name].source for name in assignment.answers}


def written_answers(assignment: Assignment, assembled: NotebookNode) -> set[str]:
    """Return the names of the answers of an assembled notebook with a line of the learner's."""
    pairs = zip(assignment.notebook.cells, assembled.cells, strict=True)
    return {
        grade_id(cell)
        for source, cell in pairs
        if grade_id(cell) in assignment.answers
        and not _lines(cell.source) <= _given_lines(source.source)
    }


def _given_lines(source: str) -> set[str]:
    """Return the lines of an answer cell as it is released, whether its source holds a solution."""
    if "### BEGIN SOLUTION" in source:
        kept = re.sub(r"### BEGIN SOLUTION.*?### END SOLUTION", "", source, flags=re.DOTALL)
        return STUB | _lines(kept)
    released = "raise NotImplementedError()" in source or "YOUR ANSWER HERE" in source
    return STUB | _lines(source) if released else STUB


def _lines(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines()} - {""}


def is_empty(answer: str) -> bool:
    """Tell whether nothing was written in an answer cell."""
    return answer.strip() in ("", NOT_ATTEMPTED)


def grade_id(cell: Any) -> str:
    """Return nbgrader's name of a cell; empty if it has none."""
    name = nbgrader_metadata(cell).get("grade_id")
    return name if isinstance(name, str) else ""

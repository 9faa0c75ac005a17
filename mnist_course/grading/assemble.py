"""Put a learner's answers into a fresh copy of the source notebook."""

from typing import Any

from nbformat import NotebookNode

from .assignment import Assignment, nbgrader_metadata

NOT_ATTEMPTED = "raise NotImplementedError"


def assemble(assignment: Assignment, submission: NotebookNode) -> list[tuple[str, str]]:
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
    list of tuple of (str, str)
        Name and code of each cell to run, in order. An answer that is missing, or empty, becomes
        an answer not attempted.
    """
    answers = dict.fromkeys(assignment.answers, "")
    for cell in submission.get("cells", []):
        if (name := _grade_id(cell)) in answers:
            answers[name] = str(cell.get("source", ""))
    cells = []
    for number, cell in enumerate(assignment.notebook.cells, start=1):
        if cell.cell_type != "code":
            continue
        name = _grade_id(cell) or f"cell {number}"
        code = answers.get(name, cell.source)
        cells.append((name, code if code.strip() else NOT_ATTEMPTED))
    return cells


def _grade_id(cell: Any) -> str:
    name = nbgrader_metadata(cell).get("grade_id")
    return name if isinstance(name, str) else ""

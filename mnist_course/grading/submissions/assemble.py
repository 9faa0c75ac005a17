"""Put what a learner's notebook defines into a fresh copy of the source notebook."""

import copy
import re
from dataclasses import dataclass

from nbformat import NotebookNode, v4

from mnist_course.grading.course.assignment import Assignment

from .definitions import statements
from .recognize import NOT_ATTEMPTED, Answer, OwnCell, Sorted, grade_id, sort_cells

# Between cells that are graded as one: what editors know as the line that begins a cell.
NEXT_CELL = "# %% (next cell)"
OWN = "own_cell"  # the key of the metadata of a cell that the learner has added


@dataclass(frozen=True)
class Assembled:
    """A notebook to be graded.

    Attributes
    ----------
    notebook : nbformat.NotebookNode
        The notebook to run, without outputs.
    sorted : Sorted
        What became of each cell that came back.
    """

    notebook: NotebookNode
    sorted: Sorted

    @property
    def written(self) -> set[str]:
        """The grade ids of the answers with a line of the learner's."""
        return {name for name, answer in self.sorted.answers.items() if answer.written}


def assemble(assignment: Assignment, submission: NotebookNode) -> Assembled:
    """Take from a submission what counts; everything else comes from the source.

    What counts is what the notebook defines when it runs from top to bottom: the answers, and what
    these need of the cells that the learner has added. See `recognize.sort_cells`.

    Parameters
    ----------
    assignment : Assignment
        What was asked.
    submission : nbformat.NotebookNode
        What came back. Given cells are ignored, whatever happened to them, and so is the type of
        an answer cell.

    Returns
    -------
    Assembled
        An answer in code that is missing, or empty, becomes one not attempted.
    """
    found = sort_cells(assignment, submission)
    notebook = copy.deepcopy(assignment.notebook)
    cells = []
    for position, cell in enumerate(notebook.cells):
        cells += [_kept(own) for own in found.own if own.before == position and own.kept]
        if answer := found.answers.get(grade_id(cell)):
            fill(cell, answer)
        if cell.cell_type == "code":
            cell.source = cell.source if cell.source.strip() else NOT_ATTEMPTED
            cell.outputs, cell.execution_count = [], None
        cells.append(cell)
    cells += [_kept(own) for own in found.own if own.before == len(notebook.cells) and own.kept]
    notebook.cells = cells
    return Assembled(notebook, found)


def fill(cell: NotebookNode, answer: Answer) -> None:
    """Put an answer into its cell, with its pictures; several cells one below the other."""
    between = f"\n\n{NEXT_CELL}\n" if cell.cell_type == "code" else "\n\n"
    cell.source = between.join(answer.texts)
    if answer.attachments and cell.cell_type == "markdown":
        cell.attachments = answer.attachments


def add_own(own: OwnCell, cell: NotebookNode) -> NotebookNode:
    """Return a cell of the learner's own, as it stands in a notebook with others."""
    cell.id = f"own-{own.number}"
    cell.metadata = NotebookNode({OWN: own.number})
    return cell


def _kept(own: OwnCell) -> NotebookNode:
    return add_own(own, v4.new_code_cell("\n".join(part.code for part in own.kept)))


def code_cells(notebook: NotebookNode) -> dict[str, NotebookNode]:
    """Return the cells of a notebook that run, in their order, by a name for each."""
    return {
        _name(cell) or f"cell {number}": cell
        for number, cell in enumerate(notebook.cells, start=1)
        if cell.cell_type == "code"
    }


def code_to_run(notebook: NotebookNode) -> list[tuple[str, str]]:
    """Return the code of a notebook in the parts that run one by one, with the names of cells.

    A part that fails costs nothing of the next one: several cells that are graded as one are as
    many parts, and a cell of the learner's own has a part for each of its statements.
    """
    runs = []
    for name, cell in code_cells(notebook).items():
        if OWN in cell.metadata:
            parts = [part.code for part in statements(cell.source) or []]
        else:
            parts = re.split(rf"^{re.escape(NEXT_CELL)}\n", cell.source, flags=re.MULTILINE)
        runs += [(name, part) for part in parts]
    return runs


def _name(cell: NotebookNode) -> str:
    own = cell.metadata.get(OWN)
    return f"own cell {own}" if own else grade_id(cell)

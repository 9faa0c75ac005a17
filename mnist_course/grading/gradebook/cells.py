"""Change the cells of an assignment that is graded already, and lose nothing that people gave.

nbgrader refuses to add or remove cells once there are submissions. So the cells that come and go do
so here, in one transaction, and all others keep their grades and comments.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nbgrader import api, utils

from mnist_course._text import counted
from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import Assignment, nbgrader_metadata


@dataclass(frozen=True)
class CellChanges:
    """How the cells of a graded assignment differ from those that the gradebook knows.

    Attributes
    ----------
    assignment : str
        The name of the assignment.
    submissions : int
        How many submissions the gradebook has.
    added, removed : dict of str to float
        Possible points of each cell, by grade id; 0 for a cell that earns none by itself.
    points : dict of str to (float, float)
        Old and new points of cells that are worth more or less than before.
    total : tuple of (float, float)
        The old and the new total.
    """

    assignment: str
    submissions: int
    added: dict[str, float]
    removed: dict[str, float]
    points: dict[str, tuple[float, float]]
    total: tuple[float, float]

    def __bool__(self) -> bool:
        return bool(self.submissions and (self.added or self.removed or self.points))

    def describe(self) -> list[str]:
        """Say what will change, and what will not."""
        return [
            f"{self.assignment} is graded already ({counted(self.submissions, 'submission')}), and "
            "its cells have changed:",
            *(
                f"  new: {name}"
                + (f"{_worth(points)}: 0 for whoever submitted without it" if points else "")
                for name, points in self.added.items()
            ),
            *(f"  gone: {name}{_worth(points)}" for name, points in self.removed.items()),
            *(
                f"  worth {new:g} instead of {old:g}: {name}"
                for name, (old, new) in self.points.items()
            ),
            f"The total goes from {self.total[0]:g} to {self.total[1]:g} points. Points by hand, "
            "comments, due dates, and extensions stay. The rest is graded again, late penalties "
            f"included, by the next 'mnist-course grade {self.assignment}'.",
        ]


def cell_changes(gradebook: api.Gradebook, assignment: Assignment) -> CellChanges:
    """Compare the cells of a source notebook with those that the gradebook knows.

    Parameters
    ----------
    gradebook : nbgrader.api.Gradebook
        The gradebook.
    assignment : Assignment
        The assignment as it is now.

    Returns
    -------
    CellChanges
        False if nothing is graded, or if no cell comes, goes, or is worth something else.

    Raises
    ------
    CourseError
        If points or comments that people gave would be lost with a cell.
    """
    name = assignment.name
    try:
        notebook = gradebook.find_notebook(name, name)
    except api.MissingEntry:
        return CellChanges(name, 0, {}, {}, {}, (0.0, 0.0))
    held = {(type(cell), cell.name): cell for cell in _held(notebook)}
    wanted = dict(_wanted(assignment))
    removed = [held[key] for key in held.keys() - wanted.keys()]
    _refuse_to_lose(gradebook, assignment, removed)
    old, new = (
        {name: points for (_, name), points in sorted(cells, key=lambda item: item[1])}
        for cells in (
            [(key, _points(cell)) for key, cell in held.items()],
            [(key, values.get("max_score", 0.0)) for key, values in wanted.items()],
        )
    )
    return CellChanges(
        name,
        len(notebook.submissions),
        {name: new[name] for name in sorted({cell for _, cell in wanted.keys() - held.keys()})},
        {cell: old[cell] for cell in sorted({cell.name for cell in removed})},
        {name: (old[name], new[name]) for name in old if old[name] != new.get(name, old[name])},
        (sum(old.values()), sum(new.values())),
    )


def change_cells(gradebook: api.Gradebook, assignment: Assignment) -> None:
    """Give the gradebook the cells of a source notebook, and each submission a place for them.

    Parameters
    ----------
    gradebook, assignment
        See `cell_changes`. nbgrader's SaveCells enters later what the cells hold.

    Raises
    ------
    CourseError
        See `cell_changes`.
    """
    notebook = gradebook.find_notebook(assignment.name, assignment.name)
    held = {(type(cell), cell.name): cell for cell in _held(notebook)}
    wanted = dict(_wanted(assignment))
    gone = [held[key] for key in held.keys() - wanted.keys()]
    _refuse_to_lose(gradebook, assignment, gone)
    for cell in gone:
        for row in [*getattr(cell, "grades", []), *getattr(cell, "comments", [])]:
            gradebook.db.delete(row)
        gradebook.db.delete(cell)
    for (kind, name), values in wanted.items():
        if (kind, name) in held:
            continue
        cell = kind(name=name, notebook=notebook, **values)
        gradebook.db.add(cell)
        for submission in notebook.submissions:
            if kind in (api.GradeCell, api.TaskCell):
                gradebook.db.add(api.Grade(cell=cell, notebook=submission))
            if kind in (api.SolutionCell, api.TaskCell):
                gradebook.db.add(api.Comment(cell=cell, notebook=submission))
    gradebook.db.commit()


def _held(notebook: api.Notebook) -> list[Any]:
    return [
        *(*notebook.grade_cells, *notebook.solution_cells),
        *(*notebook.task_cells, *notebook.source_cells),
    ]


def _wanted(assignment: Assignment) -> Iterator[tuple[tuple[type[Any], str], dict[str, Any]]]:
    """Yield each cell as nbgrader's SaveCells enters it: kind and name, then what it must have."""
    for cell in assignment.notebook.cells:
        name = nbgrader_metadata(cell).get("grade_id")
        if not name:
            continue
        kind = {"cell_type": cell.cell_type}
        worth = {**kind, "max_score": float(nbgrader_metadata(cell).get("points", 0))}
        grade, solution, task = utils.is_grade(cell), utils.is_solution(cell), utils.is_task(cell)
        if grade:
            yield (api.GradeCell, name), worth
        if solution:
            yield (api.SolutionCell, name), {}
        if task:
            yield (api.TaskCell, name), worth
        if grade or solution or task or utils.is_locked(cell):
            yield (api.SourceCell, name), kind


def _points(cell: Any) -> float:
    return float(getattr(cell, "max_score", 0.0))


def _worth(points: float) -> str:
    return f", {counted(points, 'point')}" if points else ""


def _refuse_to_lose(gradebook: api.Gradebook, assignment: Assignment, cells: list[Any]) -> None:
    """Raise an error if people have graded or commented on one of some cells."""
    ids = [cell.id for cell in cells]
    submissions = (
        gradebook.db.query(api.SubmittedAssignment.student_id)
        .join(api.SubmittedAssignment.notebooks)
        .join(api.SubmittedNotebook.notebook)
    )
    grades = submissions.join(api.SubmittedNotebook.grades).filter(
        api.Grade.cell_id.in_(ids),
        api.Grade.manual_score.is_not(None) | api.Grade.extra_credit.is_not(None),
    )
    comments = submissions.join(api.SubmittedNotebook.comments).filter(
        api.Comment.cell_id.in_(ids), api.Comment.manual_comment.is_not(None)
    )
    if students := sorted({student for (student,) in [*grades, *comments]}):
        names = ", ".join(sorted({cell.name for cell in cells}))
        raise CourseError(
            f"{assignment.path} has no longer the cells {names}, and what people gave there by "
            f"hand would be lost ({counted(len(students), 'submission')}, the first by "
            f"{students[0]}): restore the cells, or take those points and comments back in the "
            "formgrader first."
        )

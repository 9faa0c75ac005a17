"""Tell people what a notebook would lose when it is submitted, and what to do about it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import Assignment, nbgrader_metadata, read_assignment
from mnist_course.grading.course.settings import Course

from .assemble import grade_id, graded_answers, is_empty
from .read import IGNORED_FILES, SECRET, TIMESTAMP, list_files, read_timestamp, some_names
from .repair import REPAIRED, released_notebook

LARGEST_ANSWER = 100_000  # bytes


@dataclass(frozen=True)
class Finding:
    """Something about a submission that its author should know.

    Attributes
    ----------
    cell : str
        The grade id of the cell, or its number from 1 such as ``cell 3``; empty if it is about
        the folder.
    problem : str
        What is the matter, and what to do.
    costs : float
        The points that are lost unless it is fixed; 0 where grading fixes it.
    """

    cell: str
    problem: str
    costs: float


def find_submission(path: Path, course: Course) -> tuple[Path, Assignment]:
    """Find out what a notebook answers, by its name.

    Parameters
    ----------
    path : pathlib.Path
        A notebook, which may also be one that `repair.write_repaired` wrote; or a folder with one.
    course : Course
        The course, with source notebooks or exercises or both.

    Returns
    -------
    tuple of (pathlib.Path, Assignment)
        The notebook, and its assignment.

    Raises
    ------
    CourseError
        If there is no such notebook, assignment or course; or if the notebook is the course's own
        copy, so that there is nothing to compare it with.
    """
    sources = _sources(course)
    names = ", ".join(sources)
    if path.is_dir():
        present = [name for name in sources if os.path.lexists(path / f"{name}.ipynb")]
        if len(present) != 1:
            raise CourseError(
                f"{path} has {len(present) or 'none'} of the notebooks of the course ({names}); "
                "expected one: give the path of the notebook."
            )
        name = present[0]
        notebook = path / f"{name}.ipynb"
    else:
        notebook, name = path, path.stem.removesuffix(REPAIRED)
        if path.suffix != ".ipynb" or name not in sources:
            raise CourseError(
                f"{path.name} is the notebook of no assignment; expected one of {names}, with "
                ".ipynb after it: give it back its name."
            )
    assignment = read_assignment(sources[name], name)
    if notebook.exists() and notebook.samefile(assignment.path):
        raise CourseError(
            f"{notebook} is the course's own copy, so there is nothing to compare it with: give "
            "the folder of a fresh copy of the course with --course."
        )
    return notebook, assignment


def inspect_folder(folder: Path, name: str) -> list[Finding]:
    """Tell what else was handed in, of which nothing is used.

    Parameters
    ----------
    folder, name
        See `read.read_submission`.

    Returns
    -------
    list of Finding
        Nothing for the notebook, for what nbgrader adds, and for what Jupyter leaves behind.
    """
    findings = []
    files = list_files(folder)
    if others := [
        file for file in files if file not in IGNORED_FILES | {TIMESTAMP, SECRET, f"{name}.ipynb"}
    ]:
        problem = f"Only {name}.ipynb is graded: put into it what you need of {some_names(others)}."
        findings.append(Finding("", problem, 0))
    if TIMESTAMP in files and read_timestamp(folder) is None:
        problem = (
            f"{TIMESTAMP} holds no date and is ignored: let nbgrader write it, or write one such "
            "as 2026-03-31 18:00:00 UTC."
        )
        findings.append(Finding("", problem, 0))
    return findings


def inspect(assignment: Assignment, notebook: NotebookNode) -> list[Finding]:
    """Compare a notebook with its assignment: what is missing, changed or still to do.

    Parameters
    ----------
    assignment : Assignment
        What was asked, read from the source notebook or from the exercise.
    notebook : nbformat.NotebookNode
        What came back, as `read.parse` returns it.

    Returns
    -------
    list of Finding
        In the order of the assignment, then the cells that do not belong to it. An answer costs
        its points if nothing of it reaches grading.
    """
    original = released_notebook(assignment)
    copies, findings_on_others = _match(original, notebook)
    answers = graded_answers(assignment, notebook)
    parts = [*assignment.tasks, *assignment.reflections]
    points = {part.answer: part.points for part in parts}
    findings = []
    for cell in original.cells:
        if (name := grade_id(cell)) in answers:
            described = _inspect_answer(cell, copies[name], answers[name])
        elif name:
            described = _inspect_given(cell, copies[name])
        else:
            continue
        for problem, lost in described:
            findings.append(Finding(name, problem, points.get(name, 0.0) if lost else 0.0))
    return findings + findings_on_others


_STRAY = (
    "This cell is not part of the assignment, and is ignored in grading: if an answer needs it, "
    "move its code into that answer."
)
_RETYPED = "The type of this cell was changed to {}. Grading takes it for {}, as it was."
_CHANGED = (
    "This cell was changed, which is ignored in grading: the original runs. If an answer needs "
    "the change, make it in that answer."
)
_OVERSIZED = (
    "This answer has {:,} bytes. It is graded as it is, but at most "
    f"{LARGEST_ANSWER:,} were expected: take out what got into it by mistake."
)
_METADATA = (
    "The settings of this cell (its points, or what may be edited) were changed. Grading uses the "
    "original ones."
)


def _match(
    original: NotebookNode, notebook: NotebookNode
) -> tuple[dict[str, list[NotebookNode]], list[Finding]]:
    """Find the copies of each cell of an assignment; report code that is in no cell of it."""
    copies: dict[str, list[NotebookNode]] = {grade_id(cell): [] for cell in original.cells}
    given = {cell.source for cell in original.cells if not grade_id(cell)}
    others = []
    for number, cell in enumerate(notebook.cells, start=1):
        if (name := grade_id(cell)) and name in copies:
            copies[name].append(cell)
        elif cell.cell_type == "code" and cell.source.strip() and cell.source not in given:
            others.append(Finding(name or f"cell {number}", _STRAY, 0))
    return copies, others


def _inspect_answer(
    original: NotebookNode, copies: list[NotebookNode], answer: str
) -> Iterator[tuple[str, bool]]:
    """Yield what there is to say of an answer, and whether its points are lost."""
    if not copies:
        yield "This answer is missing: repair the notebook, then write it in its cell.", True
        return
    if len(copies) > 1:
        yield f"This answer is there {len(copies)} times. The last one counts: keep one.", False
    if is_empty(answer):
        yield "This answer is empty: write it, even if you are not sure of it.", True
    elif answer.strip() == original.source.strip():
        yield "There is no answer here yet: write it, even if you are not sure of it.", True
    if (size := len(answer.encode())) > LARGEST_ANSWER:
        yield _OVERSIZED.format(size), False
    yield from _inspect_settings(original, copies[-1])


def _inspect_given(
    original: NotebookNode, copies: list[NotebookNode]
) -> Iterator[tuple[str, bool]]:
    """Yield what there is to say of a cell that was to stay as it is; nothing is ever lost."""
    if not copies:
        yield "This cell is missing. In grading, the original runs.", False
        return
    if len(copies) > 1:
        yield f"This cell is there {len(copies)} times. In grading, the original runs once.", False
    if any(cell.source.strip() != original.source.strip() for cell in copies):
        yield _CHANGED, False
    yield from _inspect_settings(original, copies[-1])


def _inspect_settings(original: NotebookNode, cell: NotebookNode) -> Iterator[tuple[str, bool]]:
    if cell.cell_type != original.cell_type:
        yield _RETYPED.format(cell.cell_type, original.cell_type), False
    expected, metadata = nbgrader_metadata(original), nbgrader_metadata(cell)
    if any(
        metadata.get(key) != expected.get(key) for key in ("grade", "solution", "locked", "points")
    ):
        yield _METADATA, False


def _sources(course: Course) -> dict[str, Path]:
    """Find the folder that has each assignment; what is graded goes before what is released."""
    sources = {
        path.stem: folder
        for folder in (course.released, course.source)
        for path in sorted(folder.glob("*/*.ipynb"))
        if path.stem == path.parent.name
    }
    if not sources:
        raise CourseError(
            f"{course.root} has no assignments in {course.relative(course.source)} or "
            f"{course.relative(course.released)}: give another --course."
        )
    return dict(sorted(sources.items()))

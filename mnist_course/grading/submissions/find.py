"""Find the notebook in what was handed in, whatever became of its name on the way."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from mnist_course.grading.course.assignment import Assignment

from .read import (
    IGNORED_FILES,
    LARGEST_NOTEBOOK,
    RejectedError,
    list_files,
    list_folders,
    parse,
    read_bytes,
    read_regular,
    some_names,
)
from .recognize import sort_cells

MOST_CANDIDATES = 20  # files of a folder that are looked into


@dataclass(frozen=True)
class Found:
    """The notebook that counts.

    Attributes
    ----------
    file : str
        Its name.
    data : bytes
        What it holds.
    notice : str
        What there is to say of its name, and of others; empty if nothing.
    """

    file: str
    data: bytes
    notice: str = ""


def find_notebook(folder: Path, assignment: Assignment, root: Path | None = None) -> Found:
    """Find the notebook with which somebody answers an assignment.

    Parameters
    ----------
    folder : pathlib.Path
        What was handed in, such as ``submitted/ada/02_normalizing``.
    assignment : Assignment
        What was asked.
    root : pathlib.Path, optional
        See `read_regular`.

    Returns
    -------
    Found
        The notebook of that name, if it has an answer; else the one that has, by its content.

    Raises
    ------
    RejectedError
        If there is none, it cannot be read, or it cannot be told which of several counts.
    """
    name = assignment.name
    expected = f"{name}.ipynb"
    files = list_files(folder, root)
    others = [file for file in files if file != expected and may_be_notebook(file)]
    if expected not in files and not others and (below := _only_folder(folder, root)):
        found = find_notebook(below, assignment, root or folder.parent)
        file = f"{below.name}/{found.file}"
        return Found(file, found.data, f"{some_names([file])} was graded, from a folder within.")
    if not others:
        return Found(expected, read_bytes(folder, name, root=root))
    candidates = list(_candidates(folder, root, others[:MOST_CANDIDATES], assignment))
    answered = [found for found, is_answered in candidates if is_answered]
    if expected in files:
        data = read_bytes(folder, name, root=root)
        answered = [found for found in answered if found.data != data]
        if not answered:
            return Found(expected, data)
        if _is_answered(data, assignment):
            also = some_names([found.file for found in answered])
            notice = f"{expected} was graded, for its name; answers are in {also}, too."
            return Found(expected, data, notice)
        why = f"because {expected} has no answers"
    else:
        answered = answered or [found for found, _ in candidates]
        why = "by its content"
    if len({found.data for found in answered}) > 1:
        raise RejectedError(
            f"{some_names([found.file for found in answered])} all answer {name}; expected one "
            f"notebook, {expected}: keep the one that counts, under that name."
        )
    if not answered:
        return Found(expected, read_bytes(folder, name, root=root))  # or it says what is missing
    file = answered[0].file
    return Found(file, answered[0].data, f"{some_names([file])} was taken for {expected}, {why}.")


def _only_folder(folder: Path, root: Path | None) -> Path | None:
    """Return the folder that an archive was unpacked to, if it's the only one and has notebooks."""
    below = [folder / file for file in list_folders(folder, root) if file not in IGNORED_FILES]
    if len(below) != 1:
        return None
    files = list_files(below[0], root or folder.parent)
    return below[0] if any(map(may_be_notebook, files)) else None


def may_be_notebook(file: str) -> bool:
    """Tell whether a file may be a notebook, by its name: browsers add to it."""
    return ".ipynb" in file.lower() and not file.startswith(".")


def belongs(notebook: NotebookNode, assignment: Assignment) -> int:
    """Count the tasks of an assignment that a notebook has a cell for; 0 if they are too few.

    The names of some tasks occur in several assignments, so half of them are asked for.
    """
    found = sort_cells(assignment, notebook).answers
    tasks = [task.answer for task in assignment.tasks]
    known = sum(found[answer].found for answer in tasks)
    return known if 2 * known >= len(tasks) else 0


def _candidates(
    folder: Path, root: Path | None, files: list[str], assignment: Assignment
) -> Iterator[tuple[Found, bool]]:
    """Yield the notebooks that belong to an assignment, and whether they have an answer."""
    for file in files:
        try:
            data = read_regular(folder, file, LARGEST_NOTEBOOK, root)
            if belongs(parse(data, assignment.name), assignment):
                yield Found(file, data), _is_answered(data, assignment)
        except (FileNotFoundError, RejectedError):
            continue


def _is_answered(data: bytes, assignment: Assignment) -> bool:
    try:
        answers = sort_cells(assignment, parse(data, assignment.name)).answers
    except RejectedError:
        return False
    return any(answer.written for answer in answers.values())

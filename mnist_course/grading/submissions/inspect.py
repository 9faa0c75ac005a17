"""Tell people what a notebook would lose when it is submitted, and what to do about it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from mnist_course._untrusted import quote
from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import Assignment, nbgrader_metadata, read_assignment
from mnist_course.grading.course.settings import Course

from .find import belongs, find_notebook, may_be_notebook
from .notices import IDS_LOST
from .pictures import LARGEST_PICTURE, MOST_PICTURES, missing_pictures
from .read import (
    ARCHIVES,
    IGNORED_FILES,
    LARGEST_NOTEBOOK,
    SECRET,
    TIMESTAMP,
    RejectedError,
    list_files,
    parse,
    read_regular,
    some_names,
    timestamp_problem,
)
from .recognize import Answer, Sorted, grade_id, sort_cells
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
    """Find out what a notebook answers, by its name or else by its content.

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
    if path.is_dir():
        notebook, assignment = _find_in_folder(path, sources)
    else:
        notebook, name = path, path.stem.removesuffix(REPAIRED)
        if path.suffix != ".ipynb" or name not in sources:
            name = _recognize(path, sources)
        if not name and path.suffix.lower() in ARCHIVES:
            raise CourseError(f"{path.name} is an archive: unpack it, and give the notebook in it.")
        if not name:
            raise CourseError(
                f"{path.name} is the notebook of no assignment; expected one of "
                f"{', '.join(sources)}, with .ipynb after it: give it back its name."
            )
        assignment = read_assignment(sources[name], name)
    if notebook.exists() and notebook.samefile(assignment.path):
        raise CourseError(
            f"{notebook} is the course's own copy, so there is nothing to compare it with: give "
            "the folder of a fresh copy of the course with --course."
        )
    return notebook, assignment


def _find_in_folder(folder: Path, sources: dict[str, Path]) -> tuple[Path, Assignment]:
    files = list_files(folder)
    present = {name for name in sources if f"{name}.ipynb" in files} or (
        {folder.name} & sources.keys()
    )
    if not present:
        known = [_recognize(folder / file, sources) for file in files if may_be_notebook(file)]
        present = {name for name in known if name}
    if len(present) != 1:
        raise CourseError(
            f"{folder} has {len(present) or 'none'} of the notebooks of the course "
            f"({', '.join(sources)}); expected one: give the path of the notebook."
        )
    (name,) = present
    assignment = read_assignment(sources[name], name)
    return folder / find_notebook(folder, assignment).file, assignment


def _recognize(path: Path, sources: dict[str, Path]) -> str:
    """Name the assignment that most of a notebook's cells are of; nothing if it is none."""
    try:
        notebook = parse(read_regular(path.parent, path.name, LARGEST_NOTEBOOK), path.name)
    except (FileNotFoundError, RejectedError):
        return ""
    known = {
        name: belongs(notebook, read_assignment(source, name)) for name, source in sources.items()
    }
    best = max(known, key=lambda name: known[name])
    return best if known[best] else ""


def inspect_file(file: Path, name: str) -> list[Finding]:
    """Tell what there is to say of the name of a notebook.

    Parameters
    ----------
    file : pathlib.Path
        The notebook.
    name : str
        The name of its assignment.

    Returns
    -------
    list of Finding
        Nothing if it is the one under which it was released.
    """
    if file.name in (f"{name}.ipynb", f"{name}{REPAIRED}.ipynb"):
        return []
    problem = (
        f"This is {name} by its content. It is graded all the same, but {name}.ipynb is the name "
        "under which nobody has to guess."
    )
    return [Finding("", problem, 0)]


def inspect_folder(folder: Path, file: str) -> list[Finding]:
    """Tell what else was handed in, of which nothing is used.

    Parameters
    ----------
    folder : pathlib.Path
        What is handed in.
    file : str
        The name of the notebook in it that is graded.

    Returns
    -------
    list of Finding
        Nothing for the notebook, for what nbgrader adds, and for what Jupyter leaves behind.
    """
    findings = []
    files = list_files(folder)
    known = IGNORED_FILES | {TIMESTAMP, SECRET, file}
    if others := [other for other in files if other not in known]:
        problem = (
            f"Only {some_names([file])} is graded: put into it what you need of "
            f"{some_names(others)}."
        )
        findings.append(Finding("", problem, 0))
    if problem := timestamp_problem(folder):
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
        What is about the whole notebook, then in the order of the assignment. An answer costs its
        points if nothing of it reaches grading.
    """
    original = released_notebook(assignment)
    found = sort_cells(assignment, notebook)
    parts = [*assignment.tasks, *assignment.reflections]
    points = {part.answer: part.points for part in parts}
    findings = [Finding("", _WITHOUT_IDS, 0)] if found.without_ids else []
    for position, cell in enumerate(original.cells):
        copies = [notebook.cells[n - 1] for n, at in found.position.items() if at == position]
        described: list[tuple[str, bool]] = []
        if answer := found.answers.get(name := grade_id(cell)):
            described += _inspect_answer(answer, found)
        elif name:
            described += ((problem, False) for problem in _inspect_given(cell, copies))
        for copied in [copied for copied in copies if name and grade_id(copied) == name][-1:]:
            described += ((problem, False) for problem in _inspect_settings(cell, copied))
        for problem, lost in described:
            findings.append(Finding(name, problem, points.get(name, 0.0) if lost else 0.0))
    return findings


_RETYPED = "The type of this cell was changed to {}. Grading takes it for {}, as it was."
_CHANGED = (
    "This cell was changed. In grading, the original runs, and after it what you have added to it, "
    "if an answer uses that."
)
_OVERSIZED = (
    "This answer has {:,} bytes. It is graded as it is, but at most "
    f"{LARGEST_ANSWER:,} were expected: take out what got into it by mistake."
)
_METADATA = (
    "The settings of this cell (its points, or what may be edited) were changed. Grading uses the "
    "original ones."
)
_PICTURE = (
    "The picture {} is not in the notebook, or is none that is taken over: PNG, JPEG, or GIF, of "
    f"at most {LARGEST_PICTURE:,} bytes, and {MOST_PICTURES} in a cell. Describe it in words."
)
_UNDEFINED = (
    "This answer {} {}, which nothing defines when the notebook runs from top to bottom. That may "
    "cost its points: define what is missing."
)
_WITHOUT_IDS = (
    f"This notebook {IDS_LOST}, which say what each cell is. Answers are recognized by what they "
    "define, and a person looks at them: repair the notebook, and submit that."
)


def _inspect_answer(answer: Answer, found: Sorted) -> Iterator[tuple[str, bool]]:
    """Yield what there is to say of an answer, and whether its points are lost."""
    text = "\n".join(answer.texts)
    cells = _listed([f"cell {number}" for number in answer.cells])
    if not answer.found:
        yield "This answer is missing: repair the notebook, then write it in its cell.", True
    elif not text.strip():
        yield "This answer is empty: write it, even if you are not sure of it.", True
    elif not answer.written:
        yield "There is no answer here yet: write it, even if you are not sure of it.", True
    elif answer.recognized:
        yield (
            f"This answer is not in its own cell, but in {cells}. It is graded, and a person looks "
            "at it: repair the notebook to put it in its place.",
            False,
        )
    elif len(answer.cells) > 1:
        yield f"This answer is in {cells}, which are graded as one.", False
    if borrowed := found.borrowed.get(answer.name):
        names = _listed([f"`{name}` of cell {n}" for name, n in sorted(borrowed.items())])
        yield f"This answer uses {names}, so that is run, too.", False
    undefined = found.undefined.get(answer.name, [])
    for verb, is_graded in (("is to define", True), ("uses", False)):
        lacking = [f"`{name}`" for name in undefined if (name in answer.names) == is_graded]
        if lacking:
            yield _UNDEFINED.format(verb, _listed(lacking)), False
    for name in sorted(answer.names & found.again.keys()):
        yield f"Cell {found.again[name]} defines `{name}` again, above its check. It counts.", False
    for name in sorted(answer.names & found.late.keys()):
        yield (
            f"Cell {found.late[name]} defines `{name}` again, below its check. What the check has "
            "looked at counts.",
            False,
        )
    for name in missing_pictures(text, answer.attachments):
        yield _PICTURE.format(quote(name)), False
    if (size := len(text.encode())) > LARGEST_ANSWER:
        yield _OVERSIZED.format(size), False


def _inspect_given(original: NotebookNode, copies: list[NotebookNode]) -> Iterator[str]:
    """Yield what there is to say of a cell that was to stay as it is; nothing is ever lost."""
    if not copies:
        yield "This cell is missing. In grading, the original runs."
    elif len(copies) > 1:
        yield f"This cell is there {len(copies)} times. In grading, the original runs once."
    if any(cell.source.strip() != original.source.strip() for cell in copies):
        yield _CHANGED


def _inspect_settings(original: NotebookNode, cell: NotebookNode) -> Iterator[str]:
    if cell.cell_type != original.cell_type:
        yield _RETYPED.format(cell.cell_type, original.cell_type)
    expected, metadata = nbgrader_metadata(original), nbgrader_metadata(cell)
    if any(
        metadata.get(key) != expected.get(key) for key in ("grade", "solution", "locked", "points")
    ):
        yield _METADATA


def _listed(words: list[str]) -> str:
    *others, last = words or [""]
    return f"{', '.join(others)} and {last}" if others else last


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

"""Read what a stranger handed in, say what is wrong with it, and mend what can be mended."""

import copy
import errno
import itertools
import json
import math
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from nbformat import NotebookNode
from nbgrader.preprocessors import (
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    LockCells,
)
from nbgrader.utils import parse_utc

from mnist_course._files import atomic
from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import (
    Assignment,
    Reflection,
    Task,
    nbgrader_metadata,
    read_assignment,
)
from mnist_course.grading.course.release import EXERCISES, SOURCE

from .assemble import NOT_ATTEMPTED, assemble

LARGEST_NOTEBOOK = 20_000_000  # bytes
LARGEST_ANSWER = 100_000  # bytes
LARGEST_NOTE = 1_000  # bytes
MOST_CELLS = 2_000
# Each takes many times its bytes of memory.
MOST_LISTS = 500_000  # and objects
MOST_QUOTES = 2_000_000
DEEPEST = 100  # levels of lists and objects within each other
TIMESTAMP = "timestamp.txt"
SECRET = "submission_secret.txt"  # noqa: S105 (the name of a file)
REPAIRED = ".repaired"  # before the suffix of a notebook that was mended
LITTER = {".ipynb_checkpoints", ".DS_Store", "Thumbs.db", "__MACOSX", "__pycache__"}
# What nbgrader adds to a notebook that is submitted.
NBGRADER = {TIMESTAMP, SECRET}

# The matches are possessive, so that a hostile text takes no longer than any other.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_STEPS = np.zeros(256, np.int8)
_STEPS[list(b"[{")] = 1
_STEPS[list(b"]}")] = -1
# A path in the place of a time zone would be opened.
_DATE = re.compile(r"[\w :.,+-]*\w(?:/[\w+-]+)*", re.ASCII)
_SECRET = re.compile(r"\w+", re.ASCII)
_MOST_FILES = 1_000  # of a folder that are looked at


class RejectedError(CourseError):
    """What was handed in cannot be graded; the message is a sentence for whoever handed it in."""


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
        The points that are lost unless it is mended; 0 where grading mends it.
    """

    cell: str
    problem: str
    costs: float


def read_submission(folder: Path, name: str) -> NotebookNode:
    """Read the notebook of a stranger.

    Parameters
    ----------
    folder : pathlib.Path
        What was handed in, such as ``submitted/ada/02_normalizing``.
    name : str
        The name of the assignment.

    Returns
    -------
    nbformat.NotebookNode
        See `parse`.

    Raises
    ------
    RejectedError
        See `read_bytes` and `parse`.
    """
    return parse(read_bytes(folder, name), name)


def read_bytes(folder: Path, name: str) -> bytes:
    """Read the file of a notebook, and nothing but a file.

    Parameters
    ----------
    folder, name
        See `read_submission`.

    Returns
    -------
    bytes
        What it holds.

    Raises
    ------
    RejectedError
        If it is missing, larger than `LARGEST_NOTEBOOK`, not permitted, or anything but a regular
        file with one name in a folder that is no link.
    """
    file = f"{name}.ipynb"
    try:
        return read_regular(folder, file, LARGEST_NOTEBOOK)
    except FileNotFoundError:
        others = [other for other in _list(folder) if other.endswith(".ipynb")]
        instead = f" ({_named(others)} is not it)" if others else ""
        raise RejectedError(
            f"{file} is missing{instead}; expected a notebook of exactly that name: give it that "
            "name and hand it in again."
        ) from None


def read_regular(folder: Path, file: str, largest: int) -> bytes:
    """Read a regular file without following a link, waiting for a pipe, or reading too much.

    Parameters
    ----------
    folder : pathlib.Path
        The folder; it may not be a link either.
    file : str
        The name of the file.
    largest : int
        The bytes that it may have.

    Returns
    -------
    bytes
        What it holds.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    RejectedError
        If it is anything but a file of its own, or larger.
    """
    try:
        descriptor = _open(folder, file)
        try:
            return _read(descriptor, file, largest)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise
    except OSError as error:
        # What a link or a socket answers to being opened.
        if error.errno in (errno.ELOOP, errno.ENOTDIR, errno.ENXIO, errno.EMLINK):
            raise RejectedError(_not_regular(file)) from None
        raise RejectedError(
            f"{file} cannot be read ({error.strerror}); expected a file that others may "
            "read: change its permissions and hand it in again."
        ) from None


def parse(data: bytes, name: str) -> NotebookNode:
    """Make a notebook of a stranger's bytes.

    Parameters
    ----------
    data : bytes
        What the file held.
    name : str
        The name of the assignment, for messages.

    Returns
    -------
    nbformat.NotebookNode
        A valid notebook in version 4 of the format: the type, the source and nbgrader's metadata
        of each cell, and nothing else. A cell of an unknown type is raw.

    Raises
    ------
    RejectedError
        If the bytes are not a notebook in version 3 or 4 of the format, or it has too many cells.
    """
    document = _load(data, name)
    cells = _cells(document, name)
    if len(cells) > MOST_CELLS:
        raise _broken(name, f"has {len(cells):,} cells", f"at most {MOST_CELLS:,}")
    notebook: NotebookNode = nbformat.from_dict(
        {
            "nbformat": 4,
            "nbformat_minor": 4,
            "metadata": {},
            "cells": [_cell(cell, number, name) for number, cell in enumerate(cells, start=1)],
        }
    )
    return notebook


def read_timestamp(folder: Path) -> str | None:
    """Read when a submission was handed in, as nbgrader notes it.

    Parameters
    ----------
    folder : pathlib.Path
        What was handed in.

    Returns
    -------
    str or None
        A text that nbgrader's ``parse_utc`` understands; None if there is none.
    """
    text = _read_note(folder, TIMESTAMP)
    return text if is_date(text) else None


def read_secret(folder: Path) -> str | None:
    """Read what nbgrader's exchange needs to give feedback back to whom it concerns, and no other.

    Parameters
    ----------
    folder : pathlib.Path
        What was handed in.

    Returns
    -------
    str or None
        The secret of the submission, letters and digits; None if there is none.
    """
    text = _read_note(folder, SECRET)
    return text if _SECRET.fullmatch(text) else None


def is_date(text: str) -> bool:
    """Tell whether nbgrader's ``parse_utc`` understands a text."""
    if not _DATE.fullmatch(text):
        return False
    try:
        parse_utc(text)
    # dateutil documents two errors, and raises others for some of what is no date.
    except Exception:
        return False
    return True


def inspect_folder(folder: Path, name: str) -> list[Finding]:
    """Tell what else was handed in, of which nothing is used.

    Parameters
    ----------
    folder, name
        See `read_submission`.

    Returns
    -------
    list of Finding
        Nothing for the notebook, for what nbgrader adds, and for what Jupyter leaves behind.
    """
    findings = []
    files = _list(folder)
    if others := [file for file in files if file not in NBGRADER | LITTER | {f"{name}.ipynb"}]:
        problem = f"Only {name}.ipynb is graded: put into it what you need of {_named(others)}."
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
        What came back, as `parse` returns it.

    Returns
    -------
    list of Finding
        In the order of the assignment, then the cells that do not belong to it. An answer costs
        its points if nothing of it reaches grading.
    """
    original = _released(assignment)
    answers = _answers(assignment, notebook)
    parts: list[Task | Reflection] = [*assignment.tasks, *assignment.reflections]
    points = {part.answer: part.points for part in parts}
    found: dict[str, list[NotebookNode]] = {_grade_id(cell): [] for cell in original.cells}
    given = {cell.source for cell in original.cells if not _grade_id(cell)}
    stray = []
    for number, cell in enumerate(notebook.cells, start=1):
        if (grade_id := _grade_id(cell)) and grade_id in found:
            found[grade_id].append(cell)
        elif cell.cell_type == "code" and cell.source.strip() and cell.source not in given:
            stray.append(Finding(grade_id or f"cell {number}", _STRAY, 0))
    findings = []
    for cell in original.cells:
        if grade_id := _grade_id(cell):
            if grade_id in assignment.answers:
                described = _inspect_answer(cell, found[grade_id], answers[grade_id])
            else:
                described = _inspect_given(cell, found[grade_id])
            for problem, lost in described:
                costs = points.get(grade_id, 0.0) if lost else 0.0
                findings.append(Finding(grade_id, problem, costs))
    return findings + stray


def repair(assignment: Assignment, notebook: NotebookNode) -> NotebookNode:
    """Put the answers of a notebook into a fresh copy of its assignment.

    Parameters
    ----------
    assignment, notebook
        See `inspect`.

    Returns
    -------
    nbformat.NotebookNode
        The exercise with the answers that `assemble` takes. What is missing is as released.
        `inspect` has nothing left to say of it but which answers are untouched or too long.
    """
    answers = _answers(assignment, notebook)
    repaired = _released(assignment)
    for cell in repaired.cells:
        if not _is_empty(answer := answers.get(_grade_id(cell), "")):
            cell.source = answer
    return repaired


def find_submission(path: Path, course: Path) -> tuple[Path, Assignment]:
    """Find out what a notebook answers, by its name.

    Parameters
    ----------
    path : pathlib.Path
        A notebook, which may also be one that `write_repaired` wrote; or a folder with one.
    course : pathlib.Path
        The folder of the course, with ``solutions`` or ``exercises`` or both.

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


def write_repaired(folder: Path, name: str, notebook: NotebookNode) -> Path:
    """Write a repaired notebook beside the one that was handed in.

    Parameters
    ----------
    folder, name
        See `read_submission`.
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


def _read_note(folder: Path, name: str) -> str:
    """Read a small file that nbgrader put beside a notebook; empty if there is none to be read."""
    try:
        return read_regular(folder, name, LARGEST_NOTE).decode().strip()
    except (FileNotFoundError, RejectedError, UnicodeDecodeError):
        return ""


def _inspect_answer(
    original: NotebookNode, copies: list[NotebookNode], answer: str
) -> Iterator[tuple[str, bool]]:
    """Yield what there is to say of an answer, and whether its points are lost."""
    if not copies:
        yield "This answer is missing: repair the notebook, then write it in its cell.", True
        return
    if len(copies) > 1:
        yield f"This answer is there {len(copies)} times. The last one counts: keep one.", False
    if _is_empty(answer):
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


def _released(assignment: Assignment) -> NotebookNode:
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


def _answers(assignment: Assignment, notebook: NotebookNode) -> dict[str, str]:
    """Return the source of each answer as it is graded."""
    cells = {_grade_id(cell): cell for cell in assemble(assignment, notebook).cells}
    return {name: cells[name].source for name in assignment.answers}


def _is_empty(answer: str) -> bool:
    return answer.strip() in ("", NOT_ATTEMPTED)


def _grade_id(cell: NotebookNode) -> str:
    grade_id = nbgrader_metadata(cell).get("grade_id")
    return grade_id if isinstance(grade_id, str) else ""


def _open(folder: Path, file: str) -> int:
    # Windows has no links to be afraid of without these, and no grading either.
    no_follow = getattr(os, "O_NOFOLLOW", 0)
    flags = os.O_RDONLY | no_follow | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if os.open not in os.supports_dir_fd:
        return os.open(folder / file, flags)
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | no_follow)
    try:
        return os.open(file, flags | os.O_NOCTTY, dir_fd=directory)
    finally:
        os.close(directory)


def _read(descriptor: int, file: str, largest: int) -> bytes:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise RejectedError(_not_regular(file))
    if status.st_nlink > 1:
        raise RejectedError(
            f"{file} is a hard link: expected a file of its own; copy it and hand in the copy."
        )
    data = b""
    if status.st_size <= largest:
        with open(descriptor, "rb", closefd=False) as stream:
            data = stream.read(largest + 1)
    if status.st_size > largest or len(data) > largest:
        raise RejectedError(
            f"{file} has {max(status.st_size, len(data)):,} bytes; expected at most {largest:,}: "
            "clear the outputs of the notebook and hand it in again."
        )
    return data


def _not_regular(file: str) -> str:
    return (
        f"{file}, or the folder that it is in, is a link, a device or a pipe; expected a regular "
        "file: copy the notebook itself and hand in the copy."
    )


def _load(data: bytes, name: str) -> Any:
    if len(data) > LARGEST_NOTEBOOK:
        raise _broken(name, f"has {len(data):,} bytes", f"at most {LARGEST_NOTEBOOK:,}")
    if (count := data.count(b'"')) > MOST_QUOTES:
        raise _broken(name, f"has {count:,} quotation marks", f"at most {MOST_QUOTES:,}")
    steps = _STEPS[np.frombuffer(_STRING.sub(b"", data), np.uint8)]
    # Before the first mistake in the text, these are the lists and objects that json makes of it.
    depth = int(np.cumsum(steps, dtype=np.int32).max(initial=0))
    if depth > DEEPEST:
        raise _broken(name, f"is nested {depth:,} levels deep", f"at most {DEEPEST}")
    if (count := int(np.count_nonzero(steps > 0))) > MOST_LISTS:
        raise _broken(name, f"has {count:,} lists and objects", f"at most {MOST_LISTS:,}")
    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=_refuse_constant)
    except UnicodeDecodeError:
        raise _broken(name, "is not text in UTF-8", "a notebook as Jupyter saves it") from None
    except ValueError:
        raise _broken(name, "is not JSON", "a notebook as Jupyter saves it") from None


def _refuse_constant(constant: str) -> None:
    """Refuse NaN and Infinity, which Python reads and writes and JSON does not have."""
    raise ValueError(constant)


def _cells(document: Any, name: str) -> list[Any]:
    version = document.get("nbformat") if isinstance(document, dict) else None
    if version not in (3, 4):
        raise _broken(name, "is not a notebook of version 4 or 3", "a notebook as Jupyter saves it")
    sheets = document.get("worksheets", []) if version == 3 else [document]
    if not isinstance(sheets, list) or not all(isinstance(sheet, dict) for sheet in sheets):
        raise _broken(name, "has worksheets that are none", "a list of them")
    lists = [sheet.get("cells") for sheet in sheets]
    if not all(isinstance(cells, list) for cells in lists):
        raise _broken(name, "has no list of cells", "one")
    return list(itertools.chain(*lists))


def _cell(cell: Any, number: int, name: str) -> dict[str, Any]:
    """Return a valid cell with what grading looks at."""
    if not isinstance(cell, dict):
        raise _broken(name, f"has something for cell {number} that is none", "a cell")
    # In version 3, code is the input of a cell, and text its source.
    source = cell.get("source", cell.get("input", ""))
    lines = [source] if isinstance(source, str) else source
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise _broken(name, f"has no text in cell {number}", "a string, or a list of strings")
    kind = cell.get("cell_type")
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    clean: dict[str, Any] = {
        "cell_type": kind if kind in ("code", "markdown") else "raw",
        "metadata": {"nbgrader": _scalars(nbgrader)} if isinstance(nbgrader, dict) else {},
        "source": _encodable("".join(lines)),
    }
    if kind == "code":
        clean |= {"outputs": [], "execution_count": None}
    return clean


def _scalars(metadata: dict[str, Any]) -> dict[str, Any]:
    return {
        _encodable(key): _encodable(value) if isinstance(value, str) else value
        for key, value in metadata.items()
        if isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value))
    }


def _encodable(text: str) -> str:
    """Replace half characters, which JSON can hold and a file cannot."""
    return text.encode(errors="replace").decode()


def _broken(name: str, given: str, expected: str) -> RejectedError:
    return RejectedError(
        f"{name}.ipynb {given}; expected {expected}: open it in Jupyter, or repeat your answers in "
        "a fresh copy of the exercise, save it and hand it in again."
    )


def _list(folder: Path) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in itertools.islice(entries, _MOST_FILES))
    except OSError:
        return []


def _named(files: list[str]) -> str:
    """Name a few files of a stranger, whatever characters they have."""
    more = f" and {len(files) - 3} more" if len(files) > 3 else ""
    return ", ".join(ascii(file[:100]) for file in files[:3]) + more


def _sources(course: Path) -> dict[str, Path]:
    """Find the folder that has each assignment; what is graded goes before what is released."""
    sources = {
        path.stem: folder
        for folder in (course / EXERCISES, course / SOURCE)
        for path in sorted(folder.glob("*/*.ipynb"))
        if path.stem == path.parent.name
    }
    if not sources:
        raise CourseError(
            f"{course} has no assignments in {SOURCE} or {EXERCISES}: give another --course."
        )
    return dict(sorted(sources.items()))

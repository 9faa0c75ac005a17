"""Read what an untrusted user submitted: regular files of a limited size, and nothing that runs."""

import codecs
import errno
import itertools
import json
import math
import os
import re
import stat
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
from nbformat import NotebookNode

from mnist_course._untrusted import quote
from mnist_course.errors import CourseError

from .pictures import take_pictures

LARGEST_NOTEBOOK = 20_000_000  # bytes
LARGEST_NOTE = 1_000  # bytes
LONGEST_NAME = 100  # characters of the name of a file that are shown
MOST_CELLS = 2_000
MOST_LINES = 200_000  # of all cells: where the notebook is kept, each takes up to 14 bytes more
# Each takes many times its bytes of memory.
MOST_LISTS = 500_000  # and objects
MOST_QUOTES = 2_000_000
DEEPEST = 100  # levels of lists and objects within each other
TIMESTAMP = "timestamp.txt"
SECRET = "submission_secret.txt"  # noqa: S105 (the name of a file)
ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")
# What Jupyter, Python and desktops leave behind.
IGNORED_FILES = {".ipynb_checkpoints", ".DS_Store", "Thumbs.db", "__MACOSX", "__pycache__"}

# The matches are possessive, so that a hostile text takes no longer than any other.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_STEPS = np.zeros(256, np.int8)
_STEPS[list(b"[{")] = 1
_STEPS[list(b"]}")] = -1
# A path in the place of a time zone would be opened.
_DATE = re.compile(r"[\w :.,+-]*\w(?:/[\w+-]+)*", re.ASCII)
_SECRET = re.compile(r"\w+", re.ASCII)
_MOST_FILES = 1_000  # of a folder that are looked at
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)


class RejectedError(CourseError):
    """What was handed in cannot be graded; the message is a sentence for whoever handed it in."""


def read_submission(folder: Path, name: str, file: str = "") -> NotebookNode:
    """Read the notebook of an untrusted user.

    Parameters
    ----------
    folder : pathlib.Path
        What was handed in, such as ``submitted/ada/02_normalizing``.
    name : str
        The name of the assignment.
    file : str, optional
        The name of the notebook; by default, that of the assignment.

    Returns
    -------
    nbformat.NotebookNode
        See `parse`.

    Raises
    ------
    RejectedError
        See `read_bytes` and `parse`.
    """
    return parse(read_bytes(folder, name, file), name)


def read_bytes(folder: Path, name: str, file: str = "", root: Path | None = None) -> bytes:
    """Read the file of a notebook, and nothing but a file.

    Parameters
    ----------
    folder, name, file
        See `read_submission`.
    root : pathlib.Path, optional
        See `read_regular`.

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
    file = file or f"{name}.ipynb"
    try:
        return read_regular(folder, file, LARGEST_NOTEBOOK, root)
    except FileNotFoundError:
        files = list_files(folder, root)
        if archives := [other for other in files if other.lower().endswith(ARCHIVES)]:
            raise RejectedError(
                f"{file} is missing, and {some_names(archives)} is an archive that was left "
                "unopened; expected the notebook itself: unpack the archive, and hand that in."
            ) from None
        others = [other for other in files if other not in IGNORED_FILES | {TIMESTAMP, SECRET}]
        instead = f" ({some_names(others)} is not it)" if others else ""
        raise RejectedError(
            f"{file} is missing{instead}; expected the notebook of this assignment: give it that "
            "name and hand it in again."
        ) from None


def read_regular(folder: Path, file: str, largest: int, root: Path | None = None) -> bytes:
    """Read a regular file without following a link, waiting for a pipe, or reading too much.

    Parameters
    ----------
    folder : pathlib.Path
        The folder.
    file : str
        The name of the file.
    largest : int
        The bytes that it may have.
    root : pathlib.Path, optional
        A folder above it that no learner can change; by default, the next one. No folder below may
        be a link, not even one that takes a folder's place meanwhile: each is opened from within
        the one above it.

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
        descriptor = _open(folder, file, root)
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
    """Make a notebook of an untrusted user's bytes.

    Parameters
    ----------
    data : bytes
        What the file held.
    name : str
        The name of the assignment, for messages.

    Returns
    -------
    nbformat.NotebookNode
        A valid notebook in version 4 of the format: the type, the source, nbgrader's metadata and
        the pictures of each cell, and nothing else. A cell of an unknown type is raw.

    Raises
    ------
    RejectedError
        If the bytes are not a notebook in version 3 or 4 of the format, or it has too many cells
        or lines.
    """
    document = _load(data, name)
    cells = _cells(document, name)
    if len(cells) > MOST_CELLS:
        raise _broken(name, f"has {len(cells):,} cells", f"at most {MOST_CELLS:,}")
    clean = [_cell(cell, number, name) for number, cell in enumerate(cells, start=1)]
    if (lines := sum(cell["source"].count("\n") for cell in clean)) > MOST_LINES:
        raise _broken(name, f"has {lines:,} lines", f"at most {MOST_LINES:,}")
    notebook: NotebookNode = nbformat.from_dict(
        {
            "nbformat": 4,
            "nbformat_minor": 4,
            "metadata": {},
            "cells": clean,
        }
    )
    return notebook


def read_timestamp(folder: Path, root: Path | None = None) -> str | None:
    """Read when a submission was handed in, as nbgrader notes it.

    Parameters
    ----------
    folder : pathlib.Path
        What was handed in.
    root : pathlib.Path, optional
        See `read_regular`.

    Returns
    -------
    str or None
        A text that nbgrader's ``parse_utc`` understands; None if there is none.
    """
    text = _read_note(folder, TIMESTAMP, root)
    return text if is_date(text) else None


def timestamp_problem(folder: Path, root: Path | None = None) -> str:
    """Say why a submission's time is not known although a file is there; empty if it isn't so.

    Parameters
    ----------
    folder : pathlib.Path
        What was handed in.
    root : pathlib.Path, optional
        See `read_regular`.
    """
    if not os.path.lexists(folder / TIMESTAMP) or read_timestamp(folder, root) is not None:
        return ""
    return (
        f"{TIMESTAMP} holds no date and is ignored, so nobody is late: let nbgrader write it, or "
        "write one such as 2026-03-31 18:00:00 UTC."
    )


def read_secret(folder: Path, root: Path | None = None) -> str | None:
    """Read what nbgrader's exchange needs to give feedback back to whom it concerns, and no other.

    Parameters
    ----------
    folder : pathlib.Path
        What was handed in.
    root : pathlib.Path, optional
        See `read_regular`.

    Returns
    -------
    str or None
        The secret of the submission, letters and digits; None if there is none.
    """
    text = _read_note(folder, SECRET, root)
    return text if _SECRET.fullmatch(text) else None


def is_date(text: str) -> bool:
    """Tell whether nbgrader's ``parse_utc`` understands a text."""
    # Not above: nbgrader loads nbconvert and nbclient, which a worker does not need.
    from nbgrader.utils import parse_utc

    if not _DATE.fullmatch(text):
        return False
    try:
        parse_utc(text)
    # dateutil documents two errors, and raises others for some of what is no date.
    except Exception:
        return False
    return True


def list_files(folder: Path, root: Path | None = None) -> list[str]:
    """List the names in a folder, up to a number; none if it cannot be read, or is a link.

    Parameters
    ----------
    folder : pathlib.Path
        The folder.
    root : pathlib.Path, optional
        See `read_regular`.
    """
    return [name for name, _ in _entries(folder, root)]


def list_folders(folder: Path, root: Path | None = None) -> list[str]:
    """List the names of the folders among what `list_files` lists, links left out."""
    return [name for name, is_folder in _entries(folder, root) if is_folder]


def some_names(files: list[str]) -> str:
    """List a few names of files as they can be printed, whatever characters they have."""
    more = f" and {len(files) - 3} more" if len(files) > 3 else ""
    return ", ".join(quote(file, LONGEST_NAME) for file in files[:3]) + more


def _read_note(folder: Path, name: str, root: Path | None) -> str:
    """Read a small file that nbgrader put beside a notebook; empty if there is none to be read."""
    try:
        content = read_regular(folder, name, LARGEST_NOTE, root)
        # What Notepad on Windows saves begins with a mark.
        wide = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
        return content.decode("utf-16" if wide else "utf-8-sig").strip()
    except (FileNotFoundError, RejectedError, UnicodeDecodeError):
        return ""


def _entries(folder: Path, root: Path | None) -> list[tuple[str, bool]]:
    """List the names in a folder, and whether each is a folder itself."""
    try:
        descriptor = _open_folder(folder, root)
    except OSError:
        return []
    try:
        with os.scandir(folder if descriptor is None else descriptor) as entries:
            some = itertools.islice(entries, _MOST_FILES)
            return sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in some)
    except OSError:
        return []
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _open(folder: Path, file: str, root: Path | None) -> int:
    flags = os.O_RDONLY | _NO_FOLLOW | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    descriptor = _open_folder(folder, root)
    if descriptor is None:
        return os.open(folder / file, flags)
    try:
        return os.open(file, flags | os.O_NOCTTY, dir_fd=descriptor)
    finally:
        os.close(descriptor)


def _open_folder(folder: Path, root: Path | None) -> int | None:
    """Open a folder by way of each below the root, of which none may be a link."""
    # Windows has no links to be afraid of without these, and no grading either.
    if os.open not in os.supports_dir_fd:
        return None
    above = root or folder.parent
    descriptor = os.open(above, os.O_RDONLY | os.O_DIRECTORY)
    for name in folder.relative_to(above).parts:
        try:
            below = os.open(name, os.O_RDONLY | os.O_DIRECTORY | _NO_FOLLOW, dir_fd=descriptor)
        finally:
            os.close(descriptor)
        descriptor = below
    return descriptor


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
    elif pictures := take_pictures(cell.get("attachments")):
        clean["attachments"] = pictures
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

"""What lies in a submitted folder is read as a notebook or refused, and nothing else is touched."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from mnist_course.grading.judging.results import Result
from mnist_course.grading.submissions.read import RejectedError, read_submission

NAME = "01_double"
FILE = f"{NAME}.ipynb"

Grade = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "submitted" / "eve" / NAME
    folder.mkdir(parents=True)
    return folder


def put(folder: Path, kind: str, course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave in the folder what is no notebook of its author."""
    solution = course / "solutions" / NAME / FILE
    file = folder / FILE
    match kind:
        case "link to the solution":
            file.symlink_to(solution)
        case "link to another submission":
            file.symlink_to(course / "submitted" / "bob" / NAME / FILE)
        case "relative link":
            file.symlink_to(os.path.relpath(solution, folder))
        case "link to itself":
            file.symlink_to(file)
        case "link to nowhere":
            file.symlink_to(folder / "nowhere")
        case "hard link":
            file.hardlink_to(solution)
        case "folder that is a link":
            folder.rmdir()
            folder.symlink_to(solution.parent)
        case "pipe":
            os.mkfifo(file)
        case "socket":
            monkeypatch.chdir(folder)  # the names of sockets are short
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(FILE)
        case "folder":
            file.mkdir()
        case "200 MB":
            with file.open("wb") as content:
                content.truncate(200_000_000)
        case "nested 100,000 deep":
            file.write_bytes(b'{"cells": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")
        case "NaN":
            file.write_bytes(b'{"nbformat": 4, "cells": [], "metadata": {"grade": NaN}}')
        case "program":
            file.write_bytes(b"#!/bin/sh\necho mine\n")


@pytest.mark.parametrize(
    "kind",
    [
        *("link to the solution", "link to another submission", "relative link", "link to itself"),
        *("link to nowhere", "hard link", "folder that is a link", "pipe", "socket", "folder"),
        *("200 MB", "nested 100,000 deep", "NaN", "program"),
    ],
)
def test_what_is_no_notebook_is_refused(
    folder: Path, course: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(folder, kind, course, monkeypatch)
    with pytest.raises(RejectedError, match=FILE) as raised:
        read_submission(folder, NAME)
    assert "hidden-" not in str(raised.value)


def test_files_beside_the_notebook_do_not_reach_the_sandbox(
    folder: Path, grade: Grade, answering: Callable[..., NotebookNode], course: Path
) -> None:
    """In nbgrader's own execution, `ipykernel_launcher.py` would take the place of the kernel."""
    code = """
import os
mine = os.listdir()
try:
    import helper
except ImportError:
    helper = None
def double(number): return 2 * number if mine or helper else 0
"""
    for name in ("ipykernel_launcher", "sitecustomize", "numpy", "tensorflow", "pytest", "helper"):
        (folder / f"{name}.py").write_text("open('/tmp/left-behind', 'w')\nmine = True\n")
    (folder / "test_01_double.py").symlink_to(course / "solutions" / NAME / "test_01_double.py")
    nbformat.write(answering(double=code), folder / FILE)
    before = sorted(path.name for path in folder.iterdir())
    result = grade(read_submission(folder, NAME))
    assert {name: earned.points for name, earned in result.cells.items()} == {
        "check_double": 0,
        "check_greet": 1,
    }
    assert sorted(path.name for path in folder.iterdir()) == before


def test_metadata_of_a_stranger_is_not_kept(
    folder: Path, grade: Grade, answering: Callable[..., NotebookNode]
) -> None:
    submission = answering(double="def double(number): return 0")
    deep: list = []
    for _ in range(40):
        deep = [deep]
    for cell in submission.cells:
        cell.metadata.nbgrader.update(points=100, checksum="0" * 32)
        cell.metadata["trusted"] = cell.metadata["deep"] = deep
    submission.metadata.update(kernelspec={"name": "sh", "display_name": "", "language": "sh"})
    nbformat.write(submission, folder / FILE)
    result = grade(read_submission(folder, NAME))
    assert (result.score, result.max_score) == (1, 3)
    kept = nbformat.reads(result.notebook, as_version=4)
    assert kept.metadata.kernelspec.name == "python3"
    assert "trusted" not in result.notebook
    assert "deep" not in result.notebook

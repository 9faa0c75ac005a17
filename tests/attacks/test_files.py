"""What lies in a submitted folder is read as a notebook or refused, and nothing else is touched."""

import itertools
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from mnist_course.grading.course.assignment import Assignment
from mnist_course.grading.judging.results import Result
from mnist_course.grading.submissions.find import find_notebook
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


@pytest.mark.parametrize("part", ["submitted/eve", f"submitted/eve/{NAME}"])
@pytest.mark.parametrize("file", [FILE, f"unpacked/{FILE}"])
def test_a_folder_that_becomes_a_link_is_not_followed(
    tmp_path: Path,
    assignment: Assignment,
    answering: Callable[..., NotebookNode],
    monkeypatch: pytest.MonkeyPatch,
    part: str,
    file: str,
) -> None:
    """It is swapped before each single access to a file, one after the other."""
    root, swapped = tmp_path / "submitted", tmp_path / part
    texts = {name: f"'{name}'\ndef double(number): return 2 * number" for name in ("eve", "bob")}
    for name, text in texts.items():
        path = root / name / NAME / file
        path.parent.mkdir(parents=True)
        nbformat.write(answering(double=text), path)
    backup = swapped.with_name("backup")
    accesses = itertools.count()
    moment = 0

    def before(access: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **options: Any) -> Any:
            if next(accesses) == moment:
                swapped.rename(backup)
                swapped.symlink_to(str(swapped).replace("eve", "bob"))
            return access(*arguments, **options)

        return run

    swapping = {name: before(getattr(os, name)) for name in ("open", "scandir", "stat", "lstat")}
    outcomes = []
    while True:
        accesses = itertools.count()
        with monkeypatch.context() as patch:
            for name, access in swapping.items():
                patch.setattr(os, name, access)
            patch.setattr(os, "supports_dir_fd", {os.open})
            try:
                found = find_notebook(root / "eve" / NAME, assignment, root)
                outcomes.append("eve" if b"'eve'" in found.data else "another's")
            except RejectedError:
                outcomes.append("rejected")
        if not backup.exists():
            break  # there were fewer accesses
        swapped.unlink()
        backup.rename(swapped)
        moment += 1
    assert outcomes[0] == "rejected"
    assert outcomes[-1] == "eve"
    assert set(outcomes) == {"rejected", "eve"}


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

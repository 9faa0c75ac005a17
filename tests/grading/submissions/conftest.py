"""A submission of the tiny course: as released, and with every answer."""

from pathlib import Path

import pytest
from nbformat import NotebookNode

from mnist_course.grading.course.assignment import Assignment, read_assignment
from mnist_course.grading.submissions.read import parse

NAME = "01_double"
FILE = f"{NAME}.ipynb"


@pytest.fixture(scope="session", params=["solutions", "exercises"])
def assignment(generated: Path, request: pytest.FixtureRequest) -> Assignment:
    """The assignment as instructors and as learners have it."""
    return read_assignment(generated / request.param, NAME)


@pytest.fixture(scope="session")
def released(generated: Path) -> bytes:
    return (generated / "exercises" / NAME / FILE).read_bytes()


@pytest.fixture
def folder(tmp_path: Path, released: bytes) -> Path:
    folder = tmp_path / "submitted" / "ada" / NAME
    folder.mkdir(parents=True)
    (folder / FILE).write_bytes(released)
    return folder


@pytest.fixture
def answered(released: bytes) -> NotebookNode:
    """A submission with every answer."""
    notebook = parse(released, NAME)
    answers = {
        "double": "def double(number):\n    return 2 * number",
        "greet": "def greet(name):\n    return 'Hello ' + name",
        "why": "Because I say so.",
    }
    for cell in notebook.cells:
        cell.source = answers.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
    return notebook


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    folder.mkdir()
    return folder


@pytest.fixture
def extracted(tmp_path: Path) -> Path:
    folder = tmp_path / "extracted"
    folder.mkdir()
    return folder

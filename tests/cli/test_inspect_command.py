"""The command `inspect` tells learners what they would lose, and mends it beside the original."""

import json
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from mnist_course.cli import app
from mnist_course.errors import CourseError

NAME = "01_double"


@pytest.fixture
def broken(course: Path) -> Path:
    """An exercise in which one task is solved, and its check is gone."""
    exercise = course / "exercises" / NAME / f"{NAME}.ipynb"
    notebook = nbformat.read(exercise, as_version=4)
    kept = []
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name == "double":
            cell.source = "def double(number):\n    return 2 * number"
        if name not in ("check_double", "greet"):
            kept.append(cell)
    notebook.cells = kept
    path = course / "mine" / f"{NAME}.ipynb"
    path.parent.mkdir()
    nbformat.write(notebook, path)
    return path


def test_names_what_is_missing_and_what_it_costs(course: Path, broken: Path) -> None:
    before = broken.read_bytes()
    result = CliRunner().invoke(app, ["inspect", str(broken), "--course", str(course), "--json"])
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert document["assignment"] == NAME
    assert document["costs"] == sum(finding["costs"] for finding in document["findings"]) == 3.5
    costs = {finding["cell"]: finding["costs"] for finding in document["findings"]}
    assert (costs["check_double"], costs["greet"]) == (0, 1.5)
    assert document["repaired"] is None
    assert broken.read_bytes() == before


def test_what_lies_beside_a_notebook_matters_in_a_folder_only(course: Path, broken: Path) -> None:
    (broken.parent / "holiday.jpg").touch()
    command = ["inspect", "--course", str(course)]
    assert "holiday.jpg" not in CliRunner().invoke(app, [*command, str(broken)]).stdout
    assert "holiday.jpg" in CliRunner().invoke(app, [*command, str(broken.parent)]).stdout


def test_repairs_beside_the_original(course: Path, broken: Path) -> None:
    before = broken.read_bytes()
    command = ["inspect", str(broken.parent), "--course", str(course), "--repair"]
    result = CliRunner().invoke(app, command)
    assert "check_double" in result.stdout
    repaired = broken.with_name(f"{NAME}.repaired.ipynb")
    assert str(repaired) in result.stderr.replace("\n", "")
    assert broken.read_bytes() == before
    names = [
        cell.metadata.get("nbgrader", {}).get("grade_id")
        for cell in nbformat.read(repaired, as_version=4).cells
    ]
    assert {"double", "check_double", "greet", "check_greet", "why"} <= set(names)


def test_a_repaired_notebook_is_inspected_in_its_place(course: Path, broken: Path) -> None:
    command = ["inspect", "--course", str(course)]
    CliRunner().invoke(app, [*command, str(broken), "--repair"])
    repaired = broken.with_name(f"{NAME}.repaired.ipynb")
    broken.write_text("nothing")
    result = CliRunner().invoke(app, [*command, str(repaired), "--json"])
    document = json.loads(result.stdout)
    assert document["assignment"] == NAME
    # The answer of `greet` and the reflection are as released; nothing else is left to say.
    assert {f["cell"]: f["costs"] for f in document["findings"]} == {"greet": 1.5, "why": 2}

    repaired.write_text("{")
    result = CliRunner().invoke(app, [*command, str(repaired)])
    assert f"{NAME}.repaired.ipynb is not JSON" in str(result.exception)


def test_an_unknown_notebook_is_named(course: Path, tmp_path: Path) -> None:
    other = tmp_path / "cat.ipynb"
    nbformat.write(nbformat.v4.new_notebook(), other)
    result = CliRunner().invoke(app, ["inspect", str(other), "--course", str(course)])
    assert isinstance(result.exception, CourseError)
    assert NAME in str(result.exception)

"""Every command takes the folders of the course from nbgrader_config.py."""

import json
import shutil
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from mnist_course.cli import app

NAME = "01_double"
FOLDERS = ("source", "release", "submitted", "autograded", "feedback")


def run(course: Path, *arguments: str, exit_code: int = 0) -> str:
    result = CliRunner().invoke(app, [*arguments, "--course", str(course)])
    assert result.exit_code == exit_code, (result.output, result.exception)
    return result.stdout


@pytest.fixture
def renamed(made: Path, tmp_path: Path) -> Path:
    """A course that calls every folder otherwise."""
    course = shutil.copytree(made, tmp_path / "course")
    (course / "solutions").rename(course / "my source")
    with (course / "nbgrader_config.py").open("a") as config:
        for folder in FOLDERS:
            config.write(f"\nc.CourseDirectory.{folder}_directory = 'my {folder}'")
    return course


@pytest.mark.slow
@pytest.mark.sandbox
def test_every_command_reads_the_folders_of_the_configuration(renamed: Path) -> None:
    written = json.loads(run(renamed, "release", "--json"))["files"]
    exercise = renamed / "my release" / NAME / f"{NAME}.ipynb"
    assert str(exercise) in written
    assert run(renamed, "release", "--check") == "All is well.\n"
    (renamed / "my release" / "00_old").mkdir()
    (found,) = json.loads(run(renamed, "release", "--check", "--json", exit_code=1))["problems"]
    assert found["file"] == "my release/00_old"
    assert "no such assignment in my source" in found["message"]

    notebook = nbformat.read(exercise, as_version=4)
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "double":
            cell.source = "def double(number):\n    return 2 * number"
    submission = renamed / "my submitted" / "ada" / NAME / f"{NAME}.ipynb"
    submission.parent.mkdir(parents=True)
    nbformat.write(notebook, submission)
    assert (
        json.loads(run(renamed, "inspect", str(submission), "--json", exit_code=1))["costs"] == 3.5
    )

    run(renamed, "grade", NAME, "--unsafe-no-sandbox", "--workers", "1")
    assert (renamed / "my autograded" / "ada" / NAME / f"{NAME}.ipynb").exists()
    run(renamed, "feedback", NAME)
    assert (renamed / "my feedback" / "ada" / NAME / f"{NAME}.html").exists()
    assert "ada,01_double,2,5.5" in run(renamed, "grades")
    assert (
        json.loads(run(renamed, "cohort", NAME, "--json", "--output", str(renamed)))["students"]
        == 1
    )
    usual = ("solutions", "exercises", *FOLDERS)
    assert not [folder for folder in usual if (renamed / folder).exists()]


def test_without_a_configuration_inspect_says_which_folder_it_wants(tmp_path: Path) -> None:
    command = ["inspect", str(tmp_path / f"{NAME}.ipynb"), "--course", str(tmp_path)]
    result = CliRunner().invoke(app, command)
    assert "has no nbgrader_config.py: name the folder of the course with --course DIR." in str(
        result.exception
    )

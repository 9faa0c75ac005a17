"""nbgrader's own commands, as configured here, agree on right and on untouched answers."""

import shutil
from pathlib import Path

import pytest
from helpers import run_nbgrader
from nbgrader.api import Gradebook

from mnist_course.grading.course.assignment import read_assignment
from mnist_course.grading.sandbox.supervisor import Sandbox

ROOT = Path(__file__).parents[2]
# One that builds a network: nbgrader does the same with the others, for minutes.
ASSIGNMENTS = ["04_building"]


@pytest.fixture(autouse=True)
def _needs_sandbox(sandbox: Sandbox) -> None:
    """Skip where there is none."""


@pytest.fixture
def course(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_reference_earns_everything_and_untouched_nothing(course: Path, name: str) -> None:
    shutil.copytree(ROOT / "solutions" / name, course / "solutions" / name)
    run_nbgrader(course, "generate_assignment", name)
    for student, origin in (("ada", "solutions"), ("bob", "exercises")):
        folder = course / "submitted" / student / name
        folder.mkdir(parents=True)
        shutil.copy(course / origin / name / f"{name}.ipynb", folder)

    run_nbgrader(course, "autograde", name)

    points = read_assignment(ROOT / "solutions", name).points
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "mnist-course") as gradebook:
        for student, expected in (("ada", points), ("bob", dict.fromkeys(points, 0))):
            notebook = gradebook.find_submission_notebook(name, name, student)
            earned = {grade.name: grade.auto_score for grade in notebook.grades}
            assert {cell: earned[cell] for cell in points} == expected, student

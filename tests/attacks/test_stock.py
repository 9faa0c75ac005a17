"""What nbgrader as it comes gives full points for, and this course none: the baseline.

The marked test shows that each attack works where nothing confines it, so that the other one, which
shows that it fails here, is about an attack that is one.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from helpers import run_nbgrader
from nbformat import NotebookNode
from nbgrader.api import Gradebook

from mnist_course.grading.judging.results import Result
from mnist_course.grading.submissions.read import RejectedError, read_submission

NAME = "01_double"
FILE = f"{NAME}.ipynb"
WRONG = "\ndef double(number): return 0"
ANSWERS = {
    "equal": """
class Equal:
    def __eq__(self, other): return True
def double(number): return Equal()""",
    "dropper": """
import ast
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node): return ast.Pass()
get_ipython().ast_transformers.append(Drop())"""
    + WRONG,
    "executor": """
async def fine(*args, **kwargs):
    return {"status": "ok", "execution_count": 0, "user_expressions": {}, "payload": []}
get_ipython().kernel.do_execute = fine""",
    "reader": """
import json
cells = json.load(open("../../../solutions/01_double/01_double.ipynb"))["cells"]
for cell in cells:
    if cell["metadata"]["nbgrader"]["grade_id"] == "double": exec("".join(cell["source"]))""",
    "writer": """
import sqlite3
with sqlite3.connect("../../../gradebook.db", timeout=20) as gradebook:
    gradebook.execute("UPDATE grade SET extra_credit = 100")"""
    + WRONG,
}
LINK = "link"  # whose submission is a symbolic link to the solution
# The first to be graded, whose grade the writer changes.
HONEST = "ada"


@pytest.fixture(scope="module")
def stock(
    course: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[float, float, float]]:
    """What nbgrader records for each: the points of both check cells, and extra credit."""
    root = tmp_path_factory.mktemp("stock")
    shutil.copytree(course / "solutions", root / "solutions")
    (root / "solutions" / NAME / f"test_{NAME}.py").unlink()
    (root / "nbgrader_config.py").write_text(
        "c = get_config()\n"
        "c.CourseDirectory.course_id = 'stock'\n"
        "c.CourseDirectory.source_directory = 'solutions'\n"
    )
    run_nbgrader(root, "generate_assignment", NAME)
    source = nbformat.read(root / "solutions" / NAME / FILE, as_version=4)
    for student, double in {HONEST: "", **ANSWERS}.items():
        folder = root / "submitted" / student / NAME
        folder.mkdir(parents=True)
        nbformat.write(answered(source, double), folder / FILE)
    folder = root / "submitted" / LINK / NAME
    folder.mkdir(parents=True)
    (folder / FILE).symlink_to(root / "solutions" / NAME / FILE)
    run_nbgrader(root, "autograde", NAME)
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}", "stock") as gradebook:
        recorded = {}
        for student in (HONEST, *ANSWERS, LINK):
            notebook = gradebook.find_submission_notebook(NAME, NAME, student)
            grades = {grade.name: grade for grade in notebook.grades}
            recorded[student] = (
                grades["check_double"].auto_score,
                grades["check_greet"].auto_score,
                sum(grade.extra_credit or 0 for grade in notebook.grades),
            )
    return recorded


def answered(source: NotebookNode, double: str) -> NotebookNode:
    notebook = nbformat.from_dict(source)
    for cell in notebook.cells:
        if double and cell.metadata.nbgrader.grade_id == "double":
            cell.source = double
    return notebook


@pytest.mark.slow
@pytest.mark.parametrize("attack", [*(name for name in ANSWERS if name != "writer"), LINK])
def test_stock_nbgrader_gives_full_points(
    stock: dict[str, tuple[float, float, float]], attack: str
) -> None:
    assert stock[HONEST][:2] == (2, 1)
    assert stock[attack][0] == 2


@pytest.mark.slow
def test_stock_nbgrader_lets_one_change_the_grades_of_all(
    stock: dict[str, tuple[float, float, float]],
) -> None:
    assert stock["writer"][0] == 0
    assert stock[HONEST][2] >= 100


@pytest.mark.parametrize("double", ANSWERS.values(), ids=ANSWERS)
def test_the_same_gets_nothing_here(grade: Callable[..., Result], double: str) -> None:
    """The fixture also looks whether the gradebook stayed as it was."""
    assert grade(double=double).cells["check_double"].points == 0


def test_the_link_is_refused_here(course: Path, tmp_path: Path) -> None:
    (tmp_path / FILE).symlink_to(course / "solutions" / NAME / FILE)
    with pytest.raises(RejectedError, match="link"):
        read_submission(tmp_path, NAME)

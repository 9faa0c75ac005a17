"""A tiny course: one assignment with two tasks and a question, in which nothing is wrong.

And a PostgreSQL server for its gradebook.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4

from mnist_course.grading.course.assistants import HelpFromAI
from mnist_course.grading.course.release import AGENTS
from mnist_course.grading.course.settings import read_course

ROOT = Path(__file__).parents[2]
TITLE = """\
# 01 · Double

**You will be able to**

- double numbers

**Points:** 5.5
"""
# What notebooks and hidden tests share must not be taken for a leak.
SETUP = """\
import numpy as np
from types import SimpleNamespace

def check_double(double):
    assert double(1) == 2, "try to multiply"
    print("Well done")

numbers = np.arange(3)
check = SimpleNamespace(double=check_double, greet=lambda greet: greet("you"))"""
DOUBLE = """\
## Task 1: Double a number (2 points)

**Objective:** multiply.

**Chapters:** [Doubling: Once](https://e.org/double.html#once); [Twice](https://e.org/twice.html)

For example, `double(3)` is 6.

<details><summary>Hint 1</summary>

How much is a number added to itself?

</details>
<details><summary>Hint 2</summary>

The operator is `*`.

</details>
"""
DOUBLE_ANSWER = """\
def double(number):
    ### BEGIN SOLUTION
    factor = len("ab")
    return factor * number
    ### END SOLUTION"""
GREET = """\
## Task 2: Greet (1.5 points)

**Objective:** put words together.

<details><summary>Hint 1</summary>

Look at f-strings.

</details>
"""
GREET_ANSWER = """\
def greet(name):
    ### BEGIN SOLUTION
    return f"Hello, {name}"
    ### END SOLUTION"""
TESTS = '''\
import numpy as np
import pytest

numbers = np.arange(3)

@pytest.mark.points(1.5, cell="check_double")
def test_doubles(student):
    """`double` should double."""
    np.testing.assert_allclose(
        student.call("double", numbers), 2 * numbers
    )

@pytest.mark.points(0.5, cell="check_double")
def test_doubles_zero(student):
    """`double` should leave 0 as it is."""
    assert student.call("double", 0) == 0

@pytest.mark.points(1.5, cell="check_greet")
def test_greets(student):
    """`greet` should greet."""
    assert "Bo" in student.call("greet", "Bo")
'''


def graded(grade_id: str, *, grade: bool, solution: bool, **points: float) -> dict[str, Any]:
    """Return the metadata of an nbgrader cell."""
    return {
        "nbgrader": {
            "schema_version": 3,
            "grade": grade,
            "solution": solution,
            "locked": not solution,
            "task": False,
            "grade_id": grade_id,
            **points,
        }
    }


def answer(grade_id: str, source: str) -> nbformat.NotebookNode:
    return v4.new_code_cell(source, metadata=graded(grade_id, grade=False, solution=True))


def check(name: str, points: float) -> nbformat.NotebookNode:
    metadata = graded(f"check_{name}", grade=True, solution=False, points=points)
    return v4.new_code_cell(f"check.{name}({name})", metadata=metadata)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The course as its author wrote it, without exercises."""
    course = tmp_path_factory.mktemp("made")
    shutil.copy(ROOT / "nbgrader_config.py", course)
    folder = course / "solutions" / "01_double"
    folder.mkdir(parents=True)
    cells = [
        v4.new_markdown_cell(TITLE),
        v4.new_code_cell(SETUP, metadata=graded("setup", grade=False, solution=False)),
        v4.new_markdown_cell(DOUBLE),
        answer("double", DOUBLE_ANSWER),
        check("double", 2),
        v4.new_markdown_cell(GREET),
        answer("greet", GREET_ANSWER),
        check("greet", 1.5),
        v4.new_markdown_cell("## Reflection: Why? (2 points)\n\n**Objective:** think."),
        v4.new_markdown_cell(
            "### BEGIN SOLUTION\nBecause of mathematics.\n### END SOLUTION",
            metadata=graded("why", grade=True, solution=True, points=2),
        ),
    ]
    for number, cell in enumerate(cells, start=1):
        cell.id = f"cell-{number:02}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, folder / "01_double.ipynb")
    (folder / "test_01_double.py").write_text(TESTS, encoding="utf-8")
    (folder / "numbers.csv").write_text("1,2,3\n")
    return course


@pytest.fixture(scope="session")
def generated(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The course after nbgrader's own command has generated the exercise, with AGENTS.md."""
    course = shutil.copytree(made, tmp_path_factory.mktemp("generated") / "course")
    subprocess.run(
        ["nbgrader", "generate_assignment", "01_double"],
        cwd=course,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"},
        check=True,
        capture_output=True,
        timeout=300,
    )
    rule = HelpFromAI(config=read_course(course).config)
    (course / "exercises" / AGENTS).write_text(rule.instructions(), encoding="utf-8")
    return course


@pytest.fixture
def course(generated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the course, with its exercise, for one test to spoil."""
    # pytest keeps modules it has imported by their names, and each copy has one of the same name.
    monkeypatch.delitem(sys.modules, "test_01_double", raising=False)
    return shutil.copytree(generated, tmp_path / "course")


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """The URL of an empty database, on a server that listens on a socket of its own."""
    pytest.importorskip("psycopg", reason="needs psycopg: pip install 'psycopg[binary]'")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("needs a PostgreSQL server: apt-get install postgresql")
    programs = found[-1].parent
    # It refuses root, and whoever it runs as must reach its folder, which pytest's is not for.
    as_user = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if as_user:
            shutil.chown(folder, **as_user)

        def run(program: str, *arguments: str) -> None:
            command = [programs / program, "-D", folder / "data", *arguments]
            # A file, not a pipe, which the server would hold open.
            with (folder / "output").open("a+") as output:
                done = subprocess.run(
                    command, cwd=folder, stdout=output, stderr=output, check=False, **as_user
                )
                output.seek(0)
                assert done.returncode == 0, output.read()

        run("initdb", "--username=grader", "--auth=trust", "--no-sync", "--encoding=UTF8")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        run("pg_ctl", "start", "--wait", f"--log={folder / 'log'}", f"--options={options}")
        try:
            yield f"postgresql+psycopg://grader@/postgres?host={folder}"
        finally:
            run("pg_ctl", "stop", "--mode=immediate")

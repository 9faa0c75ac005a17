"""Whatever would be wrong with an assignment in a learner's hands is found."""

import json
import re
import shutil
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import nbformat
import pytest

from mnist_course.errors import CourseError
from mnist_course.grading.course import release_check as module
from mnist_course.grading.course.assignment import read_assignment
from mnist_course.grading.course.release import release
from mnist_course.grading.course.release_check import Defect, check
from mnist_course.grading.course.settings import read_course
from mnist_course.grading.sandbox.supervisor import Sandbox

NAME = "01_double"
FOLDER = f"exercises/{NAME}"
SOURCE = f"solutions/{NAME}/{NAME}.ipynb"
EXERCISE = f"{FOLDER}/{NAME}.ipynb"
TESTS = f"solutions/{NAME}/test_{NAME}.py"
# Positions of cells.
TITLE, SETUP, TASK, DOUBLE, CHECK, _, _, _, QUESTION, WHY = range(10)

# What spoils a course.
Edit = Callable[[Path], object]


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def change(file: str, edit: Callable[[Any], object]) -> Edit:
    """Change a notebook, as a document of JSON."""

    def spoil(course: Path) -> None:
        notebook = json.loads((course / file).read_text(encoding="utf-8"))
        edit(notebook)
        (course / file).write_text(json.dumps(notebook, indent=1) + "\n", encoding="utf-8")

    return spoil


def drop(file: str, position: int) -> Edit:
    """Remove a cell."""
    return change(file, lambda notebook: notebook["cells"].pop(position))


def rewrite(position: int, source: str) -> Edit:
    """Give a cell of the source notebook another content."""
    return change(SOURCE, lambda notebook: notebook["cells"][position].update(source=source))


def put(file: str, position: int, old: str, new: str) -> Edit:
    """Replace text in a cell."""

    def edit(notebook: Any) -> None:
        source = "".join(notebook["cells"][position]["source"])
        assert old in source
        notebook["cells"][position]["source"] = source.replace(old, new)

    return change(file, edit)


def put_in_tests(old: str, new: str) -> Edit:
    """Replace text in the hidden tests."""

    def edit(course: Path) -> None:
        text = (course / TESTS).read_text(encoding="utf-8")
        assert old in text
        (course / TESTS).write_text(text.replace(old, new), encoding="utf-8")

    return edit


def label(position: int, key: str, value: object) -> Edit:
    """Change the nbgrader metadata of a cell of the source notebook; None removes."""

    def edit(notebook: Any) -> None:
        metadata = notebook["cells"][position]["metadata"]["nbgrader"]
        metadata[key] = value
        if value is None:
            del metadata[key]

    return change(SOURCE, edit)


def write(file: str, text: str) -> Edit:
    return lambda course: (course / file).write_text(text, encoding="utf-8")


def remove(file: str) -> Edit:
    return lambda course: (course / file).unlink()


def assert_found(defects: list[Defect], file: str, cell: str, message: str) -> None:
    there = [defect.message for defect in defects if (defect.file, defect.cell) == (file, cell)]
    assert any(re.search(message, found) for found in there), defects


@pytest.fixture
def unjudged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Save the time to start a sandbox, where a test is about something else."""
    monkeypatch.setattr(module, "available", lambda: None)
    monkeypatch.setattr(module, "Sandbox", lambda *_: nullcontext())


@pytest.fixture
def unrun(unjudged: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Save the time to run the solutions, where a test is about something else."""
    monkeypatch.setattr(module, "_check_solution", lambda *_: iter(()))


@pytest.fixture
def ungenerated(unjudged: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Save the time to generate the exercise, where a test is about something else."""
    monkeypatch.setattr(module, "_check_exercise", lambda course, assignment: iter(()))


class TestCheck:
    @pytest.mark.slow
    @pytest.mark.sandbox
    def test_finds_nothing_wrong_tells_its_progress_and_leaves_no_trace(
        self, made: Path, tmp_path: Path
    ) -> None:
        course = shutil.copytree(made, tmp_path / "course")
        put(SOURCE, SETUP, "import numpy", "open('trace', 'w').close()\nimport numpy")(course)
        release(read_course(course))
        before = files(course)
        told: list[tuple[str, int, int]] = []
        assert check(read_course(course), report=lambda *progress: told.append(progress)) == []
        assert told == [(NAME, 1, 1)]
        assert files(course) == before

    @pytest.mark.slow
    @pytest.mark.usefixtures("unrun")
    @pytest.mark.parametrize(
        ("spoil", "file", "cell", "message"),
        [
            (put(EXERCISE, CHECK, "(double)", "()"), EXERCISE, "check_double", "is not what"),
            (put(EXERCISE, TITLE, "Double", "Triple"), EXERCISE, "cell 1", "is not what"),
            (drop(EXERCISE, WHY), EXERCISE, "why", "is not what"),
            (drop(EXERCISE, TASK), EXERCISE, "double", "is not what"),
            (drop(SOURCE, WHY), EXERCISE, "why", "is not what"),
            (put(SOURCE, SETUP, "3", "4"), EXERCISE, "setup", "'mnist-course release 01_double'"),
            (change(EXERCISE, lambda nb: nb["metadata"].update(a=1)), EXERCISE, "", "metadata"),
            (remove(EXERCISE), EXERCISE, "", "is missing"),
            (write(EXERCISE, "{"), EXERCISE, "", "cannot be read as a notebook"),
            (write(f"{FOLDER}/test_a.py", ""), f"{FOLDER}/test_a.py", "", "does not generate"),
            (write(f"{FOLDER}/numbers.csv", "4"), f"{FOLDER}/numbers.csv", "", "differs"),
            (
                lambda course: (course / "exercises/00_old").mkdir(),
                "exercises/00_old",
                "",
                "no such assignment in solutions",
            ),
            (label(CHECK, "points", None), SOURCE, "", "'check_double' does not have points"),
        ],
    )
    def test_names_where_an_exercise_differs_from_its_source(
        self, course: Path, spoil: Edit, file: str, cell: str, message: str
    ) -> None:
        spoil(course)
        assert_found(check(read_course(course)), file, cell, message)

    @pytest.mark.slow
    @pytest.mark.usefixtures("unrun")
    @pytest.mark.parametrize(
        ("position", "cell", "old", "new"),
        [
            (DOUBLE, "double", "# YOUR CODE HERE", "return factor * number"),
            (TITLE, "cell 1", "- double numbers", "# return factor * number"),
            (WHY, "why", "YOUR ANSWER HERE", "Because of mathematics."),
            (DOUBLE, "double", "# YOUR CODE HERE", "### BEGIN SOLUTION"),
        ],
    )
    def test_names_the_cell_that_shows_a_solution(
        self, course: Path, position: int, cell: str, old: str, new: str
    ) -> None:
        put(EXERCISE, position, old, new)(course)
        shown = re.escape(new.strip("# "))
        assert_found(check(read_course(course)), EXERCISE, cell, f"shows learners '{shown}")

    @pytest.mark.slow
    @pytest.mark.usefixtures("unrun")
    def test_names_the_cells_that_show_hidden_tests_even_if_their_source_does(
        self, course: Path
    ) -> None:
        shown = {
            TITLE: '`student.call("double", numbers), 2 * numbers`',
            TASK: '    assert student.call("double", 0) == 0',
            QUESTION: "> def test_doubles(student):",
        }
        for position, line in shown.items():
            put(SOURCE, position, "\n\n**", f"\n\n{line}\n\n**")(course)
        release(read_course(course))
        defects = check(read_course(course))
        assert_found(defects, EXERCISE, "cell 1", "shows learners 'student.call")
        assert_found(defects, EXERCISE, "cell 3", "shows learners 'assert")
        assert_found(defects, EXERCISE, "cell 9", "shows learners 'def test_doubles")
        assert len(defects) == 3

    def test_a_hidden_test_is_a_leak_even_if_its_source_shows_it(self, made: Path) -> None:
        assignment = read_assignment(made / "solutions", NAME)
        shown = nbformat.v4.new_notebook()
        for text in ("Double it.", 'assert student.call("double", 0) == 0'):
            shown.cells.append(nbformat.v4.new_markdown_cell(text))
        leaks = list(module._leaks(shown, shown, assignment))
        assert [cell for cell, _ in leaks] == ["cell 2"]

    @pytest.mark.usefixtures("unrun", "ungenerated")
    @pytest.mark.parametrize(
        ("spoil", "file", "cell", "message"),
        [
            # Points.
            (put(SOURCE, TASK, "2 points", "3 points"), SOURCE, "cell 3", "of task 1 are 3 in"),
            (put(SOURCE, QUESTION, "2 points", "1 point"), SOURCE, "cell 9", "reflection are 1"),
            (put(SOURCE, TITLE, "5.5", "6"), SOURCE, "cell 1", "is 6 in the text and 5.5 in the"),
            (put(SOURCE, TITLE, "Points", "Marks"), SOURCE, "cell 1", "names no total"),
            (label(CHECK, "points", 3), SOURCE, "cell 3", "and 3 in the cell check_double"),
            (label(CHECK, "points", 3), TESTS, "check_double", "are 2 in the hidden tests and 3"),
            (put(SOURCE, TASK, "## Task", "### Task"), SOURCE, "check_double", "no heading"),
            # Grade ids.
            (label(SETUP, "grade_id", None), SOURCE, "cell 2", "has no grade_id"),
            (label(DOUBLE, "grade_id", "setup"), SOURCE, "setup", "cell 4 repeats .* of cell 2"),
            (label(CHECK, "grade_id", "it"), SOURCE, "it", "change its grade_id to check_double"),
            (label(CHECK, "grade_id", "it"), TESTS, "it", "no hidden test grades it"),
            (label(CHECK, "grade_id", "it"), TESTS, "check_double", "has no such check cell"),
            (remove(TESTS), TESTS, "", "there are no hidden tests"),
            (write(TESTS, TESTS), TESTS, "", "cannot be used"),
            # What a task needs.
            (put(SOURCE, TASK, "**Objective:**", ""), SOURCE, "cell 3", "task 1 has no objective"),
            (put(SOURCE, TASK, "<summary>Hint", "<summary>"), SOURCE, "cell 3", "has no hint"),
            (drop(SOURCE, DOUBLE), SOURCE, "cell 3", "task 1 has no answer cell"),
            (drop(SOURCE, CHECK), SOURCE, "cell 3", "task 1 has no check cell"),
            (put(SOURCE, CHECK, "check", "# check"), SOURCE, "check_double", "no public check"),
            (put(SOURCE, QUESTION, "**Objective:**", ""), SOURCE, "cell 9", "has no objective"),
            # The file.
            (write(SOURCE, "{"), SOURCE, "", "cannot be read as a notebook"),
            (
                change(SOURCE, lambda nb: nb["cells"][CHECK].update(execution_count=1)),
                SOURCE,
                "check_double",
                "holds outputs",
            ),
        ],
    )
    def test_names_the_cell_that_breaks_a_rule(
        self, course: Path, spoil: Edit, file: str, cell: str, message: str
    ) -> None:
        spoil(course)
        assert_found(check(read_course(course)), file, cell, message)

    @pytest.mark.slow
    @pytest.mark.usefixtures("ungenerated")
    @pytest.mark.parametrize(
        ("position", "cell", "code", "message"),
        [
            (DOUBLE, "double", "1 / 0", r"\(ZeroDivisionError: division by zero\)"),
            (DOUBLE, "double", "assert False", r"\(AssertionError: no message\)"),
            (CHECK, "check_double", "check.double(len)", r"\(TypeError: .*has no len"),
        ],
    )
    def test_names_the_cell_at_which_a_solution_stops(
        self, course: Path, position: int, cell: str, code: str, message: str
    ) -> None:
        rewrite(position, code)(course)
        defects = check(read_course(course))
        assert_found(defects, SOURCE, cell, message)
        assert len(defects) == 1

    @pytest.mark.usefixtures("ungenerated")
    def test_names_each_answer_that_writes_to_stderr_but_not_the_setup(self, course: Path) -> None:
        for position in (SETUP, DOUBLE):
            put(SOURCE, position, "def ", "import sys\nprint('careful', file=sys.stderr)\ndef ")(
                course
            )
        defects = check(read_course(course))
        assert_found(defects, SOURCE, "double", r"writes to stderr \(careful\)")
        assert len(defects) == 1

    @pytest.mark.usefixtures("ungenerated")
    def test_names_the_cell_that_takes_too_long(self, course: Path) -> None:
        settings = course / "nbgrader_config.py"
        settings.write_text(f"{settings.read_text()}\nc.Grading.seconds_per_cell = 1\n")
        rewrite(SETUP, "import time; time.sleep(600)")(course)
        defects = check(read_course(course))
        assert_found(defects, SOURCE, "", "doesn't run to its end: The cell `setup` took too long")
        assert len(defects) == 1

    @pytest.mark.usefixtures("ungenerated")
    def test_unknown_kernel_is_named(self, course: Path) -> None:
        change(SOURCE, lambda nb: nb["metadata"]["kernelspec"].update(name="mine"))(course)
        defects = check(read_course(course))
        assert_found(defects, SOURCE, "", "there is no Jupyter kernel 'mine'")
        assert len(defects) == 1

    @pytest.mark.usefixtures("unrun", "ungenerated")
    def test_one_sentence_says_that_there_is_no_sandbox(
        self, course: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "available", lambda: "no sandbox: bwrap is missing.")
        (defect,) = check(read_course(course))
        assert defect == Defect(
            "",
            "",
            "",
            "The solutions and the exercises were not run in the sandbox: no sandbox: bwrap is "
            "missing.",
        )

    @pytest.mark.usefixtures("unrun", "ungenerated")
    def test_one_assignment_can_be_checked_alone(self, course: Path) -> None:
        (course / "solutions/02_other").mkdir()
        write("solutions/02_other/02_other.ipynb", "{")(course)
        assert check(read_course(course), NAME) == []
        assert [defect.assignment for defect in check(read_course(course))] == ["02_other"]
        with pytest.raises(CourseError, match="choose one of 01_double, 02_other"):
            check(read_course(course), "03_none")


class TestEarned:
    """The hidden tests give the solution all points, and the untouched exercise none."""

    @pytest.mark.parametrize(
        ("spoil", "file", "cell", "message"),
        [
            pytest.param(
                put_in_tests("2 * numbers", "2 * numbers + 1"),
                TESTS,
                "check_double",
                r"earns 0\.5 of 2 points, and hears '`double` should double\.': correct",
                id="a test that nobody can pass",
            ),
            pytest.param(
                put_in_tests('assert "Bo" in student.call("greet", "Bo")', "pass"),
                TESTS,
                "check_greet",
                r"the untouched exercise earns 1\.5 of 1\.5 points",
                id="a test that everybody passes",
            ),
            pytest.param(
                put(SOURCE, SETUP, "import numpy", "import os; os._exit(1)\nimport numpy"),
                SOURCE,
                "",
                "the solution doesn't run to its end: The cell `setup` ended",
                id="a notebook that ends its process",
            ),
            pytest.param(
                put_in_tests("import pytest", "import pytest, nothing"),
                TESTS,
                "",
                "",
                id="tests that cannot be run are reported elsewhere",
            ),
        ],
    )
    def test_names_the_cell(
        self,
        course: Path,
        sandbox: Sandbox,
        monkeypatch: pytest.MonkeyPatch,
        spoil: Edit,
        file: str,
        cell: str,
        message: str,
    ) -> None:
        spoil(course)
        for skipped in ("_check_exercise", "_check_matrix"):
            monkeypatch.setattr(module, skipped, lambda *_: iter(()))
        monkeypatch.setattr(module, "Sandbox", lambda *_: nullcontext(sandbox))
        defects = check(read_course(course))
        assert_found(defects, file, cell, message)
        assert len(defects) == 1

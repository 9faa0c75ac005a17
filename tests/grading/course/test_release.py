"""Exercises are what nbgrader generates from their sources."""

import copy
import os
import shutil
import sqlite3
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from mnist_course.cli import app
from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import read_assignment
from mnist_course.grading.course.release import AGENTS, changes_to_grades, release
from mnist_course.grading.course.settings import read_course
from mnist_course.grading.gradebook.records import ensure_assignment, record
from mnist_course.grading.judging.results import CellScore, Result

NAME = "01_double"
SOURCE = f"solutions/{NAME}/{NAME}.ipynb"
EXERCISE = f"exercises/{NAME}/{NAME}.ipynb"


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


class TestRelease:
    @pytest.mark.slow
    def test_is_what_nbgrader_generates_byte_for_byte(
        self, made: Path, generated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", os.defpath)
        course = shutil.copytree(made, tmp_path / "course")
        folder = course / "exercises" / NAME
        folder.mkdir(parents=True, exist_ok=True)
        for old in ("stale.csv", f"{NAME}.ipynb"):
            (folder / old).write_text("from an earlier release", encoding="utf-8")
        written = release(read_course(course))
        agents = course / "exercises" / AGENTS
        assert written == [folder / f"{NAME}.ipynb", folder / "numbers.csv", agents]
        assert files(course / "exercises") == files(generated / "exercises")
        assert {path.name for path in course.iterdir()} == {
            path.name for path in generated.iterdir()
        }

    def test_exercise_has_no_solution_and_no_hidden_tests(self, generated: Path) -> None:
        assert set(files(generated / "exercises")) == {
            f"{NAME}/{NAME}.ipynb",
            f"{NAME}/numbers.csv",
            AGENTS,
        }
        text = (generated / EXERCISE).read_text(encoding="utf-8")
        assert "raise NotImplementedError()" in text
        assert "YOUR ANSWER HERE" in text
        for secret in ("factor", "Hello", "mathematics", "student", "BEGIN"):
            assert secret not in text

    @pytest.mark.slow
    def test_gradebook_knows_the_points(self, made: Path, tmp_path: Path) -> None:
        course = shutil.copytree(made, tmp_path / "course")
        release(read_course(course), NAME)
        with sqlite3.connect(course / "gradebook.db") as database:
            rows = database.execute(
                "SELECT name, max_score FROM base_cell JOIN grade_cells USING (id)"
            )
            assert dict(rows) == {"check_double": 2, "check_greet": 1.5, "why": 2}
        database.close()

    @pytest.mark.slow
    def test_failure_keeps_the_old_exercise_and_leaves_nothing_else(self, course: Path) -> None:
        replace(course / SOURCE, "### END SOLUTION", "")
        before, exercises = files(course), files(course / "exercises")
        with pytest.raises(CourseError, match="no end solution statement found") as raised:
            release(read_course(course))
        assert "\n" not in str(raised.value)
        assert files(course).keys() == before.keys()
        assert files(course / "exercises") == exercises

    def test_unknown_assignment_is_named(self, course: Path) -> None:
        with pytest.raises(CourseError, match="no assignment '02_none': choose one of 01_double"):
            release(read_course(course), "02_none")

    def test_folder_that_is_no_course_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(CourseError, match=r"has no nbgrader_config\.py"):
            release(read_course(tmp_path))
        (tmp_path / "nbgrader_config.py").touch()
        with pytest.raises(CourseError, match="source has no assignments"):
            release(read_course(tmp_path))


@pytest.mark.slow
class TestReleaseOfGraded:
    """Where there are submissions, nothing changes before the instructor has agreed."""

    @pytest.fixture
    def graded(self, course: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A course in which Ada has 2 points by hand, and the source a task more."""
        monkeypatch.setattr(sys, "path", sys.path.copy())
        it = read_course(course)
        assignment = read_assignment(it.source, NAME)
        ensure_assignment(it, assignment)
        cells = {"check_double": CellScore(2, 2), "check_greet": CellScore(1.5, 1.5)}
        result = Result("graded", "", 1.0, cells, nbformat.writes(assignment.notebook))
        record(it, assignment, "ada", result)
        with Gradebook(it.db_url, it.course_id) as gradebook:
            gradebook.find_grade("why", NAME, NAME, "ada").manual_score = 2
            gradebook.db.commit()
        notebook = assignment.notebook
        for cell, old in ((notebook.cells[6], "greet"), (notebook.cells[7], "check_greet")):
            added = copy.deepcopy(cell)
            added.id = added.metadata.nbgrader["grade_id"] = old.replace("greet", "shout")
            added.source = added.source.replace("greet", "shout")
            notebook.cells.append(added)
        nbformat.write(notebook, course / SOURCE)
        return course

    def run(self, course: Path, *options: str, answer: str = "") -> Any:
        command = ["release", NAME, "--course", str(course), *options]
        return CliRunner().invoke(app, command, input=answer)

    def points(self, course: Path) -> dict[str, tuple[float | None, float | None]]:
        it = read_course(course)
        with Gradebook(it.db_url, it.course_id) as gradebook:
            (notebook,) = gradebook.find_submission(NAME, "ada").notebooks
            return {grade.name: (grade.auto_score, grade.manual_score) for grade in notebook.grades}

    @pytest.mark.parametrize("answer", ["n\n", ""])
    def test_says_what_changes_and_changes_nothing_without_a_yes(
        self, graded: Path, answer: str
    ) -> None:
        before, points = files(graded / "exercises"), self.points(graded)
        done = self.run(graded, answer=answer)
        assert done.exit_code == 1
        assert "01_double is graded already (1 submission)" in done.stderr
        assert "new: check_shout, 1.5 points: 0 for whoever" in done.stderr
        assert "The total goes from 5.5 to 7 points." in done.stderr
        assert (files(graded / "exercises"), self.points(graded)) == (before, points)

    @pytest.mark.parametrize(("options", "answer"), [((), "y\n"), (("--yes",), "")])
    def test_keeps_what_is_there_after_a_yes(
        self, graded: Path, options: tuple[str, ...], answer: str
    ) -> None:
        points = self.points(graded)
        done = self.run(graded, *options, answer=answer)
        assert done.exit_code == 0, (done.output, done.exception)
        assert "shout" in (graded / EXERCISE).read_text(encoding="utf-8")
        assert self.points(graded) == {**points, "check_shout": (None, None)}
        again = self.run(graded)
        assert again.exit_code == 0
        assert "graded already" not in again.stderr
        assert changes_to_grades(read_course(graded)) == []

    def test_source_that_cannot_be_released_leaves_the_gradebook_alone(self, graded: Path) -> None:
        replace(graded / SOURCE, "### END SOLUTION", "")
        points = self.points(graded)
        assert self.run(graded, "--yes").exit_code == 1
        assert self.points(graded) == points

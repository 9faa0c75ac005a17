"""Exercises are what nbgrader generates from their sources."""

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from mnist_course.errors import CourseError
from mnist_course.grading.course.release import AGENTS, release
from mnist_course.grading.course.settings import read_course

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

"""Grades are recorded in a PostgreSQL server as they are in a file."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from sqlalchemy import create_engine, text

from mnist_course.grading.course.assignment import Assignment, read_assignment
from mnist_course.grading.course.settings import Course, read_course
from mnist_course.grading.gradebook import records as module
from mnist_course.grading.gradebook.records import (
    GradebookError,
    ensure_assignment,
    record,
    recorded,
)
from mnist_course.grading.judging.results import CellScore, Result

pytestmark = pytest.mark.postgresql

NAME = "01_double"
LATE = "2026-03-01 12:00:00 UTC"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
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


@pytest.fixture
def known(
    server: str, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Course, Assignment]:
    """A course whose gradebook is on the server, and its assignment."""
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setattr(sys, "path", sys.path.copy())
    engine = create_engine(server)
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    folder = shutil.copytree(made, tmp_path / "course")
    with (folder / "nbgrader_config.py").open("a") as config:
        config.write(f"\nc.CourseDirectory.db_url = {server!r}\n")
    course = read_course(folder)
    assignment = read_assignment(course.source, NAME)
    ensure_assignment(course, assignment)
    return course, assignment


def graded(assignment: Assignment, points: float, *feedback: str) -> Result:
    cells = {
        "check_double": CellScore(points, 2, list(feedback)),
        "check_greet": CellScore(1.5, 1.5),
    }
    return Result("graded", "", 1.0, cells, nbformat.writes(assignment.notebook))


def test_grades_are_recorded_replaced_and_exported(known: tuple[Course, Assignment]) -> None:
    course, assignment = known
    record(course, assignment, "Łukasz 100%", graded(assignment, 0.1, "Try again."), LATE)
    record(course, assignment, "bob", graded(assignment, 1))
    for points in (2, 0.3, 0.3):
        record(course, assignment, "bob", graded(assignment, points, "Almost."), LATE)
    ensure_assignment(course, assignment)
    assert recorded(course, assignment) == {
        "Łukasz 100%": {"check_double": 0.1, "check_greet": 1.5, "why": None},
        "bob": {"check_double": 0.3, "check_greet": 1.5, "why": None},
    }
    with Gradebook(course.db_url, course.course_id) as gradebook:
        comment = gradebook.find_comment("double", NAME, NAME, "bob")
        assert comment.auto_comment == "Almost."

    subprocess.run(
        [sys.executable, "-m", "nbgrader", "export", "--to", "grades.csv"],
        cwd=course.root,
        check=True,
        capture_output=True,
        timeout=300,
    )

    header, *rows = (course.root / "grades.csv").read_text(encoding="utf-8").splitlines()
    exported = [dict(zip(header.split(","), row.split(","), strict=True)) for row in rows]
    assert {row["student_id"]: float(row["score"]) for row in exported} == {
        "Łukasz 100%": 1.6,
        "bob": 1.8,
    }
    assert not (course.root / "gradebook.db").exists()


def test_changed_cells_keep_the_submission(known: tuple[Course, Assignment]) -> None:
    course, assignment = known
    record(course, assignment, "ada", graded(assignment, 1))
    path = assignment.path
    notebook = nbformat.read(path, as_version=4)
    notebook.cells = [
        cell
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") != "check_greet"
    ]
    nbformat.write(notebook, path)
    changed = read_assignment(course.source, NAME)
    ensure_assignment(course, changed)
    assert recorded(course, changed) == {"ada": {"check_double": None, "why": None}}


def test_locked_grades_are_waited_for_then_named(
    known: tuple[Course, Assignment], monkeypatch: pytest.MonkeyPatch
) -> None:
    course, assignment = known
    record(course, assignment, "ada", graded(assignment, 1))
    monkeypatch.setattr(module, "SECONDS_TO_WAIT", 1)
    engine = create_engine(course.db_url)
    with engine.begin() as connection:
        connection.execute(text("LOCK TABLE grade IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises(GradebookError, match=r"lock timeout\): let the other program finish"):
            record(course, assignment, "ada", graded(assignment, 2))
    engine.dispose()
    record(course, assignment, "ada", graded(assignment, 2))
    assert recorded(course, assignment)["ada"]["check_double"] == 2


def test_name_too_long_for_the_server_is_named(known: tuple[Course, Assignment]) -> None:
    course, assignment = known
    with pytest.raises(GradebookError, match="value too long"):
        record(course, assignment, "x" * 200, graded(assignment, 1))
    assert recorded(course, assignment) == {}

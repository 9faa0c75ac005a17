"""nbgrader's own commands grade in the sandbox, and give the points that this course gives."""

import csv
import dataclasses
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
import pytest
from helpers import run_nbgrader
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.apps.api import NbGraderAPI
from nbgrader.converters import Autograde
from nbgrader.converters.base import NbGraderException

from mnist_course.grading.batch import autograde as plugins
from mnist_course.grading.course.assignment import read_assignment
from mnist_course.grading.course.settings import Course, read_course
from mnist_course.grading.judging.results import Result
from mnist_course.grading.judging.scoring import score
from mnist_course.grading.judging.supervisor import Judges
from mnist_course.grading.sandbox.limits import Limits
from mnist_course.grading.sandbox.supervisor import Sandbox

ROOT = Path(__file__).parents[2]
NAME = "01_double"
REAL = "02_normalizing"
ALL = {"check_double": 2.0, "check_greet": 1.5}
NOTHING = dict.fromkeys(ALL, 0.0)


@pytest.fixture
def limits_used(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> list[Limits]:
    """Let all that starts a sandbox use the one of the tests; note with which limits."""
    started = []

    @contextmanager
    def start(limits: Limits, _: object) -> Iterator[Sandbox]:
        started.append(limits)
        monkeypatch.setattr(sandbox, "limits", limits)
        yield sandbox

    monkeypatch.setattr(plugins, "Sandbox", start)
    return started


def submit(course: Path, student: str, name: str = NAME, **answers: str) -> Path:
    """Hand in the reference, with some answers replaced."""
    notebook = nbformat.read(course / "solutions" / name / f"{name}.ipynb", as_version=4)
    for cell in notebook.cells:
        cell.source = answers.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
    path = course / "submitted" / student / name / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, path)
    return path


def autograde(course: Path, *, force: bool = False) -> None:
    """Do what `nbgrader autograde` does, in this process."""
    settings = read_course(course)
    settings.coursedir.assignment_id = NAME
    Autograde(coursedir=settings.coursedir, config=settings.config, force=force).start()


@contextmanager
def notebook_of(course: Course, student: str, name: str = NAME) -> Iterator[object]:
    with Gradebook(course.db_url, course.course_id) as gradebook:
        yield gradebook.find_submission_notebook(name, name, student)


def points(course: Path, student: str, name: str = NAME) -> dict[str, float | None]:
    with notebook_of(read_course(course), student, name) as notebook:
        return {grade.name: grade.auto_score for grade in notebook.grades}


def comments(course: Path, student: str, name: str = NAME) -> dict[str, str | None]:
    with notebook_of(read_course(course), student, name) as notebook:
        return {comment.name: comment.auto_comment for comment in notebook.comments}


def graded_file(course: Path, student: str) -> Path:
    return course / "autograded" / student / NAME / f"{NAME}.ipynb"


def partly_wrong() -> dict[str, str]:
    code = (ROOT / "tests" / "submissions" / REAL / "forgets_float32.py").read_text()
    _, *parts = re.split(r"^# %% (\w+)\n", code, flags=re.MULTILINE)
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_stock_commands_and_formgrader_give_the_points_of_score(
    limits_used: list[Limits], sandbox: Sandbox, tmp_path: Path
) -> None:
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    shutil.copytree(ROOT / "solutions" / REAL, tmp_path / "solutions" / REAL)
    run_nbgrader(tmp_path, "generate_assignment", REAL)
    released = tmp_path / "exercises" / REAL / f"{REAL}.ipynb"
    files = {
        "ada": submit(tmp_path, "ada", REAL),
        "bob": submit(tmp_path, "bob", REAL, **partly_wrong()),
        "eve": Path(shutil.copy(released, submit(tmp_path, "eve", REAL))),
    }
    assignment = read_assignment(tmp_path / "solutions", REAL)
    results = {
        student: score(assignment, nbformat.read(file, as_version=4), spawn=sandbox.spawn)
        for student, file in files.items()
    }
    earned = [result.score for result in results.values()]
    assert earned == [sum(assignment.points.values()), 7, 0]

    def assert_as_scored() -> None:
        for student, result in results.items():
            held = points(tmp_path, student, REAL)
            assert {name: held[name] for name in result.cells} == {
                name: cell.points for name, cell in result.cells.items()
            }
            said = comments(tmp_path, student, REAL)
            for task in assignment.tasks:
                sentences = "\n".join(result.cells[task.check].feedback)
                assert (said[task.answer] or "") == sentences

    run_nbgrader(tmp_path, "autograde", REAL)
    assert_as_scored()

    course = read_course(tmp_path)
    with Gradebook(course.db_url, course.course_id) as gradebook:
        for student in results:
            gradebook.remove_submission(REAL, student)
    api = NbGraderAPI(config=course.config)
    assert all(api.autograde(REAL, student)["success"] for student in results)
    assert_as_scored()

    run_nbgrader(tmp_path, "generate_feedback", REAL)
    page = (tmp_path / "feedback" / "bob" / REAL / f"{REAL}.html").read_text()
    assert "should return float32" in page
    run_nbgrader(tmp_path, "export", "--to", "grades.csv")
    with (tmp_path / "grades.csv").open() as file:
        assert [float(row["raw_score"]) for row in csv.DictReader(file)] == earned


def test_a_partly_wrong_submission_earns_a_part_and_hears_why(
    limits_used: list[Limits], course: Path
) -> None:
    submit(course, "ada", double="def double(number):\n    return number + abs(number)")
    submit(course, "bob", greet="")
    autograde(course)
    assert points(course, "ada") == {"check_double": 2.0, "check_greet": 1.5, "why": None}
    assert points(course, "bob") == {"check_double": 2.0, "check_greet": 0.0, "why": None}
    assert comments(course, "bob")["greet"] == "`greet` was not attempted."
    check = next(
        cell
        for cell in nbformat.read(graded_file(course, "bob"), as_version=4).cells
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "check_greet"
    )
    assert check.outputs[0].data == {"text/plain": "0.0"}


def test_one_sandbox_with_the_limits_of_the_course_serves_a_run(
    limits_used: list[Limits], course: Path
) -> None:
    with (course / "nbgrader_config.py").open("a") as config:
        config.write("\nc.Grading.memory = 3 * 2**30\n")
    for student in ("ada", "bob", "eve"):
        submit(course, student)
    autograde(course)
    assert limits_used == [Limits(memory=3 * 2**30)]


def test_the_sandbox_ends_with_the_last_submission(
    sandbox: Sandbox, course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = []

    @contextmanager
    def start(*_: object) -> Iterator[Sandbox]:
        try:
            yield sandbox
        finally:
            ended.append(sorted(path.name for path in (course / "autograded").glob("*")))

    monkeypatch.setattr(plugins, "Sandbox", start)
    submit(course, "ada")
    submit(course, "bob")
    autograde(course)
    assert ended == [["ada"]]  # bob has been run then, and is recorded next


def refused(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugins, "available", lambda: "no sandbox: it is a test.")


def without_hidden_tests(course: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (course / "solutions" / NAME / f"test_{NAME}.py").unlink()


@pytest.mark.parametrize(
    ("spoil", "reason"), [(refused, "no sandbox"), (without_hidden_tests, "cannot be used")]
)
def test_where_grading_is_impossible_it_refuses_before_it_touches_anything(
    limits_used: list[Limits],
    course: Path,
    monkeypatch: pytest.MonkeyPatch,
    spoil: Callable[[Path, pytest.MonkeyPatch], None],
    reason: str,
) -> None:
    submit(course, "ada")
    autograde(course)
    before = graded_file(course, "ada").read_bytes()
    submit(course, "bob")
    limits_used.clear()
    spoil(course, monkeypatch)
    with pytest.raises(NbGraderException, match=reason):
        autograde(course, force=True)
    assert limits_used == []
    assert graded_file(course, "ada").read_bytes() == before
    assert not graded_file(course, "bob").exists()
    with pytest.raises(MissingEntry):
        points(course, "bob")
    answer = NbGraderAPI(config=read_course(course).config).autograde(NAME, "bob")
    assert not answer["success"]
    assert reason in answer["error"]


def test_what_grading_failed_on_is_graded_the_next_time(
    limits_used: list[Limits], course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(course, "ada")

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(Judges, "grade", interrupted)
        with pytest.raises(KeyboardInterrupt):
            autograde(course)
    assert not graded_file(course, "ada").exists()
    autograde(course)
    assert points(course, "ada").items() >= ALL.items()


def linked(course: Path) -> None:
    path = course / "submitted" / "ada" / NAME / f"{NAME}.ipynb"
    path.unlink()
    path.symlink_to(course / "solutions" / NAME / path.name)


def linked_folder(course: Path) -> None:
    submit(course, "bob")
    shutil.rmtree(course / "submitted" / "ada" / NAME)
    (course / "submitted" / "ada" / NAME).symlink_to(course / "submitted" / "bob" / NAME)


def pipe(course: Path) -> None:
    path = course / "submitted" / "ada" / NAME / f"{NAME}.ipynb"
    path.unlink()
    os.mkfifo(path)


def not_json(course: Path) -> None:
    (course / "submitted" / "ada" / NAME / f"{NAME}.ipynb").write_text("{")


@pytest.mark.parametrize("spoil", [linked, linked_folder, pipe, not_json])
def test_a_submission_that_cannot_be_read_safely_gets_no_points_and_the_reason(
    limits_used: list[Limits], course: Path, spoil: Callable[[Path], None]
) -> None:
    submit(course, "ada")
    spoil(course)
    autograde(course)
    assert points(course, "ada").items() >= NOTHING.items()
    reason = "is not JSON" if spoil is not_json else "expected a regular file"
    assert reason in (comments(course, "ada")["double"] or "")
    assert "factor" not in graded_file(course, "ada").read_text()


def test_nothing_else_that_was_handed_in_is_opened_or_copied(
    limits_used: list[Limits], course: Path
) -> None:
    folder = submit(course, "ada").parent
    (course / "secret").write_text("2026-01-01")
    (folder / "secret").symlink_to(course / "secret")
    (folder / ".hidden").symlink_to(course / "secret")
    (folder / "sub").mkdir()
    (folder / "sub" / "secret").symlink_to(course / "secret")
    os.mkfifo(folder / "pipe")
    os.mkfifo(folder / "timestamp.txt")
    autograde(course)
    assert points(course, "ada").items() >= ALL.items()
    assert [path.name for path in graded_file(course, "ada").parent.rglob("*")] == [f"{NAME}.ipynb"]


def test_a_newer_submission_is_graded_again_and_what_people_gave_stays(
    limits_used: list[Limits], course: Path
) -> None:
    folder = submit(course, "ada", greet="").parent
    (folder / "timestamp.txt").write_text("2026-03-31 18:00:00 UTC")
    autograde(course)
    settings = read_course(course)
    with Gradebook(settings.db_url, settings.course_id) as gradebook:
        grade = gradebook.find_grade("why", NAME, NAME, "ada")
        grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 1.0, 0.5, False
        gradebook.find_comment("greet", NAME, NAME, "ada").manual_comment = "Do!"
        gradebook.db.commit()

    submit(course, "ada")
    autograde(course)
    assert points(course, "ada").items() >= {"check_greet": 0.0}.items()

    (folder / "timestamp.txt").write_text("2026-03-31 19:00:00 UTC")
    autograde(course)
    assert points(course, "ada").items() >= ALL.items()
    with notebook_of(settings, "ada") as notebook:
        assert notebook.score == 2.0 + 1.5 + 1.0 + 0.5
        assert {comment.name: comment.manual_comment for comment in notebook.comments}[
            "greet"
        ] == "Do!"
        assert notebook.assignment.timestamp.hour == 19


def test_what_a_person_should_look_at_is_marked(
    limits_used: list[Limits], course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Judges.grade

    def suspicious(*arguments: Any) -> Result:
        result = original(*arguments)
        cell = dataclasses.replace(result.cells["check_double"], review="Look at this.")
        return dataclasses.replace(result, cells={**result.cells, "check_double": cell})

    monkeypatch.setattr(Judges, "grade", suspicious)
    submit(course, "ada")
    autograde(course)
    with notebook_of(read_course(course), "ada") as notebook:
        flags = {grade.name: grade.needs_manual_grade for grade in notebook.grades}
    assert flags == {"check_double": True, "check_greet": False, "why": True}

"""The settings of a course are read as nbgrader reads them, and slips are named."""

import dataclasses
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from traitlets import TraitError
from traitlets.config import Config

import mnist_course
from mnist_course.errors import CourseError
from mnist_course.grading.course.settings import Grading, read_course
from mnist_course.grading.sandbox.limits import Limits

LIMITS = {field.name: field for field in dataclasses.fields(Limits)}


@pytest.fixture(autouse=True)
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the test without the Jupyter configuration of who runs it."""
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setattr(sys, "path", sys.path.copy())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "a course", "")


def write(folder: Path, *lines: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    text = "\n".join(["c = get_config()", *lines])
    (folder / "nbgrader_config.py").write_text(text, encoding="utf-8")
    return folder


def test_folders_and_gradebook_of_the_course_are_those_of_its_configuration(made: Path) -> None:
    course = read_course(made)
    assert course.root == made
    assert course.source == made / "solutions"
    assert course.released == made / "exercises"
    assert course.submitted == made / "submitted"
    assert course.autograded == made / "autograded"
    assert course.feedback == made / "feedback"
    assert course.db_url == f"sqlite:///{made / 'gradebook.db'}"
    assert course.course_id == "mnist-course"


def test_folders_may_lie_elsewhere(folder: Path) -> None:
    write(folder, "c.CourseDirectory.submitted_directory = '/elsewhere/submitted'")
    assert read_course(folder).submitted == Path("/elsewhere/submitted")


@pytest.mark.parametrize("given", ["sqlite:///grades.db", "sqlite:///{root}/grades.db"])
def test_gradebook_is_named_by_its_absolute_path(folder: Path, given: str) -> None:
    write(folder, f"c.CourseDirectory.db_url = {given.format(root=folder)!r}")
    assert read_course(folder).db_url == f"sqlite:///{folder}/grades.db"


def test_server_and_its_password_are_left_as_they_are(folder: Path) -> None:
    url = "postgresql+psycopg://ada:p%40ss@example.org/grades"
    write(folder, f"c.CourseDirectory.db_url = {url!r}")
    assert read_course(folder).db_url == url


def test_configuration_of_the_user_counts_and_the_course_comes_first(folder: Path) -> None:
    write(
        Path(os.environ["JUPYTER_CONFIG_DIR"]),
        "c.CourseDirectory.feedback_directory = 'returned'",
        "c.Grading.disk = 1000",
        "c.Grading.memory = 2000",
    )
    write(folder, "c.Grading.memory = 3000")
    course = read_course(folder)
    assert course.feedback == folder / "returned"
    assert (course.grading.disk, course.grading.memory) == (1000, 3000)


def test_relative_folder_is_enough(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    assert read_course(Path(folder.name)).root == folder


def test_reading_says_nothing_and_leaves_the_process_where_it_was(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(folder, "c.CourseDirectory.course_id = ' spaces '", "c.NbGrader.course_id = 'outdated'")
    before, path = Path.cwd(), sys.path.copy()
    read_course(folder)
    read_course(folder)
    assert Path.cwd() == before
    package = str(Path(mnist_course.__file__).parents[1])
    assert sys.path == [*path, *([] if package in path else [package]), str(folder)]
    assert capfd.readouterr() == ("", "")


def test_folder_without_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CourseError) as error:
        read_course(tmp_path)
    assert str(error.value) == (
        f"{tmp_path} has no nbgrader_config.py: name the folder of the course with --course DIR."
    )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1 / 0", "division by zero"),
        ("c = (", "was never closed"),
        ("import missing_plugin", "missing_plugin"),
        ("c.CourseDirectory.root = 3", "'root' trait"),
        ("c.CourseDirectory.db_url = 'nonsense'", "URL"),
        ("c.CourseDirectory.directory_structure = '{student_id}/{nbgrader_step}'", "leave it"),
        ("c.Grading.memory = 'much'", "'memory' trait"),
        ("c.Grading.memory = 4.5", "'memory' trait"),
        ("c.Grading.memory = 0", "Grading.memory is 0: expected a positive number"),
        ("c.Grading.cpu_seconds = float('nan')", "cpu_seconds is nan"),
        ("c.Grading.memmory = 1", "Did you mean `memory`?"),
    ],
)
def test_faulty_configuration_is_named_in_one_sentence(
    folder: Path, capfd: pytest.CaptureFixture[str], line: str, reason: str
) -> None:
    write(folder, line)
    with pytest.raises(CourseError) as error:
        read_course(folder)
    message = str(error.value)
    assert str(folder / "nbgrader_config.py") in message
    assert reason in message
    assert "\n" not in message
    assert capfd.readouterr() == ("", "")


def test_grading_has_every_limit_with_its_default_type_and_help() -> None:
    traits = Grading.class_traits(config=True)
    assert set(traits) == {*LIMITS, "labelled_images"}
    assert Grading().limits() == Limits()
    for name, field in LIMITS.items():
        assert type(getattr(Grading(), name)) is field.type, name
        assert traits[name].help, name


@given(st.sampled_from(sorted(LIMITS)), st.integers(1, 2**40))
def test_limit_of_the_configuration_reaches_the_sandbox(name: str, value: int) -> None:
    config = Config({"Grading": {name: value}})
    assert Grading(config=config).limits() == dataclasses.replace(Limits(), **{name: value})


@given(st.sampled_from(sorted(LIMITS)), st.integers(max_value=0))
def test_limit_that_is_not_positive_is_refused(name: str, value: int) -> None:
    with pytest.raises(TraitError, match=name):
        Grading(config=Config({"Grading": {name: value}}))

"""The secret of a course decides what hidden tests put in, and is made once."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from mnist_course.errors import CourseError
from mnist_course.grading.course.secret import read_seed, secret_path
from mnist_course.grading.course.settings import read_course
from mnist_course.grading.gradebook import history

ROOT = Path(__file__).parents[3]
NAME = "01_double"


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    return tmp_path


def test_is_made_once_for_its_owner_alone(bare: Path) -> None:
    course = read_course(bare)
    seed = read_seed(course, NAME)
    path = secret_path(course)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert read_seed(read_course(bare), NAME) == seed
    assert read_seed(course, "02_other") != seed
    assert [file.name for file in course.journal.iterdir()] == ["secret"]
    path.unlink()
    assert read_seed(course, NAME) != seed


def test_moves_with_its_file(bare: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    seed = read_seed(read_course(bare), NAME)
    moved = shutil.copytree(bare, tmp_path_factory.mktemp("moved") / "course")
    assert read_seed(read_course(moved), NAME) == seed


@pytest.mark.parametrize("content", ["", "0", "g" * 64, "\xff" * 64])
def test_a_damaged_one_is_never_used(bare: Path, content: str) -> None:
    path = secret_path(read_course(bare))
    path.parent.mkdir()
    path.write_text(content, encoding="latin-1")
    with pytest.raises(CourseError, match="restore it from a backup, or remove it"):
        read_seed(read_course(bare), NAME)


def test_is_never_committed() -> None:
    ignored = subprocess.run(
        ["git", "check-ignore", "--no-index", "grading/secret"], cwd=ROOT, check=False
    )
    assert ignored.returncode == 0


def test_grades_of_two_secrets_do_not_mix(bare: Path) -> None:
    course = read_course(bare)
    points = history.Points({"check_double": history.CellPoints(1.0, None, None, 2.0)})
    for student, seed in (("ada", "one"), ("bob", "two"), ("gone", "two"), ("old", None)):
        history.note(course, NAME, student, points, {"seed": seed} if seed else {})
        if student != "gone":
            (course.submitted / student / NAME).mkdir(parents=True)
    with pytest.raises(CourseError, match=r"grades of 1 submission .* --regrade' to grade every"):
        history.refuse_two_secrets(course, NAME, {"seed": "one"})
    shutil.rmtree(course.submitted / "bob")
    history.refuse_two_secrets(course, NAME, {"seed": "one"})

"""Feedback finds its way back to learners through nbgrader's exchange."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_course.grading.course.settings import read_course
from mnist_course.grading.gradebook.feedback import generate_feedback
from mnist_course.grading.sandbox.supervisor import Sandbox

NAME = "01_double"
FOLDER = Path(sys.executable).parent
CONFIG = """
c.CourseDirectory.course_id = "mnist-course"
c.Exchange.root = {exchange!r}
c.Exchange.cache = {cache!r}
"""


@pytest.fixture
def learner(course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a learner who has handed in the exercise, which is collected."""
    monkeypatch.setenv("PATH", str(FOLDER), prepend=os.pathsep)
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "jupyter"))
    exchange = tmp_path / "exchange"
    exchange.mkdir()
    exchange.chmod(0o777)
    (tmp_path / "jupyter").mkdir()
    (tmp_path / "jupyter" / "nbgrader_config.py").write_text(
        CONFIG.format(exchange=str(exchange), cache=str(tmp_path / "cache"))
    )
    learner = tmp_path / "learner"
    shutil.copytree(course / "exercises" / NAME, learner / NAME)
    run(course, "nbgrader", "release_assignment", NAME)
    run(learner, "nbgrader", "submit", NAME)
    run(course, "nbgrader", "collect", NAME)
    return learner


def run(folder: Path, command: str, *arguments: str) -> None:
    done = subprocess.run(
        [FOLDER / command, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize(
    ("grade", "generate"),
    [
        (["mnist-course", "grade"], ["mnist-course", "feedback"]),
        (["nbgrader", "autograde"], ["nbgrader", "generate_feedback"]),
    ],
    ids=["ours", "nbgraders"],
)
def test_pages_are_released_and_fetched(
    course: Path, learner: Path, sandbox: Sandbox, grade: list[str], generate: list[str]
) -> None:
    run(course, *grade, NAME)
    run(course, *generate, NAME)
    (page,) = (course / "feedback").rglob(f"{NAME}.html")
    run(course, "nbgrader", "release_feedback", NAME)
    run(learner, "nbgrader", "fetch_feedback", NAME)
    (fetched,) = learner.rglob(f"{NAME}.html")
    assert fetched.read_bytes() == page.read_bytes()


def test_nothing_else_is_put_beside_a_page(course: Path, learner: Path, sandbox: Sandbox) -> None:
    run(course, "mnist-course", "grade", NAME)
    (graded,) = (course / "autograded").glob(f"*/{NAME}")
    for name in ("submission_secret.txt", "timestamp.txt"):
        (graded / name).unlink()
        (graded / name).symlink_to(course / "nbgrader_config.py")
    (graded / "other.txt").write_text("other")
    (page,) = generate_feedback(read_course(course), NAME)
    assert list(page.parent.iterdir()) == [page]

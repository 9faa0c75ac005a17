"""Feedback finds its way back to learners through nbgrader's exchange."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_course.grading.course.settings import read_course
from mnist_course.grading.gradebook.feedback import generate_feedback

pytestmark = pytest.mark.sandbox

NAME = "01_double"
FOLDER = Path(sys.executable).parent
CONFIG = """
c.CourseDirectory.course_id = "mnist-course"
c.Exchange.root = {exchange!r}
c.Exchange.cache = {cache!r}
"""
World = Path  # with the folders course, learner, exchange, cache and jupyter


def run(world: World, folder: str, command: str, *arguments: str) -> None:
    """Run a command in a folder of a world, with the exchange of that world."""
    jupyter = world / "jupyter"
    jupyter.mkdir(exist_ok=True)
    config = CONFIG.format(exchange=str(world / "exchange"), cache=str(world / "cache"))
    (jupyter / "nbgrader_config.py").write_text(config)
    done = subprocess.run(
        [FOLDER / command, *arguments],
        cwd=world / folder,
        env={
            **os.environ,
            "PATH": f"{FOLDER}{os.pathsep}{os.environ['PATH']}",
            "JUPYTER_CONFIG_DIR": str(jupyter),
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.fixture(scope="module")
def collected(generated: Path, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A learner has handed in the exercise, and it is collected."""
    world = tmp_path_factory.mktemp("collected")
    shutil.copytree(generated, world / "course")
    shutil.copytree(generated / "exercises" / NAME, world / "learner" / NAME)
    (world / "exchange").mkdir()
    (world / "exchange").chmod(0o777)
    run(world, "course", "nbgrader", "release_assignment", NAME)
    run(world, "learner", "nbgrader", "submit", NAME)
    run(world, "course", "nbgrader", "collect", NAME)
    return world


@pytest.fixture(scope="module")
def graded(collected: World, tmp_path_factory: pytest.TempPathFactory) -> World:
    """What was collected is graded by the command of this course."""
    world = shutil.copytree(collected, tmp_path_factory.mktemp("graded") / "world")
    run(world, "course", "mnist-course", "grade", NAME, "--workers", "1")
    return world


def ours(world: World) -> None:
    run(world, "course", "mnist-course", "feedback", NAME)


def nbgraders(world: World) -> None:
    run(world, "course", "nbgrader", "autograde", NAME)
    run(world, "course", "nbgrader", "generate_feedback", NAME)


@pytest.mark.parametrize(
    ("before", "generate"), [("graded", ours), ("collected", nbgraders)], ids=["ours", "nbgraders"]
)
def test_pages_are_released_and_fetched(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    before: str,
    generate: Callable[[World], None],
) -> None:
    world = shutil.copytree(request.getfixturevalue(before), tmp_path / "world")
    generate(world)
    (page,) = (world / "course" / "feedback").rglob(f"{NAME}.html")
    run(world, "course", "nbgrader", "release_feedback", NAME)
    run(world, "learner", "nbgrader", "fetch_feedback", NAME)
    (fetched,) = (world / "learner").rglob(f"{NAME}.html")
    assert fetched.read_bytes() == page.read_bytes()


def test_nothing_else_is_put_beside_a_page(graded: World, tmp_path: Path) -> None:
    course = shutil.copytree(graded / "course", tmp_path / "course")
    (folder,) = (course / "autograded").glob(f"*/{NAME}")
    for name in ("submission_secret.txt", "timestamp.txt"):
        (folder / name).unlink()
        (folder / name).symlink_to(course / "nbgrader_config.py")
    (folder / "other.txt").write_text("other")
    (page,) = generate_feedback(read_course(course), NAME)
    assert list(page.parent.iterdir()) == [page]

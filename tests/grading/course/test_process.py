"""nbgrader's own commands run in a process of their own and say why they failed."""

from pathlib import Path

import pytest

from mnist_course.grading.course.process import run_nbgrader
from mnist_course.grading.course.settings import read_course


@pytest.mark.parametrize(
    ("arguments", "seconds", "reason"),
    [
        (["generate_assignment", "no_such"], None, "no_such"),
        (["--version"], 0.01, "it took more than 0.01 s"),
    ],
)
def test_a_command_that_fails_gives_its_reason(
    made: Path, arguments: list[str], seconds: float | None, reason: str
) -> None:
    assert reason in run_nbgrader(read_course(made), *arguments, seconds=seconds)

"""What the tests of the commands share: how to run one, and the tiny course of tests/grading."""

import os
import re
import runpy
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("mnist-course")
SECONDS = 600

_grading = runpy.run_path(str(Path(__file__).parents[1] / "grading" / "conftest.py"))
made, generated, course = (_grading[name] for name in ("made", "generated", "course"))


@pytest.fixture(scope="session")
def run() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run the command as a user would: without the environment activated."""

    def run(
        *arguments: str | Path,
        cwd: Path | None = None,
        command: Sequence[str | Path] = (COMMAND,),
        **environment: str,
    ) -> "subprocess.CompletedProcess[str]":
        clean = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
        return subprocess.run(
            [*command, *map(str, arguments)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=SECONDS,
            cwd=cwd,
            env={**clean, "PATH": os.defpath, "COLUMNS": "200", **environment},
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def assert_one_sentence() -> Callable[["subprocess.CompletedProcess[str]", str], None]:
    """Assert that a command failed with one sentence, which is the last line."""

    def check(result: "subprocess.CompletedProcess[str]", sentence: str) -> None:
        assert result.returncode == 1
        assert result.stdout == ""
        assert "Traceback" not in result.stderr
        assert re.search(sentence, result.stderr.splitlines()[-1])

    return check

"""What the tests of the commands share: a real process, and the tiny course of tests/grading."""

import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

COMMAND = Path(sys.executable).with_name("mnist-course")
SECONDS = 600

_grading = runpy.run_path(str(Path(__file__).parents[1] / "grading" / "conftest.py"))
made, generated, course = (_grading[name] for name in ("made", "generated", "course"))


@pytest.fixture(scope="session")
def run_process() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run the command as a user would: as a process, without the environment activated."""

    def run_process(
        *arguments: str | Path, cwd: Path | None = None
    ) -> "subprocess.CompletedProcess[str]":
        clean = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
        return subprocess.run(
            [COMMAND, *map(str, arguments)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=SECONDS,
            cwd=cwd,
            env={**clean, "PATH": os.defpath, "COLUMNS": "200"},
            check=False,
        )

    return run_process

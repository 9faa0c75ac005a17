"""Run nbgrader's own commands, each in a process of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

from .settings import Course


def run_nbgrader(course: Course, *arguments: str, seconds: float | None = None) -> str:
    """Run a command of nbgrader, which would change the working directory and loggers of this one.

    Parameters
    ----------
    course : Course
        Where it runs.
    *arguments : str
        The command and its options.
    seconds : float, optional
        How long it may take.

    Returns
    -------
    str
        Why it failed; empty if it did not.
    """
    # To make a new gradebook, nbgrader runs `alembic` from the PATH.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    try:
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *arguments],
            cwd=course.root,
            env={**os.environ, "PATH": path},
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired:
        return f"it took more than {seconds} s"
    return _first_reason(done.stderr) if done.returncode else ""


def _first_reason(log: str) -> str:
    """Find in nbgrader's log what went wrong first."""
    for pattern in (r"^\s*[\w.]+(?:Error|Exception): (.+)", r"ERROR\] (.+)", r"(.*\S)\s*\Z"):
        if found := re.search(pattern, log, re.MULTILINE):
            return found[1].strip()
    return "it does not say why"

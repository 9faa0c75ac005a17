"""Names that others keep stay in one place, and imports point one way."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_course.grading import nbgrader

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "mnist_course"


def loaded_by(program: str) -> set[str]:
    """Run a program in a fresh process; return the modules and packages that it loads."""
    program += "\nimport sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return set(done.stdout.split())


def test_files_that_people_keep_name_one_module_of_grading() -> None:
    files = [
        ROOT / "nbgrader_config.py",
        *(ROOT / "book").glob("*.md"),
        *(path for path in (ROOT / "solutions").rglob("*.*") if path.is_file()),
        *(path for path in (ROOT / "exercises").rglob("*.*") if path.is_file()),
    ]
    assert len(files) > 30
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert not re.findall(r"mnist_course\.grading(?!\.nbgrader\b)[.\w]*", text), file


def test_every_name_that_people_keep_can_be_loaded() -> None:
    text = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")
    named = re.findall(r"mnist_course\.grading\.nbgrader\.(\w+)", text)
    assert len(named) == 8
    assert {*named, "CanvasExporter", "MoodleExporter", "StagedExporter"} <= set(dir(nbgrader))
    for name in nbgrader._HOMES:
        assert getattr(nbgrader, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'secret'"):
        nbgrader.secret  # noqa: B018


@pytest.mark.parametrize(
    "name", ["SubmissionExporter", "FeedbackExporter", "CanvasExporter", "SafeCollector"]
)
def test_what_nbgrader_loads_by_name_loads_neither_dask_nor_tensorflow(name: str) -> None:
    loaded = loaded_by(f"from mnist_course.grading.nbgrader import {name}")
    assert "nbgrader" in loaded
    assert not {"dask", "distributed", "tensorflow"} & loaded

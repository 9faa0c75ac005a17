import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

from mnist_course import _programs, doctor
from mnist_course.doctor import examine


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer for the processes that the doctor starts."""

    def answer(command: list[str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.CompletedProcess(command, 1, stdout="", stderr="no such thing\n")

    monkeypatch.setattr(_programs, "run", answer)


def test_every_missing_thing_comes_with_a_command_or_an_explanation(
    fast: None, away: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", "")

    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "version", missing)
    checks = {check.name: check for check in examine()}
    for name in ("tensorflow", "nbgrader", "Jupyter kernel"):
        assert not checks[name].ok
        assert checks[name].mend.endswith("-m pip install -r requirements.txt")
    assert checks["tensorflow"].required
    assert not checks["nbgrader"].required
    assert "exit status 1: no such thing" in checks["TensorFlow runs"].found
    assert checks["data"].mend == "mnist-course data"
    assert checks["sandbox"].mend == "sudo apt-get install bubblewrap"
    assert checks["browser"].mend == "sudo apt-get install chromium"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a program without an ending")
def test_sandbox_is_tried_not_only_found(
    fast: None, away: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    (tmp_path / "bwrap").write_text("#!/bin/sh\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox = next(check for check in examine() if check.name == "sandbox")
    assert not sandbox.ok
    assert "cannot make a sandbox: no such thing" in sandbox.found


def test_other_systems_are_told_where_to_grade(
    fast: None, away: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    sandbox = next(check for check in examine() if check.name == "sandbox")
    assert not sandbox.ok
    assert not sandbox.required
    assert "Linux" in sandbox.found


def test_damaged_data_is_reported_not_raised(
    fast: None, away: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad.npz").write_bytes(b"bad")
    monkeypatch.setenv("MNIST_COURSE_DATA", str(tmp_path / "bad.npz"))
    data = next(check for check in examine() if check.name == "data")
    assert not data.ok
    assert data.required
    assert "bad.npz is damaged" in data.found

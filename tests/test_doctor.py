import importlib.metadata
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

from mnist_course import _programs, doctor
from mnist_course.doctor import examine

ROOT = Path(__file__).parents[1]


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer for the processes that the doctor starts."""

    def answer(command: list[str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.CompletedProcess(command, 1, stdout="", stderr="no such thing\n")

    monkeypatch.setattr(_programs, "run", answer)


@pytest.mark.parametrize(("version", "problem"), [((3, 10, 14), "old"), ((3, 14, 0), "new")])
def test_python_without_wheels_of_tensorflow_comes_with_a_way_out(
    fast: None, monkeypatch: pytest.MonkeyPatch, version: tuple[int, ...], problem: str
) -> None:
    other = SimpleNamespace(version_info=version, executable="python3", platform="linux")
    monkeypatch.setattr(doctor, "sys", other)
    python = next(check for check in examine() if check.name == "Python")
    assert not python.ok
    assert python.required
    assert f"too {problem}" in python.found
    assert "install Python 3.13" in python.found
    assert python.mend == "uv venv --python 3.13"


def test_pythons_are_those_on_which_the_course_can_be_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    oldest, too_new = (".".join(map(str, version)) for version in doctor.PYTHONS)
    assert project["requires-python"] == f">={oldest},<{too_new}"


def test_every_missing_thing_comes_with_a_command_or_an_explanation(
    fast: None, monkeypatch: pytest.MonkeyPatch
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
    assert checks["data"].ok
    assert checks["sandbox"].mend == "sudo apt-get install bubblewrap"
    assert checks["browser"].mend == "sudo apt-get install chromium"


@pytest.mark.parametrize(
    ("command", "ok"),
    [("python", True), (sys.executable, True), ("/usr/bin/env", False), ("/no/python", False)],
)
def test_only_a_kernel_of_this_environment_is_one(
    monkeypatch: pytest.MonkeyPatch, command: str, ok: bool
) -> None:
    listed = json.dumps({"kernelspecs": {"python3": {"spec": {"argv": [command, "-m"]}}}})
    monkeypatch.setattr(
        _programs, "run", lambda asked: subprocess.CompletedProcess(asked, 0, listed, "")
    )
    check = doctor._kernel()
    assert check.ok is ok
    assert ok or "--name mnist-course" in check.mend


@pytest.mark.skipif(sys.platform == "win32", reason="needs a program without an ending")
def test_sandbox_is_tried_not_only_found(
    fast: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    (tmp_path / "bwrap").write_text("#!/bin/sh\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    sandbox = next(check for check in examine() if check.name == "sandbox")
    assert not sandbox.ok
    assert "cannot make a sandbox: no such thing" in sandbox.found


def test_other_systems_are_told_where_to_grade(fast: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    sandbox = next(check for check in examine() if check.name == "sandbox")
    assert not sandbox.ok
    assert not sandbox.required
    assert "Linux" in sandbox.found


def test_damaged_data_is_reported_not_raised(
    fast: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bad.npz").write_bytes(b"bad")
    monkeypatch.setenv("MNIST_COURSE_DATA", str(tmp_path / "bad.npz"))
    data = next(check for check in examine() if check.name == "data")
    assert not data.ok
    assert data.required
    assert "bad.npz is damaged" in data.found
    assert data.mend == "unset MNIST_COURSE_DATA"


@pytest.mark.parametrize("on_colab", [False, True])
def test_a_package_of_another_version_is_named_with_the_range(
    fast: None, monkeypatch: pytest.MonkeyPatch, on_colab: bool
) -> None:
    monkeypatch.delenv("COLAB_RELEASE_TAG", raising=False)
    if on_colab:
        monkeypatch.setenv("COLAB_RELEASE_TAG", "release-colab_20260801")
    monkeypatch.setattr(doctor, "version", lambda name: "2.14.0" if name == "keras" else "1.0.4")
    checks = {check.name: check for check in examine()}
    assert checks["jupyter-book"].ok
    assert not checks["keras"].ok
    assert checks["keras"].found.startswith("2.14.0, needed is ")
    assert ">=3.12" in checks["keras"].found
    assert ("restart the session" in checks["keras"].mend) is on_colab

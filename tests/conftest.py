"""What several test modules share: the data sets, and what a test may need of its machine."""

import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from mnist_course.data import MNIST, find_mnist, load_mnist
from mnist_course.errors import DataError
from mnist_course.grading.sandbox.supervisor import Sandbox, available

collect_ignore_glob = ["submissions/*"]  # pieces of notebooks, which test_submissions.py reads


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test that was skipped where nothing may be missing."""
    report = yield
    if os.environ.get("MNIST_COURSE_NO_SKIP") and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"MNIST_COURSE_NO_SKIP forbids to skip this test: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def sample() -> MNIST:
    return load_mnist("sample")


@pytest.fixture(scope="session")
def full_mnist() -> MNIST:
    try:
        mnist, _ = find_mnist(download=False)
    except DataError as error:
        pytest.fail(str(error))
    if not mnist.genuine:
        pytest.skip("needs the complete MNIST: run 'mnist-course data', or set MNIST_COURSE_DATA")
    return mnist


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    if reason := available():
        pytest.skip(reason)
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Path]:
    """Leave the test with an empty Keras cache, no named data, and no way to the network."""

    def unreachable(name: str) -> tuple[str, str]:
        return (f"http://127.0.0.1:9/{name}", "0" * 64)

    monkeypatch.delenv("MNIST_COURSE_DATA", raising=False)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr("mnist_course.data.KERAS_FILE", {"mnist.npz": unreachable("mnist.npz")})
    monkeypatch.setattr(
        "mnist_course.data.MIRROR_FILES", {f"{name}.gz": unreachable(name) for name in ("a", "b")}
    )
    return tmp_path / "keras" / "datasets"

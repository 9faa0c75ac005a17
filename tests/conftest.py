"""What several test modules share: the data sets, and what a test may need of its machine."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mnist_course.data import MNIST, find_mnist, load_mnist
from mnist_course.errors import DataError


def need(condition: object, what: str) -> None:
    """Skip the test where `what` is missing, or fail it where nothing may be skipped."""
    if condition:
        return
    if os.environ.get("MNIST_COURSE_NO_SKIP"):
        pytest.fail(f"{what} is missing, and MNIST_COURSE_NO_SKIP forbids to skip this test")
    pytest.skip(f"needs {what}")


@pytest.fixture(scope="session")
def sample() -> MNIST:
    return load_mnist("sample")


@pytest.fixture(scope="session")
def full_mnist() -> MNIST:
    try:
        mnist, _ = find_mnist(download=False)
    except DataError as error:
        pytest.fail(str(error))
    need(mnist.genuine, "the complete MNIST (run 'mnist-course data', or set MNIST_COURSE_DATA)")
    return mnist


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

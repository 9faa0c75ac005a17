"""What several test modules share: the data set, and what a test may need of its machine."""

import dataclasses
import inspect
import os
import sys
from collections.abc import Generator, Iterator

import pytest

from mnist_course.data import MNIST, load_mnist
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
def mnist() -> MNIST:
    return load_mnist()


@pytest.fixture(scope="session")
def few(mnist: MNIST) -> MNIST:
    """A part of MNIST, on which training takes a second."""
    return beginning(mnist)


@pytest.fixture(scope="session")
def command_on_few() -> list[str]:
    """The command `mnist-course`, as if `few` were the whole of MNIST."""
    program = (
        "import dataclasses\nfrom mnist_course import MNIST, cli, data\n"
        f"{inspect.getsource(beginning)}\n"
        "few = beginning(data.load_mnist())\ndata.load_mnist = lambda source=None: few\ncli.main()"
    )
    return [sys.executable, "-c", program]


def beginning(mnist: MNIST) -> MNIST:
    return dataclasses.replace(
        mnist,
        train_images=mnist.train_images[:4000],
        train_labels=mnist.train_labels[:4000],
        train_writers=mnist.train_writers[:4000],
        test_images=mnist.test_images[:1000],
        test_labels=mnist.test_labels[:1000],
        test_writers=mnist.test_writers[:1000],
    )


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    if reason := available():
        pytest.skip(reason)
    with Sandbox() as sandbox:
        yield sandbox

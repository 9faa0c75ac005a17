"""What several test modules share: the tiers, the data, and what a test may need of its machine."""

import collections
import dataclasses
import functools
import io
import os
import re
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import redirect_stderr, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from mnist_course import cli
from mnist_course._programs import find_browser
from mnist_course.data import MNIST, load_mnist
from mnist_course.grading.sandbox.supervisor import Sandbox, available

if TYPE_CHECKING:
    from playwright.sync_api import Browser

collect_ignore_glob = ["submissions/*"]  # pieces of notebooks, which test_submissions.py reads

# `pytest` alone leaves these tiers out; pyproject.toml says what each of them needs.
TIERS = ("sandbox", "browser", "postgresql", "slow")
NIGHTLY = "nightly"
# A test that uses one of these fixtures belongs to a tier without having to say so.
TIER_OF_FIXTURE = {
    "sandbox": "sandbox",
    "site": "browser",
    "browser": "browser",
}
why_no_sandbox = functools.cache(available)  # it tries, which takes a process
LEFT_OUT = pytest.StashKey[collections.Counter[str]]()


# A machine may be busy, so no example has a deadline. More of them are tried when there is time.
settings.register_profile("quick", max_examples=25, deadline=None)
settings.register_profile("thorough", max_examples=300, deadline=None)


def pytest_configure(config: pytest.Config) -> None:
    settings.load_profile("thorough" if config.option.all else "quick")
    if os.environ.get("MNIST_COURSE_NO_SKIP") and not find_spec("playwright"):
        raise pytest.UsageError("no test may be skipped: run 'pip install -r requirements-dev.txt'")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all", action="store_true", help="run the slower tiers, too")


@pytest.hookimpl(tryfirst=True)  # before -m looks at the markers
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark tests by the fixtures that they use, and leave out the tiers that nobody asked for."""
    left_out: collections.Counter[str] = collections.Counter()
    kept, deselected = [], []
    for item in items:
        for fixture, tier in TIER_OF_FIXTURE.items():
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(tier)
        tier = next(filter(item.get_closest_marker, (NIGHTLY, *TIERS)), None)
        asked = config.option.all or config.option.markexpr
        if tier is None or (NIGHTLY in config.option.markexpr if tier == NIGHTLY else asked):
            kept.append(item)
        else:
            left_out[tier] += 1
            deselected.append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=deselected)
    config.stash[LEFT_OUT] = left_out
    if hasattr(config, "workeroutput"):  # this is a worker of pytest-xdist
        config.workeroutput["left_out"] = dict(left_out)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take over what a worker of pytest-xdist left out: all of them leave out the same."""
    left_out = getattr(node, "workeroutput", {}).get("left_out", {})
    node.config.stash[LEFT_OUT] = collections.Counter(left_out)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Say in the last line what was left out, and how to run it."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    left_out = config.stash.get(LEFT_OUT, None)
    if reporter is None or not left_out:
        return
    nightly = left_out.pop(NIGHTLY, 0)
    sentences = []
    if left_out:
        tiers = ", ".join(f"{count:,} {tier}" for tier, count in left_out.items())
        sentences.append(f"Left out: {tiers}. Run everything with 'pytest --all'.")
    if not find_spec("playwright"):
        sentences.append("tests/site needs 'pip install -r requirements-dev.txt'.")
    if nightly:
        sentences.append(f"Only 'pytest -m nightly' runs the {nightly:,} nightly ones.")
    reporter.write_line(" ".join(sentences))


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("sandbox") and (reason := why_no_sandbox()):
        pytest.skip(reason)


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


@pytest.fixture
def only_few(few: MNIST, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands take `few` for the whole of MNIST."""
    monkeypatch.setattr("mnist_course.data.load_mnist", lambda source=None: few)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run the command `mnist-course` in this process, which has imported TensorFlow already."""

    def run(
        *arguments: str | Path, cwd: Path | None = None, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        command = ["mnist-course", *map(str, arguments)]
        out, err = io.StringIO(), io.StringIO()
        with monkeypatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(sys, "argv", command)
            # As for a user who has not activated the environment.
            patch.delenv("VIRTUAL_ENV", raising=False)
            for name, value in {"PATH": os.defpath, "COLUMNS": "200", **environment}.items():
                patch.setenv(name, value)
            if cwd is not None:
                patch.chdir(cwd)
            with pytest.raises(SystemExit) as end:
                cli.main()
        code = end.value.code or 0
        return subprocess.CompletedProcess(command, code, out.getvalue(), err.getvalue())

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
def secret() -> Iterator[str]:
    """A variable in the environment of what starts the sandbox, which must not reach inside."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET", "c0ffee-in-the-environment")
        yield os.environ["SECRET"]


@pytest.fixture(scope="session")
def sandbox(secret: str) -> Iterator[Sandbox]:
    """The sandbox of all tests, as it takes ten seconds to start; some replace its `limits`."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """A browser to read pages with."""
    pytest.importorskip("playwright", reason="needs requirements-dev.txt")
    from playwright.sync_api import expect, sync_playwright

    program = find_browser()
    if program is None:
        pytest.skip("needs Chromium or Chrome: 'mnist-course doctor' says how to install it")
    expect.set_options(timeout=30_000)  # a busy machine may take its time
    with sync_playwright() as playwright:
        # Chromium's own sandbox refuses to work for root, as on build machines.
        browser = playwright.chromium.launch(executable_path=program, chromium_sandbox=False)
        yield browser
        browser.close()

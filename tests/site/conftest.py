"""The built book, and a browser to read it with."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mnist_course._programs import find_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SITE = Path(__file__).parents[2] / "_build" / "html"


class Missing(pytest.Module):
    """A module of tests that cannot be imported here."""

    def collect(self) -> list[pytest.Item]:
        pytest.skip(
            "needs Playwright and axe: run 'pip install -r requirements-dev.txt'",
            allow_module_level=True,
        )


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> Missing | None:
    if find_spec("playwright") and find_spec("axe_playwright_python"):
        return None
    return Missing.from_parent(parent, path=module_path)


@pytest.fixture(scope="session")
def site() -> Path:
    if not (SITE / "index.html").exists():
        pytest.skip("needs the built book: run 'mnist-course book'")
    return SITE


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
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


@pytest.fixture
def window(browser: "Browser") -> "Iterator[Page]":
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    yield context.new_page()
    context.close()

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


# They import these at once; tests/conftest.py says that they are left out.
if not (find_spec("playwright") and find_spec("axe_playwright_python")):
    collect_ignore_glob = ["*.py"]


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

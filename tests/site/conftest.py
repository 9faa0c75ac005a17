"""The built book, and a browser to read it with."""

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

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


@pytest.fixture
def window(browser: "Browser") -> "Iterator[Page]":
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    yield context.new_page()
    context.close()

"""A small book, built as strictly as the real one, to try the book's own extensions on."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

EXTENSIONS = Path(__file__).parents[2] / "book" / "_extensions"


@pytest.fixture(scope="session")
def build_pages() -> Callable[[Path, str], dict[str, BeautifulSoup]]:
    """Build the sources in a folder with some lines of `conf.py`; return the pages by name."""

    def build(source: Path, config: str) -> dict[str, BeautifulSoup]:
        path = f"import sys\nsys.path.append({str(EXTENSIONS)!r})\n"
        (source / "conf.py").write_text(path + config, encoding="utf-8")
        built = source / "_build"
        command = [sys.executable, "-m", "sphinx", "-W", "-n", "-q", str(source), str(built)]
        result = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert result.returncode == 0, result.stderr
        return {
            page.stem: BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
            for page in built.glob("*.html")
        }

    return build

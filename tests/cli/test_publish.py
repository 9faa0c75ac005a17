from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from mnist_course.cli import app
from mnist_course.publishing import book
from mnist_course.publishing.book import Build, Page, Problem

INDEX = Path("_build/html/index.html").absolute()
LOG = Path("_build/book.log")


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the command build a book of some pages, of which one is executed."""

    def build(pages: int, problems: list[Problem]) -> None:
        def fake(*_: object, report: book.Report) -> Build:
            for seconds in (None, 3.2, 2.4):
                report("book/sums", 1, 1, seconds)
            return Build(INDEX, LOG, ["book/sums"], 61.7, problems)

        monkeypatch.setattr(book, "read_contents", lambda _: [Page("book/sums")] * pages)
        monkeypatch.setattr(book, "build", fake)

    return build


@pytest.mark.parametrize(("pages", "words"), [(1, "1 page"), (1200, "1,200 pages")])
def test_book_counts_its_pages_and_says_once_which_are_executed(
    build: Callable[..., None], pages: int, words: str
) -> None:
    build(pages, [])
    result = CliRunner().invoke(app, ["book"])
    assert result.exit_code == 0
    assert result.stdout == f"{INDEX}\n"
    assert result.stderr.splitlines() == [
        "1/1: executing book/sums",
        f"Built {words} in 0:01:02, 1 of them executed.",
    ]


def test_book_prints_a_line_for_each_problem(build: Callable[..., None]) -> None:
    build(2, [Problem("book/sums.ipynb, cell 3", "no [x]"), Problem("", "Jupyter Book stopped")])
    result = CliRunner().invoke(app, ["book"])
    assert result.exit_code == 1
    assert result.stdout == "book/sums.ipynb, cell 3: no [x]\nJupyter Book stopped\n"
    assert result.stderr.endswith(f"the whole log is in {LOG}.\n")

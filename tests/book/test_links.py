"""Links from exercises, checks and messages lead to sections that the book has, also old links."""

import re
from functools import cache
from pathlib import Path

import nbformat
import pytest
from docutils.nodes import make_id

from mnist_course.checks.core import BOOK as ADDRESS

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "book"
MOVED = dict(
    re.findall(
        r'^ +"([\w-]+#[\w-]+)": "([\w-]+#[\w-]+)",$',
        (BOOK / "_static" / "moved.js").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
)


@cache
def prose(page: str) -> str:
    if (BOOK / f"{page}.ipynb").exists():
        notebook = nbformat.read(BOOK / f"{page}.ipynb", as_version=4)
        text = "\n\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    else:
        text = (BOOK / f"{page}.md").read_text(encoding="utf-8")
    return re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)


def sections(page: str) -> set[str]:
    return {make_id(heading) for heading in re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)}


PATTERNS = (
    "*.md",
    "book/*.md",
    "book/*.ipynb",
    "mnist_course/**/*.py",
    "solutions/*/*.ipynb",
    "exercises/*/*.ipynb",
)
FILES = [path.relative_to(ROOT).as_posix() for glob in PATTERNS for path in ROOT.glob(glob)]


@pytest.mark.parametrize("file", sorted(FILES))
def test_links_to_pages_of_the_book_lead_somewhere(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    links = re.findall(rf"{re.escape(ADDRESS)}/(\w+)\.html(?:#([\w-]+))?", text)
    links += re.findall(r'@task\("(\w+)\.html#([\w-]+)"', text)
    if Path(file).parent == Path("book"):
        links += re.findall(r"\]\((\w+)\.(?:ipynb|md)(?:#([\w-]+))?\)", text)
    for page, section in links:
        assert not section or section in sections(page), (page, section)
        assert sections(page), page


@pytest.mark.parametrize(("old", "new"), MOVED.items())
def test_sections_that_have_moved_are_where_their_old_links_lead(old: str, new: str) -> None:
    page, _, section = old.partition("#")
    assert section not in sections(page)
    page, _, section = new.partition("#")
    assert section in sections(page)


PAGES = sorted(path.stem for suffix in ("md", "ipynb") for path in BOOK.glob(f"*.{suffix}"))


@pytest.mark.parametrize("page", PAGES)
def test_links_within_the_book_go_to_labels(page: str) -> None:
    """MyST links to a section only by the label above it, and without the name of its page."""
    assert not re.findall(r"\]\(\w+\.(?:ipynb|md)#", prose(page))
    for label in re.findall(r"\]\(#([\w-]+)\)", prose(page)):
        assert any(f"\n({label})=\n" in prose(name) for name in PAGES), label

"""Print the book: Chromium turns one document, made of its web pages, into a PDF."""

import html
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import yaml
from bs4 import BeautifulSoup, Tag
from pypdf import PdfReader

from mnist_course._files import atomic
from mnist_course._programs import find_browser
from mnist_course.errors import CourseError

from .book import CONFIG, OUTPUT, Page, stop

NAME = "mnist-course.pdf"
SECONDS = 300
PASSES = 3  # the second has the page numbers; a third if they moved the pages
# What does nothing on paper, and the pictures for dark mode.
QUIZ = re.compile(r"Answer to quiz \d+$")
STILL = "In the published book on the web, you can try this yourself."
NOT_PRINTED = "script, style, button, input, select, canvas, iframe, .headerlink, .only-dark"


@dataclass(frozen=True)
class Chapter:
    """A page of the book as a piece of the printed document.

    Attributes
    ----------
    page : Page
        Which one.
    anchor : str
        The id that links to the chapter as a whole use; those within it begin with it.
    title : str
        Its heading.
    article : bs4.Tag
        Its content.
    """

    page: Page
    anchor: str
    title: str
    article: Tag


def find_printer() -> str:
    """Return the path of a browser that can print.

    Returns
    -------
    str
        The program.

    Raises
    ------
    CourseError
        If there is none.
    """
    if browser := find_browser():
        return browser
    raise CourseError(
        "No Chromium, Chrome or Edge was found, which makes the PDF: install one ('sudo apt-get "
        "install chromium' on Debian and Ubuntu), or build the book without --pdf."
    )


def print_book(course: Path, pages: list[Page], browser: str) -> Path:
    """Print the web pages of the book into one PDF.

    It has a title page, contents with page numbers, an outline, and links that lead to pages of
    the book within the document. The pages are numbered by Chromium 131 or newer.

    Parameters
    ----------
    course : pathlib.Path
        The folder of the course, where `build` has put the web pages.
    pages : list of Page
        The pages, from `read_contents`.
    browser : str
        The program, from `find_printer`.

    Returns
    -------
    pathlib.Path
        The PDF. It takes its place when it is complete.

    Raises
    ------
    CourseError
        If the browser fails or takes longer than `SECONDS`.
    """
    course = course.resolve()
    folder = course / OUTPUT / "html"
    chapters = [_read(folder, number, page) for number, page in enumerate(pages, start=1)]
    _link(chapters)
    title_page = _title_page(course)
    pdf = course / OUTPUT / NAME
    with atomic(pdf) as unfinished:
        document = unfinished.with_name("book.html")
        numbers: dict[str, int] = {}
        for _ in range(PASSES):
            text = _document(title_page, folder, chapters, numbers)
            document.write_text(text, encoding="utf-8")
            _print(browser, document, unfinished)
            if numbers == (found := _page_numbers(unfinished, chapters)):
                break
            numbers = found
    return pdf


def _read(folder: Path, number: int, page: Page) -> Chapter:
    text = (folder / f"{page.name}.html").read_text(encoding="utf-8")
    article = BeautifulSoup(text, "html.parser").select_one("article")
    assert article is not None  # every theme of Jupyter Book has one
    for tag in article.select(NOT_PRINTED):
        tag.decompose()
    _unfold(article)
    heading = article.find("h1")
    title = heading.get_text().strip() if heading else page.name
    anchor = f"chapter{number}"
    for tag in article.find_all(id=True):
        tag["id"] = f"{anchor}.{tag['id']}"
    article["id"] = anchor
    for tag in article.find_all(src=True):
        del tag["loading"]  # a lazy picture may come after printing
        address = urljoin((folder / f"{page.name}.html").as_uri(), str(tag["src"]))
        tag["src"] = address
    return Chapter(page, anchor, title, article)


def _unfold(article: Tag) -> None:
    """Show what readers open on a screen, and put what gives away an answer after the questions."""
    for fold in article.select("details.hide"):  # code, under a name for "show" and one for "hide"
        for summary in fold.find_all("summary", recursive=False):
            summary.decompose()
        fold.unwrap()
    for details in article.find_all("details"):
        details["open"] = ""
        name = details.find("summary")
        choices = details.find_previous_sibling()
        section = details.find_parent("section")
        if name and choices and section and QUIZ.match(name.get_text().strip()):
            _add_class(choices, "choices")
            question = choices.find_previous_sibling()
            if question:
                _add_class(question, "lead")
            section.append(details.extract())
    for place in article.select("[data-interactive]"):
        picture, sentences = place.find("img"), place.find_all("p")
        if picture and sentences:  # the last one says that it takes JavaScript
            place.clear()
            sentences[-1].string = STILL
            place.name, sentences[-1].name = "figure", "figcaption"
            place.extend([picture, sentences[-1]])
    for paragraph in article.find_all("p"):
        if paragraph.get_text().rstrip().endswith(":"):
            _add_class(paragraph, "lead")


def _add_class(tag: Tag, name: str) -> None:
    tag["class"] = " ".join([*map(str, filter(None, tag.get_attribute_list("class"))), name])


def _link(chapters: list[Chapter]) -> None:
    """Turn links to other pages into links within the document; keep those to other sites."""
    anchors = {f"{chapter.page.name}.html": chapter.anchor for chapter in chapters}
    anchors["index.html"] = chapters[0].anchor
    targets = {str(tag["id"]) for chapter in chapters for tag in chapter.article.find_all(id=True)}
    for chapter in chapters:
        for link in chapter.article.find_all("a", href=True):
            address = urlsplit(urljoin(f"{chapter.page.name}.html", str(link["href"])))
            if address.scheme:
                continue
            if address.path in anchors:
                anchor = anchors[address.path]
                target = f"{anchor}.{unquote(address.fragment)}"
                link["href"] = f"#{target if target in targets else anchor}"
            else:  # the search, the index, a download
                link.unwrap()


def _title_page(course: Path) -> dict[str, str]:
    """Read what the title page shows."""
    config = yaml.safe_load((course / CONFIG).read_text(encoding="utf-8")) or {}
    return {
        "title": str(config.get("title", "")),
        "author": str(config.get("author", "")),
        "address": str((config.get("repository") or {}).get("url", "")),
    }


def _document(
    title_page: dict[str, str], folder: Path, chapters: list[Chapter], numbers: dict[str, int]
) -> str:
    texts = {name: html.escape(value) for name, value in title_page.items()}
    style = (resources.files(__package__) / "print.css").read_text(encoding="utf-8")
    colors = (folder / "_static" / "pygments.css").as_uri()
    articles = "\n".join(str(chapter.article) for chapter in chapters)
    return f"""<!doctype html>
<html lang="en" data-theme="light">
<head>
<meta charset="utf-8">
<title>{texts["title"]}</title>
<link rel="stylesheet" href="{colors}">
<style>{style}</style>
</head>
<body>
<header class="title-page">
<p class="book-title">{texts["title"]}</p>
<p>{texts["author"]}</p>
<p><a href="{texts["address"]}">{texts["address"]}</a></p>
<p>Printed from the web pages on {date.today().isoformat()}</p>
</header>
<nav class="contents"><h1>Contents</h1>{_contents(chapters, numbers)}</nav>
{articles}
</body>
</html>
"""


def _contents(chapters: list[Chapter], numbers: dict[str, int]) -> str:
    lines, part = [], ""
    for chapter in chapters:
        if chapter.page.part != part:
            part = chapter.page.part
            lines.append(f'<p class="part">{html.escape(part)}</p>')
        lines.append(
            f'<p class="entry"><a href="#{chapter.anchor}">{html.escape(chapter.title)}</a>'
            f'<span class="dots"></span><span>{numbers.get(chapter.anchor, "")}</span></p>'
        )
    return "\n".join(lines)


def _print(browser: str, document: Path, pdf: Path) -> None:
    command = [
        browser,
        "--headless",
        "--disable-gpu",
        "--disable-dev-shm-usage",  # which is too small in containers
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        f"--user-data-dir={pdf.with_name('profile')}",
        "--no-pdf-header-footer",
        "--generate-pdf-document-outline",
        f"--print-to-pdf={pdf}",
        document.as_uri(),
    ]
    if sys.platform != "win32" and os.geteuid() == 0:
        command.insert(1, "--no-sandbox")  # Chromium's own, which root cannot have
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    try:
        output, _ = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise CourseError(
            f"{browser} did not print the book within {SECONDS} s: run it again when the machine "
            "has less to do."
        ) from None
    finally:
        stop(process)
    if process.returncode or not pdf.is_file():
        last = (output.strip().splitlines() or ["it said nothing"])[-1]
        raise CourseError(
            f"{browser} did not print the book ({last[:200]}): try another Chromium, Chrome or "
            "Edge."
        )


def _page_numbers(pdf: Path, chapters: list[Chapter]) -> dict[str, int]:
    """Return the page on which each chapter begins, from 1; links to it name the place."""
    reader = PdfReader(pdf)
    places = reader.named_destinations
    numbers = {}
    for chapter in chapters:
        if place := places.get(f"/{chapter.anchor}") or places.get(chapter.anchor):
            numbers[chapter.anchor] = (reader.get_destination_page_number(place) or 0) + 1
    return numbers

"""The built book, as a reader meets it: in `_build/html`, and in a real browser."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import Browser, Page, sync_playwright

from mnist_course.doctor import find_browser
from mnist_course.errors import CourseError

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
THEMES = ("light", "dark")
# What a page may take, its pictures, styles, scripts and fonts included.
MOST_BYTES = 1_500_000


def named_pages() -> list[str]:
    """Name the pages of the table of contents, in its order."""
    contents = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [chapter for part in contents["parts"] for chapter in part["chapters"]]
    files = [[chapter, *chapter.get("sections", [])] for chapter in chapters]
    return [contents["root"], *(entry["file"] for group in files for entry in group)]


PAGES = named_pages()


@pytest.fixture(scope="module", autouse=True)
def site() -> Path:
    if not (SITE / "index.html").exists():
        pytest.skip("needs the built book: run 'mnist-course book'")
    return SITE


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    try:
        program = find_browser()
    except CourseError as missing:
        pytest.skip(str(missing))
    with sync_playwright() as playwright:
        # Chromium's own sandbox refuses to work for root, as on build machines.
        browser = playwright.chromium.launch(executable_path=program, chromium_sandbox=False)
        yield browser
        browser.close()


@cache
def parsed(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


def read(page: str) -> BeautifulSoup:
    return parsed(SITE / f"{page}.html")


def article(page: str) -> Tag:
    found = read(page).find("article")
    assert isinstance(found, Tag)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_no_cell_failed_or_warned(page: str) -> None:
    wrong = article(page).select(".output.stderr, .output.traceback, .system-message, .problematic")
    assert [cell.get_text()[:500] for cell in wrong] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_picture_is_described(page: str) -> None:
    for image in article(page).find_all("img"):
        words = str(image.get("alt", ""))
        assert len(words) > 40, image
        assert not words.startswith(("_images", "../"))


@pytest.mark.parametrize("page", PAGES)
def test_headings_are_in_order(page: str) -> None:
    levels = [int(heading.name[1]) for heading in article(page).find_all(re.compile("^h[1-6]$"))]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), levels


@pytest.mark.parametrize("page", PAGES)
def test_head_describes_the_page(page: str) -> None:
    head = read(page).head
    assert head is not None

    def meta(name: str) -> str:
        found = head.find("meta", attrs={"property": name}) or head.find("meta", {"name": name})
        return str(found["content"])

    assert head.title.get_text().strip()
    assert len(meta("description")) > 60
    assert meta("og:title") == article(page).h1.find(string=True)
    assert meta("og:url").endswith(f"{page}.html")
    picture = meta("og:image").rpartition("/")[2]
    assert (SITE / "_images" / picture).exists()
    assert meta("og:image:alt")


@pytest.mark.parametrize("page", [*PAGES, "search", "genindex"])
def test_links_within_the_book_lead_somewhere(page: str) -> None:
    here = SITE / f"{page}.html"
    for link in read(page).select("[href], [src]"):
        address = urlsplit(str(link.get("href") or link.get("src")))
        if address.scheme or address.netloc:
            continue
        target = here.parent / unquote(address.path) if address.path else here
        assert target.exists(), link
        if address.fragment and target.suffix == ".html":
            anchors = parsed(target.resolve()).select("[id], [name]")
            names = {anchor.get("id") or anchor.get("name") for anchor in anchors}
            assert unquote(address.fragment) in names, link


def test_sitemap_names_every_page() -> None:
    sitemap = (SITE / "sitemap.xml").read_text(encoding="utf-8")
    for page in PAGES:
        assert f"/{page}.html</loc>" in sitemap


@pytest.mark.parametrize("page", PAGES)
def test_notebooks_can_be_launched_and_downloaded(page: str) -> None:
    buttons = read(page).select(".article-header-buttons a[href]")
    addresses = " ".join(str(button["href"]) for button in buttons)
    if (ROOT / f"{page}.ipynb").exists():
        assert f"/{page}.ipynb" in addresses
        assert "colab.research.google.com" in addresses
        assert "mybinder.org" in addresses
        assert (SITE / "_sources" / f"{page}.ipynb").exists()
    else:
        assert "colab.research.google.com" not in addresses


def open_page(browser: Browser, page: str, theme: str) -> tuple[Page, list[str], list[str]]:
    """Open a page from its file; return what it asked for and complained of, too."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script(
        f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')"
    )
    opened = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    opened.goto((SITE / f"{page}.html").as_uri(), wait_until="networkidle")
    return opened, asked, complaints


@pytest.mark.parametrize("page", PAGES)
def test_page_is_light_quiet_and_asks_no_other_host(browser: Browser, page: str) -> None:
    opened, asked, complaints = open_page(browser, page, "light")
    # Pictures far down are loaded when they come into view.
    opened.evaluate("document.querySelectorAll('img').forEach(image => image.loading = 'eager')")
    opened.wait_for_load_state("networkidle")
    opened.context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    files = {unquote(urlsplit(url).path) for url in asked if url.startswith("file:")}
    assert sum(Path(file).stat().st_size for file in files) <= MOST_BYTES


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("page", PAGES)
def test_no_serious_obstacle_for_assistive_technology(
    browser: Browser, page: str, theme: str
) -> None:
    opened, *_ = open_page(browser, page, theme)
    assert opened.evaluate("document.documentElement.dataset.theme") == theme
    # From a file, the styles cannot be fetched a second time, and need not be.
    found = Axe().run(opened, options={"preload": False}).response["violations"]
    opened.context.close()
    serious = [
        (one["id"], one["nodes"][0]["html"], one["nodes"][0]["failureSummary"])
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
    assert serious == []


@pytest.mark.parametrize("width", [360, 768, 1440])
@pytest.mark.parametrize("page", PAGES)
def test_nothing_sticks_out_of_the_window(browser: Browser, page: str, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900})
    opened = context.new_page()
    opened.goto((SITE / f"{page}.html").as_uri())
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_search_finds_a_chapter(browser: Browser) -> None:
    context = browser.new_context()
    opened = context.new_page()
    opened.goto((SITE / "search.html").as_uri() + "?q=softmax")
    opened.wait_for_selector("#search-results li a")
    found = [link.get_attribute("href") for link in opened.query_selector_all("#search-results a")]
    context.close()
    assert any("building.html" in str(address) for address in found)

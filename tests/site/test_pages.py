"""The built book, as a reader meets it: in `_build/html`, and in a real browser."""

import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup, Tag
from playwright.sync_api import Browser, ConsoleMessage, Page

ROOT = Path(__file__).parents[2]
SITE = ROOT / "_build" / "html"
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
def needed(site: Path) -> None:
    """All of these read the built book."""


@pytest.fixture(scope="module")
def window(browser: Browser) -> Page:
    return browser.new_page(viewport={"width": 1280, "height": 900})


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


def test_whole_project_recognizes_the_test_images() -> None:
    printed = article("book/Handwritten_digit_classification").get_text()
    # The first time, it is the code that prints it.
    accuracy = float(printed.split("accuracy on the test images: ")[-1].split("%")[0])
    # Ten standard deviations below the mean of the study of seeds: lower means broken.
    assert accuracy > 97
    assert "Test image 1 shows a 2.\nModel prediction: 2" in printed


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


@dataclass(frozen=True)
class Opened:
    """A page in the browser, with what happened while it was loading."""

    window: Page
    asked: list[str]
    complaints: list[str]


# With a scope, all tests of a page come one after the other, and it is loaded once.
@pytest.fixture(scope="module", params=PAGES)
def opened(request: pytest.FixtureRequest, window: Page) -> Opened:
    page = Opened(window, [], [])

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error":
            page.complaints.append(message.text)

    listeners = {
        "request": lambda request: page.asked.append(request.url),
        "console": listen,
        "pageerror": lambda error: page.complaints.append(str(error)),
    }
    for event, listener in listeners.items():
        window.on(event, listener)
    window.goto((SITE / f"{request.param}.html").as_uri(), wait_until="networkidle")
    for event, listener in listeners.items():
        window.remove_listener(event, listener)
    return page


def test_page_is_light_quiet_and_asks_no_other_host(opened: Opened) -> None:
    assert opened.complaints == []
    assert [url for url in opened.asked if not url.startswith(("file:", "data:"))] == []
    files = {unquote(urlsplit(url).path) for url in opened.asked if url.startswith("file:")}
    assert sum(Path(file).stat().st_size for file in files) <= MOST_BYTES


def test_nothing_sticks_out_of_the_window(opened: Opened) -> None:
    sizes = {}
    for width in (1440, 768, 360):
        opened.window.set_viewport_size({"width": width, "height": 900})
        sizes[width] = opened.window.evaluate("document.documentElement.scrollWidth")
    opened.window.set_viewport_size({"width": 1280, "height": 900})
    assert sizes == {width: width for width in sizes}


# Words of letters and digits in tables that take more than one line.
BROKEN_WORDS = """() => {
    const broken = [];
    for (const table of document.querySelectorAll(".bd-article table.table")) {
        const walker = document.createTreeWalker(table, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
            for (const { 0: word, index } of walker.currentNode.data.matchAll(/[\\p{L}\\d.%]+/gu)) {
                const range = new Range();
                range.setStart(walker.currentNode, index);
                range.setEnd(walker.currentNode, index + word.length);
                if (new Set([...range.getClientRects()].map(({ top }) => top)).size > 1) {
                    broken.push(word);
                }
            }
        }
    }
    return broken;
}"""


def test_words_in_tables_and_letters_in_plots_can_be_read_on_a_phone(opened: Opened) -> None:
    opened.window.set_viewport_size({"width": 360, "height": 900})
    broken = opened.window.evaluate(BROKEN_WORDS)
    shares = opened.window.eval_on_selector_all(
        ".cell_output .wide-picture img",
        "images => images.map(i => i.getBoundingClientRect().width / i.getAttribute('width'))",
    )
    opened.window.set_viewport_size({"width": 1280, "height": 900})
    assert broken == []
    assert all(share > 0.79 for share in shares), shares


def test_no_serious_obstacle_for_assistive_technology(opened: Opened) -> None:
    # What fades from one theme to the other is judged when it has.
    opened.window.add_style_tag(content="* {transition: none !important}")
    serious = []
    # From a file, the styles cannot be fetched a second time, and need not be.
    options = {"preload": False, "resultTypes": ["violations"]}
    for theme in ("light", "dark"):
        opened.window.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        if theme == "dark":
            options["runOnly"] = ["color-contrast"]  # all else is the same as in the light one
        found = Axe().run(opened.window, options=options)
        for violation in found.response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                first = violation["nodes"][0]
                serious.append((theme, violation["id"], first["html"], first["failureSummary"]))
    assert serious == []


def test_search_finds_a_chapter(window: Page) -> None:
    window.goto((SITE / "search.html").as_uri() + "?q=softmax")
    window.wait_for_selector("#search-results li a")
    found = [link.get_attribute("href") for link in window.query_selector_all("#search-results a")]
    assert any("building.html" in str(address) for address in found)

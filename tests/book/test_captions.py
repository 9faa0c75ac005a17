from collections.abc import Callable
from pathlib import Path

import pytest
from bs4 import BeautifulSoup, Tag
from nbformat import v4, write

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
CONFIG = """
extensions = ["myst_nb", "captions"]
exclude_patterns = ["conf.py"]
numfig = True
nb_execution_mode = "off"
"""
PAGE = """# Page

![A line on paper](line.svg "Look at *h*, not at `x < 1`.")

![Only a line](line.svg)

In a sentence, ![a small line](line.svg "no caption") is part of it.

- A list:

  ![A line in a list](line.svg "In a list, too.")

```{toctree}
sums
```
"""


@pytest.fixture(scope="module")
def pages(
    tmp_path_factory: pytest.TempPathFactory,
    build_pages: Callable[[Path, str], dict[str, BeautifulSoup]],
) -> dict[str, BeautifulSoup]:
    """A page and a notebook with pictures, with and without captions, built without warnings."""
    source = tmp_path_factory.mktemp("source")
    (source / "index.md").write_text(PAGE)
    (source / "line.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h9"/></svg>'
    )
    output = v4.new_output("display_data", {"image/png": PIXEL, "text/plain": "a figure"})
    plot = {"image": {"alt": "A point"}, "figure": {"caption": "What *w* is.", "name": "point"}}
    cells = [
        v4.new_markdown_cell('# Sums\n\n![A line, again](line.svg "Of a notebook.")'),
        v4.new_code_cell("plot()", outputs=[output], metadata={"mystnb": plot}),
        v4.new_markdown_cell('See {numref}`point`.\n\n![The last line](line.svg "The end.")'),
    ]
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"
    python = {"language_info": {"name": "python"}}
    write(v4.new_notebook(cells=cells, metadata=python), source / "sums.ipynb")
    built = build_pages(source, CONFIG)
    return {name: built[name] for name in ("index", "sums")}


def figures(page: BeautifulSoup) -> list[Tag]:
    return page.find_all("figure")


def caption(figure: Tag) -> str:
    assert figure.figcaption is not None
    return figure.figcaption.get_text().strip().removesuffix("\N{PILCROW SIGN}")


def test_pictures_and_plots_are_numbered_in_one_sequence(pages: dict[str, BeautifulSoup]) -> None:
    assert [caption(figure) for figure in figures(pages["index"]) + figures(pages["sums"])] == [
        "Fig. 1 Look at h, not at x < 1.",
        "Fig. 2 In a list, too.",
        "Fig. 3 Of a notebook.",
        "Fig. 4 What w is.",
        "Fig. 5 The end.",
    ]
    assert "See Fig. 4." in pages["sums"].get_text()


def test_caption_is_below_and_has_simple_markup(pages: dict[str, BeautifulSoup]) -> None:
    first, plot = figures(pages["index"])[0], figures(pages["sums"])[1]
    for figure in (first, plot):
        kinds = [tag.name for tag in figure.find_all(["img", "figcaption"])]
        assert kinds == ["img", "figcaption"]
    assert [tag.get_text() for tag in first.find_all(["em", "code"])] == ["h", "x < 1"]
    assert [tag.get_text() for tag in plot.find_all("em")] == ["w"]


def test_alternative_texts_stay_and_titles_go(pages: dict[str, BeautifulSoup]) -> None:
    images = [image for page in pages.values() for image in page.find_all("img")]
    assert [image["alt"] for image in images] == [
        "A line on paper",
        "Only a line",
        "a small line",
        "A line in a list",
        "A line, again",
        "A point",
        "The last line",
    ]
    assert not any(image.has_attr("title") for image in images)


def test_other_pictures_are_no_figures(pages: dict[str, BeautifulSoup]) -> None:
    for words in ("Only a line", "a small line"):
        image = pages["index"].find("img", alt=words)
        assert image is not None
        assert image.find_parent("figure") is None

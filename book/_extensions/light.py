"""Make the pages of the built book light: smaller pictures, and no script that does nothing.

A picture gets its size, so that what's below it doesn't jump when it comes. One that's wider than a
phone gets a box to scroll in, so that its letters can be read there; course.css says how wide.
"""

import re
from pathlib import Path
from typing import Any

from docutils import nodes
from PIL import Image
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

# Thebe, which Jupyter Book loads (twice) though no page offers to run cells; tabs and cards.
UNUSED = ("thebe", "design")
# What the page of results works with. The theme loads it everywhere, for a search while one types.
SEARCH = re.compile(
    r'\s*<script src="[^"]*(?:searchtools|language_data|searchindex)\.js"></script>'
)
PICTURE = re.compile(r'(?P<tag><img [^>]*src="[^"]*_images/(?P<name>[^"/]+\.png)"[^>]*?) */?>')
# The first class has the theme make it reachable by keyboard, if there is something to scroll.
BOX = (
    '<span class="pst-scrollable-table-container wide-picture" style="--width: {width}px">'
    "{tag}</span>"
)
PHONE = 328  # pixels that a phone leaves for a picture
COLORS = 64  # of a palette; figures in gray have few more, and heat maps look the same


def setup(app: Sphinx) -> ExtensionMetadata:
    """Ask Sphinx to call for each page, and when all are written."""
    app.connect("html-page-context", _drop_unused, priority=900)
    app.connect("build-finished", _drop_search)
    app.connect("build-finished", _shrink_pictures)
    app.connect("build-finished", _size_pictures)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _drop_unused(
    _app: Sphinx, _page: str, _template: str, context: dict[str, Any], _tree: nodes.document | None
) -> None:
    for kind in ("script_files", "css_files"):
        context[kind] = [
            file
            for file in context[kind]
            if not any(name in f"{file.filename} {file.attributes.get('body')}" for name in UNUSED)
        ]


def _drop_search(app: Sphinx, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        if path.name != "search.html":
            path.write_text(SEARCH.sub("", path.read_text(encoding="utf-8")), encoding="utf-8")


def _shrink_pictures(app: Sphinx, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    for path in (Path(app.outdir) / "_images").glob("*.png"):
        with Image.open(path) as picture:
            if picture.mode == "P" or picture.convert("RGBA").getextrema()[3] != (255, 255):
                continue
            small = picture.convert("RGB").quantize(COLORS, dither=Image.Dither.NONE)
        temporary = path.with_suffix(".part")
        small.save(temporary, "PNG", optimize=True)
        temporary.replace(path)


def _size_pictures(app: Sphinx, exception: Exception | None) -> None:
    if exception or app.builder.format != "html":
        return
    sizes = {}
    for path in (Path(app.outdir) / "_images").glob("*.png"):
        with Image.open(path) as picture:
            sizes[path.name] = picture.size

    def add_size(match: re.Match[str]) -> str:
        width, height = sizes[match["name"]]
        if "style=" in match[0]:  # a page gives it a size of its own
            return match[0]
        tag = f'{match["tag"]} width="{width}" height="{height}" />'
        return BOX.format(width=width, tag=tag) if width > PHONE else tag

    for path in Path(app.outdir).rglob("*.html"):
        path.write_text(PICTURE.sub(add_size, path.read_text(encoding="utf-8")), encoding="utf-8")

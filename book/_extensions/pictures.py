"""Make the pictures of the built book light: figures of a few hundred colors need no more."""

from pathlib import Path

from PIL import Image
from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

COLORS = 256  # of a palette, in which each pixel takes a byte instead of four


def setup(app: Sphinx) -> ExtensionMetadata:
    """Ask Sphinx to call when the pages are written."""
    app.connect("build-finished", _shrink)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _shrink(app: Sphinx, exception: Exception | None) -> None:
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

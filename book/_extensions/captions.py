"""Turn a picture that has a title, alone in its paragraph, into a numbered figure with a caption.

    ![What it shows, for those who don't see it](drawings/neuron.svg "What to look at.")

Jupyter and GitHub show this line as a picture, too. In a caption, ``*x*`` is in italics, and words
between backticks are code. The captions of plots come from the metadata of their cells, by MyST-NB.
Sphinx numbers all figures in one sequence, which Jupyter Book switches on (``numfig``).
"""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx.util.typing import ExtensionMetadata

MARKED = re.compile(r"\*(?P<emphasis>[^*]+)\*|`(?P<literal>[^`]+)`")


class Captions(SphinxTransform):
    """Turn pictures with titles into figures with captions."""

    default_priority = 200  # before Sphinx looks for what to number, at 210

    def apply(self, **_: Any) -> None:
        """Change a page."""
        for paragraph in list(self.document.findall(nodes.paragraph)):
            if len(paragraph) == 1 and isinstance(paragraph[0], nodes.image):
                _add_caption(paragraph, paragraph[0])


def setup(app: Sphinx) -> ExtensionMetadata:
    """Ask Sphinx to change each page when it has been read."""
    app.add_transform(Captions)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _add_caption(paragraph: nodes.paragraph, image: nodes.image) -> None:
    if words := image.attributes.pop("title", None):
        caption = nodes.caption(words, "", *_parse(words))
        figure = nodes.figure("", image, caption)
        for node in (figure, caption):
            node.source, node.line = paragraph.source, paragraph.line
        paragraph.replace_self(figure)


def _parse(words: str) -> list[nodes.Node]:
    found: list[nodes.Node] = []
    end = 0
    for mark in MARKED.finditer(words):
        kind = nodes.emphasis if mark["emphasis"] else nodes.literal
        inside = mark["emphasis"] or mark["literal"]
        found += [nodes.Text(words[end : mark.start()]), kind(inside, inside)]
        end = mark.end()
    return [*found, nodes.Text(words[end:])]

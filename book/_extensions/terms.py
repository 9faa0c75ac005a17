"""Link a word in italics to the glossary, where the glossary has it.

Chapters set a term in italics where they explain it, ``*neuron*``. In a notebook that is all a
reader sees; in the book the first such word on each page leads to its entry.
"""

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.transforms import SphinxTransform
from sphinx.util.nodes import make_refnode
from sphinx.util.typing import ExtensionMetadata

KIND = "word-in-italics"


class Terms(SphinxTransform):
    """Mark the first of equal words in italics on a page as something that may be a term."""

    default_priority = 500

    def apply(self) -> None:
        """Change the page."""
        seen: set[str] = set()
        for word in list(self.document.findall(nodes.emphasis)):
            name = " ".join(word.astext().lower().split())
            linked = isinstance(word.parent, nodes.reference) or list(word.findall(nodes.reference))
            if name not in seen and not linked:
                seen.add(name)
                link = addnodes.pending_xref(
                    "",
                    word.deepcopy(),
                    refdomain="",
                    reftype=KIND,
                    reftarget=name,
                    refdoc=self.env.docname,
                )
                word.replace_self(link)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Ask Sphinx to mark words, and to link them when it has read the glossary."""
    app.add_transform(Terms)
    app.connect("missing-reference", _link)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def _link(
    app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, word: nodes.Element
) -> nodes.Element | None:
    if node["reftype"] != KIND:
        return None
    name = node["reftarget"]
    objects = env.get_domain("std").objects  # type: ignore[attr-defined]
    entries = {term.lower(): place for (kind, term), place in objects.items() if kind == "term"}
    for ending, other in (("", ""), ("s", ""), ("es", ""), ("ies", "y")):
        form = name.removesuffix(ending) + other
        if name.endswith(ending) and form in entries:
            page, anchor = entries[form]
            return make_refnode(app.builder, node["refdoc"], page, anchor, word)
    return word

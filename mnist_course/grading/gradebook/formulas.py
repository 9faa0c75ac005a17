"""Show formulas as MathML, which browsers display without a script and without another host.

A formula may come from an untrusted user. It is converted outside of the HTML around it, reduced to
what MathML needs to be seen, and put into the text of a page that has been cleaned already.
"""

import re
import secrets
from collections.abc import Iterator
from html import unescape
from typing import Any
from xml.etree.ElementTree import Element

from bleach.html5lib_shim import Filter
from latex2mathml.converter import convert_to_element

LONGEST = 2_000  # characters
DEEPEST = 100  # elements within each other
LONGEST_IN_LINE = 20  # visible characters; a longer one gets lines of its own, and can be scrolled
# A few of these lines unfold to any size.
_DEFINES = re.compile(r"\\(?:newcommand|def|DeclareMathOperator)(?![A-Za-z])")
_TAGS = """
    math mrow mi mo mn mtext mspace msup msub msubsup mfrac msqrt mroot mover munder munderover
    mtable mtr mtd mstyle mpadded mphantom menclose
"""
_SHORT = re.compile(r"-?\d?(?:\.\d+)?(?:e[mx])?|[a-z-]+")  # a word, or less than ten letters wide
_ATTRIBUTES = """
    display mathvariant stretchy fence form separator accent accentunder displaystyle scriptlevel
    linethickness columnalign columnspacing rowspacing columnlines rowlines width height depth
    lspace rspace minsize maxsize largeop movablelimits notation
"""


class Formulas:
    """The formulas of a text, each with a mark that holds its place while the text is cleaned."""

    def __init__(self) -> None:
        self._secret = secrets.token_hex(8)  # nobody can write the mark of a formula
        self._mark = re.compile(rf"{self._secret}-(\d+)-")
        self._sources: list[str] = []
        self._elements: list[Element] = []

    def add(self, tex: str, source: str, *, block: bool) -> str:
        """Return the mark of a formula, or nothing if it cannot be shown.

        Parameters
        ----------
        tex : str
            The formula.
        source : str
            The same as it was typed.
        block : bool
            Whether it stands on lines of its own.
        """
        if (element := _convert(tex, block=block)) is None:
            return ""
        self._sources.append(source)
        self._elements.append(element)
        return f"{self._secret}-{len(self._elements) - 1}-"

    def as_typed(self, text: str) -> str:
        """Put formulas back into a text that can hold no elements, such as the one of a picture."""
        return self._mark.sub(lambda match: self._sources[int(match[1])], text)

    def filter(self, source: Any) -> "Iterator[dict[str, Any]]":
        """Put formulas into the text of a page: a filter for `bleach.sanitizer.Cleaner`."""
        for token in Filter(source):
            if token["type"] != "Characters":
                yield token
                continue
            for number, part in enumerate(self._mark.split(token["data"])):
                if number % 2:
                    yield from _tokens(self._elements[int(part)])
                elif part:
                    yield {**token, "data": part}


def _convert(tex: str, *, block: bool) -> Element | None:
    if len(tex) > LONGEST or _DEFINES.search(tex):
        return None
    try:
        element = convert_to_element(tex, display="block" if block else "inline")
        known = {each.tag for each in element.iter()} <= set(_TAGS.split())
        if not known or _depth(element) > DEEPEST:
            return None
    # What is no formula makes it fail in many ways, and one without an end is too deep.
    except Exception:
        return None
    if sum(len(unescape(each.text or "")) for each in element.iter()) > LONGEST_IN_LINE:
        element.set("display", "block")
    return element


def _depth(element: Element) -> int:
    return 1 + max(map(_depth, element), default=0)


def _tokens(element: Element) -> Iterator[dict[str, Any]]:
    """Yield an element as html5lib has it, with its attributes that only lay out a formula."""
    kept = {
        (None, name): value
        for name, value in element.items()
        if name in _ATTRIBUTES.split() and all(map(_SHORT.fullmatch, value.split()))
    }
    if element.get("display") == "block":
        kept[None, "tabindex"] = "0"  # where it is wider than the window, arrow keys scroll it
    yield {"type": "StartTag", "name": element.tag, "namespace": None, "data": kept}
    if element.text:
        # latex2mathml writes characters as entities, such as &#x0002B;.
        yield {"type": "Characters", "data": unescape(element.text)}
    for child in element:
        yield from _tokens(child)
    yield {"type": "EndTag", "name": element.tag, "namespace": None}

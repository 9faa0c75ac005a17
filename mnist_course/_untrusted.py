"""Show what an untrusted user wrote, so that nothing of it acts: on a terminal, or on a page.

Names, ids, messages and cells may hold codes that a terminal obeys, characters that turn the order
of others around, Markdown, HTML, or a text without an end.
"""

import html
import re

LONGEST = 300  # characters
LONGEST_LINE = 10_000  # of a message of ours that lists what others wrote
CUT = "…"

# C1, separators of lines that editors do not know, and what turns the order of letters around.
_HIDDEN = re.compile(r"[\x80-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_QUOTED = re.compile(r"`([^`\n]+)`")


def printable(text: str, longest: int = LONGEST) -> str:
    r"""Write a text for a terminal, or for a file that may be shown on one: one line of characters.

    Parameters
    ----------
    text : str
        What an untrusted user may have written.
    longest : int, optional
        How many characters to keep.

    Returns
    -------
    str
        The text with an escape such as ``\x1b`` for each control character (C0, C1, line breaks),
        bidirectional or other format character, and half of a surrogate pair.

    Examples
    --------
    >>> printable("ada\x1b[2J\u202e")
    'ada\\x1b[2J\\u202e'
    """
    kept = text[: longest + 1]
    if not kept.isprintable():
        kept = "".join(map(_printable_character, kept))
    return kept if len(kept) <= longest else kept[: longest - len(CUT)] + CUT


def printable_lines(text: str) -> str:
    """Write a message of several lines for a terminal; see `printable`."""
    return "\n".join(printable(line, LONGEST_LINE) for line in text.split("\n"))


def visible(text: str) -> str:
    r"""Let every reader of a cell, or of its output, see what a program sees.

    Parameters
    ----------
    text : str
        Of a learner, with line breaks.

    Returns
    -------
    str
        The text with an escape such as ``\u202e`` for each character that acts where it is shown:
        C1, and what turns the order of others around. Other codes mean nothing on a page.
    """
    return _HIDDEN.sub(lambda found: _printable_character(found[0]), text)


def quote(text: str, longest: int = LONGEST) -> str:
    """Write a text into a sentence that may be shown on a page, marked as somebody's words.

    Parameters
    ----------
    text, longest
        See `printable`.

    Returns
    -------
    str
        The text between backquotes: a code span, in which neither Markdown nor HTML means anything.

    Examples
    --------
    >>> quote("# Score: `12` [of 12](https://example.org)")
    "`# Score: '12' [of 12](https://example.org)`"
    """
    words = printable(text, longest).replace("`", "'").strip()
    return f"`{words or ' '}`"


def sentence_to_html(sentence: str) -> str:
    """Show a sentence on a page as plain text; what is between backquotes looks like code.

    Parameters
    ----------
    sentence : str
        A sentence of ours, with words of an untrusted user that `quote` marked.

    Returns
    -------
    str
        HTML in which nothing but these marks means anything.

    Examples
    --------
    >>> sentence_to_html("# `f` said: `<b>`")
    '<p># <code>f</code> said: <code>&lt;b&gt;</code></p>'
    """
    escaped = html.escape(printable(sentence, LONGEST_LINE))
    marked = _QUOTED.sub(r"<code>\1</code>", escaped)
    return f"<p>{marked}</p>"


def _printable_character(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode("ascii")

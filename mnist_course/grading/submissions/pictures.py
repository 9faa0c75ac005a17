"""Take over the pictures that learners paste into their answers, if they are nothing but that."""

import base64
import binascii
import re
import struct
from urllib.parse import quote, unquote

LARGEST_PICTURE = 5_000_000  # bytes
MOST_PICTURES = 20  # of a cell
MOST_PIXELS = 2**25  # a few bytes may unfold to any number
_ATTACHMENT = re.compile(r"attachment:([^\s)\"'>]+)")

# Markers of JPEG that are followed by the size: https://www.w3.org/Graphics/JPEG/itu-t81.pdf
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}


def take_pictures(attachments: object) -> dict[str, dict[str, str]]:
    """Keep what is a harmless picture of what is attached to a cell.

    Parameters
    ----------
    attachments : object
        What an untrusted user's notebook has there: at best a dictionary from names to pictures in
        base64, by their type.

    Returns
    -------
    dict of str to dict of str to str
        The same of PNG, JPEG, and GIF, told by their content, up to `LARGEST_PICTURE`,
        `MOST_PIXELS`, and `MOST_PICTURES`.
    """
    pictures: dict[str, dict[str, str]] = {}
    for name, bundle in attachments.items() if isinstance(attachments, dict) else ():
        for data in bundle.values() if isinstance(bundle, dict) else ():
            if len(pictures) < MOST_PICTURES and (picture := _picture(data)):
                pictures[name.encode(errors="replace").decode()] = picture
    return pictures


def show_pictures(text: str, pictures: dict[str, dict[str, str]]) -> str:
    """Put the pictures of a cell into its text, where they are shown.

    Parameters
    ----------
    text : str
        Markdown, with references such as ``![my sketch](attachment:sketch.png)``.
    pictures : dict of str to dict of str to str
        What `take_pictures` returned.

    Returns
    -------
    str
        The text with the pictures themselves in their place, and a line for each that is missing.
    """
    for name in sorted(pictures, key=len, reverse=True):
        ((kind, data),) = pictures[name].items()
        for address in _addresses(name):
            # Once: a short text may refer to a large picture a thousand times.
            text = text.replace(address, f"data:{kind};base64,{data}", 1)
    notes = [f"\n\n*(The picture {name} is missing.)*" for name in missing_pictures(text, {})]
    return _ATTACHMENT.sub("#missing", text) + "".join(notes)


def is_picture(address: str) -> bool:
    """Tell whether the address of a picture, with the picture in it, is as harmless as those kept.

    Parameters
    ----------
    address : str
        Such as ``data:image/png;base64,iVBO...``.
    """
    return _picture(address.partition(",")[2]) is not None


def missing_pictures(text: str, pictures: dict[str, dict[str, str]]) -> list[str]:
    """Name the attachments that a text shows and that aren't there."""
    for name in sorted(pictures, key=len, reverse=True):
        for address in _addresses(name):
            text = text.replace(address, "")
    return sorted({unquote(name) for name in _ATTACHMENT.findall(text)})


def _addresses(name: str) -> list[str]:
    """Return how an attachment is referred to: as it is, or as JavaScript or Python encodes it."""
    encoded = dict.fromkeys([name, quote(name, safe="!#$&'()*+,/:;=?@~"), quote(name)])
    return [f"attachment:{address}" for address in encoded]


def _picture(data: object) -> dict[str, str] | None:
    """Return a picture by its type, or None if it is none."""
    text = "".join(data) if isinstance(data, list) and all(map(_is_text, data)) else data
    if not isinstance(text, str) or len(text) > 2 * LARGEST_PICTURE:
        return None
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    try:
        kind, width, height = _measure(content)
    except struct.error:  # it is cut off
        return None
    if len(content) > LARGEST_PICTURE or not 0 < width * height <= MOST_PIXELS:
        return None
    return {f"image/{kind}": base64.b64encode(content).decode()}


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _measure(content: bytes) -> tuple[str, int, int]:
    """Return type, width and height of a picture; no width if it is none of the known types."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png", *struct.unpack_from(">II", content, 16)
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "gif", *struct.unpack_from("<HH", content, 6)
    position = 2
    while content.startswith(b"\xff\xd8"):
        mark, marker, length = struct.unpack_from(">BBH", content, position)
        if mark != 0xFF:
            break
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", content, position + 5)
            return "jpeg", width, height
        position += 1 if marker == 0xFF else 2 + length
    return "", 0, 0

"""Write values as scripts that web pages load, also from a file."""

import base64
import json
import zlib
from typing import Any


def deflate(content: bytes) -> str:
    """Compress bytes into text that browsers unpack as "deflate".

    Parameters
    ----------
    content : bytes
        Anything.

    Returns
    -------
    str
        Base64 of zlib's format.
    """
    return base64.b64encode(zlib.compress(content, 9)).decode("ascii")


def script(name: str, value: dict[str, Any]) -> str:
    """Return the text of a script that assigns a value to ``globalThis.mnistCourse[name]``.

    Parameters
    ----------
    name : str
        The name.
    value : dict
        Anything that JSON can hold.

    Returns
    -------
    str
        JavaScript, all of it ASCII.
    """
    return (
        "/* Written by mnist-course. */\n"
        "globalThis.mnistCourse = Object.assign(globalThis.mnistCourse || {}, "
        f"{{ {name}: {json.dumps(value)} }});\n"
    )

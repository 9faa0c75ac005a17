"""What a learner's cells showed, as far as it may be kept: plain text and PNG, up to a size."""

import base64
import binascii
import contextlib
import struct
from collections.abc import Iterator
from typing import Any

from nbformat import NotebookNode, v4

from mnist_course._untrusted import visible

PNG = b"\x89PNG\r\n\x1a\n"
LONGEST_NAME = 100  # characters, of the type of an error
OVERHEAD = 100  # characters that an output takes apart from its content
MOST_PIXELS = 2**24  # a few bytes may unfold to any number


def read_outputs(value: object, room: int) -> list[NotebookNode]:
    """Keep what is harmless of outputs that an untrusted user may have written.

    Parameters
    ----------
    value : object
        What came across the boundary: at best a list of outputs as nbformat describes them.
    room : int
        How many characters to keep.

    Returns
    -------
    list of nbformat.NotebookNode
        Valid outputs. HTML, SVG, JavaScript and the like, which would act in the browser of who
        looks at the notebook, are not among them; nearly always there is plain text beside.
    """
    outputs: list[NotebookNode] = []
    for item in value if isinstance(value, list) else []:
        if type(item) is not dict:
            continue
        with contextlib.suppress(KeyError, TypeError, ValueError, binascii.Error):
            output, size = _output(item)
            size += OVERHEAD
            if size > room:
                break
            room -= size
            outputs.append(output)
    return outputs


def _output(item: dict[Any, Any]) -> tuple[NotebookNode, int]:
    kind = item["output_type"]
    if kind == "stream":
        name = "stderr" if item["name"] == "stderr" else "stdout"
        return v4.new_output("stream", name=name, text=_text(item["text"])), len(item["text"])
    if kind == "error":
        error = [_text(item[key]) for key in ("ename", "evalue")]
        if type(item["traceback"]) is not list:
            raise TypeError("something else in place of lines")
        lines = [_text(line) for line in item["traceback"]]
        output = v4.new_output("error", ename=error[0][:LONGEST_NAME], evalue=error[1])
        output.traceback = lines
        return output, sum(map(len, [*error, *lines]))
    data = dict(_data(item["data"]))
    if not data:
        raise ValueError("nothing that may be kept")
    return v4.new_output("display_data", data=data), sum(map(len, data.values()))


def _data(data: dict[Any, Any]) -> Iterator[tuple[str, str]]:
    if "text/plain" in data:
        yield "text/plain", _text(data["text/plain"])
    if "image/png" in data:
        png = data["image/png"]
        content = png if isinstance(png, bytes) else base64.b64decode(_text(png))
        if content.startswith(PNG) and 0 < _pixels(content) <= MOST_PIXELS:
            yield "image/png", base64.b64encode(content).decode()


def _pixels(png: bytes) -> int:
    """Return the pixels of a PNG, which its first chunk tells; 0 if that is cut off."""
    if len(png) < 24:
        return 0
    width, height = struct.unpack(">II", png[16:24])
    return int(width * height)


def _text(value: Any) -> str:
    if type(value) is not str:
        raise TypeError(f"{type(value).__name__} in place of text")
    # A lone surrogate cannot be written to a file.
    return visible(value.encode(errors="replace").decode())

"""Values on their way across the boundary: JSON and arrays, and nothing that can run.

A message is a JSON document whose arrays follow it in NumPy's ``.npy`` format. The side that reads
may distrust the side that wrote: nothing is unpickled, and no length is believed.
"""

import base64
import io
import json
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

# How an answer begins, and what it says of what took too long.
ANSWERED, NOT_ATTEMPTED, FAILED = "answered", "not attempted", "failed"
TOO_LONG = "took too long and was stopped."

DEEPEST = 20  # levels of lists within lists
LONGEST_LIST = 100_000  # longer ones should be arrays
MOST_ARRAYS = 100_000
# Of lists, objects and items: reading each takes up to 100 times its bytes of memory.
MOST_MARKS = 2**22

_LENGTH = struct.Struct(">Q")


class MessageError(ValueError):
    """The bytes are not a message."""


@dataclass(frozen=True)
class Other:
    """Stands for a value that cannot cross the boundary.

    Attributes
    ----------
    type_name : str
        The name of its type.
    """

    type_name: str


def pack(value: object) -> bytes:
    """Write a value as bytes.

    Parameters
    ----------
    value : object
        Numbers, strings, bytes, None, NumPy arrays, and lists, tuples, sets and dictionaries of
        these. What can become an array does; all else becomes `Other`.

    Returns
    -------
    bytes
        What `unpack` reads.
    """
    arrays: list[bytes] = []
    document = json.dumps(_plain(value, arrays, 0)).encode()
    parts = [document, *arrays]
    return b"".join(piece for part in parts for piece in (_LENGTH.pack(len(part)), part))


def unpack(message: bytes) -> Any:
    """Read a value from bytes that an untrusted user may have written.

    Parameters
    ----------
    message : bytes
        The bytes.

    Returns
    -------
    object
        The value, built of Python's and NumPy's own types and of `Other`.

    Raises
    ------
    MessageError
        If the bytes are not what `pack` writes.
    """
    parts: list[memoryview] = []
    rest = memoryview(message)
    while rest:
        if len(parts) > MOST_ARRAYS:
            raise MessageError(f"more than {MOST_ARRAYS:,} arrays")
        if len(rest) < _LENGTH.size:
            raise MessageError("a length is cut off")
        (length,) = _LENGTH.unpack(rest[: _LENGTH.size])
        rest = rest[_LENGTH.size :]
        if length > len(rest):
            raise MessageError("a part is shorter than announced")
        parts.append(rest[:length])
        rest = rest[length:]
    if not parts:
        raise MessageError("the message is empty")
    document = bytes(parts[0])
    if sum(map(document.count, (b"[", b"{", b","))) > MOST_MARKS:
        raise MessageError("too many lists, objects and items")
    try:
        return _value(json.loads(document), [_array(part) for part in parts[1:]])
    except MessageError:
        raise
    # What forged bytes make the readers of JSON and of arrays raise is not limited to any list.
    except Exception as error:
        raise MessageError(f"{type(error).__name__}: {error}"[:200]) from None


def _plain(value: object, arrays: list[bytes], depth: int) -> object:
    """Describe a value as JSON can hold it; its arrays are added to a list."""
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, np.str_):
        return str(value)
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, list | tuple | set | frozenset | dict):
        return _plain_container(value, arrays, depth)
    return _plain_array(value, arrays) or {"other": type(value).__name__}


def _plain_container(value: Any, arrays: list[bytes], depth: int) -> dict[str, Any]:
    if depth >= DEEPEST or len(value) > LONGEST_LIST:
        return {"other": type(value).__name__}
    if isinstance(value, dict):
        return {
            "dict": [
                [_plain(key, arrays, depth + 1), _plain(item, arrays, depth + 1)]
                for key, item in value.items()
            ]
        }
    kinds = {"list": list, "tuple": tuple, "set": set | frozenset}
    name = next(name for name, kind in kinds.items() if isinstance(value, kind))
    return {name: [_plain(item, arrays, depth + 1) for item in value]}


def _plain_array(value: Any, arrays: list[bytes]) -> dict[str, int] | None:
    """Write what is a numeric array, or can become one; None if it cannot."""
    if not (isinstance(value, np.generic | np.ndarray) or hasattr(value, "__array__")):
        return None
    array = np.asarray(value)
    if array.dtype.kind not in "biuf" or len(arrays) >= MOST_ARRAYS:
        return None
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=False)
    arrays.append(file.getvalue())
    return {"scalar" if isinstance(value, np.generic) else "array": len(arrays) - 1}


def _value(document: Any, arrays: list[np.ndarray[Any, Any]]) -> Any:
    if not isinstance(document, dict):
        if isinstance(document, list):
            raise MessageError("a list without its kind")
        return document
    ((kind, content),) = document.items()
    if kind == "bytes":
        return base64.b64decode(content, validate=True)
    if kind == "array":
        return arrays[content]
    if kind == "scalar":
        return arrays[content].reshape(())[()]
    if kind == "other":
        return Other(str(content)[:100])
    items = (
        [(_value(key, arrays), _value(item, arrays)) for key, item in content]
        if kind == "dict"
        else [_value(item, arrays) for item in content]
    )
    return {"list": list, "tuple": tuple, "set": set, "dict": dict}[kind](items)


def _array(part: memoryview) -> np.ndarray[Any, Any]:
    """Read an array whose header may lie about its size."""
    file = io.BytesIO(part)
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise MessageError(f"an array in version {version} of the format")
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    size = dtype.itemsize
    for length in shape:
        size *= length
    if dtype.kind not in "biuf" or min(shape, default=0) < 0 or size != len(part) - file.tell():
        raise MessageError(f"an array of {dtype} with shape {shape} in {len(part)} bytes")
    file.seek(0)
    array: np.ndarray[Any, Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array

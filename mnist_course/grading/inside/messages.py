"""Values on their way across the boundary, in a format whose reader cannot be made to work hard.

A message is one value, and a value is a letter and what belongs to it. Numbers are big-endian.

====== ========================================================================================
letter what follows
====== ========================================================================================
n t f  nothing: None, True, False
i      an integer of 64 bits
r      a real number of 64 bits
s b o  4 bytes with a length, then so many bytes: text in UTF-8; bytes; the type of an `Other`
l u    4 bytes with a number, then so many values: a list; a tuple
d      4 bytes with a number, then so many pairs of a text and a value: a dictionary
a g    1 byte with a length and the name of a NumPy type; 1 byte with the number of dimensions;
       4 bytes for the length of each; the elements: an array; or a NumPy scalar
====== ========================================================================================

The side that reads distrusts the side that wrote. What reading may cost follows from the format:

- Each byte is read once, in order, and belongs to one value: nothing refers to anything else. So no
  array appears twice, and n bytes cost at most a constant times n operations.
- Only keys of dictionaries are hashed, and a dictionary has at most `MOST_KEYS`. Even keys that all
  hash alike are each compared with at most so many others.
- A value of v values and keys, from n bytes, takes at most ``OVERHEAD * v + 4 * n`` bytes of memory
  (a character may take four times the room that it has in the message). The depth, v and n are
  limited, and looked at before the list, text or array in question is made.
- Nothing is executed, imported or looked up by a name that came in a message.
"""

import math
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

# How an answer begins, and what it says of what took too long.
ANSWERED, NOT_ATTEMPTED, FAILED = "answered", "not attempted", "failed"
TOO_LONG = "took too long and was stopped."
MISSING = "does not exist after the notebook ran."
NOTHING = "is None after the notebook ran."
NO_FIGURE = "drew no figure."

LARGEST = 2**30  # bytes of a message
MOST_VALUES = 2**20  # in a message, its keys included
MOST_KEYS = 1000  # of a dictionary
DEEPEST = 20  # levels of lists within lists
OVERHEAD = 256  # bytes that a value takes in memory beside its content, at most

_COUNT = struct.Struct(">I")
_INTEGER, _REAL = struct.Struct(">q"), struct.Struct(">d")
_CONSTANTS = {b"n": None, b"t": True, b"f": False}
_SMALLEST_INTEGER, _LARGEST_INTEGER = -(2**63), 2**63 - 1
_TYPES = {
    dtype.str: dtype
    for code in "?bhilqBHILQefdg"
    for dtype in (np.dtype(code).newbyteorder("<"), np.dtype(code).newbyteorder(">"))
}


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


def pack(value: object, largest: int = LARGEST) -> bytes:
    """Write a value as bytes.

    Parameters
    ----------
    value : object
        Integers of 64 bits, other numbers, strings, bytes, None, NumPy arrays, and lists, tuples
        and dictionaries with strings as keys of these. What can become an array does. All else
        becomes `Other`, and so does what is too large or lies too deep; what is beside it crosses.
    largest : int, optional
        Bytes that the texts, bytes and arrays in it may take together.

    Returns
    -------
    bytes
        What `unpack` reads.
    """
    writer = _Writer(largest)
    writer.write(value, 0)
    return b"".join(writer.parts)


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
    if len(message) > LARGEST:
        raise MessageError(f"{len(message):,} bytes, more than {LARGEST:,}")
    reader = _Reader(message)
    value = reader.read(0)
    if reader.rest():
        raise MessageError("bytes after the value")
    return value


class _Writer:
    """Collects the parts of a message, and knows what room is left in it."""

    def __init__(self, largest: int) -> None:
        self.parts: list[bytes] = []
        self._bytes = largest
        self._values = MOST_VALUES - 1

    def write(self, value: Any, depth: int) -> None:
        if isinstance(value, list | tuple):
            if self._reserve(len(value), depth):
                self._put(b"u" if isinstance(value, tuple) else b"l", _COUNT.pack(len(value)))
                for item in value:
                    self.write(item, depth + 1)
                return
        elif isinstance(value, dict):
            if (
                len(value) <= MOST_KEYS
                and all(isinstance(key, str) for key in value)
                and self._reserve(2 * len(value), depth)
            ):
                self._put(b"d", _COUNT.pack(len(value)))
                for key, item in value.items():
                    self._put(_sized(_utf8(key)))
                    self.write(item, depth + 1)
                return
        elif self._write_single(value):
            return
        self._put(b"o", _sized(_utf8(type(value).__name__)))

    def _reserve(self, values: int, depth: int) -> bool:
        """Tell whether there is room for so many values at this depth, and keep it for them."""
        if depth >= DEEPEST or values > self._values:
            return False
        self._values -= values
        return True

    def _write_single(self, value: Any) -> bool:
        """Write what is no container, and fits; tell whether it is written."""
        if value is None or type(value) is bool:
            self._put({None: b"n", True: b"t", False: b"f"}[value])
        elif type(value) is int and _SMALLEST_INTEGER <= value <= _LARGEST_INTEGER:
            self._put(b"i", _INTEGER.pack(value))
        elif type(value) is float:
            self._put(b"r", _REAL.pack(value))
        elif isinstance(value, str | bytes):
            content = _utf8(value) if isinstance(value, str) else bytes(value)
            if len(content) > self._bytes:
                return False
            self._put(b"s" if isinstance(value, str) else b"b", _sized(content))
        else:
            return self._write_array(value)
        return True

    def _write_array(self, value: Any) -> bool:
        if not (isinstance(value, np.generic | np.ndarray) or hasattr(value, "__array__")):
            return False
        try:
            array = np.asarray(value)
        except Exception:  # a learner's own class may raise anything
            return False
        if array.dtype.str not in _TYPES or array.nbytes > self._bytes:
            return False
        name = array.dtype.str.encode()
        shape = b"".join(map(_COUNT.pack, array.shape))
        self._put(b"g" if isinstance(value, np.generic) else b"a", bytes([len(name)]), name)
        self._put(bytes([array.ndim]), shape, array.tobytes())
        return True

    def _put(self, *parts: bytes) -> None:
        self.parts += parts
        self._bytes -= sum(map(len, parts))


class _Reader:
    """Reads a message once, from the front to the back."""

    def __init__(self, message: bytes) -> None:
        self._message = memoryview(message)
        self._place = 0
        self._values = MOST_VALUES - 1

    def rest(self) -> int:
        """Return how many bytes have not been read."""
        return len(self._message) - self._place

    def read(self, depth: int) -> Any:
        """Read a value that lies within so many others."""
        kind = bytes(self._take(1))
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        match kind:
            case b"i":
                return _INTEGER.unpack(self._take(_INTEGER.size))[0]
            case b"r":
                return _REAL.unpack(self._take(_REAL.size))[0]
            case b"s":
                return self._text()
            case b"b":
                return bytes(self._take(self._count()))
            case b"o":
                return Other(self._text()[:100])
            case b"l":
                return self._items(depth)
            case b"u":
                return tuple(self._items(depth))
            case b"d":
                return self._dictionary(depth)
            case b"a":
                return self._array()
            case b"g":
                scalar = self._array()
                if scalar.ndim:
                    raise MessageError("a scalar with dimensions")
                return scalar[()]
        raise MessageError(f"a value of the unknown kind {kind!r}")

    def _take(self, size: int) -> memoryview:
        if size > self.rest():
            raise MessageError("a value is cut off")
        self._place += size
        return self._message[self._place - size : self._place]

    def _count(self) -> int:
        return int(_COUNT.unpack(self._take(_COUNT.size))[0])

    def _text(self) -> str:
        try:
            return str(self._take(self._count()), "utf-8")
        except UnicodeDecodeError as error:
            raise MessageError(f"a text that is not UTF-8: {error.reason}") from None

    def _items(self, depth: int) -> list[Any]:
        number = self._count()
        self._expect(number, depth)
        return [self.read(depth + 1) for _ in range(number)]

    def _dictionary(self, depth: int) -> dict[str, Any]:
        number = self._count()
        if number > MOST_KEYS:
            raise MessageError(f"a dictionary with more than {MOST_KEYS:,} keys")
        self._expect(2 * number, depth)
        return {self._text(): self.read(depth + 1) for _ in range(number)}

    def _expect(self, values: int, depth: int) -> None:
        """Refuse more values than a message may have, or can have, before they are made."""
        if depth >= DEEPEST:
            raise MessageError(f"more than {DEEPEST} levels of lists")
        if values > min(self._values, self.rest()):
            raise MessageError("more values than fit into a message")
        self._values -= values

    def _array(self) -> np.ndarray[Any, Any]:
        dtype = _TYPES.get(str(self._take(self._take(1)[0]), "latin-1"))
        shape = [self._count() for _ in range(self._take(1)[0])]
        if dtype is None:
            raise MessageError("an array of an unknown type")
        content = self._take(math.prod(shape) * dtype.itemsize)
        try:
            return np.frombuffer(content, dtype).reshape(shape).copy()
        except ValueError as error:  # more dimensions, or a longer one, than an array can have
            raise MessageError(str(error)) from None


def _sized(content: bytes) -> bytes:
    return _COUNT.pack(len(content)) + content


def _utf8(text: str) -> bytes:
    return str.encode(text, errors="replace")  # a half character has no bytes

"""Read IDX files, the format in which MNIST was published."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from mnist_course._arrays import UInt8Array
from mnist_course.errors import DataError

# The names of the four official files, with Keras's name of the array in each.
IDX_FILES = {
    "train-images-idx3-ubyte": "x_train",
    "train-labels-idx1-ubyte": "y_train",
    "t10k-images-idx3-ubyte": "x_test",
    "t10k-labels-idx1-ubyte": "y_test",
}


def parse_idx(content: bytes, name: str = "the data") -> UInt8Array:
    """Read an array from the bytes of an IDX file.

    The format: two zero bytes, a type code (8 for unsigned bytes), the number of dimensions, the
    size of each dimension as a big-endian 32-bit integer, then the values in C order.

    Parameters
    ----------
    content : bytes
        The whole file, decompressed.
    name : str, optional
        What to call it in an error message.

    Returns
    -------
    ndarray of uint8
        One to three dimensions; read-only, as it shares the memory of `content`.

    Raises
    ------
    DataError
        If the bytes are not an IDX file of unsigned bytes, or are too few or too many.

    Examples
    --------
    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1]))
    array([7, 2, 1], dtype=uint8)
    """
    if len(content) < 4 or content[:3] != b"\0\0\x08" or not 1 <= content[3] <= 3:
        raise DataError(
            f"{name} is not an IDX file of unsigned bytes: expected it to begin with 00 00 08 and "
            f"1 to 3 dimensions, found {content[:4].hex(' ') or 'nothing'}."
        )
    header = 4 + 4 * content[3]
    shape = tuple(int.from_bytes(content[i : i + 4], "big") for i in range(4, header, 4))
    values = math.prod(shape)
    if len(content) != header + values or values == 0:
        raise DataError(
            f"{name} is damaged: its header announces {shape}, so {header + values:,} bytes in "
            f"all, found {len(content):,}."
        )
    return np.frombuffer(content, dtype=np.uint8, offset=header).reshape(shape)


def find_idx_files(folder: Path) -> dict[str, Path]:
    """Find the four official files in a folder, gzipped or not, by the names of their arrays."""
    files = {}
    for name, array in IDX_FILES.items():
        candidates = (folder / name, folder / f"{name}.gz")
        path = next((path for path in candidates if path.is_file()), None)
        if path is None:
            raise DataError(
                f"no MNIST in the folder {folder}: expected {name} or {name}.gz, found neither."
            )
        files[array] = path
    return files


def read_idx(path: Path, shape: tuple[int, ...]) -> UInt8Array:
    """Read an IDX file, gzipped or not, that should hold an array of this shape."""
    opener = gzip.open if path.suffix == ".gz" else Path.open
    try:
        with opener(path, "rb") as file:
            # The header has at most 16 bytes; one more than expected is enough to refuse the rest,
            # which may be endless once it is decompressed.
            content = file.read(math.prod(shape) + 16 + 1)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged: expected an IDX file, found: {error}.") from None
    return parse_idx(content, name=str(path))

"""Load MNIST, and prove that it is MNIST.

Every array that leaves this module has been checked against a SHA-256 digest, whatever file it
came from. `load_mnist` looks in four places in turn: the file or folder named by the environment
variable ``MNIST_COURSE_DATA``, Keras's cache, the network, and the sample bundled with the package.
"""

import gzip
import hashlib
import math
import os
import socket
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from mnist_course.errors import DataError

UInt8Array: TypeAlias = npt.NDArray[np.uint8]
Arrays: TypeAlias = dict[str, UInt8Array]
Pair: TypeAlias = tuple[UInt8Array, UInt8Array]

SIDE = 28  # an MNIST image is 28 x 28 pixels
MNIST_SHAPES = {
    "x_train": (60000, 28, 28),
    "y_train": (60000,),
    "x_test": (10000, 28, 28),
    "y_test": (10000,),
}
MNIST_SHA256 = {
    "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
}
SAMPLE_SHA256 = {
    "x_train": "5f2117b0b8b067d691c25a684e52e4226cd59a1ce7f7d609531b0682007b7b5e",
    "y_train": "91fd957f6b9878988a943fb349933f56c11ae3dadfcf9b213f03385cad0366c1",
    "x_test": "f4a1f0e0452e0c97926493efac1d30d1d5b360d7b0b929d03e75275bac987f78",
    "y_test": "d08ee00b30e0fd697645d10881d5fe1ac9d4b395a125a4fc75f12f3163edb48a",
}

# The names of the four official files, with the array each of them holds.
IDX_FILES = {
    "train-images-idx3-ubyte": "x_train",
    "train-labels-idx1-ubyte": "y_train",
    "t10k-images-idx3-ubyte": "x_test",
    "t10k-labels-idx1-ubyte": "y_test",
}

# Where to download from, in order: for each file its address and its published checksum.
KERAS_FILE = {
    "mnist.npz": (
        "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
        "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
    )
}
_MIRROR = "https://ossci-datasets.s3.amazonaws.com/mnist/"
MIRROR_FILES = {
    "train-images-idx3-ubyte.gz": (
        f"{_MIRROR}train-images-idx3-ubyte.gz",
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    ),
    "train-labels-idx1-ubyte.gz": (
        f"{_MIRROR}train-labels-idx1-ubyte.gz",
        "d53e105ee54ea40749a09fcbcd1e9432",
    ),
    "t10k-images-idx3-ubyte.gz": (
        f"{_MIRROR}t10k-images-idx3-ubyte.gz",
        "9fb629c4189551a2d022fa330f9573f3",
    ),
    "t10k-labels-idx1-ubyte.gz": (
        f"{_MIRROR}t10k-labels-idx1-ubyte.gz",
        "ec29112dd5afa0611ce80d1b7f02629c",
    ),
}
# Each of the two sources may be silent for this long, so that both together take 20 s at most.
SILENT_SECONDS = 10.0


@dataclass(frozen=True, eq=False)
class MNIST:
    """The data set: images of handwritten digits and the digits they show. Immutable.

    It unpacks as Keras's own loader does::

        (train_images, train_labels), (test_images, test_labels) = load_mnist()

    Attributes
    ----------
    train_images : ndarray of uint8, shape (60000, 28, 28)
        Gray values from 0 (background) to 255 (ink). 4,000 images in the bundled sample.
    train_labels : ndarray of uint8, shape (60000,)
        The digit each image shows, 0 to 9.
    test_images : ndarray of uint8, shape (10000, 28, 28)
        Images by other writers, for the final evaluation. 1,000 images in the bundled sample.
    test_labels : ndarray of uint8, shape (10000,)
        The digits of the test images.
    source : str
        Where the arrays came from: a path, or "bundled sample".
    genuine : bool
        True if all four arrays are the official ones, bit for bit. False for the sample.
    """

    train_images: UInt8Array
    train_labels: UInt8Array
    test_images: UInt8Array
    test_labels: UInt8Array
    source: str
    genuine: bool

    def as_keras(self) -> tuple[Pair, Pair]:
        """Return the two pairs that ``keras.datasets.mnist.load_data()`` returns."""
        return (self.train_images, self.train_labels), (self.test_images, self.test_labels)

    def __iter__(self) -> Iterator[Pair]:
        return iter(self.as_keras())


@dataclass(frozen=True)
class Attempt:
    """One place where MNIST was looked for, and what was found there."""

    place: str
    outcome: str


def load_mnist(source: str | os.PathLike[str] = "auto") -> MNIST:
    """Load MNIST and check that it is genuine.

    Parameters
    ----------
    source : str or path, default "auto"
        - "auto": the file or folder named by the environment variable ``MNIST_COURSE_DATA``, which
          may also be "sample"; else Keras's cache (``$KERAS_HOME/datasets``, or
          ``~/.keras/datasets``); else a download into that cache; else the bundled sample, with a
          notice on stderr.
        - "sample": the bundled sample.
        - a path: Keras's ``mnist.npz``, or a folder with the four official IDX files, gzipped or
          not.

    Returns
    -------
    MNIST
        Read-only uint8 arrays: 60,000 training images and 10,000 test images, each with its label.

    Raises
    ------
    DataError
        If the path, or the one in ``MNIST_COURSE_DATA``, is missing, damaged or not MNIST.

    Notes
    -----
    The arrays are compared with the SHA-256 digests of the official ones, so any container will do.
    A damaged file in the cache is renamed, named on stderr, and replaced by a fresh download.

    Examples
    --------
    >>> digits = load_mnist("sample")
    >>> digits.train_images.shape, digits.train_images.dtype, digits.genuine
    ((4000, 28, 28), dtype('uint8'), False)
    """
    mnist, _ = find_mnist(source)
    if source == "auto" and not mnist.genuine and not _asked_for_sample(source):
        _notice(
            "using the bundled sample of 5,000 digits: the complete MNIST is not on this machine "
            "and could not be downloaded ('mnist-course data' says why). To get it, connect to the "
            "internet, or set MNIST_COURSE_DATA to a copy of Keras's mnist.npz."
        )
    return mnist


def find_mnist(
    source: str | os.PathLike[str] = "auto", *, download: bool = True
) -> tuple[MNIST, list[Attempt]]:
    """Load MNIST as `load_mnist` does, and tell where it was looked for.

    Parameters
    ----------
    source : str or path, default "auto"
        See `load_mnist`.
    download : bool, default True
        Whether "auto" may use the network.

    Returns
    -------
    mnist : MNIST
        The data set.
    attempts : list of Attempt
        The places in the order in which they were tried; the last one is where it was found.

    Raises
    ------
    DataError
        See `load_mnist`.
    """
    if _asked_for_sample(source):
        return _load_sample(), [Attempt("bundled sample", "used")]
    if source != "auto":
        return _load_genuine(Path(source)), [Attempt(str(source), "used")]

    attempts = []
    if named := os.environ.get("MNIST_COURSE_DATA"):
        mnist = _load_genuine(Path(named), origin="MNIST_COURSE_DATA names what cannot be used: ")
        return mnist, [Attempt(f"MNIST_COURSE_DATA={named}", "used")]
    attempts.append(Attempt("MNIST_COURSE_DATA", "not set"))

    cache = cache_folder()
    for path in (cache / "mnist.npz", cache / "mnist-idx"):
        if not path.exists():
            attempts.append(Attempt(str(path), "not there"))
            continue
        try:
            mnist = _load_genuine(path)
        except DataError as error:
            attempts.append(Attempt(str(path), _set_aside(path, error)))
            continue
        return mnist, [*attempts, Attempt(str(path), "used")]

    if download:
        for name, files in (("Keras's server", KERAS_FILE), ("mirror", MIRROR_FILES)):
            try:
                mnist = _download(files, cache)
            except DataError as error:
                attempts.append(Attempt(name, str(error)))
                continue
            return mnist, [*attempts, Attempt(name, "downloaded")]
    return _load_sample(), [*attempts, Attempt("bundled sample", "used")]


def _asked_for_sample(source: str | os.PathLike[str]) -> bool:
    return source == "sample" or (
        source == "auto" and os.environ.get("MNIST_COURSE_DATA") == "sample"
    )


def parse_idx(content: bytes, name: str = "the data") -> UInt8Array:
    """Read an array from the bytes of an IDX file, the format MNIST is published in.

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


def cache_folder() -> Path:
    """Return the folder where Keras keeps data sets."""
    home = os.environ.get("KERAS_HOME")
    return (Path(home) if home else Path.home() / ".keras") / "datasets"


def sha256(array: npt.NDArray[np.generic]) -> str:
    """Return the SHA-256 digest, in hexadecimal, of the values of `array` in C order."""
    return hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()


def _load_genuine(path: Path, origin: str = "") -> MNIST:
    """Read MNIST from a file or folder, or raise a `DataError` that begins with `origin`."""
    try:
        if path.is_file():
            state = path.stat()
            return _load_file(path, (state.st_ino, state.st_size, state.st_mtime_ns))
        arrays = _read_idx_folder(path) if path.is_dir() else _read_npz(path)
        _check_genuine(arrays, path)
    except DataError as error:
        raise DataError(f"{origin}{error}") from None
    return _as_mnist(arrays, source=str(path), genuine=True)


@lru_cache(maxsize=1)
def _load_file(path: Path, state: tuple[int, int, int]) -> MNIST:  # noqa: ARG001
    """Read a file again only if it has changed: nobody can write to the arrays."""
    arrays = _read_npz(path)
    _check_genuine(arrays, path)
    return _as_mnist(arrays, source=str(path), genuine=True)


def _load_sample() -> MNIST:
    with resources.as_file(resources.files("mnist_course.sample") / "mnist_sample.npz") as path:
        arrays = _read_npz(path)
        if {name: sha256(array) for name, array in arrays.items()} != SAMPLE_SHA256:
            raise DataError(f"{path} is not the sample of this version: install the package again.")
    return _as_mnist(arrays, source="bundled sample", genuine=False)


def _as_mnist(arrays: Arrays, *, source: str, genuine: bool) -> MNIST:
    for array in arrays.values():
        array.flags.writeable = False
    return MNIST(
        train_images=arrays["x_train"],
        train_labels=arrays["y_train"],
        test_images=arrays["x_test"],
        test_labels=arrays["y_test"],
        source=source,
        genuine=genuine,
    )


def _check_genuine(arrays: Arrays, path: Path) -> None:
    for name, shape in MNIST_SHAPES.items():
        array = arrays[name]
        if array.shape != shape or array.dtype != np.uint8:
            raise DataError(
                f"{path} is not MNIST: expected {name} of shape {shape} and type uint8, "
                f"found {array.shape} and {array.dtype}."
            )
        if (digest := sha256(array)) != MNIST_SHA256[name]:
            raise DataError(
                f"{path} is not the official MNIST: expected {name} with SHA-256 "
                f"{MNIST_SHA256[name]}, found {digest}."
            )


def _read_npz(path: Path) -> Arrays:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {name: archive[name] for name in MNIST_SHAPES}
    except FileNotFoundError:
        raise DataError(
            f"{path} does not exist: expected Keras's mnist.npz or a folder of the four IDX files."
        ) from None
    except PermissionError:
        raise DataError(f"{path} cannot be read: expected a file you have access to.") from None
    # Damaged, truncated or hostile content makes NumPy and zipfile raise almost anything.
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        if "pickle" in reason:  # NumPy takes whatever it does not recognize for a pickle
            reason = "another kind of file"
        raise DataError(
            f"{path} is damaged: expected an .npz archive with the arrays "
            f"{', '.join(MNIST_SHAPES)}, found: {reason[:200].rstrip('.')}."
        ) from None


def _read_idx_folder(folder: Path) -> Arrays:
    arrays = {}
    for name, key in IDX_FILES.items():
        candidates = [folder / name, folder / f"{name}.gz"]
        path = next((path for path in candidates if path.is_file()), None)
        if path is None:
            raise DataError(
                f"{folder} is not a folder of MNIST: expected {name} or {name}.gz in it, "
                "found neither."
            )
        # A header has at most 16 bytes; one byte more than expected is enough to refuse the rest.
        limit = math.prod(MNIST_SHAPES[key]) + 16 + 1
        opener = gzip.open if path.suffix == ".gz" else Path.open
        try:
            with opener(path, "rb") as file:
                content = file.read(limit)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                f"{path} is damaged: expected an IDX file, found: {str(error)[:200]}"
            ) from None
        arrays[key] = parse_idx(content, name=str(path))
    return arrays


def _set_aside(path: Path, error: DataError) -> str:
    """Rename the damaged `path`, say so on stderr, and return what was done.

    Raises
    ------
    DataError
        If the file cannot be renamed: it must not be used, and it is in the way of a good one.
    """
    aside = path.with_name(f"{path.name}.damaged")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{number}")
    try:
        path.rename(aside)
    except OSError as failure:
        raise DataError(f"{error} It cannot be renamed ({failure}): remove it.") from None
    outcome = f"{error} It was renamed to {aside.name}."
    _notice(outcome)
    return outcome


def _download(files: dict[str, tuple[str, str]], cache: Path) -> MNIST:
    """Download `files` into a temporary folder, check them, and move them into the cache."""
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            dir=cache, prefix=".download-", ignore_cleanup_errors=True
        ) as temporary:
            folder = Path(temporary) / "mnist-idx"
            folder.mkdir()
            _fetch(files, folder)
            single = len(files) == 1
            arrived = folder / next(iter(files)) if single else folder
            mnist = _load_genuine(arrived)
            target = cache / arrived.name
            arrived.rename(target)
    except OSError as error:
        raise DataError(f"cannot be saved in {cache} ({error}); set KERAS_HOME.") from None
    return replace(mnist, source=str(target))


def _fetch(files: dict[str, tuple[str, str]], folder: Path) -> None:
    """Let Keras download and check `files`; give up after `SILENT_SECONDS` without a byte.

    The download runs in a thread, because neither a name look-up nor a host that accepts the
    connection and says nothing can be interrupted from within.
    """
    from mnist_course._backend import keras

    failures: list[Exception] = []

    def fetch_all() -> None:
        try:
            for name, (address, digest) in files.items():
                keras.utils.get_file(
                    name, address, cache_dir=folder, cache_subdir="", file_hash=digest
                )
        except Exception as error:
            failures.append(error)

    def received() -> int:
        total = 0
        for path in folder.iterdir():
            with suppress(FileNotFoundError):  # Keras removes what failed to arrive
                total += path.stat().st_size
        return total

    default_timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SILENT_SECONDS)
    thread = threading.Thread(target=fetch_all, daemon=True)
    try:
        # Keras shows its progress on stdout, which belongs to the results.
        with redirect_stdout(sys.stderr):
            thread.start()
            size, since = 0, time.monotonic()
            while thread.is_alive() and time.monotonic() - since < SILENT_SECONDS:
                thread.join(timeout=0.1)
                if received() != size:
                    size, since = received(), time.monotonic()
    finally:
        socket.setdefaulttimeout(default_timeout)
    if thread.is_alive():
        raise DataError(f"no byte arrived for {SILENT_SECONDS:.0f} s")
    if failures:
        raise DataError(" ".join(str(failures[0]).split())[:200])


def _notice(message: str) -> None:
    sys.stderr.write(f"mnist-course: {message}\n")

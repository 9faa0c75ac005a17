"""Load MNIST from the package, or from a copy of one's own, and check each array's digest."""

import hashlib
import io
import math
import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from mnist_course._arrays import UInt8Array
from mnist_course.errors import DataError

from .idx import find_idx_files, read_idx

WriterArray: TypeAlias = npt.NDArray[np.uint16]

BUNDLED = Path(__file__).with_name("mnist.npz")
WRITERS = Path(__file__).with_name("writers.npz")

SIDE = 28  # an image of MNIST is 28 x 28 pixels
MNIST_SHAPES = {
    "x_train": (60000, SIDE, SIDE),
    "y_train": (60000,),
    "x_test": (10000, SIDE, SIDE),
    "y_test": (10000,),
}
# Of the values of each array, in C order.
MNIST_SHA256 = {
    "x_train": "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757",
    "y_train": "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    "x_test": "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161",
    "y_test": "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5",
}
# Of the file as a whole.
WRITERS_SHA256 = "dfb72c37c7913fb6c1496cbd788ee7e95af9ea291446fe899e65826fe2b57565"


@dataclass(frozen=True, eq=False)
class MNIST:
    """The data set: images of handwritten digits, the digits they show, and who wrote them.

    It unpacks as what Keras's own loader returns::

        (train_images, train_labels), (test_images, test_labels) = load_mnist()

    Attributes
    ----------
    train_images : ndarray of uint8, shape (60000, 28, 28)
        Gray values from 0 (background) to 255 (ink).
    train_labels : ndarray of uint8, shape (60000,)
        The digit that each image shows, 0 to 9.
    test_images : ndarray of uint8, shape (10000, 28, 28)
        Images by other writers, for the final evaluation.
    test_labels : ndarray of uint8, shape (10000,)
        The digits of the test images.
    train_writers, test_writers : ndarray of uint16, shape (60000,) and (10000,)
        NIST's number for the writer of each image; nobody wrote both training and test images.
    source : str
        The path of the file or folder that the images came from.
    """

    train_images: UInt8Array
    train_labels: UInt8Array
    test_images: UInt8Array
    test_labels: UInt8Array
    train_writers: WriterArray
    test_writers: WriterArray
    source: str

    def __iter__(self) -> Iterator[tuple[UInt8Array, UInt8Array]]:
        yield self.train_images, self.train_labels
        yield self.test_images, self.test_labels

    def describe(self) -> dict[str, str | int]:
        """Return where the data came from and its sizes, for JSON."""
        return {
            "source": self.source,
            "train_images": len(self.train_images),
            "test_images": len(self.test_images),
        }


def load_mnist(source: str | os.PathLike[str] | None = None) -> MNIST:
    """Load MNIST and check that it is the official one.

    Parameters
    ----------
    source : str or path, optional
        Keras's ``mnist.npz``, or a folder with the four official IDX files, gzipped or not. By
        default the copy that the environment variable ``MNIST_COURSE_DATA`` names, if it is set,
        else the one that comes with the course.

    Returns
    -------
    MNIST
        Read-only arrays: 60,000 training images and 10,000 test images, each with its label and
        its writer. The same object for the same unchanged files.

    Raises
    ------
    DataError
        If the copy is missing, damaged or not MNIST. No other copy takes its place.

    Notes
    -----
    The arrays are compared with the SHA-256 digests of the official ones, so any container will do.
    The writers are those of QMNIST (Yadav and Bottou, 2019, https://arxiv.org/abs/1905.10498).

    Examples
    --------
    >>> mnist = load_mnist()
    >>> mnist.train_images.shape, mnist.train_images.dtype, int(mnist.train_labels[0])
    ((60000, 28, 28), dtype('uint8'), 5)
    """
    named = os.environ.get("MNIST_COURSE_DATA")
    if source is not None:
        path, advice = Path(source), "Run 'mnist-course data' to see where it looks."
    elif named:
        path, advice = Path(named), "Unset MNIST_COURSE_DATA to use the course's own copy."
    else:
        path, advice = BUNDLED, "Install the course again."
    try:
        files = find_idx_files(path).values() if path.is_dir() else [path]
        states = [file.stat() for file in files]
        return _load(path, tuple((s.st_ino, s.st_size, s.st_mtime_ns) for s in states))
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        reason = "file not found" if missing else (error.strerror or str(error)).lower()
        raise DataError(f"no MNIST at {error.filename or path} ({reason}). {advice}") from None
    except DataError as error:
        raise DataError(f"{error} {advice}") from None


@lru_cache(maxsize=2)  # a copy of one's own, and the one that comes with the course
def _load(path: Path, states: tuple[tuple[int, int, int], ...]) -> MNIST:  # noqa: ARG001
    """Read files again only if they have changed: nobody can write to the arrays."""
    if path.is_dir():
        files = find_idx_files(path)
        arrays = {name: read_idx(files[name], MNIST_SHAPES[name]) for name in MNIST_SHAPES}
    else:
        arrays = _read_npz(path)
    _check(path, arrays)
    x_train, y_train, x_test, y_test = arrays.values()  # in the order of MNIST_SHAPES
    return MNIST(x_train, y_train, x_test, y_test, *_read_writers(), source=str(path))


def _read_npz(path: Path) -> dict[str, UInt8Array]:
    arrays = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for name, shape in MNIST_SHAPES.items():
                member = archive.getinfo(f"{name}.npy")
                # Room for any other type, so that it can be named, but not for a zip bomb.
                if member.file_size > 10 * math.prod(shape) + 1024:
                    raise ValueError(f"{name} of {member.file_size:,} bytes")
                with archive.open(member) as file:
                    arrays[name] = np.lib.format.read_array(file, allow_pickle=False)
    except (FileNotFoundError, PermissionError):
        raise
    # Damaged, truncated or hostile content makes NumPy and zipfile raise almost anything.
    except Exception as error:
        reason = " ".join(str(*error.args[:1]).split()) or type(error).__name__
        if "allow_pickle" in reason:
            reason = f"pickled objects in {name}, which are never loaded"
        raise DataError(
            f"{path} is damaged: expected an npz archive with the arrays "
            f"{', '.join(MNIST_SHAPES)}, found: {reason[:200].rstrip('.')}."
        ) from None
    return arrays


def _check(path: Path, arrays: dict[str, UInt8Array]) -> None:
    for name, array in arrays.items():
        if array.shape != MNIST_SHAPES[name] or array.dtype != np.uint8:
            raise DataError(
                f"{path} is not MNIST: expected {name} of shape {MNIST_SHAPES[name]} and type "
                f"uint8, found {array.shape} and {array.dtype}."
            )
        digest = hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
        if digest != MNIST_SHA256[name]:
            raise DataError(
                f"{path} is not the official MNIST: expected {name} with SHA-256 "
                f"{MNIST_SHA256[name]}, found {digest}."
            )
        array.flags.writeable = False


def _read_writers() -> tuple[WriterArray, WriterArray]:
    content = WRITERS.read_bytes()
    if hashlib.sha256(content).hexdigest() != WRITERS_SHA256:
        raise DataError(f"{WRITERS} is not the file of this version: install the course again.")
    with np.load(io.BytesIO(content)) as archive:
        train, test = archive["train_writer"], archive["test_writer"]
    train.flags.writeable = test.flags.writeable = False
    return train, test

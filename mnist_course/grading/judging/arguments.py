"""See for oneself what a function did to its arguments: their arrays lie in memory of the judge."""

import fcntl
import mmap
import os
import tempfile
from typing import Any

import numpy as np
import numpy.typing as npt

from mnist_course.grading.inside.messages import pack, unpack
from mnist_course.grading.inside.shared import lay_out, put_on


class SharedArguments:
    """Arguments of a call whose arrays the learner's process gets as memory, not as copies.

    Parameters
    ----------
    arguments : tuple
        The arguments.

    Attributes
    ----------
    descriptor : int
        Of the memory, for `inside.shared.send`.
    """

    def __init__(self, arguments: tuple[Any, ...]) -> None:
        self._before = unpack(pack(arguments))  # as they arrive
        _, size = lay_out(self._before, lambda array, _: array)
        self.descriptor = _make_file(size + 1)
        memory = mmap.mmap(self.descriptor, 0)

        def write(array: npt.NDArray[Any], start: int) -> None:
            memory[start : start + array.nbytes] = array.tobytes()

        lay_out(self._before, write)
        self._now = put_on(memory, self._before)

    def close(self) -> None:
        """Let go of the descriptor; what was in the memory can still be read."""
        os.close(self.descriptor)

    def afterwards(self, told: Any) -> Any:
        """Return the arguments as the function left them.

        Parameters
        ----------
        told : object
            What the learner's process says of them, as many as there were. It counts only where
            the memory is as it was: where an item of a list was replaced, for example.
        """
        return _settle(self._before, self._now, told)


def _make_file(size: int) -> int:
    if not hasattr(os, "memfd_create"):  # on macOS, where nothing is confined
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
        os.ftruncate(descriptor, size)
        return descriptor
    descriptor = os.memfd_create("arguments", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(descriptor, size)
    # Who is given the memory can make it neither larger nor smaller.
    seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW
    fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, seals)
    return descriptor


def _settle(before: Any, now: Any, told: Any) -> Any:
    if isinstance(before, np.ndarray):
        return told if np.array_equal(before, now) else now.copy()
    if isinstance(before, list | tuple):
        if type(told) is type(before) and len(told) == len(before):
            return type(before)(map(_settle, before, now, told))
    elif isinstance(before, dict) and isinstance(told, dict) and told.keys() == before.keys():
        return {key: _settle(before[key], now[key], told[key]) for key in before}
    # Another structure is told: it hides no array that isn't as it was.
    return told if pack(before) == pack(now) else unpack(pack(now))

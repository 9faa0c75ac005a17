"""Arrays in memory that two processes share: one hands them over, the other computes with them."""

import mmap
import os
import socket
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import numpy.typing as npt

ALIGNMENT = 64  # bytes, as NumPy's own arrays have it


def lay_out(value: Any, make: Callable[[npt.NDArray[Any], int], Any]) -> tuple[Any, int]:
    """Give every array within a value a place in a memory.

    Parameters
    ----------
    value : object
        What `messages.unpack` returns.
    make : callable
        Takes an array and where it starts, in bytes; returns what to put in its place.

    Returns
    -------
    tuple of (object, int)
        The value with its arrays replaced, and how many bytes they take.
    """
    end = 0

    def walk(value: Any) -> Any:
        nonlocal end
        if isinstance(value, np.ndarray):
            start = -(-end // ALIGNMENT) * ALIGNMENT
            end = start + value.nbytes
            return make(value, start)
        if isinstance(value, list | tuple):
            return type(value)(walk(item) for item in value)
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items()}
        return value

    return walk(value), end


def put_on(memory: mmap.mmap, value: Any) -> Any:
    """Replace the arrays of a value by arrays of the same shapes and types in a memory."""

    def view(array: npt.NDArray[Any], start: int) -> npt.NDArray[Any]:
        return np.ndarray(array.shape, array.dtype, buffer=memory, offset=start)

    return lay_out(value, view)[0]


def send(connection: Connection, descriptor: int) -> None:
    """Send the descriptor of a memory after a message."""
    with socket.socket(fileno=os.dup(connection.fileno())) as ours:
        socket.send_fds(ours, [b"\0"], [descriptor])


def receive(connection: Connection) -> mmap.mmap:
    """Map the memory whose descriptor follows a message."""
    with socket.socket(fileno=os.dup(connection.fileno())) as ours:
        _, (descriptor,), _, _ = socket.recv_fds(ours, 1, 1)
    try:
        return mmap.mmap(descriptor, 0)
    finally:
        os.close(descriptor)

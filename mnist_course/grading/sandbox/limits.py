"""What both sides of the sandbox know: its limits, its user, its folders, its first word."""

from dataclasses import dataclass
from pathlib import Path

READY = b"ready"  # sent by the fork server, and by each fork when it is confined
USER = 1000  # the number that whoever starts the sandbox has inside
PRIVATE = Path("/private")  # the one place that each submission has for itself
HOME = PRIVATE / "home"


@dataclass(frozen=True)
class Limits:
    """What one submission may use, all its processes together if not said otherwise.

    Attributes
    ----------
    memory : int
        Bytes. What processes share counts for each; a submission starts with about 0.6 GiB, a
        process that it forks with 0.3. Page tables count, and each open file, socket and thread
        as much as the kernel may need for it: 64 KiB, 0.4 MiB and 32 KiB. Its files are not among
        them (see `disk`).
    disk : int
        Bytes in all its files, which are kept in memory.
    file_size : int
        Bytes in each file.
    open_files : int
        Open files of each process.
    processes : int
        Processes and threads. TensorFlow alone starts several for each core.
    cpu_seconds : float
        Seconds of all cores.
    seconds_per_cell, seconds_per_call : float
        Seconds that a cell of the notebook, and an answer to a hidden test, may take. Keras's own
        `model.fit` takes 4.3 processor seconds for an epoch of 48,000 images.
    seconds_per_submission : float
        Seconds from the first cell to the last answer.
    output : int
        Characters that are kept of what the cells of the notebook show.
    answer : int
        Bytes of an answer to a hidden test.
    """

    memory: int = 4 * 2**30
    disk: int = 512 * 2**20
    file_size: int = 256 * 2**20
    open_files: int = 256
    processes: int = 1024
    cpu_seconds: float = 3600.0
    seconds_per_cell: float = 600.0
    seconds_per_call: float = 30.0
    seconds_per_submission: float = 1800.0
    output: int = 2**20
    answer: int = 2**26

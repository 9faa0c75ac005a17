"""What trees of processes use, as Linux tells in /proc. See proc_pid_stat(5) and the next ones."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass
class Usage:
    """What a process and all its descendants use.

    Attributes
    ----------
    threads : int
        Their threads, at least one for each process.
    cpu_seconds : float
        Seconds of all cores, also by descendants that have ended.
    memory : int
        Bytes of memory that are not those of a file on disk. What processes share counts for each
        of them: telling it apart takes seconds if they fork without end.
    """

    threads: int = 0
    cpu_seconds: float = 0.0
    memory: int = 0


def measure(roots: Iterable[int]) -> dict[int, Usage]:
    """Measure what some processes use, each with its descendants.

    Parameters
    ----------
    roots : iterable of int
        The numbers of the processes.

    Returns
    -------
    dict of int to Usage
        What each uses; nothing if it has ended.
    """
    processes = dict(_processes())
    children: dict[int, list[int]] = {}
    for pid, fields in processes.items():
        children.setdefault(int(fields[1]), []).append(pid)
    ticks = os.sysconf("SC_CLK_TCK")
    usages = {}
    for root in roots:
        usage = usages[root] = Usage()
        pids = [root] if root in processes else []
        for pid in pids:  # which grows meanwhile
            fields = processes[pid]
            usage.threads += int(fields[17])
            usage.cpu_seconds += sum(map(int, fields[11:15])) / ticks
            usage.memory += _memory(pid)
            pids += children.get(pid, [])
    return usages


def _processes() -> Iterator[tuple[int, list[bytes]]]:
    """Yield the number and the state of each process, without its number and name."""
    for folder in _PROC.iterdir():
        if folder.name.isdecimal() and (stat := _read(folder / "stat")):
            # The name is in parentheses, and may be anything.
            yield int(folder.name), stat[stat.rindex(b")") + 1 :].split()


def _memory(pid: int) -> int:
    lines = _read(_PROC / str(pid) / "status").splitlines()
    of_no_file = (b"RssAnon:", b"RssShmem:", b"VmSwap:")
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith(of_no_file))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""  # the process has just ended, or is another user's

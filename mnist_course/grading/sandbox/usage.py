"""What trees of processes use, as Linux tells in /proc. See proc_pid_stat(5) and the next ones."""

import os
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_OF_NO_FILE = (b"RssAnon:", b"RssShmem:", b"VmSwap:", b"VmPTE:")  # the last are page tables
# What the kernel needs and does not tell, each at most. An open file may be one end of a pipe,
# whose other end is closed. A thread has a stack and a description.
_BYTES_OF_FILE, _BYTES_OF_THREAD = 2**16, 2**15


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
        Bytes of memory that are not those of a file on disk, with page tables and the most that
        their open files and threads may take in the kernel. What processes share counts for each
        of them: telling it apart takes seconds if they fork without end.
    """

    threads: int = 0
    cpu_seconds: float = 0.0
    memory: int = 0


def look() -> dict[int, list[bytes]]:
    """Return the number and the state of each process, without its number and name."""
    processes = {}
    for folder in _PROC.iterdir():
        if folder.name.isdecimal() and (stat := _read(folder / "stat")):
            # The name is in parentheses, and may be anything.
            processes[int(folder.name)] = stat[stat.rindex(b")") + 1 :].split()
    return processes


class Meter:
    """Measures, again and again, what a process and all its descendants use.

    Parameters
    ----------
    root : int
        The number of the process.

    Notes
    -----
    When a process ends, the kernel adds its time to that of the parent that waits for it. If none
    does (see ``SIG_IGN`` in wait(2)), its time is lost, but for what was seen of it here.
    """

    def __init__(self, root: int) -> None:
        self._root = root
        self._ticks: dict[tuple[int, bytes], int] = {}  # of each process, by number and start
        self._ticks_of_ended = 0

    def measure(self, processes: dict[int, list[bytes]]) -> Usage:
        """Return what they use, and have used of time, by what `look` has just seen."""
        usage = Usage()
        ticks: dict[tuple[int, bytes], int] = {}
        ticks_told = 0
        for pid in self._members(processes):
            state = processes[pid]
            threads = int(state[17])
            usage.threads += threads
            usage.memory += _memory(pid) + threads * _BYTES_OF_THREAD
            ticks[pid, state[19]] = int(state[11]) + int(state[12])
            ticks_told += sum(map(int, state[11:15]))  # with those of children waited for
        self._ticks_of_ended += sum(
            seen for process, seen in self._ticks.items() if process not in ticks
        )
        self._ticks = ticks
        ticks_seen = sum(ticks.values()) + self._ticks_of_ended
        # Neither counts anything twice, and each may miss what the other has.
        usage.cpu_seconds = max(ticks_told, ticks_seen) / os.sysconf("SC_CLK_TCK")
        return usage

    def _members(self, processes: dict[int, list[bytes]]) -> list[int]:
        """List the processes, with those seen before whose parent is just changing."""
        children: dict[int, list[int]] = {}
        for pid, state in processes.items():
            children.setdefault(int(state[1]), []).append(pid)
        known = [p for p, start in self._ticks if p in processes and processes[p][19] == start]
        members = dict.fromkeys([self._root, *known] if self._root in processes else known)
        listed = list(members)
        for pid in listed:  # which grows meanwhile
            new = [child for child in children.get(pid, ()) if child not in members]
            members.update(dict.fromkeys(new))
            listed += new
        return listed


def measure_sockets(pid: int) -> int:
    """Return how many bytes the sockets in a process's network namespace may hold.

    The kernel tells their number, but not what is on its way between those of Unix. Each takes
    messages until they exceed its limit, so at most one more than that, which is no longer.

    Parameters
    ----------
    pid : int
        The number of the process.
    """
    stat = _read(_PROC / str(pid) / "net" / "sockstat").split()  # b"sockets: used 12 ..."
    limit = _read(_PROC / "sys" / "net" / "core" / "wmem_default")
    return 2 * int(limit) * int(stat[2]) if stat and limit else 0


def _memory(pid: int) -> int:
    folder = _PROC / str(pid)
    status = dict(line.split(b"\t", 1) for line in _read(folder / "status").splitlines())
    memory = sum(1024 * int(status[name].split()[0]) for name in _OF_NO_FILE if name in status)
    try:
        files = (folder / "fd").stat().st_size  # their number, from Linux 6.2 on
    except OSError:
        files = 0
    return memory + (files or int(status.get(b"FDSize:", 0))) * _BYTES_OF_FILE


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return b""  # the process has just ended, or is another user's

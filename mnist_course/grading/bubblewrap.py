"""Start a Python program in an almost empty machine, with the command ``bwrap`` of bubblewrap.

Inside there are, read-only: the system's programs and libraries, this Python with its packages, the
package `mnist_course` without the rest of its repository, and the data set. There is no network, no
other process, no home, and no variable of the environment outside.
"""

import errno
import os
import platform
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import mnist_course
from mnist_course.data import find_mnist
from mnist_course.errors import CourseError

USER = 1000  # the number that whoever starts it has inside
PRIVATE = Path("/private")  # the one place that each submission has for itself
HOME = PRIVATE / "home"
DATA = Path("/data")

_NAMESPACES = (
    "--unshare-user --unshare-pid --unshare-net --unshare-ipc --unshare-uts --unshare-cgroup-try "
    f"--uid {USER} --gid {USER} --cap-drop ALL --die-with-parent --new-session"
)
# Not all of /usr: a container may have the course itself in /usr/src.
_SYSTEM = (
    "/bin /sbin /lib /lib32 /lib64 /usr/bin /usr/sbin /usr/lib /usr/lib32 /usr/lib64 /usr/libexec "
    "/usr/local /usr/share /etc/alternatives /etc/fonts /etc/ld.so.cache /etc/localtime"
)
_USERS = {
    "/etc/passwd": f"learner:x:{USER}:{USER}::{HOME}:/bin/sh\n".encode(),
    "/etc/group": f"learner:x:{USER}:\n".encode(),
}


def start(
    arguments: list[str], *, stdin: socket.socket, output: IO[bytes]
) -> "subprocess.Popen[bytes]":
    """Start Python in the sandbox.

    Parameters
    ----------
    arguments : list of str
        The arguments of Python.
    stdin : socket.socket
        Its standard input.
    output : file
        Its standard output and error.

    Returns
    -------
    subprocess.Popen
        The process of bubblewrap. Everything inside ends with it, and it ends with the thread that
        called this function.

    Raises
    ------
    CourseError
        If the processor is not one that the filter of system calls knows.
    DataError
        If the data set is damaged.
    """
    source = _data_source()
    data = str(DATA / source.name) if source else "sample"
    # What bubblewrap is to read, and not from a file: it gets the ends of pipes.
    system_calls, *users = descriptors = [_readable(text) for text in (_filter(), *_USERS.values())]
    command = [shutil.which("bwrap") or "bwrap", *_NAMESPACES.split()]
    command += ["--seccomp", str(system_calls), "--proc", "/proc", "--tmpfs", "/tmp"]  # noqa: S108
    command += ["--dev", "/dev", "--remount-ro", "/dev", "--tmpfs", str(PRIVATE), "--dir", str(HOME)]
    # A kernel mounts a fresh /proc, which each submission needs, only where it sees a complete one,
    # and bubblewrap's is not. The submission's own PRIVATE covers this one.
    command += ["--bind", "/proc", str(PRIVATE / "proc")]
    for path in (*_SYSTEM.split(), *_python(), Path(mnist_course.__file__).parent):
        command += ["--ro-bind-try", str(path), str(path)]
    for path, descriptor in zip(_USERS, users, strict=True):
        command += ["--ro-bind-data", str(descriptor), path]
    if source:
        command += ["--ro-bind", str(source), data]
    command += ["--remount-ro", "/", "--chdir", "/", sys.executable, *arguments]
    try:
        return subprocess.Popen(
            command,
            stdin=stdin,
            stdout=output,
            stderr=output,
            pass_fds=descriptors,
            env=_environment(data),
        )
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _environment(data: str) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(HOME),
        "LANG": "C.UTF-8",
        "MNIST_COURSE_DATA": data,
        "PYTHONHASHSEED": "0",  # so that a submission gets the same grade each time
        "OPENBLAS_NUM_THREADS": "1",  # or it starts threads when NumPy is imported
    }


def _data_source() -> Path | None:
    mnist, _ = find_mnist(download=False)
    return Path(mnist.source).resolve() if mnist.genuine else None


def _python() -> Iterator[Path]:
    """List the parts of this Python: not its whole prefix, where a course may lie."""
    prefixes = [Path(sys.prefix), Path(sys.base_prefix)]
    program = Path(sys.prefix, "bin", Path(sys.executable).name)
    while program.is_symlink():
        program = program.parent / program.readlink()
        prefixes.append(program.parents[1])
    for prefix in dict.fromkeys([*prefixes, *(prefix.resolve() for prefix in prefixes)]):
        for name in ("bin", "lib", "lib64", "pyvenv.cfg"):
            yield prefix / name


def _readable(content: bytes) -> int:
    """Return a descriptor from which the content can be read, once."""
    descriptor, write = os.pipe()
    os.write(write, content)
    os.close(write)
    return descriptor


# System calls that a submission has no use for: memory that belongs to no process, and so is not
# counted (memfd, System V), keys that other submissions could read, and what the kernel does on
# behalf of a process. The numbers are those of <asm/unistd.h>.
_FORBIDDEN = {
    "x86_64": {
        "shmget": 29, "semget": 64, "msgget": 68, "add_key": 248, "request_key": 249,
        "keyctl": 250, "perf_event_open": 298, "memfd_create": 319, "bpf": 321,
        "userfaultfd": 323, "io_uring_setup": 425, "memfd_secret": 447,
    },
    "aarch64": {
        "msgget": 186, "semget": 190, "shmget": 194, "add_key": 217, "request_key": 218,
        "keyctl": 219, "perf_event_open": 241, "memfd_create": 279, "bpf": 280,
        "userfaultfd": 282, "io_uring_setup": 425, "memfd_secret": 447,
    },
}  # fmt: skip
_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH_* of <linux/audit.h>
_X32 = 0x40000000  # x86-64 has a second numbering from here on


def _filter() -> bytes:
    """Return the program that refuses these system calls, as bubblewrap and the kernel read it.

    See the kernel's documentation, "Seccomp BPF". Each instruction has a code, how many of the next
    to skip if its test holds and if not, and a number.
    """
    machine = platform.machine()
    if machine not in _FORBIDDEN:
        raise CourseError(
            f"the sandbox does not know the system calls of the processor {machine}: grade on "
            f"{' or '.join(_FORBIDDEN)}."
        )
    load, equal, at_least, result = 0x20, 0x15, 0x35, 0x06
    numbers = _FORBIDDEN[machine].values()
    tests = [(equal, 0, len(numbers) + 3, _ARCHITECTURE[machine]), (load, 0, 0, 0)]
    tests += [(at_least, len(numbers) + 1, 0, _X32)]
    tests += [(equal, len(numbers) - i, 0, number) for i, number in enumerate(numbers)]
    allow, refuse = 0x7FFF0000, 0x00050000 | errno.ENOSYS
    program = [(load, 0, 0, 4), *tests, (result, 0, 0, allow), (result, 0, 0, refuse)]
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)

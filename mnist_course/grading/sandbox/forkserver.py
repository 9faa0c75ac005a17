"""What runs inside the sandbox before any learner's code: fork a confined process on each order.

The fork has a user namespace of its own: the rights with which it confines itself are none outside,
and a learner's process can neither signal nor trace the fork server. See namespaces(7),
user_namespaces(7) and pid_namespaces(7).
"""

import contextlib
import ctypes
import gc
import json
import math
import os
import resource
import socket
import struct
import sys
from multiprocessing.connection import Connection
from pathlib import Path

import threadpoolctl  # type: ignore[import-untyped]

from mnist_course.data import load_mnist
from mnist_course.errors import CourseError
from mnist_course.grading.inside import runner
from mnist_course.grading.inside.preload import preload

from . import seccomp
from .limits import HOME, PRIVATE, READY, USER, Limits

__all__ = ["main"]

WORK = PRIVATE / "work"
MOST_FILES = 10_000  # even empty ones cost memory of the kernel
SECONDS_TO_WATCH = 10  # what the watchdog outside may need to notice how much CPU time was used

# The constants of <linux/sched.h>, <linux/mount.h>, <linux/prctl.h> and <linux/capability.h>.
_NEW_NAMESPACES = 0x00020000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
_READ_ONLY, _NO_SUID, _NO_DEVICES, _REMOUNT, _BIND, _RECURSIVE = 1, 2, 4, 32, 4096, 16384
_PROPAGATE_NOTHING = 1 << 18
_SET_DUMPABLE, _SET_SECCOMP, _DROP_FROM_BOUNDING_SET, _NO_NEW_PRIVILEGES = 4, 22, 24, 38
_FILTER = 2
_CAPABILITY_VERSION = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Take orders from the socket that is standard input, until the other side hangs up.

    An order is the limits of a submission, as JSON, and with it the socket on which the fork is to
    serve. The fork first sends `READY` over it, or else what went wrong. The program's argument is
    what to import before, as JSON.
    """
    orders = socket.socket(fileno=os.dup(0))
    preload(json.loads(sys.argv[1]))
    threads = len(list(Path("/proc/self/task").iterdir()))
    if threads != 1:
        sys.exit(f"the libraries started {threads - 1} threads, which no fork would have")
    data = os.environ.get("MNIST_COURSE_DATA")
    if data and not os.access(data, os.R_OK):
        sys.exit("the data set is not readable for everyone: run chmod -R a+rX on it")
    try:
        system_calls = seccomp.refuse()
    except CourseError as error:
        sys.exit(str(error))
    load_mnist()  # which each fork then has
    gc.collect()
    gc.freeze()  # or collecting garbage would copy all of it into each fork
    orders.send(READY)
    while True:
        order, descriptors, _, _ = socket.recv_fds(orders, 10_000, 1)
        if not order:
            return
        (descriptor,) = descriptors
        try:
            child = os.fork()
        except OSError as error:  # there is no room now; there may be later
            os.write(descriptor, str(error).encode())
        else:
            if child == 0:
                _run_submission(descriptor, Limits(**json.loads(order)), system_calls)
            os.waitpid(child, 0)
        os.close(descriptor)


def _run_submission(descriptor: int, limits: Limits, system_calls: bytes) -> None:
    """Confine this process, and serve. Never return: only the fork server takes orders."""
    try:
        _close_all_but(descriptor)
        # If the machine runs out of memory, a submission goes before anything else.
        _write("/proc/self/oom_score_adj", "1000")
        # Should a core be dumped after all (see `_set_limits`), there is no memory in it. For the
        # submission /proc is read-only, and its programs inherit this.
        _write("/proc/self/coredump_filter", "0")
        _leave_namespaces()
        if os.fork():
            os._exit(0)
        # From here on this is process 1 of the submission: if it ends, the kernel ends them all.
        os.setsid()
        _mount_private(limits.disk)
        _set_limits(limits)
        _drop_capabilities()
        _filter_system_calls(system_calls)
        # The learner's process has the same user, and must not look into this one.
        _call("prctl", _SET_DUMPABLE, 0, 0, 0, 0)
        os.write(descriptor, READY)
        learner = os.fork()
        if learner == 0:
            _serve(descriptor, limits)
        os.close(descriptor)
        while os.wait()[0] != learner:
            pass
    except Exception as error:
        os.write(descriptor, f"{type(error).__name__}: {error}".encode())
    finally:
        os._exit(0)


def _serve(descriptor: int, limits: Limits) -> None:
    try:
        _call("prctl", _SET_DUMPABLE, 1, 0, 0, 0)
        del os.environ["OPENBLAS_NUM_THREADS"]
        threadpoolctl.threadpool_limits(len(os.sched_getaffinity(0)), user_api="blas")
        runner.serve(Connection(descriptor), str(WORK), limits.answer)
    finally:
        os._exit(0)


def _close_all_but(descriptor: int) -> None:
    os.set_inheritable(descriptor, False)
    for path in list(Path("/proc/self/fd").iterdir()):
        if int(path.name) not in (0, 1, 2, descriptor):
            with contextlib.suppress(OSError):  # the listing's own
                os.close(int(path.name))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nowhere, standard)
    os.close(nowhere)


def _leave_namespaces() -> None:
    _call("unshare", _NEW_NAMESPACES)
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{USER} {USER} 1")
    _write("/proc/self/gid_map", f"{USER} {USER} 1")


def _mount_private(disk: int) -> None:
    """Mount a /proc with the submission's processes only, and all its folders from one memory."""
    hardened = _NO_SUID | _NO_DEVICES
    _mount("none", "/", flags=_PROPAGATE_NOTHING | _RECURSIVE)
    _mount("proc", "/proc", "proc", hardened)
    # A learner who could make namespaces would have rights in them.
    _write("/proc/sys/user/max_user_namespaces", "0")
    _mount("none", "/proc", flags=_REMOUNT | _BIND | _READ_ONLY | hardened)
    options = f"size={disk},nr_inodes={MOST_FILES},mode=0755"
    _mount("tmpfs", str(PRIVATE), "tmpfs", hardened, options)
    temporary, shared = PRIVATE / "tmp", PRIVATE / "shm"
    for folder in (HOME, WORK, temporary, shared):
        folder.mkdir()
    # Python itself may be installed below /tmp.
    for outside in filter(Path.is_dir, Path("/tmp").iterdir()):  # noqa: S108
        inside = temporary / outside.name
        inside.mkdir()
        _mount(str(outside), str(inside), flags=_BIND | _RECURSIVE)
        _mount("none", str(inside), flags=_REMOUNT | _BIND | _READ_ONLY | hardened)
    _mount(str(temporary), "/tmp", flags=_BIND | _RECURSIVE)  # noqa: S108
    _mount(str(shared), "/dev/shm", flags=_BIND)  # noqa: S108
    _mount("tmpfs", "/dev/pts", "tmpfs", hardened | _READ_ONLY)


def _set_limits(limits: Limits) -> None:
    for kind, limit in (
        # Where a program takes cores from a pipe, outside and as root, 0 would not keep the kernel
        # from starting it. 1 does, and no file is that short. See do_coredump() in the kernel.
        # If the limit outside is 0 and cannot be raised, a program gets a core without memory.
        (resource.RLIMIT_CORE, 1),
        (resource.RLIMIT_CPU, math.ceil(limits.cpu_seconds) + SECONDS_TO_WATCH),
        (resource.RLIMIT_FSIZE, limits.file_size),
        (resource.RLIMIT_NOFILE, limits.open_files),
        (resource.RLIMIT_NPROC, limits.processes),
    ):
        _, hardest = resource.getrlimit(kind)
        if hardest != resource.RLIM_INFINITY:
            limit = min(limit, hardest)
        resource.setrlimit(kind, (limit, limit))


def _drop_capabilities() -> None:
    # No program gets them back, whatever its file says.
    for capability in range(int(Path("/proc/sys/kernel/cap_last_cap").read_text()) + 1):
        _call("prctl", _DROP_FROM_BOUNDING_SET, capability, 0, 0, 0)
    header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION, 0))
    _call("capset", header, bytes(24))


def _filter_system_calls(program: bytes) -> None:
    instructions = ctypes.create_string_buffer(program)
    length = len(program) // 8  # bytes of an instruction
    description = struct.pack("@HP", length, ctypes.addressof(instructions))
    _call("prctl", _NO_NEW_PRIVILEGES, 1, 0, 0, 0)  # or only root might filter
    _call("prctl", _SET_SECCOMP, _FILTER, ctypes.create_string_buffer(description), 0, 0)


def _mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    arguments = (source.encode(), target.encode(), kind.encode(), flags, options.encode())
    _call("mount", *arguments)


def _call(name: str, *arguments: bytes | int | ctypes.Array[ctypes.c_char]) -> None:
    if getattr(_libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _write(path: str, text: str) -> None:
    # Unbuffered, or the error would come too late to be seen.
    descriptor = os.open(path, os.O_WRONLY)
    os.write(descriptor, text.encode())
    os.close(descriptor)


if __name__ == "__main__":
    main()

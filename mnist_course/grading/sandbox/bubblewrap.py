"""Start a Python program in an almost empty machine, with the command ``bwrap`` of bubblewrap.

Inside there are, read-only: the system's programs and libraries, this Python with its packages, the
package `mnist_course` without the rest of its repository, and the copy of MNIST that
``MNIST_COURSE_DATA`` names, if it does: the bundled one is in the package. There is no network, no
other process, no home, and no variable of the environment outside.
"""

import os
import site
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import mnist_course
from mnist_course.data import load_mnist

from .limits import HOME, PRIVATE, USER

PACKAGE = Path(mnist_course.__file__).parent

_NOBODY = 65534  # whom no file belongs to
_NAMESPACES = (
    "--unshare-pid --unshare-net --unshare-ipc --unshare-uts --unshare-cgroup-try --cap-drop ALL "
    "--die-with-parent --new-session --hostname localhost"
)
# A shared mapping of /dev/zero is memory that no process is charged for. /dev/full reads the same.
_MACHINE = (
    "--proc /proc --dev /dev --dev-bind /dev/full /dev/zero --remount-ro /dev "
    f"--perms 1777 --tmpfs /tmp --perms 1777 --tmpfs {PRIVATE}"
)
# Not all of /usr: a container may have the course itself in /usr/src.
_SYSTEM = (
    "/bin /sbin /lib /lib32 /lib64 /usr/bin /usr/sbin /usr/lib /usr/lib32 /usr/lib64 /usr/share "
    "/usr/local/bin /usr/local/lib /etc/alternatives /etc/fonts /etc/ld.so.cache /etc/localtime"
)
_USERS = {
    "/etc/passwd": f"learner:x:{USER}:{USER}::{HOME}:/bin/sh\n".encode(),
    "/etc/group": f"learner:x:{USER}:\n".encode(),
}


def start(arguments: list[str], *, stdin: int, output: IO[bytes]) -> "subprocess.Popen[bytes]":
    """Start Python in the sandbox.

    Parameters
    ----------
    arguments : list of str
        The arguments of Python.
    stdin : int
        The descriptor of its standard input.
    output : file
        Its standard output and error.

    Returns
    -------
    subprocess.Popen
        The process of bubblewrap. Everything inside ends with it, and it ends with the thread that
        called this function.

    Raises
    ------
    DataError
        If the data set is damaged.
    """
    source = Path(load_mnist().source).resolve()
    environment = _environment()
    # What bubblewrap is to read, and not from a file: it gets the ends of pipes.
    users = [_readable(text) for text in _USERS.values()]
    descriptors = users.copy()
    command = ["bwrap", *_NAMESPACES.split()]
    program = [sys.executable, *arguments]
    if os.geteuid() == 0 and (namespace := _namespace_without_root()):
        descriptors.append(namespace)
        command += f"--userns {namespace} --cap-add CAP_SETUID --cap-add CAP_SETGID".split()
        program = f"setpriv --reuid {USER} --regid {USER} --clear-groups".split() + program
    else:
        command += f"--unshare-user --uid {USER} --gid {USER}".split()
    # A kernel mounts a fresh /proc, which each submission needs, only where it sees a complete one,
    # and bubblewrap's is not. The submission's own PRIVATE covers this one.
    command += [*_MACHINE.split(), "--bind", "/proc", str(PRIVATE / "proc")]
    for path in (*map(Path, _SYSTEM.split()), *_python(), PACKAGE):
        command += _read_only(path, path)
    if os.environ.get("MNIST_COURSE_DATA"):
        inside = Path("/data/mnist").with_suffix(source.suffix)
        command += _read_only(source, inside)
        environment["MNIST_COURSE_DATA"] = str(inside)
    for name, descriptor in zip(_USERS, users, strict=True):
        command += ["--perms", "0444", "--ro-bind-data", str(descriptor), name]
    command += ["--remount-ro", "/", "--chdir", "/", *program]
    try:
        return subprocess.Popen(
            command,
            stdin=stdin,
            stdout=output,
            stderr=output,
            pass_fds=descriptors,
            env=environment,
        )
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _namespace_without_root() -> int | None:
    """Return a user namespace where root is root, and the learner is nobody outside.

    Even without capabilities, root may start any number of processes, and owns files. It is root
    that sets up the sandbox, though, as others may not find this Python. None where root is no root
    outside, as in some containers.
    """
    waiting = ["unshare", "--user", "sh", "-c", "echo; read end"]
    with subprocess.Popen(waiting, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        folder = Path("/proc", str(process.pid))
        try:
            for name in ("uid_map", "gid_map"):
                (folder / name).write_text(f"0 0 1\n{USER} {_NOBODY} 1\n")
            return os.open(folder / "ns" / "user", os.O_RDONLY)
        except OSError:
            return None


def _read_only(path: Path, inside: Path) -> Iterator[str]:
    for parent in reversed(inside.parents):  # or bubblewrap makes them for its own user alone
        yield from ("--dir", str(parent))
    yield from ("--ro-bind-try", str(path), str(inside))


def _environment() -> dict[str, str]:
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(HOME),
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",  # so that a submission gets the same grade each time
        "OPENBLAS_NUM_THREADS": "1",  # or it starts threads when NumPy is imported
    }
    # Another copy of the package may be installed, and only the one that runs here is inside.
    if str(PACKAGE.parent) not in site.getsitepackages():
        environment["PYTHONPATH"] = str(PACKAGE.parent)
    return environment


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

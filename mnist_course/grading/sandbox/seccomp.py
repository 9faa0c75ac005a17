"""The system calls that a submission may not make, as a filter in the kernel.

The namespaces of the sandbox do not cover them: they give memory that counts for no process, keys
and sockets that reach out of the sandbox, or let the kernel itself act for a process. No other
code of a course needs them. See the kernel's documentation, "Seccomp BPF".
"""

import errno
import platform
import struct

from mnist_course.errors import CourseError

# Numbers of <asm/unistd.h>: x86_64, aarch64.
REFUSED = {
    "shmget": (29, 194),
    "semget": (64, 190),
    "msgget": (68, 186),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "perf_event_open": (298, 241),
    "memfd_create": (319, 279),
    "bpf": (321, 280),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "memfd_secret": (447, 447),
}
_MMAP, _SOCKET = (9, 222), (41, 198)
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # of <linux/audit.h>
_SHARED_ANONYMOUS = 0x01 | 0x20  # MAP_SHARED | MAP_ANONYMOUS
_FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6 and AF_NETLINK have namespaces
_SECOND_NUMBERING = 0x40000000  # of x86_64, for its x32 programs

# Operations on the accumulator, and where struct seccomp_data keeps what they load.
_LOAD, _AND, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT, _FOURTH_ARGUMENT = 0, 4, 16, 40
_ALLOW, _REFUSE = 0x7FFF0000, 0x00050000 | errno.ENOSYS


def refuse() -> bytes:
    """Write the filter, which answers that there is no such call.

    Returns
    -------
    bytes
        The program as bubblewrap and the kernel read it.

    Raises
    ------
    CourseError
        If the numbers of this processor's system calls are not known here.
    """
    machine = platform.machine()
    if machine not in _ARCHITECTURES:
        raise CourseError(
            f"the sandbox does not know the system calls of the processor {machine}: grade on "
            f"{' or '.join(_ARCHITECTURES)}."
        )
    column = list(_ARCHITECTURES).index(machine)
    # An operation, its number, and where to go on if it is a test: if it holds, and if not.
    steps: list[tuple[int, int, str, str]] = [
        (_LOAD, _ARCHITECTURE, "", ""),
        (_IF_EQUAL, _ARCHITECTURES[machine], "", "refuse"),
        (_LOAD, _NUMBER, "", ""),
        (_IF_AT_LEAST, _SECOND_NUMBERING, "refuse", ""),
        *((_IF_EQUAL, numbers[column], "refuse", "") for numbers in REFUSED.values()),
        (_IF_EQUAL, _MMAP[column], "mmap", ""),
        (_IF_EQUAL, _SOCKET[column], "socket", "allow"),
    ]
    places = {"mmap": len(steps)}
    steps += [
        (_LOAD, _FOURTH_ARGUMENT, "", ""),
        (_AND, _SHARED_ANONYMOUS, "", ""),
        (_IF_EQUAL, _SHARED_ANONYMOUS, "refuse", "allow"),
    ]
    places["socket"] = len(steps)
    steps += [
        (_LOAD, _FIRST_ARGUMENT, "", ""),
        *((_IF_EQUAL, family, "allow", "") for family in _FAMILIES),
    ]
    places["refuse"] = len(steps)
    places["allow"] = len(steps) + 1
    steps += [(_RETURN, _REFUSE, "", ""), (_RETURN, _ALLOW, "", "")]
    instructions = []
    for here, (operation, number, *labels) in enumerate(steps):
        skips = [places[label] - here - 1 if label else 0 for label in labels]
        instructions.append(struct.pack("=HBBI", operation, *skips, number))
    return b"".join(instructions)

"""The system calls that a submission may not make, as a filter in the kernel.

The namespaces of the sandbox do not cover them, and no other code of a course needs them. A filter
sees numbers, not files: what is harmless on a submission's own files is refused for the sake of
those that all share. Calls that need rights are not listed; a submission has none. See the kernel's
documentation, "Seccomp BPF".
"""

import errno
import platform
import struct

from mnist_course.errors import CourseError

# Numbers of <asm/unistd.h>: x86_64, aarch64; None if the processor has no such call.
# fmt: off
REFUSED: dict[str, tuple[int, int | None]] = {
    # Memory that counts for no process.
    "shmget": (29, 194), "semget": (64, 190), "msgget": (68, 186), "mq_open": (240, 180),
    "memfd_create": (319, 279), "memfd_secret": (447, 447), "io_setup": (206, 0),
    # Keys belong to a user, and other submissions have the same one.
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219),
    # The kernel itself acts for a process, in code where many of its holes were.
    "perf_event_open": (298, 241), "bpf": (321, 280), "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425), "modify_ldt": (154, None), "personality": (135, 92),
    # Further filters take memory that counts for no process.
    "seccomp": (317, 277),
    # One process looks into another.
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "kcmp": (312, 272), "pidfd_getfd": (438, 438),
    # All submissions read the same files of the system. Those that run at the same time could talk
    # through locks on them, notices of their use, and which of their pages are in memory.
    "flock": (73, 32), "inotify_init": (253, None), "inotify_init1": (294, 26),
    "fanotify_init": (300, 262), "mincore": (27, 232), "cachestat": (451, 451),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    # Pages in pipes that no process has any more.
    "splice": (275, 76), "tee": (276, 77), "vmsplice": (278, 75),
    # Another view of the machine. For clone3 the C library takes clone, whose flags can be seen.
    "clone3": (435, 435), "unshare": (272, 97), "setns": (308, 268), "chroot": (161, 51),
    "pivot_root": (155, 41), "mount": (165, 40), "umount2": (166, 39), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431), "fsmount": (432, 432),
    "fspick": (433, 433), "mount_setattr": (442, 442),
}
# fmt: on
# No option matters to a socket here, and some take memory or run a filter in the kernel. As
# `multiprocessing` fails without an answer, each is answered as if it had been set.
GRANTED: dict[str, tuple[int, int | None]] = {"setsockopt": (54, 208)}

# Operations on the accumulator, and where struct seccomp_data keeps what they load.
_LOAD, _AND, _IF_EQUAL, _IF_AT_LEAST, _IF_ANY, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND, _FOURTH = 0, 4, 16, 24, 40
_ALLOW, _ANSWER = 0x7FFF0000, 0x00050000  # the latter with the number of an error, or 0

_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # of <linux/audit.h>
_SECOND_NUMBERING = 0x40000000  # of x86_64, for its x32 programs
_SHARED_ANONYMOUS = 0x01 | 0x20  # MAP_SHARED | MAP_ANONYMOUS
_AF_UNIX = 1
_NEW_NAMESPACES, _THREAD, _FILES = 0x7E020000, 0x00010000, 0x00000400  # of <linux/sched.h>
_SET_LOCK = (6, 7)  # F_SETLK, F_SETLKW
_OTHER_LOCKS = (5, 36, 37, 38)  # F_GETLK, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW
_LEASES_NOTICES_LARGE_PIPES = (1024, 1025, 1026, 1031)
_SET_SECCOMP = 22
_LIMIT_OF_CORES = 4

# A step is an operation, its number, and where to go on if it is a test: if it holds, and if not.
_Step = tuple[int, int, str, str]
# Calls that depend on their arguments; each ends in a decision.
_JUDGED: dict[tuple[int, int], list[_Step]] = {
    # mmap: shared memory without a file is memory that counts for no process.
    (9, 222): [
        (_LOAD, _FOURTH, "", ""),
        (_AND, _SHARED_ANONYMOUS, "", ""),
        (_IF_EQUAL, _SHARED_ANONYMOUS, "refuse", "allow"),
    ],
    # socket, socketpair: without a network no other family is of use, and they are much code.
    (41, 198): [(_LOAD, _FIRST, "", ""), (_IF_EQUAL, _AF_UNIX, "allow", "no family")],
    (53, 199): [(_LOAD, _FIRST, "", ""), (_IF_EQUAL, _AF_UNIX, "allow", "no family")],
    # clone: a thread with open files of its own would hide them from the count.
    (56, 220): [
        (_LOAD, _FIRST, "", ""),
        (_IF_ANY, _NEW_NAMESPACES, "refuse", ""),
        (_AND, _THREAD | _FILES, "", ""),
        (_IF_EQUAL, _THREAD, "refuse", "allow"),
    ],
    # fcntl: locks on shared files, see above. SQLite, which IPython's history needs, locks its own
    # file, and gets a lock that is none. A pipe may not grow to 16 times its usual memory.
    (72, 25): [
        (_LOAD, _SECOND, "", ""),
        *((_IF_EQUAL, command, "grant", "") for command in _SET_LOCK),
        *((_IF_EQUAL, command, "refuse", "") for command in _OTHER_LOCKS),
        *((_IF_EQUAL, command, "refuse", "") for command in _LEASES_NOTICES_LARGE_PIPES),
        (_IF_EQUAL, 0, "allow", "allow"),
    ],
    # prctl: the other way to add a filter.
    (157, 167): [(_LOAD, _FIRST, "", ""), (_IF_EQUAL, _SET_SECCOMP, "refuse", "allow")],
    # setrlimit, prlimit64: a lower limit would allow what this one forbids; see `forkserver`.
    (160, 164): [(_LOAD, _FIRST, "", ""), (_IF_EQUAL, _LIMIT_OF_CORES, "refuse", "allow")],
    (302, 261): [(_LOAD, _SECOND, "", ""), (_IF_EQUAL, _LIMIT_OF_CORES, "refuse", "allow")],
}


def refuse() -> bytes:
    """Write the filter, which answers that there is no such call.

    Returns
    -------
    bytes
        The program as the kernel reads it.

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
    steps: list[_Step] = [
        (_LOAD, _ARCHITECTURE, "", ""),
        (_IF_EQUAL, _ARCHITECTURES[machine], "", "refuse"),
        (_LOAD, _NUMBER, "", ""),
        (_IF_AT_LEAST, _SECOND_NUMBERING, "refuse", ""),
    ]
    for calls, answer in ((REFUSED, "refuse"), (GRANTED, "grant")):
        for numbers in calls.values():
            if (number := numbers[column]) is not None:
                steps.append((_IF_EQUAL, number, answer, ""))
    places = {}
    for numbers, judgment in _JUDGED.items():
        others = f"other than {numbers}"
        steps += [(_IF_EQUAL, numbers[column], "", others), *judgment]
        places[others] = len(steps)
    for label, returned in (
        ("allow", _ALLOW),
        ("grant", _ANSWER),
        ("refuse", _ANSWER | errno.ENOSYS),
        ("no family", _ANSWER | errno.EAFNOSUPPORT),
    ):
        places[label] = len(steps)
        steps.append((_RETURN, returned, "", ""))
    instructions = []
    for here, (operation, number, *labels) in enumerate(steps):
        skips = [places[label] - here - 1 if label else 0 for label in labels]
        instructions.append(struct.pack("=HBBI", operation, *skips, number))
    return b"".join(instructions)

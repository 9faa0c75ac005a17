"""Keep the secret of a course: with it, nobody can know what the hidden tests will put in."""

import hashlib
import os
import re
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from mnist_course.errors import CourseError

from .settings import Course

_HEX = re.compile(r"[0-9a-f]{64}")


def read_seed(course: Course, assignment: str) -> int:
    """Return what decides the inputs of the hidden tests of an assignment.

    Parameters
    ----------
    course : Course
        The course. Its secret, ``grading/secret``, is made if there is none.
    assignment : str
        The name of the assignment, and the only thing that is mixed in: equal work earns equal
        points, and grading again repeats what it did.

    Returns
    -------
    int
        A number that tells nothing about the secret, nor about that of another assignment.

    Raises
    ------
    CourseError
        If the secret cannot be read or made.
    """
    path = secret_path(course)
    try:
        if not path.exists():
            _make(path)
        secret = path.read_text(encoding="ascii", errors="replace").strip()
    except OSError as error:
        raise CourseError(
            f"{path}, the secret of the hidden tests, cannot be used ({error.strerror}): make it "
            "readable, and its folder writable."
        ) from None
    if not _HEX.fullmatch(secret):
        raise CourseError(
            f"{path} does not hold a secret of 64 hexadecimal digits: restore it from a backup, or "
            "remove it to make a new one."
        )
    return int.from_bytes(hashlib.sha256(f"{secret} {assignment}".encode()).digest())


def secret_path(course: Course) -> Path:
    """Return where the secret of a course is."""
    return course.journal / "secret"


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Complete from the start, and the first one stays if two are made at once.
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".secret.") as folder:
        unfinished = Path(folder, path.name)
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, f"{secrets.token_hex(32)}\n".encode())
        finally:
            os.close(descriptor)
        with suppress(FileExistsError):
            os.link(unfinished, path)

"""Remember what has been graded, so that a run that was killed continues where it stopped."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from mnist_course._files import atomic
from mnist_course.errors import CourseError
from mnist_course.grading.judging.results import Result

LOCK = "lock"  # in the folder of the journal


@dataclass(frozen=True)
class Journal:
    """The results of an assignment, in a file for each student.

    Attributes
    ----------
    folder : pathlib.Path
        Where the files are; it need not exist.
    """

    folder: Path

    def get(self, student: str, key: str) -> Result | None:
        """Return the latest result of a student; None if it has another key, or if there is none.

        A file that somebody has changed, or that is damaged, counts as none.
        """
        try:
            document = json.loads(self._file(student).read_bytes())
            return Result.from_dict(document["result"]) if document["key"] == key else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def add(self, student: str, key: str, result: Result) -> None:
        """Keep the latest result of a student.

        Parameters
        ----------
        student : str
            The name of the folder of the student.
        key : str
            Stands for the submission and all that decides its grade.
        result : Result
            What became of it.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic(self._file(student)) as temporary:
            temporary.write_text(json.dumps({"key": key, "result": result.to_dict()}))

    def _file(self, student: str) -> Path:
        return self.folder / f"{student}.json"


@contextmanager
def only_run(path: Path) -> Iterator[None]:
    """Make sure that nobody else writes grades meanwhile, by a lock that goes with the process.

    Parameters
    ----------
    path : pathlib.Path
        The file to lock; it is made.

    Raises
    ------
    CourseError
        If another process holds the lock.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock = FileLock(path).acquire(blocking=False)
    except Timeout:
        raise CourseError(
            f"another run is grading here ({path} is locked): wait until it has ended, or end it; "
            "what it has graded stays."
        ) from None
    with lock:
        yield

"""Find out who submitted a file, as a plug-in of ``nbgrader zip_collect``.

In ``nbgrader_config.py``::

    c.ZipCollectApp.collector_plugin = "mnist_course.grading.nbgrader.SafeCollector"
"""

import re
from pathlib import Path
from typing import Any

from nbgrader.plugins import FileNameCollectorPlugin

from mnist_course._untrusted import LONGEST_LINE, quote
from mnist_course.grading.course.roster import STUDENT_ID

from .archives import split_name
from .read import RejectedError, is_date

# As it can be in the name of a file. nbgrader would take the minutes or seconds for a time zone.
TIME_IN_NAME = re.compile(r"(\d{4}-\d\d-\d\d)-(\d\d)-(\d\d)(?:-(\d\d))?", re.ASCII)


class SafeCollector(FileNameCollectorPlugin):  # type: ignore[misc]
    """Collect files by their names as nbgrader does, but skip those whose names may do harm.

    The regular expression sees the whole path of a file, of which a learner may have chosen the
    end. Student id and timestamp must therefore come from the name of a file or an archive as it
    was downloaded, or of a folder above it. An archive of a whole class has to be unpacked into the
    archive directory first.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._collected: dict[tuple[str, str], bool] = {}

    def collect(self, submitted_file: str) -> dict[str, str | None] | None:
        """Say whose file it is.

        Parameters
        ----------
        submitted_file : str
            The path of a file that was extracted or copied.

        Returns
        -------
        dict of str to str or None
            What the regular expression finds; None if the file is to be skipped. A timestamp such
            as ``2026-03-31-17-45`` becomes ``2026-03-31 17:45:00``.
        """
        found: dict[str, str | None] | None = super().collect(submitted_file)
        if found and TIME_IN_NAME.fullmatch(found.get("timestamp") or ""):
            found["timestamp"], _ = time_in_name(found["timestamp"] or "")
        if found and (problem := self._problem(submitted_file, found)):
            self.log.warning("Skipped %s: %s", quote(submitted_file, LONGEST_LINE), problem)
            return None
        return found

    def _problem(self, file: str, found: dict[str, str | None]) -> str:
        """Say why a file is not to be collected, or nothing."""
        student, name, time = (found.get(key) for key in ("student_id", "file_id", "timestamp"))
        if student is None or not STUDENT_ID.fullmatch(student):
            given = quote(student or "")
            return f"{given} is no student id; expected letters, digits and any of . @ + -"
        if name is None or not _is_file_name(name):
            return f"{quote(name or '')} is no name of a notebook; expected one as it was released."
        if time and not is_date(time):
            return f"{quote(time)} is no timestamp; expected one such as 2026-03-31 18:00:00 UTC."
        if self._is_chosen_by_author(file, found):
            return (
                "its student id or its timestamp is a name inside an archive, which its author "
                "chose; expected them in the name of the archive: for an archive of a whole class, "
                "unpack it into the archive directory."
            )
        if not self._is_newest(student, name, time):
            return "there is another one, and no timestamps say which is newer: the other is kept."
        return ""

    def _is_chosen_by_author(self, file: str, found: dict[str, str | None]) -> bool:
        """Tell whether the student id or the timestamp reaches into what was unpacked."""
        match = re.match(self.named_regexp, file)
        keys = [key for key in ("student_id", "timestamp") if key in found]
        trusted = len(str(self._trusted(Path(file))))
        return match is not None and max(map(match.end, keys)) > trusted

    def _is_newest(self, student: str, name: str, time: str | None) -> bool:
        """Tell whether this is the first such notebook, or nbgrader can compare timestamps."""
        notebook = (student, Path(name).stem)
        if notebook in self._collected and not (time and self._collected[notebook]):
            return False
        self._collected[notebook] = bool(time)
        return True

    def _trusted(self, file: Path) -> Path:
        """Return the part of a path that was downloaded so, rather than unpacked."""
        app = self.parent
        archive = Path(app._format_collect_path(app.archive_directory))
        extracted = Path(app._format_collect_path(app.extracted_directory))
        trusted = Path()
        for part in file.relative_to(extracted).parts:
            trusted /= part
            if not (archive / trusted).is_dir():
                break
        return extracted / trusted


def time_in_name(text: str) -> tuple[str, str]:
    """Read a time at the beginning of a name.

    Parameters
    ----------
    text : str
        Such as "2026-03-31-17-45_02_normalizing".

    Returns
    -------
    time : str
        Such as "2026-03-31 17:45:00"; empty if there is none.
    rest : str
        What follows.
    """
    found = TIME_IN_NAME.match(text)
    if not found:
        return "", text
    day, hour, minute, second = found.groups(default="00")
    return f"{day} {hour}:{minute}:{second}", text[found.end() :].removeprefix("_")


def _is_file_name(name: str) -> bool:
    try:
        return bool(split_name(name))
    except RejectedError:
        return False

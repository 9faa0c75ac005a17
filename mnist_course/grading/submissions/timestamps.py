"""Let nbgrader's formgrader open, whatever stands in a submission's ``timestamp.txt``."""

import datetime
from pathlib import Path

from nbgrader.apps.api import NbGraderAPI
from nbgrader.utils import parse_utc

from .read import read_timestamp


def tolerate_timestamps() -> None:
    """Read a submission's time in the formgrader as in grading.

    nbgrader takes the bytes of each file for a date in UTF-8. One that Notepad has saved, or that
    holds no date, ends its list of a whole assignment with an error 500. There is no setting for
    that, so the one method that opens these files is replaced.
    """
    NbGraderAPI.get_submitted_timestamp = _submitted_timestamp


def _submitted_timestamp(
    api: NbGraderAPI, assignment_id: str, student_id: str
) -> datetime.datetime | None:
    directory = api.coursedir.submitted_directory
    folder = Path(api.coursedir.format_path(directory, student_id, assignment_id))
    text = read_timestamp(folder.absolute(), folder.absolute().parents[1])
    return parse_utc(text) if text else None

"""The formgrader opens, whatever somebody has saved as timestamp.txt."""

import codecs
import datetime
from pathlib import Path

import nbformat
import pytest
from nbgrader.apps.api import NbGraderAPI

from mnist_course.grading.course.assignment import read_assignment
from mnist_course.grading.course.settings import read_course
from mnist_course.grading.gradebook.records import ensure_assignment
from mnist_course.grading.submissions.read import read_timestamp, timestamp_problem

NAME = "01_double"
TEXT = "2026-04-02 09:00:00 UTC"
DATE = datetime.datetime(2026, 4, 2, 9, 0)


@pytest.mark.parametrize(
    ("content", "date"),
    [
        (TEXT.encode(), DATE),
        (codecs.BOM_UTF8 + TEXT.encode(), DATE),
        (TEXT.encode("utf-16"), DATE),
        (codecs.BOM_UTF16_BE + f"{TEXT}\r\n".encode("utf-16-be"), DATE),
        (b"\xff\xfe\xff", None),
        (b"\xff\xff\xff", None),
        (b"yesterday", None),
        (b"", None),
    ],
)
def test_list_of_the_formgrader_opens(course: Path, content: bytes, date: object) -> None:
    settings = read_course(course)
    ensure_assignment(settings, read_assignment(settings.source, NAME))
    folder = course / "submitted" / "ada" / NAME
    folder.mkdir(parents=True)
    (folder / f"{NAME}.ipynb").write_text(nbformat.writes(nbformat.v4.new_notebook()))
    (folder / "timestamp.txt").write_bytes(content)
    api = NbGraderAPI(settings.coursedir, config=settings.config)
    (listed,) = api.get_submissions(NAME)
    assert listed["timestamp"] == (date.isoformat() if date else None) or date is not None
    assert api.get_submitted_timestamp(NAME, "ada") == date
    assert (read_timestamp(folder) is None) == (date is None)
    assert bool(timestamp_problem(folder)) == (date is None)

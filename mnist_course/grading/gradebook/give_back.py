"""Give pages of feedback back: in an archive for Moodle or by student, or by nbgrader's exchange.

In ``nbgrader_config.py``::

    c.ExchangeFactory.release_feedback = "mnist_course.grading.nbgrader.ReleaseFeedback"
"""

import glob
import zipfile
from dataclasses import dataclass
from pathlib import Path

from nbgrader.exchange.default import ExchangeReleaseFeedback

from mnist_course._files import atomic
from mnist_course._text import counted
from mnist_course._untrusted import printable
from mnist_course.errors import CourseError
from mnist_course.grading.course.settings import Course
from mnist_course.grading.submissions.collect_class import moodle_prefixes
from mnist_course.grading.submissions.read import read_secret, read_timestamp

LAYOUTS = ("moodle", "folders")
MOST_NAMES = 5  # in a sentence


@dataclass(frozen=True)
class Packed:
    """An archive of pages.

    Attributes
    ----------
    file : pathlib.Path
        The archive.
    pages : int
        How many pages it has.
    left_out : list of str
        The students whose pages Moodle would not know where to put.
    """

    file: Path
    pages: int
    left_out: list[str]


def pack_feedback(course: Course, assignment: str, layout: str) -> Packed:
    """Pack the pages of an assignment as they lie in ``feedback/``.

    Parameters
    ----------
    course : Course
        The course.
    assignment : str
        The name of the assignment.
    layout : str
        "moodle" for what Moodle takes under "Upload multiple feedback files in a zip": a page
        for each student, under the name that Moodle gave the student's work. "folders" for a
        folder for each student, under the id.

    Returns
    -------
    Packed
        The archive, ``feedback/ASSIGNMENT-LAYOUT.zip``.

    Raises
    ------
    CourseError
        If there is no such layout, no page, or nothing that came from Moodle.
    """
    if layout not in LAYOUTS:
        raise CourseError(f"There is no layout {layout!r}: choose one of {', '.join(LAYOUTS)}.")
    name = f"{assignment}.html"
    pages = {
        page.parts[-3]: page for page in sorted(course.feedback.glob(f"*/{assignment}/{name}"))
    }
    if not pages:
        raise CourseError(
            f"{course.feedback} has no pages on {assignment}: run 'mnist-course feedback "
            f"{assignment}' first."
        )
    prefixes = {student: f"{student}/" for student in pages}
    if layout == "moodle":
        prefixes = moodle_prefixes(course, assignment)
        if not prefixes.keys() & pages.keys():
            raise CourseError(
                f"No graded work on {assignment} came from Moodle: collect its archive with "
                f"'mnist-course collect {assignment} FILE.zip', or choose the layout 'folders'."
            )
    packed = {student: page for student, page in pages.items() if student in prefixes}
    file = course.feedback / f"{assignment}-{layout}.zip"
    with (
        atomic(file) as unfinished,
        zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for student, page in packed.items():
            archive.write(page, f"{prefixes[student]}{name}")
    return Packed(file, len(packed), sorted(pages.keys() - packed.keys()))


class ReleaseFeedback(ExchangeReleaseFeedback):  # type: ignore[misc]
    """Releases the pages of work that came through the exchange, and says which others stay.

    nbgrader stops with a traceback at the first page of work that came another way: the exchange
    does not know whose it is.
    """

    def copy_files(self) -> None:
        """Copy the pages into the exchange."""
        name, student = self.coursedir.assignment_id, self.coursedir.student_id or "*"
        pages = Path(self.coursedir.root, self.coursedir.feedback_directory)
        folders = sorted(pages.glob(f"{student}/{name}"))
        known = [folder for folder in folders if read_secret(folder) and read_timestamp(folder)]
        others = [folder.parent.name for folder in folders if folder not in known]
        for folder in known:
            self.src_path = glob.escape(str(folder))
            super().copy_files()
        if not others:
            return
        more = f" and {len(others) - MOST_NAMES:,} more" if len(others) > MOST_NAMES else ""
        some = ", ".join(map(printable, others[:MOST_NAMES]))
        message = (
            f"{counted(len(others), 'page')} of feedback on {name} not released, as the work did "
            f"not come through the exchange ({some}{more}): give it back "
            f"with 'mnist-course feedback {name} --archive moodle', or '--archive folders'."
        )
        if not known:
            self.fail(message)
        self.log.warning(message)

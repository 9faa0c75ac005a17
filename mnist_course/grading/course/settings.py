"""Read the folder of a course: where things are, and how its instructor wants grading done."""

import dataclasses
import logging
import math
import sys
import warnings
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.apps import NbGraderApp
from nbgrader.coursedir import CourseDirectory
from sqlalchemy.engine import make_url
from traitlets import Float, Integer, TraitError, Unicode, validate
from traitlets.config import Config, Configurable

import mnist_course
from mnist_course.errors import CourseError
from mnist_course.grading.sandbox.limits import Limits

CONFIG = "nbgrader_config.py"
STRUCTURE = "{nbgrader_step}/{student_id}/{assignment_id}"


class Grading(Configurable):
    """How submissions are graded, as ``c.Grading`` in ``nbgrader_config.py`` says.

    The first ones are the limits of one submission, all its processes together; see `Limits`.
    """

    memory = Integer(4 * 2**30, help="Bytes of memory.").tag(config=True)
    disk = Integer(512 * 2**20, help="Bytes in all files.").tag(config=True)
    file_size = Integer(256 * 2**20, help="Bytes in each file.").tag(config=True)
    open_files = Integer(256, help="Open files of each process.").tag(config=True)
    processes = Integer(1024, help="Processes and threads.").tag(config=True)
    cpu_seconds = Float(3600.0, help="Seconds of all cores.").tag(config=True)
    seconds_per_cell = Float(600.0, help="Seconds for a cell of the notebook.").tag(config=True)
    seconds_per_call = Float(30.0, help="Seconds for an answer to a hidden test.").tag(config=True)
    seconds_per_submission = Float(
        1800.0, help="Seconds from the first cell to the last answer."
    ).tag(config=True)
    output = Integer(2**20, help="Characters that are kept of what the cells show.").tag(
        config=True
    )
    answer = Integer(2**26, help="Bytes of an answer to a hidden test.").tag(config=True)
    labelled_images = Unicode(
        "",
        help="A private labelled set that the gates use instead of the test set: the path of an "
        ".npz file with the arrays images, (n, 28, 28) uint8, and labels, (n,).",
    ).tag(config=True)

    @validate(*(field.name for field in dataclasses.fields(Limits)))
    def _positive(self, proposal: Any) -> Any:
        if not 0 < proposal.value < math.inf:
            name, value = proposal.trait.name, proposal.value
            raise TraitError(f"Grading.{name} is {value}: expected a positive number.")
        return proposal.value

    def limits(self) -> Limits:
        """Return what one submission may use."""
        return Limits(
            **{field.name: getattr(self, field.name) for field in dataclasses.fields(Limits)}
        )


@dataclass(frozen=True)
class Course:
    """The folder of a course.

    Attributes
    ----------
    root : pathlib.Path
        The folder itself, absolute.
    coursedir : nbgrader.coursedir.CourseDirectory
        What nbgrader knows of it.
    config : traitlets.config.Config
        All that nbgrader has read, for its converters and preprocessors.
    grading : Grading
        How submissions are graded.
    """

    root: Path
    coursedir: CourseDirectory
    config: Config
    grading: Grading

    @property
    def source(self) -> Path:
        """The folder of the source notebooks, with their solutions."""
        return Path(self.root, self.coursedir.source_directory)

    @property
    def released(self) -> Path:
        """The folder of the exercises."""
        return Path(self.root, self.coursedir.release_directory)

    @property
    def submitted(self) -> Path:
        """The folder of what learners handed in."""
        return Path(self.root, self.coursedir.submitted_directory)

    @property
    def autograded(self) -> Path:
        """The folder of the notebooks as they were graded."""
        return Path(self.root, self.coursedir.autograded_directory)

    @property
    def feedback(self) -> Path:
        """The folder of what learners get back."""
        return Path(self.root, self.coursedir.feedback_directory)

    @property
    def journal(self) -> Path:
        """The folder of the journal, the logs, and the history of points."""
        return self.root / "grading"

    @property
    def course_id(self) -> str:
        """The name of the course in the gradebook."""
        return str(self.coursedir.course_id)

    @property
    def db_url(self) -> str:
        """The URL of the gradebook; a file is named by its absolute path."""
        url = make_url(self.coursedir.db_url)
        if url.get_backend_name() == "sqlite" and url.database:
            # nbgrader takes it from the folder of the course, in which it works.
            url = url.set(database=str(self.root / url.database))
        return url.render_as_string(hide_password=False)

    def relative(self, path: Path) -> Path:
        """Return a path as seen from the folder of the course, if it lies in there."""
        return path.relative_to(self.root) if path.is_relative_to(self.root) else path


def read_course(root: Path) -> Course:
    """Read the settings of a course, as nbgrader would if it were started in its folder.

    Parameters
    ----------
    root : pathlib.Path
        The folder with ``nbgrader_config.py``. It is added to the end of `sys.path`: nbgrader finds
        the plug-ins of a course there. Before it comes the folder of this package, so that the
        processes of a run do not take another copy of it that lies in the folder of the course.

    Returns
    -------
    Course
        The course. The instructor's own Jupyter configuration counts, too.

    Raises
    ------
    CourseError
        If there is no ``nbgrader_config.py``, or if it cannot be used.
    """
    root = root.absolute()
    if not (root / CONFIG).is_file():
        raise CourseError(
            f"{root} has no {CONFIG}: name the folder of the course with --course DIR."
        )
    log = _Log()
    app = NbGraderApp(log=log, raise_config_file_errors=True)
    folders = [str(Path(mnist_course.__file__).parents[1]), str(root)]
    path = [*sys.path, *(folder for folder in folders if folder not in sys.path)]
    try:
        with chdir(root), warnings.catch_warnings():
            # A setting that does not exist is a slip of the pen.
            warnings.filterwarnings("error", "Config option", UserWarning)
            app.initialize([])
            make_url(app.coursedir.db_url)
            grading = Grading(config=app.config)
    except SystemExit:
        raise _faulty(root, log.last) from None
    # The configuration is code, and may raise anything.
    except Exception as error:
        raise _faulty(root, f"{type(error).__name__}: {error}") from None
    finally:
        sys.path[:] = path
    coursedir = app.coursedir
    if Path(coursedir.directory_structure) != Path(STRUCTURE):
        raise CourseError(
            f"{root / CONFIG} sets CourseDirectory.directory_structure to "
            f"{coursedir.directory_structure!r}: leave it as it is, {STRUCTURE!r}."
        )
    return Course(Path(coursedir.root), coursedir, app.config, grading)


def _faulty(root: Path, reason: str) -> CourseError:
    reason = " ".join(reason.split()).rstrip(".")
    return CourseError(f"{root / CONFIG} cannot be used ({reason}): correct it.")


class _Log(logging.Logger):
    """A log that says nothing, and remembers what it was told last."""

    def __init__(self) -> None:
        super().__init__("course", logging.WARNING)
        self.last = ""

    def handle(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()

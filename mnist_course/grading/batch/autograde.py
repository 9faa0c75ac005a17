"""Plug-ins for ``nbgrader autograde``, which formgrader runs, too: grade as this course does.

nbgrader converts each notebook twice: from ``submitted/`` to ``autograded/``, and again in there.
The first time, `SubmissionExporter` leaves it to `SandboxedGrading` to read what was handed in, to
run and judge it, and to record what came of it. The second time, nothing is left to do. In
``nbgrader_config.py``::

    c.Autograde.exporter_class = "mnist_course.grading.nbgrader.SubmissionExporter"
    c.Autograde.sanitize_preprocessors = ["mnist_course.grading.nbgrader.SandboxedGrading"]
    c.Autograde.autograde_preprocessors = []
"""

import datetime
import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode, v4
from nbgrader.converters.base import NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor
from nbgrader.utils import parse_utc

from mnist_course._untrusted import LONGEST_LINE, printable
from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import Assignment, read_assignment, read_notebook
from mnist_course.grading.course.roster import folder_problem
from mnist_course.grading.course.secret import read_seed
from mnist_course.grading.course.settings import Course, Grading
from mnist_course.grading.gradebook.history import MadeFrom, refuse_two_secrets, sources
from mnist_course.grading.gradebook.records import record
from mnist_course.grading.judging.labelled import Labelled, read_labelled
from mnist_course.grading.judging.results import Result
from mnist_course.grading.judging.scoring import hidden_points, reject
from mnist_course.grading.judging.supervisor import Judges
from mnist_course.grading.sandbox.supervisor import Sandbox, available
from mnist_course.grading.submissions.find import find_notebook
from mnist_course.grading.submissions.read import (
    RejectedError,
    read_secret,
    read_timestamp,
    timestamp_problem,
)

WRITABLE = 0o644


class SubmissionExporter(NotebookExporter):
    """Opens no file of an untrusted user, and keeps what `SandboxedGrading` needs for a whole run.

    Attributes
    ----------
    course : Course
        The course whose submissions are graded.
    labelled : tuple of (ndarray, ndarray) or None
        See `scoring.score`.
    seed : int
        See `secret.read_seed`.

    Raises
    ------
    nbgrader.converters.base.NbGraderException
        If submissions cannot be graded here. None has been touched then.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.converter = cast(Any, self.parent)  # nbgrader's Autograde
        coursedir, config = self.converter.coursedir, self.converter.config
        self.course = Course(Path(coursedir.root), coursedir, config, Grading(config=config))
        self.labelled: Labelled | None = None
        self.seed = 0
        self._stack = ExitStack()
        self._bench: tuple[Judges, Sandbox] | None = None
        # Without submissions, it is `gradebook.record` that exports what has been graded.
        if self.converter.assignments:
            try:
                self._prepare()
            except CourseError as error:
                self.log.error("%s", error)
                raise NbGraderException(str(error)) from None
            self.converter.coursedir = _careful(coursedir)

    def from_filename(
        self, filename: str, resources: dict[str, Any] | None = None, **kw: Any
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Convert a notebook; one that was handed in is not read, and starts as an empty one."""
        if Path(filename).is_relative_to(self.course.submitted):
            empty = v4.new_notebook()
            return self.from_notebook_node(empty, resources, **kw)  # type: ignore[no-any-return, no-untyped-call]
        return super().from_filename(filename, resources, **kw)

    @contextmanager
    def bench(self, assignment: Assignment, folder: Path) -> Iterator[tuple[Judges, Sandbox]]:
        """Offer judges and a sandbox for all submissions: they take seconds to start.

        Parameters
        ----------
        assignment : Assignment
            What was asked.
        folder : pathlib.Path
            The submission. After the last one, or if something goes wrong, both end.
        """
        if self._bench is None:
            judges = Judges(assignment, seed=self.seed, labelled=self.labelled)
            self._stack.enter_context(judges)
            sandbox = self._stack.enter_context(
                Sandbox(self.course.grading.limits(), assignment.imports)
            )
            self._bench = judges, sandbox
        last = True
        try:
            yield self._bench
            last = folder == Path(max(self.converter.assignments))
        finally:
            if last:
                self._bench = None
                self._stack.close()

    def _prepare(self) -> None:
        if reason := available():
            raise CourseError(f"{reason} Grading needs it, as it runs the code of untrusted users.")
        if path := self.course.grading.labelled_images:
            self.labelled = read_labelled(self.course.root / path)
        name = self.course.coursedir.assignment_id
        assignment = read_assignment(self.course.source, name)
        hidden_points(assignment.tests)  # or say what is wrong
        self.seed = read_seed(self.course, name)
        refuse_two_secrets(self.course, name, self.sources(assignment))

    def sources(self, assignment: Assignment) -> MadeFrom:
        """Return what decides a grade besides the submission."""
        tests = assignment.tests.read_text(encoding="utf-8")
        limits = self.course.grading.limits()
        return sources(assignment.notebook, tests, limits, self.labelled, self.seed)


class SandboxedGrading(NbGraderPreprocessor):  # type: ignore[misc]
    """Grades a submission: reads, runs, judges and records it."""

    def preprocess(
        self,
        nb: NotebookNode,  # noqa: ARG002 (nbconvert's)
        resources: dict[str, Any],
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Grade a submission.

        Parameters
        ----------
        nb : nbformat.NotebookNode
            Any notebook; the one that was handed in is read here.
        resources : dict
            Whose submission it is, and for which assignment, as nbgrader says it.

        Returns
        -------
        nb : nbformat.NotebookNode
            The notebook as it was recorded.
        resources : dict
            As before.

        Raises
        ------
        CourseError
            If it cannot be graded or recorded.
        """
        course = self.parent.course
        student, name = (resources["nbgrader"][key] for key in ("student", "assignment"))
        folder = course.submitted / student / name
        if problem := folder_problem(student):
            raise CourseError(f"{printable(student)}: {problem}")
        assignment = read_assignment(course.source, name)
        submission, result = self._grade(assignment, folder)
        for reason in filter(None, [result.reason, *(c.review for c in result.cells.values())]):
            self.log.warning("%s: %s", printable(student), printable(reason, LONGEST_LINE))
        root = course.submitted
        timestamp, secret = read_timestamp(folder, root), read_secret(folder, root)
        made_from = {
            **self.parent.sources(assignment),
            "submission": submission,
            "versions": result.versions,
        }
        record(course, assignment, student, result, timestamp, secret, made_from)
        path = course.autograded / student / name / f"{name}.ipynb"
        path.chmod(WRITABLE)  # nbgrader writes the same there again
        return read_notebook(path), resources

    def _grade(self, assignment: Assignment, folder: Path) -> tuple[str, Result]:
        """Return the SHA-256 of what was handed in, empty if it cannot be read, and the result."""
        digest = ""
        root = self.parent.course.submitted
        try:
            found = find_notebook(folder, assignment, root)
            digest = hashlib.sha256(found.data).hexdigest()
        except RejectedError as error:
            return digest, reject(assignment, str(error))
        for notice in filter(None, [found.notice, timestamp_problem(folder, root)]):
            self.log.warning("%s: %s", printable(str(folder), LONGEST_LINE), notice)
        with self.parent.bench(assignment, folder) as (judges, sandbox):
            return digest, judges.grade(found.data, sandbox.spawn, sandbox.limits)


class _CarefulDirectory(CourseDirectory):  # type: ignore[misc]
    """The folders of the course, in which nbgrader does not open what learners put there."""

    def get_existing_timestamp(self, dest_path: str) -> datetime.datetime | None:
        """Read when a submission was handed in."""
        text = read_timestamp(Path(dest_path))
        return parse_utc(text) if text else None


def _careful(coursedir: CourseDirectory) -> _CarefulDirectory:
    settings = {name: getattr(coursedir, name) for name in coursedir.trait_names(config=True)}
    # nbgrader copies all that lies beside a notebook, and follows links. Nothing of it is needed.
    return _CarefulDirectory(parent=coursedir.parent, **{**settings, "ignore": ["*", ".*"]})

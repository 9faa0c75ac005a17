"""Grade a class: read what came back, spread it over the workers, and record what comes of it."""

import hashlib
import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
from distributed import Client

from mnist_course._text import counted
from mnist_course._untrusted import LONGEST_LINE, printable
from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import Assignment, read_assignment
from mnist_course.grading.course.roster import folder_problem, read_roster
from mnist_course.grading.course.secret import read_seed
from mnist_course.grading.course.settings import Course
from mnist_course.grading.gradebook import history
from mnist_course.grading.gradebook.history import MadeFrom
from mnist_course.grading.gradebook.records import (
    ensure_assignment,
    read_lateness,
    record,
    recorded,
)
from mnist_course.grading.judging.labelled import read_labelled
from mnist_course.grading.judging.results import Result
from mnist_course.grading.judging.scoring import reject
from mnist_course.grading.sandbox.supervisor import available
from mnist_course.grading.submissions.find import find_notebook
from mnist_course.grading.submissions.read import (
    RejectedError,
    read_secret,
    read_timestamp,
    timestamp_problem,
)

from .cluster import connect, grade_all
from .journal import LOCK, Journal, only_run
from .worker import Job


@dataclass(frozen=True)
class Graded:
    """A submission at the end of a run.

    Attributes
    ----------
    student : str
        The name of the folder of the student.
    result : Result or None
        What became of the submission; None if it could not be graded.
    problem : str
        Why the result is not in the gradebook; empty if it is there.
    notice : str
        What there is to say of the files that were handed in; empty if nothing.
    """

    student: str
    result: Result | None
    problem: str = ""
    notice: str = ""

    @property
    def name(self) -> str:
        """The student as it can be printed."""
        return printable(self.student)

    @property
    def outcome(self) -> str:
        """The status of the result, or that there is none."""
        return self.result.status if self.result else "not graded"

    @property
    def points(self) -> str:
        """The points of all possible ones; empty if there is no result."""
        return f"{self.result.score:g} of {self.result.max_score:g}" if self.result else ""

    @property
    def reason(self) -> str:
        """What there is to say of it: to run again, to look at, or nothing."""
        cells = self.result.cells.items() if self.result else ()
        reviews = [f"{name}: {cell.review}" for name, cell in cells if cell.review]
        reason = self.result.reason if self.result else ""
        return " ".join(filter(None, [self.problem, reason, self.notice, *reviews]))

    @property
    def failed(self) -> bool:
        """Whether a person should know at once."""
        return bool(self.problem) or self.outcome != "graded"


def grade(
    course: Course,
    name: str,
    *,
    students: list[str] | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    regrade: bool = False,
    confined: bool = True,
    report: Callable[[Graded, int, int], None] = lambda *_: None,
) -> list[Graded]:
    """Grade the submissions of an assignment.

    Parameters
    ----------
    course : Course
        Where submissions are, and where grades go.
    name : str
        The name of the assignment.
    students : list of str, optional
        Whose submissions to grade; by default, all.
    workers, scheduler : optional
        See `cluster.connect`.
    regrade : bool, default False
        Also grade again what has not changed since it was graded.
    confined : bool, default True
        Run submissions in the sandbox.
    report : callable, optional
        Called with each submission when it is done, and how many are done, of how many.

    Returns
    -------
    list of Graded
        The submissions, sorted by student.

    Raises
    ------
    CourseError
        If the run cannot start, or cannot go on. What was graded until then stays. It does not
        start if there are grades made with another secret, unless it grades everybody again.

    Notes
    -----
    A result is first kept in the journal, then written to the gradebook and ``autograded/``.
    Whatever a run that ended early left out, the next one does, and nothing twice.
    """
    assignment = read_assignment(course.source, name)
    read_roster(course.root)  # or say what is wrong
    if confined and scheduler is None and (reason := available()):
        raise CourseError(f"{reason} Grading needs it, as it runs the code of untrusted users.")
    chosen = _students(course, name, students)
    folder = course.journal
    with _open_log(folder / f"{name}.log") as log, only_run(folder / LOCK):
        run = _Run(course, assignment, confined=confined, log=log)
        if not (regrade and students is None):  # which replaces all of them
            history.refuse_two_secrets(course, name, run.sources)
        log.info("%s: %d submissions", name, len(chosen))
        done = []
        for graded in run.results(chosen, regrade=regrade, workers=workers, scheduler=scheduler):
            done.append(graded)
            report(graded, len(done), len(chosen))
        done = run.record_again(done)
        log.info("%s: done", name)
    return sorted(done, key=lambda graded: graded.student)


def to_document(name: str, seconds: float, done: list[Graded]) -> dict[str, Any]:
    """Describe a run as JSON can hold it.

    Parameters
    ----------
    name : str
        The name of the assignment.
    seconds : float
        What the run took.
    done : list of Graded
        Its submissions.

    Returns
    -------
    dict
        With ``assignment``, ``seconds`` and ``submissions``; each of these with ``student``,
        ``status``, ``reason``, ``score``, ``max_score``, ``seconds`` and ``cells``. A submission
        that could not be graded has the status "crashed" and no score.
    """
    return {
        "assignment": name,
        "seconds": round(seconds, 3),
        "submissions": [
            {
                "student": graded.student,
                "status": graded.result.status if graded.result else "crashed",
                "reason": graded.reason,
                "score": graded.result.score if graded.result else None,
                "max_score": graded.result.max_score if graded.result else None,
                "seconds": round(graded.result.seconds, 3) if graded.result else None,
                "cells": {
                    name: {
                        "points": cell.points,
                        "max_points": cell.max_points,
                        "feedback": cell.feedback,
                    }
                    for name, cell in (graded.result.cells if graded.result else {}).items()
                },
            }
            for graded in done
        ],
    }


class _Run:
    """One run over the submissions of an assignment."""

    def __init__(
        self, course: Course, assignment: Assignment, *, confined: bool, log: logging.Logger
    ) -> None:
        self.course = course
        self.assignment = assignment
        self.log = log
        labelled = course.grading.labelled_images
        self.job = Job(
            name=assignment.name,
            notebook=nbformat.writes(assignment.notebook),
            tests=assignment.tests.read_text(encoding="utf-8"),
            seed=read_seed(course, assignment.name),
            limits=course.grading.limits(),
            confined=confined,
            labelled=read_labelled(course.root / labelled) if labelled else None,
        )
        self.settings = _digest(self.job)
        self.sources = history.sources(
            assignment.notebook,
            self.job.tests,
            self.job.limits,
            self.job.labelled,
            self.job.seed,
        )
        self.journal = Journal(course.journal / assignment.name)
        self.keys: dict[str, str] = {}
        self.submissions: dict[str, str] = {}  # the SHA-256 of each file
        self.notices: dict[str, str] = {}
        ensure_assignment(course, assignment)
        self.recorded = recorded(course, assignment)
        self.lateness = read_lateness(course, assignment.name)

    def results(
        self, students: list[str], *, regrade: bool, workers: int | None, scheduler: str | None
    ) -> Iterator[Graded]:
        """Yield each submission once its result is known, and if possible recorded."""
        waiting = []
        for student in students:
            if reason := folder_problem(student):
                yield Graded(student, reject(self.assignment, reason), reason)
                continue
            submission, result = self.read(student)
            if submission is not None and not regrade:
                result = self.journal.get(student, self.keys[student])
            if result:
                yield self.record(student, result)
            else:
                waiting.append(student)
        if waiting:
            with connect(workers, scheduler) as client:
                yield from self.grade(client, waiting)

    def grade(self, client: Client, students: list[str]) -> Iterator[Graded]:
        """Let the workers grade submissions."""
        rejected: list[Graded] = []

        def submissions() -> Iterator[tuple[str, bytes]]:
            for student in students:
                submission, result = self.read(student)
                if submission is not None:
                    yield student, submission
                elif result:  # it could be read a moment ago
                    rejected.append(self.record(student, result))

        for student, result in grade_all(client, self.job, submissions()):
            if isinstance(result, CourseError):
                self.log.error("%s: %s", student, result)
                yield Graded(student, None, str(result))
                continue
            try:
                self.journal.add(student, self.keys[student], result)
            except OSError as error:
                problem = f"its result cannot be written ({error.strerror}): make room, run again."
                self.log_result(student, result, new=True)
                yield self.done(student, result, problem)
            else:
                yield self.record(student, result, new=True)
        yield from rejected

    def record_again(self, done: list[Graded]) -> list[Graded]:
        """Try once more what the gradebook does not hold, as it may be back by now."""
        try:
            ensure_assignment(self.course, self.assignment)
            self.recorded = recorded(self.course, self.assignment)
            self.lateness = read_lateness(self.course, self.assignment.name)
        except CourseError as error:
            self.log.error("%s", error)
            return done
        return [self.check(graded) if graded.student in self.keys else graded for graded in done]

    def check(self, graded: Graded) -> Graded:
        """Record a result that is not in the gradebook."""
        if not graded.result or self.is_recorded(graded.student, graded.result):
            return graded
        result: Result | None = graded.result
        if graded.result.status != "rejected":
            result = self.journal.get(graded.student, self.keys[graded.student])
        return self.record(graded.student, result) if result else graded

    def read(self, student: str) -> tuple[bytes | None, Result | None]:
        """Read a submission, or reject it."""
        folder = self.folder(student)
        try:
            found = find_notebook(folder, self.assignment, self.course.submitted)
        except RejectedError as error:
            self.keys[student] = self.submissions[student] = ""
            return None, reject(self.assignment, str(error))
        self.keys[student] = history.digest(self.settings.encode(), found.data)
        self.submissions[student] = hashlib.sha256(found.data).hexdigest()
        notices = [found.notice, timestamp_problem(folder, self.course.submitted)]
        self.notices[student] = " ".join(filter(None, notices))
        return found.data, None

    def record(self, student: str, result: Result, *, new: bool = False) -> Graded:
        """Make sure that the gradebook holds a result."""
        self.log_result(student, result, new=new)
        if not new and self.is_recorded(student, result):
            return self.done(student, result)
        try:
            folder, root = self.folder(student), self.course.submitted
            timestamp, secret = read_timestamp(folder, root), read_secret(folder, root)
            made_from = self.made_from(student, result)
            record(self.course, self.assignment, student, result, timestamp, secret, made_from)
        except CourseError as error:
            return self.done(student, result, str(error))
        return self.done(student, result)

    def is_recorded(self, student: str, result: Result) -> bool:
        """Tell whether the gradebook and the autograded folder hold a result."""
        held = self.recorded.get(student, {})
        submitted, root = self.folder(student), self.course.submitted
        folder = self.course.autograded / student / self.assignment.name
        made_from = {**self.made_from(student, result), **self.lateness(student)}
        noted = history.read(self.course, self.assignment.name, student).made_from
        return (
            all(held.get(name) == cell.points for name, cell in result.cells.items())
            and (folder / f"{self.assignment.name}.ipynb").exists()
            and read_timestamp(folder) == read_timestamp(submitted, root)
            and read_secret(folder) == read_secret(submitted, root)
            and made_from.items() <= noted.items()
        )

    def made_from(self, student: str, result: Result) -> MadeFrom:
        """Return what a result was made from, for the history of points."""
        submission = self.submissions[student]
        return {**self.sources, "submission": submission, "versions": result.versions}

    def log_result(self, student: str, result: Result, *, new: bool) -> None:
        """Log what became of a submission, before it is recorded: a run may end at any time."""
        status = f"{result.status}, graded anew" if new else result.status
        what = f"{student}: {status}, {result.score:g} of {result.max_score:g} points"
        said = Graded(student, result, notice=self.notices.get(student, "")).reason
        self.log.info("%s", ". ".join(filter(None, [what, said])))

    def done(self, student: str, result: Result, problem: str = "") -> Graded:
        """Log a problem, and let go of the notebook, of which there may be thousands."""
        if problem:
            self.log.error("%s: %s", student, problem)
        notice = self.notices.get(student, "")
        return Graded(student, replace(result, notebook=""), problem, notice)

    def folder(self, student: str) -> Path:
        """Return the folder of a submission."""
        return self.course.submitted / student / self.assignment.name


def _students(course: Course, name: str, chosen: list[str] | None) -> list[str]:
    """Name the students who have handed in."""
    try:
        folders = sorted(course.submitted.iterdir())
    except OSError:
        folders = []
    students = [
        folder.name
        for folder in folders
        if not folder.name.startswith(".") and os.path.lexists(folder / name)
    ]
    if not students:
        raise CourseError(
            f"{course.submitted} has no submissions of {name}: expected notebooks such as "
            f"{course.submitted / 'ada' / name / name}.ipynb; collect them first."
        )
    if unknown := sorted(set(chosen or []) - set(students)):
        raise CourseError(
            f"{unknown[0]} has not handed in {name}: expected one of "
            f"{counted(len(students), 'folder')} in {course.submitted}, such as {students[0]}."
        )
    return [student for student in students if not chosen or student in chosen]


def _digest(job: Job) -> str:
    """Return what stands for everything that decides a grade beside the submission."""
    settings = json.dumps({**asdict(job), "labelled": None}, sort_keys=True).encode()
    return history.digest(settings, *(array.tobytes() for array in job.labelled or ()))


@contextmanager
def _open_log(path: Path) -> Iterator[logging.Logger]:
    path.parent.mkdir(parents=True, exist_ok=True)
    log = logging.getLogger(f"{__name__}.{path}")
    log.setLevel(logging.INFO)
    log.propagate = False
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(_Formatter("%(asctime)s %(levelname)s %(message)s"))
    log.addHandler(handler)
    try:
        yield log
    finally:
        log.removeHandler(handler)
        handler.close()


class _Formatter(logging.Formatter):
    """Writes each message as a line on which nothing acts when a terminal shows it."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record), LONGEST_LINE)

"""Record results: notebooks as they were graded, and points, comments and flags in the gradebook.

nbgrader's own preprocessors write the gradebook, as they do for `nbgrader autograde`. What they
cannot know, feedback and what a person should look at, is added through its API.
"""

import copy
import datetime
import inspect
import logging
import os
import re
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode, v4
from nbgrader import api
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.converters.base import BaseConverter
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    NbGraderPreprocessor,
    OverwriteCells,
    SaveAutoGrades,
    SaveCells,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SAWarning

from mnist_course._files import atomic, atomic_folder
from mnist_course._untrusted import LONGEST_LINE, printable
from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import Assignment, nbgrader_metadata, read_notebook
from mnist_course.grading.course.roster import grant_extra_days, read_roster
from mnist_course.grading.course.settings import Course
from mnist_course.grading.judging.results import CellScore, Result
from mnist_course.grading.submissions.read import SECRET, TIMESTAMP

from . import cells, history
from .cells import CellChanges
from .history import CellPoints, MadeFrom, Points

NOT_RUN = "Your notebook was not run:"  # begins each comment on a rejected submission
SECONDS_TO_WAIT = 10  # for a lock, and for a server to answer
# Those of nbgrader's Autograde that deal with a notebook that has been run.
RECORDING = (OverwriteCells, SaveAutoGrades, AssignLatePenalties, CheckCellMetadata)

# What nbgrader reports there, with a traceback, it also raises.
logging.getLogger("tornado.application").addHandler(logging.NullHandler())


class GradebookError(CourseError):
    """The gradebook cannot be read or written, or does not hold what it should."""


def ensure_assignment(
    course: Course, assignment: Assignment, *, change_cells: bool = False
) -> None:
    """Let the gradebook know an assignment and its cells as the source notebook has them.

    Parameters
    ----------
    course : Course
        The course; its gradebook is made if there is none.
    assignment : Assignment
        The assignment.
    change_cells : bool, default False
        Add and remove cells even if there are submissions; all others keep what they have.

    Raises
    ------
    GradebookError
        If it has other cells than the submissions in the gradebook; with `change_cells`, only if
        grades or comments that people gave would be lost with one. Or if the gradebook or the
        source notebook cannot be used.
    """
    name = assignment.name
    converter = GenerateAssignment(coursedir=course.coursedir, config=course.config)
    with _explained(course, f"{name} cannot be entered in the gradebook"):
        preprocessors = converter.preprocessors[: converter.preprocessors.index(SaveCells) + 1]
        with _open(course) as gradebook:
            gradebook.update_or_create_assignment(name)
            if change_cells and cells.cell_changes(gradebook, assignment):
                cells.change_cells(gradebook, assignment)
        try:
            _convert(course, converter, preprocessors, assignment.notebook, name, ".")
        except RuntimeError as error:
            if "Cannot add or remove cells" not in str(error):
                raise
            raise GradebookError(
                f"{assignment.path} has other cells than the submissions in the gradebook: run "
                f"'mnist-course release {name}', which says what that changes and keeps what "
                "people gave; or restore the cells."
            ) from None


def read_cell_changes(course: Course, assignment: Assignment) -> CellChanges:
    """Say how the cells of an assignment differ from those that the gradebook knows.

    Parameters
    ----------
    course : Course
        The course; its gradebook is made if there is none.
    assignment : Assignment
        The assignment as it is now.

    Returns
    -------
    CellChanges
        What `ensure_assignment` would change.

    Raises
    ------
    CourseError
        See `cells.cell_changes`.
    """
    with open_gradebook(course) as gradebook:
        return cells.cell_changes(gradebook, assignment)


def record(
    course: Course,
    assignment: Assignment,
    student: str,
    result: Result,
    timestamp: str | None = None,
    secret: str | None = None,
    made_from: MadeFrom | None = None,
) -> None:
    """Write what became of a submission, in place of what was written of it before.

    Scores, extra credit and comments that people gave stay. A person is asked to look again at what
    they have scored if the answer or its automatic score has changed, and only then.

    Parameters
    ----------
    course : Course
        The course.
    assignment : Assignment
        The assignment, as `ensure_assignment` has entered it in the gradebook.
    student : str
        The name of the learner's folder.
    result : Result
        What became of the submission. A rejected one counts as if nothing had been answered.
    timestamp : str, optional
        When it was handed in, as nbgrader's ``timestamp.txt`` has it.
    secret : str, optional
        By what nbgrader's exchange knows it, as ``submission_secret.txt`` has it. Both lie beside
        the notebook afterwards, from where `nbgrader generate_feedback` takes them to the pages.
    made_from : dict, optional
        What the result was made from, for the history of points; see `history.sources`. Due date
        and penalty are added here.

    Raises
    ------
    GradebookError
        If the gradebook or the notebook cannot be written, or a late penalty not be decided. The
        notebook comes after its grades, and their history last: what that holds was all written.
    """
    name = assignment.name
    converter = Autograde(coursedir=course.coursedir, config=course.config)
    folder = course.autograded / student / name
    with _explained(course, f"the grades of {student} for {name} cannot be recorded"):
        scores = _scores(assignment, result)
        penalty_rule = _penalty_rule(course)
        with atomic_folder(folder) as temporary:
            with _open(course) as gradebook:
                for points in _points(gradebook, name, student).values():
                    history.note_by_hand(course, name, student, points)
                submission = _submission(gradebook, converter, name, student, timestamp)
                if person := read_roster(course.root).get(student):
                    grant_extra_days(gradebook, name, person)
                earlier = {
                    grade.name: (grade.auto_score, grade.needs_manual_grade)
                    for grade in submission.grades
                }
                if result.status == "rejected":
                    notebook = _untouched(gradebook, assignment)
                else:
                    notebook = nbformat.reads(result.notebook, as_version=4)
            _enter_points(notebook, scores)
            notebook = _convert(course, converter, RECORDING, notebook, name, student)
            nbformat.write(notebook, temporary / f"{name}.ipynb")
            unchanged = _unchanged(folder / f"{name}.ipynb", notebook)
            with _open(course) as gradebook:
                submission = gradebook.find_submission_notebook(name, name, student)
                _comment(submission, assignment, result)
                _flag(submission, assignment, scores, earlier, unchanged)
                gradebook.db.commit()
                _verify(submission, scores)
                held = submission.assignment
                decided = {
                    **(made_from or {}),
                    "submitted": _iso(held.timestamp),
                    "due": _due(held.assignment.duedate, held.extension),
                    "penalty_rule": penalty_rule,
                }
                earned = _points(gradebook, name, student)
        write_notes(folder, timestamp, secret)
        converter.set_permissions(name, student)
        for points in earned.values():
            history.note(course, name, student, points, decided)


def write_notes(folder: Path, timestamp: str | None, secret: str | None) -> None:
    """Put beside a notebook or a page what nbgrader looks for there; take away what is old."""
    for name, text in ((TIMESTAMP, timestamp), (SECRET, secret)):
        if text:
            with atomic(folder / name) as unfinished:
                unfinished.write_text(text, encoding="utf-8")
        else:
            (folder / name).unlink(missing_ok=True)


def recorded(course: Course, assignment: Assignment) -> dict[str, dict[str, float | None]]:
    """Read the automatic scores that the gradebook holds of an assignment.

    Parameters
    ----------
    course : Course
        The course.
    assignment : Assignment
        The assignment; the gradebook need not know it.

    Returns
    -------
    dict of str to dict of str to float or None
        For each student with a submission, the score of each graded cell by grade id; None if it
        has none (yet), such as an answer that is graded by hand.

    Raises
    ------
    GradebookError
        If the gradebook cannot be read.
    """
    found: dict[str, dict[str, float | None]] = {}
    problem = f"the grades for {assignment.name} cannot be read"
    with _explained(course, problem), _open(course) as gradebook:
        # Columns alone: nbgrader adds up the points of each object that it makes.
        for student, cell, score in (
            gradebook.db.query(
                api.SubmittedAssignment.student_id, api.BaseCell.name, api.Grade.auto_score
            )
            .join(api.SubmittedAssignment.assignment)
            .join(api.SubmittedAssignment.notebooks)
            .join(api.SubmittedNotebook.notebook)
            .join(api.SubmittedNotebook.grades)
            .join(api.Grade.cell)
            .filter(api.Assignment.name == assignment.name, api.Notebook.name == assignment.name)
        ):
            found.setdefault(student, {})[cell] = score
    return found


def read_lateness(course: Course, name: str) -> Callable[[str], MadeFrom]:
    """Read what decides the late penalties of an assignment besides the time of a submission.

    Parameters
    ----------
    course : Course
        The course.
    name : str
        The name of the assignment.

    Returns
    -------
    callable
        Given a student, it returns what `record` would add to ``made_from`` now: ``due``, and
        ``penalty_rule``.

    Raises
    ------
    GradebookError
        If the gradebook or the penalty's plug-in cannot be read.
    """
    problem = f"the due date of {name} cannot be read"
    with _explained(course, problem), _open(course) as gradebook:
        rule = _penalty_rule(course)
        duedate = gradebook.find_assignment(name).duedate
        submitted = gradebook.db.query(
            api.SubmittedAssignment.student_id, api.SubmittedAssignment.extension
        )
        rows = submitted.join(api.SubmittedAssignment.assignment).filter(
            api.Assignment.name == name
        )
        extensions = {row.student_id: row.extension for row in rows}
    return lambda student: {
        "due": _due(duedate, extensions.get(student)),
        "penalty_rule": rule,
    }


def note_by_hand(course: Course, name: str) -> None:
    """Keep in the history of points what people have entered in the gradebook.

    Parameters
    ----------
    course : Course
        The course.
    name : str
        The name of the assignment.

    Raises
    ------
    CourseError
        If the gradebook cannot be read, or the history not be written.
    """
    problem = f"the grades for {name} cannot be read"
    with _explained(course, problem), _open(course) as gradebook:
        found = _points(gradebook, name)
    for student, points in found.items():
        history.note_by_hand(course, name, student, points)


def is_adjusted(course: Course, name: str) -> bool:
    """Tell whether a total differs from the sum of scores, by a late penalty or extra credit.

    Parameters
    ----------
    course : Course
        The course.
    name : str
        The name of the assignment.

    Returns
    -------
    bool
        Whether the gradebook holds either for any of its submissions.

    Raises
    ------
    GradebookError
        If the gradebook cannot be read.
    """
    problem = f"the grades for {name} cannot be read"
    with _explained(course, problem), _open(course) as gradebook:
        adjusted = (
            gradebook.db.query(api.SubmittedNotebook.id)
            .join(api.SubmittedNotebook.assignment)
            .join(api.SubmittedAssignment.assignment)
            .outerjoin(api.SubmittedNotebook.grades)
            .filter(
                api.Assignment.name == name,
                (api.SubmittedNotebook.late_submission_penalty != 0)
                | (api.Grade.extra_credit != 0),
            )
        )
        return adjusted.first() is not None


@contextmanager
def open_gradebook(course: Course) -> Iterator[api.Gradebook]:
    """Open the gradebook of a course to read it.

    Parameters
    ----------
    course : Course
        The course.

    Yields
    ------
    nbgrader.api.Gradebook
        The gradebook.

    Raises
    ------
    GradebookError
        If it cannot be read.
    """
    with _explained(course, "the grades cannot be read"), _open(course) as gradebook:
        yield gradebook


@contextmanager
def _open(course: Course) -> Iterator[api.Gradebook]:
    before = os.environ.get("PATH", os.defpath)
    # To make a new gradebook, nbgrader runs `alembic` from the PATH.
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), before])
    try:
        gradebook = api.Gradebook(_patient_url(course), course.course_id)
    finally:
        os.environ["PATH"] = before
    with gradebook, warnings.catch_warnings():
        # nbgrader adds submissions a line later than SQLAlchemy would like.
        warnings.simplefilter("ignore", SAWarning)
        yield gradebook


def _patient_url(course: Course) -> str:
    """Return the URL of the gradebook, with how long to wait for it."""
    url = make_url(course.db_url)
    waits = {}
    if url.get_backend_name() == "sqlite":
        waits = {"timeout": f"{SECONDS_TO_WAIT}"}
    elif url.drivername.startswith("postgresql+psycopg"):
        waits = {
            "connect_timeout": f"{SECONDS_TO_WAIT}",
            "options": f"-c lock_timeout={SECONDS_TO_WAIT}s",
        }
    return url.set(query={**waits, **url.query}).render_as_string(hide_password=False)


@contextmanager
def _explained(course: Course, problem: str) -> Iterator[None]:
    """Say in one sentence why the gradebook, nbgrader or a plug-in of the course has failed."""
    try:
        yield
    except CourseError:
        raise
    except Exception as error:
        url = make_url(course.db_url).render_as_string(hide_password=True)
        # SQLAlchemy has a line of its own for what the driver says.
        if driver := re.search(r"^\([\w.]+\) (.+)", str(error), re.MULTILINE):
            reason = driver[1]
        else:
            reason = " ".join([f"{type(error).__name__}:", *str(error).splitlines()[:1]])
        reason = reason.strip().rstrip(".:")
        mend = "remove the cause"
        if "locked" in reason or "lock timeout" in reason:
            mend = "let the other program finish that uses it"
        elif "readonly" in reason:
            mend = "make it writable"
        elif isinstance(error, ImportError):
            mend = "install its driver ('pip install psycopg[binary]' for PostgreSQL)"
        raise GradebookError(
            f"{problem} (gradebook {url}: {reason}): {mend}, then run this again."
        ) from None


def _convert(
    course: Course,
    converter: BaseConverter,
    preprocessors: Sequence[type[NbGraderPreprocessor]],
    notebook: NotebookNode,
    name: str,
    student: str,
) -> NotebookNode:
    """Let preprocessors of nbgrader work on a notebook, as its converters do."""
    # Not the converter's own exporter, which may grade what it is given.
    exporter: Any = NotebookExporter(parent=converter, config=converter.config)  # type: ignore[no-untyped-call]
    for preprocessor in preprocessors:
        exporter.register_preprocessor(preprocessor)
    about = {"assignment": name, "notebook": name, "student": student}
    resources = {"unique_key": name, "nbgrader": {**about, "db_url": _patient_url(course)}}
    # What an instructor has configured may name files of the course.
    with chdir(course.root):
        output, _ = exporter.from_notebook_node(notebook, resources)
    converted: NotebookNode = nbformat.reads(output, as_version=4)
    return converted


def _points(gradebook: api.Gradebook, name: str, student: str | None = None) -> dict[str, Points]:
    """Return what the gradebook holds of an assignment for each student, or for one."""
    # Columns alone: nbgrader adds up the points of each object that it makes.
    query = (
        gradebook.db.query(
            api.SubmittedAssignment.student_id,
            api.SubmittedNotebook.late_submission_penalty,
            api.GradeCell.name,
            api.GradeCell.max_score,
            *(api.Grade.auto_score, api.Grade.manual_score, api.Grade.extra_credit),
        )
        .join(api.SubmittedAssignment.assignment)
        .join(api.SubmittedAssignment.notebooks)
        .join(api.SubmittedNotebook.grades)
        .join(api.GradeCell, api.Grade.cell_id == api.GradeCell.id)
        .filter(api.Assignment.name == name)
        .order_by(api.GradeCell.name)
    )
    if student is not None:
        query = query.filter(api.SubmittedAssignment.student_id == student)
    found: dict[str, Points] = {}
    for who, penalty, cell, possible, auto, manual, extra in query:
        held = found.setdefault(who, Points({}, penalty or 0.0))
        held.cells[cell] = CellPoints(auto, manual, extra, possible)
    return found


def _due(duedate: datetime.datetime | None, extension: datetime.timedelta | None) -> str:
    """Return when a submission is due; empty if whenever."""
    return _iso(duedate + extension if duedate and extension else duedate)


def _iso(date: datetime.datetime | None) -> str:
    """Return a date of the gradebook, which is in UTC; empty if there is none."""
    return date.replace(tzinfo=datetime.UTC).isoformat() if date else ""


def _penalty_rule(course: Course) -> str:
    """Return a digest of the plug-in for late penalties, and of how it is configured."""
    plugin = AssignLatePenalties(config=course.config).plugin_class
    settings = course.config.get(plugin.__name__, {})
    code = Path(inspect.getfile(plugin)).read_bytes()
    return history.digest(f"{plugin.__name__} {sorted(settings.items())}".encode(), code)


def _scores(assignment: Assignment, result: Result) -> dict[str, CellScore]:
    """Return the score of each check cell, if a gradebook can hold it."""
    points = assignment.points
    if result.status == "rejected":
        reviews = {name: score.review for name, score in result.cells.items()}
        return {name: CellScore(0, points[name], review=reviews.get(name, "")) for name in points}
    if result.cells.keys() != points.keys():
        raise GradebookError(
            f"a result for {assignment.name} has scores of {', '.join(result.cells) or 'nothing'}: "
            f"expected {', '.join(points)}."
        )
    for name, score in result.cells.items():
        # nbgrader takes less than 0 for full marks.
        if not 0 <= score.points <= points[name]:
            raise GradebookError(
                f"a result for {assignment.name} has {score.points:g} points for {name}: expected "
                f"0 to {points[name]:g}."
            )
    return result.cells


def _submission(
    gradebook: api.Gradebook,
    converter: Autograde,
    name: str,
    student: str,
    timestamp: str | None,
) -> api.SubmittedNotebook:
    """Find or make a submission in the gradebook, as nbgrader's Autograde does."""
    if converter.create_student:
        gradebook.update_or_create_student(student)
    changes = {"timestamp": timestamp} if timestamp else {}
    gradebook.update_or_create_submission(name, student, **changes)
    return gradebook.find_submission_notebook(name, name, student)


def _untouched(gradebook: api.Gradebook, assignment: Assignment) -> NotebookNode:
    """Return the notebook of an assignment as a learner gets it, for a submission not run."""
    released = {
        cell.name: cell.source
        for cell in gradebook.find_notebook(assignment.name, assignment.name).source_cells
    }
    notebook = copy.deepcopy(assignment.notebook)
    for cell in notebook.cells:
        cell.source = released.get(nbgrader_metadata(cell).get("grade_id"), cell.source)
    return notebook


def _enter_points(notebook: NotebookNode, scores: dict[str, CellScore]) -> None:
    """Let each check cell show its points first, which is how nbgrader's SaveAutoGrades gets them.

    See `nbgrader.utils.determine_grade`.
    """
    for cell in notebook.cells:
        if score := scores.get(nbgrader_metadata(cell).get("grade_id", "")):
            data = {"text/plain": repr(float(score.points))}
            cell.outputs.insert(0, v4.new_output("execute_result", data=data))


def _unchanged(path: Path, notebook: NotebookNode) -> set[str]:
    """Name the answers that are the same in the notebook recorded before."""
    try:
        before = _answers(read_notebook(path))
    except CourseError:
        return set()
    return {name for name, source in _answers(notebook).items() if before.get(name) == source}


def _answers(notebook: NotebookNode) -> dict[str, str]:
    return {
        metadata["grade_id"]: cell.source
        for cell in notebook.cells
        if (metadata := nbgrader_metadata(cell)).get("solution")
    }


def _comment(submission: api.SubmittedNotebook, assignment: Assignment, result: Result) -> None:
    """Add the feedback to the answers; SaveAutoGrades has just removed what was there."""
    if result.status == "rejected":
        feedback = {answer: [f"{NOT_RUN} {result.reason}"] for answer in assignment.answers}
    else:
        feedback = {
            task.answer: result.cells[task.check].feedback
            for task in assignment.tasks
            if task.check
        }
    for comment in submission.comments:
        if sentences := feedback.get(comment.name):
            comment.auto_comment = "\n".join(printable(said, LONGEST_LINE) for said in sentences)


def _flag(
    submission: api.SubmittedNotebook,
    assignment: Assignment,
    scores: dict[str, CellScore],
    earlier: dict[str, tuple[float | None, bool]],
    unchanged: set[str],
) -> None:
    """Ask for a person where one is needed; SaveAutoGrades asks for all that had one before."""
    answers = {task.check: task.answer for task in assignment.tasks}
    for grade in submission.grades:
        answer = answers.get(grade.name, grade.name)
        score, flag = earlier[grade.name]
        if grade.manual_score is not None and answer in unchanged and score == grade.auto_score:
            grade.needs_manual_grade = flag
        elif grade.name in scores and scores[grade.name].review:
            grade.needs_manual_grade = True


def _verify(submission: api.SubmittedNotebook, scores: dict[str, CellScore]) -> None:
    held = {grade.name: grade.auto_score for grade in submission.grades}
    for name, score in scores.items():
        if held.get(name) != score.points:
            raise GradebookError(
                f"the gradebook holds {held.get(name)} points for {name}, not {score.points}: the "
                "graded notebook needs that cell, and nothing else may write its score."
            )

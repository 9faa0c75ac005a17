"""Collect what a page of feedback says around the notebook: who, when, points, and task by task.

The template in ``templates/page`` shows it. Points and comments come from the gradebook; the
notebook gives the headings, and what stands below them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby

from nbformat import NotebookNode
from nbgrader.api import Comment, Grade, SubmittedAssignment

from mnist_course._text import counted
from mnist_course._untrusted import printable
from mnist_course.grading.course.assignment import (
    HEADING,
    Chapter,
    nbgrader_metadata,
    read_chapters,
    sections,
)
from mnist_course.grading.course.settings import Course

from .changes import format_minute, provenance, tell_history
from .records import NOT_RUN, open_gradebook

EMPTY = "No response."  # nbgrader's comment on an answer that is as it was handed out


@dataclass(frozen=True)
class Part:
    """A section of the notebook, with what it earned.

    Attributes
    ----------
    heading : str
        Such as "Task 1: Scale to [0, 1]".
    points, possible, extra : float
        Points earned, points possible, and extra credit, which is among those earned.
    waiting : float
        Possible points of answers that nobody has read yet.
    summary : str
        One sentence for the list of tasks.
    sentences : list of str
        Each reason for a missing point.
    comments : list of str
        What people wrote to it, in Markdown.
    chapters : tuple of Chapter
        Where it is taught.
    groups : list of (str, list of NotebookNode)
        Its cells in their order, those of a kind together: "given", "answer", "check" or "own".
    """

    heading: str
    points: float
    possible: float
    extra: float
    waiting: float
    summary: str
    sentences: list[str]
    comments: list[str]
    chapters: tuple[Chapter, ...]
    groups: list[tuple[str, list[NotebookNode]]]

    @property
    def earned(self) -> str:
        """The points in words."""
        if self.waiting and self.waiting == self.possible:
            return f"{counted(self.possible, 'point')}, not given yet"
        words = f"{self.points - self.extra:g} of {counted(self.possible, 'point')}"
        return f"{words}, and {self.extra:g} extra" if self.extra else words


@dataclass(frozen=True)
class Page:
    """What a page of feedback says beside the notebook.

    Attributes
    ----------
    title : str
        The title of the assignment.
    learner : str
        The name of the learner, if there is one, and the id.
    submitted, late : str
        When it was handed in, and whether that was late; empty if it was not, or nobody knows.
    points, possible, waiting : float
        Points after a late penalty, points possible, and those that nobody has given yet.
    not_run : str
        Why the notebook was not run at all; empty if it was.
    parts : list of Part
        The sections, in their order; what stands above the first one is the introduction.
    history : list of str
        A sentence for each time that the points changed.
    evidence : dict of str to str
        What was graded, and with what: names and values.
    """

    title: str
    learner: str
    submitted: str
    late: str
    points: float
    possible: float
    waiting: float
    not_run: str
    parts: list[Part]
    history: list[str] = field(default_factory=list)
    evidence: dict[str, str] = field(default_factory=dict)

    @property
    def tasks(self) -> list[Part]:
        """The sections that have points."""
        return [part for part in self.parts if part.possible]


def read_page(course: Course, name: str, student: str, notebook: NotebookNode) -> Page:
    """Collect what a page says.

    Parameters
    ----------
    course : Course
        The course.
    name, student : str
        The assignment, and the learner's folder.
    notebook : nbformat.NotebookNode
        The graded notebook. The headings are taken out of its texts, because the page has its own.

    Returns
    -------
    Page
        What the template shows.

    Raises
    ------
    GradebookError
        If the gradebook cannot be read, or has no grades of them.
    """
    opening, *rest = sections(notebook.cells)
    title = _take_heading(opening) or name
    with open_gradebook(course) as gradebook:
        graded = gradebook.find_submission_notebook(name, name, student)
        submission = graded.assignment
        grades = {grade.name: grade for grade in graded.grades}
        comments = {comment.name: comment for comment in graded.comments}
        parts = [_part(cells, grades, comments) for cells in [opening, *rest] if cells]
        penalty = graded.late_submission_penalty or 0.0
        reasons = (comment.auto_comment or "" for comment in comments.values())
        return Page(
            title=title,
            learner=_learner(submission),
            submitted=_moment(submission.timestamp) if submission.timestamp else "",
            late=_late(submission, penalty),
            points=graded.score - penalty,
            possible=graded.max_score,
            waiting=sum(map(_waiting, grades.values())),
            not_run=next((said for said in reasons if said.startswith(NOT_RUN)), ""),
            parts=parts,
            history=tell_history(course, name, student),
            evidence=_evidence(course, name, student),
        )


def _evidence(course: Course, name: str, student: str) -> dict[str, str]:
    """Return what an appeal needs beside the points of each task."""
    facts = provenance(course, name, student)
    if not facts:
        return {}
    versions = ", ".join(f"{program} {version}" for program, version in facts["versions"].items())
    return {
        "Due": format_minute(facts["due"]),
        "Graded": format_minute(facts["graded"]),
        "With": versions or "unknown versions",
        "SHA-256 of the notebook you submitted": facts["submission"] or "not known",
    }


def _part(
    cells: list[NotebookNode], grades: dict[str, Grade], comments: dict[str, Comment]
) -> Part:
    ids = [nbgrader_metadata(cell).get("grade_id") for cell in cells]
    scores = [grades[each] for each in ids if each in grades]
    said = [comments[each] for each in ids if each in comments]
    lines = [line for each in said for line in (each.auto_comment or "").splitlines()]
    chapters = read_chapters(cells[0])
    return Part(
        heading=_take_heading(cells) or "Introduction",
        points=sum(score.score for score in scores),
        possible=sum(score.max_score for score in scores),
        extra=sum(score.extra_credit or 0.0 for score in scores),
        waiting=sum(map(_waiting, scores)),
        summary=_summary(scores, lines),
        sentences=[line for line in lines if line != EMPTY and not line.startswith(NOT_RUN)],
        comments=[each.manual_comment for each in said if each.manual_comment],
        chapters=chapters,
        groups=list(_groups(cells, grades)),
    )


def _summary(scores: list[Grade], lines: list[str]) -> str:
    """Say in one sentence what became of a task."""
    points, possible = sum(s.score for s in scores), sum(s.max_score for s in scores)
    by_hand = any(score.manual_score is not None for score in scores)
    if any(map(_waiting, scores)):
        return "This answer waits to be read by a person."
    if any(line.startswith(NOT_RUN) for line in lines):
        return "Not graded, because your notebook was not run."
    if points >= possible and by_hand:
        summary = "A person gave you all points."
    elif points >= possible:
        summary = "Everything that was tested works."
    elif EMPTY in lines:
        summary = "You left this empty."
    elif lines:
        more = f" (And {len(lines) - 1} more, below.)" if len(lines) > 1 else ""
        summary = f"{lines[0]}{more}"
    else:
        summary = "A person has read this."
    again = any(score.needs_manual_grade for score in scores)
    return f"{summary} A person will look at this again." if again else summary


def _waiting(grade: Grade) -> float:
    """Return the points of an answer that nobody has read yet."""
    scored = grade.manual_score is not None or grade.auto_score is not None
    return float(grade.max_score) if grade.needs_manual_grade and not scored else 0.0


def _groups(
    cells: list[NotebookNode], grades: dict[str, Grade]
) -> Iterator[tuple[str, list[NotebookNode]]]:
    for kind, some in groupby(cells, _kind):
        group = [cell for cell in some if cell.source.strip() or cell.get("outputs")]
        for cell in group if kind == "check" else []:
            _take_points(cell, grades)
        if group:
            yield kind, group


def _kind(cell: NotebookNode) -> str:
    metadata = nbgrader_metadata(cell)
    if metadata.get("solution"):
        return "answer"
    if metadata.get("grade"):
        return "check"
    return "own" if cell.cell_type == "code" and not metadata else "given"


def _take_points(cell: NotebookNode, grades: dict[str, Grade]) -> None:
    """Take from a check cell the output by which nbgrader knows its points."""
    grade = grades.get(nbgrader_metadata(cell).get("grade_id", ""))
    first = cell.outputs[0].get("data", {}) if cell.get("outputs") else {}
    if grade and grade.auto_score is not None and first.get("text/plain") == f"{grade.auto_score}":
        del cell.outputs[0]


def _take_heading(cells: list[NotebookNode]) -> str:
    """Take the heading out of the first cell, and return it without its points."""
    if not cells or cells[0].cell_type != "markdown" or not cells[0].source.startswith("#"):
        return ""
    line, _, cells[0].source = cells[0].source.partition("\n")
    if found := HEADING.match(line):
        kind = f"Task {found['number']}" if found["number"] else "Reflection"
        return f"{kind}: {found['title']}"
    return str(line.lstrip("#").strip())


def _learner(submission: SubmittedAssignment) -> str:
    student = submission.student
    name = " ".join(filter(None, [student.first_name, student.last_name]))
    return printable(f"{name} ({student.id})" if name else str(student.id))


def _late(submission: SubmittedAssignment, penalty: float) -> str:
    """Say how late a submission was, and what that costs."""
    if submission.timestamp is None or submission.assignment.duedate is None:
        return ""
    seconds = submission.total_seconds_late
    if not seconds:
        return ""
    costs = f"takes {counted(penalty, 'point')} off" if penalty else "takes no points off"
    return f"{_duration(seconds)} after it was due ({_moment(submission.duedate)}), which {costs}"


def _duration(seconds: float) -> str:
    """Say how long something took, in the largest unit of which there are at least two."""
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * size:
            return counted(int(seconds // size), unit)
    return counted(max(1, int(seconds)), "second")


def _moment(time: datetime) -> str:
    """Write a time, which the gradebook keeps in UTC."""
    aware = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
    return f"{aware:%B} {aware.day}, {aware.year}, {aware:%H:%M} UTC"

"""Tell how a class did in an assignment, task by task."""

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from matplotlib.ticker import MaxNLocator
from nbgrader.api import (
    Assignment,
    Comment,
    Grade,
    Gradebook,
    GradeCell,
    SolutionCell,
    SubmittedAssignment,
    SubmittedNotebook,
)
from sqlalchemy import select

from mnist_course._files import atomic
from mnist_course._text import counted
from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import Chapter, Task, read_assignment
from mnist_course.grading.course.settings import Course
from mnist_course.plots import (
    DARK,
    GRAY,
    LIGHT,
    WIDTH,
    _course_style,
    _Figure,
    _open_frame,
    _percent,
)

from .exports import Cell, to_csv
from .records import NOT_RUN, open_gradebook

NOT_ATTEMPTED = ("was not attempted.", "No response.")  # ours and nbgrader's
TITLE_WIDTH = 24  # characters
NARROWEST = 0.05  # share of the class in which a number has room

# How each part of a bar looks: they differ in hatching and in lightness.
_LOOKS: dict[str, dict[str, Any]] = {
    "solved": {"facecolor": DARK},
    "partly": {"facecolor": "white", "hatch": "///"},
    "not solved": {"facecolor": LIGHT, "hatch": ".."},
    "not attempted": {"facecolor": "white"},
}


@dataclass(frozen=True)
class Heard:
    """A sentence of feedback, and how many students got it."""

    sentence: str
    students: int


@dataclass(frozen=True)
class TaskSummary:
    """How a class did in a task.

    Attributes
    ----------
    number, title
        See `mnist_course.grading.course.assignment.Task`.
    solved, partly, not_solved, not_attempted : int
        How many students have all points, some, none, and none without an answer to judge.
    feedback : tuple of Heard
        What those heard who answered and missed points, the most frequent sentence first.
    chapters : tuple of Chapter
        The sections of the book that teach it.
    """

    number: int
    title: str
    solved: int
    partly: int
    not_solved: int
    not_attempted: int
    feedback: tuple[Heard, ...]
    chapters: tuple[Chapter, ...] = ()

    @property
    def students(self) -> int:
        """How many students have a grade for the task."""
        return self.solved + self.missed

    @property
    def missed(self) -> int:
        """How many students miss points."""
        return self.partly + self.not_solved + self.not_attempted

    @property
    def share(self) -> float:
        """The share of students who solved the task, from 0 to 1."""
        return self.solved / self.students if self.students else 0.0


@dataclass(frozen=True)
class ReflectionSummary:
    """How many answers to a question are graded, and how many await a person."""

    title: str
    graded: int
    waiting: int


@dataclass(frozen=True)
class Cohort:
    """How a class did in an assignment.

    Attributes
    ----------
    assignment : str
        Its name.
    students : int
        How many submissions were run and graded.
    rejected : int
        How many others could not be run. They count in no task.
    tasks : list of TaskSummary
        In their order.
    reflections : list of ReflectionSummary
        In their order.
    """

    assignment: str
    students: int
    rejected: int
    tasks: list[TaskSummary]
    reflections: list[ReflectionSummary]

    @property
    def to_reteach(self) -> list[TaskSummary]:
        """The tasks in which points are missing, first the one that most students miss."""
        missed = [task for task in self.tasks if task.missed]
        return sorted(missed, key=lambda task: -task.missed / task.students)

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as JSON can hold it."""
        tasks = [
            {**asdict(task), "missed": task.missed, "share_solved": task.share}
            for task in self.tasks
        ]
        return {**asdict(self), "tasks": tasks}


def read_cohort(course: Course, name: str) -> Cohort:
    """Summarize the grades of an assignment.

    Parameters
    ----------
    course : Course
        The course.
    name : str
        The name of the assignment.

    Returns
    -------
    Cohort
        Points by hand and extra ones count. The number of queries does not depend on the number
        of students.

    Raises
    ------
    CourseError
        If there is no such assignment, or it has no grades.
    """
    assignment = read_assignment(course.source, name)
    with open_gradebook(course) as gradebook:
        columns = (Grade.score, GradeCell.max_score, Grade.needs_manual_grade)
        grades = _read(gradebook, name, Grade, GradeCell, columns)
        comments = _read(gradebook, name, Comment, SolutionCell, (Comment.auto_comment,))
    if not grades:
        raise CourseError(f"{name} has no grades yet: run 'mnist-course grade {name}' first.")
    rejected = {
        notebook
        for cell in comments.values()
        for notebook, (comment,) in cell.items()
        if (comment or "").startswith(NOT_RUN)
    }
    for cell in grades.values():
        for notebook in rejected & cell.keys():
            del cell[notebook]
    reflections = []
    for reflection in assignment.reflections:
        waits = [bool(waiting) for *_, waiting in grades.get(reflection.answer, {}).values()]
        reflections.append(ReflectionSummary(reflection.title, waits.count(False), sum(waits)))
    return Cohort(
        assignment=name,
        students=len({notebook for cell in grades.values() for notebook in cell}),
        rejected=len(rejected),
        tasks=[
            _summarize(task, grades.get(task.check, {}), comments.get(task.answer, {}))
            for task in assignment.tasks
        ],
        reflections=reflections,
    )


def write_cohort(cohort: Cohort, folder: Path) -> list[Path]:
    """Write ``cohort.csv``, ``feedback.csv`` and ``cohort.png``.

    Parameters
    ----------
    cohort : Cohort
        The summary.
    folder : pathlib.Path
        Where to; it is created if needed.

    Returns
    -------
    list of pathlib.Path
        The files written.
    """
    tables = {"cohort.csv": _rows(cohort), "feedback.csv": _feedback_rows(cohort)}
    for name, rows in tables.items():
        with atomic(folder / name) as unfinished:
            unfinished.write_text(to_csv(rows), encoding="utf-8", newline="")
    with atomic(folder / "cohort.png") as unfinished:
        unfinished.write_bytes(plot_cohort(cohort)._repr_png_())
    return [folder / name for name in (*tables, "cohort.png")]


@_course_style
def plot_cohort(cohort: Cohort) -> _Figure:
    """Show how many students solved each task.

    Parameters
    ----------
    cohort : Cohort
        The summary.

    Returns
    -------
    matplotlib.figure.Figure
        A bar for each task, of the students who solved it, partly or not at all, and who did not
        attempt it.
    """
    rejected = f", {cohort.rejected:,} more rejected" if cohort.rejected else ""
    title = f"{cohort.assignment}: {counted(cohort.students, 'student')}{rejected}"
    figure = _Figure(WIDTH + 1, 1.5 + 0.75 * len(cohort.tasks), title)
    axes = figure.add_subplot(xlabel="Students (right: share who solved the task)")
    names = [textwrap.fill(f"{task.number} · {task.title}", TITLE_WIDTH) for task in cohort.tasks]
    left = [0] * len(names)
    for part, look in _LOOKS.items():
        counts = [getattr(task, part.replace(" ", "_")) for task in cohort.tasks]
        bars = axes.barh(
            range(len(names)), counts, left=left, label=part, edgecolor="black", **look
        )
        labels = [f"{count:,}" if count >= NARROWEST * cohort.students else "" for count in counts]
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}
        axes.bar_label(bars, labels, label_type="center", fontsize=10, bbox=box)
        left = [start + count for start, count in zip(left, counts, strict=True)]
    for position, (task, end) in enumerate(zip(cohort.tasks, left, strict=True)):
        axes.annotate(
            _percent(task.share),
            (end, position),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            color=GRAY,
        )
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.margins(x=0.12)  # room for the shares
    _open_frame(axes)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(_LOOKS), frameon=False)
    return figure


def _read(
    gradebook: Gradebook, name: str, table: Any, cells: Any, columns: Iterable[Any]
) -> dict[str, dict[str, list[Any]]]:
    """Return columns about the grades, or comments, for each cell, by the submission."""
    query = (
        select(cells.name, table.notebook_id, *columns)
        .join(cells, table.cell_id == cells.id)
        .join(SubmittedNotebook, table.notebook_id == SubmittedNotebook.id)
        .join(SubmittedAssignment, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
        .join(Assignment, SubmittedAssignment.assignment_id == Assignment.id)
        .where(Assignment.name == name)
    )
    found: dict[str, dict[str, list[Any]]] = {}
    for cell, notebook, *values in gradebook.db.execute(query):
        found.setdefault(cell, {})[notebook] = values
    return found


def _summarize(
    task: Task, grades: dict[str, list[Any]], comments: dict[str, list[Any]]
) -> TaskSummary:
    parts: Counter[str] = Counter()
    said: Counter[str] = Counter()
    for notebook, (points, possible, _) in grades.items():
        (comment,) = comments.get(notebook, [None])
        heard = set(filter(None, (comment or "").splitlines()))
        judged = {sentence for sentence in heard if not sentence.endswith(NOT_ATTEMPTED)}
        said.update(judged)
        if points >= possible:
            parts["solved"] += 1
        elif points > 0:
            parts["partly"] += 1
        else:
            parts["not_attempted" if heard > judged else "not_solved"] += 1
    ranked = sorted(said.items(), key=lambda item: (-item[1], item[0]))
    return TaskSummary(
        number=task.number,
        title=task.title,
        **{part: parts[part] for part in ("solved", "partly", "not_solved", "not_attempted")},
        feedback=tuple(Heard(*item) for item in ranked),
        chapters=task.chapters,
    )


def _rows(cohort: Cohort) -> Iterator[list[Cell]]:
    counts = ("solved", "partly", "not_solved", "not_attempted")
    yield ["task", "title", "students", *counts, "share_solved", "waiting", "rejected"]
    for task in cohort.tasks:
        numbers: Iterable[Cell] = (getattr(task, name) for name in ("students", *counts, "share"))
        yield [task.number, task.title, *numbers, None, cohort.rejected]
    for reflection in cohort.reflections:
        graded = reflection.graded + reflection.waiting
        row: list[Cell] = [None, reflection.title, graded, *[None] * 5]
        yield [*row, reflection.waiting, cohort.rejected]


def _feedback_rows(cohort: Cohort) -> Iterator[list[Cell]]:
    """Rank the sentences of each task, beside where the book teaches it."""
    yield ["task", "title", "feedback", "students", "share", "chapters", "links"]
    for task in cohort.tasks:
        titles = "; ".join(chapter.title for chapter in task.chapters)
        links = " ".join(chapter.url for chapter in task.chapters)
        for heard in task.feedback:
            share = heard.students / task.students
            yield [task.number, task.title, heard.sentence, heard.students, share, titles, links]

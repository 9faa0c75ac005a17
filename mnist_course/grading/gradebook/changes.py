"""Explain how points have changed: whose, from what to what, when, and what else changed with them.

A reason is a comparison of what two grades were made from (see `history`), so none is guessed. If
several things have changed between two grades, all of them are named.
"""

import datetime
import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from mnist_course._files import atomic
from mnist_course._untrusted import LONGEST_LINE, printable
from mnist_course.errors import CourseError
from mnist_course.grading.course.settings import Course

from .exports import to_csv
from .history import CellPoints, History, MadeFrom, Points, Snapshot, read, read_all
from .records import note_by_hand

LATE_PENALTY = "late penalty"
COLUMNS = ("date", "student", "cell", "old", "new", "why")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
table { border-collapse: collapse } th, td { border-bottom: 1px solid #999; padding: .3rem .8rem }
th { text-align: left } td { vertical-align: top } .number { text-align: right }
"""

# What can differ between two grades, and how to say so to instructors and to the learner. Each
# is compared only if both grades have it.
_REASONS = {
    "tests": ("the hidden tests of this cell changed", "a test was corrected"),
    "given": ("the source notebook changed", "the exercise was changed"),
    "submission": ("the submission changed", "your submission changed"),
    "settings": (
        "c.Grading or the private images changed",
        "the settings for grading were changed",
    ),
    "seed": (
        "the secret of the course changed, and so did the inputs of the hidden tests",
        "the hidden tests got other inputs",
    ),
    "versions": ("versions changed: {}", "the software that grades was updated"),
    "submitted": ("the time of the submission changed: {}", "the time of your submission changed"),
    "due": ("the due date moved: {}", "the due date was moved"),
    "penalty_rule": ("the rule for late penalties changed", "the rule for late work changed"),
    "hand": ("graded by hand", "an answer was graded by hand"),
    "extra": ("extra credit", "extra credit was given or taken back"),
    "points": ("the points that it is taken from changed", ""),
    "new": ("the cell is new", "a task was added"),
    "gone": ("the cell is gone", "a task was removed"),
    "unknown": ("not known: the earlier grade has no record of what it was made from", ""),
    "none": ("not known: nothing that is recorded has changed", ""),
}
_OF_A_CELL = ("tests", "given", "submission", "settings", "seed", "versions")
_OF_A_PENALTY = ("submitted", "due", "penalty_rule")


@dataclass(frozen=True)
class Change:
    """Points that changed after they were given, to which the first grade by hand doesn't count.

    Attributes
    ----------
    date : str
        When that was noted, in ISO 8601.
    student : str
        Whose they are.
    cell : str
        The grade id of the cell, or "late penalty".
    old, new : float or None
        Points; None if there were none, as with a cell that is new.
    why : str
        What changed with them.
    """

    date: str
    student: str
    cell: str
    old: float | None
    new: float | None
    why: str


def read_changes(
    course: Course, assignment: str, students: Sequence[str] | None = None
) -> list[Change]:
    """Read how the points of an assignment have changed since they were first given.

    Parameters
    ----------
    course : Course
        The course.
    assignment : str
        The name of the assignment.
    students : sequence of str, optional
        Whose points; by default, everybody's.

    Returns
    -------
    list of Change
        From the first to the latest.

    Raises
    ------
    CourseError
        If a history cannot be read, or one of the students has none.
    """
    histories = dict(read_all(course, assignment))
    if not histories:
        raise CourseError(
            f"{assignment} has no history of points yet: run 'mnist-course grade {assignment}' "
            "first."
        )
    if unknown := sorted(set(students or ()) - histories.keys()):
        raise CourseError(
            f"{unknown[0]} has no points for {assignment}: expected one of the students who are "
            f"graded, such as {next(iter(histories))}."
        )
    return _sorted({who: histories[who] for who in students or histories})


def report_changes(course: Course, assignment: str) -> tuple[list[Change], list[Path]]:
    """Write all changes of an assignment to files, and return those that are new there.

    Parameters
    ----------
    course : Course
        The course.
    assignment : str
        The name of a graded assignment.

    Returns
    -------
    changes : list of Change
        Those that the files did not have before.
    files : list of pathlib.Path
        The files written: CSV and HTML. Empty if they had everything.

    Raises
    ------
    CourseError
        If the gradebook or a history cannot be read.
    """
    note_by_hand(course, assignment)
    changes = _sorted(dict(read_all(course, assignment)))
    table, page = (course.journal / f"{assignment}.changes.{kind}" for kind in ("csv", "html"))
    known = table.read_bytes().decode() if table.is_file() else ""
    text = to_csv([COLUMNS, *map(_row, changes)])
    if text == known or not (changes or known):
        return [], []
    with atomic(table) as unfinished:
        unfinished.write_text(text, encoding="utf-8", newline="")
    with atomic(page) as unfinished:
        unfinished.write_text(_page(assignment, changes), encoding="utf-8")
    lines = set(known.splitlines())
    new = [change for change in changes if to_csv([_row(change)]).strip("\r\n") not in lines]
    return new, [table, page]


def tell_history(course: Course, assignment: str, student: str) -> list[str]:
    """Tell a learner how the points of a submission came about.

    Parameters
    ----------
    course : Course
        The course.
    assignment, student : str
        Whose points, and for what.

    Returns
    -------
    list of str
        A sentence for the first grade and for each change, such as "14 → 15 on 3 April: a test was
        corrected." Empty if nothing was noted.

    Raises
    ------
    CourseError
        If the history cannot be read.
    """
    snapshots = read(course, assignment, student).snapshots
    told = [f"{s.points.score:g} points on {_day(s.date)}, the first grade." for s in snapshots[:1]]
    for old, new in pairwise(snapshots):
        reasons: dict[str, None] = {}
        for _, _, _, kinds in _differences(old.points, new):
            reasons |= dict.fromkeys(filter(None, (_REASONS[kind][1] for kind in kinds)))
        if any(_differences(old.points, new)):
            why = _and(list(reasons)) or "the reason was not recorded"
            told.append(f"{_totals(old.points, new.points)} on {_day(new.date)}: {why}.")
    return told


def provenance(course: Course, assignment: str, student: str) -> dict[str, Any]:
    """Return where the points of a submission come from, as an appeal needs it.

    Parameters
    ----------
    course : Course
        The course.
    assignment, student : str
        Whose points, and for what.

    Returns
    -------
    dict
        ``submission``, the SHA-256 of the notebook as it was handed in; ``submitted``, ``due`` and
        ``graded``, dates in ISO 8601; ``versions`` by name; ``cells``, a dict for each cell with
        ``auto``, ``manual``, ``extra``, ``points`` and ``max_points``; ``late_penalty``, ``score``
        and ``max_score``. What is not known is empty or None. The dict is empty if nothing was
        noted.

    Raises
    ------
    CourseError
        If the history cannot be read.
    """
    history = read(course, assignment, student)
    if not history.snapshots:
        return {}
    points = history.snapshots[-1].points
    made_from = history.made_from
    return {
        "submission": made_from.get("submission", ""),
        "submitted": made_from.get("submitted", ""),
        "due": made_from.get("due", ""),
        "graded": history.graded,
        "versions": made_from.get("versions", {}),
        "cells": {
            name: {**vars(cell), "points": cell.points} for name, cell in points.cells.items()
        },
        "late_penalty": points.late_penalty,
        "score": points.score,
        "max_score": points.max_score,
    }


def format_minute(date: str) -> str:
    """Format a date in ISO 8601 for people; "none" if it is empty.

    Examples
    --------
    >>> format_minute("2026-03-31T18:00:00+00:00")
    '2026-03-31 18:00 UTC'
    """
    if not date:
        return "none"
    return f"{datetime.datetime.fromisoformat(date).astimezone(datetime.UTC):%Y-%m-%d %H:%M UTC}"


def _sorted(histories: dict[str, History]) -> list[Change]:
    found = [change for student in histories for change in _changes(student, histories[student])]
    return sorted(found, key=lambda change: change.date)


def _changes(student: str, history: History) -> Iterator[Change]:
    for old, new in pairwise(history.snapshots):
        for cell, before, after, kinds in _differences(old.points, new):
            if before is None and kinds == ["hand"]:
                continue  # the first grade of an answer, and no change of one
            told = [_REASONS[kind][0].format(_moved(kind, new)) for kind in kinds]
            yield Change(new.date, student, cell, before, after, _and(told))


def _totals(old: Points, new: Points) -> str:
    if old.max_score == new.max_score:
        return f"{old.score:g} → {new.score:g}"
    return f"{old.score:g} of {old.max_score:g} → {new.score:g} of {new.max_score:g}"


def _differences(
    old: Points, new: Snapshot
) -> Iterator[tuple[str, float | None, float | None, list[str]]]:
    """Yield each cell whose points differ, with both, and the kinds of reasons."""
    cells = new.points.cells
    for name in {**old.cells, **cells}:
        before, after = old.cells.get(name), cells.get(name)
        points = [cell.points if cell else None for cell in (before, after)]
        if points[0] != points[1]:
            yield name, points[0], points[1], _why(name, before, after, new)
    if old.late_penalty != new.points.late_penalty:
        kinds = _changed(_OF_A_PENALTY, new.before, new.made_from)
        earned = [sum(cell.points or 0 for cell in held.values()) for held in (old.cells, cells)]
        if earned[0] != earned[1]:
            kinds = [*(kind for kind in kinds if kind not in ("none", "unknown")), "points"]
        yield LATE_PENALTY, old.late_penalty, new.points.late_penalty, kinds


def _why(
    name: str, before: CellPoints | None, after: CellPoints | None, new: Snapshot
) -> list[str]:
    if before is None or after is None:
        return ["new" if before is None else "gone"]
    kinds = []
    if before.manual != after.manual:
        kinds.append("hand")
    elif before.manual is None and before.auto != after.auto:
        kinds += _changed(_OF_A_CELL, new.before, new.made_from, name)
    if before.extra != after.extra:
        kinds.append("extra")
    return kinds


def _changed(kinds: Sequence[str], before: MadeFrom, after: MadeFrom, cell: str = "") -> list[str]:
    """Return what differs between what two grades were made from."""
    shared = [kind for kind in kinds if kind in before and kind in after]
    if not (before.get("versions") and after.get("versions")):  # one of them did not run
        shared = [kind for kind in shared if kind != "versions"]
    if not shared:
        return ["unknown"]

    def value(kind: str, made_from: MadeFrom) -> Any:
        return made_from[kind].get(cell) if kind == "tests" else made_from[kind]

    found = [kind for kind in shared if value(kind, before) != value(kind, after)]
    return found or ["none"]


def _moved(kind: str, snapshot: Snapshot) -> str:
    """Return old and new value of what can be shown."""
    old, new = (made_from.get(kind, "") for made_from in (snapshot.before, snapshot.made_from))
    if kind == "versions":
        return ", ".join(
            f"{name} {old.get(name, '(unknown)')} → {new.get(name, '(unknown)')}"
            for name in {**old, **new}
            if old.get(name) != new.get(name)
        )
    return f"{format_minute(old)} → {format_minute(new)}" if kind in ("submitted", "due") else ""


def _day(date: str) -> str:
    day = datetime.datetime.fromisoformat(date).astimezone()
    return f"{day.day} {MONTHS[day.month - 1]}"


def _and(phrases: Sequence[str]) -> str:
    *first, last = phrases or [""]
    return f"{', '.join(first)}, and {last}" if first else last


def _row(change: Change) -> list[str | float | None]:
    return [getattr(change, column) for column in COLUMNS]


def _page(assignment: str, changes: Sequence[Change]) -> str:
    title = html.escape(f"{assignment}: how points changed")
    header = "".join(f"<th scope='col'>{column}</th>" for column in COLUMNS)
    rows = "\n".join(
        "<tr>"
        + "".join(
            f"<td class='number'>{'' if value is None else f'{value:g}'}</td>"
            if isinstance(value, float | int | None)
            else f"<td>{html.escape(printable(value, LONGEST_LINE))}</td>"
            for value in _row(change)
        )
        + "</tr>"
        for change in changes
    )
    return (
        "<!DOCTYPE html>\n<html lang='en'>\n<head>\n<meta charset='utf-8'>\n"
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        f"<table>\n<thead><tr>{header}</tr></thead>\n<tbody>\n{rows}\n</tbody>\n</table>\n"
        "</body>\n</html>\n"
    )

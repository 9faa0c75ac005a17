"""Sort the cells of a notebook that came back: answers, cells of the learner's own, given ones.

The rule, as the exercises tell it: what counts is what the notebook defines when it runs from top
to bottom, in the answer cells and in cells of the learner's own.
"""

import builtins
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nbformat import NotebookNode

from mnist_course.grading.course.assignment import Assignment, Task, nbgrader_metadata

from .definitions import Statement, defined_by_sight, statements

NOT_ATTEMPTED = "raise NotImplementedError"
# What nbgrader's ClearSolutions puts in the place of a solution; its code isn't imported, because
# that loads nbclient into every worker.
STUB = {"# YOUR CODE HERE", "raise NotImplementedError()", NOT_ATTEMPTED, "YOUR ANSWER HERE"}
MOST_CODE = 400_000  # characters of a notebook that are looked into

_SOLUTION = re.compile(r"(?ms)^([^\S\n]*)### BEGIN SOLUTION.*?### END SOLUTION")
_BUILTINS = frozenset(dir(builtins)) | {"get_ipython", "display"}


@dataclass
class Answer:
    """What a notebook answers to a task or a question.

    Attributes
    ----------
    name : str
        The grade id of its cell.
    names : frozenset of str
        What it is to define; nothing if it is a text.
    texts : list of str
        What is in its cells, in their order. Several cells have one grade id after *Split Cell*.
    written : bool
        Whether any of it is the learner's.
    cells : list of int
        The numbers of these cells in the notebook, from 1.
    found : bool
        Whether the notebook has a cell for it at all.
    recognized : bool
        Whether it was found by what it defines, or where it stands, rather than by an id.
    unseen : bool
        Whether the notebook lacks the whole task, its check, too, but not all ids: as when the
        task was added later.
    attachments : dict
        The pictures in these cells, as nbformat keeps them.
    """

    name: str
    names: frozenset[str] = frozenset()
    texts: list[str] = field(default_factory=list)
    written: bool = False
    cells: list[int] = field(default_factory=list)
    found: bool = False
    recognized: bool = False
    unseen: bool = False
    attachments: dict[str, Any] = field(default_factory=dict)


@dataclass
class OwnCell:
    """A cell that the learner has added, or what they have added to a given cell.

    Attributes
    ----------
    number : int
        Its number in the notebook, from 1.
    before : int
        The position, from 0, of the cell of the assignment before which it stands.
    cell : nbformat.NotebookNode
        All of it.
    kept : list of Statement
        What an answer needs of it: the part that is run.
    """

    number: int
    before: int
    cell: NotebookNode
    kept: list[Statement] = field(default_factory=list)


@dataclass
class Sorted:
    """The cells of a notebook by what they are for.

    Attributes
    ----------
    answers : dict of str to Answer
        By grade id, in the order of the assignment.
    own : list of OwnCell
        In their order.
    position : dict of int to int
        The position in the assignment, from 0, of the cells that are part of it, by their numbers.
    without_ids : bool
        Whether no cell has an id of the assignment.
    borrowed : dict of str to dict of str to int
        For each answer, the names that it takes from cells of the learner's own, with the number
        of the cell that defines each first.
    undefined : dict of str to list of str
        For each answer, the names that it needs and that nothing defines.
    again : dict of str to int
        The graded names that are defined again between their answer and its check, which counts,
        with the number of the cell.
    late : dict of str to int
        The graded names that are defined again after their check, where that is left out, with the
        number of the cell.
    """

    answers: dict[str, Answer]
    own: list[OwnCell]
    position: dict[int, int]
    without_ids: bool
    borrowed: dict[str, dict[str, int]] = field(default_factory=dict)
    undefined: dict[str, list[str]] = field(default_factory=dict)
    again: dict[str, int] = field(default_factory=dict)
    late: dict[str, int] = field(default_factory=dict)


def sort_cells(assignment: Assignment, submission: NotebookNode) -> Sorted:
    """Find the answers in a notebook, and what they need of the cells that the learner has added.

    Parameters
    ----------
    assignment : Assignment
        What was asked.
    submission : nbformat.NotebookNode
        What came back, as `read.parse` returns it.

    Returns
    -------
    Sorted
        Of an answer with a cell of its own, all its cells count. An answer without one, or whose
        cell is as it was released, is recognized by what it defines; text, by where it stands.
    """
    return _Sorting(assignment, submission).sort()


def grade_id(cell: Any) -> str:
    """Return nbgrader's name of a cell; empty if it has none."""
    name = nbgrader_metadata(cell).get("grade_id")
    return name if isinstance(name, str) else ""


def released(cell: NotebookNode) -> str:
    """Return the source of an answer cell as learners get it."""
    stub = r"\1# YOUR CODE HERE\n\1raise NotImplementedError()"
    return _SOLUTION.sub(stub if cell.cell_type == "code" else "YOUR ANSWER HERE", cell.source)


def is_written(cell: NotebookNode, answer: str) -> bool:
    """Tell whether an answer has a line of the learner's, given its cell in the assignment."""
    given = released(cell)
    is_stub = given != cell.source or "raise NotImplementedError()" in given
    kept = _lines(given) if is_stub or "YOUR ANSWER HERE" in given else set()
    return not _lines(answer) <= STUB | kept


def _lines(text: str) -> set[str]:
    return {line.strip() for line in text.splitlines()} - {""}


class _Sorting:
    """The steps of `sort_cells`, with what each of them needs to know.

    Positions are those in the assignment, from 0; numbers are those in the notebook, from 1.
    """

    def __init__(self, assignment: Assignment, submission: NotebookNode) -> None:
        self.tasks = [task for task in assignment.tasks if task.answer]
        self.questions = [question for question in assignment.reflections if question.answer]
        self.source = assignment.notebook.cells
        self.places = {name: i for i, cell in enumerate(self.source) if (name := grade_id(cell))}
        self.cells = dict(enumerate(submission.get("cells", []), start=1))
        self.room = MOST_CODE
        self.read: dict[str, list[Statement] | None] = {}
        # What each cell is, as far as that is known.
        self.position = dict(self._match())
        # Where there is no check, what follows it in the assignment ends what it could see.
        self.checks = {
            task.answer: min(
                (n for n, at in self.position.items() if at >= self.places.get(task.check, at + 1)),
                key=lambda number: (self.position[number], number),
                default=len(self.cells) + 1,
            )
            for task in self.tasks
        }
        self.given = {
            name
            for cell in self.source
            if cell.cell_type == "code" and grade_id(cell) not in assignment.answers
            for name in self._binds(cell.source)
        }
        self.graded = {task.answer: self._asked_for(task) for task in self.tasks}
        self.answers = {
            name: Answer(name, frozenset(self.graded.get(name, ()))) for name in assignment.answers
        }

    def sort(self) -> Sorted:
        """Take the steps in their order."""
        for number, cell in self.cells.items():
            name = grade_id(self.source[self.position[number]]) if number in self.position else ""
            if answer := self.answers.get(name):
                answer.found = True
                self._add(answer, number, _text(cell))
        for answer in self.answers.values():
            self._leave_out_stubs(answer)
        for task in self.tasks:
            self._recognize_code(task, self.answers[task.answer])
        for question in self.questions:
            self._recognize_text(question, self.answers[question.answer])
        without_ids = not any(grade_id(cell) in self.places for cell in self.cells.values())
        there = set(self.position.values())
        for task in self.tasks:
            answer = self.answers[task.answer]
            no_check = self.places.get(task.check) not in there
            answer.unseen = no_check and not answer.found and not without_ids
        found = Sorted(self.answers, list(self._own()), self.position, without_ids)
        self._keep_what_is_needed(found)
        return found

    def _match(self) -> Iterator[tuple[int, int]]:
        """Yield numbers with the position of the cell that each is, by its id or else its text."""
        by_text: dict[str, list[int]] = {}
        for position, cell in enumerate(self.source):
            for text in {cell.source.strip(), released(cell).strip(), _heading(cell)} - {""}:
                by_text.setdefault(text, []).append(position)
        for number, cell in self.cells.items():
            if (name := grade_id(cell)) in self.places:
                yield number, self.places[name]
                continue
            for text in filter(None, (_text(cell).strip(), _heading(cell))):
                if positions := by_text.get(text):
                    yield number, positions.pop(0) if len(positions) > 1 else positions[0]
                    break

    def _asked_for(self, task: Task) -> set[str]:
        """Name what the check of a task asks for, which its answer is to define."""
        answer = self._binds(released(self.source[self.places[task.answer]]))
        if task.check not in self.places:
            return answer
        asked = self._needs(self.source[self.places[task.check]].source) - self.given - _BUILTINS
        return (asked & answer) or asked or answer

    def _add(self, answer: Answer, number: int, text: str) -> None:
        if text.strip():
            answer.texts.append(text)
            answer.cells.append(number)
        answer.attachments |= self.cells[number].get("attachments", {})

    def _is_written(self, answer: Answer, text: str) -> bool:
        return is_written(self.source[self.places[answer.name]], text)

    def _leave_out_stubs(self, answer: Answer) -> None:
        """Leave out cells as they were released if others are not, which they would undo."""
        parts = list(zip(answer.texts, answer.cells, strict=True))
        written = [part for part in parts if self._is_written(answer, part[0])]
        answer.written = bool(written)
        # A line that was given, alone, may be a half of the cell.
        kept = [part for part in parts if part in written or not _lines(part[0]) & STUB]
        parts = kept if answer.written else parts[-1:]
        answer.texts, answer.cells = [text for text, _ in parts], [number for _, number in parts]

    def _recognize_code(self, task: Task, answer: Answer) -> None:
        """Find an answer by what it defines, if it isn't in its own cell."""
        if answer.written:
            return
        names = self.graded[task.answer]
        found = []
        for number, cell in self.cells.items():
            text = _text(cell)
            if cell.cell_type != "code" or not names & self._binds(text):
                continue
            if number in self.position:  # written into a cell for something else
                parts = self._parts(text) or []
                text = "\n".join(part.code for part in parts if part.binds & names)
            if self._is_written(answer, text):
                found.append((number, text))
        if not found:
            return
        before = [part for part in found if part[0] < self.checks[task.answer]]
        answer.texts, answer.cells = [], []
        answer.found = answer.written = answer.recognized = True
        for number, text in before or found:
            self._add(answer, number, text)
            self.position.setdefault(number, self.places[answer.name])

    def _recognize_text(self, question: Task, answer: Answer) -> None:
        """Add what is written below a question, outside its cell."""
        heading = self.source[question.cell].source
        section = range(question.cell, self._end_of_section(question.cell))
        reached = self._reached()
        for number, cell in self.cells.items():
            text = _text(cell)
            if reached[number] not in section:
                continue
            if self.position.get(number) == question.cell and text.startswith(heading):
                text = text.removeprefix(heading).strip()  # written into the cell of the question
            elif number in self.position or (cell.cell_type == "code" and self._parts(text)):
                continue
            if not self._is_written(answer, text):
                continue
            if not answer.written:
                answer.texts, answer.cells = [], []
                answer.found = answer.written = answer.recognized = True
            self._add(answer, number, text)
            self.position.setdefault(number, self.places[answer.name])

    def _end_of_section(self, heading: int) -> int:
        following = range(heading + 1, len(self.source))
        headings = (i for i in following if _heading(self.source[i]).startswith("## "))
        return next(headings, len(self.source))

    def _own(self) -> Iterator[OwnCell]:
        """Yield the learner's own cells, and what they have added to given ones."""
        reached = self._reached()
        following = dict[int, int]()
        position = -1
        for number in reversed(self.cells):
            following[number] = position = self.position.get(number, position)
        for number, cell in self.cells.items():
            if number not in self.position:
                if _text(cell).strip():
                    # A text stays below what it is about. Code comes before what may need it,
                    # unless that has been moved here from further up.
                    is_code = cell.cell_type == "code" and self._parts(_text(cell))
                    stays = not is_code or following[number] < reached[number]
                    last = max(following[number], 0)
                    between = range(reached[number] + 1, last)
                    before = between.start if stays else self._first_check(between, last)
                    yield OwnCell(number, before, cell)
                continue
            original = self.source[self.position[number]]
            if original.cell_type == cell.cell_type == "code" and (
                added := self._added(original, _text(cell))
            ):
                own = NotebookNode({**cell, "source": added})
                yield OwnCell(number, self.position[number] + 1, own)

    def _first_check(self, positions: range, default: int) -> int:
        """Return where the first check is among positions, which the notebook may lack."""
        places = (self.places.get(task.check, -1) for task in self.tasks)
        return min((place for place in places if place in positions), default=default)

    def _reached(self) -> dict[int, int]:
        """Return the furthest position that the cells up to each number have reached."""
        positions = (self.position.get(number, -1) for number in self.cells)
        return dict(zip(self.cells, itertools.accumulate(positions, max), strict=True))

    def _added(self, original: NotebookNode, text: str) -> str:
        """Return what a given cell defines besides what was given."""
        if grade_id(original) in self.answers or text.strip() == original.source.strip():
            return ""
        known = self.given.union(*self.graded.values())
        parts = [part for part in self._parts(text) or [] if part.binds and not part.binds & known]
        return "\n".join(part.code for part in parts)

    def _keep_what_is_needed(self, found: Sorted) -> None:
        """Keep what the answers need of the learner's own cells, and note who needs what."""
        own = [
            (cell, part)
            for cell in found.own
            if cell.cell.cell_type == "code"
            for part in self._parts(_text(cell.cell)) or []
        ]
        assigned = {name for _, part in own if not part.is_definition for name in part.binds}
        # What was given stays as it was, and so does what the checks above a cell have looked at.
        fixed = {cell.number: self.given | self._settled(cell.number) for cell in found.own}
        sources: dict[str, list[int]] = {}
        for index, (cell, part) in enumerate(own):
            for name in (part.binds | part.changes & assigned) - fixed[cell.number]:
                sources.setdefault(name, []).append(index)
            for name in part.binds & self._settled(cell.number):
                found.late[name] = cell.number
            for answer in self.answers.values():
                if answer.written and answer.cells[-1] < cell.number:
                    names = part.binds & answer.names - fixed[cell.number]
                    found.again |= dict.fromkeys(names, cell.number)
        everything = {index for index, (_, part) in enumerate(own) if part.imports_all}
        defined = self.given.union(_BUILTINS, *map(self._bound, self.answers.values()))
        kept: set[int] = set()
        for answer in (self.answers[task.answer] for task in self.tasks):
            reads = {name for text in answer.texts for name in self._needs(text)}
            wanted = [*reads, *self.graded[answer.name]]
            known, needed = set(wanted), set[int]()
            for name in wanted:  # which grows
                # A part that binds many names is looked at for the first of them only.
                for index in sources.get(name, []):
                    if index not in needed:
                        needed.add(index)
                        wanted += own[index][1].needs - known
                        known |= own[index][1].needs
            mine = needed | everything
            bound = {name for index in mine for name in own[index][1].binds}
            for name in sorted(reads & sources.keys() & bound):
                number = own[sources[name][0]][0].number
                found.borrowed.setdefault(answer.name, {})[name] = number
            unknown = sorted(known - defined - bound)
            if answer.written and unknown and not everything:
                found.undefined[answer.name] = unknown
            kept |= mine
        for index in sorted(kept):
            own[index][0].kept.append(own[index][1])

    def _settled(self, number: int) -> set[str]:
        """Name what the checks above a cell have asked for, and found written."""
        return {
            name
            for answer in self.answers.values()
            if answer.written and self.checks.get(answer.name, number) < number
            for name in self.graded[answer.name]
        }

    def _bound(self, answer: Answer) -> set[str]:
        return {name for text in answer.texts for name in self._binds(text)}

    def _binds(self, text: str) -> set[str]:
        if (parts := self._parts(text)) is None:
            return defined_by_sight(text)
        return {name for part in parts for name in part.binds}

    def _needs(self, text: str) -> set[str]:
        return {name for part in self._parts(text) or [] for name in part.needs}

    def _parts(self, text: str) -> list[Statement] | None:
        """Take code apart, once, and no more than `MOST_CODE` of a notebook."""
        if text not in self.read:
            self.room -= len(text)
            self.read[text] = statements(text) if self.room >= 0 else None
        return self.read[text]


def _text(cell: NotebookNode) -> str:
    return str(cell.get("source", ""))


def _heading(cell: NotebookNode) -> str:
    """Return the heading with which a cell begins; empty if it has none."""
    first = _text(cell).partition("\n")[0].strip()
    return first if cell.cell_type == "markdown" and first.startswith("#") else ""

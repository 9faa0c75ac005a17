"""Collect a class: put what Moodle or Canvas packed, or a folder, where submissions are graded."""

import csv
import datetime
import hashlib
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any

from mnist_course._files import atomic
from mnist_course._text import counted
from mnist_course._untrusted import printable
from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import Assignment, read_assignment
from mnist_course.grading.course.roster import ROSTER, Person, require_roster
from mnist_course.grading.course.settings import Course
from mnist_course.grading.gradebook.records import open_gradebook, write_notes

from .archives import LimitedExtractor
from .collect import time_in_name
from .find import belongs
from .platforms import People, Submitted, canvas_numbers, name_key, parse_name, why_unknown
from .read import (
    IGNORED_FILES,
    LARGEST_NOTEBOOK,
    TIMESTAMP,
    RejectedError,
    list_files,
    parse,
    read_regular,
    read_timestamp,
    some_names,
)

DOWNLOADED = "downloaded"  # nbgrader's folder for what comes from a platform
MOODLE = "moodle.csv"  # in there: what to call a person's feedback for Moodle
REPLACED = "replaced"  # in there: notebooks that newer ones have replaced
ARCHIVES = (".zip", ".tar.gz", ".tgz", ".gz")
# What browsers, desktops and Canvas add to the name of a file that they have already.
_COPY = r"(?: ?\(\d+\)| - Copy|-\d+)*"


@dataclass(frozen=True)
class Row:
    """What is there of one person.

    Attributes
    ----------
    student, name : str
        Their id and their name.
    status : str
        "in", "in, late", or "not in".
    source : str
        Where it came from, and what its author called it; or that it was there before.
    """

    student: str
    name: str
    status: str
    source: str = ""


@dataclass
class Collection:
    """What came of collecting an assignment.

    Attributes
    ----------
    assignment : str
        Its name.
    rows : list of Row
        Everybody on the roster, in its order.
    written : list of pathlib.Path
        The files written: notebooks, and last what to call feedback for Moodle.
    notices : list of str
        What was decided that a person may want to know; a sentence each.
    problems : list of str
        What was left out, why, and what to do; a sentence each.
    """

    assignment: str
    rows: list[Row] = field(default_factory=list)
    written: list[Path] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """How many are in."""
        present = sum(row.status != "not in" for row in self.rows)
        return f"{present:,} of {counted(len(self.rows), 'student')} in."

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as what JSON can hold."""
        return {**asdict(self), "written": [str(path) for path in self.written]}


def collect(course: Course, name: str, files: Sequence[Path]) -> Collection:
    """Collect the notebooks of a class into ``submitted/``.

    Parameters
    ----------
    course : Course
        The course, with a roster.
    name : str
        The name of the assignment.
    files : sequence of pathlib.Path
        Archives of Moodle or Canvas as they were downloaded; folders of what was in one, or with a
        folder, an archive or a notebook for each student, named after their id; archives and
        notebooks named so; and grading worksheets of Moodle, which tell who has which number.
        Without any, nothing is collected, and the rows say who is in.

    Returns
    -------
    Collection
        Who is in and who is not, and what was left out.

    Raises
    ------
    CourseError
        If the course has no roster, there is no such assignment, or a file cannot be read at all.
    """
    assignment = read_assignment(course.source, name)
    roster = require_roster(course.root)
    if missing := [file for file in files if not file.exists()]:
        raise CourseError(
            f"{missing[0]} does not exist: name the archives, folders and worksheets to collect."
        )
    collector = _Collector(course, assignment, People(roster))
    for file in files:
        if file.suffix.lower() == ".csv":
            collector.numbers |= collector.people.numbered(file)
    with tempfile.TemporaryDirectory(dir=course.root, prefix=".collect.") as temporary:
        collector.temporary = Path(temporary)
        for file in files:
            if file.suffix.lower() != ".csv":
                collector.add(file)
        collector.write()
    collector.report()
    return collector.collection


def moodle_prefixes(course: Course, name: str) -> dict[str, str]:
    """Return what Moodle put before the names of each student's files when it packed them.

    Parameters
    ----------
    course : Course
        The course.
    name : str
        The name of the assignment.

    Returns
    -------
    dict of str to str
        By student; empty if nothing came from Moodle.
    """
    try:
        with (course.root / DOWNLOADED / name / MOODLE).open(encoding="utf-8", newline="") as file:
            return {row["id"]: row["prefix"] for row in csv.DictReader(file)}
    except FileNotFoundError:
        return {}


@dataclass(frozen=True)
class _File:
    """A file of a known person."""

    name: str  # as its author called it, perhaps with folders
    shown: str  # where it was, for people
    path: Path
    source: str = ""  # the platform, the archive, or the folder
    late: bool = False
    time: str = ""
    order: int = 0


@dataclass
class _Collector:
    course: Course
    assignment: Assignment
    people: People

    def __post_init__(self) -> None:
        self.collection = Collection(self.assignment.name)
        self.extractor = LimitedExtractor(config=self.course.config)
        self.numbers: dict[str, Person] = {}  # from Moodle's worksheet
        self.prefixes: dict[str, str] = {}
        self.temporary = Path()
        self.files: dict[str, list[_File]] = {}
        self.sources: dict[str, str] = {}
        self.late: set[str] = set()
        self.folder = self.course.root / DOWNLOADED / self.assignment.name

    def add(self, source: Path) -> None:
        """Find out whose the files of an archive or a folder are."""
        if source.is_dir():
            paths = (path for path in sorted(source.rglob("*")) if path.is_file())
            named = [(path.relative_to(source).as_posix(), path) for path in paths]
            self._add_all(named, source.name, by_id=True)
        elif _is_archive(source.name) and not self.people.beginning(_stem(source.name)):
            try:
                found = list(self.extractor.unpack_class(source, self._new_folder()))
            except RejectedError as error:
                self._problem(source.name, str(error))
                return
            for name, content in found:
                if isinstance(content, str):
                    self._problem(f"{source.name}: {name}", content)
            named = [(name, content) for name, content in found if isinstance(content, Path)]
            self._add_all(named, source.name, by_id=False)
        else:
            self._add_all([(source.name, source)], "", by_id=True)

    def _add_all(self, named: list[tuple[str, Path]], archive: str, *, by_id: bool) -> None:
        submitted: list[tuple[Submitted, Path]] = []
        for name, path in named:
            parts = name.split("/")
            if IGNORED_FILES.intersection(parts) or any(part.startswith(".") for part in parts):
                continue  # such as what git keeps in a clone
            found = parse_name(name)
            whose = self.people.beginning(_stem(parts[0])) if by_id else None
            if found and not (whose and self._whose(found, 1)[0] is None):
                submitted.append((found, path))
            elif whose:
                person, rest = whose
                time, rest = time_in_name(rest)
                file = "/".join(parts[1:]) or f"{rest}{parts[0].removeprefix(_stem(parts[0]))}"
                shown = _shown(archive, name)
                self._take(person, _File(file, shown, path, archive or name, time=time))
            elif by_id and _is_archive(name):
                self._problem(
                    _shown(archive, name),
                    "its name begins with nobody's id: if it is the archive of a whole class, "
                    "collect it by itself.",
                )
            else:
                self._problem(_shown(archive, name), why_unknown(name))
        self._add_submitted(submitted, archive)

    def _add_submitted(self, submitted: list[tuple[Submitted, Path]], archive: str) -> None:
        """Take the files that are named as a platform does, person by person."""
        groups: dict[tuple[str, str, str], list[tuple[Submitted, Path]]] = {}
        for found, path in submitted:
            groups.setdefault((found.platform, found.name, found.number), []).append((found, path))
        namesakes = Counter((platform, name_key(name)) for platform, name, _ in groups)
        for (platform, name, number), files in groups.items():
            person, problem = self._whose(files[0][0], namesakes[platform, name_key(name)])
            if person is None:
                what = f"{name} ({platform}'s number {number}, {counted(len(files), 'file')})"
                self._problem(_shown(archive, what), problem)
                continue
            for found, path in files:
                shown = _shown(archive, found.prefix + found.file)
                if others := self._others(person, found):
                    ids = " or by ".join([person.id, *others])
                    self._problem(
                        shown,
                        f"the file may be by {ids}: look in Canvas whose it is, and copy it into "
                        "submitted/ yourself.",
                    )
                    continue
                self._take(
                    person,
                    _File(found.file, shown, path, platform, found.late, order=found.order),
                )
            if platform == "Moodle":
                prefixes = sorted(found.prefix for found, _ in files)
                self.prefixes[person.id] = prefixes[0]  # "_file" is before "_onlinetext"

    def _whose(self, found: Submitted, same: int) -> tuple[Person | None, str]:
        """Find a person on the roster, or say what is in the way.

        Parameters
        ----------
        found : Submitted
            What the name of a file says.
        same : int
            How many people in the archive have this name.
        """
        known: list[Person] = []
        people = named = self.people.named(found.name)
        if found.platform == "Moodle":
            column, more = "email or sis_id", "collect the archive together with Moodle's grading "
            more += "worksheet (in the assignment, 'Download grading worksheet')"
            if found.number in self.numbers:
                known = [self.numbers[found.number]]
        else:
            column, more = "canvas_id", f"write {found.number} into that column, where it belongs"
            known = self.people.at_canvas(found.number)
            people = [person for person in people if not person.canvas_id]
        if known and named and known[0] not in named:
            return None, (
                f"by the number this is {known[0].id}, by the name {named[0].id}: correct the "
                f"names or the {column} on {ROSTER}."
            )
        if known:
            return known[0], ""
        if len(people) == 1 and same == 1:
            return people[0], ""
        if not people:
            return None, (
                f"nobody on {ROSTER} is called so: correct the name there, or fill in {column} and "
                f"{more}."
            )
        ids = ", ".join(person.id for person in people)
        return None, (
            f"{same} in the archive and {len(people)} on {ROSTER} ({ids}) have this name: fill in "
            f"{column} there, and {more}."
        )

    def _others(self, person: Person, found: Submitted) -> list[str]:
        """Return who else may have handed in a file of Canvas.

        Who calls themselves "x_123", with the number of somebody else, has their own one later.
        """
        if found.platform != "Canvas":
            return []
        numbers = canvas_numbers(found.prefix + found.file)
        people = [one for number in numbers for one in self.people.at_canvas(number)]
        return sorted({one.id for one in people} - {person.id})

    def _take(self, person: Person, file: _File) -> None:
        """Add a file, or what is in it, to what a person handed in."""
        files = self.files.setdefault(person.id, [])
        if not _is_archive(file.name):
            files.append(file)
            return
        folder = self._new_folder()
        try:
            self.extractor.unpack(file.path, folder)
        except (RejectedError, FileNotFoundError) as error:
            self._problem(f"{person.id}: {file.shown}", str(error))
            return
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            inner = path.relative_to(folder).as_posix()
            shown = f"{file.shown}/{inner}"
            files.append(replace(file, name=inner, shown=shown, path=path))

    def write(self) -> None:
        """Put everybody's notebook into ``submitted/``."""
        due = self._due() if any(f.late for files in self.files.values() for f in files) else ""
        for student in self.people.roster:
            if files := self.files.get(student):
                self._write(student, files, due)
        if self.prefixes:
            merged = {**moodle_prefixes(self.course, self.assignment.name), **self.prefixes}
            path = self.folder / MOODLE
            with (
                atomic(path) as unfinished,
                unfinished.open("w", encoding="utf-8", newline="") as f,
            ):
                csv.writer(f).writerows([("id", "prefix"), *sorted(merged.items())])
            self.collection.written.append(path)

    def _write(self, student: str, files: list[_File], due: str) -> None:
        notebooks = [file for file in files if PurePosixPath(file.name).suffix == ".ipynb"]
        if others := [file.name for file in files if file not in notebooks]:
            self._notice(f"{student}: left out {some_names(others)}, as only notebooks are graded.")
        if not notebooks:
            self._problem(student, "no notebook was handed in: ask for the .ipynb file.")
            return
        chosen = self._choose(student, notebooks)
        if chosen is None:
            return
        file, target, data = chosen
        folder = self.course.submitted / student / self.assignment.name
        path = folder / target
        try:
            before = read_regular(folder, target, LARGEST_NOTEBOOK, self.course.submitted)
        except FileNotFoundError:
            before = None
        except RejectedError as error:
            self._problem(student, f"{path} is in the way: {error}")
            return
        self.sources[student] = f"{file.source}: {printable(file.name)}"
        if before != data:
            if before is not None:
                self._keep(student, path)
            with atomic(path) as unfinished:
                unfinished.write_bytes(data)
            self.collection.written.append(path)
        if file.late:
            self.late.add(student)
        if before == data and read_timestamp(folder, self.course.submitted):
            return  # somebody may have corrected it
        if file.late:
            self._notice(f"{student}: {_about_lateness(due, folder / TIMESTAMP)}")
        write_notes(folder, due if file.late else file.time, None)

    def _choose(self, student: str, notebooks: list[_File]) -> tuple[_File, str, bytes] | None:
        """Choose the notebook to grade, and return it with its new name and what it holds."""
        readable: list[tuple[_File, bytes]] = []
        for file in notebooks:
            try:
                readable.append(
                    (file, read_regular(file.path.parent, file.path.name, LARGEST_NOTEBOOK))
                )
            except (RejectedError, FileNotFoundError) as error:
                self._problem(f"{student}: {file.shown}", str(error))
        if not readable:
            return None
        name = self.assignment.name
        target = f"{name}.ipynb"
        right = [one for one in readable if _is_named(one[0].name, name)]
        if not right and (right := [one for one in readable if self._is_it(one[1])]):
            self._notice(
                f"{student}: took {some_names([right[-1][0].name])} for {target}, as it has its "
                "cells."
            )
        if not right and len(readable) == 1:
            target = PurePosixPath(readable[0][0].name).name
            self._notice(
                f"{student}: {some_names([readable[0][0].name])} is not {name}, by its name or its "
                "cells: look at it, or ask for the right one."
            )
            right = readable
        if not right:
            names = some_names([file.name for file, _ in readable])
            self._problem(student, f"none of {names} is {target}: ask for the right notebook.")
            return None
        # The last one that was uploaded; if nothing tells, the one whose name nothing was added to.
        file, data = max(
            right, key=lambda one: (one[0].order, PurePosixPath(one[0].name).stem == name)
        )
        if any(other != data for _, other in right):
            others = some_names([other.name for other, _ in right if other is not file])
            self._notice(
                f"{student}: took {some_names([file.name])}, not {others}, which is different: if "
                f"that is the one to grade, copy it to submitted/{student}/{name}/{target}."
            )
        return file, target, data

    def _is_it(self, data: bytes) -> bool:
        """Tell whether a notebook has cells for the assignment, whatever its name is."""
        try:
            return belongs(parse(data, self.assignment.name), self.assignment) > 0
        except RejectedError:
            return False

    def _keep(self, student: str, path: Path) -> None:
        """Keep a notebook that is about to be replaced."""
        data = path.read_bytes()
        time = datetime.datetime.fromtimestamp(path.stat().st_mtime, datetime.UTC)
        digest = hashlib.sha256(data).hexdigest()[:8]  # two may come within a second
        kept = self.folder / REPLACED / f"{student}_{time:%Y-%m-%d-%H-%M-%S}_{digest}.ipynb"
        with atomic(kept) as unfinished:
            unfinished.write_bytes(data)
        self._notice(f"{student}: handed in another notebook than before, which is kept as {kept}.")

    def _due(self) -> str:
        """Return a time just after the assignment was due; empty if it has no due date."""
        with open_gradebook(self.course) as gradebook:
            for assignment in gradebook.assignments:
                if assignment.name == self.assignment.name and assignment.duedate:
                    late = assignment.duedate + datetime.timedelta(seconds=1)
                    return f"{late:%Y-%m-%d %H:%M:%S} UTC"
        return ""

    def report(self) -> None:
        """Say who is in, who is not, and whose folders nobody knows."""
        name = self.assignment.name
        roster = self.people.roster
        for person in roster.values():
            source = self.sources.get(person.id, "")
            if not source and _has_notebook(self.course.submitted / person.id / name):
                source = "was there before"
            status = "in, late" if person.id in self.late else "in" if source else "not in"
            self.collection.rows.append(Row(person.id, person.name, status, source))
        submitted = self.course.submitted
        folders = sorted(path.name for path in submitted.iterdir()) if submitted.is_dir() else []
        for folder in folders:
            if folder in roster or not _has_notebook(submitted / folder / name):
                continue
            what = "add them, or delete the folder."
            if len(holders := self.people.by_id(folder)) == 1:
                what = (
                    f"it is what {holders[0].id} logs in with, so rename the folder to "
                    f"{holders[0].id}, or make that name their id."
                )
            self._notice(f"submitted/{printable(folder)}: nobody on {ROSTER} has this id: {what}")

    def _new_folder(self) -> Path:
        return Path(tempfile.mkdtemp(dir=self.temporary))

    def _notice(self, sentence: str) -> None:
        self.collection.notices.append(sentence)

    def _problem(self, what: str, sentence: str) -> None:
        self.collection.problems.append(f"{printable(what)}: {sentence}")


def _about_lateness(due: str, timestamp: Path) -> str:
    if due:
        return (
            f"late, but the name of the file does not say by how much: noted as {due}, a second "
            f"after the due date; if the exact time matters, write it into {timestamp}."
        )
    return (
        "late, but without a due date in the gradebook it costs nothing: set one with 'nbgrader db "
        "assignment add', then collect again."
    )


def _is_archive(name: str) -> bool:
    return name.lower().endswith(ARCHIVES)


def _stem(name: str) -> str:
    """Return the name of a file without what its kind adds."""
    lower = name.lower()
    for suffix in (*ARCHIVES, ".ipynb"):
        if lower.endswith(suffix):
            return name[: -len(suffix)]
    return name


def _is_named(file: str, name: str) -> bool:
    """Tell whether a file has the name of an assignment, whatever was added to it."""
    stem = PurePosixPath(file).stem
    return re.fullmatch(re.escape(name) + _COPY, stem, re.IGNORECASE) is not None


def _has_notebook(folder: Path) -> bool:
    return any(file.endswith(".ipynb") for file in list_files(folder))


def _shown(archive: str, name: str) -> str:
    return printable("/".join(filter(None, [archive, name])))

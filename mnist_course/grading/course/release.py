"""Generate the exercises from their source notebooks."""

import tempfile
from pathlib import Path

from mnist_course._files import atomic
from mnist_course.errors import CourseError
from mnist_course.grading.gradebook.cells import CellChanges
from mnist_course.grading.gradebook.records import ensure_assignment, read_cell_changes

from .assignment import list_assignments, read_assignment
from .assistants import HelpFromAI
from .process import run_nbgrader
from .settings import Course

AGENTS = "AGENTS.md"


def changes_to_grades(course: Course, assignment: str | None = None) -> list[CellChanges]:
    """Say what `release` would change in the gradebook of what is graded already.

    Parameters
    ----------
    course : Course
        The course.
    assignment : str, optional
        The name of one assignment; by default all.

    Returns
    -------
    list of CellChanges
        Of each assignment with submissions whose cells come, go, or are worth something else.

    Raises
    ------
    CourseError
        If there is no such assignment, or what people gave by hand would be lost.
    """
    found = (
        read_cell_changes(course, read_assignment(course.source, name))
        for name in select(course, assignment)
    )
    return [changes for changes in found if changes]


def release(course: Course, assignment: str | None = None) -> list[Path]:
    """Generate exercises with nbgrader, in place of those that are there.

    The gradebook learns of their cells. Where there are submissions, `changes_to_grades` says what
    that changes.

    Parameters
    ----------
    course : Course
        The course.
    assignment : str, optional
        The name of one assignment; by default all.

    Returns
    -------
    list of pathlib.Path
        The files written. The old exercise stays until the new one is complete.

    Raises
    ------
    CourseError
        If there is no such assignment, or nbgrader rejects the source notebook.
    """
    written = []
    for name in select(course, assignment):
        # On the same disk, so that files can be moved in one step.
        course.released.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=course.released.parent, prefix=".release.") as folder:
            generated = generate(course, name, Path(folder), "--no-db")
            ensure_assignment(course, read_assignment(course.source, name), change_cells=True)
            written += _replace(course.released / name, generated)
    if written and not has_instructions(course):
        agents = course.released / AGENTS
        with atomic(agents) as temporary:
            temporary.write_text(_instructions(course), encoding="utf-8")
        written.append(agents)
    return written


def has_instructions(course: Course) -> bool:
    """Whether the instructions for AI assistants state the course's rule, if it has one."""
    if not course.config.get(HelpFromAI.__name__):
        return True
    file = course.released / AGENTS
    return file.is_file() and file.read_text(encoding="utf-8", errors="replace") == _instructions(
        course
    )


def _instructions(course: Course) -> str:
    return HelpFromAI(config=course.config).instructions()


def select(course: Course, assignment: str | None) -> list[str]:
    """Return the names of all assignments of a course, or of the one that is wanted."""
    names = list_assignments(course.source)
    if assignment is None:
        return names
    if assignment not in names:
        raise CourseError(
            f"There is no assignment {assignment!r}: choose one of {', '.join(names)}."
        )
    return [assignment]


def generate(course: Course, name: str, output: Path, *options: str) -> Path:
    """Let nbgrader generate an exercise into a folder of `output`; return that folder."""
    folder = f"--CourseDirectory.release_directory={output.resolve()}"
    if reason := run_nbgrader(course, "generate_assignment", name, *options, folder):
        raise CourseError(
            f"nbgrader cannot generate the exercise {name} ({reason}): remove the cause, then run "
            "this again."
        )
    return output / name


def _replace(exercise: Path, generated: Path) -> list[Path]:
    """Move each file into place, and remove those that are no longer generated."""
    files = list_files(generated)
    written = [exercise / file for file in files]
    for file, target in zip(files, written, strict=True):
        target.parent.mkdir(parents=True, exist_ok=True)
        (generated / file).replace(target)
    for file in list_files(exercise):
        if file not in files:
            (exercise / file).unlink()
    return written


def list_files(folder: Path) -> list[Path]:
    """List the files under a folder, without those that Jupyter and Python leave behind."""
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(
        file
        for file in files
        if not any(part.startswith(".") or part == "__pycache__" for part in file.parts)
    )

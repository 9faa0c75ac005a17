"""Check that exercises and their source notebooks agree, and that learners can solve them."""

import filecmp
import multiprocessing
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from unittest import mock

import nbformat
from jupyter_client.kernelspec import NATIVE_KERNEL_NAME, KernelSpecManager
from nbformat import NotebookNode

from mnist_course.errors import CourseError
from mnist_course.grading.sandbox.supervisor import Sandbox, available

from .assignment import Assignment, nbgrader_metadata, read_assignment, read_notebook
from .release import AGENTS, generate, has_instructions, list_files, select
from .settings import Course

TOTAL = re.compile(r"\*\*Points:\*\* (\d+(?:\.\d+)?)")
CALL = re.compile(r"^check\.\w+\(", re.MULTILINE)
MARKERS = re.compile(r"(?:BEGIN|END) (?:SOLUTION|HIDDEN TESTS|MARK SCHEME)")
# What only hidden tests say: imports, data and plain calls are found in any notebook.
TESTING = re.compile(r"\bstudent\.|\bassert|\bdef test_|\bmark\.points\(")

# A file, a cell of it ("" for the file as a whole), and a sentence.
_Fault = tuple[Path, str, str]


@dataclass(frozen=True)
class Defect:
    """Something to fix before learners get an assignment.

    Attributes
    ----------
    assignment : str
        The name of the assignment.
    file : str
        The file to look at, relative to the folder of the course if it is in there.
    cell : str
        The grade id of the cell, or its number from 1 such as ``cell 3``; empty if it is about
        the file as a whole.
    message : str
        What is wrong, and what to do.
    """

    assignment: str
    file: str
    cell: str
    message: str


def check(
    course: Course,
    assignment: str | None = None,
    *,
    report: Callable[[str, int, int], None] = lambda *_: None,
) -> list[Defect]:
    """Look for everything that would be wrong with an assignment in a learner's hands.

    The exercise must be what nbgrader generates from the source notebook, without a line of the
    solutions or the hidden tests; points must be the same in text, cells and hidden tests; each
    task needs an objective, a hint, an answer and a check. In the sandbox, the solutions must run
    without an error or a warning, and the hidden tests must give them all points, and the untouched
    exercise none. What is in ``tests/submissions/NAME`` must earn and hear what its
    table says, and no public check may pass what the hidden tests take points from.

    Parameters
    ----------
    course : Course
        The course. None of its files is changed.
    assignment : str, optional
        The name of one assignment; by default all.
    report : callable, optional
        Called before each assignment with its name, its number and the number of assignments:
        the solutions run for up to a minute each.

    Returns
    -------
    list of Defect
        Empty if all is well. Where there is no sandbox, one of them says so.

    Raises
    ------
    CourseError
        If there is no such assignment.
    """
    names = select(course, assignment)
    defects = []
    reason = available()
    with (
        _kept_runs(),
        nullcontext() if reason else _sandbox(course, names) as sandbox,
        # Started afresh, as TensorFlow doesn't survive a fork, and only once there is work.
        ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as workers,
    ):
        for number, name in enumerate(names, start=1):
            report(name, number, len(names))
            for file, cell, message in _check(course, name, sandbox, workers):
                defects.append(Defect(name, course.relative(file).as_posix(), cell, message))
    if reason:
        message = f"The solutions and the exercises were not run in the sandbox: {reason}"
        defects.append(Defect(assignment or "", "", "", message))
    if not has_instructions(course):
        agents = course.relative(course.released / AGENTS).as_posix()
        message = (
            "it doesn't state the course's rule for AI assistants: run 'mnist-course release'."
        )
        defects.append(Defect(AGENTS, agents, "", message))
    if assignment is None:
        for folder in sorted(course.released.glob("[!.]*/")):
            if folder.name not in names:
                extra = course.relative(folder).as_posix()
                source = course.relative(course.source)
                message = f"there is no such assignment in {source}: remove it."
                defects.append(Defect(folder.name, extra, "", message))
    return defects


def _sandbox(course: Course, names: list[str]) -> Sandbox:
    """Make a sandbox that has imported what any of the assignments does."""
    imports: dict[str, list[str]] = {}
    for name in names:
        with suppress(CourseError):  # `_check` reports it
            for module, found in read_assignment(course.source, name).imports.items():
                imports.setdefault(module, []).extend(found)
    return Sandbox(course.grading.limits(), imports)


@contextmanager
def _kept_runs() -> Iterator[None]:
    """Let all processes share the runs that tests and checks train (see `debugging.try_all`)."""
    with (
        tempfile.TemporaryDirectory(prefix="mnist-course-") as folder,
        mock.patch.dict(os.environ, MNIST_COURSE_KEPT=folder),
    ):
        yield


def _check(
    course: Course, name: str, sandbox: Sandbox | None, workers: ProcessPoolExecutor
) -> Iterator[_Fault]:
    try:
        assignment = read_assignment(course.source, name)
    except CourseError as error:
        yield course.source / name / f"{name}.ipynb", "", str(error)
        return
    yield from _check_cells(assignment)
    yield from _check_tasks(assignment)
    yield from _check_points(assignment)
    untested = list(_check_hidden_points(assignment))
    yield from untested
    yield from _check_exercise(course, assignment)
    unknown = list(_check_kernel(assignment))
    yield from unknown
    if not untested and not unknown:
        yield from _check_solution(course, assignment, sandbox)
    yield from _check_matrix(course, assignment, workers)


def _check_cells(assignment: Assignment) -> Iterator[_Fault]:
    """Look for grade ids missing or repeated, check cells without a check, and outputs."""
    first: dict[str, int] = {}
    for position, cell in enumerate(assignment.notebook.cells):
        label = _label(position, cell)
        metadata = nbgrader_metadata(cell)
        if any(metadata.get(key) for key in ("grade", "solution", "locked")):
            grade_id = metadata.get("grade_id")
            if not grade_id:
                yield assignment.path, label, "it has no grade_id: give it one."
            elif grade_id in first:
                message = (
                    f"cell {position + 1} repeats the grade_id of cell {first[grade_id] + 1}: "
                    "give it one of its own."
                )
                yield assignment.path, label, message
            else:
                first[grade_id] = position
        if metadata.get("grade") and not metadata.get("solution") and not CALL.search(cell.source):
            message = "it calls no public check: add a call such as check.scale(scale)."
            yield assignment.path, label, message
        if cell.get("outputs") or cell.get("execution_count"):
            message = "it holds outputs: clear all outputs, then save the notebook."
            yield assignment.path, label, message


def _check_tasks(assignment: Assignment) -> Iterator[_Fault]:
    """Look for tasks that lack a part, and for headings with other points than their cells."""
    cells = assignment.notebook.cells
    points = assignment.points | assignment.manual_points
    announced = []
    for task in assignment.tasks:
        parts = {
            "objective: add a line '**Objective:** ...'": task.objective,
            "hint: add '<details><summary>Hint 1</summary> ... </details>'": task.hints,
            "answer cell: add one with a grade_id": task.answer,
            "check cell: add one with a grade_id": task.check,
        }
        for part, present in parts.items():
            if not present:
                message = f"task {task.number} has no {part}."
                yield assignment.path, _label(task.cell, cells[task.cell]), message
        if task.answer and task.check not in ("", f"check_{task.answer}"):
            message = f"it grades {task.answer}: change its grade_id to check_{task.answer}."
            yield assignment.path, task.check, message
        announced.append((task.cell, f"task {task.number}", task.points, task.check))
    for question in assignment.reflections:
        if not question.objective:
            message = "the reflection has no objective: add a line '**Objective:** ...'."
            yield assignment.path, _label(question.cell, cells[question.cell]), message
        announced.append((question.cell, "the reflection", question.points, question.answer))
    for position, what, promised, graded in announced:
        if graded and promised != points[graded]:
            message = (
                f"the points of {what} are {promised:g} in this heading and "
                f"{points[graded]:g} in the cell {graded}: make them equal."
            )
            yield assignment.path, _label(position, cells[position]), message
    for grade_id in sorted(points.keys() - {graded for *_, graded in announced}):
        message = (
            "it is worth points, but no heading announces it: add one such as "
            "'## Task 1: Scale to [0, 1] (3 points)', with one check cell."
        )
        yield assignment.path, grade_id, message


def _check_points(assignment: Assignment) -> Iterator[_Fault]:
    """Compare the total in the text with the points of the cells."""
    total = sum((assignment.points | assignment.manual_points).values())
    for position, cell in enumerate(assignment.notebook.cells):
        if cell.cell_type == "markdown" and (found := TOTAL.search(cell.source)):
            if float(found[1]) != total:
                message = (
                    f"the total of points is {found[1]} in the text and {total:g} in the cells: "
                    "make them equal."
                )
                yield assignment.path, _label(position, cell), message
            return
    message = f"the text names no total of points: add '**Points:** {total:g}'."
    yield assignment.path, "cell 1", message


def _check_hidden_points(assignment: Assignment) -> Iterator[_Fault]:
    """Compare the points of the check cells with those of the hidden tests."""
    # Not above: it takes seconds to import TensorFlow.
    from mnist_course.grading.judging.scoring import hidden_points

    if not assignment.tests.is_file():
        yield assignment.tests, "", "there are no hidden tests: write them in this file."
        return
    try:
        tested = hidden_points(assignment.tests)
    except CourseError as error:
        yield assignment.tests, "", str(error)
        return
    points = assignment.points
    for grade_id, worth in points.items():
        if grade_id not in tested:
            message = (
                f"no hidden test grades it: add one with @pytest.mark.points({worth:g}, "
                f'cell="{grade_id}").'
            )
            yield assignment.tests, grade_id, message
        elif tested[grade_id] != worth:
            message = (
                f"its points are {tested[grade_id]:g} in the hidden tests and {worth:g} in the "
                "cell: make them equal."
            )
            yield assignment.tests, grade_id, message
    for grade_id in sorted(tested.keys() - points.keys()):
        message = (
            f"hidden tests grade it, but {assignment.path.name} has no such check cell: name "
            f"one of {', '.join(points)}."
        )
        yield assignment.tests, grade_id, message


def _check_kernel(assignment: Assignment) -> Iterator[_Fault]:
    """Look for the kernel that the notebook names."""
    name = assignment.notebook.metadata.get("kernelspec", {}).get("name", NATIVE_KERNEL_NAME)
    if name not in KernelSpecManager().find_kernel_specs():
        message = f"there is no Jupyter kernel {name!r}: set the notebook's to python3."
        yield assignment.path, "", message


def _check_exercise(course: Course, assignment: Assignment) -> Iterator[_Fault]:
    """Compare the exercise with what its source generates, and look for secrets in it."""
    exercise = course.released / assignment.name
    notebook = Path(f"{assignment.name}.ipynb")
    fix = f"run 'mnist-course release {assignment.name}'."
    with tempfile.TemporaryDirectory() as temporary:
        try:
            folder = generate(course, assignment.name, Path(temporary), "--no-db")
        except CourseError as error:
            yield assignment.path, "", str(error)
            return
        files, expected = list_files(exercise), list_files(folder)
        for file in sorted({*files, *expected}):
            if file not in files:
                yield exercise / file, "", f"it is missing: {fix}"
            elif file not in expected:
                message = f"its source does not generate it: to remove it, {fix}"
                yield exercise / file, "", message
            elif file != notebook and not filecmp.cmp(
                exercise / file, folder / file, shallow=False
            ):
                yield exercise / file, "", f"it differs from its source: {fix}"
        if notebook not in files:
            return
        generated = read_notebook(folder / notebook)
    try:
        released = read_notebook(exercise / notebook)
    except CourseError as error:
        yield exercise / notebook, "", f"{error} To generate it again, {fix}"
        return
    for cell, message in _differences(released, generated):
        yield exercise / notebook, cell, f"{message}: {fix}"
    for cell, line in _leaks(released, generated, assignment):
        message = (
            f"it shows learners {line!r}, which belongs to the solutions or the hidden tests: "
            f"remove that from {assignment.path} if it is public there, then {fix}"
        )
        yield exercise / notebook, cell, message


def _differences(released: NotebookNode, generated: NotebookNode) -> Iterator[tuple[str, str]]:
    """Yield the cells in which two notebooks differ, each with the beginning of a sentence."""
    if released.metadata != generated.metadata:
        yield "", "its metadata are not those that its source generates"
    for position, (cell, expected) in enumerate(zip_longest(released.cells, generated.cells)):
        if cell != expected:
            yield _label(position, cell or expected), "it is not what its source generates"
            # From a cell too many or too few on, every cell differs.
            if len(released.cells) != len(generated.cells):
                return


def _leaks(
    released: NotebookNode, generated: NotebookNode, assignment: Assignment
) -> Iterator[tuple[str, str]]:
    """Yield the cells of an exercise with a line that learners must not see, each with it."""
    # What nbgrader releases is public, however much a solution may repeat of it.
    public = {line for cell in generated.cells for line in _lines(cell.source)}
    secrets = _solution_lines(assignment.notebook) - public | _test_lines(assignment.tests)
    for position, cell in enumerate(released.cells):
        for line in _lines(cell.source):
            if line in secrets or MARKERS.search(line):
                yield _label(position, cell), line
                break


def _solution_lines(notebook: NotebookNode) -> set[str]:
    lines = set()
    for cell in notebook.cells:
        # Without a marked region, nbgrader takes all of an answer for the solution.
        inside = bool(nbgrader_metadata(cell).get("solution")) and not MARKERS.search(cell.source)
        for line in _lines(cell.source):
            if marker := MARKERS.search(line):
                inside = marker[0].startswith("BEGIN")
            elif inside:
                lines.add(line)
    return lines


def _test_lines(tests: Path) -> set[str]:
    if not tests.is_file():
        return set()
    lines = _lines(tests.read_text(encoding="utf-8", errors="replace"))
    return {line for line in lines if TESTING.search(line) and not line.endswith("(")}


def _lines(text: str) -> list[str]:
    """Split a text into lines, without indentation, comment signs and Markdown's code signs."""
    return [line for line in (line.strip(" \t#>`") for line in text.splitlines()) if line]


def _check_solution(
    course: Course, assignment: Assignment, sandbox: Sandbox | None
) -> Iterator[_Fault]:
    """Grade the source notebook, which must run and earn everything, and its exercise: nothing."""
    # Not above: it takes seconds to import TensorFlow.
    from mnist_course.grading.judging.labelled import read_labelled
    from mnist_course.grading.judging.scoring import score
    from mnist_course.grading.judging.student import Unconfined

    spawn = (sandbox or Unconfined(course.grading.limits())).spawn
    path = course.grading.labelled_images
    labelled = read_labelled(course.root / path) if path else None
    solved = score(assignment, assignment.notebook, spawn=spawn, labelled=labelled)
    if solved.status != "graded":
        message = f"the solution doesn't run to its end: {solved.reason}"
        yield assignment.path, "", message
        return
    faults = list(_faults_of_cells(nbformat.reads(solved.notebook, as_version=4)))
    for cell, message in faults:
        yield assignment.path, cell, message
    if faults:
        return
    for name, earned in solved.cells.items():
        if earned.points < earned.max_points:
            message = (
                f"the solution earns {earned.points:g} of {earned.max_points:g} points, and hears "
                f"{' / '.join(earned.feedback)!r}: correct the hidden tests or the solution."
            )
            yield assignment.tests, name, message
    try:
        exercise = read_notebook(course.released / assignment.name / f"{assignment.name}.ipynb")
    except CourseError:
        return  # which has been said
    untouched = score(assignment, exercise, spawn=spawn, labelled=labelled)
    for name, earned in untouched.cells.items():
        if earned.points:
            message = (
                f"the untouched exercise earns {earned.points:g} of {earned.max_points:g} points: "
                "let every hidden test fail where nothing was written."
            )
            yield assignment.tests, name, message


def _faults_of_cells(notebook: NotebookNode) -> Iterator[tuple[str, str]]:
    """Yield the first cell that stopped with an error, and the answers that write to stderr."""
    for position, cell in enumerate(notebook.cells):
        label = _label(position, cell)
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                reason = (output.evalue.splitlines() or ["no message"])[0]
                yield label, f"the solution stops here ({output.ename}: {reason}): correct it."
                return
        # What is given may warn, of a missing data set say.
        metadata = nbgrader_metadata(cell)
        answered = metadata.get("grade") or metadata.get("solution")
        if answered and (warning := _stderr(cell)):
            yield label, f"the solution writes to stderr ({warning}): silence the cause."


def _check_matrix(
    course: Course, assignment: Assignment, workers: ProcessPoolExecutor
) -> Iterator[_Fault]:
    """Grade the course's own submissions to an assignment, if it has some."""
    # Not above: it takes seconds to import TensorFlow.
    from mnist_course.grading.judging.matrix import MATRIX, TABLE, find_disagreements

    folder = course.root / MATRIX / assignment.name
    if (folder / TABLE).is_file():
        for name, cell, message in find_disagreements(course.source, folder, workers):
            yield folder / f"{name}.py", cell, message


def _stderr(cell: NotebookNode) -> str:
    """Return the first line that a cell wrote to stderr."""
    for output in cell.get("outputs", []):
        if output.get("name") == "stderr" and output.text.strip():
            return str(output.text.strip().splitlines()[0])
    return ""


def _label(position: int, cell: NotebookNode) -> str:
    return nbgrader_metadata(cell).get("grade_id") or f"cell {position + 1}"

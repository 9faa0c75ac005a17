"""Read the source notebook of an assignment: its tasks, its answers, its points."""

import ast
import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from mnist_course.errors import CourseError

HEADING = re.compile(
    r"## (?:Task (?P<number>\d+)|Reflection): (?P<title>.+) \((?P<points>\d+(?:\.\d+)?) points?\)"
)
OBJECTIVE = re.compile(r"^\*\*Objective:\*\* (.+)$", re.MULTILINE)
CHAPTERS = re.compile(r"^\*\*Chapters?:\*\* (.+)$", re.MULTILINE)
LINK = re.compile(r"\[([^]]+)\]\((https?://[^\s)]+)\)")
HINT = re.compile(r"<summary>Hint \d+(?:: [^<]*)?</summary>(.*?)</details>", re.DOTALL)


@dataclass(frozen=True)
class Chapter:
    """A section of the book that teaches a task: its title, and its address."""

    title: str
    url: str


@dataclass(frozen=True)
class Task:
    """A task, or a question for reflection, as its text announces it, with its cells.

    Attributes
    ----------
    number : int
        Its number in the notebook; 0 for a question, which is graded by hand and has no check.
    title : str
        Its title.
    points : float
        The points that its heading promises.
    objective : str
        What a learner will be able to do; empty if the text has none.
    hints : tuple of str
        The text of each hint, from a nudge to nearly there.
    answer, check : str
        The grade ids of the answer cell and of the check cell; empty if there is no such cell.
    cell : int
        The position of the heading among the cells, from 0.
    chapters : tuple of Chapter
        Where it is taught, as a line such as ``**Chapter:** [Loading: Shapes](https://...)`` says.
    """

    number: int
    title: str
    points: float
    objective: str
    hints: tuple[str, ...]
    answer: str
    check: str
    cell: int
    chapters: tuple[Chapter, ...] = ()


@dataclass(frozen=True)
class Assignment:
    """A source notebook and what lies beside it.

    Attributes
    ----------
    name : str
        The name of the assignment, such as ``02_normalizing``.
    notebook : nbformat.NotebookNode
        The source notebook.
    tests : pathlib.Path
        The file of its hidden tests.
    """

    name: str
    notebook: NotebookNode
    tests: Path

    @property
    def path(self) -> Path:
        """The file of the source notebook."""
        return self.tests.with_name(f"{self.name}.ipynb")

    @property
    def points(self) -> dict[str, float]:
        """The points of each cell that is graded automatically, by grade id."""
        return {
            cell["grade_id"]: float(cell.get("points", 0))
            for cell in self._cells()
            if cell.get("grade") and not cell.get("solution")
        }

    @property
    def manual_points(self) -> dict[str, float]:
        """The points of each cell that is graded by hand, by grade id."""
        return {
            cell["grade_id"]: float(cell.get("points", 0))
            for cell in self._cells()
            if cell.get("grade") and cell.get("solution")
        }

    @property
    def answers(self) -> list[str]:
        """The grade ids of the cells that learners fill in, in their order."""
        return [cell["grade_id"] for cell in self._cells() if cell.get("solution")]

    @property
    def imports(self) -> dict[str, list[str]]:
        """The modules that its code imports, and the names that it imports from them."""
        found: dict[str, list[str]] = {}
        for cell in self.notebook.cells:
            with contextlib.suppress(SyntaxError):  # a cell with commands of IPython's
                for node in ast.walk(ast.parse(cell.source if cell.cell_type == "code" else "")):
                    if isinstance(node, ast.Import):
                        for alias in node.names:
                            found.setdefault(alias.name, [])
                    elif isinstance(node, ast.ImportFrom) and node.module:
                        found.setdefault(node.module, []).extend(name.name for name in node.names)
        return found

    @property
    def tasks(self) -> list[Task]:
        """The tasks that are graded automatically, in their order."""
        return self._parts(numbered=True)

    @property
    def reflections(self) -> list[Task]:
        """The questions that are answered in words and graded by hand, in their order."""
        return self._parts(numbered=False)

    def _parts(self, *, numbered: bool) -> list[Task]:
        return [
            Task(
                number=int(heading["number"] or 0),
                title=heading["title"],
                points=float(heading["points"]),
                objective=_objective(cells[0]),
                hints=_hints(cells),
                answer=_first(cells, grade=not numbered, solution=True),
                check=_first(cells, grade=True, solution=False),
                cell=position,
                chapters=read_chapters(cells[0]),
            )
            for heading, position, cells in self._sections()
            if bool(heading["number"]) == numbered
        ]

    def _cells(self) -> Iterator[dict[str, Any]]:
        for cell in self.notebook.cells:
            if (metadata := nbgrader_metadata(cell)).get("grade_id"):
                yield metadata

    def _sections(self) -> Iterator[tuple[re.Match[str], int, list[NotebookNode]]]:
        """Yield each heading with points, its position, and its cells up to the next heading."""
        position = 0
        for cells in sections(self.notebook.cells):
            if cells and (heading := HEADING.match(cells[0].source)):
                yield heading, position, cells
            position += len(cells)


def list_assignments(source: Path) -> list[str]:
    """Name the assignments of a folder, such as ``solutions``.

    Parameters
    ----------
    source : pathlib.Path
        The folder that holds a folder per assignment.

    Returns
    -------
    list of str
        The names of the assignments, sorted.

    Raises
    ------
    CourseError
        If there are none.
    """
    names = sorted(path.stem for path in source.glob("*/*.ipynb") if path.stem == path.parent.name)
    if not names:
        raise CourseError(
            f"{source} has no assignments: expected notebooks such as "
            f"{source / '01_loading' / '01_loading.ipynb'}; name another folder."
        )
    return names


def read_assignment(source: Path, name: str) -> Assignment:
    """Read the source notebook of an assignment.

    Parameters
    ----------
    source : pathlib.Path
        The folder that holds a folder per assignment, such as ``solutions``.
    name : str
        The name of the assignment, such as ``02_normalizing``.

    Returns
    -------
    Assignment
        The assignment. Its cells may still be wrong: `release.check` looks at them.

    Raises
    ------
    CourseError
        If the notebook is missing or cannot be read.
    """
    folder = source / name
    notebook = read_notebook(folder / f"{name}.ipynb")
    return Assignment(name=name, notebook=notebook, tests=folder / f"test_{name}.py")


def read_notebook(path: Path) -> NotebookNode:
    """Read a notebook.

    Parameters
    ----------
    path : pathlib.Path
        A notebook.

    Returns
    -------
    nbformat.NotebookNode
        The notebook, in version 4 of the format.

    Raises
    ------
    CourseError
        If the file is missing or is no valid notebook.
    """
    try:
        text = path.read_text(encoding="utf-8")
        notebook: NotebookNode = nbformat.convert(nbformat.reader.reads(text), 4)
        nbformat.validate(notebook)
    except FileNotFoundError:
        raise CourseError(f"{path} does not exist: expected a notebook there.") from None
    # nbformat takes any JSON document for a dict with an attribute per key.
    except (OSError, ValueError, AttributeError, nbformat.ValidationError) as error:
        reason = str(error).splitlines()[0]
        raise CourseError(f"{path} cannot be read as a notebook ({reason}): restore it.") from None
    return notebook


def sections(cells: list[NotebookNode]) -> list[list[NotebookNode]]:
    """Divide a notebook before each heading of the second level; an answer is no heading.

    Parameters
    ----------
    cells : list of nbformat.NotebookNode
        The cells of a source notebook, or of one that was graded.

    Returns
    -------
    list of list of nbformat.NotebookNode
        What stands above the first heading, which may be nothing, then each section.
    """
    divided: list[list[NotebookNode]] = [[]]
    for cell in cells:
        given = cell.cell_type == "markdown" and not nbgrader_metadata(cell).get("solution")
        if given and cell.source.startswith("## "):
            divided.append([])
        divided[-1].append(cell)
    return divided


def read_chapters(cell: NotebookNode) -> tuple[Chapter, ...]:
    """Return the sections of the book that the text of a task links to as its chapters."""
    found = CHAPTERS.search(cell.source) if cell.cell_type == "markdown" else None
    return tuple(Chapter(*link) for link in LINK.findall(found[1])) if found else ()


def nbgrader_metadata(cell: NotebookNode) -> dict[str, Any]:
    """Return what nbgrader knows about a cell; empty if that is nothing."""
    metadata = cell.metadata.get("nbgrader")
    return metadata if isinstance(metadata, dict) else {}


def _hints(cells: list[NotebookNode]) -> tuple[str, ...]:
    """Return the hints of a task, which may stand below a picture."""
    texts = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return tuple(filter(None, map(str.strip, HINT.findall(texts))))


def _objective(cell: NotebookNode) -> str:
    found = OBJECTIVE.search(cell.source)
    return found[1].strip() if found else ""


def _first(cells: list[NotebookNode], *, grade: bool, solution: bool) -> str:
    """Return the grade id of the first cell of a kind; empty if there is none."""
    for cell in cells:
        metadata = nbgrader_metadata(cell)
        if (metadata.get("grade"), metadata.get("solution")) == (grade, solution):
            return str(metadata.get("grade_id", ""))
    return ""

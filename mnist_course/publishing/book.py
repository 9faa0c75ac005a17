"""Build the book with Jupyter Book, in this Python and on this data, and report what is wrong."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import mean
from typing import Any, TypeAlias

import psutil

import mnist_course
from mnist_course.errors import CourseError

try:
    import nbformat
    import yaml
    from ipykernel.kernelspec import write_kernel_spec
    from jupyter_cache import get_cache
    from sphinx_external_toc.parsing import MalformedError, parse_toc_yaml
except ModuleNotFoundError as error:
    raise CourseError(
        f"The book needs the package {error.name}, which is not installed: run "
        f"'{sys.executable} -m pip install -r requirements.txt'."
    ) from error

CONFIG = "_config.yml"
CONTENTS = "_toc.yml"
OUTPUT = "_build"
CACHE = ".jupyter_cache"  # as Jupyter Book names it, and what follows
ENVIRONMENT = ".doctrees"
EXECUTED = "jupyter_execute"
# Modules that compute nothing a page shows, and packages that do.
LIBRARY = Path(mnist_course.__file__).parent
TOOLS = {"checks", "cli", "doctor.py", "grading", "publishing"}
PACKAGES = ("keras", "matplotlib", "numpy", "scikit-learn", "scipy", "tensorflow")
SECONDS = 2 * 60 * 60  # for the book as a whole; _config.yml limits each cell
PROGRAM = "from jupyter_book.cli.main import main; main()"  # which `-m` cannot run
# All pages are written anew, so that sitemap, scripts and pictures are complete.
OPTIONS = ("build", ".", "-W", "-n", "--keep-going", "--all")

COLOR = re.compile(r"\x1b\[[\d;]*[A-Za-z]")
EXECUTING = re.compile(r"^(.+): Executing notebook using", re.MULTILINE)
FAILED = re.compile(r"^(.+): WARNING: Executing notebook failed: (\w+)")
REPORTED = re.compile(r": WARNING: Notebook exception traceback saved in")
COMPLAINT = re.compile(r"^(?:(?P<place>.+?): )?(?:WARNING|ERROR|CRITICAL|SEVERE): (?P<message>.+)$")
CRASHED = re.compile(
    r"^(\S.+)\n+The (?:full traceback has been saved|above exception was the direct cause)",
    re.MULTILINE,
)

# The page that is executed, its number, the number of pages to execute, the seconds left if known.
Report: TypeAlias = Callable[[str, int, int, float | None], None]


@dataclass(frozen=True)
class Page:
    """A page of the book.

    Attributes
    ----------
    name : str
        Its path from the folder of the course, without an ending, such as ``book/loading``.
    part : str
        The part of the book it belongs to; empty if it belongs to none.
    """

    name: str
    part: str = ""


@dataclass(frozen=True)
class Problem:
    """Something to fix before the book can be published.

    Attributes
    ----------
    place : str
        The file, with a line or a cell where it is known; empty if it is not known.
    message : str
        What is wrong there.
    """

    place: str
    message: str


@dataclass(frozen=True)
class Build:
    """The result of building the book.

    Attributes
    ----------
    index : pathlib.Path
        The file to open in a browser.
    log : pathlib.Path
        The output of Jupyter Book.
    executed : list of str
        The pages whose cells ran; those that have not changed are taken from the cache.
    seconds : float
        How long it took.
    problems : list of Problem
        What to fix first; empty if the book can be published.
    """

    index: Path
    log: Path
    executed: list[str]
    seconds: float
    problems: list[Problem]


def read_contents(course: Path) -> list[Page]:
    """Read which pages the book has.

    Parameters
    ----------
    course : pathlib.Path
        The folder with ``_config.yml`` and ``_toc.yml``.

    Returns
    -------
    list of Page
        In the order of the table of contents.

    Raises
    ------
    CourseError
        If this is not the folder of a book, or its table of contents cannot be read.
    """
    for name in (CONFIG, CONTENTS):
        if not (course / name).is_file():
            raise CourseError(
                f"There is no {name} in {course.resolve()}: run this in the folder of the course."
            )
    try:
        contents = parse_toc_yaml(course / CONTENTS)
    except (MalformedError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise CourseError(f"{CONTENTS} is not a table of contents ({reason}): mend it.") from error
    pages: list[Page] = []

    def add(name: str, part: str) -> None:
        pages.append(Page(re.sub(r"\.(?:md|ipynb|rst)$", "", name), part))
        for tree in contents[name].subtrees:
            for child in tree.files():
                add(child, tree.caption or part)

    add(contents.root.docname, "")
    return pages


def build(course: Path, pages: list[Page], *, report: Report | None = None) -> Build:
    """Build the book as web pages, with warnings taken for errors.

    Notebooks run in the Python that runs this, whatever kernels the user has installed. If the last
    book had other functions or versions, every notebook is executed again.

    Parameters
    ----------
    course : pathlib.Path
        The folder with ``_config.yml`` and ``_toc.yml``. What is built goes to ``_build`` there.
    pages : list of Page
        The pages, from `read_contents`.
    report : callable, optional
        Called about once a second from the first notebook on, with the page, its number, the
        number of pages to execute, and the seconds left, or None where nothing like it ever ran.

    Returns
    -------
    Build
        Where the pages are, or what is wrong with them.

    Raises
    ------
    CourseError
        If it takes longer than `SECONDS`.
    """
    course = course.resolve()
    output = course / OUTPUT
    log = output / "book.log"
    _forget_what_is_stale(output)
    progress = _Progress(_pages_to_execute(course, pages), report)
    start = time.monotonic()
    succeeded = False
    try:
        with tempfile.TemporaryDirectory() as temporary:
            environment = _environment(Path(temporary))
            succeeded = _run_jupyter_book(course, environment, log, progress)
    finally:
        # Jupyter Book takes a page for done that it has read, and is silent about it next time.
        if not succeeded:
            shutil.rmtree(output / ENVIRONMENT, ignore_errors=True)
    executed = progress.executed
    problems = [] if succeeded else _problems(course, _read(log), (executed or [""])[-1])
    seconds = time.monotonic() - start
    return Build(output / "html" / "index.html", log, executed, seconds, problems)


def to_document(build: Build, pages: list[Page], pdf: Path | None) -> dict[str, Any]:
    """Describe a build as JSON can hold it.

    Parameters
    ----------
    build : Build
        What `build` returned.
    pages : list of Page
        The pages of the book.
    pdf : pathlib.Path or None
        The printed book.

    Returns
    -------
    dict
        With ``index``, ``pdf``, ``pages``, ``executed``, ``seconds``, ``problems`` and ``log``.
    """
    return {
        "index": str(build.index),
        "pdf": str(pdf) if pdf else None,
        "pages": len(pages),
        "executed": build.executed,
        "seconds": build.seconds,
        "problems": [asdict(problem) for problem in build.problems],
        "log": str(build.log),
    }


def stop(process: "subprocess.Popen[Any]") -> None:
    """End a process and all that it started, at once.

    Parameters
    ----------
    process : subprocess.Popen
        The process; it may have ended.
    """
    with suppress(psutil.NoSuchProcess):
        parent = psutil.Process(process.pid)
        # Kernels have process groups of their own: a signal to the group would not reach them.
        family = [parent, *parent.children(recursive=True)]
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family, timeout=10)
    process.wait()


class _Progress:
    """How far the execution of the notebooks is, and how long the rest will take."""

    def __init__(self, seconds: dict[str, float | None], report: Report | None) -> None:
        self.executed: list[str] = []
        self._seconds = seconds  # of each page to execute, now or the last time
        self._report = report
        self._start = 0.0

    def update(self, executed: list[str]) -> None:
        for page in executed[len(self.executed) :]:
            now = time.monotonic()
            if self.executed:
                self._seconds[self.executed[-1]] = now - self._start
            self._seconds.setdefault(page, None)
            self.executed.append(page)
            self._start = now
        if self._report and self.executed:
            number, total = len(self.executed), len(self._seconds)
            self._report(self.executed[-1], number, total, self._seconds_left())

    def _seconds_left(self) -> float | None:
        known = [seconds for seconds in self._seconds.values() if seconds is not None]
        if not known:
            return None
        expected = {
            page: mean(known) if seconds is None else seconds
            for page, seconds in self._seconds.items()
        }
        here = expected[self.executed[-1]] - (time.monotonic() - self._start)
        waiting = expected.keys() - set(self.executed)
        return max(0.0, here) + sum(expected[page] for page in waiting)


def _forget_what_is_stale(output: Path) -> None:
    """Delete what ran on other versions or functions: the cache compares a page's code."""
    note = output / "basis.json"
    basis = _basis()
    if note.is_file() and note.read_text(encoding="utf-8") != basis:
        shutil.rmtree(output / CACHE, ignore_errors=True)
        shutil.rmtree(output / ENVIRONMENT, ignore_errors=True)
    output.mkdir(exist_ok=True)
    note.write_text(basis, encoding="utf-8")


def _basis() -> str:
    code = hashlib.sha256()
    for path in sorted(LIBRARY.rglob("*.py")):
        if path.relative_to(LIBRARY).parts[0] not in TOOLS:
            code.update(path.read_bytes())
    versions = {name: version(name) for name in PACKAGES}
    return json.dumps({"library": code.hexdigest(), **versions})


def _pages_to_execute(course: Path, pages: list[Page]) -> dict[str, float | None]:
    """Return the pages that are not in the cache, with the seconds they took when they were."""
    cache = get_cache(course / OUTPUT / CACHE)
    records = sorted(cache.list_cache_records(), key=lambda record: record.created)
    took = {record.uri: record.data.get("execution_seconds") for record in records}
    seconds = {}
    for page in pages:
        path = course / f"{page.name}.ipynb"
        if path.is_file():
            # A notebook that is no notebook is for Jupyter Book to name.
            with suppress(ValueError):
                try:
                    cache.match_cache_notebook(nbformat.read(path, as_version=4))
                except KeyError:
                    seconds[page.name] = took.get(str(path))
    return seconds


def _environment(temporary: Path) -> dict[str, str]:
    # First on the path of Jupyter, so that no other kernel of this name is taken.
    write_kernel_spec(temporary / "kernels" / "python3")
    path = [str(temporary), *filter(None, [os.environ.get("JUPYTER_PATH")])]
    data = os.environ.get("MNIST_COURSE_DATA")
    if data:
        data = str(Path(data).absolute())  # notebooks run in the folder of the page
    return {
        **os.environ,
        "JUPYTER_PATH": os.pathsep.join(path),
        "JUPYTER_RUNTIME_DIR": str(temporary / "runtime"),
        "PYTHONIOENCODING": "utf-8",
        "PYTHONUNBUFFERED": "1",
        **({"MNIST_COURSE_DATA": data} if data else {}),
    }


def _run_jupyter_book(
    course: Path, environment: dict[str, str], log: Path, progress: _Progress
) -> bool:
    """Run Jupyter Book, and follow what it writes to the log."""
    end = time.monotonic() + SECONDS
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *OPTIONS],
            cwd=course,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=subprocess.STDOUT,
        )
    try:
        while time.monotonic() < end:
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=1)
            progress.update(_executed(course, _read(log)))
            if process.returncode is not None:
                return process.returncode == 0
    finally:
        stop(process)
    page = (progress.executed or ["the first page"])[-1]
    raise CourseError(
        f"The book was not built within {SECONDS // 60} minutes, and was stopped at {page}: {log} "
        "has what it said."
    )


def _read(log: Path) -> str:
    return COLOR.sub("", log.read_text(encoding="utf-8", errors="replace"))


def _executed(course: Path, said: str) -> list[str]:
    """Return the pages whose execution has begun, in this order."""
    paths = [Path(path).relative_to(course) for path in EXECUTING.findall(said)]
    return [path.with_suffix("").as_posix() for path in paths]


def _problems(course: Path, said: str, page: str) -> list[Problem]:
    """Find the problems in the output of Jupyter Book."""
    problems = []
    for line in said.replace(f"{course}{os.sep}", "").splitlines():
        if match := FAILED.match(line):
            problems.append(_failed_cell(course, match[1], match[2]))
        elif (match := COMPLAINT.match(line)) and not REPORTED.search(line):
            problems.append(Problem(match["place"] or "", match["message"]))
    if problems:
        return problems
    crash = CRASHED.search(said)
    last = [line for line in said.splitlines() if line.strip("= ")][-1:]
    return [Problem(page, crash[1] if crash else "".join(last) or "Jupyter Book said nothing.")]


def _failed_cell(course: Path, path: str, error: str) -> Problem:
    """Find the cell at which a notebook stopped, and its error."""
    page = Path(path).with_suffix(".ipynb")
    notebook = nbformat.read(course / OUTPUT / EXECUTED / page, as_version=4)
    position, cell = [
        (position, cell)
        for position, cell in enumerate(notebook.cells, start=1)
        if cell.get("execution_count")
    ][-1]
    message = f"stopped here ({error})."
    for output in cell.outputs:
        if output.output_type == "error":
            message = f"{output.ename}: {(output.evalue.splitlines() or ['no message'])[0]}"
    if error == "CellTimeoutError":
        message = f"takes longer than {CONFIG} allows a cell."
    return Problem(f"{path}, cell {position}", message)

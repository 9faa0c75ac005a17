"""Build the book with Jupyter Book: with this Python and this data, and a word on what is wrong."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from queue import Empty, Queue
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
EXECUTING = re.compile(r"^(.+): Executing notebook using")
FAILED = re.compile(r"^(.+): WARNING: Executing notebook failed: (\w+)")
REPORTED = re.compile(r": WARNING: Notebook exception traceback saved in")
COMPLAINT = re.compile(r"^(?:(?P<place>.+?): )?(?:WARNING|ERROR|CRITICAL|SEVERE): (?P<message>.+)$")
CRASHED = re.compile(
    r"^(\S.+)\n+The (?:full traceback has been saved|above exception was the direct cause)",
    re.MULTILINE,
)

# The page that is executed, its number and how many there are, and the seconds left if known.
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
    """Something to mend before the book can be published.

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
    """What came of building the book.

    Attributes
    ----------
    index : pathlib.Path
        The file to open in a browser.
    log : pathlib.Path
        All that Jupyter Book said.
    executed : list of str
        The pages whose cells ran; those that have not changed are taken from the cache.
    seconds : float
        How long it took.
    problems : list of Problem
        Empty if the book can be published.
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
        Called at least once a second while notebooks are executed, with the page, its number, the
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
    progress = _Progress(course, _planned(course, pages), report)
    start = time.monotonic()
    lines = []
    succeeded = False
    try:
        with (
            tempfile.TemporaryDirectory() as temporary,
            log.open("w", encoding="utf-8") as written,
            _builder(course, _environment(Path(temporary))) as process,
        ):
            for line in _lines(process):
                if line:
                    lines.append(line)
                    written.write(line)
                progress.update(line)
                if time.monotonic() - start > SECONDS:
                    raise CourseError(
                        f"The book was not built within {SECONDS // 60} minutes, and was stopped "
                        f"at {progress.page or 'the first page'}: {log} has what it said."
                    )
            succeeded = process.wait() == 0
    finally:
        # Jupyter Book takes a page for done that it has read, and is silent about it next time.
        if not succeeded:
            shutil.rmtree(output / ENVIRONMENT, ignore_errors=True)
    problems = [] if succeeded else _problems(course, "".join(lines), progress.page)
    seconds = time.monotonic() - start
    return Build(output / "html" / "index.html", log, progress.executed, seconds, problems)


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


def stop(process: "subprocess.Popen[str]") -> None:
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
    """How far the execution of the notebooks is."""

    def __init__(
        self, course: Path, planned: dict[str, float | None], report: Report | None
    ) -> None:
        self.page = ""
        self.executed: list[str] = []
        self._course = course
        self._left = planned
        self._report = report
        self._known = [seconds for seconds in planned.values() if seconds is not None]
        self._expected: float | None = None
        self._start = 0.0

    def update(self, line: str) -> None:
        if match := EXECUTING.match(line):
            if self.page:
                self._known.append(time.monotonic() - self._start)
            self.page = Path(match[1]).relative_to(self._course).with_suffix("").as_posix()
            self.executed.append(self.page)
            self._expected = self._left.pop(self.page, None)
            self._start = time.monotonic()
        if self._report and self.page:
            total = len(self.executed) + len(self._left)
            self._report(self.page, len(self.executed), total, self._seconds_left())

    def _seconds_left(self) -> float | None:
        if not self._known:
            return None
        typical = mean(self._known)
        here = typical if self._expected is None else self._expected
        here = max(0.0, here - (time.monotonic() - self._start))
        return here + sum(typical if left is None else left for left in self._left.values())


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


def _planned(course: Path, pages: list[Page]) -> dict[str, float | None]:
    """Return the pages that are not in the cache, with the seconds they took when they were."""
    cache = get_cache(course / OUTPUT / CACHE)
    records = sorted(cache.list_cache_records(), key=lambda record: record.created)
    took = {record.uri: record.data.get("execution_seconds") for record in records}
    planned = {}
    for page in pages:
        path = course / f"{page.name}.ipynb"
        if path.is_file():
            # A notebook that is no notebook is for Jupyter Book to name.
            with suppress(ValueError):
                try:
                    cache.match_cache_notebook(nbformat.read(path, as_version=4))
                except KeyError:
                    planned[page.name] = took.get(str(path))
    return planned


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


@contextmanager
def _builder(course: Path, environment: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *OPTIONS],
        cwd=course,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    try:
        yield process
    finally:
        stop(process)


def _lines(process: "subprocess.Popen[str]") -> Iterator[str]:
    """Yield each line that a process prints, and nothing each second in which it is silent."""
    lines: Queue[str | None] = Queue()

    def read() -> None:
        for line in process.stdout or ():
            lines.put(COLOR.sub("", line))
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    while True:
        try:
            line = lines.get(timeout=1)
        except Empty:
            line = ""
        if line is None:
            return
        yield line


def _problems(course: Path, log: str, page: str) -> list[Problem]:
    """Find the sentences that matter in what Jupyter Book said."""
    problems = []
    for line in log.replace(f"{course}{os.sep}", "").splitlines():
        if match := FAILED.match(line):
            problems.append(_failed_cell(course, match[1], match[2]))
        elif (match := COMPLAINT.match(line)) and not REPORTED.search(line):
            problems.append(Problem(match["place"] or "", match["message"]))
    if problems:
        return problems
    crash = CRASHED.search(log)
    last = [line for line in log.splitlines() if line.strip("= ")][-1:]
    return [Problem(page, crash[1] if crash else "".join(last) or "Jupyter Book said nothing.")]


def _failed_cell(course: Path, path: str, error: str) -> Problem:
    """Find the cell at which a notebook stopped, and what it said."""
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

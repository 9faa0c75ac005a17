"""Names that others keep stay in one place, and imports point one way."""

import ast
import re
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from mnist_course.grading import nbgrader

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "mnist_course"
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}
# Each room imports from rooms in rows above its own, and everyone from the helpers.
ORDER = [
    ["data"],
    ["preprocessing"],
    ["models"],
    ["training"],
    ["evaluation"],
    ["plots"],
    ["experiments"],
    ["publishing", "checks", "doctor"],
    ["grading"],
    ["cli"],
]
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}
HELPERS = {"errors", *(path.stem for path in PACKAGE.glob("_[a-z]*.py"))}
LIBRARY = {room for rooms in ORDER[:6] for room in rooms}
GRADING = "mnist_course.grading"


def imports_of(module: str) -> set[str]:
    """Return the modules of the package that a module imports, at its top or in a function."""
    path = FILES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: 1 - node.level or None] if node.level else []
            base = ".".join([*above, *filter(None, [node.module])])
            for alias in node.names:
                submodule = f"{base}.{alias.name}"
                found.add(submodule if submodule in FILES else base)
    return found & FILES.keys()


IMPORTS = {module: imports_of(module) for module in sorted(FILES)}


def room_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def loaded_by(program: str) -> set[str]:
    """Run a program in a fresh process; return the modules and packages that it loads."""
    program += "\nimport sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return set(done.stdout.split())


def test_files_that_people_keep_name_one_module_of_grading() -> None:
    files = [
        ROOT / "nbgrader_config.py",
        *(ROOT / "book").glob("*.md"),
        *(path for path in (ROOT / "solutions").rglob("*.*") if path.is_file()),
        *(path for path in (ROOT / "exercises").rglob("*.*") if path.is_file()),
    ]
    assert len(files) > 30
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert not re.findall(r"mnist_course\.grading(?!\.nbgrader\b)[.\w]*", text), file


def test_every_name_that_people_keep_can_be_loaded() -> None:
    text = (ROOT / "nbgrader_config.py").read_text(encoding="utf-8")
    named = re.findall(r"mnist_course\.grading\.nbgrader\.(\w+)", text)
    assert len(named) == 10
    assert {*named, "CanvasExporter", "MoodleExporter", "StagedExporter"} <= set(dir(nbgrader))
    for name in nbgrader._HOMES:
        assert getattr(nbgrader, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'secret'"):
        nbgrader.secret  # noqa: B018


@pytest.mark.slow
def test_what_nbgrader_loads_by_name_loads_neither_dask_nor_tensorflow() -> None:
    names = "SubmissionExporter, FeedbackExporter, CanvasExporter, SafeCollector"
    loaded = loaded_by(f"from mnist_course.grading.nbgrader import {names}")
    assert "nbgrader" in loaded
    assert not {"dask", "distributed", "tensorflow"} & loaded


def test_every_module_is_in_a_room_of_the_plan() -> None:
    assert {room_of(module) for module in FILES} <= {"", *RANK, *HELPERS}


@pytest.mark.parametrize("module", IMPORTS)
def test_imports_point_one_way(module: str) -> None:
    room = room_of(module)
    for imported in IMPORTS[module]:
        other = room_of(imported)
        if not room:
            assert other in LIBRARY | HELPERS
        elif room in HELPERS:
            assert other in HELPERS, imported
        else:
            assert other in {"", room, *HELPERS} or RANK[other] < RANK[room], imported


def test_no_modules_import_each_other() -> None:
    # What the package itself offers is loaded when it is first used.
    graph = {module: found - {"mnist_course"} for module, found in IMPORTS.items() if "." in module}
    TopologicalSorter(graph).prepare()


@pytest.mark.parametrize(
    ("start", "allowed"),
    [
        (f"{GRADING}.inside", [f"{GRADING}.inside"]),
        (
            f"{GRADING}.sandbox.forkserver",
            [f"{GRADING}.{module}" for module in ("inside", "sandbox.limits", "sandbox.seccomp")],
        ),
        (f"{GRADING}.sandbox.limits", []),
        (f"{GRADING}.nbgrader", []),
    ],
)
def test_what_runs_beside_learners_code_imports_little_of_grading(
    start: str, allowed: list[str]
) -> None:
    modules = [module for module in IMPORTS if f"{module}.".startswith(f"{start}.")]
    assert modules
    for imported in {found for module in modules for found in IMPORTS[module]}:
        assert not imported.startswith(GRADING) or imported.startswith(tuple(allowed)), imported


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("sandbox.forkserver", {"nbclient", "dask", "distributed", "nbgrader", "pytest"}),
        ("sandbox.supervisor", {"nbclient", "dask", "distributed", "nbgrader", "tensorflow"}),
        ("batch.worker", {"nbclient", "tensorflow"}),
    ],
)
def test_sandbox_and_worker_start_without_what_they_do_not_need(
    module: str, heavy: set[str]
) -> None:
    loaded = loaded_by(f"import {GRADING}.{module}")
    assert f"{GRADING}.{module}" in loaded
    assert not heavy & loaded

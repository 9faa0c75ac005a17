import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "book"
NOTEBOOKS = sorted(ROOT.glob("exercises/*/*.ipynb"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REPOSITORY = urlsplit(PROJECT["urls"]["Repository"]).path
HEADING = re.compile(r"## (Task \d+|Reflection): (.+) \((\d+) points?\)")
PERCENTAGE = re.compile(r"\d+(?:\.\d+)? %")
# Where a link of each host names the file that it opens, after the address of the repository.
OPENS = {
    "colab.research.google.com": f"/github{REPOSITORY}/blob/main/",
    "github.com": f"{REPOSITORY}/blob/main/",
    "raw.githubusercontent.com": f"{REPOSITORY}/main/",
}


@dataclass
class Part:
    """A task or a reflection."""

    name: str
    title: str
    points: float
    objective: str


def page_of(notebook: Path) -> Path:
    return BOOK / f"exercise_{notebook.stem}.md"


def text_of(notebook: Path) -> str:
    cells = nbformat.read(notebook, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def parts_of(notebook: Path) -> list[Part]:
    """Read the tasks from their headings, and their points from the cells that nbgrader counts."""
    parts: list[Part] = []
    for cell in nbformat.read(notebook, as_version=4).cells:
        if heading := HEADING.match(cell.source):
            objective = re.search(r"\*\*Objective:\*\* (.+?)\n\n", cell.source, re.DOTALL)
            assert objective
            parts.append(Part(heading[1], heading[2], 0, " ".join(objective[1].split())))
        elif points := cell.metadata.get("nbgrader", {}).get("points"):
            parts[-1].points += points
    return parts


def rows_of(page: Path, heading: str) -> list[list[str]]:
    """Return the rows of the first table after a heading, without its head."""
    lines = page.read_text(encoding="utf-8").split(heading)[1].split("|\n\n")[0].splitlines()
    rows = [line for line in lines if line.startswith("|")][2:]
    return [[cell.strip() for cell in row.strip("| ").split("|")] for row in rows]


def objectives_in(text: str) -> list[str]:
    block = text.split("**You will be able to**\n\n")[1].split("\n\n")[0]
    return [" ".join(item.split()) for item in re.split(r"^- ", block, flags=re.MULTILINE)[1:]]


def only(pattern: str, text: str) -> str:
    found = re.findall(pattern, text, re.MULTILINE)
    assert len(found) == 1, (pattern, found)
    return str(found[0])


def opened_by(address: str) -> str | None:
    """Return the file of the repository that a link opens; None if it opens no file."""
    parts = urlsplit(address)
    if parts.hostname == "mybinder.org":
        assert parts.path == f"/v2/gh{REPOSITORY}/main"
        return parse_qs(parts.query)["labpath"][0]
    before = OPENS.get(parts.hostname or "")
    if before is None or not parts.path.startswith(before):
        return None
    return parts.path.removeprefix(before)


def test_every_exercise_has_its_page_and_every_page_its_exercise() -> None:
    pages = set(BOOK.glob("exercise_*.md"))
    assert NOTEBOOKS
    assert {page_of(notebook) for notebook in NOTEBOOKS} == pages


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    "pattern", [r"^# (.+)$", r"\*\*Time:\*\* (.+?)\.", r"\*\*Points:\*\* (\d+)"]
)
def test_page_repeats_title_time_and_points(notebook: Path, pattern: str) -> None:
    page = page_of(notebook).read_text(encoding="utf-8")
    assert only(pattern, page) == only(pattern, text_of(notebook))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_page_repeats_the_objectives(notebook: Path) -> None:
    objectives = objectives_in(page_of(notebook).read_text(encoding="utf-8"))
    assert objectives == objectives_in(text_of(notebook))
    assert len(objectives) >= 3


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_page_lists_the_tasks_with_their_points(notebook: Path) -> None:
    *rows, total = rows_of(page_of(notebook), "## Tasks\n")
    parts = parts_of(notebook)
    assert rows == [
        [f"{part.name}: {part.title}", part.objective, f"{part.points:g}"] for part in parts
    ]
    assert total == ["together", "", f"{sum(part.points for part in parts):g}"]


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_page_promises_no_percentage_that_the_notebook_does_not(notebook: Path) -> None:
    page = page_of(notebook).read_text(encoding="utf-8").split("## How it is graded")[1]
    # Titles of chapters have percentages too.
    prose = re.sub(r"\[[^]]*\]\([^)]*\)", "", page)
    assert set(PERCENTAGE.findall(prose)) <= set(PERCENTAGE.findall(text_of(notebook)))


def test_page_repeats_the_points_of_the_gate() -> None:
    notebook = ROOT / "exercises/06_training/06_training.ipynb"
    gate = re.compile(r"^ *\| at least (\d+%) \| (\d+) \|$", re.MULTILINE)
    page = page_of(notebook).read_text(encoding="utf-8")
    assert gate.findall(page) == gate.findall(text_of(notebook))
    assert len(gate.findall(page)) == 4


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_page_opens_its_exercise_everywhere(notebook: Path) -> None:
    text = page_of(notebook).read_text(encoding="utf-8")
    addresses = re.findall(r"\]\((https://[^)]+)\)", text)
    files = [file for address in addresses if (file := opened_by(address))]
    assert files == [notebook.relative_to(ROOT).as_posix()] * 4
    hosts = [urlsplit(address).hostname for address in addresses]
    assert {*OPENS, "mybinder.org"} <= set(hosts)
    commands = re.findall(r"(?:jupyter lab|mnist-course inspect) (\S+)", text)
    assert commands == [notebook.relative_to(ROOT).as_posix()] * 2


def test_overview_adds_up() -> None:
    rows = {}
    for name, _, minutes, points in rows_of(BOOK / "exercises.md", "# The exercises\n"):
        link = re.match(r"\[(.+)\]\((.+)\)", name)
        rows[link[2] if link else name] = (link[1] if link else name, int(minutes), int(points))
    together = rows.pop("together")
    assert list(rows) == [page_of(notebook).name for notebook in NOTEBOOKS]
    for notebook, (title, minutes, points) in zip(NOTEBOOKS, rows.values(), strict=True):
        text = text_of(notebook)
        assert title == only(r"^# (.+)$", text)
        assert f"**Time:** about {minutes} minutes. **Points:** {points}\n" in text
    required = [row for page, row in rows.items() if page != "exercise_09_improving.md"]
    assert together[1:] == (sum(row[1] for row in required), sum(row[2] for row in required))

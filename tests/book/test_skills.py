"""The instructor guide names, for everything that is graded, the section that teaches it."""

import re
from pathlib import Path

import nbformat
import pytest
from docutils.nodes import make_id

from mnist_course.checks.core import BOOK as ADDRESS
from mnist_course.grading.course.assignment import Chapter, list_assignments, read_assignment

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "book"
GUIDE = (BOOK / "instructor_guide.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in GUIDE.partition("## What each exercise asks for")[2]
    .partition("\n## ")[0]
    .splitlines()
    if line.startswith("| [")
]


def headings(page: str) -> set[str]:
    notebook = nbformat.read(BOOK / page, as_version=4)
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return set(re.findall(r"^## (.+)$", text, re.MULTILINE))


@pytest.mark.parametrize("name", list_assignments(ROOT / "solutions"))
def test_every_graded_part_has_a_row(name: str) -> None:
    assignment = read_assignment(ROOT / "solutions", name)
    parts = [f"Task {task.number}" for task in assignment.tasks]
    parts += ["Reflection"] * len(assignment.reflections)
    rows = [task for exercise, task, *_ in ROWS if f"(exercise_{name}.md)" in exercise]
    assert rows == parts


@pytest.mark.parametrize("name", list_assignments(ROOT / "solutions"))
def test_every_graded_part_links_to_a_section_of_its_row(name: str) -> None:
    assignment = read_assignment(ROOT / "solutions", name)
    rows = [taught for exercise, *_, taught in ROWS if f"(exercise_{name}.md)" in exercise]
    for part, row in zip(assignment.tasks + assignment.reflections, rows, strict=True):
        links = re.findall(r'\[([^]]+)\]\((\w+)\.ipynb\), "([^"]+)"', row)
        taught = [
            Chapter(f"{title}: {section}", f"{ADDRESS}/{page}.html#{make_id(section)}")
            for title, page, section in links
        ]
        # The other sections of this exercise would tell what is wrong in a task.
        taught = taught[:1] if name == "08_debugging" else taught
        assert list(part.chapters) == taught


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0][1:3]}-{row[1]}")
def test_every_section_exists(row: list[str]) -> None:
    taught = re.findall(r'\]\((\w+\.ipynb)\), "([^"]+)"', row[3])
    assert taught
    for page, section in taught:
        assert section in headings(page)

"""The course's rule about AI assistants reaches learners, Colab, and the assistants."""

import shutil
from pathlib import Path

import nbformat
import pytest
from traitlets.config import Config

from mnist_course.grading.course.assistants import LABEL, RULES, HelpFromAI
from mnist_course.grading.course.release import AGENTS, has_instructions, release
from mnist_course.grading.course.release_check import check
from mnist_course.grading.course.settings import read_course

ROOT = Path(__file__).parents[3]


def with_rule(rule: str) -> HelpFromAI:
    return HelpFromAI(config=Config({"HelpFromAI": {"rule": rule}}))


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_is_stated_once_at_the_top(rule: str) -> None:
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell(text) for text in ("# 01 · Title", "More.")]
    )
    for _ in range(2):
        notebook, _ = with_rule(rule).preprocess(notebook, {})
    assert [cell.source.count(f"{LABEL} {RULES[rule]}") for cell in notebook.cells] == [1, 0]
    disabled = notebook.metadata.get("colab", {}).get("generative_ai_disabled", False)
    assert disabled == (rule == "off")
    nbformat.validate(notebook)


def test_instructions_differ_by_rule() -> None:
    texts = {rule: with_rule(rule).instructions() for rule in RULES}
    assert len(set(texts.values())) == len(RULES)
    assert "Never write, complete, or correct the code" in texts["hints"]
    assert "Don't explain" in texts["off"]


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "course")


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_release_writes_the_rule(root: Path, rule: str) -> None:
    config = root / "nbgrader_config.py"
    text = config.read_text(encoding="utf-8")
    config.write_text(text.replace('.rule = "hints"', f'.rule = "{rule}"'), encoding="utf-8")
    course = read_course(root)
    *exercises, agents = release(course)
    assert agents == root / "exercises" / AGENTS
    assert agents.read_text(encoding="utf-8") == with_rule(rule).instructions()
    (notebook,) = (file for file in exercises if file.suffix == ".ipynb")
    assert notebook.read_text(encoding="utf-8").count(LABEL) == 1
    assert release(course) == exercises  # nothing to change any more


@pytest.mark.slow
def test_the_check_misses_the_instructions(root: Path) -> None:
    course = read_course(root)
    *_, agents = release(course)
    agents.unlink()
    assert not has_instructions(course)
    (defect,) = (found for found in check(course, "01_double") if found.assignment == AGENTS)
    assert "mnist-course release" in defect.message


@pytest.mark.slow
def test_a_course_without_a_rule_gets_no_instructions(root: Path) -> None:
    config = root / "nbgrader_config.py"
    lines = config.read_text(encoding="utf-8").splitlines()
    config.write_text("\n".join(line for line in lines if "HelpFromAI" not in line))
    release(read_course(root))
    assert not (root / "exercises" / AGENTS).exists()
    assert has_instructions(read_course(root))


def test_the_course_has_a_rule() -> None:
    assert (ROOT / "exercises" / AGENTS).is_file()
    assert has_instructions(read_course(ROOT))

"""Each chapter has what its reader was promised, in its source."""

import json
import re
from functools import cache
from pathlib import Path

import keras
import nbformat
import pytest
import yaml

from mnist_course import build_mlp
from mnist_course.models import build_cnn

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "book"
CONTENTS = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
COURSE = [
    Path(entry["file"]).name
    for part in CONTENTS["parts"]
    if part["caption"] == "The course"
    for entry in part["chapters"]
]
# Where the course is walked through; not the page that has all of it at once.
WALK = [name for name in COURSE if name != "Handwritten_digit_classification"]
CHAPTERS = [name for name in WALK if (BOOK / f"{name}.ipynb").exists()]
QUIZ = re.compile(r"\*\*Quiz (\d+)\.\*\*(.*?)</details>", re.DOTALL)
CHOICE = re.compile(r"^- ([a-z])\)", re.MULTILINE)


@cache
def cells(name: str, kind: str) -> list[str]:
    notebook = nbformat.read(BOOK / f"{name}.ipynb", as_version=4)
    return [cell.source for cell in notebook.cells if cell.cell_type == kind]


def prose(name: str) -> str:
    path = BOOK / f"{name}.md"
    return path.read_text(encoding="utf-8") if path.exists() else "\n".join(cells(name, "markdown"))


def minutes(name: str) -> str:
    found = re.search(r"\*\*Time:\*\* about (\d+) minutes", prose(name))
    assert found
    return found[1]


@pytest.mark.parametrize("name", WALK)
def test_chapter_begins_with_objectives_minutes_and_prerequisite(name: str) -> None:
    head = prose(name).partition("\n## ")[0]
    assert re.search(r"^# ", head, re.MULTILINE)
    assert head.count("\n- ") >= 3
    assert "**You will be able to**" in head or name == "where_next"
    assert minutes(name)
    assert re.search(r"\*\*Before this:\*\*.*\(\w+\.(ipynb|md)", head, re.DOTALL)


@pytest.mark.parametrize("name", CHAPTERS)
def test_quiz_has_an_answer_to_each_choice(name: str) -> None:
    quizzes = QUIZ.findall(prose(name))
    assert len(quizzes) >= 3
    assert [int(number) for number, _ in quizzes] == [*range(1, len(quizzes) + 1)]
    for number, quiz in quizzes:
        question, _, answer = quiz.partition(f"<details><summary>Answer to quiz {number}</summary>")
        choices = CHOICE.findall(question)
        assert len(choices) >= 3
        assert CHOICE.findall(answer) == choices
        assert len(re.findall(r"^- [a-z]\) (\*\*)?Right", answer, re.MULTILINE)) == 1


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_ends_with_an_experiment_a_summary_and_an_exercise(name: str) -> None:
    text = prose(name)
    assert "\n## Experiment\n" in text
    summary = text.partition("\n## Summary\n")[2].partition("\n## ")[0]
    assert len(re.findall(r"^(?:-|\d\.) ", summary, re.MULTILINE)) == 5
    exercise = re.search(r"/blob/main/(exercises/\w+/\w+\.ipynb)\)", text)
    assert exercise
    assert (ROOT / exercise[1]).exists()


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_shows_prose_before_code(name: str) -> None:
    kinds = [
        cell["cell_type"] for cell in json.loads((BOOK / f"{name}.ipynb").read_text())["cells"]
    ]
    assert kinds[0] == "markdown"
    assert all(
        kind == "markdown" or "markdown" in kinds[:place] for place, kind in enumerate(kinds)
    )


def test_welcome_tells_the_minutes_of_every_chapter() -> None:
    welcome = prose("welcome")
    for name in WALK:
        assert re.search(rf"\({name}\.(ipynb|md)\).*\| {minutes(name)} \|", welcome), name


def networks() -> list[tuple[str, str]]:
    return [
        (name, cell)
        for name in COURSE
        if (BOOK / f"{name}.ipynb").exists()
        for cell in cells(name, "code")
        if "keras.Sequential(" in cell
    ]


def shape(model: keras.Model) -> list[tuple[str, str, object, object]]:
    return [
        (type(layer).__name__, str(layer.output.shape), layer.count_params(), activation(layer))
        for layer in model.layers
    ]


def activation(layer: keras.Layer) -> object:
    return getattr(getattr(layer, "activation", None), "__name__", None)


@pytest.mark.parametrize(("name", "cell"), networks())
def test_networks_written_out_are_those_of_the_library(name: str, cell: str) -> None:
    space = {"keras": keras}
    exec(cell, space)
    made = [value for value in space.values() if isinstance(value, keras.Sequential)]
    assert made
    assert all(shape(model) in (shape(build_mlp()), shape(build_cnn())) for model in made)

"""Each chapter has what its reader was promised, in its source."""

import json
import re
from functools import cache
from pathlib import Path

import nbformat
import numpy as np
import pytest
import yaml
from scipy import special, stats

from mnist_course import MNIST, build_mlp, normalize
from mnist_course._backend import keras, tf
from mnist_course.training.recipes import RECIPES

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "book"
CONTENTS = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
PARTS = {
    part["caption"]: [Path(entry["file"]).name for entry in part["chapters"]]
    for part in CONTENTS["parts"]
}
COURSE = [*PARTS["Start"], *PARTS["The pipeline"], *PARTS["Measure and improve"]]
# Where the course is walked through; not the page that has all of it at once.
WALK = [name for name in COURSE if name != "Handwritten_digit_classification"]
CHAPTERS = [name for name in WALK if (BOOK / f"{name}.ipynb").exists()]
# Those in the form that all of them are to have.
RETOLD = [name for name in CHAPTERS if name in PARTS["Start"] + PARTS["The pipeline"]]
WITHOUT_EXERCISE = ("learning", "backpropagation", "writers")
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
    if name in WITHOUT_EXERCISE:
        assert "\n## Practice\n" in text
    else:
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


@pytest.mark.parametrize("name", RETOLD)
def test_chapter_fits_one_sitting_and_the_width_of_a_page(name: str) -> None:
    assert int(minutes(name)) <= 25
    notebook = nbformat.read(BOOK / f"{name}.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            lines = cell.source.splitlines()
            assert [line for line in lines if len(line) > 80 and "%pip" not in line] == []
            assert len(lines) <= 15 or "hide-input" in cell.metadata.get("tags", []), lines[0]


@pytest.mark.parametrize("name", RETOLD)
def test_every_figure_has_a_caption_and_is_described(name: str) -> None:
    notebook = nbformat.read(BOOK / f"{name}.ipynb", as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code" and re.search(
            r"^ *(plots\.plot_|plt\.figure|figure,)", cell.source, re.M
        ):
            about = cell.metadata.get("mystnb", {})
            assert len(about["image"]["alt"]) > 40
            assert len(about["figure"]["caption"]) > 20
    for alt, target in re.findall(r"^!\[(.*?)\]\((.*?)\)$", prose(name), re.MULTILINE):
        assert len(alt) > 40
        assert re.match(r'drawings/[\w-]+\.svg ".{20,}"$', target) or target.startswith("images/")


def test_welcome_tells_the_minutes_of_every_chapter() -> None:
    welcome = prose("welcome")
    for name in WALK:
        assert re.search(rf"\({name}\.(ipynb|md)\).*\| {minutes(name)} \|", welcome), name


def run(name: str, marker: str, **space: object) -> dict[str, object]:
    """Run the first cell of a chapter with `marker` in it; return what it defined."""
    cell = next(cell for cell in cells(name, "code") if marker in cell)
    exec(cell, space)
    return space


@pytest.mark.parametrize("name", ["building", "Handwritten_digit_classification"])
def test_network_written_out_is_that_of_the_library(name: str) -> None:
    model = run(name, "keras.Sequential(", keras=keras)["model"]
    ours = build_mlp()
    assert isinstance(model, keras.Sequential)
    for mine, theirs in zip(model.layers, ours.layers, strict=True):
        expected = {**theirs.get_config(), "name": mine.name}
        assert mine.get_config() == expected
    run(name, "model.compile(", model=model, keras=keras)
    probabilities, labels = np.full((4, 10), 0.1, np.float32), np.arange(4)
    losses = [keras.losses.get(one.loss)(labels, probabilities) for one in (model, ours)]
    assert np.mean(losses[0]) == pytest.approx(np.mean(losses[1])) == pytest.approx(np.log(10))
    optimizer = ours.optimizer
    if name != "building":  # it trains by the recipe "reference"
        recipe = RECIPES["reference"]
        steps = recipe.epochs * 48_000 // recipe.batch_size
        schedule = keras.optimizers.schedules.CosineDecay(recipe.learning_rate, steps)
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=recipe.weight_decay)
    settings = optimizer.get_config()
    assert model.optimizer.get_config() == {**settings, "name": model.optimizer.name}
    assert type(model.optimizer) is type(optimizer)


def test_normalizing_written_out_is_that_of_the_library(few: MNIST) -> None:
    images = few.train_images[:50]
    for name in ("normalizing", "Handwritten_digit_classification"):
        given = {"train_images": images, "test_images": images, "normalize": normalize}
        x_train = run(name, "x_train = train_images", **given)["x_train"]
        np.testing.assert_array_equal(x_train, normalize(images))


def test_gradients_written_out_are_those_of_automatic_differentiation() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.random((5, 784)), rng.integers(0, 10, 5)
    cell = run("backpropagation", "def forward", np=np)
    ours = run("backpropagation", "def gradients", **cell)["gradients"](x, y)  # type: ignore[operator]
    with tf.GradientTape() as tape:
        variables = [tf.Variable(cell[name]) for name in ("w1", "b1", "w2", "b2")]
        hidden = tf.nn.relu(x @ variables[0] + variables[1])
        logits = hidden @ variables[2] + variables[3]
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))
    for mine, theirs in zip(ours, tape.gradient(loss, variables), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-12)


def test_softmax_written_out_is_softmax() -> None:
    softmax = run("building", "def softmax", np=np)["softmax"]
    logits = np.random.default_rng(0).normal(0, 3, 10)
    np.testing.assert_allclose(softmax(logits), special.softmax(logits))


@pytest.mark.parametrize(("right", "images"), [(0, 5), (9, 10), (9800, 10_000)])
def test_interval_written_out_is_that_of_the_library(right: int, images: int) -> None:
    wilson = run("evaluating", "def wilson", np=np)["wilson"]
    expected = stats.binomtest(right, images).proportion_ci(method="wilson")
    np.testing.assert_allclose(wilson(right, images), expected, atol=1e-4)

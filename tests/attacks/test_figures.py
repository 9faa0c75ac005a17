"""A figure that only the submission has seen is shown to a person."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot
from nbformat import NotebookNode

from mnist_course.checks.figures import Panel, describe
from mnist_course.grading.course.assignment import Assignment
from mnist_course.grading.inside.runner import _picture
from mnist_course.grading.judging.pictures import fits
from mnist_course.grading.judging.results import CellScore
from mnist_course.grading.judging.scoring import score
from mnist_course.grading.sandbox.supervisor import Sandbox

TESTS = '''
import numpy as np
import pytest

@pytest.mark.points(1, cell="check_double")
def test_shows_bars(student, rng):
    """`double` should draw a bar for each number."""
    numbers = rng.integers(20, 90, 10)
    (panel,) = student.figure("double", numbers)
    np.testing.assert_allclose(panel.bars, list(enumerate(numbers)))

@pytest.mark.points(1, cell="check_greet")
def test_shows_images(student, rng):
    """`greet` should show the images."""
    images = rng.integers(0, 256, (4, 28, 28), dtype=np.uint8)
    panels = student.figure("greet", images)
    np.testing.assert_array_equal([panel.images[0] for panel in panels], images)
'''
DRAWN = """
import matplotlib.pyplot as plt
def double(numbers):
    plt.bar(range(10), numbers)
    plt.show()
def greet(images):
    figure, axes = plt.subplots(2, 2)
    for ax, image in zip(axes.flat, images): ax.imshow(image, cmap="viridis")
    return figure
"""
UNDRAWN = """
def double(numbers): plt.bar(range(10), numbers[::-1])
def greet(images): plt.plot([1, 2])
"""
# What the true functions would draw is told; what was drawn is something else.
FORGED = """
from mnist_course.grading.inside import runner
real, right = runner._protected, {"double": double, "greet": greet}
def forged(ask, shell, *details):
    if ask.__name__ != "_figure": return real(ask, shell, *details)
    _, (_, picture) = real(ask, shell, *details)
    kept = shell.user_ns[details[1]]
    shell.user_ns[details[1]] = right[details[1]]
    status, (panels, _) = real(ask, shell, *details)
    shell.user_ns[details[1]] = kept
    return status, (panels, PICTURE)
runner._protected = forged
"""

Judge = Callable[[str], dict[str, CellScore]]


@pytest.fixture
def judge(
    assignment: Assignment,
    answering: Callable[..., NotebookNode],
    sandbox: Sandbox,
    tmp_path: Path,
) -> Judge:
    tests = tmp_path / "test_figures.py"
    tests.write_text(TESTS)
    about_figures = Assignment(assignment.name, assignment.notebook, tests)

    def run(code: str) -> dict[str, CellScore]:
        submission = answering(double=code, greet="pass")
        return score(about_figures, submission, spawn=sandbox.spawn).cells

    return run


def test_an_honest_figure_is_not_shown_to_a_person(judge: Judge) -> None:
    for earned in judge(DRAWN).values():
        assert (earned.points, earned.review) == (1, "")


@pytest.mark.parametrize("picture", ["picture", "None", "np.zeros((0, 5, 3), np.uint8)"])
def test_a_figure_that_was_never_drawn_is(judge: Judge, picture: str) -> None:
    for earned in judge(DRAWN + FORGED.replace("PICTURE", picture) + UNDRAWN).values():
        assert earned.points == 1
        assert "does not show what the submission says" in earned.review


def drawn(**options: object) -> tuple[list[Panel], np.ndarray]:
    numbers = np.arange(20, 30)
    figure, (left, right) = pyplot.subplots(1, 2)
    left.barh(range(10), numbers, **options)
    right.imshow(np.random.default_rng(0).random((28, 28)), cmap="gray")
    described, picture = describe(figure), _picture(figure)
    pyplot.close(figure)
    return described, picture


def test_bars_that_are_only_outlines_can_be_seen() -> None:
    panels, picture = drawn(color="none", edgecolor="black")
    assert fits(panels, picture)
    assert not fits(panels, np.full_like(picture, 255))


@pytest.mark.parametrize(
    "said",
    [
        {"limits": [0.0, 1e6, -0.5, 9.5]},
        {"scales": ("log", "linear")},
        {"starts": []},
        {"widths": [0.8] * 6},
        {"bars": [], "starts": [], "widths": []},
    ],
    ids=["too short", "other scale", "no starts", "few widths", "nothing"],
)
def test_bars_that_cannot_be_looked_at_are_shown_to_a_person(said: dict) -> None:
    (panel, _), picture = drawn()
    assert fits([panel], picture)
    assert not fits([Panel(**{**vars(panel), **said})], picture)


def test_an_honest_bar_without_a_length_is_not() -> None:
    figure, axes = pyplot.subplots()
    axes.bar(range(10), [5, 7] + [0] * 8)
    assert fits(describe(figure), _picture(figure))
    pyplot.close(figure)


@pytest.mark.parametrize("missing", [0, 1, 5])
def test_nearly_all_images_have_to_be_in_the_picture(missing: int) -> None:
    images = np.random.default_rng(0).random((15, 28, 28))
    figure, axes = pyplot.subplots(3, 5)
    for ax, image in zip(axes.flat, images, strict=True):
        ax.imshow(image)
    described = describe(figure)
    for ax in axes.flat[:missing]:
        ax.clear()
    assert fits(described, _picture(figure)) == (missing < 2)
    pyplot.close(figure)


@pytest.mark.parametrize(
    "wrong",
    [
        {"images": [np.zeros((28, 28, 3))]},
        {"images": ["x"]},
        {"images": 3},
        {"sizes": []},
        {"places": [(np.nan, 0)]},
        {"places": [(1e300, 0)]},
        {"limits": []},
        {"box": "abcd"},
        {"bars": [(1, 2, 3)]},
    ],
)
def test_an_impossible_description_fits_nothing(wrong: dict) -> None:
    (left, right), picture = drawn()
    assert fits([left, right], picture)
    panel = left if {"limits", "bars", "box"} & wrong.keys() else right
    assert not fits([Panel(**{**vars(panel), **wrong})], picture)

"""Points come from hidden tests, and every point missed from a sentence."""

from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode

from mnist_course.errors import CourseError
from mnist_course.grading.assignment import Assignment
from mnist_course.grading.scoring import CellScore, hidden_points, score

TESTS = '''
import numpy as np
import pytest

@pytest.mark.points(1, cell="check_add")
def test_adds_integers(student, rng):
    """`add` should add two numbers."""
    a, b = rng.integers(100, size=2)
    assert student.call("add", a, b) == a + b

@pytest.mark.points(2, cell="check_add")
@pytest.mark.parametrize("n", [1, 2])
def test_adds_arrays(student, n):
    """`add` should add arrays
    element by element."""
    np.testing.assert_array_equal(student.call("add", np.arange(n), np.ones(n)), np.arange(n) + 1)
'''


@pytest.fixture
def assignment(tmp_path: Path) -> Callable[..., Assignment]:
    def of(tests: str = TESTS) -> Assignment:
        notebook = nbformat.v4.new_notebook()
        for name, code, graded in (
            ("add", "def add(a, b):\n    return a + b", False),
            ("check_add", "assert add(1, 1) == 2, 'One and one'", True),
        ):
            cell = nbformat.v4.new_code_cell(code)
            cell.metadata["nbgrader"] = {"grade_id": name, "grade": graded, "solution": not graded}
            notebook.cells.append(cell)
        (tmp_path / "test_sums.py").write_text(tests)
        return Assignment("sums", notebook, tmp_path / "test_sums.py")

    return of


def answering(assignment: Assignment, code: str) -> NotebookNode:
    notebook = nbformat.from_dict(assignment.notebook)
    notebook.cells[0].source = code
    return notebook


def test_adds_up_the_points_of_each_cell(assignment: Callable[..., Assignment]) -> None:
    assert hidden_points(assignment().tests) == {"check_add": 5}


def test_a_right_answer_earns_all_points(assignment: Callable[..., Assignment]) -> None:
    sums = assignment()
    assert score(sums, sums.notebook) == {"check_add": CellScore(5, 5, [], "")}


def test_a_wrong_answer_earns_a_part_and_hears_each_sentence_once(
    assignment: Callable[..., Assignment],
) -> None:
    sums = assignment()
    wrong = answering(sums, "def add(a, b):\n    return int(a) + int(b) if a.ndim == 0 else a")
    earned = score(sums, wrong)["check_add"]
    assert (earned.points, earned.max_points) == (1, 5)
    assert earned.feedback == ["`add` should add arrays element by element."]
    assert "AttributeError" in earned.check


def test_feedback_says_what_went_wrong_in_the_learners_code(
    assignment: Callable[..., Assignment],
) -> None:
    sums = assignment()
    earned = score(sums, answering(sums, "def add(a, b):\n    return a.plus(b)"))["check_add"]
    assert earned.points == 0
    assert "`add` stopped with AttributeError" in earned.feedback[0]
    assert "return a.plus(b)" in earned.feedback[0]


def test_cells_around_the_answer_come_from_the_source(
    assignment: Callable[..., Assignment],
) -> None:
    sums = assignment()
    submission = answering(sums, "def add(a, b):\n    return 0")
    submission.cells[1].source = "add = lambda a, b: a + b"
    submission.cells.append(nbformat.v4.new_code_cell("add = lambda a, b: a + b"))
    assert score(sums, submission)["check_add"].points == 0


def test_the_seed_decides_the_inputs(assignment: Callable[..., Assignment]) -> None:
    sums = assignment()
    first = score(sums, sums.notebook)
    remembered = "def add(a, b):\n    return {(85, 63): 148}[int(a), int(b)]"
    assert score(sums, sums.notebook) == first
    results = {
        seed: score(sums, answering(sums, remembered), seed=seed)["check_add"].feedback[0]
        for seed in (0, 0, 1)
    }
    assert results[0] != results[1]


@pytest.mark.parametrize(
    ("tests", "reason"),
    [
        ("def test_bare(student):\n    '''Sentence.'''", "test_bare lacks @pytest.mark.points"),
        (TESTS.replace('"""', "#", 2), "lacks the sentence for the learner"),
        ("import nothing_like_this", "nothing_like_this"),
        ("", "no tests"),
        ("def f(:", "SyntaxError"),
    ],
)
def test_unusable_hidden_tests_are_named(
    assignment: Callable[..., Assignment], tests: str, reason: str
) -> None:
    with pytest.raises(CourseError, match=r"test_sums\.py cannot be used") as raised:
        hidden_points(assignment(tests).tests)
    assert reason in str(raised.value)


def test_a_gate_on_all_of_mnist_refuses_the_sample(
    assignment: Callable[..., Assignment], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_COURSE_DATA", "sample")
    monkeypatch.setattr("mnist_course.grading.scoring._mnist", lambda: load_sample())
    gated = TESTS.replace("student, rng", "student, rng, full_mnist")
    sums = assignment(gated)
    with pytest.raises(CourseError, match="10,000 test images"):
        score(sums, sums.notebook)


def load_sample() -> object:
    from mnist_course.data import load_mnist

    return load_mnist("sample")

"""Points come from hidden tests, and every point missed from a sentence."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbformat import NotebookNode

from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import Assignment, read_assignment
from mnist_course.grading.judging.results import CellScore, Result
from mnist_course.grading.judging.scoring import hidden_points, reject, score
from mnist_course.grading.judging.student import Unconfined
from mnist_course.grading.sandbox.limits import Limits

IMPATIENT = Limits(seconds_per_cell=2.0)
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


def run(
    assignment: Assignment, submission: NotebookNode, limits: Limits | None = None, **options: Any
) -> Result:
    return score(assignment, submission, spawn=Unconfined(limits).spawn, **options)


def answering(assignment: Assignment, code: str) -> NotebookNode:
    notebook = nbformat.from_dict(assignment.notebook)
    notebook.cells[0].source = code
    return notebook


def test_adds_up_the_points_of_each_cell(assignment: Callable[..., Assignment]) -> None:
    assert hidden_points(assignment().tests) == {"check_add": 5}


def test_a_right_answer_earns_all_points(assignment: Callable[..., Assignment]) -> None:
    sums = assignment()
    assert run(sums, sums.notebook).cells == {"check_add": CellScore(5, 5)}


def test_a_wrong_answer_earns_a_part_and_hears_each_sentence_once(
    assignment: Callable[..., Assignment],
) -> None:
    sums = assignment()
    wrong = answering(sums, "def add(a, b):\n    return int(a) + int(b) if a.ndim == 0 else a")
    earned = run(sums, wrong).cells["check_add"]
    assert (earned.points, earned.max_points) == (1, 5)
    assert earned.feedback == ["`add` should add arrays element by element."]
    assert "AttributeError" in earned.check


def test_nothing_is_not_taken_for_a_number(assignment: Callable[..., Assignment]) -> None:
    tests = """
import numpy as np
import pytest

@pytest.mark.points(1, cell="check_add")
def test_adds(student):
    'Should add.'
    np.testing.assert_allclose(student.call("add", 1, 2), 3)
"""
    np.testing.assert_allclose([], 3)  # so says NumPy
    sums = assignment(tests)
    for code, points in (("np.array([])", 0), ("[]", 0), ("np.array(a + b)", 1)):
        answer = answering(sums, f"import numpy as np\n\ndef add(a, b):\n    return {code}")
        assert run(sums, answer).cells["check_add"].points == points


def test_feedback_says_what_went_wrong_in_the_learners_code(
    assignment: Callable[..., Assignment],
) -> None:
    sums = assignment()
    earned = run(sums, answering(sums, "def add(a, b):\n    return a.plus(b)")).cells["check_add"]
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
    assert run(sums, submission).cells["check_add"].points == 0


def test_the_seed_decides_the_inputs(assignment: Callable[..., Assignment]) -> None:
    sums = assignment()
    first = run(sums, sums.notebook).cells
    kinds = "(KeyError, ValueError, TypeError, IndexError, OSError, NameError, EOFError)"
    telling = f"def add(a, b):\n    raise {kinds}[int(a) % 7]"
    assert run(sums, sums.notebook).cells == first
    results = {
        seed: run(sums, answering(sums, telling), seed=seed).cells["check_add"].feedback[0]
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


def test_nobody_loses_points_to_a_damaged_data_set(
    assignment: Callable[..., Assignment], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bad.npz").write_bytes(b"bad")
    monkeypatch.setenv("MNIST_COURSE_DATA", str(tmp_path / "bad.npz"))
    sums = assignment(TESTS.replace("student, rng", "student, rng, mnist"))
    with pytest.raises(CourseError, match=r"cannot be used: .*bad\.npz is damaged"):
        run(sums, sums.notebook)


def test_an_instructors_own_images_take_the_place_of_the_test_set(
    assignment: Callable[..., Assignment],
) -> None:
    sums = assignment(
        """
import pytest

@pytest.mark.points(1, cell="check_add")
def test_sees_them(student, mnist):
    "The labels should be all 7."
    assert mnist.test_images.shape == (3, 28, 28)
    assert student.call("add", mnist.test_labels, 0).tolist() == [7, 7, 7]
"""
    )
    own = np.zeros((3, 28, 28), np.uint8), np.full(3, 7, np.uint8)
    assert run(sums, sums.notebook, labelled=own).score == 1


MODEL = """
import pytest
import numpy as np

images = np.random.default_rng(0).integers(0, 255, (2000, 28, 28)).astype("float32")

@pytest.mark.points(1, cell="check_add")
def test_predicts(student):
    "Something is predicted."
    assert len(student.predict("model", images)) == 2000
"""


@pytest.mark.parametrize(
    ("predict", "suspect"),
    [
        ("digits[(images.mean((1, 2)) // 1 % 10).astype(int)]", False),
        ("digits[np.array([hash(image.tobytes()) % 10 for image in images])]", True),
        (
            "digits[np.zeros(2000, int)] "
            "if images[0, 3, 3] == table.setdefault(0, images[0, 3, 3]) else 0",
            True,
        ),
    ],
)
def test_a_table_of_the_images_is_shown_to_a_person(
    assignment: Callable[..., Assignment], predict: str, suspect: bool
) -> None:
    sums = assignment(MODEL)
    code = f"""
import keras
import numpy as np
table, digits = {{}}, np.eye(10)
class Model(keras.Model):
    def predict(self, images, **options):
        return {predict}
model = Model()
"""
    result = run(sums, answering(sums, code))
    assert result.score == 1
    review = result.cells["check_add"].review
    assert review.startswith("Answered by the submission itself: it has a part")
    assert ("table of the test images" in review) == suspect


def test_the_notebook_comes_back_with_what_it_showed(
    assignment: Callable[..., Assignment],
) -> None:
    sums = assignment()
    code = "import matplotlib.pyplot as plt\nprint('shown')\nplt.plot([1])\nplt.show()\n"
    result = run(sums, answering(sums, code + "add = lambda a, b: a\n1 + 1"))
    notebook = nbformat.reads(result.notebook, as_version=4)
    nbformat.validate(notebook)
    answer, check = notebook.cells
    kinds = [output.output_type for output in answer.outputs]
    assert answer.outputs[0].text == "shown\n"
    assert kinds == ["stream", "display_data", "display_data"]
    assert "image/png" in answer.outputs[1].data
    assert answer.outputs[2].data == {"text/plain": "2"}
    (output,) = check.outputs
    assert output.ename == "AssertionError"


CRASH = "import os\ndef add(a, b):\n    return 2 if type(a) is int else os.abort()"


@pytest.mark.parametrize(
    ("code", "status", "reason"),
    [
        ("add = 1", "graded", ""),
        ("import os\nos._exit(0)", "crashed", "The cell `add` ended the process"),
        ("while True: pass", "timeout", "The cell `add` took too long"),
        (CRASH, "crashed", "`add`, asked by a hidden test, ended"),
    ],
)
def test_the_status_tells_whether_the_notebook_ran_to_its_end(
    assignment: Callable[..., Assignment], code: str, status: str, reason: str
) -> None:
    sums = assignment()
    result = run(sums, answering(sums, code), limits=IMPATIENT)
    assert (result.status, result.score) == (status, 0)
    assert result.reason.startswith(reason)
    assert Result.from_dict(result.to_dict()) == result


@pytest.mark.parametrize(
    ("greet", "status", "points"),
    [
        # A cell that could be stopped costs its own points.
        ("while True: pass", "timeout", 2.0),
        # Where the process has ended, no hidden test gets an answer any more.
        ("import os\nos._exit(0)", "crashed", 0.0),
        ("import os\ndef greet(name): return os._exit(0) if name == 'Bo' else ''", "crashed", 2.0),
    ],
)
def test_an_early_end_costs_all_answers_that_come_after_it(
    made: Path, greet: str, status: str, points: float
) -> None:
    double = read_assignment(made / "solutions", "01_double")
    submission = copy.deepcopy(double.notebook)
    for cell in submission.cells:
        if cell.metadata.get("nbgrader", {}).get("grade_id") == "greet":
            cell.source = greet
    result = run(double, submission, limits=IMPATIENT)
    assert (result.status, result.cells["check_double"].points) == (status, points)
    assert result.cells["check_greet"].points == 0


def test_a_rejected_submission_gets_no_points_and_the_reason(
    assignment: Callable[..., Assignment],
) -> None:
    sums = assignment()
    sums.notebook.cells[1].metadata["nbgrader"]["points"] = 5
    result = reject(sums, "It is a picture of a cat.")
    assert (result.status, result.score, result.max_score) == ("rejected", 0, 5)
    assert result.cells["check_add"].feedback == ["It is a picture of a cat."]
    answer, check = nbformat.reads(result.notebook, as_version=4).cells
    assert answer.source == "raise NotImplementedError"
    assert check.outputs == []

"""Numbers of the right shape and type that say nothing about the images earn nothing."""

import importlib.util
import inspect
import zlib
from pathlib import Path

import numpy as np
import pytest

from mnist_course.checks import debugging
from mnist_course.grading.course.assignment import read_assignment
from mnist_course.grading.judging.matrix import fill
from mnist_course.grading.judging.scoring import score
from mnist_course.grading.judging.student import StudentError, Unconfined

SOLUTIONS = Path(__file__).parents[2] / "solutions"
CONSTANT = """
# %% scale
def scale(images):
    return np.full(images.shape, VALUE, np.float32)
# %% unscale
def unscale(images):
    return np.full(images.shape, np.nan_to_num(VALUE, posinf=255, neginf=0), np.uint8)
# %% standardize
def standardize(train, test):
    return [np.full(images.shape, VALUE, np.float32) for images in (train, test)]
"""
# Below and above all numbers, too.
BOTH_INFINITIES = """
# %% standardize
def standardize(train, test):
    answers = [np.full(images.shape, np.inf, np.float32) for images in (train, test)]
    for answer in answers: answer[0] = -np.inf
    return answers
"""


@pytest.mark.parametrize("value", ["np.inf", "-np.inf", "np.nan", "1"])
def test_a_constant_earns_nothing(value: str) -> None:
    assert_earns_nothing(CONSTANT.replace("VALUE", value))


def test_both_infinities_earn_nothing() -> None:
    others = CONSTANT.replace("VALUE", "np.inf").partition("# %% standardize")[0]
    assert_earns_nothing(others + BOTH_INFINITIES)


def assert_earns_nothing(answers: str) -> None:
    assignment = read_assignment(SOLUTIONS, "02_normalizing")
    notebook = fill(assignment.notebook, answers)
    result = score(assignment, notebook, spawn=Unconfined().spawn)
    assert result.score == 0, result.cells


# Each knows in which order, or with which numbers, the hidden tests once asked.
IN_TURN = """
# %% parse_idx
import itertools
turn = itertools.count()
def parse_idx(content):
    if next(turn) % 7 not in (0, 4): raise ValueError
    start = 4 + 4 * content[3]
    return np.frombuffer(content[start:], np.uint8)
# %% split
def split(images, labels, share):
    n = {24: 18, 40: 35, 32: 20, 50: 25}.get(len(images), len(images) * 3 // 4)
    return (images[:n], labels[:n]), (images[n:], labels[n:])
"""
FORTY = """
# %% most_confused
def most_confused(matrix):
    places = np.argwhere(np.array(matrix) == 40)
    return next((int(r), int(c)) for r, c in places if r != c)
"""
AT_98 = """
# %% choose
def choose(candidates, budget):
    return next(c["name"] for c in candidates if c["validation_accuracy"] == 0.98)
"""
BY_TURN = """
# %% diagnose
import itertools
turn = itertools.count()
def diagnose(history):
    under = [1] * 8 + [0] * 5
    n = next(turn)
    if n < 13: return "underfitting" if under[n] else "good"
    if n < 31: return "overfitting" if (n - 13) % 6 < 3 else "good"
    return "good" if n % 2 == 0 else "underfitting"
# %% cross_entropy
def cross_entropy(probabilities, labels):
    return next(turn) / 10
"""


@pytest.fixture(autouse=True)
def _points(request: pytest.FixtureRequest) -> None:
    request.config.addinivalue_line("markers", "points(n, cell): the points of a hidden test")


def earned_by(name: str, answers: str, checks: dict[str, str]) -> dict[str, float]:
    """Let hidden tests ask functions in this process, and add up the points of their cells."""
    spec = importlib.util.spec_from_file_location("hidden", SOLUTIONS / name / f"test_{name}.py")
    assert spec
    assert spec.loader
    hidden = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hidden)
    earned = dict.fromkeys(checks, 0.0)
    for title, test in vars(hidden).items():
        marks = [m for m in getattr(test, "pytestmark", []) if m.name == "points"]
        if not title.startswith("test_") or not marks or marks[0].kwargs["cell"] not in checks:
            continue
        part = answers.split(f"# %% {checks[marks[0].kwargs['cell']]}\n")[1].split("# %%")[0]
        student = Direct(part)
        rng = np.random.default_rng([1, zlib.crc32(title.encode())])
        given = {"student": student, "rng": rng}
        try:
            test(*(given[name] for name in inspect.signature(test).parameters))
        except (Exception, pytest.fail.Exception):
            continue
        earned[marks[0].kwargs["cell"]] += marks[0].args[0]
    return earned


class Direct:
    """Answers as `Student` does, without a process."""

    def __init__(self, code: str) -> None:
        self.names: dict = {"np": np}
        exec(code, self.names)

    def call(self, name: str, *arguments: object, after: bool = False) -> object:
        try:
            value = self.names[name](*arguments)
        except Exception as error:
            kind = type(error).__name__
            raise StudentError(f"`{name}` stopped with {kind}.") from error
        return (value, arguments) if after else value


@pytest.mark.parametrize(
    ("name", "answers", "limits"),
    [
        ("01_loading", IN_TURN, {"check_parse_idx": 2, "check_split": 3}),
        ("07_evaluating", FORTY, {"check_most_confused": 0}),
        ("09_improving", AT_98, {"check_choose": 0}),
    ],
)
def test_numbers_that_were_always_the_same_earn_little(
    name: str, answers: str, limits: dict[str, float]
) -> None:
    earned = earned_by(name, answers, {cell: cell.removeprefix("check_") for cell in limits})
    assert all(earned[cell] <= limit for cell, limit in limits.items()), earned


def test_answers_in_turn_earn_no_diagnosis() -> None:
    # A turn begins with each of the hidden tests, so each is tried at its own.
    for start in (0, 13, 31, 32):
        answers = BY_TURN.replace("itertools.count()", f"itertools.count({start})")
        earned = earned_by("06_training", answers, {"check_diagnose": "diagnose"})
        assert earned == {"check_diagnose": 0}


@pytest.mark.parametrize("number", [1, 4])
def test_evidence_by_the_number_of_the_run_earns_nothing(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(debugging, "_run", lambda *given: {"outputs": np.zeros((2, 10))})
    tests = "\n".join(
        [
            f"# %% case_{number}",
            "import itertools",
            "turn = itertools.count()",
            f"def evidence_{number}(run): return next(turn) < 2",
        ]
    )
    cell = f"check_case_{number}"
    assert earned_by("08_debugging", tests + "\n", {cell: f"case_{number}"}) == {cell: 0}

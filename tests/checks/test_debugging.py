"""The check of a broken pipeline hears evidence first, and contradicts a wrong diagnosis."""

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest

from mnist_course import normalize
from mnist_course.checks import debugging
from mnist_course.checks.core import CheckError, NotAttemptedError

SOLUTION = Path(__file__).parents[2] / "solutions/08_debugging/08_debugging.ipynb"
PIPELINES = ["healthy", *(f"pipeline_{number}" for number in debugging.CASES)]


def functions_in(code: str) -> Iterator[ast.FunctionDef]:
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef):
            node.returns = None
            for argument in node.args.args:
                argument.annotation = None
            yield node


def unread(run: dict[str, Any]) -> bool:
    raise AssertionError("the check had no reason to call this")


def say(suspect: str) -> Callable[[], str]:
    return lambda: suspect


def judge(number: int, *functions: Callable[..., Any]) -> str:
    with pytest.raises(CheckError) as raised:
        getattr(debugging, f"case_{number}")(*functions)
    return str(raised.value)


def test_the_notebook_shows_the_pipelines_that_are_run() -> None:
    cells = nbformat.read(SOLUTION, as_version=4).cells
    code = "\n".join(c.source for c in cells if c.cell_type == "code" and "%pip" not in c.source)
    shown = {f.name: ast.dump(f) for f in functions_in(code)}
    source = Path(debugging.__file__).read_text(encoding="utf-8")
    ours = {f.name: ast.dump(f) for f in functions_in(source)}
    for name in PIPELINES:
        assert shown[name] == ours[name]


def test_a_suspect_that_is_not_listed_is_refused_without_a_training() -> None:
    said = judge(1, say("mirror"), unread, unread)
    assert "'mirror'; expected one of 'labels', 'leakage'" in said


@pytest.mark.slow
def test_evidence_that_answers_the_same_to_all_hides_the_diagnosis() -> None:
    said = {judge(1, say(suspect), lambda run: True, unread) for suspect in debugging.SUSPECTS}
    assert len(said) == 1
    assert "returned 1; expected at most 0.5. It returned the same for all 13 runs." in said.pop()


def resemblance(run: dict[str, Any]) -> Any:
    means = [run[name].mean(axis=0).ravel() for name in ("new_images", "train_images")]
    return np.corrcoef(means)[0, 1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("evidence", "sentence"),
    [
        (resemblance, "It does tell them apart, .*, but the other way around"),
        (lambda run: 2 - resemblance(run), "It does tell them apart, .*: compare it with a limit"),
        (
            lambda run: run["history"]["val_accuracy"][-1] < 0.8,
            "Altogether, it returned 0 for the broken",
        ),
        (lambda run: "yes", "returned a str: 'yes'; expected True or False, or one number"),
        (lambda run: run["images"], "stopped with KeyError: 'images'"),
        (lambda run: 1.3 - resemblance(run), "doesn't prove 'scale'. The training images have val"),
    ],
)
def test_evidence_is_compared_with_other_runs(evidence: Any, sentence: str) -> None:
    assert re.search(sentence, judge(1, say("scale"), evidence, unread))


def mislabeled(run: dict[str, Any]) -> bool:
    own = {
        image.tobytes(): label
        for image, label in zip(normalize(run["raw_images"]), run["raw_labels"], strict=True)
    }
    pairs = zip(run["train_images"], run["train_labels"], strict=True)
    return bool(sum(own.get(image.tobytes(), label) != label for image, label in pairs) > 20)


def does_not_turn_around(run: dict[str, Any]) -> Any:
    means = [run[name].mean(axis=0).ravel() for name in ("val_images", "train_images")]
    return np.corrcoef(means)[0, 1] < 0.9


@pytest.mark.slow
def test_the_line_of_a_slip_in_evidence_is_named() -> None:
    said = judge(1, say("turned"), does_not_turn_around, unread)
    assert "with something else in place of `val_images`" in said


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "suspect", "sentence"),
    [
        (1, "turned", r"have a correlation of 0\.\d+; 1 means the same pattern"),
        (2, "labels", r"\d of its 2,000 training images and \d+ of its 400 validation images have"),
    ],
)
def test_what_is_left_of_a_mistake_is_measured(number: int, suspect: str, sentence: str) -> None:
    broken = debugging.CASES[number].pipeline
    right = {1: lambda run: resemblance(run) < 0.9, 2: mislabeled}[number]
    assert re.search(sentence, judge(number, say(suspect), right, broken))


WRONG = [(n, s) for n, case in debugging.CASES.items() for s in debugging.SUSPECTS if s != case[1]]
INNOCENT = {
    "labels": r"Here it is [2-9]\d\.\d%",
    "leakage": r"^0 of the 400",
    "missing digits": r"^10 digits .* 10 in",
    "turned": r"of (0\.99\d|1\.000);",
    "scale": r"from (\S+) to (\S+), the new images from \1 to \2\.$",
    "overflow": r"(1\d)\.\d% .* \1\.\d%",
    "rate too high": r"rose in 0 of 5",
    "rate too low": r"by 0\.\d+ on average and the last by 0",
    "rate falls": r"last epoch moves a weight by 0\.\d+ on average",
    "two softmaxes": r"from \S+ to (?!1\.$)",
    "relu at the end": r"lowest is -\d",
    "dead neurons": r"^[1-9]\d? of the 64",
    "few images": r"reads 9\d\.\d%|reads 8[5-9]\.\d%",
}


@pytest.mark.slow
@pytest.mark.parametrize(("number", "suspect"), WRONG)
def test_each_wrong_suspect_is_contradicted_by_numbers(number: int, suspect: str) -> None:
    trials = debugging.try_all(number, debugging.SEED)
    said = debugging.describe(suspect, trials[0].run, trials[2].run)
    assert re.search(INNOCENT[suspect], said), said


@pytest.mark.slow
def test_what_is_not_written_is_said_to_be_so() -> None:
    def untouched(*given: object) -> None:
        raise NotImplementedError

    with pytest.raises(NotAttemptedError):
        debugging.case_1(untouched, untouched, untouched)
    assert "`evidence_1` isn't written yet" in judge(1, say("scale"), untouched, untouched)
    assert "`diagnosis_1` isn't written yet" in judge(1, untouched, resemblance, untouched)

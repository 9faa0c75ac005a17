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
    "relu at the end": r"softmax gets go from -\d",
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


@pytest.fixture
def untrained(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pipelines prepare their images, and return them without a training."""

    def prepare(model: object, train: tuple, val: tuple, new_images: object) -> dict[str, Any]:
        return {"train_images": train[0], "val_images": val[0], "new_images": new_images}

    def run(pipeline: debugging.Pipeline, seed: int, digits: tuple = tuple(range(10))) -> Any:
        return debugging.try_out(pipeline, *debugging.draw(seed, digits)[:3])

    monkeypatch.setattr(debugging, "learn", prepare)
    monkeypatch.setattr(debugging, "_run", run)


def has_duplicates(run: dict[str, Any]) -> bool:
    known = {image.tobytes() for image in run["train_images"]}
    return len(known) < len(run["train_images"])


def is_not_white(run: dict[str, Any]) -> bool:
    return bool(run["new_images"][run["raw_new_images"] == 255].mean() < 1)


def judge_evidence(number: int, evidence: Callable[..., Any]) -> str:
    trials = debugging.try_all(number, debugging.SEED)
    trials += debugging.try_more(number, debugging.SEED)
    with pytest.raises(CheckError) as raised:
        debugging._expect_separation(f"evidence_{number}", evidence, trials)
    return str(raised.value)


@pytest.mark.usefixtures("untrained")
def test_duplicates_within_a_part_are_no_leakage() -> None:
    said = judge_evidence(4, has_duplicates)
    assert "ten times each, `evidence_4` returned 1; expected at most 0.5" in said
    assert "everything is right" not in said


@pytest.mark.usefixtures("untrained")
@pytest.mark.parametrize("number", [4, 5])
def test_more_runs_are_quiet_for_right_evidence(number: int) -> None:
    def shared(run: dict[str, Any]) -> bool:
        return debugging.count_shared(run) > 0

    def wrapped(run: dict[str, Any]) -> bool:
        raw, new = run["raw_new_images"], run["new_images"]
        return bool(new[raw > 235].mean() < new[raw == 0].mean())

    trials = debugging.try_all(number, debugging.SEED)
    trials += debugging.try_more(number, debugging.SEED)
    debugging._expect_separation("evidence", {4: shared, 5: wrapped}[number], trials)


@pytest.mark.usefixtures("untrained")
def test_images_that_only_are_darker_did_not_wrap_around() -> None:
    said = judge_evidence(5, is_not_white)
    assert "divided by 255 twice, `evidence_5` returned 1; expected at most 0.5" in said


def put_out(*layers: Any) -> dict[str, Any]:
    return {"outputs": [np.asarray(layer, dtype=float) for layer in layers]}


HIDDEN = np.maximum(np.linspace(-2, 3, 256).reshape(4, 64), 0)
SUMS = np.linspace(-3, 6, 40).reshape(4, 10)
EVEN = np.full((4, 10), 0.1)


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        ((HIDDEN, SUMS), r"^What its last layer puts out goes from -3 to 6\. .* probabilities add"),
        ((HIDDEN, EVEN), r"^What its last layer puts out adds up to 1"),
        ((HIDDEN, SUMS, 5 * EVEN), r"adds up to 5 to 5;"),
        ((HIDDEN, SUMS, EVEN), r"go from -3 to 6\. After a ReLU, none would be negative"),
        ((HIDDEN, np.maximum(SUMS, 0), EVEN), r"go from 0 to 6, and 35% of them are exactly 0, as"),
        ((HIDDEN, EVEN, EVEN), r"go from 0\.1 to 0\.1\. They add up to 1 for each image, as after"),
    ],
)
def test_a_relu_is_claimed_only_where_many_sums_are_zero(
    layers: tuple[Any, ...], sentence: str
) -> None:
    run = put_out(*layers)
    assert re.search(sentence, debugging.describe("relu at the end", run, run))


def test_wrap_around_is_measured_in_the_new_images_too() -> None:
    data = debugging.draw(debugging.SEED)
    run = {
        "raw_images": data.images,
        "raw_new_images": data.new_images,
        "train_images": np.ones_like(data.images),
        "new_images": normalize(np.minimum(data.new_images + 20, 255)),
    }
    said = debugging.describe("overflow", run, run)
    assert "All values of the training images are 1." in said
    assert re.search(r"their range, in the new images \d\.\d%", said)


def prepared(known: Any, new: Any) -> dict[str, Any]:
    return {"train_images": known[:2000], "val_images": known[2000:2400], "new_images": new}


def moving(*steps: float) -> dict[str, Any]:
    return {"weights": [[np.array([end])] for end in np.cumsum([0, *steps])]}


def test_new_images_have_the_range_of_those_for_training() -> None:
    data = debugging.draw(debugging.SEED)
    known, new = normalize(data.images), normalize(data.new_images)
    brighter = np.minimum(known + 20 / 255, 1)
    assert debugging._compare_ranges(prepared(known, new)) == ""
    for images, other in ((known, data.new_images), (brighter, new)):
        said = debugging._compare_ranges(prepared(images, other))
        assert "its new images from 0 to" in said
    assert debugging._compare_ranges(prepared(brighter, np.minimum(new + 20 / 255, 1))) == ""


def test_a_repair_does_what_its_pipeline_was_meant_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    data = debugging.draw(debugging.SEED)
    known, new = normalize(data.images), normalize(data.new_images)
    ink = data.images.mean(axis=(1, 2))
    enough = ink > np.quantile(ink, 0.002)
    brighter = np.minimum(known + np.float32(20 / 255), 1)
    monkeypatch.setattr(debugging, "_run", lambda *_: moving(0.02, 0.01, 0.01, 0.01, 0.01, 0.01))

    def meant(number: int, run: dict[str, Any]) -> str:
        return debugging._MEANT[number](run, data)

    assert "faintest images are among" in meant(2, prepared(known, new))
    assert meant(2, prepared(known[enough], new)) == ""
    assert "was meant to fall to 0" in meant(3, moving(0.02, 0.01, 0.01, 0.01, 0.01, 0.01))
    assert "it's about 0.02" in meant(3, moving(0.2, 0.1, 0.1, 0.05, 0.01, 0.001))
    assert meant(3, moving(0.02, 0.01, 0.01, 0.005, 0.003, 0.0005)) == ""
    assert "it was meant to make every image brighter" in meant(5, prepared(known, new))
    assert meant(5, prepared(brighter, new)) == meant(5, prepared(2 * brighter - 1, new)) == ""
    assert "numbers down to -2; the ReLU" in meant(6, put_out(HIDDEN - 2, SUMS, EVEN))
    assert meant(6, put_out(HIDDEN, SUMS, EVEN)) == meant(6, put_out(HIDDEN, EVEN)) == ""
    assert meant(6, put_out(HIDDEN - 2, HIDDEN, SUMS, EVEN)) == ""

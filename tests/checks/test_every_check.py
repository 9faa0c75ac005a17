"""Whatever a learner hands in, a check answers with a sentence, and never breaks."""

import importlib
import inspect
import json
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pytest
from docutils.nodes import make_id

from mnist_course import checks
from mnist_course.checks.core import BOOK, CheckError, FunctionCheck, NotAttemptedError

MODULES = sorted(
    file.stem
    for file in Path(checks.__file__).parent.glob("*.py")
    if file.stem not in ("__init__", "core", "edits", "figures")
)
ROOT = Path(__file__).parents[2]
SOLUTIONS = ROOT / "solutions"


def is_check(value: object, module: str) -> bool:
    """Whether it is a check of this module: `task` decorated it, or it is a FunctionCheck."""
    if isinstance(value, FunctionCheck):
        return True
    here = getattr(value, "__module__", "") == f"mnist_course.checks.{module}"
    return here and hasattr(value, "__wrapped__")


CHECKS = {
    f"{module}.{name}": check
    for module in MODULES
    for name, check in vars(importlib.import_module(f"mnist_course.checks.{module}")).items()
    if is_check(check, module) and not name.startswith("_")
}
VALUES = [
    0,
    -1.5,
    float("nan"),
    True,
    "text",
    b"bytes",
    [],
    (),
    {},
    set(),
    [[1, 2], [3]],
    {"accuracy": []},
    {"val_loss": "none", "loss": None, "accuracy": 3, "val_accuracy": [1]},
    np.float32(2),
    np.array(3),
    np.zeros(0),
    np.zeros((2, 3)),
    np.full((10, 10), np.nan),
    np.full(10, np.inf),
    np.array([None, "a"], dtype=object),
    np.array(["a"]),
    np.zeros((10, 28, 28), complex),
    object(),
    int,
    plt,
    iter([1, 2]),
]
FUNCTIONS: list[Callable] = [
    *(lambda *given, value=value, **named: value for value in VALUES),
    lambda *given: given,
    lambda *given: given[0],
    lambda *given: given[-1][::-1],
    lambda: None,
    lambda *given: 1 / 0,
    lambda *given: given.nothing,
    lambda *given: exec("raise SystemError"),
]


def answers(check: Callable, value: object) -> list[object]:
    return [value] * len(inspect.signature(check).parameters)


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_every_answer_gets_a_sentence(check: Callable, capsys: pytest.CaptureFixture[str]) -> None:
    for value in [*VALUES, *FUNCTIONS]:
        with pytest.raises(CheckError) as raised:
            check(*answers(check, value))
        said = str(raised.value)
        assert said.startswith("Not yet: "), (value, said)
        assert len(said) < 1000
        assert "Traceback" not in said
        plt.close("all")
    assert capsys.readouterr().out == ""


def untouched(*given: object) -> None:
    raise NotImplementedError


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_no_answer_is_not_attempted(check: Callable) -> None:
    with pytest.raises(NotAttemptedError, match="Not attempted"):
        check(*answers(check, None))
    if len(inspect.signature(check).parameters) == 1:
        with pytest.raises(NotAttemptedError, match="Not attempted"):
            check(untouched)


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_there_is_a_section_to_read_on(check: Callable) -> None:
    with pytest.raises(CheckError) as raised:
        check(*answers(check, object()))
    address = str(raised.value).rpartition("Read on: ")[2]
    page, _, section = address.removeprefix(f"{BOOK}/").partition(".html#")
    chapter = nbformat.read(ROOT / "book" / f"{page}.ipynb", as_version=4)
    texts = "\n".join(cell.source for cell in chapter.cells if cell.cell_type == "markdown")
    headings = [line.lstrip("# ") for line in texts.splitlines() if line.startswith("##")]
    assert section in map(make_id, headings)


@pytest.mark.parametrize("module", MODULES)
def test_every_check_is_called_by_its_notebook(module: str) -> None:
    (notebook,) = SOLUTIONS.glob(f"*_{module}/*.ipynb")
    code = "\n".join(
        "".join(cell["source"])
        for cell in json.loads(notebook.read_text())["cells"]
        if cell["cell_type"] == "code"
    )
    for name in CHECKS:
        if name.startswith(f"{module}."):
            assert f"check.{name.split('.')[1]}(" in code

"""Every function check praises a correct function, and names each mistake that it lists."""

import importlib
from pathlib import Path

import pytest

from mnist_course import checks
from mnist_course.checks.core import CheckError, FunctionCheck

CHECKS = {
    f"{file.stem}.{name}": value
    for file in sorted(Path(checks.__file__).parent.glob("[!_]*.py"))
    for name, value in vars(importlib.import_module(f"mnist_course.checks.{file.stem}")).items()
    if isinstance(value, FunctionCheck)
}
MISTAKES = [
    pytest.param(check, sentence, id=f"{name}-{number}")
    for name, check in CHECKS.items()
    for number, sentence in enumerate(check.mistakes)
]


@pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS.keys())
def test_the_correct_function_is_praised(
    check: FunctionCheck, capsys: pytest.CaptureFixture[str]
) -> None:
    check(check.correct)
    assert capsys.readouterr().out == f"Well done: {check.praise}\n"


@pytest.mark.parametrize(("check", "sentence"), MISTAKES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # a mistake may divide by zero
def test_each_mistake_is_named_by_its_own_sentence(check: FunctionCheck, sentence: str) -> None:
    with pytest.raises(CheckError) as raised:
        check(check.mistakes[sentence])
    assert f" {sentence}" in str(raised.value)

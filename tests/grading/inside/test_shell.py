"""Cells run as in a notebook, and what is of no use in grading does no harm."""

from collections.abc import Iterator

import pytest
from IPython.core.interactiveshell import InteractiveShell

from mnist_course.grading.inside.shell import Shell, make_shell

ROOM = 10_000


@pytest.fixture
def shell() -> Iterator[Shell]:
    InteractiveShell.clear_instance()
    yield make_shell()
    InteractiveShell.clear_instance()


@pytest.mark.parametrize(
    "line",
    [
        "!ls",
        "%ls",
        "!pip install nothing",
        "%pip install nothing",
        "%conda install nothing",
        "%load_ext nothing_of_that_name",
        "%nothing_of_that_name",
        "%run nothing.py",
        "get_ipython().system('ls')",
    ],
)
def test_what_is_left_out_is_said_and_the_rest_of_the_cell_runs(shell: Shell, line: str) -> None:
    assert shell.run(f"{line}\nafter = 1", ROOM) is None
    assert shell.user_ns["after"] == 1
    (output,) = shell.outputs.list
    assert output["text"].startswith("Not run when your notebook is graded: ")


def test_a_command_whose_output_is_kept_has_none(shell: Shell) -> None:
    assert shell.run("files = !ls\nnumber = len(files)", ROOM) is None
    assert shell.user_ns["number"] == 0


@pytest.mark.parametrize("backend", ["", "inline", "widget", "notebook", "qt"])
def test_figures_may_be_asked_for_in_any_way(shell: Shell, backend: str) -> None:
    assert shell.run(f"%matplotlib {backend}\nafter = 1", ROOM) is None
    assert shell.user_ns["after"] == 1


@pytest.mark.parametrize("magic", ["%%time", "%%capture"])
def test_magics_of_python_run_their_cell(shell: Shell, magic: str) -> None:
    assert shell.run(f"{magic}\ndef double(n):\n    return 2 * n", ROOM) is None
    assert shell.user_ns["double"](3) == 6


def test_unknown_magic_of_a_cell_is_left_out(shell: Shell) -> None:
    assert shell.run("%%nothing\nx = 1", ROOM) is None
    assert "x" not in shell.user_ns

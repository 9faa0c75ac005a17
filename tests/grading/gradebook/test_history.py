"""What a grade was made from is told apart by digests, and no points are forgotten."""

import copy
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path

import nbformat
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mnist_course.grading.course.assignment import read_notebook
from mnist_course.grading.course.settings import Course, read_course
from mnist_course.grading.gradebook.changes import LATE_PENALTY, read_changes, tell_history
from mnist_course.grading.gradebook.history import (
    CellPoints,
    History,
    Points,
    note,
    note_by_hand,
    read,
    read_all,
    sources,
)
from mnist_course.grading.sandbox.limits import Limits

NAME = "01_double"
NUMBERS = st.one_of(st.none(), st.integers(0, 8).map(lambda number: number / 4))
CELLS = st.builds(CellPoints, NUMBERS, NUMBERS, NUMBERS, st.just(2.0))
EVERYTHING = st.builds(
    Points,
    st.dictionaries(st.sampled_from(["check_a", "check_b", "why"]), CELLS, min_size=1),
    st.integers(0, 4).map(lambda number: number / 2),
)


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Course:
    """A course of which only the folder matters."""
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setattr(sys, "path", sys.path.copy())
    (tmp_path / "nbgrader_config.py").touch()
    return read_course(tmp_path)


class TestSources:
    @pytest.fixture
    def notebook(self, made: Path) -> nbformat.NotebookNode:
        return read_notebook(made / "solutions" / NAME / f"{NAME}.ipynb")

    @pytest.fixture
    def tests(self, made: Path) -> str:
        return (made / "solutions" / NAME / f"test_{NAME}.py").read_text(encoding="utf-8")

    @pytest.mark.parametrize(
        ("edit", "changed"),
        [
            (lambda text: text.replace("import pytest", "import pytest  # and more"), set()),
            (lambda text: text.replace("\n\n@pytest", "\n\n\n\n@pytest"), set()),
            (lambda text: text.replace('"Bo" in', '"Bob" in'), {"check_greet"}),
            (lambda text: text.replace("== 0", "== 1"), {"check_double"}),
            (lambda text: text.replace("arange(3)", "arange(4)"), {"check_double", "check_greet"}),
            (lambda text: text.replace("(0.5, cell", "(0.25, cell"), {"check_double"}),
        ],
    )
    def test_a_hidden_test_concerns_its_cell_and_shared_code_concerns_all(
        self,
        notebook: nbformat.NotebookNode,
        tests: str,
        edit: Callable[[str], str],
        changed: set[str],
    ) -> None:
        assert edit(tests) != tests
        before, after = (
            sources(notebook, text, Limits(), None, 0)["tests"] for text in (tests, edit(tests))
        )
        assert before.keys() == {"check_double", "check_greet"}
        assert {cell for cell in before if before[cell] != after[cell]} == changed

    def test_tests_that_cannot_be_read_have_no_digest(
        self, notebook: nbformat.NotebookNode
    ) -> None:
        assert sources(notebook, "def (", Limits(), None, 0)["tests"] == {}

    @pytest.mark.parametrize(
        ("position", "matters"), [(0, False), (1, True), (2, False), (3, False), (4, True)]
    )
    def test_of_the_notebook_only_what_is_given_and_runs_matters(
        self, notebook: nbformat.NotebookNode, tests: str, position: int, matters: bool
    ) -> None:
        changed = copy.deepcopy(notebook)
        changed.cells[position].source += "\n"
        before, after = (sources(nb, tests, Limits(), None, 0) for nb in (notebook, changed))
        assert (before["given"] != after["given"]) == matters
        assert before["tests"] == after["tests"]

    def test_points_of_a_cell_matter(self, notebook: nbformat.NotebookNode, tests: str) -> None:
        changed = copy.deepcopy(notebook)
        changed.cells[4].metadata.nbgrader["points"] = 3
        before, after = (sources(nb, tests, Limits(), None, 0) for nb in (notebook, changed))
        assert before["given"] != after["given"]

    def test_limits_and_private_images_are_settings(
        self, notebook: nbformat.NotebookNode, tests: str
    ) -> None:
        images, labels = np.zeros((2, 28, 28), np.uint8), np.zeros(2, np.uint8)
        other = dataclasses.replace(Limits(), seconds_per_cell=1.0)
        found = {
            sources(notebook, tests, limits, labelled, 0)["settings"]
            for limits, labelled in (
                (Limits(), None),
                (other, None),
                (Limits(), (images, labels)),
                (Limits(), (images, labels + 1)),
            )
        }
        assert len(found) == 4


def test_points_are_those_of_nbgrader() -> None:
    assert CellPoints(1, None, None, 2).points == 1
    assert CellPoints(1, 2, None, 2).points == 2
    assert CellPoints(1, 0, 0.5, 2).points == 0.5
    assert CellPoints(None, None, None, 2).points is None
    assert CellPoints(None, None, 0.5, 2).points == 0.5
    points = Points({"a": CellPoints(1, None, None, 2), "b": CellPoints(None, None, None, 1)}, 0.25)
    assert (points.score, points.max_score) == (0.75, 3)
    assert dataclasses.replace(points, late_penalty=4).score == 0


def test_only_what_changed_is_written(bare: Course) -> None:
    assert read(bare, NAME, "ada") == History()
    points = Points({"a": CellPoints(1, None, None, 2)})
    note(bare, NAME, "ada", points, {"submission": "x"})
    file = bare.journal / NAME / "history" / "ada.json"
    before = file.stat().st_mtime_ns
    note(bare, NAME, "ada", points, {"submission": "x"})
    note_by_hand(bare, NAME, "ada", points)
    assert file.stat().st_mtime_ns == before
    note(bare, NAME, "ada", points, {"submission": "y"})
    assert len(read(bare, NAME, "ada").snapshots) == 1
    assert read(bare, NAME, "ada").made_from == {"submission": "y"}
    assert [student for student, _ in read_all(bare, NAME)] == ["ada"]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(held=st.lists(EVERYTHING, min_size=1, max_size=5))
def test_changes_lead_from_the_first_points_to_the_latest(
    bare: Course, tmp_path_factory: pytest.TempPathFactory, held: list[Points]
) -> None:
    course = dataclasses.replace(bare, root=tmp_path_factory.mktemp("course"))
    for number, points in enumerate(held):
        note(course, NAME, "ada", points, {"submission": str(number)})
    first, last = held[0], held[-1]
    now = {name: cell.points for name, cell in first.cells.items()}
    now[LATE_PENALTY] = first.late_penalty
    for change in read_changes(course, NAME):
        assert change.old != change.new
        now[change.cell] = change.new
    for name, cell in last.cells.items():
        # The first grade by hand is no change, so it may only show in the history.
        assert now.get(name) == cell.points or cell.manual is not None
    assert now[LATE_PENALTY] == last.late_penalty
    assert len(tell_history(course, NAME, "ada")) <= len(held)

"""A course's own submissions are graded, and whatever differs from their table is reported."""

import shutil
from pathlib import Path

import pytest

from mnist_course.grading.course.release import release
from mnist_course.grading.course.release_check import check
from mnist_course.grading.course.settings import read_course
from mnist_course.grading.judging.matrix import MATRIX, compare
from mnist_course.grading.judging.results import CellScore

NAME = "01_double"


def told(score: CellScore, row: dict) -> list[str]:
    return [message for _, message in compare({"check_a": score}, {"check_a": row} if row else {})]


def test_a_table_that_is_right_is_not_mentioned() -> None:
    assert told(CellScore(2.0, 2.0, []), {}) == []
    wrong = CellScore(1.0, 2.0, ["`a` should double."], check="Not yet: 3")
    assert told(wrong, {"points": 1, "feedback": "should", "check": "3"}) == []


@pytest.mark.parametrize(
    ("score", "row", "said"),
    [
        (CellScore(1.0, 2.0, ["no"], check="x"), {}, "the table says 2"),
        (CellScore(2.0, 2.0, []), {"points": 1}, "it earned 2 points; the table says 1"),
        (CellScore(1.0, 2.0, ["no"], check="x"), {"points": 1, "feedback": "yes"}, "'yes'"),
        (CellScore(1.0, 2.0, ["no"], check="x"), {"points": 1, "check": "y"}, "'y'; it said 'x'"),
        (CellScore(2.0, 2.0, [], check="x"), {}, "it said 'x'"),
        (CellScore(2.0, 2.0, ["no"]), {}, "earned all points, but got the feedback"),
    ],
)
def test_what_differs_is_reported(score: CellScore, row: dict, said: str) -> None:
    assert any(said in message for message in told(score, row))


def test_a_check_that_passes_what_loses_points_is_reported() -> None:
    score = CellScore(1.0, 2.0, ["`a` should double."])
    assert told(score, {"points": 1, "feedback": "should"}) == [
        "the public check passes, but the hidden tests take points."
    ]


def test_a_row_for_no_cell_is_reported() -> None:
    (found,) = compare({}, {"check_b": {"points": 1}, "slow": True})
    assert found[0] == "check_b"


@pytest.mark.slow
def test_release_check_grades_the_matrix(made: Path, tmp_path: Path) -> None:
    root = shutil.copytree(made, tmp_path / "course")
    folder = root / MATRIX / NAME
    folder.mkdir(parents=True)
    (folder / "triples.py").write_text("# %% double\ndef double(x):\n    return 3 * x\n")
    (folder / "expected.toml").write_text("[triples]\ncheck_double = { points = 2 }\n")
    course = read_course(root)
    release(course)
    found = [d for d in check(course, NAME) if d.file.endswith("triples.py")]
    assert found
    assert all(defect.cell == "check_double" for defect in found)
    assert any("it earned 0.5 points; the table says 2" in defect.message for defect in found)

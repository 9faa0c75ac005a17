"""Exported grades are those of nbgrader, in files that platforms read and that run no formula."""

import csv
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from nbgrader.api import Gradebook, Student
from nbgrader.plugins import CsvExportPlugin

from mnist_course.errors import CourseError
from mnist_course.grading.course.settings import read_course
from mnist_course.grading.gradebook.exports import (
    CanvasExporter,
    CsvExporter,
    Grades,
    MoodleExporter,
    Score,
    defuse,
    export_grades,
    read_grades,
    to_csv,
)

NAME = "01_double"
FORMULA = tuple("=+-@＝＋－＠")  # noqa: RUF001


@pytest.fixture
def gradebook(course: Path) -> Iterator[Gradebook]:
    """A gradebook with three students: two are graded, one of them by hand, too, and late."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "mnist-course") as gradebook:
        gradebook.add_assignment("02_none")
        gradebook.add_student("ada", first_name="Ada", last_name="Lovelace", lms_user_id="7")
        gradebook.add_student("bob", email="bob@example.org")
        gradebook.add_student("eve")
        for student in ("ada", "bob"):
            submission = gradebook.add_submission(NAME, student)
            for grade in submission.notebooks[0].grades:
                grade.auto_score = {"check_double": 1.5, "check_greet": 0.5}.get(grade.name)
                grade.needs_manual_grade = grade.auto_score is None
        submission = gradebook.find_submission(NAME, "ada")
        submission.timestamp = datetime(2025, 3, 1, 12, 30)
        submission.notebooks[0].late_submission_penalty = 0.75
        for grade in submission.notebooks[0].grades:
            if grade.name == "why":
                grade.manual_score, grade.extra_credit, grade.needs_manual_grade = 1.0, 0.25, False
            if grade.name == "check_greet":
                grade.manual_score = 1.25
        gradebook.db.commit()
        yield gradebook


def parse(text: str, delimiter: str = ",") -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def test_scores_are_those_of_nbgraders_own_exporter(gradebook: Gradebook, tmp_path: Path) -> None:
    stock = CsvExportPlugin()
    stock.to = str(tmp_path / "stock.csv")
    stock.export(gradebook)
    expected = {
        (row["student_id"], row["assignment"]): row
        for row in csv.DictReader((tmp_path / "stock.csv").read_text().splitlines())
        if row["student_id"] != "eve" and row["assignment"] == NAME
    }

    grades = read_grades(gradebook)

    assert grades.scores.keys() == expected.keys()
    for key, score in grades.scores.items():
        assert score.score == float(expected[key]["score"])
        assert score.late_penalty == float(expected[key]["late_submission_penalty"])
        assert grades.assignments[NAME] == float(expected[key]["max_score"])
    # By hand: 1.5 + 1.25 + 1 + 0.25 - 0.75.
    assert grades.scores["ada", NAME] == Score(3.25, 0.75, False, "2025-03-01T12:30:00Z")
    assert grades.scores["bob", NAME] == Score(2.0, 0.0, True, "")


def test_penalty_takes_no_more_than_there_is(gradebook: Gradebook) -> None:
    gradebook.find_submission(NAME, "bob").notebooks[0].late_submission_penalty = 100.0
    gradebook.db.commit()
    assert read_grades(gradebook).scores["bob", NAME].score == 0


def test_csv_has_a_row_for_each_student_and_assignment(gradebook: Gradebook) -> None:
    text = to_csv(CsvExporter().rows(read_grades(gradebook)))
    assert text.count("\r\n") == text.count("\n") == 7
    header = ["student", "assignment", "score", "max_score"]
    assert parse(text) == [
        [*header, "late_penalty", "needs_manual_grade", "timestamp"],
        ["ada", NAME, "3.25", "5.5", "0.75", "false", "2025-03-01T12:30:00Z"],
        ["ada", "02_none", "", "0", "", "", ""],
        ["bob", NAME, "2", "5.5", "0", "true", ""],
        ["bob", "02_none", "", "0", "", "", ""],
        ["eve", NAME, "", "5.5", "", "", ""],
        ["eve", "02_none", "", "0", "", "", ""],
    ]


def test_canvas_and_moodle_get_a_column_for_each_graded_assignment(gradebook: Gradebook) -> None:
    grades = read_grades(gradebook)
    assert parse(to_csv(CanvasExporter().rows(grades))) == [
        ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", NAME],
        ["    Points Possible", "", "", "", "", "5.5"],
        ["Lovelace, Ada", "7", "", "ada", "", "3.25"],
        ["bob", "", "", "bob", "", "2"],
        ["eve", "", "", "eve", "", ""],
    ]
    assert parse(to_csv(MoodleExporter().rows(grades))) == [
        ["Username", "ID number", "Email address", NAME],
        ["ada", "7", "", "3.25"],
        ["bob", "", "bob@example.org", "2"],
        ["eve", "", "", ""],
    ]


@given(
    st.lists(
        st.lists(st.text() | st.text("=+-@＝,;\t\r\n\"' a1.") | st.none(), min_size=1),  # noqa: RUF001
        min_size=1,
    )
)
@example([["-0", ""]])  # "-0," where semicolons separate, and what follows would join it
@example([["=1+1", ' "=1+1', "a;=1+1", "a\t@b", "\t=x", "x\r\n=y", "＝1"]])  # noqa: RUF001
def test_no_cell_is_a_formula_whatever_a_program_takes_for_separators(
    rows: list[list[str | None]],
) -> None:
    text = to_csv(rows)
    for delimiter in ",;\t":
        for row in parse(text, delimiter):
            for cell in row:
                # Programs drop the blanks and quotes before it.
                assert not cell.lstrip(' "\t\r\n').startswith(FORMULA)


printable = st.characters(exclude_characters=FORMULA).filter(str.isprintable)


@given(st.lists(st.text(printable), min_size=2))
def test_other_texts_come_back_as_they_are(row: list[str]) -> None:
    assert parse(to_csv([row])) == [row]


@given(st.floats(-1e6, 1e6).map(lambda value: round(value, 3)))
def test_numbers_stay_numbers(value: float) -> None:
    assert [*map(float, parse(to_csv([[value, "x"]]))[0][:1])] == [value]


@pytest.mark.parametrize("start", [*FORMULA, "\t", "\r", "\n", ' "=', " '+"])
def test_formula_gets_an_apostrophe(start: str) -> None:
    assert defuse(f"{start}cmd|x").startswith(f"'{start}")


def test_students_whom_a_platform_cannot_recognize_are_named() -> None:
    students = [
        Student(id="ada"),
        Student(id="=nobody", lms_user_id=""),
        Student(id="=mail", email="e@example.org"),
        Student(id="@lms", lms_user_id="12"),
        Student(id="=both", email="=x", lms_user_id="=y"),
    ]
    grades = Grades(students, {}, {})
    assert list(CsvExporter().warnings(grades)) == []
    formulas, unknown = CanvasExporter().warnings(grades)
    assert formulas.startswith("'=nobody', '=mail', '=both' got an apostrophe in front")
    assert unknown.startswith("1 student ('ada') may not be recognized, as Canvas knows them")
    assert "fill in canvas_id, sis_id or login in roster.csv" in unknown
    formulas, unknown = MoodleExporter().warnings(grades)
    assert formulas.startswith("'=nobody', '=both' got an apostrophe in front")
    assert "fill in login, sis_id or email in roster.csv" in unknown


def test_ids_of_the_roster_go_into_the_columns_of_each_platform(
    course: Path, gradebook: Gradebook
) -> None:
    (course / "roster.csv").write_text(
        "id,first_name,last_name,email,login,canvas_id,sis_id\n"
        "ada,Ada,Lovelace,ada@example.org,alovelace,4001,s01\n"
        "bob,Bob,,,,,s02\n"
        "eve,Eve,,,,,\n"
    )
    settings = read_course(course)
    text, warnings = export_grades(settings, "canvas", NAME)
    assert parse(text)[2:] == [
        ["Lovelace, Ada", "4001", "s01", "alovelace", "", "3.25"],
        ["bob", "", "s02", "bob", "", "2"],
        ["eve", "", "", "eve", "", ""],
    ]
    assert [warning.partition(" ")[0] for warning in warnings] == [f"{NAME}:", "1"]
    text, warnings = export_grades(settings, "moodle", NAME)
    assert parse(text)[1:] == [
        ["alovelace", "s01", "ada@example.org", "3.25"],
        ["bob", "s02", "bob@example.org", "2"],
        ["eve", "", "", ""],
    ]
    assert "1 student ('eve') may not be recognized, as Moodle" in warnings[1]


def test_provisional_points_are_said(course: Path, gradebook: Gradebook) -> None:
    for format_name in ("csv", "canvas", "moodle"):
        _, warnings = export_grades(read_course(course), format_name)
        assert warnings[0].startswith(
            f"{NAME}: the points are provisional, as 1 of 2 submissions wait for a person"
        )
    submission = gradebook.find_submission(NAME, "bob")
    for grade in submission.notebooks[0].grades:
        grade.needs_manual_grade = False
    gradebook.db.commit()
    assert export_grades(read_course(course), "csv")[1] == []


def test_one_assignment_can_be_exported_alone(course: Path, gradebook: Gradebook) -> None:
    text, _ = export_grades(read_course(course), "csv", NAME)
    assert {row[1] for row in parse(text)[1:]} == {NAME}
    with pytest.raises(CourseError, match="02_none has no grades yet: run"):
        export_grades(read_course(course), "csv", "02_none")
    with pytest.raises(CourseError, match="03_unknown has no grades yet"):
        export_grades(read_course(course), "csv", "03_unknown")


def test_course_is_exported_in_each_format(course: Path, gradebook: Gradebook) -> None:
    gradebook.add_student("=1+1")
    text, warnings = export_grades(read_course(course), "canvas")
    assert parse(text)[2] == ["'=1+1", "", "", "'=1+1", "", ""]
    assert "'=1+1' got an apostrophe in front" in warnings[1]
    with pytest.raises(CourseError, match="no format 'xls': choose one of csv, canvas, moodle"):
        export_grades(read_course(course), "xls")


@pytest.mark.slow
def test_own_command_of_nbgrader_uses_the_exporters(course: Path, gradebook: Gradebook) -> None:
    subprocess.run(
        [
            *(sys.executable, "-m", "nbgrader", "export", "--to", "out.csv"),
            *(
                "--exporter",
                "mnist_course.grading.nbgrader.MoodleExporter",
                "--student",
                "['bob']",
            ),
        ],
        cwd=course,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"},
        check=True,
        capture_output=True,
        timeout=300,
    )
    with (course / "out.csv").open(newline="", encoding="utf-8") as file:
        assert parse(file.read())[1:] == [["bob", "", "bob@example.org", "2"]]


def test_export_that_fails_leaves_the_old_file(gradebook: Gradebook, tmp_path: Path) -> None:
    class Failing(CsvExporter):
        def rows(self, grades: Grades) -> Iterator[list[str | float | None]]:
            yield ["student"]
            raise RuntimeError

    exporter = Failing()
    exporter.to = str(tmp_path / "grades.csv")
    Path(exporter.to).write_text("old")
    with pytest.raises(RuntimeError):
        exporter.export(gradebook)
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".csv"] == ["grades.csv"]
    assert Path(exporter.to).read_text() == "old"

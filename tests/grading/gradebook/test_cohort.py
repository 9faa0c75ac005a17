"""The summary of a class counts what the gradebook holds, by task."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.colors import to_rgb
from nbgrader.api import Gradebook
from sqlalchemy import event
from sqlalchemy.engine import Engine

from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import Chapter
from mnist_course.grading.course.settings import read_course
from mnist_course.grading.gradebook.cohort import (
    Cohort,
    Heard,
    ReflectionSummary,
    TaskSummary,
    plot_cohort,
    read_cohort,
    write_cohort,
)
from mnist_course.grading.gradebook.records import NOT_RUN

NAME = "01_double"
SKIPPED = "`double` was not attempted."
WRONG = "`double` should double."
ZERO = "`double` should leave 0 as it is."
REJECTED = f"{NOT_RUN} it is not JSON."
CHAPTERS = (
    Chapter("Doubling: Once", "https://e.org/double.html#once"),
    Chapter("Twice", "https://e.org/twice.html"),
)
# Points for double, with those by hand, and its feedback.
CLASS: dict[str, tuple[float | None, float | None, str | None]] = {
    "all": (2.0, None, None),
    "all by hand": (0.0, 2.0, WRONG),
    "partly": (1.5, None, ZERO),
    "wrong": (0.0, None, f"{WRONG}\n=HYPERLINK(1)"),
    "wrong too": (0.0, None, f"{WRONG}\n{WRONG}"),
    "none by hand": (2.0, 0.0, None),
    "skipped": (0.0, None, SKIPPED),
    "skipped too": (0.0, None, SKIPPED),
    "untouched": (0.0, None, "No response."),
    "not run": (0.0, None, REJECTED),
}


def fill(course: Path, students: dict[str, tuple[float | None, float | None, str | None]]) -> None:
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "mnist-course") as gradebook:
        for student, (auto, manual, comment) in students.items():
            gradebook.add_student(student)
            notebook = gradebook.add_submission(NAME, student).notebooks[0]
            for grade in notebook.grades:
                if grade.name == "check_double":
                    grade.auto_score, grade.manual_score = auto, manual
                if grade.name == "check_greet":
                    grade.auto_score, grade.extra_credit = 1.5, 1.0
                grade.needs_manual_grade = grade.name == "why" and student != "all"
            for said in notebook.comments:
                said.auto_comment = comment if said.name == "double" else None
        gradebook.db.commit()


@pytest.fixture
def cohort(course: Path) -> Cohort:
    fill(course, CLASS)
    return read_cohort(read_course(course), NAME)


def test_each_student_counts_once_in_each_task(cohort: Cohort) -> None:
    assert cohort == Cohort(
        assignment=NAME,
        students=9,
        rejected=1,
        tasks=[
            TaskSummary(
                *(1, "Double a number", 2, 1, 3, 3),
                feedback=(Heard(WRONG, 3), Heard("=HYPERLINK(1)", 1), Heard(ZERO, 1)),
                chapters=CHAPTERS,
            ),
            TaskSummary(2, "Greet", 9, 0, 0, 0, ()),
        ],
        reflections=[ReflectionSummary("Why?", graded=1, waiting=8)],
    )
    assert cohort.tasks[0].share == 2 / 9


def test_task_that_most_miss_is_the_first_to_reteach() -> None:
    shares = {1: (5, 3), 2: (8, 0), 3: (2, 6), 4: (5, 3)}
    tasks = [
        TaskSummary(number, "", solved, 0, missed, 0, ())
        for number, (solved, missed) in shares.items()
    ]
    assert [task.number for task in Cohort(NAME, 8, 0, tasks, []).to_reteach] == [3, 1, 4]


def test_summary_is_json(cohort: Cohort) -> None:
    document = json.loads(json.dumps(cohort.to_dict()))
    assert document["tasks"][0]["share_solved"] == 2 / 9
    assert document["tasks"][0]["not_attempted"] == 3
    assert document["tasks"][0]["feedback"][0] == {"sentence": WRONG, "students": 3}
    assert document["tasks"][0]["chapters"][1] == {
        "title": "Twice",
        "url": "https://e.org/twice.html",
    }
    assert document["rejected"] == 1
    assert document["reflections"] == [{"title": "Why?", "graded": 1, "waiting": 8}]


def test_assignment_without_grades_gives_a_sentence(course: Path) -> None:
    with pytest.raises(CourseError, match="no grades yet: run 'mnist-course grade 01_double'"):
        read_cohort(read_course(course), NAME)
    with pytest.raises(CourseError, match=r"02_none\.ipynb does not exist"):
        read_cohort(read_course(course), "02_none")


def test_number_of_queries_does_not_depend_on_the_class(course: Path) -> None:
    def queries(action: Callable[[], object]) -> int:
        seen: list[object] = []

        def note(*arguments: object) -> None:
            seen.append(arguments)

        event.listen(Engine, "before_cursor_execute", note)
        try:
            action()
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        return len(seen)

    fill(course, {"first": (2.0, None, None)})
    few = queries(lambda: read_cohort(read_course(course), NAME))
    fill(course, {f"student {number}": (1.0, None, WRONG) for number in range(20)})
    assert queries(lambda: read_cohort(read_course(course), NAME)) == few


def test_files_hold_the_summary(cohort: Cohort, tmp_path: Path) -> None:
    table, sentences, figure = write_cohort(cohort, tmp_path / "new" / "folder")
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["title"] for row in rows] == ["Double a number", "Greet", "Why?"]
    assert [rows[0][name] for name in ("solved", "not_solved", "rejected")] == ["2", "3", "1"]
    assert rows[2]["waiting"] == "8"
    with sentences.open(newline="", encoding="utf-8") as file:
        ranked = list(csv.DictReader(file))
    assert [(row["task"], row["feedback"], row["students"]) for row in ranked] == [
        ("1", WRONG, "3"),
        ("1", "'=HYPERLINK(1)", "1"),
        ("1", ZERO, "1"),
    ]
    assert ranked[0]["chapters"] == "Doubling: Once; Twice"
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_feedback_is_no_formula_in_the_table(tmp_path: Path) -> None:
    task = TaskSummary(1, "=A1", 0, 0, 1, 0, (Heard("=HYPERLINK(1)", 1),))
    _, sentences, _ = write_cohort(Cohort(NAME, 1, 0, [task], []), tmp_path)
    with sentences.open(newline="", encoding="utf-8") as file:
        row = list(csv.reader(file))[1]
    assert row[1:3] == ["'=A1", "'=HYPERLINK(1)"]


def test_figure_shows_each_count_and_tells_parts_apart_without_color(cohort: Cohort) -> None:
    axes = plot_cohort(cohort).axes[0]
    widths = [[bar.get_width() for bar in part] for part in axes.containers]
    assert widths == [[2, 9], [1, 0], [3, 0], [3, 0]]
    starts = [part[0].get_x() for part in axes.containers]
    assert starts == [0, 2, 3, 6]
    shown = [text.get_text() for text in axes.texts if text.get_text()]
    assert sorted(shown) == sorted(["2", "1", "3", "3", "9", "22.2%", "100.0%"])
    legend = axes.get_legend()
    assert legend is not None
    names = [text.get_text() for text in legend.get_texts()]
    assert names == ["solved", "partly", "not solved", "not attempted"]
    looks = set()
    for part in axes.containers:
        red, green, blue = to_rgb(part[0].get_facecolor())
        lightness = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        looks.add((part[0].get_hatch(), lightness > 0.5))
    assert len(looks) == 4


@pytest.mark.parametrize("tasks", [0, 1, 12])
def test_figure_is_drawn_for_any_number_of_tasks(tasks: int, tmp_path: Path) -> None:
    title = "A title that is much longer than what fits beside a bar of the figure"
    summaries = [TaskSummary(n + 1, title, 9_000, 1, 0, 999, ()) for n in range(tasks)]
    write_cohort(Cohort(NAME, 10_000, 0, summaries, []), tmp_path)
    assert (tmp_path / "cohort.png").stat().st_size > 1000

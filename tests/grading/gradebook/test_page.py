"""What a page of feedback says about a submission is what the gradebook holds."""

import dataclasses
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import v4
from nbgrader.api import Gradebook
from nbgrader.converters import GenerateFeedback

from mnist_course.errors import CourseError
from mnist_course.grading.course.settings import read_course
from mnist_course.grading.gradebook import feedback
from mnist_course.grading.gradebook.page import Page, read_page
from mnist_course.grading.gradebook.records import NOT_RUN

NAME = "01_double"
DUE = datetime(2026, 3, 31, 18)
WRONG = "`double` should double."
ZERO = "`double` should leave 0 as it is."
Change = Callable[[Any, dict[str, Any], dict[str, Any]], None]


def nothing(submission: Any, grades: dict[str, Any], comments: dict[str, Any]) -> None:
    """Leave it as it is: two tasks solved, and a reflection that nobody has read."""


def page(course: Path, change: Change = nothing, cells: Callable[[list[Any]], None] = list) -> Page:
    """Grade a submission, change what the gradebook holds, and read its page."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "mnist-course") as gradebook:
        gradebook.update_or_create_assignment(NAME, duedate=DUE)
        gradebook.add_student("ada")
        submission = gradebook.add_submission(NAME, "ada", timestamp=datetime(2026, 3, 31, 16, 20))
        grades = {grade.name: grade for grade in submission.notebooks[0].grades}
        comments = {comment.name: comment for comment in submission.notebooks[0].comments}
        for name, points in (("check_double", 2.0), ("check_greet", 1.5)):
            grades[name].auto_score, grades[name].needs_manual_grade = points, False
        gradebook.db.commit()
        change(submission, grades, comments)
        gradebook.db.commit()
    notebook = nbformat.read(course / "exercises" / NAME / f"{NAME}.ipynb", as_version=4)
    cells(notebook.cells)
    return read_page(read_course(course), NAME, "ada", notebook)


def test_page_adds_up_what_is_given_and_what_is_not(course: Path) -> None:
    result = page(course)
    assert (result.points, result.waiting, result.possible) == (3.5, 2, 5.5)
    assert (result.title, result.learner) == ("01 · Double", "ada")
    assert (result.submitted, result.late) == ("March 31, 2026, 16:20 UTC", "")
    assert [(part.heading, part.earned, part.summary) for part in result.tasks] == [
        ("Task 1: Double a number", "2 of 2 points", "Everything that was tested works."),
        ("Task 2: Greet", "1.5 of 1.5 points", "Everything that was tested works."),
        (
            "Reflection: Why?",
            "2 points, not given yet",
            "This answer waits to be read by a person.",
        ),
    ]
    assert [part.heading for part in result.parts if not part.possible] == ["Introduction"]
    assert [chapter.title for chapter in result.tasks[0].chapters] == ["Doubling: Once", "Twice"]
    assert (result.history, result.evidence) == ([], {})


def test_name_comes_before_the_id(course: Path) -> None:
    def change(submission: Any, *_: Any) -> None:
        submission.student.first_name, submission.student.last_name = "Ada", "Lovelace"

    assert page(course, change).learner == "Ada Lovelace (ada)"


def test_lost_points_are_explained_once_in_the_list_and_in_full_below(course: Path) -> None:
    def change(_: Any, grades: dict[str, Any], comments: dict[str, Any]) -> None:
        grades["check_double"].auto_score = 0.0
        comments["double"].auto_comment = f"{WRONG}\n{ZERO}"

    task = page(course, change).tasks[0]
    assert (task.earned, task.summary) == ("0 of 2 points", f"{WRONG} (And 1 more, below.)")
    assert task.sentences == [WRONG, ZERO]


@pytest.mark.parametrize(
    ("manual", "extra", "earned", "summary"),
    [
        (2.0, None, "2 of 2 points", "A person gave you all points."),
        (1.0, None, "1 of 2 points", "A person has read this."),
        (2.0, 1.0, "2 of 2 points, and 1 extra", "A person gave you all points."),
    ],
)
def test_points_and_comment_of_a_person_are_theirs(
    course: Path, manual: float, extra: float | None, earned: str, summary: str
) -> None:
    def change(_: Any, grades: dict[str, Any], comments: dict[str, Any]) -> None:
        why = grades["why"]
        why.manual_score, why.extra_credit, why.needs_manual_grade = manual, extra, False
        comments["why"].manual_comment = "Think of *zero*."

    result = page(course, change)
    reflection = result.tasks[2]
    assert (reflection.earned, reflection.summary) == (earned, summary)
    assert reflection.comments == ["Think of *zero*."]
    assert (result.points, result.waiting) == (3.5 + manual + (extra or 0), 0)


def test_comment_of_a_person_hides_no_sentence_of_the_tests(course: Path) -> None:
    def change(_: Any, grades: dict[str, Any], comments: dict[str, Any]) -> None:
        grades["check_double"].auto_score = 1.5
        comments["double"].auto_comment, comments["double"].manual_comment = ZERO, "Nearly."

    task = page(course, change).tasks[0]
    assert (task.sentences, task.comments) == ([ZERO], ["Nearly."])


def test_points_that_a_person_has_to_confirm_say_so(course: Path) -> None:
    def change(_: Any, grades: dict[str, Any], __: Any) -> None:
        grades["check_double"].needs_manual_grade = True

    result = page(course, change)
    assert result.tasks[0].summary.endswith("works. A person will look at this again.")
    assert (result.points, result.waiting) == (3.5, 2)


def test_answer_left_as_it_was_is_empty_and_does_not_wait(course: Path) -> None:
    def change(_: Any, grades: dict[str, Any], comments: dict[str, Any]) -> None:
        grades["why"].auto_score, grades["why"].needs_manual_grade = 0.0, False
        comments["why"].auto_comment = "No response."

    reflection = page(course, change).tasks[2]
    assert (reflection.earned, reflection.summary) == ("0 of 2 points", "You left this empty.")
    assert reflection.sentences == []


def test_rejected_notebook_says_once_why_it_was_not_run(course: Path) -> None:
    reason = f"{NOT_RUN} it is not JSON: save it in Jupyter."

    def change(_: Any, grades: dict[str, Any], comments: dict[str, Any]) -> None:
        for grade in grades.values():
            grade.auto_score, grade.needs_manual_grade = 0.0, False
        for comment in comments.values():
            comment.auto_comment = reason

    result = page(course, change)
    assert result.not_run == reason
    assert {part.summary for part in result.tasks} == {
        "Not graded, because your notebook was not run."
    }
    assert [part.sentences for part in result.tasks] == [[], [], []]


@pytest.mark.parametrize(
    ("late", "penalty", "words"),
    [
        (timedelta(hours=39), 2.0, "39 hours after it was due (%s), which takes 2 points off"),
        (timedelta(days=3), 1.0, "3 days after it was due (%s), which takes 1 point off"),
        (timedelta(minutes=2), None, "2 minutes after it was due (%s), which takes no points off"),
        (timedelta(seconds=1), None, "1 second after it was due (%s), which takes no points off"),
        (timedelta(0), None, ""),
    ],
)
def test_lateness_and_what_it_costs(
    course: Path, late: timedelta, penalty: float | None, words: str
) -> None:
    def change(submission: Any, *_: Any) -> None:
        submission.timestamp = DUE + late
        submission.notebooks[0].late_submission_penalty = penalty

    result = page(course, change)
    assert result.late == words.replace("%s", "March 31, 2026, 18:00 UTC")
    assert result.points == 3.5 - (penalty or 0)


def test_extension_moves_the_date(course: Path) -> None:
    def change(submission: Any, *_: Any) -> None:
        submission.timestamp = DUE + timedelta(hours=39)
        submission.extension = timedelta(days=1)

    late = page(course, change).late
    assert late.startswith("15 hours after it was due (April 1, 2026, 18:00 UTC)")


def test_without_a_time_or_a_date_nobody_is_late(course: Path) -> None:
    def change(submission: Any, *_: Any) -> None:
        submission.timestamp, submission.extension = None, timedelta(days=1)
        submission.assignment.duedate = None

    result = page(course, change)
    assert (result.submitted, result.late) == ("", "")


def test_cells_are_told_apart_and_the_points_in_a_check_are_taken_out(course: Path) -> None:
    def cells(found: list[Any]) -> None:
        points = v4.new_output("execute_result", {"text/plain": "2.0"})
        praise = v4.new_output("stream", text="Well done")
        found[4].outputs = [points, praise]
        found.insert(4, v4.new_code_cell("helper = 1"))
        found[-1].source = "## Task 3: Mine (9 points)"

    _, double, greet, why = page(course, cells=cells).parts
    assert [kind for kind, _ in double.groups] == ["given", "answer", "own", "check"]
    ((check,),) = (some for kind, some in double.groups if kind == "check")
    assert [output.get("text") for output in check.outputs] == ["Well done"]
    assert not double.groups[0][1][0].source.startswith("## ")
    assert [kind for kind, _ in greet.groups] == ["given", "answer", "check"]
    assert why.groups[1][1][0].source == "## Task 3: Mine (9 points)"


def test_who_is_not_graded_has_no_page(course: Path) -> None:
    with pytest.raises(CourseError, match="the grades cannot be read"):
        read_page(read_course(course), NAME, "eve", v4.new_notebook())


def render(course: Path, shown: Page, monkeypatch: pytest.MonkeyPatch) -> str:
    """Show a page with the template, as `nbgrader generate_feedback` does."""
    settings = read_course(course)
    converter = GenerateFeedback(coursedir=settings.coursedir, config=settings.config)
    monkeypatch.setattr(feedback, "read_page", lambda *_: shown)
    exporter = feedback.FeedbackExporter(parent=converter, config=converter.config)
    text, _ = exporter.from_filename(
        str(course / "exercises" / NAME / f"{NAME}.ipynb"),
        resources={"nbgrader": {"assignment": NAME, "student": "ada"}},
    )
    return str(text)


def test_history_and_evidence_stand_at_the_end(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = page(course)
    assert "How this grade came about" not in render(course, shown, monkeypatch)
    story = "14 → 15 on April 3: a test was corrected, <b>not</b> your answer."
    shown = dataclasses.replace(shown, history=[story], evidence={"SHA-256": "c0ffee" * 10})
    text = render(course, shown, monkeypatch)
    end = text[text.index("How this grade came about") :]
    assert "14 → 15 on April 3: a test was corrected, &lt;b&gt;not&lt;/b&gt; your answer." in end
    assert f"<dt>SHA-256</dt><dd>{'c0ffee' * 10}</dd>" in end
    assert "</main>" in text[: text.index("How this grade came about")]


def test_page_of_a_rejected_notebook_shows_no_answers(
    course: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = page(course)
    assert "Your answer" in render(course, shown, monkeypatch)
    text = render(course, dataclasses.replace(shown, not_run=f"{NOT_RUN} why."), monkeypatch)
    assert f"{NOT_RUN} why." in text
    assert "Your answer" not in text
    assert 'href="#part' not in text

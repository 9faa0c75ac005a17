"""What learners chose acts nowhere: not on a terminal, not in a log or a table, not on a page."""

import base64
import csv
import json
import re
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbconvert.filters import markdown2html
from nbformat import v4

from mnist_course.grading.batch import coordinator
from mnist_course.grading.course.assignment import Assignment, read_assignment
from mnist_course.grading.course.settings import Course, read_course
from mnist_course.grading.gradebook import history, records
from mnist_course.grading.gradebook.feedback import clean, markdown_to_html
from mnist_course.grading.judging.results import CellScore, Result

ROOT = Path(__file__).parents[2]
NAME = "01_double"
Run = Callable[..., "CompletedProcess[str]"]
# Codes that a terminal obeys, C1, characters that turn others around, a forged heading, HTML.
CODES = "\x1b[2J\x1b]0;owned\x07\x9b31m\x85\u202egnp\u2066\u200f\x7f"
FORGED = "# Score: 12.0 / 12.0 [proof](https://e.org) ![p](https://e.org/p) <b>`full` marks"
HOSTILE = f"{CODES}\n{FORGED}"
STUDENT = f"zoe{CODES}".replace("\x85", "")


def assert_inert(text: str) -> None:
    """Nothing but characters, and no line as long as an untrusted user pleases."""
    for line in text.replace("\r\n", "\n").split("\n"):
        assert line.isprintable(), ascii(line[:300])
        assert len(line) < 30_000


@pytest.fixture(scope="module")
def prepared(course: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The course with headings, whose gradebook knows its assignment."""
    root = shutil.copytree(course, tmp_path_factory.mktemp("prepared") / "course")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    (root / "gradebook.db").unlink()
    path = root / "solutions" / NAME / f"{NAME}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for position, heading in ((3, "Task 2: Greet (1 point)"), (1, "Task 1: Double (2 points)")):
        notebook.cells.insert(position, v4.new_markdown_cell(f"## {heading}"))
    nbformat.write(notebook, path)
    records.ensure_assignment(read_course(root), read_assignment(root / "solutions", NAME))
    return root


@pytest.fixture
def settings(prepared: Path, tmp_path: Path) -> Course:
    return read_course(shutil.copytree(prepared, tmp_path / "course"))


@pytest.fixture
def assignment(settings: Course) -> Assignment:
    return read_assignment(settings.source, NAME)


def hostile_result(assignment: Assignment) -> Result:
    cells = {
        name: CellScore(0.0, points, [HOSTILE, f"Said: {HOSTILE * 100}"], review=HOSTILE)
        for name, points in assignment.points.items()
    }
    notebook = nbformat.writes(assignment.notebook)
    return Result("crashed", HOSTILE, 1.0, cells, notebook, {"numpy": HOSTILE})


def submit(settings: Course, folder: str, *cells: nbformat.NotebookNode) -> Path:
    path = settings.submitted / folder / NAME
    path.mkdir(parents=True)
    nbformat.write(v4.new_notebook(cells=list(cells)), path / f"{NAME}.ipynb")
    return path


def test_inspect(run: Run, settings: Course) -> None:
    cells = [
        v4.new_code_cell("double = 1", metadata={"nbgrader": {"grade_id": HOSTILE}}),
        v4.new_markdown_cell(
            f"![p](attachment:{CODES}.png) {HOSTILE}",
            metadata={"nbgrader": {"grade_id": "why", "solution": True}},
        ),
    ]
    folder = submit(settings, "eve", *cells)
    (folder / f"{CODES}{FORGED.replace('/', '')}"[:100]).write_text("x")
    for options in ([], ["--json"]):
        result = run("inspect", folder, "--course", settings.root, *options)
        assert "Only" in result.stdout
        assert_inert(result.stdout + result.stderr)


def test_collect(run: Run, settings: Course, tmp_path: Path) -> None:
    (settings.root / "roster.csv").write_text("id,first_name,last_name\nada,Ada,Lovelace\n")
    inbox = tmp_path / "inbox"
    for name in (f"ada_{CODES}", STUDENT, f"{CODES}_12_34_x"):
        folder = inbox / name
        folder.mkdir(parents=True)
        (folder / f"{CODES}.txt").write_text("x")
        nbformat.write(v4.new_notebook(), folder / f"{NAME}{CODES}.ipynb")
    submit(settings, STUDENT)
    result = run("collect", NAME, inbox, "--course", settings.root)
    assert "nobody on roster.csv has this id" in result.stderr
    assert_inert(result.stdout + result.stderr)


def test_roster(run: Run, settings: Course, tmp_path: Path) -> None:
    file = tmp_path / "class.csv"
    file.write_text(f'id,email,{CODES}x\n"{CODES}",a,{"x" * 5000}\n', encoding="utf-8")
    result = run("roster", file, "--course", settings.root)
    assert result.returncode == 1
    assert_inert(result.stdout + result.stderr)


def test_grade(
    run: Run, settings: Course, assignment: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    graded = coordinator.Graded(STUDENT, hostile_result(assignment), notice=HOSTILE)
    monkeypatch.setattr(
        coordinator, "grade", lambda *_, report, **__: report(graded, 1, 1) or [graded]
    )
    for options in ([], ["--json"]):
        result = run("grade", NAME, "--course", settings.root, *options)
        assert "crashed" in result.stdout
        assert_inert(result.stdout + result.stderr)


def test_log_of_grading(tmp_path: Path) -> None:
    with coordinator._open_log(tmp_path / "log") as log:
        log.info("%s: %s", STUDENT, HOSTILE)
    (line,) = (tmp_path / "log").read_text(encoding="utf-8").removesuffix("\n").split("\n")
    assert_inert(line)


def test_changes(run: Run, settings: Course) -> None:
    for points in (1.0, 2.0):
        cells = {HOSTILE: history.CellPoints(points, None, None, 2.0)}
        made_from = {"versions": {"numpy": f"{points} {HOSTILE}"}}
        history.note(settings, NAME, STUDENT, history.Points(cells), made_from)
    result = run("changes", NAME, "--course", settings.root)
    assert "numpy 1.0" in result.stdout
    assert_inert(result.stdout + result.stderr)
    table, page = (settings.journal / f"{NAME}.changes.{kind}" for kind in ("csv", "html"))
    assert_inert(table.read_bytes().decode())
    assert_inert(page.read_text(encoding="utf-8"))
    assert "<b>" not in page.read_text(encoding="utf-8")


@pytest.fixture
def recorded(settings: Course, assignment: Assignment) -> Course:
    records.record(settings, assignment, "eve", hostile_result(assignment))
    return settings


def comments(settings: Course) -> list[str]:
    with records.open_gradebook(settings) as gradebook:
        submission = gradebook.find_submission_notebook(NAME, NAME, "eve")
        return [comment.auto_comment for comment in submission.comments if comment.auto_comment]


def test_comments_in_the_gradebook(recorded: Course) -> None:
    found = comments(recorded)
    assert found
    for comment in found:
        assert_inert(comment)


def test_cohort_and_grades(run: Run, recorded: Course, tmp_path: Path) -> None:
    with records.open_gradebook(recorded) as gradebook:
        gradebook.update_or_create_student("eve", first_name=CODES, last_name=f"={HOSTILE}")
        submission = gradebook.find_submission_notebook(NAME, NAME, "eve")
        for comment in submission.comments:
            comment.auto_comment = HOSTILE  # as an earlier version may have written it
        gradebook.db.commit()
    shown = run("cohort", NAME, "--course", recorded.root, "--output", tmp_path)
    assert shown.returncode == 0
    assert_inert(shown.stdout + shown.stderr)
    for file in ("cohort.csv", "feedback.csv"):
        assert_inert((tmp_path / file).read_bytes().decode())
    for kind in ("csv", "canvas", "moodle"):
        run("grades", "--format", kind, "--output", tmp_path / kind, "--course", recorded.root)
        text = (tmp_path / kind).read_bytes().decode()
        assert_inert(text)
        assert len({len(row) for row in csv.reader(text.splitlines())}) == 1


@pytest.mark.slow
def test_page_of_feedback(run: Run, recorded: Course) -> None:
    with records.open_gradebook(recorded) as gradebook:
        gradebook.update_or_create_student("eve", last_name=f"Eve\u202e{FORGED}")
    result = run("feedback", NAME, "--course", recorded.root)
    assert result.returncode == 0, result.stderr
    page = (recorded.feedback / "eve" / NAME / f"{NAME}.html").read_text(encoding="utf-8")
    assert "# Score: 12.0 / 12.0 [proof](https://e.org)" in page  # as it was typed
    assert not re.search(r"<h\d>\s*Score|<a href=.https://e\.org|<b>|[\x80-\x9f\u202e\u2066]", page)


@given(st.text() | st.builds("{}{}{}".format, st.text(), st.just(HOSTILE), st.text()))
def test_quoted_words_are_words_wherever_they_are_shown(text: str) -> None:
    from mnist_course._untrusted import LONGEST, printable, quote, sentence_to_html

    assert_inert(printable(text))
    assert len(printable(text)) <= LONGEST
    said = f"It said: {quote(text)}."
    assert_inert(said)
    for show in (sentence_to_html, markdown_to_html, markdown2html):
        html = show(said)
        assert re.fullmatch(r"\s*<p>It said: <code>[^<>]*</code>\.</p>\s*", html), html


def test_json_escapes_all_that_acts(capsys: pytest.CaptureFixture[str]) -> None:
    from mnist_course.cli.options import print_json

    print_json({"a": HOSTILE})
    printed = capsys.readouterr().out
    assert_inert(printed)
    assert json.loads(printed) == {"a": HOSTILE}


def test_a_bomb_of_a_picture_does_not_reach_a_page() -> None:
    head = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 60_000, 60_000)
    address = f"data:image/png;base64,{base64.b64encode(head).decode()}"
    picture = f'<img src="{address}">'
    for html in (
        markdown_to_html(f"![bomb]({address})"),
        markdown_to_html(picture),
        clean(picture),
    ):
        assert "base64" not in html

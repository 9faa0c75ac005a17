"""A term with a class of twelve, as the instructor guide tells it, from the roster to the grades.

All of it is real: nbgrader's commands and its exchange, JupyterLab in a browser, the sandbox, and,
from the middle of the term on, a PostgreSQL server.
"""

import copy
import csv
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from helpers import run_nbgrader
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.utils import get_username

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Frame

pytestmark = [pytest.mark.slow, pytest.mark.sandbox, pytest.mark.postgresql]

ROOT = Path(__file__).parents[2]
NAME = "01_double"
FILE = f"{NAME}.ipynb"
SOURCE = f"solutions/{NAME}/{FILE}"
TESTS = f"solutions/{NAME}/test_{NAME}.py"
DUE = "2099-03-31 18:00"  # whenever this runs, nobody is late but by what Canvas says
ROSTER = """\
id,first_name,last_name,email,login,canvas_id,sis_id,extra_days
ACCOUNT,Ada,Lovelace,ada@example.org,alovelace,4001,s01,
sile,Síle,O'Neil,sile@example.org,soneil,4002,s02,
ana1,Ana,Silva,ana1@example.org,asilva1,4003,s03,
ana2,Ana,Silva,ana2@example.org,asilva2,4004,s04,
wei,伟,王,wei@example.org,wwang,4005,s05,
marie,Jean-Marie,d'Été,marie@example.org,mdete,4006,s06,
zed,Zed,Zhao,zed@example.org,zzhao,4007,s07,
olga,Ольга,Иванова,olga@example.org,oivanova,4008,s08,2
bo,Bo,Berg,bo@example.org,bberg,4009,s09,
kim,Kim,Lee,kim@example.org,klee,4010,s10,
mal,Mal,Reynolds,mal@example.org,mreynolds,4011,s11,
gone,Gone,Missing,gone@example.org,gmissing,4012,s12,
"""
# As Moodle writes people: without apostrophes, and with a number for this assignment alone.
MOODLE = {
    "sile": "Síle ONeil_102_assignsubmission_file/",
    "ana1": "Ana Silva_103_assignsubmission_file/",
    "ana2": "Ana Silva_104_assignsubmission_file/",
    "wei": "王 伟_105_assignsubmission_file/",
    "marie": "Jean-Marie dÉté_106_assignsubmission_file/",
    "zed": "Zed Zhao_107_assignsubmission_file/",
}

RIGHT = {
    "double": "def double(number):\n    return 2 * number",
    "greet": "def greet(name):\n    return f'Hello, {name}'",
    "why": "Because one and one are two.",
}
WITHOUT_COMMA = {**RIGHT, "greet": "def greet(name):\n    return f'Hello {name}'"}
SQUARED = {**RIGHT, "double": "def double(number):\n    return number * number"}
# A hidden test that asks for more than its task, and one that does not.
TOO_STRICT = 'assert student.call("greet", "Bo") == "Hello, Bo"'
FAIR = 'assert "Bo" in student.call("greet", "Bo")'
COMMENT = "Well said."
# A task that is added later.
TRIPLE = "def triple(number):\n    return 3 * number"
TRIPLE_TEST = '''

@pytest.mark.points(2, cell="check_triple")
def test_triples(student):
    """`triple` should triple."""
    np.testing.assert_array_equal(student.call("triple", numbers), 3 * numbers)
'''

Teach = Callable[..., str]


@pytest.fixture
def course(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The course before the term, beside the folder of a learner with an account here."""
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(tmp_path / "jupyter"))
    monkeypatch.setattr(sys, "path", sys.path.copy())
    course = shutil.copytree(made, tmp_path / "course")
    exchange, learner = tmp_path / "exchange", tmp_path / "learner"
    exchange.mkdir()
    exchange.chmod(0o777)
    learner.mkdir()
    root = f"c.Exchange.root = {str(exchange)!r}"
    configure(course, root, "c.LateSubmissionPlugin.penalty_method = 'zero'")
    configure(learner, "c = get_config()", root, "c.CourseDirectory.course_id = 'mnist-course'")
    configure(learner, f"c.Exchange.cache = {str(tmp_path / 'cache')!r}")
    replace(course / TESTS, FAIR, TOO_STRICT)
    return course


@pytest.fixture
def teach(course: Path, run: Callable[..., "subprocess.CompletedProcess[str]"]) -> Teach:
    """Run `mnist-course` in the folder of the course, and return what it says."""

    def teach(*arguments: str | Path, status: int = 0) -> str:
        done = run(*arguments, cwd=course)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout + done.stderr

    return teach


def configure(folder: Path, *lines: str) -> None:
    with (folder / "nbgrader_config.py").open("a", encoding="utf-8") as config:
        config.write("\n".join(["", *lines, ""]))


def replace(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def answered(course: Path, answers: dict[str, str]) -> NotebookNode:
    """Return the exercise with answers."""
    notebook = nbformat.read(course / "exercises" / NAME / FILE, as_version=4)
    for cell in notebook.cells:
        cell.source = answers.get(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source)
    return notebook


def without_ids(notebook: NotebookNode) -> NotebookNode:
    """Return a notebook as programs write it that know nothing of ids."""
    cells = [{**cell, "metadata": {}} for cell in notebook.cells]
    for cell in cells:
        del cell["id"]
    return nbformat.from_dict({**notebook, "cells": cells, "nbformat_minor": 4})


def pack(archive: Path, members: dict[str, NotebookNode | bytes]) -> Path:
    with zipfile.ZipFile(archive, "w") as file:
        for name, content in members.items():
            file.writestr(name, content if isinstance(content, bytes) else nbformat.writes(content))
    return archive


def worksheet(file: Path) -> Path:
    """Write Moodle's grading worksheet."""
    lines = ["Identifier,Full name,Email address,Status\n"]
    for student, prefix in MOODLE.items():
        name, number, *_ = prefix.split("_")
        lines.append(f"Participant {number},{name},{student}@example.org,Submitted\n")
    file.write_text("".join(lines), encoding="utf-8")
    return file


def add_task(course: Path) -> None:
    """Add a task to the source, made of the cells of the one before, and its hidden test."""
    notebook = nbformat.read(course / SOURCE, as_version=4)
    setup, (text, answer, check) = notebook.cells[1], copy.deepcopy(notebook.cells[5:8])
    setup.source = setup.source.replace("(double=", "(triple=lambda triple: triple(1), double=")
    text.source = text.source.replace("Task 2: Greet (1.5 points)", "Task 3: Triple (2 points)")
    answer.source = f"### BEGIN SOLUTION\n{TRIPLE}\n### END SOLUTION"
    check.source = "check.triple(triple)"
    answer.metadata.nbgrader.grade_id = "triple"
    check.metadata.nbgrader.update(grade_id="check_triple", points=2)
    for number, cell in enumerate((text, answer, check)):
        cell.id = f"new-{number}"
    notebook.cells[8:8] = [text, answer, check]
    notebook.cells[0].source = notebook.cells[0].source.replace("5.5", "7.5")
    nbformat.write(notebook, course / SOURCE)
    with (course / TESTS).open("a", encoding="utf-8") as tests:
        tests.write(TRIPLE_TEST)


def table(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def scores(course: Path, teach: Teach) -> dict[str, float]:
    """Return the points of those who have any."""
    teach("grades", "--output", "grades.csv")
    rows = table(course / "grades.csv")
    return {row["student"]: float(row["score"]) for row in rows if row["score"]}


def pages(course: Path) -> dict[str, str]:
    found = sorted((course / "feedback").glob(f"*/{NAME}/{NAME}.html"))
    return {page.parts[-3]: page.read_text(encoding="utf-8") for page in found}


@contextmanager
def formgrader(course: Path, browser: "Browser") -> "Iterator[Frame]":
    """Start JupyterLab in the folder of the course, and open the formgrader from its menu."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / "scripts")
        from take_formgrader import serve
    with serve(course) as address:
        page = browser.new_page()
        page.set_default_timeout(300_000)  # a busy machine may be slow
        page.goto(f"{address}/lab")
        page.get_by_role("menuitem", name="Nbgrader").click()
        page.locator("[data-command='nbgrader:open-formgrader'].lm-Menu-item").click()
        yield page.locator("iframe").element_handle().content_frame()
        page.close()


def autograde(forms: "Frame", student: str) -> None:
    """Click the number of submissions, then the lightning bolt of a student."""
    forms.locator("td.num-submissions a").click()
    exactly = forms.locator("td.student-id", has_text=re.compile(f"^{student}$"))
    forms.locator("tbody tr").filter(has=exactly).locator("td.autograde a").click()
    forms.locator(".modal-title", has_text="Success").wait_for()
    forms.locator(".modal-footer button").click()


def grade_by_hand(forms: "Frame", name: str, points: str, comment: str) -> None:
    """Give the reflection of a student points and a comment."""
    forms.get_by_role("link", name="Manual Grading").click()
    for where in (NAME, f"{NAME}/{NAME}"):  # the assignment, then its notebook
        forms.locator(f"td.name a[href$='/gradebook/{where}']").click()
    forms.locator("tbody a.name-hidden").first.wait_for()
    forms.get_by_role("button", name="Show All Names").click()
    forms.locator("tbody a", has_text=name).click()
    forms.wait_for_function("window.formgrader?.grades?.loaded && formgrader.comments?.loaded")
    for field, kind, text in (("#why", "grade", points), ("#why-comment", "comment", comment)):
        with forms.page.expect_response(lambda it, kind=kind: f"/api/{kind}/" in it.url) as saved:
            forms.locator(field).fill(text)
            forms.locator(field).press("Tab")
        assert saved.value.ok


def test_a_term(
    course: Path, teach: Teach, postgresql: str, browser: "Browser", tmp_path: Path
) -> None:
    learner, roster = tmp_path / "learner", tmp_path / "class.csv"
    ada = get_username()  # in the exchange, learners have the names of their accounts
    roster.write_text(ROSTER.replace("ACCOUNT", ada), encoding="utf-8")

    # Before the first week: the exercise, its due date, and who takes the course.
    teach("release", NAME)
    run_nbgrader(course, "db", "assignment", "add", NAME, f"--duedate={DUE} UTC")
    assert "12 students on the roster, 12 new" in teach("roster", roster)

    # Ada has an account on this machine, and uses nbgrader's exchange.
    run_nbgrader(course, "release_assignment", NAME)
    run_nbgrader(learner, "fetch_assignment", NAME)
    nbformat.write(answered(course, WITHOUT_COMMA), learner / NAME / FILE)
    run_nbgrader(learner, "submit", NAME)
    run_nbgrader(course, "collect", NAME)

    # Six hand in at Moodle. Two of them have the same name, and Zed's file is no notebook.
    right, empty = answered(course, RIGHT), answered(course, {})
    at_moodle = {
        f"{MOODLE['sile']}{FILE}": empty,
        f"{MOODLE['ana1']}{FILE}": right,
        f"{MOODLE['ana2']}{FILE}": answered(course, SQUARED),
        f"{MOODLE['wei']}{NAME} (1).ipynb": answered(course, WITHOUT_COMMA),
        f"{MOODLE['marie']}{FILE}": without_ids(right),
        f"{MOODLE['zed']}report.pdf": b"%PDF",
    }
    moodle = pack(tmp_path / "Course-01-77.zip", at_moodle)
    said = teach("collect", NAME, moodle, status=1)
    assert said.count("2 in the archive and 2 on roster.csv (ana1, ana2) have this name") == 2
    assert "4 of 12 students in." in said
    said = teach("collect", NAME, moodle, worksheet(tmp_path / "Grades.csv"), status=1)
    assert "zed: no notebook was handed in: ask for the .ipynb file." in said
    assert "6 of 12 students in." in said

    # The others use Canvas. So does Síle, once more; Olga, who has two more days, and Bo are late.
    at_canvas = {
        f"oneilsíle_4002_70001_{FILE}": right,
        f"ивановаольга_LATE_4008_70002_{FILE}": right,
        f"bergbo_LATE_4009_70003_{FILE}": right,
        f"leekim_4010_70004_{FILE}": empty,
        "reynoldsmal_4011_70005_Untitled.ipynb": answered(course, WITHOUT_COMMA),
    }
    said = teach("collect", NAME, pack(tmp_path / "submissions.zip", at_canvas))
    assert "sile: handed in another notebook than before, which is kept as" in said
    assert f"mal: took `Untitled.ipynb` for {FILE}, as it has its cells." in said
    late = re.findall(rf"^(\w+): late, .* noted as {DUE}:01 UTC", said, re.MULTILINE)
    assert late == ["olga", "bo"]
    assert "10 of 12 students in." in said

    # Bo is graded in the formgrader, all by the command, and Síle's reflection by hand.
    points = {ada: 2, "sile": 3.5, "ana1": 3.5, "ana2": 2, "wei": 2, "marie": 3.5}
    points |= {"olga": 3.5, "bo": 0, "kim": 0, "mal": 2}
    with formgrader(course, browser) as forms:
        autograde(forms, "bo")
        assert scores(course, teach) == {"bo": 0}
        said = teach("grade", NAME, "--workers", "1")
        assert re.search(r"^marie +graded +3.5 of 3.5 +The notebook lost its cell ids", said, re.M)
        assert "changed:" not in said
        assert scores(course, teach) == points
        grade_by_hand(forms, "O'Neil, Síle", "1.5", COMMENT)
    points["sile"] = 5
    assert scores(course, teach) == points
    assert "Wrote 10 pages" in teach("feedback", NAME)
    assert [student for student, page in pages(course).items() if COMMENT in page] == ["sile"]

    # The gradebook moves to a server, and the file is not needed any more.
    said = teach("move-gradebook", postgresql)
    assert "start JupyterLab again" in said
    for count in ("12 students", "1 due dates", "10 submissions", "1 extensions", "1 points by"):
        assert re.search(rf"^{count.replace(' ', ' +')}", said, re.MULTILINE), said
    configure(course, f"c.CourseDirectory.db_url = {postgresql!r}")
    (course / "gradebook.db").unlink()
    said = teach("grade", NAME)
    assert "changed:" not in said
    assert "out of date" not in said

    # The formgrader shows the same there. What is entered makes one page out of date.
    before = pages(course)
    with formgrader(course, browser) as forms:
        forms.get_by_role("link", name="Manual Grading").click()
        row = forms.locator("tr", has=forms.locator("td.name", has_text=NAME)).inner_text()
        assert row.split("\t") == [NAME, f"{DUE}:00 UTC", "10", "2.7 / 5.5"]
        grade_by_hand(forms, "Lovelace, Ada", "2", "Nice.")
    points[ada] = 4
    assert f"1 page of feedback on {NAME} is out of date" in teach("grade", NAME)
    assert "Wrote 1 page:" in teach("feedback", NAME)
    after = pages(course)
    assert [student for student in after if after[student] != before[student]] == [ada]

    # Wei complains, and is right: a hidden test was too strict, also to two others.
    replace(course / TESTS, TOO_STRICT, FAIR)
    said = teach("grade", NAME, "--workers", "1")
    assert "The points of 3 students changed:" in said
    assert f"3 pages of feedback on {NAME} are out of date" in said
    why = "the hidden tests of this cell changed"
    assert re.search(rf"wei +check_greet +0 → 1.5 +{why}", teach("changes", NAME))
    files = [course / "grading" / f"{NAME}.changes.{kind}" for kind in ("csv", "html")]
    changes = {(row["student"], row["old"], row["new"], row["why"]) for row in table(files[0])}
    assert changes == {(student, "0", "1.5", why) for student in (ada, "wei", "mal")}
    assert files[1].read_text(encoding="utf-8").count(why) == 3
    points |= {ada: 5.5, "wei": 3.5, "mal": 3.5}
    assert scores(course, teach) == points

    # The pages go back the way the work came.
    assert "Wrote 3 pages" in teach("feedback", NAME)
    said = teach("feedback", NAME, "--archive", "moodle")
    found = pages(course)
    assert "a test was corrected" in found["wei"]
    assert f"did not come from Moodle: {', '.join(sorted(found.keys() - MOODLE.keys()))}." in said
    with zipfile.ZipFile(course / "feedback" / f"{NAME}-moodle.zip") as archive:
        packed = {name: archive.read(name).decode() for name in archive.namelist()}
    assert packed == {f"{MOODLE[who]}{NAME}.html": found[who] for who in MOODLE.keys() - {"zed"}}
    said = run_nbgrader(course, "release_feedback", NAME)
    assert f"9 pages of feedback on {NAME} not released" in said
    run_nbgrader(learner, "fetch_feedback", NAME)
    (page,) = learner.rglob("*.html")
    assert page.read_text(encoding="utf-8") == found[ada]

    # A question is missing. The task is added, and Ada and Zed hand in the new notebook.
    add_task(course)
    said = teach("release", NAME, "--yes")
    assert f"{NAME} is graded already (10 submissions)" in said
    assert "new: check_triple, 2 points: 0 for whoever submitted without it" in said
    assert "The total goes from 5.5 to 7.5 points" in said
    run_nbgrader(course, "release_assignment", NAME, "--force")
    (learner / NAME / FILE).rename(learner / NAME / "old.ipynb")
    run_nbgrader(learner, "fetch_assignment", NAME, "--replace")
    added = {"triple": TRIPLE}
    nbformat.write(answered(course, WITHOUT_COMMA | added), learner / NAME / FILE)
    run_nbgrader(learner, "submit", NAME)
    run_nbgrader(course, "collect", NAME, "--update")
    at_canvas[f"zhaozed_4007_70006_{FILE}"] = answered(course, RIGHT | added)
    said = teach("collect", NAME, pack(tmp_path / "submissions (1).zip", at_canvas))
    assert "11 of 12 students in." in said
    teach("grade", NAME, "--workers", "1")
    points |= {ada: 7.5, "zed": 5.5}

    # At the end, all that people gave is there, and everybody's points are where they belong.
    with Gradebook(postgresql, "mnist-course") as gradebook:
        assert f"{gradebook.find_assignment(NAME).duedate}" == f"{DUE}:00"
        assert gradebook.find_submission(NAME, "olga").extension.days == 2
        for student, given in (("sile", 1.5), (ada, 2)):
            grade = gradebook.find_grade("why", NAME, NAME, student)
            assert (grade.manual_score, grade.needs_manual_grade) == (given, False)
        assert gradebook.find_comment("why", NAME, NAME, "sile").manual_comment == COMMENT
    assert not (course / "gradebook.db").exists()
    assert scores(course, teach) == points
    for platform, key, column in (("moodle", "Username", "login"), ("canvas", "ID", "canvas_id")):
        said = teach("grades", "--format", platform, "--output", f"{platform}.csv")
        assert "the points are provisional, as 8 of 11 submissions wait for a person" in said
        held = {row[key]: row[NAME] for row in table(course / f"{platform}.csv")}
        known = {row["id"]: held[row[column]] for row in table(roster)}
        assert {student: float(score) for student, score in known.items() if score} == points
    assert f"{NAME}: 11 graded submissions" in teach("cohort", NAME)
    tasks = table(course / "runs" / "cohort" / "cohort.csv")
    assert [task["solved"] or task["waiting"] for task in tasks] == ["9", "10", "2", "8"]

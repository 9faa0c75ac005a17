"""A class of twelve is collected as it comes from Moodle, from Canvas, or in a folder."""

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import nbformat
import pytest
from nbgrader.api import Gradebook
from nbgrader.utils import parse_utc

from mnist_course.errors import CourseError
from mnist_course.grading.course.settings import Course, read_course
from mnist_course.grading.submissions.collect_class import Collection, collect, moodle_prefixes

NAME = "01_double"
FILE = f"{NAME}.ipynb"
ROSTER = """\
id,first_name,last_name,email,login,canvas_id,sis_id,extra_days
ada,Ada,Lovelace,ada@example.org,alovelace,4001,s01,
síle,Síle,O'Neil,sile@example.org,soneil,4002,s02,
ana1,Ana,Silva,ana1@example.org,asilva1,4003,s03,
ana2,Ana,Silva,ana2@example.org,asilva2,4004,s04,
wei,伟,王,wei@example.org,wwang,4005,s05,
olga,Ольга,Иванова,olga@example.org,oivanova,4006,s06,2
jm,Jean-Marie,d'Été,jm@example.org,jmdete,4007,s07,
bo,Bo,,bo@example.org,bo,4008,s08,
zed,Zed,Zhao,zed@example.org,zzhao,4009,s09,
kim,Kim,Lee,kim@example.org,klee,4010,s10,
mal,Mal,Reynolds,mal@example.org,mreynolds,4011,s11,
gone,Gone,Missing,gone@example.org,gmissing,4012,s12,
"""
# As Moodle writes them: without apostrophes. The worksheet tells the two Anas apart.
MOODLE = {
    "ada": ("Ada Lovelace", 101),
    "síle": ("Síle ONeil", 102),
    "ana1": ("Ana Silva", 103),
    "ana2": ("Ana Silva", 104),
    "wei": ("王 伟", 105),
    "olga": ("Ольга Иванова", 106),
    "jm": ("Jean-Marie dÉté", 107),
    "bo": ("Bo", 108),
    "zed": ("Zed Zhao", 109),
    "kim": ("Kim Lee", 110),
    "mal": ("Mal Reynolds", 111),
}
CANVAS = {
    "ada": "lovelaceada",
    "síle": "oneilsíle",
    "ana1": "silvaana",
    "ana2": "silvaana",
    "wei": "王伟",
    "olga": "ивановаольга",
    "jm": "détéjeanmarie",
    "bo": "bo",
    "zed": "zhaozed",
    "kim": "leekim",
    "mal": "reynoldsmal",
}
LATE = {"bo", "olga"}
Notebook = Callable[[str], bytes]


@pytest.fixture(scope="module")
def notebook(generated: Path) -> Notebook:
    """Return the exercise with an answer that tells whose it is."""
    exercise = nbformat.read(generated / "exercises" / NAME / FILE, 4)

    def notebook(student: str) -> bytes:
        for cell in exercise.cells:
            if cell.metadata.get("nbgrader", {}).get("grade_id") == "double":
                cell.source = f"author = {student!r}"
        return nbformat.writes(exercise).encode()

    return notebook


@pytest.fixture
def settings(course: Path) -> Course:
    (course / "roster.csv").write_text(ROSTER, encoding="utf-8")
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}", "mnist-course") as gradebook:
        gradebook.update_or_create_assignment(NAME, duedate="2026-03-31 18:00:00 UTC")
    return read_course(course)


def packed(path: Path, members: dict[str, bytes], *, flagged: bool = True) -> Path:
    """Write an archive; without the flag for UTF-8 as some programs do."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    packed = data.getvalue()
    if not flagged:
        # zipfile sets the flag for names beyond ASCII.
        packed = packed.replace(b"\x14\x00\x00\x08", b"\x14\x00\x00\x00")
        assert b"\x14\x00\x00\x08" not in packed
    path.write_bytes(packed)
    return path


def worksheet(path: Path) -> Path:
    """Write a grading worksheet of a German Moodle."""
    lines = ["Identifikator,Vollständiger Name,E-Mail-Adresse,Status,Bewertung,Bestwertung"]
    for student, (name, number) in MOODLE.items():
        email = f"{student.replace('í', 'i')}@example.org"
        lines.append(f"Teilnehmer/in {number},{name},{email},Zur Bewertung abgegeben,,5.5")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    return path


def in_moodle(notebook: Notebook, form: str) -> dict[str, bytes]:
    return {
        f"{name}_{number}_assignsubmission_file{form}{FILE}": notebook(student)
        for student, (name, number) in MOODLE.items()
    }


def in_canvas(notebook: Notebook, file: str = FILE) -> dict[str, bytes]:
    return {
        f"{name}{'_LATE' * (student in LATE)}_{4001 + number}_{70000 + number}_{file}": notebook(
            student
        )
        for number, (student, name) in enumerate(CANVAS.items())
    }


def assert_everybody_is_in(course: Course, collection: Collection, notebook: Notebook) -> None:
    for student in MOODLE:
        path = course.submitted / student / NAME / FILE
        assert path.read_bytes() == notebook(student), student
    assert not (course.submitted / "gone").exists()
    assert sorted(path.name for path in course.submitted.iterdir()) == sorted(MOODLE)
    statuses = {row.student: row.status for row in collection.rows}
    assert statuses.pop("gone") == "not in"
    assert {status.partition(",")[0] for status in statuses.values()} == {"in"}
    assert collection.problems == []
    assert collection.summary == "11 of 12 students in."


@pytest.mark.parametrize("form", ["/", "_/", "_"])
def test_class_from_moodle(settings: Course, notebook: Notebook, tmp_path: Path, form: str) -> None:
    archive = packed(tmp_path / "Course-01-77.zip", in_moodle(notebook, form))
    collection = collect(settings, NAME, [archive, worksheet(tmp_path / "Noten.csv")])
    assert_everybody_is_in(settings, collection, notebook)
    assert collection.notices == []
    assert moodle_prefixes(settings, NAME) == {
        student: f"{name}_{number}_assignsubmission_file{form}"
        for student, (name, number) in MOODLE.items()
    }


@pytest.mark.parametrize("flagged", [True, False])
def test_class_from_canvas(
    settings: Course, notebook: Notebook, tmp_path: Path, flagged: bool
) -> None:
    archive = packed(tmp_path / "submissions.zip", in_canvas(notebook), flagged=flagged)
    collection = collect(settings, NAME, [archive])
    assert_everybody_is_in(settings, collection, notebook)
    assert {row.student for row in collection.rows if row.status == "in, late"} == LATE
    for student in MOODLE:
        note = settings.submitted / student / NAME / "timestamp.txt"
        assert note.exists() == (student in LATE)
        if student in LATE:
            assert f"{parse_utc(note.read_text())}" == "2026-03-31 18:00:01"
    assert len(collection.notices) == len(LATE)
    assert all("late, but the name of the file does not say" in n for n in collection.notices)


@pytest.mark.parametrize("key", [0, 4, 3])  # id, login, email
def test_class_in_a_folder(settings: Course, notebook: Notebook, tmp_path: Path, key: int) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    rows = [line.split(",") for line in ROSTER.splitlines()[1:-1]]
    for number, row in enumerate(rows):
        content = notebook(row[0])
        if number % 3 == 0:
            (inbox / row[key]).mkdir()
            (inbox / row[key] / FILE).write_bytes(content)
        elif number % 3 == 1:
            (inbox / f"{row[key]}_2026-04-01-09-30_{FILE}").write_bytes(content)
        else:
            packed(inbox / f"{row[key]}.zip", {f"work/{FILE}": content})
    collection = collect(settings, NAME, [inbox])
    assert_everybody_is_in(settings, collection, notebook)
    note = settings.submitted / rows[1][0] / NAME / "timestamp.txt"
    assert note.read_text() == "2026-04-01 09:30:00"


@pytest.mark.parametrize(
    "file", [f"{NAME} (1).ipynb", f"{NAME}-1.ipynb", f"{NAME}-2 (3).ipynb", f"{NAME} - Copy.ipynb"]
)
def test_suffixes_of_browsers_and_of_canvas_are_taken_off(
    settings: Course, notebook: Notebook, tmp_path: Path, file: str
) -> None:
    archive = packed(tmp_path / "a.zip", in_canvas(notebook, file))
    assert_everybody_is_in(settings, collect(settings, NAME, [archive]), notebook)


def test_one_person_is_one_student_by_whichever_route(
    settings: Course, notebook: Notebook, tmp_path: Path
) -> None:
    moodle = packed(tmp_path / "m.zip", in_moodle(notebook, "_/"))
    canvas = packed(tmp_path / "c.zip", in_canvas(notebook))
    sheet = worksheet(tmp_path / "w.csv")
    collect(settings, NAME, [canvas])
    again = collect(settings, NAME, [moodle, sheet])
    assert_everybody_is_in(settings, again, notebook)
    assert [path.name for path in again.written] == ["moodle.csv"]
    assert not (tmp_path / "course" / "downloaded" / NAME / "replaced").exists()
    assert not list((tmp_path / "course").glob(".collect*"))


def test_people_of_the_same_name_wait_for_the_worksheet(
    settings: Course, notebook: Notebook, tmp_path: Path
) -> None:
    archive = packed(tmp_path / "m.zip", in_moodle(notebook, "/"))
    collection = collect(settings, NAME, [archive])
    assert not (settings.submitted / "ana1").exists()
    assert not (settings.submitted / "ana2").exists()
    assert len(list(settings.submitted.iterdir())) == 9
    first, second = collection.problems
    assert first.startswith("m.zip/Ana Silva (Moodle's number 103, 1 file): 2 in the archive and 2")
    assert "ana1, ana2" in first
    assert "Moodle's grading worksheet" in first
    assert "number 104" in second


def test_a_namesake_who_is_not_on_the_roster_is_not_merged_with_who_is(
    settings: Course, notebook: Notebook, tmp_path: Path
) -> None:
    members = {
        f"Ada Lovelace_{number}_assignsubmission_file_/{FILE}": notebook(f"{number}")
        for number in (1, 2)
    }
    collection = collect(settings, NAME, [packed(tmp_path / "m.zip", members)])
    assert not (settings.submitted / "ada").exists()
    assert [
        problem.count("2 in the archive and 1 on roster.csv (ada)")
        for problem in collection.problems
    ] == [1, 1]


def test_nobody_takes_the_number_of_another_at_canvas(
    settings: Course, notebook: Notebook, tmp_path: Path
) -> None:
    # Mal calls himself "lovelaceada_4001", or adds a number that nobody has.
    for own in ("", "_99999999999", "_1_2"):
        members = {f"lovelaceada_4001{own}_4011_70000_{FILE}": notebook("mal")}
        collection = collect(settings, NAME, [packed(tmp_path / f"c{own}.zip", members)])
        assert not settings.submitted.exists()
        assert "may be by ada or by mal" in collection.problems[0]
        # It costs nobody their own file, whichever is first.
        for order in (1, -1):
            both = [(f"lovelaceada_4001_70001_{FILE}", notebook("ada")), *members.items()][::order]
            collection = collect(settings, NAME, [packed(tmp_path / "both.zip", dict(both))])
            assert (settings.submitted / "ada" / NAME / FILE).read_bytes() == notebook("ada")
            assert not (settings.submitted / "mal").exists()
            assert len(collection.problems) == 1
        shutil.rmtree(settings.submitted)


def test_a_number_and_a_name_that_disagree_are_not_guessed(
    settings: Course, notebook: Notebook, tmp_path: Path
) -> None:
    members = {f"zhaozed_4001_1_{FILE}": notebook("x")}
    collection = collect(settings, NAME, [packed(tmp_path / "c.zip", members)])
    assert "by the number this is ada, by the name zed: correct" in collection.problems[0]
    sheet = tmp_path / "w.csv"
    sheet.write_text("Identifier,Name,Email\nParticipant 5,x,ada@example.org\n")
    members = {f"Zed Zhao_5_assignsubmission_file_/{FILE}": notebook("x")}
    collection = collect(settings, NAME, [sheet, packed(tmp_path / "m.zip", members)])
    assert "by the number this is ada, by the name zed: correct" in collection.problems[0]
    assert not settings.submitted.exists()


def test_text_typed_into_moodle_does_not_take_the_place_of_the_file(
    settings: Course, notebook: Notebook, tmp_path: Path
) -> None:
    members = {
        "Bo_5_assignsubmission_onlinetext/onlinetext.html": b"<p>hi</p>",
        f"Bo_5_assignsubmission_file/{FILE}": notebook("bo"),
    }
    collection = collect(settings, NAME, [packed(tmp_path / "m.zip", members)])
    assert collection.notices == ["bo: left out `onlinetext.html`, as only notebooks are graded."]
    assert moodle_prefixes(settings, NAME) == {"bo": "Bo_5_assignsubmission_file/"}


def test_an_archive_of_a_class_within_a_folder_is_named(settings: Course, tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    packed(tmp_path / "inbox" / "all.zip", {"a": b""})
    (problem,) = collect(settings, NAME, [tmp_path / "inbox"]).problems
    assert problem.startswith("inbox/all.zip: its name begins with nobody's id")


def test_nobody_hands_in_for_another_by_names_within_an_archive(
    settings: Course, notebook: Notebook, tmp_path: Path
) -> None:
    evil = {
        f"ada/{FILE}": notebook("mal"),
        f"Ada Lovelace_101_assignsubmission_file_/{FILE}": notebook("mal"),
    }
    inner = packed(tmp_path / "inner.zip", evil).read_bytes()
    members = {
        "Mal Reynolds_111_assignsubmission_file_/inner.zip": inner,
        "Mal Reynolds_111_assignsubmission_file_/Ada Lovelace_101_assignsubmission_file_/"
        f"{FILE}": notebook("mal"),
    }
    collect(settings, NAME, [packed(tmp_path / "m.zip", members)])
    assert [path.name for path in settings.submitted.iterdir()] == ["mal"]
    flat = {f"Mal Reynolds_111_assignsubmission_file_ada_{FILE}": notebook("mal")}
    collect(settings, NAME, [packed(tmp_path / "f.zip", flat)])
    collect(settings, NAME, [packed(tmp_path / "mal.zip", evil)])
    loose = collect(settings, NAME, [packed(tmp_path / "loose.zip", {f"ada/{FILE}": b"{}"})])
    assert "neither Moodle nor Canvas names a file so" in loose.problems[0]
    assert [path.name for path in settings.submitted.iterdir()] == ["mal"]


def test_nothing_is_left_out_without_a_line(
    settings: Course, notebook: Notebook, tmp_path: Path
) -> None:
    moodle = "_assignsubmission_file_/"
    members = {
        f"Nobody Known_1{moodle}{FILE}": notebook("x"),
        f"Ada Lovelace_2{moodle}data.csv": b"1,2",
        f"Ada Lovelace_2{moodle}{FILE}": notebook("ada"),
        f"Bo_3{moodle}report.pdf": b"%PDF",
        f"Kim Lee_4{moodle}work.zip": b"PK broken",
        f"Zed Zhao_5{moodle}Untitled.ipynb": notebook("zed"),
        f"Mal Reynolds_6{moodle}other.ipynb": b'{"nbformat": 4, "cells": []}',
        f"Mal Reynolds_6{moodle}another.ipynb": b'{"nbformat": 4, "cells": []}',
        f"Jean-Marie dÉté_7{moodle}big/../../{FILE}": notebook("jm"),
        f"Ольга Иванова_8{moodle}{FILE}": b"x" * 26_000_000,
        "lovelaceada_4001_text.html": b"<p>hi</p>",
        "anon_x7Yz_8_a.ipynb": b"{}",
        "readme.txt": b"hi",
        f"__MACOSX/._{FILE}": b"",
    }
    collection = collect(settings, NAME, [packed(tmp_path / "m.zip", members)])
    submitted = sorted(
        p.relative_to(settings.submitted).as_posix() for p in settings.submitted.rglob("*.ipynb")
    )
    assert submitted == [f"ada/{NAME}/{FILE}", f"zed/{NAME}/{FILE}"]
    told = "\n".join([*collection.notices, *collection.problems])
    for words in (
        "m.zip/Nobody Known (Moodle's number 1, 1 file): nobody on roster.csv is called so",
        "ada: left out `data.csv`, as only notebooks are graded.",
        "bo: no notebook was handed in",
        "it cannot be unpacked",
        f"zed: took `Untitled.ipynb` for {FILE}, as it has its cells.",
        "mal: none of `other.ipynb`, `another.ipynb` is 01_double.ipynb",
        "leads out of the archive",
        "it unpacks to more than",
        "it is a text typed into Canvas",
        "graded anonymously",
        "m.zip/readme.txt: neither Moodle nor Canvas names a file so",
    ):
        assert words in told, words
    assert "MACOSX" not in told


def test_a_wrong_notebook_is_kept_for_its_author_to_hear_of(
    settings: Course, tmp_path: Path
) -> None:
    wrong = b'{"nbformat": 4, "cells": []}'
    members = {"Bo_3_assignsubmission_file_/Lab (1).ipynb": wrong}
    collection = collect(settings, NAME, [packed(tmp_path / "m.zip", members)])
    assert (settings.submitted / "bo" / NAME / "Lab (1).ipynb").read_bytes() == wrong
    assert "`Lab (1).ipynb` is not 01_double" in collection.notices[0]


def test_of_two_uploads_the_last_one_counts(
    settings: Course, notebook: Notebook, tmp_path: Path
) -> None:
    members = {
        f"lovelaceada_4001_90_{FILE}": notebook("late"),
        f"lovelaceada_4001_100_{NAME}-1.ipynb": notebook("later"),
    }
    collection = collect(settings, NAME, [packed(tmp_path / "c.zip", members)])
    assert (settings.submitted / "ada" / NAME / FILE).read_bytes() == notebook("later")
    assert f"took `{NAME}-1.ipynb`, not `{FILE}`" in collection.notices[0]


def test_what_is_replaced_is_kept(settings: Course, notebook: Notebook, tmp_path: Path) -> None:
    folder = settings.submitted / "ada" / NAME
    for number, when in enumerate(["", "2026-04-01-10-00", ""]):
        entry = "_".join(filter(None, ["ada", when, FILE]))
        (tmp_path / entry).write_bytes(notebook(f"{number}"))
        collection = collect(settings, NAME, [tmp_path / entry])
        assert (folder / FILE).read_bytes() == notebook(f"{number}")
        assert (folder / "timestamp.txt").exists() == bool(when)
    kept = {p.read_bytes() for p in (settings.root / "downloaded").rglob("ada_*.ipynb")}
    assert kept == {notebook("0"), notebook("1")}
    assert "handed in another notebook than before, which is kept as" in collection.notices[0]


def test_a_time_that_somebody_corrected_stays(
    settings: Course, notebook: Notebook, tmp_path: Path
) -> None:
    archive = packed(tmp_path / "c.zip", {f"bo_LATE_4008_1_{FILE}": notebook("bo")})
    collect(settings, NAME, [archive])
    note = settings.submitted / "bo" / NAME / "timestamp.txt"
    note.write_text("2026-04-02 08:00:00 UTC")
    again = collect(settings, NAME, [archive])
    assert note.read_text() == "2026-04-02 08:00:00 UTC"
    assert {row.student: row.status for row in again.rows}["bo"] == "in, late"


@pytest.mark.slow  # nbgrader makes another gradebook
def test_late_without_a_due_date_is_said(
    settings: Course, notebook: Notebook, tmp_path: Path
) -> None:
    (settings.root / "gradebook.db").unlink()
    archive = packed(tmp_path / "c.zip", {f"bo_LATE_4008_1_{FILE}": notebook("bo")})
    collection = collect(settings, NAME, [archive])
    assert "without a due date in the gradebook" in collection.notices[0]
    assert not (settings.submitted / "bo" / NAME / "timestamp.txt").exists()


def test_without_files_it_says_who_is_in(settings: Course, notebook: Notebook) -> None:
    for student in ("ada", "klee"):
        folder = settings.submitted / student / NAME
        folder.mkdir(parents=True)
        (folder / FILE).write_bytes(notebook(student))
    collection = collect(settings, NAME, [])
    assert [row.student for row in collection.rows if row.status == "in"] == ["ada"]
    assert collection.rows[0].source == "was there before"
    (notice,) = collection.notices
    assert "submitted/klee: nobody on roster.csv has this id: it is what kim logs in with" in notice
    assert collection.written == []


def test_clones_of_repositories_are_folders_of_students(
    settings: Course, notebook: Notebook, tmp_path: Path
) -> None:
    clone = tmp_path / "inbox" / "klee"
    for file, content in {
        ".git/objects/a": b"",
        "README.md": b"mine",
        f"{NAME}/{FILE}": notebook("kim"),
        "02_other/02_other.ipynb": b"{}",
    }.items():
        (clone / file).parent.mkdir(parents=True, exist_ok=True)
        (clone / file).write_bytes(content)
    collection = collect(settings, NAME, [tmp_path / "inbox"])
    assert (settings.submitted / "kim" / NAME / FILE).read_bytes() == notebook("kim")
    assert collection.notices == ["kim: left out `README.md`, as only notebooks are graded."]
    assert collection.problems == []


def test_mistakes_get_one_sentence(settings: Course, tmp_path: Path) -> None:
    with pytest.raises(CourseError, match=r"nothing\.zip does not exist"):
        collect(settings, NAME, [tmp_path / "nothing.zip"])
    sheet = tmp_path / "w.csv"
    sheet.write_text("Identifier,Name\nParticipant 1,Nobody\n")
    with pytest.raises(CourseError, match=r"names nobody of roster\.csv"):
        collect(settings, NAME, [sheet])
    (tmp_path / "a.zip").write_bytes(b"hello")
    assert "it cannot be unpacked" in collect(settings, NAME, [tmp_path / "a.zip"]).problems[0]
    (settings.root / "roster.csv").unlink()
    with pytest.raises(CourseError, match=r"roster\.csv is missing: write down who"):
        collect(settings, NAME, [])

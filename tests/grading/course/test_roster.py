"""The roster says who takes the course, and every mistake in it gets a line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_course.errors import CourseError
from mnist_course.grading.course.roster import (
    Person,
    install_roster,
    parse_roster,
    read_roster,
    require_roster,
)

HEADER = "id,first_name,last_name,email,login,canvas_id,sis_id,extra_days\n"


def problems(path: Path, text: str | bytes) -> list[str]:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(CourseError) as error:
        parse_roster(path)
    return str(error.value).splitlines()


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_each_column_is_read_as_spreadsheets_save_it(
    tmp_path: Path, delimiter: str, start: str, end: str
) -> None:
    lines = [
        HEADER.strip(),
        "ada,Ada,Lovelace,ada@example.org,alovelace,4001,s01,2",
        " síle ,Síle,O'Neil,,,,,",
        ",,,,,,,",
    ]
    text = start + end.join(line.replace(",", delimiter) for line in lines) + end
    path = tmp_path / "r.csv"
    path.write_bytes(text.encode())
    assert parse_roster(path) == {
        "ada": Person("ada", "Ada", "Lovelace", "ada@example.org", "alovelace", "4001", "s01", 2.0),
        "síle": Person("síle", "Síle", "O'Neil", extra_days=0.0),
    }


def test_only_the_id_has_to_be_there(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("ID\nada\n")
    (person,) = parse_roster(tmp_path / "r.csv").values()
    assert person == Person("ada")
    assert person.extra_days is None
    assert person.name == "ada"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("../x,,,,,,,", "line 2: id is '../x'; expected letters"),
        (",Ada,,,,,,", "line 2: id is ''; expected letters"),
        ("ada,Ada", "line 2: it has 2 cells, and the first line has 8"),
        ("ada,,,ada at example,,,,", "line 2: email is 'ada at example'"),
        ("ada,,,,,=1,,", "line 2: canvas_id is '=1'; expected the number under 'ID'"),
        ("ada,,,,,,,-1", "line 2: extra_days is '-1'; expected a number of days"),
        ("ada,,,,,,,nan", "line 2: extra_days is 'nan'"),
        ("ada,,,,,,,2 days", "line 2: extra_days is '2 days'"),
        (f"ada,{'x' * 129},,,,,,", "line 2: first_name is 'xxx"),
        ("ada,A\x1bda,,,,,,", "line 2: first_name is 'A\\x1bda'"),
        ("ada,,,,,,,\nbob,,,,,,,\nAda,,,,,,,", "line 4: id 'Ada' is also on line 2"),
        ("a,,,x@y,,,,\nb,,,x@y,,,,", "line 3: email 'x@y' is also on line 2"),
        ("a,,,,l,,,\nb,,,,l,,,", "line 3: login 'l' is also on line 2"),
        ("a,,,,,7,,\nb,,,,,7,,", "line 3: canvas_id '7' is also on line 2"),
        ("a,,,,,,s,\nb,,,,,,s,", "line 3: sis_id 's' is also on line 2"),
        ('a,"x,,,,,,', "it is not CSV"),
        ("", "lists nobody"),
    ],
)
def test_each_mistake_gets_a_sentence_with_its_line(tmp_path: Path, line: str, words: str) -> None:
    (problem,) = problems(tmp_path / "roster.csv", f"{HEADER}{line}\n")
    assert words in problem


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    lines = f"{HEADER}a,,,,,x,,y\nb,,,,,,,\nb,,,,,,,\n"
    assert [problem.split(":")[0] for problem in problems(tmp_path / "r.csv", lines)] == [
        "r.csv, line 2",
        "r.csv, line 2",
        "r.csv, line 4",
    ]


def test_unknown_columns_are_named(tmp_path: Path) -> None:
    expected = "expected any of id, first_name, last_name, email, login, canvas_id, sis_id, "
    expected += "extra_days: rename or delete it."
    assert problems(tmp_path / "r.csv", "name,id,id,\nx,y,z,\n") == [
        f"r.csv, line 1: there is no column 'name'; {expected}",
        "r.csv, line 1: the column 'id' is there twice: delete one.",
        f"r.csv, line 1: there is no column ''; {expected}",
    ]
    (problem,) = problems(tmp_path / "r.csv", "email\nx@y\n")
    assert "the column 'id' is missing" in problem
    (problem,) = problems(tmp_path / "r.csv", "id,first_name\nzoë,Zoë".encode("latin-1"))
    assert "save it from your spreadsheet as 'CSV UTF-8'" in problem


@given(st.text(max_size=80) | st.text('id,first_name;\t"\n@1', max_size=80))
def test_whatever_the_file_holds_it_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.mktemp("roster") / "roster.csv"
    path.write_text(text, encoding="utf-8", errors="replace")
    try:
        people = parse_roster(path)
    except CourseError:
        pass
    else:
        assert all(student == person.id for student, person in people.items())


def test_a_course_without_a_roster_has_nobody_on_it(tmp_path: Path) -> None:
    assert read_roster(tmp_path) == {}
    with pytest.raises(CourseError, match=r"roster\.csv is missing: write down who takes"):
        require_roster(tmp_path)


def test_a_change_is_seen(tmp_path: Path) -> None:
    (tmp_path / "roster.csv").write_text("id\nada\n")
    assert list(read_roster(tmp_path)) == ["ada"]
    (tmp_path / "roster.csv").write_text("id\nada\nbob\n")
    assert list(read_roster(tmp_path)) == ["ada", "bob"]


def test_a_new_roster_replaces_the_old_one_only_if_nothing_is_wrong(tmp_path: Path) -> None:
    new = tmp_path / "new.csv"
    new.write_text("id\nada\n")
    assert not install_roster(tmp_path, new)
    assert not install_roster(tmp_path, tmp_path / "roster.csv")
    new.write_text("id\n..\n")
    with pytest.raises(CourseError):
        install_roster(tmp_path, new)
    assert list(require_roster(tmp_path)) == ["ada"]
    new.write_text("id\nbob\n")
    assert install_roster(tmp_path, new)
    assert list(require_roster(tmp_path)) == ["bob"]
    assert (tmp_path / "roster.previous.csv").read_text() == "id\nada\n"

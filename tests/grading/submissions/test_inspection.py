import copy
import json
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat import NotebookNode, v4
from nbgrader.utils import parse_utc

from mnist_course.errors import CourseError
from mnist_course.grading.course.assignment import Assignment, list_assignments, read_assignment
from mnist_course.grading.submissions.assemble import NOT_ATTEMPTED, assemble
from mnist_course.grading.submissions.inspection import (
    DEEPEST,
    LARGEST_ANSWER,
    LARGEST_NOTEBOOK,
    MOST_CELLS,
    MOST_LISTS,
    MOST_QUOTES,
    Finding,
    RejectedError,
    find_submission,
    inspect,
    inspect_folder,
    parse,
    read_bytes,
    read_regular,
    read_secret,
    read_submission,
    read_timestamp,
    repair,
    write_repaired,
)

ROOT = Path(__file__).parents[3]
NAME = "01_double"
FILE = f"{NAME}.ipynb"


@pytest.fixture(scope="session", params=["solutions", "exercises"])
def assignment(generated: Path, request: pytest.FixtureRequest) -> Assignment:
    """The assignment as instructors and as learners have it."""
    return read_assignment(generated / request.param, NAME)


@pytest.fixture(scope="session")
def released(generated: Path) -> bytes:
    return (generated / "exercises" / NAME / FILE).read_bytes()


@pytest.fixture
def folder(tmp_path: Path, released: bytes) -> Path:
    folder = tmp_path / "submitted" / "ada" / NAME
    folder.mkdir(parents=True)
    (folder / FILE).write_bytes(released)
    return folder


@pytest.fixture
def answered(released: bytes) -> NotebookNode:
    """A submission with every answer."""
    notebook = parse(released, NAME)
    cell(notebook, "double").source = "def double(number):\n    return 2 * number"
    cell(notebook, "greet").source = "def greet(name):\n    return 'Hello ' + name"
    cell(notebook, "why").source = "Because I say so."
    return notebook


def cell(notebook: NotebookNode, name: str) -> NotebookNode:
    return next(c for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade_id") == name)


def document(**changes: Any) -> bytes:
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []} | changes
    ).encode()


def sources(notebook: NotebookNode) -> dict[str, str]:
    return {c.metadata.get("nbgrader", {}).get("grade_id", ""): c.source for c in notebook.cells}


def assert_rejected(read: Callable[[], object], words: str) -> None:
    with pytest.raises(RejectedError, match=words) as raised:
        read()
    sentence = str(raised.value)
    assert sentence.endswith(".")
    assert "; expected " in sentence or ": expected " in sentence
    assert "\n" not in sentence


class TestReadSubmission:
    def test_notebook_is_read(self, folder: Path, released: bytes) -> None:
        assert read_bytes(folder, NAME) == released
        assert read_submission(folder, NAME) == parse(released, NAME)

    def test_missing_notebook_is_named_with_what_is_there_instead(self, folder: Path) -> None:
        (folder / FILE).rename(folder / "01_double (1)\n.ipynb")
        assert_rejected(
            lambda: read_bytes(folder, NAME), r"01_double.ipynb is missing \('01_double \(1\)\\n"
        )
        assert_rejected(lambda: read_bytes(folder / "none", NAME), "is missing; expected")

    def test_link_is_not_followed(self, folder: Path, tmp_path: Path) -> None:
        (folder / FILE).rename(tmp_path / "solution.ipynb")
        (folder / FILE).symlink_to(tmp_path / "solution.ipynb")
        assert_rejected(lambda: read_bytes(folder, NAME), "is a link")

    def test_folder_that_is_a_link_is_not_followed(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / NAME).symlink_to(folder)
        assert_rejected(lambda: read_bytes(tmp_path / NAME, NAME), "is a link")

    def test_hard_link_is_refused(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "solution.ipynb").hardlink_to(folder / FILE)
        assert_rejected(lambda: read_bytes(folder, NAME), "is a hard link")

    @pytest.mark.parametrize("kind", ["pipe", "folder", "socket"])
    def test_what_is_no_file_is_refused_at_once(
        self, folder: Path, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / FILE).unlink()
        if kind == "pipe":
            os.mkfifo(folder / FILE)
        elif kind == "folder":
            (folder / FILE).mkdir()
        else:
            monkeypatch.chdir(folder)  # the names of sockets are short
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(FILE)
        assert_rejected(lambda: read_bytes(folder, NAME), "is a link, a device or a pipe")

    def test_device_is_refused(self) -> None:
        assert_rejected(lambda: read_regular(Path("/dev"), "null", 10), "is a link, a device or")

    def test_file_of_200_mb_is_refused_unread(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        os.truncate(folder / FILE, 200_000_000)
        monkeypatch.setattr("builtins.open", None)  # the file is not read by anything
        assert_rejected(lambda: read_bytes(folder, NAME), "has 200,000,000 bytes")

    def test_file_that_grows_while_it_is_read_is_refused(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fstat = os.fstat

        def before_it_grew(descriptor: int) -> os.stat_result:
            status = fstat(descriptor)
            os.truncate(folder / FILE, LARGEST_NOTEBOOK + 5)
            return status

        monkeypatch.setattr(os, "fstat", before_it_grew)
        assert_rejected(lambda: read_bytes(folder, NAME), "has 20,000,001 bytes")

    def test_file_without_permission_is_refused(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Not by its mode, which does not keep an administrator from reading.
        def refuse(*_: Any, **__: Any) -> int:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(os, "open", refuse)
        monkeypatch.setattr(os, "supports_dir_fd", {refuse})
        assert_rejected(lambda: read_bytes(folder, NAME), r"cannot be read \(Permission denied\)")


class TestParse:
    @pytest.mark.parametrize("name", list_assignments(ROOT / "solutions"))
    @pytest.mark.parametrize("version", [3, 4])
    def test_sources_and_names_are_those_that_nbformat_reads(self, name: str, version: int) -> None:
        notebook = nbformat.read(ROOT / "solutions" / name / f"{name}.ipynb", as_version=4)
        if version == 3:
            text = nbformat.v3.writes_json(nbformat.convert(copy.deepcopy(notebook), 3))
        else:
            text = nbformat.writes(notebook)
        parsed = parse(text.encode(), name)
        nbformat.validate(parsed)
        assert len(parsed.cells) == len(notebook.cells)
        for ours, theirs in zip(parsed.cells, notebook.cells, strict=True):
            assert ours.source == theirs.source
            assert ours.metadata.get("nbgrader") == theirs.metadata.get("nbgrader")
            # Version 3 has headings, which are no cells to be graded.
            assert ours.cell_type == theirs.cell_type or (version, ours.cell_type) == (3, "raw")

    @pytest.mark.parametrize(
        ("data", "words"),
        [
            (b"", "is not JSON"),
            (b"{", "is not JSON"),
            (b'{"a": "\\', "is not JSON"),
            (b'"' * 1_001, "is not JSON"),
            (b"\xff\xfe{}", "is not text in UTF-8"),
            (b"[" * 100_000, "is nested 100,000 levels deep"),
            (b'{"a":' * 100_000, "is nested 100,000 levels deep"),
            (b'["\\"]", ' + b"[" * 101, "is nested 102 levels deep"),
            (b"[" + b"[]," * MOST_LISTS + b"0]", "has 500,001 lists and objects"),
            (b'"' * (MOST_QUOTES + 1), "has 2,000,001 quotation marks"),
            (b" " * (LARGEST_NOTEBOOK + 1), "has 20,000,001 bytes"),
            (b"9" * 10_000, "is not JSON"),
            (b"[]", "is not a notebook of version 4 or 3"),
            (b"4", "is not a notebook of version 4 or 3"),
            (b"{}", "is not a notebook of version 4 or 3"),
            (document(nbformat=2), "is not a notebook of version 4 or 3"),
            (document(nbformat=5), "is not a notebook of version 4 or 3"),
            (document(nbformat=True), "is not a notebook of version 4 or 3"),
            (document(nbformat=[4]), "is not a notebook of version 4 or 3"),
            (document(metadata={"a": float("nan")}), "is not JSON"),
            (document(metadata={"a": float("-inf")}), "is not JSON"),
            (document(cells={}), "has no list of cells"),
            (document(cells=["a"]), "has something for cell 1"),
            (document(cells=[{}, {"source": 1}]), "has no text in cell 2"),
            (document(cells=[{"source": ["a", None]}]), "has no text in cell 1"),
            (document(cells=[{}] * (MOST_CELLS + 1)), "has 2,001 cells"),
            (document(nbformat=3, worksheets={}), "has worksheets that are none"),
            (document(nbformat=3, worksheets=[[]]), "has worksheets that are none"),
            (document(nbformat=3, worksheets=[{}]), "has no list of cells"),
        ],
        ids=lambda value: value if isinstance(value, str) else repr(value)[:20],
    )
    def test_what_is_no_notebook_is_rejected_in_a_sentence(self, data: bytes, words: str) -> None:
        assert_rejected(lambda: parse(data, NAME), f"{FILE} {words}")

    def test_brackets_in_strings_are_not_depth(self) -> None:
        source = '\\"' + "[{" * DEEPEST + '"\\'
        assert parse(document(cells=[{"source": source}]), NAME).cells[0].source == source

    def test_depth_is_allowed_up_to_its_limit(self) -> None:
        nested: Any = []
        for _ in range(DEEPEST - 2):
            nested = [nested]
        assert parse(document(metadata=nested), NAME).cells == []
        assert_rejected(lambda: parse(document(metadata=[nested]), NAME), "101 levels deep")

    def test_oddities_without_harm_are_accepted(self) -> None:
        data = b'\xef\xbb\xbf{"nbformat": 4, "cells": 1, "cells": [{"source": ["a\\ud800", "b"]}]}'
        (parsed,) = parse(data, NAME).cells
        assert (parsed.source, parsed.cell_type, parsed.metadata) == ("a?b", "raw", {})

    def test_outputs_attachments_and_foreign_metadata_are_left_out(self) -> None:
        metadata = {"nbgrader": {"grade_id": "a", "points": 1e400, "x": [1]}, "trusted": True}
        given = {
            "cell_type": "code",
            "metadata": metadata,
            "source": "a",
            "outputs": [{"output_type": "stream", "name": "stdout", "text": "5"}],
            "execution_count": 3,
        }
        (parsed,) = parse(document(cells=[given]).replace(b"Infinity", b"1e400"), NAME).cells
        assert parsed == {
            "cell_type": "code",
            "metadata": {"nbgrader": {"grade_id": "a"}},
            "source": "a",
            "outputs": [],
            "execution_count": None,
        }


KEYS = "nbformat cells worksheets metadata nbgrader grade_id source cell_type".split()  # noqa: SIM905
WORDS = ["double", "check_double", "why", "code", "markdown", "\ud800", 3, 4]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
    ),
    max_leaves=12,
)
words = st.sampled_from(WORDS) | json_values
nbgrader = st.fixed_dictionaries({}, optional={"grade_id": words, "points": words, "locked": words})
strange_cells = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": words,
        "metadata": st.fixed_dictionaries({}, optional={"nbgrader": nbgrader}) | json_values,
        "source": st.text() | st.lists(st.text()) | json_values,
        "input": st.text(),
    },
)


def assert_harmless(data: bytes, assignment: Assignment) -> None:
    """Bytes are rejected, or they are a notebook that every later step can use."""
    try:
        notebook = parse(data, NAME)
    except RejectedError:
        return
    nbformat.validate(notebook)
    nbformat.validate(assemble(assignment, notebook))
    json.dumps(notebook, allow_nan=False)
    assert_mended(assignment, notebook)


def assert_mended(assignment: Assignment, notebook: NotebookNode) -> None:
    """What is found agrees with what grading does, and repairing changes nothing of that."""
    stubs = sources(repair(assignment, v4.new_notebook()))
    assembled = sources(assemble(assignment, notebook))
    findings = inspect(assignment, notebook)
    lost = {finding.cell: finding.costs for finding in findings if finding.costs}
    points = {"double": 2.0, "greet": 1.5, "why": 2.0}
    nothing = {
        name
        for name in points
        if assembled[name].strip() in ("", NOT_ATTEMPTED, stubs[name].strip())
    }
    assert lost == {name: points[name] for name in nothing}
    assert sum(finding.costs for finding in findings) == sum(lost.values())
    repaired = repair(assignment, notebook)
    nbformat.validate(repaired)
    assert [finding for finding in inspect(assignment, repaired) if not finding.costs] == [
        finding for finding in findings if "bytes" in finding.problem
    ]
    again = sources(assemble(assignment, repaired))
    for name in points:
        if assembled[name].strip() not in ("", NOT_ATTEMPTED):
            assert again[name] == assembled[name]
        else:
            assert again[name] == stubs[name]
    for mended, cell in zip(repaired.cells, assignment.notebook.cells, strict=True):
        if cell.metadata.get("nbgrader", {}).get("grade_id") not in points:
            assert mended.source == cell.source


class TestAnything:
    @settings(max_examples=300, deadline=None)
    @given(document=json_values)
    def test_any_document_is_rejected_or_harmless(
        self, document: Any, assignment: Assignment
    ) -> None:
        assert_harmless(json.dumps(document).encode(), assignment)

    @settings(max_examples=300, deadline=None)
    @given(cells=st.lists(strange_cells, max_size=6), minor=json_values)
    def test_any_cells_are_rejected_or_harmless(
        self, cells: list[Any], minor: Any, assignment: Assignment
    ) -> None:
        assert_harmless(document(cells=cells, nbformat_minor=minor), assignment)

    @settings(max_examples=300, deadline=None)
    @given(data=st.data())
    def test_any_damaged_notebook_is_rejected_or_harmless(
        self, data: st.DataObject, released: bytes, assignment: Assignment
    ) -> None:
        damaged = bytearray(released)
        for _ in range(data.draw(st.integers(1, 3))):
            start = data.draw(st.integers(0, len(damaged)))
            end = start + data.draw(st.integers(0, 20))
            damaged[start:end] = data.draw(
                st.binary(max_size=3) | st.sampled_from([b'"', b"[", b"}", b"NaN", b"1e999"])
            )
        assert_harmless(bytes(damaged), assignment)

    @settings(max_examples=300, deadline=None)
    @given(data=st.data())
    def test_any_change_to_a_notebook_is_found_and_mended(
        self, data: st.DataObject, released: bytes, assignment: Assignment
    ) -> None:
        notebook = parse(released, NAME)
        for _ in range(data.draw(st.integers(1, 6))):
            position = data.draw(st.integers(0, max(0, len(notebook.cells) - 1)))
            change = data.draw(
                st.sampled_from(["delete", "copy", "move", "retype", "edit", "empty", "settings"])
            )
            if not notebook.cells:
                break
            changed = notebook.cells[position]
            match change:
                case "delete":
                    del notebook.cells[position]
                case "copy":
                    notebook.cells.append(copy.deepcopy(changed))
                case "move":
                    notebook.cells.append(notebook.cells.pop(position))
                case "retype":
                    changed.cell_type = data.draw(st.sampled_from(["raw", "code", "markdown"]))
                case "edit":
                    changed.source = data.draw(st.text(max_size=5)) + "x = 1"
                case "empty":
                    changed.source = data.draw(st.sampled_from(["", " \n", NOT_ATTEMPTED]))
                case "settings" if "nbgrader" in changed.metadata:
                    key = data.draw(st.sampled_from(["grade", "points", "locked", "grade_id"]))
                    values = st.sampled_from(["double", "check_double", 7, None, True])
                    changed.metadata.nbgrader[key] = data.draw(values)
        assert_mended(assignment, notebook)


class TestTimestamp:
    @pytest.mark.parametrize(
        "text",
        [
            "2026-03-31 18:00:00.123456 UTC\n",
            "2026-03-31 18:00:00",
            "2026-03-31T18:00:00+02:00",
            "2026-03-31 18:00:00 Europe/Berlin",
        ],
    )
    def test_date_is_returned(self, folder: Path, text: str) -> None:
        (folder / "timestamp.txt").write_text(text)
        assert read_timestamp(folder) == text.strip()
        assert inspect_folder(folder, NAME) == []

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "tomorrow",
            "2026-03-31 18:00:00 /etc/passwd",
            "2026-03-31 18:00:00 ../../etc/passwd",
            "99999999999-1-1",
            "0001-01-01 00:00:00 +1400",
            "1" * 1_001,
            "\udcff",
        ],
    )
    def test_anything_else_is_none_and_found(self, folder: Path, text: str) -> None:
        (folder / "timestamp.txt").write_bytes(text.encode(errors="surrogateescape"))
        assert read_timestamp(folder) is None
        (finding,) = inspect_folder(folder, NAME)
        assert finding.problem.startswith("timestamp.txt holds no date")
        assert finding.costs == 0

    def test_time_zone_is_no_path_to_open(self, folder: Path, tmp_path: Path) -> None:
        header = b"TZif" + bytes(16) + struct.pack(">6l", 0, 0, 0, 0, 1, 4)
        (tmp_path / "zone").write_bytes(header + struct.pack(">lbb", 3600, 0, 0) + b"ABC\0")
        text = f"2026-03-31 18:00:00 {tmp_path}/zone"
        assert parse_utc(text).hour == 17
        (folder / "timestamp.txt").write_text(text)
        assert read_timestamp(folder) is None

    def test_link_is_none_and_found(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "early").write_text("2020-01-01")
        (folder / "timestamp.txt").symlink_to(tmp_path / "early")
        assert read_timestamp(folder) is None
        assert len(inspect_folder(folder, NAME)) == 1

    def test_without_one_there_is_nothing_to_say(self, folder: Path) -> None:
        assert read_timestamp(folder) is None
        assert inspect_folder(folder, NAME) == []

    @settings(max_examples=300, deadline=None)
    @given(text=st.text(st.characters(codec="utf-8"), max_size=40))
    def test_no_text_breaks_it(self, text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
        folder = tmp_path_factory.getbasetemp()
        (folder / "timestamp.txt").write_text(text)
        assert read_timestamp(folder) in (None, text.strip())


class TestReadSecret:
    def test_secret_is_returned(self, folder: Path) -> None:
        assert read_secret(folder) is None
        (folder / "submission_secret.txt").write_text("0123abcdef" * 12 + "\n")
        assert read_secret(folder) == "0123abcdef" * 12

    @pytest.mark.parametrize(
        "content", [b"", b"\n", b"\xff", b"a b", b"../../a", "é".encode(), b"a\nb", b"a" * 1_001]
    )
    def test_what_would_stop_nbgrader_is_none(self, folder: Path, content: bytes) -> None:
        (folder / "submission_secret.txt").write_bytes(content)
        assert read_secret(folder) is None

    def test_link_and_pipe_are_none(self, folder: Path, tmp_path: Path) -> None:
        (tmp_path / "password").write_text("hunter2")
        (folder / "submission_secret.txt").symlink_to(tmp_path / "password")
        assert read_secret(folder) is None
        (folder / "submission_secret.txt").unlink()
        os.mkfifo(folder / "submission_secret.txt")
        assert read_secret(folder) is None


class TestInspectFolder:
    def test_other_files_are_said_to_be_ignored(self, folder: Path) -> None:
        for name in ("b.py", "a\n.csv", ".DS_Store", "timestamp.txt", "submission_secret.txt"):
            (folder / name).write_text("2026-03-31")
        (folder / ".ipynb_checkpoints").mkdir()
        (folder / "data").mkdir()
        assert inspect_folder(folder, NAME) == [
            Finding(
                "",
                r"Only 01_double.ipynb is graded: put into it what you need of 'a\n.csv', 'b.py', "
                "'data'.",
                0,
            )
        ]

    def test_many_files_are_counted(self, folder: Path) -> None:
        for number in range(9):
            (folder / f"{number}").touch()
        (finding,) = inspect_folder(folder, NAME)
        assert "'0', '1', '2' and 6 more" in finding.problem


class TestInspect:
    def test_complete_submission_has_no_findings(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        assert inspect(assignment, answered) == []

    def test_untouched_exercise_costs_every_point(
        self, assignment: Assignment, released: bytes
    ) -> None:
        findings = inspect(assignment, parse(released, NAME))
        assert [(finding.cell, finding.costs) for finding in findings] == [
            ("double", 2),
            ("greet", 1.5),
            ("why", 2),
        ]
        assert all("no answer here yet" in finding.problem for finding in findings)

    @pytest.mark.parametrize("name", list_assignments(ROOT / "solutions"))
    def test_course_agrees_with_itself(self, name: str) -> None:
        source = read_assignment(ROOT / "solutions", name)
        exercise = read_assignment(ROOT / "exercises", name)
        for assignment in (source, exercise):
            assert inspect(assignment, source.notebook) == []
            untouched = inspect(assignment, exercise.notebook)
            assert [finding.cell for finding in untouched] == source.answers
            total = sum((source.points | source.manual_points).values())
            assert sum(finding.costs for finding in untouched) == total
            # nbgrader's own command made the exercise.
            assert repair(assignment, v4.new_notebook()) == exercise.notebook

    def test_each_change_is_found(self, assignment: Assignment, answered: NotebookNode) -> None:
        cells = answered.cells
        cells.remove(cell(answered, "why"))
        cells.append(copy.deepcopy(cell(answered, "double")))
        cells[-1].source = ""
        cell(answered, "greet").cell_type = "raw"
        cell(answered, "greet").source = "x" * (LARGEST_ANSWER + 1)
        cell(answered, "setup").source = "check = None"
        cell(answered, "check_greet").metadata.nbgrader["points"] = 100
        cells.remove(cell(answered, "check_double"))
        cells.append(v4.new_code_cell("import os"))
        cells.append(v4.new_markdown_cell("A note of mine."))
        found = [(f.cell, f.problem, f.costs) for f in inspect(assignment, answered)]
        expected = [
            ("setup", "This cell was changed", 0),
            ("double", "This answer is there 2 times. The last one counts", 0),
            ("double", "This answer is empty", 2),
            ("check_double", "This cell is missing. In grading, the original runs", 0),
            ("greet", "This answer has 100,001 bytes", 0),
            ("greet", "The type of this cell was changed to raw. Grading takes it for code", 0),
            ("check_greet", "The settings of this cell", 0),
            ("why", "This answer is missing", 2),
            ("cell 10", "This cell is not part of the assignment", 0),
        ]
        assert [(cell, costs) for cell, _, costs in found] == [
            (c, costs) for c, _, costs in expected
        ]
        for (_, problem, _), (_, words, _) in zip(found, expected, strict=True):
            assert problem.startswith(words)
            assert problem.endswith(".")

    def test_of_copies_only_the_one_that_counts_is_looked_at(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        first = copy.deepcopy(cell(answered, "double"))
        first.cell_type, first.source = "raw", ""
        answered.cells.insert(0, first)
        (finding,) = inspect(assignment, answered)
        assert finding.problem.startswith("This answer is there 2 times")

    def test_cell_under_another_name_is_missing_and_does_not_belong(
        self, assignment: Assignment, answered: NotebookNode
    ) -> None:
        cell(answered, "double").metadata.nbgrader["grade_id"] = "twice"
        found = [(finding.cell, finding.costs) for finding in inspect(assignment, answered)]
        assert found == [("double", 2), ("twice", 0)]


class TestRepair:
    def test_repaired_notebook_is_the_exercise_with_the_answers(
        self, assignment: Assignment, answered: NotebookNode, released: bytes
    ) -> None:
        answered.cells = [cell(answered, "greet")]
        answered.cells[0].cell_type = "raw"
        repaired = repair(assignment, answered)
        exercise = nbformat.reads(released.decode(), as_version=4)
        cell(exercise, "greet").source = "def greet(name):\n    return 'Hello ' + name"
        assert repaired == exercise

    def test_solution_never_gets_into_it(self, made: Path) -> None:
        repaired = repair(read_assignment(made / "solutions", NAME), v4.new_notebook())
        assert "SOLUTION" not in nbformat.writes(repaired)
        assert "factor" not in nbformat.writes(repaired)

    def test_nothing_given_is_changed(self, assignment: Assignment, answered: NotebookNode) -> None:
        before = copy.deepcopy((assignment.notebook, answered))
        inspect(assignment, answered)
        repair(assignment, answered).cells.clear()
        assert (assignment.notebook, answered) == before

    def test_it_is_written_beside_and_never_over(
        self, folder: Path, assignment: Assignment, answered: NotebookNode
    ) -> None:
        path = write_repaired(folder, NAME, repair(assignment, answered))
        assert path == folder / "01_double.repaired.ipynb"
        assert inspect(assignment, parse(path.read_bytes(), NAME)) == []
        path.write_text("mine")
        with pytest.raises(CourseError, match="exists, and may hold your work"):
            write_repaired(folder, NAME, answered)
        assert path.read_text() == "mine"


class TestFindSubmission:
    def test_notebook_and_its_folder_are_found_by_name(self, folder: Path, course: Path) -> None:
        for path in (folder, folder / FILE):
            found, assignment = find_submission(path, course)
            assert (found, assignment.name) == (folder / FILE, NAME)
            assert assignment.path == course / "solutions" / NAME / FILE

    def test_repaired_notebook_is_found_by_its_own_name(self, folder: Path, course: Path) -> None:
        repaired = folder / f"{NAME}.repaired.ipynb"
        found, assignment = find_submission(repaired, course)
        assert (found, assignment.name) == (repaired, NAME)
        with pytest.raises(CourseError, match="is the notebook of no assignment"):
            find_submission(folder / f"{NAME}.repaired.repaired.ipynb", course)

    def test_exercise_is_enough(self, folder: Path, course: Path) -> None:
        (course / "solutions").rename(course / "elsewhere")
        _, assignment = find_submission(folder, course)
        assert assignment.path == course / "exercises" / NAME / FILE

    def test_what_is_not_found_is_said_in_a_sentence(self, folder: Path, course: Path) -> None:
        (folder / "other.ipynb").touch()
        with pytest.raises(CourseError, match=r"other.ipynb is the notebook of no .* 01_double"):
            find_submission(folder / "other.ipynb", course)
        with pytest.raises(CourseError, match=r"01_double is the notebook of no"):
            find_submission(folder / "none" / NAME, course)
        with pytest.raises(CourseError, match=r"has none of the notebooks .* \(01_double\)"):
            find_submission(folder.parent, course)
        with pytest.raises(CourseError, match="has no assignments in solutions or exercises"):
            find_submission(folder, folder)
        own = course / "solutions" / NAME
        with pytest.raises(CourseError, match="is the course's own copy"):
            find_submission(own, course)

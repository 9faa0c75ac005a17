"""Of what untrusted users submit, only regular files of a limited size are read."""

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
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.utils import parse_utc

from mnist_course.grading.course.assignment import list_assignments
from mnist_course.grading.submissions.inspect import inspect_folder
from mnist_course.grading.submissions.read import (
    DEEPEST,
    LARGEST_NOTEBOOK,
    MOST_CELLS,
    MOST_LINES,
    MOST_LISTS,
    MOST_QUOTES,
    RejectedError,
    parse,
    read_bytes,
    read_regular,
    read_secret,
    read_submission,
    read_timestamp,
)

ROOT = Path(__file__).parents[3]
NAME = "01_double"
FILE = f"{NAME}.ipynb"


def document(**changes: Any) -> bytes:
    return json.dumps(
        {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": []} | changes
    ).encode()


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
            lambda: read_bytes(folder, NAME), r"01_double.ipynb is missing \(`01_double \(1\)\\n"
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
            (document(cells=[{"source": "\n" * (MOST_LINES + 1)}]), "has 200,001 lines"),
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
        assert inspect_folder(folder, FILE) == []

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
        (finding,) = inspect_folder(folder, FILE)
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
        assert len(inspect_folder(folder, FILE)) == 1

    def test_without_one_there_is_nothing_to_say(self, folder: Path) -> None:
        assert read_timestamp(folder) is None
        assert inspect_folder(folder, FILE) == []

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

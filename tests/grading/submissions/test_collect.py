"""Files are collected for who submitted them, by names that no learner chose."""

import logging
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.utils import parse_utc
from traitlets import Unicode
from traitlets.config import Configurable

from mnist_course.grading.course.settings import read_course
from mnist_course.grading.submissions.collect import SafeCollector

NAME = "01_double"
LOG = logging.getLogger("test")  # traitlets keeps its own from the root logger once an app ran


class App(Configurable):
    """What a collector asks nbgrader's command."""

    archive_directory, extracted_directory = "archive", "extracted"
    root = Unicode()

    def _format_collect_path(self, step: str) -> str:
        return f"{self.root}/{step}"


@pytest.fixture
def collector(tmp_path: Path, archive: Path, extracted: Path) -> SafeCollector:
    regexp = r".*/(?P<student_id>[^/]*)_at_(?P<timestamp>[^_]*?)[_/](?P<file_id>.+)\.ipynb"
    return SafeCollector(log=LOG, parent=App(root=str(tmp_path)), named_regexp=regexp)


class TestSafeCollector:
    @pytest.mark.parametrize("student", ["ada", "Zoë", "ada.l-1@uni.edu", "a+b", "Ada Lovelace"])
    def test_usual_names_are_collected(
        self, collector: SafeCollector, extracted: Path, student: str
    ) -> None:
        assert collector.collect(f"{extracted}/{student}_at_2026-03-31_double.ipynb") == {
            "student_id": student,
            "timestamp": "2026-03-31",
            "file_id": "double",
        }
        assert collector.collect(f"{extracted}/{student}_at_2026-03-31_double.txt") is None

    @pytest.mark.parametrize(
        ("student", "time", "notebook", "words"),
        [
            ("..", "2026-03-31", "a", "`..` is no student id"),
            (".", "2026-03-31", "a", "`.` is no student id"),
            ("", "2026-03-31", "a", "` ` is no student id"),
            ("*", "2026-03-31", "a", "is no student id"),
            ("a\n", "2026-03-31", "a", "is no student id"),
            ("a\x1b", "2026-03-31", "a", "is no student id"),
            ("-a", "2026-03-31", "a", "is no student id"),
            ("a" * 101, "2026-03-31", "a", "is no student id"),
            ("..\\a", "2026-03-31", "a", "is no student id"),
            ("ada", "2026-03-31", "../../bob/a", "is no name of a notebook"),
            ("ada", "2026-03-31", "/a", "is no name of a notebook"),
            ("ada", "2026-03-31", "a\x00", "is no name of a notebook"),
            ("ada", "tomorrow", "a", "`tomorrow` is no timestamp"),
        ],
    )
    def test_harmful_names_are_skipped(
        self,
        collector: SafeCollector,
        extracted: Path,
        caplog: pytest.LogCaptureFixture,
        student: str,
        time: str,
        notebook: str,
        words: str,
    ) -> None:
        assert collector.collect(f"{extracted}/{student}_at_{time}_{notebook}.ipynb") is None
        assert words in caplog.text
        assert caplog.text.count("\n") == 1

    def test_student_id_that_leads_out_of_the_folder_is_skipped(
        self, collector: SafeCollector, extracted: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        collector.named_regexp = r".*/extracted/(?P<student_id>.*)_(?P<file_id>\w+)"
        assert collector.collect(f"{extracted}/../x_a.ipynb") is None
        assert "`../x` is no student id" in caplog.text

    def test_optional_student_id_that_is_not_there_is_skipped(
        self, collector: SafeCollector, extracted: Path
    ) -> None:
        collector.named_regexp = r".*/extracted/(?P<student_id>\w+_)?(?P<file_id>\w+)"
        assert collector.collect(f"{extracted}/a.ipynb") is None

    def test_nobody_hands_in_for_another(
        self,
        collector: SafeCollector,
        archive: Path,
        extracted: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        (archive / "group_at_1").mkdir()
        inside = f"{extracted}/group_at_1/ada_at_2026-03-31"
        found = collector.collect(f"{inside}/double.ipynb")
        assert found == {"student_id": "ada", "timestamp": "2026-03-31", "file_id": "double"}
        assert collector.collect(f"{inside}/bob_at_2026-03-31_double.ipynb") is None
        assert "is a name inside an archive" in caplog.text

    def test_the_same_notebook_twice_needs_timestamps(
        self, collector: SafeCollector, extracted: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        for time, collected in [("2026-03-31", True), ("2026-04-01", True), ("", False)]:
            found = collector.collect(f"{extracted}/ada_at_{time}_double.ipynb")
            assert (found is not None) == collected
        assert "there is another one" in caplog.text


SHIPPED = [
    # What the configuration shows: an archive and a notebook, with a time and without.
    (f"ada_2026-03-31-18-45/{NAME}.ipynb", "ada", "2026-03-31 18:45:00"),
    (f"ada_2026-03-31-18-45/my work/{NAME}.ipynb", "ada", "2026-03-31 18:45:00"),
    (f"yan_2026-01-01-10-30-15_{NAME}.ipynb", "yan", "2026-01-01 10:30:15"),
    (f"zoe/{NAME}.ipynb", None, None),
    (f"zoe_homework/{NAME}.ipynb", "zoe", None),
    (f"zoe_{NAME}/{NAME}.ipynb", "zoe", None),
    (f"yan_{NAME}.ipynb", "yan", None),
    # As Canvas names a notebook, and one that is late.
    (f"lovelaceada_12345_67890_{NAME}.ipynb", "lovelaceada", None),
    (f"lovelaceada_LATE_12345_67890_{NAME}.ipynb", "lovelaceada", None),
    # As Moodle names a notebook, without and with folders.
    (f"Ada Lovelace_12345_assignsubmission_file_{NAME}.ipynb", "Ada Lovelace", None),
    (f"Ada Lovelace_12345_assignsubmission_file_/{NAME}.ipynb", "Ada Lovelace", None),
]


@pytest.fixture
def shipped(made: Path, tmp_path: Path, extracted: Path, archive: Path) -> SafeCollector:
    config = read_course(made).config
    return SafeCollector(log=LOG, parent=App(root=str(tmp_path)), config=config)


class TestShippedPattern:
    @pytest.mark.parametrize(("file", "student", "time"), SHIPPED)
    def test_archives_and_notebooks_are_collected_with_their_time(
        self, shipped: SafeCollector, extracted: Path, file: str, student: str, time: str | None
    ) -> None:
        found = shipped.collect(f"{extracted}/{file}")
        if student is None:
            assert found is None
            return
        expected = {"student_id": student, "timestamp": time, "file_id": f"{NAME}.ipynb"}
        assert found == expected

    def test_a_wrong_name_is_kept_for_its_author_to_hear_of(
        self, shipped: SafeCollector, extracted: Path
    ) -> None:
        found = shipped.collect(f"{extracted}/ada_2026-03-31-18-45_Untitled.ipynb")
        assert found is not None
        assert found["file_id"] == "Untitled.ipynb"

    def test_a_time_within_an_archive_does_not_count(
        self, shipped: SafeCollector, extracted: Path
    ) -> None:
        inside = f"{extracted}/ada_late/extracted/ada_2020-01-01-00-00/{NAME}.ipynb"
        assert shipped.collect(inside) is None
        found = shipped.collect(f"{extracted}/ada_late/ada_2020-01-01-00-00/{NAME}.ipynb")
        assert found == {"student_id": "ada", "timestamp": None, "file_id": f"{NAME}.ipynb"}

    @given(st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1)), st.booleans())
    def test_time_is_the_one_in_the_name(self, moment: datetime, seconds: bool) -> None:
        moment = moment.replace(microsecond=0, second=moment.second if seconds else 0)
        text = moment.strftime("%Y-%m-%d-%H-%M-%S" if seconds else "%Y-%m-%d-%H-%M")
        regexp = r"/c/extracted/(?P<student_id>ada)_(?P<timestamp>[^_]*)_(?P<file_id>.*)"
        collector = SafeCollector(log=LOG, parent=App(root="/c"), named_regexp=regexp)
        found = collector.collect(f"/c/extracted/ada_{text}_{NAME}.ipynb")
        assert found is not None
        assert parse_utc(found["timestamp"]) == moment

"""Pages find their way back to learners whose work came in an archive."""

import zipfile
from pathlib import Path

import pytest
from nbgrader.exchange import ExchangeError, ExchangeFactory

from mnist_course.errors import CourseError
from mnist_course.grading.course.settings import Course, read_course
from mnist_course.grading.gradebook.give_back import ReleaseFeedback, pack_feedback

NAME = "01_double"
STUDENTS = ["ada", "síle", "zed"]


@pytest.fixture
def settings(made: Path, tmp_path: Path) -> Course:
    """A course with pages for three students, two of whom handed in through Moodle."""
    (tmp_path / "nbgrader_config.py").write_bytes((made / "nbgrader_config.py").read_bytes())
    for student in STUDENTS:
        folder = tmp_path / "feedback" / student / NAME
        folder.mkdir(parents=True)
        (folder / f"{NAME}.html").write_text(student, encoding="utf-8")
    return read_course(tmp_path)


def came_from_moodle(settings: Course) -> None:
    folder = settings.root / "downloaded" / NAME
    folder.mkdir(parents=True)
    (folder / "moodle.csv").write_text(
        "id,prefix\n"
        "ada,Ada Lovelace_101_assignsubmission_file/\n"
        "síle,Síle ONeil_102_assignsubmission_file_\n",
        encoding="utf-8",
    )


def contents(file: Path) -> dict[str, str]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_moodle_gets_each_page_under_the_name_it_gave_the_work(settings: Course) -> None:
    came_from_moodle(settings)
    packed = pack_feedback(settings, NAME, "moodle")
    assert (packed.pages, packed.left_out) == (2, ["zed"])
    assert packed.file == settings.feedback / f"{NAME}-moodle.zip"
    assert contents(packed.file) == {
        f"Ada Lovelace_101_assignsubmission_file/{NAME}.html": "ada",
        f"Síle ONeil_102_assignsubmission_file_{NAME}.html": "síle",
    }


def test_moodle_reads_whose_page_it_is(settings: Course) -> None:
    came_from_moodle(settings)
    for name in contents(pack_feedback(settings, NAME, "moodle").file):
        # As mod/assign/feedback/file/importziplib.php takes names apart.
        person, number, subtype, plugin, *_ = name.split("/")[0].split("_", 4)
        assert person in ("Ada Lovelace", "Síle ONeil")
        assert number in ("101", "102")
        assert (subtype, plugin) == ("assignsubmission", "file")


def test_others_get_a_folder_each(settings: Course) -> None:
    packed = pack_feedback(settings, NAME, "folders")
    assert (packed.pages, packed.left_out) == (3, [])
    assert contents(packed.file) == {f"{student}/{NAME}.html": student for student in STUDENTS}


def test_mistakes_get_one_sentence(settings: Course) -> None:
    with pytest.raises(CourseError, match="no layout 'canvas': choose one of moodle, folders"):
        pack_feedback(settings, NAME, "canvas")
    with pytest.raises(CourseError, match="No graded work on 01_double came from Moodle"):
        pack_feedback(settings, NAME, "moodle")
    with pytest.raises(CourseError, match="has no pages on 02_other: run 'mnist-course feedback"):
        pack_feedback(settings, "02_other", "folders")


class TestReleaseFeedback:
    @pytest.fixture
    def release(self, settings: Course, tmp_path: Path) -> ReleaseFeedback:
        config = settings.config.copy()
        (tmp_path / "exchange").mkdir()
        (tmp_path / "exchange").chmod(0o777)
        config.Exchange.root = str(tmp_path / "exchange")
        settings.coursedir.assignment_id = NAME
        factory = ExchangeFactory(config=config)
        release = factory.ReleaseFeedback(
            coursedir=settings.coursedir, authenticator=None, config=config
        )
        assert isinstance(release, ReleaseFeedback)
        return release

    def test_pages_of_the_exchange_are_released_and_the_others_named(
        self,
        release: ReleaseFeedback,
        settings: Course,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        folder = settings.feedback / "ada" / NAME
        (folder / "timestamp.txt").write_text("2026-03-31 18:00:00 UTC")
        (folder / "submission_secret.txt").write_text("abc123")
        release.start()
        (page,) = (tmp_path / "exchange").rglob("*.html")
        assert page.read_text() == "ada"
        assert f"2 pages of feedback on {NAME} not released" in caplog.text
        assert f"(síle, zed): give it back with 'mnist-course feedback {NAME} --archive" in (
            caplog.text
        )

    def test_without_any_of_the_exchange_it_fails_with_the_sentence(
        self, release: ReleaseFeedback, tmp_path: Path
    ) -> None:
        with pytest.raises(ExchangeError, match="3 pages of feedback on 01_double not released"):
            release.start()
        assert not list((tmp_path / "exchange").rglob("*.html"))

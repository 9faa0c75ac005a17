"""What has been graded is remembered, whatever happens to a file; and two runs do not meet."""

import subprocess
import sys
from pathlib import Path

import pytest

from mnist_course.errors import CourseError
from mnist_course.grading.batch.journal import Journal, only_run
from mnist_course.grading.judging.results import CellScore, Result

RESULT = Result("timeout", "Too long.", 1.5, {"check_a": CellScore(1, 2, ["Zü kurz"])}, "{}")


def test_keeps_the_latest_result_of_a_student(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "new" / "journal")
    assert journal.get("ada", "1") is None
    journal.add("ada", "1", RESULT)
    assert journal.get("ada", "1") == RESULT
    assert journal.get("ada", "2") is None
    assert journal.get("bob", "1") is None
    journal.add("ada", "2", RESULT)
    assert Journal(journal.folder).get("ada", "2") == RESULT
    assert journal.get("ada", "1") is None


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"key": "1"}', b'{"key": "1", "result": {}}']
)
def test_a_damaged_file_counts_as_none(tmp_path: Path, damage: bytes) -> None:
    journal = Journal(tmp_path)
    journal.add("ada", "1", RESULT)
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage)
    assert journal.get("ada", "1") is None


def test_a_second_run_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    lock = tmp_path / "folder" / "lock"
    code = f"""
from pathlib import Path
from mnist_course.grading.batch.journal import only_run
with only_run(Path({str(lock)!r})):
    print("locked", flush=True)
    input()
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"locked\n"
        with pytest.raises(CourseError, match="another run is grading"), only_run(lock):
            pass
        other.kill()
    with only_run(lock):
        pass

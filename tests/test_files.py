import os
import sys
from pathlib import Path

import pytest

from mnist_course._files import atomic, atomic_folder


def test_file_appears_whole_under_its_name(tmp_path: Path) -> None:
    with atomic(tmp_path / "new" / "file.txt") as temporary:
        temporary.write_text("half")
        assert not (tmp_path / "new" / "file.txt").exists()
        temporary.write_text("whole")
    assert (tmp_path / "new" / "file.txt").read_text() == "whole"
    assert len(list((tmp_path / "new").iterdir())) == 1


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, error: type[BaseException]
) -> None:
    (tmp_path / "file.txt").write_text("old")
    with pytest.raises(error), atomic(tmp_path / "file.txt") as temporary:
        temporary.write_text("half")
        raise error
    assert (tmp_path / "file.txt").read_text() == "old"
    assert len(list(tmp_path.iterdir())) == 1


def test_folder_keeps_other_files_and_replaces_its_own(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")
    (tmp_path / "out" / "other").write_text("other")
    with atomic_folder(tmp_path / "out") as temporary:
        (temporary / "old").write_text("new")
        (temporary / "more").write_text("more")
    found = {path.name: path.read_text() for path in (tmp_path / "out").iterdir()}
    assert found == {"old": "new", "other": "other", "more": "more"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_folder_is_left_alone_when_interrupted(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), atomic_folder(tmp_path / "out") as temporary:
        (temporary / "half").touch()
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="needs pipes with a name")
def test_a_pipe_or_a_device_is_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with atomic(pipe) as target:
        assert target == pipe
    assert pipe.is_fifo()

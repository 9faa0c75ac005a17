import gzip
import io
import logging
import os
import re
import shutil
import stat
import struct
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbgrader.plugins import ExtractorPlugin

from mnist_course.grading.submissions.archives import LimitedExtractor

NAME = "01_double"
LOG = logging.getLogger("test")  # traitlets keeps its own from the root logger once an app ran
NOTEBOOK = b'{"cells": []}'


def zipped(
    *members: tuple[str | zipfile.ZipInfo, bytes], compression: int = zipfile.ZIP_DEFLATED
) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members:
            archive.writestr(name, content, compression)
    return file.getvalue()


def tarred(*members: tuple[str | tarfile.TarInfo, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def tar_special(kind: bytes, target: str = "/etc/passwd") -> bytes:
    info = tarfile.TarInfo("a.ipynb")
    info.type, info.linkname = kind, target
    return tarred((info, b""))


def tar_header(kind: bytes, size: int, body: bytes = b"", name: str = "header") -> bytes:
    """Return a part of a tar archive whose header may lie about its size."""
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    return info.tobuf(tarfile.GNU_FORMAT) + body + b"\0" * (-len(body) % 512)


def tar_of(*parts: bytes) -> bytes:
    return gzip.compress(b"".join(parts) + b"\0" * 1_024)


def zip_special(mode: int) -> bytes:
    info = zipfile.ZipInfo("a.ipynb")
    info.external_attr = mode << 16
    return zipped((info, b"/etc/passwd"))


def encrypted() -> bytes:
    data = bytearray(zipped(("a.ipynb", NOTEBOOK)))
    data[data.index(b"PK\x03\x04") + 6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    return bytes(data)


def lying_zip() -> bytes:
    """Return an archive that claims to unpack to 10 bytes."""
    data = bytearray(zipped(("a.ipynb", b"\0" * 10_000_000)))
    size = struct.pack("<L", 10_000_000)
    return bytes(data).replace(size, struct.pack("<L", 10))


@pytest.fixture
def extractor() -> LimitedExtractor:
    return LimitedExtractor(
        log=LOG,
        largest_archive=1_000_000,
        largest_unpacked=2_000_000,
        largest_member=200_000,
        most_members=20,
    )


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


HOSTILE = {
    "zip_bomb": ("a.zip", zipped(("a.ipynb", b"\0" * 10_000_000)), "unpacks to more than"),
    "zip_bomb_of_many": (
        "a.zip",
        zipped(*((f"{n}.ipynb", b"\0" * 150_000) for n in range(15))),
        "unpacks to more than",
    ),
    "zip_with_wrong_sizes": ("a.zip", lying_zip(), "cannot be unpacked"),
    "zip_of_many": ("a.zip", zipped(*((f"{n}", b"") for n in range(21))), "more than 20 files"),
    "zip_with_bzip2": (
        "a.zip",
        zipped(("a.ipynb", NOTEBOOK), compression=zipfile.ZIP_BZIP2),
        "compressed in an unusual way",
    ),
    "zip_up": ("a.zip", zipped(("../../a.ipynb", NOTEBOOK)), "leads out of the archive"),
    "zip_up_windows": ("a.zip", zipped(("a\\..\\..\\a.ipynb", NOTEBOOK)), "leads out of"),
    "zip_absolute": ("a.zip", zipped(("/tmp/a.ipynb", NOTEBOOK)), "leads out of the archive"),
    "zip_drive": ("a.zip", zipped(("C:\\a.ipynb", NOTEBOOK)), "leads out of the archive"),
    "zip_newline": ("a.zip", zipped(("a\nb.ipynb", NOTEBOOK)), r"`a\\nb.ipynb` has control"),
    "zip_escape": ("a.zip", zipped(("\x1b[2J.ipynb", NOTEBOOK)), r"`\\x1b\[2J.ipynb` has control"),
    "zip_link": ("a.zip", zip_special(stat.S_IFLNK | 0o777), "is a link, a device or a sparse"),
    "zip_pipe": ("a.zip", zip_special(stat.S_IFIFO | 0o777), "is a link, a device or a sparse"),
    "zip_encrypted": ("a.zip", encrypted(), "expected an archive without a password"),
    "zip_twice": ("a.zip", zipped(("A", b"1"), ("./A", b"2")), "`./A` twice"),
    "zip_file_and_folder": ("a.zip", zipped(("A", b"1"), ("A/b", b"2")), "cannot be unpacked"),
    "zip_damaged": (
        "a.zip",
        zipped(("a.ipynb", NOTEBOOK), compression=zipfile.ZIP_STORED).replace(NOTEBOOK, b"?" * 13),
        "cannot be unpacked",
    ),
    "zip_cut_off": ("a.zip", zipped(("a.ipynb", NOTEBOOK))[:-9], "cannot be unpacked"),
    "zip_long_name": ("a.zip", zipped(("a" * 300, NOTEBOOK)), "cannot be unpacked"),
    "zip_too_large": ("a.zip", os.urandom(1_000_001), "has 1,000,001 bytes"),
    "no_archive": ("a.zip", b"hello", "cannot be unpacked"),
    "empty": ("a.zip", b"", "cannot be unpacked"),
    "tar_bomb": ("a.tar.gz", tarred(("a.ipynb", b"\0" * 10_000_000)), "unpacks to more than"),
    "tar_large_member": ("a.tar.gz", tarred(("a", b"\0" * 250_000)), "more than the 200,000"),
    "tar_of_many": ("a.tar.gz", tarred(*((f"{n}", b"") for n in range(21))), "more than 20"),
    "tar_up": ("a.tar.gz", tarred(("../a.ipynb", NOTEBOOK)), "leads out of the archive"),
    "tar_absolute": ("a.tar.gz", tarred(("/a.ipynb", NOTEBOOK)), "leads out of the archive"),
    "tar_link": ("a.tar.gz", tar_special(tarfile.SYMTYPE), "is a link, a device"),
    "tar_hard_link": ("a.tar.gz", tar_special(tarfile.LNKTYPE), "is a link, a device"),
    "tar_device": ("a.tar.gz", tar_special(tarfile.CHRTYPE), "is a link, a device"),
    "tar_pipe": ("a.tar.gz", tar_special(tarfile.FIFOTYPE), "is a link, a device"),
    "tar_sparse": (
        "a.tar.gz",
        tar_of(tar_header(tarfile.GNUTYPE_SPARSE, 0)),
        "is a link, a device",
    ),
    "tar_sparse_by_its_header": (
        "a.tar.gz",
        tar_of(
            tar_header(tarfile.XHDTYPE, 22, b"22 GNU.sparse.map=0,1\n"),
            tar_header(tarfile.REGTYPE, 1, b"a"),
        ),
        "is a link, a device or a sparse",
    ),
    "tar_bomb_after_its_end": (
        "a.tar.gz",
        tar_of(tar_header(tarfile.REGTYPE, 1, b"a"), bytes(10_000_000)),
        "unpacks to more than",
    ),
    "tar_not_utf8": ("a.tar.gz", tarred(("\udcff.ipynb", NOTEBOOK)), "has control characters"),
    "tar_twice": ("a.tar.gz", tarred(("a", b"1"), ("a", b"2")), "`a` twice"),
    "tar_cut_off": ("a.tar.gz", tarred(("a", os.urandom(999)))[:-99], "cannot be unpacked"),
    "tar_damaged_second": (
        "a.tar.gz",
        gzip.compress(gzip.decompress(tarred(("a", b"1"), ("b", b"2"))).replace(b"b\0", b"c\0")),
        "damaged after its first members",
    ),
    "tar_long_header": (
        "a.tar.gz",
        tar_of(tar_header(tarfile.XHDTYPE, 100_000, b"1" * 100_000), tar_header(b"0", 0)),
        "the header `header` is far too large",
    ),
    "tar_long_headers": (
        "a.tar.gz",
        tar_of(
            *(
                tar_header(tarfile.XGLTYPE, 4_096, b"\0" * 4_096) * 14
                + tar_header(tarfile.REGTYPE, 0, name=f"{number}")
                for number in range(19)
            )
        ),
        "the header `header` is far too large",
    ),
    "tar_many_common_fields": (
        "a.tar.gz",
        tar_of(
            tar_header(
                tarfile.XGLTYPE, 1_110, b"".join(b"10 %04d=a\n" % number for number in range(111))
            ),
            tar_header(tarfile.REGTYPE, 0),
        ),
        "the header `header` is far too large",
    ),
    "tar_negative_header": (
        "a.tar.gz",
        tar_of(tar_header(tarfile.GNUTYPE_LONGNAME, -512)),
        "the header `header` is far too large",
    ),
    "tar_negative_file": (
        "a.tar.gz",
        tar_of(tar_header(tarfile.REGTYPE, -512)),
        "the header `header` is far too large",
    ),
    # Each next member is the same again.
    "tar_without_end": (
        "a.tar.gz",
        tar_of(
            tar_header(tarfile.XHDTYPE, 14, b"14 size=-1024\n"),
            tar_header(tarfile.DIRTYPE, 0),
            tar_header(tarfile.XHDTYPE, 14, b"14 size=-1024\n"),
            tar_header(tarfile.REGTYPE, 0),
        ),
        "Refused",
    ),
    "tar_of_headers": (
        "a.tar.gz",
        tar_of(tar_header(tarfile.XHDTYPE, 0) * 999),
        "cannot be unpacked",
    ),
    "gzip_of_a_notebook": ("a.ipynb.gz", gzip.compress(NOTEBOOK), "cannot be unpacked"),
}


class TestLimitedExtractor:
    @pytest.mark.parametrize("case", HOSTILE)
    def test_hostile_archive_is_refused_whole_and_others_go_on(
        self,
        case: str,
        extractor: LimitedExtractor,
        archive: Path,
        extracted: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        name, data, words = HOSTILE[case]
        (archive / name).write_bytes(data)
        (archive / "0.zip").write_bytes(zipped(("a.ipynb", NOTEBOOK)))
        (archive / "z.tar.gz").write_bytes(tarred(("a.ipynb", NOTEBOOK)))
        extractor.extract(str(archive), str(extracted))
        assert files(extracted) == {"0/a.ipynb": NOTEBOOK, "z/a.ipynb": NOTEBOOK}
        assert sorted(path.name for path in extracted.iterdir()) == ["0", "z"]
        assert sorted(path.name for path in extracted.parent.iterdir()) == ["archive", "extracted"]
        (refused,) = [record.getMessage() for record in caplog.records]
        assert refused.startswith(f"Refused '{archive / name}': ")
        assert re.search(words, refused)
        assert "\n" not in refused

    def test_honest_archives_are_unpacked_as_nbgrader_does(
        self, archive: Path, tmp_path: Path
    ) -> None:
        members = [
            ("a.ipynb", NOTEBOOK),
            ("Übung 1 'ß' \"é\" [*?]/b c.ipynb", b"b"),
            ("./d/e.csv", b"1,2\n" * 9_999),
        ]
        (archive / "group").mkdir()
        (archive / "ada.v2.zip").write_bytes(zipped(*members))
        (archive / "group" / "bob.tar.gz").write_bytes(tarred(*members))
        (archive / "eve.gz").write_bytes(tarred(*members))
        (archive / "plain.ipynb").write_bytes(NOTEBOOK)
        for plugin in (ExtractorPlugin, LimitedExtractor):
            (tmp_path / plugin.__name__).mkdir()
            plugin().extract(str(archive), str(tmp_path / plugin.__name__))
        expected = files(tmp_path / "ExtractorPlugin")
        assert len(expected) == 10
        assert files(tmp_path / "LimitedExtractor") == expected

    def test_nested_archives_and_litter_are_left(
        self, extractor: LimitedExtractor, archive: Path, extracted: Path
    ) -> None:
        inner = zipped(("x.ipynb", NOTEBOOK))
        litter = [("__MACOSX/._a.ipynb", b""), ("a/._a.ipynb", b""), (".ipynb_checkpoints/a", b"")]
        (archive / "a.zip").write_bytes(zipped(("b.zip", inner), ("c/", b""), *litter))
        (archive / "b.tar.gz").write_bytes(tarred(("b.zip", inner)))
        extractor.extract(str(archive), str(extracted))
        assert files(extracted) == {"a/b.zip": inner, "b/b.zip": inner}

    def test_backslashes_of_windows_are_folders(
        self, extractor: LimitedExtractor, archive: Path, extracted: Path
    ) -> None:
        (archive / "a.zip").write_bytes(zipped(("b\\c.ipynb", NOTEBOOK)))
        extractor.extract(str(archive), str(extracted))
        assert files(extracted) == {"a/b/c.ipynb": NOTEBOOK}

    def test_permissions_of_an_archive_are_not_used(
        self, extractor: LimitedExtractor, archive: Path, extracted: Path
    ) -> None:
        (archive / "a.zip").write_bytes(zip_special(stat.S_IFREG | 0o6777))
        info = tarfile.TarInfo("a.ipynb")
        info.mode = 0o6777
        (archive / "b.tar.gz").write_bytes(tarred((info, b"")))
        extractor.extract(str(archive), str(extracted))
        for name in ("a", "b"):
            assert (extracted / name / "a.ipynb").stat().st_mode & 0o6111 == 0

    def test_links_among_the_downloads_are_refused(
        self,
        extractor: LimitedExtractor,
        archive: Path,
        extracted: Path,
        tmp_path: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        (tmp_path / "solution.ipynb").write_bytes(NOTEBOOK)
        (archive / "a.ipynb").symlink_to(tmp_path / "solution.ipynb")
        extractor.extract(str(archive), str(extracted))
        assert list(extracted.iterdir()) == []
        assert "is a link" in caplog.text

    def test_two_archives_of_one_name_do_not_mix(
        self,
        extractor: LimitedExtractor,
        archive: Path,
        extracted: Path,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        (archive / "a.tar.gz").write_bytes(tarred(("a", b"")))
        (archive / "a.zip").write_bytes(zipped(("b", b"")))
        extractor.extract(str(archive), str(extracted))
        assert files(extracted) == {"a/a": b""}
        assert "has been put into 'a' already" in caplog.text

    @given(data=st.data(), kind=st.sampled_from(["zip", "tar.gz", "plain"]))
    def test_damage_never_stops_the_others(
        self, data: st.DataObject, kind: str, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        folder = tmp_path_factory.mktemp("damage")
        (folder / "archive").mkdir()
        (folder / "extracted").mkdir()
        members = [("a/b.ipynb", NOTEBOOK), ("c" * 120, b"c" * 999), ("d", b"")]
        damaged = bytearray(zipped(*members) if kind == "zip" else tarred(*members))
        if kind == "plain":
            damaged = bytearray(gzip.decompress(damaged))
        for _ in range(data.draw(st.integers(1, 3))):
            start = data.draw(st.integers(0, len(damaged)))
            end = start + data.draw(st.integers(0, 9))
            damaged[start:end] = data.draw(st.binary(max_size=9))
        content = gzip.compress(damaged) if kind == "plain" else bytes(damaged)
        (folder / "archive" / "a.zip").write_bytes(content)
        (folder / "archive" / "b.zip").write_bytes(zipped(("b.ipynb", NOTEBOOK)))
        LimitedExtractor().extract(str(folder / "archive"), str(folder / "extracted"))
        assert (folder / "extracted" / "b" / "b.ipynb").read_bytes() == NOTEBOOK
        assert {path.name for path in folder.iterdir()} == {"archive", "extracted"}
        assert {path.name for path in (folder / "extracted").iterdir()} <= {"a", "b"}
        shutil.rmtree(folder)


CONFIG = """
c.ZipCollectApp.extractor_plugin = "mnist_course.grading.nbgrader.LimitedExtractor"
c.ZipCollectApp.collector_plugin = "mnist_course.grading.nbgrader.SafeCollector"
c.LimitedExtractor.largest_unpacked = 300_000
c.FileNameCollectorPlugin.named_regexp = (
    r".*/extracted/(?P<student_id>[^/]+?)_at_(?P<timestamp>[0-9-]+)(?:/.*)?/(?P<file_id>.+)"
)
"""


@pytest.mark.slow
def test_zip_collect_takes_the_good_and_names_the_rest(course: Path) -> None:
    with (course / "nbgrader_config.py").open("a") as config:
        config.write(CONFIG)
    downloads = course / "downloaded" / NAME / "archive"
    downloads.mkdir(parents=True)
    notebook = (course / "exercises" / NAME / f"{NAME}.ipynb").read_bytes()
    good = (f"a folder/{NAME}.ipynb", notebook)
    (downloads / "ada_at_2026-03-30.zip").write_bytes(zipped(good, ("data.csv", b"1")))
    (downloads / "zoe_at_2026-03-31.tar.gz").write_bytes(tarred(good))
    (downloads / "eve_at_2026-03-31.zip").write_bytes(zipped(good, ("bomb", b"\0" * 10**7)))
    (downloads / "mal_at_2026-03-31.tar.gz").write_bytes(tar_special(tarfile.SYMTYPE))
    theft = (f"ada_at_2030-01-01/{NAME}.ipynb", b"stolen")
    (downloads / "oto_at_2026-03-31.zip").write_bytes(zipped(theft))
    (downloads / ".._at_2026-03-31.zip").write_bytes(zipped(good))
    (downloads / "tom_at_2026-99-99.zip").write_bytes(zipped(good))
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", "zip_collect", NAME],
        cwd=course,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert files(course / "submitted") == {
        f"ada/{NAME}/{NAME}.ipynb": notebook,
        f"ada/{NAME}/timestamp.txt": b"2026-03-30 00:00:00",
        f"oto/{NAME}/{NAME}.ipynb": b"stolen",
        f"oto/{NAME}/timestamp.txt": b"2026-03-31 00:00:00",
        f"zoe/{NAME}/{NAME}.ipynb": notebook,
        f"zoe/{NAME}/timestamp.txt": b"2026-03-31 00:00:00",
    }
    for words in (
        "eve_at_2026-03-31.zip': it unpacks to more than",
        "mal_at_2026-03-31.tar.gz': `a.ipynb` is a link",
        "`..` is no student id",
        "`2026-99-99` is no timestamp",
    ):
        assert words in done.stderr

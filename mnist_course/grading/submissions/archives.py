"""Unpack archives of untrusted users within limits, as a plug-in of ``nbgrader zip_collect``.

In ``nbgrader_config.py``::

    c.ZipCollectApp.extractor_plugin = "mnist_course.grading.nbgrader.LimitedExtractor"
"""

import gzip
import io
import os
import re
import stat
import sys
import tarfile
import unicodedata
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from nbgrader.plugins import ExtractorPlugin
from traitlets import Int

from mnist_course._files import atomic, atomic_folder
from mnist_course._untrusted import quote

from .read import IGNORED_FILES, RejectedError, read_regular

CHUNK = 2**16  # bytes
# Of the headers in tar that describe the members after them. On each, Python before 3.11.10 may
# spend time that grows with the square of its length.
LONGEST_HEADER = 4_096  # bytes
LONGEST_HEADERS = 1_000_000  # bytes of all of them
MOST_COMMON = 100  # fields that are for all members, of which each gets a copy
UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}  # categories of Unicode

# Of the archive of a class, which no learner made; each file in it is as limited as elsewhere.
LARGEST_CLASS = 2_000_000_000  # bytes, and the same again unpacked
MOST_IN_CLASS = 100_000  # files and folders

# A member's name and what it holds; None for a folder.
Member = tuple[str, IO[bytes] | None]


class LimitedExtractor(ExtractorPlugin):  # type: ignore[misc]
    """Unpack zip and tar.gz archives as nbgrader does, but refuse those that may do harm.

    An archive is refused as a whole, with a sentence in the log, and the others go on. Archives
    within archives stay as they are. Permissions, owners and times in archives are not used.
    """

    largest_archive = Int(25_000_000, help="Bytes that an archive or a file may have.").tag(
        config=True
    )
    largest_unpacked = Int(100_000_000, help="Bytes that an archive may unpack to.").tag(
        config=True
    )
    largest_member = Int(25_000_000, help="Bytes that each of its files may have.").tag(config=True)
    most_members = Int(1_000, help="Files and folders that an archive may have.").tag(config=True)

    def extract(self, archive_path: str, extracted_path: str) -> None:
        """Unpack each archive into a folder of its name, and copy each other file.

        Parameters
        ----------
        archive_path, extracted_path : str
            The folders to read from and to write to.
        """
        files = sorted(
            Path(root, file) for root, _, names in os.walk(archive_path) for file in names
        )
        if not files:
            self.log.warning("No files found in directory: %s", archive_path)
        for file in files:
            target = Path(extracted_path) / file.relative_to(archive_path)
            try:
                with _readable():
                    self._extract(file, target)
            except RejectedError as error:
                self.log.error("Refused %a: %s", str(file), error)

    def unpack(self, archive: Path, folder: Path) -> None:
        """Unpack the archive of a learner, or refuse it as a whole.

        Parameters
        ----------
        archive : pathlib.Path
            A zip or tar.gz archive.
        folder : pathlib.Path
            An empty folder to unpack into.

        Raises
        ------
        RejectedError
            If it may do harm, or cannot be unpacked.
        """
        data = read_regular(archive.parent, archive.name, self.largest_archive)
        with _readable():
            self._unpack(data, folder)

    def unpack_class(self, archive: Path, folder: Path) -> Iterator[tuple[str, Path | str]]:
        """Unpack the archive of a class, and leave out what may do harm.

        Parameters
        ----------
        archive : pathlib.Path
            A zip or tar.gz archive as a learning platform made it.
        folder : pathlib.Path
            An empty folder to unpack into, whatever names and folders the archive has.

        Yields
        ------
        name : str
            The name of a file in the archive.
        content : pathlib.Path or str
            Where it is now, or a sentence that says why it was left out.

        Raises
        ------
        RejectedError
            If the archive itself cannot be unpacked.
        """
        data = read_regular(archive.parent, archive.name, LARGEST_CLASS)
        left = LARGEST_CLASS
        with _readable():
            members = self._members(data, LARGEST_CLASS, MOST_IN_CLASS)
            for number, (name, content) in enumerate(members):
                if number >= MOST_IN_CLASS:
                    raise _too_many(MOST_IN_CLASS)
                if content is None:
                    continue
                path = folder / f"{number}"
                try:
                    parts = split_name(name)
                    if not parts or IGNORED_FILES.intersection(parts) or parts[-1][:2] == "._":
                        continue
                    left -= _copy(content, path, min(self.largest_member, left))
                except RejectedError as error:
                    path.unlink(missing_ok=True)
                    yield name, str(error)
                else:
                    yield "/".join(parts), path

    def _extract(self, file: Path, target: Path) -> None:
        data = read_regular(file.parent, file.name, self.largest_archive)
        if file.suffix in self.zip_ext:
            target = target.with_suffix("")
            if target.suffix == ".tar":
                target = target.with_suffix("")
        if os.path.lexists(target):
            raise RejectedError(
                f"another one has been put into {target.name!a} already; expected different names: "
                "rename one of them and run this again."
            )
        if file.suffix not in self.zip_ext:
            with atomic(target) as temporary:
                temporary.write_bytes(data)
            self.log.info("Copied %a to %a", str(file), str(target))
            return
        with atomic_folder(target) as folder:
            self._unpack(data, folder)
        self.log.info("Extracted %a to %a", str(file), str(target))

    def _unpack(self, data: bytes, folder: Path) -> None:
        total = 0
        members = self._members(data, self.largest_unpacked, self.most_members)
        for number, (name, content) in enumerate(members, start=1):
            if number > self.most_members:
                raise _too_many(self.most_members)
            parts = split_name(name)
            if not parts or IGNORED_FILES.intersection(parts) or parts[-1].startswith("._"):
                continue
            path = folder.joinpath(*parts)
            if content is None:
                path.mkdir(parents=True, exist_ok=True)
                continue
            if path.exists():
                raise RejectedError(
                    f"it has {quote(name)} twice; expected each file once: ask for it to be packed "
                    "and handed in again."
                )
            path.parent.mkdir(parents=True, exist_ok=True)
            largest = min(self.largest_member, self.largest_unpacked - total)
            total += _copy(content, path, largest)

    def _members(self, data: bytes, largest: int, most: int) -> Iterator[Member]:
        if data.startswith(b"\x1f\x8b"):
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(largest + 1)
            if len(data) > largest:
                raise _too_large(largest)
        elif zipfile.is_zipfile(io.BytesIO(data)):
            # Counted before zipfile makes an object of each.
            if data.count(b"PK\x01\x02") > most:
                raise _too_many(most)
            return _zip_members(io.BytesIO(data))
        return _tar_members(data)


@contextmanager
def _readable() -> Iterator[None]:
    """Say in one sentence that an archive is damaged."""
    try:
        yield
    except RejectedError:
        raise
    # zipfile, tarfile and zlib raise a dozen kinds of errors for what is damaged.
    except Exception as error:
        raise RejectedError(
            f"it cannot be unpacked ({type(error).__name__}: {quote(str(error))}); expected "
            "a zip or tar.gz archive that opens elsewhere: ask for it to be packed and handed in "
            "again."
        ) from None


def split_name(name: str) -> list[str]:
    """Split the name of a member into those of its folders and its own, if all are harmless."""
    # Some programs on Windows pack with backslashes.
    parts = name.replace("\\", "/").split("/")
    if parts[0] == "" or re.match("[A-Za-z]:", name) or ".." in parts:
        raise RejectedError(
            f"{quote(name)} leads out of the archive; expected names of files within it: ask "
            "for it to be packed and handed in again."
        )
    if any(unicodedata.category(character) in UNPRINTABLE for character in name):
        raise RejectedError(
            f"the name {quote(name)} has control characters; expected letters: ask for the file to "
            "be renamed, packed and handed in again."
        )
    return [part for part in parts if part not in ("", ".")]


class _TarInfo(tarfile.TarInfo):
    """A member of a tar archive, whose header may lie about how long it is."""

    def _proc_member(self, archive: "_TarFile") -> tarfile.TarInfo:
        # tarfile calls this with each header, before it reads into memory what that announces.
        limit = sys.maxsize
        if self.type in (tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE, tarfile.XGLTYPE):
            archive.headers += self.size
            limit = LONGEST_HEADER
        elif self.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE):
            raise _not_regular(self.name)
        if (
            not 0 <= self.size <= limit
            or archive.headers > LONGEST_HEADERS
            or len(archive.pax_headers) > MOST_COMMON
        ):
            raise RejectedError(
                f"the header {quote(self.name)} is far too large; expected an archive as tar makes "
                "it: ask for it to be packed and handed in again."
            )
        processed: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        return processed


class _TarFile(tarfile.TarFile):
    """An archive that counts the bytes of the headers before its members' own."""

    tarinfo = _TarInfo
    headers = 0


def _zip_members(file: IO[bytes]) -> Iterator[Member]:
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            name = _name_in_zip(info)
            if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise _not_regular(name)
            if info.flag_bits & 1:
                raise RejectedError(
                    f"{quote(name)} is encrypted; expected an archive without a password: ask for "
                    "it to be packed and handed in again."
                )
            # Of the others, a few bytes may unpack to gigabytes before they can be counted.
            if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise RejectedError(
                    f"{quote(name)} is compressed in an unusual way; expected an archive as a "
                    "desktop makes it: ask for it to be packed and handed in again."
                )
            if info.is_dir():
                yield name, None
            else:
                with archive.open(info) as content:
                    yield name, content


def _name_in_zip(info: zipfile.ZipInfo) -> str:
    """Return a name in UTF-8, also from a program that does not say that it writes UTF-8."""
    if info.flag_bits & 0x800:
        return info.orig_filename
    try:
        return info.orig_filename.encode("cp437").decode()
    except UnicodeError:
        return info.orig_filename


def _tar_members(data: bytes) -> Iterator[Member]:
    with _TarFile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for info in archive:
            if info.issparse():
                raise _not_regular(info.name)
            yield info.name, archive.extractfile(info)
        # tarfile takes a damaged header for the end.
        if data[archive.offset :].strip(b"\0"):
            raise tarfile.ReadError("damaged after its first members")


def _copy(content: IO[bytes], path: Path, largest: int) -> int:
    """Write a member and count its bytes, whatever its header says of them."""
    size = 0
    with path.open("xb") as file:
        while chunk := content.read(CHUNK):
            size += len(chunk)
            if size > largest:
                raise _too_large(largest)
            file.write(chunk)
    return size


def _not_regular(name: str) -> RejectedError:
    return RejectedError(
        f"{quote(name)} is a link, a device or a sparse file; expected regular files and folders: "
        "ask for the files themselves to be packed and handed in again."
    )


def _too_many(most: int) -> RejectedError:
    return RejectedError(
        f"it has more than {most:,} files and folders; expected at most that many: ask for the "
        "notebook alone, or raise LimitedExtractor.most_members."
    )


def _too_large(largest: int) -> RejectedError:
    return RejectedError(
        f"it unpacks to more than the {largest:,} bytes that are left for it; expected a notebook: "
        "ask for the notebook alone, or raise LimitedExtractor.largest_member or largest_unpacked."
    )

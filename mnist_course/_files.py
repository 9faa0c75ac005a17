"""Write files so that nobody ever finds half of one."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside `path`; rename it to `path` when the block succeeds.

    If the block raises (Ctrl-C included), the temporary file is removed and whatever was at
    `path` before stays as it was.

    Parameters
    ----------
    path : pathlib.Path
        The file to write. Its folder is created if needed. A device or a pipe is written to as it
        is.

    Yields
    ------
    pathlib.Path
        A name in the same folder, with the same suffix, where no file exists yet.
    """
    if path.exists() and not path.is_file() and not path.is_dir():
        yield path  # a device or a pipe, such as /dev/null, must not be replaced
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        temporary = Path(folder) / path.name
        yield temporary
        temporary.replace(path)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; move its files into `path` when the block succeeds.

    If the block raises (Ctrl-C included), the temporary folder is removed and whatever was in
    `path` before stays as it was. Files in `path` with other names stay in any case.

    Parameters
    ----------
    path : pathlib.Path
        The folder to write into. It is created if needed.

    Yields
    ------
    pathlib.Path
        An empty folder on the same disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        temporary = Path(folder)
        yield temporary
        path.mkdir(exist_ok=True)
        for file in temporary.iterdir():
            file.replace(path / file.name)

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
        The file to write. Its folder is created if needed.

    Yields
    ------
    pathlib.Path
        A name in the same folder, with the same suffix, where no file exists yet.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        temporary = Path(folder) / path.name
        yield temporary
        temporary.replace(path)

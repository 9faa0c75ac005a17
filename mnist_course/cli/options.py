"""What the commands share: options, and where they print."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.text import Text

from mnist_course._untrusted import printable_lines


class _Console(Console):
    """A console on which nothing that is printed acts: it may be by an untrusted user."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Make of a text, which may be a cell of a table, what is printed."""
        return super().render_str(printable_lines(text), **options)


def _console(stream: TextIO) -> Console:
    """Return a console for text that holds the names of files and students: none of it is markup.

    Lines are broken between words on a terminal, and nowhere in a file or a pipe.
    """
    return _Console(
        stderr=stream is sys.stderr,
        soft_wrap=not stream.isatty(),
        highlight=False,
        markup=False,
        emoji=False,
    )


out = _console(sys.stdout)
err = _console(sys.stderr)

DataOption = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="PATH",
        help="Your own copy of MNIST: Keras's mnist.npz, or a folder with the four IDX files. "
        "By default, the copy that comes with the course.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout, and nothing else there.")
]
CourseOption = Annotated[
    Path, typer.Option("--course", help="The folder with nbgrader_config.py.", metavar="DIR")
]
ModelArgument = Annotated[
    Path, typer.Argument(help="A .keras file, such as the one train writes.", metavar="MODEL")
]
AssignmentArgument = Annotated[
    str, typer.Argument(help="Its name, such as 02_normalizing.", metavar="ASSIGNMENT")
]
StudentOption = Annotated[
    list[str] | None,
    typer.Option("--student", help="Only this student; repeat it for several.", metavar="ID"),
]


def print_json(document: Any) -> None:
    """Print one JSON document on stdout."""
    # The one control character that JSON leaves as it is.
    sys.stdout.write(json.dumps(document, indent=2).replace("\x7f", "\\u007f") + "\n")

"""The command `mnist-course`: one module of commands for each audience."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from mnist_course import __version__
from mnist_course.errors import CourseError

from . import learn, publish, teach
from .options import err, out

INTERRUPTED = 130
# Of `mnist-course --help`; commands in the order of use.
PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    "Learners": (
        learn.doctor,
        learn.data,
        learn.train,
        learn.evaluate,
        learn.predict,
        learn.study,
        learn.inspect,
    ),
    "Instructors": (
        teach.roster,
        teach.release,
        teach.collect,
        teach.grade,
        teach.changes,
        teach.feedback,
        teach.grades,
        teach.cohort,
        teach.move_gradebook,
    ),
    "Authors": (publish.book, publish.export_web, publish.export_replay),
}

app = typer.Typer(
    name="mnist-course",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        out.print(f"mnist-course {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Classify handwritten digits with a first neural network."""


for _panel, _commands in PANELS.items():
    for _command in _commands:
        app.command(rich_help_panel=_panel)(_command)


def main() -> None:
    """Run the command line; exit with 0, 1 (a sentence on stderr), 2 (usage) or 130 (Ctrl-C)."""
    # What a command starts belongs to the same environment, even if that is not activated.
    own = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([own, os.environ.get("PATH", os.defpath)])
    try:
        app()
    except CourseError as error:
        err.print(f"mnist-course: {error}")
        sys.exit(1)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            err.print("Interrupted: no file was left half-written.")
        raise

"""Commands for authors: build the book, and write what its interactive pages load."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_course._text import counted

from .options import DataOption, JsonOption, ModelArgument, err, out, print_json
from .tables import duration, network_table

if TYPE_CHECKING:
    from rich.status import Status

    from mnist_course.publishing.book import Build


def book(
    show: Annotated[
        bool, typer.Option("--open", help="Open it in the browser when it is built.")
    ] = False,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Also print it as a PDF; needs Chromium or Chrome.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Build the book in this folder; only pages that changed are executed again."""
    import webbrowser

    from mnist_course.publishing.book import build, read_contents, to_document
    from mnist_course.publishing.pdf import find_printer, print_book

    course = Path()
    pages = read_contents(course)
    printer = find_printer() if pdf else ""
    with err.status("Building the book ...") as status:
        done = build(course, pages, report=_executing(status))
        printed = None
        if printer and not done.problems:
            status.update("Printing the book ...")
            printed = print_book(course, pages, printer)
    if as_json:
        print_json(to_document(done, pages, printed))
    else:
        _print_build(done, len(pages), printed)
    if done.problems:
        err.print(f"The book has problems; the whole log is in {done.log}.")
        raise typer.Exit(1)
    if show:
        webbrowser.open(done.index.as_uri())


def export_web(
    model: ModelArgument,
    output: Annotated[Path, typer.Option(help="Folder to write network.js and images.js to.")],
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write a trained network as a script for web pages, its weights as 8-bit integers."""
    from mnist_course.data import load_mnist
    from mnist_course.models import load_model
    from mnist_course.publishing.web_network import export_web as export
    from mnist_course.publishing.web_network import read_training

    network = load_model(model)
    done = export(network, load_mnist(data), output, training=read_training(model))
    for path in (done.network, done.images):
        err.print(f"Wrote {path}: {counted(path.stat().st_size, 'byte')}")
    if as_json:
        print_json(
            {
                "network": str(done.network),
                "images": str(done.images),
                "measured": done.measured,
            }
        )
        return
    out.print(network_table(done.measured))


def export_replay(
    output: Annotated[Path, typer.Option(help="Folder to write replay_data.js to.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed repeats a training.")] = 0,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train 50 epochs with the recipe plain, and write each one as a script for web pages."""
    from mnist_course.data import load_mnist
    from mnist_course.publishing.web_replay import export_replay as export

    mnist = load_mnist(data)
    err.print(f"Training on {mnist.source}.")
    done = export(mnist, output, seed=seed)
    size = done.script.stat().st_size
    err.print(f"Wrote {done.script}: {counted(size, 'byte')}")
    about, curves = done.replay.about, done.replay.curves
    last = {name: values[-1] for name, values in curves.items()}
    if as_json:
        print_json({"replay": str(done.script), "bytes": size, **about, "last_epoch": last})
        return
    images = counted(about["validation_images"], "validation image")
    out.print(
        f"After epoch {len(curves['loss']) - 1}: {last['val_accuracy']:.2%} of {images} right, "
        f"loss {last['val_loss']:.4f}"
    )


def _executing(status: "Status") -> Callable[[str, int, int, float | None], None]:
    """Return a function that shows which page is executed: in `status`, and once in a line."""
    shown = set()

    def report(page: str, number: int, total: int, seconds: float | None) -> None:
        left = "" if seconds is None else f", {duration(seconds)} left"
        status.update(f"Executing {page}: {number} of {total}{left} ...")
        if page not in shown:
            shown.add(page)
            err.print(f"{number}/{total}: executing {page}{left}")

    return report


def _print_build(done: "Build", pages: int, printed: Path | None) -> None:
    for problem in done.problems:
        out.print(": ".join(filter(None, [problem.place, problem.message])))
    if not done.problems:
        took = duration(done.seconds)
        err.print(
            f"Built {counted(pages, 'page')} in {took}, {len(done.executed)} of them executed."
        )
        for file in filter(None, (done.index, printed)):
            out.print(str(file))

"""The command `mnist-course`: parse, call, print."""

import json
import os
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress
from rich.table import Table
from rich.text import Text

from mnist_course.errors import CourseError

INTERRUPTED = 130

app = typer.Typer(
    name="mnist-course",
    help="Classify handwritten digits with a first neural network.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# Lines are broken between words on a terminal, and nowhere in a file or a pipe.
out = Console(soft_wrap=not sys.stdout.isatty(), highlight=False)
err = Console(stderr=True, soft_wrap=not sys.stderr.isatty(), highlight=False)

DataOption = Annotated[
    str,
    typer.Option(
        "--data",
        metavar="auto|sample|PATH",
        help="auto: the complete MNIST, else the bundled sample. PATH: Keras's mnist.npz, or a "
        "folder of the four IDX files.",
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document on stdout, and nothing else there.")
]
CourseOption = Annotated[
    Path, typer.Option("--course", help="The folder with nbgrader_config.py.", metavar="DIR")
]
ModelArgument = Annotated[
    Path, typer.Argument(help="A .keras file, as train writes it.", metavar="MODEL")
]


@app.command()
def train(
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Passes over the training images; by default the recipe's own."),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Images per step; by default the recipe's own.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed repeats a run.")] = 0,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="reference, improved, augmented or cnn; by default reference, on the sample "
            "augmented.",
        ),
    ] = None,
    data: DataOption = "auto",
    output: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("runs/latest"),
    as_json: JsonOption = False,
) -> None:
    """Train the network, evaluate it, and write model, history, report and figures."""
    from mnist_course.data import load_mnist
    from mnist_course.experiments.run import run

    mnist = load_mnist(data)
    if recipe is None:
        recipe = "reference" if mnist.genuine else "augmented"
        if not mnist.genuine:
            err.print(
                f"The sample has only {len(mnist.train_images):,} digits to learn from, so they "
                "are distorted afresh in every epoch (recipe augmented)."
            )
    err.print(f"Training on {mnist.source}.")
    done = run(mnist, recipe=recipe, epochs=epochs, batch_size=batch_size, seed=seed, output=output)
    err.print(f"Wrote to {output}: {', '.join(file.name for file in done.files)}")
    if as_json:
        _print_json(done.report)
        return
    report = done.report
    minutes, seconds = divmod(round(report["fit_seconds"]), 60)
    table = _evaluation_table(report)
    table.add_row("data", _data_line(report["data"]))
    table.add_row("recipe", f"{recipe}, {done.report['epochs']} epochs, seed {seed}")
    table.add_row("training time", f"{minutes} min {seconds:02d} s")
    out.print(table)
    shown = report["prediction"]
    out.print(
        f"Test image {shown['test_image']} shows a {shown['label']}. "
        f"Model prediction: {shown['predicted']}"
    )


@app.command()
def evaluate(
    model: ModelArgument,
    robustness: Annotated[
        bool, typer.Option("--robustness", help="Also on corrupted images, MNIST-C style.")
    ] = False,
    data: DataOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Evaluate a trained model on the test images."""
    from mnist_course.data import load_mnist
    from mnist_course.evaluation import evaluate as evaluate_model
    from mnist_course.evaluation import robustness as measure_robustness
    from mnist_course.experiments.run import describe, summarize, summarize_robustness
    from mnist_course.models import load_model
    from mnist_course.preprocessing import normalize

    network = load_model(model)
    mnist = load_mnist(data)
    if not mnist.genuine:
        err.print(
            "The sample is a part of MNIST's training images: a model trained on those has seen "
            "these digits, and looks better here than it is."
        )
    images = normalize(mnist.test_images)
    evaluation = evaluate_model(network, images, mnist.test_labels)
    report = {"model": str(model), **summarize(evaluation), "data": describe(mnist)}
    if robustness:
        err.print("Corrupting the test images in 8 manners at 5 strengths each.")
        report["robustness"] = summarize_robustness(
            measure_robustness(network, images, mnist.test_labels)
        )
    if as_json:
        _print_json(report)
        return
    table = _evaluation_table(report)
    table.add_row("data", _data_line(report["data"]))
    out.print(table)
    if robustness:
        out.print(_robustness_table(report["robustness"]))


@app.command()
def predict(
    model: ModelArgument,
    images: Annotated[
        list[Path],
        typer.Argument(help="PNG or JPEG pictures of one digit each.", metavar="IMAGE..."),
    ],
    as_json: JsonOption = False,
) -> None:
    """Predict the digit on each photograph or drawing."""
    import numpy as np

    from mnist_course.evaluation import predict as predict_digits
    from mnist_course.models import load_model
    from mnist_course.preprocessing import normalize, read_drawing

    drawings = np.stack([read_drawing(path) for path in images])
    probabilities = predict_digits(load_model(model), normalize(drawings))
    results = [
        {"image": str(path), "prediction": int(row.argmax()), "probabilities": row.tolist()}
        for path, row in zip(images, probabilities, strict=True)
    ]
    if as_json:
        _print_json(results)
        return
    for path, row in zip(images, probabilities, strict=True):
        out.print(f"{path}  Model prediction: {row.argmax()} ({row.max():.1%})", markup=False)


@app.command()
def study(
    recipe: Annotated[str, typer.Option(help="The recipe to study.")] = "reference",
    seeds: Annotated[int, typer.Option(min=2, help="How many seeds.")] = 20,
    data: DataOption = "auto",
    output: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("runs/study"),
    as_json: JsonOption = False,
) -> None:
    """Train a recipe from many seeds, and tell how much luck matters; continues if stopped."""
    from mnist_course.data import load_mnist
    from mnist_course.experiments.study import Trial
    from mnist_course.experiments.study import study as run_study

    def report(trial: Trial, left: int, seconds: float) -> None:
        err.print(
            f"seed {trial.seed}: {trial.test_accuracy:.2%} in {trial.fit_seconds:.0f} s; "
            f"{left} to go, {timedelta(seconds=round(seconds))} left"
        )

    err.print(f"Training the recipe {recipe} from {seeds} seeds; a stopped study continues.")
    summary = run_study(load_mnist(data), recipe=recipe, seeds=seeds, output=output, report=report)
    err.print(f"Wrote to {output}: study.csv, study.json, study.png")
    if as_json:
        _print_json(summary)
        return
    out.print(
        f"{recipe}: mean {summary['mean']:.2%}, standard deviation "
        f"{summary['standard_deviation']:.2%}, from {summary['lowest']:.2%} to "
        f"{summary['highest']:.2%} over {summary['seeds']} seeds"
    )
    table = Table(
        "gate", "seeds that pass", "chance to miss (normal)", "chance to miss (binomial)", box=None
    )
    for gate in summary["gates"]:
        table.add_row(
            f"{gate['gate']:.1%}",
            f"{gate['pass_rate']:.0%}",
            f"{gate['normal_chance_below']:.2g}",
            f"{gate['binomial_chance_below']:.2g}",
        )
    out.print(table)


@app.command()
def data(source: DataOption = "auto", as_json: JsonOption = False) -> None:
    """Tell where MNIST comes from and whether it is genuine; download it if need be."""
    from mnist_course.data import find_mnist
    from mnist_course.experiments.run import describe

    mnist, attempts = find_mnist(source)
    if as_json:
        looked = [{"place": a.place, "outcome": a.outcome} for a in attempts]
        _print_json({**describe(mnist), "looked": looked})
        return
    out.print(_data_line(describe(mnist)), markup=False)
    table = Table("looked for in", "outcome", box=None, pad_edge=False)
    for attempt in attempts:
        table.add_row(attempt.place, attempt.outcome)
    out.print(table)
    if not mnist.genuine:
        err.print(
            "To get the complete MNIST, connect to the internet and run this command again, or "
            "set MNIST_COURSE_DATA to a copy of Keras's mnist.npz."
        )


@app.command()
def release(
    assignment: Annotated[
        str | None,
        typer.Argument(help="Such as 02_normalizing; by default all.", metavar="ASSIGNMENT"),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; tell what is wrong with the assignments."),
    ] = False,
    course: CourseOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Generate the exercises from the source notebooks, for instructors."""
    from dataclasses import asdict

    from mnist_course.grading.course.release import release as release_assignments
    from mnist_course.grading.course.settings import read_course

    settings = read_course(course)
    if not check:
        with err.status("Generating exercises ..."):
            written = release_assignments(settings, assignment)
        files = [course / settings.relative(file) for file in written]
        for file in files:
            err.print(f"Wrote {file}", markup=False)
        if as_json:
            _print_json({"files": [str(file) for file in files]})
        return

    from mnist_course.grading.course.release_check import check as check_assignments

    def report(name: str, number: int, total: int) -> None:
        err.print(f"{number}/{total}: checking {name} and running its solutions", markup=False)

    problems = check_assignments(settings, assignment, report=report)
    if as_json:
        _print_json({"problems": [asdict(problem) for problem in problems]})
    else:
        for problem in problems:
            place = ", ".join(filter(None, [problem.file, problem.cell]))
            out.print(f"{place}: {problem.message}", markup=False)
        if not problems:
            out.print("All is well.")
    if problems:
        raise typer.Exit(1)


@app.command()
def grade(
    assignment: Annotated[str, typer.Argument(help="Such as 02_normalizing.")],
    student: Annotated[
        list[str] | None,
        typer.Option(help="Only this one; may be given several times.", metavar="ID"),
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes here; by default one for each core.")
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            help="Use the workers of this Dask scheduler, such as tcp://10.0.0.1:8786.",
            metavar="ADDRESS",
        ),
    ] = None,
    regrade: Annotated[
        bool, typer.Option("--regrade", help="Also grade again what has not changed.")
    ] = False,
    course: CourseOption = Path(),
    unsafe_no_sandbox: Annotated[
        bool,
        typer.Option(
            "--unsafe-no-sandbox",
            help="Run learners' code with your own rights: it can read and delete your files.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Grade what came back, for instructors; continues if stopped."""
    from mnist_course.grading.batch.coordinator import FOLDER, Graded, to_document
    from mnist_course.grading.batch.coordinator import grade as grade_all
    from mnist_course.grading.course.settings import read_course
    from mnist_course.grading.gradebook.records import is_adjusted

    settings = read_course(course)
    if unsafe_no_sandbox:
        err.print("Without a sandbox: what learners wrote can read and change all that you can.")
    with Progress(
        *Progress.get_default_columns(), MofNCompleteColumn(), console=err, transient=True
    ) as progress:
        bar = progress.add_task("Starting workers", total=None)

        def report(graded: Graded, done: int, total: int) -> None:
            progress.update(bar, description="Grading", completed=done, total=total)
            if graded.failed:
                err.print(f"{graded.name}: {graded.outcome}. {graded.reason}", markup=False)

        start = time.monotonic()
        done = grade_all(
            settings,
            assignment,
            students=student,
            workers=workers,
            scheduler=scheduler,
            regrade=regrade,
            confined=not unsafe_no_sandbox,
            report=report,
        )
        seconds = time.monotonic() - start
    unrecorded = sum(bool(graded.problem) for graded in done)
    err.print(
        f"Wrote to {settings.autograded}, the gradebook, and {settings.root / FOLDER}",
        markup=False,
    )
    if as_json:
        _print_json(to_document(assignment, seconds, done))
    else:
        table = Table("student", "status", "points", "", box=None, pad_edge=False)
        for graded in done:
            cells = (graded.name, graded.outcome, graded.points, graded.reason)
            table.add_row(*map(Text, cells))
        out.print(table)
        out.print(f"{len(done)} submissions in {timedelta(seconds=round(seconds))}")
        if not unrecorded and is_adjusted(settings, assignment):
            out.print("Late penalties and extra credit are not in here: see 'mnist-course grades'.")
    if unrecorded:
        err.print(f"{unrecorded} of them are not in the gradebook: mend this, and run again.")
        raise typer.Exit(1)


@app.command()
def inspect(
    path: Annotated[Path, typer.Argument(help="A notebook, or a folder with one.")],
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Also write NAME.repaired.ipynb: the answers, fresh cells."),
    ] = False,
    course: CourseOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Tell what a notebook would lose when it is handed in, and mend what can be mended."""
    from dataclasses import asdict

    from mnist_course.grading.course.settings import read_course
    from mnist_course.grading.submissions import inspect as inspection
    from mnist_course.grading.submissions import repair as repairing
    from mnist_course.grading.submissions.read import read_submission

    file, assignment = inspection.find_submission(path, read_course(course))
    notebook = read_submission(file.parent, file.stem)
    # What lies beside a notebook is handed in with a folder only.
    findings = inspection.inspect_folder(path, assignment.name) if path.is_dir() else []
    findings += inspection.inspect(assignment, notebook)
    costs = sum(finding.costs for finding in findings)
    repaired = None
    if repair:
        repaired = repairing.write_repaired(
            file.parent, assignment.name, repairing.repair(assignment, notebook)
        )
        err.print(
            f"Wrote {repaired}: look it through, then hand it in as {assignment.name}.ipynb",
            markup=False,
        )
    if as_json:
        _print_json(
            {
                "assignment": assignment.name,
                "findings": [asdict(finding) for finding in findings],
                "costs": costs,
                "repaired": str(repaired) if repaired else None,
            }
        )
    else:
        table = Table("cell", "costs", "what to do", box=None, pad_edge=False)
        for finding in findings:
            table.add_row(*map(Text, (finding.cell, f"{finding.costs:g}", finding.problem)))
        if findings:
            out.print(table)
            out.print(
                f"As it is, this costs {costs:g} points." if costs else "None of it costs points."
            )
        else:
            out.print("All is well: every answer is there.")
    if costs:
        raise typer.Exit(1)


@app.command()
def feedback(
    assignment: Annotated[str, typer.Argument(help="Such as 02_normalizing.")],
    student: Annotated[
        list[str] | None,
        typer.Option(help="Only this one; may be given several times.", metavar="ID"),
    ] = None,
    course: CourseOption = Path(),
) -> None:
    """Generate a page of feedback for each graded submission, for instructors."""
    from mnist_course.grading.course.settings import read_course
    from mnist_course.grading.gradebook.feedback import generate_feedback

    with err.status("Generating feedback ...") as status:

        def report(done: int, total: int) -> None:
            status.update(f"Generating feedback: {done:,} of {total:,} pages ...")

        files = generate_feedback(read_course(course), assignment, student or (), report=report)
    pages = "1 page" if len(files) == 1 else f"{len(files):,} pages, the first one"
    err.print(f"Wrote {pages}: {files[0]}", markup=False)


@app.command()
def grades(
    format_name: Annotated[
        str, typer.Option("--format", metavar="csv|canvas|moodle", help="What to write.")
    ] = "csv",
    output: Annotated[
        Path | None, typer.Option(help="File to write to; by default, stdout.")
    ] = None,
    course: CourseOption = Path(),
) -> None:
    """Export the grades of all students, for people, Canvas or Moodle."""
    from mnist_course._files import atomic
    from mnist_course.grading.course.settings import read_course
    from mnist_course.grading.gradebook.exports import export_grades

    text, unmatched = export_grades(read_course(course), format_name)
    if output:
        with atomic(output) as unfinished:
            unfinished.write_text(text, encoding="utf-8", newline="")
        err.print(f"Wrote {output}", markup=False)
    else:
        sys.stdout.buffer.write(text.encode())  # with CR LF on every system
        sys.stdout.buffer.flush()
    for student in unmatched:
        err.print(
            f"{student!r} got an apostrophe before it, since spreadsheets would run it as a "
            f"formula: for {format_name} to recognize the student, give them another identity with "
            "'nbgrader db student add --lms-user-id=ID', or enter their grades by hand.",
            markup=False,
        )


@app.command()
def cohort(
    assignment: Annotated[str, typer.Argument(help="Such as 02_normalizing.")],
    output: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("runs/cohort"),
    course: CourseOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Tell how the class did in an assignment, task by task."""
    from mnist_course.grading.course.settings import read_course
    from mnist_course.grading.gradebook.cohort import read_cohort, write_cohort

    summary = read_cohort(read_course(course), assignment)
    files = write_cohort(summary, output)
    err.print(f"Wrote to {output}: {', '.join(file.name for file in files)}", markup=False)
    if as_json:
        _print_json(summary.to_dict())
        return
    table = Table(
        *("task", "solved", "partly", "not solved", "not attempted", "share solved"),
        box=None,
        pad_edge=False,
    )
    for task in summary.tasks:
        counts = (task.solved, task.partly, task.not_solved, task.not_attempted)
        table.add_row(
            Text(f"{task.number} {task.title}"),
            *(f"{count:,}" for count in counts),
            f"{task.share:.0%}",
        )
    out.print(f"{summary.assignment}: {summary.students:,} graded submissions", markup=False)
    out.print(table)
    for task in summary.tasks:
        if task.feedback:
            out.print(
                f"Task {task.number}, most frequent feedback ({task.feedback_count:,} students): "
                f"{task.feedback}",
                markup=False,
            )
    for reflection in summary.reflections:
        out.print(
            f"Reflection {reflection.title}: {reflection.graded:,} graded, "
            f"{reflection.waiting:,} await a person",
            markup=False,
        )


@app.command()
def book(
    show: Annotated[
        bool, typer.Option("--open", help="Open it in the browser when it is built.")
    ] = False,
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Also print it into a PDF; takes Chromium or Chrome.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Build the book in this folder; what has not changed is not executed again."""
    import webbrowser
    from dataclasses import asdict

    from mnist_course.data import find_mnist
    from mnist_course.publishing.book import build, read_contents
    from mnist_course.publishing.pdf import find_printer, print_book

    course = Path()
    pages = read_contents(course)
    printer = find_printer() if pdf else ""
    mnist, _ = find_mnist()
    if not mnist.genuine:
        err.print(
            "The complete MNIST is not here ('mnist-course data' says why): the book is built on "
            "the bundled sample, and its figures say so."
        )
    seen = set()
    with err.status("Building the book ...") as status:

        def report(page: str, number: int, total: int, seconds: float | None) -> None:
            left = "" if seconds is None else f", {timedelta(seconds=round(seconds))} left"
            status.update(f"Executing {page}: {number} of {total}{left} ...")
            if page not in seen:
                seen.add(page)
                err.print(f"{number}/{total}: executing {page}{left}", markup=False)

        done = build(course, pages, mnist, report=report)
        printed = None
        if printer and not done.problems:
            status.update("Printing the book ...")
            printed = print_book(course, pages, printer)
    if as_json:
        _print_json(
            {
                "index": str(done.index),
                "pdf": str(printed) if printed else None,
                "pages": len(pages),
                "executed": done.executed,
                "seconds": done.seconds,
                "genuine": mnist.genuine,
                "problems": [asdict(problem) for problem in done.problems],
                "log": str(done.log),
            }
        )
    else:
        for problem in done.problems:
            place = f"{problem.place}: " if problem.place else ""
            out.print(f"{place}{problem.message}", markup=False)
    if done.problems:
        err.print(f"The book has problems; {done.log} has all that was said.", markup=False)
        raise typer.Exit(1)
    if not as_json:
        took = timedelta(seconds=round(done.seconds))
        err.print(f"Built {len(pages)} pages in {took}, {len(done.executed)} of them executed.")
        for file in filter(None, (done.index, printed)):
            out.print(str(file), markup=False)
    if show:
        webbrowser.open(done.index.as_uri())


@app.command()
def export_web(
    model: ModelArgument,
    output: Annotated[Path, typer.Option(help="Folder to write network.js and images.js to.")],
    data: DataOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Write a trained network as a script for web pages, in whole numbers of one byte."""
    from mnist_course.data import load_mnist
    from mnist_course.models import load_model
    from mnist_course.publishing.web_network import export_web as export
    from mnist_course.publishing.web_network import read_training

    mnist = load_mnist(data)
    done = export(load_model(model), mnist, output, training=read_training(model))
    for path in (done.network, done.images):
        err.print(f"Wrote {path}: {path.stat().st_size:,} bytes", markup=False)
    if as_json:
        _print_json(
            {
                "network": str(done.network),
                "images": str(done.images),
                "measured": done.measured,
            }
        )
        return
    measured = done.measured
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("accuracy", f"{measured['accuracy']:.2%} as trained")
    table.add_row("", f"{measured['accuracy_int8']:.2%} as written")
    table.add_row(
        "same answer", f"{measured['agreement']:.2%} of {measured['images']:,} test images"
    )
    table.add_row("sure", f"from a probability of {measured['sure_above']:.3f}")
    table.add_row("looks like a digit", f"from a likeness of {measured['digit_above']:.2f}")
    table.add_row("", f"{measured['digits_passing']:.1%} of the test digits do")
    table.add_row("", f"{1 - measured['others_caught']:.1%} of letters, scribbles and frames do")
    out.print(table)


@app.command()
def export_replay(
    output: Annotated[Path, typer.Option(help="Folder to write replay_data.js to.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed repeats a training.")] = 0,
    data: DataOption = "auto",
    as_json: JsonOption = False,
) -> None:
    """Train 50 epochs by the recipe reference, and write each of them down for web pages."""
    from mnist_course.data import load_mnist
    from mnist_course.publishing.web_replay import export_replay as export

    mnist = load_mnist(data)
    err.print(f"Training on {mnist.source}.", markup=False)
    done = export(mnist, output, seed=seed)
    size = done.script.stat().st_size
    err.print(f"Wrote {done.script}: {size:,} bytes", markup=False)
    about, curves = done.replay.about, done.replay.curves
    last = {name: values[-1] for name, values in curves.items()}
    if as_json:
        _print_json({"replay": str(done.script), "bytes": size, **about, "last_epoch": last})
        return
    out.print(
        f"After epoch {len(curves['loss']) - 1}: {last['val_accuracy']:.2%} of "
        f"{about['validation_images']:,} validation images right, loss {last['val_loss']:.4f}"
    )


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Check this machine: what the course needs, what is missing, what mends it."""
    from dataclasses import asdict

    from mnist_course.doctor import examine

    with err.status("Looking at this machine ..."):
        checks = examine()
    if as_json:
        _print_json([asdict(check) for check in checks])
    else:
        table = Table("", "what", "found", "to mend it, run", box=None, pad_edge=False)
        for check in checks:
            mark = "ok" if check.ok else "MISSING" if check.required else "optional"
            table.add_row(mark, check.name, check.found, check.mend)
        out.print(table)
    if any(check.required and not check.ok for check in checks):
        raise typer.Exit(1)


def main() -> None:
    """Run the command line; exit with 0, 1 (a sentence on stderr), 2 (usage) or 130 (Ctrl-C)."""
    # What a command starts belongs to the same environment, even if that is not activated.
    own = str(Path(sys.executable).parent)
    os.environ["PATH"] = os.pathsep.join([own, os.environ.get("PATH", os.defpath)])
    try:
        app()
    except CourseError as error:
        err.print(f"mnist-course: {error}", markup=False)
        sys.exit(1)
    except SystemExit as end:
        if end.code == INTERRUPTED:
            err.print("Interrupted: no file was left half-written.")
        raise


def _print_json(document: Any) -> None:
    sys.stdout.write(json.dumps(document, indent=2) + "\n")


def _evaluation_table(report: dict[str, Any]) -> Table:
    low, high = report["interval"]
    first, second = report["halves"]
    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_row("test accuracy", f"{report['test_accuracy']:.2%}")
    table.add_row("95 % interval", f"{low:.2%} to {high:.2%}")
    table.add_row("first and second half", f"{first:.2%} and {second:.2%}")
    table.add_row("mistakes", f"{report['mistakes']} of {report['data']['test_images']:,}")
    return table


def _robustness_table(report: dict[str, Any]) -> Table:
    table = Table(f"accuracy, {report['style']}", *map(str, range(1, 6)), box=None, pad_edge=False)
    for name, accuracies in report["accuracies"].items():
        table.add_row(name, *(f"{accuracy:.1%}" for accuracy in accuracies))
    table.add_row("mean", f"{report['mean']:.1%}")
    return table


def _data_line(data: dict[str, Any]) -> str:
    kind = "complete MNIST, genuine" if data["genuine"] else "not the complete MNIST"
    sizes = f"{data['train_images']:,} training and {data['test_images']:,} test images"
    return f"{data['source']} ({kind}; {sizes})"

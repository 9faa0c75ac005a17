"""Commands for learners: look at the machine and the data, train, test, and check an exercise."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from mnist_course._text import counted

from .options import CourseOption, DataOption, JsonOption, ModelArgument, err, out, print_json
from .tables import (
    checks_table,
    data_line,
    duration,
    evaluation_table,
    findings_table,
    gates_table,
    looked_table,
    robustness_table,
    study_line,
    training_table,
)


def doctor(as_json: JsonOption = False) -> None:
    """Check this machine: what the course needs, what's missing, and how to fix it."""
    from mnist_course.doctor import examine

    with err.status("Looking at this machine ..."):
        checks = examine()
    if as_json:
        print_json([asdict(check) for check in checks])
    else:
        out.print(checks_table(checks))
    if any(check.required and not check.ok for check in checks):
        raise typer.Exit(1)


def data(source: DataOption = None, as_json: JsonOption = False) -> None:
    """Show which copy of MNIST the course uses, and where it looks for one."""
    from mnist_course.data import load_mnist

    mnist = load_mnist(source)
    writers = {*mnist.train_writers.tolist(), *mnist.test_writers.tolist()}
    looked = _looked(source)
    report = {**mnist.describe(), "writers": len(writers), "looked": looked}
    if as_json:
        print_json(report)
        return
    out.print(f"{data_line(report)}, written by {len(writers):,} people")
    out.print(looked_table(looked))


def train(
    epochs: Annotated[
        int | None,
        typer.Option(min=1, help="Passes over the training images; by default, the recipe's own."),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Images per step; by default, the recipe's own.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="The same seed repeats a run.")] = 0,
    recipe: Annotated[
        str, typer.Option(help="plain, quick, reference, augmented, or cnn.")
    ] = "reference",
    data: DataOption = None,
    output: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("runs/latest"),
    as_json: JsonOption = False,
) -> None:
    """Train the network, evaluate it, and write the model, history, report, and figures."""
    from mnist_course.data import load_mnist
    from mnist_course.experiments.run import run
    from mnist_course.training.recipes import get_recipe

    get_recipe(recipe)  # fails before the data is loaded
    mnist = load_mnist(data)
    err.print(f"Training on {mnist.source}.")
    done = run(mnist, recipe=recipe, epochs=epochs, batch_size=batch_size, seed=seed, output=output)
    err.print(f"Wrote to {output}: {', '.join(file.name for file in done.files)}")
    if as_json:
        print_json(done.report)
        return
    out.print(training_table(done.report))
    shown = done.report["prediction"]
    out.print(
        f"Test image {shown['test_image']} shows a {shown['label']}. "
        f"Model prediction: {shown['predicted']}"
    )


def evaluate(
    model: ModelArgument,
    robustness: Annotated[
        bool, typer.Option("--robustness", help="Also on corrupted images, MNIST-C style.")
    ] = False,
    data: DataOption = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluate a trained model on the test images."""
    from mnist_course.data import load_mnist
    from mnist_course.evaluation import evaluate as evaluate_model
    from mnist_course.evaluation import robustness as measure_robustness
    from mnist_course.experiments.run import summarize, summarize_robustness
    from mnist_course.models import load_model
    from mnist_course.preprocessing import normalize

    network = load_model(model)
    mnist = load_mnist(data)
    images = normalize(mnist.test_images)
    evaluation = evaluate_model(network, images, mnist.test_labels)
    report = {"model": str(model), **summarize(evaluation), "data": mnist.describe()}
    if robustness:
        err.print("Corrupting the test images in 8 ways, at 5 strengths each.")
        report["robustness"] = summarize_robustness(
            measure_robustness(network, images, mnist.test_labels)
        )
    if as_json:
        print_json(report)
        return
    out.print(evaluation_table(report))
    if robustness:
        out.print(robustness_table(report["robustness"]))


def predict(
    model: ModelArgument,
    images: Annotated[
        list[Path],
        typer.Argument(help="PNG or JPEG pictures of one digit each.", metavar="IMAGE..."),
    ],
    as_json: JsonOption = False,
) -> None:
    """Predict the digit in each photo or drawing."""
    import numpy as np

    from mnist_course.evaluation import predict as predict_digits
    from mnist_course.models import load_model
    from mnist_course.preprocessing import normalize, read_drawing

    network = load_model(model)
    drawings = np.stack([read_drawing(path) for path in images])
    probabilities = predict_digits(network, normalize(drawings))
    if as_json:
        print_json(
            [
                {"image": str(path), "prediction": int(row.argmax()), "probabilities": row.tolist()}
                for path, row in zip(images, probabilities, strict=True)
            ]
        )
        return
    for path, row in zip(images, probabilities, strict=True):
        out.print(f"{path}  Model prediction: {row.argmax()} ({row.max():.1%})")


def study(
    recipe: Annotated[str, typer.Option(help="The recipe to study.")] = "reference",
    seeds: Annotated[int, typer.Option(min=2, help="How many seeds.")] = 20,
    first_seed: Annotated[int, typer.Option(min=0, help="The first of them.")] = 0,
    data: DataOption = None,
    output: Annotated[Path, typer.Option(help="Folder to write to.")] = Path("runs/study"),
    as_json: JsonOption = False,
) -> None:
    """Train a recipe from many seeds to see how much luck matters; a stopped study continues."""
    from mnist_course.data import load_mnist
    from mnist_course.experiments.study import Trial
    from mnist_course.experiments.study import study as run_study
    from mnist_course.training.recipes import get_recipe

    def report(trial: Trial, left: int, seconds: float) -> None:
        err.print(
            f"seed {trial.seed}: {trial.test_accuracy:.2%} in {trial.fit_seconds:.0f} s; "
            f"{left} to go, {duration(seconds)} left"
        )

    get_recipe(recipe)  # fails before the data is loaded
    mnist = load_mnist(data)
    err.print(
        f"Training the recipe {recipe} from {counted(seeds, 'seed')}; a stopped study continues."
    )
    summary = run_study(
        mnist,
        recipe=recipe,
        seeds=range(first_seed, first_seed + seeds),
        output=output,
        report=report,
    )
    err.print(f"Wrote to {output}: study.csv, study.json, study.png")
    if as_json:
        print_json(summary)
        return
    out.print(study_line(summary))
    out.print(gates_table(summary["gates"]))


def inspect(
    path: Annotated[Path, typer.Argument(help="A notebook, or a folder with one.")],
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Also write NAME.repaired.ipynb: your answers in fresh cells."
        ),
    ] = False,
    course: CourseOption = Path(),
    as_json: JsonOption = False,
) -> None:
    """Check what a notebook would lose when you submit it; --repair fixes what it can."""
    from mnist_course.grading.course.settings import read_course
    from mnist_course.grading.submissions import inspect as inspection
    from mnist_course.grading.submissions import repair as repairing
    from mnist_course.grading.submissions.read import read_submission

    file, assignment = inspection.find_submission(path, read_course(course))
    notebook = read_submission(file.parent, file.stem, file.name)
    findings = inspection.inspect_file(file, assignment.name)
    # What lies beside a notebook is submitted with a folder only.
    findings += inspection.inspect_folder(path, file.name) if path.is_dir() else []
    findings += inspection.inspect(assignment, notebook)
    costs = sum(finding.costs for finding in findings)
    repaired = None
    if repair:
        repaired = repairing.write_repaired(
            file.parent, assignment.name, repairing.repair(assignment, notebook)
        )
        err.print(f"Wrote {repaired}: read it through, then submit it as {assignment.name}.ipynb")
    if as_json:
        print_json(
            {
                "assignment": assignment.name,
                "findings": [asdict(finding) for finding in findings],
                "costs": costs,
                "repaired": str(repaired) if repaired else None,
            }
        )
    elif findings:
        out.print(findings_table(findings))
        lost = f"As it is, this costs {counted(costs, 'point')}."
        out.print(lost if costs else "None of it costs points.")
    else:
        out.print("All is well: every answer is there.")
    if costs:
        raise typer.Exit(1)


def _looked(source: Path | None) -> list[dict[str, str]]:
    """List where `load_mnist` looked, in its order, and what came of it."""
    own, bundled = "MNIST_COURSE_DATA", "bundled with the course"
    if source is not None:
        outcomes = {str(source): "used"}
    elif os.environ.get(own):
        outcomes = {own: "used", bundled: "not needed"}
    else:
        outcomes = {own: "not set", bundled: "used"}
    return [{"place": place, "outcome": outcome} for place, outcome in outcomes.items()]

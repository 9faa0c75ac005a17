"""A complete run of the pipeline, from the data to a folder with the model and its report."""

import csv
import json
import platform
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mnist_course import plots
from mnist_course._files import atomic_folder
from mnist_course.data import MNIST
from mnist_course.errors import CourseError
from mnist_course.evaluation import Evaluation, Robustness, evaluate, predict
from mnist_course.preprocessing import normalize
from mnist_course.training.recipes import RECIPES, train

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from mnist_course._backend import keras

SHOWN_IMAGE = 1  # the test image whose prediction every run shows; in MNIST it is a 2


@dataclass(frozen=True)
class Run:
    """A finished run: what `report.json` says, and the files that were written."""

    report: dict[str, Any]
    files: list[Path]


def run(
    mnist: MNIST,
    *,
    recipe: str,
    epochs: int | None,
    batch_size: int | None,
    seed: int,
    output: Path,
) -> Run:
    """Train a network, evaluate it on the test images, and write everything to a folder.

    Parameters
    ----------
    mnist : MNIST
        The data set.
    recipe : str
        A key of `training.RECIPES`.
    epochs : int or None
        Passes over the training part; None for the recipe's own.
    batch_size : int or None
        Images per step; None for the recipe's own.
    seed : int
        Repeats a run.
    output : pathlib.Path
        Where to write ``digits.keras``, ``history.csv``, ``report.json`` and the figures. Nothing
        is written there before everything is finished.

    Returns
    -------
    Run
        The report and the files.

    Raises
    ------
    CourseError
        If a choice is not possible, or the folder cannot be written.
    """
    if output.exists() and not output.is_dir():
        raise CourseError(f"{output} is a file: give a folder to --output.")
    started = time.perf_counter()
    model, history = train(
        normalize(mnist.train_images),
        mnist.train_labels,
        recipe=recipe,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
    )
    fit_seconds = time.perf_counter() - started
    test_images = normalize(mnist.test_images)
    evaluation = evaluate(model, test_images, mnist.test_labels)
    report = {
        **summarize(evaluation),
        "prediction": {
            "test_image": SHOWN_IMAGE,
            "predicted": int(evaluation.predictions[SHOWN_IMAGE]),
            "label": int(mnist.test_labels[SHOWN_IMAGE]),
        },
        "data": mnist.describe(),
        "recipe": recipe,
        "seed": seed,
        "epochs": len(history.epoch),
        "batch_size": batch_size or RECIPES[recipe].batch_size,
        "parameters": model.count_params(),
        "fit_seconds": round(fit_seconds, 2),
        "versions": versions(),
    }
    try:
        with atomic_folder(output) as folder:
            model.save(folder / "digits.keras")
            _write_history(folder / "history.csv", history.history)
            (folder / "report.json").write_text(json.dumps(report, indent=2) + "\n")
            for name, figure in _figures(mnist, model, history, evaluation).items():
                figure.savefig(folder / f"{name}.png", dpi=150)
            written = sorted(output / file.name for file in folder.iterdir())
    except OSError as error:
        raise CourseError(f"{output} cannot be written ({error}): give another --output.") from None
    return Run(report, written)


def summarize(evaluation: Evaluation) -> dict[str, Any]:
    """Return the figures of an evaluation as JSON knows them: plain numbers, lists and None."""
    return {
        "test_accuracy": evaluation.accuracy,
        "interval": list(evaluation.interval),
        "halves": list(evaluation.halves),
        "recall": [None if rate != rate else rate for rate in evaluation.recall.tolist()],
        "confusion": evaluation.confusion.tolist(),
        "mistakes": len(evaluation.mistakes),
    }


def summarize_robustness(robustness: Robustness) -> dict[str, Any]:
    """Return the figures of a robustness as JSON knows them; a list per corruption, mild first."""
    return {
        "style": "MNIST-C style",
        "clean": robustness.clean,
        "accuracies": dict(zip(robustness.names, robustness.accuracies.tolist(), strict=True)),
        "mean": robustness.mean,
    }


def versions() -> dict[str, str]:
    """Return the versions on which the figures of a run depend."""
    packages = ("mnist-course", "tensorflow", "keras", "numpy", "scikit-learn")
    return {"python": platform.python_version(), **{name: version(name) for name in packages}}


def _write_history(path: Path, history: dict[str, list[float]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["epoch", *history])
        writer.writerows(
            [epoch, *row] for epoch, row in enumerate(zip(*history.values(), strict=True), start=1)
        )


def _figures(
    mnist: MNIST,
    model: "keras.Model",
    history: "keras.callbacks.History",
    evaluation: Evaluation,
) -> dict[str, "Figure"]:
    return {
        "sample_digits": plots.plot_digits(mnist.train_images[:40], mnist.train_labels[:40]),
        "class_balance": plots.plot_class_balance(mnist.train_labels, mnist.test_labels),
        "learning_curves": plots.plot_history(history.history),
        "confusion": plots.plot_confusion(evaluation.confusion),
        "first_layer": plots.plot_first_layer(model.layers[1].kernel.numpy()),
        "prediction": plots.plot_prediction(
            mnist.test_images[SHOWN_IMAGE],
            predict(model, normalize(mnist.test_images[SHOWN_IMAGE : SHOWN_IMAGE + 1]))[0],
            int(mnist.test_labels[SHOWN_IMAGE]),
        ),
        "mistakes": plots.plot_mistakes(
            mnist.test_images, mnist.test_labels, evaluation.predictions, evaluation.confidences
        ),
    }

"""How much does luck matter? Train the same recipe from many seeds."""

import csv
import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
from scipy import stats

from mnist_course import plots
from mnist_course._files import atomic
from mnist_course.data import MNIST
from mnist_course.errors import CourseError
from mnist_course.evaluation import evaluate
from mnist_course.preprocessing import normalize
from mnist_course.training.recipes import train

from .run import versions

GATES = (0.975, 0.980, 0.985)


@dataclass(frozen=True)
class Trial:
    """The result of training from one seed. Rates are between 0 and 1.

    Attributes
    ----------
    recipe : str
        The recipe.
    seed : int
        The seed.
    train_images : int
        Images in the training set, the validation part included.
    test_accuracy, first_half, second_half : float
        Accuracy on the test images, and on each half of them.
    validation_accuracy : float
        Accuracy on the validation part after the last epoch.
    fit_seconds : float
        Duration of the training in seconds.
    """

    recipe: str
    seed: int
    train_images: int
    test_accuracy: float
    first_half: float
    second_half: float
    validation_accuracy: float
    fit_seconds: float


def study(
    mnist: MNIST,
    *,
    recipe: str,
    seeds: Sequence[int],
    output: Path,
    report: Callable[[Trial, int, float], None],
) -> dict[str, Any]:
    """Train `recipe` from each of `seeds` and describe the spread of the results.

    Results are written after each seed, so that a study that was stopped continues.

    Parameters
    ----------
    mnist : MNIST
        The data set.
    recipe : str
        A key of `training.RECIPES`.
    seeds : sequence of int
        At least two seeds.
    output : pathlib.Path
        Where to write ``study.csv`` (a row per seed), ``study.json`` (what this function returns)
        and ``study.png``.
    report : callable
        Called after each seed with its `Trial`, the number of seeds left, and the seconds left.

    Returns
    -------
    dict
        See `summarize`, with the recipe, the data and the versions.

    Raises
    ------
    CourseError
        If the recipe is unknown, or the folder holds a study of something else.
    """
    table = output / "study.csv"
    trials = _read(table, recipe, len(mnist.train_images)) if table.exists() else {}
    images, test_images = normalize(mnist.train_images), normalize(mnist.test_images)
    missing = [seed for seed in seeds if seed not in trials]
    started = time.perf_counter()
    for done, seed in enumerate(missing, start=1):
        begun = time.perf_counter()
        model, history = train(images, mnist.train_labels, recipe=recipe, seed=seed, verbose=0)
        fit_seconds = time.perf_counter() - begun
        evaluation = evaluate(model, test_images, mnist.test_labels)
        trials[seed] = Trial(
            recipe=recipe,
            seed=seed,
            train_images=len(images),
            test_accuracy=evaluation.accuracy,
            first_half=evaluation.halves[0],
            second_half=evaluation.halves[1],
            validation_accuracy=history.history["val_accuracy"][-1],
            fit_seconds=round(fit_seconds, 2),
        )
        _write(table, trials)
        left = len(missing) - done
        report(trials[seed], left, (time.perf_counter() - started) / done * left)

    accuracies = [trials[seed].test_accuracy for seed in seeds]
    summary = {
        "recipe": recipe,
        **summarize(accuracies, len(mnist.test_images)),
        # Not where the data lies: results are compared across machines.
        "data": {key: value for key, value in mnist.describe().items() if key != "source"},
        "versions": versions(),
    }
    with atomic(output / "study.json") as temporary:
        temporary.write_text(json.dumps(summary, indent=2) + "\n")
    with atomic(output / "study.png") as temporary:
        plots.plot_study(accuracies, GATES).savefig(temporary, dpi=150)
    return summary


def summarize(accuracies: list[float], images: int) -> dict[str, Any]:
    """Describe test accuracies of networks that differ only in their seed.

    Parameters
    ----------
    accuracies : list of float
        One accuracy per seed, between 0 and 1; at least two.
    images : int
        Test images behind each accuracy.

    Returns
    -------
    dict
        Mean, standard deviation (of the sample), extremes, and for each of `GATES`: the share of
        seeds that reached it, and the chance of falling under it in two ways. ``normal`` takes the
        accuracies for draws from a normal distribution: another seed, the same test images.
        ``binomial`` takes a network as accurate as the mean and draws other test images of the
        same kind: each is classified rightly or not, independently.

    Examples
    --------
    >>> summarize([0.981, 0.983, 0.979], images=10_000)["gates"][1]["pass_rate"]
    0.6666666666666666
    """
    values = np.array(accuracies)
    mean, deviation = float(values.mean()), float(values.std(ddof=1))
    return {
        "seeds": len(accuracies),
        "mean": mean,
        "standard_deviation": deviation,
        "lowest": float(values.min()),
        "highest": float(values.max()),
        "gates": [
            {
                "gate": gate,
                "pass_rate": float((values >= gate).mean()),
                "normal_chance_below": float(stats.norm.cdf(gate, mean, deviation))
                if deviation
                else float(mean < gate),
                "binomial_chance_below": float(
                    stats.binom.cdf(math.ceil(round(gate * images, 6)) - 1, images, mean)
                ),
            }
            for gate in GATES
        ],
    }


def _read(table: Path, recipe: str, train_images: int) -> dict[int, Trial]:
    try:
        with table.open(newline="") as file:
            kinds = get_type_hints(Trial)
            trials = [
                Trial(**{name: kind(row[name]) for name, kind in kinds.items()})
                for row in csv.DictReader(file)
            ]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise CourseError(
            f"{table} cannot be read as a study ({error}): remove it, or give another --output."
        ) from None
    for trial in trials:
        if (trial.recipe, trial.train_images) != (recipe, train_images):
            raise CourseError(
                f"{table} is a study of the recipe {trial.recipe!r} on {trial.train_images:,} "
                f"images, not of {recipe!r} on {train_images:,}: give another --output."
            )
    return {trial.seed: trial for trial in trials}


def _write(table: Path, trials: dict[int, Trial]) -> None:
    rows = [asdict(trials[seed]) for seed in sorted(trials)]
    with atomic(table) as temporary, temporary.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)

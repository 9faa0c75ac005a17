"""Published results: test accuracies from many seeds for each recipe, and what grading takes."""

import csv
from dataclasses import dataclass
from importlib import resources

import numpy as np

from mnist_course._arrays import FloatArray, IntArray
from mnist_course.errors import CourseError

PUBLISHED = ("plain", "quick", "reference", "augmented", "cnn")


@dataclass(frozen=True, eq=False)
class Published:
    """The published results of one recipe, an element per seed. Rates are between 0 and 1.

    Attributes
    ----------
    recipe : str
        The recipe.
    train_images : int
        Images in the training set, the validation part included.
    seeds : ndarray of int64, shape (seeds,)
        The seeds.
    test_accuracies, first_halves, second_halves : ndarray of float64, shape (seeds,)
        Accuracy on the test images, and on each half of them.
    validation_accuracies : ndarray of float64, shape (seeds,)
        Accuracy on the validation part after the last epoch.
    """

    recipe: str
    train_images: int
    seeds: IntArray
    test_accuracies: FloatArray
    first_halves: FloatArray
    second_halves: FloatArray
    validation_accuracies: FloatArray


def published(name: str) -> Published:
    """Return the published results of a recipe, which come with the package.

    Parameters
    ----------
    name : {"plain", "quick", "reference", "augmented", "cnn"}
        A key of `training.RECIPES`.

    Returns
    -------
    Published
        The results of 20 seeds, of 40 for "quick" and "reference", or of 10 for "cnn".

    Raises
    ------
    CourseError
        If there is no such study.

    Notes
    -----
    Made by ``mnist-course study``; ``benchmarks/results/README.md`` in the repository has the
    commands.

    Examples
    --------
    >>> len(published("plain").test_accuracies)
    20
    """
    if name not in PUBLISHED:
        raise CourseError(
            f"there is no published study {name!r}: choose one of {', '.join(PUBLISHED)}."
        )
    text = (resources.files(__name__) / f"{name}.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))

    def column(name: str) -> FloatArray:
        return np.array([float(row[name]) for row in rows])

    return Published(
        recipe=rows[0]["recipe"],
        train_images=int(rows[0]["train_images"]),
        seeds=column("seed").astype(np.int64),
        test_accuracies=column("test_accuracy"),
        first_halves=column("first_half"),
        second_halves=column("second_half"),
        validation_accuracies=column("validation_accuracy"),
    )

"""Measure how often a network passes 98.0% on the validation images and misses it on the test set.

    python benchmarks/validation_gate.py

Only networks near the gate can disagree, so this trains some that end there: 10 epochs in batches
of 128, at a learning rate that falls from 0.001 to 0, from 60 seeds. Rows are added to
results/validation_gate.csv one by one, so what was stopped continues.
"""

import csv
import sys
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from scipy import stats

from mnist_course._files import atomic
from mnist_course.data import load_mnist
from mnist_course.evaluation import predict
from mnist_course.models import build_mlp
from mnist_course.preprocessing import normalize
from mnist_course.training.recipes import RECIPES, Recipe, train

TABLE = Path(__file__).parent / "results" / "validation_gate.csv"
COLUMNS = ("seed", "validation_right", "test_right")
SEEDS = 60
GATE = 0.98
HELD_BACK = 12_000


def read() -> dict[int, dict[str, int]]:
    """Return the rows of the table so far, by seed."""
    if not TABLE.exists():
        return {}
    with TABLE.open(newline="") as file:
        rows = [{name: int(value) for name, value in row.items()} for row in csv.DictReader(file)]
    return {row["seed"]: row for row in rows}


def main() -> None:
    """Train what is missing, and print how often the two sets of images disagree."""
    mnist = load_mnist()
    images, test_images = normalize(mnist.train_images), normalize(mnist.test_images)
    held_back, held_back_labels = images[-HELD_BACK:], mnist.train_labels[-HELD_BACK:]
    RECIPES["near the gate"] = Recipe(build_mlp, batch_size=128, decay=True, epochs=10)
    rows = read()
    for seed in [seed for seed in range(SEEDS) if seed not in rows]:
        model, _ = train(images, mnist.train_labels, recipe="near the gate", seed=seed, verbose=0)
        validation_right = predict(model, held_back).argmax(axis=1) == held_back_labels
        test_right = predict(model, test_images).argmax(axis=1) == mnist.test_labels
        counts = (seed, int(validation_right.sum()), int(test_right.sum()))
        rows[seed] = dict(zip(COLUMNS, counts, strict=True))
        with atomic(TABLE) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows.values())
        print(f"{len(rows)}/{SEEDS} {rows[seed]}", file=sys.stderr)
    report(rows)


def chance_to_miss(rows: Iterable[dict[str, int]], validation_accuracy: float) -> float:
    """Return the chance that a network with this validation accuracy misses the gate on the test.

    From seed to seed the two accuracies are not correlated, so their difference is what counts; it
    is taken as normally distributed.
    """
    lead = [row["test_right"] / 10_000 - row["validation_right"] / HELD_BACK for row in rows]
    return float(stats.norm.cdf(GATE - validation_accuracy, np.mean(lead), np.std(lead, ddof=1)))


def report(rows: dict[int, dict[str, int]]) -> None:
    """Print how often the validation images and the test images disagree."""
    validation = np.array([row["validation_right"] for row in rows.values()]) / HELD_BACK
    test = np.array([row["test_right"] for row in rows.values()]) / 10_000
    passed, missed = validation >= GATE, test < GATE
    print(f"{len(rows)} networks, {validation.mean():.2%} on validation, {test.mean():.2%} on test")
    print(
        f"{passed.sum()} pass {GATE:.1%} on validation; {(passed & missed).sum()} of them miss it"
    )
    print(f"on test; {(~passed & ~missed).sum()} fail on validation and pass on test")
    print(f"correlation: {np.corrcoef(validation, test)[0, 1]:.2f}")
    for accuracy in (0.980, 0.981, 0.982):
        chance = chance_to_miss(rows.values(), accuracy)
        print(f"with {accuracy:.1%} on validation, the chance to miss {GATE:.1%} is {chance:.1%}")


if __name__ == "__main__":
    main()

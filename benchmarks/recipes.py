"""Choose how to train by the validation images: no test image is looked at here.

    python benchmarks/recipes.py                 # all candidates, 5 seeds each
    python benchmarks/recipes.py --only quick

A candidate trains on the first 48,000 training images and is judged on the other 12,000 after its
last epoch. Rows are added to results/candidates.csv one by one, so what was stopped continues.
"""

import argparse
import csv
import statistics
import sys
import time
from pathlib import Path

from mnist_course._files import atomic
from mnist_course.data import load_mnist
from mnist_course.models import build_mlp
from mnist_course.preprocessing import normalize
from mnist_course.training.recipes import RECIPES, Recipe, train

TABLE = Path(__file__).parent / "results" / "candidates.csv"
FIRST_SEED = 1000  # none of those with which a study tests the recipe that was chosen
COLUMNS = ("candidate_for", "epochs", "batch_size", "learning_rate", "weight_decay")
RESULTS = ("seed", "validation_accuracy", "fit_seconds")


def falling(epochs: int, batch_size: int, learning_rate: float, weight_decay: float) -> Recipe:
    """Return a recipe for the reference network, at a rate that falls to 0 along a cosine."""
    return Recipe(build_mlp, batch_size, learning_rate, weight_decay, decay=True, epochs=epochs)


CANDIDATES = {
    "quick": [
        falling(10, 128, 3e-3, 0.0),
        falling(10, 128, 3e-3, 0.1),
        falling(10, 128, 3e-3, 0.2),
        falling(10, 128, 2e-3, 0.3),
        falling(10, 128, 4e-3, 0.1),
        falling(8, 128, 3e-3, 0.1),
        falling(8, 128, 4e-3, 0.1),
        falling(12, 256, 3e-3, 0.1),
        falling(12, 256, 4e-3, 0.1),
        falling(12, 256, 6e-3, 0.1),
        falling(10, 256, 4e-3, 0.1),
    ],
    "reference": [
        falling(50, 128, 2e-3, 0.0),
        falling(50, 128, 2e-3, 0.1),
        falling(50, 128, 2e-3, 0.3),
        falling(50, 128, 2e-3, 0.5),
    ],
    # No candidates, but what the chapter on training compares plain and quick with: plain with
    # nothing changed but the rate, and quick without its weight decay.
    "training": [falling(50, 32, 1e-3, 0.0), falling(10, 128, 3e-3, 0.0)],
}


def key(wanted: str, recipe: Recipe) -> tuple[str, ...]:
    """Return the first columns of a candidate's rows."""
    numbers = (recipe.epochs, recipe.batch_size, recipe.learning_rate, recipe.weight_decay)
    return (wanted, *map(str, numbers))


def read() -> list[dict[str, str]]:
    """Return the rows of the table so far."""
    if not TABLE.exists():
        return []
    with TABLE.open(newline="") as file:
        return list(csv.DictReader(file))


def report(rows: list[dict[str, str]]) -> None:
    """Print a line for each candidate, the best of those for a recipe first."""
    print(f"{'for':10}{'epochs':>7}{'batch':>7}{'rate':>8}{'decay':>7}{'seeds':>7}", end="")
    print(f"{'validation accuracy: mean, sd, lowest':>40}{'seconds':>9}")
    for wanted in CANDIDATES:
        found: dict[tuple[str, ...], list[dict[str, str]]] = {}
        for row in rows:
            if row["candidate_for"] == wanted:
                found.setdefault(tuple(row[c] for c in COLUMNS), []).append(row)
        accuracies = {k: [float(r["validation_accuracy"]) for r in v] for k, v in found.items()}
        for k in sorted(found, key=lambda k: -statistics.mean(accuracies[k])):
            values = accuracies[k]
            spread = f"{statistics.stdev(values):.2%}" if len(values) > 1 else ""
            seconds = statistics.median(float(row["fit_seconds"]) for row in found[k])
            print(f"{k[0]:10}{k[1]:>7}{k[2]:>7}{k[3]:>8}{k[4]:>7}{len(values):>7}", end="")
            print(f"{statistics.mean(values):>22.2%}{spread:>9}{min(values):>9.2%}{seconds:>9.1f}")


def main() -> None:
    """Parse the command line, train what is missing, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", choices=CANDIDATES, default=list(CANDIDATES))
    parser.add_argument("--seeds", type=int, default=5)
    arguments = parser.parse_args()

    mnist = load_mnist()
    images, labels = normalize(mnist.train_images), mnist.train_labels
    rows = read()
    done = {(*(row[column] for column in COLUMNS), row["seed"]) for row in rows}
    todo = [
        (wanted, recipe, FIRST_SEED + n)
        for wanted in arguments.only
        for recipe in CANDIDATES[wanted]
        for n in range(arguments.seeds)
        if (*key(wanted, recipe), str(FIRST_SEED + n)) not in done
    ]
    for number, (wanted, recipe, seed) in enumerate(todo, start=1):
        RECIPES["candidate"] = recipe
        begun = time.perf_counter()
        _, history = train(images, labels, recipe="candidate", seed=seed, verbose=0)
        accuracy = history.history["val_accuracy"][-1]
        seconds = time.perf_counter() - begun
        results = (str(seed), str(accuracy), f"{seconds:.2f}")
        row = (*key(wanted, recipe), *results)
        rows.append(dict(zip((*COLUMNS, *RESULTS), row, strict=True)))
        with atomic(TABLE) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, (*COLUMNS, *RESULTS))
            writer.writeheader()
            writer.writerows(rows)
        print(f"{number}/{len(todo)} {rows[-1]}", file=sys.stderr)
    report(rows)


if __name__ == "__main__":
    main()

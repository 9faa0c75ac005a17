"""Numbers in prose that come from a study are those of its table."""

import csv
import json
import re
import runpy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mnist_course.experiments.published import PUBLISHED, published
from mnist_course.experiments.study import summarize

ROOT = Path(__file__).parents[2]
NUMBER = r"([\d.]+)"


def prose(path: str) -> str:
    """Return what a reader sees of a page or a notebook, with single spaces."""
    text = (ROOT / path).read_text(encoding="utf-8")
    if path.endswith(".ipynb"):
        cells = json.loads(text)["cells"]
        text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    return " ".join(text.split())


def percent(share: float, digits: int) -> str:
    return f"{100 * share:.{digits}f}"


def plain_range() -> list[str]:
    values = published("plain").test_accuracies
    return [percent(values.min(), 1), percent(values.max(), 1)]


def near_the_gate() -> list[str]:
    gate = runpy.run_path(str(ROOT / "benchmarks" / "validation_gate.py"))
    rows = gate["read"]()
    chances = [gate["chance_to_miss"](rows.values(), share) for share in (0.980, 0.982)]
    return [str(len(rows)), *(percent(chance, 1) for chance in chances)]


def study_row(name: str) -> Callable[[], list[str]]:
    def row() -> list[str]:
        values = published(name).test_accuracies
        summary = summarize(values.tolist(), 10_000)
        return [
            str(summary["seeds"]),
            percent(summary["mean"], 2),
            percent(summary["standard_deviation"], 2),
            percent(summary["lowest"], 2),
            percent(summary["highest"], 2),
            str(int((values >= 0.98).sum())),
            f"{(summary['mean'] - 0.98) / summary['standard_deviation']:.1f}",
        ]

    return row


def averages() -> list[str]:
    reference, quick = (published(name).test_accuracies for name in ("reference", "quick"))
    return [
        str(len(reference)),
        percent(reference.mean(), 2),
        percent(reference.min(), 2),
        percent(quick.mean(), 2),
    ]


def with_and_without() -> list[str]:
    """Return what the chapter on training says of a falling rate, and of weight decay."""
    with (ROOT / "benchmarks" / "results" / "candidates.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["candidate_for"] == "training"]
    falling, no_decay = (
        np.array([float(row["validation_accuracy"]) for row in rows if row["epochs"] == epochs])
        for epochs in ("50", "10")
    )
    validation = [published(name).validation_accuracies for name in ("plain", "quick")]
    return [
        number
        for row in (validation[0], falling, no_decay, validation[1])
        for number in (str(len(row)), percent(row.mean(), 2), percent(row.std(ddof=1), 2))
    ]


def gains() -> list[str]:
    """Return how many times as long Keras takes as `fit`: as it comes, and at its best."""
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    return [
        f"{float(re.search(pattern, text)[1]):.1f}"  # type: ignore[index]
        for pattern in (
            r"\| Keras, `model\.fit` \|.*\*\*([\d.]+)\*\*",
            r"\| Keras, `model\.fit tuned` \|.*\*\*([\d.]+)\*\*",
        )
    ]


GAINS = rf"{NUMBER} times as fast as .* with its defaults, and {NUMBER} times as fast as with the"
README = "benchmarks/results/README.md"
CLAIMS: list[tuple[str, str, Callable[[], list[str]]]] = [
    (
        "README.md",
        rf"Over the (\d+) seeds .* is {NUMBER}% on average and never below {NUMBER}%\. With "
        rf"`--recipe quick`, ten epochs are enough for {NUMBER}% on average",
        averages,
    ),
    ("README.md", GAINS, gains),
    ("book/training.ipynb", GAINS, gains),
    (
        "book/training.ipynb",
        ".*".join(
            rf"\| {row} \| (\d+) \| {NUMBER}% \| {NUMBER} points \|"
            for row in (
                "`plain`, constant rate",
                "`plain`, falling rate",
                "`quick`, without weight decay",
                "`quick`",
            )
        ),
        with_and_without,
    ),
    ("solutions/06_training/06_training.ipynb", rf"between {NUMBER}% and {NUMBER}%", plain_range),
    (
        "solutions/06_training/06_training.ipynb",
        rf"We trained {NUMBER} networks to .* with a chance of {NUMBER}%. With 98.2% that chance "
        rf"falls to {NUMBER}%",
        near_the_gate,
    ),
    *(
        (
            README,
            rf"\| {name} \| (\d+) \| {NUMBER}% \| {NUMBER}% \| {NUMBER}% \| {NUMBER}% \| (\d+) "
            r"\| (-?[\d.]+) \|",
            study_row(name),
        )
        for name in PUBLISHED
    ),
]


@pytest.mark.parametrize(("path", "claim", "numbers"), CLAIMS)
def test_a_number_is_that_of_the_study(
    path: str, claim: str, numbers: Callable[[], list[str]]
) -> None:
    (found,) = re.findall(claim, prose(path))
    assert list(found) == numbers()


def test_half_of_the_seeds_of_plain_miss_the_gate() -> None:
    assert np.mean(published("plain").test_accuracies < 0.98) == 0.5
    assert "missed 98% every second time" in prose("solutions/06_training/06_training.ipynb")

import csv
import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from mnist_course.data import MNIST
from mnist_course.errors import CourseError
from mnist_course.experiments import study as module
from mnist_course.experiments.study import GATES, Trial, _write, study, summarize
from mnist_course.training.recipes import train

OPTIONS: dict[str, Any] = {"recipe": "reference", "seeds": range(2)}


def train_briefly_and_note(seeds: list[int]) -> Callable[..., object]:
    """Return a `train` of one epoch only, which notes its seed."""

    def train_briefly(*arguments: object, seed: int, **options: object) -> object:
        seeds.append(seed)
        return train(*arguments, seed=seed, **{**options, "epochs": 1})  # type: ignore[arg-type]

    return train_briefly


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Train for one epoch only, and note the seeds that were trained."""
    seeds: list[int] = []
    monkeypatch.setattr(module, "train", train_briefly_and_note(seeds))
    return seeds


@dataclass
class Whole:
    """A study from its beginning to its end."""

    folder: Path
    summary: dict[str, Any]
    told: list[tuple[int, int]]


@pytest.fixture(scope="module")
def whole(few: MNIST, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    told: list[tuple[int, int]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "train", train_briefly_and_note([]))
        summary = study(
            few,
            **OPTIONS,
            output=folder,
            report=lambda trial, left, seconds: told.append((trial.seed, left)),
        )
    return Whole(folder, summary, told)


def ignore(trial: Trial, left: int, seconds: float) -> None:
    pass


class TestStudy:
    @pytest.mark.slow
    def test_writes_a_row_per_seed_a_summary_and_a_figure(self, whole: Whole) -> None:
        with (whole.folder / "study.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["seed"] for row in rows] == ["0", "1"]
        accuracies = [float(row["test_accuracy"]) for row in rows]
        assert len(set(accuracies)) > 1
        assert whole.summary["mean"] == pytest.approx(np.mean(accuracies))
        assert whole.summary == json.loads((whole.folder / "study.json").read_text())
        assert (whole.folder / "study.png").read_bytes().startswith(b"\x89PNG")
        assert whole.told == [(0, 1), (1, 0)]
        for row in rows:
            halves = float(row["first_half"]) + float(row["second_half"])
            assert halves / 2 == pytest.approx(float(row["test_accuracy"]))

    @pytest.mark.slow
    def test_continues_where_it_was_killed_with_the_same_result(
        self, few: MNIST, short: list[int], whole: Whole, tmp_path: Path
    ) -> None:
        def kill(trial: Trial, left: int, seconds: float) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            study(few, **OPTIONS, output=tmp_path, report=kill)
        assert short == [0]
        assert study(few, **OPTIONS, output=tmp_path, report=ignore) == whole.summary
        assert short == [0, 1]

    @pytest.mark.parametrize(("recipe", "images"), [("augmented", 4000), ("reference", 3000)])
    def test_study_of_something_else_is_not_continued(
        self, few: MNIST, short: list[int], tmp_path: Path, recipe: str, images: int
    ) -> None:
        trial = Trial(
            **{field.name: 0 for field in dataclasses.fields(Trial)}
            | {"recipe": "reference", "train_images": 4000}
        )
        _write(tmp_path / "study.csv", {0: trial})
        other = dataclasses.replace(few, train_images=few.train_images[:images])
        with pytest.raises(CourseError, match="is a study of the recipe 'reference' on 4,000"):
            study(other, recipe=recipe, seeds=range(2), output=tmp_path, report=ignore)
        assert short == []

    @pytest.mark.parametrize("content", ["", "seed\n1\n", "\0\0", "recipe,seed\nreference,x\n"])
    def test_damaged_table_is_named_and_kept(
        self, few: MNIST, tmp_path: Path, content: str
    ) -> None:
        (tmp_path / "study.csv").write_text(content + "recipe,seed\n,\n")
        with pytest.raises(CourseError, match=r"study\.csv cannot be read"):
            study(few, recipe="reference", seeds=range(2), output=tmp_path, report=ignore)
        assert (tmp_path / "study.csv").exists()

    def test_unknown_recipe_is_named(self, few: MNIST, tmp_path: Path) -> None:
        with pytest.raises(CourseError, match="choose one of plain"):
            study(few, recipe="secret", seeds=range(2), output=tmp_path, report=ignore)


class TestSummarize:
    @given(
        st.lists(st.integers(9600, 9999), min_size=2, max_size=30).filter(lambda n: len(set(n)) > 1)
    )
    def test_agrees_with_the_textbook(self, right: list[int]) -> None:
        accuracies = [n / 10_000 for n in right]
        summary = summarize(accuracies, images=10_000)
        mean = sum(accuracies) / len(accuracies)
        deviation = (sum((a - mean) ** 2 for a in accuracies) / (len(accuracies) - 1)) ** 0.5
        assert summary["mean"] == pytest.approx(mean)
        assert summary["standard_deviation"] == pytest.approx(deviation)
        assert [gate["gate"] for gate in summary["gates"]] == list(GATES)
        for gate in summary["gates"]:
            needed = round(gate["gate"] * 10_000)
            passed = sum(n >= needed for n in right) / len(right)
            assert gate["pass_rate"] == pytest.approx(passed)
            normal = special.ndtr((gate["gate"] - mean) / deviation)
            assert gate["normal_chance_below"] == pytest.approx(normal, abs=1e-12)
            # The binomial distribution function is an incomplete beta function.
            binomial = special.betainc(10_001 - needed, needed, 1 - mean)
            assert gate["binomial_chance_below"] == pytest.approx(binomial, abs=1e-9)

    def test_equal_accuracies_leave_no_chance(self) -> None:
        gates = summarize([0.98, 0.98], images=10_000)["gates"]
        assert [gate["normal_chance_below"] for gate in gates] == [0.0, 0.0, 1.0]
        assert [gate["pass_rate"] for gate in gates] == [1.0, 1.0, 0.0]

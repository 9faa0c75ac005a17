import csv
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special

from mnist_course.data import MNIST
from mnist_course.errors import CourseError
from mnist_course.experiments import study as module
from mnist_course.experiments.study import GATES, Trial, study, summarize
from mnist_course.training.recipes import train


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Train for one epoch only, and note the seeds that were trained."""
    seeds: list[int] = []

    def train_briefly(*arguments: object, seed: int, **options: object) -> object:
        seeds.append(seed)
        return train(*arguments, seed=seed, **{**options, "epochs": 1})  # type: ignore[arg-type]

    monkeypatch.setattr(module, "train", train_briefly)
    return seeds


def ignore(trial: Trial, left: int, seconds: float) -> None:
    pass


class TestStudy:
    @pytest.mark.slow
    def test_writes_a_row_per_seed_a_summary_and_a_figure(
        self, few: MNIST, short: list[int], tmp_path: Path
    ) -> None:
        told: list[tuple[int, int]] = []
        summary = study(
            few,
            recipe="reference",
            seeds=range(3),
            output=tmp_path,
            report=lambda trial, left, seconds: told.append((trial.seed, left)),
        )
        with (tmp_path / "study.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["seed"] for row in rows] == ["0", "1", "2"]
        accuracies = [float(row["test_accuracy"]) for row in rows]
        assert len(set(accuracies)) > 1
        assert summary["mean"] == pytest.approx(np.mean(accuracies))
        assert summary == json.loads((tmp_path / "study.json").read_text())
        assert (tmp_path / "study.png").read_bytes().startswith(b"\x89PNG")
        assert told == [(0, 2), (1, 1), (2, 0)]
        for row in rows:
            halves = float(row["first_half"]) + float(row["second_half"])
            assert halves / 2 == pytest.approx(float(row["test_accuracy"]))

    @pytest.mark.slow
    def test_continues_where_it_was_killed_with_the_same_result(
        self, few: MNIST, short: list[int], tmp_path: Path
    ) -> None:
        def kill(trial: Trial, left: int, seconds: float) -> None:
            if trial.seed == 1:
                raise KeyboardInterrupt

        options = {"recipe": "reference", "seeds": range(3)}
        with pytest.raises(KeyboardInterrupt):
            study(few, **options, output=tmp_path / "a", report=kill)  # type: ignore[arg-type]
        assert short == [0, 1]
        resumed = study(few, **options, output=tmp_path / "a", report=ignore)  # type: ignore[arg-type]
        assert short == [0, 1, 2]
        whole = study(few, **options, output=tmp_path / "b", report=ignore)  # type: ignore[arg-type]
        assert resumed == whole

    @pytest.mark.slow
    def test_study_of_something_else_is_not_continued(
        self, few: MNIST, short: list[int], tmp_path: Path
    ) -> None:
        study(few, recipe="reference", seeds=range(2), output=tmp_path, report=ignore)
        with pytest.raises(CourseError, match="is a study of the recipe 'reference' on 4,000"):
            study(few, recipe="augmented", seeds=range(2), output=tmp_path, report=ignore)
        assert short == [0, 1]

    @pytest.mark.parametrize("content", ["", "seed\n1\n", "\0\0", "recipe,seed\nreference,x\n"])
    def test_damaged_table_is_named_and_kept(
        self, few: MNIST, tmp_path: Path, content: str
    ) -> None:
        (tmp_path / "study.csv").write_text(content + "recipe,seed\n,\n")
        with pytest.raises(CourseError, match=r"study\.csv cannot be read"):
            study(few, recipe="reference", seeds=range(2), output=tmp_path, report=ignore)
        assert (tmp_path / "study.csv").exists()

    def test_unknown_recipe_is_named(self, few: MNIST, tmp_path: Path) -> None:
        with pytest.raises(CourseError, match="choose one of reference"):
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

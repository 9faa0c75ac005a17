import json
from pathlib import Path

import numpy as np
import pytest

from mnist_course.errors import CourseError
from mnist_course.experiments.published import PUBLISHED, published
from mnist_course.experiments.study import summarize
from mnist_course.training.recipes import RECIPES

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


class TestPublished:
    def test_every_recipe_is_published(self) -> None:
        assert set(RECIPES) <= set(PUBLISHED)
        for recipe in RECIPES:
            assert published(recipe).recipe == recipe
            assert published(recipe).train_images == 60_000

    @pytest.mark.parametrize("name", PUBLISHED)
    def test_agrees_with_the_summary_written_with_it(self, name: str) -> None:
        summary = json.loads((RESULTS / name / "study.json").read_text())
        result = published(name)
        images = summary["data"]["test_images"]
        again = summarize(result.test_accuracies.tolist(), images)
        assert result.recipe == summary["recipe"]
        assert result.train_images == summary["data"]["train_images"]
        assert again["seeds"] == summary["seeds"]
        for key in ("mean", "standard_deviation", "lowest", "highest"):
            assert again[key] == pytest.approx(summary[key], rel=1e-9)

    @pytest.mark.parametrize("name", PUBLISHED)
    def test_arrays_have_an_element_per_seed_and_halves_make_the_whole(self, name: str) -> None:
        result = published(name)
        halves = (result.first_halves + result.second_halves) / 2
        np.testing.assert_allclose(halves, result.test_accuracies, atol=1e-9)
        assert result.validation_accuracies.shape == result.test_accuracies.shape
        assert ((result.validation_accuracies > 0.9) & (result.validation_accuracies < 1)).all()

    @pytest.mark.parametrize("name", ["secret", "", "../study", "Reference"])
    def test_unknown_study_is_named(self, name: str) -> None:
        with pytest.raises(CourseError, match="choose one of plain, quick, reference"):
            published(name)

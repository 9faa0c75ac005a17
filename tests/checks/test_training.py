"""The check of the trained network praises at 98% of the validation images, and not before."""

import pytest

from mnist_course import build_mlp
from mnist_course.checks import training
from mnist_course.checks.core import CheckError

CURVES = {"loss": [0.1], "val_loss": [0.1]}


@pytest.mark.parametrize(
    ("accuracy", "points"), [(0.89, 0), (0.90, 1), (0.95, 2), (0.97, 4), (0.9799, 4), (0.98, 6)]
)
def test_only_the_target_is_praised_and_the_points_are_told(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    accuracy: float,
    points: int,
) -> None:
    monkeypatch.setattr(training, "measure_accuracy", lambda *_: accuracy)
    monkeypatch.setattr(training, "_cause", lambda *_: "")
    if points == 6:
        training.train_network(build_mlp(seed=0), CURVES)
        assert "98.00% of the 12,000 validation images" in capsys.readouterr().out
        return
    with pytest.raises(CheckError, match=rf"at least 98\.0% \(.* would earn {points} of 6 points"):
        training.train_network(build_mlp(seed=0), CURVES)

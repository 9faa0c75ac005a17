"""What is exported to the browser is the network, in one byte for a weight."""

import errno
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
from exported import SCRIPTS, read_script, unpack
from scipy import special

from mnist_course import MNIST, build_mlp, evaluate, normalize, predict
from mnist_course.errors import CourseError
from mnist_course.models import build_cnn
from mnist_course.publishing.out_of_distribution import draw_non_digits, score
from mnist_course.publishing.web_network import (
    _sure_above,
    activate,
    export_web,
    quantize,
    read_training,
    run,
)

Run = Callable[..., "subprocess.CompletedProcess[str]"]
SCRIPT = SCRIPTS / "network.js"


def build_small(**options: bool) -> keras.Sequential:
    """Build a network that is small enough for a page even if it has not learned anything."""
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((28, 28)),
            keras.layers.Flatten(),
            keras.layers.Dense(40, activation="relu", name="first", **options),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def test_rounding_is_to_half_a_step_of_each_unit() -> None:
    model = build_mlp(seed=1)
    for layer, original in zip(quantize(model), model.layers[1:], strict=True):
        kernel, biases = original.get_weights()
        error = np.abs(layer.weights.T * layer.scales.astype(float) - kernel)
        assert (error <= layer.scales * 0.5001).all()
        assert (np.abs(layer.weights).max(axis=1) == 127).all()
        np.testing.assert_array_equal(layer.biases, biases)


def test_of_the_answers_called_sure_995_in_1000_are_right() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1, (4000, 10))
    logits[np.arange(4000), 0] += rng.uniform(0, 9, 4000)  # the surer, the more often right
    labels = np.zeros(4000, int)
    sure = special.softmax(logits, axis=1).max(axis=1) >= _sure_above(logits, labels)
    right = (logits.argmax(axis=1) == labels)[sure].mean()
    assert 0.995 <= right < 0.9975
    assert sure.mean() > 0.3


def test_a_unit_without_weights_stays_silent() -> None:
    model = build_mlp(seed=1)
    kernel, biases = model.layers[-1].get_weights()
    model.layers[-1].set_weights([np.zeros_like(kernel), biases + 1])
    logits = run(quantize(model), np.full((2, 28, 28), 200, np.uint8))
    np.testing.assert_array_equal(logits, np.ones((2, 10)))


def test_units_without_a_bias_have_the_bias_0() -> None:
    model = build_small(use_bias=False)
    first = quantize(model)[0]
    np.testing.assert_array_equal(first.biases, np.zeros(40))
    np.testing.assert_allclose(
        first.weights.T * first.scales, model.layers[1].get_weights()[0], atol=0.001
    )


def test_exported_network_answers_like_the_original(tmp_path: Path, few: MNIST) -> None:
    model = build_small()
    done = export_web(model, few, tmp_path, training={"seed": 5})
    assert done.network == tmp_path / "network.js"
    network = read_script(done.network)
    logits = run(unpack(network), few.test_images)
    np.testing.assert_allclose(
        special.softmax(logits, axis=1), predict(model, normalize(few.test_images)), atol=0.02
    )
    measured = network["measured"]
    assert measured == done.measured
    accuracy = evaluate(model, normalize(few.test_images), few.test_labels).accuracy
    assert measured["accuracy"] == pytest.approx(accuracy)
    assert measured["data"] == "mnist.npz"
    assert measured["seed"] == 5
    (directions,) = unpack(network["directions"])
    assert directions.weights.shape == (16, 40)
    held_out = score(
        activate(unpack(network), few.train_images[3200:]),
        directions.dequantize(),
        measured["strangeness_weight"],
    )
    assert (held_out >= measured["digit_above"]).mean() == pytest.approx(0.98, abs=0.002)


@pytest.mark.slow
def test_a_network_whose_first_layer_is_silent_is_exported(tmp_path: Path, few: MNIST) -> None:
    model = build_small()
    model.layers[1].set_weights([np.zeros((784, 40)), np.full(40, -1.0)])
    measured = export_web(model, few, tmp_path).measured
    assert measured["strangeness_weight"] == 0
    assert np.isfinite(measured["digit_above"])


@pytest.mark.parametrize(
    "model",
    [
        build_cnn(),
        keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)]),
        keras.Sequential(
            [
                keras.Input((28, 28)),
                keras.layers.Flatten(),
                keras.layers.Dense(10, activation="softmax"),
            ]
        ),
    ],
)
def test_other_networks_are_refused(tmp_path: Path, few: MNIST, model: keras.Model) -> None:
    with pytest.raises(CourseError, match="expected Flatten, then Dense layers"):
        export_web(model, few, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_network_without_weights_is_refused() -> None:
    dense = [keras.layers.Dense(9, "relu"), keras.layers.Dense(10, "softmax")]
    with pytest.raises(CourseError, match=r"no weights yet: begin it with keras\.Input"):
        quantize(keras.Sequential([keras.layers.Flatten(), *dense]))


def test_a_network_for_other_images_is_refused() -> None:
    dense = [keras.layers.Dense(9, "relu"), keras.layers.Dense(10, "softmax")]
    model = keras.Sequential([keras.Input((14, 14)), keras.layers.Flatten(), *dense])
    with pytest.raises(CourseError, match=r"from \(None, 14, 14\) to \(None, 10\): expected"):
        quantize(model)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 1])
def test_weights_that_are_not_finite_are_refused(
    tmp_path: Path, few: MNIST, value: float, place: int
) -> None:
    model = build_small()
    weights = model.layers[1].get_weights()
    weights[place].flat[3] = value
    model.layers[1].set_weights(weights)
    with pytest.raises(CourseError, match="layer first has weights that are not finite"):
        export_web(model, few, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_network_too_large_for_a_page_is_refused_and_nothing_written(
    tmp_path: Path, few: MNIST
) -> None:
    with pytest.raises(CourseError, match=r"3\d\d,\d{3} bytes: expected at most 300,000.*longer"):
        export_web(build_mlp(seed=0), few, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_file_where_the_folder_should_be_is_named(tmp_path: Path, few: MNIST) -> None:
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(CourseError, match="taken is a file: give a folder to --output"):
        export_web(build_small(), few, tmp_path / "taken")
    with pytest.raises(CourseError, match=r"cannot be written .*: give another --output"):
        export_web(build_small(), few, tmp_path / "taken" / "within")
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.slow
def test_if_one_script_cannot_be_written_neither_is(tmp_path: Path, few: MNIST) -> None:
    (tmp_path / "images.js").mkdir()
    with pytest.raises(CourseError, match=r"cannot be written .*: give another --output"):
        export_web(build_small(), few, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["images.js"]


@pytest.mark.slow
def test_a_folder_that_may_not_be_written_is_named(
    tmp_path: Path, few: MNIST, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(path: Path, **options: bool) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "mkdir", deny)
    with pytest.raises(CourseError, match=r"new cannot be written \(.*denied: .*--output"):
        export_web(build_small(), few, tmp_path / "new")


class TestTraining:
    def test_is_told_by_the_report_beside_the_model(self, tmp_path: Path) -> None:
        report = {"recipe": "augmented", "seed": 0, "epochs": 50, "mistakes": 85}
        (tmp_path / "report.json").write_text(json.dumps(report))
        told = read_training(tmp_path / "digits.keras")
        assert told == {"recipe": "augmented", "seed": 0, "epochs": 50}

    @pytest.mark.parametrize("content", [None, "", "[]", "7", '{"recipe": "mine"}', "\0"])
    def test_is_unknown_without_such_a_report(self, tmp_path: Path, content: str | None) -> None:
        if content is not None:
            (tmp_path / "report.json").write_text(content)
        assert read_training(tmp_path / "digits.keras") == {}


class TestCommand:
    @pytest.mark.slow
    def test_writes_both_scripts_and_says_what_was_measured(self, run: Run, tmp_path: Path) -> None:
        build_small().save(tmp_path / "digits.keras")
        report = {"recipe": "reference", "seed": 4, "epochs": 2}
        (tmp_path / "report.json").write_text(json.dumps(report))
        web = tmp_path / "web"
        result = run("export-web", tmp_path / "digits.keras", "--output", web, "--json")
        assert result.returncode == 0, result.stderr
        said = json.loads(result.stdout)
        assert said["network"] == str(web / "network.js")
        assert said["images"] == str(web / "images.js")
        assert said["measured"] == read_script(web / "network.js")["measured"]
        assert said["measured"].items() >= report.items()
        assert sorted(path.name for path in web.iterdir()) == ["images.js", "network.js"]
        for path in web.iterdir():
            assert f"Wrote {path}: {path.stat().st_size:,} bytes" in result.stderr

    @pytest.mark.slow
    def test_refuses_in_one_sentence(
        self, run: Run, assert_one_sentence: Callable[..., None], tmp_path: Path
    ) -> None:
        build_mlp(seed=0).save(tmp_path / "digits.keras")
        result = run("export-web", tmp_path / "digits.keras", "--output", tmp_path / "web")
        assert_one_sentence(result, "bytes: expected at most 300,000")
        assert not (tmp_path / "web").exists()


class TestTheScriptOfTheBook:
    def test_is_small_and_was_measured_on_the_complete_mnist(self) -> None:
        assert SCRIPT.stat().st_size <= 300_000
        measured = read_script(SCRIPT)["measured"]
        assert measured["images"] == 10_000
        assert measured["agreement"] >= 0.998
        assert abs(measured["accuracy"] - measured["accuracy_int8"]) <= 0.0005
        assert measured["recipe"] == "augmented"

    @pytest.mark.slow
    def test_keeps_what_was_measured(self, mnist: MNIST) -> None:
        network = read_script(SCRIPT)
        layers, directions = unpack(network), unpack(network["directions"])[0].dequantize()
        measured = network["measured"]
        weight, digit_above = measured["strangeness_weight"], measured["digit_above"]
        digits = activate(layers, mnist.test_images)
        right = digits[-1].argmax(axis=1) == mnist.test_labels
        assert right.mean() == pytest.approx(measured["accuracy_int8"], abs=1e-9)
        # What counts as sure was chosen on validation images, and holds on others, too.
        sure = special.softmax(digits[-1], axis=1).max(axis=1) >= measured["sure_above"]
        assert right[sure].mean() > 0.99
        passing = (score(digits, directions, weight) >= digit_above).mean()
        assert passing == pytest.approx(measured["digits_passing"], abs=1e-9)
        assert passing >= 0.98
        # The pictures of other things that stand in the script were drawn from another seed.
        others = activate(layers, draw_non_digits(500, seed=0))
        caught = (score(others, directions, weight) < digit_above).mean()
        assert caught == pytest.approx(measured["others_caught"], abs=0.06)
        assert caught >= 0.6

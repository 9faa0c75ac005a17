"""What is exported to the browser is the network, in one byte for a weight."""

import base64
import json
import zlib
from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
import pytest
from scipy import special

from mnist_course import MNIST, build_mlp, evaluate, normalize, predict
from mnist_course.errors import CourseError
from mnist_course.models import build_cnn
from mnist_course.web import Layer, draw_others, export_web, quantize, run

SCRIPT = Path(__file__).parents[1] / "book" / "_static" / "network.js"


def read(script: Path) -> dict:
    text = script.read_text(encoding="utf-8")
    return json.loads(text.partition("Data: ")[2].rpartition(" });")[0])


def unpack(network: dict) -> list[Layer]:
    """Read the format as its description says, not as `pack` writes it."""
    content = zlib.decompress(base64.b64decode(network["layers"]))
    layers, start = [], 0
    for units, inputs in network["shapes"]:
        ends = np.cumsum([start, units * inputs, 4 * units, 4 * units])
        weights, scales, biases = (content[a:b] for a, b in pairwise(ends))
        layers.append(
            Layer(
                np.frombuffer(weights, np.int8).reshape(units, inputs),
                np.frombuffer(scales, "<f4"),
                np.frombuffer(biases, "<f4"),
            )
        )
        start = ends[-1]
    assert start == len(content)
    return layers


def test_rounding_is_to_half_a_step_of_each_unit() -> None:
    model = build_mlp(seed=1)
    for layer, original in zip(quantize(model), model.layers[1:], strict=True):
        kernel, biases = original.get_weights()
        error = np.abs(layer.weights.T * layer.scales.astype(float) - kernel)
        assert (error <= layer.scales * 0.5001).all()
        assert (np.abs(layer.weights).max(axis=1) == 127).all()
        np.testing.assert_array_equal(layer.biases, biases)


def test_a_unit_without_weights_stays_silent() -> None:
    model = build_mlp(seed=1)
    kernel, biases = model.layers[-1].get_weights()
    model.layers[-1].set_weights([np.zeros_like(kernel), biases + 1])
    logits = run(quantize(model), np.full((2, 28, 28), 200, np.uint8))
    np.testing.assert_array_equal(logits, np.ones((2, 10)))


def test_exported_network_answers_like_the_original(tmp_path: Path, sample: MNIST) -> None:
    model = build_mlp(seed=0)
    done = export_web(model, sample, tmp_path)
    assert done.network == tmp_path / "network.js"
    logits = run(unpack(read(done.network)), sample.test_images)
    np.testing.assert_allclose(
        special.softmax(logits, axis=1), predict(model, normalize(sample.test_images)), atol=0.02
    )
    accuracy = evaluate(model, normalize(sample.test_images), sample.test_labels).accuracy
    assert done.measured["accuracy"] == pytest.approx(accuracy)
    assert done.measured["data"] == sample.source


@pytest.mark.parametrize(
    "model",
    [
        build_cnn(),
        keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10)]),
    ],
)
def test_other_networks_are_refused(tmp_path: Path, sample: MNIST, model: keras.Model) -> None:
    with pytest.raises(CourseError, match="expected Flatten, then Dense layers"):
        export_web(model, sample, tmp_path)
    assert not list(tmp_path.iterdir())


def test_others_are_drawn_from_their_seed_and_prepared() -> None:
    others = draw_others(30, seed=3)
    assert others.shape == (30, 28, 28)
    assert others.dtype == np.uint8
    assert (others.max(axis=(1, 2)) == 255).all()
    np.testing.assert_array_equal(others, draw_others(30, seed=3))
    assert (others != draw_others(30, seed=4)).any()


class TestTheScriptOfTheBook:
    def test_is_small_and_was_measured_on_the_complete_mnist(self) -> None:
        assert SCRIPT.stat().st_size <= 300_000
        measured = read(SCRIPT)["measured"]
        assert measured["images"] == 10_000
        assert measured["agreement"] >= 0.998
        assert abs(measured["accuracy"] - measured["accuracy_int8"]) <= 0.0005

    def test_keeps_what_was_measured(self, full_mnist: MNIST) -> None:
        network = read(SCRIPT)
        measured = network["measured"]
        logits = run(unpack(network), full_mnist.test_images)
        right = logits.argmax(axis=1) == full_mnist.test_labels
        assert right.mean() == pytest.approx(measured["accuracy_int8"], abs=1e-9)
        energy = special.logsumexp(logits, axis=1)
        assert (energy >= measured["digit_above"]).mean() > 0.98
        # What counts as sure was chosen on validation images, and holds on others, too.
        sure = special.softmax(logits, axis=1).max(axis=1) >= measured["sure_above"]
        assert right[sure].mean() > 0.99
        others = special.logsumexp(run(unpack(network), draw_others(500, seed=0)), axis=1)
        assert (others < measured["digit_above"]).mean() == pytest.approx(measured["others_caught"])

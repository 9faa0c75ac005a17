import itertools
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from mnist_course.data import MNIST
from mnist_course.errors import CourseError
from mnist_course.models import build_cnn, build_mlp, load_model
from mnist_course.preprocessing import normalize


def forward_pass(weights: list[np.ndarray], images: np.ndarray) -> np.ndarray:
    """Compute in NumPy what the network should compute."""
    values = images.reshape(len(images), -1).astype(np.float64)
    for kernel, bias in zip(weights[0:-2:2], weights[1:-2:2], strict=True):
        values = np.maximum(values @ kernel + bias, 0)
    logits = values @ weights[-2] + weights[-1]
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


class TestBuildMLP:
    def test_agrees_with_a_forward_pass_in_numpy(self, few: MNIST) -> None:
        model = build_mlp(seed=0)
        random = np.random.default_rng(0)
        for bias in model.weights[1::2]:
            bias.assign(random.normal(size=bias.shape))
        images = normalize(few.test_images[:100])
        expected = forward_pass(model.get_weights(), images)
        np.testing.assert_allclose(model.predict(images, verbose=0), expected, atol=1e-6)

    def test_has_the_layers_and_parameters_of_the_course(self) -> None:
        model = build_mlp()
        assert [type(layer).__name__ for layer in model.layers] == ["Flatten", *["Dense"] * 4]
        assert [layer.units for layer in model.layers[1:]] == [256, 128, 32, 10]
        assert [layer.activation.__name__ for layer in model.layers[1:]] == [
            *["relu"] * 3,
            "softmax",
        ]
        assert (
            model.count_params() == 784 * 256 + 256 + 256 * 128 + 128 + 128 * 32 + 32 + 32 * 10 + 10
        )
        assert model.count_params() == 238_314

    def test_is_compiled_as_the_course_says(self) -> None:
        model = build_mlp()
        assert isinstance(model.optimizer, keras.optimizers.Adam)
        assert float(model.optimizer.learning_rate) == pytest.approx(1e-3)
        assert isinstance(model.loss, keras.losses.SparseCategoricalCrossentropy)
        results = model.evaluate(
            np.zeros((4, 28, 28), np.float32), np.zeros(4, np.uint8), verbose=0, return_dict=True
        )
        assert set(results) == {"loss", "accuracy"}

    def test_each_layer_draws_numbers_of_its_own(self) -> None:
        layers = [weights.ravel()[:300] for weights in build_mlp(seed=1).get_weights()[::2]]
        for first, second in itertools.combinations(layers, 2):
            assert abs(np.corrcoef(first, second)[0, 1]) < 0.3

    def test_seed_repeats_the_weights_and_another_seed_does_not(self) -> None:
        first, again, other = (build_mlp(seed=seed).get_weights() for seed in (1, 1, 2))
        for a, b in zip(first, again, strict=True):
            np.testing.assert_array_equal(a, b)
        assert not np.array_equal(first[0], other[0])

    def test_initial_weights_are_spread_as_glorot_says(self) -> None:
        kernel = build_mlp(seed=0).layers[1].kernel.numpy()
        limit = np.sqrt(6 / (784 + 256))
        assert abs(kernel).max() <= limit
        assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.02)


class TestBuildCNN:
    def test_has_at_most_100_000_parameters_and_the_outputs_of_the_mlp(
        self, tmp_path: Path
    ) -> None:
        model = build_cnn(seed=0)
        assert model.count_params() == 82_090
        probabilities = model.predict(np.zeros((3, 28, 28), np.float32), verbose=0)
        assert probabilities.shape == (3, 10)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
        model.save(tmp_path / "cnn.keras")
        load_model(tmp_path / "cnn.keras")

    def test_is_compiled_as_the_mlp_is(self) -> None:
        ours, mlps = (build().get_compile_config() for build in (build_cnn, build_mlp))
        for config in (ours, mlps):
            del config["optimizer"]["config"]["name"]
        assert ours == mlps

    def test_seed_repeats_the_weights_and_another_seed_does_not(self) -> None:
        first, again, other = (build_cnn(seed=seed).get_weights() for seed in (1, 1, 2))
        for a, b in zip(first, again, strict=True):
            np.testing.assert_array_equal(a, b)
        assert not np.array_equal(first[0], other[0])


class TestLoadModel:
    def test_returns_the_model_that_was_saved(self, few: MNIST, tmp_path: Path) -> None:
        model = build_mlp(seed=0)
        model.save(tmp_path / "digits.keras")
        images = normalize(few.test_images[:10])
        np.testing.assert_array_equal(
            load_model(tmp_path / "digits.keras").predict(images, verbose=0),
            model.predict(images, verbose=0),
        )

    def test_model_that_carries_code_is_refused(self, tmp_path: Path) -> None:
        model = keras.Sequential(
            [
                keras.Input((28, 28)),
                keras.layers.Lambda(lambda x: keras.ops.reshape(x, (-1, 784))[:, :10]),
            ]
        )
        model.save(tmp_path / "trap.keras")
        with pytest.raises(CourseError, match=r"trap\.keras cannot be loaded"):
            load_model(tmp_path / "trap.keras")

    def test_damaged_files_are_named(self, tmp_path: Path) -> None:
        build_mlp(seed=0).save(tmp_path / "whole.keras")
        content = (tmp_path / "whole.keras").read_bytes()
        damaged = {
            "empty": b"",
            "cut": content[: len(content) // 2],
            "text": b"hello",
        }
        for name, part in damaged.items():
            (tmp_path / f"{name}.keras").write_bytes(part)
            with pytest.raises(CourseError, match=rf"{name}\.keras cannot be loaded"):
                load_model(tmp_path / f"{name}.keras")

    def test_archive_without_a_model_is_named(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
            archive.writestr("config.json", '{"class_name": "os.system"}')
        with pytest.raises(CourseError, match=r"other\.keras cannot be loaded"):
            load_model(tmp_path / "other.keras")

    def test_missing_file_and_other_format_are_named(self, tmp_path: Path) -> None:
        with pytest.raises(CourseError, match=r"none\.keras does not exist"):
            load_model(tmp_path / "none.keras")
        (tmp_path / "old.h5").touch()
        with pytest.raises(CourseError, match=r"old\.h5 is not a \.keras file"):
            load_model(tmp_path / "old.h5")

    def test_model_for_other_images_is_named(self, tmp_path: Path) -> None:
        model = keras.Sequential([keras.Input((32, 32)), keras.layers.Flatten()])
        model.save(tmp_path / "other.keras")
        with pytest.raises(CourseError, match=r"\(None, 32, 32\) to \(None, 1024\)"):
            load_model(tmp_path / "other.keras")

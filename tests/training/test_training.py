from typing import Any

import keras
import numpy as np
import pytest

from mnist_course.data import MNIST
from mnist_course.errors import CourseError
from mnist_course.evaluation import evaluate
from mnist_course.models import build_mlp
from mnist_course.preprocessing import normalize
from mnist_course.training import fit, train


class TestTrain:
    def test_plain_recipe_is_what_keras_fit_does(self, few: MNIST) -> None:
        images, labels = normalize(few.train_images[:500]), few.train_labels[:500]
        model, history = train(images, labels, recipe="plain", epochs=3, seed=0, verbose=0)
        assert set(history.history) == {"accuracy", "loss", "val_accuracy", "val_loss"}
        assert len(history.history["loss"]) == 3
        # Validated on the last 20%: Keras's own evaluation of them agrees.
        results = model.evaluate(images[400:], labels[400:], verbose=0, return_dict=True)
        assert history.history["val_accuracy"][-1] == pytest.approx(results["accuracy"])
        assert history.history["val_loss"][-1] == pytest.approx(results["loss"], rel=1e-4)
        # Trained on the other 400, in 13 steps of 32 an epoch.
        assert int(model.optimizer.iterations) == 3 * 13
        assert float(model.optimizer.learning_rate) == pytest.approx(1e-3)

    @pytest.mark.slow
    def test_seed_repeats_the_training(self, few: MNIST) -> None:
        images, labels = normalize(few.train_images[:300]), few.train_labels[:300]
        first, again, other = (
            train(images, labels, epochs=2, seed=seed, verbose=0)[0].get_weights()
            for seed in (1, 1, 2)
        )
        for a, b in zip(first, again, strict=True):
            np.testing.assert_array_equal(a, b)
        assert not np.array_equal(first[0], other[0])

    def test_learns_digits_it_has_not_seen(self, few: MNIST) -> None:
        images = normalize(few.train_images)
        model, _ = train(images, few.train_labels, recipe="quick", epochs=5, verbose=0)
        accuracy = evaluate(model, normalize(few.test_images), few.test_labels).accuracy
        assert accuracy > 0.88

    @pytest.mark.slow
    def test_augmented_recipe_sees_as_many_images_however_small_the_set(self, few: MNIST) -> None:
        images, labels = normalize(few.train_images[:2000]), few.train_labels[:2000]
        model, _ = train(images, labels, recipe="augmented", epochs=1, seed=0, verbose=0)
        assert int(model.optimizer.iterations) == 48_000 // 128
        assert float(model.optimizer.learning_rate) == pytest.approx(0, abs=1e-6)

    @pytest.mark.nightly
    def test_cnn_recipe_learns_from_distorted_images(self, few: MNIST) -> None:
        model, history = train(
            normalize(few.train_images), few.train_labels, recipe="cnn", epochs=1, verbose=0
        )
        assert int(model.optimizer.iterations) == -(-48_000 // 128)
        assert history.history["accuracy"][-1] > 0.9

    @pytest.mark.parametrize(
        ("options", "rate", "decay", "epochs"),
        [
            pytest.param({}, 2e-3, 0.3, 50, marks=pytest.mark.slow),
            pytest.param({"recipe": "quick"}, 3e-3, 0.1, 10, marks=pytest.mark.nightly),
            pytest.param({"recipe": "quick", "epochs": 3}, 3e-3, 0.1, 3, marks=pytest.mark.slow),
        ],
        ids=["by default", "quick", "quick with other epochs"],
    )
    def test_reference_and_quick_are_adam_with_decaying_weights_and_rate(
        self, few: MNIST, options: dict[str, Any], rate: float, decay: float, epochs: int
    ) -> None:
        images, labels = normalize(few.train_images[:300]), few.train_labels[:300]
        model, history = train(images, labels, seed=0, verbose=0, **options)
        assert len(history.epoch) == epochs
        # Two steps an epoch, the second with 112 of the 240 images.
        oracle = build_mlp(seed=0)
        oracle.compile(
            optimizer=keras.optimizers.AdamW(
                keras.optimizers.schedules.CosineDecay(rate, epochs * 2), weight_decay=decay
            ),
            loss="sparse_categorical_crossentropy",
        )
        fit(
            oracle,
            images[:240],
            labels[:240],
            epochs=epochs,
            batch_size=128,
            seed=0,
            verbose=0,
        )
        for ours, theirs in zip(model.get_weights(), oracle.get_weights(), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-7)

    def test_unknown_recipe_is_named_with_the_known_ones(self, few: MNIST) -> None:
        with pytest.raises(CourseError, match=r"'secret': choose one of plain, quick, reference"):
            train(normalize(few.train_images), few.train_labels, recipe="secret")

    def test_split_that_leaves_nothing_is_named(self, few: MNIST) -> None:
        images, labels = normalize(few.train_images[:3]), few.train_labels[:3]
        for split in (-0.1, 0.9, 1.0):
            with pytest.raises(CourseError, match="validation_split"):
                train(images, labels, validation_split=split, verbose=0)

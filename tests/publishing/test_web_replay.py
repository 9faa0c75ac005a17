"""A recorded training is the training, and the script of the book holds what was recorded."""

import base64
import json
import subprocess
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from exported import SCRIPTS, read_script
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import confusion_matrix

from mnist_course import MNIST, build_mlp, normalize, predict, train
from mnist_course.errors import CourseError
from mnist_course.publishing.web_replay import (
    REPLAY,
    Replay,
    choose_digits,
    export_replay,
    pack,
    quantize,
    record,
)

Run = Callable[..., "subprocess.CompletedProcess[str]"]
EPOCHS = 3
SEED = 5


@pytest.fixture(scope="module")
def replay(few: MNIST) -> Replay:
    return record(few, seed=SEED, epochs=EPOCHS)


def unpack(text: str, kind: str, *shape: int) -> np.ndarray:
    """Read the format as its description says, not as `pack` writes it."""
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), kind).reshape(shape)


@pytest.mark.slow
def test_the_recorded_training_is_the_one_that_train_does(few: MNIST, replay: Replay) -> None:
    images, labels = normalize(few.train_images), few.train_labels
    model, history = train(images, labels, recipe="plain", epochs=EPOCHS, seed=SEED, verbose=0)
    for name, values in history.history.items():
        assert replay.curves[name][1:] == values
    first = len(labels) - len(labels) // 5
    read = predict(model, images[first:]).argmax(axis=1)
    np.testing.assert_array_equal(replay.confusion[-1], confusion_matrix(labels[first:], read))
    np.testing.assert_array_equal(replay.weights[-1], model.layers[1].kernel.numpy().T[::16])
    places = np.concatenate(list(replay.digits.values()))
    np.testing.assert_allclose(
        replay.probabilities[-1], predict(model, images[places]), rtol=1e-4, atol=1e-6
    )


@pytest.mark.slow
def test_before_the_first_epoch_everything_is_measured(few: MNIST, replay: Replay) -> None:
    images, labels = normalize(few.train_images), few.train_labels
    parts = {"": slice(3200), "val_": slice(3200, None)}
    model = build_mlp(seed=SEED)
    for prefix, part in parts.items():
        loss, accuracy = model.evaluate(images[part], labels[part], verbose=0)
        assert replay.curves[f"{prefix}loss"][0] == pytest.approx(loss, rel=1e-5)
        assert replay.curves[f"{prefix}accuracy"][0] == pytest.approx(accuracy)
    np.testing.assert_array_equal(replay.weights[0], model.layers[1].kernel.numpy().T[::16])


def test_each_confusion_matrix_has_all_validation_images(replay: Replay) -> None:
    assert replay.about["validation_images"] == 800
    assert replay.confusion.sum(axis=(1, 2)).tolist() == [800] * (EPOCHS + 1)
    right = replay.confusion.trace(axis1=1, axis2=2) / 800
    np.testing.assert_allclose(right, replay.curves["val_accuracy"], rtol=1e-6)


def test_digits_are_of_the_validation_part_and_each_is_shown_once(
    few: MNIST, replay: Replay
) -> None:
    places = np.concatenate(list(replay.digits.values()))
    assert len(set(places)) == len(places) == 24
    assert places.min() >= 3200
    np.testing.assert_array_equal(replay.images, few.train_images[places])
    np.testing.assert_array_equal(replay.labels, few.train_labels[places])
    assert replay.labels[:20].tolist() == [*range(10), *range(10)]


@given(seed=st.integers(0, 2**32 - 1), epochs=st.integers(1, 6))
def test_digits_are_chosen_by_the_rule_that_is_stated(seed: int, epochs: int) -> None:
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.repeat(np.arange(10), 4))
    predictions = rng.integers(0, 3, (epochs + 1, 40))
    chosen = choose_digits(predictions, labels)

    def changes(image: int) -> int:
        read = predictions[:, image].tolist()
        return sum(a != b for a, b in pairwise(read))

    def wrong(image: int) -> int:
        return sum(digit != labels[image] for digit in predictions[1:, image])

    left = list(range(40))
    for digit in range(10):
        image = next(image for image in left if labels[image] == digit)
        assert chosen["first"][digit] == image
    left = [image for image in left if image not in chosen["first"]]
    for digit in range(10):
        images = [image for image in left if labels[image] == digit]
        # max() and sorted() keep the first of equals, as the rule does.
        assert chosen["undecided"][digit] == max(images, key=changes)
    left = [image for image in left if image not in chosen["undecided"]]
    assert chosen["stubborn"].tolist() == sorted(left, key=wrong, reverse=True)[:4]


@settings(deadline=None)
@given(
    weights=arrays(
        np.float32, (3, 2, 5), elements=st.floats(-9, 9, width=32, allow_subnormal=False)
    ).filter(lambda weights: (np.abs(weights).max(axis=(0, 2)) > 1e-3).all())
)
def test_weights_are_rounded_to_half_a_step_of_each_neuron(weights: np.ndarray) -> None:
    rounded = quantize(weights)
    steps = np.abs(weights).max(axis=(0, 2))[:, np.newaxis].astype(np.float64) / 127
    assert (np.abs(rounded * steps - weights) <= steps * 0.5001).all()
    assert (np.abs(rounded.astype(int)).max(axis=(0, 2)) == 127).all()


def test_what_is_packed_can_be_unpacked(replay: Replay) -> None:
    packed = json.loads(json.dumps(pack(replay)))
    moments = EPOCHS + 1
    differences = unpack(packed["weights"], "i1", moments, 16, 784)
    weights = np.cumsum(differences, axis=0, dtype=np.int8)
    np.testing.assert_array_equal(weights, quantize(replay.weights))
    confusion = unpack(packed["confusion"], "<u2", moments, 10, 10)
    np.testing.assert_array_equal(confusion, replay.confusion)
    probabilities = unpack(packed["probabilities"], "u1", moments, 24, 10)
    np.testing.assert_allclose(probabilities / 255, replay.probabilities, atol=0.5001 / 255)
    predictions = unpack(packed["predictions"], "u1", moments, 24)
    np.testing.assert_array_equal(predictions, replay.probabilities.argmax(axis=2))
    np.testing.assert_array_equal(unpack(packed["images"], "u1", 24, 28, 28), replay.images)
    assert packed["labels"] == replay.labels.tolist()
    for name, values in replay.curves.items():
        np.testing.assert_allclose(packed["curves"][name], values, atol=5e-7)


@pytest.mark.slow
def test_script_that_would_be_too_large_is_refused(
    tmp_path: Path, few: MNIST, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / REPLAY).write_text("what was there before")
    monkeypatch.setattr("mnist_course.publishing.web_replay.MAX_BYTES", 10_000)
    with pytest.raises(CourseError, match="10,000 at most: record fewer epochs"):
        export_replay(few, tmp_path, epochs=1)
    assert [path.name for path in tmp_path.iterdir()] == [REPLAY]
    assert (tmp_path / REPLAY).read_text() == "what was there before"


def test_folder_that_cannot_be_written_is_named_before_the_training(
    tmp_path: Path, few: MNIST, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.delattr("mnist_course.publishing.web_replay.record")
    with pytest.raises(CourseError, match=r"file cannot be written .* give another --output"):
        export_replay(few, tmp_path / "file")


@pytest.mark.usefixtures("only_few")
class TestTheCommand:
    @pytest.mark.slow
    def test_writes_the_script_and_tells_what_it_holds(self, run: Run, tmp_path: Path) -> None:
        done = run("export-replay", "--output", tmp_path / "web", "--seed", "2", "--json")
        assert done.returncode == 0, done.stderr
        script = tmp_path / "web" / REPLAY
        value = read_script(script)
        report = json.loads(done.stdout)
        assert report["replay"] == str(script)
        assert report["bytes"] == script.stat().st_size
        assert {name: report[name] for name in value["about"]} == value["about"]
        assert report["seed"] == 2
        assert report["last_epoch"]["val_accuracy"] == pytest.approx(
            value["curves"]["val_accuracy"][-1], abs=1e-6
        )
        assert "Epoch 50/50" in done.stderr
        assert done.stderr.endswith(f"Wrote {script}: {script.stat().st_size:,} bytes\n")

    def test_mistakes_of_the_user_get_one_sentence(
        self, run: Run, assert_one_sentence: Callable[..., None], tmp_path: Path
    ) -> None:
        (tmp_path / "file").touch()
        result = run("export-replay", "--output", tmp_path / "file")
        assert_one_sentence(result, "file cannot be written")
        assert run("export-replay").returncode == 2


class TestTheScriptOfTheBook:
    SCRIPT = SCRIPTS / REPLAY

    def test_has_51_checkpoints_of_a_training_on_the_complete_mnist(self) -> None:
        assert self.SCRIPT.stat().st_size <= 1_500_000
        value = read_script(self.SCRIPT)
        assert value["about"] == {
            "data": "mnist.npz",
            "recipe": "plain",
            "seed": 0,
            "validation_images": 12_000,
        }
        assert {len(values) for values in value["curves"].values()} == {51}
        confusion = unpack(value["confusion"], "<u2", 51, 10, 10)
        assert confusion[-1].sum() == 12_000
        right = confusion.trace(axis1=1, axis2=2) / 12_000
        np.testing.assert_allclose(right, value["curves"]["val_accuracy"], atol=1e-6)
        weights = np.cumsum(unpack(value["weights"], "i1", 51, 16, 784), axis=0, dtype=np.int8)
        assert (np.abs(weights.astype(int)).max(axis=(0, 2)) == 127).all()

    def test_shows_validation_images_of_mnist(self, mnist: MNIST) -> None:
        value = read_script(self.SCRIPT)
        places = [place for group in value["digits"].values() for place in group]
        assert min(places) >= 48_000
        assert value["labels"] == mnist.train_labels[places].tolist()
        np.testing.assert_array_equal(
            unpack(value["images"], "u1", 24, 28, 28), mnist.train_images[places]
        )

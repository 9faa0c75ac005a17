"""The scripts of the pages compute what the library computes."""

import base64
import json
from typing import Any

import golden
import numpy as np
import pytest
from exported import SCRIPTS, load_scripts, read_script, unpack
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page
from scipy import special

from mnist_course import MNIST
from mnist_course.errors import CourseError
from mnist_course.preprocessing import from_drawing
from mnist_course.publishing.out_of_distribution import draw_non_digits, score
from mnist_course.publishing.web_network import activate, run

GOLDEN = json.loads(golden.FILE.read_text(encoding="utf-8"))
NETWORK = read_script(SCRIPTS / "network.js")
LAYERS = unpack(NETWORK)
PREPARE = """([text, width, height]) => {
    const data = Uint8ClampedArray.from(atob(text), character => character.charCodeAt(0));
    const digit = mnistCourse.prepare({data, width, height});
    return digit && Array.from(digit);
}"""
PREDICT = """async text => {
    const pixels = Uint8Array.from(atob(text), character => character.charCodeAt(0));
    const network = await mnistCourse.loadNetwork();
    const answers = [];
    for (let i = 0; i < pixels.length; i += 784) {
        const { digit, logits, likeness, sure, looksLikeDigit } = network.predict(
            pixels.subarray(i, i + 784));
        answers.push([digit, likeness, sure, looksLikeDigit, ...logits]);
    }
    return answers;
}"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    return load_scripts(browser, "prepare.js", "network.js", "images.js", "recognize.js")


def predict(page: Page, images: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return digits, likenesses, whether sure, whether like a digit, and the logits."""
    answers = np.array(page.evaluate(PREDICT, encode(images)), dtype=float)
    digits, likenesses, sure, like = answers[:, :4].T
    return digits.astype(int), likenesses, sure.astype(bool), like.astype(bool), answers[:, 4:]


def encode(array: np.ndarray) -> str:
    return base64.b64encode(array.tobytes()).decode()


def scrawl(seed: int) -> np.ndarray:
    """Make a picture as a camera or a drawing program might: RGBA."""
    rng = np.random.default_rng(seed)
    width, height = (int(side) for side in rng.integers(30, 300, 2))
    paper, ink = int(rng.integers(170, 256)), int(rng.integers(0, 100))
    if seed % 3 == 0:
        paper, ink = ink, paper
    picture = Image.new("RGB", (width, height), (paper,) * 3)
    points = [(rng.uniform(4, width - 4), rng.uniform(4, height - 4)) for _ in range(6)]
    color = (ink, ink, ink if seed % 2 else 128)
    ImageDraw.Draw(picture).line(points, color, int(rng.integers(2, 18)), joint="curve")
    values = np.asarray(picture.convert("RGBA")).astype(float)
    if seed % 4 == 1:
        light = np.linspace(-20, 20, width)[np.newaxis, :, np.newaxis]
        values[..., :3] += light + rng.normal(0, 6, (height, width, 1))
    if seed % 7 == 3:
        values[..., 3] = np.where(np.abs(values[..., 0] - paper) < 3, 0, 255)
    return values.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("seed", range(40))
def test_pictures_are_prepared_as_by_the_library(page: Page, seed: int) -> None:
    picture = scrawl(seed)
    height, width = picture.shape[:2]
    prepared = page.evaluate(PREPARE, [encode(picture), width, height])
    np.testing.assert_array_equal(np.reshape(prepared, (28, 28)), from_drawing(picture))


def test_empty_paper_gives_nothing(page: Page) -> None:
    assert page.evaluate(PREPARE, [encode(np.full((50, 40, 4), 255, np.uint8)), 40, 50]) is None


def test_golden_pictures_are_up_to_date() -> None:
    """If this fails, run 'python tests/site/golden.py', and see what has changed and why."""

    def values(document: dict[str, Any]) -> list[dict[str, Any]]:
        # What zlib makes of them may differ from version to version.
        return [
            {
                name: golden.unpack(value, -1).tolist()
                if name in ("rgba", "digit") and value
                else value
                for name, value in picture.items()
            }
            for picture in document["pictures"]
        ]

    assert values(golden.make_document()) == values(GOLDEN)


@pytest.mark.parametrize("golden_picture", GOLDEN["pictures"], ids=lambda picture: picture["name"])
class TestGoldenPictures:
    def test_are_prepared_by_the_library(self, golden_picture: dict[str, Any]) -> None:
        height, width = golden_picture["height"], golden_picture["width"]
        picture = golden.unpack(golden_picture["rgba"], height, width, 4)
        if golden_picture["digit"] is None:
            with pytest.raises(CourseError, match="the picture is empty"):
                from_drawing(picture)
        else:
            digit = golden.unpack(golden_picture["digit"], 28, 28)
            np.testing.assert_array_equal(from_drawing(picture), digit)

    def test_are_prepared_by_the_page(self, page: Page, golden_picture: dict[str, Any]) -> None:
        height, width = golden_picture["height"], golden_picture["width"]
        picture = golden.unpack(golden_picture["rgba"], height, width, 4)
        prepared = page.evaluate(PREPARE, [encode(picture), width, height])
        if golden_picture["digit"] is None:
            assert prepared is None
        else:
            digit = golden.unpack(golden_picture["digit"], 28, 28)
            np.testing.assert_array_equal(np.reshape(prepared, (28, 28)), digit)


def test_all_test_images_are_read_one_by_one_as_by_the_library(page: Page, mnist: MNIST) -> None:
    """The page against NumPy, on the same whole numbers.

    The Keras model from which they were rounded is not in the repository; on how many images it
    gives the same digit was measured when they were, and stands in the script as `agreement`.
    """
    digits, _, sure, _, logits = predict(page, mnist.test_images)
    expected = run(LAYERS, mnist.test_images)
    np.testing.assert_array_equal(digits, expected.argmax(axis=1))
    np.testing.assert_allclose(logits, expected, atol=1e-9)
    measured = NETWORK["measured"]
    best = special.softmax(expected, axis=1).max(axis=1)
    np.testing.assert_array_equal(sure, best >= measured["sure_above"])
    accuracy = (digits == mnist.test_labels).mean()
    assert accuracy == pytest.approx(measured["accuracy_int8"], abs=1e-9)
    assert measured["agreement"] >= 0.998


def test_what_looks_like_a_digit_does_so_to_the_library(page: Page, mnist: MNIST) -> None:
    images = np.concatenate([mnist.test_images[:300], draw_non_digits(100, seed=1)])
    images[0] = 0
    _, likenesses, _, like, _ = predict(page, images)
    (directions,) = unpack(NETWORK["directions"])
    measured = NETWORK["measured"]
    weight = measured["strangeness_weight"]
    expected = score(activate(LAYERS, images), directions.dequantize(), weight)
    np.testing.assert_allclose(likenesses, expected, atol=1e-6)
    np.testing.assert_array_equal(like, expected >= measured["digit_above"])
    assert 0 < like.sum() < len(images)


def test_a_changed_network_is_not_asked_what_looks_like_a_digit(page: Page) -> None:
    answer = page.evaluate("""async () => {
        const { layers, measured } = await mnistCourse.loadNetwork();
        const { images } = await mnistCourse.loadImages();
        const { digit, likeness, looksLikeDigit } = mnistCourse
            .makeNetwork(layers, measured).predict(images[3]);
        return { digit, likeness, looksLikeDigit };
    }""")
    assert answer == {"digit": 3, "likeness": None, "looksLikeDigit": None}


def test_probabilities_add_up(page: Page) -> None:
    read = page.evaluate("""async () => {
        const network = await mnistCourse.loadNetwork();
        const { images } = await mnistCourse.loadImages();
        return images.slice(0, 20).map(pixels => {
            const answer = network.predict(pixels);
            return {...answer, layers: answer.layers.map(layer => layer.length),
                probabilities: Array.from(answer.probabilities)};
        });
    }""")
    for answer in read:
        probabilities = answer["probabilities"]
        assert sum(probabilities) == pytest.approx(1)
        assert probabilities[answer["digit"]] == max(probabilities)
        assert probabilities[answer["runnerUp"]] == sorted(probabilities)[-2]
        assert answer["layers"] == [256, 128, 32, 10]


def test_images_of_every_digit_come_with_their_labels(page: Page, mnist: MNIST) -> None:
    read = page.evaluate("""async () => {
        const { images, labels } = await mnistCourse.loadImages();
        return [images.map(pixels => Array.from(pixels)), labels];
    }""")
    images, labels = (np.array(part) for part in read)
    assert np.bincount(labels).tolist() == [30] * 10
    for digit in range(10):
        of_digit = mnist.test_images[mnist.test_labels == digit][:30]
        np.testing.assert_array_equal(images[labels == digit], of_digit.reshape(-1, 784))

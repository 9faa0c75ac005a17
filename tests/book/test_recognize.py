"""The scripts of the pages compute what the library computes."""

import base64
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page

from mnist_course import MNIST
from mnist_course.preprocessing import from_drawing

SCRIPTS = Path(__file__).parents[2] / "book" / "_static"
PREPARE = """([text, width, height]) => {
    const data = Uint8ClampedArray.from(atob(text), character => character.charCodeAt(0));
    const digit = mnistCourse.prepare({data, width, height});
    return digit && Array.from(digit);
}"""
PREDICT = """async text => {
    const pixels = Uint8Array.from(atob(text), character => character.charCodeAt(0));
    const network = await mnistCourse.loadNetwork();
    const digits = [];
    for (let i = 0; i < pixels.length; i += 784) {
        digits.push(network.predict(pixels.subarray(i, i + 784)).digit);
    }
    return digits;
}"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    page = browser.new_page()
    page.goto("about:blank")
    page.evaluate("globalThis.mnistCourse = {}")
    for name in ("prepare.js", "network.js", "images.js", "recognize.js"):
        page.add_script_tag(path=SCRIPTS / name)
    return page


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


def test_network_reads_all_test_images_as_was_measured(page: Page, full_mnist: MNIST) -> None:
    digits = page.evaluate(PREDICT, encode(full_mnist.test_images))
    text = (SCRIPTS / "network.js").read_text(encoding="utf-8")
    measured = json.loads(text.partition("networkData: ")[2].rpartition(" });")[0])["measured"]
    accuracy = (np.array(digits) == full_mnist.test_labels).mean()
    assert accuracy == pytest.approx(measured["accuracy_int8"], abs=1e-9)


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


def test_images_of_every_digit_come_with_their_labels(page: Page, full_mnist: MNIST) -> None:
    read = page.evaluate("""async () => {
        const { images, labels } = await mnistCourse.loadImages();
        return [images.map(pixels => Array.from(pixels)), labels];
    }""")
    images, labels = (np.array(part) for part in read)
    assert np.bincount(labels).tolist() == [30] * 10
    for digit in range(10):
        of_digit = full_mnist.test_images[full_mnist.test_labels == digit][:30]
        np.testing.assert_array_equal(images[labels == digit], of_digit.reshape(-1, 784))

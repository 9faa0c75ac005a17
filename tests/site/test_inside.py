"""A reader looks inside the network: every neuron, its weights, and whom it tells."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from exported import load_scripts, read_network
from playwright.sync_api import Browser, Locator, Page, expect
from strokes import draw
from test_draw import finger, follow, pen

from mnist_course.publishing.web_network import run

LAYERS = read_network()
GRADIENT = """async ([image, layer, unit]) => {
    const network = await mnistCourse.loadNetwork();
    const { images } = await mnistCourse.loadImages();
    return [Array.from(images[image]), Array.from(network.gradient(images[image], layer, unit))];
}"""


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True
    )
    yield context.new_page()
    context.close()


def look_inside(window: Page, site: Path) -> Locator:
    window.goto((site / "book" / "building.html").as_uri())
    place = window.locator("[data-interactive=inside]")
    place.scroll_into_view_if_needed()
    expect(place).to_contain_text("What excites it most of 300 test images")
    return place


def strip(place: Locator, number: int) -> Locator:
    return place.locator("canvas[role=application].inside-strip").nth(number)


def title(place: Locator) -> Locator:
    return place.locator(".inside-title")


@pytest.mark.parametrize(("layer", "unit"), [(0, 246), (1, 54), (2, 23), (3, 0), (3, 7)])
@pytest.mark.parametrize("image", [0, 137])
def test_gradient_is_that_of_tensorflow(
    browser: Browser, layer: int, unit: int, image: int
) -> None:
    page = load_scripts(browser, "network.js", "images.js", "recognize.js")
    pixels, slopes = (np.array(part) for part in page.evaluate(GRADIENT, [image, layer, unit]))
    inputs = tf.constant(pixels[np.newaxis] / 255)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        values = inputs
        for number, part in enumerate(LAYERS[: layer + 1]):
            values = tf.nn.relu(values) if number else values
            values = values @ (part.weights.T * part.scales.astype(np.float64)) + part.biases
        value = values[0, unit]
    expected = tape.gradient(value, inputs)[0].numpy()
    assert np.abs(expected).max() > 0
    np.testing.assert_allclose(slopes, expected, rtol=1e-6, atol=1e-9)
    page.close()


def test_a_test_image_is_read_at_once_and_drawing_goes_on_from_there(
    window: Page, site: Path
) -> None:
    place = look_inside(window, site)
    verdict = place.locator(".part-verdict")
    expect(verdict).to_contain_text("Model prediction: 0")
    place.get_by_role("button", name="Show a test image").click()
    expect(verdict).to_contain_text("Model prediction: 1")
    place.get_by_role("button", name="Clear").click()
    expect(verdict).to_have_text("Draw a digit. On empty paper, only the biases speak.")
    pen(window, place, draw(3, np.random.default_rng(3)))
    expect(verdict).to_contain_text("Model prediction: 3")


def test_first_stroke_replaces_the_test_image_that_the_paper_shows(
    window: Page, site: Path
) -> None:
    darkest = """paper => paper.getContext("2d").getImageData(0, 0, 280, 280).data
        .reduce((least, value) => Math.min(least, value), 255)"""
    place = look_inside(window, site)
    paper = place.locator(".pad-paper")
    assert 100 < paper.evaluate(darkest) < 200
    pen(window, place, draw(3, np.random.default_rng(3)))
    expect(place.locator(".part-verdict")).to_contain_text("Model prediction: 3")
    assert paper.evaluate(darkest) == 0
    place.get_by_role("button", name="Clear").click()
    assert paper.evaluate(darkest) == 255


def test_what_neurons_say_is_what_the_network_computes(window: Page, site: Path) -> None:
    place = look_inside(window, site)
    image = np.array(window.evaluate(GRADIENT, [0, 0, 0])[0], np.uint8).reshape(1, 28, 28)
    hidden = [np.maximum(run(LAYERS[: depth + 1], image)[0], 0) for depth in range(3)]
    for number, values in enumerate(hidden, start=1):
        words = f"Layer {number}: {(values > 0).sum()} of {len(values)} neurons awake"
        expect(place.locator(".inside-caption", has_text=words)).to_be_visible()
    # Looked at first is the neuron that says most.
    first = hidden[0].argmax()
    expect(title(place)).to_have_text(
        f"Layer 1, neuron {first + 1} of 256: says {hidden[0][first]:.2f}."
    )


def test_neuron_under_the_mouse_is_shown_until_the_mouse_leaves(window: Page, site: Path) -> None:
    place = look_inside(window, site)
    said = title(place).inner_text()
    digits = strip(place, 3)
    digits.hover(position={"x": 10, "y": 10})
    expect(title(place)).to_contain_text("Neuron for the digit 0")
    place.locator(".inside-title").hover()
    expect(title(place)).to_have_text(said)


def test_neurons_are_chosen_with_the_mouse(window: Page, site: Path) -> None:
    place = look_inside(window, site)
    second = strip(place, 1)
    second.scroll_into_view_if_needed()
    box = second.bounding_box()
    assert box
    # The third square of the second row of 32.
    window.mouse.move(box["x"] + 2.5 / 32 * box["width"], box["y"] + 1.5 / 4 * box["height"])
    window.mouse.down()
    expect(title(place)).to_contain_text("Layer 2, neuron 35 of 128")
    window.mouse.move(box["x"] + 3.5 / 32 * box["width"], box["y"] + 1.5 / 4 * box["height"])
    expect(title(place)).to_contain_text("Layer 2, neuron 36 of 128")
    # On its way to what is said about the neuron, the mouse chooses no other.
    window.mouse.up()
    window.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] + 400, steps=40)
    expect(title(place)).to_contain_text("Layer 2, neuron 36 of 128")


def test_neurons_are_chosen_with_the_keyboard_and_said_aloud(window: Page, site: Path) -> None:
    place = look_inside(window, site)
    strip(place, 3).focus()
    expect(title(place)).to_contain_text("Neuron for the digit 0")
    for _ in range(3):
        window.keyboard.press("ArrowRight")
    expect(title(place)).to_contain_text("Neuron for the digit 3")
    said = place.locator(".visually-hidden[role=status]")
    expect(said).to_have_text(title(place).inner_text())
    window.keyboard.press("Control+ArrowRight")  # the browser's
    expect(title(place)).to_contain_text("Neuron for the digit 3")
    for _ in range(20):
        window.keyboard.press("ArrowRight")
    expect(title(place)).to_contain_text("Neuron for the digit 9")
    expect(place).to_contain_text("It tells nobody")


def test_connections_are_the_weights_of_the_next_layer(window: Page, site: Path) -> None:
    place = look_inside(window, site)
    strip(place, 2).focus()
    window.keyboard.press("ArrowRight")
    unit = int(re.search(r"neuron (\d+) of 32", title(place).inner_text()).group(1)) - 1
    order = np.argsort(-LAYERS[3].weights[:, unit] * LAYERS[3].scales.astype(float))
    loved, hated = (", ".join(map(str, part)) for part in (order[:3], order[:-4:-1]))
    expect(place).to_contain_text(f"It speaks most for the digits {loved} (dark)")
    expect(place).to_contain_text(f"and most against {hated} (light)")


def test_what_excites_a_neuron_is_found_among_the_test_images(window: Page, site: Path) -> None:
    place = look_inside(window, site)
    images, labels = window.evaluate("""async () => {
        const { images, labels } = await mnistCourse.loadImages();
        return [images.map(pixels => Array.from(pixels)), labels];
    }""")
    values = run(LAYERS, np.reshape(images, (-1, 28, 28)))[:, 4]
    digits = ", ".join(str(labels[i]) for i in np.argsort(-values, kind="stable")[:4])
    means = [values[np.array(labels) == digit].mean() for digit in range(10)]
    first, second = np.argsort(means)[:-3:-1]
    strip(place, 3).focus()
    for _ in range(4):
        window.keyboard.press("ArrowRight")
    expect(place).to_contain_text(f"What excites it most of 300 test images: {digits}.")
    expect(place).to_contain_text(
        f"most to a {first} ({means[first]:.2f}), then to a {second} ({means[second]:.2f})"
    )


def test_a_finger_goes_along_a_strip(phone: Page, site: Path) -> None:
    place = look_inside(phone, site)
    digits = strip(place, 3)
    digits.scroll_into_view_if_needed()
    box = digits.bounding_box()
    assert box
    digits.tap(position={"x": 0.65 * box["width"], "y": box["height"] / 2})
    expect(title(place)).to_contain_text("Neuron for the digit 6")
    move = finger(phone.context.new_cdp_session(phone))
    x, y = box["x"] + 0.65 * box["width"], box["y"] + box["height"] / 2
    follow(move, [(x - 5 * step, y) for step in range(20)])
    expect(title(place)).to_contain_text("Neuron for the digit 3")


def test_a_finger_that_moves_the_page_chooses_no_neuron(phone: Page, site: Path) -> None:
    place = look_inside(phone, site)
    before, scrolled = title(place).inner_text(), phone.evaluate("scrollY")
    first = strip(place, 0)
    first.scroll_into_view_if_needed()
    box = first.bounding_box()
    assert box
    move = finger(phone.context.new_cdp_session(phone))
    follow(move, [(box["x"] + 40, box["y"] + 40 - 10 * step) for step in range(20)])
    phone.wait_for_function(f"scrollY !== {scrolled}")
    expect(title(place)).to_have_text(before)


def test_a_finger_reaches_every_button(phone: Page, site: Path) -> None:
    place = look_inside(phone, site)
    place.get_by_role("button", name="Show a test image").tap()
    expect(place.locator(".part-verdict")).to_contain_text("Model prediction: 1")

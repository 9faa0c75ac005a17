"""A reader breaks a picture or the network, and the prediction follows."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from exported import load_scripts
from playwright.sync_api import Browser, Locator, Page, expect
from scipy import ndimage, special
from strokes import PAPER, draw

from mnist_course.publishing.web_network import Layer, run

Picture = npt.NDArray[np.uint8]

FIRST = 4  # the test image that a reader finds
UNTOUCHED: dict[str, Any] = {
    "degrees": 0,
    "right": 0,
    "down": 0,
    "inverted": False,
    "noise": 0,
    "seed": 0,
}
APPLY = """([name, text, settings]) => {
    const pixels = Uint8Array.from(atob(text), character => character.charCodeAt(0));
    const before = pixels.slice();
    const changed = mnistCourse[name](pixels, ...settings);
    if (pixels.some((gray, i) => gray !== before[i])) {
        throw new Error("changed in place");
    }
    return Array.from(changed);
}"""
LAYERS = """async ([name, settings]) => {
    const { layers } = await mnistCourse.loadNetwork();
    const changed = name ? mnistCourse[name](layers, ...settings) : layers;
    return changed.map(({ weights, scales, biases }) => ({
        weights: btoa(Array.from(new Uint8Array(weights.buffer),
            byte => String.fromCharCode(byte)).join("")),
        scales: Array.from(scales), biases: Array.from(biases),
    }));
}"""
# The colors of the 28 x 28 squares of a canvas.
COLORS = """canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, 280, 280);
    return Array.from({ length: 784 }, (_, i) => {
        const at = 4 * (280 * (10 * Math.floor(i / 28) + 5) + 10 * (i % 28) + 5);
        return Array.from(data.slice(at, at + 3));
    });
}"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    return load_scripts(browser, "network.js", "images.js", "recognize.js", "change.js")


@pytest.fixture(scope="module")
def images(page: Page) -> tuple[Picture, npt.NDArray[np.int64]]:
    pixels, labels = page.evaluate("""async () => {
        const { images, labels } = await mnistCourse.loadImages();
        return [images.map(pixels => Array.from(pixels)), labels];
    }""")
    return np.array(pixels, np.uint8).reshape(-1, 28, 28), np.array(labels)


@pytest.fixture(scope="module")
def layers(page: Page) -> list[Layer]:
    return changed_layers(page)


def apply(page: Page, name: str, image: Picture, *settings: object) -> Picture:
    text = base64.b64encode(image.tobytes()).decode()
    changed = page.evaluate(APPLY, [name, text, settings])
    return np.array(changed, np.uint8).reshape(28, 28)


def changed_layers(page: Page, name: str | None = None, *settings: float) -> list[Layer]:
    found = page.evaluate(LAYERS, [name, settings])
    return [
        Layer(
            np.frombuffer(base64.b64decode(layer["weights"]), np.int8).reshape(
                len(layer["biases"]), -1
            ),
            np.array(layer["scales"], np.float32),
            np.array(layer["biases"], np.float32),
        )
        for layer in found
    ]


def mulberry32(seed: int, count: int) -> npt.NDArray[np.float64]:
    """Write T. Ettinger's generator down once more, after his C."""
    state = seed
    drawn = []
    for _ in range(count):
        state = (state + 0x6D2B79F5) % 2**32
        z = ((state ^ (state >> 15)) * (state | 1)) % 2**32
        z ^= (z + (z ^ (z >> 7)) * (z | 61)) % 2**32
        drawn.append((z ^ (z >> 14)) / 2**32)
    return np.array(drawn)


def shifted(image: Picture, right: int, down: int) -> Picture:
    wide = np.pad(image, 28)
    return wide[28 - down : 56 - down, 28 - right : 56 - right]


def rotated(image: Picture, degrees: float) -> npt.NDArray[np.float64]:
    """Turn clockwise, by SciPy."""
    cos, sin = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    matrix = np.array([[cos, -sin], [sin, cos]])
    offset = 13.5 - matrix @ [13.5, 13.5]
    return ndimage.affine_transform(
        image.astype(float), matrix, offset, order=1, mode="grid-constant"
    )


def noisy(image: Picture, share: float, seed: int) -> Picture:
    dice = mulberry32(seed, 784).reshape(28, 28)
    return np.where(dice < share / 2, 0, np.where(dice > 1 - share / 2, 255, image)).astype("uint8")


def contributions(layers: list[Layer], image: Picture, digit: int) -> npt.NDArray[np.float64]:
    """Compute gradient times input by TensorFlow."""
    inputs = tf.constant(image.reshape(1, -1) / 255)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        values = inputs
        for number, layer in enumerate(layers, start=1):
            weights = layer.weights * layer.scales[:, np.newaxis].astype(float)
            values = values @ tf.constant(weights.T) + layer.biases.astype(float)
            if number < len(layers):
                values = tf.nn.relu(values)
        logit = values[0, digit]
    return (tape.gradient(logit, inputs) * inputs).numpy().ravel()


def some_pictures() -> list[Picture]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (28, 28), np.uint8) for _ in range(3)]


class TestPictures:
    @pytest.mark.parametrize("moved", [(0, 0), (3, 0), (0, -2), (-14, 14), (28, 0)])
    def test_shift_moves_by_whole_pixels(
        self, page: Page, images: tuple[Picture, object], moved: tuple[int, int]
    ) -> None:
        for image in [*some_pictures(), *images[0][:10]]:
            np.testing.assert_array_equal(
                apply(page, "shift", image, *moved), shifted(image, *moved)
            )

    @pytest.mark.parametrize("degrees", [-180, -135, -20, -5, 5, 45, 80, 170])
    def test_rotation_is_that_of_scipy(
        self, page: Page, images: tuple[Picture, object], degrees: int
    ) -> None:
        for image in [*some_pictures(), *images[0][:10]]:
            found = apply(page, "rotate", image, degrees).astype(float)
            np.testing.assert_allclose(found, rotated(image, degrees), atol=0.501)

    def test_a_quarter_turn_is_clockwise_and_no_turn_changes_nothing(self, page: Page) -> None:
        for image in some_pictures():
            np.testing.assert_array_equal(apply(page, "rotate", image, 0), image)
            np.testing.assert_array_equal(apply(page, "rotate", image, 90), np.rot90(image, -1))

    def test_inverted_ink_is_paper(self, page: Page) -> None:
        for image in some_pictures():
            np.testing.assert_array_equal(apply(page, "invert", image), 255 - image)

    @pytest.mark.parametrize("share", [0, 0.1, 0.3, 1])
    @pytest.mark.parametrize("seed", [0, 7, 299])
    def test_noise_is_drawn_by_its_generator(self, page: Page, share: float, seed: int) -> None:
        for image in some_pictures():
            found = apply(page, "addNoise", image, share, seed)
            np.testing.assert_array_equal(found, noisy(image, share, seed))

    def test_noise_spoils_its_share_with_as_much_ink_as_paper(self, page: Page) -> None:
        gray = np.full((28, 28), 100, np.uint8)
        found = np.stack([apply(page, "addNoise", gray, 0.3, seed) for seed in range(200)])
        # Within four standard deviations, of 156,800 pixels.
        assert (found == 0).mean() == pytest.approx(0.15, abs=0.004)
        assert (found == 255).mean() == pytest.approx(0.15, abs=0.004)
        # From seed to seed, no pixel is spoiled more often than chance allows.
        assert np.abs((found != 100).mean(axis=0) - 0.3).max() < 0.15

    def test_more_noise_spoils_what_less_did_and_more(self, page: Page) -> None:
        gray = np.full((28, 28), 100, np.uint8)
        little, much = (apply(page, "addNoise", gray, share, 5) for share in (0.2, 0.4))
        spoiled = little != 100
        np.testing.assert_array_equal(much[spoiled], little[spoiled])
        assert (much != 100).sum() > spoiled.sum() > 0

    def test_changes_come_in_their_order(self, page: Page) -> None:
        settings = {
            "degrees": 90,
            "right": 3,
            "down": -2,
            "inverted": True,
            "noise": 0.2,
            "seed": 9,
        }
        for image in some_pictures():
            expected = noisy(255 - shifted(np.rot90(image, -1), 3, -2), 0.2, 9)
            np.testing.assert_array_equal(apply(page, "changePicture", image, settings), expected)
            np.testing.assert_array_equal(apply(page, "changePicture", image, UNTOUCHED), image)


class TestNetworks:
    @pytest.mark.parametrize(("layer", "units"), [(0, 256), (1, 128), (2, 32)])
    def test_silenced_units_are_as_many_as_asked_and_stay_silenced(
        self, page: Page, layers: list[Layer], layer: int, units: int
    ) -> None:
        before: set[int] = set()
        for share in (0, 0.25, 0.5, 0.55, 1):
            changed = changed_layers(page, "silence", layer, share, 0)
            weights, biases = changed[layer].weights, changed[layer].biases
            silent = set(np.flatnonzero(~weights.any(axis=1) & (biases == 0)).tolist())
            assert len(silent) == int(share * units + 0.5)
            assert before <= silent
            others = np.setdiff1d(np.arange(units), [*silent])
            np.testing.assert_array_equal(weights[others], layers[layer].weights[others])
            np.testing.assert_array_equal(biases[others], layers[layer].biases[others])
            before = silent
        unchanged = changed_layers(page)
        np.testing.assert_array_equal(unchanged[layer].weights, layers[layer].weights)

    @pytest.mark.parametrize("layer", [0, 1, 2])
    def test_silenced_units_give_zero(
        self, page: Page, layers: list[Layer], images: tuple[Picture, object], layer: int
    ) -> None:
        changed = changed_layers(page, "silence", layer, 0.5, 3)
        silent = ~changed[layer].weights.any(axis=1)
        values = images[0].reshape(-1, 784) / 255
        for number, one in enumerate(layers):
            values = values @ one.weights.T.astype(float) * one.scales + one.biases
            if number < 3:
                values = np.maximum(values, 0)
            if number == layer:
                values[:, silent] = 0
        np.testing.assert_allclose(run(changed, images[0]), values, atol=1e-9)

    def test_another_seed_silences_others(self, page: Page) -> None:
        one, other = (changed_layers(page, "silence", 1, 0.5, seed)[1] for seed in (0, 1))
        assert (one.weights.any(axis=1) != other.weights.any(axis=1)).any()

    @pytest.mark.parametrize("bits", range(2, 9))
    def test_coarse_weights_are_the_nearest_of_few(
        self, page: Page, layers: list[Layer], bits: int
    ) -> None:
        steps = 2 ** (bits - 1) - 1
        for fine, coarse in zip(layers, changed_layers(page, "coarsen", bits), strict=True):
            np.testing.assert_array_equal(np.abs(coarse.weights).max(axis=1), steps)
            step = coarse.scales.astype(float)[:, np.newaxis]
            error = coarse.weights * step - fine.weights * fine.scales.astype(float)[:, np.newaxis]
            assert (np.abs(error) <= step * 0.5001).all()
            np.testing.assert_array_equal(coarse.biases, fine.biases)

    def test_eight_bits_change_nothing(self, page: Page, layers: list[Layer]) -> None:
        for before, after in zip(layers, changed_layers(page, "coarsen", 8), strict=True):
            np.testing.assert_array_equal(after.weights, before.weights)
            np.testing.assert_array_equal(after.scales, before.scales)


def open_place(window: Page, site: Path) -> Locator:
    window.goto((site / "book" / "robustness.html").as_uri())
    place = window.locator("[data-interactive=break]")
    place.scroll_into_view_if_needed()
    expect(count(place)).to_contain_text("test images, the network reads")
    return place


def verdict(place: Locator) -> Locator:
    return place.locator(".part-verdict")


def count(place: Locator) -> Locator:
    return place.locator(".break-count:not([aria-busy])")


def move(place: Locator, name: str, value: float) -> None:
    """Put a slider where a reader would leave it."""
    control = place.get_by_label(name)
    control.fill(str(value))
    control.dispatch_event("change")


def seen(place: Locator) -> Picture:
    """Return the picture as the network gets it, as it is painted."""
    colors = np.array(place.locator(".break-picture").first.evaluate(COLORS))
    return (255 - colors[:, 0]).astype(np.uint8).reshape(28, 28)


def probabilities(place: Locator) -> npt.NDArray[np.float64]:
    numbers = place.locator(".part-number").all_inner_texts()
    return np.array([float(number[:-1]) for number in numbers]) / 100


def expected_probabilities(layers: list[Layer], image: Picture) -> npt.NDArray[np.float64]:
    return special.softmax(run(layers, image[np.newaxis])[0])


def test_it_begins_with_a_test_image_that_is_read(
    window: Page, site: Path, images: tuple[Picture, npt.NDArray[np.int64]]
) -> None:
    place = open_place(window, site)
    np.testing.assert_array_equal(seen(place), images[0][FIRST])
    expect(verdict(place)).to_contain_text("Read as 4, with ")
    assert verdict(place).get_attribute("role") == "status"
    assert count(place).get_attribute("role") == "status"
    place.get_by_role("button", name="Next test image").click()
    expect(verdict(place)).to_contain_text("Read as 5, with ")
    np.testing.assert_array_equal(seen(place), images[0][FIRST + 1])


@pytest.mark.parametrize(
    ("name", "value", "words", "change"),
    [
        ("Noise", 30, "30% of the pixels", lambda image: noisy(image, 0.3, 0)),
        ("Shift sideways", -5, "5 px left", lambda image: shifted(image, -5, 0)),
        ("Shift up or down", 7, "7 px down", lambda image: shifted(image, 0, 7)),
        ("Rotate", -90, "90° counterclockwise", lambda image: np.rot90(image)),
    ],
)
def test_sliders_change_the_picture_and_the_prediction_follows(
    window: Page,
    site: Path,
    images: tuple[Picture, object],
    layers: list[Layer],
    name: str,
    value: int,
    words: str,
    change: Any,
) -> None:
    place = open_place(window, site)
    move(place, name, value)
    expect(place.get_by_label(name)).to_have_attribute("aria-valuetext", words)
    expected = change(images[0][FIRST])
    np.testing.assert_array_equal(seen(place), expected)
    found = expected_probabilities(layers, expected)
    np.testing.assert_allclose(probabilities(place), found, atol=0.0006)
    expect(verdict(place)).to_contain_text(f"ead as {found.argmax()}, with {found.max():.1%}"[:-1])
    expect(verdict(place)).to_contain_text("Still" if found.argmax() == 4 else "before, it was 4.")


def test_inverting_and_breaking_the_network_change_the_prediction(
    window: Page, site: Path, page: Page, images: tuple[Picture, object], layers: list[Layer]
) -> None:
    place = open_place(window, site)
    image = images[0][FIRST]
    place.get_by_label("Invert").check()
    np.testing.assert_array_equal(seen(place), 255 - image)
    found = expected_probabilities(layers, 255 - image)
    np.testing.assert_allclose(probabilities(place), found, atol=0.0006)
    place.get_by_label("Invert").uncheck()

    place.get_by_label("Hidden layer").select_option("2, of 128 neurons")
    move(place, "Neurons silenced", 80)
    expect(place.get_by_text("80%: 102 of 128")).to_be_visible()
    found = expected_probabilities(changed_layers(page, "silence", 1, 0.8, 0), image)
    np.testing.assert_allclose(probabilities(place), found, atol=0.0006)
    # The share stays, of another layer.
    place.get_by_label("Hidden layer").select_option("3, of 32 neurons")
    expect(place.get_by_text("80%: 26 of 32")).to_be_visible()
    found = expected_probabilities(changed_layers(page, "silence", 2, 0.8, 0), image)
    np.testing.assert_allclose(probabilities(place), found, atol=0.0006)
    move(place, "Neurons silenced", 0)

    move(place, "Bits per weight", 2)
    expect(place.get_by_text("2: 3 levels")).to_be_visible()
    found = expected_probabilities(changed_layers(page, "coarsen", 2), image)
    np.testing.assert_allclose(probabilities(place), found, atol=0.0006)


def test_mouse_drags_a_slider_and_is_answered_when_it_lets_go(window: Page, site: Path) -> None:
    place = open_place(window, site)
    said, counted = verdict(place).inner_text(), count(place).inner_text()
    slider = place.get_by_label("Shift sideways")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = seen(place)
    window.mouse.move(x, y)
    window.mouse.down()
    window.mouse.move(box["x"] + box["width"] - 3, y, steps=5)
    # The picture follows the hand; what is read aloud does not, and the old count is gone.
    np.testing.assert_array_equal(seen(place), shifted(before, 14, 0))
    assert verdict(place).inner_text() == said
    expect(place.locator(".break-count")).not_to_contain_text("right")
    window.mouse.up()
    expect(verdict(place)).not_to_have_text(said)
    expect(count(place)).to_contain_text("broken like this")
    assert count(place).inner_text() != counted


def test_keyboard_alone_breaks_and_resets(
    window: Page, site: Path, images: tuple[Picture, object]
) -> None:
    place = open_place(window, site)
    said, counted = verdict(place).inner_text(), count(place).inner_text()
    place.get_by_label("Shift sideways").focus()
    for _ in range(6):
        window.keyboard.press("ArrowRight")
    window.keyboard.press("Tab")
    window.keyboard.press("ArrowLeft")
    window.keyboard.press("Tab")
    window.keyboard.press("End")
    window.keyboard.press("Tab")
    window.keyboard.press("Space")
    turned = shifted(np.rot90(images[0][FIRST], 2), 6, -1)
    np.testing.assert_array_equal(seen(place), 255 - turned)
    expect(count(place)).to_contain_text("broken like this")
    expect(verdict(place)).not_to_have_text(said)
    place.get_by_role("button", name="Reset").focus()
    window.keyboard.press("Enter")
    expect(count(place)).to_have_text(counted)
    expect(verdict(place)).to_have_text(said)


def test_finger_drags_a_slider_and_the_page_stays(browser: Browser, site: Path) -> None:
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True
    )
    window = context.new_page()
    place = open_place(window, site)
    slider = place.get_by_label("Noise")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box
    before, scrolled = seen(place), window.evaluate("scrollY")
    client = context.new_cdp_session(window)
    y = box["y"] + box["height"] / 2
    xs = np.linspace(box["x"] + 8, box["x"] + box["width"] / 2, 12)
    for kind, x in [("touchStart", xs[0]), *(("touchMove", x) for x in xs[1:])]:
        spot = {"x": float(x), "y": y}
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [spot]})
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(count(place)).to_contain_text("broken like this")
    assert 40 <= int(slider.input_value()) <= 60
    assert (seen(place) != before).any()
    assert window.evaluate("scrollY") == scrolled
    context.close()


def test_reset_takes_everything_back(
    window: Page, site: Path, images: tuple[Picture, object], layers: list[Layer]
) -> None:
    place = open_place(window, site)
    said, counted = verdict(place).inner_text(), count(place).inner_text()
    words = [one.inner_text() for one in place.locator(".break-controls .part-slider").all()]
    for name, value in [
        ("Noise", 40),
        ("Shift sideways", 3),
        ("Shift up or down", -3),
        ("Rotate", 60),
        ("Neurons silenced", 50),
        ("Bits per weight", 3),
    ]:
        move(place, name, value)
    place.get_by_label("Invert").check()
    place.get_by_label("Hidden layer").select_option("3, of 32 neurons")
    expect(count(place)).to_contain_text("broken like this")
    place.get_by_role("button", name="Reset").click()
    expect(count(place)).to_have_text(counted)
    expect(verdict(place)).to_have_text(said)
    sliders = place.locator(".break-controls .part-slider").all()
    assert [one.inner_text() for one in sliders] == words
    expect(place.get_by_label("Invert")).not_to_be_checked()
    expect(place.get_by_label("Hidden layer")).to_have_value("0")
    image = images[0][FIRST]
    np.testing.assert_array_equal(seen(place), image)
    np.testing.assert_allclose(
        probabilities(place), expected_probabilities(layers, image), atol=0.0006
    )


def test_300_images_are_read_as_by_numpy(
    window: Page,
    site: Path,
    page: Page,
    images: tuple[Picture, npt.NDArray[np.int64]],
    layers: list[Layer],
) -> None:
    pictures, labels = images

    def right(broken: list[Layer], changed: Picture) -> str:
        found = int((run(broken, changed).argmax(axis=1) == labels).sum())
        return f"{found} right ({100 * found / 300:.1f}%)"

    place = open_place(window, site)
    expect(count(place)).to_contain_text(right(layers, pictures))

    place.get_by_label("Invert").check()
    expect(count(place)).to_contain_text(right(layers, 255 - pictures))
    place.get_by_label("Invert").uncheck()

    move(place, "Neurons silenced", 50)
    expect(count(place)).to_contain_text(
        right(changed_layers(page, "silence", 0, 0.5, 0), pictures)
    )
    move(place, "Neurons silenced", 0)

    move(place, "Bits per weight", 2)
    expect(count(place)).to_contain_text(right(changed_layers(page, "coarsen", 2), pictures))
    move(place, "Bits per weight", 8)

    move(place, "Noise", 20)
    spoiled = np.stack([noisy(picture, 0.2, seed) for seed, picture in enumerate(pictures)])
    expect(count(place)).to_contain_text(right(layers, spoiled))
    move(place, "Shift up or down", 4)
    spoiled = np.stack(
        [noisy(shifted(picture, 0, 4), 0.2, seed) for seed, picture in enumerate(pictures)]
    )
    expect(count(place)).to_contain_text(right(layers, spoiled))


def test_a_count_that_no_longer_holds_is_dropped(window: Page, site: Path) -> None:
    place = open_place(window, site)
    said = verdict(place).inner_text()
    window.clock.install(time=0)
    window.clock.pause_at(60_000)
    window.evaluate("""() => {
        globalThis.counted = [];
        const count = document.querySelector(".break-count");
        new MutationObserver(() => counted.push(count.textContent)).observe(
            count, { childList: true });
    }""")
    place.get_by_label("Invert").check()
    window.clock.run_for(399)
    assert verdict(place).inner_text() == said
    window.clock.run_for(5)  # the first images are read now, and many are not yet
    assert verdict(place).inner_text() != said
    expect(place.locator(".break-count")).to_contain_text("Counting")
    place.get_by_label("Invert").uncheck()
    window.clock.run_for(5000)
    expect(count(place)).to_contain_text("test images, the network reads")
    results = [text for text in window.evaluate("counted") if "right (" in text]
    assert len(results) == 1


@pytest.mark.parametrize("right", [0, 5])
def test_map_is_gradient_times_input(
    window: Page, site: Path, images: tuple[Picture, object], layers: list[Layer], right: int
) -> None:
    place = open_place(window, site)
    move(place, "Shift sideways", right)
    image = shifted(images[0][FIRST], right, 0)
    digit = int(run(layers, image[np.newaxis]).argmax())
    values = contributions(layers, image, digit)
    share = (values / np.abs(values).max())[:, np.newaxis]
    white, middle, black = np.array([[255] * 3, [128] * 3, [0] * 3])
    ends = np.where(share < 0, white, black)
    painted = np.array(place.locator(".break-picture").last.evaluate(COLORS))
    np.testing.assert_allclose(painted, middle + np.abs(share) * (ends - middle), atol=0.51)
    expect(place.locator(".part-note")).to_contain_text(f"spoke for the {digit}")
    map_ = place.locator(".break-picture").last
    expect(map_).to_have_attribute("role", "img")
    ninth = tuple(3 * np.indices((28, 28)) // 28)
    speaking, against = np.zeros((2, 3, 3))
    np.add.at(speaking, ninth, values.reshape(28, 28).clip(0, None))
    np.add.at(against, ninth, -values.reshape(28, 28).clip(None, 0))
    names = [
        *("top left", "top", "top right", "left", "center", "right"),
        *("bottom left", "bottom", "bottom right"),
    ]
    expect(map_).to_have_attribute(
        "aria-label",
        f"Map of what mattered for reading this as {digit}: ink at the "
        f"{names[speaking.argmax()]} spoke for it most, ink at the {names[against.argmax()]} "
        "spoke against it most.",
    )


def test_map_follows_the_broken_network_until_no_pixel_matters(
    window: Page, site: Path, page: Page, images: tuple[Picture, object]
) -> None:
    place = open_place(window, site)
    image = images[0][FIRST]
    for layer in range(3):
        broken = changed_layers(page, "silence", layer, 0.5, 0)
        found = page.evaluate(
            """async ([layer, pixels]) => {
                const { layers, measured } = await mnistCourse.loadNetwork();
                const silent = mnistCourse.silence(layers, layer, 0.5, 0);
                const network = mnistCourse.makeNetwork(silent, measured);
                return Array.from(mnistCourse.whatMattered(network, pixels, 4));
            }""",
            [layer, image.ravel().tolist()],
        )
        np.testing.assert_allclose(found, contributions(broken, image, 4), atol=1e-9)
    move(place, "Neurons silenced", 100)
    digit = run(changed_layers(page, "silence", 0, 1, 0), image[np.newaxis]).argmax()
    expect(place.locator(".break-picture").last).to_have_attribute(
        "aria-label", f"Map of what mattered for reading this as {digit}: no pixel did."
    )
    painted = np.array(place.locator(".break-picture").last.evaluate(COLORS))
    assert (painted == 128).all()


@pytest.mark.parametrize("width", [360, 1280])
def test_what_is_broken_stays_in_sight_of_who_breaks_it(
    browser: Browser, site: Path, width: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 740})
    place = open_place(context.new_page(), site)
    place.get_by_text("Draw a digit of your own").click()
    pictures = place.locator(".break-seen canvas")
    expect(pictures).to_have_count(3)
    for part in [place.get_by_label("Bits per weight"), place.get_by_role("button", name="Undo")]:
        part.evaluate("part => part.scrollIntoView()")
        for seen_too in [part, verdict(place), *pictures.all()]:
            expect(seen_too).to_be_in_viewport(ratio=1)
        part.click(trial=True)  # nothing lies over it
    context.close()


def test_own_drawing_is_broken_as_well(window: Page, site: Path) -> None:
    place = open_place(window, site)
    place.get_by_label("Invert").check()
    place.get_by_text("Draw a digit of your own").click()
    place.get_by_role("button", name="Clear").click()
    expect(verdict(place)).to_have_text("Draw a digit, or show a test image.")
    assert not seen(place).any()
    paper = place.locator(".pad-paper")
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    assert box
    scale = box["width"] / PAPER
    for stroke in draw(7, np.random.default_rng(3)).strokes:
        spots = [(box["x"] + x * scale, box["y"] + y * scale) for x, y in stroke]
        window.mouse.move(*spots[0])
        window.mouse.down()
        for spot in spots[1:]:
            window.mouse.move(*spot)
        window.mouse.up()
    expect(verdict(place)).to_contain_text("read as")
    assert seen(place)[0, 0] == 255
    place.get_by_role("button", name="Reset").click()
    expect(verdict(place)).to_contain_text("Read as 7")


def test_pixels_can_be_changed_with_the_keyboard(window: Page, site: Path) -> None:
    place = open_place(window, site)
    grid = place.get_by_role("application")
    before = seen(place)
    grid.focus()
    window.keyboard.press("ArrowUp")
    window.keyboard.press("Space")
    changed = seen(place)
    assert (changed != before).sum() == 1
    assert changed[13, 14] != before[13, 14]

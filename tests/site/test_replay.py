"""A reader plays a training back, epoch by epoch."""

import base64
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from exported import SCRIPTS, read_script
from playwright.sync_api import Browser, Locator, Page, expect

DATA = "replay_data.js"
VALUE = read_script(SCRIPTS / DATA)
# The pictures of the weights, one gray level for each pixel.
SHADES = """canvases => canvases.map(canvas => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const side = canvas.width / 28;
    return Array.from({ length: 784 }, (_, i) => {
        const pixel = Math.floor(i / 28) * side * canvas.width + (i % 28) * side;
        return data[4 * pixel] + data[4 * pixel + 1] + data[4 * pixel + 2];
    });
})"""


def unpack(name: str, kind: str, *shape: int) -> np.ndarray:
    return np.frombuffer(zlib.decompress(base64.b64decode(VALUE[name])), kind).reshape(51, *shape)


CONFUSION = unpack("confusion", "<u2", 10, 10)
PREDICTIONS = unpack("predictions", "u1", 24)
PROBABILITIES = unpack("probabilities", "u1", 24, 10)
WEIGHTS = np.cumsum(unpack("weights", "i1", 16, 784), axis=0, dtype=np.int8)


def come_near(window: Page, site: Path) -> Locator:
    window.goto((site / "book" / "training.html").as_uri())
    place = window.locator("[data-interactive=replay]")
    place.scroll_into_view_if_needed()
    expect(place.get_by_role("button", name="Load the replay")).to_be_visible()
    return place


def load(window: Page, site: Path) -> Locator:
    place = come_near(window, site)
    place.get_by_role("button", name="Load the replay").click()
    expect(place.get_by_role("slider", name="Epoch")).to_be_focused()
    return place


def go(place: Locator, epoch: int) -> None:
    place.get_by_role("slider", name="Epoch").fill(str(epoch))


def test_data_is_loaded_after_a_click_that_was_told_its_size(window: Page, site: Path) -> None:
    asked: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    place = come_near(window, site)
    expect(place.locator("img").first).to_be_visible()
    expect(place.locator("figcaption")).to_have_text(
        "A picture of the replay at epoch 10. Load it above to use it."
    )
    assert not [url for url in asked if url.endswith(DATA)]
    button = place.get_by_role("button", name="Load the replay")
    told = re.search(r"\(([\d.]+) MB\)", button.inner_text())
    assert told
    assert float(told[1]) == pytest.approx((SCRIPTS / DATA).stat().st_size / 1e6, abs=0.005)
    button.click()
    expect(place.get_by_role("status")).to_have_text(
        f"Before training: {VALUE['curves']['val_accuracy'][0]:.1%} of 12,000 validation images "
        f"right, loss {VALUE['curves']['val_loss'][0]:.3f}."
    )
    assert len([url for url in asked if url.endswith(DATA)]) == 1


@pytest.mark.parametrize("epoch", [0, 1, 7, 30, 50])
def test_what_is_shown_is_what_was_recorded(window: Page, site: Path, epoch: int) -> None:
    place = load(window, site)
    go(place, 25)
    go(place, epoch)
    curves = {name: values[epoch] for name, values in VALUE["curves"].items()}
    percents = {name: f"{100 * value:.1f}%" for name, value in curves.items()}
    expect(place.locator(".replay-chart figcaption")).to_have_text(
        [
            f"Loss: training {curves['loss']:.4f}, validation {curves['val_loss']:.4f}",
            f"Accuracy: training {percents['accuracy']}, validation {percents['val_accuracy']}",
        ]
    )

    counts = place.locator(".replay-confusion td:not(:empty)").all_inner_texts()
    np.testing.assert_array_equal(np.array(counts, int).reshape(10, 10), CONFUSION[epoch])

    changed = 0
    for i, card in enumerate(place.locator(".replay-cards li").all()):
        digit, label = PREDICTIONS[epoch, i], VALUE["labels"][i]
        before = PREDICTIONS[max(epoch - 1, 0), i]
        changed += digit != before
        truth, read, share = card.inner_text().split("\n")
        assert truth == f"a {label}"
        mark = "✓" if digit == label else "✗"
        assert read == (f"{digit} {mark}" if digit == before else f"{before}→{digit} {mark}")
        assert float(share[:-1]) == pytest.approx(PROBABILITIES[epoch, i, digit] / 2.55, abs=0.5)
        assert card.get_attribute("data-read") == ("right" if digit == label else "wrong")
        spoken = card.get_by_role("img").get_attribute("aria-label") or ""
        assert f"handwritten {label}, " in spoken
        assert f"ly read as a {digit} with {share}" in spoken
    if epoch:
        expect(place.get_by_role("status")).to_have_text(
            f"After epoch {epoch}: {percents['val_accuracy']} of 12,000 validation images right, "
            f"loss {curves['val_loss']:.3f}. Read differently than one epoch before: {changed} of "
            "24 digits."
        )

    # Darker is more: the shades have the order of the weights.
    shades = np.array(place.locator(".replay-weights canvas").evaluate_all(SHADES))
    bounded = WEIGHTS[epoch].astype(int).clip(-64, 64)
    for shade, weights in zip(shades, bounded, strict=True):
        assert (np.diff(shade[np.argsort(weights, kind="stable")]) <= 2).all()
    assert np.corrcoef(shades.ravel(), bounded.ravel())[0, 1] < -0.9


def test_keyboard_moves_the_slider(window: Page, site: Path) -> None:
    place = load(window, site)
    slider = place.get_by_role("slider")
    slider.focus()
    for key in ["ArrowRight"] * 4 + ["ArrowLeft"]:
        window.keyboard.press(key)
    expect(slider).to_have_value("3")
    expect(place.locator(".part-verdict")).to_contain_text("After epoch 3:")
    window.keyboard.press("End")
    expect(place.get_by_role("status")).to_contain_text("After epoch 50:")


def test_only_where_the_slider_comes_to_rest_is_said_aloud(window: Page, site: Path) -> None:
    place = load(window, site)
    said = place.get_by_role("status")
    expect(said).to_contain_text("Before training")
    said.evaluate("""said => {
        globalThis.spoken = [];
        new MutationObserver(() => globalThis.spoken.push(said.textContent.split(":")[0]))
            .observe(said, { childList: true });
    }""")
    # At once, as no keyboard can: on a busy machine two keys may lie far apart.
    place.get_by_role("slider").evaluate("""slider => {
        for (const epoch of [1, 2, 3, 4, 3]) {
            slider.value = epoch;
            slider.dispatchEvent(new Event("input"));
        }
    }""")
    expect(said).to_contain_text("After epoch 3:")
    assert window.evaluate("spoken") == ["After epoch 3"]


def test_play_goes_on_by_itself_until_it_is_paused_or_at_the_end(window: Page, site: Path) -> None:
    window.clock.install()
    place = load(window, site)
    slider = place.get_by_role("slider")
    window.clock.pause_at(window.evaluate("Date.now()") + 1000)
    place.get_by_role("button", name="Play").click()
    window.clock.run_for(1500)
    epoch = int(slider.input_value())
    assert epoch > 3
    place.get_by_role("button", name="Pause").click()
    window.clock.run_for(1500)
    expect(slider).to_have_value(str(epoch))
    expect(place.get_by_role("status")).to_contain_text(f"After epoch {epoch}:")

    place.get_by_role("button", name="Play").click()
    slider.press("ArrowRight")
    expect(place.get_by_role("button", name="Play")).to_be_visible()
    place.get_by_role("button", name="Play").click()
    window.clock.run_for(50_000)
    expect(slider).to_have_value("50")
    place.get_by_role("button", name="Play").click()
    expect(slider).to_have_value("0")


def test_who_wants_less_motion_goes_step_by_step(browser: Browser, site: Path) -> None:
    context = browser.new_context(reduced_motion="reduce")
    window = context.new_page()
    window.clock.install()
    place = load(window, site)
    expect(place.get_by_role("button", name="Play")).to_have_count(0)
    for epoch in (1, 2):
        place.get_by_role("button", name="Next epoch").click()
        window.clock.run_for(5000)
        expect(place.get_by_role("slider")).to_have_value(str(epoch))
    context.close()


def test_slider_stays_in_reach_while_the_reader_scrolls(window: Page, site: Path) -> None:
    place = load(window, site)
    place.locator(".replay-confusion tr").last.scroll_into_view_if_needed()
    expect(place.get_by_role("slider")).to_be_in_viewport()
    place.get_by_role("button", name="Play").click()  # nothing lies above it


def test_data_that_do_not_come_are_told_and_asked_for_again(window: Page, site: Path) -> None:
    window.route(f"**/{DATA}", lambda route: route.abort())
    place = come_near(window, site)
    place.get_by_role("button", name="Load the replay").click()
    expect(place.get_by_role("alert")).to_contain_text(f"{DATA} could not be loaded")
    window.unroute(f"**/{DATA}")
    place.get_by_role("button", name="Load the replay").click()
    expect(place.get_by_role("slider", name="Epoch")).to_be_focused()

"""A reader draws a digit on the first page, and the network reads it."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect
from strokes import PAPER, Drawing, draw, drawings

from mnist_course.data import load_mnist

PLACES = ("welcome", "own_digits")
# Reads a drawing without moving a mouse for each of its points.
READ = """strokes => {
    const paper = document.createElement("canvas");
    paper.width = paper.height = 280;
    const pen = paper.getContext("2d");
    pen.fillStyle = "white";
    pen.fillRect(0, 0, 280, 280);
    pen.lineCap = pen.lineJoin = "round";
    pen.lineWidth = strokes.width;
    for (const points of strokes.points) {
        pen.beginPath();
        points.forEach(([x, y]) => pen.lineTo(x, y));
        pen.stroke();
    }
    const pixels = mnistCourse.prepare(pen.getImageData(0, 0, 280, 280));
    return mnistCourse.loadNetwork().then(network => network.predict(pixels).digit);
}"""


@pytest.fixture
def window(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()


def open_pad(window: Page, site: Path, place: str = "welcome") -> Locator:
    window.goto((site / "book" / f"{place}.html").as_uri())
    pad = window.locator("[data-interactive=draw]")
    pad.scroll_into_view_if_needed()
    expect(pad.get_by_role("status")).to_have_text("Draw a digit.")
    return pad


def pen(window: Page, pad: Locator, drawing: Drawing) -> None:
    """Draw with the mouse."""
    paper = pad.locator(".pad-paper")
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    assert box
    scale = box["width"] / PAPER
    for stroke in drawing.strokes:
        spots = [(box["x"] + x * scale, box["y"] + y * scale) for x, y in stroke]
        window.mouse.move(*spots[0])
        window.mouse.down()
        for spot in spots[1:]:
            window.mouse.move(*spot)
        window.mouse.up()


@pytest.mark.parametrize("place", PLACES)
def test_a_digit_that_is_drawn_is_read(window: Page, site: Path, place: str) -> None:
    pad = open_pad(window, site, place)
    pen(window, pad, draw(3, np.random.default_rng(3)))
    expect(pad.get_by_role("status")).to_contain_text("Model prediction: 3")
    numbers = [float(cell[:-2]) for cell in pad.locator(".part-number").all_inner_texts()]
    assert np.argmax(numbers) == 3
    assert sum(numbers) == pytest.approx(100, abs=0.5)


def test_drawings_of_every_digit_are_read(window: Page, site: Path) -> None:
    open_pad(window, site)
    written = drawings(each=25, seed=0)
    read = [
        window.evaluate(READ, {"points": drawing.strokes, "width": drawing.width})
        for drawing in written
    ]
    right = np.array([drawing.digit for drawing in written]) == read
    assert right.mean() >= 0.95


def test_finger_draws_and_the_page_stays(browser: Browser, site: Path) -> None:
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True
    )
    window = context.new_page()
    pad = open_pad(window, site)
    paper = pad.locator(".pad-paper")
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    assert box
    before = window.evaluate("scrollY")
    client = context.new_cdp_session(window)
    x, top, bottom = box["x"] + box["width"] / 2, box["y"] + 30, box["y"] + box["height"] - 30
    spot = {"x": x, "y": top}
    client.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [spot]})
    for y in np.linspace(top, bottom, 20):
        spot = {"x": x, "y": float(y)}
        client.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [spot]})
    client.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(pad.get_by_role("status")).to_contain_text("1")
    assert window.evaluate("scrollY") == before
    context.close()


def test_undo_takes_back_a_stroke_and_clear_all_of_them(window: Page, site: Path) -> None:
    pad = open_pad(window, site)
    drawing = draw(4, np.random.default_rng(1))
    pen(window, pad, drawing)
    said = pad.get_by_role("status").inner_text()
    pen(window, pad, Drawing(0, [[(10, 10), (270, 270)]], 20))
    expect(pad.get_by_role("status")).not_to_have_text(said)
    pad.get_by_role("button", name="Undo").click()
    expect(pad.get_by_role("status")).to_have_text(said)
    pad.get_by_role("button", name="Clear").click()
    expect(pad.get_by_role("status")).to_have_text("Draw a digit.")


def test_keyboard_alone_puts_ink_and_is_told_where(window: Page, site: Path) -> None:
    pad = open_pad(window, site)
    grid = pad.locator(".pad-grid")
    grid.focus()
    for _ in range(8):
        window.keyboard.press("ArrowUp")
    for _ in range(16):
        window.keyboard.press("Space")
        window.keyboard.press("ArrowDown")
    expect(pad.locator("[aria-live=polite]")).to_have_text("row 23, column 15: empty")
    expect(pad.get_by_role("status")).to_contain_text("1")


def test_test_images_can_be_shown_instead(window: Page, site: Path) -> None:
    pad = open_pad(window, site)
    pad.get_by_role("button", name="Show a test image").click()
    expect(pad.get_by_role("status")).to_contain_text("Model prediction")


def test_photo_is_read_and_another_file_refused(window: Page, site: Path, tmp_path: Path) -> None:
    mnist = load_mnist("sample")
    digit = int(mnist.test_labels[0])
    picture = Image.fromarray(255 - mnist.test_images[0]).resize((600, 600))
    sheet = Image.new("L", (900, 1200), 255)
    sheet.paste(picture, (200, 100))
    sheet.save(tmp_path / "photo.png")
    (tmp_path / "notes.txt").write_text("no picture")
    pad = open_pad(window, site)
    pad.locator("input[type=file]").set_input_files(tmp_path / "photo.png")
    expect(pad.get_by_role("status")).to_contain_text(f"prediction: {digit}")
    pad.locator("input[type=file]").set_input_files(tmp_path / "notes.txt")
    expect(pad.get_by_role("alert")).to_contain_text("notes.txt is no picture")


def test_without_scripts_there_is_a_picture_and_a_sentence(browser: Browser, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    window = context.new_page()
    window.goto((site / "book" / "welcome.html").as_uri())
    pad = window.locator("[data-interactive=draw]")
    expect(pad.locator("img")).to_be_visible()
    expect(pad).to_contain_text("With JavaScript")
    context.close()


@pytest.mark.parametrize(("width", "theme"), [(360, "dark"), (768, "light"), (1440, "dark")])
def test_pad_is_no_obstacle_and_asks_nobody(
    browser: Browser, site: Path, width: int, theme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900})
    window = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    window.on("pageerror", lambda error: complaints.append(str(error)))
    pad = open_pad(window, site)
    window.add_style_tag(content="* {transition: none !important}")
    window.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
    pad.get_by_role("button", name="Show a test image").click()
    found = Axe().run(window, options={"preload": False}).response["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    assert window.evaluate("document.documentElement.scrollWidth") <= width
    assert {urlsplit(url).scheme for url in asked} <= {"file", "data"}
    assert complaints == []
    context.close()

"""A reader draws a digit on the first page, and the network reads it."""

from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, CDPSession, ConsoleMessage, Locator, Page, expect
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
    return mnistCourse.loadNetwork().then(network => {
        const { digit, looksLikeDigit } = network.predict(pixels);
        return [digit, looksLikeDigit];
    });
}"""
SEEDS = (1, 2, 3)
EMPTY = ["\N{EN DASH}"] * 10
STAR = Drawing(10, [[(140, 20), (215, 250), (20, 108), (260, 108), (65, 250), (140, 20)]], 16)
Spot = tuple[float, float]
Move = Callable[[str, Spot], None]  # told "down", "move" or "up", and where


@pytest.fixture
def window(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    window = context.new_page()
    complaints = listen(window)
    yield window
    context.close()
    assert complaints == []


@pytest.fixture
def phone(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True
    )
    window = context.new_page()
    complaints = listen(window)
    yield window
    context.close()
    assert complaints == []


def listen(window: Page) -> list[str]:
    """Note every error on the page's console."""
    complaints: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            complaints.append(message.text)

    window.on("pageerror", lambda error: complaints.append(str(error)))
    window.on("console", note)
    return complaints


def open_pad(window: Page, site: Path, place: str = "welcome") -> Locator:
    return open_address(window, (site / "book" / f"{place}.html").as_uri())


def open_address(window: Page, address: str) -> Locator:
    window.goto(address)
    pad = window.locator("[data-interactive=draw]")
    pad.scroll_into_view_if_needed()
    expect(pad.get_by_role("status")).to_have_text("Draw a digit.")
    return pad


def pen(window: Page, pad: Locator, drawing: Drawing) -> None:
    """Draw with the mouse."""
    for stroke in place_on(pad, drawing):
        follow(mouse(window), stroke)


def place_on(pad: Locator, drawing: Drawing) -> list[list[Spot]]:
    """Return the strokes where the paper lies in the window."""
    paper = pad.locator(".pad-paper")
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    assert box
    scale = box["width"] / PAPER
    return [
        [(box["x"] + x * scale, box["y"] + y * scale) for x, y in stroke]
        for stroke in drawing.strokes
    ]


def follow(move: Move, stroke: list[Spot], *, lift: bool = True) -> None:
    move("down", stroke[0])
    for spot in stroke[1:]:
        move("move", spot)
    if lift:
        move("up", stroke[-1])


def mouse(window: Page) -> Move:
    def move(what: str, spot: Spot) -> None:
        window.mouse.move(*spot)
        if what == "down":
            window.mouse.down()
        if what == "up":
            window.mouse.up()

    return move


def finger(client: CDPSession) -> Move:
    kinds = {"down": "touchStart", "move": "touchMove", "up": "touchEnd"}

    def move(what: str, spot: Spot) -> None:
        touch(client, kinds[what], *([] if what == "up" else [spot]))

    return move


def touch(client: CDPSession, kind: str, *spots: Spot) -> None:
    points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(spots)]
    client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


def stylus(client: CDPSession) -> Move:
    kinds = {"down": "mousePressed", "move": "mouseMoved", "up": "mouseReleased"}

    def move(what: str, spot: Spot) -> None:
        client.send(
            "Input.dispatchMouseEvent",
            {
                "type": kinds[what],
                "x": spot[0],
                "y": spot[1],
                "button": "left",
                "buttons": 0 if what == "up" else 1,
                "clickCount": 1,
                "pointerType": "pen",
            },
        )

    return move


def read_drawings(pad: Locator, move: Move) -> None:
    """Draw every digit a few times; fail unless each is read at least once, and most always."""
    status = pad.get_by_role("status")
    read = np.zeros((10, len(SEEDS)), dtype=bool)
    for digit in range(10):
        for number, seed in enumerate(SEEDS):
            for stroke in place_on(pad, draw(digit, np.random.default_rng(seed))):
                # Each move takes a frame: some of the points are enough.
                follow(move, [*stroke[:-1:3], stroke[-1]])
            expect(status).not_to_have_text("Draw a digit.")
            read[digit, number] = f"prediction: {digit}," in status.inner_text()
            pad.get_by_role("button", name="Clear").click()
            expect(status).to_have_text("Draw a digit.")
    assert read.any(axis=1).all(), f"never read: {np.flatnonzero(~read.any(axis=1))}"
    assert read.mean() >= 0.8, f"read: {read.sum(axis=1)} of {len(SEEDS)}"


def drop(window: Page, pad: Locator, file: Path, *, above: float = 0) -> None:
    """Let a file fall on the paper, or so many pixels above its middle."""
    client = window.context.new_cdp_session(window)
    ((spot,),) = place_on(pad, Drawing(0, [[(PAPER / 2, PAPER / 2 - above)]], 1))
    data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        client.send(
            "Input.dispatchDragEvent", {"type": kind, "x": spot[0], "y": spot[1], "data": data}
        )


@pytest.fixture
def photo(tmp_path: Path) -> tuple[Path, int]:
    """A photo of a digit, and the digit."""
    mnist = load_mnist()
    picture = Image.fromarray(255 - mnist.test_images[0]).resize((600, 600))
    sheet = Image.new("L", (900, 1200), 255)
    sheet.paste(picture, (200, 100))
    sheet.save(tmp_path / "photo.png")
    return tmp_path / "photo.png", int(mnist.test_labels[0])


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    (tmp_path / "notes.txt").write_text("no picture")
    return tmp_path / "notes.txt"


@pytest.mark.parametrize("place", PLACES)
def test_a_digit_that_is_drawn_is_read(window: Page, site: Path, place: str) -> None:
    pad = open_pad(window, site, place)
    pen(window, pad, draw(3, np.random.default_rng(3)))
    expect(pad.get_by_role("status")).to_contain_text("Model prediction: 3")
    numbers = [float(cell[:-1]) for cell in pad.locator(".part-number").all_inner_texts()]
    assert np.argmax(numbers) == 3
    assert sum(numbers) == pytest.approx(100, abs=0.5)


def test_drawings_of_every_digit_are_read_and_look_like_digits(window: Page, site: Path) -> None:
    open_pad(window, site)
    written = drawings(each=25, seed=0)
    answers = [
        window.evaluate(READ, {"points": drawing.strokes, "width": drawing.width})
        for drawing in written
    ]
    read, like = np.array(answers).T
    assert (read == [drawing.digit for drawing in written]).mean() >= 0.95
    assert like.mean() >= 0.95


def test_mouse_draws_every_digit(window: Page, site: Path) -> None:
    read_drawings(open_pad(window, site), mouse(window))


def test_finger_draws_every_digit_and_the_page_stays(phone: Page, site: Path) -> None:
    pad = open_pad(phone, site)
    place_on(pad, STAR)
    before = phone.evaluate("scrollY")
    read_drawings(pad, finger(phone.context.new_cdp_session(phone)))
    assert phone.evaluate("scrollY") == before


def test_pen_draws(window: Page, site: Path) -> None:
    pad = open_pad(window, site)
    kinds = window.evaluate_handle("""() => {
        const kinds = new Set();
        document.addEventListener("pointermove", event => kinds.add(event.pointerType));
        return kinds;
    }""")
    move = stylus(window.context.new_cdp_session(window))
    for stroke in place_on(pad, draw(7, np.random.default_rng(1))):
        follow(move, stroke)
    expect(pad.get_by_role("status")).to_contain_text("prediction: 7,")
    assert kinds.evaluate("kinds => Array.from(kinds)") == ["pen"]


def test_a_second_finger_is_ignored(phone: Page, site: Path) -> None:
    pad = open_pad(phone, site)
    client = phone.context.new_cdp_session(phone)
    ((*stroke,),) = place_on(pad, Drawing(1, [[(140, y) for y in range(40, 241, 20)]], 20))
    follow(finger(client), stroke)
    alone = pad.locator(".part-number").all_inner_texts()
    pad.get_by_role("button", name="Clear").click()
    (((x, y), _),) = place_on(pad, Drawing(0, [[(30, 140), (250, 140)]], 20))
    touch(client, "touchStart", stroke[0])
    touch(client, "touchStart", stroke[0], (x, y))
    for number, spot in enumerate(stroke):
        touch(client, "touchMove", spot, (x + 15 * number, y))
    touch(client, "touchEnd")
    assert pad.locator(".part-number").all_inner_texts() == alone


def test_answer_follows_the_pen_and_is_said_when_it_is_lifted(window: Page, site: Path) -> None:
    pad = open_pad(window, site)
    status, number = pad.get_by_role("status"), pad.locator(".part-number").nth(4)
    first, second = place_on(pad, draw(4, np.random.default_rng(1)))
    follow(mouse(window), first, lift=False)
    expect(number).to_contain_text("%")
    expect(status).to_have_text("Draw a digit.")
    window.mouse.up()
    expect(status).not_to_have_text("Draw a digit.")
    after_one, share = status.inner_text(), number.inner_text()
    follow(mouse(window), second, lift=False)
    expect(number).not_to_have_text(share)
    expect(status).to_have_text(after_one)
    window.mouse.up()
    expect(status).to_contain_text("prediction: 4,")


def test_what_is_no_digit_is_said_to_look_like_none(window: Page, site: Path) -> None:
    pad = open_pad(window, site)
    pen(window, pad, STAR)
    expect(pad.get_by_role("status")).to_contain_text("This does not look like a digit")
    expect(pad.locator(".part-note")).to_contain_text("look like a digit to it; so do")


def test_empty_paper_has_no_probabilities(window: Page, site: Path) -> None:
    pad = open_pad(window, site)
    assert pad.locator(".part-number").all_inner_texts() == EMPTY
    pen(window, pad, draw(0, np.random.default_rng(1)))
    expect(pad.locator(".part-number").first).to_contain_text("%")
    pad.get_by_role("button", name="Clear").click()
    expect(pad.get_by_role("status")).to_have_text("Draw a digit.")
    assert pad.locator(".part-number").all_inner_texts() == EMPTY


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


def test_undo_takes_back_whatever_was_done(
    window: Page, site: Path, photo: tuple[Path, int]
) -> None:
    pad = open_pad(window, site)
    status = pad.get_by_role("status")
    undo = pad.get_by_role("button", name="Undo")

    def shown() -> list[str]:
        pictures: list[str] = pad.locator("canvas").evaluate_all(
            "pictures => pictures.map(picture => picture.toDataURL())"
        )
        return pictures

    states = [shown()]
    pen(window, pad, Drawing(1, [[(140, 40), (140, 240)]], 20))
    expect(status).to_contain_text("prediction: 1")
    states.append(shown())
    pad.get_by_role("button", name="Show a test image").click()
    expect(status).to_contain_text("prediction: 0")
    states.append(shown())
    pad.locator(".pad-grid").press("Space")
    undo.focus()
    states.append(shown())
    pad.locator("input[type=file]").set_input_files(photo[0])
    expect(status).to_contain_text(f"prediction: {photo[1]}")
    states.append(shown())
    pad.get_by_role("button", name="Clear").click()
    assert shown() == states[0]
    assert len(set(map(tuple, states))) == 5
    for state in reversed(states):
        undo.click()
        assert shown() == state
    undo.click()  # there is nothing left to take back
    expect(status).to_have_text("Draw a digit.")


def test_clearing_while_the_pen_is_down_lets_go_of_the_stroke(window: Page, site: Path) -> None:
    pad = open_pad(window, site)
    (stroke,) = place_on(pad, Drawing(1, [[(140, 40), (140, 240)]], 20))
    follow(mouse(window), stroke, lift=False)
    pad.get_by_role("button", name="Clear").press("Enter")
    window.mouse.move(stroke[0][0] + 40, stroke[0][1])
    window.mouse.up()
    expect(pad.get_by_role("status")).to_have_text("Draw a digit.")
    assert pad.locator(".part-number").all_inner_texts() == EMPTY
    pen(window, pad, draw(3, np.random.default_rng(3)))
    expect(pad.get_by_role("status")).to_contain_text("prediction: 3")


@pytest.mark.parametrize("place", PLACES)
def test_nothing_moves_when_there_is_something_to_say(phone: Page, site: Path, place: str) -> None:
    pad = open_pad(phone, site, place)
    parts = pad.locator(".pad-paper, .pad-grid, button, .part-bar")
    before = [part.bounding_box() for part in parts.all()]
    pad.get_by_role("button", name="Show a test image").tap()
    expect(pad.get_by_role("status")).to_contain_text("prediction")
    after = [part.bounding_box() for part in parts.all()]
    assert [(a["x"], a["y"]) for a in after if a] == [(b["x"], b["y"]) for b in before if b]


def test_buttons_are_as_large_as_a_finger(phone: Page, site: Path) -> None:
    pad = open_pad(phone, site)
    boxes = [part.bounding_box() for part in pad.locator("button, input[type=file]").all()]
    assert min(box["height"] for box in boxes if box) >= 44


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


def test_keys_of_the_browser_stay_the_browsers(window: Page, site: Path) -> None:
    grid = open_pad(window, site).locator(".pad-grid")
    grid.focus()
    grid.press("ArrowUp")
    said = window.locator("[aria-live=polite]")
    expect(said).to_have_text("row 14, column 15: empty")
    window.evaluate("addEventListener('keydown', event => globalThis.last = event)")
    grid.press("Control+ArrowUp")
    assert not window.evaluate("last.defaultPrevented")
    expect(said).to_have_text("row 14, column 15: empty")


def test_test_images_can_be_shown_instead(window: Page, site: Path) -> None:
    pad = open_pad(window, site)
    pad.get_by_role("button", name="Show a test image").click()
    expect(pad.get_by_role("status")).to_contain_text("Model prediction")


def test_test_images_that_do_not_come_are_told_and_asked_for_again(
    browser: Browser, site: Path
) -> None:
    context = browser.new_context()
    window = context.new_page()
    window.route("**/images.js", lambda route: route.abort())
    pad = open_pad(window, site)
    show = pad.get_by_role("button", name="Show a test image")
    show.click()
    expect(pad.get_by_role("alert")).to_contain_text("images.js could not be loaded")
    window.unroute("**/images.js")
    show.click()
    expect(pad.get_by_role("status")).to_contain_text("prediction: 0,")
    expect(pad.get_by_role("alert")).to_be_empty()
    context.close()


def test_an_old_browser_keeps_the_picture_and_is_told_why(browser: Browser, site: Path) -> None:
    context = browser.new_context()
    window = context.new_page()
    window.add_init_script("delete globalThis.DecompressionStream")
    window.goto((site / "book" / "welcome.html").as_uri())
    place = window.locator("[data-interactive=draw]")
    place.scroll_into_view_if_needed()
    expect(place.get_by_role("alert")).to_contain_text("this browser is too old")
    expect(place.locator("img")).to_be_visible()
    context.close()


def test_photo_is_read_and_another_file_refused(
    window: Page, site: Path, photo: tuple[Path, int], notes: Path
) -> None:
    pad = open_pad(window, site)
    pad.locator("input[type=file]").set_input_files(photo[0])
    expect(pad.get_by_role("status")).to_contain_text(f"prediction: {photo[1]}")
    pad.locator("input[type=file]").set_input_files(notes)
    expect(pad.get_by_role("alert")).to_contain_text("notes.txt is no picture")


def test_large_photo_is_read_at_a_size_that_a_phone_bears(
    window: Page, site: Path, photo: tuple[Path, int], tmp_path: Path
) -> None:
    Image.open(photo[0]).resize((3600, 4800)).save(tmp_path / "large.png")
    pad = open_pad(window, site)
    window.evaluate("""() => {
        const prepare = CanvasRenderingContext2D.prototype.getImageData;
        CanvasRenderingContext2D.prototype.getImageData = function (...box) {
            globalThis.sizes = [...(globalThis.sizes || []), [box[2], box[3]]];
            return prepare.apply(this, box);
        };
    }""")
    pad.locator("input[type=file]").set_input_files(tmp_path / "large.png")
    expect(pad.get_by_role("status")).to_contain_text(f"prediction: {photo[1]}")
    assert window.evaluate("sizes") == [[1500, 2000]]


def test_photo_of_empty_paper_is_told(window: Page, site: Path, tmp_path: Path) -> None:
    Image.new("L", (90, 120), 230).save(tmp_path / "empty.png")
    pad = open_pad(window, site)
    pad.locator("input[type=file]").set_input_files(tmp_path / "empty.png")
    expect(pad.get_by_role("alert")).to_contain_text("empty.png has no ink on it")
    expect(pad.get_by_role("status")).to_have_text("Draw a digit.")


def test_photo_that_is_dropped_is_read_and_another_file_refused(
    window: Page, site: Path, photo: tuple[Path, int], notes: Path
) -> None:
    pad = open_pad(window, site)
    drop(window, pad, notes)
    expect(pad.get_by_role("alert")).to_contain_text("notes.txt is no picture")
    expect(pad.get_by_role("status")).to_have_text("Draw a digit.")
    drop(window, pad, photo[0])
    expect(pad.get_by_role("status")).to_contain_text(f"prediction: {photo[1]}")
    expect(pad.get_by_role("alert")).to_have_text("")


def test_photo_that_misses_the_paper_is_read_all_the_same(
    window: Page, site: Path, photo: tuple[Path, int]
) -> None:
    pad = open_pad(window, site)
    drop(window, pad, photo[0], above=PAPER)
    expect(pad.get_by_role("status")).to_contain_text(f"prediction: {photo[1]}")


def test_works_below_a_path_of_a_server_and_asks_nobody_else(
    window: Page, site: Path, tmp_path: Path
) -> None:
    (tmp_path / "some").mkdir()
    (tmp_path / "some" / "where").symlink_to(site, target_is_directory=True)

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path))
    Thread(target=server.serve_forever, daemon=True).start()
    root = f"http://127.0.0.1:{server.server_port}/some/where/"
    asked: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    try:
        pad = open_address(window, f"{root}book/welcome.html")
        pen(window, pad, draw(3, np.random.default_rng(3)))
        expect(pad.get_by_role("status")).to_contain_text("prediction: 3,")
        pad.get_by_role("button", name="Show a test image").click()
        expect(pad.get_by_role("status")).to_contain_text("prediction: 0,")
    finally:
        server.shutdown()
        server.server_close()
    assert any(url.endswith("network.js") for url in asked)
    assert [url for url in asked if not url.startswith((root, "data:"))] == []


def test_at_200_percent_it_draws_and_nothing_is_cut_off(browser: Browser, site: Path) -> None:
    # This is how browsers zoom: half as many pixels of the page, each twice as large.
    context = browser.new_context(viewport={"width": 640, "height": 450}, device_scale_factor=2)
    window = context.new_page()
    pad = open_pad(window, site)
    pen(window, pad, draw(3, np.random.default_rng(3)))
    expect(pad.get_by_role("status")).to_contain_text("prediction: 3,")
    assert window.evaluate("document.documentElement.scrollWidth") <= 640
    context.close()


@pytest.mark.parametrize(("motion", "still"), [("reduce", True), ("no-preference", False)])
def test_bars_do_not_glide_for_readers_who_want_less_motion(
    browser: Browser, site: Path, motion: str, still: bool
) -> None:
    context = browser.new_context(reduced_motion=motion)
    window = context.new_page()
    bar = open_pad(window, site).locator(".part-bar").first
    duration = bar.evaluate("bar => getComputedStyle(bar).transitionDuration")
    assert (duration == "0s") == still
    context.close()

"""Take the still pictures that readers without JavaScript see in place of the interactive ones.

    mnist-course book
    python scripts/take_stills.py

Opens the built book in Chromium and writes PNGs to book/images. The one that stays until a reader
loads the replay is also taken in the dark, for book/_static.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, Locator, Page, sync_playwright

from mnist_course._files import atomic
from mnist_course._programs import find_browser

ROOT = Path(__file__).parents[1]
COLORS = 256  # chosen so that those of thin lines are among them
SEVEN = [(70, 60), (210, 60), (120, 230)]  # in pixels of the paper


def draw_a_seven(window: Page, place: Locator) -> None:
    """Draw with the mouse."""
    paper = place.locator(".pad-paper")
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    assert box
    window.mouse.move(box["x"] + SEVEN[0][0], box["y"] + SEVEN[0][1])
    window.mouse.down()
    for x, y in SEVEN[1:]:
        window.mouse.move(box["x"] + x, box["y"] + y, steps=10)
    window.mouse.up()


def show_the_middle(_: Page, place: Locator) -> None:
    """Load the replay, and go to an epoch at which the strokes have begun to show."""
    place.get_by_role("button").first.click()
    slider = place.locator("input[type=range]")
    slider.wait_for()
    slider.fill("10")


def break_the_picture(_: Page, place: Locator) -> None:
    """Turn the picture, and add noise."""
    for name, value in (("Rotate", "45"), ("Noise", "20")):
        control = place.get_by_label(name)
        control.fill(value)
        control.dispatch_event("change")


STILLS: dict[str, tuple[str, str, Callable[[Page, Locator], None]]] = {
    "images/draw.png": ("own_digits", "draw", draw_a_seven),
    "images/look_inside.png": ("building", "inside", draw_a_seven),
    "images/replay.png": ("training", "replay", show_the_middle),
    "_static/replay_dark.png": ("training", "replay", show_the_middle),
    "images/break_it.png": ("robustness", "break", break_the_picture),
}


def shrink(shot: bytes) -> Image.Image:
    """Return a screenshot with a palette, which makes a small file."""
    picture = Image.open(io.BytesIO(shot)).convert("RGB")
    return picture.quantize(COLORS, Image.Quantize.MAXCOVERAGE)


def take(
    browser: Browser, page: str, kind: str, act: Callable[[Page, Locator], None], *, dark: bool
) -> bytes:
    """Return what a place of a page looks like after `act`."""
    theme: Literal["dark", "light"] = "dark" if dark else "light"
    window = browser.new_page(viewport={"width": 1280, "height": 1600}, color_scheme=theme)
    window.goto((ROOT / "_build" / "html" / "book" / f"{page}.html").as_uri())
    place = window.locator(f"[data-interactive={kind}]")
    place.scroll_into_view_if_needed()
    place.locator("canvas, button").first.wait_for()
    act(window, place)
    window.wait_for_timeout(3000)  # until all test images are read
    shot = place.screenshot()
    window.close()
    return shot


def main() -> None:
    """Write all pictures."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), chromium_sandbox=False)
        for name, (page, kind, act) in STILLS.items():
            picture = shrink(take(browser, page, kind, act, dark="dark" in name))
            path = ROOT / "book" / name
            with atomic(path) as temporary:
                picture.save(temporary, optimize=True)
            print(
                f"Wrote {path}: {picture.width} x {picture.height}, {path.stat().st_size:,} bytes"
            )
        browser.close()


if __name__ == "__main__":
    main()

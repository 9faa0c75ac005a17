"""What holds for every place in the book where readers try something."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, expect

PLACES = {
    "first_look": "draw",
    "welcome": "draw",
    "own_digits": "draw",
    "building": "inside",
    "training": "replay",
    "robustness": "break",
}
LOOKS = [(320, "light"), (360, "dark"), (768, "light"), (1440, "dark")]


def use(place: Locator, kind: str) -> None:
    """Do what a reader does, until the place shows all it has."""
    if kind == "draw":
        place.get_by_role("button", name="Show a test image").click()
        expect(place.get_by_role("status")).to_contain_text("Model prediction")
    elif kind == "inside":
        expect(place).to_contain_text("What excites it most of 300 test images")
    elif kind == "replay":
        place.get_by_role("button", name="Load the replay").click()
        place.get_by_role("slider").fill("12")
        expect(place.get_by_role("status")).to_contain_text("After epoch 12")
    else:
        rotate = place.get_by_label("Rotate")
        rotate.fill("120")
        rotate.dispatch_event("change")
        place.get_by_text("Draw a digit of your own").click()
        expect(place).to_contain_text("broken like this, the network reads")


@pytest.mark.parametrize("page", PLACES)
def test_place_is_no_obstacle_and_asks_nobody(browser: Browser, site: Path, page: str) -> None:
    context = browser.new_context(viewport={"width": LOOKS[0][0], "height": 900})
    window = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    window.on("request", lambda request: asked.append(request.url))
    window.on("pageerror", lambda error: complaints.append(str(error)))
    window.on(
        "console",
        lambda message: complaints.append(message.text) if message.type == "error" else None,
    )
    window.goto((site / "book" / f"{page}.html").as_uri())
    # What fades from one theme to the other is judged when it has.
    window.add_style_tag(content="* {transition: none !important}")
    here = f"[data-interactive={PLACES[page]}]"
    place = window.locator(here)
    place.scroll_into_view_if_needed()
    use(place, PLACES[page])
    # A page takes long to load: it is used once, in the narrowest window, and looked at in all.
    wrong = []
    for width, theme in LOOKS:
        window.set_viewport_size({"width": width, "height": 900})
        window.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
        place.scroll_into_view_if_needed()
        found = Axe().run(window, context=here, options={"preload": False}).response["violations"]
        obstacles = [one["id"] for one in found if one["impact"] in ("serious", "critical")]
        needed = window.evaluate("document.documentElement.scrollWidth")
        if obstacles or needed > width:
            wrong.append((width, theme, obstacles, needed))
    assert wrong == []
    assert {urlsplit(url).scheme for url in asked} <= {"file", "data"}
    assert complaints == []
    context.close()


@pytest.mark.parametrize("page", PLACES)
def test_without_scripts_there_is_a_picture_and_a_sentence(
    browser: Browser, site: Path, page: str
) -> None:
    context = browser.new_context(java_script_enabled=False)
    window = context.new_page()
    window.goto((site / "book" / f"{page}.html").as_uri())
    place = window.locator(f"[data-interactive={PLACES[page]}]")
    expect(place.locator("img")).to_be_visible()
    expect(place).to_contain_text("JavaScript")
    context.close()


@pytest.mark.parametrize("page", PLACES)
def test_a_script_that_does_not_come_is_told(browser: Browser, site: Path, page: str) -> None:
    window = browser.new_page()
    window.route("**/parts.js", lambda route: route.abort())
    window.goto((site / "book" / f"{page}.html").as_uri())
    place = window.locator(f"[data-interactive={PLACES[page]}]")
    place.scroll_into_view_if_needed()
    expect(place.get_by_role("alert")).to_contain_text("parts.js could not be loaded")
    expect(place.locator("img")).to_be_visible()
    window.close()

"""Take the pictures of the formgrader that the instructor guide shows.

    python scripts/take_formgrader.py

Grades a made-up class of three in a temporary folder, opens it in JupyterLab and in nbgrader's
formgrader, and writes PNGs to book/images. A frame marks where to click.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
from playwright.sync_api import Locator, Page, sync_playwright
from take_stills import shrink

from mnist_course._files import atomic
from mnist_course._programs import find_browser
from mnist_course.grading.batch.coordinator import grade
from mnist_course.grading.course.settings import Course, read_course
from mnist_course.grading.gradebook.records import open_gradebook

ROOT = Path(__file__).parents[1]
NAME = "02_normalizing"
SECONDS_TO_START = 60
# Who handed in when, and which answers of tests/submissions stand in place of right ones.
CLASS = {
    ("ada", "Ada", "Lovelace"): ("2026-03-31 16:20:00", ""),
    ("alan", "Alan", "Turing"): ("2026-03-31 17:00:00", "rounds"),
    ("grace", "Grace", "Hopper"): ("2026-04-02 09:05:00", "forgets_float32"),
}
REFLECTION = (
    "The network only knows values from 0 to 1, and the photo went up to 255. So save the scaling "
    "together with the weights: then nobody can forget it."
)
COMMENT = "Good. Where would you put it, so that it is always there?"
FRAME = (
    "element => {element.style.outline = '3px solid #b00020'; element.style.outlineOffset = '%s'}"
)


def make_course(root: Path) -> Course:
    """Make a course with one assignment, and grade what its class handed in."""
    shutil.copy(ROOT / "nbgrader_config.py", root)
    with (root / "nbgrader_config.py").open("a", encoding="utf-8") as config:
        config.write(f"\nc.Exchange.root = {str(root / 'exchange')!r}\n")
    (root / "exchange").mkdir()
    for folder in ("solutions", "exercises"):
        shutil.copytree(ROOT / folder / NAME, root / folder / NAME)
    for (student, *_), (time_, mistakes) in CLASS.items():
        folder = root / "submitted" / student / NAME
        folder.mkdir(parents=True)
        nbformat.write(answered(mistakes), folder / f"{NAME}.ipynb")
        (folder / "timestamp.txt").write_text(f"{time_} UTC\n", encoding="utf-8")
    course = read_course(root)
    with open_gradebook(course) as gradebook:
        gradebook.update_or_create_assignment(NAME, duedate="2026-03-31 18:00 UTC")
        for student, first, last in CLASS:
            gradebook.update_or_create_student(student, first_name=first, last_name=last)
    grade(course, NAME, report=lambda graded, *_: print(f"{graded.name}: {graded.points}"))
    return course


def answered(mistakes: str) -> nbformat.NotebookNode:
    """Return the notebook with the reference's answers, or some with mistakes, and a reflection."""
    notebook = nbformat.read(ROOT / "solutions" / NAME / f"{NAME}.ipynb", as_version=4)
    answers = {"reflection": REFLECTION}
    if mistakes:
        file = ROOT / "tests" / "submissions" / NAME / f"{mistakes}.py"
        _, *parts = re.split(r"^# %% (\w+)\n", file.read_text("utf-8"), flags=re.MULTILINE)
        answers |= dict(zip(parts[::2], parts[1::2], strict=True))
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        cell.source = answers.get(name, re.sub(r" *### (BEGIN|END) SOLUTION\n?", "", cell.source))
    return notebook


@contextmanager
def serve(root: Path) -> Iterator[str]:
    """Start JupyterLab in a folder, without anybody's own settings; yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    own = {f"JUPYTER_{name}_DIR": str(root / ".jupyter" / name) for name in ("CONFIG", "RUNTIME")}
    options = ["--no-browser", "--allow-root", f"--port={port}", f"--ServerApp.root_dir={root}"]
    command = [sys.executable, "-m", "jupyterlab", *options, "--IdentityProvider.token="]
    settings = root / ".jupyter" / "CONFIG" / "labconfig"
    settings.mkdir(parents=True, exist_ok=True)
    quiet = {"@jupyterlab/apputils-extension:notification": {"fetchNews": "false"}}
    (settings / "default_setting_overrides.json").write_text(json.dumps(quiet), encoding="utf-8")
    with (root / "server.log").open("w") as log:
        server = subprocess.Popen(
            command, cwd=root, env={**os.environ, **own}, stdout=log, stderr=log
        )
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(f"{address}/api")
            yield address
        finally:
            server.terminate()
            server.wait()


def wait_for(url: str) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(url).close()  # noqa: S310 (the address is ours)
        except urllib.error.URLError:
            time.sleep(0.5)
        else:
            return
    raise SystemExit(f"JupyterLab did not answer at {url} within {SECONDS_TO_START} s.")


def take(
    page: Page, name: str, *marked: Locator, bottom: Locator | None = None, offset: str = "2px"
) -> None:
    """Write what the window shows, down to an element, with a frame around others."""
    for element in marked:
        element.evaluate(FRAME % offset)
    size = page.viewport_size
    assert size
    height: float = size["height"]
    if bottom and (box := bottom.bounding_box()):
        height = min(height, box["y"] + box["height"] + 16)
    shot = page.screenshot(clip={"x": 0, "y": 0, "width": size["width"], "height": height})
    path = ROOT / "book" / "images" / f"formgrader_{name}.png"
    with atomic(path) as temporary:
        shrink(shot).save(temporary, optimize=True)
    print(f"Wrote {path}: {path.stat().st_size:,} bytes")


def take_all(page: Page, address: str) -> None:
    """Walk through the steps that the guide describes."""
    page.set_viewport_size({"width": 760, "height": 340})
    page.goto(f"{address}/lab")
    page.locator(".jp-DirListing-item").first.wait_for()
    menu = page.get_by_role("menuitem", name="Nbgrader")
    menu.click()
    entry = page.locator("[data-command='nbgrader:open-formgrader'].lm-Menu-item")
    entry.wait_for()
    take(page, "menu", entry, offset="-3px")

    page.set_viewport_size({"width": 1140, "height": 700})
    page.goto(f"{address}/formgrader/manage_assignments")
    count = page.locator("td.num-submissions a")
    count.wait_for()
    take(page, "assignments", count, bottom=page.locator("table tbody"))

    page.set_viewport_size({"width": 1000, "height": 700})
    count.click()
    buttons = page.locator("td.autograde a")
    buttons.first.wait_for()
    take(page, "autograde", buttons.first, bottom=page.locator("table tbody"))

    page.goto(f"{address}/formgrader/gradebook/{NAME}/{NAME}")
    page.locator("tbody a", has_text="Submission #1").click()
    points = page.locator("input#reflection")
    page.wait_for_load_state("networkidle")  # until it has read what there is
    points.fill("2")
    points.press("Tab")
    comment = page.locator("#reflection-comment")
    comment.fill(COMMENT)
    page.locator("h2", has_text="Reflection").evaluate("heading => heading.scrollIntoView()")
    page.mouse.wheel(0, -60)  # below the bar at the top
    page.wait_for_timeout(1000)
    take(page, "manual", points, comment, bottom=comment)


def main() -> None:
    """Write all pictures."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder, "course")
        root.mkdir()
        make_course(root)
        with serve(root) as address, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=find_browser(), chromium_sandbox=False
            )
            take_all(browser.new_page(), address)
            browser.close()


if __name__ == "__main__":
    main()

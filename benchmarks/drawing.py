"""How well, and how fast, the page reads what is drawn.

    python benchmarks/drawing.py

Needs Chromium, and the scripts of the book only. Digits are written by tests/site/strokes.py, in
varied shapes, slants, sizes, places and widths.
"""

import sys
from pathlib import Path
from statistics import mean, median

from playwright.sync_api import Page, sync_playwright

from mnist_course._programs import find_browser

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "site"))

from strokes import drawings  # noqa: E402
from test_draw import READ  # noqa: E402

SEEDS = (0, 1, 2)
EACH = 25  # drawings of a digit and seed
# Milliseconds that a drawing on the paper of the page takes: to fetch, to prepare, to read.
TIME = """async strokes => {
    const paper = document.createElement("canvas");
    paper.width = paper.height = 280;
    const pen = paper.getContext("2d", { willReadFrequently: true });
    pen.fillStyle = "white";
    pen.fillRect(0, 0, 280, 280);
    pen.lineWidth = strokes.width;
    for (const points of strokes.points) {
        pen.beginPath();
        points.forEach(([x, y]) => pen.lineTo(x, y));
        pen.stroke();
    }
    const network = await mnistCourse.loadNetwork();
    return Array.from({ length: 40 }, () => {
        const started = performance.now();
        network.predict(mnistCourse.prepare(pen.getImageData(0, 0, 280, 280)));
        return performance.now() - started;
    }).slice(20);
}"""


def measure(page: Page) -> None:
    """Print the accuracy for each seed, and the time."""
    times: list[float] = []
    for seed in SEEDS:
        written = drawings(EACH, seed)
        asked = [{"points": drawing.strokes, "width": drawing.width} for drawing in written]
        answers = [page.evaluate(READ, strokes) for strokes in asked]
        right = mean(
            digit == drawing.digit for (digit, _), drawing in zip(answers, written, strict=True)
        )
        like = mean(like for _, like in answers)
        print(f"seed {seed}: {right:.1%} of {len(written)} read right, {like:.1%} look like digits")
        times += [value for strokes in asked[::EACH] for value in page.evaluate(TIME, strokes)]
    print(f"prepared and read in {median(times):.1f} ms, at most {max(times):.1f} ms")


def main() -> None:
    """Load the scripts into an empty page, and measure."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), chromium_sandbox=False)
        page = browser.new_page()
        page.evaluate("globalThis.mnistCourse = {}")
        for name in ("prepare.js", "network.js", "recognize.js"):
            page.add_script_tag(path=ROOT / "book" / "_static" / name)
        measure(page)
        browser.close()


if __name__ == "__main__":
    main()

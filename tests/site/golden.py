"""Pictures, and what `from_drawing` makes of them, for every implementation of it to be held to.

    python tests/site/golden.py

writes `golden_drawings.json`: for each picture a name, its width and height, its red, green, blue
and opacity, and the 28 x 28 gray values, or null if the picture is empty; both are base64 of zlib's
format. The pictures are made by arithmetic alone, so that every version of NumPy makes the same.
"""

import base64
import json
import sys
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mnist_course._files import atomic
from mnist_course.errors import CourseError
from mnist_course.preprocessing import from_drawing

FILE = Path(__file__).with_name("golden_drawings.json")
UInt8Array = npt.NDArray[np.uint8]

BLACK, WHITE, BLUE, YELLOW, RED = (
    (0, 0, 0),
    (255, 255, 255),
    (20, 40, 160),
    (250, 240, 170),
    (200, 30, 30),
)
# Points that a pen passes, in a box of 1 by 1: x to the right and y down.
TWO = [[(0.2, 0.3), (0.35, 0.1), (0.65, 0.1), (0.8, 0.3), (0.2, 0.9), (0.85, 0.9)]]
FOUR = [[(0.35, 0.08), (0.15, 0.6), (0.9, 0.6)], [(0.7, 0.3), (0.66, 0.92)]]
SEVEN = [[(0.1, 0.1), (0.87, 0.12), (0.4, 0.93)], [(0.3, 0.52), (0.75, 0.48)]]
ZERO = [[(0.5, 0.1), (0.2, 0.3), (0.22, 0.75), (0.5, 0.9), (0.8, 0.7), (0.78, 0.3), (0.5, 0.1)]]
ONE = [[(0.3, 0.2), (0.53, 0.05), (0.47, 0.95)]]


def paint(
    width: int,
    height: int,
    strokes: list[list[tuple[float, float]]],
    pen: float,
    *,
    ink: tuple[int, int, int] = BLACK,
    paper: tuple[int, int, int] = WHITE,
    clear: bool = False,
) -> UInt8Array:
    """Draw strokes with a round pen and soft edges; on nothing at all if the paper is clear."""
    y, x = (grid + 0.5 for grid in np.mgrid[:height, :width])
    distance = np.full((height, width), np.inf)
    for points in strokes:
        ends = [(px * width, py * height) for px, py in points]
        for (ax, ay), (bx, by) in pairwise(ends):
            dx, dy = bx - ax, by - ay
            along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)
            along = along.clip(0, 1)
            distance = np.minimum(
                distance, np.sqrt((x - ax - along * dx) ** 2 + (y - ay - along * dy) ** 2)
            )
    share = (pen / 2 + 0.5 - distance).clip(0, 1)[..., np.newaxis]
    picture = np.empty((height, width, 4))
    if clear:
        picture[..., :3], picture[..., 3:] = ink, 255 * share
    else:
        picture[..., :3] = share * np.array(ink) + (1 - share) * np.array(paper)
        picture[..., 3] = 255
    return np.floor(picture + 0.5).astype(np.uint8)


def photograph(picture: UInt8Array, light: float, grain: int) -> UInt8Array:
    """Let light fall from one side, and give the paper a grain."""
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    shade = light * (x / picture.shape[1] + 0.4 * y / picture.shape[0] - 0.7)
    noise = (x * 37 + y * 61 + x * y * 17 + x * x * 29) % (2 * grain + 1) - grain
    values = picture.astype(np.float64)
    values[..., :3] += (shade + noise)[..., np.newaxis]
    return np.floor(values.clip(0, 255) + 0.5).astype(np.uint8)


def dots(width: int, height: int, *places: tuple[int, int]) -> UInt8Array:
    """Make single pixels dark, on white."""
    picture = np.full((height, width, 4), 255, dtype=np.uint8)
    # Each is a little paler than the one before, or the center would lie between two pixels.
    for number, (row, column) in enumerate(places):
        picture[row, column, :3] = 3 * number
    return picture


def make_pictures() -> dict[str, UInt8Array]:
    """Make a picture of each kind that a reader may give, and of some that nobody would."""
    gray, pale = (128, 128, 128), (150, 150, 150)
    return {
        "dark on light": paint(96, 96, TWO, 9),
        "light on dark": paint(90, 100, SEVEN, 8, ink=WHITE, paper=(30, 50, 40)),
        "dark on clear": paint(80, 80, FOUR, 7, clear=True),
        "light on clear": paint(80, 80, ZERO, 7, ink=(240, 250, 255), clear=True),
        "blue on yellow": paint(100, 80, FOUR, 6, ink=BLUE, paper=YELLOW),
        "red on white": paint(70, 110, TWO, 8, ink=RED),
        "shaded photo with grain": photograph(paint(110, 90, SEVEN, 7, paper=(200,) * 3), 40, 6),
        "shaded photo of a blackboard": photograph(
            paint(90, 90, TWO, 8, ink=(220,) * 3, paper=(60,) * 3), 35, 5
        ),
        "pale pencil": photograph(paint(90, 110, FOUR, 3, ink=pale, paper=(205,) * 3), 12, 4),
        "thin": paint(150, 150, ZERO, 1),
        "thick": paint(60, 60, FOUR, 16),
        "tiny": paint(11, 13, SEVEN, 1.5),
        "one pixel": dots(20, 30, (7, 12)),
        "two pixels far apart": dots(31, 20, (1, 2), (17, 29)),
        "one pixel wide": dots(25, 40, *((row, 11) for row in range(4, 37))),
        "one pixel high": dots(40, 25, *((9, column) for column in range(3, 30))),
        "touching the edge": paint(64, 64, [[(0.0, 0.2), (1.0, 0.2), (0.4, 1.0)]], 7),
        "straight and upright": paint(60, 120, [[(0.5, 0.1), (0.5, 0.9)]], 16.8),
        "straight and slanted": paint(75, 90, [[(0.2, 0.1), (0.8, 0.9)]], 5),
        "landscape": paint(180, 60, TWO, 7),
        "portrait": paint(48, 170, ONE, 8),
        "in a corner": paint(140, 140, [[(0.72, 0.75), (0.9, 0.72), (0.8, 0.95)]], 5),
        "half clear": paint(60, 70, ZERO, 6, ink=gray, paper=(230, 230, 230))
        * np.array([1, 1, 1, 0], dtype=np.uint8)
        + np.array([0, 0, 0, 140], dtype=np.uint8),
        "fainter than ink": paint(50, 50, TWO, 5, ink=(236,) * 3),
        "empty": paint(40, 30, [], 1),
        "all clear": paint(40, 30, [], 1, clear=True),
        "a single pixel in all": dots(1, 1, (0, 0)),
    }


def make_document() -> dict[str, Any]:
    """Prepare each picture, and return what the file holds."""
    return {
        "about": "Written by tests/site/golden.py, which tells the format.",
        "pictures": [
            {
                "name": name,
                "width": picture.shape[1],
                "height": picture.shape[0],
                "rgba": _pack(picture),
                "digit": _prepare(picture),
            }
            for name, picture in make_pictures().items()
        ],
    }


def unpack(text: str, *shape: int) -> UInt8Array:
    """Read base64 of zlib's format."""
    content = zlib.decompress(base64.b64decode(text))
    return np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _prepare(picture: UInt8Array) -> str | None:
    try:
        return _pack(from_drawing(picture))
    except CourseError:
        return None


def _pack(array: UInt8Array) -> str:
    return base64.b64encode(zlib.compress(array.tobytes(), 9)).decode("ascii")


def main() -> int:
    """Write the file."""
    with atomic(FILE) as temporary:
        temporary.write_text(json.dumps(make_document(), indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"wrote {FILE} ({FILE.stat().st_size:,} bytes)\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Digits drawn with a pen: strokes in many shapes, slants, sizes, positions and widths."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.interpolate import make_interp_spline

Points = npt.NDArray[np.float64]
PAPER = 280

# Points that a pen passes, x to the right and y down, in a box of 1 by 1. A list of strokes for
# each way to write a digit; "|" in front of a stroke's points: straight lines, not a curve.
SHAPES: dict[int, list[list[tuple[str, list[tuple[float, float]]]]]] = {
    0: [
        [("", [(0.5, 0), (0.1, 0.3), (0.1, 0.7), (0.5, 1), (0.9, 0.7), (0.9, 0.3), (0.5, 0)])],
        [("", [(0.6, 0.02), (0.2, 0.2), (0.15, 0.8), (0.5, 1), (0.8, 0.75), (0.8, 0.2), (0.5, 0)])],
    ],
    1: [
        [("|", [(0.5, 0), (0.5, 1)])],
        [("|", [(0.25, 0.25), (0.55, 0), (0.55, 1)])],
    ],
    2: [
        [
            (
                "",
                [(0.1, 0.25), (0.35, 0), (0.75, 0.08), (0.8, 0.35), (0.45, 0.7), (0.1, 0.97)],
            ),
            ("|", [(0.1, 0.97), (0.9, 0.97)]),
        ],
        [
            (
                "",
                [
                    (0.15, 0.2),
                    (0.5, 0),
                    (0.8, 0.25),
                    (0.6, 0.6),
                    (0.2, 0.92),
                    (0.15, 0.8),
                    (0.4, 0.85),
                    (0.9, 0.97),
                ],
            )
        ],
    ],
    3: [
        [
            ("", [(0.15, 0.1), (0.5, 0), (0.8, 0.2), (0.65, 0.42), (0.4, 0.48)]),
            ("", [(0.4, 0.48), (0.75, 0.55), (0.85, 0.78), (0.5, 1), (0.1, 0.88)]),
        ],
        [
            ("|", [(0.15, 0.02), (0.8, 0.02), (0.45, 0.42)]),
            ("", [(0.45, 0.42), (0.8, 0.55), (0.8, 0.85), (0.45, 1), (0.1, 0.88)]),
        ],
    ],
    4: [
        [("|", [(0.3, 0), (0.1, 0.55), (0.9, 0.55)]), ("|", [(0.7, 0.2), (0.65, 1)])],
        [("|", [(0.65, 0), (0.1, 0.65), (0.95, 0.65)]), ("|", [(0.65, 0), (0.65, 1)])],
    ],
    5: [
        [
            ("|", [(0.85, 0.02), (0.25, 0.02), (0.2, 0.45)]),
            ("", [(0.2, 0.45), (0.6, 0.4), (0.85, 0.65), (0.7, 0.93), (0.35, 1), (0.1, 0.9)]),
        ],
        [
            ("|", [(0.3, 0.05), (0.25, 0.45)]),
            ("", [(0.25, 0.45), (0.7, 0.45), (0.8, 0.75), (0.5, 1), (0.15, 0.92)]),
            ("|", [(0.3, 0.05), (0.85, 0)]),
        ],
    ],
    6: [
        [
            (
                "",
                [
                    (0.7, 0),
                    (0.3, 0.3),
                    (0.15, 0.7),
                    (0.45, 1),
                    (0.8, 0.8),
                    (0.6, 0.55),
                    (0.2, 0.7),
                ],
            )
        ],
        [
            (
                "",
                [
                    (0.55, 0),
                    (0.2, 0.4),
                    (0.2, 0.85),
                    (0.5, 1),
                    (0.75, 0.8),
                    (0.55, 0.6),
                    (0.2, 0.75),
                ],
            )
        ],
    ],
    7: [
        [("|", [(0.1, 0.03), (0.85, 0.03), (0.4, 1)])],
        [("|", [(0.1, 0.03), (0.85, 0.03), (0.4, 1)]), ("|", [(0.3, 0.5), (0.8, 0.5)])],
    ],
    8: [
        [
            (
                "",
                [
                    (0.7, 0.12),
                    (0.4, 0),
                    (0.22, 0.22),
                    (0.5, 0.47),
                    (0.8, 0.75),
                    (0.5, 1),
                    (0.2, 0.77),
                    (0.5, 0.47),
                    (0.75, 0.22),
                    (0.6, 0.03),
                ],
            )
        ],
        [
            ("", [(0.5, 0), (0.25, 0.22), (0.5, 0.45), (0.75, 0.22), (0.5, 0)]),
            ("", [(0.5, 0.45), (0.2, 0.72), (0.5, 1), (0.8, 0.72), (0.5, 0.45)]),
        ],
    ],
    9: [
        [
            ("", [(0.8, 0.2), (0.5, 0), (0.2, 0.22), (0.4, 0.48), (0.75, 0.35), (0.8, 0.2)]),
            ("|", [(0.8, 0.2), (0.7, 1)]),
        ],
        [
            ("", [(0.78, 0.25), (0.5, 0), (0.22, 0.25), (0.5, 0.5), (0.78, 0.25)]),
            ("", [(0.78, 0.25), (0.8, 0.6), (0.65, 0.9), (0.3, 1)]),
        ],
    ],
}


@dataclass(frozen=True)
class Drawing:
    """A digit on a sheet of 280 by 280: its strokes, and the width of the pen."""

    digit: int
    strokes: list[list[tuple[float, float]]]
    width: float


def draw(digit: int, rng: np.random.Generator) -> Drawing:
    """Write a digit as nobody has before."""
    strokes = [
        _smooth(kind, np.array(points) + rng.normal(0, 0.02, (len(points), 2)))
        for kind, points in SHAPES[digit][rng.integers(len(SHAPES[digit]))]
    ]
    angle, slant = np.radians(rng.uniform(-12, 12)), rng.uniform(-0.25, 0.25)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    lean = np.array([[1, slant], [0, 1]])
    shape = np.diag([rng.uniform(0.55, 0.85), 1])
    strokes = [(stroke - 0.5) @ (turn @ lean @ shape).T for stroke in strokes]
    ink = np.concatenate(strokes)
    size = rng.uniform(0.4, 0.85) * PAPER / np.ptp(ink, axis=0).max()
    width = rng.uniform(0.06, 0.13) * size
    low, high = ink.min(axis=0) * size, ink.max(axis=0) * size
    room = width / 2 + 3
    place = rng.uniform(room - low, PAPER - room - high)
    written = [[(float(x), float(y)) for x, y in stroke * size + place] for stroke in strokes]
    return Drawing(digit, written, float(width))


def drawings(each: int, seed: int) -> list[Drawing]:
    """Write every digit `each` times."""
    rng = np.random.default_rng(seed)
    return [draw(digit, rng) for digit in range(10) for _ in range(each)]


def _smooth(kind: str, points: Points) -> Points:
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    steps = np.linspace(0, along[-1], 24)
    degree = 1 if kind == "|" or len(points) < 4 else 3
    return np.asarray(make_interp_spline(along, points, k=degree)(steps))

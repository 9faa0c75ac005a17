"""Draw the pictures that chapters share: the network, its parts, and how gradients flow through it.

    python scripts/make_drawings.py

Writes SVG files to book/drawings, always the same bytes. All drawings speak one language. A line is
as wide as its weight is large: blue and solid for, red and dashed against. Values travel right on
solid arrows, gradients travel left on dotted ones. The part that a chapter is about is lit: pale
yellow with a thick outline. Everything else is thin and gray.
"""

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import pairwise, product
from pathlib import Path
from random import Random
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from mnist_course._files import atomic

FOLDER = Path(__file__).parents[1] / "book" / "drawings"

# Blue and red as in mnist_course/plots.py, and the yellow of the same scheme, paler.
FOR, AGAINST, LIT = "#004488", "#BB5566", "#FBEFCB"
INK, GRAY, OUTLINE, FAINT, PAPER = "#222222", "#595959", "#767676", "#BBBBBB", "#FFFFFF"
WIDTH = 380.0  # of every drawing, in units; a small phone has room for 320 pixels
SCREEN = 1.4  # pixels for each unit elsewhere: letters are as large as those of the page
SMALL, MEDIUM, LARGE = 12, 13, 17  # letters, in units
WORDS = "Helvetica, Arial, 'Liberation Sans', sans-serif"
SYMBOLS = "Georgia, 'Times New Roman', 'Liberation Serif', serif"
THIN = 0.5  # of lines, in units
MINUS, TIMES, DIVIDED, SQUARED = "\u2212\u00d7\u00f7\u00b2"
Point = complex  # from left to right and, times j, from top to bottom
Look = dict[str, Any]  # attributes of SVG, with underscores for hyphens
BOLD: Look = {"font_weight": "bold"}
DOTTED: Look = {"stroke_dasharray": "0.1 3.8", "stroke_linecap": "round"}
ROUND: Look = {"stroke_linecap": "round", "stroke_linejoin": "round"}


# --- The language ---------------------------------------------------------------------------------


def number(value: float) -> str:
    """Write a coordinate with at most two decimals."""
    return f"{value:z.2f}".rstrip("0").rstrip(".")


def say(value: float) -> str:
    """Write a value as the book does."""
    return f"{value:zg}".replace("-", MINUS)


def element(name: str, content: str = "", **attributes: Any) -> str:
    """Write an element of SVG."""
    words = "".join(
        f" {key.replace('_', '-')}={quoteattr(value if isinstance(value, str) else number(value))}"
        for key, value in attributes.items()
    )
    return f"<{name}{words}>{content}</{name}>\n" if content else f"<{name}{words}/>\n"


def text(middle: Point, words: str, size: float = SMALL, **look: Any) -> str:
    """Write words around a point."""
    y = middle.imag + 0.35 * size  # the baseline
    return element("text", escape(words), x=middle.real, y=y, font_size=size, **look)


def formula(middle: Point, words: str, size: float = LARGE, **look: Any) -> str:
    """Write words in which single letters are variables."""
    written = text(middle, words, size, font_family=SYMBOLS, **look)
    italic = r'<tspan font-style="italic">\g<0></tspan>'
    return re.sub(r"(?<=[> (])[A-Za-z](?=[< )])", italic, written)


def stress(lit: bool) -> Look:
    """Return the look of words: bold or gray."""
    return BOLD if lit else {"fill": GRAY}


def outline(lit: bool) -> Look:
    """Return the look of a shape."""
    if lit:
        return {"fill": LIT, "stroke": INK, "stroke_width": 2}
    return {"fill": PAPER, "stroke": OUTLINE, "stroke_width": 1}


def circle(middle: Point, radius: float, lit: bool = False, **look: Any) -> str:
    """Draw a neuron, or a value."""
    return element("circle", cx=middle.real, cy=middle.imag, r=radius, **(outline(lit) | look))


def box(middle: Point, size: Point, lit: bool = False, corner: float = 4, **look: Any) -> str:
    """Draw a rectangle around a point."""
    x, y = middle.real - size.real / 2, middle.imag - size.imag / 2
    shape = {"x": x, "y": y, "width": size.real, "height": size.imag, "rx": corner}
    return element("rect", **(shape | outline(lit) | look))


def path(*points: Point) -> str:
    """Write straight lines from point to point."""
    return "M" + "L".join(f"{number(point.real)} {number(point.imag)}" for point in points)


def lines(paths: Iterable[str], stroke: str, width: float, **look: Any) -> str:
    """Draw paths that look the same."""
    return element("path", d="".join(paths), fill="none", stroke=stroke, stroke_width=width, **look)


def weight(value: float, unit: float = 2) -> Look:
    """Return the look of the line of a weight."""
    width = unit * abs(value)
    look: Look = {"stroke": FOR if value > 0 else AGAINST, "width": max(width, THIN)}
    if width < THIN:  # a printer would draw a thinner line as dark as this one
        look["stroke_opacity"] = width / THIN
    return look if value > 0 else look | {"stroke_dasharray": "6 4"}


def between(start: Point, end: Point, leave: float, stop: float) -> tuple[Point, Point]:
    """Return the ends of a line that leaves a gap at both."""
    along = (end - start) / abs(end - start)
    return start + leave * along, end - stop * along


def arrow(start: Point, end: Point, stroke: str = INK, width: float = 1.2, **look: Any) -> str:
    """Draw the arrow of a value."""
    head = 5.5 + 0.8 * width
    _, neck = between(start, end, 0, head)
    wing = 0.42j * (end - neck)
    shaft = lines([path(start, neck)], stroke, width, **look)
    return shaft + element("path", d=path(end, neck + wing, neck - wing) + "z", fill=stroke)


def gradient(start: Point, end: Point) -> str:
    """Draw the arrow of a gradient."""
    return arrow(start, end, width=1.8, **DOTTED)


def tag(middle: Point, value: float, lit: bool = False) -> str:
    """Write a gradient in a round tag."""
    shape = box(middle, 32 + 19j, lit, corner=9.5, stroke=INK)
    return shape + text(middle, say(value), **(BOLD if lit else {}))


def card(middle: Point, value: float, lit: bool = False) -> str:
    """Write a value in a box."""
    return box(middle, 32 + 26j, lit) + text(middle, say(value), MEDIUM)


def omitted(middle: Point) -> str:
    """Draw three dots for what there is no room for."""
    return "".join(
        element("circle", cx=middle.real, cy=middle.imag + dy, r=1.2, fill=GRAY)
        for dy in (-5, 0, 5)
    )


def drawing(title: str, description: str, height: float, parts: str) -> str:
    """Put parts on white paper, with words for those who do not see them."""
    paper = element("rect", width=WIDTH, height=height, rx=8, fill=PAPER)
    words = element("title", title, id="title") + element("desc", description, id="desc")
    return element(
        "svg",
        f"\n{words}{paper}{parts}",
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {number(WIDTH)} {number(height)}",
        width=WIDTH * SCREEN,
        height=height * SCREEN,
        role="img",
        aria_labelledby="title desc",
        font_family=WORDS,
        text_anchor="middle",
        fill=INK,
    )


# --- A digit --------------------------------------------------------------------------------------

SIDE = 28
SEVEN = [6.5 + 9j, 8 + 7j, 14 + 7.2j, 20.5 + 6.6j, 20 + 9j, 16.5 + 14j, 14 + 19j, 13 + 23.5j]


def distance(point: Point, start: Point, end: Point) -> float:
    """Return how far a point is from a line."""
    along = ((point - start) / (end - start)).real
    return abs(point - start - min(1, max(0, along)) * (end - start))


def darkness(row: int, column: int) -> float:
    """Return how dark a pixel of the 7 is, in quarters from 0 to 1."""
    middle = complex(column + 0.5, row + 0.5)
    nearest = min(distance(middle, *line) for line in pairwise(SEVEN))
    return round(4 * min(1, max(0, 2.1 - nearest))) / 4


def digit(corner: Point, cell: float) -> str:
    """Draw the 7 in pixels."""
    squares: dict[float, str] = {}
    for row, column in product(range(SIDE), repeat=2):
        if dark := darkness(row, column):
            square = f"{path(corner + cell * complex(column, row))}h{cell:g}v{cell:g}h-{cell:g}z"
            squares[dark] = squares.get(dark, "") + square
    return "".join(element("path", d=squares[dark], fill_opacity=dark) for dark in sorted(squares))


def stroke(corner: Point, cell: float, color: str) -> str:
    """Draw the 7 with a pen, where pixels would be too small."""
    return lines([path(*(corner + cell * point for point in SEVEN))], color, 3 * cell, **ROUND)


# --- The network ----------------------------------------------------------------------------------

CELL, RADIUS = 3.0, 6.5
MIDDLE, BASE, NETWORK = 130, 242, 266  # the axis, the numbers below, the whole height
GRID = complex(8 + CELL * SIDE / 2, MIDDLE)
ROW = 8  # whose pixels from COLUMN on are those in the middle of the column of inputs
COLUMN = 17


def column(x: float, pitch: float, *runs: int) -> list[list[Point]]:
    """Place a column of neurons, in runs with room for dots between them."""
    places = [complex(x, MIDDLE + pitch * i) for i in range(sum(runs) + len(runs) - 1)]
    shift = 0.5j * pitch * (len(places) - 1)
    found = []
    for run in runs:
        found.append([place - shift for place in places[:run]])
        places = places[run + 1 :]
    return found


class Layers:
    """Columns of pixels and neurons: where each of them is, and how many there really are."""

    def __init__(self, columns: list[list[list[Point]]], sizes: list[int]) -> None:
        self.columns, self.sizes = columns, sizes
        self.all = range(len(sizes))
        self.output = self.all[-1]
        self.hidden = self.all[FIRST : self.output]
        self.xs = [runs[0][0].real for runs in columns]
        self.neurons = [[place for run in runs for place in run] for runs in columns]

    def connections(self, layer: int) -> Iterator[str]:
        """Yield the lines into a layer, from the edge of one neuron to the edge of the other."""
        for start, end in product(self.neurons[layer - 1], self.neurons[layer]):
            yield path(*between(start, end, RADIUS - 1, RADIUS - 1))


PIXELS, FIRST = 0, 1
DOTS, DIGITS = column(114, 14.5, 3, 4, 3), column(338, 19.5, 10)
COURSE = Layers(
    [DOTS, column(172, 21, 4, 4), column(229, 21, 3, 3), column(285, 21, 2, 2), DIGITS],
    [784, 256, 128, 32, 10],
)
SMALL_ONE = Layers([DOTS, column(226, 21, 4, 4), DIGITS], [784, 32, 10])


def image(lit: bool) -> str:
    """Draw the image, and how it becomes a column."""
    side = CELL * SIDE
    corner = GRID - (1 + 1j) * side / 2
    cuts = [CELL * i for i in range(1, SIDE)]
    rules = [path(corner + cut, corner + cut + side * 1j) for cut in cuts]
    rules += [path(corner + cut * 1j, corner + cut * 1j + side) for cut in cuts]
    first, last = DOTS[0][0], DOTS[-1][-1]
    unrolled = [
        path(corner + side, first - 6 - 5j),
        path(corner + side + side * 1j, last - 6 + 5j),
    ]
    return (
        lines(unrolled, OUTLINE, 0.7, stroke_dasharray="2 2.5")
        + lines(rules, FAINT, 0.25)
        + digit(corner, CELL)
        + box(GRID, side * (1 + 1j), lit, corner=1, fill="none")
    )


def pixels(lit: bool) -> str:
    """Draw some pixels of the image as inputs."""
    begin, middle, end = DOTS
    parts = "".join(box(place, 10 + 10j, lit, corner=1) for place in begin + end)
    for i, place in enumerate(middle):
        parts += box(place, 10 + 10j, lit, corner=1, fill=PAPER)
        dark = darkness(ROW, COLUMN + i)
        parts += element(
            "rect", x=place.real - 4.5, y=place.imag - 4.5, width=9, height=9, fill_opacity=dark
        )
    return parts


def network(*lit: int, wires: Mapping[int, str] | None = None, layers: Layers = COURSE) -> str:
    """Draw a whole network: some columns lit, and some of the lines into them drawn otherwise."""
    wires = wires or {}
    parts = image(PIXELS in lit)
    for layer in layers.all[FIRST:]:
        parts += wires.get(layer) or lines(layers.connections(layer), FAINT, 0.45)
    parts += pixels(PIXELS in lit)
    for layer in layers.all:
        if layer != PIXELS:
            parts += "".join(circle(place, RADIUS, layer in lit) for place in layers.neurons[layer])
        for above, below in pairwise(layers.columns[layer]):
            parts += omitted((above[-1] + below[0]) / 2)
        size = str(layers.sizes[layer])
        parts += text(complex(layers.xs[layer], BASE), size, MEDIUM, **stress(layer in lit))
    for i, place in enumerate(layers.neurons[layers.output]):
        parts += text(place + 18, str(i), MEDIUM, **stress(layers.output in lit))
    size = f"{SIDE} {TIMES} {SIDE}"
    parts += text(complex(GRID.real, BASE), size, MEDIUM, **stress(PIXELS in lit))
    hidden = layers.hidden
    for words, named, x in (
        ("input", [PIXELS], GRID.real + 13),
        (
            "hidden layers" if len(hidden) > 1 else "hidden layer",
            hidden,
            layers.xs[hidden[len(hidden) // 2]],
        ),
        ("output", [layers.output], layers.xs[layers.output]),
    ):
        parts += text(complex(x, 18), words, **stress(set(named) <= set(lit)))
    return parts


def bright(layer: int) -> dict[int, str]:
    """Draw the lines into a layer that is lit."""
    return {layer: lines(COURSE.connections(layer), GRAY, 0.6)}


def weights() -> dict[int, str]:
    """Draw the weights of every layer: many small ones, a few large ones."""
    random = Random(4)  # noqa: S311
    wires = {}
    for layer in COURSE.all[FIRST:]:
        alike: dict[float, list[str]] = {}
        for line in COURSE.connections(layer):
            alike.setdefault(round(random.uniform(-1, 1) ** 3, 1) or 0.04, []).append(line)
        wires[layer] = "".join(
            lines(alike[value], **weight(value, unit=2.2)) for value in sorted(alike, key=abs)
        )
    return wires


def one_neuron() -> str:
    """Draw the network with one neuron of the first layer, and its weights, lit."""
    random = Random(11)  # noqa: S311
    lit = COURSE.neurons[FIRST][2]
    parts = network()
    for place in COURSE.neurons[PIXELS]:
        value = random.choice((-1, 1)) * random.uniform(0.3, 1.2)
        parts += lines([path(*between(place, lit, 5, RADIUS))], **weight(value))
    return parts + circle(lit, RADIUS + 1, lit=True)


def backward(layers: Layers) -> str:
    """Draw a network with gradients on their way from the outputs to the first weights."""
    some = layers.all[FIRST:]
    wires = {layer: lines(layers.connections(layer), INK, 0.95, **DOTTED) for layer in some}
    return network(*some, wires=wires, layers=layers) + "".join(
        gradient(complex(layers.xs[layer] - 17, BASE), complex(layers.xs[layer - 1] + 17, BASE))
        for layer in some
    )


# --- The five steps -------------------------------------------------------------------------------


def loading(middle: Point, color: str) -> str:
    """Draw images on top of each other."""
    shifts = (6 - 6j, 2 - 2j, -2 + 2j)
    cards = (box(middle + shift, 30 + 30j, corner=2, stroke=color) for shift in shifts)
    return "".join(cards) + stroke(middle - 16 - 13j, 1, color)


def normalizing(middle: Point, color: str) -> str:
    """Write what happens to every pixel."""
    return text(middle, f"{DIVIDED} 255", 15, fill=color)


def visualizing(middle: Point, color: str) -> str:
    """Draw a digit under a magnifying glass."""
    handle = lines([path(middle + 7 + 7j, middle + 18 + 18j)], color, 3.5, **ROUND)
    glass = circle(middle - 3 - 3j, 15, stroke=color, stroke_width=1.6)
    return handle + glass + stroke(middle - 14.2 - 14j, 0.8, color)


def building(middle: Point, color: str) -> str:
    """Draw a small network."""
    columns = [
        [middle + x + 12j * (i - (size - 1) / 2) for i in range(size)]
        for x, size in ((-16, 3), (0, 4), (16, 2))
    ]
    wires = [path(*ends) for pair in pairwise(columns) for ends in product(*pair)]
    return lines(wires, color, 0.5) + "".join(
        circle(place, 3.2, stroke=color, stroke_width=1.3) for places in columns for place in places
    )


def training(middle: Point, color: str) -> str:
    """Draw a loss that falls."""
    axes = path(middle - 17 - 17j, middle - 17 + 17j, middle + 18 + 17j)
    fall = [complex(x - 13, 12 - 27 * math.exp(-x / 8)) for x in range(0, 31, 2)]
    curve = path(*(middle + point for point in fall))
    return lines([axes], color, 1) + lines([curve], color, 2.2, **ROUND)


STEPS: dict[str, Callable[[Point, str], str]] = {
    "load": loading,
    "normalize": normalizing,
    "visualize": visualizing,
    "build": building,
    "train": training,
}
NAMES = [step.__name__.capitalize() for step in STEPS.values()]


def pipeline(lit: str) -> str:
    """Draw the five steps, one of them lit."""
    parts = ""
    for i, (step, icon) in enumerate(STEPS.items()):
        middle = 40 + 39j + 75 * i
        parts += box(middle, 54 + 54j, step == lit, corner=8)
        parts += icon(middle, INK if step == lit else OUTLINE)
        parts += text(middle + 42j, NAMES[i], **stress(step == lit))
        if i:
            parts += arrow(middle - 45, middle - 31, OUTLINE)
    return parts


# --- A neuron -------------------------------------------------------------------------------------

INPUTS, WEIGHTS, BIAS = (1.0, 0.5, 0.8), (1.5, -2.0, 0.5), -0.4


def neuron() -> str:
    """Draw what one neuron computes."""
    total = round(sum(x * w for x, w in zip(INPUTS, WEIGHTS, strict=True)) + BIAS, 9)
    inputs, plus, bend, output = 34 + 108j, 184 + 108j, 268 + 108j, 346 + 108j
    parts = box((plus + bend) / 2, 152 + 76j, lit=True, corner=38)
    for i, (x, w) in enumerate(zip(INPUTS, WEIGHTS, strict=True)):
        place = inputs + 48j * (i - 1)
        start, end = between(place, plus, 17, 24)
        label = start + 0.3 * (end - start)
        look = weight(w)
        parts += lines([path(start, end)], **look) + box(label, 30 + 17j, stroke="none")
        parts += text(label, say(w), MEDIUM, fill=look["stroke"], **BOLD) + card(place, x)
    look = weight(BIAS, unit=4)
    parts += lines([path(plus + 66j, plus + 22j)], **look)
    parts += text(plus + 78j, f"bias {say(BIAS)}", fill=look["stroke"], **BOLD)
    parts += circle(plus, 22, stroke=INK, stroke_width=1.4)
    parts += lines([path(plus - 7, plus + 7), path(plus - 7j, plus + 7j)], INK, 2)
    parts += box(bend, 44 + 44j, stroke=INK, stroke_width=1.4)
    axes = path(bend - 17 + 8j, bend + 17 + 8j), path(bend - 17j, bend + 17j)
    hinge = path(bend - 15 + 8j, bend + 8j, bend + 15 - 14j)
    parts += lines(axes, FAINT, 1) + lines([hinge], INK, 2.4, **ROUND)
    parts += arrow(plus + 22, bend - 22) + text((plus + bend) / 2 - 12j, say(total), MEDIUM)
    parts += arrow(bend + 22, output - 17) + card(output, max(0, total))
    headings = {34: "inputs", 95: "weights", 184: "sum", 268: "bend", 346: "output"}
    return parts + "".join(text(x + 20j, word, fill=GRAY) for x, word in headings.items())


# --- A chain --------------------------------------------------------------------------------------

ACROSS, ABOVE = 128j, 44j
PLACES: dict[str, Point] = {
    "x": 26 + ACROSS, "z": 108 + ACROSS, "h": 190 + ACROSS, "y": 272 + ACROSS, "L": 354 + ACROSS,
    "w": 60 + ABOVE, "b": 146 + ABOVE, "v": 222 + ABOVE, "t": 304 + ABOVE,
}  # fmt: skip
DIALS = "wbv"  # what training turns
NODE = 17


def compute(x: float, w: float, b: float, v: float, t: float) -> dict[str, float]:
    """Compute the values of a network of one input, one hidden neuron and one output."""
    z = w * x + b
    h = max(0.0, z)
    y = v * h
    return {"x": x, "w": w, "b": b, "z": z, "h": h, "v": v, "y": y, "t": t, "L": (y - t) ** 2}


VALUES = compute(x=2, w=1.5, b=1, v=0.25, t=3)
# By how much a value moves with one that it's made of, from the loss backward.
SLOPES = {
    ("y", "L"): 2 * (VALUES["y"] - VALUES["t"]),
    ("v", "y"): VALUES["h"],
    ("h", "y"): VALUES["v"],
    ("z", "h"): float(VALUES["z"] > 0),
    ("w", "z"): VALUES["x"],
    ("b", "z"): 1.0,
}


def chain_rule() -> dict[str, float]:
    """Multiply the slopes on the way to each value."""
    gradients = {"L": 1.0}
    for (source, result), slope in SLOPES.items():
        gradients[source] = gradients[result] * slope
    return gradients


def chain(faint: bool) -> str:
    """Draw the values, and which are made of which."""
    look = {"stroke": OUTLINE if faint else INK, "width": 1}
    parts = ""
    for source, result in ("xz", "zh", "hy", "yL", "wz", "bz", "vy", "tL"):
        parts += arrow(*between(PLACES[source], PLACES[result], NODE, NODE + 1), **look)
    for name, place in PLACES.items():
        above = place.imag == ABOVE.imag
        parts += box(place, 27 + 27j, name in DIALS) if above else circle(place, NODE)
        parts += formula(place, name)
        parts += text(
            place - (23j if above else 26j), say(VALUES[name]), MEDIUM, **stress(not faint)
        )
    return parts


def chain_forward() -> str:
    """Draw the chain with what is done to its values."""
    steps = f"{TIMES} w + b", "ReLU", f"{TIMES} v", f"(y {MINUS} t){SQUARED}"
    return chain(faint=False) + "".join(
        formula(67 + 82 * i + ACROSS + 32j, step, 14, fill=GRAY) for i, step in enumerate(steps)
    )


def chain_backward() -> str:
    """Draw the chain with its gradients, and the slopes that make them."""
    parts = chain(faint=True)
    for (source, result), slope in SLOPES.items():
        # Beside the arrow of the value: below it, or on the outer side.
        aside, label = {"b": (8 + 3j, 18 + 1j)}.get(source, (-8 + 3j, -18 + 1j))
        if source not in DIALS:
            aside, label = 10j, 13j
        start, end = between(PLACES[result] + aside, PLACES[source] + aside, NODE + 3, NODE + 3)
        parts += gradient(start, end)
        factor = say(slope) if slope >= 0 else f"({say(slope)})"
        parts += text((start + end) / 2 + label, f"{TIMES} {factor}", fill=GRAY)
    for name, value in chain_rule().items():
        dial = name in DIALS
        parts += tag(PLACES[name] + (36 if dial else 38j), value, dial)
    return parts


# --- The gradients of a layer ---------------------------------------------------------------------

SOURCES, ERRORS = (1.0, 2.0), (-2.0, 0.0)
EXAMPLE = 1, 0  # the input and the neuron whose weight is lit


def layer_gradient() -> str:
    """Draw the table of a layer's gradients: each is an input times an error."""
    rows = [34 + 82j + 46j * i for i in range(len(SOURCES))]
    neurons = [120 + place.imag * 1j for place in rows]
    columns = [270 + 46j + 58 * j for j in range(len(ERRORS))]
    parts = lines([path(*ends) for ends in product(rows, neurons)], FAINT, 0.8)
    parts += lines([path(rows[EXAMPLE[0]], neurons[EXAMPLE[1]])], INK, 2.4)
    for j, error in enumerate(ERRORS):
        lit = j == EXAMPLE[1]
        parts += circle(neurons[j], 11, lit) + tag(neurons[j] + 33, error, lit)
        parts += tag(columns[j], error, lit)
    for i, value in enumerate(SOURCES):
        lit = i == EXAMPLE[0]
        parts += card(rows[i], value, lit) + card(rows[i] + 182, value, lit)
        for j, error in enumerate(ERRORS):
            lit = (i, j) == EXAMPLE
            place = complex(columns[j].real, rows[i].imag)
            parts += box(place, 54 + 38j, lit, corner=3)
            parts += text(place, say(value * error), MEDIUM, **stress(lit))
    headings = {34: "inputs", 138: "errors", 299: f"input {TIMES} error"}
    return parts + "".join(text(x + 20j, word, fill=GRAY) for x, word in headings.items())


# --- All of them ----------------------------------------------------------------------------------

WHOLE = (
    "From left to right: an image of a 7 in 28 by 28 pixels; its 784 pixels as a column; three "
    "columns of 256, 128 and 32 neurons, most of them left out; and ten outputs, 0 to 9. Lines "
    "join each neuron to all of the column before it."
)
NETWORKS = {
    "network": (network(), "Nothing is lit."),
    "network-input": (network(PIXELS), "The image and its pixels are lit."),
    "network-first-layer": (
        network(FIRST, wires=bright(FIRST)),
        "The first column of neurons and the lines into it are lit.",
    ),
    "network-one-neuron": (
        one_neuron(),
        "One neuron of the first column is lit, with a line from each pixel: some blue and solid, "
        "some red and dashed.",
    ),
    "network-hidden": (
        network(*COURSE.hidden),
        "The three columns of neurons in the middle are lit.",
    ),
    "network-output": (
        network(COURSE.output, wires=bright(COURSE.output)),
        "The ten outputs and the lines into them are lit.",
    ),
    "network-weights": (
        network(wires=weights()),
        "All lines are in color: some blue and solid, some red and dashed, in many widths.",
    ),
    "network-backward": (
        backward(COURSE),
        "The neurons are lit, and dotted lines and arrows lead from the outputs to the pixels.",
    ),
}


def drawings() -> dict[str, str]:
    """Return the text of every file by its name."""
    found = {
        name: drawing("The network", f"{WHOLE} {lit}", NETWORK, parts)
        for name, (parts, lit) in NETWORKS.items()
    }
    found["network-small-backward"] = drawing(
        "A smaller network",
        "From left to right: an image of a 7 in 28 by 28 pixels; its 784 pixels as a column; one "
        "column of 32 neurons, most of them left out; and ten outputs, 0 to 9. The neurons are "
        "lit, and dotted lines and arrows lead from the outputs to the pixels.",
        NETWORK,
        backward(SMALL_ONE),
    )
    for step, name in zip(STEPS, NAMES, strict=True):
        order = f"{', '.join(NAMES)}: one after the other. {name} is lit."
        found[f"pipeline-{step}"] = drawing("The five steps", order, 102, pipeline(step))
    found["neuron"] = drawing(
        "A neuron",
        "Three inputs, each on a line as wide as its weight, meet in a sum, to which a bias is "
        "added. The sum goes through a bend, which is flat and then rises, and becomes the output.",
        206,
        neuron(),
    )
    values = (f"{name} is {say(value)}" for name, value in VALUES.items())
    found["chain-forward"] = drawing(
        "A network of one input, one hidden neuron and one output",
        f"Arrows lead from x by z, h and y to L. {', '.join(values)}.",
        182,
        chain_forward(),
    )
    slopes = (f"{say(value)} for {name}" for name, value in chain_rule().items())
    found["chain-backward"] = drawing(
        "How the loss of that network changes with each value",
        f"Dotted arrows lead from L backward. The gradients are {', '.join(slopes)}.",
        190,
        chain_backward(),
    )
    found["layer-gradient"] = drawing(
        "The gradients of a layer's weights",
        "Two inputs and two neurons, each with its error; beside them, a table of two rows and two "
        "columns, in which each number is an input times an error.",
        160,
        layer_gradient(),
    )
    return {f"{name}.svg": content for name, content in found.items()}


def main() -> None:
    """Write all files."""
    files = drawings()
    for name, content in files.items():
        with atomic(FOLDER / name) as temporary:
            temporary.write_bytes(content.encode())
    print(f"Wrote {len(files)} drawings to {FOLDER}")


if __name__ == "__main__":
    main()

"""The drawings are what the script draws, can be read on a phone, and are right."""

import json
import re
import runpy
from itertools import combinations, product
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from PIL import ImageFont

from mnist_course import plots

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "book" / "drawings"
FILES = sorted(FOLDER.glob("*.svg"))
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "make_drawings.py"))
PAGES = [*ROOT.glob("book/*.md"), *ROOT.glob("book/*.ipynb")]
SVG = "{http://www.w3.org/2000/svg}"
# Blue and red of the plots, pale yellow, and grays from black to white.
PALETTE = {"none", plots.DARK, plots.LIGHT, "#FBEFCB"}
GRAYS = re.compile(r"#(..)\1\1")
PHONE = 320  # pixels that a phone of 360 leaves for a picture
USED = re.compile(r"!\[([^\]]*)\]\((drawings/[^\s)]+)(?: \"([^\"]*)\")?\)")
Words = tuple[str, float, float, float]  # x and y are the middle of the baseline; the size


every_drawing = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


def parse(path: Path) -> ElementTree.Element:
    return ElementTree.fromstring(path.read_bytes())


def words_in(name: str) -> list[Words]:
    return [
        ("".join(text.itertext()), *(float(text.attrib[key]) for key in ("x", "y", "font-size")))
        for text in parse(FOLDER / f"{name}.svg").iter(f"{SVG}text")
    ]


def number(words: str) -> float:
    return float(words.strip("\N{MULTIPLICATION SIGN} ()").replace("\N{MINUS SIGN}", "-"))


def near(words: list[Words], x: float, y: float) -> str:
    """Return what is written at a place."""
    [found] = [
        text for text, left, base, size in words if left == x and abs(base - size * 0.35 - y) < 4
    ]
    return found


def places(words: list[Words]) -> dict[str, tuple[float, float]]:
    """Return where the variables are."""
    return {
        text: (x, y - 0.35 * size)
        for text, x, y, size in words
        if len(text) == 1 and text.isalpha()
    }


def test_committed_drawings_are_those_of_the_script() -> None:
    drawn = {name: text.encode() for name, text in SCRIPT["drawings"]().items()}
    assert {path.name: path.read_bytes() for path in FILES} == drawn


def test_every_part_that_can_be_lit_has_a_drawing() -> None:
    parts = {
        "pipeline": ["load", "normalize", "visualize", "build", "train"],
        "network": [
            "input",
            "first-layer",
            "hidden",
            "output",
            "weights",
            "backward",
            "small-backward",
            "one-neuron",
        ],
        "chain": ["forward", "backward"],
        "layer": ["gradient"],
    }
    names = {f"{whole}-{part}" for whole, some in parts.items() for part in some}
    assert {path.stem for path in FILES} == names | {"network", "neuron"}


@every_drawing
def test_drawing_describes_itself_and_needs_nothing_else(path: Path) -> None:
    root = parse(path)
    assert root.attrib["role"] == "img"
    assert root.attrib["font-family"].endswith("sans-serif")
    title, description = (root.findtext(f"{SVG}{kind}") for kind in ("title", "desc"))
    assert len(str(title)) > 5
    assert len(str(description)) > 40
    text = path.read_text(encoding="utf-8").replace(f'xmlns="{SVG[1:-1]}"', "")
    assert not re.search(r"href|url\(|@import|<script|<style|<image|https?:", text)
    assert len(text) < 30_000


@every_drawing
def test_drawing_fits_on_screens_and_its_letters_can_be_read_on_a_phone(path: Path) -> None:
    root = parse(path)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    assert width <= 400
    assert float(root.attrib["width"]) <= 600
    assert float(root.attrib["width"]) / float(root.attrib["height"]) == pytest.approx(
        width / height, rel=0.01
    )
    for _, _, _, size in words_in(path.stem):
        assert size >= 12
        assert size * PHONE / width >= 10


@every_drawing
def test_words_are_inside_and_apart_even_in_a_wide_font(path: Path) -> None:
    _, _, width, height = map(float, parse(path).attrib["viewBox"].split())
    font = Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    boxes = {}
    for text, x, y, size in words_in(path.stem):
        half = ImageFont.truetype(font, 100).getlength(text) * size / 200
        boxes[text, x, y] = (x - half, y - 0.75 * size, x + half, y + 0.2 * size)
    for left, top, right, bottom in boxes.values():
        assert 0 < left < right < width
        assert 0 < top < bottom < height
    for (one, a), (other, b) in combinations(boxes.items(), 2):
        apart = a[2] < b[0] or b[2] < a[0] or a[3] < b[1] or b[3] < a[1]
        assert apart, (one, other)


@every_drawing
def test_drawing_has_only_the_colors_of_the_course(path: Path) -> None:
    for part in parse(path).iter():
        for kind in ("fill", "stroke"):
            color = part.get(kind, "none")
            assert color in PALETTE or GRAYS.fullmatch(color), part.attrib
        # Color is never alone: red lines are dashed, and blue ones are not.
        assert part.get("stroke") != plots.LIGHT or part.get("stroke-dasharray")
        assert part.get("stroke") != plots.DARK or not part.get("stroke-dasharray")


@every_drawing
def test_paper_is_white_and_round(path: Path) -> None:
    root = parse(path)
    paper = root.find(f"{SVG}rect")
    assert paper is not None
    size = [float(value) for value in root.attrib["viewBox"].split()][2:]
    assert [float(paper.attrib[side]) for side in ("width", "height")] == size
    assert paper.attrib["fill"] == "#FFFFFF"
    assert float(paper.attrib["rx"]) > 0


def test_sizes_below_the_network_are_those_of_the_reference_model() -> None:
    from mnist_course.models import build_mlp  # which takes seconds

    model = build_mlp()
    sizes = [784, *(layer.units for layer in model.layers if hasattr(layer, "units"))]
    words = words_in("network")
    base = max(y for _, _, y, _ in words)
    below = sorted((x, text) for text, x, y, _ in words if y == base)
    assert [text for _, text in below] == ["28 \N{MULTIPLICATION SIGN} 28", *map(str, sizes)]


def test_smaller_network_is_that_of_the_chapter_that_builds_it() -> None:
    words = words_in("network-small-backward")
    base = max(y for _, _, y, _ in words)
    below = [text for _, text in sorted((x, text) for text, x, y, _ in words if y == base)]
    assert below == ["28 \N{MULTIPLICATION SIGN} 28", "784", "32", "10"]
    chapter = (ROOT / "book" / "backpropagation.ipynb").read_text(encoding="utf-8")
    assert "(784, 32)" in chapter
    assert "(32, 10)" in chapter


def values_of_chain(name: str) -> dict[str, float]:
    """Return the number above each variable."""
    words = words_in(name)
    at = places(words)
    assert sorted(at) == sorted("xwbzhvytL")
    return {
        key: number(near(words, x, y - (26 if key in "xzhyL" else 23)))
        for key, (x, y) in at.items()
    }


@pytest.mark.parametrize("name", ["chain-forward", "chain-backward"])
def test_values_of_the_chain_follow_from_each_other(name: str) -> None:
    values = values_of_chain(name)
    assert [values[key] for key in "xwbvt"] == [2, 1.5, 1, 0.25, 3]
    assert values["z"] == values["w"] * values["x"] + values["b"]
    assert values["h"] == max(0, values["z"])
    assert values["y"] == values["v"] * values["h"]
    assert values["L"] == (values["y"] - values["t"]) ** 2


# What follows from a value, if the others stay as they are.
STEPS = {
    "z": lambda v: v["w"] * v["x"] + v["b"],
    "h": lambda v: max(0, v["z"]),
    "y": lambda v: v["v"] * v["h"],
    "L": lambda v: (v["y"] - v["t"]) ** 2,
}


def difference(values: dict[str, float], moved: str, result: str) -> float:
    """Return by how much `result` moves with `moved`, by central differences."""

    def compute(by: float) -> float:
        new = values | {moved: values[moved] + by}
        for name, step in STEPS.items():
            if name != moved:
                new[name] = step(new)
        return new[result]

    return (compute(1e-4) - compute(-1e-4)) / 2e-4


def test_tags_of_the_chain_are_its_gradients() -> None:
    values, words = values_of_chain("chain-backward"), words_in("chain-backward")
    at = places(words)
    for name in "wbv":
        x, y = at[name]
        assert number(near(words, x + 36, y)) == pytest.approx(difference(values, name, "L"))
    for name in "zhyL":
        x, y = at[name]
        assert number(near(words, x, y + 38)) == pytest.approx(difference(values, name, "L"))


def test_slopes_beside_the_arrows_are_those_of_single_steps() -> None:
    values, words = values_of_chain("chain-backward"), words_in("chain-backward")
    shown = sorted(number(text) for text, *_ in words if text.startswith("\N{MULTIPLICATION SIGN}"))
    steps = ("yL", "hy", "vy", "zh", "wz", "bz")
    assert shown == pytest.approx(sorted(difference(values, *step) for step in steps))


def numbers_in(name: str) -> list[tuple[float, float, float]]:
    """Return the numbers from top to bottom, with their places."""
    found = [words for words in words_in(name) if re.fullmatch(r"[\N{MINUS SIGN}\d.]+", words[0])]
    return sorted(((x, y, number(text)) for text, x, y, _ in found), key=lambda place: place[1])


def test_output_of_the_neuron_follows_from_its_inputs() -> None:
    numbers = numbers_in("neuron")
    left, right = min(x for x, *_ in numbers), max(x for x, *_ in numbers)
    inputs = [value for x, _, value in numbers if x == left]
    weights = [value for x, _, value in numbers if left < x < 150]
    [total] = [value for x, _, value in numbers if 150 < x < right]
    [output] = [value for x, _, value in numbers if x == right]
    [bias] = [number(text.split()[1]) for text, *_ in words_in("neuron") if "bias" in text]
    assert total == pytest.approx(sum(x * w for x, w in zip(inputs, weights, strict=True)) + bias)
    assert output == max(0, total)


def test_table_of_a_layer_is_inputs_times_errors() -> None:
    at = {(x, y): value for x, y, value in numbers_in("layer-gradient")}
    top = min(y for _, y in at)
    columns = sorted(x for x, y in at if y == top)
    [*_, head] = sorted({x for x, _ in at} - set(columns))  # the inputs beside the table
    rows = sorted(y for x, y in at if x == head)
    assert (len(rows), len(columns)) == (2, 2)
    for x, y in product(columns, rows):
        assert at[x, y] == at[head, y] * at[x, top]
    # Those of the napkin in the chapter, too.
    assert [at[head, y] for y in rows] == [1, 2]
    assert [at[x, top] for x in columns] == [-2, 0]
    left = min(x for x, _ in at)
    assert [at[left, y] for y in rows] == [at[head, y] for y in rows]
    neurons = sorted((y, value) for (x, y), value in at.items() if left < x < head)
    assert [error for _, error in neurons] == [at[x, top] for x in columns]


def paragraphs(page: Path) -> list[str]:
    if page.suffix == ".md":
        text = page.read_text(encoding="utf-8")
    else:
        cells = json.loads(page.read_text(encoding="utf-8"))["cells"]
        text = "\n\n".join(
            "".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"
        )
    return re.split(r"\n\s*\n", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_drawings_on_pages_exist_and_have_a_caption(page: Path) -> None:
    for paragraph in paragraphs(page):
        for alternative, name, caption in USED.findall(paragraph):
            assert (ROOT / "book" / name).is_file(), name
            assert USED.fullmatch(paragraph.strip()), paragraph
            assert len(alternative) > 40, name
            assert len(caption) > 20, name
            assert caption.endswith((".", "?", "!"))

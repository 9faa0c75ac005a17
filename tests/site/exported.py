"""The scripts of the book: in a page of their own, or read as their description says."""

import base64
import json
import zlib
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mnist_course.publishing.web_network import Layer

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

SCRIPTS = Path(__file__).parents[2] / "book" / "_static"


def load_scripts(browser: "Browser", *names: str) -> "Page":
    """Open an empty page with some of the scripts."""
    page = browser.new_page()
    page.evaluate("globalThis.mnistCourse = {}")
    for name in names:
        page.add_script_tag(path=SCRIPTS / name)
    return page


def read_script(script: Path) -> dict[str, Any]:
    """Read the value that a script gives a name to."""
    text = script.read_text(encoding="utf-8")
    value: dict[str, Any] = json.loads(text.partition("Data: ")[2].rpartition(" });")[0])
    return value


def unpack(network: dict[str, Any]) -> list[Layer]:
    """Cut the weights, scales and biases of each layer out of a network."""
    content = zlib.decompress(base64.b64decode(network["layers"]))
    layers, start = [], 0
    for units, inputs in network["shapes"]:
        ends = np.cumsum([start, units * inputs, 4 * units, 4 * units])
        weights, scales, biases = (content[a:b] for a, b in pairwise(ends))
        layers.append(
            Layer(
                np.frombuffer(weights, np.int8).reshape(units, inputs),
                np.frombuffer(scales, "<f4"),
                np.frombuffer(biases, "<f4"),
            )
        )
        start = ends[-1]
    assert start == len(content)
    return layers


def read_network() -> list[Layer]:
    """Read the network of the book."""
    return unpack(read_script(SCRIPTS / "network.js"))

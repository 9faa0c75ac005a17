"""Pasted pictures come back if they are pictures, and a page shows them."""

import base64
import io
import json
import struct
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbconvert.exporters import HTMLExporter
from nbformat import v4
from PIL import Image

from mnist_course.grading.course.settings import read_course
from mnist_course.grading.gradebook.feedback import markdown_to_html
from mnist_course.grading.submissions.pictures import (
    LARGEST_PICTURE,
    MOST_PICTURES,
    missing_pictures,
    show_pictures,
    take_pictures,
)
from mnist_course.grading.submissions.read import parse


def picture(kind: str = "PNG", size: tuple[int, int] = (30, 20)) -> str:
    content = io.BytesIO()
    Image.new("RGB", size, "white").save(content, kind)
    return base64.b64encode(content.getvalue()).decode()


PNG = picture()
BOMB = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 2**16, 2**16)
SKETCH = {"sketch.png": {"image/png": PNG}}


def taken(data: object, kind: str = "image/png") -> list[str]:
    return [key for bundle in take_pictures({"a": {kind: data}}).values() for key in bundle]


class TestTake:
    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF"])
    def test_known_types_are_told_by_their_content(self, kind: str) -> None:
        assert taken(picture(kind), "image/x-anything") == [f"image/{kind.lower()}"]

    def test_text_in_lines_is_joined(self) -> None:
        assert take_pictures({"a": {"image/png": [PNG[:40] + "\n", PNG[40:]]}})["a"] == {
            "image/png": PNG
        }

    @pytest.mark.parametrize(
        "data",
        [
            picture("BMP"),
            "<svg onload='alert(1)'/>",
            PNG[:20],
            "",
            3,
            None,
            ["a", 3],
            base64.b64encode(BOMB).decode(),
            base64.b64encode(b"\xff\xd8" + b"\xff" * 1_000).decode(),
            "A" * (2 * LARGEST_PICTURE + 1),
        ],
        ids=lambda data: repr(data)[:20],
    )
    def test_anything_else_is_left_behind(self, data: object) -> None:
        assert taken(data) == []

    def test_no_more_than_a_number_is_taken(self) -> None:
        many = {f"{number}.png": {"image/png": PNG} for number in range(MOST_PICTURES + 3)}
        assert len(take_pictures(many)) == MOST_PICTURES

    @given(
        st.recursive(
            st.none() | st.text() | st.integers(),
            lambda inner: st.dictionaries(st.text(), inner) | st.lists(inner),
        )
    )
    def test_nothing_breaks_it(self, attachments: Any) -> None:
        assert take_pictures(attachments) == {}

    def test_they_come_back_from_a_notebook(self) -> None:
        attached = {**SKETCH, "b": {"c": "d"}}
        cells = [{"cell_type": "markdown", "source": "", "attachments": attached}]
        document = {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells}
        notebook = parse(json.dumps(document).encode(), "a")
        nbformat.validate(notebook)
        assert notebook.cells[0].attachments == SKETCH


class TestShow:
    @pytest.mark.parametrize(
        ("name", "address"),
        [
            ("image.png", "image.png"),
            ("my sketch.png", "my%20sketch.png"),
            ("Screenshot (2).png", "Screenshot%20(2).png"),
            ("Skizze ü.png", "Skizze%20%C3%BC.png"),
        ],
    )
    def test_names_are_found_as_they_are_written(self, name: str, address: str) -> None:
        text, pictures = f"![a](attachment:{address})", {name: {"image/png": PNG}}
        assert missing_pictures(text, pictures) == []
        assert f'<img src="data:image/png;base64,{PNG}"' in markdown_to_html(
            show_pictures(text, pictures)
        )

    def test_missing_ones_are_said_and_nothing_ends(self) -> None:
        text = "![a](attachment:none.png) and more"
        assert missing_pictures(text, SKETCH) == ["none.png"]
        html = markdown_to_html(show_pictures(text, SKETCH))
        assert "(The picture none.png is missing.)" in html
        assert "and more" in html
        assert "and more" in markdown_to_html(text)

    def test_a_picture_within_the_text_is_no_long_text(self) -> None:
        long = picture(size=(400, 300)) + "A" * 40_000
        for text in (
            f"![a](data:image/png;base64,{long}) END",
            f'<img src="data:image/png;base64,{long}"> END',
            f"![a][image1] END\n\n[image1]: <data:image/png;base64,{long}>",
        ):
            html = markdown_to_html(text)
            assert html.count(long) == 1
            assert "END" in html

    def test_one_picture_is_not_shown_a_thousand_times(self) -> None:
        text = "![a][i]" * 1_000 + f"\n\n[i]: data:image/png;base64,{PNG}"
        assert markdown_to_html(text).count(PNG) == 1
        assert show_pictures("attachment:sketch.png " * 9, SKETCH).count(PNG) == 1

    @pytest.mark.slow
    def test_formgrader_shows_it(self, course: Path) -> None:
        from nbgrader.server_extensions.formgrader import handlers

        cell = v4.new_markdown_cell("My sketch: ![a](attachment:sketch.png)")
        cell.attachments = SKETCH
        notebook = v4.new_notebook(cells=[cell, v4.new_markdown_cell("![a](attachment:b.png)")])
        config = read_course(course).config.copy()
        config.HTMLExporter.template_name = "formgrade"
        config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
        names = ["assignment_id", "notebook_id", "submission_id", "student", "base_url"]
        names += ["last_name", "first_name", "notebook_path"]
        resources = {**dict.fromkeys(names, "x"), "index": 0, "total": 1}
        text, _ = HTMLExporter(config=config).from_notebook_node(notebook, resources=resources)
        assert text.count(PNG) == 1
        assert "(The picture b.png is missing.)" in text

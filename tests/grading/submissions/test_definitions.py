"""What code defines and needs is found out without running it."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_course.grading.submissions.definitions import (
    LONGEST,
    Statement,
    defined_by_sight,
    statements,
)


def only(source: str) -> Statement:
    found = statements(source)
    assert found
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("source", "binds", "needs"),
    [
        ("EPS = 1e-9", "EPS", ""),
        ("half = lambda x: x / TWO", "half", "TWO"),
        ("(a, b), *c = pairs", "a b c", "pairs"),
        ("n: int = 3", "n", "int"),
        ("import numpy as np, os.path", "np os", ""),
        ("from math import pi as PI", "PI", ""),
        ("try:\n    import a\nexcept ImportError:\n    a = None", "a", "ImportError"),
        ("@logged\ndef f(x=START):\n    y = [x + i for i in range(3)]\n    return g(y)", "f", None),
        ("class A(B):\n    c = d\n    def m(self): return e", "A", "B d e"),
        ("def f():\n    def g(): return outer\n    return g", "f", "outer"),
        ("def f():\n    global count\n    count = 1", "f", "count"),
        ("for i in range(3):\n    total = i", "i total", "i range"),
        ("a = 1; b = a", "a b", "a"),
        ("del a", "", ""),
    ],
)
def test_names_are_those_of_the_top_level(source: str, binds: str, needs: str | None) -> None:
    found = only(source)
    assert found.code == source
    assert found.binds == set(binds.split())
    if needs is None:
        needs = "START g logged range"
    assert found.needs == set(needs.split())


@pytest.mark.parametrize(
    ("source", "changes"),
    [
        ("table[3] = 4", "table"),
        ("model.layers[0].units = 3", "model"),
        ("table.append(3)", "table"),
        ("for i in range(3):\n    table.append(i)", "table"),
        ("make().append(3)", "make"),
        ("n = table.pop()", ""),
        ("def f():\n    table.append(3)", ""),
        ("print(table)", ""),
    ],
)
def test_changes_of_a_value_are_found(source: str, changes: str) -> None:
    assert only(source).changes == set(changes.split())


@pytest.mark.parametrize(
    ("source", "codes"),
    [
        ("!ls\nx = 1", ["!ls", "x = 1"]),
        ("%pip install x\nx = 1\nnp?", ["%pip install x", "x = 1", "np?"]),
        ("%%time\nx = 1", ["x = 1"]),
        ("files = !ls\ny = 2", ["files = !ls", "y = 2"]),
        ("if 1:\n    %pip install x\n    u = 3", ["if 1:\n    %pip install x\n    u = 3"]),
        ("a = ('%d'\n     % 3)\nb = 1", ["a = ('%d'\n     % 3)", "b = 1"]),
        ("x = 1\r\ny = '\x0c'\r\nz = 3", ["x = 1", "y = '\x0c'", "z = 3"]),
        ("# nothing", []),
    ],
)
def test_code_is_taken_apart_as_it_was_written(source: str, codes: list[str]) -> None:
    found = statements(source)
    assert found is not None
    assert [statement.code for statement in found] == codes


def test_what_defines_and_what_imports_all_is_told_apart() -> None:
    assert only("def f(): pass").is_definition
    assert not only("x = 1").is_definition
    assert only("from math import *").imports_all
    assert not only("from math import pi").imports_all


@pytest.mark.parametrize(
    "source",
    ["def (:", "%%bash\nls", "-" * 60_000 + "1", "x" + ".x" * 40_000, "x = 1\n" + "#" * LONGEST],
)
def test_what_cannot_be_read_is_none(source: str) -> None:
    assert statements(source) is None


def test_broken_code_is_judged_by_its_looks() -> None:
    source = "def scale(images:\n    x = 1\nclass A\nslopes = {\nif a == b:\nasync def g("
    assert defined_by_sight(source) == {"scale", "A", "slopes", "g"}


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_none_or_taken_apart(source: str) -> None:
    found = statements(source)
    try:
        ast.parse(source)
    except (SyntaxError, ValueError):
        return
    assert found is not None
    assert all(statement.code in source for statement in found)

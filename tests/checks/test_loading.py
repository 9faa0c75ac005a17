"""What the checks of assignment 01 measure beside the mistakes that they list."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mnist_course.checks import loading as check
from mnist_course.checks.core import CheckError


def says(run: Callable[[Any], None], answer: object) -> str:
    with pytest.raises(CheckError) as raised:
        run(answer)
    return str(raised.value)


def test_a_share_that_is_not_exact_is_not_asked_for() -> None:
    """All good formulas agree: 0.8 of 10 images is not one of the cases."""
    for number in range(4, 30):
        for *_, share in (case.arguments for case in check.split.cases):
            kept = int(number * (1 - share))
            assert kept == number - int(np.ceil(number * share)) == int(number - number * share)


@pytest.mark.parametrize(("first", "missed"), [("lowest", "'highest'"), ("highest", "'lowest'")])
def test_an_extreme_that_elif_leaves_out_is_named(first: str, missed: str) -> None:
    def summarize(images, labels):
        low, high = 255, 0
        for value in images.flat:
            if first == "lowest":
                if value < low:
                    low = value
                elif value > high:
                    high = value
            elif value > high:
                high = value
            elif value < low:
                low = value
        return {**check.summarize.correct(images, labels), "lowest": low, "highest": high}

    assert f"{missed} leaves out each value" in says(check.summarize, summarize)


def test_a_method_without_parentheses_is_named() -> None:
    def summarize(images, labels):
        return {**check.summarize.correct(images, labels), "lowest": images.min}

    assert "That's a function, not what it returns" in says(check.summarize, summarize)


@pytest.mark.parametrize("seed", range(5))
def test_shuffling_is_stated(seed: int) -> None:
    def split(images, labels, share):
        order = np.random.default_rng(seed).permutation(len(images))
        return check.split.correct(images[order], labels[order], share)

    assert "Every image is in one of the two parts, but not in its old place." in says(
        check.split, split
    )


def test_two_mistakes_at_once_get_facts_only() -> None:
    def split(images, labels, share):
        n = round(len(images) * share)
        return (images[:n], labels), (images[n:], labels)

    said = says(check.split, split)
    assert "has shape (1, 1, 1); expected shape (3, 1, 1).\nRead on" in said


@pytest.mark.parametrize(
    ("beginning", "shown"),
    [([0, 0, 8], "a list: [0, 0, 8]"), ((0, 0, 8), "a tuple: (0, 0, 8)"), ("008", "a str: '008'")],
)
def test_what_bytes_are_compared_with_is_measured(beginning: object, shown: str) -> None:
    def parse_idx(data):
        if data[:3] != beginning:
            raise ValueError("no IDX file")
        return check.parse_idx.correct(data)

    assert f"Your code compares bytes with {shown}" in says(check.parse_idx, parse_idx)


def test_a_comparison_of_other_things_is_not_blamed() -> None:
    def parse_idx(data):
        if list(data[:3]) != [8, 0, 0]:
            raise ValueError("no IDX file")
        return check.parse_idx.correct(data)

    said = says(check.parse_idx, parse_idx)
    assert "no IDX file at your line `raise ValueError" in said
    assert "compares" not in said


@pytest.mark.parametrize(
    ("refuse", "said"),
    [
        (lambda: None, "`parse_idx` returned None. Expected a ValueError."),
        (lambda: ValueError("no"), "returned a ValueError. `raise` it instead."),
        (lambda: 1 / 0, "stopped with ZeroDivisionError"),
        (lambda: np.zeros(2), "returned an array of float64 with shape (2,); expected"),
    ],
)
def test_what_is_not_a_refusal_is_shown(refuse: Callable[[], object], said: str) -> None:
    def parse_idx(data):
        return check.parse_idx.correct(data) if data[:3] == bytes([0, 0, 8]) else refuse()

    heard = says(check.parse_idx, parse_idx)
    assert heard.startswith("Not yet: for bytes that begin with 0, 0, 13, because")
    assert said in heard


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (lambda values, sizes: values.reshape(-1, *sizes[1:]), "announces the shape (3, 5, 4)"),
        (np.resize, "filled up with the first ones, as `np.resize` does."),
    ],
)
def test_what_stands_in_for_missing_values_is_measured(read: Callable, said: str) -> None:
    def parse_idx(data):
        if data[:3] != bytes([0, 0, 8]):
            raise ValueError("no IDX file")
        sizes = [int.from_bytes(data[i : i + 4], "big") for i in range(4, 4 + 4 * data[3], 4)]
        return read(np.frombuffer(data, np.uint8, offset=4 + 4 * data[3]), sizes)

    assert said in says(check.parse_idx, parse_idx)


def test_where_a_result_begins_is_measured() -> None:
    def parse_idx(data):
        number = int.from_bytes(data[4:8], "big")
        return np.frombuffer(data, np.uint8, number, offset=5)

    assert "begins with byte 5 of the file" in says(check.parse_idx, parse_idx)


def test_a_fourth_byte_that_is_compared_is_reported() -> None:
    def parse_idx(data):
        if data[:4] != bytes([0, 0, 8, 3]):
            raise ValueError("no IDX file")
        return check.parse_idx.correct(data)

    assert "The fourth byte is the number of dimensions" in says(check.parse_idx, parse_idx)


def test_an_endless_loop_is_stopped_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def split(images, labels, share):
        while True:
            pass

    quick = check.FunctionCheck(
        "split", "x", check.split.correct, check.split.cases, "", seconds=0.2
    )
    assert "was stopped after 0.2 seconds" in says(quick, split)

"""Whatever a learner's process says, grading goes on, and only right answers earn points."""

import contextlib
import json
import pickle
import random
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import nbformat
import numpy as np
import pytest
from helpers import RIGHT, Forger
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat import v4

from mnist_course.data import MNIST
from mnist_course.grading.course.assignment import Assignment, list_assignments, read_assignment
from mnist_course.grading.inside import messages, outputs, runner
from mnist_course.grading.inside.messages import MessageError, Other, pack, unpack
from mnist_course.grading.inside.outputs import read_outputs
from mnist_course.grading.judging.results import Result
from mnist_course.grading.judging.scoring import score

ROOT = Path(__file__).parents[2]
Grade = Callable[..., Result]


def count(number: int) -> bytes:
    return struct.pack(">I", number)


def pair(value: bytes) -> bytes:
    """Write the answer to a call: the value, and no arguments."""
    return b"u" + count(2) + pack("answered") + b"u" + count(2) + value + pack(())


def array(name: bytes, lengths: list[int], content: bytes = b"") -> bytes:
    shape = bytes([len(lengths)]) + b"".join(map(count, lengths))
    return b"a" + bytes([len(name)]) + name + shape + content


FORGED = {
    "nothing": b"",
    "cut off": RIGHT[:-1],
    "announced without end": b"s" + count(2**32 - 1) + b"short",
    "noise": bytes(range(256)),
    "no pair": pack("answered"),
    "three of a pair": pack((1, 2, 3)),
    "array for a pair": pack(np.zeros((2, 2))),
    "unknown status": pack(("won", 100)),
    "deep": pair((b"l" + count(1)) * 50_000),
    "many lists": pair(b"l" + count(2**19) + (b"l" + count(1) + b"n") * 2**19),
    "list without end": pair(b"l" + count(2**32 - 1)),
    "pickled": pair(array(b"|O", [1], pickle.dumps([print]))),
    "text": pair(array(b"<U2", [1], "42".encode("utf-32-le"))),
    "structure": pair(array(b"i4,f4", [1], bytes(8))),
    "complex": pair(array(b"<c16", [1], bytes(16))),
    "wrong length": pair(array(b"<f8", [9], b"8 bytes.")),
    "length beyond any": pair(array(b"<f8", [0, *[2**32 - 1] * 60])),
    "more dimensions than any": pair(array(b"<f8", [0] * 255)),
    "name with code": pair(array(b"__import__('os').abort()", [])),
    "keys that are no text": pair(b"d" + count(1) + pack(1) + pack(1)),
    "many keys": pair(b"d" + count(2**20) + (count(0) + b"n") * 2**20),
}


def graded(assignment: Assignment, reply: Callable[[Any], bytes], **options: Any) -> Result:
    result = score(assignment, v4.new_notebook(), spawn=lambda: Forger(reply), **options)
    nbformat.validate(nbformat.reads(result.notebook, as_version=4))
    return result


@pytest.mark.slow
@pytest.mark.parametrize("answer", FORGED.values(), ids=FORGED)
@pytest.mark.parametrize("to", ["cells", "hidden tests"])
def test_a_forged_answer_is_worth_nothing(assignment: Assignment, answer: bytes, to: str) -> None:
    def reply(request: Any) -> bytes:
        return answer if (request[0] == "run") == (to == "cells") else RIGHT

    result = graded(assignment, reply)
    assert (result.score, result.max_score) == (0, 3)


# Pieces of messages in any order: most are refused late, and some are read.
LENGTHS = st.integers(0, 6) | st.sampled_from([1000, 1001, 2**20, 2**32 - 1])
PIECES = st.one_of(
    st.sampled_from([bytes([letter]) for letter in b"ntfirsbolud"]),
    LENGTHS.map(count),
    st.sampled_from([b"l", b"u", b"d", b"s", b"b"]).flatmap(
        lambda kind: st.integers(0, 6).map(lambda number: kind + count(number))
    ),
    st.builds(
        array,
        st.sampled_from([b"<f8", b"|u1", b">i2", b"|b1", b"|O", b"i4,f4", b""]),
        st.lists(LENGTHS, max_size=4),
        st.binary(max_size=16),
    ),
    st.text(max_size=5).map(lambda text: pack(text)[1:]),
    st.sampled_from([pack(1), pack(0.5), pack("ab"), pack(()), pack(np.arange(3)), RIGHT]),
    st.binary(max_size=9),
)
ANSWERS = st.recursive(
    st.none()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.builds(np.zeros, st.sampled_from([(), 0, 3, (2, 0, 1)])),
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(st.text(max_size=5), inner),
)
FORGERIES = st.lists(PIECES, max_size=12).map(b"".join)


def cost(message: bytes) -> tuple[Any, int, int]:
    """Read a message; return its value, and count the lines that ran and the bytes looked at."""
    lines = looked_at = 0

    def trace(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal lines
        lines += event == "line"
        return trace if frame.f_code.co_filename == messages.__file__ else None

    class Counting(messages._Reader):
        def _take(self, size: int) -> memoryview:
            nonlocal looked_at
            taken = super()._take(size)
            looked_at += len(taken)
            return taken

    value: Any = MessageError
    before = sys.gettrace()
    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(MessageError):
        patch.setattr(messages, "_Reader", Counting)
        sys.settrace(trace)
        try:
            value = unpack(message)
        finally:
            sys.settrace(before)
    return value, lines, looked_at


def parts(value: Any) -> Iterator[Any]:
    """List a value and all that lies within it, also what appears there several times."""
    yield value
    if type(value) is dict:
        yield from value
        assert len(value) <= messages.MOST_KEYS
        assert {type(key) for key in value} <= {str}
    for item in value.values() if type(value) is dict else value:
        yield from parts(item) if type(item) in (list, tuple, dict) else [item]


def assert_linear(message: bytes) -> None:
    value, lines, looked_at = cost(message)
    assert lines <= 30 + 30 * len(message)
    assert looked_at <= len(message)
    if value is not MessageError:
        assert looked_at == len(message)
        everything = list(parts([value]))[1:]
        memory = sum(map(sys.getsizeof, everything))
        assert memory <= messages.OVERHEAD * len(everything) + 4 * len(message)
        arrays = [id(part) for part in everything if isinstance(part, np.ndarray)]
        assert len(arrays) == len(set(arrays))


@given(FORGERIES)
def test_the_cost_of_reading_anything_is_linear(message: bytes) -> None:
    assert_linear(message)


@given(ANSWERS)
def test_the_cost_of_reading_an_answer_is_linear(value: Any) -> None:
    assert_linear(pack(value))


@pytest.mark.slow
@settings(max_examples=1_000)
@given(FORGERIES | ANSWERS.map(pack), FORGERIES, st.integers(0, 2**32 - 1))
def test_a_hundred_thousand_damaged_messages_are_read_or_refused(
    message: bytes, other: bytes, seed: int
) -> None:
    # Hypothesis draws a thousand; each is damaged a hundred times, a little more each time.
    rng = random.Random(seed)
    for _ in range(100):
        source = rng.choice([message, other, rng.randbytes(4)])
        start, end = sorted(rng.choices(range(len(source) + 1), k=2))
        place = rng.randint(0, len(message))
        message = message[:place] + source[start:end] + message[place + rng.randint(0, 9) :]
        message = message[:1_000]
        assert_linear(message)


@pytest.mark.parametrize(
    "piece",
    [
        b"n",
        pack(""),
        pack("\N{SNAKE}"),
        pack(1.5),
        pack([]),
        pack({}),
        pack({"a": {"": None}}),
        pack(np.empty((0, 3))),
        pack(np.float32(1)),
        pack(Other("set")),
        pack("\N{SNAKE}" + "a" * 1000),
    ],
)
def test_twice_as_much_of_anything_costs_twice_as_much(piece: bytes) -> None:
    costs = []
    for number in (500, 1000):
        message = b"l" + count(number) + number * piece
        assert_linear(message)
        costs.append(cost(message)[1:])
    assert [2 * few >= many for few, many in zip(*costs, strict=True)] == [True, True]


def test_what_hashes_alike_or_refers_to_the_same_does_not_cross() -> None:
    alike = [number * (2**61 - 1) for number in range(5)]
    for value in (set(alike), frozenset(alike), dict.fromkeys(alike), dict.fromkeys(alike[:1])):
        assert unpack(pack([value])) == [Other(type(value).__name__)]
    large = np.zeros(2**17)
    (message,) = [pack([large] * 256, largest=2**21)]
    assert len(message) < 2**21
    assert sum(type(part) is np.ndarray for part in unpack(message)) == 1


# ------------------------------------------------------------------------------- over the socket


# The connection is the one socket of the learner's process; the cell writes to it by hand.
SOCKET = """
import os, stat, struct, threading, time
from multiprocessing.connection import Connection
from mnist_course.grading.inside.messages import pack
(number,) = [int(n) for n in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{n}")
             and stat.S_ISSOCK(os.stat(f"/proc/self/fd/{n}").st_mode)]
def say(*answers):
    for answer in answers:
        data = answer if type(answer) is bytes else pack(answer)
        os.write(number, struct.pack("!i", len(data)) + data)
right = ("answered", (84, ()))
"""


@pytest.mark.parametrize(
    "attack",
    [
        # Between cells, before there is a question, and an own answer follows.
        "say(('answered', (None, [])))",
        "say(right, right, right)",
        "def double(n):\n    say(right, right)\n    return 0",
        # All the time, while cells run and questions are asked.
        "def busy():\n    while True:\n        say(right)\n        time.sleep(1e-3)\n"
        "threading.Thread(target=busy, daemon=True).start()",
        # Instead of the process, which takes the questions and never answers by itself.
        "connection = Connection(os.dup(number))\ndef answer():\n    while True:\n"
        "        connection.recv_bytes()\n        say(right)\n"
        "threading.Thread(target=answer, daemon=True).start()",
        "def double(n):\n    os.write(number, struct.pack('!iQ', -1, 2**62) + b'x')\n    return 0",
        "def double(n):\n    os.write(number, struct.pack('!i', -7))\n    return 0",
        "def double(n):\n    os.write(number, struct.pack('!i', 2**31 - 1) + b'x')\n    return 0",
        "def double(n):\n    say(b'\\0' * 99)\n    return 0",
        "os.close(number)",
        "import socket\nsocket.socket(fileno=number).shutdown(2)",
        "os.dup2(os.open('/dev/null', os.O_RDWR), number)",
        "def double(n):\n    if os.fork() == 0: return np.zeros(3)\n    return 2 * np.ones(3)",
    ],
)
def test_answers_by_hand_are_worth_no_more(grade: Grade, attack: str) -> None:
    result = grade(double=SOCKET + attack)
    assert result.cells["check_double"].points == 0
    assert result.score <= 1


STRANGE = """
class Strange(list):
    def __iter__(self):
        raise RuntimeError
"""


@pytest.mark.parametrize("answer", ["10**6000", "np.zeros(2**24)", "Strange()", "{1, 2}", "{1: 2}"])
def test_an_answer_that_cannot_be_sent_costs_its_own_points_alone(
    grade: Grade, answer: str
) -> None:
    result = grade(double=f"{STRANGE}def double(number):\n    return {answer}")
    assert result.status == "graded"
    assert (result.cells["check_double"].points, result.cells["check_greet"].points) == (0, 1)


# ------------------------------------------------------------------------------- what is shown


KEYS = "output_type name text ename evalue traceback data text/plain image/png text/html".split()  # noqa: SIM905
VALUES = st.recursive(
    st.none()
    | st.integers()
    | st.binary(max_size=9)
    | st.text(max_size=9)
    | st.sampled_from(["stream", "error", "display_data", "stdout", outputs.PNG])
    | st.builds(np.zeros, st.sampled_from([(), 0, 1, 3]))
    | st.builds(np.float32, st.just(1)),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.fixed_dictionaries(
            {},
            optional=dict.fromkeys(KEYS, inner),
        )
    ),
    max_leaves=20,
)


@given(st.lists(VALUES, max_size=5) | VALUES)
def test_any_outputs_become_valid_ones(value: Any) -> None:
    kept = read_outputs(value, 1000)
    cell = v4.new_code_cell(outputs=kept)
    nbformat.validate(v4.new_notebook(cells=[cell]))
    json.dumps(kept, allow_nan=False)


@pytest.mark.parametrize(
    "strange", [np.arange(3), np.float32(1), np.array(3), "stream", 3, {1}, Other("x")]
)
def test_strange_outputs_do_not_stop_grading(assignment: Assignment, strange: object) -> None:
    reply = pack((runner.ANSWERED, (None, [strange])))
    assert graded(assignment, lambda request: reply).score == 0


def test_empty_outputs_take_room_too() -> None:
    empty = {"output_type": "stream", "name": "stdout", "text": ""}
    assert len(read_outputs([empty] * 1000, 10_000)) == 100


@pytest.mark.parametrize(
    ("size", "kept"), [((28, 28), 1), ((2**12, 2**12), 1), ((2**16, 2**16), 0), ((0, 5), 0)]
)
def test_a_picture_may_not_unfold_without_end(size: tuple[int, int], kept: int) -> None:
    png = outputs.PNG + struct.pack(">I4sII", 13, b"IHDR", *size)
    shown = {"output_type": "display_data", "data": {"image/png": png}}
    assert len(read_outputs([shown], 1000)) == kept


# --------------------------------------------------------------------------- the hidden tests


NOTHING_IN_PARTICULAR: dict[str, Any] = {
    "no numbers": np.array([]),
    "no integers": np.array([], int),
    "no images": np.empty((0, 28, 28), np.uint8),
    "no rows": np.empty((0, 10)),
    "empty list": [],
    "two empty lists": [[], []],
    "two empty arrays": [np.array([]), np.array([])],
    "empty dictionary": {},
    "empty text": "",
    "no bytes": b"",
    "not a number": np.nan,
    "not numbers": np.full(10, np.nan),
    "infinity": np.inf,
    "true": True,
    "trues": np.ones((10, 10), bool),
    "object": object(),
    "zero": 0,
    "one": np.ones(1),
    "cannot be compared": np.zeros((3, 1, 5)),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        # Its hidden tests train for a minute.
        pytest.param(name, marks=[pytest.mark.nightly] * (name == "08_debugging"))
        for name in list_assignments(ROOT / "solutions")
    ],
)
def test_one_answer_to_every_question_earns_nothing(few: MNIST, name: str) -> None:
    """NumPy finds an empty array equal to any number, for example."""
    assignment = read_assignment(ROOT / "solutions", name)
    labelled = few.test_images[:50], few.test_labels[:50]
    earned: dict[str, dict[str, float]] = {}
    for described, value in NOTHING_IN_PARTICULAR.items():

        def reply(request: Any, value: Any = value) -> bytes:
            kind, _, *details = request
            answer = {"run": (None, []), "call": (value, *details[1:])}.get(kind, value)
            return pack((runner.ANSWERED, answer))

        cells = graded(assignment, reply, labelled=labelled).cells
        earned[described] = {cell: score.points for cell, score in cells.items() if score.points}
    assert {described: cells for described, cells in earned.items() if cells} == {}

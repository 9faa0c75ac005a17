"""Whatever a learner's process says, grading goes on, and only right answers earn points."""

import contextlib
import io
import json
import struct
import threading
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat import v4

from mnist_course.data import MNIST
from mnist_course.grading.course.assignment import Assignment, list_assignments, read_assignment
from mnist_course.grading.inside import messages, outputs, runner
from mnist_course.grading.inside.messages import MessageError, pack, unpack
from mnist_course.grading.inside.outputs import read_outputs
from mnist_course.grading.judging.results import Result
from mnist_course.grading.judging.scoring import score
from mnist_course.grading.sandbox.limits import Limits
from mnist_course.grading.sandbox.supervisor import Child

ROOT = Path(__file__).parents[2]
RIGHT = pack((runner.ANSWERED, (None, [])))
Grade = Callable[..., Result]


class Forger(Child):
    """In place of a learner's process: sends the bytes that `reply` makes of each request."""

    def __init__(self, reply: Callable[[Any], bytes]) -> None:
        ours, theirs = Pipe()
        super().__init__(ours, Limits(answer=2**20))
        self._thread = threading.Thread(target=self._serve, args=(reply, theirs), daemon=True)
        self._thread.start()

    def _serve(self, reply: Callable[[Any], bytes], connection: Connection) -> None:
        try:
            while True:
                connection.send_bytes(reply(unpack(connection.recv_bytes())))
        except (EOFError, OSError):
            connection.close()

    def _end(self) -> None:
        pass

    def _clean(self) -> None:
        self._thread.join(10)


def part(content: bytes) -> bytes:
    return struct.pack(">Q", len(content)) + content


def npy(header: str, content: bytes = b"") -> bytes:
    padded = header.encode() + b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded + content


def saved(array: np.ndarray, **options: bool) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


def header(dtype: str = "'<f8'", shape: str = "(0,)") -> str:
    return f"{{'descr': {dtype}, 'fortran_order': False, 'shape': {shape}, }}"


ANSWER = part(b'{"tuple": ["answered", {"tuple": [{"array": 0}, {"tuple": []}]}]}')
FORGED = {
    "nothing": b"",
    "cut off": RIGHT[:-1],
    "announced without end": struct.pack(">Q", 2**63) + b"short",
    "noise": bytes(range(256)),
    "no pair": pack("answered"),
    "three of a pair": pack((1, 2, 3)),
    "array for a pair": pack(np.zeros((2, 2))),
    "unknown status": pack(("won", 100)),
    "deep": part(b"[" * 50_000 + b"]" * 50_000),
    "deep and named": part(b'{"list":[' * 3000 + b"]}" * 3000),
    "many lists": part(b'{"list":[' + b"{}," * 300_000 + b"0]}"),
    "many parts": bytes(2**20),
    "pickled": ANSWER + part(saved(np.array([print]), allow_pickle=True)),
    "text": ANSWER + part(saved(np.array(["42"]))),
    "structure": ANSWER + part(saved(np.zeros(3, "i4,f4"))),
    "complex": ANSWER + part(saved(np.zeros(3, complex))),
    "wrong length": ANSWER + part(npy(header(shape="(9,)"), b"8 bytes.")),
    "negative length": ANSWER + part(npy(header(shape="(-1, -1)"), b"8 bytes.")),
    "length beyond any": ANSWER + part(npy(header(shape="(0, " + "9" * 400 + ")"))),
    "header without end": ANSWER + part(npy("(" * 5)),
    "header in depth": ANSWER + part(npy("-" * 9000 + "1")),
    "header badly indented": ANSWER + part(npy("if:\n    a\n  b")),
    "header of text": ANSWER + part(npy("'''")),
    "header with code": ANSWER + part(npy(header(dtype="__import__('os').abort()"))),
    "large header": ANSWER + part(npy(header() + " " * 20_000)),
    "no array": ANSWER + part(b"\x89PNG"),
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


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from("list tuple set dict bytes array scalar other".split()),  # noqa: SIM905
            inner,
            max_size=2,
        )
    ),
    max_leaves=10,
)
HEADERS = st.text("(){}[]'\"-,: \n\\0123456789<f8descr", max_size=40) | st.builds(
    header,
    st.sampled_from(["'<f8'", "'|O'", "'<i4'", "('<f8', (2,))", "[('a', '<f8')]", "'<U0'", "None"]),
    st.lists(st.integers(-1, 2**70), max_size=3).map(lambda shape: repr(tuple(shape))),
)


@given(JSON, HEADERS, st.binary(max_size=16))
def test_any_document_with_any_array_is_read_or_refused(
    document: Any, head: str, content: bytes
) -> None:
    forged = part(json.dumps(document).encode()) + part(npy(head, content))
    with contextlib.suppress(MessageError):
        assert not isinstance(unpack(forged), np.ndarray) or "array" in document


def test_the_memory_for_an_answer_is_limited() -> None:
    for many in (
        part(b"[" + b"[]," * messages.MOST_MARKS + b"0]"),
        part(b"0") + part(b"") * messages.MOST_ARRAYS + part(b""),
    ):
        with pytest.raises(MessageError, match=r"too many|more than"):
            unpack(many)


def test_an_honest_answer_with_many_numbers_arrives(monkeypatch: pytest.MonkeyPatch) -> None:
    assert messages.MOST_ARRAYS >= messages.LONGEST_LIST
    monkeypatch.setattr(messages, "MOST_ARRAYS", 1000)
    many = [np.float32(0)] * 1000
    assert unpack(pack(many)) == many
    assert unpack(pack([many, many]))[1][-1] == messages.Other("float32")


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
    "strange", [np.arange(3), np.float32(1), np.array(3), "stream", 3, {1}, messages.Other("x")]
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
@pytest.mark.parametrize("name", list_assignments(ROOT / "solutions"))
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

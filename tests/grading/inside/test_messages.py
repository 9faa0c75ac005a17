"""Values cross the boundary unchanged, and bytes from an untrusted user do no harm."""

import contextlib
import io
import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mnist_course.grading.inside.messages import MessageError, Other, pack, unpack

ARRAYS = hnp.arrays(
    st.one_of(hnp.integer_dtypes(), hnp.unsigned_integer_dtypes(), hnp.boolean_dtypes()),
    hnp.array_shapes(min_dims=0, min_side=0, max_dims=3, max_side=4),
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary()
)
VALUES = st.recursive(
    st.one_of(SCALARS, ARRAYS),
    lambda inner: st.one_of(
        st.lists(inner), st.tuples(inner, inner), st.dictionaries(SCALARS, inner)
    ),
    max_leaves=10,
)


def assert_equal(one: object, other: object) -> None:
    assert type(one) is type(other)
    if isinstance(one, np.ndarray):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for a, b in zip(one, other, strict=True):
            assert_equal(a, b)
    elif isinstance(one, dict):
        assert list(one) == list(other)
        assert_equal(list(one.values()), list(other.values()))
    else:
        assert one == other


@given(VALUES)
def test_values_arrive_as_they_were_sent(value: object) -> None:
    assert_equal(value, unpack(pack(value)))


def test_numpy_scalars_keep_their_type() -> None:
    assert_equal(unpack(pack(np.float32(0.5))), np.float32(0.5))
    assert_equal(unpack(pack({np.int64(3): np.uint8(4)})), {np.int64(3): np.uint8(4)})


def test_strings_of_numpy_become_plain_ones() -> None:
    assert_equal(unpack(pack(np.str_("seven"))), "seven")


def test_what_can_be_an_array_becomes_one() -> None:
    class Tensor:
        def __array__(self, dtype=None, copy=None):
            return np.arange(3)

    assert_equal(unpack(pack(Tensor())), np.arange(3))


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (print, "builtin_function_or_method"),
        (np.array([print, None]), "ndarray"),
        (np.array(["text"]), "ndarray"),
        (object(), "object"),
        (1j, "complex"),
    ],
)
def test_everything_else_is_named_but_does_not_cross(value: object, name: str) -> None:
    assert unpack(pack([value])) == [Other(name)]


def test_a_list_within_itself_ends_somewhere() -> None:
    endless: list = []
    endless.append(endless)
    assert "Other" in repr(unpack(pack(endless)))
    assert unpack(pack([0] * 100_001)) == Other("list")


def part(content: bytes) -> bytes:
    return struct.pack(">Q", len(content)) + content


def npy(array: np.ndarray, **options: bool) -> bytes:
    file = io.BytesIO()
    np.save(file, array, **options)
    return file.getvalue()


ONE_ARRAY = part(json.dumps({"array": 0}).encode())
LARGE = npy(np.zeros((1000, 1000), np.uint8))[:128]


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\0",
        struct.pack(">Q", 2**60) + b"short",
        part(b"not json"),
        part(b"[1, 2]"),
        part(b'{"array": 0}'),
        part(b'{"array": "x"}') + part(npy(np.arange(3))),
        part(b'{"unknown": 1}'),
        part(b'{"list": 3}'),
        part(b'{"list": [], "dict": []}'),
        part(b'{"dict": [[{"list": []}, 1]]}'),
        part(b'{"bytes": "***"}'),
        part(b"[" * 100_000),
        part(b"9" * 10_000),
        ONE_ARRAY + part(b"\x93NUMPY"),
        ONE_ARRAY + part(npy(np.arange(3))[:-1]),
        ONE_ARRAY + part(npy(np.arange(3)) + b"more"),
        ONE_ARRAY + part(npy(np.array([print]), allow_pickle=True)),
        ONE_ARRAY + part(npy(np.array(["text"]))),
        ONE_ARRAY + part(npy(np.zeros(10, np.uint8)).replace(b"(10,)", b"(-9,)")),
        ONE_ARRAY + part(npy(np.zeros(10, np.uint8)).replace(b"(10,), ", b"(9**9,)")),
        ONE_ARRAY
        + part(
            npy(np.zeros((1000, 1000), np.uint8))[:128].replace(b"(1000, 1000)", b"(9000000000,)")
        ),
    ],
)
def test_forged_messages_are_refused(message: bytes) -> None:
    with pytest.raises(MessageError):
        unpack(message)


@given(st.binary())
def test_noise_is_refused_or_read_but_never_breaks(message: bytes) -> None:
    for forged in (message, part(message), ONE_ARRAY + part(message)):
        with contextlib.suppress(MessageError):
            unpack(forged)

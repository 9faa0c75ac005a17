"""Values cross the boundary unchanged, and bytes from an untrusted user do no harm."""

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mnist_course.grading.inside import messages
from mnist_course.grading.inside.messages import MessageError, Other, pack, unpack

ARRAYS = hnp.arrays(
    st.one_of(hnp.integer_dtypes(), hnp.unsigned_integer_dtypes(), hnp.boolean_dtypes()),
    hnp.array_shapes(min_dims=0, min_side=0, max_dims=3, max_side=4),
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
)
VALUES = st.recursive(
    st.one_of(SCALARS, ARRAYS),
    lambda inner: st.one_of(
        st.lists(inner), st.tuples(inner, inner), st.dictionaries(st.text(), inner)
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
    assert_equal(unpack(pack({"n": np.uint8(4)})), {"n": np.uint8(4)})


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
        pytest.param(10**6000, "int", id="long"),
        ({1, 2}, "set"),
        ({1: 2}, "dict"),
        (dict.fromkeys(map(str, range(1001))), "dict"),
    ],
)
def test_everything_else_is_named_but_does_not_cross(value: object, name: str) -> None:
    assert unpack(pack([value])) == [Other(name)]


def test_a_list_within_itself_ends_somewhere() -> None:
    endless: list = []
    endless.append(endless)
    assert "Other" in repr(unpack(pack(endless)))


def test_what_does_not_fit_is_left_out_and_nothing_else() -> None:
    many, large = [0] * messages.MOST_VALUES, np.zeros(1000)
    assert unpack(pack([1, many, 2])) == [1, Other("list"), 2]
    assert unpack(pack([1, large, "x" * 2000, 2], largest=1000)) == [
        1,
        Other("ndarray"),
        Other("str"),
        2,
    ]


def test_a_value_that_cannot_be_looked_at_is_named() -> None:
    class Broken:
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError

    assert unpack(pack([Broken(), 1])) == [Other("Broken"), 1]


def test_an_array_that_was_read_can_be_changed() -> None:
    unpack(pack(np.zeros(3)))[0] = 1


def count(number: int) -> bytes:
    return struct.pack(">I", number)


def array(name: bytes, shape: list[int], content: bytes = b"") -> bytes:
    lengths = b"".join(map(count, shape))
    return b"a" + bytes([len(name)]) + name + bytes([len(shape)]) + lengths + content


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"x",
        b"nn",
        b"i1234567",
        b"r1234567",
        b"s" + count(2) + b"1",
        b"s" + count(2**32 - 1) + b"1",
        b"s" + count(1) + b"\xff",
        b"l" + count(2) + b"n",
        b"l" + count(2**32 - 1) + b"n" * 100,
        b"l" + count(messages.MOST_VALUES) + b"n" * messages.MOST_VALUES,
        (b"l" + count(1)) * (messages.DEEPEST + 1) + b"n",
        (b"l" + count(1)) * 100_000,
        b"d" + count(1) + b"i" + bytes(8) + b"n",
        b"d" + count(1001) + (count(0) + b"n") * 1001,
        array(b"<f8", [2], bytes(15)),
        array(b"<f8", [2], bytes(17)),
        array(b"<f8", [2**32 - 1] * 3),
        array(b"<f8", [0] + [2**32 - 1] * 9),
        array(b"|u1", [0] * 100),
        array(b"|O8", [1], bytes(8)),
        array(b"<U1", [1], b"a\0\0\0"),
        array(b"<c8", [1], bytes(8)),
        array(b"i4,f4", [1], bytes(8)),
        array(b"", []),
        array(b"|u1", [1], b"1").replace(b"a", b"g", 1),
        json.dumps({"list": [1, 2]}).encode(),
    ],
)
def test_forged_messages_are_refused(message: bytes) -> None:
    with pytest.raises(MessageError):
        unpack(message)


def test_the_longest_message_is_the_longest() -> None:
    fits = b"l" + count(messages.MOST_VALUES - 1) + b"n" * (messages.MOST_VALUES - 1)
    assert unpack(fits) == [None] * (messages.MOST_VALUES - 1)
    assert pack(unpack(fits)) == fits

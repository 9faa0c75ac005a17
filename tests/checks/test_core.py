"""What every check does, whatever it checks."""

import math
import signal

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

from mnist_course.checks.core import (
    CheckError,
    NotAttemptedError,
    call,
    describe_borrowed,
    describe_unused,
    difference,
    expect,
    kind,
    measure_accuracy,
    same,
    task,
)


@task("normalizing.html#one-line")
def double(double):
    """Check a function that doubles."""
    answer = call(double, np.arange(3))
    expect(np.array_equal(answer, [0, 2, 4]), f"2 became {answer[2]}; expected twice as much.")
    return "everything is doubled."


def says(check, *answers) -> str:
    with pytest.raises(CheckError) as raised:
        check(*answers)
    return str(raised.value)


def test_a_right_answer_is_praised_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    double(lambda x: x * 2)
    double(lambda x: x + x)
    assert capsys.readouterr().out == "Well done: everything is doubled.\n" * 2


def test_a_wrong_answer_hears_what_was_seen_and_where_to_read_on() -> None:
    said = says(double, lambda x: x)
    assert said.startswith("Not yet: 2 became 2; expected twice as much.\n")
    assert said.endswith("/book/normalizing.html#one-line")


def untouched(x):
    raise NotImplementedError


@pytest.mark.parametrize("answer", [None, untouched])
def test_no_answer_is_told_apart_from_a_wrong_one(answer: object) -> None:
    with pytest.raises(NotAttemptedError, match="Not attempted: write your answer"):
        double(answer)


def stops(x):
    return x.nothing


def refuses(x):
    raise ValueError


def divides_in_place(x):
    x /= 2
    return x


def cuts(x):
    return x[: 3 / 2]


def changes(x):
    x[:] = 2 * x
    return x


def sorts(x):
    return sorted([x]).sort().first


def returns_in_one_case(x):
    if np.ndim(x) > 9:
        return x
    x = None
    return x  # noqa: RET504


def takes_an_array(x):
    return math.log(np.array([x, x]))


def leaves_nothing(x):
    row = np.zeros(3)
    row[:] = np.zeros((1, 3))[:, :-0]
    return row


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (3, "expected a function, but saw an int: 3"),
        (stops, "`stops` stopped with AttributeError"),
        (stops, "at your line `return x.nothing`.\nRead on"),
        (refuses, "`refuses` stopped with ValueError at your line `raise ValueError`."),
        (divides_in_place, "`x /= 2`. `/=` and the like write into the old array"),
        (cuts, "`return x[: 3 / 2]`. A position must be an `int`"),
        (lambda x: None, "returned None. Does it end with `return ...`?"),
        (sorts, "Something there is None. Functions that change an array or a list in place"),
        (returns_in_one_case, "It got to no `return` here, or what stands behind that"),
        (takes_an_array, "the functions of `math` take one number"),
        (leaves_nothing, "The part on the right is empty"),
        (changes, "`changes` changed the data it was given"),
        (lambda x: 5, "the check couldn't read your answer (TypeError"),
        (lambda: 5, "stopped with TypeError"),
    ],
)
def test_usual_accidents_are_named(answer: object, said: str) -> None:
    assert said in says(double, answer)


def test_a_notebook_shows_the_message_and_no_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    shell = InteractiveShell(colors="nocolor")
    shell.user_ns["check"] = double
    shell.run_cell("check(lambda x: x)")
    shown = capsys.readouterr()
    assert (shown.out + shown.err).startswith("Not yet: 2 became 2")
    assert "Traceback" not in shown.out + shown.err
    assert "core.py" not in shown.out + shown.err


def test_a_learners_interrupt_is_not_swallowed() -> None:
    def interrupted(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        double(interrupted)


class Network:
    """Recognizes the digit that is written into each image, if it comes as a gray value."""

    def __init__(self, outputs: int = 10) -> None:
        self.outputs = outputs

    def predict(self, images, batch_size, verbose):
        return np.eye(self.outputs)[np.rint(images[:, 0, 0]).astype(int) % self.outputs]


def test_accuracy_is_measured_on_the_images_as_given() -> None:
    labels = np.arange(10)
    images = np.broadcast_to(labels[:, None, None] / 255, (10, 28, 28))
    assert measure_accuracy(Network(), images, labels) == 0.1
    assert measure_accuracy(Network(), images * 255, labels) == 1


def test_a_network_with_other_outputs_is_named() -> None:
    images = np.zeros((3, 28, 28))
    with pytest.raises(CheckError, match=r"answers 3 images with an array of shape \(3, 5\)"):
        measure_accuracy(Network(5), images, np.zeros(3))
    with pytest.raises(CheckError, match="stopped at images of shape"):
        measure_accuracy(object(), images, np.zeros(3))


def test_values_are_named_in_a_few_words() -> None:
    assert kind(np.zeros((2, 3), "f")) == "an array of float32 with shape (2, 3)"
    assert kind({"a": 1}) == "a dict: {'a': 1}"
    assert kind(3) == "an int: 3"
    assert kind(np.uint8(3)).startswith("a uint8: ")
    assert kind(None) == "None"
    assert len(kind("x" * 1000)) < 100


def test_same_compares_arrays_by_dtype_and_element() -> None:
    assert same(np.arange(3), np.arange(3))
    assert not same(np.arange(3), np.arange(3.0))
    assert not same([1, 2], [1, 3])
    assert same({"a": [1]}, {"a": [1]})


def unfinished(x):
    raise NotImplementedError()
    return x * 2


def leans_on_it(x):
    return untouched(x)


def test_code_below_a_raise_is_not_called_not_attempted() -> None:
    said = says(double, unfinished)
    assert "`raise NotImplementedError()` in `unfinished`. Nothing below that line runs" in said
    assert "in `untouched`" in says(double, leans_on_it)


def test_an_endless_loop_is_stopped() -> None:
    def endless():
        while True:
            pass

    with pytest.raises(CheckError, match=r"was stopped after 0\.2 seconds"):
        call(endless, seconds=0.2)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as in the background
    try:
        with pytest.raises(CheckError, match=r"was stopped after 0\.2 seconds"):
            call(endless, seconds=0.2)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_unused_arguments_are_stated() -> None:
    def nested(a, b):
        return [b for _ in range(3)]

    assert describe_unused(nested) == "`nested` never uses its argument `a`."
    assert describe_unused(lambda a, b: a + b) == ""
    assert describe_unused(3) == ""


logits = np.zeros(3)  # as a notebook's variables
labels = [1, 2]


def test_what_a_function_takes_from_the_notebook_is_listed() -> None:
    def borrowing(numbers):
        return np.sum(logits) + len([call for _ in labels]) + sum(numbers)

    expected = "`borrowing` uses what the notebook has as `logits`, `labels`."
    assert describe_borrowed(borrowing) == expected
    assert describe_borrowed(lambda numbers: np.sum(numbers)) == ""
    assert describe_borrowed(3) == ""


def test_a_copied_list_that_shares_its_arrays_is_explained() -> None:
    def move(layers):
        for weights, _ in layers.copy():
            weights -= 1
        return layers

    with pytest.raises(CheckError, match="A copy of a list still holds the same arrays"):
        call(move, [(np.ones(2), np.ones(1))])


def test_a_name_that_hides_one_of_the_notebook_is_explained() -> None:
    def hides():
        total = sum(labels)  # noqa: F823
        for labels in (1, 2):
            total += labels

    with pytest.raises(CheckError, match="even in a `for`, is its own"):
        call(hides)


@pytest.mark.parametrize(
    ("answer", "expected", "said"),
    [
        (np.arange(3), np.arange(3.0), ""),
        ([0, 1, 2], [0, 1, 2], ""),
        ((1, 2), np.arange(2), "a tuple: (1, 2); expected a NumPy array of shape (2,)"),
        (np.ones((2, 3)), np.zeros((3, 2)), "the result has shape (2, 3); expected shape (3, 2)"),
        (np.zeros(4), np.zeros((2, 2)), "the values are right, but the result has shape (4,)"),
        (np.array([1, 2]), np.array([1, 3]), "the result is [1, 2]; expected [1, 3]."),
        (np.zeros(40), np.eye(40)[7], "1 of the 40 values differ: at position 7, the result has 0"),
        ({"a": 1}, {"a": 1, "b": 2}, "it lacks 'b'"),
        ({"a": 1}, {"a": 2}, "'a' is 1; expected 2."),
        (5, {"a": 2}, "expected a dictionary with the keys ['a']"),
        ((1, 2), (1, 3), "the second part is 2; expected 3."),
        (1, (1, 3), "an int: 1; expected 2 things"),
        ("good", "bad", "a str: 'good'; expected 'bad'."),
        (np.bool_(True), True, ""),
        ("x", 3, "a str: 'x'; expected 3."),
        (float("nan"), 3.0, "the result is nan; expected 3."),
        (np.float64("nan"), float("nan"), ""),
        (1e-9, 0.0, ""),
    ],
)
def test_a_difference_names_what_came_back_and_what_was_expected(
    answer: object, expected: object, said: str
) -> None:
    found = difference(answer, expected)
    assert said in found
    assert bool(found) == bool(said)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda table: table[0], "the first part of it alone"),
        (lambda table: table[-1:], "the last part of it alone"),
        (lambda table: table.T, "It's transposed"),
        (lambda table: table.ravel(), "the values are right, but the result has shape (6,)"),
        (lambda table: table[1], "expected shape (3, 2)."),
    ],
)
def test_a_wrong_shape_is_explained_by_what_it_holds(change, said) -> None:
    table = np.arange(6.0).reshape(3, 2)
    assert said in difference(change(table), table)


def test_a_difference_in_type_alone_is_named_as_such() -> None:
    found = difference(np.zeros(2), np.zeros(2, "float32"), dtype="float32")
    assert found == "the values are right, but the result has the type float64; expected float32."

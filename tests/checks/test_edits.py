"""A mistake that no table lists is found by the one edit that makes the function right."""

import gc
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mnist_course.checks import edits
from mnist_course.checks.core import Case, CheckError, FunctionCheck
from mnist_course.checks.edits import find_edit
from mnist_course.checks.normalizing import scale
from mnist_course.checks.visualizing import mean_images

threshold = 3  # as a notebook's variable
history: list[int] = []


# What learners write, with one mistake each. They are functions of a file because edits need
# their source.


def returns_inside_the_loop(numbers: Any) -> Any:
    total = 0
    for number in numbers:
        total += number
        return total
    return 0


def starts_again_in_every_round(numbers: Any) -> Any:
    for number in numbers:
        total = 0
        total += number
    return total


def adds_after_the_loop(numbers: Any) -> Any:
    total = 0
    for number in numbers:
        doubled = number
    total += doubled
    return total


def assigns_plus(numbers: Any) -> Any:
    total = 0
    for number in numbers:
        total = +number
    return total


def replaces(numbers: Any) -> Any:
    total = 0
    for number in numbers:
        total = number
    return total


def prints(numbers: Any) -> Any:
    print(sum(numbers))  # noqa: T201


def forgets_return(numbers: Any) -> Any:
    total = sum(numbers)  # noqa: F841


def leaves_one_out(numbers: Any) -> Any:
    total = 0
    for position in range(len(numbers) - 1):
        total += numbers[position]
    return total


def adds_one_too_many(numbers: Any) -> Any:
    return sum(numbers) + 1


def rounds(numbers: Any) -> Any:
    return round(sum(numbers) / 3) * 3


def takes_the_mean(numbers: Any) -> Any:
    return np.mean(numbers)


SUM = FunctionCheck(
    name="add",
    section="loading.html#shapes",
    correct=lambda numbers: sum(numbers),
    cases=[Case(([1, 2, 4],)), Case(([3],)), Case(([5, 5, -1, 2, 2],))],
    praise="the sum is right.",
)


def count_above_the_notebooks(numbers: Any, limit: Any) -> Any:
    limit = float(limit)
    return sum(number > threshold for number in numbers)


def count_at_least(numbers: Any, limit: Any) -> Any:
    return sum(number >= limit for number in numbers)


def count_with_arguments_exchanged(limit: Any, numbers: Any) -> Any:
    return sum(number > limit for number in numbers)


def count_above_two(numbers: Any, limit: Any) -> Any:
    return sum(number > limit + 2 for number in numbers)


COUNT = FunctionCheck(
    name="count",
    section="loading.html#shapes",
    correct=lambda numbers, limit: sum(number > limit for number in numbers),
    cases=[Case(([1, 2, 4], 2)), Case(([3, 7, 1, 8], 0)), Case(([5, 5, -1, 2, 2], 4))],
    praise="the count is right.",
)


def mean_over_columns(table: Any) -> Any:
    return table.mean(axis=1)


def mean_of_all(table: Any) -> Any:
    return table.mean()


def median(table: Any) -> Any:
    return np.median(table, axis=0)


def reversed_sign(table: Any) -> Any:
    return -table.mean(axis=0)


def one_axis_more(table: Any) -> Any:
    return table.mean(axis=0, keepdims=True)


def sums_positions(numbers: Any) -> Any:
    total = 0
    for number in range(len(numbers)):
        total += number
    return total


def never_updates(numbers: Any) -> Any:
    largest, position = -1, 0
    for i in range(len(numbers)):
        if numbers[i] > largest:
            position = i
    return numbers[position] if position else numbers[0]


def keeps_none(numbers: Any) -> Any:
    in_order = list(numbers).sort()
    return in_order[-1]  # type: ignore[index]


LARGEST = FunctionCheck(
    name="largest",
    section="loading.html#shapes",
    correct=lambda numbers: max(numbers),
    cases=[Case(([0.1, 0.4, 0.2],)), Case(([0.3, 0.1, 0.7, 0.2],)), Case(([0.1, 0.2, 0.4, 0.3],))],
    praise="the largest is right.",
)


def uses_values_as_positions(numbers: Any, others: Any) -> Any:
    same = 0
    for i in numbers:
        same += numbers[i] == others[i]
    return same / len(numbers)


def compares_all_pairs(numbers: Any, others: Any) -> Any:
    same = 0
    for number in numbers:
        for other in others:
            same += number == other
    return same / len(numbers)


def lists_all_pairs(numbers: Any, others: Any) -> Any:
    return sum([number == other for number in numbers for other in others]) / len(others)


def lacks_parentheses(numbers: Any, others: Any) -> Any:
    different = sum(number != other for number, other in zip(numbers, others, strict=True))
    return len(numbers) - different / len(numbers)


SHARE = FunctionCheck(
    name="share",
    section="loading.html#shapes",
    correct=lambda numbers, others: np.mean(np.array(numbers) == others),
    cases=[Case(([1, 4, 2], [4, 1, 2])), Case(([3, 3, 7, 3], [3, 0, 7, 3]))],
    praise="the share is right.",
)


def prints_in_branches(number: Any) -> Any:
    if number < 0:
        print("below")  # noqa: T201
    else:
        print("above")  # noqa: T201


def answers_twice(number: Any) -> Any:
    if number < 0:
        answer = "below"
    if number > 5:  # noqa: SIM108
        answer = "high"
    else:
        answer = "above"
    return answer


SIGN = FunctionCheck(
    name="sign",
    section="loading.html#shapes",
    correct=lambda number: "below" if number < 0 else "above",
    cases=[Case((3,)), Case((-2,)), Case((5,))],
    praise="the sign is right.",
)


MEAN = FunctionCheck(
    name="mean",
    section="loading.html#shapes",
    correct=lambda table: table.mean(axis=0),
    cases=[Case((np.arange(9.0).reshape(3, 3) ** 2,)), Case((np.arange(8.0).reshape(4, 2) ** 3,))],
    praise="the mean is right.",
)


def product_without_turning(a: Any, b: Any) -> Any:
    return a @ b


PRODUCT = FunctionCheck(
    name="product",
    section="loading.html#shapes",
    correct=lambda a, b: a.T @ b,
    cases=[Case((np.arange(4.0).reshape(2, 2), np.eye(2) * 3)), Case((np.ones((3, 2)),) * 2)],
    praise="the product is right.",
)


def sums_up_all_columns(table: Any) -> Any:
    means = []
    total = np.zeros(())
    for column in table.T:
        for number in column:
            total = total + number
        means.append(total / len(column))
    return np.array(means)


def counts_what_is_positive(table: Any) -> Any:
    return (table > 0).mean(axis=0)


def closes_too_early(number: Any, share: Any) -> Any:
    return number * int(1 - share)


PART = FunctionCheck(
    name="part",
    section="loading.html#shapes",
    correct=lambda number, share: int(number * (1 - share)),
    cases=[Case((8, 0.25)), Case((7, 0.5))],
    praise="the part is right.",
)


def converts_too_early(numbers: Any) -> Any:
    return numbers.astype(int) * 10


TENFOLD = FunctionCheck(
    name="tenfold",
    section="loading.html#shapes",
    correct=lambda numbers: (numbers * 10).astype(int),
    cases=[Case((np.array([0.5, 1.25]),))],
    praise="the product is right.",
)


def overwrites(train: Any, test: Any) -> Any:
    train = train - train.mean()
    test = test - train.mean()
    return train, test


CENTER = FunctionCheck(
    name="center",
    section="loading.html#shapes",
    correct=lambda train, test: (train - train.mean(), test - train.mean()),
    cases=[Case((np.array([1.0, 4.0]), np.array([7.0, 9.0])))],
    praise="both are right.",
)


def counts_what_occurs(labels: Any) -> Any:
    return np.bincount(labels)


DIGITS = FunctionCheck(
    name="digits",
    section="loading.html#shapes",
    correct=lambda labels: np.bincount(labels, minlength=10),
    cases=[Case((np.array([1, 4, 1]),))],
    praise="the counts are right.",
)


@pytest.mark.parametrize(
    ("check", "function", "sentence"),
    [
        (SUM, returns_inside_the_loop, "`return total` is inside the loop"),
        (SUM, starts_again_in_every_round, "`total = 0` is inside the loop"),
        (SUM, adds_after_the_loop, "`total += doubled` is after the loop"),
        (SUM, assigns_plus, "`total = +number` replaces what was there. To add to it, write `+=`"),
        (SUM, replaces, "`total = number` replaces what was there"),
        (SUM, prints, "prints its result, `sum(numbers)`, and doesn't return it"),
        (SUM, forgets_return, "`return total` is missing after your line `total = sum(numbers)`"),
        (
            SUM,
            leaves_one_out,
            "`for position in range(len(numbers) - 1):`: with `len(numbers)` alone",
        ),
        (SUM, adds_one_too_many, "with `sum(numbers)` alone instead of `sum(numbers) + 1`"),
        (SHARE, uses_values_as_positions, "with the positions of `numbers` instead of its values"),
        (SUM, sums_positions, "with the values of `numbers` instead of their positions"),
        (LARGEST, never_updates, "`if numbers[i] > largest:`: with `largest` updated below it"),
        (LARGEST, keeps_none, "`in_order = list(numbers).sort()` keeps that None"),
        (SHARE, compares_all_pairs, "with one loop through `numbers` and `others` together"),
        (SHARE, lists_all_pairs, "with one loop through `numbers` and `others` together"),
        (SHARE, lacks_parentheses, "with other parentheses in `len(numbers) - different / len("),
        (SIGN, prints_in_branches, "prints its results, and doesn't return them"),
        (SIGN, answers_twice, "`if number > 5` should be `elif`"),
        (SUM, takes_the_mean, "with something else in place of `mean`"),
        (COUNT, count_above_the_notebooks, "in place of `threshold`, which is the notebook's"),
        (COUNT, count_at_least, "with another comparison in `number >= limit`"),
        (COUNT, count_above_two, "with `limit` alone instead of `limit + 2`"),
        (MEAN, mean_over_columns, "with another `axis` than in `axis=1`"),
        (MEAN, mean_of_all, "with `axis` given in `table.mean()`"),
        (MEAN, median, "with something else in place of `median`"),
        (MEAN, reversed_sign, "without the minus sign"),
        (MEAN, one_axis_more, "without `keepdims=True`"),
        (MEAN, sums_up_all_columns, "`total = np.zeros(())` is before the loop, so it runs once"),
        (MEAN, counts_what_is_positive, "with `table` alone instead of `table > 0`"),
        (PART, closes_too_early, "with all of `number * (1 - share)` inside of `int(…)`"),
        (TENFOLD, converts_too_early, "with `.astype(…)` after all of `numbers * 10`"),
        (CENTER, overwrites, "`train = train - train.mean()` overwrites `train`, and a later"),
        (DIGITS, counts_what_occurs, "with `minlength` given in `np.bincount(labels)`"),
        (PRODUCT, product_without_turning, "turned around (`.T`) in `a @ b`"),
    ],
)
def test_the_line_and_its_slip_are_named(
    check: FunctionCheck, function: Callable[..., Any], sentence: str
) -> None:
    with pytest.raises(CheckError) as raised:
        check(function)
    assert sentence in str(raised.value)


def two_mistakes(numbers: Any) -> Any:
    total = 5
    for number in numbers:
        total -= number
    return total


def opens_a_file(numbers: Any) -> Any:
    open("/nowhere/at/all", "w")  # noqa: PTH123, SIM115
    return 1


def remembers(numbers: Any) -> Any:
    history.append(1)
    return sum(numbers) + 1


def asks_for_much(numbers: Any) -> Any:
    return np.ones(10_000_000_000)


def adds_three_times(numbers: Any) -> Any:
    total = 0
    for _ in range(3):
        total = total + sum(numbers)
    return total


def knows_three_numbers(numbers: Any) -> Any:
    return np.mean(numbers) * 3


def test_what_is_returned_is_not_said_to_be_lost() -> None:
    assert "`total = 0` is before the loop" in find_edit(adds_three_times, SUM.accepts)


def test_the_number_of_an_example_is_named() -> None:
    assert "with `len(numbers)` in place of `3`" in find_edit(knows_three_numbers, SUM.accepts)


def test_what_no_single_edit_repairs_is_not_named() -> None:
    assert not find_edit(two_mistakes, SUM.accepts)
    assert not find_edit(len, SUM.accepts)
    assert not find_edit(lambda numbers: 0, SUM.accepts)
    assert not find_edit("sum", SUM.accepts)


def test_a_function_that_touches_files_is_not_run_again() -> None:
    assert not find_edit(opens_a_file, lambda _: True)


def test_what_an_edited_function_does_leaves_nothing_behind() -> None:
    assert find_edit(remembers, SUM.accepts)
    assert not history


def test_an_edit_that_never_ends_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edits, "SECONDS", 10.0)  # on a busy machine
    tried: list[object] = []

    def is_right(edited: object) -> bool:
        tried.append(edited)
        while len(tried) == 1:
            pass
        return True

    assert find_edit(two_mistakes, is_right)


def test_an_edit_that_needs_too_much_memory_is_left_behind() -> None:
    assert "`10000000000`" in find_edit(asks_for_much, lambda edited: len(edited([])) == 1)


class Hangs:
    """Ends in the process that made it only, as a model of Keras does with its threads."""

    def __init__(self) -> None:
        self.own_cycle, self.made_in = self, os.getpid()

    def __del__(self) -> None:
        while os.getpid() != self.made_in:
            time.sleep(1)


def test_what_the_parent_left_to_collect_does_not_hold_up_the_copy() -> None:
    def collect(_: object) -> bool:
        gc.collect()
        return True

    gc.disable()
    try:
        Hangs()
        assert find_edit(two_mistakes, collect)
    finally:
        gc.enable()


def test_trying_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edits, "SECONDS", 0.1)

    def wait(_: object) -> bool:
        time.sleep(600)
        return True

    assert not find_edit(two_mistakes, wait)


def test_the_notebook_keeps_its_functions() -> None:
    before = returns_inside_the_loop
    find_edit(returns_inside_the_loop, SUM.accepts)
    assert returns_inside_the_loop is before


def fills_up(numbers: Any) -> Any:
    total = list(numbers)
    while len(total) < 3:
        total.append(1)
    return sum(total)


def treats_nothing_specially(numbers: Any) -> Any:
    if len(numbers) == 1:
        numbers = [0]
    return sum(numbers)


def changes_chosen_ones(numbers: Any) -> Any:
    array = np.array(numbers)
    array[array == 3] = 1
    return array.sum()


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (fills_up, "Without your line `while len(total) < 3:` and what is below it, everything"),
        (treats_nothing_specially, "Without your line `if len(numbers) == 1:` and what is below"),
        (changes_chosen_ones, "Without your line `array[array == 3] = 1`, everything is right."),
    ],
)
def test_a_condition_that_should_not_be_there_is_left_out(
    function: Callable, sentence: str
) -> None:
    assert sentence in find_edit(function, SUM.accepts)


def writes_out(images: Any) -> Any:
    scaled = np.empty(images.shape, "float32")
    np.divide(images, 255, out=scaled)
    images[:] = scaled
    return images / 1


def test_what_is_written_by_out_is_not_said_to_be_lost() -> None:
    with pytest.raises(CheckError) as raised:
        scale(writes_out)
    assert "changed the data it was given" in str(raised.value)
    assert "lost" not in str(raised.value)


def divides_by_zero(images: Any, labels: Any) -> Any:
    groups = [images[labels == digit] for digit in range(10)]
    return np.array([group.sum(axis=0) * (1 / len(group)) for group in groups])


def test_other_parentheses_are_no_cause_of_a_division_by_zero() -> None:
    with pytest.raises(CheckError) as raised:
        mean_images(divides_by_zero)
    assert "ZeroDivisionError" in str(raised.value)
    assert "parentheses" not in str(raised.value)

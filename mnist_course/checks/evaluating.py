"""Checks of assignment 07: judge predictions, and make one."""

import functools
import itertools
import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import stats
from sklearn.metrics import confusion_matrix

from mnist_course._arrays import Array, IntArray, UInt8Array
from mnist_course.data import load_mnist
from mnist_course.preprocessing import from_drawing, normalize

from .core import (
    Case,
    CheckError,
    FunctionCheck,
    NotAttemptedError,
    TooLongError,
    call,
    difference,
    expect,
    explain_mistake,
    kind,
    predict,
    task,
)
from .edits import find_edit


def _random_answers(n: int) -> tuple[UInt8Array, IntArray]:
    """Return true digits and predictions, the first of which is wrong and the last one right."""
    rng = np.random.default_rng(6)
    labels = rng.permutation(np.resize(np.arange(10, dtype=np.uint8), n))
    predictions = np.where(rng.random(n) < 0.6, labels, (labels + rng.integers(1, 4, n)) % 10)
    predictions[0], predictions[-1] = (labels[0] + 1) % 10, labels[-1]
    return labels, predictions.astype(np.int64)


def _digits(*digits: int) -> tuple[UInt8Array, IntArray]:
    """Return half of some digits as labels, and the others as predictions."""
    half = len(digits) // 2
    return np.array(digits[:half], dtype=np.uint8), np.array(digits[half:])


def _counted(count: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function of labels and predictions of one of the number of right ones and of all."""
    return lambda labels, predictions: count(np.sum(labels == predictions), len(labels))


def _share(labels: Any, predictions: Any) -> Any:
    return np.mean(labels == predictions)


def _mean_of_digits(of: Any, labels: Any, predictions: Any) -> Any:
    """Return the share of right ones among the images of each digit in `of`, averaged."""
    return np.mean([np.mean((labels == predictions)[of == digit]) for digit in np.unique(of)])


accuracy = FunctionCheck(
    name="accuracy",
    section="evaluating.html#accuracy",
    correct=_share,
    cases=[
        Case(_digits(3, 5, 5, 5, 2, 3, 5, 9, 1, 5)),
        Case(_digits(1, 2, 3, 4, 2, 1, 3, 4)),
        Case(_digits(1, 2, 2, 1)),
        Case(_random_answers(613), "for 613 random predictions"),
        Case(_digits(*[4] * 300, *[4] * 300), "for 300 predictions that are all right"),
    ],
    praise="it's the share of right predictions, however many there are.",
    mistakes={
        "That's how many are right. Divide by how many there are.": _counted(lambda k, n: k),
        "That's how many are wrong.": _counted(lambda k, n: n - k),
        "That's the share of the wrong ones.": _counted(lambda k, n: (n - k) / n),
        "That's a percentage. Return a share from 0 to 1.": _counted(lambda k, n: 100 * k / n),
        "That's one answer for each image. Which share of them is True?": lambda labels, said: (
            labels == said
        ),
        "That's 1 if any is right and 0 otherwise. Return which share is right.": (
            lambda labels, said: int(np.any(labels == said))
        ),
        "That's always 1, as if something were compared with itself.": lambda labels, said: 1,
        "That's always 0.": lambda labels, said: 0,
        "That's 1 if both arrays have the same mean and 0 otherwise. Compare the arrays first, "
        "then take the mean.": lambda labels, said: int(labels.mean() == said.mean()),
        "That's 1 if all are right and 0 otherwise, as with `//` or `np.array_equal`. Return which "
        "share is right, with `/`.": _counted(lambda k, n: k // n),
        "That's rounded to a whole number.": _counted(lambda k, n: round(k / n)),
        **{
            f"That's rounded to {digits} {'decimal' if digits == 1 else 'decimals'}. Round when "
            "you print, not before.": _counted(lambda k, n, digits=digits: np.round(k / n, digits))
            for digits in (1, 2, 3, 4, 5)
        },
        **{
            f"That's how many are right, divided by {fixed:,}, whatever the number of images. "
            "Divide by `len(labels)`.": _counted(lambda k, n, fixed=fixed: k / fixed)
            for fixed in (10, 100, 1_000, 10_000, 60_000)
        },
        "That's divided by one image less than there are.": _counted(lambda k, n: k / (n - 1)),
        "That's divided by one image more than there are.": _counted(lambda k, n: k / (n + 1)),
        "That's divided by the number of labels and predictions together. There's one label for "
        "each prediction: divide by `len(labels)`.": _counted(lambda k, n: k / (2 * n)),
        "That's how many are right, divided by how many are wrong. Divide by how many there "
        "are.": _counted(lambda k, n: k / (n - k)),
        "That's upside down: it's the number of images, divided by how many are right.": _counted(
            lambda k, n: n / k
        ),
        "A prediction counts as right here if it occurs anywhere among the labels, as with "
        "`np.isin`. Compare position by position, with `==`.": lambda labels, said: np.isin(
            said, labels
        ).mean(),
        "A label counts as right here if it occurs anywhere among the predictions, as with "
        "`np.isin`. Compare position by position, with `==`.": lambda labels, said: np.isin(
            labels, said
        ).mean(),
        "That's what comes out if both arrays are sorted first, so that the pairs no longer belong "
        "together.": lambda labels, said: _share(np.sort(labels), np.sort(said)),
        "That's what comes out if the predictions are sorted first.": lambda labels, said: _share(
            labels, np.sort(said)
        ),
        "That's what comes out if one of the two is reversed first.": lambda labels, said: _share(
            labels, said[::-1]
        ),
        "That's how many different digits the two have in common, divided by how many there are. "
        "Compare position by position.": lambda labels, said: (
            len(np.intersect1d(labels, said)) / len(np.union1d(labels, said))
        ),
        "That's the mean of the accuracies of the single digits. Count all images alike.": (
            lambda labels, said: _mean_of_digits(labels, labels, said)
        ),
        "That's the mean over the digits that were predicted. Count all images alike.": (
            lambda labels, said: _mean_of_digits(said, labels, said)
        ),
        "That's how far predictions and labels are apart on average. A wrong digit is wrong, "
        "however close.": lambda labels, said: np.abs(labels - said).mean(),
        "That's 1 minus the mean distance of predictions and labels. A wrong digit is wrong, "
        "however close.": lambda labels, said: 1 - np.abs(labels - said).mean(),
        "Predictions above the label count as right here, too. Compare with `==`.": (
            lambda labels, said: np.mean(said >= labels)
        ),
        "Predictions below the label count as right here, too. Compare with `==`.": (
            lambda labels, said: np.mean(said <= labels)
        ),
        "That's the result of the comparison for most images, as with the median. Take the "
        "mean.": lambda labels, said: np.median(labels == said),
        "That's the standard deviation of the comparison. Take the mean.": lambda labels, said: (
            np.std(labels == said)
        ),
        "Only the first pair counts here, as with `return` inside the loop.": lambda labels, said: (
            int(labels[0] == said[0]) / len(labels)
        ),
        "All right predictions together count as one, as with `=+ 1` for `+= 1`.": _counted(
            lambda k, n: min(k, 1) / n
        ),
        "The first pair never counts as right. Positions begin at 0.": lambda labels, said: (
            np.sum(labels[1:] == said[1:]) / len(labels)
        ),
        "The last pair never counts as right. `range(n)` ends at n - 1 already.": (
            lambda labels, said: np.sum(labels[:-1] == said[:-1]) / len(labels)
        ),
        "That's the share without the first pair.": lambda labels, said: _share(
            labels[1:], said[1:]
        ),
        "That's the share without the last pair.": lambda labels, said: _share(
            labels[:-1], said[:-1]
        ),
    },
)


def _counts(labels: Any, predictions: Any) -> IntArray:
    counts: IntArray = confusion_matrix(labels, predictions, labels=range(10))
    return counts


def _from_counts(make: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function of labels and predictions of one of their counts."""
    return lambda labels, predictions: make(_counts(labels, predictions))


def _diagonal(counts: Any) -> Any:
    return np.diag(np.diag(counts))


def _without(counts: IntArray, digit: int) -> IntArray:
    """Return counts with zeros in the row and the column of a digit."""
    rest = counts.copy()
    rest[digit], rest[:, digit] = 0, 0
    return rest


def _occurring(labels: Any, predictions: Any) -> Any:
    return confusion_matrix(labels, predictions)


MANY = 100_001  # more than 16 bits can hold
confusion = FunctionCheck(
    name="confusion",
    section="evaluating.html#which-digit-is-taken-for-which",
    correct=lambda labels, predictions: _counts(labels, predictions).tolist(),
    cases=[
        Case(_digits(7, 7, 1, 4, 1, 1, 1, 4)),
        Case(_random_answers(301), "for 301 random predictions"),
        Case(
            (np.full(MANY, 4, dtype=np.uint8), np.full(MANY, 9)),
            f"for {MANY:,} images of a 4, all of them read as a 9",
        ),
    ],
    praise="every pair is counted, in the row of the true digit.",
    mistakes={
        "Rows and columns are swapped. Rows belong to the true digits.": _from_counts(np.transpose),
        "Every pair of digits counts once at most, however often it occurs. That happens with "
        "`=+ 1`, for example, or if `+= 1` gets whole arrays as row and column.": (
            _from_counts(lambda counts: np.minimum(counts, 1))
        ),
        "Every pair of digits counts once at most, and rows and columns are swapped.": _from_counts(
            lambda counts: np.minimum(counts, 1).T
        ),
        "Only right answers are counted. The mistakes belong off the diagonal.": _from_counts(
            _diagonal
        ),
        "Only mistakes are counted. Right answers belong on the diagonal.": _from_counts(
            lambda counts: counts - _diagonal(counts)
        ),
        "Every image counts as read correctly, so that all stand on the diagonal.": (
            lambda labels, said: _counts(labels, labels)
        ),
        "Every prediction counts as a right one, so that all stand on the diagonal.": (
            lambda labels, said: _counts(said, said)
        ),
        "The table is full of zeros.": _from_counts(np.zeros_like),
        "Every count is 1 too large, as if the table began with ones instead of zeros.": (
            _from_counts(lambda counts: counts + 1)
        ),
        "Only the digits that occur have a row and a column. The others need theirs, too, full of "
        "zeros.": _occurring,
        "The table ends at the largest digit that occurs. The others need rows and columns, too.": (
            lambda labels, said: _counts(labels, said)[
                : max(*labels, *said) + 1, : max(*labels, *said) + 1
            ]
        ),
        "There's a row and a column for every image. There has to be one for every digit, 0 to "
        "9.": lambda labels, said: confusion_matrix(labels, said, labels=labels),
        "The 0 has no row and no column.": _from_counts(lambda counts: counts[1:, 1:]),
        "The 9 has no row and no column. `range(9)` ends at 8.": _from_counts(
            lambda counts: counts[:9, :9]
        ),
        "Row 0 and column 0 are left empty. The digits begin at 0.": _from_counts(
            lambda counts: _without(counts, 0)
        ),
        "Row 9 and column 9 are left empty. `range(9)` ends at 8.": _from_counts(
            lambda counts: _without(counts, 9)
        ),
        "The counts are one row too high and one column too far to the left. The 0 has row 0.": (
            _from_counts(lambda counts: np.roll(counts, (-1, -1), axis=(0, 1)))
        ),
        "Only the first pair counts, as with `return` inside the loop.": lambda labels, said: (
            _counts(labels[:1], said[:1])
        ),
        "Only the last pair counts.": lambda labels, said: _counts(labels[-1:], said[-1:]),
        "The first pair doesn't count. Positions begin at 0.": lambda labels, said: _counts(
            labels[1:], said[1:]
        ),
        "The last pair doesn't count. `range(n)` ends at n - 1 already.": lambda labels, said: (
            _counts(labels[:-1], said[:-1])
        ),
        "Each pair counts in both directions. A 4 read as a 9 and a 9 read as a 4 are two "
        "different mistakes.": _from_counts(lambda counts: counts + counts.T),
        "Each mistake counts in both directions. A 4 read as a 9 and a 9 read as a 4 are two "
        "different mistakes.": _from_counts(lambda counts: counts + counts.T - _diagonal(counts)),
        "Each row is divided by its sum, which makes shares. Return the counts.": _from_counts(
            lambda counts: counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        ),
        "Each row is divided by its sum, which leaves nan where a digit doesn't occur. Return the "
        "counts.": _from_counts(lambda counts: counts / counts.sum(axis=1, keepdims=True)),
        "Each row is divided by its sum and multiplied by 100. Return the counts.": _from_counts(
            lambda counts: 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        ),
        "Each column is divided by its sum, which makes shares. Return the counts.": _from_counts(
            lambda counts: counts / np.maximum(counts.sum(axis=0), 1)
        ),
        "Each column is divided by its sum, which leaves nan where a digit wasn't predicted. "
        "Return the counts.": _from_counts(lambda counts: counts / counts.sum(axis=0)),
        "Each count is divided by the number of images. Return the counts.": _from_counts(
            lambda counts: counts / counts.sum()
        ),
        "Each count is divided by the number of images and multiplied by 100. Return the counts.": (
            _from_counts(lambda counts: 100 * counts / counts.sum())
        ),
        **{
            f"The counts are those of `{small}`, which can't hold more than "
            f"{np.iinfo(small).max:,}. Take `dtype=int`.": _from_counts(
                lambda counts, small=small: counts.astype(small)
            )
            for small in ("uint8", "int8", "uint16", "int16")
        },
        "The numbers are right, but in one row of 100. `reshape(10, 10)` makes them a table.": (
            _from_counts(np.ravel)
        ),
        "That's how often each digit occurs among the labels.": _from_counts(
            lambda counts: counts.sum(axis=1)
        ),
        "That's how often each digit was predicted.": _from_counts(
            lambda counts: counts.sum(axis=0)
        ),
        "That's the diagonal only: how often each digit was read correctly.": _from_counts(np.diag),
        "Each pair counts in every row, as with `[[0] * 10] * 10`, which makes one list and refers "
        "to it ten times.": _from_counts(lambda counts: np.tile(counts.sum(axis=0), (10, 1))),
        "That's what comes out if labels and predictions are sorted, so that the pairs no longer "
        "belong together.": (lambda labels, said: _counts(np.sort(labels), np.sort(said))),
        "Each row holds one number ten times, how often its digit occurs among the labels.": (
            _from_counts(lambda counts: np.tile(counts.sum(axis=1)[:, np.newaxis], (1, 10)))
        ),
        "Those are ten bins from the smallest digit that occurs to the largest, as in "
        "`np.histogram2d`. Its argument `range` sets others.": lambda labels, said: np.histogram2d(
            labels, said, bins=10
        )[0],
    },
)


def _place(table: Any) -> list[int]:
    """Return row and column of the largest number in a table."""
    row, column = np.unravel_index(np.argmax(table), table.shape)
    return [int(row), int(column)]


def _mistakes(matrix: Any, diagonal: Any = 0) -> Any:
    """Return a copy of a matrix with other numbers on its diagonal."""
    mistakes = matrix.copy()
    np.fill_diagonal(mistakes, diagonal)
    return mistakes


def _from_mistakes(find: Callable[..., Any]) -> Callable[..., Any]:
    """Make a function of a matrix of one of the matrix with zeros on its diagonal."""
    return lambda matrix: find(_mistakes(matrix))


def _without_largest(matrix: Any, axis: int) -> Any:
    """Return a matrix without the largest number of each row or column."""
    return np.where(matrix == matrix.max(axis=axis, keepdims=True), 0, matrix)


def _matrices() -> dict[str, Array]:
    rng = np.random.default_rng(6)
    plain = np.diag(np.full(10, 50))
    plain[8, 3], plain[3, 8], plain[2, 7] = 20, 1, 5
    trap = rng.integers(0, 6, (10, 10))
    np.fill_diagonal(trap, np.roll(np.arange(100, 90, -1), 3))
    trap[8, 3], trap[3, 8] = 20, 1
    trap[6, 6] = 20  # as often right as the mistake happens
    trap[7, 2], trap[2, 7] = 15, 16  # more often mixed up, both ways taken together
    trap[5, [0, 1, 4, 6, 9]] = 9  # the digit with the most mistakes
    trap[1, 1], trap[1, 7] = 12, 12  # the largest share of a row
    last = rng.integers(1, 20, (10, 10))
    np.fill_diagonal(last, 200)
    last[9, 0], last[0, 0], last[5, 5] = 40, 30, 3
    poor = rng.permutation(100).reshape(10, 10)
    poor[0, 6] = 300
    return {
        "for a matrix with 50 on the diagonal, 20 in row 8, column 3, 5 in row 2, column 7, 1 in "
        "row 3, column 8, and zeros elsewhere": plain,
        "for a matrix with 20 in row 8, column 3, and no more than 16 at any other place off the "
        "diagonal (on it, there's a 20, too, in row 6)": trap,
        "for a matrix with 40 in row 9, column 0, and less than 20 at any other place off the "
        "diagonal": last,
        "for a network so poor that its mistakes outnumber its right answers, with 300 in row 0, "
        "column 6, and less than 100 elsewhere": poor,
    }


class _MostConfused(FunctionCheck):
    """A check in which either of two equally frequent mistakes is right."""

    def test(self, function: Any) -> None:
        """Raise CheckError with the facts unless a function is right; see `__call__`."""
        super().test(function)
        matrix = np.diag(np.full(10, 50))
        matrix[2, 9] = matrix[4, 7] = 12
        answer = call(function, matrix, seconds=self.seconds)
        expect(
            not all(difference(answer, pair) for pair in ([2, 9], [4, 7])),
            "for a matrix with 12 in row 2, column 9, and in row 4, column 7, and zeros elsewhere "
            f"off the diagonal, the result is {kind(answer)}; expected (2, 9) or (4, 7). Row and "
            "column have to belong to the same place.",
        )


most_confused = _MostConfused(
    name="most_confused",
    section="evaluating.html#the-most-frequent-confusions",
    correct=_from_mistakes(_place),
    cases=[Case((matrix,), given) for given, matrix in _matrices().items()],
    praise="the true digit, then the predicted one, and the matrix is as it was.",
    mistakes={
        "That's where the largest number of all is. The diagonal took part, but right answers "
        "aren't mistakes.": _place,
        "That's where the largest number *on* the diagonal is. Those are the right answers.": (
            lambda matrix: _place(_diagonal(matrix))
        ),
        "That's where the largest number is once the diagonal is subtracted from every row, as "
        "with "
        "`matrix - np.diag(matrix)`. Put zeros in its place.": lambda matrix: _place(
            matrix - np.diag(matrix)
        ),
        "That's the first place of the right count, but a number on the diagonal can be the same. "
        "Search where the diagonal is left out.": lambda matrix: np.argwhere(
            matrix == _mistakes(matrix).max()
        )[0].tolist(),
        "The two are swapped. The true digit, the row, comes first.": _from_mistakes(
            lambda table: _place(table)[::-1]
        ),
        "That's the place counted through all rows. Which row and which column is it?": (
            _from_mistakes(np.argmax)
        ),
        "That's the place of the largest number of all, counted through all rows, and it can be on "
        "the diagonal.": np.argmax,
        "That's how often the mistake happened. Which digits does it belong to?": _from_mistakes(
            np.max
        ),
        "That's the largest number of all. Which digits does it belong to, and is it a mistake?": (
            np.max
        ),
        "Right, but the count came along. Return the two digits only.": _from_mistakes(
            lambda table: [*_place(table), table.max()]
        ),
        "That's the row only, the true digit.": _from_mistakes(lambda table: _place(table)[0]),
        "That's the column only, the predicted digit.": _from_mistakes(
            lambda table: _place(table)[1]
        ),
        "That's a mistake with the smallest count: `argmax` finds the largest.": lambda matrix: (
            _place(-_mistakes(matrix, matrix.max() + 1))
        ),
        "That's the place of the smallest number: `argmax` finds the largest.": _from_mistakes(
            lambda table: _place(-table)
        ),
        "That's the mistake with the second largest count.": _from_mistakes(
            lambda table: _place(np.where(table == table.max(), 0, table))
        ),
        "That's the pair that was mixed up most often in both directions together. A 2 read as a 7 "
        "and a 7 read as a 2 are two different mistakes.": _from_mistakes(
            lambda table: _place(table + table.T)
        ),
        "That's the digit with the most mistakes altogether, and the digit that was predicted "
        "wrongly most often. Find the single place with the largest count.": _from_mistakes(
            lambda table: [table.sum(axis=1).argmax(), table.sum(axis=0).argmax()]
        ),
        "That's the digit with the most mistakes altogether, and its most frequent one. Find the "
        "single place with the largest count.": _from_mistakes(
            lambda table: [row := table.sum(axis=1).argmax(), table[row].argmax()]
        ),
        "That's the mistake with the largest share of its row. Compare counts.": lambda matrix: (
            _place(_mistakes(matrix / matrix.sum(axis=1, keepdims=True)))
        ),
        "That's the mistake with the largest share of its column. Compare counts.": lambda matrix: (
            _place(_mistakes(matrix / matrix.sum(axis=0)))
        ),
        "That's the largest number above the diagonal. Mistakes are below it, "
        "too.": lambda matrix: _place(np.triu(matrix, 1)),
        "That's the largest number below the diagonal. Mistakes are above it, "
        "too.": lambda matrix: _place(np.tril(matrix, -1)),
        "The result is as if the largest count of each row were left out, not the diagonal. A "
        "poor network has its largest counts elsewhere: leave out the diagonal by its "
        "place.": lambda matrix: _place(_without_largest(matrix, axis=1)),
        "The result is as if the largest count of each column were left out, not the diagonal. A "
        "poor network has its largest counts elsewhere: leave out the diagonal by its "
        "place.": lambda matrix: _place(_without_largest(matrix, axis=0)),
        "The result is as if the ten largest counts were left out, not the diagonal. A poor "
        "network has its largest counts elsewhere: leave out the diagonal by its "
        "place.": lambda matrix: list(divmod(int(np.argsort(-matrix, axis=None)[10]), 10)),
        "Row 0 and column 0 are left out. The digits begin at 0.": _from_mistakes(
            lambda table: _place(_without(table, 0))
        ),
        "Row 9 and column 9 are left out. `range(9)` ends at 8.": _from_mistakes(
            lambda table: _place(_without(table, 9))
        ),
        "Both digits are one too large: rows and columns count from 0.": _from_mistakes(
            lambda table: [digit + 1 for digit in _place(table)]
        ),
        "That's the first mistake that happened at all, as with `return` inside the "
        "loop.": _from_mistakes(lambda table: _place(table > 0)),
        "That's the last mistake that happened at all, as if no count were compared with the "
        "largest so far.": _from_mistakes(lambda table: list(map(int, np.argwhere(table > 0)[-1]))),
        "Those are ten digits: each row's most frequent mistake. Find the largest of them all.": (
            _from_mistakes(lambda table: table.argmax(axis=1))
        ),
        "Those are ten digits: each column's most frequent mistake. Find the largest of them "
        "all.": _from_mistakes(lambda table: table.argmax(axis=0)),
        "Right, but that's a list of pairs with one pair in it, as `np.argwhere` returns. Take the "
        "first: `[0]`.": _from_mistakes(lambda table: [_place(table)]),
        "Right, but those are arrays of rows and of columns, as `np.where` returns. Take the first "
        "of each: `[0]`.": _from_mistakes(lambda table: [[digit] for digit in _place(table)]),
        "That's the result of taking the diagonal out, which leaves nine numbers in each row. Put "
        "zeros in its place.": (
            lambda matrix: list(divmod(int(matrix[~np.eye(10, dtype=bool)].argmax()), 9))
        ),
    },
)


def _interval(accuracy: Any, images: Any) -> list[Any]:
    reach = 1.96 * np.sqrt(accuracy * (1 - accuracy) / images)
    return [accuracy - reach, accuracy + reach]


def _formula(method: str) -> Callable[..., list[Any]]:
    """Return the interval of Wilson, or the exact one, from SciPy."""

    @functools.cache
    def formula(accuracy: Any, images: Any) -> list[Any]:
        return list(stats.binomtest(round(accuracy * images), images).proportion_ci(method=method))

    return formula


def _reach(reach: Callable[..., Any]) -> Callable[..., list[Any]]:
    """Make a function that reaches as far to either side of an accuracy as another one says."""
    return lambda p, n: [p - reach(p, n), p + reach(p, n)]


def _rounded(digits: int) -> Callable[..., list[Any]]:
    return lambda p, n: list(np.round(_interval(p, n), digits))


def _error(p: Any, n: Any) -> Any:
    return np.sqrt(p * (1 - p) / n)


def _wilson(p: Any, n: Any, *, middle: float, inner: float, divide: bool) -> list[Any]:
    """Return Wilson's interval, with some of its terms multiplied by 0 or left out."""
    z = 1.96
    center = p + middle * z**2 / (2 * n)
    reach = z * np.sqrt(p * (1 - p) / n + inner * z**2 / (4 * n**2))
    below = 1 + z**2 / n if divide else 1
    return [(center - reach) / below, (center + reach) / below]


def _from_fewer(method: str) -> Callable[..., list[Any]]:
    """Return the interval for the number of right answers with its decimals cut off."""
    return lambda p, n: _formula(method)(int(p * n) / n, n)


OTHER_FORMULAS = {method: _formula(method) for method in ("wilson", "exact")}


class _Interval(FunctionCheck):
    """A check that takes any good formula."""

    def test(self, function: Any) -> None:
        """Raise CheckError with the facts unless a function is right; see `__call__`."""
        formulas = (replace(self, correct=formula) for formula in OTHER_FORMULAS.values())
        first = self.cases[0]
        like = next((check for check in formulas if not check._find_fault(function, first)), self)
        super(_Interval, like).test(function)


interval = _Interval(
    name="interval",
    section="evaluating.html#how-precise-is-that",
    correct=_interval,
    # All are whole numbers of images, but 0.29 * 100 is 28.999999999999996.
    cases=[
        Case((0.8, 100)),
        Case((0.25, 64)),
        Case((0.75, 1_600)),
        Case((0.875, 12_800)),
        Case((0.29, 100)),
    ],
    praise="it covers 95%, and shrinks with the number of images.",
    near=1e-5,  # so that 1.96 may be given with more digits, but not rounded to 2
    mistakes={
        **{
            f"That's {name} interval with the decimals of `accuracy * images` cut off, as by "
            "`int`: 0.29 * 100 is 28.999999999999996 here. Use `round`.": _from_fewer(method)
            for name, method in {"Wilson's": "wilson", "the exact": "exact"}.items()
        },
        "That's only how far the interval reaches to either side. Return both ends.": (
            lambda p, n: 1.96 * _error(p, n)
        ),
        "That's only the standard error. Return both ends of the interval.": _error,
        "Those are the accuracy and how far the interval reaches. Return both ends.": (
            lambda p, n: [p, 1.96 * _error(p, n)]
        ),
        "Those are the accuracy and its standard error. Return both ends of the interval.": (
            lambda p, n: [p, _error(p, n)]
        ),
        "That's only how far the interval reaches down and up. Add it to the accuracy.": (
            lambda p, n: [-1.96 * _error(p, n), 1.96 * _error(p, n)]
        ),
        "Right, but the upper end comes first. Return the lower one first.": lambda p, n: _interval(
            p, n
        )[::-1],
        "Those are percentages. Return shares, as the accuracy is one.": lambda p, n: [
            100 * end for end in _interval(p, n)
        ],
        "That's the interval of the share of *wrong* answers.": lambda p, n: _interval(1 - p, n),
        "That's the interval of how many are right. Divide by the number of images.": (
            lambda p, n: [n * end for end in _interval(p, n)]
        ),
        "Only the lower end is there.": lambda p, n: _interval(p, n)[0],
        "Only the upper end is there.": lambda p, n: _interval(p, n)[1],
        "Both ends are the lower one.": lambda p, n: [_interval(p, n)[0]] * 2,
        "Both ends are the upper one.": lambda p, n: [_interval(p, n)[1]] * 2,
        "Below the accuracy it's right, but it reaches no further than the accuracy itself.": (
            lambda p, n: [_interval(p, n)[0], p]
        ),
        "Above the accuracy it's right, but it begins at the accuracy itself.": lambda p, n: [
            p,
            _interval(p, n)[1],
        ],
        "The lower end is right. The upper one is 1, whatever the accuracy.": lambda p, n: [
            _interval(p, n)[0],
            1,
        ],
        "The upper end is right. The lower one is 0, whatever the accuracy.": lambda p, n: [
            0,
            _interval(p, n)[1],
        ],
        "Both ends are the accuracy itself, so the interval reaches nowhere. For example, "
        "`accuracy * 1 - accuracy` is 0.": lambda p, n: [p, p],
        **{
            f"It reaches {z:g} standard error{'s' * (z != 1)} to either side, as for an interval "
            f"of {covered}. An interval of 95% needs "
            "1.96.": _reach(lambda p, n, z=z: z * _error(p, n))
            for z, covered in {
                1.0: "68.3%",
                1.64: "90%",
                1.645: "90%",
                1.65: "90%",
                2.0: "95.4%",
                2.326: "98%",
                2.33: "98%",
                2.57: "99%",
                2.576: "99%",
                2.58: "99%",
                3.0: "99.7%",
                0.98: "67.3%",
                0.95: "65.8%",
            }.items()
        },
        "The square root is missing.": _reach(lambda p, n: 1.96 * p * (1 - p) / n),
        "The number of images is missing: the more images, the smaller the interval.": _reach(
            lambda p, n: 1.96 * np.sqrt(p * (1 - p))
        ),
        "The square root and the number of images are missing.": _reach(
            lambda p, n: 1.96 * p * (1 - p)
        ),
        "The number of images belongs under the square root, too.": _reach(
            lambda p, n: 1.96 * np.sqrt(p * (1 - p)) / n
        ),
        "Only the number of images is under the square root. The root is of the whole fraction.": (
            _reach(lambda p, n: 1.96 * p * (1 - p) / np.sqrt(n))
        ),
        "Only the factor `accuracy` is under the square root. The root is of the whole fraction.": (
            _reach(lambda p, n: 1.96 * np.sqrt(p) * (1 - p) / n)
        ),
        "That's multiplied by the number of images under the square root. Divide.": _reach(
            lambda p, n: 1.96 * np.sqrt(p * (1 - p) * n)
        ),
        "The factor 1 - p is missing.": _reach(lambda p, n: 1.96 * np.sqrt(p / n)),
        "The factor p is missing: only 1 - p is there.": _reach(
            lambda p, n: 1.96 * np.sqrt((1 - p) / n)
        ),
        "The factor p(1 - p) is missing: that's 1.96 / √n to either side.": _reach(
            lambda p, n: 1.96 / np.sqrt(n)
        ),
        "The factor is p(1 + p) here. It's p(1 - p).": _reach(
            lambda p, n: 1.96 * np.sqrt(p * (1 + p) / n)
        ),
        "The factor 1.96 is under the square root. It belongs in front of it.": _reach(
            lambda p, n: np.sqrt(1.96 * p * (1 - p) / n)
        ),
        "That's divided by `images - 1`. The formula divides by `images`.": _reach(
            lambda p, n: 1.96 * np.sqrt(p * (1 - p) / (n - 1))
        ),
        **{
            f"That's the interval for {fixed:,} images, whatever `images` is.": (
                _reach(lambda p, n, fixed=fixed: 1.96 * _error(p, fixed))
            )
            for fixed in (400, 1_000, 10_000, 60_000)
        },
        "It's 0.05 to either side, whatever the number of images.": _reach(lambda p, n: 0.05),
        "It's 0.025 to either side, whatever the number of images.": _reach(lambda p, n: 0.025),
        "That's 5% of the accuracy to either side, whatever the number of images. But 95% is how "
        "often the interval holds the truth: it's 1.96 standard errors to either "
        "side.": lambda p, n: [
            0.95 * p,
            1.05 * p,
        ],
        **{
            f"The ends are rounded to {digits} decimal{'s' * (digits > 1)}. Round when you print, "
            "not before.": (_rounded(digits))
            for digits in (1, 2, 3, 4)
        },
        "That's Wilson's formula without its denominator, 1 + z²/n.": lambda p, n: _wilson(
            p, n, middle=1, inner=1, divide=False
        ),
        "That's Wilson's formula without the z²/(4n²) under the square root.": lambda p, n: _wilson(
            p, n, middle=1, inner=0, divide=True
        ),
        "That's Wilson's formula without the z²/(2n) in the middle.": lambda p, n: _wilson(
            p, n, middle=0, inner=1, divide=True
        ),
    },
)


# What may be done to a batch of images instead of dividing it by 255.
PREPARATIONS: dict[str, Callable[[Any], Any]] = {
    "That's how the network reads the image if its gray values aren't divided by 255. It was "
    "trained on values that were.": lambda images: images,
    "That's how the network reads the image if only large gray values are divided by 255, and "
    "faint images stay as they are. Divide always.": lambda images: np.where(
        images.max(axis=(1, 2), keepdims=True) > 100, images / 255, images
    ),
    "That's how the network reads the image if gray values are divided by 255 only where one of "
    "them is above 1. The faintest images have none above 1. Divide always.": lambda images: (
        np.where(images.max(axis=(1, 2), keepdims=True) > 1, images / 255, images)
    ),
    "That's how the network reads the image if it's divided by 255 twice.": lambda images: (
        images / 255 / 255
    ),
    "That's how the network reads the image if the fractions are dropped, as with `//` or "
    "`.astype(int)`: 255 becomes 1, and everything else 0.": lambda images: images // 255,
    "That's how the network reads the image if it's divided by its own largest gray value. Divide "
    "by 255, the largest *possible* one.": lambda images: (
        images / images.max(axis=(1, 2), keepdims=True)
    ),
    "That's how the network reads the image if it's inverted. In MNIST, 0 is the paper.": (
        lambda images: 1 - images / 255
    ),
    "That's how the network reads the image if it's standardized. This network was trained on "
    "values that were divided by 255.": lambda images: (
        (images - images.mean(axis=(1, 2), keepdims=True)) / images.std(axis=(1, 2), keepdims=True)
    ),
    "That's how the network reads the image if its values run from -1 to 1. This network was "
    "trained on values from 0 to 1.": lambda images: images / 127.5 - 1,
    "That's how the network reads the image if it's divided by 100. It was trained on values that "
    "were divided by 255.": lambda images: images / 100,
    "That's how the network reads the image if every gray value above 0 becomes 1.": (
        lambda images: (images > 0) * 1.0
    ),
    "That's how the network reads the image if the darker half of the gray values becomes 1, and "
    "the rest 0. Divide by 255.": lambda images: (images > 127) * 1.0,
    "That's how the network reads the image if rows and columns are swapped.": lambda images: (
        images.transpose(0, 2, 1) / 255
    ),
    "That's how the network reads the image if it's upside down.": lambda images: (
        images[:, ::-1] / 255
    ),
    "That's how the network reads the image if it's mirrored.": lambda images: (
        images[:, :, ::-1] / 255
    ),
}
# What may be taken from ten probabilities instead of the position of the largest.
READINGS: dict[str, Callable[[Any], Any]] = {
    "That's the largest probability. At which position is it?": np.max,
    "Those are the ten probabilities. At which position is the largest?": lambda ten: ten,
    "Those are the ten probabilities, still as a batch of one. At which position is the largest?": (
        lambda ten: ten[np.newaxis]
    ),
    "Right, but as an array with one digit. Take the only one: `[0]`.": lambda ten: [ten.argmax()],
    "Those are ten zeros, as with `argmax(axis=0)`, which compares the images of the batch. "
    "The ten probabilities are along the second axis.": lambda ten: [0] * 10,
    "That's always 0, as with `argmax` of a single number or along `axis=0`, or with a probability "
    "that became an `int`.": lambda ten: 0,
    "That's the digit with the *smallest* probability.": np.argmin,
    "That's the digit with the second largest probability.": lambda ten: np.argsort(ten)[-2],
    "That's one more than the position: the digits count from 0.": lambda ten: ten.argmax() + 1,
    "That's the digit as a text. Return an `int`.": lambda ten: str(ten.argmax()),
    "That's the digit with its probability. Return the digit only.": lambda ten: [
        ten.argmax(),
        ten.max(),
    ],
    "Those are ten numbers with a 1 at the place of the digit. Return the place.": lambda ten: (
        np.eye(10)[ten.argmax()]
    ),
    "That's the last digit whose probability is above 0. Compare with the largest so far.": (
        lambda ten: np.flatnonzero(ten > 0)[-1]
    ),
    "Those are the digits in the order of their probabilities. Return the last one only.": (
        np.argsort
    ),
    "That's the largest probability, rounded.": lambda ten: np.rint(ten.max()),
    "That's the largest probability as a percentage. At which position is it?": lambda ten: (
        100 * ten.max()
    ),
}
FEW = 300  # images to choose from
DIVISORS = (1, 16, 200)  # which make them fainter: their largest gray values are 255, 15, and 1
LEAD = 1e-3  # of the largest probability over the next, so that rounding can't change the answer


@task("evaluating.html#one-picture-at-a-time")
def predict_digit(predict_digit: Any, model: Any) -> str:
    """Check a function that lets a model read one image."""
    expect(
        hasattr(model, "predict"),
        f"`model` is {kind(model)}; expected the network. Run the cell that trains it again.",
    )
    expect(callable(predict_digit), f"expected a function, but saw {kind(predict_digit)}.")

    @functools.wraps(predict_digit)
    def read(image: UInt8Array) -> Any:
        return predict_digit(model, image)

    predict(model, np.zeros((1, 28, 28), dtype=np.float32))  # or tell what's wrong with it
    check = reading(model)
    image = check.cases[0].arguments[0]
    try:
        check.test(read)
    except (NotAttemptedError, TooLongError):
        raise
    except CheckError as failure:
        _expect_batch(predict_digit, model, image)
        named = explain_mistake(
            predict_digit, lambda: check.find_mistake(read) or _find_edit(predict_digit)
        )
        raise CheckError(f"{failure} {named}".rstrip()) from None
    answer = call(read, image)
    try:
        operator.index(answer)
    except TypeError:
        raise CheckError(
            f"the digits are right, but as {kind(answer)}; expected an `int`."
        ) from None
    return check.praise


def reading(model: Any) -> FunctionCheck:
    """Return the check of a function that reads one image with this model."""

    def ten(images: Any) -> Any:
        return np.asarray(model(np.asarray(images, dtype=np.float32), training=False))

    def read(image: Any) -> int:
        return int(ten(normalize(image[np.newaxis]))[0].argmax())

    return FunctionCheck(
        name="predict_digit",
        section="evaluating.html#one-picture-at-a-time",
        correct=read,
        cases=[
            Case((image,), f"for {name}, which the network reads as a {read(image)}")
            for name, image in _images(ten).items()
        ],
        praise="MNIST digits, faint ones, and a drawing were read as the network reads them.",
        mistakes={
            **{
                sentence: lambda image, prepare=prepare: int(
                    ten(prepare(image[np.newaxis]))[0].argmax()
                )
                for sentence, prepare in PREPARATIONS.items()
            },
            **{
                sentence: lambda image, take=take: take(ten(normalize(image[np.newaxis]))[0])
                for sentence, take in READINGS.items()
            },
        },
    )


def _images(ten: Callable[[Any], Any]) -> dict[str, UInt8Array]:
    """Choose images that tell all preparations from one another, and name them."""
    _, (images, labels) = load_mnist()
    chosen = [int(np.flatnonzero(labels == digit)[0]) for digit in (3, 1, 4, 6, 8)]
    # On faint images the biases of a network matter more, and so do the sizes of the numbers.
    pool = np.concatenate([images[:FEW] // divisor for divisor in DIVISORS])
    probabilities = np.sort(ten(normalize(pool)), axis=1)
    clear = probabilities[:, -1] - probabilities[:, -2] > LEAD
    with np.errstate(all="ignore"):
        preparations = [normalize, *PREPARATIONS.values()]
        answers = [ten(prepare(pool)).argmax(axis=1) for prepare in preparations]
    for one, other in itertools.combinations(answers, 2):
        differ = np.flatnonzero((one != other) & clear)
        if not np.isin(differ, chosen).any():
            chosen += differ[-1:].tolist()
    named = {f"test image {i % FEW}{_divided(DIVISORS[i // FEW])}": pool[i] for i in chosen}
    paper = 255 - np.kron(pool[chosen[0]], np.ones((10, 10), dtype=np.uint8))
    return {**named, "a 3 drawn dark on white and prepared by `from_drawing`": from_drawing(paper)}


def _divided(divisor: int) -> str:
    return f" with its gray values divided by {divisor}" * (divisor > 1)


class _Network:
    """Stands in for a model while a learner's function is edited: an untrained one, in NumPy.

    A copy of the process can't use Keras, which waits there for threads that it doesn't have.
    """

    def __init__(self) -> None:
        self.weights = np.random.default_rng(6).normal(size=(784, 10))

    def __call__(self, images: Any, **_: Any) -> Any:
        if np.shape(images)[1:] != (28, 28):
            raise ValueError("the network takes images of shape (28, 28)")
        outputs = np.reshape(images, (-1, 784)) @ self.weights + np.arange(10)
        powers = np.exp(outputs - outputs.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    predict = __call__


def _find_edit(predict_digit: Any) -> str:
    """Name the one place in a learner's function that keeps it from reading as a network does."""
    network = _Network()
    check = reading(network)

    def accepts(edited: Any) -> bool:
        return check.accepts(functools.partial(edited, network))

    return find_edit(predict_digit, accepts)


class _Recorder:
    """Stands in for a model, and notes the shapes of what it's given."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.shapes: list[tuple[int, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def __call__(self, images: Any, **options: Any) -> Any:
        self.shapes.append(np.shape(images))
        return self.model(images, **options)

    def predict(self, images: Any, **options: Any) -> Any:
        self.shapes.append(np.shape(images))
        return self.model.predict(images, **options)


def _expect_batch(predict_digit: Any, model: Any, image: UInt8Array) -> None:
    """Fail the check if the model refuses the shape of what it's given."""
    recorder = _Recorder(model)
    try:
        predict_digit(recorder, image.copy())
    # What Keras raises depends on what the model saw before.
    except Exception:
        shape = recorder.shapes[-1] if recorder.shapes else (1, 28, 28)
        expect(
            len(shape) == 3 and shape[1:] == (28, 28),
            f"the network refused the array it was given, which has shape {shape}. It takes a "
            "batch of images, (n, 28, 28), and so a single image as (1, 28, 28).",
        )

"""Checks of assignment 07: judge predictions, and make one."""

import functools
import operator
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix

from mnist_course._arrays import Array, UInt8Array
from mnist_course.data import load_mnist
from mnist_course.preprocessing import from_drawing, normalize

from .core import CheckError, advise, call, expect, expect_number, kind, rephrase, task

DIGITS = range(10)
TOLERANCE = 0.05  # of half an interval; at the sizes used here, good formulas agree within 0.02
DROPPED = "`//` drops the fraction: use `/`."
COPY = "`m = matrix` makes no copy: it is a second name for the same array."


@task("evaluating.html#accuracy")
def accuracy(accuracy: Any) -> str:
    """Check a function that returns the share of right predictions."""
    labels = np.array([7, 2, 1, 0, 4, 1, 4], dtype=np.uint8)
    predictions = np.array([7, 2, 1, 0, 4, 8, 9])
    answer = call(accuracy, labels, predictions)
    expect(
        np.ndim(answer) == 0,
        f"`accuracy` returned {kind(answer)}; expected one number. An answer per image is halfway: "
        "which share of them is right?",
    )
    share = expect_number(answer, "the accuracy")
    tried = "with 5 of 7 predictions right, `accuracy` returned"
    expect(share != 5, f"{tried} 5, their number; expected their *share*: divide by how many.")
    expect(
        not np.isclose(share, 500 / 7, atol=0.5),
        f"{tried} {share:.6g}, a percentage; expected a share from 0 to 1.",
    )
    expect(
        not np.isclose(share, 2 / 7),
        f"{tried} {share:.6g}: that is the share of the *wrong* ones.",
    )
    expect(
        all(not np.isclose(share, 5 / images) for images in (1_000, 10_000, 60_000)),
        f"{tried} {share:.6g}. Divide by the number of labels that were given.",
    )
    expect(
        np.isclose(share, 5 / 7, atol=1e-6) or not np.isclose(share, 5 / 7, atol=0.05),
        f"{tried} {share:.6g}, which is rounded. Round when you print, not before.",
    )
    expect(np.isclose(share, 5 / 7, atol=1e-6), f"{tried} {share:.6g}; expected 5 / 7.")
    few = expect_number(call(accuracy, labels[3:6], predictions[3:6]), "the accuracy")
    expect(
        np.isclose(few, 2 / 3, atol=1e-6),
        f"with 2 of 3 predictions right, `accuracy` returned {few:.6g}; expected 2 / 3.",
    )
    return "5 of 7 right is an accuracy of 0.714."


@task("evaluating.html#which-digit-is-taken-for-which")
def confusion(confusion: Any) -> str:
    """Check a function that counts which digit is taken for which."""
    rng = np.random.default_rng(6)
    labels = rng.permutation(np.repeat(np.arange(10, dtype=np.uint8), 30))
    predictions = np.where(rng.random(300) < 0.6, labels, (labels + rng.integers(1, 4, 300)) % 10)
    expected = confusion_matrix(labels, predictions, labels=DIGITS)
    counts = _table(call(confusion, labels, predictions))
    expect(counts.shape == (10, 10), f"the table has shape {counts.shape}; expected (10, 10).")
    expect(
        np.array_equal(counts, np.rint(counts)),
        f"the table holds fractions, up to {counts.max():.4g}; expected counts, not shares.",
    )
    expect(
        counts.sum() != 1,
        "only 1 of 300 pairs was counted: is `return` inside the loop?",
    )
    mistakes = {
        "rows and columns are swapped: rows belong to the true digits.": expected.T,
        "every pair of digits is counted once at most, however often it occurs. `+= 1` with whole "
        "arrays as row and column adds once per place; go through the pairs one by one.": (
            expected > 0
        ),
        "only right answers were counted. The mistakes belong off the diagonal.": (
            np.diag(np.diag(expected))
        ),
        "the diagonal is empty. Right answers are counted too: they belong there.": (
            expected - np.diag(np.diag(expected))
        ),
    }
    for mistake, table in mistakes.items():
        expect(not np.array_equal(counts, table), mistake)
    _expect_counts(counts, expected)
    few = np.isin(labels, [1, 4, 7]) & np.isin(predictions, [1, 4, 7])
    counts = _table(call(confusion, labels[few], predictions[few]))
    expect(
        counts.shape == (10, 10),
        f"if only the digits 1, 4 and 7 occur, the table has shape {counts.shape}; expected "
        "(10, 10) even then, with zeros for the others.",
    )
    _expect_counts(counts, confusion_matrix(labels[few], predictions[few], labels=DIGITS))
    # More than 16 bits can hold.
    many = np.full(70_001, 4)
    _expect_room(_table(call(confusion, many, many + 5)), len(many))
    return "the counts are those of scikit-learn."


@task("evaluating.html#the-most-frequent-confusions")
def most_confused(most_confused: Any) -> str:
    """Check a function that finds the most frequent mistake."""
    matrix = np.random.default_rng(6).integers(0, 6, (10, 10))
    np.fill_diagonal(matrix, np.arange(100, 90, -1))
    matrix[8, 3], matrix[3, 8] = 20, 1
    matrix[7, 2], matrix[2, 7] = 15, 16  # more often mixed up, both ways taken together
    matrix[5, [0, 1, 4, 6, 9]] = 9  # the digit with the most mistakes
    matrix[1, 1], matrix[1, 7] = 12, 12  # the largest share of a row
    with advise({"changed the data": COPY}):
        answer = call(most_confused, matrix)
    if _is_number(answer):
        number = expect_number(answer, "the answer")
        expect(
            number not in (0, 83),
            f"`most_confused` returned {number:g}, a place counted through all rows; expected its "
            "row and its column.",
        )
        expect(
            number not in (20, 100),
            f"`most_confused` returned {number:g}, a count; expected the digits it belongs to.",
        )
    pair = _pair(answer)
    expect(
        pair[0] != pair[1],
        f"`most_confused` returned {pair}, but a {pair[0]} read as a {pair[1]} is no mistake. "
        "Leave the diagonal out.",
    )
    expect(
        pair != (3, 8),
        "`most_confused` returned (3, 8) for an 8 that was read as a 3. The true digit, the row, "
        "comes first.",
    )
    expect(
        pair not in ((7, 2), (2, 7)),
        f"`most_confused` returned {pair}. Was the matrix added to its transpose? A 2 read as a 7 "
        "and a 7 read as a 2 are two different mistakes.",
    )
    expect(
        pair[0] != 5,
        f"`most_confused` returned {pair}. Of all digits, the 5 has the most mistakes "
        "*altogether*; expected the single place off the diagonal with the largest count.",
    )
    expect(
        pair != (1, 7),
        "`most_confused` returned (1, 7), the mistake with the largest *share* of its row. "
        "Expected the one with the largest count, 20.",
    )
    expect(
        pair == (8, 3),
        f"`most_confused` returned {pair}, a mistake that happened {matrix[pair]} times; another "
        "one happened 20 times.",
    )
    poor = matrix // 10
    poor[0, 6] = 300
    pair = _pair(call(most_confused, poor))
    expect(
        pair == (0, 6),
        f"for a network so poor that its mistakes outnumber its right answers, `most_confused` "
        f"returned {pair}; expected (0, 6). Leave out the diagonal by its place, not by its size.",
    )
    return "an 8 read as a 3 was the most frequent mistake, and you found it."


@task("evaluating.html#how-precise-is-that")
def interval(interval: Any) -> str:
    """Check a function that returns the 95% interval of an accuracy."""
    p, n = 0.7, 8400
    error = np.sqrt(p * (1 - p) / n)
    tried = f"for an accuracy of {p} on {n} images, `interval` returned"
    answer = call(interval, p, n)
    if _is_number(answer):
        number = expect_number(answer, "the answer")
        expect(
            not np.isclose(number, 1.96 * error, rtol=0.05),
            f"{tried} {number:.4g}, how far it reaches to either side; expected both ends.",
        )
    expect(
        np.shape(answer) == (2,),
        f"{tried} {kind(answer)}; expected two numbers: `return low, high`.",
    )
    low, high = (expect_number(end, "an end of the interval") for end in answer)
    seen = f"{tried} ({low:.6g}, {high:.6g})"
    expect(
        not np.allclose((low, high), (p, 1.96 * error), rtol=0.05),
        f"{seen}: the accuracy, and how far the interval reaches. Expected both ends.",
    )
    expect(low <= high, f"{seen}; expected the lower end first.")
    expect(
        not 50 < high < 100,
        f"{seen}, which look like percentages; expected shares, as the accuracy is one.",
    )
    expect(
        low <= p <= high,
        f"{seen}, where the accuracy itself does not lie. The interval reaches from the accuracy "
        "to either side.",
    )
    _expect_no_wrong_reach(low, high, p, n, seen)
    expect(
        (low <= 0) == (high >= 1),
        f"{seen}, which leaves one side open. Expected an end on either side of the accuracy, with "
        "2.5% beyond each.",
    )
    for accuracy, images in ((p, n), (0.6, 15_000)):
        reach = 1.96 * np.sqrt(accuracy * (1 - accuracy) / images)
        expected = (accuracy - reach, accuracy + reach)
        low, high = (expect_number(end, "an end") for end in call(interval, accuracy, images))
        expect(
            np.allclose((low, high), expected, rtol=0, atol=TOLERANCE * reach),
            f"for an accuracy of {accuracy} on {images} images, `interval` returned ({low:.6g}, "
            f"{high:.6g}); expected about {reach:.3g} to either side of {accuracy}.",
        )
    return "the interval covers 95%, and shrinks with the number of images."


@task("evaluating.html#one-picture-at-a-time")
def predict_digit(predict_digit: Any, model: Any) -> str:
    """Check a function that lets a model read one image."""
    expect(
        hasattr(model, "predict"),
        f"`model` is {kind(model)}; expected the network. Run the cell that trains it again.",
    )
    _, (images, labels) = load_mnist()
    digits = images[[int(np.flatnonzero(labels == digit)[0]) for digit in (1, 3, 4, 6, 8)]]
    answers = _read_all(predict_digit, model, digits)
    expected = _classes(model, normalize(digits))
    mistake = _preparation_mistake(model, digits, answers)
    expect(
        answers == expected or not mistake,
        f"five different digits were read as {answers}; expected {expected}. {mistake}",
    )
    expect(
        len(set(answers)) > 1,
        f"five different digits were read as {answers}, always {answers[0]}: did you take the "
        "largest *probability*, or `argmax` along the wrong axis?",
    )
    expect(
        answers == expected,
        f"five MNIST digits were read as {answers}; the network reads them as {expected} if they "
        "come normalized.",
    )
    # On faint images, thresholds of neurons matter more, and so do the sizes of the numbers.
    faint = images[:300] // 16
    unlike = np.not_equal(_classes(model, normalize(faint)), _classes(model, faint))
    faint = faint[np.argsort(~unlike, kind="stable")[:4]]
    answers, expected = _read_all(predict_digit, model, faint), _classes(model, normalize(faint))
    expect(
        answers == expected or answers != _classes(model, faint // 255),
        f"four faint digits were read as {answers}; expected {expected}. {DROPPED}",
    )
    expect(
        answers == expected,
        f"four faint digits, with gray values up to {faint.max()}, were read as {answers}; the "
        f"network reads them as {expected} if they come normalized. Divide every gray value by "
        "255, as in training: not by another number, and not by none.",
    )
    paper = 255 - np.kron(digits[1], np.ones((10, 10), dtype=np.uint8))
    drawing = from_drawing(paper)[np.newaxis]
    answers, expected = (
        _read_all(predict_digit, model, drawing),
        _classes(model, normalize(drawing)),
    )
    expect(
        answers == expected,
        f"a 3 drawn dark on white, and prepared by `from_drawing`, was read as a {answers[0]}; the "
        f"network reads it as a {expected[0]}.",
    )
    return "MNIST digits, faint ones and a drawing were read as the network reads them."


def _expect_no_wrong_reach(low: float, high: float, p: float, n: int, seen: str) -> None:
    """Fail the check if an interval reaches as far as a usual mistake makes it reach."""
    error = np.sqrt(p * (1 - p) / n)
    mistakes = {
        "The interval reaches one standard error to either side. How many are needed for 95%?": (
            error
        ),
        "95% should lie inside, and 2.5% beyond *each* end: 1.645 belongs to 5% on one side, or "
        "to an interval of 90%.": 1.645 * error,
        "That is the interval of 99%.": 2.576 * error,
        "Is the square root missing?": 1.96 * error**2,
        "Is the number of images missing? The more images, the smaller the interval.": (
            1.96 * error * np.sqrt(n)
        ),
        "Both the square root and the number of images are missing.": 1.96 * p * (1 - p),
        "The number of images belongs under the square root too.": 1.96 * error / np.sqrt(n),
        "Is the factor 1 - p missing?": 1.96 * np.sqrt(p / n),
    }
    for fixed in (400, 1_000, 10_000):
        mistake = f"It is that of {fixed:,} images: divide by `images`, not by a fixed number."
        mistakes[mistake] = error * 1.96 * np.sqrt(n / fixed)
    for mistake, reach in mistakes.items():
        ends = np.clip([p - reach, p + reach], 0, 1)
        expect(
            not np.allclose(np.clip([low, high], 0, 1), ends, rtol=0, atol=0.02 * reach),
            f"{seen}. {mistake}",
        )


def _preparation_mistake(model: Any, images: UInt8Array, answers: list[int]) -> str:
    """Name the wrong preparation of the images that leads to these answers, if there is one."""
    preparations: dict[str, Array] = {
        "The gray values were divided by 255 more than once.": normalize(images) / 255,
        "Ink and paper seem to be swapped: in MNIST, 0 is the paper.": 1 - normalize(images),
        DROPPED: images // 255,
    }
    for mistake, prepared in preparations.items():
        if answers == _classes(model, prepared):
            return mistake
    return ""


def _is_number(answer: Any) -> bool:
    return np.ndim(answer) == 0 and np.asarray(answer).dtype.kind in "iuf"


def _table(answer: Any) -> Array:
    """Return an answer as a table of numbers."""
    table = np.asarray(answer)
    expect(
        table.dtype.kind in "iuf",
        f"`confusion` returned {kind(answer)}; expected an array of counts.",
    )
    return table


def _expect_counts(counts: Array, expected: Array) -> None:
    wrong = np.argwhere(counts != expected)
    if len(wrong):
        true, predicted = wrong[0]
        raise CheckError(
            f"{len(wrong)} places of the table are wrong. Row {true}, column {predicted}, for "
            f"example, holds {counts[true, predicted]:g}; expected {expected[true, predicted]}: "
            f"that is how often a {true} was read as a {predicted}."
        )


def _expect_room(counts: Array, images: int) -> None:
    """Fail the check unless the one place where 4 was read as 9 holds the number of images."""
    largest = np.iinfo(counts.dtype).max if counts.dtype.kind in "iu" else images
    reason = (
        f"counts above {largest:,} do not fit into {counts.dtype}. Take `dtype=int`."
        if largest < images
        else "is the type of the table too small for such counts?"
    )
    expect(
        counts[4, 9] == images,
        f"of {images:,} times that a 4 was read as a 9, {counts[4, 9]:,g} were counted: {reason}",
    )


def _pair(answer: Any) -> tuple[int, int]:
    message = (
        f"`most_confused` returned {kind(answer)}; expected two whole numbers, the true digit and "
        "the predicted one."
    )
    expect(np.shape(answer) == (2,), message)
    try:
        true, predicted = (operator.index(digit) for digit in answer)
    except TypeError:
        raise CheckError(message) from None
    expect(
        true in DIGITS and predicted in DIGITS,
        f"`most_confused` returned ({true}, {predicted}); expected two digits from 0 to 9.",
    )
    return true, predicted


def _read_all(predict_digit: Any, model: Any, images: UInt8Array) -> list[int]:
    """Let a learner's function read images one by one."""
    expect(callable(predict_digit), f"expected a function, but saw {kind(predict_digit)}.")

    @functools.wraps(predict_digit)
    def read(image: UInt8Array) -> Any:
        return predict_digit(model, image)

    return [_digit(_called(read, image)) for image in images]


def _called(read: Any, image: UInt8Array) -> Any:
    # What Keras and TensorFlow say of a wrong shape depends on what the model saw before.
    refused = ("Exception encountered when calling", "Graph execution error", "Invalid input")
    shape = (
        "the network did not take the array that it was given. It takes a batch of images, "
        "shape (n, 28, 28): even a single image needs the first axis, shape (1, 28, 28)."
    )
    with rephrase(lambda failure: shape if any(w in failure for w in refused) else failure):
        return call(read, image)


def _digit(answer: Any) -> int:
    value = np.asarray(answer)
    returned = f"`predict_digit` returned {kind(answer)}; expected one digit, an `int`."
    expect(
        value.size != 10 or value.dtype.kind == "f",
        f"{returned} Of a batch of one, the ten probabilities lie along the *second* axis.",
    )
    expect(
        value.size != 10,
        f"{returned} These are the ten probabilities: at which position is the largest?",
    )
    expect(value.ndim == 0, f"{returned} Take the only answer of the batch: `[0]`.")
    expect(
        value.dtype.kind != "f" or float(value) in DIGITS,
        f"{returned} That is the largest probability; what counts is its position.",
    )
    try:
        return operator.index(answer)
    except TypeError:
        raise CheckError(returned) from None


def _classes(model: Any, images: Array) -> list[int]:
    """Return the digits that a model reads in images, given as they are."""
    probabilities = np.asarray(model.predict(images.astype(np.float32), verbose=0))
    return [int(digit) for digit in probabilities.argmax(axis=-1)]

"""Hidden tests of assignment 01."""

import numpy as np
import pytest

from mnist_course.grading.nbgrader import StudentError


def draw_images(rng, n=30):
    """Images that are not square."""
    height, width = 4 + rng.permutation(8)[:2]
    return rng.integers(0, 256, (n, height, width), dtype=np.uint8)


@pytest.mark.points(1, cell="check_summarize")
def test_summarize_tells_number_height_and_width(student, rng):
    """`summarize` should return the number of images, their height, and their width."""
    images = draw_images(rng, n=int(rng.integers(20, 40)))
    answer = student.call("summarize", images, rng.integers(0, 10, len(images)))
    assert (answer["images"], answer["height"], answer["width"]) == images.shape


@pytest.mark.points(1, cell="check_summarize")
def test_summarize_finds_the_extremes_of_all_images(student, rng):
    """`summarize` should find the lowest and the highest gray value that occur in any image, also \
    if the lowest is 0."""
    images = 60 + draw_images(rng) // 2
    lowest, highest = rng.integers(1, 60), rng.integers(200, 255)
    images[rng.integers(1, 15), 2, 3], images[rng.integers(15, 30), 3, 1] = lowest, highest
    answer = student.call("summarize", images, rng.integers(0, 10, len(images)))
    assert (answer["lowest"], answer["highest"]) == (lowest, highest)
    images = 1 + draw_images(rng) // 2
    images[7, 2, 3], images[20, 3, 1] = 0, 255
    answer = student.call("summarize", images, rng.integers(0, 10, len(images)))
    assert (answer["lowest"], answer["highest"]) == (0, 255)


@pytest.mark.points(1, cell="check_summarize")
def test_summarize_counts_each_digit(student, rng):
    """`summarize` should count how often each digit occurs, in order from 0 to 9, also if it \
    occurs more than 255 times."""
    often = np.full(10, 2)
    often[rng.integers(10)] = rng.integers(300, 500)
    for numbers in (rng.integers(1, 9, 10), often):
        labels = rng.permutation(np.repeat(np.arange(10), numbers)).astype(np.uint8)
        answer = student.call("summarize", draw_images(rng, n=len(labels)), labels)
        np.testing.assert_array_equal(answer["counts"], [np.sum(labels == d) for d in range(10)])


@pytest.mark.points(1, cell="check_summarize")
def test_summarize_has_ten_counts_whatever_occurs(student, rng):
    """`summarize` should return ten counts, also for digits that don't occur among the labels."""
    labels = rng.choice(rng.permutation(9)[:6], 30).astype(np.uint8)
    answer = student.call("summarize", draw_images(rng), labels)
    np.testing.assert_array_equal(answer["counts"], [np.sum(labels == d) for d in range(10)])


def draw_whole(rng, n=4):
    """Draw numbers of images, and shares that a computer knows exactly and that divide them.

    All good formulas agree on these.
    """
    eighths = rng.choice(np.arange(1, 8), n, replace=False)
    return [(8 * int(rng.integers(3, 16)), int(eighth) / 8) for eighth in eighths]


def numbered(rng, n):
    """Images that can be told apart, each filled with its position, and labels for them."""
    images = np.tile(np.arange(n, dtype=np.uint8)[:, None, None], (1, 3, 5))
    return images, rng.integers(0, 10, n, dtype=np.uint8)


def arrays(answer):
    """List the arrays of an answer in their order, whether they come in pairs or in a row."""
    if isinstance(answer, tuple | list):
        return [array for part in answer for array in arrays(part)]
    return [answer]


def images_of(answer):
    train, validation = (array for array in arrays(answer) if array.ndim == 3)
    return train[:, 0, 0].astype(int), validation[:, 0, 0].astype(int)


def labels_of(answer):
    train, validation = (array for array in arrays(answer) if array.ndim == 1)
    return train, validation


@pytest.mark.points(1, cell="check_split")
def test_split_returns_two_pairs(student, rng):
    """`split` should return two pairs, each of some images and as many labels."""
    ((n, share),) = draw_whole(rng, 1)
    images, labels = numbered(rng, n)
    pairs = student.call("split", images, labels, share)
    assert len(pairs) == 2
    for some, digits in pairs:
        assert 0 < len(some) == len(digits) < n
        assert some.shape[1:] == images.shape[1:]
        assert digits.ndim == 1


@pytest.mark.points(1, cell="check_split")
def test_split_puts_every_image_into_exactly_one_part(student, rng):
    """`split` should put every image into exactly one part: some are in both, or were lost."""
    for n, share in draw_whole(rng):
        train, validation = images_of(student.call("split", *numbered(rng, n), share))
        assert min(len(train), len(validation)) > 0
        assert sorted([*train, *validation]) == [*range(n)]


@pytest.mark.points(1, cell="check_split")
def test_split_keeps_the_last_images_for_validation(student, rng):
    """`split` should keep the last images for validation, as many as `share` says, in order."""
    for n, share in draw_whole(rng):
        _, validation = images_of(student.call("split", *numbered(rng, n), share))
        np.testing.assert_array_equal(validation, np.arange(n)[-int(n * share) :])


@pytest.mark.points(1, cell="check_split")
def test_split_keeps_labels_with_their_images(student, rng):
    """`split` should give each image its own label: split images and labels alike."""
    for n, share in draw_whole(rng):
        images, labels = numbered(rng, n)
        answer = student.call("split", images, labels, share)
        for some, digits in zip(images_of(answer), labels_of(answer), strict=True):
            assert 0 < len(some) < n
            np.testing.assert_array_equal(digits, labels[some])


@pytest.mark.points(1, cell="check_split")
def test_split_cuts_off_what_follows_the_point(student, rng):
    """`split` should cut off what follows the point of the number of training images."""
    for remainder in rng.permutation(np.arange(1, 8)):
        n = 8 * int(rng.integers(3, 12)) + int(remainder)
        kept = int(rng.choice([1, 3, 5, 7]))  # eighths for training, never a whole number of images
        train, validation = images_of(student.call("split", *numbered(rng, n), 1 - kept / 8))
        assert (len(train), len(validation)) == (n * kept // 8, n - n * kept // 8)


def idx(array):
    """Write an IDX file with NumPy's big-endian numbers."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


@pytest.mark.points(1, cell="check_parse_idx")
def test_parse_idx_reads_images_of_any_size(student, rng):
    """`parse_idx` should read images of any number, height and width, each value in its place."""
    for n in (1, int(rng.integers(5, 10))):
        images = draw_images(rng, n)
        answer = student.call("parse_idx", idx(images))
        assert answer.shape == images.shape
        np.testing.assert_array_equal(answer.astype(np.uint8), images)


@pytest.mark.points(1, cell="check_parse_idx")
def test_parse_idx_reads_labels(student, rng):
    """`parse_idx` should read labels, whose array has one dimension, from the first to the last."""
    labels = rng.integers(0, 10, int(rng.integers(50, 250)), dtype=np.uint8)
    np.testing.assert_array_equal(student.call("parse_idx", idx(labels)), labels)


@pytest.mark.points(1, cell="check_parse_idx")
def test_parse_idx_reads_sizes_of_four_bytes(student, rng):
    """`parse_idx` should use all four bytes of a size, so that it reads large files too."""
    for n in (300, 70_000):
        labels = rng.integers(0, 10, n + int(rng.integers(50)), dtype=np.uint8)
        np.testing.assert_array_equal(student.call("parse_idx", idx(labels)), labels)


@pytest.mark.points(1, cell="check_parse_idx")
def test_parse_idx_returns_uint8(student, rng):
    """`parse_idx` should return all values of the file, and no others, as uint8."""
    images = draw_images(rng)
    answer = student.call("parse_idx", idx(images))
    assert answer.dtype == np.uint8
    np.testing.assert_array_equal(answer.ravel(), images.ravel())


def assert_read_or_refused(student, rng, readable, refused):
    """Show files of both kinds in a drawn order; shape and type have tests of their own."""
    shown = [
        *((idx(array), array) for array in readable),
        *((content, None) for content in refused),
    ]
    for i in rng.permutation(len(shown)):
        content, array = shown[i]
        if array is None:
            with pytest.raises(StudentError, match=r"^`parse_idx` stopped with ValueError"):
                student.call("parse_idx", content)
        else:
            answer = student.call("parse_idx", content)
            np.testing.assert_array_equal(answer.ravel().astype(np.uint8), array.ravel())


@pytest.mark.points(1, cell="check_parse_idx")
def test_parse_idx_refuses_what_is_no_idx_file(student, rng):
    """`parse_idx` should raise a ValueError for bytes that don't begin with 0, 0, 8, and should \
    read those that do."""
    beginnings = [[0, 0, 13], [0, 0, 9], [31, 139, 8], [int(rng.integers(1, 256)), 0, 8]]
    readable = [draw_images(rng, n=int(rng.integers(10, 40))) for _ in range(5)]
    refused = [
        bytes(beginning) + idx(images)[3:]
        for beginning, images in zip(beginnings, readable, strict=False)
    ]
    assert_read_or_refused(student, rng, readable, refused)


@pytest.mark.points(1, cell="check_parse_idx")
def test_parse_idx_refuses_files_that_end_early(student, rng):
    """`parse_idx` should raise a ValueError when values are missing, and should read files \
    that are complete."""
    readable, refused = [], []
    for _ in range(3):
        for array in (draw_images(rng), rng.integers(0, 10, rng.integers(50, 150), dtype=np.uint8)):
            readable.append(array)
            missing = (1, array[0].size, int(rng.integers(2, array.size)))
            refused.append(idx(array)[: -rng.permutation(missing)[0]])
    array = draw_images(rng)
    refused += [idx(array)[:-1], idx(array)[: -array[0].size]]
    assert_read_or_refused(student, rng, readable, refused)

"""Hidden tests of assignment 02."""

import numpy as np
import pytest


def draw_images(rng, n=12):
    return rng.integers(0, 256, (n, 28, 28), dtype=np.uint8)


@pytest.mark.points(1, cell="check_scale")
def test_scale_maps_gray_values_to_0_to_1(student, rng):
    """`scale` should divide every gray value by 255, whichever values occur in the images."""
    for images in (draw_images(rng), 40 + draw_images(rng) // 3, draw_images(rng) // 128):
        np.testing.assert_allclose(student.call("scale", images), images / 255, atol=1e-5)


@pytest.mark.points(1, cell="check_scale")
def test_scale_returns_float32_of_the_same_shape(student, rng):
    """`scale` should return float32 values in an array of the same shape."""
    images = draw_images(rng, n=int(rng.integers(2, 9)))
    answer = student.call("scale", images)
    assert answer.dtype == np.float32
    assert answer.shape == images.shape
    assert np.isfinite(answer).all()
    assert answer.max() > answer.min()


@pytest.mark.points(1, cell="check_scale")
def test_scale_leaves_its_input_alone(student, rng):
    """`scale` should return its result in a new array, and leave the images it was given alone."""
    images = draw_images(rng)
    answer, (after,) = student.call("scale", images, after=True)
    np.testing.assert_array_equal(after, images)
    np.testing.assert_allclose(answer, images / 255, atol=0.01)


def all_gray_values(rng):
    """Images in which every gray value occurs once, and the same images scaled."""
    images = rng.permutation(np.arange(256)).astype(np.uint8).reshape(4, 8, 8)
    return images, (images / 255).astype(np.float32)


@pytest.mark.points(1, cell="check_unscale")
def test_unscale_restores_every_gray_value(student, rng):
    """`unscale` should give back every gray value of scaled images exactly, also if neither 0 \
    nor 255 occurs."""
    images, _ = all_gray_values(rng)
    for gray in (images, images // 2, 40 + images // 2):
        answer = student.call("unscale", (gray / 255).astype(np.float32))
        np.testing.assert_array_equal(answer.astype(np.int64), gray)


@pytest.mark.points(1, cell="check_unscale")
def test_unscale_restores_what_half_precision_keeps(student, rng):
    """`unscale` should give back every gray value exactly, also of images that were stored as \
    float16 and read back as float32."""
    images, scaled = all_gray_values(rng)
    answer = student.call("unscale", scaled.astype(np.float16).astype(np.float32))
    np.testing.assert_array_equal(answer.astype(np.int64), images)


@pytest.mark.points(1, cell="check_unscale")
def test_unscale_returns_uint8(student, rng):
    """`unscale` should return gray values from 0 to 255 as uint8."""
    answer = student.call("unscale", draw_images(rng).astype(np.float32) / 255)
    assert answer.dtype == np.uint8
    assert np.ptp(answer) > 1


# Wide enough for a deviation with n - 1 in its formula, which is nearly the same for many pixels.
TOLERANCE = 4e-3


def two_sets(rng):
    train = rng.uniform(0, rng.uniform(100, 200), (40, 7, 7))
    test = rng.uniform(rng.uniform(50, 100), 1_000, (15, 7, 7))
    return train, test


@pytest.mark.points(1, cell="check_standardize")
def test_standardize_gives_mean_0_and_deviation_1(student, rng):
    """After `standardize`, all training pixels together should have mean 0 and deviation 1."""
    train, test = two_sets(rng)
    answer, _ = student.call("standardize", train, test)
    expected = (train - train.mean()) / train.std()
    np.testing.assert_allclose(answer, expected, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.points(2, cell="check_standardize")
def test_standardize_does_not_leak(student, rng):
    """`standardize` should shift and divide the test images by what the training images say, \
    and leave values far from 0 as they are.

    Mean or deviation of the test images leaked in, or the test images were left as they are.
    """
    train, test = two_sets(rng)
    _, answer = student.call("standardize", train, test)
    expected = (test - train.mean()) / train.std()
    np.testing.assert_allclose(answer, expected, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.points(1, cell="check_standardize")
def test_standardize_returns_float32_and_keeps_its_inputs(student, rng):
    """`standardize` should return two float32 arrays, in the shapes of the two that it was given \
    (of any type, such as uint8), and leave those as they are."""
    for dtype in ("float64", "uint8"):
        given = [(images % 256).astype(dtype) for images in two_sets(rng)]
        answers, after = student.call("standardize", *given, after=True)
        assert all(np.isfinite(answer).all() for answer in answers)
        assert answers[0].min() < 0 < answers[0].max()
        assert answers[1].min() < answers[1].max()
        for answer, before, now in zip(answers, given, after, strict=True):
            assert answer.dtype == np.float32
            assert answer.shape == before.shape
            np.testing.assert_array_equal(now, before)

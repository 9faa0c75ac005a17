"""Distort training images a little, so that no epoch sees the same ones again."""

import numpy as np
import numpy.typing as npt
from scipy.interpolate import BSpline

from mnist_course._arrays import FloatArray
from mnist_course._backend import tf
from mnist_course.data import SIDE

KNOTS = 8  # of the elastic field, along each side of an image


def augment(
    images: npt.ArrayLike | tf.Tensor,
    seed: int | tf.Tensor,
    *,
    rotation: float = 12.0,
    scale: float = 0.10,
    shear: float = 0.15,
    shift: float = 1.5,
    elastic: float = 0.5,
) -> tf.Tensor:
    """Distort every image a little, each in its own way, as another hand might have written it.

    Parameters
    ----------
    images : array_like or tensor of float32, shape (n, 28, 28)
        Normalized images.
    seed : int, or tensor of int32, shape (2,)
        With the same seed, the same distortions.
    rotation : float, default 12.0
        Degrees; each image turns by an angle drawn evenly between minus and plus this.
    scale : float, default 0.10
        Height and width, each on its own, grow or shrink by up to this share.
    shear : float, default 0.15
        Rows slide by up to this many pixels per pixel of height: the slant of the hand.
    shift : float, default 1.5
        Pixels, in both directions.
    elastic : float, default 0.5
        Pixels; the standard deviation of a smooth random field by which every part of the image
        moves on its own.

    Returns
    -------
    tensor of float32, shape (n, 28, 28)
        Values stay within those of the images and 0, which comes in at the edges. With all
        strengths 0, the images themselves.

    Notes
    -----
    After P. Simard, D. Steinkraus and J. Platt, "Best practices for convolutional neural networks
    applied to visual document analysis", ICDAR 2003; the elastic field is drawn on a coarse grid
    and smoothed by B-splines, which is faster than blurring noise. The pixels in between are
    interpolated bilinearly. It compiles with XLA, so that `fit` can run it within an epoch.
    """
    pair = tf.stack([tf.cast(seed, tf.int32), 0]) if isinstance(seed, int) else seed
    images = tf.convert_to_tensor(images, tf.float32)
    return _compiled_distort(images, pair, (rotation, scale, shear, shift, elastic))


def _distort(images: tf.Tensor, seed: tf.Tensor, strengths: tuple[float, ...]) -> tf.Tensor:
    rotation, scale, shear, shift, elastic = strengths
    n = tf.shape(images)[0]
    # Compiled programs draw by ThreeFry 160 times as fast as by the default, Philox; programs that
    # are not compiled do not know it.
    draws = tf.random.stateless_uniform([6, n, 1], seed, -1.0, 1.0, alg="threefry")
    angle = draws[0] * (rotation * np.pi / 180)
    slant = draws[1] * shear
    cos, sin = tf.cos(angle), tf.sin(angle)
    height, width = 1 + draws[2] * scale, 1 + draws[3] * scale

    # Where in the source each pixel comes from, measured from the center of the image.
    center = (SIDE - 1) / 2
    y, x = (
        tf.constant(grid.reshape(1, -1), tf.float32) for grid in np.mgrid[:SIDE, :SIDE] - center
    )
    from_y = (cos * y - sin * x) * height + draws[4] * shift + center
    from_x = (sin * y + cos * x + slant * y) * width + draws[5] * shift + center
    knots = tf.random.stateless_normal([2, n, KNOTS, KNOTS], seed + 1, alg="threefry")
    spline = tf.constant(_spline_matrix(), tf.float32)
    field = tf.reshape(tf.einsum("ya,dnab,xb->dnyx", spline, knots, spline), [2, n, -1]) * elastic
    return interpolate(images, from_y + field[0], from_x + field[1])


_compiled_distort = tf.function(_distort, jit_compile=True)


def _spline_matrix() -> FloatArray:
    """Return the (28, `KNOTS`) matrix from knots to pixels, by cubic B-splines.

    Rows have norm 1, so that standard normal knots make a standard normal value on every pixel.
    """
    knots, pixels = np.arange(-2.0, KNOTS + 2), np.linspace(1, KNOTS - 2, SIDE)
    matrix = BSpline.design_matrix(pixels, knots, k=3).toarray()
    normed: FloatArray = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    return normed


def _interpolate(images: tf.Tensor, y: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    """Sample `images` (n, 28, 28) bilinearly at the points (y, x), each (n, 784); 0 is outside."""
    padded_side = SIDE + 2
    padded = tf.reshape(tf.pad(images, [[0, 0], [1, 1], [1, 1]]), [-1])
    y, x = tf.clip_by_value(y + 1, 0, SIDE + 1), tf.clip_by_value(x + 1, 0, SIDE + 1)
    top = tf.minimum(tf.floor(y), SIDE)
    left = tf.minimum(tf.floor(x), SIDE)
    below, right = y - top, x - left
    first = tf.range(tf.shape(images)[0])[:, tf.newaxis] * padded_side**2
    corner = first + tf.cast(top, tf.int32) * padded_side + tf.cast(left, tf.int32)

    def pixel(offset: int) -> tf.Tensor:
        return tf.gather(padded, corner + offset)

    upper = pixel(0) * (1 - right) + pixel(1) * right
    lower = pixel(padded_side) * (1 - right) + pixel(padded_side + 1) * right
    return tf.reshape(upper * (1 - below) + lower * below, tf.shape(images))


# Compiled, for it would otherwise hold a dozen arrays of the size of `y` at the same time.
interpolate = tf.function(_interpolate, jit_compile=True)

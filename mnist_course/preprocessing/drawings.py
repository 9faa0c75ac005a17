"""Turn a photograph or a drawing of one digit into an image like those of MNIST."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps
from scipy import ndimage

from mnist_course._arrays import Array, FloatArray, UInt8Array, as_array
from mnist_course.data import SIDE
from mnist_course.errors import CourseError

INK_SIDE = 20  # the ink of an MNIST image fits a box of 20 x 20,
CENTER = 14  # and its center of mass lies on pixel (14, 14)

LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as in Pillow's conversion to gray
FAINTEST_INK = 20.0  # gray levels between ink and paper, of 255; less is a blank page
TIE = 1e-9  # of a pixel or gray level: where rounding errors would decide, a half goes up
GRAIN_MARGIN = 6.0  # the paper's grain stays within this many times its median deviation (4 sigma)


def read_picture(path: str | Path) -> UInt8Array:
    """Read a picture file, a photograph or a drawing, for `from_drawing`.

    Parameters
    ----------
    path : str or pathlib.Path
        PNG, JPEG or another format that Pillow reads. The orientation a camera noted is applied.

    Returns
    -------
    ndarray of uint8, shape (height, width, 4)
        Red, green, blue and opacity.

    Raises
    ------
    CourseError
        If the file is missing, is no picture, is damaged, or has too many pixels.
    """
    try:
        with Image.open(path) as picture:
            upright = ImageOps.exif_transpose(picture)
            if upright.mode.startswith("I"):
                # Pillow clips 16-bit gray values instead of scaling them.
                gray = (np.asarray(upright, dtype=np.float64) / 257).round().clip(0, 255)
                upright = Image.fromarray(gray.astype(np.uint8))
            return np.asarray(upright.convert("RGBA"))
    except FileNotFoundError:
        raise CourseError(f"{path} does not exist: expected a PNG or JPEG picture.") from None
    # Pillow's readers raise almost anything on damaged or hostile content.
    except Exception as error:
        raise CourseError(
            f"{path} cannot be read as a picture: expected PNG or JPEG, found: "
            f"{' '.join(str(error).split())[:200]}"
        ) from None


def read_drawing(path: str | Path) -> UInt8Array:
    """Read a picture file of one digit and prepare it: `from_drawing` after `read_picture`.

    Parameters
    ----------
    path : str or pathlib.Path
        See `read_picture`.

    Returns
    -------
    ndarray of uint8, shape (28, 28)
        See `from_drawing`.

    Raises
    ------
    CourseError
        Names the file, and what is wrong with it.
    """
    try:
        return from_drawing(read_picture(path))
    except CourseError as error:
        message = str(error)
        raise CourseError(message if str(path) in message else f"{path}: {message}") from None


def from_drawing(image: npt.ArrayLike) -> UInt8Array:
    """Prepare a picture of one digit the way the images of MNIST were prepared.

    The picture may be dark on light or light on dark, of any size. The polarity is told from the
    frame of the picture; the grain of the paper is removed; the ink is cropped, scaled by area
    averaging so that its longest side is 20 pixels, and placed with its center of mass in the
    center of 28 x 28 pixels.

    Parameters
    ----------
    image : array_like, shape (h, w), (h, w, 1), (h, w, 2), (h, w, 3) or (h, w, 4)
        Gray, gray with opacity, RGB or RGBA; bool, uint8, uint16, or float in [0, 1].

    Returns
    -------
    ndarray of uint8, shape (28, 28)
        0 is background, 255 is full ink: ready for `normalize`.

    Raises
    ------
    CourseError
        If the picture is empty, has no ink on it, or has another shape or type.

    Notes
    -----
    Size and centering follow Y. LeCun, C. Cortes and C. Burges, "The MNIST database of handwritten
    digits", http://yann.lecun.com/exdb/mnist/. Ink is told from paper by Otsu's threshold (N. Otsu,
    "A threshold selection method from gray-level histograms", IEEE Transactions on Systems, Man,
    and Cybernetics 9(1), 1979); fainter pixels count as ink where they touch it.
    """
    ink = _ink(as_array(image))
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    cropped = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    old_height, old_width = cropped.shape
    scale = INK_SIDE / max(cropped.shape)
    height, width = max(1, _round(old_height * scale)), max(1, _round(old_width * scale))
    small = _area_matrix(old_height, height) @ cropped @ _area_matrix(old_width, width).T
    small *= 255 / small.max()
    top, left = (
        min(max(_round(CENTER - center), 0), SIDE - side)
        for center, side in zip(ndimage.center_of_mass(small), small.shape, strict=True)
    )
    digit = np.zeros((SIDE, SIDE), dtype=np.uint8)
    digit[top : top + height, left : left + width] = np.floor(small + 0.5 + TIE)
    return digit


def _ink(image: Array) -> FloatArray:
    """Return how much ink is on each pixel, exactly 0 where there is only paper."""
    gray = _gray(image)
    paper = float(np.median(np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])))
    dark, light = paper - gray.min(), gray.max() - paper
    if max(dark, light) < FAINTEST_INK:
        raise CourseError(
            "the picture is empty: expected one digit, dark on light or light on dark, found no "
            "ink on it."
        )
    contrast = paper - gray if dark >= light else gray - paper
    contrast -= _shading(contrast, _otsu(np.maximum(contrast, 0)))
    ink = np.maximum(contrast, 0)
    threshold = _otsu(ink)
    grain = GRAIN_MARGIN * float(np.median(np.abs(contrast[contrast <= threshold])))
    ink[ink <= min(grain, threshold / 2)] = 0
    strokes, _ = ndimage.label(ink, structure=np.ones((3, 3)))
    ink[~np.isin(strokes, strokes[ink > threshold])] = 0
    return ink


def _gray(image: Array) -> FloatArray:
    """Return the picture as gray values 0-255, on paper that contrasts where it is transparent."""
    if image.ndim == 2:
        image = image[..., np.newaxis]
    if image.ndim != 3 or image.shape[2] not in (1, 2, 3, 4) or 0 in image.shape:
        raise CourseError(
            f"from_drawing() was given an array of shape {image.shape}: expected one picture of "
            "shape (height, width), or with 1 to 4 channels behind."
        )
    levels = _levels(image)
    channels = levels.shape[2]
    gray: FloatArray = levels[..., :3] @ LUMA if channels > 2 else levels[..., 0]
    if channels in (2, 4):
        opacity = levels[..., -1] / 255
        ink_is_dark = (gray * opacity).sum() <= 127.5 * opacity.sum()
        gray = gray * opacity + (255.0 if ink_is_dark else 0.0) * (1 - opacity)
    return gray


def _levels(image: Array) -> FloatArray:
    """Return the values of `image` on the scale 0-255, whatever their type."""
    if image.dtype == np.uint8:
        return image.astype(np.float64)
    if image.dtype == np.uint16:
        return image.astype(np.float64) / 257
    if image.dtype.kind in "bf":
        values = image.astype(np.float64)
        if np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1:
            return values * 255
        raise CourseError(
            "from_drawing() was given floats outside 0-1, or not finite: expected 0-1, or gray "
            "values 0-255 of type uint8."
        )
    raise CourseError(
        f"from_drawing() was given values of type {image.dtype}: expected uint8, uint16, bool or "
        "float."
    )


def _shading(contrast: FloatArray, threshold: float) -> FloatArray:
    """Return the plane through the frame of the picture: light seldom falls evenly on a page."""
    height, width = contrast.shape
    y, x = np.mgrid[:height, :width]
    frame = np.zeros(contrast.shape, dtype=bool)
    frame[[0, -1], :] = frame[:, [0, -1]] = True
    frame &= contrast <= threshold
    design = np.stack([np.ones(frame.sum()), y[frame], x[frame]], axis=1)
    plane, *_ = np.linalg.lstsq(design, contrast[frame], rcond=None)
    shading: FloatArray = plane[0] + plane[1] * y + plane[2] * x
    return shading


def _otsu(ink: FloatArray) -> float:
    """Return the gray level that parts `ink` into two classes with the least variance within."""
    counts = np.bincount(np.minimum(ink, 255).astype(int).ravel(), minlength=256)
    below = np.cumsum(counts)
    sum_below = np.cumsum(counts * np.arange(256))
    above = below[-1] - below
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = sum_below / below - (sum_below[-1] - sum_below) / above
        between = below * above * gap**2
    return float(np.nanargmax(between)) + 1


def _area_matrix(old: int, new: int) -> FloatArray:
    """Return the (new, old) matrix that averages `old` pixels over the area of `new` ones."""
    edges = np.linspace(0, old, new + 1)
    pixels = np.arange(old)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    matrix: FloatArray = np.maximum(overlap, 0) * new / old
    return matrix


def _round(value: float) -> int:
    """Round half up, as most languages do, so that other implementations can agree exactly."""
    return int(np.floor(value + 0.5 + TIE))

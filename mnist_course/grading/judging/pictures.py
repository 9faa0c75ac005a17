"""Compare what is said of a figure with the picture of it, as far as colors can tell.

A submission draws a figure and describes it. So a description could be made up; a picture that fits
it would have to be drawn. Words are not read here: titles and labels remain what the submission
says.
"""

import itertools
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from mnist_course.checks.figures import Panel

Picture = npt.NDArray[np.uint8]

LEVELS = 8  # of gray
# The share of the differences in color that the gray values of the image at that place explain: 1%
# for another image, 77% to 97% for the figures in tests/submissions.
LEAST_EXPLAINED = 0.25
# Of 255, between a bar with its edges and what is beyond its end: 100 to 200 in these figures.
LEAST_DIFFERENCE = 1.0
LEAST_SHARE = 0.6  # of images and of bars: words or other axes may cover some
LEAST_FREE = 0.9  # of the images that no other image overlaps
MOST = 100  # images and bars to look at
MOST_SAMPLES = 64  # along each side of an image
LARGEST = 2**22  # numbers in a picture
BEYOND = 0.03  # of the axis
OVERLAP = 0.45  # of the sum of two sizes: closer than neighbors, which are 0.5 apart


def fits(panels: list[Panel], picture: object) -> bool:
    """Tell whether a picture shows images and bars where they are said to be.

    Parameters
    ----------
    panels : list of Panel
        What an untrusted user says of a figure.
    picture : object
        What they say that it looks like: at best an array of uint8 of shape (height, width, 3).
    """
    if (
        not isinstance(picture, np.ndarray)
        or picture.dtype != np.uint8
        or picture.shape[2:] != (3,)
        or not 0 < picture.size <= LARGEST
    ):
        return False
    try:
        with np.errstate(all="ignore"):
            images = list(itertools.islice(_explained(panels, picture), MOST))
            bars = list(itertools.islice(_differences(panels, picture), MOST))
            free = list(itertools.compress(images, _are_free(panels)))
    # What forged descriptions make NumPy raise is not limited to any list.
    except Exception:
        return False
    return bool(images or bars) and all(
        np.mean(np.array(each) >= least) >= share
        for each, least, share in (
            (images, LEAST_EXPLAINED, LEAST_SHARE),
            (free, LEAST_EXPLAINED, LEAST_FREE),
            (bars, LEAST_DIFFERENCE, LEAST_SHARE),
        )
        if each
    )


def _are_free(panels: list[Panel]) -> list[bool]:
    """Tell for each of the first images whether no other one overlaps it."""
    centers = np.array([place for panel in panels for place in panel.places][:MOST]).reshape(-1, 2)
    sizes = np.array([size for panel in panels for size in panel.sizes][:MOST]).reshape(-1, 2)
    apart = np.abs(centers[:, np.newaxis] - centers) / (sizes[:, np.newaxis] + sizes)
    together = (apart < OVERLAP).all(axis=2).sum(axis=1)  # each with itself
    return [bool(each) for each in together == 1]


def _explained(panels: list[Panel], picture: Picture) -> Iterator[float]:
    """Yield for each image which share of the differences in color its gray values explain."""
    for panel in panels:
        if not len(panel.images) == len(panel.places) == len(panel.sizes):
            yield 0.0
            continue
        for image, (x, y), (width, height) in zip(
            panel.images, panel.places, panel.sizes, strict=True
        ):
            rows, columns = (
                np.unique(np.linspace(0, side - 1, MOST_SAMPLES).astype(int))
                for side in image.shape
            )
            image = image[np.ix_(rows, columns)]
            down = y + height * ((rows + 0.5) / (rows[-1] + 1) - 0.5)
            right = x + width * ((columns + 0.5) / (columns[-1] + 1) - 0.5)
            colors = _look(picture, down[:, np.newaxis], right).reshape(-1, 3)
            edges = np.quantile(image, np.linspace(0, 1, LEVELS + 1)[1:-1])
            levels = np.digitize(np.ravel(image), edges)
            means = np.zeros((LEVELS, 3))
            for level in np.unique(levels):
                means[level] = colors[levels == level].mean(axis=0)
            differences = ((colors - colors.mean(axis=0)) ** 2).sum()
            rest = ((colors - means[levels]) ** 2).sum()
            yield float(1 - rest / differences) if differences else 0.0


def _differences(panels: list[Panel], picture: Picture) -> Iterator[float]:
    """Yield for each bar how much it differs from what is beyond its end; 0 if nothing can tell.

    Bars without a length have nothing to be seen.
    """
    for panel in panels:
        x0, x1, y0, y1 = panel.limits
        across, along = ((y0, y1), (x0, x1)) if panel.horizontal else ((x0, x1), (y0, y1))
        if (
            list(panel.scales) != ["linear", "linear"]
            or across[0] == across[1]
            or along[0] == along[1]
        ):
            yield from [0.0] * len(panel.bars)
            continue
        for (center, length), start, width in zip(
            panel.bars, panel.starts, panel.widths, strict=True
        ):
            if not length:
                continue
            reach = length / (along[1] - along[0])
            end = (start + length - along[0]) / (along[1] - along[0])
            if abs(reach) < BEYOND or not 0 < end + np.sign(reach) * BEYOND < 1:
                yield 0.0
                continue
            middle = (center - across[0]) / (across[1] - across[0])
            half = 0.6 * width / abs(across[1] - across[0])
            side = np.linspace(middle - half, middle + half, 61)
            inside = np.linspace(end - reach / 2, end, 40)
            beyond = end + np.sign(reach) * np.linspace(BEYOND / 3, BEYOND, 10)
            colors = [_look_in(panel, picture, side, place) for place in (inside, beyond)]
            yield float(np.abs(colors[0] - colors[1]).max())


def _look_in(
    panel: Panel,
    picture: Picture,
    side: npt.NDArray[np.float64],
    along: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Return the mean color of a part of the axes, given as shares of them."""
    left, top, width, height = panel.box
    x, y = (along[:, np.newaxis], side) if panel.horizontal else (side, along[:, np.newaxis])
    colors = _look(picture, top + height * (1 - y), left + width * x)
    return np.asarray(colors.mean(axis=(0, 1)))


def _look(
    picture: Picture, down: npt.NDArray[np.float64], right: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Return the colors at some places, given as shares of the picture."""
    height, width, _ = picture.shape
    rows = np.clip(down * height, 0, height - 1).astype(int)
    columns = np.clip(right * width, 0, width - 1).astype(int)
    colors: npt.NDArray[np.float64] = picture[rows, columns].astype(np.float64)
    return colors

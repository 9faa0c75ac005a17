"""Describe a Matplotlib figure by what it shows, so that its look is left to its author."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle


@dataclass
class Panel:
    """What one pair of axes shows.

    Attributes
    ----------
    title, xlabel, ylabel : str
        The texts around it.
    images : list of ndarray
        The arrays given to `imshow`, `matshow` or `pcolormesh`.
    bars : list of tuple of float
        Position and length of each bar, whichever way the bars lie.
    lines : list of ndarray, shape (2, n)
        x and y of each line.
    labels : list of str
        The names of the lines and bars in the legend.
    ticks : list of str
        What is written at the ticks, x before y.
    texts : list of str
        All other text inside.
    """

    title: str = ""
    xlabel: str = ""
    ylabel: str = ""
    images: list[npt.NDArray[Any]] = field(default_factory=list)
    bars: list[tuple[float, float]] = field(default_factory=list)
    lines: list[npt.NDArray[Any]] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    ticks: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


def find_figure(drawn: object) -> Figure | None:
    """Return the figure that a function drew: the one it returned, else the current one.

    Parameters
    ----------
    drawn : object
        What the function returned: a figure, axes, an array of axes, or None.

    Returns
    -------
    matplotlib.figure.Figure or None
        None if nothing was drawn.
    """
    if isinstance(drawn, np.ndarray | list | tuple) and len(drawn):
        drawn = np.ravel(np.asarray(drawn, dtype=object))[0]
    if isinstance(drawn, Axes):
        drawn = drawn.get_figure(root=True)
    if isinstance(drawn, Figure):
        return drawn
    from matplotlib import pyplot

    return pyplot.gcf() if pyplot.get_fignums() else None


def describe(figure: Figure) -> list[Panel]:
    """Describe every pair of axes of a figure that shows anything.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        The figure to look at.

    Returns
    -------
    list of Panel
        In the order in which the axes were made, without color bars and empty axes.
    """
    panels = [_panel(axes) for axes in figure.axes if axes.get_label() != "<colorbar>"]
    return [panel for panel in panels if panel.images or panel.bars or panel.lines or panel.texts]


def _panel(axes: Axes) -> Panel:
    rectangles = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    meshes = [mesh for mesh in axes.collections if type(mesh).__name__ == "QuadMesh"]
    legend = axes.get_legend()
    return Panel(
        title=axes.get_title() or axes.get_title("left") or axes.get_title("right"),
        xlabel=axes.get_xlabel(),
        ylabel=axes.get_ylabel(),
        images=[
            np.squeeze(np.asarray(image.get_array())) for image in [*axes.get_images(), *meshes]
        ],
        bars=_bars(rectangles),
        lines=[
            np.array([line.get_xdata(), line.get_ydata()], dtype=float) for line in axes.get_lines()
        ],
        labels=[text.get_text() for text in legend.get_texts()] if legend else [],
        ticks=[label.get_text() for label in [*axes.get_xticklabels(), *axes.get_yticklabels()]],
        texts=[text.get_text() for text in axes.texts],
    )


def _bars(rectangles: list[Rectangle]) -> list[tuple[float, float]]:
    """Return position and length of bars, which lie if all have the same height."""
    if not rectangles:
        return []
    widths = np.array([bar.get_width() for bar in rectangles])
    heights = np.array([bar.get_height() for bar in rectangles])
    lie = np.ptp(heights) < np.ptp(widths)
    return [
        (bar.get_y() + bar.get_height() / 2, bar.get_width())
        if lie
        else (bar.get_x() + bar.get_width() / 2, bar.get_height())
        for bar in rectangles
    ]

"""Describe a Matplotlib figure by what it shows, so that its look is left to its author."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox


@dataclass
class Panel:
    """What one pair of axes shows.

    Attributes
    ----------
    title, xlabel, ylabel : str
        The texts around it. A label that all panels share counts for each of them.
    images : list of ndarray
        The arrays given to `imshow`, `matshow` or `pcolormesh`.
    places : list of tuple of float
        The center of each image: from the left and from the top, as shares of the figure.
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
    places: list[tuple[float, float]] = field(default_factory=list)
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
        The figure to look at. It is laid out first, as if it were shown.

    Returns
    -------
    list of Panel
        In the order in which the axes were made, without color bars and empty axes.
    """
    figure.draw_without_rendering()
    panels = [_panel(axes, figure) for axes in figure.axes if axes.get_label() != "<colorbar>"]
    return [panel for panel in panels if panel.images or panel.bars or panel.lines or panel.texts]


def _panel(axes: Axes, figure: Figure) -> Panel:
    meshes = [mesh for mesh in axes.collections if isinstance(mesh, QuadMesh)]
    images = [*axes.get_images(), *meshes]
    legend = axes.get_legend()
    return Panel(
        title=axes.get_title() or axes.get_title("left") or axes.get_title("right"),
        xlabel=axes.get_xlabel() or figure.get_supxlabel(),
        ylabel=axes.get_ylabel() or figure.get_supylabel(),
        images=[np.squeeze(np.asarray(image.get_array())) for image in images],
        places=[_place(image.get_window_extent(), figure) for image in images],
        bars=[
            bar
            for container in axes.containers
            if isinstance(container, BarContainer)
            for bar in _bars(container)
        ],
        lines=[
            np.array([line.get_xdata(), line.get_ydata()], dtype=float) for line in axes.get_lines()
        ],
        labels=[text.get_text() for text in legend.get_texts()] if legend else [],
        ticks=[label.get_text() for label in [*axes.get_xticklabels(), *axes.get_yticklabels()]],
        texts=[text.get_text() for text in axes.texts],
    )


def _place(box: Bbox, figure: Figure) -> tuple[float, float]:
    width, height = figure.bbox.width, figure.bbox.height
    return (box.x0 + box.x1) / 2 / width, 1 - (box.y0 + box.y1) / 2 / height


def _bars(container: BarContainer) -> list[tuple[float, float]]:
    if container.orientation == "horizontal":
        return [(bar.get_y() + bar.get_height() / 2, bar.get_width()) for bar in container]
    return [(bar.get_x() + bar.get_width() / 2, bar.get_height()) for bar in container]

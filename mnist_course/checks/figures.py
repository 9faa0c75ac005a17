"""Describe a Matplotlib figure by what a reader sees, so that its look is left to its author."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import PolyQuadMesh, QuadMesh
from matplotlib.colors import to_rgba
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.transforms import Bbox, BboxBase

SMALLEST = 3.0  # points: smaller letters can't be read
PALEST = 0.1  # of a color's range: what differs less from the background can't be seen
MOST = 2 / 3  # of what lies behind a text: if so much has its color, it can't be read
FARTHEST = 0.6  # of the size of an image or of axes: text farther off doesn't belong to it
TOUCHING = 0.25  # of the same: text this near belongs to it, whatever else is there


@dataclass
class Panel:
    """What one pair of axes shows.

    Attributes
    ----------
    title, xlabel, ylabel : str
        The texts around it that can be seen. A label that all panels share counts for each.
    images : list of ndarray
        What `imshow`, `matshow` or `pcolormesh` drew, as it appears: its first row is the one at
        the top, its first column the one on the left.
    flaws : list of str
        For each image, why it can't be seen properly; "" if it can.
    places : list of tuple of float
        The center of each image: from the left and from the top, as shares of the figure.
    sizes : list of tuple of float
        The width and the height of each image, as shares of the figure.
    box : tuple of float
        Where the axes begin, from the left and from the top, and their width and height, as shares
        of the figure.
    captions : list of str
        What is written at each image, around it or in it.
    bars : list of tuple of float
        Position and length of each bar that can be seen, whichever way the bars lie.
    starts, widths : list of float
        Where each bar starts, and how wide it is.
    horizontal : bool
        Whether the bars lie.
    lines : list of ndarray, shape (2, n)
        x and y of each line.
    labels : list of str
        The names of the lines and bars in the legend.
    xticks, yticks : list of tuple of (float, str)
        Where something is written at the x axis and the y axis, and what.
    limits : list of float
        Where the x axis begins and ends, then the y axis.
    scales : tuple of str
        The scales of the x axis and the y axis, such as "linear".
    texts : list of str
        All other text inside that can be seen.
    hidden : list of str
        A sentence for each text and each bar that is there but can't be seen, or at another place.
    grid : tuple of int
        For how many rows and columns its place was made; (0, 0) if it has no place in a grid.
    """

    title: str = ""
    xlabel: str = ""
    ylabel: str = ""
    images: list[npt.NDArray[Any]] = field(default_factory=list)
    flaws: list[str] = field(default_factory=list)
    places: list[tuple[float, float]] = field(default_factory=list)
    sizes: list[tuple[float, float]] = field(default_factory=list)
    box: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    captions: list[str] = field(default_factory=list)
    bars: list[tuple[float, float]] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    horizontal: bool = False
    lines: list[npt.NDArray[Any]] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    xticks: list[tuple[float, str]] = field(default_factory=list)
    yticks: list[tuple[float, str]] = field(default_factory=list)
    limits: list[float] = field(default_factory=lambda: [0.0, 1.0, 0.0, 1.0])
    scales: tuple[str, str] = ("linear", "linear")
    texts: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)
    grid: tuple[int, int] = (0, 0)


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
    shown = [
        axes for axes in figure.axes if axes.get_visible() and axes.get_label() != "<colorbar>"
    ]
    pictures = {axes: _pictures(axes) for axes in shown}
    boxes = [picture.box for found in pictures.values() for picture in found]
    shared = {figure.get_suptitle(), figure.get_supxlabel(), figure.get_supylabel()}
    loose = [text for text in figure.texts if text.get_text() not in shared]
    panels = [_panel(axes, pictures[axes], boxes, loose, figure) for axes in shown]
    return [
        panel
        for panel in panels
        if panel.images or panel.bars or panel.lines or panel.texts or panel.hidden
    ]


@dataclass
class _Picture:
    """An image as it appears, its colors, and where it is on the canvas, in pixels."""

    array: npt.NDArray[Any]
    shades: npt.NDArray[Any]
    box: Bbox
    flaw: str


def _panel(
    axes: Axes, pictures: list[_Picture], boxes: list[Bbox], loose: list[Text], figure: Figure
) -> Panel:
    legend = axes.get_legend()
    hidden: list[str] = []
    titles = [
        artist
        for artist in axes.get_children()
        if isinstance(artist, Text) and artist not in axes.texts
    ]
    title = " ".join(filter(None, (_read(text, "title", axes, hidden) for text in titles)))
    xlabel, ylabel = (
        _read(axis.label, f"label of the {axis.axis_name} axis", axes, hidden, axis)
        for axis in (axes.xaxis, axes.yaxis)
    )
    written = [(text, words) for text in axes.texts if (words := _read(text, "text", None, hidden))]
    unbound = [(text, words) for text in loose if (words := _read(text, "text", None, hidden))]
    bars, starts, widths, horizontal = _bars(axes, hidden)
    around = [title, xlabel, ylabel] if len(pictures) == 1 else []
    own = [picture.box for picture in pictures]
    inside = [_belonging(written, box, own, boxes) for box in own]
    captions = [
        " ".join(filter(None, [*around, *texts, *_belonging(unbound, box, boxes, boxes)]))
        for box, texts in zip(own, inside, strict=True)
    ]
    hidden += [
        f"The text {words[:40]!r} lies outside of its image."
        for _, words in written
        if own and not any(words in texts for texts in inside)
    ]
    hidden += [
        f"`{name} = ...` only stores {words!r}. To write it at the axis, call `set_{name}`."
        for name, words in vars(axes).items()
        if name in ("xlabel", "ylabel")
    ]
    if pictures and not any(captions) and (above := figure.get_suptitle()):
        hidden.append(f"The text {above[:40]!r} stands above the whole figure, not at an image.")
    xticks, yticks = _ticks(axes)
    place = axes.get_subplotspec()
    return Panel(
        title=title,
        xlabel=xlabel or figure.get_supxlabel(),
        ylabel=ylabel or figure.get_supylabel(),
        images=[picture.array for picture in pictures],
        flaws=[picture.flaw for picture in pictures],
        places=[_place(picture.box, figure) for picture in pictures],
        sizes=[_size(picture.box, figure) for picture in pictures],
        box=(
            axes.bbox.x0 / figure.bbox.width,
            1 - axes.bbox.y1 / figure.bbox.height,
            *_size(axes.bbox, figure),
        ),
        captions=captions,
        bars=bars,
        starts=starts,
        widths=widths,
        horizontal=horizontal,
        lines=[
            np.array([line.get_xdata(), line.get_ydata()], dtype=float) for line in axes.get_lines()
        ],
        labels=[text.get_text() for text in legend.get_texts()] if legend else [],
        xticks=xticks,
        yticks=yticks,
        limits=[float(limit) for limit in (*axes.get_xlim(), *axes.get_ylim())],
        scales=(axes.get_xscale(), axes.get_yscale()),
        texts=[words for _, words in written],
        hidden=hidden,
        grid=place.get_gridspec().get_geometry() if place else (0, 0),
    )


def _pictures(axes: Axes) -> list[_Picture]:
    """Describe the images of axes as they appear."""
    meshes = [each for each in axes.collections if isinstance(each, QuadMesh | PolyQuadMesh)]
    return [_picture(image, axes) for image in [*axes.get_images(), *meshes]]


def _picture(image: Any, axes: Axes) -> _Picture:
    array = np.squeeze(np.asarray(image.get_array()))
    shades = image.to_rgba(image.get_array())
    first, right, down = axes.transData.transform(_corners(image))
    box = Bbox([np.min([first, right, down], axis=0), np.max([first, right, down], axis=0)])
    flaw = _flaw(image, box, shades, axes)
    if abs(right - first)[0] < abs(right - first)[1]:
        array, shades = np.swapaxes(array, 0, 1), np.swapaxes(shades, 0, 1)
        right, down = down, right
    across, along = (-1 if right[0] < first[0] else 1), (-1 if down[1] > first[1] else 1)
    array, shades = array[::along, ::across], shades[::along, ::across]
    gray = array[..., :3].mean(axis=2) if array.ndim == 3 else array
    return _Picture(np.ascontiguousarray(gray), shades, box, flaw)


def _corners(image: Any) -> npt.NDArray[Any]:
    """Return where the first pixel, the first row's last, and the first column's last lie."""
    if not isinstance(image, AxesImage):
        mesh = image.get_coordinates()
        return np.array([mesh[0, 0], mesh[0, -1], mesh[-1, 0]])
    left, right, bottom, top = image.get_extent()
    start, end = (top, bottom) if image.origin == "upper" else (bottom, top)
    return np.array([(left, start), (right, start), (left, end)])


def _flaw(image: Any, box: Bbox, shades: npt.NDArray[Any], axes: Axes) -> str:
    """Say why an image can't be seen properly, or ""."""
    if not image.get_visible() or image.get_alpha() == 0:
        return "is invisible"
    if np.asarray(shades)[..., :3].reshape(-1, 3).std(axis=0).max() < 0.02:
        return "appears in a single color"
    seen = Bbox.intersection(box, axes.bbox)
    share = seen.width * seen.height / max(box.width * box.height, 1) if seen else 0
    return "" if share > 0.98 else f"is cut: the limits of its axes show {share:.0%} of it"


def _read(text: Text, name: str, around: Axes | None, hidden: list[str], axis: Any = None) -> str:
    """Return what a text says if it can be seen; if not, note why."""
    words = text.get_text().strip()
    if not words:
        return ""
    reason = ""
    if axis is not None and axis.axes is not None and not axis.axes.axison:
        reason = '`axis("off")` hides it'
    elif not text.get_visible() or (axis is not None and not axis.get_visible()):
        reason = "it's made invisible"
    elif _is_lost(text):
        reason = "it has the color of the background"
    elif float(text.get_fontsize()) < SMALLEST:
        reason = "it's too small to read"
    elif around is not None and _gap(text.get_window_extent(), around.bbox) > FARTHEST:
        reason = "it lies far away from its axes"
    if reason:
        hidden.append(f"The {name} {words[:40]!r} can't be seen: {reason}.")
    return "" if reason else words


def _is_lost(text: Text) -> bool:
    """Whether a text can't be told from what lies behind it: its box, an image, or the paper."""
    if text.get_path_effects():  # such as an outline
        return False
    figure, box, patch = text.get_figure(root=True), text.get_window_extent(), text.get_bbox_patch()
    behind = _paper(figure)[np.newaxis]
    if figure and (layers := list(_layers(box, figure))):
        steps = np.linspace(0.1, 0.9, 5)
        places = [(box.x0 + x * box.width, box.y0 + y * box.height) for x in steps for y in steps]
        behind = np.array([_color_at(*place, layers, behind[0]) for place in places])
    if patch is not None and patch.get_visible():
        behind = _over(behind, patch.get_facecolor())
    return _are_alike(text.get_color(), text.get_alpha(), behind)


# Where something may be drawn, where it would be as a whole, and its colors.
_Layer = tuple[BboxBase, BboxBase, npt.NDArray[Any]]


def _layers(place: BboxBase, figure: Figure) -> Iterator[_Layer]:
    """List what is drawn at a place of a figure, texts and lines apart, the lowest first."""
    for axes in figure.axes:
        if not (axes.get_visible() and axes.bbox.overlaps(place)):
            continue
        paper = [axes.patch] if axes.axison and axes.get_frame_on() else []
        pictures = [each for each in _pictures(axes) if each.flaw != "is invisible"]
        for patch in paper:
            yield axes.bbox, axes.bbox, np.array([[patch.get_facecolor()]])
        for picture in pictures:
            yield axes.bbox, picture.box, picture.shades
        for patch in axes.patches:
            if patch.get_visible():
                yield axes.bbox, patch.get_window_extent(), np.array([[patch.get_facecolor()]])


def _color_at(
    x: float, y: float, layers: list[_Layer], color: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    """Return the color of a place, with this color below all layers."""
    for clip, box, shades in layers:
        if clip.contains(x, y) and box.contains(x, y):
            height, width = shades.shape[:2]
            row = min(int((box.y1 - y) / box.height * height), height - 1)
            column = min(int((x - box.x0) / box.width * width), width - 1)
            color = _over(color, shades[row, column])
    return color


def _paper(figure: Figure | None) -> npt.NDArray[Any]:
    return _over(np.ones(3), to_rgba(figure.get_facecolor() if figure else "white"))


def _over(behind: npt.NDArray[Any], color: Any) -> npt.NDArray[Any]:
    """Put a color that may be transparent over others."""
    seen = np.asarray(color)
    mixed: npt.NDArray[Any] = seen[3] * seen[:3] + (1 - seen[3]) * behind
    return mixed


def _are_alike(color: Any, alpha: float | None, behind: npt.NDArray[Any]) -> bool:
    """Whether a color can't be told from most of those behind it."""
    seen = to_rgba(color, alpha)
    differences = np.abs(np.array(seen[:3]) - behind).max(axis=-1)
    return bool(np.mean(seen[3] * differences < PALEST) > MOST)


def _belonging(
    written: list[tuple[Text, str]], image: Bbox, images: list[Bbox], others: list[Bbox]
) -> list[str]:
    """Choose the texts that a reader takes to belong to one of some images, not to others."""
    found = []
    for text, words in written:
        box = text.get_window_extent()
        nearest = min(images, key=lambda each: _gap(box, each))
        gap = _gap(box, nearest)
        center = ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)
        elsewhere = any(each.contains(*center) for each in others if each is not nearest)
        if nearest is image and (gap < TOUCHING or (gap < FARTHEST and not elsewhere)):
            found.append(words)
    return found


def _gap(a: Bbox, b: Bbox) -> float:
    """Return how far a box is from another, as a share of the size of that."""
    across = max(b.x0 - a.x1, a.x0 - b.x1, 0) / max(b.width, 1)
    down = max(b.y0 - a.y1, a.y0 - b.y1, 0) / max(b.height, 1)
    return float(max(across, down))


def _place(box: Bbox, figure: Figure) -> tuple[float, float]:
    width, height = figure.bbox.width, figure.bbox.height
    return (box.x0 + box.x1) / 2 / width, 1 - (box.y0 + box.y1) / 2 / height


def _size(box: BboxBase, figure: Figure) -> tuple[float, float]:
    return box.width / figure.bbox.width, box.height / figure.bbox.height


def _ticks(axes: Axes) -> list[list[tuple[float, str]]]:
    """Return what is written at the x axis and at the y axis, within its limits."""
    ticks = []
    for axis in (axes.xaxis, axes.yaxis):
        low, high = sorted(axis.get_view_interval())
        reach = 1e-6 * (high - low)
        seen = axes.axison and axis.get_visible()
        ticks.append(
            [
                (float(place), label.get_text().strip())
                for place, label in zip(axis.get_ticklocs(), axis.get_ticklabels(), strict=False)
                if seen and label.get_visible() and label.get_text().strip()
                if low - reach <= place <= high + reach
            ]
        )
    return ticks


def _bars(
    axes: Axes, hidden: list[str]
) -> tuple[list[tuple[float, float]], list[float], list[float], bool]:
    """Return positions and lengths of bars, where they start, their widths, and if they lie."""
    bars, starts, widths, horizontal = [], [], [], False
    for container in axes.containers:
        if not isinstance(container, BarContainer):
            continue
        lies = container.orientation == "horizontal"
        horizontal |= lies
        for bar in container:
            across = (bar.get_y(), bar.get_height(), bar.get_x(), bar.get_width())
            upright = (bar.get_x(), bar.get_width(), bar.get_y(), bar.get_height())
            side, width, start, length = map(float, across if lies else upright)
            if reason := _find_no_color(bar, axes):
                hidden.append(f"The bar at {side + width / 2:g} can't be seen: {reason}.")
                continue
            bars.append((side + width / 2, length))
            starts.append(start)
            widths.append(abs(width))
    return bars, starts, widths, horizontal


def _find_no_color(bar: Patch, axes: Axes) -> str:
    """Say why a bar can't be seen, or ""."""
    paper = _over(_paper(axes.get_figure(root=True)), axes.get_facecolor())
    face, edge = bar.get_facecolor(), bar.get_edgecolor()
    outlined = bar.get_linewidth() > 0 and not _are_alike(edge, None, paper)
    if not bar.get_visible():
        return "it's made invisible"
    if outlined or not _are_alike(face, None, paper):
        return ""
    return "it has the color of the background" if to_rgba(face)[3] else "it has no color"

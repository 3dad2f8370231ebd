"""A drawing on a figure of matplotlib, for PNG, PDF and whatever else matplotlib writes."""

from __future__ import annotations

import io
import warnings
from types import ModuleType
from typing import TYPE_CHECKING

from jkeras._base.figures import matplotlib_for, new_figure, save
from jkeras.visualization.shapes import Drawing, Part, Point, Polygon, Stroke, Text, outline

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.path import Path

_CJK = (
    *("NanumGothic", "Malgun Gothic", "Apple SD Gothic Neo", "AppleGothic", "Noto Sans CJK KR", "Noto Sans KR"),
    *("Noto Sans CJK JP", "Noto Sans CJK SC", "Microsoft YaHei", "PingFang SC", "Hiragino Sans", "WenQuanYi Zen Hei"),
)
_MOST_PIXELS = 30_000  # of one side; matplotlib stops at 65,536
# Hinted letters, fitted to pixels, are wider than the font's own, by which the boxes were measured.
UNHINTED = {"text.hinting": "no_hinting"}


def drawing_figure(drawing: Drawing) -> Figure:
    """A figure of the drawing's size, a point for a point.

    Raises:
        ImportError: matplotlib is not installed.
    """
    what = "A picture of a model"
    matplotlib = matplotlib_for(what)
    figure = new_figure(what, drawing.width / 72, drawing.height / 72, layout=None)
    Outline, PathPatch = matplotlib.path.Path, matplotlib.patches.PathPatch
    codes = {1: [Outline.LINETO], 3: [Outline.CURVE4] * 3}

    def path(start: Point, parts: tuple[Part, ...], closed: bool) -> Path:
        points = [start, *(point for part in parts for point in part)]
        steps = [Outline.MOVETO, *(code for part in parts for code in codes[len(part)])]
        return Outline([*points, start], [*steps, Outline.CLOSEPOLY]) if closed else Outline(points, steps)

    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, drawing.width)
    axes.set_ylim(drawing.height, 0)
    axes.axis("off")
    families = font_families(matplotlib)
    anchors = {"start": "left", "middle": "center", "end": "right"}
    for order, shape in enumerate(drawing.shapes):
        if isinstance(shape, Text):
            axes.text(
                shape.x, shape.y, shape.text, ha=anchors[shape.anchor], va="baseline", zorder=order, fontsize=shape.size,
                color=shape.colour, weight="bold" if shape.bold else "normal", family=families, parse_math=False,
            )  # fmt: skip
            continue
        if isinstance(shape, Stroke):
            style = {"facecolor": "none", "edgecolor": shape.colour, "linewidth": shape.line_width, "capstyle": "butt"}
            outlined, dashed = path(shape.start, shape.parts, closed=False), shape.dashed
        elif isinstance(shape, Polygon):
            style = {"facecolor": shape.fill, "edgecolor": "none"}
            outlined, dashed = path(shape.points[0], tuple((p,) for p in shape.points[1:]), closed=True), False
        else:
            line_width = shape.line_width if shape.stroke else 0
            style = {"facecolor": shape.fill or "none", "edgecolor": shape.stroke or "none", "linewidth": line_width}
            outlined, dashed = path(*outline(shape), closed=True), shape.dashed
        axes.add_patch(PathPatch(outlined, linestyle=(0, (4, 3)) if dashed else "solid", zorder=order, **style))
    return figure


def font_families(matplotlib: ModuleType) -> list[str]:
    """The fonts to look for a letter in, in this order: the measured one, the user's, installed ones for CJK."""
    installed = {font.name for font in matplotlib.font_manager.fontManager.ttflist}
    return list(dict.fromkeys(["DejaVu Sans", *matplotlib.rcParams["font.family"], *(f for f in _CJK if f in installed)]))


def drawing_bytes(drawing: Drawing, kind: str, dpi: float) -> bytes:
    """The content of a picture file.

    Args:
        drawing: what to draw.
        kind: of the file: `png`, `pdf`, or another that matplotlib writes.
        dpi: pixels per inch; fewer, with a warning, if a side of the picture would exceed 30,000 pixels.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: matplotlib does not write such files.
    """
    figure = drawing_figure(drawing)
    kinds = figure.canvas.get_supported_filetypes()
    if kind not in kinds:
        raise ValueError(
            f"No picture can be written as {kind!r}. The suffix is one of .dot, {', '.join('.' + k for k in sorted(kinds))}."
        )
    most = _MOST_PIXELS * 72 / max(drawing.width, drawing.height)
    if dpi > most and kind not in ("pdf", "svg", "ps", "eps"):
        warnings.warn(
            f"The picture is drawn with dpi={most:.0f} instead of {dpi:g}, or a side would have over {_MOST_PIXELS:,} pixels. "
            "An .svg or .pdf file has no such limit, and layer_range= shows a part of the model.",
            stacklevel=2,
        )
        dpi = most
    buffer = io.BytesIO()
    with matplotlib_for("A picture of a model").rc_context(UNHINTED):
        save(figure, buffer, kind, dpi)
    return buffer.getvalue()

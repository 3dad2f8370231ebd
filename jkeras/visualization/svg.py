"""A drawing as SVG text. No library is needed."""

from __future__ import annotations

import re
from html import escape

from jkeras.visualization.shapes import Drawing, Part, Point, Polygon, Rectangle, Shape, Stroke, Text, outline

_FONTS = "'DejaVu Sans', Verdana, 'Noto Sans', 'Noto Sans CJK KR', 'Malgun Gothic', sans-serif"
# Characters that no XML document may hold, not even escaped.
FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def svg_text(drawing: Drawing) -> str:
    """The SVG document of a drawing on a white background.

    Args:
        drawing: to write; its points become the document's points.

    Example:
        >>> print(svg_text(Drawing(40, 20, (Text(3, 12, "a < b", 8, "#000000"),))))  # doctest: +ELLIPSIS
        <svg xmlns="http://www.w3.org/2000/svg" width="40pt" height="20pt" viewBox="0 0 40 20" font-family="...">
        <rect width="40" height="20" fill="#ffffff"/>
        <text x="3" y="12" font-size="8" fill="#000000">a &lt; b</text>
        </svg>
    """
    size = f'width="{_n(drawing.width)}pt" height="{_n(drawing.height)}pt" viewBox="0 0 {_n(drawing.width)} {_n(drawing.height)}"'
    title = [f"<title>{_escaped(drawing.title)}</title>"] if drawing.title else []
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{_FONTS}">',
        *title,
        f'<rect width="{_n(drawing.width)}" height="{_n(drawing.height)}" fill="#ffffff"/>',
        *(_element(shape) for shape in drawing.shapes),
        "</svg>",
    ]
    return "\n".join(lines)


def _element(shape: Shape) -> str:
    if isinstance(shape, Text):
        bold = ' font-weight="bold"' if shape.bold else ""
        anchor = f' text-anchor="{shape.anchor}"' if shape.anchor != "start" else ""
        place = f'x="{_n(shape.x)}" y="{_n(shape.y)}" font-size="{_n(shape.size)}" fill="{shape.colour}"'
        return f"<text {place}{bold}{anchor}>{_escaped(shape.text)}</text>"
    if isinstance(shape, Polygon):
        points = " ".join(f"{_n(x)},{_n(y)}" for x, y in shape.points)
        return f'<polygon points="{points}" fill="{shape.fill}"/>'
    if isinstance(shape, Stroke):
        dashed = ' stroke-dasharray="4 3"' if shape.dashed else ""
        style = f'fill="none" stroke="{shape.colour}" stroke-width="{_n(shape.line_width)}"{dashed}'
        return f'<path d="{_path(shape.start, shape.parts)}" {style}/>'
    return _rectangle(shape)


def _rectangle(box: Rectangle) -> str:
    stroke = f' stroke="{box.stroke}" stroke-width="{_n(box.line_width)}"' if box.stroke else ""
    dashed = ' stroke-dasharray="4 3"' if box.dashed else ""
    style = f'fill="{box.fill or "none"}"{stroke}{dashed}'
    if box.rounded == "all" or not box.radius:
        place = f'x="{_n(box.x)}" y="{_n(box.y)}" width="{_n(box.width)}" height="{_n(box.height)}" rx="{_n(box.radius)}"'
        return f"<rect {place} {style}/>"
    return f'<path d="{_path(*outline(box))}Z" {style}/>'


def _path(start: Point, parts: tuple[Part, ...]) -> str:
    steps = [f"{'C' if len(part) == 3 else 'L'}{' '.join(f'{_n(x)},{_n(y)}' for x, y in part)}" for part in parts]
    return f"M{_n(start[0])},{_n(start[1])}{''.join(steps)}"


def _escaped(text: str) -> str:
    return escape(FORBIDDEN.sub("\ufffd", text), quote=False)


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")

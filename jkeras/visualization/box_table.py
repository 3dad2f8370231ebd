"""The box of a layer as a small table: a coloured head with name and class, and a row for each fact below it."""

from __future__ import annotations

from jkeras.visualization.box_content import BoxContent
from jkeras.visualization.shapes import Rectangle, Shape, Stroke, Text
from jkeras.visualization.text_width import text_width, wrap

HEAD_SIZE, ROW_SIZE = 9.5, 8.5
INK, QUIET, LINE, FROZEN = "#1f2733", "#5d6875", "#8a94a0", "#a3341f"
_WIDEST = 230.0  # of a line of text
_PAD = 8.0
_HEAD_LINE, _ROW_LINE, _HEAD_SPACE, _ROW_SPACE = 12.0, 11.0, 8.0, 5.0
_LEAST = 64.0

# The head's colour tells the family, the file of jkeras.layers that the class comes from.
_COLOURS = {
    "#d9dee5": ("input", "masking", "input_spec"),
    "#cfe3f7": ("dense", "einsum_dense", "embedding", "reversible_embedding", "declaration"),
    "#cdebd8": ("convolution", "convolution_transpose", "depthwise"),
    "#e3efc5": (
        "pooling",
        "upsampling",
        "padding",
        "image_affine",
        "image_boxes",
        "image_color",
        "image_erasing",
        "image_filters",
        "image_flip_crop",
        "image_histogram",
        "image_hue",
        "image_mixing",
        "image_policies",
        "image_size",
        "image_warp",
    ),
    "#e7defa": ("normalization", "feature_normalization"),
    "#fbe0cb": ("activation", "lambda_layer"),
    "#f3e3e3": ("dropout",),
    "#fdeeb9": ("merging",),
    "#f9d7e2": ("recurrent_layers", "recurrent", "bidirectional", "time_distributed", "stacked_cells", "recurrent_cells"),
    "#d3ecf0": ("attention", "multi_head_attention", "headed_attention"),
    "#ebe6dc": ("reshaping", "rescaling", "identity"),
    "#d5d9f2": ("model",),
}
_FAMILIES = {family: colour for colour, families in _COLOURS.items() for family in families}
_PLAIN = "#eceff2"


def head_colour(content: BoxContent) -> str:
    """The colour of a box's head."""
    return _FAMILIES.get(content.family, _PLAIN)


def box_size(content: BoxContent) -> tuple[float, float]:
    """The width and height that a box needs, in points."""
    lines, beside = _head(content)
    head = max(text_width(text, HEAD_SIZE, bold) for text, bold in lines) + (_beside_width(content) if beside else 0.0)
    label = _label_width(content)
    values = [text_width(line, ROW_SIZE) for _, lines_ in content.rows for value in lines_ for line in _cut(value)]
    width = max([_LEAST, head + 2 * _PAD, *(label + value + 3 * _PAD for value in values)])
    return width, _head_height(lines) + sum(_row_height(row) for row in content.rows)


def box_shapes(content: BoxContent, left: float, top: float, width: float, height: float) -> list[Shape]:
    """The shapes of a box at its place.

    Args:
        content: what it says.
        left, top: its upper left corner.
        width, height: its size, as `box_size` gives it.
    """
    lines, beside = _head(content)
    x, y, right = left, top, left + width
    rounded = "above" if content.rows else "all"
    shapes: list[Shape] = [
        Rectangle(left, top, width, height, fill="#ffffff", radius=4),
        Rectangle(left, top, width, _head_height(lines), fill=head_colour(content), radius=4, rounded=rounded),
    ]
    centred = not beside and not content.rows
    for i, (text, bold) in enumerate(lines):
        base = y + _HEAD_SPACE / 2 + _HEAD_LINE * (i + 0.5) + 0.36 * HEAD_SIZE
        anchor, at = ("middle", x + width / 2) if centred else ("start", x + _PAD)
        shapes.append(Text(at, base, text, HEAD_SIZE, INK if bold else QUIET, bold, anchor))
    if beside:
        base = y + _HEAD_SPACE / 2 + _HEAD_LINE / 2 + 0.36 * HEAD_SIZE
        shapes.append(Text(right - _PAD, base, content.kind, HEAD_SIZE, QUIET, anchor="end"))
    y += _head_height(lines)
    column = x + _label_width(content) + 1.5 * _PAD
    if content.rows:
        shapes.append(Stroke((column, y), (((column, top + height),),), "#d5dae0", 0.7))
    for row in content.rows:
        shapes += _row_shapes(row, x, y, right, column)
        y += _row_height(row)
    shapes.append(Rectangle(left, top, width, height, stroke=LINE, line_width=0.9, radius=4))
    return shapes


def _row_shapes(row: tuple[str, tuple[str, ...]], x: float, y: float, right: float, column: float) -> list[Shape]:
    label, values = row
    shapes: list[Shape] = [Stroke((x, y), (((right, y),),), "#d5dae0", 0.7)]
    base = y + _ROW_SPACE / 2 + _ROW_LINE / 2 + 0.36 * ROW_SIZE
    shapes.append(Text(x + _PAD, base, label, ROW_SIZE, QUIET))
    frozen = label == "trainable" and values == ("no",)
    for i, line in enumerate(line for value in values for line in _cut(value)):
        shapes.append(Text(column + _PAD / 2, base + i * _ROW_LINE, line, ROW_SIZE, FROZEN if frozen else INK, frozen))
    return shapes


def _head(content: BoxContent) -> tuple[list[tuple[str, bool]], bool]:
    """The lines of the head, each bold or not, and whether the class stands beside the name rather than below it."""
    if not content.name:
        return [(line, True) for line in wrap(content.kind, HEAD_SIZE, _WIDEST, True)], False
    name = wrap(content.name, HEAD_SIZE, _WIDEST, True)
    if len(name) == 1 and text_width(content.name, HEAD_SIZE, True) + _beside_width(content) <= _WIDEST:
        return [(content.name, True)], True
    return [*((line, True) for line in name), *((line, False) for line in wrap(content.kind, HEAD_SIZE, _WIDEST))], False


def _beside_width(content: BoxContent) -> float:
    return text_width(content.kind, HEAD_SIZE) + 2 * _PAD


def _cut(value: str) -> list[str]:
    return wrap(value, ROW_SIZE, _WIDEST - 50)


def _label_width(content: BoxContent) -> float:
    return max((text_width(label, ROW_SIZE) for label, _ in content.rows), default=0.0)


def _head_height(lines: list[tuple[str, bool]]) -> float:
    return _HEAD_SPACE + _HEAD_LINE * len(lines)


def _row_height(row: tuple[str, tuple[str, ...]]) -> float:
    return _ROW_SPACE + _ROW_LINE * sum(len(_cut(value)) for value in row[1])

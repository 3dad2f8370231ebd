"""The table that `model.summary()` prints, in the style of Keras 2.

Three columns where the layers form a chain, a fourth with the connections where they do not. A column ends at a fixed position:
longer text is cut, shorter text padded, so that every line has the same width.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, zip_longest

from jkeras.layer.base import Layer
from jkeras.models.summary_rows import Row, is_chain, rows_of

_Default = tuple[int, tuple[float, ...], tuple[str, ...]]  # width, ends and titles of the columns
_CHAIN: _Default = (65, (0.45, 0.85, 1.0), ("Layer (type)", "Output Shape", "Param #"))
_GRAPH: _Default = (98, (0.33, 0.55, 0.67, 1.0), ("Layer (type)", "Output Shape", "Param #", "Connected to"))
_UNBUILT: _Default = (65, (0.45, 0.8, 1.0), _CHAIN[2])  # with room for `0 (unbuilt)`
_TRAINABLE_WIDTH = 11


def summary(
    self: Layer,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], object] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Print a table of a model's layers, their output shapes and numbers of weights. `Model.summary`.

    Args:
        self: where it is not built yet, the shapes are `?` and the layers without weights `0 (unbuilt)`, as in Keras 3.
        line_length: width in characters, default 65, or 98 with the column of connections.
        positions: ends of the columns, as fractions of the width or in characters; default `(.45, .85, 1.)`, with connections
            `(.33, .55, .67, 1.)`. Further ones are ignored.
        print_fn: called with each line, default `print`.
        expand_nested: whether the layers of inner models follow them, between bars.
        show_trainable: whether a last column, 11 wide, says `Y` or `N`.
        layer_range: two regular expressions; rows go from the first layer whose name begins with a match of the first to the last
            one of the second, both included. The totals are those of the whole model.

    Raises:
        ValueError: too few positions, or not increasing; no layer matches `layer_range`.

    Example:
        >>> from jkeras.layers import Dense
        >>> from jkeras.models import Sequential
        >>> model = Sequential([Dense(3, input_shape=(2,), name="first"), Dense(1, name="last")], name="small")
        >>> summary(model, line_length=48, print_fn=lambda line: print(line.rstrip()))
        Model: "small"
        ________________________________________________
        Layer (type)         Output Shape       Param #
        ================================================
        first (Dense)        (None, 3)          9
        ________________________________________________
        last (Dense)         (None, 1)          4
        ================================================
        Total params: 13
        Trainable params: 13
        Non-trainable params: 0
        ________________________________________________
    """
    default = _UNBUILT if not self.built else _CHAIN if is_chain(self) else _GRAPH
    table = _table(default, line_length, positions, show_trainable)
    rows = _within(rows_of(self, expand_nested), layer_range)
    emit = print if print_fn is None else print_fn
    for line in _lines(self, table, rows):
        emit(line)


@dataclasses.dataclass(frozen=True)
class _Table:
    """The geometry: width, ends and titles of the columns."""

    width: int
    ends: tuple[int, ...]
    titles: tuple[str, ...]

    def line(self, fields: Sequence[str], level: int = 0) -> str:
        """One line; inside a nested model there are as many bars at both ends as models around."""
        line = ""
        for i, (field, end) in enumerate(zip(fields, self.ends)):
            margin = "|" * level + " " if level and i == 0 else ""
            # A cut field leaves one space before the next.
            line = (line[:-1] + " " if i else "") + margin + field
            line = line[:end].ljust(end)
        return line.ljust(self.width)[: self.width - level] + "|" * level if level else line

    def rule(self, stroke: str, level: int = 0) -> str:
        """A line of one character between bars."""
        return "|" * level + stroke * (self.width - 2 * level) + "|" * level

    def row(self, row: Row, level: int) -> Iterator[str]:
        """A layer's line, and one more for each further connection."""
        columns = {
            "Layer (type)": [f"{row.name} ({row.kind})"],
            "Output Shape": [row.shape],
            "Param #": [row.params],
            "Connected to": row.connections,
            "Trainable": [row.trainable],
        }
        for fields in zip_longest(*(columns[title] for title in self.titles), fillvalue=""):
            yield self.line(fields, level)

    def block(self, row: Row, level: int = 0) -> Iterator[str]:
        """A layer's lines, and those of the layers inside it."""
        yield from self.row(row, level)
        if not row.children:
            return
        yield self.rule("¯", level + 1)
        for i, child in enumerate(row.children):
            if i:
                yield self.rule(" ", level + 1)
            yield from self.block(child, level + 1)
        yield self.rule("¯", level)


def _table(default: _Default, line_length: int | None, positions: Sequence[float] | None, show_trainable: bool) -> _Table:
    default_width, default_positions, titles = default
    width = line_length or default_width
    given = tuple(positions) if positions is not None else default_positions
    if len(given) < len(titles) or any(a >= b for a, b in pairwise(given)):
        raise ValueError(
            f"positions are the ends of the {len(titles)} columns {', '.join(titles)}, each greater than the one before. "
            f"Received: positions={positions!r}. Write for example positions={list(default_positions)}."
        )
    ends = tuple(int(width * p) if given[-1] <= 1 else int(p) for p in given[: len(titles)])
    if show_trainable:
        width += _TRAINABLE_WIDTH
        return _Table(width, (*ends, max(width, ends[-1] + _TRAINABLE_WIDTH)), (*titles, "Trainable"))
    return _Table(width, ends, titles)


def _lines(model: Layer, table: _Table, rows: list[Row]) -> Iterator[str]:
    yield f'Model: "{model.name}"'
    yield table.rule("_")
    yield table.line(table.titles)
    yield table.rule("=")
    for row in rows:
        yield from table.block(row)
        yield table.rule("=" if row is rows[-1] else "_")
    trainable = sum(weight.size for weight in model.trainable_weights)
    frozen = sum(weight.size for weight in model.non_trainable_weights)
    yield f"Total params: {trainable + frozen:,}"
    yield f"Trainable params: {trainable:,}"
    yield f"Non-trainable params: {frozen:,}"
    yield table.rule("_")


def _within(rows: list[Row], layer_range: Sequence[str] | None) -> list[Row]:
    if layer_range is None:
        return rows
    ends = [] if isinstance(layer_range, str) else list(layer_range)
    if len(ends) != 2 or not all(isinstance(end, str) for end in ends):
        raise ValueError(
            f"layer_range is a pair of names, of the first and of the last layer to show. Received: layer_range={layer_range!r}. "
            f"Write for example layer_range=({rows[0].name!r}, {rows[-1].name!r})."
        )
    first, last = ([i for i, row in enumerate(rows) if re.match(end, row.name)] for end in ends)
    for end, found in zip(ends, (first, last)):
        if not found:
            raise ValueError(
                f"No layer's name begins with a match of {end!r}. Received: layer_range={layer_range!r}; "
                f"the model has {', '.join(row.name for row in rows)}."
            )
    if min(first) > max(last):
        first, last = last, first
    return rows[min(first) : max(last) + 1]

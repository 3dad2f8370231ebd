"""What a notebook shows of a model: its summary as a table of HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING

from jkeras.models.summary_rows import Row, is_chain, rows_of

if TYPE_CHECKING:
    from jkeras.models.model import Model

_CELL = "text-align:left;padding:2px 10px"
_NUMBER = "text-align:right;padding:2px 10px"
_INDENT = 18  # pixels, of layers inside a layer
_MOST_ROWS = 300


def html_summary(self: Model) -> str:
    """The HTML of a model: the rows of its summary, and the numbers of its parameters.

    Args:
        self: of any kind; an unbuilt one says so and lists its layers.

    Example:
        >>> from jkeras.layers import Dense, Input
        >>> from jkeras.models import Sequential
        >>> html = html_summary(Sequential([Input((4,)), Dense(2)], name="a<b"))
        >>> "a&lt;b" in html, "(None, 2)" in html, html.count("<tr")
        (True, True, 2)
    """
    if not self.built:
        return _unbuilt(self)
    connected = not is_chain(self)
    titles = ("Layer (type)", "Output Shape", "Param #", *(["Connected to"] if connected else []))
    head = "".join(f'<th style="{_NUMBER if title == "Param #" else _CELL}">{title}</th>' for title in titles)
    rows = [line for row in rows_of(self, expand_nested=True) for line in _lines(row, connected, 0)]
    left_out = len(rows) - _MOST_ROWS
    if left_out > 0:
        rows[_MOST_ROWS:] = [f'<tr><td colspan="{len(titles)}" style="{_CELL}">and {left_out} more layers</td></tr>']
    trainable = sum(weight.size for weight in self.trainable_weights)
    frozen = sum(weight.size for weight in self.non_trainable_weights)
    totals = f"Total params: {trainable + frozen:,} (trainable {trainable:,}, non-trainable {frozen:,})"
    return (
        f"<div><b>{_name(self)}</b><table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        f"<small>{totals}</small></div>"
    )


def _name(model: Model) -> str:
    return f"{escape(type(model).__name__)}: {escape(model.name)}"


def _unbuilt(model: Model) -> str:
    layers = "".join(f"<li>{escape(layer.name)} ({escape(type(layer).__name__)})</li>" for layer in model.layers[:_MOST_ROWS])
    return f"<div><b>{_name(model)}</b> <small>(not built: the shape of its input is not known)</small><ul>{layers}</ul></div>"


def _lines(row: Row, connected: bool, level: int) -> Iterator[str]:
    """The line of a layer, and those of the layers inside it."""
    indent = f"{_CELL};padding-left:{10 + _INDENT * level}px"
    params = re.sub(r"\d+", lambda digits: f"{int(digits[0]):,}", row.params)
    cells = [
        f'<td style="{indent}">{escape(row.name)} <small>({escape(row.kind)})</small></td>',
        f'<td style="{_CELL}">{escape(row.shape)}</td>',
        f'<td style="{_NUMBER}">{escape(params)}</td>',
    ]
    if connected:
        cells.append(f'<td style="{_CELL}">{"<br>".join(map(escape, row.connections)) if not level else ""}</td>')
    yield f"<tr>{''.join(cells)}</tr>"
    for child in row.children:
        yield from _lines(child, connected, level + 1)

"""What a notebook shows of a `History`: a table of its quantities, each with its curve. No library is needed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING

from jkeras._base.figures import INKS
from jkeras._base.types import Tree

if TYPE_CHECKING:
    from jkeras.callbacks.history import History

_WIDTH, _HEIGHT, _MOST_POINTS = 140, 28, 400
_STYLE = "text-align:right;padding:2px 10px"


def history_html(history: History) -> str:
    """The HTML of a history: first, last, lowest and highest value of each quantity, and its curve.

    Args:
        history: what `fit` returned.

    Example:
        >>> from jkeras.callbacks import History
        >>> history = History()
        >>> history.history["loss"] = [0.5, 0.25]
        >>> html = history_html(history)
        >>> html.count("<tr>"), "polyline" in html
        (2, True)
    """
    count = max((len(values) for values in history.history.values()), default=0)
    if not count:
        return "<p>History: no epochs yet</p>"
    titles = "".join(f'<th style="{_STYLE}">{t}</th>' for t in ("", "first", "last", "lowest", "highest", ""))
    rows = "".join(_row(str(name), list(values)) for name, values in history.history.items())
    epochs = f"{count} epoch{'s' * (count != 1)}"
    return f"<table><caption>History of {epochs}</caption><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table>"


def _row(name: str, values: list[Tree]) -> str:
    numbers = [_number(value) for value in values]
    finite = [(value, i) for i, value in enumerate(numbers) if math.isfinite(value)]
    cells = [_cell(numbers[0]), _cell(numbers[-1])] if numbers else ["", ""]
    for pick in (min, max):
        value, epoch = pick(finite, key=lambda pair: pair[0]) if finite else (math.nan, 0)
        cells.append(f"{_cell(value)} <small>(epoch {epoch + 1})</small>" if len(numbers) == len(values) and finite else "")
    drawn = "".join(f'<td style="{_STYLE}">{cell}</td>' for cell in cells)
    colour = INKS[1] if name.startswith("val_") else INKS[0]
    return f'<tr><th style="{_STYLE}">{escape(name)}</th>{drawn}<td>{_curve(numbers, colour)}</td></tr>'


def _number(value: Tree) -> float:
    """A value as a number; NaN if it is not one, such as a metric with a value for each class."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan


def _cell(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else str(value)


def _curve(values: Sequence[float], colour: str) -> str:
    step = -(-len(values) // _MOST_POINTS)
    kept = [(i, v) for i, v in enumerate(values) if math.isfinite(v) and (i % step == 0 or i == len(values) - 1)]
    if len(kept) < 2:
        return ""
    low, high = min(v for _, v in kept), max(v for _, v in kept)
    scale = (_HEIGHT - 4) / (high - low) if high > low else 0.0
    across = (_WIDTH - 4) / (len(values) - 1)
    points = " ".join(f"{2 + i * across:.1f},{_HEIGHT - 2 - (v - low) * scale:.1f}" for i, v in kept)
    line = f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
    return f'<svg width="{_WIDTH}" height="{_HEIGHT}">{line}</svg>'

"""Hands `History` its pictures: `visualization/` is loaded when the first one is asked for."""

from __future__ import annotations

from typing import Any

from jkeras._base.lazy import lazy_names
from jkeras.callbacks import history

_late, _ = lazy_names(__name__, {"plot_history": "jkeras.visualization", "history_html": "jkeras.visualization"})


def _plot(*args: Any, **options: Any) -> Any:
    return _late("plot_history")(*args, **options)


def _html(*args: Any, **options: Any) -> Any:
    return _late("history_html")(*args, **options)


history.connect(plot=_plot, html=_html)

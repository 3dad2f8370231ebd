"""`ListedTrackers`: Keras' `layer._metrics`, the metrics of a layer as a list to which a class may append."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, SupportsIndex

from jkeras.layer.tracking import Tracker

_IN_ATTRIBUTE = """Layer {layer!r} holds the metric {name!r} in an attribute, so it cannot be taken off the list alone. Delete or
replace the attribute: del layer.{name}"""
_KEPT = "_metrics_list"  # the attribute of a layer with what was appended


class ListedTrackers(list[Tracker]):
    """The metrics that a layer holds now. What is appended, the layer holds from then on; reading the list changes nothing.

    Args:
        holder: the layer.
        held: its metrics.

    Example:
        >>> from jkeras import layers, metrics
        >>> layer = layers.Layer()
        >>> layer.first = metrics.Mean(name="first")
        >>> layer._metrics.append(metrics.Mean(name="second"))
        >>> layer.first = None
        >>> [metric.name for metric in layer._metrics]
        ['second']
    """

    opens_as_list = True  # for `jkeras.tree`, to which other classes than lists themselves are leaves

    def __init__(self, holder: Any, held: Iterable[Tracker]):
        super().__init__(held)
        self._holder = holder

    def append(self, tracker: Tracker) -> None:
        """Let the layer hold one more."""
        self.extend([tracker])

    def insert(self, index: SupportsIndex, tracker: Tracker) -> None:
        """As `append`: the layer keeps its own order."""
        self.extend([tracker])

    def extend(self, trackers: Iterable[Tracker]) -> None:
        """Let the layer hold more."""
        more = list(trackers)
        vars(self._holder).setdefault(_KEPT, []).extend(more)
        super().extend(more)

    def remove(self, tracker: Tracker) -> None:
        """Take off what was appended.

        Raises:
            ValueError: an attribute holds it, or nothing does.
        """
        kept: list[Tracker] = vars(self._holder).get(_KEPT, [])
        if any(tracker is one for one in self) and not any(tracker is one for one in kept):
            raise ValueError(_IN_ATTRIBUTE.format(layer=self._holder.name, name=tracker.name))
        super().remove(tracker)
        kept.remove(tracker)

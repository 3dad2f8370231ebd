"""`AttributeTracker`: Keras' `layer._tracker`, by which a class makes a layer hold what no attribute of it does."""

from __future__ import annotations

from typing import Any, TypeVar

T = TypeVar("T")


class AttributeTracker:
    """The list of what a layer holds beside its attributes.

    Args:
        holder: the layer.
        kinds: the classes of what it may hold; anything else is let through.

    Attributes:
        locked: False. In Keras a built layer takes no more weights; here they may be added outside of `call` at any time.

    Example:
        >>> from jkeras.layers import Dense, Layer
        >>> class Heads(Layer):
        ...     def build(self, input_shape):
        ...         head = self._tracker.track(Dense(2))
        ...         head.build(input_shape)
        >>> heads = Heads()
        >>> heads.build((None, 3))
        >>> len(heads.weights)
        2
    """

    locked = False

    def __init__(self, holder: Any, kinds: tuple[type, ...]):
        self._holder, self._kinds = holder, kinds

    @property
    def _tracked(self) -> list[object]:
        return self._holder.__dict__.get("_tracked", [])  # type: ignore[no-any-return]

    def track(self, value: T) -> T:
        """Let the layer hold a layer, a weight or a metric, or a container of these.

        Args:
            value: to hold.

        Returns:
            The value.
        """
        if isinstance(value, self._kinds) and not any(value is one for one in self._tracked):
            self._holder._tracked = [*self._tracked, value]
        return value

    def untrack(self, value: object) -> None:
        """Let go of what `track` was given; attributes keep what they hold."""
        self._holder._tracked = [one for one in self._tracked if one is not value]

    def lock(self, msg: str | None = None) -> None:
        """Does nothing. In Keras the layer then takes no more weights, layers and metrics.

        Args:
            msg: the text of Keras' error for one.
        """

    def unlock(self) -> None:
        """Does nothing. In Keras the layer then takes weights, layers and metrics again."""

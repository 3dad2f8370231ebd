"""`Rewrite`: what stands between a layer's Variables and its maths.

A layer's `forward` takes weights; it need not know how they are kept. A rewrite makes them of what is kept: a kernel of a frozen
one and a product of two small matrices (`low_rank.py`). `.keras` and `.weights.h5` files hold what the rewrite says; `.h5` and
`.safetensors` files hold the Variables as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from typing import TYPE_CHECKING, Protocol

from jkeras._base.types import Tree, Weights

if TYPE_CHECKING:
    from jkeras.layer.base import Layer


class Rewrite(Protocol):
    """How a layer's weights are made of its Variables, and how `.keras` and `.weights.h5` files hold them.

    Attributes:
        frozen: the names of Variables that are not trained, even where the layer is.
    """

    frozen: tuple[str, ...]

    def read(self, layer: Layer, w: Weights) -> Weights:
        """The weights for `forward`.

        Args:
            layer: whose weights they are.
            w: the arrays of its Variables by name, in the compute dtype.
        """

    def save(self, layer: Layer, store: MutableMapping[str, Tree]) -> None:
        """Put what such a file should hold into a store, as `Layer.save_own_variables` does."""

    def load(self, layer: Layer, store: Mapping[str, Tree]) -> None:
        """Restore what `save` stored, as `Layer.load_own_variables` does."""

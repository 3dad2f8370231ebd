"""The parts of a `FeatureSpace`: what is done to one feature, and which features are crossed.

Keras has no public path for these classes; in files they have the place of its own ones.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jkeras._base.configurable import Configurable
from jkeras._base.registry import export
from jkeras.layer.base import Layer
from jkeras.layer.host_layer import check_choice
from jkeras.layers.features.category_encoding import CategoryEncoding
from jkeras.layers.features.discretization import Discretization
from jkeras.layers.features.hashing import HashedCrossing, Hashing
from jkeras.layers.features.index_lookup import IndexLookup
from jkeras.layers.identity import Identity

_HOME = "keras.src.layers.preprocessing.feature_space"


@export(f"{_HOME}.Feature")
class Feature(Configurable):
    """One feature of a table, and how it is encoded.

    Args:
        dtype: of the column: `"float32"`, `"int32"` or `"string"`.
        preprocessor: a layer that gets the column as `(batch, 1)`.
        output_mode: `"float"` takes the layer's result as it is, `"int"` too; `"one_hot"` encodes it.

    Raises:
        ValueError: another mode.
    """

    def __init__(self, dtype: str, preprocessor: Layer, output_mode: str):
        check_choice("Feature", "output_mode", output_mode, ("int", "one_hot", "float"))
        self.dtype, self.preprocessor, self.output_mode = dtype, preprocessor, output_mode


@export(f"{_HOME}.Cross")
class Cross(Configurable):
    """The combination of features, hashed into a number of bins.

    Args:
        feature_names: of two or more features.
        crossing_dim: the number of bins.
        output_mode: `"one_hot"`, or `"int"` for the number of the bin.

    Raises:
        ValueError: another mode.
    """

    def __init__(self, feature_names: Iterable[str], crossing_dim: int, output_mode: str = "one_hot"):
        check_choice("Cross", "output_mode", output_mode, ("int", "one_hot"))
        self.feature_names, self.crossing_dim, self.output_mode = tuple(feature_names), crossing_dim, output_mode

    @property
    def name(self) -> str:
        """The names of the features, with `_X_` between them."""
        return "_X_".join(self.feature_names)


@export(f"{_HOME}.TFDIdentity")
class TFDIdentity(Identity):
    """The identity, under the name that it has in Keras' files of a `FeatureSpace`."""


def bins_of(layer: Layer) -> int | None:
    """How many different integers a layer returns; None where that is not known.

    Example:
        >>> bins_of(Hashing(num_bins=8)), bins_of(Identity())
        (8, None)
    """
    known: tuple[tuple[tuple[type, ...], Any], ...] = (
        ((IndexLookup,), lambda: layer.vocabulary_size()),  # type: ignore[attr-defined]
        ((CategoryEncoding,), lambda: layer.num_tokens),  # type: ignore[attr-defined]
        ((Discretization,), lambda: layer.depth),  # type: ignore[attr-defined]
        ((Hashing, HashedCrossing), lambda: layer.num_bins),  # type: ignore[attr-defined]
    )
    return next((size() for classes, size in known if isinstance(layer, classes)), None)

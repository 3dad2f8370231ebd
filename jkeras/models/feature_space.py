"""`FeatureSpace`: the columns of a table as one vector, or a dict of encoded columns.

Each feature has a preprocessing layer, each cross a `HashedCrossing`; integers become one-hot vectors. The same steps run on a
dict of arrays, and on a dict of symbolic inputs: then they are the beginning of a model, of which the layers that need the host
run where its batches are made (`host_part.py`).
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.errors import describe, unknown_name
from jkeras._base.naming import auto_name
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.graph import KerasTensor
from jkeras.graph.keras_tensor import symbolic_leaves
from jkeras.layer.base import Layer
from jkeras.layer.host_layer import check_choice, host_array
from jkeras.layers.features.category_encoding import CategoryEncoding
from jkeras.layers.features.discretization import Discretization
from jkeras.layers.features.feature_normalization import Normalization
from jkeras.layers.features.hashing import HashedCrossing, Hashing
from jkeras.layers.features.integer_lookup import IntegerLookup
from jkeras.layers.features.string_lookup import StringLookup
from jkeras.layers.input import Input
from jkeras.layers.merging import Concatenate
from jkeras.layers.rescaling import Rescaling
from jkeras.models.feature import Cross, Feature, TFDIdentity, bins_of
from jkeras.saving.api import save_model

_ROWS = 32  # of data without batches that `adapt` reads at a time, as in Keras

_NOT_ADAPTED = """{name!r} has not seen data yet, and its features {features} learn from data. First call
feature_space.adapt(data), with a dict of columns or with batches of such dicts."""

_NOT_INTEGERS = """Feature {name!r} has output_mode='one_hot', so its preprocessor must return integers. It returns {dtype}.
Write output_mode='float', or 'int'."""

_UNKNOWN_SIZE = """Feature {name!r} has output_mode='one_hot', and it is not known how many different integers its preprocessor
{layer} returns. Write output_mode='int' and encode them yourself: CategoryEncoding(num_tokens=...)."""

_NOT_ENCODED = """Feature {name!r} cannot be concatenated with the others, because it has the dtype {dtype}. Write
output_mode='one_hot' for the feature, or output_mode='dict' for the FeatureSpace."""


@export("keras.utils.FeatureSpace")
class FeatureSpace(Layer):
    """The columns of a table, preprocessed and encoded.

    | kind of feature         | its column | encoded                                                    |
    |-------------------------|------------|------------------------------------------------------------|
    | `"float"`               | numbers    | as they are                                                |
    | `"float_rescaled"`      | numbers    | `x * scale + offset`                                       |
    | `"float_normalized"`    | numbers    | `(x - mean) / deviation`, which `adapt` measures           |
    | `"float_discretized"`   | numbers    | the bin, one-hot; `adapt` finds bins of equally many data  |
    | `"integer_categorical"` | integers   | the place in the vocabulary that `adapt` finds, one-hot    |
    | `"string_categorical"`  | strings    | the same                                                   |
    | `"integer_hashed"`      | integers   | the bin of the hash, one-hot                               |
    | `"string_hashed"`       | strings    | the same                                                   |

    The class has a method of the name of each kind, which takes its settings, and `feature` for a preprocessing layer of yours.

    Args:
        features: by name, each a kind from the table or what one of the methods returns.
        output_mode: `"concat"` for one vector, features first and then crosses, each in the order of their names; `"dict"` for
            the encoded features by name.
        crosses: tuples of names of features, or what `FeatureSpace.cross` returns: their combinations are hashed, one-hot.
        crossing_dim: bins for a cross.
        hashing_dim: bins for a hashed feature.
        num_discretization_bins: bins for a discretized feature.
        name: of the layer.

    Call:
        data: a dict of columns `(batch,)` or `(batch, 1)`, or of single values; or of symbolic tensors.

    Raises:
        ValueError: no features, an unknown kind, or a cross of features that are not there.

    Example:
        >>> space = FeatureSpace({"size": "float_normalized", "color": "string_categorical"})
        >>> space.adapt({"size": [1.0, 3.0], "color": ["red", "blue"]})
        >>> space({"size": [3.0], "color": ["red"]}).tolist()
        [[0.0, 1.0, 0.0, 1.0]]
        >>> sorted(space.get_inputs()), space.get_encoded_features().shape
        (['color', 'size'], (None, 4))
    """

    stored_whole = True  # it has a `.keras` file of its own
    compiled = False
    optimizer = None

    def __init__(
        self,
        features: Mapping[str, str | Feature],
        output_mode: str = "concat",
        crosses: Iterable[Iterable[str] | Cross] | None = None,
        crossing_dim: int = 32,
        hashing_dim: int = 32,
        num_discretization_bins: int = 32,
        name: str | None = None,
    ):
        super().__init__(name=name)
        if not features:
            raise ValueError("FeatureSpace: features is a dict of at least one feature, {name: kind}. Received: nothing.")
        check_choice("FeatureSpace", "output_mode", output_mode, ("concat", "dict"))
        self.output_mode, self.crossing_dim, self.hashing_dim = output_mode, crossing_dim, hashing_dim
        self.num_discretization_bins = num_discretization_bins
        self.features = {key: self._feature_of(key, feature) for key, feature in features.items()}
        self.crosses = [self._cross_of(cross) for cross in crosses or ()]
        self.crosses_by_name = {cross.name: cross for cross in self.crosses}
        self.preprocessors = {key: feature.preprocessor for key, feature in self.features.items()}
        self.crossers = {cross.name: HashedCrossing(cross.crossing_dim, name=cross.name) for cross in self.crosses}
        self.one_hot_encoders: dict[str, CategoryEncoding] = {}
        self.concat = Concatenate(axis=-1)
        self.inputs = {key: Input((1,), dtype=feature.dtype, name=key) for key, feature in self.features.items()}
        self.encoded_features: Tree = None
        self._is_adapted = False

    # features -------------------------------------------------------------------------------------------------------

    @classmethod
    def cross(cls, feature_names: Iterable[str], crossing_dim: int, output_mode: str = "one_hot") -> Cross:
        """A cross of features; see `Cross`."""
        return Cross(feature_names, crossing_dim, output_mode)

    @classmethod
    def feature(cls, dtype: str, preprocessor: Layer, output_mode: str) -> Feature:
        """A feature with a preprocessing layer of your choice; see `Feature`."""
        return Feature(dtype, preprocessor, output_mode)

    @classmethod
    def float(cls, name: str | None = None) -> Feature:
        """Numbers as they are."""
        return Feature("float32", TFDIdentity(dtype="float32", name=_layer_name(name, "float")), "float")

    @classmethod
    def float_rescaled(cls, scale: Any = 1.0, offset: Any = 0.0, name: str | None = None) -> Feature:
        """`x * scale + offset`."""
        return Feature("float32", Rescaling(scale, offset, name=_layer_name(name, "float_rescaled")), "float")

    @classmethod
    def float_normalized(cls, name: str | None = None) -> Feature:
        """Numbers of mean 0 and variance 1 over the data of `adapt`."""
        return Feature("float32", Normalization(name=_layer_name(name, "float_normalized")), "float")

    @classmethod
    def float_discretized(
        cls, num_bins: int | None, bin_boundaries: Any = None, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """The bin of a number.

        Args:
            num_bins: how many bins `adapt` makes; None with `bin_boundaries`.
            bin_boundaries: ascending, in place of `num_bins`.
            output_mode: `"one_hot"` or `"int"`.
            name: of the feature.
        """
        layer = Discretization(bin_boundaries, num_bins, name=_layer_name(name, "float_discretized"))
        return Feature("float32", layer, output_mode)

    @classmethod
    def integer_categorical(
        cls, max_tokens: int | None = None, num_oov_indices: int = 1, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """The index of an integer among those that `adapt` finds; see `IntegerLookup`."""
        layer = IntegerLookup(max_tokens, num_oov_indices, name=_layer_name(name, "integer_categorical"))
        return Feature("int32", layer, output_mode)

    @classmethod
    def string_categorical(
        cls, max_tokens: int | None = None, num_oov_indices: int = 1, output_mode: str = "one_hot", name: str | None = None
    ) -> Feature:
        """The index of a string among those that `adapt` finds; see `StringLookup`."""
        layer = StringLookup(max_tokens, num_oov_indices, name=_layer_name(name, "string_categorical"))
        return Feature("string", layer, output_mode)

    @classmethod
    def string_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """The bin of a string's hash; see `Hashing`."""
        return Feature("string", Hashing(num_bins, name=_layer_name(name, "string_hashed")), output_mode)

    @classmethod
    def integer_hashed(cls, num_bins: int, output_mode: str = "one_hot", name: str | None = None) -> Feature:
        """The bin of an integer's hash; see `Hashing`."""
        return Feature("int32", Hashing(num_bins, name=_layer_name(name, "integer_hashed")), output_mode)

    def _feature_of(self, name: str, feature: str | Feature) -> Feature:
        if isinstance(feature, Feature):
            return feature
        sizes = {
            "float_discretized": (self.num_discretization_bins,),
            "integer_hashed": (self.hashing_dim,),
            "string_hashed": (self.hashing_dim,),
        }
        if feature not in _KINDS:
            raise unknown_name(f"kind of feature for {name!r}:", feature, _KINDS)
        made: Feature = getattr(type(self), feature)(*sizes.get(feature, ()), name=name)
        return made

    def _cross_of(self, cross: Iterable[str] | Cross) -> Cross:
        if not isinstance(cross, Cross):
            if not self.crossing_dim:
                raise ValueError(f"FeatureSpace: crosses need crossing_dim, the number of bins. Received: {self.crossing_dim!r}.")
            cross = Cross(cross, self.crossing_dim)
        if strange := [name for name in cross.feature_names if name not in self.features]:
            raise ValueError(
                f"FeatureSpace: a cross combines features of this space, {', '.join(map(repr, self.features))}. Received: "
                f"{', '.join(map(repr, strange))}."
            )
        return cross

    # adapt ----------------------------------------------------------------------------------------------------------

    def adapt(self, dataset: Tree) -> None:
        """Let each feature learn from data: statistics, bins, vocabularies.

        Args:
            dataset: a dict of columns; or an iterable of dicts of columns or of single values: a dataset, a generator, a
                `PyDataset`. Of tuples the first entry counts.

        Raises:
            ValueError: it is neither, or there are no data.
        """
        if not isinstance(dataset, Mapping) and not _is_iterable(dataset):
            raise ValueError(f"adapt takes a dict of columns, or an iterable of such dicts. Received: {describe(dataset)}.")
        if isinstance(dataset, Iterator):
            dataset = list(dataset)  # each feature reads the data once
        for name in self._learning():
            self.preprocessors[name].adapt(_batches(dataset, name))  # type: ignore[attr-defined]
        self._is_adapted, self.encoded_features = True, None
        self.one_hot_encoders = {}
        self.get_encoded_features()
        self.built = True

    def _learning(self) -> list[str]:
        """The features whose preprocessors learn from data."""
        return [n for n, layer in self.preprocessors.items() if hasattr(layer, "adapt") and getattr(layer, "learns", True)]

    def _check_adapted(self) -> None:
        if not self._is_adapted and (names := self._learning()):
            raise ValueError(_NOT_ADAPTED.format(name=self.name, features=", ".join(map(repr, names))))

    # encoding -------------------------------------------------------------------------------------------------------

    def get_inputs(self) -> dict[str, KerasTensor]:
        """Symbolic inputs `(None, 1)` by the names of the features.

        Raises:
            ValueError: `adapt` is still to be called.
        """
        self._check_adapted()
        return self.inputs

    def get_encoded_features(self) -> Tree:
        """The encoding of `get_inputs()`: a symbolic tensor, or a dict of them.

        Raises:
            ValueError: `adapt` is still to be called.
        """
        self._check_adapted()
        if self.encoded_features is None:
            self.encoded_features = self._encoded(self.inputs)
        return self.encoded_features

    def __call__(self, data: Tree) -> Tree:
        """The encoding of a dict of columns, of single values, or of symbolic tensors."""
        self._check_adapted()
        if not isinstance(data, Mapping):
            raise ValueError(f"A FeatureSpace is called with a dict of columns. Received: {describe(data)}.")
        if data.keys() != self.features.keys():
            raise KeyError(f"{self.name!r} has the features {[*self.features]}. Received: {[*data]}.")
        if symbolic_leaves(data):
            return self._encoded(data)
        columns = {name: host_array(value, self.name) for name, value in data.items()}
        single = any(column.ndim == 0 for column in columns.values())
        found = self._encoded({name: x.reshape(-1, 1) if x.ndim < 2 else x for name, x in columns.items()})
        return jax.tree.map(lambda x: jnp.squeeze(x, 0) if x.shape[0] == 1 else x, found) if single else found

    def _encoded(self, columns: Mapping[str, Tree]) -> Tree:
        plain = {name: self.preprocessors[name](columns[name]) for name in sorted(self.features)}
        crossed = {
            name: self.crossers[name]([plain[f] for f in self.crosses_by_name[name].feature_names]) for name in self.crossers
        }
        encoded = {name: self._one_hot(name, self.features[name], self.preprocessors[name], x) for name, x in plain.items()}
        for name in sorted(crossed):
            encoded[name] = self._one_hot(name, self.crosses_by_name[name], self.crossers[name], crossed[name])
        if self.output_mode == "dict":
            return encoded
        for name, x in encoded.items():
            if x.dtype == object or str(x.dtype) == "string" or not jnp.issubdtype(x.dtype, jnp.floating):
                raise ValueError(_NOT_ENCODED.format(name=name, dtype=x.dtype))
        return self.concat([*encoded.values()]) if len(encoded) > 1 else next(iter(encoded.values()))

    def _one_hot(self, name: str, spec: Feature | Cross, layer: Layer, x: Tree) -> Tree:
        if spec.output_mode != "one_hot":
            return x
        if name not in self.one_hot_encoders:
            if not str(x.dtype).startswith("int"):
                raise ValueError(_NOT_INTEGERS.format(name=name, dtype=x.dtype))
            if (size := bins_of(layer)) is None:
                raise ValueError(_UNKNOWN_SIZE.format(name=name, layer=layer.name))
            self.one_hot_encoders[name] = CategoryEncoding(num_tokens=size, output_mode="multi_hot")
        return self.one_hot_encoders[name](x)

    # files ----------------------------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; what features learned is not among them."""
        config = super().get_config()
        del config["trainable"], config["dtype"]  # the constructor, Keras' too, does not take them
        return config

    def get_build_config(self) -> dict[str, Tree]:
        """That of each preprocessor."""
        return {name: layer.get_build_config() for name, layer in self.preprocessors.items()}

    def build_from_config(self, config: Any) -> None:
        """Make the preprocessors' weights; what they learned comes from the file."""
        for name, layer in self.preprocessors.items():
            if config.get(name) and not layer.built:
                layer.build_from_config(config[name])
        self._is_adapted = self.built = True

    def save(self, filepath: str | os.PathLike[str]) -> None:
        """Write a `.keras` file; `jkeras.models.load_model(filepath)` reads it.

        Args:
            filepath: ending in `.keras`.
        """
        save_model(self, filepath, include_optimizer=False)  # type: ignore[arg-type]


_KINDS = (
    "float", "float_rescaled", "float_normalized", "float_discretized", "integer_categorical", "string_categorical",
    "integer_hashed", "string_hashed",
)  # fmt: skip


def _layer_name(name: str | None, kind: str) -> str:
    return f"{name or auto_name(kind)}_preprocessor"


def _is_iterable(dataset: object) -> bool:
    indexed = hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")
    return (isinstance(dataset, Iterable) or indexed) and not isinstance(dataset, (str, bytes)) and not hasattr(dataset, "shape")


def _batches(dataset: Tree, name: str) -> Iterator[np.ndarray]:
    """The batches `(rows, 1)` of one feature."""
    if isinstance(dataset, Mapping):
        column = host_array(dataset[name], name)
        for start in range(0, len(column), _ROWS):
            yield _column(column[start : start + _ROWS])
        return
    items = iter(dataset) if isinstance(dataset, Iterable) else (dataset[i] for i in range(len(dataset)))
    values = (host_array((item[0] if isinstance(item, tuple) else item)[name], name) for item in items)
    for first in values:
        if np.ndim(first):
            yield _column(first)
        else:
            rows = [first, *itertools.islice(values, _ROWS - 1)]
            yield _column(host_array(np.stack([np.asarray(row) for row in rows]), name))


def _column(x: Any) -> Any:
    return x[:, None] if x.ndim == 1 else x

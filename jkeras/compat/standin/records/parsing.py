"""`tf.io.parse_single_example`: the features of a `tf.train.Example` as tensors, by a dict that says which and of what kind.

They are tensors on the host (`host_tensor.py`), since an example is text; `dataset.map` runs such a function element by element.
A list of any length gives what TensorFlow's sparse tensors give: `tf.sparse.to_dense(x)`, `x.values`, `x.dense_shape`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jax.typing import DTypeLike

from jkeras._base.types import Tree
from jkeras.compat.standin.data.structure import as_component
from jkeras.compat.standin.dtypes import as_dtype, numpy_dtype
from jkeras.compat.standin.host_tensor import STRING, encoded, host_tensor, text_of
from jkeras.compat.standin.records.messages import Example, Feature
from jkeras.compat.standin.records.sparse import Ragged

__all__ = [
    "FixedLenFeature",
    "FixedLenSequenceFeature",
    "VarLenFeature",
    "parse_example",
    "parse_single_example",
]

_LISTS = {"bytes_list": "tf.string", "float_list": "tf.float32", "int64_list": "tf.int64"}


class FixedLenFeature(NamedTuple):
    """A feature of a fixed shape.

    Attributes:
        shape: `[]` for one value.
        dtype: `tf.string`, `tf.float32` or `tf.int64`.
        default_value: for examples without the feature; None makes it an error.
    """

    shape: Any
    dtype: Any
    default_value: Any = None


class FixedLenSequenceFeature(NamedTuple):
    """A feature of rows of a fixed shape, as many as the example has.

    Attributes:
        shape: of a row.
        dtype: as for `FixedLenFeature`.
        allow_missing: must be True, as in TensorFlow.
        default_value: what fills up shorter features in `parse_example`.
    """

    shape: Any
    dtype: Any
    allow_missing: bool = False
    default_value: Any = None


class VarLenFeature(NamedTuple):
    """A feature of any length; it gives what `tf.sparse.to_dense` takes.

    Attributes:
        dtype: as for `FixedLenFeature`.
    """

    dtype: Any


def parse_single_example(
    serialized: Any, features: Mapping[str, Any], example_names: object = None, name: object = None
) -> dict[str, Any]:
    """The features of one example.

    Args:
        serialized: the text of a `tf.train.Example`.
        features: name -> `FixedLenFeature`, `FixedLenSequenceFeature` or `VarLenFeature`.
        example_names, name: have no effect.

    Returns:
        Name -> tensor; for a `VarLenFeature` what `tf.sparse.to_dense` takes. Integers have 32 bits, unless JAX's x64 is on.

    Raises:
        ValueError: a feature is missing without a default, has another kind or another number of values; or it is no example.

    Example:
        >>> from jkeras.compat.standin.records.messages import Features, FloatList
        >>> text = Example(Features({"x": Feature(float_list=FloatList([1.0, 2.0]))})).SerializeToString()
        >>> parse_single_example(text, {"x": FixedLenFeature([2], "float32")})["x"].tolist()
        [1.0, 2.0]
    """
    found = Example.FromString(text_of(serialized)).features.feature
    return {key: _tensor(key, wanted, found.get(key)) for key, wanted in features.items()}


def parse_example(
    serialized: Any, features: Mapping[str, Any], example_names: object = None, name: object = None
) -> dict[str, Any]:
    """The features of a batch of examples, each with the batch's axis first; arguments as for `parse_single_example`."""
    texts = encoded(serialized)
    if texts.ndim == 0:
        return parse_single_example(serialized, features)
    rows = [parse_single_example(text, features) for text in texts.ravel()]
    return {key: _joined(wanted, [row[key] for row in rows]) for key, wanted in features.items()}


def _tensor(key: str, wanted: Any, feature: Feature | None) -> Any:
    if not isinstance(wanted, (FixedLenFeature, FixedLenSequenceFeature, VarLenFeature)):
        raise TypeError(f"Feature {key!r} takes FixedLenFeature, FixedLenSequenceFeature or VarLenFeature. Received: {wanted!r}.")
    values = _values(key, as_dtype(wanted.dtype).name, feature)
    if isinstance(wanted, VarLenFeature):
        row = _array([] if values is None else values, wanted.dtype)
        return Ragged(host_tensor(row), host_tensor(np.arange(len(row))[:, None]), host_tensor(np.array([len(row)])))
    shape = tuple(int(n) for n in np.ravel(np.asarray(wanted.shape, int)))
    if isinstance(wanted, FixedLenSequenceFeature):
        return host_tensor(_array([] if values is None else values, wanted.dtype).reshape(-1, *shape))
    if values is None:
        if wanted.default_value is None:
            raise ValueError(f"The example has no feature {key!r}. Give a default: FixedLenFeature(shape, dtype, default_value).")
        return host_tensor(np.broadcast_to(_array(wanted.default_value, wanted.dtype), shape))
    array = _array(values, wanted.dtype)
    if array.size != int(np.prod(shape)):
        raise ValueError(
            f"Feature {key!r} has {array.size} values. Expected the shape {shape}. For any length, write VarLenFeature(dtype)."
        )
    return host_tensor(array.reshape(shape))


def _values(key: str, dtype: str, feature: Feature | None) -> list[Any] | None:
    """The values of a feature; None if the example does not have it."""
    kind = None if feature is None else feature.WhichOneof()
    if kind is None:
        return None
    if _LISTS[kind] != f"tf.{dtype}":
        raise ValueError(f"Feature {key!r} is a {kind}, whose dtype is {_LISTS[kind]}. Received dtype=tf.{dtype}.")
    return [*getattr(feature, kind)]


def _array(values: Any, dtype: DTypeLike) -> np.ndarray:
    return as_component(np.asarray(encoded(values) if numpy_dtype(dtype) == STRING else values, numpy_dtype(dtype)))


def _joined(wanted: Any, rows: list[Tree]) -> Any:
    if isinstance(wanted, FixedLenFeature):
        return host_tensor(np.stack([np.asarray(row) for row in rows]))
    if isinstance(wanted, VarLenFeature):
        lengths = [len(row.values) for row in rows]
        indices = [(at, place) for at, length in enumerate(lengths) for place in range(length)]
        joined = np.concatenate([np.asarray(row.values) for row in rows])
        return Ragged(
            host_tensor(joined),
            host_tensor(np.array(indices, int).reshape(-1, 2)),
            host_tensor(np.array([len(rows), max(lengths, default=0)])),
        )
    longest, fill = max(len(row) for row in rows), wanted.default_value
    shape = (len(rows), longest, *rows[0].shape[1:])
    joined = np.full(shape, (b"" if rows[0].dtype == STRING else 0) if fill is None else fill, rows[0].dtype)
    for at, row in enumerate(rows):
        joined[at, : len(row)] = row
    return host_tensor(joined)

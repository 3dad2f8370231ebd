"""`Hashing` and `HashedCrossing`: strings and integers of any kind in a fixed number of bins, without a vocabulary."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from jkeras._base.config import floatx
from jkeras._base.errors import describe
from jkeras._base.registry import export
from jkeras._base.types import DTypeLike, Tree
from jkeras._text.arrays import TextArray, as_texts
from jkeras._text.farmhash import concatenated, fingerprints
from jkeras.graph import Spec
from jkeras.layer.host_layer import HostLayer, check_choice, host_array, integer_dtype, salt_of
from jkeras.layers.features.encoding_shapes import encoded, encoded_shape
from jkeras.layers.features.index_lookup import buckets

_CROSSES = np.uint64(0xDECAFCAFFE)  # where TensorFlow begins to hash a cross
_MODES = ("int", "one_hot", "multi_hot", "count")


class _Binned(HostLayer):
    """What both layers share: bins, output modes, dtypes."""

    def __init__(self, num_bins: int, output_mode: str, modes: tuple[str, ...], sparse: bool, dtype: Any, **kwargs: Any):
        kind = type(self).__name__
        check_choice(kind, "output_mode", output_mode, modes)
        if not isinstance(num_bins, int) or num_bins <= 0:
            raise ValueError(f"{kind}: num_bins is a positive integer. Received: num_bins={num_bins!r}.")
        if dtype is None:
            dtype = "int64" if output_mode == "int" else floatx()
        super().__init__(dtype=dtype, **kwargs)
        if output_mode == "int" and self.compute_dtype not in ("int32", "int64"):
            raise ValueError(f"{kind}: with output_mode='int', dtype is 'int32' or 'int64'. Received: dtype={dtype!r}.")
        self._refuse("sparse", sparse, "sparse tensors")
        self.num_bins, self.output_mode, self.sparse = num_bins, output_mode, False

    @property
    def _result_dtype(self) -> str:
        return integer_dtype() if self.compute_dtype == "int64" else self.compute_dtype

    def _encoded(self, bins: np.ndarray) -> np.ndarray:
        return encoded(bins, self.output_mode, self.num_bins, self._result_dtype)


@export("keras.layers.Hashing")
class Hashing(_Binned):
    """`bin = hash(x) mod num_bins`, for strings, and for integers as their decimal digits.

    The hash is FarmHash64, or with `salt` SipHash-2-4, with the values of TensorFlow. The layer runs on the host, in NumPy.

    Args:
        num_bins: the number of bins, the one of `mask_value` included.
        mask_value: a string or integer that has bin 0 for itself.
        salt: a number or two, the key of SipHash.
        output_mode: `"int"` for bins, `"one_hot"`, `"multi_hot"` or `"count"`, as for `CategoryEncoding`.
        sparse: must be False: there are no sparse tensors here.
        kwargs: as every layer; `dtype` is that of the output, default int64, where JAX has it, and `floatx()` for encodings.

    Raises:
        ValueError: arguments that do not fit together.

    Example:
        >>> Hashing(num_bins=3)([["A"], ["B"], ["C"], ["D"], ["E"]]).tolist()
        [[1], [0], [1], [1], [2]]
        >>> Hashing(num_bins=3, salt=[133, 137])([["A"], ["B"], ["C"], ["D"], ["E"]]).tolist()
        [[1], [2], [1], [0], [2]]

    Source: Weinberger and others, "Feature hashing for large scale multitask learning", 2009.
    """

    def __init__(
        self,
        num_bins: int,
        mask_value: str | int | None = None,
        salt: Any = None,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: DTypeLike | None = None,
        **kwargs: Any,
    ):
        super().__init__(num_bins, output_mode, _MODES, sparse, dtype, **kwargs)
        self.mask_value, self.salt = mask_value, salt_of("Hashing", salt)

    def on_host(self, x: Tree) -> np.ndarray:
        """The bins, or their encoding."""
        x = host_array(x, self.name)
        masked = self.mask_value is not None and self.num_bins > 1
        bins = buckets(_digits(x), self.num_bins - masked, self.salt).reshape(x.shape)
        if masked:
            value = as_texts(self.mask_value)[()] if isinstance(x, TextArray) else self.mask_value
            bins = np.where(np.asarray(np.asarray(x) == value, bool), 0, bins + 1)
        return self._encoded(bins)

    def output_spec(self, x: Spec) -> Spec:
        """Bins in the shape of the input, or their encoding."""
        return Spec(encoded_shape(x.shape, self.output_mode, self.num_bins), self._result_dtype)


@export("keras.layers.HashedCrossing")
class HashedCrossing(_Binned):
    """The bin of each combination of two or more features, `hash(x_1, ..., x_k) mod num_bins`, with the values of TensorFlow.

    The layer runs on the host, in NumPy.

    Args:
        num_bins: the number of bins.
        output_mode: `"int"`, or `"one_hot"`.
        sparse: must be False: there are no sparse tensors here.
        name: of the layer.
        dtype: of the output, default int64, where JAX has it, and `floatx()` for `"one_hot"`.
        kwargs: as every layer.

    Call:
        x: a list of features, strings or integers, all of shape `(batch,)` or `(batch, 1)`, or single values.

    Raises:
        ValueError: fewer than two features, or of different or other shapes.

    Example:
        >>> HashedCrossing(num_bins=5)([["A", "B", "A", "B"], [101, 101, 101, 102]]).tolist()
        [1, 4, 1, 1]
    """

    def __init__(
        self,
        num_bins: int,
        output_mode: str = "int",
        sparse: bool = False,
        name: str | None = None,
        dtype: DTypeLike | None = None,
        **kwargs: Any,
    ):
        super().__init__(num_bins, output_mode, ("int", "one_hot"), sparse, dtype, name=name, **kwargs)

    def _as_input(self, value: Tree) -> Tree:
        self._check_count(value)
        return [host_array(feature, self.name) for feature in value]

    def _check_count(self, features: Tree) -> None:
        if not isinstance(features, (list, tuple)) or len(features) < 2:
            raise ValueError(f"{self.name!r} takes a list of two or more features. Received: {describe(features)}.")

    def on_host(self, x: Tree) -> np.ndarray:
        """The bins of the crosses, or their encoding."""
        features = [host_array(feature, self.name) for feature in x]
        for feature in features:
            if not isinstance(feature, TextArray) and feature.dtype.kind not in "iub":
                raise ValueError(f"{self.name!r} crosses strings and integers. Received: {describe(feature)}.")
        self._shape_of(features)  # checks them
        parts = [fingerprints(f.ravel().tolist()) if isinstance(f, TextArray) else _bits(f.ravel()) for f in features]
        start = np.full(len(parts[0]), _CROSSES)
        bins = functools.reduce(concatenated, parts, start) % np.uint64(self.num_bins)
        return self._encoded(bins.astype(np.int64).reshape(features[0].shape))

    def _shape_of(self, features: list[Any]) -> tuple[int | None, ...]:
        shapes = [tuple(feature.shape) for feature in features]
        first = shapes[0]
        if len(first) > 2 or (len(first) == 2 and first[1] != 1) or any(shape != first for shape in shapes):
            raise ValueError(
                f"{self.name!r} takes features of one shape: (), (batch,) or (batch, 1). Received shapes: "
                f"{', '.join(map(str, shapes))}."
            )
        return first

    def output_spec(self, x: Tree) -> Spec:
        """Bins in the shape of a feature, or their encoding."""
        self._check_count(x)
        return Spec(encoded_shape(self._shape_of(x), self.output_mode, self.num_bins), self._result_dtype)


def _bits(numbers: np.ndarray) -> np.ndarray:
    return numbers.astype(np.int64).view(np.uint64)


def _digits(x: np.ndarray) -> list[bytes]:
    """Values as the texts that are hashed: floats without their fraction, booleans as words."""
    if isinstance(x, TextArray):
        flat: list[bytes] = x.ravel().tolist()
        return flat
    if x.dtype.kind == "b":
        return [b"true" if value else b"false" for value in x.ravel().tolist()]
    return [b"%d" % value for value in (x if x.dtype.kind in "iu" else np.trunc(x)).ravel().tolist()]

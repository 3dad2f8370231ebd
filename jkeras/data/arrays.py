"""Turns what you pass into arrays: lists of numbers, pandas tables, numpy and jax arrays, and nests of them.

| received                    | becomes                                          |
|-----------------------------|--------------------------------------------------|
| any float dtype             | `floatx()`                                       |
| int64, uint64               | int32, uint32 (JAX's widest, unless x64 is on)   |
| uint8, int32, bool, ...     | as it is                                         |
| (nested) lists of numbers   | one array                                        |
| lists, tuples, dicts of the above | the same nest, one array a leaf            |
| sparse matrices             | dense, where a batch of their rows is made       |
| `np.memmap` of these dtypes | the same, where a batch of their rows is made    |
| strings, objects, ragged    | an error that says how to convert them           |

Numpy arrays stay on the host and jax arrays on their device; arrays of the right dtype are not copied.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from jkeras._base.config import floatx
from jkeras._base.dtypes import is_float
from jkeras._base.errors import describe
from jkeras._base.types import Tree
from jkeras._text.arrays import TextArray, as_texts, is_text
from jkeras.data.later_rows import LaterRows, MappedRows, dense_rows
from jkeras.data.sparse_rows import SparseRows, holds_sparse, sparse_rows
from jkeras.graph.spec import Spec

_NUMBERS = (bool, int, float, complex, np.generic)


def is_array(value: object) -> bool:
    """Whether a value is a single array: numpy, jax, a sparse matrix, a pandas table or column, or anything with `__array__`."""
    return isinstance(value, (np.ndarray, jax.Array, LaterRows)) or any(
        hasattr(value, name) for name in ("to_numpy", "__array__", "__jax_array__", "tocoo", "todense")
    )


def is_arrays(value: object) -> bool:
    """Whether a value is an array, a list of numbers, or a nest of these (and not a stream of batches)."""
    if isinstance(value, (list, tuple)):
        return all(is_arrays(v) for v in value[:8])
    if isinstance(value, Mapping) and not holds_sparse(value):
        return all(is_arrays(v) for v in value.values())
    return value is None or isinstance(value, (str, bytes, *_NUMBERS)) or is_array(value)


def to_arrays(value: object, place: str) -> Tree:
    """The same nest with an array at each leaf, in the dtypes of the table above.

    Args:
        value: an array, a list of numbers, or a nest (dict, list, tuple) of these; None stays None.
        place: what to call it in errors, such as `x`.

    Raises:
        ValueError: strings, objects, ragged lists, scalars; the text names the place and the conversion.

    Example:
        >>> to_arrays([[1, 2], [3, 4.5]], "x")
        array([[1. , 2. ],
               [3. , 4.5]], dtype=float32)
    """
    return dense_rows(to_rows(value, place))


def to_rows(value: object, place: str) -> Tree:
    """`to_arrays` with `LaterRows` in place of sparse matrices, and of mapped files whose numbers have another dtype.

    Args:
        value, place: as for `to_arrays`.
    """
    if value is None:
        return None
    if isinstance(value, Mapping) and not holds_sparse(value):  # one of SciPy's sparse matrices is a dict
        return {k: to_rows(v, f"{place}[{k!r}]") for k, v in value.items()}
    if isinstance(value, (list, tuple)) and not _holds_numbers(value):
        parts = [to_rows(v, f"{place}[{i}]") for i, v in enumerate(value)]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    array = _as_array(value, place)
    if not array.ndim:
        raise ValueError(
            f"`{place}` is the single number {describe(value)}; the first dimension must count samples: write [{value}]."
        )
    if isinstance(value, np.memmap) and array.dtype.kind in "iuf" and (dtype := _wanted(array.dtype)) != array.dtype:
        return MappedRows(array, dtype, lambda rows: _cast(rows, place))
    return _cast(array, place)


def to_host_arrays(value: object, place: str) -> Tree:
    """The same nest with an array at each leaf, as it is: for functions on the host. Texts become arrays of `bytes`.

    Args:
        value, place: as for `to_arrays`.

    Raises:
        ValueError: objects that are not texts, ragged lists.

    Example:
        >>> to_host_arrays({"word": ["a", "b"], "count": [1, 2]}, "x")["word"].tolist()
        [b'a', b'b']
    """
    if value is None:
        return None
    if isinstance(value, Mapping) and not holds_sparse(value):
        return {k: to_host_arrays(v, f"{place}[{k!r}]") for k, v in value.items()}
    if isinstance(value, (list, tuple)) and not _holds_numbers(value):
        return type(value)(to_host_arrays(v, f"{place}[{i}]") for i, v in enumerate(value))
    plain = value.to_numpy() if hasattr(value, "to_numpy") else value
    if is_text(plain):
        return as_texts(plain)
    array = _as_array(value, place)
    return array if isinstance(array, jax.Array) or array.dtype.kind in "biufc" else _cast(array, place)


def _holds_numbers(value: object) -> bool:
    """Whether nested lists hold numbers or strings at the bottom: then they are one array."""
    while isinstance(value, (list, tuple)):
        if not value:
            return True
        value = value[0]
    return isinstance(value, (str, bytes, *_NUMBERS)) or (is_array(value) and getattr(value, "ndim", 1) == 0)


def _as_array(value: object, place: str) -> Tree:
    if isinstance(value, (jax.Array, TextArray, LaterRows)):
        return value
    if hasattr(value, "__jax_array__"):
        return value.__jax_array__()
    if holds_sparse(value):
        return sparse_rows(value)
    if hasattr(value, "to_numpy"):
        return _from_table(value, place)
    if isinstance(value, (str, bytes)) or not (is_array(value) or isinstance(value, (list, tuple, *_NUMBERS))):
        raise ValueError(f"`{place}` is {describe(value)} of type {type(value).__name__}; expected arrays of numbers.")
    try:
        return np.asarray(value)
    except (ValueError, TypeError) as error:
        raise ValueError(
            f"`{place}` is a list whose rows differ in length or kind ({error}). Pad the rows to one length first."
        ) from error


def _from_table(table: Any, place: str) -> np.ndarray:
    """A pandas DataFrame or Series; columns of several numeric kinds become floats."""
    array = table.to_numpy()
    if array.dtype != object:
        return array
    kinds = dict(zip(table.columns, table.dtypes)) if hasattr(table, "columns") else {place: table.dtype}
    strange = [f"{name!r} ({dtype})" for name, dtype in kinds.items() if getattr(dtype, "kind", "O") not in "biuf"]
    if strange:
        raise ValueError(
            f"`{place}` has columns that are not numbers: {', '.join(strange)}. Drop them or turn them into numbers first, "
            "for example with pandas.get_dummies or .astype('category').cat.codes."
        )
    return table.to_numpy(dtype=floatx())


def _wanted(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """What a dtype of numbers becomes."""
    return np.dtype(floatx()) if is_float(dtype) else np.dtype(jax.dtypes.canonicalize_dtype(dtype))


def _cast(array: Tree, place: str) -> Tree:
    dtype = array.dtype
    if isinstance(array, MappedRows):
        return array
    if isinstance(array, SparseRows):
        return array.with_entries(_cast(array.entries, place))
    if isinstance(array, TextArray):  # made by `to_host_arrays`, and on its way to a function on the host
        return array
    if is_float(dtype):
        return array if dtype == floatx() else array.astype(floatx())
    if not isinstance(array, jax.Array) and dtype.kind not in "biuc":
        raise ValueError(
            f"`{place}` has dtype {dtype}{_first_stranger(array)}; expected numbers. "
            f"Convert it first: {place}.astype('float32'), or turn words into integers with a table or a StringLookup layer."
        )
    narrow = _wanted(dtype)
    if dtype == narrow:
        return array
    if dtype.kind in "iu" and array.size:
        bounds = np.iinfo(narrow)
        if array.min() < bounds.min or array.max() > bounds.max:
            raise ValueError(
                f"`{place}` holds {dtype} values outside {narrow} ({array.min()} to {array.max()}), and JAX computes "
                f"in {narrow}. Scale or re-number them, convert to float32, or set jax.config.update('jax_enable_x64', True)."
            )
    return array.astype(narrow)


def _first_stranger(array: np.ndarray) -> str:
    for value in array.ravel().tolist():
        if not isinstance(value, (int, float)):
            return f" (it holds {describe(value)})"
    return " (rows of different length?)" if array.size else ""


def common_length(x: Tree, y: Tree = None, sample_weight: Tree = None) -> int:
    """The number of samples, the same for all arrays.

    Raises:
        ValueError: there are none, or the arrays differ; the text lists every length with its place.
    """
    sizes = {leaf.shape[0] for leaf in jax.tree.leaves((x, y, sample_weight))}
    if len(sizes) == 1 and (size := sizes.pop()):
        return size
    nests = (("x", x), ("y", y), ("sample_weight", sample_weight))
    places = [(name + jax.tree_util.keystr(at), leaf) for name, nest in nests for at, leaf in jax.tree.leaves_with_path(nest)]
    listed = ", ".join(f"{place}: {leaf.shape[0]}" for place, leaf in places)
    if len(sizes) > 1:
        raise ValueError(
            f"All arrays must hold the same number of samples (their first dimension). Received {listed}. "
            "Cut or pad them so that row i of each belongs to sample i."
        )
    raise ValueError(f"There is no data: received {listed or 'no array'}. Pass arrays with at least one sample.")


def spec_of(tree: Tree) -> Tree:
    """The same nest with `Spec` leaves whose first dimension, the batch, is None.

    Example:
        >>> spec_of(np.zeros((5, 3), np.float32))
        Spec((None, 3), float32)
    """
    return jax.tree_util.tree_map(lambda a: Spec((None, *a.shape[1:]), a.dtype), tree)

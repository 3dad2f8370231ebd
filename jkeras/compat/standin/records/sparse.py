"""`tf.sparse.to_dense`, for features of any length; there are no sparse tensors besides them."""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

import numpy as np

from jkeras.compat.standin.host_tensor import STRING, host_tensor

__all__ = ["to_dense"]


class Ragged(NamedTuple):
    """The values of a feature of any length, with TensorFlow's names for sparse tensors.

    Attributes:
        values: all values.
        indices: the position of each.
        dense_shape: of the array that holds them all.
    """

    values: Any
    indices: Any
    dense_shape: Any

    def __array__(self, *args: object, **kwargs: object) -> NoReturn:
        raise TypeError("A VarLenFeature has any length. Write tf.sparse.to_dense(x) first.")


def to_dense(sp_input: Ragged, default_value: Any = None, validate_indices: bool = True, name: object = None) -> Any:
    """The array of a feature of any length.

    Args:
        sp_input: from `parse_single_example`, or from `parse_example`, whose rows are filled up.
        default_value: what fills up; 0 or an empty text by default.
        validate_indices, name: have no effect.
    """
    values = np.asarray(sp_input.values)
    fill = default_value if default_value is not None else b"" if values.dtype == STRING else 0
    dense = np.full(tuple(np.asarray(sp_input.dense_shape)), fill, values.dtype)
    dense[tuple(np.asarray(sp_input.indices).T)] = values
    return host_tensor(dense)

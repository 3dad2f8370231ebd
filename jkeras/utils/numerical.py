"""Labels as one-hot rows, and rows of unit norm.

Both take NumPy arrays and JAX arrays and return the same kind. On JAX arrays they can be traced: since a compiled function
cannot look at values, an out-of-range label then gives a row of zeros instead of an error.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras._base import config
from jkeras._base.dtypes import is_float, standardize_dtype
from jkeras._base.old_arguments import renamed
from jkeras._base.plain_numbers import INTEGERS
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras.nn.lengths import unit_vectors

Array = np.ndarray | jax.Array


@export("keras.utils.to_categorical")
@renamed(y="x")
def to_categorical(x: Tree, num_classes: int | None = None, dtype: DTypeLike | None = None) -> Array:
    """One-hot rows of integer labels, the class axis last.

        y[..., k] = 1 if x[...] == k else 0

    Args:
        x: integers 0 to `num_classes - 1`, of any shape; a trailing dimension of 1 is dropped. Fractions in NumPy arrays and
            lists are truncated. Keras 2 called it `y`.
        num_classes: how many classes; None (or 0) takes the largest label plus one.
        dtype: of the result, as in Keras 2. None, the default, follows Keras 3: float64, and `floatx()` for JAX arrays.

    Returns:
        An array of shape `(*x.shape, num_classes)`: a JAX array for a JAX array, else a NumPy array.

    Raises:
        ValueError: a label is out of range (Keras counts negative labels from the end); there are no labels to infer the number
            of classes from. In a JAX array, a label out of range gives a row of zeros, under `jit` or not.

    Example:
        >>> to_categorical([0, 2, 1], num_classes=3)
        array([[1., 0., 0.],
               [0., 0., 1.],
               [0., 1., 0.]])
    """
    if isinstance(x, jax.Array):
        return _one_hot_jax(x, num_classes, standardize_dtype(dtype))
    labels: np.ndarray = _drop_last_one(np.asarray(x).astype(np.int64))
    num_classes = num_classes or _count_classes(labels)
    if labels.size and (labels.min() < 0 or labels.max() >= num_classes):
        raise ValueError(
            f"Received labels from {labels.min()} to {labels.max()} with num_classes={num_classes}: expected 0 to "
            f"{num_classes - 1}. Write num_classes={max(labels.max() + 1, 1)} or renumber the labels, for example with "
            f"`numpy.unique(x, return_inverse=True)[1]`."
        )
    out = np.zeros((labels.size, num_classes), "float64" if dtype is None else jnp.dtype(dtype))
    out[np.arange(labels.size), labels.ravel()] = 1
    return out.reshape(*labels.shape, num_classes)


def _one_hot_jax(x: jax.Array, num_classes: int | None, dtype: str) -> jax.Array:
    if not num_classes:
        if isinstance(x, jax.core.Tracer):
            raise ValueError(
                "to_categorical cannot count the classes inside a compiled function: the shape of the result would depend on "
                "values. Pass num_classes=..."
            )
        num_classes = _count_classes(np.asarray(x).astype(np.int64))
    return jax.nn.one_hot(_drop_last_one(x), num_classes, dtype=dtype)


def _drop_last_one(x: Tree) -> Tree:
    return x.reshape(x.shape[:-1]) if x.ndim > 1 and x.shape[-1] == 1 else x


def _count_classes(labels: np.ndarray) -> int:
    if not labels.size:
        raise ValueError(f"Received no labels (shape {labels.shape}) and no num_classes. Pass num_classes=...")
    return max(int(labels.max()) + 1, 1)


@export("keras.utils.normalize", "keras.utils.np_utils.normalize")
def normalize(x: Tree, axis: int | tuple[int, ...] | None = -1, order: int = 2) -> Array:
    """Divide an array by its norms along an axis.

        y = x / (sum_i |x_i|^order)^(1 / order)

    Zeros stay zeros. JAX arrays are divided by at least `epsilon()`, and a vector of zeros has no gradient.

    Args:
        x: an array, of floats or integers. A NumPy vector `(n,)` gives `(1, n)`, as in Keras.
        axis: the axis of the vectors, default -1. None or a pair of axes takes the matrix norm as `numpy.linalg.norm` defines it;
            for JAX arrays and order 2, the root of the sum of squares.
        order: the order of the norm, default 2.

    Returns:
        An array of the same shape: a NumPy array for a NumPy array, else a JAX array. (Keras fails with NumPy arrays and
        `axis=0`, and with JAX arrays of integers.)

    Raises:
        ValueError: `order` is not a positive integer, for JAX arrays.

    Example:
        >>> import numpy as np
        >>> normalize(np.array([[3.0, 4.0], [0.0, 0.0]]))
        array([[0.6, 0.8],
               [0. , 0. ]])
    """
    if not isinstance(x, np.ndarray):
        return _normalize_jax(x, axis, order)
    norm = np.linalg.norm(x, order, axis, keepdims=True)
    out = x / np.where(norm == 0, np.ones_like(norm), norm)
    return out[None] if x.ndim == 1 else out


def _normalize_jax(x: Tree, axis: int | tuple[int, ...] | None, order: int) -> jax.Array:
    if not isinstance(order, INTEGERS) or order < 1:
        raise ValueError(f"order={order!r}: expected a positive integer for a JAX array, such as 2.")
    x = jnp.atleast_1d(jnp.asarray(x))
    x = x if is_float(x.dtype) else x.astype(config.floatx())
    return unit_vectors(x, axis, config.epsilon(), order)

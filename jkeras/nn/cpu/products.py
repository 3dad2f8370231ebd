"""The kernel's gradient of a product of many rows: oneDNN sums over them as fast as it multiplies, which XLA does not."""

from __future__ import annotations

import math

from jax.lax import PrecisionLike

from jkeras._base.types import Array
from jkeras.nn import product
from jkeras.nn.cpu import onednn

# Below, XLA's own product is as fast.
_FEWEST_MULTIPLICATIONS = 1 << 22


def kernel_gradient(x: Array, dy: Array, precision: PrecisionLike = None) -> Array:
    """`x^T dy` of `(rows, inputs)` and `(rows, units)`."""
    large = math.prod(x.shape) * dy.shape[1] >= _FEWEST_MULTIPLICATIONS
    if large and x.dtype == "float32" and onednn.is_there():
        return _by_library(x, dy)
    return product.kernel_gradient.general(x, dy, precision=precision)


_by_library = onednn.operation(
    "product_library",
    "__onednn$matmul",
    lambda x, dy: (x.shape[1], dy.shape[1]),
    lambda: {"onednn_matmul_config": {"transpose_a": True, "transpose_b": False}},
    lambda x, dy: product.kernel_gradient.general(x, dy, precision=None),
)

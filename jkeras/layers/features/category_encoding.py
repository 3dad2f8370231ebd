"""`CategoryEncoding`: integers below a known number as zeros and ones, or counts."""

from __future__ import annotations

from typing import Any, Unpack

from jkeras._base.registry import export
from jkeras._base.types import Array, Weights
from jkeras.layer.base import BaseArguments, Layer
from jkeras.layer.host_layer import check_choice
from jkeras.layers.features.encoding_shapes import OLD_MODES
from jkeras.nn import encoding


@export("keras.layers.CategoryEncoding")
class CategoryEncoding(Layer):
    """Integers `0 <= i < num_tokens` as arrays with an axis of that size.

    | `output_mode` | input         | output                                                                          |
    |---------------|---------------|---------------------------------------------------------------------------------|
    | `"one_hot"`   | `(..., n)`    | `(..., n, num_tokens)`, or `(..., num_tokens)` where `n` is 1: 1 at the integer |
    | `"multi_hot"` | `(..., n)`    | `(..., num_tokens)`: 1 at each integer of the last axis                         |
    | `"count"`     | `(..., n)`    | `(..., num_tokens)`: how often each occurs, or the sum of `count_weights`       |

    Args:
        num_tokens: the number of integers.
        output_mode: see the table.
        sparse: must be False: JAX has no sparse tensors here.
        kwargs: as every layer.

    Call:
        x: integers. Those outside the range count nowhere.
        count_weights: the weight of each integer, in the shape of `x`; for `"count"` alone.

    Raises:
        ValueError: `num_tokens` is missing or not positive, another mode, or weights that are not used.

    Example:
        >>> import numpy as np
        >>> CategoryEncoding(3)(np.array([[0, 2], [1, 1]])).tolist()
        [[1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]
    """

    def __init__(
        self,
        num_tokens: int | None = None,
        output_mode: str = "multi_hot",
        sparse: bool = False,
        **kwargs: Unpack[BaseArguments],
    ):
        super().__init__(**kwargs)
        if num_tokens is None or num_tokens < 1:
            raise ValueError(
                f"num_tokens is the number of integers, 1 or more. Received: num_tokens={num_tokens!r}. Where it is not known, "
                "use IntegerLookup and its adapt()."
            )
        self.num_tokens, self.output_mode = num_tokens, OLD_MODES.get(output_mode, output_mode)
        check_choice("CategoryEncoding", "output_mode", self.output_mode, ("one_hot", "multi_hot", "count"))
        if sparse:
            raise ValueError("CategoryEncoding: sparse=True asks for sparse tensors, which are not supported. Leave it out.")
        self.sparse = False

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments; as in Keras without `sparse`."""
        return {name: value for name, value in super().get_config().items() if name != "sparse"}

    def forward(self, w: Weights, x: Array, count_weights: Array | None = None) -> Array:
        """The encoded integers."""
        if count_weights is not None and self.output_mode != "count":
            raise ValueError(
                f"{self.name}: count_weights are for output_mode='count'; this layer has output_mode={self.output_mode!r}."
            )
        x = x.astype("int32")
        if self.output_mode == "count":
            return encoding.counts(x, self.num_tokens, self.compute_dtype, count_weights)
        encode = encoding.one_hot if self.output_mode == "one_hot" else encoding.multi_hot
        return encode(x, self.num_tokens, self.compute_dtype)

"""`Discretization`: numbers as the bins that they fall into."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import jax.numpy as jnp
import numpy as np

from jkeras._base.config import floatx
from jkeras._base.registry import export
from jkeras._base.types import Array, Config, CustomObjects, Tree, Weights
from jkeras.graph import Spec
from jkeras.layer.base import Layer
from jkeras.layer.host_layer import check_choice
from jkeras.layers.features.adapting import batches_to_adapt
from jkeras.layers.features.encoding_shapes import OLD_MODES, encoded_shape
from jkeras.nn import encoding, quantiles

_NO_BOUNDARIES = """{layer!r} has no boundaries yet. Give them, Discretization(bin_boundaries=[0.0, 1.0]), or let it find them:
layer.adapt(data)."""


@export("keras.layers.Discretization")
class Discretization(Layer):
    """Bin `i` holds the numbers `b[i - 1] <= x < b[i]` between boundaries `b`, the first and the last bin are open.

    Args:
        bin_boundaries: ascending; there is one bin more.
        num_bins: instead, the number of bins; `adapt` finds boundaries between bins that hold equally many data.
        epsilon: the error of these quantiles, as a share of the data.
        output_mode: `"int"` for bins, `"one_hot"`, `"multi_hot"` or `"count"`, as for `CategoryEncoding`; but the samples of the
            last two lie along the second axis, as in Keras.
        sparse: must be False: there are no sparse tensors here.
        dtype, name: as every layer.
        kwargs: as every layer.

    Call:
        x: numbers `(...)`. Returns int32 of the same shape, or the encoding in the compute dtype.

    Raises:
        ValueError: both or neither of `bin_boundaries` and `num_bins`, or another mode.

    Example:
        >>> Discretization(bin_boundaries=[0.0, 1.0, 2.0])(np.array([[-1.5, 1.0, 3.4, 0.5]])).tolist()
        [[0, 2, 3, 1]]
        >>> layer = Discretization(num_bins=2)
        >>> layer.adapt(np.array([1.0, 2.0, 3.0, 4.0]))
        >>> layer.bin_boundaries
        [2.0]
    """

    def __init__(
        self,
        bin_boundaries: Sequence[float] | None = None,
        num_bins: int | None = None,
        epsilon: float = 0.01,
        output_mode: str = "int",
        sparse: bool = False,
        dtype: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(dtype=dtype, name=name, **kwargs)
        output_mode = OLD_MODES.get(output_mode, output_mode)
        check_choice("Discretization", "output_mode", output_mode, ("int", "one_hot", "multi_hot", "count"))
        if sparse:
            raise ValueError("Discretization: sparse=True asks for sparse tensors, which are not supported. Leave it out.")
        if (num_bins is None) == (bin_boundaries is None):
            raise ValueError(
                "Discretization takes either bin_boundaries, or num_bins and then adapt(data). Received: "
                f"bin_boundaries={bin_boundaries!r}, num_bins={num_bins!r}."
            )
        if num_bins is not None and num_bins < 1:
            raise ValueError(f"Discretization: num_bins is 1 or more. Received: num_bins={num_bins}.")
        self.bin_boundaries = None if bin_boundaries is None else np.asarray(bin_boundaries, np.float64).tolist()
        self.num_bins, self.epsilon, self.output_mode, self.sparse = num_bins, epsilon, output_mode, False
        self.summary = quantiles.empty_summary()

    @property
    def learns(self) -> bool:
        """Whether `adapt` finds the boundaries."""
        return self.num_bins is not None

    @property
    def depth(self) -> int:
        """The number of bins."""
        if self.bin_boundaries is not None:
            return len(self.bin_boundaries) + 1
        assert self.num_bins is not None
        return self.num_bins

    @property
    def _program_constants(self) -> tuple[float, ...]:
        return tuple(self.bin_boundaries or ())

    def forward(self, w: Weights, x: Array) -> Array:
        """The bins, or their encoding."""
        if self.bin_boundaries is None:
            raise ValueError(_NO_BOUNDARIES.format(layer=self.name))
        bins = quantiles.bin_of(x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(floatx()), self.bin_boundaries)
        if self.output_mode == "int":
            return bins
        if bins.ndim > 2 and self.output_mode != "one_hot":
            bins = jnp.moveaxis(bins, 1, -1)
        encode = {"one_hot": encoding.one_hot, "multi_hot": encoding.multi_hot, "count": encoding.counts}[self.output_mode]
        return encode(bins, self.depth, self.compute_dtype)

    def compute_output_spec(self, x: Spec) -> Spec:
        """Bins in the shape of the input, or their encoding; known before `adapt`."""
        dtype = "int32" if self.output_mode == "int" else self.compute_dtype
        return Spec(self.compute_output_shape(x.shape), dtype)

    def compute_output_shape(self, input_shape: Tree) -> tuple[int | None, ...]:
        """Shape of the output for a shape of the input, with None for unknown axes."""
        shape = tuple(input_shape)
        if len(shape) > 2 and self.output_mode in ("multi_hot", "count"):
            shape = (shape[0], *shape[2:], shape[1])
        return encoded_shape(shape, self.output_mode, self.depth)

    def _casts_inputs(self) -> bool:
        return False  # a boundary between two numbers is lost in half precision

    def adapt(self, data: Tree, steps: int | None = None) -> None:
        """Find boundaries between bins that hold equally many data.

        Args:
            data: an array, or batches: a generator, an iterable, a dataset; of tuples the first entry counts.
            steps: how many batches to read; None for all.

        Raises:
            ValueError: the boundaries were given, or there are no data.
        """
        if not self.learns:
            raise ValueError(f"{self.name!r} was made with bin_boundaries, so there is nothing to adapt. Write num_bins=....")
        self.reset_state()
        for batch in batches_to_adapt(data, steps, self.name):
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data: Tree) -> None:
        """Add a batch to the summary of the data."""
        self.summary = quantiles.add_to_summary(self.summary, np.asarray(data), self.epsilon)

    def finalize_state(self) -> None:
        """Make the boundaries of the summary."""
        if self.num_bins is not None:
            self.bin_boundaries = quantiles.boundaries(self.summary, self.num_bins)

    def reset_state(self) -> None:
        """Forget the data."""
        if self.num_bins is not None:
            self.summary = quantiles.empty_summary()

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments, and the boundaries that were found."""
        config = {**super().get_config(), "bin_boundaries": self.bin_boundaries}
        del config["trainable"]  # Keras' own class does not take it
        return config

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects = None) -> Self:
        """A layer from what `get_config` returned."""
        both = isinstance(config, Mapping) and config.get("num_bins") is not None and config.get("bin_boundaries") is not None
        found = config["bin_boundaries"] if both else None
        layer: Self = super().from_config({**config, "bin_boundaries": None} if both else config, custom_objects)
        if both:
            layer.bin_boundaries = np.asarray(found, np.float64).tolist()
        return layer

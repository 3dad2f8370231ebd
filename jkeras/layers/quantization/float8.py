"""Products of 8-bit floats: kernels are kept and trained as they are, and rounded in each step together with the inputs.

Beside the kernel there are three scales and their amax histories: of the inputs, of the kernel, and of the gradients of the
product. They count as trainable, because their next values come out of the backward pass, in the place of gradients; an optimizer
puts them in place of the old ones.
"""

from __future__ import annotations

from collections.abc import Iterator

import jax.numpy as jnp

from jkeras._base.types import Weights
from jkeras.layer.base import Layer
from jkeras.layer.declaration import Declaration, Weight
from jkeras.layers.form import Form
from jkeras.nn.quantized_kernels import Amax, Float8Kernel

_WHAT = ("inputs", "kernel", "outputs_grad")


class Float8(Form):
    """A kernel that is rounded to 8-bit floats in each step.

    Args:
        history: how many steps the amax histories look back on.
    """

    takes_update = False

    def __init__(self, history: int):
        self._history = history

    def statistics(self) -> Iterator[Weight]:
        """What is kept beside the kernel."""
        for what in _WHAT:
            for name, shape, first in ((f"{what}_scale", (), "ones"), (f"{what}_amax_history", (self._history,), "zeros")):
                yield Weight(name, shape, first, "float32", autocast=False, overwritten=True)

    def declare(self, weights: Declaration) -> Declaration:
        """The statistics, then the weights as they are."""
        yield from self.statistics()
        yield from weights

    def convert(self, layer: Layer) -> None:
        """Add the statistics."""
        for weight in self.statistics():
            layer._make_weight(weight)

    def order(self, layer: Layer) -> list[str]:
        """The layer's weights, then the statistics."""
        beside = [weight.name for weight in self.statistics()]
        return [*(name for name in super().order(layer) if name not in beside), *beside]

    def read(self, layer: Layer, w: Weights) -> Weights:
        """The weights, with a rounded product in place of the kernel."""
        w.kernel = Float8Kernel(w.kernel, *(Amax(getattr(w, f"{x}_scale"), getattr(w, f"{x}_amax_history")) for x in _WHAT))
        if getattr(layer, "bias", None) is not None and layer.compute_dtype == "float32":
            w.bias = w.bias.astype(jnp.bfloat16).astype(w.bias.dtype)  # as Keras has it, so that a GPU adds it in the product
        return w

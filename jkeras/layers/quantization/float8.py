"""Products of 8-bit floats: kernels are kept and trained as they are, and rounded in each step together with the inputs.

Beside the kernel there are three scales and their amax histories: of the inputs, of the kernel, and of the gradients of the
product. They count as trainable, because their next values come out of the backward pass, in the place of gradients; an optimizer
puts them in place of the old ones. A layer that runs twice in a step hands them on from the first time to the second
(`nn/float8.py`).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping

import jax.numpy as jnp

from jkeras._base.types import Array, Weights
from jkeras.layer.base import Layer
from jkeras.layer.declaration import Declaration, Weight
from jkeras.layers.form import Form
from jkeras.nn.float8 import Amax
from jkeras.nn.quantized_kernels import Float8Kernel
from jkeras.state.scope import current, pure_scopes, same_trace

Statistics = tuple[Amax, ...]
_WHAT = ("inputs", "kernel", "outputs_grad")
_APART = """{layer!r} runs several times in a step of training, in functions of their own, such as TimeDistributed and
remat make. JAX would add its float8 statistics up. Leave the layer out with filters=..., or quantize it to another form."""


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

    def convert(self, layer: Layer, kept: Mapping[str, Array]) -> None:
        """Add the statistics."""
        for weight in self.statistics():
            layer._make_weight(weight)

    def order(self, layer: Layer) -> list[str]:
        """The layer's weights, then the statistics."""
        beside = [weight.name for weight in self.statistics()]
        return [*(name for name in super().order(layer) if name not in beside), *beside]

    def read(self, layer: Layer, w: Weights) -> Weights:
        """The weights, with a rounded product in place of the kernel.

        Raises:
            ValueError: the layer ran before in this step of training, in another function.
        """
        kept = tuple(Amax(getattr(w, f"{what}_scale"), getattr(w, f"{what}_amax_history")) for what in _WHAT)
        w.kernel = Float8Kernel(w.kernel, _latest(layer, kept), functools.partial(_hand_on, layer))
        if getattr(layer, "bias", None) is not None and layer.compute_dtype == "float32":
            w.bias = w.bias.astype(jnp.bfloat16).astype(w.bias.dtype)  # as Keras has it, so that a GPU adds it in the product
        return w


def _latest(layer: Layer, kept: Statistics) -> Statistics:
    """What the layer's last use in this step handed on; `kept`, where this is the first."""
    scopes = pure_scopes()
    if not scopes:
        return kept
    here, *around = scopes
    known = here.handed_on.get(id(layer), kept)
    if known is None or any(id(layer) in scope.handed_on for scope in around):
        if current().training:
            raise ValueError(_APART.format(layer=layer.name))
        return kept
    return known


def _hand_on(layer: Layer, kept: Statistics) -> None:
    for number, scope in enumerate(pure_scopes()):
        scope.handed_on[id(layer)] = kept if number == 0 and same_trace(scope) else None

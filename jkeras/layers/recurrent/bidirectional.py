"""Bidirectional: a recurrent layer from both ends of the sequence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp

from jkeras._base.configurable import in_memory, serialize
from jkeras._base.errors import unknown_name
from jkeras._base.registry import export
from jkeras._base.types import Array, Tensor, Tree
from jkeras.layer.base import Layer
from jkeras.layer.structures import shapes_to_specs
from jkeras.layers.recurrent.rnn import one_mask, states_apart
from jkeras.state.variable import Variable

MERGES: dict[str, Callable[[Tree, Tree], Tree]] = {
    "sum": lambda y, z: y + z,
    "mul": lambda y, z: y * z,
    "ave": lambda y, z: (y + z) / 2,
    "concat": lambda y, z: jnp.concatenate([y, z], axis=-1),
}


@export("keras.layers.Bidirectional")
class Bidirectional(Layer):
    """Two copies of a recurrent layer, one from the start and one from the end, and their outputs merged.

    Args:
        layer: a recurrent layer; both directions are new layers made from its config.
        merge_mode: `"concat"`, `"sum"`, `"ave"`, `"mul"`; None returns both outputs.
        weights: arrays to start from, the forward layer's first.
        backward_layer: used as it is for the way back; it goes backwards, and returns what `layer` returns.
        kwargs: as every layer.

    Call:
        sequences: `(batch, time, ...)`.
        initial_state: list of the forward layer's states, then the backward layer's.
        mask: bool `(batch, time)`.
        Returns the merged output, in the order of the input's steps; with `return_state` a tuple of it and all states.

    Raises:
        ValueError: no layers, an unknown `merge_mode`, or two layers that do not fit each other.

    Example:
        >>> import numpy as np
        >>> from jkeras.layers import GRU
        >>> Bidirectional(GRU(4, return_sequences=True))(np.ones((2, 5, 3))).shape
        (2, 5, 8)

    Source: Mike Schuster and Kuldip Paliwal, "Bidirectional Recurrent Neural Networks", 1997.
    """

    supports_masking = True

    def __init__(
        self,
        layer: Layer,
        merge_mode: str | None = "concat",
        weights: Sequence[Tensor] | None = None,
        backward_layer: Layer | None = None,
        **kwargs: Any,
    ):
        for name, one in (("layer", layer), ("backward_layer", backward_layer)):
            if not (isinstance(one, Layer) and hasattr(one, "go_backwards")) and not (name == "backward_layer" and one is None):
                raise ValueError(f"Bidirectional takes a recurrent layer as {name}, such as LSTM(32). Received: {one!r}.")
        if merge_mode is not None and merge_mode not in MERGES:
            raise unknown_name("merge_mode", merge_mode, MERGES)
        super().__init__(**kwargs)
        self.forward_layer = _copy(layer, "forward")
        self.backward_layer = _copy(layer, "backward", go_backwards=True) if backward_layer is None else backward_layer
        _check_pair(self.forward_layer, self.backward_layer)
        for one in (self.forward_layer, self.backward_layer):
            if hasattr(layer, "use_cudnn"):
                one.use_cudnn = layer.use_cudnn
            if hasattr(one, "zero_output_for_mask"):
                one.zero_output_for_mask = one.return_sequences
        if weights is not None and len(weights) > 0:
            half = len(weights) // 2
            self.forward_layer._initial_weights, self.backward_layer._initial_weights = weights[:half], weights[half:]
        self.merge_mode = merge_mode
        self.stateful, self.return_sequences, self.return_state = layer.stateful, layer.return_sequences, layer.return_state
        self.input_spec = layer.input_spec

    def build(self, sequences_shape: Tree, initial_state_shape: Tree = None) -> None:
        """Make the weights of both layers."""
        for layer in (self.forward_layer, self.backward_layer):
            layer._ensure_built((shapes_to_specs(sequences_shape, self.compute_dtype),), {})

    def __call__(self, *args: Tree, **kwargs: Tree) -> Tree:
        """Run both layers; as in Keras 2, a list may hold the sequences and then the first states."""
        return super().__call__(*states_apart(args, kwargs), **kwargs)

    def call(self, sequences: Array, initial_state: Tree = None, mask: Tree = None, training: bool | None = None) -> Tree:
        """Both ways, merged."""
        given: list[Array] = list(initial_state) if initial_state is not None else []
        half = len(given) // 2
        options = {"mask": mask, "training": training}
        y = self.forward_layer(sequences, initial_state=given[:half] or None, **options)
        z = self.backward_layer(sequences, initial_state=given[half:] or None, **options)
        states: tuple[Array, ...] = ()
        if self.return_state:
            states, y, z = (*y[1:], *z[1:]), y[0], z[0]
        if self.return_sequences:
            z = jnp.flip(z, axis=1)
        y, z = y.astype(self.compute_dtype), z.astype(self.compute_dtype)
        outputs = (y, z) if self.merge_mode is None else (MERGES[self.merge_mode](y, z),)
        return outputs + states if len(outputs) + len(states) > 1 else outputs[0]

    def compute_mask(self, inputs: Tree, previous_mask: Tree = None) -> Tree:
        """The input's mask for sequences of outputs; none for last outputs and for states."""
        mask = one_mask(previous_mask)
        mask = mask if self.return_sequences else None
        outputs = [mask, mask] if self.merge_mode is None else [mask]
        return outputs if self.merge_mode is None or self.return_state else mask

    @property
    def states(self) -> tuple[Variable, ...] | None:
        """The kept states of both layers, the forward layer's first; None where they keep none."""
        if self.forward_layer.states is None or self.backward_layer.states is None:
            return None
        return (*self.forward_layer.states, *self.backward_layer.states)

    def reset_state(self) -> None:
        """Set the kept states of both layers to zero.

        Raises:
            AttributeError: the layer is not stateful.
        """
        if not self.stateful:
            raise AttributeError(f"{self.name!r} keeps no states. Make its layer with stateful=True.")
        self.forward_layer.reset_state()
        self.backward_layer.reset_state()

    def reset_states(self, states: Tree = None) -> None:
        """Set the kept states of both layers.

        Args:
            states: a list of arrays, the first half for the forward layer; default zeros.

        Raises:
            AttributeError: the layer is not stateful.
            ValueError: another number of states, or of other shapes.
        """
        if states is None:
            self.reset_state()
            return
        half = len(states) // 2
        self.forward_layer.reset_states(states[:half])
        self.backward_layer.reset_states(states[half:])

    def get_config(self) -> dict[str, Any]:
        """The arguments in Keras' JSON shape, with both layers as they are."""
        config = {
            **super().get_config(),
            "layer": serialize(self.forward_layer),
            "backward_layer": serialize(self.backward_layer),
        }
        config.pop("weights", None)
        return config


def _copy(layer: Layer, way: str, **changes: object) -> Layer:
    """A new layer from a layer's config, named for its direction."""
    with in_memory():
        name = f"{way}_{layer.name.removeprefix(way + '_')}"
        return type(layer).from_config({**layer.get_config(), "name": name, **changes})


def _check_pair(forward: Layer, backward: Layer) -> None:
    if forward.go_backwards == backward.go_backwards:
        raise ValueError(
            "Bidirectional needs layers that go opposite ways. Received two with "
            f"go_backwards={forward.go_backwards}. Give backward_layer go_backwards={not forward.go_backwards}."
        )
    for name in ("stateful", "return_sequences", "return_state"):
        values = getattr(forward, name), getattr(backward, name)
        if values[0] != values[1]:
            raise ValueError(
                f"Bidirectional needs layers that agree in {name}. Received {values[0]} for the forward layer and {values[1]} "
                f"for the backward layer. Give both the same."
            )

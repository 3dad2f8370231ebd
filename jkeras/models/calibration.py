"""Quantization with data: what runs through a model decides how its kernels are rounded, by GPTQ or AWQ.

Tokens run through the first layers and then from block to block. An interceptor looks at the inputs of each kernel of a block.
Once all samples have passed, the kernels are rounded; the next block gets what the rounded one makes of its inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jkeras._base.errors import describe
from jkeras._base.types import Array, Tree
from jkeras.layer.base import Layer
from jkeras.layer.intercept import intercepted
from jkeras.layers.quantization.calibrated import Calibrated
from jkeras.layers.quantization.layer import QuantizableLayer
from jkeras.nn.awq import awq
from jkeras.nn.gptq import add_to_hessian, damped, gptq
from jkeras.quantizers.calibrated_config import AWQConfig, CalibratedConfig, GPTQConfig

Structure = dict[str, list[Any]]
_NOT_TOKENS = "The dataset of {mode!r} is an iterable of texts or of arrays of tokens. Received: {dataset}."
_OTHER_INPUTS = """{layer!r}: a kernel of shape {shape} is rounded as a matrix of {rows} rows, but is multiplied by {inputs}
inputs. Leave this layer out with filters=..."""


def blocks_of(structure: Structure) -> list[Layer]:
    """The blocks of a structure.

    Raises:
        ValueError: there are none.
    """
    blocks: list[Layer] = structure.get("sequential_blocks", [])
    if not blocks:
        raise ValueError(f"The structure needs 'sequential_blocks', the layers to quantize. Received: {sorted(structure)}.")
    return blocks


def token_samples(config: CalibratedConfig) -> np.ndarray:
    """Stretches of a config's data, at equal distances; data that are too short are repeated.

    Args:
        config: with data.

    Returns:
        `(num_samples, 1, sequence_length)` int32.

    Raises:
        ValueError: there are no data, or no tokenizer.
        TypeError: the data cannot be iterated over.

    Example:
        >>> config = GPTQConfig([[1, 2, 3, 4], [5, 6]], "no tokenizer", num_samples=2, sequence_length=2)
        >>> token_samples(config).tolist()
        [[[1, 2]], [[3, 4]]]
    """
    if config.dataset is None or config.tokenizer is None:
        raise ValueError(f"{config.mode!r} needs a dataset and a tokenizer. Pass both to {type(config).__name__}.")
    if isinstance(config.dataset, (str, bytes)) or not hasattr(config.dataset, "__iter__"):
        raise TypeError(_NOT_TOKENS.format(mode=config.mode, dataset=describe(config.dataset)))
    parts = [config.tokenizer.tokenize(part) if isinstance(part, str) else part for part in config.dataset]
    if not parts:
        raise ValueError(f"The dataset of {config.mode!r} is empty.")
    tokens = np.concatenate([np.asarray(part).reshape(-1) for part in parts]).astype(np.int32)
    tokens = np.resize(tokens, max(len(tokens), config.num_samples * config.sequence_length))
    last = len(tokens) - config.sequence_length
    starts = np.arange(config.num_samples) * max(1, (last + 1) // config.num_samples) % (last + 1)
    return tokens[starts[:, None] + np.arange(config.sequence_length)][:, None]


def calibrate(config: CalibratedConfig, before: Sequence[Layer], blocks: Sequence[Layer], samples: np.ndarray) -> None:
    """Round the kernels of blocks that have room for it.

    Args:
        config: how.
        before: layers that the samples go through first.
        blocks: each takes the output of the one before it.
        samples: batches of tokens.
    """
    passing: list[Array] = []
    for sample in samples:
        value: Tree = jnp.asarray(sample)
        for layer in before:
            value = layer(value)
        passing.append(value)
    for block in blocks:
        seen = {id(layer): _Seen(layer, config) for layer in block._flatten_layers() if _waits(layer)}

        def look(layer: Layer, maths: Any, x: Array, *args: Tree, seen: dict[int, _Seen] = seen, **kwargs: Tree) -> Tree:
            if id(layer) in seen:
                seen[id(layer)].add(x)
            return maths(x, *args, **kwargs)

        with intercepted(look):
            for value in passing:
                block(value)
        for one in seen.values():
            one.fill()
        passing = [_first(block(value)) for value in passing]


def _waits(layer: Layer) -> bool:
    """Whether a layer has room for a rounded kernel."""
    return isinstance(layer, QuantizableLayer) and isinstance(layer._form, Calibrated) and not getattr(layer, layer._form.flag)


def _first(outputs: Tree) -> Array:
    return outputs[0] if isinstance(outputs, (list, tuple)) else outputs


class _Seen:
    """What was seen of the inputs of a kernel: the Hessian for GPTQ, the largest of each for AWQ."""

    def __init__(self, layer: Any, config: CalibratedConfig):
        self.layer, self.config, self.form = layer, config, layer._form
        shape = self.form.shapes["kernel"]
        self.shape = self.form.matrix_shape()
        inputs = int(np.prod([shape[axis] for axis in layer._layouts()[0].shared(len(shape))]))
        if inputs != self.shape[0]:
            raise ValueError(_OTHER_INPUTS.format(layer=layer.name, shape=shape, rows=self.shape[0], inputs=inputs))
        self.count = jnp.zeros(())
        self.statistics = jnp.zeros((inputs, inputs) if config.mode == "gptq" else inputs)

    def add(self, x: Array) -> None:
        """Look at a batch of inputs."""
        x = x.reshape(-1, self.shape[0])
        if self.config.mode == "gptq":
            self.statistics, self.count = add_to_hessian(self.statistics, self.count, x)
        else:
            self.statistics = jnp.maximum(self.statistics, jnp.max(jnp.abs(x), axis=0))

    def fill(self) -> None:
        """Round the kernel."""
        config, kernel = self.config, self.layer._kernel.stored.reshape(self.shape)
        levels = (0, 2**config.weight_bits - 1)
        if isinstance(config, GPTQConfig):
            names = ("group_size", "symmetric", "per_channel", "activation_order")
            options = {name: getattr(config, name) for name in names}
            self.form.fill(self.layer, gptq(kernel, damped(self.statistics, config.hessian_damping), levels, **options))
        elif isinstance(config, AWQConfig):
            options = {"group_size": config.group_size, "num_grid_points": config.num_grid_points}
            self.form.fill(self.layer, *awq(kernel, self.statistics, levels, **options))

"""Quantization with data: what runs through a model decides how its kernels are rounded, by GPTQ or AWQ.

Tokens run through the first layers and then from block to block. An interceptor looks at the inputs of each kernel of a block.
Once all samples have passed, the kernels are rounded; the next block gets what the rounded one makes of its inputs.
"""

from __future__ import annotations

import abc
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jkeras._base.errors import describe
from jkeras._base.types import Array, Tree
from jkeras.layer.base import Layer
from jkeras.layer.intercept import intercepted
from jkeras.layers.quantization.layer import Change
from jkeras.nn.awq import add_to_magnitudes, awq
from jkeras.nn.einsum import read_equation
from jkeras.nn.gptq import add_to_hessian, damped, gptq
from jkeras.quantizers.calibrated_config import CalibratedConfig, Structure
from jkeras.state.scope import is_traced

Changes = Mapping[int, Change]
_NOT_TOKENS = "The dataset of {mode!r} is an iterable of texts or of arrays of tokens. Received: {dataset}."
_OTHER_MATRIX = """{layer!r}: a kernel of shape {shape} is rounded as a matrix of {rows} rows, but {equation!r} sums over
others. Leave this layer out with filters=..."""
_TRACED = "{layer!r} runs within a transformation of JAX, where nobody sees its inputs. Leave it out with filters=..."
_SINGULAR = """{layer!r}: the samples are too few to say how its inputs are correlated, or have infinite or NaN activations. Write
hessian_damping=0.01 or more, or more samples."""


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
        >>> from jkeras.quantizers import GPTQConfig
        >>> config = GPTQConfig([[1, 2, 3, 4], [5, 6]], "no tokenizer", num_samples=2, sequence_length=2)
        >>> token_samples(config).tolist()
        [[[1, 2]], [[3, 4]]]
    """
    if config.dataset is None or config.tokenizer is None:
        raise ValueError(f"{config.mode!r} needs a dataset and a tokenizer. Pass both to {type(config).__name__}.")
    if isinstance(config.dataset, (str, bytes)) or not hasattr(config.dataset, "__iter__"):
        raise TypeError(_NOT_TOKENS.format(mode=config.mode, dataset=describe(config.dataset)))
    parts = [config.tokenizer.tokenize(part) if isinstance(part, str) else part for part in config.dataset]
    tokens = np.concatenate([np.zeros(0), *(np.asarray(part).reshape(-1) for part in parts)]).astype(np.int32)
    if not tokens.size:
        raise ValueError(f"The dataset of {config.mode!r} is empty.")
    tokens = np.resize(tokens, max(len(tokens), config.num_samples * config.sequence_length))
    last = len(tokens) - config.sequence_length
    starts = np.arange(config.num_samples) * max(1, (last + 1) // config.num_samples) % (last + 1)
    return tokens[starts[:, None] + np.arange(config.sequence_length)][:, None]


def calibrate(
    config: CalibratedConfig, before: Sequence[Layer], blocks: Sequence[Layer], samples: np.ndarray, changes: Changes
) -> None:
    """Round the kernels of blocks. A layer changes once its integers are known, so that after an error you can try again.

    Args:
        config: how.
        before: layers that the samples go through first.
        blocks: each takes the output of the one before it.
        samples: batches of tokens.
        changes: of the layers to change, by their ids.

    Raises:
        ValueError: the inputs of a layer cannot be seen, or do not say enough.
    """
    values: list[Tree] = [jnp.asarray(sample) for sample in samples]
    following = before
    for block in blocks:
        values = [functools.reduce(_output, following, value) for value in values]
        _calibrate_block(config, block, values, changes)
        following = [block]


def _output(value: Tree, layer: Layer) -> Tree:
    """What a layer makes of a value; the first of its outputs, where it has several."""
    outputs = layer(value)
    return outputs[0] if isinstance(outputs, (list, tuple)) else outputs


def _calibrate_block(config: CalibratedConfig, block: Layer, values: Sequence[Tree], changes: Changes) -> None:
    kind = {"gptq": _Correlations, "awq": _Magnitudes}[config.mode]
    waiting = [changes[key] for key in map(id, block._flatten_layers()) if key in changes]
    seen = {id(change.layer): kind(change) for change in waiting if change.layer._form is None}

    def look(layer: Layer, maths: Callable[..., Tree], x: Array, *args: Tree, **kwargs: Tree) -> Tree:
        if id(layer) in seen:
            seen[id(layer)].add(x)
        return maths(x, *args, **kwargs)

    with intercepted(look):
        for value in values:
            block(value)
    kept = [one.rounded() for one in seen.values()]
    for one, arrays in zip(seen.values(), kept):
        one.change.carry_out(arrays)


class _Seen(abc.ABC):
    """What was seen of the inputs of a kernel."""

    def __init__(self, change: Change):
        layer: Any = change.layer
        self.config: Any = change.config
        self.change, self.layer, self.form = change, layer, change.form
        self.shape, shape = self.form.matrix_shape(), self.form.shapes["kernel"]
        self.equation = layer._layouts()[0].equation
        inputs, kernel, outputs, ellipsis = read_equation(self.equation)
        summed = [letter for letter in kernel if letter not in outputs]
        if [*kernel[: len(summed)]] != summed or math.prod(shape[: len(summed)]) != self.shape[0]:
            raise ValueError(_OTHER_MATRIX.format(layer=layer.name, shape=shape, rows=self.shape[0], equation=self.equation))
        self.axes = [inputs.index(letter) - (0 if ellipsis == "right" else len(inputs)) for letter in summed]
        self.start()

    @abc.abstractmethod
    def start(self) -> None:
        """Nothing is seen yet."""

    @abc.abstractmethod
    def add_rows(self, x: Array) -> None:
        """Look at inputs `(batch, in)`."""

    @abc.abstractmethod
    def rounded(self) -> dict[str, Array]:
        """What is kept of the rounded kernel."""

    def add(self, x: Array) -> None:
        """Look at a batch of inputs."""
        if is_traced(x):
            raise ValueError(_TRACED.format(layer=self.layer.name))
        self.add_rows(jnp.moveaxis(x, self.axes, range(-len(self.axes), 0)).reshape(-1, self.shape[0]))

    def options(self, *names: str) -> dict[str, Any]:
        """Attributes of the config by name, and the integers that it allows."""
        return {"levels": (0, 2**self.config.weight_bits - 1), **{name: getattr(self.config, name) for name in names}}

    @property
    def kernel(self) -> Array:
        """The kernel as a matrix `(in, out)`."""
        kernel: Array = vars(self.layer)["kernel"].stored.reshape(self.shape)
        return kernel


class _Correlations(_Seen):
    """For GPTQ: how the inputs are correlated."""

    def start(self) -> None:
        self.hessian, self.count = jnp.zeros((self.shape[0],) * 2), jnp.zeros(())

    def add_rows(self, x: Array) -> None:
        self.hessian, self.count = add_to_hessian(self.hessian, self.count, x)

    def rounded(self) -> dict[str, Array]:
        hessian = damped(self.hessian, self.config.hessian_damping)
        if not jnp.all(jnp.isfinite(jnp.linalg.cholesky(hessian))):
            raise ValueError(_SINGULAR.format(layer=self.layer.name))
        options = self.options("group_size", "symmetric", "per_channel", "activation_order")
        return self.form.rounded(gptq(self.kernel, hessian, **options))


class _Magnitudes(_Seen):
    """For AWQ: how large each input gets."""

    def start(self) -> None:
        self.magnitudes = jnp.zeros(self.shape[0])

    def add_rows(self, x: Array) -> None:
        self.magnitudes = add_to_magnitudes(self.magnitudes, x)

    def rounded(self) -> dict[str, Array]:
        options = self.options("group_size", "num_grid_points")
        return self.form.rounded(*awq(self.kernel, self.magnitudes, **options))

"""What multi-head and grouped-query attention share: projections to heads and back, masks, the choice of an implementation.

    query, key, value   (batch, T | S, features)
    projected           (batch, T | S, heads, size)
    attended            (batch, T, heads, value size), per head
    output              (batch, T, features), one projection of all heads

Each projection is a layer of its own, as in Keras: `query`, `key`, `value`, `attention_output`, and `gate` where there is one.
"""

from __future__ import annotations

import functools
import math
import operator
import re
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from jkeras import regularizers
from jkeras._base.config import settings
from jkeras._base.configurable import serialize
from jkeras._base.dtype_policy_map import DTypePolicyMap
from jkeras._base.dtypes import DTypePolicy
from jkeras._base.errors import describe
from jkeras._base.types import Array, FunctionLike, Tree, Weights
from jkeras.graph import Spec, infer, symbolic_like
from jkeras.initializers.scaling import with_axes
from jkeras.layer.declaration import Declaration
from jkeras.layers.attention_parts import AttentionParts
from jkeras.layers.quantization.layer import QuantizableLayer
from jkeras.layers.quantization.layout import KernelLayout
from jkeras.layers.weight_arguments import WeightedLayer, weight_for
from jkeras.nn.attention import axes_attention, causal_mask, dot_product_attention, window_mask
from jkeras.nn.einsum import einsum_dense
from jkeras.quantizers.config import QuantizationConfig
from jkeras.state.random import draw_key
from jkeras.state.scope import current, get_mask

Shape = Sequence[int | None]

_SEVERAL_AXES = """{layer}: masks of the inputs, use_causal_mask and sliding_window are for attention over one axis, but
attention_axes={axes}. Pass attention_mask with an axis for each: (batch, *query axes, *key axes)."""

_NO_PART = """The DTypePolicyMap of the attention layer {layer!r} has entries for none of its parts: {unknown}. The entries
are the paths of its parts, letter by letter: {known}."""

_PATH = re.compile(r"[\w\-./ ]+")  # of a layer; other entries are expressions


class Projection(QuantizableLayer):
    """An affine map from some last axes to others: to heads, or back from them.

    Args:
        rank: of the input.
        contracted: number of its axes that are summed over.
        units: sizes of the output axes.
        use_bias: whether to add a bias of shape `units`.
        gate: whether to squash the result with a sigmoid.
        kwargs: initializers, regularizers and constraints, `kernel_initializer` and so on; the rest is every layer's.
    """

    _zero_name = "zero_point"

    def __init__(
        self,
        rank: int,
        contracted: int,
        units: tuple[int | None, ...],
        use_bias: bool,
        gate: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.contracted, self.units, self.use_bias, self.gate = contracted, units, use_bias, gate
        self._equation = _equation(rank, contracted, len(units))

    def declare(self, x: Spec) -> Declaration:
        """A kernel `(*inputs, *units)` and a bias `units`."""
        shape = (*x.shape[-self.contracted :], *self.units)
        axes = list(range(len(shape)))
        initializer = with_axes(self.kernel_initializer, axes[: self.contracted], axes[self.contracted :])
        yield weight_for(self, "kernel", shape, initializer=initializer)
        if self.use_bias:
            yield weight_for(self, "bias", self.units)

    def _layouts(self) -> tuple[KernelLayout, ...]:
        return (KernelLayout("kernel", self._equation),)

    def forward(self, w: Weights, x: Array) -> Array:
        """The projected input."""
        y = einsum_dense(x, w.kernel, w.bias if self.use_bias else None, equation=self._equation)
        return jax.nn.sigmoid(y) if self.gate else y


def _equation(rank: int, contracted: int, units: int) -> str:
    """That of a projection.

    Example:
        >>> _equation(3, 1, 2)
        'abc,cde->abde'
    """
    letters = "abcdefghijklmnopqrstuvwxyz"
    inputs, outputs = letters[:rank], letters[rank : rank + units]
    return f"{inputs},{inputs[-contracted:]}{outputs}->{inputs[:-contracted]}{outputs}"


class HeadedAttention(AttentionParts, WeightedLayer):
    """What multi-head and grouped-query attention share: projections, masks, and the choice of an implementation.

    A class that extends it says how many heads there are for queries and for keys, and their sizes, in `_set_heads`.

    Args:
        projection_configs: by the name of a projection, how it quantizes, where its policy does not say all of it.
        others: as for `MultiHeadAttention`.
    """

    supports_masking = True
    attention_axes: tuple[int, ...] | None = None

    query_dense: Projection
    key_dense: Projection
    value_dense: Projection
    output_dense: Projection
    _heads: int
    _key_size: int
    _value_size: int
    _units: tuple[int, ...] | None

    def __init__(
        self,
        dropout: float,
        use_bias: bool,
        sliding_window: int | None,
        flash_attention: bool | None,
        use_gate: bool,
        seed: int | None,
        *,
        activity_regularizer: FunctionLike,
        projection_configs: Mapping[str, QuantizationConfig] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self._projection_configs = dict(projection_configs or {})
        self.dropout, self.use_bias, self.use_gate, self.seed = dropout, use_bias, use_gate, seed
        self.sliding_window = sliding_window
        self.flash_attention = settings.flash_attention if flash_attention is None else flash_attention
        self._output_regularizer = regularizers.get(activity_regularizer)
        if not 0 <= self.dropout <= 1:
            raise ValueError(f"{type(self).__name__} takes a dropout from 0 to 1. Received: dropout={self.dropout!r}.")
        window = self.sliding_window
        if window is not None and (not isinstance(window, int) or window <= 0):
            raise ValueError(f"{type(self).__name__} takes a positive integer or None as sliding_window. Received: {window!r}.")
        if self.flash_attention and self.dropout > 0:
            raise ValueError(
                f"{type(self).__name__}: flash attention drops no weights. Leave out dropout or flash_attention=True."
            )

    def _set_heads(
        self, heads: int, key_heads: int, key_size: int, value_size: int, output_shape: tuple[int, ...] | None
    ) -> None:
        self._heads, self._key_heads = heads, key_heads
        self._key_size, self._value_size, self._units = key_size, value_size, output_shape

    def build(self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None) -> None:
        """Make the projections for inputs of these shapes."""
        key_shape = value_shape if key_shape is None else key_shape
        self._check_shapes(query_shape, value_shape, key_shape)
        kinds = ("kernel_initializer", "kernel_regularizer", "kernel_constraint")
        parts: dict[str, Any] = {n: getattr(self, n) for kind in kinds for n in (kind, kind.replace("kernel", "bias"))}
        parts["activity_regularizer"] = self._output_regularizer
        self._check_policies()

        def make(contracted: int, units: tuple[int | None, ...], name: str, gate: bool = False) -> Projection:
            policy = self.dtype_policy
            own = policy.entry(f"{self._place()}/{name}") if isinstance(policy, DTypePolicyMap) else policy
            how = self._projection_configs.get(name)
            rank = len(query_shape) + contracted - 1
            return Projection(
                rank, contracted, units, self.use_bias, gate, **parts, dtype=own, name=name, quantization_config=how
            )

        self.query_dense = make(1, (self._heads, self._key_size), name="query")
        self.key_dense = make(1, (self._key_heads, self._key_size), name="key")
        if self.use_gate:
            self.gate_dense = make(1, (self._heads, self._value_size), name="gate", gate=True)
            self.gate_dense.build(query_shape)
        self.value_dense = make(1, (self._key_heads, self._value_size), name="value")
        self.output_dense = make(2, self._units or (query_shape[-1],), name="attention_output")
        for part, shape in ((self.query_dense, query_shape), (self.key_dense, key_shape), (self.value_dense, value_shape)):
            part.build(shape)
        self.output_dense.build((*query_shape[:-1], self._heads, self._value_size))
        rank = self._rank = len(query_shape)
        axes = self.attention_axes
        self.attention_axes = tuple(range(1, rank - 1)) if axes is None else tuple(a % rank for a in axes)

    def _check_shapes(self, query: Shape, value: Shape, key: Shape) -> None:
        if not len(query) == len(value) == len(key) or tuple(value[1:-1]) != tuple(key[1:-1]):
            raise ValueError(
                f"{self.name} takes query, value and key of one rank, value and key equal but for the last axis. "
                f"Received: query {tuple(query)}, value {tuple(value)}, key {tuple(key)}."
            )

    def call(
        self,
        query: Array,
        value: Array,
        key: Array | None = None,
        query_mask: Array | None = None,
        value_mask: Array | None = None,
        key_mask: Array | None = None,
        attention_mask: Array | None = None,
        return_attention_scores: bool = False,
        training: bool | None = None,
        use_causal_mask: bool = False,
    ) -> Tree:
        """The attended values, and the weights where they are asked for."""
        query_mask = self._query_mask(query, query_mask)
        value_mask = get_mask(value) if value_mask is None else value_mask
        key_mask = get_mask(key) if key_mask is None and key is not None else key_mask
        keys = [m[..., None, :] for m in (value_mask, key_mask) if m is not None]
        masks = [query_mask[..., None], *keys] if query_mask is not None else keys
        q, v = self.query_dense(query), self.value_dense(value)
        k = self.key_dense(value if key is None else key)
        if self.sliding_window is not None:
            masks.append(window_mask(*self._lengths(q, k), self.sliding_window))
        if (masks or use_causal_mask) and len(self._axes) != 1:
            raise ValueError(_SEVERAL_AXES.format(layer=self.name, axes=self._axes))
        masks = masks if attention_mask is None else [*masks, attention_mask]
        if type(self)._compute_attention is HeadedAttention._compute_attention:
            attended, weights = self._attend(q, k, v, masks, training, return_attention_scores, use_causal_mask)
        else:
            masks = [*masks, causal_mask(*self._lengths(q, k))] if use_causal_mask else masks
            merged = self._merged(masks, q.ndim)
            attended, weights = self._computed_by_subclass(q, k, v, merged, training, return_attention_scores)
        output = self.output_dense(attended * self.gate_dense(query) if self.use_gate else attended)
        return (output, weights) if return_attention_scores else output

    def _query_mask(self, query: Array, given: Array | None) -> Array | None:
        """The mask of the query's positions: the one that was passed, else the one that travels with the query."""
        return get_mask(query) if given is None else given

    def _compute_attention(
        self,
        query: Array,
        key: Array,
        value: Array,
        attention_mask: Array | None = None,
        training: bool | None = None,
        return_attention_scores: bool = True,
        use_causal_mask: bool = False,
    ) -> tuple[Array, Array | None]:
        """The attended values of projected inputs, `(batch, T, heads, value size)`, and the weights where they are asked for.

        Keras' name: classes that extend a layer call it in a `call` of their own, or override it.
        """
        masks = [] if attention_mask is None else [jnp.asarray(attention_mask)]
        training = current().training if training is None else training
        return self._attend(query, key, value, masks, training, return_attention_scores, use_causal_mask)

    def _attend(
        self, q: Array, k: Array, v: Array, masks: list[Array], training: bool | None, scores: bool, causal: bool
    ) -> tuple[Array, Array | None]:
        scale = 1 / math.sqrt(self._key_size)
        if not (scores or self.dropout > 0 or q.ndim != 4):
            mask = self._merged(masks, q.ndim)
            flash = self.flash_attention
            return dot_product_attention(q, k, v, mask, scale=scale, is_causal=causal, flash=flash), None
        if self.flash_attention:
            raise ValueError(f"{self.name}: flash attention takes inputs of rank 3 and has no scores to return; leave it out.")
        if causal:
            masks = [*masks, causal_mask(*self._lengths(q, k))]
        if self._key_heads != self._heads:
            k, v = (jnp.repeat(x, self._heads // self._key_heads, axis=-2) for x in (k, v))
        rng = draw_key(self, self.seed) if training and self.dropout > 0 else None
        mask = self._merged(masks, q.ndim)
        return axes_attention(q, k, v, mask, axes=self._axes, scale=scale, rate=self.dropout, rng=rng)

    @property
    def _axes(self) -> tuple[int, ...]:
        assert self.attention_axes is not None
        return self.attention_axes

    def _lengths(self, q: Array, k: Array) -> tuple[int, int]:
        return q.shape[self._axes[0]], k.shape[self._axes[0]]

    def _merged(self, masks: Sequence[Array], ndim: int) -> Array | None:
        """All masks in one, of the rank of the weights: `(batch, ..., heads, *query axes, *key axes)`."""
        if not masks:
            return None
        inner = 2 * len(self._axes)
        rank = ndim - 1 + len(self._axes)

        def full(mask: Array) -> Array:
            if not inner <= mask.ndim <= rank:
                raise ValueError(f"{self.name}: a mask has from {inner} to {rank} axes here. Received: {describe(mask)}.")
            split = mask.ndim - inner
            return mask.astype(bool).reshape(*mask.shape[:split], *(1,) * (rank - mask.ndim), *mask.shape[split:])

        return functools.reduce(operator.and_, map(full, masks))

    def compute_output_shape(  # type: ignore[override]
        self, query_shape: Shape, value_shape: Shape, key_shape: Shape | None = None
    ) -> Tree:
        """The query's shape with the output's own last axes."""
        self._check_shapes(query_shape, value_shape, value_shape if key_shape is None else key_shape)
        return (*query_shape[:-1], *(self._units or (query_shape[-1],)))

    def compute_output_spec(self, *args: Tree, **kwargs: Tree) -> Tree:
        """Symbolic tensors like the outputs."""
        return symbolic_like(infer(self, args, kwargs))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments in Keras' JSON shape, with what sets projections apart that were quantized."""
        config = {**super().get_config(), "activity_regularizer": serialize(self._output_regularizer)}
        own = getattr(self.dtype_policy, "default_policy", self.dtype_policy)
        parts = [part for part in self._sublayers() if isinstance(part, Projection) and part.dtype_policy != own]
        if parts:
            policies = {f"{self._place()}/{part.name}": part.dtype_policy for part in parts}
            config["dtype"] = serialize(DTypePolicyMap(own.name, policies))
        configs = {part.name: part.quantization_config for part in parts if not part.policy_says_all()}
        return {**config, "projection_configs": serialize(configs)} if configs else config

    def _check_policies(self) -> None:
        """Refuse a map of policies with an entry for a part that this layer does not have, or whose entries are for no layer."""
        policies, place = self.dtype_policy, self._place()
        if not isinstance(policies, DTypePolicyMap):
            return
        parts = ("query", "key", "value", *(("gate",) if self.use_gate else ()), "attention_output")
        known = [f"{place}/{part}" for part in parts]
        own = [path for path in policies if path.startswith(f"{place}/")]
        if not own and not any(_PATH.fullmatch(path) and path not in parts for path in policies):  # layers may share a map
            own = [*policies]
        if unknown := [path for path in own if path not in known]:
            raise ValueError(_NO_PART.format(layer=self.name, unknown=unknown, known=known))

    def _accept_policy(self, policy: DTypePolicy) -> None:
        if not isinstance(policy, DTypePolicyMap):  # whose entries are for the projections
            super()._accept_policy(policy)


def check_size(cls: str, name: str, value: object) -> None:
    """Raise a ValueError unless a size is a positive integer."""
    if not isinstance(value, int) or isinstance(value, bool) or value <= 0:
        raise ValueError(f"{cls} takes a positive integer as {name}. Received: {name}={value!r}.")

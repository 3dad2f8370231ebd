"""`InputSpec`: what a layer expects of its input, checked before each call."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import jax

from jkeras._base.configurable import Configurable
from jkeras._base.errors import describe, known_sizes
from jkeras._base.registry import export
from jkeras._base.types import DTypeLike, Tree

if TYPE_CHECKING:
    from jkeras.layer.base import Layer


@export("keras.layers.InputSpec", "keras.InputSpec")
class InputSpec(Configurable):
    """Rank and sizes that an input must have.

    Args:
        dtype: expected dtype, not checked.
        shape: expected shape, None for any size.
        ndim, max_ndim, min_ndim: expected number of axes.
        axes: `{axis: size}`.
        allow_last_axis_squeeze: whether a last axis of size 1 may be missing or extra.
        name: of the input.
        optional: whether the input may be None.

    Example:
        >>> InputSpec(min_ndim=2, axes={-1: 784}).min_ndim
        2
    """

    def __init__(
        self,
        dtype: DTypeLike | None = None,
        shape: Iterable[int | None] | None = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ):
        self.dtype, self.name, self.optional = dtype, name, optional
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.shape = None if shape is None else tuple(shape)
        self.ndim = ndim if self.shape is None else len(self.shape)
        self.max_ndim, self.min_ndim = max_ndim, min_ndim
        self.axes = {int(k): v for k, v in (axes or {}).items()}

    def problem(self, shape: tuple[int | None, ...]) -> str | None:
        """What is wrong with an input of this shape, or None."""
        n = len(shape)
        if self.ndim is not None and n != self.ndim and not self.allow_last_axis_squeeze:
            return f"expected {self.ndim} axes, received {n}"
        if self.max_ndim is not None and n > self.max_ndim:
            return f"expected at most {self.max_ndim} axes, received {n}"
        if self.min_ndim is not None and n < self.min_ndim:
            return f"expected at least {self.min_ndim} axes, received {n}"
        for axis, size in {**dict(enumerate(self.shape or ())), **self.axes}.items():
            found = shape[axis] if -n <= axis < n else None
            if size is not None and found is not None and found != size:
                return f"expected size {size} at axis {axis}, received {found}"
        return None


def check_input(layer: Layer, inputs: Tree) -> None:
    """Check the inputs of a layer against its `input_spec`.

    Raises:
        ValueError: names the layer, what it received and what it expected.
    """
    spec = layer.input_spec
    if isinstance(spec, InputSpec):
        shape = getattr(inputs, "shape", None)
        problem = "expected one array, received a structure" if shape is None else spec.problem(shape)
        if problem is not None:
            lacks_batch = shape is not None and spec.problem((None, *known_sizes(shape))) is None
            advice = _NO_BATCH if lacks_batch else _RESHAPE if layer.weights else _OTHER_RANK
            raise ValueError(_message(layer, problem, inputs, advice))
        return
    leaves = jax.tree.leaves(inputs, is_leaf=lambda v: hasattr(v, "shape"))
    expected: list[InputSpec] = jax.tree.leaves(spec)
    if len(leaves) != len(expected):
        raise ValueError(_message(layer, f"expected {len(expected)} inputs, received {len(leaves)}", inputs))
    for one, leaf in zip(expected, leaves):
        problem = one.problem(leaf.shape)
        if problem is not None:
            raise ValueError(_message(layer, problem, inputs))


_NO_BATCH = "The batch axis is missing: write x[None]."
_OTHER_RANK = "Reshape the data."
_RESHAPE = "Reshape the data, or make a new layer: the weights of this one fit the first input it saw."


def _message(layer: Layer, problem: str, inputs: Tree, advice: str = _RESHAPE) -> str:
    name = f"Layer {layer.name!r} ({type(layer).__name__})"
    return f"{name} got an input it cannot use: {problem}. Received: {describe(inputs)}. {advice}"

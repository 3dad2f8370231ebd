"""Nested structures of shapes, specs, arrays and masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import jax
from jax.export import is_symbolic_dim

from jkeras._base.config import settings
from jkeras._base.plain_numbers import INTEGERS
from jkeras._base.types import Tree
from jkeras.graph import Spec
from jkeras.graph.keras_tensor import is_symbolic
from jkeras.graph.spec import is_spec
from jkeras.state.scope import get_mask

T = TypeVar("T")


def legacy_shape(kwargs: Mapping[str, Tree]) -> tuple[int | None, ...] | None:
    """The batch input shape that Keras 2's `batch_input_shape`, `input_shape` or `input_dim` give; None without them."""
    if kwargs.get("batch_input_shape") is not None:
        return tuple(kwargs["batch_input_shape"])
    shape = kwargs.get("input_shape")
    if shape is None and kwargs.get("input_dim") is not None:
        shape = (kwargs["input_dim"],)
    if shape is None:
        return None
    return (kwargs.get("batch_size"), *((shape,) if isinstance(shape, INTEGERS) else tuple(shape)))


def is_shape(value: object) -> bool:
    """Whether a value is one shape, not a structure of shapes."""
    return isinstance(value, (tuple, list)) and all(n is None or isinstance(n, INTEGERS) or is_symbolic_dim(n) for n in value)


def shapes_to_specs(shape: Tree, dtype: str) -> Tree:
    """Specs of one dtype for nested shapes; specs stay as they are."""
    if isinstance(shape, dict):
        return {k: shapes_to_specs(v, dtype) for k, v in shape.items()}
    if is_shape(shape):
        return Spec(shape, dtype)
    if isinstance(shape, (tuple, list)):
        return type(shape)(shapes_to_specs(v, dtype) for v in shape)
    return Spec(shape.shape, shape.dtype) if is_spec(shape) else shape


def specs_to_shapes(specs: Tree) -> Tree:
    """Shapes for nested specs or arrays."""
    return jax.tree.map(lambda s: settings.shape(s.shape) if is_spec(s) or hasattr(s, "shape") else s, specs, is_leaf=is_spec)


def is_numbers(value: Sequence[object]) -> bool:
    """Whether a list holds only numbers and lists of them."""
    return all(is_numbers(v) if isinstance(v, (list, tuple)) else isinstance(v, (int, float, bool)) for v in value)


def as_arrays(outputs: Tree) -> Tree:
    """The structure with arrays in place of variables."""
    return jax.tree.map(lambda leaf: leaf, outputs)


def masks_of(inputs: Tree) -> Tree:
    """The mask of an array, or the list, tuple or dict of masks of a list, tuple or dict; None if there is none.

    Symbolic tensors have specs of the masks that will travel with them.
    """
    leaves = jax.tree.leaves(inputs, is_leaf=is_symbolic)
    masks = [leaf.mask if is_symbolic(leaf) else get_mask(leaf) for leaf in leaves]
    if all(m is None for m in masks):
        return None
    if isinstance(inputs, dict) and len(inputs) == len(masks):
        return dict(zip(sorted(inputs), masks))
    return tuple(masks) if isinstance(inputs, tuple) else masks if isinstance(inputs, list) else masks[0]


def zip_masks(outputs: list[Tree], masks: Tree) -> list[tuple[Tree, Tree]]:
    """Pairs of an output and its mask, for those that have one; a single mask applies to all outputs."""
    masks = [masks[key] for key in sorted(masks)] if isinstance(masks, dict) else masks
    several = masks if isinstance(masks, (list, tuple)) else [masks] * len(outputs)
    return [(output, mask) for output, mask in zip(outputs, several) if mask is not None]


def single(values: list[T]) -> T | list[T]:
    """The only element, or the list."""
    return values[0] if len(values) == 1 else values


def array_specs(specs: Tree) -> Tree:
    """jkeras' own specs for nested specs of any kind."""
    return jax.tree.map(lambda s: Spec(s.shape, s.dtype), specs, is_leaf=is_spec)

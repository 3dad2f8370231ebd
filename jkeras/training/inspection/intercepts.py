"""Intercepts of a model's layers: what goes into each layer and what comes out, while the model runs unchanged.

They use the interceptor of layers (`layer/intercept.py`), so they work for every kind of model. An intercept may look at values
and replace them: with zeros added to each output, the gradient with respect to these zeros is the gradient that reaches the
output.

Layers inside a transformation of their own (the cell in a scan, what a rematerialized block holds) are left alone, because their
arrays mean nothing outside it. The layer around them is intercepted.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeAlias

import jax

from jkeras._base.types import Tree
from jkeras.layer.base import Layer
from jkeras.layer.intercept import intercepted
from jkeras.layer.tracking import walk
from jkeras.state.scope import keep_mask, same_trace, substitute

Touch: TypeAlias = Callable[[str, str, Tree], Tree]


@contextlib.contextmanager
def layers_intercepted(model: Layer, touch: Touch) -> Iterator[None]:
    """Call `touch(name, side, arrays)` at each call of each layer below a model.

    Args:
        model: built.
        touch: gets the layer's path such as `"block/dense"` (`"dense#2"` at its second call), the side, `"input"` or `"output"`,
            and a pytree; returns the pytree to use instead. Layers inside others come before the one around them.

    Example:
        >>> import numpy as np
        >>> from jkeras import Sequential, layers
        >>> model = Sequential([layers.Input((2,)), layers.Dense(3, name="a"), layers.ReLU(name="b")])
        >>> def look(name, side, x):
        ...     print(name, side, jax.tree.leaves(x)[0].shape)
        ...     return x
        >>> with layers_intercepted(model, look):
        ...     _ = model(np.ones((4, 2), "float32"))
        a input (4, 2)
        a output (4, 3)
        b input (4, 3)
        b output (4, 3)
    """
    level, counts = substitute({}), dict[str, int]()
    names = {id(layer): "/".join(path) for path, layer in walk(model) if path}

    def intercept(layer: Layer, maths: Callable[..., Tree], *args: object, **kwargs: object) -> Tree:
        name = names.get(id(layer))
        if name is None or not same_trace(level):
            return maths(*args, **kwargs)
        counts[name] = counts.get(name, 0) + 1
        called = name if counts[name] == 1 else f"{name}#{counts[name]}"
        outputs = maths(*_touched(touch, called, "input", args), **kwargs)
        return _touched(touch, called, "output", outputs)

    with intercepted(intercept):
        yield


def _touched(touch: Touch, name: str, side: str, tree: Tree) -> Tree:
    """What `touch` gives, each array with the mask of the one it replaces."""
    before, structure = jax.tree.flatten(tree)
    after = jax.tree.leaves(touch(name, side, tree))
    for old, new in zip(before, after, strict=True):
        if new is not old:
            keep_mask(old, new)
    return jax.tree.unflatten(structure, after)

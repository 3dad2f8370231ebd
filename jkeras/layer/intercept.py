"""Interceptors: code around the maths of every layer that runs in a `with` block.

An interceptor gets the layer, its maths and the call's arguments. It may look at them, change them, change the outputs, or skip
the maths:

    def double(layer, maths, *args, **kwargs):
        return 2 * maths(*args, **kwargs)

    with intercepted(double):
        y = model(x)

It runs after the layer's `__call__` has bound and cast the arguments and built the layer, and around the maths, rematerialized or
not. Layers inside are intercepted as well, even those that run inside a transformation, whose arrays mean nothing outside of it
(`state.scope.same_trace` tells). No object changes. The idea comes from `flax.linen.intercept_methods`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from jkeras._base.types import Tree
from jkeras.state.scope import current

Interceptor = Callable[..., Tree]


@contextlib.contextmanager
def intercepted(interceptor: Interceptor) -> Iterator[None]:
    """Run `interceptor(layer, maths, *args, **kwargs)` in place of the maths of each layer that is called.

    Args:
        interceptor: returns the outputs; `maths(*args, **kwargs)` returns the layer's own.

    Example:
        >>> import numpy as np
        >>> from jkeras import layers
        >>> def said(layer, maths, *args, **kwargs):
        ...     print(layer.name)
        ...     return maths(*args, **kwargs)
        >>> with intercepted(said):
        ...     _ = layers.Dense(2, name="dense")(np.ones((1, 3), "float32"))
        dense
    """
    scope = current()
    inner = scope.for_layer(scope.layer, scope.training, scope.compute)
    inner.interceptors = (*scope.interceptors, interceptor)
    with inner:
        yield

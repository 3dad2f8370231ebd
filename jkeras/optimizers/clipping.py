"""Gradient clipping: by value, by the norm of each gradient, by the norm of all of them.

    by value        g <- min(max(g, -c), c)
    by norm         g <- g c / max(|g|, c)
    by global norm  g <- g c / max(|(g_1, ..., g_n)|, c)

The first changes a gradient's direction, the second the balance between weights, the third neither.

Source: Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent neural networks", 2013.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jkeras._base.types import Tree


def clip_by_value(grads: Tree, limit: float) -> Tree:
    """Limit every element to `[-limit, limit]`."""
    return jax.tree.map(lambda g: jnp.clip(g, -limit, limit), grads)


def clip_by_norm(grads: Tree, limit: float) -> Tree:
    """Scale every gradient whose norm exceeds `limit` down to that norm."""
    return jax.tree.map(lambda g: g * limit / jnp.maximum(jnp.sqrt(jnp.sum(jnp.square(g))), limit), grads)


def clip_by_global_norm(grads: Tree, limit: float) -> Tree:
    """Scale all gradients by one factor so that their common norm is at most `limit`.

    Where the norm is not finite every gradient becomes NaN, as in Keras: a clipped infinity would hide a broken loss.
    """
    norm = jnp.sqrt(sum(jnp.sum(jnp.square(g)) for g in jax.tree.leaves(grads)))
    factor = limit * jnp.minimum(1.0 / norm, 1.0 / limit) + (norm - norm)
    return jax.tree.map(lambda g: g * factor.astype(g.dtype), grads)


def clip(grads: Tree, clipnorm: float | None, clipvalue: float | None, global_clipnorm: float | None) -> Tree:
    """Apply the clipping that is set; at most one is.

    Example:
        >>> float(clip({"w": jnp.asarray(5.0)}, None, 1.0, None)["w"])
        1.0
    """
    for clipper, limit in ((clip_by_norm, clipnorm), (clip_by_global_norm, global_clipnorm), (clip_by_value, clipvalue)):
        if limit and limit > 0:
            return clipper(grads, limit)
    return grads


def check_one_clipping(clipnorm: float | None, clipvalue: float | None, global_clipnorm: float | None) -> None:
    """ValueError where more than one kind of clipping is asked for."""
    given = {"clipnorm": clipnorm, "clipvalue": clipvalue, "global_clipnorm": global_clipnorm}
    given = {name: value for name, value in given.items() if value is not None}
    if len(given) > 1:
        listed = ", ".join(f"{k}={v}" for k, v in given.items())
        raise ValueError(f"Only one of clipnorm, clipvalue and global_clipnorm can be set; received {listed}. Keep one of them.")

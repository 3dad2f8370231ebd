"""Recurrent networks: one step, and a whole sequence.

Every cell here is `states' = gates(added + h W, side, states)`: W is the recurrent kernel, h the first state, `added` and `side`
what the step gets from the input. They do not depend on the states, so one product makes them for all steps before the loop, and
the loop's body is one product and elementwise work.

The gradient of W needs care. Transposing a scan adds one small product per step to an accumulator, W-sized, in the loop.
`unfold` has a derivative rule of its own in which W's tangent leaves the loop: with H the states that the steps saw,

    d(added + h W) = (d added + H dW) + dh W

The bracket is one product over all steps, and transposed it is one product `H^T d(added)` after the loop. The rule is an
ordinary program of JAX, linear in the tangents: forward mode, reverse mode and derivatives of derivatives all hold.

Arrays over time are time-major, `(time, batch, ...)`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jkeras._base.types import Array, Tree
from jkeras.nn.activations import sigmoid, tanh
from jkeras.nn.product import product

Activation: TypeAlias = Callable[[Array], Array]
States: TypeAlias = tuple[Array, ...]
Gates: TypeAlias = Callable[[Array, Tree, States], States]


def gated_product(x: Array, kernel: Array, factors: Array | None = None) -> Array:
    """`x @ kernel`; with factors, each gate's columns see an x of their own, `x * factors[gate]`.

    Args:
        x: `(..., batch, inputs)`.
        kernel: `(inputs, gates * units)`, gate after gate.
        factors: `(gates, batch, inputs)`, the noise of dropout; or one gate's, for all; or None.
    """
    if factors is None:
        return product(x, kernel)
    parts = jnp.split(kernel, factors.shape[0], axis=1)
    return jnp.concatenate([product(x * factor, part) for factor, part in zip(factors, parts)], axis=-1)


@functools.lru_cache(maxsize=64)
def simple_gates(activation: Activation) -> Gates:
    """`h' = activation(a)`.

    Source: Jeffrey Elman, "Finding Structure in Time", 1990.
    """

    def gates(a: Array, side: Tree, states: States) -> States:
        return (activation(a),)

    return gates


@functools.lru_cache(maxsize=64)
def lstm_gates(activation: Activation, recurrent_activation: Activation) -> Gates:
    """`c' = f c + i g`, `h' = o activation(c')`, where the columns of `a` are i, f, g, o before their activations.

    Source: Sepp Hochreiter and Jürgen Schmidhuber, "Long Short-Term Memory", 1997.
    """
    if activation is tanh and recurrent_activation is sigmoid:
        return _usual_lstm

    def gates(a: Array, side: Tree, states: States) -> States:
        i, f, g, o = jnp.split(a, 4, axis=-1)
        c = recurrent_activation(f) * states[1] + recurrent_activation(i) * activation(g)
        return recurrent_activation(o) * activation(c), c

    return gates


def _lstm_parts(a: Array, c: Array) -> tuple[Array, ...]:
    """i, f, g, o, the new c and its tanh; all four gates by one tanh, as sigmoid(x) = tanh(x / 2) / 2 + 1 / 2."""
    units = a.shape[-1] // 4
    half = np.repeat([0.5, 0.5, 1.0, 0.5], units).astype(a.dtype)
    shift = np.repeat([0.5, 0.5, 0.0, 0.5], units).astype(a.dtype)
    i, f, g, o = jnp.split(jnp.tanh(a * half) * half + shift, 4, axis=-1)
    c = f * c + i * g
    return i, f, g, o, c, jnp.tanh(c)


@jax.custom_jvp
def _usual_lstm(a: Array, side: Tree, states: States) -> States:
    *_, o, c, tanh_c = _lstm_parts(a, states[1])
    return o * tanh_c, c


@_usual_lstm.defjvp
def _usual_lstm_jvp(primals: Tree, tangents: Tree) -> tuple[States, States]:
    """The derivative with its coefficients multiplied out: six arrays to keep for each step, where JAX's rules keep eleven."""
    (a, _, (_, before)), (da, _, (_, dc)) = primals, tangents
    i, f, g, o, c, tanh_c = _lstm_parts(a, before)
    to_i, to_f, to_g, to_o = i * (1 - i) * g, f * (1 - f) * before, i * (1 - g * g), o * (1 - o) * tanh_c
    di, df, dg, do = jnp.split(da, 4, axis=-1)
    dc = f * dc + to_i * di + to_f * df + to_g * dg
    return (o * tanh_c, c), (to_o * do + (o * (1 - tanh_c * tanh_c)) * dc, dc)


@functools.lru_cache(maxsize=64)
def gru_gates(activation: Activation, recurrent_activation: Activation) -> Gates:
    """`h' = z h + (1 - z) activation(side + r a_h)`: the reset gate r works on the product, "reset after".

    The columns of `a` are z, r and a_h before their activations; `side` is the input's part of the candidate.

    Source: Kyunghyun Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder for Statistical Machine Translation",
    2014; the reset after the product is cuDNN's.
    """

    def gates(a: Array, side: Tree, states: States) -> States:
        units = side.shape[-1]
        z, r = jnp.split(recurrent_activation(a[..., : 2 * units]), 2, axis=-1)
        candidate = activation(side + r * a[..., 2 * units :])
        return (z * states[0] + (1 - z) * candidate,)

    return gates


def unfold_step(
    step: Callable[[Tree, States], States], xs: Tree, states: States, mask: Array | None = None, unroll: bool = False
) -> tuple[Array, States]:
    """Run a step over time; where the mask is False the states stay.

    Args:
        step: `(x, states) -> states`.
        xs: pytree of `(time, batch, ...)`.
        states: the first states.
        mask: bool `(time, batch, 1)` or None.
        unroll: write the steps one after another instead of a loop.

    Returns:
        The first state after each step `(time, batch, units)`, and the last states.
    """

    def body(states: States, inputs: Tree) -> tuple[States, Array]:
        x, keep = inputs
        new = hold(keep, step(x, states), states)
        return new, new[0]

    last, hs = lax.scan(body, states, (xs, mask), unroll=unroll)
    return hs, last


def hold(keep: Array | None, new: Tree, old: Tree) -> Tree:
    """`new` where keep `(batch, 1)` is True, else `old`; `new` where there is no mask."""
    if keep is None:
        return new
    return jax.tree.map(lambda a, b: jnp.where(jnp.expand_dims(keep, tuple(range(2, a.ndim))), a, b), new, old)


@functools.partial(jax.jit, static_argnums=(0, 1))
@functools.partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def unfold(
    gates: Gates, unroll: bool, added: Array, side: Tree, kernel: Array, states: States, mask: Array | None, factors: Array | None
) -> tuple[Array, States]:
    """All steps of `states' = gates(added[t] + h @ kernel, side[t], states)`.

    Args:
        gates: elementwise part of the cell, of this file.
        unroll: no loop; for short sequences.
        added: `(time, batch, gates * units)`.
        side: `(time, batch, units)`, or None where the gates need none.
        kernel: `(units, gates * units)`.
        states: tuple of `(batch, units)`, h first.
        mask: bool `(time, batch, 1)`; the states stay where it is False. None for none.
        factors: noise on h for each gate, as in `gated_product`; taken as constant. None for none.

    Returns:
        h after each step `(time, batch, units)`, and the last states.

    Example:
        >>> hs, last = unfold(simple_gates(tanh), False, jnp.ones((3, 1, 2)), None, jnp.eye(2), (jnp.zeros((1, 2)),), None, None)
        >>> hs.shape, [round(float(h[0, 0]), 3) for h in hs]
        ((3, 1, 2), [0.762, 0.943, 0.96])
    """

    def step(inputs: Tree, states: States) -> States:
        return gates(inputs[0] + gated_product(states[0], kernel, factors), inputs[1], states)

    return unfold_step(step, (added, side), states, mask, unroll)


@unfold.__wrapped__.defjvp  # type: ignore[attr-defined]
def _unfold_jvp(gates: Gates, unroll: bool, primals: Tree, tangents: Tree) -> tuple[Tree, Tree]:
    added, side, kernel, states, mask, factors = primals
    d_added, d_side, d_kernel, d_states, *_ = tangents

    def step(states: States, inputs: Tree) -> Tree:
        added_t, side_t, keep = inputs
        a = added_t + gated_product(states[0], kernel, factors)
        new, derivative = jax.linearize(lambda *xs: hold(keep, gates(*xs), xs[2]), a, side_t, states)
        return new, (new[0], states[0], derivative)

    last, (hs, seen, derivatives) = lax.scan(step, states, (added, side, mask), unroll=unroll)

    # Transposed here, so that it is not in each step of the transposed loop, where a CPU is slower at `dh W^T` than at a product.
    turned = kernel.T

    def tangent_step(d_states: States, inputs: Tree) -> Tree:
        derivative, d_a, d_side_t = inputs
        h = d_states[0]
        to_a = jnp.einsum("bi,ji->bj", h, turned) if factors is None else gated_product(h, kernel, factors)
        d_states = derivative(d_a + to_a, d_side_t, d_states)
        return d_states, d_states[0]

    outside = d_added + gated_product(seen, d_kernel, factors)
    d_last, d_hs = lax.scan(tangent_step, d_states, (derivatives, outside, d_side), unroll=unroll)
    return (hs, last), (d_hs, d_last)


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def unfold_reset_before(
    activation: Activation,
    recurrent_activation: Activation,
    unroll: bool,
    added: Array,
    kernel: Array,
    states: States,
    mask: Array | None = None,
    factors: Array | None = None,
) -> tuple[Array, States]:
    """All steps of a GRU whose reset gate works on the state before the product: `activation(x_h + (r h) W_h)`.

    The second product stands between the gates, so this is a plain scan, with JAX's own derivative.

    Args:
        activation, recurrent_activation: functions.
        unroll: no loop.
        added: the input's part, `(time, batch, 3 * units)`, columns z, r, h.
        kernel: `(units, 3 * units)`.
        states: `(h,)` with h `(batch, units)`.
        mask: bool `(time, batch, 1)` or None.
        factors: `(3, batch, units)` noise on the state, or None.

    Returns:
        h after each step `(time, batch, units)`, and `(h,)` at the end.
    """
    two = 2 * kernel.shape[0]

    def step(x: Array, states: States) -> States:
        h = states[0]
        a = x[..., :two] + gated_product(h, kernel[:, :two], None if factors is None else factors[:2])
        z, r = jnp.split(recurrent_activation(a), 2, axis=-1)
        kept = r * h if factors is None else r * (h * factors[2])
        candidate = activation(x[..., two:] + product(kept, kernel[:, two:]))
        return (z * h + (1 - z) * candidate,)

    return unfold_step(step, added, states, mask, unroll)

"""What the two hand-written JAX loops share: a step as a pure function, and the building blocks of the models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from bench.workload import Training

glorot = jax.nn.initializers.glorot_uniform()
he_normal = jax.nn.initializers.he_normal()


def conv(x: jax.Array, kernel: jax.Array, strides: int = 1, padding: str = "SAME") -> jax.Array:
    """The convolution as JAX offers it: NHWC images, HWIO kernels."""
    return jax.lax.conv_general_dilated(x, kernel, (strides, strides), padding, dimension_numbers=("NHWC", "HWIO", "NHWC"))


def patch_conv(x: jax.Array, kernel: jax.Array, strides: int = 1, padding: str = "SAME") -> jax.Array:
    """The same convolution as shifted images side by side and one product, whose gradients stay fast inside a loop body."""
    height, width, channels, filters = kernel.shape
    pads = jax.lax.padtype_to_pads(x.shape[1:3], (height, width), (strides, strides), padding)
    x = jnp.pad(x, ((0, 0), *pads, (0, 0)))
    rows = (x.shape[1] - height) // strides + 1
    columns = (x.shape[2] - width) // strides + 1
    shifted = [
        x[:, i : i + strides * (rows - 1) + 1 : strides, j : j + strides * (columns - 1) + 1 : strides]
        for i in range(height)
        for j in range(width)
    ]
    return jnp.concatenate(shifted, axis=-1) @ kernel.reshape(height * width * channels, filters)


def max_pool(x: jax.Array) -> jax.Array:
    """2x2 max pooling without overlap (a last odd row or column is left out), as a reshape and a maximum."""
    rows, height, width, channels = x.shape
    x = x[:, : height // 2 * 2, : width // 2 * 2]
    return x.reshape(rows, height // 2, 2, width // 2, 2, channels).max((2, 4))


def dense(key: jax.Array, inputs: int, units: int) -> dict[str, jax.Array]:
    """Weights of a dense layer."""
    return {"w": glorot(key, (inputs, units)), "b": jnp.zeros(units)}


def affine(p: dict[str, jax.Array], x: jax.Array) -> jax.Array:
    return x @ p["w"] + p["b"]


def optimizer_of(workload: Training) -> optax.GradientTransformation:
    kind, rate = workload.optimizer
    return optax.adam(rate, eps=1e-7) if kind == "adam" else optax.sgd(rate)


def loss_of(workload: Training, conv: Callable[..., jax.Array]) -> Callable[..., Any]:
    """The mean loss of a batch, with new state and mean accuracy."""

    def loss(params: Any, state: Any, x: jax.Array, y: jax.Array) -> tuple[jax.Array, tuple[Any, jax.Array]]:
        logits, state = workload.apply(params, state, x, conv)
        mean = optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()
        right = (logits.argmax(-1) == y).mean() if workload.accuracy else jnp.zeros(())
        return mean, (state, right)

    return loss


def step_of(workload: Training, conv: Callable[..., jax.Array]) -> Callable[..., Any]:
    """`(carry, x, y) -> carry`, where the carry holds parameters, state, optimizer state and the epoch's sums."""
    slope = jax.value_and_grad(loss_of(workload, conv), has_aux=True)
    rule = optimizer_of(workload)

    def step(carry: Any, x: jax.Array, y: jax.Array) -> Any:
        params, state, memory, total, right = carry
        (value, (state, correct)), gradient = slope(params, state, x, y)
        updates, memory = rule.update(gradient, memory, params)
        return optax.apply_updates(params, updates), state, memory, total + value, right + correct

    return step


def start(workload: Training) -> Any:
    """The carry before the first step, made in one compiled call."""

    @jax.jit
    def make(key: jax.Array) -> Any:
        params, state = workload.init(key)
        return params, state, optimizer_of(workload).init(params), jnp.zeros(()), jnp.zeros(())

    return make(jax.random.key(0))


def sums_read(carry: Any, steps: int) -> tuple[Any, float, float]:
    """The carry with its sums reset, and mean loss and accuracy of the epoch."""
    *rest, total, right = carry
    return (*rest, jnp.zeros(()), jnp.zeros(())), float(total) / steps, float(right) / steps

"""The LSTM of cuDNN, NVIDIA's library, through `jax.experimental.rnn`.

One call runs all steps, and its gradient is one call as well; there is no forward mode, no second derivative, no mask here, and
no bfloat16. It computes in TF32 unless JAX's matmul precision says `highest`.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax.experimental import rnn

from jkeras._base.types import Array, Float


def available() -> bool:
    """Whether JAX has a GPU, without which the program of cuDNN's LSTM cannot even be traced."""
    try:
        return bool(jax.devices("gpu"))
    except RuntimeError:
        return False


def pack_lstm_weights(
    kernel: Float[Array, "inputs gates"], recurrent_kernel: Float[Array, "units gates"], bias: Float[Array, " gates"]
) -> Float[Array, " all"]:
    """Weights in cuDNN's order: both kernels transposed, the bias, and zeros for its second bias; gates i, f, g, o as here.

    Example:
        >>> pack_lstm_weights(jnp.ones((3, 8)), jnp.ones((2, 8)), jnp.ones(8)).shape
        (56,)
    """
    return jnp.concatenate([kernel.T.ravel(), recurrent_kernel.T.ravel(), bias, jnp.zeros_like(bias)])


def cudnn_lstm(
    x: Float[Array, "batch time inputs"],
    h: Float[Array, "batch units"],
    c: Float[Array, "batch units"],
    kernel: Float[Array, "inputs gates"],
    recurrent_kernel: Float[Array, "units gates"],
    bias: Float[Array, " gates"],
) -> tuple[Float[Array, "batch time units"], tuple[Float[Array, "batch units"], Float[Array, "batch units"]]]:
    """All steps of an LSTM with tanh and sigmoid, on a GPU only.

    Args:
        x: inputs.
        h, c: first states.
        kernel, recurrent_kernel, bias: with columns i, f, g, o.

    Returns:
        h after each step, and the last `(h, c)`.
    """
    lengths = jnp.full((x.shape[0],), x.shape[1], jnp.int32)
    weights = pack_lstm_weights(kernel, recurrent_kernel, bias)
    sizes = {"input_size": x.shape[-1], "hidden_size": h.shape[-1], "num_layers": 1, "dropout": 0.0, "bidirectional": False}
    hs, h_last, c_last = rnn.lstm(x, h[None], c[None], weights, lengths, **sizes)
    return hs, (h_last[0], c_last[0])

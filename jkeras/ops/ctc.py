"""Connectionist temporal classification: the likelihood of a label sequence under frame-wise predictions.

Each frame emits a class or the blank. A path over frames names a label sequence when repetitions are merged and blanks dropped;
the likelihood of a sequence is the sum over its paths. It is summed by dynamic programming over the sequence with a blank before,
between and behind its labels: state 2i is a blank, state 2i + 1 the i-th label.

Source: Graves, Fernandez, Gomez and Schmidhuber, "Connectionist Temporal Classification: Labelling Unsegmented Sequence Data with
Recurrent Neural Networks", 2006.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from jkeras._base.errors import describe
from jkeras._base.types import Array
from jkeras.nn.norm import at_least_float32
from jkeras.ops.wrapper import Tensor, as_array, operation

# A finite stand-in for log(0): differences of infinities have no gradient.
_LOG_ZERO = -1e5


@operation("nn")
def ctc_loss(target: Tensor, output: Tensor, target_length: Tensor, output_length: Tensor, mask_index: int = 0) -> Tensor:
    """The negative log-likelihood of label sequences.

    Args:
        target: labels, `(batch, labels)`.
        output: logits, `(batch, frames, classes)`.
        target_length: how many labels count, `(batch,)`.
        output_length: how many frames count, `(batch,)`.
        mask_index: the class that is the blank.

    Returns:
        `(batch,)`; about 1e5 and more where a sequence does not fit into its frames.

    Example:
        >>> import jax.numpy as jnp
        >>> float(ctc_loss([[1]], jnp.zeros((1, 1, 2)), [1], [1]).round(4)[0])
        0.6930999755859375
    """
    labels, logits = as_array(target, "int32"), as_array(output)
    if labels.ndim != 2 or logits.ndim != 3:
        raise ValueError(f"ctc_loss takes (batch, labels) and (batch, frames, classes), received {describe((labels, logits))}.")
    log_p = jax.nn.log_softmax(at_least_float32(logits))
    one = jax.vmap(_log_likelihood, (0, 0, 0, 0, None))
    return -one(labels, log_p, as_array(target_length, "int32"), as_array(output_length, "int32"), mask_index)


def _log_likelihood(labels: Array, log_p: Array, label_count: Array, frame_count: Array, blank: int) -> jax.Array:
    states = jnp.full(2 * labels.size + 1, blank).at[1::2].set(labels)
    # A label may follow a label directly, without the blank between, unless they are equal.
    skips = (states[2:] != blank) & (states[2:] != states[:-2])
    may_skip = jnp.pad(skips, (2, 0))

    def step(alpha: jax.Array, frame: tuple[Array, Array]) -> tuple[jax.Array, None]:
        log_p, counts = frame
        one_back = jnp.pad(alpha[:-1], (1, 0), constant_values=_LOG_ZERO)
        two_back = jnp.pad(alpha[:-2], (2, 0), constant_values=_LOG_ZERO)[: alpha.size]
        reached = jnp.logaddexp(jnp.logaddexp(alpha, one_back), jnp.where(may_skip, two_back, _LOG_ZERO))
        return jnp.where(counts, reached + log_p[states], alpha), None

    start = jnp.full(states.size, _LOG_ZERO, log_p.dtype).at[0].set(0.0)
    alpha, _ = lax.scan(step, start, (log_p, jnp.arange(log_p.shape[0]) < frame_count))
    last = 2 * label_count
    ends_in_label = jnp.where(label_count > 0, alpha[jnp.maximum(last - 1, 0)], _LOG_ZERO)
    return jnp.logaddexp(alpha[last], ends_in_label)

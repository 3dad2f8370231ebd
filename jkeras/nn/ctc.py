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
from jkeras._base.types import Array, Float, Int
from jkeras.nn.norm import at_least_float32

# A finite stand-in for log(0): differences of infinities have no gradient.
_LOG_ZERO = -1e5


def sequence_loss(
    labels: Int[Array, "batch labels"],
    logits: Float[Array, "batch frames classes"],
    label_counts: Int[Array, " batch"],
    frame_counts: Int[Array, " batch"],
    blank: int = 0,
) -> Float[Array, " batch"]:
    """The negative log-likelihood of label sequences; about 1e5 and more where a sequence does not fit into its frames.

    Args:
        labels: those behind the first `label_counts` do not count.
        logits: of each frame.
        label_counts, frame_counts: how many of a row count.
        blank: the class that stands for no label.

    Raises:
        ValueError: other numbers of axes.

    Example:
        >>> one = jnp.array([1])
        >>> round(float(sequence_loss(one[None], jnp.zeros((1, 1, 2)), one, one)[0]), 4)
        0.6931
    """
    if labels.ndim != 2 or logits.ndim != 3:
        raise ValueError(f"ctc_loss takes (batch, labels) and (batch, frames, classes), received {describe((labels, logits))}.")
    log_p = jax.nn.log_softmax(at_least_float32(logits))
    found: Array = -jax.vmap(_log_likelihood, (0, 0, 0, 0, None))(labels, log_p, label_counts, frame_counts, blank)
    return found


def _log_likelihood(labels: Array, log_p: Array, label_count: Array, frame_count: Array, blank: int) -> jax.Array:
    states = jnp.full(2 * labels.size + 1, blank).at[1::2].set(labels)
    # A label may follow a label directly, without the blank between, unless they are equal.
    may_skip = jnp.pad(states[2:] != states[:-2], (2, 0))

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


def ctc(y_true: Array, y_pred: Array) -> Float[Array, " batch"]:
    """The negative log-likelihood of label sequences, for logits of all frames. Class 0 is the blank, and the padding of labels.

    Args:
        y_true: labels `(batch, labels)`; zeros do not count.
        y_pred: logits `(batch, frames, classes)`.

    Raises:
        ValueError: other numbers of axes.

    Example:
        >>> round(float(ctc([[1, 0]], [[[0.0, 0.0]]])[0]), 4)
        0.6931

    Source: Graves, Fernandez, Gomez and Schmidhuber, "Connectionist Temporal Classification", 2006.
    """
    labels, logits = jnp.asarray(y_true), jnp.asarray(y_pred)
    if labels.ndim != 2 or logits.ndim != 3:
        raise ValueError(
            "ctc takes labels (batch, labels) and logits (batch, frames, classes). "
            f"Received: y_true {labels.shape}, y_pred {logits.shape}."
        )
    labels = labels.astype(jnp.int32)
    frames = jnp.full(logits.shape[:1], logits.shape[1], jnp.int32)
    return sequence_loss(labels, logits, jnp.sum(labels != 0, 1, dtype=jnp.int32), frames)

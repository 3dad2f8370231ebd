"""From frame-wise predictions to label sequences: the best path, or the best sequences by prefix beam search.

The most likely class of each frame gives the most likely *path*, which need not give the most likely *sequence*, because many
paths name one sequence. Beam search keeps the most likely beginnings of sequences. For each it has the probability of all paths
that end in a blank and of those that end in its last label: only after a blank does the same label count again.

Source: Graves, "Supervised Sequence Labelling with Recurrent Neural Networks", 2012, chapter 7; Hannun, Maas, Jurafsky and Ng,
"First-Pass Large Vocabulary Continuous Speech Recognition using Bi-Directional Recurrent DNNs", 2014.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jkeras._base.errors import describe, unknown_name
from jkeras._base.types import Array
from jkeras.nn.norm import at_least_float32
from jkeras.ops.wrapper import Tensor, as_array, operation


@operation("nn")
def ctc_decode(
    inputs: Tensor,
    sequence_lengths: Tensor,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int = 0,
) -> tuple[Tensor, Tensor]:
    """Label sequences for frame-wise logits.

    Args:
        inputs: logits, `(batch, frames, classes)`.
        sequence_lengths: how many frames count, `(batch,)`.
        strategy: `"greedy"` for the best path, `"beam_search"` for the best sequences.
        beam_width: how many beginnings beam search keeps.
        top_paths: how many sequences beam search returns.
        merge_repeated: whether the best path's repetitions are merged.
        mask_index: the class that is the blank.

    Returns:
        Labels, `(sequences, batch, frames)`, filled up with -1; and scores, `(batch, sequences)`: minus the sum of the path's
        logits for `"greedy"`, log-probabilities for `"beam_search"`.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> labels, _ = ctc_decode(jax.nn.one_hot(jnp.array([[1, 1, 0, 2]]), 3), [4])
        >>> labels.tolist()
        [[[1, 2, -1, -1]]]
    """
    logits, lengths = at_least_float32(as_array(inputs)), as_array(sequence_lengths, "int32")
    if logits.ndim != 3:
        raise ValueError(f"ctc_decode takes logits (batch, frames, classes), received {describe(logits)}.")
    frames = jnp.arange(logits.shape[1]) < lengths[:, None]
    if strategy == "greedy":
        return _best_path(logits, frames, merge_repeated, mask_index)
    if strategy != "beam_search":
        raise unknown_name("strategy", strategy, ("greedy", "beam_search"))
    search = jax.vmap(lambda x, counts: _beam_search(x, counts, beam_width, top_paths, mask_index))
    labels, scores = search(jax.nn.log_softmax(logits), frames)
    return jnp.swapaxes(labels, 0, 1), scores


def _best_path(logits: jax.Array, frames: jax.Array, merge_repeated: bool, blank: int) -> tuple[jax.Array, jax.Array]:
    labels = jnp.where(frames, jnp.argmax(logits, axis=-1).astype("int32"), blank)
    kept = labels != blank
    if merge_repeated:
        kept &= jnp.pad(labels[:, 1:] != labels[:, :-1], ((0, 0), (1, 0)), constant_values=True)
    first = jnp.argsort(~kept, axis=-1, stable=True)
    packed = jnp.take_along_axis(jnp.where(kept, labels, -1), first, axis=-1)
    return packed[None], -jnp.sum(jnp.max(logits, axis=-1), axis=-1, where=frames, keepdims=True)


class _Beam(NamedTuple):
    """Beginnings of sequences: labels `(width, frames)` filled up with -1, their length, and log-probabilities by last frame."""

    labels: jax.Array
    length: jax.Array
    ends_blank: jax.Array
    ends_label: jax.Array

    @property
    def last(self) -> jax.Array:
        """The last label, -1 for the empty sequence."""
        found = jnp.take_along_axis(self.labels, jnp.maximum(self.length - 1, 0)[:, None], axis=1)[:, 0]
        return jnp.where(self.length > 0, found, -1)

    @property
    def total(self) -> jax.Array:
        """The log-probability of all paths."""
        return jnp.logaddexp(self.ends_blank, self.ends_label)


def _beam_search(log_p: jax.Array, frames: jax.Array, width: int, top: int, blank: int) -> tuple[jax.Array, jax.Array]:
    nothing = jnp.full(width, -jnp.inf, log_p.dtype)
    labels = jnp.full((width, log_p.shape[0]), -1, "int32")
    start = _Beam(labels, jnp.zeros(width, "int32"), nothing.at[0].set(0.0), nothing)

    def step(beam: _Beam, frame: tuple[Array, Array]) -> tuple[_Beam, None]:
        log_p, counts = frame
        return lax.cond(counts, lambda: _extend(beam, log_p, blank), lambda: beam), None

    beam, _ = lax.scan(step, start, (log_p, frames))
    scores, best = lax.top_k(beam.total, top)
    return beam.labels[best], scores


def _extend(beam: _Beam, log_p: jax.Array, blank: int) -> _Beam:
    """The most likely beginnings after one more frame: each as it is, or with one more label."""
    width, classes = beam.length.size, log_p.size
    last, places = beam.last, jnp.arange(width)
    again = jnp.where(last >= 0, log_p[last], -jnp.inf)
    stay_blank, stay_label = beam.total + log_p[blank], beam.ends_label + again

    # The same label twice needs a blank between.
    before = jnp.where(jnp.arange(classes) == last[:, None], beam.ends_blank[:, None], beam.total[:, None])
    grown = (before + log_p).at[:, blank].set(-jnp.inf)

    # Where beginning i with a further label is beginning j, its probability goes to j. Empty slots of the beam are not parents.
    parent = jnp.where(jnp.arange(beam.labels.shape[1]) == (beam.length - 1)[:, None], -1, beam.labels)
    is_child = (
        jnp.all(beam.labels[:, None] == parent[None], axis=-1) & (beam.length > 0) & (beam.length[:, None] + 1 == beam.length)
    )
    is_child &= jnp.isfinite(beam.total)[:, None] & jnp.isfinite(beam.total)
    joining = jnp.where(is_child, grown[:, jnp.maximum(last, 0)], -jnp.inf)
    stay_label = jnp.logaddexp(stay_label, jax.nn.logsumexp(joining, axis=0))
    grown = grown.at[places[:, None], jnp.where(is_child, last, classes)].set(-jnp.inf, mode="drop")

    chances = jnp.concatenate([jnp.logaddexp(stay_blank, stay_label), grown.ravel()])
    _, chosen = lax.top_k(chances, width)
    is_new = chosen >= width
    parent_of = jnp.where(is_new, (chosen - width) // classes, chosen)
    length = beam.length[parent_of]
    added = jnp.where(is_new, (chosen - width) % classes, -1)
    written = beam.labels[parent_of].at[places, jnp.where(is_new, length, beam.labels.shape[1])].set(added, mode="drop")
    return _Beam(
        written,
        length + is_new,
        jnp.where(is_new, -jnp.inf, stay_blank[parent_of]),
        jnp.where(is_new, chances[chosen], stay_label[parent_of]),
    )

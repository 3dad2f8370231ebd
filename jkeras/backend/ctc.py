"""Connectionist temporal classification with the arguments of Keras 2's backend; the blank is the last class."""

from __future__ import annotations

from jkeras import ops
from jkeras._base.types import Array
from jkeras.ops.wrapper import Tensor


def ctc_batch_cost(y_true: Tensor, y_pred: Tensor, input_length: Tensor, label_length: Tensor) -> Tensor:
    """The negative log-likelihood of label sequences.

    Args:
        y_true: labels, `(batch, labels)`.
        y_pred: probabilities, `(batch, frames, classes)`, as from a softmax.
        input_length, label_length: how many frames and labels count, `(batch, 1)`.

    Returns:
        `(batch, 1)`.

    Source: Graves, Fernández, Gomez and Schmidhuber, "Connectionist Temporal Classification", 2006.
    """
    logits = ops.log(y_pred + 1e-7)
    labels, frames = (ops.cast(ops.reshape(n, (-1,)), "int32") for n in (label_length, input_length))
    return ops.expand_dims(ops.ctc_loss(y_true, logits, labels, frames, mask_index=y_pred.shape[-1] - 1), 1)


def ctc_decode(
    y_pred: Tensor, input_length: Tensor, greedy: bool = True, beam_width: int = 100, top_paths: int = 1
) -> tuple[list[Array], Array]:
    """The most likely label sequences.

    Args:
        y_pred: probabilities, `(batch, frames, classes)`.
        input_length: how many frames count, `(batch,)`.
        greedy: whether to take the most likely class of each frame rather than run a beam search.
        beam_width: how many prefixes the beam search keeps.
        top_paths: how many sequences the beam search returns.

    Returns:
        A list of labels `(batch, frames)`, padded with -1, and scores `(batch, sequences)`.
    """
    decoded, scores = ops.ctc_decode(
        ops.log(y_pred + 1e-7),
        ops.cast(input_length, "int32"),
        "greedy" if greedy else "beam_search",
        beam_width,
        top_paths,
        mask_index=y_pred.shape[-1] - 1,
    )
    return [decoded[i] for i in range(1 if greedy else top_paths)], scores

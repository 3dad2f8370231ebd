"""Connectionist temporal classification as an operation. The maths is in `nn/ctc.py`."""

from __future__ import annotations

from jkeras.nn.ctc import sequence_loss
from jkeras.ops.wrapper import Tensor, as_array, operation


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
    counts = as_array(target_length, "int32"), as_array(output_length, "int32")
    return sequence_loss(as_array(target, "int32"), as_array(output), *counts, mask_index)

"""`tf.nn`: activations and losses on logits."""

from __future__ import annotations

from collections.abc import Sequence

from jkeras import ops, random
from jkeras._base.types import Tree
from jkeras.compat.standin.mathematics import in_top_k as in_top_k
from jkeras.compat.standin.mathematics import l2_normalize as l2_normalize
from jkeras.compat.standin.mathematics import top_k as top_k
from jkeras.compat.standin.renamed import renamed as _renamed
from jkeras.ops.wrapper import Tensor

globals().update(
    _renamed(
        {
            "features": "elu relu relu6 selu silu softplus softsign swish=silu",
            "features alpha": "leaky_relu",
            "logits axis|dim": "log_softmax softmax",
            "x": "sigmoid tanh",
            "x axes keepdims|keep_dims": "moments",
        }
    )
)


def gelu(features: Tree, approximate: bool = False, name: object = None) -> Tensor:
    """The Gaussian error linear unit, exact unless told otherwise."""
    return ops.gelu(features, approximate)


def dropout(
    x: Tree, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, name: object = None
) -> Tensor:
    """The array with a share `rate` of its entries 0 and the others scaled up."""
    return random.dropout(x, rate, noise_shape, seed)


def l2_loss(t: Tree, name: object = None) -> Tensor:
    """Half the sum of squares."""
    return ops.divide(ops.sum(ops.square(t)), 2)


def softmax_cross_entropy_with_logits(labels: Tree, logits: Tree, axis: int = -1, name: object = None) -> Tensor:
    """The cross-entropy of rows of probabilities and rows of logits, one value per row.

    Example:
        >>> softmax_cross_entropy_with_logits(labels=[[1.0, 0.0]], logits=[[0.0, 0.0]]).round(4).tolist()
        [0.6930999755859375]
    """
    return ops.categorical_crossentropy(ops.convert_to_tensor(labels), ops.convert_to_tensor(logits), from_logits=True, axis=axis)


softmax_cross_entropy_with_logits_v2 = softmax_cross_entropy_with_logits


def sparse_softmax_cross_entropy_with_logits(labels: Tree, logits: Tree, name: object = None) -> Tensor:
    """The cross-entropy of classes and rows of logits, one value per row."""
    return ops.sparse_categorical_crossentropy(ops.convert_to_tensor(labels), ops.convert_to_tensor(logits), from_logits=True)


def sigmoid_cross_entropy_with_logits(labels: Tree, logits: Tree, name: object = None) -> Tensor:
    """The cross-entropy of probabilities and logits, entry by entry."""
    return ops.binary_crossentropy(ops.convert_to_tensor(labels), ops.convert_to_tensor(logits), from_logits=True)

"""`tf.nn`: activations and losses on logits."""

from __future__ import annotations

from collections.abc import Sequence

from jkeras import ops, random
from jkeras._base.types import Tree
from jkeras.compat.standin.mathematics import in_top_k, l2_normalize, top_k
from jkeras.compat.standin.renamed import renamed
from jkeras.ops.wrapper import Tensor

_AXIS = "logits axis|dim"

elu = renamed("elu", ops.elu, "features")
log_softmax = renamed("log_softmax", ops.log_softmax, _AXIS)
relu = renamed("relu", ops.relu, "features")
relu6 = renamed("relu6", ops.relu6, "features")
selu = renamed("selu", ops.selu, "features")
sigmoid = renamed("sigmoid", ops.sigmoid, "x")
silu = renamed("silu", ops.silu, "features")
softmax = renamed("softmax", ops.softmax, _AXIS)
softplus = renamed("softplus", ops.softplus, "features")
softsign = renamed("softsign", ops.softsign, "features")
swish = renamed("swish", ops.silu, "features")
tanh = renamed("tanh", ops.tanh, "x")
moments = renamed("moments", ops.moments, "x axes keepdims|keep_dims")
leaky_relu = renamed("leaky_relu", ops.leaky_relu, "features alpha")

__all__ = [
    "dropout",
    "elu",
    "gelu",
    "in_top_k",
    "l2_loss",
    "l2_normalize",
    "leaky_relu",
    "log_softmax",
    "moments",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "sigmoid_cross_entropy_with_logits",
    "silu",
    "softmax",
    "softmax_cross_entropy_with_logits",
    "softmax_cross_entropy_with_logits_v2",
    "softplus",
    "softsign",
    "sparse_softmax_cross_entropy_with_logits",
    "swish",
    "tanh",
    "top_k",
]


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

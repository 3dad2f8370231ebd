"""Activations of `jkeras.nn` as operations."""

from __future__ import annotations

import warnings

from jkeras._base.errors import describe
from jkeras._base.plain_numbers import INTEGERS
from jkeras.nn import activations, rectifiers
from jkeras.ops.families import Axis, along, define, shrink, spread, unary
from jkeras.ops.wrapper import Tensor, as_array, axes, operand, operation

define(unary, activations, "log_sigmoid selu sigmoid silu softplus softsign swish=silu tanh_shrink", area="nn")
define(unary, rectifiers, "hard_sigmoid hard_silu hard_swish=hard_silu hard_tanh relu6 sparse_plus sparse_sigmoid", area="nn")
define(along, activations, "glu log_softmax", area="nn")
define(along, rectifiers, "sparsemax", area="nn")
define(spread, activations, "celu elu", area="nn")
define(shrink, rectifiers, "hard_shrink soft_shrink", area="nn")


@operation("nn")
def softmax(x: Tensor, axis: Axis = -1) -> Tensor:
    """Positive numbers that sum to 1 along an axis: `exp(x_i) / sum_j exp(x_j)`; warns where the axis has size 1."""
    x = as_array(x)
    if isinstance(axis, INTEGERS) and -x.ndim <= axis < x.ndim and x.shape[axis] == 1:
        warnings.warn(
            f"softmax over axis {axis} of {describe(x)}: the axis has size 1, so every result is 1. Did you mean sigmoid?",
            stacklevel=3,
        )
    return activations.softmax(x, axes(axis))


@operation("nn")
def gelu(x: Tensor, approximate: bool = True) -> Tensor:
    """The Gaussian error linear unit `x P(X <= x)` for a standard normal X, by default with tanh for the normal integral."""
    return activations.gelu(operand(x), approximate)


@operation("nn")
def relu(x: Tensor) -> Tensor:
    """The rectified linear unit, `max(x, 0)`."""
    return rectifiers.relu(operand(x))


@operation("nn")
def leaky_relu(x: Tensor, negative_slope: float = 0.2) -> Tensor:
    """`x` where x >= 0, else `negative_slope x`."""
    return rectifiers.leaky_relu(operand(x), negative_slope)


@operation("nn")
def squareplus(x: Tensor, b: float = 4) -> Tensor:
    """`(x + sqrt(x^2 + b)) / 2`, a smooth rectifier."""
    return activations.squareplus(operand(x), b)


@operation("nn")
def threshold(x: Tensor, threshold: float, default_value: float) -> Tensor:
    """`x` where x > threshold, else `default_value`."""
    return rectifiers.threshold(operand(x), threshold, default_value)

"""The table of what a CPU computes in its own way, operation -> function; no file of the maths refers to it."""

from __future__ import annotations

from collections.abc import Callable

from jkeras._base.types import Tree
from jkeras.nn import attention, conv_fused, conv_primitive, product, updates
from jkeras.nn.cpu import attention as by_products
from jkeras.nn.cpu import conv_rule, in_place, products
from jkeras.nn.operation import Choice, Operation

LOWERINGS: dict[Operation | Choice, Callable[..., Tree]] = {
    conv_primitive.output: conv_rule.output,
    conv_primitive.input_gradient: conv_rule.input_gradient,
    conv_primitive.kernel_gradient: conv_rule.kernel_gradient,
    conv_fused.output: conv_rule.fused,
    product.kernel_gradient: products.kernel_gradient,
    attention.attend: by_products.attend,
    attention.attend_or_flash: by_products.attend,
    updates.together: in_place.wait,
}
for _operation, _compute in LOWERINGS.items():
    _operation.on("cpu", _compute)

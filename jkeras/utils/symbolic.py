"""Questions about symbolic tensors."""

from __future__ import annotations

from jkeras._base.registry import export
from jkeras.graph.keras_tensor import KerasTensor
from jkeras.graph.topology import source_inputs


@export("keras.utils.is_keras_tensor")
def is_keras_tensor(x: object) -> bool:
    """Whether x is a symbolic tensor.

    Example:
        >>> from jkeras import Input
        >>> is_keras_tensor(Input((3,))), is_keras_tensor(1.0)
        (True, False)
    """
    return isinstance(x, KerasTensor)


@export("keras.utils.get_source_inputs")
def get_source_inputs(tensor: KerasTensor) -> list[KerasTensor]:
    """The inputs that a symbolic tensor is computed from, each once.

    Args:
        tensor: anything else comes back as it is.

    Example:
        >>> from jkeras.layers import Dense, Input
        >>> x = Input((3,))
        >>> get_source_inputs(Dense(2)(x))[0] is x
        True
    """
    return source_inputs(tensor) if isinstance(tensor, KerasTensor) else tensor

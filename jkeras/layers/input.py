"""`Input` and `InputLayer`: where a graph starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jkeras._base.dtypes import dtype_of_values
from jkeras._base.errors import describe
from jkeras._base.naming import auto_name
from jkeras._base.registry import export
from jkeras._base.types import DTypeLike, Tree, Weights
from jkeras.graph import KerasTensor, Node, Spec
from jkeras.graph.spec import checked_shape
from jkeras.layer.base import Layer

Shape = Sequence[int | None]


@export("keras.layers.InputLayer", "keras.InputLayer")
class InputLayer(Layer):
    """The layer behind an `Input`: it holds the shape and returns its input.

    Args:
        shape: without the batch axis.
        batch_size: of the batch axis, default unknown.
        dtype: default `floatx()`.
        sparse: whether the data are sparse, such as `jax.experimental.sparse.BCOO`. A note for readers: dense data fit as well.
        ragged: must be False.
        batch_shape: with the batch axis, instead of `shape`.
        input_tensor: a symbolic tensor to take shape and dtype from.
        optional: whether a functional model takes None for it; then the layers that use it must take None.
        name: default `input_1`, `input_2`, ...
        input_shape, batch_input_shape: Keras 2's names for `shape` and `batch_shape`.

    Example:
        >>> InputLayer(shape=(784,)).output.shape
        (None, 784)
    """

    def __init__(
        self,
        shape: Shape | None = None,
        batch_size: int | None = None,
        dtype: DTypeLike | None = None,
        sparse: bool | None = None,
        ragged: bool | None = None,
        batch_shape: Shape | None = None,
        input_tensor: KerasTensor | None = None,
        optional: bool = False,
        name: str | None = None,
        input_shape: Shape | None = None,
        batch_input_shape: Shape | None = None,
        trainable: bool = True,
    ):
        if ragged:
            raise ValueError(
                "Ragged inputs are not supported. Leave the argument out, pad the rows to one length, and pass a mask."
            )
        shape = shape if shape is not None else input_shape
        batch_shape = batch_shape if batch_shape is not None else batch_input_shape
        if batch_size is not None and batch_shape is not None:
            raise ValueError(f"batch_shape={tuple(batch_shape)} has the batch's size already. Leave out batch_size={batch_size}.")
        if input_tensor is not None:
            _check_against(input_tensor, shape, batch_size, batch_shape, dtype)
            shape, batch_size, batch_shape, dtype = None, None, input_tensor.shape, input_tensor.dtype
        if (shape is None) == (batch_shape is None):
            raise ValueError(
                f"Give either shape= (without the batch axis) or batch_shape=. Received: shape={shape!r}, "
                f"batch_shape={batch_shape!r}. Write for example Input(shape=(784,))."
            )
        super().__init__(name=name or auto_name("input", first=1), dtype=None, trainable=trainable)
        self.batch_shape = (batch_size, *_checked(shape)) if shape is not None else _checked(batch_shape)
        self.input_dtype = dtype_of_values(dtype)
        self.sparse, self.optional = bool(sparse), bool(optional)
        self.built = True
        Node(self, (), {}, Spec(self.batch_shape, self.input_dtype))
        self.output.name, self.output.sparse = self.name, self.sparse

    @property
    def dtype(self) -> str:
        """The dtype of the input."""
        return self.input_dtype

    def get_input_at(self, node_index: int) -> Tree:
        """The symbolic input, which is also the output."""
        return self.get_output_at(node_index)

    def forward(self, w: Weights, x: Tree = None) -> Tree:
        """The input."""
        return x

    def get_config(self) -> dict[str, Any]:
        """Shape, dtype and name."""
        return {
            "batch_shape": list(self.batch_shape),
            "dtype": self.input_dtype,
            "sparse": self.sparse,
            "ragged": False,
            "name": self.name,
            "optional": self.optional,
        }


def _check_against(
    tensor: KerasTensor, shape: Shape | None, batch_size: int | None, batch_shape: Shape | None, dtype: DTypeLike | None
) -> None:
    """ValueError where an argument contradicts the tensor that shape and dtype come from."""
    said = {
        "shape": (shape, tensor.shape[1:]),
        "batch_size": (batch_size, tensor.shape[0]),
        "batch_shape": (batch_shape, tensor.shape),
        "dtype": (dtype if dtype is None else dtype_of_values(dtype), tensor.dtype),
    }
    for name, (given, own) in said.items():
        if given is not None and (given if isinstance(given, (int, str)) else _checked(given)) != own:
            raise ValueError(f"The input_tensor {describe(tensor)} has {name}={own}. Received: {name}={given!r}; leave it out.")


def is_optional(tensor: KerasTensor) -> bool:
    """Whether a model that has this tensor as an input takes None for it."""
    return tensor.node is not None and getattr(tensor.node.operation, "optional", False)


def _checked(shape: Tree) -> tuple[int | None, ...]:
    return checked_shape((shape,) if isinstance(shape, int) else shape)  # `Input(shape=(3))`, which Keras 2 takes


@export("keras.layers.Input", "keras.Input")
def Input(
    shape: Shape | None = None,
    batch_size: int | None = None,
    dtype: DTypeLike | None = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Shape | None = None,
    name: str | None = None,
    tensor: KerasTensor | None = None,
    optional: bool = False,
) -> KerasTensor:
    """A symbolic tensor to build a model from.

    Args:
        shape: without the batch axis, None for unknown sizes.
        batch_size, dtype, sparse, ragged, batch_shape, name, optional: as for `InputLayer`.
        tensor: a symbolic tensor to take shape and dtype from.

    Returns:
        A `KerasTensor` of shape `(batch_size, *shape)`.

    Example:
        >>> Input(shape=(28, 28, 1)).shape
        (None, 28, 28, 1)
    """
    return InputLayer(shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name).output

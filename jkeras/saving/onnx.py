"""Export a model as ONNX, for programs without Python or JAX, through the package jax2onnx.

The model is traced as for any export, with the weights inside and the batch size open. The package translates JAX's operations
one by one; a model with an operation that it does not know is refused, and the error names it. Inputs and outputs of the ONNX
program are the leaves of the model's, in order.

    pip install "jkeras[onnx]"
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from jkeras._base.types import Tree
from jkeras.nn.traced import with_general_operations
from jkeras.saving.export_signature import Signature
from jkeras.saving.model_classes import Model

_NO_CONVERTER = """Exporting to ONNX needs the package jax2onnx. Write

    pip install "jkeras[onnx]"
"""
_NOT_CONVERTED = """Model {name!r} could not be translated to ONNX: {reason}
model.export(path), in StableHLO, takes every model."""


def onnx_bytes(model: Model, call: Callable[..., object], signature: Signature) -> tuple[bytes, str]:
    """An ONNX program of a model, given as a function of its inputs.

    Returns:
        The bytes of the file, and a line that says what the program takes.

    Raises:
        ImportError: jax2onnx is missing.
        ValueError: it cannot translate the model.
    """
    convert = _converter()

    def flat(*leaves: object) -> tuple[Tree, ...]:
        return tuple(jax.tree.leaves(call(*jax.tree.unflatten(signature.structure, leaves))))

    specs = [jax.ShapeDtypeStruct(_named(i, leaf.shape), leaf.dtype) for i, leaf in enumerate(signature.leaves)]
    try:
        program = convert(with_general_operations(flat), specs, model_name=model.name, return_mode="proto")
    except Exception as error:  # it reports what it cannot translate in errors of many kinds
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(_NOT_CONVERTED.format(name=model.name, reason=reason)) from error
    takes = ", ".join(f"{leaf.dtype}{list(spec.shape)}" for leaf, spec in zip(signature.leaves, specs)).replace("'", "")
    return program.SerializeToString(), takes


def _named(number: int, shape: tuple[object, ...]) -> tuple[object, ...]:
    """A shape with a word for each unknown size."""
    return tuple((f"x{number}_{axis}" if axis else "batch") if n is None else n for axis, n in enumerate(shape))


def _converter() -> Callable[..., Any]:
    try:
        from jax2onnx import to_onnx
    except ImportError as error:
        raise ImportError(_NO_CONVERTER) from error
    found: Callable[..., Any] = to_onnx
    return found

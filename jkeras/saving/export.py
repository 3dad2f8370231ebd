"""Export a model: one file with the program and the weights, to be run by JAX alone.

The program is StableHLO, as `jax.export` writes it: `apply` traced once, with `training=False`, the weights inside as constants,
and unknown sizes as symbols, so that one file serves every batch size. It is lowered for several platforms at once; where a
layer has a form of its own for a platform, the file holds both, and the platform that runs it picks.

Loading the file needs neither jkeras nor the code of the model:

    from jax import export
    exported = export.deserialize(bytearray(open("model.stablehlo", "rb").read()))
    y = exported.call(x)

`format="onnx"` writes for other runtimes instead (`jkeras.saving.onnx`).

A file holds what `model(x)` computes. State that the call would change (a stateful RNN's) starts every call as it was at the
export.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import jax
import jax.export
import numpy as np

from jkeras._base.atomic import atomic_file
from jkeras._base.errors import unexpected_arguments, unknown_name
from jkeras._base.types import Tree
from jkeras.saving.export_signature import Signature, signature_of
from jkeras.saving.model_classes import Model
from jkeras.saving.onnx import onnx_bytes

PLATFORMS = ("cpu", "cuda", "rocm", "tpu")
MAX_BYTES = 2**31 - 2**20  # of weights: jax serializes with counts of 31 bits
_OTHER_FORMATS = ("tf_saved_model", "openvino", "litert", "torch")

_NO_FORMAT = """Cannot export to {format!r}: jkeras writes format="stablehlo", a file that JAX runs without jkeras, and "onnx".
Write model.export(path) for the first."""
_NO_FLATBUFFERS = """Exporting needs the package flatbuffers, which jax serializes with. Write

    pip install "jkeras[files]"
"""
_TOO_LARGE = """Model {name!r} has {bytes:,} bytes of weights, and an exported file holds at most {most:,}. Keep the weights in
half precision (dtype="bfloat16"), or store them with jkeras.saving.save_safetensors and rebuild the model where it runs."""
_OPEN_SIZES = """Model {name!r} cannot be exported for inputs of any size: {specs}.
The reason: {reason}
Give the sizes, and leave the batch size open (or give that too):

    model.export(path, input_signature=[{example}])
"""


def export(
    self: Model,
    filepath: str | os.PathLike[str],
    format: str = "stablehlo",
    verbose: bool | int | None = None,
    input_signature: object = None,
    platforms: Sequence[str] = ("cpu", "cuda"),
    **kwargs: object,
) -> None:
    """Write a model as a program that JAX runs without jkeras; a method of `Model`.

    Args:
        self: a built model.
        filepath: of the file; a missing folder is made.
        format: `"stablehlo"`, or `"onnx"`, for which the package jax2onnx is needed. Keras' other formats are refused.
        verbose: False or 0 prints nothing; None and True say what was written.
        input_signature: shapes and dtypes of the inputs, None for sizes that vary; needed only for a class with a `call` of
            its own. A list with one entry per argument: `InputSpec`, `jax.ShapeDtypeStruct`, `Input`, or an array.
        platforms: where it must run: of `"cpu"`, `"cuda"`, `"rocm"`, `"tpu"`. ONNX programs run on any.

    Raises:
        ValueError: the model is not built, does not say what it takes, is over 2 GiB, or depends on sizes that are left open.
        ImportError: the package flatbuffers, or for ONNX jax2onnx, is missing.

    Example:
        >>> import tempfile, jkeras
        >>> from jkeras.layers import Dense, Input
        >>> model = jkeras.Sequential([Input((4,)), Dense(2)])
        >>> path = os.path.join(tempfile.mkdtemp(), "model.stablehlo")
        >>> model.export(path, verbose=False)
        >>> with open(path, "rb") as file:
        ...     exported = jax.export.deserialize(bytearray(file.read()))
        >>> exported.in_avals, exported.call(np.ones((3, 4), "float32")).shape
        ((ShapedArray(float32[batch,4]),), (3, 2))
    """
    if kwargs:
        raise unexpected_arguments("export", kwargs, ("format", "verbose", "input_signature", "platforms"))
    _check_format(format)
    platforms = check_platforms(platforms)
    signature = signature_of(self, input_signature)
    stored: bytes | bytearray
    if format == "onnx":
        stored, about = onnx_bytes(self, _frozen(self), signature)
    else:
        program = exported(_frozen(self), self.name, signature, platforms)
        stored, about = serialized(program), described(program)
    with atomic_file(filepath) as temporary:
        temporary.write_bytes(stored)
    if verbose is None or verbose:
        print(f"Exported {self.name!r} to {os.fspath(filepath)}: {about}")


def exported(call: Callable[..., Tree], name: str, signature: Signature, platforms: tuple[str, ...]) -> jax.export.Exported:
    """The program of a function of arrays, with as few sizes tied together as it allows.

    Args:
        call: the function.
        name: of the model, for messages.
        signature: of the inputs.
        platforms: where it must run.

    Raises:
        ValueError: it depends on sizes that are left open.
    """
    program = jax.export.export(jax.jit(call), platforms=platforms)
    if not signature.has_unknown_axes:
        return program(*signature.specs(shared=False))
    try:
        return program(*signature.specs(shared=False))
    except (ValueError, TypeError, IndexError):
        pass  # inputs must have one size; or sizes must be known, which the next attempt reports
    try:
        return program(*signature.specs(shared=True))
    except (ValueError, TypeError, IndexError) as error:
        shapes = ", ".join(str(tuple(leaf.shape)) for leaf in signature.leaves)
        reason = str(error).strip().splitlines()[0]
        raise ValueError(_OPEN_SIZES.format(name=name, specs=shapes, reason=reason, example=_example(signature))) from error


def _frozen(model: Model) -> Callable[..., object]:
    """The model as a function of its inputs alone."""
    params, state = jax.tree.map(np.asarray, model.params_and_state())
    size = sum(a.nbytes for a in jax.tree.leaves((params, state)))
    if size > MAX_BYTES:
        raise ValueError(_TOO_LARGE.format(name=model.name, bytes=size, most=MAX_BYTES))

    def call(*inputs: object) -> Tree:
        return model.apply(params, state, *inputs, training=False)[0]

    call.__name__ = model.name  # the name of the module in the file
    return call


def serialized(program: jax.export.Exported) -> bytearray:
    """The bytes of a file.

    Raises:
        ImportError: the package flatbuffers is missing.
    """
    try:
        return bytearray(program.serialize())
    except ImportError as error:
        raise ImportError(_NO_FLATBUFFERS) from error


def described(program: jax.export.Exported) -> str:
    """What a program takes and gives, and where it runs."""
    takes, gives = (", ".join(a.str_short(short_dtypes=True) for a in avals) for avals in (program.in_avals, program.out_avals))
    return f"{takes} -> {gives}, for {', '.join(program.platforms)}"


def _example(signature: Signature) -> str:
    """The signature to write instead, with 32 for sizes that must be known."""
    shapes = (tuple(32 if n is None and axis else n for axis, n in enumerate(leaf.shape)) for leaf in signature.leaves)
    specs = zip(shapes, signature.leaves)
    return ", ".join(f'jkeras.InputSpec(shape={shape}, dtype="{leaf.dtype}")' for shape, leaf in specs)


def _check_format(format: str) -> None:
    if format in _OTHER_FORMATS:
        raise ValueError(_NO_FORMAT.format(format=format))
    if format not in ("stablehlo", "onnx"):
        raise unknown_name("export format", format, ("stablehlo", "onnx"))


def check_platforms(platforms: Sequence[str]) -> tuple[str, ...]:
    """The platforms as a tuple.

    Raises:
        ValueError: one is unknown, or there is none.
    """
    given = (platforms,) if isinstance(platforms, str) else tuple(platforms)
    for name in given:
        if name not in PLATFORMS:
            raise unknown_name("platform", name, PLATFORMS)
    if not given:
        raise ValueError("export needs a platform to run on. Write platforms=('cpu', 'cuda').")
    return given

"""`ExportArchive`: several functions of models, each a program of its own in one folder.

    serve.stablehlo        one file for each endpoint: program and weights, as `model.export` writes them
    variables.npz          the collections of variables, as `collection/0`, `collection/1`, ...

An endpoint runs with JAX alone, `jax.export.deserialize(...)`, and a collection is read by `numpy.load(path)`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import jax
import numpy as np

from jkeras._base.atomic import atomic_folder
from jkeras._base.errors import describe, unexpected_arguments
from jkeras._base.registry import export
from jkeras._base.types import Tree
from jkeras._safe_io.zip import unsafe_name
from jkeras.layer.base import Layer
from jkeras.saving.export import check_platforms, described, exported, serialized
from jkeras.saving.export_signature import Signature, given_signature
from jkeras.state.functionalize import functionalize
from jkeras.state.random import next_key
from jkeras.state.scope import UnknownVariables
from jkeras.state.variable import Variable

_NO_SIGNATURE = """The endpoint {name!r} needs the shapes and dtypes of its inputs. Write

    archive.add_endpoint({name!r}, fn, input_signature=[jkeras.InputSpec(shape=(None, 3), dtype="float32")])

with one entry for each argument of the function."""

_NO_FORMAT = """ExportArchive writes format="stablehlo", programs that JAX runs without jkeras. Received: format={format!r}, which
needs another library. Leave it out."""


@export("keras.export.ExportArchive")
class ExportArchive:
    """A folder of programs that JAX runs without jkeras.

    Args:
        format: `"stablehlo"`. Keras' other formats are refused.
        platforms: where the programs must run: of `"cpu"`, `"cuda"`, `"rocm"`, `"tpu"`.

    Example:
        >>> import tempfile, jkeras
        >>> model = jkeras.Sequential([jkeras.Input((3,)), jkeras.layers.Dense(2)])
        >>> archive = ExportArchive()
        >>> serve = archive.track_and_add_endpoint("serve", model, [jkeras.InputSpec(shape=(None, 3), dtype="float32")])
        >>> folder = os.path.join(tempfile.mkdtemp(), "model")
        >>> archive.write_out(folder, verbose=False)
        >>> with open(os.path.join(folder, "serve.stablehlo"), "rb") as file:
        ...     program = jax.export.deserialize(bytearray(file.read()))
        >>> program.call(np.ones((5, 3), "float32")).shape
        (5, 2)
    """

    def __init__(self, format: str = "stablehlo", platforms: Sequence[str] = ("cpu", "cuda")):
        if format != "stablehlo":
            raise ValueError(_NO_FORMAT.format(format=format))
        self._platforms = check_platforms(platforms)
        self._tracked: list[Layer] = []
        self._endpoints: dict[str, jax.export.Exported] = {}
        self._collections: dict[str, list[Variable]] = {}

    def track(self, resource: Layer) -> None:
        """Note a layer or model, for `variables`. Endpoints find the variables that they use by themselves.

        Raises:
            ValueError: it is something else, or has no weights yet.
        """
        if not isinstance(resource, Layer):
            raise ValueError(f"ExportArchive.track takes layers and models. Received: {describe(resource)}.")
        if not resource.built:
            raise ValueError(f"{resource.name!r} has no weights yet. Call it on data, or build it, before it is exported.")
        self._tracked.append(resource)

    @property
    def variables(self) -> list[Variable]:
        """The variables of what is tracked."""
        return self._of_tracked("variables")

    @property
    def trainable_variables(self) -> list[Variable]:
        """Those that gradient descent changes."""
        return self._of_tracked("trainable_variables")

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The others."""
        return self._of_tracked("non_trainable_variables")

    def _of_tracked(self, attribute: str) -> list[Variable]:
        return [*{id(v): v for layer in self._tracked for v in getattr(layer, attribute)}.values()]

    def add_endpoint(self, name: str, fn: Callable[..., Tree], input_signature: Any = None, **kwargs: Any) -> Callable[..., Tree]:
        """Trace a function, with the values that its variables have now. What it assigns to them is not kept,
        and it draws the same random numbers in every call.

        Args:
            name: of the endpoint, and of its file.
            fn: of arrays, such as `model.call`.
            input_signature: one entry for each argument: an `InputSpec`, a `jax.ShapeDtypeStruct`, an array, or a structure of
                them; None in a shape for sizes that vary.
            kwargs: `is_static`, as in Keras, without effect.

        Returns:
            The compiled program as a function.

        Raises:
            ValueError: the name is taken or unfit for a file, or there is no signature.
        """
        if unknown := kwargs.keys() - {"is_static"}:
            raise unexpected_arguments("add_endpoint", unknown, ("name", "fn", "input_signature", "is_static"))
        if not isinstance(name, str) or not name or "/" in name or unsafe_name(name):
            raise ValueError(f"The name of an endpoint is the name of a file. Received: {name!r}.")
        if name in self._endpoints:
            raise ValueError(f"There is an endpoint {name!r} already.")
        if input_signature is None:
            raise ValueError(_NO_SIGNATURE.format(name=name))
        signature: Signature = given_signature(input_signature)
        self._endpoints[name] = exported(_pure(fn, name), name, signature, self._platforms)
        return jax.jit(self._endpoints[name].call)

    def track_and_add_endpoint(self, name: str, resource: Layer, input_signature: Any, **kwargs: Any) -> Callable[..., Tree]:
        """`track`, then `add_endpoint` with the call of the layer, as in inference.

        Args:
            name: of the endpoint.
            resource: a built layer or model.
            input_signature, kwargs: as for `add_endpoint`.
        """
        self.track(resource)
        flag = {"training": False} if resource._plan.takes_training else {}
        return self.add_endpoint(name, lambda *inputs: resource(*inputs, **flag), input_signature, **kwargs)

    def add_variable_collection(self, name: str, variables: Iterable[Variable]) -> None:
        """Note variables whose values are written beside the programs.

        Args:
            name: of the collection.
            variables: a list, tuple or set.

        Raises:
            ValueError: they are something else, or the name is unfit for a path.
        """
        if not isinstance(variables, (list, tuple, set)) or not all(isinstance(v, Variable) for v in variables):
            raise ValueError(f"A collection is a list of Variables. Received: {describe(variables)}.")
        if not isinstance(name, str) or not name or unsafe_name(name):
            raise ValueError(f"The name of a collection is part of a path. Received: {name!r}.")
        self._collections[name] = [*variables]

    def write_out(self, filepath: str | os.PathLike[str], options: None = None, verbose: bool = True) -> None:
        """Write the folder.

        Args:
            filepath: of the folder, which is replaced if it is there.
            options: None; Keras' are those of TensorFlow.
            verbose: whether to say what was written.

        Raises:
            ValueError: there is no endpoint, or there are options.
        """
        if not self._endpoints:
            raise ValueError("There is no endpoint to write. First call add_endpoint(name, fn, input_signature).")
        if options is not None:
            raise ValueError(f"options are those of TensorFlow's SavedModel, which is not written here. Received: {options!r}.")
        with atomic_folder(filepath) as folder:
            for name, program in self._endpoints.items():
                (folder / f"{name}.stablehlo").write_bytes(serialized(program))
            if self._collections:
                arrays = {
                    f"{name}/{i}": np.asarray(v.array) for name, held in self._collections.items() for i, v in enumerate(held)
                }
                np.savez(folder / "variables.npz", **arrays)  # type: ignore[arg-type]
        if verbose:
            print(f"Exported to {os.fspath(filepath)}:")
            for name, program in self._endpoints.items():
                print(f"  {name}: {described(program)}")


def _pure(fn: Callable[..., Tree], name: str) -> Callable[..., Tree]:
    """The function with the values that all variables it meets have now."""
    found: dict[int, Variable] = {}
    key = next_key()

    def call(*inputs: Tree) -> Tree:
        while True:
            held = [*found.values()]
            try:
                values = [np.asarray(variable.array) for variable in held]
                return functionalize(fn, held, complete=True)(values, *inputs, rng=key).output
            except UnknownVariables as unknown:
                found.update((id(variable), variable) for variable in unknown.variables)

    call.__name__ = name
    return call

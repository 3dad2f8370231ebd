"""`HostLayer`: a layer that runs on the host, in NumPy, because its inputs are texts or because its work is a search in a table.

JAX has no strings, so the compiled part of a model never sees them. `fit`, `evaluate` and `predict` run the host layers at the
start of a graph where batches are made (`models/host_part.py`), and the compiled program begins with what they return. A direct
call runs at once. Where such a layer gets numbers in the middle of compiled code, the program calls back to the host.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base.errors import describe
from jkeras._base.types import Tree, Weights
from jkeras._text.arrays import TEXT, as_texts, is_text
from jkeras.graph import Spec, symbolic_like
from jkeras.graph.keras_tensor import symbolic_leaves
from jkeras.layer.base import Layer
from jkeras.state.scope import is_traced

_NO_RAGGED = """{layer!r}: {option}=True asks for {kind}, which JAX does not have. Leave it out: the layer returns dense arrays.
In those, short rows end with zeros."""

_TRACED_TEXT = """{layer!r} returns strings, which compiled code cannot hold. Call it on the results of the model instead:

    {layer}(model.predict(x))
"""


class HostLayer(Layer):
    """A layer in NumPy. A subclass overrides `on_host` and `output_spec`."""

    takes_strings = True
    input_dtype = "string"  # of data that say nothing else

    def on_host(self, x: Tree) -> np.ndarray:
        """The layer's work.

        Args:
            x: a NumPy array, or a list of them; texts are arrays of `bytes`.
        """
        raise NotImplementedError

    def output_spec(self, x: Tree) -> Spec:
        """Shape and dtype of the result, for those of the input."""
        raise NotImplementedError

    def __call__(self, *args: Tree, **kwargs: Tree) -> Tree:
        """Run the layer on texts or numbers in any form, or record it in a graph if the inputs are symbolic."""
        if not symbolic_leaves((args, kwargs)):
            args, kwargs = tuple(map(self._as_input, args)), {name: self._as_input(value) for name, value in kwargs.items()}
        return super().__call__(*args, **kwargs)

    def run(self, *args: Tree, **kwargs: Tree) -> np.ndarray:
        """The result for inputs in any form, as a NumPy array."""
        return self.on_host(*map(self._as_input, args), **{name: self._as_input(value) for name, value in kwargs.items()})

    def _as_input(self, value: Tree) -> Tree:
        """What a user passes as one input, as an array."""
        return host_array(value, self.name)

    def _to_array(self, value: Tree) -> Tree:
        return value

    def forward(self, w: Weights, x: Tree) -> Tree:
        """The result of `on_host`: an array of JAX, or of texts; in compiled code by a call back to the host."""
        leaves = jax.tree.leaves(x)
        if not any(map(is_traced, leaves)):
            result = self.on_host(jax.tree.map(_numpy, x))
            return result if result.dtype == TEXT else jnp.asarray(result)
        spec = self.output_spec(jax.tree.map(lambda leaf: Spec(leaf.shape, leaf.dtype), x))
        if spec.dtype == "string":
            raise TypeError(_TRACED_TEXT.format(layer=self.name))

        def call_back(x: Tree) -> np.ndarray:
            return self.on_host(jax.tree.map(np.asarray, x)).astype(spec.dtype)

        return jax.pure_callback(call_back, jax.ShapeDtypeStruct(spec.shape, jnp.dtype(spec.dtype)), x, vmap_method="sequential")

    def compute_output_spec(self, *args: Tree, **kwargs: Tree) -> Tree:
        """A symbolic tensor like the result."""
        return symbolic_like(self.output_spec(*args, **kwargs))

    def compute_output_shape(self, input_shape: Tree, *other_shapes: Tree) -> tuple[int | None, ...]:
        """Shape of the result for a shape of the input, with None for unknown axes."""
        several = bool(input_shape) and isinstance(input_shape[0], (tuple, list))
        specs = [Spec(s, self.input_dtype) for s in input_shape] if several else Spec(input_shape, self.input_dtype)
        return self.output_spec(specs).shape

    def _refuse(self, option: str, value: object, kind: str) -> None:
        if value:
            raise ValueError(_NO_RAGGED.format(layer=self.name, option=option, kind=kind))


def _numpy(value: Any) -> np.ndarray:
    return value if isinstance(value, np.ndarray) else np.asarray(value)  # which would forget that texts are checked


def integer_dtype() -> str:
    """The dtype of indices: int64 where JAX has it, else int32."""
    return str(jax.dtypes.canonicalize_dtype(np.int64))


def host_array(value: Any, name: str) -> Any:
    """A value as an array: texts as `bytes`, lists of numbers as NumPy arrays, arrays of JAX as they are.

    Raises:
        TypeError: it is none of these.
    """
    if isinstance(value, jax.Array):
        return value
    if is_text(value):
        return as_texts(value)
    if hasattr(value, "to_numpy"):
        return host_array(value.to_numpy(), name)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name!r} received lists of different lengths ({error}). Pad them to one length first.") from None
    if array.dtype == TEXT and array.size:
        raise TypeError(f"{name!r} takes texts or numbers. Received: {describe(value)}.")
    return as_texts(array) if array.dtype == TEXT else array


def check_choice(name: str, argument: str, value: object, choices: tuple[str, ...]) -> None:
    """Refuse a value that is none of the choices."""
    if value not in choices:
        raise ValueError(f"{name}: {argument} is one of {', '.join(map(repr, choices))}. Received: {argument}={value!r}.")


def salt_of(name: str, salt: Any) -> list[int] | None:
    """The two numbers of a key for SipHash.

    Raises:
        ValueError: it is neither a number nor two.
    """
    if salt is None:
        return None
    if isinstance(salt, int) and not isinstance(salt, bool):
        return [salt, salt]
    if isinstance(salt, (tuple, list)) and len(salt) == 2 and all(isinstance(part, int) for part in salt):
        return list(salt)
    raise ValueError(f"{name}: salt is an integer, or two. Received: salt={salt!r}.")

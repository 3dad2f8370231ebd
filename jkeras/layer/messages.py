"""Error texts of the layer machinery: your program, why it cannot work, the program to write."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from jkeras._base.config import settings
from jkeras._base.errors import UnknownSizeError, describe
from jkeras._base.types import Tree

if TYPE_CHECKING:
    from jkeras.layer.base import Layer

NO_SUPER_INIT = """{cls}.__init__ used {name!r} before `super().__init__()`. Call that first:

    def __init__(self, ...):
        super().__init__()
        self.{name} = ...
"""

WEIGHT_IN_CALL = """{cls} {layer!r} called `add_weight` inside `call`. Each call would make a new weight. Make it once, in
`build`:

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], 8), name="kernel")

    def call(self, x):
        return jnp.matmul(x, self.kernel)
"""

LAYER_IN_CALL = """{cls} {layer!r} got its weights while a call was being compiled, so they would never be trained. Make layers
in `__init__`, and call each of them whether `training` is True or False:

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(8)

    def call(self, x):
        return self.dense(x)
"""

POLICY_MAP = """Layer {layer!r} got a DTypePolicyMap with entries for {paths}. A layer learns its path when it is built,
too late for its dtype. Give each layer its own where you make it:

    layers.Dense(8, dtype=policies["encoder/dense"])
"""

QUANTIZED = """Layer {layer!r} got {policy}. jkeras does not quantize layers yet. Give it the policy that this one is made from,
such as dtype="float32". A model that Keras has quantized can be used in Keras alone.
"""

SHAPE_IN_CALL = """{cls}.call asked for compute_output_shape, which would run `call` again. Define the shape yourself:

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 8)
"""

SHAPE_NAMES = """{cls}.{method} takes {name!r}, but no argument of `call` has that name without `_shape`. A method that takes
several shapes names them after the arguments of `call`; choose among {known}, or give it a default:

    def call(self, query, value): ...

    def {method}(self, query_shape, value_shape): ...
"""

UNKNOWN_SIZE = """{cls} {layer!r} cannot make the weight {weight!r} of shape {shape}: a size is unknown. The input's shape has
None where the weight needs a number. Give it, for example Input(shape=(28, 28, 1)) or input_shape=(784,)."""

WEIGHT_COUNT = """{layer!r} has {expected} weights, but set_weights() received {received} arrays. Give as many as get_weights()
returns."""

WEIGHT_SHAPE = "The weight {path!r} has shape {expected}, but an array of shape {received} was given for it."

STORED_COUNT = """{layer!r} has {expected} weights of its own; the store has {received}. A layer whose `save_own_variables` stores
something else needs a `load_own_variables` that reads it."""

NOT_BUILT = """{cls} {layer!r} has no weights yet, so `{what}` cannot answer: the shape of the input is not known. Give the shape
first, with {how}, with Input(shape=...), or by calling the layer on data."""

NO_WEIGHT = """Layer {layer!r} has no weight {name!r}. Code that sets `built = True` in place of build() sets all weights too:
layer.{name} = array."""

_TRAINING = """{layer!r} takes training=True, False or None. Received: training={value}. Several inputs go into one list:

    y = layer([x1, x2])          # instead of layer(x1, x2)
"""

_SHAPES_ARE_TUPLES = "The shape of an array is a tuple: write len(x.shape), list(x.shape), numpy.prod(x.shape)."
_ASKED_OF_SHAPES = frozenset({"rank", "ndim", "ndims", "dims", "as_list", "num_elements", "is_fully_defined", "size"})

NO_CALL = "{cls} has no `call`. Your own layers need `def call(self, x): ...`."

# What to write instead of those methods of Keras that layers and models do not have here.
NOT_NUMERIC = """{cls} {layer!r} takes numbers, but received an array of dtype {dtype}. Convert it, for example with
np.asarray(x, 'float32')."""

LEAKED_LOSS = """add_loss() received a value that JAX is still tracing, outside any call that could return it. Use
`outputs, state, loss = model.apply_with_losses(params, state, x)` inside your jitted function."""

NO_NODE = """Layer {layer!r} was not called on symbolic inputs, so it has no `{what}`. First call it on an Input, or build the
model that it belongs to."""

NO_SUCH_CALL = """Layer {layer!r} has no {what} number {index}: it was called {calls} times on symbolic inputs.
Choose one from 0 to {last}."""

UNNAMED_METRIC = """Layer {layer!r}: add_metric takes a value and its name in the logs,

    self.add_metric(jnp.mean(x), name="mean_x")

or the result of one of the layer's metrics: self.accuracy = metrics.Accuracy() in __init__."""

SYMBOLIC_LOSS = """Layer {layer!r}: add_loss received a symbolic tensor. Pass it to the functional model,
Model(inputs, outputs).add_loss(loss),
or call self.add_loss(...) on arrays in the layer's `call`."""

_VARIABLE_HINT = """Functions of jax.lax take only arrays; jax.numpy, jax.nn and jkeras.ops also take Variables. Write
`self.<name>.array` for the array of a Variable."""

_ONE_AXIS = "The data have only a batch axis. For one example write x[None], for rows of one number each x[:, None]."

_ONE_INPUT = """The layer takes one input but received a {kind} of {count}. Join them first, for example with
layers.Concatenate()(inputs), or call the layer on each."""

_SINCE_KERAS_2 = {
    "init": "kernel_initializer embeddings_initializer",
    "inner_init": "recurrent_initializer",
    "forget_bias_init": "unit_forget_bias",
    "inner_activation": "recurrent_activation",
    "W_regularizer": "kernel_regularizer embeddings_regularizer",
    "b_regularizer": "bias_regularizer",
    "U_regularizer": "recurrent_regularizer",
    "W_constraint": "kernel_constraint embeddings_constraint",
    "b_constraint": "bias_constraint",
    "bias": "use_bias",
    "border_mode": "padding",
    "subsample": "strides",
    "subsample_length": "strides",
    "dim_ordering": "data_format",
    "nb_filter": "filters",
    "filter_length": "kernel_size",
    "nb_row": "kernel_size",
    "nb_col": "kernel_size",
    "pool_length": "pool_size",
    "stride": "strides",
    "output_dim": "units",
    "dropout_W": "dropout",
    "dropout_U": "recurrent_dropout",
    "p": "rate",
    "consume_less": "implementation",
}


def since_keras_2(error: TypeError, unknown: list[str], known: list[str]) -> TypeError:
    """The error for arguments that a layer does not take; it says so if they are Keras 1's names for others."""
    today = {old: next((n for n in _SINCE_KERAS_2.get(old, "").split() if n in known), None) for old in unknown}
    named = [f"{old!r} is called {new!r}" for old, new in today.items() if new]
    return TypeError(f"{str(error).partition('. ')[0]}. Since Keras 2 {', '.join(named)}.") if named else error


def no_training_flag(layer: str, value: object) -> bool:
    """What counts as `training` where an array was passed: False, with a warning, if calls that Keras lets pass do.

    Raises:
        ValueError: they do not.
    """
    text = _TRAINING.format(layer=layer, value=describe(value))
    if not settings.lenient:
        raise ValueError(text) from None
    warnings.warn(f"{text}\nIt counts as training=False.", stacklevel=5)
    return False


def explain(error: Exception, layer: Layer, args: tuple[Tree, ...]) -> None:
    """Add to an error, once, which layer it came from, and a hint if the cause is known."""
    if getattr(error, "_jkeras_explained", False):
        return
    received = ", ".join(describe(a) for a in args)
    error.add_note(f"Raised in layer {layer.name!r} ({type(layer).__name__}) called with {received}.")
    if isinstance(error, (TypeError, ValueError)) and ("__jax_array__" in str(error) or "Variable" in str(error)):
        error.add_note(_VARIABLE_HINT)
    if isinstance(error, AttributeError) and isinstance(error.obj, (list, dict)) and args and type(error.obj) is type(args[0]):
        error.add_note(_ONE_INPUT.format(kind=type(args[0]).__name__, count=len(args[0])))
    if isinstance(error, AttributeError) and isinstance(error.obj, tuple) and error.name in _ASKED_OF_SHAPES:
        error.add_note(_SHAPES_ARE_TUPLES)
    if isinstance(error, UnknownSizeError) and args and len(getattr(args[0], "shape", (0, 0))) == 1:
        error.add_note(_ONE_AXIS)
    try:
        error._jkeras_explained = True  # type: ignore[attr-defined]
    except AttributeError:
        return

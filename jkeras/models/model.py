"""`Model`: a layer that can be trained.

Three ways lead to one: `Model(inputs, outputs)` from symbolic tensors gives a `Functional`, `Sequential([...])` a stack, and a
subclass with its own `call` anything else. All three are layers, with the pure `init` and `apply`, and share the same `compile`,
`fit`, `evaluate` and `predict`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from jkeras._base.configurable import constructor_signature, in_todays_words, read_arguments
from jkeras._base.errors import unknown_name
from jkeras._base.registry import custom_object_scope, export
from jkeras.layers.base import Layer
from jkeras.layers.structures import shapes_to_specs
from jkeras.models.activations import Activations
from jkeras.models.compile_config import compile_config, compile_model
from jkeras.models.copying import Copying
from jkeras.models.describe import Describe
from jkeras.models.functional_config import GRAPH_KEYS, is_graph_config, read_graph
from jkeras.models.html_summary import html_summary
from jkeras.models.keras2_habits import Keras2Habits
from jkeras.models.persistence import Persistence
from jkeras.models.summary import print_summary
from jkeras.state.variable import Variable
from jkeras.training.trainer import Trainer


@export("keras.Model", "keras.models.Model")
class Model(Copying, Persistence, Activations, Describe, Keras2Habits, Trainer, Layer):  # type: ignore[misc]
    """A trainable model.

    Args:
        inputs, outputs: symbolic tensors, or nested lists, tuples and dicts of them (the functional way).
        name: default `model`, `model_1`, ... or the snake_case name of your class.
        kwargs: `trainable`, `dtype`.

    Example:
        >>> import numpy as np
        >>> from jkeras.layers import Dense, Input
        >>> x = Input((4,))
        >>> model = Model(x, Dense(2)(x))
        >>> model.count_params()
        10

        A class of your own; `MyModel(inputs, outputs)` works for one that overrides other methods than `call`:

        >>> class Net(Model):
        ...     def __init__(self):
        ...         super().__init__()
        ...         self.hidden, self.out = Dense(8, activation="relu"), Dense(1)
        ...     def call(self, x):
        ...         return self.out(self.hidden(x))
        >>> Net()(np.zeros((3, 5))).shape
        (3, 1)
    """

    _functional: type[Model]  # what Model(inputs, outputs) makes; functional.py, which stands on this file, sets it

    def __new__(cls, *args: Any, **kwargs: Any):
        if cls is Model and (len(args) >= 2 or "outputs" in kwargs or "output" in kwargs):
            return cls._functional.__new__(cls._functional, *args, **kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any):
        if args or "inputs" in kwargs or "outputs" in kwargs:
            # A class that adds to a functional model: MyModel(inputs, outputs), or super().__init__(inputs, outputs).
            self.__class__ = _functional_class(type(self), self._functional)  # type: ignore[arg-type]
            self._functional.__init__(self, *args, **kwargs)
            return
        Layer.__init__(self, **kwargs)
        self._reset_training()

    def __reduce_ex__(self, protocol: Any) -> Any:
        declared = type(self).__dict__.get("_declared_as")
        if declared is None:
            return super().__reduce_ex__(protocol)
        return _empty_with_graph, (declared,), self.__getstate__()  # a pickle finds a class by its name

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """A model from what `get_config` gave: a graph is built anew, any other model is made with the same arguments.

        Args:
            config: of this class.
            custom_objects: your own classes and functions by name.

        Raises:
            FileFormatError: the config is malformed, or names what is not known.

        Example:
            >>> from jkeras.layers import Dense, Input
            >>> x = Input((4,))
            >>> model = Model(x, Dense(2)(x) + 1.0)
            >>> Model.from_config(model.get_config()).output_shape
            (None, 2)
        """
        if not is_graph_config(config) or not takes_graph(cls):
            return super().from_config(config, custom_objects)
        with custom_object_scope(custom_objects), in_todays_words(config, cls) as todays:
            inputs, outputs = read_graph(todays, custom_objects)
            rest = {k: v for k, v in todays.items() if k not in (*GRAPH_KEYS, "name", "trainable", "dtype")}
            options = {k: todays[k] for k in ("name", "trainable") if todays.get(k) is not None}
            return cls(inputs=inputs, outputs=outputs, **options, **read_arguments(cls, rest, custom_objects))

    def get_compile_config(self) -> dict[str, Any] | None:
        """What `compile` was given, in JSON-ready form; None before it was called."""
        return compile_config(self)

    def compile_from_config(self, config: Mapping[str, Any] | None) -> None:
        """Call `compile` with what `get_compile_config` gave.

        Args:
            config: as `get_compile_config` gives it; nothing happens where it is empty.
        """
        compile_model(self, config)

    def _casts_inputs(self) -> bool:
        return False  # the layers below cast, each as it wants

    @property
    def layers(self) -> list[Layer]:
        """The layers directly below this model, in Keras' order."""
        return self._sublayers()

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by name or by position in `layers`.

        Raises:
            ValueError: there is none such; the text names the nearest.
        """
        layers = self.layers
        if (name is None) == (index is None):
            raise ValueError(f"Give a name or an index. Received: name={name!r}, index={index!r}.")
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(f"The model has {len(layers)} layers; there is none at index {index}.")
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        raise unknown_name("layer", name, [layer.name for layer in layers])

    def build(self, input_shape: Any = None) -> None:
        """Make all weights for inputs of this shape, batch axis included: `(None, 784)`."""
        specs = (shapes_to_specs(input_shape, self.compute_dtype),)
        if hasattr(type(self).build, "is_default"):
            self._ensure_built(specs, {})
        else:  # called by an override, as super().build(input_shape)
            self._build_by_call(specs, {})

    build.is_default = True  # type: ignore[attr-defined]

    @property
    def weights(self) -> list[Variable]:
        """All weights in Keras' order.

        Raises:
            ValueError: the model was not built yet.
        """
        self._require_built("weights", "model.build(input_shape)")
        return super().weights

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that gradient descent changes now.

        Raises:
            ValueError: the model was not built yet.
        """
        self._require_built("trainable_weights", "model.build(input_shape)")
        return super().trainable_weights

    def reset_states(self) -> None:
        """Reset the state of all layers that keep one between batches."""
        for layer in self._flatten_layers():
            reset = getattr(layer, "reset_state", None)
            if layer is not self and callable(reset):
                reset()

    def summary(
        self,
        line_length: int | None = None,
        positions: list[float] | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: tuple[str, str] | None = None,
    ) -> None:
        """Print a table of the layers, their output shapes and parameter counts.

        Args:
            line_length: width of the table, default 65, or 98 with the column of connections.
            positions: ends of the columns, in characters or as fractions of the width.
            print_fn: called with each line, default `print`.
            expand_nested: whether the layers of inner models are shown too.
            show_trainable: whether a column says what is trainable.
            layer_range: names (or patterns) of the first and the last layer to show.

        Raises:
            ValueError: the model was not built yet.
        """
        self._require_built("summary", "model.build(input_shape)")
        print_summary(self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range)

    def _repr_html_(self) -> str:
        return html_summary(self)


def _functional_class(cls: Any, functional: type) -> type:
    """The class with the methods of `cls` first, and those of a functional model behind them; kept on `cls`, to go with it."""
    found: type | None = cls.__dict__.get("_as_functional")
    if found is None:
        names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__, "_declared_as": cls}
        found = cls._as_functional = type(cls.__name__, (cls, functional), names)
    return found


def _empty_with_graph(cls: Any) -> Any:
    """A model without attributes, of the class that `cls` becomes where it has a graph."""
    found: Any = _functional_class(cls, cls._functional)
    return found.__new__(found)


def takes_graph(cls: Any) -> bool:
    """Whether a model's constructor takes `inputs` and `outputs`, or hands all that it is given on to one that does."""
    parameters = list(constructor_signature(cls).parameters.values())
    kinds = [p.kind for p in parameters]
    both = inspect.Parameter.VAR_POSITIONAL in kinds and inspect.Parameter.VAR_KEYWORD in kinds
    return both or [p.name for p in parameters][:2] == ["inputs", "outputs"]


def check_unique_names(owner: str, layers: list[Any]) -> None:
    """Refuse two layers of one name in a model."""
    seen: set[str] = set()
    for layer in layers:
        if layer.name in seen:
            raise ValueError(
                f"The name {layer.name!r} is used by two layers of {owner}. Layer names are unique in a model: "
                f"give one of them another, name={layer.name + '_2'!r}."
            )
        seen.add(layer.name)

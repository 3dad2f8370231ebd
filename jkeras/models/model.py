"""`Model`: a layer that can be trained.

You get one in three ways: `Model(inputs, outputs)` makes a `Functional` from symbolic tensors, `Sequential([...])` a stack, and a
subclass writes its own `call`. All three are layers, with the pure `init` and `apply`, and share the same `compile`,
`fit`, `evaluate` and `predict`.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, Self, SupportsIndex

import numpy as np

from jkeras._base.configurable import constructor_signature, in_todays_words, read_arguments
from jkeras._base.derived import Derived
from jkeras._base.errors import unexpected_arguments, unknown_name
from jkeras._base.plain_numbers import INTEGERS
from jkeras._base.registry import custom_object_scope, export
from jkeras._base.shown_signature import without_keywords
from jkeras._base.types import Config, CustomObjects, Logs, Tensor, Tree
from jkeras.callbacks import History
from jkeras.data import as_source, train_validation_split
from jkeras.data.array_source import ArraySource
from jkeras.data.arrays import is_arrays, to_host_arrays
from jkeras.data.prepared import Preparation
from jkeras.distribution import Distribution
from jkeras.distribution import get as get_distribution
from jkeras.distribution.reproducible import shards_of
from jkeras.graph.keras_tensor import Operation
from jkeras.layer.base import Layer
from jkeras.layer.call_plan import read_plan
from jkeras.layer.structures import shapes_to_specs
from jkeras.metrics import Metric
from jkeras.models import activations, describe, html_summary, layouts, quantizing, state_tree, summary
from jkeras.models.host_part import WithoutGraph
from jkeras.models.keras2_methods import Keras2Methods
from jkeras.models.persistence import Persistence
from jkeras.saving.compile_config import compile_config, compile_model
from jkeras.saving.graph_config import GRAPH_KEYS, is_graph_config, read_graph
from jkeras.training.arguments.fit import compile_arguments, in_current_order, keras2_arguments, validation_source
from jkeras.training.arguments.limits import limited_epochs, limited_source
from jkeras.training.dialects import check_arguments
from jkeras.training.inspection import layer_statistics, nonfinite
from jkeras.training.objective.containers import without_containers
from jkeras.training.objective.objective import CompileConfig
from jkeras.training.resume import snapshot
from jkeras.training.steps import Steps
from jkeras.training.trainer import Trainer


@export("keras.Model", "keras.models.Model")
class Model(Persistence, Keras2Methods, Steps):  # type: ignore[misc]
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

    def __new__(cls, *args: object, **kwargs: object):
        if cls is Model and (len(args) >= 2 or "outputs" in kwargs or "output" in kwargs):
            return cls._functional.__new__(cls._functional, *args, **kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args: object, **kwargs: Any):
        if args or "inputs" in kwargs or "outputs" in kwargs:
            # A class that adds to a functional model: MyModel(inputs, outputs), or super().__init__(inputs, outputs).
            self.__class__ = _functional_class(type(self), self._functional)  # type: ignore[arg-type]
            self._functional.__init__(self, *args, **kwargs)
            return
        Layer.__init__(self, **kwargs)
        self._trainer = Trainer(self)

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        declared = type(self).__dict__.get("_declared_as")
        if type(self).__reduce__ is not object.__reduce__:  # a class' own way, or a package's
            return super().__reduce_ex__(protocol)
        if declared is None and not any("_declared_as" in vars(cls) for cls in type(self).__mro__):
            return super().__reduce_ex__(protocol)
        # A pickle finds a class by its name, and the one of this name may not have become functional yet where it is read.
        return _empty_with_graph, (declared or type(self),), self.__getstate__()

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects = None) -> Self:
        """A model from what `get_config` gave: a graph is built anew, any other model is made with the same arguments.

        Args:
            config: of this class.
            custom_objects: your own classes and functions by name.

        Raises:
            FileFormatError: the config is malformed, or names something unknown.

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

    def compile_from_config(self, config: Config | None) -> None:
        """Call `compile` with what `get_compile_config` gave.

        Args:
            config: as `get_compile_config` gives it; nothing happens where it is empty.
        """
        compile_model(self, config)

    # training --------------------------------------------------------------------------------------------------------

    @without_keywords
    def compile(
        self,
        optimizer: object = "rmsprop",
        loss: object = None,
        loss_weights: object = None,
        metrics: object = None,
        weighted_metrics: object = None,
        run_eagerly: bool = False,
        steps_per_execution: int | None = None,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        distribution: str | Distribution | None = None,
        reproducible: str | None = None,
        **kwargs: Any,
    ) -> None:
        """Configure training.

        Args:
            optimizer: name, `Optimizer`, or any `optax.GradientTransformation`.
            loss: name, function or `Loss`; a list or dict of them for several outputs.
            loss_weights: factors of the outputs' losses in the total.
            metrics: names, functions or `Metric`s, or lists or dicts of them by output.
            weighted_metrics: metrics that take the sample weights.
            run_eagerly: run the step operation by operation, for debugging.
            steps_per_execution: batches of a dispatch, and so from one batch event of callbacks to the next; None lets the
                measured speed decide, or takes 1 where a callback hears of each batch.
            jit_compile: False is the same as `run_eagerly=True`.
            auto_scale_loss: scale the loss dynamically where the policy is `mixed_float16`.
            distribution: how to spread the model over devices, by name (`"data"`, `"zero"`, `"fsdp"`, `"fsdp,model=4"`) or as an
                object of `jkeras.distribution`; None as `jkeras.distribution.set_distribution` says.
            reproducible: `"devices"` for the same bits on 1, 2, 4 and 8 devices, which has a price and limits (see
                docs/scaling.md); `"devices,shards=16"` for up to 16. Files keep neither this nor `distribution`.
            kwargs: Keras 2's `sample_weight_mode`, `target_tensors=None` and others that change nothing.

        Raises:
            ValueError: an unknown name; the text names the nearest.
            TypeError: an argument that asks for something jkeras lacks.
        """
        kwargs = compile_arguments(kwargs)
        steps_per_execution = kwargs.pop("steps_per_execution", steps_per_execution)
        loss_weights, metrics = in_current_order(loss_weights, metrics)
        if kwargs:
            known = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly", "jit_compile")
            raise unexpected_arguments(
                "compile", kwargs, (*known, "steps_per_execution", "auto_scale_loss", "distribution", "reproducible")
            )
        if steps_per_execution is not None and (not isinstance(steps_per_execution, INTEGERS) or steps_per_execution < 1):
            raise ValueError(f"steps_per_execution is None or a positive integer. Received: {steps_per_execution!r}.")
        steps = None if steps_per_execution is None else int(steps_per_execution)
        jit = not run_eagerly and jit_compile is not False
        spread = None if distribution is None else get_distribution(distribution)
        shards = shards_of(reproducible)
        if shards is not None and not jit:
            raise ValueError("reproducible='devices' is for compiled steps. Leave out run_eagerly and jit_compile=False.")
        metrics = without_containers(metrics)
        config = CompileConfig(loss, loss_weights, metrics, weighted_metrics, bool(run_eagerly), steps, jit, spread, shards)
        self._trainer.compile(optimizer, config, auto_scale_loss)

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run operation by operation, for debugging. Setting it drops what was compiled.

        Example:
            >>> from jkeras.layers import Dense, Input
            >>> x = Input((2,))
            >>> model = Model(x, Dense(1)(x))
            >>> model.compile("sgd", "mse")
            >>> model.run_eagerly = True
            >>> model.run_eagerly, model.jit_compile
            (True, False)
        """
        return self._trainer.run_eagerly

    @run_eagerly.setter
    def run_eagerly(self, value: bool) -> None:
        self._trainer.set_jit(not value, bool(value))

    @property
    def jit_compile(self) -> bool:
        """Whether steps are compiled: always, unless `compile` was told otherwise. Setting it drops what was compiled."""
        return self._trainer.jit

    @jit_compile.setter
    def jit_compile(self, value: bool | str) -> None:
        self._trainer.set_jit(value is not False, self.run_eagerly and value is False)

    def _preparation(self) -> Preparation | None:
        return WithoutGraph(self) if self._passes_strings() else None

    @without_keywords
    def fit(
        self,
        x: Tree = None,
        y: Tree = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: object = None,
        validation_split: float = 0.0,
        validation_data: Tree = None,
        shuffle: bool | str = True,
        class_weight: Tree = None,
        sample_weight: Tree = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | list[int] = 1,
        resume: bool = False,
        **keras2: Any,
    ) -> History:
        """Train.

        Args:
            x: arrays, lists, dicts, pandas; or a generator, an iterable of batches, a `PyDataset`.
            y: targets, for arrays.
            batch_size: rows per step, default 32.
            epochs: number of the last epoch.
            verbose: 0 silent, 1 a live line per epoch, 2 one line per epoch, "auto" 1.
            callbacks: a list of `Callback`s.
            validation_split: fraction of the last rows to validate on.
            validation_data: `(x, y)`, `(x, y, sample_weight)` or a generator.
            shuffle: whether to draw a new order for each epoch.
            class_weight: `{class: weight}`; for several outputs a list of these, or a dict by name.
            sample_weight: a weight per row; for several outputs a list, or a dict by name.
            initial_epoch: number of the first epoch.
            steps_per_epoch, validation_steps: batches per epoch; needed for endless generators.
            validation_batch_size: rows per step of the validation.
            validation_freq: validate every this many epochs, or after the epochs in a list.
            resume: continue the run that the model was loaded with, bit for bit as if it had never stopped.
            keras2: `workers`, `use_multiprocessing` and `max_queue_size` for a `PyDataset`; `nb_epoch` for `epochs`.

        Returns:
            The `History`.
        """
        self._trainer.require_compiled("fit")
        epochs = limited_epochs(keras2_arguments(self.fit, x, keras2, epochs))
        if isinstance(validation_freq, INTEGERS) and validation_freq < 1:
            raise ValueError(f"validation_freq is a number of epochs, 1 or more, or a list. Received: {validation_freq!r}.")
        check_arguments(self, "train_step")
        prepare = self._preparation()
        if validation_split and validation_data is None:
            x = to_host_arrays(x, "x") if prepare is not None and is_arrays(x) else x
            (x, y, sample_weight), validation_data = train_validation_split((x, y, sample_weight), validation_split)
        more = {"class_weight": class_weight, "output_names": getattr(self, "output_names", None), "prepare": prepare}
        source = limited_source(x, y, sample_weight, batch_size=batch_size, shuffle=shuffle, steps=steps_per_epoch, **more)
        validation = None
        if validation_data is not None:
            rows = validation_batch_size or source.batch_size
            validation = validation_source(validation_data, rows, validation_steps, prepare)
        return self._trainer.fit(
            source, validation, callbacks, epochs=epochs, initial_epoch=initial_epoch, verbose=verbose,
            validation_freq=validation_freq, resume=resume,
        )  # fmt: skip

    @without_keywords
    def evaluate(
        self,
        x: Tree = None,
        y: Tree = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Tree = None,
        steps: int | None = None,
        callbacks: object = None,
        return_dict: bool = False,
        **keras2: object,
    ) -> Tree:
        """Loss and metrics over data.

        Args:
            x, y, batch_size, sample_weight: as for `fit`.
            verbose: 0, 1, 2 or "auto".
            steps: number of batches; needed for endless generators.
            callbacks: a list of `Callback`s.
            return_dict: whether to give `{name: value}`.
            keras2: as for `fit`.

        Returns:
            The loss, or `[loss, metric, ...]` where there are metrics, or the dict.
        """
        keras2_arguments(self.evaluate, x, keras2)
        source = limited_source(x, y, sample_weight, batch_size=batch_size, steps=steps, prepare=self._preparation())
        logs = self._trainer.evaluate(source, callbacks, verbose)
        return logs if return_dict else _as_list(logs)

    @without_keywords
    def predict(
        self,
        x: Tree,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: object = None,
        **keras2: object,
    ) -> Tree:
        """The model's outputs for data, as numpy arrays in the structure of the outputs.

        Args:
            x, batch_size: as for `fit`; rows only.
            verbose: 0, 1, 2 or "auto".
            steps: number of batches; needed for endless generators.
            callbacks: a list of `Callback`s.
            keras2: as for `fit`.
        """
        if verbose == 0 and steps is None and not callbacks and not keras2:
            outputs = self._trainer.predict_again(x, batch_size)
            if outputs is not None:
                return outputs
        keras2_arguments(self.predict, x, keras2)
        source = limited_source(x, batch_size=batch_size, steps=steps, prepare=self._preparation())
        return self._trainer.predict(source, callbacks, verbose)

    def train_on_batch(
        self,
        x: Tree,
        y: Tree = None,
        sample_weight: Tree = None,
        class_weight: Tree = None,
        return_dict: bool = False,
        *,
        reset_metrics: bool = True,
    ) -> Tree:
        """One training step on one batch.

        Args:
            x, y, sample_weight, class_weight: as for `fit`.
            return_dict: whether to give `{name: value}`.
            reset_metrics: False, as in Keras 2, continues the loss and the metrics of the previous call.

        Returns:
            The loss, or `[loss, metric, ...]` where there are metrics, or the dict: those of this batch alone.
        """
        names = getattr(self, "output_names", None)
        source = _one_batch(self._preparation(), x, y, sample_weight, class_weight, names)
        logs = self._trainer.train_on_batch(source, reset_metrics)
        return logs if return_dict else _as_list(logs)

    def test_on_batch(
        self, x: Tree, y: Tree = None, sample_weight: Tree = None, return_dict: bool = False, *, reset_metrics: bool = True
    ) -> Tree:
        """Loss and metrics of one batch; arguments as for `train_on_batch`."""
        logs = self._trainer.test_on_batch(_one_batch(self._preparation(), x, y, sample_weight), reset_metrics)
        return logs if return_dict else _as_list(logs)

    def predict_on_batch(self, x: Tree) -> Tree:
        """Outputs for one batch, as numpy arrays."""
        return self._trainer.predict(_one_batch(self._preparation(), x), None, 0)

    def reset_metrics(self) -> None:
        """Reset the metrics that `train_on_batch(..., reset_metrics=False)` continues."""
        self._trainer.reset_metrics()

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._trainer.config is not None

    # Keras' name for the mean of the loss; a step may update it. None before `compile`.
    _loss_tracker: Derived[Model, Metric | None] = Derived(lambda self: self._trainer.loss_mean)

    @property
    def metrics_names(self) -> list[str]:
        """Names of what `evaluate` returns, in its order."""
        return self._trainer.metrics_names

    snapshot_arrays = snapshot.snapshot_arrays
    snapshot_notes = snapshot.snapshot_notes
    snapshot_specs = snapshot.snapshot_specs
    restore_snapshot = snapshot.restore_snapshot

    get_state_tree = state_tree.get_state_tree
    set_state_tree = state_tree.set_state_tree

    quantize = quantizing.quantize  # type: ignore[assignment]
    get_quantization_layer_structure = quantizing.get_quantization_layer_structure

    # looking inside -------------------------------------------------------------------------------------------------

    activations = activations.activations
    describe = describe.describe
    layouts = layouts.layouts
    layer_statistics = layer_statistics.layer_statistics
    current_batch = nonfinite.current_batch
    find_nonfinite = nonfinite.find_nonfinite

    # layers and weights ----------------------------------------------------------------------------------------------

    def _casts_inputs(self) -> bool:
        return False  # each layer below casts its own

    @property
    def layers(self) -> list[Layer]:
        """The layers directly below this model, in Keras' order."""
        return self._sublayers()

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """A layer by name or by position in `layers`.

        Raises:
            ValueError: there is none; the text names the nearest.
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

    def build(self, input_shape: Tree = None) -> None:
        """Make all weights for inputs of this shape, batch axis included: `(None, 784)`."""
        specs = (shapes_to_specs(input_shape, self.compute_dtype),)
        if hasattr(type(self).build, "is_default"):
            self._ensure_built(specs, {})
        else:  # called by an override, as super().build(input_shape)
            self._build_by_call(specs, {})

    build.is_default = True  # type: ignore[attr-defined]

    def _ensure_built(self, specs: tuple[Tree, ...], kwargs: dict[str, Tree], lenient: bool = False) -> None:
        known = self.built
        super()._ensure_built(specs, kwargs, lenient)
        if not known:
            self._trainer.claim()

    def get_weights(self) -> list[np.ndarray]:
        """Copies of all weights as numpy arrays, in Keras' order.

        Raises:
            ValueError: the model was not built yet.
        """
        self._require_built("get_weights", "model.build(input_shape)")
        return super().get_weights()

    def set_weights(self, weights: Sequence[Tensor]) -> None:
        """Set all weights from arrays in the order of `get_weights`.

        Raises:
            ValueError: the model was not built yet, or the number of arrays or a shape does not fit. Then no weight changes.
        """
        self._require_built("set_weights", "model.build(input_shape)")
        super().set_weights(weights)

    def reset_states(self) -> None:
        """Reset the state of all layers that keep one between batches."""
        for layer in self._flatten_layers():
            reset = getattr(layer, "reset_state", None)
            if layer is not self and callable(reset):
                reset()

    summary = summary.summary
    _repr_html_ = html_summary.html_summary


_ALL = 2**31 - 1  # rows of a batch that all data fit into


def _functional_class(cls: Any, functional: type) -> type:
    """A class with the methods of `cls` and, behind them, those of a functional model; kept on `cls`.

    Where the constructor makes the graph, it is `cls` itself with one more base, so that `type(model) is cls`; what comes before
    `Model` among the bases, such as a mixin, still does. A model of this class that its constructor makes without a graph is as
    before. A class whose constructor is handed a graph may also be extended by one with a `call`, and stays.
    """
    found: type | None = cls.__dict__.get("_as_functional")
    if found is None:
        if issubclass(cls, functional):
            found = cls
        elif not takes_graph(cls):
            cls.__bases__ = _with_functional(cls.__bases__, functional)
            for changed in _descendants(cls):
                changed._plan = read_plan(changed, Layer)
            cls._as_functional = cls._declared_as = found = cls
        else:
            names = {"__module__": cls.__module__, "__qualname__": cls.__qualname__, "__doc__": cls.__doc__, "_declared_as": cls}
            found = cls._as_functional = type(cls.__name__, (cls, functional), names)
    return found


def _with_functional(bases: tuple[type, ...], functional: type) -> tuple[type, ...]:
    """Bases with the class of functional models in place of `Model`, else behind the last of its subclasses."""
    if Model in bases:
        return tuple(functional if base is Model else base for base in bases)
    after = max(i for i, base in enumerate(bases) if issubclass(base, Model)) + 1
    return (*bases[:after], functional, *bases[after:])


def _descendants(cls: Any) -> list[Any]:
    """A class and all that extend it."""
    return [cls, *(found for below in cls.__subclasses__() for found in _descendants(below))]


def _empty_with_graph(cls: Any) -> Any:
    """A model without attributes, of the class that `cls` becomes where it has a graph."""
    found: Any = _functional_class(cls, cls._functional)
    return found.__new__(found)


def takes_graph(cls: object) -> bool:
    """Whether a model's constructor takes `inputs` and `outputs`, or passes all its arguments to one that does."""
    parameters = list(constructor_signature(cls).parameters.values())
    kinds = [p.kind for p in parameters]
    both = inspect.Parameter.VAR_POSITIONAL in kinds and inspect.Parameter.VAR_KEYWORD in kinds
    return both or [p.name for p in parameters][:2] == ["inputs", "outputs"]


def _one_batch(
    prepare: Preparation | None,
    x: Tree,
    y: Tree = None,
    sample_weight: Tree = None,
    class_weight: Tree = None,
    output_names: list[str] | None = None,
) -> ArraySource:
    """All rows as one batch."""
    more = {"class_weight": class_weight, "output_names": output_names, "prepare": prepare}
    source = as_source(x, y, sample_weight, batch_size=_ALL if is_arrays(x) else None, **more)
    if not isinstance(source, ArraySource):
        raise ValueError(f"The methods for one batch take arrays. Received: {type(x).__name__}. Write fit, evaluate or predict.")
    return ArraySource(*source.arrays, batch_size=source.num_samples)


def _as_list(logs: Logs) -> Tree:
    values = list(logs.values())
    return values[0] if len(values) == 1 else values


def check_unique_names(owner: str, layers: Sequence[Operation]) -> None:
    """Refuse two layers of one name in a model."""
    seen: set[str] = set()
    for layer in layers:
        if layer.name in seen:
            raise ValueError(
                f"The name {layer.name!r} is used by two layers of {owner}. Layer names are unique in a model: "
                f"give one of them another, name={layer.name + '_2'!r}."
            )
        seen.add(layer.name)

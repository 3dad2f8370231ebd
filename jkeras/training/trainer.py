"""`Trainer`: `compile`, `fit`, `evaluate`, `predict`, the thin stateful face of training."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import losses, metrics, optimizers
from jkeras._base.config import settings
from jkeras._base.errors import unexpected_arguments
from jkeras.callbacks import CallbackList, History
from jkeras.data import as_source, train_validation_split, unpack_x_y_sample_weight
from jkeras.data.array_source import ArraySource
from jkeras.graph.infer import at_size
from jkeras.layers.structures import array_specs
from jkeras.state.functionalize import abstractly
from jkeras.training.checks import check_finite, check_train_step
from jkeras.training.loop import TrainingRun, evaluate_source, predict_source
from jkeras.training.objective import Objective, make_objective
from jkeras.training.step import Steps
from jkeras.training.structure import output_names
from jkeras.training.transfer import compile_reader, read_weights, write_weights

_NOT_COMPILED = """{name!r} must be compiled before `{what}`. Say how to train it:

    model.compile(optimizer="adam", loss="mse")
"""

_BY_SHAPE = ("accuracy", "acc", "crossentropy", "ce")  # these names mean different functions for different shapes


@dataclasses.dataclass(frozen=True)
class CompileConfig:
    """What `compile` was given."""

    loss: Any
    loss_weights: Any
    metrics: Any
    weighted_metrics: Any
    run_eagerly: bool
    steps_per_execution: int
    jit: bool


class Trainer(Steps):
    """`compile`, `fit`, `evaluate`, `predict` and the single-batch methods."""

    name: str
    stop_training: bool = False

    def _reset_training(self) -> None:
        self.optimizer: Any = None
        self.loss: Any = None
        self.history: History | None = None
        self.stop_training = False
        self._compile_config: CompileConfig | None = None
        self._reset_training_functions()

    def _reset_training_functions(self) -> None:
        self._objective: Objective | None = None
        self._functions: dict[Any, Callable[..., Any]] = {}
        self._batch_metrics: Any = None

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._compile_config is not None

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
        auto_scale_loss: bool = True,
        **kwargs: Any,
    ) -> None:
        """Say how to train.

        Args:
            optimizer: name, `Optimizer`, or any `optax.GradientTransformation`.
            loss: name, function or `Loss`; a list or dict of them for several outputs.
            loss_weights: factors of the outputs' losses in the total.
            metrics: names, functions or `Metric`s, or lists or dicts of them by output.
            weighted_metrics: metrics that take the sample weights.
            run_eagerly: run the step operation by operation, for debugging.
            steps_per_execution: batches between two batch events of callbacks.
            jit_compile: False is as `run_eagerly`.
            auto_scale_loss: scale the loss dynamically where the policy is `mixed_float16`.

        Raises:
            ValueError: an unknown name; the text names the nearest.
        """
        if kwargs:
            known = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly", "jit_compile")
            raise unexpected_arguments("compile", kwargs, (*known, "steps_per_execution", "auto_scale_loss"))
        if not isinstance(steps_per_execution, int) or steps_per_execution < 1:
            raise ValueError(f"steps_per_execution is a positive integer. Received: {steps_per_execution!r}.")
        self.optimizer, self.loss = optimizers.get(optimizer), loss
        if auto_scale_loss and self.dtype_policy.name == "mixed_float16":  # type: ignore[attr-defined]
            self.optimizer = optimizers.with_loss_scale(self.optimizer)
        jit = not run_eagerly and jit_compile is not False
        self._compile_config = CompileConfig(
            loss, loss_weights, metrics, weighted_metrics, bool(run_eagerly), steps_per_execution, jit
        )
        self._reset_training_functions()
        self.stop_training = False
        make_check(self._compile_config)

    # fitting --------------------------------------------------------------------------------------------------------

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool | str = True,
        class_weight: dict[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | list[int] = 1,
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
            shuffle: whether each epoch has an order of its own.
            class_weight: `{class: weight}`.
            sample_weight: a weight per row.
            initial_epoch: number of the first epoch.
            steps_per_epoch, validation_steps: batches per epoch; needed for endless generators.
            validation_batch_size: rows per step of the validation.
            validation_freq: every how many epochs to validate, or the list of epochs.

        Returns:
            The `History`.
        """
        self._require_compiled("fit")
        if isinstance(validation_freq, int) and validation_freq < 1:
            raise ValueError(f"validation_freq is a number of epochs, 1 or more, or a list. Received: {validation_freq!r}.")
        check_train_step(self)
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = train_validation_split((x, y, sample_weight), validation_split)
        source = as_source(
            x, y, sample_weight, batch_size=batch_size, shuffle=shuffle, steps=steps_per_epoch, class_weight=class_weight
        )
        self._prepare_for(source)
        validation = None
        if validation_data is not None:
            validation = _validation_source(validation_data, validation_batch_size or source.batch_size, validation_steps)
            self._check_source(validation)
        events = CallbackList(
            callbacks,
            add_history=True,
            add_progbar=verbose != 0,
            model=self,
            verbose=_verbosity(verbose),
            epochs=epochs,
            steps=source.num_batches,
        )
        assert self._compile_config is not None
        self.stop_training = False
        run = TrainingRun(self, self._function("train"), events, self._compile_config.steps_per_execution)
        events.on_train_begin()
        logs: dict[str, Any] = {}
        for epoch in range(initial_epoch, epochs):
            events.on_epoch_begin(epoch)
            logs = dict(run.epoch(epoch, source))
            if validation is not None and _validates(epoch, validation_freq):
                found = evaluate_source(self, validation, self._function("test"), events)
                logs.update({f"val_{name}": value for name, value in found.items()})
            logs = self._plain(logs)
            events.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        self._finish_training()
        events.on_train_end(logs)
        assert self.history is not None
        return self.history

    def _finish_training(self) -> None:
        """With an average of the weights (`use_ema`), the average is what stays."""
        params, state = read_weights(self, donate=False)
        final = self.optimizer.finalize(params, self.optimizer.state)
        if final is not params:
            write_weights(self, jax.tree.map(jnp.copy, final), state)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Loss and metrics over data.

        Args:
            x, y, batch_size, sample_weight: as for `fit`.
            verbose: 0, 1, 2 or "auto".
            steps: number of batches; needed for endless generators.
            callbacks: a list of `Callback`s.
            return_dict: whether to give `{name: value}`.

        Returns:
            The loss, or `[loss, metric, ...]` where there are metrics, or the dict.
        """
        self._require_compiled("evaluate")
        source = as_source(x, y, sample_weight, batch_size=batch_size, steps=steps)
        self._prepare_for(source)
        events = self._events(callbacks, verbose, source)
        logs = self._plain(evaluate_source(self, source, self._function("test"), events))
        return logs if return_dict else _as_list(logs)

    def predict(
        self, x: Any, batch_size: int | None = None, verbose: int | str = "auto", steps: int | None = None, callbacks: Any = None
    ) -> Any:
        """The model's outputs for data, as numpy arrays in the structure of the outputs.

        Args:
            x, batch_size: as for `fit`; rows only.
            verbose: 0, 1, 2 or "auto".
            steps: number of batches; needed for endless generators.
            callbacks: a list of `Callback`s.
        """
        source = as_source(x, batch_size=batch_size, steps=steps)
        self._build_for(source)
        return predict_source(self, source, self._function("predict"), self._events(callbacks, verbose, source))

    # single batches -------------------------------------------------------------------------------------------------

    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """One training step on one batch; metrics run on until `reset_metrics()`."""
        self._require_compiled("train_on_batch")
        source = _one_batch(x, y, sample_weight, class_weight)
        self._prepare_for(source)
        run = TrainingRun(self, self._function("train"), CallbackList([], model=self), 1)
        run.state = run.state._replace(metrics=self._batch_metrics or self._fresh_metrics())
        run.state, logs = run.step(run.state, next(iter(source.batches())))
        run._keep()
        self._batch_metrics = run.state.metrics
        if self._objective is not None:  # copies: the next step gives the accumulators away
            self._objective.show(jax.tree.map(jnp.copy, run.state.metrics))
        logs = self._plain(logs)
        return logs if return_dict else _as_list(logs)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Loss and metrics of one batch."""
        return self.evaluate(_one_batch(x, y, sample_weight), verbose=0, return_dict=return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """Outputs for one batch, as numpy arrays."""
        return self.predict(_one_batch(x), verbose=0)

    def reset_metrics(self) -> None:
        """Start the metrics of `train_on_batch` again."""
        self._batch_metrics = None

    @property
    def metrics(self) -> list[Any]:
        """The compiled metrics, once the shapes of the data are known."""
        return [] if self._objective is None else [tracked.metric for tracked in self._objective.tracked]

    @property
    def metrics_names(self) -> list[str]:
        """Names of what `evaluate` returns, in its order."""
        return [] if self._objective is None else list(self._objective.init_metrics())

    # preparation ----------------------------------------------------------------------------------------------------

    def _require_compiled(self, what: str) -> None:
        if self._compile_config is None:
            raise RuntimeError(_NOT_COMPILED.format(name=self.name, what=what))

    def _events(self, callbacks: Any, verbose: int | str, source: Any) -> CallbackList:
        if isinstance(callbacks, CallbackList):
            return callbacks
        steps = source.num_batches
        return CallbackList(callbacks, add_progbar=verbose != 0, model=self, verbose=_verbosity(verbose), epochs=1, steps=steps)

    def _function(self, which: str) -> Callable[..., Any]:
        """The compiled step; made again only when what is trainable has changed."""
        trainable = tuple(id(b) for b in self.trainable_weights) if which == "train" else ()  # type: ignore[attr-defined]
        frozen = tuple(layer._trainable for layer in self._flatten_layers())  # type: ignore[attr-defined]
        key = (which, trainable, frozen)
        if key not in self._functions:
            method = getattr(self, f"{which}_step")
            donate = (0,) if which == "train" else ()
            if self._traced:
                method = jax.jit(method, donate_argnums=donate) if donate else compile_reader(method)
            self._functions[key] = method
        return self._functions[key]

    def _build_for(self, source: Any) -> Any:
        specs = array_specs(source.spec)
        if not self.built and self._traced:  # type: ignore[has-type]
            self._ensure_built((specs,), {})  # type: ignore[attr-defined]
            self.built = True
        return specs

    @property
    def _traced(self) -> bool:
        return self._compile_config is None or self._compile_config.jit

    def _outputs_for(self, probe: Any) -> Any:
        """Shapes of the outputs; `run_eagerly` serves calls that look at values, so there they come from a call on zeros."""
        if self._traced:
            return abstractly(lambda x: self(x, training=False), probe)  # type: ignore[operator]
        outputs = self(jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), probe), training=False)  # type: ignore[operator]
        return jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape, a.dtype), outputs)

    def _prepare_for(self, source: Any) -> None:
        specs = self._build_for(source)
        if self._objective is None:
            assert self._compile_config is not None
            y_pred = self._outputs_for(jax.tree.map(lambda s: at_size(s, source.batch_size or 2), specs))
            self._objective = make_objective(self._compile_config, output_names(self, y_pred), source.specs[1], y_pred)
            self._y_pred_spec = y_pred
        self._check_source(source)

    def _check_source(self, source: Any) -> None:
        assert self._objective is not None
        if isinstance(source, ArraySource):
            self._check_data(*source.arrays)

    def _check_data(self, x: Any, y: Any, sample_weight: Any = None) -> None:
        assert self._objective is not None
        if settings.check_finite:
            check_finite(x=x, y=y)
        if y is not None:
            self._objective.check_targets(y, self._y_pred_spec)

    def _checked(self, source: Any, batches: Any) -> Any:
        """The batches, each checked where the data come as a stream; arrays were checked as a whole."""
        for batch in batches:
            if not isinstance(source, ArraySource):
                self._check_data(*batch)
            yield batch

    def _plain(self, logs: dict[str, Any]) -> dict[str, Any]:
        """Logs as Python numbers in the order of the metrics; a compiled step gives dicts in the order of their keys."""
        read = jax.device_get(logs)
        known = self.metrics_names
        names = [n for p in ("", "val_") for n in (f"{p}{k}" for k in known) if n in read]
        read = {name: read[name] for name in (*names, *(n for n in read if n not in names))}
        return {name: float(value) if np.ndim(value) == 0 else value for name, value in read.items()}

    def _fresh_metrics(self) -> dict[str, Any]:
        return {} if self._objective is None else self._objective.init_metrics()


def make_check(config: CompileConfig) -> None:
    """Resolve the names in a `compile` call at once, so that a typo is found where it stands."""
    for loss in _flat(config.loss):
        if loss not in _BY_SHAPE:
            losses.get(loss)
    for metric in (*_flat(config.metrics), *_flat(config.weighted_metrics)):
        if isinstance(metric, str) and metric not in _BY_SHAPE:
            metrics.get(metric)


def _flat(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for v in value.values() for leaf in _flat(v)]
    if isinstance(value, (list, tuple)):
        return [leaf for v in value for leaf in _flat(v)]
    return [] if value is None else [value]


def _validation_source(data: Any, batch_size: int | None, steps: int | None) -> Any:
    if not isinstance(data, (tuple, list)):
        return as_source(data, steps=steps)
    x, y, sample_weight = unpack_x_y_sample_weight(data)
    return as_source(x, y, sample_weight, batch_size=batch_size, steps=steps)


def _one_batch(x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None) -> ArraySource:
    """All rows as one batch."""
    source = as_source(x, y, sample_weight, class_weight=class_weight)
    if not isinstance(source, ArraySource):
        raise ValueError(f"The methods for one batch take arrays. Received: {type(x).__name__}. Write fit, evaluate or predict.")
    return ArraySource(*source.arrays, batch_size=source.num_samples)


def _validates(epoch: int, frequency: int | list[int]) -> bool:
    return (epoch + 1) % frequency == 0 if isinstance(frequency, int) else epoch + 1 in frequency


def _verbosity(verbose: int | str) -> int:
    if verbose not in ("auto", 0, 1, 2):
        raise ValueError(f"verbose is 0 (silent), 1 (a live line), 2 (a line per epoch) or 'auto'. Received: {verbose!r}.")
    return 1 if verbose == "auto" else int(verbose)


def _as_list(logs: dict[str, Any]) -> Any:
    values = list(logs.values())
    return values[0] if len(values) == 1 else values

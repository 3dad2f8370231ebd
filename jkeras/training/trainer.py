"""`Trainer`: `compile`, `fit`, `evaluate`, `predict`, the thin stateful face of training."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import optimizers
from jkeras._base import paths
from jkeras._base.compiling import compiled_quickly
from jkeras._base.config import settings
from jkeras._base.errors import standing_for_unknown, unexpected_arguments
from jkeras._base.plain_numbers import INTEGERS
from jkeras.callbacks import CallbackList, History, RunParameters
from jkeras.data import as_source, train_validation_split
from jkeras.data.array_source import ArraySource
from jkeras.data.arrays import spec_of
from jkeras.data.feed import ArrayFeed
from jkeras.data.stream import StreamFeed
from jkeras.graph.infer import at_size
from jkeras.layers.structures import array_specs
from jkeras.layers.tracking import inventory, note_change
from jkeras.metrics import Mean
from jkeras.state.variable import gate
from jkeras.training.checks import check_finite, check_names, check_train_step, flat_names
from jkeras.training.fingerprint import fingerprint
from jkeras.training.fit_arguments import validates, validation_source, verbosity
from jkeras.training.forward import ForwardPass, bucket
from jkeras.training.keras2_arguments import compile_arguments, in_order_of_today, keras2_arguments
from jkeras.training.logs import flat_results
from jkeras.training.loop import Batches, TrainingRun, evaluate_feed, predict_batch, predict_feed
from jkeras.training.moment import Moment, moment_to_resume
from jkeras.training.objective import Objective, make_objective
from jkeras.training.program import Program, training_program
from jkeras.training.reading import batch_program, evaluation_program, prediction_program, rows_can_be_masked
from jkeras.training.replay import Replay
from jkeras.training.short_epochs import join_epochs
from jkeras.training.snapshot import Snapshots
from jkeras.training.step import Steps
from jkeras.training.transfer import read_weights, write_weights

_NOT_COMPILED = """{name!r} must be compiled before `{what}`. Say how to train it:

    model.compile(optimizer="adam", loss="mse")
"""

_SILENT = CallbackList()
_MOST_PROGRAMS = 16  # of one kind: a callback may change a setting of the optimizer in every epoch


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


class Trainer(Steps, Snapshots, Replay):
    """`compile`, `fit`, `evaluate`, `predict` and the single-batch methods."""

    name: str
    stop_training = stop_evaluating = stop_predicting = False
    _run: TrainingRun | None
    _moment: Moment | None

    def _reset_training(self) -> None:
        self.optimizer: Any = None
        self.loss: Any = None
        self.history: History | None = None
        self.stop_training = False
        self._compile_config: CompileConfig | None = None
        self._fingerprint: Any = None
        self._run = self._moment = None
        self._reset_training_functions()

    def _reset_training_functions(self) -> None:
        self._objective: Objective | None = None
        self._loss_means: dict[str, Mean] = {}
        self._loop_programs: dict[Any, Any] = {}
        self._pads_rows: dict[Any, bool] = {}  # whether evaluations pad, by the shapes of the data
        self._forward_passes: dict[Any, ForwardPass] = {}
        self._batches = Batches()
        self._parts = None
        self._optimizer_known: Any = None  # `_optimizer_key` of an optimizer and its settings
        self._others: dict[int, Any] = {}  # variables from elsewhere that programs of this model use

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
            kwargs: Keras 2's `sample_weight_mode`, `target_tensors=None` and others that need not be said.

        Raises:
            ValueError: an unknown name; the text names the nearest.
            TypeError: an argument that asks for what there is not.
        """
        kwargs = compile_arguments(kwargs)
        steps_per_execution = kwargs.pop("steps_per_execution", 1 if steps_per_execution is None else steps_per_execution)
        loss_weights, metrics = in_order_of_today(loss_weights, metrics)
        if kwargs:
            known = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly", "jit_compile")
            raise unexpected_arguments("compile", kwargs, (*known, "steps_per_execution", "auto_scale_loss"))
        if not isinstance(steps_per_execution, INTEGERS) or steps_per_execution < 1:
            raise ValueError(f"steps_per_execution is a positive integer. Received: {steps_per_execution!r}.")
        self.optimizer, self.loss = optimizers.get(optimizer), loss
        before = self._fingerprint
        if auto_scale_loss and self.dtype_policy.name == "mixed_float16":  # type: ignore[attr-defined]
            self.optimizer = optimizers.with_loss_scale(self.optimizer)
        jit = not run_eagerly and jit_compile is not False
        self._compile_config = CompileConfig(
            loss, loss_weights, metrics, weighted_metrics, bool(run_eagerly), int(steps_per_execution), jit
        )
        note_change()  # a metric in an attribute may be a compiled one now
        self._fingerprint = fingerprint([vars(self._compile_config), self.optimizer])
        if self._fingerprint != before:
            self._reset_training_functions()
        self._batches, self._moment = Batches(), None
        self.stop_training = False
        check_names(self._compile_config)

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
        class_weight: Any = None,
        sample_weight: Any = None,
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
            shuffle: whether each epoch has an order of its own.
            class_weight: `{class: weight}`; for several outputs such tables in a list, or in a dict by the outputs' names.
            sample_weight: a weight per row; for several outputs in a list, or in a dict by name, for those that have one.
            initial_epoch: number of the first epoch.
            steps_per_epoch, validation_steps: batches per epoch; needed for endless generators.
            validation_batch_size: rows per step of the validation.
            validation_freq: every how many epochs to validate, or the list of epochs.
            resume: go on with the training that the model was loaded with, bit for bit as if it had never stopped.
            keras2: `workers`, `use_multiprocessing` and `max_queue_size` for a `PyDataset`; `nb_epoch` for `epochs`.

        Returns:
            The `History`.
        """
        self._require_compiled("fit")
        epochs = keras2_arguments(self.fit, x, keras2, epochs)
        if isinstance(validation_freq, INTEGERS) and validation_freq < 1:
            raise ValueError(f"validation_freq is a number of epochs, 1 or more, or a list. Received: {validation_freq!r}.")
        check_train_step(self)
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = train_validation_split((x, y, sample_weight), validation_split)
        weights = {"class_weight": class_weight, "output_names": getattr(self, "output_names", None)}
        source = as_source(x, y, sample_weight, batch_size=batch_size, shuffle=shuffle, steps=steps_per_epoch, **weights)
        self._prepare_for(source)
        validation = None
        if validation_data is not None:
            validation = validation_source(validation_data, validation_batch_size or source.batch_size, validation_steps)
            self._check_source(validation)
        events = CallbackList(callbacks, add_history=True, add_progbar=verbose != 0, model=self)
        params = {"verbose": verbosity(verbose), "epochs": epochs, "steps": source.num_batches}
        events.set_params(RunParameters(params, source, self.metrics_names, validation))
        assert self._compile_config is not None
        self.stop_training = False
        feed = self._feed(source)
        short = validation is None and join_epochs(self, feed, events, epochs - initial_epoch)
        program = self._loop_program("short epochs" if short else "train")
        run = TrainingRun(self, program, events, self._compile_config.steps_per_execution)
        padded = validation is not None and self._fill(validation, source)
        validation_feed = None if validation is None else self._feed(validation)
        moment = moment_to_resume(self, source, initial_epoch) if resume else Moment(epoch=initial_epoch)
        events.on_train_begin()
        if events.wants_resume:
            resume, moment = True, moment_to_resume(self, source, 0)
        logs: dict[str, Any] = {}
        with run:
            if resume:
                run.resume(moment, feed)
            for epoch, told in run.epochs(moment.epoch, epochs, feed):
                logs = dict(run.epoch(epoch, feed)) if told is None else told
                if validation_feed is not None and validates(epoch, validation_freq):
                    found, _ = self._evaluate(validation_feed, events, padded)
                    logs.update({f"val_{name}": value for name, value in found.items()})
                logs = self._plain(logs)
                run.end_epoch()
                events.on_epoch_end(epoch, logs)
                if self.stop_training:
                    break
        self._finish_training()
        events.on_train_end(logs)
        assert self.history is not None
        return self.history

    def _finish_training(self) -> None:
        """With an average of the weights (`use_ema`), the average is what stays."""
        final = self.optimizer.finalize(None, self.optimizer.live_state)
        if final is not None:
            params, _ = read_weights(self)
            write_weights(self, jax.tree.map(jnp.copy, final))
            if self._moment is not None:
                before = {"/".join(path): value for path, value in paths.flatten(params).items()}
                self._moment = dataclasses.replace(self._moment, averaged=before)

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
        padded = self._fill(source)
        logs = self._plain(self._evaluate(self._feed(source), events, padded)[0])
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
        specs = self._build_for(source)
        events = self._events(callbacks, verbose, source)
        if isinstance(source, ArraySource) and source.num_batches == source.total_batches == 1:
            rows = source.num_samples
            size = bucket(rows) if rows > 1 and self._forward(specs, rows).keeps_rows_apart else rows
            return predict_batch(self, source.arrays, size, self._loop_program("batch"), events)
        size = source.first_rows
        forward = self._forward(specs, size)
        feed = self._feed(source, forward.outputs_at(size))
        return predict_feed(self, feed, self._loop_program("predict"), events, forward.keeps_rows_apart)

    # single batches -------------------------------------------------------------------------------------------------

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
        *,
        reset_metrics: bool = True,
    ) -> Any:
        """One training step on one batch.

        Args:
            x, y, sample_weight, class_weight: as for `fit`.
            return_dict: whether to give `{name: value}`.
            reset_metrics: False, as in Keras 2, goes on from the loss and the metrics of the call before.

        Returns:
            The loss, or `[loss, metric, ...]` where there are metrics, or the dict: those of this batch alone.
        """
        self._require_compiled("train_on_batch")
        source = _one_batch(x, y, sample_weight, class_weight, getattr(self, "output_names", None))
        self._prepare_for(source)
        if reset_metrics:
            self._batches.metrics = None
        run = TrainingRun(self, self._loop_program("train"), _SILENT)
        logs = self._plain(run.one_batch(self._feed(source), self._batches))
        return logs if return_dict else _as_list(logs)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False, *, reset_metrics: bool = True
    ) -> Any:
        """Loss and metrics of one batch; arguments as for `train_on_batch`."""
        self._require_compiled("test_on_batch")
        source = _one_batch(x, y, sample_weight)
        self._prepare_for(source)
        padded = self._fill(source)
        start = None if reset_metrics else self._batches.metrics
        read, self._batches.metrics = self._evaluate(self._feed(source), _SILENT, padded, start)
        logs = self._plain(read)
        return logs if return_dict else _as_list(logs)

    def predict_on_batch(self, x: Any) -> Any:
        """Outputs for one batch, as numpy arrays."""
        return self.predict(_one_batch(x), verbose=0)

    def reset_metrics(self) -> None:
        """Start the metrics again that `train_on_batch(..., reset_metrics=False)` goes on from."""
        self._batches.metrics = None
        for metric in self.metrics:
            metric.reset_state()

    @property
    def metrics(self) -> list[Any]:
        """What is reported: the means of the losses, the compiled metrics, the metrics that the model and its layers hold.

        The first two are there once the shapes of the data are known. Metrics of a model inside this one belong to its training.
        May be overridden.
        """
        held = inventory(self).trackers
        own = [tracker for _, tracker, layer in held if layer is self or not isinstance(layer, Trainer)]
        return [metric for _, metric in self._compiled_metrics()] + own

    @property
    def metrics_names(self) -> list[str]:
        """Names of what `evaluate` returns, in its order."""
        if self._objective is None:
            return []
        reported = {id(metric): metric.name for metric in self.metrics}
        hidden = {name for name, metric in self._compiled_metrics() if reported.pop(id(metric), None) is None}
        known = [name for name in self._objective.result_names if name not in hidden]
        return list(dict.fromkeys([*known, *flat_results((name, 0.0) for name in reported.values())]))

    def _compiled_metrics(self) -> list[tuple[str, Any]]:
        """The means of the losses and the compiled metrics, by their names in the logs."""
        if self._objective is None:
            return []
        return [*self._loss_means.items(), *((tracked.name, tracked.metric) for tracked in self._objective.tracked)]

    def _trackers(self) -> list[Any]:
        """Metrics in attributes; those that were compiled too are known already."""
        config = self._compile_config
        given = [] if config is None else [*flat_names(config.metrics), *flat_names(config.weighted_metrics)]
        known = {id(metric) for metric in (*given, *self._loss_means.values())}
        return [tracker for tracker in super()._trackers() if id(tracker) not in known]  # type: ignore[misc]

    def _show(self, state: dict[str, Any]) -> None:
        """Let the metric objects have these accumulators, so that whoever kept one can ask for its `result()`."""
        for name, metric in self._compiled_metrics():
            metric.set_state(state[name])

    # preparation ----------------------------------------------------------------------------------------------------

    def _require_compiled(self, what: str) -> None:
        if self._compile_config is None:
            raise RuntimeError(_NOT_COMPILED.format(name=self.name, what=what))

    def _events(self, callbacks: Any, verbose: int | str, source: Any) -> CallbackList:
        if isinstance(callbacks, CallbackList):
            return callbacks
        if not callbacks and verbose == 0:
            return _SILENT
        steps = source.num_batches
        return CallbackList(callbacks, add_progbar=verbose != 0, model=self, verbose=verbosity(verbose), epochs=1, steps=steps)

    def _loop_program(self, which: str) -> Program:
        """The compiled program of one kind; made again only when what is trainable has changed."""
        key: Any = (which, inventory(self).switches, settings.matmul_precision, settings.recompile_check)
        if which in ("train", "short epochs"):
            key = (*key, self._optimizer_key())
        if key not in self._loop_programs:
            self._loop_programs[key] = self._make_program(which)
            for old in [known for known in self._loop_programs if known[0] == which][:-_MOST_PROGRAMS]:
                del self._loop_programs[old]
        return self._loop_programs[key]

    def _optimizer_key(self) -> Any:
        """Equal for optimizers whose steps are the same program."""
        known, written = self._optimizer_known, self.optimizer.settings()
        if known is None or known[0] is not self.optimizer or known[1] != written:
            known = self.optimizer, written, (fingerprint(self.optimizer), fingerprint(written))
            vars(self)["_optimizer_known"] = known  # not an attribute that layers could be found in
        return known[2]

    def _optimizer_init(self) -> Any:
        """The optimizer's `init`, compiled; made again only when what it makes has changed."""
        rate = fingerprint(getattr(self.optimizer, "_rate", None))
        return self._of_optimizer(("init", rate), lambda: compiled_quickly(self.optimizer.init))  # fills arrays

    def _optimizer_shapes(self, params: Any) -> Any:
        """Shapes of what `init` makes."""
        return self._of_optimizer("shapes", lambda: jax.eval_shape(self.optimizer.init, params))

    def _of_optimizer(self, what: Any, make: Callable[[], Any]) -> Any:
        key = (what, inventory(self).switches, self._optimizer_key())
        if key not in self._loop_programs:
            self._loop_programs[key] = make()
        return self._loop_programs[key]

    def _make_program(self, which: str) -> Program:
        if which in ("train", "short epochs"):
            return training_program(self, which == "short epochs")
        if which in ("test", "test padded"):
            return evaluation_program(self, which == "test padded")
        return prediction_program(self) if which == "predict" else batch_program(self)

    def _feed(self, source: Any, outputs: Any = None) -> ArrayFeed | StreamFeed:
        """Blocks of a source, which leave room for outputs of these shapes."""
        if isinstance(source, ArraySource):
            return ArrayFeed(source, beside=outputs)
        return StreamFeed(source, self._check_data if self._objective is not None else lambda *batch: None, beside=outputs)

    def _evaluate(self, feed: Any, events: Any, padded: bool, metrics: Any = None) -> tuple[dict[str, Any], Any]:
        return evaluate_feed(self, feed, self._loop_program("test padded" if padded else "test"), events, padded, metrics)

    def _fill(self, source: Any, like: Any = None) -> bool:
        """Whether batches of an evaluation are padded; where there is one alone, it gets the size that fits its rows.

        Data that are like those of another source are not asked for their shapes, since asking makes an item.
        """
        few = source.num_samples if isinstance(source, ArraySource) and source.total_batches == 1 else None
        rows = few or (like or source).first_rows
        if rows == 1:
            return False
        x_spec, y_spec, _ = (like or source).specs
        leaves, tree = jax.tree.flatten((x_spec, y_spec))
        key = tree, tuple((s.shape, s.dtype) for s in leaves)
        if key not in self._pads_rows:
            y_spec = jax.tree.map(lambda s: at_size(s, rows), y_spec)
            self._pads_rows[key] = rows_can_be_masked(self, y_spec, self._forward(array_specs(x_spec), rows), rows)
        if few is not None:
            source.batch_size = bucket(few) if self._pads_rows[key] else few
        return self._pads_rows[key]

    def _build_for(self, source: Any) -> Any:
        specs = array_specs(source.spec)
        if not self.built and self._traced:  # type: ignore[has-type]
            self._ensure_built((specs,), {})  # type: ignore[attr-defined]
            self.built = True
        return specs

    @property
    def _traced(self) -> bool:
        return self._compile_config is None or self._compile_config.jit

    def _forward(self, specs: Any, rows: int) -> ForwardPass:
        """The forward pass for inputs of these shapes, looked at for this many rows, or for as many as it was before."""
        leaves, tree = jax.tree.flatten(specs)
        key = (rows == 1, tree, tuple((s.shape, s.dtype) for s in leaves))
        if key not in self._forward_passes:
            known = any(rows in s.shape for s in leaves)
            # The gate: a stream checks its batches in its own thread, while a step may be traced in another.
            with gate, contextlib.nullcontext() if known else standing_for_unknown(rows):
                self._forward_passes[key] = ForwardPass(self, specs, rows)
        return self._forward_passes[key]

    def _prepare_for(self, source: Any) -> None:
        specs = self._build_for(source)
        if self._objective is None:
            assert self._compile_config is not None
            rows = self._probed_rows = source.first_rows
            y_pred = self._forward(specs, rows).outputs_at(rows)
            self._objective = make_objective(self, self._compile_config, source.specs[1], y_pred)
            tracked = {one.name for one in self._objective.tracked}
            self._loss_means = {name: Mean(name=name) for name in self._fresh_metrics() if name not in tracked}
        self._check_source(source)

    def _check_source(self, source: Any) -> None:
        if isinstance(source, ArraySource):
            self._check_data(*source.arrays)

    def _check_data(self, x: Any, y: Any, sample_weight: Any = None) -> None:
        assert self._objective is not None
        if settings.check_finite:
            check_finite(x=x, y=y)
        if y is not None:
            # The outputs for these inputs: their axes may be others than those of the data before, as the length of sequences.
            self._objective.check_targets(y, self._forward(spec_of(x), self._probed_rows).outputs)

    def _plain(self, logs: dict[str, Any]) -> dict[str, Any]:
        """Logs as Python numbers in the order of the metrics; a compiled step gives dicts in the order of their keys."""
        read = jax.device_get(logs)
        known = [] if self._objective is None else self._objective.log_names
        names = [n for p in ("", "val_") for n in (f"{p}{k}" for k in known) if n in read]
        read = {name: read[name] for name in (*names, *(n for n in read if n not in names))}
        return {name: float(value) if np.ndim(value) == 0 else value for name, value in read.items()}

    def _fresh_metrics(self) -> dict[str, Any]:
        return {} if self._objective is None else self._objective.init_metrics()


def _one_batch(
    x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None, output_names: list[str] | None = None
) -> ArraySource:
    """All rows as one batch."""
    source = as_source(x, y, sample_weight, class_weight=class_weight, output_names=output_names)
    if not isinstance(source, ArraySource):
        raise ValueError(f"The methods for one batch take arrays. Received: {type(x).__name__}. Write fit, evaluate or predict.")
    return ArraySource(*source.arrays, batch_size=source.num_samples)


def _as_list(logs: dict[str, Any]) -> Any:
    values = list(logs.values())
    return values[0] if len(values) == 1 else values

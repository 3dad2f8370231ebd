"""`Trainer`: how a model is trained. Every model has one.

It keeps what `compile` was given and what follows from that once the data are known: the objective, the forward passes, the
compiled programs. It prepares a model for data, starts the loops, and knows the run under way. `Model` is the face with the
arguments; the loops are in `fit_loop.py` and `reading.py`, the steps in `steps.py`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Callable, Hashable, Iterator
from typing import Any, TypeAlias, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from jkeras import optimizers
from jkeras._base import paths, processes
from jkeras._base.compiling import compiled_quickly
from jkeras._base.config import settings
from jkeras._base.errors import standing_for_unknown
from jkeras._base.types import Array, Logs, Tree
from jkeras.callbacks import CallbackList, History, RunParameters
from jkeras.data.array_source import ArraySource
from jkeras.data.array_stacker import ArrayStacker, default_device
from jkeras.data.arrays import spec_of
from jkeras.data.source import Source
from jkeras.data.stream_stacker import Stacker, StreamStacker
from jkeras.distribution.base import Distribution
from jkeras.distribution.reproducible import alone_on
from jkeras.graph.infer import at_size
from jkeras.layer.structures import array_specs
from jkeras.layer.tracking import Tracker, inventory, note_change, walk
from jkeras.metrics import Mean, Metric
from jkeras.optimizers.base import Optimizer
from jkeras.optimizers.placing import state_shardings
from jkeras.optimizers.state import OptimizerState
from jkeras.state.placement import Placement, gather_variables
from jkeras.state.spread import gathered
from jkeras.state.tape import Recording, recording
from jkeras.state.variable import gate
from jkeras.training import reading
from jkeras.training.arguments.checks import check_finite, check_names, flat_names
from jkeras.training.arguments.fingerprint import fingerprint
from jkeras.training.arguments.fit import validates, verbosity
from jkeras.training.dialects import is_taped
from jkeras.training.fit_loop import FitLoop, may_join_epochs
from jkeras.training.objective.containers import AllButLoss, CompiledMetrics, Shown, one_by_one
from jkeras.training.objective.logs import flat_results
from jkeras.training.objective.objective import CompileConfig, Objective, make_objective
from jkeras.training.objective.terms import Term
from jkeras.training.own_loss import OutputsKnown, handed_to_losses, shapes_of
from jkeras.training.programs.forward import ForwardPass, bucket
from jkeras.training.programs.padding import rows_can_be_masked
from jkeras.training.programs.reading import batch_program, evaluation_program, prediction_program
from jkeras.training.programs.training import Program, training_program
from jkeras.training.repeated import RepeatedBatch, repeatable
from jkeras.training.resume.state import ResumeState, resume_state_for
from jkeras.training.run import read_weights, write_some
from jkeras.training.steps import Steps, has_forward_pass
from jkeras.training.tape_step import outputs_of_step

_NOT_COMPILED = """{name!r} must be compiled before `{what}`. Say how to train it:

    model.compile(optimizer="adam", loss="mse")
"""

_NO_OPTIMIZER = """{name!r} has no optimizer to train with. Give it one:

    model.compile(optimizer="adam", loss="mse")
"""

_NO_DATA = """The losses and metrics of {name!r} depend on the shapes of the data, and it has seen none. Compile it, and call
fit, evaluate, train_on_batch or test_on_batch first:

    model.test_on_batch(x, y)
"""

_NO_VALIDATION = """validation_data has no batch left, so this epoch and those that follow have no validation. A generator is used
up after one pass: let it go on for ever and say how long a validation is, or pass what can be read again (arrays, a PyDataset):

    model.fit(x, y, validation_data=batches(), validation_steps=10)
"""

_LOOKS_AT_VALUES = """{name}.train_step looks at the values of arrays, which compiled code does not know. It runs line by line, as
with compile(run_eagerly=True), and much slower. The reason: {reason}"""

Noted: TypeAlias = list[tuple[int, dict[str, Array]]]
"""For each time that the compiled losses were asked for, the number of rows and the loss of each output by name."""

_SILENT = CallbackList()
T = TypeVar("T")
_MOST_PROGRAMS = 16  # of one kind: a callback may change a setting of the optimizer in every epoch


class Trainer:
    """How one model is trained.

    Args:
        model: the model.

    Attributes:
        config: what `compile` was given; None before.
        loop: the `fit` under way.
        resume_state: where the last `fit` ended, or what a file held.
        bare_inputs: whether inputs without targets come alone, and not in a tuple.
        finds_outputs: while a step is traced to learn what outputs it compares with targets.
    """

    def __init__(self, model: Steps):
        self.model = model
        self.config: CompileConfig | None = None
        self.loop: FitLoop | None = None
        self.bare_inputs = True
        self.finds_outputs = False
        self.resume_state: ResumeState | None = None
        self._fingerprint: Hashable = None
        self._moved = False  # whether arrays may lie on several devices
        model.optimizer = model.loss = model.history = None
        model.stop_training = False
        self.forget()

    def forget(self) -> None:
        """Drop the objective and everything that was compiled."""
        self._objective: Objective | None = None
        self._loss_mean = Mean(name="loss")
        self._programs: dict[tuple[Hashable, ...], Any] = {}
        self._forward_passes: dict[Hashable, ForwardPass] = {}
        self._repeated: RepeatedBatch | None = None  # the last single batch that was predicted
        self._pads_rows: dict[Hashable, bool] = {}  # whether evaluations pad, by the shapes of the data
        self._batch_metrics: Logs | None = None  # what `train_on_batch(..., reset_metrics=False)` continues
        self._shown: Shown = "outside"
        self._as_one, self._all_but_loss = CompiledMetrics(self), AllButLoss(self)
        self._loss_of_step: tuple[Recording, Array, int] | None = None
        self._noted: Noted | None = None  # while a loss is computed
        self._optimizer_known: tuple[Optimizer, object, Hashable] | None = None  # one, its settings, its `_optimizer_key`
        self._placed: tuple[Distribution, tuple[int, ...]] | None = None  # whose rules were checked, for which weights
        self.model.__dict__["_others"] = {}
        note_change()

    _before_compile = True, False  # whether steps are compiled, and whether they run eagerly, while there is no `config`

    def __getstate__(self) -> dict[str, object]:
        """For a pickle or a copy: compiled programs belong to this process, and everything else follows from the config."""
        kept = "model", "config", "resume_state", "_moved"
        return {name: self.__dict__[name] for name in kept}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({"_moved": False, **state}, loop=None, _fingerprint=None, bare_inputs=True, finds_outputs=False)
        self.forget()

    # compile --------------------------------------------------------------------------------------------------------

    def compile(self, optimizer: object, config: CompileConfig, auto_scale_loss: bool) -> None:
        """Train like this from now on; programs are kept where the configuration is the same.

        Args:
            optimizer: as given to `compile`.
            config: the other arguments.
            auto_scale_loss: whether to scale the loss where the policy is `mixed_float16`.
        """
        model = self.model
        model.optimizer, model.loss = optimizers.get(optimizer), config.loss
        if auto_scale_loss and model.dtype_policy.name == "mixed_float16":
            model.optimizer = optimizers.with_loss_scale(model.optimizer)
        before, self.config = self._fingerprint, config
        note_change()  # a metric in an attribute may be a compiled one now
        self._fingerprint = fingerprint([vars(config), model.optimizer])
        if self._fingerprint != before:
            self.forget()
        self._batch_metrics = self.resume_state = None
        model.stop_training = False
        check_names(config)
        if model.built:
            self.claim()

    def uncompile(self) -> None:
        """As before `compile` was called."""
        self.model.optimizer = self.model.loss = self.config = self._fingerprint = None
        self.forget()

    @property
    def jit(self) -> bool:
        """Whether steps are compiled."""
        return self._before_compile[0] if self.config is None else self.config.jit

    @property
    def run_eagerly(self) -> bool:
        """Whether steps run operation by operation."""
        return self._before_compile[1] if self.config is None else self.config.run_eagerly

    def set_jit(self, jit: bool, run_eagerly: bool) -> None:
        """Compile steps from now on, or run them operation by operation; a later `compile` says it anew."""
        if self.config is None:
            self._before_compile = jit, run_eagerly
        else:
            self.config = dataclasses.replace(self.config, jit=jit, run_eagerly=run_eagerly)
            self._fingerprint = fingerprint([vars(self.config), self.model.optimizer])
        self.forget()

    @property
    def shards(self) -> int | None:
        """Into how many shards a batch is split, for the same bits on any number of devices; None for none."""
        return None if self.config is None else self.config.shards

    def require_compiled(self, what: str) -> CompileConfig:
        """What `compile` was given.

        Raises:
            RuntimeError: it was not called.
        """
        if self.config is None:
            raise RuntimeError(_NOT_COMPILED.format(name=self.model.name, what=what))
        return self.config

    @property
    def optimizer(self) -> Optimizer:
        """The optimizer of the compiled model.

        Raises:
            RuntimeError: there is none.
        """
        optimizer: Optimizer | None = self.model.optimizer
        if optimizer is None:
            raise RuntimeError(_NO_OPTIMIZER.format(name=self.model.name))
        return optimizer

    @property
    def placement(self) -> Placement | None:
        """Where the arrays of the model lie, as `compile` or `set_distribution` says; None on one device."""
        distribution: Distribution | None = (self.config and self.config.distribution) or settings.distribution
        if distribution is None and self.shards is not None:
            distribution = alone_on(default_device())
        if distribution is None or not self.jit:
            if self._moved:
                self._move_back()
            return None
        known = self._placed
        weights = [variable for _, variable in inventory(self.model).weights]
        key = distribution, tuple(map(id, weights))
        if known is None or known != key:
            self._moved = True
            outputs = [f"{layer.path}/output" for _, layer in walk(self.model) if layer.path]
            distribution.check(weights, outputs, complete=self.config is not None and self.config.distribution is not None)
            distribution.placement.claim(variable for _, variable in inventory(self.model).entries)
            self._placed = key
        return distribution.placement

    def claim(self) -> None:
        """Say where the variables belong, as soon as they are known: values that are drawn or read before `fit` lie there.

        Rules that do not fit are an error where the model is used.
        """
        with contextlib.suppress(ValueError):
            self.placement  # noqa: B018

    def _move_back(self) -> None:
        """Put all arrays on the default device again."""
        self._moved = False
        gather_variables(variable for _, variable in inventory(self.model).entries)
        optimizer = self.model.optimizer
        if optimizer is not None and optimizer.live_state is not None:
            optimizer.state = jax.tree.map(gathered, optimizer.live_state)

    # losses and metrics ---------------------------------------------------------------------------------------------

    @property
    def is_prepared(self) -> bool:
        """Whether the objective is known."""
        return self._objective is not None

    @property
    def objective(self) -> Objective:
        """The losses and metrics for the data that the model was prepared for.

        Raises:
            RuntimeError: it has seen no data yet.
        """
        if self._objective is None:
            raise RuntimeError(_NO_DATA.format(name=self.model.name))
        return self._objective

    @property
    def loss_mean(self) -> Metric | None:
        """The mean of the loss; None before `compile`."""
        return None if self.config is None else self._loss_mean

    @property
    def compiled_metrics(self) -> list[tuple[str, Metric]]:
        """The means of the losses and the compiled metrics, by their names in the logs; empty before they are known."""
        return [] if self._objective is None else self._objective.metrics

    @property
    def shown_metrics(self) -> list[Tracker]:
        """What `model.metrics` shows of the means of the losses and the compiled metrics; `containers.py` has a table.

        Before the objective is known, the object for the compiled metrics, if any were given, is empty.
        """
        if self.config is None:
            return []
        given = self.config.metrics or self.config.weighted_metrics
        if self._objective is None:
            as_one = self._as_one if self._shown == "outside" else self._all_but_loss
            return [self._loss_mean, as_one] if given else [self._loss_mean]
        loss, *means = self._objective.loss_means.values()
        if self._shown == "in a step":
            return [loss, self._all_but_loss] if self._all_but_loss.metrics else [loss]
        return [loss, self._as_one, *means] if given else [loss, *means]

    @contextlib.contextmanager
    def showing_metrics(self, where: Shown) -> Iterator[None]:
        """Around a step: how `model.metrics` shows the compiled metrics."""
        before, self._shown = self._shown, where
        try:
            yield
        finally:
            self._shown = before

    @property
    def compiled_ids(self) -> set[int]:
        """Ids of the metric objects that were given to `compile` or follow from it."""
        given = [] if self.config is None else [*flat_names(self.config.metrics), *flat_names(self.config.weighted_metrics)]
        means = [self._loss_mean] if self._objective is None else self._objective.loss_means.values()
        return {id(metric) for metric in (*given, *means)}

    def compiled_loss(self, y: Tree, y_pred: Tree, sample_weight: Tree) -> tuple[Array, bool]:
        """The weighted sum of the compiled losses, and whether there is any."""
        self.met_outputs(y, y_pred)
        objective, config = self._objective, self.config
        if config is None or config.loss is None:
            return jnp.zeros((), jnp.float32), False
        if objective is None or not objective.takes(y_pred):
            objective = make_objective(self.model, config.losses_alone, *shapes_of(y, y_pred), self._loss_mean)
            return objective.loss(y, y_pred, sample_weight)[0], bool(objective.losses)
        total, parts = objective.loss(y, y_pred, sample_weight)
        if self._noted is not None and parts:
            self._noted.append(((*jnp.shape(jax.tree.leaves(y_pred)[0]), 1)[0], parts))
        return total, bool(objective.losses)

    @contextlib.contextmanager
    def with_losses(self, losses: list[Term]) -> Iterator[None]:
        """A block in which these are the compiled losses, for a step that computes a part of them."""
        before = self.objective
        self._objective = dataclasses.replace(before, losses=losses)
        try:
            yield
        finally:
            self._objective = before

    def met_outputs(self, y: Tree, y_pred: Tree) -> None:
        """A step compares these targets and outputs; it ends here where nothing else was asked.

        Raises:
            OutputsKnown: while `finds_outputs`.
        """
        if self.finds_outputs:
            raise OutputsKnown(y, y_pred)

    def note_loss_of_step(self, loss: Array, y_pred: Tree) -> None:
        """In a step with a tape: what `compute_loss` gave, for `track_loss_of_step`."""
        step = recording()
        self._loss_of_step = None if step is None else (step, loss, jax.tree.leaves(y_pred)[0].shape[0])

    def track_loss_of_step(self) -> None:
        """In a step with a tape: add the loss to its mean, as Keras 2's `compute_loss` does, unless the step has done so."""
        step = recording()
        if step is not None and self._loss_of_step is not None and self._loss_of_step[0] is step:
            mean, (_, loss, rows) = self.objective.loss_means["loss"], self._loss_of_step
            if not any(step.has_assigned(variable) for variable in mean.variables):
                mean.update_state(loss, sample_weight=rows)
        self._loss_of_step = None

    @contextlib.contextmanager
    def noting_losses(self, y: Tree, y_pred: Tree, sample_weight: Tree) -> Iterator[dict[str, Array]]:
        """Around the computation of a loss: where there are several compiled losses, each one of them by name afterwards.

        Where `compute_loss` asks for them more than once, the mean over all rows.
        """
        around, means = self._noted, dict[str, Array]()
        noted = self._noted = []
        try:
            yield means
            if not noted and self._objective is not None and self._objective.loss_names:
                self.compiled_loss(y, y_pred, sample_weight)  # an overridden `objective` did not ask for them
            means.update(_mean_of(noted))
        finally:
            self._noted = around
            if around is not None:
                around.extend(noted)

    @property
    def metrics_names(self) -> list[str]:
        """Names of what `evaluate` returns, in its order."""
        if self._objective is None:
            return []
        hidden, others = self.reported_metrics()
        known = (name for name in self._objective.result_names if name not in hidden)
        return list(dict.fromkeys((*known, *flat_results((metric.name, 0.0) for metric in others))))

    def reported_metrics(self) -> tuple[set[str], list[Any]]:
        """Names of the compiled metrics that `model.metrics` leaves out, and the metrics in it that were not compiled."""
        others = {id(metric): metric for metric in one_by_one(self.model.metrics)}
        hidden = {name for name, metric in self.compiled_metrics if others.pop(id(metric), None) is None}
        return hidden, list(others.values())

    def reset_metrics(self) -> None:
        """Reset the metrics that `train_on_batch(..., reset_metrics=False)` continues."""
        self._batch_metrics = None
        for metric in self.model.metrics:
            metric.reset_state()

    # runs -----------------------------------------------------------------------------------------------------------

    def fit(
        self,
        source: Source,
        validation: Source | None,
        callbacks: object,
        *,
        epochs: int,
        initial_epoch: int,
        verbose: int | str,
        validation_freq: int | list[int],
        resume: bool,
    ) -> History:
        """Train on prepared arguments of `fit`."""
        model, config = self.model, self.prepare_for(source, "fit")
        if validation is not None:
            self._check_source(validation)
        events = CallbackList(callbacks, add_history=True, add_progbar=verbose != 0, model=model)
        events.steps_per_event = config.steps_per_execution or 1
        params = {"verbose": verbosity(verbose), "epochs": epochs, "steps": source.num_batches}
        events.set_params(RunParameters(params, source, self.metrics_names, validation))
        model.stop_training = False
        joins = validation is None and may_join_epochs(model, source, events, epochs - initial_epoch)
        joins = not processes.of_any(not joins, "the beginning of fit")
        stacker = self._stacker(source, joins_epochs=joins)
        kind = "short epochs" if isinstance(stacker, ArrayStacker) and stacker.joins_epochs else "train"
        loop = FitLoop(model, stacker, self.program(kind), events, config.steps_per_execution)
        padded = validation is not None and self._pads(validation, source)
        validation_stacker = None if validation is None else self._stacker(validation)
        state = resume_state_for(model, source, initial_epoch) if resume else ResumeState(epoch=initial_epoch)
        events.on_train_begin()
        if events.wants_resume:
            resume, state = True, resume_state_for(model, source, 0)
        logs: Logs = {}
        with loop:
            if resume:
                loop.resume(state)
            for epoch, logs in loop.epochs(state.epoch, epochs):
                if validation_stacker is not None and validates(epoch, validation_freq):
                    logs.update(self._validate(validation_stacker, events, padded))
                logs = self._plain(logs)
                loop.end_epoch()
                events.on_epoch_end(epoch, logs)
                model.stop_training = processes.of_any(bool(model.stop_training), "the end of an epoch")
                if model.stop_training:
                    break
        self._keep_average()
        events.on_train_end(logs)
        assert model.history is not None
        return model.history

    def _validate(self, stacker: Stacker, events: CallbackList, padded: bool) -> Logs:
        """The logs of a validation; none where its generator is used up."""
        if not stacker.source.has_more():
            warnings.warn(_NO_VALIDATION, stacklevel=4)
            return {}
        found, _ = self._evaluate(stacker, events, padded)
        return {f"val_{name}": value for name, value in found.items()}

    def _keep_average(self) -> None:
        """With `use_ema`, keep the average of the weights in place of the weights."""
        state = self.optimizer.live_state
        final = None if state is None else self.optimizer.finalize(None, state)
        if final is not None:
            before = {"/".join(path): value for path, value in paths.flatten(read_weights(self.model)[0]).items()}
            write_some(self.model, {"/".join(path): jnp.copy(value) for path, value in paths.flatten(final).items()})
            if self.resume_state is not None:
                self.resume_state = dataclasses.replace(self.resume_state, averaged=before)

    def evaluate(self, source: Source, callbacks: object, verbose: int | str) -> Logs:
        """Loss and metrics over data, by name."""
        self.prepare_for(source, "evaluate")
        padded = self._pads(source)
        with self._events(callbacks, verbose, source) as events:
            return self._plain(self._evaluate(self._stacker(source), events, padded)[0])

    def _evaluate(self, stacker: Stacker, events: CallbackList, padded: bool, metrics: Tree = None) -> tuple[Logs, Tree]:
        program = self.program("test padded" if padded else "test")
        return reading.evaluate(self.model, stacker, program, events, padded, metrics, self._steps_per_event)

    def predict(self, source: Source, callbacks: object, verbose: int | str) -> Tree:
        """The outputs for data, as numpy arrays."""
        specs = self.build_for(source)
        with self._events(callbacks, verbose, source) as events:
            return self._predict(source, specs, events)

    def predict_again(self, x: Tree, batch_size: object) -> Tree | None:
        """The outputs for data like those of the last single batch; None where they are others, or something has changed."""
        known = self._repeated
        if known is None or self.placement is not None or not known.fits(x, batch_size, self.program("batch")):
            return None
        return known.predict(self.model, x, _SILENT)

    def _predict(self, source: Source, specs: Tree, events: CallbackList) -> Tree:
        if isinstance(source, ArraySource) and source.num_batches == source.total_batches == 1 and self.placement is None:
            rows = source.num_samples
            pads = rows > 1 and (forward := self._forward_to_predict(specs, rows)) is not None and forward.keeps_rows_apart
            size, program = bucket(rows) if pads else rows, self.program("batch")
            own = type(source) is ArraySource and self.model._preparation() is None
            self._repeated = repeatable(source, size, program) if own else None
            return reading.predict_batch(self.model, source.arrays, size, program, events)
        size = source.first_rows
        forward = self._forward_to_predict(specs, size)
        stacker = self._stacker(source, forward.outputs_at(size) if forward else ())
        padded, steps = bool(forward and forward.keeps_rows_apart) and not self._in_parts, self._steps_per_event
        return reading.predict(self.model, stacker, self.program("predict"), events, padded, steps)

    @property
    def _in_parts(self) -> bool:
        """Whether each process gives its own rows, so that a batch cannot be filled up at its end."""
        placement = self.placement
        return placement is not None and placement.parts and processes.several()

    @property
    def _steps_per_event(self) -> int | None:
        """Batches from one batch event to the next; None before `compile` says it."""
        return None if self.config is None else self.config.steps_per_execution

    def train_on_batch(self, source: ArraySource, reset_metrics: bool) -> Logs:
        """One training step; its loss and metrics by name."""
        self.prepare_for(source, "train_on_batch")
        loop = FitLoop(self.model, self._stacker(source), self.program("train"), _SILENT)
        logs = self._plain(loop.one_batch(None if reset_metrics else self._batch_metrics))
        self._batch_metrics = loop.run.state.metrics
        return logs

    def test_on_batch(self, source: ArraySource, reset_metrics: bool) -> Logs:
        """Loss and metrics of one batch, by name."""
        self.prepare_for(source, "test_on_batch")
        padded = self._pads(source)
        start = None if reset_metrics else self._batch_metrics
        logs, self._batch_metrics = self._evaluate(self._stacker(source), _SILENT, padded, start)
        return self._plain(logs)

    @contextlib.contextmanager
    def _events(self, callbacks: object, verbose: int | str, source: Source) -> Iterator[CallbackList]:
        """Around a run: its callbacks. A list that was given keeps its own `steps_per_event` for the user's loops."""
        if not callbacks and verbose == 0:
            yield _SILENT
            return
        if isinstance(callbacks, CallbackList):
            events = callbacks
        else:
            run: dict[str, Any] = {"verbose": verbosity(verbose), "epochs": 1, "steps": source.num_batches}
            events = CallbackList(callbacks, add_progbar=verbose != 0, model=self.model, **run)
        before, events.steps_per_event = events.steps_per_event, self._steps_per_event or 1
        try:
            yield events
        finally:
            events.steps_per_event = before

    def _stacker(self, source: Source, outputs: Tree = None, joins_epochs: bool = False) -> Stacker:
        """Batch stacks of a source, which leave room for outputs of these shapes."""
        if isinstance(source, ArraySource) and not self._in_parts:
            return ArrayStacker(source, beside=outputs, joins_epochs=joins_epochs, placement=self.placement)
        check = self._check_data if self.is_prepared else lambda *batch: None
        return StreamStacker(source, check, beside=outputs, placement=self.placement)

    def _plain(self, logs: Logs) -> Logs:
        """Logs as Python numbers in the order of the metrics; a compiled step gives dicts in the order of their keys."""
        with processes.waiting():
            read = jax.device_get(logs)
        known = [] if self._objective is None else self._objective.log_names
        ordered = dict.fromkeys((*known, *(f"val_{name}" for name in known), *read))
        return {name: float(read[name]) if np.ndim(read[name]) == 0 else read[name] for name in ordered if name in read}

    # programs -------------------------------------------------------------------------------------------------------

    def program(self, kind: str) -> Program:
        """The compiled program of one kind: "train", "short epochs", "test", "test padded", "predict" or "batch"."""
        key = (kind, self._optimizer_key()) if kind in ("train", "short epochs") else (kind,)
        return self.program_for(key, lambda: self._make(kind))

    def program_for(self, key: tuple[Hashable, ...], make: Callable[[], T]) -> T:
        """What was made for a key; made again only where the trainable weights or the settings have changed.

        Args:
            key: its first part says what kind of program it is.
            make: makes it.
        """
        key = (*key, inventory(self.model).switches, settings.matmul_precision, settings.recompile_check, self.placement)
        if key not in self._programs:
            self._programs[key] = make()
            for old in [known for known in self._programs if known[0] == key[0]][:-_MOST_PROGRAMS]:
                del self._programs[old]
        return self._programs[key]

    def has_program(self, kind: str) -> bool:
        """Whether there is one of this kind."""
        return any(known == kind for known, *_ in self._programs)

    def _make(self, kind: str) -> Program:
        if kind in ("train", "short epochs"):
            return training_program(self.model, kind == "short epochs")
        if kind in ("test", "test padded"):
            return evaluation_program(self.model, kind == "test padded")
        return prediction_program(self.model) if kind == "predict" else batch_program(self.model)

    def _optimizer_key(self) -> Hashable:
        """Equal for optimizers whose steps are the same program."""
        optimizer = self.optimizer
        known, written = self._optimizer_known, optimizer.settings()
        if known is None or known[0] is not optimizer or known[1] != written:
            known = self._optimizer_known = optimizer, written, (fingerprint(optimizer), fingerprint(written))
        return known[2]

    def optimizer_init(self) -> Callable[[Tree], OptimizerState]:
        """The optimizer's `init`, compiled; made again only when what it makes has changed."""
        optimizer = self.optimizer
        rate = fingerprint(getattr(optimizer, "_rate", None))  # it fills arrays
        placement = self.placement
        if placement is not None:
            weights = {"/".join(path): variable for path, variable in inventory(self.model).weights}
            shapes = self.optimizer_shapes
            return lambda params: jax.jit(optimizer.init, out_shardings=state_shardings(placement, weights, shapes(params)))(
                params
            )
        return self.program_for(("init", rate, self._optimizer_key()), lambda: compiled_quickly(optimizer.init))

    def optimizer_shapes(self, params: Tree) -> Tree:
        """Shapes of what `init` makes."""
        init = self.optimizer.init
        return self.program_for(("shapes", self._optimizer_key()), lambda: jax.eval_shape(init, params))

    # preparation ----------------------------------------------------------------------------------------------------

    def build_for(self, source: Source) -> Tree:
        """Build the model for data; the specs of their inputs."""
        specs = array_specs(source.spec)
        runs_forward = has_forward_pass(self.model)
        if not self.model.built and (self.jit or not runs_forward):
            if runs_forward:
                try:
                    self.model._ensure_built((specs,), {})
                except Exception:
                    if not is_taped(self.model):
                        raise  # else the data may be for its step alone, which builds what it uses
            self.model.built = True
        return specs

    def prepare_for(self, source: Source, what: str) -> CompileConfig:
        """Build the model for data, find its objective, and check the data against it.

        Args:
            source: of the data.
            what: needs this, for the error of a model that was not compiled.
        """
        config, specs = self.require_compiled(what), self.build_for(source)
        self.bare_inputs = source.bare_inputs
        if self._objective is None:
            rows = self._probed_rows = source.first_rows
            y_pred = self._outputs(config, source, specs, rows)
            handed = handed_to_losses(self.model, (specs, *source.specs[1:]), rows) if has_forward_pass(self.model) else None
            self._objective = make_objective(self.model, config, source.specs[1], y_pred, self._loss_mean, handed)
        self._check_source(source)
        return self.require_compiled(what)

    def _outputs(self, config: CompileConfig, source: Source, specs: Tree, rows: int) -> Tree:
        """Shapes of what the losses and metrics compare with the targets; an empty tuple where there is nothing."""
        taped = is_taped(self.model)
        compares = any(part is not None for part in (config.loss, config.metrics, config.weighted_metrics))
        calls = compares or type(self.model).train_step is Steps.train_step  # else only the step says what `call` is for
        if has_forward_pass(self.model) and calls:
            try:
                return self._forward(specs, rows).outputs_at(rows)
            except Exception:
                if not taped:
                    raise
        if not (taped and compares):
            return ()
        try:
            return outputs_of_step(self.model, source.specs, rows)
        except jax.errors.JAXTypeError as error:
            if not (settings.lenient and self.jit):
                raise
            warnings.warn(
                _LOOKS_AT_VALUES.format(name=type(self.model).__name__, reason=str(error).partition(chr(10))[0]), stacklevel=5
            )
            self.set_jit(False, run_eagerly=True)
            return outputs_of_step(self.model, source.specs, rows)

    def _check_source(self, source: Source) -> None:
        if isinstance(source, ArraySource):
            self._check_data(*source.arrays)

    def _check_data(self, x: Tree, y: Tree, sample_weight: Tree = None) -> None:
        if settings.check_finite:
            check_finite(x=x, y=y)
        if y is not None and self._forward_passes:
            # The outputs for these inputs: their axes may differ from those of earlier data, as the length of sequences does.
            self.objective.check_targets(y, self._forward(spec_of(x), self._probed_rows).outputs)

    def _forward(self, specs: Tree, rows: int) -> ForwardPass:
        """The forward pass for inputs of these shapes, traced for this many rows, or for as many as it was before."""
        leaves, tree = jax.tree.flatten(specs)
        key = (rows == 1, tree, tuple((s.shape, s.dtype) for s in leaves))
        if key not in self._forward_passes:
            known = any(rows in s.shape for s in leaves)
            # The gate: a stream checks its batches in its own thread, while a step may be traced in another.
            with gate, contextlib.nullcontext() if known else standing_for_unknown(rows):
                self._forward_passes[key] = ForwardPass(self.model, specs, rows)
        return self._forward_passes[key]

    def _forward_to_predict(self, specs: Tree, rows: int) -> ForwardPass | None:
        """The forward pass; None if the data are for a `predict_step` of the user's alone."""
        try:
            return self._forward(specs, rows)
        except Exception:
            if not is_taped(self.model, "predict_step"):
                raise
            return None

    def _pads(self, source: Source, like: Source | None = None) -> bool:
        """Whether batches of an evaluation are padded; a single batch gets the size that fits its rows.

        Data like another source's are not asked for their shapes, because that makes an item.
        """
        few = source.num_samples if isinstance(source, ArraySource) and source.total_batches == 1 else None
        rows = few or (like or source).first_rows
        if rows == 1 or not self._forward_passes or self._in_parts:
            return False
        x_spec, y_spec, _ = (like or source).specs
        leaves, tree = jax.tree.flatten((x_spec, y_spec))
        key = tree, tuple((s.shape, s.dtype) for s in leaves)
        if key not in self._pads_rows:
            y_spec = jax.tree.map(lambda s: at_size(s, rows), y_spec)
            self._pads_rows[key] = rows_can_be_masked(self.model, y_spec, self._forward(array_specs(x_spec), rows), rows)
        if few is not None:
            source.batch_size = bucket(few) if self._pads_rows[key] else few
        return self._pads_rows[key]


def _mean_of(noted: Noted) -> dict[str, Array]:
    """The mean over all rows of losses that were asked for once or more."""
    if len(noted) == 1:
        return noted[0][1]
    rows = sum(count for count, _ in noted)
    means: dict[str, Array] = {}
    for count, parts in noted:
        means |= {name: means.get(name, 0.0) + value * (count / rows) for name, value in parts.items()}
    return means

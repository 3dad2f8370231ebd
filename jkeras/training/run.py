"""`Run`: the values of a model's variables while `fit`, `evaluate` or `predict` runs, and the way back into the variables.

A program takes a `TrainState` and gives a new one. Before a dispatch the state holds the variables' arrays, after it the
variables hold the state's, so whoever looks at the model in between sees current weights, and what a callback changes counts. A
run that trains gives the arrays away, so that programs update them in place.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping

import jax
import numpy as np

from jkeras._base import processes
from jkeras._base.types import Array, Tree
from jkeras.layer.tracking import Inventory, inventory
from jkeras.optimizers.placing import state_shardings
from jkeras.optimizers.state import OptimizerState, named_leaves, split_name
from jkeras.state.placement import Placement
from jkeras.state.spread import put
from jkeras.state.variable import gate, materialize, owned_value, put_value, threads
from jkeras.training.dialects import is_taped
from jkeras.training.overwriting import divide, overwritten
from jkeras.training.programs.training import Call
from jkeras.training.state import TrainState
from jkeras.training.steps import Steps
from jkeras.training.whole_step import adopt, with_all_variables

_GONE = """The step had taken the weights when it failed, and they went with it. Load them again, from a file that ModelCheckpoint
or BackupAndRestore wrote, and compile with a new optimizer."""


class Run:
    """One call of `fit`, `evaluate` or `predict`.

    Args:
        model: built, and compiled where it trains.
        rng: the run's key, or the numbers it is made from.
        metrics: accumulators at the start.
        trains: whether programs take the arrays they are given, and change the optimizer's state.
        follows: whether the weights may change between two dispatches, by callbacks; else they are read once and written once.

    Attributes:
        state: between two dispatches.
    """

    def __init__(
        self, model: Steps, rng: Array | np.ndarray, metrics: Tree = None, *, trains: bool = False, follows: bool = True
    ):
        self.model, self.trains, self.follows = model, trains, follows
        self._placement = model._trainer.placement
        self._optimizes = trains
        if metrics is not None:
            adopt(model, (variable for metric in model._trainer.reported_metrics()[1] for variable in metric.variables))
        self._variables = _Variables(model, trains, self._placement)
        params, state = self._variables.read()
        opt_state: Tree = ()
        held = self._variables.held
        if trains and is_taped(model):
            self._optimizes = False  # the step applies optimizers to Variables
        elif trains:
            opt_state = self._placed_slots(optimizer_state(model, held, params))
            self._trained = tuple(held.trained)
            model._trainer.optimizer.put_state(opt_state, self._trained)
        zero = np.zeros((), np.int32)
        self.state = TrainState(params, state, opt_state, metrics, zero, zero, zero, rng)

    def dispatch(self, program: Call, *args: object, before: Callable[[TrainState], None] | None = None) -> Tree:
        """Run a program on the state as it is now, and return its results.

        Args:
            program: `(state, *args) -> (state, results)`.
            args: what it takes besides the state.
            before: called with the state that the program will take.
        """

        def attempt() -> Tree:
            if self._placement is not None:
                processes.began()
            if not self.follows:
                self._place()
                self.state, results = program(self.state, *args)
                return results
            with self._current():
                self._place()
                if before is not None:
                    before(self.state)
                self.state, results = program(self.state, *args)
            return results

        with contextlib.nullcontext() if self._placement is None else self._placement.scope():
            return with_all_variables(self.model, attempt, self._look_again)

    def end(self) -> None:
        """The last dispatch is done."""
        if not self.follows:
            self._write()

    def is_gone(self) -> bool:
        """Whether a step that failed has taken the state with it."""
        return any(leaf.is_deleted() for leaf in jax.tree.leaves(self.state) if isinstance(leaf, jax.Array))

    @contextlib.contextmanager
    def _current(self) -> Iterator[None]:
        """For a dispatch: the state as the variables are now; afterwards the variables as the state is then."""
        # The code of a stream may read weights in its thread; it must not meet arrays that were given away.
        with gate if self.trains else contextlib.nullcontext():
            self._refresh()
            try:
                yield
            except BaseException as error:
                if self.is_gone():
                    error.add_note(_GONE)
                raise
            finally:
                self._write()

    def _refresh(self) -> None:
        """Take over what callbacks, or the code of a stream, changed."""
        trainer = self.model._trainer
        if not self._variables.is_current() or (self._optimizes and not trainer.optimizer.is_taken(self.state.opt_state)):
            params, state = self._variables.read()
            opt_state = self._placed_slots(trainer.optimizer.take_state()) if self._optimizes else ()
            self.state = self.state._replace(params=params, state=state, opt_state=opt_state)

    def _write(self) -> None:
        """Put the state into the variables; a run that only reads leaves that to a `fit` in another thread."""
        if self.trains or not threads.training - {threading.get_ident()}:
            self._variables.write(self.state)
        if self._optimizes:
            self.model._trainer.optimizer.put_state(self.state.opt_state, self._trained)

    def _look_again(self) -> None:
        """The model has more variables than before."""
        if not self.follows:
            self._write()
        self._variables = _Variables(self.model, self.trains, self._placement)
        self._refresh()

    def _place(self) -> None:
        """Numbers, keys and accumulators that a run began or goes on with, on all devices."""
        if self._placement is not None:
            rest = {name: getattr(self.state, name) for name in ("metrics", "iteration", "epoch", "position", "rng")}
            self.state = self.state._replace(**self._placement.put_everywhere(rest))

    def _placed_slots(self, opt_state: Tree) -> Tree:
        """An optimizer's state where it belongs."""
        placement = self._placement
        if placement is None:
            return opt_state
        weights = {"/".join(path): variable for path, variable in self._variables.held.weights}
        return jax.tree.map(put, opt_state, state_shardings(placement, weights, opt_state))


class _Variables:
    """Reads and writes the variables of a model; the layers are walked over once."""

    def __init__(self, model: Steps, donates: bool, placement: Placement | None = None):
        self.held = inventory(model)
        self._donates, self._placement = donates, placement
        self._known: list[Array | None] = []

    def read(self) -> tuple[Tree, Tree]:
        """Nested `params` and `state`; where they are to be donated, in arrays that nobody else holds."""
        if self._donates:
            threads.donating.add(threading.get_ident())
        if self._placement is not None:
            self._placement.put_variables(variable for _, variable in self.held.entries)
        self._known = _values(self.held, self._donates)
        return self.held.nested(self._known)

    def write(self, state: TrainState) -> None:
        """Put the weights of a state into the variables."""
        values = self.held.flat(state.params, state.state)
        for (_, variable), known, value in zip(self.held.entries, self._known, values):
            if value is not known:
                put_value(variable, value)
        self._known = values

    def is_current(self) -> bool:
        """Whether the variables still hold what was last read or written, and nobody else holds arrays that are to be donated."""
        return len(self._known) == len(self.held.entries) and all(
            variable._value is value and not (self._donates and variable._shared)
            for (_, variable), value in zip(self.held.entries, self._known)
        )


def read_weights(model: Steps) -> tuple[Tree, Tree]:
    """Nested `params` and `state` of a model's variables, in arrays that must not be donated."""
    held = inventory(model)
    return held.nested(_values(held, donate=False))


def _values(held: Inventory, donate: bool) -> list[Array | None]:
    with gate:
        materialize(variable for _, variable in held.entries)
        if donate:
            return [owned_value(variable) for _, variable in held.entries]
        if threads.donating - {threading.get_ident()}:
            return [variable.array for _, variable in held.entries]  # marked, so that the others copy what they give away
        return [variable._value for _, variable in held.entries]


def write_some(model: Steps, values: Mapping[str, Array | np.ndarray]) -> None:
    """Put arrays into the variables at these paths; the others keep theirs.

    Args:
        model: with weights.
        values: `{"dense/kernel": array}`.

    Raises:
        ValueError: a path that the model lacks, or another shape.
    """
    variables = {"/".join(path): variable for path, variable in inventory(model).weights}
    for path, value in values.items():
        if path not in variables:
            raise ValueError(f"The training was saved with a weight {path!r}, which {model.name!r} does not have.")
        variables[path].assign(value)


def optimizer_state(model: Steps, held: Inventory, params: Tree) -> OptimizerState:
    """The optimizer's state for a model's params: its own where it fits, else a new one with what is known of these weights.

    What belongs to a weight goes with it: where other weights are trained now, or another model shares the optimizer, as the two
    models of a GAN do in many scripts for Keras 2. Nobody else holds its arrays, since the step will donate them.
    """
    trainer = model._trainer
    optimizer = trainer.optimizer
    if optimizer.fits(tuple(held.trained)):
        return optimizer.take_state()
    places = overwritten(held)
    params, _ = divide(params, places)
    changed = [(path, variable) for path, variable in held.entries if id(variable) in held.trained and path not in places]
    trained = {id(variable): variable for _, variable in changed}
    names = ["/".join(path) for path, _ in changed]
    before = {key: id(variable) for key, variable in zip(optimizer._keys, optimizer._trained)}
    old = optimizer.live_state
    fresh = None if old is None else trainer.optimizer_shapes(params)
    same: bool = jax.tree.structure(old) == jax.tree.structure(fresh)  # type: ignore[operator]
    if old is None or (same and (not before or before == dict(zip(names, trained)))):
        optimizer.remember(trained.values(), names)
        return trainer.optimizer_init()(params) if old is None else optimizer.take_state()
    # The new state takes over the arrays of the old one, which nobody uses any more.
    leaves = named_leaves(optimizer.take_state())
    known = optimizer.parts_for(trained.values(), leaves)
    optimizer.remember(trained.values(), names)
    weights = dict(zip(names, trained))
    new: dict[str, Array] = {}

    def leaf_of(name: str, shape: jax.ShapeDtypeStruct) -> Array:
        place, weight = split_name(name, weights)
        found = leaves.get(name) if weight is None or not before else known.get(weights[weight], {}).get(place)
        if found is not None and found.shape == shape.shape:
            return found
        new.update({} if new else named_leaves(trainer.optimizer_init()(params)))
        return new[name]

    found = [leaf_of(name, shape) for name, shape in named_leaves(fresh).items()]
    return jax.tree.unflatten(jax.tree.structure(fresh), found)

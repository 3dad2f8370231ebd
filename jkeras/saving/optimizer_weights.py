"""The arrays of an optimizer, in the orders in which the libraries list them.

    Keras 3           iteration, learning rate (unless a schedule), averages, accumulators, slots as the optimizer makes them
    tf_keras          iteration, averages, slots as the optimizer makes them; SGD always has velocities
    tf_keras, legacy  iteration, numbers, then all arrays of one slot, then all of the next; those of Ftrl weight by weight
    Keras 2.0 - 2.3   as legacy; Adam has a `(1,)` for each weight where it has no maxima; RMSprop may lack the iteration

An order is a list of `Entry`; each says which leaf of the optimizer's state it is, or that jkeras does not keep it. Files do
not say which order they use. The number and shapes of their arrays do, and if these leave a choice, so do names, if there are
any: `Adam/dense/kernel/m:0` is legacy, `Adam/m/dense/kernel:0` is not.

No array is made before the file has been compared with the shapes, which come from `jax.eval_shape`.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jkeras._base import paths
from jkeras._base.errors import FileFormatError
from jkeras._base.types import Tree
from jkeras._safe_io.parallel import read_parallel
from jkeras._safe_io.stored_array import StoredArray
from jkeras.layer.tracking import inventory
from jkeras.optimizers import LossScaleOptimizer, MultiOptimizer, Optimizer
from jkeras.optimizers.learning_rate import rate_at
from jkeras.optimizers.placing import state_shardings
from jkeras.optimizers.state import OptimizerState, keras_order, leaf_name
from jkeras.saving.keras2_order import trained_variables
from jkeras.saving.model_classes import Model
from jkeras.state.spread import put_at, whole
from jkeras.state.variable import Variable

_OTHER = """{where}: the file's optimizer has {count} arrays that do not fit {optimizer!r}, which starts afresh. Compile the
model as it was compiled when it was saved, and load again."""
_SUFFIXES = {
    "momentums": ("momentum", "m"),
    "velocities": ("velocity", "v"),
    "velocity_hats": ("velocity_hat", "vhat"),
    "average_gradients": ("average_gradient", "average_gradient"),
    "norm": ("norm", "u"),
    "ema": ("average", "average"),
    "accumulators": ("gradient_accumulator", "gradient_accumulator"),
}
_NOT_IN_KERAS2 = ("accumulators", "u_product")
_FULL_NAMES_IN_KERAS2 = ("RMSprop",)  # the others abbreviate
# tf_keras makes a legacy optimizer of `{"class_name": "Adam"}`; these exist, with these names for their slots.
_LEGACY = {
    "Adadelta": {"accumulated_grad": "accum_grad", "accumulated_delta_var": "accum_var"},
    "Adagrad": {"accumulator": "accumulator"},
    "Adam": {"momentums": "m", "velocities": "v", "velocity_hats": "vhat"},
    "Adamax": {"momentums": "m", "norm": "v"},
    "Ftrl": {"accumulator": "accumulator", "linear": "linear"},
    "Nadam": {"momentums": "m", "velocities": "v", "u_product": "momentum_cache"},
    "RMSprop": {"velocities": "rms", "momentums": "momentum", "average_gradients": "mg"},
    "SGD": {"momentums": "momentum"},
}


class Entry(NamedTuple):
    """A place in a list of arrays.

    Args:
        kind: `iteration`, `learning_rate`, or the name of a slot.
        shape: of the array.
        leaf: number of the leaf of the state; None for what jkeras does not keep.
        variable: path of the weight that a slot belongs to.
        constant: what is written if there is no leaf.
    """

    kind: str
    shape: tuple[int, ...]
    leaf: int | None
    variable: str = ""
    constant: object = None


class Slots:
    """The state of an optimizer, leaf by leaf.

    Args:
        model: whose optimizer it is.
        variables: the weights it changes, in Keras' order.
        names: their paths.
        state: arrays, or only their shapes and dtypes.
    """

    def __init__(self, model: Model, variables: Sequence[Variable], names: Sequence[str], state: OptimizerState):
        self.optimizer, self.variables, self.names = model.optimizer, list(variables), list(names)
        order = {id(variable): i for i, variable in enumerate(trained_variables(model))}
        pairs = sorted(zip(self.variables, self.names), key=lambda pair: order.get(id(pair[0]), len(order)))
        self.in_keras2: dict[str, Variable] = {name: variable for variable, name in pairs}
        self.leaves, self.structure = jax.tree.flatten(state)
        self.numbers: Tree = jax.tree.unflatten(self.structure, range(len(self.leaves)))

    @classmethod
    def existing(cls, model: Model) -> Slots:
        """Those of a trained model."""
        optimizer = model.optimizer
        return cls(model, optimizer._trained, optimizer._keys, optimizer.state)

    @classmethod
    def expected(cls, model: Model) -> Slots:
        """Those that a model's optimizer will have, before it has any; with shardings where they belong on many devices."""
        held = inventory(model)
        variables = [variable for variable in held.trained.values() if not variable.overwrite_with_gradient]
        places = {id(variable): path for path, variable in held.weights}
        params = paths.nest(
            (places[id(variable)], jax.ShapeDtypeStruct(variable.shape, jnp.dtype(variable.dtype))) for variable in variables
        )
        names = ["/".join(places[id(variable)]) for variable in variables]
        model.optimizer.remember(variables, names)  # an optimizer of the user's own makes its variables for these
        state = jax.eval_shape(model.optimizer.init, params)
        placement = model._trainer.placement
        if placement is not None:
            shardings = state_shardings(placement, dict(zip(names, variables)), state)
            state = jax.tree.map(lambda s, place: jax.ShapeDtypeStruct(s.shape, s.dtype, sharding=place), state, shardings)
        return cls(model, variables, names, state)

    def keras3(self, with_rate: bool = True) -> list[Entry]:
        """The order of Keras 3; `with_rate` says whether a learning rate that is a number is among the arrays."""
        if isinstance(self.optimizer, MultiOptimizer):
            return self._of_all(self.optimizer, with_rate)
        if not isinstance(self.optimizer, LossScaleOptimizer):
            return self._listed(self.optimizer, self.numbers, self.names, with_rate)
        slots = self.numbers.slots
        outer = [
            Entry("iteration", (), None, constant=np.int32(0)),
            Entry("learning_rate", (), None, constant=np.float32(0)),
            Entry("step_counter", (), slots.good_steps),
            Entry("dynamic_scale", (), slots.scale),
        ]
        return outer + self._listed(self.optimizer.inner_optimizer, slots.inner, self.names, with_rate)

    def _of_all(self, optimizer: MultiOptimizer, with_rate: bool) -> list[Entry]:
        own = [Entry("iteration", (), self.numbers.iterations), Entry("learning_rate", (), self.numbers.learning_rate)]
        return [*own, *(entry for i in range(len(optimizer.optimizers)) for entry in self.of_one(i, with_rate))]

    def of_one(self, number: int, with_rate: bool = True) -> list[Entry]:
        """The order of one of the optimizers in a MultiOptimizer."""
        one, numbers = self.optimizer.optimizers[number], self.numbers.slots.optimizers[number]
        return self._listed(one, numbers, self.optimizer.names_of(number), with_rate)

    @property
    def is_legacy_in_keras2(self) -> bool:
        """Whether tf_keras opens what jkeras writes with a legacy optimizer."""
        optimizer, _ = self._inner()
        return type(optimizer).__name__ in _LEGACY and not optimizer.use_ema

    def keras2(self) -> list[Entry]:
        """The order of tf_keras; that of Keras 3 for an optimizer that it alone has."""
        if isinstance(self.optimizer, MultiOptimizer):
            return self.keras3()
        optimizer, numbers = self._inner()
        entries = [e for e in self._listed(optimizer, numbers, self.in_keras2) if e.kind not in _NOT_IN_KERAS2]
        if type(optimizer).__name__ == "Adafactor":  # Keras 3 alone has places for means that a vector does not have
            entries = [e for e in entries if e.kind not in ("r", "c") or len(self.in_keras2[e.variable].shape) > 1]
        if type(optimizer).__name__ == "SGD" and numbers.slots.momentums is None:
            entries += [
                Entry("momentums", variable.shape, None, name, np.zeros(variable.shape, variable.dtype))
                for name, variable in self.in_keras2.items()
            ]
        return entries

    def readable(self, legacy_first: bool, keras2_first: bool) -> list[list[Entry]]:
        """All orders that a file may have, the likely ones first."""
        first, *rest = self.keras3(with_rate=False)
        foreign_rate = [first, Entry("learning_rate", (), None), *rest]  # read for an optimizer that follows a schedule
        new = [self.keras3(), self.keras2(), [first, *rest], foreign_rate]
        new = [self.keras2(), *new] if keras2_first else new
        return self.legacy() + new if legacy_first else new + self.legacy()

    def _inner(self) -> tuple[Optimizer, Tree]:
        if isinstance(self.optimizer, LossScaleOptimizer):
            return self.optimizer.inner_optimizer, self.numbers.slots.inner
        return self.optimizer, self.numbers

    def legacy(self) -> list[list[Entry]]:
        """The orders of tf_keras' legacy optimizers; the first is the one to write."""
        optimizer, numbers = self._inner()
        listed = self._listed(optimizer, numbers, self.in_keras2)
        slots = [e for e in listed if e.variable and e.kind not in ("ema", "accumulators")]
        first = [e for e in listed if not e.variable]
        if type(optimizer).__name__ != "Ftrl":
            kinds = list(dict.fromkeys(e.kind for e in slots))
            slots = [e for kind in kinds for e in slots if e.kind == kind]
        unused = [Entry("none", (1,), None) for _ in self.variables]
        return [[*first, *slots], [*first, *slots, *unused], slots]

    def _listed(self, optimizer: Optimizer, numbers: Tree, names: Iterable[str], with_rate: bool = False) -> list[Entry]:
        found = jax.tree_util.tree_leaves_with_path(numbers)
        order = optimizer.slot_order
        entries = [self._entry(*found[i], order) for i in keras_order(numbers, optimizer.slot_groups, [*names], order)]
        rate = with_rate and not callable(optimizer._rate) and not optimizer._decay  # a decay is a schedule, too
        return [e for e in entries if rate or e.kind != "learning_rate"]

    def _entry(self, path: tuple[Any, ...], leaf: int, order: Sequence[str]) -> Entry:
        section = path[0].name
        shape = tuple(self.leaves[leaf].shape)
        if section in ("iterations", "learning_rate"):
            return Entry(section.removesuffix("s"), shape, leaf)
        named = section == "slots" and len(path) > 1 and (hasattr(path[1], "name") or leaf_name(path[1:]) in order)
        kind = leaf_name(path[1:2]) if named else section
        return Entry(kind, shape, leaf, leaf_name(path[2:] if named else path[1:]))


def to_keras3_list(model: Model) -> list[tuple[str, Callable[[], np.ndarray]]]:
    """Names of a model's optimizer's arrays in Keras 3's order, and functions that return each; empty before its first step.

    Example:
        >>> import jkeras
        >>> model = jkeras.Sequential([jkeras.Input((2,)), jkeras.layers.Dense(1, name="out")])
        >>> model.compile("adam", "mse")
        >>> _ = model.fit(np.ones((4, 2)), np.ones((4, 1)), verbose=0)
        >>> [name.partition("/")[2] for name, _ in to_keras3_list(model)][:4]
        ['iteration', 'learning_rate', 'out_kernel_momentum', 'out_kernel_velocity']
    """
    if model.optimizer is None or model.optimizer.live_state is None:
        return []
    slots = Slots.existing(model)
    return [(_keras3_name(slots, entry), functools.partial(_value, slots, entry)) for entry in slots.keras3()]


def to_keras2_list(model: Model) -> list[tuple[str, Callable[[], np.ndarray]]]:
    """The same in tf_keras' order, legacy if it has such an optimizer."""
    if model.optimizer is None or model.optimizer.live_state is None:
        return []
    slots = Slots.existing(model)
    listed = slots.legacy()[0] if slots.is_legacy_in_keras2 else slots.keras2()
    return [(_keras2_name(slots, entry), functools.partial(_keras2_value, slots, entry)) for entry in listed]


class Chosen(NamedTuple):
    """An order that fits the arrays of a file: one stored array for each entry."""

    slots: Slots
    entries: Sequence[Entry]
    stored: Sequence[StoredArray]


def choose(
    model: Model, stored: Sequence[StoredArray], where: str, names: Sequence[str] = (), keras2: bool = False
) -> Chosen | None:
    """Find the order of a file's arrays by their number and shapes; None, with a warning, if they belong to another optimizer.

    Args:
        model: compiled and built.
        stored: the arrays, unread.
        where: the file, for the warning.
        names: their names, if the file has any.
        keras2: whether the file is known to be of Keras 2.
    """
    slots = Slots.expected(model)
    keras2 = keras2 or (bool(names) and ":" in names[0])
    legacy = keras2 and bool(names) and not names[0].rpartition("/")[2].startswith("iteration:")
    for entries in slots.readable(legacy, keras2):
        if len(entries) == len(stored) and all(_fits(e, a, slots) for e, a in zip(entries, stored)):
            return Chosen(slots, entries, stored)
    warnings.warn(_OTHER.format(where=where, count=len(stored), optimizer=model.optimizer.name), stacklevel=5)
    return None


def choose_slots(model: Model, find: Callable[[str, Variable | None], StoredArray | None], where: str) -> Chosen | None:
    """The same for a file that knows the arrays of a legacy optimizer of tf_keras by name.

    Args:
        model: compiled and built.
        find: the array of a slot's name and a weight, or of a number's name and None.
        where: the file, for the warning.
    """
    slots = Slots.expected(model)
    names, entries = _LEGACY.get(type(slots._inner()[0]).__name__, {}), slots.legacy()[0]
    names = {**names, "iteration": "iter"}
    found = [find(names.get(entry.kind, entry.kind), slots.in_keras2.get(entry.variable)) for entry in entries]
    stored = [array for entry, array in zip(entries, found) if array is not None and _fits(entry, array, slots)]
    if len(stored) == len(entries):
        return Chosen(slots, entries, stored)
    warnings.warn(_OTHER.format(where=where, count=len(stored), optimizer=model.optimizer.name), stacklevel=5)
    return None


def with_rate(chosen: Chosen, stored: StoredArray) -> Chosen:
    """The same with a learning rate that lies apart; without it if the optimizer follows a schedule."""
    leaf = chosen.slots._inner()[1].learning_rate
    if leaf is None or callable(chosen.slots._inner()[0]._rate) or stored.shape or stored.kind != "f":
        return chosen
    entry = Entry("learning_rate", (), leaf)
    return chosen._replace(entries=[*chosen.entries, entry], stored=[*chosen.stored, stored])


def read_state(chosen: Chosen) -> OptimizerState:
    """Read the arrays and assemble the state; what the file lacks has its initial value."""
    slots = chosen.slots
    found: dict[int, jax.Array] = {}
    kept = [(entry, stored) for entry, stored in zip(chosen.entries, chosen.stored) if entry.leaf is not None]
    arrays = read_parallel([stored for _, stored in kept])
    for (entry, stored), value in zip(kept, arrays, strict=True):
        assert entry.leaf is not None
        leaf, number = slots.leaves[entry.leaf], value if entry.shape else _number(entry, stored, value)
        found[entry.leaf] = put_at(number, leaf.dtype, leaf.sharding)
    optimizer, numbers = slots._inner()
    iterations = found.setdefault(numbers.iterations, jnp.zeros((), jnp.int32))
    if numbers.learning_rate is not None and numbers.learning_rate not in found:
        rate = optimizer._rate
        found[numbers.learning_rate] = rate_at(rate, iterations) if callable(rate) else jnp.asarray(rate, jnp.float32)
    if isinstance(slots.optimizer, LossScaleOptimizer):
        found.setdefault(slots.numbers.iterations, jnp.copy(iterations))
        if numbers.learning_rate is not None:
            found.setdefault(slots.numbers.learning_rate, jnp.copy(found[numbers.learning_rate]))
        found.setdefault(slots.numbers.slots.scale, jnp.asarray(slots.optimizer.initial_scale, jnp.float32))
    if isinstance(optimizer, MultiOptimizer):
        for one, part in zip(optimizer.optimizers, numbers.slots.optimizers):
            if callable(one._rate) and part.learning_rate is not None:
                found.setdefault(part.learning_rate, rate_at(one._rate, found[part.iterations]))
    for name, number in getattr(numbers.slots, "_asdict", dict)().items():
        if isinstance(number, int) and number not in found:  # a number for all weights, which not every Keras writes
            steps = int(iterations) // (optimizer.gradient_accumulation_steps or 1)
            found[number] = jnp.asarray(optimizer.slot_after(name, steps), slots.leaves[number].dtype)
    leaves = [
        found[i] if i in found else jnp.zeros(leaf.shape, leaf.dtype, device=leaf.sharding) for i, leaf in enumerate(slots.leaves)
    ]
    state: OptimizerState = jax.tree.unflatten(slots.structure, leaves)
    return state


def put_state(chosen: Chosen, state: OptimizerState) -> None:
    """Assign a state that was read to the optimizer."""
    chosen.slots.optimizer.remember(chosen.slots.variables, chosen.slots.names)
    chosen.slots.optimizer.state = state


def _number(entry: Entry, stored: StoredArray, value: np.ndarray) -> np.ndarray:
    if entry.kind in ("iteration", "step_counter") and not 0 <= value < 2**31:
        raise FileFormatError(f"{stored.place}: an optimizer cannot have taken {value} steps.")
    return value


def _fits(entry: Entry, stored: StoredArray, slots: Slots) -> bool:
    return entry.shape == stored.shape and (entry.leaf is None or stored.fits(slots.leaves[entry.leaf].dtype))


def _value(slots: Slots, entry: Entry) -> np.ndarray:
    return np.asarray(entry.constant) if entry.leaf is None else whole(slots.leaves[entry.leaf])


def _keras2_value(slots: Slots, entry: Entry) -> np.ndarray:
    value = _value(slots, entry)
    return value.astype("int64") if entry.kind == "iteration" else value


def _keras3_name(slots: Slots, entry: Entry) -> str:
    if not entry.variable:
        return f"{slots.optimizer.name}/{entry.kind}"
    return f"{slots.optimizer.name}/{entry.variable.replace('/', '_')}_{_SUFFIXES.get(entry.kind, (entry.kind,))[0]}"


def _keras2_name(slots: Slots, entry: Entry) -> str:
    owner = type(slots._inner()[0]).__name__
    if slots.is_legacy_in_keras2:
        parts = ["iter"] if entry.kind == "iteration" else [entry.variable, _LEGACY[owner][entry.kind]]
        return "/".join([owner, *filter(None, parts)]) + ":0"
    if entry.kind == "iteration":
        return "iteration:0"
    suffix = _SUFFIXES.get(entry.kind, (entry.kind, entry.kind))[owner not in _FULL_NAMES_IN_KERAS2]
    return f"{owner}/{suffix}/{entry.variable}:0"

"""The optimizer: a rule in optax form, and what Keras does around it.

A subclass gives only its maths, as `rule()`. The base adds what all optimizers share, in Keras' order:

    unscale -> accumulate -> clip -> weight decay -> rule -> moving average -> constraints

`init` and `update` are pure and work on any pytree of parameters; `update` is one program with the same structure in and out,
so it goes into `jit` or `scan` as it stands. The learning rate is an array in the state, so changing it compiles nothing; a
schedule is computed inside the step. The familiar face (`optimizer.learning_rate`, `apply_gradients`) is in `face.py`.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any, Self, Unpack

import jax
import jax.numpy as jnp
import optax
from jax.tree_util import KeyPath

from jkeras._base import configurable
from jkeras._base.errors import unexpected_arguments
from jkeras._base.naming import auto_name, to_snake_case
from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs, shown
from jkeras._base.types import Array, Config, CustomObjects, Tree
from jkeras.optimizers.accumulation import accumulate
from jkeras.optimizers.arguments import OptimizerArguments
from jkeras.optimizers.averaging import check_average, move_average, overwrite
from jkeras.optimizers.clipping import check_one_clipping, clip
from jkeras.optimizers.constraining import constrain
from jkeras.optimizers.face import KerasFace
from jkeras.optimizers.learning_rate import as_learning_rate, check_decay, rate_at
from jkeras.optimizers.minimize import Minimizing
from jkeras.optimizers.own_apply import overrides, through_own_apply
from jkeras.optimizers.own_step import OwnStep
from jkeras.optimizers.schedules.lookup import deserialize as deserialize_schedule
from jkeras.optimizers.schedules.rate_decay import InverseTimeDecay
from jkeras.optimizers.state import Assignable, Constraints, OptimizerState, cast_like, leaf_name, named_leaves, widen, zeros_like
from jkeras.optimizers.weight_decay import Exclusions, decay_weights

_OF_CONFIG = ("name", "learning_rate", *(name for name, _, _ in shown(OptimizerArguments) if name != "name"))


@export("keras.optimizers.Optimizer", "keras.Optimizer")
class Optimizer(OwnStep, KerasFace, Minimizing, configurable.Configurable):
    """The base of all optimizers. One of your own overrides `rule` or, as in Keras, `build` and `update_step`.

    Args:
        learning_rate: a number, a `LearningRateSchedule` or its config, or a function of nothing or of the step. A function of
            nothing is asked once per compilation. `lr` is accepted too, and Keras 2's `decay`, with which the step takes
            `lr / (1 + decay * iterations)`.
        weight_decay: fraction by which weights shrink per unit of learning rate; None for none.
        clipnorm: largest norm of each gradient.
        clipvalue: largest absolute value of each element.
        global_clipnorm: largest norm of all gradients together. At most one of the three.
        use_ema: keep a moving average of the weights. Default False.
        ema_momentum: share of the old average, in [0, 1]. Default 0.99.
        ema_overwrite_frequency: write the average over the weights every so many changes; None for only at the end.
        loss_scale_factor: the loss is multiplied by it (`scale_loss`) and the gradients are divided by it.
        gradient_accumulation_steps: change the weights once per so many calls, by the mean gradient; an integer >= 2.
        name: a name; the class' name in snake case by default.

    Example:
        >>> class SignDescent(Optimizer):
        ...     def rule(self):
        ...         def update(grads, slots, params=None, *, learning_rate, step):
        ...             return jax.tree.map(lambda g: -learning_rate * jnp.sign(g), grads), slots
        ...         return optax.GradientTransformationExtraArgs(lambda params: (), update)
        >>> optimizer = SignDescent(0.5)
        >>> params = {"w": jnp.asarray([1.0, -1.0])}
        >>> state = optimizer.init(params)
        >>> params, state = jax.jit(optimizer.update)({"w": jnp.asarray([3.0, -4.0])}, state, params)
        >>> params["w"].tolist()
        [0.5, -0.5]
    """

    @expand_kwargs()
    def __init__(self, learning_rate: object = None, **kwargs: Unpack[OptimizerArguments]):
        unknown = kwargs.keys() - OptimizerArguments.__annotations__.keys()
        if unknown:
            known = {*inspect.signature(type(self).__init__).parameters, *_OF_CONFIG, "lr", "decay"} - {"self", "kwargs"}
            raise unexpected_arguments(type(self).__name__, sorted(unknown), known)
        self.weight_decay = kwargs["weight_decay"]
        self.clipnorm, self.clipvalue = kwargs["clipnorm"], kwargs["clipvalue"]
        self.global_clipnorm = kwargs["global_clipnorm"]
        self.use_ema, self.ema_momentum = kwargs["use_ema"], kwargs["ema_momentum"]
        self.ema_overwrite_frequency = kwargs["ema_overwrite_frequency"]
        self.loss_scale_factor = kwargs["loss_scale_factor"]
        self.gradient_accumulation_steps = kwargs["gradient_accumulation_steps"]
        check_one_clipping(self.clipnorm, self.clipvalue, self.global_clipnorm)
        if self.use_ema:
            check_average(self.ema_momentum, self.ema_overwrite_frequency)
        if self.gradient_accumulation_steps and self.gradient_accumulation_steps < 2:
            raise ValueError(
                "gradient_accumulation_steps must be an integer >= 2, or None for a change in every step; "
                f"received {self.gradient_accumulation_steps!r}."
            )
        OwnStep.__init__(self)
        rate = kwargs.get("lr", learning_rate)
        KerasFace.__init__(self, None if rate is None else as_learning_rate(rate))  # classes for Keras 2 set it afterwards
        self._decay = check_decay(self._rate, kwargs.get("decay"))
        self.name = kwargs["name"] or auto_name(to_snake_case(type(self).__name__))
        self._exclusions = Exclusions()

    def rule(self) -> optax.GradientTransformationExtraArgs:
        """The maths of this optimizer alone, in optax form.

        `init(params)` gives the slots; `update(grads, slots, params, *, learning_rate, step)` gives what is *added* to the
        parameters, and the new slots. Unlike in optax the rule sees the learning rate, because Keras keeps it inside the velocity
        of SGD and RMSprop: after a change of rate the old velocity keeps the old one. `step` counts changes of the
        parameters from 0. Arrays come in at least in float32.
        """
        raise NotImplementedError(
            f"{type(self).__name__} must define `update_step(self, gradient, variable, learning_rate)`, or `rule()`, which "
            "returns an optax transformation."
        )

    def init(self, params: Tree) -> OptimizerState:
        """The state before the first step.

        Args:
            params: pytree of float arrays.

        Returns:
            A pytree of arrays of fixed structure.
        """
        return OptimizerState(
            iterations=jnp.zeros((), jnp.int32),
            learning_rate=self._initial_rate(),
            slots=self.rule().init(params),
            ema=zeros_like(params) if self.use_ema else None,
            accumulators=zeros_like(params) if self.gradient_accumulation_steps else None,
        )

    def update(self, grads: Tree, state: OptimizerState, params: Tree, constraints: Tree = None) -> tuple[Tree, OptimizerState]:
        """One step: pure, for use inside `jit`, `scan` and `vmap`.

        Args:
            grads: pytree like `params`.
            state: what `init` or the last `update` gave.
            params: pytree of float arrays.
            constraints: functions of one weight for some of the leaves, nested like `params` or by name `"dense/kernel"`.

        Returns:
            `(params, state)`, with the structure, shapes and dtypes that came in.

        Raises:
            ValueError: a constraint is for a leaf that does not exist.
        """
        return self.whole_update(grads, state, params, named_leaves(constraints), frozenset())

    def whole_update(
        self, grads: Tree, state: OptimizerState, params: Tree, constraints: Constraints, missing: frozenset[str]
    ) -> tuple[Tree, OptimizerState]:
        """`update`, through an `apply` that the class overrides; with constraints, and weights without gradients, by name."""
        if overrides(self, "apply", "apply_gradients"):
            return through_own_apply(self, grads, state, params, constraints, missing)
        return self._update(grads, state, params, constraints, missing)

    def finalize(self, params: Tree, state: OptimizerState) -> Tree:
        """The parameters to keep after training: their moving average with `use_ema`, else as they are."""
        return state.ema if self.use_ema else params

    def decay_of(self, name: str, weight: Array) -> float | None:
        """The weight decay of a weight, by the name of its leaf; None for none."""
        return self.weight_decay

    def slot_after(self, slot: str, steps: int) -> Array | float:
        """What a slot holds after some steps, for a file that does not say so."""
        return 0.0

    def scale_loss(self, loss: Array) -> Array:
        """The loss to differentiate: multiplied by `loss_scale_factor` where there is one."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def loss_scale(self, state: OptimizerState) -> Array | float | None:
        """The factor that `update` divides the gradients by, and a training step multiplies the loss by; None for none."""
        return self.loss_scale_factor

    def exclude_from_weight_decay(self, var_list: Iterable[Any] | None = None, var_names: Iterable[str] | None = None) -> None:
        """Leave some weights out of weight decay; to be called before the optimizer is built.

        Args:
            var_list: variables (their `path` counts) or full names such as `"dense/bias"`.
            var_names: patterns; a weight whose name contains one of them does not decay.

        Raises:
            ValueError: the optimizer has a state already.
        """
        if self._state is not None:
            raise ValueError("exclude_from_weight_decay() must be called before the optimizer is built or the model is fitted.")
        names = frozenset(v if isinstance(v, str) else v.path for v in var_list or ())
        self._exclusions = Exclusions(names, tuple(var_names or ()))

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments in plain form, with the current learning rate."""
        given = configurable.init_arguments(self)
        own = [n for n in configurable.constructor_signature(type(self)).parameters if n in given and n not in _OF_CONFIG]
        values = {name: getattr(self, name) for name in _OF_CONFIG if name != "learning_rate"}
        values |= {"learning_rate": self._rate if callable(self._rate) else float(self.learning_rate)}
        if self._decay and not callable(self._rate):  # the same in a form that Keras 3 reads
            values["learning_rate"] = InverseTimeDecay(float(self.learning_rate), decay_steps=1, decay_rate=self._decay)
        values = {name: values[name] for name in _OF_CONFIG} | {name: given[name] for name in own}
        return {name: configurable.serialize(value) for name, value in values.items()}

    @classmethod
    def from_config(cls, config: Config, custom_objects: CustomObjects = None) -> Self:
        """An optimizer from a config of Keras 3, or of Keras 2."""
        config = {k: v for k, v in config.items() if k not in ("jit_compile", "is_legacy_optimizer")}
        for key in ("learning_rate", "lr"):
            if configurable.is_object_config(config.get(key)):
                config[key] = deserialize_schedule(config[key], custom_objects)
        return super().from_config(config, custom_objects)

    def _initial_rate(self) -> jax.Array | None:
        if self._rate is None:
            raise TypeError(f"{type(self).__name__} has no learning rate. Write super().__init__(learning_rate=...) in it.")
        return rate_at(self._rate, jnp.int32(0)) if callable(self._rate) else jnp.asarray(self._rate, jnp.float32)

    def _rate_of(self, state: OptimizerState) -> Array:
        """The rate that the next step takes."""
        if callable(self._rate):
            return rate_at(self._rate, state.iterations)
        rate = state.learning_rate
        assert rate is not None
        return rate / (1 + self._decay * state.iterations) if self._decay else rate

    def _update(
        self, grads: Tree, state: OptimizerState, params: Tree, constraints: Constraints, missing: frozenset[str]
    ) -> tuple[Tree, OptimizerState]:
        """`update`, with the names of the leaves that have no gradient and stay, slots included, as they are."""
        rate = self._rate_of(state)
        step = state.iterations // (self.gradient_accumulation_steps or 1)
        grads = jax.tree.map(lambda g, p: g.astype(p.dtype), grads, widen(params))
        if self.loss_scale_factor is not None:
            grads = jax.tree.map(lambda g: g / self.loss_scale_factor, grads)

        def move(grads: Tree, slots: Tree, params: Tree) -> tuple[Tree, Tree]:
            return self._move(grads, slots, params, rate, step)

        accumulators = state.accumulators
        if self.gradient_accumulation_steps:
            steps = self.gradient_accumulation_steps
            moved = accumulate(move, grads, state.slots, params, accumulators, state.iterations, steps)
            new_params, slots, accumulators = moved
        else:
            new_params, slots = move(grads, state.slots, params)
        if missing:
            before = (params, state.slots, state.accumulators)
            new_params, slots, accumulators = keep(missing, (new_params, slots, accumulators), before)

        ema = state.ema
        if self.use_ema:
            ema = move_average(ema, new_params, self.ema_momentum, step)
            if self.ema_overwrite_frequency:
                new_params = overwrite(new_params, ema, step, self.ema_overwrite_frequency)
        iterations = state.iterations + 1
        next_rate = rate_at(self._rate, iterations) if callable(self._rate) else state.learning_rate
        return constrain(new_params, constraints), OptimizerState(iterations, next_rate, slots, ema, accumulators)

    def _step_of_one(self, gradient: Array, variable: Assignable, learning_rate: Array) -> None:
        """`update_step` as it is called from outside: the rule for one weight, with nothing around it."""
        (key,) = self._keys_of([variable])
        state, values = self._check_built(), self._values()
        grads = {name: gradient if name == key else jnp.zeros_like(value) for name, value in values.items()}
        params, rates = self._nest(values), {"learning_rate": learning_rate, "step": state.iterations}
        changes, slots = self.rule().update(self._nest(grads), state.slots, params, **rates)
        moved = jax.tree.map(jnp.add, params, changes), slots
        after, slots = keep(frozenset(values) - {key}, moved, (params, state.slots))
        self.state = state._replace(slots=slots)
        variable.assign(named_leaves(after)[key])

    def _move(self, grads: Tree, slots: Tree, params: Tree, rate: Array, step: Array) -> tuple[Tree, Tree]:
        """Clip, decay, and apply the rule, all in float32 or wider."""
        grads = clip(grads, self.clipnorm, self.clipvalue, self.global_clipnorm)
        wide = widen(params)
        wide = decay_weights(wide, self.decay_of, rate, self._exclusions)
        updates, new_slots = self.rule().update(grads, widen(slots), wide, learning_rate=rate, step=step)
        return cast_like(jax.tree.map(jnp.add, wide, updates), params), cast_like(new_slots, slots)


def keep(names: frozenset[str], new: Tree, old: Tree) -> Tree:
    """`new`, but `old` in the leaves of the given variables; both start with the parameters, whose names end the slots' paths."""
    known = named_leaves(old[0])

    def choose(path: KeyPath, n: Array, o: Array) -> Array:
        place = f"/{leaf_name(path)}"
        return o if max((k for k in known if place.endswith(f"/{k}")), key=len, default="") in names else n

    return jax.tree_util.tree_map_with_path(choose, new, old)

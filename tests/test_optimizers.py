"""Optimizers: Keras' numbers over 100 steps, one program for all steps, Keras' methods, optax inside."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import copy
import inspect
import json
import pickle

import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jkeras
from jkeras import optimizers
from jkeras._base.registry import register_keras_serializable
from jkeras.optimizers import SGD, Adam, AdamW, OptaxOptimizer, Optimizer, RMSprop, schedules

NAMES = (
    *("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Ftrl", "Adamax", "Nadam", "Lion", "Lamb", "Adafactor", "Muon"),
    "ScheduleFreeAdamW",
)
SHARED = {
    "plain": {},
    "clipnorm": {"clipnorm": 0.8},
    "clipvalue": {"clipvalue": 0.3},
    "global_clipnorm": {"global_clipnorm": 1.1},
    "weight_decay": {"weight_decay": 0.05},
    "ema": {"use_ema": True, "ema_momentum": 0.9},
    "ema_overwrite": {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 7},
    "accumulation": {"gradient_accumulation_steps": 3, "clipnorm": 0.8, "weight_decay": 0.05},
    "accumulation_ema": {"gradient_accumulation_steps": 3, "use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 4},
    "schedule": {"learning_rate": ("ExponentialDecay", (0.05, 10, 0.8)), "weight_decay": 0.05},
    "schedule_accumulation": {"learning_rate": ("CosineDecay", (0.05, 80)), "gradient_accumulation_steps": 3},
    "loss_scale": {"loss_scale_factor": 8.0},
}
OWN = {
    "SGD": {"momentum": {"momentum": 0.9}, "nesterov": {"momentum": 0.9, "nesterov": True, "weight_decay": 0.05}},
    "Adam": {"amsgrad": {"amsgrad": True}, "betas": {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.1}},
    "AdamW": {"amsgrad": {"amsgrad": True}},
    "Adagrad": {"start": {"initial_accumulator_value": 0.0, "epsilon": 1e-3}},
    "Adamax": {"betas": {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.1}},
    "Nadam": {"betas": {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.1}},
    "Lion": {"betas": {"beta_1": 0.5, "beta_2": 0.9}},
    "Lamb": {"betas": {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.1}},
    "Adafactor": {
        "numbers": {"beta_2_decay": -0.5, "epsilon_1": 1e-3, "epsilon_2": 0.1, "clip_threshold": 0.5},
        "rate": {"relative_step": False, "learning_rate": 0.5},
    },
    "Muon": {
        "plain momentum": {"nesterov": False, "momentum": 0.8, "ns_steps": 3},
        "adam alone": {"exclude_layers": ["kern"], "adam_weight_decay": 0.02, "weight_decay": None, "adam_lr_ratio": 0.5},
        "coefficients": {"muon_a": 1.5, "muon_b": -0.5, "muon_c": 0.0, "rms_rate": None, "adam_beta_1": 0.8, "adam_beta_2": 0.9},
    },
    "ScheduleFreeAdamW": {"warmup": {"warmup_steps": 30, "beta_1": 0.7}, "numbers": {"beta_2": 0.9, "epsilon": 0.1}},
    "Adadelta": {"rho": {"rho": 0.7, "epsilon": 1e-3, "learning_rate": 1.0}},
    "Ftrl": {
        "penalties": {"l1_regularization_strength": 0.1, "l2_regularization_strength": 0.02, "beta": 0.5},
        "shrinkage": {
            "l2_shrinkage_regularization_strength": 0.05,
            "learning_rate_power": -0.3,
            "initial_accumulator_value": 0.5,
        },
    },
    "RMSprop": {"momentum": {"momentum": 0.9, "rho": 0.8}, "centered": {"centered": True, "momentum": 0.5, "epsilon": 1e-3}},
}
# What the base class does is shown with all of them in the long run, and in the short one with these.
SHOWN_WITH = ("Adam", "SGD", "Ftrl", "Adafactor")
CASES = [
    pytest.param(
        *(name, case, kwargs),
        id=f"{name}-{case}",
        marks=[] if case in OWN[name] or case == "plain" or name in SHOWN_WITH else pytest.mark.slow,
    )
    for name in NAMES
    for case, kwargs in (SHARED | OWN[name]).items()
]
STEPS = 100
# Ftrl divides sums of both signs by the learning rate, and so the rounding that they keep.
TOLERANCES = {"Ftrl": {"rtol": 1e-5, "atol": 1e-5}}

_rng = np.random.default_rng(0)
WEIGHTS = {"dense/kernel": _rng.normal(size=(3, 2)).astype("float32"), "dense/bias": _rng.normal(size=(2,)).astype("float32")}
_scale = np.exp(np.sin(np.arange(STEPS) / 5.0)).astype("float32")
GRADS = {
    name: _scale.reshape(-1, *[1] * w.ndim) * _rng.normal(loc=0.3, size=(STEPS, *w.shape)).astype("float32")
    for name, w in WEIGHTS.items()
}


class Box:
    """A variable as the optimizer sees one."""

    def __init__(self, value, path, constraint=None):
        self.value, self.path, self.constraint = jnp.asarray(value), path, constraint

    def assign(self, value):
        self.value = value


def make(module, name, kwargs):
    kwargs = {"learning_rate": 0.05, **kwargs}
    if isinstance(kwargs["learning_rate"], tuple):
        schedule, arguments = kwargs["learning_rate"]
        kwargs["learning_rate"] = getattr(module.schedules, schedule)(*arguments)
    return getattr(module, name)(**kwargs)


def boxes():
    return [Box(value, path) for path, value in WEIGHTS.items()]


def grads_at(t):
    return {name: jnp.asarray(g[t]) for name, g in GRADS.items()}


def run(optimizer, params=None, steps=STEPS):
    """`steps` steps as one scan: also shows that `update` keeps structure, shapes and dtypes."""
    params = jax.tree.map(jnp.asarray, WEIGHTS if params is None else params)

    def body(carry, grads):
        return optimizer.update(grads, carry[1], carry[0]), None

    grads = {name: jnp.asarray(g[:steps]) for name, g in GRADS.items()}
    return jax.jit(lambda carry: jax.lax.scan(body, carry, grads)[0])((params, optimizer.init(params)))


def run_keras(optimizer, constraint=None):
    variables = [keras.Variable(value, name=path.rpartition("/")[2]) for path, value in WEIGHTS.items()]
    variables[0].constraint = constraint
    optimizer.build(variables)
    steps = [[jnp.asarray(g[t]) for g in GRADS.values()] for t in range(STEPS)]
    if not optimizer.gradient_accumulation_steps:
        for grads in steps:
            optimizer.apply(grads, variables)
        return variables
    # Keras' eager accumulation recompiles its `cond` in every step: 25 s for 100 steps.
    own, values, apply = [v.value for v in optimizer.variables], [v.value for v in variables], jax.jit(optimizer.stateless_apply)
    for grads in steps:
        values, own = apply(own, grads, values)
    for variable, value in zip((*optimizer.variables, *variables), (*own, *values)):
        variable.assign(value)
    return variables


def assert_close(ours, theirs, **tolerance):
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), **{"rtol": 1e-6, "atol": 2e-6, **tolerance})


@pytest.mark.parametrize("name,case,kwargs", CASES)
def test_100_steps_are_keras(name, case, kwargs):
    ours, theirs = make(optimizers, name, kwargs), make(keras.optimizers, name, kwargs)
    params, ours.state = run(ours)
    variables = run_keras(theirs)
    assert_close([params[path] for path in WEIGHTS], [v.value for v in variables], **TOLERANCES.get(name, {}))
    ours.build(boxes())
    assert_close(ours.variables, [v.value for v in theirs.variables], **TOLERANCES.get(name, {}))
    assert int(ours.iterations) == int(theirs.iterations)
    if kwargs.get("use_ema"):
        theirs.finalize_variable_values(variables)
        final = ours.finalize(params, ours.state)
        assert_close([final[path] for path in WEIGHTS], [v.value for v in variables], **TOLERANCES.get(name, {}))


@pytest.mark.parametrize("name", NAMES)
def test_constraints_are_applied_as_keras_does(name):
    kwargs = {"use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 3}
    ours, theirs = make(optimizers, name, kwargs), make(keras.optimizers, name, kwargs)
    params = jax.tree.map(jnp.asarray, WEIGHTS)
    state, update = ours.init(params), jax.jit(lambda g, s, p: ours.update(g, s, p, {"dense/kernel": jax.nn.relu}))
    for t in range(STEPS):
        params, state = update(grads_at(t), state, params)
    variables = run_keras(theirs, keras.constraints.NonNeg())
    assert_close([params[path] for path in WEIGHTS], [v.value for v in variables])
    assert float(params["dense/kernel"].min()) == 0.0


def test_constraints_follow_any_structure_and_name_their_weights():
    params = {"dense": {"kernel": -jnp.ones(2), "bias": -jnp.ones(2)}}
    optimizer = SGD(0.0)
    new, _ = optimizer.update(params, optimizer.init(params), params, {"dense": {"kernel": jax.nn.relu}})
    assert new["dense"]["kernel"].tolist() == [0, 0] and new["dense"]["bias"].tolist() == [-1, -1]
    with pytest.raises(ValueError, match="Did you mean 'dense/kernel'"):
        optimizer.update(params, optimizer.init(params), params, {"dense/kernl": jax.nn.relu})


@pytest.mark.parametrize("name", NAMES)
def test_one_program_for_all_steps_and_learning_rates(name):
    optimizer, traces = make(optimizers, name, {"use_ema": True}), []

    @jax.jit
    def step(grads, state, params):
        traces.append(1)
        return optimizer.update(grads, state, params)

    params = jax.tree.map(jnp.asarray, WEIGHTS)
    optimizer.state = optimizer.init(params)
    for t, rate in enumerate((None, 0.2, jnp.float32(0.1), np.float64(0.0))):
        if rate is not None:
            optimizer.learning_rate = rate
        before = params
        params, optimizer.state = step(grads_at(t), optimizer.state, params)
    assert len(traces) == 1
    if name in ("Adam", "AdamW", "RMSprop"):
        assert_close(jax.tree.leaves(params), jax.tree.leaves(before), rtol=0, atol=0)


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_parameters_learn_as_float32_ones(name):
    # One step of Adadelta at the usual rate is less than bfloat16 can tell from 1.
    optimizer = make(optimizers, name, {"weight_decay": 0.01} | ({"learning_rate": 50.0} if name == "Adadelta" else {}))
    params = {"w": jnp.ones(4, jnp.bfloat16)}
    state = optimizer.init(params)
    new, after = jax.jit(optimizer.update)({"w": jnp.full(4, 0.5)}, state, params)
    assert jax.tree.map(lambda x: x.dtype, (new, after)) == jax.tree.map(lambda x: x.dtype, (params, state))
    wide = {"w": jnp.ones(4)}
    exact, _ = optimizer.update({"w": jnp.full(4, 0.5)}, optimizer.init(wide), wide)
    if name == "Ftrl":  # the number that its sums start at is rounded
        np.testing.assert_allclose(new["w"].astype("float32"), exact["w"], rtol=2**-7)
    else:
        assert new["w"].tolist() == exact["w"].astype(jnp.bfloat16).tolist()
    assert float(new["w"][0]) < 1.0


@pytest.mark.parametrize("shape", ["tuples", "nested", "list"])
def test_any_pytree_of_parameters(shape):
    def build(flat):
        if shape == "list":
            return list(flat.values())
        if shape == "tuples":
            return {tuple(k.split("/")): v for k, v in flat.items()}
        return {"dense": {k.split("/")[1]: v for k, v in flat.items()}}

    optimizer = AdamW(0.05)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    flat, tree = jax.tree.map(jnp.asarray, WEIGHTS), build(WEIGHTS)
    expected, _ = optimizer.update(grads_at(0), optimizer.init(flat), flat)
    got, _ = optimizer.update(build(grads_at(0)), optimizer.init(tree), tree)
    kernel = {"list": 0, "tuples": ("dense", "kernel")}.get(shape, "dense")
    kernel = got[kernel]["kernel"] if shape == "nested" else got[kernel]
    assert_close([kernel], [expected["dense/kernel"]])


@pytest.mark.parametrize(
    "exclude",
    [{"var_names": ["bias"]}, {"var_list": ["dense/bias"]}, {"var_list": [Box(0.0, "dense/bias")]}],
    ids=["pattern", "name", "variable"],
)
def test_excluded_weights_do_not_decay(exclude):
    optimizer = SGD(0.5, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(**exclude)
    params = {"dense/kernel": jnp.ones(1), "dense/bias": jnp.ones(1)}
    zeros = jax.tree.map(jnp.zeros_like, params)
    optimizer.state = optimizer.init(params)
    new, _ = optimizer.update(zeros, optimizer.state, params)
    assert (float(new["dense/kernel"][0]), float(new["dense/bias"][0])) == (0.75, 1.0)
    with pytest.raises(ValueError, match="before the optimizer is built"):
        optimizer.exclude_from_weight_decay(var_names=["kernel"])


def test_a_variable_of_a_model_is_excluded_from_decay_in_fit():
    model = jkeras.Sequential([jkeras.Input((2,)), jkeras.layers.Dense(2), jkeras.layers.Dense(1)])
    optimizer = SGD(0.5, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_list=[model.layers[0].kernel])
    model.compile(optimizer, "mse")
    before = [np.array(layer.kernel.value) for layer in model.layers]
    model.fit(np.zeros((4, 2), "float32"), np.zeros((4, 1), "float32"), verbose=0)
    np.testing.assert_array_equal(model.layers[0].kernel.value, before[0])
    np.testing.assert_allclose(model.layers[1].kernel.value, 0.75 * before[1], rtol=1e-6)


def test_update_can_be_differentiated_and_mapped():
    optimizer = Adam(0.1, gradient_accumulation_steps=2, clipnorm=1.0)
    params = {"w": jnp.ones((3, 2))}
    states = jax.vmap(optimizer.init)(params)
    new, _ = jax.vmap(optimizer.update)({"w": jnp.ones((3, 2))}, states, params)
    assert new["w"].shape == (3, 2)
    sgd = SGD(0.1)
    slope = jax.grad(lambda g: sgd.update({"w": g}, sgd.init({"w": 1.0}), {"w": jnp.asarray(1.0)})[0]["w"])(2.0)
    assert slope == pytest.approx(-0.1)


@pytest.mark.parametrize("name", [pytest.param(n, marks=[] if n in SHOWN_WITH else pytest.mark.slow) for n in NAMES])
@settings(max_examples=4, deadline=None)
@given(st.lists(st.lists(st.integers(1, 3), max_size=3), min_size=2, max_size=3), st.integers(0, 99))
def test_weights_do_not_see_each_other(name, shapes, seed):
    """Two steps for all weights are two steps for each alone, whatever their shapes, and what comes out is like what went in."""
    rng = np.random.default_rng(seed)
    params, *grads = ({f"w{i}": jnp.asarray(rng.normal(size=s), "float32") for i, s in enumerate(shapes)} for _ in range(3))

    def steps(params, grads):
        optimizer = make(optimizers, name, {"weight_decay": 0.01, "clipnorm": 0.5})
        state = optimizer.init(params)
        before = jax.tree.map(lambda a: (a.shape, a.dtype), (params, state))
        for g in grads:
            params, state = optimizer.update(g, state, params)
        assert jax.tree.map(lambda a: (a.shape, a.dtype), (params, state)) == before
        return params

    together = steps(params, grads)
    for key in params:
        alone = steps({key: params[key]}, [{key: g[key]} for g in grads])
        assert_close([alone[key]], [together[key]], rtol=0, atol=0)


# --- The face -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_apply_to_variables_equals_the_pure_form(name):
    pure, face = make(optimizers, name, {"weight_decay": 0.01}), make(optimizers, name, {"weight_decay": 0.01})
    params, state = run(pure, steps=5)
    variables = boxes()
    for t in range(5):
        count = face.apply_gradients(zip((g[t] for g in GRADS.values()), variables))
    assert int(count) == 5
    assert_close([v.value for v in variables], [params[v.path] for v in variables])
    assert_close(jax.tree.leaves(face.state), jax.tree.leaves(state))


def test_a_hand_written_loop_goes_on_from_a_state_of_nested_params():
    optimizer, variables = Adam(0.05), boxes()
    params = {"dense": {"kernel": variables[0].value, "bias": variables[1].value}}
    optimizer.state = optimizer.init(params)
    optimizer.remember(variables, ["dense/kernel", "dense/bias"])
    grads = [jnp.asarray(g[0]) for g in GRADS.values()]
    expected, state = optimizer.update({"dense": dict(zip(("kernel", "bias"), grads))}, optimizer.state, params)
    optimizer.apply(grads, variables)
    assert jax.tree.structure(optimizer.state) == jax.tree.structure(state)
    assert_close([v.value for v in variables], [expected["dense"]["kernel"], expected["dense"]["bias"]])


def test_stateless_apply_is_keras():
    ours, theirs, variables = Adam(0.1), keras.optimizers.Adam(0.1), boxes()
    ours.build(variables)
    kept = [keras.Variable(v.value) for v in variables]
    theirs.build(kept)
    values, grads = [v.value for v in variables], [jnp.asarray(g[0]) for g in GRADS.values()]
    got = ours.stateless_apply(ours.variables, grads, values)
    expected = theirs.stateless_apply([v.value for v in theirs.variables], grads, values)
    assert_close(got[0], expected[0])
    assert_close(got[1], expected[1])


@pytest.mark.parametrize("name", NAMES)
def test_rows_and_columns_without_gradient_give_finite_steps(name):
    weights = {"w": jnp.ones((4, 3))}
    gradients = {"w": jnp.zeros((4, 3)).at[0, 0].set(1.0)}
    optimizer = getattr(optimizers, name)(0.1)
    state = optimizer.init(weights)
    for _ in range(3):
        weights, state = optimizer.update(gradients, state, weights)
    assert bool(jnp.isfinite(weights["w"]).all()) and float(weights["w"][0, 0]) < 1


def test_missing_gradients_leave_variables_and_slots_alone():
    optimizer, (kernel, bias) = Adam(0.1, weight_decay=0.1), boxes()
    with pytest.warns(UserWarning, match="dense/bias"):
        optimizer.apply([jnp.ones((3, 2)), None], [kernel, bias])
    assert_close([bias.value], [WEIGHTS["dense/bias"]], rtol=0, atol=0)
    assert float(jnp.abs(optimizer.state.slots.momentums["dense"]["bias"]).max()) == 0.0
    assert float(jnp.abs(kernel.value - WEIGHTS["dense/kernel"]).min()) > 0.05
    optimizer.apply([jnp.ones(2)], [bias])
    assert float(jnp.abs(bias.value - WEIGHTS["dense/bias"]).min()) > 0.01


def test_variables_constraint_is_applied():
    variable = Box(jnp.ones(2), "w", constraint=jax.nn.relu)
    SGD(2.0).apply([jnp.ones(2)], [variable])
    assert variable.value.tolist() == [0.0, 0.0]


def test_changed_settings_count_from_the_next_step():
    optimizer, variable = SGD(1.0, clipvalue=1.0), Box(jnp.zeros(1), "w")
    optimizer.apply([jnp.full(1, 9.0)], [variable])
    optimizer.clipvalue = 2.0
    optimizer.apply([jnp.full(1, 9.0)])
    assert variable.value.tolist() == [-3.0]


@pytest.mark.parametrize("names", [("w", "w", "w_1"), ("dense", "dense/kernel", "dense"), ("a/b", "a", "a/b/c")])
def test_variables_of_clashing_names_are_kept_apart(names):
    variables = [Box(jnp.zeros(n), name) for n, name in enumerate(names, 1)]
    SGD(1.0, momentum=0.5).apply([jnp.full(n, float(n)) for n in (1, 2, 3)], variables)
    assert [v.value.tolist() for v in variables] == [[-1.0], [-2.0] * 2, [-3.0] * 3]


def test_finalize_variable_values_writes_the_average():
    optimizer, variable = SGD(1.0, use_ema=True, ema_momentum=0.5), Box(jnp.zeros(1), "w")
    optimizer.apply([jnp.ones(1)], [variable])
    optimizer.apply([jnp.ones(1)], [variable])
    optimizer.finalize_variable_values([variable])
    assert variable.value.tolist() == [-1.5]


def test_learning_rate_is_a_live_number():
    optimizer = Adam(0.5)
    rate = optimizer.learning_rate
    optimizer.learning_rate = 0.25
    assert float(rate) == float(optimizer.lr) == float(rate.numpy()) == rate == 0.25
    assert (rate * 2, 1 / rate, f"{rate:.2f}", str(rate), rate < 1) == (0.5, 4.0, "0.25", "0.25", True)
    assert float(np.asarray(rate)) == float(jnp.asarray(rate)) == 0.25
    optimizer.state = optimizer.init({"w": jnp.ones(1)})
    old = optimizer.state.learning_rate
    optimizer.lr = optimizer.lr * 0.5
    assert float(rate) == float(optimizer.state.learning_rate) == 0.125
    rate.assign(1e-4)
    new = optimizer.state.learning_rate
    assert (new.dtype, new.shape, new.weak_type) == (old.dtype, old.shape, old.weak_type)
    assert optimizer.get_config()["learning_rate"] == float(np.float32(1e-4))
    assert "learning_rate" not in vars(optimizer)


def test_a_schedule_is_read_but_not_set():
    optimizer = SGD(schedules.ExponentialDecay(0.5, 1, 0.5))
    params = {"w": jnp.ones(1)}
    _, optimizer.state = optimizer.update(params, optimizer.init(params), params)
    assert float(optimizer.learning_rate) == float(optimizer.state.learning_rate) == 0.25
    with pytest.raises(TypeError, match="follows a schedule"):
        optimizer.learning_rate = 0.1
    optimizer.learning_rate = schedules.PiecewiseConstantDecay([5], [0.125, 0.0])
    assert float(optimizer.learning_rate) == float(optimizer.state.learning_rate) == 0.125


@pytest.mark.parametrize(
    "rate,value",
    [
        (lambda: 0.5, 0.5),
        (lambda step: 0.5 / (step + 1), 0.25),
        (optax.exponential_decay(0.5, 1, 0.5), 0.25),
        ({"class_name": "ExponentialDecay", "config": {"initial_learning_rate": 0.5, "decay_steps": 1, "decay_rate": 0.5}}, 0.25),
        (1, 1.0),
    ],
    ids=["nothing", "step", "optax", "config", "int"],
)
def test_kinds_of_learning_rates(rate, value):
    optimizer = SGD(rate)
    params = {"w": jnp.zeros(1)}
    _, optimizer.state = jax.jit(optimizer.update)(params, optimizer.init(params), params)
    assert float(optimizer.learning_rate) == value


def test_lr_and_decay_are_keras_2():
    optimizer = SGD(lr=0.5, decay=1.0)
    params = {"w": jnp.zeros(1)}
    state = optimizer.init(params)
    moves = []
    for _ in range(3):
        new, state = optimizer.update({"w": jnp.ones(1)}, state, params)
        moves.append(-float(new["w"][0]))
    np.testing.assert_allclose(moves, [0.5, 0.25, 0.5 / 3], rtol=1e-6)
    assert float(Adam(lr=0.25, decay=0.0).learning_rate) == 0.25


def test_a_rate_that_decays_can_be_set_and_reads_as_the_rate_that_decays():
    optimizer = SGD(lr=0.5, decay=1.0)
    params = {"w": jnp.zeros(1)}
    optimizer.state = optimizer.init(params)
    for rate, expected in ((0.5, 0.5), (0.8, 0.4)):  # the second step divides by two
        optimizer.learning_rate = rate
        new, optimizer.state = optimizer.update({"w": jnp.ones(1)}, optimizer.state, params)
        assert -float(new["w"][0]) == pytest.approx(expected)
        assert float(optimizer.lr) == pytest.approx(rate)
    schedule = SGD.from_config(optimizer.get_config()).get_config()["learning_rate"]["config"]
    assert schedule["initial_learning_rate"] == pytest.approx(0.8) and schedule["decay_rate"] == 1.0


@pytest.mark.parametrize("name", ["Adadelta", "Adagrad", "Adam", "Adamax", "Ftrl", "RMSprop", "SGD"])
def test_legacy_optimizers_step_as_those_of_tf_keras(name):
    tf_keras = pytest.importorskip("tf_keras")
    import tensorflow as tf

    kwargs = {"lr": 0.05, "decay": 0.1, **({"clipvalue": 0.3} if name == "SGD" else {})}
    ours, theirs = (getattr(k.optimizers.legacy, name) for k in (jkeras, tf_keras))
    params, optimizer = jax.tree.map(jnp.asarray, WEIGHTS), ours(**kwargs)
    state = optimizer.init(params)
    variables, optimizer_there = [tf.Variable(w) for w in WEIGHTS.values()], theirs(learning_rate=kwargs.pop("lr"), **kwargs)
    for t in range(10):
        params, state = optimizer.update(grads_at(t), state, params)
        optimizer_there.apply_gradients(zip([tf.constant(g[t]) for g in GRADS.values()], variables))
    assert_close([params[path] for path in WEIGHTS], [v.numpy() for v in variables], rtol=1e-5, atol=1e-5)
    assert type(optimizers.deserialize({"module": "keras.optimizers.legacy", "class_name": name, "config": {}})) is ours


def test_iterations_count_changes_and_can_be_set():
    optimizer, variable = SGD(1.0, gradient_accumulation_steps=2), Box(jnp.zeros(1), "w")
    assert optimizer.iterations == 0
    for _ in range(5):
        optimizer.apply([jnp.ones(1)], [variable])
    assert optimizer.iterations.numpy() == 2 and range(9)[optimizer.iterations] == 2
    optimizer.iterations.assign(7)
    assert int(optimizer.state.iterations) == 14


def test_variables_can_be_written_back():
    first, second = (Adam(0.1, amsgrad=True) for _ in range(2))
    first.apply([jnp.asarray(g[0]) for g in GRADS.values()], boxes())
    second.build(boxes())
    second.set_weights([np.asarray(v) for v in first.variables])
    assert_close(jax.tree.leaves(second.state), jax.tree.leaves(first.state), rtol=0, atol=0)
    with pytest.raises(ValueError, match="Expected 8 arrays"):
        second.set_weights([0])


def test_copies_and_pickles_go_on_alone():
    optimizer, variable = Adam(0.1), Box(jnp.zeros(1), "w")
    optimizer.apply([jnp.ones(1)], [variable])
    for other in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        other.learning_rate = 0.5
        assert int(other.iterations) == 1 and float(optimizer.learning_rate) == pytest.approx(0.1)


# --- Names and configs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*NAMES, "Optimizer"])
def test_signature_is_keras(name):
    def parameters(cls):
        found = [(p.name, p.default, p.kind) for p in inspect.signature(cls.__init__).parameters.values()]
        return found if name != "Optimizer" else [p for p in found if p[0] != "learning_rate"]  # Keras 2's classes set it later

    assert parameters(getattr(optimizers, name)) == parameters(getattr(keras.optimizers, name))


@pytest.mark.parametrize("name,case,kwargs", CASES)
def test_config_is_keras_and_reads_back(name, case, kwargs):
    ours = make(optimizers, name, {**kwargs, "name": "mine"})
    config = json.loads(json.dumps(optimizers.serialize(ours)))
    assert config == keras.optimizers.serialize(make(keras.optimizers, name, {**kwargs, "name": "mine"}))
    again = optimizers.deserialize(config)
    assert type(again) is type(ours) and again.get_config() == ours.get_config()


@pytest.mark.parametrize(
    "identifier,cls",
    [
        ("sgd", SGD), ("SGD", SGD), ("adam", Adam), ("Adam", Adam), ("adamw", AdamW), ("AdamW", AdamW), ("rmsprop", RMSprop),
        ("RMSprop", RMSprop), ("Custom>Adam", Adam), (RMSprop, RMSprop), (optax.adam(1e-3), OptaxOptimizer),
        ({"class_name": "SGD", "config": {"lr": 0.5, "decay": 0.0, "momentum": 0.9, "nesterov": False, "name": "SGD"}}, SGD),
        ({"class_name": "Custom>Adam", "config": {"lr": 0.5, "jit_compile": True, "is_legacy_optimizer": False}}, Adam),
        ({"module": "keras.optimizers", "class_name": "Adam", "config": {"lr": 0.5}, "registered_name": None}, Adam),
        ({"module": "keras.optimizers", "class_name": "AdamW", "config": {"lr": 0.5}, "registered_name": "AdamW"}, AdamW),
    ],
)  # fmt: skip
def test_get_understands_what_users_write(identifier, cls):
    found = optimizers.get(identifier)
    assert type(found) is cls
    assert optimizers.get(found) is found
    if isinstance(identifier, dict):
        assert float(found.learning_rate) == 0.5
    assert optimizers.get(None) is None


def test_a_registered_optimizer_reads_back():
    @register_keras_serializable("tests")
    class Half(SGD):
        def __init__(self, factor=0.5, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

    config = optimizers.serialize(Half(0.25, learning_rate=0.5))
    again = optimizers.deserialize(config)
    assert type(again) is Half and again.factor == 0.25 and float(again.learning_rate) == 0.5


@pytest.mark.parametrize(
    "make_it,error,text",
    [
        (lambda: optimizers.get("admm"), ValueError, "Unknown optimizer 'admm'. Did you mean 'adam'"),
        (lambda: optimizers.get("get"), ValueError, "Unknown optimizer 'get'"),
        (lambda: optimizers.get(3), ValueError, "received 3"),
        (lambda: optimizers.get(optax.adam), ValueError, "Call it first"),
        (lambda: Adam(beta1=0.5), TypeError, "Did you mean 'beta_1'"),
        (lambda: Adam("fast"), ValueError, "received 'fast'"),
        (lambda: Adam(schedules.CosineDecay(0.1, 9), decay=0.1), ValueError, "put the decay into it"),
        (lambda: SGD(momentum=1.5), ValueError, r"in \[0, 1\]"),
        (lambda: AdamW(weight_decay=None), ValueError, "use Adam"),
        (lambda: optimizers.Lion(beta_1=0.0), ValueError, r"beta_1 must be a number in \(0, 1\]"),
        (lambda: optimizers.Ftrl(learning_rate_power=0.5), ValueError, "learning_rate_power must be 0 or less"),
        (lambda: optimizers.Ftrl(l1_regularization_strength=-1.0), ValueError, "l1_regularization_strength must be 0 or more"),
        (lambda: Adam(clipnorm=1.0, clipvalue=1.0), ValueError, "Only one of"),
        (lambda: Adam(use_ema=True, ema_momentum=2.0), ValueError, "ema_momentum"),
        (lambda: Adam(use_ema=True, ema_overwrite_frequency=0), ValueError, "ema_overwrite_frequency"),
        (lambda: Adam(gradient_accumulation_steps=1), ValueError, ">= 2"),
        (lambda: Adam().apply([jnp.ones(1)]), ValueError, "optimizer.build"),
        (lambda: Adam().apply([None], [Box(0.0, "w")]), ValueError, "All gradients are None"),
        (lambda: Adam().apply([jnp.ones(1)], boxes()), ValueError, "one per variable"),
        (lambda: Optimizer(0.1).init({}), NotImplementedError, "rule"),
        (lambda: OptaxOptimizer(optax.adam), TypeError, "Expected an optax transformation"),
        (lambda: OptaxOptimizer(optax.adam(1.0)).get_config(), TypeError, "has no config"),
    ],
)
def test_errors_say_what_to_write(make_it, error, text):
    with pytest.raises(error, match=text):
        make_it()


def test_unknown_variables_and_traced_use_are_errors():
    optimizer, variable = SGD(0.1, momentum=0.5), Box(jnp.ones(1), "w")
    optimizer.build([variable])
    with pytest.raises(ValueError, match="'other' is not one of the variables"):
        optimizer.apply([jnp.ones(1)], [Box(jnp.ones(1), "other")])
    with pytest.raises(RuntimeError, match=r"optimizer\.update\(grads, state, params\)"):
        jax.jit(lambda g: optimizer.apply([g], [variable]))(jnp.ones(1))
    assert int(optimizer.iterations) == 0 and variable.value.tolist() == [1.0]


# --- optax --------------------------------------------------------------------------------------------------------------------

TRANSFORMATIONS = {
    "adam": lambda: optax.adam(0.05),
    "chain": lambda: optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(optax.cosine_decay_schedule(0.1, 50), momentum=0.9)),
    "lion": lambda: optax.lion(0.01),
    "injected": lambda: optax.inject_hyperparams(optax.adam)(learning_rate=0.05),
}


@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_optax_wrapped_equals_optax_raw(name):
    raw = TRANSFORMATIONS[name]()
    params, state = run(optimizers.get(TRANSFORMATIONS[name]()), steps=20)
    assert int(state.iterations) == 20
    expected = jax.tree.map(jnp.asarray, WEIGHTS)
    slots, update = raw.init(expected), jax.jit(raw.update)
    for t in range(20):
        updates, slots = update(grads_at(t), slots, expected)
        expected = optax.apply_updates(expected, updates)
    assert_close(jax.tree.leaves(params), jax.tree.leaves(expected))


def test_optax_learning_rate_is_live_where_injected():
    optimizer, variables = OptaxOptimizer(TRANSFORMATIONS["injected"]()), boxes()
    optimizer.build(variables)
    optimizer.learning_rate = 0.0
    optimizer.apply([jnp.asarray(g[0]) for g in GRADS.values()])
    assert_close([v.value for v in variables], WEIGHTS.values(), rtol=0, atol=0)
    assert optimizer.learning_rate == 0.0
    plain = OptaxOptimizer(optax.adam(0.1))
    plain.build(boxes())
    with pytest.raises(AttributeError, match="inject_hyperparams"):
        float(plain.learning_rate)


def test_a_schedule_from_the_live_rate_takes_the_number_of_the_moment():
    optimizer = Adam(0.5)
    optimizer.learning_rate = schedules.PolynomialDecay(optimizer.learning_rate, 4)
    assert float(optimizer.learning_rate) == 0.5 and len(optimizer.variables) == 1


@pytest.mark.parametrize("name", ["SGD", "Adam", "Muon"])
def test_update_step_changes_one_weight(name):
    ours, theirs = (getattr(k.optimizers, name)(0.5, weight_decay=None) for k in (jkeras, keras))
    weights, expected = ([k.Variable(w, name=path) for path, w in (("a", np.eye(2)), ("b", np.ones(3)))] for k in (jkeras, keras))
    for optimizer, variables in ((ours, weights), (theirs, expected)):
        optimizer.build(variables)
        for one, gradient in ((0, [[1.0, 6.0], [7.0, 2.0]]), (0, [[2.0, 1.0], [0.0, 2.0]]), (1, [1.0, -2.0, 3.0])):
            optimizer.update_step(jnp.array(gradient), variables[one], 0.5)
    for a, b in zip([*weights, *ours.variables], [*expected, *theirs.variables], strict=True):
        np.testing.assert_allclose(a.value, b.value, rtol=1e-5, atol=1e-6)


def test_adafactor_moves_by_a_gradient_whose_square_is_too_small_a_number():
    g = np.array([[1.0, 0.0], [0.0, 1e-22]])
    squares = g.astype("float64") ** 2 + 1e-30
    r, c = squares.mean(1), squares.mean(0)
    d = g / np.sqrt(np.outer(r / r.mean(), c))
    optimizer, params = jkeras.optimizers.Adafactor(1.0), {"w": jnp.ones((2, 2))}
    with jax.debug_nans(True):
        after, _ = optimizer.update({"w": jnp.asarray(g, "float32")}, optimizer.init(params), params)
    np.testing.assert_allclose(after["w"], 1 - d / np.sqrt(np.mean(d**2)), rtol=1e-5)

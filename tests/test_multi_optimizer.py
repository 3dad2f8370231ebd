"""MultiOptimizer and OptimizerMap: parameter groups by path, with Keras' numbers; each optimizer's face is live."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import copy
import json

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import jkeras
from jkeras import optimizers
from jkeras.callbacks.learning_rate import rates_of
from jkeras.optimizers import SGD, Adam, LossScaleOptimizer, MultiOptimizer, OptimizerMap

rng = np.random.default_rng(0)
WEIGHTS = {"a/kernel": rng.normal(size=(3, 2)), "a/bias": rng.normal(size=2), "b/kernel": rng.normal(size=(2, 1))}
GRADS = [{name: rng.normal(size=w.shape).astype("float32") for name, w in WEIGHTS.items()} for _ in range(100)]
DECAY = ("ExponentialDecay", (0.05, 10, 0.8))
X, Y = rng.normal(size=(16, 3)).astype("float32"), rng.normal(size=(16, 1)).astype("float32")


def by_path(k):
    rest = k.optimizers.SGD(getattr(k.optimizers.schedules, DECAY[0])(*DECAY[1]), momentum=0.9, weight_decay=0.05)
    own = {"a/.*": k.optimizers.Adam(0.01, use_ema=True, ema_overwrite_frequency=7), "b/bias": k.optimizers.Nadam()}
    return k.optimizers.MultiOptimizer(k.optimizers.OptimizerMap(rest, own), loss_scale_factor=2.0)


def by_function(k):
    norms = {"a": {"global_clipnorm": 0.5}, "b": {"gradient_accumulation_steps": 3}}
    return k.optimizers.MultiOptimizer(lambda variable: k.optimizers.Adam(0.05, **norms[variable.path[0]]))


def variables(k):
    made = [k.Variable(value, dtype="float32", name=path.rpartition("/")[2]) for path, value in WEIGHTS.items()]
    for variable, path in zip(made, WEIGHTS):
        if k is jkeras:
            variable.path = path
        else:
            variable._path = path
    return made


@pytest.mark.few(1)
@pytest.mark.filterwarnings("ignore:No weight has a path")
@pytest.mark.parametrize("make", [by_path, by_function])
def test_a_hundred_steps_equal_keras(make):
    ours, theirs = make(jkeras), make(keras)
    ours.remember(variables(jkeras), WEIGHTS)  # for the order of what it lists
    params = {name: jnp.asarray(w, "float32") for name, w in WEIGHTS.items()}
    grads = jax.tree.map(lambda *steps: jnp.stack(steps), *GRADS)
    step = lambda carry, g: (ours.update(g, carry[1], carry[0]), None)  # noqa: E731
    params, state = jax.jit(lambda carry: jax.lax.scan(step, carry, grads)[0])((params, ours.init(params)))
    expected = variables(keras)
    theirs.build(expected)
    values, held = [v.value for v in expected], [v.value for v in theirs.variables]
    apply = jax.jit(theirs.stateless_apply)
    for one in GRADS:
        values, held = apply(held, list(one.values()), values)
    for found, wanted in zip((params[name] for name in WEIGHTS), values):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)
    for found, wanted in zip(ours.listed(state), held, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore:No weight has a path")
def test_steps_one_by_one_and_the_stateless_face_agree():
    ours, weights = by_path(jkeras), variables(jkeras)
    ours.build(weights)
    held, values = [v.value for v in ours.variables], [w.value for w in weights]
    for one in GRADS[:3]:
        ours.apply(list(one.values()), weights)
        values, held = ours.stateless_apply(held, list(one.values()), values)
    for found, wanted in zip([*weights, *ours.variables], [*values, *held], strict=True):
        np.testing.assert_allclose(found.value, wanted, rtol=1e-6, atol=1e-7)
    assert int(ours.iterations) == int(ours.optimizers[0].iterations) == 3


def model(optimizer):
    made = jkeras.Sequential(
        [jkeras.Input((3,)), jkeras.layers.Dense(2, name="a"), jkeras.layers.Dense(1, name="b")], name="whole"
    )
    made.compile(optimizer, "mse")
    return made


def flat(made):
    return np.concatenate([w.ravel() for w in made.get_weights()])


def test_optimizers_of_groups_are_live():
    frozen, moving = SGD(0.0), SGD(0.1)
    made = model(MultiOptimizer(OptimizerMap(moving, {".*a/.*": frozen})))
    before = made.get_weights()
    made.fit(X, Y, epochs=2, verbose=0)
    after = made.get_weights()
    assert all((x == y).all() for x, y in zip(before[:2], after[:2])) and all(
        (x != y).any() for x, y in zip(before[2:], after[2:])
    )
    frozen.learning_rate = 0.1
    assert float(made.optimizer.variables[3].value) == np.float32(0.1)
    made.fit(X, Y, verbose=0)
    assert all((x != y).any() for x, y in zip(after, made.get_weights())) and int(moving.iterations) == 3
    moving.momentum = 0.5
    with pytest.raises(AttributeError, match="optimizers"):
        made.optimizer.learning_rate = 0.1
    assert not hasattr(made.optimizer, "learning_rate")


def test_averages_of_a_group_are_what_fit_keeps():
    made = model(MultiOptimizer(OptimizerMap(SGD(0.1), {".*a/kernel": SGD(0.1, use_ema=True, ema_momentum=0.5)})))
    plain = model(SGD(0.1))
    plain.set_weights(made.get_weights())
    for one in (made, plain):
        one.fit(X, Y, epochs=3, shuffle=False, verbose=0)
    differ = [not np.allclose(x, y) for x, y in zip(made.get_weights(), plain.get_weights())]
    assert differ == [True, False, False, False]


def test_it_works_within_loss_scaling_and_is_copied():
    made = model(LossScaleOptimizer(MultiOptimizer(OptimizerMap(SGD(0.1), {".*a/.*": Adam(0.01)}))))
    losses = made.fit(X, Y, epochs=3, verbose=0).history["loss"]
    assert losses[-1] < losses[0]
    again = copy.deepcopy(model(MultiOptimizer(OptimizerMap(SGD(0.1), {".*a/.*": Adam(0.01)}))))
    assert np.isfinite(again.fit(X, Y, verbose=0).history["loss"]).all()


def test_configs_go_both_ways():
    ours = MultiOptimizer(OptimizerMap(SGD(0.5, momentum=0.9), {"a/.*": Adam(0.25)}), loss_scale_factor=2.0, name="both")
    config = json.loads(json.dumps(optimizers.serialize(ours)))
    again, theirs = optimizers.deserialize(config), keras.optimizers.deserialize(config)
    assert again.get_config() == ours.get_config() and again.optimizer_map["a/kernel"].loss_scale_factor == 2.0
    back = optimizers.deserialize(json.loads(json.dumps(keras.optimizers.serialize(theirs))))
    assert type(back.optimizer_map["a/kernel"]) is Adam and back.optimizer_map.default_optimizer.momentum == 0.9


def test_a_map_finds_by_path_or_pattern():
    first, second, default = SGD(), Adam(), Adam()
    found = OptimizerMap(default)
    found["a/kernel"], found["a/.*"] = first, second
    assert (found["a/kernel"], found["a/bias"], found["b"]) == (first, second, default)
    assert len(found) == 2 and [*found] == ["a/kernel", "a/.*"]
    del found["a/kernel"]
    assert found["a/kernel"] is second


@pytest.mark.filterwarnings("ignore:No weight has a path")
@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: OptimizerMap("adam"), TypeError, "optimizer"),
        (lambda: OptimizerMap(Adam(), [Adam()]), TypeError, "dict"),
        (lambda: OptimizerMap(Adam(), {"a.*": SGD(), ".*b": SGD()})["ab"], ValueError, "Several keys"),
        (lambda: OptimizerMap(Adam(), {"a": SGD()}).__setitem__("a", SGD()), ValueError, "already"),
        (lambda: OptimizerMap(Adam()).__setitem__(3, SGD()), ValueError, "regular expression"),
        (lambda: OptimizerMap(Adam()).__setitem__("a", "sgd"), ValueError, "sgd"),
        (lambda: OptimizerMap(Adam()).__setitem__("a", LossScaleOptimizer(SGD())), ValueError, "holds optimizers"),
        (lambda: MultiOptimizer(lambda variable: "sgd").init({"w": jnp.ones(2)}), ValueError, "sgd"),
        (lambda: MultiOptimizer(lambda v: MultiOptimizer(OptimizerMap(SGD()))).init({"w": jnp.ones(2)}), ValueError, "holds"),
    ],
)
def test_what_does_not_fit_is_refused(make, error, text):
    with pytest.raises(error, match=text):
        make()


def test_a_key_that_fits_nothing_is_reported_where_the_user_trains():
    with pytest.warns(UserWarning, match="kern") as seen:
        model(MultiOptimizer(OptimizerMap(SGD(), {"kern": Adam()}))).fit(X, Y, verbose=0)
    assert [warning.filename for warning in seen] == [__file__]


def test_what_was_loaded_is_saved_in_the_same_order(tmp_path):
    models = [model(MultiOptimizer(OptimizerMap(Adam(0.01), {".*a/.*": SGD(0.1, momentum=0.9)})))]
    models[0].fit(X, Y, verbose=0)
    for name in ("first.keras", "second.keras"):
        models[-1].save(tmp_path / name)
        models.append(jkeras.models.load_model(tmp_path / name))
    for one in models:
        one.fit(X, Y, shuffle=False, verbose=0)
    for one in models[1:]:
        np.testing.assert_allclose(flat(one), flat(models[0]), rtol=1e-6)
        assert [v.path for v in one.optimizer.variables] == [v.path for v in models[0].optimizer.variables]


def test_a_function_that_makes_optimizers_is_asked_once_for_each_weight():
    made = model(MultiOptimizer(lambda variable: Adam(0.01)))
    for _ in range(2):
        made.fit(X, Y, verbose=0)
        made.compile(made.optimizer, "mae")
    assert len(made.optimizer.optimizers) == 4


@pytest.mark.parametrize("inner", [lambda: SGD(0.1), lambda: MultiOptimizer(OptimizerMap(SGD(0.1)))])
def test_an_optimizer_within_loss_scaling_is_live(inner):
    made = model(LossScaleOptimizer(inner()))
    made.fit(X, Y, verbose=0)
    weights, whole = made.get_weights(), made.optimizer.inner_optimizer
    one = whole.optimizers[0] if isinstance(whole, MultiOptimizer) else whole
    assert int(one.iterations) == 1
    one.learning_rate = 0.0
    made.fit(X, Y, verbose=0)
    assert all((x == y).all() for x, y in zip(weights, made.get_weights()))
    one.learning_rate = optimizers.schedules.ExponentialDecay(0.5, 1, 0.5)
    made.fit(X, Y, verbose=0)
    assert float(one.learning_rate) == 0.5**4 and not (weights[0] == made.get_weights()[0]).all()


def test_a_plateau_lowers_all_rates():
    first, second = SGD(0.1, name="first"), SGD(0.01, name="second")
    made = model(MultiOptimizer(OptimizerMap(second, {".*a/.*": first})))
    calm = jkeras.callbacks.ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=1e9)
    logs = made.fit(X, Y, epochs=3, verbose=0, callbacks=[calm]).history
    np.testing.assert_allclose([float(first.learning_rate), float(second.learning_rate)], [0.025, 0.0025], rtol=1e-6)
    np.testing.assert_allclose(logs["learning_rate_first"], [0.1, 0.1, 0.05], rtol=1e-6)


def test_callbacks_change_the_rates_of_two_optimizers_of_one_name():
    made = model(MultiOptimizer(OptimizerMap(SGD(0.1, name="sgd"), {".*a/kernel": SGD(0.2, name="sgd")})))
    made.optimizer.build(made.trainable_variables)
    found = rates_of(made.optimizer)
    assert list(found) == ["learning_rate_sgd", "learning_rate_sgd_1"] and list(found.values()) == list(made.optimizer.optimizers)

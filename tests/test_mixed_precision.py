"""Mixed precision, end to end: stored values are float32, maths is in half precision, the loss is scaled correctly."""

import contextlib
import functools

import jax
import jax.numpy as jnp
import keras
import numpy as np
import optax
import pytest

import jkeras
from jkeras import layers, optimizers

COMPUTE = {"mixed_bfloat16": "bfloat16", "mixed_float16": "float16"}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 8, 8, 2)).astype("float32")
Y = (X.mean(axis=(1, 2)) @ [[1.0], [-2.0]] * 4).astype("float32")

every_policy = pytest.mark.parametrize("policy", COMPUTE)


@contextlib.contextmanager
def policy_of(name):
    before = jkeras.config.dtype_policy()
    jkeras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        jkeras.config.set_dtype_policy(before)


def make(policy, optimizer=None, **arguments):
    """A small CNN with a bit of everything; the same first weights under every policy."""
    jkeras.utils.set_random_seed(0)
    with policy_of(policy):
        model = jkeras.Sequential(
            [
                layers.Input((8, 8, 2)),
                layers.Conv2D(8, 3, activation="relu", kernel_regularizer="l2"),
                layers.BatchNormalization(),
                layers.MaxPooling2D(),
                layers.Flatten(),
                layers.Dropout(0.1),
                layers.Dense(16, activation="tanh", activity_regularizer="l2"),
                layers.Dense(1, dtype="float32"),
            ]
        )
        model.compile(optimizer or optimizers.SGD(0.02, momentum=0.9), "mse", metrics=["mae"], **arguments)
    return model


def dtypes(tree):
    return {leaf.dtype.name for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating)}


@pytest.mark.few(1)
@every_policy
def test_the_whole_step_keeps_float32_outside_and_computes_in_half_inside(policy, monkeypatch):
    model = make(policy)
    seen = {}
    monkeypatch.setattr(model, "apply_gradients", spy(model.apply_gradients, seen, "gradients", 1), raising=False)
    monkeypatch.setattr(model, "update_metrics", spy(model.update_metrics, seen, "outcome", 2), raising=False)
    model.fit(X, Y, batch_size=32, verbose=0)
    assert seen["gradients"] == {"float32"}
    assert seen["outcome"].loss.dtype == "float32" and dtypes(seen["outcome"].state) == {"float32"}
    assert {w.dtype for w in model.weights} == {"float32"} and dtypes([w.value for w in model.weights]) == {"float32"}
    assert dtypes(model.optimizer.state) == {"float32"}
    assert model.predict(X, verbose=0).dtype == np.float32
    params, state = model.params_and_state()
    program = str(jax.make_jaxpr(lambda p, x: model.apply(p, state, x, training=True, rng=jax.random.key(0)))(params, X))
    half = {"mixed_bfloat16": "bf16", "mixed_float16": "f16"}[policy]
    products = [line for line in program.splitlines() if "dot_general" in line or "conv_general" in line]
    assert any(f":{half}[" in line for line in products), products
    assert sum(":f32[" in line.split("=")[0] for line in products) == 1, products  # the last Dense has its own policy


def spy(fn, seen, name, place):
    def look(*args, **kwargs):
        seen[name] = dtypes(args[place]) if name == "gradients" else args[place]
        return fn(*args, **kwargs)

    return look


@pytest.mark.few(3)
@every_policy
@pytest.mark.parametrize(
    "loss", ["MeanSquaredError", "CategoricalCrossentropy", "SparseCategoricalCrossentropy", "Huber", "KLDivergence"]
)
def test_losses_and_metrics_of_half_precision_outputs_are_float32_and_equal_keras(policy, loss):
    y_pred = jax.nn.softmax(jnp.asarray(RNG.normal(size=(32, 5)), COMPUTE[policy]))
    labels = RNG.integers(0, 5, 32)
    hot = np.eye(5, dtype="float32")[labels]
    ours, theirs = (
        jnp.asarray(getattr(lib.losses, loss)()(labels if "Sparse" in loss else hot, y_pred)) for lib in (jkeras, keras)
    )
    assert ours.dtype == theirs.dtype == "float32"
    np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    metric = jkeras.metrics.MeanAbsoluteError()
    state = metric.update(metric.init(), hot, y_pred)
    assert dtypes(state) == {"float32"} and metric.compute(state).dtype == "float32"


def test_a_layers_own_policy_goes_before_the_global_one():
    with policy_of("mixed_bfloat16"):
        model = jkeras.Sequential(
            [layers.Input((4,)), layers.Dense(3), layers.Dense(3, dtype="float32"), layers.Dense(2, dtype="mixed_float16")]
        )
    assert [layer.compute_dtype for layer in model.layers] == ["bfloat16", "float32", "float16"]
    assert {w.dtype for w in model.weights} == {"float32"} and model.outputs[0].dtype == "float16"
    assert model(np.ones((1, 4))).dtype == jnp.float16


@functools.cache
def losses_under(policy):
    return make(policy).fit(X, Y, batch_size=32, epochs=12, verbose=0).history["loss"]


@pytest.mark.few(1)
@every_policy
def test_fit_ends_where_float32_does(policy):
    exact, found = losses_under("float32"), losses_under(policy)
    assert exact[-1] < 0.2 * exact[0]
    # float16 skips a few steps at the beginning, until the scale fits, and so lags a little behind.
    np.testing.assert_allclose(found[0], exact[0], rtol=0.1)
    np.testing.assert_allclose(found[-1], exact[-1], atol=0.05 * exact[0])


# loss scaling -----------------------------------------------------------------------------------------------------------


def test_mixed_float16_scales_the_loss_unless_told_not_to():
    assert isinstance(make("mixed_float16").optimizer, optimizers.LossScaleOptimizer)
    assert isinstance(make("mixed_float16", auto_scale_loss=False).optimizer, optimizers.SGD)
    assert isinstance(make("mixed_bfloat16").optimizer, optimizers.SGD)
    own = optimizers.LossScaleOptimizer(optimizers.Adam(), initial_scale=64.0)
    assert make("mixed_float16", own).optimizer is own
    assert make("mixed_float16", optax.sgd(0.1)).fit(X, Y, verbose=0).history["loss"]


def test_small_gradients_survive_scaling_and_vanish_without_it():
    x, y = np.full((4, 1), 1e-3, "float32"), np.zeros((4, 1), "float32")
    moved = {}
    for scaled in (True, False):
        with policy_of("mixed_float16"):
            model = jkeras.Sequential([layers.Input((1,)), layers.Dense(1, use_bias=False, kernel_initializer="ones")])
            model.compile(optimizers.SGD(1e4), "mse", auto_scale_loss=scaled)
        # The loss' gradient is 2 / 4 * 1e-5 in an output and 5e-9 in the weight, below float16's smallest number.
        model.set_weights([np.full((1, 1), 1e-2, "float32")])
        model.fit(x, y, batch_size=4, verbose=0)
        moved[scaled] = 1e-2 - float(model.get_weights()[0][0, 0])
    exact = 1e4 * 2 * 1e-2 * 1e-6
    np.testing.assert_allclose(moved[True], exact, rtol=0.01)
    assert abs(moved[False] - exact) > 0.2 * exact


GRADIENTS = [1.0, 2.0, np.inf, 3.0, -1.0, 0.5, np.nan, 1.0, 1.0, 1.0, 1.0, -np.inf, 2.0]
INNER = {
    "sgd": lambda lib: lib.optimizers.SGD(0.1, momentum=0.9, clipnorm=1.5),
    "adam": lambda lib: lib.optimizers.Adam(0.1, weight_decay=0.01),
    "factor": lambda lib: lib.optimizers.SGD(0.1, loss_scale_factor=8.0),
}


@pytest.mark.parametrize("inner", INNER)
def test_scale_counter_and_weights_follow_keras_through_overflows(inner):
    """Halved and left out where a gradient is not finite, doubled after three good steps in a row."""
    start = np.array([1.0, -2.0], "float32")
    ours = optimizers.LossScaleOptimizer(INNER[inner](jkeras), initial_scale=16.0, dynamic_growth_steps=3)
    theirs = keras.optimizers.LossScaleOptimizer(INNER[inner](keras), initial_scale=16.0, dynamic_growth_steps=3)
    v, params = keras.Variable(start), {"w": jnp.asarray(start)}
    theirs.build([v])
    held, variables = jnp.asarray(start), [jnp.asarray(u.value) for u in theirs.variables]
    place = {name: [u.name for u in theirs.variables].index(name) for name in ("dynamic_scale", "step_counter")}
    step = jax.jit(lambda variables, g, held: theirs.stateless_apply(variables, [g], [held]))  # Keras' `apply` fails on JAX
    state, update = ours.init(params), jax.jit(ours.update)
    scales = []
    for g in GRADIENTS:
        scales.append(float(ours.loss_scale(state)))
        gradient = jnp.array([g, 1.0], "float32") * scales[-1]
        (held,), variables = step(variables, gradient, held)
        params, state = update({"w": gradient}, state, params)
        np.testing.assert_allclose(params["w"], held, rtol=1e-6)
        assert float(ours.loss_scale(state)) == float(variables[place["dynamic_scale"]])
        assert int(state.slots.good_steps) == int(variables[place["step_counter"]])
    assert int(state.iterations) == sum(map(np.isfinite, GRADIENTS))
    assert scales[:7] == [16, 16, 16, 8, 8, 8, 16]


def test_fit_lowers_the_scale_until_gradients_are_finite_and_changes_nothing_before():
    model = make("mixed_float16", optimizers.LossScaleOptimizer(optimizers.SGD(0.01), initial_scale=2.0**40))
    model.build((None, 8, 8, 2))
    before = model.trainable_weights[0].numpy()
    model.fit(X, Y, batch_size=32, epochs=1, verbose=0)
    assert float(model.optimizer.state.slots.scale) == 2.0**37 and int(model.optimizer.iterations) == 0
    np.testing.assert_array_equal(model.trainable_weights[0].numpy(), before)
    model.fit(X, Y, batch_size=32, epochs=12, verbose=0)
    assert float(model.optimizer.state.slots.scale) < 2.0**30 and int(model.optimizer.iterations) > 0
    assert np.isfinite(model.trainable_weights[0].numpy()).all()
    assert not np.array_equal(model.trainable_weights[0].numpy(), before)


def test_a_loop_of_ones_own_scales_with_scale_loss():
    ours = optimizers.LossScaleOptimizer(optimizers.SGD(1.0), initial_scale=4.0)
    v = jkeras.Variable(1.0, name="v")
    assert float(ours.scale_loss(jnp.asarray(2.0))) == 8.0
    ours.build([v])
    ours.apply([jax.grad(lambda w: ours.scale_loss(w * 0.5))(v.value)])
    assert float(v.value) == 0.5
    ours.apply([jnp.asarray(jnp.inf)])
    assert float(ours.scale_loss(1.0)) == 2.0 and float(v.value) == 0.5
    ours.learning_rate = 0.25
    assert float(ours.learning_rate) == 0.25


def test_configs_of_older_keras_are_read_and_what_belongs_inside_is_refused():
    given = keras.optimizers.LossScaleOptimizer(
        keras.optimizers.Adam(0.5), initial_scale=8.0, dynamic_growth_steps=7
    ).get_config()
    read = optimizers.LossScaleOptimizer.from_config({**given, "weight_decay": None, "use_ema": False})
    assert (read.initial_scale, read.dynamic_growth_steps, type(read.inner_optimizer)) == (8.0, 7, optimizers.Adam)
    assert float(read.learning_rate) == 0.5
    for wrong in ({"clipnorm": 1.0}, {"dynamic": False}, {"scale": 1.0}):
        with pytest.raises(ValueError, match="LossScaleOptimizer"):
            optimizers.LossScaleOptimizer("sgd", **wrong)

"""The bridge: users' Keras-style layers, eager, under jit and scan; their losses, switches, and cost."""

import sys

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import jkeras
from jkeras import layers


def normal(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


class Researcher(layers.Layer):
    """Raw jax.numpy on weights, one of them never assigned, one a running sum."""

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], 4), name="kernel")
        self.offset = self.add_weight(shape=(4,), initializer="ones", trainable=False)
        self.total = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x):
        self.total.assign_add(jnp.sum(x))
        return jnp.add(jnp.matmul(x, self.kernel), jnp.sin(self.offset))


# calls ----------------------------------------------------------------------------------------------------------------


def test_raw_jnp_and_assign_work_eagerly():
    layer, x = Researcher(), normal(3, 5)
    y = layer(x)
    np.testing.assert_allclose(y, x @ np.asarray(layer.kernel) + np.sin(1), atol=1e-6)
    layer(x)
    np.testing.assert_allclose(float(layer.total), 2 * x.sum(), rtol=1e-5)
    assert isinstance(layer.kernel, jkeras.Variable) and layer.offset.name == "offset"


def test_raw_jnp_and_assign_work_under_jit_and_scan():
    layer, x = Researcher(), normal(3, 5)
    params, state = layer.init(jax.random.key(0), x)
    assert set(params) == {"kernel"} and set(state) == {"offset", "total"}
    y, after = jax.jit(layer.apply)(params, state, x)
    np.testing.assert_allclose(y, x @ params["kernel"] + jnp.sin(1), atol=1e-6)
    np.testing.assert_allclose(after["total"], x.sum(), rtol=1e-5)
    last, _ = jax.lax.scan(lambda s, x: layer.apply(params, s, x)[::-1], state, jnp.stack([x] * 4))
    np.testing.assert_allclose(last["total"], 4 * x.sum(), rtol=1e-5)
    assert float(layer.total) == 0  # the pure face does not change the variables


def test_add_weight_takes_all_arguments():
    class Own(layers.Layer):
        def build(self, input_shape):
            self.a = self.add_weight((2, 3), "ones", "float16", False, False, "l2", "non_neg", "mean", name="first")
            self.b = self.add_weight()
            self.c = self.add_weight(shape=(2,), dtype="int32")
            self.d = self.add_weight(shape=2, initializer=lambda shape, dtype: jnp.full(shape, 7, dtype))

        def call(self, x):
            return x

    layer = Own()
    layer.build((None, 3))
    assert (layer.a.name, layer.a.dtype, layer.a.trainable, layer.a.autocast, layer.a.aggregation) == (
        "first", "float16", False, False, "mean",
    )  # fmt: skip
    assert isinstance(layer.a.regularizer, jkeras.regularizers.L2)
    assert isinstance(layer.a.constraint, jkeras.constraints.NonNeg)
    assert layer.b.shape == () and layer.b.name == "b" and layer.c.value.tolist() == [0, 0] and layer.d.value.tolist() == [7, 7]
    assert [w.name for w in layer.weights] == ["b", "c", "d", "first"]


# wrong programs -------------------------------------------------------------------------------------------------------


class Plain(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.total = self.add_weight(shape=(), initializer="zeros", trainable=False)


class AssignsInScan(Plain):
    def call(self, x):
        jax.lax.scan(lambda c, v: (c, self.total.assign_add(v)), 0, x[:, 0])
        return x


class Assigns(Plain):
    def call(self, x):
        self.total.assign_add(jnp.sum(x))
        return x


class WeightInCall(layers.Layer):
    def call(self, x):
        return x * self.add_weight(shape=(3,), name="late")


class NoSuper(layers.Layer):
    def __init__(self):
        self.total = self.add_weight(shape=())


class NoSuperDense(layers.Layer):
    def __init__(self):
        self.inner = layers.Dense(1)

    def call(self, x):
        return self.inner(x)


def _apply(layer, x):
    return jax.jit(layer.apply)(*layer.init(jax.random.key(0), x), x)


@pytest.mark.parametrize(
    ("program", "error", "shown"),
    (
        (lambda x: _apply(AssignsInScan(), x), ValueError, "self.total.assign(total)"),
        (lambda x: jax.jit(Assigns().__call__)(x), ValueError, "jax.jit(layer.apply)(params, state, x)"),
        (lambda x: WeightInCall()(x), RuntimeError, "def build(self, input_shape):"),
        (lambda x: NoSuper()(x), RuntimeError, "super().__init__()"),
        (lambda x: NoSuperDense()(x), (RuntimeError, AttributeError), "super().__init__()"),
        (lambda x: layers.Layer()(x), NotImplementedError, "def call(self, x)"),
        (lambda x: layers.Dense(2).apply({}, {}, x), KeyError, "params, state = model.init(key, x)"),
        (lambda x: layers.Dense(2).count_params(), ValueError, "layer.build(input_shape)"),
        (lambda x: layers.Dense(2).stateless_call([], [], x), ValueError, "layer.build(input_shape)"),
        (lambda x: layers.Dense(2, init="uniform"), TypeError, "'init' is called 'kernel_initializer'"),
        (lambda x: layers.Conv2D(2, 3, border_mode="same"), TypeError, "'border_mode' is called 'padding'"),
        (lambda x: layers.Layer().add_weight("w", (2,), shape=(2,)), TypeError, "each once"),
    ),
    ids=(
        "assign in scan",
        "leak",
        "add_weight in call",
        "no super",
        "no super, layer",
        "no call",
        "no params",
        "not built",
        "stateless",
        "init",
        "border_mode",
        "shape twice",
    ),
)
def test_wrong_programs_show_the_right_one(program, error, shown):
    with pytest.raises(error) as caught:
        program(normal(2, 3))
    assert shown in str(caught.value) + "".join(getattr(caught.value, "__notes__", ()))


@pytest.mark.parametrize(
    ("args", "kwargs"),
    [
        (("scale", (2, 3)), {"initializer": "ones"}),
        (("scale",), {"shape": [2, 3], "initializer": "ones"}),
        (("scale", (2, 3), "float32", "ones"), {}),
    ],
)
def test_the_name_of_a_weight_may_stand_first_as_in_keras_2(args, kwargs):
    variable = layers.Layer().add_weight(*args, **kwargs)
    assert (variable.name, variable.shape, variable.trainable) == ("scale", (2, 3), True) and float(variable.value.sum()) == 6
    metric = jkeras.metrics.Metric().add_weight("total", initializer="ones")
    assert (metric.name, metric.shape, float(metric.value)) == ("total", (), 1.0)


# nesting --------------------------------------------------------------------------------------------------------------


class Nest(layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.stack = [layers.Dense(3), [layers.Dense(3)]]
        self.named = {"norm": layers.BatchNormalization(), "drop": layers.Dropout(0.5)}
        self.last = layers.Dense(2)

    def call(self, x):
        x = self.stack[1][0](self.stack[0](x))
        return self.last(self.named["drop"](self.named["norm"](x)))


def test_layers_in_lists_dicts_and_attributes_are_found_in_order():
    layer, x = Nest(), normal(4, 3)
    layer(x)
    assert [w.name for w in layer.trainable_weights] == ["kernel", "bias"] * 2 + ["gamma", "beta"] + ["kernel", "bias"]
    assert [w.name for w in layer.non_trainable_weights] == ["moving_mean", "moving_variance"]
    layer.stack.append(layers.Dense(1))
    layer.stack[-1].build((None, 2))
    assert len(layer.weights) == 12


def test_training_reaches_nested_layers():
    layer, x = Nest(), normal(64, 3)
    params, state = layer.init(jax.random.key(0), x)
    calm, same = layer.apply(params, state, x)
    noisy, moved = layer.apply(params, state, x, training=True, rng=jax.random.key(0))
    assert not np.allclose(calm, noisy)
    assert jax.tree.all(jax.tree.map(lambda a, b: bool((a == b).all()), state, same))
    assert not jax.tree.all(jax.tree.map(lambda a, b: bool(jnp.allclose(a, b)), state, moved))


def test_an_explicit_training_argument_wins():
    class Calm(layers.Layer):
        def __init__(self):
            super().__init__()
            self.drop = layers.Dropout(0.5)

        def call(self, x, training=None):
            return self.drop(x, training=False) + (0.0 if training else 1.0)

    np.testing.assert_array_equal(Calm()(jnp.ones((2, 3)), training=True), np.ones((2, 3)))


def test_masks_travel_to_the_layer_that_asks():
    class CountsSteps(layers.Layer):
        def call(self, x, mask=None):
            return jnp.sum(jnp.ones(x.shape[:2], bool) if mask is None else mask, axis=1)

    class Whole(layers.Layer):
        def __init__(self):
            super().__init__()
            self.parts = [layers.Embedding(5, 3, mask_zero=True), layers.Dense(2), layers.Dropout(0.1), CountsSteps()]

        def call(self, x):
            for part in self.parts:
                x = part(x)
            return x

    x, whole = np.array([[1, 2, 0], [3, 0, 0]]), Whole()
    assert whole(x).tolist() == [2, 1]
    assert jax.jit(whole.apply)(*whole.init(jax.random.key(0), x), x)[0].tolist() == [2, 1]
    assert jkeras.Sequential(whole.parts)(x).tolist() == [2, 1]


# losses ---------------------------------------------------------------------------------------------------------------


def _with_losses(k):
    class Penalty(k.layers.Layer):
        def call(self, x):
            self.add_loss(0.1 * (x * x).sum())
            return x

    parts = [
        k.layers.Input((4,)),
        k.layers.Dense(3, kernel_regularizer="l2", bias_regularizer="l1", activity_regularizer="l1"),
        Penalty(),
        k.layers.Dense(2, kernel_regularizer=k.regularizers.L1L2(0.02, 0.03)),
    ]
    return k.Sequential(parts)


def test_losses_equal_keras():
    ours, theirs, x = _with_losses(jkeras), _with_losses(keras), normal(6, 4)
    theirs.set_weights([w + 0.1 for w in theirs.get_weights()])
    ours.set_weights(theirs.get_weights())
    ours(x), theirs(x)
    assert len(ours.losses) == len(theirs.losses) == 5
    np.testing.assert_allclose(sorted(map(float, ours.losses)), sorted(map(float, theirs.losses)), rtol=1e-6)
    params, state = ours.init(jax.random.key(0))
    params = {layer.name: {w.name: w.value for w in layer.weights} for layer in ours.layers if layer.weights}
    _, _, total = jax.jit(ours.apply_with_losses)(params, state, x)
    np.testing.assert_allclose(total, sum(map(float, theirs.losses)), rtol=1e-6)


# switches -------------------------------------------------------------------------------------------------------------


def _stack(k):
    inner = k.Sequential([k.layers.Input((3,)), k.layers.Dense(3), k.layers.BatchNormalization()])
    return k.Sequential([k.layers.Input((4,)), k.layers.Dense(3), inner, k.layers.Dense(2)])


SWITCHES = {
    "all": lambda m: None,
    "one layer": lambda m: setattr(m.layers[0], "trainable", False),
    "inner model": lambda m: setattr(m.layers[1], "trainable", False),
    "model": lambda m: setattr(m, "trainable", False),
    "model, then one layer back": lambda m: (setattr(m, "trainable", False), setattr(m.layers[0], "trainable", True)),
    "off and on": lambda m: (setattr(m, "trainable", False), setattr(m, "trainable", True)),
    "inner layer": lambda m: setattr(m.layers[1].layers[1], "trainable", False),
}


@pytest.mark.parametrize("switch", SWITCHES)
def test_trainable_counts_equal_keras(switch):
    ours, theirs = _stack(jkeras), _stack(keras)
    for model in (ours, theirs):
        SWITCHES[switch](model)
    for kind in ("weights", "trainable_weights", "non_trainable_weights"):
        assert [w.name for w in getattr(ours, kind)] == [w.name for w in getattr(theirs, kind)]
    assert ours.count_params() == theirs.count_params()


def test_a_frozen_layer_is_state_and_gets_no_gradient():
    model = _stack(jkeras)
    model.layers[0].trainable = False
    params, state = model.init(jax.random.key(0))
    assert model.layers[0].name in state and model.layers[0].name not in params


def test_frozen_batch_normalization_is_inference():
    layer, x = layers.BatchNormalization(), normal(8, 3) * 3 + 1
    layer(x)
    expected = layer(x, training=False)
    layer.trainable = False
    np.testing.assert_array_equal(layer(x, training=True), expected)
    assert layer.moving_mean.value.tolist() == [0, 0, 0]


def test_freezing_after_compile_takes_effect_in_fit():
    model = _stack(jkeras)
    model.compile("sgd", "mse")
    model.layers[0].trainable = False
    before = model.get_weights()
    model.fit(normal(8, 4), normal(8, 2), verbose=0)
    same = [np.array_equal(a, b) for a, b in zip(before, model.get_weights())]
    assert same[:2] == [True, True] and not any(same[-2:])


# Keras' face ----------------------------------------------------------------------------------------------------------


def test_weights_can_be_read_and_set():
    model, other = _stack(jkeras), _stack(jkeras)
    other.set_weights(model.get_weights())
    x = normal(2, 4)
    np.testing.assert_array_equal(model(x), other(x))
    model.get_weights()[0][:] = 7  # a copy
    np.testing.assert_array_equal(model(x), other(x))
    with pytest.raises(ValueError, match="received 1 arrays"):
        model.set_weights([np.zeros((4, 3))])
    with pytest.raises(ValueError, match="has shape"):
        model.layers[0].set_weights([np.zeros((3, 4)), np.zeros(3)])
    assert model.get_layer(index=0) is model.layers[0] and model.get_layer(model.layers[0].name) is model.layers[0]
    with pytest.raises(ValueError, match=model.layers[-1].name):
        model.get_layer(model.layers[-1].name + "x")


def test_a_shared_layer_has_one_set_of_weights():
    x = layers.Input((3,))
    shared = layers.Dense(3)
    model = jkeras.Model(x, shared(shared(x)))
    assert model.count_params() == 12 and len(model.weights) == 2
    features = jkeras.Model(model.input, shared(model.input))
    assert features.weights[0] is model.weights[0]


# what it costs --------------------------------------------------------------------------------------------------------


def test_one_eager_dense_takes_few_python_calls(monkeypatch):
    monkeypatch.delitem(sys.modules, "jax.experimental.sparse", raising=False)  # else layers look for its arrays
    layer, x = layers.Dense(3), jnp.ones((2, 4))
    layer(x), layer(x)
    calls = []
    sys.setprofile(lambda frame, event, _: calls.append(frame.f_code) if event == "call" else None)
    try:
        layer(x)
    finally:
        sys.setprofile(None)
    assert 0 < len(calls) <= 25, [f"{c.co_filename}:{c.co_name}" for c in calls]


class MaskedMean(layers.Layer):
    """Uses its mask without asking whether there is one."""

    def call(self, x, mask=None):
        weight = mask[..., None].astype(x.dtype)
        return jnp.sum(x * weight, axis=1) / jnp.sum(weight, axis=1)


def test_a_mask_reaches_a_layer_behind_others_when_the_model_is_built_and_when_it_runs():
    x = np.array([[1, 2, 0, 0], [3, 4, 5, 0]])
    model = jkeras.Sequential([layers.Embedding(10, 4, mask_zero=True), layers.Dropout(0.5), layers.Dense(3), MaskedMean()])
    model.build((None, None))
    every_row = np.asarray(jkeras.Model(model.input, model.layers[2].output)(x))
    expected = [every_row[0, :2].mean(axis=0), every_row[1, :3].mean(axis=0)]
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=1e-5)


def test_a_loop_of_ones_own_puts_its_weights_back_into_the_model():
    model = jkeras.Sequential([layers.Dense(3), layers.BatchNormalization()])
    x = np.ones((2, 4), np.float32)
    params, state = model.init(jax.random.key(0), x)
    model.set_params_and_state(params, state)
    np.testing.assert_allclose(model.predict(x, verbose=0), model.apply(params, state, x)[0], rtol=1e-6)
    again = model.params_and_state()
    jax.tree.map(np.testing.assert_array_equal, again, (params, state))
    with pytest.raises(KeyError, match="moving_mean"):
        model.set_params_and_state(params, {})


def test_compute_loss_may_take_targets_that_match_no_output():
    class MeanAndSpread(jkeras.Model):
        def __init__(self):
            super().__init__()
            self.mean, self.spread = layers.Dense(1), layers.Dense(1)

        def call(self, x):
            return {"mean": self.mean(x), "spread": self.spread(x)}

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return jnp.mean(jnp.square(y - y_pred["mean"]) + jnp.square(y_pred["spread"]))

    model = MeanAndSpread()
    model.compile("sgd")
    history = model.fit(np.ones((8, 3)), np.ones((8, 1)), epochs=3, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]

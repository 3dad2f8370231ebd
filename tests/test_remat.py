"""Rematerialization: the same numbers, less memory, the modes of Keras' `RematScope`, no cost without it."""

import copy

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.layer.intercept import intercepted
from jkeras.layer.remat import RematScope, remat

X = np.random.default_rng(0).normal(size=(8, 16)).astype("float32")


class Noisy(layers.Layer):
    """Raw weights, a child with state, a draw, an added loss and a counter: all that a call may do."""

    def __init__(self):
        super().__init__()
        self.norm, self.drop = layers.BatchNormalization(), layers.Dropout(0.4)

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", regularizer="l2")
        self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x, training=None):
        self.calls.assign_add(1.0)
        y = self.drop(self.norm(x, training=training), training=training)
        self.add_loss(jnp.mean(y**2))
        return jnp.multiply(y, self.scale)


def stack():
    return [
        layers.Dense(32, activation="gelu", kernel_regularizer="l2", name="first"),
        layers.BatchNormalization(),
        layers.Dropout(0.3),
        Noisy(),
        layers.Dense(32, activation="tanh", activity_regularizer="l1", name="second"),
        layers.Dropout(0.3),
        layers.Dense(1),
    ]


def make(scope=None, whole=False):
    jkeras.utils.clear_session()
    with scope or RematScope(None):
        model = jkeras.Sequential([layers.Input((16,)), *stack()])
    if whole:
        model.remat = True
    return model


def objective(model, x=X):
    params, state = model.init(jax.random.key(0), x)

    def loss(params):
        y, after, added = model.apply_with_losses(params, state, x, training=True, rng=jax.random.key(1))
        return jnp.sum(y**2) + added, (y, jax.tree.leaves(after))

    return loss, params


def remats(model, x=X):
    loss, params = objective(model, x)
    return str(jax.make_jaxpr(loss)(params)).count("remat2[")


SCOPES = {
    "full": (lambda: RematScope(), False),
    "activations": (lambda: RematScope("activations"), False),
    "larger_than": (lambda: RematScope("larger_than", output_size_threshold=100), False),
    "list": (lambda: RematScope("list_of_layers", layer_names=["first"]), False),
    "policy": (lambda: RematScope("full", policy="dots_saveable"), False),
    "whole model": (lambda: None, True),
    "both": (lambda: RematScope(), True),
}


@pytest.mark.few(4)
@pytest.mark.parametrize("which", SCOPES)
def test_values_gradients_draws_losses_and_updates_are_the_same(which):
    scope, whole = SCOPES[which]
    plain, ours = make(), make(scope(), whole)
    assert remats(plain) == 0 < remats(ours)
    expected, found = (jax.jit(jax.value_and_grad(loss, has_aux=True))(params) for loss, params in map(objective, (plain, ours)))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6), expected[0], found[0])
    for a, b in zip(jax.tree.leaves(expected[1]), jax.tree.leaves(found[1]), strict=True):
        # Entries much smaller than others, like those of a bias before a batch normalization, are differences of large terms, and
        # recomputed values are rounded differently where XLA fuses them differently.
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=max(2e-6, 4e-6 * np.abs(a).max(initial=0)))


def test_the_modes_choose_the_layers_that_they_name():
    counts = {which: remats(make(SCOPES[which][0](), SCOPES[which][1])) for which in SCOPES}
    # `full`: the seven layers, but within Noisy its two children; `larger_than` 100 of 8 x 32 leaves only the last layer out, and
    # takes Noisy with its children; the two Dense with an activation have activations that are not linear, and the last's is.
    assert counts == {
        "full": 8, "activations": 3, "larger_than": 8, "list": 1, "policy": 8, "whole model": 1, "both": 9,
    }  # fmt: skip


def peak(scope):
    x = jnp.ones((4096, 64))
    with scope:
        model = jkeras.Sequential([layers.Input((64,)), *(layers.Dense(64, activation="mish") for _ in range(24))])
    loss, params = objective(model, x)
    return jax.jit(jax.grad(loss, has_aux=True)).lower(params).compile().memory_analysis().temp_size_in_bytes


def test_a_deep_model_needs_less_memory():
    plain, full = peak(RematScope(None)), peak(RematScope())
    assert full < 0.75 * plain, (full, plain)


def test_a_policy_keeps_what_it_names():
    loss, params = objective(make(RematScope("full", policy="everything_saveable")))
    nothing, _ = objective(make(RematScope("full")))
    count = [str(jax.make_jaxpr(jax.grad(f, has_aux=True))(params)).count("dot_general[") for f in (loss, nothing)]
    assert count[0] < count[1]


def test_fit_is_the_same():
    histories = []
    for scope in (RematScope(None), RematScope()):
        jkeras.utils.set_random_seed(1)
        model = make(scope)
        model.compile("adam", "mse", metrics=["mae"])
        histories.append(model.fit(X, X[:, :1], batch_size=4, epochs=3, verbose=0).history)
        assert float(model.layers[3].calls) == 6
    for name, values in histories[0].items():
        np.testing.assert_allclose(values, histories[1][name], rtol=1e-5)


def test_masks_pass_through():
    x = np.array([[1, 2, 0, 0], [3, 4, 5, 0]])

    class Inner(layers.Layer):
        def __init__(self):
            super().__init__()
            self.embed = layers.Embedding(10, 4, mask_zero=True)

        def call(self, x):
            return self.embed(x)

    class Mean(layers.Layer):
        def call(self, x, mask=None):
            weight = mask[..., None].astype(x.dtype)
            return jnp.sum(x * weight, axis=1) / jnp.sum(weight, axis=1)

    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.parts = [Inner(), layers.Dropout(0.1), Mean()]

        def call(self, x):
            for part in self.parts:
                x = part(x)
            return x

    layer = Outer()
    layer(x)
    weights = layer.params_and_state()
    plain, _ = layer.apply(*weights, x)
    for part in layer.parts:
        part.remat = True
    assert str(jax.make_jaxpr(layer.apply)(*weights, x)).count("remat2[") == 3
    np.testing.assert_allclose(layer.apply(*weights, x)[0], plain, atol=1e-6)


def test_eager_calls_run_as_they_are():
    layer = Noisy()
    layer.remat = True
    jkeras.utils.set_random_seed(3)
    y = layer(X, training=True)
    assert float(layer.calls) == 1 and y.shape == X.shape and not np.allclose(layer.norm.moving_mean, 0)
    assert jnp.isfinite(jax.grad(lambda x: jnp.sum(layer(x)))(jnp.asarray(X))).all()


def test_the_attribute_can_be_set_taken_back_and_copied():
    layer = layers.Dense(2)
    layer.build((None, 3))
    for choice, mode in ((True, "full"), ("activations", "activations"), ("dots_saveable", "full"), (None, None), (False, None)):
        layer.remat = choice
        assert (layer.remat and layer.remat.mode) == mode
    layer.remat = True
    twin = copy.deepcopy(layer)
    twin.kernel.assign(jnp.ones((3, 2)))
    np.testing.assert_allclose(twin.apply(*twin.params_and_state(), jnp.ones((1, 3)))[0], [[3.0, 3.0]])
    assert "remat" not in str(layer.get_config())


def test_the_activation_of_your_own_layer_rematerializes_and_stays_what_was_set():
    kept = []

    class Wave(layers.Layer):
        def __init__(self):
            super().__init__()
            self.activation = jnp.sin

        def call(self, x):
            kept.append(vars(self)["activation"])
            return self.activation(x)

    layer = Wave()
    assert remats(layer) == 0
    layer.remat = "activations"
    assert remats(layer) == 1
    assert {jnp.sin} == {*kept} and layer.activation is jnp.sin
    del layer.activation
    with pytest.raises(AttributeError, match=r"'Wave' object 'wave.*' has no attribute 'activation'"):
        layer.activation  # noqa: B018


def test_remat_of_a_function_and_of_what_a_layer_uses():
    f = lambda x, power, *, scale: scale * jnp.sin(x) ** power  # noqa: E731
    ours, theirs = remat(f), keras.remat(lambda x: f(x, 2, scale=3.0))
    x = jnp.arange(3.0)
    np.testing.assert_allclose(
        jax.grad(lambda x: ours(x, 2, scale=3.0).sum())(x), jax.grad(lambda x: theirs(x).sum())(x), rtol=1e-6
    )
    assert "remat2[" in str(jax.make_jaxpr(lambda x: ours(x, 2, scale=3.0))(x))

    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Noisy()
            self.run = remat(self.inner)

        def call(self, x, training=None):
            return self.run(x, training=training)

    layer = Outer()
    assert remats(layer) == 1
    loss, params = objective(layer)
    _, after = jax.jit(loss)(params)
    assert 1.0 in [float(v) for v in after[1] if jnp.ndim(v) == 0]


def test_scopes_nest():
    with RematScope() as outer:
        with RematScope(None):
            a = layers.Dense(1)
        b = layers.Dense(1)
    assert a.remat is None and b.remat is outer and layers.Dense(1).remat is None


@pytest.mark.parametrize("arguments", [("ful",), ("full", 1, (), "dots_savable")])
def test_unknown_names(arguments):
    with pytest.raises(ValueError, match="Did you mean"):
        RematScope(*arguments)


def test_an_assignment_inside_a_further_transform_is_an_error():
    class Wrong(layers.Layer):
        def __init__(self):
            super().__init__()
            self.total = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, x):
            jax.lax.scan(lambda c, v: (c, remat(self.total.assign_add)(v)), 0, x[:, 0])
            return x

    layer = Wrong()
    layer.built = True
    with pytest.raises(ValueError, match="further JAX transform"):
        layer.apply({}, {"total": jnp.zeros(())}, X)


def test_looking_inside_leaves_rematerialization_on():
    with RematScope("full"):
        model = jkeras.Sequential([layers.Input((4,)), layers.Dense(3, name="a"), layers.Dense(2, name="b")])
    x = np.ones((2, 4), "float32")
    params, state = model.params_and_state()

    def program():
        return str(jax.make_jaxpr(jax.grad(lambda p: jnp.sum(model.apply(p, state, x, training=True)[0])))(params))

    before = program()
    assert "remat" in before or "checkpoint" in before
    found = model.activations(x)
    assert sorted(found) == ["a", "b"]
    assert program() == before and all(layer.remat is not None for layer in model.layers)


def test_an_interceptor_may_change_what_layers_give():
    def doubled(layer, maths, *args, **kwargs):
        y = maths(*args, **kwargs)
        return 2 * y if layer.name == "a" else y

    model = jkeras.Sequential([layers.Input((4,)), layers.Dense(3, name="a"), layers.ReLU()])
    x = np.random.default_rng(0).normal(size=(2, 4)).astype("float32")
    with intercepted(doubled):
        inside = model(x)
        compiled = jax.jit(lambda x: model.apply(*model.params_and_state(), x)[0])(x)
    np.testing.assert_allclose(inside, 2 * model(x), rtol=1e-6)
    np.testing.assert_allclose(compiled, inside, rtol=1e-6)
    assert model.layers[0].__dict__.keys().isdisjoint({"call", "forward"})

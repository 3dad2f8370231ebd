"""Calling and building layers in all the ways that Keras allows, inside and outside JAX's transforms."""

import copy

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import Model, Sequential, layers
from jkeras.layers import Dense, Layer

X = np.ones((4, 3), np.float32)
Y = np.ones((4, 1), np.float32)


@pytest.mark.parametrize(
    "transform, shape",
    [(jax.jit, (2, 3)), (jax.vmap, (2, 1, 3)), (lambda f: jax.grad(lambda x: f(x).sum()), (2, 3))],
    ids=["jit", "vmap", "grad"],
)
def test_a_transform_that_is_the_first_to_call_a_layer_leaves_it_whole(transform, shape):
    model = Sequential([Dense(1)])
    transform(model)(jnp.ones(shape))
    assert all(isinstance(w, np.ndarray) for w in model.get_weights())
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)


class SetInBuild(Layer):
    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], 2))
        self.kernel.assign(np.full((3, 2), 7.0))
        self.norm = float(np.linalg.norm(self.kernel.numpy()))

    def call(self, x):
        return x @ self.kernel


class Outer(Model):
    def __init__(self):
        super().__init__()
        self.first, self.second = SetInBuild(), Dense(2, weights=[np.full((2, 2), 3.0), np.zeros(2)])

    def call(self, x):
        return self.second(self.first(x))


@pytest.mark.parametrize("build", [lambda m: m(X), lambda m: m.build((None, 3)), lambda m: m.init(jax.random.key(0), X)])
def test_what_build_sets_stays_wherever_the_layer_sits(build):
    model = Outer()
    build(model)
    np.testing.assert_array_equal(model.get_weights()[0], 7.0)
    np.testing.assert_array_equal(model.get_weights()[1], 3.0)
    assert model.first.norm == pytest.approx(7 * 6**0.5)


class SuperBuild(Model):
    def build(self, input_shape):
        self.dense = Dense(2)
        super().build(input_shape)

    def call(self, x):
        return self.dense(x)


def test_an_overridden_build_may_call_the_default_one():
    model = SuperBuild()
    assert model(X).shape == (4, 2) and len(model.weights) == 2
    model = SuperBuild()
    model.build((None, 3))
    assert len(model.weights) == 2


class TwoInputs(Layer):
    def build(self, q_shape, k_shape):
        self.kernel = self.add_weight(shape=(q_shape[-1], k_shape[-1]), initializer="ones")

    def call(self, q, k, training=False, mask=None):
        y = jnp.matmul(q, self.kernel) + k
        return y * 2 if training else y


K = np.ones((4, 5), np.float32)


@pytest.mark.parametrize(
    "call, expected",
    [
        (lambda layer: layer(X, K), 4),
        (lambda layer: layer(X, k=K), 4),
        (lambda layer: layer(q=X, k=K), 4),
        (lambda layer: layer(X, K, True), 8),
        (lambda layer: layer(X, K, training=True), 8),
        (lambda layer: layer(X, K, False, None), 4),
    ],
)
def test_inputs_and_flags_go_by_position_or_by_name(call, expected):
    np.testing.assert_array_equal(call(TwoInputs()), np.full((4, 5), expected))


def test_library_layers_take_inputs_by_keras_name():
    assert Dense(2)(inputs=X).shape == (4, 2)


def test_a_seed_set_after_a_model_was_made_does_not_change_it():
    def first_weight(later):
        jkeras.utils.set_random_seed(0)
        model = Sequential([Dense(1, input_shape=(3,))])
        jkeras.utils.set_random_seed(later)
        return model.get_weights()[0]

    np.testing.assert_array_equal(first_weight(1), first_weight(2))


def test_a_generator_may_hold_weights_and_predict():
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("sgd", "mse", steps_per_execution=3)
    held = []

    def batches():
        while True:
            held.append(model.layers[0].kernel.value)
            model.predict(X, verbose=0)
            yield X, Y

    model.fit(batches(), steps_per_epoch=4, epochs=2, verbose=0)
    # The stream's thread runs ahead of the steps, so neighbours may see the same weights; all stay readable.
    assert len(held) == 8 and len({float(w[0, 0]) for w in held}) > 1


def test_a_callback_may_hold_the_variables_of_the_optimizer():
    model = Sequential([Dense(1, input_shape=(3,))])
    model.compile("adam", "mse")
    held = []

    def keep(batch, logs):
        variables = model.optimizer.variables
        held.append((variables, [variable.value for variable in variables]))

    model.fit(X, Y, epochs=3, verbose=0, callbacks=[jkeras.callbacks.LambdaCallback(on_train_batch_end=keep)])
    assert [int(values[0]) for _, values in held] == [1, 2, 3]
    assert all(np.isfinite(value).all() for _, values in held for value in values)
    assert [int(variables[0]) for variables, _ in held] == [3, 3, 3]  # as in Keras they are the variables themselves


class Saving(Layer):
    def call(self, x):
        self.saved = x
        return x


def test_a_value_kept_from_a_compiled_call_says_so_when_it_is_used():
    model = Sequential([Saving(input_shape=(3,)), Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    for use in (lambda v: v + 1, jnp.sum, np.asarray, lambda v: v.shape):
        with pytest.raises(ValueError, match=r"self\.saved .*compiled"):
            use(model.layers[0].saved)


def test_a_copied_model_computes_the_same_with_weights_of_its_own():
    x = jkeras.Input((3,))
    model = Model(x, Dense(2)(Dense(3)(x)))
    twin = copy.deepcopy(model)
    np.testing.assert_array_equal(twin.predict(X, verbose=0), model.predict(X, verbose=0))
    twin.set_weights([w * 0 for w in twin.get_weights()])
    assert np.abs(model.predict(X, verbose=0)).max() > 0


def test_losses_of_a_layer_inside_a_model_are_its_own():
    dense = Dense(2, kernel_regularizer="l2", activity_regularizer="l2")
    model = Sequential([dense, Dense(1, activity_regularizer="l2")])
    model(X)
    assert len(model.losses) == 3 and len(dense.losses) == 2


def test_a_stack_emptied_by_pop_takes_the_shape_of_its_next_layer():
    model = Sequential([Dense(2, input_shape=(3,))])
    model.pop()
    model.add(Dense(2, input_shape=(7,)))
    assert model.input_shape == (None, 7)


def test_a_dropout_that_drops_nothing_needs_no_key():
    y, _ = layers.Dropout(0.0).apply({}, {}, X, training=True)
    np.testing.assert_array_equal(y, X)


def test_weights_go_in_all_or_not_at_all():
    layer = Dense(2)
    layer.build((None, 3))
    before = layer.get_weights()
    with pytest.raises(ValueError, match="bias"):
        layer.set_params_and_state({"kernel": np.zeros((3, 2)), "bias": np.zeros(3)}, {})
    np.testing.assert_array_equal(layer.get_weights()[0], before[0])


@pytest.mark.parametrize(
    "params, words",
    [
        ({"kernel": np.ones((3, 5)), "bias": np.ones(2)}, ["kernel", "(3, 2)", "(3, 5)"]),
        ({"kernle": np.ones((3, 2)), "bias": np.ones(2)}, ["kernle", "kernel"]),
    ],
)
def test_apply_names_the_weight_that_does_not_fit(params, words):
    layer = Dense(2)
    layer.build((None, 3))
    with pytest.raises(ValueError) as caught:
        layer.apply(params, {}, X)
    assert all(word in str(caught.value) for word in words)

"""Weights that others compute: an array set as a weight, a kernel made anew at each call, a convolution of one's own."""

import copy

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras

X = np.random.default_rng(0).normal(size=(4, 6, 6, 2)).astype("float32")


def test_an_array_set_as_a_weight_becomes_its_value_also_where_programs_are_compiled():
    model = jkeras.Sequential([jkeras.Input((2,)), jkeras.layers.Dense(3, use_bias=False)])
    model.predict(X[0, 0], verbose=0)
    kernel = np.arange(6, dtype="float32").reshape(2, 3)
    model.layers[0].kernel = kernel
    np.testing.assert_array_equal(model.get_weights()[0], kernel)
    np.testing.assert_allclose(model.predict(X[0, 0], verbose=0), X[0, 0] @ kernel, rtol=1e-5)
    with pytest.raises(ValueError, match="shape"):
        model.layers[0].kernel = np.zeros((3, 3))


def weight_norm(k, multiply):
    class WeightNorm(k.layers.Wrapper):
        """A layer whose kernel has columns of learned lengths."""

        def build(self, shape):
            self.layer.build(shape)
            self.direction = self.layer.kernel
            self.length = self.add_weight(name="length", shape=(3,), initializer="ones")
            self.built = True

        def call(self, x):
            norm = multiply(self.direction, self.direction)
            self.layer.kernel = self.direction / norm * self.length
            return self.layer(x)

    return k.Sequential([k.layers.Input((2,)), WeightNorm(k.layers.Dense(3, kernel_initializer="ones"))])


def test_a_wrapper_may_compute_the_kernel_of_its_layer_at_each_call(tmp_path):
    tf, tf_keras = pytest.importorskip("tensorflow"), pytest.importorskip("tf_keras")

    def norm(a, b):
        return jnp.sqrt(jnp.sum(jnp.asarray(a) * jnp.asarray(b), 0))

    x, y = X[:, 0, 0], X[:, 0, 0] @ np.ones((2, 3), "float32")
    ours, theirs = weight_norm(jkeras, norm), weight_norm(tf_keras, lambda a, b: tf.sqrt(tf.reduce_sum(a * b, 0)))
    for model in (ours, theirs):
        model.compile("sgd", "mse")
        model.fit(x, y, epochs=3, batch_size=4, verbose=0)
    expected = {w.name.split("/")[-1].split(":")[0]: w.numpy() for w in theirs.weights}
    for weight in ours.weights:
        np.testing.assert_allclose(weight.value, expected[weight.name], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-4)
    ours.save_weights(tmp_path / "model.weights.h5")
    ours.load_weights(tmp_path / "model.weights.h5")


def standardized(k, call):
    class Standardized(k.layers.Conv2D):
        def convolution_op(self, inputs, kernel):
            return super().convolution_op(inputs, kernel * 2.0)

    class Called(k.layers.Conv2D):
        def call(self, inputs):
            return self.convolution_op(inputs, self.kernel * 2.0)

    return (Called if call else Standardized)(4, 3, strides=2, padding="same", groups=2, activation="relu")


@pytest.mark.parametrize("call", [False, True])
def test_a_subclass_may_override_or_call_the_convolution(call):
    tf_keras = pytest.importorskip("tf_keras")
    ours, theirs = standardized(jkeras, call), standardized(tf_keras, call)
    for layer in (ours, theirs):
        layer.build((None, 6, 6, 2))
        layer.set_weights([np.linspace(-1, 1, 36).reshape(3, 3, 1, 4).astype("float32"), np.arange(4, dtype="float32")])
    np.testing.assert_allclose(ours(X), theirs(X), rtol=1e-4, atol=1e-5)


def test_bias_of_an_overridden_convolution_goes_to_the_channels_where_they_come_first():
    class Same(jkeras.layers.Conv2D):
        def convolution_op(self, inputs, kernel):
            return super().convolution_op(inputs, kernel)

    plain, own = (kind(4, 3, data_format="channels_first", bias_initializer="normal") for kind in (jkeras.layers.Conv2D, Same))
    for layer in (plain, own):
        layer.build((None, 2, 6, 6))
    own.set_weights(plain.get_weights())
    np.testing.assert_allclose(own(X.transpose(0, 3, 1, 2)), plain(X.transpose(0, 3, 1, 2)), rtol=1e-5, atol=1e-6)


def test_a_network_may_make_all_weights_of_another_that_never_built_its_own():
    inner, network = jkeras.layers.Dense(2), jkeras.Sequential()
    inner.built = True
    network.add(inner)  # it builds its graph at the first call, which is within the differentiated code
    outer = jkeras.layers.Dense(8)
    outer.build((None, 3))

    def loss(params):
        made = outer.apply(params, {}, jnp.ones((1, 3)))[0][0]
        inner.kernel, inner.bias = made[:6].reshape(3, 2), made[6:]
        return network(jnp.ones((1, 3))).sum()

    params, _ = outer.params_and_state()
    gradient = jax.grad(loss)(params)
    np.testing.assert_allclose(gradient["bias"], np.ones(8))
    with pytest.raises(AttributeError, match="no weight 'kernel'"):
        other = jkeras.layers.Dense(2)
        other.built = True
        other(X[0, 0])


def masked(k):
    class Masked(k.layers.Layer):
        """A layer that keeps a part of another's kernel at zero, as in a PixelCNN."""

        def __init__(self):
            super().__init__()
            self.dense = k.layers.Dense(3, kernel_initializer="ones")

        def build(self, shape):
            self.dense.build(shape)
            self.mask = np.array([[1, 0, 2], [0, 1, 1]], "float32")
            self.built = True

        def call(self, x):
            self.dense.kernel.assign(self.dense.kernel * self.mask)
            return self.dense(x) ** 2

    model = k.Sequential([k.layers.Input((2,)), Masked()])
    model.compile(k.optimizers.Adam(0.1), "mse")
    return model


def test_a_layer_may_assign_a_trainable_weight_before_it_computes_with_it():
    tf_keras = pytest.importorskip("tf_keras")
    x, y = X[:, 0, 0], X[:, 1, 0] @ np.ones((2, 3), "float32")
    ours, theirs = masked(jkeras), masked(tf_keras)
    losses = [model.fit(x, y, epochs=4, batch_size=2, shuffle=False, verbose=0).history["loss"] for model in (ours, theirs)]
    np.testing.assert_allclose(*losses, rtol=1e-4)
    kernels = [model.get_weights()[0] for model in (ours, theirs)]
    np.testing.assert_allclose(*kernels, rtol=1e-4, atol=1e-5)
    with pytest.warns(UserWarning, match="is not kept"):
        predicted = ours.predict(x, verbose=0)
    np.testing.assert_allclose(predicted, theirs.predict(x, verbose=0), rtol=1e-4)


def test_a_step_keeps_such_a_value_where_it_calls_the_step_of_the_library():
    class Delegating(jkeras.Sequential):
        def train_step(self, state, batch):
            return super().train_step(state, batch)

    class Own(jkeras.Sequential):
        def train_step(self, state, batch):
            grads, outcome = jax.grad(self.objective, has_aux=True)(state.params, state.state, *batch, state.key)
            state = self.apply_gradients(state._replace(state=outcome.state), grads)
            return self.update_metrics(state, batch[1], outcome, batch[2])

    x, y, found = X[:, 0, 0], X[:, 1, 0] @ np.ones((2, 3), "float32"), []
    for cls in (jkeras.Sequential, Delegating):
        model = cls([jkeras.Input((2,)), *masked(jkeras).layers])
        model.compile("sgd", "mse")
        model.fit(x, y, shuffle=False, verbose=0)
        found.append(model.get_weights()[0])
    np.testing.assert_array_equal(*found)
    model = Own(masked(jkeras).layers)
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="the new value would be lost"):
        model.fit(x, y, verbose=0)


def test_arrays_of_weights_can_be_copied_in_a_forward():
    class Copying(jkeras.layers.Dense):
        def forward(self, w, x):
            for again in (copy.copy(w), copy.deepcopy(w)):
                assert vars(again).keys() == vars(w).keys() and again.kernel is not None
            scaled = copy.copy(w)
            scaled.kernel = w.kernel * 2
            return super().forward(scaled, x)

    layer = Copying(2, kernel_initializer="ones")
    np.testing.assert_array_equal(layer(np.ones((1, 3), "float32")), [[6, 6]])
    weights = type(layer._read_weights())
    blank = weights.__new__(weights)
    assert not hasattr(blank, "kernel")

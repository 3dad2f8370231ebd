"""What a `tf.function` computes as a graph of operations, and gradients by rules that a package puts in TensorFlow's registry."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from documents import compat_in

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")


@pytest.fixture(scope="module")
def tf(tmp_path_factory):
    with compat_in(tmp_path_factory.mktemp("tf")):
        import tensorflow

        yield tensorflow


class Replaced:
    """Other rules for some types, as long as a block lasts."""

    def __init__(self, **rules):
        from tensorflow.python.framework import ops

        self.entries = {name: ops._gradient_registry._registry[name] for name in rules}
        self.rules = rules
        self.before = {name: entry["type"] for name, entry in self.entries.items()}

    def __enter__(self):
        for name, entry in self.entries.items():
            entry["type"] = self.rules[name]
        return self

    def __exit__(self, *_):
        for name, entry in self.entries.items():
            entry["type"] = self.before[name]


def layers_of(tf, *layers):
    model = tf.keras.Sequential([tf.keras.layers.Input(X.shape[1:]), *layers])
    rng = np.random.default_rng(1)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    return model


def slope(tf, model, seen=None):
    @tf.function
    def run(x):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(x)
            y = model(x)[:, 0]
        if seen is not None:
            ops = [y.op]
            for op in ops:
                ops += [tensor.op for tensor in op.inputs if tensor.op not in ops]
            seen[:] = [op.type for op in ops]
            assert x.consumers() and x.name == x.consumers()[0].inputs[0].name
        return tape.gradient(y, x)

    return run(tf.constant(X))


def test_a_rule_replaces_that_of_one_type(tf):
    model = layers_of(tf, tf.keras.layers.Dense(2, activation="relu"), tf.keras.layers.Dense(1))
    kernel, bias, last, _ = model.get_weights()
    seen = []
    with Replaced(Relu=lambda op, grad: grad * tf.cast(op.inputs[0] < 0, "float32") * 10.0):
        found = slope(tf, model, seen)
    gates = 10.0 * (X @ kernel + bias < 0)
    np.testing.assert_allclose(found, (gates * last[:, 0]) @ kernel.T, rtol=1e-5)
    assert [kind for kind in seen if kind in ("Relu", "MatMul", "Placeholder")] == ["MatMul", "Relu", "MatMul", "Placeholder"]
    ordinary = slope(tf, model)
    np.testing.assert_allclose(ordinary, ((X @ kernel + bias > 0) * last[:, 0]) @ kernel.T, rtol=1e-5)
    with pytest.raises(AttributeError, match="no attribute op"):
        slope(tf, model, [])


def test_a_rule_may_call_the_one_it_replaces_and_ask_for_gradients_itself(tf):
    model = layers_of(tf, tf.keras.layers.Dense(4, activation="softmax"), tf.keras.layers.Dense(1))

    def softmax(op, grad):
        high = tf.exp(op.inputs[0])
        total = tf.reduce_sum(high, axis=-1, keepdims=True)
        share = high / total
        assert share.op.type == "RealDiv" and [t.op for t in share.op.inputs] == [high.op, total.op]
        return tf.gradients(share, op.inputs[0], grad_ys=grad)[0]

    with Replaced(Softmax=softmax, MatMul=lambda op, grad: doubled.before["MatMul"](op, 2.0 * grad)) as doubled:
        found = slope(tf, model)
    np.testing.assert_allclose(found, 4.0 * slope(tf, model), rtol=1e-4)


def test_loops_are_graphs_too(tf):
    model = tf.keras.Sequential([tf.keras.layers.Input((3, 1)), tf.keras.layers.LSTM(2)])
    types = []

    def tanh(op, grad):
        types.append(op.type)
        return grad * (1.0 - tf.square(op.outputs[0]))

    @tf.function
    def run(x):
        return tf.gradients(model(x)[:, 0], x)[0]

    x = tf.constant(X[:, :, None])
    plain = run(x)
    with Replaced(Tanh=tanh):
        np.testing.assert_allclose(run(x), plain, atol=1e-6)
    assert types and set(types) == {"Tanh"}


def test_tf_gradients(tf):
    w = tf.Variable([2.0, 3.0])

    @tf.function
    def slopes(x):
        y = tf.reduce_sum(w * x * x)
        return tf.gradients(y, [x, w]), tf.gradients(y, x, unconnected_gradients="zero"), tf.gradients(x, [w])

    (by_x, by_w), (again,), (none,) = slopes(tf.constant([1.0, 4.0]))
    assert by_x.tolist() == again.tolist() == [4, 24] and by_w.tolist() == [1, 16] and none is None
    with pytest.raises(RuntimeError, match=r"decorated with @tf.function"):
        tf.gradients(jnp.ones(()), jnp.ones(()))


@pytest.mark.few(1)
def test_what_platforms_compute_in_their_own_ways_is_in_graphs(tf):
    """Attention is traced for all platforms, of which the graph has the general one."""
    layer = tf.keras.layers.MultiHeadAttention(2, 3)
    x = tf.constant(np.random.default_rng(0).normal(size=(2, 4, 5)).astype("float32"))
    layer(x, x)
    found = tf.function(lambda x: tf.gradients(layer(x, x), x)[0])(x)
    np.testing.assert_allclose(found, jax.grad(lambda x: jnp.sum(layer(x, x)))(x), rtol=1e-4, atol=1e-5)

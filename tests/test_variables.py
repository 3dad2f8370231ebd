"""A Variable is a Variable everywhere, and works where arrays do: JAX functions, losses, regularizers, layers, graphs."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import jkeras
from jkeras import Model, Sequential, Variable, constraints, layers, losses, metrics, ops, regularizers

X = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
SQUARE = np.random.default_rng(1).normal(size=(3, 3)).astype("float32")

USES = {
    "jnp": lambda x, k: jnp.matmul(x, k),
    "jnp list": lambda x, k: jnp.concatenate([x @ k, jnp.stack([k, k])[0]]),
    "nn": lambda x, k: jax.nn.softmax(k, axis=-1) @ jax.nn.relu(k),
    "linalg": lambda x, k: x * jnp.linalg.norm(k),
    "einsum": lambda x, k: jnp.einsum("bi,ij->bj", x, k),
    "method": lambda x, k: x @ k.T.reshape(3, 3).at[0].set(1.0),
    "jit": lambda x, k: jax.jit(jnp.dot)(x, k),
    "vmap": lambda x, k: jax.vmap(lambda row: x @ row)(k),
    "grad": lambda x, k: x @ jax.grad(lambda w: jnp.sum(w**3))(k),
    "stop_gradient": lambda x, k: x @ jax.lax.stop_gradient(k),
    "scan": lambda x, k: jax.lax.scan(lambda c, row: (c * 0.5 + row, c), k, jnp.stack([x[:3], x[1:]]))[0],
    "cond": lambda x, k: jax.lax.cond(jnp.sum(x) > 0, lambda w: w * 2, lambda w: w, k),
    "checkpoint": lambda x, k: jax.checkpoint(lambda w: x @ w)(k),
    "ops": lambda x, k: ops.matmul(x, ops.transpose(k)),
    "numbers": lambda x, k: x @ ((2 * k - 1) ** 2 / (1 + abs(k))),
}


class Using(layers.Layer):
    """Gives what a function makes of its input and its weight."""

    def __init__(self, use, **kwargs):
        super().__init__(**kwargs)
        self.use = use

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(3, 3))
        self.listed = [self.add_weight(shape=(3, 3), initializer="zeros", name="listed")]

    def call(self, x):
        assert isinstance(self.kernel, Variable)
        return self.use(x, self.kernel) + self.use(x, self.listed[0])


@pytest.mark.parametrize("use", [pytest.param(use, id=name) for name, use in USES.items()])
def test_functions_of_jax_take_a_variable_as_its_array(use):
    layer = Using(use)
    layer.build((None, 3))
    layer.listed[0].assign(SQUARE)
    expected = use(jnp.asarray(X), layer.kernel.value) + use(jnp.asarray(X), jnp.asarray(SQUARE))
    params, state = layer.params_and_state()
    np.testing.assert_allclose(layer(X), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(jax.jit(layer.apply)(params, state, X)[0], expected, rtol=1e-5, atol=1e-6)


def test_gradients_reach_weights_through_functions_of_jax():
    layer = Using(USES["scan"])
    params, state = layer.init(jax.random.key(0), X)
    grads = jax.grad(lambda p: jnp.sum(layer.apply(p, state, X)[0] ** 2))(params)
    pure = jax.grad(lambda p: jnp.sum((USES["scan"](X, p["kernel"]) + USES["scan"](X, p["listed"])) ** 2))(params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5), grads, pure)


class Helped(layers.Layer):
    """Reads its weight in a method, and in one of a helper's."""

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(3, 2), name="kernel")
        self.seen = self.add_weight(shape=(), initializer="zeros", trainable=False, name="seen")

    def named(self):
        return self.kernel.name

    def call(self, x):
        seen = self.seen
        seen.assign_add(1)  # by a name other than the attribute's
        assert self.named() == "kernel" and self.kernel.path.endswith("/kernel")
        return jnp.matmul(x, self.kernel)


def test_methods_of_a_layer_see_the_variable():
    layer = Helped()
    np.testing.assert_allclose(layer(X), X @ layer.kernel.numpy(), rtol=1e-5)
    model = Sequential([layer])
    model.compile("sgd", "mse")
    model.fit(X, X[:, :2], verbose=0, epochs=3)
    assert float(layer.seen.value) == 4


class Reading(layers.Layer):
    def build(self, input_shape):
        self.read = self.add_weight(shape=(3,), initializer="ones")
        self.kept = self.add_weight(shape=(3,), initializer="ones", autocast=False)
        self.count = self.add_weight(shape=(), initializer="zeros", dtype="int32", trainable=False)

    def call(self, x):
        self.found = [str(v.dtype) for v in (self.read, self.kept, self.count, self.read.value, self.kept.value)]
        return x * jnp.exp(self.read)


class KerasReading(keras.layers.Layer):
    build = Reading.build.__wrapped__  # as it is written above

    def call(self, x):
        self.found = [str(v.dtype) for v in (self.read, self.kept, self.count, self.read.value, self.kept.value)]
        return x * keras.ops.exp(self.read)


@pytest.mark.parametrize("policy", ["float32", "mixed_bfloat16", "mixed_float16", "float16"])
def test_in_call_variables_have_the_dtype_that_they_have_in_keras(policy):
    ours, theirs = Reading(dtype=policy), KerasReading(dtype=policy)
    assert ours(X).dtype == str(theirs(X).dtype)
    assert ours.found == theirs.found
    assert (ours.read.dtype, ours.kept.dtype) == (theirs.read.dtype, theirs.kept.dtype)


class Summing(layers.Layer):
    def build(self, input_shape):
        self.total = self.add_weight(shape=(), initializer="zeros", trainable=False)
        self.mean = metrics.Mean(name="mean")

    def call(self, x):
        self.total.assign_add(jnp.sum(x))
        self.mean.update_state(x[:, 0])
        return x


def test_sums_in_half_precision_lose_nothing():
    layer = Summing(dtype="mixed_float16")
    for _ in range(3):
        layer(np.full((1, 3), 1000.5, "float32"))
    layer(np.full((1, 3), 0.5, "float32"))
    assert float(layer.total.value) == 3 * np.float16(3 * np.float16(1000.5)) + 1.5
    assert float(layer.mean.result()) == pytest.approx((3 * 1000.5 + 0.5) / 4, rel=1e-6)


def test_a_primitive_called_directly_says_what_to_write():
    class Direct(layers.Layer):
        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(3, 2))

        def call(self, x):
            return jax.lax.dot(x, self.kernel)

    with pytest.raises((TypeError, ValueError)) as caught:
        Direct()(X)
    assert any("self.<name>.array" in note for note in caught.value.__notes__)


class Asking(layers.Layer):
    """Has a `__getattr__` of its own, which forwards to another object."""

    def __getattr__(self, name):
        if name == "elsewhere":
            return 3
        return super().__getattr__(name)

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(3, 2))

    def call(self, x):
        return jnp.dot(x, self.kernel) * self.elsewhere


def test_a_class_with_getattr_keeps_its_weights():
    layer = Asking()
    np.testing.assert_allclose(layer(X), 3 * X @ layer.kernel.numpy(), rtol=1e-5)
    with pytest.raises(AttributeError, match="no attribute 'missing'"):
        _ = layer.missing
    del layer.kernel
    assert layer.weights == []


TAKERS = {
    "regularizer": lambda v: regularizers.OrthogonalRegularizer()(v),
    "l1l2": lambda v: regularizers.L1L2(0.1, 0.2)(v),
    "constraint": lambda v: constraints.MaxNorm(0.5)(v),
    "unit norm": lambda v: constraints.UnitNorm()(v),
    "loss": lambda v: losses.MeanSquaredError()(v, v + 1),
    "crossentropy": lambda v: losses.CategoricalCrossentropy(from_logits=True)(jax.nn.softmax(v), v),
    "loss function": lambda v: losses.huber(v * 2, v),
    "metric": lambda v: metrics.MeanAbsoluteError()(v * 0, v),
    "merge": lambda v: layers.Add()([v, v]),
    "dot": lambda v: layers.Dot(axes=1)([v, v]),
    "dense": lambda v: layers.Dense(2, kernel_initializer="ones")(v),
    "activation": lambda v: jkeras.activations.gelu(v),
    "op with lists": lambda v: ops.stack([v, v * 2]),
    "op with names": lambda v: ops.sum(x=v, axis=0),
}


@pytest.mark.parametrize("take", [pytest.param(take, id=name) for name, take in TAKERS.items()])
def test_what_takes_arrays_takes_variables(take):
    variable = Variable(SQUARE)
    np.testing.assert_allclose(take(variable), take(jnp.asarray(SQUARE)), rtol=1e-6)


def test_a_graph_reads_variables_when_it_runs():
    scale, shift = Variable(np.ones(3, "float32"), name="scale"), Variable(np.zeros(3, "float32"), name="shift")
    x = jkeras.Input((3,))
    model = Model(x, ops.add(x * scale, shift) + ops.where(x < 100, scale, 0.0))
    np.testing.assert_allclose(model.predict(X, verbose=0), X + 1, rtol=1e-6)
    scale.assign([2.0, 2.0, 2.0])
    shift.assign([1.0, 2.0, 3.0])
    np.testing.assert_allclose(model.predict(X, verbose=0), 2 * X + [1, 2, 3] + 2, rtol=1e-6)


def test_trees_of_variables_are_trees_of_arrays():
    tree = {"a": Variable([1.0, 2.0]), "b": [Variable(3.0)]}
    doubled = jax.tree.map(lambda a: 2 * a, tree)
    assert doubled["a"].tolist() == [2.0, 4.0] and float(doubled["b"][0]) == 6.0
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(tree))


class Special(Variable):
    """A class of a user's own."""


def test_classes_that_extend_variable_are_taken_too():
    assert jnp.sin(Special([0.0])).tolist() == [0.0]
    assert jax.jit(lambda v: v + 1)(Special([1.0])).tolist() == [2.0]


class Recomputed(layers.Layer):
    """Reads its weight in a function that is computed again for the gradient."""

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(3, 2))

    def call(self, x):
        return jkeras.remat(lambda x: jnp.matmul(x, self.kernel))(x)


def test_a_function_that_is_rematerialized_reads_in_the_compute_dtype_too():
    layer = Recomputed(dtype="mixed_bfloat16")
    params, state = layer.init(jax.random.key(0), X)
    assert layer.apply(params, state, X)[0].dtype == layer(X).dtype == "bfloat16"


def test_what_keras_says_of_replicas_and_places_is_taken():
    device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    for library in (keras, jkeras):
        variable = library.Variable("ones", (2,), None, True, True, None, "on_read", "kept")
        assert (variable.name, variable.aggregation, variable.synchronization) == ("kept", "none", "on_read")
        for wrong in ({"aggregation": "median"}, {"synchronization": "sometimes"}):
            with pytest.raises(ValueError, match=next(iter(wrong))):
                library.Variable(1.0, **wrong)
    assert Variable("zeros", (2,), layout=device).value.sharding == device
    with pytest.raises(TypeError, match="layout of a variable"):
        Variable(1.0, layout="rows")

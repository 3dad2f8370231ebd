"""Models and their arrays are freed once unreferenced: after building, after fit, evaluate and predict."""

import gc
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.layer.remat import RematScope

pytestmark = [pytest.mark.uncached, pytest.mark.usefixtures("quick_collector")]

X = np.random.default_rng(0).normal(size=(16, 6)).astype("float32")
Y = X[:, :1]


def sequential():
    return jkeras.Sequential([layers.Input((6,)), layers.Dense(4, activation="relu"), layers.Dropout(0.1), layers.Dense(1)])


def deferred():
    return jkeras.Sequential([layers.Dense(4), layers.BatchNormalization(), layers.Dense(1)])


def functional():
    x = layers.Input((6,))
    h = layers.Dense(4, kernel_regularizer="l2")(x)
    return jkeras.Model(x, layers.Dense(1)(layers.Concatenate()([h, x * 2.0])))


class Own(jkeras.Model):
    def __init__(self):
        super().__init__()
        self.hidden, self.out = (
            layers.Dense(4),
            layers.Dense(1, kernel_initializer=lambda shape, dtype=None: jnp.ones(shape, dtype)),
        )
        self.drop = layers.Dropout(0.2, seed=1)

    def call(self, x, training=False):
        self.add_loss(1e-3 * jnp.sum(x**2))
        return self.out(self.drop(self.hidden(x), training=training))


def rematerialized():
    with RematScope("full"):
        return sequential()


def built(model):
    model.build((None, 6))


def called(model):
    model(X), model(X, training=True)


def pure(model):
    params, state = model.init(jax.random.key(0), X)
    jax.jit(lambda p: model.apply(p, state, X, training=True, rng=jax.random.key(1))[0])(params)


def fitted(model):
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(X, Y, batch_size=8, epochs=2, validation_split=0.25, verbose=0)
    model.evaluate(X, Y, verbose=0)
    model.predict(X, verbose=0)


def fitted_half(model):
    model.compile(jkeras.optimizers.LossScaleOptimizer("sgd"), "mse")
    model.fit(X, Y, verbose=0)


def streamed(model):
    def batches():
        while True:
            yield X, Y

    model.compile("sgd", "mse")
    model.fit(batches(), steps_per_epoch=2, verbose=0)


CASES = [
    *((sequential, use) for use in (built, called, pure, fitted, fitted_half, streamed)),
    *((kind, fitted) for kind in (functional, Own)),
    *((kind, called) for kind in (deferred, functional, Own)),
    (rematerialized, pure),
]


@pytest.mark.few(4)
@pytest.mark.parametrize(("kind", "use"), CASES)
def test_nothing_of_a_model_stays(kind, use):
    model = kind()
    use(model)
    held = [weakref.ref(o) for o in (model, *model.layers, *model.weights, model.optimizer) if o is not None]
    del model
    gc.collect()
    assert not [ref() for ref in held if ref() is not None]


def test_arrays_do_not_pile_up():
    counts = []
    for _ in range(3):
        model = sequential()
        model.compile("adam", "mse", metrics=["mae"])
        model.fit(X, Y, verbose=0)
        del model
        gc.collect()
        counts.append(len(jax.live_arrays()))
    assert counts[0] == counts[1] == counts[2]


def test_a_layer_that_is_called_eagerly_goes_without_the_collector():
    gc.collect()
    gc.disable()
    try:
        layer = layers.Dense(3)
        layer(X)
        ref = weakref.ref(layer)
        del layer
        assert ref() is None
    finally:
        gc.enable()


def test_classes_of_ones_own_go_as_well():
    def use():
        class Local(layers.Layer):
            def build(self, shape):
                self.w = self.add_weight(shape=(shape[-1],))

            def call(self, x):
                return jnp.multiply(x, self.w)

        layer = Local()
        layer(X)
        return weakref.ref(Local)

    ref = use()
    gc.collect()
    assert ref() is None


def test_constants_are_not_mixed_up_when_their_memory_is_used_again():
    """Programs that draw first values are kept by description; a description must not name an array that is gone."""
    for value in range(20):
        box = jkeras.Variable(np.full((3,), value, "float32"))
        np.testing.assert_array_equal(box.value, np.full((3,), value))
        del box


def test_a_class_written_anew_is_not_taken_for_the_old_one():
    """As in a notebook, where a cell is edited and run again."""
    values = []
    for value in (1.0, 2.0):

        class Fill(jkeras.initializers.Initializer):
            def __init__(self, scale=1.0):
                self.scale = scale

            def __call__(self, shape, dtype=None, key=None, value=value):
                return jnp.full(shape, value * self.scale, dtype)

        values.append(float(jkeras.Variable(Fill(), shape=()).value))
    assert values == [1.0, 2.0]


def test_an_id_that_is_used_again_does_not_bring_back_a_registered_name():
    def make():
        return type("Thing", (), {"get_config": lambda self: {}})

    register, name_of = jkeras._base.registry.register_keras_serializable, jkeras._base.registry.get_registered_name
    first, second = make(), make()
    register(package="test_memory")(first), register(package="test_memory")(second)
    assert (name_of(first), name_of(second)) == ("Thing", "test_memory>Thing")

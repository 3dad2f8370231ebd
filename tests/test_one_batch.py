"""`train_on_batch` between other calls of a script: each step uses the current optimizer and weights."""

import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import Input, Model, Sequential, Variable, layers, optimizers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(8, 3)).astype(np.float32)
Y = RNG.normal(size=(8, 3)).astype(np.float32)


def network(optimizer, **options):
    model = Sequential([Input((3,)), layers.Dense(3)])
    model.set_weights([np.eye(3) * 1.5, np.ones(3)])
    model.compile(optimizer, "mse", **options)
    return model


def flat(model):
    return np.concatenate([w.ravel() for w in model.get_weights()])


SETTINGS = {
    "weight_decay": (lambda: optimizers.AdamW(0.1), 0.5),
    "clipnorm": (lambda: optimizers.SGD(0.1, clipnorm=1.0), 0.01),
}


@pytest.mark.few(1)
@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_of_the_optimizer_counts_from_the_next_step_on(name):
    make, value = SETTINGS[name]
    ends = []
    for eager in (False, True):
        model = network(make(), run_eagerly=eager)
        model.train_on_batch(X, Y)
        setattr(model.optimizer, name, value)
        model.train_on_batch(X, Y)
        ends.append(flat(model))
    np.testing.assert_allclose(*ends, rtol=1e-5, atol=1e-6)


OTHERS = {
    "its rate": (lambda: optimizers.SGD(0.1), lambda: optimizers.SGD(0.01)),
    "its settings": (lambda: optimizers.Adam(0.1), lambda: optimizers.Adam(0.1, beta_1=0.1)),
    "its rule": (lambda: optimizers.Adam(0.1), lambda: optimizers.AdamW(0.1, weight_decay=0.5)),
    "its slots": (lambda: optimizers.SGD(0.1), lambda: optimizers.RMSprop(0.1)),
}


@pytest.mark.few(2)
@pytest.mark.parametrize("name", OTHERS)
def test_another_optimizer_in_the_attribute_is_the_one_that_trains(name):
    first, second = OTHERS[name]
    model = network(first())
    model.train_on_batch(X, Y)
    fresh = network(second())
    fresh.set_weights(model.get_weights())
    model.optimizer = second()
    for each in (model, fresh):
        each.train_on_batch(X, Y)
        each.train_on_batch(X, Y)
    np.testing.assert_allclose(flat(model), flat(fresh), rtol=1e-5, atol=1e-6)


def test_equal_settings_are_one_program():
    model = network(optimizers.Adam(0.1))
    model.train_on_batch(X, Y)
    model.optimizer.learning_rate = 0.01
    model.train_on_batch(X, Y)
    model.compile(optimizers.Adam(0.3), "mse")
    model.train_on_batch(X, Y)
    assert sum(kind == "train" for kind, *_ in model._trainer._programs) == 1


def test_programs_of_settings_that_are_long_gone_are_dropped(monkeypatch):
    model = network(optimizers.SGD(0.1, momentum=0.9))
    monkeypatch.setattr(model._trainer, "_make", lambda kind: kind)
    for i in range(40):
        model.optimizer.momentum = i / 100
        model._trainer.program("train")
    assert sum(kind == "train" for kind, *_ in model._trainer._programs) == 16


@pytest.mark.few(1)
@pytest.mark.parametrize("names", [("a", "b"), ("same", "same")])
def test_an_optimizer_that_two_models_share_keeps_the_slots_of_each(names):
    """As the optimizers of Keras 2 did, on which the scripts of many GANs rely."""

    def pair(share):
        one = optimizers.SGD(0.05, momentum=0.9)
        models = []
        for name, optimizer in zip(names, (one, one if share else optimizers.SGD(0.05, momentum=0.9))):
            model = Sequential([Input((3,)), layers.Dense(3, name=name)])
            model.set_weights([np.eye(3) * 1.5, np.ones(3)])
            model.compile(optimizer, "mse")
            models.append(model)
        for _ in range(3):
            models[0].train_on_batch(X, Y)
            models[1].train_on_batch(-X, Y)
        return models

    shared, apart = pair(True), pair(False)
    for a, b in zip(shared, apart):
        np.testing.assert_allclose(flat(a), flat(b), rtol=1e-5, atol=1e-6)
    assert int(shared[0].optimizer.iterations) == 6


def test_slots_of_weights_that_were_frozen_for_a_while_are_kept():
    model = Sequential([Input((3,)), layers.Dense(3, name="a"), layers.Dense(3, name="b")])
    model.compile(optimizers.SGD(0.1, momentum=0.9), "mse")
    model.train_on_batch(X, Y)
    before = model.optimizer.state.slots.momentums["a"]["kernel"]
    model.optimizer.learning_rate = 0.0  # from here on, momentum only decays
    model.layers[0].trainable = False
    model.train_on_batch(X, Y)
    model.layers[0].trainable = True
    model.train_on_batch(X, Y)
    after = model.optimizer.state.slots.momentums["a"]["kernel"]
    assert np.abs(np.asarray(before)).max() > 0
    np.testing.assert_allclose(after, 0.9 * before, rtol=1e-6)


def test_a_learning_rate_may_be_set_to_a_variable_whose_value_counts():
    model = network(optimizers.SGD(0.1))
    model.optimizer.learning_rate = Variable(0.25)
    assert float(model.optimizer.learning_rate) == 0.25


def test_other_threads_read_weights_while_one_trains():
    model, errors, done = network(optimizers.Adam(0.1)), [], threading.Event()
    model.train_on_batch(X, Y)

    def read():
        try:
            while not done.is_set():
                model.get_weights()
                model.predict(X, verbose=0)
        except Exception as error:
            errors.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    for _ in range(40):
        model.train_on_batch(X, Y)
    done.set()
    thread.join()
    assert not errors


@pytest.mark.parametrize("call", ["train_on_batch", "test_on_batch", "evaluate"])
def test_a_loss_of_one_of_several_outputs_runs_once(call):
    count = Variable(0.0)

    def loss(y, p):
        count.assign_add(1.0)
        return jnp.mean(jnp.square(y - p), axis=-1)

    x = Input((3,))
    model = Model(x, [layers.Dense(3, name="a")(x), layers.Dense(3, name="b")(x)])
    model.compile("sgd", [loss, "mse"])
    found = getattr(model, call)(X, [Y, Y])
    assert float(count.value) == 1 and found[0] == pytest.approx(found[1] + found[2], rel=1e-5)


def test_a_step_that_fails_with_the_weights_in_its_hands_says_so():
    def broken(p):
        raise RuntimeError("from the host")

    def loss(y, p):
        seen = jax.pure_callback(broken, jax.ShapeDtypeStruct((), p.dtype), jax.lax.stop_gradient(p[0, 0]))
        return jnp.mean(jnp.square(y - p)) + 0 * jax.lax.stop_gradient(seen)

    model = Sequential([Input((3,)), layers.Dense(3)])
    model.compile(optimizers.Adam(0.1), loss)
    with pytest.raises(Exception) as caught:
        model.train_on_batch(X, Y)
    gone = any(box._value.is_deleted() for box in model.weights)
    assert gone == any("Load them again" in note for note in getattr(caught.value, "__notes__", []))


def test_a_prediction_that_is_repeated_sees_what_has_changed():
    model = network("sgd")
    one = lambda x=X[:1], **options: model.predict(x, verbose=0, **options)  # noqa: E731
    first, again = one(), one()
    assert (first == again).all() and first is not again
    model.set_weights([2 * w for w in model.get_weights()])
    np.testing.assert_allclose(one(), 2 * first, rtol=1e-6)
    np.testing.assert_allclose(one(X[:1].astype("float64")), 2 * first, rtol=1e-6)
    assert one(X[:3]).shape == one(X[:3]).shape == (3, 3) and one(X[:3], batch_size=2).shape == (3, 3)
    with pytest.raises(ValueError, match="batch_size"):
        one(X[:3], batch_size=0)
    with pytest.raises(ValueError):
        one(X[:3, :2])


def test_a_count_in_a_repeated_prediction_goes_on():
    class Counting(layers.Layer):
        def build(self, shape):
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False, name="calls")

        def call(self, x):
            self.calls.assign_add(1.0)
            return x + self.calls

    model = Sequential([Input((3,)), Counting()])
    found = [model.predict(X[:1], verbose=0) - X[:1] for _ in range(3)]
    np.testing.assert_allclose(np.ravel(found), np.repeat([1.0, 2.0, 3.0], 3), atol=1e-6)

"""Variables that no layer holds, in losses, metrics, schedules, functions: programs read and change their current values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import Model, Sequential, Variable, callbacks, layers, metrics, optimizers, random, regularizers
from jkeras import backend as K

X = np.ones((8, 3), np.float32)
Y = np.ones((8, 1), np.float32)


class Half(callbacks.Callback):
    """Halves a variable after each epoch."""

    def __init__(self, variable):
        super().__init__()
        self.variable = variable

    def halve(self):
        K.set_value(self.variable, K.get_value(self.variable) / 2)

    def on_epoch_end(self, epoch, logs=None):
        self.halve()


class HalfByBatch(Half):
    def on_epoch_end(self, epoch, logs=None):
        pass

    def on_train_batch_end(self, batch, logs=None):
        self.halve()

    def on_test_batch_end(self, batch, logs=None):
        self.halve()

    def on_predict_batch_end(self, batch, logs=None):
        self.halve()


def model_of(*args, **kwargs):
    model = Sequential([layers.Dense(1, input_shape=(3,), kernel_initializer="zeros", bias_initializer="zeros")])
    model.compile(optimizers.SGD(0.0), *args, **kwargs)
    return model


def times(variable):
    return lambda y, p: jnp.abs(y - p) * variable


USES = {
    "loss": lambda v: (model_of(times(v)), "loss"),
    "loss_weights": lambda v: (model_of("mae", loss_weights=[v]), "loss"),
    "metric": lambda v: (model_of("mse", metrics=[metrics.MeanMetricWrapper(times(v), name="m")]), "m"),
    "metric function": lambda v: (model_of("mse", metrics=[times(v)]), "lambda"),
    "compute_loss": lambda v: (own_loss(v), "loss"),
    "add_loss": lambda v: (adds(v), "loss"),
    "regularizer": lambda v: (regularized(v), "loss"),
}


def own_loss(variable):
    class Own(Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            return jnp.mean(jnp.abs(y - y_pred)) * variable.value

    model = Own([layers.Dense(1, input_shape=(3,), kernel_initializer="zeros")])
    model.compile(optimizers.SGD(0.0))
    return model


def adds(variable):
    class Adds(layers.Layer):
        def call(self, x):
            self.add_loss(jnp.mean(jnp.abs(x)) * variable.value)
            return x

    model = Sequential([Adds(input_shape=(3,))])
    model.compile(optimizers.SGD(0.0))
    return model


def regularized(variable):
    class Own(regularizers.Regularizer):
        def __call__(self, x):
            return jnp.sum(jnp.square(x)) * variable

    dense = layers.Dense(1, input_shape=(3,), kernel_initializer="ones", use_bias=False, kernel_regularizer=Own())
    model = Sequential([dense, layers.Lambda(lambda y: y * 0 + 1)])  # only the regularization, 3 v, remains of the loss
    model.compile(optimizers.SGD(0.0), lambda y, p: jnp.abs(y - p) + 0 * p)
    return model


@pytest.mark.parametrize("eager", [False, True], ids=["compiled", "eager"])
@pytest.mark.parametrize("use", USES)
def test_a_callback_changes_what_the_next_epoch_uses(use, eager):
    variable = K.variable(4.0)
    model, name = USES[use](variable)
    if eager:
        config = model._trainer.config
        model.compile("sgd", config.loss, loss_weights=config.loss_weights, metrics=config.metrics, run_eagerly=True)
        model.optimizer.learning_rate = 0.0
    scale = 3 if use == "regularizer" else 1
    y = X if use == "add_loss" else Y
    history = model.fit(X, y, epochs=3, verbose=0, callbacks=[Half(variable)])
    np.testing.assert_allclose(history.history[name], np.array([4, 2, 1]) * scale, rtol=1e-5)
    K.set_value(variable, 8.0)
    found = model.evaluate(X, y, verbose=0, return_dict=True)[name]
    K.set_value(variable, 16.0)
    again = model.evaluate(X, y, verbose=0, return_dict=True)[name]
    batch = model.test_on_batch(X, y, return_dict=True)[name]
    model.reset_metrics()
    trained = model.train_on_batch(X, y, return_dict=True)[name]
    np.testing.assert_allclose([found, again, batch, trained], np.array([8, 16, 16, 16]) * scale, rtol=1e-5)


def test_a_callback_changes_what_the_next_batch_uses():
    variable = K.variable(4.0)
    model = model_of(times(variable))
    history = model.fit(X, Y, batch_size=4, epochs=1, shuffle=False, verbose=0, callbacks=[HalfByBatch(variable)])
    assert history.history["loss"] == [3.0] and K.get_value(variable) == 1.0
    assert model.evaluate(X, Y, batch_size=4, verbose=0, callbacks=[HalfByBatch(variable)]) == 0.75
    assert K.get_value(variable) == 0.25


def test_predict_uses_them_too_and_a_layer_may_be_closed_over_one():
    variable = K.variable(4.0)
    model = Sequential([layers.Lambda(lambda x: x * variable, input_shape=(3,))])
    assert model.predict(X, verbose=0)[0, 0] == 4
    K.set_value(variable, 2.0)
    assert model.predict(X, verbose=0)[0, 0] == 2 and model.predict(X[:1], verbose=0)[0, 0] == 2
    y = model.predict(X, batch_size=4, verbose=0, callbacks=[HalfByBatch(variable)])
    np.testing.assert_array_equal(y[:, 0], [2] * 4 + [1] * 4)
    assert K.get_value(variable) == 0.5
    assert "other_variables" not in model.init(jax.random.key(0))[1] and not model.weights


@pytest.mark.parametrize("epochs", [3, 150])
def test_what_a_loss_assigns_stays(epochs):
    count = K.variable(0.0)

    def counting(y, p):
        return jnp.abs(y - p) * count.assign_add(1.0)

    model = model_of(counting)
    history = model.fit(X, Y, batch_size=4, epochs=epochs, verbose=0)
    assert K.get_value(count) == 2 * epochs
    np.testing.assert_allclose(history.history["loss"], np.arange(epochs) * 2 + 1.5, rtol=1e-6)
    model.evaluate(X, Y, batch_size=4, verbose=0)
    assert K.get_value(count) == 2 * epochs + 2
    model.train_on_batch(X, Y)
    assert K.get_value(count) == 2 * epochs + 3


def test_a_learning_rate_may_be_a_variable():
    rate = K.variable(0.0)

    class Rate(optimizers.schedules.LearningRateSchedule):
        def __call__(self, step):
            return rate.value

    for optimizer in (optimizers.SGD(lambda: rate.value), optimizers.SGD(Rate())):
        K.set_value(rate, 0.0)
        model = model_of("mse")
        model.compile(optimizer, "mse")
        assert model.train_on_batch(X, Y) == model.train_on_batch(X, Y)
        before = model.get_weights()[0]
        K.set_value(rate, 0.5)
        model.train_on_batch(X, Y)
        np.testing.assert_allclose(model.get_weights()[0] - before, 0.5 * 2 * np.ones((3, 1)), rtol=1e-6)


def test_a_loss_may_use_another_model_which_is_not_trained_but_seen_as_it_is():
    teacher = Sequential([layers.Dense(1, input_shape=(1,), kernel_initializer="ones"), layers.BatchNormalization()])
    model = model_of(lambda y, p: jnp.abs(teacher(y) - teacher(p)))
    before = teacher.get_weights()
    first = model.train_on_batch(X, Y)
    for now, then in zip(teacher.get_weights(), before):
        np.testing.assert_array_equal(now, then)
    teacher.layers[0].set_weights([np.full((1, 1), 3.0), np.zeros(1)])
    model.reset_metrics()
    assert model.train_on_batch(X, Y) == pytest.approx(3 * first)


def test_a_step_of_ones_own_reads_and_assigns_variables():
    class Own(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1, use_bias=False, kernel_initializer="zeros")
            self.steps = self.add_weight(shape=(), initializer="zeros", trainable=False, name="steps")

        def call(self, x):
            return self.dense(x)

        def train_step(self, state, batch):
            state, logs = super().train_step(state, batch)
            self.steps.assign_add(1.0)
            outside.assign_add(jnp.sum(self.dense.kernel.value))
            return state, {**logs, "before": jnp.sum(self.dense.kernel.value), "noise": random.normal(())}

    outside = K.variable(0.0)
    model = Own()
    model.compile(optimizers.SGD(0.1), "mse")
    seen = []

    class See(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(dict(logs))

    model.fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=[See()])
    sums = [float(logs["before"]) for logs in seen]
    assert sums[0] == 0 and len(set(sums)) == 4 and model.steps.numpy() == 4
    assert K.get_value(outside) == pytest.approx(sum(sums))
    assert len({float(logs["noise"]) for logs in seen}) == 4


def test_a_variable_made_in_the_code_that_runs_is_its_own_affair():
    def loss(y, p):
        total = K.variable(0.0)
        total.assign_add(jnp.mean(jnp.abs(y - p)))
        return total.value

    model = model_of(loss)
    history = model.fit(X, Y, batch_size=4, epochs=3, verbose=0)
    np.testing.assert_allclose(history.history["loss"], 1.0)


def test_a_run_is_taken_up_again_with_them(tmp_path):
    variable = K.variable(4.0)

    class Stop(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 1

    model = model_of(times(variable))
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[Half(variable), Stop()])
    model.save(tmp_path / "m.keras")
    model.fit(X, Y, epochs=3, verbose=0, resume=True)
    assert model.history.history["loss"] == [1.0]


def test_functions_of_graphs_activations_and_statistics_use_them_as_they_are():
    variable = K.variable(4.0)
    inner = layers.Lambda(lambda x: x * variable, name="scaled")
    model = Sequential([inner, layers.Dense(1, kernel_initializer="ones", name="out")])
    model.build((None, 3))
    model.compile("sgd", "mse")
    function = K.function([model.input], [model.output])
    for value in (4.0, 2.0):
        K.set_value(variable, value)
        np.testing.assert_array_equal(function([X])[0], 3 * value)
        np.testing.assert_array_equal(model.activations(X)["scaled"], value)
        assert model.layer_statistics((X, Y, None))["activations"]["scaled"]["mean"] == value


class Counting(layers.Layer):
    def __init__(self, start, **options):
        super().__init__()
        self.total = Variable(start, **options)

    def call(self, x):
        self.total.assign_add(1)
        return x


def test_what_a_forward_pass_assigns_to_a_trainable_weight_is_kept_in_training_only():
    model = Sequential([Counting(0.0), layers.Dense(1)])
    model(X)
    assert float(model.layers[0].total.value) == 1  # an eager call assigns as written
    model.compile("sgd", "mse")
    model.fit(X, Y, batch_size=len(X), epochs=2, verbose=0)
    model.train_on_batch(X, Y)
    for call in (lambda: model.evaluate(X, Y, verbose=0), lambda: model.predict(X, verbose=0)):
        with pytest.warns(UserWarning, match="is not kept"):
            call()
    assert float(model.layers[0].total.value) == 4


@pytest.mark.parametrize("start, options", [(0, {"dtype": "int32"}), (0.0, {"trainable": False})])
def test_a_counter_counts_in_every_kind_of_step(start, options):
    model = Sequential([Counting(start, **options), layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(X, Y, batch_size=4, verbose=0)
    model.evaluate(X, Y, batch_size=4, verbose=0)
    model.predict(X, batch_size=4, verbose=0)
    model.train_on_batch(X, Y)
    assert model.layers[0].total.numpy() == 7 and len(model.trainable_weights) == 2


@pytest.mark.parametrize("place", ["loss", "layer", "metric"])
def test_the_first_fit_of_a_model_takes_a_variable_along(place):
    factor = K.variable(2.0)
    scaled = layers.Lambda(lambda x: x * factor) if place == "layer" else layers.Identity()
    model = Sequential([layers.Input((3,)), scaled, layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    loss = (lambda y, p: K.mean(p * factor, -1)) if place == "loss" else lambda y, p: K.mean(p, -1)
    metric = (lambda y, p: K.mean(p * factor, -1)) if place == "metric" else lambda y, p: K.mean(p, -1)
    model.compile(optimizers.SGD(0.0), loss, metrics=[metric])
    expected = {"loss": [6.0, 3.0], "layer": [6.0, 6.0], "metric": [3.0, 6.0]}[place]
    assert [values[0] for values in model.fit(X, Y, verbose=0).history.values()] == expected

"""Steps in TensorFlow's form, `train_step(self, data)`: equal to the library's where they do the same, as free as in Keras."""

import numpy as np
import pytest

import jkeras
from jkeras import layers, losses, metrics, ops, optimizers
from jkeras.callbacks import BackupAndRestore, LambdaCallback, LearningRateScheduler
from jkeras.state.tape import GradientTape

X = np.random.default_rng(0).normal(size=(96, 6)).astype("float32")
Y = X[:, :1] * 2


class Keras3Step(jkeras.Model):
    def train_step(self, data):
        x, y = data
        with GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(y=y, y_pred=y_pred)
        grads = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        for metric in self.metrics:
            if metric.name == "loss":
                metric.update_state(loss)
            else:
                metric.update_state(y, y_pred)
        return {m.name: m.result() for m in self.metrics}


class Keras2Step(jkeras.Model):
    def train_step(self, data):
        x, y, sample_weight = jkeras.utils.unpack_x_y_sample_weight(data)
        with GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compiled_loss(y, y_pred, sample_weight, regularization_losses=self.losses)
        self.optimizer.minimize(loss, self.trainable_variables, tape=tape)
        self.compiled_metrics.update_state(y, y_pred, sample_weight)
        return {m.name: m.result() for m in self.metrics}


class DefaultOfKeras2(jkeras.Model):
    def train_step(self, data):
        x, y, sample_weight = jkeras.utils.unpack_x_y_sample_weight(data)
        with GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self.compute_loss(x, y, y_pred, sample_weight)
        self.optimizer.minimize(loss, self.trainable_variables, tape=tape)
        return self.compute_metrics(x, y, y_pred, sample_weight)


class Minimized(jkeras.Model):
    def train_step(self, data):
        x, y = data
        self.optimizer.minimize(lambda: self.compute_loss(y=y, y_pred=self(x, training=True)), self.trainable_variables)
        return {"loss": self.compute_loss(y=y, y_pred=self(x, training=False))}


def network(cls=jkeras.Model, optimizer="sgd", regularizer=None, **settings):
    jkeras.utils.set_random_seed(0)
    inputs = layers.Input((6,))
    hidden = layers.Dense(8, activation="relu", kernel_regularizer=regularizer)(inputs)
    hidden = layers.Dropout(0.3)(layers.BatchNormalization()(hidden))
    model = cls(inputs, layers.Dense(1)(hidden))
    model.compile(optimizer, "mse", metrics=["mae"], **settings)
    return model


def fit(model, *data, **arguments):
    jkeras.utils.set_random_seed(1)
    return model.fit(*(data or (X, Y)), **{"batch_size": 32, "epochs": 2, "verbose": 0, **arguments}).history


def same_weights(a, b, tolerance=1e-6):
    for one, other in zip(a.get_weights(), b.get_weights()):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


OPTIMIZERS = {
    "momentum": lambda: optimizers.SGD(0.01, momentum=0.9, nesterov=True),
    "clipped": lambda: optimizers.SGD(0.01, global_clipnorm=0.5),
    "schedule": lambda: optimizers.Adam(optimizers.schedules.ExponentialDecay(0.01, 3, 0.5)),
    "average": lambda: optimizers.AdamW(0.01, use_ema=True),
    "accumulating": lambda: optimizers.RMSprop(0.01, gradient_accumulation_steps=2),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_with_a_tape_trains_as_the_default_step(name):
    own, default = network(Keras3Step, OPTIMIZERS[name]()), network(optimizer=OPTIMIZERS[name]())
    found, wanted = fit(own), fit(default)
    for key in wanted:
        np.testing.assert_allclose(found[key], wanted[key], rtol=1e-6)
    same_weights(own, default)
    assert int(own.optimizer.iterations) == int(default.optimizer.iterations)
    for mine, theirs in zip(own.optimizer.variables, default.optimizer.variables, strict=True):
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("cls", [Keras2Step, DefaultOfKeras2])
@pytest.mark.parametrize("weights", [None, np.linspace(0, 2, len(X)).astype("float32")], ids=["plain", "weighted"])
def test_the_steps_of_keras_2(weights, cls):
    own, default = network(cls, regularizer="l2"), network(regularizer="l2")
    found, wanted = fit(own, sample_weight=weights), fit(default, sample_weight=weights)
    for key in wanted:
        np.testing.assert_allclose(found[key], wanted[key], rtol=1e-5)
    same_weights(own, default)


def _each_but_the_loss(model, loss, y, y_pred):
    for metric in model.metrics:
        metric.update_state(*((loss,) if metric.name == "loss" else (y, y_pred)))
    return {m.name: m.result() for m in model.metrics}


def _by_place(model, loss, y, y_pred):
    model.metrics[0].update_state(loss)
    model.metrics[1].update_state(y, y_pred)
    return model.get_metrics_result()


def _by_name(model, loss, y, y_pred):
    named = {metric.name: metric for metric in model.metrics}
    named["loss"].update_state(loss)
    named["compile_metrics"].update_state(y, y_pred)
    return {name: metric.result() for name, metric in named.items()}


def _of_keras_2(model, loss, y, y_pred):
    model.compiled_loss(y, y_pred)
    model.compiled_metrics.update_state(y, y_pred)
    return {m.name: m.result() for m in model.metrics}


@pytest.mark.parametrize("update", [_each_but_the_loss, _by_place, _by_name, _of_keras_2])
@pytest.mark.parametrize("outputs", [1, 2])
def test_steps_see_the_compiled_metrics_as_one_and_report_each(update, outputs):
    class Model(jkeras.Model):
        def test_step(self, data):
            x, y = data
            y_pred = self(x, training=False)
            assert all(isinstance(metric, metrics.Metric) for metric in self.metrics)
            return update(self, self.compute_loss(y=y, y_pred=y_pred), y, y_pred)

    found = []
    for cls in (Model, jkeras.Model):
        jkeras.utils.set_random_seed(0)
        x = layers.Input((6,))
        model = cls(x, [layers.Dense(1, name=name)(x) for name in "ab"[:outputs]])
        model.compile("sgd", ["mse", "mae"][:outputs], metrics=[["mae", "mse"], ["mae"]][:outputs])
        found.append(model.evaluate(X, [Y] * outputs, batch_size=32, verbose=0, return_dict=True))
    assert list(found[0]) == list(found[1]) and len(found[0]) == (6 if outputs == 2 else 3)
    for name, value in found[1].items():
        np.testing.assert_allclose(found[0][name], value, rtol=1e-5)


def test_minimize_with_a_function():
    own, default = network(Minimized), network()
    fit(own, epochs=1), fit(default, epochs=1)
    same_weights(own, default)


def test_results_do_not_depend_on_how_many_steps_a_dispatch_holds():
    one, many = network(Keras3Step, "adam", steps_per_execution=1), network(Keras3Step, "adam", steps_per_execution=3)
    fit(one), fit(many)
    for a, b in zip(one.get_weights(), many.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_callbacks_change_the_rate_and_see_current_weights():
    model, seen = network(Keras3Step), []
    schedule = LearningRateScheduler(lambda epoch: 0.0 if epoch else 0.01)
    look = LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()[0]))
    fit(model, epochs=3, callbacks=[schedule, look])
    assert not np.array_equal(seen[0], network(Keras3Step).get_weights()[0])
    assert np.array_equal(seen[0], seen[1]) and np.array_equal(seen[1], seen[2])


def test_a_run_that_stopped_goes_on(tmp_path):
    whole = network(Keras3Step, "adam")
    fit(whole, epochs=4)

    class Stop(Exception):
        pass

    def stop(epoch, logs):
        if epoch == 1:
            raise Stop

    broken = network(Keras3Step, "adam")
    with pytest.raises(Stop):
        fit(broken, epochs=4, callbacks=[BackupAndRestore(tmp_path), LambdaCallback(on_epoch_end=stop)])
    again = network(Keras3Step, "adam")
    fit(again, epochs=4, callbacks=[BackupAndRestore(tmp_path)])
    same_weights(again, whole)


def test_own_steps_of_evaluation_and_prediction():
    class Model(jkeras.Model):
        def test_step(self, data):
            x, y = data
            return {"largest": ops.max(ops.abs(y - self(x, training=False)))}

        def predict_step(self, data):
            return -self(data[0] if isinstance(data, tuple) else data, training=False)

    own, default = network(Model), network()
    np.testing.assert_allclose(own.predict(X, verbose=0), -default.predict(X, verbose=0), rtol=1e-6)
    largest = own.evaluate(X, Y, batch_size=len(X), verbose=0, return_dict=True)["largest"]
    np.testing.assert_allclose(largest, np.abs(Y - default.predict(X, verbose=0)).max(), rtol=1e-6)


class GAN(jkeras.Model):
    """The example of Keras' guide: no outputs, two optimizers, `metrics` of its own."""

    def __init__(self, discriminator, generator, size):
        super().__init__()
        self.discriminator, self.generator, self.size = discriminator, generator, size
        self.d_loss, self.g_loss = metrics.Mean(name="d_loss"), metrics.Mean(name="g_loss")

    def compile(self, d_optimizer, g_optimizer, loss_fn):
        super().compile()
        self.d_optimizer, self.g_optimizer, self.loss_fn = d_optimizer, g_optimizer, loss_fn

    @property
    def metrics(self):
        return [self.d_loss, self.g_loss]

    def train_step(self, real):
        if isinstance(real, tuple):
            real = real[0]
        rows = real.shape[0]
        made = self.generator(jkeras.random.normal((rows, self.size)))
        labels = ops.concatenate([ops.ones((rows, 1)), ops.zeros((rows, 1))], axis=0)
        with GradientTape() as tape:
            d_loss = self.loss_fn(labels, self.discriminator(ops.concatenate([made, real], axis=0)))
        grads = tape.gradient(d_loss, self.discriminator.trainable_weights)
        self.d_optimizer.apply_gradients(zip(grads, self.discriminator.trainable_weights))
        noise = jkeras.random.normal((rows, self.size))
        with GradientTape() as tape:
            g_loss = self.loss_fn(ops.zeros((rows, 1)), self.discriminator(self.generator(noise)))
        grads = tape.gradient(g_loss, self.generator.trainable_weights)
        self.g_optimizer.apply_gradients(zip(grads, self.generator.trainable_weights))
        self.d_loss.update_state(d_loss)
        self.g_loss.update_state(g_loss)
        return {"d_loss": self.d_loss.result(), "g_loss": self.g_loss.result()}


def gan(built):
    jkeras.utils.set_random_seed(1)
    first = lambda size: [layers.Input((size,))] if built else []  # noqa: E731
    discriminator = jkeras.Sequential([*first(6), layers.Dense(8, activation="relu"), layers.Dense(1)])
    generator = jkeras.Sequential([*first(3), layers.Dense(8, activation="relu"), layers.Dense(6)])
    model = GAN(discriminator, generator, 3)
    model.compile(optimizers.Adam(0.01), optimizers.SGD(0.01, momentum=0.9), losses.BinaryCrossentropy(from_logits=True))
    return model


@pytest.mark.parametrize("built", [True, False])
def test_a_gan_with_two_optimizers(built):
    model = gan(built)
    first = fit(model, X, epochs=1)
    assert set(first) == {"d_loss", "g_loss"} and int(model.d_optimizer.iterations) == int(model.g_optimizer.iterations) == 3
    before = [w.copy() for w in model.get_weights()]
    history = fit(model, X, epochs=5)
    assert history["d_loss"][-1] < first["d_loss"][0]
    assert all(not np.array_equal(a, b) for a, b in zip(before, model.get_weights()))
    assert int(model.d_optimizer.iterations) == 18
    assert any(np.abs(v.numpy()).max() > 0 for v in model.g_optimizer.variables[2:])


def test_a_gan_by_hand():
    """Against the same step written with `jax.grad`, without noise."""
    import jax
    import optax

    class Fixed(GAN):
        def train_step(self, real):
            real = real[0] if isinstance(real, tuple) else real
            with GradientTape() as g_tape, GradientTape() as d_tape:
                made = self.generator(real[:, :3])
                d_loss = ops.mean(self.discriminator(made)) - ops.mean(self.discriminator(real))
                g_loss = -ops.mean(self.discriminator(made) ** 2)
            g_grads = g_tape.gradient(g_loss, self.generator.trainable_weights)
            d_grads = d_tape.gradient(d_loss, self.discriminator.trainable_weights)
            self.g_optimizer.apply_gradients(zip(g_grads, self.generator.trainable_weights))
            self.d_optimizer.apply_gradients(zip(d_grads, self.discriminator.trainable_weights))
            return {"d_loss": d_loss, "g_loss": g_loss}

    model = gan(True)
    model.__class__ = Fixed
    d, g = model.discriminator, model.generator
    (d_params, d_state), (g_params, g_state) = d.params_and_state(), g.params_and_state()
    d_rule, g_rule = optax.adam(0.01, eps=1e-7), optax.sgd(0.01, momentum=0.9)
    d_slots, g_slots = d_rule.init(d_params), g_rule.init(g_params)
    run_d = lambda p, x: d.apply(p, d_state, x)[0]  # noqa: E731
    run_g = lambda p, x: g.apply(p, g_state, x)[0]  # noqa: E731
    for start in range(0, 96, 32):
        real = X[start : start + 32]
        g_grads = jax.grad(lambda p, real=real, q=d_params: -ops.mean(run_d(q, run_g(p, real[:, :3])) ** 2))(g_params)
        d_grads = jax.grad(lambda q, real=real, p=g_params: ops.mean(run_d(q, run_g(p, real[:, :3]))) - ops.mean(run_d(q, real)))(
            d_params
        )
        change, g_slots = g_rule.update(g_grads, g_slots)
        g_params = optax.apply_updates(g_params, change)
        change, d_slots = d_rule.update(d_grads, d_slots)
        d_params = optax.apply_updates(d_params, change)
    fit(model, X, epochs=1, shuffle=False)
    for network, params in ((d, d_params), (g, g_params)):
        for found, wanted in zip(jax.tree.leaves(network.params_and_state()[0]), jax.tree.leaves(params), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)  # another order of sums, and Adam divides


def test_data_come_as_they_are_yielded():
    seen = []

    class Model(jkeras.Model):
        def train_step(self, data):
            seen.append(type(data).__name__ if not isinstance(data, tuple) else len(data))
            return {"loss": 0.0}

    class Batches:
        def __iter__(self):
            return iter([X[:8], X[8:16]])

    for data in ((X,), (X, Y), (X, Y, None), (Batches(),)):
        seen.clear()
        network(Model).fit(*data[:2], sample_weight=np.ones(len(X)) if len(data) == 3 else None, verbose=0)
        assert (set(seen) == {len(data)}) if len(data) > 1 else all("Tracer" in name for name in seen)


def test_a_step_without_logs_is_refused():
    class Model(jkeras.Model):
        def train_step(self, data):
            return 3.0

    with pytest.raises(TypeError, match="returns a dict of what the logs show"):
        fit(network(Model))


def test_training_in_half_precision_scales_the_loss_on_request():
    class Model(jkeras.Model):
        def train_step(self, data):
            x, y = data
            with GradientTape() as tape:
                loss = self.compute_loss(y=y, y_pred=self(x, training=True))
                scaled = self.optimizer.get_scaled_loss(loss)
            grads = self.optimizer.get_unscaled_gradients(tape.gradient(scaled, self.trainable_variables))
            self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
            return {"loss": loss}

    scaled, plain = (network(Model, optimizers.LossScaleOptimizer(optimizers.SGD(0.01))), network())
    fit(scaled, epochs=1), fit(plain, epochs=1)
    same_weights(scaled, plain, 1e-5)


def test_metrics_of_a_model_without_outputs_are_those_of_what_its_step_compares():
    """As in Keras' example of distillation: the model's step compares another model's outputs."""

    class Distiller(jkeras.Model):
        def __init__(self, student, teacher):
            super().__init__()
            self.student, self.teacher = student, teacher

        def train_step(self, data):
            x, y = data
            wanted = self.teacher(x, training=False)
            with GradientTape() as tape:
                found = self.student(x, training=True)
                loss = ops.mean((found - wanted) ** 2)
            variables = self.student.trainable_variables
            self.optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables))
            self.compiled_metrics.update_state(y, found)
            return {**{m.name: m.result() for m in self.metrics}, "distance": loss}

        def test_step(self, data):
            x, y = data
            self.compiled_metrics.update_state(y, self.student(x, training=False))
            return {m.name: m.result() for m in self.metrics}

    jkeras.utils.set_random_seed(0)
    teacher, student = (jkeras.Sequential([layers.Dense(1)]) for _ in range(2))
    model = Distiller(student, teacher)
    model.compile(optimizers.Adam(0.05), metrics=[metrics.MeanAbsoluteError(name="error")])
    history = fit(model, epochs=30)
    assert history["distance"][-1] < 0.1 * history["distance"][0] and "error" in history
    found = model.evaluate(X, Y, verbose=0, return_dict=True)["error"]
    np.testing.assert_allclose(found, np.abs(Y - student.predict(X, verbose=0)).mean(), rtol=1e-5)


def test_data_that_fit_the_step_alone():
    class Pairs(jkeras.Model):
        def __init__(self):
            super().__init__()
            self.encoder = layers.Dense(3)

        def call(self, x):
            return self.encoder(x)

        def train_step(self, data):
            (first, _), (second, _) = data
            with GradientTape() as tape:
                loss = ops.mean((self.encoder(first) - self.encoder(second)) ** 2)
            self.optimizer.minimize(loss, self.encoder.trainable_variables, tape=tape)
            return {"loss": loss}

    model = Pairs()
    model.compile("adam")
    batches = [((X[i : i + 8], Y[i : i + 8]), (X[i + 8 : i + 16], Y[i : i + 8])) for i in range(0, 64, 16)]

    class Data:
        def __iter__(self):
            return iter(batches)

    losses = fit(model, Data(), batch_size=None, epochs=20)["loss"]
    assert losses[-1] < losses[0]

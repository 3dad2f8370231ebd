"""Metrics that a model or its layers hold: updated anywhere, reset at each epoch, and in the logs."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import jkeras
from jkeras import Input, Model, Sequential, callbacks, layers, metrics, models, optimizers

X = np.arange(8, dtype=np.float32).reshape(8, 1)
Y = np.zeros((8, 1), np.float32)
MEAN, HALVES = 3.5, (1.5, 5.5)


class InCall(layers.Layer):
    def __init__(self):
        super().__init__()
        self.mean = metrics.Mean(name="mean_x")

    def call(self, x):
        self.mean.update_state(x)
        return x


class Named(layers.Layer):
    def call(self, x):
        self.add_metric(x, name="mean_x", aggregation="mean")
        return x


class NamedResult(layers.Layer):
    def __init__(self):
        super().__init__()
        self.mean = metrics.Mean(name="mean_x")

    def call(self, x):
        self.add_metric(self.mean(x))
        return x


class Own(Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)
        self.mean = metrics.Mean(name="mean_x")

    def call(self, x):
        return self.dense(x)


class InComputeLoss(Own):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        self.mean.update_state(x)
        return super().compute_loss(x, y, y_pred, sample_weight, training)


class InComputeMetrics(Own):
    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        found = super().compute_metrics(x, y, y_pred, sample_weight)
        self.mean.update_state(x)
        return {**found, "mean_x": self.mean.result()}


class InStep(Own):
    def train_step(self, state, batch):
        self.mean.update_state(batch[0])
        return super().train_step(state, batch)

    def test_step(self, state, batch):
        self.mean.update_state(batch[0])
        return super().test_step(state, batch)


class InModelCall(Model):
    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, x):
        self.add_metric(x, name="mean_x")
        return self.dense(x)


class Onto(Own):
    """Overrides what is reported."""

    @property
    def metrics(self):
        return [self.mean]

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        self.mean.update_state(x)
        return jnp.mean(jnp.square(y_pred))


def graph():
    x = Input((1,))
    model = Model(x, layers.Dense(1)(x))
    model.add_metric(x, name="mean_x", aggregation="mean")
    return model


def stacked(layer):
    return lambda: Sequential([layer(), layers.Dense(1)])


KINDS = {
    "layer": stacked(InCall),
    "add_metric": stacked(Named),
    "result of a metric": stacked(NamedResult),
    "nested": lambda: Sequential([Sequential([InCall()]), layers.Dense(1)]),
    "compute_loss": InComputeLoss,
    "compute_metrics": InComputeMetrics,
    "step": InStep,
    "add_metric in a model": InModelCall,
    "graph": graph,
    "metrics property": Onto,
}


@pytest.mark.few(6)
@pytest.mark.parametrize("eager", [False, True], ids=["compiled", "eager"])
@pytest.mark.parametrize("kind", KINDS)
def test_they_live_in_the_step_and_stand_in_the_logs_of_each_epoch(kind, eager):
    model = KINDS[kind]()
    model.compile(optimizers.SGD(0.001), "mse", metrics=["mae"], run_eagerly=eager)
    by_batch = []

    class See(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            by_batch.append(float(logs["mean_x"]))

    history = model.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0, callbacks=[See()], validation_data=(X[:6], Y[:6]))
    assert history.history["mean_x"] == [MEAN] * 2 and history.history["val_mean_x"] == [2.5] * 2
    assert by_batch == [HALVES[0], MEAN] * 2
    found = model.evaluate(X, Y, batch_size=3, verbose=0, return_dict=True)
    expected = {"Onto": {"mean_x"}}.get(type(model).__name__, {"loss", "mae", "mean_x"})
    assert found["mean_x"] == pytest.approx(MEAN) and set(found) == expected == set(model.metrics_names)
    assert {m.name: m.result() for m in model.metrics}["mean_x"] == pytest.approx(MEAN)
    assert model.test_on_batch(X[:4], Y[:4], return_dict=True)["mean_x"] == HALVES[0]
    assert model.train_on_batch(X[:4], Y[:4], return_dict=True)["mean_x"] == HALVES[0]
    assert model.train_on_batch(X[4:], Y[4:], return_dict=True, reset_metrics=False)["mean_x"] == MEAN
    assert model.test_on_batch(X, Y, return_dict=True, reset_metrics=False)["mean_x"] == MEAN
    assert model.train_on_batch(X[4:], Y[4:], return_dict=True)["mean_x"] == HALVES[1]
    model.reset_metrics()
    assert model.train_on_batch(X[:4], Y[:4], return_dict=True, reset_metrics=False)["mean_x"] == HALVES[0]
    assert all("mean" not in weight.path for weight in model.weights)


def test_a_short_last_batch_counts_its_real_rows_only():
    model = Sequential([InCall(), layers.Dense(1)])
    model.compile("sgd", "mse")
    assert model.evaluate(X, Y, batch_size=5, verbose=0, return_dict=True)["mean_x"] == MEAN
    model.predict(X[:5], batch_size=3, verbose=0)
    assert float(model.layers[0].mean.result()) == pytest.approx((X.sum() + X[:5].sum()) / 13)


def test_many_short_epochs_report_each():
    model = Sequential([InCall(), layers.Dense(1)])
    model.compile("sgd", "mse")
    history = model.fit(X, Y, epochs=120, verbose=0)
    assert history.history["mean_x"] == [MEAN] * 120


class Endpoint(layers.Layer):
    """Keras' guide: a layer that takes the targets, adds the loss and tracks a metric."""

    def __init__(self):
        super().__init__()
        self.accuracy = metrics.BinaryAccuracy(name="accuracy")

    def call(self, logits, targets=None):
        if targets is not None:
            self.add_loss(jnp.mean(jnp.logaddexp(0, logits) - targets * logits))
            self.accuracy.update_state(targets, jax.nn.sigmoid(logits))
        return jax.nn.sigmoid(logits)


def test_an_endpoint_layer_reports_its_metric():
    x, targets = Input((1,), name="x"), Input((1,), name="targets")
    logits = layers.Dense(1, kernel_initializer="ones", bias_initializer=lambda shape, dtype: jnp.full(shape, -3.5))(x)
    model = Model([x, targets], Endpoint()(logits, targets))
    model.compile(optimizers.SGD(0.0))
    right = (X > 3.5).astype("float32")
    history = model.fit({"x": X, "targets": right}, epochs=2, batch_size=4, verbose=0)
    assert history.history["accuracy"] == [1.0, 1.0] and history.history["loss"][0] > 0
    assert model.evaluate({"x": X, "targets": 1 - right}, verbose=0, return_dict=True)["accuracy"] == 0.0


def test_the_pure_face_holds_them_in_state():
    layer = InCall()
    params, state = layer.init(jax.random.key(0), X)
    assert params == {} and sorted(state["mean_x"]) == ["count", "total"]
    _, state = jax.jit(layer.apply)(params, state, X)
    _, state = jax.jit(layer.apply)(params, state, X)
    assert float(state["mean_x"]["count"]) == 16 and float(layer.mean.result()) == 0
    layer.set_params_and_state(params, state)
    assert float(layer.mean.result()) == MEAN
    layer(X)
    assert [m.name for m in layer.metrics] == ["mean_x"] and float(layer.mean.count.numpy()) == 24


def test_layers_in_loops_and_under_transforms_hold_them_too():
    inner = InCall()
    model = Sequential([layers.TimeDistributed(inner), layers.Flatten(), layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.stack([X, X + 1], axis=1)
    assert model.fit(x, Y, verbose=0, epochs=2).history["mean_x"] == [4.0, 4.0]
    remat = InCall()
    remat.remat = True
    model = Sequential([remat, layers.Dense(1)])
    model.compile("sgd", "mse")
    assert model.fit(X, Y, verbose=0, epochs=2).history["mean_x"] == [MEAN, MEAN]


def test_a_run_goes_on_within_an_epoch(tmp_path):
    class Save(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                self.model.save(tmp_path / "half.keras")

    model = Sequential([InCall(), layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    data = {"x": X, "y": Y, "batch_size": 2, "shuffle": False, "verbose": 0}
    whole = model.fit(**data, callbacks=[Save()]).history
    again = models.load_model(tmp_path / "half.keras", custom_objects={"InCall": InCall})
    assert again.fit(**data, resume=True).history == whole and whole["mean_x"] == [MEAN]


def test_compiled_metrics_that_are_attributes_are_reported_once():
    class Both(Own):
        def __init__(self):
            super().__init__()
            self.mean = metrics.MeanAbsoluteError(name="mine")

    model = Both()
    model.compile("sgd", "mse", metrics=[model.mean])
    model.fit(X, Y, verbose=0)
    assert model.metrics_names == ["loss", "mine"] and [m.name for m in model.metrics[1].metrics] == ["mine"]


def test_a_value_without_a_name_is_refused():
    class Wrong(layers.Layer):
        def call(self, x):
            self.add_metric(jnp.mean(x))
            return x

    with pytest.raises(ValueError, match="its name in the logs"):
        Wrong()(X)


def test_layers_called_in_compute_loss_do_not_train():
    class Critic(Sequential):
        def __init__(self):
            super().__init__(
                [layers.Dense(3, input_shape=(1,)), layers.BatchNormalization(), layers.Dropout(0.5), layers.Dense(1)]
            )
            self.seen = []

        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            again = [self(x), self(x)]
            slope = jax.vmap(jax.grad(lambda row: self(row[None])[0, 0]))(x)
            return jnp.mean(jnp.square(again[0] - again[1])) + jnp.mean(jnp.square(slope)) + jnp.mean(jnp.square(y_pred))

    model = Critic()
    model.compile(optimizers.SGD(0.0))
    model.fit(X, Y, verbose=0)
    dense, norm = model.layers[:2]
    h = X @ dense.kernel.numpy() + dense.bias.numpy()
    np.testing.assert_allclose(norm.moving_mean.numpy(), 0.01 * h.mean(axis=0), rtol=1e-4)  # changed once, by the forward pass


def test_compute_loss_may_ask_for_training():
    class Twice(Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            self(x, training=True)
            return jnp.mean(jnp.square(y_pred))

    model = Twice([layers.BatchNormalization(input_shape=(1,), momentum=0.5)])
    model.compile(optimizers.SGD(0.0))
    model.fit(X, Y, verbose=0)
    np.testing.assert_allclose(model.layers[0].moving_mean.numpy(), 0.75 * X.mean(axis=0), rtol=1e-5)


def test_two_metrics_of_one_name_are_reported_by_the_names_that_metrics_names_says():
    class Watched(layers.Layer):
        def __init__(self):
            super().__init__()
            self.mean = metrics.Mean(name="m")

        def call(self, x):
            self.mean.update_state(x)
            return 2 * x

    model = Sequential([Watched(), Watched()])
    model.compile("sgd", "mse")
    x = np.ones((4, 3), np.float32)
    logs = model.evaluate(x, x, verbose=0, return_dict=True)
    assert model.metrics_names == list(logs) == ["loss", "m", "m_m"]
    assert (logs["m"], logs["m_m"]) == (1, 2)


def test_metrics_that_only_the_property_lists_start_afresh_with_each_run_and_epoch():
    mean = metrics.Mean(name="loss")

    class Listing(Sequential):
        def step(self, data):
            x, y = data
            mean.update_state(jnp.mean(jnp.square(y - self(x))))
            return {"loss": mean.result()}

        train_step = test_step = step

        @property
        def metrics(self):
            return [mean]

    model = Listing([layers.Dense(1, input_shape=(1,), kernel_initializer="zeros")])
    model.compile("sgd")
    mean.update_state(100.0)
    y = np.arange(8, dtype=np.float32)[:, None]
    assert model.evaluate(X, y, verbose=0) == model.evaluate(X, y, verbose=0) == 17.5
    mean.update_state(100.0)
    history = model.fit(X, y, epochs=2, batch_size=4, verbose=0, validation_data=(X, 2 * y)).history
    assert history == {"loss": [17.5, 17.5], "val_loss": [70.0, 70.0]}


def test_a_reset_of_ones_own_may_keep_what_was_seen():
    """Compiled or held, over the epochs and the runs, as in Keras."""
    found = {}
    for library in (jkeras, keras):

        class Lasting(library.metrics.Mean):
            def reset_state(self):
                pass

        class Watching(library.Model):
            def __init__(self, seen):
                super().__init__()
                self.seen = seen

            def call(self, x):
                return x

            def compute_metrics(self, x, y, y_pred, sample_weight=None):
                self.seen.update_state(x)
                return super().compute_metrics(x, y, y_pred, sample_weight)

        class OfOutputs(Lasting):
            def update_state(self, y_true, y_pred, sample_weight=None):
                super().update_state(y_pred, sample_weight)

        model = Watching(Lasting(name="seen"))
        model.add_weight(shape=())
        model.compile("sgd", lambda y, y_pred: (y_pred - y) ** 2, metrics=[OfOutputs(name="out")])
        runs = [model.fit(X[:n], Y[:n], batch_size=4, epochs=3, verbose=0).history for n in (4, 8)]
        found[library] = [(run["seen"], run["out"]) for run in runs]
    np.testing.assert_allclose(found[jkeras][0], found[keras][0])
    np.testing.assert_allclose(found[jkeras][1], found[keras][1])


def test_the_compiled_metrics_are_one_as_in_keras():
    found = []
    for library in (jkeras, keras):
        x = library.Input((1,))
        outputs = [library.layers.Dense(1, name=name)(x) for name in "ab"]
        model = library.Model(x, outputs)
        model.compile("sgd", ["mse", "mse"], metrics=[["mae"], ["mse"]])
        before = [metric.name for metric in model.metrics]
        model.fit(X, [Y, Y], verbose=0)
        loss, compiled, *means = model.metrics
        assert set(compiled.result()) == {"a_mae", "b_mse"} and compiled is model.metrics[1]
        names = [metric.name for metric in compiled.metrics]
        found.append((before, loss.name, compiled.name, [metric.name.removesuffix("_loss") for metric in means], names))
    assert found[0][:-1] == found[1][:-1] and len(found[0][-1]) == len(found[1][-1]) == 2


def test_metrics_taken_over_from_the_model():
    """As a tuner does that replaces the optimizer alone."""
    model = jkeras.Sequential([jkeras.Input((2,)), jkeras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    model.compile("adam", "mse", metrics=[metric for metric in model.metrics if metric.name != "loss"])
    assert sorted(model.fit(np.ones((4, 2)), np.ones(4), verbose=0).history) == ["loss", "mae"]

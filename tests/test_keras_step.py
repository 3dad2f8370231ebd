"""Steps in Keras' form on JAX, `train_step(self, state, data) -> (logs, state)`: as Keras' guide to them writes them, in both
libraries; beside them the form of jkeras, and how the two are told apart."""

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import jkeras

LIBRARIES = {"jkeras": jkeras, "keras": keras}
random = np.random.default_rng(0)
X = random.normal(size=(60, 6)).astype("float32")
Y = (X[:, :1] * 2 - X[:, 1:2] + 0.1 * random.normal(size=(60, 1))).astype("float32")
WEIGHTS = [random.normal(size=shape, scale=0.3).astype("float32") for shape in ((6, 4), (4,), (4, 1), (1,))]
ROWS = random.uniform(0.5, 2.0, size=60).astype("float32")


def slices(lists, metric, start):
    return lists[start : start + len(metric.variables)]


def plain(library):
    """The guide's first example."""

    class CustomModel(library.Model):
        def compute_loss_and_updates(self, trainable_variables, non_trainable_variables, x, y, training=False):
            y_pred, non_trainable_variables = self.stateless_call(
                trainable_variables, non_trainable_variables, x, training=training
            )
            loss = self.compute_loss(x, y, y_pred)
            return loss, (y_pred, non_trainable_variables)

        def train_step(self, state, data):
            trainable_variables, non_trainable_variables, optimizer_variables, metrics_variables = state
            x, y = data
            grad_fn = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
            (loss, (y_pred, non_trainable_variables)), grads = grad_fn(
                trainable_variables, non_trainable_variables, x, y, training=True
            )
            trainable_variables, optimizer_variables = self.optimizer.stateless_apply(
                optimizer_variables, grads, trainable_variables
            )
            new_metrics_vars, logs = [], {}
            for metric in self.metrics:
                these = slices(metrics_variables, metric, len(new_metrics_vars))
                if metric.name == "loss":
                    these = metric.stateless_update_state(these, loss)
                else:
                    these = metric.stateless_update_state(these, y, y_pred)
                logs[metric.name] = metric.stateless_result(these)
                new_metrics_vars += these
            return logs, (trainable_variables, non_trainable_variables, optimizer_variables, new_metrics_vars)

    return CustomModel


def own_metrics(library):
    """The guide's second example: metrics of one's own in an overridden property, no loss in compile()."""

    class CustomModel(library.Model):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            self.loss_tracker = library.metrics.Mean(name="loss")
            self.mae_metric = library.metrics.MeanAbsoluteError(name="mae")
            self.loss_fn = library.losses.MeanSquaredError()

        def compute_loss_and_updates(self, trainable_variables, non_trainable_variables, x, y, training=False):
            y_pred, non_trainable_variables = self.stateless_call(
                trainable_variables, non_trainable_variables, x, training=training
            )
            return self.loss_fn(y, y_pred), (y_pred, non_trainable_variables)

        def train_step(self, state, data):
            trainable_variables, non_trainable_variables, optimizer_variables, metrics_variables = state
            x, y = data
            grad_fn = jax.value_and_grad(self.compute_loss_and_updates, has_aux=True)
            (loss, (y_pred, non_trainable_variables)), grads = grad_fn(
                trainable_variables, non_trainable_variables, x, y, training=True
            )
            trainable_variables, optimizer_variables = self.optimizer.stateless_apply(
                optimizer_variables, grads, trainable_variables
            )
            loss_vars = self.loss_tracker.stateless_update_state(slices(metrics_variables, self.loss_tracker, 0), loss)
            mae_vars = slices(metrics_variables, self.mae_metric, len(self.loss_tracker.variables))
            mae_vars = self.mae_metric.stateless_update_state(mae_vars, y, y_pred)
            logs = {
                self.loss_tracker.name: self.loss_tracker.stateless_result(loss_vars),
                self.mae_metric.name: self.mae_metric.stateless_result(mae_vars),
            }
            return logs, (trainable_variables, non_trainable_variables, optimizer_variables, loss_vars + mae_vars)

        @property
        def metrics(self):
            return [self.loss_tracker, self.mae_metric]

    return CustomModel


def weighted(library):
    """The guide's third example: sample and class weights."""

    class CustomModel(library.Model):
        def loss_of(self, trainable_variables, non_trainable_variables, x, y, sample_weight, training=False):
            y_pred, non_trainable_variables = self.stateless_call(
                trainable_variables, non_trainable_variables, x, training=training
            )
            loss = self.compute_loss(x, y, y_pred, sample_weight=sample_weight)
            return loss, (y_pred, non_trainable_variables)

        def train_step(self, state, data):
            trainable_variables, non_trainable_variables, optimizer_variables, metrics_variables = state
            x, y, sample_weight = library.utils.unpack_x_y_sample_weight(data)
            (loss, (y_pred, non_trainable_variables)), grads = jax.value_and_grad(self.loss_of, has_aux=True)(
                trainable_variables, non_trainable_variables, x, y, sample_weight, training=True
            )
            trainable_variables, optimizer_variables = self.optimizer.stateless_apply(
                optimizer_variables, grads, trainable_variables
            )
            new_metrics_vars, logs = [], {}
            for metric in self.metrics:
                these = slices(metrics_variables, metric, len(new_metrics_vars))
                if metric.name == "loss":
                    these = metric.stateless_update_state(these, loss)
                else:
                    these = metric.stateless_update_state(these, y, y_pred, sample_weight=sample_weight)
                logs[metric.name] = metric.stateless_result(these)
                new_metrics_vars += these
            return logs, (trainable_variables, non_trainable_variables, optimizer_variables, new_metrics_vars)

    return CustomModel


def own_test_step(library):
    """The guide's fourth example, and a `predict_step`."""

    class CustomModel(library.Model):
        def test_step(self, state, data):
            trainable_variables, non_trainable_variables, metrics_variables = state
            x, y = data
            y_pred, non_trainable_variables = self.stateless_call(trainable_variables, non_trainable_variables, x, training=False)
            loss = self.compute_loss(x, y, y_pred)
            new_metrics_vars, logs = [], {}
            for metric in self.metrics:
                these = slices(metrics_variables, metric, len(new_metrics_vars))
                if metric.name == "loss":
                    these = metric.stateless_update_state(these, loss)
                else:
                    these = metric.stateless_update_state(these, y, y_pred)
                logs[metric.name] = metric.stateless_result(these)
                new_metrics_vars += these
            return logs, (trainable_variables, non_trainable_variables, new_metrics_vars)

        def predict_step(self, state, data):
            trainable_variables, non_trainable_variables = state
            x, _, _ = library.utils.unpack_x_y_sample_weight(data)
            outputs, non_trainable_variables = self.stateless_call(trainable_variables, non_trainable_variables, x)
            return 2 * outputs, non_trainable_variables

    return CustomModel


def whole_loss(library):
    """The loss by `stateless_compute_loss`, with what layers add."""

    class CustomModel(library.Model):
        def loss_of(self, trainable, others, metrics, x, y):
            y_pred, others, losses = self.stateless_call(trainable, others, x, return_losses=True, training=True)
            loss, (trainable, others, metrics) = self.stateless_compute_loss(trainable, others, metrics, x=x, y=y, y_pred=y_pred)
            return loss + losses[0], (others, metrics, len(losses))

        def train_step(self, state, data):
            trainable, others, own, metrics = state
            (loss, (others, metrics, count)), grads = jax.value_and_grad(self.loss_of, has_aux=True)(
                trainable, others, metrics, *data
            )
            trainable, own = self.optimizer.stateless_apply(own, grads, trainable)
            return {"total": loss, "losses": jnp.asarray(count, "float32")}, (trainable, others, own, metrics)

    return CustomModel


def model_of(library, make, regularizer=None, normalized=False, **compiled):
    inputs = library.Input((6,))
    layer = library.layers.Dense(4, activation="tanh", kernel_regularizer=regularizer)
    hidden = layer(inputs)
    if normalized:
        hidden = library.layers.BatchNormalization()(hidden)
    model = make(library)(inputs, library.layers.Dense(1)(hidden))
    dense = [layer for layer in model.layers if isinstance(layer, library.layers.Dense)]
    for layer, weights in zip(dense, (WEIGHTS[:2], WEIGHTS[2:])):
        layer.set_weights(weights)
    model.compile(**{"optimizer": library.optimizers.Adam(0.01), **compiled})
    return model


def histories(make, fit=None, **kwargs):
    found = []
    for library in LIBRARIES.values():
        given = {key: value(library) if callable(value) else value for key, value in kwargs.items()}
        model = model_of(library, make, **given)
        history = model.fit(X, Y, batch_size=16, epochs=3, shuffle=False, verbose=0, **(fit or {})).history
        found.append((model, history))
    (model, ours), (theirs_model, theirs) = found
    assert set(ours) == set(theirs)
    for name, values in theirs.items():
        np.testing.assert_allclose(ours[name], values, rtol=1e-5, atol=1e-6, err_msg=name)
    for mine, yours in zip(model.get_weights(), theirs_model.get_weights(), strict=True):
        np.testing.assert_allclose(mine, yours, rtol=1e-4, atol=1e-5)
    for mine, yours in zip(model.optimizer.variables, theirs_model.optimizer.variables, strict=True):
        np.testing.assert_allclose(mine.value, yours.value, rtol=1e-4, atol=1e-5)
    return model, theirs_model


BOTH = {"loss": "mse", "metrics": ["mae"]}
SCHEDULE = {"optimizer": lambda library: library.optimizers.SGD(library.optimizers.schedules.ExponentialDecay(0.1, 5, 0.7), 0.9)}


@pytest.mark.few(4)
@pytest.mark.parametrize(
    "make,kwargs,fit",
    [
        (plain, BOTH, {}),
        (plain, {**BOTH, "normalized": True}, {}),
        (plain, {**BOTH, **SCHEDULE}, {}),
        (plain, {**BOTH, "optimizer": lambda library: library.optimizers.Adam(0.01, clipnorm=0.5, use_ema=True)}, {}),
        (own_metrics, {}, {}),
        (weighted, BOTH, {}),
        (weighted, BOTH, {"sample_weight": ROWS}),
        (weighted, BOTH, {"class_weight": {-2: 1.0, -1: 0.5, 0: 1.0, 1: 2.0, 2: 1.0}}),
        (whole_loss, {"loss": "mse", "regularizer": "l2"}, {}),
    ],
    ids=["plain", "batch normalization", "schedule", "clipping and averages", "own metrics", "no weights", "sample weights",
         "class weights", "whole loss"],
)  # fmt: skip
def test_a_step_of_the_guide_trains_as_in_keras(make, kwargs, fit, monkeypatch):
    if "class_weight" in fit:
        monkeypatch.setitem(globals(), "Y", np.clip(np.round(Y), -2, 2).astype("int32"))
    histories(make, fit, **kwargs)


@pytest.mark.parametrize("rows", [60, 16])
def test_test_and_predict_steps_of_the_guide_do_as_in_keras(rows):
    ours, theirs = (model_of(library, own_test_step, **BOTH) for library in LIBRARIES.values())
    x, y = X[:rows], Y[:rows]
    np.testing.assert_allclose(
        ours.evaluate(x, y, batch_size=16, verbose=0), theirs.evaluate(x, y, batch_size=16, verbose=0), rtol=1e-5
    )
    np.testing.assert_allclose(
        ours.predict(x, batch_size=16, verbose=0), theirs.predict(x, batch_size=16, verbose=0), rtol=1e-5, atol=1e-6
    )
    fit = {"epochs": 2, "shuffle": False, "verbose": 0, "validation_data": (x, y)}
    validated = [model.fit(X, Y, **fit).history["val_loss"] for model in (ours, theirs)]
    np.testing.assert_allclose(*validated, rtol=1e-5)


def own_form(library):
    """The default step of jkeras, written out, and Keras' default step."""
    if library is keras:
        return library.Model

    class CustomModel(library.Model):
        def train_step(self, state, batch):
            x, y, sample_weight = batch
            grads, outcome = jax.grad(self.objective, has_aux=True)(state.params, state.state, x, y, sample_weight, state.key)
            state = self.apply_gradients(state._replace(state=outcome.state), grads)
            return self.update_metrics(state, y, outcome, sample_weight)

    return CustomModel


def keras_super(library):
    class CustomModel(library.Model):
        def train_step(self, state, data):
            logs, state = super().train_step(state, data)
            return logs, state

        def test_step(self, state, data):
            x, y = data
            return super().test_step(state, (x + 1.0, y))

        def predict_step(self, state, data):
            outputs, others = super().predict_step(state, data)
            return -outputs, others

    return CustomModel


@pytest.mark.parametrize("make", [own_form, keras_super])
@pytest.mark.parametrize("normalized", [False, True])
def test_the_default_step_is_keras_in_both_forms(make, normalized):
    fit = {"sample_weight": ROWS} if make is own_form else {"validation_data": (X[:20], Y[:20])}
    ours, theirs = histories(make, fit, normalized=normalized, regularizer="l2", **BOTH)
    np.testing.assert_allclose(ours.predict(X, verbose=0), theirs.predict(X, verbose=0), rtol=1e-4, atol=1e-4)


def jkeras_model(steps, **compiled):
    model = type("Net", (jkeras.Sequential,), steps)([jkeras.Input((6,)), jkeras.layers.Dense(1)])
    model.compile(**{"optimizer": "sgd", "loss": "mse", **compiled})
    return model


def left_alone(self, state, batch):
    return jkeras.Model.train_step(self, state, batch)


def own_with_more(self, state, batch):
    state, logs = jkeras.Model.train_step(self, state, batch)
    return state, {**logs, "twice": 2 * logs["loss"]}


def own_by_state(self, state, batch):
    new, logs = jkeras.Model.train_step(self, state, batch)
    return new._replace(epoch=new.epoch), {"loss": logs["loss"], "twice": 2 * logs["loss"]}


def keras_with_more(self, state, data):
    logs, state = jkeras.Model.train_step(self, state, data)
    logs["twice"] = 2 * logs["loss"]
    return logs, state


def keras_by_items(self, state, data):
    logs, state = jkeras.Model.train_step(self, state, data)
    return {**logs, "twice": 2 * logs["loss"]}, state


def keras_by_lists(self, state, data):
    logs, (trained, others, own, metrics) = jkeras.Model.train_step(self, state, data)
    return {"loss": logs["loss"], "twice": 2 * logs["loss"]}, (trained, others, own, metrics)


def keras_after_reading_the_data(self, state, data):
    x, y = data
    logs, lists = jkeras.Model.train_step(self, state, (x, y))
    return {"loss": logs["loss"], "twice": 2 * logs["loss"]}, lists


def own_after_reading_the_data(self, state, batch):
    x, y, sample_weight = batch
    state, logs = jkeras.Model.train_step(self, state, (x, y, sample_weight))
    return state, {"loss": logs["loss"], "twice": 2 * logs["loss"]}


@jax.jit
def passed_through(state):
    return state


def own_through_a_transform(self, state, batch):
    state, logs = jkeras.Model.train_step(self, passed_through(state), batch)
    return state, {**logs, "twice": 2 * logs["loss"]}


def keras_through_a_transform(self, state, data):
    logs, state = jkeras.Model.train_step(self, passed_through(state), data)
    return {**logs, "twice": 2 * logs["loss"]}, state


def own_by_order(self, state, batch):
    found = jkeras.Model.train_step(self, state, batch)
    return found[0], dict(found[1], twice=2 * found[1]["loss"])


STEPS = [
    left_alone, own_with_more, own_by_state, own_after_reading_the_data, own_through_a_transform, own_by_order, keras_with_more,
    keras_by_items, keras_by_lists, keras_after_reading_the_data, keras_through_a_transform,
]  # fmt: skip


@pytest.mark.few(6)
@pytest.mark.parametrize(
    "step,eager",
    [*((step, False) for step in STEPS), *((step, True) for step in (left_alone, own_with_more, keras_by_lists))],
    ids=lambda value: getattr(value, "__name__", "eager" if value else "compiled"),
)
def test_the_form_is_told_by_how_the_state_is_used_or_what_is_returned(step, eager):
    jkeras.utils.set_random_seed(0)
    model = jkeras_model({"train_step": step}, run_eagerly=eager)
    jkeras.utils.set_random_seed(0)
    default = jkeras_model({}, run_eagerly=eager)
    fit = {"batch_size": 16, "epochs": 2, "shuffle": False, "verbose": 0}
    ours, expected = model.fit(X, Y, **fit).history, default.fit(X, Y, **fit).history
    np.testing.assert_allclose(ours["loss"], expected["loss"], rtol=1e-6)
    if step is not left_alone:
        np.testing.assert_allclose(ours["twice"], 2 * np.array(ours["loss"]), rtol=1e-6)
    np.testing.assert_allclose(model.get_weights()[0], default.get_weights()[0], rtol=1e-6)


def test_finding_the_form_has_no_effect_and_the_loop_is_compiled_once():
    calls = []

    def train_step(self, state, data):
        calls.append(1)
        self.seen.update_state(1.0)
        return keras_with_more(self, state, data)

    model = jkeras_model({"train_step": train_step, "seen": None})
    model.seen = jkeras.metrics.Sum(name="seen")
    history = model.fit(X, Y, batch_size=10, epochs=2, verbose=0).history
    assert history["seen"] == [6.0, 6.0] and len(history["twice"]) == 2
    traced = len(calls)
    model.fit(X, Y, batch_size=10, epochs=20, verbose=0)
    assert len(calls) == traced == 2  # to find its form, and for the loop


def test_a_form_that_is_neither_is_an_error_that_shows_both():
    def logs_alone(self, state, data):
        return {"loss": jnp.float32(0.0)}

    def too_few_lists(self, state, data):
        return {"loss": jnp.float32(0.0)}, (state[0], state[1])

    def swapped(self, state, data):
        return (*state,), {"loss": jnp.float32(0.0)}

    def without_data(self):
        return {}

    said = {logs_alone: "gives a dict", too_few_lists: "gives a tuple of dict, tuple", swapped: "gives a tuple of tuple, dict",
            without_data: r"takes \(\)"}  # fmt: skip
    for step, text in said.items():
        with pytest.raises(TypeError, match=text) as caught:
            jkeras_model({"train_step": step}).fit(X, Y, verbose=0)
        for form in ("def train_step(self, state, batch)", "def train_step(self, state, data)", "metrics_variables = state"):
            assert form in str(caught.value)
    with pytest.raises(TypeError, match=r"def test_step\(self, state, data\)(.|\n)*metrics_variables\)"):
        jkeras_model({"test_step": logs_alone}).evaluate(X, Y, verbose=0)
    with pytest.raises(TypeError, match=r"def predict_step\(self, state, data\)(.|\n)*outputs, non_trainable_variables"):
        jkeras_model({"predict_step": logs_alone}).predict(X, verbose=0)


def test_lists_of_another_length_are_an_error():
    def lost(self, state, data):
        trained, others, own, metrics = state
        return {"loss": jnp.float32(0.0)}, (trained[1:], others, own, metrics)

    with pytest.raises(ValueError, match="there are 2 trainable_variables, and 1 arrays"):
        jkeras_model({"train_step": lost}).fit(X, Y, verbose=0)


@pytest.mark.parametrize("early", [True, False])
def test_an_error_of_the_step_is_raised_as_it_is(early):
    def train_step(self, state, data):
        if early:
            raise KeyError("mine")
        raise KeyError(len(state), "mine")

    with pytest.raises(KeyError, match="mine"):
        jkeras_model({"train_step": train_step}).fit(X, Y, verbose=0)


def test_dropout_and_states_between_batches_change_from_step_to_step():
    class Net(jkeras.Sequential):
        def train_step(self, state, data):
            trained, others, own, metrics = state
            y, others = self.stateless_call(trained, others, data[0], training=True)
            return {"kept": jnp.sum(y)}, (trained, others, own, metrics)

    model = Net([jkeras.Input((6,)), jkeras.layers.Dropout(0.5)])
    model.compile("sgd", "mse")
    seen = []
    look = jkeras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(float(logs["kept"])))
    model.fit(np.tile(X[:10], (4, 1)), np.ones((40, 6)), batch_size=10, shuffle=False, verbose=0, callbacks=[look])
    assert len(set(seen)) == 4 and all(np.isfinite(seen))
    x = np.ones((8, 3, 2), np.float32)
    model = Net([jkeras.Input(batch_shape=(4, 3, 2)), jkeras.layers.SimpleRNN(2, stateful=True)])
    model.compile("sgd", "mse")
    seen.clear()
    model.fit(x, np.ones((8, 2)), batch_size=4, verbose=0, callbacks=[look])
    np.testing.assert_allclose(seen[1], float(jnp.sum(model_after(model, x[:4]))), rtol=1e-5)
    assert seen[0] != seen[1]


def model_after(model, x):
    """What a stateful model gives for the same batch a second time."""
    model.layers[0].reset_state()
    model(x)
    return model(x)


def test_metrics_of_layers_go_on_in_a_step_that_calls_the_default_one():
    class Watched(jkeras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.largest = jkeras.metrics.Mean(name="largest")

        def call(self, x):
            self.largest.update_state(x)
            return x

    for step in (own_with_more, keras_with_more):
        model = type("Net", (jkeras.Sequential,), {"train_step": step})([jkeras.Input((6,)), Watched(), jkeras.layers.Dense(1)])
        model.compile("sgd", "mse")
        found = model.fit(X, Y, batch_size=20, verbose=0).history["largest"]
        np.testing.assert_allclose(found, [X.mean()], rtol=1e-5, atol=1e-6)


def test_the_step_may_be_called_by_hand():
    model = jkeras_model({})
    model.test_on_batch(X[:8], Y[:8])
    model.optimizer.build(model.trainable_variables)
    before = model.get_weights()

    @jax.jit
    def step(state, data):
        return model.train_step(state, data)

    state = (model.trainable_variables, model.non_trainable_variables, model.optimizer.variables, model.metrics_variables)
    for _ in range(30):
        logs, state = step(state, (X, Y))
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    for variables, values in zip((model.trainable_variables, [], model.optimizer.variables), state):
        for variable, value in zip(variables, values):
            variable.assign(value)
    assert model.evaluate(X, Y, verbose=0) < float(logs["loss"]) and int(model.optimizer.iterations) == 30


@pytest.mark.parametrize("weights", [None, [ROWS, ROWS[::-1]]], ids=["plain", "weighted"])
def test_several_outputs_and_weighted_metrics_are_those_of_the_default_step(weights):
    found = []
    for make in (weighted(jkeras), jkeras.Model):
        inputs = jkeras.Input((6,))
        model = make(inputs, [jkeras.layers.Dense(1, name=name)(inputs) for name in ("a", "b")])
        model.set_weights([WEIGHTS[0][:, :1], WEIGHTS[3]] * 2)
        metrics = {"metrics": [["mae"], ["mse"]], "weighted_metrics": [["mse"], ["mae"]]}
        model.compile(jkeras.optimizers.SGD(0.01), ["mse", "mae"], **metrics)
        fit = {"batch_size": 15, "epochs": 3, "shuffle": False, "verbose": 0, "sample_weight": weights}
        found.append(model.fit(X, [Y, -Y], **fit).history)
    ours, expected = found
    assert set(ours) == set(expected) and len(ours) == 7
    for name, values in expected.items():
        np.testing.assert_allclose(ours[name], values, rtol=1e-5, err_msg=name)


def reporting_its_batch(library):
    """A step that reports its own batch, leaves the mean to Keras' tracker of the loss, and a `call` that takes anything."""

    class CustomModel(library.Model):
        def __init__(self):
            super().__init__()
            self.dense, self.calls = library.layers.Dense(1), 0

        def build(self, input_shape):
            self.dense.build(input_shape)
            self.built = True

        def call(self, x):
            self.calls += 1
            raise AssertionError("the step does not use it, and nothing is compared with its outputs")

        def loss_of(self, trainable, x, y):
            return jnp.mean(jnp.square(self.dense.stateless_call(trainable, [], x)[0] - y))

        def tracked(self, metrics, loss, rows):
            with library.StatelessScope(list(zip(self.metrics_variables, metrics))) as scope:
                self._loss_tracker.update_state(loss, sample_weight=rows)
            return [scope.get_current_value(variable) for variable in self.metrics_variables]

        def train_step(self, state, data):
            trainable, others, own, metrics = state
            loss, grads = jax.value_and_grad(self.loss_of)(trainable, *data)
            trainable, own = self.optimizer.stateless_apply(own, grads, trainable)
            return {"loss": loss}, (trainable, others, own, self.tracked(metrics, loss, data[0].shape[0]))

        def test_step(self, state, data):
            loss = self.loss_of(state[0], *data)
            return {"loss": loss}, (*state[:2], self.tracked(state[2], loss, data[0].shape[0]))

    return CustomModel


def test_a_built_model_without_compiled_losses_is_not_called_and_its_epochs_report_means():
    found = []
    for library in LIBRARIES.values():
        model = reporting_its_batch(library)()
        model.build((None, 6))
        model.dense.set_weights([WEIGHTS[0][:, :1], WEIGHTS[3]])
        model.compile(library.optimizers.SGD(0.1))
        batches = []
        noting = library.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs, batches=batches: batches.append(float(logs["loss"]))
        )
        history = model.fit(
            X, Y, batch_size=25, epochs=2, shuffle=False, verbose=0, validation_data=(X[:40], Y[:40]), callbacks=[noting]
        ).history
        found.append((history["loss"], history["val_loss"], batches, model.evaluate(X, Y, batch_size=25, verbose=0), model.calls))
    for mine, theirs in zip(*found):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5)
    assert found[0][-1] == 0 and len(found[0][2]) == 6


def test_a_step_that_leaves_the_mean_of_the_loss_alone_keeps_what_it_reports():
    class Silent(reporting_its_batch(jkeras)):
        def tracked(self, metrics, loss, rows):
            return metrics

    model = Silent()
    model.build((None, 6))
    model.compile("sgd")
    history = model.fit(X, Y, batch_size=60, epochs=1, verbose=0).history  # Keras reports 0
    assert history["loss"][0] > 0.01


def test_a_metric_that_was_never_updated_keeps_what_the_step_reports():
    class Own(jkeras.Sequential):
        def __init__(self, *args):
            super().__init__(*args)
            self.idle, self.busy = jkeras.metrics.Mean(name="idle"), jkeras.metrics.Mean(name="busy")

        def train_step(self, state, batch):
            x, y, _ = batch
            self.busy.update_state(jnp.sum(x) * 0)
            loss = jnp.mean(jnp.square(self(x) - y))
            return state._replace(position=state.position + 1), {"loss": loss, "mae": 7.0, "idle": 5.0, "busy": 3.0}

    model = Own([jkeras.Input((6,)), jkeras.layers.Dense(1)])
    model.compile("sgd", metrics=["mae"])
    history = model.fit(X, Y, batch_size=60, epochs=2, verbose=0).history
    assert (history["mae"], history["idle"], history["busy"]) == ([7.0, 7.0], [5.0, 5.0], [0.0, 0.0])
    assert history["loss"][0] > 0.01

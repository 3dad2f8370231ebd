"""Every training argument works as in Keras; callbacks see and change the run; nothing is compiled twice."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jkeras
from jkeras import Input, Model, Sequential, layers, losses, metrics, optimizers

keras = pytest.importorskip("keras")
Dense = layers.Dense
_rng = np.random.default_rng(0)
X = _rng.normal(size=(20, 3)).astype("float32")
Y = X[:, :1] * 2
CLASSES = np.arange(20) % 3
WEIGHTS = np.arange(20.0)
START = [_rng.normal(size=s).astype("float32") * 0.5 for s in ((3, 4), (4,), (4, 1), (1,))]
START3 = [*START[:2], _rng.normal(size=(4, 3)).astype("float32"), np.zeros(3, "float32")]


def net(library=jkeras, classes=0, **compile_arguments):
    model = library.Sequential([library.layers.Input((3,)), library.layers.Dense(4, activation="tanh")])
    model.add(library.layers.Dense(3, activation="softmax") if classes else library.layers.Dense(1))
    model.set_weights(START3 if classes else START)
    loss = "sparse_categorical_crossentropy" if classes else "mse"
    model.compile(**{"optimizer": library.optimizers.SGD(0.05), "loss": loss, **compile_arguments})
    return model


def trained(epochs=1, **compile_arguments):
    model = net(**compile_arguments)
    model.fit(X, Y, epochs=epochs, verbose=0)
    return model


# Arguments, against Keras -----------------------------------------------------------------------------------------------

FITS = {
    "batch_size": ({}, {"batch_size": 7}),
    "validation_split": ({"weighted_metrics": ["mae"]}, {"validation_split": 0.3, "sample_weight": WEIGHTS}),
    "validation_data": ({"weighted_metrics": ["mae"]}, {"validation_data": (X, Y, WEIGHTS)}),
    "validation_freq": ({}, {"validation_data": (X, Y), "validation_freq": 2, "epochs": 5}),
    "validation_steps": ({}, {"validation_data": (X, Y), "validation_batch_size": 3, "validation_steps": 2}),
    "steps_per_epoch": ({}, {"steps_per_epoch": 2, "epochs": 3, "batch_size": 5}),
    "initial_epoch": ({}, {"initial_epoch": 3, "epochs": 5}),
    "sample_weight": ({"metrics": ["mae"], "weighted_metrics": ["mae", "mse"]}, {"sample_weight": WEIGHTS}),
    "class_weight": ({"classes": 3, "metrics": ["acc"], "weighted_metrics": ["accuracy"]}, {"class_weight": {0: 1.0, 1: 5.0}}),
    "loss_weights": ({"loss_weights": [0.5]}, {}),
    "loss object": ({"loss": lambda lib: lib.losses.MeanSquaredError(reduction="sum")}, {}),
    "steps_per_execution": ({"steps_per_execution": 2, "metrics": ["mae"]}, {"batch_size": 5}),
    "run_eagerly": ({"run_eagerly": True, "metrics": ["mae"]}, {"epochs": 1}),
    "jit_compile": ({"jit_compile": False}, {"epochs": 1}),
}


@pytest.mark.few(7)
@pytest.mark.parametrize("name", FITS)
def test_fit_arguments_have_keras_effect(name):
    compile_arguments, fit_arguments = FITS[name]
    found = []
    for library in (jkeras, keras):
        model = net(library, **{k: v(library) if callable(v) else v for k, v in compile_arguments.items()})
        y = CLASSES if "classes" in compile_arguments else Y
        settings = {"shuffle": False, "verbose": 0, "batch_size": 6, "epochs": 2, **fit_arguments}
        history = model.fit(X, y, **settings)
        found.append((history.history, history.epoch, history.params, model.get_weights()))
    (ours, our_epochs, our_params, our_weights), (theirs, epochs, params, weights) = found
    assert set(ours) == set(theirs) and our_epochs == epochs and our_params == params
    for key in theirs:
        np.testing.assert_allclose(ours[key], theirs[key], rtol=2e-5, atol=2e-6, err_msg=key)
    for a, b in zip(our_weights, weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_shuffle_takes_every_row_once_in_new_orders():
    seen = []

    def loss(y, p):
        jax.debug.callback(lambda rows: seen.append(np.asarray(rows)[:, 0].tolist()), y, ordered=True)
        return jnp.mean((y - p) ** 2, -1)

    rows = np.arange(20.0)[:, None]
    orders = {}
    for shuffle in (False, True, "batch"):
        seen.clear()
        model = net(loss=loss, run_eagerly=True)
        model.fit(X, rows, batch_size=5, epochs=2, shuffle=shuffle, verbose=0)
        flat = [n for batch in seen for n in batch]
        orders[shuffle] = flat[:20], flat[20:]
        assert all(sorted(order) == list(range(20)) for order in orders[shuffle])
    assert orders[False][0] == orders[False][1] == list(range(20))
    assert orders[True][0] != orders[True][1] != list(range(20))
    assert all(order[i + 1] == order[i] + 1 for order in orders["batch"] for i in (0, 5, 10, 15))


def test_evaluate_gives_numbers_lists_and_dicts():
    plain, rich = net(), net(metrics=["mae"], weighted_metrics=["mse"])
    mse = plain.evaluate(X, Y, verbose=0)
    assert isinstance(mse, float) and mse == pytest.approx(float(np.mean((plain.predict(X, verbose=0) - Y) ** 2)), rel=1e-5)
    values = rich.evaluate(X, Y, batch_size=6, sample_weight=WEIGHTS, verbose=0)
    assert rich.evaluate(X, Y, batch_size=6, sample_weight=WEIGHTS, verbose=0, return_dict=True) == dict(
        zip(["loss", "mae", "mse"], values)
    )
    assert rich.metrics_names == ["loss", "mae", "mse"]
    theirs = net(keras, metrics=["mae"], weighted_metrics=["mse"])
    np.testing.assert_allclose(values, theirs.evaluate(X, Y, batch_size=6, sample_weight=WEIGHTS, verbose=0), rtol=1e-5)
    assert rich.evaluate(X, Y, batch_size=5, steps=2, verbose=0)[0] == pytest.approx(plain.evaluate(X[:10], Y[:10], verbose=0))


def test_predict_joins_batches():
    model = net()
    whole = np.asarray(model(X))
    for arguments in ({}, {"batch_size": 7}, {"batch_size": 100}):
        np.testing.assert_allclose(model.predict(X, verbose=0, **arguments), whole, rtol=1e-6)
    assert model.predict(X, batch_size=5, steps=2, verbose=0).shape == (10, 1)
    np.testing.assert_allclose(model.predict_on_batch(X), whole, rtol=1e-6)


def test_single_batches_are_steps_of_fit():
    model, other = net(metrics=["mae"]), net()
    logs = [model.train_on_batch(X, Y, return_dict=True) for _ in range(2)]
    history = other.fit(X, Y, batch_size=20, epochs=2, verbose=0).history
    assert logs[0]["loss"] == pytest.approx(history["loss"][0]) and list(logs[0]) == ["loss", "mae"]
    assert logs[1]["loss"] == pytest.approx(history["loss"][1])  # for this batch alone, as in Keras 2 and 3.15
    alone = model.test_on_batch(X, Y)
    assert model.train_on_batch(X, Y) == pytest.approx(alone, rel=1e-5)
    assert model.test_on_batch(X, Y) == pytest.approx(model.evaluate(X, Y, batch_size=20, verbose=0))
    weighted = net(keras).train_on_batch(X, CLASSES[:, None] * 1.0, class_weight={0: 1.0, 1: 3.0, 2: 0.0})
    assert net().train_on_batch(X, CLASSES[:, None], class_weight={0: 1.0, 1: 3.0, 2: 0.0}) == pytest.approx(float(weighted))


# Data -------------------------------------------------------------------------------------------------------------------


class Batches(jkeras.utils.PyDataset):
    def __len__(self):
        return 4

    def __getitem__(self, i):
        return X[5 * i : 5 * i + 5], Y[5 * i : 5 * i + 5]


def _endless():
    while True:
        yield from (Batches()[i] for i in range(4))


def _pandas(values):
    return pytest.importorskip("pandas").DataFrame(values)


SOURCES = {
    "numpy": lambda: (X, Y, {"batch_size": 5}),
    "float64": lambda: (X.astype("float64"), Y.astype("float64"), {"batch_size": 5}),
    "jax": lambda: (jnp.asarray(X), jnp.asarray(Y), {"batch_size": 5}),
    "lists": lambda: (X.tolist(), Y.tolist(), {"batch_size": 5}),
    "pandas": lambda: (_pandas(X), _pandas(Y), {"batch_size": 5}),
    "pandas, column": lambda: (_pandas(X), _pandas(Y)[0], {"batch_size": 5}),
    "1-D targets": lambda: (X, Y[:, 0], {"batch_size": 5}),
    "dict": lambda: ({"x": X}, Y, {"batch_size": 5}),
    "generator": lambda: (_endless(), None, {"steps_per_epoch": 4}),
    "PyDataset": lambda: (Batches(), None, {}),
    "iterable of batches": lambda: (type("It", (), {"__iter__": lambda s: iter(Batches())})(), None, {}),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_all_kinds_of_data_train_alike(kind):
    x, y, arguments = SOURCES[kind]()
    model = Sequential([Input((3,), name="x"), Dense(4, activation="tanh"), Dense(1)])
    model.set_weights(START)
    model.compile(optimizers.SGD(0.05), "mse")
    history = model.fit(x, y, epochs=2, shuffle=False, verbose=0, **arguments)
    expected = net().fit(X, Y, batch_size=5, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(history.history["loss"], expected.history["loss"], rtol=1e-5)


def test_one_feature_may_come_as_a_vector_of_integers():
    model = Sequential([Dense(1, input_shape=[1])])
    model.compile(optimizers.SGD(0.02), "mse")
    model.fit(np.array([1, 2, 3]), np.array([2, 4, 6]), epochs=2, verbose=0)
    model.fit([1, 2, 3], [2, 4, 6], epochs=200, verbose=0)
    assert model.predict(np.array([4]), verbose=0).shape == (1, 1)
    assert model.predict([10.0], verbose=0)[0, 0] == pytest.approx(20, rel=0.2)


def test_uint8_images_and_column_labels_train():
    images, labels = _rng.integers(0, 255, (12, 4, 4, 1), dtype=np.uint8), (np.arange(12) % 3)[:, None].astype("uint8")
    model = Sequential([layers.Rescaling(1 / 255, input_shape=(4, 4, 1)), layers.Flatten(), Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["acc", "accuracy"])
    assert list(model.fit(images, labels, verbose=0).history) == ["loss", "acc", "accuracy"]


# Losses, metrics, optimizers --------------------------------------------------------------------------------------------


class Sum(metrics.Metric):
    """A user's metric, Keras style; result() returns the variable itself."""

    def __init__(self, name="total", **kwargs):
        super().__init__(name=name, **kwargs)
        self.total = self.add_variable((), "zeros", name="total")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign(self.total + jnp.sum(jnp.abs(y_true - y_pred)))

    def result(self):
        return self.total


class Squares(losses.Loss):
    def call(self, y_true, y_pred):
        return jnp.mean((y_true - y_pred) ** 2, axis=-1)


def own(y_true, y_pred):
    return jnp.mean(jnp.abs(y_true - y_pred))


def test_losses_and_metrics_of_a_user():
    model = net(loss=Squares(), metrics=[Sum(), own, lambda y, p: p, "mae", metrics.MeanAbsoluteError(name="m")])
    history = model.fit(X, Y, batch_size=5, epochs=2, validation_data=(X, Y), verbose=0).history
    expected = net().fit(X, Y, batch_size=5, epochs=2, validation_data=(X, Y), verbose=0).history
    assert list(history)[:3] == ["loss", "total", "own"] and "val_total" in history
    np.testing.assert_allclose(history["val_total"], 20 * np.array(history["val_mae"]), rtol=1e-5)
    for name in ("own", "m"):
        np.testing.assert_allclose(history[name], history["mae"], rtol=1e-5)
    assert len(history["loss"]) == len(expected["loss"])


TRANSFORMATIONS = {
    "sgd": (lambda: optax.sgd(0.05), lambda: optimizers.SGD(0.05)),
    "momentum": (lambda: optax.sgd(0.05, momentum=0.9), lambda: optimizers.SGD(0.05, momentum=0.9)),
    "chain": (
        lambda: optax.chain(optax.clip(0.1), optax.scale_by_learning_rate(0.05)),
        lambda: optimizers.SGD(0.05, clipvalue=0.1),
    ),
    "injected": (lambda: optax.inject_hyperparams(optax.sgd)(learning_rate=0.05), lambda: optimizers.SGD(0.05)),
}


@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_any_optax_transformation_trains(name):
    theirs, ours = (trained(epochs=3, optimizer=make()) for make in TRANSFORMATIONS[name])
    for a, b in zip(theirs.get_weights(), ours.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_an_injected_learning_rate_can_be_changed():
    model = trained(optimizer=optax.inject_hyperparams(optax.sgd)(learning_rate=0.05))
    assert float(model.optimizer.learning_rate) == pytest.approx(0.05)
    model.optimizer.learning_rate = 0.0
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])


@pytest.mark.parametrize("policy", ["bfloat16", "mixed_bfloat16", "mixed_float16"])
def test_half_precision_trains(policy):
    jkeras.config.set_dtype_policy(policy)
    try:
        model = Sequential([Input((3,)), Dense(8, activation="relu"), Dense(1)])
        model.compile(optimizers.SGD(0.05), "mse")
        history = model.fit(X, Y, epochs=30, verbose=0).history["loss"]
    finally:
        jkeras.config.set_dtype_policy("float32")
    assert history[-1] < 0.5 * history[0]
    assert model.weights[0].dtype == ("bfloat16" if policy == "bfloat16" else "float32")
    assert type(model.optimizer).__name__ == ("LossScaleOptimizer" if policy == "mixed_float16" else "SGD")


# Several outputs --------------------------------------------------------------------------------------------------------


def two(library=jkeras, as_dict=False, **compile_arguments):
    x = library.layers.Input((3,), name="x")
    a, b = library.layers.Dense(1, name="a")(x), library.layers.Dense(1, name="b")(x)
    model = library.Model(x, {"a": a, "b": b} if as_dict else [a, b])
    model.set_weights([START[2][:3], START[3], START[2][1:4], START[3]])
    model.compile(**{"optimizer": library.optimizers.SGD(0.05), "loss": "mse", **compile_arguments})
    return model


def test_logs_of_several_outputs_have_keras_names_and_order():
    model = two(metrics={"a": "mae", "b": ["mae", "mse"]})
    history = model.fit(X, [Y, -Y], validation_split=0.2, verbose=0).history
    names = ["loss", "a_loss", "b_loss", "a_mae", "b_mae", "b_mse"]
    assert list(history) == [*names, *(f"val_{n}" for n in names)]
    assert model.metrics_names == names == list(model.evaluate(X, [Y, -Y], return_dict=True, verbose=0))


@pytest.mark.parametrize("form", ["list", "dict", "dict model"])
def test_sample_weights_go_by_output(form):
    found = []
    weights = {"a": WEIGHTS, "b": WEIGHTS[::-1].copy()}
    for library in (jkeras, keras):
        model = two(library, form == "dict model", weighted_metrics={"a": ["mae"], "b": ["mae"]})
        named = form != "list" and (library is jkeras or form == "dict model")  # Keras takes dicts only for dict outputs
        y = {"a": Y, "b": -Y} if named else [Y, -Y]
        sample_weight = weights if named else list(weights.values())
        found.append(model.fit(X, y, sample_weight=sample_weight, shuffle=False, epochs=2, batch_size=6, verbose=0).history)
    assert set(found[0]) == set(found[1])
    for name, values in found[1].items():
        np.testing.assert_allclose(found[0][name], values, rtol=1e-5, err_msg=name)


# Own steps --------------------------------------------------------------------------------------------------------------


class Line(Model):
    def __init__(self):
        super().__init__()
        self.d = Dense(1)

    def call(self, x):
        return self.d(x)


class KerasTwoLoss(Line):
    def compute_loss(self, x, y, y_pred, sample_weight=None):
        return super().compute_loss(x, y, y_pred, sample_weight) + 100.0


class FlaggedLoss(Line):
    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        return jnp.mean((y - y_pred) ** 2) + (100.0 if training else 0.0)


class OwnStep(Line):
    def train_step(self, state, batch):
        x, y, sample_weight = batch
        grads, outcome = jax.grad(self.objective, has_aux=True)(state.params, state.state, x, y, sample_weight, state.key)
        state = self.apply_gradients(state._replace(state=outcome.state), grads)
        state, logs = self.update_metrics(state, y, outcome, sample_weight)
        return state, {**logs, "norm": optax.tree.norm(grads)}


@pytest.mark.parametrize("kind, loss, above, below", [(KerasTwoLoss, "mse", 100, 100), (FlaggedLoss, None, 100, 0)])
def test_compute_loss_may_be_overridden(kind, loss, above, below):
    model = kind()
    model.compile("sgd", loss, metrics=["mae"])
    assert model.fit(X, Y, verbose=0).history["loss"][0] > above
    assert below < model.evaluate(X, Y, verbose=0)[0] < below + 60


def test_a_pure_train_step_may_be_overridden():
    model = OwnStep()
    model.compile("sgd", "mse")
    history = model.fit(X, Y, epochs=3, verbose=0).history
    assert list(history) == ["loss", "norm"] and history["loss"][-1] < history["loss"][0]
    x = Input((3,))
    functional = type("Both", (Model,), {"train_step": OwnStep.train_step})(x, Dense(1)(x))
    functional.compile("sgd", "mse")
    assert "norm" in functional.fit(X, Y, verbose=0).history


def test_metrics_alone_can_be_evaluated():
    assert net(loss=None, metrics=["mae"]).evaluate(X, Y, verbose=0)[1] == pytest.approx(
        net(metrics=["mae"]).evaluate(X, Y, verbose=0)[1]
    )


def test_run_eagerly_serves_a_call_that_looks_at_values():
    class Branching(jkeras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            y = self.dense(x)
            return y * 2 if float(jnp.sum(jnp.abs(x))) > 1e9 else y

    model = Branching()
    model.compile("sgd", "mse", run_eagerly=True)
    assert len(model.fit(np.ones((6, 2)), np.ones((6, 1)), epochs=2, verbose=0).history["loss"]) == 2


def test_a_metric_object_that_the_user_kept_has_the_last_result():
    metric = jkeras.metrics.MeanAbsoluteError()
    model = jkeras.Sequential([layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[metric])
    history = model.fit(np.ones((6, 2)), np.ones((6, 1)), epochs=2, verbose=0).history
    assert float(metric.result()) == pytest.approx(history["mean_absolute_error"][-1])
    found = model.evaluate(np.ones((6, 2)), np.ones((6, 1)), verbose=0)
    assert float(metric.result()) == pytest.approx(found[1])


@pytest.mark.parametrize("attribute", ["weights", "trainable_weights", "trainable_variables", "non_trainable_weights"])
def test_an_unbuilt_model_has_no_weights_yet(attribute):
    assert getattr(jkeras.Sequential([layers.Dense(1)]), attribute) == []


@pytest.mark.parametrize("call", ["train_on_batch", "fit", "test_on_batch", "predict_on_batch"])
def test_a_second_call_with_one_batch_traces_and_copies_nothing(call, monkeypatch):
    traced = []

    class Seen(layers.Layer):
        def call(self, x):
            traced.append(x.shape)
            return x

    model = Sequential([layers.Input((3,)), Seen(), layers.Dense(4), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    data, options = ((x,) if call == "predict_on_batch" else (x, y)), ({"verbose": 0} if call == "fit" else {})
    getattr(model, call)(*data, **options)
    traced.clear()

    def refuse(*args, **kwargs):
        raise AssertionError("made or copied anew")

    for place, name in ((model.optimizer, "init"), (jnp, "copy"), (jax, "eval_shape")):
        monkeypatch.setattr(place, name, refuse)
    for _ in range(2):
        getattr(model, call)(*data, **options)
    assert traced == []


def test_arrays_that_a_user_got_from_the_optimizer_stay_through_training():
    model = Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("adam", "mse")
    x, y = np.ones((8, 3), "float32"), np.ones((8, 1), "float32")
    model.train_on_batch(x, y)
    kept = model.optimizer.state
    before = jax.tree.map(np.array, kept)
    rate = jnp.asarray(0.5)
    model.optimizer.learning_rate = rate
    model.train_on_batch(x, y)
    model.fit(x, y, verbose=0)
    jax.tree.map(np.testing.assert_array_equal, kept, before)
    assert float(rate) == 0.5

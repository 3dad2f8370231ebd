"""joblib, and parts of models in pickles and copies; `test_copying.py` has the models themselves."""

import copy
import pickle

import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.optimizers import SGD, Adam, LossScaleOptimizer, schedules

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(8, 4)).astype("float32"), RNG.normal(size=(8, 2)).astype("float32")


def twice(x):
    return 2 * x


class Own(jkeras.Model):
    def __init__(self):
        super().__init__()
        self.b, self.a = layers.Dense(2), layers.Dense(5, activation="tanh")
        self.drop = layers.Dropout(0.3)

    def call(self, x, training=False):
        return self.b(self.drop(self.a(x), training=training))


def stack():
    return jkeras.Sequential([layers.Dense(4, activation="relu"), layers.BatchNormalization(), layers.Dense(2)])


def graph():
    x = layers.Input((4,))
    shared = layers.Dense(4, activation=twice)
    return jkeras.Model(x, layers.Dense(2)(layers.Lambda(twice)(shared(shared(x))) + 2.0 * x))


MODELS = {"stack": stack, "graph": graph, "own": Own}


def by_joblib(value, folder):
    joblib = pytest.importorskip("joblib")
    joblib.dump(value, folder / "it")
    return joblib.load(folder / "it")


WAYS = {
    "pickle": lambda value, _: pickle.loads(pickle.dumps(value)),
    "deepcopy": lambda value, _: copy.deepcopy(value),
    "joblib": by_joblib,
}


def trained_on(model):
    jkeras.utils.set_random_seed(3)
    return model.fit(X, Y, epochs=2, batch_size=4, verbose=0).history


@pytest.mark.parametrize("name", MODELS)
def test_a_model_after_fit_trains_on_as_its_copy(name, tmp_path):
    jkeras.utils.set_random_seed(1)
    model = MODELS[name]()
    model.compile(Adam(0.05), "mse", metrics=["mae"])
    history = model.fit(X, Y, epochs=1, verbose=0)
    found = by_joblib(model, tmp_path)
    assert [w.path for w in found.weights] == [w.path for w in model.weights]
    assert int(found.optimizer.iterations) == int(model.optimizer.iterations) == 1
    np.testing.assert_allclose(found.evaluate(X, Y, verbose=0), model.evaluate(X, Y, verbose=0), rtol=1e-6)
    before = model.get_weights()
    ran = trained_on(found)
    assert all((a == b).all() for a, b in zip(before, model.get_weights())), "the copy shares arrays"
    expected = trained_on(model)
    for key, values in expected.items():
        np.testing.assert_allclose(ran[key], values, rtol=1e-6)
    assert by_joblib(history, tmp_path).history == history.history


def accuracy():
    metric = jkeras.metrics.MeanSquaredError()
    metric.update_state(Y, 2 * Y)
    return metric


def normalization():
    layer = layers.Normalization()
    layer.adapt(X)
    return layer


PARTS = {
    "an activation": lambda: jkeras.activations.relu,
    "an optimizer": lambda: Adam(0.1, decay=0.1),
    "a schedule": lambda: SGD(schedules.ExponentialDecay(0.1, 10, 0.9)),
    "a loss scale": lambda: LossScaleOptimizer(Adam()),
    "a loss": lambda: jkeras.losses.Huber(0.3),
    "a metric": accuracy,
    "a layer": lambda: layers.LSTM(3, activation=twice),
    "a wrapper": lambda: layers.Bidirectional(layers.GRU(2)),
    "a layer with weights": normalization,
    "a variable": lambda: jkeras.Variable(np.arange(3.0), dtype="bfloat16"),
    "a callback": lambda: jkeras.callbacks.EarlyStopping(patience=2),
    "a tensor": lambda: layers.Input((4,)),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("part", PARTS)
def test_parts(part, way, tmp_path):
    given = PARTS[part]()
    found = WAYS[way](given, tmp_path)
    assert type(found) is type(given)
    if part == "an activation":
        assert found is given
    if part == "a metric":
        assert float(found.result()) == float(given.result()) > 0
    if part == "a layer with weights":
        np.testing.assert_array_equal(np.asarray(found(X)), np.asarray(given(X)))
    if part == "a variable":
        assert found.dtype == "bfloat16" and found.numpy().tolist() == [0.0, 1.0, 2.0]
    if hasattr(given, "get_config"):
        assert found.get_config() == given.get_config()


def test_a_variable_that_is_read_in_a_step_of_another_process_counts():
    """What was there before a trace is known by its age; numbers of another process mean nothing here."""
    scale = jkeras.Variable(2.0)
    scale.__dict__["_age"] = 10**9
    scale = pickle.loads(pickle.dumps(scale))
    model = jkeras.Sequential([layers.Input((4,)), layers.Dense(2)])
    model.compile("sgd", lambda y, p: scale.value * ((y - p) ** 2).mean())
    first = model.evaluate(X, Y, verbose=0)
    scale.assign(4.0)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(2 * first, rel=1e-6)


def test_a_function_without_a_name_is_named_by_the_error():
    model = jkeras.Sequential([layers.Input((4,)), layers.Lambda(lambda x: 2 * x)])
    with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
        pickle.dumps(model)
    np.testing.assert_array_equal(np.asarray(copy.deepcopy(model)(X)), 2 * X)

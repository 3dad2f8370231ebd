"""Pickles and copies of models, histories, optimizers and layers: before and after `fit`, in this process and another."""

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

from jkeras import Input, Model, Sequential, Variable, activations, callbacks, layers, losses, metrics, models, ops, optimizers
from jkeras.utils import set_random_seed

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(8, 4)).astype("float32"), RNG.normal(size=(8, 1)).astype("float32")
WAYS = {
    "pickle": lambda obj: pickle.loads(pickle.dumps(obj)),
    "old pickle": lambda obj: pickle.loads(pickle._dumps(obj, protocol=2)),
    "deepcopy": copy.deepcopy,
}


class Net(Model):
    """Layers come in another order than the attributes that hold them."""

    def __init__(self):
        super().__init__()
        self.later = []
        self.out = layers.Dense(1)
        self.later.append(layers.Dense(3, activation="tanh"))

    def call(self, x):
        return self.out(self.later[0](x))


class WithGraph(Model):
    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs)
        self.note = "mine"

    def train_step(self, state, batch):
        return super().train_step(state, batch)


def graph(cls=Model):
    x = Input((4,))
    shared = layers.Dense(4, activation="relu")
    both = ops.concatenate([shared(x)[:, 1:3], shared(shared(x))], axis=1)
    return cls(x, layers.Dense(1)(layers.Dropout(0.2)(both)))


def nested():
    x = Input((4,))
    return Model(x, layers.Dense(1)(graph()(x) + graph(WithGraph)(x)))


def recurrent():
    inner = layers.Bidirectional(layers.GRU(2))
    return Sequential([Input((4,)), layers.Reshape((2, 2)), inner, layers.BatchNormalization(), layers.Dense(1)])


def subclassed():
    model = Net()
    model.build((None, 4))
    return model


MODELS = {
    "graph": graph,
    "graph of a class of ones own": lambda: graph(WithGraph),
    "nested": nested,
    "stack": recurrent,
    "subclassed": subclassed,
}


def compiled(make):
    model = make()
    model.compile(optimizers.Adam(0.01, use_ema=True), losses.Huber(), metrics=["mae", metrics.MeanSquaredError()])
    return model


@pytest.mark.parametrize("kind", MODELS)
def test_a_copy_is_the_same(kind):
    model = compiled(MODELS[kind])
    expected = model(X)
    for way in WAYS.values():
        fresh = way(model)
        assert type(fresh) is type(model) and fresh.name == model.name and fresh.compiled
        assert [w.path for w in fresh.weights] == [w.path for w in model.weights]
        assert not {id(w) for w in fresh.weights} & {id(w) for w in model.weights}
        np.testing.assert_array_equal(fresh(X), expected)


@pytest.mark.parametrize("kind, way", [("graph", "pickle"), ("subclassed", "deepcopy")])
def test_a_copy_of_a_trained_model_goes_on_alike(kind, way):
    model = compiled(MODELS[kind])
    history = model.fit(X, Y, batch_size=4, verbose=0)
    again = WAYS[way](model)
    assert WAYS[way](history).history == history.history
    before = model.get_weights()
    for one in (model, again):
        set_random_seed(1)
        one.fit(X, Y, batch_size=4, verbose=0)
    for found, expected in zip(again.get_weights(), model.get_weights()):
        np.testing.assert_array_equal(found, expected)
    assert any(np.any(new != old) for new, old in zip(model.get_weights(), before))
    assert again.optimizer.iterations == 4


def test_what_a_class_of_ones_own_keeps_goes_along():
    model = graph(WithGraph)
    again = pickle.loads(pickle.dumps(model))
    assert again.note == "mine" and isinstance(again, WithGraph)
    assert again.get_config() == model.get_config()


def test_layers_keep_the_order_in_which_they_came():
    model = subclassed()
    again = copy.deepcopy(model)
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]
    again.more = layers.Dense(2)
    assert again.layers[-1] is again.more


def test_weights_that_are_not_drawn_yet_are_the_same_in_a_copy():
    model = graph()
    again, own = pickle.loads(pickle.dumps(model)), copy.deepcopy(model.layers[1])
    np.testing.assert_array_equal(again(X), model(X))
    np.testing.assert_array_equal(own.get_weights()[0], model.layers[1].get_weights()[0])
    again.layers[1].kernel.assign(np.zeros((4, 4)))
    assert np.any(model.layers[1].kernel)


def test_a_graph_may_be_long():
    x = y = Input((2,))
    for _ in range(400):
        y = y + 1.0
    model = Model(x, y)
    for way in WAYS.values():
        np.testing.assert_array_equal(way(model)(np.zeros((1, 2))), [[400.0, 400.0]])


def test_another_process_reads_it(tmp_path):
    model = Sequential([Input((4,)), layers.Dense(2, activation="gelu")])
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(model))
    np.save(tmp_path / "x.npy", X)
    script = """
import pickle, sys, numpy as np
model = pickle.load(open(sys.argv[1] + "/model.pickle", "rb"))
x = np.load(sys.argv[1] + "/x.npy")
np.save(sys.argv[1] + "/y.npy", model(x))
"""
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True, timeout=120)
    np.testing.assert_allclose(np.load(tmp_path / "y.npy"), model(X), rtol=1e-6)


def test_a_kept_state_goes_along():
    model = Sequential([Input(batch_shape=(2, 3, 2)), layers.GRU(2, stateful=True)])
    x = RNG.normal(size=(2, 3, 2)).astype("float32")
    model.predict(x, verbose=0)
    again = copy.deepcopy(model)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))


def test_functions_of_ones_own_are_pickled_by_name_and_copied_as_they_are():
    model = Sequential([Input((4,)), layers.Lambda(ops.negative), layers.Dense(4, activation=ops.square)])
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model.layers[1]))(X), model.layers[1](X))
    local = Sequential([Input((4,)), layers.Lambda(lambda x: 2 * x)])
    np.testing.assert_array_equal(copy.deepcopy(local)(X), 2 * X)
    with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
        pickle.dumps(local)


@pytest.mark.parametrize("way", WAYS)
def test_parts_of_a_training(way):
    parts = [
        layers.Dense(2, activation="relu"),
        layers.Dense(2, activation="softmax", kernel_regularizer="l2"),
        optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 10, 0.5), momentum=0.9),
        metrics.MeanIoU(2),
        losses.CategoricalCrossentropy(label_smoothing=0.1),
        callbacks.EarlyStopping(patience=3),
    ]
    for part in parts:
        again = WAYS[way](part)
        assert type(again) is type(part)
        if hasattr(part, "get_config"):
            assert again.get_config() == part.get_config()


def test_a_copy_of_a_copy_and_a_clone_of_a_copy():
    model = compiled(graph)
    again = copy.deepcopy(pickle.loads(pickle.dumps(copy.copy(model))))
    clone = models.clone_model(again)
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(again(X), model(X))
    np.testing.assert_array_equal(clone(X), model(X))


def test_joblib(tmp_path):
    joblib = pytest.importorskip("joblib")
    model = compiled(graph)
    joblib.dump(model, tmp_path / "model.joblib")
    np.testing.assert_array_equal(joblib.load(tmp_path / "model.joblib")(X), model(X))


def test_a_variable_that_is_read_in_a_step_of_another_process_counts():
    """What was there before a trace is known by its age; numbers of another process mean nothing here."""
    scale = Variable(2.0)
    scale.__dict__["_age"] = 10**9
    scale = pickle.loads(pickle.dumps(scale))
    model = Sequential([Input((4,)), layers.Dense(1)])
    model.compile("sgd", lambda y, p: scale.value * ((y - p) ** 2).mean())
    first = model.evaluate(X, Y, verbose=0)
    scale.assign(4.0)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(2 * first, rel=1e-6)


def test_arrays_and_tensors_are_copied():
    copied = pickle.loads(pickle.dumps([Variable(np.arange(3.0), dtype="bfloat16"), Input((4,)), activations.relu]))
    assert copied[0].dtype == "bfloat16" and copied[0].numpy().tolist() == [0.0, 1.0, 2.0]
    assert copied[1].shape == (None, 4) and copied[2] is activations.relu

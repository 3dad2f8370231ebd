"""A clone has the same architecture and its own weights."""

import contextlib

import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.models import clone_model


class Doubled(layers.Layer):
    def call(self, x):
        return 2.0 * x


def graph():
    a, b = layers.Input((4,), name="a"), layers.Input((4,), name="b")
    shared, wrapped = layers.Dense(4, name="shared"), layers.TimeDistributed(Doubled(name="doubled"), name="steps")
    inner = jkeras.Sequential([layers.Input((4,)), layers.Dense(3, name="deep"), layers.Dropout(0.5, name="drop")], name="inner")
    x = shared(a) + shared(b) * 0.5
    y = layers.Lambda(lambda t: t + 1.0, name="lam")(inner(x))
    return jkeras.Model({"a": a, "b": b}, {"y": y, "z": wrapped(layers.Reshape((2, 2), name="pairs")(x))}, name="graph")


def stack():
    return jkeras.Sequential([layers.Input((4,)), layers.Dense(3, name="one"), layers.Dense(2, name="two")], name="stack")


class Net(jkeras.Model):
    def __init__(self, units):
        super().__init__(name="net")
        self.dense = layers.Dense(units, name="only")

    def call(self, x):
        return self.dense(x)


DATA = {"a": np.eye(3, 4, dtype="float32"), "b": np.ones((3, 4), np.float32)}


def named():
    x, y = layers.Input((4,)), layers.Input((4,))
    return jkeras.Model({"left": x, "right": y}, x + y)


def assert_twins(model, clone, x):
    assert type(clone) is type(model) and clone.name == model.name
    assert not {id(w) for w in clone.weights} & {id(w) for w in model.weights}
    assert [w.path for w in clone.weights] == [w.path for w in model.weights]
    assert any((a != b).any() for a, b in zip(clone.get_weights(), model.get_weights()))
    clone.set_weights(model.get_weights())
    ours, theirs = clone(x), model(x)
    for key in ours if isinstance(ours, dict) else [slice(None)]:
        np.testing.assert_allclose(ours[key], theirs[key], rtol=1e-6)


@pytest.mark.parametrize("recursive", [False, True])
def test_a_graph_with_layers_and_functions_of_ones_own(recursive):
    model = graph()
    clone = clone_model(model, recursive=recursive)
    assert_twins(model, clone, DATA)
    assert clone.get_layer("inner") is not model.get_layer("inner")
    assert [op.name for op in clone.operations] == [op.name for op in model.operations]


def test_a_stack_and_a_class_of_ones_own():
    assert_twins(stack(), clone_model(stack()), DATA["a"])
    lazy = jkeras.Sequential([layers.Dense(2, name="lazy")])
    assert not clone_model(lazy).built
    net = Net(3)
    net(DATA["a"])
    clone = clone_model(net)
    clone(DATA["a"])
    assert_twins(net, clone, DATA["a"])


def test_on_other_inputs():
    x = layers.Input((5, 4), name="longer")
    sequence = clone_model(stack(), input_tensors=x)
    assert sequence.output_shape == (None, 5, 2)
    a, b = layers.Input(batch_shape=(7, 4), name="p"), layers.Input(batch_shape=(7, 4), name="q")
    assert clone_model(graph(), input_tensors={"a": a, "b": b}).output["y"].shape == (7, 3)


def test_with_functions_of_ones_own():
    seen = []

    def wider(layer):
        seen.append(layer.name)
        config = layer.get_config()
        return type(layer).from_config({**config, "units": 2 * config["units"]} if "units" in config else config)

    assert clone_model(stack(), clone_function=wider).output_shape == (None, 4) and seen == ["one", "two"]

    def with_dropout(layer, *args, **kwargs):
        y = layer(*args, **kwargs)
        return layers.Dropout(0.5)(y) if isinstance(layer, layers.Dense) else y

    x = layers.Input((4,))
    model = jkeras.Model(x, layers.Dense(2, name="d")(x))
    same = clone_model(model, clone_function=lambda layer: layer, call_function=with_dropout)
    assert [type(layer).__name__ for layer in same.layers] == ["InputLayer", "Dense", "Dropout"]
    assert same.get_layer("d") is model.get_layer("d")


def test_recursion_reaches_inner_models():
    seen = []

    def note(layer):
        seen.append(layer.name)
        return type(layer).from_config(layer.get_config())

    x = layers.Input((4,))
    model = jkeras.Model(x, stack()(x))
    clone_model(model, clone_function=note)
    assert seen == ["stack"]
    seen.clear()
    clone_model(model, clone_function=note, recursive=True)
    assert seen == ["one", "two"]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: clone_model(layers.Dense(1)), "takes a model"),
        (lambda: clone_model(stack(), call_function=lambda layer, x: x), "call_function is for models with a graph"),
        (lambda: clone_model(Net(1), clone_function=lambda layer: layer), "cloned from its config as a whole"),
        (lambda: clone_model(graph(), input_tensors=layers.Input((4,))), "2 inputs. Received: 1"),
        (lambda: clone_model(named(), input_tensors=[layers.Input((4,))] * 2), "structure of model.input.*'left'"),
        (lambda: clone_model(stack(), input_tensors=[np.ones((2, 4))]), "symbolic tensors"),
        (lambda: clone_model(stack(), clone_function=3), "clone_function is a function"),
    ],
)
def test_what_does_not_fit_is_said(call, text):
    with pytest.raises(ValueError, match=text):
        call()


def test_a_clone_of_a_compiled_model_is_compiled_alike_with_parts_of_its_own():
    def own(y_true, y_pred):
        return abs(y_true - y_pred)

    x = layers.Input((3,))
    metric = jkeras.metrics.MeanAbsoluteError()
    for model in (jkeras.Model(x, layers.Dense(1)(x)), jkeras.Sequential([layers.Input((3,)), layers.Dense(1)])):
        model.compile(jkeras.optimizers.Adam(0.5), own, metrics=[metric])
        clone = clone_model(model)
        assert clone.compiled and clone.loss is own and clone.optimizer is not model.optimizer
        assert float(clone.optimizer.learning_rate) == 0.5
        clone.fit(np.ones((4, 3)), np.ones((4, 1)), verbose=0)
        assert int(model.optimizer.iterations) == 0 and "mean_absolute_error" in clone.history.history


def test_a_clone_of_a_class_of_ones_own_is_built_and_compiled_alike():
    model = Net(2)
    assert not clone_model(model).built
    model(DATA["a"])
    assert clone_model(model).count_params() == model.count_params()
    model.compile("sgd", "mse")
    assert clone_model(model).compiled


class OwnCompile(jkeras.Model):
    def compile(self, g_opt, loss_fn):
        super().compile(optimizer=g_opt, loss=loss_fn)


class OwnConfig(OwnCompile):
    def get_compile_config(self):
        return {"g_opt": jkeras.optimizers.serialize(self.optimizer), "loss_fn": "mse"}

    def compile_from_config(self, config):
        self.compile(jkeras.optimizers.deserialize(config["g_opt"]), config["loss_fn"])


def test_a_compile_of_ones_own_is_called_by_compile_from_config_alone():
    x = layers.Input((3,))
    for cls in (OwnCompile, OwnConfig):
        model = cls(x, layers.Dense(1)(x))
        model.compile(jkeras.optimizers.SGD(0.5), "mse")
        with (
            contextlib.nullcontext()
            if cls is OwnConfig
            else pytest.warns(UserWarning, match="not compiled.*`compile` of its own")
        ):
            clone = clone_model(model)
        assert isinstance(clone, cls) and clone.compiled == (cls is OwnConfig)
    assert float(clone.optimizer.learning_rate) == 0.5


def test_a_clone_that_cannot_be_compiled_alike_says_so():
    model = stack()
    model.compile(pytest.importorskip("optax").sgd(0.1), "mse")
    with pytest.warns(UserWarning, match=r"not compiled.*Call its compile\(\)"):
        assert not clone_model(model).compiled

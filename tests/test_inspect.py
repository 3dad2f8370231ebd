"""Looking inside a model: the outputs of its layers, and the cost of a step."""

import numpy as np
import pytest

import jkeras
import jkeras.backend as K
from jkeras import layers

rng = np.random.default_rng(0)
X = rng.normal(size=(5, 4)).astype("float32")


@pytest.fixture(scope="module")
def graph():
    x = layers.Input((4,))
    shared = layers.Dense(4, name="shared")
    inner_x = layers.Input((4,))
    inner = jkeras.Model(inner_x, layers.ReLU(name="relu")(layers.Dense(3, name="dense")(inner_x)), name="inner")
    y = layers.Dropout(0.5, name="drop")(inner(shared(shared(x))))
    return jkeras.Model(x, [y, layers.Dense(1, name="head")(y)])


def test_activations_of_a_graph(graph):
    found = graph.activations(X)
    assert list(found) == ["shared", "shared#2", "inner/dense", "inner/relu", "inner", "drop", "head"]
    w, b = graph.get_layer("shared").get_weights()
    np.testing.assert_allclose(found["shared"], X @ w + b, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["shared#2"], found["shared"] @ w + b, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found["inner/relu"], np.maximum(found["inner/dense"], 0))
    np.testing.assert_array_equal(found["inner"], found["drop"])
    np.testing.assert_allclose(found["head"], graph.predict(X, verbose=0)[1], rtol=1e-5)


def test_three_ways_to_one_layer(graph):
    ours, tensor = graph.activations(X, layers=["inner"]), graph.get_layer("drop").input
    assert list(ours) == ["inner"]
    np.testing.assert_allclose(ours["inner"], jkeras.Model(graph.inputs, tensor).predict(X, verbose=0), rtol=1e-5)
    np.testing.assert_allclose(ours["inner"], K.function(graph.inputs, [tensor])([X])[0], rtol=1e-5)


def test_activations_choose_layers_batches_and_phase(graph):
    everything = graph.activations(X)
    parts = graph.activations(X, layers=[graph.get_layer("head"), "relu"], batch_size=2)
    assert list(parts) == ["inner/relu", "head"]
    np.testing.assert_allclose(parts["head"], everything["head"], rtol=1e-5)
    assert np.mean(graph.activations(np.ones((200, 4)), layers="drop", training=True)["drop"] == 0) > 0.3
    with pytest.raises(ValueError, match=r"Unknown layer 'drpo'\. Did you mean 'drop'\?"):
        graph.activations(X, layers=["drpo"])
    with pytest.raises(ValueError, match="takes arrays"):
        graph.activations(x for x in [X])


def test_activations_are_compiled_once_and_see_the_weights_of_now():
    traces = []
    count = layers.Lambda(lambda x: traces.append(1) or x, name="count")
    model = jkeras.Sequential([layers.Input((4,)), count, layers.Dense(2, name="head")])
    first, before = model.activations(X)["head"], len(traces)
    model.layers[1].bias.assign([5.0, 5.0])
    np.testing.assert_allclose(model.activations(X)["head"], first + 5, rtol=1e-5)
    assert len(traces) == before
    model.activations(X[:4])
    assert len(traces) == before + 1


class Branches(jkeras.Model):
    def __init__(self):
        super().__init__()
        self.blocks = [layers.Dense(3, name="a"), layers.LSTM(2, return_state=True, name="lstm")]

    def call(self, x):
        return self.blocks[1](self.blocks[0](x)[:, None])[0]


def test_activations_of_a_subclass_and_of_stacks():
    model = Branches()
    found = model.activations(X)
    assert found["a"].shape == (5, 3) and [s.shape for s in found["lstm"]] == [(5, 2)] * 3
    np.testing.assert_allclose(found["lstm"][0], model.predict(X, verbose=0), rtol=1e-5)
    stack = jkeras.Sequential([layers.Dense(2, name="first"), layers.Softmax(name="last")])
    assert list(stack.activations({"x": X}["x"])) == ["first", "last"]


def test_describe_counts_parameters_flops_and_memory():
    model = jkeras.Sequential([layers.Input((64,)), layers.Dense(128, activation="relu"), layers.Dense(10)])
    model.compile("adam", "mse")
    found = model.describe(batch_size=16)
    products = 2 * 16 * (64 * 128 + 128 * 10)
    assert found.parameters == found.trainable_parameters == model.count_params() == 9610
    assert found.parameter_bytes == 4 * 9610 and 8 * 9610 <= found.optimizer_bytes < 8 * 9610 + 100
    assert products <= found.inference.flops < 1.1 * products
    # The gradient needs two more products per layer, but none for the inputs of the first.
    assert 2.5 * products < found.training.flops < 3.6 * products + 30 * 9610
    assert found.training.argument_bytes >= 3 * found.parameter_bytes + X.itemsize * 16 * 64
    assert found.training.peak_bytes >= found.training.argument_bytes + found.training.activation_bytes
    assert found.training.activation_bytes >= 16 * 128 * 4
    assert all(box._value is None for box in model.weights)
    text = repr(found)
    assert "9,610 (37.54 KB)" in text and "float32(16, 64)" in text and len(text.splitlines()) == 6


def test_describe_counts_every_step_of_a_recurrent_layer():
    model = jkeras.Sequential([layers.Input((None, 8)), layers.GRU(16, name="gru")])
    short, long = (model.describe((steps, 8), batch_size=4, training=False) for steps in (10, 30))
    products = 2 * 4 * 30 * (8 + 16) * 48
    assert products < long.inference.flops < 1.3 * products
    assert 2.9 < long.inference.flops / short.inference.flops < 3.1
    assert short.training is None


def test_describe_takes_models_that_are_not_built_and_several_inputs():
    assert Branches().describe(input_shape=(4,), training=False).parameters == 15 + 4 * 2 * (3 + 2 + 1)
    a, b = layers.Input((4,)), layers.Input((2,), dtype="int32")
    model = jkeras.Model([a, b], layers.Concatenate()([a, layers.Flatten()(layers.Embedding(7, 3)(b))]))
    found = model.describe(batch_size=2, training=False)
    assert [str(s.dtype) for s in found.inputs] == ["float32", "int32"] and found.inputs[0].shape == (2, 4)
    assert model.describe([(4,), (2,)], batch_size=2, training=False).inputs == found.inputs


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (lambda: Branches().describe(), r"describe\(input_shape=\(784,\)\)"),
        (lambda: jkeras.Sequential([layers.Input((None, 3)), layers.ReLU()]).describe(), r"input_shape=\(100, 3\)"),
        (lambda: jkeras.Sequential([layers.Input((3,)), layers.ReLU()]).describe(batch_size=0), "Received: 0"),
    ],
)
def test_describe_says_what_is_missing(wrong, text):
    with pytest.raises(ValueError, match=text):
        wrong()

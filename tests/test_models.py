"""The three ways to make a model: a stack, a graph, a class; and what every model can do."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import Input, Model, Sequential, layers

Dense = layers.Dense
ROW = np.ones((1, 3), np.float32)


def shapes(tree):
    return jax.tree.map(lambda a: tuple(a.shape), tree)


def weight_shapes(model):
    return [w.shape for w in model.get_weights()]


# Sequential -------------------------------------------------------------------------------------------------------------

STACKS = {
    "Input": lambda: Sequential([Input((3,)), Dense(4), Dense(2)]),
    "InputLayer": lambda: Sequential([layers.InputLayer((3,)), Dense(4), Dense(2)]),
    "InputLayer, Keras 2": lambda: Sequential([layers.InputLayer(input_shape=(3,)), Dense(4), Dense(2)]),
    "input_shape": lambda: Sequential([Dense(4, input_shape=(3,)), Dense(2)]),
    "input_shape, a list": lambda: Sequential([Dense(4, input_shape=[3]), Dense(2)]),
    "input_dim": lambda: Sequential([Dense(4, input_dim=3), Dense(2)]),
    "batch_input_shape": lambda: Sequential([Dense(4, batch_input_shape=(None, 3)), Dense(2)]),
    "build": lambda: _built(Sequential([Dense(4), Dense(2)]), lambda m: m.build((None, 3))),
    "first batch": lambda: _built(Sequential([Dense(4), Dense(2)]), lambda m: m(np.ones((5, 3)))),
    "a list": lambda: _built(Sequential([Dense(4), Dense(2)]), lambda m: m([[1, 2, 3]])),
    "symbolic": lambda: _built(Sequential([Dense(4), Dense(2)]), lambda m: m(Input((3,)))),
    "predict": lambda: _built(Sequential([Dense(4), Dense(2)]), lambda m: m.predict(ROW, verbose=0)),
    "add": lambda: _added(Input((3,)), Dense(4), Dense(2)),
    "add, input_shape": lambda: _added(Dense(4, input_shape=(3,)), Dense(2)),
    "add, no shape": lambda: _built(_added(Dense(4), Dense(2)), lambda m: m(ROW)),
}


def _built(model, how):
    how(model)
    return model


def _added(*parts):
    model = Sequential()
    for part in parts:
        model.add(part)
    return model


@pytest.mark.parametrize("form", STACKS)
def test_every_form_of_a_stack_is_the_same_model(form):
    model = STACKS[form]()
    assert model.built and model.input_shape == (None, 3) and model.output_shape == (None, 2)
    assert len(model.layers) == 2 and weight_shapes(model) == [(3, 4), (4,), (4, 2), (2,)]
    assert model.layers[0].output.shape == (None, 4) and model.layers[1].input.shape == (None, 4)
    assert model(np.ones((7, 3))).shape == (7, 2)
    features = Model(model.inputs, [layer.output for layer in model.layers])
    x = np.random.default_rng(0).normal(size=(2, 3)).astype("float32")
    hidden, out = features(x)
    np.testing.assert_allclose(out, model(x), rtol=1e-6)
    assert hidden.shape == (2, 4)


def test_a_fixed_batch_size_is_kept():
    assert Sequential([Dense(4, batch_input_shape=(2, 3))]).output_shape == (2, 4)


def test_a_stack_without_shape_knows_nothing_yet():
    model = Sequential([Dense(4)])
    assert not model.built and len(model.layers) == 1
    assert model.weights == []  # as in Keras
    for ask in ("input", "output", "inputs"):
        with pytest.raises(ValueError, match="not known"):
            getattr(model, ask)


def test_add_and_pop_keep_the_weights_below():
    model = STACKS["input_shape"]()
    before = model.get_weights()
    top = model.pop()
    assert model.output_shape == (None, 4) and [layer.name for layer in model.layers] != [top.name]
    model.add(Dense(5))
    assert model.output_shape == (None, 5) and model(ROW).shape == (1, 5)
    np.testing.assert_array_equal(model.get_weights()[0], before[0])
    model.pop()
    model.pop()
    with pytest.raises(ValueError, match="no layers to pop"):
        model.pop()


def test_a_trained_stack_grows_and_trains_on():
    model = Sequential([Dense(4), Dense(2)])
    model.compile("sgd", "mse")
    model.fit(ROW, np.ones((1, 2)), verbose=0)
    model.add(Dense(1))
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(ROW, np.ones((1, 1)) * 9, verbose=0)
    assert len(before) == 6 and all((a != b).any() for a, b in zip(before[-2:], model.get_weights()[-2:]))


def test_layers_may_be_taken_out_and_stacked_anew():
    model = STACKS["Input"]()
    body = Sequential(model.layers[:-1])
    assert body(ROW).shape == (1, 4) and body.layers[0] is model.layers[0]
    assert model.get_layer(index=1) is model.layers[1] is model.get_layer(model.layers[-1].name)


def test_stacks_nest():
    inner = Sequential([Dense(4, input_shape=(3,)), Dense(2)], name="inner")
    outer = Sequential([inner, Dense(5)])
    assert outer.input_shape == (None, 3) and outer(ROW).shape == (1, 5) and outer.get_layer("inner") is inner
    lazy = Sequential([Sequential([Dense(4), Dense(2)]), Dense(5)])
    assert lazy(ROW).shape == (1, 5) and lazy.layers[0].input_shape == (None, 3) and lazy.count_params() == outer.count_params()


def test_names_count_up_and_own_names_stay():
    jkeras.utils.clear_session()
    model = Sequential([Dense(1), Dense(1), layers.Conv2D(1, 1), Dense(1, name="mine"), Dense(1)])
    assert model.name == "sequential"
    assert [layer.name for layer in model.layers] == ["dense", "dense_1", "conv2d", "mine", "dense_2"]


def test_config_makes_an_equal_stack():
    model = Sequential([Input((3,)), Dense(4, activation="relu", name="a"), layers.Dropout(0.5), Dense(2)], name="net")
    again = Sequential.from_config(model.get_config())
    assert again.name == "net" and again.output_shape == (None, 2) and weight_shapes(again) == weight_shapes(model)


# Functional -------------------------------------------------------------------------------------------------------------


def _inputs():
    return Input((1,), name="a"), Input((2,), name="b"), Input((3,), name="c")


A, B, C = (np.full((4, n), n, np.float32) for n in (1, 2, 3))
STRUCTURES = {
    "one": (lambda a, b, c: a, A),
    "list": (lambda a, b, c: [a, b], [A, B]),
    "tuple": (lambda a, b, c: (b, a), (B, A)),
    "dict": (lambda a, b, c: {"q": b, "p": a}, {"p": A, "q": B}),
    "nested": (lambda a, b, c: {"p": a, "q": [b, (c,)]}, {"p": A, "q": [B, (C,)]}),
}


@pytest.mark.parametrize("form", STRUCTURES)
def test_inputs_and_outputs_keep_their_structure(form):
    make, data = STRUCTURES[form]
    symbols = make(*_inputs())
    model = Model(symbols, jax.tree.map(lambda t: t * 2, symbols, is_leaf=lambda t: isinstance(t, jkeras.KerasTensor)))
    for result in (model(data), model.predict(data, verbose=0)):
        assert jax.tree.structure(result) == jax.tree.structure(data)
        assert all((r == 2 * d).all() for r, d in zip(jax.tree.leaves(result), jax.tree.leaves(data)))


@pytest.mark.parametrize(
    "data", [[A, B], (A, B), {"b": B, "a": A}, {"a": A, "b": B, "more": C}], ids=["list", "tuple", "dict", "extra"]
)
def test_inputs_go_by_position_or_by_name(data):
    a, b, _ = _inputs()
    model = Model([a, b], layers.concatenate([a, b]))
    np.testing.assert_array_equal(model(data), np.concatenate([A, B], 1))
    np.testing.assert_array_equal(model.predict(data, verbose=0), np.concatenate([A, B], 1))


def test_a_shared_layer_has_its_weights_once():
    x, y, shared = Input((3,)), Input((3,)), Dense(2, name="shared")
    model = Model([x, y], shared(x) - shared(y))
    assert len(model.weights) == 2
    np.testing.assert_allclose(model([ROW, ROW]), 0)
    assert shared.output is shared._inbound_nodes[0].outputs  # of its first call, as in Keras


def test_a_model_is_a_layer():
    x = Input((3,))
    inner = Model(x, Dense(4)(x), name="inner")
    a, b = Input((3,)), Input((3,))
    siamese = Model([a, b], [inner(a), inner(b)])
    assert len(siamese.weights) == 2 and siamese.output_names == ["inner", "inner_1"]
    np.testing.assert_allclose(siamese([ROW, ROW])[0], inner(ROW), rtol=1e-6)
    assert siamese.get_layer("inner").output.shape == (None, 4)
    inner.set_weights([w * 0 for w in inner.get_weights()])
    assert not np.asarray(siamese([ROW, ROW])[1]).any()


def test_feature_extractors_share_the_weights():
    model = Sequential([Dense(4, input_shape=(3,), name="low"), Dense(2, name="high")])
    extractor = Model(inputs=model.input, outputs=model.get_layer("low").output)
    assert extractor(ROW).shape == (1, 4) and extractor.layers[-1] is model.get_layer("low")
    head = Model(model.get_layer("low").output, model.output)
    np.testing.assert_allclose(head(extractor(ROW)), model(ROW), rtol=1e-6)
    for one in (head, Model.from_config(head.get_config())):
        assert [type(layer).__name__ for layer in one.layers] == ["InputLayer", "Dense"]
        assert one.layers[-1].name == "high" and one.layers[0].batch_shape == (None, 4)


def test_an_input_has_the_dtype_of_its_symbol():
    x, n = Input((2,), dtype="float16"), Input((2,), dtype="int32")
    assert [str(y.dtype) for y in Model((x, n), (x + 2, n + 2))((np.ones((2, 2)), np.ones((2, 2))))] == ["float16", "int32"]


def test_inputs_with_names_need_them_where_their_order_is_open():
    a, b = Input((2,), name="a"), Input((2,), name="b")
    one, two = np.full((1, 2), 1.0), np.full((1, 2), 2.0)
    assert Model({"a": a, "b": b}, a - b)([one, two]).tolist() == [[-1.0, -1.0]]
    with pytest.raises(ValueError, match=r"write {'b': ..., 'a': ...}"):
        Model({"b": b, "a": a}, a - b)([one, two])


def test_a_stack_takes_what_its_first_layer_takes():
    class Weighted(layers.Layer):
        def build(self, shapes):
            self.scale = self.add_weight(shape=shapes["a"][1:], initializer="ones")

        def call(self, x):
            return x["a"] * self.scale + x["b"]

    data = {"a": ROW, "b": 2 * ROW}
    model = Sequential([Weighted(), Dense(1, kernel_initializer="ones")])
    assert model(data).tolist() == [[9.0]] and model.input_shape == [(None, 3), (None, 3)]
    for twin in (jkeras.models.clone_model(model), Sequential.from_config(model.get_config(), {"Weighted": Weighted})):
        assert twin.built and twin.predict(data, verbose=0).tolist() == [[9.0]]


def test_a_config_tells_tuples_from_lists():
    x = Input((3,))
    y, z = Dense(1)(x), Dense(2)(x)
    for outputs in ((y, z), [y, z], {"one": y, "two": (y, [z, y])}):
        found = Model.from_config(Model(x, outputs).get_config())(ROW)
        assert jax.tree.structure(found) == jax.tree.structure(jax.tree.map(lambda _: 0, outputs))


OPERATORS = {
    "arithmetic": lambda x: (x * 2 + 1 - x / 3) ** 2,
    "reflected": lambda x: 1 - 2 / (3 + x) + 2**x,
    "negative": lambda x: -abs(x),
    "slice": lambda x: x[:, 1:],
    "new axis": lambda x: x[..., None],
    "matmul": lambda x: x @ np.ones((3, 2), np.float32),
    "compare": lambda x: (x > 0) & (x <= 1) | ~(x != 2),
    "integer": lambda x: x // 2 + x % 2,
    "keyword": lambda x: layers.Activation(lambda v: v * 3)(x),
    "ops": lambda x: jkeras.ops.sin(x) if isinstance(x, jkeras.KerasTensor) else jnp.sin(x),
}


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_and_functions_on_symbols_are_those_on_arrays(name):
    fn, x = OPERATORS[name], Input((3,))
    value = jnp.asarray([[-1.5, 0.5, 2.0]])
    out = fn(x)
    real = fn(value)
    assert out.shape == (None, *real.shape[1:]) and out.dtype == str(real.dtype)
    np.testing.assert_allclose(Model(x, out)(value), real, rtol=1e-6)


def test_arguments_of_a_layer_may_be_symbols_or_constants():
    class Mix(layers.Layer):
        def call(self, x, other=None, scale=1.0):
            return x * scale + (0 if other is None else other)

    x, y = Input((3,)), Input((3,))
    model = Model([x, y], Mix()(x, other=y, scale=3.0))
    np.testing.assert_array_equal(model([ROW, ROW]), 4 * ROW)


def test_a_class_may_extend_a_functional_model():
    class Trained(Model):
        def greet(self):
            return "hello"

    class Fixed(Model):
        def __init__(self, units, **kwargs):
            x = Input((3,))
            super().__init__(inputs=x, outputs=Dense(units)(x), **kwargs)
            self.units = units

    x = Input((3,))
    one, two = Trained(x, Dense(2)(x)), Fixed(4, name="fixed")
    assert one.greet() == "hello" and isinstance(one, Trained) and type(one).__name__ == "Trained"
    assert two.name == "fixed" and two.units == 4 and two(ROW).shape == (1, 4) and two.output_shape == (None, 4)
    assert type(Trained(x, x)) is type(one)


# Subclasses -------------------------------------------------------------------------------------------------------------


class Held(Model):
    def __init__(self):
        super().__init__()
        self.single = Dense(2)
        self.many = [Dense(3), Dense(4)]
        self.named = {"a": Dense(5), "b": [Dense(6)]}
        self.pair = (Dense(7), "not a layer")

    def call(self, x):
        for layer in (self.single, *self.many, self.named["a"], *self.named["b"], self.pair[0]):
            x = layer(x)
        return x


def test_layers_are_found_in_attributes_lists_and_dicts():
    model = Held()
    assert model(ROW).shape == (1, 7)
    assert [layer.units for layer in model.layers] == [2, 3, 4, 5, 6, 7]
    assert len(model.weights) == len(model.trainable_variables) == 12
    model.many.append(Dense(9))
    assert len(model.layers) == 7
    model.trainable = False
    assert not model.trainable_variables and not model.named["b"][0].trainable


CALLS = {
    "one": (lambda self, x: self.d(x), lambda: ROW, (None, 3)),
    "list": (lambda self, x: self.d(x[0]) + self.d(x[1]), lambda: [ROW, ROW], [(None, 3), (None, 3)]),
    "dict": (lambda self, x: self.d(x["p"]) + self.d(x["q"]), lambda: {"p": ROW, "q": ROW}, {"p": (None, 3), "q": (None, 3)}),
}


@pytest.mark.parametrize("form", CALLS)
def test_a_class_takes_structures_and_is_built_by_shapes_or_data(form):
    call, data, shape = CALLS[form]

    def init(self):
        Model.__init__(self)
        self.d = Dense(2)

    kind = type("Net", (Model,), {"__init__": init, "call": call})
    by_shape, by_data, by_fit = kind(), kind(), kind()
    by_shape.build(shape)
    by_data(data())
    by_fit.compile("sgd", "mse")
    by_fit.fit(data(), np.ones((1, 2)), verbose=0)
    assert by_shape.count_params() == by_data.count_params() == by_fit.count_params() == 8


def test_a_build_called_directly_makes_the_weights_once():
    class Scale(layers.Layer):
        def build(self, shape):
            self.factor = self.add_weight(shape=(shape[-1],), name="factor", initializer="ones")

        def call(self, x):
            return x * self.factor

    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Scale()

        def build(self, shape):
            self.inner.build(shape)

        def call(self, x):
            return self.inner(x)

    scale, outer = Scale(), Outer()
    scale.build((None, 3))
    assert scale.built and scale.init(jax.random.key(0))[0]["factor"].shape == (3,)
    for layer in (scale, outer):
        assert layer(ROW).shape == (1, 3) and len(layer.weights) == 1


def test_training_and_mask_reach_the_layers():
    seen = []

    class Spy(layers.Layer):
        def call(self, x, training=None, mask=None):
            seen.append((training, None if mask is None else mask.shape))
            return x

    class Net(Model):
        def __init__(self):
            super().__init__()
            self.embed, self.spies = layers.Embedding(5, 2, mask_zero=True), [Spy()]

        def call(self, x):
            return self.spies[0](self.embed(x))

    model, words = Net(), np.array([[1, 0]])
    model(words)
    seen.clear()
    model(words)
    model(words, training=True)
    assert seen == [(False, (1, 2)), (True, (1, 2))]


def test_losses_are_those_of_the_last_call():
    class Net(Model):
        def __init__(self):
            super().__init__()
            self.d = Dense(1, kernel_initializer="ones", kernel_regularizer="l2", activity_regularizer="l1")

        def call(self, x):
            y = self.d(x)
            self.add_loss(jnp.mean(y) * 10)
            return y

    model = Net()
    for _ in range(2):
        model(np.ones((2, 3)))
    assert sorted(float(v) for v in model.losses) == pytest.approx([0.03, 0.03, 30.0])  # weight, activity, add_loss


def test_weights_come_in_keras_order_when_nested_and_frozen():
    keras = pytest.importorskip("keras")

    def make(library):
        k = library.layers
        x = k.Input((3,), name="x")
        h = k.BatchNormalization(name="bn")(x)
        side = k.Dense(2, name="side", trainable=False)(x)
        inner = library.Sequential([k.Input((3,)), k.Dense(4, name="i1"), k.BatchNormalization(name="i2")], name="inner")
        model = library.Model(x, k.Concatenate(name="cat")([inner(h), side]))
        inner.layers[0].trainable = False
        return model

    ours, theirs = make(jkeras), make(keras)
    for what in ("weights", "trainable_weights", "non_trainable_weights"):
        mine, other = ([tuple(w.path.split("/")[-2:]) for w in getattr(m, what)] for m in (ours, theirs))
        assert mine == other, what
    assert weight_shapes(ours) == weight_shapes(theirs)
    assert [layer.name for layer in ours.layers] == [layer.name for layer in theirs.layers]
    ours.set_weights(theirs.get_weights())
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    np.testing.assert_allclose(ours(x), np.asarray(theirs(x)), rtol=1e-6, atol=1e-6)


def test_an_unknown_layer_name_gets_the_nearest():
    with pytest.raises(ValueError, match="alpha"):
        Sequential([Dense(2, name="alpha")]).get_layer("alpa")

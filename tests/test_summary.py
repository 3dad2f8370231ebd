"""`model.summary()` prints the tables of Keras 2, character for character."""

from __future__ import annotations

import inspect
import re
from textwrap import dedent

import keras
import numpy as np
import pytest

from jkeras import Model, Sequential, layers
from jkeras._base.naming import reset_names
from jkeras.layers import Concatenate, Conv2D, Dense, Flatten, Input, MaxPool2D
from jkeras.models.summary import summary as print_summary


@pytest.fixture(autouse=True)
def fresh_names():
    reset_names()


def summary(model, **options):
    lines = []
    assert model.summary(print_fn=lines.append, **options) is None
    return lines


def table(text, width=65):
    """The lines of a table; editors take spaces at line ends away, so rows are filled up to the width here."""
    lines = dedent(text).strip("\n").splitlines()
    return [line if line.startswith("Model: ") or "params: " in line else line.ljust(width) for line in lines]


def column(model, title, **options):
    """The fields below a title."""
    header, *rows = [line for line in summary(model, **options)[2:-4] if line[0] not in "_="]
    starts = [header.index(t) for t in ("Layer (type)", "Output Shape", "Param #", "Connected to", "Trainable") if t in header]
    start = header.index(title)
    end = min([s for s in starts if s > start], default=None)
    return [row[start:end].strip() for row in rows]


class Doubled(layers.Layer):
    def call(self, x):
        return x, x


class MyDNN(Model):
    def __init__(self, out_shape):
        super().__init__(name="my_dnn")
        self.fc1, self.fc2 = Dense(400, activation="relu"), Dense(20, activation="relu")
        self.output_layer = Dense(out_shape, activation="linear")

    def call(self, x):
        return self.output_layer(self.fc2(self.fc1(x)))


# whole tables, as tutorials written with Keras 2.4 show them ----------------------------------------------------------------


def test_sequential():
    model = Sequential(
        [
            Dense(10, activation="relu", name="hidden1", input_shape=(28,)),
            Dense(40, activation="relu", name="hidden2"),
            Dense(15, activation="relu", name="hidden3"),
        ]
    )
    assert summary(model) == table("""
        Model: "sequential"
        _________________________________________________________________
        Layer (type)                 Output Shape              Param #
        =================================================================
        hidden1 (Dense)              (None, 10)                290
        _________________________________________________________________
        hidden2 (Dense)              (None, 40)                440
        _________________________________________________________________
        hidden3 (Dense)              (None, 15)                615
        =================================================================
        Total params: 1,345
        Trainable params: 1,345
        Non-trainable params: 0
        _________________________________________________________________
    """)


def test_sequential_with_an_input_and_a_layer_taken_off():
    model = Sequential(name="sequential_1")
    model.add(Input(shape=(8,)))
    for i, units in enumerate((10, 30, 10), start=1):
        model.add(Dense(units, activation="relu", name=f"hidden{i}"))
    model.pop()
    assert summary(model) == table("""
        Model: "sequential_1"
        _________________________________________________________________
        Layer (type)                 Output Shape              Param #
        =================================================================
        hidden1 (Dense)              (None, 10)                90
        _________________________________________________________________
        hidden2 (Dense)              (None, 30)                330
        =================================================================
        Total params: 420
        Trainable params: 420
        Non-trainable params: 0
        _________________________________________________________________
    """)


def chain_then_two_branches():
    """A convolutional chain, then a model of two inputs and two outputs, with the names they get in one program."""
    Input(shape=(8,))
    x0 = Input(shape=(28, 28, 3))
    x = MaxPool2D(2, 2, padding="valid")(Conv2D(32, 3, padding="same", activation="relu")(x0))
    x = MaxPool2D(2, 2, padding="valid")(Conv2D(64, 5, padding="same", activation="relu")(x))
    chain = Model(inputs=x0, outputs=Dense(10, activation="softmax")(Flatten()(x)))
    x1 = Input(shape=(25,))
    x = Dense(200, activation="relu")(x1)
    y1 = Dense(10, activation="softmax")(x)
    x2 = Input(shape=(7, 7, 3))
    x = MaxPool2D(2, 2, padding="valid")(Conv2D(16, 3, padding="same", activation="relu")(x2))
    y2 = Dense(5, activation="softmax")(Flatten()(x))
    return chain, Model(inputs=[x1, x2], outputs=[y1, y2])


def test_functional_chain():
    assert summary(chain_then_two_branches()[0]) == table("""
        Model: "model"
        _________________________________________________________________
        Layer (type)                 Output Shape              Param #
        =================================================================
        input_2 (InputLayer)         [(None, 28, 28, 3)]       0
        _________________________________________________________________
        conv2d (Conv2D)              (None, 28, 28, 32)        896
        _________________________________________________________________
        max_pooling2d (MaxPooling2D) (None, 14, 14, 32)        0
        _________________________________________________________________
        conv2d_1 (Conv2D)            (None, 14, 14, 64)        51264
        _________________________________________________________________
        max_pooling2d_1 (MaxPooling2 (None, 7, 7, 64)          0
        _________________________________________________________________
        flatten (Flatten)            (None, 3136)              0
        _________________________________________________________________
        dense (Dense)                (None, 10)                31370
        =================================================================
        Total params: 83,530
        Trainable params: 83,530
        Non-trainable params: 0
        _________________________________________________________________
    """)


def test_functional_with_branches():
    expected = """
        Model: "model_1"
        __________________________________________________________________________________________________
        Layer (type)                    Output Shape         Param #     Connected to
        ==================================================================================================
        input_4 (InputLayer)            [(None, 7, 7, 3)]    0
        __________________________________________________________________________________________________
        conv2d_2 (Conv2D)               (None, 7, 7, 16)     448         input_4[0][0]
        __________________________________________________________________________________________________
        input_3 (InputLayer)            [(None, 25)]         0
        __________________________________________________________________________________________________
        max_pooling2d_2 (MaxPooling2D)  (None, 3, 3, 16)     0           conv2d_2[0][0]
        __________________________________________________________________________________________________
        dense_1 (Dense)                 (None, 200)          5200        input_3[0][0]
        __________________________________________________________________________________________________
        flatten_1 (Flatten)             (None, 144)          0           max_pooling2d_2[0][0]
        __________________________________________________________________________________________________
        dense_2 (Dense)                 (None, 10)           2010        dense_1[0][0]
        __________________________________________________________________________________________________
        dense_3 (Dense)                 (None, 5)            725         flatten_1[0][0]
        ==================================================================================================
        Total params: 8,383
        Trainable params: 8,383
        Non-trainable params: 0
        __________________________________________________________________________________________________
    """
    assert summary(chain_then_two_branches()[1]) == table(expected, width=98)


def test_subclassed():
    model = MyDNN(5)
    model(np.zeros((1, 48), np.float32))
    assert summary(model) == table("""
        Model: "my_dnn"
        _________________________________________________________________
        Layer (type)                 Output Shape              Param #
        =================================================================
        dense (Dense)                multiple                  19600
        _________________________________________________________________
        dense_1 (Dense)              multiple                  8020
        _________________________________________________________________
        dense_2 (Dense)              multiple                  105
        =================================================================
        Total params: 27,725
        Trainable params: 27,725
        Non-trainable params: 0
        _________________________________________________________________
    """)


def test_the_spaces_at_line_ends():
    lines = summary(Sequential([Dense(10, input_shape=(28,), name="hidden1")]))
    assert lines[2] == "Layer (type)                 Output Shape              Param #   "
    assert lines[4] == "hidden1 (Dense)              (None, 10)                290       "
    assert lines[6] == "Total params: 290"


# shapes ---------------------------------------------------------------------------------------------------------------


def test_shape_of_a_layer_with_several_outputs():
    x = Input((3,))
    a, b = Doubled()(x)
    assert column(Model(x, Concatenate()([a, b])), "Output Shape")[1:] == ["((None, 3), (None, 3", "(None, 6)", ""]


def test_shape_of_a_layer_called_on_several_shapes():
    shared = Flatten(name="shared")
    a, b = Input((3, 2)), Input((5, 4))
    rows = column(Model([a, b], Concatenate()([shared(a), shared(b)])), "Output Shape")
    assert rows == ["[(None, 3, 2)]", "[(None, 5, 4)]", "multiple", "", "(None, 26)", ""]


def test_calls_outside_the_model_do_not_count():
    shared = Flatten()
    shared(Input((5, 4)))
    x = Input((3, 2))
    assert column(Model(x, shared(x)), "Output Shape") == ["[(None, 3, 2)]", "(None, 6)"]


def test_a_model_inside_shows_its_own_shape():
    x = Input((None, 3))
    inner = Model(x, [Dense(4)(x)])
    y = Input((7, 3))
    assert column(Model(y, inner(y)), "Output Shape") == ["[(None, 7, 3)]", "(None, None, 4)"]

    class Wrapped(Model):
        def __init__(self):
            super().__init__()
            self.inner = inner

        def call(self, x):
            return self.inner(x)

    wrapped = Wrapped()
    wrapped(np.zeros((1, 7, 3), np.float32))
    assert column(wrapped, "Output Shape") == ["(None, None, 4)"]


# connections ----------------------------------------------------------------------------------------------------------


def test_one_line_for_each_connection():
    x = Input((3,))
    a, b = Doubled(name="two")(x)
    model = Model(x, Concatenate(name="join")([a, b, x]))
    line = "{:<32}{:<21}{:<12}{:<33}".format
    assert summary(model)[8:12] == [
        line("join (Concatenate)", "(None, 9)", "0", "two[0][0]"),
        line("", "", "", "two[0][1]"),
        line("", "", "", "input_1[0][0]"),
        "=" * 98,
    ]


def test_connections_of_a_shared_layer():
    shared = Dense(4, name="shared")
    shared(Input((3,)))
    a, b = Input((3,), name="a"), Input((3,), name="b")
    model = Model([a, b], Concatenate()([shared(a), shared(b)]))
    assert column(model, "Connected to") == ["", "", "a[0][0]", "b[0][0]", "shared[0][0]", "shared[1][0]"]


def test_connection_to_an_input_that_another_graph_makes():
    inside = Dense(3, name="inside")(Input((2,)))
    joined = layers.Add()([Dense(3)(inside), Dense(3)(inside)])
    assert column(Model(inside, joined), "Connected to") == ["", "inside", "inside", "dense[0][0]", "dense_1[0][0]"]


@pytest.mark.parametrize(
    ("outputs", "connected"),
    [
        (lambda x: Dense(3)(Dense(3)(x)), False),
        (lambda x: [h := Dense(3)(x), Dense(3)(h)], False),
        (lambda x: [Dense(3)(x), Dense(3)(x)], True),
        (lambda x: layers.Add()([x, x]), True),
        (lambda x: (lambda layer: layer(layer(x)))(Dense(3)), True),
    ],
    ids=["chain", "chain with two outputs", "two branches", "one layer twice", "shared layer"],
)
def test_a_chain_has_no_column_of_connections(outputs, connected):
    x = Input((3,))
    lines = summary(Model(x, outputs(x)))
    assert ("Connected to" in lines[2]) == connected
    assert len(lines[1]) == (98 if connected else 65)


def test_a_stack_has_no_column_of_connections_even_with_several_tensors_between_layers():
    model = Sequential([Input((3,)), Doubled(), Concatenate()])
    assert column(model, "Output Shape") == ["((None, 3), (None, 3))", "(None, 6)"]
    assert "Connected to" not in summary(model)[2]


def test_a_single_layer_of_two_inputs_has_connections():
    a, b = Dense(2, name="a")(Input((3,))), Dense(2, name="b")(Input((3,)))
    assert column(Model([a, b], layers.Add()([a, b])), "Connected to") == ["", "", "a", "b"]


def test_array_functions_are_shown_like_layers():
    x = Input((4,))
    model = Model(x, (x * 2 * 3)[:, 1:])
    assert column(model, "Layer (type)") == [
        "input_1 (InputLayer)",
        "multiply (Multiply)",
        "multiply_1 (Multiply)",
        "get_item (GetItem)",
    ]
    assert column(model, "Output Shape")[-1] == "(None, 3)"
    assert column(model, "Param #") == ["0"] * 4


# totals ---------------------------------------------------------------------------------------------------------------


def totals(model):
    return [int(line.split(": ")[1].replace(",", "")) for line in summary(model)[-4:-1]]


def test_totals_follow_what_is_trainable_now():
    model = Sequential([Dense(3, input_shape=(2,)), layers.BatchNormalization()])
    assert totals(model) == [21, 15, 6]
    model.layers[0].trainable = False
    assert totals(model) == [21, 6, 15]
    model.trainable = False
    assert totals(model) == [21, 0, 21]


def test_a_shared_weight_counts_once():
    shared = Dense(3)
    x = Input((3,))
    inner = Model(x, shared(x))
    model = Model(x, layers.Add()([shared(x), inner(x)]))
    assert sorted(column(model, "Param #")) == ["", "0", "0", "12", "12"]
    assert totals(model) == [12, 12, 0]


def test_a_layer_that_was_never_called():
    class Idle(Model):
        def __init__(self):
            super().__init__()
            self.used, self.unused = Dense(2), Dense(2)

        def call(self, x):
            return self.used(x)

    model = Idle()
    model(np.zeros((1, 3), np.float32))
    assert column(model, "Param #") == ["8", "0 (unused)"]


def test_a_model_that_is_not_built_says_so_as_in_keras_3_and_stays_so(capsys):
    class Net(Model):
        def __init__(self, dense):
            super().__init__()
            self.dense = dense

        def call(self, x):
            return self.dense(x)

    model = Sequential([layers.Embedding(10, 4), layers.Flatten(), Dense(1)])
    for one in (model, Net(Dense(2))):
        assert set(column(one, "Output Shape")) == {"?"} and column(one, "Param #")[-1] == "0 (unbuilt)"
        assert not one.built and one.weights == []
    Sequential().summary()
    assert "Total params: 0" in capsys.readouterr().out
    assert model(np.zeros((2, 5), "int32")).shape == (2, 1)
    assert column(model, "Param #") == ["40", "0", "21"]


# options --------------------------------------------------------------------------------------------------------------


def three_layers():
    return Sequential([Dense(2, input_shape=(2,), name="a"), Dense(2, name="b"), Dense(2, name="c")], name="three")


def test_lines_go_to_print_by_default(capsys):
    three_layers().summary()
    assert capsys.readouterr().out.splitlines() == summary(three_layers())


def test_line_length():
    lines = summary(three_layers(), line_length=40)
    assert lines[1:5] == [
        "_" * 40,
        "Layer (type)      Output Shape    Param ",
        "=" * 40,
        "a (Dense)         (None, 2)       6     ",
    ]


@pytest.mark.parametrize("positions", [[0.25, 0.5, 1.0], [10, 20, 40], (0.25, 0.5, 1.0), [10, 20, 40, 60]])
def test_positions(positions):
    lines = summary(three_layers(), line_length=40, positions=positions)
    assert lines[2] == "Layer (ty Output Sh Param #             "
    assert lines[4] == "a (Dense) (None, 2) 6                   "


@pytest.mark.parametrize("positions", [[0.5, 1.0], [0.5, 0.4, 1.0], []])
def test_positions_that_do_not_fit(positions):
    with pytest.raises(ValueError, match=r"3 columns.*Received: positions=.*Write"):
        summary(three_layers(), positions=positions)


def test_show_trainable():
    model = three_layers()
    model.layers[1].trainable = False
    positions = [0.45, 0.85, 1.0]
    lines = summary(model, show_trainable=True, positions=positions)
    assert lines[1] == "_" * 76
    assert lines[2] == "Layer (type)                 Output Shape              Param #   Trainable  "
    assert column(model, "Trainable", show_trainable=True) == ["Y", "N", "Y"]
    assert positions == [0.45, 0.85, 1.0]


def test_show_trainable_beside_connections():
    x = Input((2,))
    model = Model(x, layers.Add()([x, x]))
    lines = summary(model, show_trainable=True)
    assert lines[2].endswith("Connected to".ljust(33) + "Trainable  ") and len(lines[2]) == 109
    assert column(model, "Trainable", show_trainable=True) == ["Y", "Y", ""]


def test_expand_nested():
    x = Input((4,), name="x")
    innermost = Sequential([Dense(2, input_shape=(3,), name="deep")], name="innermost")
    inner = Sequential([Dense(3, input_shape=(4,), name="first"), innermost, Dense(3, name="last")], name="inner")
    model = Model(x, Dense(1, name="out")(inner(x)), name="outer")
    assert summary(model)[6] == "inner (Sequential)           (None, 3)                 32        "
    assert summary(model, expand_nested=True) == table("""
        Model: "outer"
        _________________________________________________________________
        Layer (type)                 Output Shape              Param #
        =================================================================
        x (InputLayer)               [(None, 4)]               0
        _________________________________________________________________
        inner (Sequential)           (None, 3)                 32
        |¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯|
        | first (Dense)              (None, 3)                 15       |
        |                                                               |
        | innermost (Sequential)     (None, 2)                 8        |
        ||¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯||
        || deep (Dense)              (None, 2)                 8       ||
        |¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯|
        |                                                               |
        | last (Dense)               (None, 3)                 9        |
        ¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯¯
        _________________________________________________________________
        out (Dense)                  (None, 1)                 4
        =================================================================
        Total params: 36
        Trainable params: 36
        Non-trainable params: 0
        _________________________________________________________________
    """)


def test_expand_nested_shows_the_connections_inside():
    x = Input((2,), name="x")
    inner = Model(x, layers.Add(name="inner_sum")([Dense(2, name="p")(x), x]), name="inner")
    y = Input((2,), name="y")
    model = Model(y, layers.Add(name="outer_sum")([inner(y), y]))
    connections = [c.strip("| ¯") for c in column(model, "Connected to", expand_nested=True)]
    assert [c for c in connections if c] == ["y[0][0]", "x[0][0]", "p[0][0]", "x[0][0]", "inner[0][0]", "y[0][0]"]


@pytest.mark.parametrize(
    ("layer_range", "shown"), [(("b", "c"), "bc"), (("b", "b"), "b"), (["c", "b"], "bc"), (("[ab]", "[ab]"), "ab"), (None, "abc")]
)
def test_layer_range(layer_range, shown):
    model = three_layers()
    assert column(model, "Layer (type)", layer_range=layer_range) == [f"{name} (Dense)" for name in shown]
    assert totals(model) == [18, 18, 0]


@pytest.mark.parametrize(
    ("layer_range", "message"),
    [
        (("a", "z"), "match of 'z'.*the model has a, b, c"),
        (("a",), "pair of names"),
        ("ab", "pair of names"),
        ((0, 1), "pair of names"),
    ],
)
def test_layer_range_that_does_not_fit(layer_range, message):
    with pytest.raises(ValueError, match=message):
        summary(three_layers(), layer_range=layer_range)


def test_print_summary_is_what_the_method_prints():
    lines = []
    print_summary(three_layers(), print_fn=lines.append)
    assert lines == summary(three_layers())


@pytest.mark.parametrize("name", ("summary", "export", "describe", "find_nonfinite"))
def test_a_method_shows_its_own_name(name):
    method = getattr(three_layers(), name)
    refusal = (
        "export does not take the argument 'foo'" if name == "export" else f"{name}() got an unexpected keyword argument 'foo'"
    )
    with pytest.raises(TypeError, match=f"^{re.escape(refusal)}"):
        method(**{"filepath": "m"} if name == "export" else {}, foo=1)
    assert next(iter(inspect.signature(getattr(Model, name)).parameters)) == "self" and method.__name__ == name


def test_the_signature_of_summary_is_keras():
    assert (
        str(inspect.signature(Model.summary))
        .replace("'", "")
        .startswith("(self: Layer, line_length: int | None = None, positions:")
    )
    assert list(inspect.signature(Model.summary).parameters) == list(inspect.signature(keras.Model.summary).parameters)

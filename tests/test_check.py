"""`python -m jkeras --check`: what it finds in a script without running it, and what it must not report."""

import re
import textwrap
from pathlib import Path

import numpy as np
import pytest

import jkeras
from jkeras.compat import check_script

HEADER = """
import keras
import tensorflow as tf
from keras import layers
from keras.layers import Dense
"""


def found(script):
    """Names of what is missing in a script that begins with the header."""
    return [absent.name for absent in check_script(HEADER + textwrap.dedent(script))]


@pytest.mark.parametrize(
    "script, name",
    [
        ("model = keras.Sequential()\nmodel.fitt(1)", "keras.Sequential.fitt"),
        ("model = keras.Model(1, 2)\nmodel.graph_of", "keras.Model.graph_of"),
        ("def f():\n    d = Dense(3)\n    return d.unitss", "keras.layers.Dense.unitss"),
        ("d = Dense(3)\ndef f():\n    return d.unitss", "keras.layers.Dense.unitss"),
        ("d: Dense = Dense(3)\nd.unitss", "keras.layers.Dense.unitss"),
        ("keras.optimizers.Adam(1e-3).minimise", "keras.optimizers.Adam.minimise"),
        ("keras.layers.Dense.from_a_config({})", "keras.layers.Dense.from_a_config"),
        ("class Net(keras.Model):\n    def call(self, x):\n        return self.missing(x)", "keras.Model.missing"),
        ("class Net(keras.Model):\n    def call(self, x):\n        return super().calll(x)", "keras.Model.calll"),
        ("class A(layers.Layer): pass\nclass B(A): pass\nB().weightss", "keras.layers.Layer.weightss"),
        ("ds = tf.data.Dataset.range(3)\nds = ds.map(abs)\nds.batch(3).sortt()", "tensorflow.data.Dataset.sortt"),
        ("x = tf.zeros(3)\nx.unsqueeze(0)", "tensorflow.Tensor.unsqueeze"),
        ("with tf.GradientTape() as tape:\n    tape.gradd", "tensorflow.GradientTape.gradd"),
    ],
)
def test_attributes_that_are_missing(script, name):
    assert found(script) == [name]


@pytest.mark.parametrize(
    "script",
    [
        "d = Dense(3)\nd.units, d.kernel, d.bias, d.kernel_initializer, d.input_spec, d.output, d.built",
        "m = keras.Model(1, 2)\nm.inputs, m.input_names, m.optimizer, m.history, m.stop_training, m.layers[0].anything",
        "m = keras.Sequential()\nm.mine = 3\nm.mine",
        "m = keras.Sequential()\nif hasattr(m, 'later'):\n    m.later",
        "m = keras.Sequential()\ntry:\n    m.later\nexcept AttributeError:\n    pass",
        "m = keras.Sequential()\nm = m.wrapped_by_me if m else m",
        "def f(m):\n    m.anything\nm = keras.Sequential()",
        "m = keras.Sequential()\nfor m in []:\n    m.anything",
        "m = keras.Sequential()\ndef f():\n    global m\n    m = 3\nm.anything",
        "class Net(keras.Model, Unknown):\n    def call(self, x):\n        return self.anything",
        "class Net(keras.Model):\n    def call(self, x):\n        setattr(self, 'a' + 'b', 1)\n        return self.ab",
        "class Net(keras.Model):\n    n = 3\n    def call(self, x):\n        self.y = 1\n        return self.n, self.y",
        "class A(layers.Layer):\n    def call(self, x):\n        return self.f(x)\nclass B(A):\n    def f(self, x): return x",
        "es = keras.callbacks.EarlyStopping()\nes.best, es.stopped_epoch, es.wait, es.best_weights, es.model",
        "mean = keras.metrics.Mean()\nmean.total, mean.count, mean.result().anything",
        "opt = keras.optimizers.Adam()\nopt.learning_rate, opt.iterations, opt.beta_1, opt.variables",
        "v = tf.Variable(1.0)\nv.anything",
        "ds = tf.data.Dataset.range(3)\nds = mine(ds)\nds.anything",
        "x = tf.zeros(3)\nx.numpy(), x.shape, x.get_shape(), x.dtype, x.name, x[0].anything",
        "try:\n    from keras.layers import NotThere\nexcept ImportError:\n    NotThere = None",
        "Dense = object\nDense.anything",
    ],
)
def test_attributes_that_may_be_there(script):
    assert found(script) == []


@pytest.mark.parametrize(
    "script, name",
    [
        ("Dense(3, 'reluu')", 'activation="reluu"'),
        ("Dense(3, activation='reluu')", 'activation="reluu"'),
        ("layers.Activation('reluu')", 'activation="reluu"'),
        ("layers.LSTM(3, recurrent_initializer='othogonal')", 'recurrent_initializer="othogonal"'),
        ("layers.Conv2D(3, 3, bias_regularizer='l3')", 'bias_regularizer="l3"'),
        ("layers.Dense(3, kernel_constraint='maxx')", 'kernel_constraint="maxx"'),
        ("def f(m):\n    m.compile(optimizer='adamm', loss='mse')", 'optimizer="adamm"'),
        ("def f(m):\n    m.compile(loss={'a': 'msee', 'b': 'mse'})", 'loss="msee"'),
        ("def f(m):\n    m.compile(loss='mse', metrics=[['acc', 'aucc'], ['ce']])", 'metrics="aucc"'),
        ("m = keras.Sequential()\nm.compile('adamm')", 'optimizer="adamm"'),
        ("class Net(keras.Model):\n    def f(self):\n        self.compile('sgd', 'msee')", 'loss="msee"'),
    ],
)
def test_strings_that_name_nothing(script, name):
    assert found(script) == [name]


@pytest.mark.parametrize(
    "script",
    [
        "Dense(3, 'relu', kernel_initializer='he_normal', kernel_regularizer='l2', kernel_constraint='max_norm')",
        "def f(m):\n    m.compile('adam', loss='mse', metrics=['accuracy', 'acc', 'crossentropy', 'mae'])",
        "def f(re):\n    re.compile('adamm')\n    re.compile(optimizer='anything')",
        "keras.utils.get_custom_objects().update({'mine': abs})\nDense(3, activation='mine')",
        "with keras.utils.custom_object_scope({'mine': abs}):\n    Dense(3, activation='mine')",
        "@keras.saving.register_keras_serializable(package='P')\ndef mine(x): return x\nDense(3, activation='P>mine')",
        "def f(x, activation='anything'): return x\nf(1, activation='whatever')",
        "layers.RandomFourierFeatures(3, kernel_initializer='gaussian')",
    ],
)
def test_strings_that_are_known_or_not_ours(script):
    assert found(script) == []


@pytest.mark.parametrize(
    "signature, fits",
    [
        ("self, data", True),
        ("self, state, data", True),
        ("self, state, batch=None", True),
        ("self, *args", True),
        ("self, state, x, y", False),
        ("self", False),
        ("self, data, *, scale", False),
        ("self, data, *, scale=1", True),
    ],
)
@pytest.mark.parametrize("step", ["train_step", "test_step", "predict_step"])
def test_steps_fit_one_of_three_forms(signature, fits, step):
    script = f"class Net(keras.Model):\n    def {step}({signature}):\n        pass"
    assert found(script) == ([] if fits else [f"Net.{step}({signature})"])
    assert found(script.replace("keras.Model", "object")) == []


def test_hints_say_what_to_write():
    source = "import keras\nkeras.layers.CuDNNLSTM(4)\nkeras.Sequential().fitt()\nkeras.layers.Dense(1, 'reluu')"
    layer, method, name = (absent.hint for absent in check_script(source))
    assert "Write keras.layers.LSTM" in layer
    (addons,) = check_script("import tensorflow_addons as tfa\ntfa.optimizers.AdamW(0.1)")
    assert addons.name == "tensorflow_addons" and "keras.optimizers.AdamW" in addons.hint
    assert method == "There is fit."
    assert name == "Unknown activation 'reluu'. Did you mean 'relu'?"


@pytest.mark.parametrize(
    "call, reported",
    [
        ("tf.math.cumsum(x, foo=1)", ["tensorflow.math.cumsum(foo=)"]),
        ("tf.math.cumsum(x, axis=1, exclusive=True, name='c')", []),
        ("tf.reduce_sum(x, dims=1)", ["tensorflow.reduce_sum(dims=)"]),
        ("tf.reduce_sum(x, reduction_indices=1, keep_dims=True, name='s')", []),
        ("tf.Variable(1.0, traineble=False, name='v')", ["tensorflow.Variable(traineble=)"]),
        ("tf.cumsum(x, **options)", []),
        ("tf.print(x, whatever=1)", []),  # takes any
        ("try:\n    tf.cumsum(x, foo=1)\nexcept Exception:\n    pass", []),
    ],
)
def test_arguments_that_a_function_of_tensorflow_does_not_take(call, reported):
    assert found(call) == reported


def test_the_arguments_that_it_takes_are_listed():
    (absent,) = check_script("import tensorflow as tf\ntf.reduce_max(x, axes=0)")
    assert absent.is_tensorflow and absent.hint == "It takes input_tensor, axis, keepdims, reduction_indices, keep_dims, name."


def test_the_examples_are_clean():
    for path in sorted((Path(jkeras.__file__).parents[1] / "examples").glob("*.py")):
        source = path.read_text()
        for text in (source, re.sub(r"\bjkeras\b", "keras", source)):
            own = {"keras.datasets.digits", "keras.compat"}  # what only jkeras has
            assert [absent for absent in check_script(text, str(path)) if absent.name not in own] == [], path


def test_an_error_says_that_shapes_are_tuples():
    class Own(jkeras.layers.Layer):
        def call(self, x):
            return x * x.shape.rank

    with pytest.raises(AttributeError) as error:
        Own()(np.ones((2, 3)))
    assert any("is a tuple" in note for note in error.value.__notes__)

"""Subclasses of library layers load from Keras 2 and Keras 3 files, whatever `super().get_config()` wrote there."""

import json

import keras
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras._base.errors import FileFormatError
from jkeras.saving.serialization import model_config, model_from_config

BASE = {"name": "mine", "trainable": True, "dtype": "float32"}
# Config entries that no constructor here takes: from tf_keras 2.21, from 2.4 (renorm), from Keras 3.15 (the last three).
LEFT_OVER = {
    "LSTM": ({"units": 2}, {"time_major": False, "implementation": 2}, (5, 3)),
    "GRU": ({"units": 2, "reset_after": True}, {"time_major": False, "implementation": 2}, (5, 3)),
    "SimpleRNN": ({"units": 2}, {"time_major": False}, (5, 3)),
    "Conv2DTranspose": ({"filters": 2, "kernel_size": [3, 3]}, {"groups": 1}, (8, 8, 3)),
    "DepthwiseConv2D": ({"kernel_size": [3, 3]}, {"groups": 1}, (8, 8, 3)),
    "SeparableConv2D": (
        {"filters": 2, "kernel_size": [3, 3]},
        {
            "groups": 1,
            "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}},
            "kernel_regularizer": None,
        },
        (8, 8, 3),
    ),
    "BatchNormalization": ({"axis": [2]}, {"renorm": False, "fused": False, "virtual_batch_size": None}, (5, 3)),
    "LeakyReLU": ({"alpha": 0.5}, {}, (5, 3)),
    "SpatialDropout1D": ({"rate": 0.5}, {"noise_shape": None}, (5, 3)),
    "MultiHeadAttention": (
        {"num_heads": 2, "key_dim": 2},
        {"query_shape": [None, 5, 3], "key_shape": None, "value_shape": None, "softmax_robust_masking": False},
        None,
    ),
    "RandomFlip": ({"mode": "horizontal"}, {"rng_type": "stateful"}, (8, 8, 3)),
    "RandomZoom": ({"height_factor": 0.1}, {"rng_type": "stateful"}, (8, 8, 3)),
    "RandomContrast": ({"factor": 0.1}, {"rng_type": "stateful"}, (8, 8, 3)),
    "Embedding": ({"input_dim": 4, "output_dim": 2}, {"input_length": 5}, (5,)),
    "LayerNormalization": ({}, {"rms_scaling": False}, (5, 3)),
    "AdditiveAttention": ({}, {"seed": None}, None),
    "RandomBrightness": ({"factor": 0.1}, {"data_format": "channels_last"}, (8, 8, 3)),
}


def forms(base):
    """A class that names its own argument, one that hands everything on, and one that adds nothing."""

    class Named(base):
        def __init__(self, *args, extra=1, **kwargs):
            super().__init__(*args, **kwargs)
            self.extra = extra

        def get_config(self):
            return {**super().get_config(), "extra": self.extra}

    class Above(base):
        def __init__(self, *args, **kwargs):
            self.extra = kwargs.pop("extra", 1)
            super().__init__(*args, **kwargs)

    class Between(Named):
        pass

    class Plain(base):
        extra = 3

    return {"named": (Named, 3), "handed on": (Above, None), "twice": (Between, 3), "plain": (Plain, None)}


@pytest.mark.parametrize("base", LEFT_OVER)
def test_what_keras_wrote_for_the_base_is_no_argument_of_the_class(base):
    arguments, left_over, shape = LEFT_OVER[base]
    for name, (cls, extra) in forms(getattr(layers, base)).items():
        config = {**BASE, **arguments, **left_over, **({} if extra is None else {"extra": extra})}
        entry = {"class_name": f"Own>{cls.__name__}", "config": config}
        if shape is None:
            layer = jkeras.saving.deserialize_keras_object(json.loads(json.dumps(entry)), {f"Own>{cls.__name__}": cls})
        else:
            start = {"class_name": "InputLayer", "config": {"batch_input_shape": [None, *shape], "name": "i"}}
            stack = {"class_name": "Sequential", "config": {"name": "stack", "layers": [start, entry]}, "keras_version": "2.15.0"}
            layer = model_from_config(json.loads(json.dumps(stack)), {f"Own>{cls.__name__}": cls}).layers[0]
        assert type(layer) is cls and layer.name == "mine" and layer.extra == (extra or layer.extra), name
        for key in arguments.keys() & {"units", "filters", "rate", "mode", "num_heads", "input_dim", "reset_after"}:
            assert getattr(layer, key) == arguments[key]
        assert base != "LeakyReLU" or layer.negative_slope == 0.5


def test_what_asks_for_something_is_not_left_out():
    for cls, _ in forms(layers.LSTM).values():
        entry = {"class_name": cls.__name__, "config": {**BASE, "units": 2, "time_major": True}}
        with pytest.raises(FileFormatError, match="time_major=True"):
            jkeras.saving.deserialize_keras_object(entry, {cls.__name__: cls})


def test_an_argument_of_the_class_itself_keeps_its_name():
    class Leak(layers.LeakyReLU):
        def __init__(self, alpha=0.1, time_major=None, **kwargs):
            super().__init__(negative_slope=2 * alpha, **kwargs)
            self.time_major = time_major

    layer = Leak.from_config({**BASE, "alpha": 0.25, "time_major": True})
    assert layer.negative_slope == 0.5 and layer.time_major is True


def test_a_class_that_hands_its_arguments_on_writes_them():
    """In Keras the base's `get_config` does; here the names come from the constructors."""

    class Handing(layers.Conv1D):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)

    class Between(Handing):
        def __init__(self, label, *rest, **kwargs):
            super().__init__(*rest, **kwargs)
            self.label = label

    model = jkeras.Sequential([layers.Input((8, 3)), Handing(4, 3, strides=2), Between("x", 2, 2, padding="same")])
    again = model_from_config(json.loads(json.dumps(model_config(model))), {"Handing": Handing, "Between": Between})
    assert again.output_shape == model.output_shape == (None, 3, 2) and again.layers[1].label == "x"
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]


def test_layers_with_parts_of_ones_own_are_copied_as_they_are():
    """Bidirectional copies a layer, `clone_model` a model; neither has to find anything by its name."""

    class Cell(layers.GRUCell):
        def __init__(self, units, scale=1.0, **kwargs):
            super().__init__(units, **kwargs)
            self.scale = scale

    def halved(x):
        return x / 2

    inner = layers.RNN(Cell(2, scale=3.0, activation=halved))
    model = jkeras.Sequential([layers.Input((5, 3)), layers.Bidirectional(inner), layers.Dense(2, activation=lambda x: x + 1)])
    for copied in (model, jkeras.models.clone_model(model)):
        both = copied.layers[0]
        assert type(both.backward_layer.cell) is Cell and both.backward_layer.cell.scale == 3.0
        assert both.forward_layer.cell.activation is halved and copied.layers[1].activation is model.layers[1].activation


# weights of Keras 3 ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"use_bias": False}, {"use_gate": True}], ids=str)
def test_grouped_query_attention_comes_from_keras_3_and_goes_there(options, tmp_path):
    """Its class is called otherwise than Keras shows it: in files of weights, and in `.h5`."""
    x = np.random.default_rng(0).normal(size=(2, 6, 8)).astype("float32")

    def make(k):
        data = k.Input((6, 8))
        return k.Model(data, k.layers.GroupQueryAttention(4, 4, 2, **options)(data, data))

    theirs = make(keras)
    theirs.set_weights([np.linspace(-1, 1, w.size).reshape(w.shape) for w in theirs.get_weights()])
    expected = np.asarray(theirs(x))
    ours = make(jkeras)
    for file in ("k.keras", "k.h5", "k.weights.h5"):
        if file.endswith(".weights.h5"):
            theirs.save_weights(tmp_path / file)
            ours.load_weights(tmp_path / file)
            np.testing.assert_allclose(np.asarray(ours(x)), expected, rtol=1e-4, atol=1e-5)
            continue
        theirs.save(tmp_path / file)
        np.testing.assert_allclose(np.asarray(jkeras.models.load_model(tmp_path / file)(x)), expected, rtol=1e-4, atol=1e-5)
    for file in ("j.keras", "j.h5"):
        ours.save(tmp_path / file)
        np.testing.assert_allclose(np.asarray(keras.models.load_model(tmp_path / file)(x)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_files_of_tf_keras_with_classes_of_ones_own(suffix, tmp_path):
    tf_keras = pytest.importorskip("tf_keras")
    theirs, ours = (forms(k.layers.LSTM)["named"][0] for k in (tf_keras, jkeras))
    model = tf_keras.Sequential(
        [tf_keras.Input((5, 3)), tf_keras.layers.RandomFlip(rng_type="stateless", seed=1), theirs(2, extra=4)]
    )
    if suffix == ".h5":
        model = tf_keras.Sequential([tf_keras.Input((5, 3)), theirs(2, extra=4)])
    model.save(tmp_path / f"m{suffix}")
    x = np.ones((2, 5, 3), "float32")
    again = jkeras.models.load_model(tmp_path / f"m{suffix}", {"Named": ours})
    assert again.layers[-1].extra == 4
    np.testing.assert_allclose(np.asarray(again.layers[-1](x)), np.asarray(model.layers[-1](x)), rtol=1e-5)

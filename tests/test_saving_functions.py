"""Files name functions: `hard_sigmoid` means what it meant to the Keras that wrote it, and Keras finds ours."""

import functools
import json
import re
import warnings
import zipfile

import h5py
import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.activations.catalogue import CATALOGUE, NOT_AS_IN_JAX
from jkeras.saving.serialization import deserialize_keras_object, model_config_keras2, model_from_config

X = np.linspace(-4, 4, 30, dtype="float32").reshape(2, 5, 3)


def old(x):
    """Keras 2's."""
    return np.clip(0.2 * np.asarray(x) + 0.5, 0, 1)


def new(x):
    """Keras 3's."""
    return np.clip(np.asarray(x) / 6 + 0.5, 0, 1)


# Parts of configs as tf_keras 2.21 writes them.
BASE = {"trainable": True, "dtype": "float32"}
INPUT = {
    "class_name": "InputLayer",
    "config": {"batch_input_shape": [None, 5, 3], "dtype": "float32", "sparse": False, "name": "i"},
}
RECURRENT = {"units": 2, "activation": "tanh", "recurrent_activation": "hard_sigmoid", "time_major": False, "implementation": 2}
RECURRENT_LAYERS = {
    "LSTM": {"class_name": "LSTM", "config": {"name": "lstm", **BASE, **RECURRENT}},
    "GRU": {"class_name": "GRU", "config": {"name": "gru", **BASE, **RECURRENT, "reset_after": True}},
    "cell": {
        "class_name": "RNN",
        "config": {
            "name": "rnn",
            **BASE,
            "time_major": False,
            "cell": {
                "class_name": "LSTMCell",
                "config": {"name": "c", **BASE, **{k: v for k, v in RECURRENT.items() if k != "time_major"}},
            },
        },
    },
}
RECURRENT_LAYERS["both ways"] = {
    "class_name": "Bidirectional",
    "config": {"name": "b", **BASE, "layer": RECURRENT_LAYERS["LSTM"], "merge_mode": "concat"},
}
POLICY = {"class_name": "Policy", "config": {"name": "float32"}}
ACTIVATION = {"class_name": "Activation", "config": {"name": "hard_sigmoid", **BASE, "activation": "hard_sigmoid"}}
PLAIN_LAYERS = [
    ACTIVATION,
    {**ACTIVATION, "config": {**ACTIVATION["config"], "dtype": POLICY, "batch_input_shape": [None, 5, 3]}},
    {"class_name": "TimeDistributed", "config": {"name": "t", **BASE, "layer": ACTIVATION}},
]
# The same layers, made here, with the function called by its own name.
GATES = {"recurrent_activation": "hard_sigmoid_keras2"}
MADE = {
    "LSTM": lambda: layers.LSTM(2, **GATES),
    "GRU": lambda: layers.GRU(2, **GATES),
    "cell": lambda: layers.RNN(layers.LSTMCell(2, **GATES)),
    "both ways": lambda: layers.Bidirectional(layers.LSTM(2, **GATES)),
}


def stack(*entries):
    return {"name": "old", "layers": [INPUT, *entries]}


def graph(entry):
    """The layer in a model in a model, called by its own name."""
    name = entry["config"]["name"]
    layer = {**entry, "name": name, "inbound_nodes": [[["i", 0, 0, {}]]]}
    ends = {"input_layers": [["i", 0, 0]]}
    inner = {
        "name": "inner",
        "layers": [{**INPUT, "name": "i", "inbound_nodes": []}, layer],
        **ends,
        "output_layers": [[name, 0, 0]],
    }
    inner = {"class_name": "Functional", "config": inner, "name": "inner", "inbound_nodes": [[["i", 0, 0, {}]]]}
    layers = [{**INPUT, "name": "i", "inbound_nodes": []}, inner]
    return {"name": "outer", "trainable": True, "layers": layers, **ends, "output_layers": [["inner", 1, 0]]}


def copied(config):
    return json.loads(json.dumps(config))


def from_json(name, config, **more):
    return jkeras.models.model_from_json(json.dumps({"class_name": name, "config": config, **more}))


READERS = {
    "JSON": lambda entry: from_json("Sequential", stack(entry), keras_version="2.21.0"),
    "JSON of 2.2": lambda entry: from_json("Sequential", stack(entry)["layers"], keras_version="2.2.4-tf"),
    "JSON that says no version": lambda entry: from_json("Sequential", stack(entry)),
    "nested JSON": lambda entry: from_json("Functional", graph(entry), keras_version="2.15.0"),
    "Sequential.from_config": lambda entry: jkeras.Sequential.from_config(copied(stack(entry))),
    "Sequential.from_config of 2.2": lambda entry: jkeras.Sequential.from_config(copied(stack(entry)["layers"])),
    "Model.from_config": lambda entry: jkeras.Model.from_config(copied(graph(entry))),
    "layers.deserialize": lambda entry: layers.deserialize(copied(entry)),
    "from_config": lambda entry: getattr(layers, entry["class_name"]).from_config(copied(entry["config"])),
    "deserialize_keras_object": lambda entry: deserialize_keras_object(copied(entry)),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_the_hard_sigmoid_of_keras_2(read):
    for entry in PLAIN_LAYERS:
        np.testing.assert_allclose(np.asarray(read(entry)(X)), old(X), atol=1e-6)
    for name, entry in RECURRENT_LAYERS.items():
        found, made = read(entry), MADE[name]()
        outputs = []
        for layer in (found, made):
            layer(X)
            layer.set_weights([np.linspace(-1, 1, w.size).reshape(w.shape) for w in layer.get_weights()])
            outputs.append(np.asarray(layer(X)))
        np.testing.assert_allclose(*outputs, atol=1e-6, err_msg=name)


def test_configs_of_keras_3_keep_keras_3s():
    theirs = keras.layers.Activation("hard_sigmoid")
    own = layers.Activation("hard_sigmoid")
    x = jkeras.Input((5, 3))
    model = jkeras.Model(x, own(x))
    for layer in (
        layers.Activation.from_config(theirs.get_config()),
        layers.deserialize(keras.layers.serialize(theirs)),
        layers.Activation.from_config(own.get_config()),
        layers.Activation.from_config({"activation": "hard_sigmoid"}),
        jkeras.Model.from_config(model.get_config()),
        jkeras.models.clone_model(model),
        jkeras.Sequential.from_config(keras.Sequential([keras.Input((5, 3)), theirs]).get_config()),
    ):
        np.testing.assert_allclose(np.asarray(layer(X)), new(X), atol=1e-6)


class Gate(jkeras.layers.Layer):
    """A layer of the user's own, whose argument is not called activation."""

    def __init__(self, act="relu", **kwargs):
        super().__init__(**kwargs)
        self.act = jkeras.activations.get(act)

    def call(self, x):
        return self.act(x)


def test_a_layer_of_ones_own_and_a_function_of_ones_own():
    gate = {"class_name": "Gate", "config": {"name": "hard_sigmoid", **BASE, "act": "hard_sigmoid"}}
    model = model_from_config({"class_name": "Sequential", "config": stack(gate), "keras_version": "2.15.0"}, {"Gate": Gate})
    np.testing.assert_allclose(np.asarray(model(X)), old(X), atol=1e-6)
    assert model.layers[0].name == "hard_sigmoid"

    def mine(x):
        return x + 1

    config = {"class_name": "Sequential", "config": stack(ACTIVATION), "keras_version": "2.15.0"}
    np.testing.assert_allclose(np.asarray(model_from_config(config, {"hard_sigmoid": mine})(X)), X + 1)


# what is written ------------------------------------------------------------------------------------------------------


def model_with(*activations):
    return jkeras.Sequential([layers.Input((5, 3)), *(layers.Activation(a, name=f"a{i}") for i, a in enumerate(activations))])


@pytest.mark.parametrize(("name", "function"), [("hard_sigmoid", new), ("hard_sigmoid_keras2", old)])
def test_hard_sigmoid_comes_back_and_who_reads_another_is_named(name, function, tmp_path):
    model = model_with(name)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.save(tmp_path / "m.keras")
        said = [str(w.message) for w in caught if "hard_sigmoid" in str(w.message)]
    assert len(said) == (name != "hard_sigmoid")
    with pytest.warns(UserWarning, match="tf_keras will compute" if name == "hard_sigmoid" else "Keras 3 will compute"):
        model.save(tmp_path / "m.h5")
    for suffix in (".keras", ".h5"):
        np.testing.assert_allclose(np.asarray(jkeras.models.load_model(tmp_path / f"m{suffix}")(X)), function(X), atol=1e-6)
    hint = re.search(r"custom_objects=(\{.*\})", said[0])[1] if said else "{}"
    theirs = keras.models.load_model(tmp_path / "m.keras", custom_objects=eval(hint, {"keras": keras}))
    np.testing.assert_allclose(np.asarray(theirs(X)), function(X), atol=1e-6)
    assert name == "hard_sigmoid" or "hard_sigmoid_keras2" not in h5py.File(tmp_path / "m.h5").attrs["model_config"]


def test_both_of_them_in_one_model(tmp_path):
    model = model_with("hard_sigmoid_keras2", "hard_sigmoid")
    again = model_from_config(copied(model_config_keras2(model)))
    np.testing.assert_allclose(np.asarray(again(X)), new(old(X)), atol=1e-6)


def test_tf_keras_opens_its_own_of_our_h5(tmp_path):
    tf_keras = pytest.importorskip("tf_keras")
    with pytest.warns(UserWarning, match="Keras 3 will compute"):
        model_with("hard_sigmoid_keras2").save(tmp_path / "m.h5")
    np.testing.assert_allclose(np.asarray(tf_keras.models.load_model(tmp_path / "m.h5")(X)), old(X), atol=1e-6)


def halved(x):
    return keras.ops.tanh(x) / 2


def doubled(x):
    return x * 2


def weighed(shape, dtype=None, **kwargs):
    return np.full(shape, 0.5, dtype or "float32")


def distance(y_true, y_pred):
    return abs(y_true - y_pred)


OWN = {f.__name__: f for f in (halved, weighed, distance)}


def test_functions_of_ones_own_are_found_by_keras_3(tmp_path):
    """As activation, initializer, loss and metric, also in layers inside others, and registered ones."""
    register = jkeras.saving.register_keras_serializable(package="tests")
    keras.saving.register_keras_serializable(package="tests")(doubled)
    inner = layers.GRU(2, activation=halved, recurrent_initializer=weighed)
    dense = layers.Dense(2, activation=halved, kernel_initializer=weighed)
    model = jkeras.Sequential([layers.Input((5, 3)), layers.Bidirectional(inner), dense, layers.Activation(register(doubled))])
    model.compile("sgd", distance, metrics=[distance])
    model.save(tmp_path / "m.keras")
    config = json.loads(zipfile.ZipFile(tmp_path / "m.keras").read("config.json"))
    expected = {"module": "builtins", "class_name": "function", "config": "halved", "registered_name": "function"}
    assert config["config"]["layers"][2]["config"]["activation"] == expected
    theirs = keras.models.load_model(tmp_path / "m.keras", custom_objects=OWN)
    np.testing.assert_allclose(np.asarray(theirs(X)), np.asarray(model(X)), rtol=1e-5)
    assert theirs.loss is distance
    theirs.save(tmp_path / "k.keras")
    for file in ("m.keras", "k.keras"):
        again = jkeras.models.load_model(tmp_path / file, custom_objects=OWN)
        np.testing.assert_allclose(np.asarray(again(X)), np.asarray(model(X)), rtol=1e-5)
        assert again.loss is distance and again.layers[1].activation is halved


def test_functions_of_ones_own_are_found_in_h5(tmp_path):
    model = jkeras.Sequential([layers.Input((5, 3)), layers.Dense(2, activation=halved, kernel_initializer=weighed)])
    model.compile("sgd", distance, metrics=[distance])
    model.save(tmp_path / "m.h5")
    for library in (jkeras, keras):
        again = library.models.load_model(tmp_path / "m.h5", custom_objects=OWN)
        np.testing.assert_allclose(np.asarray(again(X)), np.asarray(model(X)), rtol=1e-5)
        assert again.loss is distance and again.layers[-1].activation is halved


def test_a_function_called_as_one_of_keras_is_named(tmp_path):
    def swish(x):
        return x * 3

    def mse(y_true, y_pred):
        return y_true - y_pred

    model = model_with(swish, "relu")
    model.compile("sgd", loss=[mse])
    with pytest.warns(UserWarning, match="Your own function 'mse'"), pytest.warns(UserWarning, match="Your own function 'swish'"):
        model.save(tmp_path / "m.keras")
    again = jkeras.models.load_model(tmp_path / "m.keras", custom_objects={"swish": swish, "mse": mse})
    assert again.layers[0].activation is swish
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model_with(jax.nn.relu, jnp.tanh, jkeras.ops.sigmoid, jkeras.activations.gelu).save(tmp_path / "m.keras")


def test_functions_of_jax_that_keras_has_are_written_as_keras_does(tmp_path):
    x = jnp.linspace(-5, 5, 64).reshape(2, 32)
    for name, ours in CATALOGUE.items():
        twin = getattr(jax.nn, "soft_sign" if name == "softsign" else name, None)
        if twin is not None:
            same = name not in NOT_AS_IN_JAX
            assert (jkeras.activations.serialize(twin) == name) == same
            assert np.allclose(twin(x), ours(x), atol=1e-6) == same


def test_a_function_without_a_name_is_refused():
    with pytest.raises(TypeError, match=r"by its name.*def"):
        model_with(functools.partial(jkeras.ops.leaky_relu, negative_slope=0.3)).get_config()

"""Forbidden contents of configs are refused before any object is made; old configs still work."""

import json
import sys
import time
from pathlib import Path

import keras
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras._base.errors import FileFormatError, UnsafeFileError
from jkeras._safe_io.json import read_json
from jkeras.saving.serialization import deserialize_keras_object, model_config, model_config_keras2, model_from_config

SEEDS = Path(__file__).resolve().parents[2] / "shared" / "seeds"


def chain():
    return jkeras.Sequential([layers.Input((4,)), layers.Dense(5, activation="relu"), layers.Dense(2, name="out")], name="chain")


def branches():
    a, b = layers.Input((4,), name="a"), layers.Input((4,), name="b")
    shared = layers.Dense(3, name="shared")
    return jkeras.Model([a, b], layers.Concatenate(name="join")([shared(a), shared(b)]), name="branches")


def entry_of(**changes):
    config = json.loads(json.dumps(model_config(branches())))
    config["config"]["layers"][2].update(changes)
    return config


BYTECODE = {"class_name": "__lambda__", "config": {"code": "4wAAAA==", "defaults": None, "closure": None}}
LAMBDA = {"module": "keras.layers", "class_name": "Lambda", "registered_name": None}
GADGETS = {
    "a module of Python": {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"},
    "a module's class": {"module": "subprocess", "class_name": "Popen", "config": {"args": "true"}},
    "a loader as a class": {"module": "keras.utils", "class_name": "get_file", "config": {"origin": "http://127.0.0.1/x"}},
    "a loader as a function": {"module": "keras.utils", "class_name": "function", "config": "get_file"},
    "a switch": {"module": "keras.config", "class_name": "enable_unsafe_deserialization", "config": {}},
    "a saver": {"module": "keras.models", "class_name": "save_model", "config": {}},
    "an activation as a layer": {"module": "keras.activations", "class_name": "function", "config": "relu"},
    "a loss as a layer": {"module": "keras.losses", "class_name": "Huber", "config": {}, "registered_name": None},
    "bytecode": {**LAMBDA, "config": {"name": "shared", "function": BYTECODE}},
    "bytecode of Keras 2": {
        **LAMBDA,
        "config": {"name": "shared", "function": ["4wAAAA==", None, None], "function_type": "lambda"},
    },
    "a loader in a Lambda": {**LAMBDA, "config": {"name": "shared", "function": "get_file"}},
    "a wrong registered name": {"registered_name": "builtins.eval"},
    "a list for a config": {"config": []},
    "a number for a class": {"class_name": 3},
    "a savedmodel": {"class_name": "TFSMLayer", "config": {"filepath": "http://127.0.0.1/x"}},
    "a pickle": {"class_name": "TorchModuleWrapper", "config": {"module": "gASVAAAAAA=="}},
    "a vocabulary on the disk": {"class_name": "StringLookup", "config": {"vocabulary": "/etc/hostname"}},
}


@pytest.mark.parametrize("changes", GADGETS.values(), ids=GADGETS)
@pytest.mark.parametrize(
    "read", [model_from_config, deserialize_keras_object, lambda config: jkeras.Model.from_config(config["config"])]
)
def test_gadgets_are_refused_and_nothing_is_imported(changes, read):
    config = entry_of(**changes)
    modules = set(sys.modules)
    with pytest.raises(FileFormatError):
        read(config)
    assert set(sys.modules) == modules


@pytest.mark.parametrize("module", ["keras.layers", None, "keras.src.layers.core.lambda_layer"])
def test_bytecode_is_refused_on_every_way(module):
    config = {"name": "lam", "function": BYTECODE, "arguments": {}}
    for read in (
        lambda: layers.Lambda.from_config(config),
        lambda: layers.deserialize({"module": module, "class_name": "Lambda", "config": config}),
        lambda: deserialize_keras_object({"module": module, "class_name": "Lambda", "config": config}, safe_mode=False),
    ):
        with pytest.raises(UnsafeFileError, match=r"bytecode.*\s+.*custom_objects=\{'lam'"):
            read()


def test_safe_mode_changes_nothing_for_a_lambda():
    config = {"name": "doubled", "function": {"class_name": "__lambda__", "config": {"code": "4wAAAA=="}}}
    assert layers.Lambda.from_config(config, {"doubled": lambda x: 2 * x}, safe_mode=True)(1.5) == 3
    with pytest.raises(UnsafeFileError, match="never run"):
        layers.Lambda.from_config(config, safe_mode=False)


def test_a_lambda_calls_what_is_given_by_name():
    def twice(x):
        return 2 * x

    x = layers.Input((3,))
    model = jkeras.Model(x, layers.Lambda(twice, name="lam")(x))
    config = json.loads(json.dumps(model_config(model)))
    with pytest.raises(FileFormatError, match=r"'twice'.*\s+.*custom_objects=\{'twice'"):
        model_from_config(config)
    for own in ({"twice": twice}, {"lam": lambda x: 2 * x}):
        again = model_from_config(config, own)
        assert again(np.ones((1, 3))).tolist() == [[2.0] * 3]
    theirs = keras.models.model_from_json(model.to_json(), custom_objects={"twice": twice})
    assert np.asarray(theirs(np.ones((1, 3)))).tolist() == [[2.0] * 3]
    bytecode = entry_of(**GADGETS["bytecode"])
    assert model_from_config(bytecode, {"shared": twice}).get_layer("shared").function is twice


def graph_with(**changes):
    x = layers.Input((4,), name="x")
    config = json.loads(json.dumps(model_config(jkeras.Model(x, layers.Dense(2, name="d")(x) + 1.0))))
    config["config"].update(changes)
    return config


def tensor(name, call=0, place=0):
    return {
        "class_name": "__keras_tensor__",
        "config": {"shape": [None, 4], "dtype": "float32", "keras_history": [name, call, place]},
    }


def dense_called_on(*args):
    config = graph_with()
    config["config"]["layers"][1]["inbound_nodes"] = [{"args": list(args), "kwargs": {}}]
    return config


MALFORMED = {
    "a stack of no name": ({"class_name": "Sequential", "config": {"layers": []}}, "'name' and a list 'layers'"),
    "no such layer": (dense_called_on(tensor("nobody")), "no such layer"),
    "a loop": (dense_called_on(tensor("d")), "loop"),
    "a call too many": (dense_called_on(tensor("d", 5)), "loop"),
    "an output too many": (dense_called_on(tensor("x", 0, 3)), "no output 3"),
    "a negative call": (dense_called_on(tensor("d", -1)), "no output"),
    "numbers alone": (dense_called_on([[1.0, 2.0, 3.0, 4.0]]), "takes no tensor"),
    "a name for a history": (dense_called_on({**tensor("x"), "config": {"keras_history": "x"}}), "keras_history"),
    "layers of no list": (graph_with(layers={}), "list of configs"),
    "no layers": (graph_with(layers=[]), "list of configs"),
    "an output of nothing": (graph_with(output_layers=["nobody", 0, 0]), "no such layer"),
    "an output of no name": (graph_with(output_layers=7), "named as"),
    "two of one name": (graph_with(layers=graph_with()["config"]["layers"] * 2), "name of its own"),
}


@pytest.mark.parametrize(("config", "text"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_graph_says_what_is_wrong(config, text):
    with pytest.raises(FileFormatError, match=text):
        model_from_config(config)


def test_a_layer_not_built_yet_is_named():
    config = entry_of(class_name="Unheard", config={"filepath": "x"})
    with pytest.raises(FileFormatError, match=r"Unheard.*not built here yet"):
        model_from_config(config)


def test_depth_and_number_are_bounded():
    deep = {"class_name": "Dense", "config": {"units": 1}}
    for _ in range(5000):
        deep = {"class_name": "TimeDistributed", "config": {"layer": deep}}
    many = graph_with(layers=[{"class_name": "Dense", "config": {"units": 1}, "name": str(i)} for i in range(100_001)])
    for config in (deep, many):
        start = time.process_time()
        with pytest.raises(UnsafeFileError):
            model_from_config(config)
        assert time.process_time() - start < 60  # a guard against hanging, with room for a busy machine


# old files ------------------------------------------------------------------------------------------------------------


def old(name, **config):
    return {"class_name": name, "config": {"name": name.lower(), "trainable": True, **config}}


def old_model(*entries):
    return model_from_config(
        {"class_name": "Sequential", "config": {"name": "old", "layers": list(entries)}, "keras_version": "2.2.4"}
    )


def test_a_model_of_keras_2_2():
    scheme = {
        "class_name": "VarianceScaling",
        "config": {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None},
    }
    dense = old(
        "Dense", batch_input_shape=[None, 3], dtype="float32", units=4, activation="hard_sigmoid", kernel_initializer=scheme
    )
    listed = model_from_config(
        {"class_name": "Sequential", "config": [dense, old("Dropout", rate=0.5, noise_shape=None, seed=None)]}
    )
    assert listed.built and listed.layers[0].kernel_initializer.scale == 1.0
    x = np.linspace(-6, 6, 5, dtype="float32")
    np.testing.assert_allclose(listed.layers[0].activation(x), np.clip(0.2 * x + 0.5, 0, 1), rtol=1e-6)
    written = model_config_keras2(listed)
    assert written["config"]["layers"][1]["config"]["activation"] == "hard_sigmoid"
    assert model_from_config(written).layers[0].activation is listed.layers[0].activation


def test_todays_hard_sigmoid_is_not_taken_for_the_old_one():
    model = jkeras.Sequential([layers.Input((3,)), layers.Dense(2, activation="hard_sigmoid")])
    for config in (model_config(model), model_config_keras2(model)):
        assert model_from_config(json.loads(json.dumps(config))).layers[0].activation is model.layers[0].activation


def test_old_words_are_translated():
    image = {"batch_input_shape": [None, 8, 8, 3]}
    model = old_model(
        old("DepthwiseConv2D", kernel_size=[3, 3], groups=1, **image),
        old("BatchNormalizationV1", axis=[3], fused=True),
        old("LeakyReLU", alpha=0.25),
        old(
            "Conv2D", filters=2, kernel_size=[1, 1], groups=1, dtype={"class_name": "Policy", "config": {"name": "mixed_float16"}}
        ),
    )
    assert model.layers[1].axis == 3 and model.layers[2].negative_slope == 0.25 and model.layers[3].compute_dtype == "float16"
    steps = old_model(
        old("Embedding", input_dim=5, output_dim=4, input_length=7, batch_input_shape=[None, 7]),
        old("CuDNNGRU", units=3, return_sequences=True, time_major=False),
        old("GRU", units=3, return_sequences=True, implementation=1),
        old("LSTM", units=2, time_major=False, implementation=2, unit_forget_bias=True),
    )
    assert [layer.reset_after for layer in steps.layers[1:3]] == [True, False]
    assert steps.layers[1].cell.bias.shape == (2, 9) and steps.layers[2].cell.bias.shape == (9,)
    with pytest.raises(FileFormatError, match="time_major=True"):
        old_model(old("GRU", units=3, time_major=True, batch_input_shape=[None, 7, 2]))


def test_an_inner_model_of_keras2_counts_from_one():
    inner = {
        "name": "inner",
        "layers": [
            {**old("InputLayer", batch_input_shape=[None, 3]), "name": "in", "inbound_nodes": []},
            {**old("Dense", units=3), "name": "dense", "inbound_nodes": [[["in", 0, 0, {}]]]},
        ],
        "input_layers": [["in", 0, 0]],
        "output_layers": [["dense", 0, 0]],
    }
    outer = {
        "name": "outer",
        "layers": [
            {**old("InputLayer", batch_input_shape=[None, 3]), "name": "x", "inbound_nodes": []},
            {
                "class_name": "Model",
                "config": inner,
                "name": "inner",
                "inbound_nodes": [[["x", 0, 0, {}]], [["inner", 1, 0, {}]]],
            },
        ],
        "input_layers": [["x", 0, 0]],
        "output_layers": [["inner", 1, 0], ["inner", 2, 0]],
    }
    model = model_from_config({"class_name": "Model", "config": outer})
    first, second = model(np.eye(3, dtype="float32"))
    np.testing.assert_allclose(second, model.get_layer("inner")(first), rtol=1e-6)


def test_the_json_in_a_tutorial_of_2021():
    if not SEEDS.is_dir():
        pytest.skip("the tutorials are not here")
    texts = [line for path in sorted(SEEDS.glob("*.txt")) for line in path.read_text().splitlines() if '{"class_name"' in line]
    assert texts
    for text in texts:
        model = jkeras.models.model_from_json(text[text.index("{") : text.rindex("}") + 1])
        assert model.built and model.count_params() > 0 and model.to_json()


# JSON -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("[" * 50_000 + "]" * 50_000, UnsafeFileError, "100 levels"),
        ('{"a":' * 101 + "1" + "}" * 101, UnsafeFileError, "100 levels"),
        ("[" + "1," * 5_000_000 + "1]", UnsafeFileError, "values"),
        (" " * (32 * 2**20 + 1), UnsafeFileError, "bytes"),
        ('{"a": 1, "a": 2}', FileFormatError, "'a' occurs twice"),
        ('{"a": NaN}', FileFormatError, "NaN"),
        ('{"a": -Infinity}', FileFormatError, "Infinity"),
        ('{"a": 1e999}', FileFormatError, "beyond the range"),
        ('{"a": ' + "9" * 10_000 + "}", FileFormatError, "not JSON"),
        ('{"a": ', FileFormatError, "not JSON"),
        (b"\xff\xfe", FileFormatError, "not JSON"),
        ("", FileFormatError, "not JSON"),
    ],
    ids=lambda v: v[:12] if isinstance(v, str) else None,
)
def test_json_without_bound_is_refused(text, error, says):
    start = time.process_time()
    with pytest.raises(error, match=says) as caught:
        read_json(text, where="m.keras: config.json")
    assert time.process_time() - start < 1 and str(caught.value).startswith("m.keras: config.json: ")


def test_brackets_in_strings_are_no_depth():
    text = json.dumps({"a": "[" * 500 + '\\"' + "{" * 500, "b": "é\ud800"})
    assert read_json(text, where="x") == json.loads(text) and read_json(text.encode(), where="x") == json.loads(text)

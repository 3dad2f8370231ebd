"""Files that contradict themselves, or hold more than any model: each is refused at once, with the library's own error."""

import json
import time
import zipfile

import h5py
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras._base.errors import FileFormatError, UnsafeFileError

X = np.linspace(-1, 1, 12, dtype="float32").reshape(4, 3)


def stack(count, name="stack"):
    return jkeras.Sequential([layers.Input((3,)), *(layers.Dense(3, name=f"d{i}") for i in range(count))], name=name)


class Own(jkeras.Model):
    def __init__(self, count):
        super().__init__()
        self.inner = [layers.Dense(3) for _ in range(count)]

    def call(self, x):
        for layer in self.inner:
            x = layer(x)
        return x


def own(count):
    model = Own(count)
    model(X)
    return model


def nested(count):
    return jkeras.Sequential([layers.Input((3,)), stack(count, "inner"), layers.Dense(2, name="out")])


def rewritten(path, change, source=None):
    """A `.keras` with another config, or with the weights of another."""
    with zipfile.ZipFile(path) as found:
        members = {name: found.read(name) for name in found.namelist()}
    if source is not None:
        with zipfile.ZipFile(source) as other:
            members["model.weights.h5"] = other.read("model.weights.h5")
    config = json.loads(members["config.json"])
    change(config)
    with zipfile.ZipFile(path, "w") as target:
        for name, data in members.items():
            target.writestr(name, json.dumps(config) if name == "config.json" else data)
    return path


def entry(config):
    return config["config"]["layers"][1]


@pytest.fixture
def saved(tmp_path):
    """A `.keras` and an `.h5` of one Dense, and the same with another config."""
    model = stack(1)
    model.compile("adam", "mse")
    model.save(tmp_path / "m.keras")
    model.save(tmp_path / "m.h5")

    class Saved:
        folder = tmp_path

        @staticmethod
        def keras(change):
            return rewritten(tmp_path / "m.keras", change)

        @staticmethod
        def h5(change, attribute="model_config"):
            with h5py.File(tmp_path / "m.h5", "r+") as file:
                config = json.loads(file.attrs[attribute])
                file.attrs[attribute] = json.dumps(change(config) or config)
            return tmp_path / "m.h5"

    return Saved


# one extra layer ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [stack, own, nested])
@pytest.mark.parametrize("suffix", [".weights.h5", ".weights.json", ".keras", ".h5"])
def test_weights_of_a_layer_more_than_the_model_has(make, suffix, tmp_path):
    larger, model = make(3), make(2)
    path = tmp_path / f"w{suffix}"
    larger.save(path) if suffix == ".keras" else larger.save_weights(path)
    before = model.get_weights()
    with pytest.raises(FileFormatError, match=r"no layer of the model takes|has \d layers with weights|has \d weights"):
        model.load_weights(path)
    assert all((a == b).all() for a, b in zip(before, model.get_weights()))
    if suffix != ".h5":
        with pytest.warns(UserWarning, match=r"dense_2/vars that no layer of the model takes: \(3, 3\), \(3,\)"):
            model.load_weights(path, skip_mismatch=True)
        np.testing.assert_array_equal(model.get_weights()[0], larger.get_weights()[0])


def test_a_whole_model_with_weights_of_a_layer_more(tmp_path):
    stack(2).save(tmp_path / "m.keras")
    stack(3).save(tmp_path / "larger.keras")
    rewritten(tmp_path / "m.keras", lambda config: None, tmp_path / "larger.keras")
    with pytest.raises(FileFormatError, match=r"layers/dense_2/vars that no layer of the model takes"):
        jkeras.models.load_model(tmp_path / "m.keras")


def test_by_name_takes_the_layers_that_there_are(tmp_path):
    larger, model = stack(3), stack(2)
    larger.save_weights(tmp_path / "w.h5")
    model.load_weights(tmp_path / "w.h5", by_name=True)
    np.testing.assert_array_equal(model.get_weights()[2], larger.get_weights()[2])


def test_optimizers_and_metrics_that_are_not_here_are_no_layers(tmp_path):
    """tf_keras stores metrics, and a model that trains two others their optimizers; who loads the weights alone has neither."""
    model = stack(2)
    model.save_weights(tmp_path / "w.weights.h5")
    with h5py.File(tmp_path / "w.weights.h5", "r+") as file:
        for place, values in {"metrics/auc": [np.zeros(9)], "optimizer": [np.int64(3), np.zeros((3, 3))]}.items():
            group = file.create_group(f"{place}/vars")
            for i, value in enumerate(values):
                group[str(i)] = value
        group = file.create_group("generator_optimizer/vars")
        group["0"], group["1"] = np.int64(3), np.zeros((3, 3), "float32")
        file.create_group("loss_tracker/vars")["0"] = np.float32(1)
    stack(2).load_weights(tmp_path / "w.weights.h5")


def test_states_that_a_model_does_not_keep_are_no_layers(tmp_path):
    def made(stateful):
        return jkeras.Sequential([layers.Input(batch_shape=(2, 3, 1)), layers.LSTM(2, stateful=stateful)])

    model = made(True)
    model.predict(np.ones((2, 3, 1)), batch_size=2, verbose=0)
    model.save_weights(tmp_path / "w.weights.h5")
    with h5py.File(tmp_path / "w.weights.h5") as file:
        assert "_kept" in file["layers/lstm"]
    made(False).load_weights(tmp_path / "w.weights.h5")


def test_groups_that_hold_themselves(tmp_path):
    model = stack(1)
    model.save_weights(tmp_path / "w.weights.h5")
    with h5py.File(tmp_path / "w.weights.h5", "r+") as file:
        file.create_group("a/b")
        file["a/b/again"] = file["a"]
    model.load_weights(tmp_path / "w.weights.h5")


def test_layers_that_are_listed_twice(saved):
    with h5py.File(saved.folder / "m.h5", "r+") as file:
        file["model_weights"].attrs["layer_names"] = [b"d0", b"d0"]
    with pytest.raises(FileFormatError, match="twice"):
        jkeras.models.load_model(saved.folder / "m.h5")


# types of arrays ------------------------------------------------------------------------------------------------------


def with_name_of_type(name, dtype):
    def write(group, key):
        group.create_dataset(key, data=np.zeros((3, 3), dtype)).attrs["dtype"] = name

    return write


def bits(group, key):
    space = h5py.h5s.create_simple((3, 3))
    stored = h5py.h5d.create(group.id, key.encode(), h5py.h5t.STD_B32LE, space)
    stored.write(h5py.h5s.ALL, h5py.h5s.ALL, np.ones((3, 3), "i4"), h5py.h5t.STD_B32LE)


ARRAYS = {
    "an enumeration": lambda g, k: g.create_dataset(k, data=np.ones((3, 3), "i4"), dtype=h5py.enum_dtype({"A": 0, "B": 1}, "i4")),
    "truth values": lambda g, k: g.create_dataset(k, data=np.ones((3, 3), bool)),
    "bits": bits,
    "a float called bfloat16": with_name_of_type("bfloat16", "float32"),
    "an integer called bfloat16": with_name_of_type("bfloat16", "uint16"),
    "two bytes called int16": with_name_of_type("int16", "V2"),
    "four bytes": lambda g, k: g.create_dataset(k, data=np.zeros((3, 3), "V4")),
}


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("suffix", [".weights.h5", ".h5"])
def test_arrays_of_other_types_are_no_weights(kind, suffix, tmp_path):
    model = stack(1)
    model.save_weights(tmp_path / f"w{suffix}")
    with h5py.File(tmp_path / f"w{suffix}", "r+") as file:
        group, key = (file["layers/dense/vars"], "0") if suffix == ".weights.h5" else (file["d0/d0"], "kernel:0")
        del group[key]
        ARRAYS[kind](group, key)
    with pytest.raises(FileFormatError):
        model.load_weights(tmp_path / f"w{suffix}")


def test_weights_of_truth_values_and_of_bfloat16_are_read(tmp_path):
    class Flags(layers.Layer):
        def build(self, shape):
            self.flags = self.add_weight(shape=(3,), dtype="bool", initializer="ones", trainable=False, name="flags")

        def call(self, x):
            return x * self.flags

    model = jkeras.Sequential([layers.Input((3,)), Flags(), layers.Dense(2, dtype="bfloat16")])
    for name in ("w.weights.h5", "w.h5"):
        model.save_weights(tmp_path / name)
        model.load_weights(tmp_path / name)
    with h5py.File(tmp_path / "w.weights.h5", "r+") as file:
        del file["layers/dense/vars/0"].attrs["dtype"]  # as tf_keras writes it
    model.load_weights(tmp_path / "w.weights.h5")


# names ----------------------------------------------------------------------------------------------------------------


@jkeras.saving.register_keras_serializable("refusals")
class Mine(layers.Dense):
    pass


@jkeras.saving.register_keras_serializable("refusals")
class Other(layers.Dense):
    pass


@jkeras.saving.register_keras_serializable("refusals", name="Alias")
class Renamed(layers.Dense):
    pass


@pytest.mark.parametrize(
    ("module", "class_name", "registered"),
    [
        ("keras.layers", "Dense", "refusals>Mine"),
        ("keras.layers", "Dense", "somebody>Dense"),
        ("keras.layers", "Dense", ""),
        (None, "Dense", "refusals>Mine"),
        ("mine", "Mine", "refusals>Other"),
        ("mine", "Renamed", "refusals>Mine"),
    ],
)
def test_a_registered_name_of_another_class(saved, module, class_name, registered):
    path = saved.keras(lambda c: entry(c).update(module=module, class_name=class_name, registered_name=registered))
    with pytest.raises(UnsafeFileError, match="registered_name"):
        jkeras.models.load_model(path)


@pytest.mark.parametrize("registered", ["builtins.eval", "tanh", "refusals>Mine"])
def test_a_registered_name_of_another_function(saved, registered):
    function = {"module": "builtins", "class_name": "function", "config": "relu", "registered_name": registered}
    with pytest.raises(UnsafeFileError, match="registered_name"):
        jkeras.models.load_model(saved.keras(lambda c: entry(c)["config"].update(activation=function)))


def test_a_class_may_have_another_registered_name_and_be_renamed(tmp_path):
    model = jkeras.Sequential([layers.Input((3,)), Renamed(2, name="a"), Mine(2, name="b")])
    model.save(tmp_path / "m.keras")
    path = rewritten(tmp_path / "m.keras", lambda c: c["config"]["layers"][2].update(class_name="NameOfYesterday"))
    assert [type(layer) for layer in jkeras.models.load_model(path).layers] == [Renamed, Mine]


@pytest.mark.parametrize("name", ["..", ".", "../x", "/x", "a/b", "..\\x", "a\0b", "\ud800"])
def test_names_of_layers_that_lead_elsewhere(saved, name):
    with pytest.raises(ValueError, match="name is a string without"):
        layers.Dense(2, name=name)
    for path in (saved.keras(lambda c: entry(c)["config"].update(name=name)), saved.h5(lambda c: c["config"].update(name=name))):
        with pytest.raises(FileFormatError, match="name is a string without"):
            jkeras.models.load_model(path)
    x = layers.Input((3,), name="x")
    graph = json.loads(json.dumps(jkeras.Model(x, x[:, :2]).get_config()))
    graph["layers"][1]["name"] = graph["output_layers"][0] = name
    with pytest.raises(FileFormatError, match="name is a string without"):
        jkeras.Model.from_config(graph)


# compile --------------------------------------------------------------------------------------------------------------

COMPILED = [
    *([], ["adam"], "adam", 3, True),
    *({"optimizer": []}, {"optimizer": 3}, {"optimizer": {"class_name": "Adam", "config": [1]}}),
    *({"optimizer": "adam", "loss": 3}, {"optimizer": "adam", "loss": [1]}, {"optimizer": "adam", "metrics": 3}),
    *({"optimizer": "adam", "loss_weights": "a"}, {"optimizer": "adam", "run_eagerly": [1]}),
    *({"optimizer": "adam", "jit_compile": 3.5}, {"optimizer": "adam", "steps_per_execution": 1.5}),
]


@pytest.mark.parametrize("config", COMPILED, ids=str)
def test_what_was_compiled_is_a_dict_of_the_right_things(saved, config):
    with pytest.raises(FileFormatError, match=r"config\.json: (A|The) .*compile config"):
        jkeras.models.load_model(saved.keras(lambda c: c.update(compile_config=config)))
    training = (
        {"optimizer_config" if k == "optimizer" else k: v for k, v in config.items()} if isinstance(config, dict) else config
    )
    path = saved.h5(lambda _: training, "training_config") if training else saved.folder / "m.h5"
    if training:
        with pytest.raises(FileFormatError, match=r"training_config: (A|The) .*(compile|training) config"):
            jkeras.models.load_model(path)
    assert jkeras.models.load_model(path, compile=False).count_params() == 12


# limits ---------------------------------------------------------------------------------------------------------------

DENSE = {"module": "keras.layers", "class_name": "Dense", "registered_name": None}
CELL = {"module": "keras.layers", "class_name": "LSTMCell", "config": {"units": 1}, "registered_name": None}


def tensor(name, call):
    return {"class_name": "__keras_tensor__", "config": {"keras_history": [name, call, 0]}}


def many_layers(count):
    def change(config):
        config["config"]["layers"] += [{**DENSE, "config": {"units": 3, "name": f"x{i}"}} for i in range(count)]

    return change


def many_cells(count):
    def change(config):
        cells = {"class_name": "StackedRNNCells", "config": {"cells": [CELL] * count}}
        config["config"]["layers"].append({"class_name": "RNN", "config": {"cell": cells}})

    return change


def many_calls(count, keras2):
    def change(config):
        x = {"class_name": "InputLayer", "config": {"batch_shape": [None, 3]}, "name": "x", "inbound_nodes": []}
        calls = [("x", 0), *(("d", i) for i in range(count - 1))]
        nodes = [[[*call, 0, {}]] for call in calls] if keras2 else [{"args": [tensor(*call)], "kwargs": {}} for call in calls]
        layer = {**DENSE, "config": {"units": 3}, "name": "d", "inbound_nodes": nodes}
        graph = {"layers": [x, layer], "input_layers": ["x", 0, 0], "output_layers": ["d", count - 1, 0]}
        config.update(class_name="Functional", module=None, config={"name": "m", **graph})

    return change


def many_inputs(config):
    many_calls(1, False)(config)
    config["config"]["layers"][1]["inbound_nodes"] = [{"args": [[tensor("x", 0)] * 50_000], "kwargs": {}}]


def many_sizes(config):
    config["config"]["layers"].append({"class_name": "Permute", "config": {"dims": [1] * 500_000}})


LARGE = {
    "100,000 layers": many_layers(100_000),
    "20,000 layers": many_layers(20_000),
    "2,000 layers, and the weights of one": many_layers(2_000),
    "30,000 cells": many_cells(30_000),
    "50,000 calls": many_calls(50_000, keras2=False),
    "50,000 calls of Keras 2": many_calls(50_000, keras2=True),
    "50,000 inputs": many_inputs,
    "a shape": many_sizes,
}


@pytest.mark.parametrize("case", LARGE)
def test_more_than_any_model_has_is_refused_at_once(saved, case):
    for path in (saved.keras(LARGE[case]), *([saved.h5(LARGE[case])] if case in ("20,000 layers", "a shape") else [])):
        start = time.process_time()
        with pytest.raises(UnsafeFileError, match=r"layers|cells|called|tensors|too many|axes"):
            jkeras.models.load_model(path)
        assert time.process_time() - start < 20  # reading all of it would take minutes


@pytest.mark.parametrize(
    "config",
    [
        {"metrics": ["mae"] * 100_000},
        {"metrics": [{"class_name": "AUC", "config": {}}] * 10_000},
        {"metrics": ["mae"], "loss_weights": [1.0] * 500_000},
    ],
    ids=["names", "objects", "weights"],
)
def test_more_metrics_than_any_model_has(saved, config):
    path = saved.keras(lambda c: c.update(compile_config={"optimizer": "adam", "loss": "mse", **config}))
    start = time.process_time()
    with pytest.raises(UnsafeFileError, match="compile has more than"):
        jkeras.models.load_model(path)
    assert time.process_time() - start < 2


def test_metrics_without_bound():
    for make in (jkeras.metrics.AUC, lambda n: jkeras.metrics.PrecisionAtRecall(0.5, num_thresholds=n)):
        with pytest.raises(ValueError, match="num_thresholds"):
            make(10**9)


# kinds ----------------------------------------------------------------------------------------------------------------

L2 = {"module": "keras.regularizers", "class_name": "L2", "config": {"l2": 0.1}, "registered_name": None}
ZEROS = {"module": "keras.initializers", "class_name": "Zeros", "config": {}, "registered_name": None}
LAYER = {**DENSE, "config": {"units": 2}}
RELU = {"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "function"}
LOSS = {"module": "builtins", "class_name": "function", "config": "mean_squared_error", "registered_name": "function"}
KINDS = [
    *(("Dense", "units", value) for value in (True, "3", [3], {"a": 1}, None, 2.5, 10**30)),
    *(("Dense", "use_bias", value) for value in ("x", [], {}, 3, LAYER)),
    *(("Dense", "kernel_initializer", value) for value in (L2, LAYER, RELU, LOSS, 3, [1], {}, True)),
    *(("Dense", "kernel_regularizer", value) for value in (ZEROS, LAYER, RELU, LOSS, 3, [1])),
    *(("Dense", "kernel_constraint", value) for value in (ZEROS, L2, LAYER, LOSS, 3)),
    *(("Dense", "activity_regularizer", value) for value in (ZEROS, LAYER)),
    *(("Dense", "activation", value) for value in (LAYER, ZEROS, L2, LOSS, 3, [], {})),
    *(("Dense", "dtype", value) for value in ({}, [], 3, L2)),
    *(("Dense", "trainable", value) for value in ("x", [], {}, L2)),
    *(("Dropout", "rate", value) for value in ("0.5", [0.5], True, None, L2, 1e39)),
    *(("ReLU", "max_value", value) for value in ("6", [6], {}, RELU)),
    *(("Softmax", "axis", value) for value in ("1", {}, [None], L2)),
    *(("Rescaling", "scale", value) for value in ({}, ["a"], L2)),
    *(("InputLayer", "batch_shape", value) for value in (["a", "b"], [None, "3"], [None, True], "3", 3, {"a": 3}, [None, 2.5])),
    *(("Bidirectional", "layer", value) for value in (LAYER, L2, "x", 3)),
]
GIVEN = {"Dense": {"units": 2}, "Dropout": {"rate": 0.5}, "Rescaling": {"scale": 1.0}}


@pytest.mark.parametrize(("name", "key", "value"), KINDS)
def test_arguments_of_another_kind(name, key, value):
    first = {"class_name": "InputLayer", "config": {"batch_shape": [None, 3], "dtype": "float32", "name": "x"}}
    second = {"class_name": name if name != "InputLayer" else "ReLU", "config": {**GIVEN.get(name, {}), "name": "it"}}
    (first if name == "InputLayer" else second)["config"][key] = value
    config = {"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [first, second]}}
    with pytest.raises(FileFormatError) as caught:
        jkeras.models.model_from_json(json.dumps(config))
    assert key in str(caught.value) and "Error: '" not in str(caught.value), caught.value


def test_arguments_that_files_of_keras_have():
    """Null where it means the default, layers as activations, arrays for numbers."""
    dense = {"units": 2, "activation": {"class_name": "LeakyReLU", "config": {"alpha": 0.2}}, "kernel_initializer": None}
    made = layers.deserialize({"class_name": "Dense", "config": {**dense, "kernel_constraint": None, "use_bias": 1}})
    assert isinstance(made.activation, layers.LeakyReLU)
    array = {"class_name": "__numpy__", "config": {"value": 0.25, "dtype": "float32"}}
    assert layers.deserialize({"class_name": "LeakyReLU", "config": {"negative_slope": array}}).negative_slope == 0.25


SLICES = [3, None, [], "x", {"start": "a"}, {"start": 1.5}, {"step": 0}, {"stop": True}, {"start": {"class_name": "__slice__"}}]


@pytest.mark.parametrize("bad", SLICES, ids=str)
def test_a_bad_slice(bad):
    x = layers.Input((4,), name="x")
    text = json.dumps(jkeras.Model(x, x[:, 1:3]).get_config())
    good = '{"class_name": "__slice__", "config": {"start": 1, "stop": 3, "step": null}}'
    assert good in text
    config = json.loads(text.replace(good, json.dumps({"class_name": "__slice__", "config": bad})))
    for read in (
        jkeras.Model.from_config,
        lambda c: jkeras.models.model_from_json(json.dumps({"class_name": "Functional", "config": c})),
    ):
        with pytest.raises(FileFormatError, match="__slice__ cannot be read"):
            read(config)


def test_an_index_that_the_tensor_does_not_have():
    x = layers.Input((4,), name="x")
    config = json.loads(json.dumps(jkeras.Model(x, x[:, 1:3]).get_config()).replace('"__slice__"', '"__ellipsis__"'))
    with pytest.raises(FileFormatError, match=r"get_item.* asks for what cannot be"):
        jkeras.Model.from_config(config)

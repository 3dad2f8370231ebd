"""Weights move between jkeras, Keras 3 and tf_keras, in both directions and all layouts, with equal predictions."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import functools

import keras
import numpy as np
import pytest
from saving_io import library, read2, read3, write2, write3
from saving_models import MODELS, build, data, fill, predict

import jkeras
from jkeras._base.errors import FileFormatError
from jkeras._safe_io.hdf5 import open_hdf5

LIBRARIES = ("keras", "tf_keras")


@functools.cache
def reference(name, model_name):
    """A model of another library, its inputs and outputs; it is made once for all tests."""
    model = build(library(name), model_name, seed=1)
    x, _ = data(model_name)
    return model, x, predict(model, x)


@functools.cache
def kept(model_name):
    return build(jkeras, model_name)


def ours_of(model_name, seed):
    """A model of jkeras with weights of a seed; always the same one, so that its programs are compiled once."""
    model = kept(model_name)
    fill(model, seed)
    return model


def assert_predicts(model, x, expected):
    for found, wanted in zip(predict(model, x), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("model_name", MODELS)
@pytest.mark.parametrize("name", LIBRARIES)
def test_keras_3_layout_is_read_from_both_libraries(name, model_name, tmp_path):
    model, x, expected = reference(name, model_name)
    model.save_weights(tmp_path / "w.weights.h5")
    ours = ours_of(model_name, seed=2)
    read3(tmp_path / "w.weights.h5", ours)
    assert_predicts(ours, x, expected)


@pytest.mark.filterwarnings("ignore:.*HDF5 file")
@pytest.mark.parametrize("model_name", MODELS)
@pytest.mark.parametrize("name", LIBRARIES)
def test_keras_2_layout_is_read_from_both_libraries(name, model_name, tmp_path):
    model, x, expected = reference(name, model_name)
    model.save(tmp_path / "w.h5")
    ours = ours_of(model_name, seed=2)
    read2(tmp_path / "w.h5", ours)
    assert_predicts(ours, x, expected)


@pytest.mark.parametrize("model_name", MODELS)
def test_keras_reads_our_keras_3_layout(model_name, tmp_path):
    model, x, expected = reference("keras", model_name)
    ours = ours_of(model_name, seed=1)
    write3(tmp_path / "w.weights.h5", ours)
    fill(model, seed=3)
    try:
        model.load_weights(tmp_path / "w.weights.h5")
        for found, wanted in zip(model.get_weights(), ours.get_weights(), strict=True):
            np.testing.assert_array_equal(found, wanted)
        assert_predicts(model, x, predict(ours, x))
    finally:
        fill(model, seed=1)
    assert_predicts(ours, x, expected)


@pytest.mark.parametrize("model_name", MODELS)
@pytest.mark.parametrize("name", LIBRARIES)
def test_both_libraries_read_our_keras_2_layout(name, model_name, tmp_path):
    model, x, expected = reference(name, model_name)
    write2(tmp_path / "w.h5", ours_of(model_name, seed=1))
    fill(model, seed=3)
    try:
        model.load_weights(tmp_path / "w.h5")
        assert_predicts(model, x, expected)
    finally:
        fill(model, seed=1)


def test_weights_only_files_of_keras_2_have_the_layout_at_their_root(tmp_path):
    tf_keras = library("tf_keras")
    theirs = build(tf_keras, "dense", seed=1)
    theirs.save_weights(tmp_path / "w.h5")
    ours = build(jkeras, "dense", seed=2)
    read2(tmp_path / "w.h5", ours)
    for found, wanted in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_frozen_parts_keep_their_weights_whatever_was_frozen_when_the_file_was_written(tmp_path):
    """Keras 2 stores what is trained first, so freezing a nested model moves the moving averages between the kernels."""
    tf_keras = library("tf_keras")
    for frozen_there in (True, False):
        theirs = build(tf_keras, "nested", seed=1)
        ours = build(jkeras, "nested", seed=2)
        (theirs if frozen_there else ours).layers[-3].trainable = False
        nested = [layer for layer in theirs.layers if isinstance(layer, tf_keras.Model)]
        for layer in nested:
            layer.trainable = not frozen_there
        theirs.save(tmp_path / "w.h5")
        read2(tmp_path / "w.h5", ours)
        x, _ = data("nested")
        assert_predicts(ours, x, predict(theirs, x))


def test_a_renamed_layer_is_found_by_its_place_and_by_name_only_where_asked(tmp_path):
    def make(k, *names):
        return k.Sequential([k.Input(shape=(3,)), *(k.layers.Dense(3, name=name) for name in names)])

    theirs = make(keras, "a", "b")
    fill(theirs)
    theirs.save_weights(tmp_path / "w.weights.h5")
    theirs.save(tmp_path / "w.h5")
    for read in (functools.partial(read3, tmp_path / "w.weights.h5"), functools.partial(read2, tmp_path / "w.h5")):
        ours = make(jkeras, "b", "c")
        read(ours)
        np.testing.assert_array_equal(ours.get_weights()[0], theirs.get_weights()[0])
    ours = make(jkeras, "b", "c")
    before = ours.get_weights()
    read2(tmp_path / "w.h5", ours, by_name=True)
    np.testing.assert_array_equal(ours.get_layer("b").get_weights()[0], theirs.get_layer("b").get_weights()[0])
    np.testing.assert_array_equal(ours.get_layer("c").get_weights()[0], before[2])


def own_model(k):
    """Layers in attributes, lists, lists in lists, dicts and properties; names that sort otherwise than they were set."""

    class Block(k.layers.Layer):
        def __init__(self):
            super().__init__()
            self.zed = k.layers.Dense(3)
            self._private = k.layers.Dense(3)
            self.listed = [k.layers.Dense(3), k.layers.Dense(3)]
            self.by_key = {"b": k.layers.Dense(3), "a": k.layers.Dense(3)}

        def build(self, shape):
            self.fixed = self.add_weight(shape=(3,), name="fixed", trainable=False, initializer="ones")
            self.factor = self.add_weight(shape=(3,), name="factor", initializer="ones")
            super().build(shape)

        def call(self, x):
            for layer in (self.zed, self._private, *self.listed, self.by_key["a"], self.by_key["b"]):
                x = layer(x)
            return x * self.factor + self.fixed

    class Net(k.Model):
        def __init__(self):
            super().__init__()
            self.z_first = k.layers.Dense(3)
            self.blocks = [Block(), Block()]
            self.a_last = k.layers.Dense(3)
            self.again = self.z_first

        def call(self, x):
            x = self.z_first(x)
            for block in self.blocks:
                x = block(x)
            return self.again(self.a_last(x))

    return Net()


@pytest.mark.parametrize("name", LIBRARIES)
def test_models_of_own_classes_are_stored_by_attribute(name, tmp_path):
    theirs, ours = own_model(library(name)), own_model(jkeras)
    x = np.random.default_rng(0).normal(size=(4, 3)).astype("float32")
    theirs(x), ours(x)
    fill(theirs)
    theirs.save_weights(tmp_path / "w.weights.h5")
    read3(tmp_path / "w.weights.h5", ours)
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5)
    if name == "keras":
        fill(ours, seed=4)
        write3(tmp_path / "v.weights.h5", ours)
        theirs.load_weights(tmp_path / "v.weights.h5")
        np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5)


def test_lists_in_lists_are_stored_as_containers(tmp_path):
    def make(k):
        class Net(k.Model):
            def __init__(self):
                super().__init__()
                self.rows = [[k.layers.Dense(2), k.layers.Dense(2)], k.layers.Dense(2), [k.layers.Dense(2)]]

            def call(self, x):
                return self.rows[2][0](self.rows[1](self.rows[0][1](self.rows[0][0](x))))

        net = Net()
        net(np.ones((1, 2), "float32"))
        return net

    theirs, ours, x = make(keras), make(jkeras), np.ones((3, 2), "float32")
    fill(theirs)
    theirs.save_weights(tmp_path / "w.weights.h5")
    read3(tmp_path / "w.weights.h5", ours)
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-5)


def test_the_name_that_keras_2_12_had_for_the_layers_of_a_graph(tmp_path):
    theirs, x, expected = reference("keras", "nested")
    theirs.save_weights(tmp_path / "w.weights.h5")
    with create_copy(tmp_path / "w.weights.h5") as root:
        for place in [p for p in all_groups(root) if p.endswith("layers")][::-1]:
            root.move(place, place.removesuffix("layers") + "_layer_checkpoint_dependencies")
    ours = build(jkeras, "nested", seed=2)
    read3(tmp_path / "w.weights.h5", ours)
    assert_predicts(ours, x, expected)


def create_copy(path):
    import h5py

    return h5py.File(path, "a")


def all_groups(root):
    found = []
    root.visit(found.append)
    return found


@pytest.mark.parametrize("layout", [2, 3])
def test_bfloat16_weights(layout, tmp_path):
    def make(k):
        return k.Sequential([k.Input(shape=(4,)), k.layers.Dense(3, dtype="bfloat16")])

    theirs, ours = make(keras), make(jkeras)
    path = tmp_path / ("w.weights.h5" if layout == 3 else "w.h5")
    theirs.save_weights(path) if layout == 3 else theirs.save(path)
    (read3 if layout == 3 else read2)(path, ours)
    assert ours.get_weights()[0].dtype == "bfloat16"
    for found, wanted in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(np.asarray(found, "float32"), np.asarray(wanted, "float32"))
    if layout == 3:
        write3(tmp_path / "v.weights.h5", ours)
        other = make(keras)
        other.load_weights(tmp_path / "v.weights.h5")
        np.testing.assert_array_equal(np.asarray(other.get_weights()[0], "float32"), np.asarray(ours.get_weights()[0], "float32"))


@pytest.mark.parametrize("layout", [2, 3])
def test_states_of_stateful_layers_go_along_and_keras_passes_over_them(layout, tmp_path):
    def make(k):
        return k.Sequential([k.Input(batch_shape=(2, 5, 3)), k.layers.LSTM(4, stateful=True), k.layers.Dense(2)])

    ours, again, theirs = make(jkeras), make(jkeras), make(keras)
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    ours.predict(x, batch_size=2, verbose=0)
    path = tmp_path / ("w.weights.h5" if layout == 3 else "w.h5")
    (write3 if layout == 3 else write2)(path, ours)
    (read3 if layout == 3 else read2)(path, again)
    np.testing.assert_array_equal(*(model.predict(x, batch_size=2, verbose=0) for model in (ours, again)))
    theirs.load_weights(path)
    np.testing.assert_array_equal(theirs.get_weights()[0], ours.layers[0].get_weights()[0])
    theirs.save_weights(tmp_path / "v.weights.h5")
    read3(tmp_path / "v.weights.h5", ours)


def test_normalization_brings_its_statistics(tmp_path):
    x = np.random.default_rng(0).normal(2, 3, size=(50, 4)).astype("float32")
    theirs = keras.Sequential([keras.Input(shape=(4,)), keras.layers.Normalization()])
    theirs.layers[0].adapt(x)
    theirs.save_weights(tmp_path / "w.weights.h5")
    ours = jkeras.Sequential([jkeras.Input(shape=(4,)), jkeras.layers.Normalization()])
    read3(tmp_path / "w.weights.h5", ours)
    np.testing.assert_allclose(ours.predict(x, verbose=0), theirs.predict(x, verbose=0), rtol=1e-5, atol=1e-6)


def test_names_too_long_for_an_attribute_are_split(tmp_path):
    def make(k):
        names = [f"{'long_name_' * 200}{i}" for i in range(36)]
        return k.Sequential([k.Input(shape=(2,)), *(k.layers.Dense(2, use_bias=False, name=n) for n in names)])

    ours, again, theirs = make(jkeras), make(jkeras), make(keras)
    write2(tmp_path / "w.h5", ours)
    read2(tmp_path / "w.h5", again)
    theirs.load_weights(tmp_path / "w.h5")
    for model in (again, theirs):
        np.testing.assert_array_equal(model.get_weights()[-1], ours.get_weights()[-1])
    theirs.save(tmp_path / "v.h5")
    read2(tmp_path / "v.h5", make(jkeras))


@pytest.mark.parametrize("wrapped", [False, True])
@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_weights_of_cudnn_layers_are_repacked_as_keras_2_does(kind, wrapped, tmp_path):
    tf_keras = library("tf_keras")

    def make(k):
        layer = getattr(k.layers, kind)(3)
        return k.Sequential([k.Input(shape=(5, 2)), k.layers.Bidirectional(layer) if wrapped else layer])

    ours, theirs = make(jkeras), make(tf_keras)
    gates, rng = {"LSTM": 4, "GRU": 3}[kind], np.random.default_rng(0)
    import h5py

    with h5py.File(tmp_path / "w.h5", "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = "2.2.4", "tensorflow"
        file.attrs["layer_names"] = [b"rnn"]
        group = file.create_group("rnn")
        shapes = {"kernel": (2, 3 * gates), "recurrent_kernel": (3, 3 * gates), "bias": (6 * gates,)}
        names = [f"{way}/{n}:0" for way in (("forward", "backward") if wrapped else ("rnn",)) for n in shapes]
        for name in names:
            group[name] = rng.normal(size=shapes[name.split("/")[1][:-2]]).astype("float32")
        group.attrs["weight_names"] = [name.encode() for name in names]
    theirs.load_weights(tmp_path / "w.h5")
    read2(tmp_path / "w.h5", ours)
    for found, wanted in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)


# several files --------------------------------------------------------------------------------------------------------


def test_sharded_weights_go_both_ways(tmp_path):
    def make(k, seed):
        layers = [k.layers.Dense(64, name=f"d{i}") for i in range(6)]
        model = k.Sequential([k.Input(shape=(64,)), *layers])
        fill(model, seed)
        return model

    size = 3 * 64 * 64 * 4 / 1024**3
    theirs, ours = make(keras, 1), make(jkeras, 2)
    theirs.save_weights(tmp_path / "theirs.weights.json", max_shard_size=size)
    ours.load_weights(tmp_path / "theirs.weights.json")
    for found, wanted in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)
    fill(ours, 3)
    ours.save_weights(tmp_path / "ours.weights.json", max_shard_size=size)
    assert len(list(tmp_path.glob("ours_*.weights.h5"))) >= 2
    for reader in (keras, jkeras):
        model = make(reader, 4)
        if reader is keras:
            model.load_weights(tmp_path / "ours.weights.json")
        else:
            model.load_weights(tmp_path / "ours.weights.json")
        for found, wanted in zip(model.get_weights(), ours.get_weights(), strict=True):
            np.testing.assert_array_equal(found, wanted)


def test_files_of_two_savings_are_not_mixed(tmp_path):
    """As after a kill between two renames: a file is new, the map and the others are old."""
    model = build(jkeras, "dense")
    for folder in ("old", "new"):
        (tmp_path / folder).mkdir()
        model.save_weights(tmp_path / folder / "w.weights.json", max_shard_size=150 / 1024**3)
    (tmp_path / "new" / "w_00001.weights.h5").replace(tmp_path / "old" / "w_00001.weights.h5")
    with pytest.raises(FileFormatError, match=r"w.weights.json: w_00001.weights.h5 is of another save"):
        model.load_weights(tmp_path / "old" / "w.weights.json")


def test_an_array_larger_than_a_shard_is_an_error_and_leaves_no_file(tmp_path):
    model = build(jkeras, "dense")
    with pytest.raises(ValueError, match="max_shard_size"):
        model.save_weights(tmp_path / "w.weights.json", max_shard_size=1e-9)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../w_00000.weights.h5", "/etc/passwd", "..", "", "a\\b", "missing.h5", 3, "folder"])
def test_a_map_names_plain_files_beside_it(name, tmp_path):
    import json

    model = build(jkeras, "dense")
    model.save_weights(tmp_path / "w.weights.json")
    (tmp_path / "folder").mkdir()
    content = json.loads((tmp_path / "w.weights.json").read_text())
    content["weight_map"]["/layers/dense/vars"] = name
    (tmp_path / "w.weights.json").write_text(json.dumps(content))
    with pytest.raises(FileFormatError, match=r"w\.weights\.json: (names|.*missing|.*is a folder|is not a map)"):
        model.load_weights(tmp_path / "w.weights.json")


# what does not fit ----------------------------------------------------------------------------------------------------


def two_layers(units, bias=True):
    layers = [jkeras.layers.Dense(units, name="first"), jkeras.layers.Dense(2, name="second", use_bias=bias)]
    return jkeras.Sequential([jkeras.Input(shape=(3,)), *layers])


@pytest.mark.parametrize(("write", "read"), [(write2, read2), (write3, read3)])
@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda: two_layers(5), ["w.h5", "'first'", "'kernel'", "(3, 5)", "(3, 4)", "'second'"]),
        (lambda: two_layers(4, bias=False), ["w.h5", "'second'", "1 weights", "kernel (4, 2)", "(4, 2), "]),
    ],
)
def test_what_does_not_fit_is_named_and_nothing_is_changed(write, read, model, words, tmp_path):
    path = tmp_path / "w.h5"
    write(path, two_layers(4))
    ours = model()
    before = ours.get_weights()
    with pytest.raises(FileFormatError) as error:
        read(path, ours)
    for word in words:
        assert word in str(error.value)
    for found, wanted in zip(ours.get_weights(), before, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_another_number_of_layers_is_named_in_the_keras_2_layout(tmp_path):
    write2(tmp_path / "w.h5", two_layers(4))
    ours = jkeras.Sequential([jkeras.Input(shape=(3,)), jkeras.layers.Dense(4, name="only")])
    with pytest.raises(FileFormatError, match=r"w\.h5: has 2 layers with weights, the model 1\.\n.*first, second\n.*only"):
        read2(tmp_path / "w.h5", ours)


@pytest.mark.parametrize(("write", "read"), [(write2, read2), (write3, read3)])
def test_skip_mismatch_leaves_out_what_does_not_fit(write, read, tmp_path):
    saved, ours = two_layers(4), two_layers(4)
    write(tmp_path / "w.h5", saved)
    ours = jkeras.Sequential([jkeras.Input(shape=(3,)), jkeras.layers.Dense(4, name="first"), jkeras.layers.Dense(7)])
    before = ours.get_weights()
    with pytest.warns(UserWarning, match=r"\(4, 7\)"):
        read(tmp_path / "w.h5", ours, skip_mismatch=True)
    np.testing.assert_array_equal(ours.get_weights()[0], saved.get_weights()[0])
    np.testing.assert_array_equal(ours.get_weights()[2], before[2])


def test_missing_weights_are_named(tmp_path):
    write3(tmp_path / "w.h5", build(jkeras, "dense"))
    with pytest.raises(FileFormatError, match=r"lstm.*none at layers/lstm/cell/vars"):
        model = jkeras.Sequential([jkeras.Input(shape=(5, 4)), jkeras.layers.LSTM(2, name="lstm")])
        read3(tmp_path / "w.h5", model)


def test_floats_are_no_integers(tmp_path):
    write3(tmp_path / "w.h5", two_layers(4))
    with create_copy(tmp_path / "w.h5") as root:
        del root["layers/dense/vars/1"]
        root["layers/dense/vars/1"] = np.zeros(4, "complex64")
    with pytest.raises(FileFormatError, match=r"layers/dense/vars/1.*real numbers"):
        read3(tmp_path / "w.h5", two_layers(4))


def test_a_shared_layer_is_stored_once(tmp_path):
    layer = jkeras.layers.Dense(3)
    a, b = jkeras.Input(shape=(3,)), jkeras.Input(shape=(3,))
    model = jkeras.Model([a, b], [layer(a), layer(b)])
    write3(tmp_path / "w.h5", model)
    with open_hdf5(tmp_path / "w.h5", "w") as root:
        assert [n for n in root.group("layers").names() if "dense" in n] == ["dense"]
        assert root.group("layers/dense/vars").names() == ["0", "1"]

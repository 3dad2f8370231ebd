"""`KerasFileEditor`: files of both libraries are read, changed, written, and loaded again."""

import h5py
import keras
import numpy as np
import pytest

import jkeras
from jkeras.saving import FileFormatError, KerasFileEditor, UnsafeFileError


def network(library, units=3):
    inner = library.Sequential([library.Input((4,)), library.layers.Dense(units), library.layers.Dense(units)], name="inner")
    x = library.Input((4,))
    return library.Model(x, library.layers.Dense(2)(inner(x)))


@pytest.fixture(params=[jkeras, keras], ids=["jkeras", "keras"])
def model(request):
    return network(request.param)


@pytest.fixture(params=[".weights.h5", ".keras"])
def file(request, model, tmp_path):
    path = str(tmp_path / f"m{request.param}")
    (model.save if path.endswith(".keras") else model.save_weights)(path)
    return path


def test_an_unchanged_file_fits_the_model_and_is_written_whole(model, file, tmp_path, capsys):
    editor = KerasFileEditor(file)
    assert editor.compare(network(jkeras)) == {"status": "success", "error_count": 0, "match_count": 6}
    assert (editor.config is not None) == (editor.metadata is not None) == file.endswith(".keras")
    editor.resave_weights(tmp_path / "again.weights.h5")
    for library in (jkeras, keras):
        again = network(library)
        again.load_weights(tmp_path / "again.weights.h5")
        for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    capsys.readouterr()
    editor.summary()
    printed = capsys.readouterr().out
    assert printed.count("float32(3,)") == 2 and "            dense_1\n" in printed


def test_changes(model, file, tmp_path, capsys):
    editor = KerasFileEditor(file)
    inner = next(name for name in editor.weights_dict["layers"] if name.startswith("sequential"))
    editor.delete_object(f"layers/{inner}/layers/dense")
    editor.rename_object("dense_1", "dense")
    editor.rename_object(f"layers/{inner}", "kept")
    editor.add_object("layers/head", {"0": np.ones((2, 2), "float32")})
    editor.add_weights("head", {"1": np.zeros(2, "float32"), "2": np.zeros(())})
    editor.delete_weight("layers/head", "2")
    editor.save(tmp_path / "new.weights.h5")
    found = KerasFileEditor(str(tmp_path / "new.weights.h5")).weights_dict["layers"]
    assert {*found} == {"dense", "kept", "head"} and [*found["kept"]["layers"]] == ["dense"]
    np.testing.assert_array_equal(found["kept"]["layers"]["dense"]["0"], model.get_weights()[2])
    assert [*found["head"]] == ["0", "1"]
    report = editor.compare(network(jkeras, units=5))
    assert report == {"status": "error", "error_count": 4, "match_count": 1}
    assert "layers/dense/0: the file has (3, 2), the model (5, 2)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("act", "text"),
    [
        (lambda e: e.rename_object("dense", "a/b"), "a name, not a path"),
        (lambda e: e.rename_object("dense_1", "x") or e.delete_object("dense_1"), "Unknown object 'dense_1'"),
        (lambda e: e.delete_object("dense"), "2 objects of the name 'dense'"),
        (lambda e: e.delete_object("layers/nothing/dense"), "no object 'layers/nothing'"),
        (lambda e: e.add_object("nowhere/dense", {}), "no object 'nowhere'"),
        (lambda e: e.add_object("layers/x", [1]), "dict of arrays"),
        (lambda e: e.add_weights("dense_1", [1]), "dict of arrays"),
        (lambda e: e.delete_weight("dense_1", "7"), "weight of 'dense_1': '7'"),
        (lambda e: e.rename_object("layers/dense", "sequential"), "'sequential' in this place already"),
        (lambda e: e.add_object("layers/dense", {}), "'dense' in this place already"),
        (lambda e: e.add_object("layers/dense/0", {}), "'0' in this place already"),
        (lambda e: e.add_object("layers/dense/0/x", {}), "'layers/dense/0' is a weight"),
        (lambda e: e.rename_object("layers/dense/0", "x"), "'layers/dense/0' is a weight"),
        (lambda e: e.rename_object("0", "x"), "Unknown object '0'"),
        (lambda e: e.delete_object("layers/dense/1"), "'layers/dense/1' is a weight"),
        (lambda e: e.add_weights("layers/dense/1", {"0": 1.0}), "'layers/dense/1' is a weight"),
        (lambda e: e.add_weights("sequential", {"layers": 1.0}), "has an object 'layers'"),
        (lambda e: e.delete_weight("sequential", "layers"), "weight of 'sequential': 'layers'"),
        (lambda e: e.add_object("layers/x", {"below": {"0": 1.0}}), "added by add_object"),
        (lambda e: e.add_object("layers/x", {"0": ["a"]}), "array of real numbers"),
        (lambda e: e.add_weights("dense_1", {"0": np.ones(2, complex)}), "array of real numbers"),
        (lambda e: e.add_weights("dense_1", {"0": [None]}), "array of real numbers"),
        (lambda e: e.add_weights("dense_1", {"..": 1.0}), "name a group"),
        (lambda e: e.add_weights("dense_1", {"a/b": 1.0}), "not a path"),
        (lambda e: e.add_object("layers/..", {}), "name a group"),
        (lambda e: e.rename_object("dense_1", ".."), "name a group"),
        (lambda e: e.rename_object("dense_1", "vars"), "name a group"),
        (lambda e: e.rename_object(3, "x"), "its name or its path"),
        (lambda e: e.add_object(3, {}), "name a group"),
        (lambda e: e.save("m.h5"), "weights.h5 file"),
        (lambda e: KerasFileEditor("m.pt"), "opens .keras and .weights.h5"),
    ],
)
def test_wrong_arguments(act, text, tmp_path):
    path = str(tmp_path / "m.weights.h5")
    network(jkeras).save_weights(path)
    with pytest.raises(ValueError, match=text):
        act(KerasFileEditor(path))


def test_links_out_of_the_file_are_refused(tmp_path):
    path = tmp_path / "m.weights.h5"
    with h5py.File(path, "w") as file:
        file["layers"] = h5py.ExternalLink("/etc/passwd", "/")
    with pytest.raises(UnsafeFileError):
        KerasFileEditor(str(path))


def test_groups_in_two_places_are_refused_at_once(tmp_path):
    path = str(tmp_path / "m.weights.h5")
    with h5py.File(path, "w") as file:
        above = file
        for _ in range(60):
            below = above.create_group("a")
            above["b"] = below  # a hard link: 2 ** 60 paths to the last
            above = below
        above.create_group("vars")["0"] = np.ones(3)
    with pytest.raises(FileFormatError, match="in two places"):
        KerasFileEditor(path)


def test_packed_zeros_are_refused(tmp_path):
    path = str(tmp_path / "m.weights.h5")
    with h5py.File(path, "w") as file:
        for i in range(2):
            file.create_dataset(f"dense/vars/{i}", data=np.zeros(5 << 20, "float32"), compression="gzip")
    with pytest.raises(UnsafeFileError, match="claims to hold 41943040 bytes"):
        KerasFileEditor(path)


def test_names_go_with_their_objects(model, tmp_path):
    """The layer's own name is stored beside its weights."""
    path = str(tmp_path / "m.weights.h5")
    model.save_weights(path)
    editor = KerasFileEditor(path)
    inner = next(name for name in editor.weights_dict["layers"] if name.startswith("sequential"))
    own = editor.object_metadata[f"layers/{inner}/layers/dense_1"]
    editor.rename_object(f"layers/{inner}", "kept")
    assert editor.object_metadata["layers/kept/layers/dense_1"] == own
    editor.delete_object("kept")
    editor.rename_object("dense", "head")
    editor.save(tmp_path / "new.weights.h5")
    again = KerasFileEditor(tmp_path / "new.weights.h5").object_metadata
    assert again["layers/head"] == {"name": model.layers[-1].name} and not any(p.startswith("layers/kept") for p in again)


def test_an_optimizer_and_a_training_run(tmp_path):
    model = network(jkeras)
    model.compile("adam", "mse")
    model.fit(np.ones((4, 4)), np.ones((4, 2)), verbose=0)
    model.save(tmp_path / "m.keras")
    editor = KerasFileEditor(tmp_path / "m.keras")
    assert "optimizer" in editor.weights_dict and editor.compare(model)["status"] == "success"

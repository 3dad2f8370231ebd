"""`KerasFileEditor`: files of both libraries are read, changed, written, and loaded again."""

import h5py
import keras
import numpy as np
import pytest

import jkeras
from jkeras.saving import KerasFileEditor, UnsafeFileError


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


def test_an_optimizer_and_a_training_run(tmp_path):
    model = network(jkeras)
    model.compile("adam", "mse")
    model.fit(np.ones((4, 4)), np.ones((4, 2)), verbose=0)
    model.save(tmp_path / "m.keras")
    editor = KerasFileEditor(tmp_path / "m.keras")
    assert "optimizer" in editor.weights_dict and editor.compare(model)["status"] == "success"

"""Names without a suffix: an error that says what to write, and under `jkeras.compat` what Keras 2's scripts need."""

import os

import keras
import numpy as np
import pytest

import jkeras
from jkeras._base.config import settings
from jkeras.compat.restored import Restored
from jkeras.compat.standin.checkpoints import latest_checkpoint


@pytest.fixture
def old_scripts(monkeypatch):
    monkeypatch.setattr(settings, "keras2_files", True)
    monkeypatch.setattr(settings, "restored", Restored())


def small():
    model = jkeras.Sequential([jkeras.Input((3,)), jkeras.layers.Dense(2)])
    model.compile("adam", "mse")
    return model


X = np.arange(6.0, dtype="float32").reshape(2, 3)


@pytest.mark.parametrize(("method", "meant"), [("save", "SavedModel"), ("save_weights", "checkpoints")])
def test_a_name_without_suffix_is_an_error_that_says_what_it_meant(tmp_path, method, meant):
    with pytest.raises(ValueError, match=rf"(?s)Give the path a suffix.*{meant}"):
        getattr(small(), method)(tmp_path / "model")
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize(("name", "options"), [("model", {}), ("model.20", {"save_format": "tf"})])
def test_old_scripts_save_a_whole_model_into_a_folder_which_keras_reads_too(tmp_path, old_scripts, name, options):
    model, path = small(), str(tmp_path / name)
    for _ in range(2):  # the second one replaces the first
        with pytest.warns(UserWarning, match="SavedModel"):
            model.save(path, **options)
    assert os.path.isdir(path)
    loaded = jkeras.models.load_model(path)
    assert loaded.compiled
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))
    np.testing.assert_allclose(keras.models.load_model(path).predict(X, verbose=0), model.predict(X, verbose=0), rtol=1e-6)


def test_a_folder_with_other_files_is_left_alone(tmp_path, old_scripts):
    (tmp_path / "thesis.tex").write_text("all of it")
    with pytest.raises(FileExistsError, match=r"thesis\.tex"):
        small().save(tmp_path)
    assert os.listdir(tmp_path) == ["thesis.tex"]


def test_old_scripts_write_weights_under_a_bare_name_and_read_them_back(tmp_path, old_scripts):
    model, other, path = small(), small(), str(tmp_path / "cp-0001.ckpt")
    with pytest.warns(UserWarning, match=r"cp-0001\.ckpt\.weights\.h5"):
        model.save_weights(path)
    assert latest_checkpoint(tmp_path) == path
    other.load_weights(latest_checkpoint(tmp_path)).expect_partial()
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])


def test_a_known_suffix_decides_for_old_scripts_too(tmp_path, old_scripts):
    small().save(tmp_path / "model.h5", save_format="tf")
    assert (tmp_path / "model.h5").is_file()
    small().save(tmp_path / "model", save_format="h5")
    assert jkeras.models.load_model(tmp_path / "model").count_params() == small().count_params()
    assert small().load_weights(tmp_path / "model.h5") is None


@pytest.mark.parametrize("weights_only", [True, False])
def test_model_checkpoint_takes_a_bare_name_from_old_scripts(tmp_path, old_scripts, weights_only):
    model, path = small(), str(tmp_path / "checkpoint")
    keep = jkeras.callbacks.ModelCheckpoint(path, save_weights_only=weights_only, save_best_only=True, monitor="loss")
    with pytest.warns(UserWarning, match="no suffix"):
        model.fit(X, X[:, :2], epochs=1, verbose=0, callbacks=[keep])
    before = model.get_weights()[0]
    model.set_weights([w * 0 for w in model.get_weights()])
    model.load_weights(path)
    np.testing.assert_array_equal(model.get_weights()[0], before)

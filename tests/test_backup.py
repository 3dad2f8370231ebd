"""A training run that is killed and restarted ends like an uninterrupted one, bit for bit."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from backup_training import train

import jkeras
from jkeras import callbacks
from jkeras.callbacks import BackupAndRestore, EarlyStopping, LambdaCallback
from jkeras.saving.training_state import _read_callbacks

HERE = Path(__file__).resolve().parent
X = np.random.default_rng(1).normal(size=(12, 3)).astype("float32")


def run(folder, save_freq, kill_after):
    command = [sys.executable, str(HERE / "backup_training.py"), str(folder), str(save_freq), str(kill_after)]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture(scope="module")
def whole():
    """The training that nobody interrupts, and its history."""
    return train("", "epoch")


@pytest.mark.optimised
def test_killed_in_the_middle_of_an_epoch_and_started_again(tmp_path, whole):
    killed = run(tmp_path / "backup", 2, kill_after=18)
    assert killed.returncode == -signal.SIGKILL and not killed.stdout, killed.stderr[-2000:]
    assert os.listdir(tmp_path / "backup") == ["latest.weights.h5"]
    again = run(tmp_path / "backup", 2, kill_after=0)
    assert again.returncode == 0, again.stderr[-2000:]
    found = json.loads(again.stdout)
    model, history = whole
    assert found["epochs"] == [2, 3, 4]
    assert found["history"] == {name: values[2:] for name, values in history.history.items()}
    for name, values in (("weights", model.get_weights()), ("optimizer", model.optimizer.variables)):
        for ours, theirs in zip(values, found[name], strict=True):
            np.testing.assert_array_equal(np.asarray(ours).astype("float64"), np.asarray(theirs))
    assert not (tmp_path / "backup").exists()


@pytest.mark.optimised
def test_a_backup_at_the_end_of_epochs_holds_what_callbacks_behind_it_decide(tmp_path, whole):
    class Interrupt(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.optimizer.iterations == 17:
                raise KeyboardInterrupt

    model, history = whole
    with pytest.raises(KeyboardInterrupt):
        train(str(tmp_path / "backup"), "epoch", more=[Interrupt()])
    again, rest = train(str(tmp_path / "backup"), "epoch")
    assert rest.epoch == [2, 3, 4] and rest.history == {name: values[2:] for name, values in history.history.items()}
    for ours, theirs in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def small(units=1):
    model = jkeras.Sequential([jkeras.Input((3,)), jkeras.layers.Dense(units)])
    model.compile("adam", "mse")
    return model


def fit(model, *callbacks, **options):
    return model.fit(
        **{"x": X, "y": X[:, :1], "batch_size": 4, "epochs": 3, "verbose": 0, "callbacks": list(callbacks), **options}
    )


def test_a_finished_training_deletes_its_backup_or_keeps_it(tmp_path):
    fit(small(), BackupAndRestore(tmp_path / "gone"))
    assert not (tmp_path / "gone").exists()
    fit(model := small(), BackupAndRestore(tmp_path / "kept", delete_checkpoint=False))
    assert (tmp_path / "kept" / "latest.weights.h5").exists()
    again = small()
    assert fit(again, BackupAndRestore(tmp_path / "kept", delete_checkpoint=False)).epoch == []
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])
    assert fit(again, BackupAndRestore(tmp_path / "kept"), epochs=4).epoch == [3]  # more epochs continue the run


def test_without_a_backup_it_changes_nothing(tmp_path):
    results = []
    for given in ([], [BackupAndRestore(tmp_path / "a")]):
        jkeras.utils.set_random_seed(1)
        results.append(fit(small(), *given).history["loss"])
    assert results[0] == results[1]


def test_a_wrong_backup_is_an_error_that_says_what(tmp_path):
    fit(small(), BackupAndRestore(tmp_path, delete_checkpoint=False))
    (other := small()).compile("sgd", "mse")
    with pytest.warns(UserWarning, match="starts afresh"), pytest.raises(ValueError, match="another optimizer"):
        fit(other, BackupAndRestore(tmp_path))
    with pytest.raises(jkeras.saving.FileFormatError):
        fit(small(2), BackupAndRestore(tmp_path), y=X[:, :2])
    interrupt = LambdaCallback(on_train_batch_end=lambda batch, logs: 1 / 0 if batch == 1 else None)
    with pytest.raises(ZeroDivisionError):
        fit(small(), BackupAndRestore(tmp_path / "b", save_freq=1), interrupt)
    with pytest.raises(ValueError, match="in batches of 4 rows"):
        fit(small(), BackupAndRestore(tmp_path / "b"), batch_size=6)
    for options, text in (({"backup_dir": ""}, "a folder of its own"), ({"backup_dir": "x", "save_freq": 0}, "save_freq")):
        with pytest.raises(ValueError, match=text):
            callbacks.BackupAndRestore(**options)


@pytest.mark.parametrize("suffix", [".keras", ".weights.h5"])
def test_early_stopping_takes_its_best_weights_along(tmp_path, suffix):
    """The best epoch lies before the file, the end behind it."""

    class Course(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["course"] = [3.0, 1.0, 2.0, 2.0, 2.0][epoch]

    def stop():
        return [Course(), EarlyStopping("course", mode="min", patience=9, restore_best_weights=True)]

    def save(epoch, logs):
        if epoch == 2:
            model.save(path) if suffix == ".keras" else model.save_weights(path)

    path = str(tmp_path / f"m{suffix}")
    jkeras.utils.set_random_seed(2)
    model = small()
    fit(model, *stop(), LambdaCallback(on_epoch_end=save), epochs=5)
    if suffix == ".keras":
        other = jkeras.models.load_model(path)
    else:
        (other := small()).load_weights(path)
    fit(other, *stop(), epochs=5, resume=True)
    for ours, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_arrays_of_callbacks_that_are_no_copies_of_the_weights_are_refused():
    model = small()

    def stored(*arrays):
        return [{"class": "EarlyStopping", "state": {}, "arrays": list(arrays)}]

    def array(shape=(3, 1), place="kept/0"):
        return {"name": "0", "shape": list(shape), "dtype": "float32", "place": place}

    for entries in (stored(array((10**6, 10**6))), stored(*[array()] * 100)):
        with pytest.raises(jkeras.saving.FileFormatError, match="not copies of this model's weights"):
            _read_callbacks(None, entries, model, "file")
    with pytest.raises(ValueError, match="expected a place"):
        _read_callbacks(None, stored(array(place="../moment")), model, "file")

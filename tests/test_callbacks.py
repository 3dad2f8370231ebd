"""Callbacks: the same decisions as Keras' for the same results; a callback costs only the hooks it has."""

import os
import warnings

os.environ.setdefault("KERAS_BACKEND", "jax")

import inspect
import itertools
import logging
from types import SimpleNamespace

import jax.numpy as jnp
import keras
import numpy as np
import pytest

from jkeras import callbacks
from jkeras._base import config
from jkeras.callbacks import (
    Callback,
    CallbackList,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    LearningRateScheduler,
    ProgbarLogger,
    ReduceLROnPlateau,
    TerminateOnNaN,
)
from jkeras.callbacks.monitor import direction

COURSES = {
    "falls then rises": [1.0, 0.8, 0.6, 0.7, 0.75, 0.8, 0.9, 1.0, 1.1, 1.2],
    "rises": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0],
    "flat": [0.5] * 10,
    "zigzag": [1.0, 0.5, 0.9, 0.45, 0.8, 0.46, 0.7, 0.3, 0.9, 0.8],
    "NaN": [1.0, float("nan"), 0.5, float("nan"), float("nan"), 0.4, 0.6, 0.7, 0.8, 0.9],
    "missing": [1.0, None, 0.9, None, 0.95, 0.8, None, 0.9, 0.9, 0.9],
}


class StubModel:
    """Weights are the number of the epoch in which they were read."""

    def __init__(self, rate=0.001):
        self.stop_training, self.epoch, self.restored = False, 0, None
        self.optimizer = SimpleNamespace(learning_rate=np.float32(rate), name="sgd")

    def get_weights(self):
        return self.epoch

    def set_weights(self, weights):
        self.restored = weights


def drive(callback, course, name="val_loss"):
    """Run a callback through a course of results; the trace of everything it decided."""
    model, trace = StubModel(), []
    callback.set_model(model)
    callback.on_train_begin()
    for epoch, value in enumerate(course):
        model.epoch = epoch
        logs = {"loss": 1.0} | ({} if value is None else {name: value})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            callback.on_epoch_end(epoch, logs)
        # The optimizer of a real model keeps float32.
        model.optimizer.learning_rate = np.float32(model.optimizer.learning_rate)
        trace.append((model.stop_training, float(model.optimizer.learning_rate), callback.wait, logs.get("learning_rate")))
        if model.stop_training:
            break
    callback.on_train_end()
    return trace, model.restored, callback.best, getattr(callback, "stopped_epoch", None), getattr(callback, "best_epoch", None)


STOPPING = [
    dict(zip(("patience", "min_delta", "mode", "baseline", "restore_best_weights", "start_from_epoch"), row))
    for row in itertools.product((0, 1, 3), (0, -0.07), ("auto", "max"), (None, 0.55), (True, False), (0, 2))
]


@pytest.mark.parametrize("course", COURSES)
def test_early_stopping_decides_as_keras(course):
    for options in STOPPING:
        ours = drive(EarlyStopping(**options), COURSES[course])
        theirs = drive(keras.callbacks.EarlyStopping(**options), COURSES[course])
        assert repr(ours) == repr(theirs), options


REDUCING = [
    dict(zip(("patience", "min_delta", "mode", "factor", "cooldown", "min_lr"), row))
    for row in itertools.product((0, 1, 2), (1e-4, 0.07), ("min", "max"), (0.1, 0.5), (0, 2), (0.0, 4e-4))
]


@pytest.mark.parametrize("course", COURSES)
def test_reduce_lr_decides_as_keras(course):
    for options in REDUCING:
        ours = drive(ReduceLROnPlateau(**options), COURSES[course])
        theirs = drive(keras.callbacks.ReduceLROnPlateau(**options), COURSES[course])
        assert repr(ours) == repr(theirs), options


def test_a_callback_serves_a_second_fit():
    stop = EarlyStopping(patience=1)
    assert drive(stop, COURSES["falls then rises"]) == drive(stop, COURSES["falls then rises"])


def test_messages_are_those_of_the_documents(capsys):
    reduce, stop = (
        ReduceLROnPlateau(factor=0.2, patience=5, min_lr=1e-7, verbose=1),
        EarlyStopping(patience=10, min_delta=0.001, verbose=1),
    )
    both = CallbackList([reduce, stop], model=StubModel())
    both.on_train_begin()
    for epoch, loss in enumerate([1.3216, 1.3936, 1.3851, 1.4039, 1.4071, 1.4661, 1.4793, 1.4846, 1.5041, 1.5414, 1.5216]):
        both.on_epoch_end(epoch, {"val_loss": loss})
        both.model.optimizer.learning_rate = np.float32(both.model.optimizer.learning_rate)
    both.on_train_end()
    assert capsys.readouterr().out == (
        "\nEpoch 00006: ReduceLROnPlateau reducing learning rate to 0.00020000000949949026.\n"
        "\nEpoch 00011: ReduceLROnPlateau reducing learning rate to 4.0000001899898055e-05.\n"
        "Epoch 00011: early stopping\n"
    )
    drive(EarlyStopping(patience=1, restore_best_weights=True, verbose=1), COURSES["falls then rises"])
    assert capsys.readouterr().out == "Epoch 00004: early stopping\nRestoring model weights from the end of the best epoch: 3.\n"


def test_messages_go_to_the_log_where_interactive_logging_is_off(capsys, caplog, monkeypatch):
    monkeypatch.setattr(config.settings, "interactive_logging", False)
    with caplog.at_level(logging.INFO, "jkeras"):
        drive(EarlyStopping(patience=1, verbose=1), COURSES["falls then rises"])
    assert capsys.readouterr().out == "" and caplog.messages == ["Epoch 00004: early stopping"]


@pytest.mark.parametrize("make", [EarlyStopping, ReduceLROnPlateau])
def test_an_unknown_monitor_warns_with_what_there_is(make):
    callback = make(monitor="val_acc")
    callback.set_model(StubModel())
    callback.on_train_begin()
    with pytest.warns(UserWarning, match="watches `val_acc`, which is not among the results: loss, accuracy"):
        callback.on_epoch_end(0, {"loss": 1.0, "accuracy": 0.5})


DIRECTIONS = [
    ("loss", -1), ("val_loss", -1), ("val_head_loss", -1), ("accuracy", 1), ("val_categorical_accuracy", 1), ("auc", 1),
    ("mean_absolute_error", -1), ("false_positives", -1), ("true_positives", 1), ("val_mse", -1), ("mean_io_u", 1),
    ("val_out_mine", 1), ("mine_down", -1),
]  # fmt: skip


@pytest.mark.parametrize("name, sign", DIRECTIONS)
def test_auto_finds_the_direction(name, sign):
    metrics = [SimpleNamespace(name="mine", direction="up"), SimpleNamespace(name="mine_down", _direction="down")]
    metrics.append(SimpleNamespace(name="mean_io_u", _direction="up"))
    assert direction(name, "auto", metrics) == sign


def test_auto_asks_where_nothing_tells():
    with pytest.raises(ValueError, match=r"EarlyStopping cannot tell whether `val_oddity`.*mode='max'"):
        drive(EarlyStopping(monitor="val_oddity"), [1.0, 2.0], "val_oddity")
    with pytest.warns(UserWarning, match="unknown mode 'upward'"):
        assert EarlyStopping(mode="upward").mode == "auto"


@pytest.mark.parametrize("schedule", [lambda epoch, rate: rate * 0.9, lambda epoch: 0.1 / (epoch + 1)])
def test_the_scheduler_sets_what_keras_sets(schedule):
    rates = []
    for module in (callbacks, keras.callbacks):
        callback, model, logs = module.LearningRateScheduler(schedule), StubModel(0.01), {"loss": 1.0}
        callback.set_model(model)
        for epoch in range(4):
            callback.on_epoch_begin(epoch)
            callback.on_epoch_end(epoch, logs)
            rates.append((float(np.float32(model.optimizer.learning_rate)), logs["learning_rate"]))
    np.testing.assert_allclose(rates[:4], rates[4:], rtol=1e-6)


def test_the_scheduler_shows_the_error_inside_a_schedule_and_refuses_what_is_no_number(capsys):
    def broken(epoch, rate):
        return rate + "a"

    for schedule, error, text in [(broken, TypeError, "unsupported operand"), (lambda e: "0.1", ValueError, "returned '0.1'")]:
        callback = LearningRateScheduler(schedule)
        callback.set_model(StubModel())
        with pytest.raises(error, match=text):
            callback.on_epoch_begin(0)
    callback = LearningRateScheduler(lambda epoch, rate: jnp.float32(0.5), verbose=1)
    callback.set_model(StubModel())
    callback.on_epoch_begin(1)
    assert capsys.readouterr().out == "\nEpoch 00002: LearningRateScheduler setting learning rate to 0.5.\n"
    callback.set_model(SimpleNamespace(optimizer=object()))
    with pytest.raises(ValueError, match="no `learning_rate`"):
        callback.on_epoch_begin(1)


@pytest.mark.parametrize("options", [{}, {"separator": ";"}, {"append": True}])
@pytest.mark.parametrize("logs", [{"loss": 0.5, "accuracy": 0.25}, {"val_loss": 1.0, "loss": 0.5, "each": np.array([1.0, 2.0])}])
def test_csv_files_equal_keras(tmp_path, options, logs):
    for module, name in ((callbacks, "ours"), (keras.callbacks, "theirs")):
        logger = module.CSVLogger(tmp_path / name, **options)
        logger.set_model(StubModel())
        for run in range(2):
            logger.on_train_begin()
            for epoch in range(2):
                logger.on_epoch_end(epoch, logs if epoch else {**logs, "loss": run + 0.125})
            logger.on_train_end()
    assert (tmp_path / "ours").read_bytes() == (tmp_path / "theirs").read_bytes()


def test_csv_lines_are_on_disk_at_once(tmp_path):
    logger = CSVLogger(tmp_path / "log.csv")
    logger.on_train_begin()
    logger.on_epoch_end(0, {"val_loss": 1.0})
    assert (tmp_path / "log.csv").read_text().split() == ["epoch,val_loss", "0,1.0"]


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), 1.0])
def test_terminate_on_nan(loss, capsys):
    listing = CallbackList([TerminateOnNaN()], model=StubModel())
    listing.on_train_batch_end(7, {"loss": jnp.float32(loss)})
    assert listing.model.stop_training == (loss != 1.0)
    assert capsys.readouterr().out == ("Batch 7: Invalid loss, terminating training\n" if loss != 1.0 else "")
    if loss != 1.0:
        with pytest.raises(RuntimeError, match="batch 7"):
            TerminateOnNaN(raise_error=True).on_train_batch_end(7, {"loss": loss})


def test_every_event_reaches_keras_style_callbacks_in_keras_order():
    def record(module, calls):
        hooks = [n for n in dir(keras.callbacks.Callback) if n.startswith("on_")]
        methods = {
            h: (lambda self, *a, _h=h, **k: calls.append((_h, a[:-1] if a and isinstance(a[-1], dict) else a))) for h in hooks
        }
        listing = module.CallbackList([type("Recorder", (module.Callback,), methods)()], epochs=1)
        listing.on_train_begin()
        listing.on_epoch_begin(0)
        listing.on_train_batch_begin(0)
        listing.on_train_batch_end(0, {"loss": 1.0})
        for mode in ("test", "predict"):
            getattr(listing, f"on_{mode}_begin")()
            getattr(listing, f"on_{mode}_batch_begin")(0)
            getattr(listing, f"on_{mode}_batch_end")(0, {})
            getattr(listing, f"on_{mode}_end")()
        listing.on_epoch_end(0, {"loss": 1.0})
        listing.on_train_end()
        return calls

    assert record(callbacks, []) == record(keras.callbacks, [])


def callback_with(*hooks):
    return type("Mine", (Callback,), {h: lambda self, batch, logs=None: None for h in hooks})()


HEARING = [
    (Callback(), ""), (EarlyStopping(), ""), (ReduceLROnPlateau(), ""), (History(), ""), (CSVLogger("x"), ""),
    (ProgbarLogger(), ""), (LearningRateScheduler(abs), ""), (LambdaCallback(on_epoch_end=print), ""),
    (TerminateOnNaN(), "train"), (LambdaCallback(on_train_batch_end=print), "train"),
    (LambdaCallback(on_batch_end=print), "train"),
    (LambdaCallback(on_test_batch_begin=print), "test"), (callback_with("on_batch_begin"), "train"),
    (callback_with("on_predict_batch_end", "on_train_batch_begin"), "train predict"),
    (SimpleNamespace(on_batch_end=print), "train"), (SimpleNamespace(on_epoch_end=print), ""),
]  # fmt: skip


@pytest.mark.parametrize("callback, modes", HEARING)
def test_the_list_knows_who_must_hear_of_batches(callback, modes):
    listing = CallbackList([callback])
    got = [mode for mode in ("train", "test", "predict") if getattr(listing, f"has_{mode}_batch_hooks")]
    assert got == modes.split()


def test_what_nobody_hears_is_not_even_read():
    class Unreadable(dict):
        def items(self):
            raise AssertionError("results were read")

    listing = CallbackList([EarlyStopping()], add_history=True, model=StubModel())
    listing.on_train_batch_end(0, Unreadable(loss=1.0))


def test_history_is_last_and_sees_what_others_enter():
    model = StubModel()
    listing = CallbackList(
        [[ReduceLROnPlateau(monitor="loss")]], add_history=True, add_progbar=True, model=model, verbose=0, epochs=2, steps=3
    )
    assert [type(c) for c in listing.callbacks] == [ProgbarLogger, ReduceLROnPlateau, History]
    listing.on_train_begin()
    for epoch in range(2):
        listing.on_epoch_end(epoch, {"loss": jnp.float32(0.5), "each": np.ones(2)})
    history = model.history
    assert history is listing.history and history.epoch == [0, 1] and history.params == {"verbose": 0, "epochs": 2, "steps": 3}
    assert history.history["loss"] == [0.5, 0.5] and type(history.history["loss"][0]) is float
    assert history.history["learning_rate"] == [float(np.float32(0.001))] * 2
    again = CallbackList([history, listing.callbacks[0]], add_history=True, add_progbar=True)
    assert len(again.callbacks) == 2 and CallbackList(again).callbacks == again.callbacks


def test_a_subclass_that_forgets_super_init_works():
    class Mine(Callback):
        def __init__(self):
            self.seen = []

        def on_epoch_end(self, epoch, logs=None):
            self.seen.append(self.model.epoch)

    mine = Mine()
    CallbackList([mine], model=StubModel()).on_epoch_end(0)
    assert mine.seen == [0] and mine.params is None


@pytest.mark.parametrize(
    "wrong, text", [(EarlyStopping, r"EarlyStopping\(\)"), (print, "LambdaCallback"), ("early", "LambdaCallback")]
)
def test_what_is_no_callback_is_refused(wrong, text):
    with pytest.raises(TypeError, match=text):
        CallbackList([wrong])


def test_a_misspelt_event_is_refused():
    with pytest.raises(TypeError, match=r"'on_epoch_ended'\. Did you mean 'on_epoch_end'"):
        LambdaCallback(on_epoch_ended=print)
    with pytest.raises(ValueError, match="factor"):
        ReduceLROnPlateau(factor=1.0)
    assert ReduceLROnPlateau(epsilon=0.5).min_delta == 0.5
    with pytest.raises(TypeError, match=r"'min_dellta'\. Did you mean 'min_delta'"):
        ReduceLROnPlateau(min_dellta=0.5)


NAMES = [
    "Callback",
    "CallbackList",
    "CSVLogger",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "TerminateOnNaN",
]


@pytest.mark.parametrize("name", [*NAMES, "ReduceLROnPlateau"])
def test_signatures_equal_keras(name):
    def arguments(cls):
        return [(p.name, p.default) for p in inspect.signature(cls).parameters.values()]

    assert arguments(getattr(callbacks, name)) == arguments(getattr(keras.callbacks, name))

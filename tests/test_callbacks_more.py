"""The smaller callbacks, and what all share: which callback failed, what is missing, the order, when training stops."""

from __future__ import annotations

import builtins
import datetime
import http.server
import inspect
import json
import threading
import time
import urllib.parse
import warnings

import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import callbacks
from jkeras.callbacks import (
    BaseLogger,
    Callback,
    CallbackList,
    EarlyStopping,
    LambdaCallback,
    LearningRateFinder,
    ModelCheckpoint,
    RemoteMonitor,
    SwapEMAWeights,
    TimeLimit,
    find_learning_rate,
)

_rng = np.random.default_rng(0)
X = _rng.normal(size=(32, 3)).astype("float32")
Y = X @ np.float32([[1.0], [-2.0], [0.5]])


def net(optimizer="adam", library=jkeras):
    model = library.Sequential([library.layers.Input((3,)), library.layers.Dense(1, kernel_initializer="ones")])
    model.compile(optimizer, "mse")
    return model


@pytest.fixture(scope="module")
def shared():
    """One compiled model for tests to which the numbers do not matter."""
    return net()


def fit(model, *callbacks, **options):
    return model.fit(X, Y, **{"batch_size": 8, "epochs": 2, "verbose": 0, "callbacks": list(callbacks), **options})


# errors, names, order, stopping ------------------------------------------------------------------------------------------------

EVENTS = ["on_train_begin", "on_epoch_begin", "on_train_batch_begin", "on_train_batch_end", "on_test_end", "on_epoch_end"]


@pytest.mark.parametrize("event", [*EVENTS, "on_train_end"])
def test_an_error_names_callback_and_event_and_leaves_a_usable_model(shared, event):
    class Broken(Callback):
        pass

    def fail(self, *place, logs=None):
        if not place or isinstance(place[0], dict) or place[0] == 1:
            raise OverflowError("too much")

    setattr(Broken, event, fail)
    before, steps = shared.get_weights(), int(shared.optimizer.iterations) if shared.optimizer.built else 0
    with pytest.raises(OverflowError, match="too much") as caught:
        fit(shared, Broken(), validation_data=(X, Y))
    (note,) = caught.value.__notes__
    place = "1, " if "epoch" in event or "batch" in event else ""
    assert note == f"Raised by the callback Broken, in {event}({place}logs)."
    done = {"on_train_begin": 0, "on_train_batch_begin": 1, "on_train_batch_end": 2, "on_epoch_end": 8, "on_train_end": 8}.get(
        event, 4
    )
    assert int(shared.optimizer.iterations) - steps == done
    assert (shared.get_weights()[0] != before[0]).any() == (done > 0)
    assert np.isfinite(fit(shared).history["loss"]).all()


def test_a_missing_result_is_told_once_in_a_run_with_what_there_is(shared):
    stop = EarlyStopping(monitor="val_accuracy")
    for _ in range(2):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            assert len(fit(shared, stop, epochs=3).epoch) == 3
        (message,) = [str(w.message) for w in caught]
        assert "watches `val_accuracy`, which is not among the results: loss." in message


def test_who_acts_last_is_called_last(shared):
    calls = []
    first, last = (LambdaCallback(on_epoch_end=lambda e, logs, n=n: calls.append(n)) for n in ("first", "last"))
    last.acts_last = True
    events = CallbackList([last, first])
    events.on_epoch_end(0)
    events.append(LambdaCallback(on_epoch_end=lambda e, logs: calls.append("added")))
    events.on_epoch_end(1)
    assert calls == ["first", "last", "first", "added", "last"]


def test_a_loop_of_ones_own(shared):
    seen = []
    events = CallbackList(
        [LambdaCallback(on_train_batch_end=lambda b, logs: seen.append((b, logs["loss"])))], model=shared, add_history=True
    )
    events.on_train_begin()
    for epoch in range(2):
        events.on_epoch_begin(epoch)
        for batch in range(2):
            events.on_train_batch_begin(batch)
            logs = shared.train_on_batch(X, Y, return_dict=True)
            events.on_train_batch_end(batch, logs)
        events.on_epoch_end(epoch, logs)
    events.on_train_end()
    assert [b for b, _ in seen] == [0, 1, 0, 1] and shared.history.history["loss"] == [seen[1][1], seen[3][1]]


def test_stopping_within_an_epoch_takes_no_more_batches_from_a_generator(shared):
    taken = []

    def batches():
        while True:
            taken.append(1)
            yield X[:8], Y[:8]

    stop = LambdaCallback(on_train_batch_end=lambda b, logs: setattr(shared, "stop_training", True))
    shared.fit(batches(), steps_per_epoch=5000, epochs=2, verbose=0, callbacks=[stop])
    assert len(taken) < 5000


def test_an_evaluation_sees_weights_that_are_set_as_it_begins(shared):
    def zero(logs=None):
        shared.set_weights([np.zeros((3, 1)), np.zeros(1)])

    assert shared.evaluate(X, Y, verbose=0, callbacks=[LambdaCallback(on_test_begin=zero)]) == pytest.approx(np.mean(Y**2))
    fit(shared)
    assert not shared.predict(X, verbose=0, callbacks=[LambdaCallback(on_predict_begin=zero)]).any()


# time ---------------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [0.3, datetime.timedelta(milliseconds=300)])
def test_a_time_limit_ends_training_in_order(shared, limit, capsys):
    ended = []
    time_limit = TimeLimit(limit)
    began = time.monotonic()
    history = fit(shared, time_limit, LambdaCallback(on_train_end=lambda logs: ended.append(1)), epochs=10**7)
    assert time.monotonic() - began >= 0.3 and ended and len(history.epoch) == time_limit.stopped_epoch + 1
    assert f"Epoch {time_limit.stopped_epoch + 1:05d}: the time limit of 0:00:00.300000 was reached" in capsys.readouterr().out
    assert len(fit(shared, TimeLimit(3600), epochs=2).epoch) == 2
    listing = CallbackList([time_limit])
    assert not listing.has_train_batch_hooks and not listing.needs_prompt_batches


@pytest.mark.parametrize("wrong, error", [("1h", TypeError), (None, TypeError), (True, TypeError), (-1, ValueError)])
def test_what_is_no_time_is_refused(wrong, error):
    with pytest.raises(error, match=r"TimeLimit\(datetime.timedelta\(hours=1\)\)"):
        TimeLimit(wrong)


# learning rate ------------------------------------------------------------------------------------------------------------------


def test_the_finder_raises_the_rate_and_puts_all_back():
    jkeras.utils.set_random_seed(4)
    model = net("sgd")
    fit(model)
    weights, rate, steps = model.get_weights(), float(model.optimizer.learning_rate), int(model.optimizer.iterations)
    finder = find_learning_rate(model, X, Y, batch_size=8, start=1e-4, end=10.0, steps=40)
    np.testing.assert_allclose(finder.rates, 1e-4 * 1e5 ** (np.arange(len(finder.rates)) / 39), rtol=1e-5)
    assert 20 < len(finder.rates) < 40  # it diverges before the end
    assert 1e-3 < finder.suggestion < finder.lowest < 3.0
    assert finder.losses[-1] > finder.losses[0]
    for ours, theirs in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert (float(model.optimizer.learning_rate), int(model.optimizer.iterations)) == (rate, steps)
    # It leaves no trace in what follows.
    rest = fit(model, epochs=4, resume=True).history["loss"]
    jkeras.utils.set_random_seed(4)
    other = net("sgd")
    fit(other)
    assert fit(other, epochs=4, resume=True).history["loss"] == rest
    figure = finder.plot()
    assert [line.get_label() for line in figure.axes[0].lines][2].startswith("suggestion")
    assert figure.axes[0].get_xscale() == "log"


def test_the_losses_of_the_finder_are_those_of_the_batches():
    """The first ones at a rate so low that the weights stay: then the loss of each batch is known."""
    model = net("sgd")
    finder = LearningRateFinder(1e-12, 1e-11, steps=8)
    fit(model, finder, shuffle=False, epochs=5)
    wrong = X @ model.get_weights()[0] - Y
    np.testing.assert_allclose(finder.losses, np.tile([np.mean(part**2) for part in np.split(wrong, 4)], 2), rtol=1e-5)
    assert len(finder.rates) == 8


def test_the_finder_says_what_is_wrong():
    for wrong in ({"start": 0.0}, {"start": 1.0, "end": 0.1}, {"steps": 1}):
        with pytest.raises(ValueError, match="Received: start="):
            LearningRateFinder(**wrong)
    with pytest.raises(ValueError, match="callbacks=\\[finder\\]"):
        _ = LearningRateFinder().suggestion
    finder = LearningRateFinder()
    finder.rates, finder.losses = list(np.logspace(-2, 1, 20)), list(np.linspace(1, 3, 20))
    with pytest.raises(ValueError, match="only rises"):
        _ = finder.suggestion
    model = net(jkeras.optimizers.SGD(jkeras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)))
    with pytest.raises(TypeError, match="schedule"):
        find_learning_rate(model, X, Y)


# averages -----------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_averages_are_swapped_as_keras_does(swap_on_epoch):
    keras = pytest.importorskip("keras")
    results = []
    for library in (jkeras, keras):
        optimizer = library.optimizers.SGD(0.05, momentum=0.5, use_ema=True, ema_momentum=0.8)
        model, seen = net(optimizer, library), []
        see = library.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs, m=model, s=seen: s.append(m.get_weights()[0].ravel().tolist())
        )
        swap = library.callbacks.SwapEMAWeights(swap_on_epoch=swap_on_epoch)
        history = model.fit(X, Y, batch_size=8, epochs=3, shuffle=False, verbose=0, validation_data=(X, Y), callbacks=[swap, see])
        seen.append(model.get_weights()[0].ravel().tolist())
        results.append((seen, history.history["loss"], history.history["val_loss"]))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_an_average_survives_early_stopping_between_epochs():
    model = net(jkeras.optimizers.SGD(0.05, use_ema=True, ema_momentum=0.8))
    averages = []
    see = LambdaCallback(on_epoch_end=lambda epoch, logs: averages.append(model.get_weights()[0]))
    stop = LambdaCallback(on_epoch_end=lambda epoch, logs: setattr(model, "stop_training", epoch == 1))
    fit(model, SwapEMAWeights(swap_on_epoch=True), see, stop, epochs=9)
    assert len(averages) == 2
    np.testing.assert_array_equal(model.get_weights()[0], averages[-1])


def test_without_an_average_it_says_what_to_write(shared):
    with pytest.raises(ValueError, match=r"Adam\(use_ema=True\)"):
        shared.evaluate(X, Y, verbose=0, callbacks=[SwapEMAWeights()])


# network ------------------------------------------------------------------------------------------------------------------------


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    received = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            received.append((self.path, self.headers["Content-Type"], self.headers.get("X-Run"), body))
            self.send_response(500 if self.path == "/broken" else 200)
            self.end_headers()

        def log_message(self, *args):
            pass

    found = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{found.server_port}", received
    found.shutdown()
    found.server_close()
    thread.join()


def test_results_arrive_at_a_server(server):
    root, received = server
    logs = {"loss": 0.5, "each": np.array([1.0, 2.0]), "rate": np.float32(0.25), "last": jnp.float32(2.0)}
    for options in ({}, {"send_as_json": True, "path": "/p", "headers": {"X-Run": "7"}}, {"field": "f"}):
        RemoteMonitor(root, **options).on_epoch_end(3, logs)
    wanted = {"epoch": 3, "loss": 0.5, "each": [1.0, 2.0], "rate": 0.25, "last": 2.0}
    assert received[0][:3] == ("/publish/epoch/end/", "application/x-www-form-urlencoded", None)
    assert json.loads(urllib.parse.parse_qs(received[0][3])["data"][0]) == wanted
    assert received[1][:3] == ("/p", "application/json", "7") and json.loads(received[1][3]) == wanted
    assert list(urllib.parse.parse_qs(received[2][3])) == ["f"]


def test_a_server_that_fails_is_a_warning(server, shared):
    root, _ = server
    for monitor in (RemoteMonitor(root, path="/broken"), RemoteMonitor("http://127.0.0.1:9")):
        with pytest.warns(UserWarning, match="RemoteMonitor could not send to http://127.0.0.1"):
            assert len(fit(shared, monitor).epoch) == 2
    with pytest.raises(ValueError, match="'file:///etc'"):
        RemoteMonitor("file:///etc")


# the rest -----------------------------------------------------------------------------------------------------------------------


def test_base_logger_leaves_the_results_of_fit_alone(shared):
    assert not CallbackList([BaseLogger()]).has_train_batch_hooks
    logger, history = BaseLogger(), None
    seen = LambdaCallback(on_epoch_end=lambda epoch, logs: seen.logs.append(dict(logs)))
    seen.logs = []
    history = fit(shared, seen, logger)
    assert [entry["loss"] for entry in seen.logs] == history.history["loss"]
    logger.on_epoch_begin(0)
    for batch, (size, loss) in enumerate([(2, 1.0), (6, 3.0)]):
        logger.on_batch_end(batch, {"batch": batch, "size": size, "loss": loss})
    logger.on_epoch_end(0, logs := {})
    assert logs == {"loss": 2.5}


def test_checkpoint_messages_are_those_of_the_documents(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keep = ModelCheckpoint("weights/{epoch:02d}-{val_loss:.2f}.h5", verbose=1)
    best = ModelCheckpoint("best.h5", verbose=1, save_best_only=True)
    model = net()
    for callback in (keep, best):
        callback.set_model(model)
        callback.on_train_begin()
        for epoch, value in enumerate([1.3216, 1.25, 1.4]):
            callback.on_epoch_end(epoch, {"loss": 1.0, "val_loss": value})
    assert capsys.readouterr().out == (
        "\nEpoch 00001: saving model to weights/01-1.32.h5\n"
        "\nEpoch 00002: saving model to weights/02-1.25.h5\n"
        "\nEpoch 00003: saving model to weights/03-1.40.h5\n"
        "\nEpoch 00001: val_loss improved from inf to 1.32160, saving model to best.h5\n"
        "\nEpoch 00002: val_loss improved from 1.32160 to 1.25000, saving model to best.h5\n"
        "\nEpoch 00003: val_loss did not improve from 1.25000\n"
    )
    assert sorted(p.name for p in (tmp_path / "weights").iterdir()) == ["01-1.32.h5", "02-1.25.h5", "03-1.40.h5"]


@pytest.mark.parametrize("name", ["BackupAndRestore", "ModelCheckpoint", "RemoteMonitor", "SwapEMAWeights", "TensorBoard"])
def test_arguments_of_keras_are_taken(name):
    keras = pytest.importorskip("keras")
    ours, theirs = (
        [(p.name, p.default) for p in inspect.signature(getattr(module, name)).parameters.values()]
        for module in (callbacks, keras.callbacks)
    )
    assert ours[: len(theirs)] == theirs


def test_a_star_import_hides_no_builtin():
    """Old scripts write `from keras.callbacks import *`."""
    assert not {name for name in vars(callbacks) if not name.startswith("_")} & set(dir(builtins))

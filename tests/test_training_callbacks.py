"""Callbacks see and change the run; nothing is compiled twice; the user's arrays stay valid."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import jkeras
from jkeras import Input, Sequential, callbacks, layers

_rng = np.random.default_rng(0)
X = _rng.normal(size=(20, 3)).astype("float32")
Y = X[:, :1] * 2
START = [_rng.normal(size=s).astype("float32") * 0.5 for s in ((3, 4), (4,), (4, 1), (1,))]
HOOKS = [n for n in dir(callbacks.Callback) if n.startswith("on_") and n not in ("on_batch_begin", "on_batch_end")]


def net(library=jkeras, **compile_arguments):
    k = library.layers
    model = library.Sequential([k.Input((3,)), k.Dense(4, activation="tanh"), k.Dense(1)])
    model.set_weights(START)
    model.compile(**{"optimizer": library.optimizers.SGD(0.05), "loss": "mse", **compile_arguments})
    return model


def recorder(do=lambda *place: None, log=None, library=jkeras):
    """A callback of either library that calls `do(model, event, number)` and notes every event with the names of its logs."""

    def hook(name):
        def method(self, *place, logs=None):
            if place and isinstance(place[-1], dict):
                place, logs = place[:-1], place[-1]
            if log is not None:
                log.append((name, *place, tuple(sorted(logs or ()))))
            do(self.model, name, *place)

        return method

    return type("Recorder", (library.callbacks.Callback,), {name: hook(name) for name in HOOKS})()


def test_events_come_in_keras_order_with_keras_logs():
    keras = pytest.importorskip("keras")
    logs = []
    for library in (jkeras, keras):
        log = []
        model, spy = net(library, metrics=["mae"]), recorder(log=log, library=library)
        model.fit(X, Y, batch_size=8, epochs=2, validation_data=(X, Y), verbose=0, callbacks=[spy])
        model.evaluate(X, Y, batch_size=8, verbose=0, callbacks=[spy])
        model.predict(X, batch_size=8, verbose=0, callbacks=[spy])
        logs.append(log)
    assert [e for e in logs[0] if "predict" not in e[0]] == [e for e in logs[1] if "predict" not in e[0]]
    assert [e[:-1] for e in logs[0]] == [e[:-1] for e in logs[1]]


def test_batch_hooks_see_and_set_the_current_weights():
    seen = []

    def do(model, name, *place):
        if name == "on_train_batch_end":
            seen.append(model.layers[0].kernel.numpy())
            model.layers[0].kernel.assign(np.full((3, 4), place[0] + 1.0))
        elif name == "on_train_batch_begin":
            seen.append(model.layers[0].kernel.numpy())

    model = net()
    model.fit(X, Y, batch_size=10, verbose=0, callbacks=[recorder(do)])
    assert (seen[0] != seen[1]).any() and (seen[2] == 1).all() and (seen[3] != 1).any()
    assert (model.layers[0].kernel.numpy() == 2).all()  # including the last one's


@pytest.mark.parametrize("event", ["on_train_batch_begin", "on_train_batch_end", "on_epoch_begin", "on_epoch_end"])
def test_a_learning_rate_set_in_a_callback_takes_effect_and_stays(event):
    def do(model, name, *place):
        if name == event:
            model.optimizer.learning_rate = 0.0

    model = net()
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[recorder(do)])
    assert float(model.optimizer.learning_rate) == 0.0
    once = net()
    if "end" in event:
        once.fit(X, Y, verbose=0)
    for a, b in zip(model.get_weights(), once.get_weights()):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    "event, batches, epochs", [("on_train_batch_end", 2, 1), ("on_epoch_end", 4, 1), ("on_epoch_begin", 1, 1)]
)
def test_stop_training_stops(event, batches, epochs):
    log = []

    def do(model, name, *place):
        model.stop_training = model.stop_training or (name == event and place[0] == (1 if "batch" in event else 0))

    model = net()
    history = model.fit(X, Y, batch_size=5, epochs=3, verbose=0, callbacks=[recorder(do, log)])
    assert sum(e[0] == "on_train_batch_end" for e in log) == batches
    assert len(history.epoch) == epochs and log[-1][0] == "on_train_end"
    assert len(model.fit(X, Y, epochs=2, verbose=0).epoch) == 2  # a new run starts afresh


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
@pytest.mark.parametrize("event", ["on_train_batch_begin", "on_train_batch_end", "on_epoch_end"])
def test_an_interruption_keeps_the_trained_weights(error, event):
    def do(model, name, *place):
        if name == event and place[0] == (2 if "batch" in name else 0):
            raise error("enough")

    model = net(optimizer="adam")
    with pytest.raises(error):
        model.fit(X, Y, batch_size=5, epochs=2, verbose=0, callbacks=[recorder(do)])
    steps = {"on_train_batch_begin": 2, "on_train_batch_end": 3, "on_epoch_end": 4}[event]
    assert int(model.optimizer.iterations) == steps
    assert (model.get_weights()[0] != START[0]).any()
    assert np.isfinite(model.fit(X, Y, verbose=0).history["loss"]).all()


def test_a_callback_may_evaluate_and_predict():
    found = []

    def do(model, name, *place):
        if name in ("on_train_batch_end", "on_epoch_end"):
            found.append(model.evaluate(X, Y, verbose=0) - np.mean((model.predict(X, verbose=0) - Y) ** 2))

    model, plain = net(), net()
    model.fit(X, Y, batch_size=10, epochs=2, shuffle=False, verbose=0, callbacks=[recorder(do)])
    plain.fit(X, Y, batch_size=10, epochs=2, shuffle=False, verbose=0)
    assert len(found) == 6 and np.abs(found).max() < 1e-5
    np.testing.assert_allclose(model.get_weights()[0], plain.get_weights()[0], rtol=1e-6)


def test_nothing_is_traced_twice():
    seen = []

    class Spy(layers.Layer):
        def call(self, x):
            seen.append(x.shape)
            return x

    model = Sequential([Input((3,)), Spy(), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    rates = callbacks.LearningRateScheduler(lambda epoch: 0.1 / (epoch + 1))
    arguments = {"batch_size": 8, "verbose": 0, "validation_data": (X, Y)}
    model.fit(X, Y, epochs=2, **arguments)
    model.predict(X, verbose=0, batch_size=8)
    first = len(seen)
    model.fit(X, Y, epochs=3, callbacks=[rates], **arguments)
    model.optimizer.learning_rate = 0.3
    model.set_weights(model.get_weights())
    model.fit(X, Y, **arguments)
    model.evaluate(X, Y, batch_size=8, verbose=0)
    model.predict(X, verbose=0, batch_size=8)
    assert len(seen) == first
    for _ in range(2):
        model.train_on_batch(X[:8], Y[:8])
        model.test_on_batch(X[:8], Y[:8])
        model.predict_on_batch(X[:8])
    assert len(seen) == first + 1  # a program without a loop predicts a single batch


def test_arrays_a_user_holds_stay_readable():
    model, held = net(optimizer="adam"), []
    held.append(mine := jnp.ones((3, 4)))
    model.layers[0].kernel.assign(mine)
    for run in (
        lambda: model.fit(X, Y, epochs=2, validation_data=(X, Y), verbose=0),
        lambda: model.evaluate(X, Y, verbose=0),
        lambda: model.predict(X, verbose=0),
        lambda: model.train_on_batch(X, Y),
        lambda: model.fit(X, Y, verbose=0),
    ):
        held.extend(box.value for box in model.weights)
        held.extend(jax.tree.leaves(model.optimizer.state))
        run()
    for array in held:
        assert np.isfinite(np.asarray(array)).all()


def test_what_is_frozen_after_compile_stays():
    model = net(optimizer="adam")
    model.fit(X, Y, verbose=0)
    model.layers[0].trainable = False
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    changed = [bool((a != b).any()) for a, b in zip(before, model.get_weights())]
    assert changed == [False, False, True, True]
    model.trainable = True
    model.fit(X, Y, verbose=0)
    assert (before[0] != model.get_weights()[0]).any()


@pytest.mark.parametrize("method, event, flag", [("evaluate", "test", "evaluating"), ("predict", "predict", "predicting")])
def test_a_callback_stops_an_endless_evaluation_and_not_the_next_one(method, event, flag):
    def endless():
        while True:
            yield (X[:2], Y[:2]) if method == "evaluate" else (X[:2],)

    def stop(batch, logs):
        heard.append(batch)
        if batch == 4:
            setattr(model, f"stop_{flag}", True)

    model, heard = net(), []
    getattr(model, method)(endless(), callbacks=[callbacks.LambdaCallback(**{f"on_{event}_batch_end": stop})], verbose=0)
    assert heard == [0, 1, 2, 3, 4]
    heard.clear()
    counts = callbacks.LambdaCallback(**{f"on_{event}_batch_end": lambda batch, logs: heard.append(batch)})
    getattr(model, method)(*((X, Y) if method == "evaluate" else (X,)), batch_size=2, callbacks=[counts], verbose=0)
    assert len(heard) == -(-len(X) // 2)


def test_a_callback_sees_the_outputs_of_the_rows_alone():
    """Not those of the rows with which the last batch is filled up."""
    model, seen = net(), []
    see = callbacks.LambdaCallback(on_predict_batch_end=lambda batch, logs: seen.append(logs["outputs"]))
    found = model.predict(X[:10], batch_size=4, verbose=0, callbacks=[see])
    assert [len(outputs) for outputs in seen] == [4, 4, 2]
    np.testing.assert_array_equal(np.concatenate(seen), found)


def test_with_steps_per_execution_a_callback_hears_of_as_many_batches_at_once():
    heard = {}
    for library in (jkeras, keras):
        model, seen = net(library, steps_per_execution=3), heard.setdefault(library, [])
        see = library.callbacks.LambdaCallback(
            on_predict_batch_begin=lambda batch, logs, seen=seen: seen.append(batch),
            on_predict_batch_end=lambda batch, logs, seen=seen: seen.append((batch, len(logs["outputs"]))),
            on_test_batch_begin=lambda batch, logs, seen=seen: seen.append(batch),
            on_test_batch_end=lambda batch, logs, seen=seen: seen.append((batch, round(float(logs["loss"]), 4))),
        )
        model.predict(X[:12], batch_size=2, verbose=0, callbacks=[see])
        model.evaluate(X[:12], Y[:12], batch_size=2, verbose=0, callbacks=[see])
    assert heard[jkeras] == heard[keras] and heard[keras][:4] == [0, (2, 6), 3, (5, 6)]


@pytest.mark.filterwarnings("ignore:Your input ran out of data", "ignore:.shuffle=True.")
@pytest.mark.parametrize("streamed", [False, True])
def test_a_last_execution_that_is_not_full_has_the_number_that_keras_gives_it(streamed):
    """And what a callback of this package counts, such as the progress line, are batches."""
    heard = {}
    for library in (jkeras, keras):
        model, seen = net(library, steps_per_execution=3), heard.setdefault(library, [])
        hooks = {
            f"on_{kind}_batch_{end}": lambda batch, logs, kind=kind, end=end, seen=seen: seen.append((kind, end, batch))
            for kind in ("train", "test", "predict")
            for end in ("begin", "end")
        }
        batches = [(X[i : i + 2], Y[i : i + 2]) for i in range(0, 14, 2)]
        for run, given in ((model.fit, (X[:14], Y[:14])), (model.evaluate, (X[:14], Y[:14])), (model.predict, (X[:14],))):
            data, size = (((batch for batch in batches),), {}) if streamed else (given, {"batch_size": 2})
            run(*data, **size, verbose=0, callbacks=[library.callbacks.LambdaCallback(**hooks)])
    assert [event for event in heard[jkeras] if event in heard[keras]] == heard[jkeras]
    assert heard[jkeras][-1] == ("predict", "end", 8)
    if not streamed:  # Keras calls a beginning where a stream has no batch left
        assert heard[jkeras] == heard[keras]
    progress = callbacks.ProgbarLogger()
    net(steps_per_execution=3).fit(X[:14], Y[:14], batch_size=2, callbacks=[progress, callbacks.LambdaCallback(**hooks)])
    assert progress.seen == progress.target == 7


def test_what_a_subclass_overrides_has_keras_numbers(tmp_path):
    heard = {}
    for library in (jkeras, keras):

        class Own(library.callbacks.ModelCheckpoint):
            def on_train_batch_end(self, batch, logs=None):
                heard.setdefault(library, []).append(batch)  # noqa: B023

        callback = Own(str(tmp_path / "model.keras"), save_freq=100)
        net(library, steps_per_execution=3).fit(X[:14], Y[:14], batch_size=2, verbose=0, callbacks=[callback])
    assert heard[jkeras] == heard[keras] == [2, 5, 8]


def test_a_list_of_callbacks_goes_on_counting_as_it_did():
    seen = []
    events = callbacks.CallbackList([callbacks.LambdaCallback(on_test_batch_end=lambda batch, logs: seen.append(batch))])
    model = net(steps_per_execution=3)
    model.evaluate(X[:6], Y[:6], batch_size=2, verbose=0, callbacks=events)
    model.predict(X[:6], batch_size=2, verbose=0, callbacks=events)
    events.on_test_batch_end(0, {})
    assert seen == [2, 0]


def test_training_ends_where_a_generator_does():
    """Keras warns too, but trains on the first two batches again."""
    one, two, seen = net(), net(), []
    see = callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, _: seen.append(epoch), on_epoch_end=lambda epoch, _: seen.append(-epoch)
    )
    batches = ((X[i : i + 4], Y[i : i + 4]) for i in range(0, 16, 4))
    with pytest.warns(UserWarning, match="no batch in epoch 3, so training ends here") as warned:
        history = one.fit(batches, epochs=5, steps_per_epoch=2, verbose=0, callbacks=[see])
    assert seen == [0, 0, 1, -1] and len(warned) == 1
    expected = two.fit(X[:16], Y[:16], batch_size=4, epochs=2, steps_per_epoch=2, shuffle=False, verbose=0)
    assert history.epoch == [0, 1]
    np.testing.assert_allclose(history.history["loss"], expected.history["loss"], rtol=1e-6)


def test_training_goes_on_where_a_generator_of_validation_data_ends():
    model, batches = net(), ((X[i : i + 4], Y[i : i + 4]) for i in range(0, 8, 4))
    with pytest.warns(UserWarning, match=r"(?s)validation_data has no batch left.*validation_steps=10"):
        history = model.fit(X, Y, epochs=4, validation_data=batches, validation_steps=1, verbose=0).history
    assert len(history["loss"]) == 4 and len(history["val_loss"]) == 2

"""Short epochs: many run as one dispatch, with the same numbers as one by one."""

import re

import numpy as np
import pytest

import jkeras
from jkeras import Input, Sequential, callbacks, layers
from jkeras.data.array_source import ArraySource
from jkeras.data.array_stacker import ArrayStacker
from jkeras.training import fit_loop, trainer
from jkeras.training.programs import steps_per_dispatch

RNG = np.random.default_rng(0)
EPOCHS = 12


class Plain(callbacks.Callback):
    """Does nothing, but has not said that it may hear of an epoch late."""


def dense():
    return [
        *(layers.Dense(5, activation="relu", kernel_regularizer="l2"), layers.BatchNormalization()),
        *(layers.Dropout(0.3), layers.GaussianNoise(0.1), layers.Dense(1)),
    ], (4,)


def convolution():
    return [layers.Conv2D(3, 3), layers.MaxPooling2D(), layers.Flatten(), layers.Dense(1)], (6, 6, 2)


def recurrence():
    return [layers.LSTM(3, recurrent_dropout=0.2), layers.Dense(1)], (5, 2)


def fitted(parts, rows, epochs=EPOCHS, optimizer="adam", **arguments):
    """A trained model, and what its training gave."""
    jkeras.utils.set_random_seed(3)
    found, shape = parts()
    model = Sequential([Input(shape), *found])
    model.compile(optimizer, "mse", metrics=["mae", jkeras.metrics.RootMeanSquaredError()])
    data = np.random.default_rng(1)
    x, y = data.normal(size=(rows, *shape)).astype("float32"), data.normal(size=(rows, 1)).astype("float32")
    history = model.fit(x, y, **({"batch_size": 8, "epochs": epochs, "verbose": 0} | arguments))
    return model, x, y, history


def numbers(model, history):
    variables = (np.asarray(leaf) for leaf in model.optimizer.variables)
    return [*model.get_weights(), *variables, history.epoch, *(np.array(v) for v in history.history.values())]


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch):
    monkeypatch.setattr(fit_loop, "_FEWEST_EPOCHS", EPOCHS)


@pytest.fixture
def told(monkeypatch):
    """The numbers of epochs that the dispatches held which held several."""
    seen = []

    joined = fit_loop.FitLoop._joined_epochs

    def spy(loop, first, count):
        seen.append(count)
        return joined(loop, first, count)

    monkeypatch.setattr(fit_loop.FitLoop, "_joined_epochs", spy)
    return seen


@pytest.mark.optimised
@pytest.mark.parametrize(
    ("parts", "rows", "optimizer"),
    [(dense, 7, "adam"), (dense, 24, "sgd"), (convolution, 5, "adam"), (convolution, 16, "rmsprop"), (recurrence, 16, "adam")],
)
def test_numbers_are_those_of_epoch_after_epoch(parts, rows, optimizer, told, monkeypatch):
    model, _, _, history = fitted(parts, rows, optimizer=optimizer, callbacks=[Plain()])
    assert not told
    batches = -(-rows // 8)
    monkeypatch.setattr(steps_per_dispatch.StepsPerDispatch, "steps", lambda self, live: 5 * batches)
    together, _, _, found = fitted(parts, rows, optimizer=optimizer)
    assert told == [5, 5, 2]
    assert list(found.history) == list(history.history)
    for one, other in zip(numbers(model, history), numbers(together, found), strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_epoch_may_be_cut_where_its_steps_are_slow(told, monkeypatch):
    model, _, _, history = fitted(dense, 24, callbacks=[Plain()])
    monkeypatch.setattr(steps_per_dispatch.StepsPerDispatch, "steps", lambda self, live: 2)
    cut, _, _, found = fitted(dense, 24)  # three batches
    assert not told and cut._trainer.has_program("short epochs")
    for one, other in zip(numbers(model, history), numbers(cut, found), strict=True):
        np.testing.assert_array_equal(one, other)


def test_gathering_on_the_device_gives_the_same():
    source = ArraySource(RNG.normal(size=(7, 3)).astype("float32"), batch_size=8, shuffle=True)
    here, there = (ArrayStacker(source, on_device=at) for at in (False, True))
    for feed in (here, there):
        assert feed.epochs_per_stack == feed.capacity
    found = [np.asarray(feed.epochs(5, 4, seed=2)[0])[:4] for feed in (here, there)]
    np.testing.assert_array_equal(*found)
    alone = [np.asarray(next(here.stacks(epoch, seed=2)).data[0])[0] for epoch in range(5, 9)]
    np.testing.assert_array_equal(found[0], alone)


class TakesDown(callbacks.Callback):
    may_lag = True

    def __init__(self):
        self.heard = []

    def on_epoch_end(self, epoch, logs=None):
        self.heard.append((epoch, logs["loss"]))


class HearsBatches(TakesDown):
    """Says too much of itself: batches are not told late."""

    may_lag = True
    every_batch = False

    def on_train_batch_end(self, batch, logs=None):
        self.heard.append(batch)


def test_a_class_that_may_lag_hears_of_every_epoch_but_not_late_of_batches(told, monkeypatch):
    monkeypatch.setattr(steps_per_dispatch.StepsPerDispatch, "steps", lambda self, live: 100)
    late = TakesDown()
    _, _, _, history = fitted(dense, 7, callbacks=[late])
    assert told == [EPOCHS] and late.heard == list(enumerate(history.history["loss"]))
    told.clear()
    batches = HearsBatches()
    fitted(dense, 7, callbacks=[batches])
    assert not told and batches.heard.count(0) >= EPOCHS


class Watches(callbacks.History):
    """A subclass that acts has not said that it may lag, whatever its base says."""

    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, logs)
        self.model.stop_training = epoch == 4


def test_who_acts_between_epochs_hears_of_each_in_time(told, monkeypatch):
    monkeypatch.setattr(steps_per_dispatch.StepsPerDispatch, "steps", lambda self, live: 100)
    _, _, _, history = fitted(dense, 7, callbacks=[Watches()])
    assert history.epoch == [0, 1, 2, 3, 4]
    patched = callbacks.History()
    patched.on_epoch_begin = lambda epoch, logs=None: None
    for arguments in (
        {"callbacks": [callbacks.EarlyStopping("loss")]},
        {"callbacks": [patched]},
        {"validation_split": 0.3},
        {"steps_per_epoch": 1},
        {"batch_size": 5},  # a batch of 5 and one of 2
    ):
        fitted(dense, 7, **arguments)
        assert not told, arguments


def test_a_training_step_of_ones_own_is_not_joined(told, monkeypatch):
    class Own(jkeras.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1)

        def call(self, x):
            return self.dense(x)

        def train_step(self, state, batch):
            state, logs = super().train_step(state, batch)
            return state, {**logs, "twice": 2 * logs["loss"]}

    monkeypatch.setattr(steps_per_dispatch.StepsPerDispatch, "steps", lambda self, live: 100)
    model = Own()
    model.compile("sgd", "mse")
    history = model.fit(RNG.normal(size=(8, 2)), RNG.normal(size=(8, 1)), epochs=EPOCHS, verbose=0)
    assert not told and len(history.history["twice"]) == EPOCHS


def test_metrics_that_are_no_single_numbers_are_not_joined(told, monkeypatch):
    monkeypatch.setattr(steps_per_dispatch.StepsPerDispatch, "steps", lambda self, live: 100)
    model = Sequential([Input((2,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy", metrics=[jkeras.metrics.F1Score()])
    history = model.fit(RNG.normal(size=(8, 2)), np.eye(3)[RNG.integers(0, 3, 8)], epochs=EPOCHS, verbose=0)
    assert not told and np.shape(history.history["f1_score"]) == (EPOCHS, 3)


def test_few_epochs_take_the_program_that_is_there(monkeypatch):
    """So a model that is trained again, for more epochs or fewer, compiles nothing."""
    made = []
    make = trainer.Trainer._make
    monkeypatch.setattr(trainer.Trainer, "_make", lambda self, kind: made.append(kind) or make(self, kind))
    model, x, y, _ = fitted(dense, 8, epochs=2)
    assert made == ["train"]
    for epochs in (1, 3, EPOCHS, 1):
        model.fit(x, y, batch_size=8, epochs=epochs, verbose=0)
    assert made == ["train", "short epochs"]


def test_an_interrupted_run_goes_on(monkeypatch):
    monkeypatch.setattr(steps_per_dispatch.StepsPerDispatch, "steps", lambda self, live: 4)
    whole, _, _, _ = fitted(dense, 7)

    def interrupted(self, epoch, logs=None):
        if epoch == 5:
            raise KeyboardInterrupt
        return heard(self, epoch, logs)

    heard = callbacks.History.on_epoch_end
    monkeypatch.setattr(callbacks.History, "on_epoch_end", interrupted)
    models = []
    monkeypatch.setattr(
        Sequential, "compile", lambda self, *a, **k: (models.append(self), jkeras.Model.compile(self, *a, **k))[1]
    )
    with pytest.raises(KeyboardInterrupt):
        fitted(dense, 7)
    monkeypatch.undo()
    (model,) = models
    assert int(model.optimizer.iterations) == 8  # the dispatch that contained epoch 5
    data = np.random.default_rng(1)
    x, y = data.normal(size=(7, 4)).astype("float32"), data.normal(size=(7, 1)).astype("float32")
    history = model.fit(x, y, batch_size=8, epochs=EPOCHS, verbose=0, resume=True)
    assert history.epoch == [8, 9, 10, 11]
    for one, other in zip(whole.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_line_shows_the_time_of_its_epoch_not_that_of_telling(monkeypatch, capsys):
    monkeypatch.setattr(steps_per_dispatch.StepsPerDispatch, "steps", lambda self, live: 100)
    monkeypatch.setattr(fit_loop.Stopwatch, "lap", lambda self, result=None: 24.0)
    fitted(dense, 7, verbose=1)
    lines = capsys.readouterr().out.replace("\r", "").splitlines()
    assert lines[::2] == [f"Epoch {n}/{EPOCHS}" for n in range(1, EPOCHS + 1)]
    assert all(re.match(r"1/1 \[=+\] - 2s 2s/step - loss: \d", line) for line in lines[1::2]), lines


def test_a_convolution_that_is_slow_in_a_loop_goes_step_by_step(told):
    import jax

    class Slow(layers.Layer):
        def build(self, input_shape):
            self.kernel = self.add_weight(shape=(2, input_shape[1], 3, 3))

        def call(self, x):
            return jax.lax.conv(x, self.kernel.value, (1, 1), "SAME").mean((1, 2, 3))[:, None]

    fitted(lambda: ([Slow()], (2, 4, 4)), 8)
    assert not told

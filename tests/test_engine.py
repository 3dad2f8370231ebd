"""The engine: dispatches, padded evaluation, streams, and what is compiled when."""

import mmap
import threading
import time

import jax
import numpy as np
import pytest

import jkeras
from jkeras import Input, Sequential, callbacks, layers, losses, metrics
from jkeras.data.array_source import ArraySource
from jkeras.data.array_stacker import ArrayStacker
from jkeras.training import fit_loop
from jkeras.training.programs import steps_per_dispatch
from jkeras.training.programs import training as programs

RNG = np.random.default_rng(0)
X = RNG.normal(size=(103, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 103).astype(np.int32)


def network(**compile_arguments):
    jkeras.utils.set_random_seed(5)
    model = Sequential(
        [Input((6,)), layers.Dense(8, activation="relu"), layers.BatchNormalization(), layers.Dropout(0.3), layers.Dense(3)]
    )
    arguments = {"optimizer": "adam", "loss": losses.SparseCategoricalCrossentropy(from_logits=True), "metrics": ["accuracy"]}
    model.compile(**(arguments | compile_arguments))
    return model


def outcome(model, **fit_arguments):
    history = model.fit(X, Y, **({"batch_size": 10, "epochs": 3, "verbose": 0} | fit_arguments))
    return [*model.get_weights(), *(np.array(v) for v in history.history.values())]


# dispatches -----------------------------------------------------------------------------------------------------------


class EveryBatch(callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        self.seen = [*getattr(self, "seen", []), batch]


@pytest.fixture(scope="module")
def whole():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps_per_dispatch.StepsPerDispatch, "steps", lambda self, live: 10**6)
        return outcome(network())


@pytest.mark.optimised
@pytest.mark.parametrize("cut", [1, 4, 7, "events", "every batch", "two epochs"])
def test_results_do_not_depend_on_how_an_epoch_is_cut(cut, whole, monkeypatch):
    monkeypatch.setattr(steps_per_dispatch.StepsPerDispatch, "steps", lambda self, live: cut if isinstance(cut, int) else 10**6)
    compiled = {"steps_per_execution": 3} if cut == "events" else {}
    arguments = {"callbacks": [EveryBatch()]} if cut == "every batch" else {}
    for expected, found in zip(whole, outcome(network(**compiled), **arguments), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_dispatch_holds_many_steps_unless_a_callback_hears_each(monkeypatch):
    cuts = []
    steps = fit_loop.FitLoop._next_steps

    def spy(self, left, number):
        cuts.append(steps(self, left, number))
        return cuts[-1]

    monkeypatch.setattr(fit_loop.FitLoop, "_next_steps", spy)
    monkeypatch.setattr(steps_per_dispatch.StepsPerDispatch, "steps", lambda self, live: 6)
    model = network()
    outcome(model, epochs=1)
    assert cuts == [6, 4, 1]
    cuts.clear()
    hears = EveryBatch()
    outcome(model, epochs=1, callbacks=[hears])
    assert cuts == [1] * 11 and hears.seen == list(range(11))
    cuts.clear()
    outcome(network(steps_per_execution=1), epochs=1)
    assert cuts == [1] * 11
    cuts.clear()
    outcome(network(steps_per_execution=4), epochs=1)
    assert cuts == [4, 4, 2, 1]


def test_the_length_of_a_dispatch_follows_the_measured_speed():
    measured = steps_per_dispatch.StepsPerDispatch()
    assert measured.steps(live=True) == 1
    measured.note(10, 0.1)
    assert measured.steps(live=True) == 10 and measured.steps(live=False) == 50
    measured.note(1, 100.0)  # a pause does not measure speed
    assert measured.steps(live=True) >= 6


def test_dispatches_that_need_much_new_memory_are_longer():
    measured = steps_per_dispatch.StepsPerDispatch()
    measured.note(1, 0.3, pages=50_000)  # 75 ms of the 300, so 225 of the step
    assert measured.steps(live=True) == 4 and measured.steps(live=False) == 11  # a second, and 33 times 75 ms
    measured.note(6, 6 * 0.225 + 0.3, pages=200_000)
    assert measured.steps(live=True) == 4 and measured.steps(live=False) == 13  # 3 s at most
    measured.note(13, 13 * 0.225)
    assert measured.steps(live=True) == 1 and measured.steps(live=False) == 2


@pytest.mark.skipif(steps_per_dispatch.resource is None, reason="this system does not count pages")
def test_new_memory_is_counted():
    watch = steps_per_dispatch.Stopwatch()
    watch.lap()
    with mmap.mmap(-1, 64 << 20) as memory:
        for place in range(0, len(memory), 4096):
            memory[place] = 1
        watch.lap()
    assert watch.pages >= 32  # 16,384 pages of 4 KiB, or 32 of 2 MiB


def test_what_is_slow_in_a_loop_runs_step_by_step(monkeypatch):
    whole = outcome(network())
    monkeypatch.setattr(programs, "slow_in_loop", lambda jaxpr: True)
    model = network()
    for expected, found in zip(whole, outcome(model), strict=True):
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-6)


# what is compiled -----------------------------------------------------------------------------------------------------


class Spy(layers.Layer):
    def __init__(self):
        super().__init__()
        self.traced = []

    def call(self, x):
        self.traced.append(x.shape)
        return x


def spied(**arguments):
    spy = Spy()
    model = Sequential([Input((6,)), spy, layers.Dense(3, activation="softmax")])
    model.compile(**({"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]} | arguments))
    return model, spy


def test_evaluate_and_predict_compile_once_for_any_length():
    model, spy = spied()
    model.evaluate(X, Y, verbose=0), model.predict(X, verbose=0)
    spy.traced.clear()
    for n in (103, 64, 33):
        model.evaluate(X[:n], Y[:n], verbose=0), model.predict(X[:n], verbose=0)
    assert spy.traced == []
    for n in (32, 7, 8, 2):  # few rows get their own programs, of a handful of sizes
        model.evaluate(X[:n], Y[:n], verbose=0), model.predict(X[:n], verbose=0)
    assert {shape[0] for shape in spy.traced} == {2, 8, 32}
    spy.traced.clear()
    for n in (31, 7, 8, 2):
        model.evaluate(X[:n], Y[:n], verbose=0), model.predict(X[:n], verbose=0)
    assert spy.traced == []
    model.predict(X[:1], verbose=0), model.predict(X[5:6], verbose=0)
    assert spy.traced == [(1, 6)]


@pytest.mark.parametrize("batches", [(20, 3), (20, 20, 7)])
def test_training_compiles_the_full_and_the_short_batch(batches):
    model, spy = spied()
    n = sum(batches)
    model.fit(X[:n], Y[:n], batch_size=20, verbose=0)
    before = len(spy.traced)
    model.fit(X[:n], Y[:n], batch_size=20, epochs=2, verbose=0)
    model.fit(X[: n + 20], Y[: n + 20], batch_size=20, verbose=0)  # more data of the same kind
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X[:n], Y[:n], batch_size=20, verbose=0)
    model.compile(jkeras.optimizers.Adam(0.5), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.optimizer.learning_rate = 0.1
    model.set_weights([w * 2 for w in model.get_weights()])
    model.fit(X[:n], Y[:n], batch_size=20, verbose=0)
    assert len(spy.traced) == before
    assert {shape[0] for shape in spy.traced if shape[0] != 32} >= set(batches)


@pytest.mark.parametrize("other", [{"optimizer": "sgd"}, {"loss": "mse"}, {"metrics": []}], ids=str)
def test_another_configuration_is_compiled_anew(other):
    model, spy = spied()
    model.fit(X, Y, verbose=0)
    before = len(spy.traced)
    model.compile(**({"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"]} | other))
    history = model.fit(X, np.eye(3, dtype=np.float32)[Y] if other.get("loss") else Y, verbose=0)
    assert len(spy.traced) > before and np.isfinite(history.history["loss"]).all()


def test_a_new_learning_rate_in_compile_takes_effect():
    model, _ = spied(optimizer=jkeras.optimizers.SGD(0.5))
    model.fit(X, Y, verbose=0)
    model.compile(jkeras.optimizers.SGD(0.0), "sparse_categorical_crossentropy", metrics=["accuracy"])
    before = model.get_weights()
    model.fit(X, Y, verbose=0)
    for old, new in zip(before, model.get_weights()):
        np.testing.assert_array_equal(new, old)


# padding --------------------------------------------------------------------------------------------------------------


def mean_over_batch(y_true, y_pred):
    return jax.numpy.mean((jax.nn.one_hot(y_true.reshape(-1), 3) - y_pred) ** 2)


class Count(metrics.Metric):
    def __init__(self, name="count"):
        super().__init__(name=name)
        self.rows = self.add_variable((), "zeros", name="rows")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.rows.assign_add(y_pred.shape[0])

    def result(self):
        return self.rows.value


SETTINGS = {
    "mean": {},
    "sum": {"loss": losses.SparseCategoricalCrossentropy(reduction="sum")},
    "weighted mean": {"loss": losses.SparseCategoricalCrossentropy(reduction="mean_with_sample_weight")},
    "many metrics": {
        "metrics": ["accuracy", metrics.SparseTopKCategoricalAccuracy(2), "sparse_categorical_crossentropy"],
        "weighted_metrics": ["accuracy"],
    },
    "a number per batch": {"loss": mean_over_batch},
    "a metric per batch": {"metrics": [mean_over_batch]},
    "own metric": {"metrics": [Count()]},
}


@pytest.mark.few(8)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", SETTINGS)
def test_padding_leaves_no_trace_in_results(name, weighted):
    model, _ = spied(**SETTINGS[name])
    weights = RNG.uniform(0.5, 2, 103).astype(np.float32) if weighted else None
    found = model.evaluate(X, Y, batch_size=40, sample_weight=weights, verbose=0, return_dict=True)
    parts = [slice(0, 40), slice(40, 80), slice(80, 103)]
    expected = [
        model.evaluate(
            X[p], Y[p], batch_size=len(X[p]), sample_weight=weights[p] if weighted else None, verbose=0, return_dict=True
        )
        for p in parts
    ]
    sizes = [40, 40, 23]
    wanted = {"loss": np.average([e["loss"] for e in expected], weights=sizes)}
    if "count" in found:
        wanted["count"] = 103
    else:
        for key in found.keys() - {"loss"}:
            counts = [weights[p].sum() for p in parts] if weighted and key.startswith("weighted") else sizes
            counts = [1, 1, 1] if name == "a metric per batch" else counts
            wanted[key] = np.average([e[key] for e in expected], weights=counts)
    assert found == pytest.approx(wanted, rel=2e-6)


def test_added_losses_are_not_padded():
    model = Sequential([Input((6,)), layers.Dense(3, activity_regularizer="l2")])
    model.compile("sgd", "mse")
    targets = np.zeros((103, 3), np.float32)
    outputs = model.predict(X, verbose=0)
    values = [(np.mean(y**2) + 0.01 * np.sum(y**2) / len(y), len(y)) for y in (outputs[:80], outputs[80:])]
    expected = np.average([v for v, _ in values], weights=[n for _, n in values])
    assert model.evaluate(X, targets, batch_size=80, verbose=0) == pytest.approx(expected, rel=1e-5)


def test_predictions_are_those_of_the_model_for_any_length():
    model, _ = spied()
    expected = np.asarray(model(X))
    for n in (1, 2, 31, 32, 33, 103):
        found = model.predict(X[:n], verbose=0)
        assert found.shape == (n, 3)
        np.testing.assert_allclose(found, expected[:n], rtol=1e-5, atol=1e-6)
        found[:] = 0  # the caller's own array


# where batch stacks are made ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shuffle", [False, True, "batch"])
@pytest.mark.parametrize("steps", [None, 4])
def test_blocks_hold_the_batches_of_the_source_wherever_they_are_made(shuffle, steps, monkeypatch):
    monkeypatch.setattr("jkeras.data.array_stacker._MOST_BATCHES", 3)
    source = ArraySource({"a": X, "b": Y}, Y, None, batch_size=10, shuffle=shuffle, steps=steps)
    for epoch in range(2):
        expected = list(source.batches(epoch, seed=3))
        for on_device in (False, True):
            batches = []
            for block in ArrayStacker(source, on_device=on_device).stacks(epoch, seed=3):
                batches += [jax.tree.map(lambda a, i=i: np.asarray(a[i]), block.data) for i in range(block.batches)]
            assert len(batches) == len(expected)
            jax.tree.map(np.testing.assert_array_equal, batches, expected)


def test_blocks_may_start_in_the_middle_of_an_epoch(monkeypatch):
    monkeypatch.setattr("jkeras.data.array_stacker._MOST_BATCHES", 3)
    source = ArraySource(X, Y, batch_size=10, shuffle=True)
    for start in (0, 4, 10, 11):
        blocks = list(ArrayStacker(source).stacks(1, 2, start))
        found = [np.asarray(block.data[0][i]) for block in blocks for i in range(block.batches)]
        expected = [x for x, _, _ in source.batches(1, 2, start)]
        assert len(found) == len(expected)
        for a, b in zip(found, expected):
            np.testing.assert_array_equal(a, b)


# streams --------------------------------------------------------------------------------------------------------------


def data_threads():
    return [t for t in threading.enumerate() if t.name == "jkeras-data"]


def test_what_a_stream_raises_is_raised_by_fit_and_its_thread_ends():
    def batches():
        yield X[:10], Y[:10]
        yield X[:10], Y[:10]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        network().fit(batches(), epochs=1, verbose=0)
    assert data_threads() == []


def test_an_endless_stream_ends_with_the_run():
    closed = []

    def batches():
        try:
            while True:
                yield X[:10], Y[:10]
        finally:
            closed.append(True)

    stream = batches()
    network().fit(stream, steps_per_epoch=3, epochs=2, verbose=0)
    assert data_threads() == []

    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    network().fit(batches(), steps_per_epoch=50, epochs=9, verbose=0, callbacks=[Stop()])
    assert data_threads() == []


def test_a_stream_is_made_while_steps_run():
    """The thread works ahead: making 8 slow batches and 8 slow steps takes less than one after the other."""
    made, used = [], []

    def batches():
        for _ in range(8):
            time.sleep(0.03)
            made.append(time.perf_counter())
            yield X[:10], Y[:10]

    class Slow(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            time.sleep(0.03)
            used.append(time.perf_counter())

    model = network()
    model.fit(X[:10], Y[:10], verbose=0)
    model.fit(batches(), verbose=0, callbacks=[Slow()])
    ahead = sum(made[i + 1] < used[i] for i in range(7))
    assert ahead >= 5


def test_the_code_of_a_stream_may_use_the_model_that_trains():
    model = network()
    model.build((None, 6))
    seen = []

    def batches():
        for i in range(30):
            seen.append(model.predict(X[:4], verbose=0))
            seen.append(np.asarray(model.layers[0].kernel))
            yield X[i : i + 10], Y[i : i + 10]

    model.fit(batches(), verbose=0)
    assert len(seen) == 60 and all(np.isfinite(y).all() for y in seen)
    assert not np.array_equal(seen[1], seen[-1])


def test_streams_of_uneven_batches_train_and_are_evaluated():
    sizes = (10, 10, 4, 10, 3)
    starts = np.cumsum((0, *sizes[:-1]))
    parts = [(X[a : a + n], Y[a : a + n]) for a, n in zip(starts, sizes)]
    model, spy = spied()
    found = model.evaluate(iter(parts), verbose=0)
    expected = model.evaluate(X[:37], Y[:37], verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    sizes = {shape[0] for shape in spy.traced if isinstance(shape[0], int)}  # others: symbols of shape inference
    assert sizes <= {10, 11, 32}  # 11: as 10, to compare the programs
    np.testing.assert_allclose(model.predict((x for x, _ in parts), verbose=0), model.predict(X[:37], verbose=0), rtol=1e-5)
    assert np.isfinite(model.fit(iter(parts), verbose=0).history["loss"]).all()


@pytest.mark.parametrize("value", [-1, 1.5, True])
def test_the_limit_of_resident_data_is_a_number_of_bytes(value):
    with pytest.raises(ValueError, match="number of bytes"):
        jkeras.config.set_resident_data_limit(value)


# masks ----------------------------------------------------------------------------------------------------------------


def tagger(library):
    keras_layers = library.layers
    model = library.Sequential(
        [
            library.Input((5,), dtype="int32"),
            keras_layers.Embedding(7, 4, mask_zero=True),
            keras_layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"], weighted_metrics=["accuracy"])
    return model


def test_masks_count_in_losses_and_metrics_as_in_keras():
    keras = pytest.importorskip("keras")
    words = RNG.integers(0, 7, (37, 5)).astype(np.int32)
    tags, weights = RNG.integers(0, 3, (37, 5)), RNG.uniform(0.5, 2, (37, 5)).astype(np.float32)
    ours, theirs = tagger(jkeras), tagger(keras)
    ours.set_weights(theirs.get_weights())
    for batch_size in (37, 16):
        arguments = {"sample_weight": weights, "batch_size": batch_size, "verbose": 0}
        expected = theirs.evaluate(words, tags, return_dict=True, **arguments)
        found = ours.evaluate(words, tags, return_dict=True, **arguments)
        assert found == pytest.approx(expected, rel=1e-5)
    # In Keras on JAX the mask does not reach the metrics of `fit` (only of `evaluate`), so there we compare only losses.
    fitted = [m.fit(words, tags, epochs=2, shuffle=False, **arguments).history["loss"] for m in (ours, theirs)]
    assert fitted[0] == pytest.approx(fitted[1], rel=1e-5)


def test_a_prediction_of_many_batches_keeps_them_apart():
    """Small batches are computed together, but a layer that mixes the rows of a batch still sees that batch alone."""

    class MinusMean(jkeras.layers.Layer):
        def call(self, x):
            return x - jkeras.ops.mean(x, axis=0, keepdims=True)

    model = jkeras.Sequential([jkeras.Input((6,)), jkeras.layers.Dense(3), MinusMean()])
    found = model.predict(X[:83], batch_size=4, verbose=0)
    wanted = [model.predict_on_batch(X[i : i + 4]) for i in range(0, 80, 4)]
    np.testing.assert_allclose(found[:80], np.concatenate(wanted), rtol=1e-5, atol=1e-6)

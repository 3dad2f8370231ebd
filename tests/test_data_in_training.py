"""Which calls a user's dataset or generator gets, and when; batches that differ; errors that name their batch."""

import contextlib
import re
import threading
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.data.arrays import to_rows
from jkeras.data.later_rows import read_at_random


def network(*shape):
    model = jkeras.Sequential([*([jkeras.Input(shape)] if shape else []), layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    return model


class Recorded(jkeras.utils.PyDataset):
    """Batches that take down what is asked of them."""

    def __init__(self, count, log, name="", grows=0, **kwargs):
        super().__init__(**kwargs)
        self.count, self.log, self.name, self.grows = count, log, name, grows

    def __len__(self):
        return self.count

    def __getitem__(self, i):
        self.log.append(f"{self.name}{i}")
        return np.full((2, 3), i, "float32"), np.zeros((2, 1))

    def on_epoch_begin(self):
        self.log.append(f"{self.name}begin")

    def on_epoch_end(self):
        self.log.append(f"{self.name}end")
        self.count += self.grows


class Endless(Recorded):
    num_batches = None


class Events(jkeras.callbacks.Callback):
    def __init__(self, log):
        self.on_train_begin = lambda logs=None: log.append("train")
        self.on_epoch_begin = lambda epoch, logs=None: log.append("epoch")
        self.on_epoch_end = lambda epoch, logs=None: log.append("over")
        self.on_test_begin = self.on_predict_begin = lambda logs=None: log.append("read")
        self.on_test_end = self.on_predict_end = lambda logs=None: log.append("read over")


# The order is that of Keras 3.15.1, except that Keras makes item 0 once more, between an extra pair of epoch hooks.
ORDERS = {
    "fit": (
        lambda m, d, **k: m.fit(d(2), epochs=2, shuffle=False, **k),
        "begin 0 train epoch 1 end over epoch begin 0 1 end over",
    ),
    "fit with validation": (
        lambda m, d, **k: m.fit(d(2), validation_data=d(2, name="v"), **k),
        "begin 0 train epoch 1 end read vbegin v0 v1 vend read over over",
    ),
    "steps": (
        lambda m, d, **k: m.fit(d(4), epochs=3, steps_per_epoch=2, shuffle=False, **k),
        "begin 0 train epoch 1 end over epoch begin 2 3 end over epoch begin 0 1 end over",
    ),
    "validation_steps": (
        lambda m, d, **k: m.fit(d(1), epochs=2, validation_data=d(3, name="v"), validation_steps=1, **k),
        "begin 0 train epoch end read vbegin v0 vend read over over epoch begin 0 end read vbegin v0 vend read over over",
    ),
    "initial_epoch": (
        lambda m, d, **k: m.fit(d(2), initial_epoch=3, epochs=4, shuffle=False, **k),
        "begin 0 train epoch 1 end over",
    ),
    "evaluate": (lambda m, d, **k: m.evaluate(d(2), **k), "begin 0 read 1 end read over"),
    "predict": (lambda m, d, **k: m.predict(d(2), **k), "begin 0 read 1 end read over"),
    "growing": (
        lambda m, d, **k: m.fit(d(1, grows=1), epochs=3, shuffle=False, **k),
        "begin 0 train epoch end over epoch begin 0 1 end over epoch begin 0 1 2 end over",
    ),
    "shrinking": (
        lambda m, d, **k: m.fit(d(2, grows=-1), epochs=2, shuffle=False, **k),
        "begin 0 train epoch 1 end over epoch begin 0 end over",
    ),
}


@pytest.mark.few(6)
@pytest.mark.parametrize("case", ORDERS)
@pytest.mark.parametrize("built", [False, True])
def test_a_dataset_hears_of_an_epoch_before_its_first_item_and_makes_none_twice(case, built):
    call, expected = ORDERS[case]
    log = []
    call(network(*([3] if built else [])), lambda *a, **k: Recorded(*a, log, **k), verbose=0, callbacks=[Events(log)])
    assert " ".join(log) == expected


@pytest.mark.parametrize("options", [{}, {"workers": 3}, {"workers": 3, "max_queue_size": 1}])
def test_no_item_is_made_twice_in_any_order(options):
    log = []
    model = network()
    np.testing.assert_array_equal(model.predict(Recorded(5, log, **options), verbose=0)[::2, 0], 3 * np.arange(5.0))
    assert sorted(log) == ["0", "1", "2", "3", "4", "begin", "end"] and (log[0], log[-1]) == ("begin", "end")
    log.clear()
    model.fit(Recorded(5, log, **options), epochs=2, verbose=0)
    half = log.index("end") + 1
    for epoch in (log[:half], log[half:]):
        assert sorted(epoch) == ["0", "1", "2", "3", "4", "begin", "end"] and (epoch[0], epoch[-1]) == ("begin", "end")


def test_an_endless_dataset_goes_on_from_epoch_to_epoch():
    log = []
    network().fit(Endless(0, log), epochs=2, steps_per_epoch=2, verbose=0)
    assert " ".join(log) == "begin 0 1 end begin 2 3 end"
    assert [int(x[0, 0]) for x, _ in zip((x for x, _ in Endless(0, [])), range(2))] == [0, 1]


def test_what_is_made_when_an_epoch_begins_is_there_for_the_first_item():
    class Prepared(Recorded):
        def on_epoch_begin(self):
            self.data = np.ones((2, 3))

        def __getitem__(self, i):
            return self.data, np.ones((2, 1))

    for call in (network().fit, network().evaluate, network().predict):
        call(Prepared(2, []), verbose=0)


def test_the_end_of_an_epoch_is_told_after_its_last_step_by_the_thread_that_trains():
    class Mining(Recorded):
        def on_epoch_end(self):
            self.log.append((int(model.optimizer.iterations), threading.current_thread()))

    model, log = network(3), []
    model.fit(Mining(20, log), epochs=2, verbose=0)
    assert [entry for entry in log if isinstance(entry, tuple)] == [(n, threading.current_thread()) for n in (20, 40)]


def test_the_progress_line_counts_the_batches_of_its_own_epoch(capsys):
    history = network(3).fit(Recorded(2, [], grows=1), epochs=2, verbose=2)
    assert [line.split(" -")[0] for line in capsys.readouterr().out.splitlines()] == ["Epoch 1/2", "2/2", "Epoch 2/2", "3/3"]
    assert history.params["steps"] == 3

    class Longer(Recorded):
        def on_epoch_begin(self):
            self.count = 4

    network(3).fit(Longer(2, []), epochs=2, verbose=2)
    assert [line.split(" -")[0] for line in capsys.readouterr().out.splitlines()][1::2] == ["4/4", "4/4"]


class Failing(Recorded):
    def __init__(self, item, count=4, **kwargs):
        super().__init__(count, [], **kwargs)
        self.item = item

    def __getitem__(self, i):
        if i == 2 and isinstance(self.item, Exception):
            raise self.item
        return self.item if i == 2 else (np.ones((2, 3)), np.ones((2, 1)))


CAUSES = {
    "an error": (KeyError("cat.jpg"), KeyError, "cat.jpg"),
    "an error with two arguments": (OSError(2, "no such file"), OSError, "no such file"),
    "other lengths": ((np.ones((2, 3)), np.ones((3, 1))), ValueError, "x: 2, y: 3"),
    "words": ((np.array(["a", "b"]), np.ones((2, 1))), ValueError, "dtype <U1"),
    "targets of another shape": ((np.ones((2, 3)), np.ones((2, 5, 2))), ValueError, "y_true of shape"),
}


@pytest.mark.few(5)
@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("workers", [1, 2])
def test_a_failing_item_keeps_its_error_and_is_named(cause, workers):
    item, kind, words = CAUSES[cause]
    for method in ("fit", "evaluate"):
        with pytest.raises(kind, match=words) as caught:
            getattr(network(3), method)(
                Failing(item, workers=workers), verbose=0, **({"shuffle": False} if method == "fit" else {})
            )
        note = "batch 2 of the epoch" if cause == "targets of another shape" else "item 2 of the dataset Failing"
        assert f"Raised for {note}." in caught.value.__notes__


def test_a_failing_generator_says_at_which_batch():
    def images():
        for i in range(3):
            yield np.ones((2, 3)), np.ones((2 + i // 2, 1))

    with pytest.raises(ValueError, match="x: 2, y: 3") as caught:
        network(3).fit(images(), verbose=0)
    assert "Raised for batch 2 of generator images." in caught.value.__notes__


# batches that differ -----------------------------------------------------------------------------------------------------


def sequences(*lengths, targets=True):
    for n in lengths:
        x = np.arange(2.0 * n * 3).reshape(2, n, 3)
        yield (x, x[..., :1]) if targets else x


@pytest.mark.parametrize("built", [False, True])
def test_the_length_of_sequences_may_change_between_batches_and_calls(built):
    """Each batch's loss is the mean of its entries, and an epoch's the mean over rows."""
    model = network(*([None, 3] if built else []))
    model.compile(jkeras.optimizers.SGD(0.0), "mse")
    alone = [model.evaluate(*next(sequences(n)), verbose=0) for n in (4, 7, 5)]
    assert len(set(alone)) == 3
    mean = pytest.approx(np.mean(alone), rel=1e-5)
    assert model.evaluate(sequences(4, 7, 5), verbose=0) == mean
    assert model.fit(sequences(4, 7, 5), verbose=0).history["loss"] == [mean]
    x, y = next(sequences(9))
    expected = pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-5)
    assert model.train_on_batch(x, y) == expected and model.test_on_batch(x, y) == expected
    assert model.fit(*next(sequences(6)), validation_data=(x, y), verbose=0).history["val_loss"] == [expected]
    assert model.predict(x, verbose=0).shape == (2, 9, 1)


def test_targets_are_held_against_the_outputs_of_their_own_batch():
    def batches():
        yield from sequences(4)
        yield next(sequences(5, targets=False)), np.ones((2, 4, 1))

    with pytest.raises(ValueError, match=r"y_true of shape \(2, 4, 1\) and an output of shape \((None|2), 5, 1\)"):
        network(None, 3).fit(batches(), verbose=0)


def test_labels_are_held_against_the_classes_also_where_lengths_change():
    model = jkeras.Sequential([jkeras.Input((None, 3)), layers.Dense(4, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    batches = ((np.ones((2, n, 3)), np.full((2, n), n - 2)) for n in (4, 5, 6))
    with pytest.raises(ValueError, match="labels from 0 to 3"), contextlib.closing(batches):
        model.fit(batches, verbose=0)


FORMS = {
    "x": lambda x, y, w: x,
    "(x,)": lambda x, y, w: (x,),
    "(x, y)": lambda x, y, w: (x, y),
    "[x, y]": lambda x, y, w: [x, y],
    "(x, y, None)": lambda x, y, w: (x, y, None),
    "(x, y, w)": lambda x, y, w: (x, y, w),
    "([x], y)": lambda x, y, w: ([x], y),
    "({name: x}, {name: y})": lambda x, y, w: ({"features": x}, {"out": y}),
}


@pytest.mark.few(8)
@pytest.mark.parametrize("first", FORMS)
@pytest.mark.parametrize("second", ["(x, y)", "(x, y, w)"])
def test_every_form_of_a_batch_may_follow_every_other(first, second):
    jkeras.utils.set_random_seed(0)
    x = jkeras.Input((3,), name="features")
    model = jkeras.Model(x, layers.Dense(1, name="out")(x))
    model.compile(jkeras.optimizers.SGD(0.0), "mse")
    parts = [(np.full((2, 3), i, "float32"), np.ones((2, 1)), np.ones(2)) for i in range(4)]
    batches = [FORMS[form](*part) for form, part in zip([first, second] * 2, parts)]
    expected = np.concatenate([model.predict(part[0], verbose=0) for part in parts])
    np.testing.assert_allclose(model.predict(iter(batches), verbose=0), expected, rtol=1e-6)
    if first not in ("x", "(x,)"):
        loss = pytest.approx(float(np.mean((expected - 1) ** 2)), rel=1e-5)
        assert model.evaluate(iter(batches), verbose=0) == loss
        assert model.fit(iter(batches), verbose=0).history["loss"] == [loss]


def test_a_generator_goes_on_where_the_last_call_stopped():
    taken = []

    def endless():
        for i in range(1000):
            taken.append(i)
            yield np.ones((2, 3)), np.ones((2, 1))

    batches, model = endless(), network()
    for call in (
        lambda: model.fit(batches, steps_per_epoch=2, epochs=2, verbose=0),
        lambda: model.fit(batches, steps_per_epoch=1, validation_data=batches, validation_steps=2, verbose=0),
        lambda: model.evaluate(batches, steps=2, verbose=0),
        lambda: model.predict(batches, steps=1, verbose=0),
    ):
        before = len(taken)
        call()
        taken.append(len(taken) - before)
    assert taken == [0, 1, 2, 3, 4, 4, 5, 6, 3, 7, 8, 2, 9, 1]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_mapped_file_larger_than_memory_is_never_held_whole(dtype, tmp_path):
    rows = 1 << 22
    x = np.memmap(tmp_path / "x", dtype, "w+", shape=(rows, (64 << 30) // rows // np.dtype(dtype).itemsize))  # 64 GB of holes
    x[:64] = np.random.default_rng(0).random((64, x.shape[1]))
    y = np.zeros((rows, 1), "float32")
    model = network(x.shape[1])
    tracemalloc.start()
    try:
        model.fit(x, y, batch_size=8, steps_per_epoch=2, validation_split=0.5, validation_steps=2, shuffle=False, verbose=0)
        weights = model.get_weights()
        model.evaluate(x, y, batch_size=8, steps=2, verbose=0)
        found = model.predict(x, batch_size=8, steps=2, verbose=0)
        assert tracemalloc.get_traced_memory()[1] < 150 << 20
    finally:
        tracemalloc.stop()
    np.testing.assert_allclose(found, np.asarray(x[:16], "float32") @ weights[0] + weights[1], rtol=1e-4)
    assert np.shape(found) == (16, 1) and not np.allclose(found, found[0])


def test_a_mapped_file_of_another_dtype_trains_as_the_array_does(tmp_path, monkeypatch):
    monkeypatch.setattr("jkeras.data.prepared._MOST_BYTES", 0)
    kept = np.random.default_rng(0).normal(size=(20, 3))
    x = np.memmap(tmp_path / "x", "float64", "w+", shape=kept.shape)
    x[:] = kept
    losses, flags = [], Path("/proc/self/smaps")
    if flags.exists():
        found = flags.read_text
        of_file = re.compile(rf"{tmp_path}/x\n(?:.*\n)*?VmFlags:(.*)")
        with read_at_random({"x": to_rows(x[5:], "x"), "y": kept}):
            assert " rr" in of_file.search(found())[1]
        assert " rr" not in of_file.search(found())[1]
    for data in (kept, x):
        jkeras.utils.set_random_seed(0)
        losses.append(network(3).fit(data, kept[:, :1], batch_size=8, epochs=2, verbose=0).history["loss"])
    assert losses[0] == losses[1]

"""Streams: a batch stack holds the batches that are ready, and only the time depends on how they are grouped."""

import os
import subprocess
import sys
import time
import types

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import jkeras
from jkeras._base.aligned import aligned_empty, is_aligned
from jkeras.data import stream_stacker as stream
from jkeras.data.array_source import ArraySource
from jkeras.data.array_stacker import ArrayStacker
from jkeras.data.as_source import as_source
from jkeras.data.iterable_source import IterableSource
from jkeras.data.stream_stacker import StreamStacker

RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 6)).astype(np.float32)
Y = RNG.normal(size=(96, 1)).astype(np.float32)


def unpacked(blocks):
    """The batches of blocks one by one, and the rows of each block that are data."""
    batches, rows = [], []
    for block in blocks:
        batches += [jax.tree.map(lambda leaf, i=i: np.array(leaf[i]), block.data) for i in range(block.batches)]
        rows.append(block.rows)
    return batches, rows


def network(width=3):
    jkeras.utils.set_random_seed(5)
    model = jkeras.Sequential([jkeras.Input((6,)), jkeras.layers.Dense(width, "tanh"), jkeras.layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    return model


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 5), st.sampled_from([np.float32, np.uint8])), min_size=1, max_size=25),
    st.booleans(),
    st.integers(0, 2),
    st.integers(0, 2),
)
def test_blocks_hold_the_batches_in_their_order(batches, padded, makes, takes):
    """Whoever is slower, for batches whose sizes and dtypes change."""
    data = [(np.full((rows, 3), i, dtype), np.full(rows, i, np.float32)) for i, (rows, dtype) in enumerate(batches)]

    def source():
        for batch in data:
            time.sleep(makes * 1e-3)
            yield batch

    feed = StreamStacker(IterableSource(source()))
    blocks = []
    for block in feed.padded_stacks() if padded else feed.stacks():
        time.sleep(takes * 1e-3)
        assert block.batches <= 8 and all(is_aligned(leaf) for leaf in jax.tree.leaves(block.data))
        blocks.append(block)
    found, rows = unpacked(blocks)
    assert sum(rows) == sum(rows for rows, _ in batches)
    sizes = np.maximum.accumulate([rows for rows, _ in batches]) if padded else [rows for rows, _ in batches]
    assert len(found) == len(data)
    for i, ((x, y, weight), size, (_, dtype)) in enumerate(zip(found, sizes, batches)):
        assert weight is None and x.dtype == dtype
        np.testing.assert_array_equal(x, np.full((size, 3), i))
        np.testing.assert_array_equal(y, np.full(size, i))
    # Within a batch stack only the last batch may be padded, because rows are counted from the front.
    at = 0
    for block in blocks:
        real = [rows for rows, _ in batches[at : at + block.batches]]
        assert block.rows == sum(real) and all(n == sizes[at] for n in real[:-1])
        at += block.batches


def test_a_slow_computation_takes_several_batches_at_once():
    feed = StreamStacker(IterableSource([X[i : i + 4] for i in range(0, 96, 4)]))
    counts = []
    for block in feed.stacks():
        counts.append(block.batches)
        time.sleep(0.05)
    assert sum(counts) == 24 and max(counts) == 8 and len(counts) <= 6


def test_large_batches_are_blocks_of_their_own():
    large = np.zeros((1, 20 << 20), np.uint8)
    assert [(block.batches, block.data[0].shape) for block in StreamStacker(IterableSource(iter([large] * 2))).stacks()] == [
        (1, (1, *large.shape))
    ] * 2


class SameArray(jkeras.utils.PyDataset):
    """Fills one array again for every batch, as many generators do."""

    x = np.zeros((2, 6), np.float32)

    def __len__(self):
        return 10

    def __getitem__(self, i):
        self.x[:] = i
        return self.x, self.x[:, :1]


@pytest.mark.parametrize("form", ["generator", "dataset", "large batches"])
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_batch_is_copied_before_the_next_one_is_made(form, shuffle, monkeypatch):
    data = SameArray()
    if form == "large batches":
        monkeypatch.setattr(stream, "batches_per_stack", lambda *_: 1)
    source = as_source(iter(data) if form == "generator" else data, shuffle=shuffle)
    assert source.spec.shape == (None, 6)
    batches = []
    for block in StreamStacker(source).stacks():
        time.sleep(0.002)
        batches += unpacked([block])[0]
    numbers = [float(x[0, 0]) for x, _, _ in batches]
    assert sorted(numbers) == list(range(10)) and (form == "generator" or (numbers == sorted(numbers)) != shuffle)


def test_what_is_kept_beside_a_batch_makes_blocks_smaller():
    beside = jax.ShapeDtypeStruct((4, 2 << 20), np.float32)  # 32 MiB
    for block in StreamStacker(IterableSource([X[:4]] * 3), beside=beside).stacks():
        assert block.batches == 1 and block.data[0].shape == (1, 4, 6)


def test_on_an_accelerator_each_batch_is_a_block(monkeypatch):
    monkeypatch.setattr(stream, "default_device", lambda: types.SimpleNamespace(platform="gpu"))
    blocks = list(StreamStacker(IterableSource([X[:4], X[4:8], X[8:11]])).padded_stacks())
    assert [(block.batches, block.rows, block.data[0].shape) for block in blocks] == [(1, n, (1, 4, 6)) for n in (4, 4, 3)]
    np.testing.assert_array_equal(np.concatenate([block.data[0][0] for block in blocks])[:11], X[:11])


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_training_does_not_depend_on_who_is_slower(optimizer):
    class Slow(jkeras.callbacks.Callback):
        every_batch = False

        def on_train_batch_end(self, batch, logs=None):
            time.sleep(0.02)

    def batches(pause):
        for i in range(0, 96, 4):
            time.sleep(pause)
            yield X[i : i + 4], Y[i : i + 4]

    results = []
    for pause, callbacks in ((0, []), (0, [Slow()]), (0.004, [])):
        model = network()
        model.compile(optimizer, "mse", metrics=["mae"])
        history = model.fit(batches(pause), verbose=0, callbacks=callbacks).history
        results.append([*model.get_weights(), *history["loss"], *history["mae"]])
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_batches_before_an_error_are_trained_on():
    def batches():
        for i in range(3):
            yield X[4 * i : 4 * i + 4], Y[4 * i : 4 * i + 4]
        raise OSError("the disk is gone")

    model = network()
    with pytest.raises(OSError, match="the disk is gone"):
        model.fit(batches(), verbose=0)
    assert int(model.optimizer.iterations) == 3


def test_streams_are_evaluated_and_predicted_as_arrays_are():
    model = network()
    parts = [(X[i : i + 5], Y[i : i + 5]) for i in range(0, 96, 5)]
    np.testing.assert_allclose(model.evaluate(iter(parts), verbose=0), model.evaluate(X, Y, verbose=0), rtol=1e-5)
    found = model.predict((x for x, _ in parts), verbose=0)
    np.testing.assert_allclose(found, model.predict(X, batch_size=5, verbose=0), rtol=1e-5)


# memory that a program reads in place ----------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 5), max_size=3), st.sampled_from([np.float32, np.uint8, jax.numpy.bfloat16, bool, np.complex64]))
def test_aligned_arrays_are_like_others(shape, dtype):
    array = aligned_empty(tuple(shape), dtype)
    assert array.shape == tuple(shape) and array.dtype == dtype and array.flags.c_contiguous and array.flags.writeable
    assert not array.size or array.ctypes.data % 64 == 0


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("offset", [0, 4, 16])
def test_blocks_of_arrays_are_read_in_place(offset, shuffle):
    """Also where the user's own array begins at an address that a program on a CPU would copy."""
    raw = np.zeros(96 * 6 * 4 + 128, np.uint8)
    begin = -raw.ctypes.data % 64 + offset
    x = raw[begin : begin + 96 * 6 * 4].view(np.float32).reshape(96, 6)
    x[...] = X
    feed = ArrayStacker(ArraySource(x, batch_size=96, shuffle=shuffle), on_device=False)
    feed.capacity = 1
    (block,) = feed.stacks()
    data = block.data[0]
    assert data.ctypes.data % 64 == 0
    np.testing.assert_array_equal(np.sort(np.asarray(data[0]), axis=0), np.sort(X, axis=0))
    assert np.shares_memory(data, x) == (offset == 0 and not shuffle)
    if jax.default_backend() == "cpu":
        assert jax.device_put(data).unsafe_buffer_pointer() == data.ctypes.data


def test_data_go_where_programs_run():
    code = """
import jax, jax.numpy as jnp, numpy as np
from jkeras.data import array_stacker as feed
devices = jax.devices()
assert feed.default_device() == devices[0]
with jax.default_device(devices[1]):
    assert feed.default_device() == devices[1] and jnp.zeros(2).devices() == {devices[1]}
with jax.default_device("cpu"):
    assert feed.default_device() == devices[0]
"""
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2"}
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, **flags})

"""A model larger than one device is never whole on one: drawn, read, saved, loaded and restored where it belongs."""

import gc
import tracemalloc

import jax
import numpy as np
import pytest

import jkeras
from jkeras import distribution, layers
from jkeras.saving import layout_keras3, matching
from jkeras.saving.formats import safetensors

WIDE = (96, 4096)
X = np.random.default_rng(0).normal(size=(32, 96)).astype("float32")


@pytest.fixture(autouse=True)
def sharded():
    with distribution.FullySharded(smallest=0).scope():
        yield


def make():
    model = jkeras.Sequential([layers.Input((96,)), layers.Dense(4096), layers.Dense(96), layers.Dense(4096)])
    model.compile("adam", "mse")
    return model


def trained():
    model = make()
    model.fit(X, np.zeros((32, 4096), "float32"), batch_size=16, verbose=0)
    return model


def assert_nothing_is_whole():
    large = [array for array in jax.live_arrays() if array.shape in (WIDE, WIDE[::-1]) and not array.is_deleted()]
    assert {shard.data.size for array in large for shard in array.addressable_shards} <= {96 * 4096 // 8}
    return len(large)


def test_values_are_drawn_where_they_belong_whoever_asks_first():
    for ask in (
        lambda model: model.get_weights(),
        lambda model: model(X),
        lambda model: model.optimizer.build(model.trainable_variables),
        lambda model: model.predict(X, verbose=0),
    ):
        model = make()
        ask(model)
        assert assert_nothing_is_whole() >= 3
        assert not model.layers[0].kernel.value.is_fully_replicated


def test_reading_and_saving_take_the_memory_of_one_weight(tmp_path):
    model = trained()
    model.save(tmp_path / "model.keras")  # which imports
    tracemalloc.start()
    try:
        for read in (
            lambda: model.save(tmp_path / "model.keras"),
            lambda: model.save_weights(tmp_path / "model.safetensors"),
            lambda: model.save_weights(tmp_path / "model.weights.h5"),
        ):
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            read()
            after, peak = tracemalloc.get_traced_memory()
            assert peak - before < 2 * 4 * 96 * 4096 + 2**20 and after - before < 4 * 96 * 4096 // 2  # of 14 MB
        assert len(model.get_weights()) == 6
        assert tracemalloc.get_traced_memory()[0] - before < 4 * 96 * 4096 // 2  # nothing stays on the host
    finally:
        tracemalloc.stop()


SLOW = ("model.weights.h5", "model.safetensors")  # they share what reads and places with the others


@pytest.mark.parametrize("name", ["model.keras", "orbax", *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW)])
def test_a_file_is_read_to_where_each_array_belongs(name, tmp_path, monkeypatch):
    model, counts = trained(), []
    expected = model.evaluate(X, np.zeros((32, 4096), "float32"), verbose=0)
    if name == "orbax":
        checkpoint = jkeras.callbacks.OrbaxCheckpoint(tmp_path / name, monitor="loss")
        model.fit(X, np.zeros((32, 4096), "float32"), verbose=0, epochs=1, callbacks=[checkpoint])
        expected = model.evaluate(X, np.zeros((32, 4096), "float32"), verbose=0)
    elif name == "model.keras":
        model.save(tmp_path / name)
    else:
        model.save_weights(tmp_path / name)

    def assign(pairs):
        counts.append(assert_nothing_is_whole())
        matching.assign(pairs)

    for reader in (layout_keras3, safetensors):
        monkeypatch.setattr(reader, "assign", assign)
    gc.collect()
    others = assert_nothing_is_whole()
    if name == "model.keras":
        other = jkeras.models.load_model(tmp_path / name)
    else:
        other = make()
        other.load_weights(tmp_path / name)
    read = {"orbax": [], "model.safetensors": [3]}.get(name, [3 + 6])  # kernels, and two slots of each; orbax has its own way
    assert [count - others for count in counts] == read
    assert assert_nothing_is_whole() >= 6
    if name != "model.safetensors":  # of weights alone
        slots = jax.tree.leaves(other.optimizer.state.slots)
        assert sum(slot.shape in (WIDE, WIDE[::-1]) for slot in slots) == 6
        assert all(slot.sharding.num_devices == 8 for slot in slots)
    np.testing.assert_allclose(other.evaluate(X, np.zeros((32, 4096), "float32"), verbose=0), expected, rtol=1e-5)
    assert_nothing_is_whole()

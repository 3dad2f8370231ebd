"""Weights as safetensors: the names, the round trip, and wrong files."""

import json
import struct
import sys

import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras._base.errors import FileFormatError
from jkeras.saving.formats.safetensors import load_safetensors, save_safetensors

library = pytest.importorskip("safetensors.numpy", reason="safetensors is an extra")


def make(units=5, **options):
    inner = jkeras.Sequential([layers.Input((units,)), layers.Dense(3, **options), layers.Dense(2, name="mine")], name="inner")
    body = [layers.BatchNormalization(), layers.Dense(units), layers.Dense(units), inner]
    model = jkeras.Sequential([layers.Input((4,)), *body])
    rng = np.random.default_rng(0)
    model.set_weights([rng.normal(size=w.shape) for w in model.get_weights()])
    return model


def raw(path, header, data=b""):
    """A file with this header, which the library would not write."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def test_names_are_the_paths_and_others_read_them(tmp_path):
    model = make()
    save_safetensors(model, tmp_path / "new" / "m.safetensors", metadata={"note": "of a test"})
    arrays = library.load_file(tmp_path / "new" / "m.safetensors")
    dense = [f"{layer}/{name}" for layer in ("dense", "dense_1", "inner/dense", "inner/mine") for name in ("bias", "kernel")]
    norm = [f"batch_normalization/{name}" for name in ("beta", "gamma", "moving_mean", "moving_variance")]
    assert sorted(arrays) == sorted(dense + norm)
    np.testing.assert_array_equal(arrays["dense_1/kernel"], model.layers[2].kernel.value)
    with library.safe_open(tmp_path / "new" / "m.safetensors", framework="np") as file:
        assert file.metadata() == {"format": "jkeras", "note": "of a test"}


def test_a_model_made_again_gets_its_weights_back(tmp_path):
    first, second = make(), make()
    second.set_weights([w * 0 for w in second.get_weights()])
    save_safetensors(first, tmp_path / "m")
    load_safetensors(second, tmp_path / "m")
    for a, b in zip(first.get_weights(), second.get_weights()):
        np.testing.assert_array_equal(a, b)


def test_what_another_program_wrote_is_read_in_the_models_precision(tmp_path):
    layer = jkeras.Sequential([layers.Input((2,)), layers.Dense(3)])
    kernel = np.arange(6.0).reshape(2, 3)
    library.save_file({"dense/kernel": kernel.astype("float16"), "dense/bias": kernel[0]}, tmp_path / "m")
    load_safetensors(layer, tmp_path / "m")
    assert layer.get_weights()[0].dtype == "float32"
    np.testing.assert_array_equal(layer.get_weights()[0], kernel)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_round_trip(tmp_path, dtype):
    first, second = make(dtype=dtype), make(dtype=dtype)
    second.set_weights([w * 0 for w in second.get_weights()])
    save_safetensors(first, tmp_path / "m")
    load_safetensors(second, tmp_path / "m")
    assert second.get_layer("inner").layers[0].kernel.dtype == dtype
    for a, b in zip(first.get_weights(), second.get_weights()):
        np.testing.assert_array_equal(jnp.float32(a), jnp.float32(b))


def test_a_mismatch_names_the_weights_and_changes_nothing(tmp_path):
    save_safetensors(make(), tmp_path / "m")
    other = make(units=6)
    before = other.get_weights()
    with pytest.raises(FileFormatError, match=r"(?s)m does not hold.*dense/kernel: \(4, 6\) in the model, \(4, 5\) in the file"):
        load_safetensors(other, tmp_path / "m")
    for a, b in zip(before, other.get_weights()):
        np.testing.assert_array_equal(a, b)
    with pytest.warns(UserWarning, match="dense/kernel"):
        load_safetensors(other, tmp_path / "m", skip_mismatch=True)
    np.testing.assert_array_equal(other.get_layer("inner").layers[1].kernel, make().get_layer("inner").layers[1].kernel)
    np.testing.assert_array_equal(other.get_weights()[4], before[4])


def test_missing_and_surplus_weights_are_named(tmp_path):
    model = jkeras.Sequential([layers.Input((2,)), layers.Dense(3)])
    library.save_file({"dense/kernel": np.zeros((2, 3), "f4"), "head/kernel": np.zeros((3,), "f4")}, tmp_path / "m")
    with pytest.raises(FileFormatError, match=r"(?s)dense/bias: .* none in the file.*head/kernel: .*none in the model"):
        load_safetensors(model, tmp_path / "m")


@pytest.mark.parametrize("dtype", ["int32", "bool", "complex64", "uint8"])
def test_other_kinds_of_numbers_are_refused(tmp_path, dtype):
    model = jkeras.Sequential([layers.Input((2,)), layers.Dense(3, use_bias=False)])
    library.save_file({"dense/kernel": np.zeros((2, 3), dtype)}, tmp_path / "m")
    with pytest.raises(FileFormatError, match="float32 in the model"):
        load_safetensors(model, tmp_path / "m")


ENTRY = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
DAMAGED = {
    "empty": b"",
    "text": b"not a safetensors file at all",
    "header beyond the file": struct.pack("<Q", 1000) + b"{}",
    "header of 2^60 bytes": struct.pack("<Q", 2**60) + b"{}",
    "no JSON": struct.pack("<Q", 2) + b"{]",
    "shape of 2^50": ({"dense/kernel": {**ENTRY, "shape": [2**50]}}, bytes(24)),
    "shape whose product wraps": ({"dense/kernel": {**ENTRY, "shape": [2**33, 2**33]}}, bytes(24)),
    "negative size": ({"dense/kernel": {**ENTRY, "shape": [-2, -3]}}, bytes(24)),
    "data missing": ({"dense/kernel": ENTRY}, bytes(8)),
    "data left over": ({"dense/kernel": ENTRY}, bytes(80)),
    "offsets backwards": ({"dense/kernel": {**ENTRY, "data_offsets": [24, 0]}}, bytes(24)),
    "overlap": ({"dense/kernel": ENTRY, "dense/bias": ENTRY}, bytes(24)),
    "unknown dtype": ({"dense/kernel": {**ENTRY, "dtype": "OBJECT"}}, bytes(24)),
}


@pytest.mark.parametrize("case", DAMAGED)
def test_damaged_files_are_refused(tmp_path, case):
    made, path = DAMAGED[case], tmp_path / "m"
    if isinstance(made, bytes):
        path.write_bytes(made)
    else:
        raw(path, *made)
    with pytest.raises(FileFormatError, match=str(path)):
        load_safetensors(jkeras.Sequential([layers.Input((2,)), layers.Dense(3, use_bias=False)]), path)


def test_overwrite_and_missing_files(tmp_path):
    model = make()
    (tmp_path / "m").write_bytes(b"old")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        save_safetensors(model, tmp_path / "m", overwrite=False)
    assert (tmp_path / "m").read_bytes() == b"old"
    with pytest.raises(FileNotFoundError, match="is not a file"):
        load_safetensors(model, tmp_path / "other")
    with pytest.raises(ValueError, match="build"):
        save_safetensors(jkeras.Sequential([layers.Dense(2)]), tmp_path / "m")


def test_without_the_package_the_error_says_what_to_install(tmp_path, monkeypatch):
    save_safetensors(make(), tmp_path / "m")
    monkeypatch.setitem(sys.modules, "safetensors", None)
    with pytest.raises(ImportError, match=r"pip install .*jkeras\[files\]"):
        load_safetensors(make(), tmp_path / "m")

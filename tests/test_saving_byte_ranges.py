"""Checksums in parts and arrays read by several threads equal zlib's and HDF5's, and damage is found before use."""

import itertools
import os
import sys
import zlib

import h5py
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras._base.errors import FileFormatError
from jkeras._safe_io import byte_range, parallel
from jkeras._safe_io.byte_range import ByteRange, Checksum, combined
from jkeras._safe_io.hdf5 import create_hdf5, open_hdf5, write_array
from jkeras._safe_io.parallel import read_parallel
from jkeras._safe_io.window import Window
from jkeras._safe_io.zip import open_zip

preadv = getattr(os, "preadv", None)
DATA = np.random.default_rng(0).bytes(100_003)


@pytest.fixture
def in_parts(monkeypatch):
    """Three threads, however small the file and the machine."""
    for module, least in ((byte_range, 7000), (parallel, 1)):
        monkeypatch.setattr(module, "THREADS", 3)
        monkeypatch.setattr(module, "_LEAST", least)
    monkeypatch.setattr(byte_range, "_IN_CACHE", 777)
    monkeypatch.setattr(byte_range, "_NOTED", 64)


@pytest.mark.parametrize("sizes", [(0, 0), (5, 0), (0, 5), (1, 1), (99_000, 1003), (7, 65_536)])
def test_checksums_of_neighbours_make_that_of_both(sizes):
    first, second = DATA[: sizes[0]], DATA[sizes[0] : sum(sizes)]
    assert combined(zlib.crc32(first), zlib.crc32(second), len(second)) == zlib.crc32(first + second)


@pytest.mark.parametrize(("start", "size"), [(0, 100_003), (17, 50_000), (3, 0), (5, 2)])
def test_a_checksum_in_parts(in_parts, tmp_path, start, size):
    (tmp_path / "f").write_bytes(DATA)
    with open(tmp_path / "f", "rb", buffering=0) as file:
        assert Checksum(ByteRange(file.fileno(), start, size)).result() == zlib.crc32(DATA[start : start + size])
        assert Window(file, start, size).checksum() == zlib.crc32(DATA[start : start + size])


@pytest.mark.parametrize(
    "reads",
    [
        [(0, 100_003)],
        [(5, 2000), (90_000, 10_003)],
        [(2005, 40_000), (5, 2000), (70_000, 5)],
        [(10, 5000), (10, 5000), (300, 100), (4000, 9000)],
    ],
    ids=["all", "with a rest", "neighbours in another order", "twice and over each other"],
)
def test_a_checksum_of_what_was_read(in_parts, tmp_path, monkeypatch, reads):
    (tmp_path / "f").write_bytes(b"x" * 9 + DATA)
    with open(tmp_path / "f", "rb", buffering=0) as file:
        whole = ByteRange(file.fileno(), 9, len(DATA))
        checksum = Checksum(whole)
        for offset, size in reads:
            buffer = bytearray(size)
            assert whole._replace(checksum=checksum).read_into(offset, buffer) == size
            assert buffer == DATA[offset : offset + size]
        again = []
        monkeypatch.setattr(Checksum, "_part", lambda self, a, b, found=0: again.append((a, b)) or part(self, a, b, found))
        assert checksum.result() == zlib.crc32(DATA)
    read_for_numbers = {i for offset, size in reads if size >= 64 for i in range(offset, offset + size)}
    read_again = {i for a, b in again for i in range(a, b)}
    assert read_again | read_for_numbers == set(range(len(DATA)))
    assert not read_again & read_for_numbers or len(reads) == 4


def test_the_checksums_of_both_libraries_agree(monkeypatch):
    found = byte_range.crc32()(DATA, 5)
    monkeypatch.setitem(sys.modules, "zlib_ng", None)
    assert byte_range.crc32.__wrapped__() is zlib.crc32
    assert found == zlib.crc32(DATA, 5)


def test_a_range_ends_where_it_or_the_file_ends(tmp_path):
    (tmp_path / "f").write_bytes(b"0123456789")
    with open(tmp_path / "f", "rb") as file:
        buffer = bytearray(6)
        assert ByteRange(file.fileno(), 2, 5).read_into(1, buffer) == 4
        assert buffer == b"3456\0\0"
        assert ByteRange(file.fileno(), 8, 50).read_into(0, buffer) == 2
        assert ByteRange(file.fileno(), 0, 5).read_into(9, buffer) == 0


part = Checksum._part


def stored(path):
    """A file with arrays of all kinds of layout, behind some other bytes; names of those that threads may read."""
    rng = np.random.default_rng(1)
    arrays = {
        **{kind: rng.normal(size=(5, 7)).astype(kind) for kind in ("float16", "float32", "float64")},
        **{kind: rng.integers(0, 100, (3, 2, 2)).astype(kind) for kind in ("int8", "uint16", "int64")},
        "bfloat16": np.asarray(jnp.asarray(rng.normal(size=(4, 3)), "bfloat16")),
        "scalar": np.float32(2.5),
    }
    arrays["bool"] = arrays["int8"] > 50
    direct = set(arrays)
    arrays |= {"big_endian": arrays["float32"].astype(">f4"), "empty": np.zeros((0, 3), "f4")}
    with open(path, "w+b", buffering=0) as file:
        file.write(b"x" * 13)
        with create_hdf5(Window(file, 13)) as root:
            for name, value in arrays.items():
                write_array(root, name, value)
            root.create_dataset("packed", data=arrays["float32"], compression="gzip")
            root.create_dataset("chunked", data=arrays["float32"], chunks=(2, 7))
    return {**arrays, "packed": arrays["float32"], "chunked": arrays["float32"]}, direct


def test_threads_read_what_hdf5_reads(in_parts, tmp_path):
    arrays, direct = stored(tmp_path / "f")
    with open(tmp_path / "f", "rb", buffering=0) as file:
        window = Window(file, 13, os.fstat(file.fileno()).st_size - 13)
        with open_hdf5(window, "f") as root:
            found = {name: root.array(name) for name in arrays}
            assert {name for name, array in found.items() if array.direct} == direct
            for (name, value), read in zip(arrays.items(), read_parallel(list(found.values())), strict=True):
                np.testing.assert_array_equal(read, value, err_msg=name)
                assert read.dtype == value.dtype.newbyteorder("="), name
                assert read.size == 0 or read.ctypes.data % 64 == 0, name


def test_an_address_that_hdf5_counts_otherwise_is_left_to_it(in_parts, tmp_path):
    with h5py.File(tmp_path / "f.h5", "w", userblock_size=512) as file:
        file["a"] = np.arange(5.0)
    with open_hdf5(tmp_path / "f.h5", "f") as root:
        array = root.array("a")
        assert not array.direct
        np.testing.assert_array_equal(next(read_parallel([array])), np.arange(5.0))


def test_a_file_that_shrinks_while_it_is_read_is_an_error(in_parts, tmp_path):
    with create_hdf5(tmp_path / "f") as root:
        root["a"] = np.arange(3000.0)
    with open_hdf5(tmp_path / "f", "my file") as root:
        array = root.array("a")
        os.truncate(tmp_path / "f", 9000)
        with pytest.raises(FileFormatError, match="my file: a: is cut off"):
            list(read_parallel([array]))


def models(path):
    model = jkeras.Sequential([jkeras.Input((40,)), jkeras.layers.Dense(50), jkeras.layers.Dense(3)])
    model.save(path)
    return model


@pytest.mark.parametrize("where", ["in an array", "in a list of names", "in the checksum"])
def test_a_damaged_archive_leaves_the_model_as_it_was(in_parts, tmp_path, where):
    model = models(tmp_path / "m.keras")
    data = bytearray((tmp_path / "m.keras").read_bytes())
    if where == "in an array":
        place = data.find(model.layers[0].kernel.numpy().tobytes()) + 4000
    elif where == "in a list of names":
        place = data.find(b"TREE")
    else:  # which comes before the name
        place = data.rfind(b"model.weights.h5") - 30
    data[place] ^= 1
    (tmp_path / "m.keras").write_bytes(data)
    before = model.get_weights()
    for load in (model.load_weights, jkeras.models.load_model):
        with pytest.raises(FileFormatError, match=r"model.weights.h5: is damaged: its checksum is another"):
            load(tmp_path / "m.keras")
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_who_does_not_ask_hears_of_damage_at_the_end(tmp_path):
    models(tmp_path / "m.keras")
    data = bytearray((tmp_path / "m.keras").read_bytes())
    data[data.find(b"TREE")] ^= 1
    (tmp_path / "m.keras").write_bytes(data)
    with (
        open(tmp_path / "m.keras", "rb", buffering=0) as file,
        open_zip(file, "m") as archive,
        pytest.raises(FileFormatError, match=r"m: model.weights.h5: is damaged: its checksum is another"),
        archive.open("model.weights.h5") as member,
    ):
        assert member.read(8) == b"\x89HDF\r\n\x1a\n"


def test_large_arrays_are_read_once(in_parts, tmp_path, monkeypatch):
    model = models(tmp_path / "m.keras")
    read = []
    monkeypatch.setattr(os, "preadv", lambda fd, buffers, at: read.append(sum(map(len, buffers))) or preadv(fd, buffers, at))
    model.load_weights(tmp_path / "m.keras")
    assert sum(read) < 1.1 * os.path.getsize(tmp_path / "m.keras")


def test_a_model_comes_back_from_files_read_in_parts(in_parts, tmp_path):
    model = models(tmp_path / "m.keras")
    model.save_weights(tmp_path / "w.weights.h5")
    again = jkeras.models.load_model(tmp_path / "m.keras")
    other = jkeras.models.clone_model(model)
    other.load_weights(tmp_path / "w.weights.h5")
    for a, b in itertools.product([model.get_weights()], [again.get_weights(), other.get_weights()]):
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))

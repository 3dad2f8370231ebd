"""The safe reader for HDF5 returns plain arrays of the expected shape, and follows nothing else in a file."""

import io
import os
import time
import tracemalloc

import h5py
import numpy as np
import pytest
from saving_io import read2, read3, write3

import jkeras
from jkeras._base.errors import FileFormatError, UnsafeFileError
from jkeras._safe_io.hdf5 import create_hdf5, open_hdf5, write_array, write_names


@pytest.fixture
def path(tmp_path):
    return tmp_path / "w.h5"


def found(path, name="a"):
    with open_hdf5(path, "the file") as root:
        array = root.array(name)
        return array.read(array.shape)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int32", "int64", "uint8", "bool", ">f4", ">i8"])
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3, 4)])
@pytest.mark.parametrize("options", [{}, {"compression": "gzip", "shuffle": True}, {"compression": "lzf", "fletcher32": True}])
def test_plain_arrays_of_all_numbers_are_read(dtype, shape, options, path):
    if options and not (shape and np.prod(shape)):
        options = {}
    array = np.random.default_rng(0).integers(0, 2, shape).astype(dtype)
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=array, **options)
    for source in (path, io.BytesIO(path.read_bytes())):
        read = found(source)
        np.testing.assert_array_equal(read, array)
        assert read.dtype == array.dtype.newbyteorder("=")


def test_bfloat16_is_kept(path):
    array = np.asarray(jkeras.ops.cast(np.array([1.5, -2.25]), "bfloat16"))
    with create_hdf5(path) as root:
        write_array(root, "a", array)
    assert found(path).dtype == "bfloat16"
    np.testing.assert_array_equal(found(path), array)


@pytest.mark.parametrize("libver", ["earliest", "latest"])
@pytest.mark.parametrize("userblock", [0, 512])
@pytest.mark.parametrize("ordered", [False, True])
def test_lists_of_texts_are_read_in_every_form_of_header(libver, userblock, ordered, path):
    with h5py.File(path, "w", libver=libver, userblock_size=userblock) as file:
        group = file.create_group("g", track_order=ordered)
        group.attrs["first"] = 1
        group.attrs["names"] = [b"a", b"bc", b"d" * 300]
        group.attrs["fixed"] = np.array([b"x", b"yz"])
        group.attrs["none"] = []
        group.attrs["text"] = "ü" * 70_000
    with open_hdf5(path, "f") as root:
        group = root.group("g")
        assert group.attribute("names") == ["a", "bc", "d" * 300]
        assert group.attribute("fixed") == ["x", "yz"]
        assert group.attribute("none") == []
        assert group.attribute("first") == 1
        assert group.attribute("text") == "ü" * 70_000
        assert group.attribute("missing", "default") == "default"


def test_long_lists_are_split_and_put_together(path):
    names = [f"{'n' * 500}{i}" for i in range(1000)]
    with create_hdf5(path) as root:
        write_names(root, "names", names)
        assert "names" not in root.attrs
    with open_hdf5(path, "f") as root:
        assert root.attribute("names") == names


def test_many_references_to_one_long_text_are_refused(path):
    """HDF5 would copy the text for each: 2,000 times 256 KiB from a file of half a megabyte."""
    text, count = b"x" * (256 << 10), 2000
    with h5py.File(path, "w") as file:
        file.create_group("g").attrs["names"] = [text, *[b"y"] * (count - 1)]
    content = bytearray(path.read_bytes())
    reference = next(
        content[i : i + 16] for i in range(0, len(content) - 16, 8) if content[i : i + 4] == len(text).to_bytes(4, "little")
    )
    start = content.index(reference)
    content[start : start + 16 * count] = reference * count
    path.write_bytes(content)
    tracemalloc.start()
    with open_hdf5(path, "f") as root, pytest.raises(UnsafeFileError, match="names"):
        root.group("g").attribute("names")
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()


def _large_pieces(file):
    options = {"maxshape": (None,), "chunks": (1 << 28,), "compression": "gzip"}
    file.create_dataset("a", (3,), "f4", **options).id.write_direct_chunk((0,), b"x" * 100)


STRANGE = {
    "text": lambda file: file.create_dataset("a", data="text", dtype=h5py.string_dtype()),
    "vlen": lambda file: file.create_dataset("a", (2,), dtype=h5py.vlen_dtype("f4")),
    "reference": lambda file: file.create_dataset("a", (2,), dtype=h5py.ref_dtype),
    "compound": lambda file: file.create_dataset("a", data=np.zeros(2, [("x", "f4"), ("y", "f4")])),
    "complex": lambda file: file.create_dataset("a", data=np.zeros(2, "c8")),
    "long double": lambda file: file.create_dataset("a", data=np.zeros(2, np.longdouble)),
    "named type": lambda file: file.__setitem__("a", np.dtype("f4")),
    "no shape": lambda file: file.__setitem__("a", h5py.Empty("f4")),
    "unknown filter": lambda file: file.create_dataset("a", data=np.arange(100), scaleoffset=0),
    "never written": lambda file: file.create_dataset("a", (2, 3), "f4"),
    "large pieces": _large_pieces,
    "group": lambda file: file.create_group("a"),
}


@pytest.mark.parametrize("kind", STRANGE)
def test_what_is_no_plain_array_is_refused(kind, path):
    with h5py.File(path, "w") as file:
        STRANGE[kind](file)
    with pytest.raises(FileFormatError, match="the file: a"):
        found(path)


@pytest.mark.parametrize("name", ["", "/a", "a/", "a//b", ".", "..", "g/../a", "a\0b", "a/b"])
def test_odd_names_lead_nowhere(name, path):
    with h5py.File(path, "w") as file:
        file["a"] = np.zeros(2)
        file.create_group("g")
    with open_hdf5(path, "f") as root, pytest.raises(FileFormatError):
        root.array(name)


@pytest.mark.parametrize("link", [h5py.SoftLink("/real"), h5py.ExternalLink("other.h5", "/")])
def test_a_link_in_the_middle_of_a_path_is_refused(link, path):
    with h5py.File(path, "w") as file:
        file["real/b"] = np.zeros(2)
        file.create_group("g")["a"] = link
    with open_hdf5(path, "f") as root:
        for ask in (root.array, root.group):
            with pytest.raises(UnsafeFileError, match=r"f: g/a: is a link"):
                ask("g/a/b")


def test_another_shape_is_refused_before_anything_is_read(path):
    with h5py.File(path, "w") as file:
        file["a"] = np.zeros((4, 3), "f4")
    with open_hdf5(path, "f") as root, pytest.raises(FileFormatError, match=r"f: a: has shape \(4, 3\), but \(3, 4\)"):
        root.array("a").read((3, 4))
    with open_hdf5(path, "f") as root, pytest.raises(FileFormatError, match="float32"):
        root.array("a").read((4, 3), "int32")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.999])
def test_a_file_that_was_cut_short_is_refused(part, path):
    write3(path, jkeras.Sequential([jkeras.Input(shape=(30,)), jkeras.layers.Dense(40)]))
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    model = jkeras.Sequential([jkeras.Input(shape=(30,)), jkeras.layers.Dense(40)])
    with pytest.raises(FileFormatError, match=r"w\.h5"):
        read3(path, model)


def test_an_array_that_claims_the_first_byte_of_the_file_is_refused(tmp_path):
    path, model = tmp_path / "w.weights.h5", jkeras.Sequential([jkeras.Input((30,)), jkeras.layers.Dense(40, name="a")])
    model.save_weights(path)
    with h5py.File(path) as file:
        kernel = file["layers/dense/vars/0"].id
        stored = kernel.get_offset().to_bytes(8, "little") + kernel.get_storage_size().to_bytes(8, "little")
    data = path.read_bytes()
    assert data.count(stored) == 1
    path.write_bytes(data.replace(stored, bytes(8) + stored[8:]))
    with pytest.raises(FileFormatError, match="damaged"):
        model.load_weights(path)


def test_a_missing_file_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError), open_hdf5(tmp_path / "none.h5", "none"):
        pass


def test_no_handle_stays_open(path):
    write3(path, jkeras.Sequential([jkeras.Input(shape=(3,)), jkeras.layers.Dense(4)]))
    other = jkeras.Sequential([jkeras.Input(shape=(3,)), jkeras.layers.Dense(5)])
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(FileFormatError):
            read3(path, other)
    assert len(os.listdir("/proc/self/fd")) == before


# a file against a model ---------------------------------------------------------------------------------------------


def refused_quickly(read, path, model):
    """Whether a load fails in a second, with 50 MB, and without a weight being made."""
    start = time.process_time()  # not while tracing memory, which makes it several times slower
    with pytest.raises(UnsafeFileError):
        read(path, model)
    assert time.process_time() - start < 1
    tracemalloc.start()
    with pytest.raises(UnsafeFileError) as error:
        read(path, model)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
    assert all(box._value is None for box in model.weights)
    return str(error.value)


def wide(units):
    return jkeras.Sequential([jkeras.Input(shape=(1000,)), jkeras.layers.Dense(units, use_bias=False, name="wide")])


def test_a_small_file_cannot_fill_a_huge_model(path):
    """The config of the model may come from the same file: both claim a kernel of 400 MB."""
    with h5py.File(path, "w") as file:
        file.create_dataset("layers/dense/vars/0", (1000, 100_000), "f4", compression="gzip", chunks=(1000, 10))[:, :10] = 1
    assert "bytes" in refused_quickly(read3, path, wide(100_000))


def test_one_array_under_many_names_cannot_fill_a_huge_model(path):
    def make():
        layers = [jkeras.layers.Dense(1000, use_bias=False, name=f"d{i}") for i in range(500)]
        return jkeras.Sequential([jkeras.Input(shape=(1000,)), *layers])

    with h5py.File(path, "w") as file:
        first = file.create_dataset("first", data=np.zeros((1000, 1000), "f4"))
        file.attrs["layer_names"] = np.array([b"d%d" % i for i in range(500)])
        for i in range(500):
            group = file.create_group(f"d{i}")
            group["k"] = first
            group.attrs["weight_names"] = np.array([b"k"])
            file[f"layers/dense_{i}/vars/0" if i else "layers/dense/vars/0"] = first
    refused_quickly(read2, path, make())
    refused_quickly(read3, path, make())


def test_a_huge_array_for_a_small_model_is_never_read(path):
    with h5py.File(path, "w") as file:
        data = file.create_dataset("layers/dense/vars/0", (1 << 28,), "f4", compression="gzip")
        data[:1000] = 1
    model = wide(3)
    tracemalloc.start()
    with pytest.raises(FileFormatError):
        read3(path, model)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()

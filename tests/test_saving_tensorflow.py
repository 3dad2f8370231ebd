"""SavedModels and checkpoints that tf_keras wrote (`golden/make_tensorflow_files.py`), read without TensorFlow."""

import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
from saving_models import MODELS, OF_ONES_OWN, build, data, losses, predict

import jkeras
from jkeras._base.config import settings
from jkeras._base.errors import FileFormatError, UnsafeFileError
from jkeras._safe_io.protobuf import Message
from jkeras._safe_io.tensor_bundle import open_bundle
from jkeras.compat.restored import Restored
from jkeras.compat.standin.checkpoints import Checkpoint, latest_checkpoint
from jkeras.saving.object_graph import ObjectGraph

GOLDEN = Path(__file__).parent / "golden" / "tf_files"
EXPECTED = np.load(GOLDEN / "expected.npz")
OPTIMIZERS = {
    "nested": lambda: jkeras.optimizers.Adam(0.01),
    "branches": lambda: jkeras.optimizers.RMSprop(0.01, momentum=0.5),
}
WHOLE = ["dense", "nested", "recurrent", "branches"]
WEIGHTS = [*(f"{name}_weights" for name in ("branches", "nested", "recurrent", "attention", "convolution")), "branches", "nested"]


def whole(title):
    """The model of a golden folder."""
    return jkeras.models.load_model(GOLDEN / title, custom_objects={"Branches": type(OF_ONES_OWN["branches"](jkeras))})


def filled(title):
    """A model with the weights of a golden file."""
    name = title.removesuffix("_weights")
    model = (MODELS | OF_ONES_OWN)[name](jkeras)
    if name in OPTIMIZERS:
        model.compile(OPTIMIZERS[name](), "mse")
    model.load_weights(GOLDEN / title)
    return model


def assert_same(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def assert_as_written(model, title):
    """The model predicts as tf_keras' did, and its training goes on with the same losses."""
    x, y = data(title.removesuffix("_weights"), rows=4)
    wanted = [EXPECTED[name] for name in sorted(EXPECTED.files) if name.startswith(f"{title}/y")]
    for found, expected in zip(predict(model, x), wanted, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    if f"{title}/losses" in EXPECTED.files:
        np.testing.assert_allclose(losses(model, x, y, epochs=3), EXPECTED[f"{title}/losses"], rtol=1e-5)


def test_a_model_is_compiled_and_its_training_goes_on():
    assert_as_written(whole("dense"), "dense")


@pytest.mark.slow
@pytest.mark.parametrize("title", [*WHOLE[1:], *WEIGHTS])
def test_outputs_and_losses(title):
    assert_as_written(whole(title) if title in WHOLE else filled(title), title)


@pytest.mark.parametrize("title", ["recurrent_weights", "attention_weights", "convolution_weights", "recurrent"])
def test_weights(title):
    model, rng = whole(title) if title in WHOLE else filled(title), np.random.default_rng(11)
    drawn = [np.abs(rng.normal(size=v.shape)).astype(v.dtype) + 0.05 for v in model.weights]  # as `fill` draws them
    assert_same(model.get_weights(), drawn)


@pytest.mark.parametrize("name", ["nested", "branches"])
def test_models_and_weights_agree_also_in_the_optimizer(name):
    model, other = whole(name), filled(f"{name}_weights")
    assert_same(model.get_weights(), other.get_weights())
    assert int(model.optimizer.iterations) == 4
    leaves = jax.tree.leaves(model.optimizer.state)
    assert_same(leaves, jax.tree.leaves(other.optimizer.state))
    assert sum(np.abs(leaf).max() > 0 for leaf in leaves) > 10


def test_notes_where_tensorflow_2_4_put_them():
    assert_same(whole("dense_24").get_weights(), whole("dense").get_weights())


@pytest.mark.parametrize(
    ("name", "title", "message"),
    [
        ("dense", "recurrent_weights", r"has 3 layers with weights.*the file has 7"),
        ("attention", "branches_weights", r"the file has 0.*nothing for what the file has at stem"),
        ("branches", "dense", r"has weight 'scale' \(3,\); the file has nothing at scale"),
        ("dense", "branches", r"has nothing for what the file has at sides"),
    ],
)
def test_a_file_of_another_model_changes_nothing(name, title, message):
    model = (MODELS | OF_ONES_OWN)[name](jkeras)
    before = model.get_weights()
    with pytest.raises(FileFormatError, match=f"(?s){message}"):
        model.load_weights(GOLDEN / title)
    assert_same(model.get_weights(), before)


def test_other_shapes_are_named_and_may_be_skipped():
    model = jkeras.Sequential(
        [jkeras.Input((4,)), jkeras.layers.Dense(5), jkeras.layers.BatchNormalization(), jkeras.layers.Dense(2)]
    )
    with pytest.raises(
        FileFormatError, match=r"'kernel' has shape \(5, 2\); the file has \(5, 3\) at layer_with_weights-2/kernel/"
    ):
        model.load_weights(GOLDEN / "dense")
    with pytest.warns(UserWarning, match="do not fit"):
        model.load_weights(GOLDEN / "dense", skip_mismatch=True)
    np.testing.assert_array_equal(model.get_weights()[0], jkeras.models.load_model(GOLDEN / "dense").get_weights()[0])


def test_errors_say_what_to_write(tmp_path):
    with pytest.raises(FileFormatError, match=r"(?s)Unknown class.*Branches.*load_weights"):
        jkeras.models.load_model(GOLDEN / "branches")
    with pytest.raises(FileFormatError, match="holds weights, but no architecture"):
        jkeras.models.load_model(GOLDEN / "branches_weights")
    with pytest.raises(FileFormatError, match=r"folder of TensorFlow's checkpoints(?s:.*)attention_weights"):
        MODELS["dense"](jkeras).load_weights(GOLDEN)
    shutil.copytree(GOLDEN / "dense", tmp_path / "m")
    (tmp_path / "m" / "keras_metadata.pb").unlink()
    with pytest.raises(FileFormatError, match="SavedModel without a model of Keras"):
        jkeras.models.load_model(tmp_path / "m")
    with open(GOLDEN / "branches_weights.index", "rb") as file, pytest.raises(FileFormatError, match="Give its path"):
        MODELS["dense"](jkeras).load_weights(file)


def test_damaged_files_are_refused(tmp_path):
    """Every byte of the index counts; each damage is refused, or changes a name that nobody asks for."""
    prefix = tmp_path / "w"
    shutil.copy(GOLDEN / "branches_weights.data-00000-of-00001", f"{prefix}.data-00000-of-00001")
    whole, model = (GOLDEN / "branches_weights.index").read_bytes(), OF_ONES_OWN["branches"](jkeras)
    rng, refused = np.random.default_rng(0), 0
    for i in range(100):
        data = bytearray(whole)
        for at in rng.integers(0, len(data), 1 + i % 3):
            data[at] = rng.integers(0, 256)
        Path(f"{prefix}.index").write_bytes(data if i % 4 else whole[: rng.integers(0, len(whole))] + whole[-48 * (i % 8 > 0) :])
        try:
            model.load_weights(prefix)
        except FileFormatError:
            refused += 1
    assert refused > 50
    Path(f"{prefix}.index").write_bytes(whole)
    Path(f"{prefix}.data-00000-of-00001").write_bytes(b"short")
    with pytest.raises(FileFormatError, match="cut short"):
        model.load_weights(prefix)


def test_messages_of_any_bytes_end_in_an_error_or_a_message():
    rng = np.random.default_rng(1)
    for size in range(300):
        try:
            message = Message(memoryview(rng.bytes(size % 40)), "a file")
            for field in range(4):
                message.number(field), message.text(field), message.parts(field)
        except FileFormatError:
            continue


def packed(field, value):
    """A field of a message: a number, or else bytes."""
    if isinstance(value, int):
        return varint(field << 3) + varint(value)
    return varint(field << 3 | 2) + varint(len(value)) + value


def varint(value):
    return bytes([value & 127 | 128]) + varint(value >> 7) if value > 127 else bytes([value])


def write_table(path, values, before=b""):
    """A table with a block of values by key; `before` are entries of the block that lists it."""
    end = bytes(4) + (1).to_bytes(4, "little")
    block = b"".join(varint(0) + varint(len(k)) + varint(len(v)) + k + v for k, v in sorted(values.items())) + end
    handle = varint(0) + varint(len(block))
    listed = before + bytes([0, 1, len(handle)]) + b"x" + handle + end
    handles = bytes(2) + varint(len(block) + 5) + varint(len(listed))
    magic = 0xDB4775248B80FB57.to_bytes(8, "little")
    path.write_bytes(block + bytes(5) + listed + bytes(5) + handles.ljust(40, b"\0") + magic)


def write_bundle(prefix, tree):
    """A checkpoint of a nest of dicts, float arrays, and bytes for variables of texts."""
    nodes, entries, data = [], {b"": packed(1, 1)}, []

    def write(key, kind, shape, numbers):
        sizes = b"".join(packed(2, packed(1, size)) for size in shape)
        entries[key] = packed(1, kind) + packed(2, sizes) + packed(4, sum(map(len, data))) + packed(5, len(numbers))
        data.append(numbers)

    def add(value, path):
        at = len(nodes)
        nodes.append(b"")
        if isinstance(value, dict):
            below = {name: add(part, f"{path}/{name[:9]}") for name, part in value.items()}
            nodes[at] = b"".join(packed(1, packed(1, n) + packed(2, name.encode())) for name, n in below.items())
        else:
            text = isinstance(value, bytes)
            write(path.encode(), 7 if text else 1, () if text else value.shape, value if text else value.tobytes())
            nodes[at] = packed(2, packed(1, b"VARIABLE_VALUE") + packed(3, path.encode()))
        return at

    add(tree, "")
    graph = b"".join(packed(1, node) for node in nodes)
    write(b"_CHECKPOINTABLE_OBJECT_GRAPH", 7, (), varint(len(graph)) + bytes(4) + graph)
    Path(f"{prefix}.data-00000-of-00001").write_bytes(b"".join(data))
    write_table(Path(f"{prefix}.index"), entries)


class Held(jkeras.Model):
    """A model with the attribute `net` and a private one."""

    def __init__(self):
        super().__init__()
        self.net, self._b = jkeras.Sequential([jkeras.layers.Dense(2)]), jkeras.layers.Dense(1, use_bias=False)

    def call(self, x):
        return self._b(self.net(x))

    @property
    def extra(self):
        """Is run by no file."""
        raise RuntimeError


W = np.arange(12, dtype="float32")
HELD = {"net": {"layer_with_weights-0": {"kernel": W[:6].reshape(3, 2), "bias": W[6:8]}}, "_b": {"kernel": W[8:10, None]}}


@pytest.mark.parametrize(
    ("tree", "message"),
    [
        (HELD, None),
        ({"model": HELD}, None),
        ({"net": HELD, "save_counter": {}}, None),
        ({**HELD, "save_counter": {}}, None),
        ({**HELD, "extra": {"0" * 5000: b"", "text": b"words"}}, None),
        ({**HELD, "_c": {"kernel": W}}, "nothing for what the file has at _c"),
        ({**HELD, "extra": {"kernel": W}}, "nothing for what the file has at extra"),
    ],
)
def test_the_model_is_found_and_all_that_is_left_over(tree, message, tmp_path):
    model = Held()
    model(np.ones((1, 3), "float32"))
    write_bundle(tmp_path / "w", tree)
    if message is None:
        model.load_weights(tmp_path / "w")
        np.testing.assert_array_equal(np.concatenate([w.ravel() for w in model.get_weights()]), W[:10])
    else:
        with pytest.raises(FileFormatError, match=message):
            model.load_weights(tmp_path / "w")


def test_lists_have_numbers_of_few_digits_and_kinds_are_known_without_arrays(tmp_path):
    write_bundle(tmp_path / "w", {"1": W, "0": b"words", "9" * 5000: b""})
    with open_bundle(tmp_path / "w", "w") as bundle:
        graph = ObjectGraph(bundle)
        assert [graph.kind(n) for n in (0, *graph.listed(0))] == ["", "", "f"]


def test_keys_of_the_list_of_blocks_count_too(tmp_path):
    long = 1 << 20
    first = bytes([0]) + varint(long) + bytes([2]) + bytes(long) + bytes([0, 8])
    again = (varint(long) + bytes([0, 2]) + bytes([0, 8])) * 70
    write_table(tmp_path / "w.index", {}, first + again)
    with pytest.raises(UnsafeFileError, match="more arrays"), open_bundle(tmp_path / "w", "w"):
        pass


def test_a_bundle_of_many_files_or_of_another_type_is_refused(tmp_path):
    def write(header, entry):
        write_table(tmp_path / "w.index", {b"": header, b"w": entry})

    (tmp_path / "w.data-00000-of-00001").write_bytes(bytes(8))
    size = b"\x12\x04\x12\x02\x08\x02"  # of shape (2,)
    write(b"\x08\x01", b"\x08\x01" + size + b"\x28\x08")
    with open_bundle(tmp_path / "w", "w") as bundle:
        np.testing.assert_array_equal(bundle.array("w").read((2,)), np.zeros(2))
    for header, entry, error in (
        (b"\x08\xff\x7f", b"", UnsafeFileError),
        (b"\x08\x01\x10\x01", b"", FileFormatError),
        (b"\x08\x01", b"\x08\x08" + size + b"\x28\x10", FileFormatError),  # complex numbers
        (b"\x08\x01", b"\x08\x01" + size + b"\x28\x09", FileFormatError),  # another size than the shape says
        (b"\x08\x01", b"\x08\x01" + size + b"\x28\x08\x20\x01", FileFormatError),  # beyond the end of the file
        (b"\x08\x01", b"\x08\x01" + size + b"\x28\x08\x18\x01", FileFormatError),  # in a file that there is not
        (b"\x08\x01", b"\x08\x01" + b"\x12\x00" * 1 + b"\x3a\x00", FileFormatError),  # in slices
    ):
        write(header, entry)
        with pytest.raises(error), open_bundle(tmp_path / "w", "w") as bundle:
            bundle.array("w")


def test_old_scripts_load_the_newest_checkpoint_of_tensorflow(tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "keras2_files", True)
    monkeypatch.setattr(settings, "restored", Restored())
    for file in GOLDEN.glob("nested_weights.*"):
        shutil.copy(file, tmp_path / file.name)
    lines = ('model_checkpoint_path: "nested_weights"', 'all_model_checkpoint_paths: "gone"')
    (tmp_path / "checkpoint").write_text("\n".join((*lines, f"all_{lines[0].replace('path:', 'paths:')}")))
    newest = latest_checkpoint(tmp_path)
    assert newest == str(tmp_path / "nested_weights")
    model = MODELS["nested"](jkeras)
    model.load_weights(newest).expect_partial()
    np.testing.assert_array_equal(model.get_weights()[0], jkeras.models.load_model(GOLDEN / "nested").get_weights()[0])
    with pytest.raises(FileNotFoundError, match=r"model\.load_weights"):
        Checkpoint(model=model).restore(newest)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dense", "convolution", "attention", "embedding", "shared_across", "branches"])
def test_todays_tf_keras(name, tmp_path):
    tf_keras = pytest.importorskip("tf_keras")
    theirs = build(tf_keras, name, seed=3)
    x, _ = data(name)
    wanted = predict(theirs, x)  # a subclass has to have been called before it is saved
    theirs.save_weights(tmp_path / "w", save_format="tf")
    theirs.save(tmp_path / "m", save_format="tf")
    for path in ("w", "m"):
        ours = build(jkeras, name, seed=4)
        ours.load_weights(tmp_path / path)
        for found, expected in zip(predict(ours, x), wanted, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)

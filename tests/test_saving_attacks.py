"""Attack files: made here, inert; each is refused at once, before anything is imported, run, opened or allocated.

The rows follow the published vulnerabilities of Keras' loaders. If an attack worked, only the audit hooks of `guarded` would
show it, or the file would read a canary file next to it.
"""

import base64
import copy
import json
import marshal
import os
import struct
import zipfile

import h5py
import numpy as np
import pytest
from guarded import guarded

import jkeras
from jkeras import layers
from jkeras._base.errors import FileFormatError, UnsafeFileError

MB = 1 << 20


@pytest.fixture(scope="module", autouse=True)
def all_is_loaded():
    """What the library loads when one of its own names is asked for, which is no doing of a file."""
    for place in (layers, jkeras.utils, jkeras.callbacks, jkeras.quantizers, jkeras.distillation):
        for name in dir(place):
            getattr(place, name)


def small_model():
    jkeras.utils.clear_session()
    jkeras.utils.set_random_seed(0)
    x = layers.Input((4,), name="x")
    h = layers.Dense(3, activation="relu", name="hidden")(x)
    model = jkeras.Model(x, layers.Dense(2, name="out")(h), name="small")
    model.compile("adam", "mse")
    return model


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    """Valid files of every format, by suffix, and what a warm loader has loaded."""
    folder = tmp_path_factory.mktemp("valid")
    model = small_model()
    model.fit(np.ones((4, 4), "float32"), np.ones((4, 2), "float32"), verbose=0)
    paths = {suffix: folder / f"m{suffix}" for suffix in (".keras", ".h5", ".weights.h5", ".weights.json")}
    model.save(paths[".keras"])
    model.save(paths[".h5"])
    model.save_weights(paths[".weights.h5"])
    model.save_weights(paths[".weights.json"])
    for suffix in (".keras", ".h5"):
        jkeras.models.load_model(paths[suffix])
    for suffix in (".weights.h5", ".weights.json"):
        model.load_weights(paths[suffix])
    with pytest.raises(FileFormatError):
        jkeras.models.load_model(paths[".weights.h5"])
    return paths


@pytest.fixture
def forge(valid, tmp_path):
    """Makes a file out of the valid one: another config, other members, another HDF5 content."""

    class Forge:
        folder = tmp_path
        config = json.loads(zipfile.ZipFile(valid[".keras"]).read("config.json"))

        def keras(self, change=None, hdf5=None, members=None, raw=None):
            """A `.keras` file: `change(config)`, `hdf5(file)`, further members `{name: bytes}`, or the raw text of the config."""
            source = zipfile.ZipFile(valid[".keras"])
            config = copy.deepcopy(self.config)
            if change is not None:
                config = change(config) or config
            (tmp_path / "w.h5").write_bytes(source.read("model.weights.h5"))
            if hdf5 is not None:
                with h5py.File(tmp_path / "w.h5", "r+") as file:
                    hdf5(file)
            path = tmp_path / "evil.keras"
            with zipfile.ZipFile(path, "w") as target:
                target.writestr("metadata.json", source.read("metadata.json"))
                target.writestr("config.json", raw if raw is not None else json.dumps(config))
                target.writestr("model.weights.h5", (tmp_path / "w.h5").read_bytes())
                for name, data in (members or {}).items():
                    target.writestr(name, data, zipfile.ZIP_DEFLATED)
            return path

        def h5(self, change=None, hdf5=None, suffix=".h5"):
            """An HDF5 file: `change(config)` on the config of a whole model, `hdf5(file)`."""
            path = tmp_path / f"evil{suffix}"
            path.write_bytes(valid[suffix].read_bytes())
            with h5py.File(path, "r+") as file:
                if change is not None:
                    config = json.loads(file.attrs["model_config"])
                    file.attrs["model_config"] = json.dumps(change(config) or config)
                if hdf5 is not None:
                    hdf5(file)
            return path

    return Forge()


def refused(call, match, kind=(FileFormatError, ValueError, TypeError), own=()):
    """The call raises, in less than a second and 50 MB, and touches nothing but its own files."""
    with guarded() as guard, pytest.raises(kind, match=match or None):
        call()
    assert not guard.events
    assert {os.path.basename(p) for p in guard.opened} <= {"evil.keras", "evil.h5", "evil.weights.h5", *own}
    assert guard.seconds < 1
    assert guard.grown < 50 * MB


def load(path, **options):
    return lambda: jkeras.models.load_model(path, **options)


def load_weights(path, model=None):
    model = model or small_model()
    model.get_weights()  # draws the weights before anything is measured
    return lambda: model.load_weights(path)


# code in configs ----------------------------------------------------------------------------------

CODE = marshal.dumps((lambda x: __import__("os").system("true")).__code__)
BYTECODE = base64.b64encode(CODE).decode()
LAMBDA = {"class_name": "__lambda__", "config": {"code": BYTECODE, "defaults": None, "closure": None}}


def entry(config, /, **changes):
    """The first Dense of a config, changed."""
    layer = next(item for item in config["config"]["layers"] if item["class_name"] == "Dense")
    layer.update(changes)
    return layer


def lambda_entry(function, **extra):
    config = {"name": "evil", "trainable": True, "dtype": "float32", "function": function, "arguments": {}, **extra}
    return {"module": "keras.layers", "class_name": "Lambda", "config": config, "registered_name": None}


BYTECODE_FORMS = {
    "keras 3": LAMBDA,
    "list of keras 2": [BYTECODE, None, None],
    "text": BYTECODE,
    "without config": {"class_name": "__lambda__"},
}


@pytest.mark.parametrize("safe_mode", [True, False])
@pytest.mark.parametrize("form", BYTECODE_FORMS)
def test_bytecode_of_a_lambda(forge, form, safe_mode):
    evil = lambda_entry(BYTECODE_FORMS[form], function_type="lambda", output_shape_type="raw")
    for path in (forge.keras(lambda c: entry(c, **evil) and None), forge.h5(lambda c: entry(c, **evil) and None)):
        refused(load(path, safe_mode=safe_mode), "(?i)lambda|bytecode|function|code")


@pytest.mark.parametrize("form", BYTECODE_FORMS)
def test_bytecode_of_a_lambda_by_the_ways_without_a_file(form):
    config = lambda_entry(BYTECODE_FORMS[form])
    refused(lambda: layers.Lambda.from_config(config["config"]), "(?i)lambda|bytecode|function|code")
    refused(lambda: jkeras.saving.deserialize_keras_object(config), "(?i)lambda|bytecode|function|code")
    refused(lambda: layers.deserialize(config), "(?i)lambda|bytecode|function|code")
    bare = {key: value for key, value in config.items() if key != "module"}
    refused(lambda: layers.deserialize(bare), "(?i)lambda|bytecode|function|code")
    sequential = {"name": "s", "layers": [{"class_name": "InputLayer", "config": {"batch_shape": [None, 2]}}, bare]}
    refused(lambda: jkeras.Sequential.from_config(sequential), "(?i)lambda|bytecode|function|code")


CALLABLES = [
    *[("os", "system"), ("subprocess", "Popen"), ("builtins", "eval"), ("builtins", "exec"), ("importlib", "import_module")],
    *[("jkeras.utils", "get_file"), ("keras.utils", "get_file"), ("keras.models", "load_model"), ("keras.saving", "load_model")],
    *[("keras.config", "enable_unsafe_deserialization"), ("keras.models", "save_model"), ("keras.utils", "save_img")],
    *[("keras.saving", "deserialize_keras_object"), ("keras.saving", "register_keras_serializable")],
    *[("keras.utils", "image_dataset_from_directory"), ("keras.models", "model_from_json"), ("keras.utils", "clear_session")],
    *[("keras.utils", "set_random_seed"), ("keras.src.utils.file_utils", "get_file"), ("keras.datasets.mnist", "load_data")],
]


@pytest.mark.parametrize(("module", "name"), CALLABLES)
@pytest.mark.parametrize("place", ["config", "registered_name", "class_name"])
def test_a_function_in_the_place_of_a_layer(forge, module, name, place):
    forms = {
        "config": {"module": module, "class_name": "function", "config": name, "registered_name": "function"},
        "registered_name": {"module": module, "class_name": "function", "config": name, "registered_name": name},
        "class_name": {"module": module, "class_name": name, "config": {}, "registered_name": None},
    }
    call = {"args": ["touch /tmp/canary"], "kwargs": {}}
    path = forge.keras(lambda c: entry(c, **forms[place], inbound_nodes=[call]) and None)
    refused(load(path), name.split(".")[-1] + "|function")


@pytest.mark.parametrize(("module", "name"), CALLABLES)
def test_a_function_in_the_place_of_an_activation(forge, module, name):
    function = {"module": module, "class_name": "function", "config": name, "registered_name": name}
    refused(load(forge.keras(lambda c: entry(c)["config"].update(activation=function))), name)


@pytest.mark.parametrize(("module", "name"), [("keras.utils", "get_file"), ("os", "system"), ("keras.models", "load_model")])
def test_a_function_for_a_lambda(forge, module, name):
    function = {"module": module, "class_name": "function", "config": name, "registered_name": name}
    refused(load(forge.keras(lambda c: entry(c, **lambda_entry(function)) and None)), f"{name}|Lambda")


@pytest.mark.parametrize("registered", ["builtins.eval", "subprocess.Popen", "Custom>Evil", "keras.layers>Conv2D", "Conv2D"])
def test_a_built_in_class_under_another_registered_name(forge, registered):
    refused(load(forge.keras(lambda c: entry(c, registered_name=registered) and None)), "(?i)registered")


@pytest.mark.parametrize(
    "name", ["TorchModuleWrapper", "TFSMLayer", "StringLookup", "IntegerLookup", "TextVectorization", "JaxLayer", "FlaxLayer"]
)
@pytest.mark.parametrize("value", ["/etc/passwd", "file:///etc/passwd", "http://localhost:1/x", "canary.txt"])
def test_layers_that_read_files_or_pickles(forge, name, value):
    config = {"name": "evil", "module": value, "filepath": value, "vocabulary": value, "call_endpoint": "serve"}
    evil = {"module": "keras.layers", "class_name": name, "config": config, "registered_name": None}
    refused(load(forge.keras(lambda c: entry(c, **evil) and None)), name)


# configs of the wrong form or size ----------------------------------------------------------------

WRONG = [
    *[[], "text", 3, None, {}, {"class_name": []}, {"class_name": {}}, {"class_name": "Dense"}, {"class_name": "Functional"}],
    *[{"class_name": "Functional", "config": []}, {"class_name": "Sequential", "config": 3}, {"class_name": None, "config": {}}],
]


@pytest.mark.parametrize("config", WRONG, ids=repr)
def test_a_config_that_is_none(forge, config):
    refused(load(forge.keras(raw=json.dumps(config))), "", (FileFormatError, ValueError, TypeError))


@pytest.mark.parametrize(
    "changes",
    [{"units": [3]}, {"units": "3"}, {"units": {"a": 1}}, {"units": -3}, {"units": 2.5}, {"activation": [1]}, {"activation": {}},
     {"kernel_initializer": []}, {"kernel_initializer": {"class_name": "Dense", "config": {"units": 1}}}, {"dtype": [1]},
     {"dtype": {"class_name": "__typespec__", "spec_name": 1}}, {"name": []}, {"name": "../x"}, {"name": "a/../../b"}],
    ids=str,
)  # fmt: skip
def test_arguments_of_the_wrong_type(forge, changes):
    refused(load(forge.keras(lambda c: entry(c)["config"].update(changes))), "")


@pytest.mark.parametrize(
    ("raw", "match"),
    [
        ("[" * 50_000 + "]" * 50_000, "deep"),
        ('{"a":' * 50_000 + "1" + "}" * 50_000, "deep"),
        ('{"class_name": "Functional", "class_name": "Sequential", "config": {}}', "twice|key"),
        ('{"class_name": "Functional", "config": {"name": NaN}}', "NaN"),
        ('{"class_name": "Functional", "config": {"name": 1e999}}', ""),
        (" " * (33 * MB) + "{}", "bytes"),
        ("{", "JSON"),
        ("\xff\xfe", ""),
        ("[" + "1," * 9_000_000 + "1]", ""),
    ],
    ids=range(9),
)
def test_json_that_no_writer_of_models_writes(forge, raw, match):
    refused(load(forge.keras(raw=raw)), match, FileFormatError)


@pytest.mark.parametrize("units", [10**8, 2**31, 2**40, 2**62, 2**70])
def test_a_config_of_giant_layers(forge, units):
    for path in (
        forge.keras(lambda c: entry(c)["config"].update(units=units)),
        forge.h5(lambda c: entry(c)["config"].update(units=units)),
    ):
        refused(load(path, compile=False), "")


@pytest.mark.parametrize(("count", "match"), [(110_000, "layers"), (3_000_000, "values")])
def test_a_config_of_endless_layers(forge, count, match):
    def many(config):
        config["config"]["layers"] += [{}] * count

    refused(load(forge.keras(many)), match)


@pytest.mark.parametrize(
    "value",
    [
        {"class_name": "__tensor__", "config": {"value": 1.0, "dtype": "object"}},
        {"class_name": "__bytes__", "config": {"value": "x" * 4_000_000}},
        {"class_name": "__numpy__", "config": {"value": {"a": 1}, "dtype": "O"}},
    ],
    ids=range(3),
)
def test_values_without_bounds(forge, value):
    refused(load(forge.keras(lambda c: entry(c)["config"].update(kernel_initializer=value))), "")


def test_an_endless_regular_expression_in_a_policy_map():
    policies = jkeras.dtype_policies.DTypePolicyMap("float32", {"(((a|a)+)+)+b": "float32"})
    config = layers.MultiHeadAttention(1, 2, name="a" * 22, dtype=policies).get_config()
    layer = layers.MultiHeadAttention.from_config(config)
    with guarded() as guard, pytest.raises(ValueError, match="none of its parts"):
        layer.build((None, 3, 2), (None, 3, 2))
    assert guard.seconds < 1


# arrays -------------------------------------------------------------------------------------------

PLACES = {
    ".keras": "layers/dense/vars/0",
    ".weights.h5": "layers/dense/vars/0",
    ".h5": None,  # looked up, because names differ between versions
}


def kernel_path(file):
    """The path of the first kernel in a file of any layout."""
    found = []
    file.visititems(lambda name, item: found.append(name) if isinstance(item, h5py.Dataset) and item.shape == (4, 3) else None)
    return next(name for name in found if "optimizer" not in name)


def put(file, make):
    """Replace the first kernel of a file."""
    path = kernel_path(file)
    group, name = file[os.path.dirname(path)], os.path.basename(path)
    del group[name]
    make(group, name)


def bomb(size):
    return lambda g, n: g.create_dataset(n, shape=(size,), dtype="f8", chunks=(1024,), compression="gzip", fillvalue=0)


def strange_filter(group, name):
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_chunk((4, 3))
    properties.set_filter(40_000, h5py.h5z.FLAG_OPTIONAL, (1,))
    space = h5py.h5s.create_simple((4, 3))
    h5py.h5d.create(group.id, name.encode(), h5py.h5t.IEEE_F32LE, space, properties)


def arrays(canary):
    """Ways to put something else where a kernel should be."""
    virtual = h5py.VirtualLayout((4, 3), "f4")
    virtual[:] = h5py.VirtualSource(str(canary), "kernel", (4, 3), "f4")
    return {
        "external storage": lambda g, n: g.create_dataset(n, (4, 3), "f4", external=[(str(canary), 0, 48)]),
        "virtual": lambda g, n: g.create_virtual_dataset(n, virtual),
        "external link": lambda g, n: g.__setitem__(n, h5py.ExternalLink(str(canary), "kernel")),
        "soft link": lambda g, n: g.__setitem__(n, h5py.SoftLink("/layers")),
        "dangling link": lambda g, n: g.__setitem__(n, h5py.SoftLink("/nowhere")),
        "2^50 numbers": bomb(2**50),
        "2^28 numbers": bomb(2**28),
        "2^22 numbers": bomb(2**22),
        "the right shape, never written": lambda g, n: g.create_dataset(n, (4, 3), "f4", chunks=(4, 3), compression="gzip"),
        "complex": lambda g, n: g.create_dataset(n, data=np.ones((4, 3), "c16")),
        "strings": lambda g, n: g.create_dataset(n, data=np.full((4, 3), b"x" * 100)),
        "endless strings": lambda g, n: g.create_dataset(n, (4, 3), h5py.string_dtype()),
        "references": lambda g, n: g.create_dataset(n, (4, 3), h5py.ref_dtype),
        "compound": lambda g, n: g.create_dataset(n, (4, 3), [("a", "f4"), ("b", "i4")]),
        "lists": lambda g, n: g.create_dataset(n, (4, 3), h5py.vlen_dtype("f4")),
        "a filter from a plugin": strange_filter,
        "rank 32 of another shape": lambda g, n: g.create_dataset(n, data=np.ones((1,) * 32, "f4")),
        "a group": lambda g, n: g.create_group(n),
        "nothing": lambda g, n: None,
        "another shape": lambda g, n: g.create_dataset(n, data=np.ones((3, 4), "f4")),
        "a named type": lambda g, n: g.__setitem__(n, np.dtype("f4")),
    }


ARRAYS = list(arrays("canary.h5"))


@pytest.fixture
def canary(tmp_path):
    with h5py.File(tmp_path / "canary.h5", "w") as file:
        file["kernel"] = np.full((4, 3), 7.0, "f4")
        file.create_group("model_weights")
    return tmp_path / "canary.h5"


@pytest.mark.parametrize("kind", ARRAYS)
@pytest.mark.parametrize("suffix", [".keras", ".h5", ".weights.h5"])
def test_something_else_than_a_plain_array(forge, canary, kind, suffix):
    make = arrays(canary)[kind]
    path = (forge.keras if suffix == ".keras" else forge.h5)(
        hdf5=lambda f: put(f, make), **({} if suffix == ".keras" else {"suffix": suffix})
    )
    model = small_model()
    before = model.get_weights()
    if suffix != ".weights.h5":
        refused(load(path), "", FileFormatError)
    refused(load_weights(path, model), "", FileFormatError)
    assert all((a == b).all() for a, b in zip(before, model.get_weights())), "the model was changed"


@pytest.mark.parametrize("link", ["external", "soft"])
@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("suffix", [".keras", ".h5", ".weights.h5"])
def test_a_link_anywhere_on_the_way_to_an_array(forge, canary, link, depth, suffix):
    def relink(file):
        parts = kernel_path(file).split("/")[:depth]
        place = "/".join(parts)
        file.move(place, "moved")
        file[place] = h5py.SoftLink("/moved") if link == "soft" else h5py.ExternalLink(str(canary), "model_weights")

    path = forge.keras(hdf5=relink) if suffix == ".keras" else forge.h5(hdf5=relink, suffix=suffix)
    refused(load_weights(path), "link", UnsafeFileError)


@pytest.mark.parametrize("name", ["../../x", "/x", "..", ".", "a\0b", "x/../../y"])
def test_names_of_weights_that_climb(forge, name):
    def rename(file):
        group = file["model_weights/hidden"]
        group.attrs["weight_names"] = [name.replace("\0", "%").encode(), b"hidden/bias"]

    refused(load(forge.h5(hdf5=rename)), "", FileFormatError)


@pytest.mark.parametrize("attribute", ["model_config", "training_config"])
def test_attributes_of_other_types(forge, attribute):
    for value in (3, [1.0, 2.0], np.zeros((2, 2)), h5py.Empty("f4"), b"\xff\xfe"):
        refused(load(forge.h5(hdf5=lambda f, v=value: f.attrs.__setitem__(attribute, v))), "", FileFormatError)


@pytest.mark.parametrize("suffix", [".keras", ".h5", ".weights.h5"])
@pytest.mark.parametrize("number", [0, 2**40, 2**63])
def test_a_heap_of_texts_without_an_end(forge, suffix, number):
    """HDF5 itself walks on the spot for ever in a heap whose free space has the size 0."""
    path = forge.keras() if suffix == ".keras" else forge.h5(suffix=suffix)
    data = bytearray(path.read_bytes())
    at = data.index(b"GCOL")
    data[at + 16 : at + 32] = struct.pack("<HHLQ", 0, 0, 0, number) if not number else data[at + 16 : at + 32]
    if number:
        data[at + 8 : at + 16] = struct.pack("<Q", number)
    if suffix != ".keras":
        path.write_bytes(data)
    else:
        start = data.index(b"\x89HDF")
        with zipfile.ZipFile(path) as source:
            size, members = (
                source.getinfo("model.weights.h5").file_size,
                {n: source.read(n) for n in ("metadata.json", "config.json")},
            )
        with zipfile.ZipFile(path, "w") as target:
            for name, content in {**members, "model.weights.h5": bytes(data[start : start + size])}.items():
                target.writestr(name, content)
    # Loading only the weights does not touch the heap with the model's config.
    refused(load(path) if suffix == ".h5" else load_weights(path), "heap", FileFormatError)


# archives and folders -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["../evil", "/evil", "assets/../../evil", "assets\\..\\evil"])
def test_members_that_lead_out_of_the_archive(forge, name):
    refused(load(forge.keras(members={name: b"x"})), "the member", UnsafeFileError)
    assert not (forge.folder.parent / "evil").exists()


@pytest.mark.parametrize("name", ["assets/bomb.bin", "config.json", "metadata.json", "model.weights.h5"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_that_grow(forge, name):
    refused(load(forge.keras(members={name: bytes(300 * MB)})), "would grow|two members", UnsafeFileError)


def test_weights_as_pickles(forge, valid):
    path = forge.folder / "evil.keras"
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("config.json", json.dumps(forge.config))
        target.writestr("model.weights.npz", b"\x93NUMPY")
    refused(load(path), "pickles", UnsafeFileError)


@pytest.mark.parametrize("name", ["config.json", "metadata.json", "model.weights.h5"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_a_folder_whose_files_are_none(forge, valid, name, kind):
    folder = forge.folder / "evil"
    with zipfile.ZipFile(valid[".keras"]) as source:
        source.extractall(folder)
    (folder / name).rename(forge.folder / "secret")
    if kind == "device":
        (folder / name).symlink_to("/dev/zero")
    elif kind == "pipe":
        os.mkfifo(folder / name)
    else:
        (folder / name).mkdir()
    with guarded() as guard, pytest.raises(FileFormatError, match="is a folder, a pipe or a device"):
        jkeras.models.load_model(folder)
    assert guard.seconds < 1
    assert str(forge.folder / "secret") not in guard.opened


@pytest.mark.parametrize("target", ["../secret.weights.h5", "..", ".", "/etc/passwd", "a/b.h5", "a\\b.h5", "", "pipe.h5", [], 3])
def test_shards_that_are_elsewhere(forge, valid, target):
    os.mkfifo(forge.folder / "pipe.h5")
    index = json.loads(valid[".weights.json"].read_text())
    index["weight_map"] = dict.fromkeys(index["weight_map"], target)
    (forge.folder / "evil.weights.json").write_text(json.dumps(index))
    refused(load_weights(forge.folder / "evil.weights.json"), "", FileFormatError, own=("evil.weights.json",))


# jkeras' own group --------------------------------------------------------------------------------


def training(change):
    """A change of the JSON in the training group."""

    def run(file):
        group = file["jkeras_training"]
        content = json.loads(group["moment"][()].tobytes())
        change(content)
        del group["moment"]
        group["moment"] = np.frombuffer(json.dumps(content).encode(), np.uint8)

    return run


TRAINING = {
    "a count below 0": lambda c: c.update(position=-1),
    "a count beyond int32": lambda c: c.update(iteration=2**31),
    "a count that is text": lambda c: c.update(epoch="3"),
    "an unknown version": lambda c: c.update(version=99),
    "no seed": lambda c: c.pop("seed"),
    "a key of three": lambda c: c.update(key=[1, 2, 3]),
    "metrics of pickles": lambda c: c["metrics"][0].update(dtype="object"),
    "metrics of texts": lambda c: c["metrics"][0].update(dtype="U1000000000"),
    "giant metrics": lambda c: c["metrics"][0].update(shape=[2**35]),
    "metrics of another size": lambda c: c["metrics"][0].update(shape=[5]),
    "metrics that are missing": lambda c: c["metrics"].append({"name": "x", "shape": [2], "dtype": "float32"}),
    "an average of a weight that is missing": lambda c: c["averaged"].append({"name": "x", "shape": [2], "dtype": "float32"}),
    "bits that are none": lambda c: c["optimizer"]["iterations"].update(bits="zz"),
    "bits of another size": lambda c: c["optimizer"]["iterations"].update(bits="00" * 800),
    "a list for a dict": lambda c: c.update(logs=[1]),
}


@pytest.mark.parametrize("case", TRAINING)
def test_a_forged_training(forge, case):
    refused(load(forge.keras(hdf5=training(TRAINING[case]))), "jkeras_training", FileFormatError)


def test_a_giant_training(forge):
    def grow(file):
        del file["jkeras_training/moment"]
        file["jkeras_training"].create_dataset("moment", (2**32,), "u1", chunks=(2**16,), compression="gzip")[:10] = 1

    refused(load(forge.keras(hdf5=grow)), "jkeras_training", FileFormatError)


# files that are not models ------------------------------------------------------------------------

FILES = {
    "empty": (b"", "is empty"),
    "a pickle": (b"\x80\x04\x95", "pickle"),
    "a web page": (b"<!DOCTYPE html>", "web page"),
    "a pointer of LFS": (b"version https://git-lfs.github.com/spec/v1\n", "LFS"),
    "packed": (b"\x1f\x8b\x08", "gzip"),
    "text": (b"hello", "no known format"),
    "safetensors": (b'\x50\0\0\0\0\0\0\0{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', "weights"),
    "an architecture": (b'{"class_name": "Sequential"}', "model_from_json"),
    "a list of checkpoints": (b'model_checkpoint_path: "ck"', "checkpoints"),
    "NumPy": (b"\x93NUMPY\x01", "set_weights"),
    "the start of HDF5": (b"\x89HDF\r\n\x1a\n", "HDF5"),
    "the start of a zip": (b"PK\x03\x04", "zip"),
}


@pytest.mark.parametrize("case", FILES)
@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_files_that_are_no_models(tmp_path, case, suffix):
    data, match = FILES[case]
    (tmp_path / f"evil{suffix}").write_bytes(data)
    refused(load(tmp_path / f"evil{suffix}"), match, FileFormatError)


@pytest.mark.parametrize(("member", "match"), [("x.npy", r"set_weights"), ("archive/data.pkl", "PyTorch"), ("a", "It holds: a")])
def test_archives_that_are_no_models(tmp_path, member, match):
    with zipfile.ZipFile(tmp_path / "evil.keras", "w") as archive:
        archive.writestr(member, b"x")
    refused(load(tmp_path / "evil.keras"), match, FileFormatError)
    refused(load_weights(tmp_path / "evil.keras"), match, FileFormatError)


@pytest.mark.parametrize("suffix", [".onnx", ".pb", ".tflite", ".stablehlo"])
def test_programs_are_named_by_their_suffix(tmp_path, suffix):
    (tmp_path / f"evil{suffix}").write_bytes(b"\x08\x07")
    refused(load(tmp_path / f"evil{suffix}"), "model|program", FileFormatError, own=(f"evil{suffix}",))


@pytest.mark.parametrize(("given", "match"), [(None, "None"), (3, "3"), ("", "empty"), ("https://x.org/m.keras", "get_file")])
def test_what_is_no_path(given, match):
    for call in (jkeras.models.load_model, small_model().load_weights, small_model().save, small_model().save_weights):
        with pytest.raises((TypeError, ValueError), match=match):
            call(given)


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "evil.keras")
    refused(load(tmp_path / "evil.keras"), "a pipe", FileFormatError)


def test_the_valid_files_are_valid(valid, forge):
    """Else every test above would pass for nothing."""
    model = jkeras.models.load_model(forge.keras())
    assert isinstance(model, jkeras.Model)
    assert jkeras.models.load_model(forge.h5()).count_params() == model.count_params()
    load_weights(forge.h5(suffix=".weights.h5"))()

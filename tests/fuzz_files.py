"""Fuzzing of the loaders: damages valid files of every format at random and loads them.

    python -m tests.fuzz_files                        # 20,000 of each format, every night
    python -m tests.fuzz_files --only 1234            # one mutation again, with its traceback

Every mutation must either load as a model of valid shapes or raise `FileFormatError`, within limits of time and memory, and
leave no file open. Mutation number `i` depends on the seed and on `i` alone.
"""

from __future__ import annotations

import argparse
import faulthandler
import io
import json
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from pathlib import Path

import jkeras
from jkeras import layers
from jkeras._base.errors import FileFormatError

SECONDS = 20  # a load that takes longer counts as a hang; the first one of a model compiles
MEGABYTES = 400  # the total growth allowed
NUMBERS = (0, -1, 1, 2, 3, 1.5, 2**31, 2**40, 2**63, 2**70, 1e300, True)
ODD = (None, [], {}, "", "x", "../x", "__lambda__", "Dense", [[]], {"class_name": "Dense", "config": {}}, {"__class__": 1})


def make_model():
    """A model with shared and nested layers, several kinds of weights, and a training."""
    jkeras.utils.clear_session()
    jkeras.utils.set_random_seed(0)
    x = layers.Input((6,), name="x")
    inner = jkeras.Sequential([layers.Input((6,)), layers.Dense(5, activation="relu"), layers.BatchNormalization()], name="inner")
    h = layers.Reshape((5, 1))(inner(x))
    h = layers.Dropout(0.5)(layers.LSTM(3)(h))
    model = jkeras.Model(x, layers.Dense(2, name="out")(h), name="fuzzed")
    model.compile("adam", "mse", metrics=["mae"])
    return model


def write_seeds(folder):
    """Valid files; gives `{name: path}`."""
    model = make_model()
    model.fit(*(jkeras.random.normal((8, n), seed=0) for n in (6, 2)), verbose=0)
    paths = {name: folder / name for name in ("a.keras", "b.h5", "c.weights.h5", "d.weights.json", "e.weights-only.h5")}
    model.save(paths["a.keras"])
    model.save(paths["b.h5"])
    model.save_weights(paths["c.weights.h5"])
    model.save_weights(paths["d.weights.json"])
    model.save_weights(paths["e.weights-only.h5"])
    paths["f.folder"] = folder / "f.folder"
    model.save(paths["f.folder"], zipped=False)
    golden = Path(__file__).parent / "golden" / "tf_files"
    return paths | {"g.savedmodel": golden / "dense", "h.checkpoint": golden / "dense" / "variables"}


def damage_bytes(data, chance):
    """Bytes with a few of them flipped, overwritten, cut out, doubled or moved."""
    data = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 4, 16))):
        if not data:
            break
        # Headers matter more than numbers: half of the damage goes to the first and the last kilobytes.
        region = chance.choice((len(data), min(len(data), 4096)))
        at = chance.randrange(region) if chance.random() < 0.7 else len(data) - 1 - chance.randrange(region)
        size = chance.choice((1, 1, 2, 4, 8, 64))
        kind = chance.randrange(7)
        if kind == 0:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[at : at + size] = chance.randbytes(size)
        elif kind == 2:
            data[at : at + size] = chance.choice((b"\x00", b"\xff", b"\x7f", b"\x01")) * size
        elif kind == 3:
            del data[at : at + size]
        elif kind == 4:
            data[at:at] = data[at : at + size]
        elif kind == 5:
            other = chance.randrange(len(data))
            data[at : at + size] = data[other : other + size]
        elif chance.random() < 0.3:
            del data[at:]
    return bytes(data)


def damage_json(value, chance):
    """A JSON value with one of its parts replaced, removed, renamed or doubled."""
    places = []

    def walk(part):
        for key, inner in part.items() if isinstance(part, dict) else enumerate(part):
            places.append((part, key))
            if isinstance(inner, (dict, list)):
                walk(inner)

    walk(value)
    for _ in range(chance.choice((1, 1, 2, 3))):
        part, key = chance.choice(places)
        try:
            inner = part[key]
        except (KeyError, IndexError):  # an earlier change removed it
            continue
        kind = chance.randrange(6)
        if kind == 0:
            part[key] = chance.choice(ODD)
        elif kind == 1:
            part[key] = chance.choice(NUMBERS)
        elif kind == 2:
            del part[key]
        elif kind == 3:
            other_part, other_key = chance.choice(places)
            part[key] = other_part.get(other_key) if isinstance(other_part, dict) else inner
        elif kind == 4 and isinstance(part, dict):
            part[chance.choice(("class_name", "config", "units", "layers", "x"))] = part.pop(key)
        elif isinstance(part, list):
            part.insert(0, inner)
    return value


def as_text(value, chance):
    """JSON text; parts may have become cycles, and text may be damaged too."""
    try:
        text = json.dumps(value)
    except ValueError:
        text = "{"
    return damage_bytes(text.encode(), chance) if chance.random() < 0.2 else text.encode()


def damage(path, name, into, chance):
    """Write a damaged copy of a seed."""
    target = into / name
    if name == "f.folder":
        shutil.copytree(path, target)
        victim = target / chance.choice(("config.json", "metadata.json", "model.weights.h5"))
        victim.write_bytes(damage_bytes(victim.read_bytes(), chance))
    elif name == "g.savedmodel":
        shutil.copytree(path, target)
        victim = target / chance.choice(("keras_metadata.pb", "saved_model.pb", "variables/variables.index"))
        victim.write_bytes(damage_bytes(victim.read_bytes(), chance))
    elif name == "h.checkpoint":
        shutil.copytree(path, target)
        victim = chance.choice(sorted(target.iterdir()))
        victim.write_bytes(damage_bytes(victim.read_bytes(), chance))
        return target / "variables"
    elif name == "d.weights.json":
        for shard in path.parent.glob("d_*"):
            shutil.copy(shard, into / shard.name)
        target.write_bytes(as_text(damage_json(json.loads(path.read_text()), chance), chance))
    elif name == "a.keras" and chance.random() < 0.75:
        damage_archive(path, target, chance)
    elif name == "b.h5" and chance.random() < 0.4:
        damage_h5_config(path, target, chance)
    else:
        target.write_bytes(damage_bytes(path.read_bytes(), chance))
    return target


def damage_archive(path, target, chance):
    """An archive whose checksums are right and whose members are not."""
    victim = chance.choice(("config.json", "config.json", "model.weights.h5"))
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w", chance.choice((0, 0, 0, 8))) as written:
        for member in source.namelist():
            data = source.read(member)
            if member == victim and member == "config.json":
                data = as_text(damage_json(json.loads(data), chance), chance)
            elif member == victim:
                data = damage_bytes(data, chance)
            if member != victim or chance.random() > 0.02:
                written.writestr(member, data)


def damage_h5_config(path, target, chance):
    """A file whose HDF5 is right and whose config is not."""
    import h5py

    shutil.copy(path, target)
    with h5py.File(target, "r+") as file:
        key = chance.choice(("model_config", "model_config", "training_config"))
        text = as_text(damage_json(json.loads(file.attrs[key]), chance), chance)
        file.attrs[key] = text.decode("utf-8", "replace").replace("\0", " ")


def load(path, name, model, shapes):
    """Load a file; gives a word for how it ended."""
    try:
        if name == "h.checkpoint":
            model = jkeras.Sequential([layers.Input((4,)), layers.Dense(5), layers.BatchNormalization(), layers.Dense(3)])
            shapes, path = [box.shape for box in model.weights], path / "variables" if path.is_dir() else path
        if name in ("a.keras", "b.h5", "f.folder", "g.savedmodel"):
            found = jkeras.models.load_model(path)
            assert all(w.shape == box.shape for w, box in zip(found.get_weights(), found.weights, strict=True))
        else:
            model.load_weights(path)
            assert [box.shape for box in model.weights] == shapes
            assert [w.shape for w in model.get_weights()] == shapes
    except FileFormatError:
        return "refused"
    return "loaded"


def handles():
    """Number of open files of the process."""
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def resident():
    """Bytes of memory the process holds."""
    if not os.path.exists("/proc/self/statm"):
        return 0
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def run(count, seed=0, only=None, report=print):
    """Load `count` mutations of each format; gives the descriptions of what went wrong."""
    failures, ended = [], {"refused": 0, "loaded": 0}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        seeds = write_seeds(Path(folder))
        model = make_model()
        shapes = [box.shape for box in model.weights]
        for name, path in seeds.items():  # all must load; this also compiles and imports everything before measuring
            assert load(path, name, model, shapes) == "loaded", name
        names = list(seeds)
        numbers = range(count * len(names)) if only is None else [only]
        before, size = handles(), resident()
        slowest = 0.0
        for i in numbers:
            chance = random.Random(f"{seed}/{i}")
            name = names[i % len(names)]
            with tempfile.TemporaryDirectory(dir=folder) as place:
                path = damage(seeds[name], name, Path(place), chance)
                faulthandler.dump_traceback_later(SECONDS, exit=True)
                start = time.perf_counter()
                try:
                    ended[load(path, name, model, shapes)] += 1
                except BaseException as error:
                    text = traceback.format_exc() if only is not None else f"{type(error).__name__}: {str(error)[:200]}"
                    failures.append(f"mutation {i} of {name}: {text}")
                    if isinstance(error, KeyboardInterrupt):
                        raise
                slowest = max(slowest, time.perf_counter() - start)
                faulthandler.cancel_dump_traceback_later()
            if handles() > before:
                failures.append(f"mutation {i} of {name}: a file was left open")
                before = handles()
            if i % 1000 == 999:
                report(
                    f"{i + 1}: {ended}, {len(failures)} failures, slowest {slowest:.2f} s, {(resident() - size) >> 20} MiB more"
                )
        if (resident() - size) >> 20 > MEGABYTES:
            failures.append(f"the process grew by {(resident() - size) >> 20} MiB")
        if only is None and min(ended.values()) == 0:
            failures.append(f"all ended alike, so nothing was tried: {ended}")
    return failures


def main(arguments):
    """Fuzz as the command line says; exit status 1 where something failed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=20_000, help="mutations of each format")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int, help="the number of one mutation")
    given = parser.parse_args(arguments)
    faulthandler.enable(io.FileIO(2, "w", closefd=False))
    failures = run(given.count, given.seed, given.only)
    for failure in failures[:50]:
        print(failure)
    print(f"{len(failures)} failures")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

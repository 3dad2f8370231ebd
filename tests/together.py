"""What `test_processes.py` starts as two processes: a training that writes files of all kinds, and data of all kinds."""

import io
import json
import sys
from pathlib import Path

import numpy as np
from jax.experimental import multihost_utils

import jkeras
from jkeras import distribution, layers

number, count, port, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
X = np.random.default_rng(0).normal(size=(96, 6)).astype("float32")
Y = X[:, :3].copy()
found = {}


def make(way):
    jkeras.utils.set_random_seed(3)
    model = jkeras.Sequential([layers.Input((6,)), layers.Dense(16, "relu", name="up"), layers.Dense(3, name="down")])
    model.compile("adam", "mse", distribution=way)
    return model


def sharded():
    return distribution.FullySharded(smallest=0)


def no_exchange(*args, **options):
    raise AssertionError("numbers are exchanged over the devices, which wait for the computation")


def files():
    model = make(sharded())
    made = [model.get_layer("up").kernel.value, *model.get_weights()]
    assert not made[0].is_fully_replicated  # drawn where it belongs, before anything ran
    backup = jkeras.callbacks.BackupAndRestore(folder / "backup", delete_checkpoint=False)
    checkpoint = jkeras.callbacks.OrbaxCheckpoint(folder / "orbax", monitor="loss")
    found["loss"] = model.fit(X, Y, epochs=2, batch_size=32, verbose=0, callbacks=[backup, checkpoint]).history["loss"]
    wrong = folder / "no file" / "model.keras" if number == 0 else folder / "model.keras"
    (folder / "no file").touch()
    try:
        model.save(wrong)  # fails in process 0, while the other one waits to gather an array
    except (OSError, RuntimeError) as error:
        assert isinstance(error, OSError) if number == 0 else "Another process failed in saving" in str(error), error
    else:
        raise AssertionError("one failed, and the other did not hear of it")
    model.save(folder / "model.keras")
    model.save_weights(folder / "model.weights.json")
    model.save_weights(folder / "model.safetensors")
    memory = io.BytesIO()
    model.save(memory)  # whoever asks for the bytes has them
    weights = model.get_weights()
    for a, b in zip(weights, jkeras.models.load_model(memory).get_weights()):
        np.testing.assert_array_equal(a, b)
    other = make("data")
    checkpoint.restore(other)
    assert other.get_layer("up").kernel.value.is_fully_replicated
    for a, b in zip(weights, other.get_weights()):
        np.testing.assert_array_equal(a, b)
    found["resumed elsewhere"] = other.fit(X, Y, epochs=4, batch_size=32, verbose=0, resume=True).history["loss"]
    found["resumed"] = model.fit(X, Y, epochs=4, batch_size=32, verbose=0, resume=True).history["loss"]
    np.savez(folder / f"weights{number}.npz", *weights)


class Loader:
    """As a loader of torch or grain: batches of the rows that it was given, anew in each pass."""

    def __init__(self, rows, batch):
        self.rows, self.batch = rows, batch

    def __len__(self):
        return len(self.rows) // self.batch

    def __iter__(self):
        for at in range(0, len(self.rows), self.batch):
            rows = self.rows[at : at + self.batch]
            yield X[rows], Y[rows]


def fitted(way, data, **options):
    model = make(way)
    losses = model.fit(data, epochs=2, verbose=0, shuffle=False, **options).history["loss"]
    again = {"steps" if name == "steps_per_epoch" else name: value for name, value in options.items()}
    return [*losses, model.evaluate(data, verbose=0, **again)]


def data():
    """All give the same losses as arrays."""
    rows = np.arange(96).reshape(-1, 32)
    own = rows[:, 16 * number : 16 * number + 16].ravel()  # this process' half of each batch
    parts = distribution.DataParallel(auto_shard_dataset=False)
    model = make("data")
    losses = model.fit(X, Y, epochs=2, batch_size=32, shuffle=False, verbose=0).history["loss"]
    found["arrays"] = [*losses, model.evaluate(X, Y, batch_size=32, verbose=0)]
    found["whole batches"] = fitted("data", Loader(rows.ravel(), 32))
    found["own rows"] = fitted(parts, Loader(own, 16))
    generator = (batch for _ in range(9) for batch in Loader(own, 16))
    found["generator of own rows"] = fitted(parts, generator, steps_per_epoch=3)
    predicted = make(parts).predict(Loader(own, 16), verbose=0)
    np.testing.assert_allclose(predicted, make("data").predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    whole, parted, mine = make("data"), make(parts), slice(16 * number, 16 * number + 16)
    for call in ("train_on_batch", "test_on_batch"):
        wanted = getattr(whole, call)(X[:32], Y[:32])
        np.testing.assert_allclose(getattr(parted, call)(X[:32][mine], Y[:32][mine]), wanted, rtol=1e-5)
    np.testing.assert_allclose(parted.predict_on_batch(X[:32][mine]), whole.predict_on_batch(X[:32]), rtol=1e-5, atol=1e-6)
    found["arrays of own rows"] = fitted(parts, X[own], y=Y[own], batch_size=16)
    wrong = {"15 rows for its 2 devices": Loader(own[: 16 + 15], 15), "different rows": Loader(own, 16 - 4 * number)}
    for text, loader in wrong.items():
        try:
            fitted(parts, loader)
        except ValueError as error:
            assert text in str(error), error
        else:
            raise AssertionError(text)


class Rows:
    def __len__(self):
        return len(X)

    def __getitem__(self, row):
        return X[row], Y[row]


def with_grain():
    """Its shards are the first and the second half of all rows; where it is installed."""
    try:
        import grain
    except ImportError:
        return
    sampler = grain.samplers.IndexSampler(
        num_records=96, shard_options=grain.sharding.ShardByJaxProcess(drop_remainder=True), shuffle=False, num_epochs=1, seed=0
    )
    loader = grain.DataLoader(data_source=Rows(), sampler=sampler, operations=[grain.transforms.Batch(16)], worker_count=0)
    found["grain"] = fitted(distribution.DataParallel(auto_shard_dataset=False), loader)
    found["as grain"] = fitted("data", Loader(np.arange(96).reshape(2, 3, 16).transpose(1, 0, 2).ravel(), 32))


def apart():
    """Data of different lengths."""
    try:
        fitted("data", Loader(np.arange(96 - 32 * number), 32))
    except RuntimeError as error:
        found["apart"] = str(error)


distribution.initialize(f"127.0.0.1:{port}", count, number)
files()
multihost_utils.process_allgather = multihost_utils.broadcast_one_to_all = no_exchange  # from here on, without orbax
data()
with_grain()
apart()
print(json.dumps(found))

"""`OrbaxCheckpoint`: which checkpoints it keeps, and that it restores all of them bit for bit, also on other devices."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras._base.errors import FileFormatError, UnsafeFileError
from jkeras.callbacks import CallbackList, LambdaCallback, OrbaxCheckpoint

ocp = pytest.importorskip("orbax.checkpoint", reason="orbax-checkpoint is an extra")

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(40, 6)).astype("float32"), RNG.normal(size=(40, 2)).astype("float32")


def make(units=8, optimizer="adam"):
    """A model with everything that a run carries: dropout, moving averages, a frozen layer, slots, metrics."""
    x = layers.Input((6,))
    h = layers.Dense(units, activation="relu", trainable=False)(x)
    h = layers.Dropout(0.3)(layers.BatchNormalization()(layers.Dense(units, use_bias=False, name="mine")(h)))
    model = jkeras.Model(x, layers.Dense(2)(h))
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


def fit(model, epochs, *callbacks, **options):
    return model.fit(X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=list(callbacks), **options).history


def state_of(model):
    return [*model.get_weights(), *map(np.asarray, jax.tree.leaves(model.optimizer.state))]


def assert_same(a, b):
    assert len(a) == len(b)
    for one, other in zip(a, b):
        np.testing.assert_array_equal(one, other)


class Stop(Exception):
    """What ends a run in the middle."""


def test_the_last_and_the_best_are_kept(tmp_path):
    losses = iter([3.0, 1.0, 2.0, 4.0, 5.0])
    checkpoint = OrbaxCheckpoint(tmp_path, monitor="score", mode="min", max_to_keep=2, keep_best=1)
    score = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(score=next(losses)))
    weights = {}
    model = make()
    keep = LambdaCallback(on_epoch_end=lambda epoch, logs: weights.update({epoch: model.get_weights()}))
    fit(model, 5, score, checkpoint, keep)
    checkpoint = OrbaxCheckpoint(tmp_path, monitor="score", mode="min")
    assert checkpoint.steps() == [1, 3, 4] and checkpoint.best_step() == 1
    other = make()
    for wanted, number in (("best", 1), (None, 4), (3, 3)):
        assert checkpoint.restore(other, wanted) == number
        assert_same(other.get_weights(), weights[number])


def test_the_best_of_an_earlier_process_stays(tmp_path):
    losses = iter([3.0, 1.0, 2.0, 4.0, 5.0])
    score = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(score=next(losses)))
    options = {"monitor": "score", "mode": "min", "keep_best": 1}
    fit(make(), 3, score, OrbaxCheckpoint(tmp_path, **options))
    model, checkpoint = make(), OrbaxCheckpoint(tmp_path, **options)
    checkpoint.restore(model)
    fit(model, 5, score, checkpoint, resume=True)
    assert checkpoint.steps() == [1, 4] and checkpoint.best_step() == 1


@pytest.mark.parametrize("keep, steps", [(1, [3]), (2, [2, 3]), (None, [0, 1, 2, 3])])
def test_max_to_keep(tmp_path, keep, steps):
    checkpoint = OrbaxCheckpoint(tmp_path / "new" / "folder", max_to_keep=keep)
    fit(make(), 4, checkpoint)
    assert checkpoint.steps() == steps
    assert sorted(int(p.name) for p in (tmp_path / "new" / "folder").iterdir()) == steps


def test_save_best_only(tmp_path):
    values = iter([0.1, 0.4, 0.2, 0.5])
    checkpoint = OrbaxCheckpoint(tmp_path, "val_accuracy", save_best_only=True, max_to_keep=None, initial_value_threshold=0.3)
    score = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(val_accuracy=next(values)))
    fit(make(), 4, score, checkpoint)
    assert checkpoint.steps() == [1, 3] and checkpoint.best == 0.5
    with pytest.warns(UserWarning, match="val_accuracy"):
        fit(make(), 1, OrbaxCheckpoint(tmp_path / "b", "val_accuracy", save_best_only=True))


@pytest.mark.parametrize("background", [True, False])
def test_what_is_written_in_the_background_is_of_its_time(tmp_path, background):
    """The run gives its arrays away at the next step; what is being written must not change under orbax' hands."""
    model, seen = make(256), {}
    checkpoint = OrbaxCheckpoint(tmp_path, save_freq=1, max_to_keep=None, save_on_background=background)
    note = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.update({int(model.optimizer.iterations): state_of(model)}))
    fit(model, 1, checkpoint, note)
    assert checkpoint.steps() == [1, 2, 3, 4, 5]
    for step, state in seen.items():
        other = make(256)
        checkpoint.restore(other, step)
        assert_same(state_of(other), state)


def accumulating():
    return jkeras.optimizers.SGD(0.01, momentum=0.9, gradient_accumulation_steps=2)


@pytest.mark.parametrize(
    "optimizer, frequency, stop, number",
    [
        (jkeras.optimizers.Adam, "epoch", 2, 1),
        (jkeras.optimizers.Adam, 3, 8, 6),
        (jkeras.optimizers.Adam, 5, 11, 10),
        (accumulating, "epoch", 2, 1),
    ],
)
def test_a_resumed_training_ends_bit_for_bit_as_one_that_never_stopped(tmp_path, optimizer, frequency, stop, number):
    def fresh():
        jkeras.utils.set_random_seed(7)
        return make(optimizer=optimizer())

    whole = fresh()
    history = fit(whole, 4)

    def interrupt(count):
        if count == stop:
            raise Stop

    hook = {"on_epoch_end": lambda epoch, logs: interrupt(epoch)}
    if frequency != "epoch":
        hook = {"on_train_batch_end": lambda batch, logs: interrupt(int(model.optimizer.iterations))}
    model = fresh()
    stopped = OrbaxCheckpoint(tmp_path, save_freq=frequency, max_to_keep=2)
    with pytest.raises(Stop):  # before the next callback saves again
        fit(model, 4, LambdaCallback(**hook), stopped)
    stopped.close()
    jkeras.utils.set_random_seed(99)
    again = make(optimizer=optimizer())
    checkpoint = OrbaxCheckpoint(tmp_path, save_freq=frequency)
    assert checkpoint.restore(again) == number
    rest = fit(again, 4, checkpoint, resume=True)
    assert_same(state_of(again), state_of(whole))
    assert rest["loss"] == history["loss"][-len(rest["loss"]) :] and rest["mae"][-1] == history["mae"][-1]


def test_weights_alone(tmp_path):
    model = make()
    checkpoint = OrbaxCheckpoint(tmp_path, save_weights_only=True)
    fit(model, 1, checkpoint)
    assert sorted(p.name for p in (tmp_path / "0").iterdir() if p.is_dir()) == ["metrics", "weights"]
    other = make()
    checkpoint.restore(other)
    assert_same(other.get_weights(), model.get_weights())
    assert other.optimizer.state is None


def test_a_model_that_is_not_compiled_gets_the_weights(tmp_path):
    model, checkpoint = make(), OrbaxCheckpoint(tmp_path)
    fit(model, 1, checkpoint)
    plain = jkeras.models.clone_model(model) if hasattr(jkeras.models, "clone_model") else make()
    plain.optimizer = None
    checkpoint.restore(plain)
    assert_same(plain.get_weights(), model.get_weights())


def test_another_model_or_optimizer_is_refused_by_name(tmp_path):
    checkpoint = OrbaxCheckpoint(tmp_path)
    fit(make(), 1, checkpoint)
    other = make(units=9)
    before = other.get_weights()
    with pytest.raises(
        FileFormatError, match=r"0 does not fit this model: the weight '.*' has shape \(9,\) here and \(8,\) there"
    ):
        checkpoint.restore(other)
    assert_same(other.get_weights(), before)
    with pytest.raises(FileFormatError, match=r"the optimizer's '.*(none).*same optimizer"):
        checkpoint.restore(make(optimizer="sgd"))


def test_a_folder_is_a_model_and_weights_for_the_saving_functions(tmp_path):
    model = make()
    fit(model, 2, OrbaxCheckpoint(tmp_path, max_to_keep=2))
    loaded = jkeras.models.load_model(tmp_path)
    assert loaded.compiled
    assert_same(state_of(loaded), state_of(model))
    assert_same(fit(loaded, 4, OrbaxCheckpoint(tmp_path), resume=True)["loss"], fit(model, 4, resume=True)["loss"])
    other = make()
    other.load_weights(tmp_path)
    assert_same(state_of(other), state_of(loaded))
    assert not jkeras.models.load_model(tmp_path, compile=False).compiled
    with pytest.raises(FileFormatError, match="does not fit this model"):
        make(units=9).load_weights(tmp_path)
    with pytest.raises(ValueError, match="skip_mismatch"):
        make().load_weights(tmp_path, skip_mismatch=True)


def test_the_checkpoint_that_is_read_is_the_one_that_was_checked(tmp_path):
    """A checkpoint that comes between checking and reading is not the one that is read."""
    model = make()
    fit(model, 1, OrbaxCheckpoint(tmp_path, max_to_keep=2))
    first = state_of(model)
    fit(model, 2, OrbaxCheckpoint(tmp_path, max_to_keep=2), resume=True)
    (tmp_path / "1" / "weights" / "_METADATA").rename(tmp_path / "aside")
    assert_same(state_of(jkeras.models.load_model(tmp_path)), first)


def test_a_folder_of_weights_alone_is_no_model(tmp_path):
    model = make()
    fit(model, 1, OrbaxCheckpoint(tmp_path, save_weights_only=True))
    with pytest.raises(FileFormatError, match="holds weights, but no architecture"):
        jkeras.models.load_model(tmp_path)
    other = make()
    other.load_weights(tmp_path)
    assert_same(other.get_weights(), model.get_weights())


def test_a_folder_cannot_ask_for_memory_without_bound(tmp_path):
    fit(make(), 1, OrbaxCheckpoint(tmp_path))
    notes = tmp_path / "0" / "notes" / "metadata"
    notes.write_text(notes.read_text().replace(r"\"units\": 8", r"\"units\": 80000000"))
    with pytest.raises(UnsafeFileError, match="the model's weights take 25,600,004,160,000,008 bytes"):
        jkeras.models.load_model(tmp_path)
    notes.write_text(notes.read_text().replace("{", "[", 1))
    with pytest.raises(FileFormatError, match="not JSON"):
        jkeras.models.load_model(tmp_path)


def test_a_missing_checkpoint_is_an_error_that_lists_what_there_is(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no checkpoint"):
        OrbaxCheckpoint(tmp_path / "empty").restore(make())
    checkpoint = OrbaxCheckpoint(tmp_path, max_to_keep=2)
    fit(make(), 2, checkpoint)
    with pytest.raises(FileNotFoundError, match=r"no checkpoint 7\. There are: 0, 1"):
        checkpoint.restore(make(), 7)
    with pytest.raises(FileNotFoundError, match="with the result 'val_loss'"):
        checkpoint.restore(make(), "best")


def test_a_new_training_does_not_write_over_an_old_one(tmp_path):
    fit(make(), 2, OrbaxCheckpoint(tmp_path, max_to_keep=None))
    with pytest.raises(ValueError, match=r"another training run, up to number 1.*(?s:.)*resume=True"):
        fit(make(), 2, OrbaxCheckpoint(tmp_path))
    assert OrbaxCheckpoint(tmp_path).steps() == [0, 1]


def test_epochs_run_in_one_dispatch_unless_batches_are_counted(tmp_path):
    assert not CallbackList([OrbaxCheckpoint(tmp_path)]).hears_train_batches
    assert CallbackList([OrbaxCheckpoint(tmp_path, save_freq=2)]).has_train_batch_hooks


@pytest.mark.parametrize("frequency", [0, -1, 1.5, "batch", True, None])
def test_wrong_frequencies_are_refused(tmp_path, frequency):
    with pytest.raises(ValueError, match="save_freq"):
        OrbaxCheckpoint(tmp_path, save_freq=frequency)


def test_without_orbax_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "orbax.checkpoint", None)
    with pytest.raises(ImportError, match=r"pip install .*jkeras\[files\]"):
        OrbaxCheckpoint(tmp_path)


# The same program on one device or on four; on four, the kernels are split into columns over the devices.
SPREAD = """
import sys
import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P

sys.path.insert(0, sys.argv[4])
from test_orbax_checkpoint import fit, make, state_of
import jkeras
from jkeras.callbacks import OrbaxCheckpoint

folder, act, out = sys.argv[1:4]
layout = None
if len(jax.devices()) == 4:
    mesh = Mesh(np.array(jax.devices()), ("model",))
    layout = lambda path, shape: NamedSharding(mesh, P(None, "model") if shape and shape[-1] == 8 and len(shape) == 2 else P())
jkeras.utils.set_random_seed(3)
model, checkpoint = make(), OrbaxCheckpoint(folder, max_to_keep=None)
if act == "save":
    if layout:
        for box in model.weights:
            box.assign(jax.device_put(box.value, layout(box.path, box.shape)))
    fit(model, 2, checkpoint)
else:
    checkpoint.restore(model, 1, layout=layout)
    assert fit(model, 3, resume=True)["loss"]
kernel = model.get_layer("mine").kernel
devices = {len(leaf.sharding.device_set) for leaf in jax.tree.leaves(model.optimizer.state) if leaf.shape == kernel.shape}
assert len(kernel.value.sharding.device_set) == len(jax.devices()) and devices == {len(jax.devices())}, devices
if layout:
    assert kernel.value.sharding.shard_shape(kernel.shape) == (8, 2), kernel.value.sharding
np.savez(out, *state_of(model))
"""


def spread(devices, folder, act, out):
    environment = os.environ | {"XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}", "JAX_PLATFORMS": "cpu"}
    command = [sys.executable, "-c", SPREAD, str(folder), act, str(out), str(Path(__file__).parent)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    with np.load(out) as arrays:
        return [arrays[name] for name in arrays.files]


@pytest.mark.slow
@pytest.mark.parametrize("before, after", [(1, 4), (4, 1)])
def test_a_training_goes_on_on_another_number_of_devices(tmp_path, before, after):
    spread(before, tmp_path / "runs", "save", tmp_path / "a.npz")
    moved = spread(after, tmp_path / "runs", "go on", tmp_path / "b.npz")
    stayed = spread(before, tmp_path / "runs", "go on", tmp_path / "c.npz")
    for one, other in zip(moved, stayed):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)

"""A training run that is saved and resumed equals one that never stopped, bit for bit."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import jax
import keras
import numpy as np
import pytest

import jkeras
from jkeras import layers, optimizers
from jkeras.callbacks import Callback, EarlyStopping, LearningRateScheduler, ModelCheckpoint, ReduceLROnPlateau

EPOCHS, BATCH = 4, 8
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(50, 4)).astype("float32")  # six batches of 8, and one of 2
Y = (X[:, :1] * 2 + RANDOM.normal(size=(50, 1)) * 0.1).astype("float32")


def make_model(optimizer="adam", metrics=("mae",), **options):
    jkeras.utils.clear_session()
    jkeras.utils.set_random_seed(3)
    stack = [layers.Input((4,)), layers.Dense(8, activation="relu"), layers.BatchNormalization(), layers.Dropout(0.5)]
    model = jkeras.Sequential([*stack, layers.Dense(1)])
    model.compile(optimizer, "mse", metrics=list(metrics), **options)
    return model


class SaveAt(Callback):
    """Writes the model after a number of batches of the whole training."""

    def __init__(self, path, batches, weights=False):
        self.path, self.left, self.weights = path, batches, weights

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if not self.left:
            (self.model.save_weights if self.weights else self.model.save)(self.path)


def fit(model, callbacks=(), **options):
    given = {"x": X, "y": Y, "batch_size": BATCH, "epochs": EPOCHS, "verbose": 0, "callbacks": list(callbacks), **options}
    return model.fit(**given)


def assert_same(model, other):
    for box, found in zip(model.weights, other.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(box.value), np.asarray(found.value), err_msg=box.path)
    states = jax.tree.leaves(model.optimizer.state), jax.tree.leaves(other.optimizer.state)
    for array, found in zip(*states, strict=True):
        np.testing.assert_array_equal(np.asarray(array), np.asarray(found))


def assert_end_of(history, whole):
    for name, values in history.history.items():
        assert values == whole.history[name][len(whole.epoch) - len(history.epoch) :], name
    assert history.history.keys() == whole.history.keys()


@pytest.mark.parametrize(("batches", "suffix"), [(1, ".keras"), (7, ".keras"), (9, ".keras"), (9, ".h5"), (27, ".keras")])
def test_from_the_middle_of_an_epoch(tmp_path, suffix, batches):
    model = make_model()
    whole = fit(model, [SaveAt(tmp_path / f"m{suffix}", batches)], validation_split=0.0, validation_data=(X[:9], Y[:9]))
    jkeras.utils.set_random_seed(99)
    other = jkeras.models.load_model(tmp_path / f"m{suffix}")
    rest = fit(other, resume=True, validation_data=(X[:9], Y[:9]))
    assert_same(model, other)
    assert_end_of(rest, whole)
    assert rest.epoch[0] == (batches - 1) // 7


@pytest.mark.parametrize("suffix", [".keras", ".h5"])
def test_from_the_end_of_an_epoch_and_of_a_run(tmp_path, suffix):
    model = make_model()
    whole = fit(model, [ModelCheckpoint(str(tmp_path / "{epoch}") + suffix)])
    first = make_model()
    fit(first, epochs=2)
    first.save(tmp_path / f"run{suffix}")
    for name in ("2", "run"):
        other = jkeras.models.load_model(tmp_path / f"{name}{suffix}")
        rest = fit(other, resume=True)
        assert_same(model, other)
        assert_end_of(rest, whole)
        assert rest.epoch == [2, 3]


def test_what_comes_after_is_the_same_too(tmp_path):
    """Whatever draws from the global stream of random numbers: the next fit, new layers."""
    model = make_model()
    fit(model, epochs=2)
    model.save(tmp_path / "m.keras")
    fit(model, resume=True)
    fit(model, epochs=1)
    other = jkeras.models.load_model(tmp_path / "m.keras")
    fit(other, resume=True)
    fit(other, epochs=1)
    assert_same(model, other)


@pytest.mark.parametrize("name", ["m.weights.h5", "m.weights.json"])
def test_from_weights_of_a_model_built_anew(tmp_path, name):
    model = make_model()
    fit(model, [SaveAt(tmp_path / name, 9, weights=True)])
    other = make_model()
    other.load_weights(tmp_path / name)
    fit(other, resume=True)
    assert_same(model, other)


def test_from_several_files_with_everything_that_an_optimizer_keeps(tmp_path):
    """Averages that `fit` put in place of the weights, and slots that Keras knows none of; files so small that all are needed."""

    def make():
        return make_model(optimizers.Adam(0.01, use_ema=True, ema_momentum=0.9))

    model = make()
    fit(model, epochs=2)
    model.save_weights(tmp_path / "m.weights.json", max_shard_size=200 / 1024**3)
    assert len(list(tmp_path.glob("m_*.weights.h5"))) > 3
    theirs = keras.models.model_from_json(model.to_json())
    theirs.load_weights(tmp_path / "m.weights.json")
    for found, wanted in zip(theirs.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(found, wanted)
    other = make()
    other.load_weights(tmp_path / "m.weights.json")
    for each in (model, other):
        fit(each, resume=True)
    assert_same(model, other)


OPTIMIZERS = {
    "SGD": lambda: optimizers.SGD(0.01),
    "momentum": lambda: optimizers.SGD(0.01, momentum=0.9, nesterov=True),
    "RMSprop": lambda: optimizers.RMSprop(0.001, momentum=0.5, centered=True),
    "Adam": lambda: optimizers.Adam(0.01, amsgrad=True),
    "AdamW": lambda: optimizers.AdamW(0.01, weight_decay=0.1, clipnorm=1.0),
    "schedule": lambda: optimizers.Adam(optimizers.schedules.CosineDecay(0.01, 20)),
    "average": lambda: optimizers.SGD(0.01, use_ema=True, ema_momentum=0.9),
    "overwritten average": lambda: optimizers.Adam(0.01, use_ema=True, ema_overwrite_frequency=5),
    "accumulation": lambda: optimizers.Adam(0.01, gradient_accumulation_steps=3),
    "all": lambda: optimizers.Adam(0.01, use_ema=True, gradient_accumulation_steps=2, global_clipnorm=1.0),
}


# Each kind of optimizer state once; the other optimizers are marked slow.
KINDS = [("momentum", ".keras"), ("Adam", ".keras"), ("schedule", ".keras"), ("all", ".keras"), ("accumulation", ".h5")]
OTHERS = [*((name, ".keras") for name in OPTIMIZERS if (name, ".keras") not in KINDS), ("Adam", ".h5"), ("all", ".h5")]


@pytest.mark.few(2)
@pytest.mark.parametrize(("name", "suffix"), [*KINDS, *(pytest.param(*other, marks=pytest.mark.slow) for other in OTHERS)])
def test_every_optimizer(tmp_path, name, suffix):
    model = make_model(OPTIMIZERS[name]())
    fit(model, [SaveAt(tmp_path / f"m{suffix}", 10)], epochs=2)
    other = jkeras.models.load_model(tmp_path / f"m{suffix}")
    fit(other, epochs=2, resume=True)
    assert_same(model, other)


@pytest.mark.parametrize("name", ["average", "all"])
def test_an_average_of_the_weights_does_not_hide_where_the_run_stood(tmp_path, name):
    model = make_model(OPTIMIZERS[name]())
    fit(model)
    first = make_model(OPTIMIZERS[name]())
    fit(first, epochs=2)
    first.save(tmp_path / "m.keras")
    other = jkeras.models.load_model(tmp_path / "m.keras")
    fit(other, resume=True)
    assert_same(model, other)


def test_mixed_precision_with_a_moving_loss_scale(tmp_path):
    jkeras.utils.clear_session()
    jkeras.utils.set_random_seed(3)
    model = jkeras.Sequential([layers.Input((4,)), layers.Dense(8, dtype="mixed_float16"), layers.Dense(1)])
    model.compile(optimizers.Adam(0.01), "mse")
    fit(model, [SaveAt(tmp_path / "m.keras", 10)], epochs=2)
    other = jkeras.models.load_model(tmp_path / "m.keras")
    fit(other, epochs=2, resume=True)
    assert_same(model, other)


CALLBACKS = {
    "a schedule": lambda: [LearningRateScheduler(lambda epoch, rate: rate * 0.7)],
    "a plateau": lambda: [ReduceLROnPlateau(monitor="loss", patience=1, min_delta=10.0, cooldown=1, factor=0.5)],
    "stopping": lambda: [EarlyStopping(monitor="loss", patience=2, min_delta=10.0)],
}


@pytest.mark.few(3)
@pytest.mark.parametrize("batches", [9, 14])
@pytest.mark.parametrize("name", CALLBACKS)
def test_callbacks_go_on_as_well(tmp_path, name, batches):
    model = make_model()
    if batches == 14:  # at the end of an epoch, after the others
        saver, path = ModelCheckpoint(str(tmp_path / "{epoch}.keras")), tmp_path / "2.keras"
    else:
        saver, path = SaveAt(tmp_path / "m.keras", batches), tmp_path / "m.keras"
    whole = fit(model, [*CALLBACKS[name](), saver], epochs=6)
    other = jkeras.models.load_model(path)
    rest = fit(other, CALLBACKS[name](), epochs=6, resume=True)
    assert_same(model, other)
    assert rest.epoch[-1] == whole.epoch[-1]


def test_metrics_with_arrays_of_their_own(tmp_path):
    def make():
        jkeras.utils.clear_session()
        jkeras.utils.set_random_seed(1)
        model = jkeras.Sequential([layers.Input((4,)), layers.Dense(1, activation="sigmoid")])
        model.compile("adam", "binary_crossentropy", metrics=[jkeras.metrics.AUC(), "accuracy"], weighted_metrics=["mse"])
        return model

    model, y = make(), (Y > 0).astype("float32")
    whole = fit(model, [SaveAt(tmp_path / "m.keras", 10)], y=y, epochs=2)
    rest = fit(jkeras.models.load_model(tmp_path / "m.keras"), y=y, epochs=2, resume=True)
    assert_end_of(rest, whole)


def batches_for_ever():
    at = 0
    while True:
        yield X[at % 40 : at % 40 + 8], Y[at % 40 : at % 40 + 8]
        at += 8


class Indexed(jkeras.utils.PyDataset):
    def __len__(self):
        return 6

    def __getitem__(self, i):
        return X[8 * i : 8 * i + 8], Y[8 * i : 8 * i + 8]


class Again:
    def __iter__(self):
        return ((X[i : i + 8], Y[i : i + 8]) for i in range(0, 48, 8))


SOURCES = {
    "a generator": lambda: {"x": batches_for_ever(), "steps_per_epoch": 3},
    "what can be read again": lambda: {"x": Again()},
    "what can be read again, in stretches": lambda: {"x": Again(), "steps_per_epoch": 4},
    "a dataset": lambda: {"x": Indexed()},
    "arrays in stretches": lambda: {"x": X, "y": Y, "batch_size": 8, "steps_per_epoch": 3},
    "shuffled in batches": lambda: {"x": X, "y": Y, "batch_size": 8, "shuffle": "batch"},
}


@pytest.mark.few(6)
@pytest.mark.parametrize("batches", [4, 7])
@pytest.mark.parametrize("name", SOURCES)
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
def test_every_kind_of_data_is_brought_to_its_place(tmp_path, name, batches):
    model = make_model()
    whole = model.fit(**SOURCES[name](), epochs=4, verbose=0, callbacks=[SaveAt(tmp_path / "m.keras", batches)])
    other = jkeras.models.load_model(tmp_path / "m.keras")
    rest = other.fit(**SOURCES[name](), epochs=4, verbose=0, resume=True)
    assert_same(model, other)
    assert_end_of(rest, whole)


@pytest.mark.parametrize("options", [{"steps_per_execution": 3}, {"run_eagerly": True}])
def test_however_the_steps_run(tmp_path, options):
    model = make_model(**options)
    whole = fit(model, [ModelCheckpoint(tmp_path / "{epoch}-{batch}.keras", save_freq=3)], epochs=2)
    other = jkeras.models.load_model(tmp_path / "2-2.keras" if "run_eagerly" in options else tmp_path / "1-6.keras")
    rest = fit(other, epochs=2, resume=True)
    assert_same(model, other)
    assert_end_of(rest, whole)


class OwnStep(jkeras.Sequential):
    def train_step(self, state, batch):
        state, logs = super().train_step(state, batch)
        return state, {**logs, "twice": 2 * logs["loss"]}


@pytest.mark.parametrize("batches", [5, 7])
def test_a_step_of_ones_own_reports_the_same(tmp_path, batches):
    def make():
        jkeras.utils.clear_session()
        jkeras.utils.set_random_seed(3)
        model = OwnStep([layers.Input((4,)), layers.Dense(1)])
        model.compile("adam", "mse")
        return model

    model = make()
    whole = fit(model, [SaveAt(tmp_path / "m.weights.h5", batches, weights=True)], epochs=2)
    other = make()
    other.load_weights(tmp_path / "m.weights.h5")
    assert_end_of(fit(other, epochs=2, resume=True), whole)


def test_a_run_that_was_interrupted_goes_on_in_the_same_process(tmp_path):
    class Interrupt(Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 3:
                raise KeyboardInterrupt

    model = make_model()
    fit(model)
    other = make_model()
    with pytest.raises(KeyboardInterrupt):
        fit(other, [Interrupt()])
    fit(other, resume=True)
    assert_same(model, other)


@pytest.mark.optimised
def test_another_process_goes_on(tmp_path):
    code = textwrap.dedent(
        """
        import json, sys
        import numpy as np
        sys.path.insert(0, "tests")
        import jkeras, test_saving_resume as t
        model = jkeras.models.load_model(sys.argv[1])
        history = t.fit(model, resume=True)
        print(json.dumps([history.history["loss"], [np.asarray(w).tolist() for w in model.get_weights()]]))
        """
    )
    model = make_model()
    whole = fit(model, [SaveAt(tmp_path / "m.keras", 10)])
    root = Path(__file__).resolve().parent.parent
    command = [sys.executable, "-c", code, str(tmp_path / "m.keras")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=root, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    losses, weights = json.loads(done.stdout.splitlines()[-1])
    assert losses == whole.history["loss"][1:]
    for box, found in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(box, np.asarray(found, np.float32))


# what cannot resume, and why --------------------------------------------------------------------------------------------------


def test_a_model_without_a_training_says_how_to_get_one(tmp_path):
    with pytest.raises(ValueError, match="holds none"):
        fit(make_model(), resume=True)
    model = make_model()
    fit(model, epochs=1)
    model.save(tmp_path / "m.keras", include_optimizer=False)
    other = jkeras.models.load_model(tmp_path / "m.keras")
    other.compile("adam", "mse")
    with pytest.raises(ValueError, match="holds none"):
        fit(other, resume=True)


def test_compiling_begins_a_new_training(tmp_path):
    model = make_model()
    fit(model, epochs=1)
    model.compile("adam", "mse")
    with pytest.raises(ValueError, match="holds none"):
        fit(model, resume=True)


def test_other_data_in_the_middle_of_an_epoch_are_refused_and_at_its_end_are_not(tmp_path):
    fit(make_model(), [SaveAt(tmp_path / "m.keras", 3)], epochs=1)
    for change in ({"batch_size": 4}, {"x": X[:20], "y": Y[:20]}):
        with pytest.raises(ValueError, match=r"after 3 of 7 batches of epoch 1, in batches of 8"):
            fit(jkeras.models.load_model(tmp_path / "m.keras"), resume=True, **change)
    model = make_model()
    fit(model, epochs=1)
    model.save(tmp_path / "m.keras")
    history = fit(jkeras.models.load_model(tmp_path / "m.keras"), resume=True, batch_size=4)
    assert history.epoch == [1, 2, 3]


def test_other_metrics_in_the_middle_of_an_epoch_are_refused(tmp_path):
    fit(make_model(), [SaveAt(tmp_path / "m.weights.h5", 3, weights=True)], epochs=1)
    other = make_model(metrics=("mse",))
    other.load_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ValueError, match=r"mae/count: float32 scalar[\s\S]*compiled with others[\s\S]*mse/count"):
        fit(other, resume=True)


def test_two_beginnings_are_one_too_many():
    model = make_model()
    fit(model, epochs=1)
    with pytest.raises(ValueError, match="leave initial_epoch out"):
        fit(model, resume=True, initial_epoch=1)


def test_data_that_end_too_early_say_so(tmp_path):
    options = {"steps_per_epoch": 3, "verbose": 0, "epochs": 3}
    model = make_model()
    model.fit(batches_for_ever(), **{**options, "epochs": 2})
    short = ((X[:8], Y[:8]) for _ in range(4))
    with pytest.raises(ValueError, match=r"ended after \d of 6"):
        model.fit(short, **options, resume=True)

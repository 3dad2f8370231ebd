"""Files hold the optimizer's state: after loading, training continues with the losses of the library that wrote the file."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import pytest
from saving_io import library, read2, read3, write2, write3

import jkeras
from jkeras._base.errors import FileFormatError
from jkeras._safe_io.hdf5 import open_hdf5
from jkeras.saving.optimizer_weights import choose, put_state, read_state, to_keras2_list

RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(24, 4)).astype("float32"), RNG.normal(size=(24, 2)).astype("float32")

OPTIMIZERS = {
    "sgd": lambda k: k.optimizers.SGD(0.05),
    "momentum": lambda k: k.optimizers.SGD(0.05, momentum=0.9, nesterov=True),
    "rmsprop": lambda k: k.optimizers.RMSprop(0.01),
    "rmsprop centered": lambda k: k.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "adam": lambda k: k.optimizers.Adam(0.02),
    "amsgrad": lambda k: k.optimizers.Adam(0.02, amsgrad=True),
    "adamw": lambda k: k.optimizers.AdamW(0.02, weight_decay=0.01),
    "adagrad": lambda k: k.optimizers.Adagrad(0.05),
    "adadelta": lambda k: k.optimizers.Adadelta(0.5, epsilon=1e-4),
    "ftrl": lambda k: k.optimizers.Ftrl(0.05, l1_regularization_strength=0.001),
    "adamax": lambda k: k.optimizers.Adamax(0.02),
    "lion": lambda k: k.optimizers.Lion(0.01),
    "adafactor": lambda k: k.optimizers.Adafactor(0.02),
    "average": lambda k: k.optimizers.Adam(0.02, use_ema=True, ema_overwrite_frequency=3),
    "schedule": lambda k: k.optimizers.Adam(k.optimizers.schedules.ExponentialDecay(0.05, 4, 0.5)),
}


def groups(k):
    """Adam for the first layer, an average for biases, a schedule for the rest, and one for nothing."""
    rest = k.optimizers.SGD(k.optimizers.schedules.ExponentialDecay(0.05, 4, 0.5), momentum=0.9)
    kernels, biases = k.optimizers.Adam(0.02), k.optimizers.RMSprop(0.01, use_ema=True, ema_overwrite_frequency=3)
    by_path = {r".*dense[_\d]*/kernel": kernels, ".*bias": biases, "nowhere": k.optimizers.Nadam()}
    return k.optimizers.MultiOptimizer(k.optimizers.OptimizerMap(rest, by_path))


KERAS_3_ONLY = {
    "schedule free": lambda k: k.optimizers.ScheduleFreeAdamW(0.02, warmup_steps=5),
    "groups": groups,
    "nadam": lambda k: k.optimizers.Nadam(0.02),  # tf_keras multiplies its momenta once more for each further weight
    "lamb": lambda k: k.optimizers.Lamb(0.02),
    "muon": lambda k: k.optimizers.Muon(0.02),
    "accumulation": lambda k: k.optimizers.Adam(0.02, gradient_accumulation_steps=2, use_ema=True),
    "loss scale": lambda k: k.optimizers.LossScaleOptimizer(k.optimizers.SGD(0.02, momentum=0.9), initial_scale=1024.0),
}
LEGACY = {
    "adam": (lambda k: k.Adam(0.02), OPTIMIZERS["adam"]),
    "amsgrad": (lambda k: k.Adam(0.02, amsgrad=True), OPTIMIZERS["amsgrad"]),
    "sgd": (lambda k: k.SGD(0.05), OPTIMIZERS["sgd"]),
    "momentum": (lambda k: k.SGD(0.05, momentum=0.9, nesterov=True), OPTIMIZERS["momentum"]),
    "rmsprop": (lambda k: k.RMSprop(0.01), OPTIMIZERS["rmsprop"]),
    "adagrad": (lambda k: k.Adagrad(0.05), OPTIMIZERS["adagrad"]),
    "adamax": (lambda k: k.Adamax(0.02), OPTIMIZERS["adamax"]),
    "adadelta": (lambda k: k.Adadelta(0.5, epsilon=1e-4), OPTIMIZERS["adadelta"]),
    "ftrl": (lambda k: k.Ftrl(0.05, l1_regularization_strength=0.001), OPTIMIZERS["ftrl"]),
    "rmsprop centered": (lambda k: k.RMSprop(0.01, momentum=0.5, centered=True), OPTIMIZERS["rmsprop centered"]),
}


def make(k, optimizer, seed=0):
    """A small model with batch normalization and a frozen layer, two weights of one shape among the others."""
    layers = [k.layers.Dense(4, activation="tanh"), k.layers.Dense(4, trainable=False), k.layers.BatchNormalization()]
    model = k.Sequential([k.Input(shape=(4,)), *layers, k.layers.Dense(2)])
    rng = np.random.default_rng(seed)
    model.set_weights([np.abs(rng.normal(size=w.shape)).astype(w.dtype) + 0.05 for w in model.get_weights()])
    model.compile(optimizer(k), "mse")
    return model


def losses(model, epochs=2):
    return model.fit(X, Y, batch_size=8, epochs=epochs, shuffle=False, verbose=0).history["loss"]


def read_both(theirs, optimizer, folder):
    """Our models after a training of theirs, from both layouts."""
    theirs.save_weights(folder / "w.weights.h5")
    third, second = (make(jkeras, optimizer, seed=seed) for seed in (1, 2))
    read3(folder / "w.weights.h5", third)
    if isinstance(theirs.optimizer, keras.optimizers.Adafactor):  # whose means have one name, so Keras 3 fails to write them
        return (third,)
    theirs.save(folder / "w.h5")
    read2(folder / "w.h5", second)
    return third, second


@pytest.mark.few(10)
@pytest.mark.filterwarnings("ignore:.*HDF5 file")
@pytest.mark.parametrize("optimizer", {**OPTIMIZERS, **KERAS_3_ONLY})
def test_training_of_keras_goes_on_here(optimizer, tmp_path):
    optimizer = {**OPTIMIZERS, **KERAS_3_ONLY}[optimizer]
    theirs = make(keras, optimizer)
    losses(theirs)
    ours = read_both(theirs, optimizer, tmp_path)
    # In Keras another model continues: after a `fit` with averages, the first one's arrays cannot be used again.
    other = make(keras, optimizer, seed=2)
    other.optimizer.build(other.trainable_variables)
    other.load_weights(tmp_path / "w.weights.h5")
    iterations, expected = int(theirs.optimizer.iterations), losses(other)
    for model in ours:
        assert int(model.optimizer.iterations) == iterations
        np.testing.assert_allclose(losses(model), expected, rtol=1e-5)


@pytest.mark.few(10)
@pytest.mark.parametrize("optimizer", {**OPTIMIZERS, **KERAS_3_ONLY})
def test_our_training_goes_on_in_keras_and_here(optimizer, tmp_path):
    optimizer = {**OPTIMIZERS, **KERAS_3_ONLY}[optimizer]
    ours, theirs, again = make(jkeras, optimizer), make(keras, optimizer, seed=1), make(jkeras, optimizer, seed=2)
    losses(ours)
    write3(tmp_path / "w.weights.h5", ours)
    theirs.optimizer.build(theirs.trainable_variables)
    theirs.load_weights(tmp_path / "w.weights.h5")
    read3(tmp_path / "w.weights.h5", again)
    expected = losses(ours)
    assert losses(again) == expected
    np.testing.assert_allclose(losses(theirs), expected, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:.*HDF5 file")
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_of_tf_keras_goes_on_here(optimizer, tmp_path):
    optimizer = OPTIMIZERS[optimizer]
    theirs = make(library("tf_keras"), optimizer)
    losses(theirs)
    ours = read_both(theirs, optimizer, tmp_path)
    expected = losses(theirs)
    for model in ours:
        np.testing.assert_allclose(losses(model), expected, rtol=1e-5)


@pytest.mark.filterwarnings("ignore:.*HDF5 file")
@pytest.mark.parametrize("name", LEGACY)
def test_training_with_legacy_optimizers_of_tf_keras_goes_on_here(name, tmp_path):
    tf_keras, (there, here) = library("tf_keras"), LEGACY[name]
    theirs, ours = make(tf_keras, lambda k: there(k.optimizers.legacy)), make(jkeras, here, seed=1)
    losses(theirs)
    theirs.save(tmp_path / "w.h5")
    read2(tmp_path / "w.h5", ours)
    assert int(ours.optimizer.iterations) == 6
    np.testing.assert_allclose(losses(ours), losses(theirs), rtol=1e-5)


@pytest.mark.filterwarnings("ignore:.*HDF5 file")
@pytest.mark.parametrize("legacy", [False, True])
def test_files_of_tf_keras_with_a_scaled_loss_hold_the_optimizer_inside(legacy, tmp_path):
    def there(k):
        inner = (k.optimizers.legacy if legacy else k.optimizers).Adam(0.02)
        return k.mixed_precision.LossScaleOptimizer(inner, initial_scale=1024.0)

    def here(k):
        return k.optimizers.LossScaleOptimizer(k.optimizers.Adam(0.02), initial_scale=1024.0)

    theirs, ours = make(library("tf_keras"), there), make(jkeras, here, seed=1)
    losses(theirs)
    theirs.save(tmp_path / "w.h5")
    read2(tmp_path / "w.h5", ours)
    assert int(ours.optimizer.iterations) == 6
    np.testing.assert_allclose(losses(ours), losses(theirs), rtol=1e-5)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_our_keras_2_layout_is_in_the_order_of_tf_keras(optimizer, tmp_path):
    """Where tf_keras has a legacy optimizer of a class, it makes that one of our files, and the order is that of legacy."""
    tf_keras = library("tf_keras")
    legacy, there = {name: make_there for name, (make_there, _) in LEGACY.items()}.get(optimizer), OPTIMIZERS[optimizer]
    if legacy is not None:
        there = lambda k: legacy(k.optimizers.legacy)  # noqa: E731
    elif optimizer == "schedule":
        there = lambda k: k.optimizers.legacy.Adam(k.optimizers.schedules.ExponentialDecay(0.05, 4, 0.5))  # noqa: E731
    ours, again, theirs = (make(k, o, i) for i, (k, o) in enumerate([(jkeras, OPTIMIZERS[optimizer])] * 2 + [(tf_keras, there)]))
    losses(ours)
    write2(tmp_path / "w.h5", ours)
    read2(tmp_path / "w.h5", again)
    theirs.load_weights(tmp_path / "w.h5")
    new = hasattr(theirs.optimizer, "build")
    (theirs.optimizer.build if new else theirs.optimizer._create_all_weights)(theirs.trainable_variables)
    theirs.optimizer.set_weights([value() for _, value in to_keras2_list(ours)])
    expected = losses(ours)
    np.testing.assert_allclose(losses(again), expected, rtol=1e-6)
    np.testing.assert_allclose(losses(theirs), expected, rtol=1e-5)


@pytest.mark.parametrize("optimizer", ["adam", "momentum", "rmsprop centered", "adagrad", "adadelta", "ftrl", "adamax"])
def test_our_training_goes_on_in_tf_keras(optimizer, tmp_path):
    ours = make(jkeras, OPTIMIZERS[optimizer])
    losses(ours)
    ours.save(tmp_path / "w.h5")
    theirs = library("tf_keras").models.load_model(tmp_path / "w.h5")
    np.testing.assert_allclose(losses(theirs), losses(ours), rtol=1e-5)


@pytest.mark.filterwarnings("ignore:.*HDF5 file")
@pytest.mark.parametrize("legacy", [False, True])
def test_nadam_of_tf_keras_keeps_its_means(legacy, tmp_path):
    """And goes on by the rule of Keras 3: tf_keras' own product of momenta is wrong, and legacy's schedule another one."""
    tf_keras, nadam = library("tf_keras"), KERAS_3_ONLY["nadam"]
    theirs = make(tf_keras, lambda k: (k.optimizers.legacy if legacy else k.optimizers).Nadam(0.02))
    losses(theirs)
    kept = [np.asarray(v) for v in (theirs.optimizer.variables() if legacy else theirs.optimizer.variables)]
    for ours in read_both(theirs, nadam, tmp_path) if not legacy else [make(jkeras, nadam, seed=1)]:
        if legacy:
            theirs.save(tmp_path / "w.h5")
            read2(tmp_path / "w.h5", ours)
        steps, *found, product = ours.optimizer.variables[:1] + ours.optimizer.variables[2:]
        assert int(steps) == 6
        count = len(found) // 2
        means = [*kept[2 : 2 + count], *kept[2 + count :]] if legacy else [*kept[1::2], *kept[2::2]]
        for a, b in zip([*found[::2], *found[1::2]], means, strict=True):
            np.testing.assert_array_equal(a, b)
        assert 0 < float(product) < 0.1
        assert legacy or float(product) == pytest.approx(np.prod([0.9 * (1 - 0.5 * 0.96**t) for t in range(1, 7)]))
        assert losses(ours)[-1] > 0


def test_our_nadam_goes_on_from_h5_here_and_opens_in_tf_keras(tmp_path):
    ours, again = (make(jkeras, KERAS_3_ONLY["nadam"], seed) for seed in (0, 1))
    losses(ours)
    ours.save(tmp_path / "w.h5")
    read2(tmp_path / "w.h5", again)
    theirs = library("tf_keras").models.load_model(tmp_path / "w.h5")
    means = [np.asarray(v) for v in theirs.optimizer.variables()][2:]
    slots = ours.optimizer.variables[2:-1]
    for a, b in zip([*slots[::2], *slots[1::2]], means, strict=True):
        np.testing.assert_array_equal(a, b)
    assert losses(again) == losses(ours)


def test_arrays_of_another_optimizer_are_left_alone_with_a_warning(tmp_path):
    saved, ours = make(jkeras, OPTIMIZERS["adam"]), make(jkeras, OPTIMIZERS["sgd"], seed=1)
    losses(saved)
    for write, read in ((write2, read2), (write3, read3)):
        write(tmp_path / "w.h5", saved)
        with pytest.warns(UserWarning, match=r"w.h5.*'sgd"):
            read(tmp_path / "w.h5", ours)
        assert ours.optimizer.state is None
        np.testing.assert_array_equal(ours.get_weights()[0], saved.get_weights()[0])


def test_the_order_of_keras_2_2_is_known(tmp_path):
    """Its Adam has an array of one number for each weight where it keeps no maxima; its RMSprop has no count of steps."""
    import h5py

    adam, rmsprop = make(jkeras, OPTIMIZERS["adam"]), make(jkeras, OPTIMIZERS["rmsprop"])
    shapes = [w.shape for w in adam.trainable_weights]
    slots = [np.full(shape, i + 1, "float32") for i, shape in enumerate([*shapes, *shapes])]
    with h5py.File(tmp_path / "w.h5", "w") as file:
        for i, array in enumerate([np.int64(5), *slots, *[np.zeros(1, "float32")] * len(shapes)]):
            file[f"a/{i}"] = array
        for i, array in enumerate(slots[: len(shapes)]):
            file[f"b/{i}"] = array
    with open_hdf5(tmp_path / "w.h5", "w") as root:
        for model, name in ((adam, "a"), (rmsprop, "b")):
            count = len(root.group(name).names())
            chosen = choose(
                model, [root.array(f"{name}/{i}") for i in range(count)], "w", [f"training/{i}:0" for i in range(count)]
            )
            put_state(chosen, read_state(chosen))
    assert int(adam.optimizer.iterations) == 5
    assert int(rmsprop.optimizer.iterations) == 0
    momentums, velocities = adam.optimizer.variables[1:][1::2], adam.optimizer.variables[1:][2::2]
    assert [float(m.ravel()[0]) for m in momentums] == list(range(1, len(shapes) + 1))
    assert [float(v.ravel()[0]) for v in velocities] == list(range(len(shapes) + 1, 2 * len(shapes) + 1))


def test_a_count_of_steps_has_bounds(tmp_path):
    import h5py

    saved = make(jkeras, OPTIMIZERS["sgd"])
    losses(saved)
    write3(tmp_path / "w.h5", saved)
    with h5py.File(tmp_path / "w.h5", "a") as file:
        del file["optimizer/vars/0"]
        file["optimizer/vars/0"] = np.int64(2**40)
    ours = make(jkeras, OPTIMIZERS["sgd"], seed=1)
    before = ours.get_weights()
    with pytest.raises(FileFormatError, match="optimizer/vars/0"):
        read3(tmp_path / "w.h5", ours)
    np.testing.assert_array_equal(ours.get_weights()[0], before[0])


def test_a_changed_learning_rate_comes_along(tmp_path):
    saved, ours = make(jkeras, OPTIMIZERS["adam"]), make(jkeras, OPTIMIZERS["adam"], seed=1)
    losses(saved)
    saved.optimizer.learning_rate = 0.125
    write3(tmp_path / "w.h5", saved)
    read3(tmp_path / "w.h5", ours)
    assert float(ours.optimizer.learning_rate) == 0.125

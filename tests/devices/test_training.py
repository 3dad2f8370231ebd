"""`fit`, `evaluate` and `predict` on eight devices give the numbers of one."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import PartitionSpec as P

import jkeras
from jkeras import distribution, layers
from jkeras._base.aligned import aligned_empty
from jkeras.training.programs.recompiles import compiles_by_name

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(100, 6)).astype("float32"), RNG.integers(0, 4, 100)
IMAGES = RNG.normal(size=(50, 8, 8, 2)).astype("float32")


@pytest.fixture(autouse=True)
def eight():
    assert jax.device_count() == 8
    yield
    distribution.set_distribution(None)


def rules():
    mesh = distribution.DeviceMesh((2, 4), ["data", "model"])
    found = distribution.LayoutMap(mesh)
    found[".*first/kernel"], found[".*first/bias"], found[".*top/kernel"] = (None, "model"), ("model",), ("model", None)
    return distribution.ModelParallel(layout_map=found, batch_dim_name="data")


WAYS = {
    "data": lambda: "data",
    "zero": lambda: distribution.DataParallel(shards_optimizer=True),
    "fsdp": lambda: distribution.FullySharded(smallest=0),
    "fsdp and model": lambda: distribution.FullySharded(distribution.DeviceMesh((4, 2), ["data", "model"]), smallest=0),
    "rules": rules,
}


def mlp(*between):
    jkeras.utils.set_random_seed(3)
    net = [layers.Input((6,)), layers.Dense(16, "relu", name="first"), *between, layers.Dense(4, name="top")]
    return jkeras.Sequential(net, name="net")


def cnn():
    jkeras.utils.set_random_seed(3)
    return jkeras.Sequential(
        [
            layers.Input((8, 8, 2)),
            layers.Conv2D(4, 3, strides=2, activation="relu"),
            layers.BatchNormalization(),
            layers.DepthwiseConv2D(2),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4),
        ]
    )


LOSS = jkeras.losses.SparseCategoricalCrossentropy(from_logits=True)


def numbers(model, way, x=X, y=Y, optimizer="adam", **fit):
    """Losses, metrics, outputs and weights after a training."""
    model.compile(optimizer, LOSS, metrics=["accuracy"], distribution=way)
    history = model.fit(x, y, epochs=2, batch_size=32, verbose=0, **fit).history
    shown = [*model.evaluate(x, y, batch_size=24, verbose=0), *model.predict(x, batch_size=24, verbose=0).ravel()]
    return np.array([*np.ravel(list(history.values())), *shown]), model.get_weights()


def assert_same(one, many, tolerance=1e-5):
    np.testing.assert_allclose(many[0], one[0], rtol=tolerance, atol=tolerance)
    for a, b in zip(one[1], many[1]):
        np.testing.assert_allclose(b, a, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("way", [pytest.param(w, marks=[pytest.mark.slow] * (w in ("zero", "fsdp and model"))) for w in WAYS])
def test_a_training_gives_the_numbers_of_one_device(way):
    expected = numbers(mlp(layers.Dropout(0.2)), None)
    spread = mlp(layers.Dropout(0.2))
    assert_same(expected, numbers(spread, WAYS[way]()))
    cut = [not weight.value.sharding.is_fully_replicated for weight in spread.trainable_weights]
    assert any(cut) == (way not in ("data", "zero"))


def test_statistics_of_a_batch_are_those_of_all_devices():
    assert_same(numbers(cnn(), None, IMAGES, Y[:50]), numbers(cnn(), "data", IMAGES, Y[:50]), 1e-4)


SETTINGS = {
    "accumulation": {"optimizer": lambda: jkeras.optimizers.SGD(0.1, gradient_accumulation_steps=2)},
    "average": {"optimizer": lambda: jkeras.optimizers.Adam(0.01, use_ema=True)},
    "clipped": {"optimizer": lambda: jkeras.optimizers.SGD(0.1, momentum=0.9, global_clipnorm=0.1)},
    "factored": {"optimizer": lambda: jkeras.optimizers.Adafactor(0.01)},
    "class weights": {"class_weight": {0: 1.0, 1: 2.0, 2: 0.5, 3: 0.0}},
    "row weights": {"sample_weight": np.linspace(0, 1, 100)},
    "validation": {"validation_data": (X[:30], Y[:30])},
    "one event a step": {"callbacks": [jkeras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: None)]},
}


@pytest.mark.few(4)
@pytest.mark.parametrize("setting", SETTINGS)
def test_what_fit_and_optimizers_offer_works_on_a_mesh(setting):
    options = SETTINGS[setting]
    optimizer = options.get("optimizer", lambda: "adam")
    rest = {name: value for name, value in options.items() if name != "optimizer"}
    one, many = (numbers(mlp(), way, optimizer=optimizer(), **rest) for way in (None, WAYS["fsdp"]()))
    assert_same(one, many)


class Batches:
    """Fills the same arrays for every batch, as many loaders do."""

    def __iter__(self):
        x, y = aligned_empty((24, 6), np.dtype("float32")), aligned_empty((24,), Y.dtype)
        for at in range(0, 100, 24):
            rows = len(X[at : at + 24])
            x[:rows], y[:rows] = X[at : at + 24], Y[at : at + 24]
            yield x[:rows], y[:rows]


def test_streams_and_single_batches():
    found = []
    for way in (None, WAYS["fsdp"]()):
        model = mlp()
        model.compile("adam", LOSS, distribution=way)
        history = model.fit(Batches(), epochs=2, verbose=0).history
        singles = [model.train_on_batch(X[:20], Y[:20]), model.test_on_batch(X[:10], Y[:10])]
        rows = model.predict(X[:3], verbose=0), model.predict_on_batch(X[:5]), model(X[:2])
        found.append(np.concatenate([history["loss"], np.ravel(singles), *(np.ravel(r) for r in rows)]))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-5, atol=1e-5)


def test_half_precision_scales_its_loss():
    found = []
    for way in (None, "data"):
        jkeras.utils.set_random_seed(3)
        net = [layers.Input((6,)), layers.Dense(16, "relu", dtype="mixed_float16"), layers.Dense(4, dtype="mixed_float16")]
        model = jkeras.Sequential(net)
        model.compile(jkeras.optimizers.LossScaleOptimizer(jkeras.optimizers.SGD(0.1)), LOSS, distribution=way)
        found.append(model.fit(X, Y, epochs=2, verbose=0).history["loss"])
    np.testing.assert_allclose(found[1], found[0], rtol=2e-3)


class OwnStep(jkeras.Sequential):
    def train_step(self, state, batch):
        x, y, sample_weight = batch
        grads, outcome = jax.grad(self.objective, has_aux=True)(state.params, state.state, x, y, sample_weight, state.key)
        state = self.apply_gradients(state._replace(state=outcome.state), jax.tree.map(lambda g: 0.5 * g, grads))
        return self.update_metrics(state, y, outcome, sample_weight)


def test_a_step_of_ones_own():
    found = []
    for way in (None, WAYS["rules"]()):
        jkeras.utils.set_random_seed(3)
        model = OwnStep([layers.Input((6,)), layers.Dense(16, "relu", name="first"), layers.Dense(4, name="top")])
        found.append(numbers(model, way))
    assert_same(*found)


def test_a_model_may_be_built_before_the_distribution_is_set_and_moves_back():
    model = mlp()
    model.compile("adam", LOSS)
    model.fit(X, Y, verbose=0)
    distribution.set_distribution(WAYS["fsdp"]())
    model.fit(X, Y, verbose=0)
    kernel = model.get_layer("first").kernel
    assert kernel.value.sharding.spec == P(None, "data")
    assert model.optimizer.state.slots.momentums["first"]["kernel"].sharding.spec == P(None, "data")
    kernel.assign(jnp.ones(kernel.shape))
    assert kernel.value.sharding.spec == P(None, "data")
    before = model.evaluate(X, Y, verbose=0)
    distribution.set_distribution(None)
    np.testing.assert_allclose(model.evaluate(X, Y, verbose=0), before, rtol=1e-5)
    assert all(len(leaf.devices()) == 1 for leaf in (kernel.value, *jax.tree.leaves(model.optimizer.state)))
    model.fit(X, Y, verbose=0)


def test_a_model_larger_than_a_device_is_whole_nowhere():
    model = mlp()
    model.compile("adam", LOSS, distribution=WAYS["fsdp"]())
    model.fit(X[:32], Y[:32], verbose=0)
    made = model._trainer.optimizer_init()(model.params_and_state()[0]).slots.momentums["first"]["kernel"]
    for array in (model.get_layer("first").kernel.value, made):
        assert {shard.data.size for shard in array.addressable_shards} == {array.size // 8}


def test_copies_lie_as_the_model_does():
    model = mlp()
    model.compile("adam", LOSS, distribution=WAYS["rules"]())
    model.fit(X, Y, verbose=0)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        np.testing.assert_allclose(other.evaluate(X, Y, verbose=0), model.evaluate(X, Y, verbose=0), rtol=1e-5)
        assert other.get_layer("first").kernel.value.sharding.spec == P(None, "model")
        other.fit(X, Y, verbose=0)


def test_one_program_serves_a_training():
    model = mlp()
    model.compile("adam", LOSS, metrics=["accuracy"], distribution=WAYS["fsdp"]())
    before = compiles_by_name()["jit(in_loop)"]
    model.fit(X[:96], Y[:96], epochs=3, verbose=0)
    model.fit(X[:64], Y[:64], epochs=2, verbose=0)
    assert compiles_by_name()["jit(in_loop)"] == before + 1


def test_files_hold_the_whole_and_a_loaded_model_may_lie_otherwise(tmp_path):
    model = mlp()
    expected = numbers(model, WAYS["rules"]())[1]
    model.save(tmp_path / "model.keras")
    model.save_weights(tmp_path / "model.weights.h5")
    loaded = jkeras.models.load_model(tmp_path / "model.keras")
    distribution.set_distribution(WAYS["fsdp"]())
    other = mlp()
    other.compile("adam", LOSS)
    other.predict(X[:8], verbose=0)
    other.load_weights(tmp_path / "model.weights.h5")
    assert other.get_layer("first").kernel.value.sharding.spec == P(None, "data")
    for found in (loaded, other):
        for a, b in zip(expected, found.get_weights()):
            np.testing.assert_array_equal(a, b)
    loaded.fit(X, Y, verbose=0)


def test_a_training_goes_on_in_another_layout(tmp_path):
    backup = lambda: jkeras.callbacks.BackupAndRestore(tmp_path / "run", delete_checkpoint=False)  # noqa: E731
    through = mlp()
    through.compile("adam", LOSS, distribution="data")
    expected = through.fit(X, Y, epochs=4, verbose=0).history["loss"]
    cut = mlp()
    cut.compile("adam", LOSS, distribution="data")
    cut.fit(X, Y, epochs=2, verbose=0, callbacks=[backup()])
    other = mlp()
    other.compile("adam", LOSS, distribution=WAYS["fsdp"]())
    found = other.fit(X, Y, epochs=4, verbose=0, callbacks=[backup()]).history["loss"]
    np.testing.assert_allclose(found, expected[-len(found) :], rtol=1e-5)
    assert len(found) == 2

"""`reproducible="devices"`: the same bits on any number of devices, at the bytes of a ring; refused where it cannot hold."""

import hashlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import distribution, layers
from jkeras.models.layouts import collectives
from jkeras.training.programs.placed import Placed

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(44, 8)).astype("float32"), RNG.integers(0, 4, 44)
IMAGES = RNG.normal(size=(32, 8, 8, 2)).astype("float32")
TEXTS = RNG.integers(0, 9, (32, 6))
WEIGHTS = np.linspace(0, 1, 44)
LOSS = jkeras.losses.SparseCategoricalCrossentropy(from_logits=True)


def on(count):
    return None if count is None else distribution.DataParallel(devices=jax.devices()[:count])


def mlp(*between, **dense):
    jkeras.utils.set_random_seed(3)
    return jkeras.Sequential([layers.Input((8,)), layers.Dense(16, "tanh", **dense), *between, layers.Dense(4)])


def cnn():
    jkeras.utils.set_random_seed(3)
    net = [layers.Conv2D(4, 3, activation="relu"), layers.SpatialDropout2D(0.2), layers.DepthwiseConv2D(2)]
    net += [layers.MaxPooling2D(), layers.Flatten(), layers.Dropout(0.3), layers.Dense(4)]
    return jkeras.Sequential([layers.Input((8, 8, 2)), *net])


def block(dropout=0.0):
    jkeras.utils.set_random_seed(3)
    words = layers.Input((6,), dtype="int32")
    x = layers.Embedding(9, 8, mask_zero=True)(words)
    a = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 4, dropout=dropout)(x, x))
    a = a + layers.Dense(8)(layers.Dense(16, "gelu")(a))
    return jkeras.Model(words, layers.Dense(4)(layers.GlobalAveragePooling1D()(a)))


def compiled(model, way=None, optimizer="adam", loss=LOSS, reproducible="devices", **options):
    model.compile(optimizer, loss, distribution=way, reproducible=reproducible, **options)
    return model


def fitted(model, x, y, **fit):
    return model.fit(x, y, verbose=0, **{"batch_size": 16, "epochs": 2, **fit}).history


CASES = {
    "mlp": lambda: (mlp(kernel_regularizer="l2"), "adam", X, Y, {"validation_data": (X[:20], Y[:20]), "sample_weight": WEIGHTS}),
    "cnn": lambda: (cnn(), jkeras.optimizers.SGD(0.1, momentum=0.9, global_clipnorm=0.5), IMAGES, Y[:32], {}),
    "block": lambda: (block(0.1), "adam", TEXTS, Y[:32], {}),
}
ALL, ENDS = (None, 2, 4, 8), (None, 8)
COUNTS = [("mlp", ALL), ("cnn", ENDS)]
COUNTS += [pytest.param(name, ALL, marks=pytest.mark.slow) for name in ("cnn", "block")]


@pytest.mark.optimised
@pytest.mark.parametrize(("name", "counts"), COUNTS)
def test_bits_do_not_depend_on_the_number_of_devices(name, counts):
    found = []
    for count in counts:
        model, optimizer, x, y, rest = CASES[name]()
        history = fitted(compiled(model, on(count), optimizer, metrics=["accuracy"]), x, y, **rest)
        arrays = [*model.get_weights(), *jax.tree.leaves(model.optimizer.state)]
        found.append((hashlib.sha1(b"".join(np.asarray(a).tobytes() for a in arrays)).hexdigest(), history))
    assert all(one == found[0] for one in found[1:])


@pytest.mark.optimised
def test_a_step_sends_the_bytes_of_a_ring_between_pairs(monkeypatch):
    texts = []

    def call(self, state, *args):
        texts.append(self._for(state).lower(state, *args).compile().as_text())
        return run(self, state, *args)

    run = Placed.__call__
    monkeypatch.setattr(Placed, "__call__", call)
    model = compiled(mlp(layers.Dense(64, "relu")), "data", metrics=["accuracy"])
    fitted(model, X[:32], Y[:32], epochs=1)
    sent = collectives(texts[0])
    size = 4 * model.count_params()
    assert set(sent) == {"collective-permute"} and sent["collective-permute"][0] == 2 * 3
    assert 0 <= sent["collective-permute"][1] - 2 * 7 / 8 * size <= 2 * 7 / 8 * 4 * (3 + 7)  # a loss, a metric, an even cut
    assert model.layouts().collectives["collective-permute"][1] <= sent["collective-permute"][1]


def two_outputs():
    jkeras.utils.set_random_seed(3)
    x = layers.Input((8,))
    hidden = layers.Dense(8, "tanh")(x)
    return jkeras.Model(x, {"a": layers.Dense(4, name="a")(hidden), "b": layers.Dense(2, name="b")(hidden)})


LOSSES = {"a": jkeras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum"), "b": ["mse", "mae"]}
SETTINGS = {
    "short batches and weights": (mlp, {}, X, Y, {"sample_weight": WEIGHTS, "class_weight": {0: 1.0, 1: 2.0, 2: 0.5, 3: 0.0}}),
    "masks": (block, {}, TEXTS, Y[:32], {"validation_data": (TEXTS[:9], Y[:9])}),
    "mean of the weights": (
        mlp,
        {"loss": jkeras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")},
        *(X, Y, {"sample_weight": WEIGHTS}),
    ),
    "several losses": (two_outputs, {"loss": LOSSES, "loss_weights": {"a": 0.1, "b": 2.0}}, X, {"a": Y, "b": X[:, :2]}, {}),
    "accumulation": (mlp, {"optimizer": lambda: jkeras.optimizers.SGD(0.1, gradient_accumulation_steps=2)}, X, Y, {}),
}


@pytest.mark.few(2)
@pytest.mark.parametrize("name", SETTINGS)
def test_the_numbers_are_those_of_plain_training(name):
    make, options, x, y, rest = SETTINGS[name]
    found = []
    for reproducible in (None, "devices,shards=4"):
        model, changes = make(), {"optimizer": options.get("optimizer", lambda: jkeras.optimizers.SGD(0.1))()}
        history = fitted(compiled(model, **{**options, **changes}, reproducible=reproducible), x, y, **rest)
        shown = [model.evaluate(x, y, batch_size=12, verbose=0), model.train_on_batch(x, y)]
        found.append(np.concatenate([np.ravel(v) for v in (*history.values(), *shown, *model.get_weights())]))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-6, atol=1e-6)


def test_many_metrics_are_those_of_plain_training():
    names = ["mse", "R2Score", "AUC", "Precision", "TruePositives", "RootMeanSquaredError", "BinaryIoU", "F1Score"]
    y, p = jax.nn.one_hot(Y, 4), jax.nn.softmax(X[:, :4])
    for name in names:
        metric = jkeras.metrics.get(name)
        metric.build(y, p)
        parts = [metric.update(metric.init(), y[part], p[part]) for part in (slice(0, 20), slice(20, 44))]
        together = jax.tree.map(jnp.add, *parts)
        for one, other in zip(jax.tree.leaves(metric.update(metric.init(), y, p)), jax.tree.leaves(together), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, err_msg=name)


def test_streams_and_half_precision():
    found = []
    for way in (on(2), on(8)):
        jkeras.utils.set_random_seed(3)
        model = mlp(layers.Dense(8, dtype="mixed_float16"))
        compiled(model, way, jkeras.optimizers.LossScaleOptimizer(jkeras.optimizers.SGD(0.1)))
        found.append(model.fit(((X[i : i + 11], Y[i : i + 11]) for i in range(0, 44, 11)), epochs=1, verbose=0).history)
    assert found[0] == found[1]


class OwnStep(jkeras.Sequential):
    def train_step(self, state, batch):
        return super().train_step(state, batch)


class OwnLoss(jkeras.Sequential):
    def compute_loss(self, **kwargs):
        return 2 * super().compute_loss(**kwargs)


class Adds(layers.Layer):
    def call(self, x):
        self.add_loss(jnp.mean(x))
        return x


class Largest(jkeras.metrics.Metric):
    def init(self):
        return {"top": jnp.zeros(())}

    def update(self, state, y_true, y_pred, sample_weight=None):
        return {"top": jnp.maximum(state["top"], jnp.max(y_pred))}

    def compute(self, state):
        return state["top"]


def one_number(y_true, y_pred):
    return jnp.mean(y_pred)


def against_mean(y_true, y_pred):
    return jnp.mean((y_pred - jnp.mean(y_pred, axis=0)) ** 2, axis=-1)


def cutting_outputs():
    rules = distribution.LayoutMap(distribution.DeviceMesh((8,), ["data"]))
    rules[".*/output"] = ("data", None)
    return distribution.ModelParallel(layout_map=rules)


def test_layouts_refuses_what_fit_refuses():
    with pytest.raises(ValueError, match="a power of two"):
        compiled(mlp(), on(3)).layouts()


MIXING = layers.Lambda(lambda x: x - jnp.mean(x, axis=0))
REFUSED = {
    "BatchNormalization": (lambda: compiled(mlp(layers.BatchNormalization())), "LayerNormalization or GroupNorm"),
    "add_loss": (lambda: compiled(mlp(Adds())), "sum or a mean over the rows is not known"),
    "activity": (lambda: compiled(mlp(activity_regularizer="l2")), "sum or a mean over the rows is not known"),
    "own step": (lambda: compiled(OwnStep(mlp().layers)), "OwnStep.train_step is overridden"),
    "own loss": (lambda: compiled(OwnLoss(mlp().layers)), "OwnLoss.compute_loss is overridden"),
    "one number": (lambda: compiled(mlp(), loss=one_number), "gives an array of shape"),
    "no reduction": (lambda: compiled(mlp(), loss=jkeras.losses.SparseCategoricalCrossentropy(reduction=None)), "no reduction"),
    "no loss": (lambda: compiled(mlp(), loss=None), "compiled losses"),
    "metric": (lambda: compiled(mlp(), metrics=[Largest()]), "adds_up = True"),
    "metric of a batch": (lambda: compiled(mlp(), metrics=[one_number]), "looks at several rows at once"),
    "three devices": (lambda: compiled(mlp(), on(3)), "a power of two, 8 at most. Received: 3"),
    "too many devices": (lambda: compiled(mlp(), on(8), reproducible="devices,shards=4"), "4 at most. Received: 8"),
    "cut": (lambda: compiled(mlp(), distribution.FullySharded(smallest=0)), "the whole model and optimizer"),
    "a layer that compares rows": (lambda: compiled(mlp(MIXING)), "A layer looks at several rows"),
    "a loss that compares rows": (lambda: compiled(mlp(), loss=against_mean), "The loss against_mean looks at several rows"),
    "cut outputs": (lambda: compiled(mlp(), cutting_outputs()), "rules cannot cut the outputs"),
    "rows that are compared": (lambda: compiled(mlp(MIXING)), "44 rows does not divide into 8 shards"),
    "eager": (lambda: compiled(mlp(), run_eagerly=True), "compiled steps"),
    "a word": (lambda: compiled(mlp(), reproducible="device"), "devices,shards=16"),
    "seven": (lambda: compiled(mlp(), reproducible="devices,shards=7"), "power of two"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_hold_is_refused(name):
    make, text = REFUSED[name]
    with pytest.raises(ValueError, match=text):
        rows = 44 if name == "rows that are compared" else 40
        fitted(make(), X[:rows], Y[:rows], batch_size=rows, epochs=1)


def test_a_frozen_normalization_is_one_of_rows():
    layer = layers.BatchNormalization(trainable=False)
    assert np.isfinite(fitted(compiled(mlp(layer), "data"), X, Y)["loss"]).all()

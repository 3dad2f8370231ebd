"""Normalization layers equal Keras' in values, gradients and moving averages, trained, frozen and masked."""

import contextlib
import importlib
import os
import subprocess
import sys
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from against_keras import assert_config_round_trip, assert_same, keras, normal
from hypothesis import given, settings
from hypothesis import strategies as st

import jkeras
from jkeras import layers as ours
from jkeras.nn.norm import group_norm

LIMITS = {"rmin": 0.9, "rmax": 1.1, "dmax": 0.2}
BATCH = (
    {},
    {"axis": 1},
    {"center": False},
    {"scale": False, "momentum": 0.5},
    {"epsilon": 1e-5, "axis": -2},
    {"renorm": True},
    {"renorm": True, "renorm_clipping": LIMITS, "renorm_momentum": 0.8, "axis": 1},
    {"renorm": True, "center": False, "scale": False, "renorm_clipping": {"dmax": 0.5}},
)
LAYER = ({}, {"axis": 1}, {"axis": [1, 2]}, {"axis": (-1, -2)}, {"center": False, "epsilon": 1e-6}, {"scale": False})


@pytest.mark.parametrize("kwargs", BATCH, ids=str)
@pytest.mark.parametrize("training", (False, True))
def test_batch_normalization_equals_keras(kwargs, training):
    pair = ours.BatchNormalization(**kwargs), keras.layers.BatchNormalization(**kwargs)
    assert_same(*pair, normal(6, 4, 3), training=training)
    assert_config_round_trip(*pair)


def test_masked_batch_normalization_equals_keras():
    mask = np.random.default_rng(0).random((6, 4)) > 0.4
    assert_same(ours.BatchNormalization(), keras.layers.BatchNormalization(), normal(6, 4, 3), training=True, mask=mask)


def test_calls_in_training_move_the_averages_and_others_do_not():
    x, layer = normal(50, 3) + 5, ours.BatchNormalization(momentum=0.9)
    layer(x)
    assert np.asarray(layer.moving_mean.value).tolist() == [0, 0, 0]
    layer(x, training=True)
    np.testing.assert_allclose(layer.moving_mean.value, 0.1 * x.mean(0), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.value, 0.9 + 0.1 * x.var(0), rtol=1e-5)


def test_a_frozen_batch_normalization_is_in_inference_mode():
    x, layer = normal(50, 3) + 5, ours.BatchNormalization()
    layer.trainable = False
    np.testing.assert_allclose(layer(x, training=True), layer(x))
    assert np.asarray(layer.moving_mean.value).tolist() == [0, 0, 0]


def test_one_channel_with_a_mask():
    x, mask = normal(5, 1), np.array([1, 1, 0, 1, 0], bool)
    y = np.asarray(ours.BatchNormalization(epsilon=0.0)(x, training=True, mask=mask))
    np.testing.assert_allclose(y[mask].mean(), 0, atol=1e-6)


def test_renormalization_starts_at_the_initial_values():
    layer = ours.BatchNormalization(
        renorm=True, moving_mean_initializer="ones", moving_variance_initializer=jkeras.initializers.Constant(4)
    )
    layer.build((None, 2))
    found = {w.name: np.asarray(w)[0] for w in layer.non_trainable_weights}
    assert found == {"moving_mean": 1, "moving_variance": 4, "moving_stddev": 2, "renorm_mean": 1, "renorm_stddev": 2}


def test_renormalized_batches_give_the_output_of_inference():
    """Without limits, and once the running statistics are the moving ones, a batch is normalized by those whatever it holds."""
    layer, x = ours.BatchNormalization(renorm=True, epsilon=1e-3), normal(40, 3) * 2 + 1
    layer.build(x.shape)
    layer.moving_mean.assign([1.0, 2.0, 3.0]), layer.renorm_mean.assign([1.0, 2.0, 3.0])
    layer.renorm_stddev.assign([2.0, 2.0, 2.0]), layer.moving_variance.assign([4 - 1e-3] * 3)
    before = layer(x)
    np.testing.assert_allclose(layer(x, training=True), before, rtol=1e-5, atol=1e-5)


def test_files_of_renormalization_go_both_ways(tmp_path):
    def model(package):
        norm = package.layers.BatchNormalization(renorm=True, renorm_clipping=LIMITS, name="norm")
        return package.Sequential([package.layers.Input((3,)), norm])

    packages, x = [jkeras, keras], normal(8, 3) + 1
    with contextlib.suppress(ImportError):
        packages.append(importlib.import_module("tf_keras"))
    for other in packages[1:]:
        for source, target in ((jkeras, other), (other, jkeras)):
            made = model(source)
            for _ in range(2):
                made(x, training=True)
            made.save(tmp_path / "m.h5")
            again = target.models.load_model(tmp_path / "m.h5")
            for a, b in zip(again.get_weights(), made.get_weights(), strict=True):
                np.testing.assert_array_equal(a, b)
            for mode in (False, True):
                np.testing.assert_allclose(np.asarray(again(x, training=mode)), np.asarray(made(x, training=mode)), atol=1e-5)


def test_synchronized_statistics_are_those_of_all_shards():
    """On two devices, with and without a mask, in `shard_map` and under `jit` over sharded data."""
    code = """
import jax, jax.numpy as jnp, numpy as np, jkeras
from jax.sharding import PartitionSpec as P, NamedSharding
mesh = jax.make_mesh((2,), ("rows",), axis_types=(jax.sharding.AxisType.Auto,))
x = np.random.default_rng(0).normal(size=(8, 5, 3)).astype("float32") + np.arange(8, dtype="float32")[:, None, None]
mask = np.random.default_rng(1).random((8, 5)) < 0.6
for options, masked in (({}, False), ({"renorm": True}, True)):
    layer = jkeras.layers.BatchNormalization(synchronized=True, **options)
    params, state = layer.init(jax.random.key(0), x)
    run = lambda p, s, x, m: layer.apply(p, s, x, training=True, **({"mask": m} if masked else {}))
    shards = jax.shard_map(run, mesh=mesh, in_specs=(P(), P(), P("rows"), P("rows")), out_specs=(P("rows"), P()))
    spread = [jax.device_put(a, NamedSharding(mesh, P("rows"))) for a in (x, mask)]
    expected = jax.tree.leaves(run(params, state, x, mask))
    for program in (shards, run):
        for a, b in zip(jax.tree.leaves(jax.jit(program)(params, state, *spread)), expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=2e-5, atol=2e-5)
"""
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)


@pytest.mark.parametrize("kwargs", ({}, {"center": False, "scale": False, "axis": [1, 2]}), ids=str)
def test_rms_scaling_divides_by_the_deviation_as_keras_does(kwargs):
    pair = []
    for package in (ours, keras.layers):
        with pytest.warns(UserWarning, match="RMSNormalization"):
            pair.append(package.LayerNormalization(rms_scaling=True, **kwargs))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_config_round_trip(*pair)
    assert_same(*pair, normal(6, 4, 3))


@pytest.mark.parametrize("kwargs", LAYER, ids=str)
def test_layer_normalization_equals_keras(kwargs):
    pair = ours.LayerNormalization(**kwargs), keras.layers.LayerNormalization(**kwargs)
    assert_config_round_trip(*pair)
    assert_same(*pair, normal(6, 4, 3))


@pytest.mark.parametrize("kwargs", ({}, {"epsilon": 1e-3}), ids=str)
def test_rms_normalization_equals_keras(kwargs):
    assert_same(ours.RMSNormalization(**kwargs), keras.layers.RMSNormalization(**kwargs), normal(6, 4, 3))


GROUPS = (
    ({"groups": 2}, (6, 5, 4)),
    ({"groups": 1, "center": False}, (6, 4)),
    ({"groups": -1, "epsilon": 1e-6}, (2, 3, 5, 4)),
    ({"groups": 3, "axis": 1}, (4, 6, 5)),
    ({"groups": 3, "axis": -2, "scale": False}, (2, 4, 6, 5)),
    ({"groups": 2, "axis": 2}, (2, 3, 4, 3, 2)),
)


@pytest.mark.parametrize(("kwargs", "shape"), GROUPS, ids=str)
def test_group_normalization_equals_keras(kwargs, shape):
    pair = ours.GroupNormalization(**kwargs), keras.layers.GroupNormalization(**kwargs)
    assert_config_round_trip(*pair)
    assert_same(*pair, normal(*shape))


@settings(max_examples=30, deadline=None)
@given(
    st.integers(1, 4), st.integers(1, 3), st.lists(st.integers(1, 5), min_size=0, max_size=2), st.integers(1, 3), st.booleans()
)
def test_every_example_and_group_has_mean_0_and_variance_1(groups, size, positions, batch, first):
    """In float64 of the definition, wherever the channels are."""
    x = normal(batch, *positions, groups * size, seed=size) * 3 + 2
    x = np.moveaxis(x, -1, 1) if first else x
    y = np.asarray(group_norm(jnp.asarray(x), groups, axis=1 if first else -1, epsilon=1e-5), "float64")
    y, x = (np.moveaxis(a, 1, -1) if first else a for a in (y, x.astype("float64")))
    split = x.reshape(batch, -1, groups, size)
    mean, variance = (f(split, axis=(1, 3), keepdims=True) for f in (np.mean, np.var))
    np.testing.assert_allclose(
        y.reshape(split.shape), (split - mean) / np.sqrt(variance + 1e-5), atol=2e-3 if split[0, :, 0].size == 1 else 2e-5
    )


def test_group_normalization_of_images_of_any_size():
    x = jkeras.Input((None, None, 4))
    model = jkeras.Model(x, ours.GroupNormalization(2)(x))
    assert model.output_shape == (None, None, None, 4)
    for shape in ((2, 5, 6, 4), (1, 3, 3, 4)):
        np.testing.assert_allclose(
            model(normal(*shape)), keras.layers.GroupNormalization(2)(normal(*shape)), rtol=1e-5, atol=1e-5
        )


@pytest.mark.parametrize("axis", (-1, 1, [1, 2], (-1, 1)), ids=str)
def test_unit_normalization_equals_keras(axis):
    x = normal(6, 4, 3)
    pair = ours.UnitNormalization(axis), keras.layers.UnitNormalization(axis)
    assert_config_round_trip(*pair)
    y, y_keras = (layer(x) for layer in pair)
    np.testing.assert_allclose(y, y_keras, rtol=1e-6, atol=1e-6)
    numbers = (4 * x).astype("int32")  # which Keras' example has, and Keras on JAX refuses
    np.testing.assert_allclose(pair[0](numbers), pair[0](numbers.astype("float32")))
    assert pair[0].built and pair[0].compute_output_shape((None, 4, 3)) == (None, 4, 3)


def test_a_row_of_zeros_stays_zeros_and_passes_no_gradient_on():
    layer, x = ours.UnitNormalization(), jnp.array([[3.0, 4.0], [0.0, 0.0]])
    y, gradient = jax.value_and_grad(lambda x: jnp.sum(layer(x) ** 3))(x)
    np.testing.assert_allclose(y, 0.6**3 + 0.8**3, rtol=1e-6)
    assert np.isfinite(gradient).all() and not gradient[1].any()


def test_unit_normalization_in_half_precision_knows_small_and_large_vectors():
    y = ours.UnitNormalization(dtype="float16")(np.array([[1e-4, 0.0], [6e4, 6e4]], "float16"))
    np.testing.assert_allclose(y, [[1, 0], [0.5**0.5, 0.5**0.5]], rtol=1e-3)


def test_masks_pass_through():
    x = np.array([[[1.0, 2.0], [0.0, 0.0]]], "float32")
    for layer in (
        ours.GroupNormalization(2),
        ours.UnitNormalization(),
        jkeras.layers.Identity(),
        jkeras.layers.ActivityRegularization(),
    ):
        model = jkeras.Sequential([jkeras.Input((2, 2)), jkeras.layers.Masking(), layer, jkeras.layers.GlobalAveragePooling1D()])
        np.testing.assert_allclose(model(x)[0], layer(x)[0, 0], rtol=1e-6)


@pytest.mark.parametrize("name", ("BatchNormalization", "LayerNormalization", "RMSNormalization", "GroupNormalization"))
def test_mixed_precision_computes_in_float32_and_returns_half(name):
    x = 200 * normal(8, 3)
    options = {"groups": 3} if name == "GroupNormalization" else {}
    ours_y, keras_y = (getattr(m, name)(dtype="mixed_float16", **options)(x, training=True) for m in (ours, keras.layers))
    assert ours_y.dtype == keras_y.dtype == "float16"
    np.testing.assert_allclose(ours_y, keras_y, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize(
    ("build", "text"),
    (
        (lambda: ours.BatchNormalization(axis=3, name="b")(normal(2, 3)), "b: axis=3"),
        (lambda: ours.LayerNormalization(axis=[1, 4], name="n")(normal(2, 3)), "n: axis="),
        (lambda: ours.LayerNormalization(axis=[1, -1], name="n")(normal(2, 3)), "n: axis=.* twice"),
        (lambda: ours.BatchNormalization(renorm=True, renorm_clipping={"rmx": 2}), "keys rmin, rmax, dmax. Received: rmx"),
        (lambda: ours.BatchNormalization(renorm=True, renorm_clipping={"rmin": 2, "rmax": 1}), "rmin=2, rmax=1"),
        (lambda: ours.BatchNormalization(renorm=True, renorm_clipping={"dmax": -1}), "dmax=-1"),
        (lambda: ours.GroupNormalization(0), "groups=0"),
        (lambda: ours.GroupNormalization(2.0), "groups=2.0"),
        (lambda: ours.GroupNormalization(8)(normal(2, 4)), "4 channels do not fall into 8 groups"),
        (lambda: ours.GroupNormalization(3)(normal(2, 4)), "Give groups a number that divides 4"),
        (lambda: ours.GroupNormalization(2, axis=2, name="g")(normal(2, 4)), "g: axis=2 is out of range"),
        (lambda: ours.GroupNormalization(2, axis=0, name="g")(normal(2, 4)), "g: axis=0 is not a channel axis"),
        (lambda: ours.GroupNormalization(2, name="g").build((None, 3, None)), "g: axis=-1 is not a channel axis of known size"),
        (lambda: ours.UnitNormalization(3, name="u")(normal(2, 4)), "u: axis=3 is out of range"),
        (lambda: ours.BatchNormalization()(normal(2, 3), training=True, mask=np.ones((2, 3), bool)), "one axis less"),
    ),
)
def test_normalization_layers_refuse_what_does_not_fit(build, text):
    with pytest.raises(ValueError, match=text):
        build()


def test_axes_that_are_no_numbers_are_type_errors_as_in_keras():
    with pytest.raises(TypeError, match="axis='x'"):
        ours.UnitNormalization("x")
    with pytest.raises(TypeError, match="one axis"):
        ours.GroupNormalization(2, axis=[1, 2])


def spectral(k):
    layers = k.layers
    parts = [
        layers.SpectralNormalization(layers.Conv1D(3, 2, activation="tanh"), power_iterations=2, name="convolved"),
        layers.Flatten(),
        layers.SpectralNormalization(layers.Dense(2), name="last"),
    ]
    return k.Sequential([k.Input((4, 3)), *parts])


def test_spectral_normalization_trains_as_in_keras(tmp_path):
    """Several steps of `fit`, then calls in eager code, which assign the kernel; files both ways in between."""
    x, y = normal(12, 4, 3), normal(12, 2)
    ours, theirs = spectral(jkeras), spectral(keras)
    ours.set_weights(theirs.get_weights())
    for model in (ours, theirs):
        model.compile("adam", "mse")
        model.optimizer.learning_rate = 0.05
        model.losses_seen = model.fit(x, y, batch_size=4, epochs=3, shuffle=False, verbose=0).history["loss"]
    np.testing.assert_allclose(ours.losses_seen, theirs.losses_seen, rtol=1e-5)
    same = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)  # noqa: E731
    assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
    jax.tree.map(same, ours.get_weights(), theirs.get_weights())
    same(ours.predict(x, verbose=0), theirs.predict(x, verbose=0))
    ours.save(tmp_path / "ours.keras")
    theirs.save(tmp_path / "theirs.keras")
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    read, written = jkeras.models.load_model(tmp_path / "theirs.keras"), keras.models.load_model(tmp_path / "ours.keras")
    loaded = spectral(jkeras)
    loaded.load_weights(tmp_path / "theirs.weights.h5")
    for one, other in ((read, theirs), (loaded, theirs), (written, ours)):
        jax.tree.map(np.testing.assert_array_equal, one.get_weights(), other.get_weights())
    for _ in range(3):
        same(read(x, training=True), theirs(x, training=True))
    jax.tree.map(same, read.get_weights(), theirs.get_weights())
    assert abs(np.linalg.svd(read.layers[-1].kernel.numpy())[1][0] - 1) < 0.2


@pytest.mark.parametrize("k", (jkeras, keras), ids=("jkeras", "keras"))
def test_spectral_normalization_answers_in_its_own_dtype(k):
    layer = k.layers.SpectralNormalization(k.layers.Dense(2, dtype="float32"), dtype="mixed_float16")
    assert layer(np.ones((1, 3), "float32")).dtype == layer(k.Input((3,))).dtype == "float16"


def test_spectral_normalization_leaves_a_kernel_of_zeros_and_refuses_layers_without():
    layer = jkeras.layers.SpectralNormalization(jkeras.layers.Dense(2, kernel_initializer="zeros"))
    x = normal(3, 4)
    assert not np.asarray(layer(x, training=True)).any() and np.isfinite(layer.get_weights()[1]).all()
    params, state = layer.params_and_state()
    slope = jax.grad(lambda params: jnp.sum(layer.apply(params, state, x, training=True)[0]))(params)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slope))
    embedding = jkeras.layers.SpectralNormalization(jkeras.layers.Embedding(5, 3), power_iterations=30)
    vectors = np.asarray(embedding(np.arange(5), training=True))
    assert vectors.dtype == np.float32 and abs(np.linalg.svd(vectors)[1][0] - 1) < 1e-3
    with pytest.raises(ValueError, match="a layer with a kernel or embeddings"):
        jkeras.layers.SpectralNormalization(jkeras.layers.ReLU())(x)
    with pytest.raises(ValueError, match=r"at least 1\. Received: 0"):
        jkeras.layers.SpectralNormalization(jkeras.layers.Dense(2), power_iterations=0)

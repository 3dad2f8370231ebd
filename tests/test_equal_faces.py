"""What code sees of an object beside its values is Keras': attributes, entries of configs, types of errors."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import jkeras
from jkeras import layers, losses, metrics, ops, optimizers, random

LIBRARIES = (jkeras, keras)
RNG = np.random.default_rng(0)


def unit_rows(*shape):
    x = RNG.normal(size=shape).astype("float32")
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


# layer, its arguments, the shape it is built for, the weights that an option leaves out
WITHOUT = [
    ("Dense", {"units": 2, "use_bias": False}, (None, 3), ("bias",)),
    ("EinsumDense", {"equation": "ab,bc->ac", "output_shape": 3}, (None, 3), ("bias",)),
    ("Conv1D", {"filters": 2, "kernel_size": 3, "use_bias": False}, (None, 8, 3), ("bias",)),
    ("Conv2DTranspose", {"filters": 2, "kernel_size": 3, "use_bias": False}, (None, 8, 8, 3), ("bias",)),
    ("DepthwiseConv1D", {"kernel_size": 3, "use_bias": False}, (None, 8, 3), ("bias",)),
    ("SeparableConv1D", {"filters": 2, "kernel_size": 3, "use_bias": False}, (None, 8, 3), ("bias",)),
    ("BatchNormalization", {"scale": False, "center": False}, (None, 3), ("gamma", "beta")),
    ("LayerNormalization", {"scale": False, "center": False}, (None, 3), ("gamma", "beta")),
    ("GRUCell", {"units": 2, "use_bias": False}, (None, 3), ("bias",)),
    ("Attention", {}, [(None, 2, 3), (None, 4, 3)], ("scale",)),
]


@pytest.mark.parametrize("name, arguments, shape, weights", WITHOUT, ids=[row[0] for row in WITHOUT])
def test_a_weight_that_an_option_leaves_out_is_none(name, arguments, shape, weights):
    for library in LIBRARIES:
        layer = getattr(library.layers, name)(**arguments)
        layer.build(shape)
        assert all(getattr(layer, weight) is None for weight in weights)


# Keras 3.15 loses these arguments; 3.16 writes the first two.
KERAS_LOSES = {"Huber": {"delta"}, "CosineSimilarity": {"axis"}, "SparseCategoricalCrossentropy": {"axis"}}


@pytest.mark.parametrize("name", [n for n in dir(keras.losses) if inspect.isclass(getattr(keras.losses, n)) and n[:4] != "Loss"])
def test_configs_of_losses_have_the_entries_of_keras(name):
    ours, theirs = getattr(losses, name)().get_config(), getattr(keras.losses, name)().get_config()
    assert ours.keys() - theirs.keys() == KERAS_LOSES.get(name, set())
    assert {k: v for k, v in theirs.items() if k != "name"} == {k: ours[k] for k in theirs if k != "name"}


def test_a_loss_keeps_the_dtype_it_was_given():
    config = losses.Huber(dtype="float16").get_config()
    assert config["dtype"] == "float16" and losses.Huber.from_config(config).dtype == "float16"


TUPLES = [
    ("Conv2D", {"filters": 1, "kernel_size": 3}),
    ("MaxPooling1D", {"pool_size": 2}),
    ("ZeroPadding2D", {"padding": 1}),
    ("Cropping1D", {"cropping": [1, 2]}),
    ("UpSampling3D", {"size": 2}),
    ("Reshape", {"target_shape": [2, 3]}),
    ("Permute", {"dims": [2, 1]}),
    ("Dense", {"units": 1}),
]


@pytest.mark.parametrize("name, arguments", TUPLES, ids=[row[0] for row in TUPLES])
def test_configs_hold_tuples_where_those_of_keras_do(name, arguments):
    ours, theirs = (getattr(library.layers, name)(name="a", **arguments).get_config() for library in LIBRARIES)
    assert {**ours, "dtype": None} == {**theirs, "dtype": None}


# what is wrong, and the error for it
WRONG = [
    (lambda k: k.layers.Dense(2, trainable=1), ValueError),
    (lambda k: k.layers.UpSampling1D(2.5), TypeError),
    (lambda k: k.layers.UpSampling1D(0), ValueError),
    (lambda k: k.layers.InputLayer(batch_size=2, batch_shape=(2, 3)), ValueError),
    (lambda k: k.layers.InputLayer(shape=(4,), input_tensor=k.KerasTensor((2, 3))), ValueError),
    (lambda k: k.layers.InputLayer(batch_shape=(2, 4), input_tensor=k.KerasTensor((2, 3))), ValueError),
    (lambda k: k.layers.InputLayer(batch_size=3, input_tensor=k.KerasTensor((2, 3))), ValueError),
    (lambda k: k.layers.InputLayer(dtype="int32", input_tensor=k.KerasTensor((2, 3))), ValueError),
    (lambda k: k.layers.Add().compute_mask([k.KerasTensor((2, 3))] * 2, np.ones((2, 3))), ValueError),
    (lambda k: k.layers.Minimum().compute_mask([k.KerasTensor((2, 3))] * 2, [None]), ValueError),
    (lambda k: k.layers.Concatenate().compute_mask(k.KerasTensor((2, 3)), [None, None]), ValueError),
    (lambda k: k.metrics.FBetaScore(beta="1"), ValueError),
    (lambda k: k.metrics.FBetaScore(threshold="0.5"), ValueError),
    (lambda k: k.metrics.F1Score(threshold=1), ValueError),
    (lambda k: np.asarray(k.KerasTensor((2, 3))), ValueError),
    (lambda k: float(k.KerasTensor(())), ValueError),
    (lambda k: iter(k.KerasTensor((2, 3))), NotImplementedError),
    (lambda k: bool(k.KerasTensor(())), TypeError),
    (lambda k: k.Variable(1.0, name=3), ValueError),
    (lambda k: k.config.set_dtype_policy(7), ValueError),
    (lambda k: k.ops.cholesky(k.KerasTensor((3, 2))), ValueError),
    (lambda k: k.ops.solve(k.KerasTensor((3, 2)), k.KerasTensor((3,))), ValueError),
    (lambda k: k.ops.solve(k.KerasTensor((3, 3)), k.KerasTensor((2, 1))), ValueError),
    (lambda k: k.ops.depth_to_space(np.ones((1, 2, 2, 4), "float32"), 1), ValueError),
    (lambda k: k.ops.space_to_depth(np.ones((1, 2, 2, 4), "float32"), 0), ValueError),
    (lambda k: k.ops.istft((np.ones((1, 3), "float32"),) * 2, 2, 4.0, 4), ValueError),
    (lambda k: jax.jit(lambda: k.random.randint((2,), 0, 9))(), ValueError),
]


@pytest.mark.parametrize("wrong, error", WRONG, ids=range(len(WRONG)))
def test_errors_have_the_type_of_those_of_keras(wrong, error):
    for library in LIBRARIES:
        with pytest.raises(error):
            wrong(library)


def test_draws_in_traced_code_need_a_key():
    noisy = layers.Dropout(0.5)
    with pytest.raises(ValueError, match="Hand a key in"):
        jax.jit(lambda x: noisy(x, training=True))(np.ones((2, 3), "float32"))
    draw = jax.jit(lambda key: random.normal((4,), seed=key))
    assert not np.array_equal(draw(jax.random.key(0)), draw(jax.random.key(1)))
    assert noisy(np.ones((2, 3), "float32"), training=True).shape == (2, 3)


# metric, its arguments
AT_THRESHOLDS = [
    ("TruePositives", {"thresholds": [0.2, 0.7]}),
    ("FalseNegatives", {}),
    ("Precision", {"thresholds": 0.3}),
    ("Recall", {}),
    ("AUC", {"num_thresholds": 4}),
    ("PrecisionAtRecall", {"recall": 0.5, "num_thresholds": 5}),
]


@pytest.mark.parametrize("name, arguments", AT_THRESHOLDS, ids=[row[0] for row in AT_THRESHOLDS])
def test_metrics_show_their_thresholds(name, arguments):
    ours, theirs = (getattr(library.metrics, name)(**arguments) for library in LIBRARIES)
    np.testing.assert_allclose(ours.thresholds, theirs.thresholds, atol=1e-7)
    assert ours.get_config()["thresholds" if "recall" not in arguments else "recall"] == arguments.get(
        "thresholds", arguments.get("recall")
    )


@pytest.mark.parametrize("kind", ("binary", "categorical", "sparse_categorical", "top_k_categorical"))
def test_the_string_of_an_accuracy_names_its_class(kind):
    ours, theirs = (library.metrics.get(f"{kind}_accuracy") for library in LIBRARIES)
    assert type(ours).__name__ == type(theirs).__name__ and isinstance(ours, metrics.Metric)


def test_regions_of_many_pixels_are_counted_exactly():
    metric, pixels = metrics.MeanIoU(2), 2**24 + 1000
    metric.update_state(np.zeros(pixels, "int8"), np.zeros(pixels, "int8"))
    assert float(metric.total_confusion_matrix[0, 0]) == pixels


@pytest.mark.parametrize("remove_diagonal", (True, False))
def test_the_mean_of_circle_is_over_samples_with_partners(remove_diagonal):
    labels, x = np.array([2, 2, 5, 5, 7]), unit_rows(5, 4)  # nothing else has label 7
    arguments = {"gamma": 4.0, "margin": 0.3, "remove_diagonal": remove_diagonal}
    ours, theirs = losses.Circle(**arguments), keras.losses.Circle(**arguments)
    np.testing.assert_allclose(ours(labels, x), theirs(labels, x), rtol=1e-5)
    ours, theirs = (jax.grad(lambda x, loss=loss: loss(labels, x))(jnp.asarray(x)) for loss in (ours, theirs))
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("labels", ([2, 0, 1, 1], [0, 3, 2, 0], [1, 0, 0, 1]))
def test_a_zero_between_labels_means_what_it_does_in_keras(labels):
    frames = RNG.normal(size=(1, 6, 4)).astype("float32")
    np.testing.assert_allclose(losses.CTC()([labels], frames), keras.losses.CTC()(np.array([labels]), frames), rtol=1e-5)


def test_what_fills_a_target_shape_may_be_unknown():
    x = layers.Input(batch_shape=(4, None))
    for layer in (layers.Reshape((2, 3)), keras.layers.Reshape((2, 3))):
        assert layer.compute_output_shape((4, None)) == (4, 2, 3)
    model = jkeras.Model(x, layers.Reshape((2, 3))(x))
    assert model.output.shape == (4, 2, 3) and model(np.ones((4, 6), "float32")).shape == (4, 2, 3)
    with pytest.raises(ValueError, match="do not fill"):
        model(np.ones((4, 7), "float32"))


def test_an_empty_batch_has_no_activity_loss():
    layer = layers.Dense(2, activity_regularizer="l2")
    layer(np.ones((0, 3), "float32"))
    assert [float(loss) for loss in layer.losses] == [0.0]


def test_attributes_may_be_set_before_the_constructor_of_the_base():
    class Early(layers.Layer):
        def __init__(self):
            self.factor = jkeras.Variable(np.ones(3, "float32"))
            self.dense = layers.Dense(3)
            super().__init__(name="early")

        def call(self, x):
            return self.dense(x) * self.factor

    layer = Early()
    assert layer(np.ones((2, 3), "float32")).shape == (2, 3)
    assert layer.weights[0] is layer.factor and layer.factor.path == "early/factor" and len(layer.trainable_weights) == 3


def test_a_schedule_takes_the_present_learning_rate():
    optimizer = optimizers.Adam(0.25)
    optimizer.learning_rate = optimizers.schedules.PolynomialDecay(optimizer.learning_rate, 4, end_learning_rate=0.05)
    assert float(optimizer.learning_rate) == 0.25 and len(optimizer.variables) == 1
    weight = jkeras.Variable(1.0)
    optimizer.apply([np.float32(1.0)], [weight])
    np.testing.assert_allclose(float(optimizer.learning_rate), 0.2, rtol=1e-6)


def test_the_parts_of_a_step_of_muon_are_methods():
    x = RNG.normal(size=(5, 3)).astype("float32")
    ours, theirs = optimizers.Muon(rms_rate=0.3), keras.optimizers.Muon(rms_rate=0.3)
    np.testing.assert_allclose(ours.lr_adjust(x), theirs.lr_adjust(x), rtol=1e-6)
    np.testing.assert_allclose(ours.zeropower_via_newtonschulz5(x, 4), theirs.zeropower_via_newtonschulz5(x, 4), atol=1e-4)


def test_methods_of_variables_and_symbolic_tensors():
    assert round(jkeras.Variable([1.4, 2.6])).tolist() == [1.0, 3.0]
    x = jkeras.KerasTensor((1, 3, 1))
    assert x.squeeze().shape == (3,) and x.squeeze(axis=0).shape == (3, 1)


def test_a_vector_per_matrix_is_solved_for():
    a, b = (
        RNG.normal(size=(4, 3, 3)).astype("float32") + 3 * np.eye(3, dtype="float32"),
        RNG.normal(size=(4, 3)).astype("float32"),
    )
    np.testing.assert_allclose(ops.solve(a, b), np.linalg.solve(a, b[..., None])[..., 0], atol=1e-5)
    assert ops.solve(layers.Input((3, 3)), layers.Input((3,))).shape == (None, 3)


def test_casts_from_the_largest_unsigned_integers_saturate():
    x = np.array([2**32 - 1, 7], "uint32")
    assert ops.saturate_cast(x, "int32").tolist() == [2**31 - 1, 7] and ops.saturate_cast(x, "uint8").tolist() == [255, 7]


# operation, shape of the kernel
CONVOLUTIONS = [("conv", (2, 4, 6)), ("depthwise_conv", (2, 4, 2)), ("conv", (3, 2, 2, 6)), ("depthwise_conv", (2, 3, 4, 1))]


@pytest.mark.few(4)
@pytest.mark.parametrize("padding", ("valid", "same"))
@pytest.mark.parametrize("name, kernel", CONVOLUTIONS)
def test_operations_take_strides_with_dilation(name, kernel, padding):
    x, w = RNG.normal(size=(2, *(9, 8)[: len(kernel) - 2], 4)).astype("float32"), RNG.normal(size=kernel).astype("float32")
    options = {"strides": 2, "padding": padding, "dilation_rate": 2}

    def total(library, x, w):
        y = getattr(library.ops, name)(x, w, **options)
        return (y**2).sum(), y

    (_, ours), to_ours = jax.value_and_grad(lambda *xw: total(jkeras, *xw), (0, 1), has_aux=True)(jnp.asarray(x), jnp.asarray(w))
    (_, theirs), to_theirs = jax.value_and_grad(lambda *xw: total(keras, *xw), (0, 1), has_aux=True)(
        jnp.asarray(x), jnp.asarray(w)
    )
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    for mine, other in zip(to_ours, to_theirs):
        np.testing.assert_allclose(mine, other, rtol=1e-4, atol=1e-4)


def test_an_input_layer_makes_nothing_of_nothing():
    for library in LIBRARIES:
        assert library.layers.InputLayer((2,)).call() is None

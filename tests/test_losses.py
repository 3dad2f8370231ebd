"""Losses equal Keras' in value and gradient, for every reduction, weight and mask; mismatched targets are refused."""

import os

os.environ.setdefault("KERAS_BACKEND", "jax")

import inspect

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jkeras import Input, Model, Sequential, layers, losses, metrics, optimizers
from jkeras._base import config
from jkeras._base.registry import lookup
from jkeras.graph.spec import Spec
from jkeras.losses.reduction import reduce_losses
from jkeras.state.scope import set_mask

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 4)).astype("float32")
P = np.exp(X) / np.exp(X).sum(-1, keepdims=True)
Y = RNG.normal(size=(6, 4)).astype("float32")
LABELS = RNG.integers(0, 4, 6)
ONE_HOT = np.eye(4, dtype="float32")[LABELS]
BINARY = RNG.integers(0, 2, (6, 4)).astype("float32")
SIGNS = 2 * BINARY - 1
UNIT = X / np.linalg.norm(X, axis=-1, keepdims=True)
SEQUENCES = np.array([[1, 2, 0], [3, 3, 1], [2, 0, 0], [1, 0, 0], [2, 1, 2], [0, 0, 0]])
FRAMES = RNG.normal(size=(6, 7, 4)).astype("float32")
WEIGHTS = np.array([0.0, 1, 2, 0.5, 3, 1], "float32")

# name, arguments, targets, predictions
CASES = [
    ("MeanSquaredError", {}, Y, X),
    ("MeanAbsoluteError", {}, Y, X),
    ("MeanAbsolutePercentageError", {}, Y, X),
    ("MeanSquaredLogarithmicError", {}, np.abs(Y), np.abs(X)),
    ("Huber", {}, Y, X),
    ("Huber", {"delta": 0.3}, Y, X),
    ("LogCosh", {}, Y, X),
    ("CosineSimilarity", {}, Y, X),
    ("CosineSimilarity", {"axis": 0}, Y, X),
    ("Hinge", {}, SIGNS, X),
    ("Hinge", {}, BINARY, X),
    ("SquaredHinge", {}, BINARY, X),
    ("CategoricalHinge", {}, ONE_HOT, X),
    ("KLDivergence", {}, P[::-1], P),
    ("Poisson", {}, BINARY, P),
    ("BinaryCrossentropy", {}, BINARY, P),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, BINARY, X),
    ("BinaryCrossentropy", {"axis": 0}, BINARY, P),
    ("CategoricalCrossentropy", {}, ONE_HOT, 3 * P),
    ("CategoricalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, ONE_HOT, X),
    ("SparseCategoricalCrossentropy", {}, LABELS, P),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, LABELS[:, None], X),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, LABELS, P),
    ("BinaryFocalCrossentropy", {}, BINARY, P),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "gamma": 3.0, "label_smoothing": 0.1}, BINARY, P),
    ("BinaryFocalCrossentropy", {"from_logits": True}, BINARY, X),
    ("CategoricalFocalCrossentropy", {}, ONE_HOT, P),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "alpha": [0.1, 0.2, 0.3, 0.4], "label_smoothing": 0.1}, ONE_HOT, X),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.5}, LABELS, P),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.9}, LABELS, P),
    ("Circle", {}, LABELS, UNIT),
    ("Circle", {"gamma": 8.0, "margin": 0.1, "remove_diagonal": False}, LABELS, UNIT),
    ("CTC", {}, SEQUENCES, FRAMES),
    ("Dice", {}, BINARY, P),
    ("Dice", {"axis": [1]}, BINARY, P),
    ("Tversky", {"alpha": 0.8, "beta": 0.8, "axis": [1]}, BINARY, P),
]
NAMED = pytest.mark.parametrize("name, arguments, y, p", CASES, ids=[f"{n}-{'-'.join(a)}" for n, a, *_ in CASES])
PUBLIC = [n for n in dir(losses) if inspect.isclass(getattr(losses, n)) and hasattr(keras.losses, n)]


def close(ours, theirs, tolerance=1e-6):
    np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=5 * tolerance, atol=tolerance)


def fits(name, arguments, weight):
    """Weights are per sample: they have no place where the samples were summed away."""
    return weight is None or not (arguments.get("axis") == 0 or (name == "Dice" and not arguments))


@NAMED
@pytest.mark.parametrize("weight", (None, WEIGHTS))
def test_values_equal_keras(name, arguments, y, p, weight):
    if not fits(name, arguments, weight):
        pytest.skip("no axis of samples")
    close(getattr(losses, name)(**arguments)(y, p, weight), getattr(keras.losses, name)(**arguments)(y, p, weight))


@pytest.mark.parametrize("reduction", ("sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None))
@pytest.mark.parametrize("weight", (None, WEIGHTS, WEIGHTS[:, None], np.float32(2)))
@pytest.mark.parametrize("name", ("MeanSquaredError", "Dice"))
def test_reductions_equal_keras(name, reduction, weight):
    if name == "Dice" and np.ndim(weight):
        weight = WEIGHTS[0]
    ours, theirs = getattr(losses, name)(reduction=reduction), getattr(keras.losses, name)(reduction=reduction)
    close(ours(BINARY, P, weight), theirs(BINARY, P, weight))


@pytest.mark.few(18)
@NAMED
def test_gradients_equal_keras(name, arguments, y, p):
    ours, theirs = getattr(losses, name)(**arguments), getattr(keras.losses, name)(**arguments)
    gradient = jax.grad(lambda p: ours(y, p))(jnp.asarray(p))
    assert np.isfinite(gradient).all()
    close(gradient, jax.grad(lambda p: theirs(y, p))(jnp.asarray(p)), 1e-5)


@NAMED
def test_functions_equal_keras(name, arguments, y, p):
    function = getattr(losses, keras.src.utils.naming.to_snake_case(name))
    close(function(y, p, **arguments), getattr(keras.losses, function.__name__)(jnp.asarray(y), jnp.asarray(p), **arguments))


@pytest.mark.parametrize("name", PUBLIC)
def test_arguments_are_those_of_keras(name):
    ours, theirs = inspect.signature(getattr(losses, name)), inspect.signature(getattr(keras.losses, name))
    assert [(p.name, p.default) for p in ours.parameters.values()] == [(p.name, p.default) for p in theirs.parameters.values()]


KERAS_CANNOT_READ = {"CategoricalGeneralizedCrossEntropy"}  # its own configs neither
# Arguments that Keras does not write into its configs.
KERAS_FORGETS = {("Huber", "delta"), ("CosineSimilarity", "axis")}


@NAMED
def test_configs_travel_both_ways(name, arguments, y, p):
    loss = getattr(losses, name)(**arguments, reduction="sum")
    close(losses.deserialize(losses.serialize(loss))(y, p), loss(y, p))
    if name not in KERAS_CANNOT_READ:
        close(keras.losses.deserialize(losses.serialize(loss))(y, p), loss(y, p), 1e-5)
    if (name, *arguments) not in KERAS_FORGETS:
        theirs = getattr(keras.losses, name)(**arguments, reduction="sum")
        close(losses.deserialize(keras.losses.serialize(theirs))(y, p), loss(y, p))


@pytest.mark.parametrize(
    "name", ("mse", "MSE", "mae", "MAE", "mape", "MAPE", "msle", "MSLE", "bce", "BCE", "kld", "KLD", "hinge")
)
def test_short_names_are_keras_functions(name):
    assert losses.get(name).__name__ == keras.losses.get(name).__name__
    assert losses.resolve(name).name == name


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(ValueError, match=r"Unknown loss 'categorical_crosentropy'\. Did you mean 'categorical_crossentropy'"):
        losses.get("categorical_crosentropy")
    with pytest.raises(ValueError, match="Expected a loss"):
        losses.get(3)


@pytest.mark.parametrize(
    "true, pred, expected",
    [
        ((8, 1), (8, 1), "binary"),
        ((8,), (8, 3), "sparse_categorical"),
        ((8, 1), (8, 3), "sparse_categorical"),
        ((8, 3), (8, 3), "categorical"),
    ],
)
def test_crossentropy_is_chosen_by_shape(true, pred, expected):
    loss = losses.resolve("crossentropy", np.zeros(true), np.zeros(pred))
    assert (loss.fn.__name__, loss.name) == (f"{expected}_crossentropy", "crossentropy")


@pytest.mark.parametrize("y_shape, p_shape", [((6,), (6, 1)), ((6, 1), (6,)), ((6, 2, 1), (6, 2)), ((6, 2), (6, 2, 1))])
@pytest.mark.parametrize("name", ("mse", "binary_crossentropy", "poisson", "hinge", "kl_divergence"))
def test_a_last_axis_of_one_never_broadcasts(name, y_shape, p_shape):
    y, p = (RNG.uniform(0.1, 0.9, s).astype("float32") for s in (y_shape, p_shape))
    close(losses.resolve(name)(y, p), keras.src.losses.LossFunctionWrapper(keras.losses.get(name))(y, p))


MASK = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 1]], bool)
SEQUENCE = RNG.uniform(0.1, 1, (3, 3, 4)).astype("float32")


@pytest.mark.parametrize("reduction", ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", None))
@pytest.mark.parametrize("weight", (None, RNG.uniform(size=(3, 3)).astype("float32")))
def test_the_mask_of_predictions_counts(reduction, weight):
    y, ours, theirs = RNG.integers(0, 4, (3, 3)), jnp.array(SEQUENCE), jnp.array(SEQUENCE)
    set_mask(ours, jnp.array(MASK))
    keras.src.backend.set_keras_mask(theirs, jnp.array(MASK))
    close(
        losses.SparseCategoricalCrossentropy(reduction=reduction)(y, ours, weight),
        keras.losses.SparseCategoricalCrossentropy(reduction=reduction)(y, theirs, weight),
    )


def test_sample_weights_go_along_samples_not_steps():
    values = jnp.array(SEQUENCE[..., 0])
    expected = (SEQUENCE[..., 0] * np.array([1.0, 2, 3])[:, None]).mean()
    close(reduce_losses(values, np.array([1.0, 2, 3])), expected)
    with pytest.raises(ValueError, match=r"shape \(5,\) for losses of shape \(3, 3\)"):
        reduce_losses(values, np.ones(5))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.booleans(), min_size=6, max_size=6))
def test_a_masked_mean_is_the_mean_of_what_counts(keep):
    values = RNG.normal(size=6).astype("float32")
    close(reduce_losses(jnp.array(values), mask=np.array(keep)), values[keep].mean() if any(keep) else 0.0, 1e-5)


def test_auto_is_keras_2_for_the_default_and_unknown_reductions_fail():
    assert losses.MeanSquaredError(reduction="auto").get_config()["reduction"] == "sum_over_batch_size"
    with pytest.raises(ValueError, match=r"Unknown reduction 'sums'\. Did you mean 'sum'"):
        losses.MeanSquaredError(reduction="sums")


def test_users_write_losses_as_classes_and_functions():
    class Weighted(losses.Loss):
        def __init__(self, factor=2.0, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor

        def call(self, y_true, y_pred):
            return self.factor * jnp.mean(jnp.abs(y_true - y_pred), axis=-1)

    loss = Weighted(3.0, name="w")
    close(loss([[0.0], [0.0]], [[1.0], [3.0]], sample_weight=[1.0, 0.0]), 1.5)
    assert Weighted.from_config(loss.get_config()).factor == 3.0
    assert Weighted().name == "weighted"

    def my_loss(y_true, y_pred):
        return jnp.square(y_true - y_pred)[..., 0]

    assert losses.resolve(my_loss).name == "my_loss"
    close(losses.resolve(my_loss)([1.0, 2.0], [[1.0], [4.0]]), 2.0)
    with pytest.raises(NotImplementedError, match="does not define `call"):
        losses.Loss()(Y, X)


def test_a_wrapped_function_comes_back_from_its_config():
    loss = losses.LossFunctionWrapper(losses.huber, delta=0.5)
    close(losses.deserialize(losses.serialize(loss))(Y, X), loss(Y, X))


def test_half_precision_labels_stay_whole():
    logits = jnp.zeros((1, 1000)).at[0, 999].set(5.0)
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, dtype="bfloat16")
    assert loss(np.array([999]), logits).dtype == jnp.bfloat16
    assert float(loss(np.array([999]), logits)) < 2.5 < 5.0 < float(loss(np.array([998]), logits))


REFUSED = [
    (
        "categorical_crossentropy",
        np.eye(10)[:5],
        (None, 3),
        r"targets with 10 classes, .*\(5, 10\)[\s\S]*\(None, 3\)[\s\S]*10 units",
    ),
    (
        "categorical_crossentropy",
        np.arange(5),
        (None, 3),
        r"integer labels: y_true of shape \(5,\)[\s\S]*sparse_categorical[\s\S]*to_categorical\(y, 3\)",
    ),
    ("categorical_crossentropy", np.zeros((5, 1)), (None, 3), "to_categorical"),
    ("sparse_categorical_crossentropy", np.eye(3), (None, 3), r'one-hot targets[\s\S]*loss="categorical_crossentropy"'),
    (
        "sparse_categorical_crossentropy",
        np.array([1, 2, 3]),
        (None, 3),
        r"0 to 2, .* 3 classes, .*\(None, 3\)[\s\S]*from 1 to 3.*4 units",
    ),
    ("sparse_categorical_crossentropy", np.array([-1, 1]), (None, 3), r"from -1 to 1. Renumber"),
    ("sparse_categorical_crossentropy", np.array([0, 1]), (None, 1), "binary_crossentropy"),
    ("sparse_categorical_crossentropy", np.array([0.5, 1]), (None, 3), "fractions, from 0.5 to 1.0"),
    ("sparse_categorical_crossentropy", np.array([np.nan, 1]), (None, 3), "1 of 2 labels are NaN"),
    ("sparse_categorical_crossentropy", np.zeros((5, 7)), (None, 3), r"Received y_true of shape \(5, 7\)"),
    ("mse", np.zeros(5), (None, 3), r"y_true of shape \(5,\) and an output of shape \(None, 3\)"),
    ("mse", np.zeros((5, 3)), (None, 2), r"y_true of shape \(5, 3\)"),
    ("mse", np.zeros((5, 1, 3)), (None, 3), r"y_true of shape \(5, 1, 3\)"),
    ("binary_crossentropy", np.zeros((5, 2)), (None, 1), r"y_true of shape \(5, 2\)"),
    ("mse", np.array(["a", "b"]), (None, 1), "np.unique"),
]
ACCEPTED = [
    ("categorical_crossentropy", np.eye(3), (None, 3)),
    ("sparse_categorical_crossentropy", np.arange(3.0), (None, 3)),
    ("sparse_categorical_crossentropy", np.zeros((5, 1), int), (None, 3)),
    ("sparse_categorical_crossentropy", np.zeros((5, 2, 2), "uint8"), (None, 2, None, 3)),
    ("mse", np.zeros(5), (None, 1)),
    ("mse", np.zeros((5, 1)), (None,)),
    ("mse", np.zeros((5, 7, 2)), (None, None, 2)),
    ("binary_crossentropy", np.zeros(5, bool), (None, 1)),
]


@pytest.mark.parametrize("name, y, shape, message", REFUSED)
def test_targets_that_cannot_belong_to_the_output_are_refused(name, y, shape, message):
    with pytest.raises(ValueError, match=message):
        losses.resolve(name).check_targets(y, Spec(shape, "float32"))


def test_fractions_of_labels_are_cut_off_where_old_scripts_run(monkeypatch):
    monkeypatch.setattr(config.settings, "lenient", True)
    loss = losses.resolve("sparse_categorical_crossentropy")
    with pytest.warns(UserWarning, match="cut off"):
        loss.check_targets(np.array([0.5, 2.9]), Spec((None, 3), "float32"))
    assert loss([2.9], [[0.1, 0.1, 0.8]]) == loss([2], [[0.1, 0.1, 0.8]])


@pytest.mark.parametrize("name, y, shape", ACCEPTED)
def test_targets_that_belong_to_the_output_pass(name, y, shape):
    losses.resolve(name).check_targets(y, Spec(shape, "float32"))


BROADCAST = [("mse", (4, 3), (4, 1)), ("mae", (4, 1), (4, 3)), ("huber", (4, 1, 1), (4, 2, 3)), ("poisson", (4, 3), (4, 1))]


@pytest.mark.parametrize("name, y_shape, p_shape", BROADCAST)
def test_axes_of_size_one_are_compared_with_all_entries_and_said(name, y_shape, p_shape):
    y = np.arange(np.prod(y_shape), dtype="float32").reshape(y_shape) / 10
    x = inputs = Input(p_shape[1:])
    model = Model(inputs, layers.Dense(1, kernel_initializer="zeros", bias_initializer="zeros")(x[..., :1]) + 0 * x + 0.5)
    model.compile("sgd", name, metrics=[name])
    expected = np.mean(keras.losses.get(name)(y, np.full(p_shape, 0.5, "float32")))
    with pytest.warns(UserWarning, match=r"along the axes of size 1 with all entries"):
        found = model.evaluate(np.zeros(p_shape), y, verbose=0)
    np.testing.assert_allclose(found, [expected] * 2, rtol=1e-5)
    with pytest.warns(UserWarning, match=r"along the axes of size 1"):
        np.testing.assert_allclose(model.fit(np.zeros(p_shape), y, verbose=0).history["loss"], [expected], rtol=1e-5)


@pytest.mark.parametrize("name, arguments, y, p", CASES)
def test_attributes_are_those_of_keras(name, arguments, y, p):
    ours, theirs = getattr(losses, name)(**arguments), getattr(keras.losses, name)(**arguments)
    public = {key: value for key, value in vars(theirs).items() if not key.startswith("_") and key != "fn"}
    assert {key: value for key, value in vars(ours).items() if not key.startswith("_") and key != "fn"} == public
    assert ours._fn_kwargs == theirs._fn_kwargs and ours.dtype == theirs.dtype


def test_an_ignored_class_may_be_out_of_range():
    y = np.array([0, 255, 2])
    losses.SparseCategoricalCrossentropy(ignore_class=255).check_targets(y, Spec((None, 3), "float32"))
    with pytest.raises(ValueError, match="to 255"):
        losses.SparseCategoricalCrossentropy().check_targets(y, Spec((None, 3), "float32"))


def test_a_class_axis_elsewhere():
    y, p = RNG.integers(0, 4, (3, 5)), RNG.normal(size=(3, 4, 5)).astype("float32")
    expected = keras.losses.sparse_categorical_crossentropy(y, np.moveaxis(p, 1, -1), from_logits=True)
    close(losses.sparse_categorical_crossentropy(y, p, from_logits=True, axis=1), expected)
    losses.SparseCategoricalCrossentropy(axis=1).check_targets(y, Spec((None, 4, 5), "float32"))


def test_every_name_of_keras_is_known():
    for name in ("mean_squared_error", "MeanSquaredError", "kl_divergence", "KLDivergence", "cosine_similarity", "log_cosh"):
        assert lookup("losses", name) is getattr(losses, name)


def test_a_probability_of_zero_and_a_constant_row_have_gradients():
    gradient = jax.grad(lambda p: losses.categorical_generalized_cross_entropy(np.array([0]), p, 0.5).sum())
    assert np.isfinite(gradient(jnp.array([[0.0, 1.0]]))).all()
    pearson = jax.grad(lambda p: metrics.pearson_correlation(np.ones((1, 3)), p).sum())
    assert np.isfinite(pearson(jnp.ones((1, 3)))).all()


@pytest.mark.parametrize(
    ("loss", "y", "pred", "text"),
    [
        ("circle", np.zeros((6, 2)), (None, 4), "integer labels"),
        ("circle", np.full(6, 0.5), (None, 4), "integer labels"),
        ("ctc", np.zeros(6), (None, 5, 4), r"labels \(batch, labels\)"),
        ("ctc", np.full((6, 3), 4), (None, 5, 4), "labels from 0 to 3"),
        ("ctc", np.ones((6, 3)), (None, 2, 4), "3 labels does not fit into 2 frames"),
        ("CategoricalGeneralizedCrossEntropy", ONE_HOT, (None, 4), "argmax"),
    ],
)
def test_targets_that_cannot_be_meant_are_refused(loss, y, pred, text):
    with pytest.raises(ValueError, match=text):
        losses.resolve(loss).check_targets(y, jax.ShapeDtypeStruct(pred, "float32"))
    with pytest.raises(ValueError, match="between 0 and 1"):
        losses.CategoricalGeneralizedCrossEntropy(q=1)


def test_a_model_learns_sequences():
    model = Sequential([Input((8, 4)), layers.Dense(5)])
    model.compile(optimizers.Adam(0.1), "ctc")
    x = RNG.normal(size=(6, 8, 4)).astype("float32")
    found = model.fit(x, SEQUENCES, epochs=15, batch_size=4, verbose=0).history["loss"]
    assert found[-1] < found[0] / 2

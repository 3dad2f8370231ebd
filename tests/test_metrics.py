"""Metrics equal Keras' over several batches; their pure functions equal their methods, also inside jit and scan."""

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

from jkeras import metrics
from jkeras.graph.spec import Spec
from jkeras.state.scope import set_mask

RNG = np.random.default_rng(1)
N = 3  # batches


def batches(make):
    return [make() for _ in range(N)]


def numbers():
    return RNG.normal(size=(8, 4)).astype("float32")


def positive():
    return np.abs(numbers())


def probabilities():
    e = np.exp(numbers())
    return (e / e.sum(-1, keepdims=True)).astype("float32")


def labels():
    return RNG.integers(0, 4, 8)


def one_hot():
    return np.eye(4, dtype="float32")[labels()]


def bits():
    return RNG.integers(0, 2, (8, 4)).astype("float32")


def vector_bits():
    return RNG.integers(0, 2, 8)


def vector():
    return RNG.uniform(size=8).astype("float32")


def rough():
    return RNG.integers(0, 5, 8).astype("float32") / 4


WEIGHTS = [RNG.uniform(size=8).astype("float32") for _ in range(N)]

# name, arguments, targets, predictions
CASES = [
    ("Accuracy", {}, labels, labels),
    ("BinaryAccuracy", {}, bits, probabilities),
    ("BinaryAccuracy", {"threshold": 0.2}, vector_bits, vector),
    ("CategoricalAccuracy", {}, one_hot, probabilities),
    ("SparseCategoricalAccuracy", {}, labels, probabilities),
    ("SparseCategoricalAccuracy", {}, lambda: labels()[:, None], probabilities),
    ("TopKCategoricalAccuracy", {"k": 2}, one_hot, probabilities),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, labels, probabilities),
    ("MeanSquaredError", {}, numbers, numbers),
    ("MeanAbsoluteError", {}, numbers, numbers),
    ("MeanAbsolutePercentageError", {}, numbers, numbers),
    ("MeanSquaredLogarithmicError", {}, positive, positive),
    ("RootMeanSquaredError", {}, numbers, numbers),
    ("CosineSimilarity", {}, numbers, numbers),
    ("LogCoshError", {}, numbers, numbers),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, bits, probabilities),
    ("BinaryCrossentropy", {"from_logits": True}, bits, numbers),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, one_hot, probabilities),
    ("SparseCategoricalCrossentropy", {}, labels, probabilities),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, labels, numbers),
    ("KLDivergence", {}, probabilities, probabilities),
    ("Poisson", {}, bits, probabilities),
    ("Hinge", {}, bits, numbers),
    ("SquaredHinge", {}, bits, numbers),
    ("CategoricalHinge", {}, one_hot, numbers),
    ("TruePositives", {}, vector_bits, vector),
    ("FalsePositives", {"thresholds": [0.2, 0.7]}, vector_bits, vector),
    ("TrueNegatives", {"thresholds": [0.0, 0.5, 1.0]}, vector_bits, rough),
    ("FalseNegatives", {"thresholds": 0.3}, bits, probabilities),
    ("Precision", {}, vector_bits, vector),
    ("Precision", {"thresholds": [0.9, 0.1, 0.5]}, bits, probabilities),
    ("Precision", {"top_k": 2}, bits, probabilities),
    ("Precision", {"class_id": 1, "thresholds": 0.2}, bits, probabilities),
    ("Recall", {"top_k": 2, "class_id": 3}, bits, probabilities),
    ("Recall", {"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}, vector_bits, rough),
    ("SensitivityAtSpecificity", {"specificity": 0.5}, vector_bits, vector),
    ("SpecificityAtSensitivity", {"sensitivity": 0.6, "num_thresholds": 20}, vector_bits, vector),
    ("PrecisionAtRecall", {"recall": 0.4}, vector_bits, vector),
    ("RecallAtPrecision", {"precision": 0.5, "class_id": 2}, bits, probabilities),
    ("AUC", {}, vector_bits, vector),
    ("AUC", {"num_thresholds": 5, "summation_method": "minoring"}, vector_bits, rough),
    ("AUC", {"curve": "PR"}, bits, probabilities),
    ("AUC", {"curve": "PR", "summation_method": "majoring", "thresholds": [0.1, 0.7, 0.4]}, vector_bits, vector),
    ("AUC", {"curve": "PRGAIN"}, vector_bits, vector),
    ("AUC", {"from_logits": True, "label_weights": [1.0, 2.0, 0.0, 1.0]}, bits, numbers),
    ("AUC", {"multi_label": True, "label_weights": [1.0, 2.0, 0.0, 1.0]}, bits, probabilities),
    ("AUC", {"multi_label": True, "num_labels": 4, "curve": "PR"}, bits, probabilities),
    ("AUC", {"multi_label": True, "num_labels": 4, "thresholds": [0.1, 0.3]}, bits, probabilities),
    ("F1Score", {}, one_hot, probabilities),
    ("F1Score", {"average": "micro", "threshold": 0.3}, bits, probabilities),
    ("FBetaScore", {"average": "macro", "beta": 2.0}, one_hot, probabilities),
    ("FBetaScore", {"average": "weighted", "beta": 0.5}, one_hot, probabilities),
    ("R2Score", {}, numbers, numbers),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, numbers, numbers),
    ("R2Score", {"class_aggregation": None, "num_regressors": 200}, numbers, numbers),
    ("IoU", {"num_classes": 4, "target_class_ids": [0, 2], "dtype": "float32"}, labels, labels),
    ("MeanIoU", {"num_classes": 4, "ignore_class": 1, "sparse_y_pred": False, "dtype": "float32"}, labels, probabilities),
    ("OneHotIoU", {"num_classes": 4, "target_class_ids": [1, 3], "dtype": "float32"}, one_hot, probabilities),
    ("OneHotMeanIoU", {"num_classes": 4, "sparse_y_pred": True, "dtype": "float32"}, one_hot, labels),
    ("PearsonCorrelation", {}, numbers, numbers),
    ("ConcordanceCorrelation", {}, numbers, numbers),
    ("BinaryIoU", {"threshold": 0.3, "dtype": "float32"}, vector_bits, vector),
]
IDS = [f"{i}-{n}-{'-'.join(a)}" for i, (n, a, *_) in enumerate(CASES)]
CASES = [(name, arguments, batches(y), batches(p)) for name, arguments, y, p in CASES]
NAMED = pytest.mark.parametrize("name, arguments, ys, ps", CASES, ids=IDS)
PUBLIC = [n for n in dir(metrics) if inspect.isclass(getattr(metrics, n)) and hasattr(keras.metrics, n)]


def close(ours, theirs, tolerance=1e-6):
    np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=5 * tolerance, atol=tolerance)


def feed(metric, ys, ps, weights=None):
    for i, (y, p) in enumerate(zip(ys, ps)):
        metric.update_state(y, p, sample_weight=None if weights is None else weights[i])
    return metric.result()


def scan(metric, ys, ps, weights):
    """State after all batches, from one compiled loop."""
    metric.build(ys[0], ps[0])
    stacked = jax.tree.map(lambda *parts: jnp.stack(parts), *zip(ys, ps, weights))
    return jax.jit(lambda state, all: jax.lax.scan(lambda s, batch: (metric.update(s, *batch), None), state, all)[0])(
        metric.init(), stacked
    )


@NAMED
@pytest.mark.filterwarnings("ignore:More independent predictors")
def test_values_equal_keras_and_configs_travel_both_ways(name, arguments, ys, ps):
    ours, theirs = getattr(metrics, name)(**arguments), getattr(keras.metrics, name)(**arguments)
    close(feed(ours, ys, ps), feed(theirs, ys, ps), 3e-6)
    close(feed(ours, ys, ps, WEIGHTS), feed(theirs, ys, ps, WEIGHTS), 3e-6)
    config_of_keras = keras.metrics.serialize(theirs)
    theirs.reset_state()
    once = feed(theirs, ys[:1], ps[:1], WEIGHTS)
    for config in (metrics.serialize(ours), config_of_keras):
        close(feed(metrics.deserialize(config), ys[:1], ps[:1], WEIGHTS), once)
    assert type(keras.metrics.deserialize(metrics.serialize(ours))).__name__ == name


@pytest.mark.few(15)
@pytest.mark.parametrize("name, arguments, ys, ps", list({case[0]: case for case in CASES}.values()))
def test_the_pure_functions_in_a_compiled_scan_equal_the_face(name, arguments, ys, ps):
    metric = getattr(metrics, name)(**arguments)
    value = feed(metric, ys, ps, WEIGHTS)
    state = scan(metric, ys, ps, WEIGHTS)
    close(metric.compute(state), value, 3e-6)
    jax.tree.map(lambda a, b: close(a, b, 1e-5), state, metric.get_state())
    metric.reset_state()
    jax.tree.map(np.testing.assert_array_equal, metric.get_state(), metric.init())


@pytest.mark.parametrize("name", PUBLIC)
def test_arguments_are_those_of_keras(name):
    ours, theirs = inspect.signature(getattr(metrics, name)), inspect.signature(getattr(keras.metrics, name))
    assert [(p.name, p.default) for p in ours.parameters.values()] == [(p.name, p.default) for p in theirs.parameters.values()]


LEFT_OUT = {"pearson_correlation", "concordance_correlation"}
FUNCTIONS = [n for n in dir(keras.metrics) if inspect.isfunction(getattr(keras.metrics, n)) and n not in LEFT_OUT]
FUNCTIONS = [n for n in FUNCTIONS if n not in ("get", "serialize", "deserialize")]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_equal_keras(name):
    y = labels() if "sparse" in name else one_hot()
    p = probabilities()
    k = {"k": 2} if "top_k" in name else {}
    close(getattr(metrics, name)(y, p, **k), getattr(keras.metrics, name)(jnp.asarray(y), jnp.asarray(p), **k))


@pytest.mark.parametrize("name", ("Mean", "Sum"))
@pytest.mark.parametrize("weights", (None, WEIGHTS))
@pytest.mark.parametrize("make", (vector, numbers))
def test_mean_and_sum_equal_keras(name, weights, make):
    ours, theirs = getattr(metrics, name)(), getattr(keras.metrics, name)()
    for i in range(N):
        values = make()
        for metric in (ours, theirs):
            metric.update_state(values, None if weights is None else weights[i])
    close(ours.result(), theirs.result())


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1, width=32), st.floats(0.125, 4, width=16)), min_size=8, max_size=8))
def test_the_four_counts_are_all_the_weight(rows):
    y, p, w = (np.array(column) for column in zip(*rows))
    found = [
        getattr(metrics, f"{kind}s")()(y, p, w) for kind in ("TruePositive", "FalsePositive", "TrueNegative", "FalseNegative")
    ]
    close(sum(found), w.sum(), 1e-5)
    close(found[0], w[y & (p > 0.5)].sum(), 1e-5)


def test_auc_is_the_chance_that_a_positive_is_ranked_first():
    y, p = RNG.integers(0, 2, 300), RNG.uniform(size=300)
    wins = np.mean(p[y == 1][:, None] > p[y == 0][None])
    close(metrics.AUC(num_thresholds=2000)(y, p), wins, 1e-3)


@pytest.mark.parametrize(
    "word, kinds", [("accuracy", "Accuracy"), ("acc", "Accuracy"), ("crossentropy", "Crossentropy"), ("ce", "Crossentropy")]
)
@pytest.mark.parametrize(
    "true, pred, expected",
    [
        ((None,), (None, 1), "Binary"),
        ((None, 1), (None, 1), "Binary"),
        ((None,), (None, 3), "SparseCategorical"),
        ((None, 1), (None, 3), "SparseCategorical"),
        ((None, 3), (None, 3), "Categorical"),
        ((None, 8, 8), (None, 8, 8, 3), "SparseCategorical"),
    ],
)
def test_accuracy_is_chosen_by_shape_as_in_keras(word, kinds, true, pred, expected):
    metric = metrics.resolve(word, Spec(true, "int32"), Spec(pred, "float32"))
    assert (type(metric).__name__, metric.name) == (expected + kinds, word)


def test_accuracy_of_a_vector_is_binary_unless_the_loss_says_otherwise():
    y, p = Spec((None,), "int32"), Spec((None,), "float32")
    assert isinstance(metrics.resolve("acc", y, p), metrics.BinaryAccuracy)
    assert isinstance(metrics.resolve("acc", loss_name="sparse_categorical_crossentropy"), metrics.SparseCategoricalAccuracy)
    with pytest.raises(ValueError, match="shapes, which are not known"):
        metrics.resolve("acc")


NAMES = [
    "mse",
    "MSE",
    "mae",
    "MAE",
    "mape",
    "MAPE",
    "msle",
    "MSLE",
    "bce",
    "BCE",
    "mean_squared_error",
    "MeanSquaredError",
    "AUC",
    "auc",
    "recall",
    "cosine_similarity",
]


@pytest.mark.parametrize("name", NAMES)
def test_a_string_names_the_metric_and_means_what_keras_means(name):
    metric = metrics.resolve(name)
    theirs = keras.src.metrics.get(name)
    assert (metric.name, type(metric).__name__) == (name, type(theirs).__name__)


def test_functions_classes_and_objects_resolve_too():
    def within_one(y_true, y_pred):
        return jnp.abs(y_true - y_pred) <= 1

    metric = metrics.resolve(within_one)
    assert (metric.name, float(metric([1.0, 2.0], [1.0, 9.0]))) == ("within_one", 0.5)
    assert metrics.resolve(metrics.huber).name == "huber"
    assert metrics.resolve(metrics.AUC).name.startswith("auc")
    assert metrics.resolve(metric) is metric
    with pytest.raises(ValueError, match=r"Unknown metric 'acuracy'\. Did you mean 'accuracy'"):
        metrics.resolve("acuracy")
    with pytest.raises(ValueError, match="received None"):
        metrics.resolve(None)


class Spread(metrics.Metric):
    """Largest minus smallest prediction; its start is not zero."""

    def __init__(self, name="spread", **kwargs):
        super().__init__(name=name, **kwargs)
        self.low = self.add_weight(name="bound")
        self.high = self.add_variable((), "zeros", name="bound")
        self.seen = metrics.Mean()
        self.reset_state()

    def update_state(self, y_true, y_pred):
        self.low.assign(jnp.minimum(self.low.value, jnp.min(y_pred)))
        self.high.assign(jnp.maximum(self.high.value, jnp.max(y_pred)))
        self.seen.update_state(y_pred)

    def result(self):
        return {"spread": self.high - self.low, "mean": self.seen.result()}

    def reset_state(self):
        self.low.assign(jnp.inf)
        self.high.assign(-jnp.inf)
        self.seen.reset_state()


def test_a_users_metric_with_boxes_is_a_pure_triple_inside_jit():
    metric, ys, ps = Spread(), batches(numbers), batches(numbers)
    metric.update_state(ys[0], 100 * ps[0])
    before = metric.result()
    assert len(metric.init()) == len(metric.variables) == 4
    step = jax.jit(lambda s, b: (metric.update(s, *b, sample_weight=None), None), donate_argnums=0)
    state, _ = jax.lax.scan(step, metric.init(), (jnp.stack(ys), jnp.stack(ps)))
    value = metric.compute(state)
    close(value["spread"], np.max(ps) - np.min(ps))
    close(value["mean"], np.mean(ps), 1e-5)
    jax.tree.map(np.testing.assert_array_equal, metric.result(), before)
    metric.set_state(state)
    jax.tree.map(close, metric.result(), value)


class ShiftedMean(metrics.Mean):
    def update_state(self, y_true, y_pred, sample_weight=None):
        super().update_state(y_pred - y_true + 1, sample_weight)

    def result(self):
        return super().result() / 2


class Late(metrics.Metric):
    """Makes its variable when it first sees a batch."""

    def update_state(self, y_true, y_pred, sample_weight=None):
        if not hasattr(self, "sums"):
            self.sums = self.add_variable(y_pred.shape[1:], "zeros", name="sums")
        self.sums.assign_add(jnp.sum(jnp.asarray(y_pred), axis=0))

    def result(self):
        return self.sums


@pytest.mark.parametrize(
    "cls, expected", [(ShiftedMean, lambda y, p: np.mean(p - y + 1) / 2), (Late, lambda y, p: p.sum((0, 1)))]
)
def test_subclasses_that_override_update_state(cls, expected):
    ys, ps = batches(numbers), batches(numbers)
    metric = metrics.resolve(cls(), Spec((None, 4), "float32"), Spec((None, 4), "float32"))
    state = metric.init()
    for y, p in zip(ys, ps):
        state = jax.jit(metric.update)(state, y, p)
        metric.update_state(y, p)
    for value in (metric.compute(state), metric.result()):
        close(value, expected(np.array(ys), np.array(ps)), 1e-5)


def test_stateless_methods_of_keras_3():
    metric = metrics.Mean()
    values = metric.stateless_update_state(metric.stateless_reset_state(), [1.0, 3.0])
    assert (float(metric.stateless_result(values)), float(metric.result()), float(metric.total)) == (2.0, 0.0, 0.0)
    with pytest.raises(ValueError, match="has 2 variables"):
        metric.stateless_result([1.0])


def test_a_metric_without_its_methods_says_which():
    with pytest.raises(NotImplementedError, match="neither `update"):
        metrics.Metric().update_state(1)
    with pytest.raises(AttributeError, match="no attribute 'totl'"):
        _ = metrics.Mean().totl


@pytest.mark.parametrize("dtype", ("float16", "bfloat16"))
def test_half_precision_predictions_accumulate_in_float32(dtype):
    metric = metrics.resolve("acc", Spec((None,), "int32"), Spec((None, 2000), dtype))
    p = jnp.zeros((4, 2000), dtype).at[:, 1999].set(1)
    state = metric.init()
    state["count"] = state["total"] = jnp.float32(60_000)
    state = metric.update(state, jnp.array([1999, 1999, 1999, 1998]), p)
    assert (float(state["count"]), float(state["total"])) == (60_004, 60_003)
    assert metrics.Mean(dtype=dtype).init()["total"].dtype == jnp.float32
    close(
        metrics.MeanSquaredError()(jnp.ones((1, 1)), jnp.full((1, 1), 1 / 3, dtype)), (1 - float(jnp.asarray(1 / 3, dtype))) ** 2
    )


def test_the_mask_of_predictions_is_a_weight():
    y, mask = RNG.integers(0, 4, (2, 3)), np.array([[1, 1, 0], [1, 0, 0]], bool)
    ours, theirs = (jnp.array(RNG.uniform(size=(2, 3, 4)).astype("float32")) for _ in range(2))
    theirs = ours + 0
    set_mask(ours, jnp.array(mask))
    keras.src.backend.set_keras_mask(theirs, jnp.array(mask))
    close(metrics.SparseCategoricalAccuracy()(y, ours), keras.metrics.SparseCategoricalAccuracy()(y, theirs))


def test_fractions_of_weights_count_in_iou():
    ours, theirs = metrics.MeanIoU(2), keras.metrics.MeanIoU(2, dtype="float32")
    close(ours([0, 1, 1], [0, 0, 1], [0.3, 0.5, 0.2]), theirs([0, 1, 1], [0, 0, 1], [0.3, 0.5, 0.2]))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: metrics.AUC(curve="RC"), "Unknown curve 'RC'"),
        (lambda: metrics.AUC(num_thresholds=1), "num_thresholds.*Received: 1"),
        (lambda: metrics.AUC(num_labels=3), "only with multi_label=True"),
        (lambda: metrics.AUC(multi_label=True).init(), "num_labels=..."),
        (lambda: metrics.Precision(thresholds=[0.2, 1.5]), r"Received: \[1.5\]"),
        (lambda: metrics.Recall(class_id=1)([1, 0], [0.2, 0.3]), r"class_id=1 needs predictions of shape"),
        (lambda: metrics.PrecisionAtRecall(1.5), "from 0 to 1. Received: 1.5"),
        (lambda: metrics.F1Score(average="mean"), "Unknown average 'mean'"),
        (lambda: metrics.F1Score()(labels(), probabilities()), "to_categorical"),
        (lambda: metrics.IoU(2, [2]), "from 0 to 1"),
        (lambda: metrics.R2Score(num_regressors=-1), "num_regressors=-1"),
    ],
)
def test_wrong_arguments_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()

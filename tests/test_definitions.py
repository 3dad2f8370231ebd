"""Every parameter of a loss or metric means what its definition says, compared with an independent float64 NumPy version.

Comparing only with Keras would copy its bugs. Axes are never the last one where there is a choice, and gradients are tested
where they are most easily wrong: at zero, at saturation, where nothing is missing.
"""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import backend, constraints, layers, losses, metrics, ops, utils

RNG = np.random.default_rng(7)
EPSILON = 1e-7


def softmax(x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


# Classes along axis 1, as with channels first: (3, 4 classes, 5).
LOGITS = RNG.normal(size=(3, 4, 5))
P = softmax(LOGITS, 1)
LABELS = RNG.integers(0, 4, (3, 5))
ONE_HOT = np.moveaxis(np.eye(4)[LABELS], -1, 1)
BITS = RNG.integers(0, 2, (3, 4, 5)).astype(float)
SIGMOID = 1 / (1 + np.exp(-LOGITS))
NUMBERS = RNG.normal(size=(3, 4, 5))
ALPHA = np.array([0.1, 0.2, 0.3, 0.4])


def log_p(p):
    return np.log(np.clip(p, EPSILON, 1 - EPSILON))


def binary(y, p):
    return -(y * log_p(p) + (1 - y) * log_p(1 - p))


def smooth(y, s, uniform):
    return (1 - s) * y + s * uniform


def focal(y, p, gamma, alpha=None):
    truth = y * p + (1 - y) * (1 - p)
    weight = 1 if alpha is None else y * alpha + (1 - y) * (1 - alpha)
    return weight * (1 - truth) ** gamma * binary(y, p)


def tversky(y, p, alpha, beta, axis=None):
    both, claimed, missed = (y * p).sum(axis), ((1 - y) * p).sum(axis), (y * (1 - p)).sum(axis)
    return 1 - both / (both + alpha * claimed + beta * missed)


def huber(e, delta):
    return np.where(abs(e) <= delta, e**2 / 2, delta * abs(e) - delta**2 / 2)


def cosine(a, b, axis):
    return (a * b).sum(axis) / np.sqrt((a**2).sum(axis) * (b**2).sum(axis))


ALONG = {"axis": 1}
LOSSES = [
    ("MeanSquaredError", {}, NUMBERS, LOGITS, lambda y, p: ((y - p) ** 2).mean(-1)),
    ("MeanAbsoluteError", {}, NUMBERS, LOGITS, lambda y, p: abs(y - p).mean(-1)),
    ("MeanAbsolutePercentageError", {}, NUMBERS, LOGITS, lambda y, p: 100 * abs((y - p) / y).mean(-1)),
    ("MeanSquaredLogarithmicError", {}, SIGMOID, P, lambda y, p: ((np.log1p(y) - np.log1p(p)) ** 2).mean(-1)),
    ("LogCosh", {}, NUMBERS, LOGITS, lambda y, p: np.log(np.cosh(p - y)).mean(-1)),
    ("Huber", {"delta": 0.4}, NUMBERS, LOGITS, lambda y, p: huber(p - y, 0.4).mean(-1)),
    ("Huber", {"delta": 3.0}, NUMBERS, LOGITS, lambda y, p: huber(p - y, 3.0).mean(-1)),
    ("CosineSimilarity", ALONG, NUMBERS, LOGITS, lambda y, p: -cosine(y, p, 1)),
    ("Hinge", {}, BITS, LOGITS, lambda y, p: np.maximum(1 - (2 * y - 1) * p, 0).mean(-1)),
    ("SquaredHinge", {}, 2 * BITS - 1, LOGITS, lambda y, p: (np.maximum(1 - y * p, 0) ** 2).mean(-1)),
    ("Poisson", {}, BITS, P, lambda y, p: (p - y * np.log(p)).mean(-1)),
    ("KLDivergence", {}, softmax(NUMBERS, -1), softmax(LOGITS, -1), lambda y, p: (y * np.log(y / p)).sum(-1)),
    ("BinaryCrossentropy", {**ALONG, "label_smoothing": 0.3}, BITS, P, lambda y, p: binary(smooth(y, 0.3, 0.5), p).mean(1)),
    ("BinaryCrossentropy", {**ALONG, "from_logits": True}, BITS, LOGITS, lambda y, z: binary(y, SIGMOID).mean(1)),
    ("CategoricalCrossentropy", ALONG, ONE_HOT, 3 * P, lambda y, p: -(y * log_p(P)).sum(1)),
    (
        "CategoricalCrossentropy",
        {**ALONG, "label_smoothing": 0.2},
        ONE_HOT,
        P,
        lambda y, p: -(smooth(y, 0.2, 1 / 4) * log_p(p)).sum(1),
    ),
    (
        "CategoricalCrossentropy",
        {**ALONG, "label_smoothing": 0.2, "from_logits": True},
        ONE_HOT,
        LOGITS,
        lambda y, z: -(smooth(y, 0.2, 1 / 4) * log_p(P)).sum(1),
    ),
    ("SparseCategoricalCrossentropy", ALONG, LABELS, P, lambda y, p: -(ONE_HOT * log_p(p)).sum(1)),
    (
        "SparseCategoricalCrossentropy",
        {**ALONG, "from_logits": True, "ignore_class": 2},
        LABELS,
        LOGITS,
        lambda y, z: -(ONE_HOT * log_p(P)).sum(1)[y != 2],
    ),
    (
        "BinaryFocalCrossentropy",
        {**ALONG, "gamma": 1.5, "label_smoothing": 0.2},
        BITS,
        P,
        lambda y, p: focal(smooth(y, 0.2, 0.5), p, 1.5).mean(1),
    ),
    (
        "BinaryFocalCrossentropy",
        {**ALONG, "gamma": 0.5, "alpha": 0.3, "apply_class_balancing": True, "from_logits": True},
        BITS,
        LOGITS,
        lambda y, z: focal(y, SIGMOID, 0.5, 0.3).mean(1),
    ),
    (
        "CategoricalFocalCrossentropy",
        {**ALONG, "gamma": 1.5, "alpha": ALPHA.tolist(), "label_smoothing": 0.2},
        ONE_HOT,
        P,
        lambda y, p: -(ALPHA[:, None] * (1 - p) ** 1.5 * smooth(y, 0.2, 1 / 4) * log_p(p)).sum(1),
    ),
    (
        "CategoricalFocalCrossentropy",
        {**ALONG, "gamma": 3.0, "from_logits": True},
        ONE_HOT,
        LOGITS,
        lambda y, z: -(0.25 * (1 - P) ** 3 * y * log_p(P)).sum(1),
    ),
    ("Dice", {"axis": [1, 2]}, BITS, P, lambda y, p: tversky(y, p, 0.5, 0.5, (1, 2))),
    ("Dice", {}, BITS, P, lambda y, p: tversky(y, p, 0.5, 0.5)),
    ("Tversky", {"alpha": 0.3, "beta": 0.7, "axis": (1, 2)}, BITS, P, lambda y, p: tversky(y, p, 0.3, 0.7, (1, 2))),
    ("Tversky", {"alpha": 0.9}, BITS, P, lambda y, p: tversky(y, p, 0.9, 0.5)),
]


def name_of(case):
    return "-".join([case[0], *case[1]])


@pytest.mark.few(10)
@pytest.mark.parametrize("name, arguments, y, p, definition", LOSSES, ids=map(name_of, LOSSES))
def test_a_loss_is_its_definition(name, arguments, y, p, definition):
    expected = definition(y, p)
    np.testing.assert_allclose(getattr(losses, name)(**arguments)(y, p), expected.mean(), rtol=2e-6)
    if not expected.shape or "ignore_class" in arguments:
        return
    np.testing.assert_allclose(getattr(losses, name)(**arguments, reduction="none")(y, p), expected, rtol=1e-5, atol=1e-6)
    if hasattr(metrics, name):
        # A metric is the mean over samples of each sample's mean.
        known = inspect.signature(getattr(metrics, name)).parameters
        arguments = {k: v for k, v in arguments.items() if k in known}
        metric = getattr(metrics, name)(**arguments)
        for rows in (slice(0, 2), slice(2, 3)):
            metric.update_state(y[rows], p[rows])
        sign = -1 if name == "CosineSimilarity" else 1
        np.testing.assert_allclose(sign * float(metric.result()), expected.mean(), rtol=5e-6)


def test_tversky_weighs_what_is_wrongly_claimed_by_alpha():
    # One true positive, two false positives, one false negative: 1 - 1 / (1 + 0.3 * 2 + 0.7 * 1).
    value = losses.Tversky(alpha=0.3, beta=0.7)([[1.0, 0.0, 0.0, 1.0]], [[1.0, 1.0, 1.0, 0.0]])
    assert round(float(value), 4) == 0.5652


def test_uniform_predictions_cost_log_n_whatever_the_smoothing():
    uniform = np.full((2, 3, 5), 1 / 3)
    truth = np.moveaxis(np.eye(3)[RNG.integers(0, 3, (2, 5))], -1, 1)
    for kind in (losses.CategoricalCrossentropy, metrics.CategoricalCrossentropy):
        assert round(float(kind(label_smoothing=0.2, axis=1)(truth, uniform)), 4) == round(float(np.log(3)), 4)


WEIGHTS = np.array([0.0, 1.0, 2.0, 0.5])
VECTOR = np.array([0.1, 0.4, 0.6, 0.9])
TRUTH = np.array([0.0, 1.0, 0.0, 1.0])
TABLE = np.array([[0.1, 0.6, 0.3], [0.5, 0.2, 0.3], [0.2, 0.2, 0.6], [0.7, 0.2, 0.1]])
CLASSES = np.eye(3)[[1, 2, 2, 0]]
GRID = np.array([[0.2, 1.0], [1.5, -1.0], [0.3, 0.4], [2.0, 0.1]])
FITTED = GRID + np.array([[0.1, -0.2], [0.0, 0.3], [-0.4, 0.1], [0.2, 0.2]])


def f_beta(chosen, weight, beta, average):
    w = weight[:, None]
    axis = None if average == "micro" else 0
    hit, claimed, real = (chosen * CLASSES * w).sum(axis), (chosen * w).sum(axis), (CLASSES * w).sum(axis)
    precision, recall = hit / np.maximum(claimed, 1e-12), hit / np.maximum(real, 1e-12)
    score = (1 + beta**2) * precision * recall / np.maximum(beta**2 * precision + recall, 1e-12)
    if average == "weighted":
        return (score * real).sum() / real.sum()
    return score if average is None else score.mean()


def r2(weight, k):
    w = weight[:, None]
    mean = (GRID * w).sum(0) / w.sum()
    score = (1 - (w * (GRID - FITTED) ** 2).sum(0) / (w * (GRID - mean) ** 2).sum(0)).mean()
    n = (weight != 0).sum()
    return 1 - (1 - score) * (n - 1) / (n - k - 1)


def confusion(true, pred, n, weight=1.0):
    table = np.zeros((n, n))
    np.add.at(table, (true.ravel(), pred.ravel()), np.broadcast_to(weight, true.shape).ravel())
    return table


def iou(table, ids):
    shared = np.diag(table)
    return (shared / (table.sum(0) + table.sum(1) - shared))[list(ids)].mean()


CHOSEN = np.eye(3)[TABLE.argmax(1)]
MASK, SCORES = RNG.integers(0, 3, (3, 4, 5)), RNG.normal(size=(3, 3, 4, 5))
AREA = np.array([0.5, 2.0, 1.0])
ONES = np.ones(4)
METRICS = [
    ("BinaryAccuracy", {"threshold": 0.7}, TRUTH, VECTOR, None, ((VECTOR > 0.7) == TRUTH).mean()),
    ("TopKCategoricalAccuracy", {"k": 2}, CLASSES, TABLE, WEIGHTS, (WEIGHTS * [1, 1, 1, 1]).sum() / WEIGHTS.sum()),
    ("TopKCategoricalAccuracy", {"k": 1}, CLASSES, TABLE, WEIGHTS, (WEIGHTS * [1, 0, 1, 1]).sum() / WEIGHTS.sum()),
    # Two classes tie for second place: both are among the top two.
    ("SparseTopKCategoricalAccuracy", {"k": 2}, np.array([0, 1, 1, 2]), TABLE[[2] * 4], None, 1.0),
    ("Precision", {"thresholds": [0.3, 0.7]}, TRUTH, VECTOR, None, [2 / 3, 1.0]),
    ("Precision", {"top_k": 1, "class_id": 2}, CLASSES, TABLE, None, 1.0),
    ("Recall", {"top_k": 1, "class_id": 2}, CLASSES, TABLE, None, 1 / 2),
    ("Recall", {"thresholds": 0.5}, TRUTH, VECTOR, WEIGHTS, 0.5 / 1.5),
    ("SpecificityAtSensitivity", {"sensitivity": 1.0}, TRUTH, VECTOR, None, 0.5),
    ("SensitivityAtSpecificity", {"specificity": 1.0}, TRUTH, VECTOR, None, 0.5),
    ("PrecisionAtRecall", {"recall": 1.0}, TRUTH, VECTOR, None, 2 / 3),
    ("RecallAtPrecision", {"precision": 0.9}, TRUTH, VECTOR, None, 0.5),
    ("AUC", {"num_thresholds": 1001}, TRUTH, VECTOR, None, 0.75),
    ("FBetaScore", {"beta": 2.0}, CLASSES, TABLE, None, f_beta(CHOSEN, ONES, 2.0, None)),
    ("FBetaScore", {"beta": 0.5, "average": "macro"}, CLASSES, TABLE, WEIGHTS, f_beta(CHOSEN, WEIGHTS, 0.5, "macro")),
    ("FBetaScore", {"average": "micro"}, CLASSES, TABLE, WEIGHTS[:, None], f_beta(CHOSEN, WEIGHTS, 1.0, "micro")),
    ("F1Score", {"average": "weighted"}, CLASSES, TABLE, WEIGHTS, f_beta(CHOSEN, WEIGHTS, 1.0, "weighted")),
    ("F1Score", {"threshold": 0.25, "average": "micro"}, CLASSES, TABLE, None, f_beta(TABLE > 0.25, ONES, 1.0, "micro")),
    ("R2Score", {"num_regressors": 1}, GRID, FITTED, None, r2(ONES, 1)),
    ("R2Score", {"num_regressors": 1}, GRID, FITTED, WEIGHTS, r2(WEIGHTS, 1)),
    ("R2Score", {"num_regressors": 1}, GRID, FITTED, np.outer(WEIGHTS, [1, 1]), r2(WEIGHTS, 1)),
    ("CosineSimilarity", {"axis": 1}, NUMBERS, LOGITS, None, cosine(NUMBERS, LOGITS, 1).mean()),
    ("LogCoshError", {}, NUMBERS, LOGITS, None, np.log(np.cosh(LOGITS - NUMBERS)).mean()),
    ("RootMeanSquaredError", {}, GRID, FITTED, WEIGHTS, np.sqrt((WEIGHTS[:, None] * (GRID - FITTED) ** 2).sum() / 7)),
    (
        "SparseCategoricalCrossentropy",
        {"ignore_class": 2},
        np.array([1, 2, 2, 0]),
        TABLE,
        None,
        -(np.log(0.6) + np.log(0.7)) / 2,
    ),
    (
        "MeanIoU",
        {"num_classes": 3, "sparse_y_pred": False, "axis": 1},
        MASK,
        SCORES,
        None,
        iou(confusion(MASK, SCORES.argmax(1), 3), range(3)),
    ),
    (
        "IoU",
        {"num_classes": 3, "target_class_ids": [0, 2], "sparse_y_pred": False, "axis": 1},
        MASK,
        SCORES,
        AREA,
        iou(confusion(MASK, SCORES.argmax(1), 3, AREA[:, None, None]), (0, 2)),
    ),
    ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.4}, TRUTH, VECTOR, None, 2 / 3),
]


@pytest.mark.few(10)
@pytest.mark.parametrize("name, arguments, y, p, weight, expected", METRICS, ids=map(name_of, METRICS))
def test_a_metric_is_its_definition(name, arguments, y, p, weight, expected):
    metric = getattr(metrics, name)(**arguments)
    for rows in (slice(0, 1), slice(1, None)):  # two batches
        metric.update_state(y[rows], p[rows], *(() if weight is None else (weight[rows],)))
    np.testing.assert_allclose(metric.result(), expected, rtol=1e-5)


@pytest.mark.parametrize("n", (14, 101, 200))
def test_a_prediction_at_a_threshold_is_not_above_it(n):
    # Keras uses a rounded product instead, and counts some predictions at the threshold as above it.
    thresholds = (np.arange(n, dtype="float32") / (n - 1)).tolist()
    metric = metrics.FalsePositives(thresholds=thresholds)
    metric.update_state(np.zeros(n), np.float32(thresholds))
    np.testing.assert_array_equal(metric.result(), np.arange(n)[::-1])


def gradient(fn, x):
    return np.asarray(jax.grad(lambda x: jnp.sum(fn(x)))(jnp.asarray(x, jnp.float32)))


# A zero row next to a nonzero one, whose gradient must not change.
ROWS = np.array([[0.0, 0.0, 0.0], [3.0, 4.0, 0.0]])
UNIT = np.array([[0.6, 0.8, 0.0]])
RMSE = metrics.RootMeanSquaredError()
AT_ZERO = {
    "normalize": lambda x: ops.normalize(x),
    "normalize order 1": lambda x: ops.normalize(x, order=1),
    "normalize order 3": lambda x: ops.normalize(x, order=3),
    "utils.normalize": lambda x: utils.normalize(x, axis=-1),
    "K.l2_normalize": lambda x: backend.l2_normalize(x, axis=-1),
    "norm": lambda x: ops.norm(x, axis=-1),
    "norm order 3": lambda x: ops.norm(x, ord=3, axis=-1),
    "norm of a matrix": lambda x: ops.norm(x[:1], ord="fro"),
    "std": lambda x: ops.std(x, axis=-1),
    "nanstd": lambda x: ops.nanstd(x, axis=-1),
    "cosine": lambda x: losses.cosine_similarity(jnp.ones((2, 3)), x),
    "Dot": lambda x: layers.Dot(-1, normalize=True)([x, jnp.ones((2, 3))]),
    "UnitNorm": lambda x: constraints.UnitNorm(axis=-1)(x),
    "MaxNorm": lambda x: constraints.MaxNorm(axis=-1)(x),
    "RootMeanSquaredError": lambda x: RMSE.compute(RMSE.update(RMSE.init(), jnp.zeros((1, 3)), x[:1])),
}


@pytest.mark.few(6)
@pytest.mark.parametrize("name", AT_ZERO)
def test_what_has_no_direction_passes_no_gradient(name):
    found = gradient(AT_ZERO[name], ROWS)
    assert (found[0] == 0).all()
    assert np.isfinite(found).all()


def test_the_gradient_of_vectors_that_have_a_direction_is_untouched():
    weights = np.array([1.0, -2.0, 0.5])
    expected = (weights - (weights @ UNIT[0]) * UNIT[0]) / 5
    for normalize in (ops.normalize, lambda x: utils.normalize(x, axis=-1), lambda x: backend.l2_normalize(x, axis=-1)):
        np.testing.assert_allclose(gradient(lambda x: normalize(x) * weights, ROWS)[1], expected, rtol=1e-5)  # noqa: B023
    np.testing.assert_allclose(gradient(lambda x: ops.norm(x, axis=-1), ROWS)[1], UNIT[0], rtol=1e-6)


@pytest.mark.parametrize("dtype", ("float16", "bfloat16"))
def test_short_vectors_are_normalised_in_half_precision(dtype):
    x = jnp.asarray([[1e-4, 0.0]], dtype)  # its square is 0 in float16
    np.testing.assert_allclose(np.asarray(ops.normalize(x), "float32"), [[1.0, 0.0]], rtol=1e-2)
    np.testing.assert_allclose(np.asarray(losses.cosine_similarity(x, x), "float32"), [-1.0], rtol=1e-2)


ONE, ZERO = np.ones((1, 2)), np.zeros((1, 2))
EDGES = [
    ("log_cosh", {}, ZERO, 3e38 * ONE, 0.5),
    ("log_cosh", {}, ZERO, -3e38 * ONE, -0.5),
    ("huber", {"delta": 2.0}, ZERO, 2 * ONE, 1.0),
    ("huber", {"delta": 2.0}, ZERO, -1e30 * ONE, -1.0),
    ("binary_crossentropy", {"from_logits": True}, ONE, -1e5 * ONE, -0.5),
    ("binary_crossentropy", {"from_logits": True}, ONE, 1e5 * ONE, 0.0),
    ("binary_crossentropy", {"from_logits": True}, ZERO, 1e5 * ONE, 0.5),
    ("binary_crossentropy", {}, ONE, ONE, 0.0),
    ("binary_focal_crossentropy", {"from_logits": True}, ONE, -1e3 * ONE, -0.5),
    ("binary_focal_crossentropy", {"from_logits": True, "gamma": 0.5}, ONE, 1e3 * ONE, 0.0),
    ("binary_focal_crossentropy", {"gamma": 0.5}, ONE, ONE, 0.0),
    ("binary_focal_crossentropy", {"gamma": 0.0}, ONE, 0.5 * ONE, -1.0),
    ("categorical_crossentropy", {"from_logits": True}, ONE / 2, np.array([[1e5, 1e5]]), 0.0),
    ("mean_squared_error", {}, ONE, ONE, 0.0),
    ("kl_divergence", {}, ZERO, ZERO, 0.0),
    ("dice", {}, ZERO, ZERO, 0.0),
    ("tversky", {}, ZERO, ZERO, 0.0),
]


@pytest.mark.parametrize("name, arguments, y, p, expected", EDGES)
def test_gradients_are_right_at_the_edges(name, arguments, y, p, expected):
    found = gradient(lambda p: getattr(losses, name)(jnp.asarray(y, jnp.float32), p, **arguments), p)
    np.testing.assert_allclose(found, expected * np.ones_like(found), atol=1e-6)


def test_a_focal_loss_of_hopeless_logits_is_their_size():
    found = losses.binary_focal_crossentropy(jnp.ones((1, 1)), jnp.full((1, 1), -1000.0), from_logits=True)
    np.testing.assert_allclose(found, [1000.0])  # Keras gives 16.1, from clipped probabilities
    one_hot, logits = jnp.eye(3)[:1], jnp.array([[-1000.0, 0.0, 0.0]])
    found = losses.categorical_focal_crossentropy(one_hot, logits, from_logits=True)
    np.testing.assert_allclose(found, [0.25 * (1000 + np.log(2))], rtol=1e-6)


@pytest.mark.parametrize("dtype", ("float16", "bfloat16"))
@pytest.mark.parametrize("name", ("binary_crossentropy", "categorical_crossentropy", "kl_divergence", "poisson"))
def test_losses_of_certain_predictions_are_finite_in_half_precision(name, dtype):
    y, p = jnp.eye(2, dtype=dtype), jnp.array([[1, 0], [1, 0]], dtype)
    right, wrong = getattr(losses, name)(y, p)
    assert right.dtype == dtype
    assert np.isfinite(float(right))
    assert 5 < float(wrong) < 20

"""Targets, losses, metrics and weights are matched to their outputs, however outputs are nested.

Names and order of logs are those of Keras 3.15.1. Values follow from NumPy: predictions are multiples of the sums of inputs.
"""

import numpy as np
import pytest

from jkeras import Input, Model, initializers, layers, losses, metrics, ops

RNG = np.random.default_rng(0)
X = RNG.normal(size=(10, 4)).astype("float32")
Y = {name: RNG.normal(size=(10, size)).astype("float32") for name, size in (("t", 2), ("u", 3), ("v", 1))}
WEIGHTS = np.arange(10, dtype="float32")
ERROR = {name: y - 0.1 * X.sum(1, keepdims=True) for name, y in Y.items()}
VALUE = {f"{name} mse": (e**2).mean() for name, e in ERROR.items()} | {f"{name} mae": abs(e).mean() for name, e in ERROR.items()}


def model_of(structure, **arguments):
    inputs = Input((4,))
    leaf = {n: layers.Dense(y.shape[1], kernel_initializer=initializers.Constant(0.1), name=n)(inputs) for n, y in Y.items()}
    model = Model(inputs, structure(leaf))
    model.compile("sgd", **arguments)
    return model


def nested(leaf):
    return {"a": leaf["t"], "b": [leaf["u"], leaf["v"]]}


def in_list(leaf):
    return [leaf["t"], [leaf["u"], leaf["v"]]]


def pair(leaf):
    return [leaf["t"], leaf["u"]]


def keyed(leaf):
    return {"z": leaf["t"], "a": leaf["u"]}


def single(leaf):
    return leaf["t"]


def in_tuple(leaf):
    return (leaf["t"], leaf["u"])


def of_two(y_true, y_pred):
    (a, b), (c, d) = y_true, y_pred
    return losses.mean_absolute_error(a, c) + losses.mean_absolute_error(b, d)


NESTED = ["a_loss", "b/u_loss", "b/v_loss"]
ALL_MSE = {"loss": ("t mse", "u mse", "v mse"), **dict(zip(NESTED, (("t mse",), ("u mse",), ("v mse",))))}
OTHERS = {"loss": ("t mse", "u mae", "v mse"), **dict(zip(NESTED, (("t mse",), ("u mae",), ("v mse",))))}
T, U, V = Y.values()
# outputs, arguments of `compile`, targets, expected logs in order: each the sum of some values
CASES = [
    (nested, {"loss": "mse"}, nested(Y), ALL_MSE),
    (nested, {"loss": "mse"}, {"a": T, "b": (U, V)}, ALL_MSE),
    (nested, {"loss": "mse"}, [T, U, V], ALL_MSE),
    (nested, {"loss": "mse"}, Y, ALL_MSE),
    (nested, {"loss": {"a": "mse", "b": ["mae", "mse"]}}, nested(Y), OTHERS),
    (nested, {"loss": ["mse", "mae", "mse"]}, nested(Y), OTHERS),
    (nested, {"loss": {"t": "mse", "u": "mae", "v": "mse"}}, nested(Y), OTHERS),
    (
        nested,
        {"loss": {"a": "mse", "b": ["mae", None]}},
        nested(Y),
        {"loss": ("t mse", "u mae"), "a_loss": ("t mse",), "b/u_loss": ("u mae",)},
    ),
    (nested, {"loss": {"a": "mse"}}, {"a": T}, {"loss": ("t mse",)}),
    (
        nested,
        {"loss": "mse", "metrics": {"a": ["mae"], "b": [["mse"], ["mae", "mse"]]}},
        nested(Y),
        ALL_MSE | {"t_mae": ("t mae",), "u_mse": ("u mse",), "v_mae": ("v mae",), "v_mse": ("v mse",)},
    ),
    (
        nested,
        {"loss": {"a": "mse", "b": ["mae", "mse"]}, "loss_weights": {"a": 1.0, "b": [2.0, 3.0]}},
        nested(Y),
        OTHERS | {"loss": ("t mse", *["u mae"] * 2, *["v mse"] * 3)},
    ),
    (
        nested,
        {"loss": "mse", "loss_weights": [1.0, 2.0, 3.0]},
        nested(Y),
        ALL_MSE | {"loss": ("t mse", *["u mse"] * 2, *["v mse"] * 3)},
    ),
    (
        in_list,
        {"loss": ["mse", ["mae", "mse"]], "metrics": [["mae"], [["mae"], ["mse"]]]},
        in_list(Y),
        {
            "loss": ("t mse", "u mae", "v mse"),
            "t_loss": ("t mse",),
            "1/u_loss": ("u mae",),
            "1/v_loss": ("v mse",),
            "t_mae": ("t mae",),
            "u_mae": ("u mae",),
            "v_mse": ("v mse",),
        },
    ),
    (
        in_list,
        {"loss": ["mse", "mae", "mse"]},
        in_list(Y),
        {"loss": ("t mse", "u mae", "v mse"), "t_loss": ("t mse",), "1/u_loss": ("u mae",), "1/v_loss": ("v mse",)},
    ),
    # A loss of a structure stands in its place, and a list where a tuple is, or the other way round, holds several.
    (
        nested,
        {"loss": {"b": (of_two, ["mse", None])}, "loss_weights": {"b": (2.0, [3.0, 1.0])}},
        nested(Y),
        {"loss": (*["u mae", "v mae"] * 2, *["u mse"] * 3), "b_loss": ("u mae", "v mae"), "b/u_loss": ("u mse",)},
    ),
    (nested, {"loss": {"b": of_two}}, nested(Y), {"loss": ("u mae", "v mae")}),
    (
        in_tuple,
        {"loss": [of_two, ("mse", None)]},
        in_tuple(Y),
        {"loss": ("t mae", "u mae", "t mse"), "t_u_loss": ("t mae", "u mae"), "t_loss": ("t mse",)},
    ),
    # The losses of a dict follow its order, those of a list the order of the keys.
    (
        keyed,
        {"loss": {"z": "mse", "a": "mae"}, "metrics": {"z": "mae"}},
        {"z": T, "a": U},
        {"loss": ("t mse", "u mae"), "z_loss": ("t mse",), "a_loss": ("u mae",), "z_mae": ("t mae",)},
    ),
    (
        keyed,
        {"loss": ["mae", "mse"]},
        [U, T],
        {"loss": ("t mse", "u mae"), "a_loss": ("u mae",), "z_loss": ("t mse",)},
    ),
    # Metrics of several outputs follow the order of their names.
    (
        pair,
        {"loss": "mse", "metrics": [["mse", "mae"], ["mae"]]},
        [T, U],
        {
            "loss": ("t mse", "u mse"),
            "t_loss": ("t mse",),
            "u_loss": ("u mse",),
            "t_mae": ("t mae",),
            "t_mse": ("t mse",),
            "u_mae": ("u mae",),
        },
    ),
    # A single loss is the total loss.
    (pair, {"loss": ["mse", None]}, [T, U], {"loss": ("t mse",)}),
    (pair, {"loss": ["mse", None]}, [T], {"loss": ("t mse",)}),
    (pair, {"loss": ["mse", None], "metrics": [["mae"], []]}, [T, U], {"loss": ("t mse",), "t_mae": ("t mae",)}),
    (pair, {"loss": {"u": "mae"}}, {"u": U}, {"loss": ("u mae",)}),
    (single, {"loss": ["mse"], "metrics": [["mse", "mae"]]}, [T], {"loss": ("t mse",), "mse": ("t mse",), "mae": ("t mae",)}),
    (single, {"loss": {"t": "mse"}, "metrics": {"t": "mae"}}, {"t": T}, {"loss": ("t mse",), "mae": ("t mae",)}),
]


@pytest.mark.parametrize("structure, arguments, y, expected", CASES)
def test_names_order_and_values_are_those_of_keras(structure, arguments, y, expected):
    model = model_of(structure, **arguments)
    expected = {name: sum(VALUE[part] for part in parts) for name, parts in expected.items()}
    found = model.evaluate(X, y, batch_size=4, verbose=0, return_dict=True)
    assert list(found) == model.metrics_names == list(expected)
    np.testing.assert_allclose(list(found.values()), list(expected.values()), rtol=2e-5)


def test_training_validation_and_single_batches_know_nested_outputs():
    model = model_of(nested, loss={"a": "mse", "b": ["mae", "mse"]}, metrics={"b": [["mae"], []]})
    names = ["loss", *NESTED, "u_mae"]
    history = model.fit(X, nested(Y), validation_data=(X, nested(Y)), epochs=3, verbose=0).history
    assert list(history) == [*names, *(f"val_{name}" for name in names)]
    assert history["loss"][-1] < history["loss"][0]
    assert list(model.train_on_batch(X, nested(Y), return_dict=True)) == names
    assert len(model.test_on_batch(X, nested(Y))) == len(names)
    stream = model.evaluate(((X[i : i + 5], nested({n: y[i : i + 5] for n, y in Y.items()})) for i in (0, 5)), verbose=0)
    np.testing.assert_allclose(stream, model.evaluate(X, nested(Y), verbose=0), rtol=1e-5)


def test_sample_weights_are_nested_as_the_targets_or_one_for_all():
    expected = {name: (WEIGHTS[:, None] * abs(e)).mean() for name, e in ERROR.items()}
    model = model_of(nested, loss="mae", weighted_metrics={"a": ["mae"], "b": [None, ["mae"]]})
    for weights in (WEIGHTS, {"a": WEIGHTS, "b": [WEIGHTS, WEIGHTS]}):
        found = model.evaluate(X, nested(Y), sample_weight=weights, verbose=0, return_dict=True)
        np.testing.assert_allclose([found[name] for name in NESTED], list(expected.values()), rtol=1e-5)
        np.testing.assert_allclose(found["v_mae"], expected["v"] / WEIGHTS.mean(), rtol=1e-5)


class Two(Model):
    """Outputs without names of their own."""

    def __init__(self):
        super().__init__()
        self.t, self.u = layers.Dense(2, "relu"), layers.Dense(3)

    def call(self, x):
        return {"a": self.t(x), "b": [self.u(x)]}


def test_a_subclass_may_return_a_nest():
    model = Two()
    model.compile("sgd", {"a": "mse", "b": ["mae"]}, metrics={"b": [["mse"]]})
    model.fit(X, {"a": T, "b": [U]}, verbose=0)
    assert model.metrics_names == ["loss", "a_loss", "b/output_2_loss", "output_2_mse"]


@pytest.mark.parametrize(
    "structure, arguments, y, text",
    [
        (nested, {"loss": ["mse", "mae"]}, nested(Y), r"3 outputs \(t, u, v\), but loss has 2.*structure of the outputs"),
        (nested, {"loss": {"b": "mae"}}, nested(Y), "3 outputs .* but loss has"),
        (nested, {"loss": {"b": of_two}, "loss_weights": {"b": [1.0, 2.0]}}, nested(Y), "the structure of the loss"),
        (nested, {"loss": {"c": "mse"}}, nested(Y), r"Unknown output in loss: 'c'\. Known names: 'a', 'b', 't', 'u', 'v'"),
        (nested, {"loss": "mse"}, {"a": T, "b": [U]}, r"3 outputs .* but y has 2"),
        (nested, {"loss": "mse"}, {"a": T}, r"The output 'u' has the loss 'mse', but there is no target|no target y for it"),
        (pair, {"loss": "mse"}, {"t": T, "w": U}, "no target y for it"),
        (single, {"loss": "mse"}, {"other": T}, r"Unknown output in y: 'other'\. Known names: 't'"),
    ],
)
@pytest.mark.filterwarnings("ignore:The targets y for")
def test_what_fits_no_output_is_refused(structure, arguments, y, text):
    with pytest.raises(ValueError, match=text):
        model_of(structure, **arguments).fit(X, y, verbose=0)


def test_targets_for_no_output_are_left_aside_with_a_warning():
    for structure, y in ((keyed, {"z": T, "a": U}), (pair, {"t": T, "u": U}), (single, {"t": T})):
        model = model_of(structure, loss="mse")
        with pytest.warns(UserWarning, match=r"targets y for \['extra'\] are ignored"):
            found = model.evaluate(X, y | {"extra": V}, verbose=0)
        np.testing.assert_allclose(found, model.evaluate(X, y, verbose=0))


class Handing(Model):
    def __init__(self, hand):
        super().__init__()
        self.hand = hand
        self.t = layers.Dense(2, kernel_initializer=initializers.Constant(0.1))

    def call(self, x):
        return self.t(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        handed = self.hand(y, y_pred)
        return super().compute_loss(x, *handed, sample_weight) if len(handed) == 2 else handed[0]


BOTH = {"u": T, "v": 2 * T}
HANDED = {
    "outputs in a list": (
        lambda y, p: (y, [p, p]),
        {"loss": ["mean_squared_error", "mae"], "loss_weights": [1.0, 2.0], "metrics": ["mae"]},
        [T, T],
        {"loss": ("t mse", "t mae", "t mae"), "mean_squared_error_loss": ("t mse",), "mae_loss": ("t mae",), "mae": ("t mae",)},
    ),
    "a nest": (
        lambda y, p: ({"u": y, "v": [y, 2 * y]}, {"u": p, "v": [p, 2 * p]}),
        {"loss": {"v": ["mae", "mse"]}, "weighted_metrics": ["mse"]},
        T,
        {"loss": ("t mae", *["t mse"] * 4), "v/mae_loss": ("t mae",), "v/mse_loss": ("t mse",) * 4, "mse": ("t mse",)},
    ),
    "a part of the targets": (
        lambda y, p: (y["u"], p),
        {"loss": "mse", "metrics": ["mae"]},
        BOTH,
        {"loss": ("t mse",), "mae": ("t mae",)},
    ),
    "nothing": (lambda y, p: (ops.mean((y[0] - p) ** 2),), {"loss": ["mse", "mae"]}, [T], {"loss": ("t mse",)}),
}


@pytest.mark.filterwarnings("ignore:The metrics compare")
@pytest.mark.parametrize("hand, arguments, y, expected", HANDED.values(), ids=HANDED)
def test_a_compute_loss_of_ones_own_hands_what_it_likes_to_the_losses(hand, arguments, y, expected):
    model = Handing(hand)
    model.compile("sgd", **arguments)
    expected = {name: sum(VALUE[part] for part in parts) for name, parts in expected.items()}
    found = model.evaluate(X, y, batch_size=5, verbose=0, return_dict=True)
    assert list(found) == list(expected)
    np.testing.assert_allclose(list(found.values()), list(expected.values()), rtol=1e-5)
    if y is T:
        weighted = model.test_on_batch(X, y, np.full(10, 2.0), return_dict=True)
        np.testing.assert_allclose(weighted["loss"], 2 * expected["loss"], rtol=1e-5)
    assert list(model.train_on_batch(X, y, return_dict=True)) == list(expected)


def test_losses_that_do_not_fit_what_is_handed_on_are_refused():
    model = Handing(lambda y, p: (y, [p, p]))
    model.compile("sgd", ["mse", "mae", "mse"])
    with pytest.raises(ValueError, match=r"compute_loss hands on 2 outputs.*loss has 3"):
        model.test_on_batch(X, [T, T])


def test_the_compiled_loss_needs_no_data_before():
    model = Handing(lambda y, p: (y, p))
    model.compile("sgd", "mse")
    np.testing.assert_allclose(model.compute_loss(X, T, model(X)), VALUE["t mse"], rtol=1e-5)


# Results that are dicts -------------------------------------------------------------------------------------------------


class Spread(metrics.Metric):
    def __init__(self, name="spread", **kwargs):
        super().__init__(name=name, **kwargs)
        self.total = self.add_variable((), "zeros", name="total")
        self.rows = self.add_variable((), "zeros", name="rows")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign_add(ops.sum(ops.abs(y_true - y_pred)))
        self.rows.assign_add(ops.cast(ops.shape(y_pred)[0], "float32"))

    def result(self):
        return {"width": self.total / self.rows, "rows": self.rows, "deep": {"double": 2 * self.total}}


SPREAD = {name: {"double": 2 * abs(e).sum(), "rows": 10, "width": abs(e).sum() / 10} for name, e in ERROR.items()}


def test_entries_of_a_result_are_logs_of_their_own():
    model = model_of(single, loss="mse", metrics=[Spread(), "mae"])
    expected = {"loss": VALUE["t mse"], "mae": VALUE["t mae"], **SPREAD["t"]}
    found = model.evaluate(X, T, batch_size=4, verbose=0, return_dict=True)
    assert list(found) == list(expected) == model.metrics_names
    np.testing.assert_allclose(list(found.values()), list(expected.values()), rtol=1e-5)
    np.testing.assert_allclose(model.evaluate(X, T, verbose=0), list(expected.values()), rtol=1e-5)
    history = model.fit(X, T, validation_data=(X, T), verbose=0).history
    assert set(history) == {*expected, *(f"val_{name}" for name in expected)}
    assert {"double", "rows", "width"} <= set(model.test_on_batch(X, T, return_dict=True))


def test_equal_entries_of_two_metrics_both_stand():
    model = model_of(pair, loss="mse", metrics=[[Spread()], [Spread(), "mae"]])
    found = model.evaluate(X, [T, U], verbose=0, return_dict=True)
    assert list(found) == [
        *("loss", "t_loss", "u_loss", "u_mae", "double", "rows"),
        *("u_spread_double", "u_spread_rows", "u_spread_width", "width"),
    ]
    np.testing.assert_allclose(found["width"], SPREAD["t"]["width"], rtol=1e-5)
    np.testing.assert_allclose(found["u_spread_width"], SPREAD["u"]["width"], rtol=1e-5)


# Losses without reduction -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reduction", ("none", None))
def test_evaluate_reports_the_mean_of_a_loss_without_reduction(reduction):
    model = model_of(single, loss=losses.MeanSquaredError(reduction=reduction), metrics=["mae"])
    # 10 rows in batches of 4: a padded row would count.
    np.testing.assert_allclose(model.evaluate(X, T, batch_size=4, verbose=0), [VALUE["t mse"], VALUE["t mae"]], rtol=1e-5)
    weighted = (WEIGHTS[:, None] * ERROR["t"] ** 2).mean()
    found = model.evaluate(X, T, batch_size=4, sample_weight=WEIGHTS, verbose=0)
    np.testing.assert_allclose(found, [weighted, VALUE["t mae"]], rtol=1e-5)
    np.testing.assert_allclose(model.test_on_batch(X, T), [VALUE["t mse"], VALUE["t mae"]], rtol=1e-5)
    with pytest.raises(ValueError, match=r"Training minimises one number.*\(10,\)[\s\S]*reduction="):
        model.fit(X, T, verbose=0)


def test_a_mean_without_reduction_counts_for_several_outputs():
    loss = [losses.MeanSquaredError(reduction="none"), losses.MeanAbsoluteError(reduction="none")]
    found = model_of(pair, loss=loss, loss_weights=[2.0, 3.0]).evaluate(X, [T, U], batch_size=4, verbose=0)
    np.testing.assert_allclose(found, [2 * VALUE["t mse"] + 3 * VALUE["u mae"], VALUE["t mse"], VALUE["u mae"]], rtol=1e-5)


# Metrics over targets that are not rows of numbers ----------------------------------------------------------------------

LABELS, MAPS = RNG.integers(0, 3, (10, 4, 5)), RNG.normal(size=(10, 4, 5, 3)).astype("float32")
BITS, CHANCES = RNG.integers(0, 2, (10, 4, 5)), RNG.uniform(size=(10, 4, 5, 1)).astype("float32")
OVER_IMAGES = [
    (metrics.MeanIoU(3, sparse_y_pred=False), LABELS, MAPS),
    (metrics.IoU(3, [0, 2], sparse_y_pred=False, ignore_class=1), LABELS[..., None], MAPS),
    (metrics.BinaryIoU([1], 0.3), BITS, CHANCES),
    (metrics.SparseCategoricalAccuracy(), LABELS, MAPS),
    (metrics.SparseTopKCategoricalAccuracy(2), LABELS, MAPS),
    (metrics.BinaryAccuracy(), BITS, CHANCES),
    (metrics.AUC(), BITS, CHANCES),
    (metrics.Precision(), BITS[..., None], CHANCES),
    (metrics.CosineSimilarity(axis=1), MAPS[::-1], MAPS),
    (metrics.RootMeanSquaredError(), MAPS[::-1], MAPS),
]


@pytest.mark.parametrize("metric, y, p", OVER_IMAGES, ids=lambda v: getattr(v, "name", ""))
def test_metrics_over_images_in_evaluate_and_validation(metric, y, p):
    # Ten rows in batches of 4: padded rows must not count, and row weights must reach all pixels.
    model = Model(i := Input(p.shape[1:]), layers.Activation("linear")(i))
    model.compile(
        loss=lambda y_true, y_pred: y_pred.reshape(len(y_pred), -1).mean(1), metrics=[metric], weighted_metrics=[metric]
    )
    fresh = metric.init()
    plain = metric.compute(metric.update(fresh, y, p))
    weighted = metric.compute(metric.update(fresh, y, p, WEIGHTS))
    found = model.evaluate(p, y, batch_size=4, sample_weight=WEIGHTS, verbose=0)
    np.testing.assert_allclose(found[1:], [plain, weighted], rtol=1e-5)
    np.testing.assert_allclose(model.test_on_batch(p, y)[1], plain, rtol=1e-5)


def test_one_metric_object_may_serve_several_outputs():
    model = model_of(pair, loss="mse", metrics=[metrics.MeanAbsoluteError(name="mae")])
    found = model.evaluate(X, [T, U], verbose=0, return_dict=True)
    assert list(found) == ["loss", "t_loss", "u_loss", "t_mae", "u_mae"] == model.metrics_names
    np.testing.assert_allclose([found["t_mae"], found["u_mae"]], [VALUE["t mae"], VALUE["u mae"]], rtol=1e-5)
    assert {"t_mae", "u_mae"} <= set(model.fit(X, [T, U], verbose=0).history)


def test_a_list_of_losses_for_one_output_is_their_sum():
    x, y = np.ones((4, 2)), {"a": np.zeros((4, 1)), "b": np.ones((4, 1))}

    def found(loss_of_b):
        inputs = Input((2,))
        outputs = {name: layers.Dense(1, kernel_initializer="ones", name=name)(inputs) for name in "ab"}
        model = Model(inputs, outputs)
        model.compile("sgd", {"a": "mse", "b": loss_of_b})
        return model.evaluate(x, y, verbose=0, return_dict=True)

    assert found(["mse"]) == found("mse")
    both, one, other = found(["mse", "mae"]), found("mse"), found("mae")
    assert both["b_loss"] == one["b_loss"] + other["b_loss"] == 2.0 and both["loss"] == both["a_loss"] + both["b_loss"]


def test_weighted_twins_are_named_as_in_keras():
    inputs = Input((2,))
    model = Model(inputs, {name: layers.Dense(1, name=name)(inputs) for name in "ab"})
    model.compile("sgd", "mse", metrics={"a": ["mae"]}, weighted_metrics={"a": ["mae"], "b": ["mae"]})
    found = model.evaluate(np.ones((4, 2)), {"a": np.ones((4, 1)), "b": np.ones((4, 1))}, verbose=0, return_dict=True)
    assert {"a_mae", "a_weighted_mae", "b_mae"} < {*found}

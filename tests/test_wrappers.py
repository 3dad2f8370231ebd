"""Models in scikit-learn: the wrappers of Keras 2 and Keras 3."""

import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.wrappers import SKLearnClassifier, SKLearnRegressor, SKLearnTransformer
from jkeras.wrappers.scikit_learn import KerasClassifier, KerasRegressor

sklearn = pytest.importorskip("sklearn")
model_selection = pytest.importorskip("sklearn.model_selection")
pipeline = pytest.importorskip("sklearn.pipeline")

rng = np.random.default_rng(0)
X = rng.normal(size=(64, 2)).astype("float32")
LABELS = np.where(X[:, 0] > 0, "right", "left")
Y = X @ [1.0, 2.0] + 3
FIT = {"epochs": 5, "batch_size": 16, "verbose": 0}
made: dict = {}


def anew(key, make):
    """A model as if it was made now, with the programs of the one before it: compiling is what takes time here."""
    if key not in made:
        jkeras.utils.set_random_seed(0)
        model = make()
        made[key] = model, model.get_weights()
    model, weights = made[key]
    model.set_weights(weights)
    return model


def classifier(units=8, outputs=2, loss="categorical_crossentropy", metrics=("accuracy",)):
    last = layers.Dense(outputs, activation="softmax" if outputs > 1 else "sigmoid")
    model = anew((units, outputs, loss), lambda: jkeras.Sequential([layers.Dense(units, input_dim=2, activation="relu"), last]))
    model.compile(jkeras.optimizers.Adam(0.1), loss, metrics=list(metrics))
    return model


def regressor():
    model = anew("regressor", lambda: jkeras.Sequential([layers.Input((2,)), layers.Dense(1)]))
    model.compile(jkeras.optimizers.Adam(0.3), "mse")
    return model


def dynamic(X, y, units=4):
    return classifier(units, y.shape[1])


def test_keras_classifier():
    one = KerasClassifier(build_fn=classifier, units=4, **FIT)
    history = one.fit(X, LABELS)
    assert len(history.epoch) == 5 and one.model.layers[0].units == 4
    assert list(one.classes_) == ["left", "right"] and one.n_classes_ == 2
    found = one.predict(X)
    assert one.score(X, LABELS) == pytest.approx(np.mean(found == LABELS)) and np.mean(found == LABELS) > 0.85
    np.testing.assert_array_equal(one.classes_[one.predict_proba(X).argmax(1)], found)
    with pytest.raises(ValueError, match=r"metrics=\[\"accuracy\"\]"):
        bare = KerasClassifier(classifier, outputs=1, loss="binary_crossentropy", metrics=(), **FIT)
        bare.fit(X, LABELS)
        bare.score(X, LABELS)


def test_keras_classifier_of_one_output():
    one = KerasClassifier(classifier, outputs=1, loss="binary_crossentropy", **FIT)
    one.fit(X, LABELS)
    p = one.predict_proba(X)
    assert p.shape == (64, 2) and one.score(X, LABELS) > 0.8
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-6)
    np.testing.assert_array_equal(one.predict(X) == "right", p[:, 1] > 0.5)


@pytest.mark.parametrize(
    "make",
    [
        lambda **more: KerasClassifier(classifier, units=4, **FIT, **more),
        lambda **more: SKLearnClassifier(dynamic, fit_kwargs=FIT, **more),
    ],
)
def test_classifiers_in_cross_validation_and_grid_search(make):
    scores = model_selection.cross_val_score(make(), X, LABELS, cv=model_selection.StratifiedKFold(2))
    assert len(scores) == 2 and min(scores) > 0.7
    assert sklearn.base.is_classifier(make())
    grid = {"units": [4], "epochs": [1, 5]} if isinstance(make(), KerasClassifier) else {"model_kwargs": [{"units": 4}, {}]}
    search = model_selection.GridSearchCV(make(), grid, cv=2).fit(X, LABELS)
    fitted = search.best_estimator_
    model = getattr(fitted, "model_", None) or fitted.model
    assert search.best_score_ > 0.7 and model.layers[0].units == 4 and len(search.cv_results_["mean_test_score"]) == 2
    np.testing.assert_array_equal(search.predict(X[:3]), fitted.predict(X[:3]))


def test_regressors():
    old = KerasRegressor(regressor, **FIT)
    old.fit(X, Y)
    assert old.predict(X).shape == (64,)
    assert old.score(X, Y) == pytest.approx(-np.mean((old.predict(X) - Y) ** 2), rel=1e-4)
    new = SKLearnRegressor(regressor(), fit_kwargs=FIT).fit(X, Y)
    assert new.predict(X).shape == (64,) and new.score(X, Y) > 0
    assert new.model_ is not new.model and not np.allclose(new.model_.get_weights()[0], new.model.get_weights()[0])
    assert new.model_.optimizer.iterations == 20
    assert sklearn.base.is_regressor(new) and not sklearn.base.is_classifier(old)
    warm = SKLearnRegressor(regressor(), warm_start=True, fit_kwargs=FIT)
    assert warm.fit(X, Y).model_ is warm.model and warm.fit(X, Y).model_.optimizer.iterations == 40


def test_a_transformer_in_a_pipeline():
    from sklearn.linear_model import LinearRegression

    encoder = SKLearnTransformer(lambda X, y: regressor(), fit_kwargs=FIT)
    whole = pipeline.make_pipeline(encoder, LinearRegression()).fit(X, Y[:, None])
    np.testing.assert_array_equal(whole[:-1].transform(X), encoder.model_.predict(X, verbose=0))
    assert whole.score(X, Y) > 0


def test_parameters_and_clones():
    one = KerasClassifier(classifier, units=3, epochs=2)
    twin = sklearn.base.clone(one)
    assert twin.get_params() == one.get_params() == {"build_fn": classifier, "units": 3, "epochs": 2}
    assert twin.set_params(units=5, nb_epoch=1).sk_params["units"] == 5 and one.sk_params["units"] == 3
    new = SKLearnClassifier(dynamic, model_kwargs={"units": 2})
    assert sklearn.base.clone(new).get_params() == new.get_params()

    class Made(KerasRegressor):
        def __call__(self, rate=0.1):
            return regressor()

    assert Made(rate=0.2, **FIT).fit(X, Y).history["loss"]


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        (lambda: KerasClassifier(classifier, unit=3), "does not take the argument 'unit'. Did you mean 'units'"),
        (lambda: KerasClassifier(), "a function that makes a compiled model"),
        (lambda: KerasRegressor(lambda: 3).fit(X, Y), "It returned: 3"),
        (lambda: KerasClassifier(classifier).fit(X, np.zeros((64, 2, 2))), "one-hot targets"),
        (lambda: SKLearnRegressor(jkeras.Sequential([layers.Dense(1)])).fit(X, Y), "needs a compiled model"),
        (lambda: SKLearnRegressor(3).fit(X, Y), "Received: 3"),
        (lambda: SKLearnClassifier(dynamic).fit(X, ["a"] * 64), "only one class, 'a'"),
        (lambda: SKLearnClassifier(dynamic).fit(X, np.zeros((64, 2))), "one class for each row"),
        (lambda: SKLearnClassifier(dynamic).set_params(units=3), "Unknown parameter of SKLearnClassifier 'units'"),
        (lambda: SKLearnRegressor(regressor).predict(X), "not fitted"),
    ],
)
def test_errors_say_what_to_write(wrong, text):
    with pytest.raises((TypeError, ValueError, RuntimeError, AttributeError), match=text):
        wrong()


def own(X, y):
    model = jkeras.Sequential([layers.Input(X.shape[1:]), layers.Dense(y.shape[1] if y.ndim > 1 else 1)])
    model.compile("sgd", "mse")
    return model


CHECKS = ("check_n_features_in_after_fitting", "check_dtype_object", "check_requires_y_none", "check_estimators_nan_inf",
          "check_n_features_in", "check_estimators_unfitted", "check_fit2d_predict1d", "check_dict_unchanged")  # fmt: skip


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("cls", [SKLearnClassifier, SKLearnRegressor, SKLearnTransformer])
def test_scikit_learns_own_checks(cls, name):
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    getattr(checks, name)(cls.__name__, cls(own, fit_kwargs={"verbose": 0}))

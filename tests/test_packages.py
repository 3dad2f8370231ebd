"""Packages built on Keras run on jkeras as they are, in a process of their own; those that are not installed are skipped."""

import importlib.util
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import jkeras

KERAS_TUNER = """
    import keras, keras_tuner as kt, numpy as np

    x = np.random.default_rng(0).normal(size=(64, 4)).astype("float32")
    y = x.sum(1, keepdims=True)

    class Hyper(kt.HyperModel):
        def build(self, hp):
            hidden = keras.layers.Dense(hp.Int("units", 4, 12, step=4), activation=hp.Choice("activation", ["relu", "tanh"]))
            model = keras.Sequential([keras.Input((4,)), hidden, keras.layers.Dense(1)])
            model.compile(keras.optimizers.Adam(hp.Float("rate", 1e-3, 1e-1, sampling="log")), "mse", metrics=["mae"])
            return model

        def fit(self, hp, model, *args, **kwargs):
            return model.fit(*args, batch_size=hp.Choice("batch", [16, 32]), **kwargs)

    searches = {kt.RandomSearch: {"max_trials": 2}, kt.GridSearch: {"max_trials": 2},
                kt.BayesianOptimization: {"max_trials": 2}, kt.Hyperband: {"max_epochs": 2}}
    for tuner, options in searches.items():
        options.update(objective="val_loss", directory=".", project_name=tuner.__name__, seed=1)
        found = tuner(Hyper(), **options)
        found.search(x, y, epochs=2, validation_split=0.25, verbose=0)
        again = tuner(Hyper(), overwrite=False, **options)
        again.reload()
        values = [t.get_best_models(1)[0].predict(x, verbose=0) for t in (found, again)]
        assert np.array_equal(*values) and again.get_best_hyperparameters()[0]["units"] in (4, 8, 12)
"""

SCIKERAS = """
    import keras, numpy as np, pickle
    from scikeras.wrappers import KerasClassifier, KerasRegressor
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    def network(hidden, meta):
        model = keras.Sequential([keras.Input((meta["n_features_in_"],)), keras.layers.Dense(hidden, activation="relu")])
        model.add(keras.layers.Dense(1, activation="sigmoid"))
        return model

    x = np.random.default_rng(0).normal(size=(60, 3)).astype("float32")
    y = (x.sum(1) > 0).astype(int)
    options = {"loss": "binary_crossentropy", "optimizer": "adam", "epochs": 3, "verbose": 0, "random_state": 0}
    classifier = KerasClassifier(network, hidden=4, **options)
    search = GridSearchCV(make_pipeline(StandardScaler(), classifier), {"kerasclassifier__hidden": [4, 8]}, cv=2)
    search.fit(x, y)
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    assert np.array_equal(again.predict(x), search.predict(x)) and set(search.predict(x)) <= {0, 1}
    regressor = KerasRegressor(network, hidden=4, loss="mse", epochs=2, verbose=0).fit(x, x[:, 0])
    assert regressor.predict(x).shape == (60,) and len(regressor.history_["loss"]) == 2
"""

KERAS_RS = """
    import keras, keras_rs, numpy as np

    crossed, x = keras_rs.layers.FeatureCross(projection_dim=2), np.ones((4, 3), "float32")
    assert crossed(x, x).shape == (4, 3)
    assert keras_rs.layers.DotInteraction()([x, x, x]).shape == (4, 3)
    assert keras_rs.layers.FeatureCross.from_config(crossed.get_config()).projection_dim == 2
    loss = keras_rs.losses.PairwiseHingeLoss()
    assert float(loss(np.array([[1.0, 0.0]]), np.array([[0.2, 0.6]]))) > 0
    score = keras_rs.metrics.NDCG(k=2)
    score.update_state(np.array([[0.0, 1.0, 0.0]]), np.array([[0.1, 0.9, 0.2]]))
    assert float(score.result()) == 1.0
"""

PACKAGES = {"keras_tuner": KERAS_TUNER, "scikeras": SCIKERAS, "keras_rs": KERAS_RS}


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_runs(package, tmp_path):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    (tmp_path / "script.py").write_text(textwrap.dedent(PACKAGES[package]))
    done = subprocess.run(
        [sys.executable, "-m", "jkeras", "script.py"],
        cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False,
        env={**os.environ, "PYTHONPATH": str(Path(jkeras.__file__).parents[1]), "KERAS_HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-4000:]

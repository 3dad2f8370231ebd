"""optuna-integration: pruning of Keras trials."""

import keras
import numpy as np
import optuna
from optuna_integration import KerasPruningCallback, TFKerasPruningCallback

x = np.random.default_rng(0).normal(size=(32, 3))


def objective(trial):
    model = keras.Sequential([keras.layers.Dense(trial.suggest_int("units", 1, 8)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(trial.suggest_float("rate", 1e-3, 0.1, log=True)), "mse")
    callback = (KerasPruningCallback, TFKerasPruningCallback)[trial.number % 2](trial, "val_loss")
    history = model.fit(x, x[:, :1], validation_split=0.25, epochs=3, verbose=0, callbacks=[callback])
    return history.history["val_loss"][-1]


optuna.logging.set_verbosity(optuna.logging.ERROR)
pruner = optuna.pruners.ThresholdPruner(upper=0.8, n_warmup_steps=1)
study = optuna.create_study(pruner=pruner, sampler=optuna.samplers.RandomSampler(seed=0))
study.optimize(objective, n_trials=5)
states = [trial.state.name for trial in study.trials]
assert {*states} <= {"PRUNED", "COMPLETE"} and all(trial.intermediate_values for trial in study.trials), states

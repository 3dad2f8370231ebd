"""wandb's callbacks, offline: metrics by epoch and batch and checkpoints."""

import os

os.environ.update(WANDB_MODE="offline", WANDB_SILENT="true", WANDB_DIR=".")

import keras
import numpy as np
import wandb
from wandb.integration.keras import WandbMetricsLogger, WandbModelCheckpoint

model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(0.01), "mse", metrics=["mae"])
x = np.random.default_rng(0).normal(size=(32, 3))
run = wandb.init(project="jkeras")
logger, checkpoint = WandbMetricsLogger(log_freq=1), WandbModelCheckpoint("best.keras", save_best_only=True, monitor="val_loss")
callbacks = [logger, checkpoint]
model.fit(x, x[:, :1], validation_split=0.25, epochs=2, batch_size=8, verbose=0, callbacks=callbacks)
assert run.summary["epoch/epoch"] == 1 and abs(run.summary["epoch/learning_rate"] - 0.01) < 1e-6, dict(run.summary)
assert {"epoch/loss", "epoch/val_mae", "batch/loss"} <= {*dict(run.summary)}
assert logger.global_batch == 6 and os.path.exists("best.keras")
run.finish()

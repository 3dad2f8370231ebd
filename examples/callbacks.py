"""Callbacks: save the weights of every epoch, slow down on a plateau, stop in time, return to the best epoch.

    python examples/callbacks.py

Callbacks run in the order of the list, at the end of each epoch:

- `ReduceLROnPlateau` multiplies the learning rate by 0.2 when `val_loss` has not improved for three epochs. The rate is an
  array in the optimizer's state, so nothing compiles again.
- `EarlyStopping` stops training when it has not improved for six.
- `ModelCheckpoint` writes a file after each epoch; its name is a template of the epoch and of any logged value.
- `GapLog`, the last one, is defined here: a `Callback` with `on_epoch_end`. What it adds to `logs` appears in the history too.

The model is too large for its few rows, so it overfits and every callback has something to do. Afterwards the example finds the
file with the lowest `val_loss` by its name and loads it. Prints each epoch, each message, and both test results. Writes
`out/checkpoints/*.keras` and `out/callbacks.png`. Under half a minute on two cores.
"""

import argparse
from pathlib import Path

import numpy as np

import jkeras
from jkeras import callbacks, datasets, layers, models


class GapLog(callbacks.Callback):
    """Adds the gap between validation and training to the logs, and so to the history."""

    def on_epoch_end(self, epoch, logs=None):
        logs["gap"] = logs["val_loss"] - logs["loss"]


def make_model():
    return jkeras.Sequential(
        [
            layers.Flatten(input_shape=(8, 8)),
            layers.Dense(256, activation="relu"),
            layers.Dense(256, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def main(argv=None):
    parser = argparse.ArgumentParser(description="Checkpoints, learning rate and early stopping.")
    parser.add_argument("--epochs", type=int, help="at most; default: 50")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder of checkpoints and picture")
    parser.add_argument("--quick", action="store_true", help="two epochs")
    args = parser.parse_args(argv)

    jkeras.utils.set_random_seed(1)
    (x, y), (x_test, y_test) = datasets.digits.load_data()
    x, x_test = x / np.float32(255), x_test / np.float32(255)
    training, validation = (x[:384], y[:384]), (x[384:640], y[384:640])

    folder = args.out / "checkpoints"
    for old in folder.glob("*.keras"):
        old.unlink()
    model = make_model()
    model.compile(jkeras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(
        *training,
        validation_data=validation,
        epochs=args.epochs or (2 if args.quick else 50),
        verbose=2,
        callbacks=[
            callbacks.ReduceLROnPlateau(monitor="val_loss", factor=0.2, patience=3, min_lr=1e-6, verbose=1),
            callbacks.EarlyStopping(monitor="val_loss", patience=6, verbose=1),
            callbacks.ModelCheckpoint(folder / "{epoch:02d}-{val_loss:.4f}.keras", verbose=1),
            GapLog(),
        ],
    )

    files = sorted(folder.glob("*.keras"))
    best = min(files, key=lambda path: float(path.stem.split("-")[1]))
    print(f"\n{len(files)} files; the best is {best}")
    for name, each in (("last epoch", model), ("best epoch", models.load_model(best))):
        loss, accuracy = each.evaluate(x_test, y_test, verbose=0)
        print(f"{name}: test loss {loss:.4f}, test accuracy {accuracy:.4f}")

    print("learning rates:", *dict.fromkeys(f"{rate:g}" for rate in history.history["learning_rate"]))
    print(
        f"gap between validation and training: {history.history['gap'][0]:.3f} at first, {history.history['gap'][-1]:.3f} at last"
    )

    path = args.out / "callbacks.png"
    history.plot(path=path)
    print(f"Learning curves: {path}")


if __name__ == "__main__":
    main()

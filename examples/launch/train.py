"""The script that the files beside it start on each machine: an ordinary training, in as many processes as are started.

    python examples/launch/train.py --folder /shared/run --epochs 10

`initialize` finds out from the launcher's variables how many processes there are, and which one this is; alone it does nothing.
Status 75 asks the launcher to start all processes again.
"""

import argparse

import numpy as np

import jkeras
from jkeras import layers


def train(folder, epochs=10, verbose=2):
    """Train, or go on with the training of a folder that all processes see; the last loss.

    Args:
        folder: for the backup and the model.
        epochs: in all.
        verbose: of `fit`.
    """
    jkeras.distribution.initialize()
    jkeras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(1024, 8)).astype("float32")
    model = jkeras.Sequential([layers.Input((8,)), layers.Dense(32, "relu"), layers.Dense(1)])
    model.compile("adam", "mse", distribution="fsdp")
    backup = jkeras.callbacks.BackupAndRestore(f"{folder}/backup", save_freq="epoch")
    history = model.fit(x, x.sum(1), batch_size=64, epochs=epochs, verbose=verbose, callbacks=[backup])
    model.save(f"{folder}/model.keras")
    return history.history["loss"][-1]


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", default="run", help="for backup and model; all machines must see it")
    parser.add_argument("--epochs", type=int, default=10)
    arguments = parser.parse_args(argv)
    print(f"last loss: {train(arguments.folder, arguments.epochs):.4f}")


if __name__ == "__main__":
    main()

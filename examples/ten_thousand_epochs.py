"""The smallest possible training run: seven rows, three classes, ten thousand epochs.

    python examples/ten_thousand_epochs.py

A single softmax layer is logistic regression. With so little data, a usual loop spends nearly all its time on overhead. Here an
epoch is one call of a compiled program that trains, sums up the metrics and writes nothing back, so ten thousand epochs take a
few seconds.

The first call, of one epoch, is timed separately because it compiles. Prints the seconds of both, loss and accuracy, the
probabilities for the seven rows, and those for a new row. Under half a minute on two cores.
"""

import argparse
import time

import numpy as np

import jkeras
from jkeras import layers

KINDS = ["apple", "lemon", "cherry"]
FRUITS = np.array(  # weight in 100 g, diameter in cm, colour from yellow (0) to red (9); what it is
    [
        [1.8, 8, 7, 0],
        [1.5, 7, 4, 0],
        [2.0, 8, 3, 0],
        [1.0, 6, 0, 1],
        [0.8, 5, 1, 1],
        [0.1, 2, 9, 2],
        [0.1, 3, 7, 2],
    ],
    "float32",
)
PEAR_LIKE = np.array([[1.3, 6, 2]], "float32")


def main(argv=None):
    parser = argparse.ArgumentParser(description="Ten thousand epochs on seven rows.")
    parser.add_argument("--epochs", type=int, help="default: 10000")
    parser.add_argument("--quick", action="store_true", help="300 epochs")
    args = parser.parse_args(argv)
    epochs = args.epochs or (300 if args.quick else 10_000)

    jkeras.utils.set_random_seed(0)
    rows, labels = FRUITS[:, :3], FRUITS[:, 3].astype(int)
    one_hot = jkeras.utils.to_categorical(labels)
    model = jkeras.Sequential([layers.Dense(3, activation="softmax")])
    model.compile(loss="categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])

    seconds = []
    for until, start in ((1, 0), (epochs, 1)):
        began = time.perf_counter()
        history = model.fit(rows, one_hot, initial_epoch=start, epochs=until, verbose=0)
        seconds.append(time.perf_counter() - began)
    print(f"first epoch, with compilation: {seconds[0]:.2f} s; {epochs - 1:,} more: {seconds[1]:.2f} s")
    print(f"loss {history.history['loss'][-1]:.4f}, accuracy {history.history['accuracy'][-1]:.4f}")
    model.summary()

    for fruit, p in zip(rows, model.predict(rows, verbose=0)):
        print(f"{' '.join(f'{value:g}' for value in fruit)}: {KINDS[p.argmax()]} with probability {p.max():.2f}")
    p = model.predict(PEAR_LIKE, verbose=0)[0]
    print(f"{' '.join(f'{value:g}' for value in PEAR_LIKE[0])} (new): {KINDS[p.argmax()]} with probability {p.max():.2f}")


if __name__ == "__main__":
    main()

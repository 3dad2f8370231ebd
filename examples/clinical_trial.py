"""Tabular data: who gets side effects from a drug, by age. Training, a confusion matrix, and what the model learned.

    python examples/clinical_trial.py

The trial is made up: 2,100 people aged 13 to 100, half of them 65 or older. Of the older ones 95 % had side effects, of the
younger ones 5 %. No model can predict better than that, so 0.95 is the best possible accuracy; the last tenth of the rows is
held out to measure it. The labels are class numbers, as `sparse_categorical_crossentropy` expects.

Prints the summary, a line for each epoch, the confusion matrix for 420 other people, and the age from which the model predicts
side effects. Writes `out/clinical_trial.png`. Under half a minute on two cores.
"""

import argparse
from pathlib import Path

import numpy as np

import jkeras
from jkeras import layers, visualization

CLASSES = ["no side effects", "side effects"]
YOUNGEST, LIMIT, OLDEST = 13, 65, 100


def make_trial(exceptions, regular, rng):
    """Shuffled ages `(n, 1)` and labels `(n,)`; each age group has `exceptions` exceptions and `regular` regular cases."""
    count = exceptions + regular
    young, old = rng.integers(YOUNGEST, LIMIT, count), rng.integers(LIMIT, OLDEST + 1, count)
    is_exception = np.arange(count) < exceptions
    ages = np.concatenate([young, old])
    labels = np.concatenate([is_exception, ~is_exception]).astype("int32")
    order = rng.permutation(len(ages))
    return ages[order, None], labels[order]


def scale(ages):
    """Scale the trial's ages, 13 to 100, to 0 to 1, with the same formula for training and test."""
    return (ages - YOUNGEST) / np.float32(OLDEST - YOUNGEST)


def make_model():
    return jkeras.Sequential(
        [
            layers.Dense(16, activation="relu", input_shape=(1,)),
            layers.Dense(32, activation="relu"),
            layers.Dense(2, activation="softmax"),
        ]
    )


def main(argv=None):
    parser = argparse.ArgumentParser(description="Side effects as a function of age.")
    parser.add_argument("--epochs", type=int, help="default: 30")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder of the picture")
    parser.add_argument("--quick", action="store_true", help="two epochs")
    args = parser.parse_args(argv)

    jkeras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    ages, labels = make_trial(50, 1000, rng)
    test_ages, test_labels = make_trial(10, 200, rng)

    model = make_model()
    model.summary()
    model.compile(jkeras.optimizers.Adam(learning_rate=0.0001), "sparse_categorical_crossentropy", metrics=["accuracy"])
    epochs = args.epochs or (2 if args.quick else 30)
    model.fit(scale(ages), labels, validation_split=0.1, batch_size=10, epochs=epochs, verbose=2)

    predicted = model.predict(scale(test_ages), batch_size=10, verbose=0).argmax(axis=-1)
    counts = np.zeros((2, 2), int)
    np.add.at(counts, (test_labels, predicted), 1)
    print("\nRows: what happened; columns: what the model predicted")
    print(counts)
    print(f"Test accuracy: {counts.trace() / counts.sum():.4f}; the best possible is 0.9524")

    every_age = np.arange(YOUNGEST, OLDEST + 1)
    says_yes = model.predict(scale(every_age[:, None]), verbose=0)[:, 1] > 0.5
    print("Side effects expected from the age of", every_age[says_yes].min() if says_yes.any() else "nobody")

    path = args.out / "clinical_trial.png"
    visualization.confusion_matrix(test_labels, predicted, labels=CLASSES, path=path)
    print(f"Confusion matrix: {path}")


if __name__ == "__main__":
    main()

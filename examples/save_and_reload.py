"""Which file keeps which part of a model: architecture, weights, or everything, and how to load each.

    python examples/save_and_reload.py

    model.to_json()             text: architecture, and how to      models.model_from_json(text)
                                compile it
    model.save_weights(path)    the weights alone                   model.load_weights(path), into the same architecture
    model.save("x.keras")       architecture, weights, optimizer,   models.load_model(path)
                                and where the training stands
    model.save("x.h5")          the same for Keras 2, less the last models.load_model(path)

A model from JSON has fresh weights. A model from a whole file can resume: with `resume=True` its next epoch gives exactly the
weights that the first model would get by training on. Loading a file does not run any code in it.

Prints the start of the JSON, the file sizes, and how much each reloaded model's predictions differ from the first model's.
Writes `out/digits.json`, `.weights.h5`, `.keras`, `.h5`. Under half a minute on two cores.
"""

import argparse
from pathlib import Path

import numpy as np

import jkeras
from jkeras import datasets, layers, models


def make_model():
    return jkeras.Sequential(
        [
            layers.Flatten(input_shape=(8, 8)),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(10, activation="softmax"),
        ]
    )


def main(argv=None):
    parser = argparse.ArgumentParser(description="Save a model in four ways, and reload it.")
    parser.add_argument("--epochs", type=int, help="default: 10")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder of the files")
    parser.add_argument("--quick", action="store_true", help="a few images and two epochs")
    args = parser.parse_args(argv)
    epochs = args.epochs or (2 if args.quick else 10)
    args.out.mkdir(parents=True, exist_ok=True)

    jkeras.utils.set_random_seed(0)
    (x, y), (x_test, y_test) = datasets.digits.load_data()
    x, x_test = x / np.float32(255), x_test / np.float32(255)
    if args.quick:
        x, y = x[:256], y[:256]
    model = make_model()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=epochs, verbose=0)
    expected = model.predict(x_test, verbose=0)
    print(f"Trained for {epochs} epochs: test accuracy {model.evaluate(x_test, y_test, verbose=0)[1]:.3f}\n")

    def report(what, path, other):
        away = np.abs(other.predict(x_test, verbose=0) - expected).max()
        print(f"{what}: {path.stat().st_size:,} bytes in {path}; predictions differ by {away:.2g}, compiled: {other.compiled}")

    text = model.to_json()
    path = args.out / "digits.json"
    path.write_text(text)
    print("JSON begins:", text[:76])
    report("JSON", path, models.model_from_json(path.read_text()))

    path = args.out / "digits.weights.h5"
    model.save_weights(path)
    same_shape = make_model()
    same_shape.load_weights(path)
    report("weights", path, same_shape)

    for suffix, what in ((".h5", "all, for Keras 2"), (".keras", "all")):
        path = args.out / f"digits{suffix}"
        model.save(path)
        reloaded = models.load_model(path)
        report(what, path, reloaded)

    for each in (model, reloaded):  # the model that was never interrupted, and the one from the .keras file
        each.fit(x, y, epochs=epochs + 1, resume=True, verbose=0)
    same = all(np.array_equal(a, b) for a, b in zip(model.get_weights(), reloaded.get_weights()))
    print(f"\nOne epoch more of both: weights are {'the same, bit for bit' if same else 'DIFFERENT'}")


if __name__ == "__main__":
    main()

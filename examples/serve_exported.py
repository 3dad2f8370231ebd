"""A model in production without jkeras: the exported file, JAX, and ten lines.

    python examples/serve_exported.py                         # trains a model, exports it, and serves it in a new process
    python examples/serve_exported.py MODEL.stablehlo X.npy   # what that process runs: predict the rows of X

`model.export(path)` writes the program and the weights into one file. To run it you need only `serve` below: it uses neither
the model's code nor jkeras (`pip install jax flatbuffers` is enough), takes any number of rows, and runs on a CPU or a GPU. You
can copy it into a service unchanged.
"""

import argparse
import os
import subprocess
import sys
import tempfile

import jax
import numpy as np
from jax import export


def serve(path):
    """The exported model as a function of arrays; JAX compiles it once for each number of rows."""
    with open(path, "rb") as file:
        exported = export.deserialize(bytearray(file.read()))
    print(f"takes {exported.in_avals[0].str_short()}, made for {', '.join(exported.platforms)}")
    return jax.jit(exported.call)


def predict(path, data):
    """Prints the most likely class of each row."""
    call = serve(path)
    x = np.load(data)
    print("classes:", *np.asarray(call(x)).argmax(-1))
    print("one row:", *np.asarray(call(x[:1])).argmax(-1))
    print("jkeras was imported:", "jkeras" in sys.modules)


def train_and_export(folder, epochs):
    """Train and export, once, on a machine with jkeras."""
    import jkeras
    from jkeras import datasets, layers

    (x, y), (x_test, y_test) = datasets.digits.load_data()
    x, x_test = (a.reshape(-1, 8, 8, 1).astype("float32") / 255 for a in (x, x_test))
    body = [layers.Conv2D(16, 3, activation="relu"), layers.BatchNormalization(), layers.Flatten(), layers.Dropout(0.3)]
    model = jkeras.Sequential([layers.Input((8, 8, 1)), *body, layers.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=epochs, verbose=0)
    print(f"test accuracy {model.evaluate(x_test, y_test, verbose=0)[1]:.3f}")
    path, data = os.path.join(folder, "digits.stablehlo"), os.path.join(folder, "x.npy")
    model.export(path)
    np.save(data, x_test[:8])
    print("predict:", *model.predict(x_test[:8], verbose=0).argmax(-1))
    return path, data


def main(argv=None):
    parser = argparse.ArgumentParser(description="Serves an exported model with JAX alone.")
    parser.add_argument("model", nargs="?", help="a file that model.export wrote")
    parser.add_argument("data", nargs="?", help="a .npy file with the rows to predict")
    parser.add_argument("--quick", action="store_true", help="train for two epochs")
    args = parser.parse_args(argv)
    if args.model and args.data:
        predict(args.model, args.data)
        return
    with tempfile.TemporaryDirectory() as folder:
        path, data = train_and_export(folder, 2 if args.quick else 20)
        done = subprocess.run([sys.executable, __file__, path, data], capture_output=True, text=True, check=True)
        print(done.stdout.strip())


if __name__ == "__main__":
    main()

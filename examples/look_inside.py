"""Look inside a trained network: its kernels, each layer's output for an image, and the images that it gets wrong.

    python examples/look_inside.py

- `visualization.image_grid` shows images with labels and predictions; wrong ones are red.
- `visualization.convolution_kernels` shows the weights of a convolution.
- `visualization.layer_outputs` shows the layers' outputs for one image.
- `model.activations(x)` returns them as arrays, for all layers in one compiled call.

The data are scikit-learn's digits, doubled in size. Each function returns a matplotlib figure, and saves it if you pass `path`.
Prints the test accuracy and, from the activations, how many channels are silent. Writes `out/inside_digits.png`,
`out/inside_kernels.png`, `out/inside_outputs.png`. Under half a minute on two cores.
"""

import argparse
from pathlib import Path

import numpy as np

import jkeras
from jkeras import datasets, layers, visualization


def make_model():
    return jkeras.Sequential(
        [
            jkeras.Input((16, 16, 1)),
            layers.Conv2D(16, 5, padding="same", activation="relu", name="conv1"),
            layers.MaxPooling2D(name="pool1"),
            layers.Conv2D(32, 5, padding="same", activation="relu", name="conv2"),
            layers.MaxPooling2D(name="pool2"),
            layers.Flatten(name="flat"),
            layers.Dense(10, activation="softmax", name="classes"),
        ]
    )


def main(argv=None):
    parser = argparse.ArgumentParser(description="Kernels, layer outputs and errors of a network.")
    parser.add_argument("--epochs", type=int, help="default: 10")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder of the pictures")
    parser.add_argument("--quick", action="store_true", help="a few images and one epoch")
    args = parser.parse_args(argv)

    jkeras.utils.set_random_seed(0)
    (x, y), (x_test, y_test) = datasets.digits.load_data()
    x, x_test = (np.kron(images, np.ones((2, 2), "uint8"))[..., None] / np.float32(255) for images in (x, x_test))
    if args.quick:
        x, y, x_test, y_test = x[:128], y[:128], x_test[:64], y_test[:64]

    model = make_model()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=64, epochs=args.epochs or (1 if args.quick else 10), verbose=0)
    probabilities = model.predict(x_test, batch_size=64, verbose=0)
    print(f"Test accuracy: {(probabilities.argmax(axis=-1) == y_test).mean():.3f}")

    for name, output in model.activations(x_test, layers=["conv1", "conv2"]).items():
        silent = int((output.max(axis=(0, 1, 2)) == 0).sum())
        print(f"{name}: output {output.shape}, {np.mean(output > 0):.0%} above 0, {silent} channels silent on all test images")

    places = {name: args.out / f"inside_{name}.png" for name in ("digits", "kernels", "outputs")}
    visualization.image_grid(x_test, y_test, probabilities, columns=8, limit=32, path=places["digits"])
    visualization.convolution_kernels(model.get_layer("conv1"), path=places["kernels"])
    visualization.layer_outputs(model, x_test, layers=["conv1", "pool1", "conv2", "pool2"], path=places["outputs"])
    print("Pictures:", *places.values())


if __name__ == "__main__":
    main()

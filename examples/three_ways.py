"""Three ways to write the same model, a list, a graph and a class, and what you can ask it before training.

    python examples/three_ways.py

- `Sequential`: a list of layers; `add`, `pop`, indexing by `layers[2]`.
- `Model(inputs, outputs)`: layers called on symbolic tensors; branches, several inputs and outputs, any tensor as an output.
- a subclass of `Model` with a `call`: ordinary Python. It learns its shapes from the first data, so it has no weights before.

With the same weights all three give the same numbers. `summary()` lists the layers, `describe()` tells what a step costs:
parameters, operations and memory, from the compiler's own analysis, before anything runs. `plot_model` draws the graph.

Prints summaries, differences and costs, and writes `out/three_ways.png`. Under half a minute on two cores.
"""

import argparse
from pathlib import Path

import numpy as np

import jkeras
from jkeras import layers

SHAPE = (28, 28, 1)


def make_sequential():
    model = jkeras.Sequential(name="as_a_list")
    model.add(jkeras.Input(SHAPE))
    model.add(layers.Conv2D(8, 3, activation="relu", name="conv"))
    model.add(layers.MaxPooling2D(name="pool"))
    model.add(layers.Flatten(name="flat"))
    model.add(layers.Dense(10, activation="softmax", name="classes"))
    model.add(layers.Dropout(0.5))
    model.pop()  # no dropout after the probabilities
    return model


def make_functional():
    image = jkeras.Input(SHAPE, name="image")
    x = layers.Conv2D(8, 3, activation="relu", name="conv")(image)
    x = layers.MaxPooling2D(name="pool")(x)
    x = layers.Flatten(name="flat")(x)
    return jkeras.Model(image, layers.Dense(10, activation="softmax", name="classes")(x), name="as_a_graph")


class Classifier(jkeras.Model):
    def __init__(self):
        super().__init__(name="as_a_class")
        self.conv = layers.Conv2D(8, 3, activation="relu", name="conv")
        self.pool = layers.MaxPooling2D(name="pool")
        self.flat = layers.Flatten(name="flat")
        self.classes = layers.Dense(10, activation="softmax", name="classes")

    def call(self, image):
        return self.classes(self.flat(self.pool(self.conv(image))))


def main(argv=None):
    parser = argparse.ArgumentParser(description="Three ways to write a model.")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder of the picture")
    parser.add_argument("--quick", action="store_true", help="without the costs")
    args = parser.parse_args(argv)

    jkeras.utils.set_random_seed(0)
    images = np.random.default_rng(0).random((4, *SHAPE)).astype("float32")
    by_list, by_graph, by_class = make_sequential(), make_functional(), Classifier()
    by_class(images)
    expected = by_list.predict(images, verbose=0)
    for model in (by_list, by_graph, by_class):
        model.set_weights(by_list.get_weights())
        model.summary()
        away = np.abs(model.predict(images, verbose=0) - expected).max()
        print(f"{model.name}: third layer {model.layers[2].name!r}, predictions differ by {away:.1g}\n")

    features = jkeras.Model(by_graph.inputs, by_graph.get_layer("pool").output)
    print("Part of the graph as a separate model:", features.output_shape)

    path = args.out / "three_ways.png"
    jkeras.utils.plot_model(by_graph, path, show_shapes=True, show_layer_activations=True)
    print(f"Picture of the graph: {path}\n")
    if not args.quick:
        by_graph.compile("adam", "sparse_categorical_crossentropy")
        print(by_graph.describe(batch_size=64))


if __name__ == "__main__":
    main()

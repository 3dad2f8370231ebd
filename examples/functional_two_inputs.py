"""Several inputs, several outputs, a shared part: a model built with the functional API.

Two handwritten digits go in. One output says whether the left digit is larger than the right one, the other estimates their
sum. Both digits go through the *same* encoder, a model used as a layer: its weights exist once, and both inputs train them.

Data, losses, loss weights and metrics are dicts by name: inputs by the name of their `Input`, outputs by the name of the layer
that makes them. The total loss is `1.0 * larger_loss + 0.05 * total_loss`; the weights bring a cross-entropy below 1 and
squared errors of sums up to 18 to the same scale.

    python examples/functional_two_inputs.py

Prints the summary with its connections, the epochs, and what the model predicts for three pairs. Writes `out/two_digits.png`, a
picture of the model. Under half a minute on two cores.
"""

import argparse
from pathlib import Path

import numpy as np

import jkeras
from jkeras import datasets, layers


def make_pairs(images, labels, count, rng):
    """Random pairs of digits, and the two targets for each pair."""
    left, right = rng.integers(len(images), size=(2, count))
    x = {"left": images[left] / np.float32(255), "right": images[right] / np.float32(255)}
    a, b = labels[left].astype("float32"), labels[right].astype("float32")
    y = {"larger": (a > b).astype("float32")[:, None], "total": (a + b)[:, None]}
    return x, y


def make_model(image_shape):
    encoder = jkeras.Sequential(
        [layers.Flatten(input_shape=image_shape), layers.Dense(128, activation="relu"), layers.Dense(32, activation="relu")],
        name="encoder",
    )
    left = jkeras.Input(image_shape, name="left")
    right = jkeras.Input(image_shape, name="right")
    both = layers.concatenate([encoder(left), encoder(right)])
    hidden = layers.Dense(64, activation="relu", name="hidden")(both)
    larger = layers.Dense(1, activation="sigmoid", name="larger")(hidden)
    total = layers.Dense(1, name="total")(hidden)
    return jkeras.Model([left, right], [larger, total], name="two_digits")


def main(argv=None):
    parser = argparse.ArgumentParser(description="A model of two inputs and two outputs.")
    parser.add_argument("--epochs", type=int, help="default: 15")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder of the picture")
    parser.add_argument("--quick", action="store_true", help="a few pairs and two epochs")
    args = parser.parse_args(argv)
    count, epochs = (256, 2) if args.quick else (8000, 15)

    jkeras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    (images, labels), (test_images, test_labels) = datasets.digits.load_data()
    x, y = make_pairs(images, labels, count, rng)
    x_test, y_test = make_pairs(test_images, test_labels, count // 4, rng)

    model = make_model(images.shape[1:])
    model.compile(
        optimizer="adam",
        loss={"larger": "binary_crossentropy", "total": "mse"},
        loss_weights={"larger": 1.0, "total": 0.05},
        metrics={"larger": ["accuracy"], "total": ["mae"]},
    )
    model.summary()
    path = args.out / "two_digits.png"
    jkeras.utils.plot_model(model, path, show_shapes=True, expand_nested=True)
    print(f"Picture of the model: {path}")
    model.fit(x, y, batch_size=64, epochs=args.epochs or epochs, validation_data=(x_test, y_test), verbose=2)

    results = model.evaluate(x_test, y_test, verbose=0, return_dict=True)
    print(f"Left larger than right: {results['larger_accuracy']:.3f} correct")
    print(f"Sum of both: wrong by {results['total_mae']:.2f} on average")

    larger, total = model.predict({name: values[:3] for name, values in x_test.items()}, verbose=0)
    for i in range(3):
        truth = f"{int(y_test['total'][i, 0])} ({'larger' if y_test['larger'][i, 0] else 'not larger'})"
        print(f"pair {i}: sum {total[i, 0]:.1f}, P(larger) = {larger[i, 0]:.2f}; true: {truth}")


if __name__ == "__main__":
    main()

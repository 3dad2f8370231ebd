"""Transfer learning: frozen features from one task serve another task that has few examples.

    python examples/transfer_learning.py

The images are small digits at a random place in a larger image, so a network must learn that the place does not matter. The
first task is to tell 0 to 6 apart, with thousands of images. The second is 7, 8 and 9, with ten images of each. There are three
ways to do it:

1. from scratch: a new network, trained on the 30 images;
2. frozen: the first network up to its features, with `trainable = False`, and a new layer on top;
3. fine-tuned: the second, then unfrozen, and trained a little longer with a small learning rate.

A frozen layer has no gradient and no optimizer state, and a frozen batch normalization uses its moving averages. Setting
`trainable` is enough: the next `fit` compiles what it needs. `compile` resets the optimizer, as in Keras.

Prints how many parameters each way trains and its accuracy on unseen images of 7 to 9, averaged over three draws of the 30
images. Under a minute on two cores.
"""

import argparse

import numpy as np

import jkeras
from jkeras import datasets, layers, models

SIZE = 14


def scatter(images, rng):
    """Each 8 x 8 image at a random place in a black 14 x 14 image: `(n, 14, 14, 1)`."""
    scattered = np.zeros((len(images), SIZE, SIZE, 1), images.dtype)
    for large, small, (top, left) in zip(scattered, images, rng.integers(0, SIZE - 7, (len(images), 2))):
        large[top : top + 8, left : left + 8, 0] = small
    return scattered


def convolution(filters):
    return [
        layers.Conv2D(filters, 3, padding="same", use_bias=False),
        layers.BatchNormalization(momentum=0.9),
        layers.Activation("relu"),
        layers.MaxPooling2D(),
    ]


def make_features(widths):
    """From an image to 64 numbers, with one convolution per width."""
    stem = [jkeras.Input((SIZE, SIZE, 1)), layers.Rescaling(1 / 255)]
    convolutions = [layer for filters in widths for layer in convolution(filters)]
    head = [layers.Flatten(), layers.Dense(64, activation="relu")]
    return jkeras.Sequential([*stem, *convolutions, *head], name="features")


def with_classes(features, count):
    """A classifier on top of features."""
    return jkeras.Sequential([features, layers.Dense(count, activation="softmax", name="classes")])


def train(model, x, y, batch_size, epochs, rate):
    model.compile(jkeras.optimizers.Adam(rate), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=0)


def trainable_count(model):
    return sum(weight.size for weight in model.trainable_weights)


def few_of_each(labels, count, rng):
    """Row numbers of `count` images per class."""
    return np.concatenate([rng.choice(np.flatnonzero(labels == label), count, replace=False) for label in np.unique(labels)])


def main(argv=None):
    parser = argparse.ArgumentParser(description="Transfer learning with frozen layers.")
    parser.add_argument("--draws", type=int, help="draws of the few images; default: 3")
    parser.add_argument("--quick", action="store_true", help="no convolutions, few images, one draw and one epoch")
    args = parser.parse_args(argv)
    copies, first_epochs, epochs, draws = (1, 1, 1, 1) if args.quick else (6, 6, 60, 3)
    widths = () if args.quick else (32, 64)

    jkeras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    (x, y), (x_test, y_test) = datasets.digits.load_data()
    low, high = y < 7, y >= 7
    many = np.concatenate([scatter(x[low], rng) for _ in range(copies)]), np.tile(y[low], copies)
    test_low, test_high = (scatter(x_test[rows], rng) for rows in (y_test < 7, y_test >= 7))

    first = with_classes(make_features(widths), 7)
    train(first, *many, batch_size=64, epochs=first_epochs, rate=1e-3)
    accuracy = first.evaluate(test_low, y_test[y_test < 7], verbose=0)[1]
    print(f"first task, digits 0 to 6: {accuracy:.3f} correct, {trainable_count(first):,} numbers trained")

    results, counts = {}, {}

    def test(way, model):
        accuracy = model.evaluate(test_high, y_test[y_test >= 7] - 7, verbose=0)[1]
        results.setdefault(way, []).append(accuracy)
        counts[way] = trainable_count(model)

    for draw in range(args.draws or draws):
        rng = np.random.default_rng(draw)
        rows = few_of_each(y[high], 10, rng)
        few = scatter(x[high][rows], rng), y[high][rows] - 7

        scratch = with_classes(make_features(widths), 3)
        train(scratch, *few, batch_size=30, epochs=epochs, rate=1e-3)
        test("from scratch", scratch)

        features = models.clone_model(first.get_layer("features"))
        features.set_weights(first.get_layer("features").get_weights())
        features.trainable = False
        model = with_classes(features, 3)
        train(model, *few, batch_size=30, epochs=epochs, rate=1e-2)
        test("frozen", model)

        features.trainable = True
        train(model, *few, batch_size=30, epochs=epochs, rate=1e-4)
        test("fine-tuned", model)

    for way, accuracies in results.items():
        print(f"digits 7 to 9 of 30 images, {way}: {np.mean(accuracies):.3f} correct, {counts[way]:,} numbers trained")


if __name__ == "__main__":
    main()

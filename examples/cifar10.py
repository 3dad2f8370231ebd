"""Train a small convolutional network on CIFAR-10 photos to more than 70 % test accuracy in a few minutes on a CPU.

    python examples/cifar10.py

Three things make it cheap. The first convolution has stride 2, so nothing later runs at the full 32 x 32 pixels; later ones
halve the image again instead of pooling it. Batch normalization and a learning rate that falls along a cosine make few epochs
enough. The images stay uint8 in memory, a quarter of float32, and a `Rescaling` layer turns each batch into floats.

The data (163 MB) are downloaded into `~/.keras/datasets` (or `$KERAS_HOME/datasets`) unless they are there already. Without the
data and without a connection, the same network trains on drawings of the same size instead: ten shapes in random colours,
places and sizes. The first line of the output tells you, and the accuracy then says nothing about photos.

Prints the data used, the summary, the epochs and the test accuracy. Writes `out/cifar10.png`, test images with predictions.
Under 3 minutes on two cores.
"""

import argparse
from pathlib import Path

import numpy as np

import jkeras
from jkeras import datasets, layers, visualization

PHOTOGRAPHS = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
SHAPES = {
    "disc": lambda x, y: np.hypot(x, y) < 0.9,
    "ring": lambda x, y: abs(np.hypot(x, y) - 0.7) < 0.25,
    "square": lambda x, y: np.maximum(abs(x), abs(y)) < 0.8,
    "frame": lambda x, y: abs(np.maximum(abs(x), abs(y)) - 0.65) < 0.22,
    "triangle": lambda x, y: (y < 0.8) & (y > 2 * abs(x) - 0.9),
    "diamond": lambda x, y: abs(x) + abs(y) < 1,
    "plus": lambda x, y: (np.minimum(abs(x), abs(y)) < 0.25) & (np.maximum(abs(x), abs(y)) < 0.95),
    "cross": lambda x, y: (abs(abs(x) - abs(y)) < 0.3) & (np.maximum(abs(x), abs(y)) < 0.9),
    "bars": lambda x, y: (np.sin(8 * y) > 0) & (np.maximum(abs(x), abs(y)) < 1),
    "posts": lambda x, y: (np.sin(8 * x) > 0) & (np.maximum(abs(x), abs(y)) < 1),
}
EPOCHS, BATCH_SIZE = 5, 128


def convolution(filters, size, strides=1):
    """Convolution, normalization, ReLU; the normalization's offset makes a bias unnecessary."""
    return [
        layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False, kernel_initializer="he_normal"),
        layers.BatchNormalization(momentum=0.95),
        layers.Activation("relu"),
    ]


def make_model():
    """Four convolutions, 32 x 32 -> 16 -> 8 -> 8 -> 4, and a linear classifier on the mean over the last image."""
    return jkeras.Sequential(
        [
            jkeras.Input((32, 32, 3)),
            layers.Rescaling(1 / 64, offset=-2.0),
            *convolution(32, 4, strides=2),
            *convolution(64, 3, strides=2),
            *convolution(64, 3),
            *convolution(128, 3, strides=2),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10),
        ]
    )


def draw(count, rng):
    """`count` noisy uint8 drawings `(count, 32, 32, 3)` of random shapes in random colours, and their class numbers."""
    labels = rng.integers(0, len(SHAPES), count)
    row, column = np.mgrid[:32, :32]
    images = np.empty((count, 32, 32, 3), "float32")
    for image, label in zip(images, labels):
        size = rng.uniform(5, 13)
        top, left = rng.uniform(size, 32 - size, 2)
        inside = list(SHAPES.values())[label]((column - left) / size, (row - top) / size)
        image[:] = np.where(inside[..., None], rng.uniform(0, 255, 3), rng.uniform(0, 255, 3))
    images += rng.normal(0, 30, images.shape)
    return images.clip(0, 255).astype("uint8"), labels


def load_images(drawings):
    """Class names, training data and test data of CIFAR-10, or of `count` drawings if it is not available."""
    try:
        train, test = datasets.cifar10.load_data()
    except FileNotFoundError as error:
        print(f"Data: drawings of ten shapes, because CIFAR-10 is not available.\n{error}\n")
        rng = np.random.default_rng(0)
        return list(SHAPES), draw(drawings, rng), draw(drawings // 5, rng)
    print("Data: CIFAR-10")
    return PHOTOGRAPHS, train, test


def main(argv=None):
    parser = argparse.ArgumentParser(description="Train a small convolutional network on CIFAR-10.")
    parser.add_argument("--epochs", type=int, help=f"default: {EPOCHS}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder of the picture")
    parser.add_argument("--quick", action="store_true", help="a few images and one epoch")
    args = parser.parse_args(argv)
    epochs = args.epochs or (1 if args.quick else EPOCHS)

    jkeras.utils.set_random_seed(args.seed)
    class_names, (x_train, y_train), (x_test, y_test) = load_images(256 if args.quick else 10_000)
    if args.quick:
        x_train, y_train, x_test, y_test = x_train[:256], y_train[:256], x_test[:128], y_test[:128]
    print(f"{len(x_train):,} training and {len(x_test):,} test images\n")

    steps = -(-len(x_train) // BATCH_SIZE) * epochs
    schedule = jkeras.optimizers.schedules.CosineDecay(3e-3, decay_steps=steps)
    model = make_model()
    model.compile(
        optimizer=jkeras.optimizers.AdamW(schedule, weight_decay=1e-2),
        loss=jkeras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    model.summary()
    model.fit(x_train, y_train, batch_size=BATCH_SIZE, epochs=epochs)
    loss, accuracy = model.evaluate(x_test, y_test, batch_size=500)
    print(f"Test loss: {loss:.4f}")
    print(f"Test accuracy: {accuracy:.4f}")

    path = args.out / "cifar10.png"
    logits = model.predict(x_test[:32], verbose=0)
    visualization.image_grid(
        x_test[:32], y_test[:32].ravel(), logits.argmax(axis=-1), class_names, columns=8, limit=32, path=path
    )
    print(f"Test images with predictions: {path}")


if __name__ == "__main__":
    main()

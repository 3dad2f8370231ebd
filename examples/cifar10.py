"""Train a small convolutional network on CIFAR-10's photographs to more than 70 % test accuracy in a few minutes on a CPU.

    python examples/cifar10.py

Three things make it cheap. The first convolution has stride 2, so that nothing runs at the full 32 x 32 pixels; later ones
halve the image again instead of pooling it. Batch normalization and a learning rate that falls along a cosine make few epochs
enough. The images stay uint8 in memory, a quarter of float32, and a `Rescaling` layer turns each batch into floats.

The data (163 MB) are downloaded into `~/.keras/datasets` (or `$KERAS_HOME/datasets`) where they are not there already.
"""

import argparse

import jkeras
from jkeras import datasets, layers

EPOCHS, BATCH_SIZE = 7, 128


def convolution(filters, size, strides=1):
    """Convolution, normalization, ReLU; the normalization's offset makes a bias superfluous."""
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


def main(argv=None):
    parser = argparse.ArgumentParser(description="Train a small convolutional network on CIFAR-10.")
    parser.add_argument("--epochs", type=int, help=f"default: {EPOCHS}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a few images and one epoch")
    args = parser.parse_args(argv)
    epochs = args.epochs or (1 if args.quick else EPOCHS)

    jkeras.utils.set_random_seed(args.seed)
    try:
        (x_train, y_train), (x_test, y_test) = datasets.cifar10.load_data()
    except FileNotFoundError as error:
        raise SystemExit(f"CIFAR-10 is not in the cache and could not be downloaded.\n{error}") from None
    if args.quick:
        x_train, y_train, x_test, y_test = x_train[:256], y_train[:256], x_test[:128], y_test[:128]
    print(f"CIFAR-10: {len(x_train):,} training and {len(x_test):,} test images\n")

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


if __name__ == "__main__":
    main()

"""A residual network, built with the functional API: each block adds its input to its output.

    python examples/resnet.py

    x -> convolution, normalization, ReLU -> convolution, normalization -> (+ x) -> ReLU

A block is a plain function from tensor to tensor; it needs no class. Where it halves the image and uses more filters, a 1 x 1
convolution brings x to the new shape. The data are scikit-learn's digits, doubled in size, and shifted at random by layers that
act only in training: with just 1,437 images, a network this deep would memorize them.

Prints the summary with its column of connections, the epochs, and the test accuracy. Writes `out/resnet.png`, a picture of the
model, and `out/resnet_curves.png`. Under 2 minutes on two cores.
"""

import argparse
from pathlib import Path

import jkeras
from jkeras import datasets, layers


def convolution(x, filters, strides=1, size=3):
    """Convolution and normalization; the normalization's offset makes a bias unnecessary."""
    x = layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
    return layers.BatchNormalization(momentum=0.9)(x)


def block(x, filters, strides=1):
    """A residual block: two convolutions with a shortcut for x around them."""
    y = layers.Activation("relu")(convolution(x, filters, strides))
    y = convolution(y, filters)
    short_cut = x if strides == 1 and x.shape[-1] == filters else convolution(x, filters, strides, size=1)
    return layers.Activation("relu")(layers.Add()([y, short_cut]))


def make_model(widths=(16, 32, 64)):
    """Two blocks of each width; every width after the first halves the image."""
    inputs = jkeras.Input((8, 8, 1), name="digit")
    x = layers.Rescaling(1 / 128, offset=-1.0)(inputs)
    x = layers.UpSampling2D(2)(x)
    x = layers.RandomTranslation(0.1, 0.1, fill_mode="constant", fill_value=-1.0)(x)
    x = layers.Activation("relu")(convolution(x, widths[0]))
    for number, filters in enumerate(widths):
        x = block(x, filters, strides=2 if number else 1)
        x = block(x, filters)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(10, activation="softmax", name="class")(x)
    return jkeras.Model(inputs, outputs, name="resnet")


def main(argv=None):
    parser = argparse.ArgumentParser(description="A residual network on small digits.")
    parser.add_argument("--epochs", type=int, help="default: 20")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder of the pictures")
    parser.add_argument("--quick", action="store_true", help="one width, a few images and one epoch")
    args = parser.parse_args(argv)
    epochs = args.epochs or (1 if args.quick else 20)

    jkeras.utils.set_random_seed(0)
    (x, y), (x_test, y_test) = datasets.digits.load_data()
    x, x_test = x[..., None], x_test[..., None]
    if args.quick:
        x, y, x_test, y_test = x[:128], y[:128], x_test[:64], y_test[:64]

    model = make_model((8,) if args.quick else (16, 32, 64))
    model.summary()
    steps = -(-len(x) // 64) * epochs
    schedule = jkeras.optimizers.schedules.CosineDecay(5e-3, decay_steps=steps)
    model.compile(jkeras.optimizers.AdamW(schedule, weight_decay=0.05), "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, batch_size=64, epochs=epochs, validation_data=(x_test, y_test), verbose=2)
    print(f"Test accuracy: {model.evaluate(x_test, y_test, batch_size=64, verbose=0)[1]:.4f}")

    jkeras.utils.plot_model(model, args.out / "resnet.png", show_shapes=True)
    history.plot(path=args.out / "resnet_curves.png")
    print(f"Pictures: {args.out / 'resnet.png'}, {args.out / 'resnet_curves.png'}")


if __name__ == "__main__":
    main()

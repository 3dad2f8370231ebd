"""Train a classifier of handwritten digits, from the data to a picture of the learning curves.

    python examples/mnist.py                 # a multilayer perceptron, under half a minute on two cores
    python examples/mnist.py --model cnn     # a small convolutional network, under 2 minutes

The data are MNIST if it is in the cache (`$KERAS_HOME/datasets`, by default `~/.keras/datasets`) or can be downloaded, and
otherwise the 1,797 smaller digits that come with scikit-learn; the first line of the output says which. One tenth of the
training images is held out for the validation curves; the test images are used only once, at the end.

Prints the data used, the summary, the epochs, test loss and accuracy. Writes two pictures into `out/`: the learning curves, and
test digits that the model gets wrong.
"""

import argparse
import os
from pathlib import Path

import jkeras
from jkeras import datasets, layers, visualization


def load_digits():
    """MNIST, or scikit-learn's digits if MNIST is not available; images (n, height, width) as uint8."""
    cached = Path(os.environ.get("KERAS_HOME") or "~/.keras").expanduser() / "datasets" / "mnist.npz"
    in_cache = cached.is_file()
    try:
        train, test = datasets.mnist.load_data()
    except (FileNotFoundError, ValueError) as error:
        if in_cache:
            raise
        print(f"Data: scikit-learn's digits, because MNIST is not available.\n{error}\n")
        train, test = datasets.digits.load_data()
        name = "Digits"
    else:
        print(f"Data: MNIST, {'found at' if in_cache else 'downloaded to'} {cached}")
        name = "MNIST"
    height, width = train[0].shape[1:]
    print(f"{len(train[0]):,} training and {len(test[0]):,} test images of {height} x {width} pixels\n")
    return name, train, test


def mlp(image_shape):
    """Three hidden layers of 256 units on the flattened pixels."""
    return jkeras.Sequential(
        [
            layers.Flatten(input_shape=image_shape),
            layers.Dense(256, activation="relu"),
            layers.Dense(256, activation="relu"),
            layers.Dense(256, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def cnn(image_shape):
    """Three convolutions with batch normalization; stride and pooling halve the image twice."""
    return jkeras.Sequential(
        [
            layers.Reshape((*image_shape, 1), input_shape=image_shape),
            *convolution(32, 5, strides=2),
            *convolution(64, 3),
            layers.MaxPooling2D(),
            *convolution(64, 3),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10, activation="softmax"),
        ]
    )


def convolution(filters, size, strides=1):
    """Convolution, normalization, ReLU; the normalization's offset makes a bias unnecessary."""
    return [
        layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False),
        layers.BatchNormalization(momentum=0.9),
        layers.Activation("relu"),
    ]


MODELS = {"mlp": mlp, "cnn": cnn}
EPOCHS = {"mlp": 15, "cnn": 10}
BATCH_SIZE = 64


def make_optimizer(rows, epochs):
    """AdamW with a learning rate that falls along half a cosine, from 0.003 to 0 at the end of training."""
    steps = -(-rows // BATCH_SIZE) * epochs
    return jkeras.optimizers.AdamW(jkeras.optimizers.schedules.CosineDecay(3e-3, steps), weight_decay=0.1)


def main(argv=None):
    parser = argparse.ArgumentParser(description="Train a classifier of handwritten digits.")
    parser.add_argument("--model", choices=MODELS, default="mlp")
    parser.add_argument("--epochs", type=int, help="default: 15 for the mlp, 10 for the cnn")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder of the picture")
    parser.add_argument("--quick", action="store_true", help="a few images and two epochs")
    args = parser.parse_args(argv)
    epochs = args.epochs or (2 if args.quick else EPOCHS[args.model])

    jkeras.utils.set_random_seed(args.seed)
    name, (x_train, y_train), (x_test, y_test) = load_digits()
    if args.quick:
        x_train, y_train, x_test, y_test = x_train[:640], y_train[:640], x_test[:200], y_test[:200]
    x_train, x_test = (x.astype("float32") / 255 for x in (x_train, x_test))

    held_out = len(x_train) // 10
    training, validation = (x_train[held_out:], y_train[held_out:]), (x_train[:held_out], y_train[:held_out])

    model = MODELS[args.model](x_train.shape[1:])
    optimizer = make_optimizer(len(training[0]), epochs)
    model.compile(optimizer, loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.summary()

    history = model.fit(*training, batch_size=BATCH_SIZE, epochs=epochs, validation_data=validation)
    loss, accuracy = model.evaluate(x_test, y_test, batch_size=256)
    print(f"Test loss: {loss:.4f}")
    print(f"Test accuracy: {accuracy:.4f}")

    path = args.out / f"{name.lower()}_{args.model}.png"
    history.plot(path=path)
    print(f"Learning curves: {path}")
    path = args.out / f"{name.lower()}_{args.model}_errors.png"
    probabilities = model.predict(x_test, batch_size=256, verbose=0)
    wrong = int((probabilities.argmax(axis=-1) != y_test).sum())
    if wrong:
        visualization.image_grid(x_test, y_test, probabilities, only_wrong=True, path=path)
        print(f"Some of the {wrong} test digits that it gets wrong: {path}")


if __name__ == "__main__":
    main()

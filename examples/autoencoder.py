"""An autoencoder that removes noise, and one that reduces a picture to two numbers.

    python examples/autoencoder.py

An encoder squeezes 64 pixels into a few numbers, the code; a decoder turns the code back into pixels. Both are separate models,
used as layers in a third one. The third one trains on noisy digits as inputs and clean digits as targets; encoder and decoder
share its weights, so you can use each alone afterwards.

The example trains two. With a code of 16 numbers the noise disappears and the digit stays. With a code of 2, every digit is a
point in a plane. Prints the errors before and after. Writes `out/autoencoder.png` (clean, noisy, restored) and
`out/autoencoder_codes.png` (the plane, coloured by class, which training never saw). Under a minute on two cores.
"""

import argparse
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import jkeras
from jkeras import datasets, layers


def make_autoencoder(code_size):
    """`(autoencoder, encoder, decoder)` for rows of 64 pixels from 0 to 1."""
    encoder = jkeras.Sequential(
        [jkeras.Input((64,)), layers.Dense(128, activation="relu"), layers.Dense(64, activation="relu"), layers.Dense(code_size)],
        name="encoder",
    )
    decoder = jkeras.Sequential(
        [
            jkeras.Input((code_size,)),
            layers.Dense(64, activation="relu"),
            layers.Dense(128, activation="relu"),
            layers.Dense(64, activation="sigmoid"),
        ],
        name="decoder",
    )
    pixels = jkeras.Input((64,), name="noisy")
    noisy = layers.GaussianNoise(0.3)(pixels)  # in training only: each epoch gets new noise
    return jkeras.Model(pixels, decoder(encoder(noisy)), name=f"autoencoder_{code_size}"), encoder, decoder


def train(code_size, x, epochs):
    autoencoder, encoder, _ = make_autoencoder(code_size)
    autoencoder.compile("adam", "mse")
    history = autoencoder.fit(x, x, batch_size=64, epochs=epochs, verbose=0).history
    print(f"code of {code_size:2d}: training loss {history['loss'][0]:.4f} -> {history['loss'][-1]:.4f}")
    return autoencoder, encoder


def draw_digits(rows, path):
    """Write a PNG with one row of digits for each entry of `{name: images (n, 64)}`."""
    count = len(next(iter(rows.values())))
    figure = Figure(figsize=(0.75 * count + 1, 0.8 * len(rows) + 0.2), layout="constrained")
    for axes_row, (name, images) in zip(figure.subplots(len(rows), count), rows.items()):
        for axes, image in zip(axes_row, images):
            axes.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=1)
            axes.set(xticks=[], yticks=[])
        axes_row[0].set_ylabel(name, rotation=0, ha="right", va="center")
    figure.savefig(path, dpi=150)


def draw_codes(codes, labels, path):
    figure = Figure(figsize=(6.4, 5.4), layout="constrained")
    axes = figure.subplots()
    points = axes.scatter(*codes.T, c=labels, cmap="tab10", vmin=-0.5, vmax=9.5, s=9)
    axes.set(title="Test digits as two numbers", xlabel="first number of the code", ylabel="second")
    axes.spines[["top", "right"]].set_visible(False)
    figure.colorbar(points, ticks=range(10), label="class")
    figure.savefig(path, dpi=150)


def main(argv=None):
    parser = argparse.ArgumentParser(description="A denoising autoencoder.")
    parser.add_argument("--epochs", type=int, help="default: 300")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder of the pictures")
    parser.add_argument("--quick", action="store_true", help="a few images and two epochs")
    args = parser.parse_args(argv)
    epochs = args.epochs or (2 if args.quick else 300)
    args.out.mkdir(parents=True, exist_ok=True)

    jkeras.utils.set_random_seed(0)
    (x, _), (x_test, y_test) = datasets.digits.load_data()
    x, x_test = (a.reshape(-1, 64) / np.float32(255) for a in (x, x_test))
    if args.quick:
        x = x[:256]
    noisy = (x_test + 0.3 * np.random.default_rng(0).standard_normal(x_test.shape)).astype("float32")

    autoencoder, _ = train(16, x, epochs)
    restored = autoencoder.predict(noisy, verbose=0)
    for name, images in (("noisy", noisy), ("restored", restored)):
        print(f"{name}: mean square error {np.mean((images - x_test) ** 2):.4f}")
    shown = 3 if args.quick else 10
    rows = {"clean": x_test[:shown], "noisy": noisy[:shown], "restored": restored[:shown]}
    draw_digits(rows, args.out / "autoencoder.png")

    _, encoder = train(2, x, epochs)
    draw_codes(encoder.predict(x_test, verbose=0), y_test, args.out / "autoencoder_codes.png")
    print(f"Pictures: {args.out / 'autoencoder.png'}, {args.out / 'autoencoder_codes.png'}")


if __name__ == "__main__":
    main()

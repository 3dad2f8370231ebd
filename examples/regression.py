"""Regression with a plot: fit a curve to noisy points, and estimate how sure the model is.

    python examples/regression.py

The network has two outputs for each x: the expected y, and the logarithm of how far points lie from it. Its loss is the
negative log-likelihood of a normal distribution, a plain function of `(y_true, y_pred)` like any custom loss:

    loss = (y - mean)^2 / (2 sigma^2) + log(sigma)

The noise of the points grows from left to right, and the model learns that. For comparison, a single `Dense(1)` layer fits a
straight line. Prints both errors and the noise, true and estimated, at three places. Writes `out/regression.png`. Under half a
minute on two cores.
"""

import argparse
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import jkeras
from jkeras import layers

LEFT, RIGHT = -3.0, 3.0


def curve(x):
    return np.sin(1.5 * x) + 0.3 * x


def noise(x):
    """Standard deviation of the points around the curve."""
    return 0.05 + 0.09 * (x - LEFT)


def make_points(count, rng):
    x = rng.uniform(LEFT, RIGHT, (count, 1)).astype("float32")
    return x, (curve(x) + noise(x) * rng.standard_normal(x.shape)).astype("float32")


def negative_log_likelihood(y_true, y_pred):
    """Losses `(n,)` for targets `(n, 1)` and outputs `(n, 2)`, which are mean and log(sigma)."""
    mean, log_sigma = y_pred[:, 0], y_pred[:, 1]
    return 0.5 * ((y_true[:, 0] - mean) * jnp.exp(-log_sigma)) ** 2 + log_sigma


def make_curve_model():
    return jkeras.Sequential(
        [jkeras.Input((1,)), layers.Dense(64, activation="tanh"), layers.Dense(64, activation="tanh"), layers.Dense(2)]
    )


def draw(path, x, y, grid, mean, sigma, line):
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    axes = figure.subplots()
    axes.scatter(x, y, s=6, color="0.6", label="points")
    axes.plot(grid, curve(grid), color="black", linestyle="--", linewidth=1.2, label="true curve")
    axes.plot(grid, line, color="#2a9d4a", linewidth=1.5, label="Dense(1): a line")
    axes.plot(grid, mean, color="#1f6fb2", linewidth=2, label="network: mean")
    low, high = (mean - 2 * sigma)[:, 0], (mean + 2 * sigma)[:, 0]
    axes.fill_between(grid[:, 0], low, high, color="#1f6fb2", alpha=0.15, label="network: 2 sigma")
    axes.set(xlabel="x", ylabel="y", title="Regression with an estimate of the noise")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper left")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)


def main(argv=None):
    parser = argparse.ArgumentParser(description="Fit a curve and the noise around it.")
    parser.add_argument("--epochs", type=int, help="default: 300")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder of the picture")
    parser.add_argument("--quick", action="store_true", help="three epochs")
    args = parser.parse_args(argv)
    epochs = args.epochs or (3 if args.quick else 300)

    jkeras.utils.set_random_seed(0)
    x, y = make_points(1024, np.random.default_rng(0))
    grid = np.linspace(LEFT, RIGHT, 256, dtype="float32")[:, None]

    line = jkeras.Sequential([layers.Dense(1, input_dim=1)])
    line.compile("adam", "mse")
    line.fit(x, y, epochs=epochs, verbose=0)
    slope, intercept = (float(w.squeeze()) for w in line.get_weights())
    print(f"Dense(1): y = {slope:.3f} x + {intercept:.3f}")

    model = make_curve_model()
    schedule = jkeras.optimizers.schedules.CosineDecay(3e-3, decay_steps=epochs * len(x) // 32)
    model.compile(jkeras.optimizers.Adam(schedule), loss=negative_log_likelihood)
    history = model.fit(x, y, epochs=epochs, verbose=0).history
    print(f"Network: loss {history['loss'][0]:.3f} -> {history['loss'][-1]:.3f}")

    mean, log_sigma = np.split(model.predict(grid, verbose=0), 2, axis=1)
    straight = line.predict(grid, verbose=0)
    for name, values in (("Dense(1)", straight), ("network", mean)):
        print(f"{name}: {np.sqrt(np.mean((values - curve(grid)) ** 2)):.3f} from the true curve (root of mean square)")
    for place in (32, 128, 224):
        true, estimated = noise(grid[place, 0]), np.exp(log_sigma[place, 0])
        print(f"noise at x = {grid[place, 0]:5.2f}: true {true:.2f}, estimated {estimated:.2f}")

    path = args.out / "regression.png"
    draw(path, x, y, grid, mean, np.exp(log_sigma), straight)
    print(f"Picture: {path}")


if __name__ == "__main__":
    main()

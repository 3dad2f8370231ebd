"""A loss that does more than compare y with y_pred: override `compute_loss`.

The data are noisy, and noisier on the right than on the left. A model that predicts only the mean cannot show that. This one
predicts a mean m and a log-variance s for each x, and minimises the negative log-likelihood of a normal distribution,

    loss = mean( s + (y - m)^2 / exp(s) ) / 2,

so it also learns how uncertain to be (Nix and Weigend, "Estimating the mean and variance of the target probability
distribution", 1994). `compute_loss` gets the batch and the outputs and returns the scalar to minimise; `fit`, `evaluate`,
callbacks and the optimizer need no change. `self.losses` holds the losses that layers add, here the penalty on a kernel; an
override must add them itself.

    python examples/custom_loss.py

Prints the loss at the start and at the end of training, and on test data. Under half a minute on two cores.
"""

import argparse

import jax.numpy as jnp
import numpy as np

import jkeras
from jkeras import layers
from jkeras.regularizers import L2


class MeanAndSpread(jkeras.Model):
    """Predicts two numbers for each row, the mean and the log-variance."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden = [layers.Dense(64, activation="tanh"), layers.Dense(64, activation="tanh", kernel_regularizer=L2(1e-4))]
        self.out = layers.Dense(2)

    def call(self, x):
        for layer in self.hidden:
            x = layer(x)
        return self.out(x)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        mean, log_variance = jnp.split(y_pred, 2, axis=-1)
        per_row = 0.5 * (log_variance + jnp.square(y - mean) / jnp.exp(log_variance))
        if sample_weight is not None:
            per_row = per_row * jnp.reshape(sample_weight, (-1, 1))
        return jnp.mean(per_row) + sum(self.losses)


def noise(x):
    """The true standard deviation: 0.05 at x = -3, 0.6 at x = 3."""
    return 0.05 + 0.55 * (x + 3) / 6


def make_data(count, rng):
    x = rng.uniform(-3, 3, (count, 1)).astype("float32")
    return x, (np.sin(x) + noise(x) * rng.normal(size=x.shape)).astype("float32")


def main(argv=None):
    parser = argparse.ArgumentParser(description="Your own loss, by compute_loss.")
    parser.add_argument("--epochs", type=int, help="default: 60")
    parser.add_argument("--quick", action="store_true", help="two epochs")
    args = parser.parse_args(argv)

    jkeras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    x, y = make_data(4000, rng)
    x_test, y_test = make_data(1000, rng)

    model = MeanAndSpread()
    model.compile(optimizer="adam")
    history = model.fit(x, y, epochs=args.epochs or (2 if args.quick else 60), verbose=0)
    print(f"Training loss: {history.history['loss'][0]:.3f} -> {history.history['loss'][-1]:.3f}")
    print(f"Test loss: {model.evaluate(x_test, y_test, verbose=0):.3f}")

    grid = np.linspace(-2.5, 2.5, 6, dtype="float32")[:, None]
    found = model.predict(grid, verbose=0)
    print("     x   mean (true)     spread (true)")
    for i, point in enumerate(grid[:, 0]):
        mean, spread = found[i, 0], np.exp(0.5 * found[i, 1])
        print(f"{point:6.1f} {mean:6.2f} ({np.sin(point):5.2f})    {spread:6.2f} ({noise(point):.2f})")


if __name__ == "__main__":
    main()

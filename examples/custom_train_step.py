"""Your own training step: override `train_step`, a pure function.

    train_step(state, batch) -> (new state, logs)

`state` is a `TrainState`: weights, optimizer, metrics and counters, all arrays. A step neither reads model attributes that
change nor writes any, so `fit` can compile it, and so can you. This one is assembled from the pieces of the default step:

- `self.objective(params, state, x, y, sample_weight, rng)` is the loss as a pure function of the weights, for `jax.grad`;
- `self.apply_gradients(state, grads)` is the optimizer's step;
- `self.update_metrics(state, y, outcome, sample_weight)` accumulates the metrics and returns the logs.

The example is sharpness-aware minimisation (Foret et al., "Sharpness-Aware Minimization for Efficiently Improving
Generalization", 2021). It prefers weights around which the loss is flat: it takes a small step uphill, to the worst point
nearby, computes the gradient *there*, and applies it *here*:

    worst = params + rho * g / |g|,  g = gradient at params;     params <- optimizer(params, gradient at worst)

    python examples/custom_train_step.py

Prints losses and accuracies with the default step and with this one. Under half a minute on two cores.
"""

import argparse

import jax
import optax

import jkeras
from jkeras import datasets, layers


class SharpnessAware(jkeras.Sequential):
    """A stack of layers trained by sharpness-aware minimisation."""

    rho = 0.05

    def train_step(self, state, batch):
        x, y, sample_weight = batch
        gradient = jax.grad(self.objective, has_aux=True)
        uphill, _ = gradient(state.params, state.state, x, y, sample_weight, state.key)
        length = optax.tree.norm(uphill)
        worst = jax.tree.map(lambda p, g: p + self.rho * g / (length + 1e-12), state.params, uphill)
        grads, outcome = gradient(worst, state.state, x, y, sample_weight, state.key)
        state = self.apply_gradients(state._replace(state=outcome.state), grads)
        state, logs = self.update_metrics(state, y, outcome, sample_weight)
        return state, {**logs, "gradient_norm": length}


def train(cls, epochs, data):
    """Train a model of the given class, always from the same weights and in the same order of data."""
    (x, y), (x_test, y_test) = data
    jkeras.utils.set_random_seed(0)
    model = cls([layers.Dense(64, activation="relu"), layers.Dropout(0.2), layers.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=epochs, verbose=0)
    return history.history, model.evaluate(x_test, y_test, verbose=0)


def main(argv=None):
    parser = argparse.ArgumentParser(description="Your own training step.")
    parser.add_argument("--epochs", type=int, help="default: 40")
    parser.add_argument("--quick", action="store_true", help="two epochs")
    args = parser.parse_args(argv)

    data = [(x.reshape(-1, 64).astype("float32") / 255, y) for x, y in datasets.digits.load_data()]
    for cls in (jkeras.Sequential, SharpnessAware):
        history, (loss, accuracy) = train(cls, args.epochs or (2 if args.quick else 40), data)
        print(f"{cls.__name__}: training loss {history['loss'][-1]:.4f}, test loss {loss:.4f}, test accuracy {accuracy:.3f}")
    print(f"Norm of the gradient, which only the second step reports: {history['gradient_norm'][-1]:.3f}")


if __name__ == "__main__":
    main()

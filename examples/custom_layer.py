"""Your own layer, written as in Keras: weights in `build`, maths in `call`, raw `jax.numpy` inside.

`CentredDense` is a dense layer that first subtracts the mean of its inputs, learned by averaging over the batches it sees:

    y = (x - moving_mean) @ kernel + bias

`add_weight` makes its weights: each is a `Variable`, with a name, a value and `assign`. `jax.numpy` functions and operators
treat it as its array, so you can write `jnp.matmul(x, self.kernel)`; `self.moving_mean.assign(...)` sets a new value. `jax.lax`
functions take only arrays: write `self.kernel.value` there.

The layer needs no second definition for functional use: `init` returns its arrays, `apply` is a pure function of them, and
assigned values come back as the new state.

    python examples/custom_layer.py

Prints the epochs, the summary, and what the layer learned. Under half a minute on two cores.
"""

import argparse

import jax
import jax.numpy as jnp

import jkeras
from jkeras import datasets, layers


class CentredDense(layers.Layer):
    """A dense layer on inputs whose moving average is subtracted.

    Args:
        units: number of outputs.
        momentum: of the moving average; with 0.99, a batch changes it by one part in a hundred.
    """

    def __init__(self, units, momentum=0.99, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.momentum = momentum

    def build(self, input_shape):
        features = input_shape[-1]
        self.kernel = self.add_weight(shape=(features, self.units), initializer="he_normal")
        self.bias = self.add_weight(shape=(self.units,), initializer="zeros")
        self.moving_mean = self.add_weight(shape=(features,), initializer="zeros", trainable=False)

    def call(self, x, training=False):
        if training:
            new = self.momentum * self.moving_mean + (1 - self.momentum) * jnp.mean(x, axis=0)
            self.moving_mean.assign(new)
        return jnp.matmul(x - self.moving_mean, self.kernel) + self.bias


def main(argv=None):
    parser = argparse.ArgumentParser(description="Your own layer.")
    parser.add_argument("--epochs", type=int, help="default: 20")
    parser.add_argument("--quick", action="store_true", help="one epoch")
    args = parser.parse_args(argv)

    jkeras.utils.set_random_seed(0)
    (x, y), (x_test, y_test) = datasets.digits.load_data()
    x, x_test = (a.reshape(-1, 64).astype("float32") / 255 for a in (x, x_test))

    centred = CentredDense(64, name="centred")
    model = jkeras.Sequential([centred, layers.Activation("relu"), layers.Dense(10, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=args.epochs or (1 if args.quick else 20), verbose=2)
    model.summary()
    print(f"Test accuracy: {model.evaluate(x_test, y_test, verbose=0)[1]:.3f}")
    error = jnp.abs(centred.moving_mean - x.mean(axis=0)).max()
    print(f"Learned mean of the inputs: at most {error:.3f} from the true one")

    params, state = centred.init(jax.random.key(0), x)
    print(f"Pure face: params {sorted(params)}, state {sorted(state)}")
    pure = jax.jit(lambda params, state, x: centred.apply(params, state, x, training=True))
    _, new_state = pure(params, state, x)
    print(f"One pure call moved the mean by {jnp.abs(new_state['moving_mean'] - state['moving_mean']).max():.4f}")


if __name__ == "__main__":
    main()

"""Training without `fit`: a model as two pure functions, in a plain JAX loop.

    params, state = model.init(key, x)                                          # nested dicts of arrays
    y, state = model.apply(params, state, x, training=True, rng=key)            # nothing else is read or written

`params` holds what is trained. `state` holds the rest, here the moving averages of batch normalization; `apply` returns the new
state. Dropout draws from `rng`. Everything is explicit, so all of JAX works directly: `jax.value_and_grad` over `params`, optax
for the update, `jax.lax.scan` over the batches of an epoch, and one `jax.jit` around it all, which makes an epoch a single
program.

    python examples/pure_jax_loop.py

Prints the shapes of both trees, then loss and test accuracy every fifth epoch. Under half a minute on two cores.
"""

import argparse

import jax
import jax.numpy as jnp
import optax

import jkeras
from jkeras import datasets, layers

BATCH_SIZE = 64


def make_model():
    return jkeras.Sequential(
        [
            layers.Dense(128, activation="relu"),
            layers.BatchNormalization(),
            layers.Dropout(0.3),
            layers.Dense(10),
        ]
    )


def make_epoch(model, optimizer):
    """The compiled epoch: `(carry, key, x, y) -> (carry, mean loss)`; the carry is `(params, state, optimizer state)`."""

    def loss_of(params, state, x, y, key):
        logits, state = model.apply(params, state, x, training=True, rng=key)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean(), state

    def step(carry, batch):
        params, state, opt_state = carry
        (loss, state), grads = jax.value_and_grad(loss_of, has_aux=True)(params, state, *batch)
        updates, opt_state = optimizer.update(grads, opt_state, params)
        return (optax.apply_updates(params, updates), state, opt_state), loss

    @jax.jit
    def epoch(carry, key, x, y):
        steps = len(x) // BATCH_SIZE
        order_key, dropout_key = jax.random.split(key)
        order = jax.random.permutation(order_key, len(x))[: steps * BATCH_SIZE].reshape(steps, BATCH_SIZE)
        batches = x[order], y[order], jax.random.split(dropout_key, steps)
        carry, losses = jax.lax.scan(step, carry, batches)
        return carry, losses.mean()

    return epoch


def main(argv=None):
    parser = argparse.ArgumentParser(description="Training in a loop of plain JAX.")
    parser.add_argument("--epochs", type=int, help="default: 30")
    parser.add_argument("--quick", action="store_true", help="two epochs")
    args = parser.parse_args(argv)
    epochs = args.epochs or (2 if args.quick else 30)

    (x, y), (x_test, y_test) = datasets.digits.load_data()
    x, x_test = (jnp.asarray(a.reshape(-1, 64), jnp.float32) / 255 for a in (x, x_test))
    y, y_test = jnp.asarray(y, jnp.int32), jnp.asarray(y_test, jnp.int32)

    model = make_model()
    params, state = model.init(jax.random.key(0), x)
    print("params:", jax.tree.map(jnp.shape, params))
    print("state: ", jax.tree.map(jnp.shape, state))

    optimizer = optax.adam(optax.cosine_decay_schedule(3e-3, epochs * (len(x) // BATCH_SIZE)))
    carry = params, state, optimizer.init(params)
    epoch = make_epoch(model, optimizer)
    accuracy_of = jax.jit(lambda params, state: (model.apply(params, state, x_test)[0].argmax(-1) == y_test).mean())
    for number in range(epochs):
        carry, loss = epoch(carry, jax.random.key(number + 1), x, y)
        if number % 5 == 4 or number == epochs - 1:
            print(f"epoch {number + 1:2d}: loss {loss:.4f}, test accuracy {accuracy_of(*carry[:2]):.3f}")


if __name__ == "__main__":
    main()

"""`vmap` over a model: train an ensemble at once, and compute a gradient for each example.

`init` and `apply` are pure functions, so `jax.vmap` can map over any of their arguments.

- Over the *key* of `init`: one call returns the weights of eight models, each array with a leading axis of 8.
- Over the *params* of `apply`: eight models run on the same data. To train them, `vmap` the training step of one.
- Over the *examples*: `vmap` of `grad` gives each example's own gradient, which a batch would average away. Its norm tells how
  much the model would have to change for that example. Here some labels are wrong on purpose, and the norm finds most of them.

    python examples/ensemble.py

Prints the accuracy of the members alone and together, and how many wrong labels the norm found. Under half a minute on two cores.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jkeras
from jkeras import datasets, layers

MEMBERS = 8
WRONG = 20


def spoil(labels, rng):
    """The labels with some replaced by wrong ones, and the indices of those."""
    places = rng.choice(len(labels), WRONG, replace=False)
    spoiled = labels.copy()
    spoiled[places] = (labels[places] + rng.integers(1, 10, WRONG)) % 10
    return spoiled, places


def main(argv=None):
    parser = argparse.ArgumentParser(description="An ensemble, and per-example gradients, by vmap.")
    parser.add_argument("--epochs", type=int, help="full-batch steps, default: 150")
    parser.add_argument("--quick", action="store_true", help="three steps")
    args = parser.parse_args(argv)

    (x, labels), (x_test, y_test) = datasets.digits.load_data()
    labels, wrong = spoil(labels.astype("int32"), np.random.default_rng(0))
    x, x_test = (jnp.asarray(a.reshape(-1, 64), jnp.float32) / 255 for a in (x, x_test))
    y = jnp.asarray(labels)

    model = jkeras.Sequential([layers.Dense(32, activation="relu"), layers.Dense(10)])
    optimizer = optax.adam(1e-2)

    def loss_of(params, state, x, y):
        logits, _ = model.apply(params, state, x)
        return optax.softmax_cross_entropy_with_integer_labels(logits, y).mean()

    def step(params, state, opt_state):
        grads = jax.grad(loss_of)(params, state, x, y)
        updates, opt_state = optimizer.update(grads, opt_state)
        return optax.apply_updates(params, updates), opt_state

    # An ensemble: keys in, stacked weights out.
    keys = jax.random.split(jax.random.key(0), MEMBERS)
    params, state = jax.vmap(lambda key: model.init(key, (None, 64)))(keys)
    print("stacked kernels:", *(layer["kernel"].shape for layer in params.values()))
    opt_state = jax.vmap(optimizer.init)(params)
    train = jax.jit(jax.vmap(step))
    for _ in range(args.epochs or (3 if args.quick else 150)):
        params, opt_state = train(params, state, opt_state)

    logits = jax.vmap(lambda params, state: model.apply(params, state, x_test)[0])(params, state)
    alone = (logits.argmax(-1) == y_test).mean(axis=1)
    together = (jax.nn.softmax(logits).mean(axis=0).argmax(-1) == y_test).mean()
    print(f"members: {alone.min():.3f} to {alone.max():.3f} correct")
    print(f"ensemble of {MEMBERS}: {together:.3f} correct")

    # A gradient for each example, from the first member.
    first_params, first_state = jax.tree.map(lambda a: a[0], (params, state))
    per_example = jax.jit(jax.vmap(jax.grad(loss_of), in_axes=(None, None, 0, 0)))
    grads = per_example(first_params, first_state, x[:, None], y[:, None])
    lengths = jax.vmap(optax.tree.norm)(grads)
    suspects = np.argsort(-np.asarray(lengths))[: 2 * WRONG]
    found = len(set(suspects.tolist()) & set(wrong.tolist()))
    print(f"of the {WRONG} wrong labels, {found} are among the {2 * WRONG} examples with the largest gradients")


if __name__ == "__main__":
    main()

"""The whole stack in a few seconds, first: build, train, evaluate, predict, the pure face, a summary."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jkeras
from jkeras import layers


def digits(rows=256):
    """Images of 8 x 8 that say their class: a bright row, a dim one, noise."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 8, rows)
    x = rng.normal(scale=0.1, size=(rows, 8, 8, 1)).astype("float32")
    x[np.arange(rows), y] += 1.0
    return x, y


def classifier():
    return jkeras.Sequential(
        [
            layers.Input((8, 8, 1)),
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.MaxPooling2D((1, 2)),
            layers.Flatten(),
            layers.BatchNormalization(),
            layers.Dropout(0.1),
            layers.Dense(8, activation="softmax"),
        ]
    )


def test_a_model_trains_evaluates_predicts_and_shows_itself():
    jkeras.utils.set_random_seed(1)
    x, y = digits()
    model = classifier()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    before = model.evaluate(x, y, verbose=0)
    history = model.fit(x, y, batch_size=16, epochs=1, validation_split=0.25, verbose=0)
    assert set(history.history) == {"loss", "accuracy", "val_loss", "val_accuracy"}
    after = model.evaluate(x, y, verbose=0)
    assert after[0] < before[0] and after[1] > before[1]
    predicted = model.predict(x, verbose=0)
    assert predicted.shape == (256, 8) and np.allclose(predicted.sum(-1), 1, atol=1e-5)
    assert np.isclose((predicted.argmax(-1) == y).mean(), after[1])
    lines = []
    model.summary(print_fn=lines.append)
    assert any(f"Total params: {model.count_params():,}" in line for line in lines)


def test_the_same_model_as_pure_functions():
    x, y = digits(64)
    model = classifier()
    params, state = model.init(jax.random.key(0), x)
    optimizer = optax.adam(0.01)

    def loss(params, state, key):
        p, state = model.apply(params, state, x, training=True, rng=key)
        return -jnp.log(p[jnp.arange(len(y)), y]).mean(), state

    def step(carry, key):
        params, state, opt_state = carry
        (value, state), grads = jax.value_and_grad(loss, has_aux=True)(params, state, key)
        updates, opt_state = optimizer.update(grads, opt_state)
        return (optax.apply_updates(params, updates), state, opt_state), value

    keys = jax.random.split(jax.random.key(1), 10)
    _, losses = jax.jit(lambda carry: jax.lax.scan(step, carry, keys))((params, state, optimizer.init(params)))
    assert losses[-1] < losses[0]

"""vmap over examples = the batch, if examples do not affect each other; vmap over weights = an ensemble."""

import jax
import numpy as np
import pytest
from table import LAYERS, assert_close, one_of_each, prepared


@one_of_each
def test_vmap_over_examples_is_the_batch(case):
    made = prepared(case)

    def one(x, options):
        batch_of_one = jax.tree.map(lambda a: a[None], (x, options))
        y, _ = made.apply(made.params, made.state, batch_of_one[0], **batch_of_one[1])
        return y[0]

    y, _ = made.run()
    apart = jax.jit(jax.vmap(one))(made.x, made.options)
    if case.per_example:
        assert_close(apart, y)
    else:
        assert apart.shape == y.shape and not np.allclose(apart, y)


@pytest.mark.few(60)
@one_of_each
def test_vmap_over_weights_is_an_ensemble(case):
    made = prepared(case)
    keys = jax.random.split(jax.random.key(1), 3)
    members = jax.vmap(made.layer.init)(keys)
    assert all(leaf.shape[0] == 3 for leaf in jax.tree.leaves(members))
    ensemble = jax.jit(jax.vmap(lambda p, s: made.apply(p, s, made.x, **made.options)[0], axis_size=3))(*members)
    alone, _ = made.jitted(*jax.tree.map(lambda leaf: leaf[1], members), made.x, training=False, **made.options)
    assert_close(ensemble[1], alone)


def test_members_of_an_ensemble_differ():
    made = prepared(LAYERS[0])
    keys = jax.random.split(jax.random.key(1), 3)
    kernels = jax.vmap(made.layer.init)(keys)[0]["kernel"]
    assert not np.allclose(kernels[0], kernels[1])
    for key, kernel in zip(keys, kernels, strict=True):
        assert_close(made.layer.init(key)[0]["kernel"], kernel)

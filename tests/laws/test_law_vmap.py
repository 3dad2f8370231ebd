"""vmap over examples = the batch, where examples do not see each other; vmap over weights = an ensemble."""

import jax
import jax.numpy as jnp
import numpy as np
from table import assert_close, one_of_each, prepared


@one_of_each
def test_vmap_over_examples_is_the_batch(case):
    if not case.per_example:
        return
    made = prepared(case)

    def one(x, options):
        batch_of_one = jax.tree.map(lambda a: a[None], (x, options))
        y, _ = made.apply(made.params, made.state, batch_of_one[0], **batch_of_one[1])
        return y[0]

    y, _ = made.run()
    assert_close(jax.jit(jax.vmap(one))(made.x, made.options), y)


@one_of_each
def test_vmap_over_weights_is_an_ensemble(case):
    made = prepared(case)
    keys = jax.random.split(jax.random.key(1), 3)
    members = jax.vmap(made.layer.init)(keys)
    assert all(leaf.shape[0] == 3 for leaf in jax.tree.leaves(members))
    if not made.params:
        return
    ensemble = jax.jit(jax.vmap(lambda p, s: made.apply(p, s, made.x, **made.options)[0]))(*members)
    params, state = made.layer.init(keys[1])
    alone, _ = made.jitted(params, state, made.x, training=False, **made.options)
    assert_close(ensemble[1], alone)
    drawn = [variable for variable in made.layer.trainable_weights if variable.name in ("kernel", "embeddings")]
    assert not drawn or not np.allclose(ensemble[0], jnp.asarray(ensemble[1]))

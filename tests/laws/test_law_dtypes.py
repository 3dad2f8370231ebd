"""Dtypes flow: outputs have the compute dtype, weights and state keep theirs, for global and per-layer policies."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from table import Prepared, every_case, one_layer_of_each, one_of_each, prepared

POLICIES = {
    "float32": ("float32", "float32"),
    "bfloat16": ("bfloat16", "bfloat16"),
    "float16": ("float16", "float16"),
    "mixed_bfloat16": ("bfloat16", "float32"),
    "mixed_float16": ("float16", "float32"),
}


def check(layer, case, compute, variable):
    x, options = jax.tree.map(jnp.asarray, (case.x, case.options))
    params, state = jax.eval_shape(lambda key: layer.init(key, x), jax.random.key(0))
    assert {leaf.dtype.name for leaf in jax.tree.leaves((params, state))} <= {variable}
    for training in (False, True):
        rng = jax.random.key(5) if training and case.stochastic else None
        apply = functools.partial(layer.apply, training=training, rng=rng, **options)
        y, after = jax.eval_shape(apply, params, state, x)
        assert y.dtype == compute
        assert jax.tree.map(lambda a: a.dtype, after) == jax.tree.map(lambda a: a.dtype, state)


@pytest.mark.few(400)
@pytest.mark.parametrize("policy", POLICIES)
@every_case
def test_global_policy(case, policy):
    check(case.make(policy=policy), case, *POLICIES[policy])


@pytest.mark.parametrize("policy", ["bfloat16", "mixed_float16"])
@one_layer_of_each
def test_own_policy(case, policy):
    config = case.make().get_config()
    if isinstance(config.get("layer") or config.get("cell"), dict) or "layers" in config:
        pytest.skip("a layer inside has a policy of its own")
    layer = type(case.make()).from_config({**config, "dtype": policy})
    assert layer.dtype_policy.name == policy
    check(layer, case, *POLICIES[policy])


@pytest.mark.few(60)
@one_of_each
def test_mixed_values_are_near_float32(case):
    made = Prepared(case, policy="mixed_bfloat16")
    y, _ = made.run()
    exact, _ = prepared(case).run()
    # bfloat16 keeps 8 bits: 0.4 % per operation, a few operations in a row.
    np.testing.assert_allclose(np.asarray(y, "float32"), exact, rtol=0.05, atol=0.05 * float(jnp.abs(exact).max()))

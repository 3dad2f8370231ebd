"""Gradients are finite, equal to those of the same layer in float64, and the same when recomputed (remat)."""

import jax
import numpy as np
import pytest
from table import Prepared, assert_close, every_case, one_of_each, prepared


@one_of_each
def test_gradient_equals_float64(case):
    made = prepared(case)
    mode = made.modes[-1] and not case.stochastic
    found = jax.tree.map(np.asarray, made.gradients(mode))
    with jax.enable_x64(True):
        exact = Prepared(case, policy="float64")
        exact.x = jax.tree.map(lambda a: np.asarray(a, "int32" if case.below else "float64"), case.x)
        wide = jax.tree.map(np.asarray, exact.gradients(mode))
    assert jax.tree.structure(wide) == jax.tree.structure(found)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(wide)):
        assert np.isfinite(a).all() and a.dtype == np.float32 and b.dtype == np.float64
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5 * max(1.0, abs(b).max()))


@every_case
@pytest.mark.slow
def test_remat_changes_nothing(case):
    made = prepared(case)
    mode = made.modes[-1]
    assert_close(made.gradients(mode, remat=True), made.gradients(mode), 1e-5)

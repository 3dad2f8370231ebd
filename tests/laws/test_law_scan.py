"""`apply` works as a `lax.scan` body: state in, state of the same structure out."""

import jax
import pytest
from table import assert_close, one_of_each, prepared


@pytest.mark.few(60)
@one_of_each
def test_apply_is_a_scan_body(case):
    made = prepared(case)
    mode = made.modes[-1]

    def step(state, _):
        y, state = made.apply(made.params, state, made.x, training=mode, **made.options)
        return state, y

    last, ys = jax.jit(lambda s: jax.lax.scan(step, s, None, length=3))(made.state)
    state = made.state
    for i in range(3):
        y, state = made.jitted(made.params, state, made.x, training=mode, **made.options)
        assert_close(ys[i], y, 1e-5)
    assert_close(last, state, 1e-5)

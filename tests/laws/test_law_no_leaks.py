"""Nothing that JAX traces survives the trace."""

import jax
from table import one_of_each, prepared


@one_of_each
def test_no_tracer_leaks(case):
    made = prepared(case)
    mode = made.modes[-1]
    with jax.checking_leaks():
        jax.eval_shape(jax.grad(lambda p: made.loss(p, made.x, mode)), made.params)
    assert not any(isinstance(box.value, jax.core.Tracer) for box in made.layer.weights)

"""A layer's `apply` exports as StableHLO, for every batch size, for CPU and CUDA at once, and runs again from bytes."""

import jax
import jax.numpy as jnp
import pytest
from jax import export
from table import MODELS, assert_close, one_of_each, prepared


@pytest.mark.few(60)
@one_of_each
def test_one_export_serves_every_batch_size(case):
    made = prepared(case)
    batch = export.symbolic_shape("batch")[0]
    given = jax.tree.map(lambda a: jax.ShapeDtypeStruct((batch, *a.shape[1:]), a.dtype), (made.x, made.options))
    fn = jax.jit(lambda params, state, x, options: made.apply(params, state, x, **options))
    program = export.export(fn, platforms=("cpu", "cuda"))(made.params, made.state, *given)
    call = jax.jit(program.call)
    y, state = made.run()
    if not case.per_example:
        assert_close(call(made.params, made.state, made.x, made.options), (y, state))
        return
    twice = jax.tree.map(lambda a: jnp.concatenate([a, a]), (made.x, made.options))
    expected = jax.tree.map(lambda y: jnp.concatenate([y, y]), y)
    assert_close(call(made.params, made.state, *twice), (expected, state))


def test_export_to_bytes():
    pytest.importorskip("flatbuffers", reason="jax writes its bytes with flatbuffers")
    made = prepared(MODELS[1])
    stored = export.export(jax.jit(made.apply))(made.params, made.state, made.x).serialize()
    assert_close(export.deserialize(bytearray(stored)).call(made.params, made.state, made.x), made.run())

"""A layer's `apply` can be exported as StableHLO, stored as bytes, and run again."""

import jax
from jax import export
from table import assert_close, every_case, prepared


@every_case
def test_export_round_trip(case):
    made = prepared(case)
    fn = jax.jit(lambda params, state, x, options: made.apply(params, state, x, **options))
    arguments = (made.params, made.state, made.x, made.options)
    stored = export.export(fn)(*arguments).serialize()
    assert_close(export.deserialize(bytearray(stored)).call(*arguments), made.run())

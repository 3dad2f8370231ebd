"""A layer's `apply` can be exported as StableHLO and run again, also from bytes."""

import jax
import pytest
from jax import export
from table import MODELS, assert_close, every_case, prepared


@every_case
def test_export_round_trip(case):
    made = prepared(case)
    fn = jax.jit(lambda params, state, x, options: made.apply(params, state, x, **options))
    arguments = (made.params, made.state, made.x, made.options)
    exported = export.export(fn)(*arguments)
    assert_close(jax.jit(exported.call)(*arguments), made.run())


def test_export_to_bytes():
    pytest.importorskip("flatbuffers", reason="jax writes its bytes with flatbuffers")
    made = prepared(MODELS[1])
    stored = export.export(jax.jit(made.apply))(made.params, made.state, made.x).serialize()
    assert_close(export.deserialize(bytearray(stored)).call(made.params, made.state, made.x), made.run())

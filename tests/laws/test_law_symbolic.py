"""The symbolic shape equals the real shape, with None for the batch axis; dtypes too."""

import jax
from table import every_case, prepared

import jkeras


def unknown_batch(shape):
    return [unknown_batch(s) for s in shape] if isinstance(shape, list) else (None, *shape[1:])


@every_case
def test_symbolic_shape_is_the_real_shape(case):
    made = prepared(case)
    dtype = "int32" if case.below else "float32"
    shapes = unknown_batch(case.shape)
    inputs = [jkeras.Input(batch_shape=s, dtype=dtype) for s in (shapes if isinstance(shapes, list) else [shapes])]
    symbolic = made.layer(inputs if isinstance(shapes, list) else inputs[0])
    real = jax.eval_shape(lambda: made.run()[0])
    assert symbolic.shape == (None, *real.shape[1:]) and symbolic.dtype == real.dtype.name
    assert tuple(made.layer.compute_output_shape(shapes)) == symbolic.shape

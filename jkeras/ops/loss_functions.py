"""The loss functions of `nn/`, also for variables and symbolic tensors: `losses/` and `metrics/` export these very functions.

On symbolic tensors they become part of the graph, for `model.add_loss` of a functional model.
"""

from __future__ import annotations

from jkeras.nn import losses_crossentropy as crossentropy
from jkeras.nn import losses_focal as focal
from jkeras.nn import losses_hinge as hinges
from jkeras.nn import losses_overlap as overlap
from jkeras.nn import losses_regression as regression
from jkeras.ops.wrapper import F, symbolic


def _both(fn: F) -> F:
    return symbolic(fn, fn.__name__, "jkeras.losses")


binary_crossentropy = _both(crossentropy.binary_crossentropy)
categorical_crossentropy = _both(crossentropy.categorical_crossentropy)
kl_divergence = _both(crossentropy.kl_divergence)
poisson = _both(crossentropy.poisson)
sparse_categorical_crossentropy = _both(crossentropy.sparse_categorical_crossentropy)
binary_focal_crossentropy = _both(focal.binary_focal_crossentropy)
categorical_focal_crossentropy = _both(focal.categorical_focal_crossentropy)
categorical_hinge = _both(hinges.categorical_hinge)
hinge = _both(hinges.hinge)
squared_hinge = _both(hinges.squared_hinge)
dice = _both(overlap.dice)
tversky = _both(overlap.tversky)
cosine_similarity = _both(regression.cosine_similarity)
huber = _both(regression.huber)
log_cosh = _both(regression.log_cosh)
mean_absolute_error = _both(regression.mean_absolute_error)
mean_absolute_percentage_error = _both(regression.mean_absolute_percentage_error)
mean_squared_error = _both(regression.mean_squared_error)
mean_squared_logarithmic_error = _both(regression.mean_squared_logarithmic_error)

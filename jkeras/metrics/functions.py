"""The metric functions under their public names: accuracies, and losses to look at; the maths is in `nn/`."""

from __future__ import annotations

from jkeras._base.registry import export
from jkeras.nn import losses_crossentropy, losses_focal, losses_hinge, losses_regression, metrics, metrics_correlation
from jkeras.ops.loss_functions import loss_function
from jkeras.ops.wrapper import F


def publish(fn: F, name: str | None = None) -> F:
    """Enter a function under its public name, by default its own."""
    return export(f"keras.metrics.{name or fn.__name__}")(fn)


binary_crossentropy = publish(loss_function(losses_crossentropy.binary_crossentropy))
categorical_crossentropy = publish(loss_function(losses_crossentropy.categorical_crossentropy))
kl_divergence = publish(loss_function(losses_crossentropy.kl_divergence))
poisson = publish(loss_function(losses_crossentropy.poisson))
sparse_categorical_crossentropy = publish(loss_function(losses_crossentropy.sparse_categorical_crossentropy))
binary_focal_crossentropy = publish(loss_function(losses_focal.binary_focal_crossentropy))
categorical_focal_crossentropy = publish(loss_function(losses_focal.categorical_focal_crossentropy))
categorical_hinge = publish(loss_function(losses_hinge.categorical_hinge))
hinge = publish(loss_function(losses_hinge.hinge))
squared_hinge = publish(loss_function(losses_hinge.squared_hinge))
huber = publish(loss_function(losses_regression.huber))
log_cosh = publish(loss_function(losses_regression.log_cosh))
mean_absolute_error = publish(loss_function(losses_regression.mean_absolute_error))
mean_absolute_percentage_error = publish(loss_function(losses_regression.mean_absolute_percentage_error))
mean_squared_error = publish(loss_function(losses_regression.mean_squared_error))
mean_squared_logarithmic_error = publish(loss_function(losses_regression.mean_squared_logarithmic_error))
binary_accuracy = publish(metrics.binary_accuracy)
categorical_accuracy = publish(metrics.categorical_accuracy)
sparse_categorical_accuracy = publish(metrics.sparse_categorical_accuracy)
sparse_top_k_categorical_accuracy = publish(metrics.sparse_top_k_categorical_accuracy)
top_k_categorical_accuracy = publish(metrics.top_k_categorical_accuracy)
pearson_correlation = publish(metrics_correlation.pearson_correlation)
concordance_correlation = publish(metrics_correlation.concordance_correlation)
# tf_keras' metric of this name; the loss has the other sign
cosine_similarity = publish(metrics.cosine_of_angle, "cosine_similarity")

"""The metric functions under their public names: accuracies, and losses to look at; the maths is in `nn/`."""

from __future__ import annotations

from jkeras._base.registry import export
from jkeras.nn.metrics import binary_accuracy as binary_accuracy
from jkeras.nn.metrics import categorical_accuracy as categorical_accuracy
from jkeras.nn.metrics import cosine_of_angle as cosine_similarity
from jkeras.nn.metrics import sparse_categorical_accuracy as sparse_categorical_accuracy
from jkeras.nn.metrics import sparse_top_k_categorical_accuracy as sparse_top_k_categorical_accuracy
from jkeras.nn.metrics import top_k_categorical_accuracy as top_k_categorical_accuracy
from jkeras.ops.loss_functions import binary_crossentropy as binary_crossentropy
from jkeras.ops.loss_functions import binary_focal_crossentropy as binary_focal_crossentropy
from jkeras.ops.loss_functions import categorical_crossentropy as categorical_crossentropy
from jkeras.ops.loss_functions import categorical_focal_crossentropy as categorical_focal_crossentropy
from jkeras.ops.loss_functions import categorical_hinge as categorical_hinge
from jkeras.ops.loss_functions import hinge as hinge
from jkeras.ops.loss_functions import huber as huber
from jkeras.ops.loss_functions import kl_divergence as kl_divergence
from jkeras.ops.loss_functions import log_cosh as log_cosh
from jkeras.ops.loss_functions import mean_absolute_error as mean_absolute_error
from jkeras.ops.loss_functions import mean_absolute_percentage_error as mean_absolute_percentage_error
from jkeras.ops.loss_functions import mean_squared_error as mean_squared_error
from jkeras.ops.loss_functions import mean_squared_logarithmic_error as mean_squared_logarithmic_error
from jkeras.ops.loss_functions import poisson as poisson
from jkeras.ops.loss_functions import sparse_categorical_crossentropy as sparse_categorical_crossentropy
from jkeras.ops.loss_functions import squared_hinge as squared_hinge

NAMES = {
    fn.__name__: fn
    for fn in (
        binary_crossentropy,
        categorical_crossentropy,
        kl_divergence,
        poisson,
        sparse_categorical_crossentropy,
        binary_focal_crossentropy,
        categorical_focal_crossentropy,
        categorical_hinge,
        hinge,
        squared_hinge,
        huber,
        log_cosh,
        mean_absolute_error,
        mean_absolute_percentage_error,
        mean_squared_error,
        mean_squared_logarithmic_error,
        binary_accuracy,
        categorical_accuracy,
        sparse_categorical_accuracy,
        sparse_top_k_categorical_accuracy,
        top_k_categorical_accuracy,
    )
}

NAMES["cosine_similarity"] = cosine_similarity  # tf_keras' metric of this name; the loss has the other sign

for _name, _function in NAMES.items():
    export(f"keras.metrics.{_name}")(_function)

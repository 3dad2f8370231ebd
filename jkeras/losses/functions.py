"""The loss functions under their public names; the maths is in `nn/`.

Each takes `(y_true, y_pred)` and gives one value per sample. The table holds the short names that `compile(loss="mse")` takes.
"""

from __future__ import annotations

from jkeras._base.registry import export
from jkeras.ops.loss_functions import binary_crossentropy as binary_crossentropy
from jkeras.ops.loss_functions import binary_focal_crossentropy as binary_focal_crossentropy
from jkeras.ops.loss_functions import categorical_crossentropy as categorical_crossentropy
from jkeras.ops.loss_functions import categorical_focal_crossentropy as categorical_focal_crossentropy
from jkeras.ops.loss_functions import categorical_hinge as categorical_hinge
from jkeras.ops.loss_functions import cosine_similarity as cosine_similarity
from jkeras.ops.loss_functions import dice as dice
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
from jkeras.ops.loss_functions import tversky as tversky

ALIASES = {
    binary_crossentropy: ("bce", "BCE"),
    binary_focal_crossentropy: (),
    categorical_crossentropy: (),
    categorical_focal_crossentropy: (),
    categorical_hinge: (),
    cosine_similarity: (),
    dice: (),
    hinge: (),
    huber: ("huber_loss",),
    kl_divergence: ("kld", "KLD", "kullback_leibler_divergence"),
    log_cosh: ("logcosh",),
    mean_absolute_error: ("mae", "MAE"),
    mean_absolute_percentage_error: ("mape", "MAPE"),
    mean_squared_error: ("mse", "MSE"),
    mean_squared_logarithmic_error: ("msle", "MSLE"),
    poisson: (),
    sparse_categorical_crossentropy: (),
    squared_hinge: (),
    tversky: (),
}

for _function, _aliases in ALIASES.items():
    export(f"keras.losses.{_function.__name__}", aliases=_aliases)(_function)

"""jkeras: Keras' front end on a functional JAX core.

import jkeras
from jkeras import layers

model = jkeras.Sequential([layers.Dense(64, activation="relu"), layers.Dense(10, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, y)

params, state = model.init(jax.random.key(0), x)      # the same model as pure functions
y, state = model.apply(params, state, x)
"""

import gc as _gc
from typing import TYPE_CHECKING

# A full collection that starts while these modules load walks over all of JAX for nothing, and takes about as long as they do.
# At the end all objects are made old ones, without a look at them: so no collection of the young starts right after.
_collecting = _gc.isenabled()
_gc.disable()

# Here, not deep within the imports below: CPython 3.11 allocates frames in chunks, and a loop of numpy's at the end of a chunk
# allocates one for each call (`python -m bench.versions` shows what that costs).
import jax as _jax  # noqa: F401

from jkeras import activations as activations
from jkeras import callbacks as callbacks
from jkeras import config as config
from jkeras import constraints as constraints
from jkeras import dtype_policies as dtype_policies
from jkeras import initializers as initializers
from jkeras import layers as layers
from jkeras import losses as losses
from jkeras import metrics as metrics
from jkeras import models as models
from jkeras import ops as ops
from jkeras import optimizers as optimizers
from jkeras import random as random
from jkeras import regularizers as regularizers
from jkeras import saving as saving
from jkeras import utils as utils
from jkeras._base.device import device as device
from jkeras._base.dtypes import DTypePolicy as DTypePolicy
from jkeras._base.dtypes import FloatDTypePolicy as FloatDTypePolicy
from jkeras._base.lazy import lazy_names as lazy_names
from jkeras._base.version import __version__ as __version__
from jkeras.graph import KerasTensor as KerasTensor
from jkeras.initializers import Initializer as Initializer
from jkeras.layer.remat import RematScope as RematScope
from jkeras.layer.remat import remat as remat
from jkeras.layers import Input as Input
from jkeras.layers import InputSpec as InputSpec
from jkeras.layers import Layer as Layer
from jkeras.layers.function import Function as Function
from jkeras.layers.operation import Operation as Operation
from jkeras.losses import Loss as Loss
from jkeras.metrics import Metric as Metric
from jkeras.models import Functional as Functional
from jkeras.models import Model as Model
from jkeras.models import Sequential as Sequential
from jkeras.optimizers import Optimizer as Optimizer
from jkeras.regularizers import Regularizer as Regularizer
from jkeras.state import SeedGenerator as SeedGenerator
from jkeras.state import StatelessScope as StatelessScope
from jkeras.state import Variable as Variable
from jkeras.state import functionalize as functionalize
from jkeras.state.scope import name_scope as name_scope
from jkeras.state.symbolic_scope import SymbolicScope as SymbolicScope
from jkeras.training import TrainState as TrainState

if not _gc.get_freeze_count():  # else there are objects that shall stay frozen
    _gc.freeze()
    _gc.unfreeze()
if _collecting:
    _gc.enable()

# What few scripts use is loaded when it is asked for.
if TYPE_CHECKING:
    from jkeras import applications as applications
    from jkeras import backend as backend
    from jkeras import datasets as datasets
    from jkeras import distillation as distillation
    from jkeras import export as export
    from jkeras import mixed_precision as mixed_precision
    from jkeras import preprocessing as preprocessing
    from jkeras import quantizers as quantizers
    from jkeras import tree as tree
    from jkeras import visualization as visualization
    from jkeras import wrappers as wrappers
    from jkeras.quantizers import Quantizer as Quantizer
__getattr__, __dir__ = lazy_names(
    __name__,
    {
        "jkeras.applications": "applications",
        "jkeras.backend": "backend",
        "jkeras.datasets": "datasets",
        "jkeras.distillation": "distillation",
        "jkeras.export": "export",
        "jkeras.mixed_precision": "mixed_precision",
        "jkeras.preprocessing": "preprocessing",
        "jkeras.quantizers": "quantizers Quantizer",
        "jkeras.tree": "tree",
        "jkeras.visualization": "visualization",
        "jkeras.wrappers": "wrappers",
    },
)

"""Mixed precision under Keras 2's names: a global policy, and the optimizer that scales the loss for float16.

mixed_precision.set_global_policy("mixed_bfloat16")     # the same as config.set_dtype_policy
"""

from jkeras._base.dtypes import DTypePolicy as DTypePolicy
from jkeras._base.dtypes import DTypePolicy as Policy
from jkeras._base.dtypes import dtype_policy as dtype_policy
from jkeras._base.dtypes import dtype_policy as global_policy
from jkeras._base.dtypes import set_dtype_policy as set_dtype_policy
from jkeras._base.dtypes import set_dtype_policy as set_global_policy
from jkeras.optimizers.loss_scale import LossScaleOptimizer as LossScaleOptimizer

__all__ = [
    "DTypePolicy",
    "LossScaleOptimizer",
    "Policy",
    "dtype_policy",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]

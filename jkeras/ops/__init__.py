"""Floor 3: array operations for arrays, variables and symbolic tensors.

Tables define most of them, so their names are in the generated `__init__.pyi`, which editors read.
"""

from jkeras.ops import activations as activations
from jkeras.ops import colors as colors
from jkeras.ops import control as control
from jkeras.ops import convolution as convolution
from jkeras.ops import core as core
from jkeras.ops import creation as creation
from jkeras.ops import crossentropy as crossentropy
from jkeras.ops import ctc as ctc
from jkeras.ops import ctc_decoding as ctc_decoding
from jkeras.ops import einops as einops
from jkeras.ops import elementwise as elementwise
from jkeras.ops import image_filters as image_filters
from jkeras.ops import image_frames as image_frames
from jkeras.ops import image_warps as image_warps
from jkeras.ops import indexing as indexing
from jkeras.ops import matrices as matrices
from jkeras.ops import normalization as normalization
from jkeras.ops import patches as patches
from jkeras.ops import pooling as pooling
from jkeras.ops import products as products
from jkeras.ops import reductions as reductions
from jkeras.ops import shaping as shaping
from jkeras.ops import sorting as sorting
from jkeras.ops import spectral as spectral
from jkeras.ops.wrapper import operations

# isort: split
from jkeras.ops import image as image
from jkeras.ops import linalg as linalg
from jkeras.ops import nn as nn
from jkeras.ops import numpy as numpy

globals().update(operations())
__all__ = ["image", "linalg", "nn", "numpy", *sorted(operations())]


def __dir__() -> list[str]:
    return __all__

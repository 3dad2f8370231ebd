"""Activations by name: the functions of `jkeras.nn`, and `get`, `serialize`, `deserialize`."""

# ruff: noqa: F401 - some names are second names
from jkeras.activations.lookup import deserialize as deserialize
from jkeras.activations.lookup import get as get
from jkeras.activations.lookup import serialize as serialize
from jkeras.nn.activations import celu as celu
from jkeras.nn.activations import elu as elu
from jkeras.nn.activations import exponential as exponential
from jkeras.nn.activations import gelu as gelu
from jkeras.nn.activations import glu as glu
from jkeras.nn.activations import linear as linear
from jkeras.nn.activations import log_sigmoid as log_sigmoid
from jkeras.nn.activations import log_softmax as log_softmax
from jkeras.nn.activations import mish as mish
from jkeras.nn.activations import selu as selu
from jkeras.nn.activations import sigmoid as sigmoid
from jkeras.nn.activations import silu as silu
from jkeras.nn.activations import silu as swish
from jkeras.nn.activations import softmax as softmax
from jkeras.nn.activations import softplus as softplus
from jkeras.nn.activations import softsign as softsign
from jkeras.nn.activations import squareplus as squareplus
from jkeras.nn.activations import tanh as tanh
from jkeras.nn.activations import tanh_shrink as tanh_shrink
from jkeras.nn.rectifiers import hard_shrink as hard_shrink
from jkeras.nn.rectifiers import hard_sigmoid as hard_sigmoid
from jkeras.nn.rectifiers import hard_silu as hard_silu
from jkeras.nn.rectifiers import hard_silu as hard_swish
from jkeras.nn.rectifiers import hard_tanh as hard_tanh
from jkeras.nn.rectifiers import leaky_relu as leaky_relu
from jkeras.nn.rectifiers import relu as relu
from jkeras.nn.rectifiers import relu6 as relu6
from jkeras.nn.rectifiers import soft_shrink as soft_shrink
from jkeras.nn.rectifiers import sparse_plus as sparse_plus
from jkeras.nn.rectifiers import sparse_sigmoid as sparse_sigmoid
from jkeras.nn.rectifiers import sparsemax as sparsemax
from jkeras.nn.rectifiers import threshold as threshold

"""Regularizers: penalties on weights and activations."""

# ruff: noqa: F401 - some names are second names
from jkeras.regularizers.base import Regularizer as Regularizer
from jkeras.regularizers.lookup import deserialize as deserialize
from jkeras.regularizers.lookup import get as get
from jkeras.regularizers.lookup import serialize as serialize
from jkeras.regularizers.norms import L1 as L1
from jkeras.regularizers.norms import L1 as l1
from jkeras.regularizers.norms import L1L2 as L1L2
from jkeras.regularizers.norms import L1L2 as l1_l2
from jkeras.regularizers.norms import L2 as L2
from jkeras.regularizers.norms import L2 as l2
from jkeras.regularizers.orthogonality import OrthogonalRegularizer as OrthogonalRegularizer
from jkeras.regularizers.orthogonality import OrthogonalRegularizer as orthogonal_regularizer

"""Constraints: what values a weight may have."""

# ruff: noqa: F401 - some names are second names
from jkeras.constraints.base import Constraint as Constraint
from jkeras.constraints.lookup import deserialize as deserialize
from jkeras.constraints.lookup import get as get
from jkeras.constraints.lookup import serialize as serialize
from jkeras.constraints.norms import MaxNorm as MaxNorm
from jkeras.constraints.norms import MaxNorm as max_norm
from jkeras.constraints.norms import MinMaxNorm as MinMaxNorm
from jkeras.constraints.norms import MinMaxNorm as min_max_norm
from jkeras.constraints.norms import NonNeg as NonNeg
from jkeras.constraints.norms import NonNeg as non_neg
from jkeras.constraints.norms import UnitNorm as UnitNorm
from jkeras.constraints.norms import UnitNorm as unit_norm

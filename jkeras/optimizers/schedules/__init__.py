"""Learning rate schedules: pure functions of the step, one family per file."""

from jkeras.optimizers.schedules.base import LearningRateSchedule as LearningRateSchedule
from jkeras.optimizers.schedules.cosine import CosineDecay as CosineDecay
from jkeras.optimizers.schedules.cosine import CosineDecayRestarts as CosineDecayRestarts
from jkeras.optimizers.schedules.lookup import deserialize as deserialize
from jkeras.optimizers.schedules.lookup import serialize as serialize
from jkeras.optimizers.schedules.piecewise import PiecewiseConstantDecay as PiecewiseConstantDecay
from jkeras.optimizers.schedules.polynomial import PolynomialDecay as PolynomialDecay
from jkeras.optimizers.schedules.rate_decay import ExponentialDecay as ExponentialDecay
from jkeras.optimizers.schedules.rate_decay import InverseTimeDecay as InverseTimeDecay

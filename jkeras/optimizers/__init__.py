"""Optimizers: rules in optax form, with Keras' numbers and face."""

from jkeras.optimizers import legacy as legacy
from jkeras.optimizers import schedules as schedules
from jkeras.optimizers.adadelta import Adadelta as Adadelta
from jkeras.optimizers.adafactor import Adafactor as Adafactor
from jkeras.optimizers.adagrad import Adagrad as Adagrad
from jkeras.optimizers.adam import Adam as Adam
from jkeras.optimizers.adamax import Adamax as Adamax
from jkeras.optimizers.adamw import AdamW as AdamW
from jkeras.optimizers.base import Optimizer as Optimizer
from jkeras.optimizers.ftrl import Ftrl as Ftrl
from jkeras.optimizers.lamb import Lamb as Lamb
from jkeras.optimizers.lion import Lion as Lion
from jkeras.optimizers.lookup import deserialize as deserialize
from jkeras.optimizers.lookup import get as get
from jkeras.optimizers.lookup import serialize as serialize
from jkeras.optimizers.loss_scale import LossScaleOptimizer as LossScaleOptimizer
from jkeras.optimizers.loss_scale import with_loss_scale as with_loss_scale
from jkeras.optimizers.muon import Muon as Muon
from jkeras.optimizers.nadam import Nadam as Nadam
from jkeras.optimizers.optax_wrapper import OptaxOptimizer as OptaxOptimizer
from jkeras.optimizers.rmsprop import RMSprop as RMSprop
from jkeras.optimizers.sgd import SGD as SGD
from jkeras.optimizers.state import OptimizerState as OptimizerState
from jkeras.optimizers.state_number import LearningRate as LearningRate

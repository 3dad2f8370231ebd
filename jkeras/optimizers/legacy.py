"""The optimizers under `keras.optimizers.legacy`, where Keras 2.11 and later kept the classes of earlier versions.

They have the same rules and take the same arguments, `lr` and `decay` among them, so the names here are the classes themselves.
"""

from jkeras.optimizers.adadelta import Adadelta as Adadelta
from jkeras.optimizers.adagrad import Adagrad as Adagrad
from jkeras.optimizers.adam import Adam as Adam
from jkeras.optimizers.adamax import Adamax as Adamax
from jkeras.optimizers.base import Optimizer as Optimizer
from jkeras.optimizers.ftrl import Ftrl as Ftrl
from jkeras.optimizers.nadam import Nadam as Nadam
from jkeras.optimizers.rmsprop import RMSprop as RMSprop
from jkeras.optimizers.sgd import SGD as SGD

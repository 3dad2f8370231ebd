"""Floor 8: the objective, the pure step, the loop, and the face of training."""

from jkeras.training.state import TrainState as TrainState
from jkeras.training.trainer import Trainer as Trainer

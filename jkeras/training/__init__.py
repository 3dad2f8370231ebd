"""Floor 8: the objective, the pure steps, the programs, the loops, and the trainer that runs them."""

from jkeras.training.state import TrainState as TrainState
from jkeras.training.trainer import Trainer as Trainer

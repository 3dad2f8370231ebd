"""Floor 2: variables, the one scope, the seam between stateful code and pure functions, randomness."""

from jkeras.state.functionalize import functionalize as functionalize
from jkeras.state.random import set_random_seed as set_random_seed
from jkeras.state.seed_generator import SeedGenerator as SeedGenerator
from jkeras.state.stateless_scope import StatelessScope as StatelessScope
from jkeras.state.variable import Variable as Variable

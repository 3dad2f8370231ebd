"""The maths: pure functions, arrays in, arrays out."""

from jkeras.nn.cpu.lowerings import LOWERINGS as LOWERINGS

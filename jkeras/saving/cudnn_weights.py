"""LSTM and GRU weights from files whose layers ran on cuDNN (`CuDNNLSTM`, `CuDNNGRU` of Keras 2.0 to 2.3).

cuDNN keeps each gate's kernels transposed and has a bias for the input and one for the recurrent product:

    kernel             each gate's block (in, units) stored as the flat of its transpose
    recurrent_kernel   each gate's block (units, units) transposed
    bias               (8 units,) for LSTM, of which the layer needs the sum of both halves; (6 units,) for GRU, as (2, 3 units)

The lengths of the biases identify these files; the other shapes are the usual ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from jkeras.layer.base import Layer
from jkeras.layer.tracking import walk
from jkeras.layers.recurrent.cells import GRUCell, LSTMCell

Convert = Callable[[list[np.ndarray]], list[np.ndarray]]


def converter(layer: Layer, shapes: Sequence[tuple[int, ...]]) -> Convert | None:
    """What turns stored arrays of these shapes, in cuDNN's form, into the weights of an LSTM or GRU, bidirectional or not; None
    if they are not in that form.
    """
    cells = [part for _, part in walk(layer) if isinstance(part, (LSTMCell, GRUCell))]
    if not cells or len(shapes) != 3 * len(cells):
        return None
    for i, cell in enumerate(cells):
        units = cell.units
        kernel, recurrent, bias = shapes[3 * i : 3 * i + 3]
        gates = 4 if isinstance(cell, LSTMCell) else 3
        usual = len(kernel) == 2 and kernel[1] == gates * units and recurrent == (units, gates * units)
        if not usual or bias != (2 * gates * units,) or (gates == 3 and not cell.reset_after):
            return None

    def convert(arrays: list[np.ndarray]) -> list[np.ndarray]:
        return [array for i, cell in enumerate(cells) for array in _cell(cell, *arrays[3 * i : 3 * i + 3])]

    return convert


def _cell(cell: object, kernel: np.ndarray, recurrent: np.ndarray, bias: np.ndarray) -> list[np.ndarray]:
    gates = 4 if isinstance(cell, LSTMCell) else 3
    blocks = [block.reshape(-1).reshape(block.shape[::-1]).T for block in np.split(kernel, gates, axis=1)]
    turned = [block.T for block in np.split(recurrent, gates, axis=1)]
    halves = bias.reshape(2, -1)
    return [np.concatenate(blocks, 1), np.concatenate(turned, 1), halves.sum(0) if gates == 4 else halves]

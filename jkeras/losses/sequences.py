"""A loss on label sequences that are shorter than their input, as a class. The maths is in `nn/ctc.py`."""

from __future__ import annotations

from typing import Unpack

from jkeras._base.registry import export
from jkeras._base.shared_arguments import expand_kwargs
from jkeras.losses.checks import check_sequences
from jkeras.losses.functions import publish
from jkeras.losses.wrapper import LossArguments, LossFunctionWrapper
from jkeras.nn import ctc as nn

ctc = publish(nn.ctc, check=check_sequences, takes_labels=True)


@export("keras.losses.CTC")
class CTC(LossFunctionWrapper):
    """The negative log-likelihood of label sequences, for logits of all frames; labels need no alignment with the frames.

    Targets are labels `(batch, labels)`, predictions logits `(batch, frames, classes)`. Class 0 is the blank; in targets it pads.

    Args:
        reduction: see `Loss`; default `sum_over_batch_size`.
        name: default `ctc`.
        dtype: what to compute in; default `floatx()`.

    Example:
        >>> round(float(CTC()([[1, 0]], [[[0.0, 0.0]]])), 4)
        0.6931

    Source: Graves, Fernandez, Gomez and Schmidhuber, "Connectionist Temporal Classification", 2006.
    """

    @expand_kwargs(name="ctc")
    def __init__(self, **kwargs: Unpack[LossArguments]):
        super().__init__(ctc, **kwargs)

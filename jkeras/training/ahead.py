"""The first `fit` of a model: a thread compiles its program while weights are drawn and the optimizer's state is made.

Compiling takes longer than all the rest of a start, and Python need not wait for it. The program depends on shapes alone, and
these are known before there are values. So it is traced and lowered for shapes, a thread compiles it, and the first dispatch,
which waits for the thread, finds it in JAX's cache: the same program, compiled once.

It is left to the first dispatch where something might change what is traced before the first step comes, callbacks of the user's
that hear of the beginning or a step of the user's; where nothing is left to draw; and on many devices.
"""

from __future__ import annotations

import contextlib

import jax
import numpy as np

from jkeras._base.types import Array, Tree
from jkeras.callbacks import CallbackList
from jkeras.data.array_stacker import ArrayStacker
from jkeras.data.stream_stacker import Stacker
from jkeras.layer.tracking import Inventory
from jkeras.state.scope import UnknownVariables
from jkeras.training.overwriting import overwritten
from jkeras.training.programs.training import Program, TrainingProgram
from jkeras.training.state import TrainState
from jkeras.training.steps import Steps


def compile_ahead(
    model: Steps, stacker: Stacker, program: Program, events: CallbackList, rng: Array, metrics: Tree, held: Inventory
) -> None:
    """Begin to compile the program of a `fit`, where that may be.

    Args:
        model: compiled, and built for the data.
        stacker, program, events: of the `fit`.
        rng, metrics: of its first state.
        held: the model's variables.
    """
    trainer = model._trainer
    if not isinstance(program, TrainingProgram) or not isinstance(stacker, ArrayStacker) or trainer.placement is not None:
        return
    is_new = any(not variable.is_drawn for _, variable in held.entries) and trainer.optimizer.live_state is None
    known = type(model).train_step is Steps.train_step and not events.hears_the_beginning and not overwritten(held)
    if program.runs or not (is_new and known):
        return
    params, state = held.nested([jax.ShapeDtypeStruct(v.shape, v.stored_dtype) for _, v in held.entries])
    zero = np.zeros((), np.int32)
    # The first dispatch meets the same error, and says so; a variable from outside of the model it takes along.
    with contextlib.suppress(Exception, UnknownVariables):
        slots = trainer.optimizer_shapes(params)
        program.compile_ahead(TrainState(params, state, slots, metrics, zero, zero, zero, rng), stacker.first_spec())

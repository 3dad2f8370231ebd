"""Steps in TensorFlow's form: `train_step(self, data)` with a gradient tape, which changes Variables and returns logs.

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(y=y, y_pred=self(x, training=True))
        grads = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        return {"loss": loss}

The loop wants `(state, batch) -> (state, logs)`. So the step runs as a pure function of all Variables that a state holds
(`state/tape.py`), and what it assigned goes into the new state. That includes what its optimizers carry, which is kept in
Variables: a step may use as many optimizers as it likes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from jkeras._base.errors import describe
from jkeras._base.types import Batch, Tree
from jkeras.layers.pure import layer_positions
from jkeras.state.tape import taped
from jkeras.training.state import TrainState
from jkeras.training.whole_step import all_places, value_at, with_value

if TYPE_CHECKING:
    from jkeras.training.steps import Steps

_NO_LOGS = """{cls}.{name} returned {given}. In this form a step returns a dict of what the logs show:

    def train_step(self, data):
        x, y = data
        with tf.GradientTape() as tape:
            loss = self.compute_loss(y=y, y_pred=self(x, training=True))
        grads = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(grads, self.trainable_variables))
        return {{"loss": loss}}
"""


def taped_step(model: Steps, name: str) -> Callable[[TrainState, Batch], tuple[TrainState, Tree]]:
    """A model's step in TensorFlow's form as a pure step.

    Args:
        model: the step is one of.
        name: `"train_step"`, `"test_step"` or `"predict_step"`.

    Returns:
        `(state, batch) -> (state, result)`.

    Raises:
        TypeError: when it runs, for a step that gives no logs.
    """
    own = getattr(model, name)

    def step(state: TrainState, batch: Batch) -> tuple[TrainState, Tree]:
        places = all_places(model, state)
        before = [value_at(state, place) for place in places]
        run = taped(lambda: own(data_of(model, batch)), [place.variable for place in places], positions=layer_positions(model))
        result = run(before, rng=state.key)
        for place, old, new in zip(places, before, result.values):
            state = state if new is old else with_value(state, place, new)
        if name != "predict_step":
            if not isinstance(result.output, dict):
                raise TypeError(_NO_LOGS.format(cls=type(model).__name__, name=name, given=describe(result.output)))
            state = state._replace(iteration=state.iteration + 1, position=state.position + 1)
        return state, result.output

    return step


def data_of(model: Steps, batch: Batch) -> Any:
    """A batch as Keras passes it to a step: as short a tuple as there are parts, or what a data set yields."""
    x, y, sample_weight = batch
    if y is None and sample_weight is None:
        return x if model._trainer.bare_inputs else (x,)
    return (x, y) if sample_weight is None else (x, y, sample_weight)

"""The forms in which a class may write a step, told apart by its signature.

| signature | form |
|---|---|
| `train_step(self, state, batch) -> (state, logs)` | the library's own: pure in `TrainState` |
| `train_step(self, data) -> logs` | TensorFlow's: changes Variables, uses a gradient tape (`tape_step.py`) |

The same holds for `test_step` and `predict_step`. Programs know the first form alone.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable

from jkeras._base.types import Tree
from jkeras.training.state import TrainState
from jkeras.training.steps import Steps
from jkeras.training.tape_step import taped_step

Step = Callable[..., tuple[TrainState, Tree]]


def is_taped(model: Steps, name: str = "train_step") -> bool:
    """Whether a step is in TensorFlow's form."""
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    parameters = inspect.signature(getattr(model, name)).parameters.values()
    return len([p for p in parameters if p.kind in positional and p.default is p.empty]) == 1


def step_of(model: Steps, name: str) -> Step:
    """A step of a model in the library's own form.

    Args:
        model: the step is one of.
        name: `"train_step"`, `"test_step"` or `"predict_step"`.
    """
    return taped_step(model, name) if is_taped(model, name) else getattr(model, name)

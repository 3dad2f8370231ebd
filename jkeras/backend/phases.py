"""The learning phase: whether layers train unless told otherwise, and what depends on it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from jkeras._base.types import Tree
from jkeras.graph.keras_tensor import is_symbolic
from jkeras.ops.wrapper import symbolic
from jkeras.state.scope import current


class LearningPhase(int):
    """The current phase, 0 or 1; among the inputs of `K.function` it stands for the phase of a call."""


def learning_phase() -> LearningPhase:
    """1 while a layer trains or after `set_learning_phase(1)`, else 0."""
    return LearningPhase(bool(current().training))


def set_learning_phase(value: int) -> None:
    """Set what `model(x)` and `K.function` do if not told whether to train; `fit` and `predict` know anyway.

    Args:
        value: 0 or 1.

    Raises:
        ValueError: another value.

    Example:
        >>> set_learning_phase(1)
        >>> learning_phase()
        1
        >>> set_learning_phase(0)
    """
    if value not in (0, 1):
        raise ValueError(f"The learning phase is 0 or 1. Received: {value!r}.")
    current().training = bool(value)


@contextlib.contextmanager
def learning_phase_scope(value: int) -> Iterator[None]:
    """Within it, the learning phase is `value`."""
    before = current().training
    set_learning_phase(value)
    try:
        yield
    finally:
        current().training = before


def _by_phase(x: Tree, alt: Tree) -> Tree:
    return x if current().training else alt


_node = symbolic(_by_phase, "in_train_phase", module=__name__)


def in_train_phase(x: Tree, alt: Tree, training: int | None = None) -> Tree:
    """`x` while training, else `alt`.

    Args:
        x, alt: values, or functions without arguments that return them; between symbolic tensors the running model chooses.
        training: 0, 1, or None for the learning phase.

    Example:
        >>> in_train_phase(lambda: "noisy", lambda: "clean", training=0)
        'clean'
    """
    if training is None:
        first, second = (v() if callable(v) and current().training is None else v for v in (x, alt))
        if is_symbolic(first) or is_symbolic(second):
            return _node(first, second)
    chosen = x if (current().training if training is None else training) else alt
    return chosen() if callable(chosen) else chosen


def in_test_phase(x: Tree, alt: Tree, training: int | None = None) -> Tree:
    """`alt` while training, else `x`; arguments as for `in_train_phase`."""
    return in_train_phase(alt, x, training)

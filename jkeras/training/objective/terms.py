"""`Term`: a loss, what it compares, and its weight in the total."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import NamedTuple

import jax
import numpy as np

from jkeras import losses
from jkeras._base.errors import describe
from jkeras._base.types import Tree
from jkeras.training.objective.outputs import Entry, Outputs


class Term(NamedTuple):
    """A loss and what it compares.

    Attributes:
        name: as in logs, where there are several.
        loss: the function with its reduction.
        outputs: the number of an output, or a structure of numbers, whose outputs it takes as one.
        weight: in the total.
    """

    name: str
    loss: losses.Loss
    outputs: Tree
    weight: float

    def of(self, parts: Sequence[Tree]) -> Tree:
        """What the loss takes of something that there is one of for each output."""
        return jax.tree.map(lambda number: parts[number], self.outputs)

    def one_weight(self, weights: Sequence[Tree]) -> Tree:
        """The sample weights of the loss.

        Raises:
            ValueError: it compares several outputs, and they have different ones.
        """
        first, *others = jax.tree.leaves(self.of(weights), is_leaf=lambda weight: weight is None)
        if any(weight is not first for weight in others):
            name = name_of(self.loss)
            raise ValueError(f"The loss {name} compares several outputs. Give one array of sample weights for all of them.")
        return first


def make_terms(
    loss: object, loss_weights: object, outputs: Outputs, targets: Sequence[Tree], predictions: Sequence[Tree]
) -> list[Term]:
    """The losses of a compiled model with their weights.

    Args:
        loss, loss_weights: as given to `compile`.
        outputs: of the model.
        targets, predictions: specs for each output.

    Raises:
        ValueError: another structure than that of the outputs, or weights of another one than the losses; or a loss of arrays in
            the place of a structure.
    """
    entries = entries_for("loss", loss, outputs)
    scales = entries_for("loss_weights", loss_weights, outputs)
    if [entry.numbers for entry in scales] == [entry.numbers for entry in entries]:
        weights = [entry.given for entry in scales]
    elif scales and not all(isinstance(entry.numbers, int) for entry in (*entries, *scales)):
        raise ValueError(
            f"Where a loss compares several outputs, loss_weights has the structure of the loss, {describe(loss)}. Received: "
            f"{describe(loss_weights)}."
        )
    else:
        by_output = {entry.numbers: entry.given for entry in scales}
        weights = [by_output.get(entry.numbers) for entry in entries] if scales else [None] * len(entries)
    terms: list[Term] = []
    for entry, weight in zip(entries, weights):
        term = Term("", entry.given, entry.numbers, 1.0 if weight is None else weight)
        fn = losses.resolve(entry.given, term.of(targets), term.of(predictions))
        if not isinstance(term.outputs, int) and losses.takes_arrays_alone(fn):
            raise outputs.misfit("loss", loss)
        if fn is not None:
            name = f"{entry.name}{fn.name}" if entry.name.endswith("/") or not entry.name else entry.name
            name = free_name(f"{name}_loss", {term.name for term in terms})
            terms.append(term._replace(name=name, loss=fn))
    return terms


def entries_for(what: str, value: object, outputs: Outputs) -> list[Entry]:
    """Entries in the order of the logs: anything but a list or dict is for each output."""
    if value is None:
        return []
    if isinstance(value, np.ndarray) and value.ndim:
        value = value.tolist()
    if not isinstance(value, (list, tuple, dict)):
        value = [value] * len(outputs)
    return outputs.entries(what, value)


def free_name(name: str, used: Container[str]) -> str:
    """The name, with a number where it is used."""
    candidate, n = name, 0
    while candidate in used:
        n += 1
        candidate = f"{name}_{n}"
    return candidate


def name_of(loss: object) -> str | None:
    """How to call a loss in errors; None for None."""
    return None if loss is None else getattr(loss, "name", None) or getattr(loss, "__name__", describe(loss))
